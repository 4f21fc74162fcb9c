use json_patch::{Patch, patch};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::service;
use crate::cluster::http_route::{self, Decision};
use crate::cluster::json::number;
use crate::engine::effect::Action;
use crate::engine::message::CallError;

fn mark(seq: u64) -> OwnerMark {
    OwnerMark { run: "7f3a".into(), epoch: 2, seq }
}

fn tenant(name: &str, values: &[&str]) -> MatchRule {
    MatchRule {
        name: name.into(),
        by: MatchBy::Header("x-tenant".into()),
        values: values.iter().map(|v| v.to_string()).collect(),
    }
}

fn pair(next: u32) -> Value {
    json!([{"name": "billing", "port": 80, "weight": 100 - next}, {"name": "billing-next", "port": 80, "weight": next}])
}

fn route(rules: Vec<Value>) -> Value {
    json!({"metadata": {"name": "billing", "namespace": "shop", "resourceVersion": "55", "generation": 3},
           "spec": {"parentRefs": [{"name": "public"}], "rules": rules}})
}

fn path(value: &str) -> Value {
    json!({"path": {"type": "PathPrefix", "value": value}})
}

fn one_rule() -> Value {
    route(vec![json!({"matches": [path("/billing")], "backendRefs": pair(0)})])
}

fn apply(route: &Value, ops: Vec<Value>) -> Value {
    let mut out = route.clone();
    let ops: Patch = serde_json::from_value(Value::Array(ops)).unwrap();
    patch(&mut out, &ops).unwrap();
    out
}

fn decide(route: &Value, rules: &[MatchRule], expect: &[&str], seq: u64) -> Decision {
    let expect = expect.iter().map(|e| e.to_string()).collect();
    http_route::decide(
        route,
        &service("billing"),
        &Action::RouteRules(Turn { rules: rules.to_vec(), expect, lowers: false }),
        &mark(seq),
    )
}

fn write(route: &Value, rules: &[MatchRule], expect: &[&str], seq: u64) -> Value {
    match decide(route, rules, expect, seq) {
        Decision::Write(ops) => apply(route, ops),
        other => panic!("{other:?}"),
    }
}

fn refused(decision: Decision) -> CallError {
    match decision {
        Decision::Refuse(error) => error,
        other => panic!("{other:?}"),
    }
}

fn spec_rules(route: &Value) -> &[Value] {
    list(route, "/spec/rules")
}

#[test]
fn the_exact_patch_of_the_first_tenant() {
    let Decision::Write(ops) = decide(&one_rule(), &[tenant("acme", &["acme-eu"])], &[], 19) else { panic!() };
    let note = r#"[{"name":"acme","by":{"header":"x-tenant"},"values":["acme-eu"]}]"#;
    assert_eq!(
        Value::Array(ops),
        json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": "55"},
            {"op": "add", "path": "/metadata/annotations", "value": {"owner.pilothouse.dev/billing": "7f3a/2/19"}},
            {"op": "add", "path": "/metadata/annotations/tenants.pilothouse.dev~1billing", "value": note},
            {"op": "add", "path": "/spec/rules/0", "value": {
                "matches": [{"path": {"type": "PathPrefix", "value": "/billing"},
                             "headers": [{"type": "Exact", "name": "x-tenant", "value": "acme-eu"}]}],
                "backendRefs": [{"name": "billing-next", "port": 80, "weight": 100}]}}
        ])
    );
}

