use super::stand::Stand;
use crate::engine::command::Verb;
use crate::engine::effect::Action;
use crate::engine::message::{Body, CallOutcome, LeaseSeen};
use crate::engine::observe::{Observation, Weights};
use crate::engine::run::{Driving, HoldReason, ObservedShare, Phase};
use crate::spec::policy::Observed;
use crate::spec::units::Dur;

#[test]
fn too_few_requests_are_an_answer_and_end_blindness() {
    let mut s = Stand::new(|_| {});
    s.attach(false);
    s.until(|s| s.holds_step("ledger", 0));
    s.metrics_away = true;
    s.until(|s| s.t("ledger").blind.is_some());
    s.metrics_away = false;
    s.few.insert("ledger".into());
    s.wait(Dur::secs(45));
    assert_eq!(s.t("ledger").blind, None, "{:#?}", s.told());
    s.wait(Dur::mins(20));
    assert!(!s.run.is_ended(), "{:#?}", s.told());
}

#[test]
fn a_bad_tick_ends_what_next_said() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(5));
    s.until(|s| s.holds_step("ledger", 0) && s.t("ledger").gates_pass());
    // The share is not proven yet, so `next` waits.
    s.run.tracks.get_mut("ledger").unwrap().observed = ObservedShare::Unknown;
    s.seen_share.insert("ledger".into(), (0.0, 0.0));
    s.say(Verb::Next, Some("ledger"));
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(12));
    s.bad.clear();
    s.seen_share.clear();
    s.wait(Dur::secs(60));
    assert!(s.holds_step("ledger", 0), "{:#?}", s.told());
}

#[test]
fn a_handful_of_requests_proves_no_share() {
    let mut s = Stand::new(|p| (p.observed, p.steps[0].hold) = (Observed::Require, Dur::mins(5)));
    s.seen_share.insert("ledger".into(), (0.0, 4.0));
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::secs(25));
    assert_eq!(s.t("ledger").observed, ObservedShare::Unknown, "0 of 4 is what 10% looks like, and what 0% does");
    s.seen_share.insert("ledger".into(), (0.0, 400.0));
    s.wait(Dur::secs(12));
    assert!(matches!(s.t("ledger").observed, ObservedShare::Off(_)));
    s.seen_share.insert("ledger".into(), (44.0, 356.0));
    s.wait(Dur::secs(12));
    assert!(matches!(s.t("ledger").observed, ObservedShare::Confirmed(_)));
}

#[test]
fn a_share_of_one_per_cent_can_be_proven() {
    let mut s = Stand::new(|p| p.steps[0].weight = 1);
    s.until(|s| s.holds_step("ledger", 0));
    s.seen_share.insert("ledger".into(), (20.0, 1980.0));
    s.wait(Dur::secs(12));
    assert!(matches!(s.t("ledger").observed, ObservedShare::Confirmed(_)), "{:?}", s.t("ledger").observed);
    s.seen_share.insert("ledger".into(), (0.0, 2000.0));
    s.wait(Dur::secs(10));
    assert!(matches!(s.t("ledger").observed, ObservedShare::Off(_)), "{:?}", s.t("ledger").observed);
}

#[test]
fn that_a_share_could_not_be_observed_is_said_once_a_step() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(10));
    s.seen_share.insert("ledger".into(), (0.0, 4.0));
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::mins(6));
    assert_eq!(s.count("could not be observed"), 1, "{:#?}", s.told());
    assert_eq!(s.t("ledger").observed, ObservedShare::NotObserved);
    // Requests that contradict what was asked are another matter.
    s.seen_share.insert("ledger".into(), (0.0, 4000.0));
    s.wait(Dur::secs(12));
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::NotObserved));
}

#[test]
fn an_outage_is_as_long_as_it_was_also_when_the_clock_is_set() {
    let mut s = Stand::new(|_| {});
    s.attach(false);
    s.until(|s| s.holds_step("ledger", 0));
    s.hear(Body::Lease(LeaseSeen::Expired { error: "timeout".into() }));
    s.now = s.now + Dur::hours(1);
    s.hear(Body::ClockJumped(3_600_000));
    assert!(!s.run.is_ended(), "{:#?}", s.told());
}

#[test]
fn after_a_jump_nothing_is_decided_on_the_picture_from_before() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("ledger", "warming"));
    s.now = s.now + Dur::hours(8);
    s.hear(Body::ClockJumped(28_800_000));
    s.hear(Body::Lease(LeaseSeen::Held { epoch: 2 }));
    let before = s.calls.len();
    s.wait(Dur::mins(1));
    assert_eq!(s.calls.len(), before, "{:#?}", s.told());
    s.show_all();
    s.hear(Body::Synced);
    s.until(|s| s.holds_step("ledger", 0));
}

