//! What a route does with a service's traffic, as one value: whom rules of their own send to the next version, and the
//! share of everybody else.
use serde::{Deserialize, Serialize};

use super::effect::Action;
use super::observe::RouteSeen;
use super::run::Track;
use super::tenants::TenantRule;

/// What is asked of a route, or what it carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Share of the next version in per cent, of the requests that no tenant's rule takes.
    pub next: u32,
    /// Tenants whose requests all go to the next version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRule>,
}

impl Traffic {
    /// By weight alone.
    pub fn share(next: u32) -> Traffic {
        Traffic { next, tenants: Vec::new() }
    }

    /// What a route carries, in whole per cent; nothing while no weight can be read.
    pub fn seen(route: &RouteSeen) -> Option<Traffic> {
        let next = route.weights?.share().round() as u32;
        Some(Traffic { next, tenants: rules(route) })
    }

    /// What a write leaves of this.
    pub fn after(self, action: &Action) -> Traffic {
        match action {
            Action::SetWeight { next, .. } => Traffic { next: *next, ..self },
            Action::AddBackend => Traffic { next: 0, ..self },
            Action::RouteTenants { rules, .. } => Traffic { tenants: rules.clone(), ..self },
            _ => self,
        }
    }

    /// Whether a route carries exactly this, each rule as it was written.
    pub fn stands(&self, route: &RouteSeen) -> bool {
        let share = route.weights.is_some_and(|w| (w.share() - f64::from(self.next)).abs() < 0.5);
        share && self.rules_stand(route)
    }

    /// The same of the rules alone.
    pub fn rules_stand(&self, route: &RouteSeen) -> bool {
        route.tenants.iter().all(|t| t.intact) && self.tenants.iter().eq(route.tenants.iter().map(|t| &t.rule))
    }
}

fn rules(route: &RouteSeen) -> Vec<TenantRule> {
    route.tenants.iter().map(|seen| seen.rule.clone()).collect()
}

/// The write that makes a route's rules these, from those it has.
pub fn route_tenants(track: &Track, rules: Vec<TenantRule>) -> Action {
    let have: &[_] = track.route.as_ref().map_or(&[], |r| &r.tenants);
    let expect = have.iter().map(|seen| seen.rule.name.clone()).collect();
    let was = |rule: &TenantRule, value: &String| {
        have.iter().any(|h| h.rule.name == rule.name && h.rule.by == rule.by && h.rule.values.contains(value))
    };
    let lowers = rules.iter().all(|rule| rule.values.iter().all(|value| was(rule, value)));
    Action::RouteTenants { rules, expect, lowers }
}

impl Track {
    /// Rules of tenants stand in the route, accepted or not.
    pub fn has_rules(&self) -> bool {
        self.route.as_ref().is_some_and(|r| !r.tenants.is_empty())
    }

    /// Requests can come to the next version: by its weight, or by a tenant's rule.
    pub fn flows(&self) -> bool {
        self.accepted_share() >= 0.5 || self.has_rules()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::observe::{Accepted, Weights};
    use crate::engine::run::Written;
    use crate::engine::tenants::{MatchBy, TenantRuleSeen};
    use crate::journal::testing::run;

    fn rule(name: &str, values: &[&str]) -> TenantRule {
        let values = values.iter().map(|v| v.to_string()).collect();
        TenantRule { name: name.into(), by: MatchBy::Header("x-tenant".into()), values }
    }

    fn route(next: u32, rules: &[TenantRule]) -> RouteSeen {
        RouteSeen {
            service: "billing".into(),
            uid: "r".into(),
            weights: Some(Weights { stable: 100 - next, next: Some(next) }),
            backends: Vec::new(),
            tenants: rules.iter().map(|rule| TenantRuleSeen { rule: rule.clone(), intact: true }).collect(),
            accepted: Accepted::Yes,
            owner: None,
            generation: 1,
            writer: None,
        }
    }

    /// Journals of before there were tenants' rules say the weight alone.
    #[test]
    fn an_older_state_reads_as_a_share_without_tenants() {
        let old: Written = serde_json::from_str(r#"{"next":25,"key":3,"at":7}"#).unwrap();
        assert_eq!(old.traffic, Traffic::share(25));
        assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"next":25,"key":3,"at":7}"#);
    }

    #[test]
    fn what_stands_is_the_weight_and_every_rule_as_it_was_written() {
        let beta = rule("beta", &["acme"]);
        let wanted = Traffic { next: 0, tenants: vec![beta.clone()] };
        assert!(wanted.stands(&route(0, std::slice::from_ref(&beta))));
        assert!(!wanted.stands(&route(0, &[])) && !wanted.stands(&route(10, std::slice::from_ref(&beta))));
        let mut edited = route(0, &[beta]);
        edited.tenants[0].intact = false;
        assert!(!wanted.stands(&edited));
    }

    /// A rule that a cohort has already is no licence to add to it while the journal cannot be written.
    #[test]
    fn only_taking_tenants_away_lowers_risk() {
        let mut run = run();
        let t = run.tracks.get_mut("billing").unwrap();
        t.route = Some(route(0, &[rule("beta", &["acme", "lumen"])]));
        let lowers = |rules: &[TenantRule]| route_tenants(t, rules.to_vec()).lowers_risk();
        assert!(lowers(&[]) && lowers(&[rule("beta", &["acme"])]));
        assert!(!lowers(&[rule("beta", &["acme", "lumen", "fjord"])]) && !lowers(&[rule("beta", &["fjord"])]));
    }
}
