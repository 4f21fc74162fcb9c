//! Following a run that another process on this machine drives, by its journal. Sends no command.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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

/// How often the journal is looked at. What was heard is in it by the next grid tick, each decision at once.
const LOOK: Duration = Duration::from_millis(500);
/// A run that is further than this from the wall clock has a clock of its own: a rehearsal.
const OWN_CLOCK: Dur = Dur::mins(5);

/// Shows the run until somebody leaves.
///
/// # Errors
/// The snapshot cannot be read, or the terminal not used.
pub async fn spectate(dir: RunDir, holder: Holder, global: &Global) -> Result<i32, Exit> {
    let first = Journal::read(&dir)?.caught_up();
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

/// When the state was last saved and a message last written, and how much has been heard: the same figures, the same run.
fn files(dir: &RunDir) -> (Option<SystemTime>, Option<SystemTime>, u64) {
    let of = |name: &str| std::fs::metadata(dir.path().join(name)).ok();
    let when = |name: &str| of(name).and_then(|m| m.modified().ok());
    (when("snapshot.json"), when("inbox.jsonl"), of("inbox.jsonl").map_or(0, |m| m.len()))
}

/// A driver that renews its lease on a quiet cluster hears from it all the time and writes nothing of that. It does write
/// that the cluster is away; so until then its picture is as fresh as its newest message.
fn heard(mut run: Run, written: &Option<SystemTime>) -> Run {
    let written = written.and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok());
    let Some(written) = written.and_then(|t| i64::try_from(t.as_millis()).ok()).map(Time) else { return run };
    let fresh = run.cluster.down.is_none() && matches!(run.driving, Driving::Yes { .. });
    let own_clock = written.since(run.now.wall).max(run.now.wall.since(written)) > OWN_CLOCK;
    if fresh && !own_clock {
        run.cluster.last_ok = run.cluster.last_ok.max(Some(written));
    }
    run
}

/// Passes each new state on until the run has ended.
async fn follow(dir: RunDir, view: watch::Sender<Arc<Run>>) {
    let mut last = view.borrow().seq;
    let (mut orphaned, mut read) = (false, None);
    loop {
        tokio::time::sleep(LOOK).await;
        let (gone, files) = (dir.driver().is_none(), files(&dir));
        if read == Some((gone, files)) {
            continue;
        }
        // A snapshot is replaced in one step, so it is whole; what cannot be read now can be read next time.
        let Ok(snapshot) = Journal::read(&dir) else { continue };
        read = Some((gone, files));
        let mut run = heard(snapshot.caught_up(), &files.1);
        // One that was left says so itself, and why.
        let gone = gone && !run.is_ended() && !run.is_left();
        if run.seq == last && gone == orphaned {
            continue;
        }
        (last, orphaned) = (run.seq, gone);
        if gone {
            let why = format!("its process is gone: `{}` takes it up", run.resume_command());
            run.driving = Driving::Lost { why, since: run.now.wall };
        }
        let over = run.is_ended();
        view.send_replace(Arc::new(run));
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{at, run};

    #[test]
    fn a_quiet_cluster_is_as_fresh_as_the_newest_message() {
        let when =
            |seconds: i64| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at(seconds).0).unwrap()));
        let mut quiet = run();
        (quiet.now.wall, quiet.cluster.last_ok) = (at(60), Some(at(5)));
        assert_eq!(heard(quiet.clone(), &when(60)).cluster.last_ok, Some(at(60)));
        assert_eq!(heard(quiet.clone(), &when(2)).cluster.last_ok, Some(at(5)), "never older");
        assert_eq!(heard(quiet.clone(), &None).cluster.last_ok, Some(at(5)));
        assert_eq!(
            heard(quiet.clone(), &when(9000)).cluster.last_ok,
            Some(at(5)),
            "a rehearsal has a clock of its own"
        );
        quiet.cluster.down = Some((at(50), "refused".into()));
        assert_eq!(heard(quiet, &when(60)).cluster.last_ok, Some(at(5)), "it is away");
    }
}
