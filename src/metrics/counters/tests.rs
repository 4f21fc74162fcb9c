use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Time {
    Time(seconds * 1000)
}

fn scrape(series: &[(&str, &str, f64)]) -> Scrape {
    series.iter().map(|(s, g, v)| (s.to_string(), (g.to_string(), *v))).collect()
}

/// A tracker fed one series of one group, every 10 s from 0.
fn fed(values: &[f64]) -> Tracker {
    let mut tracker = Tracker::default();
    for (i, v) in values.iter().enumerate() {
        tracker.record(at(i as i64 * 10), None, &scrape(&[("s", "g", *v)]));
    }
    tracker
}

fn total(tracker: &Tracker, from: i64, to: i64) -> Option<f64> {
    tracker.increase(at(from), at(to)).map(|i| i.groups.values().sum())
}

#[test]
fn growth_is_counted_between_the_scrapes_inside_the_window() {
    let tracker = fed(&[100.0, 110.0, 130.0, 160.0]);
    assert_eq!(total(&tracker, 0, 30), Some(60.0));
    assert_eq!(total(&tracker, 10, 30), Some(50.0));
    assert_eq!(total(&tracker, 11, 30), Some(30.0), "never from before the window");
    assert_eq!(total(&tracker, 0, 29), Some(30.0), "never from after it");
    assert_eq!(total(&tracker, 25, 30), None, "one scrape says nothing");
    assert_eq!(total(&tracker, 40, 90), None);
    assert_eq!(total(&Tracker::default(), 0, 90), None);
}

#[test]
fn a_reset_is_found_in_each_series_before_summing() {
    let mut tracker = Tracker::default();
    tracker.record(at(0), None, &scrape(&[("a", "200", 100.0), ("b", "200", 50.0)]));
    // `a` restarted and stands at 5, `b` went on: summed first, 150 -> 75 would read as a reset of both, growing 75.
    tracker.record(at(10), None, &scrape(&[("a", "200", 5.0), ("b", "200", 70.0)]));
    assert_eq!(total(&tracker, 0, 10), Some(25.0));
}

#[test]
fn a_series_born_between_two_scrapes_counts_from_zero() {
    let mut tracker = Tracker::default();
    tracker.record(at(0), None, &scrape(&[("ok", "200", 1000.0)]));
    tracker.record(at(10), None, &scrape(&[("ok", "200", 1010.0), ("bad", "500", 7.0)]));
    let increase = tracker.increase(at(0), at(10)).unwrap();
    assert_eq!(increase.groups.into_iter().collect::<Vec<_>>(), [("200".into(), 10.0), ("500".into(), 7.0)]);
}

#[test]
fn a_first_scrape_counts_only_for_a_pod_known_to_be_new() {
    let mut old = Tracker::default();
    old.record(at(20), None, &scrape(&[("s", "g", 1e6)]));
    assert_eq!(total(&old, 0, 20), None);
    let mut new = Tracker::default();
    new.record(at(20), Some(at(10)), &scrape(&[("s", "g", 30.0)]));
    assert_eq!(total(&new, 0, 20), Some(30.0));
    assert_eq!(total(&new, 15, 20), None, "the window begins after it was born");
    new.record(at(30), Some(at(25)), &scrape(&[("s", "g", 31.0)]));
    assert_eq!(total(&new, 0, 30), Some(31.0), "born is heeded once");
}

#[test]
fn a_scrape_without_the_series_is_a_scrape() {
    let mut tracker = Tracker::default();
    tracker.record(at(0), None, &Scrape::new());
    tracker.record(at(10), None, &Scrape::new());
    assert_eq!(total(&tracker, 0, 10), Some(0.0));
    // A series that is away for a scrape and comes back goes on where it was.
    let mut gap = fed(&[10.0, 20.0]);
    gap.record(at(20), None, &Scrape::new());
    gap.record(at(30), None, &scrape(&[("s", "g", 25.0)]));
    assert_eq!(total(&gap, 0, 30), Some(15.0));
}

#[test]
fn a_clock_set_back_starts_the_history_anew() {
    let mut tracker = fed(&[0.0, 10.0, 20.0]);
    tracker.record(at(5), None, &scrape(&[("s", "g", 30.0)]));
    assert_eq!(total(&tracker, 0, 100), None);
    tracker.record(at(15), None, &scrape(&[("s", "g", 34.0)]));
    assert_eq!(total(&tracker, 0, 100), Some(4.0));
}

