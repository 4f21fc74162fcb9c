//! What of a statement's effects is a finding for a service that runs meanwhile.
mod calls;
mod gone;
mod held;
mod undone;

use std::collections::BTreeSet;

use super::action::{self, Action};
use super::catalogue::{Catalogue, Constraint};
use super::cursor::Cursor;
use super::learn::learn;
use super::lex::{Lines, Statement};
use super::predict::{self, Effect, Sure};
use super::{Report, Severity, body, finding, place, scope};
use crate::compat::Finding;
use held::Held;
use undone::Undone;

/// Fewer rows are dealt with in no time.
const SMALL: u64 = 10_000;
/// More rows keep a lock for longer than people wait.
const LARGE: u64 = 1_000_000;

/// Goes through the statements in order; what one does is known to the next.
pub(super) fn look(file: &str, lines: &Lines, statements: &[Statement], known: &mut Catalogue, report: &mut Report) {
    let unknown = report.findings.iter().filter(|f| f.rule == "sql-not-known");
    let listed: BTreeSet<usize> = unknown.filter_map(number).collect();
    let mut look = Look {
        file,
        lines,
        known,
        report,
        number: 0,
        listed,
        at: 0,
        told: false,
        idle: false,
        began: None,
        held: Held::default(),
        undone: Undone::default(),
    };
    for (number, statement) in statements.iter().enumerate() {
        (look.number, look.at) = (number, statement.start);
        if !look.inside() {
            look.held.clear();
        }
        look.nesting(statement);
        let unseen = look.report.not_compared.len();
        for (at, mut action) in body::all(statement, lines.text(), look.inside()) {
            look.at = at;
            scope::settle(&mut action, look.known);
            look.action(&action);
            learn(&action, look.known);
        }
        let listed = look.report.not_compared.len() > unseen || look.listed.contains(&number);
        look.calls(statement, listed);
    }
    look.undone.settle(statements.len(), look.known, look.report);
    if let Some((number, at)) = look.began.filter(|_| look.inside()) {
        (look.number, look.at) = (number, at);
        let message = "this transaction is never committed: what it did is undone when the connection ends".to_string();
        look.say("sql-transaction-open", Severity::Warning, message, "add a COMMIT, or leave out the BEGIN");
    }
    // Each file has a connection of its own.
    look.known.close();
}

/// Which statement of the file it is about.
fn number(f: &Finding) -> Option<usize> {
    f.location.revision.as_ref()?.pointer.trim_start_matches('/').parse().ok()
}

