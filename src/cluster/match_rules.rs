//! Match rules of tenants and segments in an HTTPRoute: requests that carry their header go to the next version, whatever the
//! weights say to everybody else.
//!
//! Before each weighted rule of a service stands one rule per tenant, cohort or segment. It has the weighted rule's own matches,
//! each with one more header, once per value; its filters, timeouts, retries; and the next Service as its only backend.
//! A match with a header more is the more specific one, so it wins over the weighted rule in any order; against rules of
//! other people that are as specific, the order counts, and it is kept.
//!
//! An annotation says whose rules we wrote, for nothing in a rule can: a name is not in every release of the API. A
//! rule is ours when its only backend is the next Service and each of its matches carries a header of the annotation's, or
//! the stable one and each carries such a header with such a value. So a rule that somebody edited is still found, and taken
//! away, in a rollback.
//!
//! Whoever is told by a host is matched by the `Host` header: a route has its hostnames for all of its rules, and
//! a route of its own would, in many gateways, take the whole host away from all other routes.
//!
//! Pure. Limits are those of `HTTPRoute` in gateway.networking.k8s.io/v1, where the API server checks them.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::http_route::{Decision, OwnRule, begin, is_backend, own_rules, refuse};
use super::json::{escape, list, name, strings, text};
use crate::engine::message::CallErrorKind;
use crate::engine::observe::OwnerMark;
use crate::engine::rules::{MatchBy, MatchRule, MatchRuleSeen, Stands, Turn};
use crate::spec::fleet::{HttpRoute, Service};
use crate::spec::{header_value, is_header};

/// Prefix of the annotation that says whose rules are in a route, followed by the service's name. It is of before there were
/// segments, and routes carry it.
pub const TENANTS_PREFIX: &str = "tenants.pilothouse.dev/";
/// Rules in a route.
pub const MAX_RULES: usize = 16;
/// Matches in a rule.
pub const MAX_MATCHES: usize = 64;
/// Matches in all rules of a route.
pub const MAX_ALL_MATCHES: usize = 128;
/// Headers in a match.
const MAX_HEADERS: usize = 16;
/// Signs in the name of a session.
const MAX_SESSION_NAME: usize = 128;

/// The rules an annotation lists; none when it is not ours to read.
fn listed(value: &str) -> Vec<MatchRule> {
    serde_json::from_str(value).unwrap_or_default()
}

/// Name of the annotation for one service.
fn key(service: &str) -> String {
    format!("{TENANTS_PREFIX}{service}")
}

/// The rules this program wrote into a route for one service, in order.
pub fn written(route: &Value, service: &str) -> Vec<MatchRule> {
    let path = format!("/metadata/annotations/{}", escape(&key(service)));
    text(route, &path).map(listed).unwrap_or_default()
}

/// Indices of our rules that send some to the next Service: nobody's weights stand in them.
pub fn indices(route: &Value, traffic: &HttpRoute) -> BTreeSet<usize> {
    let annotations = strings(route, "/metadata/annotations");
    let ours: Vec<MatchRule> =
        annotations.iter().filter(|(k, _)| k.starts_with(TENANTS_PREFIX)).flat_map(|(_, v)| listed(v)).collect();
    if ours.is_empty() {
        return BTreeSet::new();
    }
    let rules = || list(route, "/spec/rules").iter().enumerate();
    let holds =
        |rule: &Value| list(rule, "/backendRefs").iter().any(|b| is_backend(route, b, &traffic.stable, traffic.port));
    let told: BTreeSet<usize> =
        rules().filter(|(_, rule)| is_ours(route, rule, traffic, &ours)).map(|(index, _)| index).collect();
    let weighted: Vec<&Value> = rules().filter(|(i, rule)| !told.contains(i) && holds(rule)).map(|(_, r)| r).collect();
    let bare = |rule: &Value| is_bare(route, rule, traffic, &ours, &weighted);
    rules().filter(|(i, rule)| told.contains(i) || bare(rule)).map(|(index, _)| index).collect()
}

/// A rule of ours from which somebody took what tells requests apart: it sends to the next version alone, and asks for what
/// a weighted rule asks for, or for nothing. Counted as ours, to be taken away with the others: whoever it takes, that one
/// is there for.
fn is_bare(route: &Value, rule: &Value, traffic: &HttpRoute, ours: &[MatchRule], weighted: &[&Value]) -> bool {
    let [backend] = list(rule, "/backendRefs") else { return false };
    let told = |one: &Value| list(one, "/headers").iter().any(|header| is_asked_for(header, ours));
    let of_weighted = |one: &Value| weighted.iter().any(|w| matches(w).contains(one));
    is_backend(route, backend, &traffic.next, traffic.port)
        && matches(rule).iter().all(|one| told(one) || of_weighted(one) || *one == every_path())
}

