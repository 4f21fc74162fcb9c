//! Each keyword, each way, in a request and in a response.
use super::super::rules;
use super::*;
use crate::compat::Severity;

#[test]
fn types() {
    hold(&[
        ("{type: integer}", "{type: number}", &["request-type-widened"], &["response-type-widened"]),
        ("{type: number}", "{type: integer}", &["request-type-narrowed"], &["response-type-narrowed"]),
        ("{type: string}", "{type: object}", &["request-type-changed"], &["response-type-changed"]),
        ("{type: string}", "{}", &["request-type-widened"], &["response-type-widened"]),
        ("{}", "{type: string}", &["request-type-narrowed"], &["response-type-narrowed"]),
        ("{type: [string, integer]}", "{type: [integer, string]}", &[], &[]),
        ("{type: [string, integer]}", "{type: string}", &["request-type-narrowed"], &["response-type-narrowed"]),
        ("{type: string}", "{type: int}", &["request-type-changed"], &["response-type-changed"]),
        ("{enum: [a]}", "{type: string, enum: [a]}", &[], &[]),
        ("{type: string}", "false", &["request-type-narrowed"], &["response-type-narrowed"]),
    ]);
}

#[test]
fn null_in_all_its_spellings() {
    let ways =
        ["{type: string, nullable: true}", "{type: [string, 'null']}", "{oneOf: [{type: string}, {type: 'null'}]}"];
    for (i, one) in ways.iter().enumerate() {
        for other in &ways[i..] {
            assert_eq!(both(one, other), (vec![], vec![]), "{one} is {other}");
        }
        hold(&[
            (one, "{type: string}", &["request-null-removed"], &["response-null-removed"]),
            ("{type: string}", one, &["request-null-added"], &["response-null-added"]),
        ]);
    }
    // An enumeration need not name null for it to be allowed.
    hold(&[("{type: string, nullable: true, enum: [a]}", "{type: [string, 'null'], enum: [a, null]}", &[], &[])]);
}

#[test]
fn formats() {
    hold(&[
        (
            "{type: integer, format: int32}",
            "{type: integer, format: int64}",
            &["request-format-widened"],
            &["response-format-widened"],
        ),
        (
            "{type: number, format: double}",
            "{type: number, format: float}",
            &["request-format-narrowed"],
            &["response-format-narrowed"],
        ),
        ("{type: string}", "{type: string, format: uuid}", &["request-format-narrowed"], &["response-format-narrowed"]),
        (
            "{type: string, format: uuid}",
            "{type: string, format: uri}",
            &["request-format-changed"],
            &["response-format-changed"],
        ),
        (
            "{type: string, format: sku}",
            "{type: string, format: article}",
            &["request-own-format-changed"],
            &["response-own-format-changed"],
        ),
        (
            "{type: string, format: sku}",
            "{type: string}",
            &["request-own-format-removed"],
            &["response-own-format-removed"],
        ),
    ]);
}

#[test]
fn enumerations_and_constants() {
    hold(&[
        ("{enum: [a, b]}", "{enum: [a]}", &["request-enum-value-removed"], &["response-enum-value-removed"]),
        ("{enum: [a]}", "{enum: [a, b]}", &["request-enum-value-added"], &["response-enum-value-added"]),
        ("{enum: [a, b]}", "{enum: [b, a]}", &[], &[]),
        ("{type: integer, enum: [1]}", "{type: integer, enum: [1.0]}", &[], &[]),
        ("{type: string}", "{type: string, enum: [a]}", &["request-became-enum"], &[]),
        ("{type: string, enum: [a]}", "{type: string}", &[], &["response-enum-removed"]),
        ("{type: string}", "{type: string, const: a}", &["request-const-set"], &["response-const-set"]),
        ("{const: a}", "{const: b}", &["request-const-changed"], &["response-const-changed"]),
        ("{const: a}", "{enum: [a, b]}", &["request-enum-value-added"], &["response-enum-value-added"]),
        ("{const: {a: [1, 2]}}", "{const: {a: [1, 2]}}", &[], &[]),
        (
            "{enum: [a], x-extensible-enum: true}",
            "{enum: [a, b], x-extensible-enum: true}",
            &[],
            &["response-extensible-value-added"],
        ),
        ("{x-extensible-enum: [a]}", "{x-extensible-enum: [a, b]}", &[], &["response-extensible-value-added"]),
        ("{type: string, x-extensible-enum: [a]}", "{type: string}", &[], &["response-extensible-enum-removed"]),
        ("{x-extensible-enum: [a, b]}", "{x-extensible-enum: [a]}", &["request-extensible-value-removed"], &[]),
    ]);
}

