//! Keys and sequences of keys as people write them: `p`, `H`, `g g`, `space`, `ctrl-c`, `alt-x`, `f1`, `shift-tab`.
use std::fmt;

/// One key press. Case is significant: `h` and `H` are two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

const NAMED: [(&str, Code); 16] = [
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("shift-tab", Code::BackTab),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("home", Code::Home),
    ("end", Code::End),
    ("page-up", Code::PageUp),
    ("page-down", Code::PageDown),
    ("space", Code::Char(' ')),
    ("minus", Code::Char('-')),
];

impl Key {
    pub const fn char(c: char) -> Key {
        Key::code(Code::Char(c))
    }

    pub const fn code(code: Code) -> Key {
        Key { code, ctrl: false, alt: false }
    }

    pub const fn ctrl(c: char) -> Key {
        Key { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// The same key without shift: how two keys are found that differ by shift only.
    pub fn unshifted(self) -> Key {
        match self.code {
            Code::Char(c) => Key { code: Code::Char(c.to_lowercase().next().unwrap_or(c)), ..self },
            Code::BackTab => Key { code: Code::Tab, ..self },
            _ => self,
        }
    }

    /// Reads one key.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn parse(text: &str) -> Result<Key, String> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(r) = rest.strip_prefix("ctrl-").filter(|r| !r.is_empty() && !ctrl) {
                (rest, ctrl) = (r, true);
            } else if let Some(r) = rest.strip_prefix("alt-").filter(|r| !r.is_empty() && !alt) {
                (rest, alt) = (r, true);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() && !c.is_whitespace() => Code::Char(c),
            _ => named(rest).ok_or_else(|| unknown(text, rest))?,
        };
        if ctrl && matches!(code, Code::Char(c) if c.is_uppercase()) {
            return Err(format!(
                "`{text}`: a terminal cannot tell ctrl with and without shift apart; write the letter small"
            ));
        }
        Ok(Key { code, ctrl, alt })
    }
}

fn named(text: &str) -> Option<Code> {
    NAMED.iter().find(|(n, _)| *n == text).map(|(_, c)| *c).or_else(|| {
        let n: u8 = text.strip_prefix('f')?.parse().ok()?;
        (1..=12).contains(&n).then_some(Code::F(n))
    })
}

fn unknown(text: &str, rest: &str) -> String {
    let hint = if rest.starts_with("shift-") {
        "; write the capital letter instead of shift".to_string()
    } else {
        match super::caret::nearest(rest, NAMED.iter().map(|(n, _)| *n)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => "; write one character, or a name such as enter, esc, space, page-up, f1, ctrl-u, alt-x".into(),
        }
    };
    format!("`{text}` is no key{hint}")
}

/// Reads one or more keys with spaces between them.
///
/// # Errors
/// As [`Key::parse`]; also when there is no key at all.
pub fn sequence(text: &str) -> Result<Vec<Key>, String> {
    let keys = text.split_whitespace().map(Key::parse).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err("there is no key; a space is written `space`".into()) } else { Ok(keys) }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match (NAMED.iter().find(|(_, c)| *c == self.code), self.code) {
            (Some((_, Code::Char('-'))), _) => f.write_str("-"),
            (Some((name, _)), _) => f.write_str(name),
            (None, Code::Char(c)) => write!(f, "{c}"),
            (None, Code::F(n)) => write!(f, "f{n}"),
            (None, _) => Ok(()),
        }
    }
}

/// A sequence for a person: `g g`.
pub fn show(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in
            ["p", "P", "é", "space", "ctrl-c", "ctrl-alt-x", "esc", "f12", "shift-tab", "?", ":", "-", "page-down"]
        {
            assert_eq!(Key::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(sequence("g  G").unwrap(), [Key::char('g'), Key::char('G')]);
        assert_eq!(Key::parse("minus").unwrap(), Key::char('-'));
        assert_ne!(Key::parse("p").unwrap(), Key::parse("P").unwrap());
        assert_eq!(Key::parse("P").unwrap().unshifted(), Key::char('p'));
    }

    #[test]
    fn what_is_no_key_says_what_to_write() {
        assert!(Key::parse("entr").unwrap_err().contains("`enter`"));
        assert!(Key::parse("shift-p").unwrap_err().contains("capital"));
        assert!(Key::parse("ctrl-P").is_err());
        assert!(Key::parse("f13").is_err());
        assert!(Key::parse("ctrl-").is_err());
        assert!(sequence("  ").is_err());
    }
}
