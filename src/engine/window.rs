//! When a run may go on: it waits for its window, begins only what fits into it, and at its end finishes, holds or takes
//! back, as the policy says. Nothing here ever stands in the way of going back.
//!
//! The Calendar is asked only when an answer runs out: what a look found holds until the next instant at which the window
//! opens or closes, and each pass compares that with its own time. So a stepped clock is noticed by itself.
use serde::{Deserialize, Serialize};

use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::holds::{hold, lift_if};
use super::run::{Held, HoldReason, Phase, Run, Stage, Track};
use super::{moves, rollback};
use crate::calendar::Rule;
use crate::spec::policy::{AtWindowEnd, Severity};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Instant, tz_version};

mod beyond;
mod stay;

pub(super) use beyond::never;
use beyond::{platform, too_short};
pub use stay::{Stay, stay_of, until_of};

/// So long before the end of a window people are told, while something is on its way.
pub const NOTICE: Dur = Dur::mins(15);
/// An answer that does not run out is asked for again after this, well within what a look sees ahead.
const LOOK_AGAIN: Dur = Dur::hours(24 * 30);

/// What a look at the Calendar found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub looked: Time,
    pub open: bool,
    /// Which rule closes it, and its words; only while it is closed.
    pub closed_by: Option<(Rule, String)>,
    /// When it turns: an open one closes, a closed one opens. Nothing within 400 days otherwise.
    pub until: Option<Time>,
    /// The next opening: of a closed one the same as `until`.
    pub opens: Option<Time>,
    /// From when on the whole run fits, at the earliest, if it does not begin now.
    pub later: Option<Time>,
    /// `until` and `later` as the Calendar's zone reads them.
    pub until_said: String,
    pub later_said: String,
    /// The run is not to begin before; by `preferredDate` of the upgrade.
    pub preferred: Option<Time>,
    /// The answer is good until then.
    again: Time,
    /// People put the begin off until then; another wish is another question.
    put_off: Option<Time>,
    /// The end people were told of.
    paged: Option<Time>,
}

/// What stands against going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// A person's freeze, or put off by one.
    Person,
    /// The upgrade is for a later date.
    Early,
    Closed(Rule),
    /// Open, but not for long enough.
    Short,
}

struct Against {
    stop: Stop,
    text: String,
}

impl Against {
    /// It lasts for a while, whatever is asked: not only too short for the next step.
    fn closed(&self) -> bool {
        self.stop != Stop::Short
    }

    /// Frozen by the Calendar or by a person: above everything.
    fn freeze(&self) -> bool {
        matches!(self.stop, Stop::Person | Stop::Closed(Rule::Freeze))
    }
}

/// Asks the Calendar, unless what it said last still holds; lets a person's word run out. Wakes when something turns.
pub(super) fn look(cx: &mut Cx) {
    run_out(cx);
    let (now, put_off) = (cx.now, put_off(cx.run));
    let known = cx.run.window.as_ref();
    let good = known.is_some_and(|w| w.looked <= now && now < w.again && w.put_off == put_off);
    if !good && let Some(found) = found(cx.run, now) {
        turned(cx, found);
    }
    notice(cx);
}

/// Until when persons' words put the begin off.
fn put_off(run: &Run) -> Option<Time> {
    [&run.frozen, &run.deferred].into_iter().flatten().filter_map(|s| s.until).max()
}

/// Asks the Calendar; nothing when none binds the run.
fn found(run: &Run, now: Time) -> Option<Window> {
    let when = run.plan.when.as_ref()?;
    let put_off = put_off(run);
    let platform = platform(run, when, now);
    let open = platform.open(now);
    let until = if open { platform.closes_after(now) } else { platform.opens_after(now) };
    let opens = if open { until.and_then(|end| platform.opens_after(end)) } else { until };
    let preferred = when.preferred.map(|date| platform.begins(date));
    let not_before = preferred.max(put_off).filter(|at| *at > now);
    let from = not_before.or(if open { until } else { Some(now) });
    let later = from.and_then(|from| platform.earliest_fit(from, when.needs.run));
    let said = |at: Option<Time>| at.map_or_else(|| "not within 400 days".into(), |at| platform.read(at));
    let closed_by = (!open).then(|| platform.why(now)).map(|why| match why.rule {
        Rule::Window => (Rule::Window, format!("outside of {}", platform.said().join(", "))),
        rule => (rule, format!("{}: {}", rule.name(), why.text)),
    });
    let again = [until, not_before, Some(now + LOOK_AGAIN)].into_iter().flatten().min().unwrap_or(now);
    let paged = run.window.as_ref().and_then(|w| w.paged);
    let (until_said, later_said) = (said(until), said(later));
    Some(Window {
        looked: now,
        open,
        closed_by,
        until,
        opens,
        later,
        until_said,
        later_said,
        preferred,
        again,
        put_off,
        paged,
    })
}

