//! The console at work: keys in, frames out, commands to the driver.
//!
//! A frame is drawn when something on it changed, at most thirty a second, and never while the last is still on its way
//! to the terminal. A quiet screen costs one small difference a second, for the clock.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, SetTitle};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::cells::{compact, plain};
use super::chord::Key;
use super::dialog::Dialog;
use super::glyphs::GlyphSet;
use super::input::{Input, Parser};
use super::keymap::Keymap;
use super::model::{Intent, Mode, Model};
use super::tenants::Tenants;
use super::terminal::{ConsoleError, FromTerminal, Guard, dimensions, threads};
use super::theme::Theme;
use super::update::{Ctx, paste, press};
use super::view::draw_into;
use super::viewmodel::{Label, Scene, Sources, ViewModel};
use super::waive::{Accept, AtHand, Refusal};
use super::zone::Zone;
use crate::engine::message::Waived;
use crate::engine::{Command, Run};
use crate::plan::Roster;
use crate::plan::verdict::Verdict;
use crate::spec::policy::OnExit;
use crate::spec::units::Time;

/// What a console is started with.
#[derive(Clone)]
pub struct ConsoleOptions {
    /// Adapted to the terminal's colours; see [`super::surroundings::theme`].
    pub theme: Theme,
    pub keymap: Keymap,
    pub glyphs: GlyphSet,
    pub zone: Zone,
    /// Send no command.
    pub read_only: bool,
    pub label: Label,
    /// Of the run's files, if they hold any.
    pub tenants: Option<Arc<Roster>>,
    /// The folder of contracts the plan was made from, if there is one to write to.
    pub contracts: AtHand,
    /// The clock of the run, real or virtual.
    pub now: Arc<dyn Fn() -> Time + Send + Sync>,
    /// Where `dump` writes frames.
    pub dump_dir: PathBuf,
}

/// What the console tells the driver.
#[derive(Debug, Clone, PartialEq)]
pub enum FromConsole {
    Command(Command),
    /// A finding was accepted: it stands in the file, and the contracts were read again.
    Waived(Box<Waived>),
    /// Leave so. After `Rollback` the console stays until the run has ended or the driver stops sending it.
    Quit(OnExit),
    /// The terminal is gone; the run is not.
    TerminalLost,
}

/// How the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleEnd {
    Quit(OnExit),
    TerminalLost,
}

/// Goes on after a stop. The number is the system's own: 18 on Linux (x86 and Arm), 19 on macOS and the BSDs.
const SIGCONT: SignalKind = SignalKind::from_raw(if cfg!(target_os = "linux") { 18 } else { 19 });
/// At most thirty frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// Bytes that reach a terminal in one piece, so that nobody sees half of them: the hands of the clock, a countdown. Over
/// a slow line the marks around them would cost as much as they do.
const AT_ONCE: usize = 256;
/// How long a lone ESC waits for the rest of a sequence.
const ESCAPE: Duration = Duration::from_millis(40);

