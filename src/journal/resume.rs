//! What another process left, read back.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::chain::{self, Checked, Lines};
use super::dir::RunDir;
use super::entry::Record;
use super::error::JournalError;
use super::inbox::InboxRecord;
use super::store::{FileName, Store};
use super::{Journal, SCHEMA};
use crate::engine::effect::Call;
use crate::engine::message::Message;
use crate::engine::run::Run;
use crate::spec::canonical;

/// The state a run was saved in, and what the files say happened after it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Snapshot {
    pub schema: u32,
    /// Version of the program that wrote it.
    pub engine: String,
    /// `next_key` is already past every key the audit file names, so that no key is used twice.
    pub run: Run,
    /// Hash of the newest audit record when it was written, and how many there were.
    pub journal_head: String,
    pub journal_records: u64,
    pub inbox_head: Option<String>,
    /// First sequence number no message has had.
    #[serde(skip)]
    pub next_seq: u64,
    /// Writes that were announced and whose result is not known, oldest first: look each up before it is repeated.
    #[serde(skip)]
    pub open_intents: Vec<Call>,
    /// Messages that were heard after this state was saved, oldest first. What a person asked for is among them. They
    /// are in the inbox already: do not let the journal hear them again.
    #[serde(skip)]
    pub unseen: Vec<Message>,
    /// Worth telling a person: lines set aside, messages that cannot be read.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl Journal {
    /// The last saved state of a run and what was heard since, for somebody who only looks. Takes no lock and changes
    /// nothing.
    ///
    /// # Errors
    /// `Newer`, `NoSnapshot`, `Unreadable`, `Io`.
    pub fn read(dir: &RunDir) -> Result<Snapshot, JournalError> {
        let (store, run) = (dir.store(), dir.id());
        let mut snapshot = snapshot(&store, run)?;
        let bytes = read(&store, FileName::Inbox)?.unwrap_or_default();
        let inbox = newer_than(&chain::lines(&bytes).whole, snapshot.run.seq);
        match unseen(&inbox, snapshot.run.seq) {
            Ok(messages) => snapshot.unseen = messages,
            Err(why) => snapshot.notes.push(left_out(&why)),
        }
        Ok(snapshot)
    }
}

/// The records at the end of an inbox that hold messages after `seen`. Somebody who looks twice a second does not read a
/// whole night each time; whether the chain is whole is for `resume` and `audit verify` to say.
pub(super) fn newer_than(lines: &[&[u8]], seen: u64) -> Vec<InboxRecord> {
    let records = lines.iter().rev().filter_map(|line| InboxRecord::read(line).ok());
    let mut newer: Vec<InboxRecord> = records.take_while(|r| r.last > seen).collect();
    newer.reverse();
    newer
}

impl Snapshot {
    /// The run as its process had it when it heard the newest message on disk: what was heard after the state was saved
    /// is decided on again, without its effects. A rollback that was decided must not be forgotten. Another engine might
    /// decide otherwise, so under another version this is the state as it was saved.
    pub fn caught_up(self) -> Run {
        let mut run = self.run;
        if self.engine == env!("CARGO_PKG_VERSION") {
            for message in &self.unseen {
                crate::engine::step(&mut run, message);
            }
        }
        run
    }
}

fn left_out(why: &str) -> String {
    format!("messages after the last saved state are left out: the inbox {why}")
}

/// Everything resume needs to know.
pub(super) struct Found {
    pub snapshot: Snapshot,
    pub records: u64,
    pub head: String,
    pub inbox_records: u64,
    pub inbox_head: Option<String>,
    pub messages: u64,
    pub facts_written: bool,
    /// Files with a half-written last line, and where it begins.
    pub torn: Vec<(FileName, u64)>,
}

pub(super) fn load(store: &dyn Store, run: &str) -> Result<Found, JournalError> {
    let audit_bytes = read(store, FileName::Audit)?.unwrap_or_default();
    let inbox_bytes = read(store, FileName::Inbox)?.unwrap_or_default();
    let (audit_lines, inbox_lines) = (chain::lines(&audit_bytes), chain::lines(&inbox_bytes));
    refuse_newer(run, &audit_lines)?;
    let records = sound(run, "audit.jsonl", chain::audit(&audit_lines.whole))?;
    let inbox = sound(run, "inbox.jsonl", chain::inbox(&inbox_lines.whole))?;
    let mut snapshot = snapshot(store, run)?;
    belong_together(run, &snapshot, &records, &inbox)?;

    let (open_intents, highest_key) = open_intents(&records);
    snapshot.run.next_key = snapshot.run.next_key.max(highest_key + 1);
    snapshot.open_intents = open_intents;
    snapshot.next_seq = inbox.last().map_or(0, |r| r.last).max(snapshot.run.seq) + 1;
    match unseen(&inbox, snapshot.run.seq) {
        Ok(messages) => snapshot.unseen = messages,
        Err(why) => snapshot.notes.push(left_out(&why)),
    }
    let torn: Vec<_> = [(FileName::Audit, &audit_lines), (FileName::Inbox, &inbox_lines)]
        .into_iter()
        .filter(|(_, lines)| lines.torn.is_some())
        .map(|(file, lines)| (file, lines.whole_len))
        .collect();
    for (file, _) in &torn {
        let name = file.as_str();
        snapshot.notes.push(format!("the last line of {name} was half written; it is kept in {name}.torn"));
    }
    Ok(Found {
        records: records.len() as u64,
        head: records.last().map(|r| r.hash.clone()).unwrap_or_default(),
        inbox_records: inbox.len() as u64,
        inbox_head: inbox.last().map(|r| r.digest.clone()),
        messages: inbox.last().map_or(0, |r| r.total),
        facts_written: records.iter().any(|r| r.kind == "facts"),
        snapshot,
        torn,
    })
}

