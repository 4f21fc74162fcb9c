//! The last step of reading: what the schemas of an `allOf` say together that none of them says alone.
use regex::{Regex, RegexBuilder};

use super::numbers;
use super::reader::Reader;
use super::shape::{Allowed, Conj, Shape, TypesOf};
use super::types::Types;
use super::values::missing;
use crate::compat::document::{Data, Library, NodeId};

/// Bytes that a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 18;

/// The expression of a pattern, where it is one that is understood.
pub(super) fn expression(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build().ok()
}

/// Nothing at all is let through.
pub(super) fn is_never(library: &Library, node: NodeId) -> bool {
    matches!(library.data(node), Data::Bool(false))
}

impl Reader<'_> {
    pub(super) fn settle(&mut self) {
        self.settle_types();
        self.settle_values();
        self.settle_properties();
        self.settle_items();
        let required = &self.shape.required;
        for (name, needs) in &mut self.shape.dependent_required {
            needs.retain(|needed, _| needed != name && !required.contains_key(needed));
        }
        self.shape.dependent_required.retain(|_, needs| !needs.is_empty());
    }

    fn settle_types(&mut self) {
        let set = self.said.iter().fold(Types::ANY.and(Types::STRANGE), |set, (types, _)| set.both(*types));
        let at = self.said.first().map(|(_, at)| *at);
        let denied = self.said.iter().any(|(t, _)| !t.has(Types::NULL))
            || self.nulls.iter().any(|(says, _)| *says == Some(false));
        let allowed = !self.said.is_empty() || self.nulls.iter().any(|(says, _)| *says == Some(true));
        let null = match (self.said.is_empty() && self.nulls.is_empty(), self.nullable, denied, allowed) {
            (true, ..) | (false, false, false, false) => None,
            (_, true, ..) | (_, _, false, true) => Some(true),
            (_, false, true, _) => Some(false),
        };
        let set = match (at, null) {
            (None, _) => Types::ANY,
            (_, Some(true)) => set.and(Types::NULL),
            _ => set.without(Types::NULL),
        };
        self.shape.null_elsewhere = self.without.has(Types::NULL);
        self.shape.by_type = !self.without.without(Types::NULL).is_empty();
        self.shape.types = TypesOf { set: set.without(self.without), at };
        let place = at.or(self.nulls.first().map(|(_, at)| *at));
        self.shape.null = null.zip(place).filter(|_| !self.without.has(Types::NULL));
    }

    /// Only a value that every list has is left.
    fn settle_values(&mut self) {
        let library = self.library;
        let mut lists = std::mem::take(&mut self.allowed).into_iter();
        let Some(mut all) = lists.next() else { return };
        for list in lists {
            let gone = missing((library, &all.values), (library, &list.values), false);
            let gone: std::collections::BTreeSet<NodeId> = gone.into_iter().collect();
            let before = all.values.len();
            all.values.retain(|n| !gone.contains(n));
            let at = if all.values.len() < before { list.at } else { all.at };
            all = Allowed { at, values: all.values, constant: all.constant || list.constant };
        }
        // One that is listed and beyond a bound fits no more than one that is not.
        let limits = &self.shape.limits;
        all.values.retain(|n| limits.iter().all(|(limit, bound)| numbers::meets(library, *n, *limit, bound)));
        self.shape.allowed = Some(all);
    }

    /// `additionalProperties` of one part speaks of what another part declares.
    fn settle_properties(&mut self) {
        if self.shape.parts.len() < 2 {
            return;
        }
        let library = self.library;
        for (part, additional) in std::mem::take(&mut self.closers) {
            let never = is_never(library, additional);
            if !never && library.entries(additional).is_empty() {
                continue;
            }
            let own = |key: &str| library.get(part, key);
            let patterns: Vec<Option<Regex>> = own("patternProperties")
                .map_or(&[][..], |n| library.entries(n))
                .iter()
                .map(|(pattern, _)| expression(pattern))
                .collect();
            let declared = |name: &str| {
                own("properties").is_some_and(|n| library.get(n, name).is_some())
                    || patterns.iter().any(|p| p.as_ref().is_none_or(|p| p.is_match(name)))
            };
            if never {
                self.shape.properties.retain(|name, _| declared(name));
            } else {
                for (_, conj) in self.shape.properties.iter_mut().filter(|(name, _)| !declared(name)) {
                    conj.push(additional);
                }
            }
        }
    }

    fn settle_items(&mut self) {
        let library = self.library;
        for (part, rest) in std::mem::take(&mut self.rests) {
            let before = library.get(part, "prefixItems").map_or(0, |n| library.items(n).len());
            for conj in self.shape.prefix.iter_mut().skip(before).filter(|conj| !conj.contains(&rest)) {
                conj.push(rest);
            }
        }
        // Without anything else that looks at items, nothing but what has a place is the same in both words.
        let shape = &mut self.shape;
        let alone = shape.items.is_empty()
            && shape.contains.is_empty()
            && shape.groups.is_empty()
            && shape.conditions.is_empty()
            && shape.nots.is_empty()
            && shape.unevaluated.get("unevaluatedItems").is_some_and(|all| all.iter().any(|n| is_never(library, *n)));
        if alone && let Some(rest) = shape.unevaluated.remove("unevaluatedItems") {
            shape.items = rest;
        }
    }
}

/// What stands for a property that is not declared.
pub(super) enum Undeclared {
    Forbidden,
    /// It must fit all of these; none at all is any value.
    Fits(Conj),
}

/// The schemas of `patternProperties`, ready to be asked by name.
pub(super) struct Patterns {
    all: Vec<(String, Option<Regex>, Conj)>,
    additional: Conj,
    closed: bool,
}

impl Patterns {
    pub fn of(library: &Library, shape: &Shape<'_>, closed: bool) -> Patterns {
        let all = shape.pattern_properties.iter().map(|(p, conj)| (p.to_string(), expression(p), conj.clone()));
        let additional = shape.additional.iter().copied().filter(|n| !library.entries(*n).is_empty()).collect();
        Patterns { all: all.collect(), additional, closed }
    }

    /// The schemas whose pattern the name has.
    pub fn of_name(&self, name: &str) -> Conj {
        let has = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|p| p.is_match(name));
        self.all.iter().filter(|(_, p, _)| has(p)).flat_map(|(_, _, conj)| conj.clone()).collect()
    }

    /// Patterns that are not understood.
    pub fn strange(&self) -> impl Iterator<Item = (&str, &Conj)> {
        self.all.iter().filter(|(_, p, _)| p.is_none()).map(|(pattern, _, conj)| (&**pattern, conj))
    }

    pub fn undeclared(&self, name: &str) -> Undeclared {
        let own = self.of_name(name);
        match own.is_empty() {
            false => Undeclared::Fits(own),
            true if self.closed && self.strange().next().is_none() => Undeclared::Forbidden,
            true => Undeclared::Fits(self.additional.clone()),
        }
    }
}
