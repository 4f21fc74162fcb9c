//! Text that is safe to draw and fits its cells.
use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text without anything a terminal would obey or that reorders or hides what is next to it: control characters
/// become spaces; bidirectional controls (Unicode TR 9), zero-width characters and other default-ignorables go.
/// Combining marks stay with their letter.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    if !text.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !is_hidden(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// Invisible characters that change how their neighbours are read.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// At most `cells` wide; what was cut is marked with `mark`.
pub fn fit<'a>(text: &'a str, cells: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(mark));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if width(mark) <= cells {
        out.push_str(mark);
    }
    Cow::Owned(out)
}

/// Exactly `cells` wide, text on the left.
pub fn left(text: &str, cells: usize, mark: &str) -> String {
    let text = fit(text, cells, mark);
    let pad = cells.saturating_sub(width(&text));
    format!("{text}{:pad$}", "")
}

/// Exactly `cells` wide, text on the right: numbers that must not jump.
pub fn right(text: &str, cells: usize, mark: &str) -> String {
    let text = fit(text, cells, mark);
    let pad = cells.saturating_sub(width(&text));
    format!("{:pad$}{text}", "")
}

/// Lines of at most `cells`, broken at spaces where there are any.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_string();
        if !line.is_empty() && width(&line) + 1 + width(&word) > cells {
            lines.push(std::mem::take(&mut line));
        }
        while width(&word) > cells {
            let head = fit(&word, cells, "").into_owned();
            if head.is_empty() {
                break;
            }
            word = word[head.len()..].to_string();
            lines.push(head);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drawn_can_steer_the_terminal_or_reorder_text() {
        assert_eq!(clean("a\x1b[31mb\nc\td"), "a [31mb c d");
        assert_eq!(clean("user\u{202E}txt.exe\u{200B}"), "usertxt.exe");
        assert_eq!(clean("a\u{9b}b"), "a b");
        assert!(matches!(clean("billing 4.2.1 \u{25a0}"), Cow::Borrowed(_)));
        assert_eq!(clean("e\u{301}"), "e\u{301}");
    }

    #[test]
    fn cut_text_says_so_and_never_overflows() {
        assert_eq!(fit("billing", 7, "~"), "billing");
        assert_eq!(fit("billing", 5, "~"), "bill~");
        assert_eq!(fit("billing", 0, "~"), "");
        // A wide character that would stick out by half is left out.
        assert_eq!(fit("\u{6771}\u{4eac}\u{90fd}", 4, "~"), "\u{6771}~");
        for cells in 0..12 {
            assert!(width(&fit("x\u{6771}yz\u{4eac}", cells, "~")) <= cells);
            assert_eq!(width(&right("9%", cells, "~")), cells);
        }
    }

    #[test]
    fn wrapping_keeps_every_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
