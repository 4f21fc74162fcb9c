//! Prometheus: query API, and direct scrape of exposition text.
//!
//! # Layout
//! - [`exposition`] reads exposition text
pub mod exposition;
