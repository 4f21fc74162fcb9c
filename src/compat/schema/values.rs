//! Keywords about a value as a whole: types, formats, enumerations, bounds, patterns, defaults, promises about an end.
use super::engine::Work;
use super::kind::{Kind, Limit};
use super::shape::{self, Shape, tighter};
use super::spelling;
use super::types::{Types, format_contains, is_known_format};
use crate::compat::document::{Data, Library, NodeId};
use crate::compat::lifecycle::{Event, Notice, Stability};

/// Values that details list at most.
const MAX_LISTED: usize = 20;

impl Work<'_, '_> {
    pub(super) fn types(&mut self) {
        let (old, new) = (self.old.types, self.new.types);
        let (mut lost, mut gained) = (old.set.without(new.set), new.set.without(old.set));
        if old.at.is_some() && new.at.is_some() {
            if lost.has(Types::NULL) {
                self.change(Kind::NullRemoved, old.at, new.at);
            }
            if gained.has(Types::NULL) {
                self.change(Kind::NullAdded, old.at, new.at);
            }
            (lost, gained) = (lost.without(Types::NULL), gained.without(Types::NULL));
        }
        let Some(kind) = type_kind(lost, gained) else { return };
        let (lost, gained) = self.as_text(lost, gained);
        let change = self.change(kind, old.at, new.at);
        // What was accepted as text before may be said now, which is worth a word.
        let told = if kind == Kind::TypeWidened { Some(kind) } else { None };
        change.as_text = type_kind(lost, gained).or(told);
        (change.from, change.to) = (old.set.text(), new.set.text());
    }

    /// What is left of a difference when all values are written as text: a number is a text, too, and a single value is
    /// a list of one.
    fn as_text(&self, lost: Types, gained: Types) -> (Types, Types) {
        let words = Types::NUMBER.and(Types::BOOL);
        let held = |set: Types, items: Types| {
            let text = if set.has(Types::STRING) { words.and(Types::STRING) } else { set };
            let items = if items.has(Types::STRING) { items.and(words) } else { items };
            if set.has(Types::ARRAY) { text.and(items.without(Types::ARRAY)) } else { text }
        };
        let items = |library, conj: &[NodeId]| shape::read(library, conj, true).types.set;
        let new = held(self.new.types.set, items(self.new_lib(), &self.new.items));
        let old = held(self.old.types.set, items(self.old_lib(), &self.old.items));
        (lost.without(new), gained.without(old))
    }

    pub(super) fn lifecycle(&mut self) {
        fn notice<'l>(library: &'l Library, shape: &Shape<'_>) -> Notice<'l> {
            Notice {
                deprecated: shape.deprecated.is_some(),
                sunset: shape.sunset.map(|n| library.text(n).unwrap_or("")),
                stability: shape.stability.and_then(|n| library.text(n)).and_then(Stability::named),
            }
        }
        let (old, new) = (notice(self.old_lib(), &self.old), notice(self.new_lib(), &self.new));
        if let Some(event) = self.engine.terms.compare(old, new) {
            let kind = match event {
                Event::Deprecated => Kind::Deprecated,
                Event::Reactivated => Kind::Reactivated,
                Event::SunsetMissing => Kind::SunsetMissing,
                Event::SunsetInvalid => Kind::SunsetInvalid,
                Event::SunsetTooSoon => Kind::SunsetTooSoon,
                Event::SunsetRemoved => Kind::SunsetRemoved,
            };
            let (base, revision) = (self.old.sunset.or(self.old.deprecated), self.new.sunset.or(self.new.deprecated));
            self.changed(kind, base, revision);
        }
        let (base, revision) = (self.old.stability, self.new.stability);
        let invalid = |at: Option<NodeId>, known: Option<Stability>| at.is_some() && known.is_none();
        let same = base.zip(revision).is_some_and(|(x, y)| self.same(x, y));
        if invalid(base, old.stability) && same {
            self.note("`x-stability-level` is none of draft, alpha, beta, stable, and was none before", base, revision);
        } else if invalid(base, old.stability) || invalid(revision, new.stability) {
            self.changed(Kind::StabilityInvalid, base, revision);
        } else if let Some((before, after)) = old.stability.zip(new.stability) {
            if before > after {
                self.changed(Kind::StabilityLowered, base, revision);
            } else if before < after {
                self.changed(Kind::StabilityRaised, base, revision);
            }
        } else if base.is_some() {
            self.changed(Kind::StabilityLowered, base, revision);
        }
    }
}

