//! A seeded world behind the ports: services, pods, routes, requests, and faults. Its clock is virtual; its traffic
//! follows accepted routes and ready pods, never what the engine meant.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use pilothouse::engine::command::{Identity, IdentitySource};
use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, ShareSeen, What};
use pilothouse::engine::message::{CallError, CallErrorKind, CallOutcome, LeaseSeen, Link, Stamp};
use pilothouse::engine::observe::*;
use pilothouse::gate::{Failure, Num, Sample};
use pilothouse::plan::Plan;
use pilothouse::ports::{Clock, Cluster, Lease, Metrics};
use pilothouse::spec::policy::Measure;
use pilothouse::spec::units::{Dur, Time};

use super::laws::Laws;

pub const START: Time = Time(1_795_000_000_000);
pub const R0: u32 = 4;

/// What may go wrong in one night.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The API server is away in these spans (start, length), from the start of the world.
    pub api_away: Vec<(Dur, Dur)>,
    /// The metrics source is away in these.
    pub metrics_away: Vec<(Dur, Dur)>,
    /// It answers NaN in these.
    pub metrics_nan: Vec<(Dur, Dur)>,
    /// Every n-th write is applied but its answer is lost; 0 is never.
    pub lost_answer_every: u64,
    /// Every n-th write is refused with a conflict; 0 is never.
    pub conflict_every: u64,
    /// Service whose new version fails this share of its requests from this long after its first traffic on.
    pub bad: BTreeMap<String, (Dur, f64)>,
    /// Services whose new pods never become ready.
    pub never_ready: Vec<String>,
    /// Service whose route is edited by hand at this time to this share.
    pub drift: Option<(String, Dur, u32)>,
    /// Another driver takes the lease at this time.
    pub stolen: Option<Dur>,
    /// The process is killed before (false) or after (true) the n-th write reaches the server.
    pub kill: Option<(u64, bool)>,
    /// How long a gateway takes to accept.
    pub accept_after: Dur,
}

#[derive(Debug, Clone)]
pub struct Pod {
    pub name: String,
    pub born: Time,
    pub ready_at: Option<Time>,
}

#[derive(Debug, Clone)]
pub struct Deployment {
    pub uid: String,
    pub generation: i64,
    pub image: String,
    pub pods: Vec<Pod>,
    pub owner: Option<OwnerMark>,
}

#[derive(Debug, Clone)]
pub struct Route {
    pub generation: i64,
    pub weights: Weights,
    pub accepted_at: Time,
    /// What traffic follows until `accepted_at`.
    pub before: Weights,
    pub owner: Option<OwnerMark>,
    pub writer: String,
}

#[derive(Debug, Clone)]
pub struct Service {
    pub stable: Deployment,
    pub next: Option<Deployment>,
    pub next_service: bool,
    pub route: Route,
    pub first_traffic: Option<Time>,
    /// Per version: requests and failures so far.
    pub served: [f64; 2],
    pub failed: [f64; 2],
    /// Counters as they stood at each second, for windows.
    pub history: Vec<(Time, [f64; 2], [f64; 2])>,
    pub lost: f64,
}

pub struct State {
    pub now: Time,
    pub faults: Faults,
    pub services: BTreeMap<String, Service>,
    pub writes: u64,
    pub killed: bool,
    pub epoch: u64,
    pub stolen: bool,
    pub drifted: bool,
    pub laws: Laws,
    pods_made: u64,
    given: BTreeMap<(String, u8), Observation>,
    shares_given: BTreeMap<String, [f64; 2]>,
}

/// Handed to the driver as all four ports.
#[derive(Clone)]
pub struct Sim(pub Arc<Mutex<State>>);

pub fn rps(name: &str) -> f64 {
    20.0 + (name.len() as f64) * 5.0
}

