//! Writing: hear, commit, tick; the end is sealed by the commit that saves it.
use std::collections::{BTreeMap, VecDeque};
use std::io;

use serde::Serialize;

use super::dir::{Lock, RunDir};
use super::entry::{Checkpoint, End, EndOf, Entry, Facts, Gap, Header, NO_HASH, Parts, Record, Resume};
use super::error::JournalError;
use super::inbox::Buffer;
use super::resume::Found;
use super::store::{FileName, Store};
use super::{CHECKPOINT_EVERY, SCHEMA, Snapshot, durations};
use crate::engine::message::Message;
use crate::engine::run::{Outcome, Phase, Run, Track};
use crate::spec::canonical;
use crate::spec::units::Time;

/// Records kept in memory while the store refuses. A run makes a few hundred in a night.
const LATE_MAX: usize = 2000;

/// A run's journal, held by the one process that drives it.
pub struct Journal {
    run: String,
    store: Box<dyn Store>,
    _lock: Option<Lock>,
    /// Records in the file, and the hash of the last.
    records: u64,
    head: String,
    inbox_records: u64,
    inbox_head: Option<String>,
    messages: u64,
    buffer: Buffer,
    /// Intents without a result yet: key to service.
    intents: BTreeMap<u64, String>,
    facts: Option<Facts>,
    /// Made and not yet written.
    waiting: VecDeque<Parts>,
    outage: Option<Outage>,
    now: Time,
    ends: BTreeMap<String, EndOf>,
    durations: String,
    /// What they were made from: the end of the run and how many phases are over.
    durations_of: Option<(Option<Time>, usize)>,
    ending: Ending,
}

/// How far the end is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    /// The end record is made; the checkpoint after it is not.
    Told,
    Sealed,
}

struct Outage {
    since: Time,
    error: String,
    /// How many of the waiting records come from the outage.
    late: u64,
    lost_records: u64,
}

#[derive(Serialize)]
struct SnapshotOut<'a> {
    schema: u32,
    engine: &'static str,
    run: &'a Run,
    journal_head: &'a str,
    journal_records: u64,
    inbox_head: &'a Option<String>,
}

impl Journal {
    /// Begins the journal of a new run: lock, header, `plan.json`.
    ///
    /// # Errors
    /// `Held` when another process has the folder; `Io` when it cannot be written: then the run must not start.
    pub fn create(dir: RunDir, header: Header) -> Result<Journal, JournalError> {
        let lock = dir.lock()?;
        let mut journal = Journal::create_in(Box::new(dir.store()), header)?;
        journal._lock = Some(lock);
        Ok(journal)
    }

    /// As [`Journal::create`], in any store and without a lock.
    ///
    /// # Errors
    /// As [`Journal::create`].
    pub fn create_in(store: Box<dyn Store>, header: Header) -> Result<Journal, JournalError> {
        let mut journal = Journal::empty(header.run.clone(), store);
        journal.now = header.created;
        let plan = canonical::of(&header.plan).map_err(|e| journal.unmade(FileName::Plan, e.into()))?;
        let plan = journal.store.replace(FileName::Plan, format!("{plan}\n").as_bytes());
        plan.map_err(|e| journal.unmade(FileName::Plan, e))?;
        journal.take(&[Entry::Header(Box::new(header))]);
        match journal.write() {
            Ok(()) => Ok(journal),
            Err(e) => Err(journal.unmade(FileName::Audit, e)),
        }
    }

    fn empty(run: String, store: Box<dyn Store>) -> Journal {
        Journal {
            run,
            store,
            _lock: None,
            records: 0,
            head: NO_HASH.into(),
            inbox_records: 0,
            inbox_head: None,
            messages: 0,
            buffer: Buffer::default(),
            intents: BTreeMap::new(),
            facts: None,
            waiting: VecDeque::new(),
            outage: None,
            now: Time::default(),
            ends: BTreeMap::new(),
            durations: String::new(),
            durations_of: None,
            ending: Ending::NotYet,
        }
    }

    /// Takes up what another process left. Sets a half-written last line aside, and writes a `resume` record with the
    /// first commit. Nothing of the run is done again: the engine compares with the cluster and goes on.
    ///
    /// # Errors
    /// `Held` (somebody drives it), `Newer` (written by a newer version: read-only), `Broken` (a record in the middle is
    /// not what was written), `NoSnapshot`, `Unreadable`, `Io`. Nothing is changed then.
    pub fn resume(dir: RunDir) -> Result<(Journal, Snapshot), JournalError> {
        let lock = dir.lock()?;
        let (mut journal, snapshot) = Journal::resume_in(Box::new(dir.store()), dir.id())?;
        journal._lock = Some(lock);
        Ok((journal, snapshot))
    }

