//! One run, driven by this process, with a screen or as lines.
use std::io::{IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::live::Exit;
use crate::console::{ConsoleEnd, ConsoleOptions, FromConsole, run_console};
use crate::driver::{Driver, Input, Listener, Options};
use crate::engine::Run;
use crate::engine::message::Leave;
use crate::engine::run::{CameTo, Leaving};
use crate::headless::outcome::{WHY_SIGINT, WHY_SIGTERM, WHY_TIMEOUT};
use crate::headless::{Reporter, Text, exit_code};
use crate::journal::Journal;
use crate::ports::World;
use crate::spec::policy::OnExit;
use crate::spec::units::Dur;

/// Lines that may wait for a slow reader before new ones are dropped; driving never waits for a reader.
const LINES: usize = 10_000;

/// How a person or a program sees the run.
pub enum Face {
    Screen(Box<ConsoleOptions>),
    Lines(Box<dyn Reporter>),
}

/// What is driven, and by which adapters.
pub struct Ready {
    pub run: Run,
    pub journal: Journal,
    pub world: World,
}

/// Looks for the cluster, then opens the journal. Until it is done nothing is on disk.
pub type Opening = BoxFuture<'static, Result<Ready, Exit>>;

/// What one process does with one run.
pub struct Session {
    /// What a screen shows until there is something to drive.
    pub shown: Run,
    pub opening: Opening,
    /// Begin without a person's `start`.
    pub start: bool,
    pub on_exit: Option<OnExit>,
    pub timeout: Option<Dur>,
    /// What is said when it has passed.
    pub timeout_is: &'static str,
}

/// A full-screen console needs a terminal; say so before anything is begun.
///
/// # Errors
/// Standard input or output is none, or none that can draw.
pub fn need_terminal() -> Result<()> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        let term = std::env::var_os("TERM").unwrap_or_default();
        if !term.is_empty() && term != "dumb" {
            return Ok(());
        }
        // Control sequences would be printed as they are.
        bail!(
            "this terminal says it cannot draw (TERM is {}), so there is no screen; nothing was begun. Use \
             `pilothouse run`, or --headless, or set TERM",
            if term.is_empty() { "empty" } else { "dumb" }
        );
    }
    bail!("this is no terminal, so there is no screen; nothing was begun. Use `pilothouse run`, or --headless")
}

impl Session {
    /// A session whose cluster has answered and whose journal is open.
    pub fn of(ready: Ready) -> Session {
        let shown = ready.run.clone();
        let opening = futures::future::ready(Ok(ready)).boxed();
        Session { shown, opening, start: false, on_exit: None, timeout: None, timeout_is: WHY_TIMEOUT }
    }

    /// Drives until the run is over or left; gives the exit code.
    ///
    /// # Errors
    /// There is nothing to drive.
    pub async fn drive(self, face: Face) -> Result<i32, Exit> {
        match face {
            Face::Screen(console) => self.on_screen(*console).await,
            Face::Lines(reporter) => self.in_lines(reporter).await,
        }
    }

    fn options(&self, interactive: bool) -> impl Fn(&World) -> Options + Send + use<> {
        let (start, how, timeout, why) = (self.start, self.on_exit, self.timeout, self.timeout_is);
        move |world| {
            let leave = |after| (world.clock.now().wall + after, Leave { how, why: why.into() });
            Options { interactive, start, pager: false, leave_at: timeout.map(leave) }
        }
    }

    async fn in_lines(self, reporter: Box<dyn Reporter>) -> Result<i32, Exit> {
        let options = self.options(false);
        let (inputs, inputs_rx) = mpsc::channel(64);
        let leaving = watch::Sender::new(None);
        let signals = tokio::spawn(listen(inputs, self.on_exit, leaving.clone()));
        let Some(opened) = unless_left(self.opening, leaving.subscribe()).await else {
            return Err(Exit { code: left_early(*leaving.borrow()), error: anyhow!("{LEFT_EARLY}") });
        };
        let Ready { run, journal, world } = opened?;
        let (view, view_rx) = watch::channel(Arc::new(run.clone()));
        // What happened under an earlier process was told by it.
        let (hear, done) = Printer::new(reporter, run.event_count).split();
        let options = options(&world);
        let driver = Driver::new(run, world, journal, inputs_rx, view).on_change(hear);
        // A fault of the driver is told as one, with how the run goes on: whoever reads lines knows no panic.
        let run = match AssertUnwindSafe(driver.drive(options)).catch_unwind().await {
            Ok((run, _)) => run,
            Err(_) => broken(&view_rx.borrow()),
        };
        signals.abort();
        done.finish(&run);
        Ok(exit_code(&run))
    }

