//! The table of services.
use ratatui::layout::Rect;

use super::super::text::{left, right, width, wrap};
use super::super::theme::Meaning;
use super::super::viewmodel::{Mark, ServiceRow, Services, StepState};
use super::canvas::Canvas;

/// Columns that are shown and how wide they are; 0 is absent.
struct Columns {
    name: usize,
    from: usize,
    to: usize,
    /// One entry a step, each with the space before it; empty: no room.
    steps: Vec<usize>,
    pods: usize,
    observed: usize,
    since: usize,
    wave: usize,
    needs: usize,
}

/// `100%`, with `?` in front when in doubt.
const SHARE: usize = 5;
const STATE: usize = 12;
/// Steps beyond this are a policy for a table of its own.
const STEPS: usize = 8;

/// Widest columns the rows need, taken away again from the least important until they fit into `room`.
fn columns(services: &Services, room: usize) -> Columns {
    let widest = |f: fn(&ServiceRow) -> &str, min: usize, max: usize| {
        services.rows.iter().map(|r| width(f(r))).max().unwrap_or(0).clamp(min, max)
    };
    let mut c = Columns {
        name: widest(|r| &r.name, 7, 24),
        from: 0,
        to: widest(|r| &r.to, 2, 12),
        steps: Vec::new(),
        pods: 0,
        observed: 0,
        since: 0,
        wave: 0,
        needs: 0,
    };
    let mut used = 2 + c.name + 1 + c.to + 1 + SHARE + 2 + STATE;
    let mut take = |cells: usize| {
        let fits = used + cells <= room;
        used += if fits { cells } else { 0 };
        fits
    };
    let steps: Vec<usize> = services.weights.iter().map(|w| w.to_string().len().max(2) + 1).collect();
    if services.weights.len() <= STEPS && take(steps.iter().sum()) {
        c.steps = steps;
    }
    let from = widest(|r| &r.from, 4, 12);
    // With ` > ` between.
    if take(from + 3) {
        c.from = from;
    }
    for (column, cells) in [(&mut c.pods, 7), (&mut c.observed, 6), (&mut c.since, 9), (&mut c.wave, 5)] {
        if take(cells) {
            *column = cells;
        }
    }
    let needs = widest(|r| &r.needs, 0, 40);
    if needs > 0 && take(needs.max(5) + 2) {
        c.needs = needs.max(5) + 2;
    }
    c
}

/// Rows the whole panel would like at this width: every service, head, notes, borders.
pub fn wanted(services: &Services, width: u16) -> u16 {
    (services.rows.len() + 1 + notes(services, width.saturating_sub(2)).len() + 2) as u16
}

/// The notes, each in at most two lines.
fn notes(services: &Services, cells: u16) -> Vec<(String, Meaning)> {
    let room = usize::from(cells.saturating_sub(3));
    let two = |(text, meaning): &(String, Meaning)| {
        let mut lines = wrap(text, room);
        if lines.len() > 2 {
            // The second line takes all that is left; drawing cuts it and says so.
            lines = vec![lines[0].clone(), lines[1..].join(" ")];
        }
        lines.into_iter().map(|l| (l, *meaning)).collect::<Vec<_>>()
    };
    services.notes.iter().flat_map(two).collect()
}

pub fn panel(canvas: &mut Canvas, services: &Services, area: Rect) {
    let title = match &services.lost {
        Some(lost) => format!("Services {}  {lost}", services.total),
        None => format!("Services {}", services.total),
    };
    let right = match (services.filtering, services.filter.is_empty()) {
        (true, _) => format!("filter: {}_", services.filter),
        (false, false) => format!("{} of {} match \"{}\"", services.rows.len(), services.total, services.filter),
        (false, true) if services.follows => "[/] filter".into(),
        (false, true) => "[esc] follow  [/] filter".into(),
    };
    let border = if services.lost.is_some() {
        Meaning::Lost
    } else if services.focus {
        Meaning::Focus
    } else {
        Meaning::Border
    };
    let inner = canvas.boxed(area, &title, &right, border);
    if inner.height < 2 {
        return;
    }
    let columns = columns(services, usize::from(inner.width));
    canvas.put(inner.x, inner.y, &head(services, &columns), Meaning::Header, inner.width);
    let mut notes = notes(services, inner.width);
    // Rows before notes, but one row of notes stays as long as three services do.
    let spare = usize::from(inner.height).saturating_sub(1 + services.rows.len());
    notes.truncate(spare.max(usize::from(inner.height > 4)));
    let room = usize::from(inner.height) - 1 - notes.len();
    let chosen = services.rows.iter().position(|r| r.selected).unwrap_or(0);
    // One row less when there are more than fit: it says how many.
    let shown = if services.rows.len() > room { room.saturating_sub(1) } else { room };
    let first = chosen.saturating_sub(shown / 2).min(services.rows.len().saturating_sub(shown));
    for (i, row) in services.rows.iter().skip(first).take(shown).enumerate() {
        let at = Rect { y: inner.y + 1 + i as u16, height: 1, ..inner };
        draw_row(canvas, row, &columns, at);
    }
    if services.rows.len() > shown {
        let below = services.rows.len() - shown - first;
        let text = match (first, below) {
            (0, below) => format!("  +{below} below"),
            (above, 0) => format!("  +{above} above"),
            (above, below) => format!("  +{above} above, +{below} below"),
        };
        canvas.put(inner.x, inner.y + room as u16, &text, Meaning::Dim, inner.width);
    }
    if services.rows.is_empty() && room > 0 {
        canvas.put(inner.x, inner.y + 1, "  no service matches", Meaning::Dim, inner.width);
    }
    for (i, (note, meaning)) in notes.iter().enumerate() {
        let y = inner.bottom() - (notes.len() - i) as u16;
        canvas.put(inner.x + 2, y, note, *meaning, inner.width.saturating_sub(2));
    }
}

