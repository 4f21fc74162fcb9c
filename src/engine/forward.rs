//! The way forward: deploy, warm, raise step by step.
use super::cx::{Cx, ENGINE, capacity};
use super::effect::{Action, EventKind};
use super::holds::{hold, lift_if, raise_blocked};
use super::moves::moving;
use super::observe::{Accepted, DeploymentProgress, Slot};
use super::rollback;
use super::run::{Ask, AskKind, Hold, HoldReason, ObservedShare, Phase, Run, Track};
use super::tick::judged_lately;
use super::{campaign, footing, segments, window};
use crate::gate::Verdict;
use crate::plan::Planned;
use crate::plan::order::AT_ONCE;
use crate::plan::rules::segments_said;
use crate::spec::image::is_stored;
use crate::spec::policy::{After, Observed};
use crate::spec::units::{Dur, Time};

/// A route nobody has accepted by then is a hold with that reason.
pub(super) const ACCEPT_PATIENCE: Dur = Dur::secs(60);

/// With `observed: prefer`, a share nobody could prove by then is taken as it was accepted.
pub(super) const OBSERVE_PATIENCE: Dur = Dur::mins(2);

pub(super) fn waiting(cx: &mut Cx, t: &mut Track, p: &Planned) {
    let after = cx.run.plan.policy.after;
    // All of them, each time: one that was met may have gone back since.
    let in_run = p.goes_after().filter(|n| cx.run.plan.get(n).is_some());
    let open: Vec<String> = in_run.filter(|n| !need_met(cx.run, n, p.waits_until(n, after))).cloned().collect();
    if !open.is_empty() {
        lift_if(cx, t, &[HoldReason::Window], "it waits for others");
        t.phase = Phase::Waiting { needs: open };
        return;
    }
    // One that is at 100 % leaves its place to the next, and so does one whose tenants take days.
    let rests = |o: &Track| matches!(o.phase, Phase::Soaking { .. } | Phase::Soaked) || moving(cx.run, o).is_some();
    let moves = |o: &&Track| o.phase.in_flight() && !rests(o);
    if cx.run.tracks.values().filter(moves).count() >= AT_ONCE {
        lift_if(cx, t, &[HoldReason::Window], "it waits for its turn");
        t.phase = Phase::Waiting { needs: Vec::new() };
        return;
    }
    if raise_blocked(cx.run, t).is_some() || window::waits(cx, t) {
        t.phase = Phase::Waiting { needs: Vec::new() };
        return;
    }
    let from = t.facts.as_ref().map_or("?", |f| f.from_version.as_str());
    let text = format!("{from} -> {}: new version is deployed beside stable", p.version);
    cx.enter(t, Phase::Deploying, text);
    deploying(cx, t, p);
}

/// What `need` is waited for, under the policy's `after`.
pub(super) fn need_met(run: &Run, need: &str, after: After) -> bool {
    let Some(t) = run.track(need) else { return true };
    // Nothing begins on a version that may go back in the next minute.
    let good = t.sound();
    match (&t.phase, after) {
        (Phase::Done, _) => true,
        (Phase::Settling(_) | Phase::Soaked, _) => good,
        (Phase::Soaking { .. }, After::Full | After::Step(_)) => t.gates_pass() && t.held.is_none(),
        (Phase::Shifting { step, hold }, After::Step(n)) => {
            let of = run.plan.steps(need).get(*step).map_or(Dur::ZERO, |s| s.hold);
            // A tenant that has moved says nothing of the others: only the weight does.
            if run.plan.get(need).is_some_and(|p| p.phased.is_some()) {
                return good && *step > 0 && hold.clean >= of;
            }
            good && (*step >= n as usize || (*step + 1 == n as usize && hold.clean >= of))
        }
        _ => false,
    }
}

