//! Following a run that another process on this machine drives, by its journal. Sends no command.
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use super::args::Global;
use super::clock::wall;
use super::live::Exit;
use super::screen;
use crate::console::viewmodel::{Label, LabelKind};
use crate::console::{ConsoleOptions, run_console};
use crate::engine::Run;
use crate::engine::run::{Driving, GRID, Stage, Unheard};
use crate::journal::tenants::kept_tenants;
use crate::journal::{Holder, Journal, RunDir};
use crate::spec::units::{Dur, Time};

/// How often the journal is looked at. What was heard is in it by the next grid tick, each decision at once.
const LOOK: Duration = Duration::from_millis(500);
/// A run that is further than this from the wall clock has a clock of its own: a rehearsal.
const OWN_CLOCK: Dur = Dur::mins(5);

/// A driver that sees its cluster writes what it heard at each grid tick, and its lease ends before a second one is over:
/// one that has written nothing for longer drives no more, or not now.
const SILENT: Dur = GRID.times(2);

/// Shows the run until somebody leaves.
///
/// # Errors
/// The snapshot cannot be read, or the terminal not used.
pub async fn spectate(dir: RunDir, holder: Holder, global: &Global) -> Result<i32, Exit> {
    let first = Journal::read(&dir)?.caught_up();
    let who = if first.identity.name.is_empty() { holder.to_string() } else { first.identity.name.clone() };
    let (view, seen) = watch::channel(Arc::new(first));
    let newest = seen.clone();
    let own = has_own_clock(&newest.borrow(), files(&dir).1.and_then(time).unwrap_or_else(wall));
    let now = move || if own { newest.borrow().now.wall } else { wall() };
    let label = Label { practice: false, kind: LabelKind::Spectator(who) };
    let tenants = kept_tenants(&dir).map(Arc::new);
    let options = ConsoleOptions { read_only: true, tenants, ..screen::options(global, label, Arc::new(now))? };
    // Nothing is asked of anybody; the channel is only there to be filled by nobody.
    let (said, _heard) = mpsc::channel(1);
    let following = tokio::spawn(follow(dir, view));
    let end = run_console(seen, said, options).await;
    following.abort();
    end?;
    Ok(0)
}

/// As it was when the newest of its messages was written; later on a driver that is silent only looks like one.
fn has_own_clock(run: &Run, written: Time) -> bool {
    written.since(run.now.wall).max(run.now.wall.since(written)) > OWN_CLOCK
}

fn time(file: SystemTime) -> Option<Time> {
    let since = file.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Time)
}

/// What is known of the one who drives, `quiet` after it wrote last. Only a run that is under way and sees its cluster is
/// sure to write at each tick; how fast a clock of its own goes nobody can tell from here.
fn unheard(run: &Run, gone: bool, quiet: Dur, written: Option<Time>) -> Option<Unheard> {
    // One that was left says so itself, and why.
    if run.is_ended() || gone && run.is_left() {
        return None;
    }
    if gone {
        return Some(Unheard::Gone);
    }
    let drives = matches!(run.driving, Driving::Yes { .. }) && run.cluster.down.is_none() && run.synced;
    let ticks = run.stage == Stage::Running && drives && !run.is_left();
    let own = written.is_none_or(|written| has_own_clock(run, written));
    (ticks && !own && quiet > SILENT).then_some(Unheard::Silent)
}

/// For how long nothing was written. Counted by a clock that nobody sets, but for the time before the first look.
struct Quiet {
    files: Files,
    before: Duration,
    since: Instant,
}

impl Quiet {
    fn new(files: Files) -> Quiet {
        let newest = files.0.max(files.1);
        let before = newest.and_then(|t| SystemTime::now().duration_since(t).ok()).unwrap_or_default();
        Quiet { files, before, since: Instant::now() }
    }

    fn look(&mut self, files: Files) -> Dur {
        if files != self.files {
            *self = Quiet { files, before: Duration::ZERO, since: Instant::now() };
        }
        Dur(u64::try_from((self.before + self.since.elapsed()).as_millis()).unwrap_or(u64::MAX))
    }
}

