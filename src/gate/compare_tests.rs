use serde_json::json;

use super::*;
use crate::gate::fixtures::gate;

fn one(v: f64) -> Reading {
    Reading { low: v, high: v }
}

/// `Good`, `Bad`, `NothingToCompare` or `Unusable`, with the reason where there is one.
fn told(gate: &Gate, new: f64, old: Option<f64>) -> (&'static str, String) {
    match compare(gate, one(new), old.map(one)) {
        Outcome::Good { reason, .. } => ("Good", reason),
        Outcome::Bad { reason, .. } => ("Bad", reason),
        Outcome::Unusable(reason) => ("Unusable", reason),
        Outcome::NothingToCompare { .. } => ("NothingToCompare", String::new()),
    }
}

#[test]
fn equal_is_good_however_the_limit_is_written() {
    for hundredths in 0..=10_000u32 {
        let percent = format!("{}%", f64::from(hundredths) / 100.0);
        // What a person means by it, and what a source gets from dividing two counts.
        let literal: f64 = format!("{}e-2", percent.trim_end_matches('%')).parse().unwrap();
        let counted = f64::from(hundredths) / 10_000.0;
        for side in ["max", "min"] {
            let gate = gate(json!({"measure": "error_rate", side: percent}));
            assert_eq!(told(&gate, literal, None).0, "Good", "{side} {percent}");
            assert_eq!(told(&gate, counted, None).0, "Good", "{side} {percent}");
            let worse = if side == "max" { literal + 1e-7 } else { literal - 1e-7 };
            assert_eq!(told(&gate, worse, None).0, "Bad", "{side} {percent} against {worse}");
        }
    }
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let gate = gate(json!({"promql": "x", "max": 0}));
    assert_eq!(told(&gate, 0.0, None).0, "Good");
    assert_eq!(told(&gate, 1e-300, None).0, "Bad");
}

#[test]
fn both_limits_make_a_band() {
    let gate = gate(json!({"promql": "x", "name": "replicas", "min": 2, "max": 4}));
    for (value, verdict) in [(1.0, "Bad"), (2.0, "Good"), (3.0, "Good"), (4.0, "Good"), (5.0, "Bad")] {
        assert_eq!(told(&gate, value, None).0, verdict, "{value}");
    }
    assert_eq!(told(&gate, 1.0, None).1, "replicas 1 < min 2");
    assert_eq!(limit_text(&gate), "max 4, min 2");
}

#[test]
fn the_old_version_bounds_the_new_one() {
    let ratio = |measure: &str, r: f64| gate(json!({"measure": measure, "baseline": {"ratio": r}}));
    let by = |measure: &str, d: &str| gate(json!({"measure": measure, "baseline": {"difference": d}}));
    for (gate, new, old, verdict) in [
        // Higher is worse: up to ratio x old.
        (ratio("error_rate", 1.5), 0.015, 0.01, "Good"),
        (ratio("error_rate", 1.5), 0.016, 0.01, "Bad"),
        (ratio("error_rate", 1.1), 0.77, 0.7, "Good"),
        (ratio("latency_quantile", 2.0), 0.4, 0.2, "Good"),
        (ratio("latency_quantile", 2.0), 0.41, 0.2, "Bad"),
        // An old value of 0 leaves no room.
        (ratio("error_rate", 1.5), 0.0, 0.0, "Good"),
        (ratio("error_rate", 1.5), 0.0001, 0.0, "Bad"),
        // Lower is worse: at least old / ratio; below 1 the ratio is taken as it stands.
        (ratio("success_rate", 1.25), 0.8, 1.0, "Good"),
        (ratio("success_rate", 1.25), 0.79, 1.0, "Bad"),
        (ratio("availability", 0.9), 0.9, 1.0, "Good"),
        (ratio("availability", 0.9), 0.89, 1.0, "Bad"),
        (ratio("success_rate", 1.25), 1.0, 0.5, "Good"),
        (by("error_rate", "0.5%"), 0.015, 0.01, "Good"),
        (by("error_rate", "0.5%"), 0.0151, 0.01, "Bad"),
        (by("success_rate", "0.5%"), 0.985, 0.99, "Good"),
        (by("success_rate", "0.5%"), 0.984, 0.99, "Bad"),
        (ratio("error_rate", 1.5), 0.01, -0.01, "Unusable"),
    ] {
        assert_eq!(told(&gate, new, Some(old)).0, verdict, "{} {new} against {old}", limit_text(&gate));
    }
}

