//! What must hold in every night, checked by the world itself at each write and each second. Laws have the names the
//! design gives them; what the engine believes is read from what it publishes, what is so from the world.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilothouse::calendar::Platform;
use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::observe::{Slot, Weights};
use pilothouse::engine::rules::Turn;
use pilothouse::engine::run::{Driving, Phase, Run, Track};
use pilothouse::journal::FileName;
use pilothouse::spec::policy::{After, Finalize, Severity};
use pilothouse::spec::units::{Dur, Time};
use serde_json::Value;
use tokio::sync::watch;

use super::faults::within;
use super::scaled::Hands;
use super::world::{State, old_image};
use super::{campaign, windows};

/// Data may be this old when a raise is written: the age a sample may have on a 10 s grid.
const DATA_AGE: Dur = Dur::secs(25);

#[derive(Default)]
pub struct Laws {
    /// Laws that were broken.
    pub broken: Vec<String>,
    pub view: Option<watch::Receiver<Arc<Run>>>,
    /// Bytes of the audit file that were read, the keys of its intents, and the weights they ask for.
    audit_read: usize,
    intents: BTreeSet<u64>,
    intended: BTreeMap<String, BTreeSet<u32>>,
    sent: BTreeSet<u64>,
    data_at: BTreeMap<String, Time>,
    epochs: BTreeMap<String, u64>,
    /// Services whose route is as somebody edited it, and since when it is not any more.
    pub hand: BTreeSet<String>,
    hand_gone: BTreeMap<String, Time>,
    /// Those of them whose new version a hand took out of the route: no edit of that kind brings it requests.
    taken_out: BTreeSet<String>,
    /// Since when a service is seen going back, in true time, and the last moment that excuses it for not being back.
    back_since: BTreeMap<String, Time>,
    pub excused: Time,
    /// The last moment in which nobody could see or do what hands to pods call for.
    pub unseen: Time,
    /// The window of the night, and whether it was asked for.
    platform: Option<Option<Platform>>,
    /// What hands did to pods.
    pub hands: Hands,
    /// Since when a new version has been failing requests while everybody looked.
    bad_since: BTreeMap<String, Time>,
}

impl Laws {
    pub fn break_law(&mut self, law: &str, text: String) {
        if self.broken.len() < 20 {
            self.broken.push(format!("{law}: {text}"));
        }
    }

    pub fn run(&self) -> Option<Arc<Run>> {
        self.view.as_ref().map(|v| v.borrow().clone())
    }

    /// The audit file as far as it has been written since the last look.
    fn read_audit(&mut self, state: &State) {
        let fresh = state.store.bytes_from(FileName::Audit, self.audit_read);
        let whole = fresh.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let text = String::from_utf8_lossy(&fresh[..whole]);
        for line in text.lines().filter(|l| l.contains("\"kind\":\"intent\"")) {
            let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
            let Ok(call) = serde_json::from_value::<Call>(record["body"].clone()) else { continue };
            self.intents.insert(call.key);
            if let Action::SetWeight { next, .. } = call.action {
                self.intended.entry(call.service).or_default().insert(next);
            }
        }
        self.audit_read += whole;
    }

    /// The answer had a usable number for this service.
    pub fn saw_data(&mut self, service: &str, at: Time) {
        self.data_at.insert(service.into(), at);
    }

    pub fn hand_edit(&mut self, service: &str, takes_out: bool) {
        self.hand.insert(service.into());
        self.taken_out.remove(service);
        self.taken_out.extend(takes_out.then(|| service.to_string()));
    }

    /// Our write is on the route: what somebody made of it no longer stands.
    fn hand_off(&mut self, state: &State, service: &str) {
        self.taken_out.remove(service);
        if self.hand.remove(service) {
            self.hand_gone.insert(service.into(), state.now);
        }
    }

    pub fn epoch_written(&mut self, service: &str, epoch: u64) {
        self.epochs.insert(service.into(), epoch);
    }

