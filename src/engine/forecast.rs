//! When would a plan be done that begins then, if every tick were good? Who of its tenants moves when, by the rules by
//! which the engine chooses; when everybody else follows; what waits for what.
use std::collections::BTreeMap;

use super::run::Run;
use crate::calendar::campaign::{self, Apart, Ask, Campaign};
use crate::calendar::{Book, LOOK, Platform, Rule, ZoneClock, clock};
use crate::plan::{Phased, Plan, Planned, When};
use crate::spec::fleet::{Routed, Tenancy};
use crate::spec::policy::{After, AtWindowEnd};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time, counted};

/// Nobody looks at a forecast more closely.
const MINUTE: Dur = Dur::mins(1);

/// A plan's future. Nothing in it is a promise: bad ticks, pods that are late and people who say no make it later.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// In the order of the plan.
    pub services: Vec<Ahead>,
    /// The Calendar's own clock.
    clock: ZoneClock,
}

/// What comes of one service; what is not within 400 days of what it waits for is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    pub service: String,
    /// New pods are made.
    pub begins: Option<Time>,
    /// Of one whose tenants move by themselves.
    pub tenants: Option<TenantsAhead>,
    /// All of the traffic is on the new version.
    pub full: Option<Time>,
    pub soaked: Option<Time>,
}

/// How the moves of a service go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantsAhead {
    /// New pods have warmed up: from then on tenants move.
    pub from: Time,
    /// Starts of the first and of the last of them.
    pub first: Option<Time>,
    pub last: Option<Time>,
    /// The weight goes to 100, after the last tenant has moved.
    pub everybody: Option<Time>,
    /// Tenants without a time within 400 days. Nothing goes on after them.
    pub never: usize,
    /// A cohort that is to move at once and has no time in common.
    pub apart: Option<String>,
}

/// Who places the moves of a service.
pub type Place<'p> = dyn FnMut(&Planned, Ask) -> Result<Campaign, Apart> + 'p;

/// What comes of a plan that is told to begin at `from`; nothing for one that nothing binds.
pub fn forecast(plan: &Plan, from: Time) -> Option<Forecast> {
    let when = plan.when.as_ref()?;
    forecast_with(plan, from, &mut |planned, ask| {
        let moves = planned.phased.as_ref().map_or(&[][..], |phased| &phased.moves);
        let bound: Vec<&Tenant> = moves.iter().flat_map(|m| &m.binds).collect();
        let book = Book::new(&when.calendar.spec, &when.ics, ask.start);
        let groups = book.groups(bound.iter().copied(), ask.start);
        campaign::plan(&book, &bound, &groups, ask)
    })
}

/// The same, with moves that somebody else places, such as by the files with all of their tenants.
pub fn forecast_with(plan: &Plan, from: Time, place: &mut Place<'_>) -> Option<Forecast> {
    let when = plan.when.as_ref()?;
    let names: Vec<&str> = plan.services.iter().map(|p| p.service.name.as_str()).collect();
    let look = Looking { plan, when, names };
    let not_before = when.preferred.map_or(from, |date| look.platform(from).begins(date).max(from));
    let begins = look.fit(not_before, when.needs.run);
    let mut known: BTreeMap<&str, Ahead> = BTreeMap::new();
    for planned in &plan.services {
        let after = begins.and_then(|at| look.after(planned, &known, at));
        known.insert(&planned.service.name, look.service(planned, after, place));
    }
    let services = look.names.iter().filter_map(|name| known.remove(name)).collect();
    Some(Forecast { services, clock: clock(when.calendar.spec.zone, from) })
}

/// What comes of a run that nobody has started, and whose tenants move by themselves, if it is told to begin now; nothing
/// while a freeze has no end. `deferred`: what put it off stands.
pub fn of_run(run: &Run, deferred: bool) -> Option<Forecast> {
    run.plan.services.iter().find(|p| p.phased.is_some())?;
    let deferred = run.deferred.as_ref().filter(|_| deferred);
    let mut from = run.now.wall;
    for stay in [run.frozen.as_ref(), deferred].into_iter().flatten() {
        from = from.max(stay.until?);
    }
    forecast(&run.plan, from)
}

struct Looking<'p> {
    plan: &'p Plan,
    when: &'p When,
    names: Vec<&'p str>,
}

