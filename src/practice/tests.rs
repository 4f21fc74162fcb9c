//! The world as a whole: rollouts, endpoints, routes, scenarios, determinism.

use super::kinds::of;
use super::objects::{Dependants, number, text};
use super::*;
use serde_json::{Value, json};

mod answers;
mod stories;

const START: i64 = 1_795_337_043_000;

fn config(scenario: Scenario) -> Config {
    Config { scenario, seed: 11, start_ms: START }
}

fn two() -> World {
    let services = vec![ServiceSpec::new("billing", "4.1.8", 4, 80.0), ServiceSpec::new("auth", "4.1.8", 3, 40.0)];
    World::custom(config(Scenario::Healthy), Fixture::of(services, "4.2.1"))
}

fn key(name: &str) -> (String, String) {
    ("shop".into(), name.into())
}

fn change(w: &mut World, plural: &str, name: &str, f: impl FnOnce(&mut Value)) {
    w.edit(of(plural), &key(name), "test", "", f);
    w.settle();
}

fn deployment(w: &World, name: &str) -> Value {
    w.object("deployments", "shop", name).expect("is there")
}

fn reason(d: &Value, kind: &str) -> String {
    let c = rollout::condition(d, kind).expect("has it");
    format!("{}/{}", c["status"].as_str().expect("text"), c["reason"].as_str().expect("text"))
}

