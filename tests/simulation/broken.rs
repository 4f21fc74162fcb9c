//! Laws that nothing can break are worth nothing: here the system, not the checker, is built with less care, and the
//! laws must notice.
use pilothouse::plan::Plan;
use pilothouse::spec::policy::{Observed, OnMissing};
use pilothouse::spec::units::Dur;

use super::faults::{Broken, Faults};
use super::night::night;
use super::seeds::plan;

/// The broken laws of one night.
fn laws_broken(plan: &Plan, faults: Faults) -> Vec<String> {
    night(plan, faults, false).sim.state().laws.broken.clone()
}

fn breaks(plan: &Plan, faults: Faults, law: &str) {
    let sound = laws_broken(plan, Faults { broken: Broken::default(), ..faults.clone() });
    assert_eq!(sound, Vec::<String>::new(), "the sound system breaks laws in this night too");
    let broken = laws_broken(plan, faults);
    assert!(broken.iter().any(|b| b.starts_with(law)), "{law} was not noticed; broken: {broken:?}");
}

fn usual() -> Faults {
    Faults { accept_after: Dur(800), restart_after: Dur::secs(7), ..Faults::default() }
}

#[test]
fn intents_done_again_after_a_kill_are_noticed() {
    let broken = Broken { repeats_after_kill: true, ..Broken::default() };
    // The write reached the server, the process died before it heard so.
    let faults = Faults { kill: Some((7, true)), broken, ..usual() };
    breaks(&plan(), faults, "chain_unbroken");
}

#[test]
fn intents_written_after_their_effect_are_noticed() {
    let broken = Broken { journals_late: true, ..Broken::default() };
    breaks(&plan(), Faults { broken, ..usual() }, "chain_unbroken");
}

#[test]
fn a_driver_that_does_not_hear_of_its_lost_lease_is_noticed() {
    let broken = Broken { deaf_lease: true, ..Broken::default() };
    let faults = Faults { stolen: Some(Dur::secs(60)), broken, ..usual() };
    breaks(&plan(), faults, "single_driver");
}

#[test]
fn pods_believed_in_before_they_are_ready_are_noticed() {
    let broken = Broken { believes_in_pods: true, ..Broken::default() };
    breaks(&plan(), Faults { broken, ..usual() }, "capacity_before_weight");
}

/// The same night under a policy that takes missing data for good.
#[test]
fn a_promotion_on_missing_data_is_noticed() {
    let faults = Faults { metrics_away: vec![(Dur::secs(60), Dur::secs(90))], ..usual() };
    let mut sound = plan();
    // Requests prove no share either while the source is away.
    sound.policy.observed = Observed::Off;
    assert_eq!(laws_broken(&sound, faults.clone()), Vec::<String>::new());
    let mut blind = sound;
    for gate in &mut blind.policy.gates {
        gate.missing.provider_down = OnMissing::Good;
    }
    let broken = laws_broken(&blind, faults);
    assert!(broken.iter().any(|b| b.starts_with("no_blind_promote")), "{broken:?}");
}
