//! Lines to events.
use super::{Event, Frequency, Length, Line, Moment, Repeat};
use crate::spec::nearest::nearest;
use crate::spec::report::{Place, Sink};
use crate::spec::units::Time;
use crate::spec::when::{DAY, Date, Weekday, Zone};

/// Properties of an event that say nothing of when it is.
const SKIPPED: [&str; 25] = [
    "UID",
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "SEQUENCE",
    "DESCRIPTION",
    "LOCATION",
    "CATEGORIES",
    "CLASS",
    "ORGANIZER",
    "ATTENDEE",
    "URL",
    "PRIORITY",
    "COMMENT",
    "TRANSP",
    "GEO",
    "ATTACH",
    "CONTACT",
    "RESOURCES",
    "RELATED-TO",
    "REQUEST-STATUS",
    "COLOR",
    "IMAGE",
    "CONFERENCE",
    "NAME",
];
/// Inside an event or a calendar, whole: their times are others', and zones are known here by name.
const SKIPPED_PARTS: [&str; 2] = ["VALARM", "VTIMEZONE"];
/// Events of one file.
const MAX_EVENTS: usize = 10_000;

/// Reads the events of a file; everything wrong goes to `sink`.
pub fn read(text: &str, sink: &mut Sink<'_>) -> Vec<Event> {
    let mut reader = Reader::default();
    for line in unfold(text, sink) {
        reader.line(line, sink);
        if reader.events.len() > MAX_EVENTS || sink.hopeless() {
            break;
        }
    }
    if reader.events.len() > MAX_EVENTS {
        sink.whole(format!("more than {MAX_EVENTS} events; the rest was not read"), Some("split the file".into()));
    }
    if !reader.seen {
        sink.whole("the file holds no BEGIN:VCALENDAR".into(), Some("is it an iCalendar file?".into()));
    } else if let Some((part, number)) = reader.open.last() {
        let place = Place { line: *number, column: 1, width: 5 };
        sink.error(
            place,
            format!("{part} is begun here and never ended"),
            Some("is the file written to the end?".into()),
        );
    }
    reader.events
}

/// Lines with their continuations; a line that is none is reported.
fn unfold(text: &str, sink: &mut Sink<'_>) -> Vec<Line> {
    let mut whole: Vec<(u32, String)> = Vec::new();
    for (i, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), whole.last_mut()) {
            (Some(rest), Some((_, before))) => before.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => whole.push((u32::try_from(i + 1).unwrap_or(u32::MAX), line.to_string())),
        }
    }
    let mut lines = Vec::new();
    for (number, text) in whole {
        match split(number, &text) {
            Some(line) => lines.push(line),
            None => {
                let place = Place { line: number, column: 1, width: 1 };
                let help = "a line is NAME:VALUE; one that goes on starts with a blank".to_string();
                sink.error(place, "this is no iCalendar line".into(), Some(help));
            }
        }
    }
    lines
}

/// `DTSTART;TZID="Europe/Berlin":20261224T180000`
fn split(number: u32, text: &str) -> Option<Line> {
    let mut quoted = false;
    let mut cuts = Vec::new();
    let mut colon = None;
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => cuts.push(i),
            ':' if !quoted => {
                colon = Some(i);
                break;
            }
            _ => {}
        }
    }
    let colon = colon?;
    let mut parts = Vec::new();
    let mut from = 0;
    for cut in cuts.into_iter().chain([colon]) {
        parts.push(&text[from..cut]);
        from = cut + 1;
    }
    let name = parts[0].trim().to_ascii_uppercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let parameters = parts[1..].iter().map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.to_ascii_uppercase(), value.trim_matches('"').to_string())
    });
    Some(Line { number, name, parameters: parameters.collect(), value: text[colon + 1..].to_string() })
}

#[derive(Default)]
struct Reader {
    seen: bool,
    /// What is begun and not ended, with its line.
    open: Vec<(String, u32)>,
    event: Vec<Line>,
    events: Vec<Event>,
}