/// Takes the terminal and shows the run until somebody leaves or the terminal is gone.
///
/// # Errors
/// There is no terminal, or it cannot be set up. The terminal is given back on every way out.
pub async fn run_console(
    mut updates: watch::Receiver<Arc<Run>>,
    commands: mpsc::Sender<FromConsole>,
    options: ConsoleOptions,
) -> Result<ConsoleEnd, ConsoleError> {
    let guard = Guard::enter()?;
    let (mut terminal, frames) = threads()?;
    let mut resized = signal(SignalKind::window_change()).map_err(|e| ConsoleError::Signal("SIGWINCH", e))?;
    let mut ended = signal(SignalKind::quit()).map_err(|e| ConsoleError::Signal("SIGQUIT", e))?;
    let mut continued = signal(SIGCONT).map_err(|e| ConsoleError::Signal("SIGCONT", e))?;
    let run = updates.borrow_and_update().clone();
    let (written, mut accepted) = mpsc::channel(1);
    let mut console = Console::new(run, commands, frames, options, written);
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut attached = true;
    console.draw();
    let end = loop {
        if let Some(end) = console.end(attached) {
            break end;
        }
        tokio::select! {
            changed = updates.changed(), if attached => match changed {
                Ok(()) => {
                    let run = updates.borrow_and_update().clone();
                    console.take_run(run);
                }
                // The driver has stopped; what it left stays in sight until somebody leaves.
                Err(_) => attached = false,
            },
            said = terminal.recv() => console.take_terminal(said.unwrap_or(FromTerminal::Gone)),
            Some((asked, came_to)) = accepted.recv() => console.accepted(asked, came_to),
            () = sleep_until(console.escape.unwrap_or_else(Instant::now)), if console.escape.is_some() => console.flush(),
            _ = resized.recv() => console.resize(),
            _ = continued.recv() => console.take_up(),
            // Whoever sends it wants out now: the terminal as it was, at once.
            _ = ended.recv() => {
                super::terminal::restore();
                console.take_terminal(FromTerminal::Gone);
            }
            _ = second.tick() => console.tick(),
            () = sleep_until(console.due), if console.dirty && !console.writing => console.draw(),
        }
    };
    // The last frame first, then the terminal as it was; a stalled terminal is not waited for.
    let last_frame = async {
        while console.writing && !console.gone {
            console.take_terminal(terminal.recv().await.unwrap_or(FromTerminal::Gone));
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(300), last_frame).await;
    drop(guard);
    Ok(end)
}

struct Console {
    run: Arc<Run>,
    model: Model,
    tenants: Option<Tenants>,
    options: ConsoleOptions,
    commands: mpsc::Sender<FromConsole>,
    frames: SyncSender<Vec<u8>>,
    parser: Parser,
    /// What the terminal shows, and what it showed: only the difference is sent.
    shown: Buffer,
    last: Option<ViewModel>,
    title: String,
    /// Escape sequences that go out with the next frame: bell, clipboard.
    extra: Vec<u8>,
    dirty: bool,
    writing: bool,
    /// Draw everything: the terminal's content is not known.
    whole: bool,
    /// Not before this.
    due: Instant,
    escape: Option<Instant>,
    quitting: Option<OnExit>,
    gone: bool,
    begun: Instant,
    /// Where what is written on a thread of its own comes back, and whether something is.
    written: mpsc::Sender<Answer>,
    writes: bool,
}

/// A finding that was to be accepted, and what came of it.
type Answer = (Accept, Result<Verdict, Refusal>);

impl Console {
    fn new(
        run: Arc<Run>,
        commands: mpsc::Sender<FromConsole>,
        frames: SyncSender<Vec<u8>>,
        options: ConsoleOptions,
        written: mpsc::Sender<Answer>,
    ) -> Console {
        let contracts = options.contracts.as_ref().map(|c| c.file());
        let mut model = Model { read_only: options.read_only, contracts, ..Model::default() };
        // Questions that are open already are on the screen; the bell is for new ones.
        model.observe(&run);
        // Beside runs of before tenants were kept with them.
        let of_plan = || Roster::of_plan(&run.plan).map(Arc::new);
        let tenants = options.tenants.clone().or_else(of_plan).map(|roster| Tenants::new(roster, (options.now)()));
        let (w, h) = dimensions();
        Console {
            run,
            model,
            tenants,
            options,
            commands,
            frames,
            parser: Parser::default(),
            shown: Buffer::empty(Rect::new(0, 0, w, h)),
            last: None,
            title: String::new(),
            extra: Vec::new(),
            dirty: true,
            writing: false,
            whole: true,
            due: Instant::now(),
            escape: None,
            quitting: None,
            gone: false,
            begun: Instant::now(),
            written,
            writes: false,
        }
    }

    /// How it ends, if it does now.
    fn end(&self, attached: bool) -> Option<ConsoleEnd> {
        if self.gone {
            return Some(ConsoleEnd::TerminalLost);
        }
        let how = self.quitting?;
        let over = how == OnExit::Hold || !attached || self.run.is_ended();
        over.then_some(ConsoleEnd::Quit(how))
    }

    fn take_run(&mut self, run: Arc<Run>) {
        self.run = run;
        let intents = self.model.observe(&self.run);
        self.carry_out(intents);
        self.dirty = true;
    }

    fn tick(&mut self) {
        self.fade();
        self.dirty = true;
    }

    /// By a clock of the console's own: that of the run may be virtual.
    fn fade(&mut self) {
        let spent = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.model.fade_hint(Time(spent));
    }

    fn take_terminal(&mut self, said: FromTerminal) {
        match said {
            FromTerminal::Bytes(bytes) => {
                let inputs = self.parser.feed(&bytes);
                self.take_inputs(inputs);
                self.escape = self.parser.waits().then(|| Instant::now() + ESCAPE);
            }
            FromTerminal::Written => self.writing = false,
            FromTerminal::Gone => {
                self.gone = true;
                // A full queue must not lose this one: the driver learns it from the console's end as well.
                let _ = self.commands.try_send(FromConsole::TerminalLost);
            }
        }
    }

    fn flush(&mut self) {
        self.escape = None;
        let inputs = self.parser.flush();
        self.take_inputs(inputs);
    }

    fn take_inputs(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            self.dirty = true;
            match input {
                // The one key without a meaning of its own: draw everything anew.
                Input::Key(key) if key == Key::ctrl('l') => self.whole = true,
                Input::Key(key) => {
                    self.prepare();
                    let run = Arc::clone(&self.run);
                    let page = usize::from(self.shown.area.height / 2).max(1);
                    let ctx = Ctx {
                        run: &run,
                        keymap: &self.options.keymap,
                        now: (self.options.now)(),
                        tenants: self.tenants.as_ref(),
                        page,
                    };
                    let intents = press(&mut self.model, key, ctx);
                    self.carry_out(intents);
                }
                Input::Paste(text) => paste(&mut self.model, &text),
            }
            self.fade();
        }
    }

    fn carry_out(&mut self, intents: Vec<Intent>) {
        for intent in intents {
            match intent {
                Intent::Command(command) => {
                    self.send(FromConsole::Command(command));
                }
                Intent::Quit(how) => {
                    // A driver that has stopped keeps nobody here; one that is busy must hear it.
                    let heard = self.send(FromConsole::Quit(how)) || self.commands.is_closed();
                    if heard {
                        self.quitting = Some(how);
                    }
                    if heard && how == OnExit::Rollback {
                        self.model.hint = Some("aborting the run, then leaving".into());
                    }
                }
                Intent::Copy(text) => {
                    // Writing into a Vec does not fail.
                    let _ = queue!(self.extra, CopyToClipboard::to_clipboard_from(text));
                }
                Intent::Bell => self.extra.push(0x07),
                Intent::Dump => self.dump(),
                Intent::Export => self.export(),
                Intent::Accept(asked) => self.accept(asked),
            }
        }
    }

    /// On a thread of its own: files are read and compared, and the screen goes on.
    fn accept(&mut self, asked: Accept) {
        let Some(contracts) = self.options.contracts.clone().filter(|_| !self.writes) else {
            self.model.hint = Some("not taken: another entry is being written".into());
            return;
        };
        self.writes = true;
        let written = self.written.clone();
        tokio::task::spawn_blocking(move || {
            let came_to = contracts.accept(&asked);
            // The console may have been left meanwhile; the file says what was written.
            let _ = written.blocking_send((asked, came_to));
        });
    }

    fn accepted(&mut self, asked: Accept, came_to: Result<Verdict, Refusal>) {
        (self.writes, self.dirty) = (false, true);
        let file = self.model.contracts.clone().unwrap_or_default();
        let refusal = match came_to {
            Ok(verdict) => {
                let by = self.run.identity.clone();
                let hint = format!("accepted: it stands in {file}");
                if self.send(FromConsole::Waived(Box::new(Waived { by, waiver: asked.waiver, file, verdict }))) {
                    self.model.hint = Some(hint);
                }
                return;
            }
            Err(refusal) => refusal,
        };
        // A dialog somebody has opened meanwhile stays.
        match self.model.mode {
            Mode::Keys => self.model.mode = Mode::Dialog(Dialog::Refused(refusal)),
            _ => self.model.hint = Some(format!("not accepted: {}", refusal.why)),
        }
    }

    /// The queue is short and the driver quick; when it is full the person hears of it rather than the screen freezing.
    fn send(&mut self, what: FromConsole) -> bool {
        let why = match self.commands.try_send(what) {
            Ok(()) => return true,
            Err(mpsc::error::TrySendError::Full(_)) => "the driver is busy; press it again",
            Err(mpsc::error::TrySendError::Closed(_)) => "the driver has stopped",
        };
        self.model.hint = Some(format!("not taken: {why}"));
        false
    }

    fn take_up(&mut self) {
        self.extra.extend(super::terminal::resume());
        self.whole = true;
        self.dirty = true;
        self.resize();
    }

    fn resize(&mut self) {
        let (w, h) = dimensions();
        if self.shown.area != Rect::new(0, 0, w, h) {
            self.shown = Buffer::empty(Rect::new(0, 0, w, h));
            self.whole = true;
            self.dirty = true;
        }
    }

    /// Looks at the tenants' windows again, where that is due.
    fn prepare(&mut self) {
        let now = (self.options.now)();
        if let Some(tenants) = &mut self.tenants {
            tenants.prepare(now, &self.run, self.model.tenants_sort, &self.model.tenants_filter);
        }
    }

    fn view_model(&mut self) -> ViewModel {
        self.prepare();
        let now = (self.options.now)();
        let sources = Sources::of(&self.run, now);
        let scene = Scene {
            now,
            zone: self.options.zone,
            sources: &sources,
            label: &self.options.label,
            keymap: &self.options.keymap,
            tenants: self.tenants.as_ref(),
            rows: usize::from(self.shown.area.height),
        };
        ViewModel::build(&self.run, &self.model, scene)
    }

    fn draw(&mut self) {
        // Builds with debug assertions only: what a fault in the screen leaves behind is under test.
        #[cfg(debug_assertions)]
        assert!(
            self.last.is_none() || std::env::var_os("PILOTHOUSE_PANIC").is_none_or(|what| what != "draw"),
            "a fault in the screen, as PILOTHOUSE_PANIC asks"
        );
        self.dirty = false;
        self.due = Instant::now() + FRAME;
        let vm = self.view_model();
        let same = !self.whole && self.extra.is_empty() && self.last.as_ref() == Some(&vm);
        if same {
            return;
        }
        let mut next = Buffer::empty(self.shown.area);
        draw_into(&vm, &self.options.theme, self.options.glyphs.glyphs(), next.area, &mut next);
        let bytes = self.difference(&next, &vm);
        self.shown = next;
        self.last = Some(vm);
        if !bytes.is_empty() {
            self.writing = true;
            // One frame at a time, so the slot is free; a thread that ended has said that the terminal is gone.
            let _ = self.frames.try_send(bytes);
        }
    }

    /// The bytes that turn what is shown into `next`. Writing into a Vec does not fail.
    fn difference(&mut self, next: &Buffer, vm: &ViewModel) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.extra);
        let title = vm.title();
        if title != self.title {
            let _ = queue!(bytes, SetTitle(&title));
            self.title = title;
        }
        if std::mem::take(&mut self.whole) {
            let _ = queue!(bytes, Clear(ClearType::All));
            self.shown.reset();
        }
        let mut changes = self.shown.diff_iter(next).peekable();
        if changes.peek().is_some() {
            let mut backend = CrosstermBackend::new(Vec::with_capacity(1024));
            let _ = backend.draw(changes);
            let cells = compact(backend.writer());
            let several = cells.len() > AT_ONCE;
            if several {
                let _ = queue!(bytes, BeginSynchronizedUpdate);
            }
            bytes.extend(cells);
            if several {
                let _ = queue!(bytes, EndSynchronizedUpdate);
            }
        }
        bytes
    }

    fn dump(&mut self) {
        let vm = self.view_model();
        let mut buffer = Buffer::empty(self.shown.area);
        draw_into(&vm, &self.options.theme, self.options.glyphs.glyphs(), buffer.area, &mut buffer);
        self.write("frame", "txt", &plain(&buffer));
    }

    fn export(&mut self) {
        let Some(verdict) = &self.run.plan.compat else { return };
        // Texts, numbers and maps with text keys: that always serialises.
        let text = serde_json::to_string_pretty(verdict).unwrap_or_default();
        self.write("findings", "json", &text);
    }

    /// Beside where one stands, under a name of its own; the hint says where.
    fn write(&mut self, what: &str, kind: &str, text: &str) {
        let stamp = (self.options.now)().utc().format("%Y%m%d-%H%M%S");
        let path = self.options.dump_dir.join(format!("{what}-{}-{stamp}.{kind}", self.run.id));
        let written = std::fs::create_dir_all(&self.options.dump_dir).and_then(|()| std::fs::write(&path, text));
        self.model.hint = Some(match written {
            Ok(()) => format!("{what} written to {}", path.display()),
            Err(e) => format!("{what} not written to {}: {e}", path.display()),
        });
    }
}
