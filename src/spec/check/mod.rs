//! What do the documents mean, and can it be done? One file per kind; shapes are checked before, in [`super::structure`].
//!
//! A broken part of a document does not hide the problems of its other parts: the checks run on whatever is sound. What
//! stands in for a missing or broken part is not talked about, and before a check misses an optional field it asks
//! [`Scope::untried`].
pub mod calendar;
pub mod contract;
pub mod fleet;
pub mod gate;
pub mod known;
pub mod policy;
pub mod promql;
mod segments;
pub mod tenants;
pub mod upgrade;

use super::nearest::nearest;
use super::report::{Place, Sink};
use super::structure::Path;
use super::tree::{Node, Yaml};
use super::units::Dur;

/// Gates are asked at this interval.
pub const GRID: Dur = Dur::secs(10);

/// A step on the way from `spec` to a value: a field, or the position in a list.
#[derive(Debug, Clone, Copy)]
pub enum Seg<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Seg<'a> {
    fn from(key: &'a str) -> Self {
        Seg::Key(key)
    }
}

impl<'a> From<&'a String> for Seg<'a> {
    fn from(key: &'a String) -> Self {
        Seg::Key(key)
    }
}

impl From<usize> for Seg<'_> {
    fn from(index: usize) -> Self {
        Seg::Index(index)
    }
}

/// `at!["gates", 2, "max"]`: the way to a value, for [`Scope`].
macro_rules! at {
    ($($seg:expr),* $(,)?) => { &[$($crate::spec::check::Seg::from($seg)),*][..] };
}
pub(super) use at;

/// One document under check: finds the place of a value and reports there.
pub struct Scope<'d, 's, 'a> {
    /// The sound part of `spec`, as the typed value was read from it.
    pub spec: &'d Node,
    /// `spec` as written.
    pub original: &'d Node,
    /// The document's first key.
    pub start: Place,
    pub sink: &'s mut Sink<'a>,
}

