//! A seeded world: services, pods, routes, requests, and faults. Its time is virtual; its traffic follows accepted
//! routes and ready pods, never what the engine meant.
use std::collections::BTreeMap;
use std::io::ErrorKind;

use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::message::CallErrorKind;
use pilothouse::engine::observe::*;
use pilothouse::engine::rules::MatchRule;
use pilothouse::journal::MemoryStore;
use pilothouse::plan::Plan;
use pilothouse::spec::units::{Dur, Time};

use super::faults::{Faults, GOOD, START, within};
use super::laws::Laws;

/// Old pods of each service at the start, where a night does not say otherwise.
const R0: u32 = 4;
/// Of versions in the order in which their requests are counted.
pub const SLOTS: [Slot; 2] = [Slot::Stable, Slot::Next];
/// The critical service outside the run.
pub const BYSTANDER: &str = "vault";
/// An environment variable of every template.
pub const SECRET: &str = "correct-horse-battery-staple";

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
    pub rules: Vec<MatchRule>,
    /// Those that stood before the last write, until a gateway takes it on.
    pub rules_before: Vec<MatchRule>,
    /// When it was written; accepted a while after.
    pub written_at: Time,
    /// What traffic follows until it is accepted.
    pub before: Weights,
    pub accepted: bool,
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
    /// The new version had a request in this second.
    pub last_traffic: Option<Time>,
    /// How the new version acts now: share of failed requests.
    pub errors: f64,
    /// Per version, old and new: requests and failures so far.
    pub served: [f64; 2],
    pub failed: [f64; 2],
    /// Counters as they stood at each second, for windows.
    pub history: Vec<(Time, [f64; 2], [f64; 2])>,
}

/// A write that reaches the server long after everybody stopped waiting for it.
struct Late {
    at: Time,
    run: String,
    call: Call,
    /// Generations of route and of both Deployments when it was sent: it carries them as preconditions.
    seen: [i64; 3],
}

pub struct State {
    /// True time. Clocks show it with `skew`.
    pub now: Time,
    pub skew: i64,
    pub faults: Faults,
    pub plan: Plan,
    pub services: BTreeMap<String, Service>,
    pub store: MemoryStore,
    pub writes: u64,
    pub killed: bool,
    pub epoch: u64,
    pub stolen: bool,
    pub laws: Laws,
    late: Vec<Late>,
    drifts_done: usize,
    taken_out: usize,
    pub scaled_done: usize,
    clocks_set: usize,
    refusing: bool,
    pods_made: u64,
    pub given: BTreeMap<(String, u8), Observation>,
    pub shares_given: BTreeMap<String, [f64; 2]>,
}

impl State {
    pub fn new(plan: &Plan, faults: Faults, store: MemoryStore) -> State {
        let mut state = State {
            now: START,
            skew: 0,
            faults,
            plan: plan.clone(),
            services: BTreeMap::new(),
            store,
            writes: 0,
            killed: false,
            epoch: 1,
            stolen: false,
            laws: Laws::default(),
            late: Vec::new(),
            drifts_done: 0,
            taken_out: 0,
            scaled_done: 0,
            clocks_set: 0,
            refusing: false,
            pods_made: 0,
            given: BTreeMap::new(),
            shares_given: BTreeMap::new(),
        };
        for p in &plan.services {
            let name = p.service.name.clone();
            let r0 = state.r0();
            let stable = state.deployment(&old_image(&name), r0, START - Dur::hours(1), None, u32::MAX);
            let weights = Weights { stable: 100, next: None };
            let route = Route {
                generation: 1,
                weights,
                rules: Vec::new(),
                rules_before: Vec::new(),
                written_at: START - Dur::hours(1),
                before: weights,
                accepted: true,
                owner: None,
                writer: "helm".into(),
            };
            let service = Service {
                stable,
                next: None,
                next_service: false,
                route,
                first_traffic: None,
                last_traffic: None,
                errors: GOOD,
                served: [0.0; 2],
                failed: [0.0; 2],
                history: Vec::new(),
            };
            state.services.insert(name, service);
        }
        state
    }

    fn deployment(&mut self, image: &str, pods: u32, born: Time, owner: Option<OwnerMark>, ready: u32) -> Deployment {
        let uid = format!("uid-{}", self.pods_made);
        let mut d = Deployment { uid, generation: 1, image: image.into(), pods: Vec::new(), owner };
        self.grow(&mut d, pods, born, ready);
        d
    }

