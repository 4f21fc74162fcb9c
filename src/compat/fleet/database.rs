//! Migrations that a move brings along: what they declare, what their SQL does, and what still reads what they drop.
use std::collections::BTreeSet;

use semver::Version;

use super::pairs::{Answer, Question};
use super::{Look, Published, place, running};
use crate::compat::deps::{self, Move};
use crate::compat::sql::catalogue::{Catalogue, Table};
use crate::compat::sql::declared::{Declared, Reader, release, repeated, unknown_expand};
use crate::compat::sql::name::Name;
use crate::compat::{Finding, Report, Severity};
use crate::spec::contract::{Migration, Phase};
use crate::spec::{SourceFile, nearest};

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

/// A migration, and the version that brings it.
#[derive(Clone, Copy)]
struct Brought<'a> {
    version: &'a Version,
    published: &'a Published,
    at: usize,
    migration: &'a Migration,
}

impl<'a> Brought<'a> {
    fn sql(&self) -> Option<&'a SourceFile> {
        self.published.sql.get(&self.migration.id)
    }

    /// Said and done alike, wherever the file stands.
    fn same(&self, other: &Self) -> bool {
        let said = |b: &Self| Migration { origin: None, ..b.migration.clone() };
        said(self) == said(other) && self.sql().map(|f| &f.text) == other.sql().map(|f| &f.text)
    }
}

/// Looks at the migrations of every version that the move crosses.
pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let Some(versions) = look.asked.registry.services.get(&m.service) else { return };
    let brought = deps::crossed(versions, &m.from, &m.to).into_iter().flat_map(|(version, published)| {
        let migrations = published.contract.spec.migrations.iter().enumerate();
        migrations.map(move |(at, migration)| Brought { version, published, at, migration })
    });
    let all = once(look, m, brought.collect());
    if all.is_empty() {
        return;
    }
    let answer = asked(look, m, &all);
    let Report { findings, not_compared } = answer.map(|a| a.report).unwrap_or_default();
    not_compared.into_iter().for_each(|note| look.note(note));
    let of_file = |f: &Finding| {
        let file = f.location.revision.as_ref().map_or("", |p| p.file.as_str());
        all.iter().position(|b| b.sql().is_some_and(|sql| sql.name == file)).unwrap_or(0)
    };
    let found: Vec<(usize, &Finding)> = findings.iter().map(|f| (of_file(f), f)).collect();
    let run: Vec<Declared> = all.iter().map(|b| declared(m, b)).collect();
    for (declared, b) in run.iter().zip(&all) {
        expand_unknown(look, m, declared, b);
    }
    let readers = readers(look, m);
    for finding in release(&run, &readers, &found) {
        let part = finding.location.revision.as_ref().and_then(|p| part_at(&run, p)).unwrap_or_default();
        look.put(m, &part, Vec::new(), finding);
    }
    for (n, finding) in found {
        let finding = as_declared(finding.clone(), &run[n], &readers);
        look.put(m, &format!("migration {}", run[n].id), Vec::new(), finding);
    }
}

/// Whether the id that a contract phase takes back is one that any version of the service has.
fn expand_unknown(look: &mut Look<'_>, m: &Move, declared: &Declared, b: &Brought<'_>) {
    let Some(expand) = declared.contracts.as_deref().filter(|_| declared.phase == deps::Phase::Contract) else {
        return;
    };
    let published = look.asked.registry.services.get(&m.service);
    let known: Vec<(&Version, &str)> = published
        .into_iter()
        .flatten()
        .flat_map(|(v, p)| p.contract.spec.migrations.iter().map(move |known| (v, known.id.as_str())))
        .filter(|(_, id)| *id != declared.id)
        .collect();
    if known.iter().any(|(_, id)| *id == expand) {
        return;
    }
    // Those of this upgrade first: of two that are equally near it is the one that matters.
    let now = |v: &Version| *v > m.from && *v <= m.to;
    let (ours, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|(v, _)| now(v));
    let near = nearest(expand, ours.iter().chain(&others).map(|(_, id)| *id));
    let near = near.map(|near| (near, ours.iter().any(|(_, id)| *id == near)));
    let finding = unknown_expand(declared, expand, near);
    look.put(m, &format!("migration {}", b.migration.id), Vec::new(), finding);
}

/// Each id once, also of those that ran with the version that is there and those before it. One that comes again is told;
/// where it is the very same it is left out.
fn once<'a>(look: &mut Look<'_>, m: &Move, brought: Vec<Brought<'a>>) -> Vec<Brought<'a>> {
    let mut all: Vec<Brought<'a>> = Vec::new();
    for b in brought {
        let ran = ran(look, m, &b.migration.id);
        let Some(first) = all.iter().find(|o| o.migration.id == b.migration.id).or(ran.as_ref()) else {
            all.push(b);
            continue;
        };
        let same = first.same(&b);
        // A release brings what its pre-release brought, which is no second migration.
        if same && !first.version.pre.is_empty() && released(first.version) == released(b.version) {
            continue;
        }
        let finding = repeated(&declared(m, first), &declared(m, &b), same);
        look.put(m, &format!("migration {}", b.migration.id), Vec::new(), finding);
        if !same {
            all.push(b);
        }
    }
    all
}