impl Window {
    /// Of one that is open: `until Sun 2026-11-22 09:00 CET`.
    pub fn open_until(&self) -> String {
        match self.until {
            Some(_) => format!("until {}", self.until_said),
            None => "no end within 400 days".into(),
        }
    }
}

/// Keeps what was found, and says that it opened or closed.
fn turned(cx: &mut Cx, found: Window) {
    let before = cx.run.window.as_ref().map(|w| w.open);
    if before.is_some_and(|open| open != found.open) {
        let text = match &found.closed_by {
            None => format!("the window opens, {}", found.open_until()),
            Some((_, why)) if found.until.is_none() => format!("the window closes, {why}; none opens within 400 days"),
            Some((_, why)) => format!("the window closes, {why}; it opens {}", found.until_said),
        };
        cx.event(EventKind::Hold, ENGINE, None, text);
    }
    cx.run.window = Some(found);
}

/// A process with another time zone database may see other windows than the one the plan was made with: it says so.
pub(super) fn other_zones(cx: &mut Cx) {
    // Whatever was found, was found by another process.
    cx.run.window = cx.run.window.take().map(|w| Window { again: w.looked, ..w });
    let Some(made) = cx.run.plan.when.as_ref().map(|w| w.tz.clone()).filter(|tz| tz != tz_version()) else { return };
    let text =
        format!("the plan was made with time zones of {made}, these are of {}: windows may differ", tz_version());
    cx.event(EventKind::Fault, ENGINE, None, text);
}

/// A freeze or a deferral with an end is over by itself.
fn run_out(cx: &mut Cx) {
    let now = cx.now;
    let over = |s: &mut Stay| s.until.is_some_and(|until| until <= now);
    if let Some(s) = cx.run.frozen.take_if(over) {
        cx.event(EventKind::Hold, ENGINE, None, format!("the freeze by {} is over", s.by));
    }
    if let Some(s) = cx.run.deferred.take_if(over) {
        cx.event(EventKind::Hold, ENGINE, None, format!("it is no longer put off by {}", s.by));
    }
    let kept = cx.run.kept.len();
    for k in cx.run.kept.values_mut() {
        k.frozen.take_if(over);
        k.deferred.take_if(over);
    }
    cx.run.kept.retain(|_, k| k.stays().next().is_some());
    if cx.run.kept.len() < kept {
        cx.run.tracks.values_mut().for_each(|t| t.moves.turn = None);
    }
    let ends = [&cx.run.frozen, &cx.run.deferred].into_iter().flatten().filter_map(|s| s.until).min();
    ends.into_iter().for_each(|end| cx.wake_at(end));
}

/// Wakes at what comes next, and tells people of an end that comes near while something is on its way.
fn notice(cx: &mut Cx) {
    let Some(w) = cx.run.window.clone() else { return };
    cx.wake_at(w.again);
    let Some(end) = w.until.filter(|_| w.open && cx.run.stage == Stage::Running) else { return };
    let on_its_way = |t: &&Track| next_raise(cx.run, t).is_some();
    let moving: Vec<String> =
        cx.run.in_order().filter(on_its_way).map(|t| format!("{} {:.0}%", t.service, t.accepted_share())).collect();
    if moving.is_empty() || w.paged == Some(end) {
        return;
    }
    if cx.now < end - NOTICE {
        return cx.wake_at(end - NOTICE);
    }
    let then = match cx.run.plan.policy.at_window_end {
        AtWindowEnd::Finish => "what has begun goes on to 100% all the same",
        AtWindowEnd::Hold => "the share then stays until the next window",
        AtWindowEnd::Rollback => "what is below 100% then goes back",
    };
    let left = end.until(cx.now).clock();
    let text = format!("the window ends in {left}, {}, with {}: {then}", w.until_said, moving.join(", "));
    if let Some(w) = &mut cx.run.window {
        w.paged = Some(end);
    }
    cx.page(None, text);
}

