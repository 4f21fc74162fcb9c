//! Nights with a story: what a seed seldom comes to, held to the same laws.
use pilothouse::engine::command::Verb;
use pilothouse::engine::run::{Outcome, Phase};
use pilothouse::plan::Plan;
use pilothouse::spec::policy::{Finalize, OnFailure, Severity};
use pilothouse::spec::units::Dur;

use super::faults::{Bad, Faults};
use super::night::{Night, command, night};
use super::seeds::plan;
use super::verdict::verdict;

fn told(plan: &Plan, faults: Faults) -> Night {
    let n = night(plan, faults.clone(), false);
    assert_eq!(verdict(&n, &faults, plan), Vec::<String>::new());
    n
}

fn usual() -> Faults {
    Faults { accept_after: Dur(800), restart_after: Dur::secs(7), ..Faults::default() }
}

fn bad(service: &str, after: Dur) -> Faults {
    let mut f = usual();
    f.bad.insert(service.into(), Bad { after, ratio: 0.5, lasts: None, flaps: None });
    f
}

/// The first of a chain gets bad when the last has traffic.
#[test]
fn a_chain_of_three_goes_back_from_its_end() {
    let mut plan = plan();
    plan.policy.on_failure = Some(OnFailure::ContinueIndependent);
    let n = told(&plan, bad("ledger", Dur::secs(300)));
    for name in ["ledger", "billing", "orders"] {
        let Phase::RolledBack { rollback } = &n.run.tracks[name].phase else { panic!("{name} did not go back") };
        assert!(rollback.from_share > 0, "{name} had traffic");
    }
    assert_eq!(n.run.outcome(), Some(Outcome::Partial));
}

/// Nobody answers: the deadline does.
#[test]
fn a_standard_breach_that_stays_goes_back_by_itself() {
    let mut plan = plan();
    plan.policy.gates.iter_mut().for_each(|g| g.severity = Severity::Standard);
    let n = told(&plan, bad("ledger", Dur::secs(20)));
    assert!(matches!(n.run.tracks["ledger"].phase, Phase::RolledBack { .. }));
}

/// What others need is kept from settling for a while.
#[test]
fn a_dependant_waits_with_settling_for_what_it_needs() {
    let mut plan = plan();
    plan.policy.finalize = Finalize::Service;
    let mut f = usual();
    f.people.commands = vec![
        (Dur::secs(165), command(Verb::Pause, Some("ledger"), "a look")),
        (Dur::mins(20), command(Verb::Resume, Some("ledger"), "seen")),
    ];
    let n = told(&plan, f);
    assert_eq!(n.run.outcome(), Some(Outcome::Succeeded));
    assert!(n.run.events.iter().any(|e| e.text.starts_with("pause: ")), "it was paused in time");
}

/// Somebody, or Git, takes the new version out of the route, and a person aborts: its requests end when a gateway has taken
/// that on, as after our own write, so it is confirmed and drained all the same.
#[test]
fn a_backend_that_a_hand_took_out_is_drained_before_its_pods_go() {
    for (gateway, after) in [(Dur(800), 1), (Dur(800), 40), (Dur::secs(20), 1)] {
        let mut f = usual();
        f.accept_after = gateway;
        f.taken_out = vec![("ledger".into(), Dur::secs(75))];
        f.people.commands = vec![(Dur::secs(75 + after), command(Verb::Abort, Some("ledger"), "edited"))];
        let n = told(&plan(), f);
        let Phase::RolledBack { rollback } = &n.run.tracks["ledger"].phase else { panic!("it did not go back") };
        assert!(rollback.from_share > 0, "it had traffic");
        let drained = n.run.events.iter().any(|e| e.text.contains("draining"));
        assert!(drained && rollback.drain_since.is_some(), "{:?}", n.run.events);
    }
}
