//! Gateway API HTTPRoute: which rules are ours, what they say, and the exact patches that change them.
//!
//! Pure: from a route as read to a decision. Every patch tests the resource version, the backends' names at the places
//! it touches and their old weights, and carries the owner mark, so a write lands on what was read or not at all.
use serde_json::{Value, json};

use super::json::{escape, list, number, owner, owner_key, resource_version, strings, text};
use super::match_rules;
use super::route_status::accepted;
use crate::engine::effect::Action;
use crate::engine::message::{CallError, CallErrorKind};
use crate::engine::observe::{Accepted, BackendSeen, OwnerMark, RouteSeen, Slot, Weights};
use crate::engine::rules::Turn;
use crate::spec::fleet::{HttpRoute, Service};

/// A backend within a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub index: usize,
    /// As written; the API counts a missing weight as 1.
    pub weight: Option<u32>,
}

impl Place {
    fn effective(self) -> u32 {
        self.weight.unwrap_or(1)
    }
}

/// A rule that carries a service's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRule {
    pub index: usize,
    pub stable: Option<Place>,
    pub next: Option<Place>,
    /// Names of backends that are neither.
    pub others: Vec<String>,
}

impl OwnRule {
    fn weights(&self) -> Weights {
        Weights { stable: self.stable.map_or(0, Place::effective), next: self.next.map(Place::effective) }
    }

    fn backends(&self) -> impl Iterator<Item = BackendSeen> {
        let rule = self.index;
        [(Slot::Stable, self.stable), (Slot::Next, self.next)].into_iter().filter_map(move |(slot, place)| {
            let place = place?;
            Some(BackendSeen { slot, rule, index: place.index, weight: Some(place.effective()) })
        })
    }
}

/// Whether a backend reference is this Service, in the route's own namespace.
pub fn is_backend(route: &Value, backend: &Value, service: &str, port: u16) -> bool {
    let kind = text(backend, "/kind").unwrap_or("Service");
    let group = text(backend, "/group").unwrap_or_default();
    let namespace = text(backend, "/namespace").or(text(route, "/metadata/namespace"));
    kind == "Service"
        && matches!(group, "" | "core")
        && text(backend, "/name") == Some(service)
        && number(backend, "/port") == Some(i64::from(port))
        && namespace == text(route, "/metadata/namespace")
}

/// Every rule that holds the service's stable or next Service at its port, without match rules of ours. All other rules
/// are somebody else's.
pub fn own_rules(route: &Value, traffic: &HttpRoute) -> Vec<OwnRule> {
    let mut own = Vec::new();
    let ours = match_rules::indices(route, traffic);
    for (index, rule) in list(route, "/spec/rules").iter().enumerate().filter(|(i, _)| !ours.contains(i)) {
        let mut found = OwnRule { index, stable: None, next: None, others: Vec::new() };
        for (at, backend) in list(rule, "/backendRefs").iter().enumerate() {
            let weight = number(backend, "/weight").and_then(|w| u32::try_from(w).ok());
            let place = Place { index: at, weight };
            if found.stable.is_none() && is_backend(route, backend, &traffic.stable, traffic.port) {
                found.stable = Some(place);
            } else if found.next.is_none() && is_backend(route, backend, &traffic.next, traffic.port) {
                found.next = Some(place);
            } else {
                found.others.push(text(backend, "/name").unwrap_or("?").to_string());
            }
        }
        if found.stable.is_some() || found.next.is_some() {
            own.push(found);
        }
    }
    own
}

/// The weights our rules carry. Where they differ (somebody edited one), the rule that sends most to the next version
/// counts: a bound on the share must hold for the worst. Among equals a rule without the next backend counts, so that
/// it is seen to be missing. `None`: no rule is ours.
pub fn weights(rules: &[OwnRule]) -> Option<Weights> {
    let rank = |w: &Weights| (w.share(), w.next.is_none());
    rules.iter().map(OwnRule::weights).reduce(|a, b| if rank(&b) > rank(&a) { b } else { a })
}