/// Matches are a disjunction of conjunctions: each path of the weighted rule once with each value, its own headers kept.
#[test]
fn each_match_of_the_weighted_rule_stays_and_gets_the_header() {
    let get = json!({"path": {"type": "Exact", "value": "/pay"}, "method": "GET",
                     "headers": [{"type": "Exact", "name": "x-api", "value": "2"}]});
    let before = route(vec![json!({
        "name": "pay", "matches": [path("/billing"), get], "backendRefs": pair(10),
        "timeouts": {"request": "5s"}, "filters": [{"type": "RequestMirror"}],
        "sessionPersistence": {"sessionName": "cart", "type": "Cookie"}})]);
    let after = write(&before, &[tenant("beta", &["a", "b"])], &[], 1);
    let made = &spec_rules(&after)[0];
    assert_eq!(list(made, "/matches").len(), 4);
    assert_eq!(
        made["matches"][2],
        json!({"path": {"type": "Exact", "value": "/pay"}, "method": "GET",
               "headers": [{"type": "Exact", "name": "x-api", "value": "2"},
                           {"type": "Exact", "name": "x-tenant", "value": "a"}]})
    );
    assert_eq!(made["timeouts"], json!({"request": "5s"}));
    assert_eq!(made["filters"], json!([{"type": "RequestMirror"}]));
    assert_eq!(made["sessionPersistence"]["sessionName"], "cart-next", "two rules do not share a cookie");
    assert!(made.get("name").is_none(), "names are unique within a route");
    assert_eq!(spec_rules(&after)[1], before["spec"]["rules"][0]);
}

#[test]
fn a_rule_without_matches_stands_for_every_path() {
    let before = route(vec![json!({"backendRefs": pair(0)})]);
    let after = write(&before, &[tenant("acme", &["acme"])], &[], 1);
    assert_eq!(after["spec"]["rules"][0]["matches"][0]["path"], json!({"type": "PathPrefix", "value": "/"}));
}

#[test]
fn tenants_are_read_back_and_found_again() {
    let (acme, beta) = (tenant("acme", &["acme"]), tenant("beta", &["x", "y"]));
    let after = write(&one_rule(), &[acme.clone(), beta.clone()], &[], 1);
    let seen = http_route::observe(&service("billing"), Some(&after));
    let intact = |rule: &MatchRule| MatchRuleSeen { rule: rule.clone(), stands: Stands::Intact };
    assert_eq!(seen.rules, [intact(&acme), intact(&beta)]);
    assert_eq!(seen.weights.map(|w| w.share()), Some(0.0), "a tenant's rule carries no weight of ours");
    assert_eq!(seen.backends.len(), 2);
    assert_eq!(decide(&after, &[acme, beta], &["nobody"], 2), Decision::Found);
}

#[test]
fn an_edited_rule_is_seen_and_mended_and_can_be_taken_away() {
    let acme = tenant("acme", &["acme"]);
    let mut edited = write(&one_rule(), std::slice::from_ref(&acme), &[], 1);
    edited["spec"]["rules"][0]["matches"][0]["path"]["value"] = json!("/elsewhere");
    assert_eq!(observe(&edited, &service("billing"))[0].stands, Stands::Edited);
    let mended = write(&edited, std::slice::from_ref(&acme), &["acme"], 2);
    assert!(observe(&mended, &service("billing"))[0].is_intact());
    assert_eq!(write(&edited, &[], &["acme"], 3)["spec"], one_rule()["spec"]);
    // A rule of another hand moved between ours and the weighted one: ours goes back to where it decides.
    let mut between = mended.clone();
    let foreign = json!({"matches": [path("/")], "backendRefs": [{"name": "ledger", "port": 80}]});
    between["spec"]["rules"].as_array_mut().unwrap().insert(1, foreign.clone());
    assert_eq!(observe(&between, &service("billing"))[0].stands, Stands::Edited);
    let mended = write(&between, std::slice::from_ref(&acme), &["acme"], 4);
    assert_eq!(spec_rules(&mended)[0], foreign);
    assert!(observe(&mended, &service("billing"))[0].is_intact());
}

#[test]
fn tenants_that_were_not_expected_are_a_conflict() {
    let after = write(&one_rule(), &[tenant("acme", &["acme"])], &[], 1);
    let error = refused(decide(&after, &[tenant("beta", &["beta"])], &["gamma"], 2));
    assert_eq!(error.kind, CallErrorKind::Conflict);
    assert_eq!(error.text, "HTTPRoute billing: rules send acme to billing-next, not gamma as expected");
}

