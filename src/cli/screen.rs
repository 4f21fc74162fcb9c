//! Console options from flags and environment.
use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::args::{Global, Glyphs};
use crate::console::ConsoleOptions;
use crate::console::glyphs::GlyphSet;
use crate::console::surroundings;
use crate::console::viewmodel::Label;
use crate::console::zone::Zone;
use crate::spec::units::Time;

/// The zone times are shown in.
///
/// # Errors
/// `--zone` names none; it is never taken for UTC.
pub fn zone(global: &Global) -> Result<Zone> {
    global.zone.as_deref().map_or_else(|| Ok(surroundings::zone()), |z| Zone::named(z).map_err(|e| anyhow!(e)))
}

/// # Errors
/// A theme, keymap or zone that does not exist or cannot be read.
pub fn options(global: &Global, label: Label, now: Arc<dyn Fn() -> Time + Send + Sync>) -> Result<ConsoleOptions> {
    let glyphs = match global.glyphs {
        Some(Glyphs::Unicode) => GlyphSet::Unicode,
        Some(Glyphs::Blocks) => GlyphSet::Blocks,
        Some(Glyphs::Ascii) => GlyphSet::Ascii,
        None => surroundings::glyphs(),
    };
    Ok(ConsoleOptions {
        theme: surroundings::theme(global.theme.as_deref(), surroundings::colours())?,
        keymap: surroundings::keymap(global.keymap.as_deref())?,
        glyphs,
        zone: zone(global)?,
        read_only: global.read_only,
        label,
        tenants: None,
        contracts: None,
        now,
        dump_dir: std::env::current_dir().unwrap_or_else(|_| std::env::temp_dir()),
    })
}
