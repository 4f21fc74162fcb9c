//! The ReplicaSet controller, the EndpointSlice controller and the disruption budget's status.

use super::deploy::resolve;
use super::kinds::of;
use super::moment;
use super::objects::{CONTROLLERS, Dependants, controller, number, owner_reference, text, uid};
use super::rollout::condition;
use super::selector::Labels;
use super::store::{Key, key_of};
use super::world::World;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A pod that could not be made is tried again after this time.
const CREATE_AGAIN_MS: i64 = 5_000;

/// What is looked at when only the pods behind a Service changed, not the Service itself.
pub(super) const ENDPOINTS: &str = "endpoints";

fn labels(o: &Value) -> &Value {
    o.pointer("/metadata/labels").unwrap_or(&Value::Null)
}

fn leaving(o: &Value) -> bool {
    o.pointer("/metadata/deletionTimestamp").is_some()
}

fn ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|c| c["status"] == "True")
}

impl World {
    /// A pod changed: its ReplicaSet is looked at. One that is gone no longer says whose it was; its name does.
    pub(super) fn reconcile_owner_of_pod(&mut self, key: &Key) {
        let owner = match self.store.get("pods", &key.0, &key.1) {
            Some(pod) => controller(pod).filter(|o| o.0 == "ReplicaSet").map(|o| o.1),
            None => key.1.rsplit_once('-').map(|(rs, _)| rs.to_string()),
        };
        if let Some(name) = owner {
            self.store.touch("replicasets", (key.0.clone(), name));
        }
    }

    fn pods_of(&self, rs: &Value) -> Vec<Arc<Value>> {
        let selector = Labels::from_object(&rs["spec"]["selector"]);
        self.store
            .owned("pods", &uid(rs))
            .filter(|p| selector.as_ref().is_some_and(|s| s.matches(labels(p))))
            .cloned()
            .collect()
    }

    pub(super) fn reconcile_replicaset(&mut self, key: &Key) {
        let Some(rs) = self.store.get("replicasets", &key.0, &key.1).cloned() else {
            // One that is gone no longer says whose it was; its name does. A Deployment makes what is missing anew.
            if let Some((owner, _)) = key.1.rsplit_once('-') {
                self.store.touch("deployments", (key.0.clone(), owner.to_string()));
            }
            return;
        };
        if leaving(&rs) {
            return;
        }
        let pods = self.pods_of(&rs);
        let live: Vec<&Arc<Value>> = pods.iter().filter(|p| !leaving(p)).collect();
        let want = number(&rs, "/spec/replicas").max(0) as usize;
        let mut failure = None;
        if live.len() < want {
            for _ in live.len()..want {
                failure = self.create_pod(&rs).err();
                if failure.is_some() {
                    break;
                }
            }
        } else if live.len() > want {
            let mut ranked = live.clone();
            // Not ready before ready, younger before older, then by name.
            ranked.sort_by_key(|p| {
                let born = moment::parse(&text(p, "/metadata/creationTimestamp")).unwrap_or(0);
                (ready(p), -born, text(p, "/metadata/name"))
            });
            for p in ranked.iter().take(live.len() - want) {
                let name = text(p, "/metadata/name");
                self.delete(of("pods"), &key_of(p), None, Dependants::Removed);
                self.event(
                    &rs,
                    of("replicasets"),
                    "Normal",
                    "SuccessfulDelete",
                    "replicaset-controller",
                    &format!("Deleted pod: {name}"),
                );
            }
        }
        self.replicaset_status(key, failure);
        if let Some((_, name)) = controller(&rs).filter(|c| c.0 == "Deployment") {
            self.store.touch("deployments", (key.0.clone(), name));
        }
    }

    /// Makes one pod of a ReplicaSet, or says why not.
    fn create_pod(&mut self, rs: &Value) -> Result<(), String> {
        let (ns, name) = key_of(rs);
        let mut meta = rs.pointer("/spec/template/metadata").cloned().unwrap_or_else(|| json!({}));
        meta["generateName"] = json!(format!("{name}-"));
        meta["ownerReferences"] = owner_reference(of("replicasets"), rs);
        let mut spec = rs.pointer("/spec/template/spec").cloned().unwrap_or_default();
        spec["serviceAccountName"] = json!("default");
        let pod = json!({"metadata": meta, "spec": spec});
        match self.try_make(of("pods"), &ns, pod, CONTROLLERS) {
            Ok(p) => {
                let message = format!("Created pod: {}", text(&p, "/metadata/name"));
                self.event(rs, of("replicasets"), "Normal", "SuccessfulCreate", "replicaset-controller", &message);
                Ok(())
            }
            Err(refusal) => {
                let why = text(&refusal.body, "/message");
                let message = format!("Error creating: {why}");
                self.event(rs, of("replicasets"), "Warning", "FailedCreate", "replicaset-controller", &message);
                Err(why)
            }
        }
    }

