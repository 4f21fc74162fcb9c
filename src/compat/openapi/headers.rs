//! Headers of answers.
use std::collections::{BTreeMap, BTreeSet};

use super::bodies::{Way, content};
use super::read::Api;
use super::spread::Part;
use super::{At, Check, style};
use crate::compat::document::NodeId;

pub(super) fn compare(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
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
                let Some(y) = check.new_at(*y) else { continue };
                // Where the client answers, it has to send it.
                let asked = at.traded && check.new.library.flag(y, "required");
                let id = if asked { "webhook-answer-header-required" } else { "response-header-added" };
                check.tell(at, id, (Some(old), Some(y)), name, format!("header `{name}` added"));
            }
            (None, None) => {}
        }
    }
}

fn header(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At, name: &str) {
    let places = (Some(old), Some(new));
    match (check.old.library.flag(old, "required"), check.new.library.flag(new, "required")) {
        (true, false) => {
            let message = format!("header `{name}` became optional");
            check.tell(at, "response-header-became-optional", places, "", message);
        }
        (false, true) if at.traded => {
            let message = format!("header `{name}` became required");
            check.tell(at, "webhook-answer-header-required", places, name, message);
        }
        _ => {}
    }
    if let Some((before, after)) = style::changed(check, old, new, "header") {
        let message = format!("header `{name}` is written as {after} instead of {before}");
        check.tell(at, "response-header-style-changed", places, "", message);
    }
    let (x, y) = (check.old.library.get(old, "schema"), check.new.library.get(new, "schema"));
    let content_of = |api: Api<'_>, node: NodeId| api.library.get(node, "content");
    let (p, q) = (content_of(check.old, old), content_of(check.new, new));
    match (x, y) {
        (Some(x), Some(y)) => check.schemas(at, x, y, at.answered(), Part::Header),
        (Some(x), None) if q.is_none() => {
            let message = format!("header `{name}`: schema removed");
            check.tell(at, "response-header-schema-removed", (Some(x), Some(new)), "", message);
        }
        (None, Some(y)) if p.is_none() => {
            let message = format!("header `{name}`: schema added");
            check.tell(at, "response-header-schema-added", (Some(old), Some(y)), "", message);
        }
        _ => {}
    }
    if let (Some(p), Some(q)) = (p, q) {
        let media = (check.old.library.entries(p), check.new.library.entries(q));
        content(check, media, (p, q), at, Way { direction: at.answered(), request: false });
    } else if p.is_some() != q.is_some() {
        check.note(p, q, "a header that changed between `schema` and `content` is not compared");
    }
}
