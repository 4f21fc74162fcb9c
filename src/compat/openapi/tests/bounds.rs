//! Bounds beside a list of values, and what is written otherwise in Swagger 2 and OpenAPI 3.0.
use super::*;

#[test]
fn a_bound_that_a_listed_value_is_beyond_takes_it_away() {
    let gone: (&[&str], &[&str]) = (&["request-enum-value-removed"], &["response-enum-value-removed"]);
    for (old, new) in [
        ("{type: integer, enum: [1, 5]}", "{type: integer, enum: [1, 5], maximum: 4}"),
        ("{type: integer, enum: [1, 5], maximum: 9}", "{type: integer, enum: [1, 5], maximum: 4}"),
        ("{type: integer, enum: [1, 5]}", "{type: integer, enum: [1, 5], exclusiveMaximum: 5}"),
        ("{type: integer, enum: [1, 5]}", "{allOf: [{type: integer, enum: [1, 5]}, {maximum: 4}]}"),
        ("{type: string, enum: [EUR, GBPX]}", "{type: string, enum: [EUR, GBPX], maxLength: 3}"),
        ("{type: string, enum: [EU, GBP]}", "{type: string, enum: [EU, GBP], minLength: 3}"),
        ("{enum: [[1], [1, 2]]}", "{enum: [[1], [1, 2]], maxItems: 1}"),
    ] {
        let (request, response) = both(old, new);
        assert_eq!((&request[..], &response[..]), gone, "{old} -> {new}");
        let (request, response) = both(new, old);
        assert_eq!(request, ["request-enum-value-added"], "{new} -> {old}");
        assert_eq!(response, ["response-enum-value-added"], "{new} -> {old}");
    }
    assert_eq!(
        both("{const: 1}", "{type: integer, minimum: 2}"),
        (
            vec!["request-const-removed", "request-enum-value-removed"],
            vec!["response-const-removed", "response-enum-value-removed"]
        )
    );
    assert_eq!(
        both("{type: integer, minimum: 2}", "{const: 1}"),
        (
            vec!["request-const-set", "request-enum-value-added"],
            vec!["response-const-set", "response-enum-value-added"]
        )
    );
    let critical = |old: &str, new: &str| {
        let report =
            compare(&around_schemas("3.1.0", &format!("S: {old}")), &around_schemas("3.1.0", &format!("S: {new}")));
        report
            .findings
            .iter()
            .any(|f| f.direction == Some(Direction::Request) && f.severity == crate::compat::Severity::Critical)
    };
    assert!(critical("{type: integer, enum: [1, 5]}", "{type: integer, enum: [1, 5], maximum: 4}"));
    assert!(critical("{const: 1}", "{type: integer, minimum: 2}"));
}

#[test]
fn a_bound_that_all_listed_values_meet_leaves_nothing_out() {
    for (old, new) in [
        ("{type: integer, enum: [1, 5]}", "{type: integer, enum: [1, 5], maximum: 5}"),
        ("{type: integer, enum: [1, 5]}", "{type: integer, enum: [1, 5], minimum: 1, maximum: 9}"),
        ("{type: string, enum: [EUR, GBP]}", "{type: string, enum: [EUR, GBP], minLength: 3}"),
        ("{type: [integer, 'null'], enum: [1, null]}", "{type: [integer, 'null'], enum: [1, null], maximum: 1}"),
    ] {
        assert_eq!(both(old, new), (vec![], vec![]), "{old} -> {new}");
        assert_eq!(both(new, old), (vec![], vec![]), "{new} -> {old}");
    }
    assert_eq!(both("{const: 3}", "{type: integer, minimum: 2}").0, ["request-const-removed"]);
}

