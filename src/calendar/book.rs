//! A Calendar at one instant: what it allows each tenant.
//!
//! Tenants that say the same share one set of rules, so that a hundred thousand of them cost what their different wishes
//! cost.
use std::collections::BTreeMap;

use super::recur;
use super::why::{Closure, Extent, Rule};
use super::window::{LOOK, Rules, Season, Weekly};
use super::zone::ZoneClock;
use crate::spec::calendar::{CalendarSpec, Closing, Cohort, Slot};
use crate::spec::ics::{IcsFile, is_file};
use crate::spec::tenants::{Hemisphere, Tenant, Window};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Dates, Zone};

/// What one tenant, or many alike, may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub zone: Zone,
    pub rules: Rules,
    /// Freezes and blackouts with their names; their dates and stretches are in `rules`, too.
    pub closures: Vec<Closure>,
    /// Dates that are excluded besides, by itself or by its cohort; they are in `rules`, too.
    pub own: Vec<Dates>,
}

/// A closing with whom it binds.
struct Shut {
    closures: Vec<Closure>,
    cohorts: Vec<String>,
    regions: Vec<String>,
    tenants: Vec<String>,
    services: Vec<String>,
    /// Made of a holiday, which a slot may ignore.
    holiday: bool,
}

impl Shut {
    fn binds(&self, tenant: &Tenant) -> bool {
        let listed =
            |list: &[String], name: Option<&str>| list.is_empty() || name.is_some_and(|n| list.iter().any(|l| l == n));
        // Who does not say what it uses may use all of it.
        let uses = || self.services.is_empty() || tenant.services.is_empty();
        listed(&self.cohorts, Some(&tenant.cohort))
            && listed(&self.regions, tenant.region.as_deref())
            && listed(&self.tenants, Some(&tenant.id))
            && (uses() || tenant.services.iter().any(|s| self.services.iter().any(|l| **l == **s)))
    }
}

/// A Calendar made ready for questions about one instant.
pub struct Book<'a> {
    pub calendar: &'a CalendarSpec,
    shut: Vec<Shut>,
    /// Windows, exclusions and seasons of a cohort, by its name.
    cohorts: BTreeMap<&'a str, &'a Cohort>,
}

/// Everything that makes a tenant's rules: those with an equal one share them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish<'t> {
    zone: Zone,
    cohort: &'t str,
    hemisphere: Hemisphere,
    windows: &'t [Window],
    exclude: &'t [Dates],
    seasons: &'t [Box<str>],
    /// Closings that bind it.
    shut: Vec<u16>,
}

/// Tenants by what they are allowed.
pub struct Groups {
    pub allowed: Vec<Allowed>,
    /// For each tenant, in order, which of them.
    pub of: Vec<u32>,
    /// The clock of each of them, shared by zone.
    clocks: Vec<ZoneClock>,
    clock_of: Vec<u32>,
}

impl Groups {
    /// Clock and rules of a group.
    pub fn view(&self, group: usize) -> super::View<'_> {
        let clock = usize::try_from(self.clock_of[group]).unwrap_or(0);
        super::View { clock: &self.clocks[clock], rules: &self.allowed[group].rules }
    }
}

