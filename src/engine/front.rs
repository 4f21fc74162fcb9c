//! Where stable's Service leads. Whatever a route says, what it sends to stable goes to the pods that this Service selects.
use super::cx::Cx;
use super::holds::{hold, lift_if};
use super::observe::Front;
use super::rollback::old_ready;
use super::run::{Ask, AskKind, HoldReason, Run, Track};

/// Whose pods stable's Service selects.
pub(super) fn front(t: &Track) -> Front {
    t.stable.as_ref().map_or(Front::Own, |w| w.front)
}

/// Stable's Service does not lead to the old version alone: what the route sends to it goes elsewhere.
pub(super) fn misled(run: &Run, t: &Track) -> Option<String> {
    let service = &run.plan.get(&t.service)?.service;
    let (front_name, old, next) =
        (&service.traffic.http_route.stable, &service.workload.deployment, service.next_deployment());
    let what = match front(t) {
        Front::Own => return None,
        Front::Both => format!("selects the pods of {old} and of {next}: more than the weights say is on {next}"),
        Front::Other => {
            format!("selects the pods of {next}, none of {old}: everything is on {next}, whatever the weights")
        }
        Front::Nothing => format!("selects no pods of {old}: what the route sends to it is lost"),
        Front::Gone => return Some(format!("Service {front_name} is gone: what the route sends to it is lost")),
    };
    Some(format!("Service {front_name} {what}; somebody changed its selector"))
}

/// What a person types to put stable's Service right, while it is not.
pub(super) fn mend_front(run: &Run, t: &Track) -> Option<String> {
    let service = &run.plan.get(&t.service)?.service;
    let (name, old, next) =
        (&service.traffic.http_route.stable, &service.workload.deployment, service.next_deployment());
    let kubectl = run.kubectl();
    match front(t) {
        Front::Own => None,
        Front::Gone => {
            Some(format!("{kubectl} apply -f FILE  # FILE holds Service {name}: it selects the pods of {old}"))
        }
        _ => Some(format!("{kubectl} edit service {name}  # its selector: the pods of {old}, none of {next}")),
    }
}

/// Why the old version could not carry the load.
pub(super) fn unfit_why(run: &Run, t: &Track) -> String {
    let misled = misled(run, t).filter(|_| !front(t).reaches_own());
    misled.unwrap_or_else(|| format!("only {} of {} old pods are ready", old_ready(t), t.r0))
}

/// Behind the point of no return, or nearly back: nothing goes on, and people are told, until it is put right.
pub(super) fn stand_still(cx: &mut Cx, t: &mut Track, text: String) {
    if !std::mem::replace(&mut t.footing.lost_told, true) {
        let service = t.service.clone();
        cx.page(Some(&service), text.clone());
    }
    if t.ask.is_none() {
        let text = format!("{text}: put it right");
        t.ask = Some(Ask { kind: AskKind::Footing, text, since: cx.now, deadline: None });
    }
    hold(cx, t, HoldReason::Footing, text, None);
}

/// It is right.
pub(super) fn stands_again(cx: &mut Cx, t: &mut Track) {
    t.footing.lost_told = false;
    t.ask.take_if(|a| a.kind == AskKind::Footing);
    lift_if(cx, t, &[HoldReason::Footing], "its Service is as it was");
}
