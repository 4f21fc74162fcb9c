//! Ways over versions in between, where the straight step is barred. Each hop is looked at like the move itself.
use std::collections::{BTreeMap, BTreeSet};

use semver::{Version, VersionReq};

use super::{Asked, Detour, Look, calls, order, readers, terms, weigh};
use crate::compat::deps::Move;
use crate::compat::deps::between::Step;
use crate::compat::deps::path::{Compared, Way, ways};
use crate::compat::{Area, Finding, Severity};

/// Ways for all moves that are barred.
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
        let texts = |way: Option<&Way>| -> Vec<String> {
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

/// What a hop comes to. For the move itself that is known.
fn compare(look: &mut Look<'_>, m: &Move, a: &Version, b: &Version) -> Compared {
    if (a, b) == (&m.from, &m.to) {
        return count(&look.findings, &m.service);
    }
    let hop = Move { service: m.service.clone(), from: a.clone(), to: b.clone() };
    // With its last hop it is where the upgrade takes it, beside all others; before that they stay.
    let last = *b == m.to;
    let there = |o: &Move| match o.service == m.service {
        true => hop.clone(),
        false if last => o.clone(),
        false => Move { to: o.from.clone(), ..o.clone() },
    };
    let moves = look.asked.moves.iter().map(there).collect();
    let needs = if last { look.asked.needs.clone() } else { BTreeMap::new() };
    count(&findings(look, &hop, moves, needs), &m.service)
}

/// What is found when one service moves so, and all stand or move as given.
fn findings(
    look: &mut Look<'_>,
    hop: &Move,
    moves: Vec<Move>,
    needs: BTreeMap<String, BTreeMap<String, VersionReq>>,
) -> Vec<Finding> {
    let asked = Asked { moves, needs, said: Vec::new(), unsaid: Vec::new(), ..look.asked.clone() };
    let mut inner = Look::new(&asked, &mut *look.memory);
    inner.at(hop);
    readers::look(&mut inner);
    for m in asked.moves.iter().filter(|m| m.service == hop.service) {
        calls::look(&mut inner, m);
    }
    order::honest(&mut inner);
    order::order(&mut inner);
    weigh::weigh(&mut inner);
    let Look { findings, problems, .. } = inner;
    look.problems.extend(problems);
    findings
}

/// A way out of a circle in words: what its steps are, and whether anything but ranges bars one of them.
pub(super) fn way_out(look: &mut Look<'_>, way: Option<Vec<Step>>) -> String {
    let Some(way) = way else { return "no way over published versions was found".to_string() };
    let text = |s: &Step| format!("{} {} → {}", s.service, s.from, s.to);
    let mut here: BTreeMap<String, Version> =
        look.asked.moves.iter().map(|m| (m.service.clone(), m.from.clone())).collect();
    let mut barred = Vec::new();
    for step in &way {
        let stand = |(service, at): (&String, &Version)| {
            let to = if *service == step.service { &step.to } else { at };
            Move { service: service.clone(), from: at.clone(), to: to.clone() }
        };
        let moves: Vec<Move> = here.iter().map(stand).collect();
        let hop = Move { service: step.service.clone(), from: step.from.clone(), to: step.to.clone() };
        if count(&findings(look, &hop, moves, BTreeMap::new()), &step.service).criticals > 0 {
            barred.push(text(step));
        }
        here.insert(step.service.clone(), step.to.clone());
    }
    let steps = way.iter().map(text).collect::<Vec<_>>().join(", ");
    match barred.as_slice() {
        [] => format!("a way out, one after the other: {steps}"),
        some => format!("ranges allow {steps}, one after the other; but something critical bars {}", some.join(", ")),
    }
}

/// Findings about a service's move, and about ranges and orders it stands in.
fn count(findings: &[Finding], service: &str) -> Compared {
    let concerns = |f: &&Finding| {
        f.of.as_ref().is_some_and(|of| of.service == service)
            || (f.area == Area::Dependency && f.affected.iter().any(|name| name == service))
    };
    let mine: Vec<&Finding> = findings.iter().filter(concerns).collect();
    let count = |test: fn(&&&Finding) -> bool| u32::try_from(mine.iter().filter(test).count()).unwrap_or(u32::MAX);
    Compared {
        criticals: count(|f| f.bars()),
        waived: count(|f| f.waived.is_some()),
        warnings: count(|f| f.severity == Severity::Warning),
    }
}
