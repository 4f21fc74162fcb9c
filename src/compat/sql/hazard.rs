//! What of a statement's effects is a finding for a service that runs meanwhile.
mod gone;

use std::collections::{BTreeMap, BTreeSet};

use super::action::Action;
use super::body;
use super::catalogue::{Catalogue, Constraint, Own, Session, Table};
use super::lex::{Lines, Statement};
use super::predict::{self, Effect, Lock, Sure};
use super::{Report, Severity, finding, place};
use crate::compat::Finding;

/// Fewer rows are dealt with in no time.
const SMALL: u64 = 10_000;
/// More rows keep a lock for longer than people wait.
const LARGE: u64 = 1_000_000;

/// Goes through the statements in order; what one does is known to the next.
pub(super) fn look(file: &str, lines: &Lines, statements: &[Statement], known: &mut Catalogue, report: &mut Report) {
    let mut look = Look {
        file,
        lines,
        known,
        report,
        number: 0,
        at: 0,
        inside: false,
        guarded: false,
        idle: false,
        outside: None,
        exclusive: BTreeSet::new(),
        held: BTreeMap::new(),
    };
    // Each file has a connection of its own.
    look.known.session = Session::default();
    for (number, statement) in statements.iter().enumerate() {
        (look.number, look.at) = (number, statement.start);
        if !look.inside {
            look.held.clear();
        }
        for (at, action) in body::all(statement, lines.text(), look.inside) {
            look.at = at;
            look.action(&action);
            learn(&action, look.known);
        }
    }
}

struct Look<'a> {
    file: &'a str,
    lines: &'a Lines<'a>,
    known: &'a mut Catalogue,
    report: &'a mut Report,
    number: usize,
    at: usize,
    /// Between BEGIN and COMMIT.
    inside: bool,
    /// A `lock_timeout` is set, or it was said that none is.
    guarded: bool,
    /// One was set for a transaction, and there is none.
    idle: bool,
    /// The same outside of this transaction, where it was set for that alone.
    outside: Option<bool>,
    /// Tables this transaction has locked against readers.
    exclusive: BTreeSet<String>,
    /// The strongest lock on each table that this transaction has taken; a statement alone is one, too.
    held: BTreeMap<String, Lock>,
}

