//! The folder of contracts: which of its files are documents of ours, and whether contracts stand where they say.
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use super::at;
use super::beside::{NO_FILE, named_as_file, shown, unread};
use crate::spec::contract::Contract;
use crate::spec::{KINDS, Loaded, Problem, Severity, nearest};

/// Files below a folder of contracts; more is another folder, named by mistake.
const MAX_FILES: usize = 50_000;
/// Folders inside one another.
const MAX_DEPTH: usize = 8;

/// Files of the folder, and of folders in it, that are documents of ours; in order of name.
pub(super) fn members(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let (mut found, mut open, mut seen) = (Vec::new(), vec![(folder.to_path_buf(), 0)], 0);
    let failed = |path: &Path, what: String| {
        Problem::of_file(&path.display().to_string(), what, Some("is it the folder with the contracts?".into()))
    };
    while let Some((path, depth)) = open.pop() {
        let entries = fs::read_dir(&path).map_err(|e| failed(&path, format!("the folder cannot be read: {e}")))?;
        for entry in entries {
            let entry = entry.map_err(|e| failed(&path, format!("the folder cannot be read: {e}")))?;
            seen += 1;
            if seen > MAX_FILES || depth > MAX_DEPTH {
                let what = format!("more than {MAX_FILES} files, or {MAX_DEPTH} folders inside one another, are in it");
                return Err(failed(folder, what));
            }
            let member = entry.path();
            // Links are followed: a folder of a service may stand elsewhere. A circle of them ends by its depth.
            match fs::metadata(&member) {
                Ok(kind) if kind.is_dir() && !named_as_file(&member) => open.push((member, depth + 1)),
                Ok(kind) if kind.is_file() => found.extend(Some(member).filter(|m| is_ours(folder, m))),
                Ok(_) if named_as_file(&member) => {
                    return Err(Problem::of_file(&shown(&member), NO_FILE.into(), None));
                }
                Err(e) if named_as_file(&member) => return Err(unread(&member, &e)),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A document of this program: what else is there, such as descriptions, is not. Files that have their place are
/// documents whatever they hold, and so is what looks like one, so that a mistake in a first line is told.
fn is_ours(folder: &Path, path: &Path) -> bool {
    if !path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        return false;
    }
    let (stem, parent) = (path.file_stem().and_then(|n| n.to_str()), path.parent());
    let below = |name: &str| parent.is_some_and(|p| p.file_name().is_some_and(|n| n == name));
    let placed = stem == Some("service")
        || below("releases")
        || below("migrations")
        || stem == Some("compat") && parent == Some(folder);
    placed || fs::read_to_string(path).is_ok_and(|text| looks_like_ours(&text))
}

/// A key at the left edge says that it is one of ours, or nearly so; with or without quotes, braces and a byte-order mark.
fn looks_like_ours(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let edge = text.lines().filter(|l| !l.starts_with([' ', '\t', '#', '-']));
    let bare = |word: &str| word.trim_matches(|c: char| c.is_whitespace() || "\"'{},".contains(c)).to_string();
    edge.flat_map(|l| l.split(',')).filter_map(|part| part.split_once(':')).any(|(key, value)| {
        let (key, value) = (bare(key), bare(value.split(" #").next().unwrap_or(value)));
        let version = value.starts_with("pilothouse.dev/");
        // Manifests of a cluster have kinds as well, which are none of ours.
        let kind = key == "kind" && (KINDS.contains(&value.as_str()) || nearest(&value, KINDS).is_some());
        version || kind
    })
}

/// What contradicts the folder a contract stands in, or that there is none in it.
pub(super) fn check(folder: &Path, loaded: &Loaded) -> Vec<Problem> {
    // The same file may have been given by another path as well.
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let root = real(folder);
    let inside = |c: &&Contract| {
        let file = Path::new(&c.origin.file);
        file.starts_with(folder) || real(file).starts_with(&root)
    };
    if !loaded.contracts.iter().any(|c| inside(&c)) {
        let message = "no Contract is in this folder, so nothing could be compared".to_string();
        let help = "contracts are in SERVICE/VERSION/service.yaml; is it the right folder?".to_string();
        return vec![Problem::of_file(&shown(folder), message, Some(help))];
    }
    loaded.contracts.iter().filter(inside).flat_map(|contract| misplaced(folder, contract)).collect()
}

/// Contracts in a folder of their service whose own folder is named like no version: whether they stand where they should
/// nobody can tell.
pub(super) fn unversioned(folder: &Path, loaded: &Loaded) -> Vec<Problem> {
    let said = |contract: &Contract| {
        let path = Path::new(&contract.origin.file).strip_prefix(folder).ok()?;
        let named = path.file_stem().is_some_and(|stem| stem == "service");
        let names: Vec<&str> = path.iter().rev().skip(1).filter_map(|n| n.to_str()).collect();
        let [version, service] = names.as_slice() else { return None };
        let fits = Version::parse(version.strip_prefix('v').unwrap_or(version)).is_ok();
        if fits || !named || *service != contract.service {
            return None;
        }
        let says = &contract.spec.version;
        let message =
            format!("spec.version: says {says}, and stands in the folder `{version}`, which names no version");
        let mut problem = at(Some(&contract.origin), "/version", message, &format!("call the folder {says}"));
        problem.severity = Severity::Warning;
        Some(problem)
    };
    loaded.contracts.iter().filter_map(said).collect()
}

/// A contract in `SERVICE/VERSION/` is of that service and version. Elsewhere it may be called anything.
fn misplaced(folder: &Path, contract: &Contract) -> Vec<Problem> {
    let path = Path::new(&contract.origin.file).strip_prefix(folder).unwrap_or(Path::new(""));
    let names: Vec<&str> = path.iter().rev().skip(1).filter_map(|n| n.to_str()).collect();
    let [version, service, ..] = names.as_slice() else { return Vec::new() };
    let Ok(stands) = Version::parse(version.strip_prefix('v').unwrap_or(version)) else { return Vec::new() };
    let mut problems = Vec::new();
    let says = Version::parse(&contract.spec.version);
    if says.is_ok_and(|says| says != stands) {
        let message = format!("spec.version: says {}, and stands in the folder of {stands}", contract.spec.version);
        problems.push(at(Some(&contract.origin), "/version", message, "write the folder's version, or move the file"));
    }
    if contract.service != *service {
        let message = format!("metadata.name: says {}, and stands in the folder of {service}", contract.service);
        let (line, column) = contract.origin.name;
        let help = Some("write the folder's name, or move the file".into());
        problems.push(Problem::of_file(&contract.origin.file, message, help).at(line, column));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_document_is_one() {
        for text in [
            "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\n",
            "\u{feff}# head\napiVersion: pilothouse.dev/v1alpha1\n",
            "\"apiVersion\": \"pilothouse.dev/v1alpha1\"\n",
            "'kind': 'CompatPolicy'\n",
            "{apiVersion: pilothouse.dev/v1alpha1, kind: Contract}\n",
            "apiversion: pilothouse.dev/v1alpha1\n",
            "apiVersion: pilothous.dev/v1alpha1\nkind: CompatPolcy # accepted\n",
        ] {
            assert!(looks_like_ours(text), "{text}");
        }
        for text in [
            "openapi: 3.0.0\ninfo: {title: kind, version: '1'}\npaths: {}\n",
            "apiVersion: apps/v1\nkind: Deployment\n",
            "openapi: 3.0.0\nx-a:\n  apiVersion: pilothouse.dev/v1alpha1\n",
        ] {
            assert!(!looks_like_ours(text), "{text}");
        }
    }
}