#[test]
fn either_bound_makes_it_bad_and_both_are_named() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%", "baseline": {"ratio": 2.0}}));
    assert_eq!(told(&gate, 0.009, Some(0.008)).0, "Good");
    assert_eq!(
        told(&gate, 0.009, Some(0.001)),
        ("Bad", "error rate 0.90% > 0.20% (2 x old 0.10%)".into()),
        "only the old version is passed"
    );
    assert_eq!(told(&gate, 0.02, Some(0.02)), ("Bad", "error rate 2.00% > max 1.00%".into()));
    assert_eq!(told(&gate, 0.02, Some(0.001)).1, "error rate 2.00% > max 1.00%, 2.00% > 0.20% (2 x old 0.10%)");
    // Without an old value the fixed limit stands alone.
    assert_eq!(told(&gate, 0.009, None).0, "Good");
}

#[test]
fn a_limit_that_is_no_number_is_never_good() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%"}));
    let broken = Gate { baseline: Some(Baseline::Ratio(f64::NAN)), ..gate };
    assert_eq!(told(&broken, 0.001, Some(0.001)).0, "Unusable");
}

#[test]
fn no_limit_and_no_old_version_is_nothing_to_compare() {
    assert_eq!(told(&gate(json!({"measure": "error_rate"})), 0.5, None).0, "NothingToCompare");
    // Measures that count faults need no limit: there must be none.
    for measure in ["health_checks", "critical_services"] {
        let gate = gate(json!({"measure": measure, "name": measure}));
        assert_eq!(told(&gate, 0.0, None).0, "Good");
        assert_eq!(told(&gate, 1.0, None).0, "Bad");
        assert_eq!(limit_text(&gate), "max 0");
    }
}

#[test]
fn reasons_tell_apart_what_rounding_would_make_equal() {
    let gate = gate(json!({"measure": "error_rate", "max": "1%"}));
    assert_eq!(told(&gate, 0.0131, None).1, "error rate 1.31% > max 1.00%");
    assert_eq!(told(&gate, 0.010000000001, None).1, "error rate 1.0000000001% > max 1.0000000000%");
    assert_eq!(told(&gate, 0.010004, None).1, "error rate 1.0004% > max 1.0000%");
    assert_eq!(told(&gate, 0.0031, None).1, "error rate 0.31% <= max 1.00%");
    assert_eq!(told(&gate, 0.01, None).1, "error rate 1.00% <= max 1.00%");
}

#[test]
fn units_come_from_the_limit_or_else_the_measure() {
    for (fields, wanted, text) in [
        (json!({"measure": "error_rate", "max": "1%"}), Unit::Ratio, "max 1.00%"),
        (json!({"measure": "error_rate", "max": 0.01}), Unit::Ratio, "max 1.00%"),
        (json!({"measure": "error_rate", "max": "0.005%"}), Unit::Ratio, "max 0.005%"),
        (json!({"measure": "latency_quantile", "max": "500ms"}), Unit::Seconds, "max 500ms"),
        (json!({"measure": "latency_quantile", "max": 2}), Unit::Seconds, "max 2.00s"),
        (json!({"promql": "x", "max": "5%"}), Unit::Ratio, "max 5.00%"),
        (json!({"promql": "x", "max": 7}), Unit::Count, "max 7"),
        (json!({"promql": "x", "baseline": {"difference": "5%"}}), Unit::Ratio, "max old + 5.00%"),
        (json!({"measure": "success_rate", "baseline": {"ratio": 1.5}}), Unit::Ratio, "min old / 1.5"),
        (json!({"measure": "error_rate", "trigger": {"burn_rate": {"slo": "99.9%"}}}), Unit::Ratio, "SLO 99.90%"),
        (json!({"promql": "x"}), Unit::Count, "no limit"),
    ] {
        let gate = gate(fields);
        assert_eq!(unit(&gate), wanted, "{gate:?}");
        assert_eq!(limit_text(&gate), text);
    }
}