fn read(store: &dyn Store, file: FileName) -> Result<Option<Vec<u8>>, JournalError> {
    store.read(file).map_err(|e| JournalError::unreadable(format!("{}/{}", store.place(), file.as_str()), e))
}

fn sound<T>(run: &str, file: &'static str, read: Checked<T>) -> Result<Vec<T>, JournalError> {
    match read.problems.into_iter().next() {
        None => Ok(read.records),
        Some(p) => Err(JournalError::Broken {
            run: run.into(),
            file,
            record: p.record,
            what: format!("{} (expected {}, found {})", p.what, p.expected, p.found),
        }),
    }
}

/// Before anything else is looked at: a newer schema may chain its records in another way.
fn refuse_newer(run: &str, lines: &Lines<'_>) -> Result<(), JournalError> {
    let header = lines.whole.first().and_then(|l| std::str::from_utf8(l).ok()).and_then(|l| canonical::parse(l).ok());
    let Some(body) = header.as_ref().and_then(|h| h.get("body")) else { return Ok(()) };
    newer(run, "the journal", body)
}

fn newer(run: &str, what: &'static str, value: &Value) -> Result<(), JournalError> {
    match value.get("schema").and_then(Value::as_u64) {
        Some(found) if found > u64::from(SCHEMA) => {
            let engine = value.get("engine").and_then(Value::as_str).map(super::text::clean);
            Err(JournalError::Newer { run: run.into(), what, found, engine })
        }
        _ => Ok(()),
    }
}

fn snapshot(store: &dyn Store, run: &str) -> Result<Snapshot, JournalError> {
    let unreadable = |what: String| JournalError::Unreadable { run: run.into(), what };
    let Some(bytes) = read(store, FileName::Snapshot)? else {
        let audit = read(store, FileName::Audit)?.unwrap_or_default();
        let wrote =
            chain::lines(&audit).whole.iter().filter_map(|line| Record::read(line).ok()).any(|r| r.kind == "result");
        // It was saved once, and is gone: the cluster is not as it was before the run.
        return Err(match wrote {
            true => unreadable("snapshot.json is gone, and its audit file tells of writes to the cluster".into()),
            false => JournalError::NoSnapshot(run.into()),
        });
    };
    let text = String::from_utf8(bytes).map_err(|e| unreadable(format!("snapshot.json is not UTF-8: {e}")))?;
    let value = canonical::parse(&text).map_err(|e| unreadable(format!("snapshot.json is {e}")))?;
    newer(run, "the snapshot", &value)?;
    serde_json::from_value(value).map_err(|e| unreadable(format!("snapshot.json does not fit this version: {e}")))
}

/// A snapshot is written after the records it rests on, so these must all be there.
fn belong_together(
    run: &str,
    snapshot: &Snapshot,
    records: &[Record],
    inbox: &[InboxRecord],
) -> Result<(), JournalError> {
    let broken = |file, record, what: String| Err(JournalError::Broken { run: run.into(), file, record, what });
    let at = snapshot.journal_records;
    match usize::try_from(at).ok().and_then(|n| n.checked_sub(1)).and_then(|n| records.get(n)) {
        Some(record) if record.hash == snapshot.journal_head => {}
        Some(record) => {
            let what = format!(
                "snapshot.json was saved after a record with hash {}, not {}",
                snapshot.journal_head, record.hash
            );
            return broken("audit.jsonl", at, what);
        }
        None => {
            let what = format!("snapshot.json was saved after record {at}, and the file ends before it");
            return broken("audit.jsonl", records.len() as u64, what);
        }
    }
    let wanted = records.iter().rev().find_map(|r| r.inbox.as_ref()).or(snapshot.inbox_head.as_ref());
    match wanted {
        Some(digest) if !inbox.iter().any(|r| r.digest == *digest) => broken(
            "inbox.jsonl",
            inbox.len() as u64,
            format!("the audit file rests on messages with digest {digest}, which are gone"),
        ),
        _ => Ok(()),
    }
}

/// Intents without a result, oldest first, and the highest key of all.
fn open_intents(records: &[Record]) -> (Vec<Call>, u64) {
    let (mut open, mut highest) = (BTreeMap::new(), 0);
    for record in records {
        let Some(key) = record.field("key").and_then(Value::as_u64) else { continue };
        match record.kind.as_str() {
            "intent" => {
                highest = highest.max(key);
                open.insert(key, record.body.clone());
            }
            "result" => {
                open.remove(&key);
            }
            _ => {}
        }
    }
    // An action this version does not know cannot be looked up by key; the engine compares with the cluster anyway.
    (open.into_values().filter_map(|body| serde_json::from_value(body).ok()).collect(), highest)
}

fn unseen(inbox: &[InboxRecord], seen: u64) -> Result<Vec<Message>, String> {
    let mut out = Vec::new();
    for record in inbox.iter().filter(|r| r.last > seen) {
        out.extend(record.messages()?.into_iter().filter(|m| m.seq > seen));
    }
    Ok(out)
}
