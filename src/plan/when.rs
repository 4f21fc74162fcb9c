//! When a run may begin, and how much of a window it needs.
//!
//! What binds stands in the plan, and so in its hash: the Calendar, the events of iCalendar files, the version of the time
//! zone database, the time that is needed. Tenants stand there by a hash of every word of them: a hundred thousand would
//! make each journal as long. They are beside the run, as a [`Roster`], for whoever shows or plans them.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::spec::calendar::Calendar;
use crate::spec::fleet::Tenancy;
use crate::spec::ics::{IcsFile, is_file};
use crate::spec::policy::PolicySpec;
use crate::spec::tenants::{Listed, Tenant};
use crate::spec::units::Dur;
use crate::spec::when::{Date, tz_version};
use crate::spec::{Bundle, Loaded};

/// So many earlier runs of a service must have succeeded before their times are taken instead of the policy's.
pub const ENOUGH_RUNS: usize = 5;

/// What says when; a plan without it may run at any time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// Its slots are the windows of what all tenants share, its freezes and blackouts bind whatever it says of slots.
    pub calendar: Calendar,
    /// Named as the Calendar names them, wherever they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ics: Vec<IcsFile>,
    /// Version of the time zone database the plan was made with.
    pub tz: String,
    pub needs: Needs,
    /// It begins at the first fit on or after this date of the Calendar's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Date>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<Listed>,
}

/// How much of a window is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// From the first new pod to the last service at 100 %, the soak if the policy wants it inside, and the reserve.
    pub run: Dur,
    /// The same for one service.
    pub services: BTreeMap<String, Dur>,
    /// Where the time is from.
    pub from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// Warm-up and steps of the policy, when every tick is good.
    Steps,
    /// Nine of ten earlier runs took no longer; of so many.
    P90 { runs: usize },
}

/// How long one earlier run took with each of its services, by phase, as the run folders keep it.
pub type Past<'a> = &'a BTreeMap<String, Vec<(String, Dur)>>;

impl When {
    /// `None` without a Calendar: nothing binds. Tenants that move one by one have windows and cohorts in any case.
    pub(super) fn of(bundle: &Bundle, plan: &Plan) -> Option<When> {
        let phased = plan.services.iter().any(|p| p.phased.is_some());
        let usual = || Calendar { name: "usual".into(), spec: Default::default() };
        let calendar = bundle.calendar.clone().or_else(|| phased.then(usual))?;
        let ics: Vec<IcsFile> = bundle.ics.iter().map(|file| named(file, &calendar)).collect();
        Some(When {
            calendar,
            ics,
            tz: tz_version().into(),
            needs: Needs::of(plan, &[]),
            preferred: bundle.upgrade.spec.preferred_date,
            tenants: bundle.tenants.clone(),
        })
    }
}

/// A file under the name the Calendar has for it, else its last part: where it was read from decides nothing.
fn named(file: &IcsFile, calendar: &Calendar) -> IcsFile {
    let closings = calendar.spec.freezes.iter().chain(&calendar.spec.blackouts);
    let written = closings.filter_map(|c| c.ics.as_deref()).find(|name| is_file(&file.name, name));
    let name = written.or(file.name.rsplit('/').next()).unwrap_or(&file.name);
    IcsFile { name: name.into(), events: file.events.clone() }
}

