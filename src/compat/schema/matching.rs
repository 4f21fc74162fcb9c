//! Which alternative became which: by the discriminator's value, by name, then by what they hold; and which of several
//! choices. Nothing hangs on which side is the older.
use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::engine::Work;
use super::groups::{Branch, How, MAX_TRIES, branches, new_branches, old_branches};
use super::kind::Effect;
use super::said;
use super::shape::{self, Conj, Group, GroupKind, PLAIN, Shape};
use super::{nested, values};
use crate::compat::document::{Library, NodeId};

/// Alternatives of one side, beyond which none is taken apart any more.
pub(super) const MAX_SPREAD: usize = 200;

/// Finds partners until none is left that can have one, and compares each two.
pub(super) fn run(work: &mut Work<'_, '_>, olds: &mut Vec<Branch>, news: &mut Vec<Branch>, how: How) {
    let mut apart = (Apart::default(), Apart::default());
    nested::open(work, olds, news, how.kind);
    loop {
        by_name(work, olds, news, how);
        if !alike(work, olds, news, how) {
            return;
        }
        let left = |all: &[Branch]| all.iter().any(|b| !b.taken);
        if !left(olds) || !left(news) {
            return;
        }
        let siblings = work.siblings();
        let old = apart.0.take(work.old_lib(), &work.old, olds, how.kind, siblings.0);
        let new = apart.1.take(work.new_lib(), &work.new, news, how.kind, siblings.1);
        if !old && !new {
            break;
        }
    }
    by_likeness(work, olds, news, how);
    one_left(work, olds, news, how);
}

fn by_name(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], how: How) {
    let by_name = |old: &Branch, new: &Branch| old.name.is_some() && new.firm == old.firm && new.name == old.name;
    let by_value = |old: &Branch, new: &Branch| !old.values.is_disjoint(&new.values);
    // What travels is the discriminator's value; the name of a schema does not.
    let ways: [fn(&Branch, &Branch) -> bool; 2] = [by_value, by_name];
    for fits in ways {
        for old in olds.iter_mut().filter(|b| !b.taken) {
            if let Some(new) = news.iter_mut().find(|new| !new.taken && fits(old, new)) {
                how.join(work, old, new);
            }
        }
    }
}

/// Alternatives between which nothing at all was changed. False where there are more than are looked at, which is told.
fn alike(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], how: How) -> bool {
    let mut tries = 0;
    for old in olds.iter_mut().filter(|b| !b.taken) {
        for new in news.iter_mut().filter(|b| !b.taken) {
            if old.firm && new.firm && !renamed(work, old, new) {
                continue;
            }
            tries += 1;
            if tries > MAX_TRIES {
                too_many(work, old, new);
                return false;
            }
            if work.engine.same(&old.conj, &new.conj) {
                how.join(work, old, new);
                break;
            }
        }
    }
    true
}

fn too_many(work: &mut Work<'_, '_>, old: &Branch, new: &Branch) {
    let what = "more alternatives without a name than are matched by what they hold";
    work.note(what, Some(old.at), Some(new.at));
}

/// The name alone may have changed: each is known to one side only, and the name is not what travels.
fn renamed(work: &Work<'_, '_>, old: &Branch, new: &Branch) -> bool {
    let (base, revision) = (work.old_lib(), work.new_lib());
    let (Some(was), Some(is)) = (&old.name, &new.name) else { return false };
    let unknown = |library: &Library, name: &str| library.mapped(library.root(), name).is_none();
    old.values.is_empty() && new.values.is_empty() && unknown(revision, was) && unknown(base, is)
}

/// How well two alternatives go together. More is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// One holds the other.
    Held,
    /// They let through the same.
    Equal,
    /// They declare properties of the same names: so many of a thousand, and what they let through beside.
    Alike(usize, u8),
}

/// Those that go together best come first, whichever side they are on; of equally good ones those at the same place.
fn by_likeness(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], how: How) {
    let left = |all: &[Branch]| -> Vec<usize> { (0..all.len()).filter(|i| !all[*i].taken).collect() };
    let (from, to) = (left(olds), left(news));
    let (Some(first), Some(other)) = (from.first(), to.first()) else { return };
    if from.len() * to.len() > MAX_TRIES {
        return too_many(work, &olds[*first], &news[*other]);
    }
    let mut found = Vec::new();
    for i in &from {
        for j in &to {
            let fit = fit(work, &olds[*i], &news[*j]);
            found.extend(fit.map(|fit| (Reverse(fit), i.abs_diff(*j), i + j, *i, *j)));
        }
    }
    found.sort_unstable();
    for (.., i, j) in found {
        if !olds[i].taken && !news[j].taken {
            how.join(work, &mut olds[i], &mut news[j]);
        }
    }
}

