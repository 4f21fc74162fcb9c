//! Tenants and their windows: the list, the timeline, one tenant's page, and the panel of the main screen.
use ratatui::layout::Rect;

use super::super::text::{left, right, width};
use super::super::theme::Meaning;
use super::super::viewmodel::{
    Bar, Events, Piece, TenantPage, TenantRow, TenantsPanel, TenantsView, Timeline, ViewModel,
};
use super::canvas::Canvas;
use super::{events, scrolled};
use crate::spec::units::Dur;

/// Cells of a column; one that is 0 is not there.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    zone: usize,
    now: usize,
    theirs: usize,
    shown: usize,
    state: usize,
}

/// Cells of `IN`.
const LEFT: usize = 5;
/// Cells of a tenant's name before its bar.
const BAR_NAME: u16 = 13;

impl Columns {
    fn of(cells: u16, theirs: bool) -> Columns {
        let none = Columns { name: 0, zone: 0, now: 0, theirs: 0, shown: 0, state: 0 };
        match usize::from(cells) {
            w @ 96.. => {
                // What is more goes to names and zones.
                let more = (w - 96).min(40);
                let (name, zone) = (14 + more / 2, 18 + more - more / 2);
                Columns { name, zone, now: 10, theirs: 21, shown: 16, state: 12 }
            }
            w @ 76.. => {
                let name = 12 + (w - 76) / 2;
                let (one, other) = if theirs { (20, 0) } else { (0, 20) };
                Columns { name, zone: 18 + (w - 76).div_ceil(2), now: 10, theirs: one, shown: other, state: 11 }
            }
            w @ 50.. => Columns { name: (w - 34).min(30), now: 10, state: 16, ..none },
            w => Columns { name: w.saturating_sub(20).max(8), state: 12, ..none },
        }
    }

    /// A line of the table, column by column; each gap is a cell.
    fn cells(&self, row: [&str; 7], mark: &str) -> Vec<String> {
        let widths = [self.name, self.zone, self.now, self.theirs, self.shown, self.state];
        let mut cells: Vec<String> = Vec::new();
        for (text, width) in row.iter().zip(widths) {
            cells.push(if width == 0 { String::new() } else { format!("{} ", left(text, width - 1, mark)) });
        }
        cells.push(right(row[6], LEFT, mark));
        cells
    }
}

/// The screen in panels.
pub fn panels(canvas: &mut Canvas, view: &TenantsView, body: Rect) {
    let (room, most) = (usize::from(body.width.saturating_sub(2)), usize::from(body.height / 6).max(2));
    let mut said: Vec<_> = view.selected.iter().flat_map(|l| super::hanging(l, room)).collect();
    if said.len() > most {
        // Whether it still fits matters more than the last closing.
        said.clone_from(&view.selected);
    }
    let about = said.len().clamp(2, most) as u16 + 2;
    let timeline = if body.height >= 26 { 8 } else { 6 }.max(body.height / 4);
    let list = Rect { height: body.height.saturating_sub(about + timeline), ..body };
    list_panel(canvas, view, list);
    let middle = Rect { y: list.bottom(), height: timeline, ..body };
    match &view.closings {
        Some(lines) => {
            let inner = canvas.boxed(middle, "Closed", "[esc] timeline", Meaning::Focus);
            super::wrapped(canvas, lines, view.scroll, inner);
        }
        None => {
            let title = format!("Timeline, now is the left edge, 24 h, {}", view.timeline.zone);
            let inner = canvas.boxed(middle, &title, "", Meaning::Border);
            let bars = around_selected(&view.timeline.bars, usize::from(inner.height.saturating_sub(1)));
            let area = Rect { x: inner.x + BAR_NAME, width: inner.width.saturating_sub(BAR_NAME), ..inner };
            axis(canvas, &view.timeline, area);
            for (i, bar) in bars.iter().enumerate() {
                let y = inner.y + 1 + i as u16;
                let name = left(&bar.name, usize::from(BAR_NAME) - 2, canvas.glyphs.ellipsis);
                canvas.put(inner.x + 1, y, &name, meaning_of(bar), BAR_NAME - 1);
                draw_bar(canvas, bar, Rect { y, height: 1, ..area });
            }
        }
    }
    let area = Rect { y: middle.bottom(), height: about, ..body };
    let inner = canvas.boxed(area, "Selected", "", Meaning::Border);
    scrolled(canvas, &said, 0, inner);
}

fn meaning_of(bar: &Bar) -> Meaning {
    if bar.selected { Meaning::Title } else { Meaning::Text }
}

