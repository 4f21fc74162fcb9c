//! What can go wrong with a journal, said so that a person knows what happens now and what to do.
use std::io;
use std::path::PathBuf;

use super::SCHEMA;
use super::dir::Holder;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file could not be read or written.
    #[error("{what} {place}: {error}. {now}")]
    Io {
        /// What was tried, such as `cannot write`.
        what: &'static str,
        /// The file or folder.
        place: String,
        error: io::Error,
        /// What happens now and what to do.
        now: &'static str,
    },
    #[error("run `{0}` is already in the state folder. Nothing was changed; `pilothouse resume {0}` takes it up")]
    Exists(String),
    #[error("there is no run `{id}` under {place}. {}", known_runs(.known))]
    NoRun { id: String, place: PathBuf, known: Vec<String> },
    #[error(
        "there is no run under {0} yet. `pilothouse run -f PATH` starts one; a demo says at its end where its journal is"
    )]
    NoRuns(PathBuf),
    #[error("`{0}` is no name of a run: letters, digits, `-`, `_` and `.`, at most 64, not beginning with `.`")]
    BadId(String),
    #[error(
        "run `{run}` is driven by another process: {holder}. Two drivers would fight over the same weights, so this one \
         changed nothing. Watch it there, or end that process and try again"
    )]
    Held { run: String, holder: Holder },
    #[error(
        "{what} of run `{run}` has schema {found}, written by a newer Pilothouse{}; this one knows up to {SCHEMA}. Nothing was \
         changed. It can be read (`pilothouse audit show`), not continued: use the newer version to resume",
        .engine.as_ref().map(|e| format!(" ({e})")).unwrap_or_default()
    )]
    Newer { run: String, what: &'static str, found: u64, engine: Option<String> },
    #[error(
        "{file} of run `{run}` is damaged at record {record}: {what}. Nothing was changed. Keep the folder as evidence \
         (`pilothouse audit verify {run}` lists all of it); a new run says what this one left in the cluster, and how traffic goes back to stable by hand"
    )]
    Broken { run: String, file: &'static str, record: u64, what: String },
    #[error(
        "run `{0}` was never saved: it ended before its first decision, so nothing in the cluster was changed. Start it anew"
    )]
    NoSnapshot(String),
    #[error(
        "run `{run}` cannot be taken up: {what}. Nothing was changed now. A new run says what this one left in the cluster, and how \
         traffic goes back to stable by hand"
    )]
    Unreadable { run: String, what: String },
}

fn known_runs(ids: &[String]) -> String {
    match ids {
        [] => "There is none yet: `pilothouse run -f PATH` starts one".into(),
        ids => format!("Known, newest first: {}", ids[..ids.len().min(8)].join(", ")),
    }
}

impl JournalError {
    /// A write failed while a run is driven.
    pub(super) fn unwritable(place: String, error: io::Error) -> JournalError {
        JournalError::Io {
            what: "cannot write the journal",
            place,
            error,
            now: "No new raise until it can be written; rollback and abort still work. Make room or restore the folder",
        }
    }

    pub(super) fn unreadable(place: String, error: io::Error) -> JournalError {
        JournalError::Io {
            what: "cannot read",
            place,
            error,
            now: "Nothing was changed. Check that the folder belongs to you",
        }
    }

    pub(super) fn unlocked(place: String, error: io::Error) -> JournalError {
        JournalError::Io {
            what: "cannot lock",
            place,
            error,
            now: "Without the lock two processes could drive the run, so nothing was changed. Check that the folder is yours to write",
        }
    }

    pub(super) fn unmade(place: String, error: io::Error) -> JournalError {
        JournalError::Io {
            what: "cannot make",
            place,
            error,
            now: "The run was not started and nothing was changed. Name a folder you may write with --state-dir",
        }
    }
}
