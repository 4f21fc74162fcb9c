//! Can the route take a rule for every tenant or cohort, as a service with routed tenancy asks for?
//!
//! Rules stay until the last tenant has moved, so the route must take all of them at once.
use crate::cluster::json::list;
use crate::cluster::tenant_rules::{MAX_ALL_MATCHES, MAX_RULES, misfit, room};
use crate::engine::tenants::TenantRule;
use crate::spec::fleet::{Routed, Tenancy};

use super::{Findings, Look};

pub(super) fn check(look: &Look, found: &mut Findings) {
    let Tenancy::Routed(routed) = &look.planned.service.tenancy else { return };
    let (Some(when), Some(route)) = (&look.plan.when, look.route()) else { return };
    let tenants: usize = when.tenants.iter().map(|list| list.count).sum();
    if tenants == 0 {
        return;
    }
    let at = format!("HTTPRoute {}", look.planned.service.traffic.http_route.name);
    if let Some((what, fix)) = misfit(route, &look.planned.service, &[TenantRule::of(routed, "a", &["a"])]) {
        look.stop(found, what, fix);
        return;
    }
    if list(route, "/spec/rules").iter().any(|rule| rule.get("sessionPersistence").is_some()) {
        let what = format!("{at} keeps sessions; a tenant that moves begins new ones under a name of their own");
        look.warn(found, what, "nothing, if sessions may begin anew; they are the old ones again when it goes back");
    }
    if matches!(routed, Routed::Host(_)) {
        let what = format!("{at}: tenants are told by the Host header, which not every gateway matches on");
        look.warn(found, what, "try it with one tenant, or let the edge set a header and tell them by that");
    }
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

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
