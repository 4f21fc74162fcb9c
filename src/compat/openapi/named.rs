//! Where values stand that other services name: as `Schema.property`, further down with more dots, or by JSON pointer.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::compat::document::{Library, NodeId};
use crate::spec::nearest;

/// A name, and what was found of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    /// File and JSON pointer of each value that is meant; what stands below is meant with it. None: there is no such value.
    pub places: Vec<(String, String)>,
    /// The name that was probably meant, where there is none.
    pub near: Option<String>,
}

/// References that are followed from one schema; more is no schema anybody wrote.
const MAX_STEPS: usize = 1_000;

/// Looks all names up. References of the library are resolved.
pub fn find(library: &Library, names: &[String]) -> Vec<Named> {
    let look = |name: &String| {
        let pointer = name.strip_prefix('#').unwrap_or(name);
        let (nodes, near) = match pointer.starts_with('/') {
            true => by_pointer(library, pointer),
            false => by_path(library, name),
        };
        let mut places = BTreeSet::new();
        for node in nodes {
            places.extend(meant(library, node).into_iter().map(|n| {
                let place = library.place(n);
                (place.file, place.pointer)
            }));
        }
        Named { name: name.clone(), places: places.into_iter().collect(), near }
    };
    names.iter().map(look).collect()
}

/// The value itself, and what stands for it elsewhere: behind references, among alternatives, in lists.
fn meant(library: &Library, node: NodeId) -> BTreeSet<NodeId> {
    let (mut found, mut open) = (BTreeSet::new(), vec![node]);
    while let Some(at) = open.pop() {
        if found.len() > MAX_STEPS || !found.insert(at) {
            continue;
        }
        open.extend(library.hop(at));
        open.extend(library.get(at, "items"));
        for word in ["allOf", "anyOf", "oneOf"] {
            open.extend(library.get(at, word).into_iter().flat_map(|list| library.items(list).to_vec()));
        }
    }
    found
}

fn by_pointer(library: &Library, pointer: &str) -> (Vec<NodeId>, Option<String>) {
    if let Some(node) = library.at_pointer(pointer) {
        return (vec![node], None);
    }
    // As far as it leads somewhere, and what is there instead of the next step.
    let mut ends: Vec<usize> = pointer.match_indices('/').map(|(at, _)| at).collect();
    while let Some(end) = ends.pop() {
        let Some(node) = library.at_pointer(&pointer[..end]) else { continue };
        let rest = &pointer[end + 1..];
        let (step, after) = rest.split_once('/').map_or((rest, None), |(step, after)| (step, Some(after)));
        let keys = library.entries(node).iter().map(|(k, _)| k.replace('~', "~0").replace('/', "~1"));
        let keys: Vec<String> = keys.collect();
        let near = nearest(step, keys.iter().map(String::as_str)).map(|near| {
            let after = after.map_or(String::new(), |after| format!("/{after}"));
            format!("{}/{near}{after}", &pointer[..end])
        });
        return (Vec::new(), near.filter(|near| library.at_pointer(near).is_some()));
    }
    (Vec::new(), None)
}

/// Properties of a schema by name, wherever they are declared.
fn properties(library: &Library, node: NodeId) -> Vec<(String, NodeId)> {
    let all = meant(library, node).into_iter().filter_map(|n| library.get(n, "properties"));
    all.flat_map(|p| library.entries(p).iter().map(|(k, n)| (k.to_string(), *n)).collect::<Vec<_>>()).collect()
}

/// Schemas by the name they have in their file.
fn schemas(library: &Library) -> Vec<(&str, NodeId)> {
    let maps = library.all().flat_map(|n| library.entries(n));
    let is_one = |n: NodeId| {
        ["properties", "allOf", "anyOf", "oneOf", "items", "$ref"].iter().any(|k| library.get(n, k).is_some())
    };
    maps.filter(|(_, n)| is_one(*n)).map(|(k, n)| (&**k, *n)).collect()
}

fn by_path(library: &Library, name: &str) -> (Vec<NodeId>, Option<String>) {
    let all = schemas(library);
    // Names of schemas may have dots themselves.
    for (dot, _) in name.match_indices('.') {
        let mut found: Vec<NodeId> = all.iter().filter(|(k, _)| *k == &name[..dot]).map(|(_, n)| *n).collect();
        for step in name[dot + 1..].split('.') {
            let below = found.iter().flat_map(|n| properties(library, *n));
            found = below.filter(|(key, _)| key == step).map(|(_, n)| n).collect();
        }
        if !found.is_empty() {
            return (found, None);
        }
    }
    let mut candidates = BTreeSet::new();
    for (schema, node) in &all {
        candidates.extend(properties(library, *node).into_iter().map(|(property, _)| format!("{schema}.{property}")));
    }
    (Vec::new(), nearest(name, candidates.iter().map(String::as_str)).map(String::from))
}
