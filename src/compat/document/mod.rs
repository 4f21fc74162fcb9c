//! Contracts as trees of values that know their file, line and JSON pointer.
//!
//! # Layout
//! - [`Library`] every file of one side in one arena, with `$ref`s resolved; a value is a number in it
//! - `yaml`, `json` the two readers; `refs` where a reference leads
mod build;
mod json;
mod refs;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Number;

use super::finding::Place;
use crate::spec::{Problem, SourceFile};

pub use refs::join;

/// A file this size is no contract any more.
pub const MAX_FILE: usize = 32 * 1024 * 1024;
/// Values of one side. A description of 16 MB has half a million.
pub const MAX_NODES: usize = 2_000_000;
/// Collections inside one another; real descriptions stay under 40.
const MAX_DEPTH: usize = 200;
/// Keys above which a map is looked up by halving instead of one by one.
const SMALL: usize = 12;

/// A value's number in its [`Library`].
pub type NodeId = u32;

const NO_PARENT: NodeId = NodeId::MAX;

#[derive(Debug)]
struct Node {
    line: u32,
    parent: NodeId,
    data: Data,
}

#[derive(Debug)]
pub enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
    Seq(Box<[NodeId]>),
    Map(Box<Map>),
}

/// Entries as written, and their order by key where there are many.
#[derive(Debug, Default)]
pub struct Map {
    pub entries: Box<[(Box<str>, NodeId)]>,
    by_key: Box<[u32]>,
}

impl Map {
    fn get(&self, key: &str) -> Option<NodeId> {
        if self.by_key.is_empty() {
            return self.entries.iter().find(|(k, _)| &**k == key).map(|(_, n)| *n);
        }
        let entry = |i: u32| &self.entries[i as usize];
        let at = self.by_key.binary_search_by(|&i| (*entry(i).0).cmp(key)).ok()?;
        Some(entry(self.by_key[at]).1)
    }
}

#[derive(Debug)]
struct File {
    name: String,
    root: NodeId,
    /// Number of its first value; those of later files are higher.
    first: NodeId,
}

/// All files of one side.
#[derive(Debug)]
pub struct Library {
    nodes: Vec<Node>,
    files: Vec<File>,
    /// Map with a `$ref` to what it leads to.
    refs: BTreeMap<NodeId, NodeId>,
    /// Schema to those that have it in their `allOf` by reference.
    heirs: BTreeMap<NodeId, Vec<NodeId>>,
}

impl Default for Library {
    fn default() -> Library {
        Library::new()
    }
}

impl Library {
    /// Reads all files of one side; the first is the one to compare, the others are what it refers to.
    ///
    /// # Errors
    /// What is wrong with the first file that cannot be read, and where.
    pub fn read(sources: &[SourceFile]) -> Result<Library, Problem> {
        let mut library = Library::new();
        sources.iter().try_for_each(|source| library.add_file(source))?;
        library.resolve();
        Ok(library)
    }

    /// Without a file. The first one [added](Self::add_file) is the one to compare.
    pub fn new() -> Library {
        Library { nodes: Vec::new(), files: Vec::new(), refs: BTreeMap::new(), heirs: BTreeMap::new() }
    }

    /// # Errors
    /// What is wrong with the file, and where.
    pub fn add_file(&mut self, source: &SourceFile) -> Result<(), Problem> {
        let first = self.next();
        let root = build::read(self, source)?;
        self.files.push(File { name: source.name.clone(), root, first });
        Ok(())
    }

    fn next(&self) -> NodeId {
        // `MAX_NODES` keeps the number far below `u32::MAX`.
        NodeId::try_from(self.nodes.len()).unwrap_or(NO_PARENT)
    }

    fn add(&mut self, line: u32, data: Data) -> NodeId {
        let id = self.next();
        self.nodes.push(Node { line, parent: NO_PARENT, data });
        let children: Vec<NodeId> = match &self.nodes[id as usize].data {
            Data::Seq(items) => items.to_vec(),
            Data::Map(map) => map.entries.iter().map(|(_, n)| *n).collect(),
            _ => Vec::new(),
        };
        for child in children {
            let parent = &mut self.nodes[child as usize].parent;
            // What an alias repeats keeps the place where it was written.
            if *parent == NO_PARENT {
                *parent = id;
            }
        }
        id
    }

    /// Puts together a map that nobody wrote, such as the body of a form of Swagger 2. Its children keep their places.
    pub fn compose(&mut self, like: NodeId, entries: Vec<(String, NodeId)>) -> NodeId {
        let entries = entries.into_iter().map(|(k, n)| (k.into_boxed_str(), n)).collect();
        let id = self.add(self.line(like), Data::Map(Box::new(build::map(entries))));
        self.nodes[id as usize].parent = like;
        id
    }

