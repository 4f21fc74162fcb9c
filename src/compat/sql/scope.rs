//! Which table is meant: one of this connection alone comes first, and then the schemas of the search path.
use super::action::Action;
use super::catalogue::{Catalogue, Constraint};

/// The schema of tables that only this connection sees.
pub(super) const TEMPORARY: &str = "pg_temp.";

/// Gives each table of an action the name it is known by: with its schema, but for `public`.
pub(super) fn settle(action: &mut Action, known: &Catalogue) {
    let makes = matches!(action, Action::CreateTable { .. });
    let mut first = true;
    each(action, &mut |name| {
        *name = meant(name, known, makes && first);
        first = false;
    });
    if let Action::Rename { table, what, to: Some(to) } = action {
        let schema = table.rsplit_once('.').map(|(schema, _)| schema).filter(|_| *what == "table");
        *to = match schema {
            Some(schema) if !to.contains('.') => format!("{schema}.{to}"),
            _ => to.strip_prefix("public.").unwrap_or(to).to_string(),
        };
    }
}

/// One that is made goes into the first schema; any other is where it is found first.
fn meant(name: &str, known: &Catalogue, makes: bool) -> String {
    if let Some(plain) = name.strip_prefix("public.") {
        return plain.to_string();
    }
    if name.contains('.') {
        return name.to_string();
    }
    let temporary = format!("{TEMPORARY}{name}");
    if !makes && known.table(&temporary).is_some() {
        return temporary;
    }
    let Some(path) = known.session.path.now() else { return name.to_string() };
    let within = |schema: &String| match schema.as_str() {
        "public" => name.to_string(),
        _ => format!("{schema}.{name}"),
    };
    let found = path.iter().map(within).find(|name| makes || known.table(name).is_some());
    found.unwrap_or_else(|| match path.iter().any(|schema| schema == "public") {
        true => name.to_string(),
        false => path.first().map_or(name.to_string(), within),
    })
}

/// Every name of a table in it; of one that is made, that first.
fn each(action: &mut Action, look: &mut dyn FnMut(&mut String)) {
    match action {
        Action::CreateTable { table, parent, points, .. } => {
            look(table);
            parent.iter_mut().chain(points).for_each(look);
        }
        Action::DropTable { tables, .. }
        | Action::Truncate { tables, .. }
        | Action::Vacuum { tables, .. }
        | Action::Lock { tables, .. } => tables.iter_mut().for_each(look),
        Action::AddColumn(column) => {
            look(&mut column.table);
            column.references.iter_mut().for_each(look);
        }
        Action::AddConstraint { table, of, .. } => {
            look(table);
            if let Constraint::ForeignKey { to, .. } = of {
                look(to);
            }
        }
        Action::NoInherit { table, parent: other }
        | Action::Attach { table, part: other, .. }
        | Action::Detach { table, part: other, .. } => {
            look(table);
            look(other);
        }
        Action::Reindex { what, name, .. } if what == "table" => look(name),
        Action::Refresh { view, .. } => look(view),
        Action::Cluster { table } => table.iter_mut().for_each(look),
        Action::Rename { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::RenameConstraint { table, .. }
        | Action::AlterType { table, .. }
        | Action::SetNotNull { table, .. }
        | Action::DropNotNull { table, .. }
        | Action::DropDefault { table, .. }
        | Action::RowSecurity { table }
        | Action::Instant { table }
        | Action::Light { table }
        | Action::Rewrite { table, .. }
        | Action::Validate { table, .. }
        | Action::DropConstraint { table, .. }
        | Action::CreateIndex { table, .. }
        | Action::Trigger { table }
        | Action::DropTrigger { table }
        | Action::Update { table, .. }
        | Action::Delete { table, .. } => look(table),
        _ => {}
    }
}
