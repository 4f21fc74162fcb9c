//! YAML text as a tree of values that know where they stand.
//!
//! Read by hand from the parser's events instead of through serde, because serde stops at the first error and forgets
//! places. Scalars follow the YAML 1.2 core schema (<https://yaml.org/spec/1.2.2/#103-core-schema>): `no` is text,
//! `true` is not. A hostile file ends early: depth, number of values and number of syntax errors are bounded, also
//! after aliases are filled in.
mod scalar;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScanError, Span, StrInput, options};

use scalar::{check_tag, scalar};

use super::API_VERSION;
use super::report::{Place, Sink};

/// Collections inside one another; a real file stays under 12.
const MAX_DEPTH: usize = 48;
/// Values in one file, aliases filled in. A fleet of 1,000 services has about 20,000.
const MAX_NODES: usize = 200_000;
/// Values of one file in all, those of streamed elements included: a hundred thousand large tenants have four million.
const MAX_STREAMED: usize = 12_000_000;
/// The list whose elements are handed on one by one instead of being kept.
const STREAMED: (&str, &str) = ("Tenants", "tenants");
/// Documents in one file.
const MAX_DOCUMENTS: usize = 1000;
/// Syntax errors after which the rest of a file is not read; each ends one document.
const MAX_BROKEN: usize = 20;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    pub yaml: Yaml,
    /// Nobody wrote it: it stands where a value that must be there is missing or broken, which is reported, so that the
    /// rest can be looked at. Nothing more is said about it.
    pub stand_in: bool,
}

#[derive(Debug, Clone)]
pub enum Yaml {
    Null,
    Bool(bool),
    /// The value, when it is finite and fits, and the text it was written as.
    Number(Option<Number>, String),
    Text(String),
    Seq {
        items: Vec<Node>,
        /// A syntax error cut it off: something may be missing.
        cut: bool,
    },
    Map {
        entries: Vec<Entry>,
        cut: bool,
    },
    /// Reported already; say nothing more about it.
    Reported,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    pub root: Node,
    /// A syntax error ended it.
    pub cut: bool,
}

/// Takes an element of the streamed list, with the number of its document.
pub type Each<'e, 'a> = &'e mut dyn FnMut(usize, &Node, &mut Sink<'a>);

