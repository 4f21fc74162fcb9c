use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::{planned, stable_deployment, stable_service};

fn mark() -> OwnerMark {
    OwnerMark { run: "7f3a".into(), epoch: 2, seq: 5 }
}

#[test]
fn next_is_stable_with_another_identity_image_and_version() {
    let (planned, stable) = (planned("billing", "4.2.1"), stable_deployment("billing", "4.1.8"));
    let shape = shape(&stable, &stable_service("billing"), "4.2.1").unwrap();
    let next = deployment(&planned, &stable, &shape, 2, Dur::mins(10), &mark()).unwrap();
    assert_eq!(
        next["metadata"],
        json!({"name": "billing-next", "namespace": "shop",
            "labels": {"app": "billing-next", "pilothouse.dev/slot": "next", "app.kubernetes.io/managed-by": "pilothouse"},
            "annotations": {"owner.pilothouse.dev/billing": "7f3a/2/5"}})
    );
    assert_eq!(
        next["spec"]["template"]["metadata"]["labels"],
        json!({"app": "billing-next", "version": "4.2.1", "pilothouse.dev/slot": "next"})
    );
    assert_eq!(
        next["spec"]["selector"],
        json!({"matchLabels": {"app": "billing-next", "pilothouse.dev/slot": "next"}})
    );
    assert_eq!(next["spec"]["replicas"], 2);
    assert_eq!(next["spec"]["progressDeadlineSeconds"], 600);
    assert_eq!(next["spec"]["minReadySeconds"], 10);
    assert_eq!(next["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert_eq!(next["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/billing:4.2.1");
    assert_eq!(
        next["spec"]["template"]["spec"]["containers"][0]["readinessProbe"],
        stable["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    );
    let front = service(&planned, &stable_service("billing"), &shape, &mark());
    assert_eq!(front["metadata"]["name"], "billing-next");
    assert_eq!(
        front["spec"],
        json!({"type": "ClusterIP", "selector": {"app": "billing-next", "pilothouse.dev/slot": "next"},
               "ports": [{"name": "http", "port": 80, "targetPort": "http"}]})
    );
}

#[test]
fn the_best_identity_label_is_rewritten_and_no_more_than_needed() {
    let mut stable = stable_deployment("billing", "4.1.8");
    let labels = json!({"app.kubernetes.io/name": "billing", "app.kubernetes.io/instance": "shop", "version": "4.1.8"});
    stable["spec"]["template"]["metadata"]["labels"] = labels;
    stable["spec"]["selector"] =
        json!({"matchLabels": {"app.kubernetes.io/name": "billing", "app.kubernetes.io/instance": "shop"}});
    let mut front = stable_service("billing");
    front["spec"]["selector"] = json!({"app.kubernetes.io/name": "billing"});
    let got = shape(&stable, &front, "4.2.1").unwrap();
    assert_eq!(got.labels["app.kubernetes.io/name"], "billing-next");
    assert_eq!(got.labels["app.kubernetes.io/instance"], "shop");
    assert_eq!(got.labels["version"], "4.2.1");
    // The Service looks at another label than the Deployment: both must change.
    front["spec"]["selector"] = json!({"app.kubernetes.io/instance": "shop"});
    let got = shape(&stable, &front, "4.2.1").unwrap();
    assert_eq!(got.labels["app.kubernetes.io/instance"], "shop-next");
    assert_eq!(got.identity.len(), 2);
}

#[test]
fn selectors_that_leave_nothing_to_tell_apart_are_refused() {
    let mut stable = stable_deployment("billing", "4.1.8");
    stable["spec"]["selector"] = json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]});
    assert!(shape(&stable, &stable_service("billing"), "4.2.1").unwrap_err().contains("leaves no label"));
    let long = "b".repeat(60);
    let stable = stable_deployment(&long, "4.1.8");
    assert!(shape(&stable, &stable_service(&long), "4.2.1").unwrap_err().contains("longer than 63"));
}

#[test]
fn the_next_service_carries_peoples_labels_and_no_tools() {
    let mut front = stable_service("billing");
    front["metadata"]["labels"] = json!({"app": "billing", "team": "shop", "app.kubernetes.io/part-of": "till",
        "app.kubernetes.io/instance": "shop", "helm.sh/chart": "x", "app.kubernetes.io/managed-by": "Helm",
        "version": "4.1.8", "kapp.k14s.io/app": "1"});
    let shape = shape(&stable_deployment("billing", "4.1.8"), &front, "4.2.1").unwrap();
    let made = service(&planned("billing", "4.2.1"), &front, &shape, &mark());
    assert_eq!(
        made["metadata"]["labels"],
        json!({"app": "billing-next", "team": "shop", "app.kubernetes.io/part-of": "till", "version": "4.2.1",
               "app.kubernetes.io/managed-by": "pilothouse", "pilothouse.dev/slot": "next"})
    );
    front["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
    let made = service(&planned("billing", "4.2.1"), &front, &shape, &mark());
    assert_eq!(made["metadata"]["labels"].get("team"), None, "any label may be the one Argo CD tracks by");
}

#[test]
fn affinity_follows_the_identity() {
    let mut stable = stable_deployment("billing", "4.1.8");
    stable["spec"]["template"]["spec"]["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["billing", "ledger"]}]}}]}});
    stable["spec"]["template"]["spec"]["topologySpreadConstraints"] =
        json!([{"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "billing"}}}]);
    let shape = shape(&stable, &stable_service("billing"), "4.2.1").unwrap();
    let next = deployment(&planned("billing", "4.2.1"), &stable, &shape, 1, Dur::mins(10), &mark()).unwrap();
    let text = next.to_string();
    assert!(text.contains(r#""values":["billing-next","ledger"]"#), "{text}");
    assert_eq!(
        next["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["app"],
        "billing-next"
    );
}

#[test]
fn copy_back_keeps_stables_labels_and_notes_its_strategy() {
    let mut planned = planned("billing", "4.2.1");
    let patch = json!({"spec": {"containers": [{"name": "app", "env": [{"name": "NEW", "value": "1"}]}]}});
    planned.patch = patch.as_object().cloned();
    let stable = stable_deployment("billing", "4.1.8");
    assert!(!is_copied_back(&planned, &stable));
    let sent = copy_back(&planned, &stable, &mark());
    assert_eq!(
        sent,
        json!({
            "metadata": {"resourceVersion": "9011", "annotations": {
                "owner.pilothouse.dev/billing": "7f3a/2/5",
                "pilothouse.dev/strategy-before": r#"{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"}"#}},
            "spec": {
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
                "template": {
                    "metadata": {"labels": {"version": "4.2.1"}},
                    "spec": {"containers": [{"name": "app", "env": [{"name": "NEW", "value": "1"}],
                                             "image": "registry.example/billing:4.2.1"}]}}}})
    );
    let mut after = stable.clone();
    strategic(&mut after, &sent);
    assert!(is_copied_back(&planned, &after));
    let image = &mut after["spec"]["template"]["spec"]["containers"][0]["image"];
    *image = json!("registry.example/billing:4.2.1@sha256:ab");
    assert!(is_copied_back(&planned, &after), "a webhook pinned it, and would do so again");
    assert_eq!(after["spec"]["template"]["metadata"]["labels"]["app"], "billing");
    let back = restore_strategy(&after).unwrap();
    assert_eq!(back["spec"]["strategy"], stable["spec"]["strategy"]);
    assert_eq!(back["metadata"]["annotations"]["pilothouse.dev/strategy-before"], Value::Null);
    assert_eq!(restore_strategy(&stable), None);
}
