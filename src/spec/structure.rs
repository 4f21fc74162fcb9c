//! Does a document have the shape its schema asks for? Every departure is reported with its place.
//!
//! What comes back is sound, so that what is meant by the rest of a broken document can still be checked: broken
//! optional fields are left out, and where something must be, a stand-in is put that nothing more is said about.
use std::fmt;

use serde_json::{Map, Number, Value};

use super::nearest::nearest;
use super::report::{Place, Sink};
use super::tree::{Entry, Node, Yaml};
use super::units::{Dur, Limit, Ratio};
use super::when::{Clock, Date, Dates, Instant, Zone};

/// Strategies that are known to come.
const LATER: [&str; 3] = ["blue-green", "rolling", "scheduled-downtime"];

/// Where a value stands inside its document: `spec.services[2].workload.deployment`.
#[derive(Debug, Clone, Default)]
pub struct Path(String);

impl Path {
    pub fn key(&self, key: &str) -> Path {
        let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        Path(match (plain, self.0.is_empty()) {
            (true, true) => key.to_string(),
            (true, false) => format!("{}.{key}", self.0),
            (false, _) => format!("{}[{key:?}]", self.0),
        })
    }

    pub fn index(&self, index: usize) -> Path {
        Path(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "this document" } else { &self.0 })
    }
}

/// Checks one node against a schema of [`super::schema()`].
pub struct Checker<'s, 'a> {
    /// The whole schema, for its `$defs`.
    pub root: &'s Value,
    pub sink: &'s mut Sink<'a>,
}

