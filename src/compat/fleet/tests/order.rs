//! What stands beside a circle, hops of a detour, and callers of what nobody has.
use super::*;

/// A circle that is accepted, or does not count, is no reason to look at nothing else.
#[test]
fn what_stands_beside_a_circle_is_looked_at_and_keeps_its_order() {
    let needs = |other: &str, range: &str| format!("  depends:\n    - {{service: {other}, req: '{range}'}}\n");
    let stand = |range: &str, bad: &str| {
        let (a, b, c, e) = (needs("b", range), needs("a", "^2"), needs("d", "^2"), needs("f", bad));
        let contracts = [
            ("a 2.0.0", a.as_str()),
            ("b 2.0.0", &b),
            ("c 2.0.0", &c),
            ("d 2.0.0", ""),
            ("e 2.0.0", &e),
            ("f 1.0.0", ""),
        ];
        let moves = ["a", "b", "c", "d", "e"].map(|s| (s, "1.0.0", "2.0.0"));
        Stand::new(&contracts, &[]).moves(&[&moves[..], &[("f", "1.0.0", "1.0.0")]].concat())
    };
    let print = |stand: &Stand| find(&stand.outcome(), "dependency-circle").fingerprint.clone();
    let waiver = |print: &str| {
        format!("  waivers:\n    - {{fingerprint: '{print}', reason: at night, until: 2026-12-31, by: [mara, jun]}}\n")
    };
    let good = waiver(&print(&stand("^2", "*")));
    for policy in [good.as_str(), "  severities: {dependency-circle: off}\n"] {
        let outcome = stand("^2", "*").policy(policy).outcome();
        assert!(outcome.report.compatible(), "{:#?}", outcome.report);
        let keeps = |first: &str, then: &str| outcome.edges.iter().any(|e| e.first == first && e.then == then);
        assert!(keeps("d", "c") && (keeps("a", "b") ^ keeps("b", "a")), "{:?}", outcome.edges);
        assert_eq!((outcome.broken.len(), outcome.waves.iter().flatten().count()), (1, 5));
        let bad = stand("^2", "^9").policy(policy).outcome();
        assert!(find(&bad, "dependency-out-of-range").bars(), "{:#?}", bad.report);
        // What the circle says is not said again.
        assert_eq!(bad.report.findings.iter().filter(|f| f.rule == "dependency-out-of-range").count(), 1);
    }
    // Another reason is another circle.
    assert_ne!(print(&stand("^2", "*")), print(&stand(">=2", "*")));
    assert!(!stand(">=2", "*").policy(&good).outcome().report.compatible());
}

/// A hop is held against who calls, what it needs and the fleet's policy, as the move itself is.
#[test]
fn each_hop_is_looked_at_like_the_move() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/1.9.0/openapi.json", &gone), ("a/2.0.0/openapi.json", &gone)];
    let over = |between: &str, policy: &str| {
        let a = "  audience: internal\n";
        let (middle, last) = (format!("{a}{between}"), format!("{a}  min_from: 1.5.0\n"));
        let b = "  depends:\n    - {service: a, operations: ['GET /prices/{sku}']}\n";
        let stand = Stand::new(
            &[("a 1.0.0", a), ("a 1.9.0", &middle), ("a 2.0.0", &last), ("b 1.0.0", b), ("c 1.0.0", "")],
            &files,
        );
        let stand = stand.moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "1.0.0"), ("c", "1.0.0", "1.0.0")]);
        stand.policy(policy).outcome().detours[0].over.clone()
    };
    // Nobody calls what is gone; what is left is that the version does not say so.
    let mild = "  severities: {version-breaking-under-minor: warning}\n";
    assert_eq!(over("", mild), ["1.0.0", "1.9.0", "2.0.0"]);
    assert_eq!(over("", "  severities: {}\n"), [""; 0]);
    assert_eq!(over("  depends:\n    - {service: c, req: ^5}\n", mild), [""; 0], "out of range");
    assert_eq!(over("  migrations:\n    - {id: m, phase: expand, destructive: true}\n", mild), [""; 0], "its database");
}

