//! Everything that is wrong, in one report: where it stands, what it is, what to write instead.
use std::cell::OnceCell;
use std::fmt;

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Problems told of one file; the rest is counted only.
const MAX_PER_FILE: usize = 100;
/// Columns of a source line that are shown around a caret.
const SNIPPET: usize = 110;

/// A file somebody handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As messages name it: the path as it was given.
    pub name: String,
    pub text: String,
}

/// A spot in a file: line and column counted from 1, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
    /// How many characters the caret underlines.
    pub width: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The files cannot be used.
    Error,
    /// They can, but probably do not say what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub file: String,
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: u32,
    /// In characters, counted from 1; 0 when the file as a whole is meant.
    pub column: u32,
    pub severity: Severity,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line as shown, with the columns to underline.
    #[serde(skip)]
    snippet: Option<Box<Snippet>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Snippet {
    text: String,
    /// Terminal columns before the caret.
    before: usize,
    width: usize,
}

impl Problem {
    /// An error about a file as a whole, such as one that cannot be read.
    pub fn of_file(file: &str, message: String, help: Option<String>) -> Problem {
        Problem {
            file: file.to_string(),
            line: 0,
            column: 0,
            severity: Severity::Error,
            message: clean(&message),
            help: help.map(|h| clean(&h)),
            snippet: None,
        }
    }

    /// The same, at a line and column counted from 1.
    pub fn at(mut self, line: u32, column: u32) -> Problem {
        (self.line, self.column) = (line, column);
        self
    }

    /// The same with its line of the file's text and a caret, where it has a line and none is shown yet. Where only the
    /// line was known, it is what stands first on it.
    pub fn shown_in(mut self, text: &str) -> Problem {
        let number = usize::try_from(self.line).unwrap_or(0);
        let Some(line) = number.checked_sub(1).and_then(|n| text.lines().nth(n)).filter(|_| self.snippet.is_none())
        else {
            return self;
        };
        let blank = line.chars().take_while(|c| c.is_whitespace()).count();
        let column = usize::try_from(self.column).unwrap_or(0).max(blank + 1);
        let mut rest = line.chars().skip(column - 1).peekable();
        let quote = rest.peek().copied().filter(|c| matches!(c, '"' | '\''));
        let width = match quote {
            Some(quote) => 2 + rest.skip(1).take_while(|c| *c != quote).count(),
            None => rest.take_while(|c| !c.is_whitespace() && !",:]}".contains(*c)).count(),
        };
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.column = narrow(column);
        let place = Place { line: self.line, column: self.column, width: narrow(width.max(1)) };
        self.snippet = snippet(line, place).map(Box::new);
        self
    }
}

/// With the source line and a caret below it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{word}: {}", self.message)?;
        let file = clean(&self.file);
        let margin = " ".repeat(self.line.max(1).to_string().len());
        if self.line == 0 {
            writeln!(f, "{margin}--> {file}")?;
        } else {
            writeln!(f, "{margin}--> {file}:{}:{}", self.line, self.column)?;
        }
        if let Some(snippet) = &self.snippet {
            writeln!(f, "{margin} |")?;
            writeln!(f, "{} | {}", self.line, snippet.text)?;
            writeln!(f, "{margin} | {}{}", " ".repeat(snippet.before), "^".repeat(snippet.width))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// All problems of a set of files, in the order of the files, then by line and column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    pub problems: Vec<Problem>,
}

impl Report {
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|p| p.severity == Severity::Error).count()
    }

    pub fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// A report of one error that stands in no file.
    pub fn of(problem: Problem) -> Report {
        Report { problems: vec![problem] }
    }
}

impl From<Vec<Problem>> for Report {
    fn from(problems: Vec<Problem>) -> Report {
        Report { problems }
    }
}

/// Every problem, then one line that counts them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.is_empty() {
            return Ok(());
        }
        let many = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
        write!(f, "{}, {}", many(self.errors(), "error"), many(self.warnings(), "warning"))
    }
}

impl std::error::Error for Report {}

/// Collects the problems of one file.
pub struct Sink<'a> {
    name: &'a str,
    text: &'a str,
    /// The lines as YAML breaks them: at `\n`, `\r\n` and `\r`. Looked for at the first problem.
    lines: OnceCell<Vec<&'a str>>,
    problems: Vec<Problem>,
    /// Problems beyond the bound, and whether an error is among them.
    more: usize,
    more_errors: bool,
    /// Gates are only to be tried: see [`super::load_to_try`].
    pub trying: bool,
}

impl<'a> Sink<'a> {
    pub fn new(file: &'a SourceFile) -> Sink<'a> {
        let lines = OnceCell::new();
        let (name, text) = (file.name.as_str(), file.text.as_str());
        Sink { name, text, lines, problems: Vec::new(), more: 0, more_errors: false, trying: false }
    }

    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The source line with this number, counted from 1; empty when there is none.
    pub fn line(&self, number: u32) -> &'a str {
        let split = |line: &'a str| line.strip_suffix('\r').unwrap_or(line).split('\r');
        let lines = self.lines.get_or_init(|| self.text.split('\n').flat_map(split).collect());
        let at = usize::try_from(number).unwrap_or(0);
        at.checked_sub(1).and_then(|i| lines.get(i)).copied().unwrap_or("")
    }

    /// Problems so far, those beyond the bound included.
    pub fn count(&self) -> usize {
        self.problems.len() + self.more
    }

    pub fn error(&mut self, place: Place, message: String, help: Option<String>) {
        self.push(Severity::Error, place, &message, help);
    }

