//! Statements inside of others, and whether a `WHERE` leaves anything out.
use super::action::{Action, one, switched_on};
use super::cursor::Cursor;
use super::lex::{Kind, Token};

/// Changes of rows in the parentheses of one statement that are looked at. People write a handful.
const MOST: usize = 100;
/// Parentheses inside each other that a condition is followed into.
const DEPTH: usize = 8;

/// `UPDATE` and `DELETE` in parentheses: in the list of a `WITH`, or what a `COPY` writes out.
pub(super) fn writes(tokens: &[Token]) -> Vec<Action> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    // EXPLAIN alone runs nothing.
    if tokens.first().is_some_and(|t| t.is("explain")) && main(tokens).first().is_some_and(|t| t.is("explain")) {
        return found;
    }
    for (n, token) in tokens.iter().enumerate() {
        if token.is("(") {
            open.push(n);
            continue;
        }
        let Some(from) = token.is(")").then(|| open.pop()).flatten() else { continue };
        let inside = &tokens[from + 1..n];
        let starts = |words: &str| Cursor::new(inside).eat(words);
        if !starts("delete from") && !starts("update") {
            continue;
        }
        if found.len() == MOST {
            found.push(Action::Opaque { what: format!("more than {MOST} changes of rows in one statement") });
            return found;
        }
        // A column may be called `update`: that is none.
        if let Some(action @ (Action::Update { .. } | Action::Delete { .. })) = one(&mut Cursor::new(inside)) {
            found.push(action);
        }
    }
    found
}

/// The statement that is carried out: past `EXPLAIN ANALYZE`, and past the list of a `WITH`.
pub(super) fn main<'a, 'b>(tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
    let mut tokens = tokens;
    if tokens.first().is_some_and(|t| t.is("explain")) {
        let begins = |t: &Token| {
            ["with", "select", "insert", "update", "delete", "merge", "values", "table", "create", "refresh", "execute"]
                .iter()
                .any(|word| t.is(word))
        };
        let Some(at) = tokens.iter().position(begins) else { return tokens };
        if !switched_on(&tokens[..at], "analyze") {
            return tokens;
        }
        tokens = &tokens[at..];
    }
    if !tokens.first().is_some_and(|t| t.is("with")) {
        return tokens;
    }
    let mut depth = 0usize;
    for (n, token) in tokens.iter().enumerate() {
        let next = |word: &str| tokens.get(n + 1).is_some_and(|t| t.is(word));
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && (["select", "values", "table"].iter().any(|word| token.is(word))
                // Part of a list may be called like one of these.
                || ["insert", "update", "delete", "merge"].iter().any(|word| token.is(word)) && !next("as") && !next("("))
        {
            return &tokens[n..];
        }
    }
    tokens
}

/// Tables whose names stand behind a word, wherever it stands from here on.
pub(super) fn after(c: &Cursor, word: &str) -> Vec<String> {
    let places = (c.at..c.tokens.len()).filter(|at| c.tokens[*at].is(word));
    places.filter_map(|at| Cursor { tokens: c.tokens, at: at + 1 }.relation()).collect()
}

/// Whether an `UPDATE` or `DELETE` meets every row: it says not which, or what it says holds for all.
pub(super) fn all_rows(rest: &[Token]) -> bool {
    let Some(from) = outside(rest, "where").next() else { return true };
    let said = &rest[from + 1..];
    let end = outside(said, "returning").next().unwrap_or(said.len());
    holds_always(&said[..end], 0)
}

/// Where a word stands outside of parentheses.
fn outside<'a>(tokens: &'a [Token], word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut depth = 0usize;
    tokens.iter().enumerate().filter_map(move |(n, t)| {
        if t.is("(") {
            depth += 1;
        } else if t.is(")") {
            depth = depth.saturating_sub(1);
        }
        (depth == 0 && t.is(word)).then_some(n)
    })
}

pub(super) fn parts<'a, 'b>(tokens: &'b [Token<'a>], word: &str) -> Vec<&'b [Token<'a>]> {
    let mut from = 0;
    let mut found = Vec::new();
    for at in outside(tokens, word) {
        found.push(&tokens[from..at]);
        from = at + 1;
    }
    found.push(&tokens[from..]);
    found
}

