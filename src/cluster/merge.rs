//! Strategic merge, for a pod template that does not exist yet and so cannot be patched by the server.
//!
//! Rules of the API's own patch: maps merge, `null` deletes, lists of named things merge by their key, other lists are
//! replaced; `$patch: delete` and `$patch: replace` inside a list element or map do what they say.
use serde_json::{Map, Value};

/// Key by which the elements of a pod template's list merge; `None`: the list is replaced as a whole. The same names
/// that the API's types carry as `patchMergeKey`.
fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates" => Some("name"),
        "ports" => Some("containerPort"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

/// Merges `patch` into `target`.
pub fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = Value::Object(without_directives(changes));
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(into) = target else { return };
    for (field, change) in changes {
        if field.starts_with('$') {
            continue;
        }
        match (change, merge_key(field)) {
            (Value::Null, _) => {
                into.remove(field);
            }
            (Value::Array(elements), Some(key)) => {
                let list = into.entry(field.clone()).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list, elements, key);
            }
            (Value::Object(_), _) => strategic(into.entry(field.clone()).or_insert(Value::Null), change),
            _ => {
                into.insert(field.clone(), change.clone());
            }
        }
    }
}

fn merge_list(list: &mut Value, elements: &[Value], key: &str) {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Value::Array(into) = list else { return };
    if elements.iter().any(|e| directive(e) == Some("replace") && e.get(key).is_none()) {
        into.clear();
    }
    for element in elements {
        let Some(id) = element.get(key) else { continue };
        let place = into.iter().position(|have| have.get(key) == Some(id));
        match (place, directive(element)) {
            (Some(at), Some("delete")) => {
                into.remove(at);
            }
            (None, Some("delete")) => {}
            (Some(at), _) => strategic(&mut into[at], element),
            (None, _) => {
                let mut fresh = Value::Object(Map::new());
                strategic(&mut fresh, element);
                into.push(fresh);
            }
        }
    }
}

fn directive(element: &Value) -> Option<&str> {
    element.get("$patch").and_then(Value::as_str)
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(key, _)| !key.starts_with('$')).map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_named_things_merge_and_others_are_replaced() {
        let mut template = json!({"spec": {
            "containers": [
                {"name": "app", "image": "a:1", "args": ["x"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "sidecar", "image": "s:1"}],
            "tolerations": [{"key": "old"}],
            "nodeSelector": {"disk": "ssd", "zone": "a"}}});
        strategic(
            &mut template,
            &json!({"spec": {
                "containers": [{"name": "app", "args": ["y"], "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}, {"name": "A", "$patch": "delete"}]},
                               {"name": "late", "image": "l:1"}],
                "tolerations": [{"key": "new"}],
                "nodeSelector": {"zone": null}}}),
        );
        assert_eq!(
            template,
            json!({"spec": {
                "containers": [
                    {"name": "app", "image": "a:1", "args": ["y"], "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
                    {"name": "sidecar", "image": "s:1"},
                    {"name": "late", "image": "l:1"}],
                "tolerations": [{"key": "new"}],
                "nodeSelector": {"disk": "ssd"}}})
        );
    }

    #[test]
    fn a_list_or_map_can_be_replaced_whole() {
        let mut template = json!({"volumes": [{"name": "a"}], "securityContext": {"fsGroup": 1}});
        strategic(
            &mut template,
            &json!({"volumes": [{"$patch": "replace"}, {"name": "b"}], "securityContext": {"$patch": "replace", "runAsUser": 2}}),
        );
        assert_eq!(template, json!({"volumes": [{"name": "b"}], "securityContext": {"runAsUser": 2}}));
    }
}
