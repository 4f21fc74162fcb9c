//! The audit file for people: a table, the records themselves, or one CSV row per change.
use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_json::Value;

use super::chain;
use super::dir::RunDir;
use super::entry::Record;
use super::error::JournalError;
use super::store::{FileName, Store};
use super::text::clean;
use super::verify::{Verification, verify_in};
use crate::engine::compat::in_force;
use crate::spec::units::counted;

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table, newest last.
    Text,
    /// The records as they stand in the file, one a line.
    JsonLines,
    /// One row per service that was to change.
    Csv,
}

/// Shows the audit file of a run; times of the table are in `zone`. Reads only, and shows what can be read of a damaged
/// file or of one from a newer version.
///
/// # Errors
/// When the file cannot be read at all.
pub fn show(dir: &RunDir, format: Format, zone: Tz) -> Result<String, JournalError> {
    show_in(&dir.store(), dir.id(), format, zone)
}

/// As [`show`], from any store.
///
/// # Errors
/// As [`show`].
pub fn show_in(store: &dyn Store, run: &str, format: Format, zone: Tz) -> Result<String, JournalError> {
    let bytes = store
        .read(FileName::Audit)
        .map_err(|e| JournalError::unreadable(format!("{}/{}", store.place(), FileName::Audit.as_str()), e))?
        .unwrap_or_default();
    let lines = chain::lines(&bytes);
    if format == Format::JsonLines {
        let texts = lines.whole.iter().map(|l| String::from_utf8_lossy(l));
        return Ok(texts.fold(String::new(), |out, line| out + &line + "\n"));
    }
    let records = chain::audit(&lines.whole).records;
    let verification = verify_in(store, run)?;
    Ok(match format {
        Format::Csv => csv(&records, &verification),
        _ => table(&records, &verification, zone),
    })
}

