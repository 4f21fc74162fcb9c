//! Where a run's files are kept: on disk, or in memory for rehearsals and tests. The writer above it knows neither.
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    Audit,
    Inbox,
    Snapshot,
    Plan,
    Durations,
    Tenants,
}

impl FileName {
    pub fn as_str(self) -> &'static str {
        match self {
            FileName::Audit => "audit.jsonl",
            FileName::Inbox => "inbox.jsonl",
            FileName::Snapshot => "snapshot.json",
            FileName::Plan => "plan.json",
            FileName::Durations => "durations.json",
            FileName::Tenants => "tenants.json",
        }
    }
}

/// What the journal needs of a place to write to.
pub trait Store: Send {
    /// The whole file, or `None` when there is none.
    fn read(&self, file: FileName) -> io::Result<Option<Vec<u8>>>;

    /// Adds to the end and returns once the bytes are safe from a crash of the machine. After an error the file holds
    /// none of them, at the latest when the next call succeeds.
    fn append(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()>;

    /// Puts new content in place of the old: a reader, now or after a crash, sees the one or the other, whole.
    fn replace(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()>;

    /// Takes everything from byte `len` on out of the file and keeps it in `<file>.torn`.
    fn set_aside(&mut self, file: FileName, len: u64) -> io::Result<()>;

    /// For error messages.
    fn place(&self) -> String;
}

/// Files in a folder.
#[derive(Debug)]
pub struct DiskStore {
    folder: PathBuf,
    open: BTreeMap<FileName, Appender>,
    sync: bool,
}

#[derive(Debug)]
struct Appender {
    file: File,
    /// Bytes that are known to be safe.
    len: u64,
    /// A failed write may have left more than `len` behind.
    dirty: bool,
}

impl DiskStore {
    pub fn new(folder: &Path) -> DiskStore {
        DiskStore { folder: folder.into(), open: BTreeMap::new(), sync: true }
    }

    /// Does not wait for the disk: what is written survives the death of the process, not that of the machine. For runs on
    /// the practice cluster, which does not survive that either.
    pub fn unsynced(self) -> DiskStore {
        DiskStore { sync: false, ..self }
    }

    fn path(&self, file: FileName) -> PathBuf {
        self.folder.join(file.as_str())
    }

    fn appender(&mut self, file: FileName) -> io::Result<&mut Appender> {
        let path = self.path(file);
        let appender = match self.open.entry(file) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let handle = private(OpenOptions::new().read(true).append(true).create(true)).open(&path)?;
                let len = handle.metadata()?.len();
                place.insert(Appender { file: handle, len, dirty: false })
            }
        };
        // A file that was unlinked still takes every write, into nowhere.
        if !same_file(&path, &appender.file)? {
            return Err(io::Error::other("it was removed or replaced while in use"));
        }
        Ok(appender)
    }
}

impl Store for DiskStore {
    fn read(&self, file: FileName) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.path(file)) {
            Ok(mut f) => f.read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn append(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        let sync = self.sync;
        let appender = self.appender(file)?;
        if appender.dirty {
            appender.file.set_len(appender.len)?;
            appender.dirty = false;
        }
        let safe = |file: &File| if sync { file.sync_data() } else { Ok(()) };
        match appender.file.write_all(bytes).and_then(|()| safe(&appender.file)) {
            Ok(()) => {
                appender.len += bytes.len() as u64;
                Ok(())
            }
            Err(e) => {
                // Cut back also after a failed sync: the kernel may have dropped the pages, and only writing them again
                // makes the next sync mean anything.
                appender.dirty = appender.file.set_len(appender.len).is_err();
                Err(e)
            }
        }
    }

    fn replace(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        let (path, fresh) = (self.path(file), self.folder.join(format!("{}.new", file.as_str())));
        let write = || -> io::Result<()> {
            let mut f = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&fresh)?;
            f.write_all(bytes)?;
            if self.sync {
                f.sync_data()?;
            }
            // The folder itself is not synced: a rename lost with the machine leaves the older snapshot, whole, and
            // resume goes on from it with the audit file, which is newer.
            std::fs::rename(&fresh, &path)
        };
        write().inspect_err(|_| {
            let _ = std::fs::remove_file(&fresh);
        })
    }

    fn set_aside(&mut self, file: FileName, len: u64) -> io::Result<()> {
        self.open.remove(&file);
        let Some(bytes) = self.read(file)? else { return Ok(()) };
        let tail = bytes.get(usize::try_from(len).unwrap_or(usize::MAX)..).unwrap_or_default();
        let aside = self.folder.join(format!("{}.torn", file.as_str()));
        // Best effort: on a full disk the torn half line is worth less than being able to resume.
        let _ = private(OpenOptions::new().append(true).create(true)).open(aside).and_then(|mut kept| {
            kept.write_all(tail).and_then(|()| kept.write_all(b"\n")).and_then(|()| kept.sync_data())
        });
        let f = OpenOptions::new().write(true).open(self.path(file))?;
        f.set_len(len)?;
        f.sync_data()
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Journals name people and systems: only their owner reads them.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

#[cfg(unix)]
fn same_file(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(not(unix))]
fn same_file(path: &Path, _: &File) -> io::Result<bool> {
    path.try_exists()
}

/// Files in memory: rehearsals and simulations write thousands of journals. Clones share the content, so that a test can
/// let one process die and another take up what it left. Faults can be planted.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    files: BTreeMap<FileName, Vec<u8>>,
    torn: BTreeMap<FileName, Vec<u8>>,
    /// Where a half-done append began.
    half: BTreeMap<FileName, usize>,
    /// Bytes that may still be written before the power goes.
    budget: Option<u64>,
    /// Every write fails with this, writing nothing that stays.
    refuse: Option<io::ErrorKind>,
}

