//! Bounds and multiples.
use serde_json::Number;

use super::engine::Work;
use super::kind::{Kind, Limit};
use super::shape::{Bound, Shape, tighter};
use super::types::Types;
use crate::compat::document::{Data, Library, NodeId, compare as compare_numbers};

/// The type whose values a bound is about.
fn of_type(limit: Limit) -> Types {
    use Limit::*;
    match limit {
        Minimum | Maximum => Types::NUMBER,
        MinLength | MaxLength => Types::STRING,
        MinItems | MaxItems | MinContains | MaxContains => Types::ARRAY,
        MinProperties | MaxProperties => Types::OBJECT,
    }
}

/// The bound as whole numbers know it: above 1 is from 2 on.
fn whole(limit: Limit, bound: Bound) -> Bound {
    // Above this a number with a point does not know its neighbours any more.
    let Some(value) = bound.value.as_f64().filter(|v| v.abs() < 1e15) else { return bound };
    let moved = match (limit.is_lower(), bound.exclusive) {
        (true, true) => value.floor() + 1.0,
        (true, false) => value.ceil(),
        (false, true) => value.ceil() - 1.0,
        (false, false) => value.floor(),
    };
    // Below 1e15 in amount, so that it is the same as a whole number.
    let value = Number::from(moved as i64);
    Bound { value, exclusive: false, at: bound.at }
}

pub(super) fn limits(work: &mut Work<'_, '_>) {
    let integers = work.common.both(Types::NUMBER) == Types::INTEGER;
    for limit in Limit::ALL {
        if !work.concerns(of_type(limit)) {
            continue;
        }
        let bound = |shape: &Shape<'_>| {
            let bound = shape.limits.get(&limit).cloned();
            bound.map(|b| if integers && of_type(limit) == Types::NUMBER { whole(limit, b) } else { b })
        };
        let (old, new) = (bound(&work.old), bound(&work.new));
        // Of values that are listed, those that a bound leaves out are told one by one, and it says nothing else. But by a
        // `maxLength` that comes or goes as a whole people mean more than the values they list.
        let listed = |shape: &Shape<'_>| shape.allowed.is_some();
        let told = |library: &Library, shape: &Shape<'_>, bound: &Bound| {
            let met = |n: &NodeId| meets(library, *n, limit, bound);
            shape.allowed.as_ref().is_some_and(|a| limit != Limit::MaxLength || !a.values.iter().all(met))
        };
        let idle = match (&old, &new) {
            (None, Some(new)) => told(work.old_lib(), &work.old, new),
            (Some(old), None) => told(work.new_lib(), &work.new, old),
            (Some(x), Some(y)) if tighter(limit, y, x).is_gt() => listed(&work.old),
            (Some(_), Some(_)) => listed(&work.new),
            (None, None) => true,
        };
        if !idle {
            compare(work, limit, old, new);
        }
    }
}

/// A value that a bound does not leave out; one that the bound is not about is none.
pub(super) fn meets(library: &Library, value: NodeId, limit: Limit, bound: &Bound) -> bool {
    use Limit::*;
    let size: Number = match (limit, library.data(value)) {
        (Minimum | Maximum, Data::Number(n)) => n.clone(),
        (MinLength | MaxLength, Data::Text(text)) => text.chars().count().into(),
        (MinItems | MaxItems, Data::Seq(items)) => items.len().into(),
        (MinProperties | MaxProperties, Data::Map(map)) => map.entries.len().into(),
        _ => return true,
    };
    let at = compare_numbers(&size, &bound.value);
    let inside = if limit.is_lower() { at.is_gt() } else { at.is_lt() };
    inside || (at.is_eq() && !bound.exclusive)
}

/// Values that the bounds of a schema leave out.
pub(super) fn beyond(library: &Library, values: &[NodeId], shape: &Shape<'_>) -> Vec<NodeId> {
    let met = |n: &NodeId| shape.limits.iter().all(|(limit, bound)| meets(library, *n, *limit, bound));
    values.iter().copied().filter(|n| !met(n)).collect()
}

