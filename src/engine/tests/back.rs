use super::stand::Stand;
use crate::engine::effect::Action;
use crate::engine::message::{CallError, CallErrorKind, CallOutcome};
use crate::engine::observe::{BackendSeen, Slot};
use crate::engine::run::{HoldReason, Phase, RollbackStage, Verified};
use crate::spec::policy::OnDrift;
use crate::spec::units::Dur;

fn stage(s: &Stand) -> Option<RollbackStage> {
    match &s.t("ledger").phase {
        Phase::RollingBack(r) => Some(r.stage),
        _ => None,
    }
}

fn back(s: &mut Stand) {
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").phase.going_back());
}

/// Somebody raises what goes back: silence from before the edit proves nothing after it.
#[test]
fn what_was_raised_again_is_confirmed_and_drained_anew() {
    for at in [RollbackStage::Confirm, RollbackStage::Drain] {
        let mut s = Stand::new(|_| {});
        s.until(|s| s.holds_step("ledger", 0));
        s.recent = if at == RollbackStage::Confirm { 5.0 } else { 0.0 };
        back(&mut s);
        s.until(|s| stage(s) == Some(at));
        s.wait(Dur::secs(3));
        s.edit("ledger", 60);
        s.recent = 5.0;
        s.until(|s| s.t("ledger").accepted_share() < 0.5);
        s.wait(Dur::secs(30));
        assert_eq!(stage(&s), Some(RollbackStage::Confirm), "{at:?}: {:#?}", s.told());
        let Phase::RollingBack(r) = &s.t("ledger").phase else { panic!() };
        assert_eq!(r.quiet_scrapes, 0);
        assert!(s.now.since(r.accepted_zero.unwrap()) <= Dur::secs(31), "counted from the second zero");
        s.recent = 0.0;
        s.until(|s| s.run.is_ended() || s.is("ledger", "rolled back"));
    }
}

/// The answer to a write is lost, and somebody edits the weight before anybody looks.
#[test]
fn an_edit_behind_a_lost_answer_is_not_ours() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.is("ledger", "warming"));
    s.by_hand = Some("set-weight");
    s.until(|s| s.t("ledger").call.is_some());
    let call = s.t("ledger").call.as_ref().unwrap().call.clone();
    assert!(matches!(call.action, Action::SetWeight { next: 10, .. }));
    s.apply(&call);
    s.edit("ledger", 60);
    let error = CallError { kind: CallErrorKind::Unreachable, text: "the answer was lost".into() };
    s.result(call.key, CallOutcome::Unknown { error });
    s.wait(Dur::secs(1));
    let t = s.t("ledger");
    assert_eq!(t.written.as_ref().map(|w| w.traffic.next), Some(10), "{:#?}", s.told());
    assert_eq!(t.held.as_ref().map(|h| h.reason), Some(HoldReason::Drift), "{:#?}", s.told());
}

/// The same over a kill: the process that comes back only has the journal's word for what was asked.
#[test]
fn an_edit_behind_an_intent_without_result_is_not_ours() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.is("ledger", "warming"));
    s.by_hand = Some("set-weight");
    s.until(|s| s.t("ledger").call.is_some());
    let call = s.t("ledger").call.as_ref().unwrap().call.clone();
    s.apply(&call);
    s.edit("ledger", 60);
    s.by_hand = None;
    s.attach(true);
    s.wait(Dur::secs(1));
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::Drift), "{:#?}", s.told());
}

/// Requests came by an edit alone; that they have stopped is asked all the same.
#[test]
fn silence_is_asked_for_also_when_an_edit_brought_the_requests() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.is("ledger", "warming"));
    s.edit("ledger", 40);
    s.say(crate::engine::command::Verb::Abort, Some("ledger"));
    s.until(|s| stage(s) == Some(RollbackStage::Confirm));
    s.wait(Dur::secs(15));
    let asked = s.asked.as_ref().unwrap();
    assert!(asked.shares.iter().any(|q| q.service == "ledger"), "{asked:?}");
}

/// Somebody took stable out of the rule: everything goes to the new version, and no weight says so.
#[test]
fn a_rule_without_stable_is_not_zero_per_cent() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    route.weights = None;
    route.backends = vec![BackendSeen { slot: Slot::Next, rule: 2, index: 1, weight: None }];
    route.generation += 1;
    s.show("ledger");
    back(&mut s);
    s.wait(Dur::mins(3));
    assert!(!s.wrote("ledger", "delete-next"), "{:#?}", s.told());
    let Phase::RollbackBlocked { command, reason, .. } = &s.t("ledger").phase else {
        panic!("{:#?}", s.told());
    };
    assert!(reason.contains("ledger"), "{reason}");
    assert!(command.contains("/spec/rules/2/backendRefs/-") && command.contains("\"name\":\"ledger\""), "{command}");
    // Done by hand, it goes on.
    s.edit("ledger", 0);
    s.until(|s| s.is("ledger", "rolled back"));
    assert!(s.wrote("ledger", "delete-next"));
}

