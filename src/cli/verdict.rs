//! From files to a plan, with what the contracts say of it.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};

use super::args::{Contracts, Files, Global};
use super::compat::check::memory;
use super::contracts::{self, Known};
use crate::compat::fleet::{self, Asked, Outcome};
use crate::compat::{Finding, Severity};
use crate::plan::order::After;
use crate::plan::verdict::{Migration, Signs, Told, Verdict, advise};
use crate::plan::{Plan, Roster};
use crate::spec::contract::{Phase, Tier};
use crate::spec::{Bundle, Report, canonical};

/// The plan of the files, validated, and the tenants that stand beside it; where there are contracts, checked against them and in the order they ask for.
///
/// # Errors
/// The whole report of what is wrong.
pub fn plan_of(files: &Files, named: &Contracts, global: &Global) -> Result<(Plan, Option<Roster>)> {
    let known = contracts::load(&files.files, named.contracts.as_deref()).map_err(|report| anyhow!("{report}"))?;
    if !known.loaded.warnings.is_empty() {
        eprintln!("{}", known.loaded.warnings);
    }
    let mut bundle = known.bundle(files.upgrade.as_deref()).map_err(|report| anyhow!("{report}"))?;
    let roster = Roster::of(&known.loaded, &bundle);
    if !known.any {
        return Ok((Plan::build(&bundle)?, roster));
    }
    let today = chrono::Utc::now().date_naive();
    let asked = known.asked(&bundle, today);
    let outcome = fleet::check(&asked, &mut memory(named, global)).map_err(|p| anyhow!("{}", Report::from(p)))?;
    // While no order fits there are no waves to be had from it; the finding bars the start.
    let circle = outcome.report.findings.iter().any(|f| f.rule == "dependency-circle");
    if !circle {
        needs(&known, &mut bundle, &asked);
    }
    let mut plan = Plan::build(&bundle)?;
    plan.compat = Some(verdict(&known, &asked, &outcome));
    let mut after = After::new();
    for edge in outcome.edges.into_iter().filter(|_| !circle) {
        after.entry(edge.then).or_default().entry(edge.first).or_insert(edge.reason);
    }
    Ok((plan.in_order(&bundle.fleet, &after)?, roster))
}

/// What contracts say of needs, where a target does not: of services that stay, and of those whose old version would not do.
fn needs(known: &Known, bundle: &mut Bundle, asked: &Asked<'_>) {
    let going: BTreeSet<String> = bundle.upgrade.spec.to.keys().cloned().collect();
    for (service, target) in &mut bundle.upgrade.spec.to {
        let version = target.version().and_then(|v| Version::parse(&v).ok());
        let Some(published) = version.and_then(|v| known.registry.get(service, &v)) else { continue };
        for depend in &published.contract.spec.depends {
            let Ok(req) = VersionReq::parse(&depend.req) else { continue };
            let runs = asked.moves.iter().find(|m| m.service == depend.service).map(|m| &m.from);
            let does = going.contains(&depend.service) && runs.is_some_and(|v| req.matches(v));
            let there = bundle.fleet.service(&depend.service).is_some();
            if there && !does && req != VersionReq::STAR {
                target.needs.entry(depend.service.clone()).or_insert_with(|| depend.req.clone());
            }
        }
    }
}

/// Findings kept in a plan, which is written with each picture of a run: those that bar come first.
const MAX_TOLD: usize = 300;

fn verdict(known: &Known, asked: &Asked<'_>, outcome: &Outcome) -> Verdict {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let all = &outcome.report.findings;
    let (told, infos): (Vec<&Finding>, Vec<&Finding>) = all.iter().partition(|f| f.severity > Severity::Info);
    let prints: Vec<&str> = all.iter().map(|f| f.fingerprint.as_str()).collect();
    let mut verdict = Verdict {
        findings: told.iter().take(MAX_TOLD).map(|f| told_of(f)).collect(),
        more: count(told.len().saturating_sub(MAX_TOLD)),
        digest: canonical::hex(&Sha256::digest(prints.join("\n").as_bytes())),
        infos: count(infos.len()),
        not_compared: count(outcome.report.not_compared.len()),
        ..Verdict::default()
    };
    for d in &outcome.detours {
        let way = if d.over.is_empty() { "none was found".to_string() } else { d.over.join(" → ") };
        verdict.detours.push(format!("{} {} → {}: {way}", d.service, d.from, d.to));
    }
    for m in asked.moves.iter().filter(|m| m.from < m.to) {
        let crossed = known.registry.services.get(&m.service).into_iter().flat_map(|v| v.range(&m.from..=&m.to));
        let crossed = crossed.filter(|(v, _)| **v != m.from).flat_map(|(_, p)| &p.contract.spec.migrations);
        let migrations: Vec<Migration> = crossed.map(migration).collect();
        if !migrations.is_empty() {
            verdict.migrations.insert(m.service.clone(), migrations);
        }
    }
    let mut advice = BTreeMap::new();
    for m in asked.moves.iter().filter(|m| m.from != m.to) {
        let mine = || all.iter().filter(|f| f.of.as_ref().is_some_and(|of| of.service == m.service));
        let tier = known.registry.get(&m.service, &m.to).map(|p| p.contract.spec.tier);
        let migrations = verdict.migrations.get(&m.service);
        let signs = Signs {
            barred: mine().any(Finding::bars),
            contracts: migrations.is_some_and(|all| all.iter().any(|x| x.phase == "contract")),
            major: m.from.major != m.to.major,
            warned: mine().any(|f| f.severity == Severity::Warning),
            core: tier == Some(Tier::Core),
            ordered: outcome.edges.iter().any(|e| e.first == m.service || e.then == m.service),
        };
        advice.insert(m.service.clone(), advise(signs));
    }
    verdict.advice = advice;
    verdict
}

fn told_of(f: &Finding) -> Told {
    let place = f.location.revision.as_ref().or(f.location.base.as_ref());
    Told {
        at: place.map(|p| p.line.map_or_else(|| inside(&p.file).into(), |line| format!("{}:{line}", inside(&p.file)))),
        fingerprint: f.fingerprint.clone(),
        rule: f.rule.to_string(),
        critical: f.severity == Severity::Critical,
        service: f.of.as_ref().map(|of| of.service.clone()),
        message: f.message.clone(),
        consumers: f.of.as_ref().map_or(Vec::new(), |of| of.consumers.clone()),
        advice: f.recommendation.clone(),
        waived: f.waived.clone(),
    }
}

/// Service, version and file: what stands before it is where somebody keeps the folder, and no matter of the plan.
fn inside(path: &str) -> &str {
    path.rmatch_indices('/').nth(2).map_or(path, |(at, _)| &path[at + 1..])
}

fn migration(m: &crate::spec::contract::Migration) -> Migration {
    let phase = match m.phase {
        Phase::Expand => "expand",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    };
    Migration { id: m.id.clone(), phase: phase.into(), deferred: m.deferred, reversible: m.reversible }
}
