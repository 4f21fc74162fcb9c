//! Which operations there are on either side, in paths, webhooks and callbacks, and which became which.
use std::collections::{BTreeMap, BTreeSet};

use super::read::{Api, METHODS};
use super::{At, Check, operation};
use crate::compat::document::NodeId;
use crate::compat::lifecycle::{Farewell, Stability};
use crate::spec::nearest;

/// An operation and where it was found.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The path's own entry, with what all its operations share.
    pub item: NodeId,
    pub node: NodeId,
    pub path: String,
    pub method: &'static str,
}

/// Before the name of an operation that the server calls by itself.
pub const WEBHOOK: &str = "webhook ";
/// Between an operation and what the server calls because of it.
pub const CALLBACK: &str = " callback ";

/// Path without the names of its parameters, and method.
type Name = (String, &'static str);

/// `/orders/{id}` and `/orders/{order}` are one path.
pub fn blanked(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => {
                inside = true;
                out.push('{');
            }
            '}' => {
                inside = false;
                out.push('}');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// Names of the parameters in a path, in order.
pub fn names_in(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}

/// Operations by what tells paths apart: not their parameters' names.
fn operations(api: Api<'_>, entries: &[(Box<str>, NodeId)]) -> BTreeMap<Name, Operation> {
    by_name(api, entries, blanked)
}

fn by_name(api: Api<'_>, entries: &[(Box<str>, NodeId)], name: fn(&str) -> String) -> BTreeMap<Name, Operation> {
    let mut found = BTreeMap::new();
    for (path, at) in entries.iter().filter(|(path, _)| !path.starts_with("x-")) {
        // A path that leads nowhere has no operations: `compare` has told so.
        let Some(target) = api.library.follow(*at) else { continue };
        // From 3.1 on, operations may stand beside a reference to others.
        for (item, method) in [*at, target].into_iter().flat_map(|item| METHODS.map(|m| (item, m))) {
            if let Some(node) = api.library.get(item, method).filter(|n| api.library.is_map(*n)) {
                let operation = Operation { item, node, path: path.to_string(), method };
                found.entry((name(path), method)).or_insert(operation);
            }
        }
    }
    found
}

/// Operations whose path is, but for the names of its parameters, that of another: a server cannot tell them apart, and
/// which one it means nobody knows.
fn twins(check: &mut Check<'_>, old: &[(Box<str>, NodeId)], new: &[(Box<str>, NodeId)]) {
    let of = |api: Api<'_>, entries: &[(Box<str>, NodeId)]| -> BTreeMap<Name, NodeId> {
        let first = operations(api, entries);
        let all = by_name(api, entries, str::to_string).into_values();
        let second = all.filter(|o| first.get(&(blanked(&o.path), o.method)).is_some_and(|f| f.path != o.path));
        second.map(|o| ((o.path, o.method), o.node)).collect()
    };
    let (old, new) = (of(check.old, old), of(check.new, new));
    let names: BTreeSet<&Name> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (path, method) = (&name.0, name.1.to_uppercase());
        let what = format!("{method} {path} is the path of another but for names of parameters, and is not compared");
        check.note(old.get(name).copied(), new.get(name).copied(), &what);
    }
}

/// A callback is known by the whole expression of its address: what stands in braces is no name but says where the server
/// finds it.
fn expression(path: &str) -> String {
    if path.starts_with('$') { format!("{{{path}}}") } else { path.to_string() }
}

/// What stands beside a reference to a path, and whether it holds for the operations there, the specification leaves open.
fn beside(check: &mut Check<'_>, olds: &[(Box<str>, NodeId)], news: &[(Box<str>, NodeId)]) {
    for (path, y) in news {
        let Some((_, x)) = olds.iter().find(|(p, _)| p == path) else { continue };
        for key in ["parameters", "servers"] {
            let held = |api: Api<'_>, n: NodeId| api.library.hop(n).and_then(|_| api.library.get(n, key));
            let (x, y) = (held(check.old, *x), held(check.new, *y));
            if !check.equal(x, y) {
                check.note(x, y, &format!("`{key}` beside a `$ref` is not compared"));
            }
        }
    }
}

/// Every operation below `paths`, as method and blanked path, and every webhook, with that word before.
pub(super) fn all(api: Api<'_>) -> Vec<String> {
    let found = operations(api, api.section("paths"));
    let paths = found.keys().map(|(path, method)| format!("{} {path}", method.to_uppercase()));
    let hooks = hooks(api).into_iter().flat_map(|(name, node)| labels(api, &name, node));
    paths.chain(hooks.map(|label| blanked(&label))).collect()
}

fn hooks(api: Api<'_>) -> BTreeMap<String, NodeId> {
    let both = ["webhooks", "x-webhooks"].into_iter().flat_map(|k| api.section(k));
    both.map(|(name, node)| (name.to_string(), *node)).collect()
}

/// What the operations of a webhook are called: `webhook POST orderPaid`.
fn labels(api: Api<'_>, name: &str, node: NodeId) -> Vec<String> {
    let found = operations(api, &[(name.into(), node)]);
    found.values().map(|o| format!("{WEBHOOK}{} {}", o.method.to_uppercase(), o.path)).collect()
}

pub(super) fn compare(check: &mut Check<'_>) {
    let (old, new) = (check.old.section("paths"), check.new.section("paths"));
    for (_, node) in old {
        check.old_at(*node);
    }
    for (_, node) in new {
        check.new_at(*node);
    }
    unknown(check, old, new);
    beside(check, old, new);
    twins(check, old, new);
    let (olds, news) = (operations(check.old, old), operations(check.new, new));
    matched(check, &olds, &news, "", false);
    webhooks(check);
}

/// Keys of a path besides its methods.
const BESIDE: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];