#[test]
fn a_soak_counts_no_more_time_than_passed() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("ledger", "soaking"));
    let began = s.now;
    s.until(|s| s.is("ledger", "soaked"));
    assert!(s.now.since(began) >= Dur::secs(60), "soaked after {}", s.now.since(began));
}

#[test]
fn the_list_of_pages_has_an_end_and_keeps_what_nobody_saw() {
    let mut s = Stand::new(|_| {});
    let open = crate::engine::effect::Page {
        id: 9_999,
        at: s.now,
        service: None,
        text: "the first, not seen".into(),
        acked_by: None,
    };
    s.run.pages.push(open.clone());
    for id in 0..300 {
        let acked_by = Some("ivo".to_string());
        s.run.pages.push(crate::engine::effect::Page { id, acked_by, ..open.clone() });
    }
    s.until(|s| s.holds_step("ledger", 0));
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").phase.going_back());
    assert_eq!(s.run.pages.len(), 200);
    assert!(s.run.pages.iter().any(|p| p.id == 9_999), "what nobody acknowledged is kept first");
    assert!(s.run.pages.iter().all(|p| p.id > 100 || p.acked_by.is_none()));
    assert!(matches!(s.t("ledger").phase, Phase::RollingBack(_)));
}

fn early(s: &Stand, name: &str) -> bool {
    matches!(&s.t(name).phase, Phase::Shifting { hold, .. } if hold.ended_by.is_some())
}

#[test]
fn next_waits_until_the_share_as_it_is_was_judged() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(5));
    s.until(|s| s.holds_step("ledger", 0));
    // Pods alone are good before requests were asked about.
    s.say(Verb::Next, Some("ledger"));
    assert!(s.holds_step("ledger", 0) && !early(&s, "ledger"), "{:#?}", s.told());
    s.wait(Dur::secs(25));
    s.say(Verb::Next, Some("ledger"));
    s.until(|s| s.holds_step("ledger", 1));
    // What was good at the share before says nothing of this one.
    s.say(Verb::Next, Some("ledger"));
    assert!(s.holds_step("ledger", 1) && !early(&s, "ledger"), "{:#?}", s.told());
}

/// What a cluster says that was restored from a backup: nothing of ours was ever written, by generations long gone.
fn set_back(s: &mut Stand) {
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    assert!(route.generation > 2);
    (route.generation, route.weights) = (1, Some(Weights { stable: 100, next: None }));
}

#[test]
fn a_cluster_that_was_set_back_is_believed() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(5));
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::secs(40));
    set_back(&mut s);
    s.show("ledger");
    assert_eq!(s.t("ledger").route.as_ref().map(|r| r.generation), Some(1), "{:#?}", s.told());
}

#[test]
fn a_watch_that_lags_behind_our_own_write_is_not() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.wrote("ledger", "set-weight"));
    let mut before = s.world["ledger"].route.clone();
    (before.generation, before.weights) = (before.generation - 1, Some(Weights { stable: 100, next: Some(0) }));
    s.hear(Body::Observed(Observation::Route(before)));
    assert_eq!(s.t("ledger").route.as_ref(), Some(&s.world["ledger"].route));
}

#[test]
fn a_way_back_on_a_cluster_that_was_set_back_comes_to_an_end() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(5));
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::secs(40));
    set_back(&mut s);
    s.recent = 0.0;
    s.say(Verb::Abort, Some("ledger"));
    s.until(|s| s.is("ledger", "rolled back"));
    let lowered = s.calls.iter().filter(|c| matches!(c.action, Action::SetWeight { next: 0, .. })).count();
    assert_eq!(lowered, 1, "{:#?}", s.told());
}

#[test]
fn a_write_that_changes_nothing_is_not_sent_without_a_pause() {
    let mut s = Stand::new(|p| p.steps[0].hold = Dur::mins(5));
    s.until(|s| s.holds_step("ledger", 0));
    s.by_hand = Some("set-weight");
    s.say(Verb::Abort, Some("ledger"));
    let calls = s.calls.len();
    for _ in 0..20 {
        if let Some(call) = s.t("ledger").call.clone() {
            let seen = s.views("ledger");
            s.result(call.call.key, CallOutcome::Found { seen });
        }
        s.wait(Dur::secs(1));
    }
    assert!((2..=11).contains(&(s.calls.len() - calls)), "{} in 20 s", s.calls.len() - calls);
}

/// Screens say who drives; how it came out stands in the events.
#[test]
fn who_steps_down_names_who_drives_and_nothing_else() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    s.hear(Body::Lease(LeaseSeen::Taken { holder: "eve@vm/7/beef".into(), epoch: 9 }));
    let Driving::SteppedDown { holder, .. } = &s.run.driving else { panic!("{:?}", s.run.driving) };
    assert_eq!(holder, "eve@vm/7/beef");
    assert_eq!(s.count("stepped down for good: eve@vm/7/beef drives this fleet (epoch 9)"), 1);
}