impl Look<'_> {
    fn say(&mut self, rule: &'static str, severity: Severity, message: String, advice: &str) -> &mut Finding {
        let at = place(self.file, self.lines, self.number, self.at);
        let mut f = finding(rule, severity, at, message);
        f.recommendation = Some(advice.to_string()).filter(|a| !a.is_empty());
        self.report.findings.push(f);
        let last = self.report.findings.len() - 1;
        &mut self.report.findings[last]
    }

    fn is_new(&self, table: &str) -> bool {
        self.known.table(table).is_some_and(|t| t.created)
    }

    /// How bad it is to hold a table of this size.
    fn by_size(&self, table: &str) -> Severity {
        match self.known.table(table).and_then(|t| t.rows) {
            Some(rows) if rows < SMALL => Severity::Info,
            Some(rows) if rows < LARGE => Severity::Warning,
            _ => Severity::Critical,
        }
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Begin => self.inside = true,
            Action::Commit => {
                self.inside = false;
                self.exclusive.clear();
                self.held.clear();
                self.guarded = self.outside.take().unwrap_or(self.guarded);
            }
            Action::Set { name, off, local, .. } if name == "lock_timeout" => {
                match (local, self.inside) {
                    // PostgreSQL warns, and sets nothing.
                    (true, false) => self.idle = true,
                    (true, true) => {
                        self.outside.get_or_insert(self.guarded);
                        self.guarded = !off;
                    }
                    (false, _) => self.guarded = !off,
                }
            }
            Action::Opaque { what } => {
                let (line, _) = self.lines.spot(self.at);
                self.report
                    .not_compared
                    .push(format!("{}:{line}: `{what}`: what it does cannot be seen from here", self.file));
            }
            _ => {}
        }
        let effects = predict::of(action, self.known);
        for effect in &effects {
            if !self.is_new(&effect.table) {
                self.effect(effect, action);
            }
            let locks = std::iter::once((&effect.table, effect.lock)).chain(effect.others.iter().map(|(t, l)| (t, *l)));
            for (table, lock) in locks {
                let held = self.held.entry(table.clone()).or_insert(lock);
                *held = (*held).max(lock);
            }
        }
        self.destroys(action);
        self.order(action);
        self.breaks(action);
    }

    /// What the locks and the time they are held for do.
    fn effect(&mut self, effect: &Effect, action: &Action) {
        let Effect { table, lock, .. } = effect;
        self.duration(effect, action);
        for (other, lock) in &effect.others {
            if lock.blocks_writes() && !self.is_new(other) {
                let message = format!("{other} is held under {} as well", lock.name());
                self.say("sql-lock-other-table", Severity::Info, message, "");
            }
        }
        if lock.blocks_writes() && !self.guarded {
            self.guarded = true;
            let message = format!(
                "{} on {table} is asked for without a `lock_timeout`: whoever comes after waits behind it",
                lock.name()
            );
            let idle = self.idle;
            let advice = "SET lock_timeout = '500ms', and try again when it fails";
            let told = self.say("sql-no-lock-timeout", Severity::Warning, message, advice);
            if idle {
                let why = "`SET LOCAL` holds for a transaction, and outside of one it sets nothing";
                told.details.push(why.to_string());
            }
        }
        if self.inside && lock.blocks_reads() && self.exclusive.insert(table.clone()) && self.exclusive.len() == 2 {
            let names: Vec<&str> = self.exclusive.iter().map(String::as_str).collect();
            let message = format!(
                "one transaction holds {} against readers, and may meet another that holds them the other way round",
                names.join(" and ")
            );
            self.say("sql-locks-several-tables", Severity::Warning, message, "a transaction for each table");
        }
    }

    /// How long a table is held, and against whom. What was taken before is held until the transaction ends.
    fn duration(&mut self, effect: &Effect, action: &Action) {
        let table = &effect.table;
        let size = self.by_size(table);
        let before = self.held.get(table).copied().unwrap_or(Lock::None);
        let lock = effect.lock.max(before);
        let earlier = if before > effect.lock { ", as the transaction has it," } else { "" };
        let held = format!("{table} is held under {}{earlier}", lock.name());
        let lasts = matches!(action, Action::Update { all: true, .. } | Action::Delete { all: true, .. });
        match (&effect.rewrite, &effect.scan) {
            (Sure::Yes, _) => {
                let message = format!("{held} while all its rows and indexes are written anew");
                self.say("sql-table-rewrite", size, message, rewrite_advice(action));
            }
            (Sure::Unless(case), _) => {
                let message = format!("{held} while all its rows are written anew, unless {case}");
                let severity = size.min(Severity::Warning);
                self.say("sql-table-rewrite", severity, message, rewrite_advice(action));
            }
            (Sure::No, scan) if (*scan == Sure::Yes || lasts) && lock.blocks_writes() => {
                let who = if lock.blocks_reads() { "nobody reads or writes" } else { "nobody writes" };
                let message = format!("{held} while it is read through, and {who}");
                self.say("sql-scan-under-lock", size, message, scan_advice(action));
            }
            (Sure::No, Sure::Unless(case)) if lock.blocks_writes() => {
                let what = match action {
                    Action::AlterType { .. } => "its indexes are built anew",
                    _ => "all its rows are read",
                };
                let message = format!("{held} while {what}, unless {case}");
                self.say("sql-scan-under-lock", size.min(Severity::Warning), message, scan_advice(action));
            }
            // Of which a rule of its own tells.
            _ if matches!(action, Action::Lock { .. }) => {}
            _ if effect.lock.blocks_writes() => {
                let message = match action {
                    Action::Refresh { concurrently: true, .. } => {
                        format!("{held} until it is refreshed; it can be read meanwhile, and not refreshed by others")
                    }
                    _ => {
                        let who = if lock.blocks_reads() { "" } else { ", and nobody writes" };
                        let time = if self.inside { "until the transaction ends" } else { "for an instant" };
                        format!("{held} {time}{who}")
                    }
                };
                self.say("sql-lock", Severity::Info, message, "");
            }
            _ => {}
        }
    }

    /// What cannot be done inside a transaction, or leaves something behind.
    fn order(&mut self, action: &Action) {
        let concurrently = match action {
            Action::CreateIndex { concurrently, .. }
            | Action::DropIndex { concurrently, .. }
            | Action::Reindex { concurrently, .. }
            | Action::Detach { concurrently, .. } => *concurrently,
            _ => false,
        };
        let alone = match action {
            Action::Vacuum { .. } | Action::DropDatabase { .. } => true,
            Action::Reindex { what, .. } => what != "index" && what != "table",
            _ => concurrently,
        };
        if alone && self.inside {
            let message = "cannot run inside a transaction: it will fail".to_string();
            self.say(
                "sql-concurrently-in-transaction",
                Severity::Critical,
                message,
                "put it into a migration of its own, without BEGIN",
            );
        }
        if concurrently {
            let left = match action {
                Action::CreateIndex { .. } | Action::Reindex { .. } => {
                    ", and leaves an invalid index behind if it fails"
                }
                _ => "",
            };
            let message = format!("waits until every transaction that is older has ended{left}");
            self.say("sql-concurrently-waits", Severity::Info, message, "");
        }
        if let (Action::AddEnumValue { of }, true) = (action, self.inside) {
            let message = format!("the new value of {of} cannot be used before this transaction has ended");
            self.say("sql-enum-value-in-transaction", Severity::Warning, message, "put it into a migration of its own");
        }
        if let Action::Reindex { what, name, concurrently: false } = action
            && what != "index"
            && what != "table"
        {
            let message = format!(
                "every table of the {what} {name} is read through, one after the other, and nobody writes to it"
            );
            self.say("sql-scan-under-lock", Severity::Critical, message, scan_advice(action));
        }
        self.upkeep(action);
    }

    /// What takes more than one thing at a time, or takes a broken one for whole.
    fn upkeep(&mut self, action: &Action) {
        if let Action::CreateIndex { concurrently: true, if_not_exists: true, .. } = action {
            let message = "an invalid index that a failed attempt left behind is taken for the real one".to_string();
            let advice = "leave out IF NOT EXISTS, look at pg_index.indisvalid, and drop an invalid one first";
            self.say("sql-index-if-not-exists", Severity::Warning, message, advice);
        }
        if let Action::Lock { tables, mode } = action
            && mode.blocks_writes()
        {
            let message = format!("{} is held under {} until the transaction ends", tables.join(", "), mode.name());
            self.say("sql-lock-table", Severity::Critical, message, "let each statement take the lock it needs");
        }
        if let Action::Cluster { table: None } = action {
            let message = "every clustered table is written anew, one after the other".to_string();
            self.say("sql-table-rewrite", Severity::Critical, message, "pg_repack does it online");
        }
        if let Action::Vacuum { full: true, tables } = action
            && tables.is_empty()
        {
            let message = "every table of the database is written anew, one after the other".to_string();
            self.say("sql-table-rewrite", Severity::Critical, message, "pg_repack does it online");
        }
    }
}

