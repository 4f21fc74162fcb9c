//! Reports line by line: for a person, and for a GitHub workflow.
use std::io::{self, Write};

use crate::compat::{Finding, Place, Report, Severity};
use crate::spec::report::hidden;

/// Operations named below a finding; the rest is counted.
const MAX_NAMED: usize = 5;

/// Text from a file, without anything a terminal or a workflow would act on.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

fn at(place: &Place) -> String {
    let line = place.line.map_or(String::new(), |l| format!(":{l}"));
    let pointer = if place.pointer.is_empty() { String::new() } else { format!(" #{}", place.pointer) };
    clean(&format!("{}{line}{pointer}", place.file))
}

/// Findings, the worst first, each with its place on both sides, whom it reaches and what to do.
pub fn text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        one(finding, out)?;
    }
    end(report, out)
}

/// What was not compared, and the verdict.
pub fn end(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if !report.not_compared.is_empty() {
        writeln!(out, "not compared:")?;
        for note in &report.not_compared {
            writeln!(out, "  {}", clean(note))?;
        }
    }
    let count = |s: Severity| report.findings.iter().filter(|f| f.severity == s).count();
    let verdict = if report.compatible() { "compatible" } else { "not compatible" };
    let (critical, warning, info) = (count(Severity::Critical), count(Severity::Warning), count(Severity::Info));
    let accepted = match report.findings.iter().filter(|f| f.waived.is_some()).count() {
        0 => String::new(),
        n => format!("; {n} of them accepted"),
    };
    writeln!(out, "{verdict}: {critical} critical, {warning} warning, {info} info{accepted}")
}

/// One finding.
pub fn one(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}[{}] {}", finding.severity.name(), finding.rule, clean(&finding.message))?;
    if let Some(of) = &finding.of {
        let part = if of.part.is_empty() { String::new() } else { format!(", {}", of.part) };
        match of.from == of.to {
            true => writeln!(out, "  stays     {} {}{}", of.service, of.from, clean(&part))?,
            false => writeln!(out, "  move      {} {} → {}{}", of.service, of.from, of.to, clean(&part))?,
        }
    }
    for (name, place) in [("base", &finding.location.base), ("revision", &finding.location.revision)] {
        if let Some(place) = place {
            writeln!(out, "  {name:<9} {}", at(place))?;
        }
    }
    if !finding.affected.is_empty() {
        let named: Vec<&str> = finding.affected.iter().take(MAX_NAMED).map(String::as_str).collect();
        let more = finding.affected.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "  reaches   {}{more}", clean(&named.join(", ")))?;
    }
    if let Some(of) = finding.of.as_ref().filter(|of| !of.consumers.is_empty()) {
        writeln!(out, "  consumers {}", clean(&of.consumers.join(", ")))?;
    }
    if let Some(who) = &finding.waived {
        writeln!(out, "  accepted  {}", clean(who))?;
    }
    for detail in &finding.details {
        writeln!(out, "  why       {}", clean(detail))?;
    }
    if let Some(advice) = &finding.recommendation {
        writeln!(out, "  to do     {}", clean(advice))?;
    }
    writeln!(out, "  waiver    \"{}\"", finding.fingerprint)
}

/// Commands that a GitHub workflow turns into annotations of the changed lines.
pub fn github(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // Values may hold what the command's own syntax needs.
    let data = |text: &str| clean(text).replace('%', "%25");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    for finding in &report.findings {
        let command = match finding.severity {
            // What was accepted bars nothing.
            _ if finding.waived.is_some() => "notice",
            Severity::Critical => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let place = finding.location.revision.as_ref().or(finding.location.base.as_ref());
        let file = place.map_or(String::new(), |p| format!("file={},", property(&p.file)));
        let line = place.and_then(|p| p.line).map_or(String::new(), |l| format!("line={l},"));
        let reach = match finding.affected.len() {
            0 => String::new(),
            1 => format!(" ({})", finding.affected[0]),
            n => format!(" ({} and {} more)", finding.affected[0], n - 1),
        };
        let message = data(&format!("{}{reach}", finding.message));
        writeln!(out, "::{command} {file}{line}title={}::{message}", property(finding.rule))?;
    }
    for note in &report.not_compared {
        writeln!(out, "::notice title=not compared::{}", data(note))?;
    }
    Ok(())
}
