//! Which selectors of the namespace would catch the new pods, or lose the old ones?
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Findings, Look, policies};
use crate::cluster::json::{list, name, strings, text};
use crate::cluster::next::{self, Shape};
use crate::cluster::observe::names;
use crate::cluster::selector::{map_matches, selector_matches};
use crate::engine::observe::{OwnerMark, Slot};

type Labels = BTreeMap<String, String>;

pub(super) fn check(look: &Look, found: &mut Findings) {
    let (Some(stable), Some(front)) = (look.stable(), look.stable_front()) else { return };
    let shape = match next::shape(stable, front, &look.planned.version) {
        Ok(shape) => shape,
        Err(why) => {
            look.stop(found, why, "give the workload a label of its own, such as `app`, in both selectors");
            return;
        }
    };
    let old = strings(stable, "/spec/template/metadata/labels");
    let Some(new) = future_labels(look, stable, &shape) else { return };
    check_after(look, stable, front, found);
    check_catches(look, &new, found);
    policies::check(look, &old, &new, found);
}

/// Labels of the new pods, those of the Upgrade's patch too; the identity labels are set last, so the next Service
/// always picks them. `None` when the workload check already says what is wrong.
fn future_labels(look: &Look, stable: &Value, shape: &Shape) -> Option<Labels> {
    let mark = OwnerMark { run: look.run.to_string(), epoch: 0, seq: 0 };
    let deadline = look.plan.policy.progress_deadline;
    let made = next::deployment(look.planned, stable, shape, 1, deadline, &mark).ok()?;
    Some(strings(&made, "/spec/template/metadata/labels"))
}

/// After the copy-back stable's own selectors must still pick stable's pods.
fn check_after(look: &Look, stable: &Value, front: &Value, found: &mut Findings) {
    let after = next::stable_labels_after(look.planned, stable);
    let selector = stable.pointer("/spec/selector").cloned().unwrap_or_default();
    let now = strings(stable, "/spec/template/metadata/labels");
    let front_selector = strings(front, "/spec/selector");
    for (what, before, then) in [
        (
            format!("deployment {}", name(stable)),
            selector_matches(&selector, &now),
            selector_matches(&selector, &after),
        ),
        (format!("Service {}", name(front)), map_matches(&front_selector, &now), map_matches(&front_selector, &after)),
    ] {
        if before && !then {
            let what = format!("the selector of {what} holds a version label, which the new version changes");
            look.stop(found, what, "select by labels that stay, such as `app`");
        }
    }
}

/// Selectors that would pick the new pods besides our own.
fn check_catches(look: &Look, new: &Labels, found: &mut Findings) {
    let (next_deployment, next_front) = names(&look.planned.service, Slot::Next);
    let snapshot = look.snapshot;
    let plain = |o: &Value| map_matches(&strings(o, "/spec/selector"), new);
    let rich = |o: &Value| selector_matches(o.pointer("/spec/selector").unwrap_or(&Value::Null), new);
    let mut caught: Vec<(String, &str)> = Vec::new();
    for service in snapshot.services.iter().filter(|s| name(s) != next_front && plain(s)) {
        caught.push((format!("Service {}", name(service)), "would send them traffic before any step does"));
    }
    for deployment in snapshot.deployments.iter().filter(|d| name(d) != next_deployment && rich(d)) {
        caught.push((format!("deployment {}", name(deployment)), "would count them as its own"));
    }
    let foreign = |set: &&Value| {
        !list(set, "/metadata/ownerReferences").iter().any(|o| text(o, "/name") == Some(next_deployment.as_str()))
    };
    for set in snapshot.replica_sets.iter().filter(foreign).filter(|s| rich(s)) {
        caught.push((format!("ReplicaSet {}", name(set)), "would count them as its own"));
    }
    // A budget without a selector is meant for the whole namespace.
    let budgets = snapshot.budgets.iter().filter(|b| b.pointer("/spec/selector").is_some_and(|s| *s != json!({})));
    for budget in budgets.filter(|b| rich(b)) {
        caught.push((
            format!("PodDisruptionBudget {}", name(budget)),
            "would count them, and let so many more old pods be evicted",
        ));
    }
    for (who, harm) in caught {
        let what = format!("the selector of {who} would catch the pods of {next_deployment}, and {harm}");
        look.stop(found, what, "narrow its selector to a label that only its own pods have, such as `app`");
    }
}
