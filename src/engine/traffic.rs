//! What a route does with a service's traffic, as one value: whom rules of their own send to the next version, and the
//! share of everybody else.
use serde::{Deserialize, Serialize};

use super::effect::Action;
use super::front::front;
use super::observe::RouteSeen;
use super::rules::{MatchRule, MatchRuleSeen, Stands, Turn};
use super::run::Track;

/// What is asked of a route, or what it carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Share of the next version in per cent, of the requests that no rule of a tenant or a segment takes.
    pub next: u32,
    /// Tenants and segments whose requests all go to the next version. Journals of before there were segments say `tenants`.
    #[serde(default, alias = "tenants", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MatchRule>,
}

impl Traffic {
    /// By weight alone.
    pub fn share(next: u32) -> Traffic {
        Traffic { next, rules: Vec::new() }
    }

    /// What a route carries, in whole per cent; nothing while no weight can be read.
    pub fn seen(route: &RouteSeen) -> Option<Traffic> {
        let next = route.weights?.share().round() as u32;
        Some(Traffic { next, rules: rules(route) })
    }

    /// What a write leaves of this.
    pub fn after(self, action: &Action) -> Traffic {
        match action {
            Action::SetWeight { next, rules, .. } => {
                let stands = self.rules;
                Traffic { next: *next, rules: rules.as_ref().map_or(stands, |turn| turn.rules.clone()) }
            }
            Action::AddBackend => Traffic { next: 0, ..self },
            Action::RouteRules(turn) => Traffic { rules: turn.rules.clone(), ..self },
            _ => self,
        }
    }

    /// Whether a route carries exactly this, each rule as it was written.
    pub fn stands(&self, route: &RouteSeen) -> bool {
        let share = route.weights.is_some_and(|w| (w.share() - f64::from(self.next)).abs() < 0.5);
        share && route.apart().is_empty() && self.rules_stand(route)
    }

    /// The same of the rules alone.
    pub fn rules_stand(&self, route: &RouteSeen) -> bool {
        let intact = !route.everybody && route.rules.iter().all(MatchRuleSeen::is_intact);
        intact && self.rules.iter().eq(route.rules.iter().map(|t| &t.rule))
    }

    /// What became of a rule that was written, as the route shows it.
    pub fn became(rule: &MatchRule, route: &RouteSeen) -> Stands {
        match route.rules.iter().find(|seen| seen.rule.name == rule.name && seen.rule.by == rule.by) {
            None => Stands::Gone,
            Some(seen) if seen.rule == *rule => seen.stands,
            Some(_) => Stands::Edited,
        }
    }
}

fn rules(route: &RouteSeen) -> Vec<MatchRule> {
    route.rules.iter().map(|seen| seen.rule.clone()).collect()
}

/// What makes a route's rules these, from those it has.
pub fn turn(track: &Track, rules: Vec<MatchRule>) -> Turn {
    let have: &[_] = track.route.as_ref().map_or(&[], |r| &r.rules);
    let expect = have.iter().map(|seen| seen.rule.name.clone()).collect();
    let was = |rule: &MatchRule, value: &String| {
        have.iter().any(|h| h.rule.name == rule.name && h.rule.by == rule.by && h.rule.values.contains(value))
    };
    let lowers = rules.iter().all(|rule| rule.values.iter().all(|value| was(rule, value)));
    Turn { rules, expect, lowers }
}

/// The write that makes a route's rules these and leaves its weights.
pub fn route_rules(track: &Track, rules: Vec<MatchRule>) -> Action {
    Action::RouteRules(turn(track, rules))
}

/// The one write after which nothing flows to the next version: weight 0, and no rule. `None`: nothing does.
pub fn to_nothing(track: &Track) -> Option<Action> {
    // What the weights say: a rule that takes everybody goes with the rules.
    let share = track.route.as_ref().and_then(|r| r.weights).map_or(0, |w| w.share().round() as u32);
    let rules = track.has_rules().then(|| turn(track, Vec::new()));
    match (share, rules) {
        (0, rules) => rules.map(Action::RouteRules),
        (expect, rules) => Some(Action::SetWeight { next: 0, expect, rules }),
    }
}

impl Track {
    /// Rules of tenants or segments stand in the route, accepted or not.
    pub fn has_rules(&self) -> bool {
        self.route.as_ref().is_some_and(|r| !r.rules.is_empty())
    }

    /// Tenants that have moved are on the next version, and nobody else: nothing is split by weight.
    pub fn rests_by_tenant(&self) -> bool {
        self.has_rules() && self.accepted_share() < 0.5 && !self.moves.begun.is_empty()
    }

