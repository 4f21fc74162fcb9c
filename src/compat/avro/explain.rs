//! What is in the way, told once for each pair of types, and what is lost where nothing is.
use std::collections::BTreeSet;

use super::relation::{Below, Pair, Relation, Source, by_name, missing_symbols, source, unknown_symbols};
use super::schema::{Kind, Primitive};
use crate::compat::spots::step;
use crate::compat::{Severity, events::Clash};

/// Reasons told below a union that has no branch for a type.
const REASONS: usize = 6;
/// Pairs looked at to find them.
const LOOKED_AT: usize = 60;

pub(super) fn explain(relation: &Relation) -> Vec<Clash> {
    let mut clashes = Vec::new();
    let mut seen = BTreeSet::from([0]);
    let mut open: Vec<Pair> = vec![0];
    while let Some(pair) = open.pop() {
        let need = &relation.needs[pair];
        let below = match &need.below {
            Below::All(pairs) => {
                clashes.extend(here(relation, pair));
                pairs.clone()
            }
            // The branch that reads is the first that can, as the reference chooses it.
            Below::Any(pairs) => match pairs.iter().find(|p| relation.readable[**p]) {
                Some(chosen) => vec![*chosen],
                None => {
                    clashes.push(no_branch(relation, pair, pairs));
                    Vec::new()
                }
            },
        };
        open.extend(below.into_iter().rev().filter(|p| seen.insert(*p)));
    }
    clashes
}

/// What this very pair is about, apart from what is below.
fn here(relation: &Relation, pair: Pair) -> Vec<Clash> {
    let need = &relation.needs[pair];
    let (reader, writer) = (relation.reader.kind(need.reader), relation.writer.kind(need.writer));
    let (r, w) = (relation.reader.pointer(need.reader), relation.writer.pointer(need.writer));
    let mut found = Vec::new();
    if let Some(clash) = names(reader, writer, r, w) {
        found.push(clash);
    }
    match (reader, writer) {
        (Kind::Union(_), _) | (_, Kind::Union(_)) => return found,
        (Kind::Primitive(_), Kind::Primitive(_)) if need.clash => found.push(other_type(reader, writer, r, w)),
        (Kind::Primitive(a), Kind::Primitive(b)) => found.extend(inexact(*a, *b, r, w)),
        (Kind::Fixed { size: a, .. }, Kind::Fixed { size: b, .. }) if a != b => found.push(Clash {
            rule: "avro-fixed-size-changed",
            severity: Severity::Critical,
            reader: step(r, "size"),
            writer: step(w, "size"),
            message: format!("{reader} is read as {a} bytes and was written as {b}"),
            details: Vec::new(),
            recommendation: Some("give the new size a type and a field of its own"),
        }),
        (Kind::Enum { .. }, Kind::Enum { .. }) => found.extend(symbols(reader, writer, r, w)),
        (Kind::Record { .. }, Kind::Record { .. }) => found.extend(fields(reader, writer, w)),
        _ if need.clash && found.is_empty() => found.push(other_type(reader, writer, r, w)),
        _ => {}
    }
    if !need.clash {
        found.extend(logical(relation, pair));
    }
    found
}

fn names(reader: &Kind, writer: &Kind, r: &str, w: &str) -> Option<Clash> {
    let (a, b) = (reader.name()?, writer.name()?);
    if a.reads(b) || reader.word() != writer.word() {
        return None;
    }
    Some(Clash {
        rule: "avro-name-changed",
        severity: Severity::Critical,
        reader: step(r, "name"),
        writer: step(w, "name"),
        message: format!("the reader's {} {} is not the writer's {}", reader.word(), a.full, b.full),
        details: Vec::new(),
        recommendation: Some("keep the name, or list the old full name under the reader's `aliases`"),
    })
}

fn other_type(reader: &Kind, writer: &Kind, r: &str, w: &str) -> Clash {
    Clash {
        rule: "avro-type-changed",
        severity: Severity::Critical,
        reader: r.to_string(),
        writer: w.to_string(),
        message: format!("{writer} cannot be read as {reader}"),
        details: Vec::new(),
        recommendation: Some("add a field with the new type and a default, and keep the old one until nobody needs it"),
    }
}

/// Promotions that cannot keep every value.
fn inexact(reader: Primitive, writer: Primitive, r: &str, w: &str) -> Option<Clash> {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    let why = match (reader, writer) {
        (Float, Int) => "whole numbers beyond 16,777,216 are rounded",
        (Float, Long) => "whole numbers beyond 16,777,216 are rounded",
        (Double, Long) => "whole numbers beyond 9,007,199,254,740,992 are rounded",
        (String, Bytes) => "bytes that are no UTF-8 cannot be read as text",
        _ => return None,
    };
    Some(Clash {
        rule: "avro-promotion-inexact",
        severity: Severity::Info,
        reader: r.to_string(),
        writer: w.to_string(),
        message: format!("{} is read as {}: {why}", writer.name(), reader.name()),
        details: Vec::new(),
        recommendation: None,
    })
}