/// What the API makes of no match at all.
fn every_path() -> Value {
    json!({"path": {"type": "PathPrefix", "value": "/"}})
}

/// What a rule asks for, as the API completes it: of nothing it makes every path, and no header is none.
fn matches(rule: &Value) -> Vec<Value> {
    let mut all = list(rule, "/matches").to_vec();
    if all.is_empty() {
        all.push(json!({}));
    }
    for one in all.iter_mut().filter_map(Value::as_object_mut) {
        one.entry("path").or_insert_with(|| every_path()["path"].take());
        one.retain(|_, asked| !asked.as_array().is_some_and(Vec::is_empty));
    }
    all
}

/// Whether a rule of ours takes everybody's requests from a weighted rule: it asks for the same, and stands before it. One
/// that asks for every path does not take them from one that asks for more, whose match is the more specific one: but of a
/// regular expression the API leaves that to the gateway, and so it counts as if it did.
pub fn takes_everybody(route: &Value, traffic: &HttpRoute) -> bool {
    let ours = indices(route, traffic);
    let live = list(route, "/spec/rules");
    let next =
        |rule: &Value| list(rule, "/backendRefs").iter().all(|b| is_backend(route, b, &traffic.next, traffic.port));
    own_rules(route, traffic).iter().any(|weighted| {
        let its = live.get(weighted.index).map(matches).unwrap_or_default();
        let mut before = ours.iter().take_while(|i| **i < weighted.index).filter_map(|i| live.get(*i));
        let by_gateway = || its.iter().any(|one| text(one, "/path/type") == Some("RegularExpression"));
        let mut any = ours.iter().filter_map(|i| live.get(*i));
        before.any(|rule| next(rule) && matches(rule).iter().any(|one| its.contains(one)))
            || by_gateway() && any.any(|rule| next(rule) && matches(rule).contains(&every_path()))
    })
}

fn is_ours(route: &Value, rule: &Value, traffic: &HttpRoute, ours: &[MatchRule]) -> bool {
    let [backend] = list(rule, "/backendRefs") else { return false };
    let matches = list(rule, "/matches");
    let each = |is: &dyn Fn(&Value) -> bool| {
        !matches.is_empty() && matches.iter().all(|one| list(one, "/headers").iter().any(is))
    };
    let asks = |header: &Value| is_asked_for(header, ours);
    // Another value or way to match: somebody edited it, and it still sends some to the next version alone.
    is_backend(route, backend, &traffic.next, traffic.port) && each(&asks)
        // Another backend: it sends those back that it was made for.
        || is_backend(route, backend, &traffic.stable, traffic.port) && each(&|one| carries(one, ours))
}

/// Whether these rules tell requests by this header.
fn is_asked_for(header: &Value, ours: &[MatchRule]) -> bool {
    text(header, "/name").is_some_and(|name| ours.iter().any(|r| r.by.header().eq_ignore_ascii_case(name)))
}

/// Whether a header match is one that these rules ask for.
fn carries(header: &Value, ours: &[MatchRule]) -> bool {
    let (Some(name), Some(value)) = (text(header, "/name"), text(header, "/value")) else { return false };
    text(header, "/type").unwrap_or("Exact") == "Exact"
        && ours.iter().any(|r| r.by.header().eq_ignore_ascii_case(name) && r.values.iter().any(|v| v == value))
}

/// Who is sent to the next version, and whether their rules stand as they were written.
pub fn observe(route: &Value, service: &Service) -> Vec<MatchRuleSeen> {
    let written = written(route, &service.name);
    if written.is_empty() {
        return Vec::new();
    }
    let traffic = &service.traffic.http_route;
    let (own, indices) = (own_rules(route, traffic), indices(route, traffic));
    let live = list(route, "/spec/rules");
    let stands = |rule: &MatchRule| {
        let before = |weighted: &OwnRule| {
            let made = make(route, weighted, rule).ok();
            let mut block = (0..weighted.index).rev().take_while(|index| indices.contains(index));
            made.is_some_and(|made| block.any(|index| live.get(index) == Some(&made)))
        };
        !own.is_empty() && own.iter().all(before)
    };
    let intact: Vec<bool> = written.iter().map(stands).collect();
    let live: Vec<&Value> = indices.iter().filter_map(|index| live.get(*index)).collect();
    let left = left_of(&written, &intact, &live);
    let stands = |i: usize| match (intact[i], left[i]) {
        (true, _) => Stands::Intact,
        (false, true) => Stands::Edited,
        (false, false) => Stands::Gone,
    };
    written.into_iter().enumerate().map(|(i, rule)| MatchRuleSeen { stands: stands(i), rule }).collect()
}