    pub fn weights_written(&mut self, service: &str, weights: Weights) {
        if weights.stable + weights.next.unwrap_or(0) != 100 {
            self.break_law("weights_sum_100", format!("{service}: {weights:?}"));
        }
    }

    pub fn lost(&mut self, service: &str, version: usize) {
        if self.hand.contains(service) {
            return;
        }
        let word = ["old", "new"][version];
        self.break_law("no_lost_request", format!("{service}: requests to {word} pods that are not ready"));
    }
}

impl State {
    /// A write arrives at the server; whether it is carried out shows later.
    pub fn sent(&mut self, call: &Call) {
        let mut laws = std::mem::take(&mut self.laws);
        laws.read_audit(self);
        // An unwritable journal lets what lowers risk through; its record follows late.
        let unwritable = within(&self.faults.journal_full, self.now) || self.store.is_dead();
        let late = call.action.lowers_risk() && unwritable;
        if !laws.intents.contains(&call.key) && !late {
            laws.break_law("chain_unbroken", format!("write {} has no earlier intent", call.key));
        }
        if !laws.sent.insert(call.key) {
            laws.break_law("chain_unbroken", format!("write {} is sent a second time", call.key));
        }
        self.laws = laws;
    }
}

impl Laws {
    /// The world is about to change.
    pub fn before_write(&mut self, state: &State, call: &Call) {
        let name = call.service.as_str();
        let epoch = self.epochs.get(name).copied().unwrap_or(0);
        if call.epoch < epoch {
            self.break_law("single_driver", format!("{name}: epoch {} after {epoch}", call.epoch));
        }
        self.epochs.insert(name.into(), call.epoch.max(epoch));
        let run = self.run();
        match call.action {
            Action::SetWeight { next, expect, .. } if next > expect => {
                self.before_raise(state, run.as_deref(), call, next);
            }
            // Old pods may die between the look and the write.
            Action::SetWeight { next: 0, .. }
                if state.ready(name, Slot::Stable) == 0
                    && (now_and_before_unready(state, name) || self.hands.stand(name, Slot::Stable, state.now)) =>
            {
                self.break_law("old_kept", format!("{name}: all traffic to an old version without ready pods"));
            }
            Action::CopyBack => self.before_copy_back(state, run.as_deref(), name),
            Action::RouteRules(Turn { lowers: false, .. }) => self.before_move(state, run.as_deref(), call),
            Action::RemoveBackend if !state.services[name].route.rules.is_empty() => {
                self.break_law("rules_first", format!("{name}: the backend is taken out while tenants have rules"));
            }
            Action::DeleteNext if state.ruled(name) > 0.0 || !state.services[name].route.rules.is_empty() => {
                self.break_law("rules_first", format!("{name}: new version deleted while tenants have rules"));
            }
            Action::DeleteNext if state.accepted(name).share() > 0.0 => {
                let share = state.accepted(name).share();
                self.break_law("no_lost_request", format!("{name}: new version deleted at {share}%"));
            }
            Action::DeleteNext => self.before_delete(state, name),
            Action::SetWeight { next, expect, .. } if next < expect => {
                self.before_lowering(state, run.as_deref(), call)
            }
            Action::Scale { slot: Slot::Stable, replicas } if replicas < state.r0() => {
                self.break_law("old_kept", format!("{name}: old version scaled to {replicas}"));
            }
            _ => {}
        }
        if matches!(call.action, Action::SetWeight { .. } | Action::AddBackend | Action::RemoveBackend) {
            self.hand_off(state, name);
        }
    }

    /// Silence for the drain comes before removal, counted by the requests themselves.
    fn before_delete(&mut self, state: &State, name: &str) {
        let drain = state.plan.policy.drain;
        let Some(last) = state.services[name].last_traffic else { return };
        // Removed as decided, while somebody's edit was on its way.
        let edited =
            self.hand.contains(name) || self.hand_gone.get(name).is_some_and(|at| state.now.since(*at) < drain);
        if state.now.since(last) < drain && (!edited || self.taken_out.contains(name)) {
            let spent = state.now.since(last);
            self.break_law("no_lost_request", format!("{name}: new version deleted {spent} after its last request"));
        }
    }