    /// Requests can come to the next version: by its weight, by a rule, or by a Service of stable's that leads to it.
    pub fn flows(&self) -> bool {
        self.accepted_share() >= 0.5 || self.has_rules() || front(self).reaches_other()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::observe::{Accepted, Weights};
    use crate::engine::rules::MatchBy;
    use crate::engine::run::Written;
    use crate::journal::testing::run;

    fn rule(name: &str, values: &[&str]) -> MatchRule {
        let values = values.iter().map(|v| v.to_string()).collect();
        MatchRule { name: name.into(), by: MatchBy::Header("x-tenant".into()), values }
    }

    fn route(next: u32, rules: &[MatchRule]) -> RouteSeen {
        RouteSeen {
            service: "billing".into(),
            uid: "r".into(),
            weights: Some(Weights { stable: 100 - next, next: Some(next) }),
            backends: Vec::new(),
            rules: rules.iter().map(|rule| MatchRuleSeen { rule: rule.clone(), stands: Stands::Intact }).collect(),
            everybody: false,
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

    /// And those of before there were segments call all rules those of tenants.
    #[test]
    fn an_older_states_rules_of_tenants_are_rules() {
        let rules = r#"[{"name":"beta","by":{"header":"x-tenant"},"values":["acme"]}]"#;
        let old: Written = serde_json::from_str(&format!(r#"{{"next":0,"tenants":{rules},"key":3,"at":7}}"#)).unwrap();
        assert_eq!(old.traffic, Traffic { next: 0, rules: vec![rule("beta", &["acme"])] });
        let action = format!(r#"{{"route_tenants":{{"rules":{rules},"expect":["beta"],"lowers":true}}}}"#);
        let action: Action = serde_json::from_str(&action).unwrap();
        assert_eq!(old.traffic.after(&action), Traffic { next: 0, rules: vec![rule("beta", &["acme"])] });
        assert!(action.lowers_risk());
    }

    /// What goes back goes back at once: no moment at weight 0 with somebody still on the new version.
    #[test]
    fn weight_and_rules_leave_in_one_write() {
        let mut run = run();
        let t = run.tracks.get_mut("billing").unwrap();
        t.route = Some(route(0, &[]));
        assert_eq!(to_nothing(t), None);
        t.route = Some(route(25, &[rule("beta", &["acme"])]));
        let Some(action) = to_nothing(t) else { panic!() };
        let none = Turn { rules: Vec::new(), expect: vec!["beta".into()], lowers: true };
        assert_eq!(action, Action::SetWeight { next: 0, expect: 25, rules: Some(none.clone()) });
        let stood = Traffic { next: 25, rules: vec![rule("beta", &["acme"])] };
        assert!(action.lowers_risk() && stood.after(&action) == Traffic::default());
        t.route = Some(route(0, &[rule("beta", &["acme"])]));
        assert_eq!(to_nothing(t), Some(Action::RouteRules(none)));
        // A lower weight is no licence for new rules.
        let adds = Turn { rules: vec![rule("beta", &["acme"])], expect: Vec::new(), lowers: false };
        assert!(!Action::SetWeight { next: 0, expect: 25, rules: Some(adds) }.lowers_risk());
    }

    #[test]
    fn what_stands_is_the_weight_and_every_rule_as_it_was_written() {
        let beta = rule("beta", &["acme"]);
        let wanted = Traffic { next: 0, rules: vec![beta.clone()] };
        assert!(wanted.stands(&route(0, std::slice::from_ref(&beta))));
        assert!(!wanted.stands(&route(0, &[])) && !wanted.stands(&route(10, std::slice::from_ref(&beta))));
        let mut edited = route(0, &[beta]);
        edited.rules[0].stands = Stands::Edited;
        assert!(!wanted.stands(&edited));
    }

    /// A rule that a cohort has already is no licence to add to it while the journal cannot be written.
    #[test]
    fn only_taking_tenants_away_lowers_risk() {
        let mut run = run();
        let t = run.tracks.get_mut("billing").unwrap();
        t.route = Some(route(0, &[rule("beta", &["acme", "lumen"])]));
        let lowers = |rules: &[MatchRule]| route_rules(t, rules.to_vec()).lowers_risk();
        assert!(lowers(&[]) && lowers(&[rule("beta", &["acme"])]));
        assert!(!lowers(&[rule("beta", &["acme", "lumen", "fjord"])]) && !lowers(&[rule("beta", &["fjord"])]));
    }
}
