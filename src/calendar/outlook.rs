//! One look at a window from one instant: everything a list, a screen or a program asks.
use super::window::{LOOK, Rules, View, Weekly};
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
    /// How long it is on other days, less what is ruled out this time.
    pub usual: Dur,
    /// How long it is open this time; none when it lies wholly in a gap.
    pub length: Option<Dur>,
}

impl View<'_> {
    /// The windows that a change of the clock touches, in order, without what rules forbid of them; but for those within a
    /// longer interval, whose ends nobody sees.
    pub fn touched(&self, change: &Change) -> Vec<Touched> {
        let around = date(change.at.0 + change.before.max(change.after)).0;
        let dated = Rules { closed: Vec::new(), ..self.rules.clone() };
        let dated = View { clock: self.clock, rules: &dated };
        let mut found = Vec::new();
        for day in (around - 2..=around + 1).map(Date) {
            for weekly in self.rules.windows.iter().filter(|w| w.days.holds(day.weekday())) {
                let usual = self.usual(weekly, day);
                let anchored = self.anchored(weekly, day);
                let inside = anchored.is_some_and(|(s, e)| self.in_window(Time(s - 1)) && self.in_window(Time(e)));
                let Some((usual, length)) = (match anchored {
                    _ if usual == 0 || inside => None,
                    None => (!self.closed_at(change.at)).then_some((usual, None)),
                    Some(ends) => self.changed(change, usual, dated.open_between(ends), ends),
                }) else {
                    continue;
                };
                let dur = |millis: i64| Dur(millis.unsigned_abs());
                found.push(Touched { date: day, window: *weekly, usual: dur(usual), length: length.map(dur) });
            }
        }
        found
    }

    /// How long a window would be on a clock that does not change, in milliseconds and without the dates that are forbidden.
    fn usual(&self, weekly: &Weekly, day: Date) -> i64 {
        let (start, end) = (weekly.start.millis(), weekly.end.millis());
        let (first, second) = if end > start { (end - start, 0) } else { (DAY - start, end) };
        let of = |date: Date, millis: i64| if self.rules.forbids(date) { 0 } else { millis };
        of(day, first) + of(Date(day.0 + 1), second)
    }

    /// The usual and the true length of a window that a change makes longer or shorter. `dated`: its length when nothing but
    /// dates closes it.
    fn changed(&self, change: &Change, usual: i64, dated: i64, ends: (i64, i64)) -> Option<(i64, Option<i64>)> {
        let length = self.open_between(ends);
        if dated == usual || length == 0 {
            return None;
        }
        if length == dated {
            return Some((usual, Some(length)));
        }
        // A freeze takes a part of it: what is left is touched where it holds the change, or ends with it.
        let at = change.at.0;
        let holds = |at: i64| ends.0 <= at && at < ends.1 && self.in_window(Time(at));
        let without = length - (dated - usual);
        ((holds(at) || holds(at - 1)) && without > 0).then_some((without, Some(length)))
    }
}
