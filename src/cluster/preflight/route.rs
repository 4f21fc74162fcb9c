//! Does the route carry stable's traffic, and nothing half-moved?
use serde_json::Value;

use super::{Findings, Look, owners};
use crate::cluster::http_route::{OwnRule, observe, own_rules};
use crate::cluster::json::{list, number, owner, strings, text};
use crate::cluster::match_rules::{TENANTS_PREFIX, indices, written};
use crate::cluster::route_status::{Refusal, accepted, standing};
use crate::cluster::selector::map_matches;
use crate::engine::by_hand::all_to_stable;
use crate::engine::observe::Accepted;

pub(super) fn check(look: &Look, found: &mut Findings) {
    check_front(look, found);
    let traffic = &look.planned.service.traffic.http_route;
    let Some(route) = look.route() else {
        let what = format!("HTTPRoute {} does not exist in namespace {}", traffic.name, look.namespace);
        look.stop(found, what, "correct traffic.httpRoute.name in the Fleet, or apply the route");
        return;
    };
    let rules = own_rules(route, traffic);
    if !rules.iter().any(|r| r.stable.is_some()) {
        let what =
            format!("HTTPRoute {}: no rule holds Service {} port {}", traffic.name, traffic.stable, traffic.port);
        look.stop(found, what, format!("its backends are: {}; correct the Fleet or the route", backends(route)));
        return;
    }
    for rule in &rules {
        check_rule(look, route, rule, found);
    }
    check_tenants(look, route, found);
    check_accepted(look, route, found);
}

/// Rules of tenants that an earlier run left behind: they would be sent to pods that this run makes, before any gate.
fn check_tenants(look: &Look, route: &Value, found: &mut Findings) {
    let moved = written(route, look.service());
    let mark = owner(route, look.service());
    if moved.is_empty() || mark.as_ref().is_some_and(|m| m.run == look.run) {
        return;
    }
    let traffic = &look.planned.service.traffic.http_route;
    let names: Vec<&str> = moved.iter().map(|t| t.name.as_str()).collect();
    let whose = mark.map_or("nobody's mark".to_string(), |m| format!("the mark of run {}", m.run));
    let what = format!(
        "HTTPRoute {} still has rules that send {} to {}, under {whose}",
        traffic.name,
        names.join(", "),
        traffic.next
    );
    let rules: Vec<String> = indices(route, traffic).iter().map(usize::to_string).collect();
    let fix = format!(
        "take that run up again with `pilothouse resume`, or remove rule {} and the annotation {TENANTS_PREFIX}{} by hand",
        rules.join(", "),
        look.service()
    );
    look.stop(found, what, fix);
}

fn check_accepted(look: &Look, route: &Value, found: &mut Findings) {
    let traffic = &look.planned.service.traffic.http_route;
    let standing = standing(route);
    if !standing.undated.is_empty() {
        let what = format!(
            "HTTPRoute {}: {} does not say which generation of the route it accepted",
            traffic.name,
            standing.undated.join(", ")
        );
        look.warn(found, what, "nothing: a write counts as accepted at once, and requests have to prove what flows");
    }
    let expected =
        |r: &Refusal| r.condition == "ResolvedRefs" && r.reason == "BackendNotFound" && only_ours(look, route);
    match accepted(route) {
        Accepted::Yes => {}
        // Written ahead, as routes in Git are: it resolves once the run has made the Service.
        Accepted::No(_) if standing.refusals.iter().all(expected) => {}
        Accepted::No(why) => {
            let what = format!("HTTPRoute {} is refused by its gateway: {why}", traffic.name);
            look.stop(found, what, "correct the route or the gateway: a weight that nobody follows moves nothing");
        }
        Accepted::Pending => {
            let what = format!("no gateway has accepted HTTPRoute {} as it stands", traffic.name);
            look.warn(found, what, "see whether the gateway runs; the run holds until the route is accepted");
        }
    }
}

/// Whether the only backends of a route that do not exist are next Services of this plan, at weight 0.
fn only_ours(look: &Look, route: &Value) -> bool {
    let exists = |name: &str| look.snapshot.services.iter().any(|s| crate::cluster::json::name(s) == name);
    let is_next = |name: &str| look.plan.services.iter().any(|p| p.service.traffic.http_route.next == name);
    let mut absent = list(route, "/spec/rules")
        .iter()
        .flat_map(|rule| list(rule, "/backendRefs"))
        // What other namespaces and kinds hold is not seen from here.
        .filter(|b| text(b, "/kind").unwrap_or("Service") == "Service")
        .filter(|b| text(b, "/namespace").is_none_or(|ns| ns == look.namespace))
        .filter(|b| !text(b, "/name").is_some_and(exists))
        .peekable();
    absent.peek().is_some() && absent.all(|b| text(b, "/name").is_some_and(is_next) && number(b, "/weight") == Some(0))
}

