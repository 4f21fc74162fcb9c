//! Names of tables, columns and schemas as people write them in contracts, and as PostgreSQL takes them.
use super::lex::{self, Kind};

/// `schema.table.column`, with what is left out left out; one of the schema `public` goes without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Vec<String>);

impl Name {
    /// What somebody wrote: small letters but in double quotes.
    pub fn read(text: &str) -> Self {
        let tokens = lex::statements(text).ok().and_then(|all| all.into_iter().next()).map(|s| s.tokens);
        let parts = tokens.into_iter().flatten().filter(|t| t.kind != Kind::Sign).map(|t| t.text.to_string()).collect();
        Self::of(parts)
    }

    /// What [`lex`] has made small already.
    pub fn folded(text: &str) -> Self {
        Self::of(text.split('.').map(String::from).collect())
    }

    fn of(mut parts: Vec<String>) -> Self {
        if parts.len() > 1 && parts[0] == "public" {
            parts.remove(0);
        }
        Self(parts)
    }

    /// It is that, or that is a part of it.
    pub fn covers(&self, other: &Self) -> bool {
        !self.0.is_empty() && other.0.starts_with(&self.0)
    }

    /// One is the other or a part of it, for all that can be told: whoever reads a table may read each of its columns, and
    /// a schema that is left out may be any.
    pub fn touches(&self, other: &Self) -> bool {
        let meet =
            |a: &[String], b: &[String]| !a.is_empty() && !b.is_empty() && (a.starts_with(b) || b.starts_with(a));
        let (a, b) = (self.0.as_slice(), other.0.as_slice());
        let whole = |parts: &[String]| parts == ["public"];
        meet(a, b)
            || whole(a)
            || whole(b)
            || (a.len() == 3 && b.len() < 3 && meet(&a[1..], b))
            || (b.len() == 3 && a.len() < 3 && meet(a, &b[1..]))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_many_spellings() {
        for (a, b, meet) in [
            ("orders.note", "public.orders.note", true),
            ("Orders.Note", "orders.note", true),
            ("\"orders\".note", "ORDERS.note", true),
            ("\"Orders\".note", "orders.note", false),
            ("orders", "orders.note", true),
            ("orders.note", "orders", true),
            ("sales", "sales.orders.note", true),
            ("sales.orders.note", "orders.note", true),
            ("sales.orders.note", "orders.id", false),
            ("public", "orders.note", true),
            ("orders.note", "orders.notes", false),
            ("orders", "orders_old", false),
            ("", "orders", false),
        ] {
            let (x, y) = (Name::read(a), Name::read(b));
            assert_eq!((x.touches(&y), y.touches(&x)), (meet, meet), "{a} {b}");
        }
        assert!(Name::read("public.Orders").covers(&Name::folded("orders.note")));
        assert!(!Name::read("orders.note").covers(&Name::folded("orders")));
    }
}
