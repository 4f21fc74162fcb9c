//! Parameters of an operation: its own and those of its path.
use std::collections::BTreeMap;

use super::paths::{Operation, names_in};
use super::read::Api;
use super::spread::Part;
use super::{At, Check, bodies, style};
use crate::compat::document::NodeId;
use crate::compat::lifecycle::{Event, Farewell};

/// Where it stands, and its name.
type Name = (String, String);

/// Parameters by name; those of the operation win over those of its path.
fn all(
    api: Api<'_>,
    operation: &Operation,
    follow: &mut dyn FnMut(NodeId) -> Option<NodeId>,
) -> BTreeMap<Name, NodeId> {
    let lists = [operation.item, operation.node].map(|n| api.list(n, "parameters"));
    // From version 3 on, these are none of a description's parameters: media types and security speak of them.
    let is_3 = api.library.get(api.library.root(), "openapi").is_some();
    let ruled: &[&str] = if is_3 { &["accept", "content-type", "authorization"] } else { &[] };
    let mut found = BTreeMap::new();
    for node in lists.into_iter().flatten() {
        let Some(node) = follow(*node) else { continue };
        let word = |key: &str| api.library.text_at(node, key).unwrap_or_default().to_string();
        let (place, mut name) = (word("in"), word("name"));
        // Headers are told apart without regard to case.
        if place == "header" {
            name.make_ascii_lowercase();
            if ruled.contains(&name.as_str()) {
                continue;
            }
        }
        found.insert((place, name), node);
    }
    found
}

pub(super) fn compare(check: &mut Check<'_>, old: &Operation, new: &Operation, at: At) {
    let (mine, its) = (check.old, check.new);
    let olds = all(mine, old, &mut |n| check.old_at(n));
    let mut news = all(its, new, &mut |n| check.new_at(n));
    // In a path, a parameter is known by its place, whatever it is called.
    let renamed: BTreeMap<&str, &str> = names_in(&old.path).into_iter().zip(names_in(&new.path)).collect();
    for ((place, name), x) in &olds {
        let new_name = match renamed.get(name.as_str()) {
            Some(renamed) if place == "path" => (*renamed).to_string(),
            _ => name.clone(),
        };
        match news.remove(&(place.clone(), new_name)) {
            Some(y) => pair(check, *x, y, at, &label(place, name)),
            None => removed(check, *x, at, &label(place, name)),
        }
    }
    for ((place, name), y) in news {
        let required = check.new.library.flag(y, "required");
        let id = match (place.as_str(), required) {
            ("path", _) => "path-parameter-added",
            (_, true) => "parameter-added-required",
            (_, false) => "parameter-added-optional",
        };
        let message =
            format!("{} parameter {} added", if required { "required" } else { "optional" }, label(&place, &name));
        check.tell(at, id, (Some(old.node), Some(y)), &name, message);
    }
}

fn label(place: &str, name: &str) -> String {
    format!("`{name}` in {place}")
}

fn removed(check: &mut Check<'_>, node: NodeId, at: At, label: &str) {
    let (id, message) = match check.terms.farewell(check.old.notice(node)) {
        // Who is called counts on what the caller always sends.
        Farewell::Unannounced if at.traded && check.old.library.flag(node, "required") => {
            ("webhook-required-parameter-removed", format!("required parameter {label} removed"))
        }
        Farewell::Unannounced => ("parameter-removed", format!("parameter {label} removed")),
        Farewell::Announced => {
            ("parameter-removed-after-notice", format!("parameter {label} removed after it was deprecated"))
        }
        Farewell::BeforeSunset => {
            ("parameter-removed-before-sunset", format!("parameter {label} removed before its sunset"))
        }
        Farewell::SunsetInvalid => {
            ("parameter-sunset-invalid", format!("parameter {label} removed, and its `x-sunset` is no date"))
        }
    };
    check.tell(at, id, (Some(node), None), "", message);
}

