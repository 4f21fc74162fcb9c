//! What a statement does, as far as locks, rewrites and running services are concerned.
use super::catalogue::{Constraint, Index};
use super::cursor::{Cursor, skip_parens};
use super::lex::{Kind, Token};
use super::scope::TEMPORARY;
use super::types::Type;
use super::{alter, inner, predict::Lock, session, speaks};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Begin,
    /// Where `chain`, the next transaction begins at once.
    Commit {
        chain: bool,
    },
    /// What was done since BEGIN is undone.
    Rollback {
        chain: bool,
    },
    Savepoint {
        name: String,
    },
    /// What was done since then is undone, and the transaction goes on.
    RollbackTo {
        name: String,
    },
    Release {
        name: String,
    },
    /// Temporary tables go; where `all`, settings as well.
    Discard {
        all: bool,
    },
    /// It is done outside of transactions only.
    Alone,
    /// A setting, its value unless it is reset, whether that switches it off, and whether it ends with the transaction.
    Set {
        name: String,
        value: Option<String>,
        off: bool,
        local: bool,
    },
    /// A type that is made. One with a rule of its own is looked at for each row.
    CreateType {
        name: String,
        ruled: bool,
        /// Of a domain: what it is made of.
        base: Option<Type>,
    },
    /// A domain gets a rule, or one that it has is looked at: `reads` every table with a column of it.
    RuleDomain {
        name: String,
        reads: bool,
    },
    CreateTable {
        table: String,
        /// It is there already, or it is made.
        unless_there: bool,
        /// It becomes a partition of this.
        parent: Option<String>,
        /// It takes the rows that no other partition takes.
        default: bool,
        /// Tables its foreign keys point at.
        points: Vec<String>,
        /// It goes with its transaction: `ON COMMIT DROP`.
        fleeting: bool,
    },
    DropTable {
        tables: Vec<String>,
        cascade: bool,
    },
    /// Where `cascade`, tables that point at them as well.
    Truncate {
        tables: Vec<String>,
        cascade: bool,
    },
    Rename {
        table: String,
        what: &'static str,
        /// What the table is called from here on, where it is the table.
        to: Option<String>,
    },
    RenameColumn {
        table: String,
        column: String,
        to: String,
    },
    RenameConstraint {
        table: String,
        name: String,
        to: String,
    },
    /// Nobody asks for an index by its name but migrations.
    RenameIndex {
        name: String,
        to: String,
    },
    AddColumn(Box<Column>),
    DropColumn {
        table: String,
        column: String,
    },
    AlterType {
        table: String,
        column: String,
        to: Type,
        using: bool,
        /// It says in which order texts come.
        collated: bool,
    },
    SetNotNull {
        table: String,
        column: String,
    },
    DropNotNull {
        table: String,
        column: String,
    },
    DropDefault {
        table: String,
        column: String,
    },
    /// Rows are shown by policies only from here on.
    RowSecurity {
        table: String,
    },
    /// Its rows are no rows of the parent any more.
    NoInherit {
        table: String,
        parent: String,
    },
    /// Only the catalogue changes: defaults, owner.
    Instant {
        table: String,
    },
    /// Statistics, storage parameters, comments.
    Light {
        table: String,
    },
    /// Tablespace, `SET LOGGED`, access method.
    Rewrite {
        table: String,
        what: &'static str,
    },
    AddConstraint {
        table: String,
        name: Option<String>,
        of: Constraint,
        not_valid: bool,
        using_index: Option<String>,
    },
    Validate {
        table: String,
        name: String,
    },
    DropConstraint {
        table: String,
        name: String,
    },
    Attach {
        table: String,
        part: String,
        default: bool,
    },
    Detach {
        table: String,
        part: String,
        concurrently: bool,
    },
    CreateIndex {
        table: String,
        name: Option<String>,
        concurrently: bool,
        if_not_exists: bool,
        /// `ON ONLY`: of a partitioned table itself, which has no rows, and of none of its partitions.
        only: bool,
        of: Index,
    },
    DropIndex {
        names: Vec<String>,
        concurrently: bool,
    },
    Reindex {
        what: String,
        name: String,
        concurrently: bool,
    },
    /// To another tablespace, where it is written anew.
    MoveIndex {
        name: String,
    },
    /// One is made, or switched on or off.
    Trigger {
        table: String,
    },
    DropTrigger {
        table: String,
    },
    Update {
        table: String,
        all: bool,
    },
    Delete {
        table: String,
        all: bool,
    },
    Vacuum {
        full: bool,
        tables: Vec<String>,
    },
    Cluster {
        table: Option<String>,
    },
    Lock {
        tables: Vec<String>,
        mode: Lock,
    },
    Refresh {
        view: String,
        concurrently: bool,
        /// It cannot be read afterwards.
        no_data: bool,
    },
    /// With everything in them, where `cascade`; else they have to be empty.
    DropSchema {
        names: Vec<String>,
        cascade: bool,
    },
    DropDatabase {
        name: String,
    },
    /// Whatever these roles own.
    DropOwned {
        of: String,
    },
    ReassignOwned {
        of: String,
    },
    /// Takes something away that is no table: a view, a function, a type.
    DropOther {
        what: String,
        /// Columns of tables go with it.
        columns: bool,
    },
    /// What is no table gets another name, or goes to another schema.
    RenameOther {
        what: String,
    },
    Revoke,
    AddEnumValue {
        of: String,
    },
    /// Touches no table of others: creates something new, grants, comments, inserts, reads.
    Harmless,
    /// Code whose effects cannot be seen.
    Opaque {
        what: String,
    },
}

