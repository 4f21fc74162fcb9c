//! The patches a client may send, applied to JSON values. Server-side apply is in `fields`.

use super::status::{self, Refusal};
use serde_json::{Map, Value};

/// RFC 6902. A missing path or a missed `test` is refused with 422 and nothing is changed.
///
/// # Errors
/// 400 when the body is no patch, 422 when it does not fit the object.
pub fn json_patch(target: &mut Value, body: &Value) -> Result<(), Refusal> {
    let patch: json_patch::Patch =
        serde_json::from_value(body.clone()).map_err(|e| status::bad_request(format!("error decoding patch: {e}")))?;
    json_patch::patch(target, &patch).map_err(|_| status::patch_rejected())
}

/// RFC 7386.
pub fn merge(target: &mut Value, patch: &Value) {
    json_patch::merge(target, patch);
}

/// The merge key of a list field in the built-in types, by the field's name and the path it stands in.
/// Lists without one are replaced whole.
pub fn merge_key(field: &str, path: &[String]) -> Option<&'static str> {
    let in_container = path.iter().any(|p| p == "containers" || p == "initContainers");
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "conditions" => "type",
        "ownerReferences" => "uid",
        "hostAliases" | "podIPs" => "ip",
        "ports" if in_container => "containerPort",
        "ports" if path.first().is_some_and(|p| p == "spec") => "port",
        _ => return None,
    })
}

/// Kubernetes' strategic merge: maps merge, lists with a merge key merge by it, other lists are replaced;
/// `$patch`, `$retainKeys` and `$deleteFromPrimitiveList/…` are obeyed, `$setElementOrder/…` keeps no order here.
pub fn strategic(target: &mut Value, patch: &Value) {
    strategic_at(target, patch, &mut Vec::new());
}

fn strategic_at(target: &mut Value, patch: &Value, path: &mut Vec<String>) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = without_directives(patch);
            return;
        }
        Some("delete") => {
            *target = Value::Null;
            return;
        }
        _ => {}
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    if let Some(keep) = changes.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|k, _| keep.iter().any(|x| x == k));
    }
    for (field, value) in changes {
        if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(items), Some(gone)) = (map.get_mut(list).and_then(Value::as_array_mut), value.as_array()) {
                items.retain(|x| !gone.contains(x));
            }
        } else if field.starts_with('$') {
        } else if value.is_null() {
            map.remove(field);
        } else {
            merge_field(map, field, value, path);
        }
    }
}

fn merge_field(map: &mut Map<String, Value>, field: &str, value: &Value, path: &mut Vec<String>) {
    match value {
        Value::Object(_) => {
            path.push(field.to_string());
            let slot = map.entry(field).or_insert(Value::Null);
            strategic_at(slot, value, path);
            let gone = slot.is_null();
            path.pop();
            if gone {
                map.remove(field);
            }
        }
        Value::Array(items) => match merge_key(field, path) {
            Some(key) => {
                path.push(field.to_string());
                let slot = map.entry(field).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(slot, items, key, path);
                path.pop();
            }
            None if field == "finalizers" => {
                let slot = map.entry(field).or_insert_with(|| Value::Array(Vec::new()));
                if let Some(have) = slot.as_array_mut() {
                    for item in items {
                        if !have.contains(item) {
                            have.push(item.clone());
                        }
                    }
                }
            }
            None => {
                map.insert(field.to_string(), without_directives(value));
            }
        },
        other => {
            map.insert(field.to_string(), other.clone());
        }
    }
}

fn merge_list(target: &mut Value, items: &[Value], key: &str, path: &mut Vec<String>) {
    let replace = items.iter().any(|i| i.get("$patch").and_then(Value::as_str) == Some("replace"));
    if replace || !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(have) = target.as_array_mut() else {
        return;
    };
    for item in items {
        let at = have.iter().position(|h| h.get(key) == item.get(key));
        match (item.get("$patch").and_then(Value::as_str), at) {
            (Some("replace"), _) => {}
            (Some("delete"), Some(i)) => {
                have.remove(i);
            }
            (Some("delete"), None) => {}
            (_, Some(i)) => strategic_at(&mut have[i], item, path),
            (_, None) => have.push(without_directives(item)),
        }
    }
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(m) => Value::Object(
            m.iter()
                .filter(|(k, v)| !k.starts_with('$') && !v.is_null())
                .map(|(k, v)| (k.clone(), without_directives(v)))
                .collect(),
        ),
        Value::Array(a) => Value::Array(a.iter().map(without_directives).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_merge_by_name_and_ports_by_number() {
        let mut d = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": "a:1", "ports": [{"containerPort": 8080, "name": "http"}]},
            {"name": "side", "image": "s:1"}]}}}});
        strategic(
            &mut d,
            &json!({"spec": {"template": {"spec": {
                "$setElementOrder/containers": [{"name": "app"}],
                "containers": [{"name": "app", "image": "a:2", "ports": [{"containerPort": 8080, "protocol": "TCP"}]},
                               {"name": "side", "$patch": "delete"}]}}}}),
        );
        assert_eq!(
            d["spec"]["template"]["spec"],
            json!({"containers": [{"name": "app", "image": "a:2",
                "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}]}]})
        );
    }

    #[test]
    fn retain_keys_and_replace_and_null() {
        let mut d = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "paused": true,
            "selector": {"a": "b"}, "list": [1, 2]}});
        strategic(
            &mut d,
            &json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}, "paused": null,
                "selector": {"$patch": "replace", "c": "d"}, "list": [3]}}),
        );
        assert_eq!(d, json!({"spec": {"strategy": {"type": "Recreate"}, "selector": {"c": "d"}, "list": [3]}}));
    }

    #[test]
    fn a_missed_test_changes_nothing() {
        let mut d = json!({"a": 1, "b": 2});
        let before = d.clone();
        let r = json_patch(
            &mut d,
            &json!([{"op": "replace", "path": "/a", "value": 5}, {"op": "test", "path": "/b", "value": 3}]),
        );
        assert_eq!(r.unwrap_err().code, 422);
        assert_eq!(d, before);
    }
}
