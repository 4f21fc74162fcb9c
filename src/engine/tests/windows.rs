use super::stand::{START, Stand};
use crate::engine::command::Verb;
use crate::engine::effect::Effect;
use crate::engine::run::{HoldReason, Stage};
use crate::engine::window::until_of;
use crate::plan::{Needs, NeedsFrom, When};
use crate::spec::Calendar;
use crate::spec::policy::{OnDrift, PolicySpec};
use crate::spec::units::{Dur, Time};
use crate::spec::when::tz_version;

/// A run whose one slot is open from `start` to `end`, on Wednesdays; it is 11:06:40 on one.
fn bound(start: &str, end: &str, tweak: impl FnOnce(&mut PolicySpec)) -> Stand {
    let mut s = Stand::waiting(|p| {
        p.rollback_reserve = Dur::mins(1);
        tweak(p);
    });
    let slot = serde_json::json!({"name": "w", "days": ["Wed"], "start": start, "end": end});
    let spec = serde_json::from_value(serde_json::json!({"slots": [slot]})).unwrap();
    s.run.plan.when = Some(When {
        calendar: Calendar { name: "house".into(), spec },
        ics: Vec::new(),
        tz: tz_version().into(),
        needs: Needs { run: Dur::ZERO, services: Default::default(), from: NeedsFrom::Steps },
        preferred: None,
        tenants: Vec::new(),
    });
    s.run.plan.learn(&[]);
    s
}

fn clock(hour: u64, minute: u64) -> Time {
    // Midnight of that Wednesday.
    Time(START.0 - 40_000_000) + Dur::mins(hour * 60 + minute)
}

#[test]
fn it_wakes_at_the_opening_and_not_a_moment_later() {
    let mut s = bound("11:30", "14:00", |_| {});
    s.attach(true);
    let mut looks = 0;
    while s.run.stage != Stage::Running {
        let wake = s.effects.iter().find_map(|e| if let Effect::WakeAt(at) = e { Some(*at) } else { None });
        let wake = wake.unwrap_or_else(|| panic!("nothing wakes it: {:#?}", s.told()));
        s.skip(wake.since(s.now));
        s.hear(crate::engine::message::Body::Wake);
        looks += 1;
        assert!(looks < 5, "it wakes for nothing: {:#?}", s.told());
    }
    assert_eq!(s.run.started, Some(clock(11, 30)));
}

#[test]
fn a_later_service_that_does_not_fit_waits_for_the_next_window() {
    // Three services of 1:20 each and a minute fit until 11:12, but not when something holds the first one up.
    let mut s = bound("11:00", "11:12", |_| {});
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    s.say(Verb::Pause, Some("ledger"));
    s.wait(Dur::mins(2));
    s.say(Verb::Resume, Some("ledger"));
    s.until(|s| s.is("billing", "soaking"));
    s.wait(Dur::secs(1));
    let orders = s.t("orders");
    assert_eq!(orders.held.as_ref().map(|h| h.reason), Some(HoldReason::Window), "{:#?}", s.told());
    assert!(orders.held.as_ref().unwrap().text.contains("2m20s are needed"), "{:?}", orders.held);
    assert_eq!(orders.held.as_ref().unwrap().until, Some(clock(11, 0) + Dur::hours(24 * 7)));
    // What is at 100 % soaks on outside the window.
    s.until(|s| s.now > clock(11, 15));
    assert!(s.is("ledger", "soaked") && s.is("billing", "soaked") && s.is("orders", "waits"), "{:#?}", s.told());
}

/// Ledger is at 10 %, soaking or settling; the window closes, and somebody edits its route.
fn edited(phase: &str, to: u32) -> (usize, Stand) {
    let soak = if phase == "soaking" { Dur::hours(9) } else { Dur::secs(30) };
    let mut s = bound("11:00", "11:12", |p| (p.on_drift, p.soak) = (OnDrift::Revert, soak));
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    match phase {
        "shifting" => s.say(Verb::Pause, Some("ledger")),
        _ => s.until(|s| s.is("orders", "soaking")),
    }
    s.skip(clock(11, 13).since(s.now));
    s.until(|s| s.is("ledger", phase));
    let writes =
        |s: &Stand| s.calls.iter().filter(|c| c.service == "ledger" && c.action.word() == "set-weight").count();
    let before = writes(&s);
    s.edit("ledger", to);
    if phase == "shifting" {
        s.say(Verb::Resume, Some("ledger"));
    }
    s.wait(Dur::secs(2));
    (writes(&s) - before, s)
}

#[test]
fn an_edit_that_lowered_the_share_on_its_way_is_not_undone_outside_the_window() {
    let (writes, mut s) = edited("shifting", 3);
    assert_eq!(writes, 0, "{:#?}", s.told());
    // Nobody has to remember it: after max_split_hold it goes back.
    s.skip(Dur::hours(2));
    s.wait(Dur::secs(1));
    assert!(s.t("ledger").phase.going_back(), "{:#?}", s.told());
    // Undoing one that raised it, or that took away from what came through its steps, waits for nothing.
    assert_eq!(edited("shifting", 40).0, 1);
    assert_eq!(edited("soaking", 40).0, 1);
}

#[test]
fn how_long_and_until_when_stand_before_the_reason() {
    let now = START;
    for (said, until, reason) in [
        ("2h the database is moved", Some(now + Dur::hours(2)), "the database is moved"),
        ("1h30m", Some(now + Dur::mins(90)), ""),
        ("  2026-11-18T12:00:00Z   lunch ", Some(clock(12, 0)), "lunch"),
        ("2026-11-18T13:00:00+01:00 lunch", Some(clock(12, 0)), "lunch"),
        ("until I know more", None, "until I know more"),
        ("2 hours", None, "2 hours"),
        ("", None, ""),
    ] {
        assert_eq!(until_of(said, now), (until, reason), "{said}");
    }
}

#[test]
fn other_time_zones_than_the_plans_are_said() {
    let mut s = bound("11:00", "14:00", |_| {});
    s.run.plan.when.as_mut().unwrap().tz = "1999z".into();
    s.attach(true);
    assert_eq!(s.count("the plan was made with time zones of 1999z"), 1);
}
