//! The line: moves that go one after the other, each in a window of its own, and never two at once.
//!
//! It stands at the instant at which the next move may begin and only goes forward. What is open there is ready, in the
//! order in which it opened; what is not open yet waits for its next opening. An opening that passes unused is looked at
//! once, so that the whole costs what the moves and their openings cost. There may be millions of those: what each is about
//! stands in one place of memory ([`Stand`]), and mostly it is the last one a week later.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::later::Later;
use super::meet::meet;
use super::window::{LOOK, View, WEEK};
use super::zone::{ZoneClock, date};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// Moves that may begin at the same instants.
pub(super) struct Alike<'v> {
    /// All of them must be open.
    pub views: Vec<View<'v>>,
    /// None of them begins before; `None`: whenever it is open.
    pub not_before: Option<Time>,
    /// None of them wants to begin before, which is no turn that others have to wait for as well.
    pub preferred: Option<Time>,
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
    /// At most so many begin on a day of this clock; some are begun by others, and count.
    pub per_day: Option<u32>,
    pub days: &'b ZoneClock,
    pub others: Option<&'b Others>,
    /// Nothing begins later.
    pub limit: Time,
}

/// What is begun elsewhere of those for whom the days of a line are counted.
#[derive(Default)]
pub(super) struct Others {
    /// How many on a day.
    pub on: BTreeMap<Date, u32>,
    /// Days on which the one that moves here, by its position, is one of those: it counts once.
    pub days: BTreeMap<u32, BTreeSet<Date>>,
}

/// Where some alike moves stand: the opening they wait for or are in.
struct Stand {
    fit: Time,
    /// When it closes.
    end: Time,
    /// When it opens; nothing where that is not known yet.
    opens: Option<Time>,
    /// One opening of each week, and the others of a week by their place in [`Line::weeks`]: they come again every week, as
    /// long as they are over by `until`.
    week: (Time, Time),
    until: Time,
    more: u32,
    /// Of the move that begins next.
    position: Option<u32>,
}

/// Place of a week without further openings.
const NO_MORE: u32 = 0;

struct Line<'l, 'v> {
    all: &'l [Alike<'v>],
    bounds: Bounds<'l>,
    stands: Vec<Stand>,
    weeks: Vec<Vec<(Time, Time)>>,
    /// The first opening each could have had, and how many have begun.
    first: Vec<Time>,
    begun: Vec<usize>,
    /// Those that are not open yet, by when they are.
    later: Later,
    /// Those that are open: since when one of them could have begun, their first move's position.
    ready: BinaryHeap<Reverse<(Time, u32, u32)>>,
    by_day: BTreeMap<Date, u32>,
    placed: Vec<Placed>,
}

