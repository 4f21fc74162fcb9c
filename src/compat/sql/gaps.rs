//! What PostgreSQL takes and the linter's parser does not. It is blanked out for the parser, so that all around it is judged as
//! ever; what it does is read by our own rules.
use super::cursor::{Cursor, skip_parens};
use super::lex::{Statement, Token};

/// The text without what the parser does not know, of the same length; none where there is no such thing.
pub(super) fn without(text: &str, statements: &[Statement]) -> Option<String> {
    let found = statements.iter().flat_map(|s| {
        let tables = s.tokens.iter().take(5).any(|t| t.is("table"));
        let tokens = if tables { s.tokens.as_slice() } else { &[] };
        let parts = compressions(tokens).into_iter().chain(operator_classes(tokens));
        parts.filter_map(|(from, to)| span(s, from, to))
    });
    let mut bytes = text.as_bytes().to_vec();
    let mut any = false;
    for (from, to) in found {
        any = true;
        bytes.get_mut(from..to)?.fill(b' ');
    }
    any.then(|| String::from_utf8(bytes).ok()).flatten()
}

/// From where one token begins up to where another one does.
fn span(statement: &Statement, from: usize, to: usize) -> Option<(usize, usize)> {
    let first = statement.tokens.get(from)?;
    Some((first.at, statement.tokens.get(to).map_or(statement.end, |t| t.at)))
}

/// `COMPRESSION lz4` behind the type of a column that is added. What stands where a column's name does is one.
fn compressions(tokens: &[Token]) -> Vec<(usize, usize)> {
    let names = ["add", "column", "exists", "alter", "drop", "rename", "set", "to", ","];
    let (mut depth, mut found) = (0usize, Vec::new());
    for (n, token) in tokens.iter().enumerate() {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        if depth == 0 && token.is("compression") && !before.is_some_and(|t| names.iter().any(|word| t.is(word))) {
            found.push((n, n + 2));
        }
    }
    found
}

/// The operator class, and the order, of what `EXCLUDE` compares.
fn operator_classes(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].is("exclude")) {
        let mut c = Cursor { tokens, at: at + 1 };
        if c.eat("using") {
            c.at += 1;
        }
        while c.eat("(") || c.eat(",") {
            // A name, a call, or anything in parentheses.
            let _ = c.relation();
            skip_parens(&mut c);
            if c.eat("collate") {
                let _ = c.relation();
            }
            let from = c.at;
            while c.peek().is_some_and(|t| !t.is("with") && !t.is(",") && !t.is(")")) {
                if !skip_parens(&mut c) {
                    c.at += 1;
                }
            }
            if c.peek().is_some_and(|t| t.is("with")) && c.at > from {
                found.push((from, c.at));
            }
            // Past the operator.
            while c.peek().is_some_and(|t| !t.is(",") && !t.is(")")) {
                if !skip_parens(&mut c) {
                    c.at += 1;
                }
            }
        }
    }
    found
}
