//! On a real disk: locks, lists, vanishing folders, full disks, golden journals.
use std::path::PathBuf;
use std::process::Command as Process;

use super::{night, raise};
use crate::engine::message::{CallOutcome, CallResult};
use crate::engine::run::{Outcome, Run, Stage};
use crate::journal::resume::Snapshot;
use crate::journal::testing::{at, run, tick};
use crate::journal::*;

/// A state folder of a test's own, removed at its end.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_second_driver_is_told_who_holds_the_run() {
    let state = Folder::new("lock");
    let mut run = run();
    let dir = RunDir::create(&state.0, "7f3a").unwrap();
    let mut journal = Journal::create(dir.clone(), Header::new(&run)).unwrap();
    tick(&mut run, 1);
    journal.commit(&[], &run).unwrap();
    let error = Journal::resume(dir.clone()).err().unwrap().to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(dir.driver().and_then(|h| h.pid), Some(std::process::id()));
    assert_eq!(Journal::read(&dir).unwrap().run, run, "looking needs no lock");
    drop(journal);
    assert_eq!(dir.driver(), None);
    let (_journal, Snapshot { run: resumed, .. }) = Journal::resume(dir).unwrap();
    assert_eq!(resumed, run);
}

#[test]
fn runs_are_listed_newest_first_and_found_by_name() {
    let state = Folder::new("list");
    assert!(RunDir::latest(&state.0).unwrap_err().to_string().contains("no run"));
    for (id, created) in [("aaaa", 10), ("bbbb", 30), ("cccc", 20)] {
        let mut run = Run { id: id.into(), created: at(created), ..run() };
        run.now.wall = at(created);
        run.tracks.get_mut("billing").unwrap().durations.push(("warming".into(), crate::spec::units::Dur::mins(5)));
        let dir = RunDir::create(&state.0, id).unwrap().unsynced();
        let mut journal = Journal::create(dir, Header::new(&run)).unwrap();
        if id != "cccc" {
            run.stage = Stage::Ended(Outcome::RolledBack);
            journal.commit(&[], &run).unwrap();
        }
    }
    let listed = RunDir::list(&state.0);
    let ids: Vec<&str> = listed.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["bbbb", "cccc", "aaaa"]);
    assert_eq!((listed[0].outcome, listed[0].by.as_str()), (Some(Outcome::RolledBack), "mara"));
    assert_eq!(listed[1].problem.as_deref(), Some("ended before its first decision"));
    assert_eq!(listed[1].upgrade, "release-2026-4");
    assert_eq!(RunDir::latest(&state.0).unwrap().id(), "bbbb");
    let error = RunDir::open(&state.0, "dddd").unwrap_err().to_string();
    assert!(error.contains("bbbb, cccc, aaaa"), "{error}");
    assert!(matches!(RunDir::create(&state.0, "aaaa"), Err(JournalError::Exists(_))));
    assert!(matches!(RunDir::open(&state.0, "../aaaa"), Err(JournalError::BadId(_))));
    assert!(matches!(Journal::resume(RunDir::open(&state.0, "cccc").unwrap()), Err(JournalError::NoSnapshot(_))));
    let past = past_durations(&state.0, "shop", "prod-eu1");
    assert_eq!(past.len(), 2);
    assert_eq!(past[0].services["billing"], [("warming".to_string(), crate::spec::units::Dur::mins(5))]);
    assert_eq!(past_durations(&state.0, "shop", "staging"), []);
    // A snapshot that was there once and is gone is something else than none that was ever written.
    let (mut journal, _) = Journal::resume(RunDir::open(&state.0, "aaaa").unwrap()).unwrap();
    let done = CallResult { key: 1, outcome: CallOutcome::Done { seen: Vec::new() } };
    journal.commit(&[Entry::Result(done)], &run()).unwrap();
    drop(journal);
    std::fs::remove_file(state.0.join("runs/aaaa/snapshot.json")).unwrap();
    assert_eq!(RunDir::list(&state.0)[2].problem.as_deref(), Some("its snapshot is gone"));
    let error = Journal::resume(RunDir::open(&state.0, "aaaa").unwrap()).err().unwrap().to_string();
    assert!(error.contains("snapshot.json is gone, and its audit file tells of writes"), "{error}");
    let looked = Journal::read(&RunDir::open(&state.0, "aaaa").unwrap()).err().unwrap().to_string();
    assert_eq!(looked, error, "also for who only looks");
}

