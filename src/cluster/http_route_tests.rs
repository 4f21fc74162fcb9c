use json_patch::{Patch, patch};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::service;

fn mark(seq: u64) -> OwnerMark {
    OwnerMark { run: "7f3a".into(), epoch: 2, seq }
}

fn backend(name: &str, weight: Option<u32>) -> Value {
    match weight {
        Some(w) => json!({"name": name, "port": 80, "weight": w}),
        None => json!({"name": name, "port": 80}),
    }
}

fn route(rules: Vec<Vec<Value>>) -> Value {
    let rules: Vec<Value> = rules.into_iter().map(|b| json!({"backendRefs": b})).collect();
    json!({"metadata": {"name": "billing", "namespace": "shop", "resourceVersion": "55", "generation": 3},
           "spec": {"parentRefs": [{"name": "public"}], "rules": rules}})
}

fn marked(mut route: Value, mark: &str) -> Value {
    route["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": mark});
    route
}

fn apply(route: &Value, ops: Vec<Value>) -> Value {
    let mut out = route.clone();
    let ops: Patch = serde_json::from_value(Value::Array(ops)).unwrap();
    patch(&mut out, &ops).unwrap();
    out
}

#[test]
fn the_exact_patch_of_a_weight() {
    let before = route(vec![vec![backend("billing", Some(90)), backend("billing-next", Some(10))]]);
    let Decision::Write(ops) =
        decide(&before, &service("billing"), &Action::SetWeight { next: 25, expect: 10, rules: None }, &mark(19))
    else {
        panic!("must write")
    };
    assert_eq!(
        Value::Array(ops),
        json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": "55"},
            {"op": "add", "path": "/metadata/annotations", "value": {"owner.pilothouse.dev/billing": "7f3a/2/19"}},
            {"op": "test", "path": "/spec/rules/0/backendRefs/0/name", "value": "billing"},
            {"op": "test", "path": "/spec/rules/0/backendRefs/0/weight", "value": 90},
            {"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 75},
            {"op": "test", "path": "/spec/rules/0/backendRefs/1/name", "value": "billing-next"},
            {"op": "test", "path": "/spec/rules/0/backendRefs/1/weight", "value": 10},
            {"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 25}
        ])
    );
}

#[test]
fn equal_weights_count_as_found_only_under_this_runs_mark() {
    let equal = route(vec![vec![backend("billing", Some(75)), backend("billing-next", Some(25))]]);
    let action = Action::SetWeight { next: 25, expect: 10, rules: None };
    assert_eq!(decide(&marked(equal.clone(), "7f3a/1/4"), &service("billing"), &action, &mark(19)), Decision::Found);
    let foreign = decide(&marked(equal, "beef/1/4"), &service("billing"), &action, &mark(19));
    let Decision::Write(ops) = foreign else { panic!("another run's mark must be replaced: {foreign:?}") };
    assert_eq!(ops[1]["path"], "/metadata/annotations/owner.pilothouse.dev~1billing");
}

#[test]
fn an_unexpected_share_is_a_conflict() {
    let drifted = route(vec![vec![backend("billing", Some(60)), backend("billing-next", Some(40))]]);
    let got = decide(&drifted, &service("billing"), &Action::SetWeight { next: 50, expect: 25, rules: None }, &mark(1));
    let Decision::Refuse(error) = got else { panic!("{got:?}") };
    assert_eq!(error.kind, CallErrorKind::Conflict);
    assert!(error.text.contains("40 % go to billing-next, not 25 %"), "{}", error.text);
}

#[test]
fn a_third_backend_or_a_rule_without_stable_is_refused() {
    for (rules, word) in [
        (vec![vec![backend("billing", None), backend("billing-next", Some(0)), backend("odd", Some(1))]], "odd"),
        (vec![vec![backend("billing", None)], vec![backend("billing-next", Some(1))]], "but not billing"),
        (vec![vec![backend("ledger", None)]], "no rule holds Service billing port 80"),
    ] {
        let got = decide(&route(rules), &service("billing"), &Action::AddBackend, &mark(1));
        let Decision::Refuse(error) = got else { panic!("{got:?}") };
        assert_eq!(error.kind, CallErrorKind::Rejected);
        assert!(error.text.contains(word), "{}", error.text);
    }
}

