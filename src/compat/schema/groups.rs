//! `oneOf` and `anyOf`: what became of their alternatives. Which one became which, `matching` says.
use std::collections::BTreeSet;

use super::engine::{Step, Work};
use super::kind::Kind;
use super::shape::{self, Conj, Group, GroupKind, NO_GROUPS, Shape, without};
use super::subtypes::Values;
use super::types::Types;
use super::{matching, overlaps, said};
use crate::compat::document::{Library, NodeId};

/// Pairs of alternatives without a name that are compared by what they hold.
pub(super) const MAX_TRIES: usize = 400;

/// An alternative: all that must hold, and the names it goes by.
pub(super) struct Branch {
    pub conj: Conj,
    pub at: NodeId,
    pub name: Option<String>,
    /// The discriminator's values for it.
    pub values: BTreeSet<String>,
    /// Named by a reference or a discriminator: another name is another alternative.
    pub firm: bool,
    pub taken: bool,
    /// Its values are of a choice inside of the one that is compared.
    pub inner: bool,
    /// What it became, or was: all that must hold there.
    pub mate: Conj,
}

/// Null is taken out of every alternative: the schema as a whole says whether it is allowed.
pub(super) fn branches(library: &Library, shape: &Shape<'_>, nodes: &[NodeId], siblings: bool) -> Vec<Branch> {
    let discriminator = shape.discriminator.map(|d| Values::of(library, d));
    let branch = |node: &NodeId| {
        let reference = library.reference(*node);
        let title = || library.text_at(*node, "title").map(String::from);
        let (firm, name) = (reference.is_some(), reference.map(last_word).or_else(title));
        let target = library.follow(*node).filter(|_| firm);
        let values = discriminator.as_ref().zip(target).map(|(values, target)| values.for_schema(target));
        let null = said::says_null(library, *node, siblings) == Some(true);
        let conj = vec![if null { *node | without(Types::NULL) } else { *node }];
        Branch {
            conj,
            at: *node,
            name,
            values: values.unwrap_or_default(),
            firm,
            taken: false,
            inner: false,
            mate: Conj::new(),
        }
    };
    nodes.iter().map(branch).collect()
}

fn last_word(reference: &str) -> String {
    reference.rsplit(['/', '#']).next().unwrap_or(reference).to_string()
}

pub(super) fn old_branches(work: &Work<'_, '_>, group: &Group) -> Vec<Branch> {
    branches(work.old_lib(), &work.old, &group.branches, work.siblings().0)
}

pub(super) fn new_branches(work: &Work<'_, '_>, group: &Group) -> Vec<Branch> {
    branches(work.new_lib(), &work.new, &group.branches, work.siblings().1)
}

/// Compares the groups that both sides have, those first that hold the same.
pub(super) fn compare(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.groups), std::mem::take(&mut work.new.groups));
    let partners = matching::groups(work, &old, &new);
    for (x, y) in partners.iter().map(|(i, j)| (&old[*i], &new[*j])) {
        if x.kind != y.kind {
            let kind = if y.kind == GroupKind::OneOf { Kind::ExactlyOneSet } else { Kind::ExactlyOneUnset };
            work.change(kind, Some(x.at), Some(y.at));
        }
        pair(work, x, y);
    }
    for (_, x) in old.iter().enumerate().filter(|(i, _)| partners.iter().all(|p| p.0 != *i)) {
        work.change(Kind::ChoiceRemoved, Some(x.at), None).subject = x.kind.word().into();
    }
    for (_, y) in new.iter().enumerate().filter(|(j, _)| partners.iter().all(|p| p.1 != *j)) {
        work.change(Kind::ChoiceAdded, None, Some(y.at)).subject = y.kind.word().into();
    }
}

fn pair(work: &mut Work<'_, '_>, old: &Group, new: &Group) {
    let (olds, news) = (old_branches(work, old), new_branches(work, new));
    // Where any number may fit, what an alternative of a bare type holds is held whatever the others say.
    let open = |library: &Library, group: &Group| {
        let bare = group.branches.iter().filter_map(|b| said::bare(library, *b));
        match group.kind {
            GroupKind::AnyOf => bare.fold(Types::NONE, Types::and),
            GroupKind::OneOf => Types::NONE,
        }
    };
    let open = (open(work.old_lib(), old), open(work.new_lib(), new));
    let one = (old.kind == GroupKind::OneOf, new.kind == GroupKind::OneOf);
    settle(work, olds, news, How { kind: new.kind, step: Step::Inner, open, one });
}

