use super::stand::{Stand, ivo};
use crate::engine::command::Verb;
use crate::engine::message::{Attached, Body, LeaseSeen, Link};
use crate::engine::observe::Accepted;
use crate::engine::run::{HoldReason, ObservedShare};
use crate::spec::policy::Observed;
use crate::spec::units::Dur;

fn ready(s: &mut Stand, name: &str, n: u32) {
    let d = s.world.get_mut(name).unwrap().next.as_mut().unwrap();
    (d.ready, d.available) = (n, n);
}

/// New pods are made, and not ready.
fn slow() -> Stand {
    let mut s = Stand::waiting(|_| {});
    s.pods_ready = false;
    s.attach(true);
    s
}

#[test]
fn pods_that_got_ready_while_nobody_drove_are_good_news() {
    let mut s = slow();
    s.wait(Dur::secs(2));
    assert!(s.wrote("ledger", "create-next"));
    // Killed; taken up eleven minutes later.
    s.skip(Dur::mins(11));
    ready(&mut s, "ledger", 1);
    s.attach(true);
    s.wait(Dur::secs(1));
    assert!(s.is("ledger", "warming"), "{:#?}", s.told());
}

#[test]
fn an_outage_runs_no_deadline_out() {
    let mut s = slow();
    s.wait(Dur::secs(2));
    s.hear(Body::ClusterLink(Link::Down("refused".into())));
    s.wait(Dur::mins(11));
    s.hear(Body::ClusterLink(Link::Up));
    s.show("ledger");
    s.wait(Dur::mins(1));
    assert!(s.is("ledger", "deploying"), "{:#?}", s.told());
    s.wait(Dur::mins(10));
    assert!(s.t("ledger").phase.going_back() || s.is("ledger", "rolled back"), "{:#?}", s.told());
}

#[test]
fn a_pause_runs_no_deadline_out() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("ledger", "warming"));
    s.say(Verb::Pause, Some("ledger"));
    s.wait(Dur::mins(15));
    ready(&mut s, "ledger", 0);
    s.show("ledger");
    s.wait(Dur::secs(1));
    assert!(s.is("ledger", "warming"), "one look at a pod that is not ready: {:#?}", s.told());
    ready(&mut s, "ledger", 1);
    s.show("ledger");
    s.say(Verb::Resume, Some("ledger"));
    s.until(|s| s.holds_step("ledger", 0));
    // The same before a raise: the pods for it are only asked for when the pause is over.
    s.wait(Dur::secs(25));
    s.say(Verb::Pause, Some("ledger"));
    s.wait(Dur::mins(15));
    s.pods_ready = false;
    s.say(Verb::Resume, Some("ledger"));
    s.until(|s| s.wrote("ledger", "scale"));
    s.wait(Dur::secs(5));
    assert!(s.is("ledger", "shifting"), "{:#?}", s.told());
    s.wait(Dur::mins(10));
    assert!(!s.is("ledger", "shifting"), "the deadline itself holds: {:#?}", s.told());
}

#[test]
fn pods_that_come_and_go_do_not_warm_for_ever() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("ledger", "warming"));
    for i in 0..140 {
        if s.is("ledger", "warming") {
            ready(&mut s, "ledger", i % 2);
            s.show("ledger");
        }
        s.wait(Dur::secs(5));
    }
    assert!(!s.is("ledger", "warming") && !s.is("ledger", "shifting"), "{:#?}", s.told());
}

#[test]
fn acceptance_is_waited_for_from_when_it_was_lost() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    s.say(Verb::Pause, Some("ledger"));
    s.wait(Dur::mins(2));
    // Another service wrote to the same route: no gateway has answered for this generation yet.
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    (route.accepted, route.generation) = (Accepted::Pending, route.generation + 1);
    s.show("ledger");
    s.say(Verb::Resume, Some("ledger"));
    s.wait(Dur::secs(5));
    assert_eq!(s.t("ledger").held, None, "{:#?}", s.told());
    s.wait(Dur::secs(60));
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::NotAccepted), "{:#?}", s.told());
}

/// The lease went and came: what is said of pods while nobody drives counts for nothing.
#[test]
fn a_lost_lease_runs_no_deadline_out() {
    let mut s = slow();
    s.wait(Dur::secs(2));
    s.hear(Body::Lease(LeaseSeen::Expired { error: "timeout".into() }));
    s.wait(Dur::mins(12));
    s.hear(Body::Lease(LeaseSeen::Held { epoch: 2 }));
    s.wait(Dur::secs(2));
    assert!(s.is("ledger", "deploying"), "{:#?}", s.told());
}

/// Killed, and taken up again by a process that got no lease before it was killed as well, and by a third.
#[test]
fn time_without_a_process_is_no_part_of_a_step() {
    let mut s = Stand::new(|p| (p.observed, p.steps[0].hold) = (Observed::Prefer, Dur::mins(5)));
    s.seen_share.insert("ledger".into(), (0.0, 0.0));
    s.few.insert("ledger".into());
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::secs(20));
    s.skip(Dur::mins(10));
    s.hear(Body::Attached(Attached { identity: ivo(), interactive: false, start: true, pager: false }));
    s.wait(Dur::secs(12));
    s.skip(Dur::hours(2));
    s.attach(false);
    assert_eq!(s.t("ledger").observed, ObservedShare::Unknown, "{:#?}", s.told());
    s.wait(Dur::secs(60));
    assert_eq!(s.t("ledger").ask, None, "{:#?}", s.told());
    assert_eq!(s.t("ledger").observed, ObservedShare::Unknown, "{:#?}", s.told());
    s.wait(Dur::secs(60));
    assert_eq!(s.t("ledger").observed, ObservedShare::NotObserved, "{:#?}", s.told());
}
