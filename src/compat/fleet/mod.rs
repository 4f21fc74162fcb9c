//! A whole fleet: may these services go from these versions to those, side by side with all others?
//!
//! # Layout
//! - [`Registry`] what is published; [`Asked`] what is to move; [`check`] gives an [`Outcome`]
//! - [`pairs`] comparisons of texts, whose answers may be kept; [`stored`] answers as text
//! - `api` interfaces, with those who call them; `calls` whether what is called is there at all
//! - `events` schemas that change; `readers` each reader beside each writer; `database` migrations
//! - `strays` what nobody names: events that no service writes, files that no contract speaks of
//! - `images` what is deployed for a version
//! - [`remote`] what a schema registry says; [`referred`] schemas there that refer to others
//! - `order` who goes before whom, and every moment of it; `detour` ways over versions in between
//! - [`matrix`] which published versions may run beside each other
//! - `weigh` what findings are called, what weighs how much here, and what is accepted
mod api;
mod calls;
mod database;
mod detour;
mod events;
mod images;
pub mod matrix;
mod order;
pub mod pairs;
mod readers;
pub mod referred;
pub mod remote;
pub mod stored;
mod strays;
#[cfg(test)]
mod tests;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use semver::{Version, VersionReq};
use serde::Serialize;

use super::deps::honesty::Change;
use super::deps::order::Edge;
use super::deps::{self, Move};
use super::{Finding, Of, Place, Report};
use crate::spec::contract::{CompatPolicy, Contract, Origin, Release};
use crate::spec::{Problem, SourceFile};
use pairs::{Answer, Memory, Question};
pub use weigh::{accepted_by, overruled};

/// One version of a service: its contract, and the files beside it.
#[derive(Debug, Clone)]
pub struct Published {
    pub contract: Contract,
    /// The description, then what it refers to; empty where there is none.
    pub openapi: Vec<SourceFile>,
    /// Schemas by event.
    pub events: BTreeMap<String, SourceFile>,
    /// SQL by migration.
    pub sql: BTreeMap<String, SourceFile>,
    /// Files beside it that look like SQL or like the schema of an event, and that the contract does not name.
    pub undeclared: Vec<String>,
}

/// Everything that is published.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    pub services: BTreeMap<String, BTreeMap<Version, Published>>,
    pub releases: Vec<Release>,
    pub policy: Option<CompatPolicy>,
}

impl Registry {
    pub fn get(&self, service: &str, version: &Version) -> Option<&Published> {
        self.services.get(service)?.get(version)
    }
}

/// The question.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub registry: &'a Registry,
    /// All services of the fleet; one that stays has `from` and `to` equal.
    pub moves: Vec<Move>,
    /// What targets need by themselves, beside their contracts: service, then what it needs.
    pub needs: BTreeMap<String, BTreeMap<String, VersionReq>>,
    /// What targets deploy: service, then image.
    pub images: BTreeMap<String, String>,
    pub production: bool,
    /// The day it is asked on: waivers and announced ends go by it.
    pub today: NaiveDate,
    /// Parts of the fleet that cannot be looked at, and why.
    pub unknown: Vec<String>,
    /// Services of those that move.
    pub unseen: Vec<Unseen>,
    /// What a schema registry said, and what it could not be asked.
    pub said: Vec<remote::Said>,
    pub unsaid: Vec<String>,
}

/// A service that moves, and of which it is not known from where or to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    pub service: String,
    /// Its target, as it is written.
    pub to: String,
    pub why: String,
}

/// A way over versions in between, where the straight one is barred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detour {
    pub service: String,
    pub from: String,
    pub to: String,
    /// Why the straight step is refused.
    pub refused: Vec<String>,
    /// From the first to the last version; empty if there is no way.
    pub over: Vec<String>,
    /// The next best.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub report: Report,
    /// Findings of rules that the CompatPolicy switches off.
    pub left_out: Vec<Finding>,
    /// Who must have moved as a whole before whom. They make no circle.
    pub edges: Vec<Edge>,
    /// What the waves do not keep, each out of a circle that is told.
    pub broken: Vec<Edge>,
    /// Pairs of `edges`, first and then, that nothing but a target's own need asks for.
    pub named: BTreeSet<(String, String)>,
    /// Services that move side by side.
    pub waves: Vec<Vec<String>>,
    pub detours: Vec<Detour>,
    /// What changed in the contract of each service that moves, at its worst, where that could be compared.
    pub changes: BTreeMap<String, Change>,
}

/// Looks at everything that moves, and at all that stands beside it.
///
/// # Errors
/// Files that are no descriptions, schemas or SQL; rules that do not exist.
pub fn check(asked: &Asked<'_>, memory: &mut dyn Memory) -> Result<Outcome, Vec<Problem>> {
    let mut look = Look::new(asked, memory);
    for m in look.moving() {
        look.at(m);
        strays::files(&mut look, m);
        images::look(&mut look, m);
    }
    readers::look(&mut look);
    for m in &asked.moves {
        calls::look(&mut look, m);
    }
    look.unseen();
    order::honest(&mut look);
    let order::Ordered { waves, edges, broken, named } = order::order(&mut look);
    weigh::weigh(&mut look);
    // Ways come last: what is accepted no longer bars one.
    let detours = detour::detours(&mut look);
    let Look { mut findings, mut left_out, notes, mut problems, changes, .. } = look;
    if !problems.is_empty() {
        problems.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
        problems.dedup();
        return Err(problems);
    }
    weigh::sort(&mut findings);
    weigh::sort(&mut left_out);
    let report = Report { findings, not_compared: notes.into_iter().collect() };
    Ok(Outcome { report, left_out, edges, broken, named, waves, detours, changes })
}

