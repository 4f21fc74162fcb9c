//! The folder of a run, and who holds it.
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::JournalError;
use super::store::{DiskStore, private};

/// `<state-dir>/runs/<run-id>/`, with `audit.jsonl`, `inbox.jsonl`, `snapshot.json`, `plan.json`, `durations.json`,
/// `tenants.json` where there are some, and `lock` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    id: String,
    path: PathBuf,
    sync: bool,
}

/// The process that drives a run, as it wrote itself into the lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `None`: it has not written it, or the file cannot be read.
    pub pid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid} on this machine"),
            None => f.write_str("a process that did not write its number"),
        }
    }
}

/// Held as long as the process drives; the kernel lets it go when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

fn check_id(id: &str) -> Result<(), JournalError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 64 || id.starts_with('.') || !id.chars().all(plain) {
        return Err(JournalError::BadId(id.into()));
    }
    Ok(())
}

fn runs_of(state_dir: &Path) -> PathBuf {
    state_dir.join("runs")
}

impl RunDir {
    /// Makes the folder of a new run, readable by its owner only.
    ///
    /// # Errors
    /// `Exists` when there is one of that name; `BadId`; `Io` when it cannot be made.
    pub fn create(state_dir: &Path, run_id: &str) -> Result<RunDir, JournalError> {
        check_id(run_id)?;
        let path = runs_of(state_dir).join(run_id);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made =
            builder.recursive(true).create(runs_of(state_dir)).and_then(|()| builder.recursive(false).create(&path));
        match made {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(JournalError::Exists(run_id.into())),
            Err(e) => return Err(JournalError::unmade(path.display().to_string(), e)),
        }
        // The names must survive a crash of the machine as well; a file system that cannot sync a folder is no reason to stop.
        if let Ok(folder) = File::open(runs_of(state_dir)) {
            let _ = folder.sync_all();
        }
        Ok(RunDir { id: run_id.into(), path, sync: true })
    }

    /// The folder of a run that exists.
    ///
    /// # Errors
    /// `NoRun`, naming the runs there are; `BadId`.
    pub fn open(state_dir: &Path, run_id: &str) -> Result<RunDir, JournalError> {
        check_id(run_id)?;
        let path = runs_of(state_dir).join(run_id);
        if path.is_dir() {
            return Ok(RunDir { id: run_id.into(), path, sync: true });
        }
        let known = super::runs::list(state_dir).into_iter().map(|s| s.id).collect();
        Err(JournalError::NoRun { id: run_id.into(), place: runs_of(state_dir), known })
    }

    /// Every run folder, in no particular order. A state folder that is not there holds none.
    pub(super) fn all(state_dir: &Path) -> Vec<RunDir> {
        let Ok(entries) = std::fs::read_dir(runs_of(state_dir)) else { return Vec::new() };
        let folders = entries.flatten().filter(|e| e.path().is_dir());
        let named = folders.filter_map(|e| e.file_name().into_string().ok().map(|id| (id, e.path())));
        named.filter(|(id, _)| check_id(id).is_ok()).map(|(id, path)| RunDir { id, path, sync: true }).collect()
    }

    /// All runs, newest first.
    pub fn list(state_dir: &Path) -> Vec<super::RunSummary> {
        super::runs::list(state_dir)
    }

    /// The run that was started last.
    ///
    /// # Errors
    /// `NoRuns`.
    pub fn latest(state_dir: &Path) -> Result<RunDir, JournalError> {
        match super::runs::list(state_dir).first() {
            Some(newest) => RunDir::open(state_dir, &newest.id),
            None => Err(JournalError::NoRuns(runs_of(state_dir))),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files.
    pub fn store(&self) -> DiskStore {
        let store = DiskStore::new(&self.path);
        if self.sync { store } else { store.unsynced() }
    }

    /// See [`DiskStore::unsynced`].
    pub fn unsynced(self) -> RunDir {
        RunDir { sync: false, ..self }
    }

    fn lock_file(&self) -> io::Result<File> {
        private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(self.path.join("lock"))
    }

    /// Who drives this run now, on this machine. Answered by the kernel's lock, not by what the file says.
    pub fn driver(&self) -> Option<Holder> {
        let mut file = File::open(self.path.join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }

    /// # Errors
    /// `Held` when another process drives; `Io`.
    pub(super) fn lock(&self) -> Result<Lock, JournalError> {
        let failed = |e| JournalError::unlocked(self.path.join("lock").display().to_string(), e);
        let mut file = self.lock_file().map_err(failed)?;
        // Somebody who only asks who drives holds a shared lock for a moment.
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < 5 => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Held { run: self.id.clone(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
        }
        // On a full disk the number cannot be written; the lock holds all the same.
        let text = serde_json::json!({"pid": std::process::id()}).to_string();
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        Ok(Lock { _file: file })
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
    serde_json::from_str(&text).unwrap_or_default()
}
