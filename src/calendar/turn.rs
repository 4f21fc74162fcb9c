//! Whose turn is it? The next move of a campaign, and if there is none now: when, and why not earlier.
//!
//! The same rules by which [`super::campaign`] plans all tenants ahead, asked of a campaign on its way: who is done, who
//! went back and who is kept back is known, and one moves at a time.
use std::collections::{BTreeMap, BTreeSet};

use super::meet::meet;
use super::window::{LOOK, View};
use super::zone::{ZoneClock, date};
use crate::spec::calendar::Cohort;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// A tenant, or tenants that move at once.
pub struct Candidate<'a> {
    /// Position of its cohort in the Calendar.
    pub cohort: usize,
    /// The windows of all of them: each must be open.
    pub views: Vec<View<'a>>,
    /// It is not moved before; by the `preferredDate` of its file. Its cohort waits for it.
    pub preferred: Option<Time>,
    pub state: State,
    /// When it was begun in other services of the same run.
    pub elsewhere: Vec<Time>,
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its turn has not come.
    Waits,
    /// A person put it off until then, or until somebody lifts it; the others go on.
    PutOff(Option<Time>),
    /// It moved: begun, and confirmed.
    Done { begun: Time, at: Time },
    /// It went back, and is not tried again before a person says so.
    Back { begun: Time },
}

/// What is asked, and what binds the whole campaign.
pub struct Ask<'a> {
    pub now: Time,
    /// How long one move takes, with the reserve for a rollback.
    pub needs: Dur,
    pub cohorts: &'a [Cohort],
    /// The clock by which days are counted.
    pub days: &'a ZoneClock,
    /// Moves that went back since a person last said to go on, and after how many nothing moves.
    pub rollbacks: u32,
    pub stop_after: u32,
    /// Whoever moves in other services of the same run and not in this one: its cohort, and when it was begun.
    pub others: &'a [(usize, Vec<Time>)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// This one moves now.
    Move(usize),
    /// `who` is next, at that instant if nothing changes; `None`: nobody knows.
    Wait { until: Option<Time>, who: usize, why: Why },
    /// So many went back that nothing moves before a person says so.
    Stopped,
    /// All whose turn it is went back, or have no window within [`LOOK`]: a person decides.
    Left,
    /// Everybody has moved.
    Over,
}

/// Why not earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The cohort at this position still bakes.
    Bake(usize),
    /// As many of its cohort as a day allows were begun today.
    PerDay(u32),
    Preferred,
    /// A person put it off.
    PutOff,
    /// Its window is closed, or what is left of it too short.
    Window,
}

/// Whose turn it is. Nothing may be on its way.
pub fn next(ask: &Ask<'_>, list: &[Candidate<'_>]) -> Turn {
    if list.iter().all(|c| matches!(c.state, State::Done { .. })) {
        return Turn::Over;
    }
    if ask.rollbacks >= ask.stop_after.max(1) {
        return Turn::Stopped;
    }
    let mut turn = (Time(i64::MIN), None);
    let mut waits: Option<(Time, usize, Why)> = None;
    let (mut put_off, mut stuck) = (None, false);
    for number in 0..ask.cohorts.len() {
        let members: Vec<usize> = (0..list.len()).filter(|i| list[*i].cohort == number).collect();
        let part = Part { ask, list, number, turn: turn.0, baking: turn.1, begun: begun(ask, list, number, &members) };
        let mut open = false;
        let mut best: Option<(Time, usize)> = None;
        for i in members.iter().copied() {
            // A cohort waits for each of its own, also for one that has no window yet: who has none today has one tomorrow.
            open |= list[i].state == State::Waits;
            let Some((start, why)) = part.starts(i) else { continue };
            if start <= ask.now {
                let fit = part.opened(i);
                best = Some(best.map_or((fit, i), |b| b.min((fit, i))));
            } else if waits.is_none_or(|(at, ..)| start < at) {
                waits = Some((start, i, why));
            }
        }
        if let Some((_, i)) = best {
            return Turn::Move(i);
        }
        let kept = |i: &&usize| list[**i].state == State::PutOff(None);
        put_off = put_off.or(members.iter().find(kept).copied());
        let done = members.iter().filter_map(|i| match list[*i].state {
            State::Done { at, .. } => Some(at),
            _ => None,
        });
        let done = done.max();
        let back = members.iter().any(|i| matches!(list[*i].state, State::Back { .. }));
        // Others wait for this cohort's turn, and nothing is learnt from one of which everybody went back.
        if open || (back && done.is_none()) {
            stuck = open;
            break;
        }
        // Whom a person put off is waited for by nobody.
        if let Some(done) = done {
            turn = (turn.0.max(done + ask.cohorts[number].bake), Some(number));
        }
    }
    match (waits, put_off) {
        (Some((until, who, why)), _) => Turn::Wait { until: Some(until), who, why },
        (None, Some(who)) if !stuck => Turn::Wait { until: None, who, why: Why::PutOff },
        _ => Turn::Left,
    }
}

