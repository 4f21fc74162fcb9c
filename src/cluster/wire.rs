//! One request to the API server and what came of it, with everything a decision needs: status, reason, Retry-After.
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{Method, Request};
use kube::client::Body;
use serde_json::Value;

use super::home::Home;
use super::json::{FIELD_MANAGER, text};
use super::lean::{Cut, whole};
use crate::engine::message::{CallError, CallErrorKind};
use crate::spec::units::Dur;

/// Objects asked for at a time: an answer is many times its size in memory until it is cut down.
const PAGE: usize = 100;

/// The kinds of objects this room reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Deployments,
    ReplicaSets,
    Pods,
    Services,
    HttpRoutes,
    Leases,
    Autoscalers,
    DisruptionBudgets,
    NetworkPolicies,
    Quotas,
    Rollouts,
    Canaries,
}

impl Kind {
    /// API group, version and plural, as in paths and in rights.
    pub fn group(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::Deployments => ("apps", "v1", "deployments"),
            Kind::ReplicaSets => ("apps", "v1", "replicasets"),
            Kind::Pods => ("", "v1", "pods"),
            Kind::Services => ("", "v1", "services"),
            Kind::HttpRoutes => ("gateway.networking.k8s.io", "v1", "httproutes"),
            Kind::Leases => ("coordination.k8s.io", "v1", "leases"),
            Kind::Autoscalers => ("autoscaling", "v2", "horizontalpodautoscalers"),
            Kind::DisruptionBudgets => ("policy", "v1", "poddisruptionbudgets"),
            Kind::NetworkPolicies => ("networking.k8s.io", "v1", "networkpolicies"),
            Kind::Quotas => ("", "v1", "resourcequotas"),
            Kind::Rollouts => ("argoproj.io", "v1alpha1", "rollouts"),
            Kind::Canaries => ("flagger.app", "v1beta1", "canaries"),
        }
    }

    pub fn plural(self) -> &'static str {
        self.group().2
    }

    /// Path of the collection in a namespace.
    pub fn path(self, namespace: &str) -> String {
        match self.group() {
            ("", version, plural) => format!("/api/{version}/namespaces/{namespace}/{plural}"),
            (group, version, plural) => format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}"),
        }
    }

    /// For a person: `deployment billing`.
    pub fn of(self, name: &str) -> String {
        let singular = match self {
            Kind::NetworkPolicies => "networkpolicy",
            Kind::Canaries => "canary",
            Kind::HttpRoutes => "HTTPRoute",
            other => other.plural().trim_end_matches('s'),
        };
        format!("{singular} {name}")
    }
}

/// How a patch is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Lists of containers, ports and the like merge by name.
    Strategic,
}

impl PatchKind {
    fn content_type(self) -> &'static str {
        match self {
            PatchKind::Json => "application/json-patch+json",
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

/// A request that did not work.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What was asked: `patch HTTPRoute billing`.
    pub what: String,
    /// HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The server's `reason`, such as `AlreadyExists`.
    pub reason: String,
    /// The server's message, or why there was no answer.
    pub message: String,
    /// The server named fields that are wrong, so a 422 is about content and not about a precondition.
    pub causes: bool,
    pub retry_after: Option<Dur>,
}

impl Fault {
    /// No answer to `what`, or none that could be believed.
    pub(super) fn unanswered(what: &str, message: String) -> Fault {
        Fault { what: what.into(), status: None, reason: String::new(), message, causes: false, retry_after: None }
    }

    /// There is no such object, or no such kind.
    pub fn is_missing(&self) -> bool {
        self.status == Some(404)
    }

    /// Nobody knows whether a write was applied: no answer, or one that a server gives when it lost track itself.
    pub fn is_ambiguous(&self) -> bool {
        self.status.is_none_or(|s| s >= 500)
    }

    /// What the engine should make of it.
    pub fn kind(&self) -> CallErrorKind {
        match self.status {
            Some(401 | 403) => CallErrorKind::Forbidden,
            Some(429) => CallErrorKind::Throttled,
            Some(409) if self.reason != "AlreadyExists" => CallErrorKind::Conflict,
            // A JSON patch whose `test` misses is answered 422 without naming a field.
            Some(422) if !self.causes => CallErrorKind::Conflict,
            Some(s) if s < 500 => CallErrorKind::Rejected,
            _ => CallErrorKind::Unreachable,
        }
    }

