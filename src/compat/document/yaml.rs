//! YAML with line numbers, from the parser's events. Aliases share what they name instead of copying it, so that no file
//! is larger in memory than it is written; merge keys are filled in.
use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Tag, options};

use super::build::{self, Fault};
use super::{Data, Library, MAX_DEPTH, MAX_NODES, NodeId};

enum Open {
    Seq(u32, usize, Vec<NodeId>),
    Map(u32, usize, Vec<(Box<str>, NodeId)>, Option<Box<str>>, Vec<NodeId>),
}

struct Builder<'a> {
    library: &'a mut Library,
    open: Vec<Open>,
    anchors: BTreeMap<usize, NodeId>,
    root: Option<NodeId>,
    /// Entries that merge keys brought, which cost as much as written ones.
    merged: usize,
}

pub fn read(library: &mut Library, text: &str) -> Result<NodeId, Fault> {
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { library, open: Vec::new(), anchors: BTreeMap::new(), root: None, merged: 0 };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|e| syntax(&e))?;
        let at = (span.start.line(), span.start.col() + 1);
        builder.event(event, at)?;
    }
    builder.root.ok_or_else(|| Fault::new(1, 1, "the file is empty", "write the description into it"))
}

fn syntax(error: &ScanError) -> Fault {
    let mark = error.marker();
    let help = if error.info().starts_with("unclosed") {
        "is the file written to the end, is a bracket or quote missing?"
    } else {
        "look at the indentation, brackets and quotes here and in the line above"
    };
    Fault::new(mark.line(), mark.col() + 1, format!("not YAML: {}", error.info()), help)
}