/// Why nothing may move now, or nothing that takes `needs`.
fn against(run: &Run, needs: Dur) -> Option<Against> {
    if let Some(stay) = &run.frozen {
        return Some(Against { stop: Stop::Person, text: stay.said("frozen") });
    }
    let window = run.window.as_ref()?;
    if let Some((rule, text)) = &window.closed_by {
        return Some(Against { stop: Stop::Closed(*rule), text: text.clone() });
    }
    let left = window.until?.since(run.now.wall);
    let text = || format!("the window ends {}, and {needs} are needed", window.until_said);
    (left < needs).then(|| Against { stop: Stop::Short, text: text() })
}

/// Why the run as a whole may not begin now.
fn against_start(run: &Run) -> Option<Against> {
    if let (None, Some(stay)) = (&run.frozen, &run.deferred) {
        return Some(Against { stop: Stop::Person, text: stay.said("put off") });
    }
    let when = run.plan.when.as_ref();
    let early = run.window.as_ref().and_then(|w| w.preferred).is_some_and(|at| run.now.wall < at);
    let stands = against(run, when.map_or(Dur::ZERO, |w| w.needs.run));
    match (when.and_then(|w| w.preferred).filter(|_| early), stands) {
        (_, Some(stands)) if stands.freeze() => Some(stands),
        (Some(date), _) => {
            Some(Against { stop: Stop::Early, text: format!("not before {date}, as preferredDate says") })
        }
        (None, stands) => stands,
    }
}

/// As [`against`], for what has begun: a policy that finishes is stopped by a freeze only.
fn stands(run: &Run, needs: Dur) -> Option<Against> {
    let finishes = run.plan.policy.at_window_end == AtWindowEnd::Finish;
    against(run, needs).filter(|a| a.freeze() || !finishes)
}

/// Why the share of a service must not be raised now, as by a person's `next`. What came through its steps is brought back
/// to where it stood also outside of a window, though not in a freeze.
pub(super) fn raise_stopped(run: &Run, t: &Track) -> Option<String> {
    let moving = || next_raise(run, t).and_then(|needs| stands(run, needs)).map(|a| a.text);
    frozen(run).or_else(moving)
}

/// Why a foreign edit that took traffic away must not be undone now: as for the next raise, and in the last step, which
/// leads to none, as long as that is not completed.
pub(super) fn undo_stopped(run: &Run, t: &Track) -> Option<String> {
    let last =
        matches!(t.phase, Phase::Shifting { .. }) && moves::moving(run, t).is_none() && next_raise(run, t).is_none();
    let reserve = || stands(run, run.plan.policy.rollback_reserve).filter(|_| last).map(|a| a.text);
    raise_stopped(run, t).or_else(reserve)
}

/// Something stands against going on, for the verb that two persons could override it with.
pub(super) fn stands_at_all(run: &Run) -> bool {
    let waits = run.waits.is_some();
    let held = |t: &Track| t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Window);
    waits || run.tracks.values().any(held) || against(run, Dur::ZERO).is_some()
}

/// Frozen, by the Calendar or by a person: nothing settles either.
pub(super) fn frozen(run: &Run) -> Option<String> {
    against(run, Dur::ZERO).filter(Against::freeze).map(|a| a.text)
}

/// What the next raise of a service on its way takes: the step it leads to, and the reserve.
fn next_raise(run: &Run, t: &Track) -> Option<Dur> {
    let steps = run.plan.steps(&t.service);
    if let Some(phased) = moves::moving(run, t) {
        // Tenants go by windows of their own; what all share binds the last step.
        let all = phased.moves.iter().all(|m| t.moves.moved(m));
        return steps.get(1).filter(|_| all).map(|s| s.hold + run.plan.policy.rollback_reserve);
    }
    let first = steps.first().filter(|s| s.weight > 0);
    let step = match &t.phase {
        Phase::Deploying | Phase::Warming { .. } => first,
        Phase::Shifting { step, hold } if hold.accepted_at.is_none() => steps.get(*step),
        Phase::Shifting { step, .. } => steps.get(step + 1),
        _ => None,
    };
    step.map(|s| s.hold + run.plan.policy.rollback_reserve)
}