/// Tells what became of one bound.
pub(super) fn compare(work: &mut Work<'_, '_>, limit: Limit, old: Option<Bound>, new: Option<Bound>) {
    let kind = match (&old, &new) {
        (None, Some(_)) => Kind::LimitSet(limit),
        (Some(_), None) => Kind::LimitUnset(limit),
        (Some(old), Some(new)) => match tighter(limit, new, old) {
            std::cmp::Ordering::Greater => Kind::Tightened(limit),
            std::cmp::Ordering::Less => Kind::Loosened(limit),
            std::cmp::Ordering::Equal => return,
        },
        (None, None) => return,
    };
    let said = |bound: &Option<Bound>| {
        let bound = bound.as_ref();
        bound.map(|b| format!("{}{}", b.value, if b.exclusive { " (exclusive)" } else { "" })).unwrap_or_default()
    };
    let (from, to) = (said(&old), said(&new));
    let change = work.change(kind, old.map(|b| b.at), new.map(|b| b.at));
    (change.from, change.to) = (from, to);
}

fn multiples(library: &Library, shape: &Shape<'_>) -> Vec<f64> {
    let value = |node: &u32| match library.data(*node) {
        Data::Number(n) => n.as_f64().filter(|v| *v > 0.0),
        _ => None,
    };
    shape.multiples.iter().filter_map(value).collect()
}

/// Whether the side with numbers of all kinds lets through whole ones alone, because they must be multiples of one.
pub(super) fn are_whole(work: &Work<'_, '_>) -> bool {
    let integers = |set: Types| set.both(Types::NUMBER) == Types::INTEGER;
    let of = |library: &Library, shape: &Shape<'_>| {
        integers(shape.types.set) || multiples(library, shape).iter().any(|m| m.fract() == 0.0)
    };
    of(work.old_lib(), &work.old) && of(work.new_lib(), &work.new)
}

fn divides(small: f64, large: f64) -> bool {
    let times = large / small;
    (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
}

/// The least number that all of them divide; none where it is not known.
fn least_common(all: &[f64]) -> Option<f64> {
    // Six places are enough for money and measures; beyond, and for large numbers, it is not known.
    const PLACES: f64 = 1e6;
    let mut least: u128 = 1;
    for value in all {
        let scaled = value * PLACES;
        let exact = (scaled - scaled.round()).abs() < 1e-9 * scaled && (1.0..1e15).contains(&scaled);
        let scaled = exact.then_some(scaled.round() as u128)?;
        let (mut a, mut b) = (least, scaled);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        least = (least / a).checked_mul(scaled).filter(|l| *l < 1 << 100)?;
    }
    Some(least as f64 / PLACES)
}

pub(super) fn multiple(work: &mut Work<'_, '_>) {
    if !work.concerns(Types::NUMBER) {
        return;
    }
    // For integers, a multiple of one is no demand.
    let integers = work.common.both(Types::NUMBER) == Types::INTEGER || are_whole(work);
    let of = |library: &Library, shape: &Shape<'_>| {
        let all = multiples(library, shape);
        let all: Vec<f64> = all.into_iter().filter(|m| !(integers && divides(*m, 1.0))).collect();
        // Where the least common one is not known, the largest is the one that says most.
        let known = least_common(&all).or_else(|| all.iter().copied().reduce(f64::max));
        known.filter(|_| !all.is_empty())
    };
    let (before, after) = (of(work.old_lib(), &work.old), of(work.new_lib(), &work.new));
    let kind = match (before, after) {
        (None, Some(_)) => Kind::MultipleSet,
        (Some(_), None) => Kind::MultipleUnset,
        (Some(a), Some(b)) if (a - b).abs() <= 1e-9 * a.abs() => return,
        (Some(a), Some(b)) if divides(a, b) => Kind::MultipleTightened,
        (Some(a), Some(b)) if divides(b, a) => Kind::MultipleLoosened,
        (Some(_), Some(_)) => Kind::MultipleChanged,
        (None, None) => return,
    };
    let (old, new) = (work.old.multiples.first().copied(), work.new.multiples.first().copied());
    let change = work.change(kind, old, new);
    change.from = before.map(|v| v.to_string()).unwrap_or_default();
    change.to = after.map(|v| v.to_string()).unwrap_or_default();
}
