//! What is written is read back; what is changed is found; what breaks off is taken up.
pub(crate) mod disk;

use std::io;

use proptest::prelude::*;

use super::entry::Entry;
use super::show::{Format, show_in};
use super::testing::{at, call, command, done, event, run, tick};
use super::verify::verify_in;
use super::*;
use crate::engine::command::Verb;
use crate::engine::effect::EventKind;
use crate::engine::message::{Body, Message};
use crate::engine::run::{Outcome, Run, Stage};

/// One raise of one service: tick, intent, result. Returns what the driver would see.
fn raise(journal: &mut Journal, run: &mut Run, seconds: i64, key: u64) -> Result<(), JournalError> {
    journal.hear(&tick(run, seconds));
    run.next_key = key + 1;
    let text = format!("raised to {key} %");
    journal.commit(
        &[
            Entry::Event(event(seconds, EventKind::Step, Some("billing"), &text)),
            Entry::Intent(call(key, "billing", 10)),
        ],
        run,
    )?;
    journal.hear(&tick(run, seconds + 1));
    journal.commit(&[Entry::Result(done(key))], run)
}

/// A short night in memory.
fn night() -> (MemoryStore, Run) {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    journal.hear(&tick(&mut run, 0));
    journal.commit(&[Entry::Command(command(Verb::Pause, "look\u{202e} at\nthis"))], &run).unwrap();
    for key in 1..4 {
        raise(&mut journal, &mut run, 10 * key as i64, key).unwrap();
    }
    run.stage = Stage::Ended(Outcome::Succeeded);
    run.ended = Some(at(60));
    journal.hear(&tick(&mut run, 60));
    journal.commit(&[], &run).unwrap();
    (store, run)
}

fn kinds(store: &MemoryStore) -> Vec<String> {
    let bytes = store.bytes(FileName::Audit);
    chain::audit(&chain::lines(&bytes).whole).records.into_iter().map(|r| r.kind).collect()
}

#[test]
fn what_is_written_verifies_and_reads() {
    let (store, _) = night();
    let found = verify_in(&store, "7f3a").unwrap();
    assert_eq!(found.problems, []);
    assert_eq!((found.exit_code(), found.torn, found.messages), (0, false, 8));
    let kinds = kinds(&store);
    assert_eq!(kinds[..4], ["header", "facts", "command", "event"]);
    assert_eq!(kinds[kinds.len() - 2..], ["end", "checkpoint"]);
    let text = show_in(&store, "7f3a", Format::Text, chrono_tz::Europe::Berlin).unwrap();
    assert!(text.contains("2026-11-22 03:00:10   engine  step        billing  raised to 1 %"), "{text}");
    assert!(text.contains("pause \"look at this\""), "{text}");
    assert!(text.contains("set-weight expect 0 next 10: step to 10 %"), "{text}");
    assert!(text.trim_end().ends_with("run ended"), "{text}");
    let csv = show_in(&store, "7f3a", Format::Csv, chrono_tz::UTC).unwrap();
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.contains("billing,4.1.8,4.2.1,mara,none,not asked,"), "{csv}");
    let lines = show_in(&store, "7f3a", Format::JsonLines, chrono_tz::UTC).unwrap();
    assert_eq!(lines.as_bytes(), store.bytes(FileName::Audit));
}

/// Who accepts a finding makes another plan of it, and that is the one the run begins with.
#[test]
fn the_plan_in_force_is_told_and_not_the_first() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    let first = run.plan_hash.clone();
    let said = |hash: &str| format!("contracts read again: nothing bars the start; plan sha256 {hash}");
    let now = "a".repeat(60) + "beef";
    run.plan_hash = now.clone();
    let mut ours = event(1, EventKind::Run, None, &said(&now));
    ours.who = "engine".into();
    // A person may say the same of another.
    let mut theirs = event(2, EventKind::Command, None, &said(&"f".repeat(64)));
    theirs.who = "ivo".into();
    journal.commit(&[Entry::Event(ours), Entry::Event(theirs)], &run).unwrap();
    let text = show_in(&store, "7f3a", Format::Text, chrono_tz::UTC).unwrap();
    let short = format!("{}..{}", &first[..4], &first[60..]);
    assert!(
        text.contains(&format!("plan aaaa..beef (with what was accepted; {short} when the journal began)")),
        "{text}"
    );
    let csv = show_in(&store, "7f3a", Format::Csv, chrono_tz::UTC).unwrap();
    assert!(csv.contains(&now) && !csv.contains(&first), "{csv}");
}

