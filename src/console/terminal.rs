//! The terminal: the only file that reads it, and the one that puts it back as it was.
//!
//! Reading and writing each have a thread of their own. A reader that blocks harms nobody, and a terminal that takes no
//! more bytes (a stalled SSH session) stops frames, not the run: while one is being written no other is drawn.
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use tokio::sync::mpsc;

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error(
        "{0} is no terminal, so there is nothing to draw on: use `pilothouse run` for plain lines or JSON, or start this in a terminal"
    )]
    NoTerminal(&'static str),
    #[error("the terminal cannot be set up: {0}; try another terminal, or `pilothouse run`")]
    Setup(#[from] io::Error),
    #[error("the console could not listen for {0}: {1}")]
    Signal(&'static str, io::Error),
}

/// What the terminal's threads tell.
#[derive(Debug)]
pub enum FromTerminal {
    Bytes(Vec<u8>),
    /// The last frame is out; another may follow.
    Written,
    /// Hung up, closed, or broken.
    Gone,
}

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// Save and restore the window's title (xterm `ctlseqs`, XTWINOPS 22 and 23).
const PUSH_TITLE: &[u8] = b"\x1b[22;0t";
const POP_TITLE: &[u8] = b"\x1b[23;0t";

/// Holds the terminal in raw mode on its other screen; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input or output is no terminal, or it cannot be set up.
    pub fn enter() -> Result<Guard, ConsoleError> {
        if !io::stdin().is_terminal() {
            return Err(ConsoleError::NoTerminal("standard input"));
        }
        if !io::stdout().is_terminal() {
            return Err(ConsoleError::NoTerminal("standard output"));
        }
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Guard(());
        let mut out = io::stdout();
        out.write_all(PUSH_TITLE)?;
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        Ok(guard)
    }
}

/// The process was stopped and goes on: whoever had the terminal meanwhile left it in modes of their own. Sets ours
/// again; gives what must be written before the next whole frame.
pub fn resume() -> Vec<u8> {
    let mut modes = Vec::new();
    if TAKEN.load(Ordering::SeqCst) {
        // Raw mode that is thought to be on is not set again; a terminal that is gone shows at the next read.
        let _ = disable_raw_mode().and_then(|()| enable_raw_mode());
        // Writing into a Vec does not fail.
        let _ = queue!(modes, EnterAlternateScreen, EnableBracketedPaste, Hide);
    }
    modes
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, if it is taken; from a signal handler's task, a panic, an error or the normal end.
/// May be called any number of times. A terminal that is gone cannot be helped, so errors are not reported.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that takes no bytes must not keep the process from leaving.
    let (done, finished) = sync_channel(1);
    let leave = move || {
        let mut out = io::stdout();
        let _ = queue!(out, EndSynchronizedUpdate, DisableBracketedPaste, Show, LeaveAlternateScreen);
        let _ = out.write_all(POP_TITLE);
        let _ = out.flush();
        let _ = done.send(());
    };
    if thread::Builder::new().name("terminal-restore".into()).spawn(leave).is_ok() {
        let _ = finished.recv_timeout(Duration::from_millis(500));
    }
    let _ = disable_raw_mode();
}

/// Columns and rows; a terminal that does not know is taken for 80x24.
pub fn dimensions() -> (u16, u16) {
    match size() {
        Ok((w, h)) if w > 0 && h > 0 => (w, h),
        _ => (80, 24),
    }
}

/// Starts the two threads. Bytes sent are written whole, one send after another; `Written` answers each.
pub fn threads() -> Result<(mpsc::Receiver<FromTerminal>, SyncSender<Vec<u8>>), ConsoleError> {
    let (tell, told) = mpsc::channel(64);
    let (send, frames) = sync_channel::<Vec<u8>>(1);
    let reader = tell.clone();
    thread::Builder::new().name("terminal-in".into()).spawn(move || read(&reader))?;
    let writer = move || {
        let mut out = io::stdout();
        for frame in frames {
            // After `restore` the screen belongs to the shell again.
            let taken = TAKEN.load(Ordering::SeqCst);
            let done = !taken || out.write_all(&frame).and_then(|()| out.flush()).is_ok();
            let said = if done { FromTerminal::Written } else { FromTerminal::Gone };
            if tell.blocking_send(said).is_err() || !done {
                return;
            }
        }
    };
    thread::Builder::new().name("terminal-out".into()).spawn(writer)?;
    Ok((told, send))
}

fn read(tell: &mpsc::Sender<FromTerminal>) {
    let mut buffer = [0; 1024];
    loop {
        let said = match io::stdin().lock().read(&mut buffer) {
            // A terminal that is hung up reads as its end, or as an I/O error.
            Ok(0) => FromTerminal::Gone,
            Ok(n) => FromTerminal::Bytes(buffer[..n].to_vec()),
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => continue,
            Err(_) => FromTerminal::Gone,
        };
        let gone = matches!(said, FromTerminal::Gone);
        if tell.blocking_send(said).is_err() || gone {
            return;
        }
    }
}