    /// The screen comes first: a cluster that is slow to answer keeps nobody before an empty terminal.
    async fn on_screen(self, console: ConsoleOptions) -> Result<i32, Exit> {
        let zone = console.zone.0;
        let loss = self.shown.plan.policy.on_terminal_loss;
        let options = self.options(true);
        let (inputs, inputs_rx) = mpsc::channel(64);
        let (view, view_rx) = watch::channel(Arc::new(self.shown));
        let leaving = watch::Sender::new(None);
        let signals = tokio::spawn(listen(inputs.clone(), self.on_exit, leaving.clone()));
        let (opening, left) = (self.opening, leaving.subscribe());
        let driving = tokio::spawn(async move {
            let Some(opened) = unless_left(opening, left).await else { return Ok(None) };
            let Ready { run, journal, world } = opened?;
            let options = options(&world);
            let (run, _) = Driver::new(run, world, journal, inputs_rx, view).drive(options).await;
            Ok::<_, Exit>(Some(run))
        });
        let screen = show(view_rx.clone(), inputs, console, loss, leaving.subscribe()).await;
        let why = *leaving.borrow();
        leaving.send_replace(why.or(Some("quit")));
        let driven = driving.await;
        signals.abort();
        if let Err(why) = &screen {
            say(&format!("pilothouse: {why:#}"));
        }
        let code = match driven {
            Ok(Err(exit)) => return Err(exit),
            Ok(Ok(None)) => {
                say(LEFT_EARLY);
                left_early(why)
            }
            // The screen is gone with all it showed: what it came to stands in the terminal after it.
            Ok(Ok(Some(run))) => ended(&run, zone),
            Err(_) => ended(&broken(&view_rx.borrow()), zone),
        };
        Ok(if screen.is_err() && code == 0 { 1 } else { code })
    }
}

const LEFT_EARLY: &str = "left before the cluster had answered; nothing was begun";

fn left_early(why: Option<&str>) -> i32 {
    if why == Some(WHY_SIGTERM) { 143 } else { 130 }
}

fn ended(run: &Run, zone: chrono_tz::Tz) -> i32 {
    say(&Text::new(zone).end(run));
    exit_code(run)
}

/// What was opened, unless somebody left before.
async fn unless_left(opening: Opening, mut left: watch::Receiver<Option<&'static str>>) -> Option<Result<Ready, Exit>> {
    tokio::select! {
        biased;
        opened = opening => Some(opened),
        _ = left.wait_for(Option::is_some) => None,
    }
}

/// The driver itself failed: what is known last. Nothing more is written, so that a resume finds it as it was saved.
fn broken(last: &Run) -> Run {
    let why = "a fault in Pilothouse ended the driver".to_string();
    say(&format!("pilothouse: {why} of run {}; weights stay as they are", last.id));
    let leaving =
        Leaving { how: OnExit::Hold, why, since: last.now.wall, came_to: Some(CameTo::Fault), takes_back: false };
    Run { leaving: Some(leaving), ..last.clone() }
}

/// To standard error, which may be gone with the terminal.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The console, until somebody leaves it, the terminal goes, or a signal ended the run under it.
async fn show(
    view: watch::Receiver<Arc<Run>>,
    inputs: mpsc::Sender<Input>,
    options: ConsoleOptions,
    loss: crate::spec::policy::OnTerminalLoss,
    signalled: watch::Receiver<Option<&'static str>>,
) -> Result<()> {
    let (said, mut heard) = mpsc::channel(32);
    let forward = {
        let inputs = inputs.clone();
        tokio::spawn(async move {
            while let Some(what) = heard.recv().await {
                let input = match what {
                    FromConsole::Command(c) => Input::Command(c),
                    FromConsole::Waived(w) => Input::Waived(w),
                    FromConsole::Quit(how) => Input::Leave(Leave { how: Some(how), why: "quit".into() }),
                    FromConsole::TerminalLost => Input::TerminalLost(loss),
                };
                if inputs.send(input).await.is_err() {
                    break;
                }
            }
        })
    };
    let mut over = view.clone();
    let ended_by_signal = async {
        while over.changed().await.is_ok() {}
        let faulty = failed(&over.borrow());
        if signalled.borrow().is_none() && !faulty {
            // What the run came to stays in sight until somebody leaves.
            std::future::pending::<()>().await;
        }
    };
    let practice = options.label.practice;
    let end = tokio::select! {
        // A fault in the screen must not end the run in the middle of a write.
        end = AssertUnwindSafe(run_console(view, said, options)).catch_unwind() => match end {
            Ok(end) => end.map_err(anyhow::Error::from),
            Err(_) => Err(anyhow!("a fault in Pilothouse ended the screen; the run was left as its policy says")),
        },
        () = ended_by_signal => Ok(ConsoleEnd::Quit(OnExit::Hold)),
    };
    match end {
        // The practice cluster ends with its process, and nobody can look at it any more.
        Ok(ConsoleEnd::TerminalLost) if practice => {
            let _ = inputs.send(Input::Quit).await;
        }
        Ok(_) => {}
        Err(e) => {
            // Without a screen nobody watches: as if the terminal had gone.
            let _ = inputs.send(Input::Leave(Leave { how: None, why: "no terminal".into() })).await;
            forward.abort();
            return Err(e);
        }
    }
    // Its channel is closed: what it said last has been passed on when this returns.
    let _ = forward.await;
    Ok(())
}