fn symbols(reader: &Kind, writer: &Kind, r: &str, w: &str) -> Option<Clash> {
    let unknown = unknown_symbols(reader, writer);
    if unknown.is_empty() {
        return None;
    }
    let many = if unknown.len() > 1 { "symbols" } else { "symbol" };
    let listed = unknown.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
    let missing = !missing_symbols(reader, writer).is_empty();
    let message = match reader {
        Kind::Enum { default: Some(default), .. } => {
            format!("{reader} does not know the {many} {listed} and reads `{default}` instead")
        }
        _ => format!("{reader} does not know the {many} {listed} and has no default"),
    };
    Some(Clash {
        rule: if missing { "avro-enum-symbol-missing" } else { "avro-enum-symbol-defaulted" },
        severity: if missing { Severity::Critical } else { Severity::Info },
        reader: step(r, "symbols"),
        writer: step(w, "symbols"),
        message,
        details: Vec::new(),
        recommendation: missing.then_some("give the reader's enum a `default` before the symbol is sent"),
    })
}

fn fields(reader: &Kind, writer: &Kind, w: &str) -> Vec<Clash> {
    let (Kind::Record { fields, .. }, Kind::Record { fields: written, .. }) = (reader, writer) else {
        return Vec::new();
    };
    let (mut found, written) = (Vec::new(), by_name(written));
    for field in fields {
        let (rule, message, recommendation) = match source(field, &written) {
            Source::One(_) | Source::Default => continue,
            Source::None => (
                "avro-field-without-default",
                format!("field `{}` of {reader} has no default, and the writer has no such field", field.name),
                "give the field a default, or name the writer's field under `aliases`",
            ),
            Source::Many(names) => (
                "avro-field-ambiguous",
                format!("field `{}` of {reader} names several fields of the writer: {}", field.name, names.join(", ")),
                "take out the alias that names a field that still exists",
            ),
        };
        found.push(Clash {
            rule,
            severity: Severity::Critical,
            reader: field.pointer.clone(),
            writer: step(w, "fields"),
            message,
            details: Vec::new(),
            recommendation: Some(recommendation),
        });
    }
    found
}

/// The reference ignores logical types; whoever reads the number means something else by it all the same.
fn logical(relation: &Relation, pair: Pair) -> Option<Clash> {
    let need = &relation.needs[pair];
    let (r, w) = (&relation.reader.types[need.reader], &relation.writer.types[need.writer]);
    if r.logical == w.logical {
        return None;
    }
    let says = |l: &Option<super::schema::Logical>| l.as_ref().map_or("no logical type".to_string(), |l| l.to_string());
    let decimals = r.logical.as_ref().and_then(|l| l.decimal).zip(w.logical.as_ref().and_then(|l| l.decimal));
    let (rule, details) = match decimals {
        Some((a, b)) if a.1 != b.1 => ("avro-decimal-changed", "the point is read at another digit"),
        Some((a, b)) if a.0 < b.0 => {
            ("avro-decimal-changed", "values with more digits than the reader allows may come")
        }
        Some(_) => return None,
        None => ("avro-logical-type-changed", "the bytes can be read, but may mean something else"),
    };
    Some(Clash {
        rule,
        severity: Severity::Warning,
        reader: r.pointer.clone(),
        writer: w.pointer.clone(),
        message: format!("{} is read as {}", says(&w.logical), says(&r.logical)),
        details: vec![details.to_string()],
        recommendation: Some("a changed meaning wants a field of its own"),
    })
}

fn no_branch(relation: &Relation, pair: Pair, tried: &[Pair]) -> Clash {
    let need = &relation.needs[pair];
    let writer = relation.writer.kind(need.writer);
    // What stands in the way of the branches that were meant for it.
    let (mut details, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open: Vec<Pair> = tried.iter().rev().copied().collect();
    while let Some(pair) = open.pop() {
        if details.len() == REASONS || seen.len() == LOOKED_AT {
            break;
        }
        if relation.readable[pair] || !seen.insert(pair) {
            continue;
        }
        let critical = here(relation, pair).into_iter().filter(|c| c.severity == Severity::Critical);
        details.extend(critical.map(|c| format!("{} ({})", c.message, c.reader)).take(REASONS - details.len()));
        let (Below::All(pairs) | Below::Any(pairs)) = &relation.needs[pair].below;
        open.extend(pairs.iter().rev());
    }
    Clash {
        rule: "avro-union-branch-missing",
        severity: Severity::Critical,
        reader: relation.reader.pointer(need.reader).to_string(),
        writer: relation.writer.pointer(need.writer).to_string(),
        message: format!("the reader's union has no branch that reads {writer}"),
        details,
        recommendation: Some("add the branch to the union of every reader before it is written"),
    }
}
