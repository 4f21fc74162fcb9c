//! When would a plan be done that begins then, if every tick were good? Who of its tenants moves when, by the rules by
//! which the engine chooses; when everybody else follows; what waits for what.
use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use crate::calendar::campaign::{self, Ask, Begun, Campaign};
use crate::calendar::reasons::{Cause, Obstacle};
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

/// What comes of one service; what is not within 400 days of the moment somebody asks is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    pub service: String,
    /// New pods are made.
    pub begins: Option<Time>,
    /// What keeps that from being earlier, in order of time.
    pub late: Vec<Obstacle>,
    /// Of one whose tenants move by themselves.
    pub tenants: Option<TenantsAhead>,
    /// All of the traffic is on the new version.
    pub full: Option<Time>,
    pub soaked: Option<Time>,
    /// Of one that does not come to its end: what stands against it, and what would have to change.
    pub stuck: Option<Stuck>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub why: String,
    /// Nothing, where another service has to come to its end first.
    pub change: String,
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
    /// Tenants without a time within 400 days, those of cohorts after them included.
    pub never: usize,
    /// A cohort that is to move at once and has no time in common, or none at all.
    pub apart: Option<String>,
}

/// Who places the moves of a service.
pub type Place<'p> = dyn FnMut(&Planned, Ask) -> Campaign + 'p;

/// What comes of a plan that is told to begin now; nothing for one that nothing binds.
pub fn forecast(plan: &Plan, now: Time) -> Option<Forecast> {
    forecast_from(plan, now, now)
}

/// The same of one that is told to begin at `from`.
fn forecast_from(plan: &Plan, now: Time, from: Time) -> Option<Forecast> {
    let when = plan.when.as_ref()?;
    let look = Looking::new(plan, when, now);
    let book = Book::new(&when.calendar.spec, &when.ics, now);
    let mut begun = Begun::default();
    Some(look.ahead(from, &mut |planned, ask| {
        let moves = planned.phased.as_ref().map_or(&[][..], |phased| &phased.moves);
        let bound: Vec<&Tenant> = moves.iter().flat_map(|m| &m.binds).collect();
        let groups = book.groups(bound.iter().copied(), now);
        campaign::plan_beside(&when.calendar.spec, &bound, &groups, ask, &mut begun)
    }))
}

/// The same, with moves that somebody else places, such as by the files with all of their tenants.
pub fn forecast_with(plan: &Plan, now: Time, place: &mut Place<'_>) -> Option<Forecast> {
    Some(Looking::new(plan, plan.when.as_ref()?, now).ahead(now, place))
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
    forecast_from(&run.plan, run.now.wall, from)
}

struct Looking<'p> {
    plan: &'p Plan,
    when: &'p When,
    /// The window that all share, as it is from the moment of the question on.
    platform: Platform,
    now: Time,
}

