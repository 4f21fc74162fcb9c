//! The whole program with a real Prometheus: it scrapes the practice cluster's pods, and its answers open and close the
//! gates of whole runs.
mod support;

use std::time::Duration;

use support::e2e::{Files, Practice, Prometheus, Work, end_of, ends, pilothouse, verifies};

const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_whole_run_is_judged_by_a_real_prometheus() {
    let work = Work::new("prometheus-good");
    let practice = Practice::start(&work, "healthy");
    let Some(prometheus) = Prometheus::start(&work, &practice.sd) else { return };
    let services = [("ledger", "5.2.0", "5.2.4", ""), ("billing", "4.1.8", "4.2.1", "ledger: \">=5.2.4\"")];
    let files = Files { prometheus: Some(prometheus.url.clone()), ..Files::of(&services) }.write(&work);

    let mut run = pilothouse(&work);
    run.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(files);
    let said = ends(&mut run, LIMIT);
    said.is(0, &[]);
    assert_eq!(end_of(&said)["outcome"], "succeeded");
    for (name, from, to, _) in services {
        assert_eq!(practice.image(name), format!("registry.example/{name}:{to}"));
        assert_eq!(practice.weights(name), (Some(100), None), "{name}'s route is all stable's again");
        // Prometheus itself saw the new version serve, beside the old one and then as stable.
        let versions = prometheus.query(&format!("count by (version) (count_over_time(http_requests_total{{service=\"{name}\",code=\"200\",version=~\"{from}|{to}\"}}[10m]))"));
        assert_eq!(versions.len(), 2, "{name}: {versions:?}");
    }
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    if support::require("kubectl").is_some() {
        practice.kubectl(&["get", "deployment", "billing", "-o", "wide"]).is(0, &["registry.example/billing:4.2.1"]);
    }
    verifies(&work);
}

#[test]
fn a_bad_release_goes_back_by_what_prometheus_says() {
    let work = Work::new("prometheus-bad");
    let practice = Practice::start(&work, "slow");
    let Some(prometheus) = Prometheus::start(&work, &practice.sd) else { return };
    let services = [("billing", "4.1.8", "4.2.1", ""), ("search", "2.2.2", "2.3.0", "billing: \">=4.2.1\"")];
    let files = Files { prometheus: Some(prometheus.url.clone()), ..Files::of(&services) }.write(&work);

    let mut run = pilothouse(&work);
    run.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(files);
    let said = ends(&mut run, LIMIT);
    said.is(3, &["p95 latency 3."]);
    let end = end_of(&said);
    assert_eq!(end["outcome"], "rolled_back");
    assert_eq!(end["services"][0]["state"], "rolled back", "{end}");
    assert_eq!(end["services"][1]["state"], "skipped", "search never begun: {end}");
    assert_eq!(practice.image("billing"), "registry.example/billing:4.1.8");
    assert_eq!(practice.weights("billing"), (Some(100), None));
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}
