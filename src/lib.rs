//! Pilothouse: watch a live, zero-downtime upgrade of many services and steer it.
//!
//! # Layout
//!
//! Each folder is a room that answers one question; lower floors never import upper ones. The table of who may
//! import whom is in `docs/architecture.md`, and `tests/architecture.rs` holds the code to it.
//!
//! - [`spec`] what did people write?
//! - [`compat`] may this version follow that one?
//! - [`calendar`] when is it allowed? windows in a zone's own time, freezes, seasons
//! - [`gate`] is it healthy? samples in, verdicts out
//! - [`plan`] in what order and how?
//! - [`engine`] what happens next? a pure state machine: messages in, effects out
//! - [`ports`] what does the engine need from the world?
//! - [`journal`] what happened? audit and inbox files
//! - [`identity`] who is this?
//! - [`cluster`] Kubernetes
//! - [`metrics`] Prometheus, and the pods' own exposition text
//! - [`driver`] the one loop
//! - [`console`] the screen
//! - [`headless`] the same run as lines, JSON, JUnit
//! - [`practice`] a cluster to practise on
//! - [`cli`] one file per command
#![forbid(unsafe_code)]

pub mod calendar;
pub mod cli;
pub mod cluster;
pub mod compat;
pub mod console;
pub mod driver;
pub mod engine;
pub mod gate;
pub mod headless;
pub mod identity;
pub mod journal;
pub mod metrics;
pub mod plan;
pub mod ports;
pub mod practice;
pub mod spec;
