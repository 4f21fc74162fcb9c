use serde_json::{Value, json};

use super::*;
use crate::cluster::Options;
use crate::cluster::fake::{Answer, Fake, http_route, plan, planned, stable_deployment, stable_service, status};
use crate::ports::Cluster;

const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/billing";
const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
const SERVICES: &str = "/api/v1/namespaces/shop/services";
const HPAS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";

async fn act(fake: &Fake, action: Action) -> CallOutcome {
    let cluster = KubeCluster::new(
        fake.client(),
        Options { request_timeout: std::time::Duration::from_millis(100), ..Options::LOCAL },
    );
    let call = Call { key: 19, epoch: 4, service: "billing".into(), action, why: "test".into() };
    cluster.call(&plan(vec![planned("billing", "4.2.1")]), "7f3a", &call).await
}

fn marked(mut object: Value, mark: &str) -> Value {
    object["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": mark});
    object
}

/// What `<name>-next` looks like once made by this run.
fn next_deployment(mark: &str) -> Value {
    let mut d = marked(stable_deployment("billing-next", "4.2.1"), mark);
    d["spec"]["template"]["metadata"]["labels"]["app"] = json!("billing-next");
    d
}

fn next_service(mark: &str) -> Value {
    marked(stable_service("billing-next"), mark)
}

fn error(outcome: CallOutcome) -> CallError {
    match outcome {
        CallOutcome::Failed { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

const RAISE: Action = Action::SetWeight { next: 25, expect: 10, rules: None };

#[tokio::test]
async fn a_weight_is_one_json_patch_with_preconditions_and_mark() {
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(10)));
    fake.ok(&format!("PATCH {ROUTE}"), marked(http_route("billing", Some(25)), "7f3a/4/19"));
    let CallOutcome::Done { seen } = act(&fake, RAISE).await else { panic!() };
    let Observation::Route(route) = &seen[0] else { panic!() };
    assert_eq!(route.weights.unwrap().share(), 25.0);
    assert_eq!(route.owner, Some(OwnerMark { run: "7f3a".into(), epoch: 4, seq: 19 }));
    let writes = fake.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].method, "PATCH");
    assert_eq!(writes[0].path, format!("{ROUTE}?fieldManager=pilothouse"));
    assert_eq!(writes[0].content_type, "application/json-patch+json");
    assert_eq!(writes[0].body[0], json!({"op": "test", "path": "/metadata/resourceVersion", "value": "55"}));
    assert_eq!(writes[0].body[7], json!({"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 25}));
}

#[tokio::test]
async fn what_is_already_so_under_this_runs_mark_is_found_and_not_written() {
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTE}"), marked(http_route("billing", Some(25)), "7f3a/3/2"));
    assert!(matches!(act(&fake, RAISE).await, CallOutcome::Found { .. }));
    assert!(fake.writes().is_empty());
}

#[tokio::test]
async fn a_higher_epoch_fences_every_action() {
    for action in [
        RAISE,
        Action::Stamp,
        Action::CreateNext { replicas: 1 },
        Action::Scale { slot: Slot::Stable, replicas: 4 },
        Action::CopyBack,
        Action::DeleteNext,
    ] {
        let fake = Fake::default();
        let route = marked(http_route("billing", Some(10)), "beef/5/1");
        fake.ok(&format!("GET {ROUTE}"), route.clone()).ok(&format!("GET {ROUTES}"), json!({"items": [route]}));
        fake.ok(&format!("GET {DEPLOYMENTS}/billing"), stable_deployment("billing", "4.1.8"));
        fake.ok(&format!("GET {SERVICES}/billing"), stable_service("billing"));
        let error = error(act(&fake, action.clone()).await);
        assert_eq!(error.kind, CallErrorKind::Fenced, "{action:?}");
        assert!(error.text.contains("epoch 5 of run beef"), "{}", error.text);
        assert!(fake.writes().is_empty());
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let causes = json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": "weight: Invalid value: -1",
                        "details": {"causes": [{"field": "spec"}]}});
    for (answer, kind, word) in [
        (
            Answer::Json(409, status(409, "Conflict", "the object has been modified")),
            CallErrorKind::Conflict,
            "modified",
        ),
        (Answer::Json(422, status(422, "Invalid", "error in our request")), CallErrorKind::Conflict, "precondition"),
        (Answer::Json(422, causes), CallErrorKind::Rejected, "weight: Invalid value"),
        (
            Answer::Json(403, status(403, "Forbidden", "User \"mia\" cannot patch resource \"httproutes\"")),
            CallErrorKind::Forbidden,
            "patch HTTPRoute billing: User \"mia\" cannot patch",
        ),
        (Answer::Json(401, status(401, "Unauthorized", "Unauthorized")), CallErrorKind::Forbidden, "401"),
        (Answer::Busy(429, "7"), CallErrorKind::Throttled, "Too many requests"),
    ] {
        let fake = Fake::default();
        fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(10))).on(&format!("PATCH {ROUTE}"), answer.clone());
        let outcome = act(&fake, RAISE).await;
        if let (Answer::Busy(..), CallOutcome::Failed { retry_after, .. }) = (&answer, &outcome) {
            assert_eq!(*retry_after, Some(Dur::secs(7)));
        }
        let error = error(outcome);
        assert_eq!(error.kind, kind, "{answer:?}");
        assert!(error.text.contains(word), "{}", error.text);
        assert_eq!(fake.writes().len(), 1, "never repeated here");
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_by_its_mark() {
    for lost in [Answer::Lost, Answer::Silence, Answer::Json(503, status(503, "ServiceUnavailable", "later"))] {
        // Applied.
        let fake = Fake::default();
        fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(10)));
        fake.ok(&format!("GET {ROUTE}"), marked(http_route("billing", Some(25)), "7f3a/4/19"));
        fake.on(&format!("PATCH {ROUTE}"), lost.clone());
        assert!(matches!(act(&fake, RAISE).await, CallOutcome::Done { .. }), "{lost:?}");
        // Not applied: somebody else's equal write does not count as ours.
        let fake = Fake::default();
        fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(10)));
        fake.ok(&format!("GET {ROUTE}"), marked(http_route("billing", Some(25)), "7f3a/4/18"));
        fake.on(&format!("PATCH {ROUTE}"), lost.clone());
        assert_eq!(error(act(&fake, RAISE).await).kind, CallErrorKind::Unreachable);
        // Nobody knows.
        let fake = Fake::default();
        fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(10))).on(&format!("GET {ROUTE}"), Answer::Lost);
        fake.on(&format!("PATCH {ROUTE}"), lost.clone());
        let outcome = act(&fake, RAISE).await;
        assert!(matches!(outcome, CallOutcome::Unknown { .. }), "{lost:?}: {outcome:?}");
    }
    // Nothing was sent when the first read already fails.
    let fake = Fake::default();
    fake.on(&format!("GET {ROUTE}"), Answer::Lost);
    assert_eq!(error(act(&fake, RAISE).await).kind, CallErrorKind::Unreachable);
    assert!(fake.writes().is_empty());
}

