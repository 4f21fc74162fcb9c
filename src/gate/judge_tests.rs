use serde_json::{Value, json};

use super::*;
use crate::gate::fixtures::{busy, cx, gate, secs};
use crate::spec::units::Time;

fn errors(fields: Value) -> Gate {
    let mut all = json!({"measure": "error_rate", "max": "1%"});
    for (key, value) in fields.as_object().unwrap() {
        all[key] = value.clone();
    }
    gate(all)
}

fn own(fields: Value) -> Gate {
    let mut all = json!({"promql": "x", "max": 1});
    for (key, value) in fields.as_object().unwrap() {
        all[key] = value.clone();
    }
    gate(all)
}

fn many(values: &[f64]) -> Sample {
    Sample { series: values.iter().copied().map(Num::from).collect(), ..busy(0, 0.0) }
}

#[track_caller]
fn says(gate: &Gate, sample: &Sample, verdict: Verdict, reason: &str) {
    let judged = judge(gate, &cx(), sample);
    assert_eq!((judged.verdict, judged.reason.as_str()), (verdict, reason), "{sample:?}");
    assert!(judged.value.is_none_or(f64::is_finite));
}

#[track_caller]
fn verdict(gate: &Gate, sample: &Sample, verdict: Verdict) {
    let judged = judge(gate, &cx(), sample);
    assert_eq!(judged.verdict, verdict, "{} of {sample:?}", judged.reason);
}

#[test]
fn each_verdict_has_its_reason() {
    let g = errors(json!({}));
    let down = |why: &str| Sample::failed(secs(0), Failure::Down(why.into()));
    says(&g, &busy(0, 0.0131), Verdict::Bad, "error rate 1.31% > max 1.00%");
    says(&g, &busy(0, 0.01), Verdict::Good, "error rate 1.00% <= max 1.00%");
    says(&g, &down("prometheus timed out after 3s"), Verdict::ProviderDown, "prometheus timed out after 3s");
    says(&g, &down(" "), Verdict::ProviderDown, "the metrics source did not answer");
    says(&g, &Sample::failed(secs(0), Failure::Shape("a matrix".into())), Verdict::Invalid, "invalid answer: a matrix");
    says(&g, &Sample::empty(secs(0)), Verdict::NoData, "no data: the source has no such series");
    says(&g, &many(&[f64::NAN]), Verdict::NoData, "no data: the source answered NaN");
    says(&g, &many(&[f64::INFINITY]), Verdict::Invalid, "invalid: the source answered +Inf");
    says(
        &g,
        &many(&[0.0, 0.0, 0.0]),
        Verdict::Invalid,
        "invalid: the source answered 3 series where one is needed; give the gate `reduce`",
    );
    let unreadable = Sample { series: vec![Num("<html>".into())], ..busy(0, 0.0) };
    says(&g, &unreadable, Verdict::Invalid, "invalid: the source answered `<html>`, which is no number");
    let stale = Sample { sample_at: Some(secs(0)), ..busy(48, 0.0) };
    says(&g, &stale, Verdict::Stale, "stale: newest data is 48s old, 25s allowed");
    let few = Sample { requests: Some(12.9), ..busy(0, 0.0) };
    says(&g, &few, Verdict::TooFew, "12 of 300 requests");
    let fraction = Sample { requests: Some(1.57), ..busy(0, 0.0) };
    says(&g, &fraction, Verdict::TooFew, "1.5 of 300 requests");
}

/// Every pair of faults at once: the higher one is told.
#[test]
fn the_highest_fault_is_told() {
    type Fault = (Verdict, fn(&mut Sample));
    let faults: [Fault; 6] = [
        (Verdict::ProviderDown, |s| s.failure = Some(Failure::Down("down".into()))),
        (Verdict::Invalid, |s| s.series.push(f64::INFINITY.into())),
        (Verdict::NoData, |s| s.series.insert(0, f64::NAN.into())),
        (Verdict::Stale, |s| s.sample_at = Some(s.at - Dur::secs(26))),
        (Verdict::TooFew, |s| s.requests = Some(299.0)),
        (Verdict::Bad, |s| s.series.push(0.5.into())),
    ];
    let g = errors(json!({"reduce": "max"}));
    for (i, (higher, one)) in faults.iter().enumerate() {
        for (_, other) in &faults[i..] {
            let mut sample = busy(100, 0.001);
            other(&mut sample);
            one(&mut sample);
            verdict(&g, &sample, *higher);
        }
    }
}

