//! Of `oneOf` exactly one has to fit: what two alternatives let through is refused.
use super::engine::Work;
use super::groups::{Branch, How, MAX_TRIES};
use super::kind::{Effect, Kind, Limit};
use super::merge::is_never;
use super::said;
use super::shape::{self, Group, NO_GROUPS, Shape};
use super::types::{Types, types_of_format};
use crate::compat::document::{Library, NodeId};

/// Whether two alternatives let through the same single values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Yes,
    No,
    Unknown,
}

/// It says nothing, and so lets everything through.
fn says_nothing(library: &Library, shape: &Shape<'_>) -> bool {
    let choice = |part: NodeId, key: &str| part & NO_GROUPS != 0 && matches!(key, "oneOf" | "anyOf");
    let silent = |part: &NodeId| {
        let node = part & shape::PLAIN;
        let entries = library.entries(node).iter();
        let mut said = entries.filter(|(k, _)| !said::is_text_for_people(k) && **k != *"$ref" && !choice(*part, k));
        said.next().is_none() && !is_never(library, node)
    };
    shape.types.at.is_none() && shape.parts.iter().all(silent)
}

/// Choices inside of an alternative that are followed for its types.
const DEPTH: usize = 4;

/// Types of the single values that an alternative lets through, if any, or of everything, and whether its values are
/// listed; and the types that it names.
fn single(library: &Library, branch: &Branch, siblings: bool) -> (Option<(Types, bool)>, Option<Types>) {
    let shape = shape::read(library, &branch.conj, siblings);
    if says_nothing(library, &shape) {
        return (Some((Types::ANY, false)), None);
    }
    let Some(set) = types(library, &shape, siblings, DEPTH) else { return (None, None) };
    let single = set.without(Types::NULL.and(Types::OBJECT).and(Types::ARRAY));
    let tells = !set.has(Types::STRANGE) && !single.is_empty();
    (tells.then_some((single, shape.allowed.is_some())), Some(set))
}

/// The types that a schema names, or that all alternatives of a choice in it do.
fn types(library: &Library, shape: &Shape<'_>, siblings: bool, depth: usize) -> Option<Types> {
    if shape.types.at.is_some() {
        return Some(shape.types.set);
    }
    let inner =
        |node: &NodeId| types(library, &shape::read(library, &[*node], siblings), siblings, depth.checked_sub(1)?);
    let group = |g: &Group| g.branches.iter().map(inner).try_fold(Types::NONE, |all, one| Some(all.and(one?)));
    shape.groups.iter().filter(|g| g.branches.len() <= MAX_TRIES).find_map(group)
}

/// Single values of which a schema that names no types says nothing, and so lets all of them through.
fn unsaid(library: &Library, branch: &Branch, siblings: bool) -> Types {
    let shape = shape::read(library, &branch.conj, siblings);
    let demands = shape.allowed.is_some() || !shape.groups.is_empty() || !shape.nots.is_empty();
    if shape.types.at.is_some() || demands || !shape.conditions.is_empty() || shape.parts.is_empty() {
        return Types::NONE;
    }
    let bound = |all: &[Limit]| all.iter().any(|limit| shape.limits.contains_key(limit));
    let texts = !shape.patterns.is_empty() || bound(&[Limit::MinLength, Limit::MaxLength]);
    let numbers = !shape.multiples.is_empty() || bound(&[Limit::Minimum, Limit::Maximum]);
    let formats = shape.formats.iter().filter_map(|n| library.text(*n)).map(types_of_format);
    let said = formats.fold(Types::NONE, Types::and);
    let text = if texts { Types::NONE } else { Types::STRING };
    let number = if numbers { Types::NONE } else { Types::NUMBER };
    Types::BOOL.and(text).and(number).without(said)
}

