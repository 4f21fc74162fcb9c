use super::stand::Stand;
use crate::engine::command::Verb;
use crate::engine::effect::Action;
use crate::engine::message::{Body, CallOutcome};
use crate::engine::observe::Observation;
use crate::engine::run::{AskKind, HoldReason, Outcome};
use crate::spec::policy::OnDrift;
use crate::spec::units::Dur;

fn vault(s: &mut Stand, ready: u32) {
    s.hear(Body::Observed(Observation::Bystander { service: "vault".into(), ready, wanted: 3 }));
}

/// All at 100 %; then the first of the chain is bad.
#[test]
fn a_chain_of_three_goes_back_from_its_end() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("orders", "soaking"));
    let before = s.calls.len();
    s.bad.insert("ledger".into());
    s.until(|s| s.run.tracks.values().all(|t| t.phase.going_back()));
    s.until(|s| s.run.tracks.values().all(|t| t.accepted_share() < 0.5));
    let down: Vec<&str> = s.calls[before..]
        .iter()
        .filter(|c| matches!(c.action, Action::SetWeight { next: 0, .. }))
        .map(|c| c.service.as_str())
        .collect();
    assert_eq!(down, ["orders", "billing", "ledger"]);
}

/// The run stops when ledger goes back; the person leaves it out while another service asks something else.
#[test]
fn skip_lets_the_run_go_on_although_another_step_asks() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    s.bad.insert("ledger".into());
    s.until(|s| s.is("ledger", "rolled back"));
    assert!(s.run.stopped.is_some());
    let now = s.now;
    let ask = crate::engine::run::Ask { kind: AskKind::LongStep, text: "?".into(), since: now, deadline: None };
    s.run.tracks.get_mut("billing").unwrap().ask = Some(ask);
    s.say(Verb::Skip, Some("ledger"));
    s.wait(Dur::secs(5));
    assert_eq!(s.run.stopped, None, "{:#?}", s.told());
}

#[test]
fn an_answer_to_a_failure_does_not_lift_what_a_critical_outage_stopped() {
    for verb in [Verb::Skip, Verb::Retry] {
        let mut s = Stand::new(|_| {});
        s.until(|s| s.holds_step("ledger", 0));
        s.bad.insert("ledger".into());
        s.until(|s| s.is("ledger", "rolled back"));
        s.bad.clear();
        let pages = s.run.pages.len();
        vault(&mut s, 0);
        s.wait(Dur::secs(15));
        assert!(s.run.pages.len() > pages, "the outage is told although the run stands: {:#?}", s.told());
        s.say(verb, Some("ledger"));
        s.wait(Dur::secs(1));
        assert!(s.is("ledger", "waits") || verb == Verb::Skip, "{:#?}", s.told());
        let why = crate::engine::holds::raise_blocked(&s.run, s.t("orders"));
        assert!(why.is_some_and(|w| w.contains("vault")), "{verb:?}: {:#?}", s.told());
        vault(&mut s, 3);
        s.wait(Dur::secs(15));
        assert!(s.run.is_ended() || s.count("critical services are up again") == 1, "{:#?}", s.told());
    }
}

#[test]
fn a_stop_for_a_critical_outage_of_an_older_run_is_lifted_too() {
    let mut s = Stand::new(|_| {});
    let held = crate::engine::run::Held {
        reason: HoldReason::Critical,
        text: "critical service down: vault; no raises".into(),
        since: s.now,
        until: None,
    };
    s.run.stopped = Some(held);
    s.wait(Dur::secs(15));
    assert_eq!(crate::engine::holds::raise_blocked(&s.run, s.t("ledger")), None, "{:#?}", s.told());
}

/// Somebody moved a service at 10 % to 100 %: an abort goes by what this run wrote.
#[test]
fn abort_goes_by_what_was_written_not_by_an_edit() {
    for (step, edit) in [(0, 100), (1, 30)] {
        let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
        s.until(|s| s.holds_step("ledger", step));
        s.edit("ledger", edit);
        s.say(Verb::Abort, None);
        assert!(s.is("ledger", "rolling back"), "step {step}: {:#?}", s.told());
        s.until(|s| s.run.is_ended());
        assert_eq!(s.run.outcome(), Some(Outcome::RolledBack));
    }
}

/// The write to 100 % is on its way when the run is aborted.
#[test]
fn abort_takes_back_a_raise_that_is_on_its_way() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    s.by_hand = Some("set-weight");
    s.until(|s| s.t("ledger").call.is_some());
    s.say(Verb::Abort, None);
    assert!(s.is("ledger", "rolling back"), "{:#?}", s.told());
    let call = s.t("ledger").call.as_ref().unwrap().call.clone();
    s.by_hand = None;
    s.apply(&call);
    let seen = s.views("ledger");
    s.result(call.key, CallOutcome::Done { seen });
    s.until(|s| s.run.is_ended());
    assert_eq!(s.run.outcome(), Some(Outcome::RolledBack));
}
