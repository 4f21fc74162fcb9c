//! The whole program with a real Prometheus: it scrapes the practice cluster's pods, and its answers open and close the
//! gates of whole runs.

use std::process::Stdio;
use std::time::Duration;

use crate::support::e2e::{
    Files, Practice, Prometheus, Work, end_of, ended, ends, pilothouse, signal, until, verifies,
};

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
    if crate::support::require("kubectl").is_some() {
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

/// Traffic is split and Prometheus is away: the run must still be taken up, and taken back.
#[test]
fn a_run_is_taken_up_while_prometheus_is_away() {
    let work = Work::new("prometheus-away");
    let practice = Practice::start(&work, "healthy");
    let Some(prometheus) = Prometheus::start(&work, &practice.sd) else { return };
    let services = [("tenants", "1.4.2", "1.5.0", "")];
    let files = Files { prometheus: Some(prometheus.url.clone()), ..Files::of(&services) }.write(&work);
    let start = |args: &[&str]| {
        let mut command = pilothouse(&work);
        command.arg("--kubeconfig").arg(&practice.kubeconfig).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let path = files.to_str().unwrap();
    let run = start(&["run", "--on-exit", "hold", "-f", path]);
    until("25 % on the route", LIMIT, || (practice.weights("tenants").1 == Some(25)).then_some(()));
    signal(&run, "TERM");
    ended(run, LIMIT).is(7, &["pilothouse resume"]);
    drop(prometheus);

    let begun = start(&["run", "-f", path]);
    ended(begun, LIMIT).is(6, &["nothing was begun"]);
    let resumed = start(&["resume", "--headless", "-o", "jsonl"]);
    until("the lease", LIMIT, || {
        let lease = practice.get("/apis/coordination.k8s.io/v1/namespaces/shop/leases");
        let held =
            lease.pointer("/items/0/spec/holderIdentity").and_then(|h| h.as_str()).is_some_and(|h| !h.is_empty());
        held.then_some(())
    });
    signal(&resumed, "TERM");
    until("0 % on the route", LIMIT, || practice.weights("tenants").1.is_none_or(|w| w == 0).then_some(()));
    signal(&resumed, "TERM");
    let said = ended(resumed, LIMIT);
    assert!(said.err.contains("the run is taken up, and raises nothing until there is data"), "{said}");
}
