//! From files to a plan, with what the contracts say of it.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};

use super::args::{Contracts, Files, Global};
use super::compat::check::memory;
use super::contracts::{self, Known};
use super::files::pointed;
use super::{clock, together};
use crate::compat::deps::crossed;
use crate::compat::deps::order::Edge;
use crate::compat::fleet::{self, Asked, Outcome};
use crate::compat::{Finding, Of, Place, Severity};
use crate::plan::order::After;
use crate::plan::verdict::{Advice, Migration, Signs, Told, UNSEEN, Verdict, advise};
use crate::plan::{Plan, Roster};
use crate::spec::contract::{Phase, Tier, Waiver};
use crate::spec::upgrade::in_range;
use crate::spec::{Bundle, canonical};

/// The plan of the files, validated, and the tenants that stand beside it; where there are contracts, checked against them and in the order they ask for.
///
/// # Errors
/// The whole report of what is wrong.
pub fn plan_of(files: &Files, named: &Contracts, global: &Global) -> Result<(Plan, Option<Roster>)> {
    let known = contracts::load(&files.files, named.contracts.as_deref()).map_err(|report| anyhow!("{report}"))?;
    if !known.loaded.warnings.is_empty() {
        eprintln!("{}", known.loaded.warnings);
    }
    plan_from(&known, files, named, global)
}

/// As [`plan_of`], of files that were read.
///
/// # Errors
/// As [`plan_of`].
pub fn plan_from(known: &Known, files: &Files, named: &Contracts, global: &Global) -> Result<(Plan, Option<Roster>)> {
    let mut bundle = known.bundle(files.upgrade.as_deref()).map_err(|report| anyhow!("{report}"))?;
    let roster = Roster::of(&known.loaded, &bundle);
    let meets = |plan: &Plan| {
        together::check(&known.loaded, &[plan], None, clock::wall()).map_err(|report| anyhow!("{report}"))
    };
    if !known.any {
        let plan = known.plan(&bundle).map_err(|report| anyhow!("{report}"))?;
        meets(&plan)?;
        return Ok((plan, roster));
    }
    let today = chrono::Utc::now().date_naive();
    let asked = known.asked(&bundle, today);
    let outcome = fleet::check(&asked, &mut memory(named, global)).map_err(|p| anyhow!("{}", pointed(p)))?;
    needs(known, &mut bundle, &asked, &outcome.broken);
    let mut plan = known.plan(&bundle).map_err(|report| anyhow!("{report}"))?;
    meets(&plan)?;
    plan.compat = Some(verdict(known, &asked, &outcome));
    let mut after = After::new();
    for edge in outcome.edges {
        let pair = (edge.first, edge.then);
        // What a target alone asks for is among its needs, and the policy says how long it waits for that.
        if !outcome.named.contains(&pair) {
            let told = after.entry(pair.1).or_default().entry(pair.0).or_default();
            told.push_str(if told.is_empty() { "" } else { "; " });
            told.push_str(&edge.reason);
        }
    }
    Ok((plan.in_order(&bundle.fleet, &after)?, roster))
}

/// What contracts say of needs, where a target does not: of services that stay, and of those whose old version would not
/// do; but for what stands in a circle and no order keeps.
fn needs(known: &Known, bundle: &mut Bundle, asked: &Asked<'_>, broken: &[Edge]) {
    let going: BTreeSet<String> = bundle.upgrade.spec.to.keys().cloned().collect();
    for (service, target) in &mut bundle.upgrade.spec.to {
        let version = target.version().and_then(|v| Version::parse(&v).ok());
        let Some(published) = version.and_then(|v| known.registry.get(service, &v)) else { continue };
        for depend in &published.contract.spec.depends {
            let Ok(req) = VersionReq::parse(&depend.req) else { continue };
            let runs = asked.moves.iter().find(|m| m.service == depend.service).map(|m| &m.from);
            let does = going.contains(&depend.service) && runs.is_some_and(|v| in_range(&req, v));
            let there = bundle.fleet.service(&depend.service).is_some();
            let kept = !broken.iter().any(|e| e.first == depend.service && e.then == *service);
            if there && kept && !does && req != VersionReq::STAR {
                target.needs.entry(depend.service.clone()).or_insert_with(|| depend.req.clone());
            }
        }
    }
}

/// Findings kept in a plan, which is written with each picture of a run: those that bar come first.
const MAX_TOLD: usize = 300;
/// Names of what is reached that are kept in a plan, in all of its findings together.
const MAX_NAMED: usize = 20_000;