impl Sim {
    pub fn new(plan: &Plan, faults: Faults) -> Sim {
        let mut state = State {
            now: START,
            faults,
            services: BTreeMap::new(),
            writes: 0,
            killed: false,
            epoch: 1,
            stolen: false,
            drifted: false,
            laws: Laws::new(plan),
            pods_made: 0,
            given: BTreeMap::new(),
            shares_given: BTreeMap::new(),
        };
        for p in &plan.services {
            let name = p.service.name.clone();
            let stable = state.deployment(&format!("registry.example/{name}:1.0.0"), R0, START - Dur::hours(1), None);
            let weights = Weights { stable: 100, next: None };
            let route = Route {
                generation: 1,
                weights,
                accepted_at: START - Dur::hours(1),
                before: weights,
                owner: None,
                writer: "helm".into(),
            };
            state.services.insert(
                name,
                Service {
                    stable,
                    next: None,
                    next_service: false,
                    route,
                    first_traffic: None,
                    served: [0.0; 2],
                    failed: [0.0; 2],
                    history: Vec::new(),
                    lost: 0.0,
                },
            );
        }
        Sim(Arc::new(Mutex::new(state)))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A new process looks at the world: it has been given nothing yet.
    pub fn reattach(&self) {
        let mut s = self.state();
        s.given.clear();
        s.killed = false;
        s.faults.kill = None;
        if !s.stolen {
            s.epoch += 1;
        }
    }
}

impl Sim {
    /// One write; `None` when the process dies in it.
    fn attempt(&self, plan: &Plan, run: &str, call: &Call) -> Option<CallOutcome> {
        let mut s = self.state();
        if s.killed {
            return None;
        }
        if s.api_away() {
            return Some(CallOutcome::Unknown { error: error(CallErrorKind::Unreachable, "connection refused") });
        }
        s.writes += 1;
        let n = s.writes;
        s.laws.intent_is_written(call);
        if s.faults.kill == Some((n, false)) {
            s.killed = true;
            return None;
        }
        if s.faults.conflict_every > 0 && n.is_multiple_of(s.faults.conflict_every) {
            let error = error(CallErrorKind::Conflict, "the object has been modified");
            return Some(CallOutcome::Failed { error, retry_after: None });
        }
        let applied = s.apply(plan, run, call);
        if s.faults.kill == Some((n, true)) {
            s.killed = true;
            return None;
        }
        let lost = s.faults.lost_answer_every > 0 && n.is_multiple_of(s.faults.lost_answer_every);
        if lost {
            return Some(CallOutcome::Unknown { error: error(CallErrorKind::Unreachable, "the answer was lost") });
        }
        let seen = s.views(&call.service);
        Some(match applied {
            Ok(true) => CallOutcome::Done { seen },
            Ok(false) => CallOutcome::Found { seen },
            Err(kind) => CallOutcome::Failed { error: error(kind, "refused"), retry_after: None },
        })
    }
}

fn within(spans: &[(Dur, Dur)], now: Time) -> bool {
    spans.iter().any(|(at, len)| now >= START + *at && now < START + *at + *len)
}

impl State {
    fn deployment(&mut self, image: &str, replicas: u32, born: Time, owner: Option<OwnerMark>) -> Deployment {
        let mut d = Deployment {
            uid: format!("uid-{}", self.pods_made),
            generation: 1,
            image: image.into(),
            pods: Vec::new(),
            owner,
        };
        self.grow(&mut d, replicas, born, false);
        d
    }

    fn grow(&mut self, d: &mut Deployment, replicas: u32, born: Time, never: bool) {
        while (d.pods.len() as u32) < replicas {
            self.pods_made += 1;
            let delay = Dur::secs(2 + self.pods_made % 4);
            let ready_at = (!never).then_some(born + delay);
            d.pods.push(Pod { name: format!("pod-{}", self.pods_made), born, ready_at });
        }
        d.pods.truncate(replicas as usize);
    }

    pub fn api_away(&self) -> bool {
        within(&self.faults.api_away, self.now)
    }

    pub fn ready(&self, d: &Deployment) -> u32 {
        d.pods.iter().filter(|p| p.ready_at.is_some_and(|r| r <= self.now)).count() as u32
    }

    pub fn accepted(&self, route: &Route) -> Weights {
        if self.now >= route.accepted_at { route.weights } else { route.before }
    }

    /// One second at a time, so that how time is cut up changes nothing.
    pub fn advance(&mut self, to: Time) {
        while self.now + Dur::secs(1) <= to {
            self.now = self.now + Dur::secs(1);
            self.second();
        }
        self.now = self.now.max(to);
    }

    fn second(&mut self) {
        if let Some((name, at, share)) = self.faults.drift.clone()
            && !self.drifted
            && self.now >= START + at
            && let Some(s) = self.services.get_mut(&name)
            && s.route.weights.next.is_some_and(|n| n > 0)
        {
            self.drifted = true;
            let before = s.route.weights;
            s.route.before = before;
            s.route.weights = Weights { stable: 100 - share, next: Some(share) };
            s.route.generation += 1;
            s.route.accepted_at = self.now + self.faults.accept_after;
            s.route.writer = "kubectl-edit".into();
            self.laws.hand_edit(&name, share);
        }
        if self.faults.stolen.is_some_and(|at| self.now >= START + at) && !self.stolen {
            self.stolen = true;
            self.epoch += 1;
        }
        let names: Vec<String> = self.services.keys().cloned().collect();
        for name in &names {
            self.traffic(name);
        }
        let shares = names
            .into_iter()
            .map(|n| {
                let s = &self.services[&n];
                let seen = (self.accepted(&s.route).share(), self.ready(&s.stable));
                (n, seen)
            })
            .collect();
        let (now, away) = (self.now, self.api_away());
        self.laws.look(now, away, &shares);
    }

