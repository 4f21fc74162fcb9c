//! Keywords that look inside a value: properties, items, and schemas that hold under a condition.
use std::collections::BTreeSet;

use super::engine::{Hidden, Step, Work};
use super::kind::{Effect, Kind, Limit};
use super::merge::{Patterns, Undeclared, is_never};
use super::numbers;
use super::shape::{self, Bound, Conj, Contains, Shape};
use super::subtypes;
use super::types::Types;
use crate::compat::document::{Library, NodeId};

/// Pairs of `not`s and of `contains` that are compared to find equal ones.
const MAX_TRIES: usize = 400;

pub(super) fn compare(work: &mut Work<'_, '_>) {
    if work.concerns(Types::OBJECT) {
        properties(work);
        undeclared(work);
        pattern_properties(work);
        dependent_required(work);
        let (old, new) = (work.old.names.clone(), work.new.names.clone());
        added_or_removed(work, &old, &new, (Kind::PropertyNamesAdded, Kind::PropertyNamesRemoved));
    }
    if work.concerns(Types::ARRAY) {
        items(work);
    }
    discriminator(work);
    nots(work);
    let (old, new) = (work.old.content_schema.clone(), work.new.content_schema.clone());
    added_or_removed(work, &old, &new, (Kind::ContentSchemaAdded, Kind::ContentSchemaRemoved));
}

/// A schema inside that is there on one side only, or on both and then compared.
fn added_or_removed(work: &mut Work<'_, '_>, old: &[NodeId], new: &[NodeId], kinds: (Kind, Kind)) {
    match (old.first(), new.first()) {
        (None, Some(at)) => drop(work.change(kinds.0, None, Some(*at))),
        (Some(at), None) => drop(work.change(kinds.1, Some(*at), None)),
        _ => work.edge(old, new, Step::Inner),
    }
}

/// What a property's schema says of the ways it travels: read along references and one level of `allOf`.
fn hidden(library: &Library, conj: &[NodeId], siblings: bool) -> Hidden {
    let mut found = Hidden::default();
    let mut look = |node: NodeId| {
        let mut at = Some(node);
        for _ in 0..8 {
            let Some(node) = at else { break };
            if siblings || library.reference(node).is_none() {
                found.read_only |= library.flag(node, "readOnly");
                found.write_only |= library.flag(node, "writeOnly");
            }
            at = library.hop(node);
        }
    };
    for node in conj {
        look(*node);
        let all = library.follow(*node).and_then(|n| library.get(n, "allOf"));
        all.map_or(&[][..], |n| library.items(n)).iter().take(50).for_each(|n| look(*n));
    }
    found
}

const UNEVALUATED: &str = "unevaluatedProperties";

/// One of these lets nothing through.
fn never(library: &Library, conj: &Conj) -> bool {
    conj.iter().any(|n| is_never(library, *n))
}

/// Nothing but what is declared may be there.
fn closed(library: &Library, shape: &Shape<'_>) -> bool {
    never(library, &shape.additional) || shape.unevaluated.get(UNEVALUATED).is_some_and(|c| never(library, c))
}

/// Schemas for what is not declared, where there is more to them than yes or no.
fn schemas(library: &Library, conj: &Conj) -> Conj {
    conj.iter().copied().filter(|n| !library.entries(*n).is_empty()).collect()
}