#[test]
fn a_rule_of_another_hand_for_the_next_service_is_not_ours() {
    let mut before = one_rule();
    let testers = json!({"matches": [{"headers": [{"name": "x-tester", "value": "1"}]}],
                         "backendRefs": [{"name": "billing-next", "port": 80}]});
    before["spec"]["rules"].as_array_mut().unwrap().insert(0, testers);
    let error = refused(decide(&before, &[tenant("acme", &["acme"])], &[], 1));
    assert!(error.text.contains("holds billing-next but not billing"), "{}", error.text);
}

#[test]
fn the_weights_are_moved_past_the_tenants() {
    let moved = write(&one_rule(), &[tenant("acme", &["acme"])], &[], 1);
    let weight = |route: &Value, action: Action| match http_route::decide(route, &service("billing"), &action, &mark(2))
    {
        Decision::Write(ops) => apply(route, ops),
        other => panic!("{other:?}"),
    };
    let raised = weight(&moved, Action::SetWeight { next: 100, expect: 0, rules: None });
    assert_eq!(spec_rules(&raised)[0], spec_rules(&moved)[0]);
    assert_eq!(raised["spec"]["rules"][1]["backendRefs"], pair(100));
    let error = refused(http_route::decide(&moved, &service("billing"), &Action::RemoveBackend, &mark(3)));
    assert_eq!(error.kind, CallErrorKind::Conflict);
    assert!(error.text.contains("still send acme to billing-next"), "{}", error.text);
    let before_backend = route(vec![json!({"backendRefs": [{"name": "billing", "port": 80}]})]);
    let error = refused(decide(&before_backend, &[tenant("acme", &["acme"])], &[], 4));
    assert!(error.text.contains("does not hold Service billing-next"), "{}", error.text);
}

/// Segments come with the first weight and go with the last, each time in one patch, whose places are those of the route as
/// it was read.
#[test]
fn weights_and_rules_are_turned_in_one_patch() {
    let before = route(vec![
        json!({"matches": [path("/pay")], "backendRefs": pair(0)}),
        json!({"matches": [path("/admin")], "backendRefs": [{"name": "other", "port": 80}]}),
        json!({"matches": [path("/billing")], "backendRefs": pair(0)}),
    ]);
    let one = |route: &Value, next, expect, rules: &[MatchRule], names: &[&str], seq| {
        let turn = Turn { rules: rules.to_vec(), expect: names.iter().map(|n| n.to_string()).collect(), lowers: false };
        http_route::decide(
            route,
            &service("billing"),
            &Action::SetWeight { next, expect, rules: Some(turn) },
            &mark(seq),
        )
    };
    let both = [tenant("beta", &["tester"]), tenant("internal", &["staff", "ops"])];
    let Decision::Write(ops) = one(&before, 10, 0, &both, &[], 1) else { panic!() };
    assert_eq!(ops.iter().filter(|op| op["path"] == "/metadata/resourceVersion").count(), 1);
    let raised = apply(&before, ops);
    assert_eq!(spec_rules(&raised).len(), 7);
    for (place, to) in [(2, "/pay"), (6, "/billing")] {
        assert_eq!(spec_rules(&raised)[place]["backendRefs"], pair(10), "{to}");
        assert_eq!(spec_rules(&raised)[place]["matches"], json!([path(to)]));
        assert_eq!(
            spec_rules(&raised)[place - 1]["backendRefs"],
            json!([{"name": "billing-next", "port": 80, "weight": 100}])
        );
    }
    assert_eq!(spec_rules(&raised)[3], before["spec"]["rules"][1]);
    assert!(observe(&raised, &service("billing")).iter().all(MatchRuleSeen::is_intact));
    // The same again is found; the weight alone is not all that was asked for.
    assert_eq!(one(&raised, 10, 0, &both, &[], 1), Decision::Found);
    assert!(matches!(one(&raised, 10, 0, &both[..1], &["beta", "internal"], 2), Decision::Write(_)));
    let error = refused(one(&raised, 25, 10, &both[..1], &["beta"], 2));
    assert_eq!(error.kind, CallErrorKind::Conflict);
    assert!(error.text.contains("rules send beta, internal to billing-next, not beta as expected"), "{}", error.text);
    let error = refused(one(&raised, 0, 25, &[], &["beta", "internal"], 2));
    assert!(error.text.contains("10 % go to billing-next, not 25 % as expected"), "{}", error.text);
    let Decision::Write(ops) = one(&raised, 0, 10, &[], &["beta", "internal"], 3) else { panic!() };
    let back = apply(&raised, ops);
    assert_eq!(back["spec"].to_string(), before["spec"].to_string());
    assert_eq!(strings(&back, "/metadata/annotations").len(), 1, "the note of the rules is gone with them");
}

