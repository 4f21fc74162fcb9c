//! What a schema lets through, however it is written: null, merged keywords, choices that become types, text, heirs.
use super::*;

/// Base, revision, what a request breaks or touches, what a response does.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

fn hold(cases: &[Case<'_>]) {
    for (old, new, request, response) in cases {
        let (is_request, is_response) = both(old, new);
        assert_eq!(is_request, *request, "request: {old} -> {new}");
        assert_eq!(is_response, *response, "response: {old} -> {new}");
        assert_eq!(both(old, old), (vec![], vec![]), "{old} against itself");
        assert_eq!(both(new, new), (vec![], vec![]), "{new} against itself");
    }
}

/// Neither side can tell the two apart.
fn equal(pairs: &[(&str, &str)]) {
    for (one, other) in pairs {
        assert_eq!(both(one, other), (vec![], vec![]), "{one} is {other}");
        assert_eq!(both(other, one), (vec![], vec![]), "{other} is {one}");
    }
}

const A: &str = "{type: object, properties: {a: {type: string}}, required: [a]}";
const B: &str = "{type: object, properties: {b: {type: string}}, required: [b]}";

#[test]
fn null_is_seen_among_alternatives() {
    let null_added: (&[&str], &[&str]) = (&["request-null-added"], &["response-null-added"]);
    for word in ["oneOf", "anyOf"] {
        let (without, with) = (format!("{{{word}: [{A}, {B}]}}"), format!("{{{word}: [{A}, {B}, {{type: 'null'}}]}}"));
        hold(&[
            (&without, &with, null_added.0, null_added.1),
            (&with, &without, &["request-null-removed"], &["response-null-removed"]),
        ]);
        let inside = |schema: &str| format!("{{type: object, properties: {{p: {schema}}}}}");
        hold(&[(&inside(&without), &inside(&with), null_added.0, null_added.1)]);
        let list = format!("{{{word}: [{{type: [string, 'null']}}, {{type: integer}}]}}");
        hold(&[(&format!("{{{word}: [{{type: string}}, {{type: integer}}]}}"), &list, null_added.0, null_added.1)]);
    }
    hold(&[
        (
            "{anyOf: [{type: string}, {type: [string, 'null']}]}",
            "{type: string}",
            &["request-null-removed"],
            &["response-null-removed"],
        ),
        (
            "{type: [string, 'null']}",
            "{anyOf: [{type: [string, 'null']}, {type: number}]}",
            &["request-type-widened"],
            &["response-type-widened"],
        ),
        (
            "{oneOf: [{type: string}, {type: integer}]}",
            "{oneOf: [{type: string, nullable: true}, {type: integer}]}",
            null_added.0,
            null_added.1,
        ),
    ]);
    // It makes no difference which alternative names it.
    equal(&[(
        "{anyOf: [{type: [string, 'null'], maxLength: 3}, {type: integer, minimum: 1}]}",
        "{anyOf: [{type: string, maxLength: 3}, {type: [integer, 'null'], minimum: 1}]}",
    )]);
}

#[test]
fn an_enumeration_that_does_not_name_null_forbids_it() {
    hold(&[
        (
            "{type: [string, 'null'], enum: [a]}",
            "{type: [string, 'null'], enum: [a, null]}",
            &["request-null-added"],
            &["response-null-added"],
        ),
        (
            "{type: [string, 'null'], enum: [a, null]}",
            "{type: [string, 'null'], enum: [a]}",
            &["request-null-removed"],
            &["response-null-removed"],
        ),
    ]);
    equal(&[("{type: [string, 'null'], enum: [a]}", "{type: string, enum: [a]}")]);
}

#[test]
fn merging_keeps_what_every_part_demands() {
    hold(&[
        (
            "{type: string, enum: [a, b]}",
            "{allOf: [{type: string, enum: [a, b]}, {enum: [a]}]}",
            &["request-enum-value-removed"],
            &["response-enum-value-removed"],
        ),
        (
            "{allOf: [{type: string, enum: [a, b]}, {enum: [a]}]}",
            "{type: string, enum: [a, b]}",
            &["request-enum-value-added"],
            &["response-enum-value-added"],
        ),
        (
            "{allOf: [{type: string, enum: [a, b]}, {enum: [a, b, c]}]}",
            "{allOf: [{type: string, enum: [a, b]}, {enum: [a]}]}",
            &["request-enum-value-removed"],
            &["response-enum-value-removed"],
        ),
        (
            "{type: integer, multipleOf: 2}",
            "{allOf: [{type: integer, multipleOf: 2}, {multipleOf: 3}]}",
            &["request-multiple-tightened"],
            &[],
        ),
        (
            "{type: array, contains: {const: a}}",
            "{allOf: [{type: array, contains: {const: a}}, {contains: {const: b}}]}",
            &["request-contains-added"],
            &["response-contains-added"],
        ),
        (
            "{type: object, properties: {a: {}, b: {}}, additionalProperties: false}",
            "{allOf: [{type: object, properties: {a: {}}, additionalProperties: false}, {properties: {b: {}}}]}",
            &["request-property-forbidden", "request-property-removed"],
            &["response-optional-property-removed"],
        ),
        (
            "{allOf: [{type: string, format: uuid}, {minLength: 1}]}",
            "{allOf: [{type: string, minLength: 1}, {format: uuid}, {format: uri}]}",
            &["request-format-narrowed"],
            &["response-format-narrowed"],
        ),
        (
            "{type: array, prefixItems: [{type: string}]}",
            "{type: array, allOf: [{prefixItems: [{type: string}]}, {items: {maxLength: 3}}]}",
            &["request-max-length-set"],
            &[],
        ),
    ]);
    equal(&[
        ("{allOf: [{type: integer, multipleOf: 2}, {multipleOf: 3}]}", "{type: integer, multipleOf: 6}"),
        ("{allOf: [{multipleOf: 0.2}, {multipleOf: 0.3}]}", "{multipleOf: 0.6}"),
    ]);
}

#[test]
fn a_choice_may_become_a_list_of_types() {
    let string_gone: (&[&str], &[&str]) = (&["request-type-changed"], &["response-type-changed"]);
    hold(&[
        (
            "{anyOf: [{type: string, maxLength: 3}, {type: boolean}]}",
            "{anyOf: [{type: integer}, {type: boolean}]}",
            string_gone.0,
            string_gone.1,
        ),
        (
            "{anyOf: [{type: integer}, {type: boolean}]}",
            "{anyOf: [{type: string, maxLength: 3}, {type: boolean}]}",
            string_gone.0,
            string_gone.1,
        ),
        (
            "{oneOf: [{type: string, maxLength: 3}, {type: boolean}]}",
            "{oneOf: [{type: string}, {type: boolean}]}",
            &[],
            &["response-max-length-removed"],
        ),
        (
            "{oneOf: [{type: string, format: uuid}, {type: boolean}]}",
            "{type: [string, boolean]}",
            &["request-format-widened"],
            &["response-format-widened"],
        ),
        // Two alternatives that one type holds.
        (
            "{oneOf: [{type: string, maxLength: 3}, {type: string, pattern: ^a, minLength: 4}]}",
            "{type: string}",
            &["request-any-of-covered-removed"],
            &["response-any-of-covered-removed", "response-max-length-removed"],
        ),
        // Exactly one has to fit, so what two have is refused.
        (
            "{type: number}",
            "{oneOf: [{type: number}, {type: [integer, string]}]}",
            &["request-type-changed"],
            &["response-type-changed"],
        ),
    ]);
}

#[test]
fn alternatives_of_which_one_has_to_fit_exclude_each_other() {
    let added = (
        &["request-one-of-added", "request-one-of-overlap-added"],
        &["response-one-of-added", "response-one-of-overlap-added"],
    );
    let removed = (
        &["request-one-of-overlap-removed", "request-one-of-removed"],
        &["response-one-of-overlap-removed", "response-one-of-removed"],
    );
    let two = "{oneOf: [{type: number, title: a}, {type: string, maxLength: 3}]}";
    let three = "{oneOf: [{type: number, title: a}, {type: string, maxLength: 3}, {type: integer, minimum: 1}]}";
    hold(&[(two, three, added.0, added.1), (three, two, removed.0, removed.1)]);
    let covered = (
        &["request-any-of-covered-added", "request-one-of-overlap-added"],
        &["response-any-of-covered-added", "response-one-of-overlap-added"],
    );
    hold(&[("{type: number}", "{oneOf: [{type: number}, {const: 1}]}", covered.0, covered.1)]);
    // A type that becomes a choice of its parts is no overlap.
    let parts = both("{type: string}", "{oneOf: [{type: string, maxLength: 3}, {type: string, minLength: 4}]}");
    assert!(!parts.0.contains(&"request-one-of-overlap-added"), "{parts:?}");
    // What else does not overlap is no more than one alternative more.
    let apart = "{oneOf: [{type: number, title: a}, {type: string, maxLength: 3}, {type: boolean, title: b}]}";
    hold(&[(two, apart, &["request-one-of-added"], &["response-one-of-added"])]);
    // Several types are held by one alternative as well as by many.
    hold(&[(
        "{type: [integer, string]}",
        "{anyOf: [{type: [integer, string]}, {type: integer, minimum: 2}]}",
        &["request-any-of-covered-added"],
        &["response-any-of-covered-added"],
    )]);
}

#[test]
fn values_of_an_open_enumeration_come_and_go() {
    let open = |values: &str| format!("{{anyOf: [{{type: string}}, {{enum: [{values}]}}]}}");
    equal(&[(&open("a, b"), &open("a"))]);
    let closed = |values: &str| format!("{{anyOf: [{{type: integer}}, {{enum: [{values}]}}]}}");
    hold(&[(&closed("a, b"), &closed("a"), &["request-enum-value-removed"], &["response-enum-value-removed"])]);
}

#[test]
fn another_spelling_is_the_same_schema() {
    equal(&[
        (
            "{type: string, allOf: [{not: {enum: [a]}}, {not: {enum: [b]}}]}",
            "{type: string, allOf: [{not: {enum: [b]}}, {not: {enum: [a]}}]}",
        ),
        ("{type: string}", "{type: string, not: {type: integer}}"),
        ("{const: 1, enum: [null, 2, 1]}", "{const: 1}"),
        ("{type: string, enum: [a, b]}", "{oneOf: [{const: a, title: first}, {const: b, title: second}]}"),
        ("{type: integer, exclusiveMinimum: 1}", "{type: integer, minimum: 2}"),
        ("{type: integer, minimum: 0.5}", "{type: integer, minimum: 1}"),
        ("{type: integer, exclusiveMaximum: 3}", "{type: integer, maximum: 2.5}"),
        ("{type: boolean}", "{enum: [true, false]}"),
        ("{type: 'null'}", "{const: null}"),
        ("{type: integer}", "{type: number, multipleOf: 1}"),
        ("{type: array}", "{type: array, contains: {const: a}, minContains: 0}"),
        ("{type: array, contains: {const: a}}", "{type: array, contains: {const: a}, minContains: 1}"),
        ("{dependentSchemas: {a: {required: [b]}}}", "{dependentRequired: {a: [b]}}"),
        ("{prefixItems: [{type: string}], items: false}", "{prefixItems: [{type: string}], unevaluatedItems: false}"),
    ]);
    hold(&[
        ("{type: string, oneOf: [{const: a}, {const: b}]}", "{type: string}", &[], &["response-enum-removed"]),
        (
            "{contains: {type: string}, minContains: 0}",
            "{contains: {type: string}}",
            &["request-contains-added"],
            &["response-contains-added"],
        ),
        ("{type: number, exclusiveMinimum: 1}", "{type: number, minimum: 2}", &["request-minimum-tightened"], &[]),
    ]);
}

#[test]
fn a_long_enumeration_is_equal_to_itself() {
    let numbers: Vec<String> = (0..1_500).map(|n| n.to_string()).collect();
    let lists: Vec<String> = (0..1_500).map(|n| format!("[{n}]")).collect();
    equal(&[(&format!("{{enum: [{}]}}", numbers.join(", ")), &format!("{{enum: [{}]}}", numbers.join(", ")))]);
    equal(&[(&format!("{{enum: [{}]}}", lists.join(", ")), &format!("{{enum: [{}]}}", lists.join(", ")))]);
}

#[test]
fn what_was_wrong_before_and_still_is_is_no_change() {
    let report = |level: &str| compare_levels("ready", level);
    assert_eq!(report("ready"), Vec::<&str>::new());
    assert_eq!(report("done"), ["operation-stability-invalid", "request-property-stability-invalid"]);
}

fn compare_levels(old: &str, new: &str) -> Vec<&'static str> {
    let text = |level: &str| {
        let schema = format!("{{type: string, x-stability-level: {level}}}");
        format!(
            "openapi: 3.1.0\npaths: {{/s: {{post: {{x-stability-level: {level}, requestBody: {{content: \
             {{application/json: {{schema: {schema}}}}}}}}}}}}}"
        )
    };
    rules(&compare(&text(old), &text(new)).findings)
}

