//! Runs as they stand at one instant of a night, for frames and sentences.
use std::collections::{BTreeMap, VecDeque};

use pilothouse::engine::Stamp;
use pilothouse::engine::command::{Identity, IdentitySource};
use pilothouse::engine::effect::{Event, EventKind};
use pilothouse::engine::observe::*;
use pilothouse::engine::run::*;
use pilothouse::gate::sample::{Evaluation, Progress, Verdict};
use pilothouse::plan::{Plan, Planned};
use pilothouse::spec::policy::Severity;
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

/// 2026-11-22 03:12:00 in Berlin.
pub const NOW: Time = Time(1_795_313_520_000);

/// What a version needs of others.
type Needs = &'static [(&'static str, &'static str)];

/// Name, old and new version, wave, needs.
const SERVICES: [(&str, &str, &str, u32, Needs); 9] = [
    ("auth", "4.1.8", "4.2.1", 1, &[]),
    ("gateway", "2.9.0", "2.9.3", 1, &[]),
    ("tenants", "1.4.2", "1.5.0", 2, &[]),
    ("catalog", "3.0.1", "3.1.0", 2, &[]),
    ("ledger", "5.2.0", "5.2.4", 2, &[]),
    ("billing", "4.1.8", "4.2.1", 3, &[("ledger", ">=5.2")]),
    ("orders", "6.0.3", "6.1.0", 4, &[("billing", ">=4.2")]),
    ("portal", "8.8.1", "8.9.0", 4, &[("billing", ">=4.2")]),
    ("search", "2.2.2", "2.3.0", 4, &[]),
];

pub fn plan() -> Plan {
    let mut services = Vec::new();
    for (name, from, to, wave, needs) in SERVICES {
        services.push(planned(name, from, to, wave, needs));
    }
    Plan {
        upgrade: "release-2026-4".into(),
        fleet: "shop".into(),
        environment: serde_json::from_value(json!({
            "name": "eu1", "production": true, "kubernetes": {"namespace": "shop"},
            "metrics": {"prometheus": "http://prometheus:9090"}
        }))
        .unwrap(),
        policy_name: "erp".into(),
        policy: serde_json::from_value(json!({
            "steps": [
                {"weight": 10, "hold": "5m"}, {"weight": 25, "hold": "5m"},
                {"weight": 50, "hold": "5m"}, {"weight": 100, "hold": "5m"}
            ],
            "gates": [
                {"name": "error_rate", "measure": "error_rate", "max": "1%", "trigger": {"for": "2m"}, "severity": "immediate"},
                {"name": "p95_latency", "measure": "latency_quantile", "quantile": 0.95, "max": "2s", "trigger": {"for": "2m"}, "severity": "immediate"},
                {"name": "success", "measure": "success_rate", "min": "99%", "trigger": {"for": "2m"}, "severity": "immediate"},
                {"name": "health_checks", "measure": "health_checks", "max": 0, "trigger": {"consecutive": 5}, "severity": "immediate"},
                {"name": "critical_services", "measure": "critical_services", "max": 0, "severity": "immediate"}
            ],
            "people": {"operators": ["ivo"], "approvers": ["mara"]}
        }))
        .unwrap(),
        services,
        bystanders: Vec::new(),
    }
}

pub fn planned(name: &str, from: &str, to: &str, wave: u32, needs: &[(&str, &str)]) -> Planned {
    Planned {
        service: serde_json::from_value(json!({
            "name": name, "critical": name == "auth" || name == "gateway", "version": from,
            "workload": {"deployment": name, "container": "app"},
            "traffic": {"httpRoute": {"name": name, "stable": name, "next": format!("{name}-next"), "port": 80}}
        }))
        .unwrap(),
        wave,
        image: format!("registry.example/{name}:{to}"),
        version: to.into(),
        needs: needs.iter().map(|(n, r)| (n.to_string(), r.to_string())).collect(),
        patch: None,
    }
}

