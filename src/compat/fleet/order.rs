//! Who goes before whom, and what runs beside what at every moment.
use std::collections::BTreeSet;

use super::{Look, detour, place, terms};
use crate::compat::deps::honesty::honest as said;
use crate::compat::deps::order::{Edge, circle_finding, edges, order as layers};
use crate::compat::deps::window::{replay, steps};
use crate::compat::deps::{self, Fleet, Need, between};
use crate::compat::{Area, Finding, Severity};
use crate::spec::nearest;

/// Circles that are told one by one. Who has more has other things to do first.
const CIRCLES: usize = 50;

/// The order of all moves.
pub(super) struct Ordered {
    pub waves: Vec<Vec<String>>,
    /// What the waves keep.
    pub edges: Vec<Edge>,
    /// What they do not keep, each out of a circle.
    pub broken: Vec<Edge>,
    /// Pairs of `edges`, first and then, that nothing but a target's own need asks for.
    pub named: BTreeSet<(String, String)>,
}

/// Everything that contracts and targets say of versions.
fn fleet(look: &Look<'_>) -> Fleet {
    let mut fleet = Fleet { moves: look.asked.moves.clone(), ..Fleet::default() };
    for (service, versions) in &look.asked.registry.services {
        let all = versions.iter().map(|(v, p)| (v.clone(), terms(&p.contract))).collect();
        fleet.contracts.insert(service.clone(), all);
    }
    for m in &look.asked.moves {
        let Some(needs) = look.asked.needs.get(&m.service) else { continue };
        let of = fleet.contracts.entry(m.service.clone()).or_default();
        let contract = of.entry(m.to.clone()).or_insert(deps::Contract::EMPTY);
        for (service, req) in needs {
            if !contract.needs.iter().any(|n| n.service == *service) {
                contract.needs.push(Need { service: service.clone(), req: req.clone(), place: None });
            }
        }
    }
    fleet
}

/// Does each version say what changed?
pub(super) fn honest(look: &mut Look<'_>) {
    for m in look.moving() {
        let change = look.changes.get(&m.service).copied().unwrap_or(deps::honesty::Change::None);
        let at = look.get(&m.service, &m.to).map(|p| place(&p.contract, "/version"));
        for finding in said(&m.service, &m.from, &m.to, change, at.as_ref()) {
            look.put(m, "", Vec::new(), finding);
        }
    }
}

/// Puts all moves into waves, and says what is out of range at any moment.
pub(super) fn order(look: &mut Look<'_>) -> Ordered {
    let fleet = fleet(look);
    fleet.unknown().iter().for_each(|unknown| stray(look, unknown));
    look.edges.extend(edges(&fleet));
    let moving: BTreeSet<String> = look.moving().iter().map(|m| m.service.clone()).collect();
    let mut all: Vec<Edge> = look.edges.iter().cloned().collect();
    let named = named(look, &moving);
    all.extend(named.iter().cloned());
    let broken = break_circles(look, &fleet, &moving, &mut all);
    for wish in look.wishes.clone() {
        if all.iter().any(|e| e.first == wish.first && e.then == wish.then) {
            continue;
        }
        all.push(wish.clone());
        if !layers(&moving, &all).circles.is_empty() {
            all.pop();
            unmet(look, &wish);
        }
    }
    let waves = layers(&moving, &all).waves;
    let told: BTreeSet<String> = broken.iter().map(|e| e.reason.clone()).collect();
    for finding in replay(&fleet, &waves, &told).into_iter().chain(steps(&fleet)) {
        about(look, finding);
    }
    let named = named.into_iter().filter(|e| all.contains(e)).map(|e| (e.first, e.then)).collect();
    Ordered { waves, edges: all, broken, named }
}