/// Ranges alone make no way out.
#[test]
fn a_way_out_of_a_circle_is_looked_at_as_well() {
    let needs = |other: &str, range: &str| format!("  depends:\n    - {{service: {other}, req: '{range}'}}\n");
    let told = |middle: &str| {
        let (a, b, last) = (needs("b", "^1"), needs("a", ">=1.5"), needs("b", "^2"));
        let middle = format!("{}{middle}", needs("b", ">=1, <3"));
        let contracts =
            [("a 1.0.0", a.as_str()), ("a 1.5.0", &middle), ("a 2.0.0", &last), ("b 1.0.0", ""), ("b 2.0.0", &b)];
        let stand = Stand::new(&contracts, &[]).moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "2.0.0")]);
        find(&stand.outcome(), "dependency-circle").details.last().unwrap().clone()
    };
    let steps = "a 1.0.0 → 1.5.0, b 1.0.0 → 2.0.0, a 1.5.0 → 2.0.0";
    assert_eq!(told(""), format!("a way out, one after the other: {steps}"));
    let bad = told("  migrations:\n    - {id: m, phase: expand, destructive: true}\n");
    assert_eq!(bad, format!("ranges allow {steps}, one after the other; but something critical bars a 1.0.0 → 1.5.0"));
}

#[test]
fn a_service_that_moves_unseen_is_told() {
    let stand = Stand::new(&[("a 1.0.0", "")], &[]).moves(&[("a", "1.0.0", "1.0.0")]);
    let mut asked = stand.asked();
    asked.unseen = vec![Unseen { service: "b".into(), to: "2.0.0".into(), why: "nobody says what runs".into() }];
    let outcome = check(&asked, &mut Forgetful).unwrap();
    let f = find(&outcome, "version-unknown");
    assert_eq!(
        (f.severity, f.message.as_str()),
        (Severity::Warning, "b goes to 2.0.0, and nothing of it was checked: nobody says what runs")
    );
    assert_eq!(f.of.as_ref().unwrap().service, "b");
}