#[test]
fn bounds() {
    for (word, lower, kind) in [
        ("minimum", true, "minimum"),
        ("maximum", false, "maximum"),
        ("minLength", true, "min-length"),
        ("maxLength", false, "max-length"),
        ("minItems", true, "min-items"),
        ("maxItems", false, "max-items"),
        ("minProperties", true, "min-properties"),
        ("maxProperties", false, "max-properties"),
    ] {
        let (loose, tight) = if lower { (3, 5) } else { (5, 3) };
        let (loose, tight) = (format!("{{{word}: {loose}}}"), format!("{{{word}: {tight}}}"));
        let (request, response) = both(&loose, &tight);
        assert_eq!(request, [format!("request-{kind}-tightened")], "{word}");
        assert!(response.is_empty(), "{word}: {response:?}");
        let (request, response) = both(&tight, &loose);
        assert!(request.is_empty() || request == [format!("request-{kind}-loosened")], "{word}: {request:?}");
        assert_eq!(response, [format!("response-{kind}-loosened")], "{word}");
        assert_eq!(both("{}", &tight), (vec![format!("request-{kind}-set").leak() as &str], vec![]), "{word}");
        assert_eq!(both(&tight, "{}"), (vec![], vec![format!("response-{kind}-removed").leak() as &str]), "{word}");
    }
}

#[test]
fn exclusive_bounds_in_both_spellings() {
    hold(&[
        ("{minimum: 3, exclusiveMinimum: true}", "{exclusiveMinimum: 3}", &[], &[]),
        ("{minimum: 3}", "{exclusiveMinimum: 3}", &["request-minimum-tightened"], &[]),
        (
            "{maximum: 3, exclusiveMaximum: true}",
            "{maximum: 3}",
            &["request-maximum-loosened"],
            &["response-maximum-loosened"],
        ),
        ("{minimum: 9223372036854775806}", "{minimum: 9223372036854775807}", &["request-minimum-tightened"], &[]),
        ("{minLength: 0}", "{}", &[], &[]),
        ("{minimum: 1, exclusiveMinimum: 5}", "{exclusiveMinimum: 5}", &[], &[]),
    ]);
}

#[test]
fn patterns_and_multiples() {
    hold(&[
        ("{}", "{pattern: ^a}", &["request-pattern-set"], &["response-pattern-set"]),
        ("{pattern: ^a}", "{}", &["request-pattern-removed"], &["response-pattern-removed"]),
        ("{pattern: ^a}", "{pattern: ^b}", &["request-pattern-changed"], &["response-pattern-changed"]),
        ("{pattern: ^a}", "{pattern: .*}", &["request-pattern-generalized"], &["response-pattern-generalized"]),
        ("{pattern: .*}", "{pattern: ^a}", &["request-pattern-specialized"], &["response-pattern-specialized"]),
        ("{}", "{pattern: .*}", &[], &[]),
        ("{}", "{multipleOf: 5}", &["request-multiple-set"], &[]),
        ("{multipleOf: 5}", "{}", &[], &["response-multiple-removed"]),
        ("{multipleOf: 5}", "{multipleOf: 10}", &["request-multiple-tightened"], &[]),
        ("{multipleOf: 0.1}", "{multipleOf: 0.01}", &[], &["response-multiple-loosened"]),
        ("{multipleOf: 5}", "{multipleOf: 7}", &["request-multiple-changed"], &["response-multiple-changed"]),
        ("{type: integer}", "{type: integer, multipleOf: 1}", &[], &[]),
        ("{}", "{uniqueItems: true}", &["request-unique-items-set"], &[]),
        ("{uniqueItems: true}", "{uniqueItems: false}", &[], &["response-unique-items-removed"]),
    ]);
}

