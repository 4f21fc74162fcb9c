//! A document to the one form. All mistakes come in one report, each with its place.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::keywords::{ARRAY, NUMBER, OBJECT, SINCE, STRING, draft, family, unknown, unknown_draft, word};
use super::refs::Refs;
use super::shape::{Array, Draft, How, Id, Node, Number, Object, Rest, Schema, Shape, Text, canonical};
use crate::compat::pattern;
use crate::compat::spots::{Document, Fault, step};
use crate::spec::nearest;

/// Reads the text of a schema file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Schema, Vec<Fault>> {
    let document = Document::parse(file, text).map_err(|f| vec![f])?;
    let (nodes, root, left_out, wrong, draft) = {
        let draft = draft(&document.value);
        let mut load = Load {
            root: &document.value,
            draft,
            refs: Refs::new(&document.value, draft),
            nodes: Vec::new(),
            known: BTreeMap::new(),
            open: Vec::new(),
            wrong: Vec::new(),
            left_out: unknown_draft(&document.value),
        };
        let root = load.at(String::new());
        while let Some((id, pointer)) = load.open.pop() {
            load.fill(id, &pointer);
        }
        load.empty_circles();
        (load.nodes, root, load.left_out, load.wrong, draft)
    };
    if !wrong.is_empty() {
        return Err(document.faults(wrong));
    }
    let left_out = left_out.into_iter().map(|text| format!("{file}{text}")).collect();
    Ok(Schema { document, draft, nodes, root, left_out })
}

pub(super) struct Load<'a> {
    root: &'a Value,
    draft: Draft,
    refs: Refs,
    nodes: Vec<Node>,
    known: BTreeMap<String, Id>,
    /// Nodes given out and not yet looked at: references lead in circles, and far.
    open: Vec<(Id, String)>,
    wrong: Vec<(String, String)>,
    left_out: BTreeSet<String>,
}

type Schemas<'a> = &'a Map<String, Value>;

impl<'a> Load<'a> {
    /// The node for the schema at a pointer.
    fn at(&mut self, pointer: String) -> Id {
        if let Some(id) = self.known.get(&pointer) {
            return *id;
        }
        let id = self.put(pointer.clone(), Shape::Any, String::new());
        self.known.insert(pointer.clone(), id);
        self.open.push((id, pointer));
        id
    }

    /// References that lead to each other and nowhere else say nothing, which nobody means.
    fn empty_circles(&mut self) {
        for start in 0..self.nodes.len() {
            // More references behind each other than anybody writes.
            let (mut at, mut left) = (start, 64);
            while let (Shape::Ref(to), true) = (&self.nodes[at].shape, left > 0) {
                (at, left) = (*to, left - 1);
                if at == start {
                    let pointer = &self.nodes[start].pointer;
                    self.left_out.insert(format!("#{pointer}: `$ref` leads round in a circle, and says nothing"));
                    break;
                }
            }
        }
    }

    fn put(&mut self, pointer: String, shape: Shape, text: String) -> Id {
        self.nodes.push(Node { pointer, shape, default: false, text });
        self.nodes.len() - 1
    }

    fn wrong(&mut self, pointer: &str, message: impl Into<String>) {
        self.wrong.push((pointer.to_string(), message.into()));
    }

    fn fill(&mut self, id: Id, pointer: &str) {
        let root = self.root;
        let Some(value) = root.pointer(pointer) else { return };
        match value {
            Value::Bool(true) => {}
            Value::Bool(false) => self.nodes[id].shape = Shape::Never,
            Value::Object(object) => {
                self.nodes[id].default = object.contains_key("default");
                self.nodes[id].shape = self.shape(object, pointer);
            }
            other => self.wrong(pointer, format!("a schema is an object, true or false, not {}", word(other))),
        }
        self.nodes[id].text = canonical(value);
    }

    fn shape(&mut self, object: Schemas<'a>, pointer: &str) -> Shape {
        let draft = self.draft;
        self.left_out.extend(unknown(object, draft).map(|what| format!("#{pointer}: {what}")));
        let mut parts = Vec::new();
        if let Some(shape) = self.reference(object, pointer) {
            if self.draft < Draft::D2019 {
                // What stands beside a reference says nothing in these drafts.
                return shape;
            }
            parts.push(shape);
        }
        self.values(object, pointer, &mut parts);
        self.combined(object, pointer, &mut parts);
        if object.contains_key("not") {
            parts.push(Shape::Not(self.at(step(pointer, "not"))));
        }
        self.typed(object, pointer, &mut parts);
        if ["if", "then", "else"].iter().any(|k| self.has(object, k)) {
            let text = ["if", "then", "else"].map(|k| object.get(k).map_or(String::new(), canonical)).join("\n");
            parts.push(Shape::Conditional(text));
        }
        if parts.len() == 1 {
            return parts.remove(0);
        }
        if parts.is_empty() {
            return Shape::Any;
        }
        let whole = canonical(&Value::Object(object.clone()));
        let put = |part: Shape| {
            let text = format!("{} of {whole}", part.word());
            self.put(pointer.to_string(), part, text)
        };
        Shape::Combined(How::All, parts.into_iter().map(put).collect())
    }

