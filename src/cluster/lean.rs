//! What of an object is kept. A pod is ten to twenty kilobytes of JSON and several times that in memory; of hundreds of
//! them only a few fields are ever looked at.
use serde_json::{Map, Value, json};

use super::http_route::rules_writer;
use super::json::{OWNER_PREFIX, list, text};
use super::match_rules::TENANTS_PREFIX;
use super::wire::Kind;

/// How an object is cut down as soon as it was read.
pub type Cut = fn(Kind, Value) -> Value;

/// As it came.
pub fn whole(_: Kind, object: Value) -> Value {
    object
}

/// What observations are made from.
pub fn watched(kind: Kind, mut object: Value) -> Value {
    let writer = if kind == Kind::HttpRoutes { rules_writer(&object) } else { None };
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(manager) = writer {
            metadata
                .insert("managedFields".into(), json!([{"manager": manager, "fieldsV1": {"f:spec": {"f:rules": {}}}}]));
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| key.starts_with(OWNER_PREFIX) || key.starts_with(TENANTS_PREFIX));
        }
    }
    match kind {
        Kind::Pods => return pod(&object),
        Kind::Deployments => {
            let containers: Vec<Value> = list(&object, "/spec/template/spec/containers")
                .iter()
                .map(|c| json!({"name": c.get("name"), "image": c.get("image")}))
                .collect();
            if let Some(spec) = object.pointer_mut("/spec/template/spec") {
                *spec = json!({"containers": containers});
            }
        }
        _ => {}
    }
    object
}

/// What the look before a start needs.
pub fn looked_at(kind: Kind, object: Value) -> Value {
    match kind {
        Kind::Pods => pod(&object),
        Kind::ReplicaSets => {
            let metadata = fields(object.get("metadata"), &["name", "ownerReferences"]);
            json!({"metadata": metadata, "spec": fields(object.get("spec"), &["selector"])})
        }
        _ => managers_only(object),
    }
}

/// Who wrote to an object matters; which fields, a third of it all, does not.
fn managers_only(mut object: Value) -> Value {
    if let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        entries.iter_mut().for_each(|entry| *entry = Value::Object(fields(Some(entry), &["manager"])));
    }
    object
}

/// Each object costs a node of its own, however little is in it: what says nothing is left out.
fn pod(pod: &Value) -> Value {
    let kept = ["name", "uid", "resourceVersion", "labels", "annotations", "ownerReferences", "deletionTimestamp"];
    let mut metadata = fields(pod.get("metadata"), &kept);
    metadata.retain(|key, value| key != "annotations" || value.as_object().is_some_and(|a| !a.is_empty()));
    let mut status = fields(pod.get("status"), &["phase", "startTime"]);
    let ready = list(pod, "/status/conditions").iter().filter(|c| text(c, "/type") == Some("Ready"));
    let ready: Vec<Value> = ready.map(|c| Value::Object(fields(Some(c), &["type", "status"]))).collect();
    status.insert("conditions".into(), ready.into());
    for at in ["initContainerStatuses", "containerStatuses"] {
        let statuses: Vec<Value> = list(pod, &format!("/status/{at}")).iter().map(container_status).collect();
        if !statuses.is_empty() {
            status.insert(at.into(), statuses.into());
        }
    }
    json!({"metadata": metadata, "status": status})
}

fn container_status(status: &Value) -> Value {
    let mut kept = fields(Some(status), &["name", "imageID", "restartCount"]);
    if let Some(reason) = status.pointer("/state/waiting/reason") {
        kept.insert("state".into(), json!({"waiting": {"reason": reason}}));
    }
    Value::Object(kept)
}

fn fields(object: Option<&Value>, names: &[&str]) -> Map<String, Value> {
    let Some(Value::Object(object)) = object else { return Map::new() };
    names.iter().filter_map(|n| Some(((*n).to_string(), object.get(*n)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pod_what_is_observed_is_kept() {
        let big = "x".repeat(1000);
        let object = json!({
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "7", "managedFields": [big], "labels": {"app": "p"},
                "annotations": {"owner.pilothouse.dev/billing": "7f3a/1/2", "big": big},
                "ownerReferences": [{"kind": "ReplicaSet"}]},
            "spec": {"containers": [{"name": "app", "command": [big]}]},
            "status": {"phase": "Running", "startTime": "2026-11-22T02:00:00Z", "podIPs": [big],
                "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True", "message": big}],
                "containerStatuses": [{"name": "app", "restartCount": 2, "imageID": "i", "resources": big,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        let kept = watched(Kind::Pods, object.clone());
        assert_eq!(
            kept,
            json!({
                "metadata": {"name": "p", "uid": "u", "resourceVersion": "7", "labels": {"app": "p"},
                    "annotations": {"owner.pilothouse.dev/billing": "7f3a/1/2"}, "ownerReferences": [{"kind": "ReplicaSet"}]},
                "status": {"phase": "Running", "startTime": "2026-11-22T02:00:00Z",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [{"name": "app", "restartCount": 2, "imageID": "i",
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}})
        );
        assert_eq!(kept["status"], looked_at(Kind::Pods, object)["status"]);
    }

    #[test]
    fn who_wrote_is_kept() {
        let entry = |fields: Value| json!({"manager": "argocd-controller", "fieldsV1": fields});
        let service = json!({"metadata": {"name": "s", "managedFields": [entry(json!({"f:spec": {}}))]}, "spec": {}});
        let kept = json!({"metadata": {"name": "s", "managedFields": [{"manager": "argocd-controller"}]}, "spec": {}});
        assert_eq!(looked_at(Kind::Services, service), kept);
    }

    #[test]
    fn of_a_replica_set_its_selector_is_kept() {
        let set = json!({"metadata": {"name": "r", "labels": {}, "ownerReferences": [{"name": "d"}]},
            "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": {}}, "status": {}});
        assert_eq!(
            looked_at(Kind::ReplicaSets, set),
            json!({"metadata": {"name": "r", "ownerReferences": [{"name": "d"}]},
                "spec": {"selector": {"matchLabels": {"app": "d"}}}})
        );
    }
}