#[test]
fn what_must_be_there_and_is_hidden_no_more() {
    let with = |word: &str| format!("{{properties: {{a: {{{word}}}}}, required: [a]}}");
    hold(&[
        (
            &with("readOnly: true"),
            &with(""),
            &["request-required-property-not-read-only"],
            &["response-property-not-read-only"],
        ),
        (
            &with(""),
            &with("readOnly: true"),
            &["request-property-became-read-only"],
            &["response-property-became-read-only"],
        ),
        (
            &with(""),
            &with("writeOnly: true"),
            &["request-property-became-write-only"],
            &["response-required-property-became-write-only"],
        ),
    ]);
}

#[test]
fn patterns_speak_of_properties_by_name() {
    hold(&[
        (
            "{patternProperties: {^x-: {}}, additionalProperties: false}",
            "{additionalProperties: false}",
            &["request-property-forbidden"],
            &[],
        ),
        (
            "{properties: {a: {}}, patternProperties: {^x-: {}}, additionalProperties: false}",
            "{patternProperties: {^x-: {}}, additionalProperties: false}",
            &["request-property-forbidden", "request-property-removed"],
            &["response-optional-property-removed"],
        ),
        (
            "{properties: {x-a: {type: string}}, additionalProperties: false}",
            "{patternProperties: {^x-: {type: string}}, additionalProperties: false}",
            &["request-property-removed"],
            &["response-optional-property-removed", "response-property-allowed"],
        ),
        (
            "{properties: {a: {type: string}}}",
            "{patternProperties: {^a$: {type: integer}}}",
            &["request-pattern-property-added", "request-property-removed", "request-type-changed"],
            &["response-optional-property-removed", "response-pattern-property-added", "response-type-changed"],
        ),
        (
            "{properties: {a: {type: string}}}",
            "{properties: {a: {type: string}}, patternProperties: {^a: {maxLength: 2}}}",
            &["request-max-length-set", "request-pattern-property-added"],
            &["response-pattern-property-added"],
        ),
    ]);
    let strange = "{properties: {a: {}}, patternProperties: {'^(?!x)': {}}, additionalProperties: false}";
    let text = |schema: &str| around_schemas("3.1.0", &format!("S: {schema}"));
    let report = compare(&text(strange), &text(&strange.replace("properties: {a: {}}, ", "")));
    assert!(report.not_compared.iter().any(|n| n.contains("`^(?!x)`")), "{:?}", report.not_compared);
}

