//! Inheritance by discriminator: a schema whose values are those of its heirs, which have it in their `allOf`.
use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Step, Work};
use super::kind::Kind;
use super::odd;
use super::shape::Shape;
use crate::compat::document::{Library, NodeId};

/// Heirs of one schema that are compared.
const MAX_HEIRS: usize = 2_000;

struct Heir {
    node: NodeId,
    /// The discriminator's values for it.
    values: BTreeSet<String>,
}

/// The values of a discriminator, by the schema that each is for.
pub(super) struct Values<'a> {
    library: &'a Library,
    mapped: BTreeMap<NodeId, BTreeSet<String>>,
}

impl Values<'_> {
    pub fn of(library: &Library, discriminator: NodeId) -> Values<'_> {
        let mut mapped: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
        let mapping = library.get(discriminator, "mapping").map_or(&[][..], |m| library.entries(m));
        for (value, to) in mapping {
            let target = library.text(*to).and_then(|text| library.mapped(*to, text));
            if let Some(target) = target.and_then(|n| library.follow(n)) {
                mapped.entry(target).or_default().insert(value.to_string());
            }
        }
        Values { library, mapped }
    }

    /// Those that `mapping` gives a schema, or else its name.
    pub fn for_schema(&self, node: NodeId) -> BTreeSet<String> {
        let named = || self.library.schema_name(node).into_iter().collect();
        self.mapped.get(&node).cloned().unwrap_or_else(named)
    }
}

/// The property that tells alternatives apart: Swagger 2 writes its name and nothing else.
pub(super) fn property_name(library: &Library, discriminator: NodeId) -> Option<&str> {
    let alone = library.text(discriminator).filter(|_| odd::is_swagger(library));
    alone.or_else(|| library.text_at(discriminator, "propertyName"))
}

fn heirs(library: &Library, parent: NodeId, discriminator: NodeId) -> Vec<Heir> {
    let values = Values::of(library, discriminator);
    let (mut seen, mut found) = (BTreeSet::from([parent]), Vec::new());
    let mut left: Vec<NodeId> = values.mapped.keys().copied().collect();
    left.extend(library.heirs(parent).iter().filter(|n| library.schema_name(**n).is_some()));
    while let Some(node) = left.pop() {
        let Some(node) = library.follow(node) else { continue };
        if found.len() >= MAX_HEIRS || !seen.insert(node) {
            continue;
        }
        left.extend(library.heirs(node).iter().filter(|n| library.schema_name(**n).is_some()));
        found.push(Heir { node, values: values.for_schema(node) });
    }
    found.sort_by(|a, b| a.values.cmp(&b.values).then(a.node.cmp(&b.node)));
    found
}

/// The discriminator's values for each alternative and heir, by the schema's name.
fn named(library: &Library, shape: &Shape<'_>, discriminator: NodeId) -> BTreeMap<String, BTreeSet<String>> {
    let values = Values::of(library, discriminator);
    let mut nodes: BTreeSet<NodeId> = values.mapped.keys().copied().collect();
    let branches = shape.groups.iter().flat_map(|group| &group.branches);
    let referred = branches.filter(|b| library.reference(**b).is_some());
    nodes.extend(referred.filter_map(|b| library.follow(*b)));
    if let Some(parent) = shape.parent.filter(|_| shape.groups.is_empty()) {
        nodes.extend(heirs(library, parent, discriminator).into_iter().map(|heir| heir.node));
    }
    nodes.into_iter().filter_map(|n| Some((library.schema_name(n)?, values.for_schema(n)))).collect()
}

/// A schema that stays, under a value of the discriminator that nobody knew.
pub(super) fn renamed(work: &mut Work<'_, '_>, old: NodeId, new: NodeId) {
    let (was, is) = (named(work.old_lib(), &work.old, old), named(work.new_lib(), &work.new, new));
    let all = |of: &BTreeMap<String, BTreeSet<String>>| of.values().flatten().cloned().collect::<BTreeSet<String>>();
    let (olds, news) = (all(&was), all(&is));
    // Each at a place of its own, where there is one, so that who accepts one accepts no other.
    let place = |library: &Library, at: NodeId, values: &BTreeSet<String>| {
        let entry = |value: &String| library.get(at, "mapping").and_then(|m| library.get(m, value));
        values.iter().find_map(entry).unwrap_or(at)
    };
    let words = |values: &BTreeSet<String>| values.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    for (schema, before) in &was {
        let Some(after) = is.get(schema) else { continue };
        let come: BTreeSet<String> = after.difference(&olds).cloned().collect();
        let gone: BTreeSet<String> = before.difference(&news).cloned().collect();
        let mut say = |kind, from: &BTreeSet<String>, to: &BTreeSet<String>| {
            let (base, revision) = (place(work.old_lib(), old, from), place(work.new_lib(), new, to));
            let change = work.change(kind, Some(base), Some(revision));
            (change.subject, change.from, change.to) = (schema.clone(), words(from), words(to));
        };
        match before.is_disjoint(after) {
            true if !come.is_empty() => say(Kind::ValueRenamed, before, after),
            true => {}
            false => {
                if !come.is_empty() {
                    say(Kind::SecondValueAdded, before, &come);
                }
                if !gone.is_empty() {
                    say(Kind::SecondValueRemoved, &gone, after);
                }
            }
        }
    }
}

/// Compares the heirs of both sides that have a value of the discriminator in common.
pub(super) fn compare(work: &mut Work<'_, '_>) {
    let (base, revision) = (work.old_lib(), work.new_lib());
    let (Some(old), Some(new)) = (work.old.parent, work.new.parent) else { return };
    let (Some(x), Some(y)) = (work.old.discriminator, work.new.discriminator) else { return };
    // Where there are alternatives, they are the values.
    let chooses = |l: &Library, n: NodeId| l.get(n, "oneOf").is_some() || l.get(n, "anyOf").is_some();
    if chooses(base, old) || chooses(revision, new) {
        return;
    }
    let (olds, news) = (heirs(base, old, x), heirs(revision, new, y));
    let index = |all: &[Heir]| -> BTreeMap<String, NodeId> {
        all.iter().flat_map(|heir| heir.values.iter().map(|v| (v.clone(), heir.node))).collect()
    };
    let (was, is) = (index(&olds), index(&news));
    let name = |heir: &Heir| heir.values.first().cloned().unwrap_or_default();
    for a in &olds {
        let met: BTreeSet<NodeId> = a.values.iter().filter_map(|v| is.get(v).copied()).collect();
        if met.is_empty() {
            work.change(Kind::SubtypeRemoved, Some(a.node), Some(y)).subject = name(a);
        }
        for b in met {
            work.edge(&[a.node], &[b], Step::Same);
        }
    }
    for b in news.iter().filter(|b| b.values.iter().all(|v| !was.contains_key(v))) {
        work.change(Kind::SubtypeAdded, Some(x), Some(b.node)).subject = name(b);
    }
}
