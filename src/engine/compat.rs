//! What the contracts say of a plan: what bars its start, and what was accepted, which is written down.
use super::cx::Cx;
use super::effect::EventKind;
use super::observe::Problem;
use crate::plan::Plan;

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

/// Writes down what was accepted, by whom, and that the run starts under it.
pub(super) fn accepted(cx: &mut Cx) {
    let told: Vec<(Option<String>, String)> = cx
        .run
        .plan
        .compat
        .iter()
        .flat_map(|v| v.accepted())
        .map(|t| {
            let who = t.waived.as_deref().unwrap_or_default();
            (t.service.clone(), format!("accepted {}: {} ({}), by {who}", t.fingerprint, t.message, t.rule))
        })
        .collect();
    for (service, text) in told {
        cx.event(EventKind::Run, super::cx::ENGINE, service.as_deref(), text);
    }
}