/// Whether a run that is to begin may do so now. While it may not, it says what it waits for.
pub(super) fn may_begin(cx: &mut Cx) -> bool {
    look(cx);
    let Some(against) = against_start(cx.run) else {
        cx.run.waits = None;
        return true;
    };
    let until = match &cx.run.window {
        // Nobody knows when somebody lifts it.
        _ if endless(cx.run) => None,
        Some(w) => w.later,
        None => [&cx.run.frozen, &cx.run.deferred].into_iter().flatten().filter_map(|s| s.until).max(),
    };
    if let Some(until) = until {
        cx.wake_at(until);
    }
    let begins = match &cx.run.window {
        Some(w) if until.is_some() => format!("; it begins {}", w.later_said),
        _ => String::new(),
    };
    let since = cx.run.waits.as_ref().map_or(cx.now, |w| w.since);
    let waits = Held { reason: HoldReason::Window, text: against.text, since, until };
    if cx.run.waits.as_ref() != Some(&waits) {
        cx.event(EventKind::Hold, ENGINE, None, format!("waits for its window: {}{begins}", waits.text));
        cx.run.waits = Some(waits);
    }
    false
}

/// Why a run that is told to begin now waits, and when it would begin; `None` when it begins. Who tells it lifts what put
/// it off.
pub fn waits_if_started(run: &Run) -> Option<String> {
    if run.deferred.is_some() {
        let mut told = run.clone();
        told.deferred = None;
        told.window = found(&told, run.now.wall);
        return waits_if_started(&told);
    }
    let why = against_start(run)?.text;
    if let Some(never) = too_short(run) {
        return Some(format!("ends the run as blocked: {never}"));
    }
    let later = run.window.as_ref().filter(|w| w.later.is_some() && !endless(run)).map(|w| &w.later_said);
    let begins = later.map_or_else(String::new, |said| format!("; it begins {said}"));
    Some(format!("waits for its window: {why}{begins}"))
}

/// When a run that is told to begin would, for a person.
pub fn begins(run: &Run) -> String {
    match (&run.window, put_off(run)) {
        _ if fits_now(run) => "at once".into(),
        _ if endless(run) => "not before somebody lifts the freeze".into(),
        (Some(w), _) if w.later.is_none() => "not within 400 days: no window is long enough".into(),
        (Some(w), _) => w.later_said.clone(),
        (None, at) => at.map_or_else(String::new, |at| Instant(at).to_string()),
    }
}

/// A run that is told to begin now would.
pub fn fits_now(run: &Run) -> bool {
    against_start(run).is_none()
}

/// A person froze it without saying until when.
pub(super) fn endless(run: &Run) -> bool {
    [&run.frozen, &run.deferred].into_iter().flatten().any(|s| s.until.is_none())
}

/// When a service whose traffic is split goes back if nothing changes: after `max_split_hold`, or at its window's end if
/// the policy says so and no person's freeze stands above it.
pub(super) fn goes_back(run: &Run, t: &Track) -> Option<Time> {
    let split = t.split_since? + run.plan.policy.max_split_hold;
    let rollback = run.plan.policy.at_window_end == AtWindowEnd::Rollback && t.below_full();
    let end = run.window.as_ref().filter(|w| w.open && rollback).and_then(|w| w.until);
    let frozen = |end: &Time| run.frozen.as_ref().is_some_and(|f| f.until.is_none_or(|until| until > *end));
    Some(end.filter(|end| !frozen(end)).map_or(split, |end| end.min(split)))
}

/// A service that waits begins only if all of its steps fit. True: it goes on waiting.
pub(super) fn waits(cx: &mut Cx, t: &mut Track) -> bool {
    let needs = cx.run.plan.when.as_ref().and_then(|w| w.needs.services.get(&t.service)).copied();
    match against(cx.run, needs.unwrap_or(Dur::ZERO)) {
        None => {
            lift_if(cx, t, &[HoldReason::Window], "its window lets it begin");
            false
        }
        Some(a) => {
            let until = opening(cx.run);
            hold(cx, t, HoldReason::Window, a.text, until);
            true
        }
    }
}

fn opening(run: &Run) -> Option<Time> {
    let opens = run.window.as_ref().filter(|w| w.closed_by.is_some() || w.until.is_some()).and_then(|w| w.opens);
    run.frozen.as_ref().map_or(opens, |f| f.until.max(opens.filter(|_| f.until.is_some())))
}

