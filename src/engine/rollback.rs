//! Going back. A decided rollback never turns back; the order of its steps is fixed.
use super::cx::{Cx, ENGINE};
use super::effect::{Action, EventKind};
use super::forward::{ACCEPT_PATIENCE, route_name};
use super::front::{front, mend_front, misled, stand_still, stands_again, unfit_why};
use super::holds::{hold, lift_if};
use super::joint::on_failure;
use super::observe::{Accepted, Slot};
use super::pass::sees;
use super::run::{Ask, AskKind, GateTrack, HoldReason, Phase, Rollback, RollbackStage, Run, Track, Verified};
use super::traffic::to_nothing;
use super::{by_hand, campaign, segments};
use crate::gate::Verdict;
use crate::plan::Planned;
use crate::plan::rules::Whose;
use crate::spec::policy::{Observed, OnFailure, Severity};
use crate::spec::units::{Dur, Time};

/// A provider waits this long for its dependants' traffic to leave the new version first.
const DEPENDANTS_FIRST: Dur = Dur::secs(10);

/// `fast` halves at each of these; the fourth is 0.
const HALVING: Dur = Dur::secs(10);

/// An old version with fewer than two thirds of its pods is no place to send everything to.
const FIT: (u32, u32) = (2, 3);

/// How long the old version may stay unfit before the rollback is called blocked.
pub(super) const FIT_PATIENCE: Dur = Dur::secs(30);

/// A rollback whose weight could not be written this often in a row is called blocked; it goes on being tried.
const WRITE_PATIENCE: u32 = 6;

/// Without proof of silence from requests, the accepted route is taken at its word after this.
pub(super) const QUIET_PATIENCE: Dur = Dur::mins(2);

/// Answers in a row without a new request that count as silence.
pub(super) const QUIET: u32 = 2;

/// A condition of Kubernetes alone is not met; as bad as it gets for a version that has no traffic yet.
pub(super) fn breach(cx: &mut Cx, t: &mut Track, gate: &str, text: &str) {
    decide(cx, t, Severity::Immediate, &format!("{gate}: {text}"), ENGINE);
}

/// As [`decide`], because another service goes back: the page for that one is enough.
pub(super) fn follow(cx: &mut Cx, t: &mut Track, severity: Severity, reason: &str) {
    decide(cx, t, severity, reason, FOLLOWS);
}

/// Who decides a rollback that follows from another.
const FOLLOWS: &str = "engine (with the run)";

/// The decision, once.
pub(super) fn decide(cx: &mut Cx, t: &mut Track, severity: Severity, reason: &str, by: &str) {
    if !t.phase.in_flight() {
        return;
    }
    let share = t.accepted_share().round() as u32;
    let rollback = Rollback {
        severity,
        reason: reason.into(),
        by: by.into(),
        decided: cx.now,
        stage: RollbackStage::TargetCheck,
        from_share: share.max(t.desired),
        taken_out: t.drifted && t.desired > 0 && !t.flows() && !t.orphaned(),
        halvings: 0,
        unfit_since: None,
        accepted_zero: None,
        quiet_scrapes: 0,
        drain_since: None,
        verified: None,
    };
    let with = with_rules(cx.run, t);
    campaign::all_go_back(cx, t, reason);
    t.held = None;
    t.close_all();
    t.blind = None;
    t.breach = None;
    (t.reverting, t.drifted) = (false, false);
    // What an earlier write met, and how long it was told to wait, says nothing of the way back.
    t.fault = None;
    t.footing.write_told = false;
    let from = match rollback.taken_out {
        true => "0%, where another hand took it,".to_string(),
        false => format!("{}%", rollback.from_share),
    };
    let text = format!("rolling back from {from}{with} ({}): {reason}", severity_word(severity));
    let service = t.service.clone();
    cx.enter(t, Phase::RollingBack(rollback), text.clone());
    // One page for the cause; what follows from it is on the event list.
    if by == ENGINE {
        cx.page(Some(&service), text);
    }
}

/// Whose rules go as well.
fn with_rules(run: &Run, t: &Track) -> String {
    let rules = t.route.iter().flat_map(|r| &r.rules).map(|seen| &seen.rule);
    let segments = run.plan.get(&t.service).filter(|p| p.whose() == Whose::Segments);
    if let Some(segments) = segments.and_then(|p| segments::said(p, rules)) {
        return format!(" with the rules of {segments}");
    }
    match t.moves.begun.values().filter(|m| m.place.on_new()).count() {
        0 => String::new(),
        1 => " with 1 tenant's rule".into(),
        n => format!(" with the rules of {n} moves"),
    }
}

