//! JSON documents that remember where everything stands in their text.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{Finding, Place};

/// What keeps a document from being compared, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub file: String,
    /// Counted from 1; 0 where no spot in the text is known.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// JSON pointer; empty for the whole document.
    pub pointer: String,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.pointer.is_empty() {
            write!(f, " ({})", self.pointer)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A JSON file: its value and its text.
#[derive(Debug, Clone)]
pub struct Document {
    pub file: String,
    pub value: Value,
    text: String,
}

/// Longer texts are refused: a contract is written by people, and what reads it must not fill the memory.
pub const LIMIT: usize = 64 << 20;

const DEEP: &str = "nested deeper than 127 levels: give the inner part a name of its own, and refer to it";

impl Document {
    /// # Errors
    /// The text is no JSON, is nested deeper than 127 levels, or is longer than [`LIMIT`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > LIMIT {
            let message = format!("{} MB long; at most {} MB are read", text.len() >> 20, LIMIT >> 20);
            return Err(Fault { file: file.to_string(), line: 0, column: 0, pointer: String::new(), message });
        }
        match serde_json::from_str(text) {
            Ok(value) => Ok(Self { file: file.to_string(), value, text: text.to_string() }),
            Err(e) => {
                let said = e.to_string();
                let said = said.split(" at line ").next().unwrap_or(&said).to_string();
                let message = match said.as_str() {
                    "recursion limit exceeded" => DEEP.to_string(),
                    _ => format!("not JSON: {said}"),
                };
                let (line, column) = (small(e.line()), small(e.column()).max(1));
                Err(Fault { file: file.to_string(), line, column, pointer: String::new(), message })
            }
        }
    }

    /// Without a mark of its encoding.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Like [`Document::parse`], for dialects of JSON that allow `//` and `/* */` comments, as Avro's reference does.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with_comments(file: &str, text: &str) -> Result<Self, Fault> {
        Self::parse(file, &without_comments(text))
    }

    /// A fault at the value a pointer names.
    pub fn fault(&self, pointer: &str, message: impl Into<String>) -> Fault {
        let (line, column) = self.spots(&BTreeSet::from([pointer.to_string()])).remove(pointer).unwrap_or((0, 0));
        Fault { file: self.file.clone(), line, column, pointer: pointer.to_string(), message: message.into() }
    }

    /// Faults at many values, in the order of the text.
    pub fn faults(&self, said: Vec<(String, String)>) -> Vec<Fault> {
        let spots = self.spots(&said.iter().map(|(pointer, _)| pointer.clone()).collect());
        let mut faults: Vec<Fault> = said
            .into_iter()
            .map(|(pointer, message)| {
                let (line, column) = spots.get(&pointer).copied().unwrap_or((0, 0));
                Fault { file: self.file.clone(), line, column, pointer, message }
            })
            .collect();
        faults.sort_by_key(|f| (f.line, f.column));
        faults
    }

    /// Line and column of each value that a pointer of `wanted` names, in one pass over the text.
    pub fn spots(&self, wanted: &BTreeSet<String>) -> BTreeMap<String, (u32, u32)> {
        let mut scan = Scan { text: self.text.as_bytes(), at: 0, line: 1, start: 0, wanted, found: BTreeMap::new() };
        if !wanted.is_empty() {
            scan.value(&mut String::new(), true);
        }
        scan.found
    }
}

/// Fills in the lines of all places that stand in `document`.
pub fn add_lines(findings: &mut [Finding], document: &Document) {
    let mine = |p: &Option<Place>| p.as_ref().filter(|p| p.file == document.file).map(|p| p.pointer.clone());
    let wanted = findings.iter().flat_map(|f| [mine(&f.location.base), mine(&f.location.revision)]).flatten().collect();
    let spots = document.spots(&wanted);
    for finding in findings {
        for place in [&mut finding.location.base, &mut finding.location.revision].into_iter().flatten() {
            if place.file == document.file && place.line.is_none() {
                place.line = spots.get(&place.pointer).map(|(line, _)| *line);
            }
        }
    }
}