impl Node {
    pub fn new(place: Place, yaml: Yaml) -> Node {
        Node { place, yaml, stand_in: false }
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.yaml {
            Yaml::Map { entries, .. } => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.yaml {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Elements of a list; nothing for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.yaml {
            Yaml::Seq { items, .. } => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.yaml {
            Yaml::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The elements of the list in one of its fields, which is empty afterwards.
    pub fn take_items(&mut self, key: &str) -> Vec<Node> {
        let Yaml::Map { entries, .. } = &mut self.yaml else { return Vec::new() };
        match entries.iter_mut().find(|e| e.key == key).map(|e| &mut e.node.yaml) {
            Some(Yaml::Seq { items, .. }) => std::mem::take(items),
            _ => Vec::new(),
        }
    }

    /// The value alone, for serde. What cannot be said in JSON is null.
    pub fn to_json(&self) -> Value {
        match &self.yaml {
            Yaml::Null | Yaml::Reported => Value::Null,
            Yaml::Bool(b) => Value::Bool(*b),
            Yaml::Number(n, _) => n.clone().map_or(Value::Null, Value::Number),
            Yaml::Text(t) => Value::String(t.clone()),
            Yaml::Seq { items, .. } => items.iter().map(Node::to_json).collect(),
            Yaml::Map { entries, .. } => entries.iter().map(|e| (e.key.clone(), e.node.to_json())).collect(),
        }
    }

    /// Number of values, and of collections inside one another. `MAX_DEPTH` bounds the recursion.
    fn measure(&self) -> (usize, usize) {
        let (mut nodes, mut depth) = (1, 0);
        let mut add = |node: &Node| {
            let (n, d) = node.measure();
            nodes += n;
            depth = depth.max(d + 1);
        };
        match &self.yaml {
            Yaml::Seq { items, .. } => items.iter().for_each(&mut add),
            Yaml::Map { entries, .. } => entries.iter().for_each(|e| add(&e.node)),
            _ => {}
        }
        (nodes, depth)
    }
}

/// Reads every document of a file. Problems go to `sink`; what could be read before a syntax error is kept, and later
/// documents are read all the same. Documents without any content are left out. False: not all of the file was read.
///
/// Elements of `spec.tenants` go to `each` when `apiVersion` and `kind` stand before `spec`, and are not in the tree.
pub fn read<'a>(text: &'a str, sink: &mut Sink<'a>, each: Each<'_, 'a>) -> (Vec<Document>, bool) {
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(text, each);
    let mut documents = Vec::new();
    for round in 0..MAX_BROKEN {
        match builder.run(&mut parser, &mut documents, sink) {
            Ok(()) => return (documents, round == 0),
            Err(Stop::Full) => break,
            Err(Stop::Syntax(error)) => {
                builder.syntax_error(&error, sink);
                documents.extend(builder.cut());
                builder.document = documents.len();
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    (documents, false)
}

enum Stop {
    Syntax(ScanError),
    /// A bound was reached and reported.
    Full,
}

enum Frame {
    Seq { place: Place, anchor: usize, items: Vec<Node> },
    Map { place: Place, anchor: usize, entries: Vec<Entry>, seen: BTreeSet<String>, key: Option<Key> },
}

/// A key that waits for its value.
struct Key {
    /// `None`: not a usable key, reported already.
    name: Option<String>,
    place: Place,
}

struct Builder<'a, 'e> {
    text: &'a str,
    each: Each<'e, 'a>,
    /// Number of the document that is being read.
    document: usize,
    stack: Vec<Frame>,
    root: Option<Node>,
    /// Anchored values with their number of values and depth.
    anchors: BTreeMap<usize, (Node, usize, usize)>,
    nodes: usize,
    /// Values there were before the element of a streamed list that is being read.
    kept: usize,
    /// Values that were handed on.
    gone: usize,
}

impl<'a, 'e> Builder<'a, 'e> {
    fn new(text: &'a str, each: Each<'e, 'a>) -> Self {
        let (stack, anchors) = (Vec::new(), BTreeMap::new());
        Builder { text, each, document: 0, stack, root: None, anchors, nodes: 0, kept: 0, gone: 0 }
    }

    /// Hands an element of the streamed list on; what it took is free again.
    fn hand_on(&mut self, node: &Node, sink: &mut Sink<'a>) -> Result<(), Stop> {
        self.gone += self.nodes - self.kept;
        self.nodes = self.kept;
        if self.gone > MAX_STREAMED {
            let message = format!("more than {MAX_STREAMED} values with aliases filled in; the rest was not read");
            sink.error(node.place, message, Some("split the file".into()));
            return Err(Stop::Full);
        }
        (self.each)(self.document, node, sink);
        Ok(())
    }

    /// Whether the next value is an element of a list whose elements are handed on.
    fn streams(&self) -> bool {
        let waits = |frame: &Frame, name: &str| matches!(frame, Frame::Map { key: Some(Key { name: Some(key), .. }), .. } if key == name);
        let [root @ Frame::Map { entries, .. }, spec, Frame::Seq { .. }] = self.stack.as_slice() else { return false };
        let says = |key: &str, text: &str| entries.iter().any(|e| e.key == key && e.node.text() == Some(text));
        waits(root, "spec") && waits(spec, STREAMED.1) && says("apiVersion", API_VERSION) && says("kind", STREAMED.0)
    }

    fn run(
        &mut self,
        parser: &mut Parser<'a, StrInput<'a>>,
        documents: &mut Vec<Document>,
        sink: &mut Sink<'a>,
    ) -> Result<(), Stop> {
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(Stop::Syntax)?;
            let place = place(span);
            match event {
                Event::DocumentStart(..) if documents.len() >= MAX_DOCUMENTS => {
                    let message = format!("more than {MAX_DOCUMENTS} documents; the rest of the file was not read");
                    sink.error(place, message, Some("split the file".into()));
                    return Err(Stop::Full);
                }
                Event::DocumentEnd => {
                    self.anchors.clear();
                    let root = self.root.take().filter(|n| !matches!(n.yaml, Yaml::Null));
                    documents.extend(root.map(|root| Document { root, cut: false }));
                    self.document = documents.len();
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let yaml = scalar(&text, style, tag.as_deref(), place, sink);
                    self.complete(Node::new(place, yaml), anchor, Some(&text), sink)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    check_tag(tag.as_deref(), "seq", place, sink);
                    self.stack.push(Frame::Seq { place, anchor, items: Vec::new() });
                    if self.streams() {
                        self.kept = self.nodes;
                    }
                }
                Event::MappingStart(_, anchor, tag) => {
                    check_tag(tag.as_deref(), "map", place, sink);
                    let (entries, seen) = (Vec::new(), BTreeSet::new());
                    self.stack.push(Frame::Map { place, anchor, entries, seen, key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some((node, anchor)) = self.stack.pop().map(|f| finish(f, false)) {
                        self.complete(node, anchor, None, sink)?;
                    }
                }
                Event::Alias(id) => self.alias(id, place, sink)?,
                Event::UnresolvedAlias(name) => {
                    sink.error(
                        place,
                        format!("`*{name}` refers to nothing: no `&{name}` stands before it in this document"),
                        Some("name the value with `&`, or put text that starts with `*` in quotes".into()),
                    );
                    self.complete(Node::new(place, Yaml::Reported), 0, None, sink)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: Place, sink: &mut Sink<'a>) -> Result<(), Stop> {
        let Some((node, nodes, depth)) = self.anchors.get(&id) else {
            sink.error(place, "an alias stands inside the value it refers to".into(), None);
            return self.complete(Node::new(place, Yaml::Reported), 0, None, sink);
        };
        if self.stack.len() + depth > MAX_DEPTH {
            sink.error(place, format!("nested deeper than {MAX_DEPTH} levels, by aliases"), None);
            return Err(Stop::Full);
        }
        self.nodes += nodes;
        let node = node.clone();
        let key = node.text().map(str::to_string);
        self.complete(node, 0, key.as_deref(), sink)
    }

    /// Puts a whole value where it belongs. `key` is its text, when it can serve as a key.
    fn complete(&mut self, node: Node, anchor: usize, key: Option<&str>, sink: &mut Sink<'a>) -> Result<(), Stop> {
        self.nodes += 1;
        if anchor != 0 {
            let (nodes, depth) = node.measure();
            self.nodes += nodes;
            // It stays when the element of a streamed list that it is in does not.
            self.kept += nodes;
            self.anchors.insert(anchor, (node.clone(), nodes, depth));
        }
        if self.nodes > MAX_NODES {
            sink.error(
                node.place,
                format!("more than {MAX_NODES} values with aliases filled in; the rest of the file was not read"),
                Some("split the file".into()),
            );
            return Err(Stop::Full);
        }
        if self.streams() {
            return self.hand_on(&node, sink);
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, seen, key: waiting, .. }) => match waiting.take() {
                None => *waiting = Some(new_key(key, &node, entries, seen, sink)),
                Some(Key { name: Some(name), place }) => entries.push(Entry { key: name, key_place: place, node }),
                Some(Key { name: None, .. }) => {}
            },
        }
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError, sink: &mut Sink<'_>) {
        let mark = error.marker();
        let line = u32::try_from(mark.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(mark.col() + 1).unwrap_or(u32::MAX);
        let source = sink.line(line);
        let indent = &source[..source.len() - source.trim_start().len()];
        let at_end = mark.byte_offset().is_some_and(|b| self.text.get(b..).is_some_and(|r| r.trim().is_empty()));
        let help = if indent.contains('\t') {
            "this line is indented with a tab; YAML wants spaces"
        } else if at_end || error.info().starts_with("unclosed") {
            "something is left open here: is the file written to the end, is a bracket or quote missing?"
        } else {
            "look at the indentation, brackets and quotes here and in the line above"
        };
        sink.error(Place { line, column, width: 1 }, format!("not YAML: {}", error.info()), Some(help.into()));
    }

    /// Ends the document a syntax error broke with what was read of it.
    fn cut(&mut self) -> Option<Document> {
        self.anchors.clear();
        let mut inner = self.root.take();
        while let Some(mut frame) = self.stack.pop() {
            if let Some(node) = inner.take() {
                match &mut frame {
                    Frame::Seq { items, .. } => items.push(node),
                    Frame::Map { entries, key, .. } => {
                        if let Some(Key { name: Some(name), place }) = key.take() {
                            entries.push(Entry { key: name, key_place: place, node });
                        }
                    }
                }
            }
            inner = Some(finish(frame, true).0);
        }
        inner.map(|root| Document { root, cut: true })
    }
}

fn finish(frame: Frame, cut: bool) -> (Node, usize) {
    match frame {
        Frame::Seq { place, anchor, items } => (Node::new(place, Yaml::Seq { items, cut }), anchor),
        Frame::Map { place, anchor, mut entries, key, .. } => {
            // A key whose value the syntax error swallowed: it is there, and nothing is known of its value.
            if let Some(Key { name: Some(name), place }) = key {
                entries.push(Entry { key: name, key_place: place, node: Node::new(place, Yaml::Reported) });
            }
            (Node::new(place, Yaml::Map { entries, cut }), anchor)
        }
    }
}

fn new_key(
    text: Option<&str>,
    node: &Node,
    entries: &[Entry],
    seen: &mut BTreeSet<String>,
    sink: &mut Sink<'_>,
) -> Key {
    let place = node.place;
    let Some(text) = text else {
        if !matches!(node.yaml, Yaml::Reported) {
            sink.error(place, "a key must be a single word, not a list or a block".into(), None);
        }
        return Key { name: None, place };
    };
    if text == "<<" {
        sink.error(place, "merge keys (`<<`) are not read".into(), Some("write the fields out".into()));
        return Key { name: None, place };
    }
    if !seen.insert(text.to_string()) {
        let first = entries.iter().find(|e| e.key == text).map_or(0, |e| e.key_place.line);
        sink.error(
            place,
            format!("`{text}` is written twice here; the first is on line {first}"),
            Some("take one of them out".into()),
        );
        return Key { name: None, place };
    }
    Key { name: Some(text.to_string()), place }
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: narrow(start.line()), column: narrow(start.col() + 1), width: narrow(width.max(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::report::SourceFile;
    use serde_json::json;

    fn value(text: &str) -> Value {
        let file = SourceFile { name: "f".into(), text: text.into() };
        let mut sink = Sink::new(&file);
        let (documents, whole) = read(&file.text, &mut sink, &mut |_, _, _| {});
        let problems = sink.finish();
        assert!(whole && problems.is_empty(), "{text}: {problems:?}");
        documents[0].root.to_json()
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("[null, ~, Null, true, False]", json!([null, null, null, true, false])),
            ("[yes, no, on, off, y, Nul, tRue]", json!(["yes", "no", "on", "off", "y", "Nul", "tRue"])),
            ("[1, -1, +1, 007, 0o17, 0x1F]", json!([1, -1, 1, 7, 15, 31])),
            ("[1.5, -.5, 1e3, 2., 18446744073709551616]", json!([1.5, -0.5, 1000.0, 2.0, 18446744073709551616.0])),
            ("[1.2.3, 1_000, 12:30, '1', \"true\", e5]", json!(["1.2.3", "1_000", "12:30", "1", "true", "e5"])),
            ("[!!str 1, !!int 1]", json!(["1", 1])),
            ("[.inf, -.INF, .nan, 1e999]", json!([null, null, null, null])),
            ("{1: a, true: b, ~: c}", json!({"1": "a", "true": "b", "~": "c"})),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", json!({"a": "x\ny\n", "b": "x y"})),
            ("&x {a: &y [1], b: *y}", json!({"a": [1], "b": [1]})),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_document_keeps_what_was_read() {
        let file = SourceFile { name: "f".into(), text: "a: 1\nb: {c: 2, d\n---\ne: 3\n".into() };
        let mut sink = Sink::new(&file);
        let (documents, whole) = read(&file.text, &mut sink, &mut |_, _, _| {});
        assert!(!whole);
        assert_eq!(sink.finish().len(), 1);
        let read: Vec<(Value, bool)> = documents.iter().map(|d| (d.root.to_json(), d.cut)).collect();
        assert_eq!(read[0].0["a"], json!(1));
        assert_eq!(read[0].0["b"]["c"], json!(2));
        assert!(read[0].1);
        assert_eq!(read[1], (json!({"e": 3}), false));
    }
}
