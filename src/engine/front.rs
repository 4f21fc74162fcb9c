//! Where stable's Service leads. Whatever a route says, what it sends to stable goes to the pods that this Service selects.
use super::by_hand::quoted;
use super::cx::Cx;
use super::holds::{hold, lift_if};
use super::observe::Front;
use super::rollback::old_ready;
use super::run::{AskKind, HoldReason, Run, Track};

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
    Some(format!("Service {front_name} {what}; somebody changed its selector, or labels of pods"))
}

/// The same in a few words, after the name of the service.
pub(super) fn misled_brief(run: &Run, t: &Track) -> Option<String> {
    let next = run.plan.get(&t.service)?.service.next_deployment();
    Some(match front(t) {
        Front::Own => return None,
        Front::Both => format!("its Service leads to {next}, too"),
        Front::Other => format!("its Service leads to {next}"),
        Front::Nothing => "its Service leads to no pods, requests are lost".into(),
        Front::Gone => "its Service is gone, requests are lost".into(),
    })
}

/// What a person types to put stable's Service right, while it is not: as it was seen before the start, or what comes
/// nearest to it where nobody kept that.
pub(super) fn mend_front(run: &Run, t: &Track) -> Option<String> {
    let service = &run.plan.get(&t.service)?.service;
    let route = &service.traffic.http_route;
    let (name, old, next) = (&route.stable, &service.workload.deployment, service.next_deployment());
    let kubectl = run.kubectl();
    let kept = t.facts.as_ref().map(|f| &f.front).filter(|kept| !kept.is_null());
    let selector = kept.and_then(|kept| kept.pointer("/spec/selector"));
    Some(match (front(t), kept, selector) {
        (Front::Own, _, _) => return None,
        (Front::Gone, Some(kept), _) => format!("echo {} | {kubectl} create -f -", quoted(&kept.to_string())),
        (Front::Gone, None, _) => format!(
            "{kubectl} expose deployment {old} --name {name} --port {}  # --target-port, where its pods listen on another",
            route.port
        ),
        (_, _, Some(selector)) => {
            let patch = format!("[{{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{selector}}}]");
            let labels = format!("  # changes nothing? then labels of pods: {kubectl} get pods --show-labels");
            format!("{kubectl} patch service {name} --type=json -p {}{labels}", quoted(&patch))
        }
        _ => format!("{kubectl} edit service {name}  # its selector: the pods of {old}, none of {next}"),
    })
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
    t.ask_now(AskKind::Footing, format!("{text}: put it right"), cx.now);
    hold(cx, t, HoldReason::Footing, text, None);
}

/// It is right.
pub(super) fn stands_again(cx: &mut Cx, t: &mut Track) {
    t.footing.lost_told = false;
    t.close(&[AskKind::Footing]);
    lift_if(cx, t, &[HoldReason::Footing], "its Service is as it was");
}
