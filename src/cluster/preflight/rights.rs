//! May we do what the run will do? Asked per verb and resource, of the server itself.
use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{AT_ONCE, Findings};
use crate::cluster::json::text;
use crate::cluster::wire::{Fault, Kind, Wire};
use crate::plan::Plan;

/// What a run does, by kind.
const NEEDED: [(Kind, &[&str]); 9] = [
    (Kind::Deployments, &["get", "list", "watch", "create", "patch", "delete"]),
    (Kind::Services, &["get", "list", "watch", "create", "delete"]),
    (Kind::Pods, &["list", "watch"]),
    (Kind::HttpRoutes, &["get", "list", "watch", "patch"]),
    (Kind::Leases, &["get", "create", "update"]),
    (Kind::ReplicaSets, &["list"]),
    (Kind::Autoscalers, &["list"]),
    (Kind::DisruptionBudgets, &["list"]),
    (Kind::NetworkPolicies, &["list"]),
];

/// Asks for every right the run needs. Gives whether objects may be created, so that a rehearsal would say something new.
pub(super) async fn check(wire: &Wire, plan: &Plan, found: &mut Findings) -> Result<bool, String> {
    let namespace = plan.environment.kubernetes.namespace.as_str();
    let mut questions: Vec<(String, Value)> = Vec::new();
    for (kind, verbs) in NEEDED {
        let (group, _, plural) = kind.group();
        for verb in verbs {
            questions.push((plural.to_string(), attributes(namespace, group, plural, "", verb)));
        }
    }
    if plan.environment.metrics.prometheus.is_none() {
        questions.push(("pods/proxy".into(), attributes(namespace, "", "pods", "proxy", "get")));
        if plan.environment.metrics.scrape.port.parse::<u16>().is_err() {
            // The number of a named port stands in the Pod.
            questions.push(("pods".into(), attributes(namespace, "", "pods", "", "get")));
        }
    }
    let answers = stream::iter(questions)
        .map(|(resource, attributes)| async move {
            let answer = allowed(wire, &attributes).await;
            (resource, text(&attributes, "/verb").unwrap_or_default().to_string(), answer)
        })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (resource, verb, answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => missing.entry(resource).or_default().push(verb),
            Err(fault) if fault.status.is_some_and(|s| s < 500 && s != 429) => {
                let fix = "nothing, if you know that the rights are there; a missing one will stop the run midway";
                found.add(None, false, format!("the rights could not be asked for: {fault}"), fix.into());
                return Ok(true);
            }
            Err(fault) => return Err(fault.to_string()),
        }
    }
    let may_create =
        !missing.iter().any(|(resource, verbs)| resource != "leases" && verbs.iter().any(|v| v == "create"));
    for (resource, verbs) in missing {
        let verbs = verbs.join(",");
        // By somebody else, from wherever that one reaches the cluster.
        let fix = format!(
            "kubectl -n {namespace} create role pilothouse-{} --verb={verbs} --resource={resource}, and bind it",
            resource.replace('/', "-")
        );
        found.add(None, true, format!("no right to {verbs} {resource} in namespace {namespace}"), fix);
    }
    Ok(may_create)
}

fn attributes(namespace: &str, group: &str, resource: &str, subresource: &str, verb: &str) -> Value {
    json!({"namespace": namespace, "group": group, "resource": resource, "subresource": subresource, "verb": verb})
}

async fn allowed(wire: &Wire, attributes: &Value) -> Result<bool, Fault> {
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = wire.ask(path, &question, "ask for a right").await?;
    Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
}