/// As many bars as there is room for, the selected one among them: after the one before it, where as many follow.
fn around_selected(bars: &[Bar], room: usize) -> &[Bar] {
    let at = bars.iter().position(|b| b.selected).unwrap_or(0);
    let before = at.saturating_sub(usize::from(room > 1));
    let first = before.min(bars.len().saturating_sub(room));
    &bars[first..bars.len().min(first + room)]
}

fn list_panel(canvas: &mut Canvas, view: &TenantsView, area: Rect) {
    let inner = canvas.boxed(area, &view.title, &view.counts, Meaning::Focus);
    list(canvas, view, inner);
}

/// Head and rows, the selected one among them. Gives the rows it took.
fn list(canvas: &mut Canvas, view: &TenantsView, area: Rect) -> u16 {
    if area.height == 0 {
        return 0;
    }
    let columns = Columns::of(area.width.saturating_sub(2), view.shown == "ON");
    let mark = canvas.glyphs.ellipsis;
    let head = ["TENANT", "ZONE", "THEIR NOW", "WINDOW (THEIRS)", &view.shown, "STATE", "IN"];
    canvas.put(area.x + 2, area.y, &columns.cells(head, mark).concat(), Meaning::Header, area.width - 2);
    let room = usize::from(area.height - 1);
    if view.rows.is_empty() {
        canvas.put(area.x + 2, area.y + 1, "no tenant matches", Meaning::Dim, area.width - 2);
        return area.height.min(2);
    }
    let selected = view.rows.iter().position(|r| r.selected).unwrap_or(0);
    // Pages, so that the list stands still while one walks through it.
    let page = (view.before + selected) / room.max(1) * room.max(1);
    let rows: Vec<&TenantRow> = view.rows.iter().skip(page.saturating_sub(view.before)).take(room).collect();
    for (i, row) in rows.iter().enumerate() {
        let y = area.y + 1 + i as u16;
        draw_row(canvas, row, &columns, Rect { y, height: 1, ..area });
    }
    1 + rows.len() as u16
}

fn draw_row(canvas: &mut Canvas, row: &TenantRow, columns: &Columns, area: Rect) {
    let mark = canvas.glyphs.ellipsis;
    let star = |text: &str| if row.changes { format!("{text} *") } else { text.to_string() };
    let (theirs, shown) =
        if columns.theirs > 0 { (star(&row.theirs), row.shown.clone()) } else { (String::new(), star(&row.shown)) };
    let cells = columns.cells([&row.name, &row.zone, &row.now, &theirs, &shown, &row.state, &row.left], mark);
    let meanings = [
        if row.selected { Meaning::Title } else { Meaning::Text },
        Meaning::Dim,
        Meaning::Text,
        Meaning::Text,
        Meaning::Text,
        row.meaning,
        Meaning::Text,
    ];
    if row.selected {
        canvas.put(area.x, area.y, canvas.glyphs.selected, Meaning::Title, 1);
    }
    let pieces = cells.into_iter().zip(meanings).map(|(text, meaning)| Piece { text, meaning }).collect();
    canvas.line(area.x + 2, area.y, &pieces, area.width.saturating_sub(2));
    if row.selected {
        canvas.mark(area, Meaning::Selected);
    }
}

/// The same without panels: the list, and what there is to know of the selected one where it fits.
pub fn small(canvas: &mut Canvas, view: &TenantsView, body: Rect) {
    if let Some(lines) = &view.closings {
        return super::wrapped(canvas, lines, view.scroll, body);
    }
    let about = if body.height >= 10 { 4 } else { 0 };
    list(canvas, view, Rect { height: body.height - about, ..body });
    let lines: Vec<_> = view.selected.iter().flat_map(|l| super::hanging(l, usize::from(body.width))).collect();
    for (i, line) in lines.iter().take(usize::from(about)).enumerate() {
        canvas.line(body.x, body.bottom() - about + i as u16, line, body.width);
    }
}

/// Hours above the bars, as many as can be told apart.
fn axis(canvas: &mut Canvas, timeline: &Timeline, area: Rect) {
    let (cells, day) = (u64::from(area.width), Dur::hours(24).0);
    // A label takes two cells and wants two more.
    let step = [1, 2, 3, 4, 6, 12, 24].into_iter().find(|step| cells * step >= 24 * 4).unwrap_or(24);
    for (at, hour) in timeline.hours.iter().filter(|(_, hour)| u64::from(*hour) % step == 0) {
        let x = (at.0 * cells / day) as u16;
        if x + 2 <= area.width {
            canvas.put(area.x + x, area.y, &format!("{hour:02}"), Meaning::Header, 2);
        }
    }
}