impl<'s> Checker<'s, '_> {
    /// The sound part of `node`, or nothing when it is not what the schema asks for at all. `at` is the spot to point at
    /// when something is missing: the key the value belongs to.
    pub fn check(&mut self, schema: &'s Value, node: &Node, path: &Path, at: Place) -> Option<Node> {
        let schema = self.resolve(schema);
        match &node.yaml {
            Yaml::Reported => return None,
            Yaml::Null if schema != &Value::Bool(true) => {
                let help = format!("write {}, or take the line out", expected(schema));
                self.sink.error(at, format!("{path} has no value"), Some(help));
                return None;
            }
            _ => {}
        }
        if let Some(words) = words_and_shapes(schema) {
            return self.one_of(schema, words, node, path);
        }
        match types(schema).first().copied() {
            Some("object") => self.object(schema, node, path, at),
            Some("array") => self.array(schema, node, path),
            Some(_) => self.scalar(schema, node, path),
            None => Some(node.clone()),
        }
    }

    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        // References of derived schemas do not go in circles; the bound keeps that from mattering.
        for _ in 0..8 {
            let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) else {
                break;
            };
            schema = self.root.pointer(target).unwrap_or(&Value::Bool(true));
        }
        schema
    }

    fn object(&mut self, schema: &'s Value, node: &Node, path: &Path, at: Place) -> Option<Node> {
        let Yaml::Map { cut, .. } = &node.yaml else { return self.wrong_type(schema, node, path) };
        let entries = self.fields(schema, node, path, at);
        Some(Node::new(node.place, Yaml::Map { entries, cut: *cut }))
    }

    /// The sound fields of a block, with stand-ins for those it must have and has not.
    pub fn fields(&mut self, schema: &'s Value, node: &Node, path: &Path, at: Place) -> Vec<Entry> {
        let Yaml::Map { entries, cut } = &node.yaml else { return Vec::new() };
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = required(schema);
        let others = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let mut sound: Vec<Entry> = Vec::new();
        // Missing fields that stand there misspelt: one slip is one problem.
        let mut misspelt = Vec::new();
        for entry in entries {
            if self.sink.hopeless() {
                break;
            }
            let inner = match (properties.and_then(|p| p.get(&entry.key)), others) {
                (Some(inner), _) => (inner, required.contains(&entry.key.as_str())),
                (None, Value::Bool(false)) => {
                    let names = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    misspelt.extend(self.unknown(entry, path, names, entries));
                    continue;
                }
                (None, others) => (others, true),
            };
            let (inner, needed) = inner;
            let found = self.check(inner, &entry.node, &path.key(&entry.key), entry.key_place);
            let node = found.or_else(|| needed.then(|| self.stand_in(inner, entry.node.place)));
            sound.extend(node.map(|node| Entry { key: entry.key.clone(), key_place: entry.key_place, node }));
        }
        for name in required.iter().filter(|name| !entries.iter().any(|e| e.key == **name)) {
            let inner = properties.and_then(|p| p.get(*name));
            if !cut && !misspelt.contains(name) {
                self.missing(name, inner, path, at);
            }
            let node = self.stand_in(inner.unwrap_or(&Value::Bool(true)), at);
            sound.push(Entry { key: (*name).to_string(), key_place: at, node });
        }
        sound
    }

    /// Some value of the shape `schema` asks for.
    pub fn stand_in(&self, schema: &'s Value, place: Place) -> Node {
        let schema = self.resolve(schema);
        let number = |n: u64| Yaml::Number(Some(Number::from(n)), n.to_string());
        let yaml = if let Some(word) = words_and_shapes(schema).and_then(|c| c.words.first().copied()) {
            Yaml::Text(word.to_string())
        } else {
            match (types(schema).first().copied(), schema.get("format").and_then(Value::as_str)) {
                (Some("object"), _) => {
                    let properties = schema.get("properties");
                    let entry = |name: &str| {
                        let inner = properties.and_then(|p| p.get(name)).unwrap_or(&Value::Bool(true));
                        Entry { key: name.to_string(), key_place: place, node: self.stand_in(inner, place) }
                    };
                    Yaml::Map { entries: required(schema).into_iter().map(entry).collect(), cut: false }
                }
                (Some("array"), _) => Yaml::Seq { items: Vec::new(), cut: false },
                (Some("boolean"), _) => Yaml::Bool(false),
                (_, Some("pilothouse-duration")) => Yaml::Text("1h".into()),
                (_, Some("pilothouse-zone")) => Yaml::Text("UTC".into()),
                (_, Some("pilothouse-date" | "pilothouse-dates")) => Yaml::Text("1970-01-01".into()),
                (_, Some("pilothouse-clock")) => Yaml::Text("00:00".into()),
                (_, Some("pilothouse-instant")) => Yaml::Text("1970-01-01T00:00:00Z".into()),
                (Some("integer" | "number"), _) => number(1),
                (Some(_), _) => Yaml::Text(String::new()),
                (None, _) => Yaml::Null,
            }
        };
        Node { place, yaml, stand_in: true }
    }

    /// Reports an unknown field; returns the known one that was probably meant.
    fn unknown(&mut self, entry: &Entry, path: &Path, names: Vec<&'s str>, beside: &[Entry]) -> Option<&'s str> {
        let free = names.iter().copied().filter(|name| !beside.iter().any(|e| e.key == *name));
        let near = nearest(&entry.key, free);
        let help = match near {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", names.join(", ")),
        };
        self.sink.error(entry.key_place, format!("unknown field `{}` in {path}", entry.key), Some(help));
        near
    }

    fn missing(&mut self, name: &str, schema: Option<&'s Value>, path: &Path, at: Place) {
        if name == "strategy" && path.0 == "spec" {
            let help = format!(
                "write `strategy: canary`, or `phased` to move tenants one by one; {} come later",
                LATER.join(", ")
            );
            self.sink.error(at, format!("{path} has no `{name}`"), Some(help));
            return;
        }
        let own = schema.and_then(|s| s.get("description"));
        let description = own.or_else(|| schema.and_then(|s| self.resolve(s).get("description")));
        let help = match (schema, description.and_then(Value::as_str)) {
            (Some(schema), None) => format!("`{name}:` wants {}", expected(self.resolve(schema))),
            (_, Some(text)) => format!("`{name}`: {}", text.replace('\n', " ")),
            (None, None) => format!("add `{name}:`"),
        };
        self.sink.error(at, format!("{path} has no `{name}`"), Some(help));
    }

    fn array(&mut self, schema: &'s Value, node: &Node, path: &Path) -> Option<Node> {
        let Yaml::Seq { items, cut } = &node.yaml else { return self.wrong_type(schema, node, path) };
        let inner = schema.get("items").unwrap_or(&Value::Bool(true));
        let sound = items.iter().enumerate().map_while(|(i, item)| {
            if self.sink.hopeless() {
                return None;
            }
            Some(
                self.check(inner, item, &path.index(i), item.place).unwrap_or_else(|| self.stand_in(inner, item.place)),
            )
        });
        let items = sound.collect();
        Some(Node::new(node.place, Yaml::Seq { items, cut: *cut }))
    }

    fn scalar(&mut self, schema: &'s Value, node: &Node, path: &Path) -> Option<Node> {
        let types = types(schema);
        let fits = match &node.yaml {
            Yaml::Bool(_) => types.contains(&"boolean"),
            Yaml::Text(_) => types.contains(&"string"),
            Yaml::Number(Some(n), _) => {
                types.contains(&"number") || types.contains(&"integer") && (n.is_u64() || n.is_i64())
            }
            _ => false,
        };
        if !fits {
            return self.wrong_type(schema, node, path);
        }
        self.range(schema, node, path)?;
        let text = match &node.yaml {
            Yaml::Text(text) => text.clone(),
            Yaml::Number(_, raw) => raw.clone(),
            _ => return Some(node.clone()),
        };
        let unit = match schema.get("format").and_then(Value::as_str) {
            Some("pilothouse-duration") => text.parse::<Dur>().map(|_| ()),
            Some("pilothouse-limit") => text.parse::<Limit>().map(|_| ()),
            Some("pilothouse-ratio") => text.parse::<Ratio>().map(|_| ()),
            Some("pilothouse-zone") => text.parse::<Zone>().map(|_| ()),
            Some("pilothouse-date") => text.parse::<Date>().map(|_| ()),
            Some("pilothouse-dates") => text.parse::<Dates>().map(|_| ()),
            Some("pilothouse-clock") => text.parse::<Clock>().map(|_| ()),
            Some("pilothouse-instant") => text.parse::<Instant>().map(|_| ()),
            _ => Ok(()),
        };
        match unit {
            Ok(()) => Some(node.clone()),
            Err(error) => {
                self.sink.error(node.place, format!("{path}: {error}"), None);
                None
            }
        }
    }

    /// Bounds of a number: the schema's own, and those of the machine type it is read into.
    fn range(&mut self, schema: &Value, node: &Node, path: &Path) -> Option<()> {
        let Yaml::Number(Some(n), raw) = &node.yaml else { return Some(()) };
        // A share says itself what is wrong with it.
        if schema.get("format").and_then(Value::as_str) == Some("pilothouse-ratio") {
            return Some(());
        }
        let value = n.as_f64()?;
        let format_max = match schema.get("format").and_then(Value::as_str) {
            Some("uint32") => Some(f64::from(u32::MAX)),
            Some("uint16") => Some(f64::from(u16::MAX)),
            _ => None,
        };
        let min = schema.get("minimum").and_then(Value::as_f64);
        let max = schema.get("maximum").and_then(Value::as_f64).or(format_max);
        let help = match (min, max) {
            (Some(min), _) if value < min => format!("the smallest is {min}"),
            (_, Some(max)) if value > max => format!("the largest is {max}"),
            _ => return Some(()),
        };
        self.sink.error(node.place, format!("{path}: {raw} is out of range"), Some(help));
        None
    }

    /// A choice between words and one-key blocks, as externally tagged enums are written.
    fn one_of(&mut self, schema: &'s Value, choice: Choice<'s>, node: &Node, path: &Path) -> Option<Node> {
        let all = || choice.words.iter().copied().chain(choice.shapes.iter().map(|(key, _)| *key));
        match &node.yaml {
            Yaml::Text(word) if choice.words.contains(&word.as_str()) => Some(node.clone()),
            Yaml::Text(word) => {
                if let Some((_, inner)) = choice.shapes.iter().find(|(key, _)| key == word) {
                    let help = format!("write `{{{word}: ...}}` with {}", expected(self.resolve(inner)));
                    self.sink.error(node.place, format!("{path}: `{word}` needs a value"), Some(help));
                    return None;
                }
                self.unknown_word(word, node.place, all(), path);
                None
            }
            Yaml::Map { entries, cut } if !choice.shapes.is_empty() => {
                let [entry] = entries.as_slice() else {
                    let keys: Vec<&str> = choice.shapes.iter().map(|(key, _)| *key).collect();
                    let message = format!("{path} must have exactly one key");
                    if !cut {
                        self.sink.error(node.place, message, Some(format!("one of: {}", keys.join(", "))));
                    }
                    return None;
                };
                let Some((_, inner)) = choice.shapes.iter().find(|(key, _)| *key == entry.key) else {
                    if choice.words.contains(&entry.key.as_str()) {
                        let help = format!("write `{}` alone", entry.key);
                        self.sink.error(entry.key_place, format!("{path}: `{}` takes no value", entry.key), Some(help));
                    } else {
                        self.unknown_word(&entry.key, entry.key_place, all(), path);
                    }
                    return None;
                };
                let node = self.check(inner, &entry.node, &path.key(&entry.key), entry.key_place)?;
                let entries = vec![Entry { node, ..entry.clone() }];
                Some(Node::new(entry.key_place, Yaml::Map { entries, cut: *cut }))
            }
            _ => self.wrong_type(schema, node, path),
        }
    }

    fn unknown_word<'w>(&mut self, word: &str, place: Place, all: impl Iterator<Item = &'w str>, path: &Path) {
        let all: Vec<&str> = all.collect();
        if path.0 == "spec.strategy" && LATER.contains(&word) {
            let help = Some("write `strategy: canary`".into());
            self.sink.error(place, format!("{path}: `{word}` is not built yet"), help);
            return;
        }
        let help = match nearest(word, all.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("one of: {}", all.join(", ")),
        };
        self.sink.error(place, format!("{path}: unknown word `{word}`"), Some(help));
    }

    fn wrong_type(&mut self, schema: &Value, node: &Node, path: &Path) -> Option<Node> {
        let wants_text = types(schema) == ["string"];
        let help = match (&node.yaml, schema.get("format").and_then(Value::as_str)) {
            (Yaml::Number(_, raw), Some("pilothouse-duration")) => Some(format!("give it a unit: {raw}s")),
            (Yaml::Number(_, raw), None) if wants_text => Some(format!("put it in quotes: \"{raw}\"")),
            (Yaml::Bool(b), None) if wants_text => Some(format!("put it in quotes: \"{b}\"")),
            (Yaml::Text(word), _) if types(schema) == ["boolean"] => match word.to_lowercase().as_str() {
                "yes" | "on" => Some("write `true`".into()),
                "no" | "off" => Some("write `false`".into()),
                _ => None,
            },
            (Yaml::Text(text), _) if types(schema) == ["object"] => match required(schema).as_slice() {
                [only] => Some(format!("write `{{{only}: {text:?}}}`")),
                _ => None,
            },
            (Yaml::Text(_), _) if types(schema) == ["array"] => {
                Some("write each on a line of its own after `- `".into())
            }
            _ => None,
        };
        let message = format!("{path}: expected {}, found {}", expected(schema), found(&node.yaml));
        self.sink.error(node.place, message, help);
        None
    }
}