pub(super) fn deploying(cx: &mut Cx, t: &mut Track, p: &Planned) {
    let replicas = first_pods(cx.run, t, p);
    let Some(next) = t.next.clone() else { return };
    let Some(d) = next.deployment.filter(|_| next.service_exists) else {
        cx.call(t, Action::CreateNext { replicas }, format!("make {} beside stable", p.version));
        return;
    };
    if !is_stored(&p.image, &d.image) {
        return changed_image(cx, t, p, &d.image);
    }
    // Good news first: pods may have become ready while nobody looked.
    let ready = d.rolled_out() && d.ready >= replicas;
    if !ready {
        let deadline = cx.run.plan.policy.progress_deadline;
        let late = late(cx, t, deadline);
        let until = t.unready_since.map(|since| since + deadline);
        let pulling = next.pods.iter().find_map(|pod| {
            let image = |w: &String| w.contains("ImagePull") || w.contains("ErrImage") || w.contains("InvalidImage");
            pod.waiting.clone().filter(image)
        });
        if let Some(why) = pulling {
            hold(cx, t, HoldReason::Capacity, format!("the image {} cannot be pulled: {why}", p.image), until);
        }
        if let DeploymentProgress::ReplicaFailure(why) = &d.progress {
            hold(cx, t, HoldReason::Capacity, format!("new pods cannot be made: {why}"), until);
        }
        if let DeploymentProgress::DeadlineExceeded(why) = &d.progress {
            return rollback::breach(cx, t, "progress", &format!("new pods made no progress: {why}"));
        }
        if late {
            return rollback::breach(cx, t, "progress", &format!("new pods were not ready within {deadline}"));
        }
    }
    let Some(route) = t.route.clone() else { return };
    if route.weights.is_some_and(|w| w.next.is_none()) {
        cx.call(t, Action::AddBackend, "second backend at weight 0");
        return;
    }
    if !accepted(cx, t) {
        return;
    }
    if ready {
        lift_if(cx, t, &[HoldReason::Capacity, HoldReason::NotAccepted, HoldReason::Write], "new pods are ready");
        t.pinned = next.pods.iter().filter(|pod| pod.ready).find_map(|pod| pod.image_id.clone());
        let text = format!("new pods ready: {}, warming for {}", d.ready, cx.run.plan.policy.warmup);
        cx.enter(t, Phase::Warming { ready_since: Some(cx.now) }, text);
        cx.wake_at(cx.now + cx.run.plan.policy.warmup);
    }
}

/// New pods that the first step needs. How much of the traffic one tenant is nobody knows: pods for all of it.
pub(super) fn first_pods(run: &Run, t: &Track, p: &Planned) -> u32 {
    let first = run.plan.steps(&t.service).first().map_or(100, |s| s.weight);
    capacity(p, t.r0, if p.phased.is_some() { 100 } else { segments::load(t, first) })
}

/// New pods have not been ready for all of `patience`. It counts from when that was first seen: no outage, no pause and no
/// time without a process runs it out.
fn late(cx: &mut Cx, t: &mut Track, patience: Dur) -> bool {
    let until = *t.unready_since.get_or_insert(cx.now) + patience;
    cx.wake_at(until);
    cx.now >= until
}

/// The cluster made another image of the one it was sent, or somebody did: these pods are not what was asked for.
fn changed_image(cx: &mut Cx, t: &mut Track, p: &Planned, stored: &str) {
    let late = late(cx, t, cx.run.plan.policy.progress_deadline);
    let until = t.unready_since.map(|since| since + cx.run.plan.policy.progress_deadline);
    let text = format!("-next was made with image {}, but holds {stored}: a webhook or somebody changed it", p.image);
    if late {
        return rollback::breach(cx, t, "progress", &text);
    }
    if t.held.as_ref().is_none_or(|h| h.reason != HoldReason::Write) {
        let service = t.service.clone();
        cx.page(Some(&service), format!("{text}; it gets no traffic"));
    }
    hold(cx, t, HoldReason::Write, text, until);
}

