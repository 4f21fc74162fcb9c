//! Which published versions may run beside each other, by what their contracts say: ranges both ways, what one calls of the
//! other's interface, and events that one writes and the other reads.
//!
//! What two versions of an interface or a schema make of each other is asked once for all who use it; services that have
//! nothing to do with each other are not compared.
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use semver::{Version, VersionReq};
use serde::Serialize;

use super::api::{self, Caller};
use super::pairs::{Memory, Question};
use super::{Asked, Look, Published, Registry, calls, readers};
use crate::compat::deps::order::reason;
use crate::compat::deps::{Move, Need, out_of};
use crate::compat::openapi::{is_removed, plain};
use crate::compat::{Finding, Severity};
use crate::spec::contract::Depend;
use crate::spec::upgrade::in_range;
use crate::spec::{Problem, SourceFile};

/// Two versions that have to do with each other. Each pair is there once, whoever of the two needs the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub service: String,
    pub version: Version,
    pub other: String,
    pub beside: Version,
    /// Why they may not; empty if they may.
    pub why: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// By service and version.
    pub pairs: Vec<Pair>,
    /// What was met and not compared.
    pub not_compared: Vec<String>,
}

type Side = (String, Version);

/// Every pair of published versions of which one calls the other or reads what it writes. `runs`: what runs of each
/// service. A version is held to what it goes with today: the version that runs, else the lowest that its range takes.
///
/// # Errors
/// Files that are no descriptions or schemas.
pub fn matrix(
    registry: &Registry,
    runs: &BTreeMap<String, Version>,
    today: NaiveDate,
    memory: &mut dyn Memory,
) -> Result<Matrix, Vec<Problem>> {
    let asked = Asked {
        registry,
        moves: Vec::new(),
        needs: BTreeMap::new(),
        images: BTreeMap::new(),
        production: false,
        today,
        unknown: Vec::new(),
        unseen: Vec::new(),
        said: Vec::new(),
        unsaid: Vec::new(),
    };
    let mut making = Making {
        look: Look::new(&asked, memory),
        runs,
        writers: writers(registry),
        found: BTreeMap::new(),
        changes: BTreeMap::new(),
        operations: BTreeMap::new(),
        clashes: BTreeMap::new(),
    };
    for (service, versions) in &registry.services {
        for (version, published) in versions {
            making.depends((service, version), published);
            making.reads((service, version), published);
        }
    }
    let Making { look: Look { mut problems, notes, .. }, found, .. } = making;
    if !problems.is_empty() {
        problems.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
        problems.dedup();
        return Err(problems);
    }
    let pair = |(((service, version), (other, beside)), why): ((Side, Side), BTreeSet<String>)| Pair {
        service,
        version,
        other,
        beside,
        why: why.into_iter().collect(),
    };
    Ok(Matrix { pairs: found.into_iter().map(pair).collect(), not_compared: notes.into_iter().collect() })
}

/// Events, each with the services that write it in some version.
fn writers(registry: &Registry) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (service, versions) in &registry.services {
        for event in versions.values().flat_map(|p| &p.contract.spec.produces) {
            found.entry(event).or_default().insert(service);
        }
    }
    found
}

/// A service and one of its versions.
type Of<'a> = (&'a String, &'a Version);

struct Making<'a> {
    look: Look<'a>,
    runs: &'a BTreeMap<String, Version>,
    writers: BTreeMap<&'a str, BTreeSet<&'a str>>,
    found: BTreeMap<(Side, Side), BTreeSet<String>>,
    /// What may break somebody from one version of a service to another.
    changes: BTreeMap<(&'a str, &'a Version, &'a Version), Vec<Finding>>,
    operations: BTreeMap<Of<'a>, Option<BTreeSet<String>>>,
    /// What keeps one schema from reading another, by their files.
    clashes: BTreeMap<(&'a str, &'a str), Option<String>>,
}

impl<'a> Making<'a> {
    fn versions(&self, service: &str) -> Option<(&'a String, &'a BTreeMap<Version, Published>)> {
        self.look.asked.registry.services.get_key_value(service)
    }

    fn put(&mut self, one: Of<'a>, other: Of<'a>, why: Vec<String>) {
        let side = |(service, version): Of<'a>| (service.clone(), version.clone());
        let (one, other) = (side(one), side(other));
        let key = if one <= other { (one, other) } else { (other, one) };
        self.found.entry(key).or_default().extend(why);
    }

    /// A version beside all versions of what it depends on.
    fn depends(&mut self, of: Of<'a>, published: &'a Published) {
        for depend in &published.contract.spec.depends {
            let Ok(req) = VersionReq::parse(&depend.req) else { continue };
            let Some((name, versions)) = self.versions(&depend.service).filter(|(name, _)| *name != of.0) else {
                continue;
            };
            let runs = self.runs.get(name).and_then(|v| versions.get_key_value(v)).map(|(v, _)| v);
            let runs = runs.filter(|v| in_range(&req, v));
            let known = runs.or_else(|| versions.keys().find(|v| in_range(&req, v)));
            for beside in versions.keys() {
                let need = || Need { service: name.clone(), req: req.clone(), place: None };
                let why = match (out_of(&req, beside), known) {
                    (Some(why), _) => vec![reason(of.0, of.1, &need(), &why)],
                    (None, Some(known)) => self.calls(of, depend, (name, beside), known),
                    (None, None) => Vec::new(),
                };
                self.put(of, (name, beside), why);
            }
        }
    }

