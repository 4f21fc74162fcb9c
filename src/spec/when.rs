//! The values people write about time: zones, dates, weekdays, months, times of day.
//!
//! All are small: a file may hold a hundred thousand tenants.
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::nearest::nearest;
use super::units::{Time, UnitError};

/// Version of the time zone database the program was built with, such as `2025b`.
pub fn tz_version() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// Milliseconds of a day that the clock does not change on.
pub const DAY: i64 = 86_400_000;

/// A time zone by its IANA name. An unknown name is an error, never UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(pub Tz);

/// In the order of the database, which is that of the names.
impl Ord for Zone {
    fn cmp(&self, other: &Zone) -> Ordering {
        (self.0 as u16).cmp(&(other.0 as u16))
    }
}

impl PartialOrd for Zone {
    fn partial_cmp(&self, other: &Zone) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Zone {
    pub const UTC: Zone = Zone(Tz::UTC);
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Zone {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Zone, UnitError> {
        if let Ok(tz) = text.parse() {
            return Ok(Zone(tz));
        }
        // Somebody who writes `Berlin` means the one zone that ends so.
        let city = |name: &&str| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
        let names = || TZ_VARIANTS.iter().map(|tz| tz.name());
        let help = names()
            .find(city)
            .or_else(|| nearest(text, names()))
            .map_or("write an IANA name such as Europe/Berlin, or UTC".to_string(), |n| format!("did you mean {n}?"));
        Err(UnitError(format!("`{text}` is not a time zone known here: {help}")))
    }
}

/// A date without a zone: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl Date {
    /// The day of the week, from 0 for Monday.
    pub fn weekday(self) -> Weekday {
        Weekday::ALL[usize::try_from((self.0 + 3).rem_euclid(7)).unwrap_or(0)]
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn parts(self) -> (i32, u32, u32) {
        let date = self.naive();
        (date.year(), date.month(), date.day())
    }

    pub fn of(year: i32, month: u32, day: u32) -> Option<Date> {
        NaiveDate::from_ymd_opt(year, month, day).map(|d| Date(d.to_epoch_days()))
    }

    pub fn naive(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.naive().format("%Y-%m-%d"))
    }
}

impl FromStr for Date {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Date, UnitError> {
        let bad = |why: &str| UnitError(format!("`{text}` is not a date: {why}; write it like 2026-12-24"));
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(bad("year, month and day are wanted"));
        }
        let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or(0);
        let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
        i32::try_from(year)
            .ok()
            .and_then(|year| Date::of(year, month, day))
            .ok_or_else(|| bad(&format!("there is no day {day} of month {month} in {year}")))
    }
}

/// One date, or all from the first to the last: `2026-12-24`, `2026-12-24..2026-12-27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dates {
    pub first: Date,
    pub last: Date,
}

impl Dates {
    pub fn holds(self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}..{}", self.first, self.last) }
    }
}

impl FromStr for Dates {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Dates, UnitError> {
        let Some((first, last)) = text.split_once("..") else {
            let date = text.parse()?;
            return Ok(Dates { first: date, last: date });
        };
        let (first, last): (Date, Date) = (first.parse()?, last.parse()?);
        if last < first {
            return Err(UnitError(format!("`{text}` ends before it starts: write the earlier date first")));
        }
        Ok(Dates { first, last })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    pub const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    const NAMES: [&'static str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    /// `Sunday`.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// `Sun`.
    pub fn short(self) -> &'static str {
        &self.name()[..3]
    }
}

impl FromStr for Weekday {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Weekday, UnitError> {
        let is = |d: &Weekday| d.short().eq_ignore_ascii_case(text) || d.name().eq_ignore_ascii_case(text);
        Weekday::ALL.into_iter().find(is).ok_or_else(|| {
            let short = Weekday::ALL.map(Weekday::short);
            let near = nearest(text, Weekday::NAMES.into_iter().chain(short)).map(|n| &n[..3]);
            let help = near.map_or_else(|| format!("one of {}", short.join(", ")), |n| format!("did you mean {n}?"));
            UnitError(format!("`{text}` is not a weekday: {help}"))
        })
    }
}

/// A set of weekdays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    pub fn holds(self, day: Weekday) -> bool {
        self.0 >> (day as u8) & 1 == 1
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every day of the week.
    pub fn is_all(self) -> bool {
        self.0 == 0x7f
    }

    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::ALL.into_iter().filter(move |d| self.holds(*d))
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Weekdays {
        Weekdays(days.into_iter().fold(0, |set, day| set | 1 << (day as u8)))
    }
}

