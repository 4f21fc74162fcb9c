//! The next thing the engine will do by itself, and when.
use super::super::forward::OBSERVE_PATIENCE;
use super::super::front::front;
use super::super::moves::{Next, idle, moving};
use super::super::rollback::fit;
use super::super::run::{
    Driving, GRID, Hold, HoldReason, ObservedShare, Phase, RollbackStage, Run, Settling, Stage, Track, Unheard,
};
use super::super::window::endless;
use super::back::{STEPS, Watch, watch, whereabouts};
use super::sentence::barred;
use super::{NextChange, WayUp, Word, asks_after_rollback, end, run_stop, tenants, waits, way_up};
use crate::spec::policy::Observed;
use crate::spec::units::{Dur, Time};

/// What comes next, for the track the verdict is about if it has one, else for the one that is due first.
pub fn change(run: &Run, word: Word, track: Option<&Track>, now: Time) -> NextChange {
    let say = |text: &str| NextChange { text: text.into(), ..NextChange::default() };
    match &run.stage {
        Stage::Ended(_) => return say("nothing: the run has ended"),
        Stage::Preflight => return say("the report on what was found, then start"),
        Stage::Ready if endless(run) => return say("nothing before somebody lifts the freeze"),
        Stage::Ready if run.start_wanted => {
            let at = run.waits.as_ref().and_then(|w| w.until);
            return NextChange { at, condition: "its window lets it".into(), ..say("wave 1 begins") };
        }
        Stage::Ready if barred(run).is_some() => return say("nothing while a critical finding stands"),
        Stage::Ready => return say("wave 1 begins when somebody starts the run"),
        Stage::Running => {}
    }
    if run.is_left() && !matches!(run.driving, Driving::SteppedDown { .. }) {
        return say("nothing before somebody takes the run up");
    }
    match word {
        Word::Lost => return lost(run),
        Word::Held if track.is_none() && run.paused_all.is_some() => return say("nothing before somebody resumes"),
        Word::Held if track.is_none() && run.aborting.is_some() => return say("the run ends when all have gone back"),
        Word::Held if track.is_none() && run.leaving.is_some() => return say("nothing: leaving"),
        Word::Held if track.is_none() && run.stopped.is_some() => return say(&undecided(run)),
        Word::Held if run.frozen.is_some() && track.is_none_or(is_frozen) => return waits::next_frozen(run),
        _ => {}
    }
    let Some(track) = track.or_else(|| soonest(run, now)) else { return say("nothing is due") };
    let next = of_track(run, track, now);
    // What stands still says nothing of when the others move on, and they do.
    match moves_on(run, now).filter(|_| word == Word::Held && stands(track)) {
        Some(other) => {
            let waits = if next.condition.is_empty() { next.text } else { next.condition };
            NextChange { meanwhile: format!("{}: {waits}", track.service), ..of_track(run, other, now) }
        }
        None => next,
    }
}

/// What else holds it would let it go on, and a person's freeze does not.
fn is_frozen(t: &Track) -> bool {
    let other = t.held.as_ref().is_some_and(|h| h.reason != HoldReason::Window);
    (other || t.blind.is_some()) && t.paused.is_none() && !t.phase.going_back() && !t.phase.is_final()
}

fn lost(run: &Run) -> NextChange {
    if let Driving::SteppedDown { holder, .. } = &run.driving {
        return NextChange { text: format!("nothing from here: {holder} drives"), ..NextChange::default() };
    }
    let unheard = run.unheard.map(|how| match how {
        Unheard::Gone => "nothing before somebody resumes it",
        Unheard::Silent => "nothing before its driver is heard again",
    });
    if let Some(text) = unheard {
        return NextChange { text: text.into(), ..NextChange::default() };
    }
    NextChange {
        text: end::decided(run).unwrap_or_else(|| "it goes on where it stands".into()),
        condition: "cluster seen, lease ours".into(),
        recovers: true,
        ..NextChange::default()
    }
}

/// Held, blind or paused by itself.
fn stands(t: &Track) -> bool {
    (t.held.is_some() || t.blind.is_some() || t.paused.is_some()) && !t.phase.going_back() && !t.phase.is_final()
}

/// Of the services whose pods or traffic move, the one that changes first.
fn moves_on(run: &Run, now: Time) -> Option<&Track> {
    if run.paused_all.is_some() || run_stop(run).is_some() {
        return None;
    }
    let on_its_way = |t: &&Track| {
        matches!(t.phase, Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Settling(_))
    };
    let moving = run.in_order().filter(on_its_way).filter(|t| !stands(t));
    moving.min_by_key(|t| due(run, t, now).map_or(i64::MAX, |t| t.0))
}