/// Of which of these rules something is left in the route. One whose values no rule asks for any more may still be a rule
/// that asks for none of anybody's.
fn left_of(written: &[MatchRule], intact: &[bool], live: &[&Value]) -> Vec<bool> {
    let carries = |rule: &Value, of: &MatchRule| {
        let mut headers = list(rule, "/matches").iter().flat_map(|one| list(one, "/headers"));
        headers.any(|header| carries(header, std::slice::from_ref(of)))
    };
    let mut nobodys = live.iter().filter(|rule| !written.iter().any(|of| carries(rule, of))).count();
    let one = |(of, intact): (&MatchRule, &bool)| {
        if *intact || live.iter().any(|rule| carries(rule, of)) {
            return true;
        }
        let left = nobodys > 0;
        nobodys = nobodys.saturating_sub(1);
        left
    };
    written.iter().zip(intact).map(one).collect()
}

/// The rule that sends these requests to the next version, made from a weighted one. Says why it cannot be made.
fn make(route: &Value, weighted: &OwnRule, of: &MatchRule) -> Result<Value, String> {
    let mut rule = route.pointer(&format!("/spec/rules/{}", weighted.index)).cloned().unwrap_or_default();
    let backend = weighted.next.and_then(|next| rule.pointer(&format!("/backendRefs/{}", next.index)).cloned());
    let Some(mut backend) = backend else { return Err(format!("rule {} has no next backend", weighted.index)) };
    backend["weight"] = json!(100);
    let header = of.by.header();
    let anything = [every_path()];
    let matches = match list(&rule, "/matches") {
        [] => &anything[..],
        some => some,
    };
    let mut all = Vec::new();
    for one in matches {
        let headers = list(one, "/headers");
        for value in &of.values {
            let mut one = one.clone();
            let more = json!({"type": "Exact", "name": header, "value": value});
            one["headers"] = Value::Array(headers.iter().cloned().chain([more]).collect());
            all.push(one);
        }
    }
    rule["matches"] = Value::Array(all);
    rule["backendRefs"] = json!([backend]);
    if let Some(fields) = rule.as_object_mut() {
        // Names are unique within a route.
        fields.remove("name");
    }
    own_session(&mut rule);
    Ok(rule)
}

/// Sessions that are kept in the weighted rule stay its own: two rules with one session name would read each other's
/// cookies. Whoever goes back is given the old session again.
fn own_session(rule: &mut Value) {
    let Some(session) = rule.get_mut("sessionPersistence").and_then(Value::as_object_mut) else { return };
    let Some(name) = session.get("sessionName").and_then(Value::as_str) else { return };
    let own = format!("{name}-next");
    if own.len() <= MAX_SESSION_NAME {
        session.insert("sessionName".into(), json!(own));
    } else {
        // The gateway then makes a name.
        session.remove("sessionName");
    }
}

/// Why these rules cannot all stand in a route, and what to do. `None`: they can.
pub fn misfit(route: &Value, service: &Service, rules: &[MatchRule]) -> Option<(String, String)> {
    let at = format!("HTTPRoute {}", name(route));
    if let Some(found) = unusable(route, rules, &at) {
        return Some(found);
    }
    let own = own_rules(route, &service.traffic.http_route);
    let gone = indices(route, &service.traffic.http_route);
    let live = list(route, "/spec/rules");
    let size = |rule: &Value| list(rule, "/matches").len().max(1);
    let others = live.iter().enumerate().filter(|(i, _)| !gone.contains(i));
    let (mut count, mut matches) = others.fold((0, 0), |(n, sum), (_, rule)| (n + 1, sum + size(rule)));
    for weighted in &own {
        let each = live.get(weighted.index).map_or(1, size);
        for one in rules {
            if let Some(what) = live.get(weighted.index).and_then(|rule| clash(rule, one.by.header())) {
                let what = format!("{at}: rule {} {what}", weighted.index);
                return Some((what, "tell them by another header, or change the rule".into()));
            }
            let needs = each * one.values.len();
            if needs > MAX_MATCHES {
                let what = format!(
                    "{at}: {} is told by {} values, which make {needs} matches in one rule; a rule takes {MAX_MATCHES}",
                    one.name,
                    one.values.len()
                );
                return Some((what, way_out()));
            }
            (count, matches) = (count + 1, matches + needs);
        }
    }
    if count > MAX_RULES {
        let what = format!(
            "{at} would have {count} rules with {} more before each of ours; it takes {MAX_RULES}",
            rules.len()
        );
        return Some((what, way_out()));
    }
    if matches > MAX_ALL_MATCHES {
        let what = format!("{at} would have {matches} matches in all its rules; it takes {MAX_ALL_MATCHES}");
        return Some((what, way_out()));
    }
    None
}

