//! Errors in keymap and theme files, with the line and a caret under what is wrong.
use std::fmt;
use std::ops::Range;

/// What is wrong in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// Name of the file, as the reader knows it.
    pub file: String,
    /// Counted from 1; 0 when the error has no place.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    pub message: String,
    /// The line, for the caret.
    source: String,
    length: usize,
}

impl FileError {
    /// An error at a byte range of `text`.
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> FileError {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let source = text[line_start..].lines().next().unwrap_or("").to_string();
        let end = span.end.clamp(start, line_start + source.len());
        FileError {
            file: file.into(),
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            message: message.into(),
            length: text.get(start..end).map_or(1, |s| s.chars().count()).max(1),
            source,
        }
    }

    /// An error of the file as a whole.
    pub fn whole(file: &str, message: impl Into<String>) -> FileError {
        FileError { file: file.into(), line: 0, column: 0, message: message.into(), source: String::new(), length: 0 }
    }

    pub fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> FileError {
        match error.span() {
            Some(span) => FileError::at(file, text, span, error.message()),
            None => FileError::whole(file, error.message()),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.message);
        }
        let number = self.line.to_string();
        let pad = " ".repeat(number.len());
        let caret = format!("{}{}", " ".repeat(self.column - 1), "^".repeat(self.length));
        write!(
            f,
            "{}:{}:{}: {}\n{pad} |\n{number} | {}\n{pad} | {caret}",
            self.file, self.line, self.column, self.message, self.source
        )
    }
}

impl std::error::Error for FileError {}

/// The known name nearest to a mistyped one, when it is near enough to be meant (Levenshtein distance at most half).
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(d, name)| *d * 2 <= name.len().max(word.len()))
        .min()
        .map(|(_, name)| name)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_the_place() {
        let text = "name = \"x\"\nq = \"quti\"\n";
        let error = FileError::at("my.toml", text, 15..21, "unknown action");
        assert_eq!(error.to_string(), "my.toml:2:5: unknown action\n  |\n2 | q = \"quti\"\n  |     ^^^^^^");
    }

    #[test]
    fn the_nearest_name_is_one_that_may_be_meant() {
        assert_eq!(nearest("quti", ["quit", "pause"]), Some("quit"));
        assert_eq!(nearest("puase", ["quit", "pause"]), Some("pause"));
        assert_eq!(nearest("rollbak", ["rollback", "pause"]), Some("rollback"));
        assert_eq!(nearest("xyz", ["quit", "pause"]), None);
    }
}