#[test]
fn series_that_come_and_go_do_not_pile_up() {
    let mut tracker = Tracker::default();
    for round in 0..6u32 {
        let scrape = (0..MAX_SERIES).map(|n| (format!("{round}/{n}"), ("g".to_string(), 1.0))).collect();
        tracker.record(at(i64::from(round) * 10), None, &scrape);
    }
    assert!(tracker.last.len() <= 2 * MAX_SERIES, "{}", tracker.last.len());
    assert_eq!(total(&tracker, 0, 50), Some(5.0 * MAX_SERIES as f64));
}

#[test]
fn three_days_of_scrapes_stay_small_and_windows_stay_covered() {
    let mut tracker = Tracker::default();
    let end = 3 * 24 * 3600;
    for t in (0..=end).step_by(15) {
        tracker.record(at(t), None, &scrape(&[("s", "g", t as f64)]));
    }
    assert!(tracker.len() <= 200, "{}", tracker.len());
    for window in [60, 120, 600, 3600, 6 * 3600, end] {
        let got = total(&tracker, end - window, end).unwrap();
        let short = window as f64 - got;
        assert!((0.0..=(window as f64 / 16.0).max(15.0)).contains(&short), "window {window}: {got}");
    }
    tracker.forget(Dur::hours(1));
    assert_eq!(total(&tracker, 0, end - 3600 - 15), None);
}

/// Growth of one series from its raw values, by the definition.
fn naive(values: &[f64]) -> f64 {
    values.windows(2).map(|w| if w[1] < w[0] { w[1] } else { w[1] - w[0] }).sum()
}

proptest! {
    #[test]
    fn growth_is_the_sum_of_each_series_growth(
        series in proptest::collection::vec(proptest::collection::vec(0u32..1000, 5), 1..6),
    ) {
        let mut tracker = Tracker::default();
        for t in 0..5 {
            let scrape = series.iter().enumerate()
                .map(|(i, v)| (i.to_string(), ((i % 2).to_string(), f64::from(v[t])))).collect();
            tracker.record(at(t as i64 * 10), None, &scrape);
        }
        let expected: f64 = series.iter().map(|v| naive(&v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>())).sum();
        prop_assert_eq!(total(&tracker, 0, 40).unwrap(), expected);
    }

    #[test]
    fn growth_is_never_negative_and_adds_up_over_windows(values in proptest::collection::vec(0u32..1000, 3..30), cut in 1usize..28) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let tracker = fed(&values);
        let end = (values.len() as i64 - 1) * 10;
        let cut = (cut.min(values.len() - 2) * 10) as i64;
        let (left, right) = (total(&tracker, 0, cut).unwrap(), total(&tracker, cut, end).unwrap());
        prop_assert!(left >= 0.0 && right >= 0.0);
        prop_assert_eq!(left + right, total(&tracker, 0, end).unwrap());
    }

    #[test]
    fn a_restart_never_counts_more_than_was_served(served in proptest::collection::vec(0u32..100, 2..20), restarts in any::<u32>()) {
        // The process serves `served[t]` before each scrape and may restart just after a scrape, losing its counter.
        let (mut raw, mut all, mut tracker) = (500.0, 0.0, Tracker::default());
        tracker.record(at(0), None, &scrape(&[("s", "g", raw)]));
        for (t, n) in served.iter().enumerate() {
            if restarts >> t & 1 == 1 {
                raw = 0.0;
            }
            raw += f64::from(*n);
            all += f64::from(*n);
            tracker.record(at((t as i64 + 1) * 10), None, &scrape(&[("s", "g", raw)]));
        }
        let counted = total(&tracker, 0, 10_000).unwrap();
        prop_assert!(counted <= all, "{counted} of {all}");
        if restarts << (32 - served.len() as u32) == 0 {
            prop_assert_eq!(counted, all);
        }
    }

    #[test]
    fn thinning_loses_no_growth(values in proptest::collection::vec(0u32..1000, 700)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let tracker = fed(&values);
        prop_assert!(tracker.len() < 200);
        prop_assert_eq!(total(&tracker, 0, 7000).unwrap(), naive(&values));
    }
}
