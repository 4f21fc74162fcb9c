//! What a gate remembers between two evaluations.
use serde::{Deserialize, Serialize};

use super::burn::Ledger;
use super::history::History;
use super::sample::Verdict;
use super::trigger::TriggerState;
use crate::spec::units::Time;

/// Everything of a gate that must survive a restart. Bounded: under 3 KiB as JSON, under 67 KiB with a
/// burn rate over days; a `k of n` adds 6 bytes for each of `n`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GateState {
    pub(super) trigger: TriggerState,
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub(super) burn: Ledger,
    history: History,
    last_good: Option<Time>,
    missing: u32,
    good: u32,
}

impl GateState {
    /// Forgets the evidence: dwell, counts, burnt budget. For a moment at which something else is judged from now on: a
    /// retry, another version, the old version while a rollback is verified.
    ///
    /// Not for the next step of the same version: a breach that grows across a raise is one breach, so dwell survives a
    /// step change. What does not survive it is the window the numbers come from; [`super::window()`] sees to that.
    /// History, `last_good` and the counts of good and missing evaluations stay: they speak of the gate, not of a version.
    pub fn reset_trigger(&mut self) {
        self.trigger = TriggerState::default();
        self.burn = Ledger::default();
    }

    /// The latest evaluations, newest last, at most 120: when, the value where one was read, to seven digits, and the
    /// verdict.
    pub fn history(&self) -> impl Iterator<Item = (Time, Option<f64>, Verdict)> {
        self.history.iter()
    }

    /// When the data last said Good by itself.
    pub fn last_good(&self) -> Option<Time> {
        self.last_good
    }

    /// Evaluations in a row without usable data: provider down, invalid, no data or stale, which the policy leaves
    /// missing. Too few requests do not count: the source answers, nobody is blind.
    pub fn consecutive_missing(&self) -> u32 {
        self.missing
    }

    /// Evaluations in a row that let a raise through: Good, by data or by policy, or NotApplicable.
    pub fn consecutive_good(&self) -> u32 {
        self.good
    }

    pub(super) fn remember(&mut self, at: Time, verdict: Verdict, acts_as: Verdict, value: Option<f64>) {
        if verdict == Verdict::Good {
            self.last_good = Some(at);
        }
        let blind = acts_as.is_missing() && acts_as != Verdict::TooFew;
        self.missing = if blind { self.missing.saturating_add(1) } else { 0 };
        self.good = if acts_as.passes() { self.good.saturating_add(1) } else { 0 };
        // A stale number would be drawn as if it were of now.
        self.history.push(at, value.filter(|_| verdict != Verdict::Stale), verdict);
    }
}
