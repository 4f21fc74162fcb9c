//! Reads Prometheus exposition text without copying it.
//!
//! The format is text 0.0.4 as Prometheus' own parser takes it (UTF-8 names in quotes included); OpenMetrics text is
//! read as well as far as the same lines go: exemplars are skipped, `# EOF` ends it, timestamps are seconds.
//! Source: "Exposition formats" in the Prometheus documentation and the OpenMetrics 1.0 specification.
//!
//! A line is either read whole or reported as [`Unreadable`] with its number and, where it can be told, its metric:
//! a gate must not rest on a metric one of whose lines could not be read. [`Doubts`] keeps account of that.
//!
//! Time is linear in the body; memory beyond the body is one line's labels.
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest body read, in bytes. A pod that says more is not read at all.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
/// Longest line read, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// Most labels of one series.
const MAX_LABELS: usize = 128;
/// Unreadable metrics told apart; beyond that every metric of the body is in doubt.
const MAX_DOUBTS: usize = 1000;
/// How much of a bad line an error shows.
const EXCERPT: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`, and whatever says nothing of itself. A closing `# EOF` still marks OpenMetrics.
    Text,
    /// `application/openmetrics-text`: must end with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// From a `Content-Type` header.
    pub fn of(content_type: &str) -> Format {
        if content_type.trim_start().starts_with("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<'a> {
    pub name: Cow<'a, str>,
    pub value: Cow<'a, str>,
}

/// One sample line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'r, 'a> {
    pub metric: Cow<'a, str>,
    /// In the order written.
    pub labels: &'r [Label<'a>],
    pub value: f64,
    /// Milliseconds since the Unix epoch, when the line carries a time of its own.
    pub timestamp: Option<i64>,
    /// Counted from 1.
    pub number: usize,
}

impl Line<'_, '_> {
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|l| l.name == name).map(|l| l.value.as_ref())
    }
}

/// Why a whole body is refused. Reads after a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("answered an HTML page, not metrics")]
    Html,
    #[error("answered more than {} MiB of metrics", MAX_BODY / 1024 / 1024)]
    TooLong,
    #[error("line {line} is not UTF-8 text")]
    NotText { line: usize },
    #[error("the answer is cut off: OpenMetrics text must end with `# EOF`")]
    CutOff,
}

/// Why one line could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Unreadable {
    /// Counted from 1.
    pub line: usize,
    /// The metric it is about; `None` when that cannot be told, so that it may be any.
    pub metric: Option<String>,
    pub why: String,
}

/// Walks a body line by line.
pub struct Reader<'a> {
    rest: &'a str,
    number: usize,
    seconds: bool,
    ended: bool,
    labels: Vec<Label<'a>>,
}

impl<'a> Reader<'a> {
    /// Looks at the body as a whole before any line is read.
    ///
    /// # Errors
    /// [`Refused`] when it is no exposition text at all.
    pub fn new(body: &'a [u8], format: Format) -> Result<Reader<'a>, Refused> {
        if body.len() > MAX_BODY {
            return Err(Refused::TooLong);
        }
        let text = std::str::from_utf8(body).map_err(|e| Refused::NotText {
            line: 1 + body[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count(),
        })?;
        if text.trim_start().starts_with('<') {
            return Err(Refused::Html);
        }
        let eof = text.trim_end().rsplit('\n').next().is_some_and(|last| last.trim() == "# EOF");
        if format == Format::OpenMetrics && !eof {
            return Err(Refused::CutOff);
        }
        Ok(Reader { rest: text, number: 0, seconds: eof, ended: false, labels: Vec::new() })
    }

    /// The next sample line; blank lines and comments are passed over. Not an `Iterator`, since a line borrows the
    /// reader's label buffer.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Line<'_, 'a>, Unreadable>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            self.number += 1;
            let (line, whole) = match self.rest.find('\n') {
                Some(end) => {
                    let line = &self.rest[..end];
                    self.rest = &self.rest[end + 1..];
                    (line, true)
                }
                None => (std::mem::take(&mut self.rest), false),
            };
            let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches(BLANK);
            if line.is_empty() {
                continue;
            }
            if line.starts_with('#') {
                self.ended |= self.seconds && line.trim_end() == "# EOF";
                continue;
            }
            self.labels.clear();
            return Some(self.sample(line, whole));
        }
    }

