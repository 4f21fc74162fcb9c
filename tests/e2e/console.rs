//! The console in a real terminal: what it draws, what keys do, and that the terminal is always given back.
//!
//! The child is this test binary itself, told by environment variables to run a console over a run of a seeded night;
//! `pause-all` stands in for time passing, and `pause` for a defect.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::support::nights::{self, Moment};
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::theme::Theme;
use pilothouse::console::viewmodel::Label;
use pilothouse::console::zone::Zone;
use pilothouse::console::{ConsoleOptions, FromConsole, run_console};
use pilothouse::engine::Run;
use pilothouse::engine::Verb;
use pilothouse::spec::units::Time;
use portable_pty::{Child, CommandBuilder, MasterPty, NativePtySystem, PtySize, PtySystem};

const CHILD: &str = "PILOTHOUSE_TEST_CONSOLE_OUT";
const OWNER: &str = "PILOTHOUSE_TEST_CONSOLE_OWNER";
const RUNS: &str = "PILOTHOUSE_TEST_CONSOLE_RUNS";

/// The file of two moments of one night, as JSON; played once, whoever needs it first.
fn runs() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let played = || {
        if let Some(file) = std::env::var_os(RUNS) {
            return file.into();
        }
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("console-runs-{}.json", std::process::id()));
        let moments = [nights::over(), nights::after()].map(|m| (m.run, m.now));
        std::fs::write(&file, serde_json::to_vec(&moments).unwrap()).unwrap();
        file
    };
    FILE.get_or_init(played).clone()
}

/// Not a test of its own: the other side of the ones below. Writes what the console sent to the file named by `CHILD`.
#[test]
fn child() {
    let Ok(out) = std::env::var(CHILD) else { return };
    let played: [(Run, Time); 2] = serde_json::from_slice(&std::fs::read(runs()).unwrap()).unwrap();
    let [over, after] = played.map(|(run, now)| Moment { run, now });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let said = runtime.block_on(async {
        // As the driver does: losing the terminal is not the end.
        let _hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
        let now = over.now;
        let (updates, receiver) = tokio::sync::watch::channel(Arc::new(over.run));
        let (send, mut sent) = tokio::sync::mpsc::channel(8);
        let listener = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(what) = sent.recv().await {
                if let FromConsole::Command(c) = &what {
                    assert!(c.verb != Verb::Pause, "a defect in the console");
                    if c.verb == Verb::PauseAll {
                        updates.send_replace(Arc::new(after.run.clone()));
                    }
                }
                all.push(format!("{what:?}"));
            }
            all
        });
        let options = ConsoleOptions {
            theme: Theme::shipped("default-dark").unwrap().unwrap(),
            keymap: Keymap::shipped("default").unwrap().unwrap(),
            glyphs: GlyphSet::Unicode,
            zone: Zone::named("Europe/Berlin").unwrap(),
            tenants: None,
            contracts: None,
            read_only: false,
            label: Label::default(),
            now: Arc::new(move || now),
            dump_dir: std::env::temp_dir(),
        };
        let end = run_console(receiver, send, options).await;
        let mut all = listener.await.map_err(|e| e.to_string()).unwrap_or_else(|e| vec![e]);
        all.push(format!("{end:?}"));
        all.join("\n")
    });
    std::fs::write(out, said).unwrap();
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "left the console");
}

/// What a terminal does besides drawing.
#[derive(Default)]
struct Heard {
    bells: usize,
    titles: Vec<String>,
    copied: Vec<u8>,
}

impl vt100::Callbacks for Heard {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied = data.to_vec();
    }
}

/// A child in a terminal.
struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser<Heard>>>,
    out: std::path::PathBuf,
}

impl Pty {
    fn start(name: &str) -> Pty {
        Pty::start_to(std::env::temp_dir().join(format!("pilothouse-console-{}-{name}", std::process::id())))
    }