/// A column that is added.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Column {
    pub table: String,
    pub column: String,
    pub of: Type,
    pub not_null: bool,
    pub default: Default_,
    pub generated: bool,
    pub check: bool,
    pub unique: bool,
    /// `IF NOT EXISTS`: it may be there already, and be another one.
    pub unless_there: bool,
    pub references: Option<String>,
}

/// Whether each row needs a value of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Default_ {
    #[default]
    None,
    /// One value for all rows that are there.
    Same,
    Each,
    /// Calls this, which is not known to us.
    Calls(String),
}

pub(super) fn actions(tokens: &[Token]) -> Vec<Action> {
    let mut c = Cursor::new(tokens);
    if c.eat("alter table") || c.eat("alter foreign table") || alter::is_view_of_rows(&mut c) {
        return alter::table(c);
    }
    let mut found = inner::writes(tokens);
    found.push(one(&mut Cursor::new(inner::main(tokens))).unwrap_or_else(|| {
        let words = tokens.iter().take(3).take_while(|t| t.kind != Kind::String).map(|t| t.text.as_ref());
        let what: Vec<&str> = words.collect();
        Action::Opaque { what: what.join(" ") }
    }));
    found
}

/// What one statement does by itself, whatever stands in its parentheses.
pub(super) fn one(c: &mut Cursor) -> Option<Action> {
    let word = c.word()?;
    if let Some(action) = session::one(word, c) {
        return Some(action);
    }
    Some(match word {
        // One that was prepared elsewhere.
        "commit" | "rollback" => return None,
        "create" => create(c)?,
        "drop" => drop_(c)?,
        "alter" => alter::other(c)?,
        "truncate" => {
            c.eat("table");
            Action::Truncate { tables: c.relations(), cascade: c.ahead("cascade") }
        }
        "update" => {
            c.eat("only");
            Action::Update { table: c.relation()?, all: inner::all_rows(&c.tokens[c.at..]) }
        }
        "delete" => {
            c.eat("from");
            c.eat("only");
            Action::Delete { table: c.relation()?, all: inner::all_rows(&c.tokens[c.at..]) }
        }
        "vacuum" => {
            let full = switched_on(c.tokens, "full");
            while c.eat_any(&["full", "freeze", "verbose", "analyze"]) || skip_parens(c) {}
            Action::Vacuum { full, tables: c.relations() }
        }
        "cluster" => {
            c.eat("verbose");
            Action::Cluster { table: c.relation() }
        }
        "lock" => {
            c.eat("table");
            Action::Lock { tables: c.relations(), mode: lock_mode(c) }
        }
        "reindex" => reindex(c)?,
        "refresh" => {
            c.eat("materialized view");
            let concurrently = c.eat("concurrently");
            let view = c.relation()?;
            Action::Refresh { concurrently, view, no_data: c.eat("with no data") }
        }
        "reassign" => {
            c.eat("owned by");
            Action::ReassignOwned { of: c.names().join(", ") }
        }
        // Commands of psql that touch no database.
        "\\" if c.eat_any(&["echo", "qecho", "warn", "set", "unset", "timing", "pset", "restrict", "unrestrict"]) => {
            Action::Harmless
        }
        "revoke" => Action::Revoke,
        // The way to carry out a function; one that reads a table is asked for its rows.
        "select" if inner::carries_out(c.tokens) => return None,
        "comment" | "grant" | "insert" | "select" | "copy" | "analyze" | "security" | "values" | "show" | "explain"
        | "notify" | "table" | "import" | "checkpoint" | "discard" => Action::Harmless,
        _ => return None,
    })
}

fn reindex(c: &mut Cursor) -> Option<Action> {
    let from = c.at;
    skip_parens(c);
    let option = switched_on(&c.tokens[from..c.at], "concurrently");
    let what = c.word()?.to_string();
    let concurrently = c.eat("concurrently") || option;
    let name = if what == "table" { c.relation() } else { c.name() };
    Some(Action::Reindex { what, concurrently, name: name.unwrap_or_default() })
}

/// An option that holds unless it is followed by what switches it off; of several the last counts.
pub(super) fn switched_on(tokens: &[Token], option: &str) -> bool {
    let last = tokens.iter().rposition(|t| t.is(option));
    let off = |t: &Token| ["off", "false", "0"].iter().any(|word| t.text.eq_ignore_ascii_case(word));
    last.is_some_and(|at| !tokens.get(at + 1).is_some_and(off))
}