#[test]
fn a_folder_that_vanishes_is_noticed_and_its_return_too() {
    let state = Folder::new("vanish");
    let mut run = run();
    let dir = RunDir::create(&state.0, "7f3a").unwrap();
    let mut journal = Journal::create(dir.clone(), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    let away = state.0.join("away");
    std::fs::rename(dir.path(), &away).unwrap();
    assert!(raise(&mut journal, &mut run, 20, 2).is_err());
    std::fs::rename(&away, dir.path()).unwrap();
    raise(&mut journal, &mut run, 30, 3).unwrap();
    drop(journal);
    let found = verify(&dir).unwrap();
    assert_eq!(found.problems, []);
    assert!(found.cannot_prove.iter().any(|c| c.contains("removed or replaced")), "{:?}", found.cannot_prove);
}

/// The half-written line of a real file goes to `.torn`, and a leftover of a half-written snapshot is not looked at.
#[test]
fn a_torn_file_on_disk_is_set_aside() {
    use std::io::Write;
    let state = Folder::new("torn");
    let mut run = run();
    let dir = RunDir::create(&state.0, "7f3a").unwrap();
    let mut journal = Journal::create(dir.clone(), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    drop(journal);
    let mut audit = std::fs::OpenOptions::new().append(true).open(dir.path().join("audit.jsonl")).unwrap();
    audit.write_all(b"{\"at\":\"2026").unwrap();
    std::fs::write(dir.path().join("snapshot.json.new"), "{\"engine\":").unwrap();
    assert!(verify(&dir).unwrap().torn);
    let (mut journal, snapshot) = Journal::resume(dir.clone()).unwrap();
    assert_eq!(snapshot.notes, ["the last line of audit.jsonl was half written; it is kept in audit.jsonl.torn"]);
    tick(&mut run, 40);
    journal.commit(&[], &run).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("audit.jsonl.torn")).unwrap(), "{\"at\":\"2026\n");
    let audit = std::fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
    assert!(audit.lines().last().unwrap().contains("\"torn\":[\"audit.jsonl\"]"), "{audit}");
    assert!(verify(&dir).unwrap().sound());
}

/// A real full disk, or as near as a process without rights of its own gets: a limit on the size of its files.
#[test]
fn a_full_disk_stops_nothing_but_the_journal() {
    let state = Folder::new("full");
    let exe = std::env::current_exe().unwrap();
    let script =
        "trap '' XFSZ; ulimit -f 24; exec \"$0\" --exact journal::tests::disk::on_a_full_disk --ignored --nocapture";
    let out = Process::new("sh").args(["-c", script]).arg(exe).env("FULL_DISK", &state.0).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("met the limit"), "{text}");
    let dir = RunDir::open(&state.0, "7f3a").unwrap();
    let found = verify(&dir).unwrap();
    // The half of a line that still fitted was taken out again.
    assert_eq!((found.problems, found.torn), (vec![], false));
    assert!(Journal::resume(dir).is_ok());
}

#[test]
#[ignore = "run by a_full_disk_stops_nothing_but_the_journal under a file size limit"]
fn on_a_full_disk() {
    let Some(state) = std::env::var_os("FULL_DISK") else { return };
    let mut run = run();
    let dir = RunDir::create(&PathBuf::from(state), "7f3a").unwrap();
    let mut journal = Journal::create(dir.clone(), Header::new(&run)).unwrap();
    let mut n = 0;
    while n < 1000 && raise(&mut journal, &mut run, 10 * (n + 1), n as u64 + 1).is_ok() {
        n += 1;
    }
    assert!(n > 3 && n < 1000, "{n}");
    println!("met the limit after {n} raises");
    assert!(raise(&mut journal, &mut run, 90_000, 5000).is_err());
}

// Golden journals.

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal-v1")
}

/// Every journal of a released schema is still checked, shown and taken up.
#[test]
fn golden_journals_still_work() {
    let state = Folder::new("golden");
    let dir = RunDir::create(&state.0, "7f3a").unwrap();
    for file in ["audit.jsonl", "inbox.jsonl", "snapshot.json", "plan.json", "durations.json"] {
        std::fs::copy(golden().join("runs/7f3a").join(file), dir.path().join(file)).unwrap();
    }
    let found = verify(&dir).unwrap();
    assert_eq!((found.problems, found.records, found.messages), (vec![], 14, 8));
    let (mut journal, snapshot) = Journal::resume(dir.clone()).unwrap();
    assert_eq!(snapshot.run.plan.hash(), snapshot.run.plan_hash);
    journal.commit(&[], &snapshot.run).unwrap();
    assert_eq!(verify(&dir).unwrap().problems, []);
}

/// Writes the golden journal anew: only while its schema is not released.
#[test]
#[ignore = "writes into tests/golden"]
fn regenerate_golden_journal() {
    let (store, _) = night();
    let to = golden().join("runs/7f3a");
    std::fs::create_dir_all(&to).unwrap();
    for file in [FileName::Audit, FileName::Inbox, FileName::Snapshot, FileName::Plan, FileName::Durations] {
        std::fs::write(to.join(file.as_str()), store.bytes(file)).unwrap();
    }
}