fn verdict(known: &Known, asked: &Asked<'_>, outcome: &Outcome) -> Verdict {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let all = &outcome.report.findings;
    let (told, infos): (Vec<&Finding>, Vec<&Finding>) = all.iter().partition(|f| f.severity > Severity::Info);
    // In an order of their own: what is accepted or no longer so changes the order of the findings, and none of them.
    let mut prints: Vec<&str> = all.iter().map(|f| f.fingerprint.as_str()).collect();
    prints.sort_unstable();
    let mut room = MAX_NAMED;
    // What is merely worth knowing because somebody says so stands with what is left out: it bars and warns no more.
    let (less, infos): (Vec<&Finding>, Vec<&Finding>) = infos.into_iter().partition(|f| fleet::overruled(f).is_some());
    let out = less.into_iter().chain(&outcome.left_out).map(|f| (f, true));
    let every: Vec<(&Finding, bool)> = told.into_iter().map(|f| (f, false)).chain(out).collect();
    let mut verdict = Verdict {
        findings: every.iter().take(MAX_TOLD).map(|(f, off)| told_of(f, *off, asked, &mut room)).collect(),
        more: count(every.len().saturating_sub(MAX_TOLD)),
        digest: canonical::hex(&Sha256::digest(prints.join("\n").as_bytes())),
        infos: count(infos.len()),
        not_compared: count(outcome.report.not_compared.len()),
        unseen: outcome.report.not_compared.iter().take(MAX_TOLD).map(|note| unseen(note, asked)).collect(),
        ..Verdict::default()
    };
    for d in &outcome.detours {
        let way = if d.over.is_empty() { "none was found".to_string() } else { d.over.join(" → ") };
        verdict.detours.push(format!("{} {} → {}: {way}", d.service, d.from, d.to));
    }
    for m in asked.moves.iter().filter(|m| m.from < m.to) {
        let versions = known.registry.services.get(&m.service);
        let crossed = versions.into_iter().flat_map(|v| crossed(v, &m.from, &m.to));
        let migrations: Vec<Migration> =
            crossed.flat_map(|(_, p)| &p.contract.spec.migrations).map(migration).collect();
        if !migrations.is_empty() {
            verdict.migrations.insert(m.service.clone(), migrations);
        }
    }
    verdict.advice = advised(known, asked, outcome, &verdict.migrations);
    verdict
}

/// How each service that moves would best be moved.
fn advised(
    known: &Known,
    asked: &Asked<'_>,
    outcome: &Outcome,
    migrations: &BTreeMap<String, Vec<Migration>>,
) -> BTreeMap<String, Advice> {
    let all = &outcome.report.findings;
    let mut advice = BTreeMap::new();
    for m in asked.moves.iter().filter(|m| m.from != m.to) {
        let mine = || all.iter().filter(|f| f.of.as_ref().is_some_and(|of| of.service == m.service));
        let tier = known.registry.get(&m.service, &m.to).map(|p| p.contract.spec.tier);
        let migrations = migrations.get(&m.service);
        let signs = Signs {
            barred: mine().any(Finding::bars),
            not_compared: [&m.from, &m.to].iter().any(|v| known.registry.get(&m.service, v).is_none()),
            contracts: migrations.is_some_and(|all| all.iter().any(|x| x.phase == "contract")),
            major: m.from.major != m.to.major,
            warned: mine().any(|f| f.severity == Severity::Warning),
            core: tier == Some(Tier::Core),
            ordered: outcome.edges.iter().any(|e| e.first == m.service || e.then == m.service),
        };
        advice.insert(m.service.clone(), advise(signs));
    }
    advice
}

/// `room`: how many names of what is reached may still be kept.
fn told_of(f: &Finding, off: bool, asked: &Asked<'_>, room: &mut usize) -> Told {
    let waivers = asked.registry.policy.iter().flat_map(|p| &p.spec.waivers);
    let over = |w: &&Waiver| w.fingerprint == f.fingerprint && w.until.naive() < asked.today;
    let (new, old) = (f.location.revision.as_ref(), f.location.base.as_ref());
    let named: Vec<String> = f.affected.iter().take(*room).cloned().collect();
    *room -= named.len();
    let change = |of: &Of| {
        let way = if of.from == of.to { format!("stays on {}", of.from) } else { format!("{} → {}", of.from, of.to) };
        if of.part.is_empty() { way } else { format!("{way}, {}", of.part) }
    };
    Told {
        at: new.or(old).map(spot),
        was_at: old.filter(|_| new.is_some()).map(spot),
        change: f.of.as_deref().map(change),
        details: f.details.clone(),
        unnamed: u32::try_from(f.affected.len() - named.len()).unwrap_or(u32::MAX),
        affected: named,
        fingerprint: f.fingerprint.clone(),
        rule: f.rule.to_string(),
        critical: f.severity == Severity::Critical,
        service: f.of.as_ref().map(|of| of.service.clone()),
        message: f.message.clone(),
        consumers: f.of.as_ref().map_or(Vec::new(), |of| of.consumers.clone()),
        advice: f.recommendation.clone(),
        waived: f.waived.clone(),
        lapsed: waivers.into_iter().find(over).map(fleet::accepted_by),
        overruled: fleet::overruled(f).map(String::from),
        off,
    }
}

