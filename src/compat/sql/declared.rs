//! The migrations of a release against each other, and against what still runs.
use std::collections::BTreeSet;

use semver::Version;

use super::super::deps::Phase;
use super::{Area, Finding, Place, Severity, fingerprint};
use crate::compat::Location;

/// A migration as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub id: String,
    pub service: String,
    /// The version that brings it.
    pub version: Version,
    pub phase: Phase,
    /// The expand this contract takes back.
    pub contracts: Option<String>,
    /// Runs only when all services have soaked and nothing goes back any more.
    pub deferred: bool,
    pub minutes: Option<u32>,
    pub destructive: bool,
    pub reversible: bool,
    /// What it takes away.
    pub drops: BTreeSet<String>,
    pub place: Option<Place>,
}

/// A version that may still run when a migration does, and what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub service: String,
    pub version: Version,
    pub reads: BTreeSet<String>,
}

/// Minutes after which a migration wants a plan of its own.
pub const LONG: u32 = 5;

/// Looks at the migrations that one upgrade runs, with the rules its SQL broke (`found`, by migration).
pub fn release(run: &[Declared], readers: &[Reader], found: &[(&str, &Finding)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for m in run {
        let mut say =
            |rule, severity, message: String, advice: &str| findings.push(said(m, rule, severity, message, advice));
        if let Some(minutes) = m.minutes.filter(|n| *n > LONG) {
            let message = format!("{} takes about {minutes} minutes", m.id);
            say("migration-long", Severity::Warning, message, "run it before the upgrade, in batches");
        }
        if !m.reversible {
            let message = format!("{} cannot be taken back", m.id);
            let severity = if m.phase == Phase::Contract { Severity::Info } else { Severity::Warning };
            say("migration-not-reversible", severity, message, "say how it is undone, or leave it to a contract phase");
        }
        if m.destructive && m.phase != Phase::Contract {
            let message = format!("{} takes away and is no contract phase", m.id);
            say("migration-destructive", Severity::Critical, message, "expand now, and contract in a later release");
        }
        let together = m.contracts.as_ref().filter(|e| m.phase == Phase::Contract && run.iter().any(|o| o.id == **e));
        if let Some(expand) = together {
            let severity = if m.deferred { Severity::Warning } else { Severity::Critical };
            let message = match m.deferred {
                true => format!("{} takes back what {expand} adds in the same release, after all have soaked", m.id),
                false => format!("{} takes back what {expand} adds in the same release", m.id),
            };
            say("migration-contract-with-expand", severity, message, "contract in the release after");
        }
        findings.extend(readers.iter().filter_map(|reader| loses(m, reader)));
        findings.extend(undeclared(m, found));
    }
    findings
}

/// A version that may still run reads what is dropped. One that is deferred drops it when none does any more.
fn loses(m: &Declared, reader: &Reader) -> Option<Finding> {
    let lost: Vec<&str> = m.drops.intersection(&reader.reads).map(String::as_str).collect();
    if lost.is_empty() || (m.deferred && m.phase == Phase::Contract) {
        return None;
    }
    let (service, version, lost) = (&reader.service, &reader.version, lost.join(", "));
    let message = format!("{service} {version} may still run and reads {lost}, which {} drops", m.id);
    let advice = "drop it when that version is gone for good";
    Some(said(m, "migration-drops-what-is-read", Severity::Critical, message, advice))
}

/// Its SQL destroys, and it does not say so.
fn undeclared(m: &Declared, found: &[(&str, &Finding)]) -> Option<Finding> {
    let destroys = ["sql-drop-table", "sql-drop-column", "sql-truncate", "sql-delete-all"];
    let (_, f) = found.iter().find(|(id, f)| *id == m.id && destroys.contains(&f.rule)).filter(|_| !m.destructive)?;
    let message = format!("{} is not declared destructive, and {}", m.id, f.message);
    let advice = "declare it, and its phase as contract";
    Some(said(m, "migration-undeclared-destructive", Severity::Critical, message, advice))
}

fn said(m: &Declared, rule: &'static str, severity: Severity, message: String, advice: &str) -> Finding {
    let about = Place { file: String::new(), pointer: format!("{}@{}/{}", m.service, m.version, m.id), line: None };
    let location = Location { base: None, revision: m.place.clone() };
    Finding {
        rule,
        severity,
        direction: None,
        area: Area::Database,
        fingerprint: fingerprint(rule, None, &Location { base: Some(about), revision: m.place.clone() }),
        location,
        affected: vec![m.service.clone()],
        message,
        details: Vec::new(),
        recommendation: Some(advice.to_string()),
        of: None,
        waived: None,
        values: String::new(),
    }
}
