//! `allOf`, alternatives, conditions, references and circles.
use super::*;
use crate::compat::Severity;

fn schemas(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    of_directions(&compare(&around_schemas("3.1.0", old), &around_schemas("3.1.0", new)))
}

#[test]
fn what_is_merged_counts_as_written_in_one_place() {
    let merged = "{type: object, properties: {a: {type: string, maxLength: 5, minLength: 1}, b: {}}, required: [a, b]}";
    let split = "{type: object, allOf: [{properties: {a: {type: string, maxLength: 5}}, required: [a]}, {allOf: \
                 [{properties: {a: {minLength: 1}, b: {}}, required: [b]}]}]}";
    assert_eq!(both(merged, split), (vec![], vec![]));
    assert_eq!(both(split, merged), (vec![], vec![]));
    let bounds = "{allOf: [{maximum: 9}, {maximum: 5}]}";
    assert_eq!(both(bounds, "{maximum: 5}"), (vec![], vec![]));
    assert_eq!(both(bounds, "{maximum: 9}").1, ["response-maximum-loosened"]);
    assert_eq!(both("{type: string}", "{type: string, allOf: [{title: words only}]}"), (vec![], vec![]));
    let nullable = "{nullable: true, allOf: [{type: object}]}";
    assert_eq!(both(nullable, "{type: [object, 'null']}"), (vec![], vec![]));
    // Null must be allowed by all parts, or by the whole; also where the schema is one alternative of several.
    let half = "{allOf: [{type: string, nullable: true}, {type: string}]}";
    assert_eq!(both(half, "{type: string}"), (vec![], vec![]));
    let choice = |schema: &str| format!("{{anyOf: [{schema}, {{type: object, properties: {{a: {{}}}}}}]}}");
    assert_eq!(both(half, &choice(half)).0, ["request-any-of-added"]);
}

#[test]
fn alternatives_are_known_by_name() {
    let pets =
        "Cat: {type: object, properties: {n: {type: string}}}\nDog: {type: object, properties: {n: {type: string}}}";
    let with = |list: &str, word: &str| format!("S: {{{word}: [{list}]}}\n{pets}");
    let (cat, both, turned) = (
        "{$ref: '#/components/schemas/Cat'}",
        "{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}",
        "{$ref: '#/components/schemas/Dog'}, {$ref: '#/components/schemas/Cat'}",
    );
    let one = |list: &str| with(list, "oneOf");
    assert_eq!(schemas(&one(both), &one(turned)), (vec![], vec![]));
    assert_eq!(schemas(&one(cat), &one(both)), (vec!["request-one-of-added"], vec!["response-one-of-added"]));
    assert_eq!(schemas(&one(both), &one(cat)), (vec!["request-one-of-removed"], vec!["response-one-of-removed"]));
    let any = |list: &str| with(list, "anyOf");
    assert_eq!(
        schemas(&any(cat), &any(both)),
        (vec!["request-any-of-covered-added"], vec!["response-any-of-covered-added"])
    );
    assert_eq!(
        schemas(&any(both), &any(cat)),
        (vec!["request-named-any-of-removed"], vec!["response-any-of-covered-removed"])
    );
    assert_eq!(
        schemas(&one(both), &any(both)),
        (vec!["request-one-of-became-any-of"], vec!["response-one-of-became-any-of"])
    );
}

#[test]
fn a_discriminator_s_value_names_an_alternative_that_moved() {
    let of = |schema: &str| {
        format!(
            "S: {{oneOf: [{{$ref: '#/components/schemas/{schema}'}}], discriminator: {{propertyName: k, mapping: {{cat: \
             '#/components/schemas/{schema}'}}}}}}\n{schema}: {{type: object, properties: {{k: {{type: string}}}}}}"
        )
    };
    assert_eq!(schemas(&of("Cat"), &of("Tiger")), (vec!["request-mapping-changed"], vec!["response-mapping-changed"]));
}