#[test]
fn properties() {
    hold(&[
        (
            "{properties: {}}",
            "{properties: {a: {}}}",
            &["request-optional-property-added"],
            &["response-optional-property-added"],
        ),
        (
            "{}",
            "{properties: {a: {default: 1}}, required: [a]}",
            &["request-required-property-added"],
            &["response-required-property-added"],
        ),
        ("{properties: {a: {}}}", "{}", &["request-property-removed"], &["response-optional-property-removed"]),
        (
            "{properties: {a: {}}, required: [a]}",
            "{}",
            &["request-property-removed"],
            &["response-required-property-removed"],
        ),
        (
            "{properties: {a: {}}, additionalProperties: false}",
            "{properties: {}, additionalProperties: false}",
            &["request-property-forbidden", "request-property-removed"],
            &["response-optional-property-removed"],
        ),
        (
            "{properties: {a: {}}}",
            "{properties: {a: {}}, required: [a]}",
            &["request-property-became-required"],
            &["response-property-became-required"],
        ),
        (
            "{properties: {a: {}}, required: [a]}",
            "{properties: {a: {}}}",
            &["request-property-became-optional"],
            &["response-property-became-optional"],
        ),
        ("{}", "{required: [a]}", &["request-undeclared-required"], &[]),
        (
            "{properties: {a: {}}}",
            "{required: [a]}",
            &["request-dropped-property-required", "request-property-removed"],
            &["response-optional-property-removed"],
        ),
        ("{required: ['']}", "{}", &[], &[]),
        ("{}", "{additionalProperties: false}", &["request-closed"], &["response-closed"]),
        ("{additionalProperties: false}", "{}", &["request-opened"], &["response-opened"]),
        ("{}", "{additionalProperties: true}", &[], &[]),
        (
            "{}",
            "{additionalProperties: {type: string}}",
            &["request-additional-schema-set"],
            &["response-additional-schema-set"],
        ),
        ("{unevaluatedProperties: false}", "{}", &["request-unevaluated-removed"], &["response-unevaluated-removed"]),
        ("{}", "{unevaluatedProperties: false}", &["request-unevaluated-set"], &["response-unevaluated-set"]),
        (
            "{unevaluatedProperties: {type: string}}",
            "{}",
            &["request-additional-schema-removed"],
            &["response-additional-schema-removed"],
        ),
        (
            "{contains: {const: 1}, unevaluatedItems: false}",
            "{contains: {const: 1}}",
            &["request-unevaluated-removed"],
            &["response-unevaluated-removed"],
        ),
        (
            "{additionalProperties: {type: string}}",
            "{additionalProperties: {type: integer}}",
            &["request-type-changed"],
            &["response-type-changed"],
        ),
        (
            "{additionalProperties: {type: string}}",
            "{additionalProperties: {type: string}, properties: {a: {type: integer}}}",
            &["request-optional-property-added", "request-type-changed"],
            &["response-optional-property-added", "response-type-changed"],
        ),
        (
            "{}",
            "{patternProperties: {^x: {}}}",
            &["request-pattern-property-added"],
            &["response-pattern-property-added"],
        ),
        ("{}", "{propertyNames: {pattern: ^a}}", &["request-property-names-added"], &["response-property-names-added"]),
        (
            "{dependentRequired: {a: [b]}}",
            "{dependentRequired: {a: [b, c]}}",
            &["request-dependent-required-added"],
            &["response-dependent-required-added"],
        ),
        (
            "{properties: {a: {properties: {b: {maxLength: 5}}}}}",
            "{properties: {a: {properties: {b: {maxLength: 4}}}}}",
            &["request-max-length-tightened"],
            &[],
        ),
    ]);
}