fn second(at: (usize, usize)) -> Fault {
    let message = "a second document begins here, and a description is one";
    Fault::new(at.0, at.1, message, "take out the `---` before it, or what stands behind it")
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: (usize, usize)) -> Result<(), Fault> {
        let line = u32::try_from(at.0).unwrap_or(u32::MAX);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(&text, anchor, at);
                }
                let data = scalar(&text, style, tag.as_deref());
                let id = self.library.add(line, data);
                self.complete(id, anchor, at)
            }
            Event::SequenceStart(_, anchor, _) => self.push(Open::Seq(line, anchor, Vec::new()), at),
            Event::MappingStart(_, anchor, _) => self.push(Open::Map(line, anchor, Vec::new(), None, Vec::new()), at),
            Event::SequenceEnd | Event::MappingEnd => self.finish(at),
            Event::Alias(id) => match self.anchors.get(&id).copied() {
                Some(node) if self.wants_key() => {
                    let text = self.library.brief(node);
                    self.key(&text, 0, at)
                }
                Some(node) => self.complete(node, 0, at),
                None => Err(Fault::new(at.0, at.1, "an alias stands inside the value it refers to", "write it out")),
            },
            Event::UnresolvedAlias(name) => {
                let message = format!("`*{name}` refers to nothing: no `&{name}` stands before it");
                Err(Fault::new(at.0, at.1, message, "name the value with `&`, or put the text in quotes"))
            }
            _ => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map(_, _, _, None, _)))
    }

    fn push(&mut self, frame: Open, at: (usize, usize)) -> Result<(), Fault> {
        if self.wants_key() {
            return Err(Fault::new(at.0, at.1, "a key must be a word, not a list or a block", "write a word"));
        }
        let begun = self.root.is_some_and(|root| !matches!(self.library.data(root), Data::Null));
        if begun && self.open.is_empty() {
            return Err(second(at));
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Fault::new(at.0, at.1, message, "name inner schemas and refer to them by `$ref`"));
        }
        self.open.push(frame);
        Ok(())
    }

    /// Keys are words whatever they look like: `200:` is the key `200`.
    fn key(&mut self, text: &str, anchor: usize, at: (usize, usize)) -> Result<(), Fault> {
        if anchor != 0 {
            let line = u32::try_from(at.0).unwrap_or(u32::MAX);
            let node = self.library.add(line, Data::Text(text.into()));
            self.anchors.insert(anchor, node);
        }
        if let Some(Open::Map(_, _, _, key, _)) = self.open.last_mut() {
            *key = Some(text.into());
        }
        Ok(())
    }

    fn complete(&mut self, node: NodeId, anchor: usize, at: (usize, usize)) -> Result<(), Fault> {
        if self.library.nodes.len() + self.merged > MAX_NODES {
            return Err(Fault::new(at.0, at.1, format!("more than {MAX_NODES} values"), "split the file"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node);
        }
        match self.open.last_mut() {
            None => return self.whole(node, at),
            Some(Open::Seq(_, _, items)) => items.push(node),
            Some(Open::Map(_, _, entries, key, merges)) => match key.take() {
                Some(key) if &*key == "<<" => merges.push(node),
                Some(key) => entries.push((key, node)),
                None => {}
            },
        }
        Ok(())
    }

    /// A document has ended. Empty ones stand beside a last `---`; what is written after the first is not dropped.
    fn whole(&mut self, node: NodeId, at: (usize, usize)) -> Result<(), Fault> {
        let empty = |n: NodeId| matches!(self.library.data(n), Data::Null);
        match self.root {
            Some(root) if !empty(root) && !empty(node) => Err(second(at)),
            Some(root) if !empty(root) => Ok(()),
            _ => {
                self.root = Some(node);
                Ok(())
            }
        }
    }

    fn finish(&mut self, at: (usize, usize)) -> Result<(), Fault> {
        let (node, anchor) = match self.open.pop() {
            Some(Open::Seq(line, anchor, items)) => (self.library.add(line, Data::Seq(items.into())), anchor),
            Some(Open::Map(line, anchor, mut entries, _, merges)) => {
                if let Some(i) = build::twice(&entries) {
                    let line = self.library.line(entries[i].1) as usize;
                    let message = format!("`{}` is written twice in one block", entries[i].0);
                    return Err(Fault::new(line, 1, message, "take one of them out"));
                }
                self.merge(&mut entries, &merges, at)?;
                (self.library.add(line, Data::Map(Box::new(build::map(entries)))), anchor)
            }
            None => return Ok(()),
        };
        self.complete(node, anchor, at)
    }

    /// What is written wins over what is merged, an earlier merge over a later one.
    fn merge(
        &mut self,
        entries: &mut Vec<(Box<str>, NodeId)>,
        merges: &[NodeId],
        at: (usize, usize),
    ) -> Result<(), Fault> {
        if merges.is_empty() {
            return Ok(());
        }
        let mut seen: std::collections::BTreeSet<Box<str>> = entries.iter().map(|(k, _)| k.clone()).collect();
        let maps = merges.iter().flat_map(|m| match self.library.data(*m) {
            Data::Seq(items) => items.to_vec(),
            _ => vec![*m],
        });
        for map in maps.collect::<Vec<_>>() {
            if !self.library.is_map(map) {
                return Err(Fault::new(at.0, at.1, "`<<` merges something that is no block", "merge a block of keys"));
            }
            for (key, node) in self.library.entries(map) {
                if seen.insert(key.clone()) {
                    entries.push((key.clone(), *node));
                    self.merged += 1;
                }
            }
        }
        Ok(())
    }
}

/// By the YAML 1.2 core schema, timestamps and `no` being text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Data {
    let plain = style == ScalarStyle::Plain && tag.is_none_or(|t| !t.is_yaml_core_schema_tag("str"));
    if !plain {
        return Data::Text(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => {
            let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
            let radix = |digits: &str, base| i64::from_str_radix(digits, base).map(|n| Data::Number(n.into()));
            if let Some(hex) = text.strip_prefix("0x") {
                return radix(hex, 16).unwrap_or_else(|_| Data::Text(text.into()));
            }
            if let Some(octal) = text.strip_prefix("0o") {
                return radix(octal, 8).unwrap_or_else(|_| Data::Text(text.into()));
            }
            let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
            if numeric { build::number(text.strip_prefix('+').unwrap_or(text)) } else { Data::Text(text.into()) }
        }
    }
}
