use serde_json::{Value, json};

use super::*;
use crate::compat::Severity;

pub(super) fn schema(value: &Value) -> Schema {
    parse("x.json", &value.to_string()).unwrap_or_else(|e| panic!("{value}: {}", e[0]))
}

/// Rules of what stands in the way, and of warnings after a `?`.
pub(super) fn rules(old: &Value, new: &Value) -> Vec<String> {
    let reading = read(&schema(new), &schema(old)).unwrap();
    let name = |s: Severity, rule: &str| if s == Severity::Critical { rule.to_string() } else { format!("?{rule}") };
    let mut rules: Vec<String> = reading.clashes.iter().map(|c| name(c.severity, c.rule)).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn expect(cases: Vec<(Value, Value, &[&str])>) {
    for (old, new, expected) in cases {
        assert_eq!(rules(&old, &new), expected, "{old} -> {new}");
        assert_eq!(rules(&old, &old), [] as [&str; 0], "{old}");
        assert_eq!(rules(&new, &new), [] as [&str; 0], "{new}");
    }
}

#[test]
fn scalars() {
    let s = |v: Value| {
        let mut s = json!({"type": "string"});
        s.as_object_mut().unwrap().extend(v.as_object().unwrap().clone());
        s
    };
    let n = |v: Value| {
        let mut s = json!({"type": "number"});
        s.as_object_mut().unwrap().extend(v.as_object().unwrap().clone());
        s
    };
    expect(vec![
        (json!({"type": "integer"}), json!({"type": "number"}), &[]),
        (json!({"type": "number"}), json!({"type": "integer"}), &["json-type-narrowed"]),
        (json!({"type": "string"}), json!({"type": "number"}), &["json-type-changed"]),
        (json!({"type": "string"}), json!({}), &[]),
        (json!({}), json!({"type": "string"}), &["json-type-changed"]),
        (json!(false), json!({"type": "string"}), &[]),
        (json!({"type": "string"}), json!(false), &["json-type-changed"]),
        (s(json!({})), s(json!({"maxLength": 3})), &["json-max-length-added"]),
        (s(json!({"maxLength": 4})), s(json!({"maxLength": 3})), &["json-max-length-decreased"]),
        (s(json!({"maxLength": 3})), s(json!({"maxLength": 4})), &[]),
        (s(json!({"minLength": 3})), s(json!({"minLength": 4})), &["json-min-length-increased"]),
        (s(json!({"minLength": 3})), s(json!({})), &[]),
        (s(json!({})), s(json!({"pattern": "a"})), &["json-pattern-added"]),
        (s(json!({"pattern": "a"})), s(json!({"pattern": "b"})), &["json-pattern-changed"]),
        (s(json!({"pattern": "a"})), s(json!({})), &[]),
        (s(json!({})), s(json!({"format": "date"})), &["?json-format-changed"]),
        (n(json!({"maximum": 3})), n(json!({"maximum": 2})), &["json-maximum-decreased"]),
        (n(json!({"minimum": 3})), n(json!({"minimum": 2})), &[]),
        (n(json!({})), n(json!({"exclusiveMinimum": 2})), &["json-exclusive-minimum-added"]),
        (n(json!({"exclusiveMaximum": 3})), n(json!({"exclusiveMaximum": 2})), &["json-exclusive-maximum-decreased"]),
        (n(json!({"multipleOf": 10})), n(json!({"multipleOf": 5})), &[]),
        (n(json!({"multipleOf": 0.3})), n(json!({"multipleOf": 0.1})), &[]),
        (n(json!({"multipleOf": 5})), n(json!({"multipleOf": 10})), &["json-multiple-of-expanded"]),
        (n(json!({"multipleOf": 5})), n(json!({"multipleOf": 3})), &["json-multiple-of-changed"]),
        (json!({"enum": [1, "a"]}), json!({"enum": ["a", 1.0, 2]}), &[]),
        (json!({"enum": [1, 2]}), json!({"enum": [1]}), &["json-enum-narrowed"]),
        (json!({"enum": [1, 2]}), json!({"enum": [1, 3]}), &["json-enum-changed"]),
        (json!({"const": 1}), json!({"const": 2}), &["json-const-changed"]),
        (json!({"not": {"type": "integer"}}), json!({"not": {"type": "number"}}), &["json-not-extended"]),
        (json!({"not": {"type": "number"}}), json!({"not": {"type": "integer"}}), &[]),
        (json!({"maxLength": 3}), json!({"type": "string", "maxLength": 3}), &["?json-type-added"]),
        (json!({"enum": ["a"]}), json!({"type": "string", "enum": ["a"]}), &["?json-type-added"]),
        (
            json!({"enum": ["a", "b"]}),
            json!({"type": "string", "enum": ["a"]}),
            &["?json-type-added", "json-enum-narrowed"],
        ),
        (json!({"enum": ["a", 1]}), json!({"type": "string", "enum": ["a", 1]}), &["json-type-changed"]),
        (json!({"const": 1}), json!({"type": "integer", "const": 1}), &["?json-type-added"]),
        (json!({"title": "a", "default": 1}), json!({"description": "b", "$comment": "c"}), &[]),
    ]);
}

#[test]
fn drafts_spell_exclusive_bounds_differently() {
    let d4 = |v: Value| json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "number", "minimum": 1, "exclusiveMinimum": v});
    let d7 = json!({"type": "number", "exclusiveMinimum": 1});
    assert_eq!(rules(&d4(json!(false)), &d4(json!(true))), ["json-exclusive-minimum-added"]);
    assert_eq!(rules(&d4(json!(true)), &d4(json!(false))), [] as [&str; 0]);
    assert_eq!(rules(&d4(json!(true)), &d7), [] as [&str; 0]);
}