fn severity_word(s: Severity) -> &'static str {
    match s {
        Severity::Standard => "standard",
        Severity::Fast => "fast",
        Severity::Immediate => "immediate",
    }
}

pub(super) fn advance(cx: &mut Cx, t: &mut Track, p: &Planned) {
    if !cx.run.synced {
        return;
    }
    match t.phase.clone() {
        Phase::RollingBack(r) => rolling(cx, t, p, r),
        Phase::RollbackBlocked { rollback, reason, .. } => {
            // Keeps trying: as soon as the target is fit and the route can be written it goes on by itself.
            let fit = fit(t) && !t.orphaned();
            let followed = !front(t).reaches_other() && (t.flows() || is_followed(t));
            if fit && followed && (t.fault.is_none() || !t.flows()) {
                lift_if(cx, t, &[HoldReason::Failure], "the rollback goes on");
                cx.enter(t, Phase::RollingBack(rollback), "the rollback goes on");
                return advance(cx, t, p);
            }
            match to_nothing(t).filter(|_| fit) {
                Some(action) => cx.call(t, action, format!("rollback: {}", rollback.reason)),
                None if !fit => scale_target(cx, t),
                None => {}
            }
            hold(cx, t, HoldReason::Failure, reason, None);
        }
        Phase::Verifying { rollback, since, clean } => verifying(cx, t, rollback, since, clean),
        _ => {}
    }
}

fn rolling(cx: &mut Cx, t: &mut Track, p: &Planned, mut r: Rollback) {
    if matches!(r.stage, RollbackStage::Confirm | RollbackStage::Drain) && !sees(cx.run) {
        // Silence counts only while it can be seen that the route stays at 0 %: both waits begin anew.
        (r.accepted_zero, r.drain_since, r.quiet_scrapes) = (None, None, 0);
        t.phase = Phase::RollingBack(r);
        return;
    }
    if t.orphaned() {
        let reason = format!("a rule of route {} holds the new version without the old one", route_name(cx.run, t));
        let r = again(t, r);
        return blocked(cx, t, p, r, reason);
    }
    let late = !matches!(r.stage, RollbackStage::TargetCheck | RollbackStage::Lower);
    if late && let Some(reason) = misled(cx.run, t).filter(|_| front(t).reaches_other() || moved(t, &r)) {
        // No weight keeps its requests away, or they are lost on their way back: what is taken away now would be missed.
        let r = again(t, r);
        return blocked(cx, t, p, r, reason);
    }
    if late && t.flows() {
        // Somebody raised it again: down once more.
        r = again(t, r);
    }
    match r.stage {
        RollbackStage::TargetCheck => {
            if !may_go_back(t) {
                return unfit(cx, t, p, r);
            }
            r.stage = RollbackStage::Lower;
            t.phase = Phase::RollingBack(r.clone());
            lower(cx, t, p, r);
        }
        RollbackStage::Lower => lower(cx, t, p, r),
        RollbackStage::Confirm => confirm(cx, t, p, r),
        RollbackStage::Drain => {
            let since = *r.drain_since.get_or_insert(cx.now);
            let until = since + cx.run.plan.policy.drain;
            if cx.now < until {
                t.phase = Phase::RollingBack(r);
                return cx.wake_at(until);
            }
            r.stage = RollbackStage::Remove;
            t.phase = Phase::RollingBack(r.clone());
            remove(cx, t, r);
        }
        RollbackStage::Remove => remove(cx, t, r),
    }
}

/// From the lowering on again: silence and draining from before somebody sent it requests prove nothing.
fn again(t: &mut Track, mut r: Rollback) -> Rollback {
    t.highest = t.highest.max(if t.orphaned() { 100 } else { t.accepted_share().round() as u32 });
    r.stage = RollbackStage::Lower;
    (r.accepted_zero, r.quiet_scrapes, r.drain_since) = (None, 0, None);
    r
}

/// The old version can carry the load, and is reached.
pub(super) fn fit(t: &Track) -> bool {
    let ready = old_ready(t);
    front(t).reaches_own() && ready >= 1 && ready * FIT.1 >= t.r0 * FIT.0
}

