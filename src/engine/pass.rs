//! One look at everything: compare what is wanted with what is observed, and ask for what is missing.
//!
//! Nothing here trusts a memory of what was asked before; a pass that finds the world as wanted asks for nothing.
use super::cx::{Cx, ENGINE};
use super::effect::{Action, Call, Effect, EventKind};
use super::forward;
use super::holds::{await_acceptance, drift, learn, raise_blocked, stamp_first};
use super::rules::Turn;
use super::run::{Driving, GRID, Phase, Rollback, Run, Settling, Stage, Track, Written};
use super::traffic::Traffic;
use super::{breach, footing, joint, leave, rollback, settle, step, tick, window};
use crate::plan::Planned;
use crate::spec::policy::Finalize;
use crate::spec::units::{Dur, Time};

pub(super) fn pass(cx: &mut Cx) {
    match cx.run.stage {
        Stage::Preflight => {
            window::look(cx);
            ask_preflight(cx);
            leave::never_began(cx);
        }
        Stage::Ready => scheduled(cx),
        Stage::Ended(_) => {}
        Stage::Running => {
            window::look(cx);
            running(cx);
        }
    }
}

/// A run that was told to begin waits for its window; then the cluster is looked at again, since what was seen before may be
/// days old.
fn scheduled(cx: &mut Cx) {
    if !cx.run.start_wanted {
        // What is shown before somebody says `start`.
        return window::look(cx);
    }
    if window::may_begin(cx) {
        // From here on it is waited for as for any other begin.
        cx.run.attached = Some(cx.now);
        step::look_again(cx, ENGINE);
        ask_preflight(cx);
    } else if let Some((why, change)) = window::never(cx.run) {
        step::blocked(cx, &why, &change);
    }
}

/// A look is answered within this, whatever comes of it.
const ANSWERS: Dur = Dur::mins(2);

/// Once for the one who drives; and once before for one who cannot have the lease, since the reason may be a missing
/// right that a report names.
fn ask_preflight(cx: &mut Cx) {
    let drives = matches!(cx.run.driving, Driving::Yes { .. });
    let cannot = matches!(cx.run.driving, Driving::Unknown) && cx.run.cluster.down.is_some();
    if drives && cx.run.preflight.is_some() {
        // That was the look of one who did not drive yet.
        (cx.run.preflight, cx.run.preflight_asked) = (None, false);
    }
    match cx.run.unlooked.as_ref().map(|u| u.retry_at) {
        Some(retry_at) if retry_at > cx.now => return cx.wake_at(retry_at),
        Some(_) => cx.run.preflight_asked = false,
        None => {}
    }
    if (drives || cannot) && !cx.run.preflight_asked {
        cx.run.preflight_asked = true;
        // The answer to this look is not there yet.
        if let Some(u) = &mut cx.run.unlooked {
            u.retry_at = cx.now + ANSWERS;
        }
        cx.emit(Effect::Preflight);
    }
}

fn running(cx: &mut Cx) {
    if cx.run.synced {
        let (id, now) = (cx.run.id.clone(), cx.now);
        for t in cx.run.tracks.values_mut() {
            await_acceptance(now, t);
            learn(&id, now, t);
        }
    }
    if sees(cx.run) {
        // Deadlines first: what they decide draws its dependants along before anything is written.
        let names: Vec<String> = cx.run.tracks.keys().cloned().collect();
        names.iter().for_each(|name| with_track(cx, name, |cx, t, _| breach::due(cx, t)));
    }
    if cx.run.synced {
        // What follows from a rollback is no reading of the cluster: dependants go first also while it cannot be seen.
        joint::cascade(cx);
    }
    if cx.run.synced && cx.run.cluster.down.is_none() {
        joint::abort_run(cx);
    }
    // Going back comes first, dependants before what they need: later waves first.
    let order: Vec<String> = cx.run.plan.services.iter().rev().map(|p| p.service.name.clone()).collect();
    for name in &order {
        with_track(cx, name, |cx, t, p| {
            if t.phase.going_back() {
                rollback::advance(cx, t, p);
            }
        });
    }
    for name in order.iter().rev() {
        with_track(cx, name, |cx, t, p| {
            if !t.phase.going_back() {
                advance(cx, t, p);
            }
        });
    }
    tick::ask(cx);
    joint::check_end(cx);
}

/// Takes a track out of the run while it is worked on, so that the rest of the run can be read beside it.
pub(super) fn with_track(cx: &mut Cx, name: &str, work: impl FnOnce(&mut Cx, &mut Track, &Planned)) {
    let Some(planned) = cx.run.plan.get(name).cloned() else { return };
    let Some(mut track) = cx.run.tracks.remove(name) else { return };
    work(cx, &mut track, &planned);
    cx.run.tracks.insert(name.to_string(), track);
}

/// No decision rests on an old picture.
pub(super) fn sees(run: &Run) -> bool {
    run.synced && run.cluster.down.is_none() && matches!(run.driving, Driving::Yes { .. })
}

