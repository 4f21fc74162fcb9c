//! Whether it is a description at all: what a comparison would walk over is an object or a list where it has to be one.
//! Anything else would be passed over as if it were not there.
use std::collections::BTreeSet;

use crate::compat::document::{Data, Library, NodeId};
use crate::spec::Problem;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Description,
    Components,
    Path,
    Operation,
    Parameter,
    Body,
    Response,
    Media,
    Callback,
    Schema,
    /// An object that is not looked into.
    Object,
    /// Anything.
    Value,
}

/// How it stands there.
#[derive(Debug, Clone, Copy)]
enum Shape {
    One(What),
    Map(What),
    List(What),
    /// One, or a list of them.
    Either(What),
}

use Shape::{Either, List, Map, One};

const COMPONENTS: &[(&str, Shape)] = &[
    ("schemas", Map(What::Schema)),
    ("parameters", Map(What::Parameter)),
    ("headers", Map(What::Parameter)),
    ("requestBodies", Map(What::Body)),
    ("responses", Map(What::Response)),
    ("pathItems", Map(What::Path)),
    ("callbacks", Map(What::Callback)),
    ("securitySchemes", Map(What::Object)),
];

const SCHEMA: &[(&str, Shape)] = &[
    ("properties", Map(What::Schema)),
    ("patternProperties", Map(What::Schema)),
    ("enum", List(What::Value)),
    ("items", Either(What::Schema)),
    ("allOf", List(What::Schema)),
    ("anyOf", List(What::Schema)),
    ("oneOf", List(What::Schema)),
    ("not", One(What::Schema)),
    ("additionalProperties", One(What::Schema)),
];

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Description => "a description",
            What::Components => "components",
            What::Path => "a path",
            What::Operation => "an operation",
            What::Parameter => "a parameter",
            What::Body => "a request body",
            What::Response => "an answer",
            What::Media => "a media type",
            What::Callback => "a callback",
            What::Schema => "a schema",
            What::Object => "what stands here",
            What::Value => "a value",
        }
    }

    /// Keys of which the form is known. `*` is every key that is no extension.
    fn keys(self) -> &'static [(&'static str, Shape)] {
        match self {
            What::Description => &[
                ("info", One(What::Object)),
                ("paths", Map(What::Path)),
                ("webhooks", Map(What::Path)),
                ("components", One(What::Components)),
                ("definitions", Map(What::Schema)),
                ("parameters", Map(What::Parameter)),
                ("responses", Map(What::Response)),
                ("servers", List(What::Object)),
                ("security", List(What::Object)),
            ],
            What::Components => COMPONENTS,
            What::Path => &[
                ("parameters", List(What::Parameter)),
                ("get", One(What::Operation)),
                ("put", One(What::Operation)),
                ("post", One(What::Operation)),
                ("delete", One(What::Operation)),
                ("options", One(What::Operation)),
                ("head", One(What::Operation)),
                ("patch", One(What::Operation)),
                ("trace", One(What::Operation)),
            ],
            What::Operation => &[
                ("parameters", List(What::Parameter)),
                ("requestBody", One(What::Body)),
                ("responses", Map(What::Response)),
                ("callbacks", Map(What::Callback)),
                ("security", List(What::Object)),
                ("servers", List(What::Object)),
            ],
            What::Parameter => &[("schema", One(What::Schema)), ("content", Map(What::Media))],
            What::Body => &[("content", Map(What::Media))],
            What::Response => {
                &[("content", Map(What::Media)), ("headers", Map(What::Parameter)), ("schema", One(What::Schema))]
            }
            What::Media => &[("schema", One(What::Schema))],
            What::Callback => &[("*", One(What::Path))],
            What::Schema => SCHEMA,
            What::Object | What::Value => &[],
        }
    }
}

