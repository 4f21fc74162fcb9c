//! Which columns a check or an index speaks of.
use super::catalogue::Index;
use super::cursor::{Cursor, skip_parens};
use super::inner;
use super::lex::{Kind, Token};

/// What is in the parentheses that come next.
fn inside<'a>(c: &mut Cursor<'a>) -> &'a [Token<'a>] {
    let from = c.at;
    if !skip_parens(c) {
        return &[];
    }
    &c.tokens[from + 1..c.at.saturating_sub(1).max(from + 1)]
}

/// All words in a text that may be columns. Keywords are among them: a column is called like none of those that matter.
fn words(tokens: &[Token]) -> Vec<String> {
    let named = |n: usize, t: &Token| {
        let called = tokens.get(n + 1).is_some_and(|next| next.is("("));
        matches!(t.kind, Kind::Word | Kind::Quoted) && !called
    };
    tokens.iter().enumerate().filter(|(n, t)| named(*n, t)).map(|(_, t)| t.text.to_string()).collect()
}

/// Those a `CHECK` speaks of, whose parentheses come next.
pub(super) fn of_check(c: &Cursor) -> Vec<String> {
    words(inside(&mut c.clone()))
}

/// Those a foreign key points from, whose parentheses come next; goes past them.
pub(super) fn of_key(c: &mut Cursor) -> Vec<String> {
    Cursor::new(inside(c)).names()
}

/// Behind the table of a `CREATE INDEX`.
pub(super) fn of_index(c: &mut Cursor) -> Index {
    if c.eat("using") {
        c.word();
    }
    let parts = inside(c);
    let mut columns = Vec::new();
    let mut computed = c.ahead("where");
    for part in inner::parts(parts, ",") {
        let mut one = Cursor::new(part);
        match one.name().filter(|_| !one.peek().is_some_and(|t| t.is("("))) {
            Some(column) => columns.push(column),
            None => computed = true,
        }
    }
    if computed {
        columns = words(parts);
        columns.extend(words(&c.tokens[c.at..]));
    }
    Index { columns, computed }
}

/// The index that a constraint takes over.
pub(super) fn index_used(c: &Cursor) -> Option<String> {
    let at = (0..c.tokens.len()).find(|at| Cursor { tokens: c.tokens, at: *at }.eat("using index"))?;
    let mut c = Cursor { tokens: c.tokens, at: at + 2 };
    if c.peek().is_some_and(|t| t.is("tablespace")) { None } else { c.name() }
}

/// Columns of which a `CHECK` says that they are not null: alone, or as one of the things that all have to hold.
pub(super) fn not_null(c: &Cursor) -> Vec<String> {
    let mut rest = c.clone();
    let from = rest.at;
    if !skip_parens(&mut rest) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open = vec![&c.tokens[from + 1..rest.at.saturating_sub(1).max(from + 1)]];
    while let Some(part) = open.pop() {
        let mut whole = Cursor::new(part);
        if skip_parens(&mut whole) && whole.peek().is_none() {
            open.push(&part[1..part.len().saturating_sub(1).max(1)]);
            continue;
        }
        let all = inner::parts(part, "and");
        // `a OR b AND c` holds for one of both.
        let either = inner::parts(part, "or").len() > 1 || part.iter().any(|t| t.is("between"));
        if all.len() > 1 && !either {
            open.extend(all);
            continue;
        }
        let mut one = Cursor::new(part);
        if let Some(column) = one.name().filter(|_| one.eat("is not null") && one.peek().is_none()) {
            found.push(column);
        }
    }
    found
}