    fn sample(&mut self, line: &'a str, whole: bool) -> Result<Line<'_, 'a>, Unreadable> {
        let mut cursor = Cursor { line, at: 0 };
        let mut metric = None;
        let result = if self.ended {
            Err("there is text after `# EOF`".to_string())
        } else if line.len() > MAX_LINE {
            metric = cursor.name(true).ok().map(Cow::Borrowed);
            Err(format!("it is longer than {MAX_LINE} bytes"))
        } else if !whole {
            // The format ends every line with a line feed. Without one the number may be half a number.
            cursor
                .read(&mut self.labels, &mut metric, self.seconds)
                .and(Err("it has no line end; the answer may have been cut off in the middle of its number".into()))
        } else {
            cursor.read(&mut self.labels, &mut metric, self.seconds)
        };
        match (result, metric) {
            (Ok((value, timestamp)), Some(metric)) => {
                Ok(Line { metric, labels: &self.labels, value, timestamp, number: self.number })
            }
            (result, metric) => {
                let why = result.err().unwrap_or_else(|| "it names no metric".into());
                // A cut-off line may have lost the end of its name as well.
                let metric = metric.filter(|m| whole || line.len() > m.len()).map(Cow::into_owned);
                Err(Unreadable { line: self.number, metric, why: format!("{why}: {}", excerpt(line)) })
            }
        }
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// The start of a text, safe to show on a terminal.
fn excerpt(text: &str) -> String {
    let shown: String = text.chars().take(EXCERPT).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT).is_some() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

/// A place in one line.
struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

type Read<T> = Result<T, String>;

impl<'a> Cursor<'a> {
    /// The whole line: fills `labels` and `metric`, answers value and timestamp in milliseconds.
    fn read(
        &mut self,
        labels: &mut Vec<Label<'a>>,
        metric: &mut Option<Cow<'a, str>>,
        seconds: bool,
    ) -> Read<(f64, Option<i64>)> {
        if self.peek() != Some(b'{') {
            *metric = Some(Cow::Borrowed(self.name(true)?));
            self.blanks();
        }
        if self.peek() == Some(b'{') {
            self.at += 1;
            self.labels(labels, metric)?;
            self.blanks();
        }
        let word = self.word();
        let value = number(word).ok_or_else(|| {
            if word.is_empty() { "it has no value".to_string() } else { format!("{} is not a number", excerpt(word)) }
        })?;
        self.blanks();
        let timestamp = match self.peek() {
            None | Some(b'#') => None,
            Some(_) => {
                let word = self.word();
                let time =
                    milliseconds(word, seconds).ok_or_else(|| format!("{} is not a timestamp", excerpt(word)))?;
                self.blanks();
                Some(time)
            }
        };
        if self.peek() == Some(b'#') {
            // An exemplar says nothing about the sample itself.
            self.at += 1;
            self.blanks();
            if self.peek() != Some(b'{') {
                return Err("only an exemplar may follow the value after `#`".into());
            }
        } else if self.peek().is_some() {
            return Err("there is text after the timestamp".into());
        }
        Ok((value, timestamp))
    }

    /// From after `{` to after `}`.
    fn labels(&mut self, labels: &mut Vec<Label<'a>>, metric: &mut Option<Cow<'a, str>>) -> Read<()> {
        loop {
            self.blanks();
            let name = match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'"') => self.quoted()?,
                _ => Cow::Borrowed(self.name(false)?),
            };
            let quoted = self.line.as_bytes()[self.at - 1] == b'"';
            self.blanks();
            if self.peek() == Some(b'=') {
                self.at += 1;
                self.blanks();
                if self.peek() != Some(b'"') {
                    return Err(format!("the value of label {} is not in quotes", excerpt(&name)));
                }
                let value = self.quoted()?;
                if labels.iter().any(|l| l.name == name) {
                    return Err(format!("label {} occurs twice", excerpt(&name)));
                }
                if labels.len() == MAX_LABELS {
                    return Err(format!("it has more than {MAX_LABELS} labels"));
                }
                labels.push(Label { name, value });
            } else if quoted && metric.is_none() {
                *metric = Some(name);
            } else {
                return Err(format!("label {} has no value", excerpt(&name)));
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                _ => return Err("a comma or `}` is missing between labels".into()),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Up to the next blank.
    fn word(&mut self) -> &'a str {
        let from = self.at;
        while !matches!(self.peek(), None | Some(b' ' | b'\t')) {
            self.at += 1;
        }
        &self.line[from..self.at]
    }

    /// A name without quotes; only a metric's may hold colons.
    fn name(&mut self, colons: bool) -> Read<&'a str> {
        let from = self.at;
        while let Some(b) = self.peek() {
            let first = self.at == from;
            if b.is_ascii_alphabetic() || b == b'_' || (b == b':' && colons) || (b.is_ascii_digit() && !first) {
                self.at += 1;
            } else {
                break;
            }
        }
        if self.at == from {
            return Err(if colons { "it does not begin with a metric name" } else { "a label name is missing" }.into());
        }
        Ok(&self.line[from..self.at])
    }

    /// From the opening quote to after the closing one, with `\\`, `\"` and `\n` decoded. Any other backslash stays, as
    /// Prometheus leaves it.
    fn quoted(&mut self) -> Read<Cow<'a, str>> {
        let bytes = self.line.as_bytes();
        self.at += 1;
        let from = self.at;
        let mut escaped = false;
        loop {
            match bytes.get(self.at) {
                None => return Err("a quote is not closed".into()),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = &self.line[from..self.at];
        self.at += 1;
        Ok(if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) })
    }
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('\\' | '"'))) => {
                out.push(next);
                chars.next();
            }
            ('\\', Some('n')) => {
                out.push('\n');
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// A value as Prometheus reads it: Go's decimal floats, `NaN`, `Inf`, `+Inf`, `-Inf` in any case.
pub fn number(word: &str) -> Option<f64> {
    // Most values are short whole numbers.
    if (1..=15).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit()) {
        return Some(word.bytes().fold(0u64, |n, b| n * 10 + u64::from(b - b'0')) as f64);
    }
    word.parse().ok()
}

