//! One form for the spellings of all drafts: a keyword belongs to the type it limits, and a schema that limits several
//! types, or combines, is a conjunction of its parts.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compat::spots::Document;

/// A place in the table of nodes.
pub type Id = usize;

/// A schema whose references are resolved.
#[derive(Debug, Clone)]
pub struct Schema {
    pub document: Document,
    pub(super) draft: Draft,
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
    /// What the form does not hold, with its place.
    pub(super) left_out: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

impl Draft {
    /// As its authors call it.
    pub fn word(self) -> &'static str {
        match self {
            Draft::D4 => "draft 4",
            Draft::D6 => "draft 6",
            Draft::D7 => "draft 7",
            Draft::D2019 => "2019-09",
            Draft::D2020 => "2020-12",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub pointer: String,
    pub shape: Shape,
    /// The schema that is the source of this node has a `default`.
    pub default: bool,
    /// Nodes with the same text are the same branch of a combination.
    pub text: String,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Everything is valid.
    Any,
    /// Nothing is.
    Never,
    Null,
    Boolean,
    Number(Number),
    String(Text),
    Enum(BTreeSet<String>),
    Const(String),
    Not(Id),
    Object(Box<Object>),
    Array(Box<Array>),
    Combined(How, Vec<Id>),
    /// `if`, `then`, `else`, as text.
    Conditional(String),
    /// Stands for another node.
    Ref(Id),
    /// A reference that leads out of the document.
    Remote(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    All,
    Any,
    One,
}

impl How {
    pub fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }
}

/// Whether a value of another type is refused, or passes.
pub(super) type Typed = bool;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Number {
    pub typed: Typed,
    pub integer: bool,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub exclusive_minimum: Option<f64>,
    pub exclusive_maximum: Option<f64>,
    /// Draft 4 has words where later drafts have numbers.
    pub open: (bool, bool),
    pub multiple_of: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    pub typed: Typed,
    pub min_length: Option<f64>,
    pub max_length: Option<f64>,
    pub pattern: Option<String>,
    pub format: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub typed: Typed,
    pub properties: BTreeMap<String, Id>,
    pub required: BTreeSet<String>,
    /// Pattern, what it says, in the order of the text.
    pub patterns: Vec<(String, Id)>,
    pub additional: Rest,
    pub unevaluated: Option<Id>,
    pub min_properties: Option<f64>,
    pub max_properties: Option<f64>,
    pub names: Option<Id>,
    pub needs: BTreeMap<String, BTreeSet<String>>,
    pub needs_schema: BTreeMap<String, Id>,
}

/// What is said of properties or items that are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Rest {
    #[default]
    Open,
    Closed,
    As(Id),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Array {
    pub typed: Typed,
    /// For all items.
    pub items: Option<Id>,
    /// For the first, the second, …
    pub tuple: Vec<Id>,
    pub additional: Rest,
    pub unevaluated: Option<Id>,
    pub min_items: Option<f64>,
    pub max_items: Option<f64>,
    pub unique: bool,
    pub contains: Option<Id>,
    pub min_contains: Option<f64>,
    pub max_contains: Option<f64>,
}

impl Shape {
    /// In the words of a message.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Never => "nothing",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number(n) if n.integer => "integer",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Enum(_) => "enum",
            Self::Const(_) => "const",
            Self::Not(_) => "not",
            Self::Object(_) => "object",
            Self::Array(_) => "array",
            Self::Combined(how, _) => how.keyword(),
            Self::Conditional(_) => "if",
            Self::Ref(_) | Self::Remote(_) => "$ref",
        }
    }
}

impl Shape {
    /// A type without any other demand, and all values of a list, or the only one, are of it.
    pub fn is_type_of(&self, listed: &Shape) -> bool {
        let bare = match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number(n) if *n == (Number { typed: true, integer: n.integer, ..Number::default() }) => self.word(),
            Self::String(t) if *t == (Text { typed: true, ..Text::default() }) => "string",
            _ => return false,
        };
        let is = |text: &String| match text.as_bytes().first() {
            Some(b'"') => bare == "string",
            Some(b't' | b'f') => bare == "boolean",
            Some(b'n') => bare == "null",
            Some(b'-' | b'0'..=b'9') => bare == "number" || bare == "integer" && text.parse::<i64>().is_ok(),
            _ => false,
        };
        match listed {
            Self::Enum(values) => values.iter().all(is),
            Self::Const(value) => is(value),
            _ => false,
        }
    }
}

impl Schema {
    /// The node itself, behind its references. A reference that only leads to itself says nothing.
    pub(super) fn node(&self, mut id: Id) -> (Id, &Node) {
        let mut left = self.nodes.len();
        while let Shape::Ref(to) = self.nodes[id].shape {
            if left == 0 {
                break;
            }
            (id, left) = (to, left - 1);
        }
        (id, &self.nodes[id])
    }

    pub(super) fn shape(&self, id: Id) -> &Shape {
        match &self.node(id).1.shape {
            Shape::Ref(_) => &Shape::Any,
            shape => shape,
        }
    }

    pub(super) fn pointer(&self, id: Id) -> &str {
        &self.nodes[id].pointer
    }
}

/// One spelling for equal values: keys in order, whole numbers without a point.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Number(n) => match n.as_f64() {
            Some(f) if f.fract() == 0.0 && f.abs() < 1e15 => format!("{f:.0}"),
            _ => n.to_string(),
        },
        Value::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(values) => {
            let sorted: BTreeMap<&String, String> = values.iter().map(|(k, v)| (k, canonical(v))).collect();
            let parts: Vec<String> = sorted.iter().map(|(k, v)| format!("{}:{v}", Value::from(k.as_str()))).collect();
            format!("{{{}}}", parts.join(","))
        }
        other => other.to_string(),
    }
}
