//! One look at a window from one instant: everything a list, a screen or a program asks.
use super::window::{LOOK, View, Weekly};
use super::zone::{Change, date};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Date};

/// What rules say at one instant. Instants that are not within [`LOOK`] are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub in_window: bool,
    /// When the interval that holds the instant began.
    pub current_start: Option<Time>,
    /// The first later instant at which it opens.
    pub next_start: Option<Time>,
    /// The first later instant at which it closes.
    pub next_end: Option<Time>,
    /// It is open, and stays so for as long as is needed.
    pub fits_now: bool,
    /// The earliest instant, this one included, from which it stays open for as long as is needed.
    pub earliest_fit: Option<Time>,
    /// The latest start in the interval that closes next; none when nothing is said of how long it takes.
    pub last_safe_start: Option<Time>,
}

impl View<'_> {
    /// The answers of all questions at once, which costs less than each by itself.
    pub fn outlook(&self, now: Time, needs: Option<Dur>) -> Outlook {
        let in_window = self.in_window(now);
        let (next_start, next_end) = if in_window {
            let end = self.next_end(now);
            // While it is open the next start is the first one after its end.
            (end.and_then(|end| self.opens_after(end, now + LOOK)), end)
        } else {
            let start = self.next_start(now);
            (start, start.and_then(|start| self.closes_after(start, now + LOOK)))
        };
        let needed = needs.unwrap_or(Dur::ZERO);
        let fits_now = in_window && next_end.is_none_or(|end| end.since(now) >= needed);
        let earliest_fit = match (needs, next_start, next_end) {
            _ if fits_now => Some(now),
            (None, start, _) => start,
            // The next interval is known already, and mostly long enough.
            (Some(d), Some(start), Some(end)) if start < end && end.since(start) >= d => Some(start),
            (Some(d), ..) => self.earliest_fit(now, d),
        };
        let current_start = self.current_start(now);
        // Where the interval that closes next began is known by now: no need to look back from its end.
        let began = if in_window { current_start } else { next_start };
        let last = needs.and_then(|d| next_end.map(|end| end - d));
        Outlook {
            in_window,
            current_start,
            next_start,
            next_end,
            fits_now,
            earliest_fit,
            last_safe_start: last.filter(|last| began.is_none_or(|began| began <= *last)),
        }
    }
}

/// A window that a change of the clock makes longer, shorter, or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// Its date on the wall.
    pub date: Date,
    /// Which of the windows.
    pub window: Weekly,
    /// How long it is on other days.
    pub usual: Dur,
    /// How long it is this time; none when it lies wholly in a gap.
    pub length: Option<Dur>,
}

impl View<'_> {
    /// The windows that a change of the clock touches and no rule forbids, in order; but for those within a longer interval,
    /// whose ends nobody sees.
    pub fn touched(&self, change: &Change) -> Vec<Touched> {
        let around = date(change.at.0 + change.before.max(change.after)).0;
        let mut found = Vec::new();
        for day in (around - 2..=around + 1).map(Date).filter(|d| !self.rules.forbids(*d)) {
            for weekly in self.rules.windows.iter().filter(|w| w.days.holds(day.weekday())) {
                let over = if weekly.end > weekly.start { 0 } else { DAY };
                let usual = Dur((weekly.end.millis() + over - weekly.start.millis()).unsigned_abs());
                let anchored = self.anchored(weekly, day);
                let length = anchored.map(|(start, end)| Time(end).since(Time(start)));
                let inside = anchored.is_some_and(|(s, e)| self.in_window(Time(s - 1)) && self.in_window(Time(e)));
                if length != Some(usual) && !inside {
                    found.push(Touched { date: day, window: *weekly, usual, length });
                }
            }
        }
        found
    }
}
