//! `unevaluatedProperties` and `unevaluatedItems` say something only where nothing beside them looks at the rest.
use super::*;

fn none() -> (Vec<&'static str>, Vec<&'static str>) {
    (vec![], vec![])
}

#[test]
fn a_word_for_the_rest_leaves_nothing_unevaluated() {
    let rest = |rest: &str| format!("{{type: object, {rest}unevaluatedProperties: false}}");
    let (texts, numbers) =
        (rest("additionalProperties: {type: string}, "), rest("additionalProperties: {type: integer}, "));
    assert_eq!(both(&texts, &numbers), (vec!["request-type-changed"], vec!["response-type-changed"]));
    let open = rest("additionalProperties: true, ");
    assert_eq!(both("{type: object, additionalProperties: true}", &open), none());
    assert_eq!(both("{type: object}", &open), none());
    assert_eq!(both(&open, &rest("")), (vec!["request-unevaluated-set"], vec!["response-unevaluated-set"]));
    let behind = [
        "{type: object, allOf: [{additionalProperties: {type: string}}], unevaluatedProperties: false}",
        "{type: object, $ref: '#/components/schemas/S/$defs/A', $defs: {A: {additionalProperties: {type: string}}}, \
         unevaluatedProperties: false}",
        "{type: object, allOf: [{unevaluatedProperties: {type: string}}], unevaluatedProperties: false}",
    ];
    for written in behind {
        assert_eq!(both(&texts, written).0.iter().filter(|r| r.contains("closed")).count(), 0, "{written}");
        let moved = written.replace("type: string", "type: integer");
        assert_eq!(both(written, &moved), (vec!["request-type-changed"], vec!["response-type-changed"]), "{written}");
    }
    // Of a schema beside it, and of the one around it, it knows nothing.
    let beside = "{type: object, allOf: [{additionalProperties: {type: string}}, {unevaluatedProperties: false}]}";
    assert_eq!(both("{type: object, additionalProperties: {type: string}}", beside).0, ["request-unevaluated-set"]);
    let inside = "{type: object, additionalProperties: true, allOf: [{unevaluatedProperties: false}]}";
    assert_eq!(both("{type: object, additionalProperties: true}", inside).0, ["request-unevaluated-set"]);
    // Every alternative looks at the rest, or one does not.
    let either = |second: &str| {
        format!(
            "{{oneOf: [{{required: [a], additionalProperties: {{}}}}, {{required: [b]{second}}}], unevaluatedProperties: false}}"
        )
    };
    assert_eq!(both(&either(", additionalProperties: {}"), &either("")).0, ["request-unevaluated-set"]);
}

#[test]
fn items_leave_nothing_unevaluated() {
    let rest = |rest: &str| format!("{{type: array, {rest}unevaluatedItems: false}}");
    let (texts, numbers) = (rest("items: {type: string}, "), rest("items: {type: integer}, "));
    assert_eq!(both(&texts, &numbers), (vec!["request-type-changed"], vec!["response-type-changed"]));
    assert_eq!(both("{type: array, items: {type: string}}", &texts), none());
    let first = "{type: array, prefixItems: [{type: string}]}";
    let closed = "{type: array, prefixItems: [{type: string}], unevaluatedItems: false}";
    assert_ne!(both(first, closed), none());
}
