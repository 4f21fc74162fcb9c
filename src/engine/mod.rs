//! What happens next? A pure state machine: messages in, effects out.
//!
//! [`step`] is the whole of it: no clock, no I/O, no randomness. Time arrives in messages; what is to be done leaves as
//! [`Effect`]s. The same messages give the same effects, so a night can be replayed, rehearsed and proved things about.
//!
//! # Layout
//! - [`message`] what comes in; [`observe`] what was seen of the cluster; [`measure`] what is asked of metrics;
//!   [`rules`] who is sent apart from everybody else; [`traffic`] both as one value; [`moves`] how far
//!   they are
//! - [`effect`] what goes out
//! - [`run`] the state; `begin` as it is at first
//! - [`command`] the one table of verbs; [`people`] who may do what
//! - [`status`] what a run says of itself, for screen and headless output; [`forecast`] when it would be done
//! - [`step`] takes one message in; `pass` compares what is wanted with what is; `forward`, `settle` and `rollback` are a
//!   service's ways, `campaign` its tenants' by `turn`; [`segments`] go first; `holds` stops it; [`footing`] is what it stands on, `front` where its Service leads; `joint` ties services together; `tick` and `ledger` keep the grid, `share` reads
//!   requests; `breach` acts on it; `critical`; `obey`; [`window`] says when, `compat` what the contracts bar; `leave` is how a
//!   process goes before the run has ended
mod begin;
mod breach;
pub mod by_hand;
mod campaign;
pub mod command;
pub mod compat;
mod critical;
mod cx;
pub mod effect;
pub mod footing;
pub mod forecast;
mod forward;
mod front;
mod holds;
mod joint;
mod leave;
mod ledger;
pub mod measure;
pub mod message;
pub mod moves;
mod news;
mod obey;
pub mod observe;
mod pass;
pub mod people;
mod questions;
mod rollback;
pub mod rules;
pub mod run;
pub mod segments;
mod settle;
mod share;
pub mod status;
pub mod step;
#[cfg(test)]
mod tests;
mod tick;
pub mod traffic;
mod turn;
pub mod window;

pub use command::{Allowance, Command, Scope, Verb};
pub use effect::{Action, Call, Effect};
pub use message::{Body, Message, Stamp};
pub use run::{Outcome, Phase, Run, Track};
pub use step::step;
