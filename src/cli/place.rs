//! Where things are kept, and what a run is called.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The state folder: `--state-dir`, `$XDG_STATE_HOME/pilothouse`, or `~/.local/state/pilothouse`.
///
/// # Errors
/// None is named and there is no home; what is named is a file.
pub fn state_dir(named: Option<&Path>) -> Result<PathBuf> {
    let dir = named.map_or_else(usual, |dir| Ok(dir.to_path_buf()))?;
    // Taken for a folder without runs it would hide a slip: "no run yet".
    if dir.exists() && !dir.is_dir() {
        bail!("{} is no folder, so no run can be kept there; name a folder with --state-dir", dir.display());
    }
    Ok(dir)
}

fn usual() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|h| h.join(".local/state")));
    base.map(|b| b.join("pilothouse"))
        .context("there is no place for runs: neither HOME nor XDG_STATE_HOME is set; name one with --state-dir")
}

/// Four or more hex digits for a run, drawn from `what`; longer while one of that name is there already.
pub fn run_id(state_dir: &Path, what: &str) -> String {
    let hash: String = Sha256::digest(what.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let free = |id: &str| !state_dir.join("runs").join(id).exists();
    (4..hash.len()).map(|n| &hash[..n]).find(|id| free(id)).unwrap_or(&hash).to_string()
}