    /// Pods beyond `ready` never become ready.
    pub fn grow(&mut self, d: &mut Deployment, replicas: u32, born: Time, ready: u32) {
        while (d.pods.len() as u32) < replicas {
            self.pods_made += 1;
            let delay = Dur::secs(2 + self.pods_made % 4);
            let ready_at = ((d.pods.len() as u32) < ready).then_some(born + delay);
            d.pods.push(Pod { name: format!("pod-{}", self.pods_made), born, ready_at });
        }
        d.pods.truncate(replicas as usize);
    }

    pub fn wall(&self) -> Time {
        self.clock(self.now)
    }

    /// What clocks show, or showed as if they had been set already, at this true instant.
    pub fn clock(&self, at: Time) -> Time {
        Time(at.0 + self.skew)
    }

    /// The true instant at which clocks show this.
    pub fn truly(&self, shown: Time) -> Time {
        Time(shown.0 - self.skew)
    }

    pub fn r0(&self) -> u32 {
        if self.faults.r0 == 0 { R0 } else { self.faults.r0 }
    }

    pub fn watch_away(&self) -> bool {
        within(&self.faults.watch_away, self.now)
    }

    pub fn api_away(&self) -> bool {
        within(&self.faults.api_away, self.now)
    }

    /// Ready pods that carry traffic.
    pub fn ready(&self, name: &str, slot: Slot) -> u32 {
        let Some(d) = self.deployed(name, slot) else { return 0 };
        let ready = d.pods.iter().filter(|p| p.ready_at.is_some_and(|r| r <= self.now)).count() as u32;
        // A service's old version fails under one image only: once stable runs the new one, it is over.
        if slot == Slot::Next || d.image != old_image(name) {
            return ready;
        }
        let most = self.faults.old_unready.iter().filter(|(n, span, _)| n == name && within(&[*span], self.now));
        most.map(|(_, _, left)| *left).fold(ready, u32::min)
    }

    pub fn deployed(&self, name: &str, slot: Slot) -> Option<&Deployment> {
        let s = self.services.get(name)?;
        match slot {
            Slot::Stable => Some(&s.stable),
            Slot::Next => s.next.as_ref(),
        }
    }

    pub fn accepted(&self, name: &str) -> Weights {
        let route = &self.services[name].route;
        if route.accepted { route.weights } else { route.before }
    }

    /// Share of all requests that rules of tenants or segments send to the new version: a tenth for each value.
    pub fn ruled(&self, name: &str) -> f64 {
        let route = &self.services[name].route;
        let rules = if route.accepted { &route.rules } else { &route.rules_before };
        rules.iter().map(|r| r.values.len() as f64 / 10.0).sum::<f64>().min(1.0)
    }

    pub fn rps(&self, name: &str) -> f64 {
        self.faults.rps.get(name).copied().unwrap_or(20.0 + name.len() as f64 * 5.0)
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
        self.happen();
        self.land_late();
        let names: Vec<String> = self.services.keys().cloned().collect();
        for name in &names {
            let (now, after) = (self.now, self.faults.accept_after);
            let away = within(&self.faults.gateway_away, now) || within(&self.faults.gateway_refuses, now);
            if let Some(s) = self.services.get_mut(name) {
                s.route.accepted |= !away && now >= s.route.written_at + after;
            }
            self.traffic(name);
        }
        let mut laws = std::mem::take(&mut self.laws);
        laws.look(self);
        self.laws = laws;
    }

    /// What others do to the world.
    fn happen(&mut self) {
        if let Some((name, at, share)) = self.faults.drift.get(self.drifts_done).cloned()
            && self.now >= START + at
            && self.services[&name].route.weights.next.is_some()
        {
            self.drifts_done += 1;
            self.route(&name, Weights { stable: 100 - share, next: Some(share) }, None, "kubectl-edit");
            self.laws.hand_edit(&name, false);
        }
        if let Some((name, at)) = self.faults.taken_out.get(self.taken_out).cloned()
            && self.now >= START + at
            && self.services[&name].route.weights.next.is_some()
        {
            self.taken_out += 1;
            self.route(&name, Weights { stable: 100, next: None }, None, "kubectl-patch");
            self.laws.hand_edit(&name, true);
        }
        self.scale_by_hand();
        if let Some((at, by)) = self.faults.clock_set.get(self.clocks_set).copied()
            && self.now >= START + at
        {
            self.clocks_set += 1;
            self.skew += by;
        }
        if self.faults.stolen.is_some_and(|at| self.now >= START + at) && !self.stolen {
            self.stolen = true;
            self.epoch += 1;
            let mark = OwnerMark { run: "beef".into(), epoch: self.epoch, seq: 1 };
            for (name, s) in &mut self.services {
                s.route.owner = Some(mark.clone());
                self.laws.epoch_written(name, mark.epoch);
            }
        }
        let full = within(&self.faults.journal_full, self.now);
        if full != self.refusing {
            self.refusing = full;
            self.store.refuse(full.then_some(ErrorKind::StorageFull));
        }
    }