fn advance(cx: &mut Cx, t: &mut Track, p: &Planned) {
    if t.phase.is_final() {
        return;
    }
    if !sees(cx.run) {
        // What cannot be seen, or not be acted on, runs no deadline out.
        (t.unready_since, t.pending_since) = (None, None);
        t.footing.unseen();
        return;
    }
    // A tenant that goes back goes back, whatever somebody made of the route.
    let takes_back = t.moves.now.as_ref().and_then(|n| t.moves.place(n)).is_some_and(|place| !place.on_new());
    if t.phase == Phase::Settling(Settling::CopyBack) {
        settle::tell_bad(cx, t);
    }
    if stamp_first(cx, t) || window::keep(cx, t) {
        return;
    }
    footing::restore(cx, t, p);
    if !takes_back && drift(cx, t) {
        return footing::keep_drifted(cx, t);
    }
    if footing::keep(cx, t) {
        return;
    }
    match t.phase.clone() {
        Phase::Waiting { .. } => forward::waiting(cx, t, p),
        Phase::Deploying => forward::deploying(cx, t, p),
        Phase::Warming { ready_since } => forward::warming(cx, t, p, ready_since),
        Phase::Shifting { step, hold } => forward::shifting(cx, t, p, step, hold),
        Phase::Soaking { clean } if clean >= cx.run.plan.policy.soak && footing::stands(cx.run, t) => {
            let text = format!("soaked for {} at 100%", cx.run.plan.policy.soak);
            cx.enter(t, Phase::Soaked, text);
        }
        Phase::Soaked if may_settle(cx.run, t, p) => {
            cx.enter(t, Phase::Settling(Settling::CopyBack), "settling: stable takes the new version over");
        }
        Phase::Settling(stage) => settle::advance(cx, t, p, stage),
        _ => {}
    }
}

fn may_settle(run: &Run, t: &Track, p: &Planned) -> bool {
    if raise_blocked(run, t).is_some() || t.held.is_some() || !t.gates_rest() || !tick::judged_lately(run) {
        return false;
    }
    if !footing::stands(run, t) {
        return false;
    }
    let together = |o: &&Planned| match run.plan.policy.finalize {
        Finalize::Service => false,
        Finalize::Wave => o.wave == p.wave,
        Finalize::Run => true,
    };
    let mut group = run.plan.services.iter().filter(together).filter_map(|o| run.track(&o.service.name));
    group.all(rests) && p.goes_after().filter_map(|n| run.track(n)).all(is_firm)
}

/// Nothing speaks against what this service came to: as long as it may yet go back, nothing that goes with it settles.
fn rests(o: &Track) -> bool {
    match o.phase {
        Phase::Soaked => o.sound(),
        Phase::Settling(_) => true,
        _ => o.phase.is_final(),
    }
}

/// It cannot go back behind the back of a service that needs it. What stayed old does so for good, and whoever cannot
/// live with that went back with it.
fn is_firm(need: &Track) -> bool {
    matches!(need.phase, Phase::Settling(_)) || need.phase.is_final()
}

/// Books what a finished write changed.
pub(super) fn applied(cx: &mut Cx, t: &mut Track, call: &Call) {
    let before = t.written.take();
    let stood = before.as_ref().map(|w| w.traffic.clone());
    let wrote = |traffic: Traffic| Some(Written { traffic, key: call.key, at: cx.now });
    t.written = match &call.action {
        Action::RemoveBackend => None,
        // Before anything of ours was written there is nothing that could be drifted from.
        Action::Stamp => before.map(|w| Written { key: call.key, ..w }),
        of_route @ (Action::SetWeight { .. } | Action::AddBackend | Action::RouteRules(_)) => {
            wrote(stood.or_else(|| t.route.as_ref().and_then(Traffic::seen)).unwrap_or_default().after(of_route))
        }
        _ => before,
    };
    let service = t.service.clone();
    match &call.action {
        Action::SetWeight { next, expect, rules } => {
            t.desired = *next;
            t.highest = t.highest.max(*next);
            if next > expect {
                t.raised_at = Some(cx.now);
            }
            cx.event(EventKind::Step, ENGINE, Some(&service), format!("weight {expect}% -> {next}% written"));
            rules.iter().for_each(|turn| turned(cx, t, turn));
        }
        Action::RouteRules(rules) => turned(cx, t, rules),
        Action::CopyBack => t.copied = t.stable.as_ref().and_then(copied_mark),
        Action::CreateNext { .. } | Action::Scale { .. } | Action::DeleteNext => {}
        Action::AddBackend | Action::RemoveBackend | Action::Stamp => {}
    }
}

