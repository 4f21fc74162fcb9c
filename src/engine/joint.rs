//! What one service's failure does to the others, and how a run ends.
use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::pass::with_track;
use super::rollback::{decide, follow};
use super::run::{AskKind, Held, HoldReason, Outcome, Phase, Run, Settling, Track};
use super::step;
use crate::spec::policy::{OnExit, OnFailure, Severity};
use crate::spec::units::Dur;

/// Spreads rollbacks: dependants that need a version which goes back go first; then the policy's `on_failure`.
pub(super) fn cascade(cx: &mut Cx) {
    let going: Vec<(String, Severity)> = cx
        .run
        .tracks
        .values()
        .filter_map(|t| match &t.phase {
            Phase::RollingBack(r) => Some((t.service.clone(), r.severity)),
            _ => None,
        })
        .collect();
    for (name, severity) in going {
        for dependant in needs_new(cx.run, &name) {
            with_track(cx, &dependant, |cx, t, _| {
                follow(cx, t, severity, &format!("it needs the new {name}, which goes back"));
            });
        }
    }
    let Some(failed) = cx
        .run
        .tracks
        .values()
        .find(|t| t.phase.going_back() || matches!(t.phase, Phase::RolledBack { .. }))
        .map(|t| t.service.clone())
    else {
        return;
    };
    // Aborting leaves what is at 100 % where it is.
    if cx.run.aborting.is_some() {
        return;
    }
    match on_failure(cx.run) {
        OnFailure::Stop => stop(cx, &failed),
        OnFailure::RollBackRun => back_all(cx, &failed),
        OnFailure::ContinueIndependent => skip_dependants(cx),
    }
}

/// Services in flight whose new version does not work with the old version of `provider`.
pub(super) fn needs_new(run: &Run, provider: &str) -> Vec<String> {
    let old = run.track(provider).and_then(|t| t.facts.as_ref()).map(|f| f.from_version.clone());
    run.plan
        .dependants(provider)
        .filter(|p| {
            let range = p.needs.get(provider).and_then(|r| semver::VersionReq::parse(r).ok());
            let version = old.as_deref().and_then(|v| semver::Version::parse(v).ok());
            // What cannot be compared is taken as needing the new version.
            !matches!((range, version), (Some(r), Some(v)) if r.matches(&v))
        })
        .map(|p| p.service.name.clone())
        .filter(|n| run.track(n).is_some_and(|t| t.phase.in_flight()))
        .collect()
}

pub(super) fn stop(cx: &mut Cx, failed: &str) {
    let answered = cx.run.tracks.values().all(|t| !t.phase.going_back() && t.ask.is_none());
    if cx.run.stopped.is_none() && !answered {
        let text = format!("{failed} went back; nothing else is raised until a person decides");
        cx.run.stopped = Some(Held { reason: HoldReason::Failure, text: text.clone(), since: cx.now, until: None });
        cx.event(EventKind::Hold, ENGINE, None, text);
    }
}

pub(super) fn back_all(cx: &mut Cx, failed: &str) {
    let names: Vec<String> = cx.run.plan.services.iter().rev().map(|p| p.service.name.clone()).collect();
    for name in names {
        with_track(cx, &name, |cx, t, _| match &t.phase {
            Phase::Waiting { .. } => {
                let why = format!("{failed} went back and the run with it");
                cx.enter(t, Phase::Skipped { why: why.clone() }, format!("left on its old version: {why}"));
            }
            p if p.in_flight() => {
                follow(cx, t, Severity::Immediate, &format!("{failed} went back and the run with it"));
            }
            _ => {}
        });
    }
}

/// What needs a service that stays on its old version cannot begin any more.
pub(super) fn skip_dependants(cx: &mut Cx) {
    loop {
        let doomed = cx.run.tracks.values().find_map(|t| {
            let Phase::Waiting { .. } = &t.phase else { return None };
            let needs = &cx.run.plan.get(&t.service)?.needs;
            let lost = needs.keys().find(|n| {
                cx.run.track(n).is_some_and(|o| matches!(o.phase, Phase::RolledBack { .. } | Phase::Skipped { .. }))
            })?;
            Some((t.service.clone(), lost.clone()))
        });
        let Some((name, lost)) = doomed else { return };
        with_track(cx, &name, |cx, t, _| {
            let why = format!("it needs the new {lost}, which stays old");
            cx.enter(t, Phase::Skipped { why: why.clone() }, format!("left on its old version: {why}"));
        });
    }
}