    fn start_to(out: std::path::PathBuf) -> Pty {
        let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = NativePtySystem::default().openpty(size).unwrap();
        let _ = std::fs::remove_file(&out);
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "console::child", "--nocapture", "--test-threads=1"]);
        command.env(CHILD, &out);
        command.env(RUNS, runs());
        command.env("TERM", "xterm-256color");
        command.env("RUST_BACKTRACE", "0");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (rows, cols) = (NonZero::new(30).unwrap(), NonZero::new(100).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new_with_callbacks(rows, cols, 0, Heard::default())));
        let (mut reader, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                seen.lock().unwrap().process(&buffer[..n]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Pty { master: pair.master, child, keys, screen, out }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !holds(self.screen.lock().unwrap().screen()) {
            assert!(start.elapsed() < Duration::from_secs(20), "waited for {what}; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn shows(&self, text: &str) {
        self.wait(text, |s| s.contents().contains(text));
    }

    /// What the console sent, once the child has ended.
    fn said(&mut self) -> String {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the child does not end; the screen shows:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_file(&self.out);
    }
}

#[test]
fn keys_reach_the_driver_and_the_terminal_is_given_back() {
    let mut pty = Pty::start("keys");
    pty.shows("HELD  billing held at 50%");
    pty.press("x");
    pty.shows("Enter does nothing until");
    pty.press("\r");
    pty.press("billing");
    pty.shows("[ Enter abort ]");
    pty.press("\r");
    pty.shows("abort billing sent");
    pty.press("q");
    pty.shows("LEAVE");
    pty.press("h");
    let said = pty.said();
    assert!(said.contains("verb: Abort") && said.contains("typed: Some(\"billing\")"), "{said}");
    assert!(said.contains("Quit(Hold)") && said.ends_with("Ok(Quit(Hold))"), "{said}");
    pty.wait("the shell's screen", |s| !s.alternate_screen() && !s.hide_cursor() && !s.bracketed_paste());
    pty.shows("left the console");
}

#[test]
fn title_and_bell_reach_one_who_looks_elsewhere() {
    let mut pty = Pty::start("bell");
    pty.shows("HELD");
    let heard = |pty: &Pty| pty.screen.lock().unwrap().callbacks().bells;
    assert_eq!(heard(&pty), 0, "nothing new is asked");
    pty.press("H");
    pty.shows("!ASK  billing went back");
    pty.press("y");
    pty.shows("copied");
    {
        let screen = pty.screen.lock().unwrap();
        let heard = screen.callbacks();
        assert_eq!(
            (heard.bells, heard.titles.as_slice()),
            (1, ["HELD billing 50%".into(), "HELD billing 0%".into()].as_slice())
        );
        // "billing 4.1.8 > 4.2.1 0% rolled back", as OSC 52 carries it.
        assert_eq!(heard.copied, b"YmlsbGluZyA0LjEuOCA+IDQuMi4xIDAlIHJvbGxlZCBiYWNr");
    }
    pty.press("qh");
    pty.said();
}

#[test]
fn one_who_comes_back_from_a_stop_finds_the_whole_screen() {
    let mut pty = Pty::start("stop");
    pty.shows("HELD");
    let signal = |pty: &Pty, name: &str| {
        let id = pty.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal(&pty, "-STOP");
    // What a shell leaves: its own screen, a cursor, other text.
    pty.screen.lock().unwrap().process(b"\x1b[?1049l\x1b[?25h\x1b[2J$ ls");
    signal(&pty, "-CONT");
    pty.wait("the whole screen", |s| {
        s.alternate_screen()
            && s.hide_cursor()
            && s.contents().contains("HELD  billing")
            && s.contents().contains("? help")
    });
    pty.press("qh");
    assert!(pty.said().ends_with("Ok(Quit(Hold))"));
}

#[test]
fn any_size_is_drawn() {
    let mut pty = Pty::start("sizes");
    pty.shows("HELD");
    for (rows, cols) in [(1, 1), (2, 200), (60, 3), (24, 80)] {
        pty.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let size = (NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap());
        pty.screen.lock().unwrap().screen_mut().set_size(size.0, size.1);
        std::thread::sleep(Duration::from_millis(120));
    }
    pty.press("\x0c");
    pty.wait("the footer", |s| s.contents().lines().last().is_some_and(|l| l.contains("? help")));
    pty.press("qh");
    assert!(pty.said().ends_with("Ok(Quit(Hold))"));
}

#[test]
fn a_panic_leaves_a_usable_terminal() {
    let mut pty = Pty::start("panic");
    pty.shows("HELD");
    pty.press("p");
    pty.shows("a defect in the console");
    pty.wait("the shell's screen", |s| !s.alternate_screen() && !s.hide_cursor());
    // The terminal takes whole lines again, as a shell's does.
    pty.press("qh\n");
    assert!(pty.said().contains("panic"));
}

/// Not a test of its own: holds the terminal of a console, until it is killed.
#[test]
fn owner() {
    let Ok(name) = std::env::var(OWNER) else { return };
    let pty = Pty::start_to(std::path::PathBuf::from(name));
    pty.shows("HELD");
    println!("the console is up");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_terminal_that_hangs_up_is_noticed() {
    let out = std::env::temp_dir().join(format!("pilothouse-console-{}-hangup", std::process::id()));
    let _ = std::fs::remove_file(&out);
    let mut owner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "console::owner", "--nocapture", "--test-threads=1"])
        .env(OWNER, &out)
        .env(RUNS, runs())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(owner.stdout.take().unwrap()));
    assert!(lines.map_while(Result::ok).any(|l| l.contains("the console is up")), "the owner did not come up");
    // No farewell: the other end of the terminal is simply gone.
    owner.kill().unwrap();
    owner.wait().unwrap();
    let start = Instant::now();
    let said = loop {
        match std::fs::read_to_string(&out) {
            Ok(said) if !said.is_empty() => break said,
            _ => assert!(start.elapsed() < Duration::from_secs(20), "the console did not notice"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let _ = std::fs::remove_file(&out);
    assert!(said.starts_with("TerminalLost") && said.ends_with("Ok(TerminalLost)"), "{said}");
}
