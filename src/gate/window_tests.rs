use serde_json::json;

use super::*;
use crate::gate::fixtures::{busy, cx, gate, secs};
use crate::gate::{GateState, Sample, evaluate};

const TWO: Dur = Dur::mins(2);

fn errors() -> Gate {
    gate(json!({"measure": "error_rate", "max": "1%"}))
}

/// Plays a step at a steady rate, asking for what `window` says each time: windows asked for and verdicts.
fn step(gate: &Gate, rate: f64, ticks: i64) -> Vec<(u64, crate::gate::Verdict)> {
    play(gate, ticks, |_| rate)
}

/// The same at a rate that changes with the tick.
fn play(gate: &Gate, ticks: i64, rate: impl Fn(i64) -> f64) -> Vec<(u64, crate::gate::Verdict)> {
    let (mut state, mut last, mut since, mut out) = (GateState::default(), None, None, Vec::new());
    for tick in 1..=ticks {
        let now = secs(tick * 10);
        let asked = window(gate, TWO, &cx(), now, last.as_ref(), since);
        let first = tick - (asked.0 / 10_000) as i64;
        let requests = Some((first..tick).map(|t| 10.0 * rate(t)).sum());
        let sample = Sample { requests, window: Some(asked), ..Sample::one(now, 0.0) };
        let e = evaluate(gate, &cx(), &mut state, &sample);
        out.push((asked.0 / 1000, e.verdict));
        since = widened(gate, TWO, &cx(), &e, since);
        last = Some(e);
    }
    out
}

#[test]
fn a_window_never_looks_past_the_start_of_the_step() {
    let cx = Context { step_start: secs(1000), ..cx() };
    let ask = |now| window(&errors(), TWO, &cx, secs(now), None, None).0 / 1000;
    assert_eq!([1000, 1010, 1120, 1130, 5000].map(ask), [0, 10, 120, 120, 120]);
    let own = gate(json!({"measure": "error_rate", "max": "1%", "window": "30s"}));
    assert_eq!(window(&own, TWO, &cx, secs(5000), None, None), Dur::secs(30));
    // An answer of the step before says nothing of this one.
    let before =
        evaluate(&errors(), &cx, &mut GateState::default(), &Sample { requests: Some(1.0), ..busy(1000, 0.0) });
    assert_eq!(window(&errors(), TWO, &cx, secs(1130), Some(&before), None), TWO);
}

#[test]
fn a_busy_service_keeps_the_plain_window() {
    let seen = step(&errors(), 10.0, 60);
    assert!(seen.iter().skip(12).all(|(asked, _)| *asked == 120), "{seen:?}");
}

#[test]
fn a_quiet_service_looks_back_to_the_start_and_stays_there() {
    use crate::gate::Verdict::{Good, TooFew};
    let seen = step(&errors(), 1.0, 60);
    for (tick, (asked, verdict)) in (1u64..).zip(&seen) {
        assert_eq!(*asked, tick * 10, "{seen:?}");
        assert_eq!(*verdict, if tick < 30 { TooFew } else { Good }, "tick {tick}: it must not flutter");
    }
}

#[test]
fn traffic_that_picks_up_brings_the_plain_window_back() {
    // 1/s for five minutes, then so much that two minutes hold 300, but not with the margin; then more.
    let seen = play(&errors(), 100, |tick| if tick < 30 { 1.0 } else { 2.8 });
    assert!(seen.iter().skip(30).all(|(asked, _)| *asked > 120), "{seen:?}");
    let seen = play(&errors(), 100, |tick| if tick < 30 { 1.0 } else { 4.0 });
    let back = seen.iter().skip(13).position(|(asked, _)| *asked == 120).unwrap() + 13;
    assert!((42..=54).contains(&back), "two minutes of it, and no later than after four: {back}");
    assert!(seen.iter().skip(back).all(|(asked, _)| *asked == 120), "{seen:?}");
}

#[test]
fn requests_that_stop_do_not_make_it_flutter() {
    use crate::gate::Verdict::Good;
    let seen = play(&errors(), 200, |tick| if tick < 60 { 10.0 } else { 0.0 });
    let short = seen.iter().skip(60).filter(|(_, verdict)| *verdict != Good).count();
    assert!(short <= 1, "one answer of the plain window, and no more: {seen:?}");
    let last = seen.iter().skip(60).position(|(asked, _)| *asked > 120).unwrap();
    assert!(seen.iter().skip(60 + last).all(|(asked, _)| *asked > 120), "{seen:?}");
}

#[test]
fn gates_without_a_number_of_requests_are_not_widened() {
    for fields in [
        json!({"promql": "x", "max": 1}),
        json!({"measure": "availability", "min": "90%"}),
        json!({"measure": "error_rate", "trigger": {"burn_rate": {"slo": "99%"}}}),
    ] {
        let gate = gate(fields);
        let sample = Sample { requests: Some(1.0), ..busy(600, 0.95) };
        let last = evaluate(&gate, &cx(), &mut GateState::default(), &sample);
        assert_eq!(window(&gate, TWO, &cx(), secs(610), Some(&last), None), TWO, "{gate:?}");
    }
}

#[test]
fn enough_requests_are_foretold_at_the_current_rate() {
    let cx = Context { step_start: secs(1000), ..cx() };
    let at = |requests: Option<f64>, window: Option<Dur>| {
        let sample = Sample { requests, window, ..Sample::one(secs(1100), 0.0) };
        let last = evaluate(&errors(), &cx, &mut GateState::default(), &sample);
        enough_at(&errors(), &cx, secs(1105), &last)
    };
    // 100 in 100 s: 300 after 300 s.
    assert_eq!(at(Some(100.0), Some(Dur::secs(100))), Some(secs(1300)));
    assert_eq!(at(Some(100.0), None), Some(secs(1300)));
    // 100 in the last 20 s of the step: the wider window has them all by now.
    assert_eq!(at(Some(100.0), Some(Dur::secs(20))), Some(secs(1105)));
    assert_eq!(at(Some(300.0), None), None, "there are enough");
    assert_eq!(at(Some(0.0), None), None, "no traffic");
    assert_eq!(at(None, None), None, "not counted");
    assert_eq!(at(Some(0.01), None), None, "weeks away");
    let own = gate(json!({"promql": "x", "max": 1}));
    let last = evaluate(&own, &cx, &mut GateState::default(), &Sample { requests: Some(1.0), ..busy(1100, 0.0) });
    assert_eq!(enough_at(&own, &cx, secs(1105), &last), None, "needs none");
}
