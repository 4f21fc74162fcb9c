//! `deprecated`, `x-sunset` and `x-stability-level`: what was promised about an end, and whether it was kept.
use chrono::{DateTime, NaiveDate};

/// What was agreed on how long something deprecated stays. The day is given: a check has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// None: no date is judged against the present.
    pub today: Option<NaiveDate>,
    /// Days between deprecation and sunset, for what is in beta.
    pub beta_days: u32,
    /// The same for what is stable, or says nothing.
    pub stable_days: u32,
}

/// `x-stability-level`, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stability {
    Draft,
    Alpha,
    Beta,
    Stable,
}

impl Stability {
    pub fn named(word: &str) -> Option<Stability> {
        match word {
            "draft" => Some(Stability::Draft),
            "alpha" => Some(Stability::Alpha),
            "beta" => Some(Stability::Beta),
            "stable" => Some(Stability::Stable),
            _ => None,
        }
    }
}

/// What one side says of an end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notice<'a> {
    pub deprecated: bool,
    /// `x-sunset` as written; not text: empty.
    pub sunset: Option<&'a str>,
    pub stability: Option<Stability>,
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Deprecated,
    Reactivated,
    /// The terms want a date, and there is none.
    SunsetMissing,
    SunsetInvalid,
    SunsetTooSoon,
    SunsetRemoved,
}

/// How something that is gone had been announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    Unannounced,
    Announced,
    BeforeSunset,
    SunsetInvalid,
}

impl Terms {
    fn days(&self, stability: Option<Stability>) -> u32 {
        match stability {
            Some(Stability::Draft | Stability::Alpha) => 0,
            Some(Stability::Beta) => self.beta_days,
            Some(Stability::Stable) | None => self.stable_days,
        }
    }

    fn too_soon(&self, date: NaiveDate, stability: Option<Stability>) -> bool {
        self.today.is_some_and(|today| (date - today).num_days() < i64::from(self.days(stability)))
    }

    /// What changed in what is said of an end.
    pub fn compare(&self, old: Notice<'_>, new: Notice<'_>) -> Option<Event> {
        match (old.deprecated, new.deprecated) {
            (false, true) => Some(match new.sunset.map(date) {
                None if self.days(new.stability) > 0 => Event::SunsetMissing,
                None => Event::Deprecated,
                Some(None) => Event::SunsetInvalid,
                Some(Some(day)) if self.too_soon(day, new.stability) => Event::SunsetTooSoon,
                Some(Some(_)) => Event::Deprecated,
            }),
            (true, false) => Some(Event::Reactivated),
            (true, true) => match (old.sunset, new.sunset) {
                (Some(_), None) => Some(Event::SunsetRemoved),
                (before, Some(text)) if before != Some(text) => match (before.and_then(date), date(text)) {
                    (_, None) => Some(Event::SunsetInvalid),
                    // To bring an end forward is allowed as long as enough days are left.
                    (Some(before), Some(day)) if day < before && self.too_soon(day, new.stability) => {
                        Some(Event::SunsetTooSoon)
                    }
                    _ => None,
                },
                _ => None,
            },
            (false, false) => None,
        }
    }

    /// Whether something that is gone could be expected to be.
    pub fn farewell(&self, old: Notice<'_>) -> Farewell {
        match (old.deprecated, old.sunset.map(date)) {
            (false, _) => Farewell::Unannounced,
            (true, None) => Farewell::Announced,
            (true, Some(None)) => Farewell::SunsetInvalid,
            (true, Some(Some(day))) if self.today.is_some_and(|today| today < day) => Farewell::BeforeSunset,
            (true, Some(Some(_))) => Farewell::Announced,
        }
    }
}

/// A full date or a date with time, as RFC 3339 writes them.
fn date(text: &str) -> Option<NaiveDate> {
    let full = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    full.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|t| t.date_naive()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(days: u32) -> Terms {
        Terms { today: NaiveDate::from_ymd_opt(2026, 6, 1), beta_days: 1, stable_days: days }
    }

    fn notice(sunset: Option<&str>) -> Notice<'_> {
        Notice { deprecated: true, sunset, stability: None }
    }

    #[test]
    fn an_end_is_announced_with_a_date_that_leaves_time() {
        let none = Notice::default();
        for (days, sunset, event) in [
            (0, None, Event::Deprecated),
            (30, None, Event::SunsetMissing),
            (30, Some("soon"), Event::SunsetInvalid),
            (30, Some("2026-06-30"), Event::SunsetTooSoon),
            (30, Some("2026-07-01"), Event::Deprecated),
            (0, Some("2026-07-01T10:00:00Z"), Event::Deprecated),
            (0, Some("2026-05-31"), Event::SunsetTooSoon),
        ] {
            assert_eq!(terms(days).compare(none, notice(sunset)), Some(event), "{days} {sunset:?}");
        }
        assert_eq!(terms(0).compare(notice(None), none), Some(Event::Reactivated));
        assert_eq!(terms(0).compare(notice(Some("2027-01-01")), notice(None)), Some(Event::SunsetRemoved));
        let earlier = (notice(Some("2027-01-01")), notice(Some("2026-06-10")));
        assert_eq!(terms(30).compare(earlier.0, earlier.1), Some(Event::SunsetTooSoon));
        assert_eq!(terms(5).compare(earlier.0, earlier.1), None);
        assert_eq!(terms(30).compare(earlier.1, earlier.0), None);
    }

    #[test]
    fn what_goes_was_announced_and_its_day_has_come() {
        assert_eq!(terms(0).farewell(Notice::default()), Farewell::Unannounced);
        assert_eq!(terms(0).farewell(notice(None)), Farewell::Announced);
        assert_eq!(terms(0).farewell(notice(Some("2026-06-01"))), Farewell::Announced);
        assert_eq!(terms(0).farewell(notice(Some("2026-06-02"))), Farewell::BeforeSunset);
        assert_eq!(terms(0).farewell(notice(Some("2026-13-02"))), Farewell::SunsetInvalid);
    }
}