#[test]
fn the_backend_comes_and_goes() {
    let service = service("billing");
    let mut before = route(vec![vec![backend("ledger", None)], vec![backend("billing", None)]]);
    before["spec"]["rules"][1]["backendRefs"][0]["group"] = json!("");
    let Decision::Write(ops) = decide(&before, &service, &Action::AddBackend, &mark(1)) else { panic!() };
    let added = apply(&before, ops);
    assert_eq!(
        added["spec"]["rules"],
        json!([
            {"backendRefs": [{"name": "ledger", "port": 80}]},
            {"backendRefs": [{"name": "billing", "port": 80, "weight": 100, "group": ""},
                             {"name": "billing-next", "port": 80, "weight": 0, "group": ""}]}
        ])
    );
    assert_eq!(decide(&added, &service, &Action::AddBackend, &mark(2)), Decision::Found);
    let Decision::Write(ops) = decide(&added, &service, &Action::RemoveBackend, &mark(2)) else { panic!() };
    let removed = apply(&added, ops);
    assert_eq!(removed["spec"]["rules"][1]["backendRefs"].as_array().unwrap().len(), 1);
    assert_eq!(decide(&removed, &service, &Action::RemoveBackend, &mark(3)), Decision::Found);
    let Decision::Write(ops) =
        decide(&added, &service, &Action::SetWeight { next: 10, expect: 0, rules: None }, &mark(4))
    else {
        panic!()
    };
    let got = decide(&apply(&added, ops), &service, &Action::RemoveBackend, &mark(5));
    assert!(matches!(got, Decision::Refuse(CallError { kind: CallErrorKind::Conflict, .. })), "{got:?}");
}

/// Somebody took the new backend out of one rule, and made another without it: the next weight puts it into both.
#[test]
fn a_weight_puts_the_backend_back_where_a_hand_left_it_out() {
    let both = |w: u32| vec![backend("billing", Some(100 - w)), backend("billing-next", Some(w))];
    let cases = [(vec![vec![backend("billing", Some(100))]], 0), (vec![vec![backend("billing", None)], both(50)], 50)];
    for (rules, expect) in cases {
        let count = rules.len();
        let before = marked(route(rules), "7f3a/2/18");
        let seen = observe(&service("billing"), Some(&before));
        assert_eq!(seen.apart(), if count == 2 { vec![(0, 0)] } else { Vec::new() });
        let write = Action::SetWeight { next: 50, expect, rules: None };
        let Decision::Write(ops) = decide(&before, &service("billing"), &write, &mark(19)) else {
            panic!("must write")
        };
        let after = apply(&before, ops);
        for rule in 0..count {
            assert_eq!(after["spec"]["rules"][rule]["backendRefs"], json!(both(50)), "rule {rule}");
        }
        let seen = observe(&service("billing"), Some(&after));
        assert!(seen.apart().is_empty() && seen.share() == 50.0);
        assert_eq!(decide(&after, &service("billing"), &write, &mark(19)), Decision::Found);
    }
    // A third backend makes it somebody else's business.
    let third = route(vec![vec![backend("billing", Some(90)), backend("legacy", Some(10))]]);
    let write = Action::SetWeight { next: 50, expect: 0, rules: None };
    assert!(matches!(decide(&third, &service("billing"), &write, &mark(19)), Decision::Refuse(_)));
}

#[test]
fn rules_that_differ_show_the_most_exposed() {
    let route = route(vec![
        vec![backend("billing", Some(90)), backend("billing-next", Some(10))],
        vec![backend("billing", Some(60)), backend("billing-next", Some(40))],
    ]);
    let seen = observe(&service("billing"), Some(&route));
    assert_eq!(seen.weights, Some(Weights { stable: 60, next: Some(40) }));
    let half = super::tests::route(vec![
        vec![backend("billing", Some(100)), backend("billing-next", Some(0))],
        vec![backend("billing", Some(100))],
    ]);
    assert_eq!(observe(&service("billing"), Some(&half)).weights, Some(Weights { stable: 100, next: None }));
}

/// A header for one of the two versions would make them answer differently.
#[test]
fn the_new_backend_gets_the_filters_of_stables() {
    let mut before = route(vec![vec![backend("billing", None)]]);
    let filters =
        json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x", "value": "1"}]}}]);
    before["spec"]["rules"][0]["backendRefs"][0]["filters"] = filters.clone();
    let Decision::Write(ops) = decide(&before, &service("billing"), &Action::AddBackend, &mark(1)) else { panic!() };
    assert_eq!(apply(&before, ops)["spec"]["rules"][0]["backendRefs"][1]["filters"], filters);
}