/// Places moves from `free` on, the instant at which the first may begin. Those that have no time are left out.
pub(super) fn place(all: &[Alike<'_>], free: Time, bounds: Bounds<'_>) -> Vec<Placed> {
    let stand = |alike: &Alike<'_>| Stand {
        fit: free,
        end: alike.not_before.map_or(free, |at| at.max(free)),
        opens: None,
        week: (free, free),
        until: Time(i64::MIN),
        more: NO_MORE,
        position: alike.moves.first().copied(),
    };
    let mut line = Line {
        all,
        bounds,
        stands: all.iter().map(stand).collect(),
        weeks: vec![Vec::new()],
        first: vec![free; all.len()],
        begun: vec![0; all.len()],
        later: Later::between(free, bounds.limit),
        ready: BinaryHeap::new(),
        by_day: bounds.others.map_or_else(BTreeMap::new, |others| others.on.clone()),
        placed: Vec::new(),
    };
    for i in 0..if free > bounds.limit { 0 } else { all.len() } {
        line.wait(i, free);
        line.first[i] = line.stands[i].fit;
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
        let Some(Reverse((since, position, who))) = self.ready.peek().copied() else { return self.later.first() };
        let i = index(who);
        if self.passed(i, now) {
            self.ready.pop();
            self.wait(i, now);
            return Some(now);
        }
        let day = date(self.bounds.days.wall(now));
        if self.full(day) && !self.counted(position, day) {
            if let Some(goes) = self.counted_already(now, day) {
                self.ready.retain(|other| *other != Reverse(goes));
                self.begin(goes, now, day);
                return Some(now + self.bounds.takes);
            }
            // A clock that is set back after midnight shows the day before once more: never back in time.
            let tomorrow = Time(self.bounds.days.first_at(i64::from(day.0 + 1) * DAY)).max(now + Dur::mins(1));
            let opens = self.bounds.others.and_then(|_| self.later.first());
            return Some(opens.map_or(tomorrow, |opens| opens.min(tomorrow)));
        }
        self.ready.pop();
        self.begin((since, position, who), now, day);
        Some(now + self.bounds.takes)
    }

    /// Whether this one is counted on that day already, by what it does elsewhere.
    fn counted(&self, position: u32, day: Date) -> bool {
        self.bounds.others.and_then(|others| others.days.get(&position)).is_some_and(|days| days.contains(&day))
    }

    /// The first of those that are open and are counted already.
    fn counted_already(&self, now: Time, day: Date) -> Option<(Time, u32, u32)> {
        self.bounds.others?;
        let open = self.ready.iter().map(|Reverse(entry)| *entry);
        open.filter(|(_, position, who)| self.counted(*position, day) && !self.passed(index(*who), now)).min()
    }

    /// Too little is left of its opening.
    fn passed(&self, i: usize, now: Time) -> bool {
        self.stands[i].end - self.bounds.needs < now
    }

    fn full(&self, day: Date) -> bool {
        let begun = self.by_day.get(&day).copied().unwrap_or(0);
        self.bounds.per_day.is_some_and(|cap| begun >= cap)
    }

    /// Takes over whoever opens up to `now`.
    fn open(&mut self, now: Time) {
        while let Some(i) = self.later.take(now).map(index) {
            // It passed while others moved.
            if self.passed(i, now) {
                self.wait(i, now);
                continue;
            }
            let since = self.stands[i].opens.unwrap_or_else(|| self.opened(i));
            self.line_up(i, since);
        }
    }

    fn line_up(&mut self, i: usize, since: Time) {
        if let Some(position) = self.stands[i].position {
            self.ready.push(Reverse((since, position, place_of(i))));
        }
    }

    /// Since when one of these could have begun, of those that can at their fit: who has waited longest goes first.
    fn opened(&self, i: usize) -> Time {
        let (alike, fit) = (&self.all[i], self.stands[i].fit);
        let since = alike.views.iter().filter_map(|view| view.current_start(fit)).max();
        // That a cohort's turn came later than its windows opened is no order among them.
        let from = alike.preferred.unwrap_or(Time(i64::MIN));
        since.map_or(from, |since| since.max(from))
    }

    /// Finds the next opening of these at or after an instant; without one they are left.
    fn wait(&mut self, i: usize, from: Time) {
        // What is left of the last one is too short.
        let from = from.max(self.stands[i].end);
        if !self.a_week_later(i, from) && !self.look(i, from) {
            return;
        }
        let fit = self.stands[i].fit;
        if fit <= self.bounds.limit {
            self.later.put(fit, place_of(i));
        }
    }

    /// The next opening by those of a week, as long as they come again. False: they do not, or that is not known.
    fn a_week_later(&mut self, i: usize, from: Time) -> bool {
        let (stand, needs) = (&self.stands[i], self.bounds.needs);
        if from + needs > stand.until {
            return false;
        }
        let next = |(opens, end): (Time, Time)| {
            let weeks = ((from + needs).0 - end.0 + WEEK - 1).div_euclid(WEEK);
            (Time(opens.0 + weeks * WEEK), Time(end.0 + weeks * WEEK))
        };
        let more = self.weeks.get(index(stand.more)).into_iter().flatten().map(|opening| next(*opening));
        let (opens, end) = more.fold(next(stand.week), Ord::min);
        if end > stand.until {
            return false;
        }
        let stand = &mut self.stands[i];
        (stand.fit, stand.end, stand.opens) = (opens.max(from), end, Some(opens));
        true
    }

    /// Looks for the next opening, and for whether those of a week come again from then on.
    fn look(&mut self, i: usize, from: Time) -> bool {
        let (views, needs) = (&self.all[i].views, self.bounds.needs);
        let Some((fit, end)) = opening(views, from, needs) else { return false };
        let stand = &mut self.stands[i];
        (stand.fit, stand.end, stand.until) = (fit, end.unwrap_or(Time(i64::MAX)), Time(i64::MIN));
        stand.opens = (views.len() == 1 && fit > from).then_some(fit);
        let (Some(end), [view]) = (end, views.as_slice()) else { return true };
        let Some((mut week, until)) = view.week(end) else { return true };
        week.retain(|(opens, end)| end.since(*opens) >= needs);
        if let Some(one) = week.pop() {
            (stand.week, stand.until) = (one, until);
            match (week.is_empty(), stand.more) {
                (true, _) => stand.more = NO_MORE,
                (false, NO_MORE) => {
                    stand.more = place_of(self.weeks.len());
                    self.weeks.push(week);
                }
                (false, more) => self.weeks[index(more)] = week,
            }
        }
        true
    }

    fn begin(&mut self, (since, position, who): (Time, u32, u32), now: Time, day: Date) {
        let i = index(who);
        let fit = self.first[i];
        let on = date(self.bounds.days.wall(fit));
        let capped = on < day && self.full(on) && !self.counted(position, on);
        self.placed.push(Placed { alike: i, position, fit, start: now, capped });
        if !self.counted(position, day) {
            *self.by_day.entry(day).or_default() += 1;
        }
        self.begun[i] += 1;
        self.stands[i].position = self.all[i].moves.get(self.begun[i]).copied();
        // Alike moves opened together: the next is as old.
        self.line_up(i, since);
    }
}

/// The first fit at or after an instant of something that needs so long, and when that opening closes.
fn opening(views: &[View<'_>], from: Time, needs: Dur) -> Option<(Time, Option<Time>)> {
    match views {
        [one] => one.fit_until(from, needs),
        several => {
            let fit = meet(several, from, needs)?;
            Some((fit, several.iter().filter_map(|view| view.closes_after(fit, fit + LOOK)).min()))
        }
    }
}

fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn place_of(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}
