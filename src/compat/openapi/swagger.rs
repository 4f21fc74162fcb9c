//! Swagger 2 in the form of OpenAPI 3. Only the frame is new: schemas, texts and places stay those that were written.
use crate::compat::document::{Library, NodeId};

use super::read::METHODS;

/// The root of a description in the form of version 3.
pub fn converted(library: &mut Library, root: NodeId) -> NodeId {
    let mut entries: Vec<(String, NodeId)> = Vec::new();
    for key in ["info", "security", "tags"] {
        entries.extend(library.get(root, key).map(|n| (key.to_string(), n)));
    }
    let mut components = Vec::new();
    for (from, to) in [("definitions", "schemas"), ("securityDefinitions", "securitySchemes")] {
        components.extend(library.get(root, from).map(|n| (to.to_string(), n)));
    }
    entries.push(("components".into(), library.compose(root, components)));
    let servers = servers(library, root);
    entries.push(("servers".into(), servers));
    if let Some(paths) = library.get(root, "paths") {
        let all: Vec<(String, NodeId)> =
            library.entries(paths).iter().map(|(path, item)| (path.to_string(), *item)).collect();
        let items = all.into_iter().map(|(path, item)| (path, path_item(library, root, item))).collect();
        entries.push(("paths".into(), library.compose(paths, items)));
    }
    library.compose(root, entries)
}

fn servers(library: &mut Library, root: NodeId) -> NodeId {
    let base = library.text_at(root, "basePath").unwrap_or("").trim_end_matches('/').to_string();
    let host = library.text_at(root, "host").map(String::from);
    let schemes = library.get(root, "schemes").map_or(&[][..], |n| library.items(n)).iter();
    let mut schemes: Vec<String> = schemes.filter_map(|n| library.text(*n)).map(String::from).collect();
    if schemes.is_empty() && host.is_some() {
        schemes.push("https".into());
    }
    let urls: Vec<String> = match host {
        Some(host) => schemes.iter().map(|scheme| format!("{scheme}://{host}{base}")).collect(),
        None if base.is_empty() => Vec::new(),
        None => vec![base],
    };
    let list = urls
        .into_iter()
        .map(|url| {
            let url = library.word(root, &url);
            library.compose(root, vec![("url".into(), url)])
        })
        .collect();
    library.list(root, list)
}

fn path_item(library: &mut Library, root: NodeId, item: NodeId) -> NodeId {
    let Some(target) = library.follow(item) else { return item };
    let shared: Vec<NodeId> = library.get(target, "parameters").map_or(&[][..], |n| library.items(n)).to_vec();
    let mut entries = Vec::new();
    for (key, node) in library.entries(target).to_vec() {
        let known = METHODS.contains(&&*key) && library.is_map(node);
        let node = if known { operation(library, root, node, &shared) } else { node };
        // Shared parameters are handed down, since a body may be among them.
        if &*key != "parameters" {
            entries.push((key.to_string(), node));
        }
    }
    library.compose(target, entries)
}

/// Media types that hold for an operation.
fn media(library: &Library, root: NodeId, operation: NodeId, key: &str, usual: &str) -> Vec<String> {
    let list = library.get(operation, key).or_else(|| library.get(root, key));
    let named: Vec<String> =
        list.map_or(&[][..], |n| library.items(n)).iter().filter_map(|n| library.text(*n)).map(String::from).collect();
    if named.is_empty() { vec![usual.to_string()] } else { named }
}

fn operation(library: &mut Library, root: NodeId, node: NodeId, shared: &[NodeId]) -> NodeId {
    let own: Vec<NodeId> = library.get(node, "parameters").map_or(&[][..], |n| library.items(n)).to_vec();
    let (mut parameters, mut body, mut form) = (Vec::new(), None, Vec::new());
    for reference in shared.iter().chain(&own) {
        let target = library.follow(*reference).unwrap_or(*reference);
        match library.text_at(target, "in") {
            Some("body") => body = Some(target),
            Some("formData") => form.push(target),
            _ => parameters.push(parameter(library, target)),
        }
    }
    let mut entries = Vec::new();
    for (key, value) in library.entries(node).to_vec() {
        match &*key {
            "parameters" | "consumes" | "produces" | "schemes" => {}
            "responses" => entries.push((key.to_string(), responses(library, root, node, value))),
            _ => entries.push((key.to_string(), value)),
        }
    }
    entries.push(("parameters".into(), library.list(node, parameters)));
    if let Some(body) = body {
        let schema: Vec<(String, NodeId)> =
            library.get(body, "schema").map(|s| ("schema".to_string(), s)).into_iter().collect();
        let names = media(library, root, node, "consumes", "application/json");
        entries.push(("requestBody".into(), request(library, body, schema, &names)));
    } else if let Some(first) = form.first().copied() {
        let schema = form_schema(library, &form);
        let usual = "application/x-www-form-urlencoded";
        let names = media(library, root, node, "consumes", usual);
        let mut inside = vec![("schema".into(), schema)];
        inside.extend(encoding(library, &form).map(|n| ("encoding".into(), n)));
        entries.push(("requestBody".into(), request(library, first, inside, &names)));
    }
    library.compose(node, entries)
}

