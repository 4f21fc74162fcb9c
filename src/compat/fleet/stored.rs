//! Answers as text, for whoever keeps them. What cannot be read back is no answer.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pairs::{Answer, Named};
use crate::compat::{Area, Direction, Finding, Location, Place, Report, Severity, book, openapi};

#[derive(Serialize, Deserialize)]
struct Kept {
    findings: Vec<Value>,
    not_compared: Vec<String>,
    operations: Vec<String>,
    #[serde(default)]
    named: Vec<Named>,
}

/// An answer as one line of JSON.
pub fn write(answer: &Answer) -> String {
    let finding = |f: &Finding| {
        let mut value = serde_json::to_value(f).unwrap_or_default();
        value["values"] = json!(f.values);
        value
    };
    let kept = json!({
        "findings": answer.report.findings.iter().map(finding).collect::<Vec<_>>(),
        "not_compared": answer.report.not_compared,
        "operations": answer.operations,
        "named": answer.named,
    });
    kept.to_string()
}

/// An answer as it was written; none where anything of it is not what this program writes.
pub fn read(text: &str) -> Option<Answer> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    let findings = kept.findings.iter().map(finding).collect::<Option<Vec<_>>>()?;
    let report = Report { findings, not_compared: kept.not_compared };
    Some(Answer { report, operations: kept.operations, named: kept.named })
}

fn finding(value: &Value) -> Option<Finding> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let list = |key: &str| -> Vec<String> {
        let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(String::from).collect()
    };
    let place = |key: &str| {
        let place = value.get("location")?.get(key)?;
        let at = |k: &str| place.get(k).and_then(Value::as_str).map(String::from);
        let line = place.get("line").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        Some(Place { file: at("file")?, pointer: at("pointer")?, line })
    };
    Some(Finding {
        rule: rule(text("rule")?)?,
        severity: severity(text("severity")?)?,
        direction: match text("direction") {
            Some(word) => Some(direction(word)?),
            None => None,
        },
        area: area(text("area")?)?,
        location: Location { base: place("base"), revision: place("revision") },
        affected: list("affected"),
        message: text("message")?.to_string(),
        details: list("details"),
        recommendation: text("recommendation").map(String::from),
        fingerprint: text("fingerprint")?.to_string(),
        of: None,
        waived: None,
        values: text("values")?.to_string(),
    })
}

/// A rule of this name.
pub fn rule(name: &str) -> Option<&'static str> {
    openapi::rules::id(name).or_else(|| book::id(name))
}

/// Names of all rules.
pub fn rules() -> Vec<&'static str> {
    openapi::rules::all().into_iter().chain(book::all()).map(|r| r.id).collect()
}

fn severity(word: &str) -> Option<Severity> {
    [Severity::Info, Severity::Warning, Severity::Critical].into_iter().find(|s| same(s, word))
}

fn direction(word: &str) -> Option<Direction> {
    use Direction::{Backward, Forward, Request, Response};
    [Request, Response, Backward, Forward].into_iter().find(|d| same(d, word))
}

fn area(word: &str) -> Option<Area> {
    use Area::{Body, Database, Dependency, Event, Header, Info, Operation, Parameter};
    use Area::{Path, Response, Schema, Security, Server, Version};
    let all = [
        Path, Operation, Parameter, Header, Body, Response, Schema, Security, Server, Info, Event, Database,
        Dependency, Version,
    ];
    all.into_iter().find(|a| same(a, word))
}

/// Words are the names in small letters.
fn same(variant: &impl std::fmt::Debug, word: &str) -> bool {
    format!("{variant:?}").to_lowercase() == word
}
