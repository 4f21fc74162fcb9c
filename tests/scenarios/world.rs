//! The world of an engine scenario: it does what it is told, at once, except for what a scenario takes from it.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pilothouse::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use pilothouse::engine::effect::{Action, Call, Effect, Event};
use pilothouse::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, ShareSeen};
use pilothouse::engine::message::*;
use pilothouse::engine::observe::*;
use pilothouse::engine::rules::{MatchRule, MatchRuleSeen, Stands};
use pilothouse::engine::{Run, step};
use pilothouse::gate::{Num, Sample};
use pilothouse::plan::Plan;
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

const OLD: u32 = 4;
/// How long a pod takes to be ready.
const STARTS: Dur = Dur::secs(5);
/// Requests of a service in a look-back window.
const REQUESTS: f64 = 1000.0;

struct Service {
    /// How many of them are ready when they are wanted, and how many are wanted.
    old_ready: u32,
    old_wanted: u32,
    old_image: String,
    next: Option<Next>,
    next_service: bool,
    /// What somebody made of its image, and what its pods then run.
    next_image: Option<String>,
    next_digest: Option<String>,
    weights: Weights,
    rules: Vec<MatchRule>,
    /// Somebody's hand was at the rules since they were written.
    stands: Stands,
    everybody: bool,
    generation: i64,
    /// The newest one that a gateway has taken on.
    followed: i64,
    owner: Option<OwnerMark>,
    writer: Option<String>,
    /// Gate to what it answers; good where nothing is said.
    says: BTreeMap<String, String>,
}

struct Next {
    wanted: u32,
    since: Time,
    /// How many of them ever become ready.
    at_most: u32,
    generation: i64,
}

pub struct World {
    pub run: Run,
    start: Time,
    /// What the clock was set by, in milliseconds.
    set: i64,
    now: Time,
    seq: u64,
    wake: Option<Time>,
    services: BTreeMap<String, Service>,
    given: BTreeMap<(String, u8), Observation>,
    inbox: VecDeque<Body>,
    gateway: bool,
    /// It answers for what it took on, and takes on nothing new.
    behind: bool,
    /// Verbs of writes that are refused.
    refused: BTreeSet<String>,
    lease: bool,
    lease_due: Time,
    lease_good: Time,
    ready_at_most: u32,
    dead: bool,
}

impl World {
    pub fn new(plan: Plan, interactive: bool, start: Time) -> World {
        let services = plan.services.iter().map(|p| {
            let name = p.service.name.clone();
            let old_image = format!("registry.example/{name}:1.0.0");
            let weights = Weights { stable: 100, next: None };
            let service = Service {
                old_ready: OLD,
                old_wanted: OLD,
                old_image,
                next: None,
                next_service: false,
                next_image: None,
                next_digest: None,
                weights,
                rules: Vec::new(),
                stands: Stands::Intact,
                everybody: false,
                generation: 1,
                followed: 1,
                owner: None,
                writer: None,
                says: BTreeMap::new(),
            };
            (name, service)
        });
        let services = services.collect();
        let run = Run::new("7f3a", plan, Stamp { wall: start, mono: 0 });
        let mut world = World {
            run,
            start,
            set: 0,
            now: start,
            seq: 0,
            wake: None,
            services,
            given: BTreeMap::new(),
            inbox: VecDeque::new(),
            gateway: true,
            behind: false,
            refused: BTreeSet::new(),
            lease: true,
            lease_due: start,
            lease_good: start,
            ready_at_most: u32::MAX,
            dead: false,
        };
        world.attach(interactive);
        world
    }

    fn attach(&mut self, interactive: bool) {
        self.given.clear();
        self.wake = None;
        self.dead = false;
        let identity = identity("ivo");
        self.inbox.push_back(Body::Attached(Attached { identity, interactive, start: true, pager: false }));
        self.lease_due = self.now;
        self.renew();
        self.look();
        self.inbox.push_back(Body::Synced);
        self.settle();
    }

