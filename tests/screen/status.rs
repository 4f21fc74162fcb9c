//! What a run says of itself: word, sentence, what comes next, whom it asks. Sentences are read off seeded nights; laws
//! of precedence are tried on such a night with one thing changed.

use crate::support::nights::{self, Moment};
use pilothouse::engine::command::Verb;
use pilothouse::engine::run::*;
use pilothouse::engine::status::{BackState, STEPS, Status, Word, back_steps, matters, state_text, status};
use pilothouse::engine::{Phase, Run};
use pilothouse::spec::policy::OnExit;
use pilothouse::spec::units::{Dur, Time};

fn at(run: &Run, now: Time) -> Status {
    status(run, now, &|t: Time| t.utc().format("%H:%M:%SZ").to_string())
}

fn of(moment: &Moment) -> Status {
    at(&moment.run, moment.now)
}

fn state(moment: &Moment, service: &str) -> String {
    state_text(&moment.run, moment.run.track(service).unwrap(), moment.now)
}

#[test]
fn a_bad_gate_within_its_dwell_reads_held_everywhere() {
    let night = nights::over();
    let s = of(&night);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert_eq!(
        s.sentence,
        "billing held at 50%: error rate 3.30% > 1.00% for 0:40 of 2:00. Rollback in 1:20 by itself."
    );
    assert_eq!(state(&night, "billing"), "HELD 0:40");
    assert!(s.next.recovers && s.next.text == "billing 100%" && s.next.condition == "2:00 clean", "{:?}", s.next);
    assert_eq!(s.next.at, Some(night.now + Dur::mins(2)), "a bad tick restarts the hold");
}

#[test]
fn at_100_percent_a_service_soaks_and_counts_as_done() {
    let night = nights::safe();
    let s = of(&night);
    assert_eq!(s.done, (5, 9));
    assert_eq!((s.word, s.blast_radius), (Word::Move, 25));
    assert_eq!((state(&night, "auth").as_str(), state(&night, "ledger").as_str()), ("soaking 5m", "soaking 21m"));
    assert_eq!(state(&night, "orders"), "waits");
    assert_eq!(s.next.at, Some(night.now + Dur::mins(1)), "what was clean counts");
    assert!(s.ask.is_none());
}

#[test]
fn the_worst_word_wins() {
    let mut night = nights::over();
    let back = match &nights::draining().run.track("billing").unwrap().phase {
        Phase::RollingBack(r) => r.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&night).word, Word::Held);
    night.run.tracks.get_mut("ledger").unwrap().phase = Phase::RollingBack(back);
    assert_eq!((of(&night).word, of(&night).service.as_deref()), (Word::Roll, Some("ledger")));
    night.run.cluster.down = Some((night.now - Dur::secs(5), "refused".into()));
    assert_eq!(of(&night).word, Word::Lost);
    assert_eq!(matters(&night.run), Some("ledger"), "what matters does not vanish with the cluster");
    night.run.cluster.down = None;
    night.run.driving = Driving::Lost { why: "lease not renewed".into(), since: night.now - Dur::secs(16) };
    assert_eq!(of(&night).word, Word::Lost);
    assert!(of(&night).sentence.contains("Nothing is written"), "{}", of(&night).sentence);

    let mut night = nights::safe();
    night.run.tracks.get_mut("billing").unwrap().fault = Some(Fault {
        action: "scale".into(),
        text: "timed out".into(),
        attempts: 2,
        retry_at: night.now + Dur::secs(4),
        since: night.now,
    });
    assert_eq!(of(&night).word, Word::Warn);
    assert!(of(&night).sentence.contains("Next try in 0:04"), "{}", of(&night).sentence);
    assert_eq!(of(&nights::done()).word, Word::Done);
    assert_eq!(of(&nights::ready()).word, Word::Ok);
}