/// The field manager of the newest write to the rules that was neither ours nor a status write.
pub fn rules_writer(route: &Value) -> Option<String> {
    list(route, "/metadata/managedFields")
        .iter()
        .filter(|entry| text(entry, "/subresource") != Some("status"))
        .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:rules").is_some())
        .filter_map(|entry| text(entry, "/manager").map(|m| (text(entry, "/time").unwrap_or_default(), m)))
        .filter(|(_, manager)| *manager != super::json::FIELD_MANAGER)
        .max()
        .map(|(_, manager)| manager.to_string())
}

/// The route reduced to one service's share. `route` is `None` when there is none of that name.
pub fn observe(service: &Service, route: Option<&Value>) -> RouteSeen {
    let Some(route) = route else {
        return RouteSeen {
            service: service.name.clone(),
            uid: String::new(),
            weights: None,
            backends: Vec::new(),
            rules: Vec::new(),
            everybody: false,
            accepted: Accepted::Pending,
            owner: None,
            generation: 0,
            writer: None,
        };
    };
    let rules = own_rules(route, &service.traffic.http_route);
    RouteSeen {
        service: service.name.clone(),
        uid: text(route, "/metadata/uid").unwrap_or_default().to_string(),
        weights: weights(&rules).filter(|_| rules.iter().any(|r| r.stable.is_some())),
        backends: rules.iter().flat_map(OwnRule::backends).collect(),
        rules: match_rules::observe(route, service),
        everybody: match_rules::takes_everybody(route, &service.traffic.http_route),
        accepted: accepted(route),
        owner: owner(route, &service.name),
        generation: number(route, "/metadata/generation").unwrap_or(0),
        writer: rules_writer(route),
    }
}

/// What to do about a route.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is as wanted, under this run's mark.
    Found,
    /// Send these JSON patch operations.
    Write(Vec<Value>),
    Refuse(CallError),
}

pub(super) fn refuse(kind: CallErrorKind, text: String) -> Decision {
    Decision::Refuse(CallError { kind, text })
}

/// Decides what a route action does to the route as read. `mark` is what the write would leave.
pub fn decide(route: &Value, service: &Service, action: &Action, mark: &OwnerMark) -> Decision {
    let traffic = &service.traffic.http_route;
    let have = owner(route, &service.name);
    let ours = have.as_ref().is_some_and(|m| m.run == mark.run);
    if matches!(action, Action::Stamp) {
        return match have {
            Some(m) if m.epoch == mark.epoch && ours => Decision::Found,
            _ => Decision::Write(begin(route, service, mark)),
        };
    }
    let rules = own_rules(route, traffic);
    let back = matches!(action, Action::SetWeight { next: 0, .. } | Action::RemoveBackend);
    if let Some(problem) = unfit(route, traffic, &rules, back) {
        return problem;
    }
    match action {
        Action::SetWeight { next, expect, rules: turn } => {
            set_weight(route, service, mark, &rules, ours, (*next, *expect), turn.as_ref())
        }
        Action::AddBackend => add_backend(route, service, mark, &rules, ours),
        Action::RemoveBackend => remove_backend(route, service, mark, &rules, ours),
        Action::RouteRules(turn) => match_rules::decide(route, service, mark, &rules, ours, turn),
        _ => refuse(CallErrorKind::Rejected, format!("{} is no change of a route", action.word())),
    }
}

/// Why the rules cannot be written at all. The way back, to weight 0 and out of the rule, is open also where somebody took
/// stable out of it, or put a third backend in.
fn unfit(route: &Value, traffic: &HttpRoute, rules: &[OwnRule], back: bool) -> Option<Decision> {
    let name = super::json::name(route);
    if !rules.iter().any(|r| r.stable.is_some()) {
        return Some(refuse(
            CallErrorKind::Rejected,
            format!("HTTPRoute {name}: no rule holds Service {} port {}", traffic.stable, traffic.port),
        ));
    }
    let bad = rules.iter().find(|r| !back && (!r.others.is_empty() || r.stable.is_none()))?;
    let what = match bad.others.first() {
        Some(other) => format!("holds a third backend, {other}"),
        None => format!("holds {} but not {}", traffic.next, traffic.stable),
    };
    Some(refuse(CallErrorKind::Rejected, format!("HTTPRoute {name}: rule {} {what}; nothing was written", bad.index)))
}