/// Each cell is what holds in its middle. What is too short for the middle of any, open or closed, makes its cell a part.
fn draw_bar(canvas: &mut Canvas, bar: &Bar, area: Rect) {
    let g = canvas.glyphs;
    let (cells, day) = (u64::from(area.width), Dur::hours(24).0);
    let middle = |cell: u64| (2 * cell + 1) * day / (2 * cells.max(1));
    let inside = |spans: &[(Dur, Dur)], cell: u64| {
        spans.iter().find(|(from, to)| from.0 <= middle(cell) && middle(cell) < to.0).copied()
    };
    let open = open_of(bar);
    let parts = short(&open, |span| (0..cells).any(|cell| inside(&[span], cell).is_some()));
    let part = |cell: u64, is_open: bool| {
        let here = |(_, (from, to)): &&(bool, (Dur, Dur))| (from.0 + to.0) / 2 * cells / day == cell;
        parts.iter().filter(here).find(|(opens, _)| *opens != is_open).map(|(_, span)| *span)
    };
    for cell in 0..cells {
        let frozen = |(from, to): (Dur, Dur)| bar.frozen.iter().any(|(f, t)| f.0 < to.0 && from.0 < t.0);
        let (sign, meaning) = match (inside(&bar.frozen, cell), inside(&open, cell)) {
            (_, None) if part(cell, false).is_some() => (g.part, Meaning::Bar),
            (Some(_), _) => (g.frozen, Meaning::Bad),
            (None, None) => (g.shut, Meaning::Dim),
            (None, Some(span)) => {
                let first = cell == 0 || inside(&open, cell - 1) != Some(span);
                let last = cell + 1 == cells || inside(&open, cell + 1) != Some(span);
                match (part(cell, true), first, last) {
                    (Some(closed), ..) if frozen(closed) => (g.frozen, Meaning::Bad),
                    (Some(_), ..) => (g.part, Meaning::Bar),
                    (None, true, false) => (g.opens, Meaning::Bar),
                    // Beyond the right edge it goes on.
                    (None, false, true) if span.1.0 < day => (g.closes, Meaning::Bar),
                    _ => (g.open, Meaning::Bar),
                }
            }
        };
        canvas.sign(area.x + cell as u16, area.y, sign, meaning);
    }
}

/// When it is open and not frozen, in order.
fn open_of(bar: &Bar) -> Vec<(Dur, Dur)> {
    bar.frozen.iter().fold(bar.open.clone(), |open, (from, to)| {
        let before = |(a, b): (Dur, Dur)| (a, b.min(*from));
        let after = |(a, b): (Dur, Dur)| (a.max(*to), b);
        let rest = open.into_iter().flat_map(|span| match span.1 <= *from || span.0 >= *to {
            true => vec![span],
            false => vec![before(span), after(span)],
        });
        rest.filter(|(a, b)| a < b).collect()
    })
}

/// Those of some stretches, and of the gaps between them, that are not `seen`: true for a stretch.
fn short(open: &[(Dur, Dur)], seen: impl Fn((Dur, Dur)) -> bool) -> Vec<(bool, (Dur, Dur))> {
    let gaps = open.windows(2).map(|pair| (false, (pair[0].1, pair[1].0)));
    open.iter().map(|span| (true, *span)).chain(gaps).filter(|(_, span)| !seen(*span)).collect()
}

/// Rows the main screen's panel takes.
pub fn wanted(body: Rect, panel: &TenantsPanel) -> u16 {
    let rows = panel.timeline.bars.len().min(if body.height >= 36 { 6 } else { 3 }) as u16;
    if body.height >= 25 && body.width >= 90 { rows + 3 } else { 3 }
}

