//! Several files and documents as one: names, broken documents beside good ones, and which upgrade is meant.
use pilothouse::spec::{Report, SourceFile, load, load_known, presets, schema};
use serde_json::Value;

const FLEET: &str = include_str!("../../examples/shop/fleet.yaml");
const POLICY: &str = include_str!("../../examples/shop/policy.yaml");
const UPGRADE: &str = include_str!("../../examples/shop/upgrade.yaml");

fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
    texts.iter().map(|(name, text)| SourceFile { name: (*name).into(), text: (*text).into() }).collect()
}

fn lines(report: &Report) -> Vec<String> {
    report.problems.iter().map(|p| format!("{}:{}:{} {}", p.file, p.line, p.column, p.message)).collect()
}

#[test]
fn documents_may_be_spread_over_files_in_any_order() {
    let together = format!("{UPGRADE}\n---\n---\n# only a remark\n---\n{FLEET}...\n---\n{POLICY}");
    let mut one = load(&files(&[("all.yaml", &together)]), presets()).unwrap();
    let three = load(&files(&[("u", UPGRADE), ("p", POLICY), ("f", FLEET)]), presets()).unwrap();
    assert_eq!((one.origins["Fleet/shop"].file.as_str(), three.origins["Fleet/shop"].file.as_str()), ("all.yaml", "f"));
    one.origins = three.origins.clone();
    assert_eq!(one, three);
    assert_eq!(one.bundle(None).unwrap(), three.bundle(Some("release-2026-4")).unwrap());
}

#[test]
fn which_upgrade_is_meant() {
    let second = UPGRADE.replace("release-2026-4", "release-2026-5");
    let loaded = load(&files(&[("f", FLEET), ("p", POLICY), ("u", UPGRADE), ("u2", &second)]), presets()).unwrap();
    assert_eq!(loaded.bundle(Some("release-2026-5")).unwrap().upgrade.name, "release-2026-5");
    let report = loaded.bundle(None).unwrap_err();
    assert!(report.to_string().contains("2 upgrades are in them: release-2026-4, release-2026-5"), "{report}");
    let report = loaded.bundle(Some("release-2026-44")).unwrap_err();
    assert!(report.to_string().contains("did you mean `release-2026-4`?"), "{report}");
    let loaded = load(&files(&[("f", FLEET)]), presets()).unwrap();
    assert!(loaded.bundle(None).unwrap_err().to_string().contains("no document of kind Upgrade"));
}

#[test]
fn two_documents_of_one_kind_and_name() {
    let report = load(&files(&[("a.yaml", POLICY), ("b.yaml", POLICY)]), presets()).unwrap_err();
    assert_eq!(lines(&report), ["b.yaml:5:9 metadata.name: a Policy named `shop` is already in a.yaml:5"]);
    // A Fleet may have the name of a Policy, and a Policy that of a preset, which it then stands for.
    let own = POLICY.replace("name: shop", "name: erp");
    let upgrade = UPGRADE.replace("policy: shop", "policy: erp");
    let loaded = load(&files(&[("f", FLEET), ("p", &own), ("u", &upgrade)]), presets()).unwrap();
    assert_eq!(loaded.bundle(None).unwrap().policy.spec.people.operators, ["ivo", "mara"]);
}

#[test]
fn a_preset_is_found_by_its_name() {
    let upgrade = UPGRADE.replace("policy: shop", "policy: studio");
    let loaded = load(&files(&[("f", FLEET), ("u", &upgrade)]), presets()).unwrap();
    let bundle = loaded.bundle(None).unwrap();
    assert_eq!((bundle.policy.name.as_str(), bundle.policy.spec.steps[0].weight), ("studio", 25));
    assert!(load(&files(&[("f", FLEET), ("u", &upgrade)]), &[]).is_err(), "without presets there is no studio");
}

#[test]
fn a_broken_document_hides_nothing_of_the_others() {
    let broken = POLICY.replace("  gates:\n", "  gates: [\n").replace("  warmup: 5m", "  warmupp: 5m");
    let fleet = FLEET.replace("namespace: shop}\n    - name: prod-eu1", "namespace: Shop}\n    - name: prod-eu1");
    let text = format!("{broken}---\n{fleet}");
    let upgrade =
        UPGRADE.replace("environment: practice", "environment: practise").replace("policy: shop", "policy: gone");
    let report = load(&files(&[("a.yaml", &text), ("u.yaml", &upgrade)]), presets()).unwrap_err();
    let found = lines(&report);
    assert_eq!(found.len(), 4, "{report}");
    assert!(found[0].contains("unknown field `warmupp` in spec"), "{report}");
    assert!(found[1].contains("not YAML"), "{report}");
    assert!(found[2].contains("spec.environments[0].kubernetes.namespace: `Shop`"), "{report}");
    // `gone` may have been a document the syntax error swallowed, so only the environment is missed.
    assert!(found[3].contains("there is no environment `practise` in fleet `shop`"), "{report}");
}

