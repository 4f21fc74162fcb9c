//! Windows that somebody got wrong before, by name; and days on which clocks do odd things.
use chrono::DateTime;

use super::window::{LOOK, Rules, Season, View, Weekly};
use super::{Outlook, clock};
use crate::spec::units::{Dur, Time};
use crate::spec::when::Zone;

fn at(text: &str) -> Time {
    Time(DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{text}: {e}")).timestamp_millis())
}

fn z(time: Option<Time>) -> String {
    time.map_or("-".into(), |t| t.utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// `Sun 02:00-06:00`, several after one another.
fn weekly(text: &str) -> Vec<Weekly> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let one = |pair: &[&str]| {
        let (start, end) = pair[1].split_once('-').unwrap();
        Weekly { days: pair[0].parse().unwrap(), start: start.parse().unwrap(), end: end.parse().unwrap() }
    };
    words.chunks(2).map(one).collect()
}

struct Case {
    zone: Zone,
    rules: Rules,
}

fn case(zone: &str, windows: &str) -> Case {
    Case { zone: zone.parse().unwrap(), rules: Rules { windows: weekly(windows), ..Rules::default() } }
}

impl Case {
    fn without(mut self, dates: &str) -> Case {
        self.rules.excluded = dates.split_whitespace().map(|d| d.parse().unwrap()).collect();
        self.rules = self.rules.tidy();
        self
    }

    fn season(mut self, months: &str, days: &str) -> Case {
        self.rules.seasons.push(Season { months: months.parse().unwrap(), days: days.parse().unwrap() });
        self
    }

    fn look(&self, now: &str, needs: Option<&str>) -> Outlook {
        let clock = clock(self.zone, at(now));
        View { clock: &clock, rules: &self.rules }.outlook(at(now), needs.map(|d| d.parse().unwrap()))
    }

    /// The intervals that begin after `now`, as `start/end`.
    fn intervals(&self, now: &str, count: usize) -> Vec<String> {
        let clock = clock(self.zone, at(now));
        let view = View { clock: &clock, rules: &self.rules };
        let (mut found, mut from) = (Vec::new(), at(now));
        while let Some(start) = view.next_start(from).filter(|_| found.len() < count) {
            let end = view.next_end(start);
            found.push(format!("{}/{}", z(Some(start)), z(end)));
            from = start;
        }
        found
    }
}

#[test]
fn erp_sketch_overnight_windows_never_open() {
    // There: closed when the time is before the start or after the end, which for 22:00-02:00 is always.
    let case = case("Europe/Berlin", "Sat 22:00-02:00");
    let look = case.look("2026-11-21T23:30:00Z", None);
    assert!(look.in_window);
    assert_eq!(
        (z(look.current_start), z(look.next_end)),
        ("2026-11-21T21:00:00Z".into(), "2026-11-22T01:00:00Z".into())
    );
}

#[test]
fn erp_sketch_next_window_lies_in_the_past() {
    // There: the first matching day's start, although that day's window is over or has begun.
    let case = case("Europe/Berlin", "Sun 02:00-06:00");
    for now in ["2026-11-22T02:30:00Z", "2026-11-22T01:00:00Z", "2026-11-22T20:00:00Z"] {
        assert_eq!(z(case.look(now, None).next_start), "2026-11-29T01:00:00Z", "{now}");
    }
}

#[test]
fn erp_sketch_end_is_inclusive() {
    let case = case("UTC", "Sun 02:00-06:00");
    assert!(case.look("2026-11-22T05:59:59.999Z", None).in_window);
    assert!(!case.look("2026-11-22T06:00:00Z", None).in_window);
    assert!(case.look("2026-11-22T02:00:00Z", None).in_window);
    assert!(!case.look("2026-11-22T01:59:59.999Z", None).in_window);
}

#[test]
fn erp_sketch_reads_the_date_in_the_zone_of_the_server() {
    // It is Saturday where the server stands, and Sunday already in Auckland.
    let look = case("Pacific/Auckland", "Sun 02:00-06:00").look("2026-11-21T13:30:00Z", None);
    assert!(look.in_window);
    assert_eq!(z(look.next_end), "2026-11-21T17:00:00Z");
}

#[test]
fn erp_sketch_a_gap_day_shifts_the_time_for_good() {
    // There: a day is added again and again to a time that a gap has moved to 03:30, which it then stays.
    let case = case("Europe/Berlin", "Sat,Sun,Mon 02:30-04:00");
    assert_eq!(
        case.intervals("2026-03-28T00:00:00Z", 3),
        [
            "2026-03-28T01:30:00Z/2026-03-28T03:00:00Z",
            "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z",
            "2026-03-30T00:30:00Z/2026-03-30T02:00:00Z",
        ]
    );
}

#[test]
fn erp_sketch_starts_what_does_not_fit() {
    let look = case("UTC", "Sun 02:00-06:00").look("2026-11-22T04:30:00Z", Some("2h"));
    assert!(look.in_window && !look.fits_now);
    assert_eq!(z(look.earliest_fit), "2026-11-29T02:00:00Z");
    assert_eq!(z(look.last_safe_start), "2026-11-22T04:00:00Z");
    assert!(case("UTC", "Sun 02:00-06:00").look("2026-11-22T04:00:00Z", Some("2h")).fits_now);
}

#[test]
fn erp_sketch_loops_for_ever_when_every_day_is_excluded() {
    let look =
        case("UTC", "Sun 02:00-06:00").without("2020-01-01..2199-12-31").look("2026-11-22T04:30:00Z", Some("2h"));
    assert_eq!((look.in_window, look.next_start, look.next_end, look.earliest_fit), (false, None, None, None));
    assert_eq!((look.current_start, look.last_safe_start), (None, None));
}

#[test]
fn erp_sketch_excludes_a_whole_night_by_the_date_it_is_asked_on() {
    // An overnight window is cut at midnight: the evening before an excluded date stays, and so does the morning after.
    let case = case("Europe/Berlin", "Sat,Sun,Mon 00:00-00:00");
    let cut = case.without("2026-11-22");
    assert_eq!(
        cut.intervals("2026-11-20T12:00:00Z", 2),
        ["2026-11-20T23:00:00Z/2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z/2026-11-23T23:00:00Z"]
    );
}

#[test]
fn studio_sketch_says_saturdays_in_a_table_and_weekends_in_code() {
    let case = case("America/New_York", "Sat,Sun 10:00-12:00").season("05,06,07,08,09", "Sat");
    // Saturday 5 and Sunday 6 September 2026, then the first Saturday that is no longer in the season.
    assert_eq!(
        case.intervals("2026-09-04T00:00:00Z", 5),
        [
            "2026-09-06T14:00:00Z/2026-09-06T16:00:00Z",
            "2026-09-13T14:00:00Z/2026-09-13T16:00:00Z",
            "2026-09-20T14:00:00Z/2026-09-20T16:00:00Z",
            "2026-09-27T14:00:00Z/2026-09-27T16:00:00Z",
            "2026-10-03T14:00:00Z/2026-10-03T16:00:00Z",
        ]
    );
}

#[test]
fn studio_sketch_has_no_zone() {
    // In Auckland September ends half a day before it does in UTC, and its Saturday begins then, too.
    let case = case("Pacific/Auckland", "Fri 20:00-04:00").season("05", "Sat");
    assert_eq!(case.intervals("2026-05-28T12:00:00Z", 1), ["2026-05-29T08:00:00Z/2026-05-29T12:00:00Z"]);
}

#[test]
fn a_window_wholly_in_a_gap_is_none_and_is_not_moved() {
    let case = case("Europe/Berlin", "Sun 02:00-03:00");
    assert_eq!(
        case.intervals("2026-03-23T00:00:00Z", 1),
        ["2026-04-05T00:00:00Z/2026-04-05T01:00:00Z"],
        "29 March has no 02:00 to 03:00"
    );
}

#[test]
fn a_window_over_an_overlap_is_one_longer_interval() {
    let longer = case("Europe/Berlin", "Sun 01:00-04:00");
    assert_eq!(longer.intervals("2026-10-24T00:00:00Z", 1), ["2026-10-24T23:00:00Z/2026-10-25T03:00:00Z"]);
    // One that ends inside it ends at the first reading, and one that starts inside starts there.
    let ends = case("Europe/Berlin", "Sun 01:00-02:30");
    assert_eq!(
        ends.intervals("2026-10-24T00:00:00Z", 2),
        ["2026-10-24T23:00:00Z/2026-10-25T00:30:00Z", "2026-11-01T00:00:00Z/2026-11-01T01:30:00Z"]
    );
    let starts = case("Europe/Berlin", "Sun 02:30-04:00");
    assert_eq!(starts.intervals("2026-10-24T00:00:00Z", 1), ["2026-10-25T00:30:00Z/2026-10-25T03:00:00Z"]);
}

#[test]
fn half_an_hour_of_summer_time() {
    let case = case("Australia/Lord_Howe", "Sun 01:45-02:15");
    // In April the clock goes from 02:00 back to 01:30; in October from 02:00 to 02:30.
    assert_eq!(
        case.intervals("2026-04-03T00:00:00Z", 1),
        ["2026-04-04T14:45:00Z/2026-04-04T15:45:00Z"],
        "an hour long: the half hour is there twice"
    );
    assert_eq!(case.intervals("2026-10-03T00:00:00Z", 1), ["2026-10-03T15:15:00Z/2026-10-03T15:30:00Z"]);
}

#[test]
fn a_date_that_was_left_out_has_no_window() {
    // Samoa had no Friday 30 December 2011.
    assert_eq!(
        case("Pacific/Apia", "Fri 22:00-04:00").intervals("2011-12-28T00:00:00Z", 1),
        ["2012-01-06T08:00:00Z/2012-01-06T14:00:00Z"]
    );
    // A window of the day before ends where that date would have begun.
    assert_eq!(
        case("Pacific/Apia", "Thu 22:00-04:00").intervals("2011-12-28T00:00:00Z", 1),
        ["2011-12-30T08:00:00Z/2011-12-30T10:00:00Z"]
    );
    // Excluding it changes nothing.
    assert_eq!(
        case("Pacific/Apia", "Thu,Sat 00:00-00:00").without("2011-12-30").intervals("2011-12-28T12:00:00Z", 1),
        ["2011-12-29T10:00:00Z/2011-12-31T10:00:00Z"],
        "Thursday and Saturday touch"
    );
}

#[test]
fn a_midnight_that_does_not_exist() {
    // In Brazil the clock went from 00:00 to 01:00 of a Sunday.
    assert_eq!(
        case("America/Sao_Paulo", "Sun 00:00-02:00").intervals("2018-11-03T12:00:00Z", 1),
        ["2018-11-04T03:00:00Z/2018-11-04T04:00:00Z"]
    );
    assert_eq!(
        case("America/Sao_Paulo", "Sat 22:00-02:00").without("2018-11-04").intervals("2018-11-03T12:00:00Z", 1),
        ["2018-11-04T01:00:00Z/2018-11-04T03:00:00Z"]
    );
}

#[test]
fn a_date_that_is_entered_twice_is_cut_twice() {
    // In Brazil the clock went from 00:00 of a Sunday back to 23:00 of the Saturday.
    let sunday = case("America/Sao_Paulo", "Sat 22:00-06:00").without("2018-02-17");
    assert_eq!(sunday.intervals("2018-02-17T12:00:00Z", 1), ["2018-02-18T03:00:00Z/2018-02-18T09:00:00Z"]);
    // In Newfoundland it went at 00:01: one minute of Sunday, then Saturday's last hour once more.
    let after = case("America/St_Johns", "Sun 00:00-02:00");
    assert_eq!(
        after.intervals("2010-11-06T12:00:00Z", 1),
        ["2010-11-07T02:30:00Z/2010-11-07T05:30:00Z"],
        "it stays open while it is Saturday once more"
    );
    let twice = case("America/St_Johns", "Sat 23:00-02:00");
    assert_eq!(twice.intervals("2010-11-06T12:00:00Z", 1), ["2010-11-07T01:30:00Z/2010-11-07T05:30:00Z"]);
    assert_eq!(
        twice.without("2010-11-07").intervals("2010-11-06T12:00:00Z", 2),
        ["2010-11-07T01:30:00Z/2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z/2010-11-07T03:30:00Z"]
    );
}

#[test]
fn touching_intervals_are_one_and_one_that_never_ends_has_no_end() {
    let always = case("Europe/Berlin", "Mon,Tue,Wed,Thu,Fri,Sat,Sun 03:00-03:00");
    let look = always.look("2026-11-22T04:30:00Z", Some("9000h"));
    assert!(look.in_window && look.fits_now);
    assert_eq!((look.current_start, look.next_start, look.next_end, look.last_safe_start), (None, None, None, None));
    assert_eq!(look.earliest_fit, Some(at("2026-11-22T04:30:00Z")));
    // From a day on: it opens, does not close, and anything fits.
    let later = case("Europe/Berlin", "Mon,Tue,Wed,Thu,Fri,Sat,Sun 03:00-03:00").without("2026-11-01..2026-12-01");
    let look = later.look("2026-11-22T04:30:00Z", Some("9000h"));
    assert_eq!((z(look.next_start), look.next_end), ("2026-12-01T23:00:00Z".into(), None));
    assert_eq!((z(look.earliest_fit), look.last_safe_start), ("2026-12-01T23:00:00Z".into(), None));
    let pair = case("UTC", "Sun 02:00-04:00 Sun 04:00-06:00 Sun 05:00-05:30");
    assert_eq!(pair.intervals("2026-11-21T00:00:00Z", 1), ["2026-11-22T02:00:00Z/2026-11-22T06:00:00Z"]);
}

#[test]
fn equal_start_and_end_is_one_whole_local_day() {
    let case = case("Europe/Berlin", "Sun 00:00-00:00");
    // 23 hours in March, 25 in October.
    assert_eq!(case.intervals("2026-03-28T00:00:00Z", 1), ["2026-03-28T23:00:00Z/2026-03-29T22:00:00Z"]);
    assert_eq!(case.intervals("2026-10-24T00:00:00Z", 1), ["2026-10-24T22:00:00Z/2026-10-25T23:00:00Z"]);
}

#[test]
fn there_is_no_safe_start_in_a_window_that_is_too_short() {
    let look = case("UTC", "Sun 02:00-06:00").look("2026-11-21T00:00:00Z", Some("4h1m"));
    assert_eq!((look.earliest_fit, look.last_safe_start), (None, None));
    let look = case("UTC", "Sun 02:00-06:00").look("2026-11-21T00:00:00Z", Some("4h"));
    assert_eq!(
        (z(look.earliest_fit), z(look.last_safe_start)),
        ("2026-11-22T02:00:00Z".into(), "2026-11-22T02:00:00Z".into())
    );
}

/// `date: usual, true length` of the windows that the next change of the clock touches.
fn touched(case: &Case, now: &str) -> Vec<String> {
    let clock = clock(case.zone, at(now));
    let view = View { clock: &clock, rules: &case.rules };
    let change = clock.changes(at(now), at(now) + LOOK).remove(0);
    let said = |length: Option<Dur>| length.map_or("-".into(), |d| d.to_string());
    view.touched(&change).iter().map(|t| format!("{}: {}, {}", t.date, t.usual, said(t.length))).collect()
}

#[test]
fn a_change_of_the_clock_is_told_of_what_is_left_of_a_window() {
    // The hour that is skipped lies in the half that is ruled out, or in the other.
    let night = || case("Europe/Berlin", "Sat 22:00-04:00");
    let march = "2026-03-28T12:00:00Z";
    assert_eq!(touched(&night(), march), ["2026-03-28: 6h, 5h"]);
    assert_eq!(touched(&night().season("3", "Sun"), march), [""; 0]);
    assert_eq!(touched(&night().season("3", "Sat"), march), ["2026-03-28: 4h, 3h"]);
    assert_eq!(touched(&night().without("2026-03-28..2026-03-29"), march), [""; 0]);
    // At midnight: the last hour of the day is there twice, the next day is ruled out.
    let cairo = || case("Africa/Cairo", "Thu 23:30-00:30");
    assert_eq!(touched(&cairo(), "2026-10-29T12:00:00Z"), ["2026-10-29: 1h, 2h"]);
    assert_eq!(touched(&cairo().without("2026-10-30"), "2026-10-29T12:00:00Z"), ["2026-10-29: 30m, 1h30m"]);
    // A window that is lost in the gap is lost, unless nobody had it.
    let lost = || case("Europe/Berlin", "Sun 02:00-03:00");
    assert_eq!(touched(&lost(), march), ["2026-03-29: 1h, -"]);
    assert_eq!(touched(&lost().without("2026-03-29"), march), [""; 0]);
    let mut frozen = lost();
    frozen.rules.closed = vec![(at("2026-03-28T00:00:00Z"), at("2026-03-30T00:00:00Z"))];
    assert_eq!(touched(&frozen, march), [""; 0]);
    // A freeze that takes the part with the change, and one that takes another.
    let mut frozen = night();
    frozen.rules.closed = vec![(at("2026-03-29T00:30:00Z"), at("2026-03-30T00:00:00Z"))];
    assert_eq!(touched(&frozen, march), [""; 0]);
    frozen.rules.closed = vec![(at("2026-03-28T20:00:00Z"), at("2026-03-28T23:00:00Z"))];
    assert_eq!(touched(&frozen, march), ["2026-03-28: 4h, 3h"]);
}

#[test]
fn exactly_400_days_are_looked_ahead() {
    let case = case("UTC", "Sun 02:00-06:00").without("2026-11-23..2027-12-26");
    let start = at("2028-01-02T02:00:00Z");
    for (now, found) in [(start - LOOK, Some(start)), (start - LOOK - Dur::secs(1), None)] {
        let clock = clock(case.zone, now);
        let view = View { clock: &clock, rules: &case.rules };
        assert_eq!(view.next_start(now), found);
        assert_eq!(view.earliest_fit(now, Dur::hours(2)), found, "the end may lie further ahead");
        assert_eq!(view.next_end(now), None);
    }
}
