//! Lines to events.
use super::rule::rule;
use super::{Event, Length, Line, Moment};
use crate::spec::report::{Place, Sink};
use crate::spec::units::Time;
use crate::spec::when::{DAY, Date, Zone};

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
/// Properties of a calendar as a whole that say nothing of when its events are (RFC 5545, 3.7, and RFC 7986, 5).
const OF_CALENDAR: [&str; 12] = [
    "PRODID",
    "VERSION",
    "NAME",
    "DESCRIPTION",
    "UID",
    "LAST-MODIFIED",
    "URL",
    "CATEGORIES",
    "REFRESH-INTERVAL",
    "SOURCE",
    "COLOR",
    "IMAGE",
];
/// Inside an event or a calendar, whole: their times are others', and zones are known here by name.
const SKIPPED_PARTS: [&str; 2] = ["VALARM", "VTIMEZONE"];
/// Events of one file.
const MAX_EVENTS: usize = 10_000;

/// Reads the events of a file; everything wrong goes to `sink`.
pub fn read(text: &str, sink: &mut Sink<'_>) -> Vec<Event> {
    let mut reader = Reader::default();
    let problems = sink.count();
    for line in unfold(text, sink) {
        reader.line(line, sink);
        if reader.events.len() > MAX_EVENTS || sink.hopeless() {
            break;
        }
    }
    if reader.events.len() > MAX_EVENTS {
        let message = format!("the file holds more than {MAX_EVENTS} events, and no more are read of one file");
        let help = "leave past ones out, write those that repeat as one with an RRULE, or split the file";
        sink.whole(message, Some(help.into()));
        return reader.events;
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
    } else if reader.events.is_empty() && sink.count() == problems {
        let place = Place { line: reader.begun, column: 1, width: 5 };
        let help = "is it the file that was meant? An event that is cancelled is none".to_string();
        sink.warn(place, "there is no event in this file: it closes nothing".into(), Some(help));
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
    /// Line of the first calendar's begin.
    begun: u32,
    /// Something stood outside of an event since the last part that began or ended, and was reported.
    stray: bool,
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
                self.stray = false;
                if part == "VCALENDAR" && !self.seen {
                    (self.seen, self.begun) = (true, line.number);
                }
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
                let stray = std::mem::take(&mut self.stray);
                if self.open.last().is_none_or(|(p, _)| *p != part) {
                    // What it would end was missed at its first line.
                    if stray && part == "VEVENT" {
                        return;
                    }
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
            _ if self.open.last().is_some_and(|(p, _)| p == "VCALENDAR") => self.of_calendar(&line, sink),
            // Inside a part that is skipped.
            _ => {}
        }
    }

    /// A property of the calendar as a whole.
    fn of_calendar(&mut self, line: &Line, sink: &mut Sink<'_>) {
        let value = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "METHOD" if value == "CANCEL" => {
                let help = "give the calendar as it is now, without the events it calls off";
                line.error(sink, "METHOD:CANCEL calls the events of this file off".into(), help);
            }
            "METHOD" if value != "PUBLISH" && value != "REQUEST" => {
                let help = "export the calendar itself: METHOD:PUBLISH, or no METHOD";
                line.error(sink, format!("METHOD:{value} is not read here: it is no list of what takes place"), help);
            }
            "CALSCALE" if value != "GREGORIAN" => {
                line.error(sink, format!("CALSCALE:{value} is not read here"), "only GREGORIAN is");
            }
            "METHOD" | "CALSCALE" => {}
            name if OF_CALENDAR.contains(&name) || name.starts_with("X-") || self.stray => {}
            name => {
                self.stray = true;
                let help = "is BEGIN:VEVENT missing before it? Else take it out";
                line.error(sink, format!("{name} stands outside of a VEVENT, and would close nothing"), help);
            }
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

pub(super) fn moment(line: &Line, value: &str, sink: &mut Sink<'_>) -> Option<Moment> {
    for (name, _) in &line.parameters {
        if !matches!(name.as_str(), "VALUE" | "TZID") && !name.starts_with("X-") {
            line.error(sink, format!("parameter {name} of {} is not read here", line.name), "take it out");
            return None;
        }
        if line.parameters.iter().filter(|(n, _)| n == name).count() > 1 {
            line.error(sink, format!("parameter {name} of {} is there twice", line.name), "leave one");
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
    let time = rest.strip_prefix('T').map(|t| (t.strip_suffix('Z').unwrap_or(t), t.ends_with('Z')));
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
            (_, end) if end.instant() <= start.instant() => {
                let skips =
                    matches!((start, end), (Moment::Local(from, a), Moment::Local(to, b)) if a == b && from < to);
                let help = match skips {
                    true => "the clock goes forward then: a time it skips is read as that much later (RFC 5545, 3.3.5)",
                    false => "it is the first instant after",
                };
                line.error(sink, "DTEND is not after DTSTART".into(), help);
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