fn query(old: &str, new: &str) -> Vec<&'static str> {
    let text = |schema: &str| {
        format!(
            "openapi: 3.1.0\npaths: {{/s: {{get: {{parameters: [{{name: q, in: query, schema: {schema}}}], responses: \
             {{}}}}}}}}"
        )
    };
    rules(&compare(&text(old), &text(new)).findings)
}

#[test]
fn what_is_written_as_text_keeps_to_the_new_schema() {
    let word = "request-type-widened";
    for (old, new, also) in [
        ("{type: integer}", "{type: string}", None),
        ("{type: integer}", "{type: string, enum: [a]}", Some("request-became-enum")),
        ("{type: integer}", "{type: string, pattern: ^a}", Some("request-pattern-set")),
        ("{type: integer}", "{type: string, format: uuid}", Some("request-format-narrowed")),
        ("{type: integer}", "{type: string, maxLength: 1}", Some("request-max-length-set")),
        ("{type: boolean}", "{type: string, format: date}", Some("request-format-narrowed")),
        ("{type: string}", "{type: array, items: {type: string}}", None),
        ("{type: string}", "{type: array, minItems: 2, items: {type: string}}", Some("request-min-items-tightened")),
        ("{type: string}", "{type: array, items: {type: string, format: uuid}}", Some("request-format-narrowed")),
        (
            "{type: array, items: {type: integer}}",
            "{type: array, items: {type: string, enum: [a]}}",
            Some("request-became-enum"),
        ),
    ] {
        let mut want: Vec<&str> = also.into_iter().chain([word]).collect();
        want.sort_unstable();
        assert_eq!(query(old, new), want, "{old} -> {new}");
    }
    // What is written with commas between the items falls apart at commas of its own.
    let joined = |schema: &str| {
        format!(
            "openapi: 3.1.0\npaths: {{/s: {{get: {{parameters: [{{name: q, in: query, explode: false, schema: {schema}}}], \
             responses: {{}}}}}}}}"
        )
    };
    let list = "{type: array, items: {type: string}}";
    let report = compare(&joined("{type: string}"), &joined(list));
    assert_eq!(rules(&report.findings), ["parameter-became-list", word]);
    let report = compare(&joined("{type: integer}"), &joined(list));
    assert_eq!(rules(&report.findings), [word]);
    // The same in a form, and not in JSON, where the type says it all.
    let form = |schema: &str| {
        format!(
            "openapi: 3.1.0\npaths: {{/s: {{post: {{requestBody: {{content: {{application/x-www-form-urlencoded: \
             {{schema: {{type: object, properties: {{q: {schema}}}}}}}}}}}}}}}}}"
        )
    };
    let report = compare(&form("{type: integer}"), &form("{type: string, enum: [a]}"));
    assert_eq!(rules(&report.findings), ["request-became-enum", word]);
    assert_eq!(both("{type: integer}", "{type: string, enum: [a]}").0, ["request-type-changed"]);
}