    /// A provider's traffic leaves its new version after that of those that need it, or 10 s later.
    fn before_lowering(&mut self, state: &State, run: Option<&Run>, call: &Call) {
        let Some(t) = run.and_then(|r| r.track(&call.service)) else { return };
        let Phase::RollingBack(r) = &t.phase else { return };
        let asked = t.call.as_ref().filter(|c| c.call.key == call.key).map(|c| c.since);
        if asked.is_none_or(|at| at.since(r.decided) >= Dur::secs(10)) {
            return;
        }
        for d in state.plan.dependants(&call.service).map(|p| p.service.name.as_str()) {
            let in_time = run.and_then(|r| r.track(d)).is_some_and(|d| d.phase.in_flight() || d.phase.going_back());
            let share = state.services[d].route.weights.share();
            if share > 0.0 && in_time && !self.hand.contains(d) && state.services[d].stable.image == old_image(d) {
                let text = format!("{} goes back while {d}, which needs it, is at {share:.0}%", call.service);
                self.break_law("dependants_first", text);
            }
        }
    }

    fn before_raise(&mut self, state: &State, run: Option<&Run>, call: &Call, next: u32) {
        let name = call.service.as_str();
        let share = state.services[name].route.weights.share().round() as u32;
        let track = run.and_then(|r| r.track(name));
        // Undoing a foreign edit brings back a weight that was reached step by step before.
        let undo = self.hand.contains(name) && self.intended.get(name).is_some_and(|w| w.contains(&next));
        let steps = state.plan.steps(name);
        let proper = steps.iter().map(|s| s.weight).find(|w| *w > share);
        if let Some(phased) = state.plan.get(name).and_then(|p| p.phased.as_ref()).filter(|_| !undo) {
            let on_route = |v: &String| state.services[name].route.rules.iter().any(|r| r.values.contains(v));
            if !phased.moves.iter().all(|m| m.values.iter().all(on_route)) {
                self.break_law("weight_after_tenants", format!("{name}: {next}% before all tenants have moved"));
            }
        }
        if !undo && proper != Some(next) {
            self.break_law("weight_bounded", format!("{name}: {share}% -> {next}% is not the next step"));
        }
        let need = needed(state, name, next);
        let ready = state.ready(name, Slot::Next);
        if ready < need && !self.hands.just_now(name, Slot::Next, state.now) {
            self.break_law("capacity_before_weight", format!("{name}: {next}% with {ready} of {need} pods ready"));
        }
        if share == 0 && !undo && !warm(state, name) {
            self.break_law("no_traffic_before_step", format!("{name}: pods were not ready for the warm-up"));
        }
        if share == 0 && !undo {
            self.needs_first(state, name);
        }
        // A write on its way while another waits for its answer is as old as that answer.
        let slow = if state.faults.api_slow.is_empty() { Dur::ZERO } else { Dur::secs(30) };
        let seen = self.data_at.get(name).is_some_and(|t| state.now.since(*t) <= DATA_AGE + slow);
        if share > 0 && !undo && !seen {
            self.break_law("no_blind_promote", format!("{name}: {share}% -> {next}% without data"));
        }
        let (Some(run), Some(t)) = (run, track) else { return };
        if let Some((gate, e)) = t.bad_gates().find(|_| !undo)
            && t.call.as_ref().is_some_and(|c| c.call.key == call.key && e.at < c.since)
            && state.faults.metrics_slow.is_empty()
            // An answer that is waited for stops the loop: a tick may be judged long after its time.
            && state.faults.api_slow.is_empty()
        {
            self.break_law("no_raise_on_bad", format!("{name}: {share}% -> {next}% while {gate} is bad"));
        }
        let decided = t.call.as_ref().filter(|c| c.call.key == call.key).map_or(run.now.wall, |c| c.since);
        let step = steps.iter().find(|s| s.weight == next && !undo).map_or(Dur::ZERO, |s| s.hold);
        let platform = self.platform.get_or_insert_with(|| windows::platform(&state.plan)).as_ref();
        // What came through its steps is brought back to where it stood at any time.
        let platform = platform.filter(|_| !undo || matches!(t.phase, Phase::Shifting { .. }));
        let outside = platform.and_then(|p| windows::outside(&state.plan, p, decided, step));
        if let Some(why) = outside {
            self.break_law("no_raise_outside_window", format!("{name}: {share}% -> {next}%: {why}"));
        }
        if let Some((why, _)) = stops(run, t).into_iter().find(|(_, since)| *since < decided) {
            self.break_law("no_raise_after_stop", format!("{name}: {share}% -> {next}% although {why}"));
        }
    }