#[test]
fn the_writer_is_the_newest_foreign_hand_on_the_rules() {
    let entry =
        |manager: &str, time: &str, fields: Value| json!({"manager": manager, "time": time, "fieldsV1": fields});
    let mut r = route(vec![vec![backend("billing", None)]]);
    r["metadata"]["managedFields"] = json!([
        entry("kubectl-client-side-apply", "2026-11-01T00:00:00Z", json!({"f:spec": {"f:rules": {}}})),
        entry("kubectl-edit", "2026-11-02T00:00:00Z", json!({"f:spec": {"f:rules": {}}})),
        entry("labeller", "2026-11-03T00:00:00Z", json!({"f:metadata": {}})),
        entry("pilothouse", "2026-11-04T00:00:00Z", json!({"f:spec": {"f:rules": {}}})),
    ]);
    assert_eq!(rules_writer(&r).as_deref(), Some("kubectl-edit"));
}

#[test]
fn a_stamp_touches_the_mark_only_and_only_when_it_is_not_there() {
    let r = marked(route(vec![vec![backend("billing", Some(90)), backend("billing-next", Some(10))]]), "7f3a/1/4");
    let Decision::Write(ops) = decide(&r, &service("billing"), &Action::Stamp, &mark(9)) else { panic!() };
    let after = apply(&r, ops);
    assert_eq!(after["spec"], r["spec"]);
    assert_eq!(owner(&after, "billing"), Some(mark(9)));
    assert_eq!(decide(&after, &service("billing"), &Action::Stamp, &mark(10)), Decision::Found);
}

fn any_rule() -> impl Strategy<Value = Vec<Value>> {
    let weight = proptest::option::of(0u32..=1000);
    let foreign = (prop_oneof!["ledger", "orders", "billing-other"], weight.clone())
        .prop_map(|(name, w)| vec![backend(&name, w)]);
    let own = (weight.clone(), weight, any::<bool>()).prop_map(|(a, b, swap)| {
        let mut pair = vec![backend("billing", a), backend("billing-next", b)];
        if swap {
            pair.reverse();
        }
        pair
    });
    // The same Service at another port is somebody else's.
    let other_port = Just(vec![json!({"name": "billing", "port": 8443, "weight": 3})]);
    prop_oneof![own, foreign, other_port]
}

proptest! {
    #[test]
    fn weights_sum_100(rules in proptest::collection::vec(any_rule(), 1..6), next in 0u32..=100) {
        let before = route(rules);
        let service = service("billing");
        let own = own_rules(&before, &service.traffic.http_route);
        prop_assume!(!own.is_empty());
        let expect = weights(&own).unwrap().share().round() as u32;
        let decision = decide(&before, &service, &Action::SetWeight { next, expect, rules: None }, &mark(1));
        let Decision::Write(ops) = decision else { panic!("an unmarked route is always written: {decision:?}") };
        let after = apply(&before, ops);
        let ours: Vec<usize> = own.iter().map(|r| r.index).collect();
        for (i, (old, new)) in list(&before, "/spec/rules").iter().zip(list(&after, "/spec/rules")).enumerate() {
            if ours.contains(&i) {
                let weight = |name: &str| list(new, "/backendRefs").iter()
                    .find(|b| text(b, "/name") == Some(name)).and_then(|b| number(b, "/weight")).unwrap();
                prop_assert_eq!(weight("billing-next"), i64::from(next));
                prop_assert_eq!(weight("billing") + weight("billing-next"), 100);
            } else {
                prop_assert_eq!(old, new, "a foreign rule was touched");
            }
        }
    }
}

/// A third backend bars every raise, and not the way back: it keeps what it has, and nothing goes to the new version.
#[test]
fn a_third_backend_does_not_bar_the_way_back() {
    let three = vec![backend("billing", Some(75)), backend("billing-next", Some(25)), backend("odd", Some(3))];
    let (before, service) = (route(vec![three]), service("billing"));
    let raise = decide(&before, &service, &Action::SetWeight { next: 50, expect: 25, rules: None }, &mark(1));
    assert!(matches!(raise, Decision::Refuse(_)), "{raise:?}");
    let back = decide(&before, &service, &Action::SetWeight { next: 0, expect: 25, rules: None }, &mark(2));
    let Decision::Write(ops) = back else { panic!("{back:?}") };
    let zero = apply(&before, ops);
    let gone = decide(&zero, &service, &Action::RemoveBackend, &mark(3));
    let Decision::Write(ops) = gone else { panic!("{gone:?}") };
    let backends = apply(&zero, ops)["spec"]["rules"][0]["backendRefs"].clone();
    let names: Vec<&str> = backends.as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!((names, &backends[1]["weight"]), (vec!["billing", "odd"], &json!(3)));
}