impl Reader {
    fn line(&mut self, line: Line, sink: &mut Sink<'_>) {
        let part = line.value.trim().to_ascii_uppercase();
        let skipped = self.open.iter().any(|(p, _)| SKIPPED_PARTS.contains(&p.as_str()));
        match line.name.as_str() {
            "BEGIN" => {
                self.seen |= part == "VCALENDAR";
                let inside = self.open.last().map(|(p, _)| p.as_str());
                let known = match part.as_str() {
                    "VCALENDAR" => inside.is_none(),
                    "VEVENT" | "VTIMEZONE" => inside == Some("VCALENDAR"),
                    "VALARM" => inside == Some("VEVENT"),
                    _ => false,
                };
                if !known && !skipped {
                    let help = "only VEVENT is read: take it out, or export events alone";
                    line.error(sink, format!("{part} is not read here"), help);
                }
                self.open.push((part, line.number));
            }
            "END" => {
                if self.open.last().is_none_or(|(p, _)| *p != part) {
                    line.error(sink, format!("END:{part} ends nothing that is open"), "is a BEGIN missing?");
                    return;
                }
                self.open.pop();
                if part == "VEVENT" {
                    let lines = std::mem::take(&mut self.event);
                    self.events.extend(event(&lines, line.number, sink));
                }
            }
            _ if self.open.is_empty() => line.error(sink, "this stands outside of a VCALENDAR".into(), ""),
            _ if self.open.last().is_some_and(|(p, _)| p == "VEVENT") => self.event.push(line),
            // Of the calendar as a whole, or inside a part that is skipped.
            _ => {}
        }
    }
}

fn event(lines: &[Line], end: u32, sink: &mut Sink<'_>) -> Option<Event> {
    let errors = sink.count();
    let one = |name: &str| lines.iter().find(|l| l.name == name);
    for line in lines {
        let known =
            matches!(line.name.as_str(), "DTSTART" | "DTEND" | "DURATION" | "RRULE" | "EXDATE" | "SUMMARY" | "STATUS");
        if !known && !SKIPPED.contains(&line.name.as_str()) && !line.name.starts_with("X-") {
            let help = "it may change when the event is; take it out, or write the dates out";
            line.error(sink, format!("{} of an event is not read here", line.name), help);
        }
        if line.name != "EXDATE" && known && one(&line.name).is_some_and(|first| first.number != line.number) {
            line.error(sink, format!("{} is there twice", line.name), "an event has one");
        }
    }
    if one("STATUS").is_some_and(|l| l.value.trim().eq_ignore_ascii_case("CANCELLED")) {
        return None;
    }
    let Some(start_line) = one("DTSTART") else {
        let place = Place { line: end, column: 1, width: 3 };
        sink.error(place, "this event has no DTSTART".into(), Some("add it, or take the event out".into()));
        return None;
    };
    let start = moment(start_line, start_line.value.trim(), sink)?;
    let length = length(start_line, start, one("DTEND"), one("DURATION"), sink)?;
    let rule = one("RRULE").map(|line| rule(line, start, sink));
    let mut except = Vec::new();
    for line in lines.iter().filter(|l| l.name == "EXDATE") {
        for value in line.value.split(',') {
            let found = moment(line, value.trim(), sink)?;
            if matches!(found, Moment::Date(_)) != matches!(start, Moment::Date(_)) {
                line.error(
                    sink,
                    "EXDATE and DTSTART are not both dates, or both times".into(),
                    "write it as DTSTART is",
                );
            }
            except.push(found);
        }
    }
    let name = one("SUMMARY").map_or_else(|| "event".to_string(), |l| unescape(&l.value));
    (sink.count() == errors).then(|| Event {
        line: start_line.number,
        name,
        start,
        length,
        rule: rule.flatten(),
        except,
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

const MOMENTS: &str = "write 20261224 with VALUE=DATE, 20261224T180000Z, or 20261224T180000 with TZID=Europe/Berlin";

fn moment(line: &Line, value: &str, sink: &mut Sink<'_>) -> Option<Moment> {
    for (name, _) in &line.parameters {
        if !matches!(name.as_str(), "VALUE" | "TZID") && !name.starts_with("X-") {
            line.error(sink, format!("parameter {name} of {} is not read here", line.name), "take it out");
            return None;
        }
    }
    let bad = |sink: &mut Sink<'_>, why: &str| {
        line.error(sink, format!("{}: `{value}` {why}", line.name), MOMENTS);
        None
    };
    let kind = line.parameter("VALUE").unwrap_or("DATE-TIME").to_ascii_uppercase();
    let (day, rest) = match value.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit())) {
        Some(day) => (day, &value[8..]),
        None => return bad(sink, "is no date and no time"),
    };
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let year = i32::try_from(number(&day[..4])).unwrap_or(0);
    let Some(date) = Date::of(year, number(&day[4..6]), number(&day[6..8])) else {
        return bad(sink, "is a date there is not");
    };
    if kind == "DATE" && rest.is_empty() {
        return Some(Moment::Date(date));
    }
    let time = rest.strip_prefix('T').map(|t| (t.trim_end_matches('Z'), t.ends_with('Z')));
    let Some((time, utc)) =
        time.filter(|(t, _)| kind == "DATE-TIME" && t.len() == 6 && t.bytes().all(|b| b.is_ascii_digit()))
    else {
        return bad(sink, "is no date and no time");
    };
    let (hour, minute, second) = (number(&time[..2]), number(&time[2..4]), number(&time[4..]));
    if hour > 23 || minute > 59 || second > 59 {
        return bad(sink, "is a time there is not");
    }
    let wall = i64::from(date.0) * DAY + i64::from(hour * 3600 + minute * 60 + second) * 1000;
    match (utc, line.parameter("TZID")) {
        (true, None) => Some(Moment::Utc(Time(wall))),
        (true, Some(_)) => bad(sink, "ends in Z and has a TZID as well"),
        (false, None) => bad(sink, "does not say in which zone"),
        (false, Some(name)) => match name.parse::<Zone>() {
            Ok(zone) => Some(Moment::Local(wall, zone)),
            Err(error) => {
                line.error(sink, format!("TZID: {error}"), "");
                None
            }
        },
    }
}

