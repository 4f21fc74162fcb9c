//! Answers: which status falls under which entry on either side.
use std::collections::BTreeSet;

use super::bodies::{Way, content};
use super::{At, Check, headers};
use crate::compat::document::NodeId;

type Entries<'a> = &'a [(Box<str>, NodeId)];

fn find(all: Entries<'_>, status: &str) -> Option<NodeId> {
    all.iter().find(|(s, _)| s.eq_ignore_ascii_case(status)).map(|e| e.1)
}

/// A range of statuses, such as `2XX`, or none.
fn class(status: &str) -> Option<String> {
    let first = status.get(..1).filter(|c| c.chars().all(|c| c.is_ascii_digit()))?;
    Some(format!("{first}XX"))
}

/// The entry that an answer of this status falls under: its own, that of its class, or the default.
fn speaks_for(all: Entries<'_>, status: &str) -> Option<NodeId> {
    let of_class = || class(status).and_then(|c| find(all, &c));
    find(all, status).or_else(of_class).or_else(|| find(all, "default"))
}

fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

/// Every status that either side names, and every class and default for what else is in them, with what speaks for it on
/// both sides.
pub(super) fn compare(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.map(old, "responses"), check.new.map(new, "responses"));
    let place = (check.old.library.get(old, "responses"), check.new.library.get(new, "responses"));
    let named = |all: Entries<'_>| -> Vec<String> {
        let told = all.iter().filter(|(s, _)| !s.starts_with("x-"));
        // `2xx` is `2XX`; `default` is written small.
        told.map(|(s, _)| if **s == *"default" { s.to_string() } else { s.to_ascii_uppercase() }).collect()
    };
    let all: BTreeSet<String> = named(olds).into_iter().chain(named(news)).collect();
    for status in all {
        match (speaks_for(olds, &status), speaks_for(news, &status)) {
            (Some(x), Some(y)) => {
                if let (Some(x), Some(y)) = (check.old_at(x), check.new_at(y)) {
                    response(check, x, y, at);
                }
            }
            (Some(x), None) if status != "default" => removed(check, (x, place.1), news, &status, at),
            _ => {}
        }
        if let Some(y) = find(news, &status).filter(|_| status != "default" && find(olds, &status).is_none()) {
            let id = if is_success(&status) { "response-status-added" } else { "response-failure-added" };
            check.tell(at, id, (place.0, Some(y)), &status, format!("response {status} added"));
        }
    }
}

fn removed(check: &mut Check<'_>, (x, place): (NodeId, Option<NodeId>), news: Entries<'_>, status: &str, at: At) {
    // A class of which some statuses are left promises less, and all of it could come before. Where the client answers,
    // less is understood.
    let left = news.iter().filter(|(s, _)| class(s).as_deref() == Some(status)).map(|(s, _)| s.to_string());
    let left: Vec<String> = left.collect();
    if !left.is_empty() && !at.traded {
        let message = format!("of the responses {status} only {} is left", left.join(", "));
        return check.tell(at, "response-status-narrowed", (Some(x), place), status, message);
    }
    let id = if is_success(status) { "response-status-removed" } else { "response-failure-removed" };
    check.tell(at, id, (Some(x), place), status, format!("response {status} removed"));
}

fn response(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.map(old, "content"), check.new.map(new, "content"));
    let places = (Some(old), Some(new));
    match (olds.is_empty(), news.is_empty()) {
        // Here the client answers, and has to say something now, or need not any more.
        (true, false) if at.traded => {
            check.tell(at, "webhook-answer-body-added", places, "", "the answer must have a body now".into());
        }
        (false, true) if at.traded => {
            check.tell(at, "webhook-answer-body-removed", places, "", "the answer has no body any more".into());
        }
        _ => content(check, (olds, news), (old, new), at, Way { direction: at.answered(), request: false }),
    }
    headers::compare(check, old, new, at);
    let links = (check.old.library.get(old, "links"), check.new.library.get(new, "links"));
    if !check.equal(links.0, links.1) {
        check.note(links.0, links.1, "`links` are not compared");
    }
}
