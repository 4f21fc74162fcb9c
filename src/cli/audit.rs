//! `pilothouse audit verify|show [RUN]`.
use std::path::Path;

use chrono_tz::Tz;
use serde_json::json;

use crate::journal::show::{self, Format};
use crate::journal::text::clean;
use crate::journal::{Breaks, JournalError, RunDir, Verification};
use crate::spec::units::counted;

/// Problems that are told to a person one by one: a file that something rewrote as a whole, such as an editor that
/// changes line ends, has one in each record.
const MANY: usize = 20;

/// How the answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For a person.
    #[default]
    Text,
    /// One JSON object a line.
    Jsonl,
    /// One row per change; `show` only.
    Csv,
}

/// The run of that name, or the one that was started last.
fn find(state_dir: &Path, run: Option<&str>) -> Result<RunDir, JournalError> {
    match run {
        Some(id) => RunDir::open(state_dir, id),
        None => RunDir::latest(state_dir),
    }
}

/// What to print and the exit code: 0 sound, 2 not as it was written, 1 when it cannot be looked at.
pub fn verify(state_dir: &Path, run: Option<&str>, output: Output) -> (String, i32) {
    if output == Output::Csv {
        return ("`audit verify` writes text or jsonl; `audit show` writes csv".into(), 1);
    }
    match find(state_dir, run).and_then(|dir| crate::journal::verify(&dir)) {
        Ok(found) if output == Output::Jsonl => (json_line(&found), found.exit_code()),
        Ok(found) => (text(&found), found.exit_code()),
        Err(e) => (e.to_string(), 1),
    }
}

/// What to print and the exit code: 0, or 1 when it cannot be read. Times of the table are in `zone`.
pub fn show(state_dir: &Path, run: Option<&str>, output: Output, zone: Tz) -> (String, i32) {
    let format = match output {
        Output::Text => Format::Text,
        Output::Jsonl => Format::JsonLines,
        Output::Csv => Format::Csv,
    };
    match find(state_dir, run).and_then(|dir| show::show(&dir, format, zone)) {
        Ok(text) => (text, 0),
        Err(e) => (e.to_string(), 1),
    }
}

fn json_line(found: &Verification) -> String {
    json!({
        "type": "verification", "schema": 1, "run": found.run, "sound": found.sound(), "exit_code": found.exit_code(),
        "records": found.records, "messages": found.messages, "head": found.head, "torn": found.torn,
        "newer_schema": found.newer, "problems": found.problems, "breaks": found.breaks,
        "inbox_breaks": found.inbox_breaks, "cannot_prove": found.cannot_prove,
    })
    .to_string()
}

/// That the first break is one, and how much stands behind it.
fn broken(of: &str, breaks: &Breaks) -> String {
    let Some(first) = breaks.at.first() else { return String::new() };
    let more = match breaks.at.len() - 1 {
        0 => String::new(),
        n => format!(", {} more after it", n),
    };
    format!(
        "  The chain{of} first breaks before record {first}{more}. {} from there on cannot be tied to what is before.\n",
        counted(breaks.untied as usize, "record")
    )
}

fn text(found: &Verification) -> String {
    let counts = format!("{} records, {} messages, head {}", found.records, found.messages, clean(&found.head));
    let mut out = match found.problems.len() {
        0 if found.newer.is_some() => format!(
            "run {}: written by a newer version (schema {}): only the chain was checked, it is whole. {counts}\n",
            found.run,
            found.newer.unwrap_or_default()
        ),
        0 => format!("run {}: sound. {counts}\n", found.run),
        1 => format!("run {}: NOT as it was written, 1 problem. {counts}\n", found.run),
        n => format!("run {}: NOT as it was written, {}. {counts}\n", found.run, counted(n, "problem")),
    };
    if found.torn {
        out.push_str("  The last line is half written: the process died while writing it. Resume sets it aside.\n");
    }
    for p in found.problems.iter().take(MANY) {
        let (expected, found) = (clean(&p.expected), clean(&p.found));
        out.push_str(&format!(
            "  record {}: {}\n    expected  {expected}\n    found     {found}\n",
            p.record,
            clean(&p.what)
        ));
    }
    if let Some(more) = found.problems.len().checked_sub(MANY).filter(|more| *more > 0) {
        out.push_str(&format!("  and {more} more; `-o jsonl` lists all of them\n"));
    }
    out.push_str(&broken("", &found.breaks));
    out.push_str(&broken(" of the inbox", &found.inbox_breaks));
    out.push_str("It does not prove\n");
    for open in &found.cannot_prove {
        out.push_str(&format!("  - {}\n", clean(open)));
    }
    out
}