fn type_kind(lost: Types, gained: Types) -> Option<Kind> {
    match (lost.is_empty(), gained.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Kind::TypeNarrowed),
        (true, false) => Some(Kind::TypeWidened),
        (false, false) => Some(Kind::TypeChanged),
    }
}

/// What is taken when nothing is said.
pub(super) fn default(work: &mut Work<'_, '_>) {
    match (work.old.default, work.new.default) {
        (None, Some(new)) => drop(work.changed(Kind::DefaultAdded, None, Some(new))),
        (Some(old), None) => drop(work.changed(Kind::DefaultRemoved, Some(old), None)),
        (Some(old), Some(new)) if !work.same(old, new) => {
            work.changed(Kind::DefaultChanged, Some(old), Some(new));
        }
        _ => {}
    }
}

/// Keywords are compared whatever the type says. One that does not go with its type is a slip in one of the two, and
/// nobody can tell in which.
pub(super) fn compare(work: &mut Work<'_, '_>) {
    let respelled = spelling::same(work);
    if !respelled {
        format(work);
    }
    enumeration(work);
    extensible(work);
    limits(work);
    pattern(work);
    if !respelled {
        content(work);
    }
    multiple(work);
    match (work.old.unique, work.new.unique) {
        (None, new @ Some(_)) => drop(work.change(Kind::UniqueSet, None, new)),
        (old @ Some(_), None) => drop(work.change(Kind::UniqueUnset, old, None)),
        _ => {}
    }
}

fn format(work: &mut Work<'_, '_>) {
    let (old, new) = (work.old.formats.first().copied(), work.new.formats.first().copied());
    let before = old.and_then(|n| work.old_lib().text(n));
    let after = new.and_then(|n| work.new_lib().text(n));
    let kind = match (before, after) {
        (None, Some(f)) if is_known_format(f) => Kind::FormatNarrowed,
        (None, Some(_)) => Kind::FormatNoteAdded,
        (Some(f), None) if is_known_format(f) => Kind::FormatWidened,
        (Some(_), None) => Kind::FormatNoteRemoved,
        (Some(f), Some(g)) if f == g => return,
        (Some(f), Some(g)) if format_contains(g, f) => Kind::FormatWidened,
        (Some(f), Some(g)) if format_contains(f, g) => Kind::FormatNarrowed,
        (Some(f), Some(g)) if is_known_format(f) || is_known_format(g) => Kind::FormatChanged,
        (Some(_), Some(_)) => Kind::FormatNoteChanged,
        (None, None) => return,
    };
    work.changed(kind, old, new);
}

/// Values of an `enum` or `const` but for null, which the types speak of.
fn values(library: &Library, shape: &Shape<'_>) -> Option<(NodeId, Vec<NodeId>)> {
    let told = |n: &NodeId| !matches!(library.data(*n), Data::Null);
    match (shape.values, shape.constant) {
        (_, Some(one)) => Some((one, vec![one])),
        (Some(list), None) => Some((list, library.items(list).iter().copied().filter(told).collect())),
        (None, None) => None,
    }
}

