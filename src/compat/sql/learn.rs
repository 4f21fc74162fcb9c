//! What a migration itself does is known to what comes after, unless its transaction takes it back.
use super::action::Action;
use super::catalogue::{Catalogue, Constraint, Index, Own, Session, Table};
use super::scope::TEMPORARY;

mod renamed;

/// Savepoints that are kept. Back to one beyond them goes back to the last that is: less is believed then.
const POINTS: usize = 1_000;

/// The transaction of a connection, and how what it did is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Transaction {
    /// Between BEGIN and COMMIT.
    pub inside: bool,
    steps: Vec<Back>,
    /// Savepoints, and how many steps there were.
    points: Vec<(String, usize)>,
}

/// How one change is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Back {
    Table(String, Option<Table>),
    /// From, to, and what was there.
    Name(String, String, Option<Table>),
    /// Of a table: from, to.
    ColumnName(String, String, String),
    /// A name that was left, and what was known of it before.
    Left(String, Option<Option<u64>>),
    Column(String, String, Option<String>),
    Constraint(String, String, Option<Constraint>),
    Index(String, String, Option<Index>),
    /// Whether a column may be null.
    Null(String, String, Option<bool>),
    Default(String, Option<String>),
    Type(String, Option<Own>),
    Session(Session),
}

impl Transaction {
    /// What is done outside of one stays.
    fn keep(&mut self, back: Back) {
        if self.inside {
            self.steps.push(back);
        }
    }

    fn point(&self, name: &str) -> Option<usize> {
        self.points.iter().rposition(|(of, _)| of == name)
    }

    fn ends(&mut self, chain: bool) {
        self.steps.clear();
        self.points.clear();
        self.inside &= chain;
    }
}

/// Takes in what an action does, whose names are settled.
pub(super) fn learn(action: &Action, known: &mut Catalogue) {
    match action {
        // Where it may be there already, versions that run may know it; it is small if they do not.
        Action::CreateTable { table, unless_there: true, .. } if known.table(table).is_some() => {}
        // Without a transaction it is gone at once.
        Action::CreateTable { fleeting: true, .. } if !known.transaction.inside => {}
        Action::CreateTable { table, unless_there, parent, default, fleeting, .. } => {
            let made = Table { rows: Some(0), created: !unless_there, fleeting: *fleeting, ..Table::default() };
            known.put(table, made);
            if let (Some(parent), true) = (parent, default) {
                known.set_default(parent, Some(table.clone()));
            }
        }
        Action::Attach { table, part, default: true } => known.set_default(table, Some(part.clone())),
        Action::Detach { table, part, .. } => {
            if known.table(table).is_some_and(|t| t.default_partition.as_ref() == Some(part)) {
                known.set_default(table, None);
            }
        }
        Action::DropTable { tables, cascade } => tables.iter().for_each(|t| known.gone(t, *cascade)),
        Action::Rename { table, to: Some(to), .. } => known.rename(table, to),
        Action::CreateType { name, ruled, base } => {
            known.set_type(name, Own { made: true, ruled: *ruled, base: base.clone() });
        }
        Action::RuleDomain { name, .. } => {
            let own = known.types.get(name).cloned().unwrap_or_default();
            known.set_type(name, Own { ruled: true, ..own });
        }
        other => columns(other, known),
    }
}

/// What columns are, and what is said of them.
fn columns(action: &Action, known: &mut Catalogue) {
    match action {
        Action::AddColumn(c) => {
            known.set_column(&c.table, &c.column, Some(c.of.to_string()));
            known.set_null(&c.table, &c.column, Some(c.not_null).filter(|_| !c.unless_there));
            if c.check {
                let name = known.free_name(&c.table, &format!("{}_{}_check", c.table, c.column));
                let of = Constraint::Check { valid: true, not_null: Vec::new(), columns: vec![c.column.clone()] };
                known.set_constraint(&c.table, &name, Some(of));
            }
            if let Some(to) = &c.references {
                known.point(&c.table, std::slice::from_ref(&c.column), to, true);
            }
        }
        Action::DropColumn { table, column } => known.lose_column(table, column),
        Action::RenameColumn { table, column, to } => known.rename_column(table, column, to),
        Action::RenameIndex { name, to } => {
            if let Some(table) = known.of_index(name).map(String::from) {
                known.rename_rule(&table, name, to);
            }
        }
        Action::AlterType { table, column, to, .. } => known.set_column(table, column, Some(to.to_string())),
        Action::SetNotNull { table, column } => known.set_null(table, column, Some(true)),
        Action::DropNotNull { table, column } => known.set_null(table, column, Some(false)),
        Action::CreateIndex { table, name, of, .. } => {
            let name = name.clone().unwrap_or_else(|| known.free_name(table, &format!("{table}_idx")));
            known.set_index(table, &name, Some(of.clone()));
        }
        Action::DropIndex { names, .. } => {
            for name in names {
                if let Some(table) = known.of_index(name).map(String::from) {
                    known.set_index(&table, name, None);
                }
            }
        }
        other => constraints(other, known),
    }
}