/// What a migration itself does is known to what comes after.
pub(super) fn learn(action: &Action, known: &mut Catalogue) {
    match action {
        // Where it may be there already, versions that run may know it; it is small if they do not.
        Action::CreateTable { table, unless_there: true, .. } if known.table(table).is_some() => {}
        Action::CreateTable { table, unless_there, parent, default, .. } => {
            let made = Table { rows: Some(0), created: !unless_there, ..Table::default() };
            known.tables.insert(table.clone(), made);
            if let (Some(parent), true) = (parent, default) {
                known.entry(parent).default_partition = Some(table.clone());
            }
        }
        Action::Attach { table, part, default: true } => known.entry(table).default_partition = Some(part.clone()),
        Action::Detach { table, part, .. } => {
            let rest = &mut known.entry(table).default_partition;
            rest.take_if(|name| name == part);
        }
        Action::DropTable { tables, cascade } => tables.iter().for_each(|t| gone(t, *cascade, known)),
        Action::Rename { table, to: Some(to), .. } => {
            if let Some(entry) = known.tables.remove(table) {
                known.tables.insert(to.clone(), entry);
            }
        }
        Action::CreateType { name, ruled } => {
            known.types.insert(name.clone(), Own { made: true, ruled: *ruled });
        }
        Action::RuleDomain { name, .. } => known.types.entry(name.clone()).or_default().ruled = true,
        Action::Begin => known.session.inside = true,
        Action::Commit => (known.session.inside, known.session.local) = (false, None),
        Action::Set { name, value, local, .. } if name == "timezone" => zone(known, value.as_deref(), *local),
        Action::AddColumn(c) => {
            let of = c.of.to_string();
            known.entry(&c.table).columns.insert(c.column.clone(), of);
        }
        Action::AlterType { table, column, to, .. } => {
            known.entry(table).columns.insert(column.clone(), to.to_string());
        }
        Action::AddConstraint { table, name: Some(name), of, not_valid, .. } => {
            let of = match of {
                Constraint::Check { not_null, .. } => {
                    Constraint::Check { valid: !not_valid, not_null: not_null.clone() }
                }
                Constraint::ForeignKey { to, .. } => Constraint::ForeignKey { valid: !not_valid, to: to.clone() },
                other => other.clone(),
            };
            known.entry(table).constraints.insert(name.clone(), of);
        }
        Action::Validate { table, name } => {
            if let Some(Constraint::Check { valid, .. } | Constraint::ForeignKey { valid, .. }) =
                known.entry(table).constraints.get_mut(name)
            {
                *valid = true;
            }
        }
        Action::DropConstraint { table, name } => drop(known.entry(table).constraints.remove(name)),
        Action::CreateIndex { table, name: Some(name), .. } => drop(known.entry(table).indexes.insert(name.clone())),
        _ => {}
    }
}

