//! The new version beside the old: `<name>-next` made from stable's live objects, and the way back into stable.
//!
//! Pure: from live objects to the exact JSON that is sent.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::{
    SLOT_LABEL, STRATEGY_BEFORE, list, name, number, owner_key, resource_version, strings, text, to_object,
};
use super::merge::strategic;
use super::selector::{map_matches, selector_matches};
use crate::engine::observe::OwnerMark;
use crate::plan::Planned;
use crate::spec::image::is_stored;
use crate::spec::units::Dur;

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Labels that name the version and follow it.
pub const VERSION_LABELS: [&str; 2] = ["version", "app.kubernetes.io/version"];
/// Labels that are taken for the identity of a workload, best first.
const IDENTITY_LABELS: [&str; 5] = ["app.kubernetes.io/name", "app", "k8s-app", "name", "app.kubernetes.io/instance"];
/// Kubernetes' limit for a label's value.
const LABEL_MAX: usize = 63;

/// What `-next` will look like to selectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Identity labels: key to old and new value.
    pub identity: BTreeMap<String, (String, String)>,
    /// Labels of the future pods.
    pub labels: Labels,
    /// What the next Deployment and Service select by.
    pub selector: Labels,
}

/// Chooses the identity labels to rewrite so that neither stable's Deployment nor stable's Service picks the new pods.
///
/// # Errors
/// A text for a person when no label tells the two apart.
pub fn shape(deployment: &Value, service: &Value, version: &str) -> Result<Shape, String> {
    let old = strings(deployment, "/spec/template/metadata/labels");
    let mut labels = old.clone();
    labels.remove("pod-template-hash");
    for key in VERSION_LABELS {
        if let Some(label) = labels.get_mut(key) {
            *label = label_value(version);
        }
    }
    labels.insert(SLOT_LABEL.into(), "next".into());
    let deployment_selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
    let service_selector = strings(service, "/spec/selector");
    let mut identity = BTreeMap::new();
    let mut rewrite = |used: Labels, labels: &mut Labels| -> bool {
        let Some((key, value)) = identity_label(&used) else { return false };
        let fresh = format!("{value}-next");
        labels.insert(key.clone(), fresh.clone());
        identity.insert(key.clone(), (value.clone(), fresh));
        true
    };
    let selected_by = strings(&deployment_selector, "/matchLabels");
    if !rewrite(selected_by, &mut labels) || selector_matches(&deployment_selector, &labels) {
        return Err(format!(
            "the selector of deployment {} leaves no label by which new pods could be told from old ones",
            name(deployment)
        ));
    }
    if map_matches(&service_selector, &labels) {
        rewrite(service_selector.clone(), &mut labels);
    }
    if map_matches(&service_selector, &labels) {
        return Err(format!("service {} would select the new pods as well", name(service)));
    }
    if let Some((key, (_, value))) = identity.iter().find(|(_, (_, new))| new.len() > LABEL_MAX) {
        return Err(format!("label {key}={value} would be longer than {LABEL_MAX} characters"));
    }
    let mut selector: Labels = identity.iter().map(|(key, (_, new))| (key.clone(), new.clone())).collect();
    selector.insert(SLOT_LABEL.into(), "next".into());
    Ok(Shape { identity, labels, selector })
}

/// A tag may be longer than a label, and may end otherwise.
fn label_value(version: &str) -> String {
    let kept: String = version.chars().take(LABEL_MAX).collect();
    kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_string()
}

/// The label that names the workload among those a selector uses; version and slot labels never do.
fn identity_label(used: &Labels) -> Option<(&String, &String)> {
    let free = |key: &str| !VERSION_LABELS.contains(&key) && key != SLOT_LABEL;
    IDENTITY_LABELS
        .iter()
        .find_map(|key| used.get_key_value(*key))
        .or_else(|| used.iter().find(|(key, _)| free(key)))
        .or_else(|| used.iter().next())
}

/// The Deployment `<name>-next`, ready to be created.
///
/// # Errors
/// As [`shape`], or when the named container does not exist.
pub fn deployment(
    planned: &Planned,
    stable: &Value,
    shape: &Shape,
    replicas: u32,
    deadline: Dur,
    mark: &OwnerMark,
) -> Result<Value, String> {
    let template = template(planned, stable, shape)?;
    let mut spec = json!({
        "replicas": replicas,
        "selector": {"matchLabels": to_object(&shape.selector)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "progressDeadlineSeconds": (deadline.0 / 1000).max(1),
        "template": template,
    });
    for kept in ["minReadySeconds", "revisionHistoryLimit"] {
        if let Some(value) = stable.pointer(&format!("/spec/{kept}")) {
            spec[kept] = value.clone();
        }
    }
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(&planned.service.next_deployment(), stable, shape, &planned.service.name, mark),
        "spec": spec,
    }))
}

