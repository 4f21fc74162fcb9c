//! Keywords about a value as a whole: types, formats, enumerations, bounds, patterns, defaults, promises about an end.
use std::collections::BTreeMap;

use super::engine::{Step, Work};
use super::kind::{Kind, Limit};
use super::merge::expression;
use super::shape::{self, Shape};
use super::spelling;
use super::types::{Types, format_contains, is_known_format, types_of_format};
use super::{numbers, said};
use crate::compat::document::{Data, Library, NodeId};
use crate::compat::lifecycle::{Event, Notice, Stability};

/// Values that details list at most.
const MAX_LISTED: usize = 20;

impl Work<'_, '_> {
    /// Null, which is told apart from all other types: alternatives allow it as a whole.
    pub(super) fn null(&mut self) {
        let (Some((was, old)), Some((is, new))) = (self.old.null, self.new.null) else { return };
        match (was, is) {
            (true, false) => drop(self.change(Kind::NullRemoved, Some(old), Some(new))),
            (false, true) => drop(self.change(Kind::NullAdded, Some(old), Some(new))),
            _ => {}
        }
    }

    pub(super) fn types(&mut self) {
        let (old, new) = (self.old.types, self.new.types);
        let (mut lost, mut gained) = (old.set.without(new.set), new.set.without(old.set));
        let told = self.old.null.is_some() && self.new.null.is_some();
        if told || self.old.null_elsewhere || self.new.null_elsewhere {
            (lost, gained) = (lost.without(Types::NULL), gained.without(Types::NULL));
        }
        // Multiples of a whole number are whole numbers.
        if lost.and(gained) == Types::FRACTION && numbers::are_whole(self) {
            return;
        }
        let Some(kind) = type_kind(lost, gained) else { return };
        let (lost, gained, words) = self.as_text(lost, gained);
        let change = self.change(kind, old.at, new.at);
        // Where it comes to the same as text, a type that was named is named no more, or the other way round: who keeps to
        // the types, as generated clients do, notices. Where the texts are listed nothing else can be sent.
        change.as_text = type_kind(lost, gained).or(Some(if words { Kind::TypeRespelled } else { kind }));
        (change.from, change.to) = (old.set.text(), new.set.text());
    }

