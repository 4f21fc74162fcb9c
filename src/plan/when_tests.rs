use super::*;
use crate::plan::NeedsFrom;
use crate::spec::{SourceFile, load, presets};

const FILES: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Fleet
metadata: {name: shop}
spec:
  environments: [{name: test, kubernetes: {namespace: shop}}]
  services:
    - {name: ledger, workload: {deployment: ledger, container: app},
       traffic: {httpRoute: {name: ledger, stable: ledger, next: ledger-next, port: 80}}}
    - {name: billing, workload: {deployment: billing, container: app}, tenancy: {routed: {header: x-tenant}},
       traffic: {httpRoute: {name: billing, stable: billing, next: billing-next, port: 80}}}
---
apiVersion: pilothouse.dev/v1alpha1
kind: Policy
metadata: {name: short}
spec:
  steps: [{weight: 50, hold: 10m}, {weight: 100, hold: 20m}]
  warmup: 5m
  soak: 1h
  gates: [{name: errors, measure: error_rate, max: 1%}]
---
apiVersion: pilothouse.dev/v1alpha1
kind: Upgrade
metadata: {name: release}
spec:
  fleet: shop
  environment: test
  policy: short
  strategy: canary
  preferredDate: 2026-12-01
  to:
    ledger: {image: "r.example/ledger:2.0.0"}
    billing: {image: "r.example/billing:2.0.0", needs: {ledger: ">=2"}}
---
apiVersion: pilothouse.dev/v1alpha1
kind: Calendar
metadata: {name: house}
spec:
  blackouts: [{name: closed, ics: closed.ics}]
  slots: [{name: tuesday, days: [Tue], start: "10:00", end: "14:00"}]
---
apiVersion: pilothouse.dev/v1alpha1
kind: Tenants
metadata: {name: customers}
spec:
  tenants: [{id: acme, zone: Europe/Berlin}]
"#;
const ICS: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261231\nSUMMARY:stocktaking\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n";

fn loaded(text: &str, ics: &str) -> Loaded {
    let files =
        [("all.yaml", text), (ics, ICS)].map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    load(&files, presets()).unwrap_or_else(|report| panic!("{report}"))
}

fn plan(text: &str) -> Plan {
    Plan::build(&loaded(text, "a/closed.ics").bundle(None).unwrap()).unwrap()
}

#[test]
fn needed_time_is_that_of_the_policy_wave_by_wave() {
    let needs = |text: &str| plan(text).when.unwrap().needs;
    let usual = needs(FILES);
    assert_eq!((usual.run, usual.services["billing"]), (Dur::mins(2 * 35 + 10), Dur::mins(35 + 10)));
    assert_eq!(usual.from, NeedsFrom::Steps);
    // Only the last soak is part of the run; those before it go on beside the next wave.
    let soaked = needs(&FILES.replace("soak: 1h", "soak: 1h\n  soak_in_window: true\n  rollback_reserve: 20m"));
    assert_eq!((soaked.run, soaked.services["billing"]), (Dur::mins(2 * 35 + 60 + 20), Dur::mins(35 + 60 + 20)));
}

#[test]
fn five_earlier_runs_say_it_better_than_the_policy() {
    let run = |minutes: u64, last: &str| -> BTreeMap<String, Vec<(String, Dur)>> {
        let phases = |m: u64| {
            let words = ["waits", "deploying", "warming", "shifting", "shifting", "soaking", last];
            words.map(|word| (word.to_string(), Dur::mins(m))).to_vec()
        };
        [("ledger", 1), ("billing", minutes)].map(|(name, m)| (name.to_string(), phases(m))).into()
    };
    let times = |past: &[BTreeMap<String, Vec<(String, Dur)>>]| {
        let mut plan = plan(FILES);
        plan.learn(&past.iter().collect::<Vec<_>>());
        plan.when.unwrap().needs
    };
    let mut past: Vec<_> = (1..=4).map(|m| run(m, "settling")).collect();
    past.push(run(90, "rolling back"));
    assert_eq!(times(&past).from, NeedsFrom::Steps, "one that went back says nothing of how long it takes");
    past.push(run(5, "settling"));
    let needs = times(&past);
    // Deploying, warming and two steps; of five the fifth is the ninetieth per cent.
    assert_eq!((needs.run, needs.services["billing"]), (Dur::mins(4 + 20 + 10), Dur::mins(20 + 10)));
    assert_eq!(needs.from, NeedsFrom::P90 { runs: 5 });
    past.extend((6..=10).map(|m| run(m, "settling")));
    assert_eq!(times(&past).services["billing"], Dur::mins(4 * 9 + 10), "nine of ten took no longer");
}

#[test]
fn what_binds_is_in_the_hash_and_where_a_file_was_is_not() {
    let of = |text: &str, ics: &str| Plan::build(&loaded(text, ics).bundle(None).unwrap()).unwrap().hash();
    let hash = of(FILES, "a/closed.ics");
    assert_eq!(hash, of(FILES, "/somewhere/else/closed.ics"));
    for (from, to) in [
        ("start: \"10:00\"", "start: \"10:01\""),
        ("2026-12-01", "2026-12-02"),
        ("zone: Europe/Berlin", "zone: Europe/Paris"),
    ] {
        let changed = FILES.replace(from, to);
        assert_ne!(of(&changed, "a/closed.ics"), hash, "{from} -> {to}");
    }
    let when = plan(FILES).when.unwrap();
    assert_eq!((when.ics[0].name.as_str(), when.tenants[0].count), ("closed.ics", 1));
    let text = serde_json::to_string(&plan(FILES)).unwrap();
    assert!(!text.contains("acme"), "tenants do not get into a journal");
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan(FILES));
}

#[test]
fn without_a_calendar_nothing_binds_and_tenants_stand_beside_the_run() {
    let cut = FILES.find("---\napiVersion: pilothouse.dev/v1alpha1\nkind: Calendar").unwrap();
    let bare = FILES[..cut].replace("  preferredDate: 2026-12-01\n", "");
    assert_eq!(plan(&bare).when, None);
    let (all, none) = (loaded(FILES, "a/closed.ics"), loaded(&bare, "a/closed.ics"));
    let roster = Roster::of(&all, &all.bundle(None).unwrap()).unwrap();
    assert_eq!((&*roster.tenants[0].id, roster.calendar.name.as_str()), ("acme", "house"));
    assert!(roster.services["ledger"].is_shared() && !roster.services["billing"].is_shared());
    assert_eq!(Roster::of(&none, &none.bundle(None).unwrap()), None);
}