/// What of a Service makes another one that serves alike; whose pods, its name and its labels are not in it.
fn served_alike(stable: &Value) -> Value {
    let ports: Vec<Value> = list(stable, "/spec/ports")
        .iter()
        .map(|port| {
            let mut port = port.clone();
            // A node port belongs to one Service only.
            if let Some(fields) = port.as_object_mut() {
                fields.remove("nodePort");
            }
            port
        })
        .collect();
    let mut spec = json!({"type": "ClusterIP", "ports": ports});
    for kept in ["sessionAffinity", "sessionAffinityConfig", "internalTrafficPolicy", "publishNotReadyAddresses"] {
        if let Some(value) = stable.pointer(&format!("/spec/{kept}")) {
            spec[kept] = value.clone();
        }
    }
    if text(stable, "/spec/clusterIP") == Some("None") {
        spec["clusterIP"] = json!("None");
    }
    spec
}

/// A Service as a person makes it again whose Service is gone: what the cluster gave it, its address among that, it gives
/// anew.
pub fn kept(front: &Value) -> Value {
    let mut spec = served_alike(front);
    spec["selector"] = to_object(&strings(front, "/spec/selector"));
    if let Some(kind) = text(front, "/spec/type").filter(|kind| *kind != "ExternalName") {
        spec["type"] = json!(kind);
    }
    let labels = to_object(&strings(front, "/metadata/labels"));
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name(front), "labels": labels}, "spec": spec})
}

