//! What is around the operations: servers, components that nobody may use any more.
use std::collections::BTreeMap;

use super::read::Api;
use super::{At, Check};
use crate::compat::document::NodeId;

pub(super) fn compare(check: &mut Check<'_>) {
    let (old, new) = (check.old, check.new);
    let both = (old.library.get(old.root, "servers"), new.library.get(new.root, "servers"));
    servers(check, both, None);
    for (name, node) in old.component("schemas") {
        if new.component("schemas").iter().all(|(n, _)| n != name) {
            let message = format!("schema `{name}` removed");
            check.tell(None, "component-schema-removed", (Some(*node), None), name, message);
        }
    }
}

pub(super) fn servers(check: &mut Check<'_>, lists: (Option<NodeId>, Option<NodeId>), at: Option<At>) {
    let index = |api: Api<'_>, list: Option<NodeId>| -> BTreeMap<String, NodeId> {
        let all = list.map_or(&[][..], |n| api.library.items(n)).iter();
        all.filter_map(|n| Some((api.library.text_at(*n, "url")?.to_string(), *n))).collect()
    };
    let (olds, news) = (index(check.old, lists.0), index(check.new, lists.1));
    for (url, x) in olds.iter().filter(|(url, _)| !news.contains_key(*url)) {
        check.tell(at, "server-removed", (Some(*x), lists.1), url, format!("server {url} removed"));
    }
    for (url, x) in &olds {
        let Some(y) = news.get(url) else { continue };
        variables(check, *x, *y, url, at);
    }
    for (url, y) in news.iter().filter(|(url, _)| !olds.contains_key(*url)) {
        check.tell(at, "server-added", (lists.0, Some(*y)), url, format!("server {url} added"));
    }
}

/// Of an address with names in it: which values they take, and which when none is said.
fn variables(check: &mut Check<'_>, old: NodeId, new: NodeId, url: &str, at: Option<At>) {
    let index = |api: Api<'_>, node: NodeId| -> BTreeMap<String, NodeId> {
        api.map(node, "variables").iter().map(|(name, n)| (name.to_string(), *n)).collect()
    };
    let (olds, news) = (index(check.old, old), index(check.new, new));
    for (name, x) in olds {
        let y = news.get(&name).copied();
        for key in ["enum", "default"] {
            let (mine, its) = (check.old.library.get(x, key), y.and_then(|y| check.new.library.get(y, key)));
            if !check.equal(mine, its) {
                let word = |api: Api<'_>, n: Option<NodeId>| n.map_or("none".to_string(), |n| api.library.brief(n));
                let (from, to) = (word(check.old, mine), word(check.new, its));
                let message = format!("server {url}: `{key}` of `{name}` changed from {from} to {to}");
                let subject = format!("{name} {key}");
                check.tell(at, "server-variable-changed", (mine.or(Some(x)), its.or(y)), &subject, message);
            }
        }
    }
}
