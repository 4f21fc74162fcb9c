//! Reading: many schemas that must all hold become one [`Shape`], of which no keyword loses what one of them says.
use std::collections::BTreeSet;

use super::kind::Limit;
use super::shape::{
    Allowed, Bound, Condition, Contains, Group, GroupKind, NO_CONDITIONS, NO_GROUPS, PART, PLAIN, Shape, taken, tighter,
};
use super::types::Types;
use super::{odd, said};
use crate::compat::document::{Data, Library, NodeId, compare};

/// `allOf`s that are merged into one schema at most.
const MAX_PARTS: usize = 500;

pub(super) struct Reader<'a> {
    pub library: &'a Library,
    pub shape: Shape<'a>,
    /// What the parts say of types, and where.
    pub said: Vec<(Types, NodeId)>,
    /// What alternatives say of null.
    pub nulls: Vec<(Option<bool>, NodeId)>,
    /// The schema itself says `nullable: true`; then its `allOf`s need not.
    pub nullable: bool,
    /// Types whose values are looked at elsewhere.
    pub without: Types,
    /// Every `enum` and `const`.
    pub allowed: Vec<Allowed>,
    /// Schemas with `additionalProperties`, which speaks of what the same schema does not declare.
    pub closers: Vec<(NodeId, NodeId)>,
    /// Schemas with `items`, which speaks of what comes after the `prefixItems` of the same schema.
    pub rests: Vec<(NodeId, NodeId)>,
    strict_refs: bool,
}

/// One schema of many, and how it is read.
#[derive(Clone, Copy)]
struct Part {
    node: NodeId,
    /// Not inside an `allOf`.
    own: bool,
    conditions: bool,
    /// An alternative beside null alone: null is allowed whatever it says.
    tolerant: bool,
}

/// Flattens schemas that must all hold. `siblings`: keywords beside a `$ref` count, as they do from 3.1 on.
pub fn read<'a>(library: &'a Library, conj: &[NodeId], siblings: bool) -> Shape<'a> {
    let mut reader = Reader {
        library,
        shape: Shape { at: conj.first().map_or(0, |n| n & PLAIN), ..Shape::default() },
        said: Vec::new(),
        nulls: Vec::new(),
        nullable: false,
        without: conj.iter().fold(Types::NONE, |types, n| types.and(taken(*n))),
        allowed: Vec::new(),
        closers: Vec::new(),
        rests: Vec::new(),
        strict_refs: !siblings,
    };
    reader.run(conj);
    reader.settle();
    reader.shape
}

impl<'a> Reader<'a> {
    fn run(&mut self, conj: &[NodeId]) {
        let mut seen = BTreeSet::new();
        let mut left: Vec<(NodeId, bool)> = conj.iter().rev().map(|n| (*n, false)).collect();
        while let Some((marked, tolerant)) = left.pop() {
            let (node, marks) = (marked & PLAIN, marked & !PLAIN);
            if !seen.insert(node) {
                continue;
            }
            if seen.len() > MAX_PARTS {
                self.shape.cut = true;
                break;
            }
            if self.library.reference(node).is_some() {
                match self.library.hop(node) {
                    Some(_) if self.library.circles(node, !self.strict_refs) => self.shape.dangling.push(node),
                    Some(target) => left.push((target | marks, tolerant)),
                    None => self.shape.dangling.push(node),
                }
                if self.strict_refs {
                    continue;
                }
            }
            self.shape.parts.push(marked);
            let open = marks & NO_GROUPS == 0;
            let (must, null_branch) = self.groups(node, open);
            left.extend(must.into_iter().map(|n| (n | marks, true)));
            if open {
                let all = self.library.get(node, "allOf").map_or(&[][..], |n| self.library.items(n));
                left.extend(all.iter().rev().map(|n| (n | marks | PART, tolerant)));
            }
            let (own, conditions) = (marks & PART == 0, marks & NO_CONDITIONS == 0);
            self.part(Part { node, own, conditions, tolerant: tolerant || null_branch });
        }
    }

