//! `pilothouse keys`: list the shipped keymaps, print one to copy and change, check a file.
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::console::keymap::{Keymap, SHIPPED, Screen};

/// The shipped keymaps, one a line.
pub fn list() -> String {
    let mut out = String::new();
    for (name, text) in SHIPPED {
        out.push_str(&format!("{name:<12} {}\n", super::themes::first_line(text)));
    }
    out.push_str(
        "\nUse one with --keymap NAME, or --keymap FILE for your own: pilothouse keys print default > my.toml\n",
    );
    out
}

/// The text of a shipped keymap.
///
/// # Errors
/// There is none of that name.
pub fn print(name: &str) -> Result<&'static str> {
    match SHIPPED.iter().find(|(n, _)| *n == name) {
        Some((_, text)) => Ok(text),
        None => bail!("there is no keymap `{name}`; there are {}", SHIPPED.map(|(n, _)| n).join(", ")),
    }
}

/// Reads and lints a keymap file.
///
/// # Errors
/// The file cannot be read, or the first thing that is wrong in it with line and column.
pub fn check(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let keymap = Keymap::parse(&name, &text)?;
    let keys = |screen| keymap.entries(screen).count();
    Ok(format!("{name}: keymap `{}` is fine: {} keys on the main screen, 0 conflicts", keymap.name, keys(Screen::Main)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_prints_and_checks() {
        let dir = std::env::temp_dir().join(format!("pilothouse-keys-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        for (name, _) in SHIPPED {
            assert!(list().contains(name));
            let file = dir.join(format!("{name}.toml"));
            std::fs::write(&file, print(name).unwrap()).unwrap();
            assert!(check(&file).unwrap().contains("0 conflicts"));
            std::fs::write(&file, print(name).unwrap().replace("\"abort\"", "\"abrot\"")).unwrap();
            let error = check(&file).unwrap_err().to_string();
            assert!(error.contains("did you mean `abort`") && error.contains('^'), "{error}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(print("nano").unwrap_err().to_string().contains("default, vim, emacs"));
        assert!(check(&dir).is_err());
    }
}