    /// Before a tenant's rule is added: its window, its turn's room, pods, and nobody's stop.
    fn before_move(&mut self, state: &State, run: Option<&Run>, call: &Call) {
        let name = call.service.as_str();
        let Action::RouteRules(Turn { rules, .. }) = &call.action else { return };
        let route = &state.services[name].route;
        if state.plan.get(name).is_some_and(|p| p.phased.is_none()) {
            // Segments' rules come with the first weight; alone they are only ever written again.
            return;
        }
        if route.weights.share() > 0.0 && !self.hand.contains(name) {
            self.break_law("weight_after_tenants", format!("{name}: a tenant moves at {}%", route.weights.share()));
        }
        let (ready, need) = (state.ready(name, Slot::Next), needed(state, name, 100));
        if ready < need && !self.hands.just_now(name, Slot::Next, state.now) {
            self.break_law("capacity_before_weight", format!("{name}: a tenant with {ready} of {need} pods ready"));
        }
        if route.rules.is_empty() && !warm(state, name) {
            self.break_law("no_traffic_before_step", format!("{name}: pods were not ready for the warm-up"));
        }
        let (Some(run), Some(t)) = (run, run.and_then(|r| r.track(name))) else { return };
        let decided = t.call.as_ref().filter(|c| c.call.key == call.key).map_or(run.now.wall, |c| c.since);
        if let Some((why, _)) = stops(run, t).into_iter().find(|(_, since)| *since < decided) {
            self.break_law("no_raise_after_stop", format!("{name}: a tenant moves although {why}"));
        }
        let had = |v: &String| route.rules.iter().any(|r| r.values.contains(v));
        for value in rules.iter().flat_map(|r| &r.values).filter(|v| !had(v)) {
            if let Some(why) = campaign::outside(&state.plan, name, value, decided) {
                self.break_law("no_tenant_outside_window", format!("{name}: {value} moves at {decided}: {why}"));
            }
        }
        if t.moves.rollbacks >= 2 {
            self.break_law("line_stopped", format!("{name}: a tenant moves after {} rollbacks", t.moves.rollbacks));
        }
    }

    /// What a version needs is there before its first request.
    fn needs_first(&mut self, state: &State, name: &str) {
        if state.plan.policy.after != After::Full {
            return;
        }
        let Some(planned) = state.plan.get(name) else { return };
        for need in planned.needs.keys().filter(|n| state.services.contains_key(*n)) {
            if self.hand.contains(need) {
                continue;
            }
            let new = state.services[need].stable.image != old_image(need);
            if !new && state.services[need].route.weights.share() < 100.0 {
                self.break_law("no_traffic_before_step", format!("{name} gets traffic before {need} is new"));
            }
        }
    }