/// What was not compared: its place stands before it, if it has one.
fn unseen(note: &str, asked: &Asked<'_>) -> Told {
    let place = note.split_once(": ").filter(|(at, _)| at.contains([':', '/', '#']));
    let (at, what) = place.map_or((None, note), |(at, what)| (Some(at), what));
    let (path, rest) = at.map_or(("", ""), |at| at.split_at(at.find(['#', ' ']).unwrap_or(at.len())));
    let of = |name: &&String| path.split('/').any(|part| part == name.as_str());
    Told {
        rule: UNSEEN.to_string(),
        service: asked.moves.iter().map(|m| &m.service).find(of).cloned(),
        message: what.to_string(),
        at: at.map(|_| format!("{}{rest}", inside(path))),
        advice: Some("look at it by hand: nothing vouches for it".to_string()),
        ..Told::default()
    }
}

fn spot(place: &Place) -> String {
    let line = place.line.map_or(String::new(), |line| format!(":{line}"));
    let pointer = if place.pointer.is_empty() { String::new() } else { format!(" #{}", place.pointer) };
    format!("{}{line}{pointer}", inside(&place.file))
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

/// Whether the contracts say the same of both plans, but for what is accepted, and all else is the same.
pub fn differs_by_waivers_only(before: &Plan, after: &Plan) -> bool {
    let rest = |plan: &Plan| Plan { compat: None, ..plan.clone() };
    let digest = |plan: &Plan| plan.compat.as_ref().map(|v| v.digest.clone());
    digest(before) == digest(after) && rest(before) == rest(after)
}

/// What a run has begun under and may not begin under any more, if that is all that differs from the plan of now.
pub fn waivers_ended(begun: &Plan, now: &Plan) -> Option<String> {
    let (before, after) = (begun.compat.as_ref()?, now.compat.as_ref()?);
    if !differs_by_waivers_only(begun, now) {
        return None;
    }
    let accepted: BTreeSet<&str> = before.accepted().map(|t| t.fingerprint.as_str()).collect();
    let ended = after.barring().filter(|t| accepted.contains(t.fingerprint.as_str()));
    let told: Vec<String> = ended
        .filter_map(|t| {
            Some(format!("{}, {} ({}), accepted by {}", t.fingerprint, t.message, t.rule, t.lapsed.as_ref()?))
        })
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{SourceFile, load, presets};

    fn plan(waived: bool, lapsed: bool, steps: &str) -> Plan {
        let text = format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: shop}}\nspec:\n  environments: [{{name: \
             test, kubernetes: {{namespace: shop}}}}]\n  services:\n    - {{name: auth, workload: {{deployment: auth, \
             container: app}},\n       traffic: {{httpRoute: {{name: auth, stable: auth, next: auth-next, port: \
             80}}}}}}\n---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata: {{name: up}}\nspec:\n  fleet: \
             shop\n  environment: test\n  policy: {steps}\n  strategy: canary\n  to:\n    auth: {{image: \
             \"r.example/auth:2.0.0\"}}\n"
        );
        let loaded = load(&[SourceFile { name: "all.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
        let mut plan = Plan::build(&loaded.bundle(None).unwrap()).unwrap();
        let who = Some("mara and jun, until 2026-11-25: nobody calls it".to_string());
        let told = Told {
            fingerprint: "739826fedbd814dd".into(),
            rule: "operation-removed".into(),
            critical: true,
            service: Some("auth".into()),
            message: "GET /x removed".into(),
            waived: who.clone().filter(|_| waived),
            lapsed: who.filter(|_| lapsed),
            ..Told::default()
        };
        plan.compat = Some(Verdict { findings: vec![told], ..Verdict::default() });
        plan
    }

    #[test]
    fn a_waiver_that_has_ended_is_told_as_that() {
        let begun = plan(true, false, "erp");
        let told = waivers_ended(&begun, &plan(false, true, "erp"));
        let wanted = "739826fedbd814dd, GET /x removed (operation-removed), accepted by mara and jun, until 2026-11-25: \
                      nobody calls it";
        assert_eq!(told.as_deref(), Some(wanted));
        // It was taken out, it still holds, or the files are others.
        for now in [plan(false, false, "erp"), plan(true, false, "erp"), plan(false, true, "studio")] {
            assert_eq!(waivers_ended(&begun, &now), None);
        }
    }
}