    pub fn since_start(&self, at: Time) -> Dur {
        at.since(self.start)
    }

    pub fn line(&self, e: &Event) -> String {
        let at = self.since_start(e.at).0 / 1000;
        let service = e.service.as_deref().unwrap_or("-");
        format!("{}:{:02} {service} \"{}\" ({})", at / 60, at % 60, e.text, e.kind.word())
    }

    /// Lets time pass second by second.
    pub fn pass_to(&mut self, to: Dur) {
        while self.now < self.start + to {
            self.now = self.now + Dur::secs(1);
            if self.dead || self.run.is_ended() {
                continue;
            }
            self.renew();
            self.look();
            if self.wake.is_some_and(|w| w <= self.now) {
                self.wake = None;
                self.inbox.push_back(Body::Wake);
            }
            self.settle();
        }
    }

    fn renew(&mut self) {
        if self.now >= self.lease_due {
            self.lease_due = self.now + Dur::secs(2);
            if self.lease {
                self.lease_good = self.now;
                self.inbox.push_back(Body::Lease(LeaseSeen::Held { epoch: 1 }));
            } else {
                self.inbox.push_back(Body::Lease(LeaseSeen::Expired { error: "connection refused".into() }));
            }
        }
        if self.now.since(self.lease_good) >= Dur::secs(10) && self.run.driving.epoch().is_some() {
            self.inbox.push_back(Body::Lease(LeaseSeen::Lapsed));
        }
    }

    /// What the watches would bring.
    fn look(&mut self) {
        let names: Vec<String> = self.services.keys().cloned().collect();
        if self.gateway && !self.behind {
            self.services.values_mut().for_each(|s| s.followed = s.generation);
        }
        for name in names {
            let (old, next) = (self.workload(&name, Slot::Stable), self.workload(&name, Slot::Next));
            for (i, seen) in [old, next, self.route(&name)].into_iter().enumerate() {
                let key = (name.clone(), i as u8);
                if self.given.get(&key) != Some(&seen) {
                    self.given.insert(key, seen.clone());
                    self.inbox.push_back(Body::Observed(seen));
                }
            }
        }
    }