impl Plan {
    /// Takes the times of earlier runs that succeeded instead of the policy's, where there are enough of every service.
    pub fn learn(&mut self, past: &[Past<'_>]) {
        let needs = Needs::of(self, past);
        if let Some(when) = &mut self.when {
            when.needs = needs;
        }
    }
}

impl Needs {
    pub(super) fn of(plan: &Plan, past: &[Past<'_>]) -> Needs {
        let policy = &plan.policy;
        let of_service = |name: &str| -> Option<(Dur, usize)> {
            let mut times: Vec<Dur> =
                past.iter().filter_map(|run| run.get(name)).filter_map(|phases| took(phases, policy)).collect();
            times.sort_unstable();
            p90(&times).map(|time| (time, times.len()))
        };
        let names = || plan.services.iter().map(|p| p.service.name.as_str());
        let known: Option<BTreeMap<&str, (Dur, usize)>> = names().map(|n| Some((n, of_service(n)?))).collect();
        let runs = known.iter().flat_map(|k| k.values()).map(|(_, runs)| *runs).min();
        let soak = if policy.soak_in_window { policy.soak } else { Dur::ZERO };
        let by_steps = plan.service_estimate() + soak;
        let time = |name: &str| match plan.get(name).and_then(|p| p.phased.as_ref()) {
            // Its tenants have windows of their own. What all share is needed for new pods, and for the last step.
            Some(phased) => policy.warmup + phased.steps.last().map_or(Dur::ZERO, |s| s.hold) + soak,
            None => known.as_ref().and_then(|k| k.get(name)).map_or(by_steps, |(time, _)| *time),
        };
        // Waves go one after the other, the services of one side by side.
        let mut waves: BTreeMap<u32, Dur> = BTreeMap::new();
        for p in &plan.services {
            let longest = waves.entry(p.wave).or_default();
            *longest = (*longest).max(time(&p.service.name));
        }
        let shift = waves.values().fold(Dur::ZERO, |sum, wave| sum + *wave);
        // Only the soak of the last wave is waited for by nobody else.
        let spared = if known.is_none() { soak.times(waves.len().saturating_sub(1) as u64) } else { Dur::ZERO };
        Needs {
            run: shift.minus(spared) + policy.rollback_reserve,
            services: names().map(|n| (n.to_string(), time(n) + policy.rollback_reserve)).collect(),
            from: runs.map_or(From::Steps, |runs| From::P90 { runs }),
        }
    }
}

/// How long a service took from its first new pod to 100 %, by the phases it went through; `None` if it did not get there.
fn took(phases: &[(String, Dur)], policy: &PolicySpec) -> Option<Dur> {
    let counts = |word: &str| {
        matches!(word, "deploying" | "warming" | "shifting") || (policy.soak_in_window && word == "soaking")
    };
    let went_back = phases.iter().any(|(word, _)| word == "rolling back");
    let there = phases.iter().any(|(word, _)| word == "soaking");
    let sum = phases.iter().filter(|(word, _)| counts(word)).fold(Dur::ZERO, |sum, (_, spent)| sum + *spent);
    (there && !went_back).then_some(sum)
}

/// The time that nine of ten did not exceed (nearest rank), of sorted times; `None` while there are too few.
fn p90(sorted: &[Dur]) -> Option<Dur> {
    let rank = (sorted.len() * 9).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied().filter(|_| sorted.len() >= ENOUGH_RUNS)
}

/// The tenants of a run's files, beside the run: in no plan and no journal. [`crate::calendar::Book`] says of each of them
/// what it is allowed, and what closes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    pub calendar: Calendar,
    pub ics: Vec<IcsFile>,
    pub tenants: Vec<Tenant>,
    /// Services of the upgrade, and how tenants share each.
    pub services: BTreeMap<String, Tenancy>,
}

impl Roster {
    /// `None` where no tenants are listed. Without a Calendar they go by one with nothing in it.
    pub fn of(loaded: &Loaded, bundle: &Bundle) -> Option<Roster> {
        let lists = loaded.tenants_of(&bundle.upgrade.spec);
        let tenants: Vec<Tenant> = lists.flat_map(|list| list.spec.tenants.iter().cloned()).collect();
        if tenants.is_empty() {
            return None;
        }
        let none = || Calendar { name: String::new(), spec: Default::default() };
        let in_run = |name: &String| bundle.upgrade.spec.to.contains_key(name);
        let services = bundle.fleet.spec.services.iter().filter(|s| in_run(&s.name));
        Some(Roster {
            calendar: bundle.calendar.clone().unwrap_or_else(none),
            ics: bundle.ics.clone(),
            tenants,
            services: services.map(|s| (s.name.clone(), s.tenancy.clone())).collect(),
        })
    }
}

impl Roster {
    /// The tenants that a plan moves one by one, for a run that is taken up without its files: without names and contacts,
    /// and of those that move at once each different wish once. `None` where all move at once.
    pub fn of_plan(plan: &Plan) -> Option<Roster> {
        let when = plan.when.as_ref()?;
        let mut tenants: Vec<Tenant> = Vec::new();
        for bound in
            plan.services.iter().filter_map(|p| p.phased.as_ref()).flat_map(|p| &p.moves).flat_map(|m| &m.binds)
        {
            if !tenants.iter().any(|t| t.id == bound.id) {
                tenants.push(bound.clone());
            }
        }
        let services = plan.services.iter().map(|p| (p.service.name.clone(), p.service.tenancy.clone())).collect();
        let roster = Roster { calendar: when.calendar.clone(), ics: when.ics.clone(), tenants, services };
        (!roster.tenants.is_empty()).then_some(roster)
    }
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;
