//! The practice world: a cluster in virtual time. It has no clock of its own; somebody moves it forward.

use super::fault::{Fault, MetricsAnswer};
use super::fixture::{Client, Fixture};
use super::kinds;
use super::replicas::ENDPOINTS;
use super::scenario::{Director, Scenario, Turn};
use super::seeded::Seeded;
use super::store::{Key, Store};
use super::traffic::{Load, Traffic};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// What a world is made from. The same values give the same world, to the byte.
#[derive(Clone, Debug)]
pub struct Config {
    pub scenario: Scenario,
    pub seed: u64,
    /// When the story begins, ms since the Unix epoch; some minutes of traffic lie before it.
    pub start_ms: i64,
}

/// Traffic history before the start, ms.
const HISTORY_MS: i64 = 300_000;

/// Time for the first pods to become ready before requests come in, ms.
const WARM_UP_MS: i64 = 10_000;

/// Something that happens by itself at its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    /// The container of this pod (by UID) starts.
    PodStart(Key, String),
    /// The readiness of this pod is looked at.
    PodProbe(Key, String),
    /// The container of this pod exits.
    PodCrash(Key, String),
    /// This pod has ended and leaves.
    PodGone(Key, String),
    /// The gateway has taken up this route's generation.
    RouteAccept(Key, i64),
    /// A Deployment or ReplicaSet is looked at again: a deadline or `minReadySeconds` passed.
    Recheck(&'static str, Key),
    /// A turn of the scenario.
    Turn(Turn),
}

/// How the API server is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Connections are closed without an answer.
    Closed,
    /// Every request is answered 503.
    Refusing,
}

/// A cluster, its pods and their traffic.
#[derive(Debug)]
pub struct World {
    pub(super) seed: Seeded,
    pub(super) now: i64,
    pub(super) store: Store,
    pub(super) traffic: Traffic,
    pub(super) clients: Vec<Client>,
    /// Routes as the gateway has taken them up: their spec at the accepted generation.
    pub(super) accepted: BTreeMap<Key, Value>,
    pub(super) faults: BTreeMap<(String, String), Fault>,
    pub(super) director: Director,
    /// How many objects of a name (or pods of a ReplicaSet) there were, so that names drawn differ.
    pub(super) births: BTreeMap<String, u64>,
    pub(super) rechecks: BTreeMap<(&'static str, Key), (i64, u64)>,
    /// Event objects in the order they were made.
    pub(super) events: VecDeque<Key>,
    pub(super) outage: Option<Outage>,
    pub(super) drops: u64,
    due: BTreeMap<(i64, u64), Due>,
    due_seq: u64,
    pub(super) pod_ips: u32,
    pub(super) plan_stale: bool,
}

impl World {
    /// The demo's cluster: nine services in namespace `shop`, all ready, with the scenario's story ahead.
    pub fn new(config: Config) -> Self {
        let fixture = Fixture::demo(config.scenario);
        Self::custom(config, fixture)
    }

    /// The same with another set of services, for tests.
    pub fn custom(config: Config, fixture: Fixture) -> Self {
        let seed = Seeded::new(config.seed);
        let origin = config.start_ms - HISTORY_MS;
        let loads = fixture.services.iter().map(|s| Load::new(&seed, &fixture.namespace, &s.name, s.rps)).collect();
        let mut world = Self {
            seed,
            now: origin,
            store: Store::new(),
            traffic: Traffic::new(Vec::new(), origin),
            clients: fixture.clients.clone(),
            accepted: BTreeMap::new(),
            faults: BTreeMap::new(),
            director: Director::asleep(config.scenario, &fixture),
            births: BTreeMap::new(),
            rechecks: BTreeMap::new(),
            events: VecDeque::new(),
            outage: None,
            drops: 0,
            due: BTreeMap::new(),
            due_seq: 0,
            pod_ips: 1,
            plan_stale: true,
        };
        fixture.install(&mut world);
        world.settle();
        world.advance_to(origin + WARM_UP_MS);
        world.traffic.begin(loads, world.now);
        world.plan_stale = true;
        world.settle();
        world.advance_to(config.start_ms);
        world.director.wake(world.store.last_rv("httproutes"));
        world.settle();
        world
    }

    /// The world's time, ms since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The version of the latest write of any kind.
    pub fn rv(&self) -> u64 {
        self.store.rv()
    }

    /// The version of the latest write of a kind, by plural (`"pods"`); 0 when there was none.
    pub fn last_change_rv(&self, plural: &str) -> u64 {
        self.store.last_rv(plural)
    }

    /// When something next happens by itself that a client could see (never a mere request served).
    pub fn next_event(&self) -> Option<i64> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Moves the world to `ms`, letting everything due until then happen in order. Never moves back.
    pub fn advance_to(&mut self, ms: i64) {
        while let Some(entry) = self.due.first_entry() {
            let at = entry.key().0;
            if at > ms {
                break;
            }
            let due = entry.remove();
            self.now = self.now.max(at);
            self.traffic.run_to(self.now);
            self.happen(due);
            self.settle();
        }
        self.now = self.now.max(ms);
        self.traffic.run_to(self.now);
    }