fn with_stable(fake: &Fake) {
    fake.ok(&format!("GET {ROUTE}"), http_route("billing", None));
    fake.ok(&format!("GET {DEPLOYMENTS}/billing"), stable_deployment("billing", "4.1.8"));
    fake.ok(&format!("GET {SERVICES}/billing"), stable_service("billing"));
}

#[tokio::test]
async fn next_is_made_of_two_objects() {
    let fake = Fake::default();
    with_stable(&fake);
    fake.on(&format!("POST {DEPLOYMENTS}"), Answer::Json(201, next_deployment("7f3a/4/19")));
    fake.on(&format!("POST {SERVICES}"), Answer::Json(201, next_service("7f3a/4/19")));
    let CallOutcome::Done { seen } = act(&fake, Action::CreateNext { replicas: 2 }).await else { panic!() };
    let Observation::Workload(seen) = &seen[0] else { panic!() };
    assert_eq!((seen.slot, seen.deployment.is_some()), (Slot::Next, true));
    let writes = fake.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0].path, format!("{DEPLOYMENTS}?fieldManager=pilothouse"));
    assert_eq!(writes[0].body["metadata"]["name"], "billing-next");
    assert_eq!(writes[0].body["spec"]["replicas"], 2);
    assert_eq!(writes[1].body["kind"], "Service");
}