/// The driver stopped without a reason that the run knows of; one that another replaced has not failed.
fn failed(last: &Run) -> bool {
    let replaced = matches!(last.driving, crate::engine::run::Driving::SteppedDown { .. });
    !last.is_ended() && last.leaving.is_none() && !replaced
}

/// A signal this soon after another is the same wish: `timeout` and shells signal the process and then its group, and
/// that must not cost the 0 % write.
const SAME_SIGNAL: Duration = Duration::from_secs(2);

/// SIGTERM, SIGINT and SIGQUIT leave as the policy says; a second one, meant as such, leaves at once. SIGHUP alone ends nothing.
async fn listen(inputs: mpsc::Sender<Input>, how: Option<OnExit>, signalled: watch::Sender<Option<&'static str>>) {
    let (Ok(mut term), Ok(mut int), Ok(mut quit), Ok(mut hup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::hangup()),
    ) else {
        tracing::error!("signals cannot be listened to");
        return;
    };
    let mut asked: Option<Instant> = None;
    loop {
        let why = tokio::select! {
            _ = term.recv() => WHY_SIGTERM,
            _ = int.recv() => WHY_SIGINT,
            _ = quit.recv() => "SIGQUIT",
            _ = hup.recv() => continue,
        };
        signalled.send_replace(Some(why));
        let input = match asked {
            None => Input::Leave(Leave { how, why: why.into() }),
            Some(at) if at.elapsed() < SAME_SIGNAL => continue,
            Some(_) => Input::Quit,
        };
        asked.get_or_insert_with(Instant::now);
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

/// Turns changes of the run into lines on standard output, without ever making the driver wait for a reader.
struct Printer {
    reporter: Arc<std::sync::Mutex<Box<dyn Reporter>>>,
    printed: u64,
    lines: SyncSender<String>,
    writer: std::thread::JoinHandle<()>,
    dropped: Arc<AtomicBool>,
}

struct Done {
    reporter: Arc<std::sync::Mutex<Box<dyn Reporter>>>,
    lines: SyncSender<String>,
    writer: std::thread::JoinHandle<()>,
    dropped: Arc<AtomicBool>,
}

impl Printer {
    fn new(reporter: Box<dyn Reporter>, printed: u64) -> Printer {
        let (lines, waiting) = sync_channel::<String>(LINES);
        let writer = std::thread::spawn(move || {
            let mut out = std::io::stdout().lock();
            while let Ok(line) = waiting.recv() {
                // A reader that went away is no reason to stop an upgrade.
                if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                    break;
                }
            }
        });
        Printer {
            reporter: Arc::new(std::sync::Mutex::new(reporter)),
            printed,
            lines,
            writer,
            dropped: Arc::new(AtomicBool::new(false)),
        }
    }

    /// What the driver calls, and what is left to do at the end.
    fn split(self) -> (Listener, Done) {
        let (reporter, lines, dropped) = (self.reporter.clone(), self.lines.clone(), self.dropped.clone());
        let mut printed = self.printed;
        let hear = move |run: &Run| {
            let mut reporter = reporter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let fresh = usize::try_from(run.event_count - printed.min(run.event_count)).unwrap_or(usize::MAX);
            printed = run.event_count;
            let mut new: Vec<String> = run.events.iter().take(fresh).rev().map(|e| reporter.event(run, e)).collect();
            new.extend(reporter.tick(run, run.now.wall));
            for line in new.into_iter().filter(|l| !l.is_empty()) {
                if lines.try_send(line).is_err() {
                    dropped.store(true, Ordering::Relaxed);
                }
            }
        };
        let done = Done { reporter: self.reporter, lines: self.lines, writer: self.writer, dropped: self.dropped };
        (Box::new(hear), done)
    }
}

impl Done {
    fn finish(self, run: &Run) {
        let end = self.reporter.lock().unwrap_or_else(std::sync::PoisonError::into_inner).end(run);
        let _ = self.lines.send(end);
        if self.dropped.load(Ordering::Relaxed) {
            say("some lines were dropped because nobody read them in time; the audit file has all of them");
        }
        drop(self.lines);
        drop(self.reporter);
        let _ = self.writer.join();
    }
}
