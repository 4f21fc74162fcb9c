//! Who owns which field: `managedFields` kept on every write, and server-side apply with its conflicts.
//!
//! Paths are the elements of `fieldsV1`: `f:name`, `k:{…}` for an item of a list merged by key, `v:…` for an
//! item of a set, `.` for an item or map as such. Lists the built-in types merge by key are known by name;
//! every other list, and the maps named selector, are owned whole.

use super::status::{self, Refusal};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub type Path = Vec<String>;
type Owned = BTreeSet<Path>;

/// Who writes, by which way.
#[derive(Clone, Debug, PartialEq)]
pub struct Writer {
    pub manager: String,
    /// `status` or `scale`; empty for the main resource.
    pub subresource: String,
    pub api_version: String,
    /// RFC 3339.
    pub time: String,
}

const SYSTEM: [&str; 12] = [
    "managedFields",
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generateName",
    "finalizers",
];

/// The keys of an item in a list merged by key, by the list's name and where it stands.
fn list_keys(field: &str, path: &[String]) -> Option<&'static [&'static str]> {
    let inside = |name: &str| path.iter().any(|p| p == name);
    Some(match field {
        "f:containers" | "f:initContainers" | "f:env" | "f:volumes" | "f:imagePullSecrets" => &["name"],
        "f:volumeMounts" => &["mountPath"],
        "f:conditions" if inside("f:status") && !inside("f:parents") => &["type"],
        "f:ownerReferences" => &["uid"],
        "f:ports" if inside("f:containers") => &["containerPort", "protocol"],
        "f:ports" if path.len() == 1 && inside("f:spec") => &["port", "protocol"],
        _ => return None,
    })
}

fn is_atomic_map(field: &str) -> bool {
    matches!(field, "f:selector" | "f:nodeSelector")
}

/// Every owned leaf of an object with its value.
fn leaves(object: &Value) -> BTreeMap<Path, Value> {
    let mut out = BTreeMap::new();
    for (k, v) in object.as_object().into_iter().flatten() {
        match k.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (k, v) in v.as_object().into_iter().flatten() {
                    if !SYSTEM.contains(&k.as_str()) {
                        walk(&mut vec!["f:metadata".into()], &format!("f:{k}"), v, &mut out);
                    }
                }
            }
            _ => walk(&mut Vec::new(), &format!("f:{k}"), v, &mut out),
        }
    }
    out
}

fn walk(path: &mut Path, element: &str, value: &Value, out: &mut BTreeMap<Path, Value>) {
    let keys = list_keys(element, path);
    path.push(element.to_string());
    match (value, keys) {
        (Value::Object(m), _) if !m.is_empty() && !is_atomic_map(element) => {
            for (k, v) in m {
                walk(path, &format!("f:{k}"), v, out);
            }
        }
        (Value::Array(items), Some(keys)) if !items.is_empty() => {
            for item in items {
                let id: Map<String, Value> =
                    keys.iter().filter_map(|k| item.get(*k).map(|v| ((*k).to_string(), v.clone()))).collect();
                path.push(format!("k:{}", Value::Object(id)));
                path.push(".".into());
                out.insert(path.clone(), Value::Null);
                path.pop();
                for (k, v) in item.as_object().into_iter().flatten() {
                    walk(path, &format!("f:{k}"), v, out);
                }
                path.pop();
            }
        }
        _ => {
            out.insert(path.clone(), value.clone());
        }
    }
    path.pop();
}

fn to_tree(owned: &Owned) -> Value {
    let mut root = Value::Object(Map::new());
    for path in owned {
        let mut at = &mut root;
        for element in path {
            let Some(map) = at.as_object_mut() else { break };
            at = map.entry(element.clone()).or_insert_with(|| json!({}));
        }
    }
    root
}

fn from_tree(tree: &Value) -> Owned {
    fn go(at: &Value, path: &mut Path, out: &mut Owned) {
        match at.as_object() {
            Some(m) if !m.is_empty() => {
                for (k, v) in m {
                    path.push(k.clone());
                    go(v, path, out);
                    path.pop();
                }
            }
            _ => {
                if !path.is_empty() {
                    out.insert(path.clone());
                }
            }
        }
    }
    let mut out = Owned::new();
    go(tree, &mut Vec::new(), &mut out);
    out
}

#[derive(Clone, Debug)]
struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    api_version: String,
    time: String,
    owned: Owned,
}

impl Entry {
    fn is(&self, writer: &Writer, operation: &str) -> bool {
        self.manager == writer.manager && self.operation == operation && self.subresource == writer.subresource
    }

    fn words(&self) -> String {
        let sub = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource \"{}\"", self.subresource)
        };
        format!("\"{}\"{sub} using {}", self.manager, self.api_version)
    }
}

