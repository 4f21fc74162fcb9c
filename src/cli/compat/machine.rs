//! Reports for programs: JSON, SARIF and JUnit.
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::compat::{Finding, Place, Report, Severity, book, openapi};
use crate::spec::units::counted;

/// `compatible`, `findings`, `not_compared`.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:#}", value(report))
}

/// The report as one value.
pub fn value(report: &Report) -> Value {
    json!({
        "compatible": report.compatible(),
        "findings": report.findings,
        "not_compared": report.not_compared,
    })
}

fn physical(place: &Place) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.file) },
            "region": { "startLine": place.line.unwrap_or(1).max(1) },
        },
        "logicalLocations": [{ "fullyQualifiedName": place.pointer }],
    })
}

/// A path as a relative reference of RFC 3986: a blank, a colon or a letter of no ASCII alphabet stands there by its bytes.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
pub fn sarif(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let level = |severity| match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let used: BTreeMap<&str, Severity> = report.findings.iter().map(|f| (f.rule, f.severity)).collect();
    let why: BTreeMap<&str, &str> =
        openapi::rules::all().into_iter().chain(book::all()).map(|r| (r.id, r.why)).collect();
    let rules: Vec<Value> = used
        .iter()
        .map(|(id, severity)| {
            json!({
                "id": id,
                "shortDescription": { "text": why.get(id).unwrap_or(id) },
                "defaultConfiguration": { "level": level(*severity) },
            })
        })
        .collect();
    let result = |f: &Finding| {
        let (base, revision) = (f.location.base.as_ref(), f.location.revision.as_ref());
        let related: Vec<Value> = base.filter(|_| revision.is_some()).map(physical).into_iter().collect();
        let suppressed = f.waived.iter().map(|why| json!({ "kind": "external", "justification": why }));
        let suppressed: Vec<Value> = suppressed.collect();
        let of = f.of.as_deref();
        json!({
            "ruleId": f.rule,
            "level": level(f.severity),
            "message": { "text": f.message },
            "locations": revision.or(base).map(physical).into_iter().collect::<Vec<_>>(),
            "relatedLocations": related,
            "partialFingerprints": { "pilothouse/v1": f.fingerprint },
            "suppressions": suppressed,
            "properties": { "affected": f.affected, "move": of },
        })
    };
    let notes: Vec<Value> =
        report.not_compared.iter().map(|n| json!({ "level": "note", "message": { "text": n } })).collect();
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "pilothouse",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notes }],
        }],
    });
    writeln!(out, "{value:#}")
}

/// One suite. A case for each finding that is critical or a warning, which fails when it is critical; `compatible` is
/// always there, so that a suite without findings is not an empty one. What was not compared is a case that was skipped:
/// that is what the systems that read such files count and show.
pub fn junit(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let told: Vec<&Finding> = report.findings.iter().filter(|f| f.severity != Severity::Info).collect();
    let failures = told.iter().filter(|f| f.bars()).count();
    let own = usize::from(!report.compatible());
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="pilothouse compat">"#)?;
    let skipped = report.not_compared.len();
    let (tests, failed) = (told.len() + 1 + skipped, failures + own);
    writeln!(out, r#"  <testsuite name="compat" tests="{tests}" failures="{failed}" errors="0" skipped="{skipped}">"#)?;
    if report.compatible() {
        writeln!(out, r#"    <testcase classname="compat" name="compatible"/>"#)?;
    } else {
        writeln!(out, r#"    <testcase classname="compat" name="compatible">"#)?;
        writeln!(out, r#"      <failure message="{}"/>"#, counted(failures, "critical finding"))?;
        writeln!(out, "    </testcase>")?;
    }
    for finding in told {
        let place = finding.location.revision.as_ref().or(finding.location.base.as_ref());
        let (class, name) = (xml(&format!("compat.{}", finding.rule)), xml(&case(finding, place)));
        let at = place.map_or(String::new(), |p| {
            let line = p.line.map_or(String::new(), |line| format!(r#" line="{line}""#));
            format!(r#" file="{}"{line}"#, xml(&p.file))
        });
        writeln!(out, r#"    <testcase classname="{class}" name="{name}"{at}>"#)?;
        let reach = if finding.affected.is_empty() { String::new() } else { finding.affected.join(", ") };
        let (message, body) = (xml(&finding.message), xml(&reach));
        match finding.bars() {
            true => writeln!(out, r#"      <failure message="{message}">{body}</failure>"#)?,
            false => writeln!(out, "      <system-out>{message}; {body}</system-out>")?,
        }
        writeln!(out, "    </testcase>")?;
    }
    for note in &report.not_compared {
        let note = xml(note);
        writeln!(out, r#"    <testcase classname="compat.not-compared" name="{note}">"#)?;
        writeln!(out, r#"      <skipped message="not compared"/>"#)?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// What tells a finding from others of its rule: the move it is about, and the pointer.
fn case(finding: &Finding, place: Option<&Place>) -> String {
    let pointer = place.map_or("", |p| p.pointer.as_str());
    let Some(of) = &finding.of else { return pointer.to_string() };
    let way = if of.from == of.to { of.from.clone() } else { format!("{} → {}", of.from, of.to) };
    let part = if of.part.is_empty() { String::new() } else { format!(", {}", of.part) };
    let pointer = if pointer.is_empty() { String::new() } else { format!(": {pointer}") };
    format!("{} {way}{part}{pointer}", of.service)
}

/// Text as XML can hold it.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
