//! The house: what `docs/architecture.md` says of rooms is held against the code.
//!
//! Test code is free to import what it likes: rooms are about what the product is made of. Everything else is read with
//! comments and literals taken out.
#[path = "house/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Lines a file may have, tests included.
const FILE: usize = 500;
/// Lines a function may have, from `fn` to its closing brace.
const FUNCTION: usize = 60;

/// Files that are longer, and why.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/engine/run.rs", "the one description of a run's state; every other file of the room reads it"),
    ("src/cluster/preflight/tests.rs", "one namespace, and everything that can be wrong with it"),
    ("src/journal/tests.rs", "one journal: written, torn, tampered with, read back"),
    ("src/practice/fields.rs", "server-side apply's field ownership in one piece, a third of it tests"),
    ("src/metrics/prometheus/tests.rs", "one played server and every answer it can give"),
    ("tests/support/nights.rs", "runs as they stand at one instant, one function each"),
    ("tests/simulation/world.rs", "the simulated cluster, metrics and clock behind one set of ports"),
];
/// Functions that are longer, and why.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[
    ("src/cli/mod.rs", "answer", "one arm for each command"),
    ("src/engine/status/next.rs", "of_track", "one arm for each phase"),
    ("src/cluster/preflight/mod.rs", "snapshot", "one read after the other, of everything preflight looks at"),
    ("src/practice/scenario.rs", "direct", "one arm for each story"),
    ("src/practice/table.rs", "columns", "the columns an API server prints, kind by kind"),
    ("src/practice/table.rs", "cells", "the cells an API server prints, kind by kind"),
];

/// What a pure room must not name: clocks, files, network, environment, threads, and collections without an order.
const IMPURE: &[&str] = &[
    "tokio",
    "kube::",
    "reqwest",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::io",
    "std::process",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "SystemTime",
    "HashMap",
    "HashSet",
    "async",
    "await",
    "println",
    "eprintln",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Path from the top of the project, with slashes.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    found.sort();
    found.into_iter().flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(&root().join(folder)).into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs")).collect()
}

/// Files of `src/` that only tests see: declared under `#[cfg(test)]`, or below such a file.
fn test_files() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for path in rust_files("src") {
        let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        let below = if matches!(stem, "mod" | "lib") { folder.to_path_buf() } else { folder.join(stem) };
        for (name, at) in source::test_modules(&read(&path)) {
            match at {
                Some(at) => drop(found.insert(folder.join(at))),
                None => {
                    found.insert(below.join(format!("{name}.rs")));
                    found.extend(files(&below.join(&name)));
                }
            }
        }
    }
    found
}

/// The product's own code: path from the top, room, source.
fn code() -> Vec<(String, String, Source)> {
    let tests = test_files();
    let product = rust_files("src").into_iter().filter(|p| !tests.contains(p));
    product
        .map(|path| {
            let short = short(&path);
            let room = short.split('/').nth(1).unwrap().to_string();
            (short, room, Source::new(&read(&path)))
        })
        .collect()
}

/// A row of the table of rooms.
#[derive(Debug)]
struct Room {
    floor: Option<u32>,
    may_use: BTreeSet<String>,
}

/// Rows of the first table under this heading, cells trimmed of blanks and backticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = read(&root().join("docs/architecture.md"));
    let after = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`")).1;
    let rows = after.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|')).skip(2);
    let cell = |c: &str| c.replace('`', "").trim().to_string();
    rows.map(|l| l.trim_matches('|').split('|').map(cell).collect()).collect()
}

fn rooms() -> BTreeMap<String, Room> {
    let rows = table("Rooms");
    let all: BTreeSet<String> = rows.iter().map(|r| r[1].clone()).collect();
    let mut rooms = BTreeMap::new();
    for row in rows {
        let [floor, name, _, may_use] = row.as_slice() else { panic!("a row with {} cells: {row:?}", row.len()) };
        let may_use = match may_use.as_str() {
            "–" => BTreeSet::new(),
            "all" => all.clone(),
            some => some.split_whitespace().map(String::from).collect(),
        };
        rooms.insert(name.clone(), Room { floor: floor.parse().ok(), may_use });
    }
    rooms
}

