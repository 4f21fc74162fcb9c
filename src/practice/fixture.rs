//! What stands in the cluster before anything happens.

use super::kinds::of;
use super::moment;
use super::scenario::Scenario;
use super::world::World;
use serde_json::{Value, json};

/// The field manager of everything the fixture makes.
const MANAGER: &str = "kubectl-create";

/// One service: a Deployment, a Service and an HTTPRoute of its name.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    pub name: String,
    pub version: String,
    pub replicas: u32,
    /// Mean requests per second.
    pub rps: f64,
    /// Further labels of the pod template.
    pub labels: Vec<(String, String)>,
}

impl ServiceSpec {
    pub fn new(name: &str, version: &str, replicas: u32, rps: f64) -> Self {
        Self { name: name.into(), version: version.into(), replicas, rps, labels: Vec::new() }
    }
}

/// The service a scenario happens to, and the version it is upgraded to.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub service: String,
    pub old: String,
    pub new: String,
}

/// Who sends requests, and what they carry that a route may match on. `Host` is a header too.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its part of every service's requests, among the weights of all clients.
    pub weight: u64,
    pub headers: Vec<(String, String)>,
}

impl Client {
    pub fn new(weight: u64, headers: &[(&str, &str)]) -> Self {
        Self { weight, headers: headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect() }
    }
}

/// A cluster's first state.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixture {
    pub namespace: String,
    pub services: Vec<ServiceSpec>,
    pub subject: Subject,
    /// Further objects, created in this order: `(plural, object)`.
    pub extra: Vec<(String, Value)>,
    /// An empty list is one client that carries nothing.
    pub clients: Vec<Client>,
}

/// The demo's services: name, version, replicas, requests per second.
const DEMO: [(&str, &str, u32, f64); 9] = [
    ("auth", "4.1.8", 4, 120.0),
    ("gateway", "2.9.0", 6, 150.0),
    ("tenants", "1.4.2", 3, 45.0),
    ("catalog", "3.0.1", 5, 110.0),
    ("ledger", "5.2.0", 4, 60.0),
    ("billing", "4.1.8", 4, 80.0),
    ("orders", "6.0.3", 5, 95.0),
    ("portal", "8.8.1", 4, 130.0),
    ("search", "2.2.2", 3, 70.0),
];

/// What the demo upgrades the services to, by name.
pub const DEMO_TARGETS: [(&str, &str); 9] = [
    ("auth", "4.2.1"),
    ("gateway", "2.9.3"),
    ("tenants", "1.5.0"),
    ("catalog", "3.1.0"),
    ("ledger", "5.2.4"),
    ("billing", "4.2.1"),
    ("orders", "6.1.0"),
    ("portal", "8.9.0"),
    ("search", "2.3.0"),
];

/// Who sends the demo's requests, in per cent, and what they carry.
const DEMO_CLIENTS: [(u64, &[(&str, &str)]); 4] = [
    (80, &[]),
    (8, &[("x-tenant", "acme-eu"), ("x-cohort", "enterprise")]),
    (7, &[("x-tenant", "lumen"), ("x-cohort", "beta")]),
    (5, &[("x-tenant", "fjord-beta"), ("x-cohort", "beta")]),
];

impl Fixture {
    /// Nine services in namespace `shop`; scenarios happen to billing.
    pub fn demo(scenario: Scenario) -> Self {
        let mut services: Vec<ServiceSpec> = DEMO
            .iter()
            .map(|(name, version, replicas, rps)| ServiceSpec::new(name, version, *replicas, *rps))
            .collect();
        let mut extra = Vec::new();
        for s in services.iter_mut().filter(|s| s.name == "billing") {
            match scenario {
                Scenario::LowTraffic => s.rps = 0.25,
                Scenario::Overlap => {
                    s.labels.push(("tier".into(), "billing".into()));
                    extra = overlap();
                }
                _ => {}
            }
        }
        Self {
            namespace: "shop".into(),
            services,
            subject: Subject { service: "billing".into(), old: "4.1.8".into(), new: "4.2.1".into() },
            extra,
            clients: DEMO_CLIENTS.iter().map(|(weight, headers)| Client::new(*weight, headers)).collect(),
        }
    }

    /// Any services in namespace `shop`; scenarios happen to the first, on its way to `new`.
    pub fn of(services: Vec<ServiceSpec>, new: &str) -> Self {
        let subject = services.first().map_or_else(
            || Subject { service: String::new(), old: String::new(), new: new.into() },
            |s| Subject { service: s.name.clone(), old: s.version.clone(), new: new.into() },
        );
        Self { namespace: "shop".into(), services, subject, extra: Vec::new(), clients: Vec::new() }
    }

    pub(super) fn install(&self, world: &mut World) {
        for ns in ["default", "kube-system", self.namespace.as_str()] {
            world.make(
                of("namespaces"),
                "",
                json!({"metadata": {"name": ns, "labels": {"kubernetes.io/metadata.name": ns}}}),
                MANAGER,
            );
            world.make(of("serviceaccounts"), ns, json!({"metadata": {"name": "default"}}), MANAGER);
        }
        for n in 1..=3 {
            let node = node(n, &moment::seconds(world.now()));
            world.make(of("nodes"), "", node, "kubelet");
        }
        for s in &self.services {
            for (plural, object) in objects_of(s) {
                world.make(of(plural), &self.namespace, object, MANAGER);
            }
        }
        for (plural, object) in &self.extra {
            world.make(of(plural), &self.namespace, object.clone(), MANAGER);
        }
    }
}

fn objects_of(s: &ServiceSpec) -> [(&'static str, Value); 3] {
    let name = &s.name;
    let mut labels = json!({"app": name, "version": s.version});
    for (k, v) in &s.labels {
        labels[k] = json!(v);
    }
    let deployment = json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": s.replicas, "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{
                "name": "app", "image": format!("registry.example/{name}:{}", s.version),
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "http"}},
                "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}}]}}},
    });
    let service = json!({"metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}});
    let route = json!({"metadata": {"name": name, "labels": {"app": name}},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": [{"name": name, "port": 80, "weight": 100}]}]}});
    [("deployments", deployment), ("services", service), ("httproutes", route)]
}

/// A Service and a disruption budget that select by a label a copy of billing's template would carry too.
fn overlap() -> Vec<(String, Value)> {
    vec![
        (
            "services".into(),
            json!({"metadata": {"name": "billing-tier"},
                "spec": {"selector": {"tier": "billing"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
        ),
        (
            "poddisruptionbudgets".into(),
            json!({"metadata": {"name": "billing-tier"},
                "spec": {"minAvailable": 3, "selector": {"matchLabels": {"tier": "billing"}}}}),
        ),
    ]
}

fn node(n: u32, now: &str) -> Value {
    let room = json!({"cpu": "32", "memory": "128Gi", "pods": "250"});
    json!({"metadata": {"name": format!("node-{n}"), "labels": {"kubernetes.io/hostname": format!("node-{n}"), "kubernetes.io/os": "linux"}},
        "spec": {"podCIDR": format!("10.244.{n}.0/24")},
        "status": {"capacity": room, "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                "lastHeartbeatTime": now, "lastTransitionTime": now}],
            "addresses": [{"type": "InternalIP", "address": format!("10.0.0.{}", n + 10)}, {"type": "Hostname", "address": format!("node-{n}")}],
            "nodeInfo": {"kubeletVersion": "v1.36.2-practice", "osImage": "Practice Linux", "kernelVersion": "6.12.0",
                "containerRuntimeVersion": "containerd://2.1.0", "architecture": "amd64", "operatingSystem": "linux",
                "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""}}})
}