    /// Lets something happen `after` ms from now (at once, in order, when 0).
    pub(super) fn later(&mut self, after: i64, due: Due) {
        self.due_seq += 1;
        self.due.insert((self.now + after.max(0), self.due_seq), due);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::PodStart(key, uid) => self.pod_start(&key, &uid),
            Due::PodProbe(key, uid) => self.pod_probe(&key, &uid),
            Due::PodCrash(key, uid) => self.pod_crash(&key, &uid),
            Due::PodGone(key, uid) => self.pod_gone(&key, &uid),
            Due::RouteAccept(key, generation) => self.route_accept(&key, generation),
            Due::Recheck(plural, key) => {
                self.rechecks.remove(&(plural, key.clone()));
                self.look_at(plural, &key);
            }
            Due::Turn(turn) => self.turn(turn),
        }
    }

    /// Looks at an object again at `at` instead of when it was planned before; `None`: not by itself.
    pub(super) fn recheck(&mut self, plural: &'static str, key: &Key, at: Option<i64>) {
        let slot = (plural, key.clone());
        if let Some(planned) = self.rechecks.get(&slot) {
            if at == Some(planned.0) {
                return;
            }
            self.due.remove(planned);
            self.rechecks.remove(&slot);
        }
        if let Some(at) = at {
            let at = at.max(self.now);
            self.later(at - self.now, Due::Recheck(plural, key.clone()));
            self.rechecks.insert(slot, (at, self.due_seq));
        }
    }

    /// Runs the controllers until nothing is left to look at, then routes the traffic anew.
    pub(super) fn settle(&mut self) {
        while let Some((plural, key)) = self.store.next_touched() {
            self.look_at(plural, &key);
        }
        if self.plan_stale {
            self.plan_stale = false;
            let plan = self.traffic_plan();
            self.traffic.replan(self.now, plan);
        }
        self.direct();
    }

    fn look_at(&mut self, plural: &'static str, key: &Key) {
        match plural {
            "deployments" => self.reconcile_deployment(key),
            "replicasets" => self.reconcile_replicaset(key),
            "pods" => {
                self.kubelet_admit(key);
                self.reconcile_owner_of_pod(key);
                self.reconcile_services_of(key);
            }
            "services" => {
                self.reconcile_service(key);
                self.routes_may_resolve(&key.0);
                self.plan_stale = true;
            }
            ENDPOINTS => self.reconcile_service(key),
            "endpointslices" => {
                self.plan_stale = true;
                self.restore_slice(key);
            }
            "httproutes" => self.reconcile_route(key),
            "poddisruptionbudgets" => self.reconcile_budget(key),
            "resourcequotas" => self.reconcile_quota(key),
            _ => {}
        }
    }

    /// Requests sent to a backend without a ready endpoint since the origin. A sound upgrade loses none.
    pub fn lost_requests(&self) -> u64 {
        self.traffic.lost()
    }

    /// Requests that arrived since the origin, over all services.
    pub fn arrived_requests(&self) -> u64 {
        self.traffic.arrived()
    }

    /// Requests served by all pods of a service's version, dead ones included.
    pub fn served(&self, service: &str, version: &str) -> u64 {
        self.traffic.served(service, version)
    }

    /// The part of a service's requests that pods of `version` get by the accepted routes: 0 to 1.
    pub fn share(&self, service: &str, version: &str) -> f64 {
        self.traffic.share(service, version)
    }

    /// Makes the pods of a version misbehave from now on; `Fault::default()` heals them.
    pub fn set_fault(&mut self, service: &str, version: &str, fault: Fault) {
        self.traffic.cut(self.now);
        self.faults.insert((service.to_string(), version.to_string()), fault);
        self.faults_changed(service, version);
        self.settle();
    }

    /// Takes the API server away (connections are closed) or brings it back.
    pub fn set_unreachable(&mut self, away: bool) {
        self.outage = away.then_some(Outage::Closed);
    }

    /// Chooses how the API server is away, or brings it back.
    pub fn set_outage(&mut self, outage: Option<Outage>) {
        self.outage = outage;
    }

    /// How the API server is away, if it is.
    pub fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// The next `n` writes are applied but their answers are lost.
    pub fn set_drop_answers(&mut self, n: u64) {
        self.drops = n;
    }

    /// What a pod's `/metrics` answers now; `None` when there is no such running pod.
    pub fn metrics_of(&self, ns: &str, pod: &str) -> Option<(MetricsAnswer, String)> {
        let counters = self.traffic.pods.get(&(ns.to_string(), pod.to_string()))?;
        let fault = self.fault_of(&counters.service, &counters.version);
        Some((fault.metrics, super::exposition::page(counters)))
    }

    /// An object as stored, for tests and for the clock's owner.
    pub fn object(&self, plural: &str, ns: &str, name: &str) -> Option<Value> {
        self.store.get(plural, ns, name).map(|o| (**o).clone())
    }

    /// All objects of a kind in a namespace (all namespaces when empty), by name.
    pub fn objects(&self, plural: &str, ns: &str) -> Vec<Value> {
        self.store.list(plural, ns).map(|o| (**o).clone()).collect()
    }

    /// Forgets the history of all kinds: watches from before get 410 Gone.
    pub fn compact(&mut self) {
        self.store.compact();
    }

    /// Every kind's objects in one canonical text: two equal worlds have equal texts.
    pub fn fingerprint(&self) -> String {
        let mut out = String::new();
        for kind in kinds::KINDS {
            for o in self.store.list(kind.plural, "") {
                out.push_str(&o.to_string());
                out.push('\n');
            }
        }
        out
    }
}
