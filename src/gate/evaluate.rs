//! One evaluation: sample, verdict, missing-data policy, trigger.
use super::burn;
use super::judge::{Judged, judge};
use super::sample::{Evaluation, Sample, Verdict};
use super::trigger::{Answer, fires};
use crate::spec::policy::{Gate, OnMissing, Trigger};
use crate::spec::units::{Dur, Time};

pub use super::state::GateState;

/// What an evaluation has to know besides the gate and the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// When the step (or the phase, outside steps) began: windows never look further back.
    pub step_start: Time,
    /// The fixed grid all gates are evaluated on: 10 s.
    pub grid: Dur,
    /// How often the source takes new data.
    pub source_interval: Dur,
    /// The policy's `min_requests`, where the gate has none of its own.
    pub min_requests: u64,
    /// Two grids. A longer gap between two evaluations is missing time, which freezes dwell.
    pub max_gap: Dur,
}

/// Evaluates one gate on one sample and remembers what its trigger needs.
///
/// The verdict is what the sample says; `acts_as` is what the gate's `missing` policy makes of it. Only an answer
/// (`acts_as` Bad or Good) moves the trigger, and only an answer can fire it: nothing is rolled back on absence unless
/// the policy says that absence is bad. `NotApplicable` is no answer either; it neither grows nor clears anything.
///
/// A burn-rate gate counts its budget from measured ratios alone: a missing sample whose policy is `bad` makes the
/// tick bad, but no budget is known to have burnt and the trigger does not fire on it.
///
/// Evaluations come in the order of their `at`. One that is not later than the last adds no time.
pub fn evaluate(gate: &Gate, cx: &Context, state: &mut GateState, sample: &Sample) -> Evaluation {
    let (judged, burnt) = match &gate.trigger {
        Trigger::BurnRate(rate) => {
            let (judged, burnt) = burn::judge(gate, rate, cx, &mut state.burn, sample);
            (judged, Some(burnt))
        }
        _ => (judge(gate, cx, sample), None),
    };
    let Judged { verdict, mut reason, value } = judged;
    let (acts_as, asks) = act(gate, verdict);
    if acts_as != verdict {
        reason.push_str(&format!("; counts as {acts_as} by policy"));
    }
    let answer = Answer::of(acts_as);
    state.trigger.advance(&gate.trigger, cx, sample.at, answer);
    let (progress, fires) = match burnt {
        Some(burnt) => (burnt.progress, burnt.over),
        None => fires(&gate.trigger, &state.trigger, answer),
    };
    state.remember(sample.at, verdict, acts_as, value);
    Evaluation {
        at: sample.at,
        verdict,
        acts_as,
        asks,
        reason,
        value,
        requests: sample.requests.filter(|n| n.is_finite()),
        window: sample.window,
        progress,
        fires,
    }
}

/// What the gate does with a verdict, and whether a person has to decide.
fn act(gate: &Gate, verdict: Verdict) -> (Verdict, bool) {
    let policy = match verdict {
        Verdict::ProviderDown => gate.missing.provider_down,
        Verdict::Invalid => gate.missing.invalid,
        Verdict::NoData => gate.missing.no_data,
        Verdict::Stale => gate.missing.stale,
        Verdict::TooFew => gate.missing.too_few,
        Verdict::Bad | Verdict::Good | Verdict::NotApplicable => return (verdict, false),
    };
    match policy {
        OnMissing::Hold => (verdict, false),
        OnMissing::Ask => (verdict, true),
        OnMissing::Bad => (Verdict::Bad, false),
        OnMissing::Good => (Verdict::Good, false),
    }
}