/// What stands in a path and is no method would be passed over as if it were not there: `gett`, or `GET`.
fn unknown(check: &mut Check<'_>, old: &[(Box<str>, NodeId)], new: &[(Box<str>, NodeId)]) {
    let known: Vec<&str> = METHODS.into_iter().chain(BESIDE).collect();
    let of = |api: Api<'_>, entries: &[(Box<str>, NodeId)]| {
        let mut found = BTreeMap::new();
        for (path, at) in entries.iter().filter(|(path, _)| !path.starts_with("x-")) {
            let Some(item) = api.library.follow(*at) else { continue };
            found.extend(strange(api, item, &known).map(|(key, node)| ((blanked(path), key), node)));
        }
        found
    };
    let (old, new) = (of(check.old, old), of(check.new, new));
    let names: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    for name in names {
        let places = (old.get(name).copied(), new.get(name).copied());
        pass_over(check, places, &name.1, &known, "is no method and no other key of a path");
    }
}

/// Keys of an operation.
const OF_OPERATION: [&str; 15] = [
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "deprecated",
    "security",
    "servers",
    // Of Swagger 2.
    "consumes",
    "produces",
    "schemes",
];

/// The same of an operation: a `requestbody` would be none.
pub(super) fn unknown_of_operation(check: &mut Check<'_>, old: NodeId, new: NodeId) {
    let of = |api: Api<'_>, node| strange(api, node, &OF_OPERATION).collect::<BTreeMap<_, _>>();
    let (old, new) = (of(check.old, old), of(check.new, new));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let places = (old.get(key).copied(), new.get(key).copied());
        pass_over(check, places, key, &OF_OPERATION, "is no key of an operation");
    }
}

fn strange<'a>(api: Api<'a>, node: NodeId, known: &'a [&str]) -> impl Iterator<Item = (String, NodeId)> + use<'a> {
    let entries = api.library.entries(node).iter();
    let odd = entries.filter(move |(key, _)| !known.contains(&&**key) && !key.starts_with("x-"));
    odd.map(|(key, node)| (key.to_string(), *node))
}

fn pass_over(
    check: &mut Check<'_>,
    (old, new): (Option<NodeId>, Option<NodeId>),
    key: &str,
    known: &[&str],
    what: &str,
) {
    let near = nearest(key, known.iter().copied());
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    check.note(old, new, &format!("`{key}` {what}, and is not compared{near}"));
}

fn webhooks(check: &mut Check<'_>) {
    let (old, new) = (hooks(check.old), hooks(check.new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(x), Some(y)) => {
                let (x, y) = ([(name.as_str().into(), *x)], [(name.as_str().into(), *y)]);
                unknown(check, &x, &y);
                let (olds, news) = (operations(check.old, &x), operations(check.new, &y));
                matched(check, &olds, &news, WEBHOOK, true);
            }
            (Some(x), None) => {
                let message = format!("webhook `{name}` removed");
                let labels = labels(check.old, name, *x);
                whole(check, labels, "webhook-removed", (Some(*x), None), name, &message);
            }
            (None, Some(y)) => {
                let (labels, message) = (labels(check.new, name, *y), format!("webhook `{name}` added"));
                whole(check, labels, "webhook-added", (None, Some(*y)), name, &message);
            }
            (None, None) => {}
        }
    }
}

/// Tells of a webhook as a whole, with all its operations.
fn whole(
    check: &mut Check<'_>,
    labels: Vec<String>,
    id: &'static str,
    places: (Option<NodeId>, Option<NodeId>),
    name: &str,
    message: &str,
) {
    if labels.is_empty() {
        check.tell(None, id, places, name, message.to_string());
    }
    for label in labels {
        let at = At { operation: check.operation(label), traded: false };
        check.tell(at, id, places, name, message.to_string());
    }
}

