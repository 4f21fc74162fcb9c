//! The Table form of lists, with the columns kubectl shows; ages are by the world's clock.

use super::kinds::Kind;
use super::moment;
use super::objects::{number, text};
use serde_json::{Value, json};

/// `(name, type, priority)`: priority 1 shows with `-o wide` only.
type Column = (&'static str, &'static str, u8);

const NAME: Column = ("Name", "string", 0);
const AGE: Column = ("Age", "string", 0);

/// The columns of a kind.
fn columns(plural: &str) -> Vec<Column> {
    let s = |name| (name, "string", 0);
    let i = |name| (name, "integer", 0);
    let wide = |name| (name, "string", 1);
    match plural {
        "deployments" => vec![
            NAME,
            s("Ready"),
            s("Up-to-date"),
            s("Available"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        "replicasets" => vec![
            NAME,
            i("Desired"),
            i("Current"),
            i("Ready"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        "pods" => vec![
            NAME,
            s("Ready"),
            s("Status"),
            s("Restarts"),
            AGE,
            wide("IP"),
            wide("Node"),
            wide("Nominated Node"),
            wide("Readiness Gates"),
        ],
        "services" => vec![NAME, s("Type"), s("Cluster-IP"), s("External-IP"), s("Port(s)"), AGE, wide("Selector")],
        "endpointslices" => vec![NAME, s("AddressType"), s("Ports"), s("Endpoints"), AGE],
        "httproutes" => vec![NAME, s("Hostnames"), AGE],
        "configmaps" => vec![NAME, s("Data"), AGE],
        "leases" => vec![NAME, s("Holder"), AGE],
        "namespaces" => vec![NAME, s("Status"), AGE],
        "nodes" => vec![
            NAME,
            s("Status"),
            s("Roles"),
            AGE,
            s("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ],
        "events" => vec![
            s("Last Seen"),
            s("Type"),
            s("Reason"),
            s("Object"),
            wide("Subobject"),
            wide("Source"),
            s("Message"),
            wide("First Seen"),
            ("Count", "integer", 1),
            wide("Name"),
        ],
        "poddisruptionbudgets" => vec![NAME, s("Min Available"), s("Max Unavailable"), i("Allowed Disruptions"), AGE],
        "horizontalpodautoscalers" => {
            vec![NAME, s("Reference"), s("Targets"), s("MinPods"), s("MaxPods"), i("Replicas"), AGE]
        }
        "networkpolicies" => vec![NAME, s("Pod-Selector"), AGE],
        _ => vec![NAME, AGE],
    }
}

/// A Table of these objects. `headed` says whether the columns are described (only the first event of a watch
/// does); `include` is the request's `includeObject`.
pub fn table(kind: &Kind, objects: &[&Value], rv: &str, now: i64, headed: bool, include: &str) -> Value {
    let rows: Vec<Value> = objects
        .iter()
        .map(|o| {
            let object = match include {
                "None" => Value::Null,
                "Object" => (*o).clone(),
                _ => {
                    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]})
                }
            };
            json!({"cells": cells(kind.plural, o, now), "object": object})
        })
        .collect();
    let definitions: Value = if headed {
        columns(kind.plural)
            .iter()
            .map(|(name, kind, priority)| {
                let format = if *name == "Name" { "name" } else { "" };
                json!({"name": name, "type": kind, "format": format, "description": describe(name), "priority": priority})
            })
            .collect()
    } else {
        Value::Null
    };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": rv},
        "columnDefinitions": definitions, "rows": rows})
}

fn describe(column: &str) -> String {
    format!("{column} of the object")
}

fn since(o: &Value, at: &str, now: i64) -> String {
    match moment::parse(&text(o, at)) {
        Some(t) => moment::age(now - t),
        None => "<unknown>".into(),
    }
}

fn joined(list: Option<&Value>, field: &str) -> String {
    let items = list.and_then(Value::as_array);
    let words: Vec<&str> = items.into_iter().flatten().filter_map(|c| c[field].as_str()).collect();
    words.join(",")
}

fn pairs(map: Option<&Value>) -> String {
    let parts: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    if parts.is_empty() { "<none>".into() } else { parts.join(",") }
}

fn or_none(s: String) -> String {
    if s.is_empty() { "<none>".into() } else { s }
}

fn any(o: &Value, at: &str, none: &str) -> String {
    match o.pointer(at) {
        None | Some(Value::Null) => none.into(),
        Some(Value::String(s)) => s.clone(),
        Some(v) => v.to_string(),
    }
}

fn cells(plural: &str, o: &Value, now: i64) -> Value {
    let name = text(o, "/metadata/name");
    let age = since(o, "/metadata/creationTimestamp", now);
    let containers = o.pointer("/spec/template/spec/containers");
    let (names, images) = (joined(containers, "name"), joined(containers, "image"));
    match plural {
        "deployments" => json!([
            name,
            format!("{}/{}", number(o, "/status/readyReplicas"), number(o, "/spec/replicas")),
            number(o, "/status/updatedReplicas"),
            number(o, "/status/availableReplicas"),
            age,
            names,
            images,
            pairs(o.pointer("/spec/selector/matchLabels"))
        ]),
        "replicasets" => json!([
            name,
            number(o, "/spec/replicas"),
            number(o, "/status/replicas"),
            number(o, "/status/readyReplicas"),
            age,
            names,
            images,
            pairs(o.pointer("/spec/selector/matchLabels"))
        ]),
        "pods" => pod(o, &name, &age, now),
        "services" => json!([
            name,
            text(o, "/spec/type"),
            text(o, "/spec/clusterIP"),
            "<none>",
            service_ports(o),
            age,
            pairs(o.pointer("/spec/selector"))
        ]),
        "endpointslices" => slice(o, &name, &age),
        "httproutes" => json!([name, o.pointer("/spec/hostnames").map(Value::to_string).unwrap_or_default(), age]),
        "configmaps" => json!([name, o["data"].as_object().map_or(0, serde_json::Map::len).to_string(), age]),
        "leases" => json!([name, text(o, "/spec/holderIdentity"), age]),
        "namespaces" => json!([name, text(o, "/status/phase"), age]),
        "nodes" => json!([
            name,
            "Ready",
            "<none>",
            age,
            text(o, "/status/nodeInfo/kubeletVersion"),
            text(o, "/status/addresses/0/address"),
            "<none>",
            text(o, "/status/nodeInfo/osImage"),
            text(o, "/status/nodeInfo/kernelVersion"),
            text(o, "/status/nodeInfo/containerRuntimeVersion")
        ]),
        "events" => {
            let last = since(o, "/lastTimestamp", now);
            let about =
                format!("{}/{}", text(o, "/involvedObject/kind").to_lowercase(), text(o, "/involvedObject/name"));
            json!([
                last,
                o["type"],
                o["reason"],
                about,
                "",
                o["source"]["component"],
                o["message"],
                since(o, "/firstTimestamp", now),
                number(o, "/count"),
                name
            ])
        }
        "poddisruptionbudgets" => json!([
            name,
            any(o, "/spec/minAvailable", "N/A"),
            any(o, "/spec/maxUnavailable", "N/A"),
            number(o, "/status/disruptionsAllowed"),
            age
        ]),
        "horizontalpodautoscalers" => json!([
            name,
            format!("{}/{}", text(o, "/spec/scaleTargetRef/kind"), text(o, "/spec/scaleTargetRef/name")),
            "<unknown>",
            any(o, "/spec/minReplicas", "1"),
            any(o, "/spec/maxReplicas", ""),
            number(o, "/status/currentReplicas"),
            age
        ]),
        "networkpolicies" => json!([name, pairs(o.pointer("/spec/podSelector/matchLabels")), age]),
        _ => json!([name, age]),
    }
}

fn pod(o: &Value, name: &str, age: &str, now: i64) -> Value {
    let statuses = o.pointer("/status/containerStatuses").and_then(Value::as_array).cloned().unwrap_or_default();
    let all = o.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    let ready = statuses.iter().filter(|c| c["ready"] == true).count();
    let mut word = text(o, "/status/phase");
    for c in &statuses {
        for state in ["waiting", "terminated"] {
            if let Some(r) = c["state"][state]["reason"].as_str() {
                word = r.into();
            }
        }
    }
    if o.pointer("/metadata/deletionTimestamp").is_some() {
        word = "Terminating".into();
    }
    let restarts: i64 = statuses.iter().map(|c| c["restartCount"].as_i64().unwrap_or(0)).sum();
    let last =
        statuses.iter().filter_map(|c| moment::parse(c["lastState"]["terminated"]["finishedAt"].as_str()?)).max();
    let restarts = match last.filter(|_| restarts > 0) {
        Some(t) => format!("{restarts} ({} ago)", moment::age(now - t)),
        None => restarts.to_string(),
    };
    json!([
        name,
        format!("{ready}/{all}"),
        word,
        restarts,
        age,
        or_none(text(o, "/status/podIP")),
        or_none(text(o, "/spec/nodeName")),
        "<none>",
        "<none>"
    ])
}

fn service_ports(o: &Value) -> String {
    let list = o.pointer("/spec/ports").and_then(Value::as_array);
    let parts: Vec<String> = list
        .into_iter()
        .flatten()
        .map(|p| format!("{}/{}", p["port"], p["protocol"].as_str().unwrap_or("TCP")))
        .collect();
    or_none(parts.join(","))
}

fn slice(o: &Value, name: &str, age: &str) -> Value {
    let ports: Vec<String> = o["ports"].as_array().into_iter().flatten().map(|p| p["port"].to_string()).collect();
    let addresses: Vec<&str> =
        o["endpoints"].as_array().into_iter().flatten().filter_map(|e| e["addresses"][0].as_str()).collect();
    let shown = if addresses.len() > 3 {
        format!("{} + {} more...", addresses[..3].join(","), addresses.len() - 3)
    } else {
        addresses.join(",")
    };
    let unset = |s: String| {
        if s.is_empty() { "<unset>".to_string() } else { s }
    };
    json!([name, text(o, "/addressType"), unset(ports.join(",")), unset(shown), age])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::{KINDS, of};

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for kind in KINDS {
            let o = json!({"metadata": {"name": "x"}});
            let t = table(kind, &[&o], "1", 0, true, "Metadata");
            let (columns, cells) = (t["columnDefinitions"].as_array(), t["rows"][0]["cells"].as_array());
            assert_eq!(columns.map(Vec::len), cells.map(Vec::len), "{}", kind.plural);
        }
    }

    #[test]
    fn a_crashing_pod_says_so_and_when() {
        let o = json!({"metadata": {"name": "p"}, "spec": {"containers": [{}]}, "status": {"phase": "Running", "containerStatuses": [
            {"ready": false, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"finishedAt": "1970-01-01T00:00:10Z"}}}]}});
        let t = table(of("pods"), &[&o], "1", 20_000, false, "None");
        assert_eq!(t["rows"][0]["cells"][2], "CrashLoopBackOff");
        assert_eq!(t["rows"][0]["cells"][3], "2 (10s ago)");
        assert!(t["columnDefinitions"].is_null());
    }
}
