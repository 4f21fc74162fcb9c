//! The files beside a contract: its description, schemas of its events, SQL of its migrations.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::at;
use crate::cli::compat::{file, sources};
use crate::compat::fleet::Published;
use crate::spec::contract::Contract;
use crate::spec::{Problem, SourceFile};

pub(super) const NO_FILE: &str = "this is no regular file, and only those are read";

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn unread(path: &Path, error: &std::io::Error) -> Problem {
    Problem::of_file(&shown(path), format!("it cannot be read: {error}"), Some("is it a link to nothing?".into()))
}

/// Whoever sees the name expects a file to be read.
pub(super) fn named_as_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["yaml", "yml", "json", "avsc", "sql"].iter().any(|known| e == *known))
}

/// Whether the file is there. One that is there and is no file is a problem, not an absence.
fn there(path: &Path, problems: &mut Vec<Problem>) -> bool {
    match fs::metadata(path) {
        Ok(kind) if kind.is_file() => return true,
        Ok(_) => problems.push(Problem::of_file(&shown(path), NO_FILE.into(), None)),
        Err(e) if path.symlink_metadata().is_ok() => problems.push(unread(path, &e)),
        Err(_) => {}
    }
    false
}

/// A contract with the files beside it.
pub(super) fn published(contract: &Contract, problems: &mut Vec<Problem>) -> Published {
    let beside = Path::new(&contract.origin.file).parent().unwrap_or(Path::new("")).to_path_buf();
    let spec = &contract.spec;
    let origin = Some(&contract.origin);
    let missing = |pointer: &str, what: &str, path: &Path, problems: &mut Vec<Problem>| {
        let message = format!("spec{}: there is no file {}", what, path.display());
        problems.push(at(origin, pointer, message, "it is looked for beside this file"));
    };
    let description = match &spec.openapi {
        Some(named) => Some(beside.join(named)).filter(|p| {
            let there = p.is_file();
            if !there {
                missing("/openapi", ".openapi", p, problems);
            }
            there
        }),
        None => {
            let names = ["openapi.yaml", "openapi.yml", "openapi.json"];
            only(names.iter().map(|n| beside.join(n)), "name the one that is meant with `openapi:`", problems)
        }
    };
    let mut sql_files = Vec::new();
    for (i, m) in spec.migrations.iter().enumerate() {
        let Some(named) = &m.sql else { continue };
        let path = beside.join(named);
        match path.is_file() {
            true => sql_files.push((m.id.clone(), path)),
            false => missing(&format!("/migrations/{i}/sql"), &format!(".migrations[{i}].sql"), &path, problems),
        }
    }
    let mut events = BTreeMap::new();
    for event in spec.produces.iter().chain(&spec.consumes) {
        let paths = ["avsc", "schema.json"].map(|end| beside.join("events").join(format!("{event}.{end}")));
        if let Some(path) = only(paths.into_iter(), "an event has one schema: take one of them out", problems) {
            events.extend(read(&path, problems).map(|source| (event.clone(), source)));
        }
    }
    let openapi = match description.map(|path| sources(&path)) {
        Some(Ok(sources)) => sources,
        Some(Err(problem)) => {
            problems.push(problem);
            Vec::new()
        }
        None => Vec::new(),
    };
    let sql = sql_files.into_iter().filter_map(|(id, path)| Some((id, read(&path, problems)?))).collect();
    Published { contract: contract.clone(), openapi, events, sql }
}

/// The file that is there of some names. Two would be two answers to one question.
fn only(paths: impl Iterator<Item = PathBuf>, help: &str, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let mut found = paths.filter(|p| there(p, problems)).collect::<Vec<_>>().into_iter();
    let first = found.next()?;
    if let Some(second) = found.next() {
        let message = format!("{} is there as well, and only one of them can be meant", shown(&first));
        problems.push(Problem::of_file(&shown(&second), message, Some(help.into())));
    }
    Some(first)
}

fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<SourceFile> {
    file(path).map_err(|problem| problems.push(problem)).ok()
}
