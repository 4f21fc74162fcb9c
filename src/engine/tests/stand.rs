//! A world that does what it is told: writes work, pods are ready, routes are accepted, unless a test says otherwise.
use std::collections::{BTreeMap, BTreeSet};

use crate::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use crate::engine::effect::{Action, Call, Effect};
use crate::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, ShareSeen};
use crate::engine::message::*;
use crate::engine::observe::*;
use crate::engine::rules::{MatchRuleSeen, Stands, Turn};
use crate::engine::run::{Phase, Run, Track};
use crate::engine::step;
use crate::gate::Sample;
use crate::plan::Plan;
use crate::spec::policy::PolicySpec;
use crate::spec::units::{Dur, Time};
use crate::spec::{SourceFile, load, presets};

pub const START: Time = Time(1_795_000_000_000);
const R0: u32 = 4;

const FILES: &str = r#"
apiVersion: pilothouse.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec:
  environments: [{name: sim, kubernetes: {namespace: n}, metrics: {source_interval: 10s}}]
  services:
    - {name: ledger, workload: {deployment: ledger, container: app}, traffic: {httpRoute: {name: ledger, stable: ledger, next: ledger-next, port: 80}}}
    - {name: billing, workload: {deployment: billing, container: app}, traffic: {httpRoute: {name: billing, stable: billing, next: billing-next, port: 80}}}
    - {name: orders, workload: {deployment: orders, container: app}, traffic: {httpRoute: {name: orders, stable: orders, next: orders-next, port: 80}}}
    - {name: vault, critical: true, workload: {deployment: vault, container: app}, traffic: {httpRoute: {name: vault, stable: vault, next: vault-next, port: 80}}}
---
apiVersion: pilothouse.dev/v1alpha1
kind: Policy
metadata: {name: p}
spec:
  steps: [{weight: 10, hold: 30s}, {weight: 100, hold: 30s}]
  warmup: 20s
  soak: 60s
  drain: 10s
  verify: 30s
  min_requests: 50
  window: 1m
  progress_deadline: 10m
  standard_deadline: 5m
  max_blind: 1m
  rollback_give_up: 15m
  on_failure: stop
  people: {operators: [ivo]}
  gates:
    - {name: errors, measure: error_rate, max: 1%, trigger: {for: 1m}, severity: immediate}
---
apiVersion: pilothouse.dev/v1alpha1
kind: Upgrade
metadata: {name: u}
spec:
  fleet: f
  environment: sim
  policy: p
  strategy: canary
  to:
    ledger: {image: "r/ledger:1.1.0"}
    billing: {image: "r/billing:1.1.0", needs: {ledger: ">=1.1"}}
    orders: {image: "r/orders:1.1.0", needs: {billing: ">=1.1"}}
"#;

pub fn ivo() -> Identity {
    Identity { name: "ivo".into(), source: IdentitySource::Kubernetes }
}

#[derive(Clone)]
pub struct Svc {
    pub stable: DeploymentSeen,
    pub next: Option<DeploymentSeen>,
    pub route: RouteSeen,
    /// What stable's Service selects.
    pub front: Front,
}

pub struct Stand {
    pub run: Run,
    pub now: Time,
    mono: u64,
    pub world: BTreeMap<String, Svc>,
    /// Every write that was asked for.
    pub calls: Vec<Call>,
    /// What became of the last step.
    pub effects: Vec<Effect>,
    pub asked: Option<MeasureRequest>,
    pub bad: BTreeSet<String>,
    pub few: BTreeSet<String>,
    pub metrics_away: bool,
    /// Share of requests the new version is seen to get, where it is not what the route says.
    pub seen_share: BTreeMap<String, (f64, f64)>,
    /// Requests the new version got since the last look.
    pub recent: f64,
    /// Writes of this kind are neither done nor answered.
    pub by_hand: Option<&'static str>,
    /// New pods are ready as soon as they are made.
    pub pods_ready: bool,
}

fn deployment(image: &str, ready: u32, wanted: u32, generation: i64) -> DeploymentSeen {
    DeploymentSeen {
        uid: format!("uid-{image}"),
        generation,
        observed_generation: generation,
        wanted,
        replicas: wanted,
        updated: wanted,
        ready,
        available: ready,
        image: image.into(),
        progress: DeploymentProgress::Progressing,
        owner: None,
    }
}

impl Stand {
    /// A run that has begun.
    pub fn new(tweak: impl FnOnce(&mut PolicySpec)) -> Stand {
        let mut stand = Stand::waiting(tweak);
        stand.attach(true);
        stand
    }

