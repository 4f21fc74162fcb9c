use std::sync::Arc;

use super::stand::{START, Stand, ivo};
use crate::engine::command::{Command, Scope, Verb};
use crate::engine::effect::Effect;
use crate::engine::message::{Attached, Body, LeaseSeen};
use crate::engine::observe::Observation;
use crate::engine::people::preview;
use crate::engine::run::{HoldReason, Stage};
use crate::engine::status::{Status, status};
use crate::engine::window::{begins, until_of, waits_if_started};
use crate::plan::{Needs, NeedsFrom, When};
use crate::spec::Calendar;
use crate::spec::policy::{AtWindowEnd, OnDrift, PolicySpec};
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
    Arc::make_mut(&mut s.run.plan).when = Some(When {
        calendar: Calendar { name: "house".into(), spec },
        ics: Vec::new(),
        tz: tz_version().into(),
        needs: Needs { run: Dur::ZERO, services: Default::default(), from: NeedsFrom::Steps },
        preferred: None,
        tenants: Vec::new(),
    });
    Arc::make_mut(&mut s.run.plan).learn(&[]);
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

/// Ledger is at 10 %, in its last step, soaking or settling; the window closes, and somebody edits its route.
fn edited(phase: &str, to: u32) -> (usize, Stand) {
    let soak = if phase == "soaking" { Dur::hours(9) } else { Dur::secs(30) };
    let mut s = bound("11:00", "11:12", |p| (p.on_drift, p.soak) = (OnDrift::Revert, soak));
    let last = s.run.plan.steps("ledger").len() - 1;
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    match phase {
        "shifting" => s.say(Verb::Pause, Some("ledger")),
        "last step" => {
            s.until(|s| s.holds_step("ledger", last));
            s.few.insert("ledger".into());
        }
        _ => s.until(|s| s.is("orders", "soaking")),
    }
    s.skip(clock(11, 13).since(s.now));
    s.until(|s| s.is("ledger", if phase == "last step" { "shifting" } else { phase }));
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
    // A step that is not completed is one on its way, also the last.
    let (writes, s) = edited("last step", 40);
    assert_eq!(writes, 0, "{:#?}", s.told());
    assert!(s.t("ledger").held.as_ref().is_some_and(|h| h.reason == HoldReason::Drift), "{:?}", s.t("ledger").held);
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
    Arc::make_mut(&mut s.run.plan).when.as_mut().unwrap().tz = "1999z".into();
    s.attach(true);
    assert_eq!(s.count("the plan was made with time zones of 1999z"), 1);
}

/// A process looks at the run and does not start it.
fn look_only(s: &mut Stand) {
    s.hear(Body::Attached(Attached { identity: ivo(), interactive: true, start: false, pager: false }));
    s.hear(Body::Lease(LeaseSeen::Held { epoch: 1 }));
    s.show_all();
    s.hear(Body::Observed(Observation::Bystander { service: "vault".into(), ready: 3, wanted: 3 }));
    s.hear(Body::Synced);
    s.wait(Dur::secs(1));
}

fn order(s: &mut Stand, verb: Verb, reason: &str) {
    let (scope, by) = (Scope::Run, ivo());
    s.hear(Body::Command(Command { verb, scope, by, reason: reason.into(), typed: None }));
}

fn status_of(s: &Stand) -> Status {
    status(&s.run, s.now, &|t: Time| t.utc().format("%H:%M:%S").to_string())
}

/// Ledger is at 10 % when it is paused; it may go on at 11:`minute`.
fn goes_on_at(minute: u64, tweak: impl FnOnce(&mut PolicySpec)) -> Stand {
    let mut s = bound("11:00", "11:12", tweak);
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    s.say(Verb::Pause, Some("ledger"));
    s.until(|s| s.now >= clock(11, minute));
    s.say(Verb::Resume, Some("ledger"));
    s.until(|s| s.t("ledger").held.as_ref().is_some_and(|h| h.reason == HoldReason::Window));
    s
}

#[test]
fn a_split_says_how_long_it_may_still_be_one() {
    // It is split without a window since 11:12.
    let mut s = goes_on_at(22, |_| {});
    let told = s.told();
    let page =
        told.iter().find(|t| t.contains("ledger held at 10%: outside of Wed")).unwrap_or_else(|| panic!("{told:#?}"));
    assert!(page.contains("; goes back in 1:") && page.ends_with("if still split"), "{page}");
    assert_eq!(status_of(&s).next.at, Some(clock(13, 12)));
    s.skip(clock(13, 10).since(s.now));
    s.until(|s| s.t("ledger").phase.going_back());
    assert_eq!(s.now, clock(13, 12));
}

#[test]
fn a_policy_that_goes_back_at_the_end_says_so_before() {
    let mut s = goes_on_at(11, |p| p.at_window_end = AtWindowEnd::Rollback);
    assert_eq!(s.count("goes back at the window's end if still split"), 1, "{:#?}", s.told());
    let next = status_of(&s).next;
    assert_eq!((next.text.as_str(), next.at), ("ledger goes back", Some(clock(11, 12))));
    s.until(|s| s.t("ledger").phase.going_back());
    assert_eq!(s.now, clock(11, 12));
}

#[test]
fn a_freeze_is_named_whatever_else_holds() {
    let mut s = bound("11:00", "14:00", |_| {});
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").held.is_some());
    s.say(Verb::Freeze, None);
    s.wait(Dur::secs(1));
    let st = status_of(&s);
    assert!(st.sentence.starts_with("frozen by ivo until somebody lifts it. ledger held at 10%"), "{}", st.sentence);
    assert!(st.short.starts_with("frozen by ivo; ledger 10%"), "{}", st.short);
    // It is split, and nobody knows when the freeze ends: what comes first is that it goes back.
    assert_eq!(st.next.text, "ledger goes back");
    assert_eq!(st.next.at, s.t("ledger").split_since.map(|t| t + s.run.plan.policy.max_split_hold));
}