fn fit(work: &mut Work<'_, '_>, old: &Branch, new: &Branch) -> Option<Fit> {
    let firm = old.firm && new.firm;
    if firm && !renamed(work, old, new) {
        return None;
    }
    let siblings = work.siblings();
    let was = shape::read(work.old_lib(), &old.conj, siblings.0);
    let is = shape::read(work.new_lib(), &new.conj, siblings.1);
    let effect = work.engine.relation(&old.conj, &new.conj);
    let likeness = likeness(work, &was, &is);
    // Objects that need not have any property hold one another, whatever they are for.
    let named = !was.properties.is_empty() && !is.properties.is_empty();
    match (likeness, effect) {
        (0, Effect::NONE) => (!firm || !named).then_some(Fit::Equal),
        (_, Effect::NONE) => Some(Fit::Alike(likeness, 2)),
        _ if firm => None,
        (0, Effect::BOTH) => None,
        (0, _) => Some(Fit::Held),
        // Unrelated ones have a name or two in common as well.
        (_, Effect::BOTH) => (likeness >= 500).then_some(Fit::Alike(likeness, 0)),
        _ => Some(Fit::Alike(likeness, 1)),
    }
}

/// How many of the declared properties two schemas share, of a thousand. One of which the schema was changed counts for
/// less; and one that tells the two apart by the values it lists is enough for none.
fn likeness(work: &mut Work<'_, '_>, was: &Shape<'_>, is: &Shape<'_>) -> usize {
    let siblings = work.siblings();
    let mut score = 0;
    for (x, y) in was.properties.iter().filter_map(|(name, x)| Some((x, is.properties.get(name)?))) {
        if work.engine.relation(x, y) == Effect::NONE {
            score += 4;
            continue;
        }
        score += 1;
        let listed = |library: &Library, conj: &Conj, siblings: bool| {
            let allowed = shape::read(library, conj, siblings).allowed;
            allowed.map(|a| a.values.iter().map(|n| values::key(library, *n)).collect::<BTreeSet<String>>())
        };
        let before = listed(work.old_lib(), x, siblings.0);
        let after = listed(work.new_lib(), y, siblings.1);
        if before.zip(after).is_some_and(|(x, y)| x.is_disjoint(&y)) {
            return 0;
        }
    }
    let names: BTreeSet<&str> = was.properties.keys().chain(is.properties.keys()).copied().collect();
    score * 250 / names.len().max(1)
}

/// A single alternative left on either side, without a name: it was changed.
fn one_left(work: &mut Work<'_, '_>, olds: &mut [Branch], news: &mut [Branch], how: How) {
    let left = |all: &[Branch]| -> Option<usize> {
        let mut left = all.iter().enumerate().filter(|(_, b)| !b.taken).map(|(i, _)| i);
        left.next().filter(|_| left.next().is_none())
    };
    let (Some(i), Some(j)) = (left(olds), left(news)) else { return };
    if olds[i].firm && news[j].firm {
        return;
    }
    // Each may be held by another alternative as it is.
    let held = how.within()
        && news.iter().take(MAX_TRIES).any(|new| !work.engine.relation(&olds[i].conj, &new.conj).narrows)
        && olds.iter().take(MAX_TRIES).any(|old| !work.engine.relation(&old.conj, &news[j].conj).widens);
    if !held {
        how.join(work, &mut olds[i], &mut news[j]);
    }
}

/// The names that an alternative declares are all declared by the other, or it declares none and lets all of them be.
pub(super) fn declared(from: (&Library, &Branch, bool), to: (&Library, &Branch, bool)) -> bool {
    let (inner, outer) = (shape::read(from.0, &from.1.conj, from.2), shape::read(to.0, &to.1.conj, to.2));
    outer.properties.is_empty() || inner.properties.keys().all(|name| outer.properties.contains_key(name))
}

/// Alternatives of one side that are choices themselves, taken apart.
#[derive(Default)]
struct Apart {
    /// Those that were, so that a circle has an end.
    done: BTreeSet<NodeId>,
}

