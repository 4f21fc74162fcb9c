//! May this version follow that one? Contracts of two versions in, findings out.
//!
//! # Layout
//! - [`events`] schemas of events in seven modes: [`avro`], [`jsonschema`]
//! - [`document`] JSON that knows the line of each value
//! - [`finding`] what every check answers with: a [`Report`] of [`Finding`]s, and what it did not compare
pub mod avro;
pub mod document;
pub mod events;
pub mod finding;
pub mod jsonschema;

pub use finding::{Area, Direction, Finding, Location, Place, Report, Severity};
