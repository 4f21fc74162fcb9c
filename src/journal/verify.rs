//! Whether the files are what was written.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::chain::{self, Checked};
pub use super::chain::{Breaks, Problem};
use super::dir::RunDir;
use super::entry::{NO_HASH, Record};
use super::error::JournalError;
use super::inbox::InboxRecord;
use super::store::{FileName, Store};
use super::{HASH_DOMAIN, SCHEMA};
use crate::plan::Plan;
use crate::spec::canonical;

/// What a check of a run's files came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    pub run: String,
    /// Audit records that could be read.
    pub records: u64,
    /// Hash of the newest.
    pub head: String,
    /// Messages in the inbox.
    pub messages: u64,
    pub problems: Vec<Problem>,
    /// Where the audit records do not hold together.
    pub breaks: Breaks,
    /// The same of the inbox.
    pub inbox_breaks: Breaks,
    /// What a sound chain still leaves open.
    pub cannot_prove: Vec<String>,
    /// The last line of a file is half written: the process or machine died while writing it. No fault by itself.
    pub torn: bool,
    /// Schema of a journal that a newer version wrote: only its chains were checked.
    pub newer: Option<u64>,
}

impl Verification {
    /// Everything is as it was written.
    pub fn sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// 0, or 2 when something is not as it was written.
    pub fn exit_code(&self) -> i32 {
        if self.sound() { 0 } else { 2 }
    }
}

/// Checks audit file, inbox, plan and snapshot of a run against each other. Reads only.
///
/// # Errors
/// When a file cannot be read at all.
pub fn verify(dir: &RunDir) -> Result<Verification, JournalError> {
    verify_in(&dir.store(), dir.id())
}

/// As [`verify`], in any store.
///
/// # Errors
/// As [`verify`].
pub fn verify_in(store: &dyn Store, run: &str) -> Result<Verification, JournalError> {
    let read = |file: FileName| {
        store.read(file).map_err(|e| JournalError::unreadable(format!("{}/{}", store.place(), file.as_str()), e))
    };
    // In the order opposite to that of writing, so that a run that is driven meanwhile is still seen whole.
    let (snapshot, durations) = (read(FileName::Snapshot)?, read(FileName::Durations)?);
    let audit_bytes = read(FileName::Audit)?.unwrap_or_default();
    let inbox_bytes = read(FileName::Inbox)?.unwrap_or_default();
    let (audit, inbox) = (chain::lines(&audit_bytes), chain::lines(&inbox_bytes));
    let Checked { records, mut problems, breaks } = chain::audit(&audit.whole);
    let Checked { records: messages, problems: of_inbox, breaks: inbox_breaks } = chain::inbox(&inbox.whole);
    problems.extend(of_inbox);
    check_header(&records, run, &mut problems);
    let newer = newer(&records);
    if newer.is_none() {
        check_intents(&records, &mut problems);
        check_checkpoints(&records, &mut problems);
        check_inbox(&records, &messages, &inbox_breaks, &mut problems);
        check_plan(&records, read(FileName::Plan)?.as_deref(), &mut problems);
        check_snapshot(&records, snapshot.as_deref(), &mut problems);
        check_end(&records, snapshot.as_deref(), durations.as_deref(), &mut problems);
    }
    problems.sort_by_key(|p| p.record);
    let torn = audit.torn.is_some() || inbox.torn.is_some();
    Ok(Verification {
        run: run.into(),
        records: records.len() as u64,
        head: records.last().map_or(NO_HASH.into(), |r| r.hash.clone()),
        messages: messages.last().map_or(0, |r| r.total),
        cannot_prove: cannot_prove(&records, snapshot.is_some(), torn, newer),
        problems,
        breaks,
        inbox_breaks,
        torn,
        newer,
    })
}

fn check_header(records: &[Record], run: &str, problems: &mut Vec<Problem>) {
    let Some(first) = records.first() else {
        problems.push(Problem::new(1, "the audit file holds no record", "a header", "nothing"));
        return;
    };
    if first.kind != "header" {
        problems.push(Problem::new(first.seq, "the file does not begin with its header", "header", &first.kind));
        return;
    }
    if first.text("run") != run {
        problems.push(Problem::new(1, "the header is of another run", run, first.text("run")));
    }
    let schema = first.field("schema").and_then(Value::as_u64).unwrap_or_default();
    if schema == 0 {
        let what = "the header names no schema";
        problems.push(Problem::new(1, what, format!("1 to {SCHEMA}"), schema.to_string()));
    }
    for again in records.iter().skip(1).filter(|r| r.kind == "header") {
        problems.push(Problem::new(again.seq, "a second header", "one header, first", "header"));
    }
}