/// Ready pods of the old version.
pub(super) fn old_ready(t: &Track) -> u32 {
    t.stable.as_ref().and_then(|s| s.deployment.as_ref()).map_or(0, |d| d.ready)
}

/// The old version can take back what flows to the new one.
pub(super) fn may_go_back(t: &Track) -> bool {
    !t.flows() || fit(t)
}

/// A person's wish to go back is no emergency: the traffic stays where it is served until the old version can take it.
pub(super) fn wait_for_old(cx: &mut Cx, t: &mut Track) {
    scale_target(cx, t);
    let text = format!("to be aborted, but {}", unfit_why(cx.run, t));
    hold(cx, t, HoldReason::Failure, text, None);
}

pub(super) fn scale_target(cx: &mut Cx, t: &mut Track) {
    let wanted = t.stable.as_ref().and_then(|s| s.deployment.as_ref()).map(|d| d.wanted);
    if wanted.is_some_and(|w| w < t.r0) {
        let replicas = t.r0;
        cx.call(t, Action::Scale { slot: Slot::Stable, replicas }, "old version back to its size");
    }
}

fn unfit(cx: &mut Cx, t: &mut Track, p: &Planned, mut r: Rollback) {
    if !sees(cx.run) {
        // Its pods may be back by now; nobody can tell.
        r.unfit_since = None;
        t.phase = Phase::RollingBack(r);
        return;
    }
    scale_target(cx, t);
    let until = *r.unfit_since.get_or_insert(cx.now) + FIT_PATIENCE;
    if cx.now < until {
        t.phase = Phase::RollingBack(r);
        return cx.wake_at(until);
    }
    let reason = match front(t).reaches_own() {
        true => format!("{}: traffic cannot go back to them", unfit_why(cx.run, t)),
        false => unfit_why(cx.run, t),
    };
    blocked(cx, t, p, r, reason);
}

fn blocked(cx: &mut Cx, t: &mut Track, p: &Planned, r: Rollback, reason: String) {
    let flows = t.flows() || t.orphaned();
    let command = if let Some(mend) = mend_front(cx.run, t) {
        mend
    } else if flows {
        manual_command(cx.run, t, p)
    } else {
        look_command(cx.run, p)
    };
    let service = t.service.clone();
    cx.page(Some(&service), format!("ROLLBACK BLOCKED: {reason}. By hand: {command}"));
    let since = cx.now;
    cx.enter(
        t,
        Phase::RollbackBlocked { rollback: r, reason: reason.clone(), command, since },
        format!("rollback blocked: {reason}"),
    );
}

/// What a person types to see why no gateway follows a route.
fn look_command(run: &Run, p: &Planned) -> String {
    format!("{} get httproute {} -o yaml", run.kubectl(), p.service.traffic.http_route.name)
}

/// What a person types when this program cannot: all traffic to stable, in each rule that is ours as it was seen last.
pub fn manual_command(run: &Run, t: &Track, p: &Planned) -> String {
    let backends = t.route.as_ref().map_or(&[][..], |r| &r.backends);
    let names: Vec<&str> = t.route.iter().flat_map(|r| &r.rules).map(|seen| seen.rule.name.as_str()).collect();
    let rules = t
        .has_rules()
        .then(|| format!("the {} rules that send all of {} to it", p.whose().genitive(), names.join(", ")));
    by_hand::all_to_stable(&run.kubectl(), &p.service.traffic.http_route, backends, rules.as_deref())
}