/// From when clean time still missing is counted: the tick that booked the last, so that the expected time stands and
/// the countdown goes on between ticks; but at most one grid, since without ticks nothing becomes clean.
fn counted(last: Option<Time>, now: Time) -> Time {
    last.unwrap_or(now).clamp(now - GRID, now)
}

fn soonest(run: &Run, now: Time) -> Option<&Track> {
    // Of those whose time nobody knows, one that has begun changes before one that waits for its turn.
    let waits = |t: &Track| matches!(t.phase, Phase::Waiting { .. });
    run.in_order()
        .filter(|t| !t.phase.is_final())
        .min_by_key(|t| (due(run, t, now).map_or(i64::MAX, |t| t.0), waits(t)))
}

/// When a service changes next if all stays well; `None` when nobody can know.
pub fn due(run: &Run, track: &Track, now: Time) -> Option<Time> {
    let policy = &run.plan.policy;
    match &track.phase {
        Phase::Warming { ready_since: Some(since) } => Some((*since + policy.warmup).max(now)),
        Phase::Shifting { .. } if idle(run, track) => {
            let next = track.moves.turn.as_ref().map(|l| &l.next);
            next.and_then(|n| if let Next::Wait { until, .. } = n { until.map(|at| at.max(now)) } else { None })
        }
        Phase::Shifting { step, hold } => {
            let from = counted(hold.last_tick.or(Some(hold.accepted_at?)), now);
            let of = run.plan.steps(&track.service).get(*step)?.hold;
            match unproven(run, track, of, hold) {
                Some((_, until)) => until.filter(|at| *at > now),
                None => Some((from + of.minus(hold.clean)).max(now)),
            }
        }
        Phase::Soaking { clean } => Some((ticked(run, track, now) + policy.soak.minus(*clean)).max(now)),
        Phase::Verifying { .. } => watch(run, track, now).and_then(|w| w.at),
        Phase::RollingBack(r) if r.stage == RollbackStage::Drain => r.drain_since.map(|s| (s + policy.drain).max(now)),
        Phase::Settling(Settling::Drain { since }) => Some((*since + policy.drain).max(now)),
        _ => None,
    }
}

/// A hold that was clean for long enough, while requests do not show its share: what it waits for, and until when at most.
fn unproven(run: &Run, track: &Track, of: Dur, hold: &Hold) -> Option<(String, Option<Time>)> {
    let asked = run.plan.policy.observed;
    if hold.clean < of || hold.ended_by.is_some() || asked == Observed::Off || moving(run, track).is_some() {
        return None;
    }
    let weight = track.desired;
    match track.observed {
        ObservedShare::Off(seen) => Some((format!("when requests show {weight}% ({seen:.0}% seen)"), None)),
        // Nothing contradicts it: without a proof it goes on when its patience is over.
        ObservedShare::Unknown => {
            let since = hold.accepted_at.filter(|_| asked == Observed::Prefer).map(|at| track.stands_from(at));
            let until = since.map(|at| at + OBSERVE_PATIENCE);
            Some((format!("when requests show {weight}%"), until))
        }
        ObservedShare::Confirmed(_) | ObservedShare::NotObserved => None,
    }
}

/// As [`counted`], for a phase that counts every tick since its begin.
pub fn ticked(run: &Run, track: &Track, now: Time) -> Time {
    counted(run.tick_answered.filter(|tick| *tick >= track.since).or(Some(track.since)), now)
}

