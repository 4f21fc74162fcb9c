//! One file per command; wires adapters to ports.
pub mod keys;
pub mod themes;
