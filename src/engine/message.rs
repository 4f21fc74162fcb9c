//! What the engine hears. Every message is stamped once, on entry.
use serde::{Deserialize, Serialize};

use super::command::{Command, Identity};
use super::measure::MeasureAnswer;
use super::observe::{Observation, PreflightReport};
use crate::plan::verdict::Verdict;
use crate::spec::contract::Waiver;
use crate::spec::policy::{OnExit, OnTerminalLoss};
use crate::spec::units::{Dur, Time};

/// One thing that happened, in the order the driver took it in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub at: Stamp,
    /// Counts up by one within a run, over restarts too.
    pub seq: u64,
    pub body: Body,
}

/// When a message came in, by both clocks. A jump between the two is itself a message ([`Body::ClockJumped`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub wall: Time,
    /// Milliseconds on a clock that is never set, from an origin of the process's own.
    pub mono: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A process drives this run from now on: at its start, and again after each resume.
    Attached(Attached),
    /// A wake-up the engine asked for.
    Wake,
    Command(Command),
    /// The cluster as watched; on change only.
    Observed(Observation),
    /// Everything there is to observe has been observed once since the process attached.
    Synced,
    Preflight(PreflightReport),
    /// Answer to [`super::effect::Effect::Measure`].
    Measured(MeasureAnswer),
    /// An effect's result.
    Called(CallResult),
    Lease(LeaseSeen),
    /// Whether the API server answers; on change only.
    ClusterLink(Link),
    /// Whether the journal can be written; on change only.
    JournalLink(Link),
    /// The terminal is gone.
    TerminalLost(OnTerminalLoss),
    /// The process is told to leave (SIGTERM, quit, a headless `--timeout`).
    Leave(Leave),
    /// Somebody accepted a finding before the start, and the contracts were read again.
    Waived(Box<Waived>),
    /// Wall time moved against monotonic time by this much (a suspended machine, a set clock), in milliseconds.
    ClockJumped(i64),
    /// The process did not run for this long (stopped, starved, its disk hung): nobody looked, and nothing was decided.
    StoodStill(Dur),
}

/// A finding that was accepted on a screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waived {
    /// Who was at the screen: one of the two names.
    pub by: Identity,
    pub waiver: Waiver,
    /// The file it stands in now.
    pub file: String,
    /// What the contracts say with it.
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attached {
    /// Who drives, by the API server's answer.
    pub identity: Identity,
    /// A person watches a screen; decides the defaults of `on_failure` and `on_exit`.
    pub interactive: bool,
    /// Begin without waiting for `start`.
    pub start: bool,
    /// Whether there is a pager. Without one the screen says so.
    pub pager: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// What the caller wants done; `None` takes the policy's.
    pub how: Option<OnExit>,
    pub why: String,
}

/// What became of one [`super::effect::Call`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    pub key: u64,
    pub outcome: CallOutcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Applied; `seen` is the object as the server returned it.
    Done { seen: Vec<Observation> },
    /// Nothing was written: the object already carries the wanted state under this run's mark (a lost answer, a resume).
    Found { seen: Vec<Observation> },
    /// Certainly not applied. `retry_after` is the server's own wish.
    Failed { error: CallError, retry_after: Option<Dur> },
    /// No answer, and reading back gave none either: may or may not have been applied.
    Unknown { error: CallError },
}

/// Why a call did not work, for the engine to decide and a person to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    pub kind: CallErrorKind,
    /// What failed, on what: reads after a colon.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallErrorKind {
    /// 409, or a precondition missed: somebody wrote in between. Read and decide again.
    Conflict,
    /// 401, 403.
    Forbidden,
    /// 400, 404, 422: asking again will not help.
    Rejected,
    /// 429.
    Throttled,
    /// Refused, reset, timed out, 5xx.
    Unreachable,
    /// A route carries a higher epoch than ours: somebody else drives.
    Fenced,
    /// The lease is not ours now; nothing was sent.
    NotDriving,
}

/// What the lease said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseSeen {
    /// Ours, under this epoch, renewed just now.
    Held { epoch: u64 },
    /// Somebody else's.
    Taken { holder: String, epoch: u64 },
    /// Somebody else's, who may be gone: whether it lives is seen before it is taken. The text says whose.
    Waiting { error: String },
    /// A renewal failed; unknown whose it is.
    Expired { error: String },
    /// The last renewal that worked was sent so long ago that another driver may soon have it: stop writing.
    Lapsed,
}

/// Part of why a link is down when there are answers, and not those of the run's own cluster.
pub const ANOTHER_CLUSTER: &str = "another cluster answers";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Up,
    Down(String),
}
