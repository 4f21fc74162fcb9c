//! Cells as the bytes that draw them, and as the text of a file.
use ratatui::buffer::Buffer;

use super::text::width;

/// The last reset says what those before it say.
pub(super) fn compact(cells: &[u8]) -> Vec<u8> {
    const EACH: &[u8] = b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m";
    const ALL: &[u8] = b"\x1b[0m";
    match cells.strip_suffix(EACH) {
        Some(cells) => [cells, ALL].concat(),
        None => cells.to_vec(),
    }
}

/// The signs of a buffer, row by row.
pub fn plain(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut row = String::new();
        let mut skip = 0;
        for x in buffer.area.left()..buffer.area.right() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer.cell((x, y)).map_or(" ", |c| c.symbol());
            skip = width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Cell;

    #[test]
    fn a_frame_ends_with_one_reset() {
        let mut backend = CrosstermBackend::new(Vec::new());
        let mut cell = Cell::new("7");
        cell.set_fg(ratatui::style::Color::Red);
        backend.draw(std::iter::once((3, 0, &cell))).unwrap();
        let (before, after) = (backend.writer().clone(), compact(backend.writer()));
        assert!(after.ends_with(b"7\x1b[0m"), "{}", String::from_utf8_lossy(&after));
        assert!(after.len() < before.len(), "what the backend writes last has changed");
    }
}
