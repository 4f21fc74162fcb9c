//! Functions that migrations make and call. What they do then is in their bodies, which are not read.
use super::Look;
use crate::compat::sql::cursor::Cursor;
use crate::compat::sql::lex::{self, Kind, Statement, Token};

/// What carries functions out. Statements that only speak of one do not.
const CARRIES_OUT: [&str; 13] = [
    "call",
    "copy",
    "create materialized view",
    "create table",
    "delete",
    "do",
    "explain",
    "insert",
    "merge",
    "select",
    "update",
    "values",
    "with",
];

impl Look<'_> {
    /// Lists a call of a function that a migration made; `listed`: that something in it cannot be seen was said already.
    pub(super) fn calls(&mut self, statement: &Statement, listed: bool) {
        let mut c = Cursor::new(&statement.tokens);
        if c.eat("create") {
            c.eat("or replace");
            if c.eat_any(&["function", "procedure"]) {
                self.known.functions.extend(c.name());
                return;
            }
        }
        if listed || self.known.functions.is_empty() || !Cursor::new(&statement.tokens).eat_any(&CARRIES_OUT) {
            return;
        }
        let body = statement.tokens.iter().find(|t| t.kind == Kind::String && statement.tokens[0].is("do"));
        let inner = body.and_then(|t| lex::statements(&t.text).ok()).unwrap_or_default();
        let all = std::iter::once(statement).chain(&inner);
        let Some(name) = all.flat_map(|s| s.tokens.windows(2)).find_map(|two| self.made(two)) else { return };
        let (line, _) = self.lines.spot(statement.start);
        let what = format!("{}:{line}: `{name}()`: what the function does cannot be seen from here", self.file);
        self.report.not_compared.push(what);
    }

    /// A name before a parenthesis, that a migration gave to a function.
    fn made(&self, two: &[Token]) -> Option<String> {
        let [name, open] = two else { return None };
        let called = matches!(name.kind, Kind::Word | Kind::Quoted) && open.is("(");
        let is = |made: &&String| made.rsplit('.').next() == Some(name.text.as_ref());
        self.known.functions.iter().filter(|_| called).find(is).cloned()
    }
}