#[test]
fn a_decision_names_the_messages_it_rests_on() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    for key in 1..4 {
        raise(&mut journal, &mut run, 10 * key as i64, key).unwrap();
        let (audit, inbox) = (store.bytes(FileName::Audit), store.bytes(FileName::Inbox));
        let newest = chain::inbox(&chain::lines(&inbox).whole).records.pop().unwrap();
        let records = chain::audit(&chain::lines(&audit).whole).records;
        assert_eq!(records.last().unwrap().inbox.as_ref(), Some(&newest.digest));
        assert_eq!(newest.messages().unwrap()[0].seq, run.seq);
    }
}

#[test]
fn secrets_absent() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    let mut message = tick(&mut run, 1);
    message.body = Body::Preflight(run.preflight.clone().unwrap());
    journal.hear(&message);
    let text = "GET https://ann:s3cret@prom/ with Authorization: Bearer eyJhbGciOiJIUzI1NiJ9 failed";
    journal.commit(&[Entry::Event(event(1, EventKind::Fault, None, text))], &run).unwrap();
    let audit = String::from_utf8(store.bytes(FileName::Audit)).unwrap();
    let inbox = chain::inbox(&chain::lines(&store.bytes(FileName::Inbox)).whole).records[0].values().unwrap();
    let all = audit + &serde_json::to_string(&inbox).unwrap();
    for secret in ["hunter2", "s3cret", "eyJhbGci"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(all.contains("c0ffee00"), "the preflight report is in the inbox");
}

/// Who looks on reads what is new, however long the night was.
#[test]
fn looking_on_takes_in_the_newest_messages_only() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    for second in 1..=20 {
        journal.hear(&tick(&mut run, second));
        journal.tick().unwrap();
    }
    let bytes = store.bytes(FileName::Inbox);
    let lines = chain::lines(&bytes).whole;
    let seqs = |seen| resume::newer_than(&lines, seen).iter().map(|r| r.last).collect::<Vec<_>>();
    assert_eq!(seqs(18), [19, 20]);
    assert_eq!(seqs(20), Vec::<u64>::new());
    assert_eq!(seqs(0).len(), 20);
}

#[test]
fn resume_goes_on_from_the_last_commit() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    // Announced, saved, and the process dies before the result; then a message that no snapshot has taken in.
    journal.commit(&[Entry::Intent(call(2, "ledger", 10))], &run).unwrap();
    let saved = run.clone();
    let pause = Message { body: Body::Command(command(Verb::Pause, "")), ..tick(&mut run, 20) };
    journal.hear(&pause);
    journal.tick().unwrap();
    drop(journal);
    let (mut journal, snapshot) = Journal::resume_in(Box::new(store.clone()), "7f3a").unwrap();
    assert_eq!(snapshot.run, Run { next_key: 3, ..saved });
    assert_eq!(snapshot.open_intents, [call(2, "ledger", 10)]);
    assert_eq!(snapshot.unseen, [pause]);
    assert_eq!((snapshot.next_seq, snapshot.notes.len()), (4, 0));
    let mut run = snapshot.run;
    tick(&mut run, 30);
    journal.commit(&[Entry::Result(done(2))], &run).unwrap();
    assert_eq!(kinds(&store)[6..], ["resume", "result"]);
    assert_eq!(verify_in(&store, "7f3a").unwrap().problems, []);
    let service = chain::audit(&chain::lines(&store.bytes(FileName::Audit)).whole).records[7].service.clone();
    assert_eq!(service.as_deref(), Some("ledger"), "a result names the service of its intent, also over a resume");
}

