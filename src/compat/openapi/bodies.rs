//! Bodies of requests and responses, their media types, statuses and headers.
use std::collections::{BTreeMap, BTreeSet};

use super::read::Api;
use super::spread::Part;
use super::{At, Check};
use crate::compat::document::NodeId;
use crate::compat::finding::Direction;

type Media<'a> = &'a [(Box<str>, NodeId)];

pub(super) fn request(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (x, y) = (check.old.library.get(old, "requestBody"), check.new.library.get(new, "requestBody"));
    let x = x.and_then(|n| check.old_at(n));
    let y = y.and_then(|n| check.new_at(n));
    match (x, y) {
        (None, Some(y)) => {
            let required = check.new.library.flag(y, "required");
            let id = if required { "request-body-added-required" } else { "request-body-added-optional" };
            let word = if required { "required" } else { "optional" };
            check.tell(at, id, (Some(old), Some(y)), "", format!("{word} request body added"));
        }
        (Some(x), None) => {
            check.tell(at, "request-body-removed", (Some(x), Some(new)), "", "request body removed".into());
        }
        (Some(x), Some(y)) => {
            match (check.old.library.flag(x, "required"), check.new.library.flag(y, "required")) {
                (false, true) => {
                    let message = "request body became required".to_string();
                    check.tell(at, "request-body-became-required", (Some(x), Some(y)), "", message);
                }
                (true, false) => {
                    let message = "request body became optional".to_string();
                    check.tell(at, "request-body-became-optional", (Some(x), Some(y)), "", message);
                }
                _ => {}
            }
            let (olds, news) = (check.old.map(x, "content"), check.new.map(y, "content"));
            content(check, (olds, news), (x, y), at, Way { direction: at.sent(), request: true });
        }
        (None, None) => {}
    }
}

/// The content of a parameter, which is written as its media type says.
pub(super) fn parameter(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.library.entries(old), check.new.library.entries(new));
    content(check, (olds, news), (old, new), at, Way { direction: at.sent(), request: true });
}

#[derive(Clone, Copy)]
struct Way {
    direction: Direction,
    request: bool,
}

/// A media type without its parameters.
fn essence(name: &str) -> String {
    name.split(';').next().unwrap_or(name).trim().to_ascii_lowercase()
}

/// Everything of one media type is of the other: `application/*` holds `application/json`, which holds
/// `application/problem+json`.
fn holds(outer: &str, inner: &str) -> bool {
    let split = |name: &str| name.split_once('/').map(|(t, s)| (t.to_string(), s.to_string()));
    let (Some((outer, sub)), Some((inner, its))) = (split(outer), split(inner)) else { return false };
    let suffix = its.rsplit_once('+').map(|(_, s)| s);
    outer == "*" || (outer == inner && (sub == "*" || sub == its || suffix == Some(&*sub)))
}

fn content(check: &mut Check<'_>, media: (Media<'_>, Media<'_>), places: (NodeId, NodeId), at: At, way: Way) {
    let index = |media: Media<'_>| -> BTreeMap<String, (String, NodeId)> {
        media.iter().map(|(name, node)| (essence(name), (name.to_string(), *node))).collect()
    };
    let (mut olds, mut news) = (index(media.0), index(media.1));
    let common: Vec<String> = olds.keys().filter(|k| news.contains_key(*k)).cloned().collect();
    for name in common {
        if let (Some((_, x)), Some((_, y))) = (olds.remove(&name), news.remove(&name)) {
            schemas(check, &name, (x, y), at, way);
        }
    }
    // What is left may have another name for the same, or for more or less of it.
    for (name, (shown, x)) in std::mem::take(&mut olds) {
        let wider = news.keys().find(|new| holds(new, &name)).cloned();
        let narrower = news.keys().find(|new| holds(&name, new)).cloned().filter(|_| !way.request);
        let (id, other) = match (way.request, wider, narrower) {
            (true, Some(new), _) => ("request-media-type-widened", Some(new)),
            (false, Some(new), _) => ("response-media-type-generalized", Some(new)),
            (false, None, Some(new)) => ("response-media-type-specialized", Some(new)),
            (true, None, _) => ("request-media-type-removed", None),
            (false, None, None) => ("response-media-type-removed", None),
        };
        match other.and_then(|new| news.remove(&new)) {
            Some((became, y)) => {
                let message = format!("media type {shown} became {became}");
                check.tell(at, id, (Some(x), Some(y)), "", message);
                schemas(check, &name, (x, y), at, way);
            }
            None => check.tell(at, id, (Some(x), Some(places.1)), &shown, format!("media type {shown} removed")),
        }
    }
    let id = if way.request { "request-media-type-added" } else { "response-media-type-added" };
    for (shown, y) in news.into_values() {
        check.tell(at, id, (Some(places.0), Some(y)), &shown, format!("media type {shown} added"));
    }
}

/// Numbers and words are told apart; where they are not, both are text.
fn has_types(media: &str) -> bool {
    let sub = media.split_once('/').map_or(media, |(_, sub)| sub);
    let last = sub.rsplit('+').next().unwrap_or(sub);
    sub == "*" || last.contains("json") || last.contains("yaml") || matches!(last, "cbor" | "msgpack" | "event-stream")
}