/// Text 0.0.4 counts whole milliseconds, OpenMetrics seconds with a fraction; a fraction alone tells seconds, too.
fn milliseconds(word: &str, seconds: bool) -> Option<i64> {
    if !seconds && let Ok(ms) = word.parse::<i64>() {
        return Some(ms);
    }
    let ms = word.parse::<f64>().ok()? * 1000.0;
    (ms.is_finite() && ms.abs() < 9e15).then_some(ms.round() as i64)
}

/// Which metrics of a body cannot be relied on, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    named: BTreeMap<String, Unreadable>,
    any: Option<Unreadable>,
    /// Unreadable lines in all.
    pub lines: usize,
}

impl Doubts {
    pub fn add(&mut self, unreadable: Unreadable) {
        self.lines += 1;
        match &unreadable.metric {
            Some(metric) if self.named.contains_key(metric) => {}
            Some(metric) if self.named.len() < MAX_DOUBTS => {
                self.named.insert(metric.clone(), unreadable);
            }
            _ => {
                self.any.get_or_insert(unreadable);
            }
        }
    }

    /// The first line because of which `metric` cannot be relied on.
    pub fn of(&self, metric: &str) -> Option<&Unreadable> {
        self.named.get(metric).or(self.any.as_ref())
    }
}

#[cfg(test)]
mod tests;