fn object(properties: Value, rest: Value) -> Value {
    let mut o = json!({"type": "object", "properties": properties});
    o.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    o
}

#[test]
fn properties_by_content_model() {
    let (one, two) = (json!({"a": {"type": "string"}}), json!({"a": {"type": "string"}, "b": {"type": "string"}}));
    let closed = || json!({"additionalProperties": false});
    let part = || json!({"additionalProperties": {"type": "string"}});
    let o = object;
    let s = || json!({"type": "string"});
    expect(vec![
        (o(one.clone(), json!({})), o(two.clone(), json!({})), &["json-property-added-to-open"]),
        (o(one.clone(), json!({})), o(json!({"a": s(), "b": {}}), json!({})), &[]),
        (o(two.clone(), json!({})), o(one.clone(), json!({})), &[]),
        (o(one.clone(), closed()), o(two.clone(), closed()), &[]),
        (
            o(one.clone(), closed()),
            o(two.clone(), json!({"additionalProperties": false, "required": ["b"]})),
            &["json-required-property-added"],
        ),
        (
            o(one.clone(), closed()),
            o(
                json!({"a": s(), "b": {"type": "string", "default": ""}}),
                json!({"additionalProperties": false, "required": ["b"]}),
            ),
            &[],
        ),
        (o(two.clone(), closed()), o(one.clone(), closed()), &["json-property-removed-from-closed"]),
        (o(json!({"a": s(), "b": false}), closed()), o(one.clone(), closed()), &[]),
        (o(one.clone(), part()), o(two.clone(), part()), &[]),
        (o(two.clone(), part()), o(one.clone(), part()), &[]),
        (
            o(one.clone(), part()),
            o(json!({"a": s(), "b": {"type": "number"}}), part()),
            &["json-property-added-not-covered", "json-type-changed"],
        ),
        (
            o(json!({"a": s(), "b": {"type": "number"}}), part()),
            o(one.clone(), part()),
            &["json-property-removed-not-covered", "json-type-changed"],
        ),
        (
            o(one.clone(), json!({"patternProperties": {"^x": s()}})),
            o(two.clone(), json!({"patternProperties": {"^x": s()}})),
            &["?json-property-added-beside-patterns"],
        ),
        (
            o(one.clone(), json!({"patternProperties": {"^x": s()}, "additionalProperties": false})),
            o(one.clone(), closed()),
            &["?json-pattern-property-narrowed"],
        ),
        (
            json!({"not": o(one.clone(), json!({"patternProperties": {"^x": s()}}))}),
            json!({"not": o(one.clone(), json!({}))}),
            &["?json-pattern-property-narrowed"],
        ),
        (
            o(one.clone(), json!({"patternProperties": {"^x": {"type": "number"}}})),
            o(json!({"a": s(), "xy": {"type": "number"}}), json!({"patternProperties": {"^x": {"type": "number"}}})),
            &[],
        ),
        // Patterns are looked at first.
        (
            o(one.clone(), json!({"patternProperties": {"^x": {"type": "number"}}, "additionalProperties": false})),
            o(
                json!({"a": s(), "xy": {"type": "number"}}),
                json!({"patternProperties": {"^x": {"type": "number"}}, "additionalProperties": false}),
            ),
            &[],
        ),
        (o(one.clone(), closed()), o(one.clone(), json!({})), &[]),
        (o(one.clone(), json!({})), o(one.clone(), closed()), &["json-additional-properties-closed"]),
        (o(one.clone(), json!({})), o(one.clone(), part()), &["json-additional-properties-narrowed"]),
        (o(one.clone(), part()), o(one.clone(), json!({})), &[]),
        (o(one.clone(), json!({})), o(one.clone(), json!({"required": ["a"]})), &["json-required-added"]),
        (o(one.clone(), json!({"required": ["a"]})), o(one.clone(), json!({})), &[]),
        (
            o(one.clone(), json!({})),
            o(json!({"a": {"type": "string", "default": "x"}}), json!({"required": ["a"]})),
            &[],
        ),
        (o(one.clone(), json!({})), o(one.clone(), json!({"required": ["z"]})), &["?json-required-unlisted"]),
        (o(one.clone(), json!({})), o(one.clone(), json!({"maxProperties": 3})), &["json-max-properties-added"]),
        (
            o(one.clone(), json!({"minProperties": 1})),
            o(one.clone(), json!({"minProperties": 2})),
            &["json-min-properties-increased"],
        ),
        (o(one.clone(), json!({})), o(one.clone(), json!({"dependencies": {"a": ["b"]}})), &["json-dependency-added"]),
        (
            o(one.clone(), json!({"dependencies": {"a": ["b", "c"]}})),
            o(one.clone(), json!({"dependencies": {"a": ["b"]}})),
            &[],
        ),
        (
            o(one.clone(), json!({"dependencies": {"a": {"required": ["b"]}}})),
            o(one.clone(), json!({"dependencies": {"a": false}})),
            &["json-type-changed"],
        ),
        (
            o(one.clone(), json!({})),
            o(one.clone(), json!({"propertyNames": {"maxLength": 2}})),
            &["?json-property-names-narrowed"],
        ),
        (
            o(one.clone(), json!({})),
            o(one, json!({"patternProperties": {"^x": {"type": "number"}}})),
            &["?json-pattern-property-narrowed"],
        ),
    ]);
}

