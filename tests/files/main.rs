//! What people write: files that are right, wrong, hostile, or made at random; and the commands that read them.
mod campaign;
mod compat;
mod examples;
mod hostile;
mod late;
mod load;
mod mistakes;
mod problems;
mod roundtrip;
mod strays;
mod validate;
mod windows;