    fn land_late(&mut self) {
        let (due, rest) = std::mem::take(&mut self.late).into_iter().partition(|l: &Late| l.at <= self.now);
        self.late = rest;
        for late in due {
            if self.generations(&late.call.service) == late.seen {
                let _ = self.apply(&late.run, &late.call);
            }
        }
    }

    fn generations(&self, name: &str) -> [i64; 3] {
        let of = |slot| self.deployed(name, slot).map_or(0, |d| d.generation);
        [self.services[name].route.generation, of(Slot::Stable), of(Slot::Next)]
    }

    pub fn land_later(&mut self, run: &str, call: &Call, after: Dur) {
        let seen = self.generations(&call.service);
        self.late.push(Late { at: self.now + after, run: run.into(), call: call.clone(), seen });
    }

    fn traffic(&mut self, name: &str) {
        let now = self.now;
        let ruled = self.ruled(name);
        let share = ruled + (1.0 - ruled) * self.accepted(name).share() / 100.0;
        let ready = [self.ready(name, Slot::Stable), self.ready(name, Slot::Next)];
        let die = self.faults.old_unready.iter().any(|(n, span, _)| n == name && within(&[*span], now));
        let all = self.rps(name);
        let bad = self.faults.bad.get(name).cloned();
        let flow = [all * (1.0 - share), all * share];
        let Some(s) = self.services.get_mut(name) else { return };
        if flow[1] > 0.0 && s.first_traffic.is_none() {
            s.first_traffic = Some(now);
        }
        let errors = match (bad, s.first_traffic) {
            (Some(bad), Some(first)) => bad.now(now.since(first)),
            _ => GOOD,
        };
        if flow[1] > 0.0 {
            s.last_traffic = Some(now);
        }
        s.errors = errors;
        let settled = s.stable.image != old_image(name);
        for version in 0..2 {
            // Requests to a version without ready pods are lost; nothing counts them.
            if ready[version] > 0 {
                s.served[version] += flow[version];
                s.failed[version] += flow[version] * if version == 1 || settled { errors } else { GOOD };
            } else if flow[version] > 0.0
                && !(version == 0 && die)
                && !self.laws.hands.excuse(name, SLOTS[version], now)
            {
                // Pods that die by themselves, or by somebody's hand, are nobody's fault.
                self.laws.lost(name, version);
            }
        }
        s.history.push((now, s.served, s.failed));
        let drop = s.history.len().saturating_sub(1200);
        s.history.drain(..drop);
    }

    /// Increase since a true instant: requests and failures per version.
    pub fn increase(&self, name: &str, since: Time) -> ([f64; 2], [f64; 2]) {
        let s = &self.services[name];
        let at = s.history.partition_point(|(t, _, _)| *t <= since);
        let base = at.checked_sub(1).map_or(([0.0; 2], [0.0; 2]), |i| (s.history[i].1, s.history[i].2));
        let sub = |a: [f64; 2], b: [f64; 2]| [a[0] - b[0], a[1] - b[1]];
        (sub(s.served, base.0), sub(s.failed, base.1))
    }

    fn route(&mut self, name: &str, weights: Weights, mark: Option<OwnerMark>, writer: &str) {
        let (now, before) = (self.now, self.accepted(name));
        let Some(s) = self.services.get_mut(name) else { return };
        let route = &mut s.route;
        if route.accepted {
            route.rules_before.clone_from(&route.rules);
        }
        (route.before, route.weights, route.written_at, route.accepted) = (before, weights, now, false);
        route.generation += 1;
        route.writer = writer.into();
        route.owner = mark.or(route.owner.take());
        self.laws.weights_written(name, weights);
    }