#[test]
fn newer_drafts_say_the_same_in_other_words() {
    let new = |mut v: Value| {
        v["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        v
    };
    let t = |n: usize, rest: Value| {
        new(json!({"type": "array", "prefixItems": vec![json!({"type": "string"}); n], "items": rest}))
    };
    expect(vec![
        (t(1, json!(false)), t(2, json!(false)), &[]),
        (t(2, json!(false)), t(1, json!(false)), &["json-item-removed-from-closed"]),
        (t(1, json!(true)), t(2, json!(true)), &["json-item-added-to-open"]),
        (t(1, json!({"type": "string"})), t(2, json!({"type": "string"})), &[]),
        (
            new(json!({"type": "array"})),
            new(json!({"type": "array", "items": {"type": "string"}})),
            &["json-items-added"],
        ),
        (
            new(json!({"type": "array"})),
            new(json!({"type": "array", "contains": {"type": "string"}})),
            &["json-min-contains-added"],
        ),
        (
            new(json!({"type": "object", "properties": {}, "unevaluatedProperties": false})),
            new(json!({"type": "object", "properties": {"a": {"type": "string"}}, "unevaluatedProperties": false})),
            &[],
        ),
        (
            new(json!({"type": "object"})),
            new(json!({"type": "object", "unevaluatedProperties": false})),
            &["json-unevaluated-properties-narrowed"],
        ),
        (
            new(json!({"type": "object", "dependentRequired": {"a": ["b"]}})),
            new(json!({"type": "object", "dependentRequired": {"a": ["b", "c"]}})),
            &["json-dependency-added"],
        ),
        // Beside a reference keywords count in these drafts, and did not before.
        (
            new(json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}})),
            new(json!({"$ref": "#/$defs/a", "maxLength": 3, "$defs": {"a": {"type": "string"}}})),
            &["json-type-changed"],
        ),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}),
            json!({"$ref": "#/$defs/a", "maxLength": 3, "$defs": {"a": {"type": "string"}}}),
            &[],
        ),
    ]);
}