/// The Service in front of it: stable's ports, the new pods.
pub fn service(planned: &Planned, stable: &Value, shape: &Shape, mark: &OwnerMark) -> Value {
    let mut spec = served_alike(stable);
    spec["selector"] = to_object(&shape.selector);
    let next = &planned.service.traffic.http_route.next;
    let mut metadata = metadata(next, stable, shape, &planned.service.name, mark);
    for (key, value) in kept_labels(stable, &planned.version) {
        if metadata["labels"].get(&key).is_none() {
            metadata["labels"][key] = json!(value);
        }
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

/// Labels of stable's Service that the next one carries too, so that monitors which select Services by them scrape both
/// versions. Only those that are people's own: behind other prefixes stand tools that prune what carries their label.
fn kept_labels(stable: &Value, version: &str) -> Labels {
    let mut labels = strings(stable, "/metadata/labels");
    let argo = |key: &String| key.starts_with("argocd.argoproj.io/");
    let managers = list(stable, "/metadata/managedFields");
    if labels.keys().any(argo)
        || strings(stable, "/metadata/annotations").keys().any(argo)
        || managers.iter().any(|m| text(m, "/manager") == Some("argocd-controller"))
    {
        // Which label it tracks by is its own setting; any may be it.
        return Labels::new();
    }
    const COMMON: [&str; 3] = ["app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/part-of"];
    let kept = |key: &str| !key.contains('/') || COMMON.contains(&key) || VERSION_LABELS.contains(&key);
    labels.retain(|key, _| kept(key));
    for key in VERSION_LABELS {
        if let Some(label) = labels.get_mut(key) {
            *label = version.to_string();
        }
    }
    labels
}

/// Labels and annotations of an object of ours. Stable's own are not copied as they are: by those of Helm, Argo CD or
/// Flux their owners would take the copy for theirs, and prune it.
fn metadata(object: &str, like: &Value, shape: &Shape, service: &str, mark: &OwnerMark) -> Value {
    let mut labels = shape.selector.clone();
    labels.insert("app.kubernetes.io/managed-by".into(), super::json::FIELD_MANAGER.into());
    let mut metadata = json!({
        "name": object,
        "labels": to_object(&labels),
        "annotations": {owner_key(service): mark.to_string()},
    });
    if let Some(namespace) = text(like, "/metadata/namespace") {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

/// Stable's live template with the patch, the new image and the new labels.
fn template(planned: &Planned, stable: &Value, shape: &Shape) -> Result<Value, String> {
    let mut template = stable.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(patch) = &planned.patch {
        strategic(&mut template, &Value::Object(patch.clone()));
    }
    let container = &planned.service.workload.container;
    let found = template
        .pointer_mut("/spec/containers")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .find(|c| text(c, "/name") == Some(container));
    match found {
        Some(found) => found["image"] = json!(planned.image),
        None => return Err(format!("deployment {} has no container {container}", name(stable))),
    }
    let mut labels = strings(&template, "/metadata/labels");
    labels.extend(shape.labels.clone());
    labels.remove("pod-template-hash");
    template["metadata"]["labels"] = to_object(&labels);
    if let Some(metadata) = template.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        // Servers print it as null in templates, and refuse to take it back as anything else.
        metadata.remove("creationTimestamp");
    }
    for at in ["/spec/affinity", "/spec/topologySpreadConstraints"] {
        if let Some(part) = template.pointer_mut(at) {
            relabel(part, &shape.identity);
        }
    }
    Ok(template)
}

/// Rewrites identity labels in the selectors of affinity and spread rules: what stable's pods keep among themselves,
/// the new ones keep among themselves.
fn relabel(part: &mut Value, identity: &BTreeMap<String, (String, String)>) {
    match part {
        Value::Array(elements) => elements.iter_mut().for_each(|e| relabel(e, identity)),
        Value::Object(fields) => {
            if let Some(Value::Object(labels)) = fields.get_mut("matchLabels") {
                for (key, (old, new)) in identity {
                    if labels.get(key).and_then(Value::as_str) == Some(old) {
                        labels.insert(key.clone(), json!(new));
                    }
                }
            }
            if let Some((old, new)) = fields.get("key").and_then(Value::as_str).and_then(|key| identity.get(key)) {
                for value in fields.get_mut("values").and_then(Value::as_array_mut).into_iter().flatten() {
                    if value.as_str() == Some(old) {
                        *value = json!(new);
                    }
                }
            }
            fields.values_mut().for_each(|v| relabel(v, identity));
        }
        _ => {}
    }
}

/// The labels stable's pods will have after the copy-back.
pub fn stable_labels_after(planned: &Planned, stable: &Value) -> Labels {
    let mut labels = strings(stable, "/spec/template/metadata/labels");
    labels.extend(version_labels(planned, stable));
    labels
}

fn version_labels(planned: &Planned, stable: &Value) -> Labels {
    let have = strings(stable, "/spec/template/metadata/labels");
    VERSION_LABELS
        .iter()
        .filter(|key| have.contains_key(**key))
        .map(|key| (key.to_string(), label_value(&planned.version)))
        .collect()
}

/// Whether stable's template already is the new version's.
pub fn is_copied_back(planned: &Planned, stable: &Value) -> bool {
    let image = super::json::container(stable, &planned.service.workload.container).and_then(|c| text(c, "/image"));
    // In whatever words: a webhook may have pinned the tag it was sent, and would do so again.
    image.is_some_and(|image| is_stored(&planned.image, image))
        && strings(stable, "/spec/template/metadata/labels") == stable_labels_after(planned, stable)
}

/// The strategic-merge patch that brings stable to the new version with never a pod too few.
pub fn copy_back(planned: &Planned, stable: &Value, mark: &OwnerMark) -> Value {
    let mut template = Value::Object(planned.patch.clone().unwrap_or_default());
    let container = &planned.service.workload.container;
    strategic(&mut template, &json!({"spec": {"containers": [{"name": container, "image": planned.image}]}}));
    let labels = version_labels(planned, stable);
    if !labels.is_empty() {
        strategic(&mut template, &json!({"metadata": {"labels": to_object(&labels)}}));
    }
    let mut annotations = Map::new();
    annotations.insert(owner_key(&planned.service.name), json!(mark.to_string()));
    let mut spec = json!({"template": template});
    if let Some(strategy) = gentle(stable) {
        let before = stable.pointer("/spec/strategy").cloned().unwrap_or_default();
        // A repeated copy-back must not take our own strategy for the original.
        if text(stable, &format!("/metadata/annotations/{}", super::json::escape(STRATEGY_BEFORE))).is_none() {
            annotations.insert(STRATEGY_BEFORE.into(), json!(before.to_string()));
        }
        spec["strategy"] = strategy;
    }
    json!({
        "metadata": {"resourceVersion": resource_version(stable), "annotations": annotations},
        "spec": spec,
    })
}

/// The rolling strategy with maxUnavailable 0, if stable has another one.
fn gentle(stable: &Value) -> Option<Value> {
    let zero = |at: &str| match stable.pointer(&format!("/spec/strategy/rollingUpdate/{at}")) {
        Some(Value::Number(n)) => n.as_i64() == Some(0),
        Some(Value::String(s)) => s.trim_end_matches('%') == "0",
        _ => false,
    };
    if text(stable, "/spec/strategy/type") == Some("RollingUpdate") && zero("maxUnavailable") {
        return None;
    }
    let surge = stable.pointer("/spec/strategy/rollingUpdate/maxSurge").filter(|_| !zero("maxSurge"));
    let surge = surge.cloned().unwrap_or(json!(1));
    Some(json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": surge}}))
}

/// The merge patch that gives stable its own strategy back, if the copy-back changed it.
pub fn restore_strategy(stable: &Value) -> Option<Value> {
    let at = format!("/metadata/annotations/{}", super::json::escape(STRATEGY_BEFORE));
    let mut strategy: Value = serde_json::from_str(text(stable, &at)?).ok()?;
    if strategy.get("rollingUpdate").is_none() {
        strategy["rollingUpdate"] = Value::Null;
    }
    Some(json!({
        "metadata": {"resourceVersion": resource_version(stable), "annotations": {STRATEGY_BEFORE: null}},
        "spec": {"strategy": strategy},
    }))
}

/// The merge patch of a Deployment's size.
pub fn scale(service: &str, deployment: &Value, replicas: u32, mark: &OwnerMark) -> Value {
    json!({
        "metadata": {
            "resourceVersion": resource_version(deployment),
            "annotations": {owner_key(service): mark.to_string()},
        },
        "spec": {"replicas": replicas},
    })
}

/// `spec.replicas`; the API's default is 1.
pub fn wanted(deployment: &Value) -> u32 {
    number(deployment, "/spec/replicas").and_then(|n| u32::try_from(n).ok()).unwrap_or(1)
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;