/// A table that is dropped; where `cascade`, with the foreign keys that point at it.
fn gone(table: &str, cascade: bool, known: &mut Catalogue) {
    known.tables.remove(table);
    for other in known.tables.values_mut() {
        other.constraints.retain(|_, c| !(cascade && matches!(c, Constraint::ForeignKey { to, .. } if to == table)));
        other.default_partition.take_if(|name| name == table);
    }
}

/// The time zone of what comes. One that holds for a transaction only is believed outside of one where it makes things
/// worse: whoever runs the file may put it into one.
fn zone(known: &mut Catalogue, value: Option<&str>, local: bool) {
    let names = ["utc", "gmt", "etc/utc", "etc/gmt", "zulu", "universal", "uct", "0", "+00", "+00:00"];
    let utc = value.map(|v| names.contains(&v.to_lowercase().trim_matches('\'')));
    let session = &mut known.session;
    if !local {
        (session.utc, session.local) = (utc, None);
    } else if session.inside || utc == Some(false) {
        session.local = utc;
    }
}

fn rewrite_advice(action: &Action) -> &'static str {
    match action {
        Action::AddColumn(_) => "add it without default, set the default after, and fill the rows in batches",
        Action::AlterType { .. } => {
            "a new column of the new type, written by a trigger and filled in batches, takes its place"
        }
        _ => "pg_repack, or a copy that is filled in batches, does it online",
    }
}

fn scan_advice(action: &Action) -> &'static str {
    match action {
        Action::SetNotNull { .. } => {
            "ADD CHECK (… IS NOT NULL) NOT VALID, VALIDATE it, then SET NOT NULL reads nothing"
        }
        Action::AddConstraint { of: Constraint::Unique | Constraint::PrimaryKey, .. } => {
            "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX"
        }
        Action::AddConstraint { of: Constraint::Exclude, .. } => {
            "there is no online form: a new table that is filled in batches"
        }
        Action::Validate { .. } => "VALIDATE CONSTRAINT in a transaction of its own",
        Action::Attach { .. } => {
            "ADD CHECK with the bounds, NOT VALID, VALIDATE it, then ATTACH reads nothing; for a default partition one that \
             rules them out"
        }
        Action::CreateTable { .. } => {
            "give the default partition a CHECK that rules out the new rows: NOT VALID, then VALIDATE"
        }
        Action::RuleDomain { .. } => {
            "constraints of the tables themselves can be added NOT VALID, and validated table by table"
        }
        Action::Update { .. } | Action::Delete { .. } => "change rows in a transaction of its own, in batches",
        Action::AddConstraint { .. } => "ADD … NOT VALID, and VALIDATE CONSTRAINT in a transaction after it",
        Action::CreateIndex { .. } => "CREATE INDEX CONCURRENTLY",
        Action::Reindex { .. } => "REINDEX … CONCURRENTLY",
        Action::Refresh { .. } => "REFRESH MATERIALIZED VIEW CONCURRENTLY",
        Action::AddColumn(_) => {
            "add the column first, and its constraint after: NOT VALID, then VALIDATE; unique by an index CONCURRENTLY"
        }
        _ => "",
    }
}
