//! How far a Deployment's rollout is, in its status and conditions, as the real controller words them.

use super::deploy::{limits, template_without_hash, wanted};
use super::kinds::of;
use super::moment;
use super::objects::{CONTROLLERS, number, text};
use super::store::Key;
use super::world::World;
use serde_json::{Value, json};

impl World {
    pub(super) fn note_pause(&mut self, key: &Key, d: &Value, paused: bool) {
        let reason = condition(d, "Progressing").map(|c| text(c, "/reason")).unwrap_or_default();
        if paused && reason != "DeploymentPaused" && reason != "ProgressDeadlineExceeded" {
            self.set_progress(key, "Unknown", "DeploymentPaused", "Deployment is paused");
        } else if !paused && reason == "DeploymentPaused" {
            self.set_progress(key, "Unknown", "DeploymentResumed", "Deployment is resumed");
        }
    }

    pub(super) fn set_progress(&mut self, key: &Key, word: &str, reason: &str, message: &str) {
        let now = moment::seconds(self.now);
        self.edit(of("deployments"), key, CONTROLLERS, "status", |d| {
            set_condition(&mut d["status"], "Progressing", (word, reason, message), &now, false);
        });
    }

    pub(super) fn deployment_status(&mut self, key: &Key) {
        let Some(d) = self.store.get("deployments", &key.0, &key.1).cloned() else {
            return;
        };
        let all = self.replicasets_of(&d);
        let template = template_without_hash(&d);
        let new = all.iter().find(|rs| template_without_hash(rs) == template);
        let sum = |f: &str| all.iter().map(|rs| number(rs, f)).sum::<i64>();
        let total: i64 = all.iter().map(|rs| wanted(rs)).sum();
        let lim = limits(&d);
        let can_serve = sum("/status/availableReplicas");
        let now = moment::seconds(self.now);
        let mut status = json!({
            "observedGeneration": number(&d, "/metadata/generation"),
            "replicas": sum("/status/replicas"),
            "updatedReplicas": new.map_or(0, |rs| number(rs, "/status/replicas")),
            "readyReplicas": sum("/status/readyReplicas"),
            "availableReplicas": can_serve,
            "unavailableReplicas": (total - can_serve).max(0),
        });
        if let Some(s) = status.as_object_mut() {
            // Zero counts are absent from a real answer, except what is terminating.
            s.retain(|_, v| v != &json!(0));
            s.insert("terminatingReplicas".into(), json!(sum("/status/terminatingReplicas")));
        }
        status["conditions"] = d.pointer("/status/conditions").cloned().unwrap_or_else(|| json!([]));
        let (word, reason, message) = if can_serve >= lim.replicas - lim.unavailable {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        set_condition(&mut status, "Available", (word, reason, message), &now, false);
        let failed = new.or(all.first()).into_iter().chain(&all).find_map(|rs| condition(rs, "ReplicaFailure"));
        match failed {
            Some(c) => {
                let (reason, message) = (text(c, "/reason"), text(c, "/message"));
                set_condition(&mut status, "ReplicaFailure", ("True", &reason, &message), &now, false);
            }
            None => {
                if let Some(list) = status["conditions"].as_array_mut() {
                    list.retain(|c| c["type"] != "ReplicaFailure");
                }
            }
        }
        if d.pointer("/spec/paused") != Some(&json!(true)) {
            let name = new.map(|rs| text(rs, "/metadata/name")).unwrap_or_default();
            self.progress(key, &d, &mut status, &name);
        }
        self.edit(of("deployments"), key, CONTROLLERS, "status", |d| d["status"] = status);
    }

    /// The Progressing condition: done, moving, or stuck past the deadline.
    fn progress(&mut self, key: &Key, d: &Value, status: &mut Value, rs: &str) {
        let reason = condition(d, "Progressing").map(|c| text(c, "/reason")).unwrap_or_default();
        self.recheck("deployments", key, None);
        let done = count(status, "replicas") == count(status, "updatedReplicas");
        if done && reason == "NewReplicaSetAvailable" {
            return;
        }
        let now = moment::seconds(self.now);
        let set = |status: &mut Value, word, reason, how: &str| {
            let message = format!("ReplicaSet \"{rs}\" {how}");
            let refresh = reason == "ReplicaSetUpdated";
            set_condition(status, "Progressing", (word, reason, &message), &now, refresh);
        };
        let old = d.get("status").cloned().unwrap_or_default();
        if is_complete(status, number(d, "/spec/replicas")) {
            set(status, "True", "NewReplicaSetAvailable", "has successfully progressed.");
            return;
        }
        if has_moved(&old, status) {
            set(status, "True", "ReplicaSetUpdated", "is progressing.");
        } else if reason == "ProgressDeadlineExceeded" || reason == "NewReplicaSetAvailable" {
            return;
        }
        let since = condition(&json!({"status": status}), "Progressing")
            .and_then(|c| moment::parse(&text(c, "/lastUpdateTime")));
        let deadline = d.pointer("/spec/progressDeadlineSeconds").and_then(Value::as_i64);
        let (Some(since), Some(deadline)) = (since, deadline) else {
            return;
        };
        // Conditions keep whole seconds, so the deadline has surely passed one second later.
        let at = since + deadline * 1000 + 1000;
        if self.now >= at {
            set(status, "False", "ProgressDeadlineExceeded", "has timed out progressing.");
        } else {
            self.recheck("deployments", key, Some(at));
        }
    }
}

fn count(status: &Value, field: &str) -> i64 {
    status.get(field).and_then(Value::as_i64).unwrap_or(0)
}

fn is_complete(status: &Value, replicas: i64) -> bool {
    ["updatedReplicas", "replicas", "availableReplicas"].iter().all(|f| count(status, f) == replicas)
}

/// Whether a rollout got further: more updated, ready or available pods, or fewer old ones.
fn has_moved(old: &Value, new: &Value) -> bool {
    let rose = |f: &str| count(new, f) > count(old, f);
    let left = |s: &Value| count(s, "replicas") - count(s, "updatedReplicas");
    rose("updatedReplicas") || left(new) < left(old) || rose("readyReplicas") || rose("availableReplicas")
}

/// A condition of an object, by type.
pub(super) fn condition<'a>(o: &'a Value, kind: &str) -> Option<&'a Value> {
    o.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

/// Sets a condition to `(status, reason, message)`. The same status and reason change nothing, unless `refresh`.
fn set_condition(
    status: &mut Value,
    kind: &str,
    (word, reason, message): (&str, &str, &str),
    now: &str,
    refresh: bool,
) {
    if !status.is_object() {
        *status = json!({});
    }
    if !status.get("conditions").is_some_and(Value::is_array) {
        status["conditions"] = json!([]);
    }
    let mut c = json!({"type": kind, "status": word, "reason": reason, "message": message,
        "lastUpdateTime": now, "lastTransitionTime": now});
    let Some(list) = status["conditions"].as_array_mut() else {
        return;
    };
    // As the real controller: what changes goes to the end.
    if let Some(i) = list.iter().position(|c| c["type"] == kind) {
        let have = &list[i];
        if have["status"] == word && have["reason"] == reason && !refresh {
            return;
        }
        if have["status"] == word {
            c["lastTransitionTime"] = have["lastTransitionTime"].clone();
        }
        list.remove(i);
    }
    list.push(c);
}
