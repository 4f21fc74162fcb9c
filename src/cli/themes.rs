//! `pilothouse themes`: list the shipped themes, print one to copy and change, check a file.
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::console::theme::{SHIPPED, Theme};

/// The shipped themes, one a line.
pub fn list() -> String {
    let mut out = String::new();
    for (name, text) in SHIPPED {
        out.push_str(&format!("{name:<14} {}\n", first_line(text)));
    }
    out.push_str("\nUse one with --theme NAME, or --theme FILE for your own: pilothouse themes print mono > my.toml\n");
    out
}

/// What a file says of itself in its first line.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim_start_matches('#').trim()
}

/// The text of a shipped theme.
///
/// # Errors
/// There is none of that name.
pub fn print(name: &str) -> Result<&'static str> {
    match SHIPPED.iter().find(|(n, _)| *n == name) {
        Some((_, text)) => Ok(text),
        None => bail!("there is no theme `{name}`; there are {}", SHIPPED.map(|(n, _)| n).join(", ")),
    }
}

/// Reads a theme file.
///
/// # Errors
/// The file cannot be read, or the first thing that is wrong in it with line and column.
pub fn check(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let theme = Theme::parse(&name, &text)?;
    Ok(format!("{name}: theme `{}` is fine", theme.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_prints_and_checks() {
        let file = std::env::temp_dir().join(format!("pilothouse-theme-{}.toml", std::process::id()));
        for (name, _) in SHIPPED {
            assert!(list().contains(name));
            std::fs::write(&file, print(name).unwrap()).unwrap();
            assert!(check(&file).unwrap().ends_with("is fine"));
        }
        std::fs::write(&file, "name = \"x\"\n[styles]\nheld = \"loud\"\n").unwrap();
        let error = check(&file).unwrap_err().to_string();
        assert!(error.contains(":3:8") && error.contains('^'), "{error}");
        std::fs::remove_file(&file).unwrap();
        assert!(print("none").unwrap_err().to_string().contains("mono"));
        assert!(check(&file).is_err());
    }
}
