//! `pilothouse compat check`: a whole fleet.
use std::io::Write;

use anyhow::{Result, anyhow};
use serde_json::json;

use super::kept::Kept;
use super::{Output, lines, machine, show};
use crate::cli::args::{Contracts, Files, Global};
use crate::cli::files::pointed;
use crate::cli::{contracts, place, session};
use crate::compat::Severity;
use crate::compat::fleet::{self, Outcome};

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
        other => show(&outcome.report, other, out),
    }
}

/// The outcome for a program.
pub fn value(outcome: &Outcome) -> serde_json::Value {
    let mut value = machine::value(&outcome.report);
    value["waves"] = json!(outcome.waves);
    let edge = |e: &crate::compat::deps::order::Edge| json!({"first": e.first, "then": e.then, "reason": e.reason});
    value["order"] = outcome.edges.iter().map(edge).collect();
    value["detours"] = json!(outcome.detours);
    value
}

/// What bars and what warns, the order, ways around, and a verdict. What is worth knowing only is counted.
fn text(outcome: &Outcome, out: &mut dyn Write) -> Result<()> {
    for finding in outcome.report.findings.iter().filter(|f| f.severity > Severity::Info) {
        lines::one(finding, out)?;
    }
    if !outcome.edges.is_empty() {
        writeln!(out, "order:")?;
        for e in &outcome.edges {
            writeln!(out, "  {} before {}: {}", e.first, e.then, lines::clean(&e.reason))?;
        }
    }
    if outcome.waves.len() > 1 {
        writeln!(out, "waves:")?;
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
    lines::end(&outcome.report, out)?;
    Ok(())
}