/// `abort run`: everything below 100 % goes back, what has not begun stays where it is.
pub(super) fn abort_run(cx: &mut Cx) {
    let Some(aborting) = cx.run.aborting.clone() else { return };
    let names: Vec<String> = cx.run.plan.services.iter().rev().map(|p| p.service.name.clone()).collect();
    for name in names {
        with_track(cx, &name, |cx, t, _| match &t.phase {
            Phase::Waiting { .. } => {
                cx.enter(t, Phase::Skipped { why: "the run was aborted".into() }, "left on its old version");
            }
            Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } if t.accepted_share() < 99.5 => {
                decide(cx, t, Severity::Immediate, &aborting.reason, &aborting.by);
            }
            // At 100 % but still in its last step: it stays, warm and held.
            Phase::Shifting { .. } => {
                cx.enter(t, Phase::Soaking { clean: Dur::ZERO }, "stays at 100%, held: the run was aborted");
            }
            _ => {}
        });
    }
}

pub(super) fn check_end(cx: &mut Cx) {
    if cx.run.is_ended() {
        return;
    }
    let all_final = cx.run.tracks.values().all(|t| t.phase.is_final());
    let asked = cx.run.tracks.values().any(|t| t.ask.as_ref().is_some_and(|a| a.kind == AskKind::AfterRollback));
    if all_final && !(asked && cx.run.interactive && cx.run.aborting.is_none()) {
        return step::end(cx, outcome(cx.run));
    }
    if cx.run.aborting.is_some() {
        // Those at 100 % stay warm and held: nothing more moves.
        let resting = |t: &Track| match &t.phase {
            Phase::Soaking { .. } | Phase::Soaked => t.desired == 100,
            // Stands still at 100 % until its gates are good; nobody can be waited for on the way out.
            Phase::Settling(Settling::CopyBack) => t.held.as_ref().is_some_and(|h| h.reason != HoldReason::Capacity),
            p => p.is_final(),
        };
        if cx.run.tracks.values().all(resting) {
            return step::end(cx, Outcome::Partial);
        }
    }
    if let Some(l) = &cx.run.leaving
        && l.how == OnExit::Hold
    {
        return;
    }
    give_up(cx);
}

/// Headless, nobody comes: a rollback that cannot be done and sources that stay away are given up at some point.
pub(super) fn give_up(cx: &mut Cx) {
    if cx.run.interactive {
        return;
    }
    let patience = cx.run.plan.policy.rollback_give_up;
    let blocked = cx.run.tracks.values().find_map(|t| match &t.phase {
        Phase::RollbackBlocked { since, .. } => Some(*since),
        _ => None,
    });
    if let Some(since) = blocked {
        if cx.now.since(since) >= patience {
            return step::end(cx, Outcome::RollbackBlocked);
        }
        cx.wake_at(since + patience);
    }
    let lost = cx.run.cluster.down.as_ref().map(|(since, _)| *since);
    let blind = cx.run.tracks.values().filter_map(|t| t.blind.as_ref().map(|b| b.since)).min();
    if let Some(since) = [lost, blind].into_iter().flatten().min() {
        if cx.now.since(since) >= patience {
            return step::end(cx, Outcome::Lost);
        }
        cx.wake_at(since + patience);
    }
}

pub(super) fn outcome(run: &Run) -> Outcome {
    let done = run.tracks.values().any(|t| t.phase == Phase::Done);
    let back = run.tracks.values().any(|t| matches!(t.phase, Phase::RolledBack { .. }));
    let skipped = run.tracks.values().any(|t| matches!(t.phase, Phase::Skipped { .. }));
    match (done, back, skipped) {
        (true, false, false) => Outcome::Succeeded,
        (true, _, _) => Outcome::Partial,
        (false, true, _) => Outcome::RolledBack,
        (false, false, _) => Outcome::Aborted,
    }
}

/// What one service's rollback does to the others, as the policy or its default for this kind of driving says.
pub(super) fn on_failure(run: &Run) -> OnFailure {
    run.plan.policy.on_failure.unwrap_or(if run.interactive { OnFailure::Stop } else { OnFailure::RollBackRun })
}
