//! The engine in a small world of its own: one test for each thing it must not do.
mod back;
mod chain;
mod compat;
mod deadlines;
mod drift;
mod hands;
mod questions;
mod settling;
mod sight;
mod stand;
mod windows;
