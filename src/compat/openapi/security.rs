//! Who is let in: requirements of operations, and the schemes they name.
use std::collections::{BTreeMap, BTreeSet};

use super::read::Api;
use super::{At, Check};
use crate::compat::document::NodeId;

/// One alternative: schemes that must all be met, with their scopes. None at all: everybody is let in.
type Alternative = BTreeMap<String, BTreeSet<String>>;

/// The alternatives that hold for an operation, and where they stand.
fn alternatives(api: Api<'_>, operation: NodeId) -> (Vec<Alternative>, Option<NodeId>) {
    let own = api.library.get(operation, "security");
    let Some(at) = own.or_else(|| api.library.get(api.root, "security")) else { return (Vec::new(), None) };
    let one = |node: &NodeId| -> Alternative {
        let scopes = |n: NodeId| api.library.items(n).iter().filter_map(|s| api.library.text(*s)).map(String::from);
        api.library.entries(*node).iter().map(|(name, n)| (name.to_string(), scopes(*n).collect())).collect()
    };
    (api.library.items(at).iter().map(one).collect(), Some(at))
}

/// What lets the first in lets the second in.
fn meets(held: &Alternative, wanted: &Alternative) -> bool {
    wanted.iter().all(|(scheme, scopes)| held.get(scheme).is_some_and(|had| scopes.is_subset(had)))
}

fn text(alternatives: &[Alternative]) -> String {
    let one = |a: &Alternative| {
        if a.is_empty() {
            return "nothing".to_string();
        }
        let scheme = |(name, scopes): (&String, &BTreeSet<String>)| {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            if scopes.is_empty() { name.clone() } else { format!("{name} ({})", scopes.join(", ")) }
        };
        a.iter().map(scheme).collect::<Vec<_>>().join(" and ")
    };
    if alternatives.is_empty() {
        return "nothing".into();
    }
    alternatives.iter().map(one).collect::<Vec<_>>().join(", or ")
}

pub(super) fn compare(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let ((before, x), (after, y)) = (alternatives(check.old, old), alternatives(check.new, new));
    if before == after {
        return;
    }
    let nobody = vec![Alternative::new()];
    let held = if before.is_empty() { &nobody } else { &before };
    let wanted = if after.is_empty() { &nobody } else { &after };
    let refused = held.iter().any(|had| !wanted.iter().any(|w| meets(had, w)));
    let id = if refused { "security-added" } else { "security-relaxed" };
    let message = format!("security asks for {} instead of {}", text(&after), text(&before));
    check.tell(at, id, (x.or(Some(old)), y.or(Some(new))), "", message);
}

/// The schemes themselves.
pub(super) fn schemes(check: &mut Check<'_>) {
    let index = |api: Api<'_>| -> BTreeMap<String, NodeId> {
        api.component("securitySchemes").iter().map(|(name, n)| (name.to_string(), *n)).collect()
    };
    let (olds, news) = (index(check.old), index(check.new));
    let used = used(check.old);
    let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    for name in names {
        match (olds.get(name), news.get(name)) {
            (Some(x), None) => {
                let message = format!("security scheme `{name}` removed");
                check.tell(None, "security-scheme-removed", (Some(*x), None), name, message);
            }
            (None, Some(y)) => {
                let message = format!("security scheme `{name}` added");
                check.tell(None, "security-scheme-added", (None, Some(*y)), name, message);
            }
            (Some(x), Some(y)) => {
                let (Some(x), Some(y)) = (check.old_at(*x), check.new_at(*y)) else { continue };
                scheme(check, x, y, name, used.contains(name));
            }
            (None, None) => {}
        }
    }
}

/// Schemes that some requirement of the base names.
fn used(api: Api<'_>) -> BTreeSet<String> {
    let mut lists = vec![api.root];
    for (_, item) in api.section("paths") {
        let item = api.library.follow(*item);
        lists.extend(item.map_or(&[][..], |n| api.library.entries(n)).iter().map(|(_, n)| *n));
    }
    let requirements = lists.into_iter().flat_map(|n| api.list(n, "security"));
    requirements.flat_map(|n| api.library.entries(*n)).map(|(name, _)| name.to_string()).collect()
}

fn scheme(check: &mut Check<'_>, old: NodeId, new: NodeId, name: &str, used: bool) {
    let differs =
        |check: &Check<'_>, key: &str| !check.equal(check.old.library.get(old, key), check.new.library.get(new, key));
    let hard = ["type", "name", "in", "scheme"].into_iter().find(|key| differs(check, key));
    let soft = ["flows", "openIdConnectUrl", "flow", "scopes", "authorizationUrl", "tokenUrl"];
    if let Some(key) = hard {
        let id = if used { "security-scheme-changed" } else { "security-scheme-note-changed" };
        let message = format!("security scheme `{name}`: `{key}` changed");
        check.tell(None, id, (Some(old), Some(new)), name, message);
    } else if let Some(key) = soft.into_iter().find(|key| differs(check, key)) {
        let message = format!("security scheme `{name}`: `{key}` changed");
        check.tell(None, "security-scheme-note-changed", (Some(old), Some(new)), name, message);
    }
}
