//! The node agent: containers start, become ready, crash, stop.

use super::kinds::of;
use super::moment;
use super::objects::{Dependants, KUBELET, number, text, uid};
use super::store::Key;
use super::traffic::PodCounters;
use super::world::{Due, World};
use serde_json::{Value, json};

/// The longest wait between restarts, ms (Kubernetes: 5 minutes).
const MAX_BACKOFF_MS: i64 = 300_000;
/// The nodes pods are placed on, round the pods' addresses.
const NODES: u32 = 3;

/// The service and version a pod runs: from its image `…/name:version`, else from its labels.
pub fn identity(pod: &Value) -> (String, String) {
    let image = text(pod, "/spec/containers/0/image");
    let last = image.rsplit('/').next().unwrap_or_default();
    let plain = last.split('@').next().unwrap_or_default();
    match plain.split_once(':') {
        Some((name, version)) => (name.to_string(), version.to_string()),
        None => (plain.to_string(), text(pod, "/metadata/labels/version")),
    }
}

fn set_condition(status: &mut Value, kind: &str, ok: bool, reason: Option<(&str, String)>, now: &str) {
    if !status.get("conditions").is_some_and(Value::is_array) {
        status["conditions"] = json!([]);
    }
    let Some(list) = status["conditions"].as_array_mut() else {
        return;
    };
    let word = if ok { "True" } else { "False" };
    let mut c = json!({"type": kind, "status": word, "lastProbeTime": null, "lastTransitionTime": now});
    if let Some((reason, message)) = reason {
        c["reason"] = json!(reason);
        c["message"] = json!(message);
    }
    match list.iter_mut().find(|c| c["type"] == kind) {
        Some(have) => {
            if have["status"] == word {
                c["lastTransitionTime"] = have["lastTransitionTime"].clone();
            }
            *have = c;
        }
        None => list.push(c),
    }
}

fn set_ready(status: &mut Value, ready: bool, container: &str, now: &str) {
    let why = || (!ready).then(|| ("ContainersNotReady", format!("containers with unready status: [{container}]")));
    set_condition(status, "ContainersReady", ready, why(), now);
    set_condition(status, "Ready", ready, why(), now);
    status["containerStatuses"][0]["ready"] = json!(ready);
}

impl World {
    fn pod(&self, key: &Key, id: &str) -> Option<Value> {
        let p = self.store.get("pods", &key.0, &key.1)?;
        (uid(p) == id).then(|| (**p).clone())
    }

    fn pod_status(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        self.edit(of("pods"), key, KUBELET, "status", |p| change(&mut p["status"]));
    }

    /// Takes up a pod nobody has placed yet: a node, an address, and its container on the way.
    pub(super) fn kubelet_admit(&mut self, key: &Key) {
        let Some(pod) = self.store.get("pods", &key.0, &key.1).cloned() else {
            return;
        };
        if pod.pointer("/spec/nodeName").is_some() {
            return;
        }
        let n = self.pod_ips;
        self.pod_ips += 1;
        let node = n % NODES;
        let (node_name, host) = (format!("node-{}", node + 1), format!("10.0.0.{}", node + 11));
        let ip = format!("10.244.{}.{}", n / 250, n % 250 + 2);
        let now = moment::seconds(self.now);
        let container = text(&pod, "/spec/containers/0/name");
        let image = text(&pod, "/spec/containers/0/image");
        self.edit(of("pods"), key, "kube-scheduler", "", |p| p["spec"]["nodeName"] = json!(node_name));
        self.pod_status(key, |s| {
            *s = json!({"phase": "Pending", "hostIP": host, "podIP": ip, "podIPs": [{"ip": ip}], "startTime": now,
                "qosClass": "Burstable",
                "containerStatuses": [{"name": container, "image": image, "imageID": "", "restartCount": 0, "ready": false,
                    "started": false, "lastState": {}, "state": {"waiting": {"reason": "ContainerCreating"}}}]});
            for kind in ["PodScheduled", "Initialized", "PodReadyToStartContainers"] {
                set_condition(s, kind, true, None, &now);
            }
            set_ready(s, false, &container, &now);
        });
        let id = uid(&pod);
        let pod = self.pod(key, &id).unwrap_or_default();
        self.event(
            &pod,
            of("pods"),
            "Normal",
            "Scheduled",
            "default-scheduler",
            &format!("Successfully assigned {}/{} to {node_name}", key.0, key.1),
        );
        let after = self.seed.between(&format!("start/{id}"), 900, 2_600);
        self.later(after, Due::PodStart(key.clone(), id));
    }