    /// The same, before a process takes it up.
    pub fn waiting(tweak: impl FnOnce(&mut PolicySpec)) -> Stand {
        let file = SourceFile { name: "f.yaml".into(), text: FILES.into() };
        let loaded = load(&[file], presets()).unwrap_or_else(|r| panic!("{r}"));
        let mut plan = Plan::build(&loaded.bundle(None).unwrap_or_else(|r| panic!("{r}"))).unwrap();
        tweak(&mut plan.policy);
        let world = plan.services.iter().map(|p| {
            let name = p.service.name.clone();
            let route = RouteSeen {
                service: name.clone(),
                uid: "r".into(),
                weights: Some(Weights { stable: 100, next: None }),
                backends: vec![BackendSeen { slot: Slot::Stable, rule: 0, index: 0, weight: None }],
                rules: Vec::new(),
                everybody: false,
                accepted: Accepted::Yes,
                owner: None,
                generation: 1,
                writer: None,
            };
            (
                name.clone(),
                Svc { stable: deployment(&format!("r/{name}:1.0.0"), R0, R0, 1), next: None, route, front: Front::Own },
            )
        });
        Stand {
            world: world.collect(),
            run: Run::new("7f3a", plan, Stamp { wall: START, mono: 0 }),
            now: START,
            mono: 0,
            calls: Vec::new(),
            effects: Vec::new(),
            asked: None,
            bad: BTreeSet::new(),
            few: BTreeSet::new(),
            metrics_away: false,
            seen_share: BTreeMap::new(),
            recent: 0.0,
            by_hand: None,
            pods_ready: true,
        }
    }

    /// A process takes the run up.
    pub fn attach(&mut self, interactive: bool) {
        let epoch = 1 + self.run.driving.epoch().unwrap_or(0);
        self.hear(Body::Attached(Attached { identity: ivo(), interactive, start: true, pager: false }));
        self.hear(Body::Lease(LeaseSeen::Held { epoch }));
        self.show_all();
        self.hear(Body::Observed(Observation::Bystander { service: "vault".into(), ready: 3, wanted: 3 }));
        self.hear(Body::Synced);
    }

    pub fn hear(&mut self, body: Body) {
        let message = Message { at: Stamp { wall: self.now, mono: self.mono }, seq: self.run.seq + 1, body };
        self.effects = step(&mut self.run, &message);
        for effect in self.effects.clone() {
            match effect {
                Effect::Call(call) => self.called(call),
                Effect::Measure(request) => {
                    let answer = self.answer(&request);
                    self.asked = Some(request);
                    self.hear(Body::Measured(answer));
                }
                Effect::Preflight => {
                    let facts = self.run.plan.services.iter().map(|p| ServiceFacts {
                        service: p.service.name.clone(),
                        from_image: format!("r/{}:1.0.0", p.service.name),
                        from_version: "1.0.0".into(),
                        ready: R0,
                        template: serde_json::Value::Null.into(),
                        front: serde_json::Value::Null,
                    });
                    let report = PreflightReport { facts: facts.collect(), ..PreflightReport::default() };
                    self.hear(Body::Preflight(report));
                }
                _ => {}
            }
        }
    }

    fn called(&mut self, call: Call) {
        self.calls.push(call.clone());
        if self.by_hand == Some(call.action.word()) {
            return;
        }
        self.apply(&call);
        let seen = self.views(&call.service);
        self.result(call.key, CallOutcome::Done { seen });
    }

    pub fn result(&mut self, key: u64, outcome: CallOutcome) {
        self.hear(Body::Called(CallResult { key, outcome }));
    }

    /// Does to the world what a write asks.
    pub fn apply(&mut self, call: &Call) {
        let image = self.run.plan.get(&call.service).unwrap().image.clone();
        let s = self.world.get_mut(&call.service).unwrap();
        let ready = |n: u32, yes: bool| if yes { n } else { 0 };
        match call.action {
            Action::CreateNext { replicas } => {
                s.next = Some(deployment(&image, ready(replicas, self.pods_ready), replicas, 1));
            }
            Action::AddBackend => s.route.weights = Some(Weights { stable: 100, next: Some(0) }),
            Action::RemoveBackend => s.route.weights = Some(Weights { stable: 100, next: None }),
            Action::SetWeight { next, ref rules, .. } => {
                s.route.weights = Some(Weights { stable: 100 - next, next: Some(next) });
                // The same in every rule of ours.
                s.route.backends.iter_mut().for_each(|b| b.weight = None);
                rules.iter().for_each(|turn| (s.route.rules, s.route.everybody) = (seen(turn), false));
            }
            Action::Scale { slot: Slot::Next, replicas } => {
                let d = s.next.as_mut().unwrap();
                let r = if self.pods_ready { replicas } else { d.ready };
                *d = deployment(&image, r, replicas, d.generation + 1);
            }
            Action::CopyBack => s.stable = deployment(&image, R0, R0, s.stable.generation + 1),
            Action::DeleteNext => s.next = None,
            Action::RouteRules(ref turn) => (s.route.rules, s.route.everybody) = (seen(turn), false),
            Action::Scale { .. } | Action::Stamp => {}
        }
        let of_route = matches!(
            call.action,
            Action::AddBackend
                | Action::RemoveBackend
                | Action::SetWeight { .. }
                | Action::RouteRules(_)
                | Action::Stamp
        );
        if of_route {
            s.route.owner = Some(OwnerMark { run: "7f3a".into(), epoch: call.epoch, seq: call.key });
            s.route.generation += 1;
        }
    }

