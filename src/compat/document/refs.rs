//! Where a `$ref` leads: within its file, or into another one of the same side.
use std::collections::BTreeMap;

use super::{Data, Library, NO_PARENT, Node, NodeId};
use crate::spec::{Problem, nearest};

/// More references behind each other than anybody writes: then they are a circle.
const MAX_HOPS: usize = 64;

impl Library {
    /// Finds what every reference leads to. One that leads nowhere is told of when somebody needs it: an example may
    /// hold a `$ref` that is none.
    pub fn resolve(&mut self) {
        let (mut refs, mut known) = (BTreeMap::new(), BTreeMap::new());
        let resources = self.resources();
        let mut file = 0;
        for (i, node) in self.nodes.iter().enumerate() {
            let Ok(id) = NodeId::try_from(i) else { break };
            while self.files.get(file + 1).is_some_and(|f| f.first <= id) {
                file += 1;
            }
            if let Some(text) = target_of(self, node) {
                let around = if resources.is_empty() { None } else { self.resource(id) };
                let found = *known.entry((file, around, text)).or_insert_with(|| {
                    // What no `$id` explains is taken from the file, as most people mean it.
                    self.within(around, text, &resources).or_else(|| self.find(file, text))
                });
                refs.extend(found.map(|target| (id, target)));
            }
        }
        self.heirs = self.find_heirs(&refs);
        self.refs = refs;
    }

    /// Schemas that have a name of their own, by it.
    fn resources(&self) -> BTreeMap<&str, NodeId> {
        let named = self.all().filter_map(|n| Some((self.id(n)?, n)));
        named.collect()
    }

    fn id(&self, node: NodeId) -> Option<&str> {
        self.text_at(node, "$id").filter(|id| !id.starts_with('#'))
    }

    /// The innermost schema with a name around a value: from there its references are read.
    fn resource(&self, node: NodeId) -> Option<NodeId> {
        let mut at = Some(node);
        while let Some(n) = at {
            if self.id(n).is_some() {
                return Some(n);
            }
            at = Some(self.nodes[n as usize].parent).filter(|p| *p != NO_PARENT);
        }
        None
    }

