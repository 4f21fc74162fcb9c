//! What is said of another service's interface, and is not there.
use super::*;

fn depends(rest: &str) -> String {
    format!("  depends:\n    - {{service: a{rest}}}\n")
}

/// `a` goes from 1.0.0 to 2.0.0 with these descriptions, `b` stays or goes with it.
fn stand(a: &str, old: &str, new: &str, b: (&str, &str)) -> Stand {
    let files = [("a/1.0.0/openapi.json", old), ("a/2.0.0/openapi.json", new)];
    let files: Vec<(&str, &str)> = files.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let to = if b.0 == b.1 { "1.0.0" } else { "2.0.0" };
    Stand::new(&[("a 1.0.0", a), ("a 2.0.0", a), ("b 1.0.0", b.0), ("b 2.0.0", b.1)], &files)
        .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", to)])
}

#[test]
fn a_description_that_is_gone_is_critical_for_who_calls_it() {
    let stand = |b: &str| stand("  audience: internal\n", API, "", (b, b)).outcome();
    let called = stand(&depends(", operations: [GET /stock]"));
    let f = find(&called, "dependency-description-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(" ")), (Severity::Critical, "b 1.0.0".into()));
    let alone = stand("");
    assert_eq!(find(&alone, "dependency-description-removed").severity, Severity::Warning);
    let note = "a 2.0.0 has no description, so its interface is not compared";
    assert!(alone.report.not_compared.contains(&note.to_string()), "{:?}", alone.report.not_compared);
}

#[test]
fn a_caller_of_what_nobody_has_is_no_known_caller() {
    let gone = without_stock();
    // It writes the operation wrongly: what it calls may be the very one that goes.
    let b = depends(", operations: [GET /stocks]");
    let outcome = stand("  audience: internal\n", API, &gone, (&b, &b)).outcome();
    assert_eq!(find(&outcome, "operation-removed").severity, Severity::Critical);
    assert_eq!(find(&outcome, "dependency-operation-unknown").severity, Severity::Critical);
    // Where nothing of it moves it is so today.
    let today = stand("", API, API, (&b, &b)).moves(&[("a", "1.0.0", "1.0.0"), ("b", "1.0.0", "1.0.0")]);
    assert_eq!(today.told(), ["Warning dependency-operation-unknown"]);
    // A new version that still calls it makes nothing worse; one that begins to call it does.
    let moved = |old: &str| stand("", API, API, (old, &b)).moves(&[("a", "1.0.0", "1.0.0"), ("b", "1.0.0", "2.0.0")]);
    let severity = |old: &str| find(&moved(old).outcome(), "dependency-operation-unknown").severity;
    assert_eq!((severity(&b), severity("")), (Severity::Warning, Severity::Critical));
}

#[test]
fn what_either_version_says_is_public_is_public() {
    let gone = without_stock();
    for (old, new, severity) in [
        ("public", "internal", Severity::Critical),
        ("internal", "public", Severity::Critical),
        ("internal", "internal", Severity::Warning),
    ] {
        let audience = |word: &str| format!("  audience: {word}\n");
        let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
        let outcome = Stand::new(&[("a 1.0.0", &audience(old)), ("a 2.0.0", &audience(new))], &files)
            .moves(&[("a", "1.0.0", "2.0.0")])
            .outcome();
        assert_eq!(find(&outcome, "operation-removed").severity, severity, "{old} {new}");
    }
}

#[test]
fn an_announced_end_is_none_for_who_still_calls() {
    let old = API.replace(r#""/stock": {"get": {"#, r#""/stock": {"get": {"deprecated": true, "#);
    let gone = without_stock();
    let calls = depends(", operations: [GET /stock]");
    let stays = stand("", &old, &gone, (&calls, &calls)).outcome();
    let f = find(&stays, "dependency-operation-gone");
    assert!(f.message.contains("b 1.0.0 calls GET /stock, which a 2.0.0 does not have any more"), "{}", f.message);
    assert_eq!(f.severity, Severity::Critical);
    // One that stops calling it goes first.
    let leaves = stand("", &old, &gone, (&calls, "")).outcome();
    assert!(leaves.report.compatible(), "{:#?}", leaves.report);
    assert_eq!(leaves.waves, [["b"], ["a"]]);
    // What is told as removed is told once.
    let removed = stand("", API, &gone, (&calls, &calls)).told();
    assert!(!removed.contains(&"Critical dependency-operation-gone".to_string()), "{removed:?}");
}

/// The order that it makes itself is what keeps the caller from missing it.
#[test]
fn who_stops_calling_what_goes_is_gone_by_then() {
    let gone = without_stock();
    let calls = depends(", operations: [GET /stock]");
    let outcome =
        |audience: &str, next: &str| stand(&format!("  audience: {audience}\n"), API, &gone, (&calls, next)).outcome();
    for next in ["", &depends(", operations: ['GET /prices/{sku}']")] {
        let mended = outcome("internal", next);
        let f = find(&mended, "operation-removed");
        assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.len()), (Severity::Warning, 0), "{f:#?}");
        assert_eq!(f.recommendation.as_deref(), Some("keep to the order: whoever calls it goes before a"));
        assert!(f.details.contains(&"b 1.0.0 calls it and goes first, to a version that does not".to_string()));
        assert!(mended.report.compatible(), "{:#?}", mended.report);
        assert_eq!(mended.waves, [["b"], ["a"]]);
    }
    // Who else may call it is not known; or the next version may call anything.
    assert_eq!(find(&outcome("public", ""), "operation-removed").severity, Severity::Critical);
    assert_eq!(find(&outcome("internal", &depends("")), "operation-removed").severity, Severity::Critical);
    assert_eq!(find(&outcome("internal", &calls), "operation-removed").severity, Severity::Critical);
}

