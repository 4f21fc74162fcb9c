//! What stands in the way of a raise: the engine's own holds, people's pauses, foreign edits, an older epoch.
use super::cx::{Cx, ENGINE};
use super::effect::{Action, EventKind};
use super::observe::{Accepted, RouteSeen};
use super::rules::Stands;
use super::run::{Ask, AskKind, Held, Hold, HoldReason, ObservedShare, Phase, Run, Settling, Track, Written};
use super::traffic::{Traffic, route_rules};
use super::{footing, segments, window};
use crate::plan::Planned;
use crate::plan::rules::Whose;
use crate::spec::policy::OnDrift;
use crate::spec::units::Time;

/// Why this service's share must not rise now, if anything stands in the way.
pub(super) fn raise_blocked(run: &Run, t: &Track) -> Option<String> {
    if let Some(why) = stopped(run, t) {
        return Some(why);
    }
    if let Some(b) = &t.breach {
        return Some(b.reason.clone());
    }
    if let Some(why) = footing::against(run, t) {
        return Some(why);
    }
    if t.drifted {
        return Some("the route was changed by somebody else".into());
    }
    t.held.as_ref().filter(|h| h.reason == HoldReason::Failure).map(|h| h.text.clone())
}

/// The same, but for the service's own hold.
fn stopped(run: &Run, t: &Track) -> Option<String> {
    if let Some(p) = &t.paused {
        return Some(format!("paused by {}", p.by));
    }
    all_stopped(run).or_else(|| t.blind.as_ref().map(|_| "blind: no data".into()))
}

/// What stops the raises of all services.
pub(super) fn all_stopped(run: &Run) -> Option<String> {
    if let Some(p) = &run.paused_all {
        return Some(format!("everything paused by {}", p.by));
    }
    if run.aborting.is_some() {
        return Some("the run is being aborted".into());
    }
    if let Some(l) = &run.leaving {
        return Some(format!("leaving: {}", l.why));
    }
    if let Some(s) = run.stop() {
        return Some(s.text.clone());
    }
    run.journal.down.as_ref().map(|(_, why)| format!("the journal cannot be written: {why}"))
}

/// After a take-over or resume, our epoch goes onto the route before anything else, only where a lower one stands.
pub(super) fn stamp_first(cx: &mut Cx, t: &mut Track) -> bool {
    let Some(epoch) = cx.run.driving.epoch() else { return true };
    let lower = t
        .route
        .as_ref()
        .and_then(|r| r.owner.as_ref())
        .is_some_and(|o| o.run == cx.run.id && o.epoch < epoch && !matches!(t.phase, Phase::Waiting { .. }));
    if lower {
        cx.call(t, Action::Stamp, "a new epoch drives");
    }
    lower
}

/// A route that carries a newer mark of ours than the last write we know of tells what became of a write whose answer
/// was lost. Learnt before anything else is decided, or before a new epoch's stamp hides it.
pub(super) fn learn(run_id: &str, now: Time, t: &mut Track) {
    let Some(route) = t.route.as_ref().filter(|_| t.call.is_none()) else { return };
    let Some(mark) = route.owner.as_ref().filter(|o| o.run == run_id) else { return };
    if t.written.as_ref().is_some_and(|w| w.key >= mark.seq) {
        return;
    }
    let seq = mark.seq;
    let asked = t.unanswered.iter().find(|(key, _)| *key == seq).map(|(_, action)| action.clone());
    t.unanswered.retain(|(key, _)| *key > seq);
    // Without a second backend there is no weight of ours to tell an edit from.
    let Some(seen) = Traffic::seen(route).filter(|_| route.weights.is_some_and(|w| w.next.is_some())) else {
        // Requests came with that write all the same, before somebody took the backend out again.
        if let Some(Action::SetWeight { next, .. }) = asked {
            t.highest = t.highest.max(next);
        }
        t.written = None;
        return;
    };
    // The mark tells which write it was, and that write what it asked for: what is there may be an edit since.
    if let Some(Action::RemoveBackend) = asked {
        t.written = None;
        return;
    }
    let before = t.written.as_ref().map(|w| w.traffic.clone());
    let traffic = match (asked, before.clone()) {
        (Some(action), Some(before)) => before.after(&action),
        (Some(action), None) if action != Action::Stamp => seen.after(&action),
        _ => seen,
    };
    let before = before.unwrap_or_default();
    if traffic.next > before.next || traffic.rules.len() > before.rules.len() {
        t.raised_at = Some(now);
    }
    t.highest = t.highest.max(traffic.next);
    t.written = Some(Written { traffic, key: seq, at: now });
}

