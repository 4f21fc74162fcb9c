//! One file per command; wires adapters to ports.
<<<<<<< HEAD
pub mod clock;
pub mod files;
pub mod gate_try;
pub mod schema;
pub mod validate;
=======
pub mod audit;
pub mod runs;
>>>>>>> journal
