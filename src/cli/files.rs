//! The files a command is given by `-f`: files, or folders with all their `*.yaml`, `*.yml` and `*.ics`.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::spec::{MAX_FILE, Problem, Report, SourceFile};

/// Reads what `paths` name, each file once, folders in order of name. What cannot be read is a problem of its own; the
/// others are read all the same.
pub fn read(paths: &[PathBuf]) -> (Vec<SourceFile>, Vec<Problem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for path in paths {
        let members = match members(path) {
            Ok(members) => members,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for member in members {
            // The same file named twice would hold every document twice.
            if !seen.insert(fs::canonicalize(&member).unwrap_or_else(|_| member.clone())) {
                continue;
            }
            match file(&member) {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
    }
    (files, problems)
}

/// The problems as a report, each with the line it is about; what checks a text away from its file knows the place alone.
pub fn pointed(problems: Vec<Problem>) -> Report {
    let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
    let shown = |problem: Problem| {
        let read = |name: &String| file(Path::new(name)).ok().map(|f| f.text);
        let text = texts.entry(problem.file.clone()).or_insert_with_key(read);
        match text {
            Some(text) => problem.shown_in(text),
            None => problem,
        }
    };
    Report::from(problems.into_iter().map(shown).collect::<Vec<_>>())
}

/// The file itself, or the YAML and iCalendar files of a folder; folders inside it are not entered.
fn members(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let name = path.display().to_string();
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let failed = |error: std::io::Error| {
        Problem::of_file(&name, format!("the folder cannot be read: {error}"), Some("check its permissions".into()))
    };
    let mut members = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let member = entry.map_err(failed)?.path();
        let ours = member.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "ics");
        if ours && !member.is_dir() {
            members.push(member);
        }
    }
    members.sort();
    if members.is_empty() {
        let help = "name the files, or a folder that holds them directly".to_string();
        return Err(Problem::of_file(&name, "the folder holds no *.yaml, *.yml or *.ics file".into(), Some(help)));
    }
    Ok(members)
}

fn file(path: &Path) -> Result<SourceFile, Problem> {
    let name = path.display().to_string();
    // A pipe nobody writes to, or a terminal, would be waited for without end.
    if let Ok(kind) = fs::metadata(path).map(|m| m.file_type())
        && !(kind.is_file() || kind.is_fifo() && is_handed_over(path))
    {
        let message = format!("the file is {}: only regular files are read", what(kind));
        return Err(Problem::of_file(&name, message, Some("write its content to a file, and name that".into())));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "is the path right, seen from the current folder?",
            std::io::ErrorKind::PermissionDenied => "check its permissions",
            _ => "is it a regular file?",
        };
        Problem::of_file(&name, format!("the file cannot be read: {error}"), Some(help.into()))
    })?;
    if bytes.len() > MAX_FILE {
        let message = format!("the file has more than {MAX_FILE} bytes");
        return Err(Problem::of_file(&name, message, Some("is it the right file? If so, split it".into())));
    }
    let (line, column, what) = match String::from_utf8(bytes) {
        Ok(text) => match text.find('\0') {
            None => return Ok(SourceFile { name, text }),
            Some(at) => spot(&text[..at], "a NUL byte"),
        },
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            spot(&before, "a byte that is not UTF-8")
        }
    };
    let help = "is it the right file? If it is text in another encoding, save it as UTF-8".to_string();
    Err(Problem::of_file(&name, format!("the file holds {what}: it cannot be read as text"), Some(help))
        .at(line, column))
}

/// An end of a pipe that the shell opened for this process, as in `-f <(envsubst < fleet.yaml)`.
fn is_handed_over(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

fn what(kind: fs::FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "a folder",
    }
}

/// Line and column of what follows `before`, counted from 1.
fn spot(before: &str, what: &'static str) -> (u32, u32, &'static str) {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (count(line), count(column), what)
}