/// Who was watched and had too few requests was watched all the same; a process that took over in the middle looks anew.
#[test]
fn an_old_version_with_too_few_requests_is_not_called_unwatched() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    back(&mut s);
    s.until(|s| s.word("ledger") == "verifying");
    s.bad.clear();
    s.few.insert("ledger".into());
    s.wait(Dur::secs(15));
    s.attach(true);
    s.until(|s| matches!(s.t("ledger").phase, Phase::RolledBack { .. }));
    let Phase::RolledBack { rollback } = &s.t("ledger").phase else { panic!() };
    assert_eq!(rollback.verified, Some(Verified::TooFew), "{:#?}", s.told());
    assert_eq!(s.count("too few requests came to judge it by"), 1);
}

/// A tenant is back when a gateway has taken its rule's absence on, not when somebody has decided so.
#[test]
fn a_tenant_is_back_when_the_route_says_so() {
    use crate::engine::command::Verb;
    use crate::engine::moves::{MoveTrack, Place};
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    let moved = MoveTrack {
        begun: s.now,
        closes: None,
        place: Place::Moved { at: s.now, observed: true },
        told: false,
        over: false,
    };
    s.run.tracks.get_mut("ledger").unwrap().moves.begun.insert("acme".into(), moved);
    s.by_hand = Some("set-weight");
    s.say(Verb::Abort, Some("ledger"));
    s.until(|s| s.t("ledger").call.is_some());
    let place = |s: &Stand| s.t("ledger").moves.place("acme").cloned();
    let decided = s.now;
    assert!(matches!(place(&s), Some(Place::GoingBack { since, .. }) if since <= decided), "{:?}", place(&s));
    s.wait(Dur::secs(3));
    assert!(matches!(place(&s), Some(Place::GoingBack { .. })), "nothing was written yet: {:?}", place(&s));
    let call = s.t("ledger").call.as_ref().unwrap().call.clone();
    s.apply(&call);
    s.by_hand = None;
    let seen = s.views("ledger");
    s.result(call.key, CallOutcome::Done { seen });
    s.wait(Dur::secs(1));
    let Some(Place::Back { at, why }) = place(&s) else { panic!("{:?}", place(&s)) };
    assert!(at > decided && why == "because", "{why}");
}

/// A rule that sends everybody there goes in the write that takes the weight; nothing waits for a share of weights that is none.
#[test]
fn a_rule_that_takes_everybody_does_not_bar_the_way_back() {
    use crate::engine::rules::{MatchBy, MatchRule, MatchRuleSeen, Stands};
    use crate::spec::policy::Severity;
    let mut s = Stand::new(|p| {
        p.on_drift = OnDrift::Hold;
        p.gates.iter_mut().for_each(|g| g.severity = Severity::Fast);
    });
    s.until(|s| s.holds_step("ledger", 0));
    let rule = MatchRule { name: "beta".into(), by: MatchBy::Header("x-tenant".into()), values: vec!["acme".into()] };
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    (route.everybody, route.generation) = (true, route.generation + 1);
    route.rules = vec![MatchRuleSeen { rule: rule.clone(), stands: Stands::Edited }];
    route.writer = Some("kubectl-edit".into());
    let track = s.run.tracks.get_mut("ledger").unwrap();
    track.written.as_mut().unwrap().traffic.rules = vec![rule];
    track.route = Some(route.clone());
    s.show("ledger");
    s.wait(Dur::secs(1));
    let t = s.t("ledger");
    assert_eq!((t.accepted_share(), crate::engine::status::blast_radius(&s.run)), (100.0, 100));
    assert_eq!(t.held.as_ref().map(|h| h.reason), Some(HoldReason::Drift), "{:#?}", s.told());
    assert!(s.run.pages.iter().any(|p| p.text.contains("sends everybody to the new version")), "{:#?}", s.run.pages);
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").phase.going_back());
    s.wait(Dur::secs(2));
    let last = s.calls.iter().rev().find(|c| matches!(c.action, Action::SetWeight { .. })).unwrap();
    assert!(
        matches!(&last.action, Action::SetWeight { next: 0, expect: 10, rules: Some(turn) } if turn.rules.is_empty()),
        "{last:?}"
    );
}
