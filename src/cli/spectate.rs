//! Following a run that another process on this machine drives, by its snapshot. Sends no command.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::args::Global;
use super::clock::wall;
use super::live::Exit;
use super::screen;
use crate::console::viewmodel::{Label, LabelKind};
use crate::console::{ConsoleOptions, run_console};
use crate::engine::Run;
use crate::engine::run::Driving;
use crate::journal::{Holder, Journal, RunDir};
use crate::spec::units::{Dur, Time};

/// How often the snapshot is looked at. It is written at each decision and at each grid tick.
const LOOK: Duration = Duration::from_millis(500);
/// A run that is further than this from the wall clock has a clock of its own: a rehearsal.
const OWN_CLOCK: Dur = Dur::mins(5);

/// Shows the run until somebody leaves.
///
/// # Errors
/// The snapshot cannot be read, or the terminal not used.
pub async fn spectate(dir: RunDir, holder: Holder, global: &Global) -> Result<i32, Exit> {
    let first = Journal::read(&dir)?.run;
    let who = if first.identity.name.is_empty() { holder.to_string() } else { first.identity.name.clone() };
    let (view, seen) = watch::channel(Arc::new(first));
    let newest = seen.clone();
    let now = move || now_of(&newest.borrow());
    let label = Label { practice: false, kind: LabelKind::Spectator(who) };
    let options = ConsoleOptions { read_only: true, ..screen::options(global, label, Arc::new(now))? };
    // Nothing is asked of anybody; the channel is only there to be filled by nobody.
    let (said, _heard) = mpsc::channel(1);
    let following = tokio::spawn(follow(dir, view));
    let end = run_console(seen, said, options).await;
    following.abort();
    end?;
    Ok(0)
}

fn now_of(run: &Run) -> Time {
    let (wall, own) = (wall(), run.now.wall);
    if wall.since(own).max(own.since(wall)) > OWN_CLOCK { own } else { wall }
}

/// Passes each new snapshot on until the run has ended.
async fn follow(dir: RunDir, view: watch::Sender<Arc<Run>>) {
    let mut last = view.borrow().seq;
    let mut orphaned = false;
    loop {
        tokio::time::sleep(LOOK).await;
        // A snapshot is replaced in one step, so it is whole; what cannot be read now can be read next time.
        let Ok(snapshot) = Journal::read(&dir) else { continue };
        let mut run = snapshot.run;
        let gone = dir.driver().is_none() && !run.is_ended();
        if run.seq == last && gone == orphaned {
            continue;
        }
        (last, orphaned) = (run.seq, gone);
        if gone {
            let why = format!("its process is gone: `pilothouse resume {}` takes it up", dir.id());
            run.driving = Driving::Lost { why, since: run.now.wall };
        }
        let over = run.is_ended();
        view.send_replace(Arc::new(run));
        if over {
            return;
        }
    }
}