/// A process that dies after any number of bytes of its last writes leaves a run that is taken up, with its chain whole,
/// and in which every effect that may have been executed has its intent.
#[test]
fn a_death_at_any_byte_is_survived() {
    let start = || {
        let (store, mut run) = (MemoryStore::default(), run());
        let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
        raise(&mut journal, &mut run, 10, 1).unwrap();
        (store, journal, run)
    };
    let (store, mut journal, mut r) = start();
    let size =
        |s: &MemoryStore| -> usize { [FileName::Audit, FileName::Inbox].iter().map(|f| s.bytes(*f).len()).sum() };
    let before = size(&store);
    raise(&mut journal, &mut r, 20, 2).unwrap();
    let most = (size(&store) - before + 2 * store.bytes(FileName::Snapshot).len()) as u64;
    let (mut torn, mut whole) = (0, 0);
    // Every third byte of the appended files; of the snapshots, which are replaced whole, every 151st.
    let deaths = (0..1500).step_by(3).chain((1500..most + 200).step_by(151));
    for budget in deaths {
        let (store, mut journal, mut run) = start();
        store.die_after(Some(budget));
        let outcome = raise(&mut journal, &mut run, 20, 2);
        drop(journal);
        store.die_after(None);
        let looked = verify_in(&store, "7f3a").unwrap();
        assert_eq!(looked.problems, [], "after {budget} bytes");
        let (mut journal, snapshot) = Journal::resume_in(Box::new(store.clone()), "7f3a").unwrap();
        assert_eq!(looked.torn, !snapshot.notes.is_empty());
        torn += u32::from(looked.torn);
        whole += u32::from(outcome.is_ok());
        if let Err(e) = &outcome {
            assert!(e.to_string().contains("No new raise"), "{e}");
        }
        let mut run = snapshot.run;
        let key = run.next_key;
        tick(&mut run, 30);
        journal.commit(&[Entry::Intent(call(key, "ledger", 10))], &run).unwrap();
        assert_eq!(verify_in(&store, "7f3a").unwrap().problems, [], "after resume from {budget} bytes");
    }
    assert!(torn > 150 && whole > 0, "{torn} torn, {whole} whole");
}

/// Somebody who opens a hole in the middle, or an end, is found out.
#[test]
fn cut_swapped_and_rehashed_records_are_found() {
    let (store, _) = night();
    let whole = store.bytes(FileName::Audit);
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    let check = |lines: &[&[u8]]| {
        store.tamper(FileName::Audit, lines.concat());
        verify_in(&store, "7f3a").unwrap()
    };
    assert!(check(&lines).sound());
    for cut in 0..lines.len() - 1 {
        let mut left = lines.clone();
        left.remove(cut);
        assert!(!check(&left).sound(), "record {} cut out", cut + 1);
        let mut swapped = lines.clone();
        swapped.swap(cut, cut + 1);
        assert!(!check(&swapped).sound(), "records {} and {} swapped", cut + 1, cut + 2);
    }
    // The snapshot of a run that ended was saved after its end; and should it be gone, the durations tell of it.
    for kept in [lines.len() - 1, lines.len() - 2] {
        assert_eq!(check(&lines[..kept]).problems[0].what, "the file ends too early", "{kept} kept");
    }
    let ended_early = check(&lines[..5]);
    assert_eq!(ended_early.problems[0].what, "the file ends too early");
    // The same record in another spelling has the same hash, and is not what was written.
    let spaced = String::from_utf8(whole.clone()).unwrap().replacen("{\"at\"", "{ \"at\"", 1).into_bytes();
    store.tamper(FileName::Audit, spaced);
    let respelled = verify_in(&store, "7f3a").unwrap();
    assert!(respelled.problems[0].what.contains("not in canonical form"), "{respelled:?}");
    // A record that is hashed anew breaks the link of the next.
    let mut record = Record::read(lines[3].trim_ascii_end()).unwrap();
    record.who = "nobody".into();
    record.hash = record.computed_hash();
    let forged = record.line() + "\n";
    let mut left = lines.clone();
    left[3] = forged.as_bytes();
    assert_eq!(check(&left).problems[0].record, 5);
    assert_eq!(check(&left).exit_code(), 2);
}

#[test]
fn an_end_that_was_cut_off_is_missed() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    let (audit, snapshot) = (store.bytes(FileName::Audit), store.bytes(FileName::Snapshot));
    run.stage = Stage::Ended(Outcome::Succeeded);
    run.ended = Some(at(60));
    journal.commit(&[], &run).unwrap();
    journal.commit(&[], &run).unwrap();
    assert_eq!(kinds(&store)[kinds(&store).len() - 3..], ["result", "end", "checkpoint"], "the end is told once");
    assert_eq!(verify_in(&store, "7f3a").unwrap().problems, []);
    store.tamper(FileName::Audit, audit);
    store.tamper(FileName::Snapshot, snapshot);
    let found = verify_in(&store, "7f3a").unwrap().problems;
    assert!(found.len() == 1 && found[0].what.starts_with("durations.json says the run ended"), "{found:?}");
}