    /// The same for a word.
    pub fn word(&mut self, like: NodeId, text: &str) -> NodeId {
        self.add(self.line(like), Data::Text(text.into()))
    }

    /// The same for a list.
    pub fn list(&mut self, like: NodeId, items: Vec<NodeId>) -> NodeId {
        let id = self.add(self.line(like), Data::Seq(items.into()));
        self.nodes[id as usize].parent = like;
        id
    }

    /// The same for a yes or no.
    pub fn yes(&mut self, like: NodeId, value: bool) -> NodeId {
        self.add(self.line(like), Data::Bool(value))
    }

    pub fn root(&self) -> NodeId {
        self.files.first().map_or(0, |f| f.root)
    }

    /// Every value of all files.
    pub fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        0..self.next()
    }

    pub fn data(&self, node: NodeId) -> &Data {
        &self.nodes[node as usize].data
    }

    pub fn line(&self, node: NodeId) -> u32 {
        self.nodes[node as usize].line
    }

    pub fn get(&self, node: NodeId, key: &str) -> Option<NodeId> {
        match self.data(node) {
            Data::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Entries of a map in the order they are written; nothing for anything else.
    pub fn entries(&self, node: NodeId) -> &[(Box<str>, NodeId)] {
        match self.data(node) {
            Data::Map(map) => &map.entries,
            _ => &[],
        }
    }

    /// Elements of a list; nothing for anything else.
    pub fn items(&self, node: NodeId) -> &[NodeId] {
        match self.data(node) {
            Data::Seq(items) => items,
            _ => &[],
        }
    }

    pub fn text(&self, node: NodeId) -> Option<&str> {
        match self.data(node) {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn text_at(&self, node: NodeId, key: &str) -> Option<&str> {
        self.get(node, key).and_then(|n| self.text(n))
    }

    pub fn is_true(&self, node: NodeId) -> bool {
        matches!(self.data(node), Data::Bool(true))
    }

    /// The flag `key` is there and true.
    pub fn flag(&self, node: NodeId, key: &str) -> bool {
        self.get(node, key).is_some_and(|n| self.is_true(n))
    }

    /// A value as one text: keys in order, without texts for people. Cut off after 20,000 bytes, since aliases may repeat
    /// one another without end.
    pub fn canonical(&self, node: NodeId) -> String {
        let mut out = String::new();
        self.write(node, &mut out);
        out
    }

    fn write(&self, node: NodeId, out: &mut String) {
        if out.len() > 20_000 {
            return;
        }
        match self.data(node) {
            Data::Text(t) => out.push_str(&format!("{t:?}")),
            Data::Seq(items) => {
                out.push('[');
                for item in items {
                    self.write(*item, out);
                    out.push(',');
                }
                out.push(']');
            }
            Data::Map(map) => {
                let told = |k: &str| !matches!(k, "description" | "title" | "example" | "examples" | "summary");
                let mut entries: Vec<&(Box<str>, NodeId)> = map.entries.iter().filter(|(k, _)| told(k)).collect();
                entries.sort();
                out.push('{');
                for (key, n) in entries {
                    out.push_str(&format!("{key:?}:"));
                    self.write(*n, out);
                    out.push(',');
                }
                out.push('}');
            }
            Data::Null | Data::Bool(_) | Data::Number(_) => out.push_str(&self.brief(node)),
        }
    }

    /// As [`Self::canonical`], with what its references lead to in their place, each once.
    pub fn whole(&self, node: NodeId) -> String {
        let (mut out, mut seen) = (String::new(), BTreeSet::new());
        self.write_whole(node, false, 0, &mut seen, &mut out);
        out
    }

    /// `names`: the keys are names of properties and the like, so that `title` is one of them and no text for people.
    fn write_whole(&self, node: NodeId, names: bool, depth: usize, seen: &mut BTreeSet<NodeId>, out: &mut String) {
        if out.len() > 20_000 || depth > MAX_DEPTH {
            return;
        }
        match self.data(node) {
            Data::Map(map) => {
                if let Some(target) = self.refs.get(&node).filter(|target| seen.insert(**target)) {
                    self.write_whole(*target, false, depth + 1, seen, out);
                }
                let told = |k: &str| !matches!(k, "description" | "title" | "example" | "examples" | "summary");
                let mut entries: Vec<_> = map.entries.iter().filter(|(k, _)| names || told(k)).collect();
                entries.sort();
                out.push('{');
                for (key, n) in entries {
                    out.push_str(&format!("{key:?}:"));
                    let named =
                        !names && matches!(&**key, "properties" | "patternProperties" | "$defs" | "dependentSchemas");
                    self.write_whole(*n, named, depth + 1, seen, out);
                    out.push(',');
                }
                out.push('}');
            }
            Data::Seq(items) => {
                out.push('[');
                for item in items {
                    self.write_whole(*item, false, depth + 1, seen, out);
                    out.push(',');
                }
                out.push(']');
            }
            _ => self.write(node, out),
        }
    }

    pub fn is_map(&self, node: NodeId) -> bool {
        matches!(self.data(node), Data::Map(_))
    }

    fn file(&self, node: NodeId) -> &File {
        let after = self.files.partition_point(|f| f.first <= node);
        // What is composed comes after all files, but keeps the number of one: see `origin`.
        &self.files[after.saturating_sub(1)]
    }

    /// JSON pointer of a value inside its file.
    pub fn pointer(&self, node: NodeId) -> String {
        let (mut steps, mut at) = (Vec::new(), node);
        while let Some(parent) = Some(self.nodes[at as usize].parent).filter(|p| *p != NO_PARENT) {
            match self.data(parent) {
                Data::Map(map) => {
                    let key = map.entries.iter().find(|(_, n)| *n == at).map(|(k, _)| k);
                    steps.extend(key.map(|k| k.replace('~', "~0").replace('/', "~1")));
                }
                Data::Seq(items) => {
                    steps.extend(items.iter().position(|n| *n == at).map(|i| i.to_string()));
                }
                _ => {}
            }
            at = parent;
        }
        steps.iter().rev().fold(String::new(), |all, step| all + "/" + step)
    }

    /// The written value that a value stands for: itself, or what a composed one was made from.
    fn origin(&self, node: NodeId) -> NodeId {
        let mut at = node;
        while self.nodes[at as usize].parent != NO_PARENT {
            at = self.nodes[at as usize].parent;
        }
        at
    }

    pub fn place(&self, node: NodeId) -> Place {
        let file = self.file(self.origin(node)).name.clone();
        Place { file, pointer: self.pointer(node), line: Some(self.line(node)) }
    }

    /// What somebody who reads a message wants to see of a value.
    pub fn brief(&self, node: NodeId) -> String {
        match self.data(node) {
            Data::Null => "null".into(),
            Data::Bool(b) => b.to_string(),
            Data::Number(n) => n.to_string(),
            Data::Text(t) if t.chars().count() > 60 => {
                format!("{}…", t.chars().take(59).collect::<String>())
            }
            Data::Text(t) => t.to_string(),
            Data::Seq(items) if items.len() > 6 => format!("{} values", items.len()),
            Data::Seq(items) => {
                let items: Vec<String> = items.iter().map(|n| self.shallow(*n)).collect();
                format!("[{}]", items.join(", "))
            }
            Data::Map(_) => "an object".into(),
        }
    }

    fn shallow(&self, node: NodeId) -> String {
        match self.data(node) {
            Data::Seq(_) => "a list".into(),
            _ => self.brief(node),
        }
    }
}

/// Two values of two sides are the same value. Each pair of collections is looked at once, so that aliases which repeat
/// one another cannot make it long.
pub fn same(a: &Library, x: NodeId, b: &Library, y: NodeId) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut left = vec![(x, y)];
    while let Some((x, y)) = left.pop() {
        match (a.data(x), b.data(y)) {
            (Data::Null, Data::Null) => {}
            (Data::Bool(p), Data::Bool(q)) if p == q => {}
            (Data::Number(p), Data::Number(q)) if compare(p, q).is_eq() => {}
            (Data::Text(p), Data::Text(q)) if p == q => {}
            (Data::Seq(p), Data::Seq(q)) if p.len() == q.len() => {
                if seen.insert((x, y)) {
                    left.extend(p.iter().copied().zip(q.iter().copied()));
                }
            }
            (Data::Map(p), Data::Map(q)) if p.entries.len() == q.entries.len() => {
                if !seen.insert((x, y)) {
                    continue;
                }
                for (key, n) in &p.entries {
                    let Some(m) = q.get(key) else { return false };
                    left.push((*n, m));
                }
            }
            _ => return false,
        }
    }
    true
}

/// Order of two numbers, exact for whole ones.
pub fn compare(a: &Number, b: &Number) -> std::cmp::Ordering {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
    }
}
