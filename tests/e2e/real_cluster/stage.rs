//! What a bare API server lacks, played by the suite: a gateway that accepts routes, nodes that run pods, requests that
//! follow the routes, and the pods' `/metrics` for a real Prometheus. What the server itself does is left to it: nothing
//! here touches a spec.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::e2e::send;

/// Requests a second that each route gets.
const RPS: f64 = 60.0;
/// Share of failed requests of a bad version, and of any other.
const BAD: f64 = 0.25;
const GOOD: f64 = 0.001;
/// Pods that no scheduler has placed by then are run here.
const UNPLACED: Duration = Duration::from_secs(3);
const MERGE: &str = "application/merge-patch+json";

/// What is played, and how.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Routes are accepted.
    pub gateway: bool,
    /// Images of this tag fail a quarter of their requests.
    pub bad_tag: Option<&'static str>,
}

/// Requests one pod has answered.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    ok: f64,
    failed: f64,
}

/// The stage of one namespace, until it is dropped.
pub struct Stage {
    over: Arc<AtomicBool>,
    player: Option<std::thread::JoinHandle<()>>,
    /// Where Prometheus finds the pods.
    pub sd: String,
}

struct Player {
    api: String,
    namespace: String,
    part: Part,
    pages: Arc<Mutex<BTreeMap<String, Counted>>>,
    /// When a pod was first seen without a node.
    unplaced: BTreeMap<String, Instant>,
    next_ip: u32,
}

impl Stage {
    /// `api` is a `kubectl proxy`.
    pub fn set(api: &str, namespace: &str, part: Part) -> Stage {
        let pages = Arc::new(Mutex::new(BTreeMap::new()));
        let over = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sd = format!("http://{}/sd", listener.local_addr().unwrap());
        let served = (pages.clone(), namespace.to_string());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &served.0, &served.1);
            }
        });
        let mut player =
            Player { api: api.into(), namespace: namespace.into(), part, pages, unplaced: BTreeMap::new(), next_ip: 1 };
        let ended = over.clone();
        let thread = std::thread::spawn(move || {
            let mut last = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(250));
                let passed = last.elapsed();
                last = Instant::now();
                player.play(passed);
            }
        });
        Stage { over, player: Some(thread), sd }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(player) = self.player.take() {
            let _ = player.join();
        }
    }
}

impl Player {
    fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        let url = format!("{}{group}/namespaces/{}/{plural}", self.api, self.namespace);
        let (status, body) = send("GET", &url, None);
        let list: Value = if status == 200 { serde_json::from_str(&body).unwrap() } else { Value::Null };
        list["items"].as_array().cloned().unwrap_or_default()
    }

    fn patch_status(&self, group: &str, plural: &str, name: &str, status: &Value) {
        let url = format!("{}{group}/namespaces/{}/{plural}/{name}/status", self.api, self.namespace);
        let (code, body) = send("PATCH", &url, Some((MERGE, &json!({"status": status}).to_string())));
        // It may be gone by now, or changed; the next round sees that.
        assert!(matches!(code, 0 | 200 | 404 | 409), "{plural}/{name}: {code} {body}");
    }

    fn play(&mut self, passed: Duration) {
        let routes = self.list("/apis/gateway.networking.k8s.io/v1", "httproutes");
        if self.part.gateway {
            routes.iter().filter(|r| !is_accepted(r)).for_each(|r| self.accept(r));
        }
        let pods = self.list("/api/v1", "pods");
        self.run_pods(&pods);
        let services = self.list("/api/v1", "services");
        let names: BTreeSet<String> = pods.iter().map(name).collect();
        let mut pages = self.pages.lock().unwrap();
        pages.retain(|pod, _| names.contains(pod));
        for pod in pods.iter().filter(|p| p["status"]["phase"] == "Running") {
            pages.entry(name(pod)).or_default();
        }
        for (pod, share) in routes.iter().filter(|r| is_accepted(r)).flat_map(|r| shares(r, &services, &pods)) {
            let Some(page) = pages.get_mut(&name(pod)) else { continue };
            let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
            let bad = self.part.bad_tag.is_some_and(|tag| image.ends_with(&format!(":{tag}")));
            let requests = RPS * share * passed.as_secs_f64();
            let failed = requests * if bad { BAD } else { GOOD };
            page.failed += failed;
            page.ok += requests - failed;
        }
    }

    fn accept(&self, route: &Value) {
        let generation = route["metadata"]["generation"].as_i64().unwrap_or(0);
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let condition = |kind: &str, reason: &str| {
            json!({"type": kind, "status": "True", "reason": reason, "message": "", "observedGeneration": generation,
                "lastTransitionTime": now})
        };
        let parent = json!({
            "parentRef": route["spec"]["parentRefs"][0],
            "controllerName": "pilothouse.dev/suite",
            "conditions": [condition("Accepted", "Accepted"), condition("ResolvedRefs", "ResolvedRefs")],
        });
        self.patch_status(
            "/apis/gateway.networking.k8s.io/v1",
            "httproutes",
            &name(route),
            &json!({"parents": [parent]}),
        );
    }

    /// Nobody places pods on a cluster without nodes: they are run in their status, as a node agent would write it.
    fn run_pods(&mut self, pods: &[Value]) {
        self.unplaced.retain(|pod, _| pods.iter().any(|p| name(p) == *pod));
        for pod in pods {
            let waits = pod["spec"]["nodeName"].is_null() && pod["status"]["phase"] == "Pending";
            if !waits || self.unplaced.entry(name(pod)).or_insert_with(Instant::now).elapsed() < UNPLACED {
                continue;
            }
            let ip = format!("10.99.{}.{}", self.next_ip / 250, self.next_ip % 250 + 1);
            self.next_ip += 1;
            let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let met = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
            let conditions = met.map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": now}));
            let container = &pod["spec"]["containers"][0];
            let image = container["image"].as_str().unwrap_or_default();
            let digest = format!("registry.example/image@sha256:{:064x}", fingerprint(image));
            let status = json!({
                "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": now,
                "conditions": conditions,
                "containerStatuses": [{"name": container["name"], "image": image, "imageID": digest, "ready": true,
                    "started": true, "restartCount": 0, "state": {"running": {"startedAt": now}}}],
            });
            self.patch_status("/api/v1", "pods", &name(pod), &status);
        }
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().into()
}