#[test]
fn what_a_route_cannot_take_is_refused_with_the_way_out() {
    let many = |n: usize| -> Vec<String> { (0..n).map(|i| format!("t{i}")).collect() };
    let of = |n: usize| MatchRule { values: many(n), ..tenant("standard", &[]) };
    let said = |before: &Value, rules: &[MatchRule]| {
        let error = refused(decide(before, rules, &[], 1));
        assert_eq!(error.kind, CallErrorKind::Rejected);
        error.text
    };
    assert!(matches!(decide(&one_rule(), &[of(64)], &[], 1), Decision::Write(_)));
    let text = said(&one_rule(), &[of(65)]);
    assert!(text.contains("told by 65 values, which make 65 matches in one rule; a rule takes 64"), "{text}");
    assert!(text.contains("header with the cohort's name"), "{text}");
    let text = said(&one_rule(), &[of(64), MatchRule { name: "premium".into(), ..of(64) }]);
    assert!(text.contains("129 matches in all its rules; it takes 128"), "{text}");
    let each: Vec<MatchRule> = many(16).iter().map(|name| tenant(name, &[name])).collect();
    let text = said(&one_rule(), &each);
    assert!(text.contains("17 rules with 16 more before each of ours; it takes 16"), "{text}");
    assert!(matches!(decide(&one_rule(), &each[..15], &[], 1), Decision::Write(_)));
    for (rule, word) in [
        (MatchRule { by: MatchBy::Header("x tenant".into()), ..tenant("a", &["a"]) }, "is no name of a header"),
        (tenant("a", &[]), "has no value to be told by"),
        (tenant("a", &["a\nb"]), "control character"),
    ] {
        let text = said(&one_rule(), &[rule]);
        assert!(text.contains(word), "{text}");
    }
    let mut own = one_rule();
    own["spec"]["rules"][0]["matches"][0]["headers"] = json!([{"name": "X-Tenant", "value": "acme"}]);
    let text = said(&own, &[tenant("acme", &["acme"])]);
    assert!(text.contains("rule 0 matches on header x-tenant itself"), "{text}");
}

#[test]
fn hosts_are_matched_by_their_header_where_the_route_serves_them() {
    let host = |host: &str| MatchRule { by: MatchBy::Host, ..tenant("acme", &[host]) };
    let mut before = one_rule();
    before["spec"]["hostnames"] = json!(["*.shop.example", "acme.example"]);
    for served in ["acme.shop.example", "a.b.shop.example", "ACME.example"] {
        let after = write(&before, &[host(served)], &[], 1);
        let header = &after["spec"]["rules"][0]["matches"][0]["headers"][0];
        assert_eq!(*header, json!({"type": "Exact", "name": "Host", "value": served}));
    }
    for elsewhere in ["shop.example", "acme.other.example", ".shop.example"] {
        let text = refused(decide(&before, &[host(elsewhere)], &[], 1)).text;
        assert!(text.contains(&format!("does not serve host {elsewhere} of acme")), "{text}");
    }
}

