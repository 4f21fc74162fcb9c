//! What a run looks like from outside.
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::engine::effect::EventKind;
use crate::engine::observe::Problem;
use crate::engine::run::{
    Ask, AskKind, CameTo, Driving, GateTrack, Held, Hold, HoldReason, Leaving, Outcome, Paused, Phase, Rollback,
    RollbackStage, Settling, Verified,
};
use crate::engine::window::Stay;
use crate::gate::GateState;
use crate::journal::testing::{at, event, run};
use crate::spec::fleet::GitOps;
use crate::spec::policy::{OnExit, Severity};

fn set(run: &mut Run, service: &str, phase: Phase, share: u32) {
    let track = run.tracks.get_mut(service).unwrap();
    (track.phase, track.desired, track.highest) = (phase, share, track.highest.max(share));
    // From JSON, so that it stays a route when routes get new fields.
    let route = serde_json::json!({"service": service, "uid": "u", "weights": {"stable": 100 - share, "next": share},
                                   "accepted": "yes", "owner": null, "generation": 1, "writer": null});
    track.route = Some(serde_json::from_value(route).unwrap());
}

fn shifting(step: usize, clean: u64) -> Phase {
    Phase::Shifting { step, hold: Hold { clean: Dur::secs(clean), ..Hold::default() } }
}

fn rollback(reason: &str) -> Rollback {
    Rollback {
        severity: Severity::Immediate,
        reason: reason.into(),
        by: "engine".into(),
        decided: at(100),
        stage: RollbackStage::Lower,
        from_share: 10,
        taken_out: false,
        halvings: 0,
        unfit_since: None,
        accepted_zero: None,
        quiet_scrapes: 0,
        drain_since: None,
        verified: None,
    }
}

fn leave(run: &mut Run, why: &str) {
    run.leaving =
        Some(Leaving { how: OnExit::Hold, why: why.into(), since: at(100), came_to: None, takes_back: false });
}

fn held(text: &str) -> Option<Held> {
    Some(Held { reason: HoldReason::Gate, text: text.into(), since: at(100), until: None })
}

#[test]
fn exit_codes_are_those_of_the_table() {
    for (outcome, code) in [
        (Outcome::Succeeded, 0),
        (Outcome::Blocked, 2),
        (Outcome::RolledBack, 3),
        (Outcome::Partial, 8),
        (Outcome::Aborted, 130),
    ] {
        let run = Run { stage: Stage::Ended(outcome), ..run() };
        assert_eq!(exit_code(&run), code, "{outcome:?}");
    }
    for (came_to, code, word) in [
        (CameTo::RollbackBlocked, 4, "rollback_blocked"),
        (CameTo::Lost, 6, "lost"),
        (CameTo::Fault, 7, "left_split"),
        (CameTo::Partial, 8, "partial"),
    ] {
        let mut run = run();
        set(&mut run, "ledger", shifting(1, 0), 50);
        leave(&mut run, "x");
        run.leaving.as_mut().unwrap().came_to = Some(came_to);
        assert_eq!((exit_code(&run), outcome::word(&run)), (code, word));
        let next = outcome::next(&run).join("\n");
        assert!(next.contains("`pilothouse resume 7f3a --headless`"), "all of these can be taken up: {next}");
        assert!(!outcome::sentence(&run).is_empty());
    }
    for (why, code) in [("SIGTERM", 143), ("SIGINT", 130), ("--timeout of 2h is over", 5)] {
        let mut run = Run { stage: Stage::Ended(Outcome::Aborted), ..run() };
        leave(&mut run, why);
        assert_eq!(exit_code(&run), code, "aborted by {why}");
        assert_eq!(outcome::sentence(&run).contains("--timeout ran out"), code == 5, "{why}");
        run.stage = Stage::Ready;
        assert_eq!(exit_code(&run), code, "left by {why}");
        set(&mut run, "ledger", shifting(0, 0), 10);
        assert_eq!(exit_code(&run), 7, "split, left by {why}");
    }
    let mut run = run();
    run.cluster.down = Some((at(1), "refused".into()));
    assert_eq!(exit_code(&run), 6);
    set(&mut run, "ledger", shifting(0, 0), 10);
    assert_eq!(exit_code(&run), 7, "a split is worse than a lost cluster");
    let (reason, command, since) = ("refused".into(), "kubectl patch x".into(), at(1));
    set(&mut run, "ledger", Phase::RollbackBlocked { rollback: rollback("r"), reason, command, since }, 10);
    assert_eq!(exit_code(&run), 4);
    set(&mut run, "ledger", Phase::Done, 0);
    run.cluster.down = None;
    assert_eq!(exit_code(&run), 5);
    run.driving = Driving::SteppedDown { holder: "ci".into(), since: at(1) };
    assert_eq!((exit_code(&run), outcome::word(&run)), (6, "stepped_down"), "somebody else drives it");
    run.driving = Driving::Unknown;
    // Objects of the new version stand there, without traffic.
    leave(&mut run, "SIGTERM");
    set(&mut run, "billing", Phase::Deploying, 0);
    assert_eq!(exit_code(&run), 7);
    assert!(outcome::sentence(&run).contains("under way"));
}