/// Keeps when the route as it stands was first seen without a gateway that takes it on: several services may share one route, and
/// a write for another makes this one wait again.
pub(super) fn await_acceptance(now: Time, t: &mut Track) {
    match t.route.as_ref().map(|r| &r.accepted) {
        Some(Accepted::Pending | Accepted::No(_)) => drop(t.pending_since.get_or_insert(now)),
        _ => t.pending_since = None,
    }
}

/// A route that does not carry what was last written, without a write of ours in flight, was changed by somebody.
pub(super) fn drift(cx: &mut Cx, t: &mut Track) -> bool {
    let (Some(written), Some(route)) = (&t.written, &t.route) else { return false };
    let share = route.weights.map(|_| route.share());
    let settled = t.call.is_none();
    let same = written.traffic.stands(route);
    if same || !settled {
        if same && t.drifted {
            back_as_written(cx, t);
        }
        return false;
    }
    if t.drifted {
        if t.reverting && !revert(cx, t) {
            return true;
        }
        show_drift(cx, t);
        return true;
    }
    let text = drift_text(cx.run, t, written, route);
    let service = t.service.clone();
    cx.event(EventKind::Drift, ENGINE, Some(&service), text.clone());
    t.highest = t.highest.max(share.map_or(0, |s| s.round() as u32));
    if let Phase::Settling(Settling::Confirm { .. } | Settling::Drain { .. } | Settling::Remove) = t.phase {
        // Requests may have come to what was to go: confirmed and drained anew.
        t.phase = Phase::Settling(Settling::MoveBack);
    }
    // Where no weight can be read there is none to take over.
    if cx.run.plan.policy.on_drift == OnDrift::Adopt && share.is_some() && may_adopt(cx.run, t).is_ok() {
        adopt(cx, t, "the policy");
        return false;
    }
    t.drifted = true;
    t.reverting = cx.run.plan.policy.on_drift == OnDrift::Revert;
    match by_hand(cx.run, t) {
        Some((what, command)) => cx.page(Some(&service), format!("{text}; {what}: {command}")),
        None if !t.reverting => cx.page(Some(&service), text),
        None => {}
    }
    show_drift(cx, t);
    true
}

/// Writes again what stood before a foreign edit. False: undoing it would raise something that may not rise now.
fn revert(cx: &mut Cx, t: &mut Track) -> bool {
    let Some(action) = undoing(t) else { return true };
    if undo_stopped(cx.run, t).is_some() {
        return false;
    }
    cx.call(t, action, "a foreign edit is undone");
    t.close(&[AskKind::Drift]);
    true
}

/// The write that undoes a foreign edit.
fn undoing(t: &Track) -> Option<Action> {
    let (written, route) = (t.written.as_ref()?, t.route.as_ref()?);
    let (wanted, share) = (written.traffic.clone(), route.weights?.share().round() as u32);
    Some(match wanted.next == share && route.apart().is_empty() {
        true => route_rules(t, wanted.rules),
        false => Action::SetWeight { next: wanted.next, expect: share, rules: None },
    })
}

/// Why a foreign edit cannot be undone now: to undo one that took traffic away is a raise like any other.
pub(super) fn undo_stopped(run: &Run, t: &Track) -> Option<String> {
    let wanted = t.written.as_ref()?.traffic.next;
    let raises = t.route.as_ref()?.apart().iter().any(|(_, share)| *share < wanted) || !undoing(t)?.lowers_risk();
    if !raises {
        return None;
    }
    stopped(run, t).or_else(|| window::undo_stopped(run, t))
}

/// What only a person can do where no weight can be read, and so none be written, with the command for it; `None` where
/// one can.
pub(super) fn by_hand(run: &Run, t: &Track) -> Option<(String, String)> {
    if t.route.as_ref().is_some_and(|r| r.weights.is_some()) {
        return None;
    }
    let traffic = &run.plan.get(&t.service)?.service.traffic.http_route;
    let kubectl = run.kubectl();
    let next = t.written.as_ref().map_or(0, |w| w.traffic.next);
    let weights = format!("weight {} for {}, {next} for {}", 100 - next.min(100), traffic.stable, traffic.next);
    let name = &traffic.name;
    Some(match t.route.as_ref().is_none_or(|r| r.uid.is_empty()) {
        true => (
            "no route to write: make it again by hand".into(),
            format!("{kubectl} apply -f FILE  # FILE holds HTTPRoute {name}: {weights}"),
        ),
        false => (
            "no weight can be read: mend the route by hand".into(),
            format!("{kubectl} edit httproute {name}  # {weights}"),
        ),
    })
}

