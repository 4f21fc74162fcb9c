//! What a schema says of types, null and values before anything is merged.
use std::cell::Cell;
use std::collections::BTreeMap;

use super::shape::GroupKind;
use super::types::Types;
use super::values::key;
use crate::compat::document::{Data, Library, NodeId};

/// Values of alternatives that are read as one list.
const MAX_VALUES: usize = 10_000;
/// Schemas that are looked at to learn whether alternatives let null through; beyond, nothing is said of it.
const MAX_LOOK: usize = 1_000;
const MAX_DEPTH: usize = 24;

/// Lets null through and nothing else, and says so in one word.
pub(super) fn is_null(library: &Library, node: NodeId) -> bool {
    let [(key, value)] = library.entries(node) else { return false };
    match &**key {
        "type" => match library.items(*value) {
            [one] => library.text(*one) == Some("null"),
            _ => library.text(*value) == Some("null"),
        },
        "const" => matches!(library.data(*value), Data::Null),
        "enum" => matches!(library.items(*value), [one] if matches!(library.data(*one), Data::Null)),
        _ => false,
    }
}

pub(super) fn nullable(library: &Library, node: NodeId) -> bool {
    library.flag(node, "nullable") || library.flag(node, "x-nullable")
}

/// The types that the keywords of one schema leave, and where it is said.
pub(super) fn types(library: &Library, node: NodeId) -> Option<(Types, NodeId)> {
    let lists = ["enum", "const"].iter().filter_map(|k| library.get(node, k));
    let listed = lists.fold(None, |all: Option<(NodeId, Types)>, values| {
        let types = implied(library, values);
        Some(all.map_or((values, types), |(at, before)| (at, before.both(types))))
    });
    let (at, types) = match (library.get(node, "type"), listed) {
        // Null has to be among the values, too; `nullable` alone was long taken for enough.
        (Some(at), Some((_, values))) if !values.has(Types::NULL) => (at, types_of(library, at).without(Types::NULL)),
        (Some(at), _) => (at, types_of(library, at)),
        (None, Some((at, types))) => (at, types),
        (None, None) => return None,
    };
    Some((if nullable(library, node) { types.and(Types::NULL) } else { types }, at))
}

fn types_of(library: &Library, node: NodeId) -> Types {
    let named = |n: NodeId| library.text(n).map_or(Types::STRANGE, Types::named);
    match library.data(node) {
        Data::Seq(items) => items.iter().map(|n| named(*n)).fold(Types::NONE, Types::and),
        _ => named(node),
    }
}

/// The type of a value.
pub(super) fn type_of(library: &Library, value: NodeId) -> Types {
    match library.data(value) {
        Data::Null => Types::NULL,
        Data::Bool(_) => Types::BOOL,
        // 1.0 is a whole number, however it is written.
        Data::Number(n) if n.is_f64() && n.as_f64().is_none_or(|f| f.fract() != 0.0) => Types::NUMBER,
        Data::Number(_) => Types::INTEGER,
        Data::Text(_) => Types::STRING,
        Data::Seq(_) => Types::ARRAY,
        Data::Map(_) => Types::OBJECT,
    }
}

/// The types of the values of an `enum` or `const`.
fn implied(library: &Library, values: NodeId) -> Types {
    match library.data(values) {
        Data::Seq(items) if !items.is_empty() => {
            items.iter().map(|n| type_of(library, *n)).fold(Types::NONE, Types::and)
        }
        Data::Seq(_) => Types::ANY,
        _ => type_of(library, values),
    }
}

pub(super) fn is_text_for_people(key: &str) -> bool {
    matches!(key, "title" | "description" | "example" | "examples" | "summary" | "$comment")
}

/// The types of a schema that says nothing else.
pub(super) fn bare(library: &Library, node: NodeId) -> Option<Types> {
    let entries = library.entries(node);
    let said = |k: &str| matches!(k, "type" | "nullable" | "x-nullable") || is_text_for_people(k);
    let alone = entries.iter().all(|(k, _)| said(k)) && library.get(node, "type").is_some();
    alone.then(|| types(library, node).map(|(types, _)| types)).flatten()
}

/// The types of alternatives that say nothing else. Where exactly one has to fit, a type that two of them have is not
/// let through; null is, however often it is named, since that is how it is meant.
pub(super) fn types_alone(library: &Library, kind: GroupKind, branches: &[NodeId]) -> Option<Types> {
    let all: Option<Vec<Types>> = branches.iter().map(|b| bare(library, *b)).collect();
    let all = all.filter(|all| !all.is_empty())?;
    let any = all.iter().copied().fold(Types::NONE, Types::and);
    Some(match kind {
        GroupKind::AnyOf => any,
        GroupKind::OneOf => Types::exactly_one(&all).without(Types::NULL).and(any.both(Types::NULL)),
    })
}