/// The operations every patch starts with: the precondition, and our mark.
pub(super) fn begin(route: &Value, service: &Service, mark: &OwnerMark) -> Vec<Value> {
    let mut ops = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(route)})];
    let key = owner_key(&service.name);
    if route.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        let path = format!("/metadata/annotations/{}", escape(&key));
        ops.push(json!({"op": "add", "path": path, "value": mark.to_string()}));
    } else {
        ops.push(json!({"op": "add", "path": "/metadata/annotations", "value": {key: mark.to_string()}}));
    }
    ops
}

fn backend_path(rule: &OwnRule, place: Place) -> String {
    format!("/spec/rules/{}/backendRefs/{}", rule.index, place.index)
}

/// Writes one weight, testing whose it is and what it was.
fn weigh(ops: &mut Vec<Value>, rule: &OwnRule, place: Place, name: &str, weight: u32) {
    let at = backend_path(rule, place);
    ops.push(json!({"op": "test", "path": format!("{at}/name"), "value": name}));
    match place.weight {
        Some(old) => {
            ops.push(json!({"op": "test", "path": format!("{at}/weight"), "value": old}));
            ops.push(json!({"op": "replace", "path": format!("{at}/weight"), "value": weight}));
        }
        // A missing member cannot be tested; the resource version stands in for it.
        None => ops.push(json!({"op": "add", "path": format!("{at}/weight"), "value": weight})),
    }
}

fn set_weight(
    route: &Value,
    service: &Service,
    mark: &OwnerMark,
    rules: &[OwnRule],
    ours: bool,
    (next, expect): (u32, u32),
    turn: Option<&Turn>,
) -> Decision {
    let traffic = &service.traffic.http_route;
    let name = super::json::name(route);
    if next > 100 {
        return refuse(CallErrorKind::Rejected, format!("HTTPRoute {name}: a share of {next} % is more than all"));
    }
    let wanted = Weights { stable: 100 - next, next: Some(next) };
    let turned = match turn.map(|turn| match_rules::turn(route, service, rules, turn)).transpose() {
        Ok(turned) => turned.flatten(),
        Err(decision) => return *decision,
    };
    let as_wanted = rules.iter().all(|r| r.weights() == wanted || next == 0 && r.next.is_none());
    if as_wanted && ours && turned.is_none() {
        return Decision::Found;
    }
    let share = weights(rules).map_or(0.0, Weights::share);
    // Relative weights such as 7 to 1 make a fraction, which the caller has rounded one way or the other.
    if !as_wanted && (share - f64::from(expect)).abs() >= 1.0 {
        let why = format!("HTTPRoute {name}: {share:.0} % go to {}, not {expect} % as expected", traffic.next);
        return refuse(CallErrorKind::Conflict, why);
    }
    let mut ops = begin(route, service, mark);
    for rule in rules {
        for (place, backend, weight) in
            [(rule.stable, &traffic.stable, wanted.stable), (rule.next, &traffic.next, next)]
        {
            if let Some(place) = place {
                weigh(&mut ops, rule, place, backend, weight);
            }
        }
        match (rule.stable, rule.next) {
            (None, Some(place)) => {
                ops.push(beside(route, rule, place, &traffic.stable, traffic.port, wanted.stable));
            }
            // Somebody took it out, or made a rule without it: every rule of ours carries the same.
            (Some(place), None) if next > 0 => {
                ops.push(beside(route, rule, place, &traffic.next, traffic.port, next));
            }
            _ => {}
        }
    }
    // After the weights: rules that come or go move the places of all that follow.
    ops.extend(turned.into_iter().flatten());
    Decision::Write(ops)
}