fn any_rule() -> impl Strategy<Value = Value> {
    let matches = proptest::collection::vec(prop_oneof![Just("/"), Just("/a"), Just("/b")].prop_map(path), 0..3);
    let backends = prop_oneof![
        (0u32..=100).prop_map(pair),
        Just(json!([{"name": "ledger", "port": 80}])),
        Just(json!([{"name": "billing", "port": 8443, "weight": 3}])),
    ];
    (matches, backends, any::<bool>()).prop_map(|(matches, backends, timeout)| {
        let mut rule = json!({"backendRefs": backends});
        if !matches.is_empty() {
            rule["matches"] = json!(matches);
        }
        if timeout {
            rule["timeouts"] = json!({"request": "3s"});
        }
        rule
    })
}

fn any_tenants() -> impl Strategy<Value = Vec<MatchRule>> {
    let one = ("[a-c]", proptest::collection::vec("[a-z]{1,4}", 1..4));
    proptest::collection::vec(one, 0..4).prop_map(|all| {
        all.into_iter()
            .map(|(name, values)| MatchRule { name, by: MatchBy::Header("x-tenant".into()), values })
            .collect()
    })
}

fn names(tenants: &[MatchRule]) -> Vec<&str> {
    tenants.iter().map(|t| t.name.as_str()).collect()
}

