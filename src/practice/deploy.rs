//! The Deployment controller: ReplicaSets by template, surge first and remove second, conditions as the real one
//! sets them (`k8s.io/kubernetes/pkg/controller/deployment`).

use super::kinds::of;
use super::objects::{CONTROLLERS, Dependants, number, owner_reference, text, uid};
use super::seeded::template_hash;
use super::store::{Key, key_of};
use super::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";

/// An absolute number or a percentage of `of`; surge rounds up, unavailable rounds down.
pub(super) fn resolve(v: Option<&Value>, of: i64, up: bool) -> i64 {
    match v {
        Some(Value::Number(n)) => n.as_i64().unwrap_or(0),
        Some(Value::String(s)) => {
            let percent = s.trim_end_matches('%').parse::<i64>().unwrap_or(0);
            let product = percent * of;
            if up { (product + 99) / 100 } else { product / 100 }
        }
        _ => 0,
    }
}

pub(super) struct Limits {
    pub replicas: i64,
    pub surge: i64,
    pub unavailable: i64,
}

pub(super) fn limits(d: &Value) -> Limits {
    let replicas = number(d, "/spec/replicas");
    if text(d, "/spec/strategy/type") == "Recreate" {
        return Limits { replicas, surge: 0, unavailable: replicas };
    }
    let ru = |f: &str| d.pointer("/spec/strategy/rollingUpdate").and_then(|r| r.get(f));
    let surge = resolve(ru("maxSurge"), replicas, true);
    let mut unavailable = resolve(ru("maxUnavailable"), replicas, false);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    Limits { replicas, surge, unavailable: unavailable.min(replicas) }
}

pub(super) fn template_without_hash(o: &Value) -> Value {
    let mut t = o.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(l) = t.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        l.remove(HASH);
    }
    t
}

fn revision(o: &Value) -> i64 {
    o["metadata"]["annotations"][REVISION].as_str().and_then(|r| r.parse().ok()).unwrap_or(0)
}

pub(super) fn wanted(rs: &Value) -> i64 {
    number(rs, "/spec/replicas")
}

fn available(rs: &Value) -> i64 {
    number(rs, "/status/availableReplicas")
}

impl World {
    pub(super) fn replicasets_of(&self, d: &Value) -> Vec<Arc<Value>> {
        let mut all: Vec<Arc<Value>> = self.store.owned("replicasets", &uid(d)).cloned().collect();
        all.sort_by_key(|rs| revision(rs));
        all
    }

    pub(super) fn reconcile_deployment(&mut self, key: &Key) {
        let Some(d) = self.store.get("deployments", &key.0, &key.1).cloned() else {
            return;
        };
        if d.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let paused = d.pointer("/spec/paused") == Some(&json!(true));
        self.note_pause(key, &d, paused);
        let template = template_without_hash(&d);
        let all = self.replicasets_of(&d);
        let new = all.iter().find(|rs| template_without_hash(rs) == template).cloned();
        if paused {
            self.scale_in_proportion(&d, &all);
        } else {
            match new {
                None => self.create_new_replicaset(key, &d, &all, &template),
                Some(new) => {
                    self.keep_revision(key, &new, &all);
                    self.roll(&d, &new, &all);
                    self.clean_history(&d, &new, &all);
                }
            }
        }
        self.deployment_status(key);
    }

    fn create_new_replicaset(&mut self, key: &Key, d: &Value, all: &[Arc<Value>], template: &Value) {
        let hash = template_hash(&format!("{template}{}", uid(d)));
        let name = format!("{}-{hash}", key.1);
        let revision = all.iter().map(|rs| revision(rs)).max().unwrap_or(0) + 1;
        let lim = limits(d);
        let have: i64 = all.iter().map(|rs| wanted(rs)).sum();
        let recreate = text(d, "/spec/strategy/type") == "Recreate";
        let first = if recreate && have > 0 { 0 } else { (lim.replicas + lim.surge - have).clamp(0, lim.replicas) };
        let mut t = template.clone();
        t["metadata"]["labels"][HASH] = json!(hash);
        let mut selector = d["spec"]["selector"].clone();
        selector["matchLabels"][HASH] = json!(hash);
        let rs = json!({
            "metadata": {"name": name, "labels": t["metadata"]["labels"], "ownerReferences": owner_reference(of("deployments"), d),
                "annotations": {REVISION: revision.to_string(), "deployment.kubernetes.io/desired-replicas": lim.replicas.to_string(),
                    "deployment.kubernetes.io/max-replicas": (lim.replicas + lim.surge).to_string()}},
            "spec": {"replicas": first, "selector": selector, "template": t,
                "minReadySeconds": number(d, "/spec/minReadySeconds")},
            "status": {"replicas": 0},
        });
        if self.make(of("replicasets"), &key.0, rs, CONTROLLERS).is_none() {
            return;
        }
        self.scaled_event(d, &name, 0, first);
        self.set_revision(key, revision);
        let message = format!("Created new replica set \"{name}\"");
        self.set_progress(key, "True", "NewReplicaSetCreated", &message);
    }

    fn set_revision(&mut self, key: &Key, revision: i64) {
        self.edit(of("deployments"), key, CONTROLLERS, "", |d| {
            d["metadata"]["annotations"][REVISION] = json!(revision.to_string());
        });
    }

