//! A parsed schema: types in one table, so that names that refer to each other in a circle are only numbers.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::compat::spots::Document;

/// A place in the table of types.
pub type Id = usize;

/// A schema whose names are resolved.
#[derive(Debug, Clone)]
pub struct Schema {
    pub document: Document,
    pub(super) types: Vec<Type>,
    pub(super) root: Id,
}

#[derive(Debug, Clone)]
pub(super) struct Type {
    /// Where it is defined; a name refers to its definition.
    pub pointer: String,
    pub kind: Kind,
    pub logical: Option<Logical>,
}

/// What the bytes mean beyond their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logical {
    pub name: String,
    /// Digits in all and after the point, of a decimal.
    pub decimal: Option<(u64, u64)>,
}

impl fmt::Display for Logical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimal {
            Some((precision, scale)) => write!(f, "{}({precision},{scale})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    pub const ALL: [(&str, Self); 8] = [
        ("null", Self::Null),
        ("boolean", Self::Boolean),
        ("int", Self::Int),
        ("long", Self::Long),
        ("float", Self::Float),
        ("double", Self::Double),
        ("bytes", Self::Bytes),
        ("string", Self::String),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, p)| *p)
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, p)| *p == self).map_or("", |(n, _)| n)
    }

    /// Whether what was written as `writer` can be read as this.
    pub fn reads(self, writer: Self) -> bool {
        use Primitive::{Bytes, Double, Float, Int, Long, String};
        self == writer
            || matches!(
                (self, writer),
                (Long, Int) | (Float, Int | Long) | (Double, Int | Long | Float) | (Bytes, String) | (String, Bytes)
            )
    }
}

/// Full name, and the last part of it, which is what readers and writers are matched by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub full: String,
    pub aliases: BTreeSet<String>,
}

impl Name {
    pub fn short(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or(&self.full)
    }

    /// The reference compares names without namespace, and a reader's aliases with it.
    pub fn reads(&self, writer: &Self) -> bool {
        self.short() == writer.short() || self.aliases.contains(&writer.full)
    }
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Primitive(Primitive),
    Array(Id),
    Map(Id),
    Fixed { name: Name, size: u64 },
    Enum { name: Name, symbols: Vec<String>, default: Option<String> },
    Record { name: Name, fields: Vec<Field> },
    Union(Union),
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub pointer: String,
    pub name: String,
    pub aliases: Vec<String>,
    pub of: Id,
    pub default: Option<Value>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Union {
    pub branches: Vec<Id>,
    /// Branches by short name and by alias, so that large unions are not searched through.
    pub by_name: BTreeMap<String, Vec<usize>>,
    pub unnamed: Vec<usize>,
}

impl Kind {
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Fixed { name, .. } | Self::Enum { name, .. } | Self::Record { name, .. } => Some(name),
            _ => None,
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Primitive(p) => p.name(),
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Fixed { .. } => "fixed",
            Self::Enum { .. } => "enum",
            Self::Record { .. } => "record",
            Self::Union(_) => "union",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {}", self.word(), name.full),
            None => f.write_str(self.word()),
        }
    }
}

impl Schema {
    pub(super) fn kind(&self, id: Id) -> &Kind {
        &self.types[id].kind
    }

    pub(super) fn pointer(&self, id: Id) -> &str {
        &self.types[id].pointer
    }
}
