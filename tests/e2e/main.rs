//! The parts as they are put together, and the binary itself, against servers that answer: the practice cluster, a real
//! Prometheus, the real `kubectl`, a pseudo-terminal. One program, because these tests wait more than they compute: the
//! more of them wait side by side, the sooner all are done.
mod campaign;
mod client;
mod cluster;
mod console;
mod contracts;
mod kill;
mod kubectl;
mod metrics;
mod misuse;
mod process;
mod prometheus;
mod queries;
mod real_cluster;
mod screen;
mod segments;
#[path = "../support/mod.rs"]
mod support;

mod windows;