#[test]
fn data_is_stale_beyond_twice_the_slower_clock_and_five_seconds() {
    let g = own(json!({}));
    let aged = |ms: i64| Sample { sample_at: Some(Time(1_000_000 - ms)), ..Sample::one(Time(1_000_000), 0.0) };
    for (interval, ms, wanted) in [
        (10, 25_000, Verdict::Good),
        (10, 25_001, Verdict::Stale),
        // A source faster than the grid is only looked at on the grid.
        (1, 25_000, Verdict::Good),
        (1, 25_001, Verdict::Stale),
        (30, 65_000, Verdict::Good),
        (30, 65_001, Verdict::Stale),
        // From the future: a clock that is ahead.
        (10, -60_000, Verdict::Good),
    ] {
        let cx = Context { source_interval: Dur::secs(interval), ..cx() };
        assert_eq!(judge(&g, &cx, &aged(ms)).verdict, wanted, "{ms} ms at {interval} s");
    }
    let ageless = Sample { sample_at: None, ..aged(999_999) };
    verdict(&g, &ageless, Verdict::Good);
    says(&g, &aged(25_500), Verdict::Stale, "stale: newest data is 25.5s old, 25s allowed");
}

#[test]
fn few_requests_matter_where_requests_matter() {
    let with = |requests: Option<f64>| Sample { requests, ..Sample::one(secs(0), 0.0) };
    for (gate, requests, wanted) in [
        (errors(json!({})), Some(299.9), Verdict::TooFew),
        (errors(json!({})), Some(300.0), Verdict::Good),
        (errors(json!({})), None, Verdict::Good),
        (errors(json!({})), Some(f64::NAN), Verdict::TooFew),
        (errors(json!({})), Some(f64::INFINITY), Verdict::TooFew),
        (errors(json!({"min_requests": 50})), Some(50.0), Verdict::Good),
        (errors(json!({"min_requests": 500})), Some(499.0), Verdict::TooFew),
        // Zero is too few whatever the policy says.
        (errors(json!({"min_requests": 0})), Some(0.0), Verdict::TooFew),
        (errors(json!({"min_requests": 0})), Some(1.0), Verdict::Good),
        (own(json!({})), Some(3.0), Verdict::Good),
        (own(json!({"min_requests": 10})), Some(3.0), Verdict::TooFew),
        (own(json!({"min_requests": 10})), Some(10.0), Verdict::Good),
        (gate(json!({"measure": "availability", "min": 0})), Some(3.0), Verdict::Good),
        (gate(json!({"measure": "latency_quantile", "quantile": 0.95, "max": "2s"})), Some(3.0), Verdict::TooFew),
    ] {
        verdict(&gate, &with(requests), wanted);
    }
}

/// 0 failures ÷ 0 requests is NaN or no series at all. That is no fault of the source.
#[test]
fn no_traffic_is_too_few_not_no_data() {
    for gate in [errors(json!({})), own(json!({}))] {
        for series in [vec![], vec![Num::from(f64::NAN)]] {
            let none = Sample { series, requests: Some(0.0), ..Sample::empty(secs(60)) };
            verdict(&gate, &none, Verdict::TooFew);
            verdict(&gate, &Sample { requests: Some(5.0), ..none.clone() }, Verdict::NoData);
            verdict(&gate, &Sample { requests: None, ..none.clone() }, Verdict::NoData);
            // What ranks higher still does.
            verdict(&gate, &Sample { sample_at: Some(secs(0)), ..none.clone() }, Verdict::Stale);
        }
        let infinite = Sample { series: vec![f64::INFINITY.into()], requests: Some(0.0), ..Sample::empty(secs(0)) };
        verdict(&gate, &infinite, Verdict::Invalid);
    }
}

#[test]
fn absolute_failures_act_also_under_too_few() {
    let g = errors(json!({"abs_bad": 7}));
    let few = |failed: Option<f64>, value: f64| Sample { requests: Some(100.0), failed, ..Sample::one(secs(0), value) };
    verdict(&g, &few(Some(7.0), 0.0), Verdict::Bad);
    verdict(&g, &few(Some(6.0), 0.07), Verdict::TooFew);
    // Where the source does not count failures, they follow from the rate: 0.07 × 100 is 7 but for the last bit.
    verdict(&g, &few(None, 0.07), Verdict::Bad);
    verdict(&g, &few(None, 0.06), Verdict::TooFew);
    let success = gate(json!({"measure": "success_rate", "min": "99%", "abs_bad": 7}));
    verdict(&success, &few(None, 0.93), Verdict::Bad);
    verdict(&success, &few(None, 0.94), Verdict::TooFew);
    // With enough requests as well, whatever the limit says.
    let plenty = |failed| Sample { requests: Some(5000.0), failed: Some(failed), ..Sample::one(secs(0), 0.001) };
    verdict(&g, &plenty(40.0), Verdict::Bad);
    verdict(&g, &plenty(6.0), Verdict::Good);
    // A gate that only compares with the old version does not apply where either side has too few.
    let compares = gate(json!({"measure": "error_rate", "baseline": {"ratio": 1.5}, "abs_bad": 7}));
    let beside = |requests, old| Sample {
        requests: Some(requests),
        failed: Some(40.0),
        baseline: Some(vec![0.001.into()]),
        baseline_requests: Some(old),
        ..Sample::one(secs(0), 0.001)
    };
    verdict(&compares, &beside(100.0, 5000.0), Verdict::NotApplicable);
    verdict(&compares, &beside(5000.0, 100.0), Verdict::NotApplicable);
    verdict(&compares, &beside(5000.0, 5000.0), Verdict::Bad);
    // What ranks above TooFew is not overruled.
    verdict(&g, &Sample { sample_at: Some(secs(-60)), ..few(Some(50.0), 0.5) }, Verdict::Stale);
}

