//! One operation that both sides have.
use std::collections::BTreeMap;

use super::paths::{self, Operation};
use super::{At, Check, bodies, parameters, security, statuses};
use crate::compat::document::{Library, NodeId};
use crate::compat::lifecycle::Event;

pub(super) fn compare(check: &mut Check<'_>, old: &Operation, new: &Operation, at: At) {
    paths::unknown_of_operation(check, old.node, new.node);
    lifecycle(check, old.node, new.node, at);
    names(check, old.node, new.node, at);
    parameters::compare(check, old, new, at);
    bodies::request(check, old.node, new.node, at);
    statuses::compare(check, old.node, new.node, at);
    security::compare(check, old.node, new.node, at);
    paths::callbacks(check, old, new, at);
    for (item, other) in [(old.node, new.node), (old.item, new.item)] {
        let servers = (check.old.library.get(item, "servers"), check.new.library.get(other, "servers"));
        super::around::servers(check, servers, at.into());
    }
}

fn lifecycle(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let Some(event) = check.terms.compare(check.old.notice(old), check.new.notice(new)) else { return };
    let (id, what) = match event {
        Event::Deprecated => ("operation-deprecated", "deprecated"),
        Event::Reactivated => ("operation-reactivated", "not deprecated any more"),
        Event::SunsetMissing => ("operation-sunset-missing", "deprecated without `x-sunset`"),
        Event::SunsetInvalid => ("operation-sunset-invalid", "`x-sunset` is no date"),
        Event::SunsetTooSoon => ("operation-sunset-too-soon", "`x-sunset` is too soon"),
        Event::SunsetRemoved => ("operation-sunset-removed", "`x-sunset` removed"),
    };
    let place = |library: &Library, node: NodeId| library.get(node, "x-sunset").or(Some(node));
    let places = (place(check.old.library, old), place(check.new.library, new));
    check.tell(at, id, places, "", what.to_string());
}

fn names(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let id = |library: &Library, node: NodeId| library.get(node, "operationId");
    let (x, y) = (id(check.old.library, old), id(check.new.library, new));
    if !check.equal(x, y) {
        let word = |library: &Library, n: Option<NodeId>| n.map_or("none".into(), |n| library.brief(n));
        let (from, to) = (word(check.old.library, x), word(check.new.library, y));
        let message = format!("operationId changed from {from} to {to}");
        check.tell(at, "operation-id-changed", (x.or(Some(old)), y.or(Some(new))), "", message);
    }
    let tags = |api: super::Api<'_>, node: NodeId| -> BTreeMap<String, NodeId> {
        api.list(node, "tags").iter().filter_map(|n| Some((api.library.text(*n)?.to_string(), *n))).collect()
    };
    let (before, after) = (tags(check.old, old), tags(check.new, new));
    for (tag, x) in before.iter().filter(|(tag, _)| !after.contains_key(*tag)) {
        check.tell(at, "tag-removed", (Some(*x), Some(new)), tag, format!("tag `{tag}` removed"));
    }
    for (tag, y) in after.iter().filter(|(tag, _)| !before.contains_key(*tag)) {
        check.tell(at, "tag-added", (Some(old), Some(*y)), tag, format!("tag `{tag}` added"));
    }
}
