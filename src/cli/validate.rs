//! `pilothouse validate`: everything that is wrong with some files, in one report.
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;

use super::files;
use crate::spec::{self, Loaded, Report, SourceFile};

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
    // Contracts that a fleet names are part of what it says.
    let outcome = load(paths).and_then(|loaded| match loaded.fleets.iter().any(|f| f.spec.contracts.is_some()) {
        true => super::contracts::load(paths, None).map(|known| known.loaded),
        false => Ok(loaded),
    });
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
                Ok(loaded) => writeln!(out, "valid: {}", contents(loaded))?,
                Err(_) => writeln!(out, "not valid; nothing was changed")?,
            }
        }
    }
    Ok(code)
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
