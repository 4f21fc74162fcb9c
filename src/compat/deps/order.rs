//! Who must go before whom. Where no order fits, the shortest circle says why.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use semver::Version;

use super::super::{Area, Finding, Severity};
use super::{Fleet, Need, finding, out_of};

/// `first` must have moved as a whole before `then` starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub first: String,
    pub then: String,
    pub reason: String,
}

/// In what order services go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// Services of one wave may move side by side. Those in circles are in none, nor is what waits for them.
    pub waves: Vec<Vec<String>>,
    /// Edges of a shortest circle in each knot, in the order they are walked.
    pub circles: Vec<Vec<Edge>>,
}

/// Edges that the ranges ask for: the new version of one needs the new of the other, or its old one bars the other's new.
pub fn edges(fleet: &Fleet) -> Vec<Edge> {
    let by_name = fleet.by_name();
    let mut found = BTreeSet::new();
    for a in &fleet.moves {
        let sides = [(&a.from, false), (&a.to, true)];
        for (version, new) in sides.into_iter().take(if a.from == a.to { 1 } else { 2 }) {
            for need in fleet.needs(&a.service, version) {
                let Some(b) = by_name.get(need.service.as_str()).filter(|b| b.service != a.service) else { continue };
                // What stays moves neither before nor after anybody.
                if b.from == b.to || a.from == a.to {
                    continue;
                }
                let beside = if new { &b.from } else { &b.to };
                let Some(why) = out_of(&need.req, beside) else { continue };
                let reason = reason(&a.service, version, need, &why);
                let (first, then) = if new { (&b.service, &a.service) } else { (&a.service, &b.service) };
                found.insert(Edge { first: first.clone(), then: then.clone(), reason });
            }
        }
    }
    found.into_iter().collect()
}

/// How it is told that a version is out of a range; `why` as [`out_of`] says it.
pub(in crate::compat) fn reason(service: &str, version: &Version, need: &Need, why: &str) -> String {
    format!("{service} {version} needs {} `{}`, and {why}", need.service, need.req)
}

/// Waves by layers: each service as early as its edges allow.
pub fn order(services: &BTreeSet<String>, edges: &[Edge]) -> Order {
    let edges: Vec<&Edge> =
        edges.iter().filter(|e| services.contains(&e.first) && services.contains(&e.then)).collect();
    let mut waits: BTreeMap<&str, BTreeSet<&str>> = services.iter().map(|s| (s.as_str(), BTreeSet::new())).collect();
    let mut frees: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for e in &edges {
        waits.entry(&e.then).or_default().insert(&e.first);
        frees.entry(&e.first).or_default().insert(&e.then);
    }
    let mut order = Order::default();
    let mut ready: BTreeSet<&str> = waits.iter().filter(|(_, w)| w.is_empty()).map(|(s, _)| *s).collect();
    while !ready.is_empty() {
        order.waves.push(ready.iter().map(|s| (*s).to_string()).collect());
        let mut next = BTreeSet::new();
        for done in ready {
            waits.remove(done);
            for then in frees.get(done).into_iter().flatten() {
                let Some(left) = waits.get_mut(then) else { continue };
                left.remove(done);
                if left.is_empty() {
                    next.insert(*then);
                }
            }
        }
        ready = next;
    }
    for knot in knots(&edges) {
        order.circles.push(shortest_circle(&knot, &edges));
    }
    order
}

/// Strongly connected services, where there is more than one or an edge to itself (Tarjan, without recursion).
fn knots(edges: &[&Edge]) -> Vec<BTreeSet<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for e in edges {
        next.entry(&e.first).or_default().push(&e.then);
        next.entry(&e.then).or_default();
    }
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut stack, mut on_stack, mut found) = (Vec::new(), BTreeSet::new(), Vec::new());
    for start in next.keys() {
        if seen.contains_key(start) {
            continue;
        }
        let mut work: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((at, child)) = work.pop() {
            if child == 0 {
                let number = seen.len();
                seen.insert(at, (number, number));
                stack.push(at);
                on_stack.insert(at);
            }
            let low = |seen: &BTreeMap<&str, (usize, usize)>, of: &str| seen.get(of).map_or(usize::MAX, |s| s.1);
            // The child just left may reach further up.
            if child > 0 {
                let below = low(&seen, next[at][child - 1]);
                if on_stack.contains(next[at][child - 1])
                    && let Some(mine) = seen.get_mut(at)
                {
                    mine.1 = mine.1.min(below);
                }
            }
            if let Some(to) = next[at].get(child) {
                work.push((at, child + 1));
                if !seen.contains_key(to) {
                    work.push((to, 0));
                }
                continue;
            }
            if seen.get(at).is_some_and(|(number, low)| number == low) {
                let mut knot = BTreeSet::new();
                while let Some(member) = stack.pop() {
                    on_stack.remove(member);
                    knot.insert(member.to_string());
                    if member == at {
                        break;
                    }
                }
                if knot.len() > 1 || next[at].contains(&at) {
                    found.push(knot);
                }
            }
        }
    }
    found.sort();
    found
}

/// Members a shortest circle is looked for from. A knot of more is told by a circle that may be longer than the shortest.
const STARTS: usize = 200;

fn shortest_circle(knot: &BTreeSet<String>, edges: &[&Edge]) -> Vec<Edge> {
    let mut out: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    for e in edges.iter().filter(|e| knot.contains(&e.first) && knot.contains(&e.then)) {
        out.entry(&e.first).or_default().push(e);
    }
    let mut best: Option<Vec<Edge>> = None;
    for start in knot.iter().take(STARTS) {
        let mut came: BTreeMap<&str, &Edge> = BTreeMap::new();
        let mut queue = VecDeque::from([start.as_str()]);
        while let Some(at) = queue.pop_front().filter(|_| !came.contains_key(start.as_str())) {
            for e in out.get(at).into_iter().flatten() {
                if !came.contains_key(e.then.as_str()) {
                    came.insert(&e.then, e);
                    queue.push_back(&e.then);
                }
            }
        }
        let mut circle = Vec::new();
        let mut at = start.as_str();
        while let Some(e) = came.get(at) {
            circle.push((*e).clone());
            at = &e.first;
            if at == start {
                break;
            }
        }
        circle.reverse();
        if best.as_ref().is_none_or(|b| circle.len() < b.len()) {
            best = Some(circle);
        }
    }
    best.unwrap_or_default()
}

/// A circle as a finding: every edge with its reason.
pub fn circle_finding(circle: &[Edge]) -> Finding {
    let names: Vec<&str> = circle.iter().map(|e| e.first.as_str()).collect();
    let first = names.first().copied().unwrap_or("");
    let message = format!("no order fits: {} → {first}", names.join(" → "));
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let mut f = finding("dependency-circle", Severity::Critical, Area::Dependency, None, &sorted.join(" "), message);
    f.details = circle.iter().map(|e| format!("{} before {}: {}", e.first, e.then, e.reason)).collect();
    // Who accepts a circle accepts these reasons, and no others.
    f.values = f.details.join("\n");
    f.affected = sorted.into_iter().map(String::from).collect();
    f.recommendation = Some("go over a version in between that works with both, or widen a range".to_string());
    f
}