impl<'p> Looking<'p> {
    fn new(plan: &'p Plan, when: &'p When, now: Time) -> Looking<'p> {
        let names: Vec<&str> = plan.services.iter().map(|p| p.service.name.as_str()).collect();
        Looking { plan, when, platform: Platform::of(&when.calendar.spec, &when.ics, &names, now), now }
    }

    fn ahead(&self, from: Time, place: &mut Place<'_>) -> Forecast {
        let not_before = self.when.preferred.map_or(from, |date| self.platform.begins(date).max(from));
        let begins = self.fit(not_before, self.when.needs.run);
        let late = begins.clone().map_or_else(|_| Vec::new(), |begins| self.late(from, not_before, begins));
        let mut known: BTreeMap<&str, Ahead> = BTreeMap::new();
        for planned in &self.plan.services {
            let after = begins.clone().and_then(|at| self.after(planned, &known, (at, &late)));
            known.insert(&planned.service.name, self.service((from, planned), after, place));
        }
        let services = self.plan.services.iter().filter_map(|p| known.remove(p.service.name.as_str())).collect();
        Forecast { services, clock: clock(self.when.calendar.spec.zone, self.now) }
    }

    /// When something that needs so much of the window that all share can begin at the earliest.
    fn fit(&self, from: Time, needs: Dur) -> Result<Time, Stuck> {
        self.platform.earliest_fit(from, needs).ok_or_else(|| {
            let (why, change) = self.platform.against(from, needs);
            let why = format!("the window that all share is not open for the {needs} it needs within {LOOK}: {why}");
            Stuck { why, change }
        })
    }

    /// What keeps a plan from beginning at `from` that asks for `not_before` and begins then.
    fn late(&self, from: Time, not_before: Time, begins: Time) -> Vec<Obstacle> {
        let needs = self.when.needs.run;
        let closed = (begins > not_before).then(|| self.platform.late((Some(not_before), not_before), begins, needs));
        let Some(date) = self.when.preferred.filter(|_| not_before > from) else { return closed.into_iter().collect() };
        let asked = |and: &str| Obstacle {
            cause: Cause::Preferred,
            text: format!("the Upgrade asks for {date} or later"),
            change: format!("an earlier `preferredDate` of the Upgrade{and}"),
        };
        if self.platform.earliest_fit(from, needs).is_some_and(|at| at < not_before) {
            return std::iter::once(asked("")).chain(closed).collect();
        }
        // All is closed until the date that is asked for: neither alone keeps it back. Where it stays closed after that
        // date, the date keeps nothing back.
        let until = self.platform.late((Some(from), from), not_before, needs);
        let same = closed.as_ref().is_some_and(|c| (c.cause, &c.text) == (until.cause, &until.text));
        if same || until.cause == Cause::Window {
            return closed.into_iter().collect();
        }
        let and = format!(", and that without the {}", until.cause.name());
        let until = Obstacle { change: "without it and the `preferredDate` of the Upgrade".into(), ..until };
        [until, asked(&and)].into_iter().chain(closed).collect()
    }

    /// When those that go before a service let it begin, and what keeps that from being earlier.
    fn after(
        &self,
        planned: &Planned,
        known: &BTreeMap<&str, Ahead>,
        (begins, late): (Time, &[Obstacle]),
    ) -> Result<(Time, Vec<Obstacle>), Stuck> {
        let (mut at, mut late) = (begins, late.to_vec());
        for (name, first) in planned.goes_after().filter_map(|name| Some((name, known.get(name.as_str())?))) {
            let (reached, what) = match planned.waits_until(name, self.plan.policy.after) {
                After::Soaked => (first.soaked, "soaked"),
                After::Full | After::Step(_) => (first.full, "at 100%"),
            };
            let why = || format!("waits for {name}, which is not {what} within {LOOK}");
            let reached = reached.ok_or_else(|| Stuck { why: why(), change: String::new() })?;
            if reached > at {
                let text =
                    format!("it goes after {name}, which is {what} {}", self.platform.read(reached.ceil(MINUTE)));
                late = vec![Obstacle { cause: Cause::Service, text, change: format!("an earlier end of {name}") }];
                at = reached;
            }
        }
        Ok((at, late))
    }

    /// All services that go before one, whatever is between.
    fn before(&self, planned: &Planned) -> BTreeSet<String> {
        let (mut all, mut next): (BTreeSet<String>, Vec<String>) =
            (BTreeSet::new(), planned.goes_after().cloned().collect());
        while let Some(name) = next.pop() {
            let its = self.plan.get(&name).into_iter().flat_map(Planned::goes_after).cloned();
            if all.insert(name) {
                next.extend(its);
            }
        }
        all
    }

    fn service(
        &self,
        (from, planned): (Time, &Planned),
        after: Result<(Time, Vec<Obstacle>), Stuck>,
        place: &mut Place<'_>,
    ) -> Ahead {
        let (policy, service) = (&self.plan.policy, planned.service.name.clone());
        let needs = self.when.needs.services.get(&service).copied().unwrap_or(self.when.needs.run);
        let begins = after.and_then(|(at, late)| Ok((at, late, self.fit(at, needs)?)));
        let (begins, late) = match begins {
            Ok((at, mut late, begins)) => {
                // Tenants that go before have closings of their own, by which they may have been later as well.
                let moves = |name: &String| self.plan.get(name).is_some_and(|p| p.phased.is_some());
                let since = Some(from).filter(|_| !self.before(planned).iter().any(moves));
                late.extend((begins > at).then(|| self.platform.late((since, at), begins, needs)));
                (begins, late)
            }
            Err(stuck) => {
                let (late, stuck) = (Vec::new(), Some(stuck));
                return Ahead { service, begins: None, late, tenants: None, full: None, soaked: None, stuck };
            }
        };
        let (mut stuck, mut tenants) = (None, None);
        let full = match &planned.phased {
            Some(phased) => {
                let (its, everybody) = self.tenants(planned, phased, begins, place);
                tenants = Some(its);
                let last = phased.steps.last().map_or(Dur::ZERO, |step| step.hold);
                everybody.map_err(|s| stuck = Some(s)).ok().map(|at| at + last)
            }
            None => Some(begins + self.plan.service_estimate()),
        };
        let soaked = full.map(|at| at + policy.soak);
        Ahead { service, begins: Some(begins), late, tenants, full, soaked, stuck }
    }

    fn tenants(
        &self,
        planned: &Planned,
        phased: &Phased,
        begins: Time,
        place: &mut Place<'_>,
    ) -> (TenantsAhead, Result<Time, Stuck>) {
        let policy = &self.plan.policy;
        let start = begins + policy.warmup;
        let at_once = matches!(planned.service.tenancy, Tenancy::Routed(Routed::Cohort(_)));
        let limit = self.platform.limit();
        let campaign =
            place(planned, Ask { start, limit, needs: phased.needs(policy), takes: phased.takes(), at_once });
        let needs = phased.steps.last().map_or(Dur::ZERO, |step| step.hold) + policy.rollback_reserve;
        let mut its = TenantsAhead {
            from: start,
            first: campaign.moves.first().map(|m| m.start),
            last: campaign.moves.last().map(|m| m.start),
            everybody: None,
            never: never(phased, &campaign),
            apart: campaign.apart.map(|apart| apart.cohort),
        };
        let everybody = match (campaign.done, its.blocked()) {
            (_, Some(why)) => Err(Stuck { why, change: String::new() }),
            (done, None) => self.everybody(done.unwrap_or(start), needs),
        };
        its.everybody = everybody.clone().ok();
        (its, everybody)
    }

    /// From when on the weight of a service whose tenants have moved may go to 100.
    fn everybody(&self, done: Time, needs: Dur) -> Result<Time, Stuck> {
        // What has begun is finished, and only a freeze stops that.
        let finishes = self.plan.policy.at_window_end == AtWindowEnd::Finish;
        if finishes && (self.platform.open(done) || self.platform.why(done).rule != Rule::Freeze) {
            return Ok(done);
        }
        self.fit(done, needs)
    }
}

/// Tenants without a time: those that move at once are there once for each different wish.
fn never(phased: &Phased, campaign: &Campaign) -> usize {
    let of_cohort = |(number, part): (usize, &campaign::Part)| {
        let left = campaign.never.iter().filter(|n| usize::from(n.cohort) == number).count();
        let joint = phased.moves.iter().find(|m| m.cohort == part.name && m.tenants > 1);
        joint.filter(|_| left > 0).map_or(left, |m| m.tenants)
    };
    campaign.parts.iter().enumerate().map(of_cohort).sum()
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
        lines.extend(self.get(&planned.service.name).and_then(|s| s.stuck.as_ref()).map(|s| s.why.clone()));
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
    fn blocked(&self) -> Option<String> {
        match (&self.apart, self.never) {
            (Some(cohort), _) => {
                Some(format!("{cohort} is to move at once, and its windows have no time in common within {LOOK}"))
            }
            (None, 0) => None,
            (None, n) => Some(format!("no time within {LOOK} for {}", counted(n, "tenant"))),
        }
    }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
