//! Small readers over live objects.
//!
//! Objects are kept as JSON, not as typed structs: a template copied through types of an older API would silently lose
//! the fields those types do not know.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::engine::observe::OwnerMark;

/// Prefix of the annotation that says who wrote an object last, followed by the service's name.
pub const OWNER_PREFIX: &str = "owner.pilothouse.dev/";
/// Label of pods and objects that says which of the two versions they are.
pub const SLOT_LABEL: &str = "pilothouse.dev/slot";
/// Annotation on stable that keeps its strategy as it was before the copy-back, as JSON.
pub const STRATEGY_BEFORE: &str = "pilothouse.dev/strategy-before";
/// The field manager of every write.
pub const FIELD_MANAGER: &str = "pilothouse";

/// Text at a JSON pointer.
pub fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// Whole number at a JSON pointer.
pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Count at a JSON pointer; 0 when absent, as Kubernetes leaves zero counters out.
pub fn count(object: &Value, pointer: &str) -> u32 {
    number(object, pointer).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// Elements of the list at a JSON pointer; none when absent.
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name").unwrap_or_default()
}

pub fn resource_version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion").unwrap_or_default()
}

/// The resource version as a number; servers count it up. 0 when it is none.
pub fn revision(object: &Value) -> u64 {
    resource_version(object).parse().unwrap_or(0)
}

/// The string map at a JSON pointer: labels, annotations, a selector.
pub fn strings(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let entries = object.pointer(pointer).and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| value.as_str().map(|v| (key.clone(), v.to_string())))
        .collect()
}

/// A string map as JSON.
pub fn to_object(map: &BTreeMap<String, String>) -> Value {
    Value::Object(map.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect::<Map<_, _>>())
}

/// One step of a JSON pointer, escaped as RFC 6901 asks: `~` is `~0`, `/` is `~1`.
pub fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Name of the annotation that carries a service's owner mark.
pub fn owner_key(service: &str) -> String {
    format!("{OWNER_PREFIX}{service}")
}

/// The owner mark a service's writer left on an object.
pub fn owner(object: &Value, service: &str) -> Option<OwnerMark> {
    text(object, &format!("/metadata/annotations/{}", escape(&owner_key(service)))).and_then(OwnerMark::parse)
}

/// All owner marks on an object, whichever service's.
pub fn marks(object: &Value) -> impl Iterator<Item = OwnerMark> {
    let annotations = strings(object, "/metadata/annotations").into_iter();
    annotations.filter(|(key, _)| key.starts_with(OWNER_PREFIX)).filter_map(|(_, mark)| OwnerMark::parse(&mark))
}

/// The condition of this type in `status.conditions`.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|c| text(c, "/type") == Some(kind))
}

/// The named container of a Deployment's template.
pub fn container<'a>(deployment: &'a Value, name: &str) -> Option<&'a Value> {
    list(deployment, "/spec/template/spec/containers").iter().find(|c| text(c, "/name") == Some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_owner_annotation_is_found_behind_its_slash() {
        let object = json!({"metadata": {"annotations": {"owner.pilothouse.dev/billing": "7f3a/4/19"}}});
        assert_eq!(owner(&object, "billing"), Some(OwnerMark { run: "7f3a".into(), epoch: 4, seq: 19 }));
        assert_eq!(owner(&object, "ledger"), None);
        assert_eq!(escape(&owner_key("a~b")), "owner.pilothouse.dev~1a~0b");
    }
}
