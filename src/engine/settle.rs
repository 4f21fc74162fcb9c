//! Settling: stable takes the new version over, then `-next` goes. Its start is the point of no return.
use super::campaign;
use super::cx::{Cx, ENGINE};
use super::effect::{Action, EventKind};
use super::forward::{accepted, route_name};
use super::front::{self, misled};
use super::holds::{hold, lift_if, raise_blocked};
use super::observe::{DeploymentProgress, DeploymentSeen};
use super::rollback::{QUIET, QUIET_PATIENCE};
use super::run::{Ask, AskKind, HoldReason, Phase, Run, Settling, Track};
use super::tick::judged_lately;
use crate::plan::Planned;
use crate::spec::image::is_stored;
use crate::spec::policy::Observed;
use crate::spec::units::{Dur, Time};

/// A copy-back that takes longer is a hold that says how far it is.
const SLOW_ROLLOUT: Dur = Dur::mins(1);

/// A gate that stays bad is told again no sooner.
const TOLD: Dur = Dur::mins(5);

pub(super) fn advance(cx: &mut Cx, t: &mut Track, p: &Planned, stage: Settling) {
    if let Some(text) = misled(cx.run, t) {
        return stand_still(cx, t, stage, text);
    }
    front::stands_again(cx, t);
    if paused(cx.run, t).is_none() {
        t.close(&[AskKind::Rollout]);
    }
    match stage {
        Settling::CopyBack => copy_back(cx, t, p),
        Settling::MoveBack => move_back(cx, t),
        Settling::Confirm { since, quiet } => confirm(cx, t, since, quiet),
        Settling::Drain { since } => {
            let until = since + cx.run.plan.policy.drain;
            if cx.now < until {
                cx.wake_at(until);
                return;
            }
            t.phase = Phase::Settling(Settling::Remove);
            remove(cx, t, p);
        }
        Settling::Remove => remove(cx, t, p),
    }
}

/// There is no way back from here but a reverse upgrade: whatever else holds it, a person must know that what serves is bad.
pub(super) fn tell_bad(cx: &mut Cx, t: &mut Track) {
    let Some(reason) = t.bad_gates().next().map(|(_, e)| e.reason.clone()) else { return };
    if t.footing.gate_told.is_none_or(|at| cx.now.since(at) >= TOLD) {
        t.footing.gate_told = Some(cx.now);
        let service = t.service.clone();
        let share = t.accepted_share();
        cx.page(Some(&service), format!("{reason} while settling: -next goes on serving {share:.0}%"));
    }
}

/// What stable's Service does not lead to cannot take anything over, and what it leads to must not be taken away.
fn stand_still(cx: &mut Cx, t: &mut Track, stage: Settling, text: String) {
    if !matches!(stage, Settling::CopyBack) {
        // Confirmed and drained anew.
        t.phase = Phase::Settling(Settling::MoveBack);
    }
    front::stand_still(cx, t, text);
}

fn copy_back(cx: &mut Cx, t: &mut Track, p: &Planned) {
    let Some(d) = t.stable.as_ref().and_then(|s| s.deployment.clone()) else { return };
    if !took_over(t, p, &d) {
        let ours = d.owner.as_ref().filter(|o| o.run == cx.run.id).map(|o| o.seq);
        if t.copied.is_some() && t.copied == ours {
            // The cluster keeps another image than it was sent: sending it again would change nothing.
            let sent = &p.image;
            let text = format!("stable was sent image {sent}, but holds {}: a webhook or somebody changed it", d.image);
            return stuck(cx, t, text);
        }
        // Stable's pods are replaced: a route that still sends them requests, because an edit was undone a moment ago and
        // no gateway has taken that on yet, would lose some.
        if t.accepted_share() < 99.5 || !accepted(cx, t) {
            return;
        }
        cx.call(t, Action::CopyBack, format!("stable gets {}", p.version));
        return;
    }
    if let DeploymentProgress::DeadlineExceeded(why) = &d.progress {
        stuck(cx, t, format!("stable cannot take the new version over: {why}"));
        return;
    }
    if !d.rolled_out() || d.ready < t.r0 {
        return rolling_out(cx, t, &d);
    }
    // Past the point of no return only unhealthy gates and people stop the traffic from moving.
    let bad = t.bad_gates().next().map(|(_, e)| e.reason.clone());
    if let Some(reason) = bad {
        return hold(cx, t, HoldReason::Gate, reason, None);
    }
    // An abort does not reach back behind the point of no return: what has begun to settle is brought to its end.
    let blocked = cx.run.aborting.is_none() && raise_blocked(cx.run, t).is_some();
    if !t.gates_rest() || !judged_lately(cx.run) || blocked {
        return;
    }
    lift_if(cx, t, &[HoldReason::Write, HoldReason::Gate, HoldReason::Capacity], "stable runs the new version");
    let service = t.service.clone();
    cx.event(EventKind::Step, ENGINE, Some(&service), "stable runs the new version; traffic moves back to it");
    t.phase = Phase::Settling(Settling::MoveBack);
    move_back(cx, t);
}