#[test]
fn arrays_and_tuples() {
    let a = |v: Value| {
        let mut s = json!({"type": "array"});
        s.as_object_mut().unwrap().extend(v.as_object().unwrap().clone());
        s
    };
    let (s, n) = (json!({"type": "string"}), json!({"type": "number"}));
    expect(vec![
        (a(json!({"items": n})), a(json!({"items": s})), &["json-type-changed"]),
        (a(json!({"items": s})), a(json!({})), &[]),
        (a(json!({})), a(json!({"items": s})), &["json-items-added"]),
        (a(json!({"items": [s]})), a(json!({"items": [s, n]})), &["json-item-added-to-open"]),
        (a(json!({"items": [s, n]})), a(json!({"items": [s]})), &[]),
        (
            a(json!({"items": [s], "additionalItems": false})),
            a(json!({"items": [s, n], "additionalItems": false})),
            &[],
        ),
        (
            a(json!({"items": [s, n], "additionalItems": false})),
            a(json!({"items": [s], "additionalItems": false})),
            &["json-item-removed-from-closed"],
        ),
        (
            a(json!({"items": [s], "additionalItems": n})),
            a(json!({"items": [s, s], "additionalItems": n})),
            &["json-item-added-not-covered", "json-type-changed"],
        ),
        (
            a(json!({"items": [s]})),
            a(json!({"items": [s], "additionalItems": false})),
            &["json-additional-items-closed"],
        ),
        (a(json!({"items": [s]})), a(json!({"items": [s], "additionalItems": s})), &["json-additional-items-narrowed"]),
        (a(json!({"maxItems": 2})), a(json!({"maxItems": 1})), &["json-max-items-decreased"]),
        (a(json!({})), a(json!({"minItems": 1})), &["json-min-items-added"]),
        (a(json!({})), a(json!({"uniqueItems": true})), &["json-unique-items-added"]),
        (a(json!({"uniqueItems": true})), a(json!({})), &[]),
        (a(json!({})), a(json!({"contains": s})), &["?json-contains-narrowed"]),
    ]);
}

#[test]
fn sums_may_grow_and_products_may_shrink() {
    let (s, n, b) = (json!({"type": "string"}), json!({"type": "number"}), json!({"type": "boolean"}));
    let of = |how: &str, v: &[&Value]| json!({how: v});
    expect(vec![
        (of("oneOf", &[&s]), of("oneOf", &[&s, &n]), &[]),
        (of("oneOf", &[&s, &n]), of("oneOf", &[&s]), &["json-branch-removed"]),
        (of("allOf", &[&s, &n]), of("allOf", &[&s]), &[]),
        (of("allOf", &[&s]), of("allOf", &[&s, &n]), &["json-all-of-extended"]),
        (of("oneOf", &[&s, &n]), of("oneOf", &[&n, &s]), &[]),
        (of("oneOf", &[&s, &n]), of("oneOf", &[&s, &b]), &["json-branches-changed"]),
        (of("oneOf", &[&s, &n]), of("anyOf", &[&s, &n]), &[]),
        (of("anyOf", &[&s, &n]), of("oneOf", &[&s, &n]), &["json-combination-changed"]),
        (of("anyOf", &[&s]), of("oneOf", &[&s, &n]), &[]),
        (of("allOf", &[&s, &n]), of("anyOf", &[&s, &n]), &[]),
        (of("anyOf", &[&s, &n]), of("allOf", &[&s, &n]), &["json-combination-changed"]),
        (s.clone(), of("oneOf", &[&s, &n]), &[]),
        (s.clone(), of("allOf", &[&s]), &[]),
        (of("oneOf", &[&s]), s.clone(), &[]),
        (of("oneOf", &[&s, &n]), s.clone(), &["json-type-changed"]),
        (s.clone(), of("allOf", &[&s, &n]), &["json-type-changed"]),
        (json!({"type": ["string", "null"]}), json!({"type": ["string", "null", "number"]}), &[]),
        (json!({"type": ["string", "null"]}), json!({"type": "string"}), &["json-type-changed"]),
        (json!({"type": "string"}), json!({"type": ["string", "null"]}), &[]),
        // Alike branches count once.
        (of("oneOf", &[&s, &s]), of("oneOf", &[&s]), &[]),
        // A type beside values is a product.
        (json!({"type": "string", "enum": ["a"]}), json!({"type": "string", "enum": ["a", "b"]}), &[]),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!({"type": "string", "enum": ["a"]}),
            &["json-branches-changed"],
        ),
        (json!({"type": "string", "enum": ["a", "b"]}), json!({"type": "string"}), &[]),
    ]);
}

