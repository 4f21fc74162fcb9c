//! Does a field's default fit its type? One that does not is found only when somebody needs it.
use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{Id, Kind, Primitive, Schema};
use crate::compat::spots::step;

/// Pointer and message of each default that does not fit.
pub(super) fn check(schema: &Schema) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for of in &schema.types {
        let Kind::Record { fields, .. } = &of.kind else { continue };
        for field in fields {
            let Some(default) = &field.default else { continue };
            let mut check = Check { schema, known: BTreeMap::new() };
            if let Err(why) = check.fits(field.of, default) {
                wrong.push((step(&field.pointer, "default"), format!("the default of `{}`: {why}", field.name)));
            }
        }
    }
    wrong
}

struct Check<'a> {
    schema: &'a Schema,
    /// Answers by type and spot of the value: branches of unions may ask for the same again and again.
    known: BTreeMap<(Id, *const Value), Result<(), String>>,
}

impl Check<'_> {
    fn fits(&mut self, id: Id, value: &Value) -> Result<(), String> {
        let key = (id, std::ptr::from_ref(value));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let answer = self.look(id, value);
        self.known.insert(key, answer.clone());
        answer
    }

    /// A default of a field below stands by its own and is checked there, so that records that hold themselves come to
    /// an end.
    fn look(&mut self, id: Id, value: &Value) -> Result<(), String> {
        let kind = self.schema.kind(id);
        let no = || Err(format!("{} is no {kind}", short(value)));
        match (kind, value) {
            (Kind::Primitive(p), _) if primitive_fits(*p, value) => Ok(()),
            (Kind::Fixed { size, .. }, _) => match value.as_str() {
                Some(text) if is_bytes(text) && text.chars().count() as u64 == *size => Ok(()),
                _ => Err(format!("{} is not {size} bytes", short(value))),
            },
            (Kind::Enum { symbols, .. }, _) => match value.as_str() {
                Some(symbol) if symbols.iter().any(|s| s == symbol) => Ok(()),
                _ => Err(format!("{} is no symbol of {kind}", short(value))),
            },
            (Kind::Array(of), Value::Array(values)) => values.iter().try_for_each(|v| self.fits(*of, v)),
            (Kind::Map(of), Value::Object(values)) => values.values().try_for_each(|v| self.fits(*of, v)),
            (Kind::Union(union), _) => match union.branches.iter().any(|b| self.fits(*b, value).is_ok()) {
                true => Ok(()),
                false => Err(format!("{} fits no branch of the union", short(value))),
            },
            (Kind::Record { fields, .. }, Value::Object(values)) => {
                fields.iter().try_for_each(|field| match (values.get(&field.name), &field.default) {
                    (Some(value), _) => self.fits(field.of, value),
                    (None, Some(_)) => Ok(()),
                    (None, None) => Err(format!("{} lacks `{}` of {kind}", short(value), field.name)),
                })
            }
            _ => no(),
        }
    }
}

/// Bytes are written as text with one character for each.
fn is_bytes(text: &str) -> bool {
    text.chars().all(|c| u32::from(c) < 256)
}

fn primitive_fits(primitive: Primitive, value: &Value) -> bool {
    match primitive {
        Primitive::Null => value.is_null(),
        Primitive::Boolean => value.is_boolean(),
        Primitive::Int => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Primitive::Long => value.as_i64().is_some(),
        // Not a number and the infinities have no other spelling in JSON.
        Primitive::Float | Primitive::Double => {
            value.is_number() || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
        }
        Primitive::Bytes => value.as_str().is_some_and(is_bytes),
        Primitive::String => value.is_string(),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