#[test]
fn a_changed_inbox_is_found() {
    let (store, _) = night();
    let whole = store.bytes(FileName::Inbox);
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    for cut in 0..lines.len() - 1 {
        let mut left = lines.clone();
        left.remove(cut);
        store.tamper(FileName::Inbox, left.concat());
        assert!(!verify_in(&store, "7f3a").unwrap().sound(), "inbox record {}", cut + 1);
        assert!(Journal::resume_in(Box::new(store.clone()), "7f3a").is_err());
    }
    // The whole chain made anew with other content: only the audit file's digests know.
    let mut message = tick(&mut run(), 5);
    message.seq = 1;
    let mut buffer = inbox::Buffer::default();
    buffer.hear(&message);
    let forged = buffer.record(1, 0, entry::NO_HASH).unwrap().line() + "\n";
    store.tamper(FileName::Inbox, forged.into_bytes());
    let found = verify_in(&store, "7f3a").unwrap();
    assert!(found.problems[0].what.contains("not in the inbox"), "{found:?}");
}

/// One loss is one problem, however much follows; and what follows is looked at all the same.
#[test]
fn what_was_cut_out_is_told_once_and_the_rest_is_checked() {
    let (store, _) = night();
    for (file, of) in [(FileName::Audit, ""), (FileName::Inbox, "inbox: ")] {
        let whole = store.bytes(file);
        let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
        let changed = MemoryStore::default();
        for other in [FileName::Audit, FileName::Inbox, FileName::Snapshot, FileName::Plan] {
            changed.tamper(other, store.bytes(other));
        }
        let check = |lines: &[&[u8]]| {
            changed.tamper(file, lines.concat());
            verify_in(&changed, "7f3a").unwrap()
        };
        // The third is no write's intent, nor does a decision rest on it alone.
        let mut left = lines.clone();
        left.remove(2);
        let found = check(&left);
        let links: Vec<_> = found.problems.iter().filter(|p| p.what.starts_with(&format!("{of}it does not"))).collect();
        assert_eq!(links.len(), 1, "{found:#?}");
        assert_eq!((links[0].record, links[0].what.ends_with("record 3 is missing")), (4, true), "{links:?}");
        let breaks = if of.is_empty() { &found.breaks } else { &found.inbox_breaks };
        assert_eq!((breaks.at.as_slice(), breaks.untied), (&[4][..], lines.len() as u64 - 3));
        // Its number, its digest, its messages: nothing more is said of what only follows.
        assert!(found.problems.len() <= 2, "{:#?}", found.problems);
        // A change behind the break is found with the number it has.
        let last = String::from_utf8(lines[lines.len() - 1].to_vec()).unwrap();
        let forged = last.replacen("\"who\":\"", "\"who\":\"x", 1).replacen("\"count\":", "\"count\":1", 1);
        let at = left.len() - 1;
        left[at] = forged.as_bytes();
        let found = check(&left);
        let own = found.problems.iter().find(|p| p.what.contains("is not that of its content")).unwrap();
        assert_eq!(own.record, lines.len() as u64, "{found:#?}");
    }
}