struct Look<'a> {
    file: &'a str,
    lines: &'a Lines<'a>,
    known: &'a mut Catalogue,
    report: &'a mut Report,
    number: usize,
    /// Statements of which it is said that nobody can tell what they do.
    listed: BTreeSet<usize>,
    at: usize,
    /// It was said that no `lock_timeout` is set.
    told: bool,
    /// One was set for a transaction, and there is none.
    idle: bool,
    /// The statement that began the transaction, and its place.
    began: Option<(usize, usize)>,
    held: Held,
    undone: Undone,
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

    /// Between BEGIN and COMMIT.
    fn inside(&self) -> bool {
        self.known.transaction.inside
    }

    /// A transaction begins where there is one, or ends where there is none: PostgreSQL warns, and does nothing.
    fn nesting(&mut self, statement: &Statement) {
        let word = action::one(&mut Cursor::new(&statement.tokens));
        self.undone.take(self.number, statement, word.as_ref(), self.inside());
        match (word, self.inside()) {
            (Some(Action::Begin), false) => self.began = Some((self.number, self.at)),
            (Some(Action::Begin), true) => {
                let message = "there is a transaction already, and this begins no other".to_string();
                let advice = "end the one before first, or leave this out";
                self.say("sql-transaction-nesting", Severity::Warning, message, advice);
            }
            (Some(Action::Commit { .. } | Action::Rollback { .. }), false) => {
                let message = "there is no transaction to COMMIT or ROLLBACK".to_string();
                let advice = "BEGIN one before, or leave this out";
                self.say("sql-transaction-nesting", Severity::Warning, message, advice);
            }
            _ => {}
        }
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
        self.held.turn(action, self.inside());
        match action {
            Action::Set { name, local, .. } if name == "lock_timeout" => {
                // PostgreSQL warns, and sets nothing.
                self.idle |= *local && !self.inside();
                self.told &= *local;
            }
            Action::Opaque { what } if !self.listed.contains(&self.number) => {
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
                self.held.take(table, lock);
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
        if lock.blocks_writes() && !self.known.session.guarded.now() && !self.told {
            self.told = true;
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
        if self.inside() && lock.blocks_reads() && self.held.shuts(table) && self.held.shut().len() == 2 {
            let names: Vec<&str> = self.held.shut().iter().map(String::as_str).collect();
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
        let before = self.held.lock(table);
        let lock = effect.lock.max(before);
        let earlier = if before > effect.lock { ", as the transaction has it," } else { "" };
        let held = format!("{table} is held under {}{earlier}", lock.name());
        let lasts = matches!(action, Action::Update { all: true, .. } | Action::Delete { all: true, .. });
        match (&effect.rewrite, &effect.scan) {
            (Sure::Yes, _) => {
                let message = format!("{held} while all its rows and indexes are written anew");
                self.say("sql-table-rewrite", size, message, rewrite_advice(action));
            }
            (Sure::Unless(case), scan) => {
                let message = format!("{held} while all its rows are written anew, unless {case}");
                let severity = size.min(Severity::Warning);
                self.say("sql-table-rewrite", severity, message, rewrite_advice(action));
                // What is done even then.
                if let (Sure::Yes, Some(what)) = (scan, &effect.why) {
                    let message = format!("{held} while {what}, and nobody reads or writes");
                    self.say("sql-scan-under-lock", size, message, scan_advice(action));
                }
            }
            (Sure::No, scan) if (*scan == Sure::Yes || lasts) && lock.blocks_writes() => {
                let who = if lock.blocks_reads() { "nobody reads or writes" } else { "nobody writes" };
                let what = match (action, &effect.why) {
                    (Action::MoveIndex { .. }, _) => "the index is written anew",
                    (_, Some(why)) => why.as_str(),
                    _ => "it is read through",
                };
                let message = format!("{held} while {what}, and {who}");
                self.say("sql-scan-under-lock", size, message, scan_advice(action));
            }
            (Sure::No, Sure::Unless(case)) if lock.blocks_writes() => {
                let what = effect.why.as_deref().unwrap_or("all its rows are read");
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
                        let time = if self.inside() { "until the transaction ends" } else { "for an instant" };
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
            Action::Vacuum { .. } | Action::DropDatabase { .. } | Action::Alone | Action::Discard { all: true } => true,
            Action::Reindex { what, .. } => concurrently || (what != "index" && what != "table"),
            _ => concurrently,
        };
        if alone && self.inside() {
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
        if let (Action::AddEnumValue { of }, true) = (action, self.inside()) {
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
        Action::AddConstraint { of: Constraint::PrimaryKey, using_index: Some(_), .. } => {
            "ADD CHECK (… IS NOT NULL) NOT VALID, and VALIDATE it, before: then the key reads nothing"
        }
        Action::AlterType { .. } => {
            "drop what hangs on it first, and make it again after: a check NOT VALID, then VALIDATE; an index CONCURRENTLY"
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
        Action::MoveIndex { .. } => "REINDEX (TABLESPACE …, CONCURRENTLY) INDEX",
        Action::Reindex { .. } => "REINDEX … CONCURRENTLY",
        Action::Refresh { .. } => "REFRESH MATERIALIZED VIEW CONCURRENTLY",
        Action::AddColumn(_) => {
            "add the column first, and its constraint after: NOT VALID, then VALIDATE; unique by an index CONCURRENTLY"
        }
        _ => "",
    }
}
