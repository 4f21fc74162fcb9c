//! What a statement locks, rewrites and reads through, as measured on PostgreSQL 15.
use super::action::{Action, Column, Default_};
use super::catalogue::{Catalogue, Constraint, Index};
use super::types;

/// Table locks, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    None,
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl Lock {
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no lock",
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Writers wait for it.
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }

    pub fn blocks_reads(self) -> bool {
        self == Self::AccessExclusive
    }
}

/// Yes, no, or it depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Sure {
    #[default]
    No,
    Yes,
    /// Yes, but for this case, which cannot be seen from here.
    Unless(String),
}

/// What one action does to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub table: String,
    pub lock: Lock,
    /// Other tables that are locked as well.
    pub others: Vec<(String, Lock)>,
    /// Heap and indexes are written anew.
    pub rewrite: Sure,
    /// All rows are read, or an index is built, while the lock is held.
    pub scan: Sure,
    /// What is done with them, where that is no matter of course.
    pub why: Option<String>,
}

impl Effect {
    fn new(table: &str, lock: Lock) -> Self {
        Self { table: table.to_string(), lock, others: Vec::new(), rewrite: Sure::No, scan: Sure::No, why: None }
    }

    fn rewriting(mut self, rewrite: Sure) -> Self {
        self.scan = rewrite.clone();
        self.rewrite = rewrite;
        self
    }

    fn scanning(mut self, scan: Sure) -> Self {
        self.scan = scan;
        self
    }

    fn since(mut self, why: String) -> Self {
        self.why = Some(why);
        self
    }

    fn and(mut self, table: &str, lock: Lock) -> Self {
        self.others.push((table.to_string(), lock));
        self
    }
}

/// The effects of each statement of a text, in order, on tables that were there before. For previews.
///
/// # Errors
/// A quote or comment is not closed.
pub fn effects(text: &str, catalogue: &Catalogue) -> Result<Vec<Vec<Effect>>, super::lex::Broken> {
    let (text, mut known) = (super::unmarked(text), catalogue.clone());
    let mut all = Vec::new();
    for statement in super::lex::statements(text)? {
        let mut found = Vec::new();
        for (_, mut action) in super::body::all(&statement, text, known.transaction.inside) {
            super::scope::settle(&mut action, &known);
            found.extend(of(&action, &known));
            super::learn::learn(&action, &mut known);
        }
        all.push(found);
    }
    Ok(all)
}

