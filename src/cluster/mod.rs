//! Kubernetes: workloads, routes, watches, lease, preflight.
//!
//! # Layout
//! - [`connect`](connect::connect) from a kubeconfig to a client, or an error that says what to do; [`proxy`] on which way
//! - [`wire`] one request and what came of it; [`home`] whose answer it is
//! - [`watch`], [`store`], [`observe`] what is seen; [`lean`] how much of an object is kept
//! - [`call`] what is written; [`http_route`], [`match_rules`] and [`next`] decide it, pure; [`route_status`] who
//!   accepted a route
//! - [`preflight`] everything wrong before the start
//! - [`lease`] who drives
//! - [`json`], [`selector`], [`merge`] how live objects are read
pub mod call;
pub mod connect;
#[cfg(test)]
pub mod fake;
pub mod home;
pub mod http_route;
pub mod json;
pub mod lean;
pub mod lease;
pub mod match_rules;
pub mod merge;
pub mod next;
pub mod observe;
pub mod preflight;
pub mod proxy;
pub mod route_status;
pub mod selector;
pub mod store;
pub mod watch;
pub mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::task::AbortHandle;

pub use connect::{ConnectError, connect, context_of};
pub use home::Home;
pub use lease::KubeLease;
pub use watch::Backoff;

use crate::engine::command::{Identity, IdentitySource};
use crate::engine::effect::Call;
use crate::engine::message::{CallOutcome, Link};
use crate::engine::observe::{Observation, PreflightReport};
use crate::plan::Plan;
use crate::ports::Cluster;
use crate::spec::units::Time;
use json::text;
use store::{Store, WATCHED};
use wire::Wire;

/// How patient this room is, in wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Between tries to list or watch again.
    pub backoff: Backoff,
    /// For one request.
    pub request_timeout: Duration,
    /// For one call with all its requests; the port promises 10 s.
    pub call_timeout: Duration,
    /// How often a server that is quiet is asked whether it is there; `None`: never.
    pub probe: Option<Duration>,
    /// A watch that says nothing for so long, bookmarks included, is dead; `None`: never.
    pub silence: Option<Duration>,
}

impl Options {
    /// For a cluster across a network. A server that vanishes is noticed within 3 s.
    pub const REAL: Options = Options {
        backoff: Backoff::REAL,
        request_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_millis(9800),
        probe: Some(Duration::from_secs(1)),
        // API servers send bookmarks once a minute.
        silence: Some(Duration::from_secs(90)),
    };
    /// For a server in this process, in virtual time: quick to come back, and no question that wall time asks.
    pub const LOCAL: Options = Options { backoff: Backoff::LOCAL, probe: None, silence: None, ..Options::REAL };
}

/// A Kubernetes cluster as the engine's world.
pub struct KubeCluster {
    pub(crate) wire: Arc<Wire>,
    pub(crate) store: Arc<Store>,
    pub(crate) options: Options,
    kubectl_flags: String,
    watched: Mutex<Option<Plan>>,
    tasks: Mutex<Vec<AbortHandle>>,
    /// Writes to one route wait for each other: several services may share it.
    routes: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl KubeCluster {
    pub fn new(client: kube::Client, options: Options) -> KubeCluster {
        KubeCluster {
            wire: Arc::new(Wire::new(client, options.request_timeout)),
            store: Arc::new(Store::default()),
            options,
            kubectl_flags: String::new(),
            watched: Mutex::default(),
            tasks: Mutex::default(),
            routes: Mutex::default(),
        }
    }

    /// Flags by which a person's `kubectl` finds this cluster, for the commands that a report names.
    pub fn named_by(mut self, kubectl_flags: String) -> KubeCluster {
        self.kubectl_flags = kubectl_flags;
        self
    }

    /// The run's own cluster, which is no other that may answer at its address.
    pub fn at(mut self, home: Arc<Home>) -> KubeCluster {
        self.wire = Arc::new(Wire::new(self.wire.client().clone(), self.wire.timeout()).at(home));
        self
    }

    pub(crate) fn kubectl_flags(&self) -> &str {
        &self.kubectl_flags
    }

    /// Highest resource version each watch has processed (events, lists and bookmarks), by plural name.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.store.seen()
    }

    /// UID of the namespace `kube-system`: which cluster this is. `None` where it may not be read.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn uid(&self) -> Result<Option<String>, String> {
        self.wire.cluster_uid().await.map_err(|fault| fault.to_string())
    }

    /// Every watch has its list and an open stream.
    pub fn alive(&self) -> bool {
        self.store.alive()
    }

    /// Whether [`Cluster::watch`] was called.
    pub fn watching(&self) -> bool {
        lock(&self.watched).is_some()
    }

    pub(crate) fn route_lock(&self, route: &str) -> Arc<tokio::sync::Mutex<()>> {
        lock(&self.routes).entry(route.to_string()).or_default().clone()
    }
}

/// What these locks hold is whole after every statement, so a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for KubeCluster {
    fn drop(&mut self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn preflight(&self, plan: &Plan, run: &str, now: Time) -> Result<PreflightReport, String> {
        preflight::run(self, plan, run, now).await
    }

    async fn watch(&self, plan: &Plan, _run: &str) -> Result<(), String> {
        let namespace = &plan.environment.kubernetes.namespace;
        let mut tasks = lock(&self.tasks);
        for task in tasks.drain(..) {
            task.abort();
        }
        *lock(&self.watched) = Some(plan.clone());
        self.store.lock().forget_told();
        for kind in WATCHED {
            let (wire, store) = (self.wire.clone(), self.store.clone());
            let follow = watch::follow(wire, store, kind, namespace.clone(), self.options);
            tasks.push(tokio::spawn(follow).abort_handle());
        }
        if let Some(every) = self.options.probe {
            let probe = watch::probe(self.wire.clone(), self.store.clone(), every);
            tasks.push(tokio::spawn(probe).abort_handle());
        }
        Ok(())
    }

    async fn changed(&self) {
        self.store.changed().await;
    }

    fn observe(&self) -> Option<Vec<Observation>> {
        let watched = lock(&self.watched);
        let plan = watched.as_ref()?;
        let mut inner = self.store.lock();
        if !inner.complete() {
            inner.wait_on();
            return None;
        }
        if inner.is_told() {
            return Some(Vec::new());
        }
        let now = observe::all(&inner, plan);
        Some(inner.untold(now))
    }

    fn link(&self) -> Link {
        self.store.link()
    }

    async fn call(&self, plan: &Plan, run: &str, call: &Call) -> CallOutcome {
        call::call(self, plan, run, call).await
    }

    async fn whoami(&self) -> Result<Identity, String> {
        let question = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer = self.wire.ask(path, &question, "ask who we are").await.map_err(|fault| fault.to_string())?;
        match text(&answer, "/status/userInfo/username") {
            Some(name) => Ok(Identity { name: name.to_string(), source: IdentitySource::Kubernetes }),
            None => Err("ask who we are: the answer names no user".to_string()),
        }
    }
}
