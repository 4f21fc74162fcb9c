//! May this version follow that one? Contracts of two versions in, findings out.
//!
//! # Layout
//! - [`finding`] what every check answers with: a [`Report`] of [`Finding`]s, and what it did not compare
//! - [`document`] contracts as trees that know their places; [`schema`] how two schemas relate
//! - [`lifecycle`] deprecation, sunset and stability
//! - [`openapi`] descriptions of HTTP interfaces
//! - [`events`] schemas of events in seven modes: [`avro`], [`jsonschema`]; [`spots`] JSON that knows where its values stand
//! - [`fleet`] all services of a fleet: what moves, who calls it, in what order, what is accepted
//! - [`deps`] versions of services beside each other: ranges, order, ways
//! - [`sql`] migrations: what each statement locks, rewrites, takes away
//! - [`book`] the rules of the last three; `pattern` regular expressions that are none
pub mod avro;
pub mod book;
pub mod deps;
pub mod document;
pub mod events;
pub mod finding;
pub mod fleet;
pub mod jsonschema;
pub mod lifecycle;
pub mod openapi;
mod pattern;
pub mod schema;
pub mod spots;
pub mod sql;

pub use finding::{Area, Direction, Finding, Location, Of, Place, Report, Severity};
