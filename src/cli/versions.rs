//! `pilothouse versions`: what runs, what is published, what may run beside what, and what is new in between.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::{Result, anyhow};
use semver::Version;
use serde_json::{Value, json};

use super::args::{Global, TextOrJson, VersionsArgs};
use super::compat::check::memory;
use super::compat::lines::clean;
use super::contracts::{self, Known};
use super::files::pointed;
use crate::compat::fleet::matrix::{Matrix, Pair, matrix};
use crate::spec::units::counted;
use crate::spec::{Fleet, nearest};

/// Runs it; gives the exit code.
///
/// # Errors
/// Something cannot be read, there is no such service, or `out` cannot be written.
pub fn versions(args: &VersionsArgs, global: &Global, out: &mut dyn Write) -> Result<i32> {
    let known = contracts::load(&args.files, args.contracts.contracts.as_deref()).map_err(|r| anyhow!("{r}"))?;
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
    let today = chrono::Utc::now().date_naive();
    let mut memory = memory(&args.contracts, global);
    let mut fleets = Vec::new();
    for fleet in &known.loaded.fleets {
        let made = matrix(&known.registry, &running(fleet), today, &mut memory);
        let made = made.map_err(|problems| anyhow!("{}", pointed(problems)))?;
        match (args.output, &args.service) {
            (TextOrJson::Json, _) => fleets.push(value(&known, fleet, &made)),
            (TextOrJson::Text, None) => table(&known, fleet, &made, out)?,
            (TextOrJson::Text, Some(name)) => one(&known, fleet, &made, name, out)?,
        }
    }
    if args.output == TextOrJson::Json {
        writeln!(out, "{:#}", json!({ "fleets": fleets }))?;
    }
    Ok(0)
}

/// Which version runs of each service, as the Fleet says.
fn running(fleet: &Fleet) -> BTreeMap<String, Version> {
    let of = |s: &crate::spec::Service| Some((s.name.clone(), Version::parse(s.version.as_deref()?).ok()?));
    fleet.spec.services.iter().filter_map(of).collect()
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

fn value(known: &Known, fleet: &Fleet, matrix: &Matrix) -> Value {
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
        "pairs": matrix.pairs,
        "not_compared": matrix.not_compared,
    })
}

/// All services of a fleet, one a line; then what may not run together, and what is new.
fn table(known: &Known, fleet: &Fleet, matrix: &Matrix, out: &mut dyn Write) -> Result<()> {
    let environments: Vec<&str> = fleet.spec.environments.iter().map(|e| e.name.as_str()).collect();
    writeln!(out, "{} on {}, as the Fleet says\n", fleet.name, environments.join(", "))?;
    let width = fleet.spec.services.iter().map(|s| s.name.len()).max().unwrap_or(0).max(7);
    writeln!(out, "{:<width$}  {:<12}  published", "service", "runs")?;
    for s in &fleet.spec.services {
        let all: Vec<String> = published(known, &s.name).iter().map(ToString::to_string).collect();
        let all = if all.is_empty() { "no contract".to_string() } else { all.join(" ") };
        writeln!(out, "{:<width$}  {:<12}  {all}", s.name, s.version.as_deref().unwrap_or("not said"))?;
    }
    let barred: Vec<&Pair> = matrix.pairs.iter().filter(|p| !p.why.is_empty()).collect();
    let all = matrix.pairs.len();
    match all {
        0 => writeln!(out, "\nno two of its services are related by what their contracts say, so there are no pairs")?,
        _ => writeln!(out, "\n{} of {all} pairs of versions may run beside each other", all - barred.len())?,
    }
    barred.into_iter().try_for_each(|p| not(p, out))?;
    open(matrix, out)?;
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

/// Reasons of a pair that are told; the rest is counted.
const MAX_TOLD: usize = 3;

/// A pair that may not, and why.
fn not(p: &Pair, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "  not {} {} beside {} {}:", p.service, p.version, p.other, p.beside)?;
    for why in p.why.iter().take(MAX_TOLD) {
        writeln!(out, "    {}", clean(why))?;
    }
    match p.why.len().saturating_sub(MAX_TOLD) {
        0 => Ok(()),
        more => Ok(writeln!(out, "    and {more} more; -o json has all")?),
    }
}

/// What the matrix does not know.
fn open(matrix: &Matrix, out: &mut dyn Write) -> Result<()> {
    match matrix.not_compared.len() {
        0 => Ok(()),
        n => Ok(writeln!(out, "not compared: {}; -o json names them", counted(n, "part"))?),
    }
}

/// Lines of a note, the later ones below the first.
fn told(notes: &str) -> String {
    notes.trim().lines().map(clean).collect::<Vec<_>>().join("\n    ")
}

/// One service: its versions against those of each neighbour.
fn one(known: &Known, fleet: &Fleet, matrix: &Matrix, name: &str, out: &mut dyn Write) -> Result<()> {
    let versions = published(known, name);
    let runs = fleet.service(name).and_then(|s| s.version.clone());
    writeln!(out, "{name}, of which {} runs\n", runs.as_deref().unwrap_or("no known version"))?;
    let all = &matrix.pairs;
    let beside = |p: &Pair| match p.service == name {
        true => Some((format!("{} {}", p.other, p.beside), p.version.clone())),
        false => (p.other == name).then(|| (format!("{} {}", p.service, p.version), p.beside.clone())),
    };
    let rows: BTreeSet<String> = all.iter().filter_map(beside).map(|(row, _)| row).collect();
    if rows.is_empty() {
        writeln!(out, "no other service needs it or reads what it writes, and it needs and reads none")?;
    } else {
        grid(
            &versions,
            rows,
            |row, v| all.iter().find(|p| beside(p).is_some_and(|(r, of)| r == row && of == *v)),
            out,
        )?;
    }
    let barred: Vec<&Pair> = all.iter().filter(|p| beside(p).is_some() && !p.why.is_empty()).collect();
    if !barred.is_empty() {
        writeln!(out)?;
    }
    barred.into_iter().try_for_each(|p| not(p, out))?;
    open(matrix, out)?;
    for (version, notes) in notes(known, fleet, name) {
        writeln!(out, "\n{name} {version}: {}", told(&notes))?;
    }
    Ok(())
}

/// Versions of neighbours, one a line, beside each of its own.
fn grid<'p>(
    versions: &[Version],
    rows: BTreeSet<String>,
    pair: impl Fn(&str, &Version) -> Option<&'p Pair>,
    out: &mut dyn Write,
) -> Result<()> {
    let width = rows.iter().map(String::len).max().unwrap_or(0);
    let columns: Vec<String> = versions.iter().map(|v| format!("{:<10}", v.to_string())).collect();
    writeln!(out, "{:<width$}  {}", "", columns.join("  ").trim_end())?;
    for row in rows {
        let cell = |v: &Version| {
            let word = match pair(&row, v) {
                None => "-",
                Some(p) if p.why.is_empty() => "yes",
                Some(_) => "no",
            };
            format!("{word:<10}")
        };
        let cells: Vec<String> = versions.iter().map(cell).collect();
        writeln!(out, "{row:<width$}  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