/// Whether an edit can be the state to go on from: a share can, whom rules send where cannot, nor a share beside them.
pub(super) fn may_adopt(run: &Run, t: &Track) -> Result<(), String> {
    let rules = t.written.as_ref().zip(t.route.as_ref()).is_none_or(|(w, route)| w.traffic.rules_stand(route));
    if !rules {
        let follow = match whose(run, t) {
            Whose::Tenants => "tenants' rules were changed, and they follow the campaign",
            Whose::Segments => "segments' rules were changed, and they follow the upgrade",
        };
        return Err(format!("{follow}: revert-drift writes them again"));
    }
    if t.route.as_ref().is_some_and(|route| !route.apart().is_empty()) {
        return Err("its rules carry different weights: revert-drift writes the same to all of them".into());
    }
    if run.plan.get(&t.service).is_some_and(|p| p.phased.is_some()) && matches!(t.phase, Phase::Shifting { .. }) {
        return Err("its weight stays where it is while its tenants move: revert-drift undoes the edit".into());
    }
    let (share, first) =
        (t.accepted_share().round() as u32, run.plan.steps(&t.service).first().map_or(0, |s| s.weight));
    if share < first && matches!(t.phase, Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked) {
        // To go on from there is to send it the first step's share at once.
        return Err(format!(
            "{share}% is below its first step, {first}%: revert-drift raises it again, abort leaves it"
        ));
    }
    Ok(())
}

/// Whose the rules of a service's route are.
fn whose(run: &Run, t: &Track) -> Whose {
    run.plan.get(&t.service).map_or(Whose::Tenants, Planned::whose)
}

fn drift_text(run: &Run, t: &Track, written: &Written, route: &RouteSeen) -> String {
    let mut what = Vec::new();
    if route.everybody {
        let whom = run.plan.get(&t.service).and_then(|p| segments::said(p, written.traffic.rules.iter()));
        let whom = whom.map_or_else(String::new, |whom| format!(", not only {whom}"));
        what.push(format!("a rule has lost what tells requests apart and sends everybody to the new version{whom}"));
    } else if written.traffic.next != route.weights.map_or(0, |w| w.share() as u32)
        || written.traffic.rules_stand(route) && route.apart().is_empty()
    {
        let share = route.weights.map_or("gone".to_string(), |w| format!("{:.0}%", w.share()));
        what.push(format!("{share} instead of {}%", written.traffic.next));
    }
    what.extend(route.apart().into_iter().map(|(rule, share)| match share {
        0 => format!("rule {rule} of it sends everything to the old version, not {}% to the new", written.traffic.next),
        _ => format!("rule {rule} of it sends {share}% to the new version, not {}%", written.traffic.next),
    }));
    if !route.everybody {
        what.extend(became_text(&written.traffic, route, whose(run, t)));
    }
    format!("route was changed by {}: {}", route.writer.as_deref().unwrap_or("somebody"), what.join("; "))
}

/// Which of our rules are not as they were written, and what became of them.
fn became_text(traffic: &Traffic, route: &RouteSeen, whose: Whose) -> Option<String> {
    if traffic.rules_stand(route) {
        return None;
    }
    let of = |stands: Stands, how: [&str; 2]| {
        let names = traffic.rules.iter().filter(|rule| Traffic::became(rule, route) == stands);
        let names: Vec<&str> = names.map(|rule| rule.name.as_str()).collect();
        match names[..] {
            [] => None,
            [one] => Some(format!("the rule of {one} {}", how[0])),
            _ => Some(format!("the rules of {} {}", names.join(", "), how[1])),
        }
    };
    let told = [of(Stands::Gone, ["is gone", "are gone"]), of(Stands::Edited, ["was edited", "were edited"])];
    let told: Vec<String> = told.into_iter().flatten().collect();
    // In another order, or with one that nobody wrote.
    let other = || format!("{} rules are not as they were written", whose.genitive());
    Some(if told.is_empty() { other() } else { told.join(", ") })
}

/// Holds and asks because of a foreign edit; while something more pressing is shown, behind that.
fn show_drift(cx: &mut Cx, t: &mut Track) {
    let (Some(written), Some(route)) = (&t.written, &t.route) else { return };
    let text = drift_text(cx.run, t, written, route);
    let hand = by_hand(cx.run, t);
    let adopt = if may_adopt(cx.run, t).is_ok() { "adopt-drift or revert-drift" } else { "revert-drift" };
    if !t.asks_for(AskKind::Drift) && (!t.reverting || hand.is_some()) {
        let text = match hand {
            Some((what, _)) => format!("{text}: {what}"),
            None => format!("{text}: {adopt}?"),
        };
        t.open(Ask { kind: AskKind::Drift, text, since: cx.now, deadline: None });
    }
    // It may have become worse since it was asked.
    t.put_in_order();
    hold(cx, t, HoldReason::Drift, text, None);
}