fn lower(cx: &mut Cx, t: &mut Track, p: &Planned, mut r: Rollback) {
    let weights = t.route.as_ref().and_then(|route| route.weights);
    let Some(weights) = weights.filter(|w| w.next.is_some() || t.has_rules()) else {
        // No route holds the new version; but a write that would have added its backend may still be on its way. Whoever
        // took it out, its requests end as they do after our own write: when a gateway has taken that on.
        if t.call.is_none() {
            t.desired = 0;
            r.stage = RollbackStage::Confirm;
            t.phase = Phase::RollingBack(r.clone());
            confirm(cx, t, p, r);
        }
        return;
    };
    let share = weights.share().round() as u32;
    if t.flows() && waits_for_dependants(cx.run, t, &r, cx.now) {
        cx.wake_at(r.decided + DEPENDANTS_FIRST);
        return;
    }
    let everybody = t.route.as_ref().is_some_and(|route| route.everybody);
    let target = match r.severity {
        // What a rule sends there cannot be halved.
        Severity::Fast if !everybody => {
            let since = cx.now.since(r.decided);
            // First write at once, then one at each 10 s; the fourth is 0.
            let n = (since.0 / HALVING.0 + 1).min(4) as u32;
            r.halvings = n;
            cx.wake_at(r.decided + HALVING.times(u64::from(n)));
            if n >= 4 { 0 } else { r.from_share >> n }
        }
        _ => 0,
    };
    t.phase = Phase::RollingBack(r.clone());
    // With the last of the weight, nobody is sent there by a rule either.
    let last = to_nothing(t).filter(|_| target == 0);
    if share > target || last.is_some() {
        // It may have lost its pods since the check, between two halvings or while a write is tried again.
        if !fit(t) {
            return unfit(cx, t, p, r);
        }
        r.unfit_since = None;
        t.phase = Phase::RollingBack(r.clone());
        t.desired = target;
        let refused = t.fault.as_ref().filter(|f| f.attempts >= WRITE_PATIENCE && cx.run.cluster.down.is_none());
        if let Some(f) = refused {
            let reason = format!("the route cannot be written: {}", f.text);
            return blocked(cx, t, p, r, reason);
        }
        let why = format!("rollback: {}", r.reason);
        return cx.call(t, last.unwrap_or(Action::SetWeight { next: target, expect: share, rules: None }), why);
    }
    if share == 0 && campaign::no_rules(cx, t, "") {
        t.desired = 0;
        r.stage = RollbackStage::Confirm;
        t.phase = Phase::RollingBack(r.clone());
        confirm(cx, t, p, r);
    }
}

fn waits_for_dependants(run: &Run, t: &Track, r: &Rollback, now: Time) -> bool {
    now.since(r.decided) < DEPENDANTS_FIRST
        && run
            .plan
            .dependants(&t.service)
            .filter_map(|p| run.track(&p.service.name))
            .any(|d| matches!(d.phase, Phase::RollingBack(_)) && d.flows())
}

/// Requests may have come to the new version, by us or by somebody's edit.
pub(super) fn moved(t: &Track, r: &Rollback) -> bool {
    t.highest > 0 || r.from_share > 0 || !t.moves.begun.is_empty()
}

/// A gateway has taken the route on as it stands; a route that is gone carries nothing.
fn is_followed(t: &Track) -> bool {
    t.route.as_ref().is_some_and(|r| r.accepted == Accepted::Yes || r.uid.is_empty())
}

/// 0 % is written. Without a gateway that takes it on, requests may still come to the new version.
fn not_followed(cx: &mut Cx, t: &mut Track, p: &Planned, r: Rollback) {
    let written = t.written.as_ref().map_or(r.decided, |w| w.at.max(r.decided));
    // A write for another service of the same route makes this one wait again.
    let since = t.pending_since.map_or(written, |seen| seen.max(written));
    if cx.now.since(since) < ACCEPT_PATIENCE {
        t.phase = Phase::RollingBack(r);
        return cx.wake_at(since + ACCEPT_PATIENCE);
    }
    let route = &p.service.traffic.http_route.name;
    let why = match t.route.as_ref().map(|r| &r.accepted) {
        Some(Accepted::No(why)) => format!("but the gateway refuses route {route}: {why}"),
        _ => format!("but no gateway has accepted route {route} for {ACCEPT_PATIENCE}"),
    };
    blocked(cx, t, p, r, format!("0% is written, {why}"));
}

fn confirm(cx: &mut Cx, t: &mut Track, p: &Planned, mut r: Rollback) {
    if t.route.is_none() {
        return;
    }
    // Where no weight was ever written there is no traffic to wait for, whether or not a gateway takes the route on.
    if moved(t, &r) && !is_followed(t) {
        return not_followed(cx, t, p, r);
    }
    campaign::all_are_back(cx, t);
    let zero = *r.accepted_zero.get_or_insert(cx.now);
    let moved = moved(t, &r);
    let patience = zero + QUIET_PATIENCE;
    let proven = r.quiet_scrapes >= QUIET || !moved || cx.run.plan.policy.observed == Observed::Off;
    if proven || cx.now >= patience {
        let service = t.service.clone();
        let took = cx.now.since(r.decided).clock();
        let how = if proven { "observed" } else { "accepted, not observed" };
        if moved {
            let text = format!("0% {how} {took} after the decision; draining {}", cx.run.plan.policy.drain);
            cx.event(EventKind::Rollback, ENGINE, Some(&service), text);
        }
        r.stage = if moved { RollbackStage::Drain } else { RollbackStage::Remove };
        r.drain_since = moved.then_some(cx.now);
        cx.wake_at(cx.now + cx.run.plan.policy.drain);
    } else {
        cx.wake_at(patience);
    }
    t.phase = Phase::RollingBack(r);
}

