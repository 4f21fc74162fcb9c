//! The program in a terminal: what a person sees first, what keys do, and that the terminal is given back whatever ends it.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::contracts::contracts;
use crate::support::e2e::{
    Files, PROGRAM, Practice, Work, audit, ended, ends, pilothouse, run_dir, run_id, signal, until,
};
use portable_pty::{Child, CommandBuilder, MasterPty, NativePtySystem, PtySize, PtySystem};

/// The program in a terminal of its own.
struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    keys: Option<Box<dyn Write + Send>>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// The reader lets go of the terminal too.
    closed: Arc<AtomicBool>,
    began: Instant,
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    fn start(work: &Work, args: &[&str], environment: &[(&str, &str)]) -> Pty {
        let pair = NativePtySystem::default().openpty(size(30, 100)).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(args);
        command.env_clear();
        command.cwd(&work.0);
        let home = work.0.to_str().unwrap();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("HOME", home),
            ("USER", "tester"),
            ("TZ", "UTC"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/bin:/bin"),
        ] {
            command.env(name, value);
        }
        command.env("PILOTHOUSE_STATE_DIR", work.state());
        command.env("TMPDIR", work.0.as_os_str());
        for (name, value) in environment {
            command.env(name, value);
        }
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(NonZero::new(30).unwrap(), NonZero::new(100).unwrap(), 0)));
        let closed = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&closed);
        let (mut reader, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || closing.load(Ordering::SeqCst) {
                    break;
                }
                seen.lock().unwrap().process(&buffer[..n]);
            }
        });
        let keys = Some(pair.master.take_writer().unwrap());
        Pty { master: Some(pair.master), child, keys, screen, closed, began }
    }

    fn demo(work: &Work, environment: &[(&str, &str)]) -> Pty {
        Pty::start(work, &["demo", "--scenario", "healthy"], environment)
    }

    /// As when a connection breaks: the other end of the terminal is gone. The reader goes with what comes next.
    fn hang_up(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        (self.keys, self.master) = (None, None);
    }

    fn press(&mut self, keys: &str) {
        self.keys.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !holds(self.screen.lock().unwrap().screen()) {
            assert!(start.elapsed() < Duration::from_secs(60), "waited for {what}; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.wait(text, |s| s.contents().contains(text));
    }

    #[track_caller]
    fn hides(&self, text: &str) {
        self.wait(&format!("{text} to go"), |s| !s.contents().contains(text));
    }

    fn resize(&self, rows: u16, cols: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap());
        self.master.as_ref().unwrap().resize(size(rows, cols)).unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Exit code, once it has ended.
    #[track_caller]
    fn ends(&mut self, within: Duration) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(start.elapsed() < within, "it does not end; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The terminal is as a shell left it: its own screen, a cursor, no paste marks, line editing and echo.
    #[track_caller]
    fn given_back(&self) {
        self.wait("the shell's screen", |s| !s.alternate_screen() && !s.hide_cursor() && !s.bracketed_paste());
        let fd = self.master.as_ref().unwrap().as_raw_fd().unwrap();
        let said = std::process::Command::new("stty")
            .arg("-a")
            .stdin(std::fs::File::open(format!("/proc/{}/fd/{fd}", std::process::id())).unwrap())
            .output()
            .unwrap();
        let modes = String::from_utf8_lossy(&said.stdout).into_owned();
        let words: Vec<&str> = modes.split_whitespace().map(|w| w.trim_end_matches(';')).collect();
        assert!(words.contains(&"icanon") && words.contains(&"echo"), "{modes}");
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_answers_keys_and_asks_before_it_acts() {
    let work = Work::new("keys");
    let mut pty = Pty::demo(&work, &[]);
    pty.shows("[PRACTICE]");
    let first = pty.began.elapsed();
    // A machine under load gets five seconds for what takes a tenth of one.
    assert!(first < Duration::from_secs(5), "the first frame came after {first:?}");
    pty.shows("warming");
    pty.press("?");
    pty.shows("yours, theirs, UTC");
    pty.press("\x1b");
    pty.hides("yours, theirs, UTC");
    pty.press("e");
    pty.hides("Services 9");
    pty.shows("begins: 9 services");
    pty.press("\x1b");
    pty.shows("Services 9");
    // To the first row: until somebody moves, the selection follows what matters most.
    pty.press("kkkkkkkkk");
    pty.press("\r");
    pty.shows("Service auth");
    pty.hides("Services 9");
    pty.press("1");
    pty.shows("Services 9");
    pty.press("p");
    pty.shows("auth paused");
    pty.press("p");
    pty.hides("auth paused");
    pty.press(":");
    pty.press("even");
    pty.shows("all events");
    pty.press("\x1b");
    pty.hides("all events");
    // Typing the name and Enter; nothing less.
    pty.press("x");
    pty.shows("ABORT auth");
    pty.press("\r");
    pty.shows("ABORT auth");
    pty.press("\x1b");
    pty.hides("ABORT auth");
    pty.press("x");
    pty.shows("ABORT auth");
    pty.press("auth\r");
    pty.hides("ABORT auth");
    pty.press("e");
    pty.shows("aborted by ivo");
    pty.press("q");
    pty.shows("LEAVE");
    pty.press("\x1b");
    pty.hides("LEAVE");
    pty.press("q");
    pty.shows("LEAVE");
    pty.press("h");
    let code = pty.ends(Duration::from_secs(20));
    pty.given_back();
    assert!(code == 7 || code == 5, "left in the middle: {code}");
    pty.shows("nothing can be taken up");
    let records = audit(&run_dir(&work.state()));
    let said = |what: &str| {
        records.iter().any(|r| r["kind"] == "event" && r["body"]["text"].as_str().unwrap_or_default().starts_with(what))
    };
    assert!(said("pause") && said("resume") && said("abort"), "every key that acts is in the audit file");
}

#[test]
fn any_size_and_a_storm_of_sizes_are_drawn() {
    let work = Work::new("sizes");
    let mut pty = Pty::demo(&work, &[]);
    pty.shows("[PRACTICE]");
    for (rows, cols) in [(1, 1), (1, 200), (200, 1), (5, 20), (10, 40), (60, 250)] {
        pty.resize(rows, cols);
        std::thread::sleep(Duration::from_millis(60));
    }
    for n in 0..200u16 {
        pty.resize(1 + n * 7 % 50, 1 + n * 13 % 180);
        if n % 10 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    pty.resize(1, 1);
    std::thread::sleep(Duration::from_millis(100));
    pty.resize(30, 100);
    pty.press("\x0c");
    pty.shows("[PRACTICE]");
    pty.shows("? help");
    pty.press("qh");
    pty.ends(Duration::from_secs(20));
    pty.given_back();
}

#[test]
fn a_signal_gives_the_terminal_back_and_says_what_is_left() {
    for name in ["TERM", "QUIT"] {
        let work = Work::new("term");
        let mut pty = Pty::demo(&work, &[]);
        pty.shows("warming");
        pty.signal(name);
        let code = pty.ends(Duration::from_secs(20));
        pty.given_back();
        // Interactive: held. New pods stood without traffic, and are gone with their cluster.
        assert_eq!(code, 7, "{}", pty.text());
        pty.shows("nothing can be taken up: the practice cluster has ended with this process");
        let id = run_id(&work.state());
        let again = ends(pilothouse(&work).args(["resume", "--headless", &id]), Duration::from_secs(20));
        again.is(1, &["was a rehearsal", &format!("pilothouse audit show {id} --state-dir")]);
        ends(pilothouse(&work).args(["resume", "--headless"]), Duration::from_secs(20)).is(1, &["no run under"]);
        ends(pilothouse(&work).arg("runs"), Duration::from_secs(20)).is(0, &["its practice cluster ended with it"]);
        assert_eq!(ends(pilothouse(&work).args(["audit", "verify"]), Duration::from_secs(20)).code, Some(0));
    }
}

#[test]
fn who_is_replaced_sees_by_whom_and_leaves_a_whole_terminal() {
    let work = Work::new("replaced");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).with("warmup", "2m").write(&work);
    let kubeconfig = practice.kubeconfig.to_str().unwrap();
    let mut pty = Pty::start(&work, &["--kubeconfig", kubeconfig, "watch", "-f", files.to_str().unwrap()], &[]);
    pty.shows("preflight found");
    pty.press("S");
    pty.shows("Enter");
    pty.press("\r");
    pty.shows("warming");
    practice.lease_goes_to("mara@bastion/1/beef");
    pty.shows("mara@bastion/1/beef drives this fleet now. Nothing more is written from here.");
    assert!(!pty.text().contains("DRIVES DRIVES") && !pty.text().contains("(epoch 99) drives"), "{}", pty.text());
    pty.press("q");
    let code = pty.ends(Duration::from_secs(20));
    pty.given_back();
    assert_eq!(code, 6, "{}", pty.text());
    pty.shows("this one stepped down and wrote nothing more");
    pty.shows("when that process no longer drives");
}

/// A kubeconfig for a server that takes every call and answers none, until it is dropped.
fn silent_server(work: &Work) -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = work.0.join("silent.kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: practice\nclusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\n\
         users: [{{name: c, user: {{}}}}]\ncontexts: [{{name: practice, context: {{cluster: c, user: c}}}}]\n",
        listener.local_addr().unwrap()
    );
    std::fs::write(&path, text).unwrap();
    (listener, path.display().to_string())
}

#[test]
fn the_screen_does_not_wait_for_the_cluster_and_is_left_at_any_time() {
    let work = Work::new("silent-screen");
    let (listener, kubeconfig) = silent_server(&work);
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work).display().to_string();
    let watch = ["watch", "--kubeconfig", &kubeconfig, "-f", &files];
    let begun_nothing = || !work.state().join("runs").exists();

    let mut pty = Pty::start(&work, &watch, &[]);
    pty.shows("looking at the cluster");
    pty.press("q");
    pty.shows("h hold");
    pty.press("h");
    assert_eq!(pty.ends(Duration::from_secs(5)), 130, "{}", pty.text());
    pty.given_back();
    pty.shows("nothing was begun");
    assert!(begun_nothing());

    let mut pty = Pty::start(&work, &watch, &[]);
    pty.shows("looking at the cluster");
    pty.signal("TERM");
    assert_eq!(pty.ends(Duration::from_secs(5)), 143, "{}", pty.text());
    pty.given_back();

    let run = ["run", "-o", "jsonl", "--kubeconfig", &kubeconfig, "-f", &files];
    let child = pilothouse(&work).args(run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "TERM");
    ended(child, Duration::from_secs(5)).is(143, &["\"outcome\":\"not_begun\"", "nothing was begun"]);

    drop(listener);
    let mut pty = Pty::start(&work, &watch, &[]);
    assert_eq!(pty.ends(Duration::from_secs(20)), 6, "{}", pty.text());
    pty.given_back();
    pty.shows("Connection refused");
    assert!(begun_nothing());
}

#[test]
fn a_fault_of_the_screen_gives_the_terminal_back_and_leaves_the_run_whole() {
    let work = Work::new("panic-draw");
    let mut pty = Pty::demo(&work, &[("PILOTHOUSE_PANIC", "draw")]);
    pty.shows("a fault in the screen, as PILOTHOUSE_PANIC asks");
    let code = pty.ends(Duration::from_secs(20));
    pty.given_back();
    assert!(code != 0 && code != 101, "{code}: {}", pty.text());
    pty.shows("a fault in Pilothouse ended the screen");
    assert_eq!(ends(pilothouse(&work).args(["audit", "verify"]), Duration::from_secs(20)).code, Some(0));
}

#[test]
fn a_fault_of_the_driver_gives_the_terminal_back_and_says_what_is_left() {
    let work = Work::new("panic-drive");
    let mut pty = Pty::demo(&work, &[("PILOTHOUSE_PANIC", "drive")]);
    let code = pty.ends(Duration::from_secs(30));
    pty.given_back();
    assert_eq!(code, 7, "{}", pty.text());
    pty.shows("a fault in the driver, as PILOTHOUSE_PANIC asks");
    pty.shows("nothing can be taken up");
    pty.shows(&format!("pilothouse audit show {}", run_id(&work.state())));
}

#[test]
fn what_bars_a_start_is_accepted_on_the_screen_and_the_run_begins_under_it() {
    let work = Work::new("waive");
    let practice = Practice::start(&work, "healthy");
    contracts(&work);
    let (kubeconfig, files) = (practice.kubeconfig.display().to_string(), work.path("all.yaml").display().to_string());
    let mut pty = Pty::start(&work, &["--kubeconfig", &kubeconfig, "watch", "-f", &files], &[]);
    pty.shows("start is off: 2 critical findings");
    pty.press("5");
    for left in ["START IS OFF: 2 critical", "START IS OFF: 1 critical"] {
        pty.shows(left);
        pty.press("S");
        pty.shows("start is off: ");
        pty.press("w");
        pty.shows("Enter does nothing until a reason is given");
        for part in ["nobody reads it", "\t", "2999-12-31", "\t", "jun"] {
            pty.press(part);
        }
        pty.shows("jun_");
        pty.press("\r");
        pty.hides(left);
    }
    pty.shows("2 waived");
    assert!(practice.leftovers().is_empty());
    pty.press("S");
    pty.shows("START");
    pty.press("\r");
    until("the new version", Duration::from_secs(30), || (!practice.leftovers().is_empty()).then_some(()));
    let told = |what: &str| {
        let all = audit(&run_dir(&work.state()));
        all.iter().filter(|r| r["body"]["text"].as_str().is_some_and(|t| t.contains(what))).count()
    };
    assert_eq!(told("jun named with it: self-declared"), 2);
    assert_eq!(told("and jun, until 2999-12-31: nobody reads it"), 2, "the run begins under them");
    pty.signal("TERM");
    pty.ends(Duration::from_secs(60));
    // Whoever reads the files later finds the same.
    let text = std::fs::read_to_string(work.path("contracts/compat.yaml")).unwrap();
    assert_eq!(text.matches("fingerprint: ").count(), 2, "{text}");
    let check = ends(pilothouse(&work).args(["compat", "check", "-f", &files]), Duration::from_secs(60));
    check.is(0, &["accepted"]);
    assert_eq!(ends(pilothouse(&work).args(["audit", "verify"]), Duration::from_secs(20)).code, Some(0));
}

/// Ticks of processor time of a process, and whether it is there.
fn processor(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (fields[0] != "Z").then(|| fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}

#[test]
fn a_terminal_that_is_gone_does_not_end_a_run() {
    let work = Work::new("hangup");
    let practice = Practice::start(&work, "healthy");
    let policy = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).with("on_terminal_loss", "continue");
    let files = policy.write(&work);
    let (kubeconfig, files) = (practice.kubeconfig.to_str().unwrap(), files.to_str().unwrap());
    let mut pty = Pty::start(&work, &["--kubeconfig", kubeconfig, "watch", "-f", files], &[]);
    pty.shows("[TEST]");
    pty.shows("ready: waits for start");
    pty.press("S");
    pty.shows("START");
    pty.press("\r");
    until("the new version", Duration::from_secs(20), || (!practice.leftovers().is_empty()).then_some(()));
    let pid = pty.child.process_id().unwrap();
    pty.hang_up();
    until("the journal's word", Duration::from_secs(60), || {
        audit(&run_dir(&work.state()))
            .iter()
            .any(|r| r["body"]["text"].as_str().is_some_and(|t| t.contains("terminal")))
            .then_some(())
    });
    let before = processor(pid).expect("it lives");
    std::thread::sleep(Duration::from_secs(4));
    let spent = processor(pid).expect("it still lives") - before;
    // 100 ticks a second: a tenth of a core would be 40.
    assert!(spent < 40, "{spent} ticks in 4 s with nobody there");
    let code = pty.ends(Duration::from_secs(240));
    assert_eq!(code, 0);
    assert_eq!(practice.image("tenants"), "registry.example/tenants:1.5.0");
}

#[test]
fn a_demo_ends_with_its_terminal() {
    let work = Work::new("demo-hangup");
    let mut pty = Pty::demo(&work, &[]);
    pty.shows("[PRACTICE]");
    pty.hang_up();
    let code = pty.ends(Duration::from_secs(20));
    assert!(code != 101, "it does not die of a terminal that is gone");
}

#[test]
fn without_a_terminal_the_screen_says_what_to_do_instead() {
    let work = Work::new("no-terminal");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    for args in [vec!["demo"], vec!["watch", "-f", files.to_str().unwrap()], vec!["resume"]] {
        let said = ends(pilothouse(&work).args(&args), Duration::from_secs(20));
        said.is(1, &["terminal", "--headless"]);
        assert!(!work.state().join("runs").exists(), "nothing was begun");
    }
}
