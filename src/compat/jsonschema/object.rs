//! Objects: properties against the content model of the other side.
use regex::Regex;

use super::diff::{At, Diff, Outcome, under};
use super::scalar::{limit, lower, typed, upper};
use super::shape::{Id, Object, Rest, Shape};
use crate::compat::Severity::{Critical, Warning};

/// Each rule needs both sides, so they travel together.
#[derive(Clone, Copy)]
struct Sides<'a> {
    old: At,
    was: &'a Object,
    new: At,
    is: &'a Object,
}

pub(super) fn object(diff: &mut Diff, (old, was): (At, &Object), (new, is): (At, &Object), out: &mut Outcome) {
    let sides = Sides { old, was, new, is };
    required(diff, sides, out);
    for name in was.properties.keys().chain(is.properties.keys().filter(|n| !was.properties.contains_key(*n))) {
        match (was.properties.get(name), is.properties.get(name)) {
            (Some(a), Some(b)) => {
                diff.below(At { id: *a, ..old }, At { id: *b, ..new }, out);
            }
            (Some(a), None) => removed(diff, sides, name, *a, out),
            (None, Some(b)) => added(diff, sides, name, *b, out),
            (None, None) => {}
        }
    }
    needs(diff, sides, out);
    additional(diff, sides, out);
    unevaluated(diff, sides, out);
    let limits = [
        (
            upper("maxProperties", "json-max-properties-added", "json-max-properties-decreased"),
            was.max_properties,
            is.max_properties,
        ),
        (
            lower("minProperties", "json-min-properties-added", "json-min-properties-increased"),
            was.min_properties,
            is.min_properties,
        ),
    ];
    for (l, a, b) in &limits {
        limit(diff, out, l, (old, *a), (new, *b));
    }
    unlooked(diff, sides, out);
    typed(diff, (old, was.typed), (new, is.typed), "object", out);
}

fn required(diff: &Diff, Sides { old, was, new, is }: Sides, out: &mut Outcome) {
    for name in is.required.difference(&was.required) {
        match (was.properties.get(name), is.properties.get(name)) {
            (Some(_), Some(now)) => {
                if !diff.schema(new).nodes[*now].default {
                    let message = format!("`{name}` was optional and is required, without a default");
                    diff.clash(out, "json-required-added", Critical, (old, "required"), (new, "required"), message);
                }
            }
            // A property that is new is told of where it is added.
            (None, Some(_)) if !is_open(diff, was, old) => {}
            _ => {
                let message = format!("`{name}` is required now and was not");
                diff.clash(out, "json-required-unlisted", Warning, (old, "required"), (new, "required"), message);
            }
        }
    }
}

fn removed(diff: &mut Diff, Sides { old, new, is, .. }: Sides, name: &str, a: Id, out: &mut Outcome) {
    if is_open(diff, is, new) {
        return;
    }
    let at = under("properties", name);
    let a = At { id: a, ..old };
    match model(diff, is, new, name) {
        Some(covers) => {
            if !diff.below(a, At { id: covers, ..new }, out) {
                let message =
                    format!("property `{name}` was removed, and what stands for it does not accept all it allowed");
                diff.clash(
                    out,
                    "json-property-removed-not-covered",
                    Critical,
                    (old, &at),
                    (new, "properties"),
                    message,
                );
            }
        }
        None if matches!(diff.shape(a), Shape::Never) => {}
        None => {
            let message = format!("property `{name}` was removed from a closed model");
            diff.clash(out, "json-property-removed-from-closed", Critical, (old, &at), (new, "properties"), message);
        }
    }
}