fn length(
    start_line: &Line,
    start: Moment,
    end: Option<&Line>,
    duration: Option<&Line>,
    sink: &mut Sink<'_>,
) -> Option<Length> {
    match (start, end, duration) {
        (_, Some(_), Some(line)) => {
            line.error(sink, "an event has DTEND or DURATION, not both".into(), "take one of them out");
            None
        }
        (Moment::Date(_), None, None) => Some(Length::Days(1)),
        (_, None, None) => {
            let help = "add DTEND or DURATION";
            start_line.error(sink, "this event has no length: it would close nothing".into(), help);
            None
        }
        (_, Some(line), None) => match (start, moment(line, line.value.trim(), sink)?) {
            (Moment::Date(first), Moment::Date(after)) if after > first => Some(Length::Days(after.0 - first.0)),
            (Moment::Date(_), Moment::Date(_)) => {
                line.error(sink, "DTEND is not after DTSTART".into(), "it is the first day after");
                None
            }
            (Moment::Date(_), _) | (_, Moment::Date(_)) => {
                line.error(sink, "DTEND and DTSTART are not both dates, or both times".into(), MOMENTS);
                None
            }
            (_, end) if end.roughly() <= start.roughly() => {
                line.error(sink, "DTEND is not after DTSTART".into(), "it is the first instant after");
                None
            }
            (_, end) => Some(Length::Until(end)),
        },
        (_, None, Some(line)) => {
            let (days, millis) = match duration_of(line.value.trim()) {
                Some(found) if found != (0, 0) => found,
                _ => {
                    let help = "write P1D, PT2H30M, P1DT12H or P2W";
                    line.error(sink, format!("DURATION: `{}` is no length of time", line.value.trim()), help);
                    return None;
                }
            };
            match start {
                Moment::Date(_) if millis == 0 => Some(Length::Days(days)),
                Moment::Date(_) => {
                    line.error(sink, "an event of whole days has a DURATION of whole days".into(), "write P1D");
                    None
                }
                _ => Some(Length::For { days, millis }),
            }
        }
    }
}

/// Days, and milliseconds besides.
fn duration_of(text: &str) -> Option<(i32, i64)> {
    let text = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let (date, time) = text.split_once('T').map_or((text, None), |(d, t)| (d, Some(t)));
    let units = |text: &str, units: &[(char, i64)]| -> Option<i64> {
        let (mut total, mut digits, mut units) = (0_i64, String::new(), units.iter());
        for c in text.chars() {
            if c.is_ascii_digit() && digits.len() < 6 {
                digits.push(c);
            } else {
                let (_, size) = units.find(|(unit, _)| *unit == c)?;
                total += digits.parse::<i64>().ok()? * size;
                digits.clear();
            }
        }
        digits.is_empty().then_some(total)
    };
    if date.is_empty() && time.is_none_or(str::is_empty) {
        return None;
    }
    let days = units(date, &[('W', 7), ('D', 1)])?;
    let millis = units(time.unwrap_or(""), &[('H', 3_600_000), ('M', 60_000), ('S', 1000)])?;
    Some((i32::try_from(days).ok()?, millis))
}

fn rule(line: &Line, start: Moment, sink: &mut Sink<'_>) -> Option<Repeat> {
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
    for part in line.value.trim().split(';').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = name.to_ascii_uppercase();
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
