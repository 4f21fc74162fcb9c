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
    let unknown;
    match squawk::check(text, &statements) {
        squawk::Checked::Broken(errors) => return Err(errors.into_iter().map(|(at, m)| fault(at, m)).collect()),
        squawk::Checked::Untame(at, why, refused) => {
            report.not_compared.push(format!("{file}:{}: {why}; only our own rules looked at it", lines.spot(at).0));
            unknown = refused;
        }
        squawk::Checked::Said(said, refused) => {
            unknown = refused;
            for s in said {
                let number = statements.partition_point(|x| x.start <= s.at).saturating_sub(1);
                let mut f = finding(s.rule, s.severity, place(file, &lines, number, s.at), s.message);
                f.recommendation = s.help;
                report.findings.push(f);
            }
        }
    }
    for u in &unknown {
        not_known(file, &lines, &statements, u, &mut report);
    }
    hazard::look(file, &lines, &statements, catalogue, &mut report);
    report.findings.iter_mut().for_each(|f| sign(f, &statements));
    report.findings.sort_by(|a, b| {
        let line = |f: &Finding| f.location.revision.as_ref().and_then(|p| p.line);
        (line(a), b.severity, a.rule).cmp(&(line(b), a.severity, b.rule))
    });
    Ok(report)
}

/// A statement that the parser does not take: PostgreSQL may know it, or it fails there. What our own rules see in it they
/// say besides; if that is all there is to it nobody can tell, so a person has to.
fn not_known(file: &str, lines: &lex::Lines, all: &[lex::Statement], unknown: &squawk::Unknown, report: &mut Report) {
    let Some(statement) = all.get(unknown.number) else { return };
    // What these do to a thing of a kind that is not known is not known either.
    let changes = ["alter", "create", "drop"].iter().any(|word| statement.tokens.first().is_some_and(|t| t.is(word)));
    let harmless = !changes && action::actions(&statement.tokens).iter().all(|a| *a == action::Action::Harmless);
    if harmless && statement.is_meta() {
        return;
    }
    let begins: Vec<&str> = statement.tokens.iter().take(3).map(|t| t.text.as_ref()).collect();
    let begins = if statement.is_meta() { begins.concat() } else { begins.join(" ") };
    let begins: String = begins.chars().take(60).collect();
    let line = lines.spot(unknown.at).0;
    report
        .not_compared
        .push(format!("{file}:{line}: `{begins}`: a statement that is not known here ({})", unknown.why));
    // Those that read, add rows or give rights harm nothing that runs, as far as anything of them is understood.
    let severity = if harmless { Severity::Warning } else { Severity::Critical };
    let message = format!("`{begins}` is not known here, so that nobody can tell what it locks or takes away");
    let mut f = finding("sql-not-known", severity, place(file, lines, unknown.number, unknown.at), message);
    f.details.push(unknown.why.clone());
    f.recommendation = Some("try it on a copy of the database, and have somebody who knows it accept it".to_string());
    report.findings.push(f);
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