/// The route as written is in force; a hold says so when nobody takes it on for too long.
pub(super) fn accepted(cx: &mut Cx, t: &mut Track) -> bool {
    let Some(route) = &t.route else { return false };
    match route.accepted.clone() {
        Accepted::Yes => {
            lift_if(cx, t, &[HoldReason::NotAccepted], "the route is accepted");
            // What it held may have been overlaid since.
            t.close(&[AskKind::NotAccepted]);
            t.footing.route_told = false;
            true
        }
        // A gateway that is behind: a write for another service of this route makes it wait again.
        Accepted::Pending => {
            let since = unaccepted_since(cx, t);
            if cx.now.since(since) >= ACCEPT_PATIENCE {
                let text = format!("route {} is written, but no gateway has accepted it", route_name(cx.run, t));
                not_accepted(cx, t, text);
            } else {
                cx.wake_at(since + ACCEPT_PATIENCE);
            }
            false
        }
        Accepted::No(why) => {
            let text = format!("route {} is refused: {why}", route_name(cx.run, t));
            not_accepted(cx, t, text);
            false
        }
    }
}

/// From when it was first seen so, or written since.
fn unaccepted_since(cx: &Cx, t: &Track) -> Time {
    let seen = t.pending_since.unwrap_or(cx.now);
    t.written.as_ref().map_or(seen, |w| w.at.max(seen))
}

/// Somebody must look at the gateway: the weights that were written may never come into force. A refusal is shown at once;
/// people are called when it lasts.
fn not_accepted(cx: &mut Cx, t: &mut Track, text: String) {
    let patience = unaccepted_since(cx, t) + ACCEPT_PATIENCE;
    if cx.now < patience {
        cx.wake_at(patience);
    } else {
        if !t.footing.route_told {
            t.footing.route_told = true;
            let service = t.service.clone();
            cx.page(Some(&service), text.clone());
        }
        let text = format!("{text}: wait for the gateway, or abort?");
        t.open(Ask { kind: AskKind::NotAccepted, text, since: cx.now, deadline: None });
    }
    if footing::may_show(t, HoldReason::NotAccepted) {
        hold(cx, t, HoldReason::NotAccepted, text, None);
    }
}

pub(super) fn route_name(run: &Run, t: &Track) -> String {
    run.plan.get(&t.service).map_or_else(|| t.service.clone(), |p| p.service.traffic.http_route.name.clone())
}

pub(super) fn warming(cx: &mut Cx, t: &mut Track, p: &Planned, ready_since: Option<Time>) {
    let Some(next) = &t.next else { return };
    let first = cx.run.plan.steps(&t.service).first().map_or(100, |s| s.weight);
    let enough = first_pods(cx.run, t, p);
    // Pods that somebody took away are not ready either.
    let ready =
        next.service_exists && next.deployment.as_ref().is_some_and(|d| d.ready >= enough && d.ready >= d.wanted);
    let since = match (ready, ready_since) {
        (true, Some(since)) => since,
        (true, None) => cx.now,
        (false, _) => {
            if ready_since.is_some() {
                let service = t.service.clone();
                cx.event(EventKind::Gate, ENGINE, Some(&service), "a new pod is not ready: warm-up starts again");
            }
            t.phase = Phase::Warming { ready_since: None };
            let patience = cx.run.plan.policy.progress_deadline + cx.run.plan.policy.warmup;
            if late(cx, t, patience) {
                rollback::breach(cx, t, "progress", "new pods did not stay ready during warm-up");
            }
            return;
        }
    };
    t.phase = Phase::Warming { ready_since: Some(since) };
    let until = since + cx.run.plan.policy.warmup;
    if cx.now < until {
        cx.wake_at(until);
        return;
    }
    // Only a whole warm-up starts that deadline anew: pods that come and go must not put it off for ever.
    t.unready_since = None;
    let healthy = t.gates.values().all(|g| g.last.as_ref().is_none_or(|e| e.acts_as.passes()));
    if healthy && raise_blocked(cx.run, t).is_none() && !window::stops(cx, t) {
        let weight = first;
        let text = match &p.phased {
            Some(phased) => format!(
                "warm; step 1: {} tenants move one after the other, the weight stays 0%",
                phased.count(|_| true)
            ),
            None => format!("warm; step 1: 0% -> {weight}%{}", go_first(p)),
        };
        cx.enter(t, Phase::Shifting { step: 0, hold: Hold::default() }, text);
        shifting(cx, t, p, 0, Hold::default());
    }
}

