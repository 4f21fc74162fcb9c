//! The migrations of a release against each other, and against what still runs.
use std::collections::BTreeSet;

use semver::Version;

use super::super::deps::Phase;
use super::name::Name;
use super::{Area, Finding, Place, Severity, fingerprint};
use crate::compat::Location;
use crate::spec::units::Dur;

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
    /// How long it takes, as it is declared.
    pub estimated: Option<Dur>,
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
    /// It runs on when the release is done, so that it meets what is deferred as well.
    pub stays: bool,
    pub reads: BTreeSet<String>,
    /// Those of them that are of tables which its own service changes: they may be in a database of its own.
    pub own: BTreeSet<String>,
}

/// After this a migration wants a plan of its own.
pub const LONG: Dur = Dur::mins(5);

/// Looks at the migrations that one upgrade runs, with the rules its SQL broke (`found`, by place in `run`).
pub fn release(run: &[Declared], readers: &[Reader], found: &[(usize, &Finding)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (n, m) in run.iter().enumerate() {
        let mut say =
            |rule, severity, message: String, advice: &str| findings.push(said(m, rule, severity, message, advice));
        if let Some(time) = m.estimated.filter(|time| *time > LONG) {
            let message = format!("{} takes about {time}", m.id);
            say("migration-long", Severity::Warning, message, "run it before the upgrade, in batches");
        }
        if !m.reversible {
            let message = format!("{} cannot be taken back", m.id);
            let severity = if m.phase == Phase::Contract { Severity::Info } else { Severity::Warning };
            say("migration-not-reversible", severity, message, "say how it is undone, or leave it to a contract phase");
        }
        if (m.destructive || !m.drops.is_empty()) && m.phase != Phase::Contract {
            let drops = if m.drops.is_empty() { String::new() } else { format!(" ({})", dropped(m)) };
            let message = format!("{} takes away{drops} and is no contract phase", m.id);
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
        let lost: Vec<Finding> = readers.iter().filter_map(|reader| loses(m, reader)).collect();
        let of_it = || found.iter().filter(|(of, _)| *of == n).map(|(_, f)| *f);
        if lost.is_empty() && !of_it().any(|f| DESTROYS.contains(&f.rule)) {
            findings.extend(takes_away(m));
        }
        findings.extend(lost);
        findings.extend(undeclared(m, of_it()));
    }
    findings
}

/// What a contract phase takes away is told also where nobody reads it and no SQL tells of it.
fn takes_away(m: &Declared) -> Option<Finding> {
    if m.phase != Phase::Contract || !m.destructive {
        return None;
    }
    if m.drops.is_empty() {
        let message = format!("{} is declared destructive, and does not say what it takes away", m.id);
        let advice = "name it under `drops`, so that it is held against who reads it";
        return Some(said(m, "migration-drops-unsaid", Severity::Warning, message, advice));
    }
    let when = if m.deferred { " when all have soaked" } else { "" };
    let message = format!("{} drops {}{when}; no version that runs then says that it reads it", m.id, dropped(m));
    let advice = "ask who else may read it: reports, exports, people";
    Some(said(m, "migration-drops", Severity::Warning, message, advice))
}

fn dropped(m: &Declared) -> String {
    m.drops.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A version that may still run reads what is dropped. One that is deferred drops it when only those run that stay.
fn loses(m: &Declared, reader: &Reader) -> Option<Finding> {
    let after = m.deferred && m.phase == Phase::Contract;
    let leaves = after && !reader.stays;
    if m.drops.is_empty() || (leaves && reader.reads.is_empty()) {
        return None;
    }
    let (service, version) = (&reader.service, &reader.version);
    let advice = "drop it when that version is gone for good";
    let rule = "migration-drops-what-is-read";
    if reader.reads.is_empty() {
        let message = format!(
            "{service} {version} may still run and does not say what it reads, and {} drops {}",
            m.id,
            dropped(m)
        );
        // What the service itself wrote before, the version before may well read.
        let severity = if reader.service == m.service && !after { Severity::Critical } else { Severity::Warning };
        return Some(said(m, rule, severity, message, "say what it reads, under `reads` of its contract"));
    }
    let drops: Vec<Name> = m.drops.iter().map(|d| Name::read(d)).collect();
    let reads = reader.reads.iter().filter(|r| drops.iter().any(|d| d.touches(&Name::read(r))));
    let lost: Vec<&str> = reads.map(String::as_str).collect();
    if lost.is_empty() {
        return None;
    }
    let own = lost.iter().all(|name| reader.own.contains(*name));
    let lost = lost.join(", ");
    let mut told = match (after, leaves) {
        (_, true) => {
            let message = format!("{service} {version} reads {lost}, which {} drops when all have soaked", m.id);
            let advice =
                "there is no way back to that version then; drop it in the release after, if one may be needed";
            said(m, rule, Severity::Warning, message, advice)
        }
        (true, false) => {
            let message =
                format!("{service} {version} stays and reads {lost}, which {} drops when all have soaked", m.id);
            said(m, rule, Severity::Critical, message, "drop it in the release after the last that reads it")
        }
        (false, false) => {
            let message = format!("{service} {version} may still run and reads {lost}, which {} drops", m.id);
            said(m, rule, Severity::Critical, message, advice)
        }
    };
    if own {
        told.severity = Severity::Warning;
        told.details.push(format!("{service} changes a table of that name itself: it may be one in another database"));
    }
    Some(told)
}

/// What takes rows, columns or tables away for good.
const DESTROYS: [&str; 9] = [
    "sql-delete-all",
    "sql-drop-cascade",
    "sql-drop-column",
    "sql-drop-database",
    "sql-drop-owned",
    "sql-drop-schema",
    "sql-drop-table",
    "sql-truncate",
    "sql-truncate-cascade",
];

/// Its SQL destroys, or it says what it drops, and it does not say that it destroys.
fn undeclared<'a>(m: &Declared, found: impl Iterator<Item = &'a Finding>) -> Option<Finding> {
    if m.destructive {
        return None;
    }
    let does: Vec<&Finding> = found.filter(|f| DESTROYS.contains(&f.rule)).collect();
    let mut told: Vec<String> = does.iter().map(|f| f.message.clone()).collect();
    if told.is_empty() && m.phase == Phase::Contract && !m.drops.is_empty() {
        told.push(format!("drops {}", dropped(m)));
    }
    let message = format!("{} is not declared destructive, and {}", m.id, told.first()?);
    let advice = "declare it, and its phase as contract";
    let mut f = said(m, "migration-undeclared-destructive", Severity::Critical, message, advice);
    f.details.extend(told.into_iter().skip(1).map(|what| format!("and it {what}")));
    f.values.extend(does.iter().map(|d| d.values.as_str()));
    Some(f)
}

/// A second migration of that id. Tools that run migrations know them by their id, and leave out what ran before.
pub fn repeated(first: &Declared, again: &Declared, same: bool) -> Finding {
    let both = format!("{} comes with {} {} and with {}", again.id, again.service, first.version, again.version);
    let (severity, message) = match same {
        true => (Severity::Warning, format!("{both}; it is taken for one, since they are the same")),
        false => (Severity::Critical, format!("{both}, and they are not the same: the second may be left out")),
    };
    said(again, "migration-id-repeated", severity, message, "give the later one an id of its own, or take it out")
}

/// It takes back a migration that no version of its service has; `near` is the id that was probably meant, and whether
/// that one runs in the same upgrade.
pub fn unknown_expand(m: &Declared, expand: &str, near: Option<(&str, bool)>) -> Finding {
    let message = format!("{} takes back {expand}, and no version of {} has a migration of that id", m.id, m.service);
    let (severity, advice) = match near {
        // What was meant may not be taken back yet.
        Some((near, true)) => (Severity::Critical, format!("did you mean `{near}`? That one runs in the same upgrade")),
        Some((near, false)) => (Severity::Warning, format!("did you mean `{near}`?")),
        None => (Severity::Warning, "name the migration that added what it takes away".to_string()),
    };
    said(m, "migration-contracts-unknown", severity, message, &advice)
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
        // Who accepts it accepts what it takes away as it is declared now, and no more.
        values: format!(
            "{:?} {:?} {} {} {} {}",
            m.phase,
            m.contracts,
            m.deferred,
            m.destructive,
            m.reversible,
            dropped(m)
        ),
    }
}