/// Before the next raise of a service: true when its window stands against it, and then it is held.
pub(super) fn stops(cx: &mut Cx, t: &mut Track) -> bool {
    let Some(against) = next_raise(cx.run, t).and_then(|needs| stands(cx.run, needs)) else { return false };
    stay(cx, t, against);
    true
}

/// At each look at a service: its hold is lifted when the window lets it go on, and what cannot wait for the next one goes
/// back. True: it goes back now.
pub(super) fn keep(cx: &mut Cx, t: &mut Track) -> bool {
    if t.phase == Phase::Soaked {
        match frozen(cx.run) {
            // A foreign edit is what people must see; it stays as it is while all is frozen.
            Some(_) if t.drifted => {}
            Some(text) => hold(cx, t, HoldReason::Window, text, opening(cx.run)),
            None => lift_if(cx, t, &[HoldReason::Window], "the freeze is over"),
        }
        return false;
    }
    if matches!(t.phase, Phase::Waiting { .. }) {
        return false;
    }
    if let Some(stay) = cx.run.frozen.clone().filter(|_| moves::idle(cx.run, t)) {
        if !t.drifted {
            hold(cx, t, HoldReason::Window, stay.said("frozen"), stay.until);
        }
        return false;
    }
    let Some(against) = next_raise(cx.run, t).and_then(|needs| stands(cx.run, needs)) else {
        t.split_since = None;
        lift_if(cx, t, &[HoldReason::Window], "no window or freeze stands against it any more");
        return false;
    };
    let ends = matches!(against.stop, Stop::Closed(_)) && cx.run.plan.policy.at_window_end == AtWindowEnd::Rollback;
    // Tenants that moved rest where they are until the window that all share opens.
    if ends && !t.rests_by_tenant() && t.below_full() && rollback::may_go_back(t) {
        rollback::decide(cx, t, Severity::Standard, &format!("its window is over: {}", against.text), ENGINE);
        return true;
    }
    let held = t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Window);
    if held {
        stay(cx, t, against);
    } else if against.closed() {
        // Its step is not at its end, and may never be: the time it may stay split counts all the same.
        split(cx, t);
    }
    let limit = cx.run.plan.policy.max_split_hold;
    if t.split_since.is_some_and(|since| cx.now.since(since) >= limit) && rollback::may_go_back(t) {
        let text =
            format!("split at {:.0}% for {limit} without a window, as long as max_split_hold says", t.accepted_share());
        rollback::decide(cx, t, Severity::Standard, &text, ENGINE);
        return true;
    }
    false
}

/// Keeps since when traffic is split without a window; until when it may be.
fn split(cx: &mut Cx, t: &mut Track) -> Option<Time> {
    if !(0.5..99.5).contains(&t.accepted_share()) {
        t.split_since = None;
        return None;
    }
    let until = *t.split_since.get_or_insert(cx.now) + cx.run.plan.policy.max_split_hold;
    cx.wake_at(until);
    Some(until)
}

/// Holds a service on its way, and pages when that leaves its traffic split.
fn stay(cx: &mut Cx, t: &mut Track, against: Against) {
    let deadline = split(cx, t);
    // What stands before it is what people are told of.
    let fresh = t.held.as_ref().is_none_or(|h| !matches!(h.reason, HoldReason::Window | HoldReason::Footing));
    // Whoever froze it for a while knows; that it goes back in the middle of it they may not.
    let lifted = cx.run.frozen.as_ref().filter(|_| against.stop == Stop::Person).and_then(|f| f.until);
    let known = lifted.zip(goes_back(cx.run, t)).is_some_and(|(lifted, back)| lifted < back);
    if fresh && t.breach.is_none() && deadline.is_some() && !known {
        let service = t.service.clone();
        let back = match goes_back(cx.run, t) {
            Some(at) if Some(at) == deadline => format!("in {}", at.until(cx.now).clock()),
            _ => "at the window's end".into(),
        };
        let text = format!("held at {:.0}%: {}; goes back {back} if still split", t.accepted_share(), against.text);
        cx.page(Some(&service), text);
    }
    let until = [deadline.and(goes_back(cx.run, t)), opening(cx.run)].into_iter().flatten().min();
    hold(cx, t, HoldReason::Window, against.text, until);
}
