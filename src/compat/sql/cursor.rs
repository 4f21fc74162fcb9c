//! A walk along the tokens of a statement.
use super::lex::{Kind, Token};

/// Walks along a statement.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub tokens: &'a [Token<'a>],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(tokens: &'a [Token<'a>]) -> Self {
        Self { tokens, at: 0 }
    }

    pub fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at)
    }

    /// Goes past these words if they are next.
    pub fn eat(&mut self, words: &str) -> bool {
        let mut at = self.at;
        for word in words.split(' ') {
            if !self.tokens.get(at).is_some_and(|t| t.is(word)) {
                return false;
            }
            at += 1;
        }
        self.at = at;
        true
    }

    pub fn eat_any(&mut self, of: &[&str]) -> bool {
        of.iter().any(|words| self.eat(words))
    }

    pub fn word(&mut self) -> Option<&'a str> {
        let token = self.peek()?;
        self.at += 1;
        Some(&token.text)
    }

    /// A name with its schema, but for `public`.
    pub fn name(&mut self) -> Option<String> {
        let name = self.relation()?;
        Some(name.strip_prefix("public.").map_or(name.clone(), String::from))
    }

    /// What has its rows under this name, with the schema it is written with: without one, others may come first.
    pub fn relation(&mut self) -> Option<String> {
        let mut parts = Vec::new();
        loop {
            let token = self.peek().filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted))?;
            parts.push(token.text.to_string());
            self.at += 1;
            if !self.eat(".") {
                break;
            }
        }
        Some(parts.join("."))
    }

    pub fn names(&mut self) -> Vec<String> {
        self.list(Self::name)
    }

    pub fn relations(&mut self) -> Vec<String> {
        self.list(Self::relation)
    }

    fn list(&mut self, one: fn(&mut Self) -> Option<String>) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            self.eat("only");
            let Some(name) = one(self) else { break };
            names.push(name);
            self.eat("*");
            if !self.eat(",") {
                break;
            }
        }
        names
    }

    /// Whether a word stands anywhere ahead, outside of parentheses.
    pub fn ahead(&self, word: &str) -> bool {
        let mut depth = 0usize;
        self.tokens[self.at.min(self.tokens.len())..].iter().any(|t| {
            match t.text.as_ref() {
                "(" if t.kind == Kind::Sign => depth += 1,
                ")" if t.kind == Kind::Sign => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && t.is(word)
        })
    }
}

/// Goes past `( … )` if that is next.
pub(super) fn skip_parens(c: &mut Cursor) -> bool {
    if !c.peek().is_some_and(|t| t.is("(")) {
        return false;
    }
    let mut depth = 0usize;
    while let Some(t) = c.peek() {
        c.at += 1;
        if t.is("(") {
            depth += 1;
        } else if t.is(")") {
            depth -= 1;
            if depth == 0 {
                break;
            }
        }
    }
    true
}
