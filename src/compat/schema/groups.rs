//! `oneOf` and `anyOf`: which alternative became which. By discriminator, by name, then by what they hold.
use super::engine::{Step, Work};
use super::kind::Kind;
use super::shape::{Conj, Group, GroupKind, NO_GROUPS, Shape};
use super::types::Types;
use crate::compat::document::{Library, NodeId};

/// Pairs of alternatives without a name that are compared by what they hold.
const MAX_TRIES: usize = 400;

/// An alternative: all that must hold, and the names it goes by.
struct Branch {
    conj: Conj,
    at: NodeId,
    name: Option<String>,
    /// The discriminator's value for it.
    value: Option<String>,
    /// Named by a reference or a discriminator: another name is another alternative.
    firm: bool,
    taken: bool,
}

fn branches(library: &Library, shape: &Shape<'_>, nodes: &[NodeId]) -> Vec<Branch> {
    let mapping = shape.discriminator.and_then(|d| library.get(d, "mapping"));
    let mapped = mapping.map_or(&[][..], |m| library.entries(m));
    let branch = |node: &NodeId| {
        let reference = library.reference(*node);
        let value = mapped.iter().find(|(_, to)| reference.is_some() && library.text(*to) == reference);
        let title = || library.text_at(*node, "title").map(String::from);
        let (firm, name) = (reference.is_some(), reference.map(last_word).or_else(title));
        let value = value.map(|(value, _)| value.to_string());
        Branch { conj: vec![*node], at: *node, name, value, firm, taken: false }
    };
    nodes.iter().map(branch).collect()
}

fn last_word(reference: &str) -> String {
    reference.rsplit(['/', '#']).next().unwrap_or(reference).to_string()
}

/// Compares the groups that both sides have, of one kind if possible.
pub(super) fn compare(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.groups), std::mem::take(&mut work.new.groups));
    let mut left: Vec<Option<Group>> = new.into_iter().map(Some).collect();
    let mut unmatched = Vec::new();
    for group in old {
        let same = left.iter_mut().find(|g| g.as_ref().is_some_and(|g| g.kind == group.kind));
        match same.and_then(Option::take) {
            Some(other) => pair(work, &group, &other),
            None => unmatched.push(group),
        }
    }
    let mut rest: Vec<Group> = left.into_iter().flatten().collect();
    rest.reverse();
    for group in unmatched {
        match rest.pop() {
            Some(other) => {
                let kind = if other.kind == GroupKind::OneOf { Kind::ExactlyOneSet } else { Kind::ExactlyOneUnset };
                work.change(kind, Some(group.at), Some(other.at));
                pair(work, &group, &other);
            }
            None => work.change(Kind::ConditionRemoved, Some(group.at), None).subject = "a set of alternatives".into(),
        }
    }
    for group in rest {
        work.change(Kind::ConditionAdded, None, Some(group.at)).subject = "a set of alternatives".into();
    }
}

fn pair(work: &mut Work<'_, '_>, old: &Group, new: &Group) {
    let olds = branches(work.old_lib(), &work.old, &old.branches);
    let news = branches(work.new_lib(), &work.new, &new.branches);
    settle(work, olds, news, new.kind, Step::Inner);
}

/// One side is a choice and the other is not, or one that is an alternative of the first as a whole: then the other is a
/// choice of one. True when this was so, and nothing else of the two schemas is left to compare.
pub(super) fn wrapped(work: &mut Work<'_, '_>) -> bool {
    if work.common.without(Types::NULL).is_empty() {
        return false;
    }
    let (old, new) = (work.old.groups.clone(), work.new.groups.clone());
    let found = match (old.as_slice(), new.as_slice()) {
        ([], [group]) => Some((whole(&work.old), split(work.new_lib(), &work.new, group), group.kind)),
        ([group], []) => Some((split(work.old_lib(), &work.old, group), whole(&work.new), group.kind)),
        ([], _) | (_, []) => None,
        (olds, news) => inside(work, olds, news),
    };
    let Some((olds, news, kind)) = found else { return false };
    settle(work, olds, news, kind, Step::Same);
    true
}

/// Both sides are choices: one of them may be, as a whole, what an alternative of the other names.
fn inside(work: &mut Work<'_, '_>, old: &[Group], new: &[Group]) -> Option<(Vec<Branch>, Vec<Branch>, GroupKind)> {
    if let ([x], [y]) = (old, new) {
        if x.branches.len() == y.branches.len() && x.kind == y.kind {
            return None;
        }
        let named = |library: &Library, shape: &Shape<'_>, group: &Group| -> Vec<String> {
            branches(library, shape, &group.branches).into_iter().filter_map(|b| b.name).collect()
        };
        let names = named(work.old_lib(), &work.old, x);
        if named(work.new_lib(), &work.new, y).iter().any(|n| names.contains(n)) {
            return None;
        }
    }
    if let [y] = new {
        let (olds, news) = (whole(&work.old), split(work.new_lib(), &work.new, y));
        let within = |b: &Branch| b.firm && !work.engine.relation(&olds[0].conj, &b.conj).narrows;
        if news.iter().take(MAX_TRIES).any(within) {
            return Some((olds, news, y.kind));
        }
    }
    if let [x] = old {
        let (olds, news) = (split(work.old_lib(), &work.old, x), whole(&work.new));
        let within = |b: &Branch| b.firm && !work.engine.relation(&b.conj, &news[0].conj).widens;
        if olds.iter().take(MAX_TRIES).any(within) {
            return Some((olds, news, x.kind));
        }
    }
    None
}

