//! For tests: fixtures, and a transport that answers from a script and keeps every request.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use crate::plan::{Plan, Planned};
use crate::spec::fleet::{Environment, HttpRoute, Kubernetes, Service, Traffic, Workload};

/// What answers are sent as.
type Answers = axum::body::Body;

/// One request as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub content_type: String,
    pub body: Value,
}

/// What the fake server says.
#[derive(Debug, Clone)]
pub enum Answer {
    Json(u16, Value),
    /// Status, Retry-After, plain text.
    Busy(u16, &'static str),
    /// Applied or not, nobody hears: the connection breaks.
    Lost,
    /// Never answers.
    Silence,
    /// A watch that tells these events and then nothing more, without ending.
    Frozen(Vec<Value>),
}

type Script = BTreeMap<String, VecDeque<Answer>>;
type Computed = BTreeMap<String, Box<dyn Fn(&Value) -> Value + Send>>;

/// A server that answers each `METHOD path` (without query) with its next scripted answer; the last one stays.
#[derive(Clone, Default)]
pub struct Fake {
    script: Arc<Mutex<Script>>,
    computed: Arc<Mutex<Computed>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub fn on(&self, what: &str, answer: Answer) -> &Fake {
        self.script.lock().unwrap().entry(what.to_string()).or_default().push_back(answer);
        self
    }

    pub fn ok(&self, what: &str, body: Value) -> &Fake {
        self.on(what, Answer::Json(200, body))
    }

    /// Answers with what a function makes of each request's body.
    pub fn answer_with(&self, what: &str, make: impl Fn(&Value) -> Value + Send + 'static) {
        self.computed.lock().unwrap().insert(what.to_string(), Box::new(make));
    }

    /// Requests that change something, in order.
    pub fn writes(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|a| a.method != "GET").cloned().collect()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn client(&self) -> kube::Client {
        let fake = self.clone();
        kube::Client::new(
            tower::service_fn(move |request: Request<Body>| {
                let fake = fake.clone();
                async move { fake.answer(request).await }
            }),
            "shop",
        )
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Answers>, std::io::Error> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let header = |name: &str| head.headers.get(name).map(|v| v.to_str().unwrap().to_string()).unwrap_or_default();
        let key = format!("{} {}", head.method, head.uri.path());
        self.asked.lock().unwrap().push(Asked {
            method: head.method.to_string(),
            path: head.uri.path_and_query().unwrap().to_string(),
            content_type: header("content-type"),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        });
        let question = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let computed = self.computed.lock().unwrap().get(&key).map(|make| Answer::Json(201, make(&question)));
        let answer = computed.or_else(|| {
            let mut script = self.script.lock().unwrap();
            match script.get_mut(&key) {
                Some(queue) if queue.len() > 1 => queue.pop_front(),
                Some(queue) => queue.front().cloned(),
                None => None,
            }
        });
        let reply = |status: u16| Response::builder().status(status);
        match answer.unwrap_or(Answer::Json(404, status(404, "NotFound", &format!("{key} not found")))) {
            Answer::Json(code, value) => Ok(reply(code).body(Answers::from(value.to_string().into_bytes())).unwrap()),
            Answer::Busy(code, after) => Ok(reply(code)
                .header("retry-after", after)
                .body(Answers::from(b"Too many requests, please try again later.".to_vec()))
                .unwrap()),
            Answer::Lost => Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer")),
            Answer::Silence => std::future::pending().await,
            Answer::Frozen(events) => {
                let lines = events.into_iter().map(|e| Ok::<_, std::io::Error>(format!("{e}\n")));
                Ok(reply(200).body(Answers::from_stream(stream::iter(lines).chain(stream::pending()))).unwrap())
            }
        }
    }
}

pub fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
           "reason": reason, "code": code})
}

pub fn service(name: &str) -> Service {
    Service {
        name: name.into(),
        critical: false,
        version: None,
        workload: Workload { deployment: name.into(), container: "app".into() },
        traffic: Traffic {
            http_route: HttpRoute { name: name.into(), stable: name.into(), next: format!("{name}-next"), port: 80 },
        },
        convention: None,
        tenancy: Default::default(),
        gitops: None,
    }
}

pub fn planned(name: &str, version: &str) -> Planned {
    Planned {
        service: service(name),
        wave: 1,
        image: format!("registry.example/{name}:{version}"),
        version: version.into(),
        needs: BTreeMap::new(),
        after: BTreeMap::new(),
        apart: Default::default(),
        patch: None,
        phased: None,
        segments: Vec::new(),
    }
}

pub fn plan(services: Vec<Planned>) -> Plan {
    let policy = json!({"steps": [{"weight": 10, "hold": "2m"}, {"weight": 100, "hold": "2m"}], "gates": []});
    Plan {
        upgrade: "release".into(),
        fleet: "shop".into(),
        environment: Environment {
            name: "prod".into(),
            gitops: None,
            production: false,
            kubernetes: Kubernetes { context: None, namespace: "shop".into() },
            metrics: Default::default(),
        },
        policy_name: "erp".into(),
        policy: serde_json::from_value(policy).unwrap(),
        services,
        bystanders: Vec::new(),
        when: None,
        compat: None,
    }
}

pub fn stable_deployment(name: &str, version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": "9011",
                     "generation": 1, "labels": {"app": name, "helm.sh/chart": "shop-1.2.3"}},
        "spec": {
            "replicas": 3, "minReadySeconds": 10, "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"creationTimestamp": null, "labels": {"app": name, "version": version}},
                "spec": {"containers": [{"name": "app", "image": format!("registry.example/{name}:{version}"),
                    "ports": [{"containerPort": 8080, "name": "http"}],
                    "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "http"}}}]}}},
        "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3,
            "availableReplicas": 3, "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}
    })
}

pub fn stable_service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-svc-{name}"), "resourceVersion": "77"},
        "spec": {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "selector": {"app": name},
                 "ports": [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30123}]}
    })
}

/// A route with one rule of its own; `next` adds the second backend at that weight.
pub fn http_route(name: &str, next: Option<u32>) -> Value {
    let mut backends = vec![json!({"name": name, "port": 80, "weight": 100 - next.unwrap_or(0)})];
    if let Some(weight) = next {
        backends.push(json!({"name": format!("{name}-next"), "port": 80, "weight": weight}));
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-route-{name}"), "resourceVersion": "55",
                     "generation": 3},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": backends}]},
        "status": {"parents": [{"parentRef": {"name": "public"}, "conditions": [
            {"type": "Accepted", "status": "True", "observedGeneration": 3},
            {"type": "ResolvedRefs", "status": "True", "observedGeneration": 3}]}]}
    })
}