/// Somebody verifies while the run is driven: what is written between two reads must not look like damage.
#[test]
fn a_live_run_verifies() {
    struct Live {
        store: MemoryStore,
        driver: std::sync::Mutex<(Journal, Run, u64)>,
    }
    impl Store for Live {
        fn read(&self, file: FileName) -> io::Result<Option<Vec<u8>>> {
            let bytes = self.store.read(file);
            let (journal, run, key) = &mut *self.driver.lock().unwrap();
            *key += 1;
            raise(journal, run, 10 * *key as i64, *key).unwrap();
            bytes
        }
        fn append(&mut self, _: FileName, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
        fn replace(&mut self, _: FileName, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
        fn set_aside(&mut self, _: FileName, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
        fn place(&self) -> String {
            self.store.place()
        }
    }
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    let live = Live { store, driver: std::sync::Mutex::new((journal, run, 1)) };
    assert_eq!(verify_in(&live, "7f3a").unwrap().problems, []);
}

#[test]
fn a_message_that_was_never_heard_is_missed() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    journal.hear(&tick(&mut run, 1));
    journal.commit(&[], &run).unwrap();
    tick(&mut run, 2);
    journal.hear(&tick(&mut run, 3));
    journal.commit(&[], &run).unwrap();
    let found = verify_in(&store, "7f3a").unwrap().problems;
    assert_eq!(found[0].expected, "1 messages from 2", "{found:?}");
}

#[test]
fn results_need_intents_and_nothing_follows_the_end() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    tick(&mut run, 1);
    journal
        .commit(
            &[Entry::Result(done(9)), Entry::Intent(call(1, "billing", 5)), Entry::Intent(call(1, "billing", 5))],
            &run,
        )
        .unwrap();
    run.stage = Stage::Ended(Outcome::Aborted);
    journal.commit(&[], &run).unwrap();
    journal.commit(&[Entry::Intent(call(2, "billing", 5))], &run).unwrap();
    let what: Vec<String> = verify_in(&store, "7f3a").unwrap().problems.into_iter().map(|p| p.what).collect();
    assert_eq!(
        what,
        ["a result without an intent", "an intent's key was used before", "an intent after the run ended"]
    );
}

#[test]
fn an_outage_leaves_a_gap_record_and_loses_nothing_it_can_keep() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    store.refuse(Some(io::ErrorKind::StorageFull));
    let error = raise(&mut journal, &mut run, 20, 2).unwrap_err().to_string();
    assert!(error.contains("7f3a") && error.contains("No new raise") && error.contains("space"), "{error}");
    assert!(journal.tick().is_err() && journal.outage().is_some());
    store.refuse(None);
    journal.hear(&tick(&mut run, 50));
    journal.tick().unwrap();
    assert!(journal.outage().is_none());
    raise(&mut journal, &mut run, 60, 3).unwrap();
    assert_eq!(kinds(&store)[5..], ["gap", "event", "intent", "event", "intent", "result"]);
    let found = verify_in(&store, "7f3a").unwrap();
    assert_eq!(found.problems, []);
    assert!(found.cannot_prove.iter().any(|c| c.contains("2 records are late")), "{:?}", found.cannot_prove);
    assert_eq!(found.messages, run.seq, "messages waited in memory");
}

#[test]
fn a_write_that_stopped_half_way_is_done_anew() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    raise(&mut journal, &mut run, 10, 1).unwrap();
    store.die_after(Some(700));
    assert!(raise(&mut journal, &mut run, 20, 2).is_err());
    assert!(verify_in(&store, "7f3a").unwrap().torn);
    store.die_after(None);
    raise(&mut journal, &mut run, 30, 3).unwrap();
    let found = verify_in(&store, "7f3a").unwrap();
    assert_eq!((found.problems, found.torn), (vec![], false));
}

