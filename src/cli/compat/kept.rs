//! Answers of comparisons on disk, by what was compared. What cannot be read, or was changed, is worked out again.
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::compat::fleet::pairs::{Answer, Memory};
use crate::compat::fleet::stored;

/// Answers that are kept; when there are more, the older half goes.
const MAX_ANSWERS: usize = 10_000;

/// A folder of answers, or none.
pub struct Kept {
    folder: Option<PathBuf>,
    wrote: bool,
}

impl Kept {
    /// Answers below this folder; without one, or when it cannot be written, nothing is kept.
    pub fn new(folder: Option<PathBuf>) -> Kept {
        let folder = folder.filter(|f| fs::create_dir_all(f).is_ok());
        Kept { folder, wrote: false }
    }
}

impl Memory for Kept {
    fn get(&mut self, key: &str) -> Option<Answer> {
        let path = self.folder.as_ref()?.join(key);
        // Opening a named pipe would wait for ever.
        fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let text = fs::read_to_string(path).ok()?;
        let (sum, answer) = text.split_once('\n')?;
        if sum != digest(key, answer) {
            return None;
        }
        stored::read(answer)
    }

    fn put(&mut self, key: &str, answer: &Answer) {
        let Some(folder) = &self.folder else { return };
        let text = stored::write(answer);
        // Whoever reads meanwhile sees the old file or the new one.
        let (path, aside) = (folder.join(key), folder.join(format!(".{key}.{}", std::process::id())));
        let written =
            fs::write(&aside, format!("{}\n{text}", digest(key, &text))).and_then(|()| fs::rename(&aside, path));
        if written.is_err() {
            let _ = fs::remove_file(aside);
        }
        self.wrote = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.as_ref().filter(|_| self.wrote) {
            thin_out(folder);
        }
    }
}

/// Of question and answer, so that a file under another's name is no answer.
fn digest(key: &str, answer: &str) -> String {
    Sha256::digest(format!("{key}\n{answer}").as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn thin_out(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let age = |e: fs::DirEntry| Some((e.metadata().ok()?.modified().ok()?, e.path()));
    let mut all: Vec<_> = entries.flatten().filter_map(age).collect();
    if all.len() <= MAX_ANSWERS {
        return;
    }
    all.sort();
    for (_, path) in all.iter().take(all.len() / 2) {
        let _ = fs::remove_file(path);
    }
}
