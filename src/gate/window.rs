//! How far back to ask next, and when there will be enough requests.
use serde::{Deserialize, Serialize};

use super::evaluate::Context;
use super::judge::{count, needed};
use super::sample::Evaluation;
use crate::spec::policy::{Gate, Trigger};
use crate::spec::units::{Dur, Time};

/// A widened window is given up only when the plain one would hold this much more than needed at the current rate:
/// without the margin a service just above `min_requests` would have too few at every other tick.
const MARGIN: f64 = 1.2;

/// Beyond this nobody waits for requests.
const LONGEST_WAIT: Dur = Dur::hours(7 * 24);

/// Since when requests are counted while a window is widened to the step's start, and how many the step had by then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Widened {
    pub at: Time,
    pub seen: f64,
}

/// The sliding window to ask for next: the gate's `window` or the policy's, never before the step's start, and widened
/// back to the step's start while it holds fewer requests than needed. Zero in the first instant of a step, when there
/// is nothing to look back on.
///
/// Whether the plain window would hold enough is told from the last answer, for which its `window` must be known;
/// where it is not, the answer is taken as one of the plain window. Of a widened answer it is told by what was added to
/// it over the length of a plain window (`since`, kept by [`widened`]): what the step had before that says nothing of
/// the requests there are now. A burn-rate gate's window is never widened: its long windows do the collecting.
pub fn window(
    gate: &Gate,
    policy_window: Dur,
    cx: &Context,
    now: Time,
    last: Option<&Evaluation>,
    since: Option<Widened>,
) -> Dur {
    let (plain, step) = (gate.window.unwrap_or(policy_window), now.since(cx.step_start));
    if plain >= step {
        return step;
    }
    // An answer from before the step's start tells nothing of this step's traffic.
    let last = last.filter(|e| e.at > cx.step_start && !matches!(gate.trigger, Trigger::BurnRate(_)));
    let (Some(last), Some(need)) = (last, needed(gate, cx)) else { return plain };
    let Some(seen) = count(last.requests) else { return plain };
    let need = need as f64;
    let widen = match last.window {
        Some(asked) if asked > plain => !since.is_some_and(|s| enough_again(s, last.at, seen, plain, need)),
        Some(asked) if asked < plain => seen * ratio(plain, asked) < need,
        _ => seen < need,
    };
    if widen { step } else { plain }
}

/// Whether so many requests were added since then that a plain window would hold enough.
fn enough_again(since: Widened, at: Time, seen: f64, plain: Dur, need: f64) -> bool {
    let over = at.since(since.at);
    over >= plain && (seen - since.seen) * ratio(plain, over) >= need * MARGIN
}

/// What to keep beside an answer for the next [`window`]: from when a widened one is counted. Where too little came in
/// over the length of a plain window, it is counted anew.
pub fn widened(
    gate: &Gate,
    policy_window: Dur,
    cx: &Context,
    answer: &Evaluation,
    since: Option<Widened>,
) -> Option<Widened> {
    let plain = gate.window.unwrap_or(policy_window);
    let since = since.filter(|s| s.at > cx.step_start && s.at < answer.at);
    let (Some(need), Some(asked)) = (needed(gate, cx), answer.window) else { return None };
    let Some(seen) = count(answer.requests) else { return since };
    if asked <= plain {
        return None;
    }
    let anew = Widened { at: answer.at, seen };
    match since {
        Some(s) if answer.at.since(s.at) < plain || enough_again(s, answer.at, seen, plain, need as f64) => Some(s),
        _ => Some(anew),
    }
}

/// When there will be enough requests at the current rate, for "enough at 03:41 at current traffic". `None` when there
/// are enough already, the gate needs none, nothing is known of the rate, there is no traffic, or it would take more
/// than a week. Never before `now`.
pub fn enough_at(gate: &Gate, cx: &Context, now: Time, last: &Evaluation) -> Option<Time> {
    let need = needed(gate, cx)? as f64;
    let seen = count(last.requests).filter(|seen| *seen > 0.0 && *seen < need)?;
    // The window is widened to the step's start meanwhile: what counts is the rate since then.
    let over = last.window.unwrap_or_else(|| last.at.since(cx.step_start));
    let wait = over.0 as f64 * need / seen;
    if over == Dur::ZERO || wait > LONGEST_WAIT.0 as f64 {
        return None;
    }
    Some((cx.step_start + Dur(wait.ceil() as u64)).max(now))
}

fn ratio(part: Dur, whole: Dur) -> f64 {
    part.0 as f64 / whole.0.max(1) as f64
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
