//! Tenants of a service move one after the other on the practice cluster: by rules that come and go, over a kill in the
//! middle, and back again.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::e2e::{Files, Practice, Process, Said, Work, audit, ends, pilothouse, run_dir, until, verifies};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(400);
const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/billing";

/// An upgrade of billing, tenant by tenant: two cohorts, windows that are always open.
fn files(work: &Work, tenants: &[(&str, &str)]) -> PathBuf {
    let quick = Files::of(&[("billing", "4.1.8", "4.2.1", "")])
        .with("steps", "[{weight: 50, hold: 10s}, {weight: 100, hold: 10s}]")
        .text()
        .replace("strategy: canary", "strategy: phased")
        .replace(
            "next: billing-next, port: 80}}",
            "next: billing-next, port: 80}}\n    tenancy: {routed: {header: x-tenant}}",
        );
    let head =
        |kind: &str| format!("---\napiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: t}}\nspec:\n");
    let any = "windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: \"00:00\", end: \"00:00\"}]";
    let one = |(id, cohort): &(&str, &str)| format!("    - {{id: {id}, zone: UTC, cohort: {cohort}, {any}}}\n");
    let tenants: String = tenants.iter().map(one).collect();
    let calendar = "  cohorts: [{name: beta, bake: 5s}, {name: enterprise, bake: 5s}]\n";
    work.write("all.yaml", &format!("{quick}{}{calendar}{}  tenants:\n{tenants}", head("Calendar"), head("Tenants")))
}

/// What each write of rules asked for, in the order of the journal.
fn rules(records: &[Value]) -> Vec<String> {
    let asked = records.iter().filter(|r| r["kind"] == "intent").filter_map(|r| r.pointer("/body/action/route_rules"));
    let one = |a: &Value| {
        let values = a["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|r| r["values"].as_array().cloned().unwrap_or_default());
        values.filter_map(|v| v.as_str().map(String::from)).collect::<Vec<_>>().join(" ")
    };
    asked.map(one).collect()
}

fn weights(records: &[Value]) -> Vec<u64> {
    let asked = records.iter().filter(|r| r["kind"] == "intent");
    asked.filter_map(|r| r.pointer("/body/action/set_weight/next")?.as_u64()).collect()
}

fn said(work: &Work, practice: &Practice, args: &[&str]) -> Said {
    ends(pilothouse(work).arg("--kubeconfig").arg(&practice.kubeconfig).args(args), LIMIT)
}

#[test]
fn tenants_move_one_by_one_over_a_kill_in_the_middle() {
    let work = Work::new("tenants");
    let practice = Practice::start(&work, "healthy");
    let before = practice.get(ROUTE)["spec"].clone();
    let files = files(&work, &[("acme-eu", "enterprise"), ("lumen", "beta"), ("fjord-beta", "beta")]);
    let mut command = pilothouse(&work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(&files);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = Process(command.spawn().unwrap());
    let of_route = |value: &str| practice.get(ROUTE)["spec"].to_string().contains(value);
    until("the rule of the second tenant", LIMIT, || of_route("fjord-beta").then_some(()));
    let weighted = practice.get(ROUTE)["spec"]["rules"].as_array().and_then(|r| r.last().cloned()).unwrap();
    assert_eq!(weighted["backendRefs"][1]["weight"], 0, "everybody else stays: {weighted}");
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert!(of_route("lumen") && of_route("fjord-beta"), "they stay where they are while nobody drives");

    said(&work, &practice, &["resume", "--headless"]).is(0, &["acme-eu of enterprise moves", "fjord-beta moved after"]);
    let records = audit(&run_dir(&work.state()));
    let written = ["lumen", "lumen fjord-beta", "lumen fjord-beta acme-eu", ""];
    let mut asked = rules(&records);
    // An intent whose answer was lost with the process may be asked once more, and is then found as it is.
    asked.dedup();
    assert_eq!(asked, written);
    assert_eq!(weights(&records), [100, 0], "the weight moves once there, when all have moved, and once back");
    // Nobody else was on the new version then: what it answered was hers.
    assert!(
        records.iter().any(|r| r.to_string().contains("lumen moved after 20s clean, its requests were seen there"))
    );
    assert_eq!(practice.get(ROUTE)["spec"], before, "the route is what it was, byte for byte");
    assert_eq!(practice.image("billing"), "registry.example/billing:4.2.1");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn a_bad_version_takes_its_tenant_back_and_stops_for_a_person() {
    let work = Work::new("tenants-back");
    let practice = Practice::start(&work, "slow");
    let before = practice.get(ROUTE)["spec"].clone();
    let files = files(&work, &[("acme-eu", "beta"), ("lumen", "beta")]);
    let file = files.to_str().unwrap();
    let run = said(&work, &practice, &["run", "--on-exit", "rollback", "--timeout", "150s", "-f", file]);
    run.is(3, &["goes back", "back on the old version, accepted"]);
    let records = audit(&run_dir(&work.state()));
    assert_eq!(weights(&records), Vec::<u64>::new(), "the weight never moved");
    assert_eq!(rules(&records).last().map(String::as_str), Some(""));
    assert_eq!(practice.get(ROUTE)["spec"], before);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}