fn added(diff: &mut Diff, Sides { old, was, new, is }: Sides, name: &str, b: Id, out: &mut Outcome) {
    let at = under("properties", name);
    let b = At { id: b, ..new };
    if is_open(diff, was, old) {
        // Behind a reference everything may be allowed as well, but registries look no further.
        if !matches!(diff.schema(new).nodes[b.id].shape, Shape::Any) {
            let message = format!("property `{name}` was added to an open model, where it was allowed with any value");
            diff.clash(out, "json-property-added-to-open", Critical, (old, "properties"), (new, &at), message);
        }
        return;
    }
    let covers = model(diff, was, old, name);
    if let Some(covered) = covers
        && !diff.below(At { id: covered, ..old }, b, out)
    {
        let message = format!("property `{name}` was added and does not accept all that was allowed in its place");
        diff.clash(out, "json-property-added-not-covered", Critical, (old, "properties"), (new, &at), message);
    }
    let any = covers.is_none() && was.additional == Rest::Open && was.unevaluated.is_none();
    if any && !matches!(diff.shape(b), Shape::Any) {
        // Patterns say nothing of this name, so it was allowed with any value; registries take the model for closed.
        let message = format!("property `{name}` was added, and no pattern spoke of it: it was allowed with any value");
        let rule = "json-property-added-beside-patterns";
        diff.clash(out, rule, Warning, (old, "patternProperties"), (new, &at), message);
    }
    if is.required.contains(name) && !diff.schema(new).nodes[b.id].default {
        let message = format!("property `{name}` was added and is required, without a default");
        diff.clash(out, "json-required-property-added", Critical, (old, "properties"), (new, &at), message);
    }
}

fn needs(diff: &mut Diff, Sides { old, was, new, is }: Sides, out: &mut Outcome) {
    let keyword = |o: &Object, at: At, diff: &Diff, name: &str| {
        let words = ["dependencies", "dependentRequired", "dependentSchemas"];
        let has = |k: &&str| diff.schema(at).document.value.pointer(&format!("{}/{k}", diff.target(at))).is_some();
        let _ = o;
        words.iter().find(|k| has(k)).map_or(String::new(), |k| under(k, name))
    };
    for (name, needed) in &is.needs {
        let message = match was.needs.get(name) {
            None => format!("`{name}` now needs other properties"),
            Some(before) if !needed.is_subset(before) => {
                let more: Vec<&str> = needed.difference(before).map(String::as_str).collect();
                format!("`{name}` now needs {}", more.join(", "))
            }
            Some(_) => continue,
        };
        let (a, b) = (keyword(was, old, diff, name), keyword(is, new, diff, name));
        diff.clash(out, "json-dependency-added", Critical, (old, &a), (new, &b), message);
    }
    for (name, needed) in &is.needs_schema {
        match was.needs_schema.get(name) {
            None => {
                let message = format!("with `{name}` a schema now has to hold");
                let (a, b) = (keyword(was, old, diff, name), keyword(is, new, diff, name));
                diff.clash(out, "json-dependency-added", Critical, (old, &a), (new, &b), message);
            }
            Some(before) => {
                diff.below(At { id: *before, ..old }, At { id: *needed, ..new }, out);
            }
        }
    }
}

fn additional(diff: &mut Diff, Sides { old, was, new, is }: Sides, out: &mut Outcome) {
    let k = "additionalProperties";
    let (rule, message) = match (was.additional, is.additional) {
        (Rest::Open | Rest::As(_), Rest::Closed) => {
            ("json-additional-properties-closed", "properties that are not listed were allowed, and no longer are")
        }
        (Rest::Open, Rest::As(_)) => {
            ("json-additional-properties-narrowed", "properties that are not listed were allowed with any value")
        }
        (Rest::As(a), Rest::As(b)) => {
            diff.below(At { id: a, ..old }, At { id: b, ..new }, out);
            return;
        }
        _ => return,
    };
    diff.clash(out, rule, Critical, (old, k), (new, k), message.to_string());
}

fn unevaluated(diff: &mut Diff, Sides { old, was, new, is }: Sides, out: &mut Outcome) {
    let k = "unevaluatedProperties";
    if let Some(message) = unevaluated_change(diff, (old, was.unevaluated), (new, is.unevaluated), out) {
        diff.clash(out, "json-unevaluated-properties-narrowed", Critical, (old, k), (new, k), message);
    }
}

/// What is said of leftovers became less than it was; a pair of schemas is compared like any other.
pub(super) fn unevaluated_change(
    diff: &mut Diff,
    (old, was): (At, Option<Id>),
    (new, is): (At, Option<Id>),
    out: &mut Outcome,
) -> Option<String> {
    let is = At { id: is?, ..new };
    let open = |d: &Diff, at: At| matches!(d.shape(at), Shape::Any);
    match was.map(|id| At { id, ..old }) {
        None if open(diff, is) => None,
        None => Some("what no rule looks at was allowed, and is limited now".to_string()),
        Some(was) if open(diff, was) && !open(diff, is) => Some("what no rule looks at is limited now".to_string()),
        Some(was) => {
            diff.below(was, is, out);
            None
        }
    }
}

