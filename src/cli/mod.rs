//! One file per command; wires adapters to ports.
pub mod audit;
pub mod runs;