fn constraints(action: &Action, known: &mut Catalogue) {
    match action {
        Action::AddConstraint { table, of: Constraint::PrimaryKey, using_index: Some(index), .. } => {
            let columns = known.table(table).and_then(|t| t.indexes.get(index)).map(|i| i.columns.clone());
            columns.into_iter().flatten().for_each(|column| known.set_null(table, &column, Some(true)));
        }
        // PostgreSQL gives one without a name one of its own.
        Action::AddConstraint { table, name: None, of: of @ Constraint::Check { .. }, not_valid, .. } => {
            let name = known.free_name(table, &format!("{table}_check"));
            let mut of = of.clone();
            if let Constraint::Check { valid, .. } = &mut of {
                *valid = !not_valid;
            }
            known.set_constraint(table, &name, Some(of));
        }
        Action::AddConstraint {
            table, name: None, of: Constraint::ForeignKey { to, columns, .. }, not_valid, ..
        } => {
            known.point(table, columns, to, !not_valid);
        }
        Action::AddConstraint { table, name: Some(name), of, not_valid, .. } => {
            let of = match of {
                Constraint::Check { not_null, columns, .. } => {
                    let (not_null, columns) = (not_null.clone(), columns.clone());
                    Constraint::Check { valid: !not_valid, not_null, columns }
                }
                Constraint::ForeignKey { to, columns, .. } => {
                    Constraint::ForeignKey { valid: !not_valid, to: to.clone(), columns: columns.clone() }
                }
                other => other.clone(),
            };
            known.set_constraint(table, name, Some(of));
        }
        Action::Validate { table, name } => {
            let mut of = known.table(table).and_then(|t| t.constraints.get(name)).cloned();
            if let Some(Constraint::Check { valid, .. } | Constraint::ForeignKey { valid, .. }) = &mut of {
                *valid = true;
                known.set_constraint(table, name, of);
            }
        }
        Action::DropConstraint { table, name } => known.set_constraint(table, name, None),
        Action::RenameConstraint { table, name, to } => known.rename_rule(table, name, to),
        other => connection(other, known),
    }
}

/// What is of the connection and not of the database.
fn connection(action: &Action, known: &mut Catalogue) {
    match action {
        Action::Begin => known.transaction.inside = true,
        Action::Commit { chain } => {
            known.forget(|t| t.fleeting);
            known.ends(*chain);
        }
        Action::Rollback { chain } => {
            known.back_to(0);
            known.ends(*chain);
        }
        Action::Savepoint { name } if known.transaction.inside && known.transaction.points.len() < POINTS => {
            let steps = known.transaction.steps.len();
            known.transaction.points.push((name.clone(), steps));
        }
        Action::RollbackTo { name } => {
            let points = &mut known.transaction.points;
            let at = points.iter().rposition(|(of, _)| of == name).or(points.len().checked_sub(1));
            let steps = at.map_or(0, |at| points[at].1);
            points.truncate(at.map_or(0, |at| at + 1));
            known.back_to(steps);
        }
        Action::Release { name } => {
            let at = known.transaction.point(name);
            at.into_iter().for_each(|at| known.transaction.points.truncate(at));
        }
        Action::Set { name, value, off, local } => {
            let before = known.session.clone();
            set(known, name, value.as_deref(), *off, *local);
            if known.session != before {
                known.transaction.keep(Back::Session(before));
            }
        }
        Action::Discard { all } => {
            known.forget(|_| true);
            if *all {
                known.session = Session::default();
            }
        }
        _ => {}
    }
}

