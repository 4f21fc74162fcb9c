//! Statements about the connection: where a transaction begins and ends, and what is set.
use super::action::Action;
use super::cursor::Cursor;
use super::lex::{Kind, Token};

/// None where it is no such statement.
pub(super) fn one(word: &str, c: &mut Cursor) -> Option<Action> {
    let chain = |c: &Cursor| c.ahead("chain") && !c.ahead("no");
    Some(match word {
        "commit" | "rollback" if c.ahead("prepared") => return None,
        "begin" | "start" => Action::Begin,
        "rollback" | "abort" if c.ahead("to") => {
            while !c.eat("to") {
                c.at += 1;
            }
            c.eat("savepoint");
            Action::RollbackTo { name: c.name()? }
        }
        "commit" | "end" => Action::Commit { chain: chain(c) },
        "rollback" | "abort" => Action::Rollback { chain: chain(c) },
        "savepoint" => Action::Savepoint { name: c.name()? },
        "release" => {
            c.eat("savepoint");
            Action::Release { name: c.name()? }
        }
        "discard" if c.eat("all") => Action::Discard { all: true },
        "discard" if c.eat_any(&["temp", "temporary"]) => Action::Discard { all: false },
        "set" | "reset" => return set(c),
        "select" => return configured(c.tokens),
        _ => return None,
    })
}

fn set(c: &mut Cursor) -> Option<Action> {
    let local = c.eat("local");
    c.eat("session");
    let name = if c.eat("time zone") { "timezone".to_string() } else { c.name()? };
    c.eat_any(&["=", "to"]);
    let value = match name.as_str() {
        "search_path" => {
            let schemas = c.tokens[c.at..].iter().filter(|t| t.kind != Kind::Sign).map(|t| t.text.as_ref());
            schemas.collect::<Vec<_>>().join(",")
        }
        _ => c.word().unwrap_or("default").to_string(),
    };
    Some(to(name, Some(value).filter(|v| !matches!(v.as_str(), "" | "default" | "local")), local))
}

/// `SELECT set_config('name', 'value', false)`.
fn configured(tokens: &[Token]) -> Option<Action> {
    let at = tokens.iter().position(|t| t.is("set_config"))?;
    match tokens.get(at + 1..at + 7)? {
        [_, name, comma, value, _, local]
            if name.kind == Kind::String && value.kind == Kind::String && comma.is(",") =>
        {
            Some(to(name.text.to_lowercase(), Some(value.text.to_string()), local.is("true")))
        }
        _ => None,
    }
}

fn to(name: String, value: Option<String>, local: bool) -> Action {
    let off = value.as_deref().is_none_or(|v| matches!(v, "0" | "off" | "0s" | "0ms"));
    Action::Set { name, value, off, local }
}
