//! What is known of a database.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Tables by name; one of the schema `public` goes without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    pub tables: BTreeMap<String, Table>,
    /// The time zone migrations run under is UTC.
    pub utc: Option<bool>,
    /// What the statements before have set.
    #[serde(skip)]
    pub(super) session: Session,
    /// Domains that a migration made with a constraint.
    #[serde(skip)]
    pub(super) domains: BTreeSet<String>,
}

/// Settings of the connection a migration runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Session {
    /// Between BEGIN and COMMIT.
    pub inside: bool,
    /// Its time zone was set, and is UTC.
    pub utc: Option<bool>,
    /// The same for this transaction alone.
    pub local: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// About how many.
    pub rows: Option<u64>,
    /// Column to its type, as SQL spells it.
    pub columns: BTreeMap<String, String>,
    pub constraints: BTreeMap<String, Constraint>,
    pub indexes: BTreeSet<String>,
    /// A migration that was read made it: nobody knows it yet.
    #[serde(skip)]
    pub created: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum Constraint {
    /// `not_null`: columns of which it says, whatever else it says, that they are not null.
    #[serde(rename_all = "camelCase")]
    Check {
        valid: bool,
        #[serde(default, deserialize_with = "one_or_more")]
        not_null: Vec<String>,
    },
    #[serde(rename_all = "camelCase")]
    ForeignKey {
        valid: bool,
        to: String,
    },
    Unique,
    PrimaryKey,
    Exclude,
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

impl Catalogue {
    /// Statements that come now run under UTC, as far as it is known.
    pub(super) fn is_utc(&self) -> Option<bool> {
        self.session.local.or(self.session.utc).or(self.utc)
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// A table's entry, made where there is none.
    pub(super) fn entry(&mut self, name: &str) -> &mut Table {
        self.tables.entry(name.to_string()).or_default()
    }

    /// A valid check says that a column is not null, so nothing has to be read to believe it.
    pub(super) fn is_not_null(&self, table: &str, column: &str) -> bool {
        let says = |c: &Constraint| matches!(c, Constraint::Check { valid: true, not_null } if not_null.iter().any(|of| of == column));
        self.table(table).is_some_and(|t| t.constraints.values().any(says))
    }

    /// The table an index stands on.
    pub(super) fn of_index(&self, index: &str) -> Option<&str> {
        self.tables.iter().find(|(_, t)| t.indexes.contains(index)).map(|(name, _)| name.as_str())
    }
}