#[test]
fn a_new_version_that_calls_what_nobody_has_is_critical() {
    let more = API.replace(r#""/stock""#, r#""/new": {"get": {"responses": {"200": {"description": "d"}}}}, "/stock""#);
    let files = [("a/1.0.0/openapi.json", API), ("a/1.1.0/openapi.json", more.as_str())];
    let calls = |operation: &str| format!("  depends:\n    - {{service: a, operations: [{operation}]}}\n");
    let stand = |old: &str, new: &str, to: &str, first: &str| {
        Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", first), ("b 1.0.0", &calls(old)), ("b 1.1.0", &calls(new))], &files)
            .moves(&[("a", "1.0.0", to), ("b", "1.0.0", "1.1.0")])
    };
    let unknown = "dependency-operation-unknown";
    let severity = |stand: Stand, rule: &str| find(&stand.outcome(), rule).severity;
    assert_eq!(severity(stand("GET /stock", "GET /nowhere", "1.0.0", ""), unknown), Severity::Critical);
    assert_eq!(severity(stand("GET /stock", "GET /new", "1.0.0", ""), unknown), Severity::Critical);
    // The new version of `a` has it, and has to go after `b` for another reason.
    let after = "  depends:\n    - {service: b, req: '>=1.1'}\n";
    let circle = stand("GET /stock", "GET /new", "1.1.0", after).outcome();
    let f = find(&circle, "dependency-circle");
    assert!(f.details.iter().any(|d| d.ends_with("b 1.1.0 calls GET /new, which a 1.0.0 does not have")), "{f:#?}");
    assert!(stand("GET /stock", "GET /new", "1.1.0", "").outcome().report.compatible());
}

/// What is advised can be done: no order helps against a version that stays, and none is between two that follow each other.
#[test]
fn advice_is_something_one_can_do() {
    let needs = |other: &str, range: &str| format!("  depends:\n    - {{service: {other}, req: '{range}'}}\n");
    let advice = |stand: &Stand, rule: &str| find(&stand.outcome(), rule).recommendation.clone().unwrap();
    // The new `a` needs a `b` that stays old; one that fits may be published, or not.
    let new = needs("b", "^2");
    let stays = |more: &[(&str, &str)]| {
        let contracts = [&[("a 1.0.0", ""), ("a 2.0.0", new.as_str()), ("b 1.0.0", "")], more].concat();
        Stand::new(&contracts, &[]).moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "1.0.0")])
    };
    let wider = "widen the range in a 2.0.0 if both do work together";
    let rule = "dependency-out-of-range";
    assert_eq!(advice(&stays(&[]), rule), format!("leave a on 1.0.0, or {wider}"));
    let published = stays(&[("b 2.0.0", ""), ("b 2.1.0", "")]);
    assert_eq!(advice(&published, rule), format!("move b to 2.1.0 as well, or leave a on 1.0.0, or {wider}"));
    // `a` stays and does not take the new `b`.
    let old = needs("b", "^1");
    let left = |more: &[(&str, &str)]| {
        let contracts = [&[("a 1.0.0", old.as_str()), ("b 1.0.0", ""), ("b 2.0.0", "")], more].concat();
        Stand::new(&contracts, &[]).moves(&[("a", "1.0.0", "1.0.0"), ("b", "1.0.0", "2.0.0")])
    };
    let wider = "leave b on 1.0.0, or widen the range in a 1.0.0 if both do work together";
    assert_eq!(advice(&left(&[]), rule), wider);
    let follows = left(&[("a 1.1.0", new.as_str()), ("b 1.5.0", "")]);
    assert_eq!(advice(&follows, rule), format!("move b to 1.5.0 instead, or move a to 1.1.0 as well, or {wider}"));
    // Both move, and even the new ones do not fit.
    let both = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", &needs("b", "^3")), ("b 1.0.0", ""), ("b 2.0.0", "")], &[])
        .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "2.0.0")]);
    assert!(
        both.outcome().report.findings.iter().all(|f| !f.recommendation.as_deref().unwrap_or("").contains("waves"))
    );
    let step = |published: &[(&str, &str)]| Stand::new(published, &[]).moves(&[("a", "1.0.0", "2.0.0")]);
    let last = ("a 2.0.0", "  min_from: 1.5.0\n");
    let rule = "upgrade-step-too-long";
    assert!(advice(&step(&[("a 1.0.0", ""), last]), rule).starts_with("no published version in between"));
    let over = advice(&step(&[("a 1.0.0", ""), ("a 1.2.0", ""), ("a 1.9.0", ""), last]), rule);
    assert_eq!(over, "go to 1.9.0 first, and from there to 2.0.0 in an upgrade of its own");
}

#[test]
fn a_name_that_is_nowhere_is_a_slip() {
    let stand = |other: &str| {
        let a = format!("  depends:\n    - {{service: {other}, req: '>=1'}}\n");
        let contracts = [("a 1.0.0", ""), ("a 1.1.0", a.as_str()), ("orders 1.0.0", ""), ("outside 1.0.0", "")];
        Stand::new(&contracts, &[]).moves(&[("a", "1.0.0", "1.1.0"), ("orders", "1.0.0", "1.0.0")]).outcome()
    };
    let slip = stand("oders");
    let f = find(&slip, "dependency-service-unknown");
    assert_eq!((f.severity, slip.report.compatible()), (Severity::Warning, true));
    let place = f.location.revision.clone().unwrap();
    assert_eq!((place.pointer.as_str(), place.line), ("/spec/depends/0/service", Some(7)));
    assert_eq!(f.recommendation.as_deref(), Some("did you mean `orders`? Nothing was held against oders"));
    assert_eq!(f.of.as_ref().map(|of| of.service.as_str()), Some("a"));
    // One that has contracts stands beside the fleet.
    let known = stand("outside");
    assert!(known.report.findings.iter().all(|f| f.rule != "dependency-service-unknown"));
    assert!(known.report.not_compared.iter().any(|n| n.contains("needs outside >=1")), "{:?}", known.report);
}
