//! The event list.
use ratatui::layout::Rect;

use super::super::text::left;
use super::super::theme::Meaning;
use super::super::viewmodel::Events;
use super::canvas::Canvas;

pub fn panel(canvas: &mut Canvas, events: &Events, area: Rect, title: &str) {
    let mut right = if events.follows {
        "[f] follow on".to_string()
    } else {
        format!("{} newer above, [f] follow", events.scrolled)
    };
    if !events.filter.is_empty() {
        right = format!("{} match \"{}\"  {right}", events.total, events.filter);
    }
    let border = if events.focus { Meaning::Focus } else { Meaning::Border };
    let inner = canvas.boxed(area, title, &right, border);
    rows(canvas, events, inner);
}

/// The rows without a panel.
pub fn rows(canvas: &mut Canvas, events: &Events, area: Rect) {
    if events.rows.is_empty() && area.height > 0 {
        let text = if events.filter.is_empty() { "nothing has happened yet" } else { "no event matches" };
        canvas.put(area.x, area.y, text, Meaning::Dim, area.width);
    }
    let who = events
        .rows
        .iter()
        .map(|e| super::width(&e.who))
        .max()
        .unwrap_or(6)
        .clamp(6, if area.width < 90 { 8 } else { 20 });
    for (i, event) in events.rows.iter().take(usize::from(area.height)).enumerate() {
        let y = area.y + i as u16;
        let end = area.right();
        let mut x = area.x;
        x += canvas.put(x, y, &event.time, Meaning::Dim, area.width) + 1;
        x += canvas.put(x, y, &left(event.kind, 6, ""), event.meaning, end.saturating_sub(x));
        let name = left(&event.who, who + 1, canvas.glyphs.ellipsis);
        x += canvas.put(x, y, &name, Meaning::Dim, end.saturating_sub(x));
        canvas.put(x, y, &event.text, Meaning::Text, end.saturating_sub(x));
    }
}