impl MemoryStore {
    /// Lets the process die after this many more bytes: the write that meets the limit stays half done, later ones do
    /// nothing, and all of them fail. `None` heals it.
    pub fn die_after(&self, bytes: Option<u64>) {
        self.lock().budget = bytes;
    }

    /// The limit of [`MemoryStore::die_after`] was met.
    pub fn is_dead(&self) -> bool {
        self.lock().budget == Some(0)
    }

    /// Makes every write fail, as a full disk does. `None` heals it.
    pub fn refuse(&self, error: Option<io::ErrorKind>) {
        self.lock().refuse = error;
    }

    /// Bytes of a file as they are now.
    pub fn bytes(&self, file: FileName) -> Vec<u8> {
        self.lock().files.get(&file).cloned().unwrap_or_default()
    }

    /// What was written of a file beyond its first `from` bytes.
    pub fn bytes_from(&self, file: FileName, from: usize) -> Vec<u8> {
        self.lock().files.get(&file).and_then(|b| b.get(from..)).map_or_else(Vec::new, <[u8]>::to_vec)
    }

    /// Puts bytes in place, as somebody with an editor would.
    pub fn tamper(&self, file: FileName, bytes: Vec<u8>) {
        self.lock().files.insert(file, bytes);
    }

    /// What was set aside of a file.
    pub fn torn(&self, file: FileName) -> Vec<u8> {
        self.lock().torn.get(&file).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // The content is plain bytes, whole after any panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// How many of `wanted` bytes still reach the medium.
    fn spend(&mut self, wanted: usize) -> io::Result<usize> {
        if let Some(kind) = self.refuse {
            return Err(kind.into());
        }
        let Some(left) = self.budget else { return Ok(wanted) };
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
        self.budget = Some(left - now as u64);
        Ok(now)
    }
}

fn died() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the process died here")
}

impl Store for MemoryStore {
    fn read(&self, file: FileName) -> io::Result<Option<Vec<u8>>> {
        Ok(self.lock().files.get(&file).cloned())
    }

    fn append(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        let mut memory = self.lock();
        let reach = memory.spend(bytes.len())?;
        let half = memory.half.remove(&file);
        let content = memory.files.entry(file).or_default();
        content.truncate(half.unwrap_or(content.len()));
        let start = content.len();
        content.extend_from_slice(&bytes[..reach]);
        if reach == bytes.len() {
            return Ok(());
        }
        memory.half.insert(file, start);
        Err(died())
    }

    fn replace(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        let mut memory = self.lock();
        // A half-written new file is never renamed.
        if memory.spend(bytes.len())? < bytes.len() {
            return Err(died());
        }
        memory.files.insert(file, bytes.to_vec());
        Ok(())
    }

    fn set_aside(&mut self, file: FileName, len: u64) -> io::Result<()> {
        let mut memory = self.lock();
        memory.spend(0)?;
        memory.half.remove(&file);
        let Some(bytes) = memory.files.get_mut(&file) else { return Ok(()) };
        let tail = bytes.split_off(usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len()));
        memory.torn.entry(file).or_default().extend(tail);
        Ok(())
    }

    fn place(&self) -> String {
        "memory".into()
    }
}
