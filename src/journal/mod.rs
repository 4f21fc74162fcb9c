//! What happened? Audit and inbox files, hash chain, snapshot.
//!
//! Two files a run. `audit.jsonl` is for people and auditors: who did what when, one canonical JSON record a line, each
//! chained to the one before and safe on disk before its effect. `inbox.jsonl` is for the engine: every message it saw,
//! packed, its digest in the next audit record. `snapshot.json` is where [`Journal::resume`] goes on from.
//!
//! Order of a commit: inbox, audit, snapshot, and only then may the effects be done. So whatever is found after a crash,
//! an effect that may have happened has its intent in the audit file.
//!
//! # Layout
//! - [`entry`] what is written: entries, records, their hash
//! - [`inbox`] the packed messages
//! - [`store`] disk or memory
//! - `dir` the run's folder and its lock; `runs` the list of runs
//! - `writer` hear, commit, tick, the end; `resume` what is read back
//! - [`verify`] whether the files are what was written; [`show`] tables, JSON lines, CSV
//! - [`durations`] how long phases took; [`tenants`] who is shown beside the run
//! - [`text`] what is taken out of other people's texts
mod chain;
mod dir;
pub mod durations;
pub mod entry;
mod error;
pub mod inbox;
mod resume;
mod runs;
pub mod show;
pub mod store;
pub mod tenants;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
pub mod verify;
mod writer;

pub use dir::{Holder, RunDir};
pub use durations::past_durations;
pub use entry::{Entry, Header, Record};
pub use error::JournalError;
pub use resume::Snapshot;
pub use runs::RunSummary;
pub use store::{DiskStore, FileName, MemoryStore, Store};
pub use verify::{Breaks, Verification, verify};
pub use writer::Journal;

/// Schema of journal and snapshot. It goes up when a file of the older one can no longer be read as it is; golden
/// journals of every released schema stay in the tests.
pub const SCHEMA: u32 = 1;

/// First bytes of what a record's hash is made over.
pub const HASH_DOMAIN: &str = "pilothouse-journal@v1";

/// A checkpoint follows each time this many records are full.
pub const CHECKPOINT_EVERY: u64 = 100;
