//! From watched objects to what decisions rest on. Pure.
use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::Value;

use super::http_route;
use super::json::{condition, container, count, list, name, number, owner, strings, text};
use super::next::{Labels, wanted};
use super::selector::map_matches;
use super::store::Inner;
use super::wire::Kind;
use crate::engine::observe::{DeploymentProgress, DeploymentSeen, Front, Observation, PodSeen, Slot, WorkloadSeen};
use crate::plan::Plan;
use crate::spec::Service;
use crate::spec::units::Time;

/// Everything the plan asks to be observed, in its order: per service stable, next, route; then the bystanders. Each
/// with a key that names what it is about.
pub fn all(objects: &Inner, plan: &Plan) -> Vec<(String, Observation)> {
    let pods = pods_by_deployment(objects.all(Kind::Pods));
    let mut out = Vec::new();
    for planned in &plan.services {
        let service = &planned.service;
        for slot in [Slot::Stable, Slot::Next] {
            let key = format!("{}/{slot:?}", service.name);
            out.push((key, Observation::Workload(slot_of(objects, service, slot, &pods))));
        }
        out.push((format!("{}/route", service.name), route(objects, service)));
    }
    for service in &plan.bystanders {
        let deployment = objects.get(Kind::Deployments, &service.workload.deployment);
        let observation = Observation::Bystander {
            service: service.name.clone(),
            ready: deployment.map_or(0, |d| count(d, "/status/readyReplicas")),
            wanted: deployment.map_or(0, wanted),
        };
        out.push((format!("{}/bystander", service.name), observation));
    }
    out
}

/// One slot of a service as the store has it.
pub fn workload(objects: &Inner, service: &Service, slot: Slot) -> Observation {
    let pods = pods_by_deployment(objects.all(Kind::Pods));
    Observation::Workload(slot_of(objects, service, slot, &pods))
}

/// A service's share of its route as the store has it.
pub fn route(objects: &Inner, service: &Service) -> Observation {
    let found = objects.get(Kind::HttpRoutes, &service.traffic.http_route.name);
    Observation::Route(http_route::observe(service, found))
}

type Pods<'a> = BTreeMap<String, Vec<&'a Value>>;

fn slot_of(objects: &Inner, service: &Service, slot: Slot, pods: &Pods) -> WorkloadSeen {
    let (deployment, front) = names(service, slot);
    let found = objects.get(Kind::Deployments, &deployment);
    let labels = found.map(made_with);
    let other = names(service, slot.other()).0;
    let (own, other) = (labelled(objects, &deployment, pods), labelled(objects, &other, pods).unwrap_or_default());
    let selector = objects.get(Kind::Services, &front).map(|front| strings(front, "/spec/selector"));
    let service_exists = selector.as_ref().is_some_and(|s| labels.as_ref().is_none_or(|labels| map_matches(s, labels)));
    let container = &service.workload.container;
    WorkloadSeen {
        service: service.name.clone(),
        slot,
        deployment: found.map(|d| deployment_seen(d, service)),
        pods: pods.get(&deployment).into_iter().flatten().map(|pod| pod_seen(pod, container)).collect(),
        service_exists,
        front: front_of(selector.as_ref(), own.as_deref(), &other),
    }
}

/// Labels that pods of a Deployment are made with.
fn made_with(deployment: &Value) -> Labels {
    strings(deployment, "/spec/template/metadata/labels")
}

/// Labels of the pods that a Deployment has, which is what a Service goes by: somebody may have labelled those that live
/// otherwise than they were made. Of one that has none, of those it would make: while its pods come and go nothing is
/// said that is over with the next one. `None`: there is no such Deployment.
fn labelled(objects: &Inner, deployment: &str, pods: &Pods) -> Option<Vec<Labels>> {
    let found = objects.get(Kind::Deployments, deployment)?;
    let living = pods.get(deployment).into_iter().flatten().filter(|pod| !terminates(pod));
    let living: Vec<Labels> = living.map(|pod| strings(pod, "/metadata/labels")).collect();
    Some(if living.is_empty() { vec![made_with(found)] } else { living })
}

fn terminates(pod: &Value) -> bool {
    text(pod, "/metadata/deletionTimestamp").is_some()
}

/// Whose pods a Service selects, by its selector and the labels of the pods of either version: one that it selects is
/// enough to reach a version. Of a version that is not there nothing can be said.
fn front_of(selector: Option<&Labels>, own: Option<&[Labels]>, other: &[Labels]) -> Front {
    let Some(own) = own else { return Front::Own };
    let Some(selector) = selector else { return Front::Gone };
    let selects = |of: &[Labels]| of.iter().any(|labels| map_matches(selector, labels));
    match (selects(own), selects(other)) {
        (true, false) => Front::Own,
        (true, true) => Front::Both,
        (false, true) => Front::Other,
        (false, false) => Front::Nothing,
    }
}

