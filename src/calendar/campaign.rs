//! A campaign: every tenant once, cohort after cohort, each in a window it allows, and one at a time.
//!
//! A cohort begins when the last tenant of the one before is done and has baked; while one of that has no time, nobody
//! follows. Of its tenants as many are begun on a day as it allows, those whose windows opened first before others; tenants
//! that share a window follow each other in it, as many as fit. A campaign on its way decides likewise ([`super::turn`]).
use std::collections::{BTreeMap, BTreeSet};

use super::book::Groups;
use super::line::{Alike, Bounds, Others, Placed, place};
use super::meet::{cannot_meet, meet};
use super::window::{LOOK, View};
use super::zone::{ZoneClock, date};
use crate::spec::calendar::{Bind, CalendarSpec, Cohort};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// Tenants that are named where many are meant.
pub const NAMED: usize = 3;

/// What is planned: from when on, and how long one move takes.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub start: Time,
    /// Nothing begins later: what is looked for is within [`LOOK`] of the moment somebody asks, whatever goes before it.
    pub limit: Time,
    /// How long a window has to stay open for a move, with what is kept for a rollback.
    pub needs: Dur,
    /// How long one that goes well is on its way, before the next may begin.
    pub takes: Dur,
    /// Each cohort is told by one header, so that its tenants move at once.
    pub at_once: bool,
}

impl Ask {
    /// For moves from `start` on, each in its tenant's own window, by somebody who asks then.
    pub fn at(start: Time, needs: Dur, takes: Dur) -> Ask {
        Ask { start, limit: start + LOOK, needs, takes, at_once: false }
    }
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
    /// None while somebody of an earlier cohort has no time either.
    pub turn: Option<Time>,
    /// When its window would let it, if others were not in turn before it.
    pub fit: Option<Time>,
}

/// One cohort's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub tenants: usize,
    pub bake: Dur,
    pub per_day: Option<u32>,
    /// When its turn is; never while somebody of an earlier cohort has no time.
    pub turn: Option<Time>,
    /// First start, and when all of its tenants are done.
    pub starts: Option<Time>,
    pub done: Option<Time>,
    /// How many of them have no time, and positions of the first few.
    pub left: usize,
    pub first_left: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    pub parts: Vec<Part>,
    /// In order of their starts.
    pub moves: Vec<Move>,
    pub never: Vec<Never>,
    /// When all tenants are done; none when somebody has no time.
    pub done: Option<Time>,
    /// Why nobody of a cohort has any that moves at once.
    pub apart: Option<Apart>,
}

/// A cohort whose tenants must be upgraded at once and cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    pub cohort: String,
    /// Positions of a few tenants that have no time in common.
    pub tenants: Vec<u32>,
    /// From when on that was looked for.
    pub from: Time,
}

/// Who was begun on which day, by cohort: those that move at once under its name, the others by their ids. A cap is a day's of
/// all services of a run, and whoever moves in several of them on one day is one of that day.
#[derive(Debug, Default)]
pub struct Begun(BTreeMap<String, BTreeMap<Date, BTreeSet<String>>>);

impl Begun {
    pub(super) fn put(&mut self, cohort: &str, day: Date, name: &str) {
        let days = self.0.entry(cohort.into()).or_default();
        days.entry(day).or_default().insert(name.into());
    }

    /// What of it counts for moves of a cohort, each with its position.
    fn others<'n>(&self, cohort: &str, moves: impl Iterator<Item = (u32, &'n str)>) -> Option<Others> {
        let by_day = self.0.get(cohort)?;
        let mut days: BTreeMap<&str, BTreeSet<Date>> = BTreeMap::new();
        for (day, name) in by_day.iter().flat_map(|(day, names)| names.iter().map(|name| (*day, name))) {
            days.entry(name).or_default().insert(day);
        }
        let on = by_day.iter().map(|(day, names)| (*day, u32::try_from(names.len()).unwrap_or(u32::MAX)));
        let of = moves.filter_map(|(position, name)| Some((position, days.get(name)?.clone())));
        Some(Others { on: on.collect(), days: of.collect() })
    }
}

/// Plans all tenants; `groups` are theirs by a book of this calendar.
pub fn plan(calendar: &CalendarSpec, tenants: &[&Tenant], groups: &Groups, ask: Ask) -> Campaign {
    plan_beside(calendar, tenants, groups, ask, &mut Begun::default())
}

