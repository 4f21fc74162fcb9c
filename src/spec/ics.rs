//! iCalendar files (RFC 5545): the events of other people's calendars, as blackouts.
//!
//! What decides when something is closed is read strictly: a property or a rule part that is not known here is an error,
//! because leaving it out would open a window that somebody thinks is shut. What only describes is skipped.
use chrono::{Datelike, Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::report::{Place, Sink, SourceFile};
use super::units::Time;
use super::when::{DAY, Date, Weekday, Zone};

mod parse;
mod rule;

pub use parse::read;

/// One `VEVENT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Line of its `DTSTART`.
    pub line: u32,
    pub name: String,
    pub start: Moment,
    pub length: Length,
    pub rule: Option<Repeat>,
    /// Starts that are left out.
    pub except: Vec<Moment>,
}

/// When something happens, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// All day, wherever that is.
    Date(Date),
    /// Milliseconds on the wall of a zone, as if they were UTC.
    Local(i64, Zone),
    Utc(Time),
}

impl Moment {
    /// The year as it is written.
    fn year(self) -> i32 {
        match self {
            Moment::Date(date) => date.parts().0,
            Moment::Utc(Time(at)) | Moment::Local(at, _) => Time(at).utc().year(),
        }
    }

    /// The instant in milliseconds, as RFC 5545 (3.3.5) reads it: of a time that is there twice the first; one that a
    /// clock skips by the offset before it went forward, so that half past two is half past three then. A window's times are
    /// read otherwise; but this is what the calendar it comes from shows.
    pub fn instant(self) -> i64 {
        match self {
            Moment::Date(date) => i64::from(date.0) * DAY,
            Moment::Utc(at) => at.0,
            Moment::Local(wall, zone) => {
                let naive = |wall: i64| Time(wall).utc().naive_utc();
                let offset = match zone.0.offset_from_local_datetime(&naive(wall)).earliest() {
                    Some(offset) => offset,
                    None => zone.0.offset_from_utc_datetime(&naive(wall - DAY)),
                };
                wall - i64::from(offset.fix().local_minus_utc()) * 1000
            }
        }
    }
}

/// How long one occurrence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Whole days.
    Days(i32),
    /// Up to an end, as it is written; later occurrences take the same elapsed time.
    Until(Moment),
    /// Days on the wall, then milliseconds of elapsed time.
    For { days: i32, millis: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// An `RRULE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    pub frequency: Frequency,
    pub interval: u32,
    pub count: Option<u32>,
    /// The last start may be at this moment.
    pub until: Option<Moment>,
    /// With an ordinal in month or year: the second Sunday, the last Friday.
    pub by_day: Vec<(Option<i32>, Weekday)>,
    pub by_month: Vec<u32>,
    /// Negative ones count from the month's end.
    pub by_month_day: Vec<i32>,
    pub week_start: Weekday,
}

/// The events of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcsFile {
    /// As messages name it.
    pub name: String,
    pub events: Vec<Event>,
}

/// Whether a file is one of these by its name.
pub fn is_ics(file: &SourceFile) -> bool {
    file.name.len() > 4 && file.name.to_ascii_lowercase().ends_with(".ics")
}

/// Whether a path that was given ends in the one a Calendar names.
pub fn is_file(given: &str, written: &str) -> bool {
    given.strip_suffix(written).is_some_and(|front| front.is_empty() || front.ends_with('/'))
}

/// A line as it is meant: folded ones put together.
struct Line {
    /// Of its first part, counted from 1.
    number: u32,
    name: String,
    /// Parameters by upper-case name.
    parameters: Vec<(String, String)>,
    value: String,
}

impl Line {
    fn error(&self, sink: &mut Sink<'_>, message: String, help: &str) {
        let place = Place { line: self.number, column: 1, width: u32::try_from(self.name.len()).unwrap_or(1) };
        sink.error(place, message, (!help.is_empty()).then(|| help.to_string()));
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}
