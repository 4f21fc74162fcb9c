//! A run to write journals and reports of, in tests.
use serde_json::json;

use crate::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use crate::engine::effect::{Action, Call, Event, EventKind};
use crate::engine::message::{Body, CallOutcome, CallResult, Link, Message, Stamp};
use crate::engine::observe::PreflightReport;
use crate::engine::run::{Driving, Run, Stage};
use crate::plan::Plan;
use crate::spec::units::Time;

/// 2026-11-22T02:00:00Z.
pub const T0: i64 = 1_795_312_800_000;

pub fn at(seconds: i64) -> Time {
    Time(T0 + seconds * 1000)
}

/// Ledger, and billing which needs it; three steps; one gate.
pub fn run() -> Run {
    let service = |name: &str| {
        json!({
            "name": name, "workload": {"deployment": name, "container": "app"},
            "traffic": {"httpRoute": {"name": name, "stable": name, "next": format!("{name}-next"), "port": 80}},
        })
    };
    let plan = json!({
        "upgrade": "release-2026-4", "fleet": "shop", "policy_name": "erp",
        "environment": {"name": "prod-eu1", "production": true, "kubernetes": {"namespace": "shop"}},
        "policy": {
            "steps": [{"weight": 10, "hold": "2m"}, {"weight": 50, "hold": "2m"}, {"weight": 100, "hold": "2m"}],
            "warmup": "5m", "soak": "30m",
            "gates": [{"name": "error-rate", "measure": "error_rate", "max": "1%", "trigger": {"for": "2m"}}],
        },
        "services": [
            {"service": service("ledger"), "wave": 1, "image": "r/ledger:5.3.0", "version": "5.3.0", "needs": {}},
            {"service": service("billing"), "wave": 2, "image": "r/billing:4.2.1", "version": "4.2.1", "needs": {"ledger": ">=5.2"}},
        ],
        "bystanders": [],
    });
    let facts = |name: &str, version: &str| {
        json!({"service": name, "from_image": format!("r/{name}:{version}"), "from_version": version, "ready": 3,
               "template": {"spec": {"containers": [{"env": [{"name": "PW", "value": "hunter2"}]}]}}})
    };
    let report = json!({"problems": [], "facts": [facts("ledger", "5.2.0"), facts("billing", "4.1.8")],
                        "cluster_uid": "c0ffee00-0000", "server_version": "v1.33.1"});
    let report: PreflightReport = serde_json::from_value(report).unwrap();
    let plan: Plan = serde_json::from_value(plan).unwrap();
    let mut run = Run::new("7f3a", plan, Stamp { wall: at(0), mono: 0 });
    for facts in &report.facts {
        let track = run.tracks.get_mut(&facts.service).unwrap();
        (track.facts, track.r0) = (Some(facts.clone()), facts.ready);
    }
    run.preflight = Some(report);
    run.identity = Identity { name: "mara".into(), source: IdentitySource::Kubernetes };
    (run.stage, run.started) = (Stage::Running, Some(at(0)));
    run.driving = Driving::Yes { epoch: 3 };
    run
}

/// Sets the clock of a run, and counts a message.
pub fn tick(run: &mut Run, seconds: i64) -> Message {
    let mono = u64::try_from(seconds * 1000).unwrap();
    run.now = Stamp { wall: at(seconds), mono };
    run.seq += 1;
    Message { at: run.now, seq: run.seq, body: Body::ClusterLink(Link::Down(format!("tick {seconds}"))) }
}

pub fn call(key: u64, service: &str, weight: u32) -> Call {
    let action = Action::SetWeight { next: weight, expect: 0, rules: None };
    Call { key, epoch: 3, service: service.into(), action, why: format!("step to {weight} %") }
}

pub fn done(key: u64) -> CallResult {
    CallResult { key, outcome: CallOutcome::Done { seen: Vec::new() } }
}

pub fn event(seconds: i64, kind: EventKind, service: Option<&str>, text: &str) -> Event {
    Event { at: at(seconds), kind, who: "engine".into(), service: service.map(str::to_owned), text: text.into() }
}

pub fn command(verb: Verb, reason: &str) -> Command {
    let by = Identity { name: "mara".into(), source: IdentitySource::Kubernetes };
    Command { verb, scope: Scope::Service("billing".into()), by, reason: reason.into(), typed: None }
}
