//! Arrays: items, tuples against the content model of the other side.
use super::diff::{At, Diff, Outcome, under};
use super::object::unevaluated_change;
use super::scalar::{limit, lower, typed, upper};
use super::shape::{Array, Draft, Id, Rest, Shape};
use crate::compat::Severity::{Critical, Warning};

pub(super) fn array(diff: &mut Diff, (old, was): (At, &Array), (new, is): (At, &Array), out: &mut Outcome) {
    match (was.items, is.items) {
        (Some(a), Some(b)) => {
            diff.below(At { id: a, ..old }, At { id: b, ..new }, out);
        }
        (None, Some(_)) => {
            let message = "items were allowed with any value, and are limited now".to_string();
            diff.clash(out, "json-items-added", Critical, (old, "items"), (new, "items"), message);
        }
        _ => {}
    }
    tuple(diff, (old, was), (new, is), out);
    additional(diff, (old, was), (new, is), out);
    if let Some(message) = unevaluated_change(diff, (old, was.unevaluated), (new, is.unevaluated), out) {
        let k = "unevaluatedItems";
        diff.clash(out, "json-unevaluated-items-narrowed", Critical, (old, k), (new, k), message);
    }
    let limits = [
        (upper("maxItems", "json-max-items-added", "json-max-items-decreased"), was.max_items, is.max_items),
        (lower("minItems", "json-min-items-added", "json-min-items-increased"), was.min_items, is.min_items),
        (
            upper("maxContains", "json-max-contains-added", "json-max-contains-decreased"),
            was.max_contains,
            is.max_contains,
        ),
        (
            lower("minContains", "json-min-contains-added", "json-min-contains-increased"),
            was.min_contains,
            is.min_contains,
        ),
    ];
    for (l, a, b) in &limits {
        limit(diff, out, l, (old, *a), (new, *b));
    }
    if is.unique && !was.unique {
        let (k, message) = ("uniqueItems", "items may no longer be equal".to_string());
        diff.clash(out, "json-unique-items-added", Critical, (old, k), (new, k), message);
    }
    contains(diff, (old, was), (new, is), out);
    typed(diff, (old, was.typed), (new, is.typed), "array", out);
}

fn contains(diff: &mut Diff, (old, was): (At, &Array), (new, is): (At, &Array), out: &mut Outcome) {
    let Some(b) = is.contains.map(|id| At { id, ..new }) else { return };
    let fine = was.contains.is_some_and(|a| diff.fits(At { id: a, ..old }, b));
    // Where drafts count what is contained, that it has to be there at all was told with the counts.
    let told = was.contains.is_none() && diff.schema(new).draft >= Draft::D2019;
    if !fine && !told && !matches!(diff.shape(b), Shape::Any) {
        let (k, message) = ("contains", "what has to be among the items is limited more than it was".to_string());
        diff.clash(out, "json-contains-narrowed", Warning, (old, k), (new, k), message);
    }
}

fn tuple(diff: &mut Diff, (old, was): (At, &Array), (new, is): (At, &Array), out: &mut Outcome) {
    for (a, b) in was.tuple.iter().zip(&is.tuple) {
        diff.below(At { id: *a, ..old }, At { id: *b, ..new }, out);
    }
    for (n, a) in was.tuple.iter().enumerate().skip(is.tuple.len()) {
        removed(diff, (old, *a), (new, is), n, out);
    }
    for (n, b) in is.tuple.iter().enumerate().skip(was.tuple.len()) {
        added(diff, (old, was), (new, *b), n, out);
    }
}

fn removed(diff: &mut Diff, (old, a): (At, Id), (new, is): (At, &Array), n: usize, out: &mut Outcome) {
    if is_open(diff, is, new) {
        return;
    }
    let a = At { id: a, ..old };
    let at = keyword(diff, old, n);
    match model(diff, is, new) {
        Some(covers) => {
            if !diff.below(a, At { id: covers, ..new }, out) {
                let message = format!("item {n} was removed, and what stands for it does not accept all it allowed");
                diff.clash(out, "json-item-removed-not-covered", Critical, (old, &at), (new, "items"), message);
            }
        }
        None if matches!(diff.shape(a), Shape::Never) => {}
        None => {
            let message = format!("item {n} was removed from a closed model");
            diff.clash(out, "json-item-removed-from-closed", Critical, (old, &at), (new, "items"), message);
        }
    }
}

fn added(diff: &mut Diff, (old, was): (At, &Array), (new, b): (At, Id), n: usize, out: &mut Outcome) {
    let b = At { id: b, ..new };
    let at = keyword(diff, new, n);
    if is_open(diff, was, old) {
        if !matches!(diff.schema(new).nodes[b.id].shape, Shape::Any) {
            let message = format!("item {n} was added to an open model, where it was allowed with any value");
            diff.clash(out, "json-item-added-to-open", Critical, (old, "items"), (new, &at), message);
        }
        return;
    }
    if let Some(covered) = model(diff, was, old)
        && !diff.below(At { id: covered, ..old }, b, out)
    {
        let message = format!("item {n} was added and does not accept all that was allowed in its place");
        diff.clash(out, "json-item-added-not-covered", Critical, (old, "items"), (new, &at), message);
    }
}

fn additional(diff: &mut Diff, (old, was): (At, &Array), (new, is): (At, &Array), out: &mut Outcome) {
    let k = |at: At| if diff.schema(at).draft >= Draft::D2020 { "items" } else { "additionalItems" };
    let (k, l) = (k(old), k(new));
    let (rule, message) = match (was.additional, is.additional) {
        (Rest::Open | Rest::As(_), Rest::Closed) => {
            ("json-additional-items-closed", "items beyond the listed were allowed, and no longer are")
        }
        (Rest::Open, Rest::As(_)) => {
            ("json-additional-items-narrowed", "items beyond the listed were allowed with any value")
        }
        (Rest::As(a), Rest::As(b)) => {
            diff.below(At { id: a, ..old }, At { id: b, ..new }, out);
            return;
        }
        _ => return,
    };
    diff.clash(out, rule, Critical, (old, k), (new, l), message.to_string());
}

fn keyword(diff: &Diff, at: At, n: usize) -> String {
    let there = diff.schema(at).document.value.pointer(&format!("{}/prefixItems", diff.target(at))).is_some();
    under(if there { "prefixItems" } else { "items" }, n)
}

fn is_open(diff: &Diff, array: &Array, at: At) -> bool {
    array.additional == Rest::Open
        && array.unevaluated.is_none_or(|id| matches!(diff.shape(At { id, ..at }), Shape::Any))
}

fn model(diff: &Diff, array: &Array, at: At) -> Option<Id> {
    match array.additional {
        Rest::As(id) => Some(id),
        Rest::Closed => None,
        Rest::Open => {
            array.unevaluated.filter(|id| !matches!(diff.shape(At { id: *id, ..at }), Shape::Never | Shape::Any))
        }
    }
}