/// What is left in a route beside everything that is not a match rule of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub rules: usize,
    pub matches: usize,
    /// Weighted rules: each gets a rule per tenant, cohort or segment.
    pub weighted: usize,
    /// Matches of all of them: so many are needed per value.
    pub each: usize,
}

pub fn room(route: &Value, service: &Service) -> Room {
    let traffic = &service.traffic.http_route;
    let (own, gone) = (own_rules(route, traffic), indices(route, traffic));
    let size = |rule: &Value| list(rule, "/matches").len().max(1);
    let others = || list(route, "/spec/rules").iter().enumerate().filter(|(i, _)| !gone.contains(i));
    let is_own = |i: &usize| own.iter().any(|o| o.index == *i);
    Room {
        rules: MAX_RULES.saturating_sub(others().count()),
        matches: MAX_ALL_MATCHES.saturating_sub(others().map(|(_, rule)| size(rule)).sum()),
        weighted: own.len(),
        each: others().filter(|(i, _)| is_own(i)).map(|(_, rule)| size(rule)).sum(),
    }
}

/// Why one more header cannot be asked for in a weighted rule's matches. Each name may stand in a match once.
fn clash(rule: &Value, header: &str) -> Option<String> {
    list(rule, "/matches").iter().map(|one| list(one, "/headers")).find_map(|headers| {
        let same = |h: &Value| text(h, "/name").is_some_and(|n| n.eq_ignore_ascii_case(header));
        if headers.iter().any(same) {
            return Some(format!("matches on header {header} itself"));
        }
        (headers.len() >= MAX_HEADERS).then(|| format!("has a match with {MAX_HEADERS} headers already"))
    })
}

fn way_out() -> String {
    "let the edge set a header with the cohort's name or the segment's, and tell them by that header: one match serves any \
     number of users"
        .to_string()
}

/// Names and values an HTTPRoute would not take, or that no request could carry.
fn unusable(route: &Value, rules: &[MatchRule], at: &str) -> Option<(String, String)> {
    for rule in rules {
        let header = rule.by.header();
        if !is_header(header) {
            let what = format!("{at}: `{header}` is no name of a header");
            return Some((what, "use letters, digits and `-`, such as x-tenant".into()));
        }
        if rule.values.is_empty() {
            let what = format!("{at}: {} has no value to be told by", rule.name);
            return Some((what, format!("give {} a value of {header}, or leave it out", rule.name)));
        }
        for value in &rule.values {
            if let Some((why, fix)) = header_value(value) {
                let what = format!("{at}: {} cannot be told by the value `{value}` of {header}: {why}", rule.name);
                return Some((what, fix));
            }
            if rule.by == MatchBy::Host && !serves(route, value) {
                let what = format!("{at} does not serve host {value} of {}", rule.name);
                return Some((what, "add it to the route's hostnames, or name the route that serves it".into()));
            }
        }
    }
    None
}

/// Whether requests to this host come to the route: it names no hosts, or this one, or a `*.` above it.
fn serves(route: &Value, host: &str) -> bool {
    let hosts = list(route, "/spec/hostnames");
    let names = |pattern: &str| match pattern.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.to_ascii_lowercase().ends_with(&end.to_ascii_lowercase()),
        None => pattern.eq_ignore_ascii_case(host),
    };
    hosts.is_empty() || hosts.iter().filter_map(Value::as_str).any(names)
}

/// What to do so that exactly these rules stand, and the weights stay. `own` are the weighted rules.
pub(super) fn decide(
    route: &Value,
    service: &Service,
    mark: &OwnerMark,
    own: &[OwnRule],
    ours: bool,
    wanted: &Turn,
) -> Decision {
    match turn(route, service, own, wanted) {
        Err(decision) => *decision,
        Ok(None) if ours => Decision::Found,
        Ok(more) => {
            let mut ops = begin(route, service, mark);
            ops.extend(more.into_iter().flatten());
            Decision::Write(ops)
        }
    }
}

