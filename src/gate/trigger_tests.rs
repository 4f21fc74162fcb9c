use serde_json::{Value, json};

use crate::gate::fixtures::{busy, cx, gate, secs};
use crate::gate::{Evaluation, GateState, Progress, Sample, Verdict, evaluate};
use crate::spec::units::Dur;

/// One letter an evaluation: `b`ad, `g`ood, `n`o data, `f`ew; a digit is that many ticks of silence before the next.
fn play(gate: Value, tape: &str) -> Vec<Evaluation> {
    let gate = {
        let mut all = json!({"measure": "error_rate", "max": "1%"});
        for (key, value) in gate.as_object().unwrap() {
            all[key] = value.clone();
        }
        crate::gate::fixtures::gate(all)
    };
    let (mut state, mut at, mut out) = (GateState::default(), 0, Vec::new());
    for letter in tape.chars() {
        let sample = match letter {
            'b' => busy(at, 0.5),
            'g' => busy(at, 0.0),
            'n' => Sample::empty(secs(at)),
            'f' => Sample { requests: Some(5.0), ..busy(at, 0.5) },
            digit => {
                at += 10 * i64::from(digit.to_digit(10).unwrap());
                continue;
            }
        };
        out.push(evaluate(&gate, &cx(), &mut state, &sample));
        at += 10;
    }
    out
}

/// Where the trigger fires: one `!` for each evaluation that does, `.` for others.
fn fired(gate: Value, tape: &str) -> String {
    play(gate, tape).iter().map(|e| if e.fires { '!' } else { '.' }).collect()
}

fn dwell(gate: Value, tape: &str) -> Vec<u64> {
    let seconds = |e: &Evaluation| match e.progress {
        Progress::Dwell { bad_for, of } => {
            assert_eq!(of, Dur::secs(30));
            bad_for.0 / 1000
        }
        other => panic!("{other:?}"),
    };
    play(gate, tape).iter().map(seconds).collect()
}

#[test]
fn instant_fires_at_each_bad_sample() {
    assert_eq!(fired(json!({}), "gbgbbnf"), ".!.!!..");
}

#[test]
fn dwell_grows_between_bad_samples_only() {
    let t = || json!({"trigger": {"for": "30s"}});
    for (tape, seconds, fires) in [
        ("bbbb", vec![0, 10, 20, 30], "...!"),
        ("bbbbb", vec![0, 10, 20, 30, 40], "...!!"),
        ("bbbg", vec![0, 10, 20, 0], "...."),
        ("bbgbbbb", vec![0, 10, 0, 0, 10, 20, 30], "......!"),
        // Missing data freezes: neither the time before nor after it is known to have been bad.
        ("bbnbbb", vec![0, 10, 10, 10, 20, 30], ".....!"),
        ("bbnnnnnnbbb", vec![0, 10, 10, 10, 10, 10, 10, 10, 10, 20, 30], "..........!"),
        ("bnbnbnb", vec![0; 7], "......."),
        ("bfbb", vec![0, 0, 0, 10], "...."),
        // A breach is not acted on by absence, and is still one when data is back.
        ("bbbbnb", vec![0, 10, 20, 30, 30, 30], "...!.!"),
        // Two grids apart still touch; three do not.
        ("b1b1b", vec![0, 20, 40], "..!"),
        ("bb2bb", vec![0, 10, 10, 20], "...."),
        ("bb9bbb", vec![0, 10, 10, 20, 30], "....!"),
    ] {
        assert_eq!(dwell(t(), tape), seconds, "{tape}");
        assert_eq!(fired(t(), tape), fires, "{tape}");
    }
    assert_eq!(fired(json!({"trigger": {"for": "0s"}}), "gb"), ".!");
}

#[test]
fn a_clock_that_steps_back_adds_no_time_twice() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%", "trigger": {"for": "30s"}}));
    let mut state = GateState::default();
    let mut last = Dur::ZERO;
    for at in [0, 10, 20, 10, 20, 10, 20, 20] {
        let e = evaluate(&gate, &cx(), &mut state, &busy(at, 0.5));
        let Progress::Dwell { bad_for, .. } = e.progress else { panic!() };
        last = bad_for;
    }
    assert_eq!(last, Dur::secs(20));
}

#[test]
fn k_of_n_counts_answers() {
    let t = || json!({"trigger": {"k_of_n": {"k": 3, "n": 5}}});
    assert_eq!(fired(t(), "bbb"), "..!");
    assert_eq!(fired(t(), "bgbgb"), "....!");
    assert_eq!(fired(t(), "bggbgb"), "......");
    // Missing ones are no answers: they push nothing out and fire nothing.
    assert_eq!(fired(t(), "bnnnbnnnnb"), ".........!");
    assert_eq!(fired(t(), "bbbnb"), "..!.!");
    // It speaks of the last five, whatever the newest is.
    assert_eq!(fired(t(), "bbbggg"), "..!!!.");
    assert_eq!(play(t(), "bgb")[2].progress, Progress::Count { bad: 2, of: 3 });
}