fn entries(object: &Value) -> Vec<Entry> {
    let text = |e: &Value, k: &str| e.get(k).and_then(Value::as_str).unwrap_or_default().to_string();
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|e| Entry {
            manager: text(e, "manager"),
            operation: text(e, "operation"),
            subresource: text(e, "subresource"),
            api_version: text(e, "apiVersion"),
            time: text(e, "time"),
            owned: from_tree(e.get("fieldsV1").unwrap_or(&Value::Null)),
        })
        .collect()
}

fn store_entries(object: &mut Value, mut list: Vec<Entry>) {
    list.retain(|e| !e.owned.is_empty());
    list.sort_by(|a, b| {
        (&a.operation, &a.time, &a.manager, &a.subresource).cmp(&(&b.operation, &b.time, &b.manager, &b.subresource))
    });
    let values: Vec<Value> = list
        .iter()
        .map(|e| {
            let mut v = json!({"manager": e.manager, "operation": e.operation, "apiVersion": e.api_version,
                "time": e.time, "fieldsType": "FieldsV1", "fieldsV1": to_tree(&e.owned)});
            if !e.subresource.is_empty() {
                v["subresource"] = json!(e.subresource);
            }
            v
        })
        .collect();
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("managedFields".into(), Value::Array(values));
    }
}

/// Records an ordinary write: what changed is now the writer's, and nobody else's.
pub fn record_update(old: Option<&Value>, new: &mut Value, writer: &Writer) {
    let before = old.map(leaves).unwrap_or_default();
    let after = leaves(new);
    let changed: Owned = after.iter().filter(|(p, v)| before.get(*p) != Some(*v)).map(|(p, _)| p.clone()).collect();
    let removed: Owned = before.keys().filter(|p| !after.contains_key(*p)).cloned().collect();
    let mut list = entries(old.unwrap_or(&Value::Null));
    for e in &mut list {
        e.owned.retain(|p| !removed.contains(p));
        if !e.is(writer, "Update") {
            e.owned.retain(|p| !changed.contains(p));
        }
    }
    own(&mut list, writer, "Update", changed);
    store_entries(new, list);
}

fn own(list: &mut Vec<Entry>, writer: &Writer, operation: &str, more: Owned) {
    if more.is_empty() {
        return;
    }
    match list.iter_mut().find(|e| e.is(writer, operation)) {
        Some(e) => {
            e.owned.extend(more);
            e.time.clone_from(&writer.time);
        }
        None => list.push(Entry {
            manager: writer.manager.clone(),
            operation: operation.into(),
            subresource: writer.subresource.clone(),
            api_version: writer.api_version.clone(),
            time: writer.time.clone(),
            owned: more,
        }),
    }
}

/// `.spec.template.spec.containers[name="app"].image`
fn dotted(path: &Path) -> String {
    let mut out = String::new();
    for element in path {
        if let Some(f) = element.strip_prefix("f:") {
            out.push('.');
            out.push_str(f);
        } else if let Some(k) = element.strip_prefix("k:") {
            let id: Value = serde_json::from_str(k).unwrap_or(Value::Null);
            let parts: Vec<String> = id.as_object().into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
            out.push_str(&format!("[{}]", parts.join(",")));
        }
    }
    out
}

/// Server-side apply of `config` onto `live` (or onto nothing): the merged object, ownership recorded.
///
/// # Errors
/// 409 naming every field whose live value differs and belongs to another manager, unless `force`.
pub fn apply(live: Option<&Value>, config: &Value, writer: &Writer, force: bool) -> Result<Value, Refusal> {
    let wanted = leaves(config);
    let Some(live) = live else {
        let mut new = config.clone();
        let mut list = Vec::new();
        own(&mut list, writer, "Apply", wanted.into_keys().collect());
        store_entries(&mut new, list);
        return Ok(new);
    };
    let current = leaves(live);
    let mut list = entries(live);
    let differs =
        |p: &Path| p.last().is_some_and(|e| e != ".") && current.get(p).is_some_and(|v| wanted.get(p) != Some(v));
    let conflicts: Vec<(String, String)> = list
        .iter()
        .filter(|e| !e.is(writer, "Apply"))
        .flat_map(|e| e.owned.iter().filter(|p| wanted.contains_key(*p) && differs(p)).map(|p| (e.words(), dotted(p))))
        .collect();
    if !conflicts.is_empty() && !force {
        return Err(status::apply_conflict(&conflicts));
    }
    let mut new = live.clone();
    merge_applied(&mut new, config, &mut Vec::new());
    let mine: Owned = list.iter().find(|e| e.is(writer, "Apply")).map(|e| e.owned.clone()).unwrap_or_default();
    for gone in mine.iter().filter(|p| !wanted.contains_key(*p)) {
        let shared = list.iter().any(|e| !e.is(writer, "Apply") && e.owned.contains(gone));
        if !shared {
            remove_at(&mut new, gone);
        }
    }
    for e in &mut list {
        if e.is(writer, "Apply") {
            e.owned.clear();
        } else {
            e.owned.retain(|p| !(wanted.contains_key(p) && differs(p)));
        }
    }
    own(&mut list, writer, "Apply", wanted.keys().cloned().collect());
    store_entries(&mut new, list);
    Ok(new)
}