/// A new pattern in a closed model speaks of the declared properties that have it.
fn declared(diff: &mut Diff, Sides { old, was, new, .. }: Sides, pattern: &str, b: Id, out: &mut Outcome) {
    let Ok(regex) = Regex::new(pattern) else {
        let file = &diff.schema(new).document.file;
        let text = format!("{file}#{}: pattern `{pattern}` is beyond what is understood", diff.pointer(new));
        return diff.leave_out(text);
    };
    for (name, a) in was.properties.iter().filter(|(name, _)| regex.is_match(name)) {
        let (a, b) = (At { id: *a, ..old }, At { id: b, ..new });
        if diff.fits(a, b) {
            continue;
        }
        let message = format!("`{name}` has to fit what `{pattern}` demands now as well, which accepts less");
        let (x, y) = (under("properties", name), under("patternProperties", pattern));
        let details = diff.reasons(a, b);
        diff.clash_for(out, "json-pattern-property-narrowed", Warning, (old, &x), (new, &y), message, details);
    }
}

/// What is no part of the registries' rules is told all the same, as a warning.
fn unlooked(diff: &mut Diff, sides: Sides, out: &mut Outcome) {
    let Sides { old, was, new, is } = sides;
    for (pattern, b) in &is.patterns {
        let at = under("patternProperties", pattern);
        match was.patterns.iter().find(|(p, _)| p == pattern) {
            None if matches!(was.additional, Rest::Closed) => declared(diff, sides, pattern, *b, out),
            None => {
                let message = format!("properties named like `{pattern}` are limited now");
                diff.clash(
                    out,
                    "json-pattern-property-narrowed",
                    Warning,
                    (old, "patternProperties"),
                    (new, &at),
                    message,
                );
            }
            Some((_, a)) if !diff.fits(At { id: *a, ..old }, At { id: *b, ..new }) => {
                let message = format!("properties named like `{pattern}` accept less than they did");
                let details = diff.reasons(At { id: *a, ..old }, At { id: *b, ..new });
                let rule = "json-pattern-property-narrowed";
                diff.clash_for(out, rule, Warning, (old, &at), (new, &at), message, details);
            }
            Some(_) => {}
        }
    }
    for (pattern, _) in was.patterns.iter().filter(|(p, _)| is.patterns.iter().all(|(q, _)| p != q)) {
        if is.additional != Rest::Open {
            let at = under("patternProperties", pattern);
            let message = format!("properties named like `{pattern}` were spoken of, and now count as not listed");
            diff.clash(out, "json-pattern-property-narrowed", Warning, (old, &at), (new, "patternProperties"), message);
        }
    }
    if let Some(b) = is.names {
        let fine = was.names.is_some_and(|a| diff.fits(At { id: a, ..old }, At { id: b, ..new }));
        if !fine && !matches!(diff.shape(At { id: b, ..new }), Shape::Any) {
            let k = "propertyNames";
            let message = "names of properties are limited more than they were".to_string();
            diff.clash(out, "json-property-names-narrowed", Warning, (old, k), (new, k), message);
        }
    }
}

/// Any property with any value.
fn is_open(diff: &Diff, object: &Object, at: At) -> bool {
    object.patterns.is_empty()
        && object.additional == Rest::Open
        && object.unevaluated.is_none_or(|id| matches!(diff.shape(At { id, ..at }), Shape::Any))
}

/// The schema that stands for a property that is not listed, where the model is neither open nor closed.
fn model(diff: &mut Diff, object: &Object, at: At, name: &str) -> Option<Id> {
    for (pattern, id) in &object.patterns {
        match Regex::new(pattern) {
            Ok(regex) if regex.is_match(name) => return Some(*id),
            Ok(_) => {}
            Err(_) => {
                let file = &diff.schema(at).document.file;
                let text = format!("{file}#{}: pattern `{pattern}` is beyond what is understood", diff.pointer(at));
                diff.leave_out(text);
            }
        }
    }
    match object.additional {
        Rest::As(id) => Some(id),
        Rest::Closed => None,
        Rest::Open => {
            object.unevaluated.filter(|id| !matches!(diff.shape(At { id: *id, ..at }), Shape::Never | Shape::Any))
        }
    }
}
