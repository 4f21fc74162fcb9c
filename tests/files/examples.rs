//! The files of the example fleet are clean, and say what the practice cluster holds.
use pilothouse::cli::plan::{self, Beside};
use pilothouse::plan::Plan;
use pilothouse::spec::units::Time;
use pilothouse::spec::{Loaded, SourceFile, load, presets};
use serde_json::{Value, json};

fn shop() -> Loaded {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file("fleet.yaml", include_str!("../../examples/shop/fleet.yaml")),
        file("policy.yaml", include_str!("../../examples/shop/policy.yaml")),
        file("upgrade.yaml", include_str!("../../examples/shop/upgrade.yaml")),
    ];
    load(&files, presets()).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn the_shop_validates_without_a_word() {
    let loaded = shop();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!((loaded.fleets.len(), loaded.policies.len(), loaded.upgrades.len()), (1, 1, 1));
}

#[test]
fn the_shop_goes_in_five_waves() {
    let bundle = shop().bundle(None).unwrap();
    assert!(!bundle.environment.production);
    let plan = Plan::build(&bundle).unwrap();
    let waves: Vec<(u32, &str, &str)> =
        plan.services.iter().map(|s| (s.wave, s.service.name.as_str(), s.version.as_str())).collect();
    assert_eq!(
        waves,
        [
            (1, "auth", "4.2.1"),
            (1, "gateway", "2.9.3"),
            (1, "tenants", "1.5.0"),
            (2, "catalog", "3.1.0"),
            (2, "ledger", "5.2.4"),
            (3, "billing", "4.2.1"),
            (4, "orders", "6.1.0"),
            (5, "portal", "8.9.0"),
            (5, "search", "2.3.0"),
        ]
    );
    let critical: Vec<&str> =
        bundle.fleet.spec.services.iter().filter(|s| s.critical).map(|s| s.name.as_str()).collect();
    assert_eq!(critical, ["auth", "gateway", "ledger"]);
}

#[test]
fn the_shop_policy_is_erp_with_people() {
    let loaded = shop();
    let mut shop = loaded.policy("shop").unwrap().clone();
    assert!(!shop.spec.people.is_empty());
    shop.spec.people = Default::default();
    assert_eq!(shop.spec, loaded.policy("erp").unwrap().spec);
}

#[test]
fn billing_goes_tenant_by_tenant() {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file("upgrade.yaml", include_str!("../../examples/phased/upgrade.yaml")),
        file("tenants.yaml", include_str!("../../examples/phased/tenants.yaml")),
    ];
    let loaded = load(&files, presets()).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let plan = Plan::build(&loaded.bundle(None).unwrap()).unwrap();
    let phased = plan.get("billing").unwrap().phased.clone().unwrap();
    let names: Vec<&str> = phased.moves.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["lumen", "fjord-beta", "acme-eu"]);
}

#[test]
fn beta_and_the_internal_team_go_first() {
    let file =
        SourceFile { name: "upgrade.yaml".into(), text: include_str!("../../examples/segments/upgrade.yaml").into() };
    let loaded = load(&[file], presets()).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let plan = Plan::build(&loaded.bundle(None).unwrap()).unwrap();
    let said: Vec<String> = plan.get("billing").unwrap().segments.iter().map(|s| s.said()).collect();
    assert_eq!(said, ["beta (x-cohort: beta)", "internal (x-user-type: staff, partner)"]);
    let beside = Beside { earlier: &[], tenants: None, now: Time(0) };
    let text = plan::text(&plan, beside);
    for part in [
        "First on billing, with all of their requests, while everybody else goes by these steps: beta (x-cohort: beta), \
         internal (x-user-type: staff, partner).",
        "Their share of the requests is not known before",
        "4. pods for 5%, then weight 5% and rules for the segments that go first, then 5m clean",
        "7. segments' rules are taken away: the weight sends everybody there",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let json: Value = serde_json::from_str(&plan::json(&plan, beside)).unwrap();
    let billing = &json["services"][0];
    assert_eq!(billing["segments"][1]["values"], json!(["staff", "partner"]));
    assert_eq!(billing["segments"][0], json!({"name": "beta", "header": "x-cohort", "values": ["beta"]}));
    assert_eq!(
        billing["effects"][3],
        "pods for 5%, then weight 5% and rules for segments beta and internal, then 5m clean"
    );
}

/// A segment on a service that the upgrade leaves alone would go nowhere: of a release that shows when it is planned.
#[test]
fn a_segment_without_a_service_makes_no_plan() {
    let text = include_str!("../../examples/segments/upgrade.yaml");
    let file = SourceFile { name: "upgrade.yaml".into(), text: text.into() };
    let mut bundle = load(&[file], presets()).unwrap().bundle(None).unwrap();
    bundle.upgrade.spec.segments[1].services = vec!["ledger".into()];
    let error = Plan::build(&bundle).unwrap_err().to_string();
    assert!(error.starts_with("segment `internal` goes first on services that this upgrade leaves alone"), "{error}");
}

#[test]
fn the_shop_may_go_to_production_only_with_its_people() {
    let upgrade =
        include_str!("../../examples/shop/upgrade.yaml").replace("environment: practice", "environment: prod-eu1");
    let files = |upgrade: &str| {
        let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
        vec![
            file("fleet.yaml", include_str!("../../examples/shop/fleet.yaml")),
            file("policy.yaml", include_str!("../../examples/shop/policy.yaml")),
            file("upgrade.yaml", upgrade),
        ]
    };
    let loaded = load(&files(&upgrade), presets()).unwrap();
    assert!(loaded.bundle(Some("release-2026-4")).unwrap().environment.production);
    let report = load(&files(&upgrade.replace("policy: shop", "policy: erp")), presets()).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(report.problems[0].message.contains("`erp` names no people, and `prod-eu1` is production"), "{report}");
}
