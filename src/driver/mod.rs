//! The one loop: takes messages in, steps the engine, journals what it decides, then lets adapters act.
//!
//! Only the driver owns the [`Run`]. Screens read copies of it from a `watch` channel. In real time effects run side by
//! side and answers come when they come; in virtual time they run one after the other, so that a seed decides everything.
//!
//! # Layout
//! - [`drive`] the loop
//! - `input` what people and the system ask of it
//! - `effects` runs one effect against the ports; `record` is what the audit file gets of a step
mod drive;
mod effects;
mod input;
mod record;

pub use drive::{Driver, End, Listener, Options};
pub use input::Input;