/// One Deployment and its pods, from plain lists.
pub fn one(service: &Service, slot: Slot, deployment: &Value, pods: &[Value]) -> (DeploymentSeen, Vec<PodSeen>) {
    let (name, _) = names(service, slot);
    let pods = pods_by_deployment(pods.iter());
    let own = pods.get(&name).into_iter().flatten().map(|pod| pod_seen(pod, &service.workload.container)).collect();
    (deployment_seen(deployment, service), own)
}

/// Names of a slot's Deployment and Service.
pub fn names(service: &Service, slot: Slot) -> (String, String) {
    match slot {
        Slot::Stable => (service.workload.deployment.clone(), service.traffic.http_route.stable.clone()),
        Slot::Next => (service.next_deployment(), service.traffic.http_route.next.clone()),
    }
}

/// Living pods by the Deployment they belong to: one that ended (evicted, say) stays listed, but its ReplicaSet has long
/// replaced it. A Deployment names its ReplicaSets `<deployment>-<pod-template-hash>` and
/// their pods carry that hash as a label, so the owner reference tells the Deployment without reading ReplicaSets.
fn pods_by_deployment<'a>(pods: impl Iterator<Item = &'a Value>) -> Pods<'a> {
    let mut out = Pods::new();
    for pod in pods.filter(|pod| !matches!(text(pod, "/status/phase"), Some("Failed" | "Succeeded"))) {
        let hash = text(pod, "/metadata/labels/pod-template-hash").unwrap_or_default();
        let owner = list(pod, "/metadata/ownerReferences")
            .iter()
            .find(|o| text(o, "/kind") == Some("ReplicaSet") && o.get("controller") == Some(&Value::Bool(true)))
            .and_then(|o| text(o, "/name"));
        let deployment = owner.and_then(|o| o.strip_suffix(hash)).and_then(|o| o.strip_suffix('-'));
        if let Some(deployment) = deployment.filter(|_| !hash.is_empty()) {
            out.entry(deployment.to_string()).or_default().push(pod);
        }
    }
    out
}

fn deployment_seen(deployment: &Value, service: &Service) -> DeploymentSeen {
    let image = container(deployment, &service.workload.container).and_then(|c| text(c, "/image"));
    DeploymentSeen {
        uid: text(deployment, "/metadata/uid").unwrap_or_default().to_string(),
        generation: number(deployment, "/metadata/generation").unwrap_or(0),
        observed_generation: number(deployment, "/status/observedGeneration").unwrap_or(0),
        wanted: wanted(deployment),
        replicas: count(deployment, "/status/replicas"),
        updated: count(deployment, "/status/updatedReplicas"),
        ready: count(deployment, "/status/readyReplicas"),
        available: count(deployment, "/status/availableReplicas"),
        image: image.unwrap_or_default().to_string(),
        progress: progress(deployment),
        owner: owner(deployment, &service.name),
    }
}

fn progress(deployment: &Value) -> DeploymentProgress {
    let generation = number(deployment, "/metadata/generation").unwrap_or(0);
    if number(deployment, "/status/observedGeneration").unwrap_or(0) < generation {
        // The conditions are about an older spec.
        return DeploymentProgress::Progressing;
    }
    let message = |kind: &str, status: &str| {
        let found = condition(deployment, kind).filter(|c| text(c, "/status") == Some(status))?;
        Some(text(found, "/message").or(text(found, "/reason")).unwrap_or_default().to_string())
    };
    let failure = message("ReplicaFailure", "True");
    match (message("Progressing", "False"), failure) {
        (Some(deadline), Some(failure)) => DeploymentProgress::DeadlineExceeded(format!("{deadline} ({failure})")),
        (Some(deadline), None) => DeploymentProgress::DeadlineExceeded(deadline),
        (None, Some(failure)) => DeploymentProgress::ReplicaFailure(failure),
        _ if deployment.pointer("/spec/paused") == Some(&Value::Bool(true)) => DeploymentProgress::Paused,
        _ => DeploymentProgress::Progressing,
    }
}

