//! What is known of a database.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::learn::Transaction;
use super::types::Type;
use serde::{Deserialize, Serialize};

/// Tables by name; one of the schema `public` goes without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    pub tables: BTreeMap<String, Table>,
    /// The time zone migrations run under is UTC.
    pub utc: Option<bool>,
    /// Tables that were there and are called otherwise now: versions that run still ask for them by these names.
    #[serde(skip)]
    pub(super) left: BTreeMap<String, Option<u64>>,
    /// Functions that a migration made: what they do when they are called is in their bodies.
    #[serde(skip)]
    pub(super) functions: BTreeSet<String>,
    /// What the statements before have set.
    #[serde(skip)]
    pub(super) session: Session,
    /// Types that a migration made, or gave a rule.
    #[serde(skip)]
    pub(super) types: BTreeMap<String, Own>,
    /// The one that is open, and the way back from what it did.
    #[serde(skip)]
    pub(super) transaction: Transaction,
}

/// What a migration says of a type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// It made it: nothing that was there before has columns of it.
    pub made: bool,
    /// A domain whose values are looked at one by one.
    pub ruled: bool,
    /// What a domain is made of, where that is known.
    pub base: Option<Type>,
}

/// Settings of the connection a migration runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Session {
    /// Its time zone was set, and is UTC.
    pub utc: Setting<Option<bool>>,
    /// A `lock_timeout` is set.
    pub guarded: Setting<bool>,
    /// Schemas that are looked through for what is written without one, where that is not `public` alone.
    pub path: Setting<Option<Arc<[String]>>>,
}

/// A value for the connection, and one for this transaction alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Setting<T> {
    session: T,
    local: Option<T>,
}

impl<T> Setting<T> {
    pub fn now(&self) -> &T {
        self.local.as_ref().unwrap_or(&self.session)
    }

    pub fn set(&mut self, value: T, local: bool) {
        if local {
            self.local = Some(value);
        } else {
            (self.session, self.local) = (value, None);
        }
    }

    pub fn ends(&mut self) {
        self.local = None;
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// About how many.
    pub rows: Option<u64>,
    /// Column to its type, as SQL spells it.
    pub columns: BTreeMap<String, String>,
    pub constraints: BTreeMap<String, Constraint>,
    #[serde(deserialize_with = "names_or_more")]
    pub indexes: BTreeMap<String, Index>,
    /// The partition that takes what no other one does.
    pub default_partition: Option<String>,
    /// A migration that was read made it: nobody knows it yet.
    #[serde(skip)]
    pub created: bool,
    /// It goes with its transaction.
    #[serde(skip)]
    pub(super) fleeting: bool,
    /// Columns of which a migration said whether they may be null.
    #[serde(skip)]
    pub(super) not_null: BTreeMap<String, bool>,
}

/// What is known of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Index {
    /// Those it is ordered by, or speaks of; empty where they are not known.
    pub columns: Vec<String>,
    /// It has an expression or a condition, so that it is built anew when a column it speaks of gets another type.
    pub computed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum Constraint {
    /// `not_null`: columns of which it says, whatever else it says, that they are not null. `columns`: those it speaks of
    /// besides.
    #[serde(rename_all = "camelCase")]
    Check {
        valid: bool,
        #[serde(default, deserialize_with = "one_or_more")]
        not_null: Vec<String>,
        #[serde(default, deserialize_with = "one_or_more")]
        columns: Vec<String>,
    },
    /// `columns`: those that point there; empty where they are not known.
    #[serde(rename_all = "camelCase")]
    ForeignKey {
        valid: bool,
        to: String,
        #[serde(default, deserialize_with = "one_or_more")]
        columns: Vec<String>,
    },
    Unique,
    PrimaryKey,
    Exclude,
}

impl Constraint {
    /// A check that says something of this column.
    pub(super) fn speaks_of(&self, column: &str) -> bool {
        matches!(self, Self::Check { .. }) && self.goes_with(column)
    }

    /// What goes when the column does: a check of it, or a foreign key from it.
    pub(super) fn goes_with(&self, column: &str) -> bool {
        match self {
            Self::Check { not_null, columns, .. } => not_null.iter().chain(columns).any(|c| c == column),
            Self::ForeignKey { columns, .. } => columns.iter().any(|c| c == column),
            _ => false,
        }
    }

