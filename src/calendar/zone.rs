//! A zone's clock: from instants to what the clock on the wall reads, and back.
use chrono::{DateTime, Datelike, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

use crate::spec::units::Time;
use crate::spec::when::{DAY, Date, Dates, Zone};

/// No zone changes its clock twice within one cell, so that one look at each end of it finds every change. The nearest
/// two changes of the whole database are 167 hours apart; a test looks at it again.
const CELL: i64 = 2 * DAY;
/// Further from UTC than any clock has ever been, ship's clocks of sailors in Manila included.
pub(super) const FAR: i64 = DAY;

/// A stretch of time with one offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First instant, in milliseconds since the epoch as [`Time`] counts them.
    pub start: i64,
    /// First instant after it.
    pub end: i64,
    /// What the wall shows less UTC, in milliseconds.
    pub offset: i64,
}

/// The clock of one zone; remembers its changes around the time that is looked at.
#[derive(Debug, Clone)]
pub struct ZoneClock {
    tz: Tz,
    /// Neighbouring spans, in order; may be empty. Outside of them the database is asked.
    known: Vec<Span>,
}

/// What happened to a zone's clock at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub at: Time,
    /// Offsets in milliseconds.
    pub before: i64,
    pub after: i64,
}

impl ZoneClock {
    /// A clock that knows its changes between two instants.
    pub fn around(zone: Zone, from: Time, to: Time) -> ZoneClock {
        let mut clock = ZoneClock { tz: zone.0, known: Vec::new() };
        let mut at = from.0;
        while at < to.0 {
            let span = clock.look(at);
            match clock.known.last_mut() {
                Some(last) if last.offset == span.offset => last.end = span.end,
                _ => clock.known.push(span),
            }
            at = span.end;
        }
        clock
    }

    pub fn zone(&self) -> Zone {
        Zone(self.tz)
    }

    fn offset(&self, at: i64) -> i64 {
        // Far beyond what the database knows the last rule of a zone holds on.
        let utc = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH).naive_utc();
        i64::from(self.tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
    }

    /// The span around an instant as far as one cell goes, asked of the database.
    fn look(&self, at: i64) -> Span {
        let start = at.div_euclid(CELL) * CELL;
        let end = start + CELL;
        let (first, last) = (self.offset(start), self.offset(end - 1));
        if first == last {
            return Span { start, end, offset: first };
        }
        let (mut before, mut after) = (start, end - 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(middle) == first { before = middle } else { after = middle }
        }
        if at < after { Span { start, end: after, offset: first } } else { Span { start: after, end, offset: last } }
    }

    /// A span that holds the instant. It need not reach as far as its offset does.
    pub fn span(&self, at: i64) -> Span {
        let next = self.known.partition_point(|s| s.end <= at);
        match self.known.get(next) {
            Some(span) if span.start <= at => *span,
            _ => self.look(at),
        }
    }

    /// The date on the wall at an instant.
    pub fn date(&self, at: i64) -> Date {
        date(at + self.span(at).offset)
    }

    /// The EARLIEST instant at which the wall reads `wall` or more: in a gap the first instant after it, in an overlap
    /// the first of the two. `wall` is in milliseconds, as if it were UTC.
    pub fn first_at(&self, wall: i64) -> i64 {
        // A day before, the wall reads less than `wall` whatever the offset.
        let mut span = self.span(wall - FAR);
        loop {
            let at = wall - span.offset;
            if at < span.end {
                return at.max(span.start);
            }
            span = self.span(span.end);
        }
    }

    /// Whether the wall shows this date at any instant at all.
    pub fn exists(&self, day: Date) -> bool {
        let midnight = i64::from(day.0) * DAY;
        let mut span = self.span(midnight - FAR);
        while span.start < midnight + DAY + FAR {
            if span.start + span.offset < midnight + DAY && span.end + span.offset > midnight {
                return true;
            }
            span = self.span(span.end);
        }
        false
    }

    /// When the wall shows one of these dates: mostly one stretch; a clock that is set back over midnight may show a date
    /// once more.
    pub fn stretches(&self, dates: Dates) -> Vec<(Time, Time)> {
        let (first, after) = (i64::from(dates.first.0) * DAY, (i64::from(dates.last.0) + 1) * DAY);
        let mut found: Vec<(Time, Time)> = Vec::new();
        let mut span = self.span(first - FAR);
        while span.start < after + FAR {
            let (from, to) = ((first - span.offset).max(span.start), (after - span.offset).min(span.end));
            match found.last_mut() {
                _ if from >= to => {}
                Some(last) if last.1.0 == from => last.1 = Time(to),
                _ => found.push((Time(from), Time(to))),
            }
            span = self.span(span.end);
        }
        found
    }

    /// Changes of the clock after `from`, up to `to`, in order.
    pub fn changes(&self, from: Time, to: Time) -> Vec<Change> {
        let mut found = Vec::new();
        let mut span = self.span(from.0);
        while span.end <= to.0 {
            let next = self.span(span.end);
            if next.offset != span.offset {
                found.push(Change { at: Time(span.end), before: span.offset, after: next.offset });
            }
            span = next;
        }
        found
    }

