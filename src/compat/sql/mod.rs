//! SQL of migrations (PostgreSQL 15): what each statement locks, rewrites and reads through, and what that does to a service
//! that runs meanwhile.
//!
//! # Layout
//! - [`lex`] tokens and statements, `cursor` a walk along them; `action`, `alter`, `session`, `inner` what a statement does, as
//!   far as it matters here; `speaks` of which columns; `scope` which table a name means
//! - [`catalogue`] what is known of the database: given, and added to by the migration itself, which `learn` does and takes back
//! - [`predict`] lock, rewrite and scan of each action; `types` whether a change of type rewrites
//! - [`name`] tables and columns as contracts spell them
//! - `hazard` what of it is a finding; `squawk` what an established linter adds to it; `gaps` what its parser does not know
//! - [`declared`] migrations of a release against each other: expand and contract, time, the way back
mod action;
mod alter;
mod body;
pub mod catalogue;
mod cursor;
pub mod declared;
mod gaps;
mod hazard;
mod inner;
mod learn;
pub mod lex;
pub mod name;
pub mod predict;
mod scope;
mod session;
mod speaks;
mod squawk;
#[cfg(test)]
mod tests;
mod types;

use catalogue::Catalogue;
use sha2::{Digest, Sha256};

use super::finding::fingerprint;
use super::spots::Fault;
use super::{Area, Finding, Location, Place, Report, Severity};

/// Longer files are refused.
pub const LIMIT: usize = 16 << 20;

/// Lints one file. Statements are taken one after the other, so what the first creates is known to the second, and
/// `catalogue` then knows what the file did.
///
/// # Errors
/// The text is no SQL, with the place.
pub fn lint(file: &str, text: &str, catalogue: &mut Catalogue) -> Result<Report, Vec<Fault>> {
    let text = unmarked(text);
    let lines = lex::Lines::new(text);
    let fault = |at: usize, message: String| {
        let (line, column) = lines.spot(at);
        Fault { file: file.to_string(), line, column, pointer: String::new(), message }
    };
    if text.len() > LIMIT {
        return Err(vec![fault(0, format!("{} MB long; at most {} MB are read", text.len() >> 20, LIMIT >> 20))]);
    }
    let statements = lex::statements(text).map_err(|e| vec![fault(e.at, e.message)])?;
    let mut report = Report::default();
    let checked = squawk::check(text, &statements);
    match checked {
        squawk::Checked::Broken(errors) => return Err(errors.into_iter().map(|(at, m)| fault(at, m)).collect()),
        squawk::Checked::Untame(at, why) => {
            report.not_compared.push(format!("{file}:{}: {why}; only our own rules looked at it", lines.spot(at).0));
        }
        squawk::Checked::Said(said) => {
            for s in said {
                let number = statements.partition_point(|x| x.start <= s.at).saturating_sub(1);
                let mut f = finding(s.rule, s.severity, place(file, &lines, number, s.at), s.message);
                f.recommendation = s.help;
                report.findings.push(f);
            }
        }
    }
    hazard::look(file, &lines, &statements, catalogue, &mut report);
    report.findings.iter_mut().for_each(|f| sign(f, &statements));
    report.findings.sort_by(|a, b| {
        let line = |f: &Finding| f.location.revision.as_ref().and_then(|p| p.line);
        (line(a), b.severity, a.rule).cmp(&(line(b), a.severity, b.rule))
    });
    Ok(report)
}

/// Without the byte order mark that some editors write first: `psql` passes over it as well, and it would hide what the first
/// statement is.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Makes the statement itself a part of the finding's name: who accepts one column's new type accepts no other's.
fn sign(f: &mut Finding, statements: &[lex::Statement]) {
    let at = f.location.revision.as_ref().map_or("", |p| p.pointer.trim_start_matches('/'));
    let Some(statement) = at.parse::<usize>().ok().and_then(|n| statements.get(n)) else { return };
    let mut hash = Sha256::new();
    for token in &statement.tokens {
        hash.update(format!("{:?} {}\n", token.kind, token.text));
    }
    f.values = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    let said = Place { file: String::new(), pointer: format!("{} {}", f.values, f.message), line: None };
    f.fingerprint = fingerprint(f.rule, None, &Location { base: Some(said), revision: f.location.revision.clone() });
}

/// A statement's place: its number in the file, so that a waiver holds while lines move.
fn place(file: &str, lines: &lex::Lines, statement: usize, at: usize) -> Place {
    Place { file: file.to_string(), pointer: format!("/{statement}"), line: Some(lines.spot(at).0) }
}

fn finding(rule: &'static str, severity: Severity, place: Place, message: String) -> Finding {
    let location = Location { base: None, revision: Some(place) };
    Finding {
        rule,
        severity,
        direction: None,
        area: Area::Database,
        fingerprint: fingerprint(rule, None, &location),
        location,
        affected: Vec::new(),
        message,
        details: Vec::new(),
        recommendation: None,
        of: None,
        waived: None,
        values: String::new(),
    }
}