#[test]
fn two_that_each_call_what_only_the_other_brings_fit_no_order() {
    let more = API.replace(r#""/stock""#, r#""/new": {"get": {"responses": {"200": {"description": "d"}}}}, "/stock""#);
    let files = [
        ("a/1.0.0/openapi.json", API),
        ("a/1.1.0/openapi.json", more.as_str()),
        ("b/1.0.0/openapi.json", API),
        ("b/1.1.0/openapi.json", more.as_str()),
    ];
    let needs = |other: &str| format!("  depends:\n    - {{service: {other}, operations: [GET /new]}}\n");
    let stand =
        Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", &needs("b")), ("b 1.0.0", ""), ("b 1.1.0", &needs("a"))], &files)
            .moves(&[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.1.0")]);
    assert!(!stand.outcome().report.compatible());
    find(&stand.outcome(), "dependency-circle");
}

#[test]
fn closed_lists_are_named_whole_by_pointer_or_property() {
    let two = API.replace(
        r#""state": {"type": "string", "enum": ["open", "sold"]}"#,
        r##""state": {"$ref": "#/components/schemas/State"}, "stateless": {"type": "string", "enum": ["a"]}"##,
    );
    let two = two.replace(
        r#""Price": {"type": "object""#,
        r#""State": {"type": "string", "enum": ["open", "sold"]}, "Price": {"type": "object""#,
    );
    let more = two.replace(r#""enum": ["a"]"#, r#""enum": ["a", "b"]"#);
    let told = |closed: &str, new: &str| {
        let b = depends(&format!(", operations: ['GET /prices/{{sku}}'], closed_enums: ['{closed}']"));
        let files = [("a/1.0.0/openapi.json", two.as_str()), ("a/1.1.0/openapi.json", new)];
        let stand = Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", ""), ("b 1.0.0", &b)], &files)
            .moves(&[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.0.0")]);
        let outcome = stand.outcome();
        (find(&outcome, "response-enum-value-added").severity, outcome)
    };
    // `state` is not `stateless`, as little as `a` is `ab`.
    for other in
        ["Price.state", "/components/schemas/Price/properties/state", "#/components/schemas/Price/properties/state"]
    {
        let (severity, outcome) = told(other, &more);
        assert_eq!(severity, Severity::Warning, "{other}");
        assert!(outcome.report.compatible(), "{:#?}", outcome.report);
    }
    for meant in ["Price.stateless", "#/components/schemas/Price/properties/stateless", "/components/schemas/Price"] {
        assert_eq!(told(meant, &more).0, Severity::Critical, "{meant}");
    }
    // What stands behind a reference is meant as well.
    let sold = two.replace(r#"["open", "sold"]"#, r#"["open", "sold", "held"]"#);
    assert_eq!(told("Price.state", &sold).0, Severity::Critical);
    for (wrong, near) in [
        ("Price.stat", "did you mean `Price.state`?"),
        ("#/components/schemas/Prices/properties/state", "did you mean `/components/schemas/Price/properties/state`?"),
    ] {
        let (severity, outcome) = told(wrong, &sold);
        assert_eq!(severity, Severity::Warning);
        let f = find(&outcome, "dependency-closed-enum-unknown");
        assert_eq!(f.recommendation.as_deref(), Some(near));
        assert_eq!(f.location.revision.as_ref().and_then(|p| p.line), Some(7));
    }
}

#[test]
fn an_image_from_elsewhere_is_told() {
    let told = |old: &str, new: &str, deployed: Option<&str>| {
        let image = |image: &str| format!("  image: {image}\n");
        let mut stand =
            Stand::new(&[("a 1.0.0", &image(old)), ("a 1.1.0", &image(new))], &[]).moves(&[("a", "1.0.0", "1.1.0")]);
        stand.images.extend(deployed.map(|image| ("a".to_string(), image.to_string())));
        stand.told()
    };
    assert_eq!(told("r.example/a:1.0.0", "r.example/a:1.1.0", None), [""; 0]);
    assert_eq!(told("r.example/a:1.0.0", "r.example/a:1.1.0", Some("r.example/a:1.1.0@sha256:00")), [""; 0]);
    assert_eq!(told("r.example/a:1.0.0", "r.example/b:1.1.0", None), ["Warning version-image-elsewhere"]);
    let both = told("r.example/a:1.0.0", "r.example/a:1.1.0", Some("r.example/b:1.1.0"));
    assert_eq!(both, ["Warning version-image-elsewhere", "Warning version-image-elsewhere"]);
}

/// A list that was closed for its reader grows by whatever way.
#[test]
fn a_list_that_is_open_now_breaks_who_reads_it_as_closed() {
    let list = r#""enum": ["open", "sold"]"#;
    let told = |old: &str, new: &str, closed: &str, rule: &str| {
        let (old, new) = (API.replace(list, old), API.replace(list, new));
        let b = depends(&format!(", operations: ['GET /prices/{{sku}}'], closed_enums: [{closed}]"));
        let files = [("a/1.0.0/openapi.json", old.as_str()), ("a/1.1.0/openapi.json", &new)];
        let stand = Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", ""), ("b 1.0.0", &b)], &files);
        let outcome = stand.moves(&[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.0.0")]).outcome();
        find(&outcome, rule).severity
    };
    let open = |values: &str| format!(r#""x-extensible-enum": [{values}]"#);
    let both = |values: &str| format!(r#""enum": [{values}], "x-extensible-enum": true"#);
    let any = r#""title": "t""#.to_string();
    for (old, new, rule, by_itself) in [
        (list.to_string(), any.clone(), "response-enum-removed", Severity::Warning),
        (open(r#""a""#), open(r#""a", "b""#), "response-extensible-value-added", Severity::Info),
        (both(r#""a""#), both(r#""a", "b""#), "response-extensible-value-added", Severity::Info),
        (open(r#""a""#), any, "response-extensible-enum-removed", Severity::Info),
    ] {
        assert_eq!(told(&old, &new, "Price.state", rule), Severity::Critical, "{rule}");
        assert_eq!(told(&old, &new, "Price.amount", rule), by_itself, "{rule}");
    }
}