    /// The ReplicaSet of the current template always has the highest revision (a rollback raises it again).
    fn keep_revision(&mut self, key: &Key, new: &Value, all: &[Arc<Value>]) {
        let top = all.iter().filter(|rs| uid(rs) != uid(new)).map(|rs| revision(rs)).max().unwrap_or(0);
        let mut mine = revision(new);
        if mine <= top {
            mine = top + 1;
            self.edit(of("replicasets"), &key_of(new), CONTROLLERS, "", |rs| {
                rs["metadata"]["annotations"][REVISION] = json!(mine.to_string());
            });
            let message = format!("Found new replica set \"{}\"", text(new, "/metadata/name"));
            self.set_progress(key, "True", "FoundNewReplicaSet", &message);
        }
        self.set_revision(key, mine);
        let wait = self.store.get("deployments", &key.0, &key.1).map_or(0, |d| number(d, "/spec/minReadySeconds"));
        self.edit(of("replicasets"), &key_of(new), CONTROLLERS, "", |rs| rs["spec"]["minReadySeconds"] = json!(wait));
    }

    /// One pass of the rollout: first the new ReplicaSet, only then the old ones.
    fn roll(&mut self, d: &Value, new: &Value, all: &[Arc<Value>]) {
        let lim = limits(d);
        let total: i64 = all.iter().map(|rs| wanted(rs)).sum();
        let old: Vec<&Arc<Value>> = all.iter().filter(|rs| uid(rs) != uid(new)).collect();
        if text(d, "/spec/strategy/type") == "Recreate" {
            if old.iter().any(|rs| wanted(rs) > 0) {
                for rs in old {
                    self.scale_replicaset(d, rs, 0);
                }
            } else if !old
                .iter()
                .any(|rs| number(rs, "/status/replicas") + number(rs, "/status/terminatingReplicas") > 0)
            {
                self.scale_replicaset(d, new, lim.replicas);
            }
            return;
        }
        let have = wanted(new);
        if have > lim.replicas {
            self.scale_replicaset(d, new, lim.replicas);
        } else if have < lim.replicas && total < lim.replicas + lim.surge {
            let more = (lim.replicas + lim.surge - total).min(lim.replicas - have);
            self.scale_replicaset(d, new, have + more);
        } else {
            self.scale_old_down(d, new, &old, &lim, total);
        }
    }

    fn scale_old_down(&mut self, d: &Value, new: &Value, old: &[&Arc<Value>], lim: &Limits, total: i64) {
        let least = lim.replicas - lim.unavailable;
        let new_unavailable = wanted(new) - available(new);
        let mut may_go = total - least - new_unavailable;
        if may_go <= 0 || old.is_empty() {
            return;
        }
        let mut left: Vec<i64> = old.iter().map(|rs| wanted(rs)).collect();
        for (rs, n) in old.iter().zip(&mut left) {
            let unhealthy = (*n - available(rs)).clamp(0, may_go);
            *n -= unhealthy;
            may_go -= unhealthy;
        }
        let available_now: i64 = available(new) + old.iter().map(|rs| available(rs)).sum::<i64>();
        let mut healthy_may_go = (available_now - least).max(0);
        for n in &mut left {
            let gone = healthy_may_go.min(*n);
            *n -= gone;
            healthy_may_go -= gone;
        }
        for (rs, n) in old.iter().zip(left) {
            self.scale_replicaset(d, rs, n);
        }
    }

    /// While paused only the count may change: the newest ReplicaSet in use takes the difference.
    fn scale_in_proportion(&mut self, d: &Value, all: &[Arc<Value>]) {
        let lim = limits(d);
        let used: Vec<&Arc<Value>> = all.iter().filter(|rs| wanted(rs) > 0).collect();
        let total: i64 = used.iter().map(|rs| wanted(rs)).sum();
        let before = used
            .iter()
            .filter_map(|rs| {
                rs["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"].as_str()?.parse::<i64>().ok()
            })
            .next_back();
        let Some(last) = used.last().copied().or(all.last()) else {
            return;
        };
        let change = before.map_or(lim.replicas - total, |b| lim.replicas - b);
        if change != 0 {
            self.scale_replicaset(d, last, (wanted(last) + change).max(0));
        }
    }

    fn scale_replicaset(&mut self, d: &Value, rs: &Value, to: i64) {
        let lim = limits(d);
        let from = wanted(rs);
        self.edit(of("replicasets"), &key_of(rs), CONTROLLERS, "", |o| {
            o["spec"]["replicas"] = json!(to);
            o["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = json!(lim.replicas.to_string());
            o["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] =
                json!((lim.replicas + lim.surge).to_string());
        });
        if from != to {
            self.scaled_event(d, &text(rs, "/metadata/name"), from, to);
        }
    }

    fn scaled_event(&mut self, d: &Value, rs: &str, from: i64, to: i64) {
        let way = if to > from { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {rs} from {from} to {to}");
        self.event(d, of("deployments"), "Normal", "ScalingReplicaSet", "deployment-controller", &message);
    }

    fn clean_history(&mut self, d: &Value, new: &Value, all: &[Arc<Value>]) {
        let keep = d.pointer("/spec/revisionHistoryLimit").and_then(Value::as_i64).unwrap_or(10);
        let idle: Vec<Key> = all
            .iter()
            .filter(|rs| uid(rs) != uid(new) && wanted(rs) == 0 && number(rs, "/status/replicas") == 0)
            .map(|rs| key_of(rs))
            .collect();
        let surplus = idle.len().saturating_sub(keep.max(0) as usize);
        for key in idle.into_iter().take(surplus) {
            self.delete(of("replicasets"), &key, None, Dependants::Removed);
        }
    }
}
