//! Prometheus: query API, and direct scrape of exposition text.
//!
//! # Layout
//! - [`exposition`] reads exposition text
//! - [`counters`] growth of counters over windows, with resets; [`histogram`] quantiles
//! - [`names`] which series the built-in measures read
pub mod answer;
pub mod counters;
pub mod exposition;
pub mod histogram;
pub mod names;
pub mod scrape;
