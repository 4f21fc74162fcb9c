//! An `.avsc` document to a schema. All mistakes come in one report, each with its place.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::defaults;
use super::schema::{Field, Id, Kind, Logical, Name, Primitive, Schema, Type, Union};
use crate::compat::spots::{Document, Fault, step};
use crate::spec::nearest;

/// Reads the text of a schema file. Comments are allowed, as the reference allows them.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Schema, Vec<Fault>> {
    let document = Document::parse_with_comments(file, text).map_err(|f| vec![f])?;
    let value = document.value.clone();
    let mut parser = Parser::default();
    let root = parser.of(&value, String::new(), "");
    parser.resolve();
    let mut schema = Schema { document, types: parser.types, root };
    if parser.wrong.is_empty() {
        parser.wrong = check_unions(&schema);
    }
    if parser.wrong.is_empty() {
        parser.wrong = defaults::check(&schema);
    }
    if parser.wrong.is_empty() {
        index_unions(&mut schema);
        return Ok(schema);
    }
    Err(schema.document.faults(parser.wrong))
}

/// A use of a name, which may come before its definition.
#[derive(Debug)]
struct Use {
    full: String,
    /// The name as it stands in no namespace, which is tried next, as the reference does.
    bare: String,
    pointer: String,
    /// The number given out for it.
    id: Id,
}

#[derive(Debug, Default)]
struct Parser {
    types: Vec<Type>,
    names: BTreeMap<String, Id>,
    uses: Vec<Use>,
    wrong: Vec<(String, String)>,
}

const NAMED: &[&str] = &["record", "error", "enum", "fixed"];

impl Parser {
    fn wrong(&mut self, pointer: &str, message: impl Into<String>) {
        self.wrong.push((pointer.to_string(), message.into()));
    }

    fn push(&mut self, pointer: String, kind: Kind, logical: Option<Logical>) -> Id {
        self.types.push(Type { pointer, kind, logical });
        self.types.len() - 1
    }

    fn of(&mut self, value: &Value, pointer: String, space: &str) -> Id {
        match value {
            Value::String(name) => self.of_name(name, pointer, space, None),
            Value::Array(branches) => {
                let ids = branches.iter().enumerate().map(|(n, b)| self.of(b, step(&pointer, n), space)).collect();
                self.push(pointer, Kind::Union(Union { branches: ids, ..Union::default() }), None)
            }
            Value::Object(object) => self.of_object(object, pointer, space),
            other => {
                self.wrong(&pointer, format!("a type is a name, an object or an array, not {other}"));
                self.push(pointer, Kind::Primitive(Primitive::Null), None)
            }
        }
    }

    fn of_name(&mut self, name: &str, pointer: String, space: &str, logical: Option<Logical>) -> Id {
        if let Some(primitive) = Primitive::named(name) {
            return self.push(pointer, Kind::Primitive(primitive), logical);
        }
        let full = full_name(name, space);
        let id = self.push(pointer.clone(), Kind::Primitive(Primitive::Null), None);
        self.uses.push(Use { full, bare: name.to_string(), pointer, id });
        id
    }

    fn of_object(&mut self, object: &Map<String, Value>, pointer: String, space: &str) -> Id {
        let logical = logical(object);
        let word = match object.get("type") {
            Some(Value::String(word)) => word.as_str(),
            // Not in the specification, but read by most implementations.
            Some(nested @ (Value::Object(_) | Value::Array(_))) => {
                return self.of(nested, step(&pointer, "type"), space);
            }
            Some(other) => {
                self.wrong(&step(&pointer, "type"), format!("`type` is a name, not {other}"));
                return self.push(pointer, Kind::Primitive(Primitive::Null), None);
            }
            None => {
                self.wrong(&pointer, "a type without `type`");
                return self.push(pointer, Kind::Primitive(Primitive::Null), None);
            }
        };
        match word {
            "array" | "map" => {
                let key = if word == "array" { "items" } else { "values" };
                let of = match object.get(key) {
                    Some(of) => self.of(of, step(&pointer, key), space),
                    None => {
                        self.wrong(&pointer, format!("`{word}` without `{key}`"));
                        0
                    }
                };
                let kind = if word == "array" { Kind::Array(of) } else { Kind::Map(of) };
                self.push(pointer, kind, logical)
            }
            _ if NAMED.contains(&word) => self.of_named(word, object, pointer, space, logical),
            _ => self.of_name(word, pointer, space, logical),
        }
    }

