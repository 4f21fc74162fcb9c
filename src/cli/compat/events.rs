//! `pilothouse compat avro|jsonschema|sql`: schemas of events and SQL of migrations.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;

use super::file;
use crate::cli::files::pointed;
use crate::compat::events::Mode;
use crate::compat::spots::{Document, Fault};
use crate::compat::sql::{self, catalogue::Catalogue};
use crate::compat::{Report, avro, jsonschema};
use crate::spec::Problem;

/// What a new version owes to those before it, as it is typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TypedMode {
    /// Nothing
    None,
    /// The new version reads what the last one wrote
    #[default]
    Backward,
    /// … what any before it wrote
    BackwardTransitive,
    /// The last version reads what the new one writes
    Forward,
    /// Any before it reads what the new one writes
    ForwardTransitive,
    /// Both ways with the last one: both versions may run side by side
    Full,
    /// Both ways with all of them
    FullTransitive,
}

impl TypedMode {
    fn mode(self) -> Mode {
        match self {
            Self::None => Mode::None,
            Self::Backward => Mode::Backward,
            Self::BackwardTransitive => Mode::BackwardTransitive,
            Self::Forward => Mode::Forward,
            Self::ForwardTransitive => Mode::ForwardTransitive,
            Self::Full => Mode::Full,
            Self::FullTransitive => Mode::FullTransitive,
        }
    }
}

/// Avro schemas: the last with those before it, oldest first.
///
/// # Errors
/// A file cannot be read, or is no schema.
pub fn avro(mode: TypedMode, files: &[PathBuf]) -> Result<Report> {
    let (old, new) = parsed(files, avro::parse)?;
    avro::check(mode.mode(), &old, &new).map_err(|f| faults(vec![f]))
}

/// JSON Schemas: the last with those before it, oldest first.
///
/// # Errors
/// A file cannot be read, or is no schema.
pub fn json_schema(mode: TypedMode, files: &[PathBuf]) -> Result<Report> {
    let (old, new) = parsed(files, jsonschema::parse)?;
    jsonschema::check(mode.mode(), &old, &new).map_err(|f| faults(vec![f]))
}

/// Migrations, in the order they are run: what one creates is known to the next.
///
/// # Errors
/// A file cannot be read, or is no SQL.
pub fn sql(files: &[PathBuf], catalogue: Option<&Path>) -> Result<Report> {
    let mut known = match catalogue {
        Some(path) => {
            let source = file(path).map_err(unread)?;
            let json = Document::parse(&source.name, &source.text).map_err(|f| faults(vec![f]))?;
            serde_json::from_str(json.text()).map_err(|e| no_catalogue(&source.name, &e))?
        }
        None => Catalogue::default(),
    };
    let (mut report, mut wrong) = (Report::default(), Vec::new());
    for path in files {
        let source = file(path).map_err(unread)?;
        match sql::lint(&source.name, &source.text, &mut known) {
            Ok(found) => {
                report.findings.extend(found.findings);
                report.not_compared.extend(found.not_compared);
            }
            Err(found) => wrong.extend(found),
        }
    }
    if wrong.is_empty() { Ok(report) } else { Err(faults(wrong)) }
}

fn no_catalogue(name: &str, error: &serde_json::Error) -> anyhow::Error {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let help = "docs/compat-events.md shows how one is written".to_string();
    let problem = Problem::of_file(name, format!("this is no catalogue: {said}"), Some(help));
    unread(problem.at(small(error.line()), small(error.column())))
}

/// Reads all files and says all that is wrong with them. The last is the new version.
fn parsed<S>(files: &[PathBuf], parse: impl Fn(&str, &str) -> Result<S, Vec<Fault>>) -> Result<(Vec<S>, S)> {
    let (mut schemas, mut wrong) = (Vec::new(), Vec::new());
    for path in files {
        let source = file(path).map_err(unread)?;
        match parse(&source.name, &source.text) {
            Ok(schema) => schemas.push(schema),
            Err(found) => wrong.extend(found),
        }
    }
    if !wrong.is_empty() {
        return Err(faults(wrong));
    }
    let new = schemas.pop().context("no file was named")?;
    if schemas.is_empty() {
        let name = files.first().map_or(String::new(), |f| f.display().to_string());
        return Err(anyhow!(
            "{name} is the only file, so there is nothing to compare it with\nhelp: name the version before it first, then the new one"
        ));
    }
    Ok((schemas, new))
}

fn unread(problem: Problem) -> anyhow::Error {
    anyhow!("{}", pointed(vec![problem]))
}

fn faults(faults: Vec<Fault>) -> anyhow::Error {
    let problem = |f: Fault| {
        let at = if f.pointer.is_empty() { String::new() } else { format!(" (at {})", f.pointer) };
        Problem::of_file(&f.file, format!("{}{at}", f.message), None).at(f.line, f.column)
    };
    anyhow!("{}", pointed(faults.into_iter().map(problem).collect()))
}