impl<'a> Book<'a> {
    /// `ics`: the files that were given. One that no closing names is a blackout for everybody.
    pub fn new(calendar: &'a CalendarSpec, ics: &[IcsFile], now: Time) -> Book<'a> {
        let mut shut: Vec<Shut> = Vec::new();
        let closings = [(Rule::Freeze, &calendar.freezes), (Rule::Blackout, &calendar.blackouts)];
        for (rule, closing) in closings.into_iter().flat_map(|(rule, list)| list.iter().map(move |c| (rule, c))) {
            let closures = closures(rule, closing, ics, now);
            let (cohorts, regions) = (closing.cohorts.clone(), closing.regions.clone());
            let (tenants, services) = (closing.tenants.clone(), closing.services.clone());
            shut.push(Shut { closures, cohorts, regions, tenants, services, holiday: false });
        }
        let everybody = |closures| Shut {
            closures,
            cohorts: Vec::new(),
            regions: Vec::new(),
            tenants: Vec::new(),
            services: Vec::new(),
            holiday: false,
        };
        for holiday in &calendar.holidays {
            let closure =
                Closure { rule: Rule::Blackout, name: holiday.name.clone(), extent: Extent::Local(holiday.dates) };
            shut.push(Shut { regions: holiday.regions.clone(), holiday: true, ..everybody(vec![closure]) });
        }
        let named = |file: &IcsFile| {
            let closings = calendar.freezes.iter().chain(&calendar.blackouts);
            closings.filter_map(|c| c.ics.as_deref()).any(|name| is_file(&file.name, name))
        };
        for file in ics.iter().filter(|f| !named(f)) {
            shut.push(everybody(events(Rule::Blackout, None, file, now)));
        }
        let cohorts = calendar.cohorts.iter().map(|c| (c.name.as_str(), c)).collect();
        Book { calendar, shut, cohorts }
    }

    /// What a tenant is allowed.
    pub fn allowed(&self, tenant: &Tenant) -> Allowed {
        self.of_wish(&self.wish(tenant))
    }

    /// What each tenant is allowed, each different answer once.
    pub fn groups<'t>(&self, tenants: impl Iterator<Item = &'t Tenant>, now: Time) -> Groups {
        let mut known: BTreeMap<Wish<'t>, u32> = BTreeMap::new();
        let mut of = Vec::new();
        for tenant in tenants {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            of.push(*known.entry(self.wish(tenant)).or_insert(next));
        }
        let mut wishes: Vec<(Wish<'t>, u32)> = known.into_iter().collect();
        wishes.sort_unstable_by_key(|(_, number)| *number);
        let allowed: Vec<Allowed> = wishes.iter().map(|(wish, _)| self.of_wish(wish)).collect();
        let mut zones: BTreeMap<Zone, u32> = BTreeMap::new();
        let mut clocks = Vec::new();
        let clock_of = allowed.iter().map(|a| {
            *zones.entry(a.zone).or_insert_with(|| {
                clocks.push(super::clock(a.zone, now));
                u32::try_from(clocks.len() - 1).unwrap_or(u32::MAX)
            })
        });
        let clock_of = clock_of.collect();
        Groups { allowed, of, clocks, clock_of }
    }

    fn wish<'t>(&self, tenant: &'t Tenant) -> Wish<'t> {
        let binding = self.shut.iter().enumerate().filter(|(_, shut)| shut.binds(tenant));
        Wish {
            zone: tenant.zone,
            cohort: &tenant.cohort,
            hemisphere: tenant.hemisphere,
            windows: &tenant.windows,
            exclude: &tenant.exclude,
            seasons: &tenant.seasons,
            shut: binding.map(|(i, _)| u16::try_from(i).unwrap_or(u16::MAX)).collect(),
        }
    }

    fn of_wish(&self, wish: &Wish<'_>) -> Allowed {
        let cohort = self.cohorts.get(wish.cohort);
        let own = |list: &[Window]| list.iter().map(|w| Weekly { days: w.days, start: w.start, end: w.end }).collect();
        let windows: Vec<Weekly> = match (wish.windows, cohort.map(|c| c.windows.as_slice())) {
            ([], None | Some([])) => own(&[Window::default()]),
            ([], Some(theirs)) => own(theirs),
            (theirs, _) => own(theirs),
        };
        let named = wish.seasons.iter().map(|s| &**s);
        let named = named.chain(cohort.into_iter().flat_map(|c| c.seasons.iter().map(String::as_str)));
        let seasons = self.seasons(named, wish.hemisphere);
        let mut excluded: Vec<Dates> = wish.exclude.to_vec();
        excluded.extend(cohort.into_iter().flat_map(|c| c.exclude.iter().copied()));
        let mut closures = Vec::new();
        for shut in wish.shut.iter().filter_map(|i| self.shut.get(usize::from(*i))) {
            closures.extend(shut.closures.iter().cloned());
        }
        self.allow(wish.zone, windows, excluded, seasons, closures)
    }

    /// When something may be deployed in one of the calendar's slots.
    pub fn slot(&self, slot: &Slot) -> Allowed {
        self.slot_for(slot, &|_| true)
    }

    /// The same for some services only: what is closed for others alone does not bind.
    pub(super) fn slot_for(&self, slot: &Slot, deployed: &dyn Fn(&str) -> bool) -> Allowed {
        let windows = vec![Weekly { days: slot.days, start: slot.start, end: slot.end }];
        let seasons = self.seasons(slot.seasons.iter().map(String::as_str), slot.hemisphere);
        // What binds only some tenants does not bind what all of them share; a freeze of some does.
        let of_all = |shut: &&Shut| shut.cohorts.is_empty() && shut.tenants.is_empty() && shut.regions.is_empty();
        let ours = |shut: &&Shut| shut.services.is_empty() || shut.services.iter().any(|s| deployed(s));
        let closures = self.shut.iter().filter(|s| !s.holiday).filter(ours);
        let closures = closures.filter(|s| of_all(s) || s.closures.iter().any(|c| c.rule == Rule::Freeze));
        let mut closures: Vec<Closure> = closures.flat_map(|s| s.closures.iter().cloned()).collect();
        let holidays = self.calendar.holidays.iter().filter(|_| slot.not_on_holidays);
        closures.extend(holidays.map(|h| Closure {
            rule: Rule::Blackout,
            name: h.name.clone(),
            extent: Extent::Local(h.dates),
        }));
        self.allow(slot.zone, windows, slot.exclude.clone(), seasons, closures)
    }

    fn seasons<'n>(&self, names: impl Iterator<Item = &'n str>, hemisphere: Hemisphere) -> Vec<Season> {
        let mut found: Vec<Season> = Vec::new();
        for season in names.filter_map(|name| self.calendar.seasons.iter().find(|s| s.name == name)) {
            let months = match hemisphere {
                Hemisphere::North => season.months,
                Hemisphere::South => season.months.opposite(),
            };
            let season = Season { months, days: season.days };
            if !found.contains(&season) {
                found.push(season);
            }
        }
        found
    }

    fn allow(
        &self,
        zone: Zone,
        windows: Vec<Weekly>,
        mut excluded: Vec<Dates>,
        seasons: Vec<Season>,
        closures: Vec<Closure>,
    ) -> Allowed {
        let (mut closed, own) = (Vec::new(), excluded.clone());
        for closure in &closures {
            match closure.extent {
                Extent::Local(dates) => excluded.push(dates),
                Extent::Between(from, to) => closed.push((from, to)),
            }
        }
        Allowed { zone, rules: Rules { windows, excluded, seasons, closed }.tidy(), closures, own }
    }
}