    fn before_copy_back(&mut self, state: &State, run: Option<&Run>, name: &str) {
        let share = state.services[name].route.weights.share();
        if share < 100.0 && !self.hand.contains(name) {
            self.break_law("old_kept", format!("{name}: the old version is replaced at {share}%"));
        }
        let wave = state.plan.get(name).map_or(0, |p| p.wave);
        let waits = |t: &Track| {
            matches!(t.phase, Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Soaking { .. })
        };
        let joint = |t: &&Track| match state.plan.policy.finalize {
            Finalize::Run => true,
            Finalize::Wave => state.plan.get(&t.service).is_some_and(|p| p.wave == wave),
            Finalize::Service => t.service == name,
        };
        let open = run.iter().flat_map(|r| r.tracks.values()).filter(joint).find(|t| waits(t));
        if let Some(t) = open {
            self.break_law("old_kept", format!("{name} settles while {} is {}", t.service, t.phase.word()));
        }
    }

    /// Each second: what the run believes against what the world is.
    pub fn look(&mut self, state: &State) {
        let now = state.now;
        let troubled = state.api_away()
            || within(&state.faults.api_slow, now)
            || within(&state.faults.gateway_away, now)
            || within(&state.faults.gateway_refuses, now)
            || within(&state.faults.watch_away, now)
            || state
                .faults
                .refused
                .iter()
                .any(|((at, len), _, wish)| within(&[(*at, *len + wish.unwrap_or_default() + Dur::secs(10))], now))
            || state.faults.old_unready.iter().any(|(_, span, _)| within(&[*span], now));
        let run = self.run();
        let drives = run.as_ref().is_some_and(|r| matches!(r.driving, Driving::Yes { .. }));
        if troubled || !drives || state.killed {
            self.unseen = now;
        }
        if self.unseen == now || self.hands.any(Slot::Stable, now) {
            self.excused = now;
        }
        let Some(run) = run else { return };
        self.read_audit(state);
        for t in run.tracks.values() {
            self.bounded(state, t);
            self.kept(state, t);
            self.back_in_time(state, t);
            self.segments_in_time(state, t);
            self.needs_kept(state, &run, t);
            self.not_bad_for_ever(state, t);
            self.scaled_back(state, &run, t);
        }
    }

    /// What a settled service needs is new, or on a way that has no return either.
    fn needs_kept(&mut self, state: &State, run: &Run, t: &Track) {
        if !matches!(t.phase, Phase::Settling(_) | Phase::Done) {
            return;
        }
        let needs = state.plan.get(&t.service).into_iter().flat_map(|p| p.needs.keys());
        for need in needs.filter_map(|n| run.track(n)) {
            if !matches!(need.phase, Phase::Settling(_) | Phase::Done) {
                let text =
                    format!("{} is {} while {} is {}", t.service, t.phase.word(), need.service, need.phase.word());
                self.break_law("needs_kept", text);
            }
        }
    }

    /// A version that is bad all the time is back when every deadline is over: window, trigger, deadline, and what one
    /// `keep` adds.
    fn not_bad_for_ever(&mut self, state: &State, t: &Track) {
        let (now, f) = (state.now, &state.faults);
        let blind = [&f.metrics_away, &f.metrics_nan, &f.metrics_stale, &f.metrics_double, &f.metrics_slow];
        let unseen = self.excused == now || blind.iter().any(|spans| within(spans, now));
        let flows = state.accepted(&t.service).share() > 0.0;
        let bad = state.services[&t.service].errors > 0.05;
        if unseen || !flows || !bad || !t.phase.in_flight() || f.rps.contains_key(&t.service) {
            self.bad_since.remove(&t.service);
            return;
        }
        let since = *self.bad_since.entry(t.service.clone()).or_insert(now);
        let policy = &state.plan.policy;
        let limit = policy.window + Dur::secs(60) + policy.standard_deadline + Dur::mins(10) + Dur::secs(60);
        if now.since(since) > limit && !f.api_slow.iter().any(|_| true) {
            let text = format!("{}: bad for {} and still {}", t.service, now.since(since), t.phase.word());
            self.break_law("standard_deadline", text);
        }
    }

    fn bounded(&mut self, state: &State, t: &Track) {
        let share = state.services[&t.service].route.weights.share().round() as u32;
        let intended = self.intended.get(&t.service).and_then(|w| w.last()).copied().unwrap_or(0);
        if share > intended && !self.hand.contains(&t.service) {
            self.break_law("weight_bounded", format!("{}: {share}% applied, {intended}% journalled", t.service));
        }
    }

