//! Events of an iCalendar file as stretches that are closed.
use super::why::Extent;
use super::zone::date;
use crate::spec::ics::{Event, Frequency, Length, Moment, Repeat};
use crate::spec::units::Time;
use crate::spec::when::{DAY, Date, Dates, Weekday};

/// Periods of a rule that are looked at from where it matters on. Daily ones reach 270 years, far beyond what is asked for;
/// an event that is longer than that holds all of it by then.
const MAX_PERIODS: u32 = 100_000;

/// The occurrences of an event that touch the time between two instants, in order.
pub fn occurrences(event: &Event, from: Time, to: Time) -> Vec<Extent> {
    let (first, time) = match event.start {
        Moment::Date(day) => (day, 0),
        Moment::Local(wall, _) => (date(wall), wall.rem_euclid(DAY)),
        Moment::Utc(at) => (date(at.0), at.0.rem_euclid(DAY)),
    };
    let at = |day: Date| {
        let wall = i64::from(day.0) * DAY + time;
        match event.start {
            Moment::Local(_, zone) => Moment::Local(wall, zone).instant(),
            _ => wall,
        }
    };
    let start = at(first);
    // Further on nothing starts that could matter; a day more covers every zone.
    let last = date(to.0 + 2 * DAY);
    let days = match &event.rule {
        None => vec![first],
        Some(rule) => {
            let long = match event.length {
                Length::Days(n) => n,
                Length::Until(end) => whole_days(end.instant() - start),
                Length::For { days, millis } => days.saturating_add(whole_days(millis)),
            };
            // What began earlier is over by then, on every clock.
            let matters = Date(date(from.0).0.saturating_sub(long).saturating_sub(3));
            starts(rule, first, (matters, last), &|day| is_after(&event.rule, day, at(day)))
        }
    };
    let long_enough = |extent: &Extent| match extent {
        Extent::Local(dates) => i64::from(dates.last.0 + 2) * DAY > from.0,
        Extent::Between(_, end) => *end > from,
    };
    days.into_iter()
        .filter(|day| !event.except.iter().any(|e| is_at(*e, *day, at(*day))))
        .map(|day| match event.length {
            Length::Days(n) => Extent::Local(Dates { first: day, last: Date(day.0 + n - 1) }),
            Length::Until(end) => Extent::Between(Time(at(day)), Time(at(day) + end.instant() - start)),
            Length::For { days, millis } => Extent::Between(Time(at(day)), Time(at(Date(day.0 + days)) + millis)),
        })
        .filter(long_enough)
        .collect()
}

fn is_at(moment: Moment, day: Date, at: i64) -> bool {
    match moment {
        Moment::Date(other) => other == day,
        other => other.instant() == at,
    }
}

fn is_after(rule: &Option<Repeat>, day: Date, at: i64) -> bool {
    match rule.as_ref().and_then(|r| r.until) {
        None => false,
        Some(Moment::Date(last)) => day > last,
        Some(last) => at > last.instant(),
    }
}

fn whole_days(millis: i64) -> i32 {
    i32::try_from(millis / DAY + 1).unwrap_or(i32::MAX)
}

/// The dates a rule gives, the first one's included, from a little before `from` up to `last` or until `over`.
fn starts(rule: &Repeat, first: Date, (from, last): (Date, Date), over: &dyn Fn(Date) -> bool) -> Vec<Date> {
    let limit = rule.count.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    // Who counts begins at the first; the reader of the file sees to it that this is not long ago.
    let (begin, periods) = match rule.count {
        Some(_) => (0, u32::MAX),
        None => (periods_before(rule, first, from), MAX_PERIODS),
    };
    // The first is one whatever the rule says: the standard leaves it open, and more that is closed harms nobody.
    let mut found = vec![first];
    for n in begin..begin.saturating_add(periods) {
        let Some(period) = n.checked_mul(rule.interval) else { break };
        let (begin, mut days) = period_of(rule, first, i32::try_from(period).unwrap_or(i32::MAX));
        if begin > last {
            break;
        }
        days.sort_unstable();
        days.dedup();
        for day in days.into_iter().filter(|d| *d > first) {
            if found.len() >= limit || over(day) || day > last {
                return found;
            }
            found.push(day);
        }
    }
    found
}

