//! The screen without a terminal: what a run says of itself, what keys do, what is drawn. One program, so that each
//! seeded night is played once for all of them.
mod campaign;
mod frames;
mod keys;
mod plan;
mod segments;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod windows;
