use serde_json::json;

use super::super::tests::World;
use super::super::tests::finds;
use crate::engine::rules::{MatchBy, MatchRule};
use crate::plan::When;
use crate::spec::fleet::{Routed, Tenancy};

/// A service whose tenants are routed so, and so many of them in three cohorts.
fn routed(world: &mut World, routed: Routed, count: usize) {
    world.plan.services[0].service.tenancy = Tenancy::Routed(routed);
    let cohorts: Vec<_> = ["internal", "beta", "standard"].map(|name| json!({"name": name})).to_vec();
    let when: When = serde_json::from_value(json!({
        "calendar": {"name": "house", "cohorts": cohorts}, "tz": "2025b",
        "needs": {"run": "1h", "services": {}, "from": "steps"},
        "tenants": [{"name": "customers", "count": count, "sha256": "00"}],
    }))
    .unwrap();
    world.plan.when = Some(when);
}

fn header() -> Routed {
    Routed::Header("x-tenant".into())
}

#[tokio::test]
async fn more_tenants_than_a_route_takes_are_refused_with_the_way_out() {
    finds(true, "would need 128 matches more for 128 tenants; of 128 it has 127 left", |w| routed(w, header(), 128))
        .await;
    let mut world = World::new();
    routed(&mut world, header(), 500);
    let fix = world.look().await.0.problems.remove(0).fix;
    assert!(fix.contains("write `tenancy: {routed: {cohort: x-cohort}}`"), "{fix}");
    finds(true, "would need 15 rules more for 3 cohorts; of 16 it has 11 left", |w| {
        routed(w, header(), 10);
        let rule = w.route["spec"]["rules"][0].clone();
        w.route["spec"]["rules"] = json!(vec![rule; 5]);
    })
    .await;
    finds(true, "rule 0 matches on header x-tenant itself", |w| {
        routed(w, header(), 10);
        w.route["spec"]["rules"][0]["matches"] = json!([{"headers": [{"name": "X-Tenant", "value": "acme"}]}]);
    })
    .await;
    finds(true, "does not serve host a.shop.example", |w| {
        routed(w, Routed::Host("{tenant}.shop.example".into()), 10);
        w.route["spec"]["hostnames"] = json!(["shop.example"]);
    })
    .await;
}

#[tokio::test]
async fn what_fits_is_let_through() {
    for (how, count) in [(header(), 127), (Routed::Cohort("x-cohort".into()), 100_000)] {
        let mut world = World::new();
        routed(&mut world, how, count);
        assert_eq!(world.look().await.0.problems, []);
    }
    finds(false, "by the Host header, which not every gateway matches on", |w| {
        routed(w, Routed::Host("{tenant}.shop.example".into()), 10);
    })
    .await;
    finds(false, "keeps sessions; a tenant that moves begins new ones", |w| {
        routed(w, header(), 10);
        w.route["spec"]["rules"][0]["sessionPersistence"] = json!({"sessionName": "cart"});
    })
    .await;
}

/// So many tenants of one cohort, each of which moves by itself.
fn one_by_one(world: &mut World, count: usize) {
    routed(world, header(), count);
    let one = |i: usize| {
        json!({"name": format!("t{i}"), "cohort": "beta", "by": {"header": "x-tenant"}, "values": [format!("t{i}")],
            "tenants": 1, "binds": []})
    };
    let moves: Vec<_> = (0..count).map(one).collect();
    let phased = json!({"moves": moves, "steps": [{"weight": 0, "hold": "1m"}, {"weight": 100, "hold": "1m"}]});
    world.plan.services[0].phased = Some(serde_json::from_value(phased).unwrap());
}

/// Tenants that have moved share their cohort's rule, and all of them stand in it before the weight moves.
#[tokio::test]
async fn all_moves_of_a_campaign_must_fit_at_once() {
    let what = "beta is told by 65 values, which make 65 matches in one rule; a rule takes 64";
    finds(true, what, |w| one_by_one(w, 65)).await;
    let mut world = World::new();
    one_by_one(&mut world, 65);
    let fix = world.look().await.0.problems.remove(0).fix;
    assert!(fix.contains("a header with the cohort's name"), "{fix}");
    let mut world = World::new();
    one_by_one(&mut world, 64);
    assert_eq!(world.look().await.0.problems, []);
}

/// So many segments of one value each.
fn segments(world: &mut World, count: usize) {
    let one = |i: usize| MatchRule {
        name: format!("s{i}"),
        by: MatchBy::Header("x-user-type".into()),
        values: vec![format!("v{i}")],
    };
    world.plan.services[0].segments = (0..count).map(one).collect();
}

#[tokio::test]
async fn segments_must_fit_into_the_route_before_the_start() {
    let mut world = World::new();
    segments(&mut world, 15);
    assert_eq!(world.look().await.0.problems, []);
    finds(true, "would have 17 rules with 16 more before each of ours; it takes 16", |w| segments(w, 16)).await;
    finds(true, "s0 is told by 65 values, which make 65 matches in one rule; a rule takes 64", |w| {
        segments(w, 1);
        w.plan.services[0].segments[0].values = (0..65).map(|i| format!("v{i}")).collect();
    })
    .await;
    finds(true, "rule 0 matches on header x-user-type itself", |w| {
        segments(w, 1);
        w.route["spec"]["rules"][0]["matches"] = json!([{"headers": [{"name": "X-User-Type", "value": "staff"}]}]);
    })
    .await;
    finds(true, "does not serve host staff.shop.example of s0", |w| {
        segments(w, 1);
        let rule = &mut w.plan.services[0].segments[0];
        (rule.by, rule.values) = (MatchBy::Host, vec!["staff.shop.example".into()]);
        w.route["spec"]["hostnames"] = json!(["shop.example"]);
    })
    .await;
    finds(false, "segments are told by the Host header, which not every gateway matches on", |w| {
        segments(w, 1);
        w.plan.services[0].segments[0].by = MatchBy::Host;
    })
    .await;
    finds(false, "keeps sessions; a segment that moves begins new ones", |w| {
        segments(w, 1);
        w.route["spec"]["rules"][0]["sessionPersistence"] = json!({"sessionName": "cart"});
    })
    .await;
}