/// The same of one service of several: `begun` are those of the others that are planned already, and these are put to them.
pub fn plan_beside(
    calendar: &CalendarSpec,
    tenants: &[&Tenant],
    groups: &Groups,
    ask: Ask,
    begun: &mut Begun,
) -> Campaign {
    let mut by_cohort = by_cohort(tenants);
    let mut campaign = Campaign { parts: Vec::new(), moves: Vec::new(), never: Vec::new(), done: None, apart: None };
    let days = ZoneClock::around(calendar.zone, ask.start, ask.limit);
    let (mut turn, mut baked) = (Some(ask.start), None);
    for (number, cohort) in calendar.cohorts.iter().enumerate() {
        let members = by_cohort.remove(cohort.name.as_str()).unwrap_or_default();
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let mut stage = Stage::new((cohort, number), tenants, groups, &days, ask);
        (stage.turn, stage.baked) = (turn.unwrap_or(ask.start), baked);
        let own = cohort.bind == Bind::Own && !ask.at_once;
        let names = members.iter().map(|tenant| (*tenant, stage.name(*tenant)));
        stage.others = match own {
            true => begun.others(&cohort.name, names),
            false => begun.others(&cohort.name, std::iter::once((0, cohort.name.as_str()))),
        };
        match (turn, own) {
            (None, _) => stage.leave(&members, None, None),
            (Some(_), true) => stage.each(&members),
            (Some(_), false) => stage.together(&members),
        }
        for m in stage.moves.iter().filter(|_| cohort.per_day.is_some()) {
            let name = if own { stage.name(m.tenant) } else { &cohort.name };
            begun.put(&cohort.name, date(days.wall(m.start)), name);
        }
        let starts = stage.moves.iter().map(|m| m.start).min();
        let done = stage.moves.iter().map(|m| m.start + ask.takes).max().filter(|_| stage.never.is_empty());
        campaign.parts.push(Part {
            name: cohort.name.clone(),
            tenants: members.len(),
            bake: cohort.bake,
            per_day: cohort.per_day,
            turn,
            starts,
            done,
            left: stage.never.len(),
            first_left: stage.never.iter().map(|n| n.tenant).take(NAMED).collect(),
        });
        // A cohort of nobody has nothing to bake.
        if let Some(done) = done {
            turn = Some(done + cohort.bake);
            baked = turn;
        } else if !members.is_empty() {
            turn = None;
        }
        campaign.done = campaign.done.max(done);
        campaign.moves.append(&mut stage.moves);
        campaign.never.append(&mut stage.never);
        campaign.apart = campaign.apart.or(stage.apart);
    }
    campaign.done = campaign.done.filter(|_| campaign.never.is_empty());
    campaign.moves.sort_unstable_by_key(|m| (m.start, m.tenant));
    campaign
}

/// Positions of the tenants of each cohort.
fn by_cohort<'t>(tenants: &[&'t Tenant]) -> BTreeMap<&'t str, Vec<u32>> {
    let mut by_cohort: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (i, tenant) in tenants.iter().enumerate() {
        by_cohort.entry(&*tenant.cohort).or_default().push(u32::try_from(i).unwrap_or(u32::MAX));
    }
    by_cohort
}

/// Cohorts with `bind: intersection` whose windows have nothing in common from the moment of the question on, whenever
/// their turn may be.
pub fn apart(calendar: &CalendarSpec, tenants: &[&Tenant], groups: &Groups, ask: Ask) -> Vec<Apart> {
    let mut by_cohort = by_cohort(tenants);
    let days = ZoneClock::around(calendar.zone, ask.start, ask.start);
    let bound = calendar.cohorts.iter().filter(|c| c.bind == Bind::Intersection);
    let each = bound.filter_map(|cohort| {
        let members = by_cohort.remove(cohort.name.as_str())?;
        Stage::new((cohort, 0), tenants, groups, &days, ask).apart_of(&members)
    });
    each.collect()
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
    /// When the cohort before it has baked; none before the first.
    baked: Option<Time>,
    /// What other services begin of it.
    others: Option<Others>,
    moves: Vec<Move>,
    never: Vec<Never>,
    apart: Option<Apart>,
}