/// Same image, same digest.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A gateway follows the route as it stands.
pub fn is_accepted(route: &Value) -> bool {
    let generation = route["metadata"]["generation"].as_i64();
    let conditions = route["status"]["parents"][0]["conditions"].as_array();
    conditions
        .is_some_and(|c| c.iter().any(|c| c["type"] == "Accepted" && c["observedGeneration"].as_i64() == generation))
}

/// Which pods get which share of a route's requests, as a gateway splits them: by weight, then evenly over ready pods.
fn shares<'a>(route: &Value, services: &[Value], pods: &'a [Value]) -> Vec<(&'a Value, f64)> {
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().cloned().unwrap_or_default();
    let weight = |b: &Value| b["weight"].as_f64().unwrap_or(1.0);
    let all: f64 = backends.iter().map(weight).sum();
    let mut out = Vec::new();
    for backend in backends.iter().filter(|b| weight(b) > 0.0) {
        let Some(service) = services.iter().find(|s| s["metadata"]["name"] == backend["name"]) else { continue };
        let Some(selector) = service["spec"]["selector"].as_object() else { continue };
        let chosen: Vec<&Value> = pods
            .iter()
            .filter(|p| selector.iter().all(|(k, v)| p["metadata"]["labels"][k] == *v) && is_ready(p))
            .collect();
        out.extend(chosen.iter().map(|p| (*p, weight(backend) / all / chosen.len() as f64)));
    }
    out
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

/// `/sd` for Prometheus' service discovery, `/pods/NAME` for one pod's metrics.
fn answer(mut stream: TcpStream, pages: &Mutex<BTreeMap<String, Counted>>, namespace: &str) {
    let mut head = [0u8; 4096];
    let read = stream.read(&mut head).unwrap_or(0);
    let line = String::from_utf8_lossy(&head[..read]);
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_string();
    let host = stream.local_addr().unwrap().to_string();
    let pages = pages.lock().unwrap().clone();
    let (kind, body) = match path.strip_prefix("/pods/") {
        Some(pod) => ("text/plain; version=0.0.4", pages.get(pod).map(page)),
        None => {
            let target = |pod: &String| {
                json!({"targets": [host], "labels": {"__metrics_path__": format!("/pods/{pod}"), "pod": pod,
                    "namespace": namespace}})
            };
            ("application/json", Some(Value::from(pages.keys().map(target).collect::<Vec<_>>()).to_string()))
        }
    };
    let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
    let body = body.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn page(counted: &Counted) -> String {
    let (ok, failed) = (counted.ok.floor(), counted.failed.floor());
    let all = ok + failed;
    format!(
        "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {ok}\nhttp_requests_total{{code=\"500\"}} {failed}\n\
         # TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{{le=\"0.1\"}} {}\n\
         http_request_duration_seconds_bucket{{le=\"0.5\"}} {all}\nhttp_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n\
         http_request_duration_seconds_sum {}\nhttp_request_duration_seconds_count {all}\n",
        (all * 0.9).floor(),
        all * 0.08,
    )
}