/// Callbacks of one operation: the server calls what the client named.
pub(super) fn callbacks(check: &mut Check<'_>, old: &Operation, new: &Operation, at: At) {
    let flat = |api: Api<'_>, node: NodeId| -> BTreeMap<String, NodeId> {
        let all = api.map(node, "callbacks").iter();
        all.map(|(name, callback)| (name.to_string(), *callback)).collect()
    };
    let (olds, news) = (flat(check.old, old.node), flat(check.new, new.node));
    let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    for name in names {
        match (olds.get(name), news.get(name)) {
            (Some(x), Some(y)) => {
                let (Some(x), Some(y)) = (check.old_at(*x), check.new_at(*y)) else { continue };
                unknown(check, check.old.library.entries(x), check.new.library.entries(y));
                let olds = by_name(check.old, check.old.library.entries(x), expression);
                let news = by_name(check.new, check.new.library.entries(y), expression);
                let of = check.operations.get(at.operation as usize).cloned().unwrap_or_default();
                let whose = format!("{of}{CALLBACK}{name} ");
                matched(check, &olds, &news, &whose, !at.traded);
            }
            (Some(x), None) => {
                let message = format!("callback `{name}` removed");
                check.tell(at, "callback-removed", (Some(*x), None), name, message);
            }
            (None, Some(y)) => {
                check.tell(at, "callback-added", (None, Some(*y)), name, format!("callback `{name}` added"));
            }
            (None, None) => {}
        }
    }
}

fn matched(
    check: &mut Check<'_>,
    olds: &BTreeMap<Name, Operation>,
    news: &BTreeMap<Name, Operation>,
    whose: &str,
    traded: bool,
) {
    let names: BTreeSet<&Name> = olds.keys().chain(news.keys()).collect();
    for name in names {
        let (old, new) = (olds.get(name), news.get(name));
        let Some(shown) = old.or(new) else { continue };
        let label = format!("{whose}{} {}", shown.method.to_uppercase(), shown.path);
        let at = At { operation: check.operation(label.clone()), traded };
        match (old, new) {
            (Some(old), Some(new)) if settled(check, old, new, at, &label) => {
                operation::compare(check, old, new, at);
            }
            (Some(old), None) => removed(check, old, at, &label),
            (None, Some(new)) => {
                if let Err(level) = check.new.stability(new.node) {
                    invalid(check, (None, Some(level)), at, &label);
                }
                check.tell(at, "operation-added", (None, Some(new.node)), "", format!("{label} added"));
            }
            _ => {}
        }
    }
}

fn invalid(check: &mut Check<'_>, places: (Option<NodeId>, Option<NodeId>), at: At, label: &str) {
    let message = format!("{label}: `x-stability-level` is none of draft, alpha, beta, stable");
    check.tell(at, "operation-stability-invalid", places, "", message);
}

/// Whether the operation is stable enough to be compared; what is said of that itself is told.
fn settled(check: &mut Check<'_>, old: &Operation, new: &Operation, at: At, label: &str) -> bool {
    let (before, after) = match (check.old.stability(old.node), check.new.stability(new.node)) {
        (Ok(before), Ok(after)) => (before, after),
        (before, after) => {
            let (before, after) = (before.err(), after.err());
            if before.is_some() && check.equal(before, after) {
                let what =
                    format!("{label}: `x-stability-level` is none of draft, alpha, beta, stable, and was none before");
                check.note(before, after, &what);
            } else {
                invalid(check, (before, after), at, label);
            }
            return true;
        }
    };
    let places = (Some(old.node), Some(new.node));
    let word = |level: Option<Stability>| level.map_or("none".to_string(), |l| format!("{l:?}").to_lowercase());
    // A level that is taken away promises nothing any more.
    if before.is_some() && after < before {
        let message = format!("{label}: stability lowered from {} to {}", word(before), word(after));
        check.tell(at, "operation-stability-lowered", places, "", message);
        return true;
    }
    if before.is_some() && after > before {
        let message = format!("{label}: stability raised from {} to {}", word(before), word(after));
        check.tell(at, "operation-stability-raised", places, "", message);
    }
    // Where nothing was said it was stable: who relied on it does not read the level it has now.
    let loose = |level: Option<Stability>| level.is_some_and(|level| level < Stability::Beta);
    if loose(after) && before.is_none() {
        let message = format!("{label}: stability lowered from none, which is stable, to {}", word(after));
        check.tell(at, "operation-stability-lowered", places, "", message);
        return true;
    }
    if loose(after) {
        let what = format!("{label} is {} and may change without notice: not compared", word(after));
        check.note(places.0, places.1, &what);
        return false;
    }
    true
}

fn removed(check: &mut Check<'_>, old: &Operation, at: At, label: &str) {
    let place = (Some(old.node), None);
    match check.old.stability(old.node) {
        Ok(level) if level.is_some_and(|l| l < Stability::Beta) => {
            let what = format!("{label} was removed; it may be, being less than beta");
            check.note(Some(old.node), None, &what);
        }
        Err(level) => invalid(check, (Some(level), None), at, label),
        Ok(_) => match check.terms.farewell(check.old.notice(old.node)) {
            Farewell::Unannounced => check.tell(at, "operation-removed", place, "", format!("{label} removed")),
            Farewell::Announced => {
                let message = format!("{label} removed after it was deprecated");
                check.tell(at, "operation-removed-after-notice", place, "", message);
            }
            Farewell::BeforeSunset => {
                let message = format!("{label} removed before its sunset");
                check.tell(at, "operation-removed-before-sunset", place, "", message);
            }
            Farewell::SunsetInvalid => {
                let message = format!("{label} removed, and its `x-sunset` is no date");
                check.tell(at, "operation-sunset-invalid", place, "", message);
            }
        },
    }
}
