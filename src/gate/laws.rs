//! What holds for every gate and every tape of samples.
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixtures::{cx, gate, secs};
use super::{Evaluation, Failure, GateState, Num, Progress, Sample, Verdict, evaluate};
use crate::spec::policy::{Gate, OnMissing};
use crate::spec::units::Dur;

fn triggers() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("instant")),
        (0u64..60).prop_map(|s| json!({"for": format!("{s}s")})),
        (1u32..6, 0u32..4).prop_map(|(k, more)| json!({"k_of_n": {"k": k, "n": k + more}})),
        (1u32..6).prop_map(|k| json!({"consecutive": k})),
        Just(json!({"burn_rate": {"slo": "99%", "windows": [
            {"factor": 2, "long": "5m", "short": "30s"}, {"factor": 1, "long": "1h", "short": "2m"}]}})),
    ]
}

fn policies() -> impl Strategy<Value = Value> {
    let one = || prop::sample::select(vec!["hold", "bad", "good", "ask"]);
    (one(), one(), one(), one(), one()).prop_map(|(down, invalid, no_data, stale, few)| {
        json!({"provider_down": down, "invalid": invalid, "no_data": no_data, "stale": stale, "too_few": few})
    })
}

fn gates() -> impl Strategy<Value = Gate> {
    let what = prop_oneof![
        Just(json!({"measure": "error_rate", "max": "1%"})),
        Just(json!({"measure": "success_rate", "min": "99%", "abs_bad": 20})),
        Just(json!({"measure": "error_rate", "max": "2%", "baseline": {"ratio": 1.5}})),
        Just(json!({"measure": "error_rate", "baseline": {"difference": "1%"}})),
        Just(json!({"promql": "x", "max": 0.5, "min_requests": 20})),
    ];
    let reduce = prop::option::of(prop::sample::select(vec!["max", "min", "sum", "mean", "every"]));
    (what, triggers(), policies(), reduce).prop_map(|(mut fields, trigger, missing, reduce)| {
        fields["trigger"] = trigger;
        fields["missing"] = missing;
        if let Some(reduce) = reduce {
            fields["reduce"] = json!(reduce);
        }
        gate(fields)
    })
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..0.03f64,
        4 => 0.97..=1.0f64,
        2 => Just(0.01),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => -1e9..1e9f64,
    ]
}

fn series() -> impl Strategy<Value = Vec<Num>> {
    let nums = |n| prop::collection::vec(values().prop_map(Num::from), n);
    prop_oneof![6 => nums(1..2), 1 => nums(0..1), 2 => nums(2..5)]
}

fn counts() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![1 => Just(None), 1 => Just(Some(0.0)), 1 => Just(Some(40.0)), 6 => (300.0..9000.0f64).prop_map(Some)]
}

fn failures() -> impl Strategy<Value = Option<Failure>> {
    prop_oneof![
        12 => Just(None),
        1 => Just(Some(Failure::Down("refused".into()))),
        1 => Just(Some(Failure::Shape("html".into()))),
    ]
}

/// Samples whose neighbours are 5 to 45 s apart, most of them on the grid.
fn tapes() -> impl Strategy<Value = Vec<Sample>> {
    let gap = prop_oneof![6 => Just(10i64), 1 => Just(20), 1 => 5..45i64];
    let age = prop_oneof![1 => Just(None), 4 => Just(Some(0i64)), 1 => (-5..60i64).prop_map(Some)];
    let one = (gap, series(), counts(), age, failures(), prop::option::of(series()), counts());
    prop::collection::vec(one, 1..60).prop_map(|rows| {
        let mut at = 0;
        let sample = |(gap, series, requests, age, failure, baseline, baseline_requests)| {
            at += gap;
            let sample_at = Option::map(age, |age| secs(at - age));
            Sample { series, requests, sample_at, failure, baseline, baseline_requests, ..Sample::empty(secs(at)) }
        };
        rows.into_iter().map(sample).collect()
    })
}

fn play(gate: &Gate, tape: &[Sample]) -> Vec<Evaluation> {
    let mut state = GateState::default();
    tape.iter().map(|sample| evaluate(gate, &cx(), &mut state, sample)).collect()
}

/// What the policy says of a missing verdict.
fn policy(gate: &Gate, verdict: Verdict) -> OnMissing {
    match verdict {
        Verdict::ProviderDown => gate.missing.provider_down,
        Verdict::Invalid => gate.missing.invalid,
        Verdict::NoData => gate.missing.no_data,
        Verdict::Stale => gate.missing.stale,
        _ => gate.missing.too_few,
    }
}

