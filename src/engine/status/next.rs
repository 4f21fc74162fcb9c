//! The next thing the engine will do by itself, and when.
use super::super::run::{HoldReason, Phase, RollbackStage, Run, Settling, Stage, Track};
use super::back::{STEPS, whereabouts};
use super::{NextChange, Word};
use crate::spec::units::{Dur, Time};

/// What comes next, for the track the verdict is about if it has one, else for the one that is due first.
pub fn change(run: &Run, word: Word, track: Option<&Track>, now: Time) -> NextChange {
    let say = |text: &str| NextChange { text: text.into(), ..NextChange::default() };
    match &run.stage {
        Stage::Ended(_) => return say("nothing: the run has ended"),
        Stage::Preflight => return say("the report on what was found, then start"),
        Stage::Ready => return say("wave 1 begins when somebody starts the run"),
        Stage::Running => {}
    }
    if run.is_left() {
        return say("nothing before somebody takes the run up");
    }
    match word {
        Word::Lost => {
            return NextChange {
                condition: "cluster seen, lease ours".into(),
                recovers: true,
                ..say("it goes on where it stands")
            };
        }
        Word::Held if track.is_none() && run.paused_all.is_some() => return say("nothing before somebody resumes"),
        Word::Held if track.is_none() && run.aborting.is_some() => return say("the run ends when all have gone back"),
        Word::Held if track.is_none() && run.leaving.is_some() => return say("nothing: leaving"),
        _ => {}
    }
    let Some(track) = track.or_else(|| soonest(run, now)) else { return say("nothing is due") };
    of_track(run, track, now)
}

fn soonest(run: &Run, now: Time) -> Option<&Track> {
    run.in_order().filter(|t| !t.phase.is_final()).min_by_key(|t| due(run, t, now).map_or(i64::MAX, |t| t.0))
}

/// When a service changes next if all stays well; `None` when nobody can know.
pub fn due(run: &Run, track: &Track, now: Time) -> Option<Time> {
    let policy = &run.plan.policy;
    match &track.phase {
        Phase::Warming { ready_since: Some(since) } => Some((*since + policy.warmup).max(now)),
        Phase::Shifting { step, hold } => {
            hold.accepted_at?;
            Some(now + policy.steps.get(*step)?.hold.minus(hold.clean))
        }
        Phase::Soaking { clean } => Some(now + policy.soak.minus(*clean)),
        Phase::Verifying { clean, .. } => Some(now + policy.verify.minus(*clean)),
        Phase::RollingBack(r) if r.stage == RollbackStage::Drain => r.drain_since.map(|s| (s + policy.drain).max(now)),
        Phase::Settling(Settling::Drain { since }) => Some((*since + policy.drain).max(now)),
        _ => None,
    }
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
            next.text = format!("{name} {}%", run.plan.policy.steps.first().map_or(100, |s| s.weight));
            next.condition = "pods stay ready".into();
        }
        Phase::Shifting { step, hold } => shifting(run, track, *step, hold.clean, bad, now, &mut next),
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
        }
        Phase::Verifying { .. } => {
            next.text = format!("{name} is rolled back");
            next.condition = format!("step {STEPS} of {STEPS}, old's gates stay good");
        }
        Phase::RollbackBlocked { .. } => {
            next.text = format!("{name} goes back");
            next.condition = "retried until old can take it".into();
        }
        Phase::RolledBack { .. } if track.ask.is_some() => {
            next.text = format!("nothing before somebody decides about {name}");
        }
        Phase::Done | Phase::RolledBack { .. } | Phase::Skipped { .. } => next.text = "nothing is due".into(),
    }
    if track.paused.is_some() || run.paused_all.is_some() {
        next.at = None;
        next.recovers = false;
        next.condition = "when somebody resumes".into();
    } else if stopped && !bad {
        next.at = None;
        if let Some(held) = &track.held {
            next.condition = lift(held.reason).into();
        }
    }
    next
}

fn shifting(run: &Run, track: &Track, step: usize, clean: Dur, bad: bool, now: Time, next: &mut NextChange) {
    let steps = &run.plan.policy.steps;
    let name = &track.service;
    next.text = match steps.get(step + 1) {
        Some(s) => format!("{name} {}%", s.weight),
        None => format!("{name} soaks for {}", run.plan.policy.soak.clock()),
    };
    let Some(this) = steps.get(step) else { return };
    if next.at.is_none() {
        // Still on its way up to this step.
        next.text = format!("{name} {}%", this.weight);
        next.condition = "route accepted".into();
        return;
    }
    let restart = bad && run.plan.policy.restart_on_bad;
    let need = if restart { this.hold } else { this.hold.minus(clean) };
    next.condition = format!("{} clean", need.clock());
    next.at = Some(now + need);
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
        HoldReason::Critical => "when the critical service is back",
        HoldReason::Link => "when the link is back",
        HoldReason::Failure => "when enough old pods are ready",
        HoldReason::Write => "when the write works",
        HoldReason::LongStep => "when somebody says next or abort",
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
