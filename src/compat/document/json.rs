//! JSON with line numbers. A stack instead of recursion, so that no file can exhaust the program's own.
use super::build::{self, Fault};
use super::{Data, Library, MAX_DEPTH, MAX_NODES, NodeId};

enum Open {
    Seq(u32, Vec<NodeId>),
    Map(u32, Vec<(Box<str>, NodeId)>, Option<Box<str>>),
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    line_start: usize,
}

pub fn read(library: &mut Library, text: &str) -> Result<NodeId, Fault> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, line: 1, line_start: 0 };
    let root = reader.document(library)?;
    reader.blank();
    if reader.at < reader.bytes.len() {
        return Err(reader.fault("something stands after the end of the document", "take it out"));
    }
    Ok(root)
}

impl Reader<'_> {
    fn fault(&self, message: &str, help: &'static str) -> Fault {
        let before = self.text.get(self.line_start..self.at).unwrap_or("");
        Fault::new(self.line as usize, before.chars().count() + 1, format!("not JSON: {message}"), help)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if b == b'\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
    }

    fn document(&mut self, library: &mut Library) -> Result<NodeId, Fault> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.blank();
            if library.nodes.len() >= MAX_NODES || open.len() >= MAX_DEPTH {
                let what = format!("more than {MAX_NODES} values, or nested deeper than {MAX_DEPTH} levels");
                return Err(self.fault(&what, "split the file"));
            }
            let mut done = match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    open.push(Open::Map(self.line, Vec::new(), None));
                    self.after_open(library, &mut open, b'}')?
                }
                Some(b'[') => {
                    self.at += 1;
                    open.push(Open::Seq(self.line, Vec::new()));
                    self.after_open(library, &mut open, b']')?
                }
                _ => {
                    let line = self.line;
                    let data = self.scalar()?;
                    Some(library.add(line, data))
                }
            };
            // A value is whole: it belongs to what is open, which may be whole with it.
            while let Some(value) = done.take() {
                let Some(frame) = open.last_mut() else { return Ok(value) };
                let close = match frame {
                    Open::Seq(_, items) => {
                        items.push(value);
                        b']'
                    }
                    Open::Map(_, entries, key) => {
                        entries.extend(key.take().map(|k| (k, value)));
                        b'}'
                    }
                };
                self.blank();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.key(&mut open)?;
                    }
                    Some(b) if b == close => {
                        self.at += 1;
                        done = self.finish(library, &mut open)?;
                    }
                    _ => {
                        let help = "is a comma or a closing bracket missing here or in the line above?";
                        return Err(self.fault("expected `,` or a closing bracket", help));
                    }
                }
            }
        }
    }

    /// An empty collection is whole at once; a map needs its first key.
    fn after_open(&mut self, library: &mut Library, open: &mut Vec<Open>, close: u8) -> Result<Option<NodeId>, Fault> {
        self.blank();
        if self.peek() == Some(close) {
            self.at += 1;
            return self.finish(library, open);
        }
        self.key(open)?;
        Ok(None)
    }

    fn finish(&mut self, library: &mut Library, open: &mut Vec<Open>) -> Result<Option<NodeId>, Fault> {
        Ok(match open.pop() {
            Some(Open::Seq(line, items)) => Some(library.add(line, Data::Seq(items.into()))),
            Some(Open::Map(line, entries, _)) => {
                if let Some(i) = build::twice(&entries) {
                    let line = library.line(entries[i].1) as usize;
                    let message = format!("`{}` is written twice in one object", entries[i].0);
                    return Err(Fault::new(line, 1, message, "take one of them out"));
                }
                Some(library.add(line, Data::Map(Box::new(build::map(entries)))))
            }
            None => None,
        })
    }

    /// Reads `"key":` if a map is open.
    fn key(&mut self, open: &mut [Open]) -> Result<(), Fault> {
        let Some(Open::Map(_, _, key)) = open.last_mut() else { return Ok(()) };
        self.blank();
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a key in quotes", "is a comma too many, or are quotes missing?"));
        }
        *key = Some(self.string()?);
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected `:` after a key", "write a colon between key and value"));
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<Data, Fault> {
        if self.peek() == Some(b'"') {
            return self.string().map(Data::Text);
        }
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        let word = self.text.get(start..self.at).unwrap_or("");
        match word {
            "null" => Ok(Data::Null),
            "true" => Ok(Data::Bool(true)),
            "false" => Ok(Data::Bool(false)),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') && word.parse::<f64>().is_ok() => {
                Ok(build::number(word))
            }
            _ => {
                self.at = start;
                let end = start >= self.bytes.len();
                let message = if end { "the text ends in the middle" } else { "expected a value" };
                Err(self.fault(message, "is the file written to the end, is a bracket or quote missing?"))
            }
        }
    }

    fn string(&mut self) -> Result<Box<str>, Fault> {
        self.at += 1;
        let start = self.at;
        let mut out: Option<String> = None;
        let mut from = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = self.text.get(from..self.at).unwrap_or("");
                    self.at += 1;
                    return Ok(match out {
                        Some(text) => (text + rest).into(),
                        None => rest.into(),
                    });
                }
                Some(b'\\') => {
                    let text = out.get_or_insert_default();
                    text.push_str(self.text.get(from..self.at).unwrap_or(""));
                    let c = self.escape()?;
                    text.push(c);
                    from = self.at;
                }
                Some(b'\n') | None => {
                    return Err(self.fault("a text is not closed", "put a quote at its end"));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let kind = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match kind {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return Ok(char::from_u32(high).unwrap_or('\u{fffd}'));
                }
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Ok('\u{fffd}');
                }
                self.at += 2;
                let low = self.hex()?;
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff))
                    .unwrap_or('\u{fffd}')
            }
            _ => {
                self.at -= 2;
                return Err(self.fault("an escape JSON does not know", "write `\\\\` for a backslash"));
            }
        })
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).and_then(|d| u32::from_str_radix(d, 16).ok());
        let Some(value) = digits else {
            return Err(self.fault("`\\u` needs four hexadecimal digits", "write four digits"));
        };
        self.at += 4;
        Ok(value)
    }
}
