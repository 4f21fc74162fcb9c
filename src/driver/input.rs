//! What reaches the driver from people and the operating system.
use crate::engine::command::Command;
use crate::engine::message::{Leave, Waived};
use crate::spec::policy::OnTerminalLoss;

/// One thing that was asked for, or that happened to the process.
#[derive(Debug, Clone)]
pub enum Input {
    Command(Command),
    /// A finding was accepted on the screen.
    Waived(Box<Waived>),
    Leave(Leave),
    TerminalLost(OnTerminalLoss),
    /// Out, now: nothing more is written. The run can be resumed.
    Quit,
}