/// Who goes first with the first weight.
fn go_first(p: &Planned) -> String {
    let said = segments_said(p.segments.iter().map(|s| s.name.as_str()));
    said.map_or_else(String::new, |segments| format!(", and all requests of {segments}"))
}

pub(super) fn shifting(cx: &mut Cx, t: &mut Track, p: &Planned, step: usize, hold_state: Hold) {
    if let Some(phased) = p.phased.as_ref().filter(|_| step == 0) {
        return campaign::advance(cx, t, p, phased, hold_state);
    }
    let Some(target) = cx.run.plan.steps(&t.service).get(step).copied() else { return };
    if hold_state.accepted_at.is_none() {
        raise(cx, t, p, step, target.weight, hold_state);
        return;
    }
    watch_share(cx, t, &hold_state);
    // Capacity may be lost while a step holds; the next raise needs all of it again.
    if !step_complete(cx, t, &hold_state, target.hold) {
        return;
    }
    let how = match &hold_state.ended_by {
        Some(who) => format!("ended early by {who}"),
        None => format!("after {} clean", target.hold),
    };
    let last = step + 1 == cx.run.plan.steps(&t.service).len();
    if last {
        if !campaign::without_rules(cx, t) {
            return;
        }
        let text = format!("100% new {how}; soaking for {}", cx.run.plan.policy.soak);
        cx.enter(t, Phase::Soaking { clean: Dur::ZERO }, text);
        return;
    }
    let Some(next) = cx.run.plan.steps(&t.service).get(step + 1).copied() else { return };
    if window::stops(cx, t) {
        return;
    }
    let segments = segments::learn(t).unwrap_or_default();
    let text = format!("step {}: {}% -> {}% {how}{segments}", step + 2, target.weight, next.weight);
    cx.enter(t, Phase::Shifting { step: step + 1, hold: Hold::default() }, text);
    t.observed = ObservedShare::Unknown;
    shifting(cx, t, p, step + 1, Hold::default());
}

/// Pods first, then the weight, then acceptance.
pub(super) fn raise(cx: &mut Cx, t: &mut Track, p: &Planned, step: usize, weight: u32, mut hold_state: Hold) {
    let share = t.accepted_share();
    let there = (share - f64::from(weight)).abs() < 0.5;
    let rules = segments::turn_with(t, p, weight);
    if there && rules.is_none() && t.written.as_ref().is_some_and(|w| w.traffic.next == weight) {
        if accepted(cx, t) {
            lift_if(cx, t, &[HoldReason::Capacity], "the weight is accepted");
            hold_state.accepted_at = Some(cx.now);
            t.gates_from = Some(cx.now);
            t.phase = Phase::Shifting { step, hold: hold_state };
        }
        return;
    }
    if raise_blocked(cx.run, t).is_some() || window::stops(cx, t) {
        t.unready_since = None;
        return;
    }
    // Data may have gone while pods were made or a write was tried again.
    let known = |v: Verdict| v.passes() || v == Verdict::TooFew;
    let unknown = t.gates.values().any(|g| g.last.as_ref().is_some_and(|e| !known(e.acts_as)));
    if unknown || !judged_lately(cx.run) {
        t.unready_since = None;
        return;
    }
    if pods_for(cx, t, capacity(p, t.r0, segments::load(t, weight)), &format!("{weight}%")) {
        let expect = share.round() as u32;
        t.desired = weight;
        let with = if rules.is_some() { go_first(p) } else { String::new() };
        cx.call(t, Action::SetWeight { next: weight, expect, rules }, format!("step {}{with}", step + 1));
    }
}

