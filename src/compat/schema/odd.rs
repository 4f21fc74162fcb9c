//! Values that a keyword cannot have. What such a keyword would say nobody knows, so it must not be passed over.
use crate::compat::document::{Data, Library, NodeId, compare};
use crate::compat::pattern;
use crate::spec::nearest;

/// Keywords of schemas in all drafts, in order: of JSON Schema, OpenAPI and Swagger 2.
const KEYWORDS: [&str; 70] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "collectionFormat",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "discriminator",
    "else",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "id",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "summary",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
    "xml",
];

/// It is a keyword, or one of somebody's own.
pub fn is_keyword(key: &str) -> bool {
    key.starts_with("x-") || KEYWORDS.binary_search(&key).is_ok()
}

/// The keyword that was meant.
pub fn near(key: &str) -> Option<&'static str> {
    nearest(key, KEYWORDS)
}

/// It is of version 2, in which some words have another form.
pub fn is_swagger(library: &Library) -> bool {
    library.get(library.root(), "swagger").is_some()
}

/// What is wrong with the value of a keyword, in words; `None` where nothing is, and for keywords without a form.
pub fn odd(library: &Library, node: NodeId, key: &str, value: NodeId) -> Option<&'static str> {
    let data = library.data(value);
    let say = |ok: bool, why: &'static str| (!ok).then_some(why);
    match key {
        "minimum" | "maximum" => say(matches!(data, Data::Number(_)), "is no number"),
        "exclusiveMinimum" | "exclusiveMaximum" => {
            say(matches!(data, Data::Number(_) | Data::Bool(_)), "is neither a number nor true or false")
        }
        "multipleOf" => say(above(data, 0), "is no number above 0"),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains"
        | "maxContains" => say(counts(data), "is no whole number from 0 on"),
        "pattern" => match library.text(value) {
            None => Some("is no text"),
            Some(text) => pattern::fault(text).map(|_| "is no regular expression"),
        },
        "format" | "contentEncoding" | "contentMediaType" => say(library.text(value).is_some(), "is no text"),
        "uniqueItems" | "readOnly" | "writeOnly" | "deprecated" | "nullable" => {
            say(matches!(data, Data::Bool(_)), "is neither true nor false")
        }
        // A parameter of Swagger 2 is a schema as well, and says of itself whether it must be there.
        "required" if library.get(node, "in").is_some() => {
            say(matches!(data, Data::Bool(_)), "is neither true nor false")
        }
        // `required: true` beside a property is draft 3.
        "required" => say(texts(library, value), "is no list of names"),
        "type" => say(library.text(value).is_some() || texts(library, value), "is neither a type nor a list of types"),
        "enum" => say(matches!(data, Data::Seq(_)), "is no list"),
        "dependentRequired" => {
            let lists = library.entries(value).iter().all(|(_, n)| texts(library, *n));
            say(library.is_map(value) && lists, "is no object of lists of names")
        }
        "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "contentSchema"
        | "unevaluatedItems"
        | "unevaluatedProperties" => say(library.is_map(value) || matches!(data, Data::Bool(_)), "is no schema"),
        "discriminator" if is_swagger(library) => say(library.text(value).is_some(), "is no name of a property"),
        "discriminator" | "dependentSchemas" => say(library.is_map(value), "is no object"),
        _ => None,
    }
}

fn texts(library: &Library, node: NodeId) -> bool {
    matches!(library.data(node), Data::Seq(_)) && library.items(node).iter().all(|n| library.text(*n).is_some())
}

fn above(data: &Data, least: i32) -> bool {
    matches!(data, Data::Number(n) if compare(n, &least.into()).is_gt())
}

fn counts(data: &Data) -> bool {
    let whole = |n: &serde_json::Number| n.as_f64().is_some_and(|f| f.fract() == 0.0);
    matches!(data, Data::Number(n) if whole(n) && !compare(n, &0.into()).is_lt())
}
