//! Choices among the alternatives of a choice that have a discriminator of their own.
use std::collections::BTreeSet;

use super::engine::Work;
use super::groups::{Branch, branches};
use super::matching::{MAX_SPREAD, choice};
use super::shape::{GroupKind, PLAIN, Shape};
use super::subtypes::{Values, property_name};
use crate::compat::document::{Library, NodeId};

/// Puts their alternatives in their place where the other side has no such choice: then these became what was inside, or
/// the other way round. Where both have some, each is compared as what it is.
pub(super) fn open(work: &Work<'_, '_>, olds: &mut Vec<Branch>, news: &mut Vec<Branch>, kind: GroupKind) {
    let has = |library: &Library, all: &[Branch]| all.iter().any(|b| own(library, b.at, kind).is_some());
    let siblings = work.siblings();
    match (has(work.old_lib(), olds), has(work.new_lib(), news)) {
        (true, false) => spread(work.old_lib(), &work.old, olds, kind, siblings.0),
        (false, true) => spread(work.new_lib(), &work.new, news, kind, siblings.1),
        _ => {}
    }
}

/// Its alternatives and its discriminator, where it says nothing else.
fn own(library: &Library, at: NodeId, kind: GroupKind) -> Option<(NodeId, Vec<NodeId>)> {
    let (node, inside) = choice(library, at, kind, &["discriminator"])?;
    Some((library.get(node, "discriminator")?, inside))
}

fn spread(library: &Library, shape: &Shape<'_>, all: &mut Vec<Branch>, kind: GroupKind, siblings: bool) {
    for i in (0..all.len()).rev() {
        let at = all[i].at;
        let alternative = at != shape.at && all[i].conj.last().is_some_and(|n| n & PLAIN == at);
        let Some((inner, inside)) = own(library, at, kind).filter(|_| alternative && !all[i].taken) else { continue };
        let values = Values::of(library, inner);
        let mut come = branches(library, shape, &inside, siblings);
        for branch in &mut come {
            let target = library.follow(branch.at).filter(|_| branch.firm);
            branch.inner = true;
            branch.values = target.map(|target| values.for_schema(target)).unwrap_or_default();
        }
        if all.len() + inside.len() <= MAX_SPREAD && leads_on(library, shape, inner, &all[i], &come) {
            let whole = all.remove(i);
            let outer = &whole.conj[..whole.conj.len() - 1];
            for (n, mut branch) in come.into_iter().enumerate() {
                branch.conj = outer.iter().copied().chain(branch.conj).collect();
                all.insert(i + n, branch);
            }
        }
    }
}

/// What travels is the same whether one reads it in two steps or in one: both discriminators are one property, and the values
/// that the outer one maps to the choice are those that the inner one knows.
fn leads_on(library: &Library, shape: &Shape<'_>, inner: NodeId, whole: &Branch, inside: &[Branch]) -> bool {
    let Some(outer) = shape.discriminator else { return true };
    let known: BTreeSet<&String> = inside.iter().flat_map(|b| &b.values).collect();
    let mapped = library.get(outer, "mapping").is_some();
    property_name(library, outer) == property_name(library, inner)
        && (!mapped || whole.values.iter().collect::<BTreeSet<_>>() == known)
}
