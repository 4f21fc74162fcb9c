//! The world behind the ports of the driver.
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use pilothouse::engine::command::{Identity, IdentitySource};
use pilothouse::engine::effect::Call;
use pilothouse::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, Question, ShareSeen, What};
use pilothouse::engine::message::{CallError, CallErrorKind, CallOutcome, LeaseSeen, Link, Stamp};
use pilothouse::engine::observe::*;
use pilothouse::engine::rules::{MatchRuleSeen, Stands};
use pilothouse::gate::{Failure, Num, Sample};
use pilothouse::journal::MemoryStore;
use pilothouse::plan::Plan;
use pilothouse::ports::{Clock, Cluster, Lease, Metrics};
use pilothouse::spec::policy::Measure;
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

use super::faults::{Faults, START, within};
use super::world::{BYSTANDER, SECRET, State, old_image};

/// An adapter waits no longer for an answer.
const PATIENCE: Dur = Dur::secs(10);

/// Handed to the driver as all four ports.
#[derive(Clone)]
pub struct Sim(pub Arc<Mutex<State>>);

pub fn ivo() -> Identity {
    Identity { name: "ivo".into(), source: IdentitySource::Kubernetes }
}

impl Sim {
    pub fn new(plan: &Plan, faults: Faults, store: MemoryStore) -> Sim {
        Sim(Arc::new(Mutex::new(State::new(plan, faults, store))))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A new process looks at the world: it has been given nothing yet.
    pub fn reattach(&self) {
        let mut s = self.state();
        s.given.clear();
        s.shares_given.clear();
        s.killed = false;
        s.faults.kill = None;
        if !s.stolen {
            s.epoch += 1;
        }
    }

    /// One write; `None` when the process dies in it.
    fn attempt(&self, run: &str, call: &Call) -> Option<CallOutcome> {
        let mut s = self.state();
        // A process that died while it wrote its journal sends nothing any more.
        s.killed |= s.store.is_dead();
        if s.killed {
            return None;
        }
        if s.api_away() {
            return Some(CallOutcome::Unknown { error: error(CallErrorKind::Unreachable, "connection refused") });
        }
        s.writes += 1;
        let n = s.writes;
        s.sent(call);
        if s.faults.kill == Some((n, false)) {
            s.killed = true;
            return None;
        }
        let now = s.now;
        if let Some((_, kind, retry_after)) = s.faults.refused.iter().find(|(span, ..)| within(&[*span], now)) {
            let error = error(*kind, "refused for now");
            return Some(CallOutcome::Failed { error, retry_after: *retry_after });
        }
        if s.faults.conflict_every > 0 && n.is_multiple_of(s.faults.conflict_every) {
            let error = error(CallErrorKind::Conflict, "the object has been modified");
            return Some(CallOutcome::Failed { error, retry_after: None });
        }
        if within(&s.faults.api_slow, s.now) {
            s.land_later(run, call, Dur::secs(25));
            let until = s.now + PATIENCE;
            s.advance(until);
            return Some(CallOutcome::Unknown { error: error(CallErrorKind::Unreachable, "no answer within 10 s") });
        }
        let applied = s.apply(run, call);
        if s.faults.kill == Some((n, true)) {
            s.killed = true;
            return None;
        }
        if s.faults.lost_answer_every > 0 && n.is_multiple_of(s.faults.lost_answer_every) {
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

fn error(kind: CallErrorKind, text: &str) -> CallError {
    CallError { kind, text: text.into() }
}

impl State {
    fn view(&self, name: &str, slot: Slot) -> WorkloadSeen {
        let deployed = self.deployed(name, slot);
        let ready = self.ready(name, slot);
        let deployment = deployed.map(|d| {
            let wanted = d.pods.len() as u32;
            let ready = if self.faults.broken.believes_in_pods { wanted } else { ready };
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
        });
        let pod = |(i, p): (usize, &super::world::Pod)| PodSeen {
            name: p.name.clone(),
            ready: p.ready_at.is_some_and(|r| r <= self.now) && (i as u32) < ready,
            restarts: 0,
            waiting: None,
            image_id: Some("sha256:1".into()),
            started_at: Some(p.born),
            terminating: false,
        };
        WorkloadSeen {
            service: name.into(),
            slot,
            pods: deployed.iter().flat_map(|d| d.pods.iter().enumerate().map(pod)).collect(),
            deployment,
            service_exists: slot == Slot::Stable || self.services[name].next_service,
            front: Front::Own,
        }
    }

    fn view_route(&self, name: &str) -> RouteSeen {
        let r = &self.services[name].route;
        RouteSeen {
            service: name.into(),
            uid: format!("route-{name}"),
            weights: Some(r.weights),
            backends: Vec::new(),
            rules: r.rules.iter().map(|t| MatchRuleSeen { rule: t.clone(), stands: Stands::Intact }).collect(),
            everybody: false,
            accepted: match r.accepted {
                true => Accepted::Yes,
                false if within(&self.faults.gateway_refuses, self.now) => Accepted::No("not allowed".into()),
                false => Accepted::Pending,
            },
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

    fn bystander(&self) -> Observation {
        let ready = if within(&self.faults.bystander_down, self.now) { 0 } else { 3 };
        Observation::Bystander { service: BYSTANDER.into(), ready, wanted: 3 }
    }

    /// What the source says to one question at the true instant `at`.
    fn sample(&mut self, q: &Question, tick: Time, at: Time) -> Sample {
        let away = within(&self.faults.metrics_away, self.now);
        let stale = self.faults.metrics_stale.iter().find(|s| within(&[**s], self.now)).map(|(from, _)| START + *from);
        if away {
            return Sample::failed(tick, Failure::Down("connection refused".into()));
        }
        let slot = usize::from(q.slot == Slot::Next);
        let (served, failed) = self.increase(&q.service, at - q.window);
        let (n, f) = (served[slot], failed[slot]);
        let mut value = match &q.what {
            What::Measure { measure: Measure::ErrorRate, .. } => f / n,
            What::Measure { measure: Measure::SuccessRate, .. } => 1.0 - f / n,
            _ => 0.2,
        };
        let nan = within(&self.faults.metrics_nan, self.now);
        if nan {
            value = f64::NAN;
        }
        let sample_at = Some(self.clock(stale.unwrap_or(at)));
        let mut sample = Sample { requests: Some(n), failed: Some(f), sample_at, ..Sample::one(tick, value) };
        let double = within(&self.faults.metrics_double, self.now);
        if double {
            sample.series.push(value.into());
        }
        // 25 s is the age a sample may have on a 10 s grid.
        let old = stale.is_some_and(|s| at.since(s) > Dur::secs(25));
        // Without requests a ratio is NaN also when all is well: that is too few, which is an answer.
        if (!nan || n == 0.0) && !double && !old {
            self.laws.saw_data(&q.service, at);
        }
        sample
    }
}

#[async_trait]
impl Clock for Sim {
    fn now(&self) -> Stamp {
        let s = self.state();
        Stamp { wall: s.wall(), mono: (s.now.0 - START.0) as u64 }
    }

    async fn sleep_until(&self, until: Time) {
        // The person on call, and whoever kills processes, get their turn.
        tokio::task::yield_now().await;
        let mut s = self.state();
        let until = s.truly(until);
        let to = s.now.max(until.min(s.now + Dur::secs(1)));
        s.advance(to);
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

#[async_trait]
impl Cluster for Sim {
    async fn preflight(&self, plan: &Plan, _run: &str, _now: Time) -> Result<PreflightReport, String> {
        let template = json!({"spec": {"containers": [{"name": "app", "env": [{"name": "PW", "value": SECRET}]}]}});
        let r0 = self.state().r0();
        let facts = plan.services.iter().map(|p| ServiceFacts {
            service: p.service.name.clone(),
            from_image: old_image(&p.service.name),
            from_version: "1.0.0".into(),
            ready: r0,
            template: template.clone().into(),
            front: serde_json::Value::Null,
        });
        Ok(PreflightReport { facts: facts.collect(), ..PreflightReport::default() })
    }

    async fn watch(&self, _plan: &Plan, _run: &str) -> Result<(), String> {
        self.state().given.clear();
        Ok(())
    }

    async fn changed(&self) {
        std::future::pending().await
    }

    fn observe(&self) -> Option<Vec<Observation>> {
        let mut s = self.state();
        if s.api_away() || s.watch_away() {
            return if s.given.is_empty() { None } else { Some(Vec::new()) };
        }
        let mut all: Vec<(String, u8, Observation)> = Vec::new();
        for name in s.services.keys() {
            all.extend(s.views(name).into_iter().zip(0u8..).map(|(o, i)| (name.clone(), i, o)));
        }
        all.push((BYSTANDER.into(), 0, s.bystander()));
        let mut news = Vec::new();
        for (name, i, o) in all {
            let key = (name, i);
            if s.given.get(&key) != Some(&o) {
                s.given.insert(key, o.clone());
                news.push(o);
            }
        }
        Some(news)
    }

    fn link(&self) -> Link {
        if self.state().watch_away() { Link::Down("the stream fell silent".into()) } else { Link::Up }
    }

    fn link_is_virtual(&self) -> bool {
        true
    }

    async fn call(&self, _plan: &Plan, run: &str, call: &Call) -> CallOutcome {
        match self.attempt(run, call) {
            Some(outcome) => outcome,
            // The process is dead: nobody waits for this answer.
            None => std::future::pending().await,
        }
    }

    async fn whoami(&self) -> Result<Identity, String> {
        Ok(ivo())
    }
}

#[async_trait]
impl Lease for Sim {
    async fn renew(&self, _now: Time) -> LeaseSeen {
        let s = self.state();
        if s.api_away() {
            return LeaseSeen::Expired { error: "API server: connection refused".into() };
        }
        if s.stolen && s.faults.broken.deaf_lease {
            return LeaseSeen::Held { epoch: s.epoch - 1 };
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
        if within(&s.faults.metrics_slow, s.now) {
            let until = s.now + Dur::secs(8);
            s.advance(until);
        }
        let away = within(&s.faults.metrics_away, s.now);
        let at = s.truly(request.tick);
        let mut answer =
            MeasureAnswer { tick: request.tick, samples: vec![], shares: vec![], source_down: None, notes: vec![] };
        if away {
            answer.source_down = Some("connection refused".into());
        }
        for q in &request.questions {
            let sample = s.sample(q, request.tick, at);
            answer.samples.push(GateSample { service: q.service.clone(), gate: q.gate.clone(), sample });
        }
        for q in &request.shares {
            let since = s.truly(q.since);
            let (served, _) = s.increase(&q.service, since);
            let total = s.services[&q.service].served;
            let num = |v: f64| (!away).then(|| Num::from(v));
            // Nobody knows what came since an answer that was never given.
            let before = if away { None } else { s.shares_given.insert(q.service.clone(), total) };
            let recent = |v: usize| before.and_then(|b| num(total[v] - b[v]));
            answer.shares.push(ShareSeen {
                service: q.service.clone(),
                since: q.since,
                next: num(served[1]),
                stable: num(served[0]),
                next_recent: recent(1),
                stable_recent: recent(0),
            });
        }
        answer
    }
}