/// Dwell or count, whichever the trigger has.
fn progress(e: &Evaluation) -> Option<u64> {
    match e.progress {
        Progress::Dwell { bad_for, .. } => Some(bad_for.0),
        Progress::Count { bad, .. } => Some(u64::from(bad)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn absence_neither_passes_nor_fires_unless_the_policy_says_so(gate in gates(), tape in tapes()) {
        for e in play(&gate, &tape) {
            if !e.verdict.is_missing() {
                prop_assert_eq!(e.acts_as, e.verdict);
                prop_assert!(!e.asks);
                continue;
            }
            let policy = policy(&gate, e.verdict);
            prop_assert_eq!(e.acts_as.passes(), policy == OnMissing::Good, "{}", e.reason);
            prop_assert_eq!(e.acts_as == Verdict::Bad, policy == OnMissing::Bad);
            prop_assert_eq!(e.asks, policy == OnMissing::Ask);
            if matches!(policy, OnMissing::Hold | OnMissing::Ask) {
                prop_assert!(!e.fires);
            }
        }
    }

    #[test]
    fn what_is_good_was_read_and_is_finite(gate in gates(), tape in tapes()) {
        for (e, sample) in play(&gate, &tape).iter().zip(&tape) {
            prop_assert!(e.value.is_none_or(f64::is_finite));
            prop_assert!(!e.reason.is_empty());
            if matches!(e.verdict, Verdict::Good) {
                prop_assert!(sample.failure.is_none() && sample.series.iter().all(|n| n.value().is_finite()));
                prop_assert!(e.value.is_some());
                let age = sample.sample_at.map_or(Dur::ZERO, |at| sample.at.since(at));
                prop_assert!(age <= Dur::secs(25));
            }
        }
    }

    #[test]
    fn progress_moves_only_by_answers(gate in gates(), tape in tapes()) {
        let (mut before, mut last) = (0, None::<(crate::spec::units::Time, bool)>);
        for e in play(&gate, &tape) {
            let Some(now) = progress(&e) else { continue };
            match e.acts_as {
                Verdict::Bad => {
                    let gap = last.map_or(0, |(at, _)| e.at.since(at).0);
                    let touches = last.is_some_and(|(_, bad)| bad) && gap <= 20_000;
                    if let Progress::Dwell { .. } = e.progress {
                        prop_assert_eq!(now, before + if touches { gap } else { 0 });
                    } else {
                        prop_assert!(now <= before + 1);
                    }
                }
                Verdict::Good => match e.progress {
                    Progress::Dwell { .. } => prop_assert_eq!(now, 0),
                    _ => prop_assert!(now <= before),
                },
                _ => prop_assert_eq!(now, before),
            }
            (before, last) = (now, Some((e.at, e.acts_as == Verdict::Bad)));
        }
    }

    #[test]
    fn the_order_of_series_does_not_matter(gate in gates(), tape in tapes(), seed in any::<u64>()) {
        let shuffled: Vec<Sample> = tape.iter().enumerate().map(|(i, sample)| {
            let mut sample = sample.clone();
            let turn = |v: &mut Vec<Num>| if !v.is_empty() {
                let by = (seed.wrapping_add(i as u64) as usize) % v.len();
                v.rotate_left(by);
                if seed % 2 == 0 { v.reverse() }
            };
            turn(&mut sample.series);
            sample.baseline.iter_mut().for_each(turn);
            sample
        }).collect();
        let strip = |all: Vec<Evaluation>| all.into_iter().map(|e| (e.verdict, e.fires, e.value, e.progress)).collect::<Vec<_>>();
        prop_assert_eq!(strip(play(&gate, &tape)), strip(play(&gate, &shuffled)));
    }

    #[test]
    fn a_restart_changes_nothing(gate in gates(), tape in tapes(), cut in 0usize..60) {
        let whole = play(&gate, &tape);
        let mut state = GateState::default();
        for (i, (sample, wanted)) in tape.iter().zip(&whole).enumerate() {
            if i == cut % tape.len() {
                let text = serde_json::to_string(&state).unwrap();
                let back: GateState = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&back, &state);
                prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
                state = back;
            }
            prop_assert_eq!(&evaluate(&gate, &cx(), &mut state, sample), wanted);
        }
    }

    #[test]
    fn equal_is_good(limit in -1e12..1e12f64, side in prop::sample::select(vec!["max", "min"])) {
        let gate = gate(json!({"promql": "x", side: limit}));
        let at = |value: f64| evaluate(&gate, &cx(), &mut GateState::default(), &Sample::one(secs(0), value)).verdict;
        prop_assert_eq!(at(limit), Verdict::Good);
        let off = limit.abs().max(1e-6) * 1e-9;
        let worse = if side == "max" { limit + off } else { limit - off };
        prop_assert_eq!(at(worse), Verdict::Bad);
    }

    /// Against the sums done by hand over the whole tape: who is over, in which windows, and when.
    #[test]
    fn burn_rates_are_the_weighted_means(
        rows in prop::collection::vec((prop_oneof![4 => Just(0.0), 1 => 0.0..0.2f64], 300.0..5000.0f64, 0u8..10), 1..200)
    ) {
        let gate = gate(json!({"measure": "error_rate", "trigger": {"burn_rate": {"slo": "99%", "windows": [
            {"factor": 2, "long": "10m", "short": "1m"}]}}}));
        let tape: Vec<Sample> = (0..).zip(&rows).map(|(i, (value, requests, kind))| match kind {
            0 => Sample::empty(secs(i * 10)),
            _ => Sample { requests: Some(*requests), ..Sample::one(secs(i * 10), *value) },
        }).collect();
        let first = rows.iter().position(|(_, _, kind)| *kind != 0);
        for (now, e) in play(&gate, &tape).iter().enumerate() {
            let burn = |ticks: usize| {
                let inside = rows[(now + 1).saturating_sub(ticks)..=now].iter().filter(|(_, _, kind)| *kind != 0);
                let (bad, all) = inside.fold((0.0, 0.0), |(bad, all), (v, w, _)| (bad + v * w, all + w));
                if all > 0.0 { bad / all / 0.01 } else { 0.0 }
            };
            let Progress::Burn { long, short, factor } = e.progress else { panic!() };
            prop_assert!((long - burn(60)).abs() < 1e-9 && (short - burn(6)).abs() < 1e-9, "{long} {short} at {now}");
            prop_assert_eq!(factor, 2.0);
            let covered = first.is_some_and(|f| now >= f + 6);
            prop_assert_eq!(e.fires, rows[now].2 != 0 && covered && burn(60) > 2.0 && burn(6) > 2.0);
        }
    }
}