    fn of_named(
        &mut self,
        word: &str,
        object: &Map<String, Value>,
        pointer: String,
        space: &str,
        logical: Option<Logical>,
    ) -> Id {
        let name = self.name(word, object, &pointer, space);
        let own_space = name.full.rsplit_once('.').map_or("", |(space, _)| space).to_string();
        let id = self.push(pointer.clone(), Kind::Primitive(Primitive::Null), logical);
        if !name.full.is_empty() {
            if let Some(first) = self.names.get(&name.full) {
                let first = self.types[*first].pointer.clone();
                let at = if first.is_empty() { "the top" } else { &first };
                self.wrong(&step(&pointer, "name"), format!("`{}` is defined twice; first at {at}", name.full));
            } else {
                self.names.insert(name.full.clone(), id);
            }
        }
        let kind = match word {
            "fixed" => Kind::Fixed { size: self.size(object, &pointer), name },
            "enum" => {
                let symbols = self.symbols(object, &pointer);
                let default = self.enum_default(object, &symbols, &pointer);
                Kind::Enum { name, symbols, default }
            }
            _ => Kind::Record { fields: self.fields(object, &pointer, &own_space), name },
        };
        self.types[id].kind = kind;
        id
    }

    fn name(&mut self, word: &str, object: &Map<String, Value>, pointer: &str, space: &str) -> Name {
        let Some(Value::String(name)) = object.get("name") else {
            self.wrong(pointer, format!("`{word}` without `name`"));
            return Name { full: String::new(), aliases: BTreeSet::new() };
        };
        let space = match object.get("namespace") {
            None | Some(Value::Null) => space,
            Some(Value::String(space)) => space,
            Some(other) => {
                self.wrong(&step(pointer, "namespace"), format!("`namespace` is a text, not {other}"));
                space
            }
        };
        let full = full_name(name, space);
        self.check_name(&full, &step(pointer, "name"));
        if Primitive::named(&full).is_some() {
            self.wrong(&step(pointer, "name"), format!("`{full}` is a type of Avro itself"));
        }
        let own = full.rsplit_once('.').map_or("", |(space, _)| space);
        let aliases = self.texts(object, "aliases", pointer);
        let aliases = aliases.into_iter().map(|a| full_name(&a, own)).collect();
        Name { full, aliases }
    }

    /// Each part of a dotted name starts with a letter or `_`, and letters, digits and `_` follow.
    fn check_name(&mut self, full: &str, pointer: &str) {
        let part = |part: &str| {
            let mut chars = part.chars();
            chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && chars.all(|c| c.is_alphanumeric() || c == '_')
        };
        if !full.split('.').all(part) {
            self.wrong(pointer, format!("`{full}` is no name: letters, digits and `_`, and no digit first"));
        }
    }

    /// A list of texts, such as aliases; none when it is left out.
    fn texts(&mut self, object: &Map<String, Value>, key: &str, pointer: &str) -> Vec<String> {
        let Some(value) = object.get(key) else { return Vec::new() };
        let texts =
            value.as_array().map(|a| a.iter().map(|v| v.as_str().map(String::from)).collect::<Option<Vec<_>>>());
        texts.flatten().unwrap_or_else(|| {
            self.wrong(&step(pointer, key), format!("`{key}` is a list of texts"));
            Vec::new()
        })
    }

    fn size(&mut self, object: &Map<String, Value>, pointer: &str) -> u64 {
        match object.get("size") {
            Some(size) if size.as_u64().is_some_and(|n| n <= i32::MAX as u64) => size.as_u64().unwrap_or(0),
            Some(other) => {
                self.wrong(&step(pointer, "size"), format!("`size` is a number of bytes, not {other}"));
                0
            }
            None => {
                self.wrong(pointer, "`fixed` without `size`");
                0
            }
        }
    }

    fn symbols(&mut self, object: &Map<String, Value>, pointer: &str) -> Vec<String> {
        if !object.contains_key("symbols") {
            self.wrong(pointer, "`enum` without `symbols`");
        }
        let symbols = self.texts(object, "symbols", pointer);
        let mut seen = BTreeSet::new();
        for (n, symbol) in symbols.iter().enumerate() {
            let at = step(&step(pointer, "symbols"), n);
            if symbol.contains('.') {
                self.wrong(&at, format!("`{symbol}` is no name of a symbol"));
            } else {
                self.check_name(symbol, &at);
            }
            if !seen.insert(symbol.as_str()) {
                self.wrong(&at, format!("symbol `{symbol}` stands twice"));
            }
        }
        symbols
    }

    fn enum_default(&mut self, object: &Map<String, Value>, symbols: &[String], pointer: &str) -> Option<String> {
        let value = object.get("default")?;
        match value.as_str() {
            Some(symbol) if symbols.iter().any(|s| s == symbol) => Some(symbol.to_string()),
            _ => {
                self.wrong(&step(pointer, "default"), format!("the default {value} is none of the symbols"));
                None
            }
        }
    }

