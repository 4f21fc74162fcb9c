//! May this version follow that one? Contracts of two versions in, findings out.
//!
//! # Layout
//! - [`events`] schemas of events in seven modes: [`avro`], [`jsonschema`]
//! - [`deps`] versions of services beside each other: ranges, order, ways
//! - [`spots`] JSON that knows the line of each value
//! - [`sql`] migrations: what each statement locks, rewrites, takes away
//! - [`finding`] what every check answers with: a [`Report`] of [`Finding`]s, and what it did not compare
pub mod avro;
pub mod deps;
pub mod spots;
pub mod events;
pub mod finding;
pub mod jsonschema;
pub mod sql;

pub use finding::{Area, Direction, Finding, Location, Place, Report, Severity};