/// A service that is in the fleet and could not be looked at, or stands beside it, is noted; a name that is nowhere is a
/// slip, and what was meant would go unchecked.
fn stray(look: &mut Look<'_>, unknown: &deps::Unknown) {
    let name = &unknown.other;
    let asked = look.asked;
    let noted = asked.unknown.iter().filter_map(|text| text.split_once(": ")).map(|(service, _)| service);
    let known = asked.moves.iter().map(|m| m.service.as_str()).chain(noted);
    let known: BTreeSet<&str> = known.chain(asked.registry.services.keys().map(String::as_str)).collect();
    let m = asked.moves.iter().find(|m| m.service == unknown.service).cloned();
    let contract = look.get(&unknown.service, &unknown.version).map(|p| &p.contract);
    let depends = contract.and_then(|c| Some((c, c.spec.depends.iter().position(|d| d.service == *name)?)));
    let (Some(m), Some((contract, i))) = (m.filter(|_| !known.contains(name.as_str())), depends) else {
        return look.note(unknown.to_string());
    };
    let at = place(contract, &format!("/depends/{i}/service"));
    let message =
        format!("{} {} depends on {name}, and no service of the fleet has that name", m.service, unknown.version);
    let about = format!("{} {name}", m.service);
    let rule = "dependency-service-unknown";
    let mut f = deps::finding(rule, Severity::Warning, Area::Dependency, Some(&at), &about, message);
    f.recommendation = Some(match nearest(name, known.into_iter().filter(|k| *k != m.service)) {
        Some(near) => format!("did you mean `{near}`? Nothing was held against {name}"),
        None => format!("write it as the Fleet does, or take it out: nothing was held against {name}"),
    });
    look.put(&m, "", Vec::new(), f);
}

/// Whoever names a need in a target waits for it, also where its range would not ask for that.
fn named(look: &Look<'_>, moving: &BTreeSet<String>) -> Vec<Edge> {
    let mut found = Vec::new();
    for (service, needs) in look.asked.needs.iter().filter(|(s, _)| moving.contains(*s)) {
        for (first, req) in needs.iter().filter(|(first, _)| moving.contains(*first)) {
            if !look.edges.iter().any(|e| e.first == *first && e.then == *service) {
                let reason = format!("{service} needs {first} `{req}`");
                found.push(Edge { first: first.clone(), then: service.clone(), reason });
            }
        }
    }
    found
}

/// Tells each circle, and takes one edge out of it, so that all else still has its order and is looked at in it: also
/// where somebody accepts the circle. What a target itself needs is taken out last; a plan cannot do without.
fn break_circles(look: &mut Look<'_>, fleet: &Fleet, moving: &BTreeSet<String>, all: &mut Vec<Edge>) -> Vec<Edge> {
    let mut broken: Vec<Edge> = Vec::new();
    loop {
        let order = layers(moving, all);
        let Some(circle) = order.circles.first() else { return broken };
        let mut finding = circle_finding(circle);
        if broken.len() >= CIRCLES {
            let placed: BTreeSet<&String> = order.waves.iter().flatten().collect();
            finding.message = format!("{}; and there are more such circles", finding.message);
            let inside = |e: &Edge| !placed.contains(&e.first) && !placed.contains(&e.then);
            finding.values = all.iter().filter(|e| inside(e)).map(|e| e.reason.as_str()).collect::<Vec<_>>().join("\n");
            look.findings.push(finding);
            broken.extend(all.extract_if(.., |e| inside(e)));
            return broken;
        }
        let members: BTreeSet<String> = circle.iter().map(|e| e.first.clone()).collect();
        let way = between::way(fleet, &members);
        finding.details.push(detour::way_out(look, way));
        look.findings.push(finding);
        let own = |e: &&Edge| look.asked.needs.get(&e.then).is_some_and(|needs| needs.contains_key(&e.first));
        // A circle has edges.
        let Some(out) = circle.iter().rev().find(|e| !own(e)).or(circle.last()).cloned() else { return broken };
        all.retain(|e| *e != out);
        broken.push(out);
    }
}

/// No order lets the caller wait for what answers otherwise before.
fn unmet(look: &mut Look<'_>, wish: &Edge) {
    let of = |name: &str| look.asked.moves.iter().find(|m| m.service == name).cloned();
    let (Some(first), Some(then)) = (of(&wish.first), of(&wish.then)) else { return };
    let Some(caller) = look.get(&then.service, &then.to) else { return };
    let Some(i) = caller.contract.spec.depends.iter().position(|d| d.service == first.service) else { return };
    let message = format!("{}, and no order lets {} go first", wish.reason, first.service);
    let at = place(&caller.contract, &format!("/depends/{i}"));
    let about = format!("{} {}", then.service, first.service);
    let rule = "dependency-order-unmet";
    let mut f = deps::finding(rule, Severity::Warning, Area::Dependency, Some(&at), &about, message);
    f.recommendation = Some(format!("move {} in an upgrade before this one", first.service));
    look.put(&then, "", Vec::new(), f);
}

/// Adds a finding of [`deps`] under the move it is about.
fn about(look: &mut Look<'_>, finding: Finding) {
    let first = finding.message.split(' ').next().unwrap_or_default().to_string();
    match look.asked.moves.iter().find(|m| m.service == first) {
        Some(m) => {
            let m = m.clone();
            look.put(&m, "", Vec::new(), finding);
        }
        None => look.findings.push(finding),
    }
}
