//! What the environment says of terminal and reader: colours, glyphs, zone.
use std::io;

use termprofile::{DetectorSettings, TermProfile};

use super::caret::FileError;
use super::glyphs::GlyphSet;
use super::theme::{self, Theme};
use super::zone::Zone;

/// How many colours standard output shows; `NO_COLOR`, `COLORTERM`, `CLICOLOR_FORCE` and `TERM` are honoured.
pub fn colours() -> TermProfile {
    let found = TermProfile::detect(&io::stdout(), DetectorSettings::new().enable_tmux_info(false));
    // A VT terminal of that name shows none, whatever is taken for the least of a terminal.
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let vt = set("TERM").is_some_and(|term| term.starts_with("vt"));
    let wanted = set("COLORTERM").or_else(|| set("CLICOLOR_FORCE")).or_else(|| set("FORCE_COLOR")).is_some();
    if vt && !wanted { found.min(TermProfile::NoColor) } else { found }
}

/// The theme to draw with: the one that was named, a shipped name or a file; without a name `default-dark`, or `mono`
/// where there are no colours. Colours the terminal does not have become the nearest it has.
///
/// # Errors
/// There is no such theme, or its file is none.
pub fn theme(name: Option<&str>, colours: TermProfile) -> Result<Theme, FileError> {
    let colourless = colours <= TermProfile::NoColor;
    let name = name.unwrap_or(if colourless { "mono" } else { "default-dark" });
    let theme = match Theme::shipped(name) {
        Some(theme) => theme?,
        None => Theme::parse(name, &read(name, "theme", &theme::SHIPPED.map(|(n, _)| n))?)?,
    };
    Ok(theme.adapted(colours))
}

/// The keymap of that name, or from that file; without a name `default`.
///
/// # Errors
/// There is no such keymap, or its file is none.
pub fn keymap(name: Option<&str>) -> Result<super::keymap::Keymap, FileError> {
    let name = name.unwrap_or("default");
    match super::keymap::Keymap::shipped(name) {
        Some(keymap) => keymap,
        None => super::keymap::Keymap::parse(name, &read(name, "keymap", &super::keymap::SHIPPED.map(|(n, _)| n))?),
    }
}

fn read(path: &str, what: &str, shipped: &[&str]) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|e| {
        let names = shipped.join(", ");
        FileError::whole(path, format!("{e}; give a {what} file, or one of {names}"))
    })
}

/// The glyphs to draw with when none are named: ASCII unless the locale is UTF-8, blocks on the Linux console.
pub fn glyphs() -> GlyphSet {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    // The order of setlocale(3).
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    match set("TERM").as_deref() {
        Some("dumb") => GlyphSet::Ascii,
        _ if !utf8 => GlyphSet::Ascii,
        Some("linux") => GlyphSet::Blocks,
        _ => GlyphSet::Unicode,
    }
}

/// The reader's zone when none is named: `TZ`, then what `/etc/localtime` points to, then UTC.
pub fn zone() -> Zone {
    let from_env = std::env::var("TZ").ok().and_then(|tz| Zone::named(tz.trim_start_matches(':')).ok());
    let from_link = || {
        let target = std::fs::read_link("/etc/localtime").ok()?;
        let (_, name) = target.to_str()?.rsplit_once("zoneinfo/")?;
        Zone::named(name).ok()
    };
    from_env.or_else(from_link).unwrap_or(Zone::UTC)
}
