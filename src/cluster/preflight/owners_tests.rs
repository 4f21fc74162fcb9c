use serde_json::{Value, json};

use super::super::tests::{World, problems};
use crate::cluster::fake::http_route;

/// A route at 25 %, under the mark of a run whose driver renewed its Lease at `renewed`.
fn driven(world: &mut World, renewed: &str) {
    world.route = http_route("billing", Some(25));
    world.route["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": "beef/3/9"});
    let lease: Value = json!({"spec": {"holderIdentity": "mia@host/7/beef", "leaseTransitions": 3,
        "renewTime": renewed, "leaseDurationSeconds": 15}});
    world.more.push(("leases", lease));
}

#[tokio::test]
async fn who_renewed_its_lease_drives_and_nobody_is_told_to_move_its_traffic() {
    let found = problems(|w| driven(w, "2026-11-22T00:59:50.000000Z")).await;
    assert!(found.iter().any(|p| p.what.contains("run beef drives billing now")), "{found:#?}");
    assert!(!found.iter().any(|p| p.fix.contains("patch httproute")), "{found:#?}");
}

#[tokio::test]
async fn a_lease_that_ran_out_is_a_dead_process_and_its_traffic_goes_back_by_hand_where_its_journal_is_lost() {
    let found = problems(|w| driven(w, "2026-11-22T00:59:40.000000Z")).await;
    assert!(!found.iter().any(|p| p.what.contains("drives billing now")), "{found:#?}");
    let split = found.iter().find(|p| p.what.contains("already sends 25 % to billing-next")).expect("it is said");
    assert!(split.fix.contains("pilothouse resume beef"), "{split:?}");
    let patch = "-n shop patch httproute billing --type=json -p '[";
    assert!(split.fix.contains(patch) && split.fix.contains("/backendRefs/0/weight"), "{split:?}");
}
