//! `pilothouse compat avro|jsonschema`: may this version of an event follow the ones before it?
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::compat::spots::Fault;
use crate::compat::events::Mode;
use crate::compat::{Report, avro, jsonschema};

/// The text of a file.
fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Everything that keeps files from being compared, in one error.
fn faults(faults: Vec<Fault>) -> anyhow::Error {
    anyhow!("{}", faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))
}

/// Compares Avro schemas: the last file with those before it, oldest first.
///
/// # Errors
/// A file cannot be read, or is no schema.
pub fn avro(mode: Mode, files: &[PathBuf]) -> Result<Report> {
    let mut schemas = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        match avro::parse(&path.display().to_string(), &text(path)?) {
            Ok(schema) => schemas.push(schema),
            Err(found) => wrong.extend(found),
        }
    }
    let new = schemas.pop().filter(|_| wrong.is_empty()).ok_or_else(|| faults(wrong))?;
    avro::check(mode, &schemas, &new).map_err(|f| faults(vec![f]))
}

/// Compares JSON Schemas: the last file with those before it, oldest first.
///
/// # Errors
/// A file cannot be read, or is no schema.
pub fn json_schema(mode: Mode, files: &[PathBuf]) -> Result<Report> {
    let mut schemas = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        match jsonschema::parse(&path.display().to_string(), &text(path)?) {
            Ok(schema) => schemas.push(schema),
            Err(found) => wrong.extend(found),
        }
    }
    let new = schemas.pop().filter(|_| wrong.is_empty()).ok_or_else(|| faults(wrong))?;
    jsonschema::check(mode, &schemas, &new).map_err(|f| faults(vec![f]))
}

/// For the time being.
pub fn print(report: &Report, out: &mut dyn Write) -> Result<i32> {
    let value = serde_json::json!({
        "compatible": report.compatible(),
        "findings": report.findings,
        "not_compared": report.not_compared,
    });
    writeln!(out, "{value:#}")?;
    Ok(if report.compatible() { 0 } else { 2 })
}