/// How many periods of a rule can be left out, because they end before a date.
fn periods_before(rule: &Repeat, first: Date, from: Date) -> u32 {
    let ((year, month, _), (to_year, to_month, _)) = (first.parts(), from.parts());
    let months = |year: i32, month: u32| i64::from(year) * 12 + i64::from(month);
    let days = i64::from(from.0) - i64::from(first.0);
    if days <= 0 {
        return 0;
    }
    let passed = match rule.frequency {
        Frequency::Daily => days,
        Frequency::Weekly => days / 7,
        Frequency::Monthly => months(to_year, to_month) - months(year, month),
        Frequency::Yearly => i64::from(to_year) - i64::from(year),
    };
    // One more is looked at than must be: a period may begin before its first date.
    u32::try_from(passed / i64::from(rule.interval.max(1)) - 1).unwrap_or(0)
}

/// The first day of the `n`th period after that of `first`, and the dates the rule gives in it, in any order.
fn period_of(rule: &Repeat, first: Date, n: i32) -> (Date, Vec<Date>) {
    let (year, month, day) = first.parts();
    let limits = |d: &Date| in_month(rule, *d) && in_month_days(rule, *d);
    match rule.frequency {
        Frequency::Daily => {
            let day = Date(first.0.saturating_add(n));
            (day, [day].into_iter().filter(limits).filter(|d| on_weekday(rule, *d)).collect())
        }
        Frequency::Weekly => {
            let back = (first.weekday() as i32 - rule.week_start as i32).rem_euclid(7);
            let begin = Date((first.0 - back).saturating_add(n.saturating_mul(7)));
            let wanted = |d: &Date| match rule.by_day.is_empty() {
                true => d.weekday() == first.weekday(),
                false => on_weekday(rule, *d),
            };
            (begin, (0..7).map(|i| Date(begin.0.saturating_add(i))).filter(wanted).filter(limits).collect())
        }
        Frequency::Monthly => {
            let months = year * 12 + i32::try_from(month).unwrap_or(1) - 1 + n.min(120_000);
            let (y, m) = (months.div_euclid(12), u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1);
            let begin = Date::of(y, m, 1).unwrap_or(Date(i32::MAX));
            let wanted = rule.by_month.is_empty() || rule.by_month.contains(&m);
            (begin, if wanted { month_days(rule, y, m, day) } else { Vec::new() })
        }
        Frequency::Yearly => {
            let y = year + n.min(10_000);
            (Date::of(y, 1, 1).unwrap_or(Date(i32::MAX)), year_days(rule, y, month, day))
        }
    }
}

fn in_month(rule: &Repeat, day: Date) -> bool {
    rule.by_month.is_empty() || rule.by_month.contains(&day.parts().1)
}

fn in_month_days(rule: &Repeat, day: Date) -> bool {
    let (year, month, of) = day.parts();
    let long = i32::try_from(days_in(year, month)).unwrap_or(31);
    let of = i32::try_from(of).unwrap_or(0);
    rule.by_month_day.is_empty() || rule.by_month_day.iter().any(|d| *d == of || *d == of - long - 1)
}

fn on_weekday(rule: &Repeat, day: Date) -> bool {
    rule.by_day.is_empty() || rule.by_day.iter().any(|(_, weekday)| *weekday == day.weekday())
}

fn days_in(year: i32, month: u32) -> u32 {
    (28..=31).rev().find(|d| Date::of(year, month, *d).is_some()).unwrap_or(28)
}

/// Of one month: by days of the month, less those that are not on a weekday; else by weekdays; else the first one's day.
fn month_days(rule: &Repeat, year: i32, month: u32, day: u32) -> Vec<Date> {
    let all = || (1..=days_in(year, month)).filter_map(|d| Date::of(year, month, d));
    if !rule.by_month_day.is_empty() {
        let (first, last) = (Date::of(year, month, 1), Date::of(year, month, days_in(year, month)));
        let nth = |d: &Date| rule.by_day.is_empty() || is_nth(rule, *d, first, last);
        return all().filter(|d| in_month_days(rule, *d)).filter(nth).collect();
    }
    if !rule.by_day.is_empty() {
        let (first, last) = (Date::of(year, month, 1), Date::of(year, month, days_in(year, month)));
        return all().filter(|d| is_nth(rule, *d, first, last)).collect();
    }
    Date::of(year, month, day).into_iter().collect()
}

