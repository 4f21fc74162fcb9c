//! The defaults an API server fills in before it stores an object.

use super::kinds::Kind;
use serde_json::{Map, Value, json};

fn set(map: &mut Map<String, Value>, key: &str, value: Value) {
    let slot = map.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value;
    }
}

fn object<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(key)?.as_object_mut()
}

/// Fills the defaults of `kind` in place.
pub fn fill(kind: &Kind, o: &mut Value) {
    o["kind"] = json!(kind.kind);
    o["apiVersion"] = json!(kind.api_version());
    if let Some(meta) = object(o, "metadata") {
        meta.retain(|_, v| !v.is_null());
    }
    match kind.plural {
        "deployments" => deployment(o),
        "replicasets" => {
            if let Some(spec) = object(o, "spec") {
                set(spec, "replicas", json!(1));
            }
            if let Some(t) = o.pointer_mut("/spec/template") {
                template(t);
            }
        }
        "pods" => {
            if let Some(spec) = o.get_mut("spec") {
                pod_spec(spec);
                spec["enableServiceLinks"] = json!(true);
            }
        }
        "services" => service(o),
        "httproutes" => route(o),
        "namespaces" if o.get("status").is_none() => {
            o["spec"] = json!({"finalizers": ["kubernetes"]});
            o["status"] = json!({"phase": "Active"});
        }
        _ => {}
    }
}

fn deployment(o: &mut Value) {
    if let Some(spec) = object(o, "spec") {
        set(spec, "replicas", json!(1));
        set(spec, "progressDeadlineSeconds", json!(600));
        set(spec, "revisionHistoryLimit", json!(10));
        set(spec, "strategy", json!({}));
    }
    if let Some(strategy) = o.pointer_mut("/spec/strategy").and_then(Value::as_object_mut) {
        set(strategy, "type", json!("RollingUpdate"));
        if strategy.get("type") == Some(&json!("RollingUpdate")) {
            set(strategy, "rollingUpdate", json!({}));
        }
    }
    if let Some(ru) = o.pointer_mut("/spec/strategy/rollingUpdate").and_then(Value::as_object_mut) {
        set(ru, "maxSurge", json!("25%"));
        set(ru, "maxUnavailable", json!("25%"));
    }
    if let Some(t) = o.pointer_mut("/spec/template") {
        template(t);
    }
    if o.get("status").is_none() {
        o["status"] = json!({});
    }
}

fn template(t: &mut Value) {
    if let Some(meta) = object(t, "metadata") {
        meta.retain(|_, v| !v.is_null());
    }
    if let Some(spec) = t.get_mut("spec") {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for c in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            container(c);
        }
    }
    if let Some(spec) = spec.as_object_mut() {
        set(spec, "dnsPolicy", json!("ClusterFirst"));
        set(spec, "restartPolicy", json!("Always"));
        set(spec, "schedulerName", json!("default-scheduler"));
        set(spec, "securityContext", json!({}));
        set(spec, "terminationGracePeriodSeconds", json!(30));
    }
}

fn container(c: &mut Value) {
    let latest = {
        let image = c.get("image").and_then(Value::as_str).unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        image.ends_with(":latest") || !last.contains(':') && !last.contains('@')
    };
    let Some(c) = c.as_object_mut() else { return };
    let pull = if latest { "Always" } else { "IfNotPresent" };
    set(c, "imagePullPolicy", json!(pull));
    set(c, "resources", json!({}));
    set(c, "terminationMessagePath", json!("/dev/termination-log"));
    set(c, "terminationMessagePolicy", json!("File"));
    for p in c.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(p) = p.as_object_mut() {
            set(p, "protocol", json!("TCP"));
        }
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        let Some(probe) = c.get_mut(probe).and_then(Value::as_object_mut) else {
            continue;
        };
        set(probe, "failureThreshold", json!(3));
        set(probe, "periodSeconds", json!(10));
        set(probe, "successThreshold", json!(1));
        set(probe, "timeoutSeconds", json!(1));
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            set(get, "scheme", json!("HTTP"));
            set(get, "path", json!("/"));
        }
    }
}

fn service(o: &mut Value) {
    for p in o.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(p) = p.as_object_mut() {
            set(p, "protocol", json!("TCP"));
            let port = p.get("port").cloned().unwrap_or(Value::Null);
            set(p, "targetPort", port);
        }
    }
    if let Some(spec) = object(o, "spec") {
        set(spec, "type", json!("ClusterIP"));
        set(spec, "sessionAffinity", json!("None"));
        set(spec, "ipFamilies", json!(["IPv4"]));
        set(spec, "ipFamilyPolicy", json!("SingleStack"));
        set(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if o.get("status").is_none() {
        o["status"] = json!({"loadBalancer": {}});
    }
}

/// The Gateway API's own defaults: a backend without a weight has weight 1, and is a core Service.
fn route(o: &mut Value) {
    for p in o
        .pointer_mut("/spec/parentRefs")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        set(p, "group", json!("gateway.networking.k8s.io"));
        set(p, "kind", json!("Gateway"));
    }
    for r in o.pointer_mut("/spec/rules").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(r) = r.as_object_mut() {
            set(r, "matches", json!([{"path": {"type": "PathPrefix", "value": "/"}}]));
        }
        for b in r
            .get_mut("backendRefs")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            set(b, "group", json!(""));
            set(b, "kind", json!("Service"));
            set(b, "weight", json!(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::of;

    #[test]
    fn a_deployment_gets_what_a_real_server_adds() {
        let mut d = json!({"metadata": {"name": "x", "creationTimestamp": null}, "spec": {"template": {"spec": {"containers":
            [{"name": "app", "image": "registry.example/x:1", "ports": [{"containerPort": 80}],
              "readinessProbe": {"httpGet": {"port": "http"}}}]}}}});
        fill(of("deployments"), &mut d);
        assert_eq!(d["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
        assert_eq!(d["spec"]["progressDeadlineSeconds"], 600);
        let c = &d["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(c["imagePullPolicy"], "IfNotPresent");
        assert_eq!(c["ports"][0]["protocol"], "TCP");
        assert_eq!(c["readinessProbe"]["failureThreshold"], 3);
        assert!(d["metadata"].get("creationTimestamp").is_none());
    }
}
