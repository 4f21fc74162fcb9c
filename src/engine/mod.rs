//! What happens next? A pure state machine: messages in, effects out.
//!
//! [`step`] is the whole of it: no clock, no I/O, no randomness. Time arrives in messages; what is to be done leaves as
//! [`Effect`]s. The same messages give the same effects, so a night can be replayed, rehearsed and proved things about.
//!
//! # Layout
//! - [`message`] what comes in; [`observe`] what was seen of the cluster; [`measure`] what is asked of metrics
//! - [`effect`] what goes out
//! - [`run`] the state
//! - [`command`] the one table of verbs; [`people`] who may do what, and what it would do
//! - [`status`] what a run says of itself, for screen and headless output
pub mod command;
pub mod effect;
pub mod measure;
pub mod message;
pub mod observe;
pub mod people;
pub mod run;
pub mod status;

pub use command::{Allowance, Command, Scope, Verb};
pub use effect::{Action, Call, Effect};
pub use message::{Body, Message, Stamp};
pub use run::{Outcome, Phase, Run, Track};