    /// Does one write, as the server would: looks at marks, preconditions and epochs first. `Ok(false)` is "found".
    pub fn apply(&mut self, run: &str, call: &Call) -> Result<bool, CallErrorKind> {
        let name = call.service.as_str();
        let fenced = self.services[name].route.owner.as_ref().is_some_and(|o| o.epoch > call.epoch);
        if fenced && !self.faults.broken.deaf_lease {
            return Err(CallErrorKind::Fenced);
        }
        let mark = OwnerMark { run: run.into(), epoch: call.epoch, seq: call.key };
        let weights = self.services[name].route.weights;
        let there = match &call.action {
            Action::CreateNext { .. } => self.services[name].next.is_some(),
            Action::AddBackend => weights.next.is_some(),
            Action::Scale { slot, replicas } => {
                self.deployed(name, *slot).ok_or(CallErrorKind::Rejected)?.pods.len() as u32 == *replicas
            }
            Action::SetWeight { next, rules, .. } => {
                let route = &self.services[name].route;
                let ours = route.owner.as_ref().is_some_and(|o| o.run == run);
                let turned = rules.as_ref().is_none_or(|turn| turn.rules == route.rules);
                weights.share().round() as u32 == *next && ours && turned
            }
            Action::RemoveBackend => weights.next.is_none(),
            Action::DeleteNext => self.services[name].next.is_none() && !self.services[name].next_service,
            Action::RouteRules(turn) => self.services[name].route.rules == turn.rules,
            Action::CopyBack | Action::Stamp => false,
        };
        if there {
            return Ok(false);
        }
        match &call.action {
            Action::SetWeight { next, expect, .. } if ![*next, *expect].contains(&(weights.share().round() as u32)) => {
                return Err(CallErrorKind::Conflict);
            }
            Action::RemoveBackend if weights.share() > 0.0 => return Err(CallErrorKind::Conflict),
            Action::RemoveBackend if !self.services[name].route.rules.is_empty() => {
                return Err(CallErrorKind::Rejected);
            }
            Action::SetWeight { rules: Some(turn), .. } | Action::RouteRules(turn) => {
                let have = self.services[name].route.rules.iter().map(|r| &r.name);
                if !have.eq(turn.expect.iter()) {
                    return Err(CallErrorKind::Conflict);
                }
            }
            _ => {}
        }
        self.write(call, mark);
        Ok(true)
    }

    /// Changes the world, whatever it was.
    pub fn write(&mut self, call: &Call, mark: OwnerMark) {
        let name = call.service.as_str();
        let mut laws = std::mem::take(&mut self.laws);
        laws.before_write(self, call);
        self.laws = laws;
        let image = self.plan.get(name).map_or_else(String::new, |p| p.image.clone());
        let copied_back = matches!(call.action, Action::CopyBack);
        let image = self.faults.webhook.image(&image, copied_back);
        let ready = self.faults.ready_at_most.get(name).copied().unwrap_or(u32::MAX);
        let now = self.now;
        match &call.action {
            Action::CreateNext { replicas } => {
                let made = self.deployment(&image, *replicas, now, Some(mark), ready);
                let Some(s) = self.services.get_mut(name) else { return };
                (s.next, s.next_service) = (Some(made), true);
            }
            Action::AddBackend => {
                self.route(name, Weights { stable: 100, next: Some(0) }, Some(mark), OURS);
                if self.faults.broken.rules_early {
                    let segments = self.plan.get(name).map_or(Vec::new(), |p| p.segments.clone());
                    self.turn(name, &segments);
                }
            }
            Action::Scale { slot, replicas } => {
                let Some(mut d) = self.deployed(name, *slot).cloned() else { return };
                self.grow(&mut d, *replicas, now, if *slot == Slot::Next { ready } else { u32::MAX });
                d.generation += 1;
                d.owner = Some(mark);
                let Some(s) = self.services.get_mut(name) else { return };
                match slot {
                    Slot::Stable => s.stable = d,
                    Slot::Next => s.next = Some(d),
                }
            }
            Action::SetWeight { next, rules, .. } => {
                self.route(name, Weights { stable: 100 - next, next: Some(*next) }, Some(mark), OURS);
                let forgotten = self.faults.broken.rules_stay && *next == 0;
                rules.iter().filter(|_| !forgotten).for_each(|turn| self.turn(name, &turn.rules));
            }
            Action::CopyBack => {
                let fresh = self.deployment(&image, self.r0(), now, Some(mark), u32::MAX);
                let Some(s) = self.services.get_mut(name) else { return };
                let (uid, generation) = (s.stable.uid.clone(), s.stable.generation + 1);
                s.stable = Deployment { uid, generation, ..fresh };
            }
            Action::RemoveBackend => self.route(name, Weights { stable: 100, next: None }, Some(mark), OURS),
            Action::DeleteNext => {
                let Some(s) = self.services.get_mut(name) else { return };
                (s.next, s.next_service) = (None, false);
            }
            Action::RouteRules(turn) => {
                let weights = self.services[name].route.weights;
                self.route(name, weights, Some(mark), OURS);
                self.turn(name, &turn.rules);
            }
            Action::Stamp => {
                let Some(s) = self.services.get_mut(name) else { return };
                s.route.owner = Some(mark);
            }
        }
        let mut laws = std::mem::take(&mut self.laws);
        laws.after_write(self, call);
        self.laws = laws;
    }
}

const OURS: &str = "pilothouse";

pub fn old_image(name: &str) -> String {
    format!("registry.example/{name}:1.0.0")
}