fn schemas(check: &mut Check<'_>, media: &str, (old, new): (NodeId, NodeId), at: At, way: Way) {
    let part = if has_types(media) { Part::Body } else { Part::TextBody };
    let (x, y) = (check.old.library.get(old, "schema"), check.new.library.get(new, "schema"));
    let places = (x.or(Some(old)), y.or(Some(new)));
    match (x, y) {
        (Some(x), Some(y)) => check.schemas(at, x, y, way.direction, part),
        (None, Some(_)) => {
            let id = if way.request { "request-schema-added" } else { "response-schema-added" };
            check.tell(at, id, places, "", "schema added".into());
        }
        (Some(_), None) => {
            let id = if way.request { "request-schema-removed" } else { "response-schema-removed" };
            check.tell(at, id, places, "", "schema removed".into());
        }
        (None, None) => {}
    }
    for key in ["encoding", "itemSchema", "itemEncoding", "prefixEncoding"] {
        let (x, y) = (check.old.library.get(old, key), check.new.library.get(new, key));
        if !check.equal(x, y) {
            check.note(x, y, &format!("`{key}` is not compared"));
        }
    }
}

fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

pub(super) fn responses(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.map(old, "responses"), check.new.map(new, "responses"));
    let place = (check.old.library.get(old, "responses"), check.new.library.get(new, "responses"));
    let find = |all: Media<'_>, status: &str| all.iter().find(|(s, _)| s.eq_ignore_ascii_case(status)).map(|e| e.1);
    for (status, x) in olds.iter().filter(|(s, _)| !s.starts_with("x-")) {
        // A class or the default speaks for what is not named.
        let class = status.get(..1).map(|c| format!("{c}XX")).unwrap_or_default();
        let there = find(news, status).or_else(|| find(news, &class));
        match there {
            Some(y) => {
                if let (Some(x), Some(y)) = (check.old_at(*x), check.new_at(y)) {
                    response(check, x, y, at);
                }
            }
            None if &**status == "default" => {}
            None => {
                let id = if is_success(status) { "response-status-removed" } else { "response-failure-removed" };
                check.tell(at, id, (Some(*x), place.1), status, format!("response {status} removed"));
            }
        }
    }
    for (status, y) in news.iter().filter(|(s, _)| !s.starts_with("x-") && &**s != "default") {
        if find(olds, status).is_none() {
            let id = if is_success(status) { "response-status-added" } else { "response-failure-added" };
            check.tell(at, id, (place.0, Some(*y)), status, format!("response {status} added"));
        }
    }
}

fn response(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.map(old, "content"), check.new.map(new, "content"));
    content(check, (olds, news), (old, new), at, Way { direction: at.answered(), request: false });
    headers(check, old, new, at);
    let links = (check.old.library.get(old, "links"), check.new.library.get(new, "links"));
    if !check.equal(links.0, links.1) {
        check.note(links.0, links.1, "`links` are not compared");
    }
}

fn headers(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let index = |api: Api<'_>, node: NodeId| -> BTreeMap<String, NodeId> {
        let told = api.map(node, "headers").iter().map(|(name, n)| (name.to_ascii_lowercase(), *n));
        // Its own place in the description is the content's.
        told.filter(|(name, _)| name != "content-type").collect()
    };
    let (olds, news) = (index(check.old, old), index(check.new, new));
    let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    for name in names {
        match (olds.get(name), news.get(name)) {
            (Some(x), Some(y)) => {
                if let (Some(x), Some(y)) = (check.old_at(*x), check.new_at(*y)) {
                    header(check, x, y, at, name);
                }
            }
            (Some(x), None) => {
                let Some(x) = check.old_at(*x) else { continue };
                let required = check.old.library.flag(x, "required");
                let id = if required { "required-response-header-removed" } else { "response-header-removed" };
                check.tell(at, id, (Some(x), Some(new)), name, format!("header `{name}` removed"));
            }
            (None, Some(y)) => {
                check.tell(at, "response-header-added", (Some(old), Some(*y)), name, format!("header `{name}` added"));
            }
            (None, None) => {}
        }
    }
}

fn header(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, name: &str) {
    if check.old.library.flag(old, "required") && !check.new.library.flag(new, "required") {
        let message = format!("header `{name}` became optional");
        check.tell(at, "response-header-became-optional", (Some(old), Some(new)), "", message);
    }
    let (x, y) = (check.old.library.get(old, "schema"), check.new.library.get(new, "schema"));
    if let (Some(x), Some(y)) = (x, y) {
        check.schemas(at, x, y, at.answered(), Part::Header);
    }
    let (x, y) = (check.old.library.get(old, "content"), check.new.library.get(new, "content"));
    if let (Some(x), Some(y)) = (x, y) {
        let media = (check.old.library.entries(x), check.new.library.entries(y));
        content(check, media, (x, y), at, Way { direction: at.answered(), request: false });
    } else if x.is_some() != y.is_some() {
        check.note(x, y, "a header that changed between `schema` and `content` is not compared");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_hold_what_is_more_special() {
        for (outer, inner, held) in [
            ("application/*", "application/json", true),
            ("*/*", "text/csv", true),
            ("application/json", "application/problem+json", true),
            ("application/problem+json", "application/json", false),
            ("text/*", "application/json", false),
            ("application/xml", "application/problem+json", false),
        ] {
            assert_eq!(holds(outer, inner), held, "{outer} {inner}");
        }
        assert_eq!(essence("Application/JSON; charset=utf-8"), "application/json");
    }
}