#[test]
fn references_lead_anywhere_in_the_document() {
    let to = |reference: &str, of: &str| {
        json!({"$id": "http://x/y/root.json", "$ref": reference, "definitions": {
            "a": {"type": of, "$id": "part.json"}, "b": {"$id": "#anchor", "type": of}, "c d": {"$anchor": "new", "type": of}}})
    };
    for r in ["#/definitions/a", "part.json", "http://x/y/part.json", "#anchor", "#/definitions/c%20d", "root.json#new"]
    {
        assert_eq!(rules(&to(r, "string"), &to(r, "number")), ["json-type-changed"], "{r}");
        assert_eq!(rules(&to(r, "integer"), &to("#/definitions/b", "number")), [] as [&str; 0], "{r}");
    }
    let far = |r: &str| json!({"type": "object", "properties": {"a": {"$ref": r}}});
    assert_eq!(rules(&far("other.json"), &far("third.json")), ["json-reference-changed"]);
    let reading = read(&schema(&far("other.json")), &schema(&far("other.json"))).unwrap();
    assert!(reading.clashes.is_empty() && reading.not_compared[0].contains("another document"), "{reading:?}");
}

#[test]
fn schemas_that_hold_themselves_come_to_an_end() {
    let list = |of: &str| {
        json!({"$ref": "#/definitions/n", "definitions": {"n": {"type": "object", "additionalProperties": false,
            "properties": {"v": {"type": of}, "next": {"oneOf": [{"type": "null"}, {"$ref": "#/definitions/n"}]}}}}})
    };
    expect(vec![
        (list("integer"), list("number"), &[]),
        (list("number"), list("integer"), &["json-branches-changed", "json-type-narrowed"]),
        (json!({"$ref": "#"}), json!({"type": "string"}), &["json-type-changed"]),
        (
            json!({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}}),
            json!({}),
            &[],
        ),
    ]);
}

