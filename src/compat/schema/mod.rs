//! How two schemas relate: what fitted the one and does not fit the other.
//!
//! # Layout
//! - [`kind`] what can happen to a schema, without a direction; [`types`] sets of types
//! - [`shape`] a schema flattened: `allOf` merged, spellings made one; `said`, `reader`, `merge` the three steps to it
//! - `odd` values a keyword cannot have
//! - [`Engine`] pairs of schemas, each compared once however often it is reached; circles of `$ref`s end there
//! - `values`, `objects`, `conditions`, `groups` (with `matching`, `nested`, `overlaps`) the comparison itself, keyword by keyword; `spelling` what two versions write in two ways; [`sentence`] says it in words
mod conditions;
mod engine;
mod groups;
pub mod kind;
mod matching;
mod merge;
mod nested;
mod numbers;
mod objects;
mod odd;
mod overlaps;
mod reader;
mod said;
pub mod shape;
mod spelling;
mod subtypes;
pub mod types;
mod values;
mod words;

pub use engine::{Change, Edge, Engine, Hidden, Own, PairId, Step};
pub use kind::{Effect, Kind, Limit};
pub use words::sentence;