    fn fields(&mut self, object: &Map<String, Value>, pointer: &str, space: &str) -> Vec<Field> {
        let Some(Value::Array(values)) = object.get("fields") else {
            self.wrong(pointer, "a record needs `fields`, a list");
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut fields = Vec::new();
        for (n, value) in values.iter().enumerate() {
            let at = step(&step(pointer, "fields"), n);
            let Some(field) = value.as_object() else {
                self.wrong(&at, "a field is an object");
                continue;
            };
            let Some(name) = field.get("name").and_then(Value::as_str) else {
                self.wrong(&at, "a field without `name`");
                continue;
            };
            if name.contains('.') {
                self.wrong(&step(&at, "name"), format!("`{name}` is no name of a field"));
            } else {
                self.check_name(name, &step(&at, "name"));
            }
            if !seen.insert(name) {
                self.wrong(&step(&at, "name"), format!("field `{name}` stands twice"));
            }
            let Some(of) = field.get("type") else {
                self.wrong(&at, format!("field `{name}` without `type`"));
                continue;
            };
            if let Some(order) = field.get("order")
                && !matches!(
                    order.as_str().map(str::to_ascii_lowercase).as_deref(),
                    Some("ascending" | "descending" | "ignore")
                )
            {
                self.wrong(&step(&at, "order"), format!("`order` is ascending, descending or ignore, not {order}"));
            }
            let aliases = self.texts(field, "aliases", &at);
            let of = self.of(of, step(&at, "type"), space);
            fields.push(Field {
                pointer: at,
                name: name.to_string(),
                aliases,
                of,
                default: field.get("default").cloned(),
            });
        }
        fields
    }

    /// Every use of a name becomes what it names.
    /// The type that was probably meant: one that is defined, whatever its namespace, or one of the language.
    fn near(&self, name: &str) -> Option<String> {
        fn short(name: &str) -> &str {
            name.rsplit('.').next().unwrap_or(name)
        }
        let language = Primitive::ALL.iter().map(|(word, _)| (*word, *word));
        let known: BTreeMap<&str, &str> = self.names.keys().map(|n| (short(n), n.as_str())).chain(language).collect();
        let found = nearest(short(name), known.keys().copied())?;
        known.get(found).map(ToString::to_string)
    }

    fn resolve(&mut self) {
        let mut found = BTreeMap::new();
        for used in std::mem::take(&mut self.uses) {
            match self.names.get(&used.full).or_else(|| self.names.get(&used.bare)) {
                Some(id) => drop(found.insert(used.id, *id)),
                None => {
                    let near = self.near(&used.bare);
                    let near = near.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                    self.wrong(&used.pointer, format!("no type is named `{}`{near}", used.bare));
                }
            }
        }
        let to = |id: &mut Id| *id = *found.get(id).unwrap_or(id);
        for of in &mut self.types {
            match &mut of.kind {
                Kind::Array(id) | Kind::Map(id) => to(id),
                Kind::Union(union) => union.branches.iter_mut().for_each(to),
                Kind::Record { fields, .. } => fields.iter_mut().for_each(|f| to(&mut f.of)),
                _ => {}
            }
        }
    }
}

fn full_name(name: &str, space: &str) -> String {
    match (name.strip_prefix('.'), name.contains('.') || space.is_empty()) {
        (Some(bare), _) => bare.to_string(),
        (None, true) => name.to_string(),
        (None, false) => format!("{space}.{name}"),
    }
}

fn logical(object: &Map<String, Value>) -> Option<Logical> {
    let name = object.get("logicalType")?.as_str()?.to_string();
    if name != "decimal" {
        return Some(Logical { name, decimal: None });
    }
    // A decimal that is not well-formed is to be read as the plain type, says the specification.
    let precision = object.get("precision")?.as_u64().filter(|p| *p > 0)?;
    let scale = object.get("scale").map_or(Some(0), Value::as_u64).filter(|s| *s <= precision)?;
    Some(Logical { name, decimal: Some((precision, scale)) })
}

/// A union holds no union, no type twice, and of named types no name twice.
fn check_unions(schema: &Schema) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for of in &schema.types {
        let Kind::Union(union) = &of.kind else { continue };
        let mut seen = BTreeSet::new();
        for (n, branch) in union.branches.iter().enumerate() {
            let kind = schema.kind(*branch);
            let at = step(&of.pointer, n);
            if matches!(kind, Kind::Union(_)) {
                wrong.push((at, "a union directly inside a union".to_string()));
            } else if !seen.insert(kind.name().map_or(kind.word(), |n| &n.full)) {
                wrong.push((at, format!("{kind} stands twice in a union")));
            }
        }
    }
    wrong
}

fn index_unions(schema: &mut Schema) {
    for id in 0..schema.types.len() {
        let Kind::Union(union) = &schema.types[id].kind else { continue };
        let mut indexed = Union { branches: union.branches.clone(), ..Union::default() };
        for (n, branch) in union.branches.iter().enumerate() {
            match schema.kind(*branch).name() {
                None => indexed.unnamed.push(n),
                Some(name) => {
                    indexed.by_name.entry(name.short().to_string()).or_default().push(n);
                    for alias in &name.aliases {
                        // An alias is matched by its full name; a short name has no dot in front.
                        indexed.by_name.entry(format!(".{alias}")).or_default().push(n);
                    }
                }
            }
        }
        schema.types[id].kind = Kind::Union(indexed);
    }
}
