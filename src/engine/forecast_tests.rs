//! When a plan would be done, by example.
use super::*;
use crate::spec::when::Instant;
use crate::spec::{SourceFile, load, presets};

fn at(text: &str) -> Time {
    text.parse::<Instant>().unwrap().0
}

/// Billing needs ledger; both have tenants. `calendar` and `tenants` are the inner parts of those documents.
fn planned(calendar: &str, tenants: &str, tenancy: &str) -> Plan {
    let head = "apiVersion: pilothouse.dev/v1alpha1\n";
    let service = |name: &str| {
        format!(
            "    - {{name: {name}, version: 1.0.0, workload: {{deployment: {name}, container: app}}, tenancy: {tenancy},\n       traffic: {{httpRoute: {{name: {name}, stable: {name}, next: {name}-next, port: 80}}}}}}\n"
        )
    };
    let text = format!(
        "{head}kind: Fleet\nmetadata: {{name: f}}\nspec:\n  environments: [{{name: e, kubernetes: {{namespace: n}}}}]\n  services:\n{}{}---\n\
         {head}kind: Upgrade\nmetadata: {{name: u}}\nspec:\n  fleet: f\n  environment: e\n  policy: erp\n  strategy: phased\n  to:\n    \
         ledger: {{image: \"r.example/ledger:2.0.0\"}}\n    billing: {{image: \"r.example/billing:2.0.0\", needs: {{ledger: \">=2\"}}}}\n---\n\
         {head}kind: Calendar\nmetadata: {{name: c}}\nspec:\n{calendar}\n---\n{head}kind: Tenants\nmetadata: {{name: t}}\nspec:\n  tenants:\n{tenants}",
        service("ledger"),
        service("billing"),
    );
    let loaded = load(&[SourceFile { name: "all.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    Plan::build(&loaded.bundle(None).unwrap()).unwrap()
}

const HEADER: &str = "{routed: {header: x-tenant}}";
const WEEKEND: &str = "windows: [{days: [Sat], start: \"01:00\", end: \"05:00\"}]";

fn of<'f>(ahead: &'f Forecast, service: &str) -> (&'f Ahead, &'f TenantsAhead) {
    let its = ahead.get(service).unwrap();
    (its, its.tenants.as_ref().unwrap())
}

#[test]
fn what_needs_another_waits_for_it_and_everybody_else_for_the_window_that_all_share() {
    let slots = "  slots: [{name: work, days: [Mon, Tue, Wed, Thu, Fri], start: \"10:00\", end: \"16:00\", zone: UTC}]\n  cohorts: [{name: standard}]";
    let tenants = format!(
        "    - {{id: a, zone: UTC, {WEEKEND}}}\n    - {{id: b, zone: UTC, {WEEKEND}}}\n    - {{id: c, zone: UTC, {WEEKEND}, services: [billing]}}\n"
    );
    let plan = planned(slots, &tenants, HEADER);
    // A Sunday: new pods on Monday, tenants from Saturday 01:00 on, everybody else on the Monday after.
    let ahead = forecast(&plan, at("2026-11-29T12:00:00Z")).unwrap();
    let (ledger, moves) = of(&ahead, "ledger");
    assert_eq!(ledger.begins, Some(at("2026-11-30T10:00:00Z")));
    assert_eq!(moves.from, at("2026-11-30T10:05:00Z"));
    assert_eq!((moves.first, moves.last), (Some(at("2026-12-05T01:00:00Z")), Some(at("2026-12-05T01:08:15Z"))));
    assert_eq!(moves.everybody, Some(at("2026-12-07T10:00:00Z")));
    assert_eq!((ledger.full, ledger.soaked), (Some(at("2026-12-07T10:02:00Z")), Some(at("2026-12-07T10:32:00Z"))));
    let (billing, moves) = of(&ahead, "billing");
    assert_eq!(billing.begins, ledger.full, "it begins when ledger serves all");
    assert_eq!((moves.first, moves.last), (Some(at("2026-12-12T01:00:00Z")), Some(at("2026-12-12T01:16:30Z"))));
    assert_eq!(ahead.full(), Some(at("2026-12-14T10:02:00Z")));
    assert_eq!(ahead.said(ahead.full()), "Mon 2026-12-14 10:02 UTC");
}

#[test]
fn without_a_time_for_one_tenant_nothing_that_waits_for_it_comes() {
    let short = "    - {id: a, zone: UTC, windows: [{days: [Sat], start: \"01:00\", end: \"01:10\"}]}\n";
    let ahead = forecast(&planned("  cohorts: [{name: standard}]", short, HEADER), at("2026-11-29T12:00:00Z")).unwrap();
    let (ledger, moves) = of(&ahead, "ledger");
    assert_eq!((moves.never, moves.first, ledger.full), (1, None, None));
    assert_eq!(moves.blocked().as_deref(), Some("no time within 400d for 1 tenant"));
    assert_eq!((ahead.get("billing").unwrap().begins, ahead.full()), (None, None));
    // Saturday and Sunday have nothing in common.
    let apart = format!(
        "    - {{id: a, zone: UTC, {WEEKEND}}}\n    - {{id: b, zone: UTC, {}}}\n",
        WEEKEND.replace("Sat", "Sun")
    );
    let together = planned("  cohorts: [{name: standard, bind: intersection}]", &apart, HEADER);
    let ahead = forecast(&together, at("2026-11-29T12:00:00Z")).unwrap();
    let (_, moves) = of(&ahead, "ledger");
    let why = "standard is to move at once, and its windows have no time in common within 400d";
    assert_eq!((moves.never, moves.blocked().as_deref()), (2, Some(why)));
}

#[test]
fn all_of_a_forecast_is_looked_for_within_400_days_of_the_question() {
    let tenants = format!(
        "    - {{id: a, zone: UTC, {WEEKEND}, services: [ledger], preferredDate: 2027-09-25}}\n    - {{id: c, zone: UTC, {WEEKEND}, services: [billing], preferredDate: 2028-02-19}}\n"
    );
    let plan = planned("  cohorts: [{name: standard}]", &tenants, HEADER);
    let early = forecast(&plan, at("2026-11-29T12:00:00Z")).unwrap();
    let (billing, moves) = of(&early, "billing");
    assert_eq!((moves.never, billing.full, early.full()), (1, None, None));
    assert_eq!(early.said(billing.full), "not within 400d");
    assert_eq!(billing.stuck.as_ref().map(|s| s.why.as_str()), Some("no time within 400d for 1 tenant"));
    let later = forecast(&plan, at("2027-03-09T12:00:00Z")).unwrap();
    assert_eq!(of(&later, "billing").1.first, Some(at("2028-02-19T01:00:00Z")));
    let ledger = |ahead: &Forecast| ahead.get("ledger").unwrap().full;
    assert_eq!((ledger(&early), ledger(&early).is_some()), (ledger(&later), true));
}

#[test]
fn what_waits_for_a_service_without_an_end_says_so() {
    let short = "    - {id: a, zone: UTC, windows: [{days: [Sat], start: \"01:00\", end: \"01:10\"}]}\n";
    let ahead = forecast(&planned("  cohorts: [{name: standard}]", short, HEADER), at("2026-11-29T12:00:00Z")).unwrap();
    let stuck = ahead.get("billing").unwrap().stuck.clone().unwrap();
    assert_eq!(stuck.why, "waits for ledger, which is not at 100% within 400d");
    let frozen = "  freezes: [{name: ever, from: 2026-01-01T00:00:00Z, to: 2036-01-01T00:00:00Z}]\n  cohorts: [{name: standard}]";
    let ahead = forecast(&planned(frozen, short, HEADER), at("2026-11-29T12:00:00Z")).unwrap();
    let stuck = ahead.get("ledger").unwrap().stuck.clone().unwrap();
    assert!(stuck.why.ends_with("freeze: ever: until Tue 2036-01-01 00:00 UTC"), "{}", stuck.why);
}

#[test]
fn a_cohort_that_is_told_by_one_header_is_one_move() {
    let cohorts = "  cohorts: [{name: beta, per_day: 1, bake: 1h}, {name: standard}]";
    let tenants = format!(
        "    - {{id: a, zone: UTC, cohort: beta, {WEEKEND}}}\n    - {{id: b, zone: UTC, cohort: beta, {WEEKEND}}}\n    - {{id: c, zone: UTC, {WEEKEND}}}\n"
    );
    let ahead =
        forecast(&planned(cohorts, &tenants, "{routed: {cohort: x-cohort}}"), at("2026-12-04T12:00:00Z")).unwrap();
    let (_, moves) = of(&ahead, "ledger");
    // Both of beta at once, then its bake.
    assert_eq!((moves.first, moves.last), (Some(at("2026-12-05T01:00:00Z")), Some(at("2026-12-05T02:08:15Z"))));
}

#[test]
fn when_it_would_be_without_a_freeze_is_not_said_behind_tenants_that_it_may_keep_as_well() {
    let calendar = "  slots: [{name: work, days: [Mon, Tue, Wed, Thu, Fri], start: \"10:00\", end: \"16:00\", zone: UTC}]\n  \
                    freezes: [{name: audit, from: 2026-12-07T10:15:00Z, to: 2026-12-08T00:00:00Z}]\n  cohorts: [{name: standard}]";
    let tenants = format!("    - {{id: a, zone: UTC, {WEEKEND}}}\n");
    let ahead = forecast(&planned(calendar, &tenants, HEADER), at("2026-11-29T12:00:00Z")).unwrap();
    let (billing, _) = of(&ahead, "billing");
    assert_eq!(billing.begins, Some(at("2026-12-08T10:00:00Z")));
    let last = billing.late.last().unwrap();
    assert_eq!((last.cause, last.change.as_str()), (Cause::Freeze, "without it"));
}