/// The operations that make a route's rules these; `None` when they are.
///
/// # Errors
/// What to say instead: other rules stand there than were expected, or the route cannot take these.
pub(super) fn turn(
    route: &Value,
    service: &Service,
    own: &[OwnRule],
    Turn { rules, expect, .. }: &Turn,
) -> Result<Option<Vec<Value>>, Box<Decision>> {
    let have = written(route, &service.name);
    let (live, wanted) = wanted_rules(route, service, own, rules)?;
    if live == wanted && have == *rules {
        return Ok(None);
    }
    let names: Vec<&str> = have.iter().map(|t| t.name.as_str()).collect();
    if have != *rules && names != *expect {
        let said = |names: &[&str]| if names.is_empty() { "nobody".to_string() } else { names.join(", ") };
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        let why = format!(
            "HTTPRoute {}: rules send {} to {}, not {} as expected",
            name(route),
            said(&names),
            service.traffic.http_route.next,
            said(&expect)
        );
        return Err(Box::new(refuse(CallErrorKind::Conflict, why)));
    }
    let mut ops = Vec::new();
    annotate(&mut ops, route, &service.name, rules);
    replace(&mut ops, &live, &wanted);
    Ok(Some(ops))
}

type Both = (Vec<Vec<Value>>, Vec<Vec<Value>>);

/// Our match rules as they are and as they are wanted, both as blocks: what stands before the first rule that is none
/// of them, before the second, and so on; the last block stands after all.
fn wanted_rules(route: &Value, service: &Service, own: &[OwnRule], rules: &[MatchRule]) -> Result<Both, Box<Decision>> {
    let traffic = &service.traffic.http_route;
    let rejected = |text: String| Box::new(refuse(CallErrorKind::Rejected, text));
    if let Some(rule) = own.iter().find(|r| r.next.is_none()).filter(|_| !rules.is_empty()) {
        let why = format!("HTTPRoute {}: rule {} does not hold Service {}", name(route), rule.index, traffic.next);
        return Err(Box::new(refuse(CallErrorKind::Conflict, why)));
    }
    if let Some((what, fix)) = misfit(route, service, rules) {
        return Err(rejected(format!("{what}; nothing was written; {fix}")));
    }
    let indices = indices(route, traffic);
    let (mut live, mut wanted) = (vec![Vec::new()], Vec::new());
    for (index, rule) in list(route, "/spec/rules").iter().enumerate() {
        if indices.contains(&index) {
            if let Some(block) = live.last_mut() {
                block.push(rule.clone());
            }
            continue;
        }
        let weighted = own.iter().find(|o| o.index == index);
        let made = weighted.map(|w| rules.iter().map(|t| make(route, w, t)).collect::<Result<Vec<_>, _>>());
        let made = made.transpose().map_err(|why| rejected(format!("HTTPRoute {}: {why}", name(route))))?;
        wanted.push(made.unwrap_or_default());
        live.push(Vec::new());
    }
    wanted.push(Vec::new());
    Ok((live, wanted))
}

/// Keeps, replaces, takes out and adds rules, block by block, in the order in which a JSON patch is applied. What was
/// read is what is changed: the patch begins with a test of the resource version.
fn replace(ops: &mut Vec<Value>, live: &[Vec<Value>], wanted: &[Vec<Value>]) {
    let mut at = 0;
    for (have, want) in live.iter().zip(wanted) {
        for pair in 0..have.len().max(want.len()) {
            let path = format!("/spec/rules/{at}");
            match (have.get(pair), want.get(pair)) {
                (Some(have), Some(want)) if have == want => {}
                (Some(have), Some(want)) => {
                    ops.push(json!({"op": "test", "path": path, "value": have}));
                    ops.push(json!({"op": "replace", "path": path, "value": want}));
                }
                (Some(have), None) => {
                    ops.push(json!({"op": "test", "path": path, "value": have}));
                    ops.push(json!({"op": "remove", "path": path}));
                    continue;
                }
                (None, Some(want)) => ops.push(json!({"op": "add", "path": path, "value": want})),
                (None, None) => {}
            }
            at += 1;
        }
        // The rule that is none of ours.
        at += 1;
    }
}

/// Notes which rules are ours; takes the note away with the last of them.
fn annotate(ops: &mut Vec<Value>, route: &Value, service: &str, rules: &[MatchRule]) {
    let path = format!("/metadata/annotations/{}", escape(&key(service)));
    if !rules.is_empty() {
        // Texts and lists of texts always serialise.
        let value = serde_json::to_string(rules).unwrap_or_default();
        ops.push(json!({"op": "add", "path": path, "value": value}));
    } else if route.pointer(&path).is_some() {
        ops.push(json!({"op": "remove", "path": path}));
    }
}

#[cfg(test)]
#[path = "match_rules_tests.rs"]
mod tests;
