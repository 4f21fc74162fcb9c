//! What one service's failure does to the others, and how a run ends.
use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::pass::with_track;
use super::rollback::{decide, follow, may_go_back, wait_for_old};
use super::run::{AskKind, CameTo, Held, HoldReason, Outcome, Paused, Phase, RollbackStage, Run, Settling, Track};
use super::{campaign, leave, step};
use crate::spec::policy::{OnExit, OnFailure, Severity};
use crate::spec::units::Dur;
use crate::spec::upgrade::in_range;

/// Spreads rollbacks: dependants that need a version which goes back go first; then the policy's `on_failure`.
pub(super) fn cascade(cx: &mut Cx) {
    follow_all(cx);
    // The one that nobody has answered for yet comes first.
    let rank = |t: &Track| match t.phase {
        _ if asks_after(t) => Some(0),
        _ if t.phase.going_back() => Some(1),
        Phase::RolledBack { .. } => Some(2),
        _ => None,
    };
    let ours = cx.run.tracks.values().filter(|t| !cx.run.taken_back.contains(&t.service));
    let Some((_, failed)) = ours.filter_map(|t| Some((rank(t)?, t.service.clone()))).min() else { return };
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

/// Until nobody follows any more: in a chain the last must have decided before the first may write.
fn follow_all(cx: &mut Cx) {
    loop {
        let back = |t: &Track| match &t.phase {
            Phase::RollingBack(r) => Some((t.service.clone(), r.severity)),
            _ => None,
        };
        let going: Vec<(String, Severity)> = cx.run.tracks.values().filter_map(back).collect();
        let mut followed = false;
        for (name, severity) in going {
            for dependant in needs_new(cx.run, &name) {
                followed = true;
                with_track(cx, &dependant, |cx, t, _| {
                    follow(cx, t, severity, &format!("it needs the new {name}, which goes back"));
                });
            }
        }
        if !followed {
            return;
        }
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
            !matches!((range, version), (Some(r), Some(v)) if in_range(&r, &v))
        })
        .map(|p| p.service.name.clone())
        .filter(|n| run.track(n).is_some_and(|t| t.phase.in_flight()))
        .collect()
}

fn asks_after(t: &Track) -> bool {
    t.asks_for(AskKind::AfterRollback)
}

pub(super) fn stop(cx: &mut Cx, failed: &str) {
    let open = |t: &Track| t.phase.going_back() || asks_after(t);
    let answered = !cx.run.tracks.values().any(open);
    if cx.run.stopped.is_none() && !answered {
        let text = format!("{failed} goes back; nothing else is raised until a person decides");
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
            let planned = cx.run.plan.get(&t.service)?;
            let lost = planned.goes_after().find(|n| {
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
            Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } if t.below_full() => {
                if may_go_back(t) {
                    decide(cx, t, Severity::Immediate, &aborting.reason, &aborting.by);
                } else {
                    wait_for_old(cx, t);
                }
            }
            // At 100 % but still in its last step: it stays, warm and held. The weight sends everybody there, so nobody needs a
            // rule any more; one that cannot be taken away now is taken away when it settles.
            Phase::Shifting { .. } => {
                if t.fault.is_none() && !campaign::no_rules(cx, t, "everybody is on new, and the run was aborted") {
                    return;
                }
                cx.enter(t, Phase::Soaking { clean: Dur::ZERO }, "stays at 100%, held: the run was aborted");
            }
            _ => {}
        });
    }
    // Who needs what goes back now decides in the same look: its traffic leaves first.
    follow_all(cx);
}

/// Somebody took up what an abort had left at 100 %: it goes on from there, and what went back stays where it is. Before
/// a screen it is still held, until somebody says so; without one the resume itself was that word.
pub(super) fn abort_is_over(cx: &mut Cx) {
    let Some(aborting) = cx.run.aborting.take() else { return };
    if cx.run.interactive {
        let reason = "the run was aborted; what is at 100% is held".to_string();
        cx.run.paused_all.get_or_insert(Paused { by: aborting.by.clone(), reason, since: cx.now });
    }
    let back = cx.run.tracks.values().filter(|t| t.phase.is_final() && t.phase != Phase::Done);
    let back: Vec<String> = back.map(|t| t.service.clone()).collect();
    cx.run.taken_back.extend(back);
    let text = format!("the abort by {} is over: what stands at 100% goes on from there", aborting.by);
    cx.event(EventKind::Run, ENGINE, None, text);
}

/// What is said when a process leaves behind what only a written intent may take away.
const KEPT: &str = "no traffic is on new; -next is kept: the journal cannot be written";

/// Confirmed and drained, and all that is missing of the way back is taking the new version away, which may not be done
/// without a journal.
pub(super) fn only_kept(run: &Run, t: &Track) -> bool {
    let removes = matches!(&t.phase, Phase::RollingBack(r) if r.stage == RollbackStage::Remove);
    run.journal.down.is_some() && removes && !t.flows() && !t.orphaned() && t.call.is_none()
}

pub(super) fn check_end(cx: &mut Cx) {
    if cx.run.is_ended() {
        return;
    }
    let all_final = cx.run.tracks.values().all(|t| t.phase.is_final());
    let asked = cx.run.tracks.values().any(asks_after);
    if all_final && !(asked && cx.run.interactive && cx.run.aborting.is_none()) {
        return step::end(cx, outcome(cx.run));
    }
    if cx.run.aborting.is_some() {
        // Those at 100 % stay warm and held: nothing more moves. Somebody has to take them up again.
        let resting = |t: &Track| match &t.phase {
            Phase::Soaking { .. } | Phase::Soaked => t.desired == 100,
            // Stands still at 100 % until its gates are good; nobody can be waited for on the way out.
            Phase::Settling(Settling::CopyBack) => t.held.as_ref().is_some_and(|h| h.reason != HoldReason::Capacity),
            p => p.is_final(),
        };
        if cx.run.tracks.values().all(resting) {
            let stay: Vec<&str> =
                cx.run.in_order().filter(|t| !t.phase.is_final()).map(|t| t.service.as_str()).collect();
            let text = format!("partial: the abort is done; at 100% new, warm and held: {}", stay.join(", "));
            return leave::go(cx, Some(CameTo::Partial), &text);
        }
        // Who was told to leave does not wait for an old version that cannot take its traffic.
        let stuck = |t: &Track| match &t.phase {
            Phase::RollbackBlocked { .. } => true,
            Phase::Shifting { .. } => !may_go_back(t),
            _ => resting(t),
        };
        // Nor for a journal that cannot be written: what is left to be taken away gets no requests any more.
        let kept = |t: &Track| only_kept(cx.run, t);
        if cx.run.leaving.is_some() && cx.run.synced && cx.run.tracks.values().all(|t| stuck(t) || kept(t)) {
            return match cx.run.tracks.values().any(kept) {
                true => leave::go(cx, Some(CameTo::RollbackBlocked), KEPT),
                false => leave::go(cx, None, "what could go back has gone back, the rest cannot now"),
            };
        }
    }
    if let Some(l) = &cx.run.leaving
        && l.how == OnExit::Hold
    {
        return leave::taken_back(cx);
    }
    leave::give_up(cx);
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