/// The schema of a journal that a newer version wrote. What its records mean is not known here; how they are chained is
/// told by the hash's domain, which any record has to fit.
pub(super) fn newer(records: &[Record]) -> Option<u64> {
    let header = records.first().filter(|r| r.kind == "header")?;
    header.field("schema").and_then(Value::as_u64).filter(|schema| *schema > u64::from(SCHEMA))
}

/// What was saved says that the run ended only after the audit file does.
fn check_end(records: &[Record], snapshot: Option<&[u8]>, durations: Option<&[u8]>, problems: &mut Vec<Problem>) {
    if records.iter().rev().find(|r| matches!(r.kind.as_str(), "end" | "resume")).is_some_and(|r| r.kind == "end") {
        return;
    }
    let json = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|t| canonical::parse(t).ok());
    let saved = snapshot.and_then(json).map(|v| v["run"]["stage"]["ended"].clone()).filter(|v| !v.is_null());
    let kept = durations.and_then(json).map(|v| v["outcome"].clone()).filter(|v| !v.is_null());
    for (file, outcome) in [("snapshot.json", saved), ("durations.json", kept)] {
        let Some(outcome) = outcome else { continue };
        let what = format!("{file} says the run ended, and no record does: the end was cut off");
        let expected = format!("an end record: {}", outcome.as_str().unwrap_or("ended"));
        let last = records.last().map_or(1, |r| r.seq);
        problems.push(Problem::new(last, what, expected, "none"));
        // One loss is one problem.
        return;
    }
}

/// No result without its intent before it, no key used twice, nothing written after the end unless somebody resumed.
fn check_intents(records: &[Record], problems: &mut Vec<Problem>) {
    let (mut keys, mut answered, mut ended) = (BTreeSet::new(), BTreeSet::new(), false);
    for record in records {
        let key = record.field("key").and_then(Value::as_u64);
        match (record.kind.as_str(), key) {
            ("intent", Some(key)) => {
                if !keys.insert(key) {
                    problems.push(Problem::new(
                        record.seq,
                        "an intent's key was used before",
                        "a new key",
                        key.to_string(),
                    ));
                }
                if ended {
                    let found = format!("intent {key}");
                    problems.push(Problem::new(record.seq, "an intent after the run ended", "no write", found));
                }
            }
            ("result", Some(key)) => {
                if !keys.contains(&key) {
                    let expected = format!("an intent with key {key} before it");
                    problems.push(Problem::new(record.seq, "a result without an intent", expected, "none"));
                }
                if !answered.insert(key) {
                    let found = format!("a second for key {key}");
                    problems.push(Problem::new(record.seq, "two results for one intent", "one", found));
                }
            }
            ("intent" | "result", None) => {
                problems.push(Problem::new(record.seq, "a write without a key", "a key", "none"));
            }
            ("end", _) => ended = true,
            ("resume", _) => ended = false,
            _ => {}
        }
    }
}

fn check_checkpoints(records: &[Record], problems: &mut Vec<Problem>) {
    let mut before: BTreeMap<u64, &str> = BTreeMap::new();
    for record in records {
        if record.kind == "checkpoint" {
            let count = record.field("records").and_then(Value::as_u64).unwrap_or_default();
            let head = before.get(&count).copied().unwrap_or_default();
            if count + 1 != record.seq || head != record.text("head") {
                let (expected, found) = (
                    format!("{count} records, head {}", record.text("head")),
                    format!("{} records, head {head}", record.seq.saturating_sub(1)),
                );
                problems.push(Problem::new(
                    record.seq,
                    "the checkpoint does not fit the records before it",
                    expected,
                    found,
                ));
            }
        }
        before.insert(record.seq, &record.hash);
    }
}

/// Every digest an audit record names is in the inbox, and they never go backwards.
fn check_inbox(records: &[Record], inbox: &[InboxRecord], breaks: &Breaks, problems: &mut Vec<Problem>) {
    let place: BTreeMap<&str, u64> = inbox.iter().map(|r| (r.digest.as_str(), r.n)).collect();
    let mut newest = 0;
    for record in records {
        let found = match &record.inbox {
            None if newest == 0 => continue,
            None => None,
            Some(digest) => place.get(digest.as_str()).copied(),
        };
        match found {
            Some(n) if n >= newest => newest = n,
            Some(n) => {
                let found = format!("inbox record {n}");
                problems.push(Problem::new(
                    record.seq,
                    "it rests on older messages than the record before",
                    format!("inbox record {newest} or later"),
                    found,
                ));
            }
            None => {
                let expected = record.inbox.clone().unwrap_or_else(|| "a digest".into());
                problems.push(Problem::new(
                    record.seq,
                    "the messages it rests on are not in the inbox",
                    expected,
                    "none of them",
                ));
                // One loss is one problem.
                return;
            }
        }
    }
    let lost = records.iter().any(|r| r.kind == "gap" && r.field("lost_messages").and_then(Value::as_u64) != Some(0));
    let mut before: Option<u64> = None;
    for record in inbox {
        let fits = before.is_none_or(|b| record.first == b + 1) && record.last + 1 == record.first + record.count;
        // What a break took along is told with it.
        if !fits && !lost && !breaks.at.contains(&record.n) {
            let expected = format!("{} messages from {}", record.count, before.map_or(record.first, |b| b + 1));
            let found = format!("messages {} to {}", record.first, record.last);
            problems.push(Problem::new(record.n, "inbox: the numbers of its messages do not follow", expected, found));
        }
        before = Some(record.last);
        if let Err(why) = record.values() {
            problems.push(Problem::new(
                record.n,
                "inbox: the messages cannot be unpacked",
                format!("{} messages", record.count),
                why,
            ));
        }
    }
}

