//! `RRULE`: what repeats, and how.
use super::parse::moment;
use super::{Frequency, Line, Moment, Repeat};
use crate::spec::nearest::nearest;
use crate::spec::report::Sink;
use crate::spec::when::Weekday;

/// A rule with COUNT is gone through from its first start on, and so many years of that are enough.
const COUNTED_FROM: i32 = 1900;

pub(super) fn rule(line: &Line, start: Moment, sink: &mut Sink<'_>) -> Option<Repeat> {
    let mut frequency = None;
    let mut rule = Repeat {
        frequency: Frequency::Daily,
        interval: 1,
        count: None,
        until: None,
        by_day: Vec::new(),
        by_month: Vec::new(),
        by_month_day: Vec::new(),
        week_start: Weekday::Mon,
    };
    let mut seen = Vec::new();
    for part in line.value.trim().split(';').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            let help = "write one, such as BYDAY=MO,TU; two rules are two events";
            line.error(sink, format!("RRULE: {name} is there twice"), help);
            return None;
        }
        seen.push(name.clone());
        let read = rule_part(line, (&name, value), start, &mut frequency, &mut rule, sink);
        if !read {
            let parts = ["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "WKST"];
            let help = match nearest(&name, parts) {
                Some(near) if !parts.contains(&name.as_str()) => format!("did you mean {near}?"),
                _ => "read are FREQ from DAILY to YEARLY, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYMONTHDAY, WKST"
                    .into(),
            };
            line.error(sink, format!("RRULE: `{part}` is not read here"), &help);
            return None;
        }
    }
    let Some(frequency) = frequency else {
        line.error(sink, "RRULE: there is no FREQ".into(), "write FREQ=WEEKLY, or another");
        return None;
    };
    rule.frequency = frequency;
    let ordinals = rule.by_day.iter().any(|(n, _)| n.is_some());
    let wrong = match frequency {
        Frequency::Daily | Frequency::Weekly if ordinals => Some("an ordinal in BYDAY wants FREQ=MONTHLY or YEARLY"),
        Frequency::Weekly if !rule.by_month_day.is_empty() => Some("BYMONTHDAY does not go with FREQ=WEEKLY"),
        _ if rule.count.is_some() && start.year() < COUNTED_FROM => {
            Some("COUNT from a DTSTART before 1900 is not read here; UNTIL is")
        }
        _ if rule.count.is_some() && rule.until.is_some() => Some("COUNT and UNTIL do not go together"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        line.error(sink, format!("RRULE: {wrong}"), "write the dates out, or another rule");
        return None;
    }
    Some(rule)
}

/// Reads one part of a rule into `frequency` or `rule`; false when it is not known, or not like this.
fn rule_part(
    line: &Line,
    (name, value): (&str, &str),
    start: Moment,
    frequency: &mut Option<Frequency>,
    rule: &mut Repeat,
    sink: &mut Sink<'_>,
) -> bool {
    match name {
        "FREQ" => {
            *frequency = match value.to_ascii_uppercase().as_str() {
                "DAILY" => Some(Frequency::Daily),
                "WEEKLY" => Some(Frequency::Weekly),
                "MONTHLY" => Some(Frequency::Monthly),
                "YEARLY" => Some(Frequency::Yearly),
                _ => None,
            };
            frequency.is_some()
        }
        "INTERVAL" => value.parse().is_ok_and(|n: u32| set(&mut rule.interval, n, n > 0)),
        "COUNT" => value.parse().is_ok_and(|n: u32| set(&mut rule.count, Some(n), n > 0)),
        "UNTIL" => {
            rule.until = until(line, value, start, sink);
            // What is wrong with it has been said.
            true
        }
        "BYMONTH" => list(value, |v| v.parse().ok().filter(|m| (1..=12).contains(m)), &mut rule.by_month),
        "BYMONTHDAY" => {
            let day = |v: &str| v.parse().ok().filter(|d: &i32| (1..=31).contains(&d.abs()));
            list(value, day, &mut rule.by_month_day)
        }
        "BYDAY" => list(value, ordinal_day, &mut rule.by_day),
        "WKST" => ordinal_day(value).is_some_and(|(n, day)| set(&mut rule.week_start, day, n.is_none())),
        _ => false,
    }
}

fn set<T>(place: &mut T, value: T, fits: bool) -> bool {
    if fits {
        *place = value;
    }
    fits
}

fn list<T>(text: &str, one: impl Fn(&str) -> Option<T>, into: &mut Vec<T>) -> bool {
    match text.split(',').map(|v| one(v.trim())).collect::<Option<Vec<T>>>() {
        Some(found) => set(into, found, true),
        None => false,
    }
}

/// `SU`, `2SU`, `-1FR`
fn ordinal_day(text: &str) -> Option<(Option<i32>, Weekday)> {
    let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at))?;
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let day = names.iter().position(|n| n.eq_ignore_ascii_case(&text[at..]))?;
    let ordinal = match &text[..at] {
        "" => None,
        n => Some(n.parse().ok().filter(|n: &i32| (1..=53).contains(&n.abs()))?),
    };
    Some((ordinal, Weekday::ALL[day]))
}

/// A date for a start that is one, else an instant.
fn until(line: &Line, value: &str, start: Moment, sink: &mut Sink<'_>) -> Option<Moment> {
    let kind = if matches!(start, Moment::Date(_)) { "DATE" } else { "DATE-TIME" };
    let parameters = vec![("VALUE".to_string(), kind.to_string())];
    let alone = Line { number: line.number, name: "RRULE".into(), parameters, value: value.to_string() };
    moment(&alone, value, sink)
}