/// The operation that puts one more backend into a rule, like the one at `like`.
fn beside(route: &Value, rule: &OwnRule, like: Place, name: &str, port: u16, weight: u32) -> Value {
    let mut backend = json!({"name": name, "port": port, "weight": weight});
    let like = route.pointer(&backend_path(rule, like)).cloned().unwrap_or_default();
    // Filters too: what stable's requests are given on their way, the new version's are given.
    for field in ["group", "kind", "namespace", "filters"] {
        if let Some(value) = like.get(field) {
            backend[field] = value.clone();
        }
    }
    json!({"op": "add", "path": format!("/spec/rules/{}/backendRefs/-", rule.index), "value": backend})
}

fn add_backend(route: &Value, service: &Service, mark: &OwnerMark, rules: &[OwnRule], ours: bool) -> Decision {
    let traffic = &service.traffic.http_route;
    if let Some(rule) = rules.iter().find(|r| r.weights().share() > 0.0) {
        let why = format!(
            "HTTPRoute {}: rule {} already sends {:.0} % to {}",
            super::json::name(route),
            rule.index,
            rule.weights().share(),
            traffic.next
        );
        return refuse(CallErrorKind::Conflict, why);
    }
    let wanted = Weights { stable: 100, next: Some(0) };
    if ours && rules.iter().all(|r| r.weights() == wanted) {
        return Decision::Found;
    }
    let mut ops = begin(route, service, mark);
    for rule in rules {
        // `unfit` has seen that every rule holds stable.
        let Some(stable) = rule.stable else { continue };
        weigh(&mut ops, rule, stable, &traffic.stable, 100);
        match rule.next {
            Some(next) => weigh(&mut ops, rule, next, &traffic.next, 0),
            None => {
                ops.push(beside(route, rule, stable, &traffic.next, traffic.port, 0));
            }
        }
    }
    Decision::Write(ops)
}

fn remove_backend(route: &Value, service: &Service, mark: &OwnerMark, rules: &[OwnRule], ours: bool) -> Decision {
    let traffic = &service.traffic.http_route;
    if ours && rules.iter().all(|r| r.next.is_none()) && match_rules::indices(route, traffic).is_empty() {
        return Decision::Found;
    }
    if let Some(rule) = rules.iter().find(|r| r.next.is_some_and(|n| n.effective() > 0)) {
        let why = format!(
            "HTTPRoute {}: rule {} still gives {} a weight; it is taken out at 0 only",
            super::json::name(route),
            rule.index,
            traffic.next
        );
        return refuse(CallErrorKind::Conflict, why);
    }
    let moved = match_rules::written(route, &service.name);
    if !moved.is_empty() {
        let names: Vec<&str> = moved.iter().map(|t| t.name.as_str()).collect();
        let why = format!(
            "HTTPRoute {}: rules still send {} to {}; it is taken out after them",
            super::json::name(route),
            names.join(", "),
            traffic.next
        );
        return refuse(CallErrorKind::Conflict, why);
    }
    let mut ops = begin(route, service, mark);
    for rule in rules {
        let Some(next) = rule.next else { continue };
        let at = backend_path(rule, next);
        ops.push(json!({"op": "test", "path": format!("{at}/name"), "value": traffic.next}));
        if let Some(weight) = next.weight {
            ops.push(json!({"op": "test", "path": format!("{at}/weight"), "value": weight}));
        }
        ops.push(json!({"op": "remove", "path": at}));
    }
    Decision::Write(ops)
}

/// The highest epoch that any of these services' marks on an object carries, with its mark.
pub fn highest_mark<'a>(object: &Value, services: impl Iterator<Item = &'a str>) -> Option<(String, OwnerMark)> {
    let annotations = strings(object, "/metadata/annotations");
    services
        .filter_map(|s| annotations.get(&owner_key(s)).and_then(|m| OwnerMark::parse(m)).map(|m| (s.to_string(), m)))
        .max_by_key(|(_, mark)| mark.epoch)
}

#[cfg(test)]
#[path = "http_route_tests.rs"]
mod tests;
