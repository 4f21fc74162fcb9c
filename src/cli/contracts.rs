//! Contracts from their folder: read, put beside the Fleet and Upgrade they belong to, and turned into a question.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use semver::{Version, VersionReq};

use super::compat::sources;
use super::registry;
use crate::compat::deps::Move;
use crate::compat::fleet::remote::enquiries;
use crate::compat::fleet::{Asked, Published, Registry, Unseen};
use crate::spec::contract::{Contract, Origin};
use crate::spec::upgrade::Target;
use crate::spec::{Bundle, Loaded, Problem, Report, SourceFile, nearest};

/// Files below a folder of contracts; more is another folder, named by mistake.
const MAX_FILES: usize = 50_000;
/// Folders inside one another.
const MAX_DEPTH: usize = 8;

/// Everything some files say, with the contracts of their fleets.
pub struct Known {
    pub loaded: Loaded,
    pub registry: Registry,
    /// Some folder of contracts is named, or contracts are given.
    pub any: bool,
}

/// Reads the files under `paths` and the contracts their fleets name; `folder` stands in for those.
///
/// # Errors
/// Every error and warning, when there is at least one error.
pub fn load(paths: &[PathBuf], folder: Option<&Path>) -> Result<Known, Report> {
    let loaded = super::validate::load(paths)?;
    let mut folders: BTreeSet<PathBuf> = folder.map(Path::to_path_buf).into_iter().collect();
    for fleet in loaded.fleets.iter().filter(|_| folder.is_none()) {
        let Some(named) = &fleet.spec.contracts else { continue };
        let origin = loaded.origins.get(&format!("Fleet/{}", fleet.name));
        let beside = Path::new(origin.map_or("", |o| o.file.as_str())).parent().unwrap_or(Path::new(""));
        let found = beside.join(named);
        if !found.is_dir() {
            let message = format!("spec.contracts: there is no folder {}", found.display());
            return Err(Report::of(at(origin, "/contracts", message, "is it seen from the Fleet's own file?")));
        }
        folders.insert(found);
    }
    let mut all: Vec<PathBuf> = paths.to_vec();
    for folder in &folders {
        all.extend(members(folder).map_err(Report::of)?);
    }
    let loaded = if folders.is_empty() { loaded } else { super::validate::load(&all)? };
    let mut registry =
        Registry { releases: loaded.releases.clone(), policy: loaded.compat.clone(), ..Registry::default() };
    let mut problems = Vec::new();
    for contract in &loaded.contracts {
        // Loading has checked that it is one.
        let Ok(version) = Version::parse(&contract.spec.version) else { continue };
        let published = published(contract, &mut problems);
        registry.services.entry(contract.service.clone()).or_default().insert(version, published);
    }
    if !problems.is_empty() {
        return Err(Report::from(problems));
    }
    let any = !folders.is_empty() || !loaded.contracts.is_empty();
    Ok(Known { loaded, registry, any })
}

/// A problem at a value of a document.
fn at(origin: Option<&Origin>, pointer: &str, message: String, help: &str) -> Problem {
    let file = origin.map_or("the given files", |o| o.file.as_str());
    let (line, column) = origin.and_then(|o| o.places.get(pointer)).copied().unwrap_or((0, 0));
    Problem::of_file(file, message, Some(help.into())).at(line, column)
}

