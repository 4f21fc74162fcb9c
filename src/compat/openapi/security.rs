//! Who is let in: requirements of operations. The schemes they name are known by what they are, whatever they are called.
use std::collections::{BTreeMap, BTreeSet};

use super::read::Api;
use super::schemes::Schemes;
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

/// What lets the first in lets the second in. Each scheme of the second is one of the first, as the last argument tells.
fn meets(held: &Alternative, wanted: &Alternative, is_one: &dyn Fn(&str, &str) -> bool) -> bool {
    let met = |(scheme, scopes): (&String, &BTreeSet<String>)| {
        held.iter().any(|(name, had)| is_one(name, scheme) && scopes.is_subset(had))
    };
    wanted.iter().all(met)
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
    if at.traded {
        return traded(check, old, new, at);
    }
    let ((before, x), (after, y)) = (alternatives(check.old, old), alternatives(check.new, new));
    let nobody = vec![Alternative::new()];
    let held = if before.is_empty() { &nobody } else { &before };
    let wanted = if after.is_empty() { &nobody } else { &after };
    let schemes = &check.schemes;
    let stays = |mine: &str, its: &str| schemes.stays(mine, its);
    let (mut refused, mut kept, mut turned) = (false, Vec::new(), BTreeSet::new());
    for had in held {
        let own = |w: &&Alternative| meets(had, w, &stays);
        let named = |w: &&Alternative| meets(had, w, &|mine, its| mine == its);
        match wanted.iter().find(own).or_else(|| wanted.iter().find(named)) {
            Some(through) => {
                let both = had.iter().filter(|(name, _)| through.contains_key(*name));
                kept.extend(both.map(|(name, scopes)| (name.clone(), scopes.clone())));
                // Let in by name alone: the scheme of that name is another one now.
                if !own(&through) {
                    turned.extend(through.keys().filter(|name| !stays(name, name)).cloned());
                }
            }
            None => refused = true,
        }
    }
    let back = |mine: &str, its: &str| schemes.stays(its, mine);
    let renamed = before.len() == after.len() && wanted.iter().all(|w| held.iter().any(|had| meets(w, had, &back)));
    for name in turned {
        Schemes::turned(check, &name, at);
    }
    check.schemes.keep(kept);
    if before == after || (renamed && !refused) {
        return;
    }
    let id = if refused { "security-added" } else { "security-relaxed" };
    let message = format!("security asks for {} instead of {}", text(&after), text(&before));
    check.tell(at, id, (x.or(Some(old)), y.or(Some(new))), "", message);
}

/// Here the server shows its credentials. What holds for the whole description is told with the operations.
fn traded(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (x, y) = (check.old.library.get(old, "security"), check.new.library.get(new, "security"));
    if !check.equal(x, y) {
        let (before, after) = (alternatives(check.old, old).0, alternatives(check.new, new).0);
        let message = format!("calls come with {} instead of {}", text(&after), text(&before));
        check.tell(at, "webhook-security-changed", (x.or(Some(old)), y.or(Some(new))), "", message);
    }
}