#[test]
fn series_become_one_value() {
    let four = [2.0, 0.5, 0.0, 1.5];
    for (how, side, limit, wanted) in [
        ("max", "max", 2.0, Verdict::Good),
        ("max", "max", 1.9, Verdict::Bad),
        ("min", "max", 0.0, Verdict::Good),
        ("min", "min", 0.1, Verdict::Bad),
        ("sum", "max", 4.0, Verdict::Good),
        ("sum", "max", 3.9, Verdict::Bad),
        ("mean", "max", 1.0, Verdict::Good),
        ("mean", "max", 0.9, Verdict::Bad),
        ("every", "max", 2.0, Verdict::Good),
        ("every", "max", 1.9, Verdict::Bad),
        ("every", "min", 0.0, Verdict::Good),
        ("every", "min", 0.1, Verdict::Bad),
    ] {
        let gate = gate(json!({"promql": "x", "reduce": how, side: limit}));
        verdict(&gate, &many(&four), wanted);
        // A missing part may hide anything; an infinite one makes nonsense of the rest.
        verdict(&gate, &many(&[2.0, f64::NAN, 0.0]), Verdict::NoData);
        verdict(&gate, &many(&[2.0, f64::NAN, f64::NEG_INFINITY]), Verdict::Invalid);
    }
    let all = gate(json!({"promql": "x", "reduce": "every", "min": 1, "max": 3}));
    assert_eq!(judge(&all, &cx(), &many(&[2.0, 9.0])).value, Some(9.0), "the worst is shown");
    assert_eq!(judge(&all, &cx(), &many(&[2.0, 0.5])).value, Some(0.5), "the worst is shown");
    let sum = gate(json!({"promql": "x", "reduce": "sum", "max": 1}));
    verdict(&sum, &many(&[f64::MAX, f64::MAX]), Verdict::Invalid);
}

#[test]
fn a_comparison_needs_requests_on_both_sides() {
    let only = gate(json!({"measure": "error_rate", "baseline": {"ratio": 1.5}}));
    let both = errors(json!({"baseline": {"ratio": 1.5}}));
    let sample = |new: f64, old: f64, requests: f64, old_requests: f64| Sample {
        baseline: Some(vec![old.into()]),
        baseline_requests: Some(old_requests),
        requests: Some(requests),
        ..Sample::one(secs(0), new)
    };
    for (gate, sample, wanted) in [
        (&only, sample(0.5, 0.1, 1000.0, 1000.0), Verdict::Bad),
        (&only, sample(0.1, 0.1, 1000.0, 1000.0), Verdict::Good),
        (&only, sample(0.5, 0.1, 299.0, 1000.0), Verdict::NotApplicable),
        (&only, sample(0.5, 0.1, 1000.0, 299.0), Verdict::NotApplicable),
        (&only, sample(0.5, f64::NAN, 1000.0, 0.0), Verdict::NotApplicable),
        (&only, sample(0.5, f64::INFINITY, 1000.0, 3.0), Verdict::NotApplicable),
        // The fixed limit stands by itself.
        (&both, sample(0.5, 0.5, 299.0, 1000.0), Verdict::TooFew),
        (&both, sample(0.009, 0.001, 1000.0, 299.0), Verdict::Good),
        (&both, sample(0.5, 0.5, 1000.0, 299.0), Verdict::Bad),
        (&both, sample(0.009, 0.001, 1000.0, 1000.0), Verdict::Bad),
        // An old version that ought to answer and does not is a missing part.
        (&only, sample(0.1, f64::NAN, 1000.0, 1000.0), Verdict::NoData),
        (&both, sample(0.001, f64::NAN, 1000.0, 1000.0), Verdict::NoData),
        (&both, sample(0.001, f64::INFINITY, 1000.0, 1000.0), Verdict::Invalid),
    ] {
        verdict(gate, &sample, wanted);
    }
    let unasked = Sample { baseline: None, baseline_requests: None, ..sample(0.001, 0.0, 1000.0, 0.0) };
    says(&only, &unasked, Verdict::NoData, "no data: the old version has no such series");
    // No traffic on the new version: nothing to compare, nothing in the way.
    let none = Sample { series: vec![], ..sample(0.0, 0.1, 0.0, 1000.0) };
    verdict(&only, &none, Verdict::NotApplicable);
}

#[test]
fn a_gate_without_a_limit_is_never_good() {
    verdict(&gate(json!({"promql": "x"})), &busy(0, 0.0), Verdict::Invalid);
}
