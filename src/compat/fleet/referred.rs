//! Schemas of a registry that refer to others: put together into one document, as it would be written without a registry.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Puts what a schema refers to into it; `referred` are names, as the references have them, with their schemas. Avro gets
/// each definition where its name is used first, JSON Schema all of them under `$defs` with the name as id. A text that
/// is no JSON stays as it is: whoever reads it tells so.
pub fn whole(json_schema: bool, schema: &str, referred: &[(String, String)]) -> String {
    let Ok(mut root) = serde_json::from_str::<Value>(schema) else { return schema.to_string() };
    let read = |(name, text): &(String, String)| Some((name.clone(), serde_json::from_str::<Value>(text).ok()?));
    let mut parts: BTreeMap<String, Value> = referred.iter().filter_map(read).collect();
    if parts.is_empty() {
        return schema.to_string();
    }
    if json_schema {
        embed(&mut root, parts);
    } else {
        define(&mut root, "", &mut parts);
    }
    root.to_string()
}

fn embed(root: &mut Value, parts: BTreeMap<String, Value>) {
    let Some(object) = root.as_object_mut() else { return };
    let fourth = object.get("$schema").and_then(Value::as_str).is_some_and(|s| s.contains("draft-04"));
    let id = if fourth { "id" } else { "$id" };
    let place = object.entry("$defs").or_insert_with(|| json!({}));
    let Some(place) = place.as_object_mut() else { return };
    for (name, mut part) in parts {
        // What says yes or no to everything has nowhere to carry an id.
        if let Some(part) = part.as_object_mut() {
            part.insert(id.into(), Value::String(name.clone()));
        }
        place.entry(name).or_insert(part);
    }
}

/// Replaces the first use of each name by what it stands for. `space` is the namespace around this place.
fn define(value: &mut Value, space: &str, parts: &mut BTreeMap<String, Value>) {
    match value {
        Value::String(name) => {
            let full = if name.contains('.') || space.is_empty() { name.clone() } else { format!("{space}.{name}") };
            let part = parts.remove(&full).or_else(|| parts.remove(name.as_str()));
            if let Some(part) = part {
                *value = alone(&full, part);
                // It may itself refer to others; what is around it counts for nothing there.
                define(value, "", parts);
            }
        }
        Value::Array(branches) => branches.iter_mut().for_each(|b| define(b, space, parts)),
        Value::Object(object) => within(object, space, parts),
        _ => {}
    }
}

fn within(object: &mut Map<String, Value>, space: &str, parts: &mut BTreeMap<String, Value>) {
    match object.get("type").and_then(Value::as_str) {
        Some("record" | "error") => {
            let own = own_space(object, space);
            let fields = object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten();
            fields.filter_map(|f| f.get_mut("type")).for_each(|t| define(t, &own, parts));
        }
        Some("enum" | "fixed") => {}
        Some("array") => object.get_mut("items").into_iter().for_each(|t| define(t, space, parts)),
        Some("map") => object.get_mut("values").into_iter().for_each(|t| define(t, space, parts)),
        _ => object.get_mut("type").into_iter().for_each(|t| define(t, space, parts)),
    }
}

fn own_space(object: &Map<String, Value>, around: &str) -> String {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    match text("name").and_then(|n| n.rsplit_once('.')) {
        Some((space, _)) => space.to_string(),
        None => text("namespace").unwrap_or(around).to_string(),
    }
}

/// A definition that stood alone keeps its namespace wherever it is put: the empty one, too.
fn alone(name: &str, mut part: Value) -> Value {
    if let Some(object) = part.as_object_mut()
        && !object.contains_key("namespace")
        && !object.get("name").and_then(Value::as_str).is_some_and(|n| n.contains('.'))
        && !name.contains('.')
    {
        object.insert("namespace".into(), Value::String(String::new()));
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::events::Mode;
    use crate::compat::{avro, jsonschema};

    fn line(fields: &str) -> String {
        format!(r#"{{"type": "record", "name": "Line", "namespace": "shop", "fields": [{fields}]}}"#)
    }

    const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "first", "type": "Line"}, {"name": "rest", "type": {"type": "array", "items": "shop.Line"}},
        {"name": "unit", "type": ["null", "Unit"]}]}"#;
    const UNIT: &str = r#"{"type": "enum", "name": "Unit", "symbols": ["KG"]}"#;

    #[test]
    fn avro_is_defined_where_it_is_used_first() {
        let parts = [
            ("shop.Line".to_string(), line(r#"{"name": "sku", "type": "string"}, {"name": "unit", "type": "Unit"}"#)),
            ("Unit".to_string(), UNIT.to_string()),
        ];
        let text = whole(false, ORDER, &parts);
        let old = avro::parse("old", &text).unwrap_or_else(|f| panic!("{f:?} {text}"));
        // Once only, in no namespace as it was, and looked into.
        assert_eq!((text.matches("\"symbols\"").count(), text.matches("\"fields\"").count()), (1, 2), "{text}");
        let more = line(
            r#"{"name": "sku", "type": "string"}, {"name": "n", "type": "int"}, {"name": "unit", "type": "Unit"}"#,
        );
        let parts = [("shop.Line".to_string(), more), ("Unit".to_string(), UNIT.to_string())];
        let new = avro::parse("new", &whole(false, ORDER, &parts)).unwrap();
        let report = avro::check(Mode::Backward, &[old], &new).unwrap();
        assert_eq!(report.findings[0].rule, "avro-field-without-default");
        assert_eq!(whole(false, ORDER, &[]), ORDER);
        assert_eq!(whole(false, "no JSON", &parts), "no JSON");
    }

    #[test]
    fn json_schemas_are_found_by_their_name() {
        let order = r#"{"type": "object", "properties": {"line": {"$ref": "line.json"}}}"#;
        let side = |maximum: u32| {
            let part = ("line.json".to_string(), format!(r#"{{"type": "integer", "maximum": {maximum}}}"#));
            jsonschema::parse("s", &whole(true, order, &[part])).unwrap()
        };
        let report = jsonschema::check(Mode::Backward, &[side(9)], &side(8)).unwrap();
        let rules: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        assert_eq!((rules, report.not_compared), (vec!["json-maximum-decreased"], vec![]));
    }
}