    pub fn to_error(&self) -> CallError {
        CallError { kind: self.kind(), text: self.to_string() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(422) if !self.causes => {
                write!(f, "{}: it changed between reading and writing (422: a precondition missed)", self.what)
            }
            Some(status) => write!(f, "{}: {} ({status})", self.what, self.message),
            None => write!(f, "{}: {}", self.what, self.message),
        }
    }
}

/// The way to the API server.
pub struct Wire {
    client: kube::Client,
    timeout: Duration,
    /// When an answer, of whatever kind, came last.
    answered: Mutex<Option<Instant>>,
    home: Option<Arc<Home>>,
}

impl Wire {
    pub fn new(client: kube::Client, timeout: Duration) -> Wire {
        Wire { client, timeout, answered: Mutex::new(None), home: None }
    }

    /// A way to one cluster, and to no other that may answer at its address.
    pub fn at(self, home: Arc<Home>) -> Wire {
        Wire { home: Some(home), ..self }
    }

    /// Before anything is believed or written: whose the answers are, where that is in doubt.
    ///
    /// # Errors
    /// Another cluster answers, or none.
    pub async fn confirm(&self) -> Result<(), Fault> {
        match &self.home {
            Some(home) => home.confirm(self).await,
            None => Ok(()),
        }
    }

    /// The next answer may come from elsewhere.
    pub fn doubt(&self) {
        if let Some(home) = &self.home {
            home.doubt();
        }
    }