#[test]
fn alternatives_without_a_name_are_matched_by_what_they_hold() {
    let (a, b) = ("{type: object, properties: {a: {type: string}}, required: [a]}", "{type: integer, minimum: 3}");
    let list = |all: &[&str]| format!("{{anyOf: [{}]}}", all.join(", "));
    assert_eq!(both(&list(&[a, b]), &list(&[b, a])), (vec![], vec![]));
    // A change inside one of them is a change there, not an alternative less and one more.
    let wider = "{type: integer, minimum: 2}";
    assert_eq!(
        both(&list(&[a, b]), &list(&[wider, a])),
        (vec!["request-minimum-loosened"], vec!["response-minimum-loosened"])
    );
    assert_eq!(both(&list(&[a]), &list(&[a, b])), (vec!["request-any-of-added"], vec!["response-any-of-added"]));
    let bare = "{oneOf: [{type: string}, {type: integer}]}";
    assert_eq!(both(bare, "{type: [string, integer]}"), (vec![], vec![]));
}

#[test]
fn a_schema_may_become_a_choice_that_has_it() {
    let (a, b) = (
        "{type: object, properties: {a: {type: string}}, required: [a]}",
        "{type: object, properties: {z: {type: integer}}, required: [z]}",
    );
    let choice = format!("{{oneOf: [{b}, {a}]}}");
    assert_eq!(both(a, &choice), (vec!["request-one-of-added"], vec!["response-one-of-added"]));
    assert_eq!(both(&choice, a), (vec!["request-one-of-removed"], vec!["response-one-of-removed"]));
    let shared = format!("{{description: both, oneOf: [{a}]}}");
    assert_eq!(both(a, &shared), (vec![], vec![]));
}

#[test]
fn a_choice_may_become_one_alternative_of_a_larger_one() {
    let pets = "Cat: {type: object, properties: {c: {}}, required: [c]}\nDog: {type: object, properties: {d: {}}, required: [d]}\n\
                Pet: {oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}]}";
    let narrow = format!("S: {{$ref: '#/components/schemas/Pet'}}\n{pets}");
    let wide = format!("S: {{anyOf: [{{type: string, maxLength: 3}}, {{$ref: '#/components/schemas/Pet'}}]}}\n{pets}");
    assert_eq!(schemas(&narrow, &wide), (vec!["request-any-of-added"], vec!["response-any-of-added"]));
    assert_eq!(schemas(&wide, &narrow), (vec!["request-any-of-removed"], vec!["response-any-of-removed"]));
}

#[test]
fn which_of_two_choices_is_the_larger_hangs_on_neither_side() {
    let rest = "\nO: {type: object}\nA: {}\n";
    let many = format!(
        "S: {{oneOf: [{{$ref: '#/components/schemas/P'}}, {{$ref: '#/components/schemas/O'}}]}}{rest}P: {{oneOf: [{{$ref: '#/components/schemas/O'}}]}}"
    );
    let one = format!(
        "S: {{allOf: [{{oneOf: [{{$ref: '#/components/schemas/A'}}]}}, {{$ref: '#/components/schemas/O'}}]}}{rest}"
    );
    assert_eq!(schemas(&many, &one), (vec!["request-one-of-removed"], vec!["response-one-of-removed"]));
    assert_eq!(schemas(&one, &many), (vec!["request-one-of-added"], vec!["response-one-of-added"]));
}