/// Those of the first side that the second does not have. Words are looked up by halving: some lists are long.
fn missing(from: (&Library, &[NodeId]), to: (&Library, &[NodeId])) -> Vec<NodeId> {
    let words: std::collections::BTreeSet<&str> = to.1.iter().filter_map(|n| to.0.text(*n)).collect();
    let others: Vec<NodeId> = to.1.iter().copied().filter(|n| to.0.text(*n).is_none()).take(1000).collect();
    let there = |n: &NodeId| match from.0.text(*n) {
        Some(word) => words.contains(word),
        None => others.iter().any(|m| crate::compat::document::same(from.0, *n, to.0, *m)),
    };
    from.1.iter().copied().filter(|n| !there(n)).collect()
}

fn listed(library: &Library, nodes: &[NodeId]) -> Vec<String> {
    let mut words: Vec<String> = nodes.iter().take(MAX_LISTED).map(|n| library.brief(*n)).collect();
    if nodes.len() > MAX_LISTED {
        words.push(format!("and {} more", nodes.len() - MAX_LISTED));
    }
    words
}

fn enumeration(work: &mut Work<'_, '_>) {
    let (base, revision) = (work.old_lib(), work.new_lib());
    let old = values(base, &work.old);
    let new = values(revision, &work.new);
    let constants = (work.old.constant.is_some(), work.new.constant.is_some());
    match (old, new) {
        (None, None) => {}
        (None, Some((at, _))) => {
            let kind = if constants.1 { Kind::ConstSet } else { Kind::EnumSet };
            work.changed(kind, None, Some(at));
        }
        (Some((at, _)), None) => {
            let kind = if constants.0 { Kind::ConstUnset } else { Kind::EnumUnset };
            work.changed(kind, Some(at), None);
        }
        (Some((old, _)), Some((new, _))) if constants == (true, true) => {
            if !work.same(old, new) {
                work.changed(Kind::ConstChanged, Some(old), Some(new));
            }
        }
        (Some((old_at, old)), Some((new_at, new))) => {
            let gone = missing((base, &old), (revision, &new));
            let come = missing((revision, &new), (base, &old));
            let open = work.old.extensible.is_some() || work.new.extensible.is_some();
            for (kind, library, nodes) in [(Kind::EnumValueRemoved, base, gone), (Kind::EnumValueAdded, revision, come)]
            {
                if nodes.is_empty() || (open && kind == Kind::EnumValueAdded) {
                    continue;
                }
                let words = listed(library, &nodes);
                let change = work.change(kind, Some(old_at), Some(new_at));
                change.to = words.join(", ");
                change.details = words;
            }
        }
    }
}

fn extensible(work: &mut Work<'_, '_>) {
    let (Some(old), Some(new)) = (work.old.extensible, work.new.extensible) else { return };
    let (base, revision) = (work.old_lib(), work.new_lib());
    let gone = missing((base, base.items(old)), (revision, revision.items(new)));
    let come = missing((revision, revision.items(new)), (base, base.items(old)));
    for (kind, library, nodes) in
        [(Kind::ExtensibleValueRemoved, base, gone), (Kind::ExtensibleValueAdded, revision, come)]
    {
        if !nodes.is_empty() {
            let words = listed(library, &nodes);
            let change = work.change(kind, Some(old), Some(new));
            change.to = words.join(", ");
            change.details = words;
        }
    }
}

fn limits(work: &mut Work<'_, '_>) {
    for limit in Limit::ALL {
        let counts = matches!(limit, Limit::MinContains | Limit::MaxContains);
        // How many must be contained matters only where something must be contained, on both sides.
        let idle = counts && (work.old.contains.is_empty() || work.new.contains.is_empty());
        if idle {
            continue;
        }
        let (old, new) = (work.old.limits.get(&limit).cloned(), work.new.limits.get(&limit).cloned());
        let kind = match (&old, &new) {
            (None, Some(_)) => Kind::LimitSet(limit),
            (Some(_), None) => Kind::LimitUnset(limit),
            (Some(old), Some(new)) => match tighter(limit, new, old) {
                std::cmp::Ordering::Greater => Kind::Tightened(limit),
                std::cmp::Ordering::Less => Kind::Loosened(limit),
                std::cmp::Ordering::Equal => continue,
            },
            (None, None) => continue,
        };
        let said = |bound: &Option<shape::Bound>| {
            let bound = bound.as_ref();
            bound.map(|b| format!("{}{}", b.value, if b.exclusive { " (exclusive)" } else { "" })).unwrap_or_default()
        };
        let (from, to) = (said(&old), said(&new));
        let change = work.change(kind, old.map(|b| b.at), new.map(|b| b.at));
        (change.from, change.to) = (from, to);
    }
}