fn properties(work: &mut Work<'_, '_>) {
    let (base, revision) = (work.old_lib(), work.new_lib());
    let (was_closed, is_closed) = (closed(base, &work.old), closed(revision, &work.new));
    let (was, is) = (Patterns::of(base, &work.old, was_closed), Patterns::of(revision, &work.new, is_closed));
    let old = std::mem::take(&mut work.old.properties);
    let new = std::mem::take(&mut work.new.properties);
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        // What is declared must fit the patterns as well that its name has.
        let with = |own: Option<&Conj>, patterns: &Patterns| -> Option<Conj> {
            own.map(|own| own.iter().copied().chain(patterns.of_name(name)).collect())
        };
        match (with(old.get(name), &was), with(new.get(name), &is)) {
            (Some(x), Some(y)) => property(work, name, &x, &y),
            (None, Some(y)) => {
                let hidden = hidden(revision, &y, work.siblings().1);
                let kind = match work.new.required.contains_key(name) {
                    true => Kind::RequiredPropertyAdded,
                    false => Kind::OptionalPropertyAdded,
                };
                one_sided(work, kind, None, y.first().copied(), name, hidden);
                match was.undeclared(name) {
                    Undeclared::Forbidden => {
                        one_sided(work, Kind::PropertyAllowed, None, y.first().copied(), name, hidden);
                    }
                    Undeclared::Fits(x) if !x.is_empty() => work.edge(&x, &y, Step::Property(hidden)),
                    Undeclared::Fits(_) => {}
                }
            }
            (Some(x), None) => {
                let hidden = hidden(base, &x, work.siblings().0);
                let kind = match work.old.required.contains_key(name) {
                    true => Kind::RequiredPropertyRemoved,
                    false => Kind::OptionalPropertyRemoved,
                };
                one_sided(work, kind, x.first().copied(), None, name, hidden);
                match is.undeclared(name) {
                    Undeclared::Forbidden => {
                        one_sided(work, Kind::PropertyForbidden, x.first().copied(), None, name, hidden);
                    }
                    Undeclared::Fits(y) if !y.is_empty() => work.edge(&x, &y, Step::Property(hidden)),
                    Undeclared::Fits(_) => {}
                }
            }
            (None, None) => {}
        }
    }
    (work.old.properties, work.new.properties) = (old, new);
    strange(work, &was, &is);
    let (rest_old, rest_new) = (schemas(base, &work.old.additional), schemas(revision, &work.new.additional));
    openness(work, (was_closed, is_closed), &rest_old, &rest_new);
}

/// Patterns that are not understood are told, as nobody can say which properties they speak of.
fn strange(work: &mut Work<'_, '_>, was: &Patterns, is: &Patterns) {
    let place = |conj: &Conj| conj.first().copied();
    let olds: Vec<(String, Option<NodeId>)> = was.strange().map(|(p, c)| (p.to_string(), place(c))).collect();
    let news: Vec<(String, Option<NodeId>)> = is.strange().map(|(p, c)| (p.to_string(), place(c))).collect();
    if olds.iter().map(|(p, _)| p).eq(news.iter().map(|(p, _)| p))
        && work.old.properties.keys().eq(work.new.properties.keys())
    {
        return;
    }
    let told = |p: &str| format!("which declared properties the pattern `{p}` speaks of is not known");
    for (pattern, at) in olds {
        work.note(told(&pattern), at, None);
    }
    for (pattern, at) in news {
        work.note(told(&pattern), None, at);
    }
}

fn one_sided(
    work: &mut Work<'_, '_>,
    kind: Kind,
    base: Option<NodeId>,
    revision: Option<NodeId>,
    name: &str,
    hidden: Hidden,
) {
    let change = work.change(kind, base, revision);
    change.subject = name.into();
    change.hidden = hidden;
}

fn property(work: &mut Work<'_, '_>, name: &str, old: &Conj, new: &Conj) {
    let (base, revision) = (old.first().copied(), new.first().copied());
    let siblings = work.siblings();
    let (was, is) = (hidden(work.old_lib(), old, siblings.0), hidden(work.new_lib(), new, siblings.1));
    let required = (work.old.required.get(name).copied(), work.new.required.get(name).copied());
    let kind = match required {
        (None, Some(_)) => Some(Kind::PropertyBecameRequired),
        (Some(_), None) => Some(Kind::PropertyBecameOptional),
        _ => None,
    };
    if let Some(kind) = kind {
        one_sided(work, kind, base, revision, name, is);
    }
    // What is hidden now counts if it had to be there before, what is hidden no more if it has to be there now.
    let needed = (required.0.is_some(), required.1.is_some());
    let toggles = [
        (
            (was.read_only, is.read_only),
            if needed.0 { Kind::RequiredBecameReadOnly } else { Kind::BecameReadOnly },
            if needed.1 { Kind::RequiredNotReadOnly } else { Kind::NotReadOnly },
        ),
        (
            (was.write_only, is.write_only),
            if needed.0 { Kind::RequiredBecameWriteOnly } else { Kind::BecameWriteOnly },
            if needed.1 { Kind::RequiredNotWriteOnly } else { Kind::NotWriteOnly },
        ),
    ];
    for ((before, after), became, ceased) in toggles {
        if before != after {
            let kind = if after { became } else { ceased };
            one_sided(work, kind, base, revision, name, Hidden::default());
        }
    }
    work.edge(old, new, Step::Property(is));
}