/// The values of alternatives that each are an `enum` or `const` and say nothing else, with their types.
pub(super) fn values_alone(library: &Library, kind: GroupKind, branches: &[NodeId]) -> Option<(Types, Vec<NodeId>)> {
    let (mut all, mut found) = (Types::NONE, BTreeMap::new());
    for (i, branch) in branches.iter().enumerate() {
        let said = |k: &str| matches!(k, "type" | "enum" | "const") || is_text_for_people(k);
        if library.entries(*branch).iter().any(|(k, _)| !said(k)) {
            return None;
        }
        let list = match (library.get(*branch, "enum"), library.get(*branch, "const")) {
            (Some(list), None) if !library.items(list).is_empty() => library.items(list).to_vec(),
            (None, Some(value)) => vec![value],
            _ => return None,
        };
        let left = types(library, *branch)?.0;
        for value in list.into_iter().filter(|v| left.has(type_of(library, *v))) {
            all = all.and(type_of(library, value));
            found.entry(key(library, value)).or_insert_with(|| (value, Vec::new())).1.push(i);
        }
        if found.len() > MAX_VALUES {
            return None;
        }
    }
    let twice = |at: &[usize]| kind == GroupKind::OneOf && at.iter().any(|i| *i != at[0]);
    let values: Vec<NodeId> = found.into_values().filter(|(_, at)| !twice(at)).map(|(value, _)| value).collect();
    (!values.is_empty()).then_some((all, values))
}

/// Whether alternatives let null through: one of them is enough.
pub(super) fn any_null(library: &Library, branches: &[NodeId], siblings: bool) -> Option<bool> {
    Nulls { library, siblings, left: Cell::new(MAX_LOOK) }.any(branches, 0)
}

/// Whether a schema lets null through; none where it says nothing of types.
pub(super) fn says_null(library: &Library, node: NodeId, siblings: bool) -> Option<bool> {
    Nulls { library, siblings, left: Cell::new(MAX_LOOK) }.of(node, 0)
}

struct Nulls<'a> {
    library: &'a Library,
    siblings: bool,
    left: Cell<usize>,
}

impl Nulls<'_> {
    fn any(&self, branches: &[NodeId], depth: usize) -> Option<bool> {
        let all: Vec<Option<bool>> = branches.iter().map(|b| self.of(*b, depth)).collect();
        match all.contains(&Some(true)) {
            true => Some(true),
            false if all.contains(&None) => None,
            false => Some(false),
        }
    }

    fn of(&self, node: NodeId, depth: usize) -> Option<bool> {
        let library = self.library;
        if depth > MAX_DEPTH || self.left.get() == 0 {
            return None;
        }
        self.left.set(self.left.get() - 1);
        if matches!(library.data(node), Data::Bool(false)) {
            return Some(false);
        }
        let mut said = Vec::new();
        if let Some(target) = library.hop(node) {
            said.push(self.of(target, depth + 1));
            if !self.siblings {
                return said[0];
            }
        }
        if nullable(library, node) {
            return Some(true);
        }
        said.extend(types(library, node).map(|(types, _)| Some(types.has(Types::NULL))));
        let list = |key: &str| library.get(node, key).map_or(&[][..], |n| library.items(n));
        said.extend(list("allOf").iter().map(|part| self.of(*part, depth + 1)));
        for key in ["oneOf", "anyOf"] {
            said.extend(library.get(node, key).map(|_| self.any(list(key), depth + 1)));
        }
        if said.contains(&Some(false)) {
            return Some(false);
        }
        if said.contains(&Some(true)) {
            return Some(true);
        }
        // Nobody who writes down properties or items means null as well.
        let structured = ["properties", "required", "additionalProperties", "items", "prefixItems"];
        structured.iter().any(|k| library.get(node, k).is_some()).then_some(false)
    }
}

/// Whether what stands beside `unevaluatedProperties` or `unevaluatedItems` of a schema looks at all there is, so that the
/// word has nothing left to say: what is not declared in the same schema, or in one that it applies to the same value.
pub(super) fn evaluates_all(library: &Library, node: NodeId, key: &str) -> bool {
    Evaluated { library, key, left: Cell::new(MAX_LOOK) }.all(node, 0)
}

struct Evaluated<'a> {
    library: &'a Library,
    key: &'a str,
    left: Cell<usize>,
}

impl Evaluated<'_> {
    fn all(&self, node: NodeId, depth: usize) -> bool {
        let library = self.library;
        if depth > MAX_DEPTH || self.left.get() == 0 {
            return false;
        }
        self.left.set(self.left.get() - 1);
        let rest = match self.key {
            "unevaluatedProperties" => library.get(node, "additionalProperties"),
            // A list speaks of the first items alone.
            _ => library.get(node, "items").filter(|n| !matches!(library.data(*n), Data::Seq(_))),
        };
        // The same word further in has looked at the rest before.
        let before = || depth > 0 && library.get(node, self.key).is_some();
        let list = |key: &str| library.get(node, key).map_or(&[][..], |n| library.items(n));
        let inner = |n: &NodeId| self.all(*n, depth + 1);
        rest.is_some()
            || before()
            || library.hop(node).is_some_and(|target| inner(&target))
            || list("allOf").iter().any(inner)
            || ["oneOf", "anyOf"].iter().any(|key| !list(key).is_empty() && list(key).iter().all(inner))
    }
}