    /// Steps until nothing is left to do at this instant.
    fn settle(&mut self) {
        while let Some(body) = self.inbox.pop_front() {
            self.seq += 1;
            let mono = self.now.since(self.start).0.saturating_add_signed(-self.set);
            let message = Message { at: Stamp { wall: self.now, mono }, seq: self.seq, body };
            for effect in step(&mut self.run, &message) {
                self.effect(effect);
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::WakeAt(t) => self.wake = Some(t),
            Effect::Preflight => {
                let facts = self.services.keys().map(|name| ServiceFacts {
                    service: name.clone(),
                    from_image: format!("registry.example/{name}:1.0.0"),
                    from_version: "1.0.0".into(),
                    ready: OLD,
                    template: json!({}).into(),
                    front: serde_json::Value::Null,
                });
                let report = PreflightReport { facts: facts.collect(), ..PreflightReport::default() };
                self.inbox.push_back(Body::Preflight(report));
            }
            Effect::Measure(request) => self.measure(&request),
            Effect::Call(call) => self.call(&call),
            Effect::Record(_) | Effect::Page(_) | Effect::End => {}
        }
    }

    fn call(&mut self, call: &Call) {
        let key = call.key;
        let outcome = if self.refused.contains(call.action.word()) {
            let text = format!("{} is forbidden", call.action.word());
            let error = CallError { kind: CallErrorKind::Forbidden, text };
            CallOutcome::Failed { error, retry_after: None }
        } else {
            self.write(call);
            let (old, next) = (self.workload(&call.service, Slot::Stable), self.workload(&call.service, Slot::Next));
            CallOutcome::Done { seen: vec![old, next, self.route(&call.service)] }
        };
        self.inbox.push_back(Body::Called(CallResult { key, outcome }));
    }

    fn write(&mut self, call: &Call) {
        let mark = OwnerMark { run: self.run.id.clone(), epoch: call.epoch, seq: call.key };
        let (now, at_most) = (self.now, self.ready_at_most);
        let image = self.run.plan.get(&call.service).unwrap().image.clone();
        let s = self.services.get_mut(&call.service).unwrap();
        match call.action.clone() {
            Action::CreateNext { replicas } => {
                s.next.get_or_insert(Next { wanted: replicas, since: now, at_most, generation: 1 });
                s.next_service = true;
            }
            Action::Scale { slot: Slot::Next, replicas } => {
                let next = s.next.as_mut().unwrap();
                (next.wanted, next.since, next.generation) = (replicas, now, next.generation + 1);
            }
            Action::Scale { replicas, .. } => s.old_wanted = replicas,
            Action::AddBackend => s.turn(Weights { stable: 100, next: Some(0) }, mark),
            Action::SetWeight { next, rules, .. } => {
                s.turn(Weights { stable: 100 - next, next: Some(next) }, mark);
                rules.into_iter().for_each(|turn| s.rules = turn.rules);
            }
            Action::RemoveBackend => s.turn(Weights { stable: 100, next: None }, mark),
            Action::RouteRules(turn) => {
                s.rules = turn.rules;
                s.turn(s.weights, mark);
            }
            Action::CopyBack => s.old_image = image,
            Action::DeleteNext => (s.next, s.next_service) = (None, false),
            Action::Stamp => s.owner = Some(mark),
        }
    }

    fn workload(&self, name: &str, slot: Slot) -> Observation {
        let s = &self.services[name];
        let next = s.next.as_ref();
        let (wanted, ready, generation, image) = match (slot, next) {
            (Slot::Stable, _) => (s.old_wanted, s.old_ready.min(s.old_wanted), 1, Some(s.old_image.clone())),
            (Slot::Next, Some(n)) => {
                let up = if self.now.since(n.since) >= STARTS { n.wanted.min(n.at_most) } else { 0 };
                let image = s.next_image.clone().unwrap_or(format!("registry.example/{name}:2.0.0"));
                (n.wanted, up, n.generation, Some(image))
            }
            (Slot::Next, None) => (0, 0, 0, None),
        };
        let word = if slot == Slot::Stable { "old" } else { "new" };
        let digest = s.next_digest.as_deref().filter(|_| slot == Slot::Next).unwrap_or(word);
        let pods = (0..wanted).map(|i| PodSeen {
            name: format!("{name}-{word}-{i}"),
            ready: i < ready,
            restarts: 0,
            waiting: None,
            image_id: Some(format!("registry.example/{name}@sha256:{digest}")),
            started_at: Some(self.start),
            terminating: false,
        });
        let service_exists = slot == Slot::Stable || s.next_service;
        let deployment = image.map(|image| DeploymentSeen {
            uid: format!("{name}-{word}"),
            generation,
            observed_generation: generation,
            wanted,
            replicas: wanted,
            updated: wanted,
            ready,
            available: ready,
            image,
            progress: DeploymentProgress::Progressing,
            owner: None,
        });
        Observation::Workload(WorkloadSeen {
            service: name.into(),
            slot,
            deployment,
            pods: pods.collect(),
            service_exists,
            front: Front::Own,
        })
    }

    fn route(&self, name: &str) -> Observation {
        let s = &self.services[name];
        Observation::Route(RouteSeen {
            service: name.into(),
            uid: format!("route-{name}"),
            weights: Some(s.weights),
            backends: vec![BackendSeen { slot: Slot::Stable, rule: 0, index: 0, weight: None }],
            rules: s.rules.iter().map(|r| MatchRuleSeen { rule: r.clone(), stands: s.stands }).collect(),
            everybody: s.everybody,
            accepted: match self.gateway {
                true if s.weights.next.is_some() && !s.next_service => Accepted::No("BackendNotFound".into()),
                true if self.behind && s.generation > s.followed => Accepted::Pending,
                true => Accepted::Yes,
                false => Accepted::Pending,
            },
            owner: s.owner.clone(),
            generation: s.generation,
            writer: s.writer.clone(),
        })
    }

    fn measure(&mut self, request: &MeasureRequest) {
        let tick = request.tick;
        let sample = |service: &str, gate: &str| {
            let base = Sample { requests: Some(REQUESTS), sample_at: Some(tick), ..Sample::empty(tick) };
            match self.services[service].says.get(gate).map(String::as_str) {
                None => Sample { series: vec![0.001.into()], ..base },
                Some("nothing") => Sample::empty(tick),
                Some("few") => Sample { series: vec![0.0.into()], requests: Some(3.0), ..base },
                Some(value) => Sample { series: vec![Num(value.into())], ..base },
            }
        };
        let samples = request.questions.iter().map(|q| GateSample {
            service: q.service.clone(),
            gate: q.gate.clone(),
            sample: sample(&q.service, &q.gate),
        });
        let shares = request.shares.iter().map(|q| {
            let s = &self.services[&q.service];
            // Each tenant, and each value of a segment, is a tenth of the traffic; the weight is of the others.
            let ruled = s.rules.iter().map(|r| r.values.len() as f64 / 10.0).sum::<f64>();
            let share = ruled + (1.0 - ruled) * s.weights.share() / 100.0;
            let of = |part: f64| Some(Num::from((REQUESTS * part).round()));
            ShareSeen {
                service: q.service.clone(),
                since: q.since,
                next: of(share),
                stable: of(1.0 - share),
                next_recent: of(share),
                stable_recent: of(1.0 - share),
            }
        });
        let (samples, shares) = (samples.collect(), shares.collect());
        let answer = MeasureAnswer { tick, samples, shares, source_down: None, notes: vec![] };
        self.inbox.push_back(Body::Measured(answer));
    }

    /// One thing that happens:
    /// `SERVICE GATE = VALUE` (a number, NaN, `nothing`, `few`, or `good` again), `SERVICE route = SHARE` by somebody's hand,
    /// `SERVICE rules = gone|changed|bare` by somebody's hand, as are `SERVICE old-size|new-size = PODS`, `SERVICE new|new-service = gone`,
    /// `SERVICE old-image|new-image|new-digest = WORDS` (of the new ones `good` again); `SERVICE old = READY`, `new pods = READY` (how many ever become ready), `gateway away|behind|back`, `watches down|up`,
    /// `lease fails|works`, `refuse|allow WRITE`, `WHO VERB SERVICE|run|tenant:NAME ["reason"]`, `SIGTERM`, `terminal lost`,
    /// `process dies`, `process resumes`, `process stands DURATION`, `clock jumps DURATION`.
    pub fn happens(&mut self, what: &str) -> Result<(), String> {
        let (what, reason) = what.split_once('"').map_or((what, ""), |(w, r)| (w.trim(), r.trim_end_matches('"')));
        let words: Vec<&str> = what.split_whitespace().collect();
        match words[..] {
            ["gateway", how] => (self.gateway, self.behind) = (how != "away", how == "behind"),
            ["lease", how] => self.lease = how == "works",
            ["watches", "up"] => self.inbox.push_back(Body::ClusterLink(Link::Up)),
            ["watches", "down"] => self.inbox.push_back(Body::ClusterLink(Link::Down("list pods: 429".into()))),
            ["refuse", write] => drop(self.refused.insert(write.into())),
            ["allow", write] => drop(self.refused.remove(write)),
            ["SIGTERM"] => self.inbox.push_back(Body::Leave(Leave { how: None, why: "SIGTERM".into() })),
            ["clock", "jumps", by] => {
                let by: Dur = by.parse().map_err(|e| format!("{e}"))?;
                let by = i64::try_from(by.0).map_err(|e| e.to_string())?;
                self.now.0 += by;
                self.set += by;
                (self.lease_due, self.lease_good) = (self.now, self.now);
                self.inbox.push_back(Body::ClockJumped(by));
                self.inbox.push_back(Body::Synced);
                self.renew();
            }
            ["process", "stands", by] => {
                let by: Dur = by.parse().map_err(|e| format!("{e}"))?;
                self.now = self.now + by;
                (self.lease_due, self.lease_good) = (self.now, self.now);
                self.inbox.push_back(Body::StoodStill(by));
                self.inbox.push_back(Body::Synced);
                self.renew();
            }
            ["terminal", "lost"] => {
                self.inbox.push_back(Body::TerminalLost(self.run.plan.policy.on_terminal_loss));
            }
            ["process", "dies"] => self.dead = true,
            ["process", "resumes"] => self.attach(self.run.interactive),
            ["new", "pods", "=", count] => self.ready_at_most = count.parse().map_err(|_| what.to_string())?,
            [service, gate, "=", value] => self.change(service, gate, value)?,
            [who, verb, scope] => self.say(who, verb, scope, reason)?,
            _ => return Err(format!("nobody knows how this happens: {what}")),
        }
        if !self.dead {
            self.look();
            self.settle();
        }
        Ok(())
    }

    fn change(&mut self, service: &str, what: &str, value: &str) -> Result<(), String> {
        let s = self.services.get_mut(service).ok_or(format!("no service {service}"))?;
        let number = value.parse::<u32>();
        match (what, number) {
            ("route", Ok(next)) => {
                s.weights = Weights { stable: 100 - next, next: Some(next) };
                s.generation += 1;
                s.writer = Some("kubectl-edit".into());
            }
            ("rules", _) if ["gone", "changed", "bare"].contains(&value) => {
                s.stands = if value == "gone" { Stands::Gone } else { Stands::Edited };
                s.everybody = value == "bare";
                s.generation += 1;
                s.writer = Some("kubectl-edit".into());
            }
            ("old", Ok(ready)) => s.old_ready = ready,
            ("old-size", Ok(pods)) => s.old_wanted = pods,
            ("new-size", Ok(pods)) => {
                let next = s.next.as_mut().ok_or(format!("{service} has no new pods"))?;
                (next.wanted, next.generation) = (pods, next.generation + 1);
            }
            ("new", _) if value == "gone" => s.next = None,
            ("new-service", _) if value == "gone" => s.next_service = false,
            ("old-image", _) => s.old_image = value.into(),
            ("new-image", _) => s.next_image = (value != "good").then(|| value.into()),
            ("new-digest", _) => s.next_digest = (value != "good").then(|| value.into()),
            (gate, _) if value == "good" => drop(s.says.remove(gate)),
            (gate, _) => drop(s.says.insert(gate.into(), value.into())),
        }
        Ok(())
    }

    fn say(&mut self, who: &str, verb: &str, scope: &str, reason: &str) -> Result<(), String> {
        let verb: Verb = serde_json::from_value(json!(verb)).map_err(|e| e.to_string())?;
        let scope = match scope.strip_prefix("tenant:") {
            Some(tenant) => Scope::Tenant(tenant.into()),
            None if scope == "run" => Scope::Run,
            None => Scope::Service(scope.into()),
        };
        let typed = match &scope {
            Scope::Run => self.run.id.clone(),
            Scope::Service(name) | Scope::Tenant(name) => name.clone(),
        };
        let command = Command { verb, scope, by: identity(who), reason: reason.into(), typed: Some(typed) };
        self.inbox.push_back(Body::Command(command));
        Ok(())
    }
}

impl Service {
    fn turn(&mut self, weights: Weights, mark: OwnerMark) {
        self.weights = weights;
        (self.stands, self.everybody) = (Stands::Intact, false);
        self.generation += 1;
        self.owner = Some(mark);
        self.writer = Some("pilothouse".into());
    }
}

fn identity(name: &str) -> Identity {
    Identity { name: name.into(), source: IdentitySource::Kubernetes }
}