/// What may be there beside the declared properties.
fn openness(work: &mut Work<'_, '_>, closed: (bool, bool), old: &Conj, new: &Conj) {
    let (base, revision) = (work.old.additional.first().copied(), work.new.additional.first().copied());
    match closed {
        (false, true) if !never(work.new_lib(), &work.new.additional) => unevaluated(work, UNEVALUATED),
        (true, false) if !never(work.old_lib(), &work.old.additional) => unevaluated(work, UNEVALUATED),
        (false, true) => drop(work.change(Kind::Closed, base, revision)),
        (true, false) => drop(work.change(Kind::Opened, base, revision)),
        (true, true) => {}
        (false, false) => match (old.is_empty(), new.is_empty()) {
            (true, false) => drop(work.change(Kind::AdditionalSet, base, revision)),
            (false, true) => drop(work.change(Kind::AdditionalUnset, base, revision)),
            _ => work.edge(old, new, Step::Inner),
        },
    }
    if closed == (false, false) {
        unevaluated(work, UNEVALUATED);
    }
}

fn unevaluated(work: &mut Work<'_, '_>, key: &'static str) {
    let old = work.old.unevaluated.get(key).cloned().unwrap_or_default();
    let new = work.new.unevaluated.get(key).cloned().unwrap_or_default();
    let (base, revision) = (work.old_lib(), work.new_lib());
    let (at, to) = (old.first().copied(), new.first().copied());
    let kind = match (never(base, &old), never(revision, &new)) {
        (true, true) => return,
        (false, true) => Kind::UnevaluatedClosed,
        (true, false) => Kind::UnevaluatedOpened,
        (false, false) => match (schemas(base, &old).is_empty(), schemas(revision, &new).is_empty()) {
            (true, true) => return,
            (true, false) => Kind::AdditionalSet,
            (false, true) => Kind::AdditionalUnset,
            (false, false) => return work.edge(&old, &new, Step::Inner),
        },
    };
    work.change(kind, at, to).subject = key.into();
}

/// Names that are required without being declared.
fn undeclared(work: &mut Work<'_, '_>) {
    // What nothing declares and nothing allows cannot be there.
    let forbids = |library: &Library, shape: &Shape<'_>, name: &str| {
        never(library, &shape.additional)
            && matches!(Patterns::of(library, shape, true).undeclared(name), Undeclared::Forbidden)
    };
    let news: Vec<(&str, NodeId)> = work.new.required.iter().map(|(n, at)| (*n, *at)).collect();
    let olds: Vec<(&str, NodeId)> = work.old.required.iter().map(|(n, at)| (*n, *at)).collect();
    for (name, at) in news {
        if !work.new.properties.contains_key(name) && !work.old.required.contains_key(name) {
            let kind = match forbids(work.new_lib(), &work.new, name) {
                true => Kind::RequiredForbidden,
                false if work.old.properties.contains_key(name) => Kind::DroppedRequired,
                false => Kind::UndeclaredRequired,
            };
            work.change(kind, None, Some(at)).subject = name.into();
        }
    }
    for (name, at) in olds {
        if !work.old.properties.contains_key(name) && !work.new.required.contains_key(name) {
            let kind = match forbids(work.old_lib(), &work.old, name) {
                true => Kind::RequiredAllowed,
                false if work.new.properties.contains_key(name) => Kind::DeclaredNotRequired,
                false => Kind::UndeclaredNotRequired,
            };
            work.change(kind, Some(at), None).subject = name.into();
        }
    }
}