#[tokio::test]
async fn a_missing_half_is_repaired_and_a_whole_is_found() {
    let fake = Fake::default();
    with_stable(&fake);
    fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), next_deployment("7f3a/3/2"));
    fake.on(&format!("POST {SERVICES}"), Answer::Json(201, next_service("7f3a/4/19")));
    assert!(matches!(act(&fake, Action::CreateNext { replicas: 1 }).await, CallOutcome::Done { .. }));
    assert_eq!(fake.writes().len(), 1);
    fake.ok(&format!("GET {SERVICES}/billing-next"), next_service("7f3a/4/19"));
    assert!(matches!(act(&fake, Action::CreateNext { replicas: 1 }).await, CallOutcome::Found { .. }));
    assert_eq!(fake.writes().len(), 1);
}

/// Else it would be found, and asked for again, for ever.
#[tokio::test]
async fn a_service_that_no_longer_selects_its_pods_is_no_whole() {
    let fake = Fake::default();
    with_stable(&fake);
    fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), next_deployment("7f3a/3/2"));
    let mut edited = next_service("7f3a/4/19");
    edited["spec"]["selector"] = json!({"app": "somebody-elses"});
    fake.ok(&format!("GET {SERVICES}/billing-next"), edited);
    let error = error(act(&fake, Action::CreateNext { replicas: 1 }).await);
    assert_eq!(error.kind, CallErrorKind::Rejected);
    assert!(error.text.contains("no longer selects the pods of billing-next: delete it"), "{}", error.text);
    assert!(fake.writes().is_empty());
}

#[tokio::test]
async fn foreign_objects_are_never_taken_over() {
    for (mark, word) in [(Some("beef/1/1"), "belongs to run beef"), (None, "was not made by Pilothouse")] {
        for action in
            [Action::CreateNext { replicas: 1 }, Action::DeleteNext, Action::Scale { slot: Slot::Next, replicas: 1 }]
        {
            let fake = Fake::default();
            with_stable(&fake);
            fake.ok(&format!("GET {ROUTES}"), json!({"items": []})).ok(&format!("GET {HPAS}"), json!({"items": []}));
            let foreign = stable_deployment("billing-next", "9");
            fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), mark.map_or(foreign.clone(), |m| marked(foreign, m)));
            let error = error(act(&fake, action).await);
            assert_eq!(error.kind, CallErrorKind::Rejected);
            assert!(error.text.contains(word), "{}", error.text);
            assert!(fake.writes().is_empty());
        }
    }
}

#[tokio::test]
async fn a_lost_create_counts_only_when_both_objects_are_there() {
    let fake = Fake::default();
    with_stable(&fake);
    let gone = || Answer::Json(404, status(404, "NotFound", "not found"));
    fake.on(&format!("GET {DEPLOYMENTS}/billing-next"), gone());
    fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), next_deployment("7f3a/4/19"));
    fake.on(&format!("POST {DEPLOYMENTS}"), Answer::Lost);
    assert_eq!(error(act(&fake, Action::CreateNext { replicas: 1 }).await).kind, CallErrorKind::Unreachable);
    // The next try finds the first half and makes the second.
    fake.on(&format!("POST {SERVICES}"), Answer::Json(201, next_service("7f3a/4/19")));
    assert!(matches!(act(&fake, Action::CreateNext { replicas: 1 }).await, CallOutcome::Done { .. }));
    assert_eq!(fake.writes().iter().filter(|w| w.body["kind"] == "Deployment").count(), 1);
}

#[tokio::test]
async fn scaling_is_a_merge_patch_as_read_and_never_against_an_autoscaler() {
    let fake = Fake::default();
    with_stable(&fake);
    fake.ok(&format!("GET {HPAS}"), json!({"items": []}));
    fake.ok(&format!("PATCH {DEPLOYMENTS}/billing"), marked(stable_deployment("billing", "4.1.8"), "7f3a/4/19"));
    let action = Action::Scale { slot: Slot::Stable, replicas: 5 };
    assert!(matches!(act(&fake, action.clone()).await, CallOutcome::Done { .. }));
    let sent = &fake.writes()[0];
    assert_eq!(sent.content_type, "application/merge-patch+json");
    assert_eq!(
        sent.body,
        json!({"metadata": {"resourceVersion": "9011", "annotations": {"owner.pilothouse.dev/billing": "7f3a/4/19"}},
               "spec": {"replicas": 5}})
    );
    let fake = Fake::default();
    with_stable(&fake);
    let hpa = json!({"metadata": {"name": "h"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "billing"}}});
    fake.ok(&format!("GET {HPAS}"), json!({"items": [hpa]}));
    let error = error(act(&fake, action).await);
    assert_eq!(error.kind, CallErrorKind::Rejected);
    assert!(error.text.contains("HorizontalPodAutoscaler h"), "{}", error.text);
    assert!(fake.writes().is_empty());
}