/// How the alternatives of both sides hold one another.
struct Table {
    /// Types of those that single values fit, or everything, and whether their values are listed.
    was: Vec<Option<(Types, bool)>>,
    is: Vec<Option<(Types, bool)>>,
    /// All types that each may have.
    before: Vec<Types>,
    after: Vec<Types>,
    /// What became of each old one, by number; and what each new one was.
    became: Vec<Option<usize>>,
    came: Vec<Option<usize>>,
    effects: Vec<Vec<Effect>>,
}

impl Table {
    fn new(work: &mut Work<'_, '_>, olds: &[Branch], news: &[Branch]) -> Option<Self> {
        let siblings = work.siblings();
        let of = |library: &Library, all: &[Branch], siblings: bool| -> (Vec<_>, Vec<_>) {
            all.iter().map(|b| single(library, b, siblings)).unzip()
        };
        let (mut was, before) = of(work.old_lib(), olds, siblings.0);
        let (mut is, after) = of(work.new_lib(), news, siblings.1);
        // Beside one that lets everything through, all others are looked at.
        if was.iter().chain(&is).flatten().any(|(types, _)| *types == Types::ANY) {
            for of in was.iter_mut().chain(&mut is) {
                *of = of.or(Some((Types::ANY, false)));
            }
        }
        let mates = |all: &[Branch], others: &[Branch]| -> Vec<Option<usize>> {
            let of = |b: &Branch| others.iter().position(|o| b.taken && o.conj == b.mate && o.mate == b.conj);
            all.iter().map(of).collect()
        };
        let (became, came) = (mates(olds, news), mates(news, olds));
        // One that named its types and names none now, or the other way round, lets through what it says nothing of.
        for (i, k) in became.iter().enumerate().filter_map(|(i, k)| Some((i, (*k)?))) {
            let loose = |types: Types| Some((types, false)).filter(|(types, _)| !types.is_empty());
            match (before[i], after[k]) {
                (Some(_), None) if is[k].is_none() => is[k] = loose(unsaid(work.new_lib(), &news[k], siblings.1)),
                (None, Some(_)) if was[i].is_none() => was[i] = loose(unsaid(work.old_lib(), &olds[i], siblings.0)),
                _ => {}
            }
        }
        if was.iter().flatten().count() * is.iter().flatten().count() > MAX_TRIES {
            // Where each became what it was there is nothing to look for.
            let mut all = became.iter().enumerate();
            let kept = |(i, k): (usize, &Option<usize>)| {
                k.is_some_and(|k| work.engine.relation(&olds[i].conj, &news[k].conj) == Effect::NONE)
            };
            if olds.len() == news.len() && all.all(kept) {
                return None;
            }
            let what = "more alternatives of `oneOf` than are looked at for values that two of them have";
            work.note(what, olds.first().map(|b| b.at), news.first().map(|b| b.at));
            return None;
        }
        let mut row = |i: usize| {
            let one = |j: usize| match (was[i], is[j]) {
                (Some(_), Some(_)) => work.engine.relation(&olds[i].conj, &news[j].conj),
                _ => Effect::BOTH,
            };
            (0..news.len()).map(one).collect()
        };
        let effects: Vec<Vec<Effect>> = (0..olds.len()).map(&mut row).collect();
        let all = |types: Vec<Option<Types>>| types.into_iter().map(|t| t.unwrap_or(Types::ANY)).collect();
        let (before, after) = (all(before), all(after));
        Some(Table { was, is, before, after, became, came, effects })
    }

    /// What both have must fit a second alternative of the same side to be refused there.
    fn meeting(&self, i: usize, j: usize, second: impl FnOnce() -> bool) -> Meeting {
        let (Some((x, listed)), Some((y, too))) = (self.was[i], self.is[j]) else { return Meeting::No };
        match (x.has(y), self.effects[i][j] == Effect::BOTH) {
            (false, _) => Meeting::No,
            // Looked for only where it matters: of a thousand alternatives hardly any are single values.
            (true, false) if second() => Meeting::Yes,
            (true, true) if listed && too => Meeting::No,
            (true, _) => Meeting::Unknown,
        }
    }

