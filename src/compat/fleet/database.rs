//! Migrations that a move brings along: what they declare, what their SQL does, and what still reads what they drop.
use semver::Version;

use super::pairs::Question;
use super::{Look, Published, place};
use crate::compat::deps::{self, Move};
use crate::compat::sql::catalogue::{Catalogue, Table};
use crate::compat::sql::declared::{Declared, Reader, release};
use crate::compat::{Finding, Report, Severity};
use crate::spec::contract::{Migration, Phase};

pub(super) fn phase(phase: Phase) -> deps::Phase {
    match phase {
        Phase::Expand => deps::Phase::Expand,
        Phase::Backfill => deps::Phase::Backfill,
        Phase::Contract => deps::Phase::Contract,
    }
}

/// Rounded up: five minutes and a second are more than five.
pub(super) fn minutes(m: &Migration) -> Option<u32> {
    m.estimated.map(|d| u32::try_from(d.0.div_ceil(60_000)).unwrap_or(u32::MAX))
}

/// Looks at the migrations of every version that the move crosses.
pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let Some(versions) = look.asked.registry.services.get(&m.service).filter(|_| m.from < m.to) else { return };
    let crossed: Vec<(&Version, &Published)> = versions.range(&m.from..=&m.to).filter(|(v, _)| **v != m.from).collect();
    let all = crossed.iter().flat_map(|(v, p)| p.contract.spec.migrations.iter().enumerate().map(move |x| (*v, *p, x)));
    let all: Vec<(&Version, &Published, (usize, &Migration))> = all.collect();
    if all.is_empty() {
        return;
    }
    let mut known = Catalogue::default();
    let (mut files, mut of_file) = (Vec::new(), Vec::new());
    for (_, published, (_, migration)) in &all {
        for table in &migration.tables {
            let entry = known.tables.entry(table.clone()).or_insert_with(Table::default);
            entry.rows = entry.rows.max(migration.rows);
        }
        match published.sql.get(&migration.id) {
            Some(file) => {
                files.push(file);
                of_file.push((file.name.as_str(), migration.id.as_str()));
            }
            None => look.note(format!("{} {}: its SQL is not there to be looked at", m.service, migration.id)),
        }
    }
    let answer = if files.is_empty() { None } else { look.ask(&Question::Sql { files, known }) };
    let Report { findings, not_compared } = answer.map(|a| a.report).unwrap_or_default();
    not_compared.into_iter().for_each(|note| look.note(note));
    let id_of = |f: &Finding| {
        let file = f.location.revision.as_ref().map_or("", |p| p.file.as_str());
        of_file.iter().find(|(name, _)| *name == file).map_or("", |(_, id)| *id)
    };
    let found: Vec<(&str, &Finding)> = findings.iter().map(|f| (id_of(f), f)).collect();
    let run: Vec<Declared> = all.iter().map(|(v, p, (i, x))| declared(m, v, p, *i, x)).collect();
    let readers = readers(look, m);
    let told = release(&run, &readers, &found);
    for finding in told {
        let part = finding.location.revision.as_ref().and_then(|p| part_at(&run, p)).unwrap_or_default();
        look.put(m, &part, Vec::new(), finding);
    }
    for (id, finding) in found {
        let migration = run.iter().find(|d| d.id == id);
        let finding = as_declared(finding.clone(), migration, &readers);
        look.put(m, &format!("migration {id}"), Vec::new(), finding);
    }
}

/// The SQL alone does not say who still reads what it takes away. What is declared does.
fn as_declared(mut finding: Finding, migration: Option<&Declared>, readers: &[Reader]) -> Finding {
    let drops = matches!(finding.rule, "sql-drop-column" | "sql-drop-table");
    let Some(m) = migration.filter(|m| drops && m.phase == deps::Phase::Contract && !m.drops.is_empty()) else {
        return finding;
    };
    let told = readers.iter().all(|r| !r.reads.is_empty() && r.reads.is_disjoint(&m.drops));
    let why = match (m.deferred, told) {
        (true, _) => "it runs when all services have soaked, and nothing goes back any more",
        (false, true) => "no version that runs reads it, by what their contracts say",
        (false, false) => return finding,
    };
    finding.severity = finding.severity.min(Severity::Warning);
    finding.details.push(why.to_string());
    finding
}

fn part_at(run: &[Declared], at: &crate::compat::Place) -> Option<String> {
    run.iter().find(|d| d.place.as_ref() == Some(at)).map(|d| format!("migration {}", d.id))
}

fn declared(m: &Move, version: &Version, published: &Published, i: usize, migration: &Migration) -> Declared {
    Declared {
        id: migration.id.clone(),
        service: m.service.clone(),
        version: version.clone(),
        phase: phase(migration.phase),
        contracts: migration.contracts.clone(),
        deferred: migration.deferred,
        minutes: minutes(migration),
        destructive: migration.destructive,
        reversible: migration.reversible,
        drops: migration.drops.iter().cloned().collect(),
        place: Some(place(&published.contract, &format!("/migrations/{i}"))),
    }
}

/// Versions of the service itself that run while its migrations do; a database belongs to its service.
fn readers(look: &Look<'_>, m: &Move) -> Vec<Reader> {
    let reader = |version: &Version| {
        let spec = &look.get(&m.service, version)?.contract.spec;
        let reads = spec.reads.iter().cloned().collect();
        Some(Reader { service: m.service.clone(), version: version.clone(), reads })
    };
    [&m.from, &m.to].into_iter().filter_map(reader).collect()
}
