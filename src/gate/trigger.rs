//! When bad samples become a breach: dwell and counts.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::evaluate::Context;
use super::sample::{Progress, Verdict};
use crate::spec::policy::Trigger;
use crate::spec::units::{Dur, Time};

/// Most answers a `k of n` trigger looks back on: more than a day on the 10 s grid. Keeps the state bounded whatever
/// `n` a file asks for.
const MOST_ANSWERS: usize = 10_000;

/// What an evaluation means for a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Bad,
    Good,
    /// Missing, or not applicable: no evidence either way.
    None,
}

impl Answer {
    pub fn of(acts_as: Verdict) -> Answer {
        match acts_as {
            Verdict::Bad => Answer::Bad,
            Verdict::Good => Answer::Good,
            _ => Answer::None,
        }
    }
}

/// What triggers remember. All of them are kept at every answer; a gate's own trigger reads the one it needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TriggerState {
    /// The latest evaluation, and whether it was bad.
    last: Option<(Time, bool)>,
    /// Time between neighbouring bad evaluations since the last good one.
    dwell: Dur,
    /// Bad answers since the last good one.
    row: u32,
    /// The last answers of a `k of n` trigger, newest last; true is bad.
    answers: VecDeque<bool>,
}

impl TriggerState {
    /// Takes in one evaluation. Time counts as bad only between two bad evaluations next to each other, at most
    /// `max_gap` apart; what lies before or after a missing one is not known to have been bad.
    pub fn advance(&mut self, trigger: &Trigger, cx: &Context, at: Time, answer: Answer) {
        let newest = self.last.map_or(at, |(last, _)| last.max(at));
        match answer {
            Answer::Bad => {
                if let Some((last, true)) = self.last
                    && at.since(last) <= cx.max_gap
                {
                    self.dwell = self.dwell + at.since(last);
                }
                self.row = self.row.saturating_add(1);
            }
            Answer::Good => {
                self.dwell = Dur::ZERO;
                self.row = 0;
            }
            Answer::None => {}
        }
        self.last = Some((newest, answer == Answer::Bad));
        if let (Trigger::KOfN(of), true) = (trigger, answer != Answer::None) {
            self.answers.push_back(answer == Answer::Bad);
            let keep = usize::try_from(of.n).unwrap_or(MOST_ANSWERS).clamp(1, MOST_ANSWERS);
            while self.answers.len() > keep {
                self.answers.pop_front();
            }
        }
    }
}

/// How far a trigger has come, and whether it fires on this evaluation. Burn rates are told elsewhere.
///
/// `for` and `consecutive` fire at a bad answer only. `k of n` speaks of the last `n` answers whatever the newest one
/// is, so it stays fired until enough good answers have pushed the bad ones out.
pub(super) fn fires(trigger: &Trigger, state: &TriggerState, answer: Answer) -> (Progress, bool) {
    let bad = answer == Answer::Bad;
    match trigger {
        Trigger::Instant | Trigger::BurnRate(_) => (Progress::Instant, bad),
        Trigger::For(of) => (Progress::Dwell { bad_for: state.dwell, of: *of }, bad && state.dwell >= *of),
        Trigger::Consecutive(of) => (Progress::Count { bad: state.row, of: *of }, bad && state.row >= *of),
        Trigger::KOfN(of) => {
            let count = state.answers.iter().filter(|b| **b).count();
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            (Progress::Count { bad: count, of: of.k }, answer != Answer::None && count >= of.k.max(1))
        }
    }
}

#[cfg(test)]
#[path = "trigger_tests.rs"]
mod tests;