#[test]
fn what_travels_one_way_only() {
    hold(&[
        ("{}", "{properties: {a: {readOnly: true}}, required: [a]}", &[], &["response-required-property-added"]),
        (
            "{properties: {a: {readOnly: true, enum: [x, y]}}}",
            "{properties: {a: {readOnly: true, enum: [x]}}}",
            &["request-read-only-enum-value-removed"],
            &["response-enum-value-removed"],
        ),
        (
            "{properties: {a: {writeOnly: true}}, required: [a]}",
            "{properties: {}}",
            &["request-property-removed"],
            &["response-write-only-property-removed"],
        ),
        (
            "{properties: {a: {properties: {b: {}}, readOnly: true}}}",
            "{properties: {a: {properties: {b: {}}, required: [b], readOnly: true}}}",
            &[],
            &["response-property-became-required"],
        ),
        (
            "{properties: {a: {}}}",
            "{properties: {a: {readOnly: true}}}",
            &["request-property-became-read-only"],
            &["response-property-became-read-only"],
        ),
        (
            "{properties: {a: {writeOnly: true}}, required: [a]}",
            "{properties: {a: {}}, required: [a]}",
            &["request-property-not-write-only"],
            &["response-required-property-not-write-only"],
        ),
    ]);
}

#[test]
fn lists() {
    hold(&[
        ("{items: {type: string}}", "{items: {type: integer}}", &["request-type-changed"], &["response-type-changed"]),
        ("{}", "{items: {type: string}}", &["request-type-narrowed"], &["response-type-narrowed"]),
        // What stood for the rest holds where a place has nothing of its own any more.
        (
            "{prefixItems: [{type: integer}], items: {type: number}}",
            "{items: {type: number}}",
            &["request-type-widened"],
            &["response-type-widened"],
        ),
        ("{}", "{contains: {type: string}}", &["request-contains-added"], &["response-contains-added"]),
        (
            "{contains: {}, minContains: 1}",
            "{contains: {}, minContains: 2}",
            &["request-min-contains-tightened"],
            &["response-min-contains-tightened"],
        ),
        (
            "{contains: {type: string}}",
            "{contains: {type: integer}}",
            &["request-type-changed"],
            &["response-type-changed"],
        ),
    ]);
}

#[test]
fn content_defaults_and_promises() {
    hold(&[
        (
            "{contentEncoding: base64}",
            "{contentEncoding: base32}",
            &["request-content-encoding-changed"],
            &["response-content-encoding-changed"],
        ),
        (
            "{}",
            "{contentSchema: {type: object}}",
            &["request-content-schema-added"],
            &["response-content-schema-added"],
        ),
        ("{default: 1}", "{default: 2}", &["request-default-changed"], &["response-default-changed"]),
        ("{}", "{deprecated: true}", &["request-property-deprecated"], &["response-property-deprecated"]),
        (
            "{}",
            "{deprecated: true, x-sunset: 2026-05-01}",
            &["request-property-sunset-too-soon"],
            &["response-property-sunset-too-soon"],
        ),
        (
            "{}",
            "{x-stability-level: ready}",
            &["request-property-stability-invalid"],
            &["response-property-stability-invalid"],
        ),
        (
            "{x-stability-level: beta}",
            "{x-stability-level: stable}",
            &["request-property-stability-raised"],
            &["response-property-stability-raised"],
        ),
        ("{title: a, description: b, example: c}", "{title: d}", &[], &[]),
    ]);
}

#[test]
fn a_rule_has_one_name_one_severity_and_all_its_texts() {
    let all = rules::all();
    assert!(all.len() > 200, "{}", all.len());
    for rule in all {
        assert!(!rule.why.is_empty() && !rule.example.is_empty(), "{}", rule.id);
        assert!(rule.severity == Severity::Info || !rule.advice.is_empty(), "{} says not what to do", rule.id);
        let same = rules::everywhere().filter(|r| r.id == rule.id);
        assert!(same.clone().all(|r| r.severity == rule.severity && r.direction == rule.direction), "{}", rule.id);
    }
}