    fn has(&self, object: Schemas, keyword: &str) -> bool {
        let since = SINCE.iter().find(|(k, _)| *k == keyword).map_or(Draft::D4, |(_, since)| *since);
        object.contains_key(keyword) && self.draft >= since
    }

    fn get(&self, object: Schemas<'a>, keyword: &str) -> Option<&'a Value> {
        object.get(keyword).filter(|_| self.has(object, keyword))
    }

    fn reference(&mut self, object: Schemas, pointer: &str) -> Option<Shape> {
        let found = ["$ref", "$dynamicRef", "$recursiveRef"].iter().find_map(|k| object.get(*k).map(|v| (*k, v)));
        let (keyword, value) = found?;
        let Some(reference) = value.as_str() else {
            self.wrong(&step(pointer, keyword), format!("`{keyword}` is a text, not {}", word(value)));
            return Some(Shape::Any);
        };
        if keyword != "$ref" {
            self.left_out
                .insert(format!("#{pointer}: {keyword} is followed as it stands, not as it may be overridden"));
        }
        match self.refs.resolve(self.root, pointer, reference) {
            Some(to) => Some(Shape::Ref(self.at(to))),
            None if reference.starts_with('#') => {
                self.wrong(&step(pointer, keyword), format!("nothing is at `{reference}`"));
                Some(Shape::Any)
            }
            None => {
                self.left_out.insert(format!("#{pointer}: `{reference}` leads to another document"));
                Some(Shape::Remote(reference.to_string()))
            }
        }
    }

    fn values(&mut self, object: Schemas, pointer: &str, parts: &mut Vec<Shape>) {
        match object.get("enum") {
            Some(Value::Array(values)) => parts.push(Shape::Enum(values.iter().map(canonical).collect())),
            Some(other) => self.wrong(&step(pointer, "enum"), format!("`enum` is a list, not {}", word(other))),
            None => {}
        }
        if self.has(object, "const")
            && let Some(value) = object.get("const")
        {
            parts.push(Shape::Const(canonical(value)));
        }
    }

    fn combined(&mut self, object: Schemas, pointer: &str, parts: &mut Vec<Shape>) {
        for how in [How::All, How::Any, How::One] {
            let at = step(pointer, how.keyword());
            match object.get(how.keyword()) {
                Some(Value::Array(branches)) if !branches.is_empty() => {
                    let branches = (0..branches.len()).map(|n| self.at(step(&at, n))).collect();
                    parts.push(Shape::Combined(how, branches));
                }
                Some(_) => self.wrong(&at, format!("`{}` is a list of at least one schema", how.keyword())),
                None => {}
            }
        }
    }

    /// The part of the type, or of each type, and a part for the keywords of each other type.
    fn typed(&mut self, object: Schemas<'a>, pointer: &str, parts: &mut Vec<Shape>) {
        let mut used = BTreeSet::new();
        match object.get("type") {
            Some(Value::String(name)) => {
                used.extend(family(name));
                let part = self.of_type(name, object, pointer, &step(pointer, "type"));
                parts.push(part);
            }
            Some(Value::Array(names)) => {
                let mut branches = Vec::new();
                for (n, name) in names.iter().enumerate() {
                    let at = step(&step(pointer, "type"), n);
                    let name = name.as_str().unwrap_or_else(|| {
                        self.wrong(&at, format!("a type is a text, not {}", word(name)));
                        "null"
                    });
                    used.extend(family(name));
                    let part = self.of_type(name, object, pointer, &at);
                    let text = format!("{name} of {}", canonical(&Value::Object(object.clone())));
                    branches.push(self.put(pointer.to_string(), part, text));
                }
                if branches.is_empty() {
                    self.wrong(&step(pointer, "type"), "`type` is an empty list");
                }
                parts.push(Shape::Combined(How::Any, branches));
            }
            Some(other) => {
                self.wrong(&step(pointer, "type"), format!("`type` is a text or a list, not {}", word(other)))
            }
            None => {}
        }
        let families = [("array", ARRAY), ("object", OBJECT), ("number", NUMBER), ("string", STRING)];
        for (name, keywords) in families {
            if !used.contains(name) && keywords.iter().any(|k| self.has(object, k)) {
                let mut part = self.of_type(name, object, pointer, pointer);
                match &mut part {
                    Shape::Array(a) => a.typed = false,
                    Shape::Object(o) => o.typed = false,
                    Shape::Number(n) => n.typed = false,
                    Shape::String(t) => t.typed = false,
                    _ => {}
                }
                parts.push(part);
            }
        }
    }

    fn of_type(&mut self, name: &str, object: Schemas<'a>, pointer: &str, at: &str) -> Shape {
        match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "number" | "integer" => Shape::Number(self.number(object, pointer, name == "integer")),
            "string" => Shape::String(Text {
                typed: true,
                min_length: self.amount(object, "minLength", pointer),
                max_length: self.amount(object, "maxLength", pointer),
                pattern: self.pattern(object, pointer),
                format: self.text(object, "format", pointer),
            }),
            "object" => Shape::Object(Box::new(self.object(object, pointer))),
            "array" => Shape::Array(Box::new(self.array(object, pointer))),
            other => {
                let known = ["null", "boolean", "number", "integer", "string", "object", "array"];
                let help = match nearest(other, known) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => format!(": {}", known.join(", ")),
                };
                self.wrong(at, format!("no type is named `{other}`{help}"));
                Shape::Any
            }
        }
    }

    fn float(&mut self, object: Schemas, keyword: &str, pointer: &str) -> Option<f64> {
        let value = object.get(keyword).filter(|_| self.has(object, keyword))?;
        let number = value.as_f64();
        if number.is_none() {
            self.wrong(&step(pointer, keyword), format!("`{keyword}` is a number, not {}", word(value)));
        }
        number
    }

    /// A number that counts something.
    fn amount(&mut self, object: Schemas, keyword: &str, pointer: &str) -> Option<f64> {
        let number = self.float(object, keyword, pointer)?;
        if number < 0.0 || number.fract() != 0.0 {
            self.wrong(&step(pointer, keyword), format!("`{keyword}` counts, and is not {number}"));
        }
        Some(number)
    }

    fn yes(&mut self, object: Schemas, keyword: &str, pointer: &str) -> bool {
        match object.get(keyword) {
            Some(Value::Bool(yes)) => *yes,
            Some(other) => {
                self.wrong(&step(pointer, keyword), format!("`{keyword}` is true or false, not {}", word(other)));
                false
            }
            None => false,
        }
    }

    fn text(&mut self, object: Schemas, keyword: &str, pointer: &str) -> Option<String> {
        let value = object.get(keyword)?;
        let text = value.as_str().map(String::from);
        if text.is_none() {
            self.wrong(&step(pointer, keyword), format!("`{keyword}` is a text, not {}", word(value)));
        }
        text
    }

    fn pattern(&mut self, object: Schemas, pointer: &str) -> Option<String> {
        let text = self.text(object, "pattern", pointer)?;
        self.expression(&text, &step(pointer, "pattern"));
        Some(text)
    }

    fn expression(&mut self, text: &str, at: &str) {
        if let Some(why) = pattern::fault(text) {
            self.wrong(at, format!("`{text}` is no regular expression: {why}"));
        }
    }

    fn number(&mut self, object: Schemas, pointer: &str, integer: bool) -> Number {
        let words = self.draft == Draft::D4;
        let open = |k: &str| words && object.get(k) == Some(&Value::Bool(true));
        let open = (open("exclusiveMinimum"), open("exclusiveMaximum"));
        let limit = |load: &mut Self, k: &str| match object.get(k) {
            Some(Value::Bool(_)) if words => None,
            _ => load.float(object, k, pointer),
        };
        let multiple_of = self.float(object, "multipleOf", pointer);
        if multiple_of.is_some_and(|m| m <= 0.0) {
            self.wrong(&step(pointer, "multipleOf"), "`multipleOf` is greater than 0");
        }
        Number {
            typed: true,
            integer,
            minimum: self.float(object, "minimum", pointer),
            maximum: self.float(object, "maximum", pointer),
            exclusive_minimum: limit(self, "exclusiveMinimum"),
            exclusive_maximum: limit(self, "exclusiveMaximum"),
            open,
            multiple_of,
        }
    }

    /// The names below a keyword that holds an object.
    fn names(&mut self, object: Schemas<'a>, keyword: &str, pointer: &str) -> Vec<(&'a String, &'a Value)> {
        match self.get(object, keyword) {
            Some(Value::Object(below)) => below.iter().collect(),
            Some(other) => {
                self.wrong(&step(pointer, keyword), format!("`{keyword}` is an object, not {}", word(other)));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn texts(&mut self, value: &Value, at: &str) -> BTreeSet<String> {
        let texts = value.as_array().map(|a| a.iter().map(|v| v.as_str().map(String::from)).collect());
        texts.flatten().unwrap_or_else(|| {
            self.wrong(at, "here stands a list of texts");
            BTreeSet::new()
        })
    }

    fn rest(&mut self, object: Schemas, keyword: &str, pointer: &str) -> Rest {
        match object.get(keyword).filter(|_| self.has(object, keyword)) {
            None | Some(Value::Bool(true)) => Rest::Open,
            Some(Value::Bool(false)) => Rest::Closed,
            Some(_) => Rest::As(self.at(step(pointer, keyword))),
        }
    }

    fn child(&mut self, object: Schemas, keyword: &str, pointer: &str) -> Option<Id> {
        self.has(object, keyword).then(|| self.at(step(pointer, keyword)))
    }

    fn object(&mut self, object: Schemas<'a>, pointer: &str) -> Object {
        let below = |keyword: &str, name: &str| step(&step(pointer, keyword), name);
        let mut shape = Object {
            typed: true,
            additional: self.rest(object, "additionalProperties", pointer),
            unevaluated: self.child(object, "unevaluatedProperties", pointer),
            names: self.child(object, "propertyNames", pointer),
            min_properties: self.amount(object, "minProperties", pointer),
            max_properties: self.amount(object, "maxProperties", pointer),
            ..Object::default()
        };
        for (name, _) in self.names(object, "properties", pointer) {
            shape.properties.insert(name.clone(), self.at(below("properties", name)));
        }
        for (pattern, _) in self.names(object, "patternProperties", pointer) {
            self.expression(pattern, &below("patternProperties", pattern));
            let id = self.at(below("patternProperties", pattern));
            shape.patterns.push((pattern.clone(), id));
        }
        match object.get("required") {
            // Draft 3's word beside a property; later drafts do not know it.
            Some(Value::Bool(_)) => {
                self.left_out.insert(format!("#{pointer}: `required` is draft 3's word here, and says nothing"));
            }
            None => {}
            Some(required) => shape.required = self.texts(required, &step(pointer, "required")),
        }
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            for (name, value) in self.names(object, keyword, pointer) {
                let at = below(keyword, name);
                if keyword == "dependentRequired" || value.is_array() {
                    let needs = self.texts(value, &at);
                    shape.needs.insert(name.clone(), needs);
                } else {
                    shape.needs_schema.insert(name.clone(), self.at(at));
                }
            }
        }
        shape
    }

    fn array(&mut self, object: Schemas<'a>, pointer: &str) -> Array {
        let mut shape = Array {
            typed: true,
            unevaluated: self.child(object, "unevaluatedItems", pointer),
            min_items: self.amount(object, "minItems", pointer),
            max_items: self.amount(object, "maxItems", pointer),
            unique: self.yes(object, "uniqueItems", pointer),
            contains: self.child(object, "contains", pointer),
            min_contains: self.amount(object, "minContains", pointer),
            max_contains: self.amount(object, "maxContains", pointer),
            ..Array::default()
        };
        if self.draft >= Draft::D2019 && shape.contains.is_some() {
            shape.min_contains.get_or_insert(1.0);
        }
        let tuple = |load: &mut Self, keyword: &str, n: usize| {
            let at = step(pointer, keyword);
            (0..n).map(|n| load.at(step(&at, n))).collect()
        };
        match (self.get(object, "prefixItems"), object.get("items")) {
            (Some(Value::Array(first)), _) => {
                shape.tuple = tuple(self, "prefixItems", first.len());
                shape.additional = self.rest(object, "items", pointer);
            }
            (Some(other), _) => {
                self.wrong(&step(pointer, "prefixItems"), format!("`prefixItems` is a list, not {}", word(other)));
            }
            (None, Some(Value::Array(first))) => {
                shape.tuple = tuple(self, "items", first.len());
                shape.additional = self.rest(object, "additionalItems", pointer);
            }
            (None, Some(Value::Bool(any))) if self.draft >= Draft::D2019 => {
                shape.additional = if *any { Rest::Open } else { Rest::Closed };
            }
            (None, Some(_)) => shape.items = Some(self.at(step(pointer, "items"))),
            (None, None) => shape.additional = self.rest(object, "additionalItems", pointer),
        }
        shape
    }
}
