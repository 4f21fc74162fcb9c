//! `fieldValidation=Strict`: fields that no type of this API has, by reading an object as its type and writing it back.

use super::kinds::Kind;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Paths of the fields that `o` has and its type has not. None for a kind whose type is not known here, and for an
/// object that does not read as its type at all.
pub fn unknown(kind: &Kind, o: &Value) -> Vec<String> {
    let mut whole = o.clone();
    whole["apiVersion"] = json!(kind.api_version());
    whole["kind"] = json!(kind.kind);
    let known = match kind.plural {
        "deployments" => reread::<Deployment>(&whole),
        "replicasets" => reread::<ReplicaSet>(&whole),
        "pods" => reread::<Pod>(&whole),
        "services" => reread::<Service>(&whole),
        "httproutes" => Some(known_of_route(&whole)),
        _ => None,
    };
    let mut out = Vec::new();
    if let Some(known) = known {
        differ(&whole, &known, "", &mut out);
    }
    out
}

fn reread<T: DeserializeOwned + Serialize>(o: &Value) -> Option<Value> {
    serde_json::to_value(serde_json::from_value::<T>(o.clone()).ok()?).ok()
}

fn differ(have: &Value, known: &Value, at: &str, out: &mut Vec<String>) {
    match (have, known) {
        (Value::Object(have), Value::Object(known)) => {
            for (field, value) in have.iter().filter(|(_, v)| !v.is_null()) {
                let path = if at.is_empty() { field.clone() } else { format!("{at}.{field}") };
                match known.get(field) {
                    Some(known) => differ(value, known, &path, out),
                    None => out.push(path),
                }
            }
        }
        (Value::Array(have), Value::Array(known)) => {
            for (i, (value, known)) in have.iter().zip(known).enumerate() {
                differ(value, known, &format!("{at}[{i}]"), out);
            }
        }
        _ => {}
    }
}

const SPEC: &[&str] = &["parentRefs", "hostnames", "rules", "useDefaultGateways"];
const RULE: &[&str] = &["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"];
const BACKEND: &[&str] = &["group", "kind", "name", "namespace", "port", "weight", "filters"];

/// The route without the fields its definition does not have, down to its backends.
fn known_of_route(o: &Value) -> Value {
    let mut known = o.clone();
    let keep = |v: &mut Value, fields: &[&str]| {
        if let Some(map) = v.as_object_mut() {
            map.retain(|field, _| fields.contains(&field.as_str()));
        }
    };
    keep(&mut known, &["apiVersion", "kind", "metadata", "spec", "status"]);
    let Some(spec) = known.get_mut("spec") else { return known };
    keep(spec, SPEC);
    for rule in spec.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        keep(rule, RULE);
        for backend in rule.get_mut("backendRefs").and_then(Value::as_array_mut).into_iter().flatten() {
            keep(backend, BACKEND);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::of;

    #[test]
    fn a_mistyped_field_is_named_where_it_stands_and_sound_ones_are_not() {
        let sound = json!({"metadata": {"name": "a", "creationTimestamp": null, "labels": {"any.thing/x": "y"}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "app", "image": "i", "resources": {"limits": {"cpu": "1", "x/y": "2"}},
                    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}}}]}}}});
        assert_eq!(unknown(of("deployments"), &sound), Vec::<String>::new());
        let mut wrong = sound.clone();
        wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = json!("x");
        wrong["spec"]["replica"] = json!(2);
        let mut found = unknown(of("deployments"), &wrong);
        found.sort();
        assert_eq!(found, ["spec.replica", "spec.template.spec.containers[0].imagee"]);
        let route = json!({"metadata": {}, "spec": {"rules": [{"backendRefs": [{"name": "a", "wieght": 1}]}]}});
        assert_eq!(unknown(of("httproutes"), &route), ["spec.rules[0].backendRefs[0].wieght"]);
    }
}