impl Scope<'_, '_, '_> {
    pub fn error(&mut self, at: &[Seg<'_>], message: &str, help: impl Into<Option<String>>) {
        if let Some((path, place)) = self.spoken_of(at) {
            self.sink.error(place, format!("{path}: {message}"), help.into());
        }
    }

    pub fn warn(&mut self, at: &[Seg<'_>], message: &str, help: impl Into<Option<String>>) {
        if let Some((path, place)) = self.spoken_of(at) {
            self.sink.warn(place, format!("{path}: {message}"), help.into());
        }
    }

    /// An error about the last key of `at` itself, not about its value.
    pub fn error_at_key(&mut self, at: &[Seg<'_>], message: &str, help: impl Into<Option<String>>) {
        if let Some((path, place)) = self.spoken_of(at) {
            let key = match at.split_last() {
                Some((Seg::Key(key), block)) => self.node(block).and_then(|b| b.get(key)).map(|e| e.key_place),
                _ => None,
            };
            self.sink.error(key.unwrap_or(place), format!("{path}: {message}"), help.into());
        }
    }

    /// The path as written and where it stands; of a field that was left out, where its block stands.
    pub fn locate(&self, at: &[Seg<'_>]) -> (Path, Place) {
        let mut path = Path::default().key("spec");
        let mut place = self.start;
        let mut node = Some(self.spec);
        for seg in at {
            path = match *seg {
                Seg::Key(key) => path.key(key),
                Seg::Index(i) => path.index(i),
            };
            let found = match *seg {
                Seg::Key(key) => node.and_then(|n| n.get(key)).map(|entry| {
                    let block = matches!(entry.node.yaml, Yaml::Map { .. } | Yaml::Seq { .. });
                    if block { entry.key_place } else { entry.node.place }
                }),
                Seg::Index(i) => node.and_then(|n| n.items().get(i)).map(|item| item.place),
            };
            place = found.unwrap_or(place);
            node = node.and_then(|n| child(n, *seg));
        }
        (path, place)
    }

    /// As [`Scope::locate`], unless something on the way is a stand-in.
    fn spoken_of(&self, at: &[Seg<'_>]) -> Option<(Path, Place)> {
        let mut node = Some(self.spec);
        for seg in at {
            if node.is_some_and(|n| n.stand_in) {
                return None;
            }
            node = node.and_then(|n| child(n, *seg));
        }
        (!node.is_some_and(|n| n.stand_in)).then(|| self.locate(at))
    }

    /// Whether these fields of the block at `at` were all written, so that they can be held against each other.
    pub fn written(&self, at: &[Seg<'_>], fields: &[&str]) -> bool {
        let block = self.node(at);
        fields.iter().all(|field| block.and_then(|b| b.get(field)).is_some_and(|e| !e.node.stand_in))
    }

    /// Whether a list was written at `at` with nothing in it, so that no part of it was broken either.
    pub fn empty(&self, at: &[Seg<'_>]) -> bool {
        let written = at.iter().try_fold(self.original, |node, seg| child(node, *seg));
        let none = |node: &Node| matches!(node.yaml, Yaml::Seq { .. }) && node.items().is_empty();
        written.is_some_and(none) && self.node(at).is_some_and(none)
    }

    fn node(&self, at: &[Seg<'_>]) -> Option<&Node> {
        at.iter().try_fold(self.spec, |node, seg| child(node, *seg))
    }

    /// Fields of the block at `at` that were written but are broken or unknown.
    fn lost(&self, at: &[Seg<'_>]) -> Vec<&str> {
        let written = at.iter().try_fold(self.original, |node, seg| child(node, *seg));
        let sound = self.node(at);
        let keys = written.map_or(&[][..], Node::entries).iter().map(|e| e.key.as_str());
        keys.filter(|key| sound.is_none_or(|s| s.get(key).is_none())).collect()
    }

    /// Every field of the block at `at` came through.
    pub fn whole(&self, at: &[Seg<'_>]) -> bool {
        self.lost(at).is_empty()
    }

    /// Whether none of `fields` was even tried in the block at `at`: neither broken nor misspelt, so that its absence
    /// is worth a word of its own.
    pub fn untried(&self, at: &[Seg<'_>], fields: &[&str]) -> bool {
        self.lost(at).iter().all(|lost| !fields.contains(lost) && nearest(lost, fields.iter().copied()).is_none())
    }
}

fn child<'n>(node: &'n Node, seg: Seg<'_>) -> Option<&'n Node> {
    match seg {
        Seg::Key(key) => node.get(key).map(|e| &e.node),
        Seg::Index(i) => node.items().get(i),
    }
}

/// `value` is a DNS label (RFC 1123), as Kubernetes wants for most names: an error at `at` when not.
fn dns_label(scope: &mut Scope<'_, '_, '_>, at: &[Seg<'_>], value: &str) {
    if !is_label(value) {
        name_error(scope, at, value, "lower-case letters, digits and `-`, at most 63, a letter or digit at both ends");
    }
}

/// `value` is a Service name (RFC 1035 label: as [`dns_label`], but the first is a letter).
fn service_name(scope: &mut Scope<'_, '_, '_>, at: &[Seg<'_>], value: &str) {
    if !(is_label(value) && value.starts_with(|c: char| c.is_ascii_lowercase())) {
        name_error(scope, at, value, "lower-case letters, digits and `-`, at most 63, a letter first");
    }
}

/// `value` is a DNS subdomain (RFC 1123) that stays one when `-next` is put behind it.
fn object_name(scope: &mut Scope<'_, '_, '_>, at: &[Seg<'_>], value: &str) {
    if !(value.len() + "-next".len() <= 253 && value.split('.').all(is_label)) {
        name_error(scope, at, value, "lower-case letters, digits, `-` and `.`, a letter or digit at both ends");
    }
}

fn name_error(scope: &mut Scope<'_, '_, '_>, at: &[Seg<'_>], value: &str, rule: &str) {
    let message = if value.is_empty() {
        "the name is empty".to_string()
    } else {
        format!("`{value}` is not a name Kubernetes takes")
    };
    scope.error(at, &message, format!("use {rule}"));
}

/// DNS label of RFC 1123.
pub fn is_label(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&value.len()) && value.bytes().all(inner) && !value.starts_with('-') && !value.ends_with('-')
}

/// A header's name: a token as RFC 9110, section 5.6.2 has it, of a length that routes take.
pub fn is_header(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=256).contains(&name.len()) && name.bytes().all(token)
}

/// Bytes of a value of a header match: the limit of the Gateway API's `HTTPHeaderMatch`.
const MAX_VALUE: usize = 4096;

/// Why no request could carry this as a header's value, and what to do; nothing where one can. Blanks around a value are
/// no part of it (RFC 9110, section 5.5): whoever takes a request in has cut them off, so that such a match never hits.
pub fn header_value(value: &str) -> Option<(&'static str, String)> {
    let say = |what, help: &str| Some((what, help.to_string()));
    if value.trim().is_empty() {
        return say("it is empty", "write what the header holds, or take it out of the list");
    }
    if value.len() > MAX_VALUE {
        return say("it is too long", &format!("a value has at most {MAX_VALUE} bytes"));
    }
    if value.chars().any(char::is_control) {
        return say("it has a control character in it", "write it in one line, without tabs");
    }
    (value.trim() != value).then(|| ("it has blanks around it", format!("write \"{}\"", value.trim())))
}

/// Positions of values that stand in the list before, with the position of the first.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(usize, usize)> {
    let mut first = std::collections::BTreeMap::new();
    let mut repeats = Vec::new();
    for (i, name) in names.enumerate() {
        let at = *first.entry(name).or_insert(i);
        if at != i {
            repeats.push((i, at));
        }
    }
    repeats
}
