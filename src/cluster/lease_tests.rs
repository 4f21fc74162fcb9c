use serde_json::json;

use super::*;
use crate::cluster::fake::{Answer, Fake, status};

const ME: &str = "ivo@host/42/7f3a";
const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/pilothouse-shop";

fn seen(holder: &str, since: i64) -> Seen {
    Seen { holder: holder.into(), transitions: 4, duration: DURATION, since: Time(since) }
}

#[test]
fn a_lease_is_anothers_until_it_has_not_moved_for_its_duration() {
    let other = seen("mia@host/7/beef", 1_000);
    assert_eq!(lease_step(Time(0), None, ME), Decision::Create);
    let left = Decision::Leave { holder: other.holder.clone(), epoch: 4 };
    assert_eq!(lease_step(Time(16_000), Some(&other), ME), left);
    assert_eq!(lease_step(Time(16_001), Some(&other), ME), Decision::Take { epoch: 5 });
    assert_eq!(lease_step(Time(0), Some(&seen("", 0)), ME), Decision::Take { epoch: 5 });
    assert_eq!(lease_step(Time(99_000), Some(&seen(ME, 0)), ME), Decision::Renew { epoch: 4 });
}

fn lease(holder: &str, renewed: &str, transitions: u64) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "pilothouse-shop", "namespace": "shop", "resourceVersion": "12"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": "2026-11-01T00:00:00.000000Z",
                 "renewTime": renewed, "leaseTransitions": transitions}})
}

fn keeper(fake: &Fake) -> KubeLease {
    KubeLease::new(fake.client(), "shop", "shop", ME)
}

#[tokio::test]
async fn a_missing_lease_is_made_with_epoch_one() {
    let fake = Fake::default();
    fake.on("POST /apis/coordination.k8s.io/v1/namespaces/shop/leases", Answer::Json(201, json!({})));
    assert_eq!(keeper(&fake).renew(Time(1_500)).await, LeaseSeen::Held { epoch: 1 });
    let sent = &fake.writes()[0];
    assert_eq!(
        sent.body["spec"],
        json!({"holderIdentity": ME, "leaseDurationSeconds": 15, "acquireTime": "1970-01-01T00:00:01.500000Z",
               "renewTime": "1970-01-01T00:00:01.500000Z", "leaseTransitions": 1})
    );
}

#[tokio::test]
async fn a_foreign_lease_is_taken_only_after_it_stood_still_before_our_eyes() {
    let fake = Fake::default();
    // By its own time it ran out decades ago; only what we saw counts.
    fake.ok(&format!("GET {PATH}"), lease("mia@host/7/beef", "1970-01-01T00:00:00.000000Z", 4));
    fake.ok(&format!("PUT {PATH}"), json!({}));
    let keeper = keeper(&fake);
    for now in [1_000_000, 1_015_000] {
        let seen = keeper.renew(Time(now)).await;
        assert!(matches!(&seen, LeaseSeen::Waiting { error } if error.contains("mia@host/7/beef")), "{seen:?}");
    }
    assert!(fake.writes().is_empty());
    assert_eq!(keeper.renew(Time(1_015_001)).await, LeaseSeen::Held { epoch: 5 });
    let sent = &fake.writes()[0].body;
    assert_eq!(sent["metadata"]["resourceVersion"], "12", "replaced only as read");
    assert_eq!(sent["spec"]["holderIdentity"], ME);
}

#[tokio::test]
async fn a_foreign_lease_that_moves_is_taken() {
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), lease("mia@host/7/beef", "2026-11-01T00:00:00.000000Z", 4));
    fake.ok(&format!("GET {PATH}"), lease("mia@host/7/beef", "2026-11-01T00:00:02.000000Z", 4));
    let keeper = keeper(&fake);
    assert!(matches!(keeper.renew(Time(0)).await, LeaseSeen::Waiting { .. }));
    let taken = LeaseSeen::Taken { holder: "mia@host/7/beef".into(), epoch: 4 };
    assert_eq!(keeper.renew(Time(2_000)).await, taken);
    assert_eq!(keeper.renew(Time(17_000)).await, taken);
    assert_eq!(fake.writes().len(), 0);
}

#[tokio::test]
async fn a_lease_lost_to_another_is_taken_at_once() {
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), lease(ME, "x", 4));
    fake.ok(&format!("GET {PATH}"), lease("mia@host/7/beef", "y", 5));
    fake.ok(&format!("PUT {PATH}"), json!({}));
    let keeper = keeper(&fake);
    assert_eq!(keeper.renew(Time(0)).await, LeaseSeen::Held { epoch: 4 });
    assert_eq!(keeper.renew(Time(2_000)).await, LeaseSeen::Taken { holder: "mia@host/7/beef".into(), epoch: 5 });
}

#[tokio::test]
async fn a_lost_race_is_read_again() {
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), lease("", "x", 4));
    fake.ok(&format!("GET {PATH}"), lease("mia@host/7/beef", "y", 5));
    fake.on(&format!("PUT {PATH}"), Answer::Json(409, status(409, "Conflict", "modified")));
    assert_eq!(keeper(&fake).renew(Time(0)).await, LeaseSeen::Taken { holder: "mia@host/7/beef".into(), epoch: 5 });
    assert_eq!(fake.writes().len(), 1);
}

