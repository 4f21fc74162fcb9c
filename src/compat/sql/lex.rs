//! Tokens and statements. Comments, strings, quoted names and dollar quotes are what PostgreSQL takes them for.
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name; its text is in lower case.
    Word,
    /// A name in double quotes, without them.
    Quoted,
    Number,
    /// A text, without its quotes.
    String,
    /// One character of an operator, or a parenthesis, comma, dot.
    Sign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: Cow<'a, str>,
    /// Byte offset into the file.
    pub at: usize,
}

impl Token<'_> {
    /// This keyword or sign. A quoted name is no keyword.
    pub fn is(&self, what: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Sign) && self.text == what
    }
}

/// Up to a semicolon, which is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    pub tokens: Vec<Token<'a>>,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub at: usize,
    pub message: String,
}

/// # Errors
/// A quote or comment that is opened and not closed.
pub fn statements(text: &str) -> Result<Vec<Statement<'_>>, Broken> {
    let mut lex = Lex { text, at: 0 };
    let (mut found, mut tokens) = (Vec::new(), Vec::<Token>::new());
    // `BEGIN ATOMIC … END` bodies of functions hold semicolons that end no statement.
    let mut atomic = 0usize;
    while let Some(token) = lex.next()? {
        let before_atomic = tokens.last().is_some_and(|t| t.is("begin"));
        match token.text.as_ref() {
            "atomic" if token.kind == Kind::Word && before_atomic => atomic = 1,
            "case" if token.kind == Kind::Word && atomic > 0 => atomic += 1,
            "end" if token.kind == Kind::Word && atomic > 0 => atomic -= 1,
            _ => {}
        }
        // No operator has one: a command of `psql`, up to the end of its line. It ends what stands before it.
        if token.is("\\") {
            finish(&mut found, &mut tokens, token.at);
            tokens.push(token);
            let end = lex.at + lex.rest().find('\n').unwrap_or(lex.rest().len());
            tokens.extend(lex.command(end));
            (lex.at, atomic) = (end, 0);
            finish(&mut found, &mut tokens, end);
        } else if token.is(";") && atomic == 0 {
            finish(&mut found, &mut tokens, token.at);
        } else {
            tokens.push(token);
        }
    }
    finish(&mut found, &mut tokens, text.len());
    Ok(found)
}

impl Statement<'_> {
    /// No statement, but a command of `psql`.
    pub fn is_meta(&self) -> bool {
        self.tokens.first().is_some_and(|t| t.is("\\"))
    }
}

fn finish<'a>(found: &mut Vec<Statement<'a>>, tokens: &mut Vec<Token<'a>>, end: usize) {
    if let Some(first) = tokens.first() {
        let start = first.at;
        found.push(Statement { tokens: std::mem::take(tokens), start, end });
    }
}

/// Where the lines of a text start.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Line and column of an offset, from 1.
    pub fn spot(&self, at: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..at.min(self.text.len())).unwrap_or("").chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

struct Lex<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lex<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// What a command of `psql` is called.
    fn command(&self, end: usize) -> Option<Token<'a>> {
        let name = self.text.get(self.at..end)?.split_whitespace().next()?;
        Some(Token { kind: Kind::Word, text: Cow::Borrowed(name), at: self.at })
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, Broken> {
        self.blanks()?;
        let (at, rest) = (self.at, self.rest());
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let token = |lex: &mut Self, kind, text: Cow<'a, str>, length: usize| {
            lex.at += length;
            Ok(Some(Token { kind, text, at }))
        };
        match first {
            '\'' => {
                let (inner, length) = self.quoted(rest, '\'', false)?;
                token(self, Kind::String, inner, length)
            }
            '"' => {
                let (inner, length) = self.quoted(rest, '"', false)?;
                token(self, Kind::Quoted, inner, length)
            }
            'e' | 'E' if rest[1..].starts_with('\'') => {
                let (inner, length) = self.quoted(&rest[1..], '\'', true)?;
                token(self, Kind::String, inner, length + 1)
            }
            '$' if dollar(rest).is_some() => {
                let tag = dollar(rest).unwrap_or("$$");
                let body = &rest[tag.len()..];
                let Some(end) = body.find(tag) else {
                    return Err(Broken { at, message: format!("`{tag}` is opened and not closed") });
                };
                token(self, Kind::String, Cow::Borrowed(&body[..end]), end + 2 * tag.len())
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
                let word = &rest[..length];
                let lower = if word.chars().any(char::is_uppercase) {
                    Cow::Owned(word.to_lowercase())
                } else {
                    Cow::Borrowed(word)
                };
                token(self, Kind::Word, lower, length)
            }
            c if c.is_ascii_digit() => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
                token(self, Kind::Number, Cow::Borrowed(&rest[..length]), length)
            }
            c => token(self, Kind::Sign, Cow::Borrowed(&rest[..c.len_utf8()]), c.len_utf8()),
        }
    }

    /// What stands between quotes, of which two stand for one, and its length with them.
    fn quoted(&self, rest: &'a str, quote: char, escapes: bool) -> Result<(Cow<'a, str>, usize), Broken> {
        let mut chars = rest.char_indices().skip(1).peekable();
        let mut doubled = false;
        while let Some((n, c)) = chars.next() {
            if escapes && c == '\\' {
                chars.next();
            } else if c == quote {
                if chars.next_if(|(_, c)| *c == quote).is_some() {
                    doubled = true;
                    continue;
                }
                let inner = &rest[1..n];
                let twice = format!("{quote}{quote}");
                let inner =
                    if doubled { Cow::Owned(inner.replace(&twice, &quote.to_string())) } else { Cow::Borrowed(inner) };
                return Ok((inner, n + 1));
            }
        }
        Err(Broken { at: self.at, message: format!("`{quote}` is opened and not closed") })
    }

    fn blanks(&mut self) -> Result<(), Broken> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.comment(trimmed)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Comments of this kind may hold others.
    fn comment(&mut self, rest: &str) -> Result<(), Broken> {
        let (mut depth, mut n) = (0usize, 0usize);
        let bytes = rest.as_bytes();
        while n + 1 < bytes.len() {
            match (bytes[n], bytes[n + 1]) {
                (b'/', b'*') => (depth, n) = (depth + 1, n + 2),
                (b'*', b'/') => (depth, n) = (depth - 1, n + 2),
                _ => n += 1,
            }
            if depth == 0 {
                self.at += n;
                return Ok(());
            }
        }
        Err(Broken { at: self.at, message: "`/*` is opened and not closed".to_string() })
    }
}

/// `$$` or `$tag$`.
fn dollar(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 1;
    let tag = &rest[1..end];
    let fine = tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit());
    fine.then_some(&rest[..=end])
}