    /// What is left of a difference when all values are written as text: a number is a text, too, and a single value is
    /// a list of one. True where texts that are listed made the difference.
    fn as_text(&self, lost: Types, gained: Types) -> (Types, Types, bool) {
        let words = Types::NUMBER.and(Types::BOOL);
        let held = |set: Types, items: Types| {
            let text = if set.has(Types::STRING) { words.and(Types::STRING) } else { set };
            let items = if items.has(Types::STRING) { items.and(words) } else { items };
            if set.has(Types::ARRAY) { text.and(items.without(Types::ARRAY)) } else { text }
        };
        let items = |library, conj: &[NodeId]| shape::read(library, conj, true).types.set;
        let new = held(self.new.types.set, items(self.new_lib(), &self.new.items));
        let old = held(self.old.types.set, items(self.old_lib(), &self.old.items));
        let (mut lost, mut gained, mut words) = (lost.without(new), gained.without(old), false);
        // Texts that are listed and each are written as a value of the other side's types are such values.
        if lost.has(Types::STRING) && are_words(self.old_lib(), &self.old, &self.new, new) {
            (lost, words) = (lost.without(Types::STRING), true);
        }
        if gained.has(Types::STRING) && are_words(self.new_lib(), &self.new, &self.old, old) {
            (gained, words) = (gained.without(Types::STRING), true);
        }
        (lost, gained, words)
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

/// Every text that is listed is how a value of one of these types is written: `true`, or `12`. Where numbers have bounds
/// on the other side, it is not known here which of them keep to those.
fn are_words(library: &Library, shape: &Shape<'_>, other: &Shape<'_>, of: Types) -> bool {
    let texts: Vec<&str> = shape.allowed.iter().flat_map(|a| &a.values).filter_map(|n| library.text(*n)).collect();
    let bounded = [Limit::Minimum, Limit::Maximum].iter().any(|limit| other.limits.contains_key(limit));
    let numbers = of.has(Types::INTEGER) && !bounded && other.multiples.is_empty();
    // What fits every format of whole numbers.
    let plain = |text: &str| text.parse::<i32>().is_ok_and(|n| n.to_string() == text);
    let word = |text: &&str| of.has(Types::BOOL) && matches!(*text, "true" | "false") || numbers && plain(text);
    !texts.is_empty() && texts.iter().all(word)
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

/// Keywords about a value, each by itself.
pub(super) fn compare(work: &mut Work<'_, '_>) {
    let respelled = spelling::same(work);
    if !respelled {
        format(work);
    }
    enumeration(work);
    extensible(work);
    numbers::limits(work);
    if work.concerns(Types::STRING) {
        pattern(work);
        if !respelled {
            content(work);
        }
    }
    numbers::multiple(work);
    if !work.concerns(Types::ARRAY) {
        return;
    }
    // Of one item alone none is there twice.
    let few =
        |shape: &Shape<'_>| shape.limits.get(&Limit::MaxItems).and_then(|b| b.value.as_f64()).is_some_and(|n| n < 2.0);
    if few(&work.old) || few(&work.new) {
        return;
    }
    match (work.old.unique, work.new.unique) {
        (None, new @ Some(_)) => drop(work.change(Kind::UniqueSet, None, new)),
        (old @ Some(_), None) => drop(work.change(Kind::UniqueUnset, old, None)),
        _ => {}
    }
}

/// All formats must hold at once, so a side is compared by what the other has no format for.
fn format(work: &mut Work<'_, '_>) {
    fn said<'l>(library: &'l Library, nodes: &[NodeId]) -> Vec<(&'l str, NodeId)> {
        nodes.iter().filter_map(|n| Some((library.text(*n)?, *n))).collect()
    }
    let (old, new) = (said(work.old_lib(), &work.old.formats), said(work.new_lib(), &work.new.formats));
    let lacking = |from: &[(&str, NodeId)], held: &[(&str, NodeId)]| -> Vec<NodeId> {
        let implied = |f: &str| held.iter().any(|(g, _)| format_contains(f, g));
        from.iter().filter(|(f, _)| !implied(f)).map(|(_, at)| *at).collect()
    };
    let (mut gone, mut come) = (lacking(&old, &new), lacking(&new, &old));
    // It speaks of a type that comes or goes as a whole, which is told.
    let (was, is) = (work.old.types.set, work.new.types.set);
    let whole = |format: Option<&str>, held: Types, other: Types| {
        let of = format.map_or(Types::NONE, types_of_format);
        held.has(of) && !other.has(of)
    };
    if !work.text {
        gone.retain(|n| !whole(work.old_lib().text(*n), was, is));
        come.retain(|n| !whole(work.new_lib().text(*n), is, was));
    }
    let known = |library: &Library, at: &[NodeId]| at.iter().any(|n| library.text(*n).is_some_and(is_known_format));
    let known = known(work.old_lib(), &gone) || known(work.new_lib(), &come);
    let kind = match (gone.is_empty(), come.is_empty(), known) {
        (true, true, _) => return,
        (true, false, true) => Kind::FormatNarrowed,
        (true, false, false) => Kind::FormatNoteAdded,
        (false, true, true) => Kind::FormatWidened,
        (false, true, false) => Kind::FormatNoteRemoved,
        (false, false, true) => Kind::FormatChanged,
        (false, false, false) => Kind::FormatNoteChanged,
    };
    let first = |named: &[(&str, NodeId)], at: &[NodeId]| at.first().copied().or(named.first().map(|(_, n)| *n));
    work.changed(kind, first(&old, &gone), first(&new, &come));
}

/// Values of an `enum` or `const` that the types let through, but for null, of which the types speak. None where every
/// value of the types is among them.
fn values(library: &Library, shape: &Shape<'_>) -> Option<(NodeId, Vec<NodeId>)> {
    let allowed = shape.allowed.as_ref()?;
    let set = shape.types.set.without(Types::NULL);
    let told = |n: &NodeId| set.has(said::type_of(library, *n));
    let values: Vec<NodeId> = allowed.values.iter().copied().filter(told).collect();
    let has = |value: bool| values.iter().any(|n| matches!(library.data(*n), Data::Bool(b) if *b == value));
    let all = set.is_empty() || (set == Types::BOOL && has(true) && has(false));
    (!all).then_some((allowed.at, values))
}

/// A value as a word that equal values share. Others may share it, too: it is cut off where it gets long.
pub(super) fn key(library: &Library, node: NodeId) -> String {
    let mut out = String::new();
    write_key(library, node, &mut out);
    out
}

fn write_key(library: &Library, node: NodeId, out: &mut String) {
    if out.len() > 1_000 {
        return;
    }
    match library.data(node) {
        Data::Text(text) => out.extend(text.chars().take(1_000)),
        Data::Number(n) => match n.as_f64() {
            // One with a point and one without may be the same number.
            Some(f) if n.is_f64() && f.fract() == 0.0 && f.abs() < 1e15 => out.push_str(&format!("#{f:.0}")),
            _ => out.push_str(&format!("#{n}")),
        },
        Data::Seq(items) => {
            out.push('[');
            for item in items {
                write_key(library, *item, out);
                out.push(',');
            }
        }
        Data::Map(map) => {
            let mut entries: Vec<&(Box<str>, NodeId)> = map.entries.iter().collect();
            entries.sort();
            out.push('{');
            for (key, n) in entries {
                out.push_str(key);
                out.push(':');
                write_key(library, *n, out);
            }
        }
        Data::Null | Data::Bool(_) => out.push_str(&format!("#{}", library.brief(node))),
    }
}

/// Those of the first side that the second does not have. Where all is written as text, so are numbers.
pub(super) fn missing(from: (&Library, &[NodeId]), to: (&Library, &[NodeId]), text: bool) -> Vec<NodeId> {
    let word = |library: &Library, n: NodeId| {
        let key = key(library, n);
        if text { key.trim_start_matches('#').to_string() } else { key }
    };
    let mut there: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for n in to.1 {
        there.entry(word(to.0, *n)).or_default().push(*n);
    }
    let scalar = |library: &Library, n: NodeId| !matches!(library.data(n), Data::Seq(_) | Data::Map(_));
    let equal = |n: NodeId, m: NodeId| {
        let same = crate::compat::document::same(from.0, n, to.0, m);
        same || (text && scalar(from.0, n) && scalar(to.0, m))
    };
    let found = |n: &NodeId| there.get(&word(from.0, *n)).is_some_and(|all| all.iter().any(|m| equal(*n, *m)));
    from.1.iter().copied().filter(|n| !found(n)).collect()
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
    let constant = |shape: &Shape<'_>| shape.allowed.as_ref().is_some_and(|a| a.constant);
    let constants = (constant(&work.old), constant(&work.new));
    match (old, new) {
        (None, None) => {}
        (None, Some((_, values))) if work.text && is_both(work.old.types.set, revision, &values) => {}
        (Some((_, values)), None) if work.text && is_both(work.new.types.set, base, &values) => {}
        (None, Some((at, values))) => {
            let kind = if constants.1 { Kind::ConstSet } else { Kind::EnumSet };
            work.changed(kind, None, Some(at));
            let come = numbers::beyond(revision, &values, &work.old);
            told_values(work, Kind::EnumValueAdded, revision, &come, (None, Some(at)));
        }
        (Some((at, values)), None) => {
            let kind = if constants.0 { Kind::ConstUnset } else { Kind::EnumUnset };
            work.changed(kind, Some(at), None);
            let gone = numbers::beyond(base, &values, &work.new);
            told_values(work, Kind::EnumValueRemoved, base, &gone, (Some(at), None));
        }
        (Some((old_at, old)), Some((new_at, new))) => {
            let gone = missing((base, &old), (revision, &new), work.text);
            let come = missing((revision, &new), (base, &old), work.text);
            if constants == (true, true) && !gone.is_empty() && !come.is_empty() {
                work.changed(Kind::ConstChanged, Some(old_at), Some(new_at));
                return;
            }
            let open = work.old.extensible.is_some() || work.new.extensible.is_some();
            for (kind, library, nodes) in [(Kind::EnumValueRemoved, base, gone), (Kind::EnumValueAdded, revision, come)]
            {
                // Of a list that is open everybody knows that it grows.
                let kind = if open && kind == Kind::EnumValueAdded { Kind::ExtensibleValueAdded } else { kind };
                told_values(work, kind, library, &nodes, (Some(old_at), Some(new_at)));
            }
        }
    }
}

fn told_values(
    work: &mut Work<'_, '_>,
    kind: Kind,
    library: &Library,
    nodes: &[NodeId],
    (base, revision): (Option<NodeId>, Option<NodeId>),
) {
    if nodes.is_empty() {
        return;
    }
    let words = listed(library, nodes);
    let change = work.change(kind, base, revision);
    change.to = words.join(", ");
    change.details = words;
}

/// The words for true and for false are among the values, as they are written where the other side is a boolean.
fn is_both(other: Types, library: &Library, values: &[NodeId]) -> bool {
    let has = |word: &str| values.iter().any(|n| key(library, *n).trim_start_matches('#') == word);
    other.without(Types::NULL) == Types::BOOL && has("true") && has("false")
}

/// Two sides without a type in common, as what is written as text sees them: a number is a text, too, and a single value
/// is a list of one.
pub(super) fn as_text(work: &mut Work<'_, '_>) {
    let (was, is) = (work.old.types.set.without(Types::NULL), work.new.types.set.without(Types::NULL));
    let (lost, gained, _) = work.as_text(was, is);
    if !lost.is_empty() && !gained.is_empty() {
        return;
    }
    let before = std::mem::take(&mut work.out);
    work.text = true;
    let list = |shape: &Shape<'_>| shape.types.set.without(Types::NULL) == Types::ARRAY;
    let (old, new) = (work.old.items.clone(), work.new.items.clone());
    match (list(&work.old), list(&work.new)) {
        (false, true) => {
            one_item(work);
            let parts = work.old.parts.clone();
            work.edge(&parts, &new, Step::Same);
        }
        (true, false) => {
            one_item(work);
            let parts = work.new.parts.clone();
            work.edge(&old, &parts, Step::Same);
        }
        _ => compare(work),
    }
    let told = std::mem::replace(&mut work.out, before);
    (work.out.text, work.out.text_edges) = (told.changes, told.edges);
    work.out.notes.extend(told.notes);
    work.text = false;
}

/// A single value is a list of one: that may be too few, or too many.
fn one_item(work: &mut Work<'_, '_>) {
    for limit in [Limit::MinItems, Limit::MaxItems] {
        let one = |at: NodeId| Some(shape::Bound { value: 1.into(), exclusive: false, at });
        let (old, new) = (work.old.limits.get(&limit).cloned(), work.new.limits.get(&limit).cloned());
        let far = |bound: &Option<shape::Bound>| {
            bound
                .as_ref()
                .is_some_and(|b| shape::tighter(limit, b, &shape::Bound { value: 1.into(), ..b.clone() }).is_gt())
        };
        if far(&new) && old.is_none() {
            numbers::compare(work, limit, one(work.old.at), new);
        } else if far(&old) && new.is_none() {
            numbers::compare(work, limit, old, one(work.new.at));
        }
    }
}

fn extensible(work: &mut Work<'_, '_>) {
    let (old, new) = match (work.old.extensible, work.new.extensible) {
        (Some(old), Some(new)) => (old, new),
        // What is limited by an enumeration on the other side is told of that.
        (Some(old), None) if work.new.allowed.is_none() && work.old.allowed.is_none() => {
            work.changed(Kind::ExtensibleUnset, Some(old), None);
            return;
        }
        (None, Some(new)) if work.new.allowed.is_none() && work.old.allowed.is_none() => {
            work.changed(Kind::ExtensibleSet, None, Some(new));
            return;
        }
        _ => return,
    };
    let (base, revision) = (work.old_lib(), work.new_lib());
    let gone = missing((base, base.items(old)), (revision, revision.items(new)), false);
    let come = missing((revision, revision.items(new)), (base, base.items(old)), false);
    for (kind, library, nodes) in
        [(Kind::ExtensibleValueRemoved, base, gone), (Kind::ExtensibleValueAdded, revision, come)]
    {
        told_values(work, kind, library, &nodes, (Some(old), Some(new)));
    }
}

/// Lets every text through.
fn lets_all(pattern: &str) -> bool {
    matches!(pattern, "" | ".*" | "^.*$" | "^.*" | ".*$" | "^" | "$")
}

/// Every text that is listed has all of these patterns, so that they leave nothing out.
fn all_match(library: &Library, shape: &Shape<'_>, patterns: &[String]) -> bool {
    let Some(values) = shape.allowed.as_ref().map(|all| &all.values).filter(|values| !values.is_empty()) else {
        return false;
    };
    let expressions: Option<Vec<_>> = patterns.iter().map(|p| expression(p)).collect();
    let texts = || values.iter().filter_map(|n| library.text(*n));
    expressions.is_some_and(|all| all.iter().all(|pattern| texts().all(|text| pattern.is_match(text))))
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
    let effect = kind.effect();
    let idle = (!effect.narrows || all_match(work.old_lib(), &work.old, &after))
        && (!effect.widens || all_match(work.new_lib(), &work.new, &before));
    if !idle {
        work.changed(kind, old, new);
    }
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