impl Apart {
    /// Puts the alternatives inside in the place of those left that are nothing but a choice of the same kind. True where
    /// there were any.
    fn take(
        &mut self,
        library: &Library,
        shape: &Shape<'_>,
        all: &mut Vec<Branch>,
        kind: GroupKind,
        siblings: bool,
    ) -> bool {
        // A value that stands for the choice as a whole is another than those of its alternatives.
        if shape.discriminator.is_some_and(|d| library.get(d, "mapping").is_some()) {
            return false;
        }
        let mut found = false;
        for i in (0..all.len()).rev() {
            // A part of the schema itself is no alternative.
            let at = all[i].at;
            let alternative = at != shape.at && all[i].conj.last().is_some_and(|n| n & PLAIN == at);
            if all[i].taken || !alternative {
                continue;
            }
            let Some((node, inside)) = nothing_but(library, at, kind) else { continue };
            if all.len() + inside.len() > MAX_SPREAD || !self.done.insert(node) {
                continue;
            }
            found = true;
            let whole = all.remove(i);
            let outer = &whole.conj[..whole.conj.len() - 1];
            for (n, mut branch) in branches(library, shape, &inside, siblings).into_iter().enumerate() {
                branch.conj = outer.iter().copied().chain(branch.conj).collect();
                all.insert(i + n, branch);
            }
        }
        found
    }
}

/// The alternatives of a schema that says nothing else, but for null, and the schema itself. One alternative is one,
/// whatever the word.
fn nothing_but(library: &Library, node: NodeId, kind: GroupKind) -> Option<(NodeId, Vec<NodeId>)> {
    choice(library, node, kind, &[])
}

/// The same where it may say this as well.
pub(super) fn choice(library: &Library, at: NodeId, kind: GroupKind, and: &[&str]) -> Option<(NodeId, Vec<NodeId>)> {
    let node = library.follow(at)?;
    let silent = |key: &str| said::is_text_for_people(key) || and.contains(&key);
    let mut said = library.entries(node).iter().filter(|(key, _)| !silent(key));
    let (word, list) = said.next().filter(|_| said.next().is_none())?;
    if !matches!(&**word, "oneOf" | "anyOf") {
        return None;
    }
    let all = library.items(*list).iter().copied();
    let inside: Vec<NodeId> = all.filter(|n| !said::is_null(library, *n)).collect();
    let fits = **word == *kind.word() || inside.len() == 1;
    (fits && !inside.is_empty()).then_some((node, inside))
}

/// Which of several choices became which, by number: those first that have the most alternatives in common, then those of
/// one word, then those at the same place.
pub(super) fn groups(work: &mut Work<'_, '_>, old: &[Group], new: &[Group]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let one = old.len() == 1 && new.len() == 1;
    for (i, x) in old.iter().enumerate() {
        for (j, y) in new.iter().enumerate() {
            let common = if one { 0 } else { in_common(work, x, y) };
            found.push((Reverse(common), x.kind != y.kind, i.abs_diff(j), i + j, i, j));
        }
    }
    found.sort_unstable();
    let mut partners: Vec<(usize, usize)> = Vec::new();
    for (.., i, j) in found {
        if partners.iter().all(|p| p.0 != i && p.1 != j) {
            partners.push((i, j));
        }
    }
    partners.sort_unstable();
    partners
}

/// How many alternatives of two choices have the same name, or none and are the same.
fn in_common(work: &mut Work<'_, '_>, old: &Group, new: &Group) -> usize {
    let (olds, news) = (old_branches(work, old), new_branches(work, new));
    let names = |all: &[Branch]| -> BTreeSet<String> { all.iter().filter_map(|b| b.name.clone()).collect() };
    let by_name = names(&olds).intersection(&names(&news)).count();
    let loose = |all: Vec<Branch>| all.into_iter().filter(|b| b.name.is_none()).collect::<Vec<Branch>>();
    let (olds, news) = (loose(olds), loose(news));
    if olds.len() * news.len() > MAX_TRIES {
        return by_name;
    }
    let mut taken = vec![false; news.len()];
    let mut same = 0;
    for x in &olds {
        let at = (0..news.len()).find(|j| !taken[*j] && work.engine.same(&x.conj, &news[*j].conj));
        if let Some(j) = at {
            taken[j] = true;
            same += 1;
        }
    }
    by_name + same
}