/// A schema as the only alternative.
fn whole(shape: &Shape<'_>) -> Vec<Branch> {
    let conj = if shape.groups.is_empty() { marked(&shape.parts) } else { shape.parts.clone() };
    vec![Branch { conj, at: shape.at, name: None, value: None, firm: false, taken: false }]
}

/// The alternatives of a schema, each with all that holds for every one.
fn split(library: &Library, shape: &Shape<'_>, group: &Group) -> Vec<Branch> {
    let parts = marked(&shape.parts);
    let mut all = branches(library, shape, &group.branches);
    for branch in &mut all {
        branch.conj = parts.iter().copied().chain(branch.conj.iter().copied()).collect();
    }
    all
}

fn marked(parts: &[NodeId]) -> Conj {
    parts.iter().map(|n| n | NO_GROUPS).collect()
}

/// Matches alternatives, compares what is matched, and tells what is left over.
fn settle(work: &mut Work<'_, '_>, mut olds: Vec<Branch>, mut news: Vec<Branch>, kind: GroupKind, step: Step) {
    let by_name = |old: &Branch, new: &Branch| old.name.is_some() && new.firm == old.firm && new.name == old.name;
    let by_value = |old: &Branch, new: &Branch| old.value.is_some() && new.value == old.value;
    let ways: [fn(&Branch, &Branch) -> bool; 2] = [by_name, by_value];
    for fits in ways {
        for old in olds.iter_mut().filter(|b| !b.taken) {
            if let Some(new) = news.iter_mut().find(|new| !new.taken && fits(old, new)) {
                (old.taken, new.taken) = (true, true);
                work.edge(&old.conj, &new.conj, step);
            }
        }
    }
    by_content(work, &mut olds, &mut news, step);
    one_left(work, &mut olds, &mut news, step);
    for old in olds.iter().filter(|b| !b.taken) {
        let covered = kind == GroupKind::AnyOf
            && news.iter().take(MAX_TRIES).any(|new| !work.engine.relation(&old.conj, &new.conj).narrows);
        let change = work.change(gone(kind, covered, old.firm), Some(old.at), None);
        change.subject = old.name.clone().unwrap_or_default();
    }
    for new in news.iter().filter(|b| !b.taken) {
        let covered = kind == GroupKind::AnyOf
            && olds.iter().take(MAX_TRIES).any(|old| !work.engine.relation(&old.conj, &new.conj).widens);
        let change = work.change(gone(kind, covered, new.firm).swapped(), None, Some(new.at));
        change.subject = new.name.clone().unwrap_or_default();
    }
}

fn gone(kind: GroupKind, covered: bool, firm: bool) -> Kind {
    match (kind, covered, firm) {
        (GroupKind::OneOf, ..) => Kind::OneOfRemoved,
        (GroupKind::AnyOf, false, _) => Kind::AnyOfRemoved,
        (GroupKind::AnyOf, true, true) => Kind::CoveredAnyOfRemoved,
        (GroupKind::AnyOf, true, false) => Kind::OverlappingRemoved,
    }
}

/// Alternatives without a common name: equal ones first, then those where one holds the other.
fn by_content(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], step: Step) {
    let mut tries = 0;
    for exact in [true, false] {
        for old in olds.iter_mut().filter(|b| !b.taken) {
            for new in news.iter_mut().filter(|b| !b.taken) {
                // A whole schema on one side may be any of the alternatives on the other.
                if old.firm && new.firm {
                    continue;
                }
                tries += 1;
                if tries > MAX_TRIES {
                    let what = "more alternatives without a name than are matched by what they hold";
                    return work.note(what, Some(old.at), Some(new.at));
                }
                let effect = work.engine.relation(&old.conj, &new.conj);
                let fits = if exact { !effect.narrows && !effect.widens } else { !effect.narrows || !effect.widens };
                if fits {
                    (old.taken, new.taken) = (true, true);
                    work.edge(&old.conj, &new.conj, step);
                    break;
                }
            }
        }
    }
}

/// A single alternative left on either side, without a name: it was changed.
fn one_left(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], step: Step) {
    let mut old = olds.iter_mut().filter(|b| !b.taken);
    let mut new = news.iter_mut().filter(|b| !b.taken);
    if let (Some(x), None, Some(y), None) = (old.next(), old.next(), new.next(), new.next())
        && !(x.firm && y.firm)
    {
        (x.taken, y.taken) = (true, true);
        work.edge(&x.conj, &y.conj, step);
    }
}
