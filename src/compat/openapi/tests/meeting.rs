//! What of two schemas only their values tell: alternatives that grow over one another, conditions together with what holds
//! anyway, objects that are closed, texts that are values of another type.
use super::around::operation;
use super::*;

/// Alternatives that need a property of their own, and a choice of two of them.
const OTHERS: &str = "A: {type: object, properties: {kind: {}, a: {}}, required: [kind, a]}
B: {type: object, properties: {kind: {}, b: {}}, required: [kind, b]}
C: {type: object, properties: {kind: {}, c: {}}, required: [kind, c]}
N: {oneOf: [{$ref: '#/components/schemas/B'}, {$ref: '#/components/schemas/C'}], discriminator: {propertyName: kind}}
M: {oneOf: [{$ref: '#/components/schemas/B'}, {$ref: '#/components/schemas/C'}], discriminator: {propertyName: kind, mapping: {b: '#/components/schemas/B', c: '#/components/schemas/C'}}}";

fn choice(names: &str, more: &str) -> String {
    let all: Vec<String> = names.split(' ').map(|n| format!("{{$ref: '#/components/schemas/{n}'}}")).collect();
    format!("{{oneOf: [{}]{more}}}", all.join(", "))
}

fn with_others(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let text = |schema: &str| around_schemas("3.1.0", &format!("S: {schema}\n{OTHERS}"));
    of_directions(&compare(&text(old), &text(new)))
}

#[test]
fn an_alternative_that_grows_over_another_refuses_its_values() {
    let grown: &[&str] = &["request-one-of-overlap-added", "request-type-widened"];
    let wide: &[&str] = &["response-one-of-overlap-added", "response-type-widened"];
    hold(&[
        (
            "{oneOf: [{type: integer, minimum: 1}, {type: string}]}",
            "{oneOf: [{type: [integer, string], minimum: 1}, {type: string}]}",
            grown,
            wide,
        ),
        (
            "{oneOf: [{type: [integer, string], minimum: 1}, {type: string}]}",
            "{oneOf: [{type: integer, minimum: 1}, {type: string}]}",
            &["request-one-of-overlap-removed", "request-type-narrowed"],
            &["response-one-of-overlap-removed", "response-type-narrowed"],
        ),
        (
            "{type: string, enum: [a]}",
            "{oneOf: [{type: string, enum: [a]}, {type: [array, string], items: {type: boolean}}]}",
            &["request-one-of-added", "request-one-of-overlap-added"],
            &["response-one-of-added", "response-one-of-overlap-added"],
        ),
        // An object that is none of necessity any more.
        (
            "{oneOf: [{type: object, properties: {a: {}}, required: [a]}, {type: string}]}",
            "{oneOf: [{properties: {a: {}}, required: [a]}, {type: string}]}",
            grown,
            wide,
        ),
        // They met before, and meet now.
        (
            "{oneOf: [{type: number, minimum: 1}, {type: integer, minimum: 5}]}",
            "{oneOf: [{type: number, minimum: 0}, {type: integer, minimum: 5}]}",
            &["request-minimum-loosened"],
            &["response-minimum-loosened"],
        ),
        // Beside one that lets everything through no other is let through.
        (
            "{oneOf: [{type: boolean}, {type: object, properties: {a: {}}, required: [a]}]}",
            "{oneOf: [{}, {type: object, properties: {a: {}}, required: [a]}]}",
            grown,
            wide,
        ),
        // A choice inside is what its alternatives are.
        (
            "{type: string}",
            "{oneOf: [{type: string}, {oneOf: [{type: string, pattern: .*}, {type: boolean, enum: [true]}]}]}",
            &["request-one-of-added", "request-one-of-overlap-added"],
            &["response-one-of-added", "response-one-of-overlap-added"],
        ),
    ]);
}

/// Of more alternatives than are held against one another nothing is said where none was changed.
#[test]
fn many_alternatives_that_stay_are_no_question() {
    let many = |last: &str| {
        let all: Vec<String> = (0..40).map(|n| format!("{{type: string, pattern: ^{n}, maxLength: {last}}}")).collect();
        around_schemas("3.1.0", &format!("S: {{oneOf: [{}]}}", all.join(", ")))
    };
    let report = compare(&many("9"), &many("9"));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 0), "{report:?}");
    assert!(!compare(&many("9"), &many("8")).not_compared.is_empty());
}

#[test]
fn what_a_condition_adds_is_one_schema_with_what_holds_anyway() {
    let with = |then: &str| {
        format!(
            "{{type: object, properties: {{k: {{type: string}}, b: {{type: integer}}, c: {{type: integer, maximum: 9}}}}, \
             if: {{properties: {{k: {{const: x}}}}, required: [k]}}, then: {then}}}"
        )
    };
    for (old, new, request, response) in [
        (
            "{properties: {b: {maximum: 5}}}",
            "{properties: {b: {maximum: 5}, c: {maximum: 3}}}",
            "request-maximum-tightened",
            None,
        ),
        (
            "{properties: {b: {maximum: 5}, c: {maximum: 3}}}",
            "{properties: {b: {maximum: 5}}}",
            "request-maximum-loosened",
            Some("response-maximum-loosened"),
        ),
        (
            "{required: [b]}",
            "{required: [b, c]}",
            "request-property-became-required",
            Some("response-property-became-required"),
        ),
        (
            "{required: [b, c]}",
            "{required: [b]}",
            "request-property-became-optional",
            Some("response-property-became-optional"),
        ),
        ("{properties: {b: {maximum: 5}}}", "{properties: {b: {maximum: 3}}}", "request-maximum-tightened", None),
    ] {
        assert_eq!(both(&with(old), &with(new)), (vec![request], response.into_iter().collect()), "{old} {new}");
    }
    // What holds anyway is told once.
    let other = with("{required: [b]}");
    let renamed = other.replace("maximum: 9", "maximum: 4");
    let found =
        compare(&around_schemas("3.1.0", &format!("S: {other}")), &around_schemas("3.1.0", &format!("S: {renamed}")));
    assert_eq!(found.findings.len(), 1, "{:?}", found.findings);
}

