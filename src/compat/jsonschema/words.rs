//! What messages call a schema: by the keywords that are written, never by those of the form it was brought into.
use serde_json::{Value, json};

use super::read;
use super::tests::schema;

#[test]
fn messages_speak_of_what_is_written() {
    let told = |old: Value, new: Value| -> Vec<String> {
        read(&schema(&new), &schema(&old)).unwrap().clashes.into_iter().map(|c| c.message).collect()
    };
    let object = json!({"type": "object"});
    let condition = json!({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}});
    assert_eq!(told(object, condition), ["was object, is object with if"]);
    let listed = told(json!({"enum": ["a"]}), json!({"type": "string", "enum": ["a"]}));
    assert_eq!(listed, ["type string is new, and all values that were listed are of it"]);
    let types = told(json!({"type": ["string", "integer"]}), json!({"type": "boolean"}));
    assert_eq!(types, ["was string or integer, is boolean"]);
    let fewer = told(json!({"type": ["string", "integer", "null"]}), json!({"type": ["string", "integer"]}));
    assert!(fewer[0].starts_with("`type` had 3"), "{fewer:?}");
    let all = told(json!({"type": "string"}), json!({"allOf": [{"type": "string"}, {"maxLength": 3}]}));
    assert_eq!(all, ["was string, is allOf"]);
    let circle = json!({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}});
    let reading = read(&schema(&circle), &schema(&circle)).unwrap();
    assert!(reading.not_compared.iter().any(|n| n.contains("leads round in a circle")), "{reading:?}");
}