#[test]
fn swagger_names_the_discriminator_and_nothing_else() {
    let swagger = |name: &str| {
        format!(
            "swagger: '2.0'\ninfo: {{title: T, version: '1'}}\npaths:\n  /s:\n    post:\n      parameters: [{{in: body, \
             name: b, schema: {{$ref: '#/definitions/Pet'}}}}]\n      responses: {{'200': {{description: ok, schema: \
             {{$ref: '#/definitions/Pet'}}}}}}\ndefinitions:\n  Pet: {{type: object, discriminator: {name}, required: \
             [k, l], properties: {{k: {{type: string}}, l: {{type: string}}}}}}\n  Cat: {{allOf: [{{$ref: \
             '#/definitions/Pet'}}, {{type: object, properties: {{c: {{type: string}}}}}}]}}\n"
        )
    };
    let moved = compare(&swagger("k"), &swagger("l"));
    assert_eq!(of_directions(&moved), (vec!["request-discriminator-changed"], vec!["response-discriminator-changed"]));
    assert!(moved.not_compared.is_empty(), "{:?}", moved.not_compared);
    assert!(compare(&swagger("k"), &swagger("k")).findings.is_empty());
    let odd = compare(&swagger("k"), &swagger("{propertyName: k}"));
    assert!(odd.not_compared.iter().any(|n| n.contains("`discriminator` is no name")), "{:?}", odd.not_compared);
    // Another version says the same in other words.
    let pet = |name: &str| {
        format!(
            "Pet: {{type: object, discriminator: {{propertyName: {name}}}, required: [k, l], properties: {{k: {{type: \
             string}}, l: {{type: string}}}}}}\nCat: {{allOf: [{{$ref: '#/components/schemas/Pet'}}, {{type: object, \
             properties: {{c: {{type: string}}}}}}]}}"
        )
    };
    let three = |name: &str| around_schemas("3.0.3", &pet(name)).replace("schemas/S'", "schemas/Pet'");
    assert_eq!(of_directions(&compare(&swagger("k"), &three("k"))), (vec![], vec![]));
    assert!(of_directions(&compare(&swagger("k"), &three("l"))).0.contains(&"request-discriminator-changed"));
    let text = three("k").replace("{propertyName: k}", "k");
    let told = compare(&text, &text.replace("discriminator: k", "discriminator: l"));
    assert!(told.not_compared.iter().any(|n| n.contains("`discriminator` is no object")), "{:?}", told.not_compared);
}

#[test]
fn what_stands_beside_a_reference_counts_from_3_1_on() {
    let of = |version: &str, beside: &str| {
        around_schemas(
            version,
            &format!(
                "S: {{type: object, required: [a], properties: {{a: {{$ref: '#/components/schemas/A'{beside}}}}}}}\nA: \
                 {{type: string}}"
            ),
        )
    };
    for word in ["readOnly", "writeOnly"] {
        let (plain, beside) = ("", format!(", {word}: true"));
        for (old, new) in [(plain, &*beside), (&*beside, plain)] {
            assert_eq!(compare(&of("3.0.3", old), &of("3.0.3", new)).findings, vec![], "{word}");
            assert_ne!(compare(&of("3.1.0", old), &of("3.1.0", new)).findings, vec![], "{word}");
        }
        // The words do not hide what else was changed.
        let other = of("3.0.3", &beside).replace("A: {type: string}", "A: {type: integer}");
        let (request, response) = of_directions(&compare(&of("3.0.3", &beside), &other));
        assert_eq!((request, response), (vec!["request-type-changed"], vec!["response-type-changed"]), "{word}");
    }
}

#[test]
fn a_parameter_that_everybody_sends() {
    let query = |parameter: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: T, version: '1'}}\npaths:\n  /s:\n    get:\n      parameters: [{{in: query, \
             name: q, {parameter}}}]\n      responses: {{'200': {{description: ok}}}}\n"
        )
    };
    let rules_of = |old: &str, new: &str| rules(&compare(&query(old), &query(new)).findings);
    let plain = "schema: {type: string}";
    let with = "schema: {type: string, default: x}";
    assert_eq!(rules_of(&format!("required: true, {plain}"), with), ["parameter-became-optional"]);
    assert_eq!(rules_of(plain, with), ["parameter-default-added"]);
    assert!(rules_of(plain, &format!("required: true, {with}")).contains(&"parameter-default-added"));
    // As text a boolean is one of two words.
    let flag = "schema: {type: boolean}";
    for (new, breaks) in [
        ("schema: {type: string, enum: ['true', 'false']}", false),
        ("schema: {type: string, enum: ['true', 'false', maybe]}", false),
        ("schema: {type: string, enum: ['true', 'yes']}", true),
    ] {
        assert_eq!(rules_of(flag, new).contains(&"request-became-enum"), breaks, "{new}");
    }
}