#[test]
fn every_way_a_run_ends_has_its_word() {
    use Outcome::*;
    for (outcome, word, says) in [
        (Succeeded, Word::Done, "succeeded"),
        (RolledBack, Word::Done, "No traffic on new"),
        (Partial, Word::Done, "partial"),
        (Aborted, Word::Done, "nothing was applied"),
        (Blocked, Word::Warn, "blocked"),
    ] {
        let mut night = nights::safe();
        night.run.stage = Stage::Ended(outcome);
        let s = of(&night);
        assert_eq!(s.word, word, "{outcome:?}");
        assert!(s.sentence.contains(says), "{outcome:?}: {}", s.sentence);
        assert_eq!(s.next.at, None);
    }
}

#[test]
fn every_way_a_run_is_left_says_how_it_goes_on() {
    for (came_to, word, says) in [
        (CameTo::RollbackBlocked, Word::Roll, "given up"),
        (CameTo::Lost, Word::Lost, "away for too long"),
        (CameTo::Partial, Word::Held, "soak and settle"),
        (CameTo::Fault, Word::Lost, "a fault"),
    ] {
        let mut night = nights::safe();
        let (why, since) = ("x".to_string(), night.now);
        night.run.leaving = Some(Leaving { how: OnExit::Hold, why, since, came_to: Some(came_to), takes_back: false });
        let s = of(&night);
        assert_eq!(s.word, word, "{came_to:?}");
        assert!(s.sentence.contains(says) && s.sentence.contains("pilothouse resume 7f3a"), "{}", s.sentence);
        assert!(s.sentence.contains("billing 25% new"), "{}", s.sentence);
        assert_eq!((s.next.at, s.ask), (None, None));
    }
}

#[test]
fn a_refusal_names_what_or_who_stands_in_the_way() {
    let mut night = nights::refused();
    assert!(of(&night).sentence.starts_with("blocked: 2 problems"), "{}", of(&night).sentence);
    night.run.preflight = None;
    night.run.driving = Driving::SteppedDown { holder: "mara@vm".into(), since: night.now };
    assert!(of(&night).sentence.contains("mara@vm drives this fleet already"), "{}", of(&night).sentence);
}

#[test]
fn pauses_name_the_person_and_hide_no_promise() {
    let mut night = nights::paused();
    let s = of(&night);
    assert_eq!(s.word, Word::Held);
    assert!(s.sentence.contains("by mara (waiting for the payment team) for 1:4"), "{}", s.sentence);
    assert_eq!((s.next.at, s.next.condition.as_str()), (None, "when somebody resumes"));
    assert_eq!(state(&night, "billing"), "paused");
    let since = night.now - Dur::secs(3);
    night.run.paused_all = Some(Paused { by: "ivo".into(), reason: String::new(), since });
    assert_eq!(state(&night, "orders"), "paused");
    // What else holds it does not hide the pause.
    let held = Held { reason: HoldReason::Gate, text: "over".into(), since, until: None };
    night.run.tracks.get_mut("billing").unwrap().held = Some(held);
    assert_eq!(of(&night).next.condition, "when its gates are good, and somebody resumes");
}

#[test]
fn a_question_says_what_answers_it_and_when_it_answers_itself() {
    let mut night = nights::asks();
    let s = of(&night);
    let ask = s.ask.unwrap();
    assert_eq!(ask.answers, [Verb::Keep, Verb::Abort]);
    assert_eq!(ask.deadline, Some(night.now + Dur::secs(250)));
    assert!(s.sentence.contains("Rolls back in 4:10 unless somebody says keep"), "{}", s.sentence);
    assert_eq!(of(&nights::ready()).ask.unwrap().answers, [Verb::Start]);
    night.run.stage = Stage::Ended(Outcome::Partial);
    assert!(of(&night).ask.is_none(), "an ended run asks nothing");
}

#[test]
fn missing_data_is_named_and_never_read_as_health() {
    let night = nights::stale();
    let s = of(&night);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert!(s.sentence.starts_with("billing holds at 10%: 3 gates without data (provider down)."), "{}", s.sentence);
    assert_eq!((s.next.at, s.next.condition.as_str()), (None, "when there is data"));
}

