//! A schema as one flat thing: `allOf` merged, `nullable`, boolean bounds and `oneOf` with null in one spelling.
use std::collections::BTreeMap;

use serde_json::Number;

use super::kind::Limit;
pub use super::reader::read;
use super::types::Types;
use crate::compat::document::{NodeId, compare};

/// Schemas that must all hold; none at all is a schema that lets everything through.
pub type Conj = Vec<NodeId>;

/// Marks a schema in a [`Conj`] whose `oneOf` and `anyOf` are looked at elsewhere. The marks are far above the number of
/// values a library can hold.
pub const NO_GROUPS: NodeId = 1 << 31;
/// The same for `if` and `dependentSchemas`.
pub const NO_CONDITIONS: NodeId = 1 << 30;
/// A part of an `allOf`, whose `nullable` does not speak for the whole.
pub(super) const PART: NodeId = 1 << 29;
/// Where the types begin whose values are looked at elsewhere: see [`without`].
const TYPES: u32 = 22;
/// The bits that are the schema itself.
pub const PLAIN: NodeId = (1 << TYPES) - 1;
/// What is put together beside what was read, such as the bodies of Swagger 2, stays far below what was read.
const _: () = assert!(PLAIN as usize > 2 * crate::compat::document::MAX_NODES);

/// Marks a schema of which values of these types are looked at elsewhere: null, which a choice lets through as a whole
/// whichever alternative names it, or all other types, where a schema is compared type by type.
pub fn without(types: Types) -> NodeId {
    NodeId::from(types.bits()) << TYPES
}

/// The types that such a mark takes away.
pub(super) fn taken(marked: NodeId) -> Types {
    Types::of_bits(marked >> TYPES)
}

/// A number's number, and whether it is itself left out.
#[derive(Debug, Clone)]
pub struct Bound {
    pub value: Number,
    pub exclusive: bool,
    pub at: NodeId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    OneOf,
    AnyOf,
}

impl GroupKind {
    pub fn word(self) -> &'static str {
        match self {
            GroupKind::OneOf => "oneOf",
            GroupKind::AnyOf => "anyOf",
        }
    }
}

/// A `oneOf` or `anyOf`.
#[derive(Debug, Clone)]
pub struct Group {
    pub kind: GroupKind,
    pub at: NodeId,
    pub branches: Vec<NodeId>,
}

/// A `contains`, and how many items it is about. Those of several `allOf`s hold each for itself.
#[derive(Debug, Clone)]
pub struct Contains {
    pub at: NodeId,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
}

/// The values of `enum` and `const`: those that all of them have.
#[derive(Debug, Clone)]
pub struct Allowed {
    pub at: NodeId,
    pub values: Vec<NodeId>,
    /// A `const` says it.
    pub constant: bool,
}

/// `if`, or one of `dependentSchemas`: what it adds, and when.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What tells it from others of the same schema.
    pub name: String,
    pub at: NodeId,
    /// What must hold in addition in one case or the other, and the keyword that says it.
    pub adds: Vec<(&'static str, NodeId)>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Shape<'a> {
    pub at: NodeId,
    /// Values of some types are looked at elsewhere, null among them or others.
    pub null_elsewhere: bool,
    pub by_type: bool,
    /// The schemas that were merged, without references between them.
    pub parts: Vec<NodeId>,
    pub types: TypesOf,
    pub formats: Vec<NodeId>,
    /// Whether null is allowed, and where it is said; none where nothing is said of types at all.
    pub null: Option<(bool, NodeId)>,
    pub allowed: Option<Allowed>,
    pub extensible: Option<NodeId>,
    pub limits: BTreeMap<Limit, Bound>,
    pub patterns: Vec<NodeId>,
    pub multiples: Vec<NodeId>,
    pub unique: Option<NodeId>,
    pub properties: BTreeMap<&'a str, Conj>,
    pub required: BTreeMap<&'a str, NodeId>,
    pub additional: Conj,
    pub items: Conj,
    pub prefix: Vec<Conj>,
    pub contains: Vec<Contains>,
    pub names: Conj,
    pub unevaluated: BTreeMap<&'a str, Conj>,
    pub groups: Vec<Group>,
    pub nots: Conj,
    pub conditions: Vec<Condition>,
    pub dependent_required: BTreeMap<&'a str, BTreeMap<&'a str, NodeId>>,
    pub pattern_properties: BTreeMap<&'a str, Conj>,
    pub default: Option<NodeId>,
    pub read_only: Option<NodeId>,
    pub write_only: Option<NodeId>,
    pub deprecated: Option<NodeId>,
    pub sunset: Option<NodeId>,
    pub stability: Option<NodeId>,
    pub encoding: Option<NodeId>,
    pub media: Option<NodeId>,
    pub content_schema: Conj,
    pub discriminator: Option<NodeId>,
    /// The schema that has the discriminator, where it is this one and not one it inherits from.
    pub parent: Option<NodeId>,
    /// Keywords that are met and not compared.
    pub residual: BTreeMap<&'a str, NodeId>,
    /// Keywords with a value they cannot have, and why; what they would say is not known.
    pub odd: BTreeMap<&'a str, (NodeId, &'static str)>,
    /// What is no keyword at all.
    pub unknown: BTreeMap<&'a str, NodeId>,
    /// `$ref`s that lead nowhere.
    pub dangling: Vec<NodeId>,
    /// More `allOf`s than are merged.
    pub cut: bool,
}

/// The types, and where they are said.
#[derive(Debug, Clone, Copy)]
pub struct TypesOf {
    pub set: Types,
    pub at: Option<NodeId>,
}

impl Default for TypesOf {
    fn default() -> Self {
        TypesOf { set: Types::ANY, at: None }
    }
}

/// Greater: the first leaves less than the second.
pub fn tighter(limit: Limit, a: &Bound, b: &Bound) -> std::cmp::Ordering {
    let by_value = compare(&a.value, &b.value);
    let by_value = if limit.is_lower() { by_value } else { by_value.reverse() };
    by_value.then(a.exclusive.cmp(&b.exclusive))
}
