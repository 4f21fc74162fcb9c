//! `pilothouse validate`: everything that is wrong with some files, in one report.
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;

use super::{clock, contracts, files, together};
use crate::calendar::reasons::few;
use crate::compat::fleet::Registry;
use crate::plan::Plan;
use crate::spec::calendar::Calendar;
use crate::spec::{self, Loaded, Problem, Report, SourceFile};

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    /// With source lines and carets, for a person.
    #[default]
    Text,
    /// One JSON object: `valid`, `errors`, `warnings`, `problems` and, when valid, what the files hold.
    Json,
}

/// Reads and checks the files under `paths`; problems of reading and of content come in the one report.
///
/// # Errors
/// Every error and warning, when there is at least one error.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, Report> {
    load_by(paths, spec::load_known)
}

/// As [`load`], for trying gates; see [`spec::load_to_try`].
///
/// # Errors
/// As [`load`].
pub fn load_to_try(paths: &[PathBuf]) -> Result<Loaded, Report> {
    load_by(paths, spec::load_to_try)
}

type Load = fn(&[SourceFile], &[(&str, &str)], bool) -> Result<Loaded, Report>;

fn load_by(paths: &[PathBuf], load: Load) -> Result<Loaded, Report> {
    let (files, unread) = files::read(paths);
    let loaded = load(&files, spec::presets(), unread.is_empty());
    if unread.is_empty() {
        return loaded;
    }
    let found = loaded.map_or_else(|report| report, |loaded| loaded.warnings);
    Err(Report::from(unread.into_iter().chain(found.problems).collect::<Vec<_>>()))
}

/// Validates and writes the outcome to `out`. Returns the exit code: 0 when there is no error, else 1.
///
/// # Errors
/// `out` cannot be written.
pub fn validate(paths: &[PathBuf], output: Output, out: &mut dyn Write) -> io::Result<i32> {
    let outcome = load(paths).and_then(|loaded| whole(paths, loaded));
    let (report, code) = match &outcome {
        Ok(loaded) => (&loaded.warnings, 0),
        Err(report) => (report, 1),
    };
    match output {
        Output::Json => {
            let mut value = json!({
                "valid": code == 0,
                "errors": report.errors(),
                "warnings": report.warnings(),
                "problems": report,
            });
            if let Ok(loaded) = &outcome {
                value["fleets"] = loaded.fleets.iter().map(|f| f.name.as_str()).collect();
                value["policies"] = loaded.policies.iter().map(|p| p.name.as_str()).collect();
                value["upgrades"] = loaded.upgrades.iter().map(|u| u.name.as_str()).collect();
                value["contracts"] = loaded.contracts.len().into();
                value["migrations"] = loaded.migrations.len().into();
                value["releases"] = loaded.releases.iter().map(|r| r.name.as_str()).collect();
                value["notes"] = local_dates(loaded).into();
                value["calendars"] = loaded.calendars.iter().map(|c| c.name.as_str()).collect();
                value["tenants"] = loaded.tenants.iter().map(|t| t.spec.tenants.len()).sum::<usize>().into();
            }
            writeln!(out, "{value:#}")?;
        }
        Output::Text => {
            if !report.is_empty() {
                writeln!(out, "{report}")?;
            }
            match &outcome {
                Ok(loaded) => {
                    local_dates(loaded).iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
                    writeln!(out, "valid: {}", contents(loaded))?;
                }
                Err(_) => writeln!(out, "not valid; nothing was changed")?,
            }
        }
    }
    Ok(code)
}

/// Contracts that a fleet names are part of what it says, and so is what an upgrade comes to: a release with everything it
/// lists left out, or tenants of whom none can move.
fn whole(paths: &[PathBuf], loaded: Loaded) -> Result<Loaded, Report> {
    let named = loaded.fleets.iter().any(|f| f.spec.contracts.is_some());
    let released = loaded.upgrades.iter().any(|u| u.spec.release.is_some());
    let known = match named || released {
        true => contracts::load(paths, None)?,
        false => contracts::Known { loaded, registry: Registry::default(), any: false, folders: BTreeSet::new() },
    };
    let (mut plans, mut refused): (Vec<Plan>, Vec<Problem>) = (Vec::new(), Vec::new());
    for upgrade in &known.loaded.upgrades {
        match known.bundle(Some(&upgrade.name)).and_then(|bundle| known.plan(&bundle)) {
            Ok(plan) => plans.push(plan),
            Err(report) => refused.extend(report.problems),
        }
    }
    let together = together::check(&known.loaded, &plans.iter().collect::<Vec<_>>(), None, clock::wall());
    refused.extend(together.err().into_iter().flat_map(|report| report.problems));
    match refused.is_empty() {
        true => Ok(known.loaded),
        false => Err(Report::from(refused.into_iter().chain(known.loaded.warnings.problems).collect::<Vec<_>>())),
    }
}

/// Dates of freezes and blackouts that name no zone are other instants for everybody: whose clock shows them.
fn local_dates(loaded: &Loaded) -> Vec<String> {
    let note = |calendar: &Calendar| {
        let (name, spec) = (&calendar.name, &calendar.spec);
        let closings = spec.freezes.iter().map(|c| ("freeze", c)).chain(spec.blackouts.iter().map(|c| ("blackout", c)));
        let local = closings.filter(|(_, c)| c.zone.is_none());
        let local: Vec<String> =
            local.filter_map(|(what, c)| Some(format!("{what} {} ({})", c.name, c.dates?))).collect();
        let shared = match spec.slots.is_empty() {
            true => format!("the Calendar's own, {}", spec.zone),
            false => "the slot's".into(),
        };
        let which = few(local.iter().map(String::as_str));
        (!local.is_empty()).then(|| {
            format!(
                "Calendar {name}: dates without `zone` are read on each tenant's own clock, and for what all tenants share \
                 on {shared}: {which}; write `zone:` beside `dates:` for one stretch for everybody"
            )
        })
    };
    loaded.calendars.iter().filter_map(note).collect()
}

/// `1 fleet, 1 policy, 1 upgrade`, and what there is besides
fn contents(loaded: &Loaded) -> String {
    let many = |n: usize, one: &str, several: &str| format!("{n} {}", if n == 1 { one } else { several });
    let tenants = loaded.tenants.iter().map(|t| t.spec.tenants.len()).sum();
    let always = [
        many(loaded.fleets.len(), "fleet", "fleets"),
        many(loaded.policies.len(), "policy", "policies"),
        many(loaded.upgrades.len(), "upgrade", "upgrades"),
    ];
    let besides = [
        (tenants, many(tenants, "tenant", "tenants")),
        (loaded.calendars.len(), many(loaded.calendars.len(), "calendar", "calendars")),
        (loaded.contracts.len(), many(loaded.contracts.len(), "contract", "contracts")),
        (loaded.migrations.len(), many(loaded.migrations.len(), "migration", "migrations")),
        (loaded.releases.len(), many(loaded.releases.len(), "release", "releases")),
        (loaded.ics.len(), many(loaded.ics.len(), "iCalendar file", "iCalendar files")),
    ];
    let there = besides.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text);
    always.into_iter().chain(there).collect::<Vec<_>>().join(", ")
}