#[test]
fn the_end_of_a_freeze_is_not_called_a_window() {
    let mut s = bound("11:00", "14:00", |_| {});
    s.attach(true);
    s.until(|s| s.holds_step("ledger", 0));
    order(&mut s, Verb::Freeze, "10m the database is moved");
    let end = s.now + Dur::mins(10);
    s.until(|s| s.t("ledger").held.as_ref().is_some_and(|h| h.reason == HoldReason::Window));
    let st = status_of(&s);
    assert_eq!((st.next.at, st.next.condition.as_str()), (Some(end), "the freeze ends"));
    assert!(st.sentence.contains(" The freeze ends in 9:"), "{}", st.sentence);
}

#[test]
fn nothing_is_promised_while_it_is_frozen_without_an_end() {
    let mut s = bound("11:30", "14:00", |_| {});
    s.attach(true);
    s.wait(Dur::secs(1));
    assert_eq!(status_of(&s).next.at, Some(clock(11, 30)));
    s.say(Verb::Freeze, None);
    s.wait(Dur::secs(1));
    let next = status_of(&s).next;
    assert_eq!((next.text.as_str(), next.at), ("nothing before somebody lifts the freeze", None));
    assert_eq!(begins(&s.run), "not before somebody lifts the freeze");
}

#[test]
fn a_start_that_no_window_is_long_enough_for_is_said_to_end_the_run() {
    let mut s = bound("11:30", "11:31", |_| {});
    look_only(&mut s);
    let says = waits_if_started(&s.run).unwrap();
    assert!(says.starts_with("ends the run as blocked: no window within 400 days is open for"), "{says}");
    assert!(begins(&s.run).starts_with("not within 400 days"));
    order(&mut s, Verb::Start, "");
    s.wait(Dur::secs(1));
    assert!(s.run.is_ended(), "{:#?}", s.told());
}

#[test]
fn a_start_lifts_what_put_it_off() {
    let mut s = bound("11:00", "14:00", |_| {});
    look_only(&mut s);
    let defer = preview(&s.run, Verb::Defer, &Scope::Run).effects.join("; ");
    assert!(defer.contains("nobody has started the run"), "{defer}");
    order(&mut s, Verb::Defer, "2h the team sleeps");
    s.wait(Dur::secs(1));
    let st = status_of(&s);
    assert!(st.sentence.starts_with("put off by ivo for 1:59:"), "{}", st.sentence);
    assert_eq!(waits_if_started(&s.run), None);
    order(&mut s, Verb::Start, "");
    s.until(|s| s.run.stage == Stage::Running);
    assert!(s.now < clock(11, 8));
    // Outside of its window it waits for that, and no longer for what put it off.
    let mut s = bound("11:30", "15:00", |_| {});
    look_only(&mut s);
    order(&mut s, Verb::Defer, "2h the team sleeps");
    s.wait(Dur::secs(1));
    let says = waits_if_started(&s.run).unwrap();
    assert!(says.contains("outside of") && says.contains("it begins Wed 2026-11-18 11:30 UTC"), "{says}");
}

#[test]
fn a_window_that_does_not_end_is_said_to() {
    let mut s = bound("11:00", "14:00", |_| {});
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let slot = serde_json::json!({"name": "w", "days": days, "start": "00:00", "end": "00:00"});
    let spec = serde_json::from_value(serde_json::json!({"slots": [slot]})).unwrap();
    Arc::make_mut(&mut s.run.plan).when.as_mut().unwrap().calendar.spec = spec;
    look_only(&mut s);
    let window = s.run.window.as_ref().unwrap();
    assert_eq!((window.open, window.open_until().as_str()), (true, "no end within 400 days"));
    assert_eq!(begins(&s.run), "at once");
}

/// What was said of one tenant is taken back one word after the other, the freeze first.
#[test]
fn unfreeze_leaves_a_tenants_deferral() {
    let mut s = Stand::new(|_| {});
    let phased = serde_json::json!({"moves": [{"name": "acme", "cohort": "premium", "by": {"header": "x-tenant"},
        "values": ["acme"], "tenants": 1, "binds": []}], "steps": [{"weight": 0, "hold": "8m"}]});
    Arc::make_mut(&mut s.run.plan).services[0].phased = Some(serde_json::from_value(phased).unwrap());
    let say = |s: &mut Stand, verb: Verb, reason: &str| {
        let scope = Scope::Tenant("acme".into());
        let command = Command { verb, scope, by: ivo(), reason: reason.into(), typed: None };
        s.hear(Body::Command(command));
    };
    say(&mut s, Verb::Freeze, "bad");
    say(&mut s, Verb::Defer, "2h later");
    let effects = preview(&s.run, Verb::Unfreeze, &Scope::Tenant("acme".into())).effects;
    assert!(
        effects[0].starts_with("acme stays put off by ivo until") && effects[0].contains("once more"),
        "{effects:?}"
    );
    say(&mut s, Verb::Unfreeze, "");
    let kept = s.run.kept.get("acme").cloned().unwrap();
    assert!(kept.frozen.is_none() && kept.deferred.is_some(), "{kept:?}");
    say(&mut s, Verb::Unfreeze, "");
    assert!(s.run.kept.is_empty());
}
