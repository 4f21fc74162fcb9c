//! Types of columns, and whether a change from one to another writes every row anew.
use super::cursor::{Cursor, skip_parens};
use super::lex::{self, Kind};
use super::predict::Sure;

/// Under the one name PostgreSQL itself uses, with what stands in parentheses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Type {
    pub name: String,
    pub of: Vec<u32>,
    pub array: bool,
}

const NAMES: &[(&str, &str)] = &[
    ("character varying", "varchar"),
    ("char varying", "varchar"),
    ("character", "char"),
    ("bpchar", "char"),
    ("integer", "int"),
    ("int4", "int"),
    ("int8", "bigint"),
    ("int2", "smallint"),
    ("bigserial", "bigserial"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("double precision", "float8"),
    ("real", "float4"),
    ("boolean", "bool"),
    ("bit varying", "varbit"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
];

impl Type {
    pub fn read(c: &mut Cursor) -> Self {
        let Some(mut name) = c.name() else { return Self::default() };
        for more in ["varying", "precision"] {
            if c.eat(more) {
                name = format!("{name} {more}");
            }
        }
        let from = c.at;
        let mut of = Vec::new();
        if skip_parens(c) {
            let numbers = c.tokens[from..c.at].iter().filter(|t| t.kind == Kind::Number);
            of = numbers.filter_map(|t| t.text.parse().ok()).collect();
        }
        for more in ["with time zone", "without time zone"] {
            if c.eat(more) {
                name = format!("{name} {more}");
            }
        }
        // `interval day to second` holds less than `interval`.
        let field =
            |t: &&lex::Token| ["year", "month", "day", "hour", "minute", "second", "to"].iter().any(|word| t.is(word));
        while let Some(word) = c.peek().filter(|_| name.starts_with("interval")).filter(field) {
            name = format!("{name} {}", word.text);
            c.at += 1;
            let from = c.at;
            if skip_parens(c) {
                let digits = c.tokens[from..c.at].iter().filter(|t| t.kind == Kind::Number);
                of = digits.filter_map(|t| t.text.parse().ok()).collect();
            }
        }
        // Seconds are the smallest part, and larger ones are never cut off.
        if name.starts_with("interval") && name.ends_with("second") {
            name = "interval".to_string();
        }
        let array = c.eat("[") || c.eat("array");
        while c.peek().is_some_and(|t| t.is("[") || t.is("]") || t.kind == Kind::Number) {
            c.at += 1;
        }
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        // `bpchar` without a number holds any length, under whatever name the others hold one.
        if of.is_empty() && matches!(name, "char" | "character") {
            of = vec![1];
        }
        let name = NAMES.iter().find(|(n, _)| *n == name).map_or(name, |(_, n)| n).to_string();
        Self { name, of, array }
    }

    /// From a catalogue.
    pub fn parse(text: &str) -> Option<Self> {
        let statements = lex::statements(text).ok()?;
        let tokens = &statements.first()?.tokens;
        Some(Self::read(&mut Cursor::new(tokens)))
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if !self.of.is_empty() {
            let of: Vec<String> = self.of.iter().map(ToString::to_string).collect();
            write!(f, "({})", of.join(","))?;
        }
        if self.array { f.write_str("[]") } else { Ok(()) }
    }
}

/// Types that come with PostgreSQL or with extensions that are in use everywhere: none of them is a domain.
const COMMON: &[&str] = &[
    "bigint",
    "bigserial",
    "bit",
    "bool",
    "box",
    "bytea",
    "char",
    "cidr",
    "circle",
    "citext",
    "date",
    "datemultirange",
    "daterange",
    "float",
    "float4",
    "float8",
    "geography",
    "geometry",
    "halfvec",
    "hstore",
    "inet",
    "int",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "ltree",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallint",
    "smallserial",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uuid",
    "varbit",
    "varchar",
    "vector",
    "xid",
    "xid8",
    "xml",
];

impl Type {
    /// Whose type it is nobody knows: it may be a domain. An array of domains is none.
    pub fn may_be_domain(&self) -> bool {
        !self.array && !self.name.starts_with("interval") && !COMMON.contains(&self.name.as_str())
    }
}

/// Whether the change rewrites, where the old type is known.
pub(super) fn rewrites(from: &Type, to: &Type, utc: Option<bool>) -> Sure {
    if from == to {
        return Sure::No;
    }
    // Each element of an array is converted, even where nothing changes in it; only a length that is given up needs none.
    if from.array || to.array {
        let freed = from.array && to.array && from.name == to.name && to.of.is_empty();
        return if freed { Sure::No } else { Sure::Yes };
    }
    let (a, b) = (from.of.first(), to.of.first());
    let grows = match (a, b) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => b >= a,
    };
    let fine = match (from.name.as_str(), to.name.as_str()) {
        ("varchar" | "text", "text") => true,
        ("varchar", "varchar") | ("varbit", "varbit") => grows,
        ("text", "varchar") | ("varchar" | "text" | "char", "char") => to.of.is_empty(),
        // By the casts of its extension; an index has another order.
        ("citext", "text" | "varchar") | ("text" | "varchar", "citext") => to.of.is_empty(),
        ("numeric", "numeric") => {
            to.of.is_empty() || (grows && from.of.get(1).unwrap_or(&0) == to.of.get(1).unwrap_or(&0))
        }
        // Without a number it is 6, the most there is.
        ("timestamp", "timestamp")
        | ("timestamptz", "timestamptz")
        | ("time", "time")
        | ("timetz", "timetz")
        | ("interval", "interval") => b.unwrap_or(&6) >= a.unwrap_or(&6),
        // The same bytes under another name.
        ("bit", "varbit") | ("xml", "text" | "varchar") => to.of.is_empty(),
        ("int" | "oid" | "regclass", "int" | "oid" | "regclass") => true,
        // What holds fewer parts of an interval fits where all are held.
        (part, "interval") if part.starts_with("interval ") => b.unwrap_or(&6) >= a.unwrap_or(&6),
        ("cidr", "inet") => true,
        // To fewer digits than 6 it is rounded, and so each row is looked at, even if it has no more.
        ("timestamp", "timestamptz") | ("timestamptz", "timestamp") if b.unwrap_or(&6) == &6 => {
            return match utc {
                Some(true) => Sure::No,
                Some(false) => Sure::Yes,
                None => Sure::Unless("the session's TimeZone is UTC".to_string()),
            };
        }
        _ => false,
    };
    if fine { Sure::No } else { Sure::Yes }
}

/// Whether an index is built anew although the rows stay: its order is kept under the type's own name.
pub(super) fn reorders(from: &Type, to: &Type) -> bool {
    let family = |of: &Type| match of.name.as_str() {
        "timestamp" => 1,
        "timestamptz" => 2,
        "int" => 3,
        "oid" | "regclass" => 4,
        "bit" => 5,
        "varbit" => 6,
        "citext" => 7,
        "char" => 8,
        _ => 0,
    };
    family(from) != family(to)
}

/// Whether it rewrites, where the old type is not known.
pub(super) fn may_rewrite(to: &Type) -> Sure {
    Sure::Unless(match to.name.as_str() {
        "text" => "the column is varchar".to_string(),
        "varchar" => format!(
            "the column is varchar of at most {}",
            to.of.first().map_or("any length".to_string(), u32::to_string)
        ),
        "char" if to.of.is_empty() => "the column is char, varchar or text".to_string(),
        "numeric" => "the column is numeric with the same scale and no more digits".to_string(),
        "timestamptz" => "the column is timestamp and the session's TimeZone is UTC".to_string(),
        "inet" => "the column is cidr".to_string(),
        "bigint" | "int" | "smallint" | "uuid" | "bool" | "jsonb" | "json" | "date" | "float8" | "float4" => {
            return Sure::Yes;
        }
        other => format!("the column is {other} already"),
    })
}