#[tokio::test]
async fn the_copy_back_waits_for_next_to_serve_all() {
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(50)));
    fake.ok(&format!("GET {DEPLOYMENTS}/billing"), stable_deployment("billing", "4.1.8"));
    assert_eq!(error(act(&fake, Action::CopyBack).await).kind, CallErrorKind::Conflict);
    assert!(fake.writes().is_empty());
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTE}"), http_route("billing", Some(100)));
    fake.ok(&format!("GET {DEPLOYMENTS}/billing"), stable_deployment("billing", "4.1.8"));
    fake.ok(&format!("PATCH {DEPLOYMENTS}/billing"), marked(stable_deployment("billing", "4.2.1"), "7f3a/4/19"));
    assert!(matches!(act(&fake, Action::CopyBack).await, CallOutcome::Done { .. }));
    assert_eq!(fake.writes()[0].content_type, "application/strategic-merge-patch+json");
    let image = fake.writes()[0].body.pointer("/spec/template/spec/containers/0/image").cloned();
    assert_eq!(image, Some(json!("registry.example/billing:4.2.1")));
}

#[tokio::test]
async fn next_is_deleted_only_as_read_only_ours_and_only_when_no_route_holds_it() {
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTES}"), json!({"items": [http_route("billing", Some(0))]}));
    fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), next_deployment("7f3a/4/2"));
    let held = error(act(&fake, Action::DeleteNext).await);
    assert!(held.text.contains("HTTPRoute billing still holds Service billing-next"), "{}", held.text);
    assert!(fake.writes().is_empty());

    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTES}"), json!({"items": [http_route("billing", None)]}));
    fake.ok(&format!("GET {DEPLOYMENTS}/billing-next"), next_deployment("7f3a/4/2"));
    fake.ok(&format!("GET {SERVICES}/billing-next"), next_service("7f3a/4/2"));
    fake.ok(&format!("DELETE {DEPLOYMENTS}/billing-next"), json!({"kind": "Status", "status": "Success"}));
    fake.ok(&format!("DELETE {SERVICES}/billing-next"), json!({"kind": "Status", "status": "Success"}));
    let CallOutcome::Done { seen } = act(&fake, Action::DeleteNext).await else { panic!() };
    assert!(matches!(&seen[0], Observation::Workload(w) if w.deployment.is_none() && !w.service_exists));
    assert_eq!(fake.writes()[0].body["preconditions"], json!({"uid": "uid-billing-next", "resourceVersion": "9011"}));
    assert_eq!(fake.writes()[0].body["propagationPolicy"], "Background");
    assert_eq!(fake.writes().len(), 2);

    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTES}"), json!({"items": []}));
    assert!(matches!(act(&fake, Action::DeleteNext).await, CallOutcome::Found { .. }));
}

#[tokio::test]
async fn the_end_gives_stable_its_strategy_back() {
    let fake = Fake::default();
    fake.ok(&format!("GET {ROUTES}"), json!({"items": []}));
    let mut stable = marked(stable_deployment("billing", "4.2.1"), "7f3a/4/2");
    stable["metadata"]["annotations"]["pilothouse.dev/strategy-before"] = json!(r#"{"type":"Recreate"}"#);
    fake.ok(&format!("GET {DEPLOYMENTS}/billing"), stable.clone()).ok(&format!("PATCH {DEPLOYMENTS}/billing"), stable);
    assert!(matches!(act(&fake, Action::DeleteNext).await, CallOutcome::Done { .. }));
    assert_eq!(fake.writes()[0].body["spec"]["strategy"], json!({"type": "Recreate", "rollingUpdate": null}));
}