    /// Takes in `oneOf` and `anyOf`. Those of types alone, and of values alone, are no alternatives but a longer way to
    /// write a list. What is left of a group of one branch beside null is returned, as it must hold then; and whether
    /// null is among the branches. Groups that are looked at elsewhere are not `open`.
    fn groups(&mut self, node: NodeId, open: bool) -> (Vec<NodeId>, bool) {
        let (mut must, mut null) = (Vec::new(), false);
        for (word, kind) in [("oneOf", GroupKind::OneOf), ("anyOf", GroupKind::AnyOf)] {
            let Some(at) = self.library.get(node, word) else { continue };
            let all = self.library.items(at);
            let branches: Vec<NodeId> = all.iter().copied().filter(|b| !said::is_null(self.library, *b)).collect();
            let had_null = branches.len() < all.len();
            let with = |types: Types| if had_null { types.and(Types::NULL) } else { types };
            null |= had_null;
            if let Some(types) = said::types_alone(self.library, kind, &branches) {
                self.said.push((with(types), at));
            } else if let Some((types, values)) = said::values_alone(self.library, kind, &branches) {
                self.said.push((with(types), at));
                self.allowed.push(Allowed { at, values, constant: false });
            } else if branches.is_empty() {
                self.said.extend(had_null.then_some((Types::NULL, at)));
            } else if had_null && branches.len() == 1 {
                self.nulls.push((Some(true), at));
                must.extend(branches);
            } else {
                let says = || said::any_null(self.library, &branches, !self.strict_refs);
                let says = if had_null { Some(true) } else { says() };
                self.nulls.push((says, at));
                if open {
                    self.shape.groups.push(Group { kind, at, branches });
                }
            }
        }
        (must, null)
    }

    /// Takes in the keywords of one schema.
    fn part(&mut self, part: Part) {
        let (library, node) = (self.library, part.node);
        if matches!(library.data(node), Data::Bool(false)) {
            self.said.push((Types::NONE, node));
            return;
        }
        self.nullable |= part.own && said::nullable(library, node);
        if let Some((types, at)) = said::types(library, node) {
            self.said.push((if part.tolerant { types.and(Types::NULL) } else { types }, at));
        }
        for (key, value) in library.entries(node) {
            if let Some(why) = odd::odd(library, node, key, *value) {
                self.shape.odd.entry(key).or_insert((*value, why));
            }
            self.keyword(part, key, *value);
        }
        if let Some(at) = library.get(node, "contains") {
            let bound = |key: &str| {
                let value = library.get(node, key)?;
                let Data::Number(number) = library.data(value) else { return None };
                Some(Bound { value: number.clone(), exclusive: false, at: value })
            };
            let (min, max) = (bound("minContains"), bound("maxContains"));
            // None is enough, and none too many: then it says nothing.
            let idle = max.is_none() && min.as_ref().is_some_and(|m| compare(&m.value, &0.into()).is_le());
            self.shape.contains.extend((!idle).then_some(Contains { at, min, max }));
        }
    }

    fn keyword(&mut self, part: Part, key: &'a str, value: NodeId) {
        let shape = &mut self.shape;
        match key {
            "format" => shape.formats.push(value),
            "enum" => {
                let values = self.library.items(value).to_vec();
                self.allowed.push(Allowed { at: value, values, constant: false });
            }
            "const" => self.allowed.push(Allowed { at: value, values: vec![value], constant: true }),
            "x-extensible-enum" => shape.extensible = shape.extensible.or(Some(value)),
            "pattern" => shape.patterns.push(value),
            "multipleOf" => shape.multiples.push(value),
            "uniqueItems" if self.library.is_true(value) => shape.unique = shape.unique.or(Some(value)),
            "additionalProperties" => {
                shape.additional.push(value);
                self.closers.push((part.node, value));
            }
            // Swagger and JSON Schema up to draft 7 write a list of schemas here, one for each place.
            "items" if !self.library.items(value).is_empty() => self.prefix(value),
            "items" => {
                shape.items.push(value);
                self.rests.push((part.node, value));
            }
            "prefixItems" => self.prefix(value),
            "propertyNames" => shape.names.push(value),
            "unevaluatedProperties" | "unevaluatedItems" if said::evaluates_all(self.library, part.node, key) => {}
            "unevaluatedProperties" | "unevaluatedItems" => shape.unevaluated.entry(key).or_default().push(value),
            "not" => shape.nots.push(value),
            "default" => shape.default = shape.default.or(Some(value)),
            "readOnly" if self.library.is_true(value) => shape.read_only = Some(value),
            "writeOnly" if self.library.is_true(value) => shape.write_only = Some(value),
            "deprecated" if self.library.is_true(value) => shape.deprecated = shape.deprecated.or(Some(value)),
            "x-sunset" => shape.sunset = shape.sunset.or(Some(value)),
            "x-stability-level" => shape.stability = shape.stability.or(Some(value)),
            "contentEncoding" => shape.encoding = shape.encoding.or(Some(value)),
            "contentMediaType" => shape.media = shape.media.or(Some(value)),
            "contentSchema" => shape.content_schema.push(value),
            "discriminator" => {
                shape.discriminator = shape.discriminator.or(Some(value));
                if part.own || self.uses(part.node) {
                    self.shape.parent = Some(part.node);
                }
            }
            "properties" | "patternProperties" | "required" | "dependentRequired" => self.names(key, value),
            "if" | "dependentSchemas" if part.conditions => self.condition(part.node, key, value),
            "xml" | "$dynamicRef" | "$recursiveRef" | "additionalItems" | "dependencies" => {
                shape.residual.entry(key).or_insert(value);
            }
            _ => self.limit(part.node, key, value),
        }
    }

