//! One JSON Schema for the files people write, derived from the types that read them.
//!
//! Editors use it for completion; [`super::structure`] checks documents against the very same value, so the two cannot
//! drift apart. Bounds it does not read (`exclusiveMinimum`, `minItems`, `minLength`, patterns) are for editors too; what
//! breaks them is told in better words by [`super::check`].
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::API_VERSION;
use super::calendar::CalendarSpec;
use super::contract::{CompatPolicySpec, ContractSpec, Migration, ReleaseSpec};
use super::fleet::FleetSpec;
use super::policy::PolicySpec;
use super::tenants::TenantsSpec;
use super::upgrade::UpgradeSpec;

/// The kinds of document this program reads.
pub const KINDS: [&str; 9] =
    ["Fleet", "Policy", "Upgrade", "Tenants", "Calendar", "Contract", "Migration", "Release", "CompatPolicy"];

/// JSON Schema (draft 2020-12) of one document: one of [`KINDS`], told apart by `kind`.
pub fn schema() -> Value {
    known().clone()
}

/// The same, made once.
pub(super) fn known() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(derive);
    &SCHEMA
}

fn derive() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let specs = [
        generator.subschema_for::<FleetSpec>(),
        generator.subschema_for::<PolicySpec>(),
        generator.subschema_for::<UpgradeSpec>(),
        generator.subschema_for::<TenantsSpec>(),
        generator.subschema_for::<CalendarSpec>(),
        generator.subschema_for::<ContractSpec>(),
        generator.subschema_for::<Migration>(),
        generator.subschema_for::<ReleaseSpec>(),
        generator.subschema_for::<CompatPolicySpec>(),
    ];
    let mut defs: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    for (kind, spec) in KINDS.iter().zip(specs) {
        defs.insert((*kind).to_string(), document(kind, &spec.to_value()));
    }
    let one_of: Vec<Value> = KINDS.iter().map(|kind| json!({ "$ref": format!("#/$defs/{kind}") })).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pilothouse files",
        "description": "A Fleet, a Policy, an Upgrade, Tenants, a Calendar, a Contract, a Migration, a Release or a CompatPolicy.",
        "oneOf": one_of,
        "$defs": defs,
    });
    tidy(&mut schema);
    schema
}

fn document(kind: &str, spec: &Value) -> Value {
    // A release may be called by its version.
    let dots = if kind == "Release" { "." } else { "" };
    json!({
        "type": "object",
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "const": kind },
            "metadata": {
                "type": "object",
                "properties": { "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": format!("^[a-z0-9]([-{dots}a-z0-9]*[a-z0-9])?$"),
                    "description": "What other documents call this one.",
                } },
                "required": ["name"],
                "additionalProperties": false,
            },
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

/// A key that is written has a value: `max:` with nothing after it is a forgotten value, not an absent one. So the
/// `null` that `Option` fields would allow is taken out, everywhere.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            let null = json!({ "type": "null" });
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|s| *s != null);
                if let [only] = any.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    if let Value::Object(only) = only {
                        // What is said beside the reference, such as its description, is said of this field.
                        only.into_iter().for_each(|(k, v)| {
                            map.entry(k).or_insert(v);
                        });
                    }
                }
            }
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
        }
        _ => {}
    }
}