    fn traffic(&mut self, name: &str) {
        let now = self.now;
        let Some(s) = self.services.get(name) else { return };
        let share = self.accepted(&s.route).share() / 100.0;
        let new_ready = s.next.as_ref().map_or(0, |d| self.ready(d));
        let old_ready = self.ready(&s.stable);
        let bad = self.faults.bad.get(name).copied();
        let Some(s) = self.services.get_mut(name) else { return };
        let all = rps(name);
        let (new, old) = (all * share, all * (1.0 - share));
        if new > 0.0 && s.first_traffic.is_none() {
            s.first_traffic = Some(now);
        }
        // Requests to a version without ready pods are lost.
        s.lost += if new_ready == 0 { new } else { 0.0 } + if old_ready == 0 { old } else { 0.0 };
        let settled = !s.stable.image.ends_with(":1.0.0");
        let errors = match (bad, s.first_traffic) {
            (Some((after, ratio)), Some(first)) if now.since(first) >= after => ratio,
            _ => 0.001,
        };
        if old_ready > 0 {
            s.served[0] += old;
            s.failed[0] += old * if settled { errors } else { 0.001 };
        }
        if new_ready > 0 {
            s.served[1] += new;
            s.failed[1] += new * errors;
        }
        s.history.push((now, s.served, s.failed));
        let drop = s.history.len().saturating_sub(1200);
        s.history.drain(..drop);
    }

    fn view(&self, name: &str, slot: Slot) -> WorkloadSeen {
        let s = &self.services[name];
        let d = match slot {
            Slot::Stable => Some(&s.stable),
            Slot::Next => s.next.as_ref(),
        };
        let pods = d.iter().flat_map(|d| &d.pods);
        WorkloadSeen {
            service: name.into(),
            slot,
            deployment: d.map(|d| {
                let (wanted, ready) = (d.pods.len() as u32, self.ready(d));
                DeploymentSeen {
                    uid: d.uid.clone(),
                    generation: d.generation,
                    observed_generation: d.generation,
                    wanted,
                    replicas: wanted,
                    updated: wanted,
                    ready,
                    available: ready,
                    image: d.image.clone(),
                    progress: DeploymentProgress::Progressing,
                    owner: d.owner.clone(),
                }
            }),
            pods: pods
                .map(|p| PodSeen {
                    name: p.name.clone(),
                    ready: p.ready_at.is_some_and(|r| r <= self.now),
                    restarts: 0,
                    waiting: None,
                    image_id: Some("sha256:1".into()),
                    started_at: Some(p.born),
                    terminating: false,
                })
                .collect(),
            service_exists: slot == Slot::Stable || s.next_service,
        }
    }

    fn view_route(&self, name: &str) -> RouteSeen {
        let r = &self.services[name].route;
        RouteSeen {
            service: name.into(),
            uid: format!("route-{name}"),
            weights: Some(r.weights),
            accepted: if self.now >= r.accepted_at { Accepted::Yes } else { Accepted::Pending },
            owner: r.owner.clone(),
            generation: r.generation,
            writer: Some(r.writer.clone()),
        }
    }

    fn views(&self, name: &str) -> Vec<Observation> {
        vec![
            Observation::Workload(self.view(name, Slot::Stable)),
            Observation::Workload(self.view(name, Slot::Next)),
            Observation::Route(self.view_route(name)),
        ]
    }

    /// Increase over a window ending now: requests and failures per version.
    fn increase(&self, name: &str, since: Time) -> ([f64; 2], [f64; 2]) {
        let s = &self.services[name];
        let base =
            s.history.iter().rev().find(|(t, _, _)| *t <= since).map_or(([0.0; 2], [0.0; 2]), |(_, a, b)| (*a, *b));
        let sub = |a: [f64; 2], b: [f64; 2]| [a[0] - b[0], a[1] - b[1]];
        (sub(s.served, base.0), sub(s.failed, base.1))
    }