/// So many new pods are ready for `what`; else they are asked for, and waited for until the progress deadline.
pub(super) fn pods_for(cx: &mut Cx, t: &mut Track, need: u32, what: &str) -> bool {
    let Some(d) = t.next.as_ref().and_then(|n| n.deployment.clone()) else { return false };
    if d.wanted < need {
        cx.call(t, Action::Scale { slot: Slot::Next, replicas: need }, format!("{need} new pods before {what}"));
        return false;
    }
    if d.ready < need || d.observed_generation < d.generation {
        let deadline = cx.run.plan.policy.progress_deadline;
        if late(cx, t, deadline) {
            let text = format!("{need} new pods were not ready within {deadline}");
            rollback::breach(cx, t, "progress", &text);
            return false;
        }
        let since = t.unready_since.unwrap_or(cx.now);
        if cx.now.since(since) >= Dur::mins(1) {
            let text = format!("{} of {need} new pods ready, {what} waits for them", d.ready);
            hold(cx, t, HoldReason::Capacity, text, Some(since + deadline));
        }
        cx.wake_at(since + Dur::mins(1));
        return false;
    }
    t.unready_since = None;
    true
}

/// The share that flows must be the one that was asked before the next raise.
pub(super) fn watch_share(cx: &mut Cx, t: &mut Track, hold_state: &Hold) {
    let Some(at) = hold_state.accepted_at.map(|at| t.stands_from(at)) else { return };
    // That of the step, or what was taken over from a foreign edit.
    let weight = t.desired;
    let patience_over = cx.now.since(at) >= OBSERVE_PATIENCE;
    let free = t.held.as_ref().is_none_or(|h| h.reason == HoldReason::NotObserved);
    match (cx.run.plan.policy.observed, t.observed) {
        (Observed::Off, _) => t.observed = ObservedShare::NotObserved,
        (_, ObservedShare::Confirmed(_)) => {
            lift_if(cx, t, &[HoldReason::NotObserved], "requests show the share that was asked");
        }
        (_, ObservedShare::Off(seen)) if patience_over && free => {
            let text = format!("requests show {seen:.0}% on the new version, {weight}% was asked");
            hold(cx, t, HoldReason::NotObserved, text, None);
        }
        (Observed::Prefer, ObservedShare::Unknown) if patience_over => {
            t.observed = ObservedShare::NotObserved;
            lift_if(cx, t, &[HoldReason::NotObserved], "requests no longer contradict the share that was asked");
            let service = t.service.clone();
            let text = format!("{weight}% is accepted but could not be observed in 2:00; going on, not observed");
            cx.event(EventKind::Step, ENGINE, Some(&service), text);
        }
        (Observed::Require, ObservedShare::Unknown) if patience_over && free => {
            let text = format!("no requests prove that {weight}% flows to the new version");
            hold(cx, t, HoldReason::NotObserved, text, None);
        }
        (_, ObservedShare::Unknown) => {
            lift_if(cx, t, &[HoldReason::NotObserved], "requests are counted anew");
            cx.wake_at(at + OBSERVE_PATIENCE);
        }
        _ => cx.wake_at(at + OBSERVE_PATIENCE),
    }
}

pub(super) fn step_complete(cx: &mut Cx, t: &mut Track, hold_state: &Hold, wanted: Dur) -> bool {
    let policy = &cx.run.plan.policy;
    let held_long_enough = hold_state.clean >= wanted || hold_state.ended_by.is_some();
    let few_enough_bad = match policy.max_bad_fraction {
        Some(f) if !policy.restart_on_bad && hold_state.ticks > 0 => {
            f64::from(hold_state.bad_ticks) / f64::from(hold_state.ticks) <= f.0
        }
        _ => true,
    };
    let observed = matches!(t.observed, ObservedShare::Confirmed(_) | ObservedShare::NotObserved);
    let asked_too_few = hold_state.ended_by.is_some()
        && t.gates
            .values()
            .all(|g| g.last.as_ref().is_some_and(|e| e.acts_as.passes() || e.acts_as == Verdict::TooFew));
    held_long_enough
        && few_enough_bad
        && (observed || (asked_too_few && t.observed == ObservedShare::Unknown))
        && (t.gates_pass() || asked_too_few)
        && t.held.is_none()
        && t.call.is_none()
        && accepted(cx, t)
        && raise_blocked(cx.run, t).is_none()
}
