//! Writes a waiver into the file of a folder of contracts, and reads again what they say.
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::args::{Contracts, Files, Global};
use super::{contracts, verdict};
use crate::console::waive::{Accept, AtHand, ContractsAtHand, Refusal};
use crate::plan::Plan;
use crate::plan::verdict::Verdict;
use crate::spec::SourceFile;
use crate::spec::waive::{Entry, new_policy, with_entry};

/// The file waivers of a plan's contracts stand in, for the console; `None` where there is no one such file.
pub fn at_hand(files: Files, named: Contracts, global: &Global, plan: &Plan) -> AtHand {
    plan.compat.as_ref()?;
    let known = contracts::load(&files.files, named.contracts.as_deref()).ok()?;
    let path = match (&known.registry.policy, known.folders.len()) {
        (Some(policy), _) => PathBuf::from(&policy.origin.file),
        // Of two folders nobody can say which is meant.
        (None, 1) => known.folders.first()?.join("compat.yaml"),
        _ => return None,
    };
    let read = read(&path).ok()?;
    let (plan, global) = (plan.clone(), global.clone());
    Some(Arc::new(Desk { files, named, global, plan, path, read: Mutex::new(read) }))
}

struct Desk {
    files: Files,
    named: Contracts,
    global: Global,
    /// As it was made of the files.
    plan: Plan,
    path: PathBuf,
    /// The text of the file when it was read last; `None` while there is no file.
    read: Mutex<Option<String>>,
}

impl ContractsAtHand for Desk {
    fn file(&self) -> String {
        self.path.display().to_string()
    }

    fn accept(&self, asked: &Accept) -> Result<Verdict, Refusal> {
        let refuse = |why: String, todo: String| Refusal { what: asked.about.clone(), why, todo };
        let file = self.file();
        self.write(asked).map_err(|(why, todo)| refuse(format!("{why}. Nothing was written"), todo))?;
        let again = "leave, and begin anew with these files".to_string();
        let stands = |why: String| refuse(format!("the entry stands in {file}, but {why}"), again.clone());
        let known = contracts::load(&self.files.files, self.named.contracts.as_deref());
        let known = known.map_err(|report| stands(format!("the files cannot be read any more: {report}")))?;
        let made = verdict::plan_from(&known, &self.files, &self.named, &self.global);
        let (mut plan, _) = made.map_err(|e| stands(format!("no plan can be made of the files any more: {e:#}")))?;
        plan.environment.kubernetes.context = self.plan.environment.kubernetes.context.clone();
        let same = verdict::differs_by_waivers_only(&self.plan, &plan);
        let verdict = plan.compat.filter(|_| same);
        verdict.ok_or_else(|| stands("the plan these files make is another one now: somebody changed them".into()))
    }
}

impl Desk {
    /// # Errors
    /// Why nothing was written, and what to do.
    fn write(&self, asked: &Accept) -> Result<(), (String, String)> {
        let file = self.file();
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = |what: &str, e: std::io::Error| {
            (format!("{file} cannot be {what}: {e}"), "mend that and press it again, or add the entry by hand".into())
        };
        let now = read(&self.path).map_err(|e| fault("read", e))?;
        if now != *known {
            let why = format!("{file} was changed by somebody else since this plan was made");
            return Err((why, "look at it, leave, and begin anew with these files".into()));
        }
        let by: Vec<&str> = asked.waiver.by.iter().map(String::as_str).collect();
        let until = asked.waiver.until.to_string();
        let Accept { waiver, about } = asked;
        let entry = Entry { fingerprint: &waiver.fingerprint, about, reason: &waiver.reason, until: &until, by: &by };
        let text = match &now {
            Some(text) if has(text, &waiver.fingerprint) => {
                let why = format!("{file} names {} already", waiver.fingerprint);
                return Err((why, "look at that entry, and at its last day".into()));
            }
            Some(text) => with_entry(&SourceFile { name: file.clone(), text: text.clone() }, &entry)
                .map_err(|why| (format!("{file}: {why}"), format!("add it by hand:\n{}", entry.lines().join("\n"))))?,
            None => new_policy(&self.plan.fleet, &entry),
        };
        replace(&self.path, &text).map_err(|e| fault("written", e))?;
        *known = Some(text);
        Ok(())
    }
}

/// Whether an entry, or a remark about one, is there.
fn has(text: &str, fingerprint: &str) -> bool {
    text.contains(fingerprint)
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// All of the new text or all of the old, whatever happens; what a link leads to is written, not the link.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let rights = fs::metadata(&path).ok().map(|m| m.permissions());
    // Whoever took the right to write from the file means it, though its folder could be written.
    if rights.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(std::io::Error::new(ErrorKind::PermissionDenied, "it is read-only"));
    }
    let beside = folder.join(format!(".waiver-{}.new", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Some(rights) = rights {
            file.set_permissions(rights)?;
        }
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        // The name as well, so that it is there after a fall of the machine.
        fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