/// # Errors
/// The first value that has another form than its place asks for.
pub(super) fn check(library: &Library, root: NodeId) -> Result<(), Problem> {
    let parts = ["paths", "webhooks", "components"];
    if library.get(root, "swagger").is_none() && parts.iter().all(|key| library.get(root, key).is_none()) {
        let message = "it describes nothing: `paths`, `webhooks` and `components` are all missing".to_string();
        return Err(problem(
            library,
            root,
            message,
            "is it written to the end? Without an operation write `paths: {}`",
        ));
    }
    // A stack instead of recursion, since references may lead on without end; each value is looked at once.
    let (mut seen, mut open) = (BTreeSet::new(), vec![(root, What::Description)]);
    while let Some((node, what)) = open.pop() {
        if what == What::Value || !seen.insert((node, what)) {
            continue;
        }
        if let Some(target) = library.hop(node) {
            open.push((target, what));
            continue;
        }
        let empty = is_empty(library, node);
        let yes_or_no = matches!(library.data(node), Data::Bool(_)) && what == What::Schema;
        // An operation without a word is dropped by whoever reads it, and still is one.
        if !library.is_map(node) && !yes_or_no && (!empty || what == What::Operation) {
            return Err(wrong(library, node, what.name(), "an object"));
        }
        // Parts in the order of the text, so that the first fault is told.
        let mut parts = Vec::new();
        for (key, shape) in what.keys() {
            if *key == "*" {
                parts.extend(named(library, node).map(|n| (n, What::Path)));
            } else if let Some(value) = library.get(node, key) {
                inside(library, key, value, *shape, &mut parts)?;
            }
        }
        open.extend(parts.into_iter().rev());
    }
    Ok(())
}

/// Nothing is written there.
fn is_empty(library: &Library, node: NodeId) -> bool {
    match library.data(node) {
        Data::Null => true,
        Data::Map(map) => map.entries.is_empty(),
        _ => false,
    }
}

/// Values of an object, without extensions.
fn named(library: &Library, node: NodeId) -> impl Iterator<Item = NodeId> {
    library.entries(node).iter().filter(|(key, _)| !key.starts_with("x-")).map(|(_, n)| *n)
}

fn inside(
    library: &Library,
    key: &str,
    value: NodeId,
    shape: Shape,
    parts: &mut Vec<(NodeId, What)>,
) -> Result<(), Problem> {
    let quoted = format!("`{key}`");
    let (is_map, is_list) = (library.is_map(value), matches!(library.data(value), Data::Seq(_)));
    let empty = is_empty(library, value);
    match shape {
        One(what) => parts.push((value, what)),
        Either(what) if is_list => parts.extend(library.items(value).iter().map(|n| (*n, what))),
        Either(what) => parts.push((value, what)),
        Map(what) if is_map => parts.extend(named(library, value).map(|n| (n, what))),
        List(what) if is_list => parts.extend(library.items(value).iter().map(|n| (*n, what))),
        Map(_) | List(_) if empty => {}
        Map(_) => return Err(wrong(library, value, &quoted, "an object")),
        List(_) => return Err(wrong(library, value, &quoted, "a list")),
    }
    Ok(())
}

fn wrong(library: &Library, node: NodeId, what: &str, wanted: &str) -> Problem {
    let is = match library.data(node) {
        Data::Seq(_) => "a list".to_string(),
        Data::Map(_) => "an object".to_string(),
        Data::Null => "empty".to_string(),
        _ => format!("`{}`", library.brief(node)),
    };
    let help = "look at the indentation here and in the line above, and at what the OpenAPI specification says of it";
    problem(library, node, format!("{what} must be {wanted}, and is {is}"), help)
}

fn problem(library: &Library, node: NodeId, message: String, help: &str) -> Problem {
    let place = library.place(node);
    let at = if place.pointer.is_empty() { String::new() } else { format!(" (at {})", place.pointer) };
    Problem::of_file(&place.file, format!("{message}{at}"), Some(help.into())).at(place.line.unwrap_or(1), 1)
}
