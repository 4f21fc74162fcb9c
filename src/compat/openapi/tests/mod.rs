//! The comparison as a whole, from texts to findings.
mod around;
mod bounds;
mod choices;
mod hostile;
mod keywords;
mod laws;
mod meeting;
mod models;
mod security;
mod spelling;
mod structure;
mod unevaluated;
mod wire;

use crate::compat::document::Library;
use crate::compat::lifecycle::Terms;
use crate::compat::{Direction, Finding, Report};
use crate::spec::{Problem, SourceFile};

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

fn attempt(base: &str, revision: &str) -> Result<Report, Problem> {
    let old = Library::read(&[file("base.yaml", base)])?;
    let new = Library::read(&[file("revision.yaml", revision)])?;
    let today = chrono::NaiveDate::from_ymd_opt(2026, 6, 1);
    super::compare(old, new, Terms { today, ..Terms::default() })
}

fn compare(base: &str, revision: &str) -> Report {
    attempt(base, revision).unwrap_or_else(|p| panic!("{p}\n{base}\n{revision}"))
}

/// Names of rules, each once, in order.
fn rules(findings: &[Finding]) -> Vec<&'static str> {
    let mut names: Vec<&str> = findings.iter().map(|f| f.rule).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A description with one operation that takes and answers the schema `S`, which is given along with others in YAML.
fn around_schemas(version: &str, schemas: &str) -> String {
    let indented: String = schemas.lines().map(|l| format!("    {l}\n")).collect();
    let body = "{content: {application/json: {schema: {$ref: '#/components/schemas/S'}}}}";
    format!(
        "openapi: {version}\ninfo: {{title: T, version: '1'}}\npaths:\n  /s:\n    post:\n      requestBody: {body}\n      \
         responses:\n        '200': {body}\ncomponents:\n  schemas:\n{indented}"
    )
}

/// Rules that two schemas break or touch: as a request, and as a response.
fn both(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let text = |schema: &str| around_schemas("3.1.0", &format!("S: {schema}"));
    of_directions(&compare(&text(old), &text(new)))
}

fn of_directions(report: &Report) -> (Vec<&'static str>, Vec<&'static str>) {
    let part =
        |d: Direction| -> Vec<Finding> { report.findings.iter().filter(|f| f.direction == Some(d)).cloned().collect() };
    (rules(&part(Direction::Request)), rules(&part(Direction::Response)))
}

/// Base, revision, what a request breaks, what a response breaks.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// Holds a table against the comparison, and each row turned round against what it must then not say.
fn hold(cases: &[Case]) {
    for (old, new, request, response) in cases {
        let (is_request, is_response) = both(old, new);
        assert_eq!(is_request, *request, "request: {old} -> {new}");
        assert_eq!(is_response, *response, "response: {old} -> {new}");
        assert_eq!(both(old, old), (vec![], vec![]), "{old} against itself");
    }
}