    fn write_route(&mut self, name: &str, weights: Weights, mark: OwnerMark) {
        let (now, after) = (self.now, self.faults.accept_after);
        let accepted = self.accepted(&self.services[name].route);
        let Some(s) = self.services.get_mut(name) else { return };
        s.route.before = accepted;
        s.route.weights = weights;
        s.route.generation += 1;
        s.route.accepted_at = now + after;
        s.route.owner = Some(mark);
        s.route.writer = "pilothouse".into();
    }

    fn apply(&mut self, plan: &Plan, run: &str, call: &Call) -> Result<bool, CallErrorKind> {
        let name = call.service.as_str();
        let mark = OwnerMark { run: run.into(), epoch: call.epoch, seq: call.key };
        let planned = plan.get(name).ok_or(CallErrorKind::Rejected)?.clone();
        let route_epoch = self.services[name].route.owner.as_ref().map_or(0, |o| o.epoch);
        if route_epoch > call.epoch {
            return Err(CallErrorKind::Fenced);
        }
        let never = self.faults.never_ready.contains(&call.service);
        let now = self.now;
        let weights = self.services[name].route.weights;
        match &call.action {
            Action::CreateNext { replicas } => {
                if self.services[name].next.is_some() {
                    return Ok(false);
                }
                let mut d = self.deployment(&planned.image, 0, now, Some(mark));
                self.grow(&mut d, *replicas, now, never);
                let Some(s) = self.services.get_mut(name) else { return Err(CallErrorKind::Rejected) };
                s.next = Some(d);
                s.next_service = true;
            }
            Action::AddBackend => {
                if weights.next.is_some() {
                    return Ok(false);
                }
                self.write_route(name, Weights { stable: 100, next: Some(0) }, mark);
            }
            Action::Scale { slot, replicas } => {
                let taken = match slot {
                    Slot::Stable => Some(self.services[name].stable.clone()),
                    Slot::Next => self.services[name].next.clone(),
                };
                let mut d = taken.ok_or(CallErrorKind::Rejected)?;
                if d.pods.len() as u32 == *replicas {
                    return Ok(false);
                }
                self.grow(&mut d, *replicas, now, never && *slot == Slot::Next);
                d.generation += 1;
                d.owner = Some(mark);
                let Some(s) = self.services.get_mut(name) else { return Err(CallErrorKind::Rejected) };
                match slot {
                    Slot::Stable => s.stable = d,
                    Slot::Next => s.next = Some(d),
                }
            }
            Action::SetWeight { next, expect } => {
                let share = weights.share().round() as u32;
                let ours = self.services[name].route.owner.as_ref().is_some_and(|o| o.run == run);
                if share == *next && ours {
                    return Ok(false);
                }
                if share != *expect {
                    return Err(CallErrorKind::Conflict);
                }
                let view = self.view_for_laws(name, self.warmup());
                self.laws.before_weight(&view, name, *next, *expect, call);
                self.write_route(name, Weights { stable: 100 - next, next: Some(*next) }, mark);
            }
            Action::CopyBack => {
                self.laws.before_copy_back(name);
                let fresh = self.deployment(&planned.image, R0, now, Some(mark));
                let Some(s) = self.services.get_mut(name) else { return Err(CallErrorKind::Rejected) };
                let uid = s.stable.uid.clone();
                let generation = s.stable.generation + 1;
                s.stable = Deployment { uid, generation, ..fresh };
            }
            Action::RemoveBackend => {
                if weights.next.is_none() {
                    return Ok(false);
                }
                if weights.share() > 0.0 {
                    return Err(CallErrorKind::Conflict);
                }
                self.write_route(name, Weights { stable: 100, next: None }, mark);
            }
            Action::DeleteNext => {
                let share = self.accepted(&self.services[name].route).share();
                self.laws.before_delete(name, share);
                let Some(s) = self.services.get_mut(name) else { return Err(CallErrorKind::Rejected) };
                s.next = None;
                s.next_service = false;
            }
            Action::Stamp => {
                let Some(s) = self.services.get_mut(name) else { return Err(CallErrorKind::Rejected) };
                s.route.owner = Some(mark);
            }
        }
        Ok(true)
    }
}

fn error(kind: CallErrorKind, text: &str) -> CallError {
    CallError { kind, text: text.into() }
}

#[async_trait]
impl Clock for Sim {
    fn now(&self) -> Stamp {
        let now = self.state().now;
        Stamp { wall: now, mono: (now.0 - START.0) as u64 }
    }

