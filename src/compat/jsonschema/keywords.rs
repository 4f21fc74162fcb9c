//! Keywords by the type they look at, and the draft they came with.
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::shape::Draft;

/// What `$schema` says, and the draft that is meant.
const KNOWN: [(&str, Draft); 5] = [
    ("draft-04", Draft::D4),
    ("draft-06", Draft::D6),
    ("draft-07", Draft::D7),
    ("2019-09", Draft::D2019),
    ("2020-12", Draft::D2020),
];

fn named(root: &Value) -> Option<Draft> {
    let says = root.get("$schema").and_then(Value::as_str).unwrap_or("");
    KNOWN.iter().find(|(name, _)| says.contains(name)).map(|(_, draft)| *draft)
}

/// Draft 7 where nothing is said, as schema registries take it.
pub(super) fn draft(root: &Value) -> Draft {
    named(root).unwrap_or(Draft::D7)
}

/// That a draft is named which is not known. The word `schema` alone means whichever is the latest.
pub(super) fn unknown_draft(root: &Value) -> BTreeSet<String> {
    let says = root.get("$schema").filter(|says| named(root).is_none() && !latest(says));
    says.map(|says| format!("#/$schema: {says} is no draft known here, so it is read as draft 7")).into_iter().collect()
}

fn latest(says: &Value) -> bool {
    says.as_str().is_some_and(|s| s.trim_end_matches('#').trim_end_matches('/').ends_with("json-schema.org/schema"))
}

pub(super) const NUMBER: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
pub(super) const STRING: &[&str] = &["minLength", "maxLength", "pattern", "format"];
pub(super) const OBJECT: &[&str] = &[
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];
pub(super) const ARRAY: &[&str] = &[
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];
/// Every keyword that demands something.
const DEMANDS: &[&[&str]] = &[
    NUMBER,
    STRING,
    OBJECT,
    ARRAY,
    &["type", "enum", "const", "not", "allOf", "anyOf", "oneOf", "if", "then", "else"],
];
/// Keyword and the first draft that knows it; where it is not known it says nothing.
pub(super) const SINCE: &[(&str, Draft)] = &[
    ("const", Draft::D6),
    ("contains", Draft::D6),
    ("propertyNames", Draft::D6),
    ("if", Draft::D7),
    ("then", Draft::D7),
    ("else", Draft::D7),
    ("minContains", Draft::D2019),
    ("maxContains", Draft::D2019),
    ("dependentRequired", Draft::D2019),
    ("dependentSchemas", Draft::D2019),
    ("unevaluatedItems", Draft::D2019),
    ("unevaluatedProperties", Draft::D2019),
    ("prefixItems", Draft::D2020),
];

/// The types whose keywords a type looks at.
pub(super) fn family(name: &str) -> Option<&'static str> {
    match name {
        "number" | "integer" => Some("number"),
        "string" => Some("string"),
        "object" => Some("object"),
        "array" => Some("array"),
        _ => None,
    }
}

pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_string(),
        Value::Object(_) => "an object".to_string(),
        other => other.to_string(),
    }
}

/// What the draft passes over although somebody meant something by it: keywords that later drafts know, and those beside a
/// reference.
pub(super) fn unknown(object: &Map<String, Value>, draft: Draft) -> impl Iterator<Item = String> {
    let late = SINCE.iter().filter(move |(keyword, since)| object.contains_key(*keyword) && draft < *since);
    let late = late.map(move |(keyword, since)| {
        let (known, here) = (since.word(), draft.word());
        format!("`{keyword}` is known from {known} on, and says nothing in {here}, which is read: set `$schema`")
    });
    let alone = draft < Draft::D2019 && object.contains_key("$ref");
    let beside = object.keys().filter(move |k| alone && DEMANDS.iter().any(|of| of.contains(&k.as_str())));
    late.chain(beside.map(move |keyword| {
        let here = draft.word();
        format!("`{keyword}` says nothing beside a `$ref` in {here}, which is read: set `$schema`, or use `allOf`")
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{parse, read};
    use super::*;

    fn reading(old: &Value, new: &Value) -> crate::compat::events::Reading {
        let schema = |name: &str, v: &Value| parse(name, &v.to_string()).unwrap();
        read(&schema("new.json", new), &schema("old.json", old)).unwrap()
    }

    #[test]
    fn what_a_draft_passes_over_is_said() {
        for (keyword, value) in [
            ("prefixItems", json!([{"type": "string"}])),
            ("dependentRequired", json!({"a": ["b"]})),
            ("dependentSchemas", json!({"a": {"required": ["b"]}})),
            ("unevaluatedProperties", json!(false)),
            ("minContains", json!(2)),
        ] {
            let with = json!({"properties": {"p": {keyword: value}}});
            let said = reading(&json!({}), &with).not_compared;
            let place = format!("new.json#/properties/p: `{keyword}`");
            assert!(said.iter().any(|s| s.starts_with(&place) && s.contains("draft 7")), "{keyword}: {said:?}");
            let mut named = with.clone();
            named["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            assert_eq!(reading(&named, &named).not_compared, [] as [String; 0], "{keyword}");
        }
        let beside = json!({"definitions": {"a": {}}, "$ref": "#/definitions/a", "maxLength": 3, "title": "t"});
        let said = reading(&beside, &beside).not_compared;
        assert!(said.iter().any(|s| s.contains("`maxLength` says nothing beside")), "{said:?}");
        assert!(said.iter().all(|s| !s.contains("`title`")), "{said:?}");
    }

    #[test]
    fn a_new_pattern_speaks_of_declared_properties() {
        let old = json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false});
        let with = |pattern: &str, length: Value| {
            let mut new = old.clone();
            new["patternProperties"] = json!({pattern: length});
            reading(&old, &new).clashes.iter().map(|c| c.rule).collect::<Vec<_>>()
        };
        let rule = "json-pattern-property-narrowed";
        assert_eq!(with("^a", json!({"type": "string", "maxLength": 2})), [rule]);
        assert_eq!(with("^a", json!({"type": "string"})), [] as [&str; 0]);
        assert_eq!(with("^b", json!({"type": "integer"})), [] as [&str; 0]);
    }
}
