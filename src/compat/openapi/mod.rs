//! Descriptions of HTTP interfaces: OpenAPI 3.0 and 3.1, and Swagger 2.
//!
//! # Layout
//! - [`compare`] the two sides in, a [`Report`] out
//! - `read` where things stand in a description; `form` whether it is one; `swagger` makes version 2 look like version 3
//! - `paths`, `operation`, `parameters`, `bodies`, `statuses`, `headers`, `style`, `security`, `schemes`, `around` what is compared, from the
//!   outside in; `media` which media types hold which
//! - `spread` what the schemas come to, for the operations that reach them; `found` each finding once
//! - [`named`] where values stand that other services name
//! - [`rules`] all of them
mod around;
mod bodies;
mod form;
mod found;
mod headers;
mod media;
pub mod named;
mod operation;
mod parameters;
mod paths;
mod read;
pub mod rules;
mod schemes;
mod security;
mod spread;
mod statuses;
mod style;
mod swagger;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::document::{Library, NodeId};
use super::finding::{Direction, Finding, Report};
use super::lifecycle::Terms;
use super::schema::Engine;
use crate::spec::Problem;
use found::{Found, Told};
use read::Api;
use rules::Book;
use spread::{Part, Roots, View};

/// What may follow what: every change from the base to the revision that somebody could notice.
///
/// # Errors
/// A side is no description, or refers to what is not there.
pub fn compare(mut base: Library, mut revision: Library, terms: Terms) -> Result<Report, Problem> {
    let (old, new) = (read::open(&mut base)?, read::open(&mut revision)?);
    let siblings = (old.siblings, new.siblings);
    let later = (old.later.then_some(old.root), new.later.then_some(new.root));
    let (old, new) = (Api::new(&base, old), Api::new(&revision, new));
    let mut check = Check {
        engine: Engine::new(&base, &revision, siblings, terms),
        old,
        new,
        schemes: schemes::Schemes::read(old, new),
        terms,
        roots: Roots::default(),
        found: Found::default(),
        operations: Vec::new(),
        problem: None,
    };
    if later != (None, None) {
        check.note(later.0, later.1, "OpenAPI 3.2 is read as 3.1; what it has in addition is not compared");
    }
    paths::compare(&mut check);
    schemes::compare(&mut check);
    around::compare(&mut check);
    if let Some(problem) = check.problem {
        return Err(problem);
    }
    spread::spread(&mut check.engine, check.roots, &Book::open(), &mut check.found)?;
    let (findings, not_compared) = check.found.finish(&base, &revision, &check.operations);
    Ok(Report { findings, not_compared })
}

/// Every operation of a description below its paths, as `GET /orders/{}`: names of parameters do not tell two apart. And its
/// webhooks, as `webhook POST orderPaid`.
///
/// # Errors
/// It is no description.
pub fn operations(mut library: Library) -> Result<Vec<String>, Problem> {
    let opened = read::open(&mut library)?;
    Ok(paths::all(Api::new(&library, opened)))
}

/// An operation as [`operations`] lists it.
pub fn plain(operation: &str) -> String {
    paths::blanked(operation)
}

/// What the server calls by itself, and not because of a call.
pub fn is_webhook(operation: &str) -> bool {
    operation.starts_with(paths::WEBHOOK)
}

/// It is one of these, or is called back because of one of them.
pub fn belongs_to(operation: &str, named: &BTreeSet<String>) -> bool {
    let operation = plain(operation);
    let mut ends = operation.match_indices(paths::CALLBACK).map(|(end, _)| end).chain([operation.len()]);
    ends.any(|end| named.contains(&operation[..end]))
}

/// It is gone as a whole: what does not call it does not miss it. What is called back goes by itself.
pub fn is_removed(finding: &Finding) -> bool {
    let webhook = matches!(finding.rule, "webhook-removed" | "webhook-operation-removed");
    let whole = |a: &String| is_webhook(a) && !a.contains(paths::CALLBACK);
    finding.rule.starts_with("operation-removed") || webhook && finding.affected.iter().all(whole)
}

/// A comparison under way.
struct Check<'a> {
    old: Api<'a>,
    new: Api<'a>,
    engine: Engine<'a>,
    terms: Terms,
    schemes: schemes::Schemes,
    roots: Roots,
    found: Found,
    /// Names of operations, by number.
    operations: Vec<String>,
    /// The first reference that leads nowhere.
    problem: Option<Problem>,
}

/// The operation that is being compared.
#[derive(Clone, Copy)]
struct At {
    operation: u32,
    /// The parties have traded places: the server calls, as for webhooks and callbacks.
    traded: bool,
}

impl At {
    /// The way what the caller sends travels.
    fn sent(self) -> Direction {
        if self.traded { Direction::Response } else { Direction::Request }
    }

    fn answered(self) -> Direction {
        if self.traded { Direction::Request } else { Direction::Response }
    }
}

impl Check<'_> {
    fn operation(&mut self, name: String) -> u32 {
        self.operations.push(name);
        u32::try_from(self.operations.len() - 1).unwrap_or(u32::MAX)
    }

    /// Tells of something around schemas.
    fn tell(
        &mut self,
        at: impl Into<Option<At>>,
        id: &'static str,
        places: (Option<NodeId>, Option<NodeId>),
        subject: &str,
        message: String,
    ) {
        let at: Option<At> = at.into();
        let traded = at.is_some_and(|a| a.traded);
        let id = if traded { rules::mirrored(id) } else { id };
        let Some(rule) = rules::named(id) else { return };
        // Rules of their own for traded places say themselves who sends.
        let direction = match (rule.direction, traded && !id.starts_with("webhook-")) {
            (Some(Direction::Request), true) => Some(Direction::Response),
            (Some(Direction::Response), true) => Some(Direction::Request),
            (same, _) => same,
        };
        let (base, revision) = places;
        let told = Told { rule, direction, area: rule.area, base, revision, subject, message, details: Vec::new() };
        self.found.add(told, &at.map(|a| spread::single(a.operation)).unwrap_or_default());
    }

    /// Has two schemas compared, on behalf of an operation.
    fn schemas(&mut self, at: At, old: NodeId, new: NodeId, direction: Direction, part: Part) {
        let pair = self.engine.pair(&[old], &[new]);
        self.roots.add(pair, View::of(direction, part), at.operation);
    }

    fn note(&mut self, base: Option<NodeId>, revision: Option<NodeId>, what: &str) {
        let place = spread::place_of(self.old.library, base, self.new.library, revision);
        self.found.note(format!("{place}: {what}"));
    }

    /// What a reference on the base leads to; one that leads nowhere ends the comparison.
    fn old_at(&mut self, node: NodeId) -> Option<NodeId> {
        let found = self.old.library.follow(node);
        if found.is_none() && self.problem.is_none() {
            self.problem = Some(self.old.library.dangling(node));
        }
        found
    }

    fn new_at(&mut self, node: NodeId) -> Option<NodeId> {
        let found = self.new.library.follow(node);
        if found.is_none() && self.problem.is_none() {
            self.problem = Some(self.new.library.dangling(node));
        }
        found
    }

    /// Something is the same on both sides, or on neither.
    fn equal(&self, base: Option<NodeId>, revision: Option<NodeId>) -> bool {
        match (base, revision) {
            (Some(x), Some(y)) => super::document::same(self.old.library, x, self.new.library, y),
            (None, None) => true,
            _ => false,
        }
    }
}