/// The plan's hash is that of the plan, and `plan.json` is the same plan.
fn check_plan(records: &[Record], file: Option<&[u8]>, problems: &mut Vec<Problem>) {
    let Some(header) = records.first().filter(|r| r.kind == "header") else { return };
    let plan = header.field("plan").cloned().unwrap_or_default();
    let (hash, text) = (header.text("plan_hash"), canonical::text(&plan));
    let computed = Plan::hash_of(&plan);
    if computed != hash {
        problems.push(Problem::new(1, "the plan's hash is not that of the plan", computed, hash));
    }
    match file {
        Some(bytes) if bytes.trim_ascii() == text.as_bytes() => {}
        Some(_) => {
            problems.push(Problem::new(1, "plan.json is not the plan of the header", "the same plan", "another"))
        }
        None => problems.push(Problem::new(1, "plan.json is missing", "the plan of the header", "no file")),
    }
}

/// The snapshot knows how many records there were: records cut off the end of the file are missed here.
fn check_snapshot(records: &[Record], snapshot: Option<&[u8]>, problems: &mut Vec<Problem>) {
    let Some(bytes) = snapshot else { return };
    let last = records.last().map_or(0, |r| r.seq);
    let Some(value) = std::str::from_utf8(bytes).ok().and_then(|t| canonical::parse(t).ok()) else {
        problems.push(Problem::new(last, "snapshot.json cannot be read", "JSON", "something else"));
        return;
    };
    let count = value["journal_records"].as_u64().unwrap_or_default();
    let head = value["journal_head"].as_str().unwrap_or_default();
    match records.iter().find(|r| r.seq == count) {
        Some(record) if record.hash == head => {}
        Some(record) => {
            problems.push(Problem::new(count, "snapshot.json was saved after another record", head, &record.hash));
        }
        None => {
            let expected = format!("record {count} with hash {head}, which snapshot.json rests on");
            problems.push(Problem::new(last, "the file ends too early", expected, format!("{last} records")));
        }
    }
}

fn cannot_prove(records: &[Record], snapshot: bool, torn: bool, newer: Option<u64>) -> Vec<String> {
    let mut out = vec![
        format!(
            "that nobody with write access to the folder made the whole chain anew: records are hashed ({HASH_DOMAIN}), not \
             signed. Keep the head elsewhere to compare"
        ),
        "that the machine's clock was right: times are as it showed them".into(),
    ];
    if let Some(schema) = newer {
        out.push(format!("what its records say, and that none was cut off the end: schema {schema} is not known here"));
        return out;
    }
    let anchored = if snapshot { "after the last commit" } else { "at all: there is no snapshot.json to compare with" };
    out.push(format!("that no record was cut off the end {anchored}"));
    if snapshot {
        out.push(
            "that snapshot.json is the state the engine had: it is for resume, and no record holds its hash".into(),
        );
    }
    if torn {
        out.push("what the half-written last line was to say; nothing was done on it".into());
    }
    for gap in records.iter().filter(|r| r.kind == "gap") {
        let count = |name: &str| gap.field(name).and_then(Value::as_u64).unwrap_or_default();
        out.push(format!(
            "what happened when, before record {}: the journal could not be written ({}); {} records are late, {} records and {} \
             messages are lost",
            gap.seq,
            gap.text("error"),
            count("late"),
            count("lost_records"),
            count("lost_messages"),
        ));
    }
    let open = open_keys(records);
    if !open.is_empty() {
        let keys = open.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        out.push(format!("whether these announced writes were done: key {keys}; no result was written"));
    }
    out
}

fn open_keys(records: &[Record]) -> BTreeSet<u64> {
    let mut open = BTreeSet::new();
    for record in records {
        let Some(key) = record.field("key").and_then(Value::as_u64) else { continue };
        match record.kind.as_str() {
            "intent" => open.insert(key),
            "result" => open.remove(&key),
            _ => false,
        };
    }
    open
}
