//! Tenants that move one after the other: whose requests are told by what, and what binds each move.
//!
//! Under the strategy `phased` a service with routed tenancy has two steps. In the first its weight stays 0 while its
//! tenants move by rules of their own; in the second the weight goes to 100, for everybody whom no rule tells.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PlanError;
use super::rules::{MatchBy, MatchRule};
use crate::spec::calendar::{Bind, CalendarSpec, Cohort};
use crate::spec::fleet::{Routed, Service, Tenancy};
use crate::spec::policy::{PolicySpec, Step};
use crate::spec::tenants::Tenant;
use crate::spec::units::Dur;

/// A service whose tenants move before its weight does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phased {
    /// In order of cohorts, then as the files list them.
    pub moves: Vec<Move>,
    /// Weight 0 while tenants move, each judged for the hold; then 100.
    pub steps: Vec<Step>,
}

/// Between two moves that go well: the rule is written and a gateway accepts it, the hold ends with a tick, and the next is
/// chosen by gates of its own time.
const HAND_OVER: Dur = Dur::secs(15);

/// What moves at once: a tenant, or a cohort that is told by one header or bound to move together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The tenant's id, or the cohort's name; each once in a service.
    pub name: String,
    pub cohort: String,
    pub by: MatchBy,
    /// What its requests carry, one of them.
    pub values: Vec<String>,
    /// How many tenants move with it.
    pub tenants: usize,
    /// What binds them, each different wish once: without names and contacts. All of their windows must be open.
    pub binds: Vec<Tenant>,
}

impl Phased {
    /// The moves of one service; `None` if it goes by weights like any other.
    ///
    /// # Errors
    /// A cohort that moves at once although its tenants are bound one by one; a tenant that is called like a cohort.
    pub(super) fn of(
        service: &Service,
        tenants: &[Tenant],
        calendar: &CalendarSpec,
        policy: &PolicySpec,
    ) -> Result<Option<Phased>, PlanError> {
        let Tenancy::Routed(routed) = &service.tenancy else { return Ok(None) };
        let mut moves = Vec::new();
        for cohort in &calendar.cohorts {
            let uses = |t: &&Tenant| t.services.is_empty() || t.services.iter().any(|s| **s == *service.name);
            let members: Vec<&Tenant> = tenants.iter().filter(|t| *t.cohort == *cohort.name).filter(uses).collect();
            if !members.is_empty() {
                moves.extend(of_cohort((service, routed), calendar, cohort, &members)?);
            }
        }
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        moves.iter().for_each(|m| *names.entry(m.name.as_str()).or_default() += 1);
        if let Some((name, _)) = names.iter().find(|(_, n)| **n > 1) {
            return Err(PlanError::OneName { service: service.name.clone(), name: name.to_string() });
        }
        let whole = policy.steps.iter().fold(Dur::ZERO, |sum, s| sum + s.hold);
        let last = policy.steps.last().map_or(Dur::ZERO, |s| s.hold);
        let steps = vec![Step { weight: 0, hold: whole }, Step { weight: 100, hold: last }];
        Ok((!moves.is_empty()).then_some(Phased { moves, steps }))
    }

    /// How long one tenant's move is judged, when every tick is good.
    pub fn hold(&self) -> Dur {
        self.steps.first().map_or(Dur::ZERO, |s| s.hold)
    }

    /// How much of its window one move needs: what it is judged for, and what is kept for a rollback at its end.
    pub fn needs(&self, policy: &PolicySpec) -> Dur {
        self.hold() + policy.rollback_reserve
    }

    /// How long a move that goes well is on its way before the next may begin.
    pub fn takes(&self) -> Dur {
        self.hold() + HAND_OVER
    }

    /// How many tenants move in how many moves, by cohort.
    pub fn said(&self) -> String {
        let mut cohorts: Vec<(&str, usize)> = Vec::new();
        for m in &self.moves {
            match cohorts.last_mut().filter(|(name, _)| *name == m.cohort) {
                Some((_, n)) => *n += m.tenants,
                None => cohorts.push((&m.cohort, m.tenants)),
            }
        }
        let cohorts: Vec<String> = cohorts.into_iter().map(|(name, n)| format!("{name} {n}")).collect();
        cohorts.join(", ")
    }

    pub fn get(&self, name: &str) -> Option<&Move> {
        self.moves.iter().find(|m| m.name == name)
    }

    /// The rules that send exactly these moves' tenants to the new version: one for each cohort, since a route takes few.
    pub fn rules(&self, on_new: impl Fn(&Move) -> bool) -> Vec<MatchRule> {
        let mut rules: Vec<MatchRule> = Vec::new();
        for m in self.moves.iter().filter(|m| on_new(m)) {
            match rules.iter_mut().find(|r| r.name == m.cohort && r.by == m.by) {
                Some(rule) => rule.values.extend(m.values.iter().cloned()),
                None => rules.push(MatchRule { name: m.cohort.clone(), by: m.by.clone(), values: m.values.clone() }),
            }
        }
        rules
    }

    /// How many tenants these moves are.
    pub fn count(&self, of: impl Fn(&Move) -> bool) -> usize {
        self.moves.iter().filter(|m| of(m)).map(|m| m.tenants).sum()
    }
}

/// One move for each tenant; one for all where they cannot be told apart, or are bound to move together.
fn of_cohort(
    (service, routed): (&Service, &Routed),
    calendar: &CalendarSpec,
    cohort: &Cohort,
    members: &[&Tenant],
) -> Result<Vec<Move>, PlanError> {
    // A freeze may bind a tenant by its id alone.
    let closings = || calendar.freezes.iter().chain(&calendar.blackouts);
    let named = |id: &str| closings().any(|c| c.tenants.iter().any(|t| t == id));
    let one = |name: &str, tenants: &[&Tenant]| {
        let ids: Vec<&str> = tenants.iter().map(|t| &*t.id).collect();
        let MatchRule { by, values, .. } = MatchRule::of_tenants(routed, name, &ids);
        let mut binds: Vec<Tenant> = Vec::new();
        for wish in tenants.iter().map(|t| wish(t)) {
            let same =
                |b: &Tenant| !named(&b.id) && !named(&wish.id) && Tenant { id: wish.id.clone(), ..b.clone() } == wish;
            if !binds.iter().any(same) {
                binds.push(wish);
            }
        }
        Move { name: name.into(), cohort: cohort.name.clone(), by, values, tenants: tenants.len(), binds }
    };
    match (routed, cohort.bind) {
        (Routed::Cohort(_), Bind::Own) => {
            let all = one(&cohort.name, members);
            if all.binds.len() > 1 {
                let (service, cohort) = (service.name.clone(), cohort.name.clone());
                return Err(PlanError::Together { service, cohort, windows: all.binds.len() });
            }
            Ok(vec![all])
        }
        (_, Bind::Intersection) => Ok(vec![one(&cohort.name, members)]),
        (_, Bind::Own) => Ok(members.iter().map(|t| one(&t.id, &[t])).collect()),
    }
}

/// What binds a tenant, without whom to tell: a plan stands in every journal.
fn wish(tenant: &Tenant) -> Tenant {
    Tenant { name: None, contacts: Default::default(), ..tenant.clone() }
}

#[cfg(test)]
#[path = "moves_tests.rs"]
mod tests;
