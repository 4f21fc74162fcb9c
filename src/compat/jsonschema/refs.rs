//! Where a `$ref` leads: pointers, anchors and ids inside one document.
use std::collections::BTreeMap;

use serde_json::Value;

use super::shape::Draft;
use crate::compat::spots::step;

/// Ids and anchors of a document, and what each part of it counts from.
#[derive(Debug, Default)]
pub(super) struct Refs {
    /// Full id, with its anchor after `#`, to the pointer.
    ids: BTreeMap<String, String>,
    /// Pointers that carry an id, with the full id.
    bases: BTreeMap<String, String>,
}

/// Keywords that hold no schemas but examples, where an id means nothing.
const NO_SCHEMAS: &[&str] = &["enum", "const", "default", "examples"];

impl Refs {
    pub fn new(root: &Value, draft: Draft) -> Self {
        let mut refs = Self::default();
        refs.bases.insert(String::new(), String::new());
        refs.ids.insert(String::new(), String::new());
        refs.collect(root, String::new(), "", draft);
        refs
    }

    fn collect(&mut self, value: &Value, pointer: String, base: &str, draft: Draft) {
        match value {
            Value::Object(object) => {
                let mut base = base.to_string();
                let keyword = if draft == Draft::D4 { "id" } else { "$id" };
                if let Some(id) = object.get(keyword).and_then(Value::as_str) {
                    let full = join(&base, id);
                    match full.split_once('#') {
                        Some((_, anchor)) if !anchor.is_empty() => drop(self.ids.insert(full, pointer.clone())),
                        _ => {
                            base = full.trim_end_matches('#').to_string();
                            self.ids.insert(base.clone(), pointer.clone());
                            self.bases.insert(pointer.clone(), base.clone());
                        }
                    }
                }
                for keyword in ["$anchor", "$dynamicAnchor"] {
                    if let Some(anchor) = object.get(keyword).and_then(Value::as_str) {
                        self.ids.insert(format!("{base}#{anchor}"), pointer.clone());
                    }
                }
                for (key, below) in object.iter().filter(|(k, _)| !NO_SCHEMAS.contains(&k.as_str())) {
                    self.collect(below, step(&pointer, key), &base, draft);
                }
            }
            Value::Array(values) => {
                for (n, below) in values.iter().enumerate() {
                    self.collect(below, step(&pointer, n), base, draft);
                }
            }
            _ => {}
        }
    }

    /// The pointer a reference at `pointer` leads to; none if it leads out of the document.
    pub fn resolve(&self, root: &Value, pointer: &str, reference: &str) -> Option<String> {
        let base = self.base(pointer);
        let (id, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let id = if id.is_empty() { base.to_string() } else { join(base, id) };
        let fragment = percent(fragment);
        let from = self.ids.get(&id);
        let found = match from {
            Some(from) if fragment.is_empty() => Some(from.clone()),
            Some(from) if fragment.starts_with('/') => Some(format!("{from}{fragment}")),
            _ => self.ids.get(&format!("{id}#{fragment}")).cloned(),
        };
        // A part that carries an id of its own may still be pointed into from the top, as most documents do.
        let found = found.filter(|p| root.pointer(p).is_some());
        found.or_else(|| Some(fragment).filter(|f| reference.starts_with('#') && root.pointer(f).is_some()))
    }

    fn base(&self, pointer: &str) -> &str {
        let mut at = pointer;
        loop {
            if let Some(base) = self.bases.get(at) {
                return base;
            }
            at = at.rsplit_once('/').map_or("", |(before, _)| before);
        }
    }
}

/// A reference seen from a base (RFC 3986, but for dots in paths).
fn join(base: &str, reference: &str) -> String {
    let absolute = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) && !scheme.is_empty()
    });
    if absolute || base.is_empty() {
        return reference.to_string();
    }
    let base = base.split('#').next().unwrap_or(base);
    if reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let path = base.find("://").map_or(0, |at| at + 3);
    if reference.starts_with('/') {
        let end = base[path..].find('/').map_or(base.len(), |at| path + at);
        return format!("{}{reference}", &base[..end]);
    }
    match base[path..].rfind('/') {
        Some(at) => format!("{}{reference}", &base[..=path + at]),
        None if path > 0 => format!("{base}/{reference}"),
        None => reference.to_string(),
    }
}

/// `%25` becomes `%`.
fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
