//! Avro schemas: can a reader of one version read what a writer of another wrote?
//!
//! # Layout
//! - [`parse`] an `.avsc` document to a [`Schema`]: every name resolved, every mistake with its place
//! - `defaults` does a default fit its type
//! - `relation` which pairs of types can be read, as the greatest answer that contradicts nothing
//! - `explain` what is in the way of the pairs that cannot, and what is lost on those that can
mod defaults;
mod explain;
mod parse;
mod relation;
mod schema;
#[cfg(test)]
mod tests;

pub use parse::parse;
pub use schema::Schema;

use super::events::{self, Mode, Reading};
use super::{Report, spots::Fault};

/// Compares `new` with the versions before it, oldest first.
///
/// # Errors
/// The schemas are too large to be compared.
pub fn check(mode: Mode, old: &[Schema], new: &Schema) -> Result<Report, Fault> {
    let mut fault = None;
    let report = events::check(
        mode,
        old,
        new,
        |s| &s.document,
        |reader, writer| {
            read(reader, writer).unwrap_or_else(|f| {
                fault.get_or_insert(f);
                Reading::default()
            })
        },
    );
    fault.map_or(Ok(report), Err)
}

/// Everything in the way of `reader` when it meets what `writer` wrote, by the rules of Avro's reference implementation.
///
/// # Errors
/// The schemas are too large to be compared.
pub fn read(reader: &Schema, writer: &Schema) -> Result<Reading, Fault> {
    let relation = relation::Relation::new(reader, writer, relation::LINKS).map_err(|relation::TooLarge(n)| {
        reader.document.fault("", format!("more than {n} pairs of types to compare"))
    })?;
    Ok(Reading { clashes: explain::explain(&relation), not_compared: Vec::new() })
}