#[test]
fn consecutive_is_broken_by_good_alone() {
    let t = || json!({"trigger": {"consecutive": 3}});
    assert_eq!(fired(t(), "bbbb"), "..!!");
    assert_eq!(fired(t(), "bbgbbb"), ".....!");
    assert_eq!(fired(t(), "bnbffb"), ".....!");
    assert_eq!(fired(t(), "bbbnb"), "..!.!");
    assert_eq!(play(t(), "bnb")[2].progress, Progress::Count { bad: 2, of: 3 });
}

#[test]
fn the_missing_policy_feeds_the_trigger() {
    for (policy, acts_as, asks, fires) in [
        ("hold", Verdict::NoData, false, "...."),
        ("ask", Verdict::NoData, true, "...."),
        ("good", Verdict::Good, false, "...."),
        ("bad", Verdict::Bad, false, "..!."),
    ] {
        let gate = || json!({"trigger": {"consecutive": 2}, "missing": {"no_data": policy}});
        let played = play(gate(), "gbng");
        let told = &played[2];
        assert_eq!((told.verdict, told.acts_as, told.asks), (Verdict::NoData, acts_as, asks), "{policy}");
        assert_eq!(fired(gate(), "gbng"), fires, "{policy}");
    }
    // Good by policy clears; hold does not.
    let with = |policy: &str| json!({"trigger": {"consecutive": 2}, "missing": {"no_data": policy}});
    assert_eq!(fired(with("good"), "bnb"), "...");
    assert_eq!(fired(with("hold"), "bnb"), "..!");
    // Each kind has its own.
    let other = json!({"missing": {"too_few": "bad"}});
    assert_eq!(fired(other, "nfg"), ".!.");
}

#[test]
fn not_applicable_neither_grows_nor_clears() {
    let gate = gate(json!({"measure": "error_rate", "baseline": {"ratio": 1.5}, "trigger": {"consecutive": 2}}));
    let mut state = GateState::default();
    let mut tick = |at, old_requests| {
        let sample =
            Sample { baseline: Some(vec![0.01.into()]), baseline_requests: Some(old_requests), ..busy(at, 0.5) };
        let e = evaluate(&gate, &cx(), &mut state, &sample);
        (e.acts_as, e.fires)
    };
    assert_eq!(tick(0, 1000.0), (Verdict::Bad, false));
    assert_eq!(tick(10, 1.0), (Verdict::NotApplicable, false));
    assert_eq!(tick(20, 1000.0), (Verdict::Bad, true));
}

#[test]
fn what_a_gate_remembers() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%", "missing": {"stale": "bad"}}));
    let mut state = GateState::default();
    let mut see = |sample: Sample| {
        evaluate(&gate, &cx(), &mut state, &sample);
        (state.consecutive_good(), state.consecutive_missing(), state.last_good())
    };
    assert_eq!(see(busy(0, 0.0)), (1, 0, Some(secs(0))));
    assert_eq!(see(busy(10, 0.0)), (2, 0, Some(secs(10))));
    assert_eq!(see(Sample::empty(secs(20))), (0, 1, Some(secs(10))));
    assert_eq!(see(Sample::empty(secs(30))), (0, 2, Some(secs(10))));
    // The source answers: too few is not blind. A missing kind the policy calls bad is an answer too.
    assert_eq!(see(Sample { requests: Some(1.0), ..busy(40, 0.0) }), (0, 0, Some(secs(10))));
    assert_eq!(see(Sample { sample_at: Some(secs(0)), ..busy(50, 0.0) }), (0, 0, Some(secs(10))));
    for at in 6..200 {
        see(busy(at * 10, 0.0));
    }
    let kept: Vec<_> = state.history().collect();
    assert_eq!(kept.len(), 120);
    assert_eq!(kept[119], (secs(1990), Some(0.0), Verdict::Good));
    assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
}

#[test]
fn a_reset_forgets_evidence_and_keeps_history() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%", "trigger": {"consecutive": 3}}));
    let mut state = GateState::default();
    for at in 0..2 {
        evaluate(&gate, &cx(), &mut state, &busy(at * 10, 0.5));
    }
    state.reset_trigger();
    assert!(!evaluate(&gate, &cx(), &mut state, &busy(20, 0.5)).fires);
    assert_eq!(state.history().count(), 3);
}