/// Pure rooms, and the files of them that are not.
fn pure() -> Vec<(String, BTreeSet<String>)> {
    let except = |text: &str| text.split_whitespace().filter(|w| *w != "–").map(String::from).collect();
    table("Pure rooms").iter().map(|row| (row[0].clone(), except(&row[1]))).collect()
}

fn fail_on(problems: Vec<String>, what: &str) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}

#[test]
fn every_folder_is_a_room_and_every_room_a_folder() {
    let folders = fs::read_dir(root().join("src")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    let folders: BTreeSet<String> = folders.map(|p| p.file_name().unwrap().to_str().unwrap().to_string()).collect();
    let rooms: BTreeSet<String> = rooms().into_keys().collect();
    assert_eq!(folders, rooms, "the folders of src/ and the rooms of docs/architecture.md");
    let lib = read(&root().join("src/lib.rs"));
    for room in &rooms {
        assert!(lib.contains(&format!("\n//! - [`{room}`] ")), "the layout in lib.rs does not name {room}");
    }
}

#[test]
fn the_table_itself_is_sound() {
    let rooms = rooms();
    for (name, room) in &rooms {
        for used in &room.may_use {
            let other = rooms.get(used).unwrap_or_else(|| panic!("{name} may use {used}, which is no room"));
            let (Some(mine), Some(its)) = (room.floor, other.floor) else { continue };
            assert!(its <= mine, "{name} on floor {mine} may use {used} on floor {its}");
        }
    }
    // Rooms of one floor may use each other one way round only.
    let mut left: BTreeMap<&str, BTreeSet<&str>> = rooms
        .iter()
        .map(|(n, r)| (n.as_str(), r.may_use.iter().map(String::as_str).filter(|u| u != n).collect()))
        .collect();
    while !left.is_empty() {
        let free: Vec<&str> =
            left.iter().filter(|(_, u)| u.iter().all(|n| !left.contains_key(n))).map(|(n, _)| *n).collect();
        assert!(!free.is_empty(), "these rooms may use each other in a circle: {:?}", left.keys());
        free.iter().for_each(|n| drop(left.remove(n)));
    }
}

#[test]
fn no_room_imports_what_the_table_does_not_allow() {
    let rooms = rooms();
    let (mut problems, mut seen) = (Vec::new(), 0);
    for (path, room, source) in code() {
        let Some(allowed) = rooms.get(&room) else { continue };
        for at in source.find("crate::") {
            for name in source.names(at + "crate::".len()) {
                seen += 1;
                if name != room && !allowed.may_use.contains(&name) {
                    problems.push(format!("{path}:{}: {room} may not use `crate::{name}`", source.line(at)));
                }
            }
        }
        // `super` must not lead out of the room: that would be an import nobody sees.
        let depth = path.split('/').count() - 2 - usize::from(path.ends_with("/mod.rs"));
        for at in source.find("super::") {
            let chain = source.code[at..].split("super::").take_while(|part| part.is_empty()).count();
            if !source.code[..at].ends_with("super::") && chain > depth + source.inline_modules(at) {
                problems.push(format!("{path}:{}: `super` leads out of the room; write `crate::`", source.line(at)));
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found: this test does not read what it should");
    fail_on(problems, "imports the table of docs/architecture.md does not allow");
}

#[test]
fn pure_rooms_have_no_clock_no_world_and_no_chance() {
    let pure = pure();
    let (mut problems, mut read) = (Vec::new(), 0);
    for (path, room, source) in code() {
        let Some((_, except)) = pure.iter().find(|(name, _)| *name == room) else { continue };
        if except.iter().any(|file| path == format!("src/{room}/{file}")) {
            continue;
        }
        read += 1;
        for word in IMPURE {
            let found = source.find(word).map(|at| format!("{path}:{}: `{word}`", source.line(at)));
            problems.extend(found);
        }
        for at in source.find("std::{") {
            let names = source.names(at + "std::".len());
            for name in names.iter().filter(|n| IMPURE.contains(&format!("std::{n}").as_str())) {
                problems.push(format!("{path}:{}: `std::{name}`", source.line(at)));
            }
        }
    }
    for (room, except) in &pure {
        for file in except {
            assert!(root().join("src").join(room).join(file).is_file(), "{room} has no file {file}");
        }
    }
    assert!(read > 50, "only {read} files were read: this test does not read what it should");
    fail_on(problems, "pure rooms take time and everything else as messages");
}

#[test]
fn files_and_functions_stay_short() {
    let mut problems = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|f| rust_files(f)) {
        let (lines, path) = (read(&path).lines().count(), short(&path));
        if lines <= FILE {
            continue;
        }
        match LONG_FILES.iter().find(|(p, _)| *p == path) {
            Some((_, why)) => println!("{path}: {lines} lines: {why}"),
            None => problems.push(format!("{path}: {lines} lines; split it, or give a reason in LONG_FILES")),
        }
    }
    for (path, _, source) in code() {
        for (name, lines) in source.functions().into_iter().filter(|(_, lines)| *lines > FUNCTION) {
            match LONG_FUNCTIONS.iter().find(|(p, n, _)| *p == path && *n == name) {
                Some((_, _, why)) => println!("{path}: {name}: {lines} lines: {why}"),
                None => {
                    problems.push(format!("{path}: fn {name}: {lines} lines; split it, or say why in LONG_FUNCTIONS"))
                }
            }
        }
    }
    fail_on(problems, "too long to be read in one go");
}

#[test]
fn nothing_panics_without_saying_why_it_cannot() {
    let mut problems = Vec::new();
    for (path, _, source) in code() {
        for word in [".unwrap()", ".expect(", ".unwrap_err()", "panic!(", "unreachable!("] {
            for line in source.find(word).map(|at| source.line(at)) {
                if !source.is_commented(line) {
                    problems.push(format!("{path}:{line}: `{word}` without a comment that proves it"));
                }
            }
        }
        for word in ["todo!", "unimplemented!", "dbg!"] {
            problems.extend(source.find(word).map(|at| format!("{path}:{}: `{word}`", source.line(at))));
        }
    }
    fail_on(problems, "a person on call must not see a panic");
}

#[test]
fn the_project_speaks_only_of_itself() {
    // In pieces, so that this file does not hold them.
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("../sha", "red"),
        concat!("issues", " show"),
        concat!("se", "eds/"),
        concat!("/hom", "e/"),
    ];
    let folders = ["src", "tests", "benches", "docs", "examples", "keymaps", "themes", "presets", "scripts", ".ci"];
    let top = ["README.md", "Cargo.toml"].map(|f| root().join(f));
    let (mut problems, mut read) = (Vec::new(), 0);
    for path in folders.iter().flat_map(|f| files(&root().join(f))).chain(top) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        read += 1;
        for (n, line) in text.lines().enumerate() {
            let found = words.iter().filter(|w| line.contains(**w));
            problems.extend(found.map(|w| format!("{}:{}: `{w}`", short(&path), n + 1)));
        }
    }
    assert!(read > 200, "only {read} files were read");
    fail_on(problems, "paths of somebody's machine");
}

#[test]
fn the_reader_of_source_knows_code_from_the_rest() {
    let text = "use crate::{a::B, c};\n// crate::d\nfn f<'a>() -> &'a str { \"crate::e\" }\nlet x = '\"'; r#\"tokio\"#;\n\
                #[cfg(test)]\nmod tests { use crate::g; }\nmod m {\n    use super::super::h; // why\n}\n";
    let source = Source::new(text);
    let found: Vec<String> = source.find("crate::").flat_map(|at| source.names(at + 7)).collect();
    assert_eq!(found, ["a", "c"]);
    assert_eq!((source.find("tokio").count(), source.find("str").count()), (0, 1));
    assert_eq!(source.functions(), [("f".to_string(), 1)]);
    let at = source.find("super::").next().unwrap();
    assert_eq!(
        (source.line(at), source.inline_modules(at), source.is_commented(8), source.is_commented(4)),
        (8, 1, true, false)
    );
    assert_eq!(
        source::test_modules("#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;\n"),
        [("tests".into(), Some("x_tests.rs".into()))]
    );
}