#[test]
fn a_condition_counts_where_it_demands_more() {
    let plain = "{type: object, properties: {a: {type: string}}, required: [a]}";
    let with = |demand: &str| format!("{{type: object, properties: {{a: {{type: string}}}}, required: [a], {demand}}}");
    let implied = with("dependentSchemas: {a: {required: [a]}}");
    assert_eq!(both(plain, &implied), (vec![], vec![]));
    let more = with("dependentSchemas: {a: {properties: {a: {maxLength: 3}}}}");
    assert_eq!(both(plain, &more), (vec!["request-condition-added"], vec!["response-condition-added"]));
    assert_eq!(both(&more, plain), (vec!["request-condition-removed"], vec!["response-condition-removed"]));
    let branch = with("if: {properties: {a: {const: x}}}, then: {minProperties: 2}");
    assert_eq!(both(plain, &branch).0, ["request-condition-added"]);
    // One that is there and gets a demand, or loses one.
    let two = with("if: {properties: {a: {const: x}}}, then: {minProperties: 2}, else: {minProperties: 3}");
    assert_eq!(both(&branch, &two), (vec!["request-condition-added"], vec!["response-condition-added"]));
    assert_eq!(both(&two, &branch), (vec!["request-condition-removed"], vec!["response-condition-removed"]));
    let severity = |old: &str, new: &str, rule: &str| {
        let text = |schema: &str| around_schemas("3.1.0", &format!("S: {schema}"));
        let report = compare(&text(old), &text(new));
        report.findings.iter().find(|f| f.rule == rule).map(|f| f.severity)
    };
    let needs = with("if: {properties: {a: {const: x}}}, then: {required: [n]}");
    assert_eq!(severity(plain, &needs, "request-condition-added"), Some(Severity::Critical));
    assert_eq!(severity(&needs, plain, "response-condition-removed"), Some(Severity::Critical));
    // Meant is: where `n` is there and is x, it is there.
    let slip = with("if: {properties: {n: {const: x}}}, then: {required: [n]}");
    assert_eq!(severity(plain, &slip, "request-loose-condition-added"), Some(Severity::Warning));
    let some = "anyOf: [{maxProperties: 9}, {minProperties: 1}]";
    let more = with(&format!("{some}, oneOf: [{{minProperties: 2}}, {{maxProperties: 1}}]"));
    assert_eq!(severity(&with(some), &more, "request-alternatives-added"), Some(Severity::Warning));
    assert_eq!(both(&branch, &branch), (vec![], vec![]));
}

#[test]
fn an_alternative_that_lets_everything_through_is_a_second_one_for_all() {
    for (old, new) in [
        ("{type: string}", "{oneOf: [{type: string}, {}]}"),
        ("{oneOf: [{type: string}]}", "{oneOf: [{type: string}, {description: any}]}"),
        (
            "{oneOf: [{type: string, maxLength: 3}, {type: integer, minimum: 1}]}",
            "{oneOf: [{type: string, maxLength: 3}, {type: integer, minimum: 1}, {}]}",
        ),
        (
            "{oneOf: [{type: object, required: [a]}, {type: array, minItems: 1}]}",
            "{oneOf: [{type: object, required: [a]}, {type: array, minItems: 1}, {}]}",
        ),
        ("{}", "{oneOf: [{enum: [b]}, {}]}"),
    ] {
        let told = both(old, new).0;
        assert!(told.contains(&"request-one-of-overlap-added"), "{old} -> {new}: {told:?}");
        let back = both(new, old).0;
        assert!(back.iter().all(|rule| !rule.contains("overlap-added")), "{new} -> {old}: {back:?}");
    }
    let any = both("{anyOf: [{type: string, maxLength: 3}]}", "{anyOf: [{type: string, maxLength: 3}, {}]}").0;
    assert!(!any.contains(&"request-one-of-overlap-added"), "{any:?}");
}

#[test]
fn not_turns_things_round() {
    let not = |inner: &str| format!("{{not: {inner}}}");
    assert_eq!(both("{}", &not("{enum: [a]}")), (vec!["request-not-added"], vec!["response-not-added"]));
    assert_eq!(
        both(&not("{enum: [a, b]}"), &not("{enum: [a]}")),
        (vec!["request-enum-value-added"], vec!["response-enum-value-added"])
    );
    let twice = both(&not(&not("{maxLength: 5}")), &not(&not("{maxLength: 4}")));
    assert_eq!(twice, (vec!["request-max-length-tightened"], vec![]));
}

#[test]
fn circles_end_and_are_compared_once() {
    let tree = |limit: u32| {
        format!(
            "S: {{$ref: '#/components/schemas/Node'}}\nNode:\n  type: object\n  properties:\n    name: {{type: string, \
             maxLength: {limit}}}\n    left: {{$ref: '#/components/schemas/Node'}}\n    all: {{items: {{$ref: \
             '#/components/schemas/S'}}}}"
        )
    };
    let report = compare(&around_schemas("3.0.3", &tree(5)), &around_schemas("3.0.3", &tree(4)));
    assert_eq!(rules(&report.findings), ["request-max-length-tightened"]);
    assert_eq!(report.findings.len(), 1);
    let unrolled = tree(5).replace(
        "left: {$ref: '#/components/schemas/Node'}",
        "left: {type: object, properties: {name: \
             {type: string, maxLength: 5}, left: {$ref: '#/components/schemas/Node'}, all: {items: {$ref: \
             '#/components/schemas/S'}}}}",
    );
    let report = compare(&around_schemas("3.0.3", &tree(5)), &around_schemas("3.0.3", &unrolled));
    assert_eq!(report, Report::default(), "a circle written out once more is the same circle");
}

