//! Each scenario tells its story, at the moments the cluster itself shows.

use super::*;

fn story(scenario: Scenario) -> World {
    let mut w = World::new(config(scenario));
    add_next(&mut w, "4.2.1", 4, 10);
    let t = w.now() + 30_000;
    w.advance_to(t);
    w
}

fn error_ratio(w: &mut World, version: &str, span_ms: i64) -> f64 {
    let count = |w: &World| {
        let pods = w.traffic.pods.values().filter(|p| p.service == "billing" && p.version == version);
        pods.fold((0, 0), |a, p| (a.0 + p.codes[2] + p.codes[4], a.1 + p.count))
    };
    let a = count(w);
    let t = w.now() + span_ms;
    w.advance_to(t);
    let b = count(w);
    (b.0 - a.0) as f64 / (b.1 - a.1) as f64
}

#[test]
fn error_spike_waits_for_a_quarter_and_90_seconds() {
    let mut w = story(Scenario::ErrorSpike);
    assert!(error_ratio(&mut w, "4.2.1", 60_000) < 0.01);
    set_weights(&mut w, 75, 25);
    assert!(error_ratio(&mut w, "4.2.1", 90_000) < 0.01);
    let bad = error_ratio(&mut w, "4.2.1", 120_000);
    assert!((0.02..0.04).contains(&bad), "{bad}");
    assert!(error_ratio(&mut w, "4.1.8", 60_000) < 0.01);
}

#[test]
fn slow_is_about_three_and_a_half_seconds_at_the_95th() {
    let mut w = story(Scenario::Slow);
    let t = w.now() + 300_000;
    w.advance_to(t);
    let (mut below, mut all) = (0, 0);
    for p in w.traffic.pods.values().filter(|p| p.version == "4.2.1" && p.service == "billing") {
        below += p.buckets[12];
        all += p.count;
        assert_eq!(crate::practice::traffic::BOUNDS[12], 3.0);
    }
    let at_3 = below as f64 / all as f64;
    assert!((0.90..0.95).contains(&at_3), "{at_3}");
}

#[test]
fn drift_is_a_hand_edit_under_another_manager() {
    let mut w = story(Scenario::Drift);
    set_weights(&mut w, 75, 25);
    let t = w.now() + 42_000;
    w.advance_to(t);
    let r = w.object("httproutes", "shop", "billing").expect("is there");
    assert_eq!(r["spec"]["rules"][0]["backendRefs"][1]["weight"], 40);
    assert!(r["metadata"]["managedFields"].as_array().expect("list").iter().any(|m| m["manager"] == "kubectl-edit"));
}

#[test]
fn the_api_goes_away_twice_for_90_seconds() {
    let mut w = story(Scenario::ApiOutage);
    set_weights(&mut w, 50, 50);
    let (mut away, mut last) = (Vec::new(), None);
    for _ in 0..400 {
        let t = w.now() + 1_000;
        w.advance_to(t);
        if w.outage() != last {
            away.push(w.now());
            last = w.outage();
        }
    }
    assert!(away.len() == 4 || away.len() == 3, "{away:?}");
}

#[test]
fn a_second_driver_takes_the_lease_and_stamps_a_higher_epoch() {
    let mut w = story(Scenario::SecondDriver);
    let lease =
        json!({"metadata": {"name": "pilothouse-shop"}, "spec": {"holderIdentity": "ivo", "leaseTransitions": 3}});
    w.make(of("leases"), "shop", lease, "pilothouse");
    change(&mut w, "httproutes", "billing", |r| {
        r["metadata"]["annotations"]["owner.pilothouse.dev/billing"] = json!("r1/3/9")
    });
    let t = w.now() + 70_000;
    w.advance_to(t);
    let l = w.object("leases", "shop", "pilothouse-shop").expect("is there");
    assert_eq!(
        (l["spec"]["holderIdentity"].as_str(), &l["spec"]["leaseTransitions"]),
        (Some(FOREIGN_HOLDER), &json!(4))
    );
    let r = w.object("httproutes", "shop", "billing").expect("is there");
    assert_eq!(r["metadata"]["annotations"]["owner.pilothouse.dev/billing"], "foreign/4/1");
}

