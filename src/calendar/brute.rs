//! The same questions answered by looking at every minute, for tests: slow, and written another way on purpose.
//!
//! It knows nothing of gaps and overlaps. It walks through time, keeps the highest reading the wall ever had, and asks
//! whether that has passed the start of a window and not yet its end: the earliest instant at which the wall reads at or
//! after a time is the one at which the highest reading first reaches it.
use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::window::Rules;
use crate::spec::units::{Dur, Time};

pub const MINUTE: i64 = 60_000;

/// Open or not for each minute from `from` on.
pub struct Minutes {
    pub from: i64,
    pub open: Vec<bool>,
}

/// Walks from `from` to `to`; both on whole minutes.
pub fn scan(tz: Tz, rules: &Rules, from: Time, to: Time) -> Minutes {
    // What was before matters for the highest reading and for windows that began there.
    let lead = 4 * 1440;
    let mut at = Utc.timestamp_millis_opt(from.0).unwrap() - TimeDelta::minutes(lead);
    let (mut highest, mut dates, mut open) = (NaiveDateTime::MIN, BTreeSet::new(), Vec::new());
    for _ in 0..lead + (to.0 - from.0) / MINUTE {
        let utc = at.naive_utc();
        let wall = utc + TimeDelta::seconds(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc().into());
        highest = highest.max(wall);
        dates.insert(wall.date());
        open.push(!forbidden(rules, wall.date(), at.timestamp_millis()) && covered(rules, highest, &dates));
        at += TimeDelta::minutes(1);
    }
    open.drain(..usize::try_from(lead).unwrap());
    Minutes { from: from.0, open }
}

fn forbidden(rules: &Rules, date: NaiveDate, at: i64) -> bool {
    let number = i32::try_from(date.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days());
    let number = number.unwrap();
    let weekday = crate::spec::when::Weekday::ALL[date.weekday().num_days_from_monday() as usize];
    rules.excluded.iter().any(|d| d.first.0 <= number && number <= d.last.0)
        || rules.seasons.iter().any(|s| s.months.holds(date.month()) && s.days.holds(weekday))
        || rules.closed.iter().any(|(from, to)| from.0 <= at && at < to.0)
}

fn covered(rules: &Rules, highest: NaiveDateTime, dates: &BTreeSet<NaiveDate>) -> bool {
    let day = highest.date();
    let anchors = [day, day.pred_opt().unwrap()];
    rules.windows.iter().any(|w| {
        let time = |c: crate::spec::when::Clock| NaiveTime::MIN + TimeDelta::milliseconds(c.millis());
        anchors.iter().filter(|d| dates.contains(d)).any(|anchor| {
            let weekday = crate::spec::when::Weekday::ALL[anchor.weekday().num_days_from_monday() as usize];
            let start = anchor.and_time(time(w.start));
            let end = if w.end > w.start { anchor.and_time(time(w.end)) } else { anchor.succ_opt().unwrap().and_time(time(w.end)) };
            w.days.holds(weekday) && start <= highest && highest < end
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