#[test]
fn a_long_outage_is_bounded_and_counted() {
    let (store, mut run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    store.refuse(Some(io::ErrorKind::PermissionDenied));
    let many: Vec<Entry> = (0..1500).map(|n| Entry::Event(event(n, EventKind::Fault, None, "x"))).collect();
    assert!(journal.commit(&many, &run).is_err());
    assert!(journal.commit(&many, &run).is_err());
    store.refuse(None);
    tick(&mut run, 9000);
    journal.commit(&[], &run).unwrap();
    let bytes = store.bytes(FileName::Audit);
    let records = chain::audit(&chain::lines(&bytes).whole).records;
    let gap = records.iter().find(|r| r.kind == "gap").unwrap();
    // 2000 are kept: the facts record and 1999 events; 1001 are not.
    assert_eq!((gap.body["late"].as_u64(), gap.body["lost_records"].as_u64()), (Some(2000), Some(1001)));
    assert_eq!(verify_in(&store, "7f3a").unwrap().problems, []);
}

#[test]
fn checkpoints_stand_after_each_hundred() {
    let (store, run) = (MemoryStore::default(), run());
    let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
    for n in 0..250 {
        journal.commit(&[Entry::Event(event(n, EventKind::Step, None, "x"))], &run).unwrap();
    }
    let kinds = kinds(&store);
    let places: Vec<usize> = kinds.iter().enumerate().filter(|(_, k)| *k == "checkpoint").map(|(i, _)| i + 1).collect();
    assert_eq!(places, [101, 201]);
    assert_eq!(verify_in(&store, "7f3a").unwrap().problems, []);
}

#[test]
fn a_newer_journal_is_read_only() {
    let (store, _) = night();
    let snapshot = String::from_utf8(store.bytes(FileName::Snapshot)).unwrap();
    store.tamper(FileName::Snapshot, snapshot.replace("{\"schema\":1,", "{\"schema\":9,").into_bytes());
    let refused = |store: &MemoryStore| Journal::resume_in(Box::new(store.clone()), "7f3a").err().unwrap().to_string();
    let error = refused(&store);
    assert!(
        error.contains("schema 9") && error.contains("newer Pilothouse") && error.contains("audit show"),
        "{error}"
    );
    store.tamper(FileName::Snapshot, snapshot.into_bytes());
    let audit = String::from_utf8(store.bytes(FileName::Audit)).unwrap();
    store.tamper(FileName::Audit, audit.replace("\"schema\":1,", "\"schema\":2,").into_bytes());
    assert!(refused(&store).contains("schema 2"), "{}", refused(&store));
    assert!(show_in(&store, "7f3a", Format::Text, chrono_tz::UTC).unwrap().contains("set-weight"));
    // That edit broke the chain, whoever wrote the journal.
    assert_eq!(verify_in(&store, "7f3a").unwrap().exit_code(), 2);
}

#[test]
fn of_a_newer_journal_the_chain_is_checked() {
    let (store, _) = night();
    let audit = store.bytes(FileName::Audit);
    let (mut prev, mut newer) = (super::entry::NO_HASH.to_owned(), String::new());
    for mut record in chain::audit(&chain::lines(&audit).whole).records {
        if record.kind == "header" {
            record.body["schema"] = 2.into();
        }
        if record.kind == "checkpoint" {
            record.body = serde_json::json!({"sealed": true});
        }
        record.prev = prev;
        record.hash = record.computed_hash();
        newer += &(record.line() + "\n");
        prev = record.hash;
    }
    store.tamper(FileName::Audit, newer.clone().into_bytes());
    let found = verify_in(&store, "7f3a").unwrap();
    assert_eq!((found.problems.as_slice(), found.newer, found.exit_code()), (&[][..], Some(2), 0));
    let text = show_in(&store, "7f3a", Format::Text, chrono_tz::UTC).unwrap();
    assert!(text.lines().take(3).any(|l| l.starts_with("Written by a newer version (schema 2)")), "{text}");
    store.tamper(FileName::Audit, newer.replace("raised to 1 %", "raised to 2 %").into_bytes());
    assert_eq!(verify_in(&store, "7f3a").unwrap().exit_code(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// Any one byte of the audit file changed is a problem, or, at the very end, a torn line.
    #[test]
    fn chain_unbroken(place in any::<prop::sample::Index>(), bits in 1u8..=255) {
        let store = shared_night();
        let mut bytes = store.bytes(FileName::Audit);
        let place = place.index(bytes.len());
        bytes[place] ^= bits;
        let changed = MemoryStore::default();
        for file in [FileName::Inbox, FileName::Snapshot, FileName::Plan] {
            changed.tamper(file, store.bytes(file));
        }
        changed.tamper(FileName::Audit, bytes);
        let found = verify_in(&changed, "7f3a").unwrap();
        prop_assert!(!found.sound() || found.torn, "byte {} ^ {:02x}", place, bits);
        if place + 1 < store.bytes(FileName::Audit).len() {
            prop_assert!(!found.sound(), "byte {} ^ {:02x}", place, bits);
        }
    }

    /// The same for the inbox.
    #[test]
    fn inbox_unbroken(place in any::<prop::sample::Index>(), bits in 1u8..=255) {
        let store = shared_night();
        let mut bytes = store.bytes(FileName::Inbox);
        let place = place.index(bytes.len());
        bytes[place] ^= bits;
        let changed = MemoryStore::default();
        for file in [FileName::Audit, FileName::Snapshot, FileName::Plan] {
            changed.tamper(file, store.bytes(file));
        }
        changed.tamper(FileName::Inbox, bytes);
        prop_assert!(!verify_in(&changed, "7f3a").unwrap().sound(), "byte {} ^ {:02x}", place, bits);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let store = MemoryStore::default();
        for file in [FileName::Audit, FileName::Inbox, FileName::Snapshot, FileName::Plan] {
            store.tamper(file, bytes.clone());
        }
        prop_assert!(!verify_in(&store, "7f3a").unwrap().sound());
        prop_assert!(Journal::resume_in(Box::new(store.clone()), "7f3a").is_err());
        let _ = show_in(&store, "7f3a", Format::Csv, chrono_tz::UTC).unwrap();
    }
}

fn shared_night() -> &'static MemoryStore {
    static NIGHT: std::sync::OnceLock<MemoryStore> = std::sync::OnceLock::new();
    NIGHT.get_or_init(|| night().0)
}
