//! A campaign: every tenant once, cohort after cohort, each in a window it allows.
//!
//! A cohort begins when the last tenant of the one before is done and has baked. Of its tenants as many are begun on a
//! day as it allows, those whose windows open first; tenants that share a window are spread over it.
use std::collections::{BTreeMap, BTreeSet};

use super::book::{Book, Groups};
use super::meet::{cannot_meet, meet};
use super::window::{LOOK, View};
use super::zone::{ZoneClock, date};
use crate::spec::calendar::{Bind, Cohort};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// What is planned: from when on, and how long one tenant takes.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub start: Time,
    pub needs: Dur,
}

/// A tenant's place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Position in the list of tenants, and of its group.
    pub tenant: u32,
    pub group: u32,
    /// Position of its cohort.
    pub cohort: u16,
    /// From when on its turn is: the cohort's, or its preferred date.
    pub turn: Time,
    /// The first fit from then on.
    pub fit: Time,
    pub start: Time,
}

/// A tenant for which no time was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Never {
    pub tenant: u32,
    pub group: u32,
    pub cohort: u16,
    pub turn: Time,
}

/// One cohort's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub tenants: usize,
    pub bake: Dur,
    pub per_day: Option<u32>,
    /// When its turn is.
    pub turn: Time,
    /// First start, and when its last tenant is done.
    pub starts: Option<Time>,
    pub done: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    pub parts: Vec<Part>,
    /// In order of their starts.
    pub moves: Vec<Move>,
    pub never: Vec<Never>,
    /// When the last tenant is done.
    pub done: Option<Time>,
}

/// A cohort whose tenants must be upgraded at once and cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    pub cohort: String,
    /// Positions of a few tenants that have no time in common.
    pub tenants: Vec<u32>,
    pub turn: Time,
}

/// Plans all tenants; `groups` are theirs by `book`.
///
/// # Errors
/// A cohort with `bind: intersection` whose windows have nothing in common within [`LOOK`].
pub fn plan(book: &Book<'_>, tenants: &[&Tenant], groups: &Groups, ask: Ask) -> Result<Campaign, Apart> {
    let mut by_cohort: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (i, tenant) in tenants.iter().enumerate() {
        by_cohort.entry(&*tenant.cohort).or_default().push(u32::try_from(i).unwrap_or(u32::MAX));
    }
    let mut campaign = Campaign { parts: Vec::new(), moves: Vec::new(), never: Vec::new(), done: None };
    let days = ZoneClock::around(book.calendar.zone, ask.start, ask.start + LOOK);
    let mut turn = ask.start;
    for (number, cohort) in book.calendar.cohorts.iter().enumerate() {
        let members = by_cohort.remove(cohort.name.as_str()).unwrap_or_default();
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let mut stage =
            Stage { cohort, number, tenants, groups, days: &days, ask, turn, moves: Vec::new(), never: Vec::new() };
        match cohort.bind {
            Bind::Own => stage.own(&members),
            Bind::Intersection => stage.together(&members)?,
        }
        let starts = stage.moves.iter().map(|m| m.start).min();
        let done = stage.moves.iter().map(|m| m.start + ask.needs).max();
        campaign.parts.push(Part {
            name: cohort.name.clone(),
            tenants: members.len(),
            bake: cohort.bake,
            per_day: cohort.per_day,
            turn,
            starts,
            done,
        });
        // A cohort of nobody has nothing to bake.
        turn = done.map_or(turn, |done| done + cohort.bake);
        campaign.done = campaign.done.max(done);
        campaign.moves.append(&mut stage.moves);
        campaign.never.append(&mut stage.never);
    }
    campaign.moves.sort_unstable_by_key(|m| (m.start, m.tenant));
    Ok(campaign)
}

/// One cohort while it is planned.
struct Stage<'p> {
    cohort: &'p Cohort,
    number: u16,
    tenants: &'p [&'p Tenant],
    groups: &'p Groups,
    /// The clock by which days are counted.
    days: &'p ZoneClock,
    ask: Ask,
    turn: Time,
    moves: Vec<Move>,
    never: Vec<Never>,
}

/// Tenants that are the same to the plan.
struct Alike {
    group: u32,
    turn: Time,
    fit: Time,
    /// Those that have no start yet, the next one last.
    left: Vec<u32>,
}

