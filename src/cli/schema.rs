//! `pilothouse schema`: the JSON Schema of the files, for editors; and the presets as files.
use std::io::{self, Write};

use crate::spec;

/// Writes the JSON Schema. First line of a file that wants to be checked by an editor:
/// `# yaml-language-server: $schema=pilothouse.schema.json`.
///
/// # Errors
/// `out` cannot be written.
pub fn schema(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:#}", spec::schema())
}

/// Writes the preset `name` as the file it is, to copy and change.
///
/// # Errors
/// No preset has this name (the error lists those there are), or `out` cannot be written.
pub fn preset(name: &str, out: &mut dyn Write) -> io::Result<()> {
    match spec::presets().iter().find(|(n, _)| *n == name) {
        Some((_, text)) => out.write_all(text.as_bytes()),
        None => {
            let names: Vec<&str> = spec::presets().iter().map(|(n, _)| *n).collect();
            let message = format!("there is no preset `{name}`; there are: {}", names.join(", "));
            Err(io::Error::new(io::ErrorKind::NotFound, message))
        }
    }
}