    /// As [`Journal::resume`], from any store and without a lock.
    ///
    /// # Errors
    /// As [`Journal::resume`].
    pub fn resume_in(mut store: Box<dyn Store>, run: &str) -> Result<(Journal, Snapshot), JournalError> {
        let found: Found = super::resume::load(store.as_ref(), run)?;
        for (file, len) in &found.torn {
            let aside = store.set_aside(*file, *len);
            aside.map_err(|e| JournalError::unwritable(format!("{}/{}", store.place(), file.as_str()), e))?;
        }
        let mut journal = Journal::empty(run.into(), store);
        journal.records = found.records;
        journal.head = found.head;
        journal.inbox_records = found.inbox_records;
        journal.inbox_head = found.inbox_head;
        journal.messages = found.messages;
        journal.now = found.snapshot.run.now.wall;
        journal.facts = Facts::of(&found.snapshot.run).filter(|_| found.facts_written);
        journal.take(&[Entry::Resume(Resume {
            pid: std::process::id(),
            engine: env!("CARGO_PKG_VERSION").into(),
            snapshot_at: found.snapshot.journal_records,
            open_intents: found.snapshot.open_intents.iter().map(|c| c.key).collect(),
            torn: found.torn.iter().map(|(file, _)| file.as_str().to_owned()).collect(),
        })]);
        journal.intents = found.snapshot.open_intents.iter().map(|c| (c.key, c.service.clone())).collect();
        Ok((journal, found.snapshot))
    }

    /// Takes a message into the inbox. Written by the next [`Journal::commit`] or [`Journal::tick`].
    pub fn hear(&mut self, message: &Message) {
        self.buffer.hear(message);
    }

    /// Writes what was heard, then the entries, then the snapshot, each safe on disk before the next. Call it before any
    /// effect of `entries` is executed; with no entries it saves messages and snapshot only. Of a run that has ended the
    /// end record is written as well, before the snapshot and the durations that say so: an end that is told nowhere in
    /// the audit file was cut off.
    ///
    /// # Errors
    /// When something could not be written. Entries are then kept in memory and written late, after a `gap` record, once
    /// it works again: do not hand them in twice. Until then only rollback and abort may be executed.
    pub fn commit(&mut self, entries: &[Entry], run: &Run) -> Result<(), JournalError> {
        self.record(entries, run)?;
        if let Some(outcome) = run.outcome() {
            self.seal(outcome)?;
        }
        self.save(run)
    }