    /// The new `k`, which was the old `i0`, holds now what fitted the old `i` and did not fit `i0`.
    fn swallows(&self, i0: usize, k: usize, i: usize) -> Meeting {
        let (Some(j), true) = (self.became[i], i != i0) else { return Meeting::No };
        let (Some((x, _)), Some((y, _)), before) = (self.was[i], self.is[k], self.before[i0]) else {
            return Meeting::No;
        };
        match (x.has(y), self.effects[i][k].narrows) {
            (true, false) if self.effects[i0][j].widens => Meeting::Yes,
            (true, true) if !x.has(before) => self.meeting(i, k, || true),
            _ => Meeting::No,
        }
    }

    /// The old `i`, which is the new `k0`, held what the new `j` lets through and `k0` does not.
    fn spits_out(&self, i: usize, k0: usize, j: usize) -> Meeting {
        let (Some(i2), true) = (self.came[j], j != k0) else { return Meeting::No };
        let (Some((x, _)), Some((y, _)), after) = (self.was[i], self.is[j], self.after[k0]) else {
            return Meeting::No;
        };
        match (x.has(y), self.effects[i][j].widens) {
            (true, false) if self.effects[i2][k0].narrows => Meeting::Yes,
            (true, true) if !y.has(after) => self.meeting(i, j, || true),
            _ => Meeting::No,
        }
    }
}

/// Where exactly one has to fit, an alternative that comes with values that another has is one that refuses them, and so is
/// one that grows over another. Told of single values alone, and of alternatives that let everything through: which objects
/// fit two others is seldom known, and often not meant.
pub(super) fn compare(work: &mut Work<'_, '_>, olds: &[Branch], news: &[Branch], how: How) {
    let come: Vec<usize> = (0..news.len()).filter(|j| how.one.1 && !news[*j].taken).collect();
    let gone: Vec<usize> = (0..olds.len()).filter(|i| how.one.0 && !olds[*i].taken).collect();
    let stay = how.one == (true, true) && olds.iter().filter(|b| b.taken).count() > 1;
    if come.is_empty() && gone.is_empty() && !stay {
        return;
    }
    let Some(table) = Table::new(work, olds, news) else { return };
    for j in come {
        let second = |i: usize| (0..news.len()).any(|k| k != j && !table.effects[i][k].narrows);
        let found: Vec<Meeting> = (0..olds.len()).map(|i| table.meeting(i, j, || second(i))).collect();
        told(work, &found, Kind::OverlapSet, (None, Some(news[j].at)));
    }
    for i in gone {
        let second = |j: usize| (0..olds.len()).any(|k| k != i && !table.effects[k][j].widens);
        let found: Vec<Meeting> = (0..news.len()).map(|j| table.meeting(i, j, || second(j))).collect();
        told(work, &found, Kind::OverlapUnset, (Some(olds[i].at), None));
    }
    for (i, k) in table.became.iter().enumerate().filter_map(|(i, k)| Some((i, (*k).filter(|_| stay)?))) {
        let places = (Some(olds[i].at), Some(news[k].at));
        if table.effects[i][k].widens {
            let found: Vec<Meeting> = (0..olds.len()).map(|other| table.swallows(i, k, other)).collect();
            told(work, &found, Kind::OverlapSet, places);
        }
        if table.effects[i][k].narrows {
            let found: Vec<Meeting> = (0..news.len()).map(|other| table.spits_out(i, k, other)).collect();
            told(work, &found, Kind::OverlapUnset, places);
        }
    }
}

fn told(work: &mut Work<'_, '_>, found: &[Meeting], kind: Kind, places: (Option<NodeId>, Option<NodeId>)) {
    if found.contains(&Meeting::Yes) {
        work.change(kind, places.0, places.1);
    } else if found.contains(&Meeting::Unknown) {
        let what = "whether this alternative of `oneOf` lets through values that another does as well is not known";
        work.note(what, places.0, places.1);
    }
}