fn back_as_written(cx: &mut Cx, t: &mut Track) {
    (t.drifted, t.reverting, t.undone_at) = (false, false, Some(cx.now));
    t.close(&[AskKind::Drift]);
    // What requests showed meanwhile was somebody else's share.
    if matches!(t.phase, Phase::Shifting { .. }) && t.observed != ObservedShare::NotObserved {
        t.observed = ObservedShare::Unknown;
        lift_if(cx, t, &[HoldReason::NotObserved], "requests are counted anew");
    }
    lift_if(cx, t, &[HoldReason::Drift], "the route is as written again");
}

/// What a service stands on is what a person must see, and then what acts by itself; the rest is held by it as well.
fn is_outranked(t: &Track, by: HoldReason) -> bool {
    use HoldReason::{Breach, Footing};
    let lost = t.held.as_ref().is_some_and(|h| h.reason == Footing);
    lost && by != Footing || t.breach.is_some() && !matches!(by, Breach | Footing)
}

pub(super) fn hold(cx: &mut Cx, t: &mut Track, reason: HoldReason, text: String, until: Option<Time>) {
    if is_outranked(t, reason) {
        return;
    }
    match &mut t.held {
        Some(h) if h.reason == reason => {
            h.text = text;
            h.until = until;
        }
        held => {
            *held = Some(Held { reason, text: text.clone(), since: cx.now, until });
            let service = t.service.clone();
            cx.event(EventKind::Hold, ENGINE, Some(&service), format!("held: {text}"));
        }
    }
}

/// Takes a foreign edit as the state to go on from.
pub(super) fn adopt(cx: &mut Cx, t: &mut Track, who: &str) {
    let share = t.accepted_share().round() as u32;
    if let Some(w) = &mut t.written {
        w.traffic.next = share;
    }
    t.desired = share;
    t.highest = t.highest.max(share);
    (t.drifted, t.reverting, t.footing.adopted) = (false, false, true);
    t.close(&[AskKind::Drift]);
    let service = t.service.clone();
    cx.event(EventKind::Drift, ENGINE, Some(&service), format!("{share}% is taken over by {who}"));
    lift_if(cx, t, &[HoldReason::Drift], "the edit was taken over");
    if matches!(t.phase, Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked) {
        go_on_from(cx, t, share);
    }
}

/// The step an adopted share belongs to is the last one not above it; it is held anew, and the next raise is that of
/// the step after it: no step is left out because somebody else moved the weight.
fn go_on_from(cx: &mut Cx, t: &mut Track, share: u32) {
    let steps = cx.run.plan.steps(&t.service);
    let below = steps.iter().rposition(|s| s.weight <= share);
    // Full already, and nothing was changed by the edit.
    if below == Some(steps.len() - 1) && !matches!(t.phase, Phase::Shifting { .. }) {
        return;
    }
    let hold = Hold { accepted_at: below.map(|_| cx.now), ..Hold::default() };
    let step = below.unwrap_or(0);
    t.gates_from = Some(cx.now);
    t.observed = ObservedShare::Unknown;
    cx.enter(t, Phase::Shifting { step, hold }, format!("goes on from {share}% at step {}", step + 1));
}

pub(super) fn lift(cx: &mut Cx, t: &mut Track, why: &str) {
    if let Some(h) = t.held.take() {
        let service = t.service.clone();
        let after = cx.now.since(h.since).clock();
        // Its row goes on saying so while something else stops it.
        let breach = t.breach.as_ref().filter(|_| h.reason != HoldReason::Breach).map(|b| b.reason.clone());
        let text = match stopped(cx.run, t).or(breach) {
            None => format!("no longer held after {after}: {why}"),
            Some(other) => format!("one hold less after {after}: {why}; still held: {other}"),
        };
        cx.event(EventKind::Hold, ENGINE, Some(&service), text);
        let over: Vec<AskKind> = t.asks().map(|a| a.kind).filter(|k| asked_for(*k) == Some(h.reason)).collect();
        t.close(&over);
    }
}

/// The hold a question belongs to: they go together.
fn asked_for(kind: AskKind) -> Option<HoldReason> {
    match kind {
        AskKind::Keep => Some(HoldReason::Breach),
        AskKind::TooFew => Some(HoldReason::TooFew),
        AskKind::Missing => Some(HoldReason::Missing),
        AskKind::Drift => Some(HoldReason::Drift),
        AskKind::Write => Some(HoldReason::Write),
        AskKind::NotAccepted => Some(HoldReason::NotAccepted),
        AskKind::Tenants => Some(HoldReason::Line),
        AskKind::Footing => Some(HoldReason::Footing),
        AskKind::LongStep | AskKind::AfterRollback | AskKind::Rollout => None,
    }
}

/// Lifts a hold of one of these kinds only.
pub(super) fn lift_if(cx: &mut Cx, t: &mut Track, reasons: &[HoldReason], why: &str) {
    if t.held.as_ref().is_some_and(|h| reasons.contains(&h.reason)) {
        lift(cx, t, why);
    }
}
