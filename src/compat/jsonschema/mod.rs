//! JSON Schemas of events, by content model: what is added to an open model was allowed before with any value, what is
//! added to a closed one was not.
//!
//! # Layout
//! - [`parse`] a document to a [`Schema`]: the spellings of all drafts become one form, references are resolved
//! - `keywords` what there is to say, and since when; `shape` that form
//! - `diff` two forms: which pairs can follow each other, told once for each pair
//! - `object`, `array`, `combined`, `scalar` the rules, form by form
mod array;
mod combined;
mod diff;
mod keywords;
#[cfg(test)]
mod laws;
mod load;
mod object;
mod refs;
mod scalar;
mod shape;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod words;

pub use load::parse;
pub use shape::Schema;

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

/// Everything in the way of `reader` when it meets what is valid for `writer`.
///
/// # Errors
/// The schemas are too large to be compared.
pub fn read(reader: &Schema, writer: &Schema) -> Result<Reading, Fault> {
    diff::diff(reader, writer)
}