fn pair(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, label: &str) {
    let places = (Some(old), Some(new));
    let needed = (check.old.library.flag(old, "required"), check.new.library.flag(new, "required"));
    let part = if needed.0 { Part::NeededParameter } else { Part::Parameter };
    match needed {
        (false, true) => {
            check.tell(at, "parameter-became-required", places, "", format!("parameter {label} became required"));
        }
        (true, false) => {
            check.tell(at, "parameter-became-optional", places, "", format!("parameter {label} became optional"));
        }
        _ => {}
    }
    lifecycle(check, old, new, at, label);
    form(check, old, new, at, label);
    split(check, old, new, at, label);
    let schema = |api: Api<'_>, node: NodeId| api.library.get(node, "schema");
    let content = |api: Api<'_>, node: NodeId| api.library.get(node, "content");
    let (x, y) = (schema(check.old, old), schema(check.new, new));
    match (x, y, content(check.old, old), content(check.new, new)) {
        (Some(x), Some(y), ..) => check.schemas(at, x, y, at.sent(), part),
        (None, None, Some(x), Some(y)) => bodies::parameter(check, x, y, at),
        (Some(_), None, _, Some(_)) | (None, Some(_), Some(_), _) => {
            let message = format!("parameter {label} is written in another way");
            check.tell(at, "parameter-form-changed", places, "", message);
        }
        (None, Some(_), None, None) | (Some(_), None, None, None) => {
            check.note(x, y, &format!("parameter {label} has a schema on one side only: not compared"));
        }
        _ => {}
    }
}

fn lifecycle(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, label: &str) {
    let Some(event) = check.terms.compare(check.old.notice(old), check.new.notice(new)) else { return };
    let (id, what) = match event {
        Event::Deprecated => ("parameter-deprecated", "deprecated"),
        Event::Reactivated => ("parameter-reactivated", "not deprecated any more"),
        Event::SunsetMissing => ("parameter-sunset-missing", "deprecated without `x-sunset`"),
        Event::SunsetInvalid => ("parameter-sunset-invalid", "`x-sunset` is no date"),
        Event::SunsetTooSoon => ("parameter-sunset-too-soon", "`x-sunset` is too soon"),
        Event::SunsetRemoved => ("parameter-sunset-removed", "`x-sunset` removed"),
    };
    check.tell(at, id, (Some(old), Some(new)), "", format!("parameter {label}: {what}"));
}

/// What was written so still is read so, as far as how it is written goes.
fn form(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, label: &str) {
    let places = (Some(old), Some(new));
    let place = check.old.library.text_at(old, "in").unwrap_or("query");
    if let Some((before, after)) = style::changed(check, old, new, place) {
        let message = format!("parameter {label} is written as {after} instead of {before}");
        check.tell(at, "parameter-style-changed", places, "", message);
    }
    for (key, id) in
        [("allowReserved", "parameter-reserved-not-allowed"), ("allowEmptyValue", "parameter-empty-value-not-allowed")]
    {
        if !at.traded && check.old.library.flag(old, key) && !check.new.library.flag(new, key) {
            check.tell(at, id, places, "", format!("parameter {label}: `{key}` removed"));
        }
    }
}

/// A text became a list that is written with commas between its items: values that have commas themselves fall apart.
fn split(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, label: &str) {
    let says = |api: Api<'_>, node: NodeId, word: &str| {
        let schema = api.library.get(node, "schema").and_then(|s| api.library.follow(s));
        let typed = schema.and_then(|s| api.library.get(s, "type"));
        typed.is_some_and(|t| {
            let listed = api.library.items(t).iter().any(|n| api.library.text(*n) == Some(word));
            listed || api.library.text(t) == Some(word)
        })
    };
    let joined = style::joins(check.new, new);
    let text = says(check.old, old, "string") && !says(check.old, old, "array");
    if joined && text && says(check.new, new, "array") && !says(check.new, new, "string") {
        let message = format!("parameter {label} became a list, and a comma in its text parts two items");
        check.tell(at, "parameter-became-list", (Some(old), Some(new)), "", message);
    }
}
