//! A schema as one flat thing: `allOf` merged, `nullable`, boolean bounds and `oneOf` with null in one spelling.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Number;

use super::kind::Limit;
use super::odd;
use super::types::Types;
use crate::compat::document::{Data, Library, NodeId, compare};

/// Schemas that must all hold; none at all is a schema that lets everything through.
pub type Conj = Vec<NodeId>;

/// Marks a schema in a [`Conj`] whose `oneOf` and `anyOf` are looked at elsewhere. Far above the number of values a
/// library can hold.
pub const NO_GROUPS: NodeId = 1 << 31;
/// The same for `if` and `dependentSchemas`.
pub const NO_CONDITIONS: NodeId = 1 << 30;
/// A part of an `allOf`, whose `nullable` does not speak for the whole.
const PART: NodeId = 1 << 29;
/// The bits that are the schema itself.
pub const PLAIN: NodeId = PART - 1;

/// `allOf`s that are merged into one schema at most.
const MAX_PARTS: usize = 500;

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

/// A `oneOf` or `anyOf`.
#[derive(Debug, Clone)]
pub struct Group {
    pub kind: GroupKind,
    pub at: NodeId,
    pub branches: Vec<NodeId>,
}

/// `if`, or one of `dependentSchemas`: what it adds, and when.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What tells it from others of the same schema.
    pub name: String,
    pub at: NodeId,
    /// What must hold in addition in one case or the other.
    pub adds: Vec<NodeId>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Shape<'a> {
    pub at: NodeId,
    /// The schemas that were merged, without references between them.
    pub parts: Vec<NodeId>,
    pub types: TypesOf,
    pub formats: Vec<NodeId>,
    pub values: Option<NodeId>,
    pub constant: Option<NodeId>,
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
    pub contains: Conj,
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
    /// Keywords that are met and not compared.
    pub residual: BTreeMap<&'a str, NodeId>,
    /// Keywords with a value they cannot have, and why; what they would say is not known.
    pub odd: BTreeMap<&'a str, (NodeId, &'static str)>,
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

/// What one part says of types, before it is known what the others say.
struct Said {
    types: Option<Types>,
    at: NodeId,
    null: bool,
}

pub struct Reader<'a> {
    library: &'a Library,
    shape: Shape<'a>,
    said: Vec<Said>,
    /// The schema itself says `nullable: true`; then its `allOf`s need not.
    nullable: bool,
    strict_refs: bool,
}

/// Flattens schemas that must all hold. `siblings`: keywords beside a `$ref` count, as they do from 3.1 on.
pub fn read<'a>(library: &'a Library, conj: &[NodeId], siblings: bool) -> Shape<'a> {
    let mut reader = Reader {
        library,
        shape: Shape { at: conj.first().map_or(0, |n| n & PLAIN), ..Shape::default() },
        said: Vec::new(),
        nullable: false,
        strict_refs: !siblings,
    };
    reader.run(conj);
    reader.settle();
    reader.shape
}