/// Everything waits; the run has just begun.
pub fn begun() -> Run {
    let plan = plan();
    let tracks = plan.services.iter().map(|p| (p.service.name.clone(), track(p))).collect();
    Run {
        id: "7f3a".into(),
        plan_hash: plan.hash(),
        plan,
        stage: Stage::Running,
        created: NOW - Dur::mins(40),
        started: Some(NOW - Dur::mins(39)),
        ended: None,
        now: Stamp { wall: NOW, mono: 0 },
        seq: 1,
        next_key: 1,
        next_page: 1,
        tracks,
        bystanders: BTreeMap::new(),
        identity: Identity { name: "ivo".into(), source: IdentitySource::Kubernetes },
        interactive: true,
        pager: true,
        start_wanted: false,
        preflight_asked: true,
        preflight: None,
        driving: Driving::Yes { epoch: 4 },
        cluster: SourceState { last_ok: Some(NOW - Dur::secs(1)), down: None },
        metrics: SourceState { last_ok: Some(NOW - Dur::secs(2)), down: None },
        metrics_notes: Vec::new(),
        journal: SourceState::default(),
        synced: true,
        paused_all: None,
        stopped: None,
        aborting: None,
        leaving: None,
        tick_asked: None,
        tick_answered: None,
        event_count: 0,
        events: VecDeque::new(),
        pages: Vec::new(),
    }
}

pub fn track(p: &Planned) -> Track {
    let name = &p.service.name;
    Track {
        service: name.clone(),
        phase: Phase::Waiting { needs: p.needs.keys().cloned().collect() },
        since: NOW - Dur::mins(39),
        facts: Some(ServiceFacts {
            service: name.clone(),
            from_image: format!("registry.example/{name}"),
            from_version: p.service.version.clone().unwrap_or_default(),
            ready: 4,
            template: json!({}),
        }),
        r0: 4,
        desired: 0,
        highest: 0,
        pinned: None,
        stable: Some(workload(name, Slot::Stable, 4, 4)),
        next: None,
        route: Some(route(name, 0)),
        written: None,
        gates: BTreeMap::new(),
        held: None,
        paused: None,
        blind: None,
        ask: None,
        kept_until: None,
        reverting: false,
        call: None,
        fault: None,
        missing_ticks: 0,
        missing_since: None,
        gates_from: None,
        raised_at: None,
        observed: ObservedShare::Unknown,
        durations: Vec::new(),
        attempt: 0,
    }
}

fn workload(name: &str, slot: Slot, ready: u32, wanted: u32) -> WorkloadSeen {
    let (suffix, version) = if slot == Slot::Next { ("-next", "new") } else { ("", "old") };
    let pod = |i: u32| PodSeen {
        name: format!("{name}{suffix}-6c9f7d5b8-{}", ["x2k9q", "p7m4d", "t8w3z", "h5v6c"][i as usize % 4]),
        ready: i < ready,
        restarts: 0,
        waiting: None,
        image_id: None,
        started_at: None,
        terminating: false,
    };
    WorkloadSeen {
        service: name.into(),
        slot,
        deployment: Some(DeploymentSeen {
            uid: String::new(),
            generation: 2,
            observed_generation: 2,
            wanted,
            replicas: wanted,
            updated: wanted,
            ready,
            available: ready,
            image: format!("registry.example/{name}:{version}"),
            progress: DeploymentProgress::Progressing,
            owner: None,
        }),
        pods: (0..wanted).map(pod).collect(),
        service_exists: true,
    }
}

fn route(name: &str, next: u32) -> RouteSeen {
    RouteSeen {
        uid: String::new(),
        service: name.into(),
        weights: Some(Weights { stable: 100 - next, next: Some(next) }),
        accepted: Accepted::Yes,
        owner: None,
        generation: 3,
        writer: Some("pilothouse".into()),
    }
}

/// Puts a service into a phase at a share, with as many new pods as that needs.
pub fn put(run: &mut Run, name: &str, phase: Phase, share: u32, since: Dur) {
    let pods = (share * 4).div_ceil(100).max(1);
    let t = run.tracks.get_mut(name).unwrap();
    t.phase = phase;
    t.since = NOW - since;
    t.desired = share;
    t.highest = t.highest.max(share);
    t.next = Some(workload(name, Slot::Next, pods, pods));
    t.route = Some(route(name, share));
    t.observed = if share > 0 { ObservedShare::Confirmed(f64::from(share)) } else { ObservedShare::Unknown };
}

