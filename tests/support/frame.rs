//! A frame as text: the grid of signs, then the styles of each row as runs.
use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// Signs and styles of a buffer, so that a snapshot shows a changed colour as a changed line.
pub fn frame_to_text(buffer: &Buffer) -> String {
    let mut out = String::new();
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        let mut row = String::new();
        let mut skip = 0;
        for x in area.left()..area.right() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        let _ = writeln!(out, "{}", row.trim_end());
    }
    out.push_str("--- styles\n");
    for y in area.top()..area.bottom() {
        let runs = style_runs(buffer, y);
        if !runs.is_empty() {
            let _ = writeln!(out, "{y}: {}", runs.join(" | "));
        }
    }
    out
}

fn style_runs(buffer: &Buffer, y: u16) -> Vec<String> {
    let mut runs: Vec<(u16, u16, String)> = Vec::new();
    for x in buffer.area.left()..buffer.area.right() {
        let cell = &buffer[(x, y)];
        // The colour of a sign that is not there is nobody's business.
        let blank = cell.symbol() == " " && cell.bg == Color::Reset && cell.modifier.is_empty();
        let name = if blank { String::new() } else { name(cell.fg, cell.bg, cell.modifier) };
        match runs.last_mut() {
            Some((_, end, last)) if *last == name => *end = x,
            _ => runs.push((x, x, name)),
        }
    }
    runs.into_iter().filter(|(_, _, name)| !name.is_empty()).map(|(a, b, name)| format!("{a}..{b} {name}")).collect()
}

fn name(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    if fg != Color::Reset {
        parts.push(format!("{fg}"));
    }
    if bg != Color::Reset {
        parts.push(format!("on {bg}"));
    }
    if !modifier.is_empty() {
        parts.push(format!("{modifier:?}"));
    }
    parts.join(" ")
}
