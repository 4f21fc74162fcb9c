//! What the body of a `DO` block carries out: people wrap changes of the schema into one to look first whether they are
//! needed. Whether a branch is taken is not known here, so all of them are looked at.
use super::action::{Action, actions};
use super::lex::{self, Kind, Statement, Token};

/// `EXECUTE '…'` inside of `DO '…'` inside of each other.
const DEPTH: usize = 4;
/// A statement of SQL begins with one of these; what begins otherwise is the language of the block.
const HEADS: [&str; 23] = [
    "alter", "analyze", "call", "cluster", "comment", "commit", "copy", "create", "delete", "drop", "grant", "insert",
    "lock", "merge", "refresh", "reindex", "reset", "revoke", "rollback", "set", "truncate", "update", "vacuum",
];

/// What a statement does, and where each action of it begins. A block is a transaction, and part of the one it stands in:
/// `inside`.
pub(super) fn all(statement: &Statement, text: &str, inside: bool) -> Vec<(usize, Action)> {
    let Some(carried) = block_of(&statement.tokens, text) else {
        return actions(&statement.tokens).into_iter().map(|action| (statement.start, action)).collect();
    };
    if inside {
        // What it stands in is not its own to end.
        let ends = |action: &Action| matches!(action, Action::Commit { .. } | Action::Rollback { .. });
        return carried.into_iter().filter(|(_, action)| !ends(action)).collect();
    }
    // After a COMMIT of its own the next transaction begins by itself.
    let again = |(at, action)| match action {
        Action::Commit { .. } => (at, Action::Commit { chain: true }),
        Action::Rollback { .. } => (at, Action::Rollback { chain: true }),
        other => (at, other),
    };
    let begins = std::iter::once((statement.start, Action::Begin));
    let ends = std::iter::once((statement.end, Action::Commit { chain: false }));
    begins.chain(carried.into_iter().map(again)).chain(ends).collect()
}

/// The actions of a `DO` block, or none if it is no such block or its body cannot be read.
fn block_of(tokens: &[Token], text: &str) -> Option<Vec<(usize, Action)>> {
    if !tokens.first().is_some_and(|t| t.is("do")) {
        return None;
    }
    let mut language = tokens.iter().skip_while(|t| !t.is("language")).skip(1);
    if language.next().is_some_and(|t| !t.text.eq_ignore_ascii_case("plpgsql")) {
        return None;
    }
    let body = tokens.iter().find(|t| t.kind == Kind::String)?;
    let quote = text.get(body.at..).and_then(|rest| rest.find(body.text.as_ref()));
    let mut found = Vec::new();
    block(&body.text, Place { at: body.at, inner: quote }, 0, &mut found)?;
    Some(found)
}

/// Where a text stands in the file: its quote, and how far behind it the text begins, if it stands there as it is.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    inner: Option<usize>,
}

impl Place {
    fn of(self, offset: usize) -> usize {
        self.inner.map_or(self.at, |inner| self.at + inner + offset)
    }
}

fn block(body: &str, place: Place, depth: usize, found: &mut Vec<(usize, Action)>) -> Option<()> {
    for statement in lex::statements(body).ok()? {
        let Some(tokens) = command(&statement.tokens) else { continue };
        let at = place.of(tokens[0].at);
        match tokens {
            [word, said, ..] if word.is("execute") && said.kind == Kind::String && ends(&tokens[2..]) => {
                let inner = Place { at, inner: None };
                if depth == DEPTH || block(&said.text, inner, depth + 1, found).is_none() {
                    found.push((at, unseen("execute")));
                }
            }
            [word, ..] if word.is("execute") => found.push((at, unseen("execute"))),
            [word, name, ..] if word.is("perform") => found.push((at, unseen(&format!("perform {}", name.text)))),
            _ => found.extend(actions(tokens).into_iter().map(|action| (at, perhaps(action)))),
        }
    }
    Some(())
}

/// After a text that is executed as it stands: values for its parameters, and nothing that adds to it.
fn ends(rest: &[Token]) -> bool {
    rest.first().is_none_or(|t| t.is("using") || t.is("into"))
}

/// The statement behind `BEGIN`, `IF … THEN`, `ELSE`, `LOOP`, and `FOR … IN`.
fn command<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<&'b [Token<'a>]> {
    let heads = |t: &Token, words: &[&str]| t.kind == Kind::Word && words.contains(&t.text.as_ref());
    let mut places =
        (0..tokens.len()).filter(|n| *n == 0 || heads(&tokens[n - 1], &["begin", "then", "else", "loop", "in"]));
    let writes = |t: &Token| heads(t, &HEADS) || heads(t, &["execute", "perform", "with"]);
    // What a loop reads is less than what is done for each row.
    let found = places.clone().find(|n| writes(&tokens[*n])).or_else(|| places.find(|n| tokens[*n].is("select")));
    found.map(|n| &tokens[n..])
}

fn unseen(what: &str) -> Action {
    Action::Opaque { what: format!("do … {what}") }
}

/// What is made in a branch is there afterwards, or was there before.
fn perhaps(action: Action) -> Action {
    match action {
        Action::CreateTable { table, parent, default, points, fleeting, .. } => {
            Action::CreateTable { table, unless_there: true, parent, default, points, fleeting }
        }
        other => other,
    }
}
