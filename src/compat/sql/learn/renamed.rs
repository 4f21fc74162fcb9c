//! What is called otherwise from here on, and takes along what hangs on it.
use super::super::catalogue::{Catalogue, Constraint, Table};
use super::super::scope::TEMPORARY;
use super::{Back, change};

impl Table {
    /// A column, in all that speaks of it.
    pub(super) fn call(&mut self, from: &str, to: &str) {
        if let Some(of) = self.columns.remove(from) {
            self.columns.insert(to.to_string(), of);
        }
        if let Some(of) = self.not_null.remove(from) {
            self.not_null.insert(to.to_string(), of);
        }
        self.constraints.values_mut().for_each(|c| c.renames(from, to));
        let named = self.indexes.values_mut().flat_map(|i| &mut i.columns).filter(|c| *c == from);
        named.for_each(|c| *c = to.to_string());
    }
}

impl Catalogue {
    /// A table, with the foreign keys that point at it and its place among partitions.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let moved = self.tables.remove(from);
        if moved.as_ref().is_none_or(|t| !t.created) {
            self.leave(from, moved.as_ref().and_then(|t| t.rows));
        }
        self.follow(from, to);
        let Some(table) = moved else { return };
        // A new table that takes the place of an old one is what versions that run ask for from here on.
        match self.left.get(to).copied().filter(|_| table.created) {
            Some(rows) => {
                let there = self.tables.insert(to.to_string(), Table { created: false, rows, ..table.clone() });
                self.transaction.keep(Back::Table(to.to_string(), there));
                self.transaction.keep(Back::Table(from.to_string(), Some(table)));
            }
            None => {
                let there = self.tables.insert(to.to_string(), table);
                self.transaction.keep(Back::Name(from.to_string(), to.to_string(), there));
            }
        }
    }

    /// Versions that run know a table by this name, and it is called otherwise, or gone.
    pub(super) fn leave(&mut self, name: &str, rows: Option<u64>) {
        if !name.starts_with(TEMPORARY) {
            let before = self.left.insert(name.to_string(), rows);
            self.transaction.keep(Back::Left(name.to_string(), before));
        }
    }

    fn follow(&mut self, from: &str, to: &str) {
        let steps = &mut self.transaction;
        for (name, other) in &mut self.tables {
            for (of, c) in &mut other.constraints {
                let before = c.clone();
                if let Constraint::ForeignKey { to: points, .. } = c
                    && points == from
                {
                    *points = to.to_string();
                    steps.keep(Back::Constraint(name.clone(), of.clone(), Some(before)));
                }
            }
            if other.default_partition.as_deref() == Some(from) {
                let before = other.default_partition.replace(to.to_string());
                steps.keep(Back::Default(name.clone(), before));
            }
        }
    }

    /// PostgreSQL refuses a name that is taken.
    pub(super) fn rename_column(&mut self, table: &str, from: &str, to: &str) {
        let Some(entry) = self.tables.get_mut(table) else { return };
        if from != to && !entry.columns.contains_key(to) && !entry.not_null.contains_key(to) {
            entry.call(from, to);
            self.transaction.keep(Back::ColumnName(table.to_string(), from.to_string(), to.to_string()));
        }
    }

    /// A constraint and the index it stands on have one name.
    pub(super) fn rename_rule(&mut self, table: &str, name: &str, to: &str) {
        let Some(entry) = self.tables.get(table) else { return };
        let (rule, index) = (entry.constraints.get(name).cloned(), entry.indexes.get(name).cloned());
        if rule.is_some() {
            self.set_constraint(table, name, None);
            self.set_constraint(table, to, rule);
        }
        if index.is_some() {
            self.set_index(table, name, None);
            self.set_index(table, to, index);
        }
    }

    pub(super) fn undo_name(&mut self, from: String, to: String, there: Option<Table>) {
        let table = self.tables.remove(&to);
        drop(change(&mut self.tables, &to, there));
        drop(change(&mut self.tables, &from, table));
    }
}