fn pod_seen(pod: &Value, container: &str) -> PodSeen {
    let statuses =
        || ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter().flat_map(|at| list(pod, at));
    // Every new pod waits for a moment with these; they say nothing is wrong.
    let normal = ["ContainerCreating", "PodInitializing"];
    let waiting = statuses().filter_map(|s| text(s, "/state/waiting/reason")).find(|r| !normal.contains(r));
    let image_id = list(pod, "/status/containerStatuses")
        .iter()
        .find(|s| text(s, "/name") == Some(container))
        .and_then(|s| text(s, "/imageID"))
        .filter(|id| !id.is_empty());
    PodSeen {
        name: name(pod).to_string(),
        ready: condition(pod, "Ready").and_then(|c| text(c, "/status")) == Some("True"),
        restarts: statuses().map(|s| count(s, "/restartCount")).sum(),
        waiting: waiting.map(str::to_string),
        image_id: image_id.map(str::to_string),
        started_at: text(pod, "/status/startTime").and_then(instant),
        terminating: terminates(pod),
    }
}

/// An RFC 3339 instant.
pub fn instant(text: &str) -> Option<Time> {
    DateTime::parse_from_rfc3339(text).ok().map(|t| Time(t.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{http_route, plan, planned, service, stable_deployment, stable_service};
    use crate::cluster::store::Store;

    fn pod(name: &str, replica_set: &str, hash: &str) -> Value {
        json!({"metadata": {"name": name, "uid": name, "labels": {"app": "billing", "pod-template-hash": hash},
                 "ownerReferences": [{"kind": "ReplicaSet", "name": replica_set, "controller": true}]},
               "status": {"startTime": "2026-11-01T00:00:01Z", "conditions": [{"type": "Ready", "status": "True"}],
                 "containerStatuses": [{"name": "app", "restartCount": 2, "imageID": "registry.example/billing@sha256:aa",
                                        "state": {"running": {}}}]}})
    }

    fn filled() -> Store {
        let store = Store::default();
        store.replace(Kind::Deployments, vec![stable_deployment("billing", "4.1.8")], "10");
        store.replace(Kind::Services, vec![stable_service("billing")], "10");
        store.replace(Kind::HttpRoutes, vec![http_route("billing", Some(25))], "10");
        let mut evicted = pod("billing-5d-e", "billing-5d", "5d");
        evicted["status"]["phase"] = json!("Failed");
        let pods = vec![
            pod("billing-5d-a", "billing-5d", "5d"),
            pod("billing-next-77-a", "billing-next-77", "77"),
            json!({"metadata": {"name": "stray"}}),
            evicted,
        ];
        store.replace(Kind::Pods, pods, "10");
        store
    }

    #[test]
    fn observations_come_in_the_plans_order_and_pods_go_to_their_deployment() {
        let store = filled();
        let mut plan = plan(vec![planned("billing", "4.2.1")]);
        plan.bystanders.push(service("ledger"));
        let all = all(&store.lock(), &plan);
        let keys: Vec<&str> = all.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["billing/Stable", "billing/Next", "billing/route", "ledger/bystander"]);
        let Observation::Workload(stable) = &all[0].1 else { panic!() };
        assert_eq!(stable.pods.len(), 1);
        assert_eq!(stable.pods[0].restarts, 2);
        assert_eq!(stable.pods[0].image_id.as_deref(), Some("registry.example/billing@sha256:aa"));
        assert_eq!(stable.pods[0].started_at, Some(Time(1_793_491_201_000)));
        assert!(stable.service_exists && stable.deployment.as_ref().unwrap().rolled_out());
        let Observation::Workload(next) = &all[1].1 else { panic!() };
        assert_eq!((next.deployment.is_none(), next.pods.len(), next.service_exists), (true, 1, false));
        let Observation::Route(route) = &all[2].1 else { panic!() };
        assert_eq!(route.weights.unwrap().share(), 25.0);
        assert_eq!(all[3].1, Observation::Bystander { service: "ledger".into(), ready: 0, wanted: 0 });
        let first = store.lock().untold(all.clone());
        assert_eq!(first.len(), 4);
        assert!(store.lock().untold(all).is_empty(), "told once");
    }

    /// Whatever the route's weights say, stable's Service leads where its selector does.
    #[test]
    fn a_service_is_seen_by_what_it_selects() {
        let store = filled();
        let mut next = stable_deployment("billing-next", "4.2.1");
        next["spec"]["template"]["metadata"]["labels"] = json!({"app": "billing-next", "team": "pay"});
        let mut stable = stable_deployment("billing", "4.1.8");
        stable["spec"]["template"]["metadata"]["labels"] = json!({"app": "billing", "team": "pay"});
        store.replace(Kind::Deployments, vec![stable, next], "11");
        store.replace(Kind::Pods, Vec::new(), "11");
        let seen = |selector: Option<Value>| {
            let mut front = stable_service("billing");
            front["spec"]["selector"] = selector.clone().unwrap_or_default();
            store.replace(Kind::Services, selector.iter().map(|_| front.clone()).collect(), "12");
            let Observation::Workload(w) = workload(&store.lock(), &service("billing"), Slot::Stable) else { panic!() };
            (w.front, w.service_exists)
        };
        assert_eq!(seen(Some(json!({"app": "billing"}))), (Front::Own, true));
        assert_eq!(seen(Some(json!({"app": "billing-next"}))), (Front::Other, false));
        assert_eq!(seen(Some(json!({"team": "pay"}))), (Front::Both, true));
        assert_eq!(seen(Some(json!({"app": "bilingual"}))), (Front::Nothing, false));
        assert_eq!(seen(None), (Front::Gone, false));
    }

    /// Somebody labels pods that live: their template says nothing of where requests go.
    #[test]
    fn a_service_is_seen_by_the_pods_that_live() {
        let store = filled();
        let mut next = stable_deployment("billing-next", "4.2.1");
        next["spec"]["template"]["metadata"]["labels"] = json!({"app": "billing-next"});
        store.replace(Kind::Deployments, vec![stable_deployment("billing", "4.1.8"), next], "11");
        let mut front = stable_service("billing");
        front["spec"]["selector"] = json!({"app": "billing", "live": "yes"});
        store.replace(Kind::Services, vec![front], "12");
        let seen = |pods: &[(&str, Value)]| {
            let made = pods.iter().map(|(set, labels)| {
                let (_, hash) = set.rsplit_once('-').unwrap();
                let mut pod = pod(&format!("{set}-{labels}"), set, hash);
                let own = pod["metadata"]["labels"].as_object_mut().unwrap();
                own.extend(labels.as_object().unwrap().clone());
                pod
            });
            store.replace(Kind::Pods, made.collect(), "13");
            let Observation::Workload(w) = workload(&store.lock(), &service("billing"), Slot::Stable) else { panic!() };
            w.front
        };
        let (on, off) = (json!({"live": "yes"}), json!({"live": "no"}));
        assert_eq!(seen(&[("billing-5d", on.clone()), ("billing-next-77", off.clone())]), Front::Own);
        assert_eq!(seen(&[("billing-5d", on.clone()), ("billing-next-77", on.clone())]), Front::Both);
        assert_eq!(seen(&[("billing-5d", off.clone()), ("billing-next-77", on.clone())]), Front::Other);
        assert_eq!(seen(&[("billing-5d", off.clone()), ("billing-next-77", off.clone())]), Front::Nothing);
        // One that was taken aside, or comes up otherwise, takes nothing from the others.
        assert_eq!(seen(&[("billing-5d", on.clone()), ("billing-5d", off.clone())]), Front::Own);
        // Without any it goes by what would be made.
        assert_eq!(seen(&[]), Front::Nothing);
        let mut front = stable_service("billing");
        front["spec"]["selector"] = json!({"app": "billing"});
        store.replace(Kind::Services, vec![front], "14");
        assert_eq!(seen(&[]), Front::Own, "pods that come and go are no edit");
    }

    #[test]
    fn progress_is_of_the_current_generation_only() {
        let mut d = stable_deployment("billing", "4.1.8");
        d["status"]["conditions"] = json!([{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "timed out progressing"}]);
        assert_eq!(progress(&d), DeploymentProgress::DeadlineExceeded("timed out progressing".into()));
        d["metadata"]["generation"] = json!(2);
        assert_eq!(progress(&d), DeploymentProgress::Progressing);
        d["status"]["observedGeneration"] = json!(2);
        d["status"]["conditions"] = json!([
            {"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"},
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]);
        assert_eq!(progress(&d), DeploymentProgress::ReplicaFailure("exceeded quota".into()));
        d["status"]["conditions"] = json!([{"type": "Progressing", "status": "Unknown"}]);
        d["spec"]["paused"] = json!(true);
        assert_eq!(progress(&d), DeploymentProgress::Paused);
    }

    #[test]
    fn a_waiting_pod_says_why_unless_it_is_just_starting() {
        let mut p = pod("a", "billing-5d", "5d");
        p["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(pod_seen(&p, "app").waiting, None);
        p["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        p["metadata"]["deletionTimestamp"] = json!("2026-11-01T00:00:00Z");
        let seen = pod_seen(&p, "app");
        assert_eq!(seen.waiting.as_deref(), Some("CrashLoopBackOff"));
        assert!(seen.terminating);
    }
}