    fn replicaset_status(&mut self, key: &Key, failure: Option<String>) {
        let Some(rs) = self.store.get("replicasets", &key.0, &key.1).cloned() else {
            return;
        };
        let pods = self.pods_of(&rs);
        let wait = number(&rs, "/spec/minReadySeconds") * 1000;
        let (mut live, mut ready_now, mut available, mut next) = (0, 0, 0, None::<i64>);
        for p in pods.iter().filter(|p| !leaving(p)) {
            live += 1;
            if !ready(p) {
                continue;
            }
            ready_now += 1;
            let since =
                condition(p, "Ready").and_then(|c| moment::parse(&text(c, "/lastTransitionTime"))).unwrap_or(self.now);
            if since + wait <= self.now {
                available += 1;
            } else {
                next = Some(next.map_or(since + wait, |n| n.min(since + wait)));
            }
        }
        let leaving_now = pods.iter().filter(|p| leaving(p)).count();
        let mut status = json!({"observedGeneration": number(&rs, "/metadata/generation"), "replicas": live,
            "fullyLabeledReplicas": live, "readyReplicas": ready_now, "availableReplicas": available});
        if let Some(s) = status.as_object_mut() {
            s.retain(|k, v| k == "replicas" || v != &json!(0));
            s.insert("terminatingReplicas".into(), json!(leaving_now));
        }
        if let Some(why) = failure {
            let before = condition(&rs, "ReplicaFailure").map(|c| c["lastTransitionTime"].clone());
            let since = before.unwrap_or_else(|| json!(moment::seconds(self.now)));
            status["conditions"] = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                "message": why, "lastTransitionTime": since}]);
            next = Some(next.unwrap_or(i64::MAX).min(self.now + CREATE_AGAIN_MS));
        }
        self.edit(of("replicasets"), key, CONTROLLERS, "status", |o| o["status"] = status);
        self.recheck("replicasets", key, next);
    }

    /// A pod changed: the Services and budgets that select it, or did, are looked at.
    pub(super) fn reconcile_services_of(&mut self, pod: &Key) {
        let now = self.store.get("pods", &pod.0, &pod.1).map(|p| labels(p).clone()).unwrap_or_default();
        let mut services: Vec<Key> = self
            .store
            .list("services", &pod.0)
            .filter(|s| selects(&s["spec"]["selector"], &now))
            .map(|s| key_of(s))
            .collect();
        let held = self.store.list("endpointslices", &pod.0).filter(|s| {
            let list = s["endpoints"].as_array();
            list.is_some_and(|l| l.iter().any(|e| e["targetRef"]["name"] == pod.1.as_str()))
        });
        services.extend(held.map(|s| (pod.0.clone(), text(s, "/metadata/labels/kubernetes.io~1service-name"))));
        for k in services {
            self.store.touch(ENDPOINTS, k);
        }
        let budgets: Vec<Key> = self.store.list("poddisruptionbudgets", &pod.0).map(|s| key_of(s)).collect();
        for k in budgets {
            self.store.touch("poddisruptionbudgets", k);
        }
        let quotas: Vec<Key> = self.store.list("resourcequotas", &pod.0).map(|q| key_of(q)).collect();
        for k in quotas {
            self.store.touch("resourcequotas", k);
        }
    }

    /// The endpoints of a Service: every placed pod its selector matches, ready or not.
    pub(super) fn reconcile_service(&mut self, key: &Key) {
        let Some(svc) = self.store.get("services", &key.0, &key.1).cloned() else {
            return;
        };
        let Some(selector) = Labels::from_map(svc.pointer("/spec/selector").unwrap_or(&Value::Null)) else {
            return;
        };
        let mut pods = self.store.selected("pods", &key.0, &selector);
        pods.retain(|p| p.pointer("/status/podIP").is_some());
        pods.sort_by_key(|p| text(p, "/status/podIP").parse::<Ipv4Addr>().ok());
        let anyhow = svc.pointer("/spec/publishNotReadyAddresses") == Some(&json!(true));
        let endpoints: Vec<Value> = pods.iter().map(|p| endpoint(p, anyhow)).collect();
        let ports = slice_ports(&svc, pods.first().map(|p| &**p));
        let now = moment::seconds(self.now);
        let mine = self.store.owned("endpointslices", &uid(&svc)).next().map(|s| key_of(s));
        match mine {
            Some(k) => self.edit(of("endpointslices"), &k, CONTROLLERS, "", |s| {
                if s["endpoints"] != json!(endpoints) || s["ports"] != json!(ports) {
                    s["endpoints"] = json!(endpoints);
                    s["ports"] = json!(ports);
                    s["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"] = json!(now);
                }
            }),
            None => {
                let slice = json!({"metadata": {"generateName": format!("{}-", key.1),
                        "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io", "kubernetes.io/service-name": key.1},
                        "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": now},
                        "ownerReferences": owner_reference(of("services"), &svc)},
                    "addressType": "IPv4", "endpoints": endpoints, "ports": ports});
                self.make(of("endpointslices"), &key.0, slice, CONTROLLERS);
            }
        }
    }

    /// A slice that somebody deleted or edited is made again as its Service wants it.
    pub(super) fn restore_slice(&mut self, key: &Key) {
        let service = match self.store.get("endpointslices", &key.0, &key.1) {
            Some(slice) => controller(slice).filter(|o| o.0 == "Service").map(|o| o.1),
            None => key.1.rsplit_once('-').map(|(service, _)| service.to_string()),
        };
        if let Some(name) = service {
            self.store.touch(ENDPOINTS, (key.0.clone(), name));
        }
    }

    pub(super) fn reconcile_budget(&mut self, key: &Key) {
        let Some(pdb) = self.store.get("poddisruptionbudgets", &key.0, &key.1).cloned() else {
            return;
        };
        let selector = Labels::from_object(&pdb["spec"]["selector"]);
        let pods = selector.map_or_else(Vec::new, |s| self.store.selected("pods", &key.0, &s));
        let (all, healthy) = (pods.len() as i64, pods.iter().filter(|p| ready(p)).count() as i64);
        let needed = match (pdb.pointer("/spec/minAvailable"), pdb.pointer("/spec/maxUnavailable")) {
            (Some(v), _) => resolve(Some(v), all, true),
            (_, Some(v)) => all - resolve(Some(v), all, true),
            _ => 0,
        };
        let status = json!({"currentHealthy": healthy, "desiredHealthy": needed, "expectedPods": all,
            "disruptionsAllowed": (healthy - needed).max(0), "observedGeneration": number(&pdb, "/metadata/generation")});
        self.edit(of("poddisruptionbudgets"), key, CONTROLLERS, "status", |o| o["status"] = status);
    }
}