#[test]
fn a_closed_object_that_answers_with_more_may_be_refused() {
    let closed = "additionalProperties: false";
    let of = |rest: &str| format!("{{type: object, {rest}}}");
    let (request, response) = both(
        &of(&format!("properties: {{a: {{}}}}, {closed}")),
        &of(&format!("properties: {{a: {{}}, b: {{}}}}, {closed}")),
    );
    assert_eq!(request, ["request-optional-property-added"]);
    assert_eq!(response, ["response-optional-property-added", "response-property-allowed"]);
    let (request, response) = both(&of(closed), &of(&format!("{closed}, patternProperties: {{^x-: {{}}}}")));
    assert_eq!((request, response), (vec![], vec!["response-property-allowed"]));
    let (_, response) = both(&of("properties: {a: {}}"), &of("properties: {a: {}, b: {}}"));
    assert_eq!(response, ["response-optional-property-added"], "who leaves it open is told nothing");
}

#[test]
fn listed_texts_that_are_words_of_another_type_are_the_same_on_the_wire() {
    let query = |schema: &str| format!("{{parameters: [{{in: query, name: q, schema: {schema}}}]}}");
    let (words, respelled) = ("{type: string, enum: ['true', 'false']}", "request-type-respelled");
    for (old, new, found) in [
        (words, "{type: boolean}", &[respelled][..]),
        ("{type: boolean}", words, &[respelled]),
        ("{type: string, enum: ['1', '20']}", "{type: integer}", &[respelled]),
        ("{type: string, enum: ['1', '20']}", "{type: integer, enum: [1, 20]}", &[respelled]),
        ("{type: string, enum: ['1', '20']}", "{type: integer, enum: [1]}", &["request-enum-value-removed", respelled]),
        ("{type: string, enum: ['1', '20']}", "{type: integer, maximum: 9}", &["request-type-narrowed"]),
        ("{type: integer, enum: [1, 2]}", "{type: string, enum: ['1', '2']}", &[respelled]),
        ("{type: integer, enum: [1, 2]}", "{type: string, enum: ['1']}", &["request-enum-value-removed", respelled]),
        ("{type: string, enum: ['true', 'false', maybe]}", "{type: boolean}", &["request-type-narrowed"]),
        ("{type: string, enum: ['01']}", "{type: integer}", &["request-type-narrowed"]),
        ("{type: string}", "{type: boolean}", &["request-type-narrowed"]),
        ("{type: boolean}", "{type: string, enum: ['true']}", &["request-became-enum", respelled]),
    ] {
        assert_eq!(operation(&query(old), &query(new)), found, "{old} {new}");
    }
    assert_eq!(both(words, "{type: boolean}").0, ["request-type-changed"], "in JSON they are two things");
}

#[test]
fn a_choice_inside_with_a_discriminator_of_its_own_is_what_it_chooses_between() {
    let same = ", discriminator: {propertyName: kind}";
    let mapped = |of: [&str; 3]| {
        let to = |name: &str, schema: &str| format!("{name}: '#/components/schemas/{schema}'");
        let all = [to("a", of[0]), to("b", of[1]), to("c", of[2])].join(", ");
        format!(", discriminator: {{propertyName: kind, mapping: {{{all}}}}}")
    };
    let quiet = |(request, response): (Vec<&'static str>, Vec<&'static str>)| {
        let loud =
            |all: Vec<&'static str>| all.into_iter().filter(|r| !r.contains("discriminator-")).collect::<Vec<_>>();
        (loud(request), loud(response))
    };
    for (flat, nested) in [
        (choice("A B C", same), choice("A N", same)),
        (choice("A B C", same), choice("A N", "")),
        (choice("A B C", ""), choice("A N", "")),
    ] {
        assert_eq!(quiet(with_others(&flat, &nested)), (vec![], vec![]), "{nested}");
        assert_eq!(quiet(with_others(&nested, &flat)), (vec![], vec![]), "{nested}");
    }
    let told = quiet(with_others(&choice("A N", same), &choice("A B", same)));
    assert_eq!(told, (vec!["request-one-of-removed"], vec!["response-one-of-removed"]));
    // The mapping says in two steps what it said in one.
    let (flat, steps) = (choice("A B C", &mapped(["A", "B", "C"])), choice("A M", &mapped(["A", "M", "M"])));
    let told = quiet(with_others(&flat, &steps));
    assert_eq!(told, (vec!["request-mapping-changed"], vec!["response-mapping-changed"]));
    // Answers carry another value.
    let told = quiet(with_others(&choice("A M", ""), &choice("A B C", same)));
    assert_eq!(told, (vec![], vec!["response-mapping-renamed"]));
}

#[test]
fn what_lies_deeper_than_is_looked_at_is_told() {
    let nested = |depth: usize, more: &str| {
        let innermost = format!("{{type: object, properties: {{x: {{type: string}}}}{more}}}");
        (0..depth).fold(innermost, |inner, n| format!("{{oneOf: [{inner}, {{type: object, required: [p{n}]}}]}}"))
    };
    let report = |depth: usize| {
        let text = |more: &str| around_schemas("3.1.0", &format!("S: {}", nested(depth, more)));
        compare(&text(""), &text(", maxProperties: 5"))
    };
    let told = |report: &Report| report.not_compared.iter().any(|n| n.contains("taken for unrelated"));
    assert!(!told(&report(10)));
    assert!(told(&report(40)));
}
