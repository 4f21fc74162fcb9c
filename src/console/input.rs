//! The bytes a terminal sends, as keys.
//!
//! Read here rather than by a library: a terminal that hung up must be noticed, and a reader that is asked again and
//! again for a closed terminal must not spin.
//! Sequences: ECMA-48, xterm's `ctlseqs` (PC-style function keys, modifiers, bracketed paste).
use super::chord::{Code, Key};

/// What the terminal sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Key(Key),
    /// Text between the marks of a bracketed paste.
    Paste(String),
}

/// Longest paste that is kept, in bytes.
const PASTE: usize = 16 * 1024;
/// Longest sequence that is waited for, in bytes; what is longer is none.
const SEQUENCE: usize = 64;
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into keys; keeps what is not complete yet.
#[derive(Debug, Default)]
pub struct Parser {
    bytes: Vec<u8>,
    pasting: bool,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.bytes.extend_from_slice(bytes);
        self.read(false)
    }

    /// Nothing more came for a while: a lone ESC is the key, not the beginning of a sequence.
    pub fn flush(&mut self) -> Vec<Input> {
        self.read(true)
    }

    /// There is something that may be the beginning of a sequence.
    pub fn waits(&self) -> bool {
        !self.bytes.is_empty() && !self.pasting
    }

    fn read(&mut self, all: bool) -> Vec<Input> {
        let mut out = Vec::new();
        while !self.bytes.is_empty() {
            if self.pasting {
                let end = find(&self.bytes, PASTE_END);
                let Some(end) = end.or((self.bytes.len() > PASTE + PASTE_END.len()).then_some(PASTE)) else { break };
                out.push(Input::Paste(String::from_utf8_lossy(&self.bytes[..end.min(PASTE)]).into_owned()));
                self.pasting = find(&self.bytes, PASTE_END).is_none();
                let skip = if self.pasting { end } else { end + PASTE_END.len() };
                self.bytes.drain(..skip);
                continue;
            }
            if self.bytes.starts_with(PASTE_BEGIN) {
                self.bytes.drain(..PASTE_BEGIN.len());
                self.pasting = true;
                continue;
            }
            match one(&self.bytes) {
                Step::Take(n, key) => {
                    self.bytes.drain(..n);
                    out.extend(key.map(Input::Key));
                }
                Step::Wait if all || self.bytes.len() > SEQUENCE => {
                    // The first byte by itself, then whatever the rest is.
                    if self.bytes.remove(0) == 0x1b {
                        out.push(Input::Key(Key::code(Code::Esc)));
                    }
                }
                Step::Wait => break,
            }
        }
        out
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

enum Step {
    /// So many bytes are done; they may mean nothing.
    Take(usize, Option<Key>),
    /// More bytes are needed.
    Wait,
}

fn one(bytes: &[u8]) -> Step {
    match bytes {
        [0x1b, b'[', ..] => csi(bytes),
        [0x1b, b'O', last, ..] => Step::Take(3, ss3(*last)),
        [0x1b, b'O'] | [0x1b] => Step::Wait,
        [0x1b, 0x1b, ..] => Step::Take(1, Some(Key::code(Code::Esc))),
        [0x1b, ..] => match one(&bytes[1..]) {
            Step::Take(n, key) => Step::Take(n + 1, key.map(|k| Key { alt: true, ..k })),
            Step::Wait => Step::Wait,
        },
        [b'\r' | b'\n', ..] => Step::Take(1, Some(Key::code(Code::Enter))),
        [b'\t', ..] => Step::Take(1, Some(Key::code(Code::Tab))),
        [0x7f | 0x08, ..] => Step::Take(1, Some(Key::code(Code::Backspace))),
        [0, ..] => Step::Take(1, Some(Key::ctrl(' '))),
        [c @ 1..=26, ..] => Step::Take(1, Some(Key::ctrl(char::from(b'a' + c - 1)))),
        [c @ 28..=31, ..] => Step::Take(1, Some(Key::ctrl(char::from(b'4' + c - 28)))),
        [c, ..] if c.is_ascii() => Step::Take(1, Some(Key::char(char::from(*c)))),
        [first, ..] => utf8(bytes, *first),
        [] => Step::Wait,
    }
}

fn utf8(bytes: &[u8], first: u8) -> Step {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Step::Take(1, None),
    };
    let have = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(have) {
        Ok(text) => Step::Take(length, text.chars().next().map(Key::char)),
        Err(e) if e.error_len().is_none() && have.len() < length => Step::Wait,
        Err(_) => Step::Take(1, None),
    }
}