    /// UID of the namespace `kube-system`: which cluster this is. `None` where it may not be read.
    pub async fn cluster_uid(&self) -> Result<Option<String>, Fault> {
        match self.read("/api/v1/namespaces/kube-system", "get namespace kube-system").await {
            Ok(system) => Ok(text(&system, "/metadata/uid").map(str::to_string)),
            Err(fault) if matches!(fault.status, Some(401 | 403 | 404)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// How long one request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the server answered anything within this time.
    pub fn answered_within(&self, time: Duration) -> bool {
        self.answered.lock().is_ok_and(|at| at.is_some_and(|at| at.elapsed() < time))
    }

    /// Notes that the server is there.
    pub fn note_answer(&self) {
        if let Ok(mut at) = self.answered.lock() {
            *at = Some(Instant::now());
        }
    }

    pub async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Value, Fault> {
        self.send(Method::GET, &format!("{}/{name}", kind.path(namespace)), None, format!("get {}", kind.of(name)))
            .await
    }

    /// As [`Wire::get`]; an object that does not exist is `None`.
    pub async fn find(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, Fault> {
        match self.get(kind, namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Every object of the kind in the namespace, page by page. A kind the server does not know has none.
    pub async fn list(&self, kind: Kind, namespace: &str) -> Result<Vec<Value>, Fault> {
        self.list_cut(kind, namespace, whole).await
    }

    /// As [`Wire::list`], each object cut down as it comes.
    pub async fn list_cut(&self, kind: Kind, namespace: &str, cut: Cut) -> Result<Vec<Value>, Fault> {
        match self.list_at(kind, namespace, cut).await {
            Ok((items, _)) => Ok(items),
            Err(fault) if fault.is_missing() => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }

    /// Every object of the kind in the namespace, and the list's resource version.
    pub async fn list_at(&self, kind: Kind, namespace: &str, cut: Cut) -> Result<(Vec<Value>, String), Fault> {
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("{}?limit={PAGE}{next}", kind.path(namespace));
            let mut page = self.send(Method::GET, &path, None, format!("list {}", kind.plural())).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more.into_iter().map(|object| cut(kind, object)));
            }
            match text(&page, "/metadata/continue").filter(|token| !token.is_empty()) {
                Some(token) => next = format!("&continue={}", encode(token)),
                None => {
                    let version = text(&page, "/metadata/resourceVersion").unwrap_or_default().to_string();
                    return Ok((items, version));
                }
            }
        }
    }

    pub async fn create(&self, kind: Kind, namespace: &str, object: &Value, dry_run: bool) -> Result<Value, Fault> {
        // A rehearsal is strict: a field that the server does not know is a typing error that it would drop in silence.
        let dry = if dry_run { "&dryRun=All&fieldValidation=Strict" } else { "" };
        let path = format!("{}?fieldManager={FIELD_MANAGER}{dry}", kind.path(namespace));
        let what = format!("create {}", kind.of(super::json::name(object)));
        self.send(Method::POST, &path, Some((object, "application/json")), what).await
    }

    pub async fn replace(&self, kind: Kind, namespace: &str, name: &str, object: &Value) -> Result<Value, Fault> {
        let path = format!("{}/{name}?fieldManager={FIELD_MANAGER}", kind.path(namespace));
        self.send(Method::PUT, &path, Some((object, "application/json")), format!("update {}", kind.of(name))).await
    }

    pub async fn patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        how: PatchKind,
        patch: &Value,
    ) -> Result<Value, Fault> {
        let path = format!("{}/{name}?fieldManager={FIELD_MANAGER}", kind.path(namespace));
        self.send(Method::PATCH, &path, Some((patch, how.content_type())), format!("patch {}", kind.of(name))).await
    }

    pub async fn delete(&self, kind: Kind, namespace: &str, name: &str, options: &Value) -> Result<Value, Fault> {
        let path = format!("{}/{name}", kind.path(namespace));
        self.send(Method::DELETE, &path, Some((options, "application/json")), format!("delete {}", kind.of(name))).await
    }

    /// Creates an object that only asks a question, such as an access review.
    pub async fn ask(&self, path: &str, question: &Value, what: &str) -> Result<Value, Fault> {
        self.send(Method::POST, path, Some((question, "application/json")), what.to_string()).await
    }

    pub async fn read(&self, path: &str, what: &str) -> Result<Value, Fault> {
        self.send(Method::GET, path, None, what.to_string()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&Value, &str)>,
        what: String,
    ) -> Result<Value, Fault> {
        let lost = |message: String| {
            self.doubt();
            Fault::unanswered(&what, message)
        };
        let mut request = Request::builder().method(method).uri(path).header("accept", "application/json");
        let mut bytes = Vec::new();
        if let Some((value, content_type)) = body {
            request = request.header("content-type", content_type);
            bytes = value.to_string().into_bytes();
        }
        let request = request.body(Body::from(bytes)).map_err(|e| lost(e.to_string()))?;
        let exchange = async {
            let response = self.client.send(request).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect_bytes().await?))
        };
        let (head, bytes) = match tokio::time::timeout(self.timeout, exchange).await {
            Err(_) => return Err(lost(format!("no answer within {} s", self.timeout.as_secs_f32()))),
            Ok(Err(error)) => return Err(lost(chain(&error))),
            Ok(Ok(answer)) => answer,
        };
        self.note_answer();
        if !head.status.is_success() {
            return Err(refusal(what, &head, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|e| Fault {
            reason: NO_JSON.into(),
            ..lost(format!("the answer is no JSON ({e}); is this an API server?"))
        })
    }
}

/// [`Fault::reason`] of an answer that came, and is nothing an API server says.
pub(super) const NO_JSON: &str = "NoJson";

/// A status ≥ 300 as a fault.
fn refusal(what: String, head: &http::response::Parts, bytes: &[u8]) -> Fault {
    let status: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let plain = || plain(head, bytes);
    let message = text(&status, "/message").map_or_else(plain, str::to_string);
    let header = head.headers.get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let seconds = header.or_else(|| status.pointer("/details/retryAfterSeconds").and_then(Value::as_u64));
    Fault {
        what,
        status: Some(head.status.as_u16()),
        reason: text(&status, "/reason").unwrap_or_default().to_string(),
        message: if message.is_empty() { head.status.to_string() } else { message },
        causes: status.pointer("/details/causes").and_then(Value::as_array).is_some_and(|c| !c.is_empty()),
        retry_after: seconds.map(Dur::secs),
    }
}

/// What a refusal says that is no `Status`: its first line, or that it is a page for browsers, which nobody can read here.
fn plain(head: &http::response::Parts, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let kind = head.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") || text.starts_with('<') {
        return "answered a web page; a proxy or a login stands before the API server, or this is none".into();
    }
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// An error with what lies beneath it, each thing said once: `client error (Connect): connection refused`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !out.contains(&text) {
            out = format!("{out}: {text}");
        }
        source = inner.source();
    }
    out
}

/// A value of a query string.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