/// Pets that inherit: `mapping` as it is written, the type of the cat's skill, and schemas more.
fn pets(discriminator: &str, skill: &str, more: &str) -> String {
    format!(
        "S: {{$ref: '#/components/schemas/Pet'}}\nPet: {{type: object, required: [k], properties: {{k: {{type: string}}}}, \
         discriminator: {discriminator}}}\nCat: {{allOf: [{{$ref: '#/components/schemas/Pet'}}, {{type: object, \
         properties: {{skill: {{type: {skill}}}}}, required: [skill]}}]}}\n{more}"
    )
}

fn inherited(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    of_directions(&compare(&around_schemas("3.0.3", old), &around_schemas("3.0.3", new)))
}

#[test]
fn heirs_are_compared_where_their_parent_is_used() {
    let dog = "Dog: {allOf: [{$ref: '#/components/schemas/Pet'}, {type: object, properties: {bark: {type: string}}, \
               required: [bark]}]}";
    for by in ["{propertyName: k}", "{propertyName: k, mapping: {cat: Cat, dog: '#/components/schemas/Dog'}}"] {
        let (old, new) = (pets(by, "string", dog), pets(by, "integer", dog));
        assert_eq!(inherited(&old, &new), (vec!["request-type-changed"], vec!["response-type-changed"]), "{by}");
        assert_eq!(inherited(&old, &old), (vec![], vec![]));
    }
    let (with, without) = (pets("{propertyName: k}", "string", dog), pets("{propertyName: k}", "string", ""));
    assert_eq!(inherited(&with, &without), (vec!["request-subtype-removed"], vec!["response-subtype-removed"]));
    assert_eq!(inherited(&without, &with), (vec!["request-subtype-added"], vec!["response-subtype-added"]));
    // An heir itself is not its parent, so its siblings do not concern who uses it.
    let cat = |text: &str| text.replacen("schemas/Pet'}", "schemas/Cat'}", 1);
    assert_eq!(inherited(&cat(&with), &cat(&without)), (vec![], vec![]));
    // A use with a word more is a use.
    let told = |text: &str| {
        text.replacen(
            "S: {$ref: '#/components/schemas/Pet'}",
            "S: {type: object, properties: {p: {description: d, allOf: [{$ref: '#/components/schemas/Pet'}]}}}",
            1,
        )
    };
    assert_eq!(inherited(&told(&with), &told(&without)).0, ["request-subtype-removed"]);
}