    fn files(&self, (service, version): Of<'a>) -> &'a [SourceFile] {
        self.look.get(service, version).map_or(&[], |p| &p.openapi)
    }

    /// Why what a version calls is not there, or answers otherwise than in the version it goes with.
    fn calls(&mut self, of: Of<'a>, depend: &'a Depend, to: Of<'a>, known: &'a Version) -> Vec<String> {
        let ((service, version), (other, beside)) = (of, to);
        let mut why = Vec::new();
        let (old, new) = (self.files((other, known)), self.files(to));
        if new.is_empty() {
            match old.is_empty() {
                true => self
                    .look
                    .note(format!("{other} {beside} has no description, so what is called of it is not compared")),
                false => why.push(format!("{other} {beside} has no description of its interface, and {known} has one")),
            }
            return why;
        }
        let look = &mut self.look;
        let there = self.operations.entry(to).or_insert_with(|| calls::operations(look, new));
        let named = depend.operations.iter().flatten();
        let gone = named.filter(|o| there.as_ref().is_some_and(|there| !there.contains(&plain(o))));
        why.extend(
            gone.map(|o| format!("{service} {version} {}, which {other} {beside} does not have", calls::does(o))),
        );
        if old.is_empty() || known == beside {
            return why;
        }
        let mut caller = Caller::new(service, version, depend);
        if !depend.closed_enums.is_empty() {
            for files in [old, new] {
                caller
                    .closed
                    .extend(calls::closed(look, files, &depend.closed_enums).into_iter().flat_map(|n| n.places));
            }
        }
        let m = Move { service: other.clone(), from: known.clone(), to: beside.clone() };
        let callers = [caller];
        for finding in self.changed(to, known) {
            // What is gone is told by name where names are given.
            if is_removed(finding) && depend.operations.is_some() {
                continue;
            }
            let (finding, reached) = api::reach(finding.clone(), &m, &callers, false);
            if finding.severity == Severity::Critical && !reached.is_empty() {
                let at = finding.affected.iter().find(|a| callers[0].calls(std::slice::from_ref(a)));
                let at = at.map_or(String::new(), |a| format!("{a}: "));
                let (message, rule) = (&finding.message, finding.rule);
                why.push(format!(
                    "{at}{message} ({rule}, {other} {beside} against {known}, which {service} {version} goes with)"
                ));
            }
        }
        why
    }

    /// What may break somebody in this version, against another one.
    fn changed(&mut self, (service, to): Of<'a>, from: &'a Version) -> &[Finding] {
        let key = (service.as_str(), from, to);
        if !self.changes.contains_key(&key) {
            let (old, new, today) = (self.files((service, from)), self.files((service, to)), self.look.asked.today);
            let report = self.look.ask(&Question::Openapi { old, new, today }).map(|a| a.report).unwrap_or_default();
            report.not_compared.into_iter().for_each(|note| self.look.note(note));
            // Values that somebody reads as a closed list become critical for that one.
            let may = |f: &Finding| f.severity == Severity::Critical || api::GROWS.contains(&f.rule);
            self.changes.insert(key, report.findings.into_iter().filter(may).collect());
        }
        self.changes.get(&key).map_or(&[], Vec::as_slice)
    }

    /// A version beside all versions of those who write what it reads.
    fn reads(&mut self, of: Of<'a>, published: &'a Published) {
        for event in &published.contract.spec.consumes {
            let writers = self.writers.get(event.as_str()).cloned().unwrap_or_default();
            for writer in writers.iter().filter(|w| **w != of.0.as_str()) {
                let Some((name, versions)) = self.versions(writer) else { continue };
                let runs = self.runs.get(name).and_then(|v| versions.get(v));
                let wrote = runs.filter(|p| p.contract.spec.produces.contains(event));
                // Without a schema of its own what runs reads by what is written today.
                let today = wrote.and_then(|p| p.events.get(event)).filter(|_| self.runs.get(of.0) == Some(of.1));
                let reader = published.events.get(event).or(today);
                for (beside, written) in versions {
                    let to = (name, beside);
                    if !written.contract.spec.produces.contains(event) {
                        // Another one may have taken it over.
                        if wrote.is_some() && writers.len() == 1 {
                            let why = format!("{name} {beside} does not write {event}, which {} {} reads", of.0, of.1);
                            self.put(of, to, vec![why]);
                        }
                        continue;
                    }
                    let why = self.unread(reader, written.events.get(event));
                    let why = why.map(|w| format!("{} {} cannot read the {event} of {name} {beside}: {w}", of.0, of.1));
                    if reader.is_none() || !written.events.contains_key(event) {
                        self.look.note(format!(
                            "{} {} reads {event} of {name} {beside}: one of the two has no schema",
                            of.0, of.1
                        ));
                    }
                    self.put(of, to, why.into_iter().collect());
                }
            }
        }
    }

    /// What keeps a schema from reading another.
    fn unread(&mut self, reader: Option<&'a SourceFile>, writer: Option<&'a SourceFile>) -> Option<String> {
        let (reader, writer) = (reader?, writer?);
        let look = &mut self.look;
        let key = (reader.name.as_str(), writer.name.as_str());
        self.clashes.entry(key).or_insert_with(|| readers::clash(look, reader, writer).map(|(why, _)| why)).clone()
    }
}