#[test]
fn flaky_metrics_fail_and_come_back() {
    let mut w = story(Scenario::FlakyMetrics);
    let pod = w
        .objects("pods", "shop")
        .into_iter()
        .find(|p| p["metadata"]["labels"]["version"] == "4.2.1" && p["metadata"]["labels"]["app"] == "billing-next")
        .expect("made");
    let pod = pod["metadata"]["name"].as_str().expect("named").to_string();
    let mut seen = Vec::new();
    for _ in 0..1_800 {
        let t = w.now() + 1_000;
        w.advance_to(t);
        let (answer, _) = w.metrics_of("shop", &pod).expect("runs");
        if seen.last() != Some(&answer) {
            seen.push(answer);
        }
    }
    use MetricsAnswer::{Error, Hang, Html, Text};
    assert_eq!(seen, [Text, Error, Text, Html, Text, Hang, Text, Error, Text]);
}

#[test]
fn every_scenario_is_found_by_its_name() {
    for s in Scenario::ALL {
        assert_eq!(s.name().parse::<Scenario>(), Ok(*s));
        assert!(!s.describe().is_empty() && !s.ending().is_empty());
    }
    assert!("nonsense".parse::<Scenario>().unwrap_err().contains("error-spike"));
    assert_eq!(Scenario::ALL.len(), 14);
}

#[test]
fn overlap_has_selectors_that_a_copy_of_billings_template_would_match() {
    let w = World::new(config(Scenario::Overlap));
    let labels = deployment(&w, "billing")["spec"]["template"]["metadata"]["labels"].clone();
    assert_eq!(labels["tier"], "billing");
    let s = w.object("services", "shop", "billing-tier").expect("is there");
    assert_eq!(s["spec"]["selector"], json!({"tier": "billing"}));
    let b = w.object("poddisruptionbudgets", "shop", "billing-tier");
    assert_eq!(b.expect("is there")["status"]["currentHealthy"], 4);
}

#[test]
fn low_traffic_is_a_request_every_few_seconds() {
    let mut w = World::new(config(Scenario::LowTraffic));
    let before = w.served("billing", "4.1.8");
    w.advance_to(START + 1_000_000);
    let n = w.served("billing", "4.1.8") - before;
    assert!((150..350).contains(&n), "{n} in 1000 s");
}

#[test]
fn about_every_fourth_answer_is_lost_and_only_in_its_story() {
    let lost = |scenario| {
        let mut w = World::custom(config(scenario), Fixture::of(Vec::new(), ""));
        (0..400).filter(|_| w.answer_lost()).count()
    };
    assert!((70..130).contains(&lost(Scenario::LostAnswers)));
    assert_eq!(lost(Scenario::Healthy), 0);
}

#[test]
fn crash_loop_never_becomes_ready() {
    let mut w = story(Scenario::CrashLoop);
    let t = w.now() + 120_000;
    w.advance_to(t);
    let d = deployment(&w, "billing-next");
    assert_eq!(number(&d, "/status/readyReplicas"), 0);
    assert_eq!(w.share("billing", "4.2.1"), 0.0);
}

#[test]
fn a_bad_rollback_target_is_unready_for_ten_minutes() {
    let mut w = story(Scenario::BadRollbackTarget);
    set_weights(&mut w, 75, 25);
    let ready = |w: &mut World, after: i64| {
        let t = w.now() + after;
        w.advance_to(t);
        number(&deployment(w, "billing"), "/status/readyReplicas")
    };
    assert_eq!(ready(&mut w, 145_000), 4);
    assert_eq!(ready(&mut w, 10_000), 0);
    assert_eq!(ready(&mut w, 590_000), 0);
    assert_eq!(ready(&mut w, 15_000), 4);
}

#[test]
fn slow_burn_errs_as_it_says() {
    let mut w = story(Scenario::SlowBurn);
    let burn = error_ratio(&mut w, "4.2.1", 600_000);
    assert!((0.010..0.016).contains(&burn), "{burn}");
}

#[test]
fn flapping_pods_come_and_go() {
    let mut w = story(Scenario::Flapping);
    set_weights(&mut w, 90, 10);
    let mut phases = Vec::new();
    for _ in 0..120 {
        let t = w.now() + 5_000;
        w.advance_to(t);
        let ready = number(&deployment(&w, "billing-next"), "/status/readyReplicas") > 0;
        if phases.last() != Some(&ready) {
            phases.push(ready);
        }
    }
    // Ten minutes of 20 s away and 30 s there.
    assert!((20..=26).contains(&phases.len()), "{}", phases.len());
}