/// In an object that allows nothing undeclared, a pattern is what allows; in any other it demands.
fn pattern_properties(work: &mut Work<'_, '_>) {
    let closed = (closed(work.old_lib(), &work.old), closed(work.new_lib(), &work.new));
    let old = std::mem::take(&mut work.old.pattern_properties);
    let new = std::mem::take(&mut work.new.pattern_properties);
    for (x, y) in old.iter().filter_map(|(name, x)| Some((x, new.get(name)?))) {
        work.edge(x, y, Step::Inner);
    }
    let gone: Vec<(&str, &Conj)> = old.iter().filter(|(k, _)| !new.contains_key(*k)).map(|(k, c)| (*k, c)).collect();
    let come: Vec<(&str, &Conj)> = new.iter().filter(|(k, _)| !old.contains_key(*k)).map(|(k, c)| (*k, c)).collect();
    let place = |conj: &Conj| conj.first().copied();
    if let ([(before, x), ..], [(after, y), ..]) = (&gone[..], &come[..])
        && (closed.0 || closed.1)
    {
        // Whether the one lets through all that the other does is not known.
        let change = work.change(Kind::PatternChanged, place(x), place(y));
        (change.from, change.to) = ((*before).into(), (*after).into());
        work.edge(x, y, Step::Inner);
    } else {
        for (name, x) in gone {
            let kind = if closed.1 { Kind::PropertyForbidden } else { Kind::PatternPropertyRemoved };
            work.change(kind, place(x), None).subject = name.into();
        }
        for (name, y) in come {
            let kind = if closed.0 { Kind::PropertyAllowed } else { Kind::PatternPropertyAdded };
            work.change(kind, None, place(y)).subject = name.into();
        }
    }
    (work.old.pattern_properties, work.new.pattern_properties) = (old, new);
}

fn dependent_required(work: &mut Work<'_, '_>) {
    let old = std::mem::take(&mut work.old.dependent_required);
    let new = std::mem::take(&mut work.new.dependent_required);
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let none = std::collections::BTreeMap::new();
    for name in names {
        let (x, y) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        let come: Vec<(&str, NodeId)> = y.iter().filter(|(k, _)| !x.contains_key(*k)).map(|(k, n)| (*k, *n)).collect();
        let gone: Vec<(&str, NodeId)> = x.iter().filter(|(k, _)| !y.contains_key(*k)).map(|(k, n)| (*k, *n)).collect();
        let words = |all: &[(&str, NodeId)]| all.iter().map(|(k, _)| *k).collect::<Vec<_>>().join(", ");
        if let Some((_, at)) = come.first() {
            let change = work.change(Kind::DependentRequiredAdded, None, Some(*at));
            (change.subject, change.to) = (name.into(), words(&come));
        }
        if let Some((_, at)) = gone.first() {
            let change = work.change(Kind::DependentRequiredRemoved, Some(*at), None);
            (change.subject, change.to) = (name.into(), words(&gone));
        }
    }
}

fn items(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.prefix), std::mem::take(&mut work.new.prefix));
    let (old_rest, new_rest) = (work.old.items.clone(), work.new.items.clone());
    for i in 0..old.len().max(new.len()) {
        // Where one side says nothing of a place, what it says of the rest holds there.
        let (x, y) = (old.get(i).unwrap_or(&old_rest), new.get(i).unwrap_or(&new_rest));
        work.edge(x, y, Step::Inner);
    }
    work.edge(&old_rest, &new_rest, Step::Item);
    contains(work);
    unevaluated(work, "unevaluatedItems");
}

/// Pairs of what must hold each for itself: equal ones first, the rest in order; with what is left on either side.
fn partners(work: &mut Work<'_, '_>, old: &[NodeId], new: &[NodeId]) -> (Vec<(usize, usize)>, Vec<usize>, Vec<usize>) {
    let (mut pairs, mut olds) = (Vec::new(), (0..old.len()).collect::<Vec<_>>());
    let mut news: Vec<usize> = (0..new.len()).collect();
    if let ([_], [_]) = (old, new) {
        return (vec![(0, 0)], Vec::new(), Vec::new());
    }
    // More than anybody writes by hand are taken in the order they are in.
    if old.len() * new.len() <= MAX_TRIES {
        olds.retain(|i| {
            let equal = |j: &usize| work.engine.relation(&[old[*i]], &[new[*j]]) == Effect::NONE;
            let at = news.iter().position(equal);
            pairs.extend(at.map(|at| (*i, news.remove(at))));
            at.is_none()
        });
    }
    let rest = olds.len().min(news.len());
    pairs.extend(olds.drain(..rest).zip(news.drain(..rest)));
    (pairs, olds, news)
}