    /// As [`Journal::commit`], but for the snapshot, which must follow before the next effect: for what is over, such as
    /// results, several of which can share one.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn record(&mut self, entries: &[Entry], run: &Run) -> Result<(), JournalError> {
        self.now = run.now.wall;
        self.ends = run.tracks.iter().map(|(name, track)| (name.clone(), end_of(track))).collect();
        let fresh = (Facts::of(run)).filter(|f| self.facts.as_ref() != Some(f));
        if let Some(facts) = fresh {
            self.take(&[Entry::Facts(facts.clone())]);
            self.facts = Some(facts);
        }
        self.take(entries);
        self.write().map_err(|e| self.unwritable(FileName::Audit, e))
    }

    /// Writes what was heard, once per grid tick, also when nothing was decided; and after an outage, what had to wait.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn tick(&mut self) -> Result<(), JournalError> {
        self.write().map_err(|e| self.unwritable(FileName::Inbox, e))
    }

    /// The end record and a checkpoint, once.
    fn seal(&mut self, outcome: Outcome) -> Result<(), JournalError> {
        if self.ending == Ending::NotYet {
            self.take(&[Entry::End(End { outcome, services: self.ends.clone() })]);
            self.ending = Ending::Told;
        }
        self.write().map_err(|e| self.unwritable(FileName::Audit, e))?;
        if self.ending == Ending::Told {
            let checkpoint = self.checkpoint(self.records, &self.head);
            self.take(&[Entry::Checkpoint(checkpoint)]);
            self.ending = Ending::Sealed;
        }
        self.write().map_err(|e| self.unwritable(FileName::Audit, e))
    }

    /// Hash of the newest record.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Records in the audit file.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Since when it cannot be written, and why.
    pub fn outage(&self) -> Option<(Time, &str)> {
        self.outage.as_ref().map(|o| (o.since, o.error.as_str()))
    }

    /// Queues entries for the next write.
    fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            if let Entry::Intent(call) = entry {
                self.intents.insert(call.key, call.service.clone());
            }
            let parts = entry.parts(self.now, &|key| self.intents.get(&key).cloned());
            if let Entry::Result(result) = entry {
                self.intents.remove(&result.key);
            }
            match &mut self.outage {
                Some(outage) if self.waiting.len() >= LATE_MAX => outage.lost_records += 1,
                _ => self.waiting.push_back(parts),
            }
        }
    }

    /// Inbox, then everything that waits.
    fn write(&mut self) -> io::Result<()> {
        let written = self.write_inbox().and_then(|()| self.write_audit());
        if let (Err(e), None) = (&written, &self.outage) {
            self.outage = Some(Outage { since: self.now, error: e.to_string(), late: 0, lost_records: 0 });
        }
        if let (Err(_), Some(outage)) = (&written, &mut self.outage) {
            outage.late = self.waiting.len() as u64;
        }
        written
    }

    fn write_inbox(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let prev = self.inbox_head.as_deref().unwrap_or(NO_HASH);
        let record = self.buffer.record(self.inbox_records + 1, self.messages, prev)?;
        self.store.append(FileName::Inbox, format!("{}\n", record.line()).as_bytes())?;
        self.inbox_records += 1;
        self.messages += self.buffer.count();
        self.inbox_head = Some(record.digest);
        self.buffer.clear();
        Ok(())
    }

    fn write_audit(&mut self) -> io::Result<()> {
        let gap = self.gap();
        if gap.is_none() && self.waiting.is_empty() {
            return Ok(());
        }
        let (mut records, mut head, mut text) = (self.records, self.head.clone(), String::new());
        let mut add = |parts: Parts, records: &mut u64, head: &mut String| {
            *records += 1;
            let record = Record::chain(parts, *records, head, self.inbox_head.as_deref());
            text.push_str(&record.line());
            text.push('\n');
            *head = record.hash;
        };
        let none = |_| None;
        if let Some(gap) = gap {
            add(Entry::Gap(gap).parts(self.now, &none), &mut records, &mut head);
        }
        for parts in &self.waiting {
            add(parts.clone(), &mut records, &mut head);
            if records % CHECKPOINT_EVERY == 0 {
                let checkpoint = self.checkpoint(records, &head);
                add(Entry::Checkpoint(checkpoint).parts(self.now, &none), &mut records, &mut head);
            }
        }
        self.store.append(FileName::Audit, text.as_bytes())?;
        (self.records, self.head) = (records, head);
        self.waiting.clear();
        self.outage = None;
        self.buffer.lost = 0;
        Ok(())
    }

    fn gap(&self) -> Option<Gap> {
        let lost_messages = self.buffer.lost;
        match &self.outage {
            Some(outage) => Some(Gap {
                since: outage.since,
                until: self.now,
                error: outage.error.clone(),
                late: outage.late,
                lost_records: outage.lost_records,
                lost_messages,
            }),
            None if lost_messages > 0 => Some(Gap {
                since: self.now,
                until: self.now,
                error: "messages could not be taken in".into(),
                late: 0,
                lost_records: 0,
                lost_messages,
            }),
            None => None,
        }
    }

    fn checkpoint(&self, records: u64, head: &str) -> Checkpoint {
        Checkpoint { records, head: head.into(), messages: self.messages }
    }

    /// Snapshot, and durations where they changed.
    fn save(&mut self, run: &Run) -> Result<(), JournalError> {
        let out = SnapshotOut {
            schema: SCHEMA,
            engine: env!("CARGO_PKG_VERSION"),
            run,
            journal_head: &self.head,
            journal_records: self.records,
            inbox_head: &self.inbox_head,
        };
        // Nothing hashes a snapshot, so it need not be canonical; it is the largest text by far.
        let text = serde_json::to_vec(&out).map_err(|e| self.unwritable(FileName::Snapshot, e.into()))?;
        let saved = self.store.replace(FileName::Snapshot, &text);
        saved.map_err(|e| self.unwritable(FileName::Snapshot, e))?;
        let told = (run.ended, run.tracks.values().map(|t| t.durations.len()).sum());
        if self.durations_of == Some(told) {
            return Ok(());
        }
        let durations = durations::text(run);
        // For later estimates only: worth no stop; tried again at the next commit.
        if durations != self.durations && self.store.replace(FileName::Durations, durations.as_bytes()).is_ok() {
            self.durations = durations;
            self.durations_of = Some(told);
        }
        Ok(())
    }

    fn unwritable(&self, file: FileName, error: io::Error) -> JournalError {
        JournalError::unwritable(format!("{}/{} of run `{}`", self.store.place(), file.as_str(), self.run), error)
    }

    fn unmade(&self, file: FileName, error: io::Error) -> JournalError {
        JournalError::unmade(format!("{}/{}", self.store.place(), file.as_str()), error)
    }
}

fn end_of(track: &Track) -> EndOf {
    let why = match &track.phase {
        Phase::RollingBack(r)
        | Phase::Verifying { rollback: r, .. }
        | Phase::RolledBack { rollback: r }
        | Phase::RollbackBlocked { rollback: r, .. } => r.reason.clone(),
        Phase::Skipped { why } => why.clone(),
        _ => String::new(),
    };
    EndOf { state: track.phase.word().into(), highest: track.highest, why }
}
