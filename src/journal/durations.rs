//! How long phases took, kept from the first run on, so that later plans can say how long this usually takes.
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RunDir;
use super::store::{FileName, Store};
use crate::engine::run::{Outcome, Run};
use crate::spec::canonical;
use crate::spec::units::{Dur, Time};

/// `durations.json` of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    pub schema: u32,
    pub run: String,
    pub upgrade: String,
    pub fleet: String,
    pub environment: String,
    pub policy: String,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    /// `None`: still under way, or nobody drove it to its end.
    pub outcome: Option<Outcome>,
    /// Service to its phases, in the order it went through them, with the time spent in each.
    pub services: BTreeMap<String, Vec<(String, Dur)>>,
}

impl Durations {
    pub fn of(run: &Run) -> Durations {
        Durations {
            schema: super::SCHEMA,
            run: run.id.clone(),
            upgrade: run.plan.upgrade.clone(),
            fleet: run.plan.fleet.clone(),
            environment: run.plan.environment.name.clone(),
            policy: run.plan.policy_name.clone(),
            started: run.started,
            ended: run.ended,
            outcome: run.outcome(),
            services: run.tracks.iter().map(|(name, t)| (name.clone(), t.durations.clone())).collect(),
        }
    }
}

pub(super) fn text(run: &Run) -> String {
    // Texts, numbers and maps with text keys: that always serialises.
    canonical::of(&Durations::of(run)).map(|t| t + "\n").unwrap_or_default()
}

/// What earlier runs of a fleet in an environment took, newest first. Runs that kept none are left out.
pub fn past_durations(state_dir: &Path, fleet: &str, environment: &str) -> Vec<Durations> {
    let read = |dir: RunDir| -> Option<Durations> {
        let bytes = dir.store().read(FileName::Durations).ok()??;
        serde_json::from_slice(&bytes).ok()
    };
    let mut past: Vec<Durations> = RunDir::all(state_dir)
        .into_iter()
        .filter_map(read)
        .filter(|d| d.fleet == fleet && d.environment == environment)
        .collect();
    past.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| a.run.cmp(&b.run)));
    past
}
