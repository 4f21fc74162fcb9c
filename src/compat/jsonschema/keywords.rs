//! Keywords by the type they look at, and the draft they came with.
use std::collections::BTreeSet;

use serde_json::Value;

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
