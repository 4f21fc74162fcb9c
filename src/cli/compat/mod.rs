//! `pilothouse compat`: may this version follow that one?
pub mod bounds;
pub mod check;
pub mod events;
pub mod kept;
pub mod lines;
mod machine;
mod rules;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use self::bounds::Bounds;
use super::args::{CompatCommand, Global};
use super::files::pointed;
use crate::compat::document::{Library, MAX_FILE};
use crate::compat::lifecycle::Terms;
use crate::compat::{Report, openapi};
use crate::spec::{Problem, SourceFile};

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person
    #[default]
    Text,
    /// One JSON object
    Json,
    /// JUnit XML, a case for each finding; what was not compared is skipped
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// Files that one description may be spread over.
const MAX_FILES: usize = 2_000;

/// Runs one of the commands; gives the exit code.
///
/// # Errors
/// A file cannot be read, or `out` cannot be written.
pub fn run(command: CompatCommand, global: &Global, out: &mut dyn Write) -> Result<i32> {
    match command {
        CompatCommand::Openapi { base, revision, output } => {
            let today = chrono::Utc::now().date_naive();
            let read = |path| library(path).map_err(|p| anyhow!("{}", pointed(vec![p])));
            let (old, new) = (read(&base)?, read(&revision)?);
            let terms = Terms { today: Some(today), ..Terms::default() };
            let report = openapi::compare(old, new, terms).map_err(|p| anyhow!("{}", pointed(vec![p])))?;
            show(&report, output, out)
        }
        CompatCommand::Avro { mode, schemas, output } => show(&events::avro(mode, &schemas)?, output, out),
        CompatCommand::Jsonschema { mode, schemas, output } => show(&events::json_schema(mode, &schemas)?, output, out),
        CompatCommand::Sql { files, catalogue, output } => {
            show(&events::sql(&files, catalogue.as_deref())?, output, out)
        }
        CompatCommand::Check { files, contracts, output } => check::check(&files, &contracts, output, global, out),
        CompatCommand::Rules { output } => {
            rules::list(output, out)?;
            Ok(0)
        }
    }
}

/// Writes a report. Gives the exit code: 2 when something in it is critical.
///
/// # Errors
/// `out` cannot be written.
pub fn show(report: &Report, output: Output, out: &mut dyn Write) -> Result<i32> {
    match output {
        Output::Text => lines::text(report, out)?,
        Output::Github => lines::github(report, out)?,
        Output::Json => machine::json(report, out)?,
        Output::Sarif => machine::sarif(report, out)?,
        Output::Junit => machine::junit(report, out)?,
    }
    Ok(if report.compatible() { 0 } else { 2 })
}

/// Reads a description with all files it refers to. One that cannot be read is told of when something in it is needed:
/// an example may look like a reference.
fn library(path: &Path) -> Result<Library, Problem> {
    read_all(path, None).map(|(library, _)| library)
}

/// The files of a description, the description itself first. One that refers to no other file is not looked into. `root` is
/// the folder of contracts that it is in, if it is in one.
///
/// # Errors
/// A file cannot be read.
pub fn sources(path: &Path, root: Option<&Path>) -> Result<Vec<SourceFile>, Problem> {
    let source = file(path)?;
    let mut refs = source.text.split("$ref").skip(1);
    let inside = |rest: &str| rest.trim_start_matches(['"', '\'', ':', ' ', '\n', '\r', '\t']).starts_with('#');
    if refs.all(inside) {
        return Ok(vec![source]);
    }
    read_all(path, root).map(|(_, sources)| sources)
}

fn read_all(path: &Path, root: Option<&Path>) -> Result<(Library, Vec<SourceFile>), Problem> {
    let bounds = Bounds::new(path.parent().unwrap_or(Path::new("")), root);
    let mut library = Library::new();
    let mut sources = vec![file(path)?];
    library.add_file(&sources[0])?;
    let mut tried = BTreeSet::new();
    loop {
        let next: Vec<_> = library.missing().into_iter().filter(|(name, _)| !tried.contains(name)).collect();
        if next.is_empty() {
            return Ok((library, sources));
        }
        for (name, at) in next {
            if tried.len() >= MAX_FILES {
                let message = format!("refers to more than {MAX_FILES} files");
                let help = "put the description together into fewer files".to_string();
                return Err(Problem::of_file(&path.display().to_string(), message, Some(help)));
            }
            tried.insert(name.clone());
            if let Err(why) = bounds.allow(Path::new(&name), &["yaml", "yml", "json"]) {
                let place = library.place(at);
                let message = format!("the reference to `{name}` is not followed: {why}");
                let help = "put the file beside the description, and refer to it there".to_string();
                return Err(Problem::of_file(&place.file, message, Some(help)).at(place.line.unwrap_or(1), 1));
            }
            if let Ok(source) = file(Path::new(&name)) {
                library.add_file(&source)?;
                sources.push(source);
            }
        }
    }
}

/// Reads one file.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn file(path: &Path) -> Result<SourceFile, Problem> {
    let name = path.display().to_string();
    let problem = |message: String, help: &str| Problem::of_file(&name, message, Some(help.into()));
    let unread = |e: std::io::Error| problem(format!("cannot be read: {e}"), "check the path and its permissions");
    let about = std::fs::metadata(path).map_err(unread)?;
    // A pipe or device could be read for ever.
    if !about.is_file() {
        return Err(problem("is no file".into(), "name the file itself"));
    }
    if about.len() > MAX_FILE as u64 {
        let message = format!("{} MB; more than {} MB are not read", about.len() >> 20, MAX_FILE >> 20);
        return Err(problem(message, "split the description into several files"));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = e.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1;
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        problem("is not UTF-8".into(), "save the file as UTF-8").at(line, 1)
    })?;
    Ok(SourceFile { name, text })
}