/// Stable's template is the new version's, as far as its image goes: the one that was asked for, in whatever words the
/// cluster keeps it, and the one that `-next` has soaked with.
fn took_over(t: &Track, p: &Planned, stable: &DeploymentSeen) -> bool {
    let next = t.next.as_ref().and_then(|n| n.deployment.as_ref());
    is_stored(&p.image, &stable.image) && next.is_none_or(|n| is_stored(&n.image, &stable.image))
}

/// Somebody paused the rollout that takes the new version over, and what lets it go on: no write of this program does.
pub(super) fn paused(run: &Run, t: &Track) -> Option<(String, String)> {
    let d = t.stable.as_ref().and_then(|s| s.deployment.as_ref())?;
    if t.phase != Phase::Settling(Settling::CopyBack) || d.progress != DeploymentProgress::Paused || d.rolled_out() {
        return None;
    }
    let name = &run.plan.get(&t.service)?.service.workload.deployment;
    let what = format!("deployment {name} is paused: its rollout does not go on");
    Some((what, format!("{} rollout resume deployment {name}", run.kubectl())))
}

/// Says what the copy-back waits for: at once when pods cannot be made at all, else when it takes longer than usual.
fn rolling_out(cx: &mut Cx, t: &mut Track, d: &DeploymentSeen) {
    let service = t.service.clone();
    let patience = t.since + SLOW_ROLLOUT;
    let text = match &d.progress {
        DeploymentProgress::ReplicaFailure(why) => format!("stable's new pods cannot be made: {why}"),
        DeploymentProgress::Paused => "stable's deployment is paused: its rollout does not go on".to_string(),
        _ if cx.now >= patience => {
            format!(
                "{} of {} pods of stable run the new version and are available",
                d.updated.min(d.available),
                d.wanted
            )
        }
        _ => {
            lift_if(cx, t, &[HoldReason::Capacity], "its rollout goes on");
            return cx.wake_at(patience);
        }
    };
    let stands = !matches!(d.progress, DeploymentProgress::Progressing);
    let by_hand = match paused(cx.run, t) {
        Some((_, command)) => {
            let asked = format!("{text}: let it go on");
            t.open(Ask { kind: AskKind::Rollout, text: asked, since: cx.now, deadline: None });
            format!(". By hand: {command}")
        }
        None => String::new(),
    };
    if stands && t.held.as_ref().is_none_or(|h| h.reason != HoldReason::Capacity || h.text != text) {
        cx.page(Some(&service), format!("{text}; -next goes on serving 100%{by_hand}"));
    }
    hold(cx, t, HoldReason::Capacity, text, None);
}

fn stuck(cx: &mut Cx, t: &mut Track, text: String) {
    let asked = format!("{text}: retry?");
    if t.open(Ask { kind: AskKind::Write, text: asked, since: cx.now, deadline: None }) {
        let service = t.service.clone();
        cx.page(Some(&service), format!("{text}; -next goes on serving 100%"));
    }
    hold(cx, t, HoldReason::Write, text, None);
}

fn move_back(cx: &mut Cx, t: &mut Track) {
    let share = t.accepted_share();
    if !campaign::no_rules(cx, t, "nobody is sent to -next by a rule") {
        return;
    }
    if share >= 0.5 {
        let expect = share.round() as u32;
        cx.call(t, Action::SetWeight { next: 0, expect, rules: None }, "stable serves the new version");
        return;
    }
    if accepted(cx, t) {
        t.phase = Phase::Settling(Settling::Confirm { since: cx.now, quiet: 0 });
        confirm(cx, t, cx.now, 0);
    }
}

/// As in a rollback: what is drained must have no requests any more, not only no weight.
fn confirm(cx: &mut Cx, t: &mut Track, since: Time, quiet: u32) {
    let patience = since + QUIET_PATIENCE;
    if quiet >= QUIET || cx.run.plan.policy.observed == Observed::Off || cx.now >= patience {
        t.phase = Phase::Settling(Settling::Drain { since: cx.now });
        return cx.wake_at(cx.now + cx.run.plan.policy.drain);
    }
    cx.wake_at(patience);
}

fn remove(cx: &mut Cx, t: &mut Track, p: &Planned) {
    if t.flows() {
        // Somebody sent it requests again.
        t.phase = Phase::Settling(Settling::MoveBack);
        return move_back(cx, t);
    }
    if t.orphaned() {
        let text = format!("route {} holds only -next: it cannot be taken away", route_name(cx.run, t));
        if t.held.is_none() {
            let service = t.service.clone();
            cx.page(Some(&service), text.clone());
        }
        return hold(cx, t, HoldReason::Drift, text, None);
    }
    lift_if(cx, t, &[HoldReason::Drift], "stable is in the route again");
    if t.route.as_ref().and_then(|r| r.weights).is_some_and(|w| w.next.is_some()) {
        cx.call(t, Action::RemoveBackend, "the route is as before");
        return;
    }
    let left = t.next.as_ref().is_some_and(|n| n.deployment.is_some() || n.service_exists);
    if left {
        cx.call(t, Action::DeleteNext, "settled");
        return;
    }
    cx.enter(t, Phase::Done, format!("done: {} is stable", p.version));
}
