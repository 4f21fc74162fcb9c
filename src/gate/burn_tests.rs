use serde_json::json;

use super::*;
use crate::gate::fixtures::{busy, cx, gate, secs};
use crate::gate::{Evaluation, GateState, evaluate};

/// SLO 99 %, so a bad ratio of 2 % burns at 2; one pair: over 2 in 10 min and 1 min.
fn burning() -> Gate {
    gate(json!({"measure": "error_rate", "trigger": {"burn_rate": {
        "slo": "99%", "windows": [{"factor": 2, "long": "10m", "short": "1m"}]}}}))
}

fn play(gate: &Gate, samples: impl IntoIterator<Item = Sample>) -> Vec<Evaluation> {
    let mut state = GateState::default();
    samples.into_iter().map(|s| evaluate(gate, &cx(), &mut state, &s)).collect()
}

#[test]
fn too_few_until_the_short_window_is_covered() {
    let seen = play(&burning(), (0..8).map(|i| busy(i * 10, 0.5)));
    for (i, e) in seen.iter().enumerate() {
        let (verdict, fires) = if i < 6 { (Verdict::TooFew, false) } else { (Verdict::Bad, true) };
        assert_eq!((e.verdict, e.fires), (verdict, fires), "{}: {}", i * 10, e.reason);
    }
    assert_eq!(seen[3].reason, "0:30 of 1:00 seen of the short window");
    assert_eq!(seen[7].reason, "burn rate 50.00 over 10m and 50.00 over 1m, both > 2");
}

#[test]
fn both_windows_must_be_over() {
    // Ten good minutes, then bad: the short window is over at once, the long one after a while.
    let seen = play(&burning(), (0..90).map(|i| busy(i * 10, if i < 60 { 0.0 } else { 0.1 })));
    let first = seen.iter().position(|e| e.fires).unwrap();
    // The long window holds 60 samples; it is over 2 % from the 13th of 10 % on.
    assert_eq!(first, 72);
    assert_eq!(seen[71].verdict, Verdict::Good);
    // And back: the long one is still over when the short one has recovered.
    let seen = play(&burning(), (0..90).map(|i| busy(i * 10, if i < 60 { 0.1 } else { 0.0 })));
    let last = seen.iter().rposition(|e| e.fires).unwrap();
    assert_eq!(last, 63, "5 of 6 good leave 1.67 %");
    assert!(matches!(seen[70].progress, Progress::Burn { long, .. } if long > 2.0));
}

#[test]
fn equal_to_the_factor_is_not_over() {
    assert!(play(&burning(), (0..20).map(|i| busy(i * 10, 0.02))).iter().all(|e| !e.fires));
    assert!(play(&burning(), (0..20).map(|i| busy(i * 10, 0.0201))).iter().any(|e| e.fires));
    for slo in ["99.9%", "99.99%", "99.999%", "99.95%", "95%"] {
        let gate = gate(json!({"measure": "error_rate", "trigger": {"burn_rate": {
            "slo": slo, "windows": [{"factor": 1, "long": "10m", "short": "1m"}]}}}));
        let left: f64 = format!("{}e-2", slo.trim_end_matches('%')).parse().unwrap();
        assert!(play(&gate, (0..20).map(|i| busy(i * 10, 1.0 - left))).iter().all(|e| !e.fires), "{slo}");
    }
}

#[test]
fn ratios_weigh_by_their_requests() {
    // One sample of six is all bad, on a hundredth of the others' requests: 0.2 %, not 17 %.
    let quiet = |i: i64| i % 6 == 5;
    let sample = |i: i64| Sample {
        requests: Some(if quiet(i) { 10.0 } else { 1000.0 }),
        ..busy(i * 10, f64::from(u8::from(quiet(i))))
    };
    assert!(play(&burning(), (0..60).map(sample)).iter().all(|e| !e.fires));
    // Uncounted, all weigh alike.
    let uncounted = |i: i64| Sample { requests: None, ..sample(i) };
    assert!(play(&burning(), (0..60).map(uncounted)).iter().any(|e| e.fires));
}

#[test]
fn min_requests_is_asked_of_the_short_window() {
    let with =
        |requests: f64| play(&burning(), (0..20).map(|i| Sample { requests: Some(requests), ..busy(i * 10, 0.5) }));
    assert!(with(50.0).iter().any(|e| e.fires), "6 × 50 are enough");
    let few = with(49.0);
    assert!(few.iter().all(|e| e.verdict == Verdict::TooFew));
    assert_eq!(few[10].reason, "294 of 300 requests in 1m");
    let none = play(&burning(), (0..20).map(|i| Sample { requests: Some(0.0), ..busy(i * 10, 0.0) }));
    assert!(none.iter().all(|e| e.verdict == Verdict::TooFew));
    assert_eq!(none[10].reason, "no requests");
}