/// What the gates of a service say: error rate, p95 in seconds, and how long the error rate has been bad.
pub fn gates(run: &mut Run, name: &str, error_rate: f64, p95: f64, bad_for: Dur) {
    let at = NOW - Dur::secs(2);
    let t = run.tracks.get_mut(name).unwrap();
    let dwell = |bad_for| Progress::Dwell { bad_for, of: Dur::mins(2) };
    let verdict = if error_rate > 0.01 { Verdict::Bad } else { Verdict::Good };
    let all = [
        ("error_rate", verdict, Some(error_rate), Some(1840.0), dwell(bad_for)),
        ("p95_latency", Verdict::Good, Some(p95), Some(1840.0), dwell(Dur::ZERO)),
        ("success", Verdict::Good, Some(0.9996), Some(1840.0), dwell(Dur::ZERO)),
        ("health_checks", Verdict::Good, Some(0.0), None, Progress::Count { bad: 0, of: 5 }),
        ("critical_services", Verdict::Good, Some(0.0), None, Progress::Instant),
    ];
    for (gate, verdict, value, requests, progress) in all {
        let last = Evaluation {
            window: None,
            at,
            verdict,
            acts_as: verdict,
            asks: false,
            reason: format!("{gate} {value:?}"),
            value,
            requests,
            progress,
            fires: false,
        };
        t.gates.insert(gate.into(), GateTrack { last: Some(last), ..GateTrack::fresh() });
    }
}

pub fn event(run: &mut Run, ago: Dur, kind: EventKind, who: &str, service: Option<&str>, text: &str) {
    let event = Event { at: NOW - ago, kind, who: who.into(), service: service.map(String::from), text: text.into() };
    run.events.push_front(event);
}

fn hold(clean: Dur) -> Hold {
    Hold { accepted_at: Some(NOW - Dur::mins(3)), clean, ticks: 20, bad_ticks: 0, ..Hold::default() }
}

/// Five services at 100 %, billing holds 25 % with good gates.
pub fn safe() -> Run {
    let mut run = begun();
    for (i, name) in ["auth", "gateway", "tenants", "catalog"].into_iter().enumerate() {
        put(&mut run, name, Phase::Soaked, 100, Dur::mins(4 - i as u64));
        gates(&mut run, name, 0.0008, 0.120, Dur::ZERO);
    }
    put(&mut run, "ledger", Phase::Soaking { clean: Dur::mins(8) }, 100, Dur::mins(8));
    gates(&mut run, "ledger", 0.001, 0.240, Dur::ZERO);
    put(&mut run, "billing", Phase::Shifting { step: 1, hold: hold(Dur::secs(108)) }, 25, Dur::secs(210));
    gates(&mut run, "billing", 0.0031, 0.612, Dur::ZERO);
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.durations = vec![
        ("waits".into(), Dur::mins(24)),
        ("deploying".into(), Dur::secs(41)),
        ("warming".into(), Dur::mins(5)),
        ("step 1".into(), Dur::secs(310)),
    ];
    event(&mut run, Dur::secs(542), EventKind::Step, "engine", Some("billing"), "new pods are ready, warming for 5:00");
    event(&mut run, Dur::secs(510), EventKind::Step, "engine", Some("billing"), "billing 0% -> 10%");
    event(&mut run, Dur::secs(210), EventKind::Step, "engine", Some("billing"), "billing 10% -> 25% after 5:00 clean");
    run
}

/// The error rate of billing is over its limit, within its dwell.
pub fn over() -> Run {
    let mut run = safe();
    gates(&mut run, "billing", 0.0131, 0.612, Dur::secs(46));
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.phase = Phase::Shifting { step: 1, hold: Hold { bad_ticks: 5, ..hold(Dur::ZERO) } };
    billing.held = Some(Held {
        reason: HoldReason::Gate,
        text: "error_rate 1.31% > max 1.00%".into(),
        since: NOW - Dur::secs(48),
        until: Some(NOW + Dur::secs(72)),
    });
    event(
        &mut run,
        Dur::secs(48),
        EventKind::Gate,
        "engine",
        Some("billing"),
        "error_rate crossed 1.00% (1.08%), timer started",
    );
    run
}

