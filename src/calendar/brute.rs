//! The same questions answered by looking at every minute, for tests: slow, and written another way on purpose.
//!
//! It knows nothing of gaps and overlaps. It walks through time, keeps the highest reading the wall ever had, and asks
//! whether that has passed the start of a window and not yet its end: the earliest instant at which the wall reads at or
//! after a time is the one at which the highest reading first reaches it.
use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::window::Rules;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Date, Weekday};

pub const MINUTE: i64 = 60_000;

/// Open or not for each minute from `from` on.
pub struct Minutes {
    pub from: i64,
    pub open: Vec<bool>,
}

/// What is known of a date the wall has shown.
struct Day {
    weekday: Weekday,
    forbidden: bool,
}

/// Walks from `from` to `to`; both on whole minutes.
pub fn scan(tz: Tz, rules: &Rules, from: Time, to: Time) -> Minutes {
    // What was before matters for the highest reading and for windows that began there.
    let lead = 4 * 1440;
    let first = from.0 / MINUTE - lead;
    let (mut highest, mut days, mut open) = (i64::MIN, BTreeMap::new(), Vec::new());
    for minute in first..to.0 / MINUTE {
        let utc = DateTime::from_timestamp(minute * 60, 0).unwrap().naive_utc();
        let wall = minute + i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()) / 60;
        highest = highest.max(wall);
        let forbidden = days.entry(wall.div_euclid(1440)).or_insert_with_key(|day| look(*day, rules)).forbidden;
        let at = minute * MINUTE;
        let closed = rules.closed.iter().any(|(from, to)| from.0 <= at && at < to.0);
        open.push(!forbidden && !closed && covered(rules, highest, &days));
    }
    open.drain(..usize::try_from(lead).unwrap());
    Minutes { from: from.0, open }
}

fn look(day: i64, rules: &Rules) -> Day {
    let date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(day);
    let weekday = Weekday::ALL[date.weekday().num_days_from_monday() as usize];
    let number = Date(i32::try_from(day).unwrap());
    let forbidden = rules.excluded.iter().any(|d| d.first <= number && number <= d.last)
        || rules.seasons.iter().any(|s| s.months.holds(date.month()) && s.days.holds(weekday));
    Day { weekday, forbidden }
}

fn covered(rules: &Rules, highest: i64, days: &BTreeMap<i64, Day>) -> bool {
    let day = highest.div_euclid(1440);
    [day, day - 1].into_iter().any(|anchor| {
        // A date the wall has not shown has no window.
        let Some(known) = days.get(&anchor) else { return false };
        rules.windows.iter().filter(|w| w.days.holds(known.weekday)).any(|w| {
            let (from, to) = (w.start.millis() / MINUTE, w.end.millis() / MINUTE);
            let start = anchor * 1440 + from;
            let end = if to > from { anchor * 1440 + to } else { (anchor + 1) * 1440 + to };
            start <= highest && highest < end
        })
    })
}

impl Minutes {
    fn index(&self, at: Time) -> usize {
        usize::try_from((at.0 - self.from) / MINUTE).unwrap()
    }

    fn time(&self, index: usize) -> Time {
        Time(self.from + i64::try_from(index).unwrap() * MINUTE)
    }

    pub fn at(&self, now: Time) -> bool {
        self.open[self.index(now)]
    }

    /// The first minute after `now` that is `open` while the one before is not.
    pub fn next(&self, now: Time, open: bool) -> Option<Time> {
        let from = self.index(now) + 1;
        (from..self.open.len()).find(|&i| self.open[i] == open && self.open[i - 1] != open).map(|i| self.time(i))
    }

    /// The first minute of the run of open minutes that `now` is in; none when the run reaches back to where this began.
    pub fn since(&self, now: Time) -> Option<Time> {
        let mut i = self.index(now);
        while self.open[i] {
            i = i.checked_sub(1)?;
        }
        (i < self.index(now)).then(|| self.time(i + 1))
    }

    /// The earliest minute from `now` on with `needs` of open minutes behind it; none when it is not known here.
    pub fn fit(&self, now: Time, needs: Dur) -> Option<Time> {
        let long = usize::try_from(needs.0 / 60_000).unwrap();
        let last = self.open.len().checked_sub(long)?;
        let mut i = self.index(now);
        while i <= last {
            match self.open[i..i + long].iter().rposition(|open| !open) {
                None => return self.open.get(i).filter(|open| **open).map(|_| self.time(i)),
                Some(closed) => i += closed + 1,
            }
        }
        None
    }
}
