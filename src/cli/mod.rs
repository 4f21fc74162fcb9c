//! One file per command; wires adapters to ports.
pub mod gate_try;
