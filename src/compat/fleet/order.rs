//! Who goes before whom, what runs beside what at every moment, and ways over versions in between.
use std::collections::BTreeSet;

use semver::Version;

use super::pairs::{Question, is_json_schema};
use super::{Detour, Look, place, terms};
use crate::compat::deps::honesty::honest as said;
use crate::compat::deps::order::{Edge, circle_finding, edges, order as layers};
use crate::compat::deps::path::{Compared, ways};
use crate::compat::deps::window::{replay, steps};
use crate::compat::deps::{self, Fleet, Move, Need, between};
use crate::compat::events::Mode;
use crate::compat::{Finding, Severity};

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
pub(super) fn order(look: &mut Look<'_>) -> (Vec<Vec<String>>, Vec<Edge>) {
    let fleet = fleet(look);
    fleet.unknown().into_iter().for_each(|note| look.note(note));
    look.edges.extend(edges(&fleet));
    let moving: BTreeSet<String> = look.moving().iter().map(|m| m.service.clone()).collect();
    // Whoever names a need in a target waits for it.
    for (service, needs) in look.asked.needs.iter().filter(|(s, _)| moving.contains(*s)) {
        for (first, req) in needs.iter().filter(|(first, _)| moving.contains(*first)) {
            let known = look.edges.iter().any(|e| e.first == *first && e.then == *service);
            let reason = format!("{service} needs {first} `{req}`");
            if !known {
                look.edges.insert(Edge { first: first.clone(), then: service.clone(), reason });
            }
        }
    }
    let hard: Vec<Edge> = look.edges.iter().cloned().collect();
    let mut all = hard.clone();
    for wish in look.wishes.clone() {
        if hard.iter().any(|e| e.first == wish.first && e.then == wish.then) {
            continue;
        }
        all.push(wish.clone());
        let tried = layers(&moving, &all);
        if tried.circles.len() > layers(&moving, &hard).circles.len() {
            all.pop();
            look.note(format!("{} before {} fits no order: {}", wish.first, wish.then, wish.reason));
        }
    }
    let order = layers(&moving, &all);
    for circle in &order.circles {
        let mut finding = circle_finding(circle);
        let members: BTreeSet<String> = circle.iter().map(|e| e.first.clone()).collect();
        finding.details.push(match between::way(&fleet, &members) {
            Some(way) => {
                let steps = way.iter().map(|s| format!("{} {} → {}", s.service, s.from, s.to));
                format!("a way out, one after the other: {}", steps.collect::<Vec<_>>().join(", "))
            }
            None => "no way over published versions was found".to_string(),
        });
        look.findings.push(finding);
    }
    if order.circles.is_empty() {
        for finding in replay(&fleet, &order.waves) {
            about(look, finding);
        }
    } else {
        look.note("what runs beside what is not looked at while no order fits".to_string());
    }
    for finding in steps(&fleet) {
        about(look, finding);
    }
    (order.waves, all)
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

/// Ways over versions in between, for moves that are barred.
pub(super) fn detours(look: &mut Look<'_>) -> Vec<Detour> {
    let barred: BTreeSet<String> =
        look.findings.iter().filter(|f| f.bars()).filter_map(|f| Some(f.of.as_ref()?.service.clone())).collect();
    let mut found = Vec::new();
    for m in look.moving().into_iter().filter(|m| barred.contains(&m.service) && m.from < m.to) {
        let Some(published) = look.asked.registry.services.get(&m.service) else { continue };
        let between = published.range(&m.from..&m.to).any(|(v, _)| *v != m.from);
        if !between {
            continue;
        }
        let contracts = published.iter().map(|(v, p)| (v.clone(), terms(&p.contract))).collect();
        let found_ways = ways(&contracts, &m.from, &m.to, |a, b| compare(look, m, a, b));
        let texts = |way: Option<&deps::path::Way>| -> Vec<String> {
            way.map_or(Vec::new(), |w| w.versions.iter().map(ToString::to_string).collect())
        };
        if found_ways.refused.is_empty() {
            continue;
        }
        found.push(Detour {
            service: m.service.clone(),
            from: m.from.to_string(),
            to: m.to.to_string(),
            refused: found_ways.refused.clone(),
            over: texts(found_ways.best.as_ref()),
            or: texts(found_ways.next.as_ref()),
        });
    }
    found
}

/// What two versions of a service come to beside each other. For the move itself that is known, waivers included.
fn compare(look: &mut Look<'_>, m: &Move, a: &Version, b: &Version) -> Compared {
    if (a, b) == (&m.from, &m.to) {
        let own = |f: &&Finding| f.of.as_ref().is_some_and(|of| of.service == m.service);
        let mine: Vec<&Finding> = look.findings.iter().filter(own).collect();
        let count = |test: fn(&&&Finding) -> bool| u32::try_from(mine.iter().filter(test).count()).unwrap_or(u32::MAX);
        return Compared {
            criticals: count(|f| f.bars()),
            waived: count(|f| f.waived.is_some()),
            warnings: count(|f| f.severity == Severity::Warning),
        };
    }
    let (Some(old), Some(new)) = (look.get(&m.service, a), look.get(&m.service, b)) else {
        return Compared::default();
    };
    let mut reports = Vec::new();
    if !old.openapi.is_empty() && !new.openapi.is_empty() {
        let question = Question::Openapi { old: &old.openapi, new: &new.openapi, today: look.asked.today };
        reports.extend(look.ask(&question));
    }
    for (event, schema) in &old.events {
        let written = new.contract.spec.produces.contains(event);
        if let Some(next) = new.events.get(event).filter(|n| written && is_json_schema(n) == is_json_schema(schema)) {
            reports.extend(look.ask(&Question::Event { mode: Mode::Full, old: vec![schema], new: next }));
        }
    }
    let all = || reports.iter().flat_map(|a| &a.report.findings);
    let count = |s: Severity| u32::try_from(all().filter(|f| f.severity == s).count()).unwrap_or(u32::MAX);
    Compared { criticals: count(Severity::Critical), waived: 0, warnings: count(Severity::Warning) }
}
