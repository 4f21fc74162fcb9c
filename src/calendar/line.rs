//! The line: moves that go one after the other, each in a window of its own, and never two at once.
//!
//! It stands at the instant at which the next move may begin and only goes forward. What is open there is ready, in the
//! order in which it opened; what is not open yet waits for its next opening. An opening that passes unused is looked at
//! once, so that the whole costs what the moves and their openings cost.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::meet::meet;
use super::window::{LOOK, View};
use super::zone::{ZoneClock, date};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// Moves that may begin at the same instants.
pub(super) struct Alike<'v> {
    /// All of them must be open.
    pub views: Vec<View<'v>>,
    /// None of them begins before; `None`: whenever it is open.
    pub not_before: Option<Time>,
    /// Positions of the moves, in order.
    pub moves: Vec<u32>,
}

/// Where a move was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Position among [`Alike`]s, and of the move.
    pub alike: usize,
    pub position: u32,
    /// When it could have begun if nobody else moved.
    pub fit: Time,
    pub start: Time,
    /// It waited for another day because as many as a day allows were begun on that of `fit`.
    pub capped: bool,
}

/// What binds all moves of one cohort.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'b> {
    /// How long a window has to stay open for a move, and after how long the next may begin.
    pub needs: Dur,
    pub takes: Dur,
    /// At most so many begin on a day of this clock.
    pub per_day: Option<u32>,
    pub days: &'b ZoneClock,
    /// Nothing begins later.
    pub limit: Time,
}

/// An opening of some alike moves.
#[derive(Clone, Copy)]
struct Opening {
    fit: Time,
    /// It was closed until then.
    fresh: bool,
    /// The last instant at which one can begin in it, and when it closes.
    last: Time,
    end: Time,
}

struct Line<'l, 'v> {
    all: &'l [Alike<'v>],
    bounds: Bounds<'l>,
    /// The opening each of them waits for or is in, the first it could have had, and how many of them have begun.
    openings: Vec<Opening>,
    first: Vec<Time>,
    /// Since when one of those that are open could have begun.
    since: Vec<Time>,
    begun: Vec<usize>,
    /// Those that are not open yet, by when they are.
    later: BinaryHeap<Reverse<(Time, usize)>>,
    /// Those that are open: since when, their first move's position.
    ready: BinaryHeap<Reverse<(Time, u32, usize)>>,
    by_day: BTreeMap<Date, u32>,
    placed: Vec<Placed>,
}

/// Places moves from `free` on, the instant at which the first may begin. Those that have no time are left out.
pub(super) fn place(all: &[Alike<'_>], free: Time, bounds: Bounds<'_>) -> Vec<Placed> {
    let mut line = Line {
        all,
        bounds,
        openings: vec![Opening { fit: free, fresh: false, last: free, end: free }; all.len()],
        first: vec![free; all.len()],
        since: vec![free; all.len()],
        begun: vec![0; all.len()],
        later: BinaryHeap::new(),
        ready: BinaryHeap::new(),
        by_day: BTreeMap::new(),
        placed: Vec::new(),
    };
    for i in 0..if free > bounds.limit { 0 } else { all.len() } {
        line.wait(i, free);
        line.first[i] = line.openings[i].fit;
    }
    let mut now = free;
    while let Some(next) = line.go(now) {
        now = next;
    }
    line.placed
}

impl Line<'_, '_> {
    /// Does what can be done at `now`; when it goes on, or nothing when nobody is left that can begin.
    fn go(&mut self, now: Time) -> Option<Time> {
        if now > self.bounds.limit {
            return None;
        }
        self.open(now);
        let Some(Reverse((_, position, i))) = self.ready.peek().copied() else {
            return self.later.peek().map(|Reverse((fit, _))| *fit);
        };
        if self.openings[i].last < now {
            self.ready.pop();
            self.wait(i, now);
            return Some(now);
        }
        let day = date(self.bounds.days.wall(now));
        if self.full(day) {
            // A clock that is set back after midnight shows the day before once more: never back in time.
            let tomorrow = Time(self.bounds.days.first_at(i64::from(day.0 + 1) * DAY));
            return Some(tomorrow.max(now + Dur::mins(1)));
        }
        self.ready.pop();
        self.begin(i, position, now, day);
        Some(now + self.bounds.takes)
    }

    fn full(&self, day: Date) -> bool {
        let begun = self.by_day.get(&day).copied().unwrap_or(0);
        self.bounds.per_day.is_some_and(|cap| begun >= cap)
    }

    /// Takes over whoever opens up to `now`.
    fn open(&mut self, now: Time) {
        while let Some(Reverse((fit, i))) = self.later.peek().copied().filter(|Reverse((fit, _))| *fit <= now) {
            self.later.pop();
            // It passed while others moved.
            if self.openings[i].last < now {
                self.wait(i, now);
                continue;
            }
            self.since[i] = self.opened(i, fit);
            self.line_up(i);
        }
    }

    fn line_up(&mut self, i: usize) {
        if let Some(position) = self.all[i].moves.get(self.begun[i]) {
            self.ready.push(Reverse((self.since[i], *position, i)));
        }
    }

    /// Since when one of these could have begun, of those that can at `fit`: who has waited longest goes first.
    fn opened(&self, i: usize, fit: Time) -> Time {
        let alike = &self.all[i];
        let opens = self.openings[i].fresh.then_some(fit);
        let since = opens.or_else(|| alike.views.iter().filter_map(|view| view.current_start(fit)).max());
        let from = alike.not_before.unwrap_or(Time(i64::MIN));
        since.map_or(from, |since| since.max(from))
    }

    /// Finds the next opening of these at or after an instant; without one they are left.
    fn wait(&mut self, i: usize, from: Time) {
        let (alike, bounds) = (&self.all[i], &self.bounds);
        // What is left of the last one is too short.
        let from = alike.not_before.map_or(from, |at| at.max(from)).max(self.openings[i].end);
        let Some(next) = opening(&alike.views, from, bounds.needs).filter(|o| o.fit <= bounds.limit) else { return };
        self.openings[i] = next;
        self.later.push(Reverse((next.fit, i)));
    }

    fn begin(&mut self, i: usize, position: u32, now: Time, day: Date) {
        let fit = self.first[i];
        let on = date(self.bounds.days.wall(fit));
        let capped = on < day && self.full(on);
        self.placed.push(Placed { alike: i, position, fit, start: now, capped });
        *self.by_day.entry(day).or_default() += 1;
        self.begun[i] += 1;
        // Alike moves opened together: the next is as old.
        self.line_up(i);
    }
}

/// The first opening at or after an instant in which something can begin that needs so long.
fn opening(views: &[View<'_>], from: Time, needs: Dur) -> Option<Opening> {
    let (fit, end) = match views {
        [one] => one.fit_until(from, needs)?,
        several => {
            let fit = meet(several, from, needs)?;
            (fit, several.iter().filter_map(|view| view.closes_after(fit, fit + LOOK)).min())
        }
    };
    let far = Time(i64::MAX);
    let fresh = views.len() == 1 && fit > from;
    Some(Opening { fit, fresh, last: end.map_or(far, |end| end - needs), end: end.unwrap_or(far) })
}