/// A setting of what comes. One that holds for a transaction only is believed outside of one where it makes things worse:
/// whoever runs the file may put it into one.
fn set(known: &mut Catalogue, name: &str, value: Option<&str>, off: bool, local: bool) {
    let (session, inside) = (&mut known.session, known.transaction.inside);
    match name {
        "timezone" => {
            let names = ["utc", "gmt", "etc/utc", "etc/gmt", "zulu", "universal", "uct", "0", "+00", "+00:00"];
            let utc = value.map(|v| names.contains(&v.to_lowercase().trim_matches('\'')));
            if inside || !local || utc == Some(false) {
                session.utc.set(utc, local);
            }
        }
        "lock_timeout" if inside || !local => session.guarded.set(!off, local),
        "search_path" => session.path.set(value.and_then(path), local),
        "all" if value.is_none() => *session = Session::default(),
        _ => {}
    }
}

/// The schemas of a search path, none where that is `public` alone. Nobody makes tables in one that is called as the user.
fn path(value: &str) -> Option<std::sync::Arc<[String]>> {
    let schemas =
        value.split(',').map(|schema| schema.trim().trim_matches('"')).filter(|s| !matches!(*s, "" | "$user"));
    let schemas: Vec<String> = schemas.map(String::from).collect();
    (schemas != ["public"] && !schemas.is_empty()).then(|| schemas.into())
}

/// Sets what stands under a name, or takes it away; what stood there.
fn change<V>(map: &mut std::collections::BTreeMap<String, V>, name: &str, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(name.to_string(), value),
        None => map.remove(name),
    }
}

impl Catalogue {
    /// The connection ends: what it did not commit is undone, and its own tables go.
    pub(super) fn close(&mut self) {
        self.back_to(0);
        self.ends(false);
        self.forget(|_| true);
        self.session = Session::default();
    }

    /// The transaction ends, and what was set for it.
    fn ends(&mut self, chain: bool) {
        self.transaction.ends(chain);
        self.session.utc.ends();
        self.session.guarded.ends();
        self.session.path.ends();
    }

    /// Drops tables of this connection.
    fn forget(&mut self, which: fn(&Table) -> bool) {
        let own = self.tables.range(TEMPORARY.to_string()..).take_while(|(name, _)| name.starts_with(TEMPORARY));
        let names: Vec<String> = own.filter(|(_, t)| which(t)).map(|(name, _)| name.clone()).collect();
        for name in names {
            let table = self.tables.remove(&name);
            self.transaction.keep(Back::Table(name, table));
        }
    }

    /// Undoes all but so many of the transaction's steps.
    fn back_to(&mut self, steps: usize) {
        while self.transaction.steps.len() > steps {
            let Some(back) = self.transaction.steps.pop() else { break };
            self.undo(back);
        }
    }

    fn undo(&mut self, back: Back) {
        fn put<V>(map: &mut std::collections::BTreeMap<String, V>, name: String, value: Option<V>) {
            drop(change(map, &name, value));
        }
        match back {
            Back::Table(name, table) => put(&mut self.tables, name, table),
            Back::Name(from, to, there) => self.undo_name(from, to, there),
            Back::ColumnName(table, from, to) => self.entry(&table).call(&to, &from),
            Back::Left(name, before) => put(&mut self.left, name, before),
            Back::Column(table, name, of) => put(&mut self.entry(&table).columns, name, of),
            Back::Constraint(table, name, of) => put(&mut self.entry(&table).constraints, name, of),
            Back::Index(table, name, of) => put(&mut self.entry(&table).indexes, name, of),
            Back::Null(table, name, of) => put(&mut self.entry(&table).not_null, name, of),
            Back::Default(table, part) => self.entry(&table).default_partition = part,
            Back::Type(name, own) => put(&mut self.types, name, own),
            Back::Session(session) => self.session = session,
        }
    }

    /// A table's entry, made where there is none.
    fn entry(&mut self, name: &str) -> &mut Table {
        if !self.tables.contains_key(name) {
            self.transaction.keep(Back::Table(name.to_string(), None));
        }
        self.tables.entry(name.to_string()).or_default()
    }