#[test]
fn what_stands_beside_a_reference_counts_from_3_1_on() {
    let with = "S: {type: object, properties: {a: {$ref: '#/components/schemas/A', maxLength: 3}}}\nA: {type: string}";
    let without = "S: {type: object, properties: {a: {$ref: '#/components/schemas/A'}}}\nA: {type: string}";
    assert_eq!(schemas(without, with).0, ["request-max-length-set"]);
    let old = compare(&around_schemas("3.0.3", without), &around_schemas("3.0.3", with));
    assert_eq!(old.findings, []);
}

#[test]
fn what_is_not_compared_is_said() {
    let report = compare(
        &around_schemas("3.1.0", "S: {$dynamicRef: '#x', xml: {name: a}}"),
        &around_schemas("3.1.0", "S: {$dynamicRef: '#x', xml: {name: b}}"),
    );
    assert_eq!(report.findings, []);
    assert_eq!(report.not_compared.len(), 2, "{:?}", report.not_compared);
    assert!(
        report.not_compared.iter().all(|n| n.starts_with("revision.yaml:11 #/components/schemas/S/")),
        "{:?}",
        report.not_compared
    );
}

#[test]
fn a_discriminator_s_value_that_nobody_knew() {
    let pets =
        "Cat: {type: object, properties: {c: {type: string}}}\nDog: {type: object, properties: {d: {type: string}}}";
    let of = |mapping: &str| {
        format!(
            "S: {{oneOf: [{{$ref: '#/components/schemas/Cat'}}, {{$ref: '#/components/schemas/Dog'}}], discriminator: \
             {{propertyName: k{mapping}}}}}\n{pets}"
        )
    };
    let names = |mapping: &str| of(&format!(", mapping: {{{mapping}}}"));
    let both = names("cat: Cat, dog: Dog");
    for (old, new, request, response) in [
        (&both, names("cat: Cat, hound: Dog"), "request-mapping-lost", "response-mapping-renamed"),
        (&both, names("cat: Cat, dog: Dog, hound: Dog"), "request-mapping-added", "response-mapping-second"),
        (&of(""), both.clone(), "request-mapping-added", "response-mapping-renamed"),
        (&both, of(""), "request-mapping-lost", "response-mapping-renamed"),
        (&names("cat: Cat, dog: Dog, hound: Dog"), both.clone(), "request-mapping-lost", "response-mapping-removed"),
    ] {
        let (requests, responses) = schemas(old, &new);
        assert!(requests.contains(&request), "{old}\n{new}\n{requests:?}");
        assert!(responses.contains(&response), "{old}\n{new}\n{responses:?}");
        let wanted = response == "response-mapping-renamed";
        assert_eq!(responses.contains(&"response-mapping-renamed"), wanted, "{old}\n{new}\n{responses:?}");
    }
    let told = compare(&around_schemas("3.1.0", &both), &around_schemas("3.1.0", &names("tom: Cat, hound: Dog")));
    let renamed = told.findings.iter().filter(|f| f.rule == "response-mapping-renamed");
    let prints: std::collections::BTreeSet<&str> = renamed.map(|f| f.fingerprint.as_str()).collect();
    assert_eq!(prints.len(), 2, "who accepts one accepts no other");
    let crossed = schemas(&both, &names("cat: Dog, dog: Cat"));
    assert!(!crossed.1.contains(&"response-mapping-renamed"), "both values are known: {crossed:?}");
    let more = of(", mapping: {cat: Cat, dog: Dog, bird: Bird}")
        .replace("Dog'}]", "Dog'}, {$ref: '#/components/schemas/Bird'}]");
    let more = schemas(&both, &format!("{more}\nBird: {{type: object, properties: {{b: {{type: string}}}}}}"));
    assert_eq!(more.1, ["response-mapping-added", "response-one-of-added"], "a new one is told as such");
}
