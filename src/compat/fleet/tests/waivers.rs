//! How far a waiver reaches.
use super::*;

#[test]
fn a_waiver_holds_for_what_was_read_and_no_further() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let stand = |callers: &[&str]| {
        let b = "  depends:\n    - {service: a, operations: [GET /stock]}\n";
        let names: Vec<String> = callers.iter().map(|c| format!("{c} 1.0.0")).collect();
        let mut contracts: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), b)).collect();
        contracts.extend([("a 1.0.0", "  audience: internal\n"), ("a 2.0.0", "  audience: internal\n")]);
        let mut moves = vec![("a", "1.0.0", "2.0.0")];
        moves.extend(callers.iter().map(|c| (*c, "1.0.0", "1.0.0")));
        Stand::new(&contracts, &files).moves(&moves)
    };
    let good = waived(&stand(&["b"]), "2026-12-31");
    assert!(stand(&["b"]).policy(&good).outcome().report.compatible());
    // One more service calls it.
    assert!(!stand(&["b", "c"]).policy(&good).outcome().report.compatible());
    // A warning that was accepted is no critical one.
    let warning = waived(&stand(&[]), "2026-12-31");
    assert_eq!(find(&stand(&[]).outcome(), "operation-removed").severity, Severity::Warning);
    assert!(!stand(&["b"]).policy(&warning).outcome().report.compatible());
}

#[test]
fn a_waiver_for_one_column_is_none_for_another() {
    let stand = |sql: &str| {
        let new = "  migrations:\n    - {id: m, phase: expand, tables: [t], sql: m.sql}\n";
        let sql = format!("SET lock_timeout = '1s'; {sql}");
        Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", new)], &[("a/1.1.0/m.sql", &sql)]).moves(&[("a", "1.0.0", "1.1.0")])
    };
    let wide = "ALTER TABLE t ALTER i TYPE bigint";
    let print = find(&stand(wide).outcome(), "sql-table-rewrite").fingerprint.clone();
    let good =
        format!("  waivers:\n    - {{fingerprint: '{print}', reason: small, until: 2026-12-31, by: [mara, jun]}}\n");
    assert!(stand(wide).policy(&good).outcome().report.compatible());
    for other in ["ALTER TABLE t ALTER j TYPE bigint", "ALTER TABLE t ALTER i TYPE int, ALTER j TYPE bigint"] {
        assert!(!stand(other).policy(&good).outcome().report.compatible(), "{other}");
    }
}

#[test]
fn a_rule_that_is_switched_off_or_weighs_otherwise_leaves_a_trace() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let stand = || Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", "")], &files).moves(&[("a", "1.0.0", "2.0.0")]);
    assert_eq!(stand().told(), ["Critical operation-removed"]);
    assert!(stand().outcome().left_out.is_empty());

    let off = stand().policy("  severities:\n    operation-removed: off\n").outcome();
    assert!(off.report.findings.is_empty() && off.report.compatible());
    let told: Vec<(&str, &str)> = off.left_out.iter().map(|f| (f.rule, f.details.last().unwrap().as_str())).collect();
    let by = "left out: compat.yaml:6 switches its rule off; by itself it is critical";
    assert_eq!(told, [("operation-removed", by)]);

    let less = stand().policy("  severities:\n    operation-removed: warning\n").outcome();
    let f = find(&less, "operation-removed");
    assert_eq!(f.severity, Severity::Warning);
    assert!(f.details.contains(&"warning only by compat.yaml:6; by itself it is critical".to_string()), "{f:#?}");
    // What changes nothing says nothing.
    let same = stand().policy("  severities:\n    operation-removed: critical\n").outcome();
    assert!(!find(&same, "operation-removed").details.iter().any(|d| d.contains("compat.yaml")));
}

/// The fingerprint of a rule where the new description has this in the place of the old one's.
fn print_of(rule: &str, old: &str, new: &str) -> String {
    let api = |operation: &str| {
        format!(
            r##"{{"openapi": "3.0.0", "info": {{"title": "t", "version": "1"}}, "paths": {{"/x": {{"post": {{{operation}}}}}}},
                "components": {{"schemas": {{"B": {{"type": "object", "properties": {{"title": {{"type": "TYPE"}}}}}}}}}}}}"##
        )
    };
    // What a reference leads to is part of what is new.
    let (reference, kind) = new.split_once('@').unwrap_or((new, "string"));
    let files = [
        ("a/1.0.0/openapi.json", api(old).replace("TYPE", "string")),
        ("a/2.0.0/openapi.json", api(reference).replace("TYPE", kind)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let outcome = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", "")], &files).moves(&[("a", "1.0.0", "2.0.0")]).outcome();
    find(&outcome, rule).fingerprint.clone()
}

#[test]
fn a_waiver_for_something_new_is_for_what_it_is() {
    let ok = r#""responses": {"200": {"description": "d"}}"#;
    let body = |schema: &str| {
        format!(
            r#""requestBody": {{"required": true, "content": {{"application/json": {{"schema": {schema}}}}}}}, {ok}"#
        )
    };
    let answer = |extra: &str| {
        format!(
            r#""responses": {{"200": {{"description": "d", "content": {{"application/json": {{"schema":
               {{"oneOf": [{{"type": "object", "required": ["a"], "properties": {{"a": {{"type": "string"}}}}}}{extra}]}}}}}}}}}}"#
        )
    };
    let branch = |name: &str| {
        let one = format!(
            r#"{{"type": "object", "required": ["{name}"], "properties": {{"{name}": {{"type": "string"}}}}}}"#
        );
        answer(&format!(", {one}"))
    };
    let bare = r#""requestBody": {"required": true, "content": {"application/json": {}}}, "#.to_string() + ok;
    let object =
        |more: &str| body(&format!(r#"{{"type": "object", {more}"properties": {{"a": {{"type": "string"}}}}}}"#));
    let needs = |kind: &str| {
        body(&format!(
            r#"{{"type": "object", "required": ["b"], "properties": {{"a": {{"type": "string"}}, "b": {{"type": "{kind}"}}}}}}"#
        ))
    };
    let query = |kind: &str| {
        format!(
            r#""parameters": [{{"name": "q", "in": "query", "required": true, "schema": {{"type": "{kind}"}}}}], {ok}"#
        )
    };
    let leads = body(r##"{"$ref": "#/components/schemas/B"}"##);
    let said = |d: &str| body(&format!(r#"{{"type": "string", "description": "{d}"}}"#));
    for (rule, old, one, other) in [
        ("response-one-of-added", answer(""), branch("b"), branch("c")),
        ("request-required-property-added", object(""), needs("string"), needs("integer")),
        ("parameter-added-required", ok.to_string(), query("string"), query("integer")),
        ("request-body-added-required", ok.to_string(), said("x"), body(r#"{"type": "string", "enum": ["a"]}"#)),
        ("request-body-added-required", ok.to_string(), format!("{leads}@string"), format!("{leads}@integer")),
        ("request-schema-added", bare, said("x"), body(r#"{"type": "string", "enum": ["a"]}"#)),
    ] {
        assert_ne!(print_of(rule, &old, &one), print_of(rule, &old, &other), "{rule}");
        assert_eq!(
            print_of(rule, &old, &one),
            print_of(rule, &old, &one.replace('x', "y").replace("/y", "/x")),
            "{rule}"
        );
    }
}