/// Whether a Service's selector picks these labels; an empty one picks nothing.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|m| !m.is_empty() && m.iter().all(|(k, v)| labels.get(k) == Some(v)))
}

fn endpoint(pod: &Value, anyhow: bool) -> Value {
    let (is_ready, going) = (ready(pod), leaving(pod));
    json!({"addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": anyhow || is_ready && !going, "serving": is_ready, "terminating": going},
        "nodeName": text(pod, "/spec/nodeName"),
        "targetRef": {"kind": "Pod", "name": text(pod, "/metadata/name"), "namespace": text(pod, "/metadata/namespace"), "uid": uid(pod)}})
}

/// The ports of a Service as its pods have them; a named target port is looked up in the pod.
fn slice_ports(svc: &Value, pod: Option<&Value>) -> Vec<Value> {
    let list = svc.pointer("/spec/ports").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|p| {
            let number = match &p["targetPort"] {
                Value::String(name) => port_named(pod?, name)?,
                v => v.as_i64().or_else(|| p["port"].as_i64())?,
            };
            Some(json!({"name": p["name"].as_str().unwrap_or_default(), "port": number, "protocol": p["protocol"].as_str().unwrap_or("TCP")}))
        })
        .collect()
}

/// The number of a pod's named container port.
pub(super) fn port_named(pod: &Value, name: &str) -> Option<i64> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    containers
        .iter()
        .flat_map(|c| c["ports"].as_array().into_iter().flatten())
        .find(|p| p["name"] == name)?["containerPort"]
        .as_i64()
}
