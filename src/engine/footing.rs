//! What a service stands on while it is on its way, looked at in every pass and not only before a raise: a gateway follows
//! its route, its new pods are there for what is sent to them.
//! What is ours and was taken away is made again; what lasts is held, told, and has a deadline.
use serde::{Deserialize, Serialize};

use super::cx::{Cx, ENGINE, capacity};
use super::effect::{Action, EventKind};
use super::forward::{accepted, first_pods};
use super::observe::Accepted;
use super::run::{HoldReason, Phase, Run, Settling, Track};
use crate::plan::Planned;

/// Since when something is missing, and what people were told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Footing {
    /// What is being made again, as it was told.
    pub mends: Option<String>,
    pub route_told: bool,
}

/// The new version is made, and what it has come to rests on its pods and its route.
fn stands_on_it(t: &Track) -> bool {
    matches!(
        t.phase,
        Phase::Warming { .. }
            | Phase::Shifting { .. }
            | Phase::Soaking { .. }
            | Phase::Soaked
            | Phase::Settling(Settling::CopyBack)
    )
}

/// New pods that must be ready for what is sent to them, from the first step to the end of the copy-back.
pub(super) fn needs(run: &Run, t: &Track) -> Option<u32> {
    let p = run.plan.get(&t.service).filter(|_| stands_on_it(t) && !matches!(t.phase, Phase::Warming { .. }))?;
    // How much of the traffic tenants are nobody knows: pods for all of it.
    Some(capacity(p, t.r0, if p.phased.is_some() { 100 } else { t.desired }))
}

/// Nothing is missing without which a clean tick, or the end of the soak, means nothing.
pub(super) fn stands(run: &Run, t: &Track) -> bool {
    against(run, t).is_none()
}

/// Why nothing may be raised or settled on what is there now.
pub(super) fn against(_run: &Run, t: &Track) -> Option<String> {
    if !t.phase.in_flight() || !stands_on_it(t) {
        return None;
    }
    match &t.route.as_ref()?.accepted {
        Accepted::Yes => None,
        Accepted::Pending => Some("no gateway has accepted the route as it stands".into()),
        Accepted::No(why) => Some(format!("the route is refused: {why}")),
    }
}

/// Makes again what is ours and was taken away and gives it the pods it must have.
pub(super) fn restore(cx: &mut Cx, t: &mut Track, p: &Planned) {
    let Some((action, text)) = taken_away(cx.run, t, p) else {
        t.footing.mends = None;
        return;
    };
    if t.footing.mends.as_ref() != Some(&text) {
        let service = t.service.clone();
        cx.event(EventKind::Drift, ENGINE, Some(&service), text.clone());
    }
    cx.call(t, action, text.clone());
    t.footing.mends = Some(text);
}

/// What somebody took away, and the write that makes it again.
fn taken_away(run: &Run, t: &Track, p: &Planned) -> Option<(Action, String)> {
    let next = t.next.as_ref().filter(|_| stands_on_it(t))?;
    let need = needs(run, t).unwrap_or_else(|| first_pods(run, t, p));
    match &next.deployment {
        Some(_) if next.service_exists => {}
        found => {
            let what = if found.is_some() { "service" } else { "deployment" };
            let text = format!("the {what} of -next is gone, by a foreign edit: made again");
            return Some((Action::CreateNext { replicas: need }, text));
        }
    }
    None
}

/// Holds with the reason while something is missing.
pub(super) fn keep(cx: &mut Cx, t: &mut Track) {
    if !stands_on_it(t) {
        return;
    }
    // A tenant on its way back looks at its own acceptance.
    if !t.moves.now.as_ref().and_then(|n| t.moves.place(n)).is_some_and(|place| !place.on_new()) {
        accepted(cx, t);
    }
}

/// What else is shown of a service gives way to what it stands on only where it says less: that a gate or a share is not
/// as it should be. What acts by itself, and what people did, stays.
pub(super) fn may_show(t: &Track, mine: HoldReason) -> bool {
    use HoldReason::{Gate, LongStep, Missing, NotObserved, TooFew};
    let weak = |r: HoldReason| matches!(r, Gate | Missing | TooFew | NotObserved | LongStep);
    t.held.as_ref().is_none_or(|h| h.reason == mine || weak(h.reason))
}