/// A look under way.
struct Look<'a> {
    asked: &'a Asked<'a>,
    memory: &'a mut dyn Memory,
    findings: Vec<Finding>,
    left_out: Vec<Finding>,
    notes: BTreeSet<String>,
    edges: BTreeSet<Edge>,
    /// Edges that are good to have and no reason to refuse: what asks for them says itself that it works without.
    wishes: BTreeSet<Edge>,
    problems: Vec<Problem>,
    changes: BTreeMap<String, Change>,
}

impl<'a> Look<'a> {
    fn new(asked: &'a Asked<'a>, memory: &'a mut dyn Memory) -> Look<'a> {
        Look {
            asked,
            memory,
            findings: Vec::new(),
            left_out: Vec::new(),
            notes: asked.unknown.iter().chain(&asked.unsaid).cloned().collect(),
            edges: BTreeSet::new(),
            wishes: BTreeSet::new(),
            problems: Vec::new(),
            changes: BTreeMap::new(),
        }
    }

    /// What is to be said of one move by itself.
    fn at(&mut self, m: &Move) {
        api::look(self, m);
        events::look(self, m);
        database::look(self, m);
    }

    /// What moves and cannot be looked at is told, and not only noted.
    fn unseen(&mut self) {
        for unseen in &self.asked.unseen {
            let mut finding = deps::honesty::unseen(&unseen.service, &unseen.to, &unseen.why);
            let (service, from, to) = (unseen.service.clone(), "unknown".to_string(), unseen.to.clone());
            finding.of = Some(Box::new(Of { service, from, to, part: String::new(), consumers: Vec::new() }));
            self.findings.push(finding);
        }
    }

    fn moving(&self) -> Vec<&'a Move> {
        self.asked.moves.iter().filter(|m| is_moving(m)).collect()
    }

    fn get(&self, service: &str, version: &Version) -> Option<&'a Published> {
        self.asked.registry.get(service, version)
    }

    fn ask(&mut self, question: &Question<'_>) -> Option<Answer> {
        match question.ask(self.memory) {
            Ok(answer) => Some(answer),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn note(&mut self, text: String) {
        self.notes.insert(text);
    }

    /// Adds a finding about a move.
    fn put(&mut self, m: &Move, part: &str, consumers: Vec<String>, mut finding: Finding) {
        finding.of = Some(Box::new(Of {
            service: m.service.clone(),
            from: m.from.to_string(),
            to: m.to.to_string(),
            part: part.to_string(),
            consumers,
        }));
        self.findings.push(finding);
    }

    /// Records of an event stay, so that they are read by whatever comes.
    fn retained(&self, event: &str) -> bool {
        let policy = self.asked.registry.policy.as_ref();
        policy.and_then(|p| p.spec.events.get(event)).is_none_or(|t| t.retained)
    }

    fn changed(&mut self, service: &str, change: Change) {
        let worst = self.changes.entry(service.to_string()).or_insert(change);
        *worst = (*worst).max(change);
    }
}

fn is_moving(m: &Move) -> bool {
    m.from != m.to
}

/// Where a value of a contract stands.
fn place(contract: &Contract, pointer: &str) -> Place {
    if let Some((origin, rest)) = elsewhere(contract, pointer) {
        let line = if rest.is_empty() { Some(origin.name.0) } else { origin.places.get(rest).map(|(line, _)| *line) };
        return Place { file: origin.file.clone(), pointer: format!("/spec{rest}"), line };
    }
    let line = contract.origin.places.get(pointer).map(|(line, _)| *line);
    Place { file: contract.origin.file.clone(), pointer: format!("/spec{pointer}"), line }
}

/// The file of its own that a migration has, and what of the pointer is inside of that.
fn elsewhere<'a>(contract: &'a Contract, pointer: &'a str) -> Option<(&'a Origin, &'a str)> {
    let rest = pointer.strip_prefix("/migrations/")?;
    let (number, inside) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let migration = contract.spec.migrations.get(number.parse::<usize>().ok()?)?;
    Some((migration.origin.as_deref()?, inside))
}

/// Versions of a service that run at some moment: the old one, and the new one where it moves.
fn running(m: &Move) -> BTreeSet<&Version> {
    BTreeSet::from([&m.from, &m.to])
}

/// What contracts say of versions, for [`deps`].
fn terms(contract: &Contract) -> deps::Contract {
    let spec = &contract.spec;
    let need = |(i, d): (usize, &crate::spec::contract::Depend)| {
        let req = VersionReq::parse(&d.req).ok()?;
        Some(deps::Need { service: d.service.clone(), req, place: Some(place(contract, &format!("/depends/{i}/req"))) })
    };
    let migration = |m: &crate::spec::contract::Migration| deps::Migration {
        id: m.id.clone(),
        phase: database::phase(m.phase),
        contracts: m.contracts.clone(),
        minutes: database::minutes(m).unwrap_or(0),
    };
    deps::Contract {
        needs: spec.depends.iter().enumerate().filter_map(need).collect(),
        min_from: spec.min_from.as_deref().and_then(|v| Version::parse(v).ok()),
        rollback_to: spec.rollback_to.as_deref().and_then(|r| VersionReq::parse(r).ok()),
        migrations: spec.migrations.iter().map(migration).collect(),
        place: Some(place(contract, "/version")),
    }
}
