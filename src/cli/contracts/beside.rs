//! The files beside a contract: its description, schemas of its events, SQL of its migrations.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{at, names_in, near};
use crate::cli::compat::bounds::Bounds;
use crate::cli::compat::{file, sources};
use crate::compat::fleet::Published;
use crate::spec::contract::{Contract, Migration, Origin, Record};
use crate::spec::{Loaded, Problem, SourceFile};

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

/// A contract with the files beside it, which lie in one of the `folders` of contracts as it does.
pub(super) fn published(
    contract: &Contract,
    all: &[Record],
    folders: &BTreeSet<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Published {
    let beside = Path::new(&contract.origin.file).parent().unwrap_or(Path::new("")).to_path_buf();
    let root = folders.iter().find(|f| Path::new(&contract.origin.file).starts_with(f)).map(PathBuf::as_path);
    let bounds = Bounds::new(&beside, root);
    let spec = &contract.spec;
    let description = match &spec.openapi {
        Some(named) => Some(beside.join(named)).filter(|p| {
            let there = p.is_file();
            if !there {
                problems.push(missing(&contract.origin, "/openapi", "spec.openapi", p));
            }
            there && {
                let refused =
                    refused(&bounds, p, &["yaml", "yml", "json"], (&contract.origin, "/openapi", "spec.openapi"));
                problems.extend(refused.clone());
                refused.is_none()
            }
        }),
        None => {
            let names = ["openapi.yaml", "openapi.yml", "openapi.json"];
            only(names.iter().map(|n| beside.join(n)), "name the one that is meant with `openapi:`", problems)
        }
    };
    let mut events = BTreeMap::new();
    for event in spec.produces.iter().chain(&spec.consumes) {
        let paths = ["avsc", "schema.json"].map(|end| beside.join("events").join(format!("{event}.{end}")));
        if let Some(path) = only(paths.into_iter(), "an event has one schema: take one of them out", problems) {
            events.extend(read(&path, problems).map(|source| (event.clone(), source)));
        }
    }
    let openapi = match description.map(|path| sources(&path, root)) {
        Some(Ok(sources)) => sources,
        Some(Err(problem)) => {
            problems.push(problem);
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut contract = contract.clone();
    records(&mut contract, &beside, all, problems);
    let (sql, named) = statements(&contract, &beside, &bounds, problems);
    let mut undeclared = stray(&beside, 0, &named);
    undeclared.extend(unread_events(&contract, &beside));
    undeclared.sort();
    Published { contract, openapi, events, sql, undeclared }
}

/// A file that is named and must not be read.
fn refused(
    bounds: &Bounds,
    path: &Path,
    ends: &[&str],
    (origin, pointer, what): (&Origin, &str, &str),
) -> Option<Problem> {
    let why = bounds.allow(path, ends).err()?;
    let message = format!("{what}: {} is not read: {why}", path.display());
    Some(at(Some(origin), pointer, message, "put the file beside this one"))
}

fn missing(origin: &Origin, pointer: &str, what: &str, path: &Path) -> Problem {
    let message = format!("{what}: there is no file {}", path.display());
    // Only what could stand there as well.
    let beside: Vec<String> =
        names_in(path.parent()).into_iter().filter(|n| Path::new(n).extension() == path.extension()).collect();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    at(Some(origin), pointer, message, &near(name, &beside, "it is looked for beside this file"))
}

fn folder_of(origin: &Origin) -> &Path {
    Path::new(&origin.file).parent().unwrap_or(Path::new(""))
}

/// Migrations that have files of their own come after those in the contract, in order of their files.
fn records(contract: &mut Contract, beside: &Path, all: &[Record], problems: &mut Vec<Problem>) {
    let folder = beside.join("migrations");
    let mut mine: Vec<&Record> = all.iter().filter(|r| folder_of(&r.origin) == folder).collect();
    mine.sort_by(|a, b| (&a.origin.file, a.origin.name).cmp(&(&b.origin.file, b.origin.name)));
    for record in mine {
        let known = &mut contract.spec.migrations;
        if let Some(first) = known.iter().find(|m| m.id == record.spec.id) {
            let there = first.origin.as_ref().map_or(&contract.origin.file, |o| &o.file);
            let message = format!("spec.id: `{}` is in {there} already", record.spec.id);
            problems.push(at(Some(&record.origin), "/id", message, "give each migration its own id"));
            continue;
        }
        known.push(Migration { origin: Some(Box::new(record.origin.clone())), ..record.spec.clone() });
    }
}

/// Records that stand beside no contract.
pub(super) fn orphans(loaded: &Loaded) -> Vec<Problem> {
    let homes: BTreeSet<PathBuf> = loaded.contracts.iter().map(|c| folder_of(&c.origin).join("migrations")).collect();
    let lost = loaded.migrations.iter().filter(|r| !homes.contains(folder_of(&r.origin)));
    let problem = |r: &Record| {
        let (line, column) = r.origin.name;
        let message = format!("the migration `{}` belongs to no contract", r.spec.id);
        let help = "put it into SERVICE/VERSION/migrations/, beside the service.yaml of its version".to_string();
        Problem::of_file(&r.origin.file, message, Some(help)).at(line, column)
    };
    lost.map(problem).collect()
}

/// SQL by migration, and the files it stands in.
fn statements(
    contract: &Contract,
    beside: &Path,
    bounds: &Bounds,
    problems: &mut Vec<Problem>,
) -> (BTreeMap<String, SourceFile>, BTreeSet<PathBuf>) {
    let (mut found, mut named) = (BTreeMap::new(), BTreeSet::new());
    for (i, m) in contract.spec.migrations.iter().enumerate() {
        let own = m.origin.as_deref();
        let folder = own.map_or(beside, folder_of);
        let path = match (&m.sql, own) {
            (Some(named), _) => folder.join(named),
            // `m17.sql` beside `m17.yaml` is meant without a word.
            (None, Some(origin)) if Path::new(&origin.file).with_extension("sql").is_file() => {
                Path::new(&origin.file).with_extension("sql")
            }
            (None, _) => continue,
        };
        let whole = ("/sql".to_string(), "spec.sql".to_string());
        let part = || (format!("/migrations/{i}/sql"), format!("spec.migrations[{i}].sql"));
        let (pointer, what) = if own.is_some() { whole } else { part() };
        let origin = own.unwrap_or(&contract.origin);
        if !path.is_file() {
            problems.push(missing(origin, &pointer, &what, &path));
            continue;
        }
        if let Some(refused) = refused(bounds, &path, &["sql"], (origin, &pointer, &what)) {
            problems.push(refused);
            continue;
        }
        named.insert(fs::canonicalize(&path).unwrap_or_else(|_| path.clone()));
        found.extend(read(&path, problems).map(|source| (m.id.clone(), source)));
    }
    (found, named)
}

/// Folders below a contract in which SQL is looked for that nobody names.
const SQL_DEPTH: usize = 3;

/// Files of SQL beside a contract and in folders below it that no migration names, however their end is written.
fn stray(folder: &Path, depth: usize, named: &BTreeSet<PathBuf>) -> Vec<String> {
    let members: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    // A folder with a contract of its own is that contract's.
    if depth > SQL_DEPTH || depth > 0 && members.iter().any(|p| p.file_stem().is_some_and(|stem| stem == "service")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in members {
        let sql = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        match path.is_dir() {
            true => found.extend(stray(&path, depth + 1, named)),
            false if sql && !named.contains(&fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) => {
                found.push(shown(&path));
            }
            false => {}
        }
    }
    found
}

/// Files in `events/` that are read for no event of the contract.
fn unread_events(contract: &Contract, beside: &Path) -> Vec<String> {
    let spec = &contract.spec;
    let events = spec.produces.iter().chain(&spec.consumes);
    let read: BTreeSet<String> =
        events.flat_map(|event| ["avsc", "schema.json"].map(|end| format!("{event}.{end}"))).collect();
    // Notes for people, and what an editor hides, are none.
    let other = |name: &String| !name.starts_with('.') && !name.ends_with(".md") && !read.contains(name);
    let folder = beside.join("events");
    names_in(Some(&folder)).into_iter().filter(other).map(|name| shown(&folder.join(name))).collect()
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
