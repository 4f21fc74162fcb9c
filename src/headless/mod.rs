//! The same run as lines, JSON, JUnit; exit codes.
