//! What is asked of the metrics source at each grid tick, and what it answers.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observe::Slot;
use crate::gate::{Num, Sample};
use crate::spec::policy::{Measure, Reduce};
use crate::spec::units::{Dur, Time};

/// All questions of one grid tick, answered together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureRequest {
    /// The grid tick this belongs to; answers for an older one than the newest are dropped.
    pub tick: Time,
    /// Service to the pods of its two versions.
    pub subjects: BTreeMap<String, Subject>,
    pub questions: Vec<Question>,
    pub shares: Vec<ShareQuestion>,
}

/// Whom a question is about: pods by name, from the watch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub stable_version: String,
    pub next_version: String,
    pub stable_pods: Vec<String>,
    pub next_pods: Vec<String>,
}

impl Subject {
    pub fn pods(&self, slot: Slot) -> &[String] {
        match slot {
            Slot::Stable => &self.stable_pods,
            Slot::Next => &self.next_pods,
        }
    }

    pub fn version(&self, slot: Slot) -> &str {
        match slot {
            Slot::Stable => &self.stable_version,
            Slot::Next => &self.next_version,
        }
    }
}

/// One gate's question about one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub service: String,
    /// Name of the gate.
    pub gate: String,
    pub slot: Slot,
    pub what: What,
    /// Look back this far from the tick.
    pub window: Dur,
    /// Ask the same of the other slot, as a baseline.
    pub baseline: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A built-in measure of the metrics source; `quantile` for `latency_quantile`.
    Measure {
        measure: Measure,
        quantile: Option<f64>,
    },
    PromQl {
        query: String,
        freshness: Option<String>,
        reduce: Option<Reduce>,
    },
}

/// How many requests each version served since the route was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareQuestion {
    pub service: String,
    pub since: Time,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureAnswer {
    pub tick: Time,
    pub samples: Vec<GateSample>,
    pub shares: Vec<ShareSeen>,
    /// Set when the source as a whole is away; the samples then carry their own failures too.
    pub source_down: Option<String>,
    /// Worth saying on screen: which pods were sampled, series that could not be read.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateSample {
    pub service: String,
    pub gate: String,
    pub sample: Sample,
}

/// Increase of requests per version since the asked instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareSeen {
    pub service: String,
    pub since: Time,
    /// `None`: not known (no data, source down).
    pub next: Option<Num>,
    pub stable: Option<Num>,
    /// Requests on the next version since the previous answer; in a rollback, none for two answers counts as 0 %.
    pub next_recent: Option<Num>,
    pub stable_recent: Option<Num>,
}