/// Books what a write made of the rules.
fn turned(cx: &mut Cx, t: &mut Track, turn: &Turn) {
    if !turn.lowers {
        t.raised_at = Some(cx.now);
    }
    let said: Vec<String> = turn.rules.iter().map(|r| format!("{}: {}", r.name, r.values.join(" "))).collect();
    let text = match said.is_empty() {
        true => {
            let one = cx.run.plan.get(&t.service).map_or("tenant", |p| p.whose().one());
            format!("rules written: no {one} has one any more")
        }
        false => format!("rules written: {}", said.join("; ")),
    };
    let service = t.service.clone();
    cx.event(EventKind::Step, ENGINE, Some(&service), text);
}

fn copied_mark(stable: &super::observe::WorkloadSeen) -> Option<u64> {
    Some(stable.deployment.as_ref()?.owner.as_ref()?.seq)
}

impl Run {
    /// What the run as a whole has waited for since, when wall time moved by `by` ms without time passing.
    pub(super) fn clock_moved(&mut self, now: Time, by: i64) {
        let shift = |t: &mut Time| *t = Time((t.0 + by).min(now.0));
        for source in [&mut self.cluster, &mut self.metrics, &mut self.journal] {
            source.last_ok.iter_mut().for_each(shift);
            source.down.iter_mut().for_each(|(since, _)| shift(since));
        }
        for held in [&mut self.stopped, &mut self.critical] {
            held.iter_mut().for_each(|h| shift(&mut h.since));
        }
        for stop in [&mut self.paused_all, &mut self.aborting] {
            stop.iter_mut().for_each(|p| shift(&mut p.since));
        }
        self.leaving.iter_mut().for_each(|l| shift(&mut l.since));
        self.waits.iter_mut().for_each(|w| shift(&mut w.since));
        self.tracks.values_mut().for_each(|t| t.clock_moved(now, by));
    }
}

impl Track {
    /// Wall time moved by `by` ms without time passing: marks that durations are counted from, and instants that are
    /// waited for, move along. A mark never comes to lie ahead of `now`.
    pub(super) fn clock_moved(&mut self, now: Time, by: i64) {
        let shift = |t: &mut Time| *t = Time((t.0 + by).min(now.0));
        shift(&mut self.since);
        self.footing.clock_moved(shift);
        let seen = [&mut self.unready_since, &mut self.pending_since, &mut self.undone_at, &mut self.lame_at];
        let marks = [&mut self.missing_since, &mut self.gates_from, &mut self.raised_at, &mut self.split_since];
        for mark in marks.into_iter().chain(seen) {
            mark.iter_mut().for_each(shift);
        }
        self.booked.iter_mut().for_each(shift);
        self.blind.iter_mut().for_each(|b| shift(&mut b.since));
        self.written.iter_mut().for_each(|w| shift(&mut w.at));
        self.phase.clock_moved(shift);
        let later = |t: &mut Time| t.0 += by;
        self.breach.iter_mut().for_each(|b| {
            shift(&mut b.since);
            later(&mut b.deadline);
        });
        self.fault.iter_mut().for_each(|f| later(&mut f.retry_at));
        self.ask.iter_mut().chain(&mut self.asks_behind).filter_map(|a| a.deadline.as_mut()).for_each(later);
        self.held.iter_mut().filter_map(|h| h.until.as_mut()).for_each(later);
    }
}

impl Track {
    /// For so long no process drove the run: nothing was looked at, so it is no part of what a step, a soak or a pod's start
    /// took. What people were promised for an instant, and how long a way back has taken, stands.
    pub(super) fn unwatched(&mut self, now: Time, by: Dur) {
        let shift = |t: &mut Time| *t = (*t + by).min(now);
        shift(&mut self.since);
        self.footing.clock_moved(shift);
        for mark in [&mut self.unready_since, &mut self.pending_since, &mut self.missing_since, &mut self.booked] {
            mark.iter_mut().for_each(shift);
        }
        if !self.phase.going_back() {
            self.phase.clock_moved(shift);
        }
    }
}

impl Phase {
    fn clock_moved(&mut self, shift: impl Fn(&mut Time) + Copy) {
        match self {
            Phase::Warming { ready_since: Some(s) } => shift(s),
            Phase::Shifting { hold, .. } => {
                hold.accepted_at.iter_mut().for_each(shift);
                hold.last_tick = None;
            }
            Phase::Settling(Settling::Drain { since } | Settling::Confirm { since, .. }) => shift(since),
            Phase::RollingBack(r) => r.clock_moved(shift),
            Phase::Verifying { since, rollback, .. } | Phase::RollbackBlocked { since, rollback, .. } => {
                shift(since);
                rollback.clock_moved(shift);
            }
            _ => {}
        }
    }
}

impl Rollback {
    fn clock_moved(&mut self, shift: impl Fn(&mut Time) + Copy) {
        shift(&mut self.decided);
        self.unfit_since.iter_mut().for_each(shift);
        self.accepted_zero.iter_mut().for_each(shift);
        self.drain_since.iter_mut().for_each(shift);
    }
}

/// The next grid tick after `now`.
pub(super) fn next_tick(now: Time) -> Time {
    now.floor(GRID) + GRID
}