fn remove(cx: &mut Cx, t: &mut Track, r: Rollback) {
    let weights = t.route.as_ref().and_then(|route| route.weights);
    if let Some(w) = weights
        && w.next.is_some()
    {
        debug_assert!(w.share() < 0.5, "looked at before");
        cx.call(t, Action::RemoveBackend, "rolled back");
        return;
    }
    let left = t.next.as_ref().is_some_and(|n| n.deployment.is_some() || n.service_exists);
    if left {
        cx.call(t, Action::DeleteNext, "rolled back");
        return;
    }
    if t.call.is_some() {
        return;
    }
    t.desired = 0;
    if !moved(t, &r) {
        return back(cx, t, r, Verified::Untouched, "the new version is gone; no traffic ever moved");
    }
    if cx.run.leaving.is_some() {
        let how = "the new version is gone; the old one's gates are not watched, as this process leaves";
        return back(cx, t, r, Verified::NotWatched, how);
    }
    let text = format!("the new version is gone; the old one's gates are watched for {}", cx.run.plan.policy.verify);
    // The old version is judged from here on, by what it does from here on.
    t.gates_from = Some(cx.now);
    for gate in t.gates.values_mut() {
        *gate = GateTrack::fresh();
    }
    cx.enter(t, Phase::Verifying { rollback: r, since: cx.now, clean: Dur::ZERO }, text);
}

fn verifying(cx: &mut Cx, t: &mut Track, r: Rollback, since: Time, clean: Dur) {
    if !sees(cx.run) {
        // Not being able to look is no reason to call it over.
        t.phase = Phase::Verifying { rollback: r, since: cx.now, clean };
        return;
    }
    if let Some(text) = misled(cx.run, t) {
        // Pods that no request comes to are judged by nothing.
        if cx.run.leaving.is_some() {
            let how = format!("the new version is gone, but {text}; this process leaves");
            return back(cx, t, r, Verified::NotWatched, &how);
        }
        t.phase = Phase::Verifying { rollback: r, since: cx.now, clean: Dur::ZERO };
        return stand_still(cx, t, text);
    }
    stands_again(cx, t);
    let verify = cx.run.plan.policy.verify;
    if clean >= verify {
        return back(cx, t, r, Verified::Healthy, "the old version is healthy");
    }
    let patience = since + verify.times(3).max(Dur::mins(5));
    if cx.now < patience {
        return cx.wake_at(patience);
    }
    let bad: Vec<String> = t.bad_gates().map(|(_, e)| e.reason.clone()).collect();
    let service = t.service.clone();
    if bad.is_empty() && only_too_few(t) {
        back(cx, t, r, Verified::TooFew, "the old version could not be verified: too few requests came to judge it by");
    } else if bad.is_empty() {
        back(cx, t, r, Verified::NoData, "the old version could not be verified: its gates have no data");
    } else {
        cx.page(Some(&service), format!("the old version is not healthy either: {}", bad.join("; ")));
        back(cx, t, r, Verified::Unhealthy, "the old version serves everything, and is not healthy either");
    }
}

/// What its gates miss is requests, and nothing else.
fn only_too_few(t: &Track) -> bool {
    // Of the old version not every gate is asked.
    let mut missing = t.gates.values().filter_map(|g| g.last.as_ref()).map(|e| e.verdict).filter(|v| v.is_missing());
    missing.next() == Some(Verdict::TooFew) && missing.all(|v| v == Verdict::TooFew)
}

fn back(cx: &mut Cx, t: &mut Track, mut r: Rollback, verified: Verified, how: &str) {
    r.verified = Some(verified);
    let took = cx.now.since(r.decided).clock();
    let reason = r.reason.clone();
    cx.enter(t, Phase::RolledBack { rollback: r }, format!("rolled back in {took}: {how}"));
    t.held = None;
    t.close_all();
    if on_failure(cx.run) == OnFailure::Stop && cx.run.aborting.is_none() {
        let text = format!("{} went back ({reason}): retry, skip, or abort the run?", t.service);
        t.open(Ask { kind: AskKind::AfterRollback, text, since: cx.now, deadline: None });
    }
}