/// `Sat,Sun`
impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("daily");
        }
        f.write_str(&self.iter().map(Weekday::short).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Weekdays {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Weekdays, UnitError> {
        text.split(',').map(|day| day.trim().parse()).collect::<Result<Vec<Weekday>, _>>().map(Weekdays::from_iter)
    }
}

/// A set of months, written as numbers 1 to 12.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Months(u16);

impl Months {
    pub fn holds(self, month: u32) -> bool {
        self.0 >> month & 1 == 1
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = u32> {
        (1..=12).filter(move |m| self.holds(*m))
    }

    /// The months half a year later: a season of the north as the south has it.
    pub fn opposite(self) -> Months {
        Months(self.iter().fold(0, |set, month| set | 1 << ((month + 5) % 12 + 1)))
    }

    /// The set of these numbers; the first that is no month, otherwise.
    pub fn of(numbers: impl IntoIterator<Item = u32>) -> Result<Months, u32> {
        let mut set = 0;
        for n in numbers {
            if !(1..=12).contains(&n) {
                return Err(n);
            }
            set |= 1 << n;
        }
        Ok(Months(set))
    }
}

/// `5,6,7`
impl fmt::Display for Months {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(|m| m.to_string()).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Months {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Months, UnitError> {
        let bad =
            |month: &str| UnitError(format!("`{month}` is not a month: write numbers from 01 to 12, as in 05,06"));
        let number = |part: &str| {
            let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u32>().ok().filter(|n| plain && (1..=12).contains(n)).ok_or_else(|| bad(part))
        };
        let numbers = text.split(',').map(|part| number(part.trim())).collect::<Result<Vec<u32>, _>>()?;
        Months::of(numbers).map_err(|n| bad(&n.to_string()))
    }
}

/// A time of day on a wall clock, to the minute: `02:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clock(u16);

impl Clock {
    pub const MIDNIGHT: Clock = Clock(0);

    /// None when there is no such time.
    pub fn of(hour: u16, minute: u16) -> Option<Clock> {
        (hour < 24 && minute < 60).then_some(Clock(hour * 60 + minute))
    }

    /// Milliseconds since midnight, on a day the clock does not change on.
    pub fn millis(self) -> i64 {
        i64::from(self.0) * 60_000
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for Clock {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Clock, UnitError> {
        let two = |part: &str| {
            let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>().ok().filter(|_| plain)
        };
        let found = text.split_once(':').and_then(|(hour, minute)| {
            let minute = two(minute).filter(|_| minute.len() == 2)?;
            Clock::of(two(hour)?, minute)
        });
        found.ok_or_else(|| {
            let why = if text == "24:00" {
                "the end of a day is 00:00 of the next one; write 00:00"
            } else {
                "write hours and minutes from 00:00 to 23:59"
            };
            UnitError(format!("`{text}` is not a time of day: {why}"))
        })
    }
}

/// An instant with its offset, as RFC 3339 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub Time);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

impl FromStr for Instant {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Instant, UnitError> {
        let read = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z"));
        let at = read.map(|at| Time(at.timestamp_millis())).map_err(|_| {
            UnitError(format!(
                "`{text}` is not an instant: write date, time and offset, as in 2026-11-22T02:12:00Z or \
                 2026-11-22T03:12:00+01:00"
            ))
        });
        at?.written(text).map(Instant)
    }
}

/// Reading and writing as one text, and a schema that names the format.
macro_rules! written_as_text {
    ($type:ty, $name:literal, $format:literal, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                Cow::<str>::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description, "format": $format })
            }
        }
    };
}

written_as_text!(Zone, "Zone", "pilothouse-zone", "A time zone by its IANA name, such as Europe/Berlin.");
written_as_text!(Date, "Date", "pilothouse-date", "A date: 2026-12-24.");
written_as_text!(Dates, "Dates", "pilothouse-dates", "A date, or a range with both ends: 2026-12-24..2026-12-27.");
written_as_text!(Instant, "Instant", "pilothouse-instant", "An instant with its offset: 2026-12-18T18:00:00Z.");
written_as_text!(Clock, "Clock", "pilothouse-clock", "A time of day: 02:00.");

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Weekdays, D::Error> {
        Vec::<Weekday>::deserialize(d).map(Weekdays::from_iter)
    }
}

