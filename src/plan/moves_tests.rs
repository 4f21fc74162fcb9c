//! Who moves with whom, by what rule, and what makes no sense.
use super::*;
use crate::plan::Plan;
use crate::spec::{SourceFile, load, presets};

#[test]
fn tenants_are_told_as_the_service_says() {
    let of = |routed: Routed| MatchRule::of_tenants(&routed, "beta", &["acme", "lumen"]);
    let by_id = of(Routed::Header("x-tenant".into()));
    assert_eq!((by_id.by.header(), by_id.values.join(" ").as_str()), ("x-tenant", "acme lumen"));
    let by_host = of(Routed::Host("{tenant}.shop.example".into()));
    assert_eq!((by_host.by.header(), by_host.values[0].as_str()), ("Host", "acme.shop.example"));
    let by_cohort = of(Routed::Cohort("x-cohort".into()));
    assert_eq!((by_cohort.by.header(), by_cohort.values), ("x-cohort", vec!["beta".to_string()]));
}

fn plan(tenancy: &str, cohorts: &str, tenants: &str, strategy: &str) -> Result<Plan, String> {
    let head =
        |kind: &str| format!("---\napiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n");
    let service = |name: &str, more: &str| {
        format!(
            "    - {{name: {name}, workload: {{deployment: {name}, container: app}}, traffic: {{httpRoute: {{name: {name}, stable: {name}, next: {name}-next, port: 80}}}}{more}}}\n"
        )
    };
    let text = format!(
        "{}  environments: [{{name: sim, kubernetes: {{namespace: n}}, metrics: {{source_interval: 10s}}}}]\n  services:\n{}{}{}  steps: [{{weight: 10, hold: 2m}}, {{weight: 100, hold: 3m}}]\n  gates: [{{name: e, measure: error_rate, max: 1%}}]\n{}  fleet: x\n  environment: sim\n  policy: x\n  strategy: {strategy}\n  to: {{billing: {{image: \"r/billing:2.0.0\"}}, ledger: {{image: \"r/ledger:2.0.0\"}}}}\n{}  cohorts: {cohorts}\n{}  tenants:\n{tenants}",
        head("Fleet"),
        service("billing", &format!(", tenancy: {tenancy}")),
        service("ledger", ""),
        head("Policy"),
        head("Upgrade"),
        head("Calendar"),
        head("Tenants"),
    );
    let loaded = load(&[SourceFile { name: "x.yaml".into(), text }], presets()).map_err(|r| r.to_string())?;
    Plan::build(&loaded.bundle(None).map_err(|r| r.to_string())?).map_err(|e| e.to_string())
}

const TWO: &str = "[{name: internal}, {name: beta}]";
const THREE: &str = "    - {id: acme, zone: UTC, cohort: beta, contacts: [{email: a@b.example}]}\n    - {id: own, zone: UTC, cohort: internal}\n    - {id: lumen, zone: Europe/Oslo, cohort: beta}\n    - {id: other, zone: UTC, cohort: beta, services: [ledger]}\n";

fn said(phased: &Phased) -> String {
    let one = |m: &Move| format!("{} of {}: {} x{} {}", m.name, m.cohort, m.values.join(" "), m.tenants, m.binds.len());
    phased.moves.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
fn each_tenant_moves_by_itself_in_the_order_of_the_cohorts() {
    let plan = plan("{routed: {header: x-tenant}}", TWO, THREE, "phased").unwrap();
    let phased = plan.get("billing").unwrap().phased.as_ref().unwrap();
    assert_eq!(said(phased), "own of internal: own x1 1; acme of beta: acme x1 1; lumen of beta: lumen x1 1");
    assert_eq!(
        plan.steps("billing").iter().map(|s| (s.weight, s.hold)).collect::<Vec<_>>(),
        [(0, Dur::mins(5)), (100, Dur::mins(3))]
    );
    // What is told apart by nothing goes by weights, as before.
    assert_eq!(plan.get("ledger").unwrap().phased, None);
    assert_eq!(plan.steps("ledger").len(), 2);
    let roster = crate::plan::Roster::of_plan(&plan).unwrap();
    let ids: Vec<&str> = roster.tenants.iter().map(|t| &*t.id).collect();
    assert_eq!(ids, ["own", "acme", "lumen"], "who is taken up without files still knows whom it moves");
    // Nobody's address stands in a plan.
    assert!(!serde_json::to_string(&plan).unwrap().contains("a@b.example"));
    // Those of a cohort that have moved share a rule.
    let rules = phased.rules(|m| m.name != "own");
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].name.as_str(), rules[0].values.join(" ").as_str()), ("beta", "acme lumen"));
    let needs = &plan.when.as_ref().unwrap().needs;
    let reserve = plan.policy.rollback_reserve;
    assert_eq!(needs.services["billing"], plan.policy.warmup + Dur::mins(3) + reserve);
}

#[test]
fn a_cohort_that_is_bound_together_or_told_by_one_header_is_one_move() {
    let together = "[{name: internal}, {name: beta, bind: intersection}]";
    let of = |tenancy: &str, cohorts: &str| {
        plan(tenancy, cohorts, THREE, "phased").map(|p| said(p.get("billing").unwrap().phased.as_ref().unwrap()))
    };
    assert_eq!(
        of("{routed: {header: x-tenant}}", together).unwrap(),
        "own of internal: own x1 1; beta of beta: acme lumen x2 2"
    );
    assert_eq!(
        of("{routed: {cohort: x-cohort}}", together).unwrap(),
        "internal of internal: internal x1 1; beta of beta: beta x2 2"
    );
    let error = of("{routed: {cohort: x-cohort}}", TWO).unwrap_err();
    assert!(error.contains("cohort `beta` of `billing`") && error.contains("bind: intersection"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let error = |tenancy: &str, tenants: &str| plan(tenancy, TWO, tenants, "phased").unwrap_err();
    let found = error("shared", THREE);
    assert!(found.contains("no service of `to` can tell them apart"), "{found}");
    let found =
        error("{routed: {header: x-tenant}}", "    - {id: other, zone: UTC, cohort: beta, services: [ledger]}\n");
    assert!(found.contains("no tenant uses a service of this upgrade that tells it apart"), "{found}");
    let both = "[{name: internal}, {name: beta, bind: intersection}, {name: standard}]";
    let named = format!("{THREE}    - {{id: beta, zone: UTC, cohort: internal}}\n");
    let found = plan("{routed: {header: x-tenant}}", both, &named, "phased").unwrap_err();
    assert!(found.contains("`beta` is both a tenant and a cohort"), "{found}");
    assert_eq!(
        plan("{routed: {header: x-tenant}}", TWO, THREE, "canary").unwrap().get("billing").unwrap().phased,
        None
    );
}