#[test]
fn a_half_written_document_is_not_asked_for_the_rest() {
    let end = FLEET.find("context: prod-eu1,").unwrap();
    let report = load(&files(&[("f.yaml", &FLEET[..end])]), presets()).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(report.problems[0].message.contains("not YAML: unclosed bracket"), "{report}");
}

#[test]
fn names_that_unread_files_may_hold_are_not_missed() {
    let report = load(&files(&[("u.yaml", UPGRADE)]), presets()).unwrap_err();
    assert_eq!(report.problems.len(), 2, "{report}");
    assert!(load_known(&files(&[("u.yaml", UPGRADE)]), presets(), false).is_ok());
}

#[test]
fn files_without_a_document() {
    for (text, message) in [
        ("", "the file is empty"),
        (" \n\t\n", "the file is empty"),
        ("\u{feff}", "the file is empty"),
        ("# only a remark\n", "the file holds no document"),
        ("---\n---\n", "the file holds no document"),
        ("a\0b", "NUL byte"),
        ("just text", "a document must be a block of fields"),
        ("- a\n- b\n", "a document must be a block of fields"),
        ("apiVersion: pilothouse.dev/v1alpha1\n", "has no `kind`"),
        ("apiVersion: apps/v1\nkind: Deployment\nspec: {}\n", "`apps/v1` is not read"),
        ("kind: Fleet\napiVersion: pilothouse.dev/v1alpha1\nmetadata: {name: x}\n", "this document has no `spec`"),
        ("kind: Fleet\napiVersion: pilothouse.dev/v1alpha1\nmetadata: {name: x}\nspec: 5\n", "spec: expected a block"),
        ("kind: Fleet\napiVersion: pilothouse.dev/v1alpha1\nmetadata: {name: x}\nspec:\n", "spec has no value"),
    ] {
        let report = load(&files(&[("f.yaml", text)]), presets()).unwrap_err();
        assert_eq!(report.problems.len(), 1, "{text:?}: {report}");
        assert!(report.problems[0].message.contains(message), "{text:?}: {report}");
    }
}

#[test]
fn a_file_with_windows_line_ends_and_a_byte_order_mark() {
    let windows = format!("\u{feff}{}", FLEET.replace('\n', "\r\n"));
    assert!(load(&files(&[("f", &windows)]), presets()).is_ok());
    let broken = windows.replace("name: ledger, stable", "nam: ledger, stable");
    let report = load(&files(&[("f", &broken)]), presets()).unwrap_err();
    let expected = FLEET.lines().position(|l| l.contains("name: ledger, stable")).unwrap() + 1;
    assert_eq!((report.problems[0].line as usize, report.problems[0].column), (expected, 29), "{report}");
}

#[test]
fn anchors_save_writing() {
    let text = POLICY
        .replace(
            "trigger: {for: 2m}\n      severity: immediate\n    - name: p95",
            "trigger: &two {for: 2m}\n      severity: immediate\n    - name: p95",
        )
        .replace("max: 2s\n      trigger: {for: 2m}", "max: 2s\n      trigger: *two");
    assert_ne!(text, POLICY);
    let plain = load(&files(&[("p", POLICY)]), presets()).unwrap();
    assert_eq!(load(&files(&[("p", &text)]), presets()).unwrap(), plain);
    let unknown = POLICY.replace("max: 2s\n      trigger: {for: 2m}", "max: 2s\n      trigger: *two");
    let report = load(&files(&[("p", &unknown)]), presets()).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(report.problems[0].message.contains("`*two` refers to nothing"), "{report}");
    let merged = POLICY.replace("      measure: error_rate\n", "      measure: error_rate\n      <<: {max: 2%}\n");
    let report = load(&files(&[("p", &merged)]), presets()).unwrap_err();
    assert!(report.problems[0].message.contains("merge keys"), "{report}");
}

#[test]
fn bare_numbers_take_the_unit_of_their_measure() {
    let text = POLICY.replace("max: 1%", "max: 0.01").replace("max: 2s", "max: 2").replace("min: 99%", "min: 0.99");
    let loaded = load(&files(&[("p", &text)]), presets()).unwrap();
    assert_eq!(loaded.policies, load(&files(&[("p", POLICY)]), presets()).unwrap().policies);
    // Health checks and critical services are bad above 0 unless something else is said.
    let bare = POLICY.replace("      max: 0\n", "");
    assert_eq!(load(&files(&[("p", &bare)]), presets()).unwrap().policies, loaded.policies);
}