/// A pair that was taken to be fine while it was open, and is not, must not leave an answer behind that rests on it.
#[test]
fn no_answer_rests_on_an_assumption_that_failed() {
    let of = |v: &str| {
        json!({"type": "object", "additionalProperties": false, "properties": {
            "a": {"oneOf": [{"type": "null"}, {"$ref": "#/definitions/outer"}]},
            "b": {"$ref": "#/definitions/inner"}},
            "definitions": {
                "outer": {"type": "array", "items": [{"$ref": "#/definitions/inner"}, {"type": v}], "additionalItems": false},
                "inner": {"type": "object", "additionalProperties": false,
                    "properties": {"o": {"oneOf": [{"type": "null"}, {"$ref": "#/definitions/outer"}]}}}}})
    };
    let reading = read(&schema(&of("integer")), &schema(&of("number"))).unwrap();
    let mut places: Vec<&str> = reading.clashes.iter().map(|c| c.reader.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/definitions/inner/properties/o/oneOf", "/properties/a/oneOf"], "{reading:?}");
}

#[test]
fn findings_stand_where_the_text_says_it() {
    let old = json!({"type": "object", "properties": {"a/b": {"type": "string", "maxLength": 5}}});
    let new = json!({"type": "object", "properties": {"a/b": {"type": "string", "maxLength": 4}}});
    let reading = read(&schema(&new), &schema(&old)).unwrap();
    assert_eq!(reading.clashes[0].reader, "/properties/a~1b/maxLength");
    assert_eq!(reading.clashes[0].writer, "/properties/a~1b/maxLength");
    assert_eq!(reading.clashes[0].message, "`maxLength` was 5 and is 4");
}

#[test]
fn every_mistake_of_a_schema_has_its_place() {
    let cases = [
        (json!({"type": "strin"}), "/type", "no type is named `strin`; did you mean `string`?"),
        (json!({"type": 7}), "/type", "a text or a list"),
        (json!({"type": []}), "/type", "empty"),
        (json!({"enum": 7}), "/enum", "a list"),
        (json!({"oneOf": []}), "/oneOf", "at least one"),
        (json!({"properties": []}), "/properties", "is an object"),
        (json!({"properties": {"a": 7}}), "/properties/a", "a schema is an object"),
        (json!({"required": "a"}), "/required", "a list of texts"),
        (json!({"type": "string", "maxLength": "x"}), "/maxLength", "is a number"),
        (json!({"type": "string", "maxLength": -1}), "/maxLength", "counts"),
        (json!({"multipleOf": 0}), "/multipleOf", "greater than 0"),
        (json!({"$ref": "#/nowhere"}), "/$ref", "nothing is at"),
        (json!({"$ref": 7}), "/$ref", "is a text"),
        (json!("x"), "", "a schema is an object"),
    ];
    for (value, pointer, says) in cases {
        let wrong = parse("x.json", &value.to_string()).unwrap_err();
        assert_eq!(wrong[0].pointer, pointer, "{value}: {wrong:?}");
        assert!(wrong[0].message.contains(says) && wrong[0].line == 1, "{value}: {wrong:?}");
    }
}

#[test]
fn hostile_schemas_come_to_an_end() {
    // A chain of references longer than any stack; combinations of combinations.
    let chain = |last: &str| {
        let mut defs = serde_json::Map::new();
        for n in 0..1_000 {
            defs.insert(
                format!("d{n}"),
                json!({"type": "object", "properties": {"n": {"$ref": format!("#/definitions/d{}", n + 1)}}}),
            );
        }
        defs.insert("d1000".into(), json!({"type": last}));
        json!({"$ref": "#/definitions/d0", "definitions": defs})
    };
    let reading = read(&schema(&chain("string")), &schema(&chain("number"))).unwrap();
    let places: Vec<&str> = reading.clashes.iter().map(|c| c.reader.as_str()).collect();
    assert_eq!(places, ["/definitions/d1000"], "{reading:?}");
    let shared = |last: &str| {
        let mut defs = serde_json::Map::from_iter([("d0".to_string(), json!({"type": last}))]);
        for n in 1..25 {
            let below = json!({"$ref": format!("#/definitions/d{}", n - 1)});
            defs.insert(format!("d{n}"), json!({"oneOf": [below, {"type": "array", "items": below}, {"not": below}]}));
        }
        json!({"$ref": "#/definitions/d24", "definitions": defs})
    };
    assert_eq!(rules(&shared("string"), &shared("string")), [] as [&str; 0]);
    assert!(!rules(&shared("string"), &shared("number")).is_empty());
}

#[test]
fn patterns_that_are_beyond_us_are_said() {
    let o = |p: Value| {
        object(p, json!({"patternProperties": {"(?=a)b": {"type": "string"}}, "additionalProperties": false}))
    };
    let reading = read(&schema(&o(json!({"x": {"type": "string"}}))), &schema(&o(json!({})))).unwrap();
    assert!(reading.not_compared[0].contains("(?=a)b"), "{reading:?}");
}

#[test]
fn modes_go_both_ways() {
    let open = schema(&object(json!({"a": {"type": "string"}}), json!({})));
    let more = schema(&object(json!({"a": {"type": "string"}, "b": {"type": "string"}}), json!({})));
    let ok = |mode, old: &Schema, new: &Schema| check(mode, std::slice::from_ref(old), new).unwrap().compatible();
    assert!(!ok(Mode::Backward, &open, &more) && ok(Mode::Forward, &open, &more));
    assert!(ok(Mode::Backward, &more, &open) && !ok(Mode::Forward, &more, &open));
    assert!(!ok(Mode::Full, &open, &more) && ok(Mode::None, &open, &more));
    assert!(ok(Mode::FullTransitive, &open, &open));
}

#[test]
fn what_a_keyword_cannot_mean_is_an_error_with_its_place() {
    for (value, why) in [
        (json!({"type": "string", "minLength": "x"}), "`minLength` is a number, not \"x\""),
        (json!({"required": 3}), "here stands a list of texts"),
        (json!({"enum": {}}), "`enum` is a list, not an object"),
        (json!({"pattern": "["}), "`[` is no regular expression: a `[` is not closed"),
        (json!({"patternProperties": {"(": true}}), "`(` is no regular expression: a `(` is not closed"),
        (json!({"uniqueItems": "x"}), "`uniqueItems` is true or false, not \"x\""),
    ] {
        let faults = parse("x.json", &value.to_string()).unwrap_err();
        assert!(faults.iter().any(|f| f.message == why && f.line == 1 && f.column > 1), "{value}: {faults:?}");
    }
    let odd =
        schema(&json!({"$schema": "http://json-schema.org/draft-03/schema#", "type": "object", "required": true}));
    let told = read(&odd, &odd).unwrap().not_compared;
    assert!(told.iter().any(|n| n.contains("is no draft known here")), "{told:?}");
    assert!(told.iter().any(|n| n.contains("`required` is draft 3's word")), "{told:?}");
    let latest = schema(&json!({"$schema": "http://json-schema.org/schema#", "type": "object"}));
    assert_eq!(read(&latest, &latest).unwrap().not_compared, [""; 0]);
}