    /// What the wall shows, in milliseconds as if it were UTC.
    pub fn wall(&self, at: Time) -> i64 {
        at.0 + self.span(at.0).offset
    }

    /// `Sun 2026-11-22 03:12 CET`; seconds where there are any.
    pub fn read(&self, at: Time) -> String {
        let local = self.local(at);
        let seconds = if at.0 % 60_000 == 0 { "" } else { ":%S" };
        // Zones without letters of their own show their offset, as in `-03`.
        let offset = || local.format("%:z").to_string().trim_end_matches(":00").to_string();
        let name = local.offset().abbreviation().map_or_else(offset, String::from);
        format!("{} {name}", local.format(&format!("%a %Y-%m-%d %H:%M{seconds}")))
    }

    /// RFC 3339 with this zone's offset.
    pub fn stamp(&self, at: Time) -> String {
        self.local(at).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
    }

    /// What the wall reads, in UTC where four digits do not write its year.
    fn local(&self, at: Time) -> DateTime<Tz> {
        let local = at.utc().with_timezone(&self.tz);
        if (0..=9999).contains(&local.year()) { local } else { at.utc().with_timezone(&Tz::UTC) }
    }
}

/// The date of a wall clock's reading.
pub fn date(wall: i64) -> Date {
    Date(i32::try_from(wall.div_euclid(DAY)).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::TZ_VARIANTS;

    fn at(text: &str) -> Time {
        Time(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn wall(text: &str) -> i64 {
        at(&format!("{text}:00Z")).0
    }

    fn clock(name: &str, from: &str, to: &str) -> ZoneClock {
        ZoneClock::around(name.parse().unwrap(), at(from), at(to))
    }

    #[test]
    fn a_local_time_is_the_earliest_instant_that_reads_so_or_later() {
        for (zone, local, instant) in [
            ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-29T23:59", "2011-12-30T09:59:00Z"),
            ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00:00Z"),
            ("America/Juneau", "1867-10-18T12:00", "1867-10-17T20:57:41Z"),
        ] {
            let near = clock(zone, "2000-01-01T00:00:00Z", "2001-01-01T00:00:00Z");
            assert_eq!(Time(near.first_at(wall(local))), at(instant), "{zone} {local}");
        }
    }

    #[test]
    fn a_date_may_not_exist_and_its_midnight_may_not() {
        let apia = clock("Pacific/Apia", "2011-12-01T00:00:00Z", "2012-02-01T00:00:00Z");
        let missing: Vec<String> =
            (15_330..15_345).map(Date).filter(|d| !apia.exists(*d)).map(|d| d.to_string()).collect();
        assert_eq!(missing, ["2011-12-30"]);
        let sao_paulo = clock("America/Sao_Paulo", "2018-11-01T00:00:00Z", "2018-12-01T00:00:00Z");
        assert!(sao_paulo.exists("2018-11-04".parse().unwrap()));
    }

    #[test]
    fn a_date_may_be_shown_in_two_stretches() {
        let clock = clock("America/St_Johns", "2010-01-01T00:00:00Z", "2010-01-02T00:00:00Z");
        let stretches = |text: &str| clock.stretches(text.parse().unwrap());
        let sunday =
            [("2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z"), ("2010-11-07T03:30:00Z", "2010-11-08T03:30:00Z")];
        assert_eq!(stretches("2010-11-07"), sunday.map(|(from, to)| (at(from), at(to))));
        assert_eq!(stretches("2010-11-06..2010-11-07").len(), 1);
    }

    #[test]
    fn what_is_remembered_is_what_the_database_says() {
        let (from, to) = (at("2010-01-01T00:00:00Z"), at("2013-01-01T00:00:00Z"));
        for name in ["Pacific/Apia", "Africa/Casablanca", "Europe/Moscow", "Asia/Gaza", "UTC"] {
            let (known, bare) = (
                clock(name, "2010-01-01T00:00:00Z", "2013-01-01T00:00:00Z"),
                clock(name, "2010-01-01T00:00:00Z", "2010-01-01T00:00:00Z"),
            );
            assert_eq!(known.changes(from, to), bare.changes(from, to), "{name}");
        }
        let moscow = clock("Europe/Moscow", "2010-01-01T00:00:00Z", "2013-01-01T00:00:00Z").changes(from, to);
        let hours: Vec<i64> = moscow.iter().map(|c| (c.after - c.before) / 3_600_000).collect();
        assert_eq!(hours, [1, -1, 1]);
    }

    #[test]
    fn no_clock_changes_twice_within_one_cell() {
        let (from, to) = (at("2000-01-01T00:00:00Z"), at("2041-01-01T00:00:00Z"));
        let mut nearest = i64::MAX;
        for tz in TZ_VARIANTS {
            let changes = ZoneClock { tz, known: Vec::new() }.changes(from, to);
            for pair in changes.windows(2) {
                nearest = nearest.min(pair[1].at.0 - pair[0].at.0);
            }
        }
        assert_eq!(nearest / 3_600_000, 167, "hours between the nearest two changes: is CELL still short enough?");
        assert!(nearest > 2 * CELL);
    }
}
