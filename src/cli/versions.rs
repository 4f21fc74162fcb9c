//! `pilothouse versions`: what runs, what is published, what may run beside what, and what is new in between.
use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Result, anyhow};
use semver::Version;
use serde_json::{Value, json};

use super::args::{TextOrJson, VersionsArgs};
use super::compat::lines::clean;
use super::contracts::{self, Known};
use crate::compat::fleet::matrix::{Pair, pairs};
use crate::spec::{Fleet, nearest};

/// Runs it; gives the exit code.
///
/// # Errors
/// Something cannot be read, there is no such service, or `out` cannot be written.
pub fn versions(args: &VersionsArgs, out: &mut dyn Write) -> Result<i32> {
    let known = contracts::load(&args.files, args.contracts.as_deref()).map_err(|r| anyhow!("{r}"))?;
    if known.loaded.fleets.is_empty() {
        return Err(anyhow!("no document of kind Fleet is in the given files; give the file that holds it, too"));
    }
    if let Some(name) = &args.service {
        let names: BTreeSet<&str> = known.registry.services.keys().map(String::as_str).collect();
        if !names.contains(name.as_str()) {
            let near = nearest(name, names.iter().copied()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
            return Err(anyhow!("there is no contract of a service `{name}`{near}"));
        }
    }
    match args.output {
        TextOrJson::Json => {
            let fleets: Vec<Value> = known.loaded.fleets.iter().map(|f| value(&known, f)).collect();
            writeln!(out, "{:#}", json!({ "fleets": fleets, "pairs": pairs(&known.registry) }))?;
        }
        TextOrJson::Text => {
            for fleet in &known.loaded.fleets {
                match &args.service {
                    None => table(&known, fleet, out)?,
                    Some(name) => one(&known, fleet, name, out)?,
                }
            }
        }
    }
    Ok(0)
}

/// Versions with a contract, the lowest first.
fn published(known: &Known, service: &str) -> Vec<Version> {
    known.registry.services.get(service).into_iter().flat_map(|v| v.keys().cloned()).collect()
}

/// What is said of versions above the one that runs.
fn notes(known: &Known, fleet: &Fleet, service: &str) -> Vec<(Version, String)> {
    let runs = fleet.service(service).and_then(|s| Version::parse(s.version.as_deref()?).ok());
    let all = known.registry.services.get(service).into_iter().flatten();
    let newer = all.filter(|(v, _)| runs.as_ref().is_none_or(|r| *v > r));
    newer.filter_map(|(v, p)| Some((v.clone(), p.contract.spec.notes.clone()?))).collect()
}

fn value(known: &Known, fleet: &Fleet) -> Value {
    let service = |s: &crate::spec::Service| {
        let notes = notes(known, fleet, &s.name);
        let notes: Vec<Value> = notes.into_iter().map(|(v, n)| json!({ "version": v, "notes": n })).collect();
        json!({
            "service": s.name, "runs": s.version, "published": published(known, &s.name), "notes": notes,
        })
    };
    let release = |r: &crate::spec::contract::Release| json!({ "release": r.name, "notes": r.spec.notes, "services": r.spec.services });
    json!({
        "fleet": fleet.name,
        "environments": fleet.spec.environments.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
        "services": fleet.spec.services.iter().map(service).collect::<Vec<_>>(),
        "releases": known.registry.releases.iter().map(release).collect::<Vec<_>>(),
    })
}

/// All services of a fleet, one a line; then what may not run together, and what is new.
fn table(known: &Known, fleet: &Fleet, out: &mut dyn Write) -> Result<()> {
    let environments: Vec<&str> = fleet.spec.environments.iter().map(|e| e.name.as_str()).collect();
    writeln!(out, "{} on {}, as the Fleet says\n", fleet.name, environments.join(", "))?;
    let width = fleet.spec.services.iter().map(|s| s.name.len()).max().unwrap_or(0).max(7);
    writeln!(out, "{:<width$}  {:<12}  published", "service", "runs")?;
    for s in &fleet.spec.services {
        let all: Vec<String> = published(known, &s.name).iter().map(ToString::to_string).collect();
        let all = if all.is_empty() { "no contract".to_string() } else { all.join(" ") };
        writeln!(out, "{:<width$}  {:<12}  {all}", s.name, s.version.as_deref().unwrap_or("not said"))?;
    }
    let all = pairs(&known.registry);
    let barred: Vec<&Pair> = all.iter().filter(|p| p.why.is_some()).collect();
    writeln!(out, "\n{} of {} pairs of versions may run beside each other", all.len() - barred.len(), all.len())?;
    for p in barred {
        let why = p.why.as_deref().unwrap_or_default();
        writeln!(out, "  not {} {} beside {} {}: {why}", p.service, p.version, p.other, p.beside)?;
    }
    for release in &known.registry.releases {
        if let Some(notes) = &release.spec.notes {
            writeln!(out, "\nrelease {}: {}", release.name, told(notes))?;
        }
    }
    let new = fleet.spec.services.iter().flat_map(|s| notes(known, fleet, &s.name).into_iter().map(|n| (&s.name, n)));
    let new: Vec<_> = new.collect();
    if !new.is_empty() {
        writeln!(out, "\nnew since what runs:")?;
    }
    for (service, (version, notes)) in new {
        writeln!(out, "  {service} {version}: {}", told(&notes))?;
    }
    Ok(())
}

/// Lines of a note, the later ones below the first.
fn told(notes: &str) -> String {
    notes.trim().lines().map(clean).collect::<Vec<_>>().join("\n    ")
}

/// One service: its versions against those of each neighbour.
fn one(known: &Known, fleet: &Fleet, name: &str, out: &mut dyn Write) -> Result<()> {
    let versions = published(known, name);
    let runs = fleet.service(name).and_then(|s| s.version.clone());
    writeln!(out, "{name}, of which {} runs\n", runs.as_deref().unwrap_or("no known version"))?;
    let all = pairs(&known.registry);
    let beside = |p: &Pair| match p.service == name {
        true => Some((format!("{} {}", p.other, p.beside), p.version.clone())),
        false => (p.other == name).then(|| (format!("{} {}", p.service, p.version), p.beside.clone())),
    };
    let rows: BTreeSet<String> = all.iter().filter_map(beside).map(|(row, _)| row).collect();
    let width = rows.iter().map(String::len).max().unwrap_or(0);
    let columns: Vec<String> = versions.iter().map(|v| format!("{:<10}", v.to_string())).collect();
    writeln!(out, "{:<width$}  {}", "", columns.join("  ").trim_end())?;
    for row in rows {
        let cell = |v: &Version| {
            let mine = all.iter().filter(|p| beside(p) == Some((row.clone(), v.clone())));
            let mine: Vec<&Pair> = mine.collect();
            let word = match mine.iter().any(|p| p.why.is_some()) {
                true => "no",
                false if mine.is_empty() => "-",
                false => "yes",
            };
            format!("{word:<10}")
        };
        let cells: Vec<String> = versions.iter().map(cell).collect();
        writeln!(out, "{row:<width$}  {}", cells.join("  ").trim_end())?;
    }
    for (version, notes) in notes(known, fleet, name) {
        writeln!(out, "\n{name} {version}: {}", told(&notes))?;
    }
    Ok(())
}