fn year_days(rule: &Repeat, year: i32, month: u32, day: u32) -> Vec<Date> {
    let months = || (1..=12).filter(|m| rule.by_month.is_empty() || rule.by_month.contains(m));
    match (rule.by_month_day.is_empty(), rule.by_day.is_empty(), rule.by_month.is_empty()) {
        (true, true, true) => Date::of(year, month, day).into_iter().collect(),
        // Weekdays without months count from the year's ends, whatever days of the month are asked for besides.
        (_, false, true) => {
            let (first, last) = (Date::of(year, 1, 1), Date::of(year, 12, 31));
            let all = months().flat_map(|m| (1..=days_in(year, m)).filter_map(move |d| Date::of(year, m, d)));
            all.filter(|d| in_month_days(rule, *d) && is_nth(rule, *d, first, last)).collect()
        }
        _ => months().flat_map(|m| month_days(rule, year, m, day)).collect(),
    }
}

/// Whether a date is on one of the rule's weekdays, and on the one that is asked for between two dates.
fn is_nth(rule: &Repeat, day: Date, first: Option<Date>, last: Option<Date>) -> bool {
    let (first, last) = (first.unwrap_or(day), last.unwrap_or(day));
    let fits = |(nth, weekday): &(Option<i32>, Weekday)| {
        *weekday == day.weekday()
            && match nth {
                None => true,
                Some(n) if *n > 0 => (day.0 - first.0) / 7 + 1 == *n,
                Some(n) => (last.0 - day.0) / 7 + 1 == -n,
            }
    };
    rule.by_day.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ics;
    use crate::spec::{SourceFile, report::Report, report_of};

    fn events(lines: &str) -> Result<Vec<Event>, Report> {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            lines.replace('|', "\r\n")
        );
        report_of(&SourceFile { name: "a.ics".into(), text }, |text, sink| ics::read(text, sink))
    }

    /// Starts of the occurrences in 2026 and 2027.
    fn starts_of(lines: &str) -> Vec<String> {
        let events = events(lines).unwrap_or_else(|report| panic!("{lines}\n{report}"));
        let (from, to) = (Time(1_767_225_600_000), Time(1_830_297_600_000));
        let found = occurrences(&events[0], from, to).into_iter().map(|extent| match extent {
            Extent::Local(dates) => dates.to_string(),
            Extent::Between(start, end) => {
                let start = start.utc().format("%Y-%m-%dT%H:%MZ").to_string();
                format!("{start}+{}", end.since(Time(start_millis(&start))))
            }
        });
        found.collect()
    }

    fn start_millis(text: &str) -> i64 {
        chrono::DateTime::parse_from_str(&text.replace('Z', "+00:00"), "%Y-%m-%dT%H:%M%:z").unwrap().timestamp_millis()
    }

    #[test]
    fn each_rule_gives_the_dates_the_standard_says() {
        for (lines, first) in [
            ("DTSTART;VALUE=DATE:20261224|DTEND;VALUE=DATE:20261228", vec!["2026-12-24..2026-12-27"]),
            ("DTSTART;VALUE=DATE:20261224|DURATION:P1W", vec!["2026-12-24..2026-12-30"]),
            ("DTSTART;VALUE=DATE:20200229|RRULE:FREQ=YEARLY", vec![]),
            ("DTSTART;VALUE=DATE:20000101|RRULE:FREQ=YEARLY", vec!["2026-01-01", "2027-01-01", "2028-01-01"]),
            ("DTSTART;VALUE=DATE:20261126|RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", vec!["2026-11-26", "2027-11-25"]),
            ("DTSTART;VALUE=DATE:20261125|RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=2", vec!["2026-11-25", "2026-11-27"]),
            ("DTSTART;VALUE=DATE:20261231|RRULE:FREQ=MONTHLY;COUNT=3", vec!["2026-12-31", "2027-01-31", "2027-03-31"]),
            (
                "DTSTART;VALUE=DATE:20261130|RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20270228",
                vec!["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"],
            ),
            (
                "DTSTART;VALUE=DATE:20260213|RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
                vec!["2026-02-13", "2026-03-13", "2026-11-13", "2027-08-13"],
            ),
            (
                "DTSTART;VALUE=DATE:20261127|RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR;COUNT=2",
                vec!["2026-11-27", "2027-01-29"],
            ),
            (
                "DTSTART;VALUE=DATE:20261123|RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=4",
                vec!["2026-11-23", "2026-11-29", "2026-12-07", "2026-12-13"],
            ),
            (
                "DTSTART;VALUE=DATE:20261123|RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=4;WKST=SU",
                vec!["2026-11-23", "2026-12-06", "2026-12-07", "2026-12-20"],
            ),
            (
                "DTSTART;VALUE=DATE:20261229|RRULE:FREQ=DAILY;INTERVAL=2;BYMONTH=1,12;COUNT=3",
                vec!["2026-12-29", "2026-12-31", "2027-01-02"],
            ),
            ("DTSTART;VALUE=DATE:20261123|RRULE:FREQ=YEARLY;BYDAY=-1MO;COUNT=2", vec!["2026-11-23", "2026-12-28"]),
            (
                "DTSTART;VALUE=DATE:20260517|RRULE:FREQ=YEARLY;BYDAY=20SU;BYMONTHDAY=14,15,16,17",
                vec!["2026-05-17", "2027-05-16"],
            ),
            // With a month it is that month's.
            (
                "DTSTART;VALUE=DATE:20260517|RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=3SU;BYMONTHDAY=15,16,17",
                vec!["2026-05-17", "2027-05-16"],
            ),
            (
                "DTSTART;VALUE=DATE:20261101|RRULE:FREQ=DAILY;COUNT=4|EXDATE;VALUE=DATE:20261102,20261103",
                vec!["2026-11-01", "2026-11-04"],
            ),
            (
                // Six in the evening, whatever the clock's offset; the first one's length.
                "DTSTART;TZID=Europe/Berlin:20261018T180000|DTEND;TZID=Europe/Berlin:20261018T200000|\
                 RRULE:FREQ=WEEKLY;UNTIL=20261101T170000Z|EXDATE;TZID=Europe/Berlin:20261025T180000",
                vec!["2026-10-18T16:00Z+2h", "2026-11-01T17:00Z+2h"],
            ),
            // Begun centuries ago: more days than are looked at one by one, every third day, every second week, each leap day.
            (
                "DTSTART;VALUE=DATE:17000101|RRULE:FREQ=DAILY;BYMONTH=12;BYMONTHDAY=24,25",
                vec!["2026-12-24", "2026-12-25", "2027-12-24", "2027-12-25"],
            ),
            (
                "DTSTART;VALUE=DATE:17000101|RRULE:FREQ=DAILY;INTERVAL=3;BYMONTH=12;UNTIL=20271205",
                vec![
                    "2026-12-01",
                    "2026-12-04",
                    "2026-12-07",
                    "2026-12-10",
                    "2026-12-13",
                    "2026-12-16",
                    "2026-12-19",
                    "2026-12-22",
                    "2026-12-25",
                    "2026-12-28",
                    "2026-12-31",
                    "2027-12-02",
                    "2027-12-05",
                ],
            ),
            (
                "DTSTART;VALUE=DATE:00010101|RRULE:FREQ=WEEKLY;INTERVAL=40;BYDAY=MO,SU",
                vec!["2026-05-25", "2026-05-31", "2027-03-01", "2027-03-07", "2027-12-06", "2027-12-12"],
            ),
            (
                "DTSTART;VALUE=DATE:17041231|RRULE:FREQ=MONTHLY;INTERVAL=7;UNTIL=20270601",
                vec!["2026-05-31", "2026-12-31"],
            ),
            ("DTSTART;VALUE=DATE:00010105|RRULE:FREQ=YEARLY;INTERVAL=5", vec!["2026-01-05"]),
            // Long ago, and longer than the time between two.
            (
                "DTSTART;VALUE=DATE:17000101|DURATION:P500D|RRULE:FREQ=YEARLY;UNTIL=20260101",
                vec!["2025-01-01..2026-05-15", "2026-01-01..2027-05-15"],
            ),
            ("DTSTART:20261231T230000Z|DURATION:PT90M", vec!["2026-12-31T23:00Z+1h30m"]),
            ("DTSTART;TZID=Europe/Berlin:20261024T120000|DURATION:P1D", vec!["2026-10-24T10:00Z+1d1h"]),
            // A skipped time is read by the offset before, of one that is there twice the first (RFC 5545, 3.3.5).
            (
                "DTSTART;TZID=Europe/Berlin:20260329T021500|DTEND;TZID=Europe/Berlin:20260329T024500",
                vec!["2026-03-29T01:15Z+30m"],
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20260329T013000|DTEND;TZID=Europe/Berlin:20260329T023000",
                vec!["2026-03-29T00:30Z+1h"],
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20261025T013000|DTEND;TZID=Europe/Berlin:20261025T023000",
                vec!["2026-10-24T23:30Z+1h"],
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20261025T023000|DTEND;TZID=Europe/Berlin:20261025T033000",
                vec!["2026-10-25T00:30Z+2h"],
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20260328T023000|DTEND;TZID=Europe/Berlin:20260328T030000|RRULE:FREQ=DAILY;COUNT=3",
                vec!["2026-03-28T01:30Z+30m", "2026-03-29T01:30Z+30m", "2026-03-30T00:30Z+30m"],
            ),
        ] {
            assert_eq!(starts_of(lines), first, "{lines}");
        }
    }

    #[test]
    fn what_is_not_known_is_an_error_with_its_line() {
        for (lines, line, message) in [
            ("DTSTART:20261224T180000|DURATION:PT1H", 4, "does not say in which zone"),
            ("DTSTART;TZID=Europe/Berln:20261224T180000|DURATION:PT1H", 4, "did you mean Europe/Berlin?"),
            ("DTSTART;VALUE=DATE:20260230", 4, "is a date there is not"),
            ("DTSTART:20261224T180000Z", 4, "has no length"),
            ("DTSTART:20261224T180000Z|DURATION:PT1H|DTEND:20261224T190000Z", 5, "not both"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=HOURLY", 5, "`FREQ=HOURLY` is not read here"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=MONTHLY;BYSETPOS=1", 5, "`BYSETPOS=1` is not read here"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=WEEKLY;BYDAY=2SU", 5, "an ordinal in BYDAY"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:COUNT=2", 5, "there is no FREQ"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;UNTIL=20261231T000000Z", 5, "is no date and no time"),
            ("DTSTART;VALUE=DATE:20261224|RDATE;VALUE=DATE:20261226", 5, "RDATE of an event is not read here"),
            ("DTSTART;VALUE=DATE:20261224|DTSTART;VALUE=DATE:20261225", 5, "DTSTART is there twice"),
            ("SUMMARY:nothing", 5, "has no DTSTART"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=WEEKLY;BYDAY=MO;BYDAY=TU", 5, "RRULE: BYDAY is there twice"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=WEEKLY;freq=DAILY", 5, "RRULE: FREQ is there twice"),
            ("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;COUNT=9;COUNT=1", 5, "RRULE: COUNT is there twice"),
            (
                "DTSTART;TZID=Europe/Berlin;TZID=Asia/Tokyo:20261224T180000|DURATION:PT1H",
                4,
                "parameter TZID of DTSTART is",
            ),
            ("DTSTART:20261207T000000ZZZ|DURATION:PT1H", 4, "is no date and no time"),
            (
                "DTSTART;TZID=Europe/Berlin:20260329T021500|DTEND;TZID=Europe/Berlin:20260329T030000",
                5,
                "the clock goes forward then",
            ),
            ("DTSTART;VALUE=DATE:18991231|RRULE:FREQ=DAILY;COUNT=100000", 5, "COUNT from a DTSTART before 1900"),
            (
                "DTSTART;VALUE=DATE:20261224|END:VEVENT|RRULE:FREQ=DAILY|EXDATE:20261225|BEGIN:VEVENT|DTSTART;VALUE=DATE:20261224",
                6,
                "RRULE stands outside of a VEVENT",
            ),
            (
                "DTSTART;VALUE=DATE:20261224|END:VEVENT|DTSTART;VALUE=DATE:20261225|END:VEVENT|BEGIN:VEVENT|DTSTART;VALUE=DATE:20261224",
                6,
                "DTSTART stands outside of a VEVENT",
            ),
            (
                "DTSTART;VALUE=DATE:20261224|END:VEVENT|METHOD:CANCEL|BEGIN:VEVENT|DTSTART;VALUE=DATE:20261224",
                6,
                "METHOD:CANCEL calls the events",
            ),
            (
                "DTSTART;VALUE=DATE:20261224|END:VEVENT|METHOD:reply|BEGIN:VEVENT|DTSTART;VALUE=DATE:20261224",
                6,
                "METHOD:REPLY is not read",
            ),
            (
                "DTSTART;VALUE=DATE:20261224|END:VEVENT|CALSCALE:JULIAN|BEGIN:VEVENT|DTSTART;VALUE=DATE:20261224",
                6,
                "CALSCALE:JULIAN is not read",
            ),
            ("DTSTART;VALUE=DATE:20261224|BEGIN:VTODO", 5, "VTODO is not read here"),
            ("DTSTART;VALUE=DATE:20261224|what is this", 5, "no iCalendar line"),
        ] {
            let report = events(lines).expect_err(lines);
            let found = report.problems.iter().find(|p| p.to_string().contains(message));
            let found = found.unwrap_or_else(|| panic!("{lines}: {report}"));
            assert_eq!(found.line, line, "{lines}: {report}");
            // A part that is begun is not ended here either.
            let begun = lines.contains("BEGIN:VTODO");
            assert!(begun || report.problems.len() == 1, "{lines}: one mistake is told once: {report}");
        }
    }

    #[test]
    fn folded_lines_other_parts_and_cancelled_events() {
        let text = "BEGIN:VCALENDAR\nX-WR-CALNAME:x\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
                    END:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nSUMMARY:Year\\, \n end\nDTSTART;VALUE=DA\n TE:20261224\n\
                    BEGIN:VALARM\nTRIGGER:-PT15M\nEND:VALARM\nEND:VEVENT\nBEGIN:VEVENT\nSTATUS:CANCELLED\nEND:VEVENT\nEND:VCALENDAR\n";
        let file = SourceFile { name: "a.ics".into(), text: text.into() };
        let events = report_of(&file, |text, sink| ics::read(text, sink)).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].name.as_str(), events[0].line), ("Year, end", 13));
    }

    #[test]
    fn a_calendar_without_an_event_is_asked_about() {
        let told = |inside: &str| {
            let text = format!("BEGIN:VCALENDAR\nPRODID:x\nMETHOD:PUBLISH\n{inside}END:VCALENDAR\n");
            let file = SourceFile { name: "a.ics".into(), text };
            let mut sink = crate::spec::report::Sink::new(&file);
            ics::read(&file.text, &mut sink);
            sink.finish()
        };
        for inside in ["", "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED\nEND:VEVENT\n"] {
            let found = told(inside);
            let [p] = &found[..] else { panic!("{inside}: {found:?}") };
            assert_eq!((p.severity, p.line, p.column), (crate::spec::Severity::Warning, 1, 1), "{p}");
            assert!(p.message.contains("closes nothing"), "{p}");
        }
        assert_eq!(told("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\n"), []);
        // What is wrong with it is told already.
        assert_eq!(told("DTSTART;VALUE=DATE:20261224\n").len(), 1);
    }

    /// What is left out at the front changes nothing: each rule from each start gives what all its periods give.
    #[test]
    fn no_occurrence_is_lost_where_the_front_is_left_out() {
        for rule in [
            "FREQ=DAILY;INTERVAL=7",
            "FREQ=DAILY;BYMONTHDAY=13;BYDAY=FR",
            "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO;WKST=SU",
            "FREQ=WEEKLY;BYMONTH=1",
            "FREQ=MONTHLY;INTERVAL=5;BYDAY=-1SU",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "FREQ=YEARLY;INTERVAL=3;BYDAY=53TH",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        ] {
            for start in ["19991231", "20240229", "20260601", "20261231", "20270101"] {
                for days in [1, 40, 500] {
                    let lines = format!("DTSTART;VALUE=DATE:{start}|DURATION:P{days}D|RRULE:{rule}");
                    let event = events(&lines).unwrap().remove(0);
                    let Some(repeat) = &event.rule else { panic!("{lines}") };
                    let Moment::Date(first) = event.start else { panic!("{lines}") };
                    let (from, to) = (Time(1_767_225_600_000), Time(1_830_297_600_000));
                    let all = starts(repeat, first, (first, date(to.0 + 2 * DAY)), &|_| false).into_iter();
                    let all =
                        all.filter(|day| i64::from(day.0 + days + 1) * DAY > from.0).map(|d| (d, Date(d.0 + days - 1)));
                    let found = occurrences(&event, from, to).into_iter().map(|extent| match extent {
                        Extent::Local(dates) => (dates.first, dates.last),
                        Extent::Between(..) => panic!("{lines}"),
                    });
                    assert_eq!(found.collect::<Vec<_>>(), all.collect::<Vec<_>>(), "{lines}");
                }
            }
        }
    }
}
