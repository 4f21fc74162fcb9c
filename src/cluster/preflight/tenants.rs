//! Can the route take a rule for every segment that goes first, and for every tenant or cohort, as a service with routed
//! tenancy asks for?
//!
//! Rules stay until the last step is over or the last tenant has moved, so the route must take all of them at once.
use serde_json::Value;

use crate::cluster::json::list;
use crate::cluster::match_rules::{MAX_ALL_MATCHES, MAX_RULES, misfit, room};
use crate::engine::rules::{MatchBy, MatchRule};
use crate::plan::rules::Whose;
use crate::spec::fleet::{Routed, Tenancy};

use super::{Findings, Look};

pub(super) fn check(look: &Look, found: &mut Findings) {
    check_segments(look, found);
    let Tenancy::Routed(routed) = &look.planned.service.tenancy else { return };
    let (Some(when), Some(route)) = (&look.plan.when, look.route()) else { return };
    let tenants: usize = when.tenants.iter().map(|list| list.count).sum();
    if tenants == 0 {
        return;
    }
    let at = format!("HTTPRoute {}", look.planned.service.traffic.http_route.name);
    if let Some((what, fix)) = misfit(route, &look.planned.service, &[MatchRule::of_tenants(routed, "a", &["a"])]) {
        look.stop(found, what, fix);
        return;
    }
    check_gateway(look, route, Whose::Tenants, matches!(routed, Routed::Host(_)), found);
    if let Some(phased) = &look.planned.phased {
        // Rules stay until the last tenant has moved: these all stand at once.
        if let Some((what, fix)) = misfit(route, &look.planned.service, &phased.rules(|_| true)) {
            look.stop(found, what, fix);
        }
        return;
    }
    let cohorts = when.calendar.spec.cohorts.len().min(tenants);
    let room = room(route, &look.planned.service);
    // One rule per cohort before each weighted rule; in it each match of that rule, once per value.
    let (rules, values) =
        (cohorts * room.weighted, if matches!(routed, Routed::Cohort(_)) { cohorts } else { tenants });
    let matches = values * room.each;
    if rules > room.rules {
        let what = format!(
            "{at} would need {rules} rules more for {cohorts} cohorts; of {MAX_RULES} it has {} left",
            room.rules
        );
        look.stop(found, what, "fewer cohorts, or fewer rules in the route: give it to this service alone");
    } else if matches > room.matches {
        let what = format!(
            "{at} would need {matches} matches more for {tenants} tenants; of {MAX_ALL_MATCHES} it has {} left",
            room.matches
        );
        let fix = "let the edge set a header with the cohort's name, and write `tenancy: {routed: {cohort: x-cohort}}`: \
                   one match serves a cohort of any size";
        look.stop(found, what, fix);
    }
}

/// The segments that go first on this service.
fn check_segments(look: &Look, found: &mut Findings) {
    let segments = &look.planned.segments;
    let Some(route) = look.route().filter(|_| !segments.is_empty()) else { return };
    if let Some((what, fix)) = misfit(route, &look.planned.service, segments) {
        return look.stop(found, what, fix);
    }
    let by_host = segments.iter().any(|s| s.by == MatchBy::Host);
    check_gateway(look, route, Whose::Segments, by_host, found);
}

/// What not every gateway does with such rules.
fn check_gateway(look: &Look, route: &Value, whose: Whose, by_host: bool, found: &mut Findings) {
    let at = format!("HTTPRoute {}", look.planned.service.traffic.http_route.name);
    let one = whose.one();
    if list(route, "/spec/rules").iter().any(|rule| rule.get("sessionPersistence").is_some()) {
        let what = format!("{at} keeps sessions; a {one} that moves begins new ones under a name of their own");
        look.warn(found, what, "nothing, if sessions may begin anew; they are the old ones again when it goes back");
    }
    if by_host {
        let what = format!("{at}: {one}s are told by the Host header, which not every gateway matches on");
        look.warn(found, what, format!("try it with one {one}, or let the edge set a header and tell them by that"));
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
