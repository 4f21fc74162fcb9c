//! What a run says of itself: word, sentence, what comes next, whom it asks.
mod support;

use pilothouse::engine::command::Verb;
use pilothouse::engine::run::*;
use pilothouse::engine::status::{Status, Word, state_text, status};
use pilothouse::engine::{Phase, Run};
use pilothouse::spec::units::{Dur, Time};
use support::nights::{self, NOW};

fn of(run: &Run) -> Status {
    status(run, NOW, &|t: Time| t.utc().format("%H:%M:%SZ").to_string())
}

fn state(run: &Run, service: &str) -> String {
    state_text(run, run.track(service).unwrap(), NOW)
}

#[test]
fn a_bad_gate_within_its_dwell_reads_held_everywhere() {
    let run = nights::over();
    let s = of(&run);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert_eq!(
        s.sentence,
        "billing held at 25%: error rate 1.31% > 1.00% for 0:48 of 2:00. Rollback in 1:12 by itself."
    );
    assert_eq!(state(&run, "billing"), "HELD 0:48");
    assert!(s.next.recovers && s.next.text == "billing 50%" && s.next.condition == "5:00 clean", "{:?}", s.next);
    assert_eq!(s.next.at, Some(NOW + Dur::mins(5)), "a bad tick restarts the hold");
}

#[test]
fn at_100_percent_a_service_soaks_and_counts_as_done() {
    let run = nights::safe();
    let s = of(&run);
    assert_eq!(s.done, (5, 9));
    assert_eq!((s.word, s.blast_radius), (Word::Move, 25));
    assert_eq!((state(&run, "auth").as_str(), state(&run, "ledger").as_str()), ("soaked", "soaking 22m"));
    assert_eq!(state(&run, "orders"), "waits");
    assert_eq!(s.next.at, Some(NOW + Dur::secs(192)), "what was clean counts");
    assert!(s.ask.is_none());
}

#[test]
fn the_worst_word_wins() {
    let words = |run: &Run| of(run).word;
    let mut run = nights::over();
    assert_eq!(words(&run), Word::Held);
    run.tracks.get_mut("ledger").unwrap().phase = Phase::RollingBack(nights::rollback(RollbackStage::Lower));
    assert_eq!((words(&run), of(&run).service.as_deref()), (Word::Roll, Some("ledger")));
    run.cluster.down = Some((NOW - Dur::secs(5), "refused".into()));
    assert_eq!(words(&run), Word::Lost);
    run.cluster.down = None;
    run.driving = Driving::Lost { why: "lease not renewed".into(), since: NOW - Dur::secs(16) };
    assert_eq!(words(&run), Word::Lost);
    assert!(of(&run).sentence.contains("Nothing is written"), "{}", of(&run).sentence);

    let mut run = nights::safe();
    run.tracks.get_mut("billing").unwrap().fault = Some(Fault {
        action: "scale".into(),
        text: "timed out".into(),
        attempts: 2,
        retry_at: NOW + Dur::secs(4),
        since: NOW,
    });
    assert_eq!(words(&run), Word::Warn);
    assert!(of(&run).sentence.contains("Next try in 0:04"), "{}", of(&run).sentence);
    assert_eq!(words(&nights::done()), Word::Done);
    assert_eq!(words(&nights::ready()), Word::Ok);
    assert_eq!(words(&nights::begun()), Word::Ok);
}

#[test]
fn every_way_a_run_ends_has_its_word() {
    use Outcome::*;
    for (outcome, word, says) in [
        (Succeeded, Word::Done, "succeeded"),
        (RolledBack, Word::Done, "old is healthy"),
        (Partial, Word::Done, "partial"),
        (Aborted, Word::Done, "nothing was applied"),
        (Blocked, Word::Warn, "blocked"),
        (RollbackBlocked, Word::Roll, "given up"),
        (LeftSplit, Word::Warn, "billing 25%"),
        (Lost, Word::Lost, "lost"),
        (SteppedDown, Word::Lost, "another driver"),
    ] {
        let mut run = nights::safe();
        run.stage = Stage::Ended(outcome);
        let s = of(&run);
        assert_eq!(s.word, word, "{outcome:?}");
        assert!(s.sentence.contains(says), "{outcome:?}: {}", s.sentence);
        assert_eq!(s.next.at, None);
    }
}

#[test]
fn pauses_name_the_person_and_hide_no_promise() {
    let mut run = nights::paused();
    let s = of(&run);
    assert_eq!(s.word, Word::Held);
    assert!(s.sentence.contains("by mara (waiting for the payment team) for 1:35"), "{}", s.sentence);
    assert_eq!((s.next.at, s.next.condition.as_str()), (None, "when somebody resumes"));
    assert_eq!(state(&run, "billing"), "paused");
    run.paused_all = Some(Paused { by: "ivo".into(), reason: String::new(), since: NOW - Dur::secs(3) });
    assert_eq!(state(&run, "orders"), "paused");
}

#[test]
fn a_question_says_what_answers_it_and_when_it_answers_itself() {
    let s = of(&nights::asks());
    let ask = s.ask.unwrap();
    assert_eq!(ask.answers, [Verb::Keep, Verb::Abort]);
    assert_eq!(ask.deadline, Some(NOW + Dur::secs(252)));
    assert!(s.sentence.contains("Rolls back in 4:12 unless somebody says keep"), "{}", s.sentence);
    assert_eq!(of(&nights::ready()).ask.unwrap().answers, [Verb::Start]);
    let mut ended = nights::asks();
    ended.stage = Stage::Ended(Outcome::Partial);
    assert!(of(&ended).ask.is_none(), "an ended run asks nothing");
}

#[test]
fn too_few_requests_say_when_there_will_be_enough() {
    // 60 requests in 2:58 since the route was accepted: 300 after 14:50.
    let s = of(&nights::too_few());
    assert!(s.sentence.contains("Enough at 02:23:50Z at current traffic"), "{}", s.sentence);
}

#[test]
fn a_rollback_says_where_it_is_and_what_stays() {
    let run = nights::rolling_back();
    assert_eq!(
        of(&run).sentence,
        "billing goes back to 4.1.8: error rate 1.31% > 1.00% for 2:00. Writing 0% now, from 25%. 25% still new."
    );
    assert_eq!(state(&run, "billing"), "ROLL 25%");
    let run = nights::verifying();
    assert!(of(&run).sentence.contains("watched for 1:10 more"), "{}", of(&run).sentence);
    assert_eq!((of(&run).blast_radius, state(&run, "billing").as_str()), (0, "verify 1:10"));
    let blocked = nights::rollback_blocked();
    assert!(of(&blocked).sentence.contains("kubectl -n shop patch"), "{}", of(&blocked).sentence);
    assert_eq!(state(&blocked, "billing"), "BLOCKED");
}

/// A countdown moves between ticks, by at most one grid, so that it never promises an earlier deadline than there is.
#[test]
fn a_dwell_counts_on_between_ticks_but_not_beyond_the_next() {
    let run = nights::over();
    let at = |ago: i64| status(&run, Time(NOW.0 + ago * 1000), &|_| String::new()).sentence;
    assert!(at(5).contains("0:53 of 2:00"), "{}", at(5));
    assert!(at(60).contains("0:56 of 2:00"), "no tick, no dwell: {}", at(60));
}
