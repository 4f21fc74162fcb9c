//! What can be said of a foreign edit, and what cannot.
use std::sync::Arc;

use super::stand::{Stand, ivo};
use crate::engine::command::{Allowance, Scope, Verb};
use crate::engine::observe::{Accepted, RouteSeen, Slot, Weights};
use crate::engine::people::judge;
use crate::engine::run::{AskKind, Held, HoldReason, ObservedShare, Phase};
use crate::engine::status::{self, status};
use crate::spec::policy::{Observed, OnDrift, OnFailure};
use crate::spec::units::{Dur, Time};

/// The route as it is seen once somebody has deleted it.
fn delete_route(s: &mut Stand) -> RouteSeen {
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    let before = route.clone();
    *route = RouteSeen {
        uid: String::new(),
        weights: None,
        backends: Vec::new(),
        accepted: Accepted::Pending,
        owner: None,
        ..before.clone()
    };
    s.show("ledger");
    s.wait(Dur::secs(2));
    before
}

fn denied(s: &Stand, verb: Verb) -> String {
    match judge(&s.run, verb, &Scope::Service("ledger".into()), &ivo(), None) {
        Allowance::Denied(why) => why,
        other => panic!("{verb:?} is {other:?}"),
    }
}

#[test]
fn a_route_that_is_gone_is_not_written_again_and_the_question_stays() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.is("ledger", "soaking"));
    let before = delete_route(&mut s);
    assert!(denied(&s, Verb::RevertDrift).starts_with("no route to write: make it again by hand: kubectl -n n apply"));
    denied(&s, Verb::AdoptDrift);
    s.say(Verb::RevertDrift, Some("ledger"));
    s.wait(Dur::secs(20));
    assert_eq!(s.t("ledger").ask.as_ref().map(|a| a.kind), Some(AskKind::Drift), "{:#?}", s.told());
    assert!(!s.t("ledger").reverting);
    let ask = status(&s.run, s.now, &|t: Time| t.to_string()).ask.unwrap();
    assert_eq!((ask.text.as_str(), &ask.answers[..]), ("ledger: no route to write: make it again by hand", &[][..]));
    let (_, command) = status::by_hand(&s.run, s.t("ledger")).unwrap();
    assert!(command.contains("weight 0 for ledger, 100 for ledger-next"), "{command}");
    // Made again as it stood, nothing is left to ask.
    s.world.get_mut("ledger").unwrap().route = RouteSeen { uid: "r2".into(), ..before };
    s.show("ledger");
    s.wait(Dur::secs(2));
    assert!(s.t("ledger").ask.is_none() && s.t("ledger").held.is_none(), "{:?}", s.t("ledger").held);
}

#[test]
fn a_policy_that_reverts_asks_where_only_a_hand_can() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Revert);
    s.until(|s| s.is("ledger", "soaking"));
    let before = delete_route(&mut s);
    let t = s.t("ledger");
    assert_eq!(t.held.as_ref().map(|h| h.reason), Some(HoldReason::Drift));
    assert_eq!(t.ask.as_ref().map(|a| a.kind), Some(AskKind::Drift), "{:#?}", s.told());
    assert!(s.run.pages.iter().any(|p| p.text.contains("make it again by hand: kubectl -n n apply")));
    // Made again from its file: the policy writes the weights.
    let weights = Some(Weights { stable: 100, next: Some(0) });
    s.world.get_mut("ledger").unwrap().route = RouteSeen { uid: "r2".into(), weights, ..before };
    s.show("ledger");
    s.wait(Dur::secs(2));
    assert!(s.t("ledger").accepted_share() > 99.0 && s.t("ledger").ask.is_none(), "{:#?}", s.told());
}

#[test]
fn a_question_offers_only_what_is_allowed() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    s.edit("ledger", 40);
    let answers = |s: &Stand| status::answers(&s.run, s.t("ledger"));
    assert_eq!(answers(&s), [Verb::AdoptDrift, Verb::RevertDrift]);
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    route.weights = None;
    route.backends.iter_mut().for_each(|b| b.slot = Slot::Next);
    route.generation += 1;
    s.show("ledger");
    assert_eq!(answers(&s), []);
    assert!(denied(&s, Verb::RevertDrift).contains("kubectl -n n edit httproute ledger"));
}

#[test]
fn what_is_typed_by_hand_reaches_the_cluster_of_the_run_from_any_shell() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    Arc::make_mut(&mut s.run.plan).environment.kubernetes.context = Some("ivo's own".into());
    assert_eq!(s.run.kubectl(), r"kubectl --context 'ivo'\''s own' -n n");
    s.run.kubectl_flags = "--kubeconfig /etc/kube/eu1 --context eu1".into();
    s.until(|s| s.is("ledger", "soaking"));
    delete_route(&mut s);
    let (_, command) = status::by_hand(&s.run, s.t("ledger")).unwrap();
    assert!(command.starts_with("kubectl --kubeconfig /etc/kube/eu1 --context eu1 -n n apply -f"), "{command}");
}

/// Pods that somebody takes away before they were ready would else be waited for until the deadline.
#[test]
fn a_new_version_that_is_scaled_away_while_it_is_made_is_scaled_back() {
    let mut s = Stand::waiting(|_| {});
    s.pods_ready = false;
    s.attach(true);
    s.until(|s| s.is("ledger", "deploying") && s.world["ledger"].next.is_some());
    let next = s.world.get_mut("ledger").unwrap().next.as_mut().unwrap();
    (next.wanted, next.generation) = (0, next.generation + 1);
    s.show("ledger");
    s.wait(Dur::secs(2));
    assert_eq!(s.count("-next wants 0 pods where it needs 1, by a foreign edit: scaled back"), 1, "{:#?}", s.told());
    assert!(s.wrote("ledger", "scale"));
}

