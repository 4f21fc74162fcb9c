//! Contracts from their folder: read, put beside the Fleet and Upgrade they belong to, and turned into a question.
//!
//! # Layout
//! - `folder` which files are documents of ours, and whether they stand where they say; `beside` files of one contract
mod beside;
mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use semver::{Version, VersionReq};

use super::files::pointed;
use super::registry;
use crate::compat::deps::Move;
use crate::compat::fleet::remote::enquiries;
use crate::compat::fleet::{Asked, Registry, Unseen};
use crate::plan::{Plan, PlanError};
use crate::spec::contract::Origin;
use crate::spec::upgrade::Target;
use crate::spec::{Bundle, Loaded, Problem, Report, nearest};

/// Everything some files say, with the contracts of their fleets.
pub struct Known {
    pub loaded: Loaded,
    pub registry: Registry,
    /// Some folder of contracts is named, or contracts are given.
    pub any: bool,
    /// The folders.
    pub folders: BTreeSet<PathBuf>,
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
            let beside = names_in(found.parent());
            let help = near(named, beside.iter(), "is it seen from the Fleet's own file?");
            return Err(pointed(vec![at(origin, "/contracts", message, &help)]));
        }
        folders.insert(found);
    }
    let mut all: Vec<PathBuf> = paths.to_vec();
    for folder in &folders {
        all.extend(folder::members(folder).map_err(Report::of)?);
    }
    let mut loaded = if folders.is_empty() { loaded } else { super::validate::load(&all)? };
    let unversioned = folders.iter().flat_map(|folder| folder::unversioned(folder, &loaded)).collect::<Vec<_>>();
    loaded.warnings.problems.extend(pointed(unversioned).problems);
    let mut registry =
        Registry { releases: loaded.releases.clone(), policy: loaded.compat.clone(), ..Registry::default() };
    let mut problems = Vec::new();
    for folder in &folders {
        problems.extend(folder::check(folder, &loaded));
    }
    for contract in &loaded.contracts {
        // Loading has checked that it is one.
        let Ok(version) = Version::parse(&contract.spec.version) else { continue };
        let published = beside::published(contract, &loaded.migrations, &folders, &mut problems);
        registry.services.entry(contract.service.clone()).or_default().insert(version, published);
    }
    problems.extend(beside::orphans(&loaded));
    if !problems.is_empty() {
        return Err(pointed(problems));
    }
    let any = !folders.is_empty() || !loaded.contracts.is_empty();
    Ok(Known { loaded, registry, any, folders })
}

/// Names of what is in a folder.
fn names_in(folder: Option<&Path>) -> BTreeSet<String> {
    let folder = folder.filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().into_string().ok()).collect()
}

/// The name that was probably meant, as a question; else what is said instead.
fn near<'a>(written: &str, names: impl IntoIterator<Item = &'a String>, otherwise: &str) -> String {
    let name = written.trim_end_matches('/').rsplit('/').next().unwrap_or(written);
    match nearest(name, names.into_iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", written.replace(name, near)),
        None => otherwise.to_string(),
    }
}

/// A problem at a value of a document.
fn at(origin: Option<&Origin>, pointer: &str, message: String, help: &str) -> Problem {
    let file = origin.map_or("the given files", |o| o.file.as_str());
    let (line, column) = origin.and_then(|o| o.places.get(pointer)).copied().unwrap_or((0, 0));
    Problem::of_file(file, message, Some(help.into())).at(line, column)
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
            let message = "spec.release: everything it lists runs already, or stays".to_string();
            problems.push(at(origin, "/release", message, "name another release, or write `to`"));
        }
        if problems.is_empty() { Ok(bundle) } else { Err(pointed(problems)) }
    }

    /// The plan of a bundle, as far as the files alone say.
    ///
    /// # Errors
    /// Why there is none, at the place in the Upgrade that asks for it.
    pub fn plan(&self, bundle: &Bundle) -> Result<Plan, Report> {
        Plan::build(bundle).map_err(|error| {
            let origin = self.loaded.origins.get(&format!("Upgrade/{}", bundle.upgrade.name));
            let at_once = "`strategy: canary` moves all tenants at once, in the window that they share";
            let (field, help) = match &error {
                PlanError::NobodyMoves => (
                    "strategy",
                    Some(format!(
                        "write `tenancy: {{routed: ...}}` in the fleet for a service of `to`, and name it where Tenants say \
                         `services`; {at_once}"
                    )),
                ),
                PlanError::Together { .. } | PlanError::OneName { .. } => ("strategy", Some(at_once.to_string())),
                PlanError::IdleSegment(_) => ("segments", None),
                PlanError::Cycle(_) | PlanError::UnknownService(_) | PlanError::NoVersion { .. } => ("to", None),
            };
            let file = origin.map_or("the given files", |o| o.file.as_str());
            let place = origin.and_then(|o| o.places.get(&format!("/{field}"))).copied().unwrap_or((0, 0));
            let problem = Problem::of_file(file, format!("spec.{field}: {error}"), help);
            pointed(vec![problem.at(place.0, place.1)])
        })
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
        for (i, service) in bundle.upgrade.spec.stay.iter().enumerate() {
            if !release.spec.services.contains_key(service) {
                let message = format!("spec.stay[{i}]: Release `{name}` does not list {service}, so it stays anyway");
                let help = near(service, release.spec.services.keys(), "take it out");
                problems.push(at(origin, &format!("/stay/{i}"), message, &help));
            }
        }
        for (service, version) in &release.spec.services {
            let pointer = format!("/services/{service}");
            let wrong = |what: String, help: &str| {
                at(Some(&release.origin), &pointer, format!("spec.services.{service}: {what}"), help)
            };
            let Some(known) = bundle.fleet.service(service) else {
                let what = format!("there is no service `{service}` in fleet `{}`", bundle.fleet.name);
                let there = bundle.fleet.spec.services.iter().map(|s| &s.name);
                problems.push(wrong(what, &near(service, there, "add it to the Fleet, or take it out of the release")));
                continue;
            };
            let upgrade = &bundle.upgrade.spec;
            let said = upgrade.to.contains_key(service) || upgrade.stay.contains(service);
            if known.version.as_ref() == Some(version) || said {
                continue;
            }
            let contract = Version::parse(version).ok().and_then(|v| self.registry.get(service, &v));
            let Some(image) = contract.and_then(|p| p.contract.spec.image.clone()) else {
                let what = match contract {
                    Some(_) => format!("the contract of {service} {version} names no image"),
                    None => format!("there is no contract of {service} {version}"),
                };
                let published = self.registry.services.get(service).into_iter().flat_map(|all| all.keys());
                let published: Vec<String> = published.map(ToString::to_string).collect();
                let help = match contract {
                    None if !published.is_empty() => {
                        near(version, &published, &format!("there are contracts of {}", published.join(", ")))
                    }
                    _ => "give the version a contract with an `image`".to_string(),
                };
                problems.push(wrong(what, &help));
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
            images: bundle.upgrade.spec.to.iter().map(|(s, target)| (s.clone(), target.image.clone())).collect(),
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