/// A standard breach waits for its deadline and asks.
pub fn asks() -> Run {
    let mut run = over();
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.held = Some(Held {
        reason: HoldReason::Breach,
        text: "error_rate 1.31% > max 1.00%".into(),
        since: NOW - Dur::secs(168),
        until: Some(NOW + Dur::secs(252)),
    });
    billing.ask = Some(Ask {
        kind: AskKind::Keep,
        text: "error rate over 1.00% for 2:00; rolls back unless somebody keeps it".into(),
        since: NOW - Dur::secs(48),
        deadline: Some(NOW + Dur::secs(252)),
    });
    run
}

pub fn rollback(stage: RollbackStage) -> Rollback {
    Rollback {
        severity: Severity::Immediate,
        reason: "error rate 1.31% > 1.00% for 2:00".into(),
        by: "engine".into(),
        decided: NOW - Dur::secs(9),
        stage,
        from_share: 25,
        halvings: 0,
        accepted_zero: None,
        quiet_scrapes: 0,
        drain_since: None,
    }
}

/// Billing goes back.
pub fn rolling_back() -> Run {
    let mut run = over();
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.held = None;
    billing.since = NOW - Dur::secs(9);
    billing.desired = 0;
    billing.phase = Phase::RollingBack(rollback(RollbackStage::Lower));
    event(
        &mut run,
        Dur::secs(9),
        EventKind::Rollback,
        "engine",
        Some("billing"),
        "error rate 1.31% > 1.00% for 2:00: rolling back",
    );
    run
}

/// Old's gates are watched after the rollback; the run stopped and asks.
pub fn verifying() -> Run {
    let mut run = rolling_back();
    put(
        &mut run,
        "billing",
        Phase::Verifying {
            rollback: rollback(RollbackStage::Remove),
            since: NOW - Dur::secs(50),
            clean: Dur::secs(50),
        },
        0,
        Dur::secs(50),
    );
    run.stopped = Some(Held {
        reason: HoldReason::Failure,
        text: "billing rolled back; raises wait for a person".into(),
        since: NOW - Dur::secs(50),
        until: None,
    });
    run
}

/// The rollback's write is refused again and again.
pub fn rollback_blocked() -> Run {
    let mut run = rolling_back();
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.phase = Phase::RollbackBlocked {
        rollback: rollback(RollbackStage::Lower),
        reason: "HTTPRoute billing: 403 forbidden".into(),
        command: "kubectl -n shop patch httproute billing --type=json -p '[...]'".into(),
        since: NOW - Dur::secs(130),
    };
    billing.fault = Some(Fault {
        action: "set-weight".into(),
        text: "HTTPRoute billing: 403 forbidden".into(),
        attempts: 14,
        retry_at: NOW + Dur::secs(7),
        since: NOW - Dur::secs(130),
    });
    run
}

/// Preflight found warnings only; the run waits for `start`.
pub fn ready() -> Run {
    let mut run = begun();
    run.stage = Stage::Ready;
    run.started = None;
    run.metrics = SourceState::default();
    run.preflight = Some(PreflightReport {
        problems: vec![Problem {
            service: Some("billing".into()),
            blocking: false,
            what: "Deployment billing has no readiness probe".into(),
            fix: "add a readinessProbe, or new pods count as ready at once".into(),
        }],
        facts: Vec::new(),
        cluster_uid: "0b1c".into(),
        server_version: "v1.33.2".into(),
    });
    run
}

/// The API server does not answer.
pub fn lost() -> Run {
    let mut run = safe();
    run.cluster = SourceState {
        last_ok: Some(NOW - Dur::secs(75)),
        down: Some((NOW - Dur::secs(74), "connection refused (https://10.0.0.1:6443)".into())),
    };
    event(&mut run, Dur::secs(74), EventKind::Fault, "engine", None, "API server does not answer: connection refused");
    run
}

/// Prometheus does not answer; the last values are old.
pub fn stale() -> Run {
    let mut run = safe();
    run.metrics.last_ok = Some(NOW - Dur::secs(44));
    let t = run.tracks.get_mut("billing").unwrap();
    for gate in ["error_rate", "p95_latency", "success"] {
        let e = t.gates.get_mut(gate).unwrap().last.as_mut().unwrap();
        e.verdict = Verdict::Stale;
        e.acts_as = Verdict::Stale;
        e.reason = "newest data is 0:44 old".into();
    }
    t.held = Some(Held {
        reason: HoldReason::Missing,
        text: "error_rate, p95_latency, success have only old data".into(),
        since: NOW - Dur::secs(20),
        until: Some(NOW + Dur::secs(280)),
    });
    run
}

