//! What both readers share: which one a text is for, maps, numbers, errors with a place.
use serde_json::Number;

use super::{Data, Library, MAX_FILE, Map, NodeId, SMALL, json, yaml};
use crate::spec::{Problem, SourceFile};

/// A fault of a text: line and column counted from 1, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub help: &'static str,
}

impl Fault {
    pub fn new(line: usize, column: usize, message: impl Into<String>, help: &'static str) -> Fault {
        Fault { line, column, message: message.into(), help }
    }

    fn problem(self, file: &str) -> Problem {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Problem::of_file(file, self.message, Some(self.help.into())).at(number(self.line), number(self.column))
    }
}

pub fn read(library: &mut Library, source: &SourceFile) -> Result<NodeId, Problem> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    if text.len() > MAX_FILE {
        let message = format!("{} MB of text; more than {} MB are not read", text.len() >> 20, MAX_FILE >> 20);
        return Err(Problem::of_file(&source.name, message, Some("split the description into several files".into())));
    }
    let named_json = source.name.ends_with(".json");
    let root = if named_json || text.trim_start().starts_with(['{', '[']) {
        let before = library.nodes.len();
        json::read(library, text).or_else(|fault| {
            // Braces may be YAML, too.
            library.nodes.truncate(before);
            if named_json { Err(fault) } else { yaml::read(library, text).map_err(|_| fault) }
        })
    } else {
        yaml::read(library, text)
    };
    root.map_err(|fault| fault.problem(&source.name))
}

/// A map of these entries. The caller has taken out keys that are there twice.
pub fn map(entries: Vec<(Box<str>, NodeId)>) -> Map {
    let mut by_key = Vec::new();
    if entries.len() > SMALL {
        by_key = (0..u32::try_from(entries.len()).unwrap_or(0)).collect();
        by_key.sort_by(|&i, &j| entries[i as usize].0.cmp(&entries[j as usize].0));
    }
    Map { entries: entries.into(), by_key: by_key.into() }
}

/// A key that stands twice, by its index the second time.
pub fn twice(entries: &[(Box<str>, NodeId)]) -> Option<usize> {
    if entries.len() <= SMALL {
        return (1..entries.len()).find(|&i| entries[..i].iter().any(|e| e.0 == entries[i].0));
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&i, &j| entries[i].0.cmp(&entries[j].0).then(i.cmp(&j)));
    order.windows(2).filter(|w| entries[w[0]].0 == entries[w[1]].0).map(|w| w[1]).min()
}

/// A number as written; what is too large for one is text.
pub fn number(text: &str) -> Data {
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    let number = whole.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
    number.map_or_else(|| Data::Text(text.into()), Data::Number)
}
