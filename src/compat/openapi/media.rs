//! Media types: what one holds of another, and which entry of a `content` speaks for it.
use std::collections::BTreeSet;

use super::spread::Part;
use crate::compat::document::NodeId;

/// Parameters that say how text is coded or how much it is liked, not what is in it.
const CODING: [&str; 3] = ["charset", "q", "boundary"];

/// A media type or range, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Media {
    kind: String,
    sub: String,
    parameters: BTreeSet<String>,
}

/// One entry of a `content`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub media: Media,
    /// As it is written.
    pub shown: String,
    pub node: NodeId,
}

impl Media {
    pub fn read(name: &str) -> Media {
        let lower = name.to_ascii_lowercase();
        let mut parts = lower.split(';').map(str::trim);
        let (kind, sub) = parts.next().map_or(("", ""), |e| e.split_once('/').unwrap_or((e, "")));
        let parameters = parts.filter(|p| !p.is_empty()).map(|p| p.replace([' ', '"'], "")).collect();
        Media { kind: kind.into(), sub: sub.into(), parameters }
    }

    fn is_told_by(&self) -> impl Iterator<Item = &String> {
        self.parameters.iter().filter(|p| !CODING.contains(&p.split('=').next().unwrap_or(p)))
    }

    /// All of the other is of this one: `application/*` holds `application/json`, which holds
    /// `application/json; version=1`.
    pub fn holds(&self, inner: &Media) -> bool {
        let suffixed = self.sub.strip_prefix('*').is_some_and(|end| inner.sub.ends_with(end));
        let named = self.kind == "*" || (self.kind == inner.kind && (self.sub == inner.sub || suffixed));
        named && self.is_told_by().all(|p| inner.parameters.contains(p))
    }

    /// What is of the other can be read as this one: `application/problem+json` as `application/json`.
    pub fn generalizes(&self, inner: &Media) -> bool {
        let suffix = inner.sub.rsplit_once('+').map(|(_, s)| s);
        self.kind == inner.kind && suffix == Some(&*self.sub) && self.is_told_by().all(|p| inner.parameters.contains(p))
    }

    pub fn is_same(&self, other: &Media) -> bool {
        self.holds(other) && other.holds(self)
    }

    /// The more it says, the higher.
    fn precision(&self) -> usize {
        match (&*self.kind, &*self.sub) {
            ("*", _) => 0,
            (_, "*") => 1,
            (_, sub) if sub.starts_with('*') => 2,
            _ => 3 + self.is_told_by().count(),
        }
    }

    /// How values are written in it. What is not known to be text may well tell numbers and words apart.
    pub fn part(&self) -> Part {
        let last = self.sub.rsplit('+').next().unwrap_or(&self.sub);
        let tells = last.contains("json") || last.contains("yaml") || last == "event-stream" || self.kind == "*";
        match (&*self.kind, last) {
            _ if tells => Part::Body,
            ("multipart", _) => Part::Multipart,
            ("text", _) | (_, "x-www-form-urlencoded" | "xml" | "csv") => Part::TextBody,
            _ => Part::Body,
        }
    }
}

/// Entries in order, each media type once.
pub(super) fn entries(content: &[(Box<str>, NodeId)]) -> Vec<Entry> {
    let one =
        |(name, node): &(Box<str>, NodeId)| Entry { media: Media::read(name), shown: name.to_string(), node: *node };
    let mut all: Vec<Entry> = content.iter().map(one).collect();
    all.sort_by(|a, b| a.media.cmp(&b.media));
    all.dedup_by(|later, first| later.media == first.media);
    all
}

/// The entry that a content of this type falls under: the most special one that holds it.
pub(super) fn holder<'e>(media: &Media, all: &'e [Entry]) -> Option<&'e Entry> {
    let exact = all.iter().find(|e| e.media == *media);
    exact.or_else(|| all.iter().filter(|e| e.media.holds(media)).max_by_key(|e| e.media.precision()))
}

/// The same, or what reads it as something more general and took its place: nothing on the other side holds that.
pub(super) fn speaks_for<'e>(media: &Media, all: &'e [Entry], other: &[Entry]) -> Option<&'e Entry> {
    let took = |e: &&Entry| e.media.generalizes(media) && holder(&e.media, other).is_none();
    holder(media, all).or_else(|| all.iter().find(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_hold_what_is_more_special() {
        for (outer, inner, held) in [
            ("application/*", "application/json", true),
            ("*/*", "text/csv", true),
            ("application/*+json", "application/problem+json", true),
            ("application/json", "application/problem+json", false),
            ("application/problem+json", "application/json", false),
            ("text/*", "application/json", false),
            ("application/json", "application/json; version=1", true),
            ("application/json; version=1", "application/json", false),
            ("application/json; version=1", "application/json;version=2", false),
            ("application/json; charset=utf-8", "Application/JSON", true),
        ] {
            assert_eq!(Media::read(outer).holds(&Media::read(inner)), held, "{outer} {inner}");
        }
        let generalizes = |outer: &str, inner: &str| Media::read(outer).generalizes(&Media::read(inner));
        assert!(generalizes("application/json", "application/problem+json"));
        assert!(!generalizes("application/xml", "application/problem+json"));
    }

    #[test]
    fn only_what_is_known_to_be_text_is_text() {
        for (media, part) in [
            ("application/json", Part::Body),
            ("application/vnd.x.v1", Part::Body),
            ("application/octet-stream", Part::Body),
            ("application/vnd.x+cbor", Part::Body),
            ("*/*", Part::Body),
            ("text/x-yaml", Part::Body),
            ("text/plain", Part::TextBody),
            ("application/atom+xml", Part::TextBody),
            ("application/x-www-form-urlencoded", Part::TextBody),
            ("multipart/form-data", Part::Multipart),
        ] {
            assert_eq!(Media::read(media).part(), part, "{media}");
        }
    }
}