impl Stage<'_> {
    fn view(&self, group: u32) -> View<'_> {
        self.groups.view(usize::try_from(group).unwrap_or(0))
    }

    fn group(&self, tenant: u32) -> u32 {
        usize::try_from(tenant).ok().and_then(|t| self.groups.of.get(t)).copied().unwrap_or(0)
    }

    /// When a tenant's turn is: the cohort's, but not before its preferred date begins in its zone.
    fn turn_of(&self, tenant: u32) -> Time {
        let preferred = usize::try_from(tenant).ok().and_then(|t| self.tenants.get(t)).and_then(|t| t.preferred_date);
        match preferred {
            Some(day) => {
                let clock = self.view(self.group(tenant)).clock;
                self.turn.max(Time(clock.first_at(i64::from(day.0) * DAY)))
            }
            None => self.turn,
        }
    }

    /// The first fit from an instant on, if it is within reach of the whole campaign.
    fn fit(&self, group: u32, from: Time) -> Option<Time> {
        let limit = self.ask.start + LOOK;
        if from > limit {
            return None;
        }
        self.view(group).earliest_fit(from, self.ask.needs).filter(|fit| *fit <= limit)
    }

    fn alike(&mut self, members: &[u32]) -> Vec<Alike> {
        let mut sorted: BTreeMap<(u32, Time), Vec<u32>> = BTreeMap::new();
        // In the end they are taken from behind.
        for tenant in members.iter().rev() {
            sorted.entry((self.group(*tenant), self.turn_of(*tenant))).or_default().push(*tenant);
        }
        let mut found = Vec::new();
        for ((group, turn), left) in sorted {
            match self.fit(group, turn) {
                Some(fit) => found.push(Alike { group, turn, fit, left }),
                None => self.leave(group, turn, left),
            }
        }
        found
    }

    fn leave(&mut self, group: u32, turn: Time, tenants: Vec<u32>) {
        let cohort = self.number;
        self.never.extend(tenants.into_iter().map(|tenant| Never { tenant, group, cohort, turn }));
    }

    /// Each tenant in its own window.
    fn own(&mut self, members: &[u32]) {
        let mut alike = self.alike(members);
        let mut queue: BTreeSet<_> = alike.iter().enumerate().map(|(i, a)| (self.place(a, a.fit), i)).collect();
        let mut used: BTreeMap<Date, usize> = BTreeMap::new();
        let cap = self.cohort.per_day.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        while let Some(((at, ..), next)) = queue.pop_first() {
            let same = &mut alike[next];
            let day = date(self.days.wall(at));
            let begun = used.entry(day).or_default();
            let room = cap.saturating_sub(*begun).min(same.left.len());
            *begun += room;
            let tomorrow = Time(self.days.first_at(i64::from(day.0 + 1) * DAY));
            let batch = same.left.split_off(same.left.len() - room);
            let last = self.last_start(same.group, at);
            let last = if self.cohort.per_day.is_some() { last.min(Time(tomorrow.0 - 1)) } else { last };
            for (i, tenant) in batch.iter().rev().enumerate() {
                let start = spread(at, last, i, room);
                let (group, turn, fit) = (same.group, same.turn, same.fit);
                self.moves.push(Move { tenant: *tenant, group, cohort: self.number, turn, fit, start });
            }
            if !same.left.is_empty() {
                match self.fit(same.group, tomorrow) {
                    Some(fit) => drop(queue.insert((self.place(same, fit), next))),
                    None => {
                        let (group, turn, left) = (same.group, same.turn, std::mem::take(&mut same.left));
                        self.leave(group, turn, left);
                    }
                }
            }
        }
    }

    /// Who goes first of those that can be begun: at the same time those whose window opened first, then as the files list
    /// them. A campaign on its way decides likewise ([`super::turn`]).
    fn place(&self, alike: &Alike, fit: Time) -> (Time, Time, u32) {
        let opened = self.view(alike.group).current_start(fit).unwrap_or(fit);
        // That nobody asked before the campaign began is no order.
        let opened = if alike.turn > self.ask.start { opened.max(alike.turn) } else { opened };
        (fit, opened, alike.left.last().copied().unwrap_or(u32::MAX))
    }

    /// The last start in the interval that is open at `at`.
    fn last_start(&self, group: u32, at: Time) -> Time {
        let end = self.view(group).closes_after(at, at + LOOK);
        end.map_or(at, |end| (end - self.ask.needs).max(at))
    }

    /// All tenants at the same time.
    fn together(&mut self, members: &[u32]) -> Result<(), Apart> {
        let turn = members.iter().map(|t| self.turn_of(*t)).max().unwrap_or(self.turn);
        let mut of_group: BTreeMap<u32, u32> = BTreeMap::new();
        for tenant in members {
            of_group.entry(self.group(*tenant)).or_insert(*tenant);
        }
        let views: Vec<View<'_>> = of_group.keys().map(|group| self.view(*group)).collect();
        let Some(start) = meet(&views, turn, self.ask.needs) else {
            let apart = cannot_meet(&views, turn, self.ask.needs);
            let first: Vec<u32> = of_group.into_values().collect();
            let tenants = apart.into_iter().filter_map(|i| first.get(i).copied()).collect();
            return Err(Apart { cohort: self.cohort.name.clone(), tenants, turn });
        };
        let cohort = self.number;
        let all = members.iter().map(|tenant| (*tenant, self.group(*tenant)));
        let moves: Vec<Move> =
            all.map(|(tenant, group)| Move { tenant, group, cohort, turn, fit: start, start }).collect();
        self.moves.extend(moves);
        Ok(())
    }
}

/// The start of the `i`th of `n`, spread evenly from `first` to `last`, on whole minutes.
fn spread(first: Time, last: Time, i: usize, n: usize) -> Time {
    let part = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let room = u128::from(last.since(first).0);
    let off = room * u128::from(part(i)) / u128::from(part(n).max(1));
    let off = u64::try_from(off).unwrap_or(0);
    first + Dur(off - off % 60_000)
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