/// How many of a cohort were begun, by day. Whoever moves in several services on one day is one of that day.
fn begun(ask: &Ask<'_>, list: &[Candidate<'_>], number: usize, members: &[usize]) -> BTreeMap<Date, u32> {
    let mut days: BTreeMap<Date, u32> = BTreeMap::new();
    let others = ask.others.iter().filter(|(cohort, _)| *cohort == number).map(|(_, begun)| dates(ask, begun));
    for day in members.iter().map(|i| begun_on(ask, &list[*i])).chain(others).flatten() {
        *days.entry(day).or_default() += 1;
    }
    days
}

/// The days on which it was begun, in whichever service.
fn begun_on(ask: &Ask<'_>, c: &Candidate<'_>) -> BTreeSet<Date> {
    let mut days = dates(ask, &c.elsewhere);
    if let State::Done { begun, .. } | State::Back { begun } = c.state {
        days.extend(dates(ask, &[begun]));
    }
    days
}

fn dates(ask: &Ask<'_>, begun: &[Time]) -> BTreeSet<Date> {
    begun.iter().map(|at| date(ask.days.wall(*at))).collect()
}

/// One cohort while its next move is looked for.
struct Part<'p> {
    ask: &'p Ask<'p>,
    list: &'p [Candidate<'p>],
    number: usize,
    /// When the cohort's turn is, and the cohort that bakes until then.
    turn: Time,
    baking: Option<usize>,
    begun: BTreeMap<Date, u32>,
}

impl Part<'_> {
    /// Not before, whatever windows say; and why.
    fn not_before(&self, i: usize) -> Option<(Time, Why)> {
        let c = &self.list[i];
        let put_off = match c.state {
            State::Waits => None,
            State::PutOff(until) => Some((until?, Why::PutOff)),
            State::Done { .. } | State::Back { .. } => return None,
        };
        let preferred = c.preferred.map(|at| (at, Why::Preferred));
        let bake = (self.turn, self.baking.map_or(Why::Window, Why::Bake));
        Some([put_off, preferred].into_iter().flatten().fold(bake, later))
    }

    /// When it can be moved at the earliest, from now on, and why not now; nothing if it cannot within [`LOOK`].
    fn starts(&self, i: usize) -> Option<(Time, Why)> {
        let (ask, c) = (self.ask, &self.list[i]);
        let (from, mut why) = self.not_before(i)?;
        let mut from = from.max(ask.now);
        if from <= ask.now {
            why = Why::Window;
        }
        let cap = ask.cohorts.get(self.number).and_then(|cohort| cohort.per_day);
        // On a day on which it moves in another service it is counted already.
        let counted = begun_on(ask, c);
        let limit = ask.now + LOOK;
        while from <= limit {
            let start = meet(&c.views, from, ask.needs).filter(|start| *start <= limit)?;
            if start > from && why != Why::Window && !matches!(why, Why::PerDay(_)) {
                // What it would not go earlier without is not what it waits for.
                let earlier = meet(&c.views, ask.now, ask.needs).is_some_and(|open| open < from);
                why = if earlier { why } else { Why::Window };
            }
            let day = date(ask.days.wall(start));
            let full =
                !counted.contains(&day) && cap.is_some_and(|cap| self.begun.get(&day).copied().unwrap_or(0) >= cap);
            if !full {
                return Some((start, why));
            }
            why = Why::PerDay(cap.unwrap_or(0));
            // A clock that is set back after midnight shows the day before once more: never back in time.
            from = Time(ask.days.first_at(i64::from(day.0 + 1) * DAY)).max(start + Dur::mins(1));
        }
        None
    }

    /// Since when it could have been moved: of several the one that has waited longest goes first.
    fn opened(&self, i: usize) -> Time {
        let c = &self.list[i];
        let since = c.views.iter().filter_map(|view| view.current_start(self.ask.now)).max();
        let put_off = match c.state {
            State::PutOff(until) => until,
            _ => None,
        };
        // That a cohort's turn came later than its windows opened is no order among them.
        let from = c.preferred.max(put_off).unwrap_or(Time(i64::MIN));
        since.map_or(from, |since| since.max(from))
    }
}

/// The later of the two.
fn later(have: (Time, Why), other: (Time, Why)) -> (Time, Why) {
    if other.0 > have.0 { other } else { have }
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
