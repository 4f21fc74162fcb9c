//! What a statement takes away, and what versions that still run stumble over.
use super::Look;
use crate::compat::Severity;
use crate::compat::sql::action::{Action, Column, Default_};
use crate::compat::sql::catalogue::Constraint;

impl Look<'_> {
    /// Rows, columns and tables that are gone.
    pub(super) fn destroys(&mut self, action: &Action) {
        match action {
            Action::DropTable { tables, cascade } => {
                for table in self.old(tables) {
                    let message = format!("drops {table}: rows and versions that need it are gone for good");
                    let advice = "stop using it in one release, and drop it in the next";
                    let others = self.known.pointing_at(&table).filter(|_| *cascade);
                    let keys: Vec<String> =
                        others.map(|t| format!("{t} loses its foreign key to {table}, and is locked for it")).collect();
                    let told = self.say("sql-drop-table", Severity::Critical, message, advice);
                    (told.affected, told.details) = (vec![table], keys);
                }
            }
            Action::DropColumn { table, column } if !self.is_new(table) => {
                let message = format!("drops {table}.{column}, which versions that still run may read");
                let advice = "stop reading and writing it in one release, and drop it in the next";
                let gone = format!("{table}.{column}");
                self.say("sql-drop-column", Severity::Critical, message, advice).affected = vec![gone];
                self.keys_of(table, column);
            }
            Action::Truncate { tables, cascade } => {
                let all = if *cascade { self.known.cascade(tables) } else { tables.clone() };
                let (with, named) = (self.old(&all[tables.len()..]), self.old(tables));
                let tables = [named.as_slice(), &with].concat();
                if !tables.is_empty() {
                    let and = if with.is_empty() || named.is_empty() { "" } else { ", and with it " };
                    let message = format!("empties {}{and}{}", named.join(", "), with.join(", "));
                    let advice = "a migration that deletes wants a person's word for it";
                    self.say("sql-truncate", Severity::Critical, message, advice).affected = tables;
                }
            }
            Action::Refresh { view, no_data: true, .. } => {
                let message = format!("empties {view}, which cannot be read until it is refreshed with data");
                self.say("sql-truncate", Severity::Critical, message, "leave out WITH NO DATA");
            }
            Action::Delete { table, all: true } if !self.is_new(table) => {
                let message = format!("deletes every row of {table}");
                let advice = "say which rows, and delete them in small batches";
                self.say("sql-delete-all", Severity::Critical, message, advice).affected = vec![table.clone()];
            }
            Action::Update { table, all: true } if !self.is_new(table) => {
                let severity = self.by_size(table);
                let message = format!("writes every row of {table} in one transaction, and holds each until its end");
                self.say("sql-update-all", severity, message, "fill in batches by key, each a transaction of its own");
            }
            Action::Detach { table, part, .. } | Action::NoInherit { table: part, parent: table }
                if !self.is_new(table) =>
            {
                let message = format!("the rows of {part} are no rows of {table} any more");
                let advice = "only when no version that runs asks for them";
                self.say("sql-detach-partition", Severity::Warning, message, advice);
            }
            _ => self.takes_away(action),
        }
    }

    /// What is no table, and whatever is taken away in one go.
    fn takes_away(&mut self, action: &Action) {
        let later = "drop it in the release after the last that uses it";
        match action {
            Action::DropSchema { names, cascade: true } => {
                for name in names {
                    let message = format!("drops the schema {name} with every table in it");
                    let advice = "drop its tables one by one, in the release after the last that uses them";
                    self.say("sql-drop-schema", Severity::Critical, message, advice).affected = vec![name.clone()];
                }
            }
            Action::DropSchema { names, cascade: false } => {
                let message = format!("takes away the schema {}, if nothing is in it", names.join(", "));
                self.say("sql-drop-object", Severity::Warning, message, later);
            }
            Action::DropDatabase { name } => {
                let message = format!("drops the database {name} with everything in it");
                self.say("sql-drop-database", Severity::Critical, message, "no migration drops a database");
            }
            Action::DropOwned { of } => {
                let message = format!("drops every table and all else that {of} owns in this database");
                self.say("sql-drop-owned", Severity::Critical, message, "drop by name what is to go");
            }
            Action::ReassignOwned { of } => {
                let message = format!("every table that {of} owns is held under ACCESS EXCLUSIVE, in one transaction");
                self.say("sql-reassign-owned", Severity::Warning, message, "ALTER … OWNER TO, one by one");
            }
            Action::DropOther { what, columns: true } => {
                let message = format!("takes away {what} with every column of that type");
                self.say(
                    "sql-drop-cascade",
                    Severity::Critical,
                    message,
                    "leave out CASCADE, and drop by name what goes",
                );
            }
            Action::DropOther { what, columns: false } => {
                let message = format!("takes away {what}, which versions that still run may use");
                self.say("sql-drop-object", Severity::Warning, message, later);
            }
            Action::Revoke => {
                let message = "takes away rights that versions that still run may need".to_string();
                self.say(
                    "sql-revoke",
                    Severity::Warning,
                    message,
                    "only after the last version that needs them is gone",
                );
            }
            _ => {}
        }
    }

    /// Of a dropped column it may not be known whether a foreign key goes with it.
    fn keys_of(&mut self, table: &str, column: &str) {
        let key = |c: &Constraint| matches!(c, Constraint::ForeignKey { columns, .. } if columns.is_empty());
        let known = self.known.table(table).is_some_and(|t| !t.columns.is_empty());
        let unsaid = self.known.table(table).is_some_and(|t| t.constraints.values().any(key));
        if unsaid || !known {
            let message = format!(
                "if a foreign key goes with {column}, the table it points at is held under ACCESS EXCLUSIVE as well"
            );
            self.say("sql-lock-other-table", Severity::Info, message, "");
        }
    }

    /// Those that were there before.
    fn old(&self, tables: &[String]) -> Vec<String> {
        tables.iter().filter(|t| !self.is_new(t)).cloned().collect()
    }

    /// What versions that still run stumble over.
    pub(super) fn breaks(&mut self, action: &Action) {
        match action {
            Action::Rename { table, what, .. } if !self.is_new(table) => {
                let message = match *what {
                    "schema" => {
                        format!("moves {table} to another schema: every version that runs looks for it in the old")
                    }
                    _ => format!("renames {table}: every version that runs knows it by the old name"),
                };
                self.renames(message);
            }
            Action::RenameColumn { table, .. } if !self.is_new(table) => {
                self.renames(format!("renames a column of {table}: every version that runs knows it by the old name"));
            }
            Action::RenameOther { what } => {
                self.renames(format!("renames or moves {what}: every version that runs knows it by the old name"));
            }
            Action::AddColumn(c) if required(c) && !self.is_new(&c.table) => {
                let message = format!(
                    "{}.{} must have a value and has no default: rows that are there have none, and versions that run give none",
                    c.table, c.column
                );
                let advice = "give it a default, or add it nullable, fill it, and set NOT NULL in a later release";
                self.say("sql-column-required", Severity::Critical, message, advice);
            }
            Action::SetNotNull { table, column } if !self.is_new(table) => {
                let message = format!("{table}.{column} must have a value now: versions that still run may write none");
                let advice = "only after the last version that leaves it out is gone";
                self.say("sql-not-null-for-writers", Severity::Warning, message, advice);
            }
            Action::DropDefault { table, column } if !self.is_new(table) => {
                let message =
                    format!("{table}.{column} has no default any more: versions that still run may leave it out");
                let advice = "only after the last version that leaves it out is gone";
                self.say("sql-drop-default", Severity::Warning, message, advice);
            }
            Action::RowSecurity { table } if !self.is_new(table) => {
                let message =
                    format!("{table} shows a row only where a policy lets it: versions that still run may see none");
                self.say("sql-row-security", Severity::Warning, message, "make the policies for what runs first");
            }
            Action::AddEnumValue { of } => {
                let message =
                    format!("versions that still run may meet a value of {of} they do not know, and it stays");
                self.say("sql-enum-value-added", Severity::Info, message, "");
            }
            Action::DropConstraint { table, name } if !self.is_new(table) => {
                let known: Option<&Constraint> = self.known.table(table).and_then(|t| t.constraints.get(name));
                if known.is_none() {
                    let message = format!(
                        "if {name} is a foreign key, the table it points at is held under ACCESS EXCLUSIVE as well"
                    );
                    self.say("sql-lock-other-table", Severity::Info, message, "");
                }
            }
            _ => {}
        }
    }

    fn renames(&mut self, message: String) {
        let advice =
            "add the new beside the old, write both, and drop the old in a later release; or a view under the old name";
        self.say("sql-rename", Severity::Critical, message, advice);
    }
}

fn required(c: &Column) -> bool {
    c.not_null && c.default == Default_::None && !c.generated
}