/// The whole body, or a field, is a file: version 3 calls that a text of bytes.
fn schema(library: &mut Library, node: NodeId) -> NodeId {
    if library.text_at(node, "type") != Some("file") {
        return node;
    }
    let kept = library.entries(node).iter().filter(|(key, _)| !matches!(&**key, "type" | "format"));
    let mut entries: Vec<(String, NodeId)> = kept.map(|(key, n)| (key.to_string(), *n)).collect();
    entries.push(("type".into(), library.word(node, "string")));
    entries.push(("format".into(), library.word(node, "binary")));
    library.compose(node, entries)
}

fn request(library: &mut Library, like: NodeId, entries: Vec<(String, NodeId)>, names: &[String]) -> NodeId {
    let kind = library.compose(like, entries);
    let content = names.iter().map(|name| (name.clone(), kind)).collect();
    let content = library.compose(like, content);
    let mut entries = vec![("content".to_string(), content)];
    entries.extend(library.get(like, "required").map(|n| ("required".to_string(), n)));
    library.compose(like, entries)
}

/// A form is an object with a property for each field.
fn form_schema(library: &mut Library, fields: &[NodeId]) -> NodeId {
    let like = fields.first().copied().unwrap_or_default();
    let name = |library: &Library, field: NodeId| library.text_at(field, "name").unwrap_or_default().to_string();
    let mut names: Vec<(String, NodeId)> = fields.iter().map(|f| (name(library, *f), *f)).collect();
    names.sort();
    names.dedup_by(|a, b| a.0 == b.0);
    let needed: Vec<NodeId> = names
        .iter()
        .filter(|(_, field)| library.flag(*field, "required"))
        .filter_map(|(_, field)| library.get(*field, "name"))
        .collect();
    let kind = library.word(like, "object");
    let names = names.into_iter().map(|(name, field)| (name, schema(library, field))).collect();
    let properties = library.compose(like, names);
    let required = library.list(like, needed);
    library.compose(like, vec![("type".into(), kind), ("properties".into(), properties), ("required".into(), required)])
}

/// How a list is parted.
fn format(library: &Library, node: NodeId, usual: &'static str) -> (&'static str, bool) {
    match library.text_at(node, "collectionFormat") {
        Some("multi") => ("form", true),
        Some("ssv") => ("spaceDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("tsv") => ("tabDelimited", false),
        _ => (usual, false),
    }
}

/// Fields whose lists are not written as version 3 has it where nothing is said: as the same field again and again.
fn encoding(library: &mut Library, fields: &[NodeId]) -> Option<NodeId> {
    let like = fields.first().copied()?;
    let lists = fields.iter().copied().filter(|f| library.text_at(*f, "type") == Some("array"));
    let mut entries = Vec::new();
    for field in lists.collect::<Vec<_>>() {
        let (style, explode) = format(library, field, "form");
        let inner = library.get(field, "items").and_then(|n| library.get(n, "collectionFormat"));
        let Some(name) = library.text_at(field, "name").filter(|_| !explode || inner.is_some()) else { continue };
        let name = name.to_string();
        let mut own =
            vec![("style".into(), library.word(field, style)), ("explode".into(), library.yes(field, explode))];
        own.extend(inner.map(|n| ("collectionFormat".into(), n)));
        entries.push((name, library.compose(field, own)));
    }
    (!entries.is_empty()).then(|| library.compose(like, entries))
}

/// A parameter says itself what its schema says in version 3.
fn parameter(library: &mut Library, node: NodeId) -> NodeId {
    let mut entries: Vec<(String, NodeId)> =
        library.entries(node).iter().map(|(key, n)| (key.to_string(), *n)).collect();
    let usual = if library.text_at(node, "in") == Some("query") { "form" } else { "simple" };
    let (style, explode) = format(library, node, usual);
    entries.push(("style".into(), library.word(node, style)));
    entries.push(("explode".into(), library.yes(node, explode)));
    entries.push(("schema".into(), node));
    library.compose(node, entries)
}

fn responses(library: &mut Library, root: NodeId, operation: NodeId, node: NodeId) -> NodeId {
    let names = media(library, root, operation, "produces", "application/json");
    let all: Vec<(String, NodeId)> = library.entries(node).iter().map(|(status, n)| (status.to_string(), *n)).collect();
    let entries = all
        .into_iter()
        .map(|(status, reference)| {
            let target = library.follow(reference).unwrap_or(reference);
            (status, response(library, target, &names))
        })
        .collect();
    library.compose(node, entries)
}

fn response(library: &mut Library, node: NodeId, names: &[String]) -> NodeId {
    let mut entries = Vec::new();
    if let Some(written) = library.get(node, "schema") {
        let schema = schema(library, written);
        let kind = library.compose(node, vec![("schema".into(), schema)]);
        let content = names.iter().map(|name| (name.clone(), kind)).collect();
        entries.push(("content".to_string(), library.compose(node, content)));
    }
    if let Some(headers) = library.get(node, "headers") {
        let all: Vec<(String, NodeId)> =
            library.entries(headers).iter().map(|(name, n)| (name.to_string(), *n)).collect();
        let all = all
            .into_iter()
            .map(|(name, header)| {
                let (style, explode) = format(library, header, "simple");
                let (style, explode) = (library.word(header, style), library.yes(header, explode));
                let own = vec![("schema".into(), header), ("style".into(), style), ("explode".into(), explode)];
                (name, library.compose(header, own))
            })
            .collect();
        entries.push(("headers".into(), library.compose(headers, all)));
    }
    library.compose(node, entries)
}