fn create(c: &mut Cursor) -> Option<Action> {
    let replaces = c.eat("or replace");
    let local = c.eat_any(&["temporary", "temp", "local temporary", "local temp", "global temporary", "global temp"]);
    c.eat("unlogged");
    if c.eat("table") {
        return create_table(local, c);
    }
    if c.eat_any(&["database", "tablespace"]) {
        return Some(Action::Alone);
    }
    let domain = c.eat("domain");
    if domain || c.eat("type") {
        let name = c.name()?;
        let ruled = domain && c.tokens.iter().any(|t| t.is("check") || t.is("not"));
        let base = (domain && (c.eat("as") || c.peek().is_some())).then(|| Type::read(c));
        return Some(Action::CreateType { name, ruled, base });
    }
    if c.eat_any(&["recursive view", "view"]) {
        return Some(if replaces && !local { Action::Instant { table: c.relation()? } } else { Action::Harmless });
    }
    c.eat("unique");
    if c.eat("index") {
        let concurrently = c.eat("concurrently");
        let if_not_exists = c.eat("if not exists");
        let name = if c.peek()?.is("on") { None } else { c.name() };
        c.eat("on");
        let only = c.eat("only");
        let table = c.relation()?;
        return Some(Action::CreateIndex { table, name, concurrently, if_not_exists, only, of: speaks::of_index(c) });
    }
    c.eat("constraint");
    if c.eat("trigger") {
        let on = c.tokens.iter().position(|t| t.is("on"))?;
        c.at = on + 1;
        return Some(Action::Trigger { table: c.relation()? });
    }
    let of = if c.eat("rule") { "to" } else { "on" };
    if of == "to" || c.eat("policy") {
        return Some(Action::Instant { table: inner::after(c, of).first()?.clone() });
    }
    Some(Action::Harmless)
}

fn create_table(local: bool, c: &mut Cursor) -> Option<Action> {
    let unless_there = c.eat("if not exists");
    let mut table = c.relation()?;
    if local && !table.contains('.') {
        table = format!("{TEMPORARY}{table}");
    }
    let parent = if c.eat("partition of") { c.relation() } else { None };
    let default = parent.is_some() && is_default(c);
    let fleeting = (c.at..c.tokens.len()).any(|at| Cursor { tokens: c.tokens, at }.eat("on commit drop"));
    // No other connection has made it.
    let unless_there = unless_there && !table.starts_with(TEMPORARY);
    let points = inner::after(c, "references");
    Some(Action::CreateTable { table, unless_there, parent, default, points, fleeting })
}

/// Behind the name of a partition: it is the default one, and not one `FOR VALUES`. A column may have a `DEFAULT`, too.
pub(super) fn is_default(c: &Cursor) -> bool {
    let mut c = c.clone();
    skip_parens(&mut c);
    c.eat("default")
}

fn drop_(c: &mut Cursor) -> Option<Action> {
    let if_exists = |c: &mut Cursor| c.eat("if exists");
    if c.eat_any(&["table", "foreign table"]) {
        if_exists(c);
        return Some(Action::DropTable { tables: c.relations(), cascade: c.ahead("cascade") });
    }
    if c.eat("index") {
        let concurrently = c.eat("concurrently");
        if_exists(c);
        return Some(Action::DropIndex { names: c.names(), concurrently });
    }
    if c.eat_any(&["trigger", "rule", "policy"]) {
        if_exists(c);
        c.name()?;
        c.eat("on");
        return Some(Action::DropTrigger { table: c.relation()? });
    }
    if c.eat("schema") {
        if_exists(c);
        return Some(Action::DropSchema { names: c.names(), cascade: c.ahead("cascade") });
    }
    if c.eat("database") {
        if_exists(c);
        return Some(Action::DropDatabase { name: c.name()? });
    }
    if c.eat("owned by") {
        return Some(Action::DropOwned { of: c.names().join(", ") });
    }
    let from = c.at;
    c.eat_any(&["materialized", "event", "text search", "foreign data", "operator"]);
    let kind = c.word()?;
    let words: Vec<&str> = c.tokens[from..c.at].iter().map(|t| t.text.as_ref()).collect();
    if_exists(c);
    let mut names = Vec::new();
    while let Some(name) = c.name() {
        names.push(name);
        skip_parens(c);
        if !c.eat(",") {
            break;
        }
    }
    let what = format!("{} {}", words.join(" "), names.join(", "));
    let columns = c.ahead("cascade") && matches!(kind, "type" | "domain" | "extension" | "server" | "wrapper");
    Some(Action::DropOther { what: what.trim_end().to_string(), columns })
}

fn lock_mode(c: &mut Cursor) -> Lock {
    c.eat("in");
    let words: Vec<&str> = c.tokens[c.at..].iter().map(|t| t.text.as_ref()).take_while(|t| *t != "mode").collect();
    Lock::ALL.into_iter().find(|l| l.name().to_lowercase() == words.join(" ")).unwrap_or(Lock::AccessExclusive)
}
