//! Scalars and tags, by the YAML 1.2 core schema.
use serde_json::Number;
use serde_saphyr::granit_parser::{ScalarStyle, Tag};

use super::Yaml;
use crate::spec::report::{Place, Sink};

pub(super) fn check_tag(tag: Option<&Tag>, allowed: &str, place: Place, sink: &mut Sink<'_>) {
    if let Some(tag) = tag.filter(|t| !t.is_yaml_core_schema_tag(allowed)) {
        unknown_tag(tag, place, sink);
    }
}

fn unknown_tag(tag: &Tag, place: Place, sink: &mut Sink<'_>) {
    sink.error(place, format!("the tag `{}` is not read", tag.original()), Some("take the tag out".into()));
}

pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place, sink: &mut Sink<'_>) -> Yaml {
    match tag.map(|t| (t, t.core_suffix())) {
        Some((_, Some("str"))) => return Yaml::Text(text.to_string()),
        Some((_, Some("null" | "bool" | "int" | "float"))) => return plain(text),
        Some((tag, _)) => {
            unknown_tag(tag, place, sink);
            return Yaml::Reported;
        }
        None => {}
    }
    if style == ScalarStyle::Plain { plain(text) } else { Yaml::Text(text.to_string()) }
}

/// A plain scalar by the YAML 1.2 core schema.
fn plain(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Yaml::Number(None, text.to_string());
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Yaml::Number(u64::from_str_radix(digits, 16).ok().map(Number::from), text.to_string());
    }
    let octal = |d: &&str| !d.is_empty() && d.bytes().all(|b| (b'0'..=b'7').contains(&b));
    if let Some(digits) = text.strip_prefix("0o").filter(octal) {
        return Yaml::Number(u64::from_str_radix(digits, 8).ok().map(Number::from), text.to_string());
    }
    let decimal = !unsigned.is_empty()
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if decimal {
        let whole = text.strip_prefix('+').unwrap_or(text);
        if let Ok(n) = whole.parse::<u64>() {
            return Yaml::Number(Some(n.into()), text.to_string());
        }
        if let Ok(n) = whole.parse::<i64>() {
            return Yaml::Number(Some(n.into()), text.to_string());
        }
        if let Ok(n) = whole.parse::<f64>() {
            return Yaml::Number(Number::from_f64(n), text.to_string());
        }
    }
    Yaml::Text(text.to_string())
}
