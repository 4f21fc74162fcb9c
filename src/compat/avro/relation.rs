//! Which pairs of types can be read.
//!
//! Records may hold themselves, so the answer for one pair may need itself. All pairs that the roots reach are listed once
//! and held to be readable; then those that cannot be are struck out, and with them whatever needs them, until nothing
//! changes. What is left is the greatest answer that contradicts nothing, in time linear in the pairs' links; there is no
//! recursion to run too deep, and no answer is kept that was only assumed on the way.
use std::collections::{BTreeMap, BTreeSet};

use super::schema::{Field, Id, Kind, Schema};

/// A place in the list of pairs.
pub(super) type Pair = usize;

/// What has to hold for a pair to be readable.
#[derive(Debug, Clone)]
pub(super) struct Need {
    pub reader: Id,
    pub writer: Id,
    /// Something at this very spot is in the way, whatever is below.
    pub clash: bool,
    pub below: Below,
}

#[derive(Debug, Clone)]
pub(super) enum Below {
    All(Vec<Pair>),
    /// A union of the reader: one branch is enough. Best first.
    Any(Vec<Pair>),
}

pub(super) struct Relation<'a> {
    pub reader: &'a Schema,
    pub writer: &'a Schema,
    /// The roots are pair 0.
    pub needs: Vec<Need>,
    pub readable: Vec<bool>,
}

/// More links between pairs than this are refused: half a gigabyte would be next.
#[derive(Debug)]
pub(super) struct TooLarge(pub usize);

pub(super) const LINKS: usize = 4_000_000;

impl<'a> Relation<'a> {
    pub fn new(reader: &'a Schema, writer: &'a Schema, most: usize) -> Result<Self, TooLarge> {
        let mut build = Build { reader, writer, numbers: BTreeMap::new(), open: Vec::new() };
        build.pair(reader.root, writer.root);
        let (mut needs, mut links) = (Vec::new(), 0);
        while needs.len() < build.open.len() {
            let (r, w) = build.open[needs.len()];
            let need = build.need(r, w);
            let (Below::All(pairs) | Below::Any(pairs)) = &need.below;
            links += 1 + pairs.len();
            if links > most {
                return Err(TooLarge(most));
            }
            needs.push(need);
        }
        let readable = settle(&needs);
        Ok(Self { reader, writer, needs, readable })
    }
}

/// Strikes out what cannot be read.
fn settle(needs: &[Need]) -> Vec<bool> {
    let mut used_by: Vec<Vec<Pair>> = vec![Vec::new(); needs.len()];
    let mut branches_left: Vec<usize> = Vec::with_capacity(needs.len());
    for (pair, need) in needs.iter().enumerate() {
        let (Below::All(pairs) | Below::Any(pairs)) = &need.below;
        pairs.iter().for_each(|below| used_by[*below].push(pair));
        branches_left.push(pairs.len());
    }
    let mut readable = vec![true; needs.len()];
    let hopeless = |n: &Need| n.clash || matches!(&n.below, Below::Any(pairs) if pairs.is_empty());
    let mut struck: Vec<Pair> = (0..needs.len()).filter(|p| hopeless(&needs[*p])).collect();
    struck.iter().for_each(|p| readable[*p] = false);
    while let Some(pair) = struck.pop() {
        for user in &used_by[pair] {
            branches_left[*user] -= 1;
            let falls = matches!(needs[*user].below, Below::All(_)) || branches_left[*user] == 0;
            if falls && readable[*user] {
                readable[*user] = false;
                struck.push(*user);
            }
        }
    }
    readable
}

struct Build<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    numbers: BTreeMap<(Id, Id), Pair>,
    open: Vec<(Id, Id)>,
}