/// The panel of the main screen.
pub fn panel(canvas: &mut Canvas, panel: &TenantsPanel, area: Rect) {
    let long = width(&panel.title) + width(&panel.right) + 10 <= usize::from(area.width);
    let (title, aside) = if long { (&panel.title, &panel.right) } else { (&panel.short_title, &panel.short_right) };
    let inner = canvas.boxed(area, title, aside, Meaning::Border);
    if inner.height < 3 {
        canvas.put(inner.x + 1, inner.y, &panel.line, Meaning::Text, inner.width.saturating_sub(1));
        return;
    }
    // Numbers of tenants that share a window take what they need from the bars.
    let widest = panel.timeline.bars.iter().map(|bar| width(&bar.state)).max().unwrap_or(0);
    let (before, after) = (1 + 15 + 12 + 7, (widest as u16 + 2).clamp(16, (inner.width / 3).max(16)));
    let bars = Rect { x: inner.x + before, width: inner.width.saturating_sub(before + after), ..inner };
    axis(canvas, &panel.timeline, bars);
    for (i, bar) in panel.timeline.bars.iter().take(usize::from(inner.height - 1)).enumerate() {
        let y = inner.y + 1 + i as u16;
        let mark = canvas.glyphs.ellipsis;
        canvas.put(inner.x + 1, y, &left(&bar.name, 14, mark), Meaning::Text, 14);
        canvas.put(inner.x + 16, y, &left(&bar.zone, 11, mark), Meaning::Dim, 11);
        canvas.put(inner.x + 28, y, &bar.now, Meaning::Text, 6);
        draw_bar(canvas, bar, Rect { y, height: 1, ..bars });
        canvas.put(bars.right() + 1, y, &left(&bar.state, usize::from(after) - 1, mark), bar.meaning, after - 1);
    }
}

/// One tenant's page.
pub fn page(canvas: &mut Canvas, vm: &ViewModel, page: &TenantPage, body: Rect) {
    let below = (page.history.len() as u16 + 2).clamp(3, (body.height / 3).max(3));
    let above = Rect { height: body.height.saturating_sub(below), ..body };
    let inner = canvas.boxed(above, &format!("Tenant {}", page.id), "[esc] back", Meaning::Focus);
    super::wrapped(canvas, &page.lines, page.scroll, inner);
    let area = Rect { y: above.bottom(), height: below, ..body };
    let inner = canvas.boxed(area, "Its history in this run", "", Meaning::Border);
    history(canvas, vm, page, inner);
}

fn history(canvas: &mut Canvas, vm: &ViewModel, page: &TenantPage, area: Rect) {
    if page.history.is_empty() {
        canvas.put(area.x, area.y, "nothing in this run was about it alone", Meaning::Dim, area.width);
        return;
    }
    let rows = Events { rows: page.history.clone(), ..vm.events.clone() };
    events::rows(canvas, &rows, area);
}

/// The same without panels.
pub fn small_page(canvas: &mut Canvas, page: &TenantPage, body: Rect) {
    super::wrapped(canvas, &page.lines, page.scroll, body);
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::super::super::glyphs::{ASCII, BLOCKS, Glyphs, UNICODE};
    use super::super::super::theme::Theme;
    use super::*;

    /// A day in 24 cells of an hour each, by minutes.
    fn drawn(glyphs: &'static Glyphs, open: &[(u64, u64)], frozen: &[(u64, u64)]) -> String {
        let spans = |list: &[(u64, u64)]| list.iter().map(|(a, b)| (Dur::mins(*a), Dur::mins(*b))).collect();
        let bar = Bar {
            name: String::new(),
            open: spans(open),
            frozen: spans(frozen),
            state: String::new(),
            meaning: Meaning::Text,
            zone: String::new(),
            now: String::new(),
            selected: false,
        };
        let (area, theme) = (Rect::new(0, 0, 24, 1), Theme::shipped("default-dark").unwrap().unwrap());
        let mut buffer = Buffer::empty(area);
        draw_bar(&mut Canvas::new(&mut buffer, &theme, glyphs), &bar, area);
        (0..24).map(|x| buffer[(x, 0)].symbol()).collect()
    }

    #[test]
    fn what_is_shorter_than_a_cell_does_not_vanish() {
        // Twenty minutes at the start of an hour, and at its end; two in one hour are one part.
        assert_eq!(drawn(&ASCII, &[(120, 140), (220, 239), (300, 302), (350, 353)], &[]), "..--.-..................");
        for (glyphs, part) in [(&UNICODE, "▒"), (&BLOCKS, "▒"), (&ASCII, "-")] {
            assert!(drawn(glyphs, &[(121, 122)], &[]).contains(part));
        }
        // Closed for some minutes within a window, and frozen for some.
        assert_eq!(drawn(&ASCII, &[(0, 185), (200, 480)], &[]), "[=]-===]................");
        assert_eq!(drawn(&ASCII, &[(0, 480)], &[(190, 200)]), "[=]x===]................");
        // Of a freeze that takes nearly all of a window a part is left.
        assert_eq!(drawn(&ASCII, &[(120, 365)], &[(0, 361)]), "xxxxxx-.................");
        // The usual case is drawn as it was.
        assert_eq!(drawn(&ASCII, &[(0, 170), (600, 1440)], &[]), "[=].......[=============");
    }
}
