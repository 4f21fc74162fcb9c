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