pub(super) fn of(action: &Action, known: &Catalogue) -> Vec<Effect> {
    use Lock::{AccessExclusive, Share, ShareUpdateExclusive};
    let one = |e: Effect| vec![e];
    match action {
        Action::DropTable { tables, cascade } => tables.iter().map(|t| dropped(t, *cascade, known)).collect(),
        Action::Truncate { tables, cascade } => {
            let all = if *cascade { known.cascade(tables) } else { tables.clone() };
            all.iter().map(|t| Effect::new(t, AccessExclusive)).collect()
        }
        Action::RuleDomain { name, reads: true } => read_by_domain(name, known),
        Action::Rename { table, .. }
        | Action::Instant { table }
        | Action::DropNotNull { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::RenameConstraint { table, .. }
        | Action::DropDefault { table, .. }
        | Action::RowSecurity { table }
        | Action::NoInherit { table, .. }
        | Action::DropTrigger { table } => one(Effect::new(table, AccessExclusive)),
        Action::DropColumn { table, column } => one(lost(table, column, known)),
        Action::AddColumn(column) => one(added(column, known)),
        Action::AlterType { .. } => retyped(action, known).into_iter().collect(),
        Action::SetNotNull { table, column } => {
            let scan = if known.is_not_null(table, column) { Sure::No } else { Sure::Yes };
            one(Effect::new(table, AccessExclusive).scanning(scan))
        }
        Action::Light { table } => one(Effect::new(table, ShareUpdateExclusive)),
        Action::Rewrite { table, .. } => one(Effect::new(table, AccessExclusive).rewriting(Sure::Yes)),
        Action::AddConstraint { table, of: Constraint::PrimaryKey, using_index: Some(index), .. } => {
            one(Effect::new(table, AccessExclusive).scanning(not_null_by(table, index, known)))
        }
        Action::AddConstraint { table, of, not_valid, using_index, .. } => {
            one(constrained(table, of, *not_valid || using_index.is_some()))
        }
        Action::Validate { table, .. } => one(Effect::new(table, ShareUpdateExclusive).scanning(Sure::Yes)),
        Action::DropConstraint { table, name } => {
            let e = Effect::new(table, AccessExclusive);
            one(match known.table(table).and_then(|t| t.constraints.get(name)) {
                Some(Constraint::ForeignKey { to, .. }) => e.and(to, AccessExclusive),
                _ => e,
            })
        }
        Action::CreateIndex { table, concurrently, only, .. } => {
            let lock = if *concurrently { ShareUpdateExclusive } else { Share };
            one(Effect::new(table, lock).scanning(if *only { Sure::No } else { Sure::Yes }))
        }
        Action::CreateTable { .. } | Action::Attach { .. } | Action::Detach { .. } => of_partitions(action, known),
        other => of_upkeep(other, known),
    }
}

/// Tables that are made, and what becomes a partition or is none any more.
fn of_partitions(action: &Action, known: &Catalogue) -> Vec<Effect> {
    use Lock::{AccessExclusive, ShareUpdateExclusive};
    let one = |e: Effect| vec![e];
    match action {
        Action::CreateTable { parent, default, points, .. } => {
            let pointed = points.iter().map(|t| Effect::new(t, Lock::ShareRowExclusive));
            let rest = parent.iter().filter(|_| !default).filter_map(|t| default_of(t, known));
            parent.iter().map(|t| Effect::new(t, AccessExclusive)).chain(rest).chain(pointed).collect()
        }
        Action::Attach { table, part, default } => {
            let fits = match known.is_checked(part) {
                true => Sure::Unless(format!(
                    "a check of it says that all of them belong there, and it has the indexes of {table}"
                )),
                false => Sure::Yes,
            };
            let rest = if *default { None } else { default_of(table, known) };
            let part = Effect::new(part, AccessExclusive).scanning(fits);
            [Effect::new(table, ShareUpdateExclusive), part].into_iter().chain(rest).collect()
        }
        Action::Detach { table, part, concurrently } => {
            let lock = if *concurrently { ShareUpdateExclusive } else { AccessExclusive };
            let e = Effect::new(table, lock).and(part, AccessExclusive);
            one(match known.table(table).and_then(|t| t.default_partition.as_ref()) {
                Some(rest) => e.and(rest, AccessExclusive),
                None => e,
            })
        }
        _ => Vec::new(),
    }
}

/// Statements about indexes and about what a table is stored in, and those that change rows.
fn of_upkeep(action: &Action, known: &Catalogue) -> Vec<Effect> {
    use Lock::{AccessExclusive, Exclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};
    let one = |e: Effect| vec![e];
    match action {
        Action::DropIndex { names, concurrently } => {
            let lock = if *concurrently { ShareUpdateExclusive } else { AccessExclusive };
            names.iter().map(|n| Effect::new(known.of_index(n).unwrap_or(&format!("the table of {n}")), lock)).collect()
        }
        Action::Reindex { what, .. } if what != "index" && what != "table" => Vec::new(),
        Action::Reindex { what, name, concurrently } => {
            let table = match what.as_str() {
                "index" => known.of_index(name).map_or(format!("the table of {name}"), String::from),
                _ => name.clone(),
            };
            one(Effect::new(&table, if *concurrently { ShareUpdateExclusive } else { Share }).scanning(Sure::Yes))
        }
        // Whoever plans a query on its table opens it.
        Action::MoveIndex { name } => {
            let table = known.of_index(name).map_or(format!("the table of {name}"), String::from);
            one(Effect::new(&table, AccessExclusive).scanning(Sure::Yes))
        }
        Action::Trigger { table } => one(Effect::new(table, ShareRowExclusive)),
        Action::Update { table, .. } | Action::Delete { table, .. } => one(Effect::new(table, RowExclusive)),
        Action::Vacuum { full: true, tables } => {
            tables.iter().map(|t| Effect::new(t, AccessExclusive).rewriting(Sure::Yes)).collect()
        }
        Action::Vacuum { full: false, tables } => tables.iter().map(|t| Effect::new(t, ShareUpdateExclusive)).collect(),
        Action::Cluster { table: Some(table) } => one(Effect::new(table, AccessExclusive).rewriting(Sure::Yes)),
        Action::Lock { tables, mode } => tables.iter().map(|t| Effect::new(t, *mode)).collect(),
        // Readers go on, and nobody writes into a view.
        Action::Refresh { view, concurrently: true, .. } => one(Effect::new(view, Exclusive)),
        Action::Refresh { view, no_data: true, .. } => one(Effect::new(view, AccessExclusive)),
        Action::Refresh { view, .. } => one(Effect::new(view, AccessExclusive).scanning(Sure::Yes)),
        _ => Vec::new(),
    }
}

/// A new partition is new bounds for the default one, whose rows are looked at. A parent that was just made has none.
fn default_of(table: &str, known: &Catalogue) -> Option<Effect> {
    let entry = known.table(table);
    if entry.is_some_and(|t| t.created) {
        return None;
    }
    let e = |name: &str, scan| Effect::new(name, Lock::AccessExclusive).scanning(scan);
    let rules_out = "a check of it rules out the rows of the new one";
    Some(match entry.and_then(|t| t.default_partition.as_ref()) {
        Some(name) if known.is_checked(name) => e(name, Sure::Unless(rules_out.to_string())),
        Some(name) => e(name, Sure::Yes),
        None => e(&format!("the default partition of {table}"), Sure::Unless(format!("there is none, or {rules_out}"))),
    })
}

/// Every table with a column of a domain, when a rule of it is looked at.
fn read_by_domain(name: &str, known: &Catalogue) -> Vec<Effect> {
    let read = |table: &str, scan| Effect::new(table, Lock::Share).scanning(scan);
    let found: Vec<Effect> = known.with_type(name).map(|t| read(t, Sure::Yes)).collect();
    if !found.is_empty() || known.types.get(name).is_some_and(|t| t.made) {
        return found;
    }
    // Of tables that are known, none has one; a catalogue may leave some out.
    let scan = match known.tables.values().any(|t| !t.created && !t.columns.is_empty()) {
        true => Sure::Unless("no table has one".to_string()),
        false => Sure::Yes,
    };
    vec![read(&format!("each table with a column of the domain {name}"), scan)]
}

/// Tables a dropped one points at are locked as well, and so are those that point at it and lose their foreign key.
fn dropped(table: &str, cascade: bool, known: &Catalogue) -> Effect {
    let mut e = Effect::new(table, Lock::AccessExclusive);
    if cascade {
        e.others.extend(known.pointing_at(table).map(|t| (t.to_string(), Lock::AccessExclusive)));
    }
    for constraint in known.table(table).into_iter().flat_map(|t| t.constraints.values()) {
        if let Constraint::ForeignKey { to, .. } = constraint {
            e = e.and(to, Lock::AccessExclusive);
        }
    }
    e
}

/// A foreign key goes with its column, and what it points at is locked for that.
fn lost(table: &str, column: &str, known: &Catalogue) -> Effect {
    let keys = known.table(table).into_iter().flat_map(|t| t.constraints.values()).filter(|c| c.goes_with(column));
    keys.fold(Effect::new(table, Lock::AccessExclusive), |e, key| match key {
        Constraint::ForeignKey { to, .. } if to != table => e.and(to, Lock::AccessExclusive),
        _ => e,
    })
}

fn added(column: &Column, known: &Catalogue) -> Effect {
    let mut e = Effect::new(&column.table, Lock::AccessExclusive);
    e = match &column.default {
        _ if column.generated => e.rewriting(Sure::Yes),
        Default_::Each => e.rewriting(Sure::Yes),
        _ if known.types.get(&column.of.name).is_some_and(|t| t.ruled) && !column.of.array => e.rewriting(Sure::Yes),
        Default_::Calls(function) => e.rewriting(Sure::Unless(format!("{function}() is not volatile"))),
        _ if column.of.may_be_domain() && !known.types.contains_key(&column.of.name) => {
            e.rewriting(Sure::Unless(format!("{} is no domain with a rule", column.of)))
        }
        Default_::None | Default_::Same if column.check || column.unique => e.scanning(Sure::Yes),
        Default_::None | Default_::Same => e,
    };
    match &column.references {
        Some(to) => {
            let scan = column.default != Default_::None;
            if scan && e.scan == Sure::No {
                e = e.scanning(Sure::Yes);
            }
            e.and(to, Lock::ShareRowExclusive)
        }
        None => e,
    }
}

/// A column of another type: whether its rows are written anew, and else what else hangs on it.
fn retyped(action: &Action, known: &Catalogue) -> Option<Effect> {
    let Action::AlterType { table, column, to, using, collated } = action else { return None };
    let from = known.table(table).and_then(|t| t.columns.get(column)).and_then(|t| types::Type::parse(t));
    let same = from.as_ref() == Some(to);
    let (from, to) = (from.map(|from| known.held(from)), known.plain(to.clone()));
    let rewrite = match &from {
        _ if *using => Sure::Yes,
        _ if same => Sure::No,
        // Each value is held against its rules.
        _ if known.types.get(&to.name).is_some_and(|own| own.ruled) && !to.array => Sure::Yes,
        Some(from) => types::rewrites(from, &to, known.is_utc()),
        None => types::may_rewrite(&to),
    };
    let reorders = *collated || from.is_some_and(|from| types::reorders(&from, &to));
    let e = Effect::new(table, Lock::AccessExclusive).rewriting(rewrite);
    if e.rewrite == Sure::Yes {
        return Some(e);
    }
    Some(match hangs_on(table, column, known) {
        Some((scan @ Sure::Yes, why)) => e.scanning(scan).since(why),
        _ if reorders && e.rewrite == Sure::No => {
            let stays = Sure::Unless(format!("no index has {column}, or its order stays"));
            e.scanning(stays).since("its indexes are built anew".to_string())
        }
        Some((scan, why)) if e.rewrite == Sure::No => e.scanning(scan).since(why),
        _ => e,
    })
}

/// What PostgreSQL does anew for any new type of a column: a check is held against every row, and an index with an expression
/// or a condition is never kept.
fn hangs_on(table: &str, column: &str, known: &Catalogue) -> Option<(Sure, String)> {
    let table = known.table(table)?;
    let computed = |i: &Index| i.computed && i.columns.iter().any(|c| c == column);
    let valid = |c: &Constraint| matches!(c, Constraint::Check { valid: true, .. });
    let silent = |c: &Constraint| matches!(c, Constraint::Check { valid: true, not_null, columns } if not_null.is_empty() && columns.is_empty());
    let mut checks = table.constraints.iter();
    if let Some((name, _)) = checks.find(|(_, c)| valid(c) && c.speaks_of(column)) {
        return Some((Sure::Yes, format!("its check {name} is held against every row")));
    }
    if let Some((name, _)) = table.indexes.iter().find(|(_, i)| computed(i)) {
        return Some((Sure::Yes, format!("its index {name} is built anew")));
    }
    let (name, _) = table.constraints.iter().find(|(_, c)| silent(c))?;
    let case = format!("{name} says nothing of {column}");
    Some((Sure::Unless(case), "its checks are held against every row".to_string()))
}

/// A primary key sets its columns NOT NULL, for which all rows are read where that is not known already.
fn not_null_by(table: &str, index: &str, known: &Catalogue) -> Sure {
    let entry = known.table(table);
    let columns = entry.and_then(|t| t.indexes.get(index)).map_or(&[][..], |i| &i.columns);
    let open: Vec<&str> = columns.iter().filter(|c| !known.is_not_null(table, c)).map(String::as_str).collect();
    let nullable = |c: &&&str| entry.is_some_and(|t| t.not_null.get(**c) == Some(&false));
    match (columns, open.as_slice()) {
        ([], _) => Sure::Unless(format!("the columns of {index} are NOT NULL, or valid checks say so")),
        (_, []) => Sure::No,
        (_, open) if open.iter().any(|c| nullable(&c)) => Sure::Yes,
        (_, open) => Sure::Unless(format!("{} is NOT NULL, or a valid check says so", open.join(", "))),
    }
}

fn constrained(table: &str, of: &Constraint, at_once: bool) -> Effect {
    let scan = if at_once { Sure::No } else { Sure::Yes };
    match of {
        Constraint::ForeignKey { to, .. } => {
            Effect::new(table, Lock::ShareRowExclusive).scanning(scan).and(to, Lock::ShareRowExclusive)
        }
        _ => Effect::new(table, Lock::AccessExclusive).scanning(scan),
    }
}