    fn kept(&mut self, state: &State, t: &Track) {
        let stable = &state.services[&t.service].stable;
        let needed = t.phase.in_flight() || t.phase.going_back();
        let scaled = self.hands.excuse(&t.service, Slot::Stable, state.now);
        let few = (stable.pods.len() as u32) < state.r0() && !scaled;
        if needed && (stable.image != old_image(&t.service) || few) {
            self.break_law("old_kept", format!("{}: {} with {} pods", t.service, stable.image, stable.pods.len()));
        }
    }

    fn back_in_time(&mut self, state: &State, t: &Track) {
        let Phase::RollingBack(r) = &t.phase else {
            self.back_since.remove(&t.service);
            return;
        };
        let since = *self.back_since.entry(t.service.clone()).or_insert(state.now);
        // Providers wait for their dependants, 10 s a level; a storm of conflicts is waited out.
        let waves = state.plan.services.iter().map(|p| p.wave).max().unwrap_or(1);
        let storm = if state.faults.conflict_every > 0 || state.faults.lost_answer_every > 0 { 10 } else { 0 };
        let limit = if r.severity == Severity::Fast { 60 } else { 30 } + 10 * u64::from(waves - 1) + storm;
        let edited = self.hand_gone.get(&t.service).copied().unwrap_or(since);
        let spent = state.now.since(since.max(self.excused).max(edited));
        let share = state.accepted(&t.service).share().max(100.0 * state.ruled(&t.service));
        if share > 0.0 && spent > Dur::secs(limit) && !self.hand.contains(&t.service) {
            self.break_law("rollback_time", format!("{}: {share:.0}% still flows {spent} after it", t.service));
        }
    }
}

/// What forbids raises of a service, and since when.
fn stops(run: &Run, t: &Track) -> Vec<(String, Time)> {
    let mut stops = Vec::new();
    let mut add = |why: &str, since: Time| stops.push((why.to_string(), since));
    match &t.phase {
        Phase::RollingBack(r) => add("it goes back", r.decided),
        Phase::Verifying { since, .. } | Phase::RollbackBlocked { since, .. } => add("it went back", *since),
        _ => {}
    }
    for p in [&t.paused, &run.paused_all, &run.aborting].into_iter().flatten() {
        add("it is stopped by a person", p.since);
    }
    if let Some(f) = &run.frozen {
        add("it is frozen by a person", f.since);
    }
    if let Some(l) = &run.leaving {
        add("the process leaves", l.since);
    }
    for s in [&run.stopped, &run.critical].into_iter().flatten() {
        add("raises are stopped", s.since);
    }
    if let Some(b) = &t.blind {
        add("it is blind", b.since);
    }
    if let Some((since, _)) = &run.journal.down {
        add("the journal cannot be written", *since);
    }
    stops
}

/// Pods that must be ready before `weight` per cent: ceil(w × R0), at least 1, 2 if critical.
pub fn needed(state: &State, name: &str, weight: u32) -> u32 {
    let least = if state.plan.get(name).is_some_and(|p| p.service.critical) { 2 } else { 1 };
    (state.r0() * weight).div_ceil(100).max(least)
}

fn warm(state: &State, name: &str) -> bool {
    let warmup = state.plan.policy.warmup;
    let pods = state.deployed(name, Slot::Next).into_iter().flat_map(|d| &d.pods);
    pods.filter_map(|p| p.ready_at).any(|r| state.now.since(r) + Dur::secs(1) >= warmup)
}

/// The old pods were unready for longer than a look takes.
fn now_and_before_unready(state: &State, name: &str) -> bool {
    let before = state.now - Dur::secs(3);
    state.faults.old_unready.iter().filter(|(n, _, _)| n == name).any(|(_, span, _)| within(&[*span], before))
}