/// When the state was last saved and a message last written, and how much has been heard: the same figures, the same run.
type Files = (Option<SystemTime>, Option<SystemTime>, u64);

fn files(dir: &RunDir) -> Files {
    let of = |name: &str| std::fs::metadata(dir.path().join(name)).ok();
    let when = |name: &str| of(name).and_then(|m| m.modified().ok());
    (when("snapshot.json"), when("inbox.jsonl"), of("inbox.jsonl").map_or(0, |m| m.len()))
}

/// A driver that renews its lease on a quiet cluster hears from it all the time and writes nothing of that. It does write
/// that the cluster is away; so until then its picture is as fresh as its newest message.
fn heard(mut run: Run, written: &Option<SystemTime>) -> Run {
    let Some(written) = written.and_then(time) else { return run };
    let fresh = run.cluster.down.is_none() && matches!(run.driving, Driving::Yes { .. });
    if fresh && !has_own_clock(&run, written) {
        run.cluster.last_ok = run.cluster.last_ok.max(Some(written));
    }
    run
}

/// Passes each new state on until the run has ended.
async fn follow(dir: RunDir, view: watch::Sender<Arc<Run>>) {
    let mut last = (view.borrow().seq, None);
    let (mut read, mut quiet) = (None, Quiet::new(files(&dir)));
    loop {
        tokio::time::sleep(LOOK).await;
        let (gone, files) = (dir.driver().is_none(), files(&dir));
        let quiet = quiet.look(files);
        let looks = (gone, files, quiet > SILENT);
        if read == Some(looks) {
            continue;
        }
        // A snapshot is replaced in one step, so it is whole; what cannot be read now can be read next time.
        let Ok(snapshot) = Journal::read(&dir) else { continue };
        read = Some(looks);
        let mut run = heard(snapshot.caught_up(), &files.1);
        let written = files.1.and_then(time);
        run.unheard = unheard(&run, gone, quiet, written);
        if (run.seq, run.unheard) == last {
            continue;
        }
        last = (run.seq, run.unheard);
        if let Some(how) = run.unheard {
            let (why, since) = match how {
                Unheard::Gone => (format!("its process is gone: `{}` takes it up", run.resume_command()), run.now.wall),
                Unheard::Silent => ("its driver has not been heard".into(), written.unwrap_or(run.now.wall)),
            };
            run.driving = Driving::Lost { why, since };
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

    #[test]
    fn a_driver_that_writes_nothing_for_two_ticks_is_not_heard() {
        let mut run = run();
        (run.now.wall, run.driving, run.synced) = (at(60), Driving::Yes { epoch: 3 }, true);
        (run.stage, run.cluster.down) = (Stage::Running, None);
        let silent = |run: &Run, seconds| unheard(run, false, Dur::secs(seconds), Some(at(61)));
        assert_eq!((silent(&run, 20), silent(&run, 21)), (None, Some(Unheard::Silent)));
        assert_eq!(unheard(&run, true, Dur::ZERO, Some(at(61))), Some(Unheard::Gone));
        assert_eq!(unheard(&run, false, Dur::mins(9), Some(at(9000))), None, "a rehearsal, however slow");
        for quiet in [
            Run { stage: Stage::Ready, ..run.clone() },
            Run { synced: false, ..run.clone() },
            Run { driving: Driving::Unknown, ..run.clone() },
        ] {
            assert_eq!(silent(&quiet, 600), None, "it has nothing to write: {:?}", quiet.stage);
        }
        run.cluster.down = Some((at(50), "refused".into()));
        assert_eq!(silent(&run, 600), None, "it asks nothing of a cluster that is away");
    }

    #[test]
    fn it_is_quiet_since_the_last_write() {
        let early = SystemTime::now() - Duration::from_secs(90);
        let mut quiet = Quiet::new((Some(early), Some(early), 7));
        assert!(quiet.look((Some(early), Some(early), 7)) >= Dur::secs(90), "also before the first look");
        assert!(quiet.look((Some(early), Some(early), 8)) < Dur::secs(10));
    }
}
