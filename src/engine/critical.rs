//! Critical services: when one is down, no raise happens, and who is to blame goes back.
use super::breach::{Cause, fired};
use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::holds;
use super::observe::WorkloadSeen;
use super::pass::with_track;
use super::run::{Held, HoldReason, Run};
use crate::spec::policy::{Measure, Severity};

pub(super) fn down_now(run: &Run) -> Vec<String> {
    let in_run = run.plan.services.iter().map(|p| &p.service);
    in_run
        .chain(run.plan.bystanders.iter())
        .filter(|s| s.critical && is_down(run, &s.name) == Some(true))
        .map(|s| s.name.clone())
        .collect()
}

pub(super) fn act(cx: &mut Cx, down: &[String], fired: bool) {
    // A run that an earlier version saved kept it in the place of a failure.
    if let Some(old) = cx.run.stopped.take_if(|s| s.reason == HoldReason::Critical) {
        cx.run.critical.get_or_insert(old);
    }
    if down.is_empty() {
        if cx.run.critical.take().is_some() {
            let text = match holds::all_stopped(cx.run) {
                None => "critical services are up again: raises go on".to_string(),
                Some(why) => format!("critical services are up again; still no raises: {why}"),
            };
            cx.event(EventKind::Hold, ENGINE, None, text);
        }
        return;
    }
    if cx.run.critical.is_none() {
        let text = format!("critical service down: {}; no raises", down.join(", "));
        cx.event(EventKind::Hold, ENGINE, None, text.clone());
        cx.page(None, text.clone());
        cx.run.critical = Some(Held { reason: HoldReason::Critical, text, since: cx.now, until: None });
    }
    if fired && let Some(severity) = critical_severity(cx.run) {
        blame(cx, down, severity);
    }
}

/// A critical service is down: it goes back if it is on its way, else those raised shortly before; else a person must
/// decide.
pub(super) fn blame(cx: &mut Cx, down: &[String], severity: Severity) {
    let attribution = cx.run.plan.policy.attribution;
    let mut blamed: Vec<String> =
        down.iter().filter(|n| cx.run.track(n).is_some_and(|t| t.phase.in_flight())).cloned().collect();
    if blamed.is_empty() {
        blamed = cx
            .run
            .tracks
            .values()
            .filter(|t| t.phase.in_flight() && t.raised_at.is_some_and(|at| cx.now.since(at) <= attribution))
            .map(|t| t.service.clone())
            .collect();
    }
    let text = format!("critical service down: {}", down.join(", "));
    for name in &blamed {
        with_track(cx, name, |cx, t, _| fired(cx, t, severity, &text, Cause::Whole));
    }
}

/// Whether a critical service answers: the pods that carry its traffic have at least one ready among them.
pub(super) fn is_down(run: &Run, name: &str) -> Option<bool> {
    if let Some((ready, wanted)) = run.bystanders.get(name) {
        return Some(*ready == 0 && *wanted > 0);
    }
    let t = run.track(name)?;
    let ready = |w: &Option<WorkloadSeen>| w.as_ref().and_then(|w| w.deployment.as_ref()).map_or(0, |d| d.ready);
    t.stable.as_ref()?;
    let share = t.accepted_share();
    let old_down = share < 99.5 && ready(&t.stable) == 0;
    let new_down = t.flows() && ready(&t.next) == 0;
    Some(old_down || new_down)
}

/// Severity of the policy's gate on critical services, if it has one.
pub(super) fn critical_severity(run: &Run) -> Option<Severity> {
    run.plan.policy.gates.iter().find(|g| g.measure == Some(Measure::CriticalServices)).map(|g| g.severity)
}
