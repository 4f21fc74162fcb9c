//! What the contracts say of a plan: what bars its start, and what was accepted, which is written down.
use std::sync::Arc;

use super::command::{Allowance, Scope, Verb};
use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::message::Waived;
use super::observe::Problem;
use super::people::judge;
use super::run::Run;
use crate::plan::Plan;
use crate::spec::units::counted;

/// How the event of a plan begins that came into force after the first, and what stands before its hash.
const AGAIN: &str = "contracts read again: ";
const IN_FORCE: &str = "; plan sha256 ";

/// The hash of the plan that has come into force with an event, if it is one of those.
pub fn in_force<'e>(who: &str, event: &'e str) -> Option<&'e str> {
    let ours = who == ENGINE && event.starts_with(AGAIN);
    ours.then(|| event.rsplit_once(IN_FORCE)).flatten().map(|(_, hash)| hash)
}

/// How many findings bar the start; `None` when none does.
pub(super) fn bars(plan: &Plan) -> Option<String> {
    match plan.compat.as_ref().map_or(0, |v| v.barring().count()) {
        0 => None,
        n => Some(format!("{} of the contracts, on the plan screen", counted(n, "critical finding"))),
    }
}

/// Whether a finding can be accepted now, whoever asks.
pub(super) fn possible(run: &Run) -> Result<(), String> {
    match (&run.plan.compat, run.started) {
        (None, _) => Err("this run has no contracts".into()),
        (_, Some(_)) => Err("the run has begun: what was accepted before its start holds".into()),
        (Some(_), None) => Ok(()),
    }
}

/// A finding was accepted on a screen: from here on the plan is what the contracts say with it.
pub(super) fn waived(cx: &mut Cx, w: &Waived) {
    let (who, print) = (&w.by.name, &w.waiver.fingerprint);
    let told = cx.run.plan.compat.iter().flat_map(|v| &v.findings).find(|f| f.fingerprint == *print);
    let service = told.and_then(|f| f.service.clone());
    // A screen may be out of date.
    if let Allowance::Denied(why) = judge(cx.run, Verb::Waive, &Scope::Run, &w.by, None) {
        let text = format!("waive denied: {why}. The entry for {print} in {} counts for nothing in this run", w.file);
        return cx.event(EventKind::Command, who, service.as_deref(), text);
    }
    let before = problems(&cx.run.plan);
    Arc::make_mut(&mut cx.run.plan).compat = Some(w.verdict.clone());
    cx.run.plan_hash = cx.run.plan.hash();
    let after = problems(&cx.run.plan);
    if let Some(report) = &mut cx.run.preflight {
        report.problems.retain(|p| !before.contains(p));
        report.problems.extend(after);
    }
    let others: Vec<&str> = w.waiver.by.iter().map(String::as_str).filter(|name| *name != who.as_str()).collect();
    let text = format!(
        "waive {print} until {}: \"{}\". {} named with it: self-declared. It stands in {}",
        w.waiver.until,
        w.waiver.reason,
        others.join(", "),
        w.file
    );
    cx.event(EventKind::Command, who, service.as_deref(), text);
    let left = bars(&cx.run.plan).map_or("nothing bars the start".to_string(), |why| format!("start is off: {why}"));
    let text = format!("{AGAIN}{left}{IN_FORCE}{}", cx.run.plan_hash);
    cx.event(EventKind::Run, ENGINE, None, text);
}

/// Critical findings that nobody accepted, as problems that stop the start.
pub(super) fn problems(plan: &Plan) -> Vec<Problem> {
    let Some(verdict) = &plan.compat else { return Vec::new() };
    let problem = |told: &crate::plan::verdict::Told| {
        let reached = match told.consumers.as_slice() {
            [] => String::new(),
            some => format!("; it reaches {}", some.join(", ")),
        };
        let lapsed = told.lapsed.as_ref().map_or(String::new(), |who| format!("; accepted by {who}, which has ended"));
        Problem {
            service: told.service.clone(),
            blocking: true,
            what: format!("{} ({}){reached}{lapsed}", told.message, told.rule),
            fix: told.advice.clone().unwrap_or_else(|| "take the change out, or accept it in the CompatPolicy".into()),
        }
    };
    verdict.barring().map(problem).collect()
}

/// Writes down what was accepted and what the policy makes less of, by whom, and that the run starts under it.
pub(super) fn accepted(cx: &mut Cx) {
    let Some(verdict) = cx.run.plan.compat.clone() else { return };
    for t in verdict.accepted() {
        let who = t.waived.as_deref().unwrap_or_default();
        let text = format!("accepted {}: {} ({}), by {who}", t.fingerprint, t.message, t.rule);
        cx.event(EventKind::Run, ENGINE, t.service.as_deref(), text);
    }
    for (t, by) in verdict.overruled() {
        let text = format!("overruled {}: {} ({}), {by}", t.fingerprint, t.message, t.rule);
        cx.event(EventKind::Run, ENGINE, t.service.as_deref(), text);
    }
}