proptest! {
    /// From no tenants over any two sets to none: the rules are byte for byte what they were; between, all rules that
    /// are not a tenant's stand as they did and in their order, and the weights sum to 100.
    #[test]
    fn tenants_come_and_go_and_leave_no_trace(
        rules in proptest::collection::vec(any_rule(), 1..4), first in any_tenants(), second in any_tenants(),
    ) {
        let before = route(rules.clone());
        let service = service("billing");
        let own = own_rules(&before, &service.traffic.http_route);
        prop_assume!(!own.is_empty());
        let added = write(&before, &first, &[], 1);
        let changed = match decide(&added, &second, &names(&first), 2) {
            Decision::Found => { prop_assert_eq!(&first, &second); added.clone() }
            Decision::Write(ops) => apply(&added, ops),
            other => panic!("{other:?}"),
        };
        for (now, tenants) in [(&added, &first), (&changed, &second)] {
            let ours = indices(now, &service.traffic.http_route);
            prop_assert_eq!(ours.len(), own.len() * tenants.len());
            let others: Vec<&Value> = spec_rules(now).iter().enumerate()
                .filter(|(i, _)| !ours.contains(i)).map(|(_, r)| r).collect();
            prop_assert_eq!(others, rules.iter().collect::<Vec<_>>());
            for weighted in own_rules(now, &service.traffic.http_route) {
                let block = &spec_rules(now)[weighted.index - tenants.len()..weighted.index];
                for (rule, tenant) in block.iter().zip(tenants.iter()) {
                    let paths = list(&spec_rules(now)[weighted.index], "/matches").len().max(1);
                    prop_assert_eq!(list(rule, "/matches").len(), paths * tenant.values.len());
                    prop_assert_eq!(number(rule, "/backendRefs/0/weight"), Some(100));
                    prop_assert_eq!(list(rule, "/backendRefs").len(), 1);
                }
                let sum: i64 = list(&spec_rules(now)[weighted.index], "/backendRefs").iter()
                    .filter_map(|b| number(b, "/weight")).sum();
                prop_assert_eq!(sum, 100);
            }
            prop_assert!(observe(now, &service).iter().all(MatchRuleSeen::is_intact));
            prop_assert_eq!(observe(now, &service).into_iter().map(|t| t.rule).collect::<Vec<_>>(), tenants.clone());
        }
        let gone = match decide(&changed, &[], &names(&second), 3) {
            Decision::Found => changed,
            Decision::Write(ops) => apply(&changed, ops),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(gone["spec"].to_string(), before["spec"].to_string());
        let annotations = strings(&gone, "/metadata/annotations");
        prop_assert_eq!(annotations.keys().collect::<Vec<_>>(), ["owner.pilothouse.dev/billing"]);
    }
}

/// Whatever somebody did to the rules, the way back is open: weight 0, no rule that sends anybody to the new version.
#[test]
fn an_edited_rule_does_not_bar_the_way_back() {
    let mut split = one_rule();
    split["spec"]["rules"][0]["backendRefs"] = pair(5);
    let written = write(&split, &[tenant("acme", &["acme-eu"])], &[], 19);
    let header = "/spec/rules/0/matches/0/headers/0";
    let edits: [&dyn Fn(&mut Value); 4] = [
        &|r| r.pointer_mut(header).unwrap()["value"] = json!("betaX"),
        &|r| r.pointer_mut(header).unwrap()["type"] = json!("RegularExpression"),
        &|r| r["spec"]["rules"][0]["backendRefs"][0]["name"] = json!("billing"),
        &|r| drop(r["spec"]["rules"][0]["matches"][0].as_object_mut().unwrap().remove("headers")),
    ];
    for (i, edit) in edits.iter().enumerate() {
        let mut route = written.clone();
        edit(&mut route);
        let seen = http_route::observe(&service("billing"), Some(&route));
        assert_eq!(seen.rules[0].stands, Stands::Edited, "edit {i}");
        let expect = seen.weights.map_or(0, |w| w.share() as u32);
        assert_eq!(
            (expect, seen.share()),
            (5, if i == 3 { 100.0 } else { 5.0 }),
            "edit {i}: without a header everybody"
        );
        let turn = Turn { rules: Vec::new(), expect: vec!["acme".into()], lowers: true };
        let back = Action::SetWeight { next: 0, expect, rules: Some(turn) };
        let Decision::Write(ops) = http_route::decide(&route, &service("billing"), &back, &mark(20)) else {
            panic!("edit {i}: refused")
        };
        let route = apply(&route, ops);
        let next = |b: &Value| b["name"] == "billing-next" && b["weight"] != json!(0);
        let flows = spec_rules(&route).iter().flat_map(|rule| list(rule, "/backendRefs")).any(next);
        assert!(!flows && super::written(&route, "billing").is_empty(), "edit {i}: {route:#}");
        let gone = http_route::decide(&route, &service("billing"), &Action::RemoveBackend, &mark(21));
        let Decision::Write(ops) = gone else { panic!("edit {i}: {gone:?}") };
        assert!(!apply(&route, ops).to_string().contains("billing-next\""), "edit {i}");
    }
}

/// Without its header it asks for what the weighted rule asks for, and stands before it: the wire sends everybody there. It
/// is still known as ours, told as what it does, and mended or taken away without a trace.
#[test]
fn a_rule_that_lost_its_header_takes_everybody() {
    let (acme, beta) = (tenant("acme", &["acme"]), tenant("beta", &["x", "y"]));
    let both = [acme.clone(), beta.clone()];
    let written = write(&one_rule(), &both, &[], 1);
    let strip = |route: &mut Value, rule: usize, one: usize| {
        route["spec"]["rules"][rule]["matches"][one].as_object_mut().unwrap().remove("headers").unwrap();
    };
    let seen = |route: &Value| {
        let seen = http_route::observe(&service("billing"), Some(route));
        let stands: Vec<Stands> = seen.rules.iter().map(|r| r.stands).collect();
        (seen.everybody, seen.share(), stands)
    };
    assert_eq!(seen(&written), (false, 0.0, vec![Stands::Intact; 2]));
    // All of acme's matches, one of beta's, or the whole list, of which the API makes every path.
    let (mut one, mut other) = (written.clone(), written.clone());
    strip(&mut one, 0, 0);
    assert_eq!(seen(&one), (true, 100.0, vec![Stands::Edited, Stands::Intact]));
    strip(&mut other, 1, 1);
    assert_eq!(seen(&other), (true, 100.0, vec![Stands::Intact, Stands::Edited]));
    let mut everything = write(&route(vec![json!({"backendRefs": pair(0)})]), &both, &[], 1);
    everything["spec"]["rules"][0].as_object_mut().unwrap().remove("matches");
    assert_eq!(seen(&everything), (true, 100.0, vec![Stands::Edited, Stands::Intact]));
    for broken in [&one, &other] {
        assert_eq!(write(broken, &both, &["acme", "beta"], 2)["spec"], written["spec"]);
        assert_eq!(write(broken, &[], &["acme", "beta"], 3)["spec"], one_rule()["spec"]);
    }
    // Behind the weighted rule it takes nobody.
    let mut behind = one.clone();
    behind["spec"]["rules"].as_array_mut().unwrap().rotate_left(1);
    assert!(!seen(&behind).0, "{behind:#}");
    // One that asks for something else is somebody's, whatever it sends where.
    let mut foreign = one.clone();
    foreign["spec"]["rules"][0]["matches"][0]["path"]["value"] = json!("/debug");
    assert_eq!(seen(&foreign).2[0], Stands::Gone);
    assert!(refused(decide(&foreign, &both, &["acme", "beta"], 2)).text.contains("holds billing-next but not billing"));
}

/// Without its list of matches it asks for every path, and whoever asks for more is the more specific: of the weighted
/// rule's requests it takes none. It is told as that, and mended or taken away like any other of ours.
#[test]
fn a_rule_that_lost_all_of_its_matches_takes_nobody_from_one_that_has_some() {
    let both = [tenant("acme", &["acme"]), tenant("beta", &["x", "y"])];
    let told = |matches: Value| {
        let before = route(vec![json!({"matches": [matches], "backendRefs": pair(5)})]);
        let written = write(&before, &both, &[], 1);
        let mut broken = written.clone();
        broken["spec"]["rules"][0].as_object_mut().unwrap().remove("matches").unwrap();
        let seen = http_route::observe(&service("billing"), Some(&broken));
        assert_eq!(seen.rules.iter().map(|r| r.stands).collect::<Vec<_>>(), [Stands::Edited, Stands::Intact]);
        assert_eq!(write(&broken, &both, &["acme", "beta"], 2)["spec"], written["spec"]);
        assert_eq!(write(&broken, &[], &["acme", "beta"], 3)["spec"], before["spec"]);
        (seen.everybody, seen.share())
    };
    assert_eq!(told(path("/billing")), (false, 5.0));
    assert_eq!(told(json!({"path": {"type": "PathPrefix", "value": "/"}, "method": "GET"})), (false, 5.0));
    // How a regular expression stands to others each gateway says for itself.
    assert_eq!(told(json!({"path": {"type": "RegularExpression", "value": "/b.*"}})), (true, 100.0));
    assert_eq!(told(path("/")), (true, 100.0));
}

/// A rule that is not there any more was not edited.
#[test]
fn a_rule_that_was_taken_out_is_gone() {
    let both = [tenant("acme", &["acme"]), tenant("beta", &["x", "y"])];
    let written = write(&one_rule(), &both, &[], 1);
    let stands =
        |route: &Value| -> Vec<Stands> { observe(route, &service("billing")).iter().map(|r| r.stands).collect() };
    let without = |rule: usize| {
        let mut route = written.clone();
        route["spec"]["rules"].as_array_mut().unwrap().remove(rule);
        route
    };
    assert_eq!(stands(&without(0)), [Stands::Gone, Stands::Intact]);
    assert_eq!(stands(&without(1)), [Stands::Intact, Stands::Gone]);
    // One tenant's match of a rule of several.
    let mut less = written.clone();
    less["spec"]["rules"][1]["matches"].as_array_mut().unwrap().pop();
    assert_eq!(stands(&less), [Stands::Intact, Stands::Edited]);
    // Of two weighted rules, only from before one.
    let two = route(vec![
        json!({"matches": [path("/pay")], "backendRefs": pair(0)}),
        json!({"matches": [path("/bill")], "backendRefs": pair(0)}),
    ]);
    let mut half = write(&two, &both, &[], 1);
    half["spec"]["rules"].as_array_mut().unwrap().remove(3);
    assert_eq!(stands(&half), [Stands::Edited, Stands::Intact]);
}
