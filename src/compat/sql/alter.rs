//! `ALTER TABLE` and its many actions, and the other `ALTER`s.
use super::action::{Action, Column, Default_, is_default};
use super::catalogue::Constraint;
use super::cursor::{Cursor, skip_parens};
use super::lex::{Kind, Token};
use super::types::Type;
use super::{inner, speaks};

pub(super) fn table(mut c: Cursor) -> Vec<Action> {
    let opaque = |c: &Cursor| {
        let what: Vec<&str> = c.tokens.iter().take(6).map(|t| t.text.as_ref()).collect();
        Action::Opaque { what: what.join(" ") }
    };
    if c.eat("all in tablespace") {
        return vec![Action::Opaque { what: "alter table all in tablespace".to_string() }];
    }
    c.eat("if exists");
    c.eat("only");
    let Some(name) = c.relation() else { return vec![opaque(&c)] };
    c.eat("*");
    let parts = split(&c.tokens[c.at.min(c.tokens.len())..]);
    parts.into_iter().map(|part| action(&name, &mut Cursor::new(part)).unwrap_or_else(|| opaque(&c))).collect()
}

/// At commas outside of parentheses.
fn split<'a>(tokens: &'a [Token<'a>]) -> Vec<&'a [Token<'a>]> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0usize, 0);
    for (n, t) in tokens.iter().enumerate() {
        match t.text.as_ref() {
            "(" | "[" if t.kind == Kind::Sign => depth += 1,
            ")" | "]" if t.kind == Kind::Sign => depth = depth.saturating_sub(1),
            "," if t.kind == Kind::Sign && depth == 0 => {
                parts.push(&tokens[from..n]);
                from = n + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[from..]);
    parts
}

fn action(table: &str, c: &mut Cursor) -> Option<Action> {
    let table = table.to_string();
    let constraint =
        |t: &Token| ["constraint", "check", "unique", "primary", "foreign", "exclude"].iter().any(|w| t.is(w));
    Some(match c.word()? {
        "add" if c.peek().is_some_and(constraint) => add_constraint(table, c)?,
        "add" => {
            c.eat("column");
            let unless_there = c.eat("if not exists");
            add_column(table, unless_there, c)?
        }
        "drop" if c.eat("constraint") => {
            c.eat("if exists");
            Action::DropConstraint { table, name: c.name()? }
        }
        "drop" => {
            c.eat("column");
            c.eat("if exists");
            Action::DropColumn { table, column: c.name()? }
        }
        "alter" if c.eat("constraint") => Action::Instant { table },
        "alter" => {
            c.eat("column");
            alter_column(table, c)?
        }
        "rename" => renamed(table, c)?,
        "validate" => {
            c.eat("constraint");
            Action::Validate { table, name: c.name()? }
        }
        "attach" if c.eat("partition") => Action::Attach { table, part: c.relation()?, default: is_default(c) },
        "detach" if c.eat("partition") => {
            Action::Detach { table, part: c.relation()?, concurrently: c.ahead("concurrently") }
        }
        "set" | "reset" if c.peek().is_some_and(|t| t.is("(")) => Action::Light { table },
        "cluster" => Action::Light { table },
        "set" => set(table, c)?,
        "enable" | "disable" if c.eat_any(&["trigger", "always trigger", "replica trigger"]) => {
            Action::Trigger { table }
        }
        "enable" | "force" if c.eat("row level security") => Action::RowSecurity { table },
        "no" if c.eat("inherit") => Action::NoInherit { table, parent: c.relation()? },
        "owner" | "enable" | "disable" | "force" | "no" | "inherit" | "replica" | "of" | "not" | "depends" => {
            Action::Instant { table }
        }
        _ => return None,
    })
}

/// The table, one of its constraints, or one of its columns.
fn renamed(table: String, c: &mut Cursor) -> Option<Action> {
    if c.eat("to") {
        let name = c.name()?;
        let schema = table.rsplit_once('.').map_or(String::new(), |(schema, _)| format!("{schema}."));
        return Some(Action::Rename { table, what: "table", to: Some(schema + &name) });
    }
    let constraint = c.eat("constraint");
    if !constraint {
        c.eat("column");
    }
    let name = c.name()?;
    c.eat("to");
    let to = c.name()?;
    Some(match constraint {
        true => Action::RenameConstraint { table, name, to },
        false => Action::RenameColumn { table, column: name, to },
    })
}

fn set(table: String, c: &mut Cursor) -> Option<Action> {
    if c.eat("schema") {
        let schema = c.name()?;
        let name = table.rsplit_once('.').map_or(&*table, |(_, name)| name);
        let to = format!("{schema}.{name}");
        return Some(Action::Rename { table, what: "schema", to: Some(to) });
    }
    let rewrites = [
        ("tablespace", "SET TABLESPACE"),
        ("logged", "SET LOGGED or UNLOGGED"),
        ("unlogged", "SET LOGGED or UNLOGGED"),
        ("access method", "SET ACCESS METHOD"),
    ];
    if let Some((_, what)) = rewrites.into_iter().find(|(words, _)| c.eat(words)) {
        return Some(Action::Rewrite { table, what });
    }
    Some(if c.eat("without cluster") { Action::Light { table } } else { Action::Instant { table } })
}

fn alter_column(table: String, c: &mut Cursor) -> Option<Action> {
    let column = c.name()?;
    if c.eat("set data type") || c.eat("type") {
        let to = Type::read(c);
        let collated = c.eat("collate") && c.name().is_some();
        let using = c.eat("using") && !is_cast(c, &column, &to);
        return Some(Action::AlterType { table, column, to, using, collated });
    }
    if c.eat("set not null") {
        return Some(Action::SetNotNull { table, column });
    }
    if c.eat_any(&["set statistics", "set (", "reset ("]) {
        return Some(Action::Light { table });
    }
    if c.eat("drop default") {
        return Some(Action::DropDefault { table, column });
    }
    if c.eat("drop not null") {
        return Some(Action::DropNotNull { table, column });
    }
    Some(Action::Instant { table })
}

/// `USING c`, `c::type`, `CAST(c AS type)` say no more than the type itself, in brackets or not.
fn is_cast(c: &Cursor, column: &str, to: &Type) -> bool {
    says_the_same(&c.tokens[c.at..], column, to, 0)
}

fn says_the_same(tokens: &[Token], column: &str, to: &Type, depth: usize) -> bool {
    // People write one or two brackets.
    if depth > 8 {
        return false;
    }
    let whole = |tokens: &[Token]| {
        let mut c = Cursor::new(tokens);
        skip_parens(&mut c) && c.peek().is_none()
    };
    let of_type = |tokens: &[Token]| {
        let mut c = Cursor::new(tokens);
        Type::read(&mut c) == *to && c.peek().is_none()
    };
    let inside = |tokens: &[Token]| says_the_same(tokens, column, to, depth + 1);
    let mut c = Cursor::new(tokens);
    if c.name().as_deref() == Some(column) && c.peek().is_none() {
        return true;
    }
    match tokens {
        [_, inner @ .., _] if whole(tokens) => inside(inner),
        [cast, rest @ ..] if cast.is("cast") && whole(rest) => {
            let inner = &rest[1..rest.len() - 1];
            matches!(inner::parts(inner, "as")[..], [value, kind] if inside(value) && of_type(kind))
        }
        _ => {
            let at = tokens.windows(2).rposition(|two| two[0].is(":") && two[1].is(":"));
            at.is_some_and(|at| inside(&tokens[..at]) && of_type(&tokens[at + 2..]))
        }
    }
}

fn add_column(table: String, unless_there: bool, c: &mut Cursor) -> Option<Action> {
    let mut column = Column { table, column: c.name()?, unless_there, ..Column::default() };
    column.of = Type::read(c);
    if matches!(column.of.name.as_str(), "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2") {
        (column.default, column.not_null) = (Default_::Each, true);
    }
    while let Some(token) = c.peek() {
        if c.eat("not null") {
            column.not_null = true;
        } else if c.eat("default") {
            column.default = default(c);
        } else if c.eat("primary key") {
            (column.unique, column.not_null) = (true, true);
        } else if c.eat("unique") {
            column.unique = true;
        } else if c.eat("check") {
            column.check = true;
            skip_parens(c);
        } else if c.eat("references") {
            column.references = c.relation();
        } else if c.eat("generated") {
            column.generated |= c.tokens[c.at..].iter().any(|t| t.is("stored"));
            if c.tokens[c.at..].iter().any(|t| t.is("identity")) {
                (column.default, column.not_null) = (Default_::Each, true);
            }
            while c.peek().is_some_and(|t| !t.is("(")) {
                c.at += 1;
            }
            skip_parens(c);
        } else {
            let _ = token;
            c.at += 1;
        }
    }
    Some(Action::AddColumn(Box::new(column)))
}

/// Functions that give one value within a statement, or always. Others may give each row its own.
const STEADY: &[&str] = &[
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "date_trunc",
    "to_timestamp",
    "to_date",
    "lower",
    "upper",
    "coalesce",
    "concat",
    "length",
    "round",
    "floor",
    "ceil",
    "abs",
    "jsonb_build_object",
    "json_build_object",
    "jsonb_build_array",
    "to_jsonb",
    "make_interval",
    "make_date",
    "current_setting",
    "md5",
    "array",
    "row",
    "cast",
    "numeric",
    "decimal",
    "varchar",
    "char",
    "character",
    "varying",
    "timestamp",
    "time",
    "interval",
    "bit",
];

/// Known to give each row its own.
const RESTLESS: &[&str] = &[
    "random",
    "gen_random_uuid",
    "uuid_generate_v4",
    "uuid_generate_v1",
    "uuidv7",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setval",
    "gen_random_bytes",
];

fn default(c: &mut Cursor) -> Default_ {
    let from = c.at;
    let ends = ["not", "null", "unique", "primary", "check", "references", "constraint", "generated", "collate"];
    let mut found = Default_::Same;
    if c.peek().is_some_and(|t| t.is("null")) {
        c.at += 1;
        return Default_::None;
    }
    while let Some(t) = c.peek() {
        if c.at > from && t.kind == Kind::Word && ends.contains(&t.text.as_ref()) {
            break;
        }
        let calls = is_call(c);
        if calls && RESTLESS.contains(&t.text.as_ref()) {
            found = Default_::Each;
        } else if calls && !STEADY.contains(&t.text.as_ref()) && found != Default_::Each {
            found = Default_::Calls(t.text.to_string());
        }
        if t.is("(") {
            // Calls inside count as well.
            let inside = c.at;
            skip_parens(c);
            let mut inner = Cursor { tokens: &c.tokens[inside + 1..c.at.saturating_sub(1).max(inside + 1)], at: 0 };
            while inner.peek().is_some() {
                match default_part(&mut inner) {
                    Default_::Same | Default_::None => {}
                    Default_::Each => found = Default_::Each,
                    calls if found != Default_::Each => found = calls,
                    _ => {}
                }
            }
            continue;
        }
        c.at += 1;
    }
    found
}

/// A name before a parenthesis, in quotes or not.
fn is_call(c: &Cursor) -> bool {
    let named = c.peek().is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted));
    named && c.tokens.get(c.at + 1).is_some_and(|n| n.is("("))
}

/// The next token inside of parentheses.
fn default_part(c: &mut Cursor) -> Default_ {
    let Some(t) = c.peek() else { return Default_::Same };
    let calls = is_call(c);
    c.at += 1;
    match t.text.as_ref() {
        name if calls && RESTLESS.contains(&name) => Default_::Each,
        name if calls && !STEADY.contains(&name) => Default_::Calls(name.to_string()),
        _ => Default_::Same,
    }
}

fn add_constraint(table: String, c: &mut Cursor) -> Option<Action> {
    let name = if c.eat("constraint") { c.name() } else { None };
    let of = match c.word()? {
        "check" => Constraint::Check { valid: true, not_null: speaks::not_null(c), columns: speaks::of_check(c) },
        "unique" => Constraint::Unique,
        "primary" => Constraint::PrimaryKey,
        "exclude" => Constraint::Exclude,
        "foreign" => {
            c.eat("key");
            let columns = speaks::of_key(c);
            c.eat("references");
            Constraint::ForeignKey { valid: true, to: c.relation()?, columns }
        }
        _ => return None,
    };
    let not_valid = has(c, "not valid");
    Some(Action::AddConstraint { table, name, of, not_valid, using_index: speaks::index_used(c) })
}

fn has(c: &Cursor, words: &str) -> bool {
    (0..c.tokens.len()).any(|at| Cursor { tokens: c.tokens, at }.eat(words))
}

/// What may be renamed, or moved to another schema, under the feet of versions that run.
const NAMED: [&str; 14] = [
    "materialized view",
    "view",
    "function",
    "procedure",
    "routine",
    "aggregate",
    "schema",
    "sequence",
    "domain",
    "database",
    "role",
    "user",
    "group",
    "extension",
];

/// `ALTER MATERIALIZED VIEW`, which does what `ALTER TABLE` does, unless it only changes the name.
pub(super) fn is_view_of_rows(c: &mut Cursor) -> bool {
    !c.ahead("rename") && !has(c, "set schema") && c.eat("alter materialized view")
}

pub(super) fn other(c: &mut Cursor) -> Option<Action> {
    if c.eat("type") {
        return of_type(c);
    }
    if c.eat_any(&["policy", "trigger", "rule"]) {
        return Some(Action::Instant { table: inner::after(c, "on").first()?.clone() });
    }
    if c.eat("system") {
        return Some(Action::Alone);
    }
    if c.eat("index") {
        return of_index(c);
    }
    if let Some(kind) = NAMED.iter().find(|kind| c.eat(kind)) {
        c.eat("if exists");
        let name = c.name()?;
        if *kind == "database" && has(c, "set tablespace") {
            return Some(Action::Opaque { what: "alter database … set tablespace".to_string() });
        }
        if c.ahead("rename") || has(c, "set schema") {
            return Some(Action::RenameOther { what: format!("the {kind} {name}") });
        }
        if *kind == "domain" && (c.eat("set not null") || c.eat("validate")) {
            return Some(Action::RuleDomain { name, reads: true });
        }
        if *kind == "domain" && c.eat("add") {
            return Some(Action::RuleDomain { name, reads: !has(c, "not valid") });
        }
    }
    Some(Action::Harmless)
}

fn of_index(c: &mut Cursor) -> Option<Action> {
    if c.eat("all in tablespace") {
        return Some(Action::Opaque { what: "alter index all in tablespace".to_string() });
    }
    c.eat("if exists");
    let name = c.name()?;
    if c.eat("rename to") {
        return Some(Action::RenameIndex { to: c.name()?, name });
    }
    Some(if c.eat("set tablespace") { Action::MoveIndex { name } } else { Action::Harmless })
}

fn of_type(c: &mut Cursor) -> Option<Action> {
    let of = c.name()?;
    // Tables of that type change with it; which there are is not known here.
    if c.ahead("cascade") && (has(c, "alter attribute") || has(c, "add attribute")) {
        return Some(Action::Opaque { what: format!("alter type {of} … attribute … cascade") });
    }
    Some(if c.eat("add value") {
        Action::AddEnumValue { of }
    } else if c.eat("rename value") {
        Action::RenameOther { what: format!("a value of the type {of}") }
    } else if c.eat("rename attribute") {
        Action::RenameOther { what: format!("an attribute of the type {of}") }
    } else if c.ahead("rename") || has(c, "set schema") {
        Action::RenameOther { what: format!("the type {of}") }
    } else if has(c, "drop attribute") {
        Action::DropOther { what: format!("an attribute of the type {of}"), columns: true }
    } else {
        Action::Harmless
    })
}