fn of_track(run: &Run, track: &Track, now: Time) -> NextChange {
    let name = &track.service;
    let stopped = (track.held.is_some() || track.blind.is_some()) && !track.phase.going_back();
    let bad = track.bad_gates().next().is_some();
    let mut next = NextChange { at: due(run, track, now), recovers: stopped, ..NextChange::default() };
    match &track.phase {
        Phase::Waiting { needs } => {
            next.text = format!("{name} starts");
            next.condition =
                if needs.is_empty() { "its turn".into() } else { format!("when {} serve 100%", needs.join(", ")) };
        }
        Phase::Deploying => {
            next.text = format!("{name} warms up for {}", run.plan.policy.warmup.clock());
            next.condition = "new pods ready".into();
        }
        Phase::Warming { .. } => {
            next.text = first_step(run, name);
            next.condition = "pods stay ready".into();
        }
        Phase::Shifting { .. } if tenants::next(run, track, due(run, track, now), &mut next) => {}
        Phase::Shifting { step, .. } => shifting(run, track, *step, bad, now, &mut next),
        Phase::Soaking { .. } => {
            next.text = format!("{name} has soaked");
            next.condition = "gates stay good".into();
        }
        Phase::Soaked => {
            next.text = format!("{name} settles");
            next.condition = "when all have soaked".into();
        }
        Phase::Settling(_) => next.text = format!("{name} is done"),
        Phase::RollingBack(r) => {
            next.text = match r.stage {
                RollbackStage::TargetCheck | RollbackStage::Lower => format!("{name} 0% new"),
                RollbackStage::Confirm => format!("{name} drains"),
                RollbackStage::Drain => format!("{name}: new pods are removed"),
                RollbackStage::Remove => {
                    format!("{name}: old's gates are watched for {}", run.plan.policy.verify.clock())
                }
            };
            let step = whereabouts(track).map_or(1, |(_, i)| i + 1);
            next.condition = format!("step {step} of {STEPS}; never turns back");
            if r.stage == RollbackStage::Remove && run.journal.down.is_some() {
                next.text = format!("{name}: new pods are removed");
                next.condition = UNWRITTEN.into();
            }
        }
        Phase::Verifying { .. } => {
            next.text = format!("{name} is rolled back");
            next.condition = match watch(run, track, now) {
                Some(Watch { waits: Some(what), left, .. }) => format!("{what}, then {} clean", left.clock()),
                _ => format!("step {STEPS} of {STEPS}, old's gates stay good"),
            };
        }
        Phase::RollbackBlocked { .. } => {
            next.text = format!("{name} goes back");
            let until = match (front(track).is_own(), fit(track)) {
                (false, _) => "its Service leads to the old pods",
                (true, true) => "its route can be written",
                (true, false) => "old can take it",
            };
            next.condition = format!("retried until {until}");
        }
        Phase::RolledBack { .. } if track.ask.is_some() => {
            next.text = format!("nothing before somebody decides about {name}");
        }
        Phase::Done | Phase::RolledBack { .. } | Phase::Skipped { .. } => next.text = "nothing is due".into(),
    }
    stopped_or_not(run, track, stopped && !bad, &mut next);
    next
}

/// What a raise, and taking away what was made, wait for.
const UNWRITTEN: &str = "when the journal can be written";

/// What stands still has no time, only what it waits for. A pause stops raises only: what goes back goes on.
fn stopped_or_not(run: &Run, track: &Track, stopped: bool, next: &mut NextChange) {
    if track.phase.going_back() || track.phase.is_final() {
        return;
    }
    let few = track.held.as_ref().is_some_and(|h| h.reason == HoldReason::TooFew);
    // Pods are made all the same.
    if run.stopped.is_some() && raises(&track.phase) && track.phase != Phase::Deploying {
        // Whatever else it waits for, nothing rises before that.
        *next = NextChange { text: undecided(run), ..NextChange::default() };
    } else if (track.paused.is_some() || run.paused_all.is_some()) && !goes_on_paused(&track.phase) {
        next.at = None;
        next.recovers = false;
        // The pause comes second on screen to what holds it, and is not to be missed for that.
        next.condition = match &track.held {
            Some(held) => format!("{}, and somebody resumes", lift(held.reason)),
            None => "when somebody resumes".into(),
        };
    } else if run.journal.down.is_some() && raises(&track.phase) {
        (next.at, next.recovers, next.condition) = (None, false, UNWRITTEN.into());
    } else if track.drifted {
        // Whatever its gates come to.
        (next.at, next.condition) = (None, lift(HoldReason::Drift).into());
    } else if track.held.as_ref().is_some_and(|h| h.reason == HoldReason::Footing) {
        let own = front(track).is_own();
        (next.at, next.recovers) = (None, next.recovers && own);
        next.condition = if own { lift(HoldReason::Footing) } else { "when its Service leads to the old pods" }.into();
    } else if few && next.at.is_some() && stopped {
        // Requests come by themselves: there is nothing to recover from, and a time to expect.
        next.recovers = false;
    } else if stopped {
        next.at = None;
        if let Some(held) = &track.held {
            next.condition = lift(held.reason).into();
        }
        if let Some(held) = track.held.as_ref().filter(|h| h.reason == HoldReason::Window) {
            waits::next(run, track, held, next);
        }
    }
}

/// A pause stops raises only.
fn goes_on_paused(phase: &Phase) -> bool {
    matches!(phase, Phase::Deploying | Phase::Soaking { .. })
}