/// Files of the folder, and of folders in it, that are documents of ours; in order of name.
fn members(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let (mut found, mut open, mut seen) = (Vec::new(), vec![(folder.to_path_buf(), 0)], 0);
    let failed = |path: &Path, what: String| {
        Problem::of_file(&path.display().to_string(), what, Some("is it the folder with the contracts?".into()))
    };
    while let Some((path, depth)) = open.pop() {
        let entries = fs::read_dir(&path).map_err(|e| failed(&path, format!("the folder cannot be read: {e}")))?;
        for entry in entries {
            let entry = entry.map_err(|e| failed(&path, format!("the folder cannot be read: {e}")))?;
            seen += 1;
            if seen > MAX_FILES || depth > MAX_DEPTH {
                let what = format!("more than {MAX_FILES} files, or {MAX_DEPTH} folders inside one another, are in it");
                return Err(failed(folder, what));
            }
            let member = entry.path();
            // Links are followed: a folder of a service may stand elsewhere. A circle of them ends by its depth.
            match fs::metadata(&member) {
                Ok(kind) if kind.is_dir() && !named_as_file(&member) => open.push((member, depth + 1)),
                Ok(kind) if kind.is_file() => found.extend(Some(member).filter(|m| is_ours(m))),
                Ok(_) if named_as_file(&member) => {
                    return Err(Problem::of_file(&shown(&member), NO_FILE.into(), None));
                }
                Err(e) if named_as_file(&member) => return Err(unread(&member, &e)),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

const NO_FILE: &str = "this is no regular file, and only those are read";

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn unread(path: &Path, error: &std::io::Error) -> Problem {
    Problem::of_file(&shown(path), format!("it cannot be read: {error}"), Some("is it a link to nothing?".into()))
}

/// Whoever sees the name expects a file to be read.
fn named_as_file(path: &Path) -> bool {
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

/// A document of this program: what else is there, such as descriptions, is not. `service.yaml` is one whatever it holds,
/// so that a mistake in its first line is told.
fn is_ours(path: &Path) -> bool {
    let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let head = |text: String| text.lines().any(|l| l.starts_with("apiVersion:") && l.contains("pilothouse.dev/"));
    yaml && (path.file_name().is_some_and(|n| n == "service.yaml") || fs::read_to_string(path).is_ok_and(head))
}

/// A contract with the files beside it.
fn published(contract: &Contract, problems: &mut Vec<Problem>) -> Published {
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
            names.iter().map(|n| beside.join(n)).find(|p| there(p, problems))
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
        if let Some(path) = paths.iter().find(|p| there(p, problems)) {
            events.extend(read(path, problems).map(|source| (event.clone(), source)));
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

fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<SourceFile> {
    super::compat::file(path).map_err(|problem| problems.push(problem)).ok()
}

impl Known {
    /// The upgrade with this name, or the only one; where it names a release, with the targets that come from that.
    ///
    /// # Errors
    /// There is no such upgrade or release, or the release holds what the contracts do not.
    pub fn bundle(&self, upgrade: Option<&str>) -> Result<Bundle, Report> {
        let mut bundle = self.loaded.bundle(upgrade)?;
        let mut problems = Vec::new();
        if let Some(name) = bundle.upgrade.spec.release.clone() {
            self.release(&mut bundle, &name, &mut problems);
        }
        self.same_needs(&bundle, &mut problems);
        if bundle.upgrade.spec.to.is_empty() && problems.is_empty() {
            let origin = self.loaded.origins.get(&format!("Upgrade/{}", bundle.upgrade.name));
            let message = "spec.release: everything it lists runs already".to_string();
            problems.push(at(origin, "/release", message, "name another release, or write `to`"));
        }
        if problems.is_empty() { Ok(bundle) } else { Err(Report::from(problems)) }
    }

    fn release(&self, bundle: &mut Bundle, name: &str, problems: &mut Vec<Problem>) {
        let origin = self.loaded.origins.get(&format!("Upgrade/{}", bundle.upgrade.name));
        let Some(release) = self.registry.releases.iter().find(|r| r.name == name) else {
            let names: Vec<&str> = self.registry.releases.iter().map(|r| r.name.as_str()).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "name the folder of contracts in the Fleet, with `contracts:`".into(),
                None => format!("there: {}", names.join(", ")),
            };
            let message = format!("spec.release: there is no Release `{name}`");
            return problems.push(at(origin, "/release", message, &help));
        };
        for (service, version) in &release.spec.services {
            let pointer = format!("/services/{service}");
            let wrong = |what: String, help: &str| {
                at(Some(&release.origin), &pointer, format!("spec.services.{service}: {what}"), help)
            };
            let Some(known) = bundle.fleet.service(service) else {
                let what = format!("there is no service `{service}` in fleet `{}`", bundle.fleet.name);
                problems.push(wrong(what, "add it to the Fleet, or take it out of the release"));
                continue;
            };
            if known.version.as_ref() == Some(version) || bundle.upgrade.spec.to.contains_key(service) {
                continue;
            }
            let contract = Version::parse(version).ok().and_then(|v| self.registry.get(service, &v));
            let Some(image) = contract.and_then(|p| p.contract.spec.image.clone()) else {
                let what = match contract {
                    Some(_) => format!("the contract of {service} {version} names no image"),
                    None => format!("there is no contract of {service} {version}"),
                };
                problems.push(wrong(what, "give the version a contract with an `image`"));
                continue;
            };
            let target = Target { image, version: Some(version.clone()), needs: BTreeMap::new(), patch: None };
            bundle.upgrade.spec.to.insert(service.clone(), target);
        }
    }

    /// What a target says it needs is what its contract says.
    fn same_needs(&self, bundle: &Bundle, problems: &mut Vec<Problem>) {
        let origin = self.loaded.origins.get(&format!("Upgrade/{}", bundle.upgrade.name));
        for (service, target) in &bundle.upgrade.spec.to {
            let version = target.version().and_then(|v| Version::parse(&v).ok());
            let Some(contract) = version.and_then(|v| self.registry.get(service, &v)) else { continue };
            for (need, range) in &target.needs {
                let Some(depend) = contract.contract.spec.depends.iter().find(|d| d.service == *need) else { continue };
                if VersionReq::parse(range).ok() != VersionReq::parse(&depend.req).ok() {
                    let message = format!(
                        "spec.to.{service}.needs.{need}: says `{range}`, and its contract {} says `{}`",
                        contract.contract.origin.file, depend.req
                    );
                    let pointer = format!("/to/{service}/needs/{need}");
                    problems.push(at(origin, &pointer, message, "take it out here"));
                }
            }
        }
    }

    /// What is to be asked of the contracts for this upgrade.
    pub fn asked(&self, bundle: &Bundle, today: NaiveDate) -> Asked<'_> {
        let mut asked = Asked {
            registry: &self.registry,
            moves: Vec::new(),
            needs: BTreeMap::new(),
            unseen: Vec::new(),
            production: bundle.environment.production,
            today,
            unknown: Vec::new(),
            said: Vec::new(),
            unsaid: Vec::new(),
        };
        for service in &bundle.fleet.spec.services {
            let name = &service.name;
            let target = bundle.upgrade.spec.to.get(name);
            let from = service.version.as_ref().and_then(|v| Version::parse(v).ok());
            let to = target.map(|t| t.version().and_then(|v| Version::parse(&v).ok()));
            let (from, to) = match (from, to) {
                (Some(from), None) => (from.clone(), from),
                (Some(from), Some(Some(to))) => (from, to),
                (None, _) => {
                    unseen(&mut asked, name, target, "the Fleet does not say which version runs");
                    continue;
                }
                (_, Some(None)) => {
                    unseen(&mut asked, name, target, "the version it goes to is no semantic version");
                    continue;
                }
            };
            let needs = target.into_iter().flat_map(|t| &t.needs);
            let needs: BTreeMap<String, VersionReq> =
                needs.filter_map(|(n, r)| Some((n.clone(), VersionReq::parse(r).ok()?))).collect();
            if !needs.is_empty() {
                asked.needs.insert(name.clone(), needs);
            }
            asked.moves.push(Move { service: name.clone(), from, to });
        }
        let policy = self.registry.policy.as_ref();
        if let Some(remote) = policy.and_then(|p| p.spec.registry.as_ref()) {
            (asked.said, asked.unsaid) = registry::ask(remote, enquiries(&asked));
        }
        asked
    }
}

/// What cannot be looked at is noted; where it moves, it is told as well.
fn unseen(asked: &mut Asked<'_>, service: &str, target: Option<&Target>, why: &str) {
    asked.unknown.push(format!("{service}: {why}"));
    if let Some(target) = target {
        asked.unseen.push(Unseen { service: service.to_string(), to: target.name(), why: why.to_string() });
    }
}