/// `true`, `1 = 1`, `id = id`, and what is made of them with `AND` and `OR`. What is not seen through leaves rows out.
fn holds_always(tokens: &[Token], depth: usize) -> bool {
    if depth > DEPTH {
        return false;
    }
    let any = parts(tokens, "or");
    if any.len() > 1 {
        return one_or_the_other(&any) || any.into_iter().any(|part| holds_always(part, depth + 1));
    }
    let all = parts(tokens, "and");
    if all.len() > 1 {
        return all.into_iter().all(|part| holds_always(part, depth + 1));
    }
    match tokens {
        [open, inside @ .., close] if open.is("(") && close.is(")") => holds_always(inside, depth + 1),
        [one] => one.is("true"),
        [not, one] => not.is("not") && one.is("false"),
        _ => compares_the_same(tokens),
    }
}

/// `a IS NULL OR a IS NOT NULL`.
fn one_or_the_other(parts: &[&[Token]]) -> bool {
    let of = |part: &[Token], end: &[&str]| -> Option<Vec<String>> {
        let at = part.len().checked_sub(end.len())?;
        let ends = part[at..].iter().zip(end).all(|(t, word)| t.is(word));
        ends.then(|| part[..at].iter().map(|t| t.text.to_string()).collect())
    };
    let null: Vec<Vec<String>> = parts.iter().filter_map(|p| of(p, &["is", "null"])).collect();
    parts.iter().filter_map(|p| of(p, &["is", "not", "null"])).any(|name| null.contains(&name))
}

/// Two sides that are written the same, or two numbers that compare so.
fn compares_the_same(tokens: &[Token]) -> bool {
    let sign = |t: &Token| t.kind == Kind::Sign && matches!(t.text.as_ref(), "=" | "<" | ">" | "!");
    let Some(from) = tokens.iter().position(sign) else { return false };
    let to = tokens.iter().rposition(sign).unwrap_or(from);
    let operator: String = tokens[from..=to].iter().map(|t| t.text.as_ref()).collect();
    let (left, right) = (&tokens[..from], &tokens[to + 1..]);
    let number = |side: &[Token]| match side {
        [one] if one.kind == Kind::Number => one.text.parse::<f64>().ok(),
        _ => None,
    };
    if let (Some(a), Some(b)) = (number(left), number(right)) {
        return match operator.as_str() {
            "=" => a == b,
            "<>" | "!=" => a != b,
            "<" => a < b,
            ">" => a > b,
            "<=" => a <= b,
            ">=" => a >= b,
            _ => false,
        };
    }
    let plain = |side: &[Token]| {
        !side.is_empty() && side.iter().all(|t| t.kind != Kind::Sign || t.text == ".") // no calls, which may answer otherwise
    };
    let same = left.len() == right.len() && left.iter().zip(right).all(|(a, b)| (a.kind, &a.text) == (b.kind, &b.text));
    let texts = |side: &[Token]| matches!(side, [one] if one.kind == Kind::String);
    match operator.as_str() {
        "=" | "<=" | ">=" => same && plain(left),
        "<>" | "!=" => texts(left) && texts(right) && !same,
        _ => false,
    }
}

/// Functions of PostgreSQL that migrations call for themselves, and words that stand before a parenthesis and are none.
const KNOWN: [&str; 44] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "case",
    "cast",
    "clock_timestamp",
    "coalesce",
    "concat",
    "count",
    "current_setting",
    "currval",
    "date_trunc",
    "else",
    "exists",
    "extract",
    "format",
    "gen_random_uuid",
    "greatest",
    "in",
    "least",
    "length",
    "lower",
    "max",
    "min",
    "nextval",
    "not",
    "now",
    "nullif",
    "or",
    "pg_advisory_lock",
    "pg_advisory_unlock",
    "pg_advisory_xact_lock",
    "pg_sleep",
    "row",
    "select",
    "set_config",
    "setval",
    "some",
    "sum",
    "then",
    "to_regclass",
    "upper",
];

/// `SELECT f()`: a function whose body is not here.
pub(super) fn carries_out(tokens: &[Token]) -> bool {
    if outside(tokens, "from").next().is_some() {
        return false;
    }
    let named = |t: &Token| t.kind == Kind::Quoted || (t.kind == Kind::Word && !KNOWN.contains(&t.text.as_ref()));
    let built_in = |n: usize| n >= 2 && tokens[n - 1].is(".") && tokens[n - 2].is("pg_catalog");
    tokens.windows(2).enumerate().any(|(n, pair)| named(&pair[0]) && pair[1].is("(") && !built_in(n))
}