fn merge_applied(target: &mut Value, config: &Value, path: &mut Path) {
    let (Some(have), Some(want)) = (target.as_object_mut(), config.as_object()) else {
        *target = config.clone();
        return;
    };
    for (k, v) in want {
        if path.first().is_some_and(|p| p == "f:metadata") && path.len() == 1 && SYSTEM.contains(&k.as_str()) {
            continue;
        }
        let element = format!("f:{k}");
        match (v, list_keys(&element, path)) {
            (Value::Object(_), _) if !is_atomic_map(&element) => {
                path.push(element);
                let slot = have.entry(k.clone()).or_insert_with(|| json!({}));
                merge_applied(slot, v, path);
                path.pop();
            }
            (Value::Array(items), Some(keys)) => {
                path.push(element);
                let slot = have.entry(k.clone()).or_insert_with(|| json!([]));
                for item in items {
                    let same = |h: &Value| {
                        keys.iter().all(|k| h.get(*k) == item.get(*k) || (*k == "protocol" && item.get(*k).is_none()))
                    };
                    let Some(list) = slot.as_array_mut() else {
                        break;
                    };
                    match list.iter().position(same) {
                        Some(i) => merge_applied(&mut list[i], item, path),
                        None => list.push(item.clone()),
                    }
                }
                path.pop();
            }
            _ => {
                have.insert(k.clone(), v.clone());
            }
        }
    }
}

fn remove_at(object: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if let Some(field) = first.strip_prefix("f:") {
        if rest.is_empty() {
            if let Some(m) = object.as_object_mut() {
                m.remove(field);
            }
        } else if let Some(next) = object.get_mut(field) {
            remove_at(next, rest);
        }
    } else if let Some(key) = first.strip_prefix("k:") {
        let id: Value = serde_json::from_str(key).unwrap_or(Value::Null);
        let same = |h: &Value| id.as_object().is_some_and(|m| m.iter().all(|(k, v)| h.get(k) == Some(v)));
        if let Some(list) = object.as_array_mut()
            && let Some(i) = list.iter().position(same)
        {
            if rest.first().is_some_and(|e| e == ".") {
                list.remove(i);
            } else {
                remove_at(&mut list[i], rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(manager: &str, subresource: &str) -> Writer {
        Writer {
            manager: manager.into(),
            subresource: subresource.into(),
            api_version: "apps/v1".into(),
            time: "2026-11-22T08:44:03Z".into(),
        }
    }

    fn deployment(replicas: i64, image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "billing", "labels": {"app": "billing"}},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
    }

    #[test]
    fn a_scaled_field_changes_hands_and_a_later_apply_conflicts_naming_the_manager() {
        let mut one = deployment(3, "a:1");
        record_update(None, &mut one, &writer("kubectl-client-side-apply", ""));
        let mut two = one.clone();
        two["spec"]["replicas"] = json!(4);
        record_update(Some(&one), &mut two, &writer("kubectl", "scale"));
        let refused = apply(Some(&two), &deployment(7, "a:1"), &writer("tui", ""), false).unwrap_err();
        assert_eq!(
            refused.body["message"],
            "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas"
        );
        assert_eq!(refused.code, 409);
        let forced = apply(Some(&two), &deployment(7, "a:1"), &writer("tui", ""), true).expect("forced");
        assert_eq!(forced["spec"]["replicas"], 7);
        let managers: Vec<&str> = forced["metadata"]["managedFields"]
            .as_array()
            .expect("list")
            .iter()
            .map(|e| e["manager"].as_str().expect("name"))
            .collect();
        assert_eq!(managers, ["tui", "kubectl-client-side-apply"]);
    }

    #[test]
    fn an_image_conflict_is_named_down_to_the_container() {
        let mut one = deployment(3, "a:1");
        record_update(None, &mut one, &writer("helm", ""));
        let refused = apply(Some(&one), &deployment(3, "a:2"), &writer("tui", ""), false).unwrap_err();
        assert_eq!(refused.body["details"]["causes"][0]["field"], ".spec.template.spec.containers[name=\"app\"].image");
    }

    #[test]
    fn equal_values_are_co_owned_and_dropped_fields_go() {
        let w = writer("tui", "");
        let first = apply(None, &deployment(3, "a:1"), &w, false).expect("created");
        let mut config = deployment(3, "a:1");
        config["metadata"]["labels"] = json!({});
        let second = apply(Some(&first), &config, &w, false).expect("applied");
        assert_eq!(second["metadata"]["labels"], json!({}));
        let third = apply(Some(&second), &deployment(3, "a:1"), &writer("other", ""), false).expect("co-owned");
        assert_eq!(third["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
    }
}
