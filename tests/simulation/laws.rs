//! What must hold in every night, checked by the world itself at each write and each second.
use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse::engine::effect::Call;
use pilothouse::engine::run::{Driving, Phase, Run};
use pilothouse::journal::{FileName, MemoryStore};
use pilothouse::plan::Plan;
use pilothouse::spec::policy::Severity;
use pilothouse::spec::units::{Dur, Time};
use tokio::sync::watch;

use super::world::{R0, State};

/// Pods that must be ready before `weight` per cent: ceil(w × R0), at least 1, 2 if critical.
fn needed(plan: &Plan, name: &str, weight: u32) -> u32 {
    let least = if plan.get(name).is_some_and(|p| p.service.critical) { 2 } else { 1 };
    (R0 * weight).div_ceil(100).max(least)
}

pub struct Laws {
    plan: Plan,
    /// Laws that were broken, by the names the design gives them.
    pub broken: Vec<String>,
    pub view: Option<watch::Receiver<Arc<Run>>>,
    pub audit: Option<MemoryStore>,
    data_at: BTreeMap<String, Time>,
    epochs: BTreeMap<String, u64>,
    hand: BTreeMap<String, u32>,
    /// Last moment the world was unhealthy enough to excuse a slow rollback.
    excused: Time,
}

impl Laws {
    pub fn new(plan: &Plan) -> Laws {
        Laws {
            plan: plan.clone(),
            broken: Vec::new(),
            view: None,
            audit: None,
            data_at: BTreeMap::new(),
            epochs: BTreeMap::new(),
            hand: BTreeMap::new(),
            excused: Time(0),
        }
    }

    fn break_law(&mut self, law: &str, text: String) {
        if self.broken.len() < 20 {
            self.broken.push(format!("{law}: {text}"));
        }
    }

    pub fn run(&self) -> Option<Arc<Run>> {
        self.view.as_ref().map(|v| v.borrow().clone())
    }

    /// The intent stands in the audit file before the write reaches the server.
    pub fn intent_is_written(&mut self, call: &Call) {
        let Some(audit) = &self.audit else { return };
        let bytes = audit.bytes(FileName::Audit);
        let text = String::from_utf8_lossy(&bytes);
        let needle = format!("\"key\":{},", call.key);
        let found = text.lines().rev().any(|l| l.contains("\"intent\"") && l.contains(&needle));
        if !found {
            self.break_law("chain_unbroken", format!("write {} has no earlier intent", call.key));
        }
    }

    pub fn saw_data(&mut self, service: &str, at: Time) {
        self.data_at.insert(service.into(), at);
    }

    pub fn hand_edit(&mut self, service: &str, share: u32) {
        self.hand.insert(service.into(), share);
    }

    pub fn before_weight(&mut self, state: &StateView, name: &str, next: u32, expect: u32, call: &Call) {
        let epoch = self.epochs.entry(name.into()).or_insert(0);
        if call.epoch < *epoch {
            let was = *epoch;
            self.break_law("single_driver", format!("{name}: epoch {} after {was}", call.epoch));
        } else {
            *epoch = call.epoch;
        }
        if next > 100 {
            self.break_law("weights_sum_100", format!("{name}: {next}"));
        }
        if next > expect {
            self.before_raise(state, name, next, expect);
        } else if state.stable_ready == 0 && next == 0 {
            self.break_law("old_kept", format!("{name}: all traffic to an old version without ready pods"));
        }
    }

    fn before_raise(&mut self, state: &StateView, name: &str, next: u32, expect: u32) {
        let steps: Vec<u32> = self.plan.policy.steps.iter().map(|s| s.weight).collect();
        let reverted = self.hand.contains_key(name);
        let at = steps.iter().position(|s| *s == expect).map_or(0, |i| i + 1);
        if !reverted && steps.get(at) != Some(&next) {
            self.break_law("weight_bounded", format!("{name}: {expect}% -> {next}% is not the next step"));
        }
        let need = needed(&self.plan, name, next);
        if state.next_ready < need {
            let text = format!("{name}: {next}% with {} of {need} pods ready", state.next_ready);
            self.break_law("capacity_before_weight", text);
        }
        if expect == 0 && !state.warm {
            self.break_law("no_traffic_before_step", format!("{name}: pods were not ready for the warm-up"));
        }
        let seen = self.data_at.get(name).is_some_and(|t| state.now.since(*t) <= Dur::secs(25));
        if expect > 0 && !reverted && !seen {
            self.break_law("no_blind_promote", format!("{name}: {expect}% -> {next}% without data"));
        }
        let Some(run) = self.run() else { return };
        if run.track(name).is_some_and(|t| t.phase.going_back()) || run.aborting.is_some() {
            self.break_law("no_raise_after_stop", format!("{name}: {expect}% -> {next}%"));
        }
    }

    pub fn before_copy_back(&mut self, name: &str) {
        let Some(run) = self.run() else { return };
        let waiting = run.tracks.values().find(|t| {
            matches!(t.phase, Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Soaking { .. })
        });
        if let Some(t) = waiting {
            let text = format!("{name} settles while {} is {}", t.service, t.phase.word());
            self.break_law("old_kept", text);
        }
    }

    pub fn before_delete(&mut self, name: &str, share: f64) {
        if share > 0.0 {
            self.break_law("no_lost_request", format!("{name}: new version deleted at {share}%"));
        }
    }

    /// Each second: what the run believes against what the world is.
    pub fn look(&mut self, now: Time, away: bool, shares: &BTreeMap<String, (f64, u32)>) {
        if away {
            self.excused = now;
        }
        let Some(run) = self.run() else { return };
        if !matches!(run.driving, Driving::Yes { .. }) {
            self.excused = now;
        }
        for t in run.tracks.values() {
            let Some((share, stable_ready)) = shares.get(&t.service).copied() else { continue };
            if stable_ready * 3 < R0 * 2 {
                self.excused = now;
            }
            let Phase::RollingBack(r) = &t.phase else { continue };
            // Providers wait for their dependants, 10 s a level.
            let limit = if r.severity == Severity::Fast { 60 } else { 30 } + 10 * 3;
            let since = r.decided.max(self.excused);
            if share > 0.0 && now.since(since) > Dur::secs(limit) {
                let text =
                    format!("{}: {share:.0}% still flows {} after the decision", t.service, now.since(r.decided));
                self.break_law("rollback_time", text);
            }
        }
    }
}

/// What a law needs to know of one service at the moment of a write.
pub struct StateView {
    pub now: Time,
    pub next_ready: u32,
    pub stable_ready: u32,
    pub warm: bool,
}

impl State {
    pub fn view_for_laws(&self, name: &str, warmup: Dur) -> StateView {
        let s = &self.services[name];
        let next = s.next.as_ref();
        let warm = next.is_some_and(|d| {
            d.pods.iter().any(|p| p.ready_at.is_some_and(|r| self.now.since(r) + Dur::secs(1) >= warmup))
        });
        StateView {
            now: self.now,
            next_ready: next.map_or(0, |d| self.ready(d)),
            stable_ready: self.ready(&s.stable),
            warm,
        }
    }

    pub fn warmup(&self) -> Dur {
        self.laws.plan.policy.warmup
    }
}