impl Build<'_> {
    fn pair(&mut self, reader: Id, writer: Id) -> Pair {
        *self.numbers.entry((reader, writer)).or_insert_with(|| {
            self.open.push((reader, writer));
            self.open.len() - 1
        })
    }

    fn need(&mut self, reader: Id, writer: Id) -> Need {
        let (r, w) = (self.reader.kind(reader), self.writer.kind(writer));
        let mut clash = false;
        let below = match (r, w) {
            (_, Kind::Union(union)) => {
                Below::All(union.branches.iter().map(|branch| self.pair(reader, *branch)).collect())
            }
            (Kind::Union(_), _) => Below::Any(self.branches(reader, writer)),
            (Kind::Primitive(r), Kind::Primitive(w)) => {
                clash = !r.reads(*w);
                Below::All(Vec::new())
            }
            (Kind::Array(r), Kind::Array(w)) | (Kind::Map(r), Kind::Map(w)) => Below::All(vec![self.pair(*r, *w)]),
            (Kind::Fixed { name: r, size: rs }, Kind::Fixed { name: w, size: ws }) => {
                clash = !r.reads(w) || rs != ws;
                Below::All(Vec::new())
            }
            (Kind::Enum { name: r, .. }, Kind::Enum { name: w, .. }) => {
                clash = !r.reads(w) || !missing_symbols(self.reader.kind(reader), self.writer.kind(writer)).is_empty();
                Below::All(Vec::new())
            }
            (Kind::Record { name: r, fields }, Kind::Record { name: w, fields: written }) => {
                clash = !r.reads(w);
                let (mut pairs, written) = (Vec::new(), by_name(written));
                for field in fields {
                    match source(field, &written) {
                        Source::One(w) => pairs.push(self.pair(field.of, w.of)),
                        Source::Default => {}
                        Source::None | Source::Many(_) => clash = true,
                    }
                }
                Below::All(pairs)
            }
            _ => {
                clash = true;
                Below::All(Vec::new())
            }
        };
        Need { reader, writer, clash, below }
    }

    /// The branches of a reader's union that may read a type, those of the very same kind first.
    fn branches(&mut self, reader: Id, writer: Id) -> Vec<Pair> {
        let (r, w) = (self.reader.kind(reader), self.writer.kind(writer));
        let Kind::Union(union) = r else { return Vec::new() };
        let numbers: Vec<usize> = match w.name() {
            Some(name) => {
                let by = |key: &str| union.by_name.get(key).cloned().unwrap_or_default();
                [by(name.short()), by(&format!(".{}", name.full))].concat()
            }
            None => union.unnamed.clone(),
        };
        let mut ids: Vec<Id> = numbers.into_iter().map(|n| union.branches[n]).collect();
        ids.retain(|id| match (self.reader.kind(*id), w) {
            (Kind::Primitive(r), Kind::Primitive(w)) => r.reads(*w),
            (r, w) => std::mem::discriminant(r) == std::mem::discriminant(w),
        });
        ids.sort_by_key(|id| self.reader.kind(*id).word() != w.word());
        ids.dedup();
        ids.into_iter().map(|id| self.pair(id, writer)).collect()
    }
}

/// Symbols a writer may send that the reader neither knows nor has a default for.
pub(super) fn missing_symbols<'a>(reader: &Kind, writer: &'a Kind) -> Vec<&'a str> {
    match reader {
        Kind::Enum { default: None, .. } => unknown_symbols(reader, writer),
        _ => Vec::new(),
    }
}

/// Symbols a writer may send that the reader does not know.
pub(super) fn unknown_symbols<'a>(reader: &Kind, writer: &'a Kind) -> Vec<&'a str> {
    let (Kind::Enum { symbols: read, .. }, Kind::Enum { symbols: written, .. }) = (reader, writer) else {
        return Vec::new();
    };
    let read: BTreeSet<&str> = read.iter().map(String::as_str).collect();
    written.iter().map(String::as_str).filter(|s| !read.contains(s)).collect()
}

/// Where a reader's field gets its value from.
pub(super) enum Source<'a> {
    One(&'a Field),
    Default,
    None,
    /// Its name and its aliases name several fields of the writer.
    Many(Vec<&'a str>),
}

pub(super) fn by_name(fields: &[Field]) -> BTreeMap<&str, &Field> {
    fields.iter().map(|f| (f.name.as_str(), f)).collect()
}

pub(super) fn source<'a>(field: &Field, written: &BTreeMap<&str, &'a Field>) -> Source<'a> {
    let aliases: BTreeSet<&str> = field.aliases.iter().map(String::as_str).filter(|a| *a != field.name).collect();
    let names = std::iter::once(field.name.as_str()).chain(aliases);
    let found: Vec<&Field> = names.filter_map(|name| written.get(name).copied()).collect();
    match found.as_slice() {
        [] if field.default.is_some() => Source::Default,
        [] => Source::None,
        [one] => Source::One(one),
        many => Source::Many(many.iter().map(|w| w.name.as_str()).collect()),
    }
}
