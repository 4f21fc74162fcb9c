//! A schedule as an iCalendar file (RFC 5545).
use crate::spec::people::unseen;
use crate::spec::units::Time;

/// One event of a schedule.
pub struct Entry<'a> {
    /// Stays the same when the plan is made anew, so that the event moves instead of being there twice.
    pub uid: String,
    pub start: Time,
    pub end: Time,
    pub summary: String,
    pub description: &'a str,
}

/// Bytes of a line without its end.
const LINE: usize = 75;

/// The file's text; `made` is when the plan was made.
pub fn ics(name: &str, made: Time, entries: &[Entry<'_>]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| fold(&mut out, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//Pilothouse//Upgrades//EN");
    line("X-WR-CALNAME", &escape(name));
    for entry in entries {
        line("BEGIN", "VEVENT");
        line("UID", &escape(&entry.uid));
        line("DTSTAMP", &stamp(made));
        line("DTSTART", &stamp(entry.start));
        line("DTEND", &stamp(entry.end));
        line("SUMMARY", &escape(&entry.summary));
        if !entry.description.is_empty() {
            line("DESCRIPTION", &escape(entry.description));
        }
        line("END", "VEVENT");
    }
    line("END", "VCALENDAR");
    out
}

fn stamp(at: Time) -> String {
    at.utc().format("%Y%m%dT%H%M%SZ").to_string()
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// A character that is not seen and may make the text around it look like another: a file goes to programs that trust it.
/// What joins letters, or says how a sign is drawn, is part of how a name is written.
fn is_hidden(c: char) -> bool {
    unseen(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Writes a line in parts of at most [`LINE`] bytes, never through a character.
fn fold(out: &mut String, line: &str) {
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > LINE {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::recur::occurrences;
    use crate::calendar::why::Extent;
    use crate::spec::{SourceFile, ics, report_of};

    #[test]
    fn what_is_written_is_read_again_and_no_line_is_long() {
        let (start, end) = (Time(1_795_313_520_000), Time(1_795_320_720_000));
        // Neither turns the text around nor hides in it; what joins letters stays.
        let summary = format!("Würth,\u{202e} S\u{200b}öh\u{2067}ne; \\ {}\nend\u{1b}\u{feff}", "上線".repeat(60));
        let entry = Entry { uid: "release-acme@pilothouse".into(), start, end, summary, description: "" };
        let text = super::ics("release", start, &[entry]);
        for line in text.split_terminator("\r\n") {
            assert!(line.len() <= LINE && !line.contains(['\r', '\n']), "{line}");
        }
        let file = SourceFile { name: "a.ics".into(), text };
        let events = report_of(&file, |text, sink| ics::read(text, sink)).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(events[0].name, format!("Würth, Söhne; \\ {} end", "上線".repeat(60)));
        assert_eq!(occurrences(&events[0], Time(0), end), [Extent::Between(start, end)]);
    }
}