    pub fn warn(&mut self, place: Place, message: String, help: Option<String>) {
        self.push(Severity::Warning, place, &message, help);
    }

    /// Nothing more will be told of this file, and it cannot be used: looking further is of no use.
    pub fn hopeless(&self) -> bool {
        self.full() && (self.more_errors || self.problems.iter().any(|p| p.severity == Severity::Error))
    }

    fn full(&self) -> bool {
        self.problems.len() >= MAX_PER_FILE
    }

    /// An error about the file as a whole.
    pub fn whole(&mut self, message: String, help: Option<String>) {
        self.problems.push(Problem::of_file(self.name, message, help));
    }

    fn push(&mut self, severity: Severity, place: Place, message: &str, help: Option<String>) {
        if self.full() {
            self.more += 1;
            self.more_errors |= severity == Severity::Error;
            return;
        }
        self.problems.push(Problem {
            file: self.name.to_string(),
            line: place.line,
            column: place.column,
            severity,
            message: clean(message),
            help: help.map(|h| clean(&h)),
            snippet: snippet(self.line(place.line), place).map(Box::new),
        });
    }

    /// The problems in order of their places; those of one place keep the order in which they were found.
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|p| (p.line, p.column));
        if self.more > 0 {
            let message = format!("at least {} more problems in this file are not listed", self.more);
            let severity = if self.more_errors { Severity::Error } else { Severity::Warning };
            self.problems.push(Problem { severity, ..Problem::of_file(self.name, message, None) });
        }
        self.problems
    }
}

/// What a reader makes of one file, or everything that is wrong with it.
///
/// # Errors
/// Every problem, when there is at least one error.
pub fn report_of<'a, T>(file: &'a SourceFile, read: impl FnOnce(&'a str, &mut Sink<'a>) -> T) -> Result<T, Report> {
    let mut sink = Sink::new(file);
    let found = read(&file.text, &mut sink);
    let report = Report::from(sink.finish());
    if report.errors() > 0 { Err(report) } else { Ok(found) }
}

/// The part of a line around a caret, without anything a terminal would act on.
fn snippet(line: &str, place: Place) -> Option<Snippet> {
    if line.trim().is_empty() {
        return None;
    }
    let column = usize::try_from(place.column).ok()?.saturating_sub(1);
    let fits = line.chars().nth(SNIPPET).is_none();
    let skip = if fits || column < SNIPPET * 3 / 4 { 0 } else { column - SNIPPET / 2 };
    let (mut text, mut before, mut width) = (String::new(), 0, 0);
    let mut end = 0;
    for (i, c) in line.chars().enumerate().skip(skip).take(SNIPPET) {
        let shown = if c == '\t' {
            ' '
        } else if hidden(c) {
            '\u{fffd}'
        } else {
            c
        };
        let cells = shown.width().unwrap_or(0);
        text.push(shown);
        if i < column {
            before += cells;
        } else if i < column + usize::try_from(place.width).unwrap_or(1) {
            width += cells;
        }
        end = i + 1;
    }
    if skip > 0 {
        text.insert_str(0, "... ");
        before += 4;
    }
    if line.chars().nth(end).is_some() {
        text.push_str(" ...");
    }
    Some(Snippet { text: text.trim_end().to_string(), before, width: width.max(1) })
}

/// Control characters, and those that turn the direction of text round: a file must not steer a terminal.
pub fn hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of text that is safe to print, of bounded length.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i >= 1000 {
            out.push_str("...");
            break;
        }
        match c {
            c if hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { name: "f.yaml".into(), text: text.into() }
    }

    #[test]
    fn the_caret_stands_under_wide_characters() {
        let source = file("a: 1\nname: 会議 weight\n");
        let mut sink = Sink::new(&source);
        sink.error(Place { line: 2, column: 10, width: 6 }, "no".into(), Some("yes".into()));
        let text = Report::from(sink.finish()).to_string();
        assert!(text.contains("2 | name: 会議 weight\n  |            ^^^^^^\n  = help: yes\n"), "{text}");
        assert!(text.ends_with("1 error, 0 warnings"), "{text}");
    }

    #[test]
    fn nothing_in_a_file_can_steer_the_terminal() {
        let source = file("a: \u{1b}[2J\u{202e}\r\nb: x\n");
        let mut sink = Sink::new(&source);
        sink.error(Place { line: 1, column: 4, width: 3 }, "bad \u{1b}[2J".into(), None);
        sink.warn(Place { line: 2, column: 4, width: 1 }, "b".into(), None);
        let problems = sink.finish();
        let text = Report::from(problems).to_string();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.contains("2 | b: x"), "{text}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_caret() {
        let source = file(&format!("{}here{}", "x".repeat(5000), "y".repeat(5000)));
        let mut sink = Sink::new(&source);
        sink.error(Place { line: 1, column: 5001, width: 4 }, "m".into(), None);
        let text = Report::from(sink.finish()).to_string();
        let lines: Vec<&str> = text.lines().collect();
        let column = lines[4].find('^').unwrap();
        assert_eq!(&lines[3][column..column + 4], "here");
        assert!(lines[3].len() < 130 && lines[3].starts_with("1 | ... x"), "{}", lines[3]);
    }

    #[test]
    fn a_flood_is_counted() {
        let source = file("a: 1\n");
        let mut sink = Sink::new(&source);
        for _ in 0..MAX_PER_FILE + 7 {
            sink.error(Place { line: 1, column: 1, width: 1 }, "m".into(), None);
        }
        let problems = sink.finish();
        assert_eq!(problems.len(), MAX_PER_FILE + 1);
        assert!(problems.last().unwrap().message.starts_with("at least 7 more"));
    }
}
