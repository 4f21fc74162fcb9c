//! Is it healthy? Samples in, verdicts out.
//!
//! # Layout
//! - [`sample`] what a metrics source answered, and what is said of it
pub mod evaluate;
pub mod sample;

pub use sample::{Evaluation, Failure, Num, Sample, Verdict};