/// The variants of an externally tagged enum: words, and keys with the schema of their value.
struct Choice<'s> {
    words: Vec<&'s str>,
    shapes: Vec<(&'s str, &'s Value)>,
}

fn words_and_shapes(schema: &Value) -> Option<Choice<'_>> {
    let mut choice = Choice { words: Vec::new(), shapes: Vec::new() };
    let alone = std::slice::from_ref(schema);
    let variants = match schema.get("oneOf").and_then(Value::as_array) {
        Some(variants) => variants.as_slice(),
        None if schema.get("enum").is_some() || schema.get("const").is_some() => alone,
        None => return None,
    };
    for variant in variants {
        let listed = variant.get("enum").and_then(Value::as_array).into_iter().flatten();
        choice.words.extend(listed.chain(variant.get("const")).filter_map(Value::as_str));
        let shapes = variant.get("properties").and_then(Value::as_object).into_iter().flatten();
        choice.shapes.extend(shapes.map(|(key, inner)| (key.as_str(), inner)));
    }
    Some(choice)
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn required(schema: &Value) -> Vec<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn expected(schema: &Value) -> String {
    if let Some(choice) = words_and_shapes(schema) {
        let shapes = choice.shapes.iter().map(|(key, _)| format!("{{{key}: ...}}"));
        let all: Vec<String> = choice.words.iter().map(|w| (*w).to_string()).chain(shapes).collect();
        return format!("one of: {}", all.join(", "));
    }
    match (schema.get("format").and_then(Value::as_str), types(schema).first().copied()) {
        (Some("pilothouse-duration"), _) => "a duration such as 90s, 5m or 1h30m",
        (Some("pilothouse-limit"), _) => "a share (1%), a duration (2s, 500ms) or a number",
        (Some("pilothouse-ratio"), _) => "a share such as 99.9% or 0.999",
        (Some("pilothouse-zone"), _) => "an IANA time zone such as Europe/Berlin",
        (Some("pilothouse-date"), _) => "a date such as 2026-12-24",
        (Some("pilothouse-dates"), _) => "a date such as 2026-12-24, or a range 2026-12-24..2026-12-27",
        (Some("pilothouse-clock"), _) => "a time of day such as 02:00",
        (Some("pilothouse-instant"), _) => "an instant such as 2026-12-18T18:00:00Z",
        (_, Some("string")) => "text",
        (_, Some("boolean")) => "true or false",
        (_, Some("integer")) => "a whole number",
        (_, Some("number")) => "a number",
        (_, Some("array")) => "a list",
        (_, Some("object")) => "a block of fields",
        _ => "a value",
    }
    .to_string()
}

fn found(yaml: &Yaml) -> String {
    match yaml {
        Yaml::Null | Yaml::Reported => "nothing".into(),
        Yaml::Bool(b) => b.to_string(),
        Yaml::Number(_, raw) => format!("the number {raw}"),
        Yaml::Text(text) if text.chars().count() > 40 => {
            format!("the text `{}...`", text.chars().take(40).collect::<String>())
        }
        Yaml::Text(text) => format!("the text `{text}`"),
        Yaml::Seq { .. } => "a list".into(),
        Yaml::Map { .. } => "a block of fields".into(),
    }
}