/// The Service in front of stable.
fn check_front(look: &Look, found: &mut Findings) {
    let traffic = &look.planned.service.traffic.http_route;
    let Some(front) = look.stable_front() else {
        let what = format!("Service {} does not exist in namespace {}", traffic.stable, look.namespace);
        look.stop(found, what, "correct traffic.httpRoute.stable in the Fleet");
        return;
    };
    let ports: Vec<i64> = list(front, "/spec/ports").iter().filter_map(|p| number(p, "/port")).collect();
    if !ports.contains(&i64::from(traffic.port)) {
        let what = format!("Service {} has no port {}", traffic.stable, traffic.port);
        let have: Vec<String> = ports.iter().map(i64::to_string).collect();
        look.stop(found, what, format!("correct traffic.httpRoute.port in the Fleet; it has: {}", have.join(", ")));
    }
    if let Some(stable) = look.stable() {
        let selector = strings(front, "/spec/selector");
        if !map_matches(&selector, &strings(stable, "/spec/template/metadata/labels")) {
            let deployment = &look.planned.service.workload.deployment;
            let what = format!("Service {} does not select the pods of deployment {deployment}", traffic.stable);
            look.stop(found, what, "its traffic goes elsewhere: correct the Fleet, the selector or the labels");
        }
    }
}

fn check_rule(look: &Look, route: &Value, rule: &OwnRule, found: &mut Findings) {
    let traffic = &look.planned.service.traffic.http_route;
    let at = format!("HTTPRoute {} rule {}", traffic.name, rule.index);
    if !rule.others.is_empty() {
        let what = format!("{at} holds a third backend: {}", rule.others.join(", "));
        look.stop(found, what, "split the rule: one that is weighed between two versions holds these two only");
        return;
    }
    let Some(stable) = rule.stable else {
        let fix = format!("put Service {} into it, or take {} out", traffic.stable, traffic.next);
        look.stop(found, format!("{at} holds {} but not {}", traffic.next, traffic.stable), fix);
        return;
    };
    let old = stable.weight.unwrap_or(1);
    let Some(next) = rule.next else {
        if old == 0 {
            let fix = "give it a weight: the service gets no traffic at all now";
            look.stop(found, format!("{at} gives {} weight 0", traffic.stable), fix);
        }
        return;
    };
    let new = next.weight.unwrap_or(1);
    if old + new != 100 {
        let what = format!("{at}: weights {old} and {new} do not sum to 100");
        look.stop(found, what, format!("set {} to 100 and {} to 0", traffic.stable, traffic.next));
    } else if new > 0 && owner(route, look.service()).is_none_or(|m| m.run != look.run) {
        half_moved(look, route, &at, new, found);
    }
}

/// Traffic that another run, or a hand, left split.
fn half_moved(look: &Look, route: &Value, at: &str, new: u32, found: &mut Findings) {
    let traffic = &look.planned.service.traffic.http_route;
    let mark = owner(route, look.service());
    // In use: nobody must be told how to take it from its driver.
    if let Some(mark) = &mark
        && owners::driving(look).is_some_and(|(run, _)| run == mark.run)
    {
        return;
    }
    let seen = observe(&look.planned.service, Some(route));
    let names: Vec<&str> = seen.rules.iter().map(|seen| seen.rule.name.as_str()).collect();
    let rules = (!names.is_empty()).then(|| format!("the rules that send all of {} to it", names.join(", ")));
    let back = all_to_stable(look.kubectl, traffic, &seen.backends, rules.as_deref());
    let (whose, fix) = match mark {
        Some(m) => (
            format!("the mark of run {}", m.run),
            format!("take that run up again with `pilothouse resume {}`; if its journal is lost: {back}", m.run),
        ),
        None => ("nobody's mark".to_string(), format!("if that is nobody's work in progress: {back}")),
    };
    look.stop(found, format!("{at} already sends {new} % to {}, under {whose}", traffic.next), fix);
}

fn backends(route: &Value) -> String {
    let mut all: Vec<String> = list(route, "/spec/rules")
        .iter()
        .flat_map(|rule| list(rule, "/backendRefs"))
        .map(|b| {
            let port = number(b, "/port").map_or(String::new(), |p| format!(":{p}"));
            format!("{}{port}", text(b, "/name").unwrap_or("?"))
        })
        .collect();
    all.dedup();
    all.join(", ")
}