fn table(records: &[Record], verification: &Verification, zone: Tz) -> String {
    let mut rows =
        vec![["#".into(), format!("TIME ({zone})"), "WHO".into(), "WHAT".into(), "SERVICE".into(), "DETAIL".into()]];
    rows.extend(records.iter().map(|r| row(r, zone)));
    let mut out = title(records);
    if let Some(schema) = verification.newer {
        out.push_str(&format!(
            "Written by a newer version (schema {schema}): records this version does not know are shown as they stand.\n\n"
        ));
    }
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for [seq, at, who, what, service, detail] in &rows {
        let line = format!(
            "{seq:>w0$}  {at:<w1$}  {who:<w2$}  {what:<w3$}  {service:<w4$}  {detail}",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
            w4 = widths[4],
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str(&completeness(records, verification));
    out.push('\n');
    out
}

fn title(records: &[Record]) -> String {
    let Some(header) = records.first().filter(|r| r.kind == "header") else { return String::new() };
    let plan = header.field("plan").cloned().unwrap_or_default();
    let word = |v: &Value| clean(v.as_str().unwrap_or("?"));
    format!(
        "run {}  {}  {}/{}  plan {}  written by pilothouse {}\n\n",
        clean(header.text("run")),
        word(&plan["upgrade"]),
        word(&plan["fleet"]),
        word(&plan["environment"]["name"]),
        plan_said(header, records),
        clean(header.text("engine")),
    )
}

/// The hash of the plan in force, and that it is not the one the journal began with, where that is so.
fn plan_said(header: &Record, records: &[Record]) -> String {
    let first = short(header.text("plan_hash"));
    match short(plan_hash(header, records)) {
        hash if hash == first => first,
        hash => format!("{hash} (with what was accepted; {first} when the journal began)"),
    }
}

/// Who accepts a finding before the start changes the plan: the last that the engine names is in force.
fn plan_hash<'r>(header: &'r Record, records: &'r [Record]) -> &'r str {
    let events = records.iter().rev().filter(|r| r.kind == "event" && r.text("kind") == "run");
    events.filter_map(|r| in_force(&r.who, r.text("text"))).next().unwrap_or(header.text("plan_hash"))
}

fn row(record: &Record, zone: Tz) -> [String; 6] {
    let at = record
        .time()
        .map_or(record.at.clone(), |t| t.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string());
    let what = match record.kind.as_str() {
        "event" => record.text("kind").to_owned(),
        kind => kind.to_owned(),
    };
    let service = record.service.clone().unwrap_or_default();
    [record.seq.to_string(), at, clean(&record.who), clean(&what), clean(&service), clean(&detail(record))]
}

/// What a record says, in one line. A kind this version does not know is shown as it stands.
fn detail(record: &Record) -> String {
    let number = |name: &str| record.field(name).and_then(Value::as_u64).unwrap_or_default();
    match record.kind.as_str() {
        "event" | "page" => record.text("text").to_owned(),
        "header" => format!("journal begins, schema {}, zones {}", number("schema"), record.text("tz")),
        "facts" => format!(
            "cluster {}, Kubernetes {}, driven by {}",
            record.text("cluster_uid"),
            record.text("server_version"),
            record.body["driver"]["name"].as_str().unwrap_or("?"),
        ),
        "intent" => format!("{} {}: {}", number("key"), action(&record.body["action"]), record.text("why")),
        "result" => match record.body["error"]["text"].as_str() {
            Some(error) => format!("{} {}: {error}", number("key"), record.text("outcome")),
            None => format!("{} {}", number("key"), record.text("outcome")),
        },
        "command" => match record.text("reason") {
            "" => record.text("verb").to_owned(),
            reason => format!("{} \"{reason}\"", record.text("verb")),
        },
        "resume" => format!("taken up by process {} after record {}", number("pid"), number("snapshot_at")),
        "gap" => format!(
            "the journal could not be written: {}; {} records late, {} records and {} messages lost",
            record.text("error"),
            number("late"),
            number("lost_records"),
            number("lost_messages"),
        ),
        "checkpoint" => format!("{} records, head {}", number("records"), short(record.text("head"))),
        "end" => record.text("outcome").replace('_', " "),
        _ => record.body.to_string(),
    }
}

/// `set-weight next 25 expect 10`.
fn action(value: &Value) -> String {
    match value {
        Value::String(word) => word.replace('_', "-"),
        Value::Object(members) => members.iter().fold(String::new(), |out, (name, fields)| {
            let fields = fields
                .as_object()
                .map(|f| f.iter().fold(String::new(), |out, (k, v)| out + " " + k + " " + &said(k, v)));
            out + &name.replace('_', "-") + &fields.unwrap_or_default()
        }),
        other => other.to_string(),
    }
}

/// Match rules by name and values, as the event of their write says them; everything else as it stands.
fn said(field: &str, value: &Value) -> String {
    let rules = value.get("rules").unwrap_or(value).as_array().filter(|_| field == "rules");
    let Some(rules) = rules else { return value.as_str().map_or_else(|| value.to_string(), str::to_owned) };
    let words = |r: &Value| {
        let values = r["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
        format!("{}: {}", r["name"].as_str().unwrap_or("?"), values.join(" "))
    };
    let all: Vec<String> = rules.iter().map(words).collect();
    if all.is_empty() { "none".into() } else { all.join("; ") }
}

/// `9c1e..7702`: both ends, so that two can be told apart by eye.
pub(crate) fn short(hash: &str) -> String {
    match (hash.get(..4), hash.get(hash.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if hash.len() > 10 => format!("{first}..{last}"),
        _ => clean(hash),
    }
}

/// One line that says whether anything is missing.
fn completeness(records: &[Record], verification: &Verification) -> String {
    let gaps = records.iter().filter(|r| r.kind == "gap").count();
    let ended = if records.iter().any(|r| r.kind == "end") { "ended" } else { "not ended" };
    let chain = match verification.problems.as_slice() {
        [] => "chain ok".to_owned(),
        [first, ..] => {
            format!("NOT SOUND: {}, first at record {}", counted(verification.problems.len(), "problem"), first.record)
        }
    };
    let torn = if verification.torn { ", a half-written last line" } else { "" };
    format!("{} records, {gaps} gaps{torn}, {chain}, head {}, run {ended}", records.len(), short(&verification.head))
}

const COLUMNS: [&str; 20] = [
    "run",
    "upgrade",
    "fleet",
    "environment",
    "service",
    "from",
    "to",
    "requester",
    "approvers",
    "approved_before_started",
    "plan_hash",
    "started",
    "ended",
    "highest_weight",
    "gates",
    "breaches",
    "outcome",
    "reason",
    "journal_head",
    "complete",
];

fn csv(records: &[Record], verification: &Verification) -> String {
    let mut out = COLUMNS.join(",") + "\r\n";
    let Some(header) = records.first().filter(|r| r.kind == "header") else { return out };
    let plan = header.field("plan").cloned().unwrap_or_default();
    let run = RunFacts::of(records);
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    for planned in plan["services"].as_array().unwrap_or(&Vec::new()) {
        let service = word(&planned["service"]["name"]);
        let end = run.end.map(|e| &e.body["services"][&service]);
        let of_end = |name: &str| end.map_or(Value::Null, |e| e[name].clone());
        let cells: [String; COLUMNS.len()] = [
            header.text("run").to_owned(),
            word(&plan["upgrade"]),
            word(&plan["fleet"]),
            word(&plan["environment"]["name"]),
            service.clone(),
            run.facts.map_or(String::new(), |f| word(&f.body["from"][&service]["version"])),
            word(&planned["version"]),
            run.requester(header),
            run.approvers(),
            run.approved_before_started(),
            plan_hash(header, records).to_owned(),
            run.first_intent.get(service.as_str()).map_or(String::new(), |r| r.at.clone()),
            run.end.map_or(String::new(), |r| r.at.clone()),
            of_end("highest").as_u64().map_or(String::new(), |h| h.to_string()),
            gates(&plan),
            run.breaches(&service),
            if end.is_some() { word(&of_end("state")) } else { "not ended".into() },
            word(&of_end("why")),
            verification.head.clone(),
            completeness(records, verification),
        ];
        out.push_str(&cells.map(|c| cell(&c)).join(","));
        out.push_str("\r\n");
    }
    out
}

/// Where things stand in the file.
#[derive(Default)]
struct RunFacts<'a> {
    facts: Option<&'a Record>,
    start: Option<&'a Record>,
    end: Option<&'a Record>,
    first_intent: BTreeMap<&'a str, &'a Record>,
    approvals: Vec<&'a Record>,
    gate_events: Vec<&'a Record>,
}

impl<'a> RunFacts<'a> {
    fn of(records: &'a [Record]) -> RunFacts<'a> {
        let mut out = RunFacts::default();
        for record in records {
            match record.kind.as_str() {
                "facts" if out.facts.is_none() => out.facts = Some(record),
                "command" if record.text("verb") == "start" && out.start.is_none() => out.start = Some(record),
                "end" => out.end = Some(record),
                "intent" => {
                    if let Some(service) = record.service.as_deref() {
                        out.first_intent.entry(service).or_insert(record);
                    }
                }
                "approval" => out.approvals.push(record),
                "event" if record.text("kind") == "gate" => out.gate_events.push(record),
                _ => {}
            }
        }
        out
    }

    /// Who said `start`, else who started the process.
    fn requester(&self, header: &Record) -> String {
        let driver = self.facts.and_then(|f| f.body["driver"]["name"].as_str());
        let by = header.body["by"]["name"].as_str();
        self.start.map(|r| r.who.as_str()).or(by).or(driver).unwrap_or_default().to_owned()
    }

    fn approvers(&self) -> String {
        let names: Vec<&str> = self.approvals.iter().map(|r| r.who.as_str()).collect();
        if names.is_empty() { "none".into() } else { names.join("; ") }
    }

    fn approved_before_started(&self) -> String {
        let started = self.first_intent.values().map(|r| r.seq).min();
        match (self.approvals.first(), started) {
            (None, _) => "not asked",
            (Some(_), None) => "yes",
            (Some(a), Some(s)) if a.seq < s => "yes",
            _ => "no",
        }
        .into()
    }

    fn breaches(&self, service: &str) -> String {
        let of_service = self.gate_events.iter().filter(|r| r.service.as_deref() == Some(service));
        of_service.map(|r| r.text("text")).collect::<Vec<_>>().join("; ")
    }
}

fn gates(plan: &Value) -> String {
    let gates = plan["policy"]["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
    gates.iter().filter_map(|g| g["name"].as_str()).collect::<Vec<_>>().join("; ")
}

/// A cell by RFC 4180. One that a spreadsheet would take for a formula (it begins with `= + - @`, after spaces or not) gets
/// a `'` in front (OWASP, CSV injection).
fn cell(text: &str) -> String {
    // What is invisible goes first: it must not hide a formula from this look, only to uncover it afterwards.
    let text = clean(text);
    let clean = if text.trim_start().starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if clean.contains([',', '"', '\n', '\r']) { format!("\"{}\"", clean.replace('"', "\"\"")) } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_stays_one_cell() {
        for (text, want) in [
            ("=1+1", "'=1+1"),
            ("+x", "'+x"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=cmd,x", "\"'=cmd,x\""),
            ("plain", "plain"),
        ] {
            assert_eq!(cell(text), want);
        }
        // Taking invisible characters out must not bring a formula to the front.
        assert_eq!(cell("\u{200b}=1"), "'=1");
    }

    #[test]
    fn an_action_reads_as_words() {
        assert_eq!(
            action(&serde_json::json!({"set_weight": {"expect": 10, "next": 25}})),
            "set-weight expect 10 next 25"
        );
        assert_eq!(action(&serde_json::json!("copy_back")), "copy-back");
        let rules = serde_json::json!([{"name": "beta", "by": {"header": "x-user"}, "values": ["a", "b"]}]);
        let turn = serde_json::json!({"rules": rules, "expect": [], "lowers": false});
        assert_eq!(
            action(&serde_json::json!({"set_weight": {"expect": 0, "next": 10, "rules": turn}})),
            "set-weight expect 0 next 10 rules beta: a b"
        );
        let none = serde_json::json!({"route_rules": {"expect": "beta", "lowers": true, "rules": []}});
        assert_eq!(action(&none), "route-rules expect beta lowers true rules none");
    }
}