    async fn sleep_until(&self, until: Time) {
        // The person on call, and whoever kills processes, get their turn.
        tokio::task::yield_now().await;
        let mut s = self.state();
        let to = s.now.max(until.min(s.now + Dur::secs(1)));
        s.advance(to);
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

#[async_trait]
impl Cluster for Sim {
    async fn preflight(&self, plan: &Plan, _run: &str) -> Result<PreflightReport, String> {
        let facts = plan.services.iter().map(|p| ServiceFacts {
            service: p.service.name.clone(),
            from_image: format!("registry.example/{}:1.0.0", p.service.name),
            from_version: "1.0.0".into(),
            ready: R0,
            template: serde_json::Value::Null,
        });
        Ok(PreflightReport { facts: facts.collect(), ..PreflightReport::default() })
    }

    async fn watch(&self, _plan: &Plan, _run: &str) -> Result<(), String> {
        Ok(())
    }

    async fn changed(&self) {
        std::future::pending().await
    }

    fn observe(&self) -> Option<Vec<Observation>> {
        let mut s = self.state();
        if s.api_away() {
            return if s.given.is_empty() { None } else { Some(Vec::new()) };
        }
        let names: Vec<String> = s.services.keys().cloned().collect();
        let mut out = Vec::new();
        for name in names {
            for (i, o) in s.views(&name).into_iter().enumerate() {
                let key = (name.clone(), i as u8);
                if s.given.get(&key) != Some(&o) {
                    s.given.insert(key, o.clone());
                    out.push(o);
                }
            }
        }
        Some(out)
    }

    fn link(&self) -> Link {
        Link::Up
    }

    async fn call(&self, plan: &Plan, run: &str, call: &Call) -> CallOutcome {
        match self.attempt(plan, run, call) {
            Some(outcome) => outcome,
            // The process is dead: nobody waits for this answer.
            None => std::future::pending().await,
        }
    }

    async fn whoami(&self) -> Result<Identity, String> {
        Ok(Identity { name: "ivo".into(), source: IdentitySource::Kubernetes })
    }
}

#[async_trait]
impl Lease for Sim {
    async fn renew(&self, _now: Time) -> LeaseSeen {
        let s = self.state();
        if s.api_away() {
            return LeaseSeen::Expired { error: "API server: connection refused".into() };
        }
        if s.stolen {
            return LeaseSeen::Taken { holder: "mara@other".into(), epoch: s.epoch };
        }
        LeaseSeen::Held { epoch: s.epoch }
    }

    async fn release(&self) {}
}

#[async_trait]
impl Metrics for Sim {
    async fn measure(&self, request: &MeasureRequest) -> MeasureAnswer {
        let mut s = self.state();
        let now = s.now;
        let away = within(&s.faults.metrics_away, now);
        let nan = within(&s.faults.metrics_nan, now);
        let mut answer =
            MeasureAnswer { tick: request.tick, samples: vec![], shares: vec![], source_down: None, notes: vec![] };
        if away {
            answer.source_down = Some("connection refused".into());
        }
        for q in &request.questions {
            let slot = usize::from(q.slot == Slot::Next);
            let (served, failed) = s.increase(&q.service, request.tick - q.window);
            let (n, f) = (served[slot], failed[slot]);
            let value = match &q.what {
                What::Measure { measure: Measure::ErrorRate, .. } => f / n,
                What::Measure { measure: Measure::SuccessRate, .. } => 1.0 - f / n,
                _ => 0.2,
            };
            let value = if nan { f64::NAN } else { value };
            let sample = if away {
                Sample::failed(request.tick, Failure::Down("connection refused".into()))
            } else {
                let sample_at = Some(request.tick);
                Sample { requests: Some(n), failed: Some(f), sample_at, ..Sample::one(request.tick, value) }
            };
            if !away && !nan {
                s.laws.saw_data(&q.service, now);
            }
            answer.samples.push(GateSample { service: q.service.clone(), gate: q.gate.clone(), sample });
        }
        for q in &request.shares {
            let (served, _) = s.increase(&q.service, q.since);
            let total = s.services[&q.service].served;
            let before = s.shares_given.insert(q.service.clone(), total).unwrap_or(total);
            let known = !away;
            let num = |v: f64| known.then(|| Num::from(v));
            answer.shares.push(ShareSeen {
                service: q.service.clone(),
                since: q.since,
                next: num(served[1]),
                stable: num(served[0]),
                next_recent: num(total[1] - before[1]),
                stable_recent: num(total[0] - before[0]),
            });
        }
        answer
    }
}