/// One side is a choice and the other is not, or one that is an alternative of the first as a whole: then the other is a
/// choice of its types. True when this was so, and nothing else of the two schemas is left to compare.
pub(super) fn wrapped(work: &mut Work<'_, '_>) -> bool {
    if work.common.without(Types::NULL).is_empty() {
        return false;
    }
    let (old, new) = (work.old.groups.clone(), work.new.groups.clone());
    let found = match (old.as_slice(), new.as_slice()) {
        ([], [group]) => {
            let news = split_new(work, group);
            let one = part_of(&work.old, Types::NULL);
            let holds = |new: &Branch| !work.engine.relation(&one.conj, &new.conj).narrows;
            let held = news.iter().take(MAX_TRIES).any(holds);
            Some((if held { vec![one] } else { by_type(&work.old) }, news, group.kind))
        }
        ([group], []) => {
            let olds = split_old(work, group);
            let one = part_of(&work.new, Types::NULL);
            let holds = |old: &Branch| !work.engine.relation(&old.conj, &one.conj).widens;
            let held = olds.iter().take(MAX_TRIES).any(holds);
            Some((olds, if held { vec![one] } else { by_type(&work.new) }, group.kind))
        }
        ([], _) | (_, []) => None,
        (olds, news) => inside(work, olds, news),
    };
    let Some((olds, news, kind)) = found else { return false };
    let one = (!old.is_empty() && kind == GroupKind::OneOf, !new.is_empty() && kind == GroupKind::OneOf);
    settle(work, olds, news, How { kind, step: Step::Same, open: (Types::NONE, Types::NONE), one });
    true
}