/// One step further down in a pointer (RFC 6901).
pub fn step(pointer: &str, name: impl fmt::Display) -> String {
    let name = name.to_string();
    if name.contains(['~', '/']) {
        return format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    }
    format!("{pointer}/{name}")
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Comments become blanks, so that lines and columns stay what they were.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(_)) if quoted => {
                out.push(c);
                out.extend(chars.next());
            }
            ('"', _) => {
                quoted = !quoted;
                out.push(c);
            }
            ('/', Some('/')) if !quoted => {
                out.push(' ');
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    out.push(if c == '\r' { c } else { ' ' });
                }
            }
            ('/', Some('*')) if !quoted => {
                out.push(' ');
                let mut last = ' ';
                // The star that opens is no half of the one that closes.
                out.extend(chars.next().map(|_| ' '));
                for c in chars.by_ref() {
                    out.push(if c == '\n' { '\n' } else { ' ' });
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// Walks over a text that was read as JSON before, so its form needs no second check; whatever it meets, it only moves on.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    /// Where the line starts.
    start: usize,
    wanted: &'a BTreeSet<String>,
    found: BTreeMap<String, (u32, u32)>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') = self.peek() {
            self.at += 1;
            if self.text[self.at - 1] == b'\n' {
                (self.line, self.start) = (self.line.saturating_add(1), self.at);
            }
        }
    }

    /// `here`: something below this pointer may be wanted, so it is kept up to date.
    fn value(&mut self, pointer: &mut String, here: bool) {
        self.blanks();
        if here && self.wanted.contains(pointer.as_str()) {
            let before = self.text[self.start..self.at].iter().filter(|b| **b & 0xc0 != 0x80).count();
            self.found.insert(pointer.clone(), (self.line, small(before + 1)));
        }
        match self.peek() {
            Some(open @ (b'{' | b'[')) => {
                self.at += 1;
                let below = here && self.below(pointer);
                let (mut n, length) = (0usize, pointer.len());
                loop {
                    self.blanks();
                    match self.peek() {
                        None => return,
                        Some(b'}' | b']') => break self.at += 1,
                        _ if open == b'[' => {
                            if below {
                                pointer.push_str(&format!("/{n}"));
                            }
                            n += 1;
                        }
                        _ => {
                            let key = self.string();
                            if below {
                                let key: String = serde_json::from_slice(key).unwrap_or_default();
                                *pointer = step(pointer, key);
                            }
                        }
                    }
                    self.value(pointer, below);
                    pointer.truncate(length);
                }
            }
            Some(b'"') => drop(self.string()),
            _ => {
                // Numbers and words; at least one byte, so that the walk ends.
                self.at += 1;
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
                    self.at += 1;
                }
            }
        }
    }

    fn below(&self, pointer: &str) -> bool {
        let next = format!("{pointer}/");
        self.wanted.range(next.clone()..).next().is_some_and(|w| w.starts_with(&next))
    }

    /// The string at this spot, with its quotes.
    fn string(&mut self) -> &[u8] {
        let from = self.at;
        self.at += 1;
        while let Some(b) = self.peek() {
            self.at += if b == b'\\' { 2 } else { 1 };
            if b == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.text.len());
        &self.text[from..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_found_where_it_stands() {
        let text = "{\n  \"a/b\": [1, {\"ü~\": \"x\\\"]\"},\n    true],\n \"\": {\"é\": 1, \"z\": 2}}";
        let d = Document::parse("f", text).unwrap();
        let wanted = ["", "/a~1b", "/a~1b/0", "/a~1b/1/ü~0", "/a~1b/2", "/", "/é/none", "//z"];
        let spots = d.spots(&wanted.iter().map(|s| (*s).to_string()).collect());
        let at = |p: &str| spots.get(p).copied();
        assert_eq!(at(""), Some((1, 1)));
        assert_eq!(at("/a~1b"), Some((2, 10)));
        assert_eq!(at("/a~1b/0"), Some((2, 11)));
        assert_eq!(at("/a~1b/1/ü~0"), Some((2, 21)));
        assert_eq!(at("/a~1b/2"), Some((3, 5)));
        assert_eq!(at("/"), Some((4, 6)));
        assert_eq!(at("//z"), Some((4, 20)));
        assert_eq!(at("/é/none"), None);
    }

    #[test]
    fn a_fault_in_the_text_has_its_line_and_column() {
        let fault = Document::parse("x.avsc", "{\n \"a\": nul }").unwrap_err();
        assert_eq!((fault.line, fault.file.as_str()), (2, "x.avsc"));
        assert!(fault.to_string().starts_with("x.avsc:2:"), "{fault}");
        assert!(fault.message.starts_with("not JSON"), "{fault}");
        let deep = "[".repeat(100_000);
        let fault = Document::parse("x", &deep).unwrap_err();
        assert_eq!((fault.line, fault.message.as_str()), (1, DEEP));
        assert!(Document::parse("x", "").is_err());
        assert!(Document::parse("x", "{} {}").is_err());
    }

    #[test]
    fn comments_are_blank_and_move_nothing() {
        let text = "// head\n{ /* a\n b */ \"a\": \"// no /* comment\\\"\" } // end";
        let d = Document::parse_with_comments("f", text).unwrap();
        assert_eq!(d.value["a"], "// no /* comment\"");
        assert_eq!(d.fault("/a", "x").line, 3);
        assert_eq!(d.fault("/a", "x").column, 12);
        assert!(Document::parse_with_comments("f", "{} /*").is_ok());
        assert!(Document::parse_with_comments("f", "/*/ {}").is_err());
    }
}
