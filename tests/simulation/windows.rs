//! Nights with windows: a law that looks at the Calendar for itself, and what it notices.
use std::collections::BTreeMap;

use pilothouse::calendar::Platform;
use pilothouse::engine::command::Verb;
use pilothouse::engine::run::{Outcome, Phase};
use pilothouse::plan::{Needs, NeedsFrom, Plan, When};
use pilothouse::spec::policy::AtWindowEnd;
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

use super::faults::{Broken, Faults, START};
use super::night::{command, night};
use super::seeds::plan;
use super::verdict::verdict;

/// A slot that is open when the night begins, at 11:06:40 UTC, until `first`; another from `second` on; a freeze or none.
pub fn with_windows(plan: &mut Plan, first: &str, second: &str, freeze: Option<(&str, &str)>) {
    let slot = |name: &str, start: &str, end: &str| json!({"name": name, "days": ["Wed"], "start": start, "end": end});
    let instant = |clock: &str| format!("2026-11-18T{clock}:00Z");
    let freezes: Vec<_> =
        freeze.iter().map(|(from, to)| json!({"name": "ledger", "from": instant(from), "to": instant(to)})).collect();
    let slots = json!([slot("first", "11:00", first), slot("second", second, "15:00")]);
    let spec = serde_json::from_value(json!({"slots": slots, "freezes": freezes})).unwrap();
    let needs = Needs { run: Dur::ZERO, services: BTreeMap::new(), from: NeedsFrom::Steps };
    plan.when = Some(When {
        calendar: pilothouse::spec::Calendar { name: "house".into(), spec },
        ics: Vec::new(),
        tz: pilothouse::calendar::tz_version().into(),
        needs,
        preferred: None,
        tenants: Vec::new(),
    });
    plan.learn(&[]);
}

/// Asked once for the whole night.
pub fn platform(plan: &Plan) -> Option<Platform> {
    let when = plan.when.as_ref()?;
    let services: Vec<&str> = plan.services.iter().map(|p| p.service.name.as_str()).collect();
    Some(Platform::of(&when.calendar.spec, &when.ics, &services, START))
}

/// What is wrong with a raise that was decided at `at`, by the clock of the one who decided; `step` is its hold.
pub fn outside(plan: &Plan, platform: &Platform, at: Time, step: Dur) -> Option<String> {
    let finishes = plan.policy.at_window_end == AtWindowEnd::Finish;
    if !platform.open(at) {
        let why = platform.why(at);
        let excused = finishes && why.rule != pilothouse::calendar::Rule::Freeze;
        return (!excused).then(|| format!("closed by {}: {}", why.rule.name(), why.text));
    }
    let (left, needs) = (platform.closes_after(at)?.since(at), step + plan.policy.rollback_reserve);
    (left < needs && !finishes).then(|| format!("{left} are left, and {needs} are needed"))
}

fn usual() -> Faults {
    Faults { accept_after: Dur(800), restart_after: Dur::secs(7), ..Faults::default() }
}

fn broken(plan: &Plan, faults: Faults) -> Vec<String> {
    night(plan, faults, false).sim.state().laws.broken.clone()
}

/// What may happen at the end of the first window; the second brings the rest.
#[test]
fn a_night_over_the_end_of_a_window_keeps_its_laws() {
    for (end, outcome) in [
        (AtWindowEnd::Hold, Outcome::Succeeded),
        (AtWindowEnd::Finish, Outcome::Succeeded),
        (AtWindowEnd::Rollback, Outcome::RolledBack),
    ] {
        let mut plan = plan();
        plan.policy.at_window_end = end;
        plan.policy.rollback_reserve = Dur::mins(1);
        with_windows(&mut plan, "11:20", "11:30", None);
        let mut faults = usual();
        // The data is away for so long that the first window is not enough.
        faults.metrics_away = vec![(Dur::mins(2), Dur::mins(8))];
        faults.people.answers_after = None;
        let n = night(&plan, faults.clone(), true);
        assert_eq!(verdict(&n, &faults, &plan), Vec::<String>::new(), "{end:?}");
        assert_eq!(n.run.outcome(), Some(outcome), "{end:?}");
        assert!(n.run.events.iter().any(|e| e.text.starts_with("the window closes")), "{end:?}");
    }
}

#[test]
fn a_driver_that_forgets_the_window_is_noticed() {
    let mut plan = plan();
    plan.policy.rollback_reserve = Dur::mins(1);
    with_windows(&mut plan, "11:08", "11:30", None);
    assert_eq!(broken(&plan, usual()), Vec::<String>::new());
    let forgets = Faults { broken: Broken { forgets_windows: true, ..Broken::default() }, ..usual() };
    let found = broken(&plan, forgets);
    assert!(found.iter().any(|b| b.starts_with("no_raise_outside_window")), "{found:?}");
}

/// A freeze that a person begins and lifts, and an end of it that comes by itself, in the middle of a night.
#[test]
fn a_persons_freeze_holds_the_night_up() {
    let plan = plan();
    let mut faults = usual();
    faults.people.interactive = true;
    faults.people.commands = vec![
        (Dur::secs(60), command(Verb::Freeze, None, "4m the database is moved")),
        (Dur::mins(7), command(Verb::Freeze, None, "until I know more")),
        (Dur::mins(9), command(Verb::Unfreeze, None, "")),
    ];
    let n = night(&plan, faults.clone(), true);
    assert_eq!(verdict(&n, &faults, &plan), Vec::<String>::new());
    assert_eq!(n.run.outcome(), Some(Outcome::Succeeded));
    assert!(n.run.tracks.values().all(|t| t.phase == Phase::Done));
    let raised = |e: &&pilothouse::engine::effect::Event| e.text.ends_with("% written") && !e.text.contains("-> 0%");
    let within = |from: Dur, to: Dur| {
        n.run.events.iter().filter(raised).filter(|e| e.at > START + from && e.at < START + to).count()
    };
    assert_eq!((within(Dur::secs(62), Dur::mins(5)), within(Dur::secs(422), Dur::mins(9))), (0, 0));
    assert!(within(Dur::mins(5), Dur::secs(420)) > 0, "it goes on in between");
}
