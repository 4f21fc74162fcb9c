//! Where things stand in a description.
use super::{form, swagger};
use crate::compat::document::{Library, NodeId};
use crate::compat::lifecycle::{Notice, Stability};
use crate::spec::Problem;

/// The words for methods, as keys of a path.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A description as it was opened: where its tree begins, and how it is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    pub root: NodeId,
    /// Keywords beside a `$ref` count.
    pub siblings: bool,
    /// It is of version 3.2, of which only what 3.1 has as well is looked at.
    pub later: bool,
}

/// One side.
#[derive(Clone, Copy)]
pub struct Api<'a> {
    pub library: &'a Library,
    pub root: NodeId,
}

/// Finds out which version a description is of; version 2 gets the form of version 3.
///
/// # Errors
/// It is no description, or one of a version that is not read.
pub fn open(library: &mut Library) -> Result<Opened, Problem> {
    library.resolve();
    let root = library.root();
    let place = library.place(root);
    let wrong = |message: String, help: &str| {
        Problem::of_file(&place.file, message, Some(help.into())).at(place.line.unwrap_or(1), 1)
    };
    let version = |key: &str| library.get(root, key).map(|n| library.brief(n));
    match (version("openapi"), version("swagger")) {
        (Some(v), _) if v == "3" || ["3.0", "3.1", "3.2"].iter().any(|known| is_of(&v, known)) => {
            form::check(library, root)?;
            Ok(Opened { root, siblings: !is_of(&v, "3.0"), later: is_of(&v, "3.2") })
        }
        (None, Some(v)) if v.starts_with('2') => {
            form::check(library, root)?;
            Ok(Opened { root: swagger::converted(library, root), siblings: false, later: false })
        }
        (Some(v), _) => Err(wrong(format!("OpenAPI {v} is not read"), "write it in OpenAPI 3.0 or 3.1")),
        (None, Some(v)) => Err(wrong(format!("Swagger {v} is not read"), "write it in OpenAPI 3.0 or 3.1")),
        (None, None) => Err(wrong(
            "this is no OpenAPI description: neither `openapi` nor `swagger` says a version".into(),
            "name the file that begins with `openapi: 3.…`",
        )),
    }
}

/// `3.1` and `3.1.0` are of 3.1.
fn is_of(version: &str, known: &str) -> bool {
    version.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

impl<'a> Api<'a> {
    pub fn new(library: &'a Library, opened: Opened) -> Api<'a> {
        Api { library, root: opened.root }
    }

    pub fn section(&self, key: &str) -> &'a [(Box<str>, NodeId)] {
        self.library.get(self.root, key).map_or(&[], |n| self.library.entries(n))
    }

    /// Entries of a part of `components`.
    pub fn component(&self, key: &str) -> &'a [(Box<str>, NodeId)] {
        let components = self.library.get(self.root, "components");
        components.and_then(|c| self.library.get(c, key)).map_or(&[], |n| self.library.entries(n))
    }

    pub fn list(&self, node: NodeId, key: &str) -> &'a [NodeId] {
        self.library.get(node, key).map_or(&[], |n| self.library.items(n))
    }

    pub fn map(&self, node: NodeId, key: &str) -> &'a [(Box<str>, NodeId)] {
        self.library.get(node, key).map_or(&[], |n| self.library.entries(n))
    }

    /// What an operation or parameter says of its end.
    pub fn notice(&self, node: NodeId) -> Notice<'a> {
        Notice {
            deprecated: self.library.flag(node, "deprecated"),
            sunset: self.library.get(node, "x-sunset").map(|n| self.library.text(n).unwrap_or("")),
            stability: self.stability(node).ok().flatten(),
        }
    }

    /// # Errors
    /// The level is none of those there are.
    pub fn stability(&self, node: NodeId) -> Result<Option<Stability>, NodeId> {
        let Some(at) = self.library.get(node, "x-stability-level") else { return Ok(None) };
        self.library.text(at).and_then(Stability::named).map(Some).ok_or(at)
    }
}
