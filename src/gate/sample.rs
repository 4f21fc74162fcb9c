//! What a metrics source answered, and what is said of it.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec::units::{Dur, Time};

/// A number as the source wrote it: `0.0131`, `NaN`, `+Inf`. Kept as text so that a journal replays bit for bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Num(pub String);

impl Num {
    /// The number; NaN when the text is none.
    pub fn value(&self) -> f64 {
        self.read().unwrap_or(f64::NAN)
    }

    /// The number, or `None` when the text is none, which is something else than the number NaN.
    pub fn read(&self) -> Option<f64> {
        // Rust reads `NaN`, `+Inf` and `-Inf` as Prometheus writes them.
        self.0.trim().parse().ok()
    }
}

impl From<f64> for Num {
    fn from(v: f64) -> Num {
        Num(if v.is_nan() {
            "NaN".into()
        } else if v.is_infinite() {
            if v > 0.0 { "+Inf".into() } else { "-Inf".into() }
        } else {
            v.to_string()
        })
    }
}

/// Why a source gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Refused, timed out, 5xx, or not the source it should be.
    Down(String),
    /// It answered, but not with numbers this gate can use: a matrix, an unreadable line.
    Shape(String),
}

/// One answer of a source to one gate at one grid tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was asked.
    pub at: Time,
    /// One number per series; empty when the source has no such series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Num>,
    /// The oldest moment the data behind the numbers was taken; `None` when the source cannot say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_at: Option<Time>,
    /// Requests the numbers rest on; `None` when the measure does not count requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,
    /// Failed requests among them, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The same question asked of the old version at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Vec<Num>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_requests: Option<f64>,
    /// How far back the numbers look; `None` when whoever asked did not say. Tells [`super::window`] whether the
    /// window was widened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Dur>,
}

impl Sample {
    /// An answer with one number and nothing else known.
    pub fn one(at: Time, value: f64) -> Sample {
        Sample { series: vec![value.into()], ..Sample::empty(at) }
    }

    /// An answer without any series.
    pub fn empty(at: Time) -> Sample {
        Sample {
            at,
            series: Vec::new(),
            sample_at: None,
            requests: None,
            failed: None,
            failure: None,
            baseline: None,
            baseline_requests: None,
            window: None,
        }
    }

    /// No answer.
    pub fn failed(at: Time, failure: Failure) -> Sample {
        Sample { failure: Some(failure), ..Sample::empty(at) }
    }
}

/// What a gate says of one sample; the first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    ProviderDown,
    Invalid,
    NoData,
    Stale,
    TooFew,
    Bad,
    Good,
    /// The gate has nothing to say here; shown, never blocks.
    NotApplicable,
}

impl Verdict {
    /// No statement about health was possible.
    pub fn is_missing(self) -> bool {
        self < Verdict::Bad
    }

    /// Does not stand in the way of a raise.
    pub fn passes(self) -> bool {
        matches!(self, Verdict::Good | Verdict::NotApplicable)
    }

    /// The name in the documents and in what `gate try` prints.
    pub fn term(self) -> &'static str {
        match self {
            Verdict::ProviderDown => "ProviderDown",
            Verdict::Invalid => "Invalid",
            Verdict::NoData => "NoData",
            Verdict::Stale => "Stale",
            Verdict::TooFew => "TooFew",
            Verdict::Bad => "Bad",
            Verdict::Good => "Good",
            Verdict::NotApplicable => "NotApplicable",
        }
    }

    /// As on screen and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::ProviderDown => "provider down",
            Verdict::Invalid => "invalid",
            Verdict::NoData => "no data",
            Verdict::Stale => "stale",
            Verdict::TooFew => "too few",
            Verdict::Bad => "bad",
            Verdict::Good => "good",
            Verdict::NotApplicable => "not applicable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What one evaluation of a gate came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub at: Time,
    /// What the sample says, before the gate's missing-data policy.
    pub verdict: Verdict,
    /// What the gate does with it, after the missing-data policy: `Bad`, `Good`, `NotApplicable`, or the missing kind
    /// itself, which holds.
    pub acts_as: Verdict,
    /// A person has to decide (`missing: ask`).
    pub asks: bool,
    /// Why, for a person: `error rate 1.31% > max 1.00%`.
    pub reason: String,
    /// The compared value, when there is one, in the unit of the gate's limit.
    pub value: Option<f64>,
    pub requests: Option<f64>,
    /// How far back the numbers look, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Dur>,
    /// How far the trigger has come, and how far it has to come, in its own terms.
    pub progress: Progress,
    /// The trigger fires: this is a breach.
    pub fires: bool,
}

/// How near a trigger is to firing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Fires at the first bad sample.
    Instant,
    /// Bad for this long of that.
    Dwell { bad_for: Dur, of: Dur },
    /// So many bad of so many that are needed (`k of n`, `consecutive`).
    Count { bad: u32, of: u32 },
    /// The window nearest to firing: its burn rates and the factor both must pass.
    Burn { long: f64, short: f64, factor: f64 },
}
