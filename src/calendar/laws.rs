//! Laws of windows, over zones of the whole database and the years 2000 to 2040, each zone's own clock changes included.
use chrono::{DateTime, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::brute::{self, MINUTE};
use super::window::{LOOK, Rules, Season, View, WEEK, Weekly};
use super::zone::ZoneClock;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Clock, DAY, Date, Dates, Months, Weekday, Zone};

/// How far around `now` the minutes are looked at.
const NEAR: i64 = 10;

fn year(y: i32) -> i64 {
    NaiveDate::from_ymd_opt(y, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis()
}

/// Changes that do what few do: over midnight, by half an hour, by two hours, by a day, twice in a month.
const ODD: [(&str, &str); 12] = [
    ("America/St_Johns", "2010-11-07T02:31:00Z"),
    ("America/St_Johns", "2011-03-13T03:31:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Pacific/Fakaofo", "2011-12-30T11:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("America/Havana", "2026-11-01T05:00:00Z"),
    ("Atlantic/Azores", "2026-10-25T01:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
];

/// A zone and an instant: half of the time within two days of one of its changes, some of it near an odd one.
fn place_and_time() -> impl Strategy<Value = (Tz, Time)> {
    let odd = (prop::sample::select(ODD.to_vec()), -1440..1440_i64).prop_map(|((zone, change), off)| {
        let at = DateTime::parse_from_rfc3339(change).unwrap().timestamp_millis();
        (zone.parse().unwrap(), Time((at / MINUTE + off) * MINUTE))
    });
    prop_oneof![4 => anywhere(), 1 => odd]
}

fn anywhere() -> impl Strategy<Value = (Tz, Time)> {
    let minutes = (year(2000) / MINUTE)..(year(2040) / MINUTE);
    (0..TZ_VARIANTS.len(), minutes, any::<bool>(), -2 * 1440..2 * 1440_i64).prop_map(|(tz, minute, change, off)| {
        let tz = TZ_VARIANTS[tz];
        let at = Time(minute * MINUTE);
        let clock = ZoneClock::around(Zone(tz), Time(0), Time(0));
        let near = clock.changes(at, at + Dur::hours(24 * 220)).first().copied().filter(|_| change);
        // A few changes of early years were on odd seconds.
        (tz, near.map_or(at, |c| Time((c.at.0 / MINUTE + off) * MINUTE)))
    })
}

fn weekdays() -> impl Strategy<Value = Vec<Weekday>> {
    prop::collection::vec(prop::sample::select(Weekday::ALL.to_vec()), 1..8)
}

fn clock() -> impl Strategy<Value = Clock> {
    // Around midnight and in the small hours is where clocks change.
    let hour = prop_oneof![3 => 0..4_u16, 1 => 22..24_u16, 2 => 0..24_u16];
    (hour, prop_oneof![2 => Just(0), 1 => Just(30), 1 => 0..60_u16]).prop_map(|(h, m)| Clock::of(h, m).unwrap())
}

fn weekly() -> impl Strategy<Value = Weekly> {
    (weekdays(), clock(), clock(), prop::bool::weighted(0.15)).prop_map(|(days, start, end, same)| Weekly {
        days: days.into_iter().collect(),
        start,
        end: if same { start } else { end },
    })
}

/// Rules around an instant.
fn rules(now: Time) -> impl Strategy<Value = Rules> {
    let today = i32::try_from(now.0.div_euclid(DAY)).unwrap();
    let dates = (-3..6, 0..3)
        .prop_map(move |(first, more)| Dates { first: Date(today + first), last: Date(today + first + more) });
    let month = Date(today).parts().1;
    let season = (weekdays(), 0..3_u32).prop_map(move |(days, off)| Season {
        months: Months::of([(month + off + 11) % 12 + 1, month]).unwrap(),
        days: days.into_iter().collect(),
    });
    let closed = (-2 * 1440..3 * 1440_i64, 1..2000_i64).prop_map(move |(from, long)| {
        let from = now.0 + from * MINUTE;
        (Time(from), Time(from + long * MINUTE))
    });
    let windows = prop::collection::vec(weekly(), 1..4);
    let few = |p: f64| prop::bool::weighted(p);
    (
        windows,
        (few(0.5), prop::collection::vec(dates, 1..3)),
        (few(0.3), prop::collection::vec(season, 1..3)),
        (few(0.2), prop::collection::vec(closed, 1..3)),
    )
        .prop_map(|(windows, excluded, seasons, closed)| {
            fn kept<T>((keep, list): (bool, Vec<T>)) -> Vec<T> {
                if keep { list } else { Vec::new() }
            }
            Rules { windows, excluded: kept(excluded), seasons: kept(seasons), closed: kept(closed) }.tidy()
        })
}

fn case() -> impl Strategy<Value = (Tz, Time, Rules, Dur)> {
    place_and_time().prop_flat_map(|(tz, now)| {
        let needs = prop_oneof![4 => 1..400_u64, 1 => 1..5000_u64].prop_map(Dur::mins);
        (Just(tz), Just(now), rules(now), needs)
    })
}

/// What was found by looking at minutes is the answer; nothing found means that the answer is not near.
fn agree(what: &str, told: Option<Time>, seen: Option<Time>, last: Time) -> Result<(), TestCaseError> {
    prop_assert!(
        told == seen || seen.is_none() && told.is_none_or(|t| t >= last),
        "{what}: told {told:?}, seen {seen:?}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each answer against a look at every minute.
    #[test]
    fn every_answer_is_the_one_a_look_at_each_minute_gives((tz, now, rules, needs) in case()) {
        let near = Dur::hours(24 * NEAR.unsigned_abs());
        let (first, last) = (now - Dur::hours(24 * 5), now + near);
        let seen = brute::scan(tz, &rules, first, last);
        let clock = ZoneClock::around(Zone(tz), first, last);
        let view = View { clock: &clock, rules: &rules };
        for minute in 0..seen.open.len() {
            let at = Time(seen.from + i64::try_from(minute).unwrap() * MINUTE);
            // Every minute near now, and a few of the others.
            if (at.0 - now.0).abs() < 1440 * MINUTE || minute % 61 == 0 {
                prop_assert_eq!(view.in_window(at), seen.open[minute], "in_window at {}", clock.read(at));
            }
        }
        let open = seen.at(now);
        agree("next_start", view.next_start(now), seen.next(now, true), last)?;
        agree("next_end", view.next_end(now), seen.next(now, false), last)?;
        match view.current_start(now) {
            Some(start) if start >= first => prop_assert_eq!(Some(start), seen.since(now), "current_start"),
            _ => prop_assert_eq!(seen.since(now), None, "current_start"),
        }
        let ends = seen.next(now, false).filter(|_| open);
        if !open || ends.is_some() || now + needs <= last {
            let fits = open && ends.is_none_or(|end| end.since(now) >= needs);
            prop_assert_eq!(view.fits(now, needs), fits, "fits");
        }
        let fit = seen.fit(now, needs);
        // A run of open minutes that reaches the edge may be long enough; then nothing is known.
        let edge = seen.open.iter().rev().take_while(|open| **open).count();
        let known = Time(last.0 - i64::try_from(edge).unwrap() * MINUTE);
        match (view.earliest_fit(now, needs), fit) {
            (told, Some(at)) => prop_assert_eq!(told, Some(at), "earliest_fit"),
            (told, None) => prop_assert!(told.is_none_or(|t| t >= known), "earliest_fit: told {:?}, not so", told),
        }
        if let Some(end) = seen.next(now, false) {
            let start = seen.since(Time(end.0 - MINUTE));
            let safe = Some(end - needs).filter(|safe| start.is_none_or(|start| start <= *safe));
            if start.is_some() || end - needs >= first {
                prop_assert_eq!(view.last_safe_start(now, needs), safe, "last_safe_start");
            }
        }
    }

    /// What must hold whatever the rules are; far answers included, so that nothing here looks at minutes.
    #[test]
    fn answers_are_in_order_and_agree_with_each_other((tz, now, rules, needs) in case()) {
        let clock = super::clock(Zone(tz), now);
        let view = View { clock: &clock, rules: &rules };
        let look = view.outlook(now, Some(needs));
        prop_assert_eq!(look.in_window, view.in_window(now));
        prop_assert_eq!(look.current_start, view.current_start(now));
        prop_assert_eq!(look.next_start, view.next_start(now));
        prop_assert_eq!(look.next_end, view.next_end(now));
        prop_assert_eq!(look.fits_now, view.fits(now, needs));
        prop_assert_eq!(look.earliest_fit, view.earliest_fit(now, needs));
        prop_assert_eq!(look.last_safe_start, view.last_safe_start(now, needs));
        let bare = view.outlook(now, None);
        prop_assert_eq!((bare.fits_now, bare.last_safe_start), (look.in_window, None));
        prop_assert_eq!(bare.earliest_fit, if look.in_window { Some(now) } else { look.next_start });
        for (name, at) in [("next_start", look.next_start), ("next_end", look.next_end)] {
            prop_assert!(at.is_none_or(|at| at > now && at <= now + LOOK), "{} {:?}", name, at);
        }
        if let Some(start) = look.next_start {
            prop_assert!(view.in_window(start) && !view.in_window(Time(start.0 - 1)), "an opening opens");
            let end = view.next_end(start);
            prop_assert!(end.is_none_or(|end| start < end), "it starts before it ends");
        }
        if let Some(end) = look.next_end {
            prop_assert!(!view.in_window(end) && view.in_window(Time(end.0 - 1)), "a closing closes");
            prop_assert_eq!(look.in_window, look.next_start.is_none_or(|start| end < start));
        }
        if let Some(fit) = look.earliest_fit {
            prop_assert!(view.fits(fit, needs) && (fit == now || !view.in_window(Time(fit.0 - 1))));
        }
        if let Some(safe) = look.last_safe_start {
            prop_assert!(view.fits(safe, needs) && !view.fits(Time(safe.0 + 1), needs));
        }
    }

    /// What is said to come again every week does, as long as it is said to, and nothing else is open in between.
    #[test]
    fn a_week_comes_again_as_long_as_it_is_said_to((tz, now, rules, _) in case()) {
        let clock = super::clock(Zone(tz), now);
        let view = View { clock: &clock, rules: &rules };
        let closed = if view.in_window(now) { view.next_end(now) } else { Some(now) };
        let Some((closed, (week, until))) = closed.and_then(|at| Some((at, view.week(at)?))) else { return Ok(()) };
        let mut at = closed;
        for n in 0..40 {
            let (start, end) = week[n % week.len()];
            let later = i64::try_from(n / week.len()).unwrap() * WEEK;
            let (start, end) = (Time(start.0 + later), Time(end.0 + later));
            if end > until {
                break;
            }
            prop_assert_eq!(view.opens_after(at, at + LOOK), Some(start), "opening {} after {}", n, clock.read(closed));
            prop_assert_eq!(view.closes_after(start, start + LOOK), Some(end), "opening {} after {}", n, clock.read(closed));
            at = end;
        }
    }
}

/// Answers that are far: each minute of more than a year is looked at.
#[test]
fn far_answers_and_never() {
    let at = |text: &str| Time(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
    let season = Season { months: Months::of(1..=12).unwrap(), days: [Weekday::Sat].into_iter().collect() };
    let saturday = Weekly {
        days: [Weekday::Sat].into_iter().collect(),
        start: Clock::of(23, 0).unwrap(),
        end: Clock::of(0, 30).unwrap(),
    };
    let now = at("2025-12-31T23:00:00Z");
    let cases = [
        // Only the half hour after midnight is left, and for a year not even that.
        (Rules { windows: vec![saturday], seasons: vec![season], ..Rules::default() }, Dur::mins(30)),
        (
            Rules {
                windows: vec![saturday],
                excluded: vec!["2026-01-01..2026-12-31".parse().unwrap()],
                ..Rules::default()
            },
            Dur::mins(45),
        ),
        (Rules { windows: vec![saturday], seasons: vec![season], ..Rules::default() }, Dur::mins(31)),
    ];
    for (rules, needs) in cases {
        let seen = brute::scan(Tz::Europe__Berlin, &rules, now, now + LOOK);
        let clock = super::clock(Zone(Tz::Europe__Berlin), now);
        let look = View { clock: &clock, rules: &rules }.outlook(now, Some(needs));
        assert_eq!(look.next_start, seen.next(now, true));
        assert_eq!(look.next_end, seen.next(now, false));
        assert_eq!(look.earliest_fit, seen.fit(now, needs));
    }
}