#[tokio::test]
async fn a_renewal_that_fails_says_why_and_the_next_one_goes_on() {
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), lease(ME, "x", 4)).on(&format!("GET {PATH}"), Answer::Lost);
    fake.ok(&format!("GET {PATH}"), lease(ME, "1970-01-01T00:00:00.000000Z", 4));
    fake.ok(&format!("PUT {PATH}"), json!({}));
    let keeper = keeper(&fake);
    assert_eq!(keeper.renew(Time(0)).await, LeaseSeen::Held { epoch: 4 });
    assert_eq!(fake.writes()[0].body["spec"]["acquireTime"], "2026-11-01T00:00:00.000000Z", "kept while it is ours");
    let LeaseSeen::Expired { error } = keeper.renew(Time(2_000)).await else { panic!("no answer is no lease") };
    assert!(error.contains("get lease pilothouse-shop: ") && error.contains("reset"), "{error}");
    assert_eq!(keeper.renew(Time(4_000)).await, LeaseSeen::Held { epoch: 4 });
}

#[tokio::test]
async fn a_renewal_whose_answer_got_lost_is_read_back() {
    let fake = Fake::default();
    let before = || lease(ME, "1970-01-01T00:00:00.000000Z", 4);
    fake.ok(&format!("GET {PATH}"), before()).ok(&format!("GET {PATH}"), lease(ME, "1970-01-01T00:00:02.000000Z", 4));
    fake.on(&format!("PUT {PATH}"), Answer::Lost);
    assert_eq!(keeper(&fake).renew(Time(2_000)).await, LeaseSeen::Held { epoch: 4 }, "it arrived");
    assert_eq!(fake.writes().len(), 1, "and is not repeated");
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), before()).ok(&format!("GET {PATH}"), before());
    fake.on(&format!("PUT {PATH}"), Answer::Lost);
    let LeaseSeen::Expired { error } = keeper(&fake).renew(Time(2_000)).await else { panic!("it did not arrive") };
    assert!(error.contains("update lease pilothouse-shop"), "{error}");
}

#[tokio::test]
async fn a_released_lease_is_empty_and_only_our_own_is_released() {
    let fake = Fake::default();
    fake.ok(&format!("GET {PATH}"), lease(ME, "x", 4)).ok(&format!("PUT {PATH}"), json!({}));
    let keeper = keeper(&fake);
    keeper.release().await;
    assert!(fake.writes().is_empty(), "nothing was held");
    keeper.renew(Time(0)).await;
    keeper.release().await;
    assert_eq!(fake.writes()[1].body["spec"]["holderIdentity"], "");
    assert_eq!(fake.writes()[1].body["spec"]["leaseTransitions"], 4);
}

/// Routes of this namespace with one mark.
fn routes(mark: &str) -> Value {
    json!({"items": [{"metadata": {"name": "billing", "annotations": {"owner.pilothouse.dev/billing": mark}}}]})
}

const LEASES: &str = "POST /apis/coordination.k8s.io/v1/namespaces/shop/leases";
const ROUTES: &str = "GET /apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";

#[tokio::test]
async fn a_lease_that_was_deleted_is_made_above_every_mark() {
    let fake = Fake::default();
    fake.ok(ROUTES, routes("beef/6/19"));
    fake.on(LEASES, Answer::Json(201, json!({})));
    assert_eq!(keeper(&fake).renew(Time(1_500)).await, LeaseSeen::Held { epoch: 7 });
    assert_eq!(fake.writes()[0].body["spec"]["leaseTransitions"], 7);
}

#[tokio::test]
async fn a_lease_deleted_under_its_driver_comes_back_higher_than_it_was() {
    let fake = Fake::default();
    let gone = Answer::Json(404, status(404, "NotFound", "leases \"pilothouse-shop\" not found"));
    fake.ok(&format!("GET {PATH}"), lease(ME, "2026-11-01T00:00:00.000000Z", 4)).on(&format!("GET {PATH}"), gone);
    fake.ok(&format!("PUT {PATH}"), json!({}));
    fake.ok(ROUTES, routes("7f3a/2/1"));
    fake.on(LEASES, Answer::Json(201, json!({})));
    let keeper = keeper(&fake);
    assert_eq!(keeper.renew(Time(1_000)).await, LeaseSeen::Held { epoch: 4 });
    assert_eq!(keeper.renew(Time(3_000)).await, LeaseSeen::Held { epoch: 5 });
}

/// Without knowing the marks nobody can say which epoch is high enough.
#[tokio::test]
async fn a_lease_is_not_made_while_the_marks_cannot_be_read() {
    let fake = Fake::default();
    fake.on(ROUTES, Answer::Json(500, status(500, "InternalError", "etcd is away")));
    fake.on(LEASES, Answer::Json(201, json!({})));
    let seen = keeper(&fake).renew(Time(1_000)).await;
    assert!(matches!(&seen, LeaseSeen::Expired { error } if error.contains("etcd is away")), "{seen:?}");
    assert!(fake.writes().is_empty());
}