#[test]
fn a_report_as_json_says_where_and_what() {
    let text = FLEET.replacen("critical: true", "criticl: true", 1);
    let report = load(&files(&[("f.yaml", &text)]), presets()).unwrap_err();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{
            "file": "f.yaml",
            "line": 21,
            "column": 7,
            "severity": "error",
            "message": "unknown field `criticl` in spec.services[0]",
            "help": "did you mean `critical`?",
        }])
    );
}

/// What the checker does not understand it would let pass; so the schema may hold nothing else.
#[test]
fn the_schema_uses_only_what_is_checked() {
    fn walk(schema: &Value, is_schema: bool, seen: &mut Vec<String>) {
        let Value::Object(map) = schema else { return };
        for (key, inner) in map {
            if !is_schema {
                walk(inner, true, seen);
                continue;
            }
            seen.push(key.clone());
            match key.as_str() {
                "properties" | "$defs" => walk(inner, false, seen),
                "items" | "additionalProperties" => walk(inner, true, seen),
                "oneOf" => inner.as_array().unwrap().iter().for_each(|s| walk(s, true, seen)),
                _ => {}
            }
        }
    }
    let schema = schema();
    let mut seen = Vec::new();
    walk(&schema, true, &mut seen);
    let checked = [
        "$ref",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "oneOf",
        "minimum",
        "maximum",
        "format",
        "$defs",
    ];
    // These only help editors: the unit that `format` names is parsed, and bounds are told of by what they mean; see
    // `what_the_schema_bounds_is_bounded`.
    let said = ["$schema", "title", "description", "default", "pattern"];
    let bounds = ["exclusiveMinimum", "exclusiveMaximum", "minItems", "minProperties", "minLength", "maxLength"];
    let said: Vec<&str> = said.into_iter().chain(bounds).collect();
    for key in seen {
        assert!(checked.contains(&key.as_str()) || said.contains(&key.as_str()), "`{key}` is not checked");
    }
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for def in schema["$defs"].as_object().unwrap().values().filter(|d| d.get("properties").is_some()) {
        assert!(def.get("additionalProperties").is_some(), "{def}");
    }
}

/// Each bound that editors are told of is an error of the program as well.
#[test]
fn what_the_schema_bounds_is_bounded() {
    let whole = "apiVersion: pilothouse.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\nspec:\n  max_step: 3\n  steps: \
                 [{weight: 100, hold: 2m}]\n  gates:\n    - {name: a, measure: latency_quantile, quantile: 0.5, max: 1s, \
                 abs_bad: 5}\n    - {name: b, promql: up, freshness: up, max: 1, trigger: {consecutive: 2}}\n    - {name: c, \
                 measure: error_rate, baseline: {ratio: 1.5}, trigger: {k_of_n: {k: 1, n: 2}}}\n    - {name: d, measure: \
                 error_rate, trigger: {burn_rate: {slo: 90%, windows: [{factor: 2, long: 1h, short: 5m}]}}}\n";
    let valid = |text: &str| load(&files(&[("p.yaml", text)]), presets()).is_ok();
    assert!(valid(whole));
    for (from, to) in [
        ("name: p", "name: \"\""),
        ("name: p", "name: P_"),
        ("max_step: 3", "max_step: 0"),
        ("[{weight: 100, hold: 2m}]", "[]"),
        ("weight: 100", "weight: 101"),
        ("hold: 2m", "hold: \"\""),
        ("hold: 2m", "hold: .m"),
        ("name: a", "name: \"\""),
        ("quantile: 0.5", "quantile: 0"),
        ("quantile: 0.5", "quantile: 1"),
        ("abs_bad: 5", "abs_bad: 0"),
        ("promql: up", "promql: \"\""),
        ("max: 1,", "max: \"\","),
        ("consecutive: 2", "consecutive: 0"),
        ("ratio: 1.5", "ratio: 0"),
        ("k: 1", "k: 0"),
        ("slo: 90%", "slo: 1.5"),
        ("slo: 90%", "slo: -1%"),
        ("factor: 2", "factor: 0"),
        ("[{factor: 2, long: 1h, short: 5m}]", "[]"),
    ] {
        let broken = whole.replacen(from, to, 1);
        assert!(broken != whole && !valid(&broken), "{to} is let pass");
    }
}