impl<'p> Stage<'p> {
    fn new(
        (cohort, number): (&'p Cohort, u16),
        tenants: &'p [&'p Tenant],
        groups: &'p Groups,
        days: &'p ZoneClock,
        ask: Ask,
    ) -> Stage<'p> {
        let (moves, never, others) = (Vec::new(), Vec::new(), None);
        let (turn, baked, apart) = (ask.start, None, None);
        Stage { cohort, number, tenants, groups, days, ask, turn, baked, others, moves, never, apart }
    }

    fn view(&self, group: u32) -> View<'p> {
        self.groups.view(usize::try_from(group).unwrap_or(0))
    }

    fn group(&self, tenant: u32) -> u32 {
        usize::try_from(tenant).ok().and_then(|t| self.groups.of.get(t)).copied().unwrap_or(0)
    }

    fn name(&self, tenant: u32) -> &'p str {
        usize::try_from(tenant).ok().and_then(|t| self.tenants.get(t)).map_or("", |t| &*t.id)
    }

    /// When a tenant's preferred date begins in its zone.
    fn preferred(&self, tenant: u32) -> Option<Time> {
        let day = usize::try_from(tenant).ok().and_then(|t| self.tenants.get(t)).and_then(|t| t.preferred_date)?;
        let clock = self.view(self.group(tenant)).clock;
        Some(Time(clock.first_at(i64::from(day.0) * DAY)))
    }

    fn bounds(&self) -> Bounds<'_> {
        let Ask { limit, needs, takes, .. } = self.ask;
        Bounds { needs, takes, per_day: self.cohort.per_day, days: self.days, others: self.others.as_ref(), limit }
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
                (key, Alike { views, not_before: self.baked.max(key.1), preferred: key.1, moves })
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
        for ((same, (_, preferred)), begun) in all.iter().zip(&keys).zip(begun) {
            let (left, turn) = (&same.moves[begun..], turn(*preferred));
            let fits = || all_fit(&same.views, turn, self.ask);
            let fit = if left.is_empty() { None } else { fits() };
            self.leave(left, Some(turn), fit);
        }
    }

    /// No time was found for these, or their turn never comes.
    fn leave(&mut self, tenants: &[u32], turn: Option<Time>, fit: Option<Time>) {
        let cohort = self.number;
        let of = |tenant: &u32| Never { tenant: *tenant, group: self.group(*tenant), cohort, turn, fit };
        let never: Vec<Never> = tenants.iter().map(of).collect();
        self.never.extend(never);
    }

    /// When all of these may be asked together, and their windows, each different one once with the first of its tenants.
    fn joint(&self, members: &[u32]) -> (Time, Vec<View<'p>>, Vec<u32>) {
        let preferred = members.iter().filter_map(|t| self.preferred(*t)).max();
        let mut of_group: BTreeMap<u32, u32> = BTreeMap::new();
        for tenant in members {
            of_group.entry(self.group(*tenant)).or_insert(*tenant);
        }
        let views = of_group.keys().map(|group| self.view(*group)).collect();
        (preferred.map_or(self.turn, |at| at.max(self.turn)), views, of_group.into_values().collect())
    }

    /// A few of these that have no time in common until the limit; nothing when all of them have, or are not asked by then.
    fn apart_of(&self, members: &[u32]) -> Option<Apart> {
        let (from, views, first) = self.joint(members);
        let Ask { limit, needs, .. } = self.ask;
        if from > limit || all_fit(&views, from, self.ask).is_some() {
            return None;
        }
        let few = cannot_meet(&views, (from, limit), needs);
        let tenants = few.into_iter().filter_map(|i| first.get(i).copied()).collect();
        Some(Apart { cohort: self.cohort.name.clone(), tenants, from })
    }

    /// All tenants at once.
    fn together(&mut self, members: &[u32]) {
        if members.is_empty() {
            return;
        }
        let (turn, views, _) = self.joint(members);
        let preferred = (turn > self.turn).then_some(turn);
        let all = [Alike { views, not_before: self.baked.max(preferred), preferred, moves: vec![0] }];
        let Some(&Placed { fit, start, capped, .. }) = place(&all, self.turn, self.bounds()).first() else {
            self.apart = self.apart_of(members);
            return self.leave(members, Some(turn), None);
        };
        let cohort = self.number;
        let of = |tenant: &u32| Move { tenant: *tenant, group: self.group(*tenant), cohort, turn, fit, start, capped };
        let moves: Vec<Move> = members.iter().map(of).collect();
        self.moves.extend(moves);
    }
}

/// When all of these can begin at once.
fn all_fit(views: &[View<'_>], from: Time, ask: Ask) -> Option<Time> {
    meet(views, from.min(ask.limit), ask.needs).filter(|at| from <= *at && *at <= ask.limit)
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