    /// The schema without a name that is read has this one in its `allOf`: not an heir, but a use with a word more.
    fn uses(&self, node: NodeId) -> bool {
        let (library, at) = (self.library, self.shape.at);
        let all = library.get(at, "allOf").map_or(&[][..], |n| library.items(n));
        library.schema_name(at).is_none() && all.iter().any(|n| library.follow(*n) == Some(node))
    }

    fn prefix(&mut self, list: NodeId) {
        for (i, item) in self.library.items(list).iter().enumerate() {
            match self.shape.prefix.get_mut(i) {
                Some(conj) => conj.push(*item),
                None => self.shape.prefix.push(vec![*item]),
            }
        }
    }

    fn names(&mut self, key: &str, value: NodeId) {
        let library = self.library;
        match key {
            "properties" => {
                for (name, schema) in library.entries(value) {
                    self.shape.properties.entry(name).or_default().push(*schema);
                }
            }
            "patternProperties" => {
                for (name, schema) in library.entries(value) {
                    self.shape.pattern_properties.entry(name).or_default().push(*schema);
                }
            }
            "required" => {
                // An empty name is what generators leave behind, not a property.
                let names = library.items(value).iter().filter_map(|n| Some((library.text(*n)?, *n)));
                for (name, at) in names.filter(|(name, _)| !name.is_empty()) {
                    self.shape.required.entry(name).or_insert(at);
                }
            }
            _ => {
                for (name, list) in library.entries(value) {
                    let names = library.items(*list).iter().filter_map(|n| Some((library.text(*n)?, *n)));
                    self.shape.dependent_required.entry(name).or_default().extend(names);
                }
            }
        }
    }

    fn condition(&mut self, node: NodeId, key: &str, value: NodeId) {
        let library = self.library;
        if key == "if" {
            let adds = ["then", "else"].iter().filter_map(|k| Some((*k, library.get(node, k)?))).collect();
            self.shape.conditions.push(Condition { name: "if".into(), at: value, adds });
            return;
        }
        for (name, schema) in library.entries(value) {
            // One that requires names and nothing else is another way to write `dependentRequired`.
            let entries = library.entries(*schema);
            if let Some(list) =
                library.get(*schema, "required").filter(|_| entries.iter().all(|(k, _)| plain_demand(k)))
            {
                let names = library.items(list).iter().filter_map(|n| Some((library.text(*n)?, *n)));
                self.shape.dependent_required.entry(name).or_default().extend(names);
                continue;
            }
            self.shape.conditions.push(Condition {
                name: format!("dependentSchemas of {name}"),
                at: *schema,
                adds: vec![("", *schema)],
            });
        }
    }

    fn limit(&mut self, node: NodeId, key: &'a str, value: NodeId) {
        let flag = |word: &str| self.library.flag(node, word);
        let (limit, exclusive) = match key {
            "minimum" => (Limit::Minimum, flag("exclusiveMinimum")),
            "maximum" => (Limit::Maximum, flag("exclusiveMaximum")),
            "exclusiveMinimum" => (Limit::Minimum, true),
            "exclusiveMaximum" => (Limit::Maximum, true),
            "minLength" => (Limit::MinLength, false),
            "maxLength" => (Limit::MaxLength, false),
            "minItems" => (Limit::MinItems, false),
            "maxItems" => (Limit::MaxItems, false),
            "minProperties" => (Limit::MinProperties, false),
            "maxProperties" => (Limit::MaxProperties, false),
            _ => {
                // A parameter of Swagger 2 is a schema as well, and has keys of its own.
                if !odd::is_keyword(key) && self.library.get(node, "in").is_none() {
                    self.shape.unknown.entry(key).or_insert(value);
                }
                return;
            }
        };
        // A boolean `exclusiveMinimum` is read along with `minimum`.
        let Data::Number(number) = self.library.data(value) else { return };
        let floor = matches!(limit, Limit::MinLength | Limit::MinItems | Limit::MinProperties);
        if floor && compare(number, &0.into()).is_le() {
            return;
        }
        let bound = Bound { value: number.clone(), exclusive, at: value };
        match self.shape.limits.get(&limit) {
            Some(held) if tighter(limit, held, &bound).is_ge() => {}
            _ => drop(self.shape.limits.insert(limit, bound)),
        }
    }
}

/// What may stand beside `required` in a schema that demands nothing else.
pub(super) fn plain_demand(key: &str) -> bool {
    matches!(key, "required" | "title" | "description")
}
