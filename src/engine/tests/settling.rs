use super::stand::Stand;
use crate::engine::command::Verb;
use crate::engine::run::{Phase, Settling};
use crate::spec::policy::{After, Finalize};
use crate::spec::units::Dur;

/// All three have soaked, held back by a pause.
fn all_soaked() -> Stand {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("orders", "soaking"));
    for name in ["ledger", "billing", "orders"] {
        s.say(Verb::Pause, Some(name));
    }
    s.until(|s| ["ledger", "billing", "orders"].iter().all(|n| s.is(n, "soaked")));
    s
}

#[test]
fn nothing_settles_while_a_gate_of_the_group_is_bad() {
    let mut s = all_soaked();
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(15));
    for name in ["ledger", "billing", "orders"] {
        s.say(Verb::Resume, Some(name));
    }
    s.wait(Dur::secs(1));
    assert!(["billing", "orders"].iter().all(|n| s.is(n, "soaked")), "{:#?}", s.told());
    s.bad.clear();
    s.until(|s| s.run.is_ended());
    assert!(s.is("ledger", "done") && s.is("orders", "done"));
}

#[test]
fn what_is_needed_settles_first() {
    for finalize in [Finalize::Run, Finalize::Wave, Finalize::Service] {
        let mut s = Stand::new(|p| p.finalize = finalize);
        s.until(|s| s.is("ledger", "soaking"));
        s.say(Verb::Pause, Some("ledger"));
        s.until(|s| s.is("orders", "soaked"));
        s.wait(Dur::mins(2));
        assert!(s.is("billing", "soaked") && s.is("orders", "soaked"), "{finalize:?}: {:#?}", s.told());
        s.say(Verb::Resume, Some("ledger"));
        s.until(|s| s.run.is_ended());
        let first = |name: &str| s.calls.iter().position(|c| c.service == name && c.action.word() == "copy-back");
        assert!(first("ledger") < first("billing") && first("billing") < first("orders"));
    }
}

#[test]
fn a_dependant_does_not_start_on_a_provider_with_bad_gates() {
    let mut s = Stand::new(|p| p.after = After::Soaked);
    s.until(|s| s.is("ledger", "soaking"));
    s.say(Verb::PauseAll, None);
    s.until(|s| s.is("ledger", "soaked"));
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(15));
    s.say(Verb::ResumeAll, None);
    s.wait(Dur::secs(5));
    assert!(s.is("billing", "waits"), "{:#?}", s.told());
    s.bad.clear();
    s.until(|s| !s.is("billing", "waits"));
}

#[test]
fn settling_confirms_before_it_drains() {
    let mut s = Stand::new(|_| {});
    s.recent = 5.0;
    s.until(|s| s.wrote("ledger", "copy-back"));
    s.until(|s| s.t("ledger").accepted_share() < 0.5);
    // -next still answers: nothing is drained yet, however long the drain.
    s.wait(Dur::secs(60));
    assert!(!s.wrote("ledger", "delete-next") && !s.wrote("ledger", "remove-backend"), "{:#?}", s.told());
    s.recent = 0.0;
    s.wait(Dur::secs(15));
    assert!(!s.wrote("ledger", "remove-backend"), "two answers without a request, then the drain");
    s.until(|s| s.run.is_ended());
    assert!(s.is("ledger", "done"));
}

#[test]
fn without_proof_settling_goes_on_after_its_patience() {
    let mut s = Stand::new(|_| {});
    s.recent = 5.0;
    s.until(|s| s.t("ledger").accepted_share() < 0.5 && s.wrote("ledger", "copy-back"));
    s.wait(Dur::mins(3));
    assert!(s.wrote("ledger", "delete-next"), "{:#?}", s.told());
}

#[test]
fn an_edit_while_it_drains_is_confirmed_and_drained_anew() {
    let mut s = Stand::new(|p| p.on_drift = crate::spec::policy::OnDrift::Revert);
    s.until(|s| matches!(s.t("ledger").phase, Phase::Settling(Settling::Drain { .. })));
    s.recent = 5.0;
    s.edit("ledger", 40);
    s.wait(Dur::secs(20));
    assert!(s.t("ledger").accepted_share() < 0.5);
    assert!(!s.wrote("ledger", "delete-next"), "{:#?}", s.told());
}