impl JsonSchema for Weekdays {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Weekdays".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Vec<Weekday>>()
    }
}

impl Serialize for Months {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Months {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Months, D::Error> {
        Months::of(Vec::<u32>::deserialize(d)?).map_err(|n| de::Error::custom(format!("{n} is not a month: 1 to 12")))
    }
}

impl JsonSchema for Months {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Months".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "integer", "minimum": 1, "maximum": 12 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error<T: FromStr<Err = UnitError>>(text: &str) -> String {
        text.parse::<T>().err().map_or_else(|| panic!("{text} is read"), |e| e.to_string())
    }

    #[test]
    fn an_unknown_zone_is_an_error_with_the_nearest_name() {
        assert_eq!("Europe/Berlin".parse(), Ok(Zone(Tz::Europe__Berlin)));
        for (written, meant) in [
            ("Europe/Berln", "did you mean Europe/Berlin?"),
            ("europe/berlin", "did you mean Europe/Berlin?"),
            ("Berlin", "did you mean Europe/Berlin?"),
            ("America/NewYork", "did you mean America/New_York?"),
            ("Mars/Olympus Mons", "write an IANA name"),
            ("", "write an IANA name"),
        ] {
            assert!(error::<Zone>(written).contains(meant), "{written}: {}", error::<Zone>(written));
        }
    }

    #[test]
    fn dates_are_read_strictly() {
        assert_eq!("1970-01-01".parse(), Ok(Date(0)));
        assert_eq!("2026-11-22".parse::<Date>().unwrap().weekday(), Weekday::Sun);
        assert_eq!("1969-12-31".parse::<Date>().unwrap().weekday(), Weekday::Wed);
        for bad in ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026/01/01", "2026-01-01T00:00", "+026-01-01"]
        {
            assert!(error::<Date>(bad).contains("is not a date"), "{bad}");
        }
        let range: Dates = "2026-12-24..2026-12-27".parse().unwrap();
        assert_eq!(range.to_string(), "2026-12-24..2026-12-27");
        assert!(range.holds(range.last) && !range.holds(Date(range.last.0 + 1)));
        assert!(error::<Dates>("2026-12-27..2026-12-24").contains("ends before it starts"));
    }

    #[test]
    fn weekdays_months_and_times_of_day() {
        assert_eq!("Sun,mon, Tuesday".parse::<Weekdays>().unwrap().to_string(), "Mon,Tue,Sun");
        assert!(error::<Weekdays>("Sun,Mno").contains("did you mean Mon?"));
        assert!(error::<Weekdays>("Sun,").contains("is not a weekday"));
        assert_eq!("05,9".parse::<Months>().unwrap().to_string(), "5,9");
        assert_eq!("05,09,12".parse::<Months>().unwrap().opposite().to_string(), "3,6,11");
        for bad in ["13", "0", "May", "", "005", "5-9"] {
            assert!(error::<Months>(bad).contains("is not a month"), "{bad}");
        }
        assert_eq!("02:05".parse::<Clock>().unwrap().to_string(), "02:05");
        assert_eq!("2:05".parse::<Clock>(), "02:05".parse());
        for bad in ["25:00", "24:00", "02:60", "0205", "02:5", "2", "-1:00", "02:00:00", "", "+2:00"] {
            assert!(error::<Clock>(bad).contains("is not a time of day"), "{bad}");
        }
        assert!(error::<Clock>("24:00").contains("write 00:00"));
    }
}
