//! What tests share.
#![allow(dead_code)]
pub mod customers;
pub mod e2e;
pub mod frame;
pub mod nights;

use std::path::PathBuf;

/// Where a program that a test needs is installed. `None`, said loudly, when it is not; with `PILOTHOUSE_REQUIRE_ALL=1`
/// in the environment that is a failure, so that a full run cannot pass by leaving something out.
pub fn require(binary: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(binary)).find(|file| file.is_file());
    if found.is_none() {
        let text = format!("SKIPPED: `{binary}` is not installed, so nothing of this test was checked");
        assert!(std::env::var_os("PILOTHOUSE_REQUIRE_ALL").is_none_or(|v| v != "1"), "{text}");
        // Straight to the terminal: the test harness swallows what a passing test prints.
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "\n*** {text} ***\n");
    }
    found
}
