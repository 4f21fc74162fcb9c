//! May this version follow that one? Contracts of two versions in, findings out.
//!
//! # Layout
//! - [`finding`] what every check answers with: a [`Report`] of [`Finding`]s, and what it did not compare
//! - [`document`] contracts as trees that know their places; [`schema`] how two schemas relate
//! - [`lifecycle`] deprecation, sunset and stability
//! - [`openapi`] descriptions of HTTP interfaces
pub mod document;
pub mod finding;
pub mod lifecycle;
pub mod openapi;
pub mod schema;

pub use finding::{Area, Direction, Finding, Location, Place, Report, Severity};
