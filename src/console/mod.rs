//! The screen: what an on-call engineer sees of a run, and the keys that steer it.
//!
//! # Layout
//! Pure, no clock and no terminal:
//! - [`action`] what a key can mean; [`chord`] keys as people write them; [`keymap`] which key means what
//! - [`model`] what the person is looking at; [`update`] what a key does to it; [`dialog`], [`palette`];
//!   [`tenants`] whose windows are shown, looked at once and then where something turns
//! - [`waive`] a finding of the contracts is accepted
//! - [`viewmodel`] what is on screen as words and numbers; [`view`] draws it
//! - [`theme`], [`glyphs`], [`zone`], [`text`] how things are written and coloured; [`input`] bytes as keys;
//!   `cells` what is drawn as bytes
//!
//! At the edge:
//! - [`terminal`] takes, reads, writes and gives back the terminal; [`surroundings`] what the environment says of it
//! - [`live`] the console at work
pub mod action;
pub mod caret;
mod cells;
pub mod chord;
mod copy;
pub mod dialog;
pub mod glyphs;
pub mod input;
pub mod keymap;
pub mod live;
pub mod model;
pub mod palette;
pub mod surroundings;
pub mod tenants;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;
pub mod viewmodel;
pub mod waive;
pub mod zone;

pub use live::{ConsoleEnd, ConsoleOptions, FromConsole, run_console};
pub use terminal::{ConsoleError, restore};
