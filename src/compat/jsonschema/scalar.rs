//! Numbers, texts, lists of values.
use std::collections::BTreeSet;

use super::diff::{At, Diff, Outcome};
use super::shape::{Number, Text};
use crate::compat::Severity::{Critical, Warning};

/// A limit that may only move one way.
pub(super) struct Limit {
    pub keyword: &'static str,
    pub added: &'static str,
    pub tightened: &'static str,
    /// Smaller is tighter, as for a maximum.
    pub upper: bool,
}

pub(super) const fn upper(keyword: &'static str, added: &'static str, tightened: &'static str) -> Limit {
    Limit { keyword, added, tightened, upper: true }
}

pub(super) const fn lower(keyword: &'static str, added: &'static str, tightened: &'static str) -> Limit {
    Limit { keyword, added, tightened, upper: false }
}

pub(super) fn limit(diff: &Diff, out: &mut Outcome, l: &Limit, old: (At, Option<f64>), new: (At, Option<f64>)) {
    let k = l.keyword;
    let (rule, message) = match (old.1, new.1) {
        (None, Some(is)) => (l.added, format!("`{k}` {is} is new")),
        (Some(was), Some(is)) if (l.upper && is < was) || (!l.upper && is > was) => {
            (l.tightened, format!("`{k}` was {was} and is {is}"))
        }
        _ => return,
    };
    diff.clash(out, rule, Critical, (old.0, k), (new.0, k), message);
}

pub(super) fn number(diff: &Diff, (old, a): (At, &Number), (new, b): (At, &Number), out: &mut Outcome) {
    // Where only one of the drafts has numbers for what the other says in words, both are made numbers.
    let mixed = (a.open != (false, false)) != (b.open != (false, false))
        && [a, b].iter().any(|n| n.exclusive_minimum.is_some() || n.exclusive_maximum.is_some());
    let (a, b) = if mixed { (&in_numbers(a), &in_numbers(b)) } else { (a, b) };
    let limits = [
        (upper("maximum", "json-maximum-added", "json-maximum-decreased"), a.maximum, b.maximum),
        (lower("minimum", "json-minimum-added", "json-minimum-increased"), a.minimum, b.minimum),
        (
            upper("exclusiveMaximum", "json-exclusive-maximum-added", "json-exclusive-maximum-decreased"),
            a.exclusive_maximum,
            b.exclusive_maximum,
        ),
        (
            lower("exclusiveMinimum", "json-exclusive-minimum-added", "json-exclusive-minimum-increased"),
            a.exclusive_minimum,
            b.exclusive_minimum,
        ),
    ];
    for (l, was, is) in &limits {
        limit(diff, out, l, (old, *was), (new, *is));
    }
    let closed = |was: bool, is: bool, looser: bool| !was && is && !looser;
    let less = |x: Option<f64>, y: Option<f64>| x.zip(y).is_some_and(|(x, y)| x < y);
    if closed(a.open.0, b.open.0, less(b.minimum, a.minimum)) {
        let (k, message) = ("exclusiveMinimum", "the minimum itself is no longer allowed".to_string());
        diff.clash(out, "json-exclusive-minimum-added", Critical, (old, k), (new, k), message);
    }
    if closed(a.open.1, b.open.1, less(a.maximum, b.maximum)) {
        let (k, message) = ("exclusiveMaximum", "the maximum itself is no longer allowed".to_string());
        diff.clash(out, "json-exclusive-maximum-added", Critical, (old, k), (new, k), message);
    }
    multiple_of(diff, (old, a), (new, b), out);
    if b.integer && !a.integer {
        let message = "was number, is integer".to_string();
        diff.clash(out, "json-type-narrowed", Critical, (old, "type"), (new, "type"), message);
    }
    typed(diff, (old, a.typed), (new, b.typed), "number", out);
}

fn in_numbers(n: &Number) -> Number {
    let mut n = n.clone();
    if n.open.0 {
        n.exclusive_minimum = n.minimum.take();
    }
    if n.open.1 {
        n.exclusive_maximum = n.maximum.take();
    }
    n.open = (false, false);
    n
}

fn multiple_of(diff: &Diff, (old, a): (At, &Number), (new, b): (At, &Number), out: &mut Outcome) {
    let whole = |x: f64| (x - x.round()).abs() < 1e-9 * x.abs().max(1.0);
    let k = "multipleOf";
    let (rule, message) = match (a.multiple_of, b.multiple_of) {
        (None, Some(is)) => ("json-multiple-of-added", format!("`{k}` {is} is new")),
        (Some(was), Some(is)) if was != is && !whole(was / is) => {
            let rule = if whole(is / was) { "json-multiple-of-expanded" } else { "json-multiple-of-changed" };
            (rule, format!("`{k}` was {was} and is {is}"))
        }
        _ => return,
    };
    diff.clash(out, rule, Critical, (old, k), (new, k), message);
}

pub(super) fn text(diff: &Diff, (old, a): (At, &Text), (new, b): (At, &Text), out: &mut Outcome) {
    let limits = [
        (upper("maxLength", "json-max-length-added", "json-max-length-decreased"), a.max_length, b.max_length),
        (lower("minLength", "json-min-length-added", "json-min-length-increased"), a.min_length, b.min_length),
    ];
    for (l, was, is) in &limits {
        limit(diff, out, l, (old, *was), (new, *is));
    }
    let pattern = match (&a.pattern, &b.pattern) {
        (None, Some(is)) => Some(("json-pattern-added", format!("`pattern` `{is}` is new"))),
        (Some(was), Some(is)) if was != is => {
            Some(("json-pattern-changed", format!("`pattern` was `{was}` and is `{is}`")))
        }
        _ => None,
    };
    if let Some((rule, message)) = pattern {
        diff.clash(out, rule, Critical, (old, "pattern"), (new, "pattern"), message);
    }
    if let Some(is) = b.format.as_ref().filter(|_| a.format != b.format) {
        // Most validators only note it, so registries let it pass.
        let message = match &a.format {
            Some(was) => format!("`format` was {was} and is {is}"),
            None => format!("`format` {is} is new"),
        };
        diff.clash(out, "json-format-changed", Warning, (old, "format"), (new, "format"), message);
    }
    typed(diff, (old, a.typed), (new, b.typed), "string", out);
}

/// Values of other types passed, and no longer do. Registries do not look at it.
pub(super) fn typed(diff: &Diff, old: (At, bool), new: (At, bool), name: &str, out: &mut Outcome) {
    if new.1 && !old.1 {
        let message = format!("values that are no {name} passed, and no longer do");
        diff.clash(out, "json-type-added", Warning, (old.0, "type"), (new.0, "type"), message);
    }
}

pub(super) fn values(
    diff: &Diff,
    (old, a): (At, &BTreeSet<String>),
    (new, b): (At, &BTreeSet<String>),
    out: &mut Outcome,
) {
    let gone: Vec<&str> = a.difference(b).map(String::as_str).collect();
    if gone.is_empty() {
        return;
    }
    let listed = match gone.as_slice() {
        [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", gone.len() - 3),
        few => few.join(", "),
    };
    let rule = if a.is_superset(b) { "json-enum-narrowed" } else { "json-enum-changed" };
    diff.clash(out, rule, Critical, (old, "enum"), (new, "enum"), format!("no longer allowed: {listed}"));
}