fn released(v: &Version) -> (u64, u64, u64) {
    (v.major, v.minor, v.patch)
}

/// The migration of this id that has run by now: of the version that is there, or of the last before it that has one.
fn ran<'a>(look: &Look<'a>, m: &Move, id: &str) -> Option<Brought<'a>> {
    let before = look.asked.registry.services.get(&m.service)?.range(..=&m.from).rev();
    before.into_iter().find_map(|(version, published)| {
        let mut all = published.contract.spec.migrations.iter().enumerate();
        let (at, migration) = all.find(|(_, migration)| migration.id == id)?;
        Some(Brought { version, published, at, migration })
    })
}

/// What the SQL of all of them does, one after the other.
fn asked(look: &mut Look<'_>, m: &Move, all: &[Brought<'_>]) -> Option<Answer> {
    let (mut known, mut files) = (Catalogue::default(), Vec::new());
    for b in all {
        for table in &b.migration.tables {
            let entry = known.tables.entry(Name::read(table).to_string()).or_insert_with(Table::default);
            entry.rows = entry.rows.max(b.migration.rows);
        }
        match b.sql() {
            Some(file) => files.push(file),
            None => look.note(format!("{} {}: its SQL is not there to be looked at", m.service, b.migration.id)),
        }
    }
    if files.is_empty() { None } else { look.ask(&Question::Sql { files, known }) }
}

/// The SQL alone does not say who still reads what it takes away. What is declared does, for what is declared.
fn as_declared(mut finding: Finding, m: &Declared, readers: &[Reader]) -> Finding {
    let drops = matches!(finding.rule, "sql-drop-column" | "sql-drop-table" | "sql-drop-schema");
    if !drops || m.phase != deps::Phase::Contract || m.drops.is_empty() {
        return finding;
    }
    let gone: Vec<Name> = finding.affected.iter().map(|name| Name::folded(name)).collect();
    let named: Vec<Name> = m.drops.iter().map(|name| Name::read(name)).collect();
    if gone.is_empty() || !gone.iter().all(|g| named.iter().any(|d| d.covers(g))) {
        finding.details.push("its migration does not say so under `drops`".to_string());
        return finding;
    }
    let reads = |r: &Reader| r.reads.iter().any(|name| gone.iter().any(|g| g.touches(&Name::read(name))));
    let told = readers.iter().all(|r| !r.reads.is_empty() && !reads(r));
    let stays = readers.iter().any(|r| r.stays && reads(r));
    let why = match (m.deferred, told) {
        (true, _) if stays => return finding,
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

fn declared(m: &Move, b: &Brought<'_>) -> Declared {
    let migration = b.migration;
    Declared {
        id: migration.id.clone(),
        service: m.service.clone(),
        version: b.version.clone(),
        phase: phase(migration.phase),
        contracts: migration.contracts.clone(),
        deferred: migration.deferred,
        estimated: migration.estimated,
        destructive: migration.destructive,
        reversible: migration.reversible,
        drops: migration.drops.iter().cloned().collect(),
        place: Some(place(&b.published.contract, &format!("/migrations/{}", b.at))),
    }
}

/// Versions that run while the migrations of a service do: its own, of which one without a contract says nothing of what it
/// reads; and those of other services that say they read something. A database belongs to its service, but others look in.
fn readers(look: &Look<'_>, m: &Move) -> Vec<Reader> {
    let reader = |of: &Move, version: &Version| {
        let reads: Option<BTreeSet<String>> =
            look.get(&of.service, version).map(|p| p.contract.spec.reads.iter().cloned().collect());
        let (stays, reads) = (*version == of.to, reads.unwrap_or_default());
        let own = if of.service == m.service { BTreeSet::new() } else { own(look, &of.service, &reads) };
        Reader { service: of.service.clone(), version: version.clone(), stays, reads, own }
    };
    let others = look.asked.moves.iter().filter(|of| of.service != m.service);
    let others = others.flat_map(|of| running(of).into_iter().map(move |version| (of, version)));
    let others = others.map(|(of, version)| reader(of, version)).filter(|r| !r.reads.is_empty());
    [&m.from, &m.to].into_iter().map(|version| reader(m, version)).chain(others).collect()
}

/// What of this is of tables that migrations of the service itself change, in any of its versions.
fn own(look: &Look<'_>, service: &str, reads: &BTreeSet<String>) -> BTreeSet<String> {
    if reads.is_empty() {
        return BTreeSet::new();
    }
    let versions = look.asked.registry.services.get(service).into_iter().flatten();
    let migrations = versions.flat_map(|(_, p)| &p.contract.spec.migrations);
    let tables: BTreeSet<Name> = migrations.flat_map(|m| &m.tables).map(|table| Name::read(table)).collect();
    let changed = |name: &&String| tables.iter().any(|table| table.covers(&Name::read(name)));
    reads.iter().filter(changed).cloned().collect()
}