    fn put(&mut self, name: &str, table: Table) {
        let before = self.tables.insert(name.to_string(), table);
        self.transaction.keep(Back::Table(name.to_string(), before));
    }

    fn set_default(&mut self, table: &str, part: Option<String>) {
        let before = std::mem::replace(&mut self.entry(table).default_partition, part);
        self.transaction.keep(Back::Default(table.to_string(), before));
    }

    fn set_type(&mut self, name: &str, own: Own) {
        let before = self.types.insert(name.to_string(), own);
        self.transaction.keep(Back::Type(name.to_string(), before));
    }

    fn set_column(&mut self, table: &str, column: &str, of: Option<String>) {
        let before = change(&mut self.entry(table).columns, column, of);
        self.transaction.keep(Back::Column(table.to_string(), column.to_string(), before));
    }

    fn set_null(&mut self, table: &str, column: &str, of: Option<bool>) {
        let before = change(&mut self.entry(table).not_null, column, of);
        self.transaction.keep(Back::Null(table.to_string(), column.to_string(), before));
    }

    fn set_index(&mut self, table: &str, name: &str, of: Option<Index>) {
        let before = change(&mut self.entry(table).indexes, name, of);
        self.transaction.keep(Back::Index(table.to_string(), name.to_string(), before));
    }

    /// A column, and with it what speaks of it.
    fn lose_column(&mut self, table: &str, column: &str) {
        let Some(entry) = self.tables.get(table) else { return };
        let checks = entry.constraints.iter().filter(|(_, c)| c.goes_with(column)).map(|(name, _)| name.clone());
        let speaks = |i: &Index| i.columns.iter().any(|c| c == column);
        let indexes = entry.indexes.iter().filter(|(_, i)| speaks(i)).map(|(name, _)| name.clone());
        let (checks, indexes): (Vec<String>, Vec<String>) = (checks.collect(), indexes.collect());
        checks.iter().for_each(|name| self.set_constraint(table, name, None));
        indexes.iter().for_each(|name| self.set_index(table, name, None));
        self.set_column(table, column, None);
        self.set_null(table, column, None);
    }

    /// A name that no index and no constraint of the table has: with a number behind it, where it is taken.
    fn free_name(&self, table: &str, name: &str) -> String {
        let Some(entry) = self.tables.get(table) else { return name.to_string() };
        let taken = |name: &String| entry.constraints.contains_key(name) || entry.indexes.contains_key(name);
        // So many numbers may be taken, and mostly are.
        let from = entry.constraints.len() + entry.indexes.len();
        let numbered = (from..).map(|n| format!("{name}{n}"));
        std::iter::once(name.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    fn set_constraint(&mut self, table: &str, name: &str, of: Option<Constraint>) {
        let before = change(&mut self.entry(table).constraints, name, of);
        self.transaction.keep(Back::Constraint(table.to_string(), name.to_string(), before));
    }

    /// A foreign key without a name is given one by PostgreSQL.
    fn point(&mut self, table: &str, columns: &[String], to: &str, valid: bool) {
        let name = self.free_name(table, &format!("{table}_{}_fkey", columns.join("_")));
        let of = Constraint::ForeignKey { valid, to: to.to_string(), columns: columns.to_vec() };
        self.set_constraint(table, &name, Some(of));
    }

    /// A table that is dropped; where `cascade`, with the foreign keys that point at it.
    fn gone(&mut self, table: &str, cascade: bool) {
        let dropped = self.tables.remove(table);
        if dropped.as_ref().is_none_or(|t| !t.created) {
            self.leave(table, dropped.as_ref().and_then(|t| t.rows));
        }
        if let Some(dropped) = dropped {
            self.transaction.keep(Back::Table(table.to_string(), Some(dropped)));
        }
        for (name, other) in &mut self.tables {
            let steps = &mut self.transaction;
            other.constraints.retain(|of, c| {
                let lost = cascade && matches!(c, Constraint::ForeignKey { to, .. } if to == table);
                if lost {
                    steps.keep(Back::Constraint(name.clone(), of.clone(), Some(c.clone())));
                }
                !lost
            });
            if let Some(part) = other.default_partition.take_if(|part| part == table) {
                self.transaction.keep(Back::Default(name.clone(), Some(part)));
            }
        }
    }
}
