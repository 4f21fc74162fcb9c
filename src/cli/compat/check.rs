//! `pilothouse compat check`: a whole fleet.
use std::io::Write;

use anyhow::{Result, anyhow};
use serde_json::json;

use super::kept::Kept;
use super::{Output, lines, machine, show};
use crate::cli::args::{Contracts, Files, Global};
use crate::cli::files::pointed;
use crate::cli::{contracts, place, session};
use crate::compat::fleet::{self, Outcome};
use crate::compat::{Finding, Report, Severity};
use crate::plan::order::AT_ONCE;

/// Where answers are kept: `--cache`, else below the state folder.
pub fn memory(named: &Contracts, global: &Global) -> Kept {
    let usual = || place::state_dir(global.state_dir.as_deref()).ok().map(|d| d.join("cache").join("compat"));
    Kept::new(named.cache.clone().or_else(usual))
}

/// Runs it; gives the exit code.
///
/// # Errors
/// Something cannot be read, or `out` cannot be written.
pub fn check(files: &Files, named: &Contracts, output: Output, global: &Global, out: &mut dyn Write) -> Result<i32> {
    let known = contracts::load(&files.files, named.contracts.as_deref()).map_err(|r| anyhow!("{r}"))?;
    if !known.loaded.warnings.is_empty() {
        session::say(&known.loaded.warnings.to_string());
    }
    if !known.any {
        return Err(anyhow!(
            "the Fleet names no folder of contracts; add `contracts: PATH` to it, or give --contracts"
        ));
    }
    let bundle = known.bundle(files.upgrade.as_deref()).map_err(|r| anyhow!("{r}"))?;
    let today = chrono::Utc::now().date_naive();
    let asked = known.asked(&bundle, today);
    let outcome = fleet::check(&asked, &mut memory(named, global)).map_err(|p| anyhow!("{}", pointed(p)))?;
    match output {
        Output::Text => {
            text(&outcome, out)?;
            Ok(if outcome.report.compatible() { 0 } else { 2 })
        }
        Output::Json => {
            writeln!(out, "{:#}", value(&outcome))?;
            Ok(if outcome.report.compatible() { 0 } else { 2 })
        }
        other => show(&with_left_out(outcome), other, out),
    }
}

/// For forms that know findings and remarks only: what is left out is a remark.
fn with_left_out(outcome: Outcome) -> Report {
    let Outcome { mut report, left_out, .. } = outcome;
    report.not_compared.extend(left_out.iter().map(remark));
    report
}

/// A finding that is left out, and by what.
fn remark(f: &Finding) -> String {
    let service = f.of.as_ref().map_or(String::new(), |of| format!("{}: ", of.service));
    let by = fleet::overruled(f).unwrap_or_default();
    format!("{service}{} ({}); {by}", f.message, f.rule)
}

/// The outcome for a program.
pub fn value(outcome: &Outcome) -> serde_json::Value {
    let mut value = machine::value(&outcome.report);
    value["left_out"] = json!(outcome.left_out);
    value["waves"] = json!(outcome.waves);
    let edge = |e: &crate::compat::deps::order::Edge| json!({"first": e.first, "then": e.then, "reason": e.reason});
    value["order"] = outcome.edges.iter().map(edge).collect();
    value["detours"] = json!(outcome.detours);
    value
}

/// What bars and what warns, the order, ways around, and a verdict. What is worth knowing only is counted.
fn text(outcome: &Outcome, out: &mut dyn Write) -> Result<()> {
    for finding in
        outcome.report.findings.iter().filter(|f| f.severity > Severity::Info || fleet::overruled(f).is_some())
    {
        lines::one(finding, out)?;
    }
    if !outcome.edges.is_empty() {
        writeln!(out, "order:")?;
        for e in &outcome.edges {
            writeln!(out, "  {} before {}: {}", e.first, e.then, lines::clean(&e.reason))?;
        }
    }
    if outcome.waves.len() > 1 {
        writeln!(out, "waves, by need alone; a run moves at most {AT_ONCE} at once, as `pilothouse plan` shows:")?;
        for (n, wave) in outcome.waves.iter().enumerate() {
            writeln!(out, "  {:<3} {}", n + 1, wave.join(" "))?;
        }
    }
    for d in &outcome.detours {
        let way = match d.over.as_slice() {
            [] => "no way over published versions was found".to_string(),
            over => format!("go over {}", over.join(" → ")),
        };
        writeln!(out, "detour: {} {} → {}: {}; {way}", d.service, d.from, d.to, d.refused.join("; "))?;
    }
    if !outcome.left_out.is_empty() {
        writeln!(out, "left out:")?;
        outcome.left_out.iter().try_for_each(|f| writeln!(out, "  {}", lines::clean(&remark(f))))?;
    }
    lines::end(&outcome.report, out)?;
    Ok(())
}
