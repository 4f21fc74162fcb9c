//! One file per command; wires adapters to ports.
<<<<<<< HEAD
pub mod audit;
pub mod clock;
pub mod files;
pub mod gate_try;
pub mod runs;
pub mod schema;
pub mod validate;
=======
pub mod keys;
pub mod themes;
>>>>>>> console