    pub(super) fn pod_start(&mut self, key: &Key, id: &str) {
        let Some(pod) = self.pod(key, id) else { return };
        if pod.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let (service, version) = identity(&pod);
        let fault = self.fault_of(&service, &version);
        if fault.image_missing {
            self.pull_failed(key, id, &pod);
            return;
        }
        let now = moment::seconds(self.now);
        let container = text(&pod, "/spec/containers/0/name");
        let image = text(&pod, "/spec/containers/0/image");
        let repository = image.split('@').next().unwrap_or_default();
        let repository = repository.rsplit_once(':').map_or(repository, |(r, _)| r);
        let digest = match image.split_once('@') {
            Some((_, d)) => d.to_string(),
            None => format!("sha256:{}", self.seed.hex64(&format!("image/{image}"))),
        };
        let image_id = format!("{repository}@{digest}");
        let restarts = number(&pod, "/status/containerStatuses/0/restartCount");
        let run = self.seed.hex64(&format!("container/{id}/{restarts}"));
        self.pod_status(key, |s| {
            s["phase"] = json!("Running");
            let c = &mut s["containerStatuses"][0];
            c["image"] = json!(image);
            c["imageID"] = json!(image_id);
            c["containerID"] = json!(format!("containerd://{run}"));
            c["started"] = json!(true);
            c["state"] = json!({"running": {"startedAt": now}});
            set_ready(s, false, &container, &now);
        });
        self.event(&pod, of("pods"), "Normal", "Started", "kubelet", &format!("Started container {container}"));
        self.traffic.cut(self.now);
        let profile = self.profile_of(&service, &version);
        let counters = PodCounters::new(&self.seed, id, &service, &version, self.now, profile);
        self.traffic.pods.insert(key.clone(), counters);
        let seed = self.seed;
        let draw = |what: &str, lo, hi| seed.between(&format!("{what}/{id}/{restarts}"), lo, hi);
        if fault.crash {
            self.later(draw("crash", 900, 2_800), Due::PodCrash(key.clone(), id.into()));
        } else {
            self.later(draw("ready", 1_100, 3_300), Due::PodProbe(key.clone(), id.into()));
        }
    }

    fn pull_failed(&mut self, key: &Key, id: &str, pod: &Value) {
        let image = text(pod, "/spec/containers/0/image");
        let tries = self.births.entry(format!("pull/{id}")).or_default();
        *tries += 1;
        let wait = (10_000i64 << (*tries - 1).min(5)).min(MAX_BACKOFF_MS);
        let (reason, message) = if *tries == 1 {
            ("ErrImagePull", format!("failed to pull and unpack image \"{image}\": {image}: not found"))
        } else {
            ("ImagePullBackOff", format!("Back-off pulling image \"{image}\""))
        };
        self.pod_status(key, |s| {
            s["containerStatuses"][0]["state"] = json!({"waiting": {"reason": reason, "message": message}});
        });
        self.event(pod, of("pods"), "Warning", "Failed", "kubelet", &format!("Error: {reason}"));
        let wait = if reason == "ErrImagePull" { 2_000 } else { wait };
        self.later(wait, Due::PodStart(key.clone(), id.into()));
    }

    /// Readiness as the probe finds it now.
    pub(super) fn pod_probe(&mut self, key: &Key, id: &str) {
        let Some(pod) = self.pod(key, id) else { return };
        if pod.pointer("/status/containerStatuses/0/state/running").is_none() {
            return;
        }
        let (service, version) = identity(&pod);
        let ready = !self.fault_of(&service, &version).unready;
        let was = pod.pointer("/status/containerStatuses/0/ready") == Some(&json!(true));
        if ready == was {
            return;
        }
        let container = text(&pod, "/spec/containers/0/name");
        let now = moment::seconds(self.now);
        self.pod_status(key, |s| set_ready(s, ready, &container, &now));
        if !ready {
            self.event(
                &pod,
                of("pods"),
                "Warning",
                "Unhealthy",
                "kubelet",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            );
        }
    }

    /// The container exits with 1 and waits longer before each restart.
    pub(super) fn pod_crash(&mut self, key: &Key, id: &str) {
        let Some(pod) = self.pod(key, id) else { return };
        let (service, version) = identity(&pod);
        let running = pod.pointer("/status/containerStatuses/0/state/running").cloned();
        let Some(running) = running.filter(|_| self.fault_of(&service, &version).crash) else {
            return;
        };
        let restarts = number(&pod, "/status/containerStatuses/0/restartCount");
        let backoff = (10_000i64 << restarts.min(5)).min(MAX_BACKOFF_MS);
        let container = text(&pod, "/spec/containers/0/name");
        let now = moment::seconds(self.now);
        let message = format!(
            "back-off {}s restarting failed container={container} pod={}_{}({id})",
            backoff / 1000,
            key.1,
            key.0
        );
        self.traffic.cut(self.now);
        self.traffic.pods.remove(key);
        self.plan_stale = true;
        self.pod_status(key, |s| {
            let c = &mut s["containerStatuses"][0];
            c["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error",
                "startedAt": running["startedAt"], "finishedAt": now}});
            c["state"] = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
            c["restartCount"] = json!(restarts + 1);
            c["started"] = json!(false);
            set_ready(s, false, &container, &now);
        });
        self.event(
            &pod,
            of("pods"),
            "Warning",
            "BackOff",
            "kubelet",
            &format!("Back-off restarting failed container {container} in pod {}", key.1),
        );
        self.later(backoff, Due::PodStart(key.clone(), id.into()));
    }

    pub(super) fn pod_gone(&mut self, key: &Key, id: &str) {
        if self.pod(key, id).is_some() {
            self.remove_now(of("pods"), key, Dependants::Removed);
        }
    }
}