/// A `-next` copy of billing with `image`, its Service and the second backend at `weight`.
fn add_next(w: &mut World, version: &str, replicas: i64, weight: i64) {
    let mut d = deployment(w, "billing");
    d["metadata"] = json!({"name": "billing-next"});
    d["spec"]["replicas"] = json!(replicas);
    d["spec"]["selector"]["matchLabels"]["app"] = json!("billing-next");
    d["spec"]["template"]["metadata"]["labels"] = json!({"app": "billing-next", "version": version});
    d["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("registry.example/billing:{version}"));
    w.make(of("deployments"), "shop", d, "test").expect("made");
    let svc = json!({"metadata": {"name": "billing-next"}, "spec": {"selector": {"app": "billing-next"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}});
    w.make(of("services"), "shop", svc, "test").expect("made");
    w.settle();
    let soon = w.now() + 15_000;
    w.advance_to(soon);
    set_weights(w, 100 - weight, weight);
}

fn set_weights(w: &mut World, old: i64, new: i64) {
    change(w, "httproutes", "billing", |r| {
        r["spec"]["rules"][0]["backendRefs"] = json!([{"name": "billing", "port": 80, "weight": old}, {"name": "billing-next", "port": 80, "weight": new}]);
    });
}

#[test]
fn the_demo_starts_ready_with_traffic_behind_it() {
    let w = World::new(config(Scenario::Healthy));
    assert_eq!(w.now(), START);
    for (name, _) in DEMO_TARGETS {
        let d = deployment(&w, name);
        assert_eq!(number(&d, "/status/readyReplicas"), number(&d, "/spec/replicas"), "{name}");
        assert_eq!(reason(&d, "Available"), "True/MinimumReplicasAvailable");
        assert_eq!(reason(&d, "Progressing"), "True/NewReplicaSetAvailable");
    }
    assert!(w.served("billing", "4.1.8") > 80 * 200);
    assert!(w.next_event().is_none(), "a quiet cluster has nothing due: {:?}", w.next_event());
}

#[test]
fn a_rollout_surges_one_keeps_all_available_and_loses_no_request() {
    let mut w = two();
    let lost = w.lost_requests();
    change(&mut w, "deployments", "billing", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/billing:4.2.1");
    });
    assert_eq!(number(&deployment(&w, "billing"), "/status/observedGeneration"), 2);
    let mut least = 9;
    let mut most = 0;
    while let Some(at) = w.next_event() {
        w.advance_to(at);
        let d = deployment(&w, "billing");
        least = least.min(number(&d, "/status/availableReplicas"));
        most = most.max(number(&d, "/status/replicas"));
        if reason(&d, "Progressing") == "True/NewReplicaSetAvailable"
            && number(&d, "/status/updatedReplicas") == 4
            && number(&d, "/status/terminatingReplicas") == 0
        {
            break;
        }
    }
    assert_eq!((least, most), (4, 5));
    assert_eq!(w.lost_requests(), lost);
    assert_eq!(w.objects("replicasets", "shop").iter().filter(|r| number(r, "/spec/replicas") > 0).count(), 2);
    let d = deployment(&w, "billing");
    assert_eq!(d["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert!(w.now() < START + 120_000, "took {} ms", w.now() - START);
}

#[test]
fn a_crash_loop_misses_the_deadline_while_the_old_pods_stay() {
    let mut w = two();
    w.set_fault("billing", "4.2.1", Fault { crash: true, ..Fault::default() });
    change(&mut w, "deployments", "billing", |d| {
        d["spec"]["progressDeadlineSeconds"] = json!(15);
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/billing:4.2.1");
    });
    w.advance_to(START + 14_000);
    assert_eq!(reason(&deployment(&w, "billing"), "Progressing").split('/').next(), Some("True"));
    w.advance_to(START + 17_500);
    let d = deployment(&w, "billing");
    assert_eq!(reason(&d, "Progressing"), "False/ProgressDeadlineExceeded");
    assert_eq!(reason(&d, "Available"), "True/MinimumReplicasAvailable");
    assert_eq!(number(&d, "/status/readyReplicas"), 4);
    w.advance_to(START + 60_000);
    let crashed = w
        .objects("pods", "shop")
        .into_iter()
        .find(|p| number(p, "/status/containerStatuses/0/restartCount") > 1)
        .expect("crashes");
    assert_eq!(crashed["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "CrashLoopBackOff");
}

#[test]
fn a_missing_image_backs_off() {
    let mut w = two();
    w.set_fault("billing", "4.2.1", Fault { image_missing: true, ..Fault::default() });
    add_next(&mut w, "4.2.1", 1, 0);
    let p =
        w.objects("pods", "shop").into_iter().find(|p| p["metadata"]["labels"]["app"] == "billing-next").expect("made");
    assert_eq!(p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff");
    assert_eq!(p["status"]["phase"], "Pending");
}

#[test]
fn a_paused_rollout_keeps_both_replicasets() {
    let mut w = two();
    change(&mut w, "deployments", "billing", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/billing:4.2.1");
    });
    w.advance_to(START + 8_000);
    change(&mut w, "deployments", "billing", |d| d["spec"]["paused"] = json!(true));
    w.advance_to(START + 60_000);
    let d = deployment(&w, "billing");
    assert_eq!(reason(&d, "Progressing"), "Unknown/DeploymentPaused");
    let used = w
        .objects("replicasets", "shop")
        .into_iter()
        .filter(|r| r["metadata"]["labels"]["app"] == "billing" && number(r, "/spec/replicas") > 0);
    assert_eq!(used.count(), 2);
    change(&mut w, "deployments", "billing", |d| d["spec"]["paused"] = json!(false));
    w.advance_to(START + 160_000);
    assert_eq!(reason(&deployment(&w, "billing"), "Progressing"), "True/NewReplicaSetAvailable");
}

#[test]
fn unready_pods_leave_the_endpoints_within_a_second_and_requests_get_lost() {
    let mut w = two();
    w.set_fault("billing", "4.1.8", Fault { unready: true, ..Fault::default() });
    w.advance_to(START + 1_000);
    let slice = w
        .objects("endpointslices", "shop")
        .into_iter()
        .find(|s| s["metadata"]["labels"]["kubernetes.io/service-name"] == "billing")
        .expect("made");
    assert!(slice["endpoints"].as_array().expect("list").iter().all(|e| e["conditions"]["ready"] == false));
    let before = w.lost_requests();
    w.advance_to(START + 11_000);
    assert!(w.lost_requests() > before + 500, "about 80 a second are lost");
    w.set_fault("billing", "4.1.8", Fault::default());
    w.advance_to(START + 12_000);
    let healed = w.lost_requests();
    w.advance_to(START + 20_000);
    assert_eq!(w.lost_requests(), healed);
}

#[test]
fn traffic_follows_the_accepted_route_not_the_spec() {
    let mut w = two();
    add_next(&mut w, "4.2.1", 2, 25);
    assert_eq!(w.share("billing", "4.2.1"), 0.0, "not accepted yet");
    let accepted = w.next_event().expect("the gateway takes it up");
    assert!((300..=800).contains(&(accepted - w.now())));
    w.advance_to(accepted);
    assert!((w.share("billing", "4.2.1") - 0.25).abs() < 1e-9);
    let r = w.object("httproutes", "shop", "billing").expect("is there");
    for i in 0..2 {
        let c = &r["status"]["parents"][0]["conditions"][i];
        assert_eq!((&c["status"], &c["observedGeneration"]), (&json!("True"), &r["metadata"]["generation"]));
    }
    let before = w.served("billing", "4.2.1");
    let at = w.now() + 100_000;
    w.advance_to(at);
    let part = (w.served("billing", "4.2.1") - before) as f64 / 8_000.0;
    assert!((part - 0.25).abs() < 0.06, "{part}");
    assert_eq!(w.lost_requests(), 0);
}

#[test]
fn a_route_to_a_service_that_is_not_there_says_so_even_at_weight_0() {
    let mut w = two();
    set_weights(&mut w, 100, 0);
    w.advance_to(START + 1_000);
    let resolved = |w: &World| {
        w.object("httproutes", "shop", "billing").expect("is there")["status"]["parents"][0]["conditions"][1].clone()
    };
    assert_eq!(resolved(&w)["reason"], "BackendNotFound");
    let svc = json!({"metadata": {"name": "billing-next"}, "spec": {"selector": {"app": "billing-next"}, "ports": [{"port": 80}]}});
    w.make(of("services"), "shop", svc, "test");
    w.settle();
    assert_eq!(resolved(&w)["status"], "True");
}

#[test]
fn a_deleted_deployment_takes_its_replicasets_and_pods_along() {
    let mut w = two();
    w.delete(of("deployments"), &key("auth"), None, Dependants::Removed);
    w.settle();
    assert!(w.objects("replicasets", "shop").iter().all(|r| r["metadata"]["labels"]["app"] != "auth"));
    let leaving = w.objects("pods", "shop").into_iter().filter(|p| p["metadata"]["labels"]["app"] == "auth");
    assert!(
        leaving.clone().count() == 3 && leaving.into_iter().all(|p| p["metadata"]["deletionTimestamp"].is_string())
    );
    w.advance_to(START + 5_000);
    assert!(w.objects("pods", "shop").iter().all(|p| p["metadata"]["labels"]["app"] != "auth"));
}

#[test]
fn what_a_hand_deletes_its_controller_makes_again() {
    let mut w = two();
    let owned = |w: &World, plural: &str, of: &str| -> Vec<Value> {
        w.objects(plural, "shop").into_iter().filter(|o| o["metadata"]["ownerReferences"][0]["name"] == of).collect()
    };
    let rs = owned(&w, "replicasets", "auth").remove(0);
    w.delete(of("replicasets"), &crate::practice::store::key_of(&rs), None, Dependants::Removed);
    w.settle();
    let again = owned(&w, "replicasets", "auth");
    assert!(again.len() == 1 && again[0]["metadata"]["uid"] != rs["metadata"]["uid"], "{again:?}");
    assert_eq!(number(&deployment(&w, "auth"), "/status/readyReplicas"), 0, "its pods went along");
    w.advance_to(START + 60_000);
    assert_eq!(number(&deployment(&w, "auth"), "/status/readyReplicas"), 3);
    let slice = owned(&w, "endpointslices", "auth").remove(0);
    w.delete(of("endpointslices"), &crate::practice::store::key_of(&slice), None, Dependants::Removed);
    w.settle();
    let again = owned(&w, "endpointslices", "auth");
    assert_eq!((again.len(), &again[0]["endpoints"]), (1, &slice["endpoints"]));
    let name = again[0]["metadata"]["name"].as_str().expect("named").to_string();
    change(&mut w, "endpointslices", &name, |s| s["endpoints"] = json!([]));
    assert_eq!(owned(&w, "endpointslices", "auth")[0]["endpoints"], slice["endpoints"]);
}

#[test]
fn the_same_seed_and_writes_give_the_same_world_however_time_is_cut() {
    let tell = |step: i64| {
        let mut w = two();
        add_next(&mut w, "4.2.1", 2, 25);
        let end = START + 120_000;
        let mut at = w.now();
        while at < end {
            at = (at + step).min(end);
            w.advance_to(at);
        }
        (w.fingerprint(), w.served("billing", "4.2.1"), w.metrics_of("shop", &first_pod(&w)))
    };
    assert_eq!(tell(137), tell(60_000));
    let other = World::custom(
        Config { seed: 12, ..config(Scenario::Healthy) },
        Fixture::of(vec![ServiceSpec::new("billing", "4.1.8", 4, 80.0)], "4.2.1"),
    );
    assert_ne!(first_pod(&other), first_pod(&two()));
}

#[test]
fn a_quota_stops_new_pods_and_the_deployment_says_so() {
    let mut w = two();
    let ready = number(&deployment(&w, "billing"), "/status/readyReplicas");
    let all = w.objects("pods", "shop").len();
    let quota = json!({"metadata": {"name": "small"}, "spec": {"hard": {"pods": all.to_string()}}});
    w.make(of("resourcequotas"), "shop", quota, "kubectl").expect("made");
    w.settle();
    let small = w.object("resourcequotas", "shop", "small").expect("there");
    assert_eq!(small["status"], json!({"hard": {"pods": all.to_string()}, "used": {"pods": all.to_string()}}));
    change(&mut w, "deployments", "billing", |d| d["spec"]["replicas"] = json!(ready + 1));
    let soon = w.now() + 2_000;
    w.advance_to(soon);
    let d = deployment(&w, "billing");
    assert_eq!(reason(&d, "ReplicaFailure"), "True/FailedCreate");
    let message = rollout::condition(&d, "ReplicaFailure").map(|c| text(c, "/message")).unwrap_or_default();
    let says = format!("exceeded quota: small, requested: pods=1, used: pods={all}, limited: pods={all}");
    assert!(message.ends_with(&says), "{message}");
    change(&mut w, "resourcequotas", "small", |q| q["spec"]["hard"]["pods"] = json!((all + 1).to_string()));
    let later = w.now() + 60_000;
    w.advance_to(later);
    let d = deployment(&w, "billing");
    assert!(rollout::condition(&d, "ReplicaFailure").is_none(), "{d}");
    assert_eq!(number(&d, "/status/readyReplicas"), ready + 1);
}

fn first_pod(w: &World) -> String {
    w.objects("pods", "shop")[0]["metadata"]["name"].as_str().expect("named").to_string()
}