#[test]
fn absence_burns_nothing_and_fires_nothing() {
    let bad_when_away = {
        let mut gate = burning();
        gate.missing.no_data = crate::spec::policy::OnMissing::Bad;
        gate
    };
    let tape = |i: i64| if i < 10 { busy(i * 10, 0.5) } else { Sample::empty(secs(i * 10)) };
    let seen = play(&bad_when_away, (0..14).map(tape));
    assert!(seen[9].fires);
    for e in &seen[10..] {
        assert_eq!((e.verdict, e.acts_as, e.fires), (Verdict::NoData, Verdict::Bad, false));
    }
    let only_absent = play(&bad_when_away, (0..14).map(|i| Sample::empty(secs(i * 10))));
    assert!(only_absent.iter().all(|e| !e.fires));
}

#[test]
fn a_success_rate_burns_by_what_it_lacks() {
    let gate = gate(json!({"measure": "success_rate", "trigger": {"burn_rate": {
        "slo": "99%", "windows": [{"factor": 2, "long": "10m", "short": "1m"}]}}}));
    assert!(play(&gate, (0..20).map(|i| busy(i * 10, 0.99))).iter().all(|e| !e.fires));
    assert!(play(&gate, (0..20).map(|i| busy(i * 10, 0.9))).iter().any(|e| e.fires));
    // Also beside a limit that is the wrong way round, which validation warns of.
    let mut upside_down = gate.clone();
    upside_down.max = Some("100%".parse().unwrap());
    assert!(play(&upside_down, (0..20).map(|i| busy(i * 10, 0.99))).iter().all(|e| !e.fires));
}

#[test]
fn what_is_no_share_is_invalid() {
    let seen = play(&burning(), [busy(0, 1.5), busy(10, -0.1), busy(20, 1.0)]);
    assert_eq!(seen[0].verdict, Verdict::Invalid);
    assert_eq!(seen[1].verdict, Verdict::Invalid);
    assert_eq!(seen[2].verdict, Verdict::TooFew);
}

#[test]
fn limits_of_its_own_make_it_bad_without_firing() {
    let mut gate = burning();
    gate.max = Some("1%".parse().unwrap());
    let seen = play(&gate, (0..20).map(|i| busy(i * 10, 0.015)));
    assert_eq!((seen[19].verdict, seen[19].fires), (Verdict::Bad, false));
    gate.abs_bad = Some(10);
    let few = play(&gate, [busy(0, 0.015)]);
    assert_eq!((few[0].verdict, few[0].fires), (Verdict::Bad, true));
    let enough = play(&gate, (0..20).map(|i| busy(i * 10, 0.015)));
    assert_eq!((enough[19].verdict, enough[19].fires), (Verdict::Bad, true));
}

#[test]
fn three_pairs_by_default_and_the_uncovered_have_no_say() {
    let gate = gate(json!({"measure": "error_rate", "trigger": {"burn_rate": {"slo": "99.9%"}}}));
    // 0.7 % bad burns at 7: over 6 (6h/30m) and 1 (3d/6h), not over 14.4 (1h/5m).
    let seen = play(&gate, (0..=200).map(|i| busy(i * 10, 0.007)));
    assert_eq!(seen[29].verdict, Verdict::TooFew);
    assert_eq!(seen[30].verdict, Verdict::Good, "5 minutes are covered");
    assert_eq!(seen.iter().position(|e| e.fires), Some(180), "30 minutes are covered");
}

#[test]
fn memory_stays_bounded_and_near_the_truth() {
    let rate: BurnRate = serde_json::from_value(json!({"slo": "99.9%"})).unwrap();
    let longest = Dur::hours(72);
    let (mut ledger, mut all): (Ledger, Vec<(i64, f64)>) = (Ledger::default(), Vec::new());
    // Four days on the grid, with a bad hour now and then.
    for i in 0..4 * 8640i64 + 31 {
        let ratio = if (i / 360) % 7 == 3 { 0.05 } else { 0.0005 + (i * 7919 % 13) as f64 * 1e-4 };
        all.push((i * 10, ratio));
        ledger.push(secs(i * 10), ratio, 1000.0, longest);
    }
    let now = all.last().unwrap().0;
    assert!(ledger.recent.len() <= RECENT && ledger.buckets.len() <= BUCKETS as usize + 1, "{}", ledger.buckets.len());
    for pair in &rate.windows {
        for window in [pair.long, pair.short] {
            let edge = now - (window.0 / 1000) as i64;
            let inside: Vec<f64> = all.iter().filter(|(at, _)| *at > edge).map(|(_, r)| *r).collect();
            let truth = inside.iter().sum::<f64>() / inside.len() as f64;
            let (bad, weight) = ledger.sums(secs(now), window);
            // At most one bucket of 10 min, at 5 % at worst, is misplaced.
            let allowed = if window <= Dur::hours(1) { 1e-12 } else { 0.05 * 600.0 / window.as_secs_f64() };
            assert!((bad / weight - truth).abs() <= allowed, "{window}: {} for {truth}", bad / weight);
            // Evenly spread requests are cut to the sample.
            let requests = 1000.0 * inside.len() as f64;
            assert!((weight - requests).abs() <= 2000.0, "{window}: {weight} for {requests}");
        }
    }
    let size = serde_json::to_string(&ledger).unwrap().len();
    assert!(size < 64 * 1024, "{size} bytes");
}
