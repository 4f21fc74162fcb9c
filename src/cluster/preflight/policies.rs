//! Network policies must treat both versions alike: as those they bind, and as peers they let through.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Findings, Look};
use crate::cluster::json::{list, name};
use crate::cluster::observe::names;
use crate::cluster::selector::selector_matches;
use crate::engine::observe::Slot;

type Labels = BTreeMap<String, String>;

/// Labels of the old pods and of the new.
struct Both<'a> {
    old: &'a Labels,
    new: &'a Labels,
}

pub(super) fn check(look: &Look, old: &Labels, new: &Labels, found: &mut Findings) {
    let both = Both { old, new };
    for policy in &look.snapshot.policies {
        check_bound(look, policy, &both, found);
        check_peers(look, policy, &both, found);
    }
}

/// Whether it binds one version and not the other.
fn check_bound(look: &Look, policy: &Value, both: &Both, found: &mut Findings) {
    let selector = policy.pointer("/spec/podSelector").unwrap_or(&Value::Null);
    match (selector_matches(selector, both.old), selector_matches(selector, both.new)) {
        (false, true) => {
            let what = format!("NetworkPolicy {} would bind the new pods but not the old", name(policy));
            look.stop(found, what, "narrow its podSelector, or change the labels");
        }
        (true, false) => {
            let what = format!("NetworkPolicy {} binds the old pods but will not bind the new", name(policy));
            let fix = "let it select both, for the run at least; where all else is denied the new pods are cut off";
            look.warn(found, what, fix);
        }
        _ => {}
    }
}

/// Whether it lets the old pods through as peers, and would not let the new ones.
fn check_peers(look: &Look, policy: &Value, both: &Both, found: &mut Findings) {
    for (direction, peers_at) in [("ingress", "/from"), ("egress", "/to")] {
        for (index, rule) in list(policy, &format!("/spec/{direction}")).iter().enumerate() {
            let peers = list(rule, peers_at);
            // The rule names its peers by labels at all, old ones are among them, and new ones would not be.
            let Some(peer) = peers.iter().find(|p| lets(p, both.old)) else { continue };
            if peers.iter().any(|p| lets(p, both.new)) || compensated(look, policy, direction, peers_at, both.new) {
                continue;
            }
            let verb = if direction == "ingress" { "may not reach" } else { "may not be reached from" };
            let at = format!("spec.{direction}[{index}]{}", peers_at.replace('/', "."));
            let what = format!(
                "NetworkPolicy {} lets the old pods through by {at}, but not the new: they {verb} the pods it binds",
                name(policy)
            );
            let (deployment, _) = names(&look.planned.service, Slot::Next);
            let fix = format!("add to its {at}: {}, for the pods of {deployment}", own_peer(peer, both));
            // What a namespace's labels are is not read here: whether such a peer means this one is a guess.
            if peer.get("namespaceSelector").is_some_and(|s| *s != json!({})) {
                look.warn(found, what, fix);
            } else {
                look.stop(found, what, fix);
            }
        }
    }
}

/// Whether a peer of a rule picks pods with these labels. One without a podSelector picks namespaces or addresses,
/// in which both versions are alike.
fn lets(peer: &Value, labels: &Labels) -> bool {
    peer.get("podSelector").is_some_and(|selector| selector_matches(selector, labels))
}

/// Policies add up: another rule that is about the same pods may let the new ones through. Rules that name no peer
/// let everybody through.
fn compensated(look: &Look, policy: &Value, direction: &str, peers_at: &str, new: &Labels) -> bool {
    let about = |p: &Value| p.pointer("/spec/podSelector").cloned().unwrap_or(json!({}));
    let same = about(policy);
    look.snapshot.policies.iter().filter(|p| about(p) == same || about(p) == json!({})).any(|p| {
        list(p, &format!("/spec/{direction}")).iter().any(|rule| {
            let peers = list(rule, peers_at);
            peers.is_empty() || peers.iter().any(|peer| lets(peer, new))
        })
    })
}

/// The peer that would let the new pods through: the old one's, with the labels that differ.
fn own_peer(peer: &Value, both: &Both) -> Value {
    let mut own = peer.clone();
    let mut labels = serde_json::Map::new();
    for (key, value) in both.new {
        if both.old.get(key) != Some(value) && key != crate::cluster::json::SLOT_LABEL {
            labels.insert(key.clone(), json!(value));
        }
    }
    // Version labels alone tell nobody's workload.
    labels.retain(|key, _| !crate::cluster::next::VERSION_LABELS.contains(&key.as_str()));
    own["podSelector"] = json!({"matchLabels": labels});
    own
}
