//! A campaign: every tenant once, cohort after cohort, each in a window it allows, and one at a time.
//!
//! A cohort begins when the last tenant of the one before is done and has baked. Of its tenants as many are begun on a
//! day as it allows, those whose windows opened first before others; tenants that share a window follow each other in it,
//! as many as fit. A campaign on its way decides likewise ([`super::turn`]).
use std::collections::BTreeMap;

use super::book::{Book, Groups};
use super::line::{Alike, Bounds, Placed, place};
use super::meet::{cannot_meet, meet};
use super::window::{LOOK, View};
use super::zone::ZoneClock;
use crate::spec::calendar::{Bind, Cohort};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};
use crate::spec::when::DAY;

/// What is planned: from when on, and how long one move takes.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub start: Time,
    /// How long a window has to stay open for a move, with what is kept for a rollback.
    pub needs: Dur,
    /// How long one that goes well is on its way, before the next may begin.
    pub takes: Dur,
    /// Each cohort is told by one header, so that its tenants move at once.
    pub at_once: bool,
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
    /// As many as a day allows were begun on that of the first fit.
    pub capped: bool,
}

/// A tenant for which no time was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Never {
    pub tenant: u32,
    pub group: u32,
    pub cohort: u16,
    pub turn: Time,
    /// When its window would let it, if others were not in turn before it for all of the time that is looked ahead.
    pub fit: Option<Time>,
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
    let (mut turn, mut baked) = (ask.start, None);
    for (number, cohort) in book.calendar.cohorts.iter().enumerate() {
        let members = by_cohort.remove(cohort.name.as_str()).unwrap_or_default();
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let mut stage = Stage {
            cohort,
            number,
            tenants,
            groups,
            days: &days,
            ask,
            turn,
            baked,
            moves: Vec::new(),
            never: Vec::new(),
        };
        match (cohort.bind, ask.at_once) {
            (Bind::Own, false) => stage.each(&members),
            _ => stage.together(&members)?,
        }
        let starts = stage.moves.iter().map(|m| m.start).min();
        let done = stage.moves.iter().map(|m| m.start + ask.takes).max();
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
        if let Some(done) = done {
            turn = done + cohort.bake;
            baked = Some(turn);
        }
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
    /// When the cohort before it has baked; none before the first. That nobody was asked before the campaign began is no
    /// order among those whose windows were open by then.
    baked: Option<Time>,
    moves: Vec<Move>,
    never: Vec<Never>,
}

impl<'p> Stage<'p> {
    fn view(&self, group: u32) -> View<'p> {
        self.groups.view(usize::try_from(group).unwrap_or(0))
    }

    fn group(&self, tenant: u32) -> u32 {
        usize::try_from(tenant).ok().and_then(|t| self.groups.of.get(t)).copied().unwrap_or(0)
    }

    /// When a tenant's preferred date begins in its zone.
    fn preferred(&self, tenant: u32) -> Option<Time> {
        let day = usize::try_from(tenant).ok().and_then(|t| self.tenants.get(t)).and_then(|t| t.preferred_date)?;
        let clock = self.view(self.group(tenant)).clock;
        Some(Time(clock.first_at(i64::from(day.0) * DAY)))
    }

    fn bounds(&self) -> Bounds<'p> {
        let Ask { start, needs, takes, .. } = self.ask;
        Bounds { needs, takes, per_day: self.cohort.per_day, days: self.days, limit: start + LOOK }
    }

    /// Each tenant by itself.
    fn each(&mut self, members: &[u32]) {
        let mut sorted: BTreeMap<(u32, Option<Time>), Vec<u32>> = BTreeMap::new();
        for tenant in members {
            sorted.entry((self.group(*tenant), self.preferred(*tenant))).or_default().push(*tenant);
        }
        let (keys, all): (Vec<_>, Vec<Alike<'_>>) = sorted
            .into_iter()
            .map(|(key, moves)| {
                let views = vec![self.view(key.0)];
                (key, Alike { views, not_before: self.baked.max(key.1), moves })
            })
            .unzip();
        let cohort_turn = self.turn;
        let turn = |preferred: Option<Time>| preferred.map_or(cohort_turn, |at| at.max(cohort_turn));
        let placed = place(&all, self.turn, self.bounds());
        let mut begun = vec![0; all.len()];
        for Placed { alike, position: tenant, fit, start, capped } in placed {
            let (group, preferred) = keys[alike];
            let cohort = self.number;
            self.moves.push(Move { tenant, group, cohort, turn: turn(preferred), fit, start, capped });
            begun[alike] += 1;
        }
        for ((same, (group, preferred)), begun) in all.iter().zip(&keys).zip(begun) {
            let (left, turn) = (same.moves[begun..].iter().copied(), turn(*preferred));
            self.leave(left.map(|tenant| (tenant, *group)), turn);
        }
    }

    /// No time was found for these.
    fn leave(&mut self, tenants: impl Iterator<Item = (u32, u32)>, turn: Time) {
        let (cohort, limit) = (self.number, self.ask.start + LOOK);
        let mut tenants = tenants.peekable();
        let Some((_, group)) = tenants.peek().copied() else { return };
        let fit = (turn <= limit).then(|| self.view(group).earliest_fit(turn, self.ask.needs)).flatten();
        let fit = fit.filter(|fit| *fit <= limit);
        self.never.extend(tenants.map(|(tenant, group)| Never { tenant, group, cohort, turn, fit }));
    }

    /// All tenants at once.
    fn together(&mut self, members: &[u32]) -> Result<(), Apart> {
        if members.is_empty() {
            return Ok(());
        }
        let preferred = members.iter().filter_map(|t| self.preferred(*t)).max();
        let turn = preferred.map_or(self.turn, |at| at.max(self.turn));
        let mut of_group: BTreeMap<u32, u32> = BTreeMap::new();
        for tenant in members {
            of_group.entry(self.group(*tenant)).or_insert(*tenant);
        }
        let views: Vec<View<'_>> = of_group.keys().map(|group| self.view(*group)).collect();
        if self.cohort.bind == Bind::Intersection && meet(&views, turn, self.ask.needs).is_none() {
            let apart = cannot_meet(&views, turn, self.ask.needs);
            let first: Vec<u32> = of_group.into_values().collect();
            let tenants = apart.into_iter().filter_map(|i| first.get(i).copied()).collect();
            return Err(Apart { cohort: self.cohort.name.clone(), tenants, turn });
        }
        let all = [Alike { views, not_before: self.baked.max(preferred), moves: vec![0] }];
        let both: Vec<(u32, u32)> = members.iter().map(|tenant| (*tenant, self.group(*tenant))).collect();
        match place(&all, self.turn, self.bounds()).first() {
            None => self.leave(both.into_iter(), turn),
            Some(&Placed { fit, start, capped, .. }) => {
                let cohort = self.number;
                let of = |(tenant, group)| Move { tenant, group, cohort, turn, fit, start, capped };
                self.moves.extend(both.into_iter().map(of));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