impl Looking<'_> {
    /// The window that all share, for questions about an instant and what follows.
    fn platform(&self, at: Time) -> Platform {
        Platform::of(&self.when.calendar.spec, &self.when.ics, &self.names, at)
    }

    /// When something that needs so much of it can begin at the earliest.
    fn fit(&self, from: Time, needs: Dur) -> Option<Time> {
        self.platform(from).earliest_fit(from, needs)
    }

    /// When those that go before a service let it begin; nothing when they never do.
    fn after(&self, planned: &Planned, known: &BTreeMap<&str, Ahead>, begins: Time) -> Option<Time> {
        let mut at = begins;
        for (name, first) in planned.goes_after().filter_map(|name| Some((name, known.get(name.as_str())?))) {
            let reached = match planned.waits_until(name, self.plan.policy.after) {
                After::Soaked => first.soaked,
                After::Full | After::Step(_) => first.full,
            };
            at = at.max(reached?);
        }
        Some(at)
    }

    fn service(&self, planned: &Planned, after: Option<Time>, place: &mut Place<'_>) -> Ahead {
        let (policy, service) = (&self.plan.policy, planned.service.name.clone());
        let needs = self.when.needs.services.get(&service).copied().unwrap_or(self.when.needs.run);
        let begins = after.and_then(|at| self.fit(at, needs));
        let tenants = begins.zip(planned.phased.as_ref()).map(|(at, phased)| self.tenants(planned, phased, at, place));
        let full = match &tenants {
            Some(tenants) => {
                let last = planned.phased.as_ref().and_then(|phased| phased.steps.last());
                tenants.everybody.map(|at| at + last.map_or(Dur::ZERO, |step| step.hold))
            }
            None => begins.map(|at| at + self.plan.service_estimate()),
        };
        Ahead { service, begins, tenants, full, soaked: full.map(|at| at + policy.soak) }
    }

    fn tenants(&self, planned: &Planned, phased: &Phased, begins: Time, place: &mut Place<'_>) -> TenantsAhead {
        let policy = &self.plan.policy;
        let from = begins + policy.warmup;
        let at_once = matches!(planned.service.tenancy, Tenancy::Routed(Routed::Cohort(_)));
        let ask = Ask { start: from, needs: phased.needs(policy), takes: phased.takes(), at_once };
        match place(planned, ask) {
            Err(apart) => TenantsAhead {
                from,
                first: None,
                last: None,
                everybody: None,
                never: phased.count(|m| m.cohort == apart.cohort),
                apart: Some(apart.cohort),
            },
            Ok(campaign) => {
                let done = campaign.done.filter(|_| campaign.never.is_empty());
                let needs = phased.steps.last().map_or(Dur::ZERO, |step| step.hold) + policy.rollback_reserve;
                TenantsAhead {
                    from,
                    first: campaign.moves.first().map(|m| m.start),
                    last: campaign.moves.last().map(|m| m.start),
                    everybody: done.and_then(|at| self.everybody(at, needs)),
                    never: campaign.never.len(),
                    apart: None,
                }
            }
        }
    }

    /// From when on the weight of a service whose tenants have moved may go to 100.
    fn everybody(&self, done: Time, needs: Dur) -> Option<Time> {
        let platform = self.platform(done);
        // What has begun is finished, and only a freeze stops that.
        let finishes = self.plan.policy.at_window_end == AtWindowEnd::Finish;
        if finishes && (platform.open(done) || platform.why(done).rule != Rule::Freeze) {
            return Some(done);
        }
        platform.earliest_fit(done, needs)
    }
}

impl Forecast {
    pub fn get(&self, service: &str) -> Option<&Ahead> {
        self.services.iter().find(|s| s.service == service)
    }

    /// When all services serve 100 %, and when all have soaked; nothing when one of them never does.
    pub fn full(&self) -> Option<Time> {
        self.latest(|s| s.full)
    }

    pub fn soaked(&self) -> Option<Time> {
        self.latest(|s| s.soaked)
    }

    fn latest(&self, of: impl Fn(&Ahead) -> Option<Time>) -> Option<Time> {
        let all: Option<Vec<Time>> = self.services.iter().map(of).collect();
        all?.into_iter().max()
    }

    /// Of a service whose tenants move by themselves: who, in what order, and from when to when.
    pub fn tenants_said(&self, planned: &Planned) -> Vec<String> {
        let its = self.get(&planned.service.name).and_then(|s| s.tenants.as_ref());
        let Some(phased) = &planned.phased else { return Vec::new() };
        let (tenants, moves) = (counted(phased.count(|_| true), "tenant"), counted(phased.moves.len(), "move"));
        let mut lines = vec![format!("{tenants} in {moves}, one at a time: {}", phased.said())];
        let (first, last) = (its.and_then(|t| t.first), its.and_then(|t| t.last));
        lines.push(format!("first tenant about {}, last about {}", self.said(first), self.said(last)));
        lines.extend(its.and_then(TenantsAhead::blocked));
        lines
    }

    /// An instant as the Calendar's zone reads it, in whole minutes and never too early.
    pub fn read(&self, at: Time) -> String {
        self.clock.read(at.ceil(MINUTE))
    }

    /// The same; what never comes is said as such.
    pub fn said(&self, at: Option<Time>) -> String {
        at.map_or_else(|| format!("not within {LOOK}"), |at| self.read(at))
    }
}

impl TenantsAhead {
    /// What stands against its end, for a person.
    pub fn blocked(&self) -> Option<String> {
        match (&self.apart, self.never) {
            (Some(cohort), _) => Some(format!("{cohort} is to move at once, and its windows have no time in common")),
            (None, 0) => None,
            (None, n) => Some(format!("no time within {LOOK} for {}", counted(n, "tenant"))),
        }
    }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