/// Both sides are choices: one of them may be, as a whole, what an alternative of the other names.
fn inside(work: &mut Work<'_, '_>, old: &[Group], new: &[Group]) -> Option<(Vec<Branch>, Vec<Branch>, GroupKind)> {
    if let ([x], [y]) = (old, new) {
        if x.branches.len() == y.branches.len() && x.kind == y.kind {
            return None;
        }
        let named = |all: Vec<Branch>| -> Vec<String> { all.into_iter().filter_map(|b| b.name).collect() };
        let names = named(old_branches(work, x));
        if named(new_branches(work, y)).iter().any(|n| names.contains(n)) {
            return None;
        }
    }
    // One that is the same comes before one that holds it, and then the larger choice before the smaller: which of two that
    // would both do is taken must not hang on which of them is the older.
    let size = |g: &Group| (g.branches.len(), g.kind == GroupKind::OneOf);
    let older_first = matches!((old, new), ([x], [y]) if size(x) > size(y));
    for exact in [true, false] {
        for older in [older_first, !older_first] {
            let found = match (older, old, new) {
                (true, [x], _) => inside_old(work, x, exact),
                (false, _, [y]) => inside_new(work, y, exact),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// The older schema as a whole is what an alternative of the newer one names, or is held by it.
fn inside_new(work: &mut Work<'_, '_>, group: &Group, exact: bool) -> Option<(Vec<Branch>, Vec<Branch>, GroupKind)> {
    let (olds, news) = (whole(&work.old), split_new(work, group));
    let mut within = |b: &Branch| {
        b.firm && {
            let effect = work.engine.relation(&olds[0].conj, &b.conj);
            !(effect.narrows || exact && effect.widens)
        }
    };
    let found = news.iter().take(MAX_TRIES).any(&mut within);
    found.then_some((olds, news, group.kind))
}

/// The newer schema as a whole is what an alternative of the older one names, or is held by it.
fn inside_old(work: &mut Work<'_, '_>, group: &Group, exact: bool) -> Option<(Vec<Branch>, Vec<Branch>, GroupKind)> {
    let (olds, news) = (split_old(work, group), whole(&work.new));
    let mut within = |b: &Branch| {
        b.firm && {
            let effect = work.engine.relation(&b.conj, &news[0].conj);
            !(effect.widens || exact && effect.narrows)
        }
    };
    let found = olds.iter().take(MAX_TRIES).any(&mut within);
    found.then_some((olds, news, group.kind))
}

/// A schema as the only alternative.
fn whole(shape: &Shape<'_>) -> Vec<Branch> {
    vec![part_of(shape, Types::NULL)]
}

/// A schema as a choice of its types.
fn by_type(shape: &Shape<'_>) -> Vec<Branch> {
    let set = shape.types.set;
    let types: Vec<Types> = set.without(Types::NULL).each().collect();
    if types.len() < 2 || shape.types.at.is_none() || set.has(Types::STRANGE) {
        return whole(shape);
    }
    types.into_iter().map(|one| part_of(shape, Types::ANY.without(one))).collect()
}

/// The values of a schema that are of none of these types.
fn part_of(shape: &Shape<'_>, types: Types) -> Branch {
    let conj = shape.parts.iter().map(|n| n | without(types)).collect();
    Branch {
        conj,
        at: shape.at,
        name: None,
        values: BTreeSet::new(),
        firm: false,
        taken: false,
        inner: false,
        mate: Conj::new(),
    }
}

/// The alternatives of a schema, each with all that holds for every one.
fn split(shape: &Shape<'_>, mut all: Vec<Branch>) -> Vec<Branch> {
    for branch in &mut all {
        let parts = shape.parts.iter().map(|n| n | NO_GROUPS | without(Types::NULL));
        branch.conj = parts.chain(branch.conj.iter().copied()).collect();
    }
    all
}

fn split_old(work: &Work<'_, '_>, group: &Group) -> Vec<Branch> {
    split(&work.old, old_branches(work, group))
}

fn split_new(work: &Work<'_, '_>, group: &Group) -> Vec<Branch> {
    split(&work.new, new_branches(work, group))
}

/// How alternatives are matched.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub kind: GroupKind,
    step: Step,
    /// Types of which all values are held anyway, before and after.
    open: (Types, Types),
    /// Exactly one has to fit, before and after.
    pub one: (bool, bool),
}

impl How {
    /// What another alternative holds is no loss: any number may fit, or a schema that is no choice holds several.
    pub fn within(self) -> bool {
        self.kind == GroupKind::AnyOf || self.step == Step::Same
    }

    /// Compares two alternatives that are one. Where all values of both are held anyway, it makes no difference.
    pub fn join(self, work: &mut Work<'_, '_>, old: &mut Branch, new: &mut Branch) {
        (old.taken, new.taken) = (true, true);
        (old.mate, new.mate) = (new.conj.clone(), old.conj.clone());
        // Of a choice inside of the other nobody else tells that a value is another one.
        if (old.inner || new.inner)
            && !old.values.is_empty()
            && !new.values.is_empty()
            && old.values.is_disjoint(&new.values)
        {
            let words = |b: &Branch| b.values.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let (subject, from, to) = (new.name.clone().unwrap_or_default(), words(old), words(new));
            let change = work.change(Kind::ValueRenamed, Some(old.at), Some(new.at));
            (change.subject, change.from, change.to) = (subject, from, to);
        }
        if !self.open.0.is_empty() && !self.open.1.is_empty() {
            let siblings = work.siblings();
            let held = |library: &Library, conj: &[NodeId], siblings: bool, open: Types| {
                let types = shape::read(library, conj, siblings).types;
                types.at.is_some() && types.set.without(open.and(Types::NULL)).is_empty()
            };
            if held(work.old_lib(), &old.conj, siblings.0, self.open.1)
                && held(work.new_lib(), &new.conj, siblings.1, self.open.0)
            {
                return;
            }
        }
        work.edge(&old.conj, &new.conj, self.step);
    }
}

/// Matches alternatives, compares what is matched, and tells what is left over.
fn settle(work: &mut Work<'_, '_>, mut olds: Vec<Branch>, mut news: Vec<Branch>, how: How) {
    matching::run(work, &mut olds, &mut news, how);
    overlaps::compare(work, &olds, &news, how);
    for old in olds.iter().filter(|b| !b.taken) {
        let covered = how.within() && news.iter().take(MAX_TRIES).any(|new| holds(work, how, old, new));
        let change = work.change(gone(how.kind, covered, old.firm), Some(old.at), None);
        change.subject = old.name.clone().unwrap_or_default();
    }
    for new in news.iter().filter(|b| !b.taken) {
        let covered = how.within() && olds.iter().take(MAX_TRIES).any(|old| held(work, how, old, new));
        let change = work.change(gone(how.kind, covered, new.firm).swapped(), None, Some(new.at));
        change.subject = new.name.clone().unwrap_or_default();
    }
}

/// The newer alternative holds the older one. Where exactly one has to fit, it has to say what it is for as well: an
/// object that need not have any property lets through all others.
fn holds(work: &mut Work<'_, '_>, how: How, old: &Branch, new: &Branch) -> bool {
    let siblings = work.siblings();
    let (inner, outer) = ((work.old_lib(), old, siblings.0), (work.new_lib(), new, siblings.1));
    !work.engine.relation(&old.conj, &new.conj).narrows
        && (how.kind == GroupKind::AnyOf || matching::declared(inner, outer))
}

/// The same the other way round.
fn held(work: &mut Work<'_, '_>, how: How, old: &Branch, new: &Branch) -> bool {
    let siblings = work.siblings();
    let (inner, outer) = ((work.new_lib(), new, siblings.1), (work.old_lib(), old, siblings.0));
    !work.engine.relation(&old.conj, &new.conj).widens
        && (how.kind == GroupKind::AnyOf || matching::declared(inner, outer))
}

fn gone(kind: GroupKind, covered: bool, firm: bool) -> Kind {
    match (kind, covered, firm) {
        (GroupKind::OneOf, true, _) => Kind::OverlappingRemoved,
        (GroupKind::OneOf, false, _) => Kind::OneOfRemoved,
        (GroupKind::AnyOf, false, _) => Kind::AnyOfRemoved,
        (GroupKind::AnyOf, true, true) => Kind::CoveredAnyOfRemoved,
        (GroupKind::AnyOf, true, false) => Kind::OverlappingRemoved,
    }
}
