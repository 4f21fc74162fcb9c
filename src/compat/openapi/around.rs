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
    for (url, y) in news.iter().filter(|(url, _)| !olds.contains_key(*url)) {
        check.tell(at, "server-added", (lists.0, Some(*y)), url, format!("server {url} added"));
    }
}