    fn answer(&self, request: &MeasureRequest) -> MeasureAnswer {
        let tick = request.tick;
        let mut answer = MeasureAnswer { tick, samples: vec![], shares: vec![], source_down: None, notes: Vec::new() };
        if self.metrics_away {
            answer.source_down = Some("refused".into());
            return answer;
        }
        for q in &request.questions {
            let value = if self.bad.contains(&q.service) { 0.5 } else { 0.001 };
            let requests = if self.few.contains(&q.service) { 3.0 } else { 1000.0 };
            let sample = Sample {
                requests: Some(requests),
                failed: Some(value * requests),
                sample_at: Some(tick),
                ..Sample::one(tick, value)
            };
            answer.samples.push(GateSample { service: q.service.clone(), gate: q.gate.clone(), sample });
        }
        for q in &request.shares {
            let share = self.world[&q.service].route.weights.map_or(0.0, Weights::share) / 100.0;
            let (next, stable) =
                self.seen_share.get(&q.service).copied().unwrap_or((1000.0 * share, 1000.0 * (1.0 - share)));
            answer.shares.push(ShareSeen {
                service: q.service.clone(),
                since: q.since,
                next: Some(next.into()),
                stable: Some(stable.into()),
                next_recent: Some(self.recent.into()),
                stable_recent: Some(10.0.into()),
            });
        }
        answer
    }

    fn workload(&self, name: &str, slot: Slot) -> Observation {
        let s = &self.world[name];
        let deployment = match slot {
            Slot::Stable => Some(s.stable.clone()),
            Slot::Next => s.next.clone(),
        };
        let service_exists = deployment.is_some();
        let front = if slot == Slot::Stable { s.front } else { Front::Own };
        let service = name.to_string();
        Observation::Workload(WorkloadSeen { service, slot, pods: Vec::new(), deployment, service_exists, front })
    }

    pub fn views(&self, name: &str) -> Vec<Observation> {
        vec![
            self.workload(name, Slot::Stable),
            self.workload(name, Slot::Next),
            Observation::Route(self.world[name].route.clone()),
        ]
    }

    /// The watch tells of a service as it is now.
    pub fn show(&mut self, name: &str) {
        for o in self.views(name) {
            self.hear(Body::Observed(o));
        }
    }

    pub fn show_all(&mut self) {
        for name in self.world.keys().cloned().collect::<Vec<_>>() {
            self.show(&name);
        }
    }

    /// Somebody else moves the weight.
    pub fn edit(&mut self, name: &str, next: u32) {
        let route = &mut self.world.get_mut(name).unwrap().route;
        route.weights = Some(Weights { stable: 100 - next, next: Some(next) });
        route.generation += 1;
        route.writer = Some("kubectl-edit".into());
        self.show(name);
    }

    /// Time passes unseen.
    pub fn skip(&mut self, by: Dur) {
        self.now = self.now + by;
        self.mono += by.0;
    }

    pub fn wait(&mut self, by: Dur) {
        for _ in 0..by.0 / 1000 {
            self.skip(Dur::secs(1));
            self.hear(Body::Wake);
        }
    }

    /// Waits until it is so, an hour at most.
    pub fn until(&mut self, what: impl Fn(&Stand) -> bool) {
        for _ in 0..3600 {
            if what(self) {
                return;
            }
            self.wait(Dur::secs(1));
        }
        panic!("it never came to that: {:#?}", self.told());
    }

    pub fn say(&mut self, verb: Verb, service: Option<&str>) {
        let scope = service.map_or(Scope::Run, |s| Scope::Service(s.into()));
        let typed = (verb == Verb::Abort).then(|| service.unwrap_or("7f3a").to_string());
        self.hear(Body::Command(Command { verb, scope, by: ivo(), reason: "because".into(), typed }));
    }

    pub fn t(&self, name: &str) -> &Track {
        self.run.track(name).unwrap()
    }

    pub fn word(&self, name: &str) -> &'static str {
        self.t(name).phase.word()
    }

    pub fn is(&self, name: &str, word: &str) -> bool {
        self.word(name) == word
    }

    /// At this step, accepted.
    pub fn holds_step(&self, name: &str, n: usize) -> bool {
        matches!(&self.t(name).phase, Phase::Shifting { step, hold } if *step == n && hold.accepted_at.is_some())
    }

    /// Events, oldest first.
    pub fn told(&self) -> Vec<String> {
        let line = |e: &crate::engine::effect::Event| {
            format!("{} {} {}", e.at.since(START).clock(), e.service.as_deref().unwrap_or("-"), e.text)
        };
        self.run.events.iter().rev().map(line).collect()
    }

    /// How many events hold this text.
    pub fn count(&self, text: &str) -> usize {
        self.run.events.iter().filter(|e| e.text.contains(text)).count()
    }

    /// Whether this was asked of the cluster.
    pub fn wrote(&self, name: &str, word: &str) -> bool {
        self.calls.iter().any(|c| c.service == name && c.action.word() == word)
    }
}

fn seen(turn: &Turn) -> Vec<MatchRuleSeen> {
    turn.rules.iter().map(|rule| MatchRuleSeen { rule: rule.clone(), stands: Stands::Intact }).collect()
}
