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
    /// `not_null`: it says no more than that this column is not null.
    #[serde(rename_all = "camelCase")]
    Check {
        valid: bool,
        not_null: Option<String>,
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

impl Catalogue {
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// A table's entry, made where there is none.
    pub(super) fn entry(&mut self, name: &str) -> &mut Table {
        self.tables.entry(name.to_string()).or_default()
    }

    /// A valid check says that a column is not null, so nothing has to be read to believe it.
    pub(super) fn is_not_null(&self, table: &str, column: &str) -> bool {
        let says = |c: &Constraint| matches!(c, Constraint::Check { valid: true, not_null: Some(of) } if of == column);
        self.table(table).is_some_and(|t| t.constraints.values().any(says))
    }

    /// The table an index stands on.
    pub(super) fn of_index(&self, index: &str) -> Option<&str> {
        self.tables.iter().find(|(_, t)| t.indexes.contains(index)).map(|(name, _)| name.as_str())
    }
}