#[test]
fn a_discriminator_s_value_is_what_travels() {
    let dog = "Dog: {allOf: [{$ref: '#/components/schemas/Pet'}, {type: object, properties: {bark: {type: string}}, \
               required: [bark]}]}";
    let with = |by: &str| pets(by, "string", dog);
    let straight = with("{propertyName: k, mapping: {cat: Cat, dog: Dog}}");
    let crossed = with("{propertyName: k, mapping: {cat: Dog, dog: Cat}}");
    let (request, response) = inherited(&straight, &crossed);
    assert!(request.contains(&"request-required-property-added"), "{request:?}");
    assert!(response.contains(&"response-required-property-removed"), "{response:?}");
    let moved = with("{propertyName: kind, mapping: {cat: Cat, dog: Dog}}");
    assert_eq!(
        inherited(&straight, &moved),
        (vec!["request-discriminator-changed"], vec!["response-discriminator-changed"])
    );
    let fewer = with("{propertyName: k, mapping: {cat: Cat}}");
    let (request, response) = inherited(&straight, &fewer);
    assert!(request.contains(&"request-mapping-lost"), "{request:?}");
    assert!(response.contains(&"response-mapping-removed"), "{response:?}");
}

#[test]
fn a_new_name_for_the_same_alternative_is_no_change() {
    let with = |cat: &str, by: &str| {
        let schema = |name: &str, own: &str| {
            format!("{name}: {{type: object, properties: {{{own}: {{type: string}}}}, required: [{own}]}}")
        };
        let text = format!(
            "S: {{oneOf: [{{$ref: '#/components/schemas/{cat}'}}, {{$ref: '#/components/schemas/Dog'}}]{by}}}\n{}\n{}",
            schema(cat, "c"),
            schema("Dog", "d")
        );
        around_schemas("3.1.0", &text)
    };
    let told = |old: &str, new: &str| of_directions(&compare(old, new));
    assert_eq!(told(&with("Cat", ""), &with("Feline", "")), (vec![], vec![]));
    let short =
        |cat: &str| with(cat, &format!(", discriminator: {{propertyName: k, mapping: {{cat: {cat}, dog: Dog}}}}"));
    assert_eq!(told(&short("Cat"), &short("Feline")).0, ["request-mapping-changed"]);
    // Without a mapping the name is what travels.
    let bare = |cat: &str| with(cat, ", discriminator: {propertyName: k}");
    assert_eq!(told(&bare("Cat"), &bare("Feline")).0, ["request-one-of-added", "request-one-of-removed"]);
}