    fn within(&self, around: Option<NodeId>, reference: &str, resources: &BTreeMap<&str, NodeId>) -> Option<NodeId> {
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = if name.is_empty() { around? } else { *resources.get(name)? };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return None;
        }
        self.below(root, fragment)
    }

    fn find_heirs(&self, refs: &BTreeMap<NodeId, NodeId>) -> BTreeMap<NodeId, Vec<NodeId>> {
        let mut heirs: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (from, to) in refs {
            let list = self.nodes[*from as usize].parent;
            let heir = self.nodes.get(list as usize).map_or(NO_PARENT, |n| n.parent);
            if heir != NO_PARENT && self.get(heir, "allOf") == Some(list) {
                heirs.entry(*to).or_default().push(heir);
            }
        }
        heirs
    }

    /// Schemas that have this one in their `allOf` by reference.
    pub fn heirs(&self, node: NodeId) -> &[NodeId] {
        self.heirs.get(&node).map_or(&[], |all| all)
    }

    /// The name of a schema that others refer to: under `components`, under `definitions`, or of its file.
    pub fn schema_name(&self, node: NodeId) -> Option<String> {
        let pointer = self.pointer(node);
        if pointer.is_empty() {
            let file = self.file(node).name.rsplit('/').next()?;
            return Some(file.split('.').next()?.to_string());
        }
        let under = ["/components/schemas/", "/definitions/", "/$defs/"];
        let name = under.iter().find_map(|start| pointer.strip_prefix(start)).filter(|name| !name.contains('/'))?;
        Some(name.replace("~1", "/").replace("~0", "~"))
    }

    /// What a value of a discriminator's `mapping` leads to: a name or a reference, seen from where it is written.
    pub fn mapped(&self, from: NodeId, text: &str) -> Option<NodeId> {
        let own = self.files.partition_point(|f| f.first <= from).saturating_sub(1);
        let named = |file: usize| {
            let under = ["#/components/schemas/", "#/definitions/"];
            under.iter().find_map(|start| self.find(file, &format!("{start}{text}")))
        };
        let simple = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let by_name = simple.then(|| named(own).or_else(|| named(0))).flatten();
        by_name.or_else(|| self.find(own, text))
    }

    /// The files that are referred to and not here yet, as paths beside those that name them, and where each is named
    /// first. Web addresses are not among them.
    pub fn missing(&self) -> BTreeMap<String, NodeId> {
        let (mut names, mut file) = (BTreeMap::new(), 0);
        for (node, id) in self.nodes.iter().zip(0..) {
            while self.files.get(file + 1).is_some_and(|f| f.first <= id) {
                file += 1;
            }
            let path = target_of(self, node).and_then(|t| t.split('#').next()).unwrap_or("");
            if !path.is_empty() && !path.contains("://") {
                names.entry(join(&self.files[file].name, path)).or_insert(id);
            }
        }
        names.retain(|name, _| self.files.iter().all(|f| f.name != *name));
        names
    }

    /// The value a JSON pointer names in the first file.
    pub fn at_pointer(&self, pointer: &str) -> Option<NodeId> {
        self.find(0, &format!("#{pointer}")).filter(|_| !self.files.is_empty())
    }

    fn find(&self, file: usize, reference: &str) -> Option<NodeId> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let file = if path.is_empty() {
            &self.files[file]
        } else {
            let name = join(&self.files[file].name, path);
            self.files.iter().find(|f| f.name == name)?
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return self.anchor(file.first, fragment);
        }
        self.below(file.root, fragment)
    }

    fn below(&self, root: NodeId, pointer: &str) -> Option<NodeId> {
        let mut at = root;
        for step in pointer.split('/').skip(1) {
            let step = decode(step).replace("~1", "/").replace("~0", "~");
            at = match self.data(at) {
                Data::Map(map) => map.get(&step)?,
                Data::Seq(items) => *items.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// The schema with this `$anchor`, in the file that begins with the value `first`.
    fn anchor(&self, first: NodeId, name: &str) -> Option<NodeId> {
        let end = self.files.iter().map(|f| f.first).find(|f| *f > first).unwrap_or(self.next());
        (first..end).find(|n| self.text_at(*n, "$anchor") == Some(name))
    }

    /// The value itself, or what its `$ref` leads to in the end; none where it leads nowhere or round in a circle.
    pub fn follow(&self, node: NodeId) -> Option<NodeId> {
        let mut at = node;
        for _ in 0..MAX_HOPS {
            match self.refs.get(&at) {
                Some(next) => at = *next,
                None => return self.reference(at).is_none().then_some(at),
            }
        }
        None
    }

    /// It leads round in a circle of references, and to nothing. Where `siblings` count, what stands beside one of them is
    /// something.
    pub fn circles(&self, node: NodeId, siblings: bool) -> bool {
        let told = |k: &str| !matches!(k, "$ref" | "description" | "summary" | "title" | "$comment");
        let mut at = node;
        for _ in 0..MAX_HOPS {
            if siblings && self.entries(at).iter().any(|(key, _)| told(key)) {
                return false;
            }
            match self.hop(at) {
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    }

    /// One hop of a reference.
    pub fn hop(&self, node: NodeId) -> Option<NodeId> {
        self.refs.get(&node).copied()
    }

    /// The text of a `$ref`.
    pub fn reference(&self, node: NodeId) -> Option<&str> {
        self.text_at(node, "$ref")
    }

    /// What is wrong with a reference that cannot be followed.
    pub fn dangling(&self, node: NodeId) -> Problem {
        let text = self.reference(node).unwrap_or_default();
        let place = self.place(node);
        let say = |message: String, help: &str| {
            Problem::of_file(&place.file, message, Some(help.to_string())).at(place.line.unwrap_or(0), 1)
        };
        if self.hop(node).is_some() {
            let message = format!("`$ref: {text}` leads round in a circle of references, and to no schema");
            return say(message, "let one of them say what it stands for");
        }
        let help = match self.near(node, text) {
            Some(near) => format!("did you mean `{near}`?"),
            None => Self::advice(text).to_string(),
        };
        say(format!("`$ref: {text}` leads nowhere"), &help)
    }

    /// The reference that was probably meant: another name at the same place.
    fn near(&self, node: NodeId, text: &str) -> Option<String> {
        let (parent, name) = text.rsplit_once('/').filter(|(parent, _)| parent.contains('#'))?;
        let origin = self.origin(node);
        let file = self.files.partition_point(|f| f.first <= origin).saturating_sub(1);
        let beside = self.entries(self.find(file, parent)?);
        nearest(name, beside.iter().map(|(key, _)| &**key)).map(|near| format!("{parent}/{near}"))
    }

    fn advice(text: &str) -> &'static str {
        if text.contains("://") {
            "references to web addresses are not followed: put the file beside the description, and refer to it by its path"
        } else if text.contains('#') && !text.starts_with('#') || text.contains('.') {
            "is the file there, relative to the one that refers to it, and does it hold what stands behind `#`?"
        } else {
            "write the name as it stands under `components`"
        }
    }
}

fn target_of<'a>(library: &'a Library, node: &'a Node) -> Option<&'a str> {
    match &node.data {
        Data::Map(map) => map.get("$ref").and_then(|n| library.text(n)),
        _ => None,
    }
}

/// A path seen from a file: `../b.yaml` from `api/v1/a.yaml` is `api/b.yaml`.
pub fn join(from: &str, path: &str) -> String {
    let path = decode(path);
    if path.starts_with('/') {
        return path;
    }
    let mut steps: Vec<&str> = from.split('/').collect();
    steps.pop();
    for step in path.split('/') {
        match step {
            "." | "" => {}
            ".." if steps.last().is_some_and(|s| *s != ".." && !s.is_empty()) => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// `%20` is a blank.
fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_string();
    }
    let (bytes, mut out, mut i) = (text.as_bytes(), Vec::new(), 0);
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
        match hex.filter(|_| bytes[i] == b'%') {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
