//! Is it healthy? Samples in, verdicts out.
//!
//! # Layout
//! - [`sample`] what a metrics source answered, and what is said of it
//! - [`evaluate`] one evaluation: sample, verdict, missing-data policy, trigger
//! - `judge` the verdict of one sample, by precedence
//! - `compare` a value against its limits and against the old version; units and limits in words
//! - `trigger` when bad samples become a breach: dwell, counts
//! - `burn` burn rates of an error budget over long windows, in bounded memory
//! - `state` what a gate remembers between two evaluations; `history` the part of it that pictures are made of
//! - `window` how far back to ask next, and when there will be enough requests
mod burn;
mod compare;
pub mod evaluate;
mod history;
mod judge;
pub mod sample;
mod state;
mod trigger;
mod window;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod laws;

pub use compare::{limit_text, unit};
pub use evaluate::{Context, GateState, evaluate};
pub use judge::absolutely_bad;
pub use sample::{Evaluation, Failure, Num, Progress, Sample, Verdict};
pub use window::{Widened, enough_at, widened, window};