/// Too few requests to judge.
pub fn too_few() -> Run {
    let mut run = safe();
    let t = run.tracks.get_mut("billing").unwrap();
    let e = t.gates.get_mut("error_rate").unwrap().last.as_mut().unwrap();
    e.verdict = Verdict::TooFew;
    e.acts_as = Verdict::TooFew;
    e.requests = Some(60.0);
    e.value = None;
    e.reason = "60 of 300 requests".into();
    t.held = Some(Held {
        reason: HoldReason::TooFew,
        text: "error_rate has 60 of 300 requests".into(),
        since: NOW - Dur::secs(20),
        until: None,
    });
    run
}

/// A person paused billing.
pub fn paused() -> Run {
    let mut run = safe();
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.paused =
        Some(Paused { by: "mara".into(), reason: "waiting for the payment team".into(), since: NOW - Dur::secs(95) });
    event(&mut run, Dur::secs(95), EventKind::Command, "mara", Some("billing"), "paused: waiting for the payment team");
    run
}

/// Everything is new.
pub fn done() -> Run {
    let mut run = safe();
    for (name, ..) in SERVICES {
        put(&mut run, name, Phase::Done, 100, Dur::mins(1));
        run.tracks.get_mut(name).unwrap().next = None;
    }
    run.stage = Stage::Ended(Outcome::Succeeded);
    run.ended = Some(NOW);
    event(&mut run, Dur::ZERO, EventKind::Run, "engine", None, "succeeded: 9 of 9 on their new version");
    run
}

/// As [`over`], with so many services; half of them soak.
pub fn many(count: usize) -> Run {
    let mut run = over();
    let mut plan = run.plan.clone();
    for i in plan.services.len()..count {
        let p = planned(&format!("service-{i:02}"), "1.0.0", "1.1.0", 2 + (i % 5) as u32, &[("auth", ">=4")]);
        run.tracks.insert(p.service.name.clone(), track(&p));
        plan.services.push(p);
    }
    run.plan = plan;
    for i in (9..count).step_by(2) {
        let name = format!("service-{i:02}");
        put(&mut run, &name, Phase::Soaking { clean: Dur::mins(3) }, 100, Dur::mins(3));
        gates(&mut run, &name, 0.001, 0.2, Dur::ZERO);
    }
    for i in (0..EVENTS_KEPT - 10).rev() {
        event(
            &mut run,
            Dur::secs(i as u64),
            EventKind::Step,
            "engine",
            Some("service-11"),
            "service-11 25% -> 50% after 5:00 clean",
        );
    }
    run
}

/// The error rate as it rose over the last quarter of an hour, for sparklines.
pub fn errors_over_time() -> Vec<f64> {
    (0..90)
        .map(|i| if i < 60 { 0.002 + 0.0007 * f64::from(i % 5) } else { 0.003 + 0.00035 * f64::from(i - 60) })
        .collect()
}

/// The same run at each tick before, so that a model that observes them knows the history.
pub fn ticks(run: &Run, service: &str) -> Vec<Run> {
    let values = errors_over_time();
    let count = values.len();
    let mut out = Vec::new();
    for (i, value) in values.into_iter().enumerate() {
        let mut then = run.clone();
        let ago = Dur::secs(10).times((count - 1 - i) as u64);
        for (name, gate) in then.tracks.get_mut(service).into_iter().flat_map(|t| t.gates.iter_mut()) {
            let Some(e) = gate.last.as_mut() else { continue };
            e.at = e.at - ago;
            match name.as_str() {
                "error_rate" if i + 1 < count => {
                    e.value = Some(value);
                    e.verdict = if value > 0.01 { Verdict::Bad } else { Verdict::Good };
                }
                "p95_latency" => e.value = Some(0.5 + 0.02 * (i % 7) as f64),
                _ => {}
            }
        }
        out.push(then);
    }
    out
}
