//! May this version follow that one? Contracts of two versions in, findings out.
//!
//! # Layout
//! - [`finding`] what every check answers with: a [`Report`] of [`Finding`]s, and what it did not compare
pub mod finding;

pub use finding::{Area, Direction, Finding, Location, Place, Report, Severity};