/// The closures of one closing.
fn closures(rule: Rule, closing: &Closing, ics: &[IcsFile], now: Time) -> Vec<Closure> {
    let of = |extent| Closure { rule, name: closing.name.clone(), extent };
    match (closing.from, closing.to, closing.dates, &closing.ics) {
        (Some(from), Some(to), ..) => vec![of(Extent::Between(from.0, to.0))],
        (_, _, Some(dates), _) => match closing.zone {
            None => vec![of(Extent::Local(dates))],
            Some(zone) => {
                let clock = ZoneClock::around(zone, now, now);
                clock.stretches(dates).into_iter().map(|(from, to)| of(Extent::Between(from, to))).collect()
            }
        },
        (.., Some(name)) => {
            let files = ics.iter().filter(|f| is_file(&f.name, name));
            files.flat_map(|file| events(rule, Some(&closing.name), file, now)).collect()
        }
        _ => Vec::new(),
    }
}

/// The occurrences of a file's events wherever a question asked now may lead.
fn events(rule: Rule, name: Option<&str>, file: &IcsFile, now: Time) -> Vec<Closure> {
    let margin = Dur::hours(24 * 5);
    let (from, to) = (now - LOOK - margin, now + LOOK + LOOK + margin);
    let of = |event: &crate::spec::ics::Event| -> Vec<Closure> {
        let name = name.map_or_else(|| event.name.clone(), |n| format!("{n}: {}", event.name));
        let found = recur::occurrences(event, from, to).into_iter();
        found.map(|extent| Closure { rule, name: name.clone(), extent }).collect()
    };
    file.events.iter().flat_map(of).collect()
}