fn head(services: &Services, c: &Columns) -> String {
    let mut head = format!("  {}", left("SERVICE", c.name + 1, ""));
    if c.from > 0 {
        head.push_str(&format!("{} > ", right("FROM", c.from, "")));
    }
    head.push_str(&left("TO", c.to, ""));
    for (weight, cells) in services.weights.iter().zip(&c.steps) {
        head.push_str(&right(&weight.to_string(), *cells, ""));
    }
    head.push_str(&right("WT", SHARE + 1, ""));
    for (cells, title) in [(c.pods, "PODS"), (c.observed, "SEEN")] {
        head.push_str(&right(if cells > 0 { title } else { "" }, cells, ""));
    }
    head.push_str(&format!("  {}", left("STATE", STATE, "")));
    head.push_str(&right(if c.since > 0 { "FOR" } else { "" }, c.since, ""));
    head.push_str(&right(if c.wave > 0 { "WAVE" } else { "" }, c.wave, ""));
    if c.needs > 0 {
        head.push_str("  NEEDS");
    }
    head
}

fn draw_row(canvas: &mut Canvas, row: &ServiceRow, c: &Columns, at: Rect) {
    let g = canvas.glyphs;
    let mark = match row.mark {
        Mark::Done => g.done,
        Mark::Waits => g.waits,
        Mark::Moves => g.moves,
        Mark::Attention => g.attention,
        Mark::Back => g.back,
    };
    let mut x = at.x;
    let y = at.y;
    let end = at.right();
    let mut put = |canvas: &mut Canvas, text: &str, meaning: Meaning| {
        x += canvas.put(x, y, text, meaning, end.saturating_sub(x));
    };
    let stale = row.meaning == Meaning::Stale;
    let plain = if stale { Meaning::Stale } else { Meaning::Text };
    put(canvas, mark, row.meaning);
    put(canvas, if row.selected { g.selected } else { " " }, Meaning::Key);
    put(canvas, &left(&row.name, c.name + 1, g.ellipsis), plain);
    if c.from > 0 {
        put(canvas, &right(&row.from, c.from, g.ellipsis), Meaning::Dim);
        put(canvas, " > ", Meaning::Dim);
    }
    put(canvas, &left(&row.to, c.to, g.ellipsis), plain);
    for (state, cells) in row.steps.iter().zip(&c.steps) {
        let (sign, meaning) = match state {
            StepState::Done => (g.step_done, Meaning::Good),
            StepState::Now => (g.step_now, row.meaning),
            StepState::Todo => (g.step_todo, Meaning::Dim),
        };
        // Under the first digit of its head, as the eye finds columns.
        let lead = cells - if *cells > 3 { 3 } else { 2 };
        put(canvas, &" ".repeat(lead), plain);
        put(canvas, sign, if stale { Meaning::Stale } else { meaning });
        put(canvas, &" ".repeat(cells - lead - 1), plain);
    }
    put(canvas, &right(&row.share, SHARE + 1, g.ellipsis), plain);
    put(canvas, &right(&row.pods, c.pods, ""), plain);
    put(
        canvas,
        &right(&row.observed, c.observed, ""),
        if row.observed.starts_with('!') { Meaning::Warn } else { plain },
    );
    put(canvas, "  ", plain);
    put(canvas, &left(&row.state, STATE, g.ellipsis), row.meaning);
    put(canvas, &right(&row.since, c.since, ""), Meaning::Dim);
    put(canvas, &right(&row.wave, c.wave, ""), Meaning::Dim);
    if c.needs > 0 {
        put(canvas, "  ", plain);
        put(canvas, &left(&row.needs, c.needs - 2, g.ellipsis), Meaning::Dim);
    }
    if row.selected {
        canvas.mark(at, Meaning::Selected);
    }
}

/// The selected service in a row and its notes, without a panel; returns the rows it took.
pub fn selected(canvas: &mut Canvas, services: &Services, area: Rect) -> u16 {
    let Some(row) = services.rows.iter().find(|r| r.selected) else {
        canvas.put(area.x + 1, area.y, "no service matches the filter", Meaning::Dim, area.width);
        return 1.min(area.height);
    };
    if area.height == 0 {
        return 0;
    }
    let one = Services { rows: vec![row.clone()], ..services.clone() };
    // Without a head only what explains itself.
    let columns =
        Columns { pods: 0, observed: 0, since: 0, wave: 0, needs: 0, ..columns(&one, usize::from(area.width)) };
    draw_row(canvas, row, &columns, Rect { height: 1, ..area });
    let mut used = 1;
    for (note, meaning) in services.notes.iter().take(usize::from(area.height.saturating_sub(1))) {
        canvas.put(area.x + 2, area.y + used, note, *meaning, area.width.saturating_sub(2));
        used += 1;
    }
    used
}