#[test]
fn too_few_requests_say_when_there_will_be_enough() {
    let night = nights::too_few();
    let track = night.run.track("billing").unwrap();
    let Phase::Shifting { hold, .. } = &track.phase else { panic!("{:?}", track.phase) };
    // In proportion to what came since the route was accepted.
    let (have, at) =
        track.gates.values().filter_map(|g| g.last.as_ref()).find_map(|e| Some((e.requests?, e.at))).unwrap();
    let elapsed = at.since(hold.accepted_at.unwrap()).0 as f64;
    let enough = hold.accepted_at.unwrap() + Dur((elapsed * 300.0 / have) as u64);
    let says = format!("Enough at {} at current traffic", enough.utc().format("%H:%M:%SZ"));
    assert!(of(&night).sentence.contains(&says), "{says}: {}", of(&night).sentence);
}

#[test]
fn a_rollback_says_where_it_is_and_what_stays() {
    let night = nights::lowering();
    assert!(of(&night).sentence.ends_with("Writing 0% now, from 50%. 50% still new."), "{}", of(&night).sentence);
    assert_eq!(state(&night, "billing"), "ROLL 50%");
    let night = nights::rolling_back();
    assert_eq!(
        of(&night).sentence,
        "billing goes back to 4.1.8: error rate 2.81% > max 1.00%, and 1 more. 0% is written; waiting until no request \
         is seen on new."
    );
    assert_eq!(state(&night, "billing"), "confirms 0%");
    let night = nights::draining();
    assert!(of(&night).sentence.contains("Draining, 0:2"), "{}", of(&night).sentence);
    assert_eq!(of(&night).next.condition, "step 3 of 5; never turns back");
    let night = nights::verifying();
    assert!(of(&night).sentence.contains("watched for 1:10 more"), "{}", of(&night).sentence);
    assert_eq!((of(&night).blast_radius, state(&night, "billing").as_str()), (0, "verify 1:10"));
}

#[test]
fn the_steps_of_a_rollback_are_done_one_after_the_other() {
    let mut before = 0;
    for night in [nights::rolling_back(), nights::draining(), nights::verifying(), nights::after()] {
        let steps = back_steps(&night.run, night.run.track("billing").unwrap(), night.now).unwrap();
        let done = steps.iter().take_while(|s| s.state == BackState::Done).count();
        assert!(done > before || (done == 1 && before == 0), "{steps:?}");
        before = done;
        let running: Vec<_> = steps.iter().skip(done).map(|s| s.state).collect();
        assert!(running.iter().skip(1).all(|s| *s == BackState::Todo), "{steps:?}");
        assert_eq!(running.first().copied(), (done < STEPS).then_some(BackState::Now));
    }
    assert_eq!(before, STEPS);
    let safe = nights::safe();
    assert!(back_steps(&safe.run, safe.run.track("billing").unwrap(), safe.now).is_none());
}

#[test]
fn after_a_rollback_the_asked_service_is_what_matters() {
    let night = nights::after();
    let s = of(&night);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert!(s.sentence.contains("went back to 4.1.8: error rate 2.81% > max 1.00%, and 1 more"), "{}", s.sentence);
    assert_eq!(s.ask.unwrap().answers, [Verb::Retry, Verb::Skip, Verb::Abort]);
    assert_eq!((s.next.text.as_str(), s.next.at), ("nothing before somebody decides about billing", None));
}

#[test]
fn a_rollback_that_needs_a_hand_gives_the_command() {
    let night = nights::blocked();
    let s = of(&night);
    assert_eq!((s.word, state(&night, "billing").as_str()), (Word::Roll, "BLOCKED"));
    assert!(
        s.sentence.contains("By hand: kubectl --context practice -n shop patch httproute billing"),
        "{}",
        s.sentence
    );
    let ask = s.ask.unwrap();
    assert!(ask.answers.is_empty() && ask.text.contains("by hand"), "{ask:?}");
    assert!(!s.next.recovers, "a rollback is nothing to recover from");
}

/// A countdown moves between ticks, by at most one grid, so that it never promises an earlier deadline than there is.
#[test]
fn a_dwell_counts_on_between_ticks_but_not_beyond_the_next() {
    let night = nights::over();
    let later = |ago: i64| at(&night.run, Time(night.now.0 + ago * 1000)).sentence;
    assert!(later(5).contains("0:45 of 2:00"), "{}", later(5));
    assert!(later(60).contains("0:50 of 2:00"), "no tick, no dwell: {}", later(60));
}