impl<'a> Reader<'a> {
    fn run(&mut self, conj: &[NodeId]) {
        let mut seen = BTreeSet::new();
        let mut left: Vec<NodeId> = conj.iter().rev().copied().collect();
        while let Some(marked) = left.pop() {
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
                    Some(target) => left.push(target | marks),
                    None => self.shape.dangling.push(node),
                }
                if self.strict_refs {
                    continue;
                }
            }
            self.shape.parts.push(marked);
            let mut null_branch = false;
            if marks & NO_GROUPS == 0 {
                left.extend(self.groups(node, &mut null_branch).into_iter().map(|n| n | (marks & PART)));
                let all = self.library.get(node, "allOf").map_or(&[][..], |n| self.library.items(n));
                left.extend(all.iter().rev().map(|n| n | marks | PART));
            }
            self.part(node, marks & PART == 0, null_branch, marks & NO_CONDITIONS == 0);
        }
    }

    /// Takes in `oneOf` and `anyOf`. A branch that only says null, or types alone, is folded into the types; what is
    /// left of a group of one branch is returned, as it must hold then.
    fn groups(&mut self, node: NodeId, null: &mut bool) -> Vec<NodeId> {
        let mut must = Vec::new();
        for (word, kind) in [("oneOf", GroupKind::OneOf), ("anyOf", GroupKind::AnyOf)] {
            let Some(at) = self.library.get(node, word) else { continue };
            let all = self.library.items(at);
            let branches: Vec<NodeId> = all.iter().copied().filter(|b| !self.is_null(*b)).collect();
            let had_null = branches.len() < all.len();
            let bare: Option<Vec<Types>> = branches.iter().map(|b| self.bare(*b)).collect();
            match bare.filter(|b| !b.is_empty()) {
                Some(types) => {
                    let types = types.into_iter().fold(Types::NONE, Types::and);
                    let types = if had_null { types.and(Types::NULL) } else { types };
                    *null |= had_null;
                    self.said.push(Said { types: Some(types), at, null: had_null });
                }
                None if had_null && branches.len() == 1 => {
                    *null = true;
                    self.nullable = true;
                    must.extend(branches);
                }
                None if branches.is_empty() => *null |= had_null,
                None => {
                    if had_null {
                        *null = true;
                        self.nullable = true;
                    }
                    self.shape.groups.push(Group { kind, at, branches });
                }
            }
        }
        must
    }

    fn is_null(&self, node: NodeId) -> bool {
        let entries = self.library.entries(node);
        let [(key, value)] = entries else { return false };
        match &**key {
            "type" => match self.library.items(*value) {
                [one] => self.library.text(*one) == Some("null"),
                _ => self.library.text(*value) == Some("null"),
            },
            "const" => matches!(self.library.data(*value), Data::Null),
            "enum" => matches!(self.library.items(*value), [one] if matches!(self.library.data(*one), Data::Null)),
            _ => false,
        }
    }

    /// The types of a schema that says nothing else.
    fn bare(&self, node: NodeId) -> Option<Types> {
        let mut types = None;
        for (key, value) in self.library.entries(node) {
            match &**key {
                "type" => types = Some(self.types_of(*value)),
                "title" | "description" | "example" | "examples" => {}
                _ => return None,
            }
        }
        types
    }

    fn types_of(&self, node: NodeId) -> Types {
        match self.library.data(node) {
            Data::Seq(items) => items
                .iter()
                .map(|n| self.library.text(*n).map_or(Types::STRANGE, Types::named))
                .fold(Types::NONE, Types::and),
            _ => self.library.text(node).map_or(Types::STRANGE, Types::named),
        }
    }

    /// Takes in the keywords of one schema.
    fn part(&mut self, node: NodeId, own: bool, null_branch: bool, conditions: bool) {
        if matches!(self.library.data(node), Data::Bool(false)) {
            self.said.push(Said { types: Some(Types::NONE), at: node, null: false });
            return;
        }
        let library = self.library;
        let nullable = library.flag(node, "nullable") || library.flag(node, "x-nullable");
        self.nullable |= own && nullable;
        let typed = library.get(node, "type");
        let implied = || ["enum", "const"].iter().find_map(|k| library.get(node, k)).map(|v| (v, self.implied(v)));
        match typed.map(|t| (t, self.types_of(t))).or_else(implied) {
            Some((at, types)) => {
                let null = nullable || null_branch;
                let types = if null { types.and(Types::NULL) } else { types };
                self.said.push(Said { types: Some(types), at, null: types.has(Types::NULL) });
            }
            None => self.said.push(Said { types: None, at: node, null: nullable || null_branch }),
        }
        for (key, value) in library.entries(node) {
            if let Some(why) = odd::odd(library, node, key, *value) {
                self.shape.odd.entry(key).or_insert((*value, why));
            }
            self.keyword(node, key, *value, conditions);
        }
    }

    /// The types of the values of an `enum` or `const`.
    fn implied(&self, values: NodeId) -> Types {
        let of = |n: NodeId| match self.library.data(n) {
            Data::Null => Types::NULL,
            Data::Bool(_) => Types::BOOL,
            Data::Number(n) if n.is_f64() => Types::NUMBER,
            Data::Number(_) => Types::INTEGER,
            Data::Text(_) => Types::STRING,
            Data::Seq(_) => Types::ARRAY,
            Data::Map(_) => Types::OBJECT,
        };
        match self.library.data(values) {
            Data::Seq(items) if !items.is_empty() => items.iter().map(|n| of(*n)).fold(Types::NONE, Types::and),
            Data::Seq(_) => Types::ANY,
            _ => of(values),
        }
    }

    fn keyword(&mut self, node: NodeId, key: &'a str, value: NodeId, conditions: bool) {
        let shape = &mut self.shape;
        match key {
            "format" => shape.formats.push(value),
            "enum" => shape.values = shape.values.or(Some(value)),
            "const" => shape.constant = shape.constant.or(Some(value)),
            "x-extensible-enum" => shape.extensible = shape.extensible.or(Some(value)),
            "pattern" => shape.patterns.push(value),
            "multipleOf" => shape.multiples.push(value),
            "uniqueItems" if self.library.is_true(value) => shape.unique = shape.unique.or(Some(value)),
            "additionalProperties" => shape.additional.push(value),
            // Swagger and JSON Schema up to draft 7 write a list of schemas here, one for each place.
            "items" if !self.library.items(value).is_empty() => self.prefix(value),
            "items" => shape.items.push(value),
            "prefixItems" => self.prefix(value),
            "contains" => shape.contains.push(value),
            "propertyNames" => shape.names.push(value),
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
            "discriminator" => shape.discriminator = shape.discriminator.or(Some(value)),
            "properties" | "patternProperties" | "required" | "dependentRequired" => self.names(key, value),
            "if" | "dependentSchemas" if conditions => self.condition(node, key, value),
            "xml" | "$dynamicRef" | "$recursiveRef" | "additionalItems" | "dependencies" => {
                shape.residual.entry(key).or_insert(value);
            }
            _ => self.limit(node, key, value),
        }
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
            let adds: Vec<NodeId> = ["then", "else"].iter().filter_map(|k| library.get(node, k)).collect();
            self.shape.conditions.push(Condition { name: "if".into(), at: value, adds });
            return;
        }
        for (name, schema) in library.entries(value) {
            self.shape.conditions.push(Condition {
                name: format!("dependentSchemas of {name}"),
                at: *schema,
                adds: vec![*schema],
            });
        }
    }

    fn limit(&mut self, node: NodeId, key: &str, value: NodeId) {
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
            "minContains" => (Limit::MinContains, false),
            "maxContains" => (Limit::MaxContains, false),
            _ => return,
        };
        // A boolean `exclusiveMinimum` is read along with `minimum`.
        let Data::Number(number) = self.library.data(value) else { return };
        let floor = matches!(limit, Limit::MinLength | Limit::MinItems | Limit::MinProperties);
        if floor && compare(number, &Number::from(0)).is_le() {
            return;
        }
        let bound = Bound { value: number.clone(), exclusive, at: value };
        match self.shape.limits.get(&limit) {
            Some(held) if tighter(limit, held, &bound).is_ge() => {}
            _ => drop(self.shape.limits.insert(limit, bound)),
        }
    }

    /// Puts together what the parts say of types.
    fn settle(&mut self) {
        let typed: Vec<&Said> = self.said.iter().filter(|s| s.types.is_some()).collect();
        let (mut set, at) = (Types::ANY.and(Types::STRANGE), typed.first().map(|s| s.at));
        for said in &typed {
            set = set.both(said.types.unwrap_or(Types::ANY));
        }
        if typed.is_empty() {
            self.shape.types = TypesOf { set: Types::ANY, at: None };
            return;
        }
        let null = self.nullable || typed.iter().all(|s| s.null);
        set = if null { set.and(Types::NULL) } else { set.without(Types::NULL) };
        self.shape.types = TypesOf { set, at };
    }
}

/// Greater: the first leaves less than the second.
pub fn tighter(limit: Limit, a: &Bound, b: &Bound) -> std::cmp::Ordering {
    let by_value = compare(&a.value, &b.value);
    let by_value = if limit.is_lower() { by_value } else { by_value.reverse() };
    by_value.then(a.exclusive.cmp(&b.exclusive))
}
