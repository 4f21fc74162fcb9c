//! One file per command; wires adapters to ports.