#[test]
fn a_bound_of_a_type_that_was_just_added_says_nothing_of_the_rest() {
    let none: [&str; 0] = [];
    for bound in [
        "minLength: 2",
        "maxLength: 2",
        "pattern: '^[A-Z]+$'",
        "format: uuid",
        "contentEncoding: base64",
        "minLength: 2, pattern: '^[A-Z]+$', format: date",
    ] {
        let more = format!("{{type: [integer, string], {bound}}}");
        assert_eq!(
            both("{type: integer}", &more),
            (vec!["request-type-widened"], vec!["response-type-widened"]),
            "{bound}"
        );
        assert_eq!(
            both(&more, "{type: integer}"),
            (vec!["request-type-narrowed"], vec!["response-type-narrowed"]),
            "{bound}"
        );
    }
    let object = "{type: [string, object], required: [a], properties: {a: {type: string}}}";
    assert_eq!(both("{type: string}", object).0, ["request-type-widened"]);
    assert_eq!(
        both("{type: string}", "{type: [string, number], minimum: 3, multipleOf: 2, format: int32}").0,
        ["request-type-widened"]
    );
    // Of a type that both have it says something, and beside one that none has it is a slip.
    assert_eq!(
        both("{type: string}", "{type: [integer, string], minLength: 2}").0,
        ["request-min-length-set", "request-type-widened"]
    );
    assert_eq!(both("{type: integer}", "{type: integer, minLength: 2}").0, ["request-min-length-set"]);
    assert_eq!(both("{type: string}", "{type: string, format: uuid}").0, ["request-format-narrowed"]);
    assert_eq!(both("{}", "{minLength: 2}").0, ["request-min-length-set"]);
    assert_eq!(both("{type: integer}", "{type: integer}").0, none);
}

#[test]
fn what_every_listed_value_meets_is_no_bound() {
    let none: [&str; 0] = [];
    for (old, new) in [
        ("{enum: [1, 2]}", "{enum: [1.0, 2.0]}"),
        ("{const: 1}", "{const: 1.0}"),
        ("{type: string, enum: [ab]}", "{type: string, enum: [ab], minLength: 2}"),
        ("{type: string, enum: [ab]}", "{type: string, enum: [ab], pattern: ^a}"),
        ("{type: string, enum: [ab], maxLength: 9}", "{type: string, enum: [ab], maxLength: 2}"),
        (
            "{type: integer, enum: [3, 4], minimum: 1, maximum: 9}",
            "{type: integer, enum: [3, 4], minimum: 3, exclusiveMaximum: 5}",
        ),
        ("{type: array, maxItems: 1}", "{type: array, maxItems: 1, uniqueItems: true}"),
    ] {
        assert_eq!(both(old, new), (none.to_vec(), none.to_vec()), "{old} -> {new}");
        assert_eq!(both(new, old), (none.to_vec(), none.to_vec()), "{new} -> {old}");
    }
    for (old, new, rule) in [
        ("{type: string, enum: [ab, a]}", "{type: string, enum: [ab, a], minLength: 2}", "request-enum-value-removed"),
        ("{type: string, enum: [ab, b]}", "{type: string, enum: [ab, b], pattern: ^a}", "request-pattern-set"),
        ("{type: integer, enum: [3]}", "{type: integer, enum: [3], exclusiveMinimum: 3}", "request-enum-value-removed"),
        ("{type: string, enum: [ab]}", "{type: string, enum: [ab], maxLength: 2}", "request-max-length-set"),
        ("{type: array, maxItems: 2}", "{type: array, maxItems: 2, uniqueItems: true}", "request-unique-items-set"),
        ("{enum: [1, 2]}", "{enum: [1.5, 2]}", "request-enum-value-removed"),
    ] {
        assert!(both(old, new).0.contains(&rule), "{old} -> {new}: {:?}", both(old, new));
    }
}

#[test]
fn what_is_required_and_not_allowed_leaves_nothing() {
    let closed = |more: &str| {
        format!("{{type: object, additionalProperties: false, properties: {{a: {{type: string}}}}{more}}}")
    };
    assert_eq!(both(&closed(""), &closed(", required: [z]")), (vec!["request-required-forbidden"], vec![]));
    assert_eq!(both(&closed(", required: [z]"), &closed("")).1, ["response-undeclared-not-required"]);
    let pattern = closed(", patternProperties: {^z: {type: string}}");
    let needed = closed(", patternProperties: {^z: {type: string}}, required: [z]");
    assert_eq!(both(&pattern, &needed).0, ["request-undeclared-required"]);
    assert_eq!(both("{type: object}", "{type: object, required: [z]}").0, ["request-undeclared-required"]);
}