/// Lets every text through.
fn lets_all(pattern: &str) -> bool {
    matches!(pattern, "" | ".*" | "^.*$" | "^.*" | ".*$" | "^" | "$")
}

fn pattern(work: &mut Work<'_, '_>) {
    let (old, new) = (work.old.patterns.first().copied(), work.new.patterns.first().copied());
    let texts = |library: &'_ Library, nodes: &[NodeId]| -> Vec<String> {
        let mut all: Vec<String> = nodes.iter().filter_map(|n| library.text(*n)).map(String::from).collect();
        all.sort();
        all.dedup();
        all
    };
    let before = texts(work.old_lib(), &work.old.patterns);
    let after = texts(work.new_lib(), &work.new.patterns);
    if before == after {
        return;
    }
    let all = |texts: &[String]| texts.iter().all(|t| lets_all(t));
    let within = |inner: &[String], outer: &[String]| inner.iter().all(|t| outer.contains(t));
    let kind = match (before.is_empty(), after.is_empty()) {
        (true, _) if all(&after) => return,
        (_, true) if all(&before) => return,
        _ if all(&before) && all(&after) => return,
        (true, _) => Kind::PatternSet,
        (_, true) => Kind::PatternUnset,
        _ if all(&after) => Kind::PatternGeneralized,
        _ if all(&before) => Kind::PatternSpecialized,
        _ if within(&before, &after) => Kind::PatternSet,
        _ if within(&after, &before) => Kind::PatternUnset,
        _ => Kind::PatternChanged,
    };
    work.changed(kind, old, new);
}

fn content(work: &mut Work<'_, '_>) {
    for (kind, old, new) in [
        (Kind::ContentEncodingChanged, work.old.encoding, work.new.encoding),
        (Kind::ContentMediaTypeChanged, work.old.media, work.new.media),
    ] {
        let equal = match (old, new) {
            (Some(old), Some(new)) => work.same(old, new),
            (None, None) => true,
            _ => false,
        };
        if !equal {
            work.changed(kind, old, new);
        }
    }
}

fn multiple(work: &mut Work<'_, '_>) {
    // For integers, a multiple of one is no demand.
    let whole = work.common.both(Types::NUMBER) == Types::INTEGER;
    let value = |library: &Library, node: Option<&NodeId>| match node.map(|n| library.data(*n)) {
        Some(Data::Number(n)) => n.as_f64().filter(|v| *v > 0.0 && !(whole && *v == 1.0)),
        _ => None,
    };
    let (old, new) = (work.old.multiples.first().copied(), work.new.multiples.first().copied());
    let before = value(work.old_lib(), old.as_ref());
    let after = value(work.new_lib(), new.as_ref());
    let divides = |small: f64, large: f64| {
        let times = large / small;
        (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
    };
    let kind = match (before, after) {
        (None, Some(_)) => Kind::MultipleSet,
        (Some(_), None) => Kind::MultipleUnset,
        (Some(a), Some(b)) if a == b => return,
        (Some(a), Some(b)) if divides(a, b) => Kind::MultipleTightened,
        (Some(a), Some(b)) if divides(b, a) => Kind::MultipleLoosened,
        (Some(_), Some(_)) => Kind::MultipleChanged,
        (None, None) => return,
    };
    work.changed(kind, old, new);
}
