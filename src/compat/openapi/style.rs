//! How values of parameters and headers are written: where lists and objects are taken apart, and by which sign.
use super::Check;
use super::read::Api;
use crate::compat::document::{Data, Library, NodeId};

/// Schemas inside one another that are looked into; deeper, anything may stand.
const MAX_DEPTH: u32 = 16;

/// Kinds of values that are written in ways of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kinds {
    list: bool,
    object: bool,
    /// Numbers, words, yes and no.
    single: bool,
}

impl Kinds {
    const ANY: Kinds = Kinds { list: true, object: true, single: true };
    const NONE: Kinds = Kinds { list: false, object: false, single: false };

    fn both(self, other: Kinds) -> Kinds {
        Kinds {
            list: self.list && other.list,
            object: self.object && other.object,
            single: self.single && other.single,
        }
    }

    fn either(self, other: Kinds) -> Kinds {
        Kinds {
            list: self.list || other.list,
            object: self.object || other.object,
            single: self.single || other.single,
        }
    }

    fn named(word: &str) -> Kinds {
        match word {
            "array" => Kinds { list: true, ..Kinds::NONE },
            "object" => Kinds { object: true, ..Kinds::NONE },
            _ => Kinds { single: true, ..Kinds::NONE },
        }
    }

    fn of_value(library: &Library, node: NodeId) -> Kinds {
        match library.data(node) {
            Data::Seq(_) => Kinds::named("array"),
            Data::Map(_) => Kinds::named("object"),
            _ => Kinds::named("string"),
        }
    }

    /// What a schema may let through.
    fn of_schema(library: &Library, node: NodeId, depth: u32) -> Kinds {
        let Some(node) = library.follow(node).filter(|_| depth < MAX_DEPTH) else { return Kinds::ANY };
        let each = |all: &mut dyn Iterator<Item = Kinds>| all.fold(Kinds::NONE, Kinds::either);
        let list = |key: &str| library.get(node, key).map(|n| library.items(n)).filter(|all| !all.is_empty());
        let mut kinds = match library.get(node, "type") {
            Some(one) if library.text(one).is_some() => Kinds::named(library.text(one).unwrap_or_default()),
            Some(all) => each(&mut library.items(all).iter().filter_map(|n| library.text(*n)).map(Kinds::named)),
            None => Kinds::ANY,
        };
        if let Some(values) = list("enum") {
            kinds = kinds.both(each(&mut values.iter().map(|n| Kinds::of_value(library, *n))));
        }
        if let Some(value) = library.get(node, "const") {
            kinds = kinds.both(Kinds::of_value(library, value));
        }
        for part in list("allOf").unwrap_or_default() {
            kinds = kinds.both(Kinds::of_schema(library, *part, depth + 1));
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(all) = list(word) {
                kinds = kinds.both(each(&mut all.iter().map(|n| Kinds::of_schema(library, *n, depth + 1))));
            }
        }
        kinds
    }
}

/// How a list or object is written, with what holds where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    style: String,
    explode: bool,
}

impl Written {
    fn of(api: Api<'_>, node: NodeId, place: &str) -> Written {
        let usual = if matches!(place, "query" | "cookie") { "form" } else { "simple" };
        let style = api.library.text_at(node, "style").unwrap_or(usual).to_string();
        let explode = api.library.get(node, "explode").map_or(style == "form", |n| api.library.is_true(n));
        Written { style, explode }
    }

    fn text(&self) -> String {
        format!("{}{}", self.style, if self.explode { ", exploded" } else { "" })
    }

    /// Values of some of these kinds are written in another way than before.
    fn differs(&self, other: &Written, kinds: Kinds) -> bool {
        if self.style != other.style {
            // A single value is put behind its name, whatever parts the elements of a list.
            let plain = |w: &Written| matches!(&*w.style, "form" | "spaceDelimited" | "pipeDelimited" | "tabDelimited");
            return kinds.list || kinds.object || !(plain(self) && plain(other));
        }
        let matters = match &*self.style {
            // Lists are parted by commas either way.
            "simple" => kinds.object,
            "deepObject" => false,
            _ => kinds.list || kinds.object,
        };
        matters && self.explode != other.explode
    }
}

/// The elements of a list are written into one value, with a sign between them.
pub(super) fn joins(api: Api<'_>, node: NodeId) -> bool {
    let written = Written::of(api, node, api.library.text_at(node, "in").unwrap_or("query"));
    !(written.style == "form" && written.explode)
}

/// Before and after, where a value that both sides take is written otherwise now.
pub(super) fn changed(check: &Check<'_>, old: NodeId, new: NodeId, place: &str) -> Option<(String, String)> {
    let (before, after) = (Written::of(check.old, old, place), Written::of(check.new, new, place));
    let kinds = |api: Api<'_>, node: NodeId| {
        api.library.get(node, "schema").map_or(Kinds::ANY, |n| Kinds::of_schema(api.library, n, 0))
    };
    if before.differs(&after, kinds(check.old, old).both(kinds(check.new, new))) {
        return Some((before.text(), after.text()));
    }
    let (before, after) = (inner_formats(check.old, old)?, inner_formats(check.new, new)?);
    let text = |all: &[String]| format!("lists in it as {}", all.join(", "));
    let common = before.len().min(after.len());
    (before[..common] != after[..common]).then(|| (text(&before), text(&after)))
}

/// How Swagger 2 has lists written that are elements of lists, from the outside in. None: it is another language.
fn inner_formats(api: Api<'_>, node: NodeId) -> Option<Vec<String>> {
    api.library.get(api.library.root(), "swagger")?;
    let mut formats = Vec::new();
    let mut at = api.library.get(node, "schema").and_then(|n| api.library.get(n, "items"));
    while let Some(items) = at.filter(|n| api.library.text_at(*n, "type") == Some("array")) {
        formats.push(api.library.text_at(items, "collectionFormat").unwrap_or("csv").to_string());
        at = api.library.get(items, "items");
    }
    Some(formats)
}