/// `ESC [ parameters final`.
fn csi(bytes: &[u8]) -> Step {
    let Some(end) = bytes[2..].iter().position(|b| (0x40..=0x7e).contains(b)) else { return Step::Wait };
    let (parameters, last) = (&bytes[2..2 + end], bytes[2 + end]);
    let text = std::str::from_utf8(parameters).unwrap_or("");
    let mut numbers = text.split(';').map(|p| p.parse::<u8>().unwrap_or(0));
    let (first, modifier) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
    let code = match last {
        b'A' => Some(Code::Up),
        b'B' => Some(Code::Down),
        b'C' => Some(Code::Right),
        b'D' => Some(Code::Left),
        b'H' => Some(Code::Home),
        b'F' => Some(Code::End),
        b'Z' => Some(Code::BackTab),
        b'P'..=b'S' => Some(Code::F(last - b'P' + 1)),
        b'~' => tilde(first),
        _ => None,
    };
    // The parameter is 1 plus 1 for shift, 2 for alt, 4 for ctrl.
    let bits = modifier.saturating_sub(1);
    Step::Take(end + 3, code.map(|code| Key { code, alt: bits & 2 != 0, ctrl: bits & 4 != 0 }))
}

fn tilde(number: u8) -> Option<Code> {
    Some(match number {
        1 | 7 => Code::Home,
        4 | 8 => Code::End,
        3 => Code::Delete,
        5 => Code::PageUp,
        6 => Code::PageDown,
        n @ 11..=15 => Code::F(n - 10),
        n @ 17..=21 => Code::F(n - 11),
        n @ 23..=24 => Code::F(n - 12),
        _ => return None,
    })
}

fn ss3(last: u8) -> Option<Key> {
    let code = match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'P'..=b'S' => Code::F(last - b'P' + 1),
        _ => return None,
    };
    Some(Key::code(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        let mut parser = Parser::default();
        let mut all = parser.feed(bytes);
        all.extend(parser.flush());
        all.into_iter()
            .map(|i| match i {
                Input::Key(key) => key.to_string(),
                Input::Paste(text) => format!("paste {text:?}"),
            })
            .collect()
    }

    #[test]
    fn keys_of_common_terminals() {
        assert_eq!(keys(b"pH\r\t\x7f\x03"), ["p", "H", "enter", "tab", "backspace", "ctrl-c"]);
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1b[Z\x1b[15~\x1b[24~"),
            ["up", "down", "page-up", "ctrl-right", "shift-tab", "f5", "f12"]
        );
        assert_eq!(keys("\u{e9}\u{6771}".as_bytes()), ["\u{e9}", "\u{6771}"]);
        assert_eq!(keys(b"\x1bx"), ["alt-x"]);
        assert_eq!(keys(b"\x1b"), ["esc"]);
        assert_eq!(keys(b"\x1b\x1b"), ["esc", "esc"]);
        // Answers and reports that nobody asked for mean nothing.
        assert_eq!(keys(b"\x1b[?62;c\x1b[Iq"), ["q"]);
    }

    #[test]
    fn a_sequence_may_come_in_parts() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b").is_empty() && parser.waits());
        assert!(parser.feed(b"[").is_empty());
        assert_eq!(parser.feed(b"B"), [Input::Key(Key::code(Code::Down))]);
        let wide = "\u{6771}".as_bytes();
        assert!(parser.feed(&wide[..1]).is_empty());
        assert_eq!(parser.feed(&wide[1..]), [Input::Key(Key::char('\u{6771}'))]);
        assert!(!parser.waits());
    }

    #[test]
    fn pasted_keys_are_text() {
        assert_eq!(keys(b"\x1b[200~x\nbilling\x1b[201~j"), ["paste \"x\\nbilling\"", "j"]);
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b[200~half").is_empty());
        assert!(parser.flush().is_empty(), "a paste ends by its mark, not by a pause");
        assert_eq!(parser.feed(b" done\x1b[201~"), [Input::Paste("half done".into())]);
    }

    #[test]
    fn rubbish_neither_stops_nor_piles_up() {
        let mut parser = Parser::default();
        for i in 0..20_000u32 {
            parser.feed(&[(i.wrapping_mul(2_654_435_761) >> 24) as u8]);
            assert!(parser.bytes.len() <= PASTE + 64);
        }
        let mut parser = Parser::default();
        parser.feed(&[b"\x1b[".as_slice(), &[b';'; 500]].concat());
        assert!(parser.bytes.len() <= SEQUENCE);
    }
}