/// Policy: warm-up 5 min, three steps of 2 min, soak 30 min, drain 30 s; billing starts when ledger is at 100 %.
#[test]
fn a_journal_that_cannot_be_written_is_told_while_it_is_so() {
    let mut run = run();
    let back = Rollback { stage: RollbackStage::Remove, ..rollback("aborted") };
    set(&mut run, "ledger", Phase::RollingBack(back), 0);
    let mut text = Text::new(chrono_tz::UTC);
    assert!(text.tick(&run, at(600)).is_some());
    run.journal.down = Some((at(600), "no space left".into()));
    let line = text.tick(&run, at(610)).expect("something changed");
    assert!(line.contains("the journal cannot be written for 0:10"), "{line}");
    leave(&mut run, "SIGTERM");
    run.leaving.as_mut().unwrap().came_to = Some(CameTo::RollbackBlocked);
    let says = "No traffic is on a new version; -next is kept: the journal cannot be written. Nobody drives.";
    assert_eq!((exit_code(&run), outcome::sentence(&run).as_str()), (4, says));
    set(&mut run, "ledger", shifting(1, 0), 50);
    assert!(!outcome::sentence(&run).contains("No traffic"));
}

#[test]
fn no_share_is_claimed_where_no_route_was_seen() {
    let mut run = Run { stage: Stage::Ended(Outcome::Blocked), ..run() };
    set(&mut run, "billing", Phase::Waiting { needs: Vec::new() }, 0);
    run.tracks.get_mut("ledger").unwrap().route = None;
    let shown = Text::new(chrono_tz::UTC).end(&run);
    let row = |name: &str| shown.lines().find(|l| l.starts_with(name)).unwrap().to_string();
    assert!(row("ledger").contains(" - ") && !row("ledger").contains('%'), "{shown}");
    assert!(row("billing").contains(" 0 % "), "{shown}");
    let end: Value = serde_json::from_str(&JsonLines::new().end(&run)).unwrap();
    let weight =
        |name: &str| end["services"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap()["weight"].clone();
    assert_eq!((weight("ledger"), weight("billing")), (Value::Null, Value::from(0.0)));
}

#[test]
fn an_estimate_adds_what_is_left() {
    let mut run = run();
    let left = |run: &Run, seconds| eta(run, at(seconds)).map(|e| (e.full.0 / 1000, e.end.0 / 1000));
    assert_eq!(left(&run, 0), Some((22 * 60, 22 * 60 + 30 * 60 + 50)));
    set(&mut run, "ledger", Phase::Warming { ready_since: Some(at(0)) }, 0);
    assert_eq!(left(&run, 60), Some((21 * 60, 51 * 60 + 50)));
    set(&mut run, "ledger", shifting(1, 90), 50);
    assert_eq!(left(&run, 400), Some((30 + 120 + 660, 30 + 120 + 660 + 1850)));
    let window = Held { reason: HoldReason::Window, text: "outside of its window".into(), since: at(100), until: None };
    run.tracks.get_mut("ledger").unwrap().held = Some(window);
    assert_eq!(left(&run, 400), None, "nobody counts the time without a window");
    run.tracks.get_mut("ledger").unwrap().held = None;
    let stay = Stay { by: "ivo".into(), reason: "moved".into(), since: at(100), until: None };
    run.frozen = Some(stay);
    assert_eq!(left(&run, 400), None, "nor while it is frozen");
    run.frozen = None;
    let stopped = Held { reason: HoldReason::Failure, text: "one went back".into(), since: at(100), until: None };
    run.stopped = Some(stopped);
    assert_eq!(left(&run, 400), None, "what was not begun will not be");
    run.stopped = None;
    set(&mut run, "ledger", Phase::Soaked, 100);
    set(&mut run, "billing", Phase::Soaking { clean: Dur::mins(29) }, 100);
    assert_eq!(left(&run, 2000), Some((0, 110)));
    set(&mut run, "ledger", Phase::Done, 100);
    set(&mut run, "billing", Phase::Settling(Settling::CopyBack), 100);
    let billing = run.tracks.get_mut("billing").unwrap();
    billing.since = at(100);
    billing.durations.push(("deploying".into(), Dur::secs(20)));
    assert_eq!(left(&run, 110), Some((0, 60)), "its new pods, silence, and draining");
    assert_eq!(left(&run, 120), Some((0, 50)));
    assert_eq!(left(&run, 171), None, "longer than all of it takes: nobody can tell");
    set(&mut run, "billing", Phase::Settling(Settling::Drain { since: at(140) }), 100);
    run.tracks.get_mut("billing").unwrap().since = at(100);
    assert_eq!(left(&run, 150), Some((0, 20)));
    set(&mut run, "billing", Phase::RollingBack(rollback("r")), 100);
    assert_eq!(left(&run, 2000), None, "nothing goes forward while something goes back");
    run.stage = Stage::Ended(Outcome::Succeeded);
    assert_eq!(left(&run, 2000), None);
}

#[test]
fn lines_read_as_documented() {
    let mut run = run();
    let mut text = Text::new(chrono_tz::Europe::Berlin);
    let gate = event(672, EventKind::Gate, Some("billing"), "error rate 1.31% > max 1.00%, 0:48 of 2:00");
    assert_eq!(text.event(&run, &gate), "03:11:12 gate   billing  error rate 1.31% > max 1.00%, 0:48 of 2:00");
    let mut note = event(673, EventKind::Command, None, "look\u{1b}[2J\nhere");
    note.who = "mara".into();
    assert_eq!(text.event(&run, &note), "03:11:13 cmd             look[2J here (by mara)");
    set(&mut run, "ledger", Phase::Soaked, 100);
    set(&mut run, "billing", shifting(1, 48), 50);
    run.tracks.get_mut("billing").unwrap().held = held("error rate 1.31% > max 1.00%");
    let progress = text.tick(&run, at(720)).unwrap();
    let want = "03:12:00 now             1/2 at 100 %; billing 50 %, step 2 of 3, 0:48 of 2:00, HELD: error rate 1.31% > max \
                1.00%; about 3:12 to 100 %, 34:02 to the end";
    assert_eq!(progress, want);
    // The worst is named first.
    set(&mut run, "ledger", Phase::Soaking { clean: Dur::ZERO }, 100);
    let worst = text.tick(&run, at(780)).unwrap();
    let place = |name: &str| worst.find(&format!("; {name} ")).unwrap();
    assert!(place("billing") < place("ledger"), "{worst}");
}

#[test]
fn progress_is_said_every_minute_and_when_something_changed() {
    let mut run = run();
    let mut text = Text::new(chrono_tz::UTC);
    let said: Vec<i64> = (0..300)
        .filter(|s| {
            match s {
                65 => set(&mut run, "ledger", Phase::Deploying, 0),
                66 => set(&mut run, "ledger", Phase::Warming { ready_since: None }, 0),
                _ => {}
            }
            text.tick(&run, at(*s)).is_some()
        })
        .collect();
    // 66 comes too soon after 60, and then nothing changes again.
    assert_eq!(said, [0, 60, 70, 130, 190, 250]);
    run.stage = Stage::Ended(Outcome::Succeeded);
    assert_eq!(text.tick(&run, at(9999)), None);
}

#[test]
fn the_end_says_what_is_where_and_what_to_do() {
    let mut run = run();
    set(&mut run, "ledger", Phase::Done, 0);
    set(&mut run, "billing", shifting(0, 0), 10);
    run.tracks.get_mut("billing").unwrap().paused =
        Some(Paused { by: "mara".into(), reason: "look".into(), since: at(50) });
    leave(&mut run, "quit");
    (run.now.wall, run.flags) = (at(725), "--state-dir /var/lib/x".into());
    let want = "\
\nSERVICE  FROM   TO     WEIGHT  STATE     \nledger   5.2.0  5.3.0   100 %  done\nbilling  4.1.8  4.2.1    10 %  shifting  PAUSED by \
mara: look\n\nLeft before its end: traffic is split and nobody drives.\nNext: it stays so until somebody drives: billing 10 % \
new.\nNext: `pilothouse resume 7f3a --headless --state-dir /var/lib/x` goes on with it.\nRun 7f3a. Exit code 7.";
    assert_eq!(Text::new(chrono_tz::UTC).end(&run), want.replace("STATE     \n", "STATE\n"));

    set(&mut run, "billing", Phase::RolledBack { rollback: rollback("error rate 9.00% > max 1.00%") }, 0);
    run.stage = Stage::Ended(Outcome::Partial);
    let end = Text::new(chrono_tz::UTC).end(&run);
    assert!(end.contains("rolled back  error rate 9.00% > max 1.00%"), "{end}");
    assert!(end.contains("Partial: 1 service on the new version, 1 back on the old, 0 untouched."), "{end}");
}

#[test]
fn health_is_claimed_only_where_it_was_seen() {
    let mut run = Run { stage: Stage::Ended(Outcome::RolledBack), ..run() };
    for (verified, says) in [
        (Some(Verified::Healthy), "old is healthy"),
        (Some(Verified::Untouched), "old kept its traffic"),
        (Some(Verified::Unhealthy), "old is NOT healthy either"),
        (Some(Verified::NoData), "is not known: its gates have no data"),
        (Some(Verified::TooFew), "is not known: it was watched, and too few requests came"),
        (Some(Verified::NotWatched), "was not watched"),
        (None, "was not watched"),
    ] {
        let ledger = Rollback { verified: Some(Verified::Healthy), ..rollback("r") };
        set(&mut run, "ledger", Phase::RolledBack { rollback: ledger }, 0);
        set(&mut run, "billing", Phase::RolledBack { rollback: Rollback { verified, ..rollback("r") } }, 0);
        let sentence = outcome::sentence(&run);
        let says = if verified == Some(Verified::Untouched) { "old is healthy" } else { says };
        assert!(sentence.contains(says), "{verified:?}: {sentence}");
    }
}

#[test]
fn a_person_who_is_waited_for_is_named_the_question() {
    let mut run = run();
    let ask = Ask { kind: AskKind::TooFew, text: "12 of 300 requests.".into(), since: at(1), deadline: None };
    run.tracks.get_mut("ledger").unwrap().ask = Some(ask);
    leave(&mut run, "--timeout");
    let end = Text::new(chrono_tz::UTC).end(&run);
    assert!(
        end.contains("waits for a person: ledger: 12 of 300 requests.\n") && end.ends_with("Exit code 5."),
        "{end}"
    );
}

#[test]
fn what_git_has_to_say_is_printed() {
    let mut run = run();
    (run.stage, run.ended) = (Stage::Ended(Outcome::Partial), Some(at(60)));
    set(&mut run, "ledger", Phase::Done, 0);
    set(&mut run, "billing", Phase::RolledBack { rollback: rollback("r") }, 0);
    assert!(!Text::new(chrono_tz::UTC).end(&run).contains("To commit"), "no tool delivers it");
    Arc::make_mut(&mut run.plan).environment.gitops = Some(GitOps::Ignored);
    let ledger = Arc::make_mut(&mut run.plan).services.iter_mut().find(|p| p.service.name == "ledger").unwrap();
    ledger.patch = serde_json::json!({"metadata": {"labels": {"a": "b"}}}).as_object().cloned();
    let end = Text::new(chrono_tz::UTC).end(&run);
    let at = end.find("To commit").unwrap_or_else(|| panic!("{end}"));
    let from = &run.tracks["ledger"].facts.as_ref().unwrap().from_image;
    let planned = run.plan.get("ledger").unwrap();
    let workload = &planned.service.workload;
    let want = format!(
        "To commit, so that Git says what runs now:\n  deployment {}, container {}:\n  -   image: {from}\n  +   image: {}\n  \
         its pod template, merged:\n  +   metadata:\n  +     labels:\n  +       a: b\nRun ",
        workload.deployment, workload.container, planned.image
    );
    assert!(end[at..].starts_with(&want), "{end}");
    let json: Value = serde_json::from_str(&JsonLines::new().end(&run)).unwrap();
    assert_eq!(json["commit"].as_array().unwrap().len(), 1, "billing went back");
    assert_eq!((&json["commit"][0]["service"], &json["commit"][0]["from"]), (&"ledger".into(), &from.as_str().into()));
    Arc::make_mut(&mut run.plan).services.iter_mut().for_each(|p| p.service.gitops = Some(GitOps::Handover));
    assert!(!Text::new(chrono_tz::UTC).end(&run).contains("To commit"), "Git holds it no more");
}

#[test]
fn json_lines_carry_the_documented_fields() {
    let mut run = run();
    set(&mut run, "ledger", shifting(1, 48), 50);
    let mut out = JsonLines::new();
    let read = |line: String| -> Value {
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap()
    };
    let event = read(out.event(&run, &event(72, EventKind::Gate, Some("ledger"), "bad\u{202e}\n\"x\"")));
    let want = serde_json::json!({"type": "event", "schema": 1, "run": "7f3a", "at": "2026-11-22T02:01:12.000Z",
        "kind": "gate", "who": "engine", "service": "ledger", "text": "bad \"x\""});
    assert_eq!(event, want);
    let progress = read(out.tick(&run, at(80)).unwrap());
    assert_eq!((&progress["type"], &progress["eta_full_s"]), (&"progress".into(), &(72 + 120 + 660).into()));
    let ledger = serde_json::json!({"name": "ledger", "phase": "shifting", "step": 2, "steps": 3, "hold_clean_s": 48,
        "weight_desired": 50, "weight_accepted": 50.0, "held": null, "paused_by": null, "blind": false});
    assert_eq!(progress["services"][0], ledger);
    run.stage = Stage::Ended(Outcome::RolledBack);
    let end = read(out.end(&run));
    assert_eq!((&end["outcome"], &end["exit_code"]), (&"rolled_back".into(), &3.into()));
    assert_eq!(end["services"][1]["from"], "4.1.8");
}

/// From JSON, so that it stays a gate's track when these get new fields.
fn gate_track(last: Value) -> GateTrack {
    let state = serde_json::to_value(GateState::default()).unwrap();
    serde_json::from_value(serde_json::json!({"state": state, "told_lost": false, "last": last})).unwrap()
}

fn evaluated(reason: &str, fires: bool) -> GateTrack {
    let verdict = if fires { "bad" } else { "good" };
    gate_track(serde_json::json!({"at": at(1), "verdict": verdict, "acts_as": verdict, "asks": false, "reason": reason,
        "value": 0.01, "requests": null, "window": null, "progress": "instant", "fires": fires}))
}

#[test]
fn junit_fails_the_service_and_the_gate() {
    let mut run = run();
    let mut out = JUnit::new();
    // Before anybody looks the engine has decided.
    set(&mut run, "billing", Phase::RollingBack(rollback("error rate")), 10);
    for service in ["ledger", "billing"] {
        let gates = &mut run.tracks.get_mut(service).unwrap().gates;
        gates.insert("error-rate".into(), evaluated("error rate 1.31% > max 1.00%", service == "billing"));
        gates.insert("p95".into(), gate_track(Value::Null));
    }
    assert_eq!(out.tick(&run, at(1)), None);
    // While old is watched its gates may be bad as well; that is no fault of the new version.
    let watched = Phase::Verifying { since: at(30), clean: Dur::ZERO, rollback: rollback("error rate") };
    set(&mut run, "billing", watched, 0);
    run.tracks.get_mut("billing").unwrap().gates.insert("p95".into(), evaluated("p95 of old", true));
    assert_eq!(out.tick(&run, at(40)), None);
    run.tracks.get_mut("billing").unwrap().gates.insert("p95".into(), gate_track(Value::Null));
    // After the rollback the gate looks at the old version, and is good again.
    run.tracks.get_mut("billing").unwrap().gates.insert("error-rate".into(), evaluated("ok", false));
    let (ledger, billing) =
        (Phase::Done, Phase::RolledBack { rollback: rollback("error rate <\"1.31%\"> & more\u{1}") });
    set(&mut run, "ledger", ledger, 0);
    set(&mut run, "billing", billing, 0);
    (run.stage, run.ended) = (Stage::Ended(Outcome::Partial), Some(at(60)));
    assert_eq!(out.event(&run, &event(60, EventKind::Rollback, Some("billing"), "]]> back")), "");
    let xml = out.end(&run);
    assert!(xml.contains("tests=\"7\" failures=\"2\" errors=\"0\" skipped=\"2\" time=\"60.000\""), "{xml}");
    assert!(
        xml.contains("<failure type=\"rolled back\" message=\"error rate &lt;&quot;1.31%&quot;&gt; &amp; more\">"),
        "{xml}"
    );
    let gate = "<testcase classname=\"pilothouse.shop.prod-eu1.billing\" name=\"error-rate\" time=\"0.000\">\n      <failure type=\"gate\"";
    assert!(xml.contains(gate), "{xml}");
    assert!(xml.contains("]]&gt; back (engine)\n</system-out>"), "{xml}");
    well_formed(&xml);
}

#[test]
fn junit_of_a_blocked_run_lists_the_problems() {
    let mut run = Run { stage: Stage::Ended(Outcome::Blocked), ..run() };
    let problem = |what: &str, blocking| Problem {
        service: Some("billing".into()),
        blocking,
        what: what.into(),
        fix: "make it".into(),
    };
    run.preflight.as_mut().unwrap().problems = vec![problem("no route `billing`", true), problem("old image", false)];
    let xml = JUnit::new().end(&run);
    assert!(xml.contains("<failure type=\"preflight\" message=\"billing: no route `billing` (make it)\">"), "{xml}");
    assert!(!xml.contains("old image"), "a warning fails nothing");
    well_formed(&xml);
    let text = Text::new(chrono_tz::UTC).end(&run);
    assert!(
        text.contains("error: billing: no route `billing`. make it\nwarning: billing: old image. make it"),
        "{text}"
    );
    assert!(text.contains("Blocked before the start: 1 problem;"), "{text}");
    // Whoever read it line by line has had it.
    let mut text = Text::new(chrono_tz::UTC);
    let first = text.event(&run, &event(1, EventKind::Run, None, "preflight found 1 problem"));
    assert!(first.ends_with("problem\nwarning: billing: old image. make it"), "{first}");
    text.event(&run, &event(1, EventKind::Fault, Some("billing"), "no route `billing`. Do: make it"));
    let end = text.end(&run);
    assert!(!end.contains("no route") && !end.contains("old image"), "{end}");
}

#[test]
fn warnings_of_preflight_come_before_the_first_step() {
    let mut run = run();
    let problem = Problem { service: Some("billing".into()), blocking: false, what: "old".into(), fix: "new".into() };
    run.preflight.as_mut().unwrap().problems = vec![problem];
    let mut text = Text::new(chrono_tz::UTC);
    let first = text.event(&run, &event(1, EventKind::Run, None, "preflight good"));
    assert!(first.ends_with("preflight good\nwarning: billing: old. new"), "{first}");
    assert!(!text.event(&run, &event(2, EventKind::Run, None, "begins")).contains("warning"), "once");
    (run.stage, run.ended) = (Stage::Ended(Outcome::Partial), Some(at(60)));
    assert!(!text.end(&run).contains("warning"), "once");
}

/// Every element that opens is closed in order, and no bare `&` or `<` is left in a text.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        let name = tag.split_whitespace().next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let entities = ["amp;", "lt;", "gt;", "quot;", "apos;"];
        for after in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            assert!(entities.iter().any(|e| after.starts_with(e)), "&{after}");
        }
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
    assert!(open.is_empty(), "{open:?}");
}
