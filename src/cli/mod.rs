//! One file per command; wires adapters to ports.
pub mod audit;
pub mod clock;
pub mod files;
pub mod gate_try;
pub mod keys;
pub mod runs;
pub mod schema;
pub mod themes;
pub mod validate;
