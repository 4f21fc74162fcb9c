//! Instants for a reader, in the reader's zone or in UTC.
use chrono::Datelike;
use chrono_tz::Tz;

use crate::spec::units::{Dur, Time};
use crate::spec::when::Instant;

/// The zone times are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

impl Zone {
    pub const UTC: Zone = Zone(Tz::UTC);

    /// A zone by its IANA name, such as `Europe/Berlin`. Unknown names are an error, never UTC.
    pub fn named(name: &str) -> Result<Zone, String> {
        name.parse().map(Zone).map_err(|_| {
            format!("`{name}` is not a time zone known here; write an IANA name such as Europe/Berlin, or UTC")
        })
    }

    /// `03:12:00`.
    pub fn clock(self, t: Time) -> String {
        self.local(t).format("%H:%M:%S").to_string()
    }

    /// `03:12`.
    pub fn minute(self, t: Time) -> String {
        self.local(t).format("%H:%M").to_string()
    }

    /// Short name of the zone at that instant: `CET`, `CEST`, `UTC`, `+03`.
    pub fn label(self, t: Time) -> String {
        self.local(t).format("%Z").to_string()
    }

    /// `03:12:00`, with the day when it is not within twelve hours of `now`.
    pub fn near(self, t: Time, now: Time) -> String {
        if (t.0 - now.0).unsigned_abs() < Dur::hours(12).0 { self.clock(t) } else { self.day(t, now) }
    }

    /// `Sun 22 Nov 03:12`; with its year where that is not clear.
    pub fn day(self, t: Time, now: Time) -> String {
        self.show(t, if clear(t, now) { "%a %d %b %H:%M" } else { "%a %F %H:%M" })
    }

    /// The same where there is less room: `22 Nov 03:12`, or `22 Nov 2031`.
    pub(super) fn date(self, t: Time, now: Time) -> String {
        self.show(t, if clear(t, now) { "%d %b %H:%M" } else { "%d %b %Y" })
    }

    /// A text of the engine, which knows no reader's zone: instants in it as [`Zone::near`] shows them.
    pub fn within(self, text: &str, now: Time) -> String {
        Zone::told(text, &|t| self.near(t, now))
    }

    /// The same as somebody says instants.
    pub(super) fn told(text: &str, say: &dyn Fn(Time) -> String) -> String {
        let word = |word: &str| {
            let end = word.rfind('Z').map_or(0, |z| z + 1);
            let (instant, rest) = word.split_at(end);
            match instant.parse::<Instant>() {
                Ok(at) => say(at.0) + rest,
                Err(_) => word.to_string(),
            }
        };
        text.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }

    /// By a pattern of the `chrono` crate, such as `%a %H:%M`.
    pub(super) fn show(self, t: Time, pattern: &str) -> String {
        self.local(t).format(pattern).to_string()
    }

    fn local(self, t: Time) -> chrono::DateTime<Tz> {
        let local = t.utc().with_timezone(&self.0);
        // A year that four digits do not write.
        if (0..=9999).contains(&local.year()) { local } else { t.utc().with_timezone(&Tz::UTC) }
    }
}

/// Day and month say enough: the same day of another year is far away.
fn clear(t: Time, now: Time) -> bool {
    (t.0 - now.0).unsigned_abs() < Dur::hours(24 * 300).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_instant_reads_by_zone_and_season() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        // 2026-11-22T02:12:00Z, then the summer of that year.
        let winter = Time(1_795_313_520_000);
        assert_eq!((berlin.clock(winter), berlin.label(winter)), ("03:12:00".into(), "CET".into()));
        assert_eq!((Zone::UTC.minute(winter), Zone::UTC.label(winter)), ("02:12".into(), "UTC".into()));
        let summer = winter - Dur::hours(24 * 120);
        assert_eq!((berlin.clock(summer), berlin.label(summer)), ("04:12:00".into(), "CEST".into()));
        assert_eq!(berlin.near(winter + Dur::hours(30), winter), "Mon 23 Nov 09:12");
        assert!(Zone::named("Mars/Olympus").is_err());
    }

    #[test]
    fn an_instant_within_a_text_reads_as_all_others() {
        let (berlin, now) = (Zone::named("Europe/Berlin").unwrap(), Time(1_795_313_520_000));
        assert_eq!(
            berlin.within("frozen by ivo until 2026-11-22T04:00:00Z: \"Zoe asks\"", now),
            "frozen by ivo until 05:00:00: \"Zoe asks\""
        );
        assert_eq!(
            berlin.within("put off by ivo until 2026-11-25T01:00:00Z.", now),
            "put off by ivo until Wed 25 Nov 02:00."
        );
        assert_eq!(berlin.within("  no instant:  Z ", now), "  no instant:  Z ");
    }
}
