//! Segments of users go first on the practice cluster: all of their requests with the first weight, over a kill, and back.
use std::time::Duration;

use crate::support::e2e::{Files, Practice, Process, Work, audit, ends, pilothouse, run_dir, until, verifies};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(400);
const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/billing";

/// An upgrade of billing on which the practice cluster's beta clients go first: 12 of 100 requests.
fn files(steps: &str) -> String {
    let segments = "strategy: canary\n  segments: [{name: beta, header: x-cohort, values: [beta]}]";
    Files::of(&[("billing", "4.1.8", "4.2.1", "")]).with("steps", steps).text().replace("strategy: canary", segments)
}

/// Weight, and values of rules where they are turned, of each write to the route in the order of the journal; a write that
/// is asked once more after a kill counts once.
fn writes(records: &[Value]) -> Vec<(u64, Option<String>)> {
    let asked = records.iter().filter(|r| r["kind"] == "intent").filter_map(|r| r.pointer("/body/action"));
    let values = |turn: &Value| {
        let rules = turn["rules"].as_array()?.iter();
        let values = rules.flat_map(|r| r["values"].as_array().cloned().unwrap_or_default());
        Some(values.filter_map(|v| v.as_str().map(String::from)).collect::<Vec<_>>().join(" "))
    };
    let one = |action: &Value| match action.get("set_weight") {
        Some(set) => Some((set["next"].as_u64()?, set.get("rules").and_then(values))),
        None => Some((u64::MAX, Some(values(action.get("route_rules")?)?))),
    };
    let mut all: Vec<_> = asked.filter_map(one).collect();
    all.dedup();
    all
}

#[test]
fn beta_users_go_first_over_a_kill_in_the_middle() {
    let work = Work::new("segments");
    let practice = Practice::start(&work, "healthy");
    let before = practice.get(ROUTE)["spec"].clone();
    let file = work.write("all.yaml", &files("[{weight: 10, hold: 20s}, {weight: 100, hold: 10s}]"));
    let mut command = pilothouse(&work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(&file);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = Process(command.spawn().unwrap());
    let first = until("the rule of the segment", LIMIT, || {
        let rules = practice.get(ROUTE)["spec"]["rules"].as_array().cloned().unwrap_or_default();
        rules.first().map(Value::to_string).filter(|rule| rule.contains("x-cohort")).map(|_| rules)
    });
    assert_eq!(first[1]["backendRefs"][1]["weight"], 10, "the first weight came with it: {first:?}");
    child.0.kill().unwrap();
    child.0.wait().unwrap();

    let mut again = pilothouse(&work);
    again.arg("--kubeconfig").arg(&practice.kubeconfig).args(["resume", "--headless"]);
    ends(&mut again, LIMIT).is(0, &["rules written: no segment has one any more"]);
    let records = audit(&run_dir(&work.state()));
    let rules = |text: &str| Some(text.to_string());
    let wanted = [(10, rules("beta")), (100, None), (u64::MAX, rules("")), (0, None)];
    assert_eq!(writes(&records), wanted);
    // What the practice cluster's pods answered: requests with the header went to the new version.
    let text = records.iter().map(Value::to_string).find(|r| r.contains("segments are about")).unwrap();
    let said = text.split("segments are about ").nth(1).and_then(|t| t.split('%').next()).unwrap();
    let share: u32 = said.parse().unwrap();
    assert!((7..=18).contains(&share), "12 of 100 requests carry the header, {share}% were seen");
    assert_eq!(practice.get(ROUTE)["spec"], before, "the route is what it was, byte for byte");
    assert_eq!(practice.image("billing"), "registry.example/billing:4.2.1");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn a_bad_version_gives_weight_and_segment_back_in_one_write() {
    let work = Work::new("segments-back");
    let practice = Practice::start(&work, "slow");
    let before = practice.get(ROUTE)["spec"].clone();
    let file = work.write("all.yaml", &files("[{weight: 50, hold: 1m}, {weight: 100, hold: 10s}]"));
    let mut command = pilothouse(&work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-f"]).arg(&file);
    ends(&mut command, LIMIT).is(3, &["with the rules of segment beta", "rules written: no segment has one any more"]);
    let records = audit(&run_dir(&work.state()));
    let rules = |text: &str| Some(text.to_string());
    assert_eq!(writes(&records), [(50, rules("beta")), (0, rules(""))]);
    assert_eq!(practice.get(ROUTE)["spec"], before);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}