fn clean_of(s: &Stand) -> Dur {
    match &s.t("ledger").phase {
        Phase::Shifting { hold, .. } => hold.clean,
        Phase::Soaking { clean } => *clean,
        p => panic!("{}", p.word()),
    }
}

/// Good gates of a share that somebody took away speak for no step and no soak.
#[test]
fn time_at_another_share_is_not_clean_time() {
    for (at, step) in [(10, true), (100, false)] {
        let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
        s.until(|s| if step { s.holds_step("ledger", 0) } else { s.is("ledger", "soaking") });
        s.wait(Dur::secs(12));
        let before = clean_of(&s);
        s.edit("ledger", 0);
        s.wait(Dur::secs(50));
        assert_eq!(clean_of(&s), before, "at {at}%");
        assert!(!status::at_100(s.t("ledger")), "nothing flows there");
        // The tick after it is undone counts only what came after.
        s.edit("ledger", at);
        s.wait(Dur::secs(10));
        let gained = clean_of(&s).minus(before);
        assert!(gained > Dur::ZERO && gained <= Dur::secs(10), "at {at}%: {gained}");
        assert_eq!(status::at_100(s.t("ledger")), !step);
        assert!(s.t("ledger").ask.is_none(), "the time is nobody's: {:?}", s.t("ledger").ask);
    }
}

/// Requests that came while the share was somebody else's prove and disprove nothing.
#[test]
fn the_observed_share_is_counted_anew_when_an_edit_is_undone() {
    let mut s = Stand::new(|p| {
        p.on_drift = OnDrift::Hold;
        p.observed = Observed::Prefer;
    });
    s.until(|s| s.holds_step("ledger", 0));
    s.edit("ledger", 0);
    s.wait(Dur::secs(30));
    s.edit("ledger", 10);
    s.wait(Dur::secs(1));
    assert_eq!(s.t("ledger").observed, ObservedShare::Unknown);
    let undone = s.t("ledger").undone_at.unwrap();
    s.wait(Dur::secs(20));
    let asked = s.asked.as_ref().and_then(|a| a.shares.iter().find(|q| q.service == "ledger")).unwrap();
    assert_eq!(asked.since, undone, "from the moment it stood again");
}

/// A `next` that is kept while something else stands against the raise would raise at another person's word.
#[test]
fn next_is_off_while_something_stands_against_the_raise() {
    let mut s = Stand::new(|p| p.on_failure = Some(OnFailure::Stop));
    s.until(|s| s.is("ledger", "shifting") && s.holds_step("ledger", 0));
    s.until(|s| judge(&s.run, Verb::Next, &Scope::Service("ledger".into()), &ivo(), None) == Allowance::Allowed);
    let text = "billing goes back; nothing else is raised until a person decides".to_string();
    s.run.stopped = Some(Held { reason: HoldReason::Failure, text: text.clone(), since: s.now, until: None });
    assert_eq!(denied(&s, Verb::Next), text);
    s.run.stopped = None;
    s.world.get_mut("ledger").unwrap().route.accepted = Accepted::Pending;
    s.show("ledger");
    s.wait(Dur::secs(1));
    assert!(denied(&s, Verb::Next).contains("no gateway has accepted"));
}

/// Requests that came while pods were missing would speak against a share that is right again, until long after.
#[test]
fn requests_from_before_it_was_whole_again_are_not_held_against_it() {
    let mut s = Stand::new(|p| (p.observed, p.steps[0].hold) = (Observed::Require, Dur::mins(10)));
    s.until(|s| s.holds_step("ledger", 0));
    s.wait(Dur::secs(12));
    s.seen_share.insert("ledger".into(), (0.0, 1000.0));
    s.world.get_mut("ledger").unwrap().next.as_mut().unwrap().ready = 0;
    s.show("ledger");
    s.wait(Dur::secs(15));
    s.world.get_mut("ledger").unwrap().next.as_mut().unwrap().ready = 3;
    s.show("ledger");
    let whole = s.now;
    // What came since the write: wrong as a whole.
    s.seen_share.insert("ledger".into(), (40.0, 1000.0));
    s.wait(Dur::secs(12));
    assert_eq!(s.t("ledger").observed, ObservedShare::Unknown, "{:#?}", s.told());
    s.wait(Dur::secs(10));
    let asked = s.asked.as_ref().and_then(|a| a.shares.iter().find(|q| q.service == "ledger")).unwrap();
    assert!(whole.since(asked.since) <= Dur::secs(1) && asked.since.since(whole) <= Dur::secs(1), "{asked:?}");
    // And if what came since is wrong too, that is said.
    assert!(matches!(s.t("ledger").observed, ObservedShare::Off(_)), "{:?}", s.t("ledger").observed);
}

/// What requests speak against is not raised on, so `next` is not offered: it would change nothing.
#[test]
fn next_is_off_while_requests_show_another_share() {
    let mut s = Stand::new(|p| p.observed = Observed::Prefer);
    s.until(|s| s.holds_step("ledger", 0));
    s.seen_share.insert("ledger".into(), (0.0, 1000.0));
    s.until(|s| s.t("ledger").ask.is_some());
    assert_eq!(denied(&s, Verb::Next), "requests show 0% on the new version, 10% was asked");
    let text = &s.t("ledger").ask.as_ref().unwrap().text;
    assert!(text.ends_with("abort, or wait?") && !text.contains("next"), "{text}");
    s.seen_share.clear();
    s.until(|s| s.is("ledger", "soaking"));
}