fn contains(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.contains), std::mem::take(&mut work.new.contains));
    let at = |all: &[Contains]| all.iter().map(|c| c.at).collect::<Vec<NodeId>>();
    let (pairs, olds, news) = partners(work, &at(&old), &at(&new));
    for (x, y) in pairs.into_iter().map(|(i, j)| (&old[i], &new[j])) {
        work.edge(&[x.at], &[y.at], Step::Inner);
        // Of what may not be there too often, more that counts is less that is let through.
        if x.max.is_some() && y.max.is_some() {
            work.edge(&[x.at], &[y.at], Step::Not);
        }
        // One must be there where nothing is said.
        let least = |c: &Contains| c.min.clone().unwrap_or(Bound { value: 1.into(), exclusive: false, at: c.at });
        numbers::compare(work, Limit::MinContains, Some(least(x)), Some(least(y)));
        numbers::compare(work, Limit::MaxContains, x.max.clone(), y.max.clone());
    }
    for i in olds {
        work.change(Kind::ContainsRemoved, Some(old[i].at), None);
    }
    for j in news {
        work.change(Kind::ContainsAdded, None, Some(new[j].at));
    }
}

fn discriminator(work: &mut Work<'_, '_>) {
    let (old, new) = (work.old.discriminator, work.new.discriminator);
    let (base, revision) = (work.old_lib(), work.new_lib());
    match (old, new) {
        (None, Some(_)) => drop(work.change(Kind::DiscriminatorAdded, None, new)),
        (Some(_), None) => drop(work.change(Kind::DiscriminatorRemoved, old, None)),
        (Some(x), Some(y)) => {
            let names = (subtypes::property_name(base, x), subtypes::property_name(revision, y));
            if names.0 != names.1 {
                let change = work.change(Kind::DiscriminatorPropertyChanged, old, new);
                change.from = names.0.unwrap_or_default().into();
                change.to = names.1.unwrap_or_default().into();
            }
            mapping(work, x, y);
            subtypes::renamed(work, x, y);
        }
        (None, None) => {}
    }
}

fn mapping(work: &mut Work<'_, '_>, old: NodeId, new: NodeId) {
    let (base, revision) = (work.old_lib(), work.new_lib());
    let of = |library: &'_ Library, node: NodeId| library.get(node, "mapping");
    let (x, y) = (of(base, old), of(revision, new));
    // A value that is the name of a schema needs no mapping.
    let known = |library: &Library, name: &str| library.mapped(library.root(), name).is_some();
    for (name, at) in x.map_or(&[][..], |n| base.entries(n)) {
        match y.and_then(|n| revision.get(n, name)) {
            None => {
                let kind = if known(revision, name) { Kind::MappingRemoved } else { Kind::MappingLost };
                work.change(kind, Some(*at), y.or(Some(new))).subject = name.to_string();
            }
            Some(to) if !work.same(*at, to) => {
                work.changed(Kind::MappingChanged, Some(*at), Some(to)).subject = name.to_string();
            }
            Some(_) => {}
        }
    }
    for (name, at) in y.map_or(&[][..], |n| revision.entries(n)) {
        if x.and_then(|n| base.get(n, name)).is_none() {
            let kind = if known(base, name) { Kind::MappingAdded } else { Kind::MappingGained };
            work.change(kind, x.or(Some(old)), Some(*at)).subject = name.to_string();
        }
    }
}

fn nots(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.nots), std::mem::take(&mut work.new.nots));
    let siblings = work.siblings();
    // What the types do not let through need not be ruled out.
    let idle = |library: &Library, at: NodeId, types: Types, siblings: bool| {
        let inner = shape::read(library, &[at], siblings).types;
        inner.at.is_some() && !inner.set.has(types.and(Types::STRANGE))
    };
    let was_idle: Vec<bool> = old.iter().map(|n| idle(work.old_lib(), *n, work.old.types.set, siblings.0)).collect();
    let is_idle: Vec<bool> = new.iter().map(|n| idle(work.new_lib(), *n, work.new.types.set, siblings.1)).collect();
    let (pairs, mut olds, mut news) = partners(work, &old, &new);
    for (i, j) in pairs {
        let mut equal = || Effect::NONE == work.engine.relation(&[old[i]], &[new[j]]);
        match (was_idle[i], is_idle[j]) {
            (false, false) => work.edge(&[old[i]], &[new[j]], Step::Not),
            (true, false) if !equal() => news.push(j),
            (false, true) if !equal() => olds.push(i),
            _ => {}
        }
    }
    for j in news.into_iter().filter(|j| !is_idle[*j]) {
        work.change(Kind::NotAdded, None, Some(new[j]));
    }
    for i in olds.into_iter().filter(|i| !was_idle[*i]) {
        work.change(Kind::NotRemoved, Some(old[i]), None);
    }
}