    /// The column it speaks of is called otherwise from here on.
    pub(super) fn renames(&mut self, from: &str, to: &str) {
        let names: Vec<&mut String> = match self {
            Self::Check { not_null, columns, .. } => not_null.iter_mut().chain(columns).collect(),
            Self::ForeignKey { columns, .. } => columns.iter_mut().collect(),
            _ => Vec::new(),
        };
        names.into_iter().filter(|name| *name == from).for_each(|name| *name = to.to_string());
    }
}

fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        None(()),
        One(String),
        More(Vec<String>),
    }
    Ok(match Written::deserialize(from)? {
        Written::None(()) => Vec::new(),
        Written::One(name) => vec![name],
        Written::More(names) => names,
    })
}

/// Names alone, or what is known of each.
fn names_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Index>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Names(Vec<String>),
        More(BTreeMap<String, Index>),
    }
    Ok(match Written::deserialize(from)? {
        Written::Names(names) => names.into_iter().map(|name| (name, Index::default())).collect(),
        Written::More(more) => more,
    })
}

impl Catalogue {
    /// Statements that come now run under UTC, as far as it is known.
    pub(super) fn is_utc(&self) -> Option<bool> {
        self.session.utc.now().or(self.utc)
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// A valid check says that a column is not null, or a migration has made it so: nothing has to be read to believe it.
    pub(super) fn is_not_null(&self, table: &str, column: &str) -> bool {
        let says = |c: &Constraint| matches!(c, Constraint::Check { valid: true, not_null, .. } if not_null.iter().any(|of| of == column));
        self.table(table).is_some_and(|t| t.not_null.get(column) == Some(&true) || t.constraints.values().any(says))
    }

    /// What a type comes to: a domain whose values are not looked at is what it is made of.
    pub(super) fn plain(&self, of: Type) -> Type {
        self.made_of(of, |own| !own.ruled)
    }

    /// What the values of a column are, whatever rules they kept to.
    pub(super) fn held(&self, of: Type) -> Type {
        self.made_of(of, |_| true)
    }

    fn made_of(&self, mut of: Type, goes: fn(&Own) -> bool) -> Type {
        // Domains of domains; people make one or two.
        for _ in 0..8 {
            match self.types.get(&of.name).filter(|own| !of.array && goes(own)).and_then(|own| own.base.clone()) {
                Some(base) => of = base,
                None => break,
            }
        }
        of
    }

    /// A valid check says something of the rows; what, is not known here.
    pub(super) fn is_checked(&self, table: &str) -> bool {
        let valid = |c: &Constraint| matches!(c, Constraint::Check { valid: true, .. });
        self.table(table).is_some_and(|t| t.constraints.values().any(valid))
    }

    /// Tables with a foreign key that points at this one, but for itself.
    pub(super) fn pointing_at<'c>(&'c self, table: &'c str) -> impl Iterator<Item = &'c str> {
        let points = move |c: &Constraint| matches!(c, Constraint::ForeignKey { to, .. } if to == table);
        let others = self.tables.iter().filter(move |(name, _)| *name != table);
        others.filter(move |(_, t)| t.constraints.values().any(points)).map(|(name, _)| name.as_str())
    }

    /// These tables, and all that point at them or at one of those: what `TRUNCATE … CASCADE` empties.
    pub(super) fn cascade(&self, tables: &[String]) -> Vec<String> {
        let mut found = tables.to_vec();
        let mut at = 0;
        while at < found.len() {
            let table = found[at].clone();
            let more: Vec<String> =
                self.pointing_at(&table).filter(|t| !found.iter().any(|f| f == t)).map(String::from).collect();
            found.extend(more);
            at += 1;
        }
        found
    }

    /// Tables that have a column of this type.
    pub(super) fn with_type<'c>(&'c self, of: &'c str) -> impl Iterator<Item = &'c str> {
        let is = move |text: &String| Type::parse(text).is_some_and(|t| t.name == of);
        self.tables.iter().filter(move |(_, t)| t.columns.values().any(is)).map(|(name, _)| name.as_str())
    }

    /// The table an index stands on.
    pub(super) fn of_index(&self, index: &str) -> Option<&str> {
        self.tables.iter().find(|(_, t)| t.indexes.contains_key(index)).map(|(name, _)| name.as_str())
    }
}