/// What a run waits for that is stopped for a service that went back.
fn undecided(run: &Run) -> String {
    let about = run.in_order().find(|t| asks_after_rollback(t)).map(|t| format!(" about {}", t.service));
    format!("nothing before somebody decides{}", about.unwrap_or_default())
}

/// What comes next for it is more traffic on new, or what leads there: a soak goes on by itself.
fn raises(phase: &Phase) -> bool {
    matches!(phase, Phase::Waiting { .. } | Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. })
        || matches!(phase, Phase::Soaked)
}

/// What the first step of a service brings.
fn first_step(run: &Run, service: &str) -> String {
    match run.plan.steps(service).first() {
        Some(s) if s.weight > 0 => format!("{service} {}%", s.weight),
        Some(_) => format!("{service}: the first tenant moves when its turn comes"),
        None => format!("{service} 100%"),
    }
}

fn shifting(run: &Run, track: &Track, step: usize, bad: bool, now: Time, next: &mut NextChange) {
    let Phase::Shifting { hold, .. } = &track.phase else { return };
    let steps = run.plan.steps(&track.service);
    let name = &track.service;
    next.text = match steps.get(step + 1) {
        Some(s) => format!("{name} {}%", s.weight),
        None => format!("{name} soaks for {}", run.plan.policy.soak.clock()),
    };
    let Some(this) = steps.get(step) else { return };
    if hold.accepted_at.is_none() {
        // Still on its way up to this step.
        next.text = format!("{name} {}%", this.weight);
        next.condition = match way_up(track, this.weight) {
            WayUp::Pods { wanted, .. } => format!("{wanted} new pods ready"),
            WayUp::Write | WayUp::Accept => "route accepted".into(),
        };
        return;
    }
    let restart = bad && run.plan.policy.restart_on_bad;
    let need = if restart { this.hold } else { this.hold.minus(hold.clean) };
    let few = track.gates.values().filter_map(|g| g.last.as_ref()).any(|e| e.verdict == crate::gate::Verdict::TooFew);
    if few && !bad {
        // Clean time begins when there is enough to judge by.
        next.condition = format!("enough requests, then {} clean", need.clock());
        next.at = enough_at(run, track, now).map(|t| t + need);
        return;
    }
    if let Some((what, _)) = unproven(run, track, this.hold, hold).filter(|_| !bad) {
        // When it is due at most stands there already.
        next.condition = what;
        return;
    }
    next.condition = format!("{} clean", need.clock());
    next.at = Some((counted(hold.last_tick.or(hold.accepted_at), now) + need).max(now));
}

/// What lifts a hold of the engine's own.
fn lift(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::Gate | HoldReason::Breach => "when its gates are good",
        HoldReason::Missing => "when there is data",
        HoldReason::TooFew => "when there are enough requests",
        HoldReason::Drift => "when the foreign edit is taken or undone",
        HoldReason::NotAccepted => "when the route is accepted",
        HoldReason::NotObserved => "when the share is seen in requests",
        HoldReason::Capacity => "when enough pods are ready",
        HoldReason::Footing => "when it is as it was",
        HoldReason::Critical => "when the critical service is back",
        HoldReason::Link => "when the link is back",
        HoldReason::Failure => "when enough old pods are ready",
        HoldReason::Write => "when the write works",
        HoldReason::LongStep => "when somebody says next or abort",
        HoldReason::Window => "when its window opens",
        HoldReason::Line => "when somebody says retry or abort",
        HoldReason::Leaving => "not before somebody resumes the run",
    }
}

/// When the gates of the running step will rest on enough requests if traffic stays as it is; `None` when there is no
/// traffic to count from, or already enough. The window is widened back to the step's start while it holds too few, so
/// requests grow in proportion to the time since the route was accepted.
pub fn enough_at(run: &Run, track: &Track, now: Time) -> Option<Time> {
    let Phase::Shifting { hold, .. } = &track.phase else { return None };
    let since = hold.accepted_at?;
    let policy = &run.plan.policy;
    let mut latest = None;
    for gate in &policy.gates {
        let Some(e) = track.gates.get(&gate.name).and_then(|g| g.last.as_ref()) else { continue };
        if e.verdict != crate::gate::Verdict::TooFew {
            continue;
        }
        let need = gate.min_requests.unwrap_or(policy.min_requests) as f64;
        let have = e.requests.filter(|r| *r > 0.0)?;
        let elapsed = e.at.since(since).0 as f64;
        let at = since + Dur((elapsed * need / have) as u64);
        latest = latest.max(Some(at.max(now)));
    }
    latest
}
