//! The same run as lines, JSON, JUnit; and the exit code of the process.
//!
//! # Layout
//! - [`outcome`] exit codes, what a run came to in one sentence, what to do next
//! - [`eta`] how long it still takes when every tick is good
//! - [`commit`] what Git has to say from now on
//! - [`text`] lines for a person who reads a CI log; [`jsonl`] lines for a program; [`junit`] for a CI server
mod commit;
pub mod eta;
pub mod jsonl;
pub mod junit;
pub mod outcome;
#[cfg(test)]
mod tests;
pub mod text;

use crate::engine::effect::Event;
use crate::engine::run::{Run, Stage};
use crate::spec::units::{Dur, Time};

pub use eta::{Eta, eta};
pub use jsonl::JsonLines;
pub use junit::JUnit;
pub use outcome::{exit_code, resume_command};
pub use text::Text;

/// Says what a run does, in one format. Texts are whole lines without the last line break; an empty one is not printed.
pub trait Reporter: Send {
    /// Something happened.
    fn event(&mut self, run: &Run, event: &Event) -> String;

    /// How far it is, now and then: at most every 10 s, when something changed, and every 60 s anyway. Call it as often
    /// as is handy; `now` is the run's own time, so that a rehearsal prints what a night would.
    fn tick(&mut self, run: &Run, now: Time) -> Option<String>;

    /// The run is over, or this process leaves it.
    fn end(&mut self, run: &Run) -> String;
}

/// Nothing is said more often than this.
const MIN_PAUSE: Dur = Dur::secs(10);
/// And something at least this often.
const MAX_PAUSE: Dur = Dur::secs(60);

/// When the next progress line is due.
#[derive(Debug, Default)]
struct Pace {
    last: Option<(Time, String)>,
}

impl Pace {
    fn due(&mut self, run: &Run, now: Time) -> bool {
        if run.is_ended() {
            return false;
        }
        let signature = signature(run);
        let due = match &self.last {
            None => true,
            Some((at, said)) => now.since(*at) >= if *said == signature { MAX_PAUSE } else { MIN_PAUSE },
        };
        if due {
            self.last = Some((now, signature));
        }
        due
    }
}

/// Changes when a person would want to hear of it.
fn signature(run: &Run) -> String {
    let mut out = format!("{:?}{}{}", stage_word(run), run.paused_all.is_some(), run.stop().is_some());
    out.push_str(&format!("{}{}{}", run.waits.is_some(), run.frozen.is_some(), run.journal.down.is_some()));
    for track in run.in_order() {
        let held = track.held.as_ref().map(|h| h.reason);
        let flags = (track.desired, held, track.paused.is_some(), track.blind.is_some(), track.ask.is_some());
        out.push_str(&format!("|{}{flags:?}", track.phase.word()));
    }
    out
}

fn stage_word(run: &Run) -> &'static str {
    match &run.stage {
        Stage::Preflight => "preflight",
        Stage::Ready => "ready",
        Stage::Running => "running",
        Stage::Ended(_) => "ended",
    }
}
