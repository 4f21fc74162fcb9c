//! The plan screen: findings, order of work, one finding in full; or the order as a tree.
//!
//! ```text
//! ┌─ Compatibility by severity ─────────── START IS OFF: 2 critical, 3 warnings ─┐
//! │  SEV   WHERE    WHAT                                       FIX               │
//! ├─ Order of work: 5 waves, 9 services ────────────── 1h5m to 100%, then … ─────┤
//! │ 1  auth, gateway                               canary 10/25/50/100      9m   │
//! ├─ Finding 1 of 9 ─────────────────────────────────────────────────────────────┤
//! │ what    GET /v2/orders/{id} is gone                                          │
//! └──────────────────────────────────────────────────────────────────────────────┘
//! ```
use ratatui::layout::Rect;

use super::super::text::{fit, left, right, width};
use super::super::theme::Meaning;
use super::super::viewmodel::{FindingRow, Line, Piece, PlanView};
use super::canvas::Canvas;
use super::{hanging, wrapped};

/// Cells of a finding's severity.
const SEVERITY: usize = 6;
/// Below this there is no room for what to do beside what is wrong.
const WITH_FIX: u16 = 96;

pub fn panels(canvas: &mut Canvas, view: &PlanView, body: Rect) {
    if let Some(tree) = &view.graph {
        let inner = canvas.boxed(body, "Who goes after whom", "[esc] findings", Meaning::Focus);
        wrapped(canvas, tree, view.scroll, inner);
        return;
    }
    if view.alone {
        let inner = canvas.boxed(body, &view.about_title, "[esc] all findings", Meaning::Focus);
        wrapped(canvas, &view.about, view.scroll, inner);
        return;
    }
    let room = usize::from(body.width.saturating_sub(2));
    let said: usize = view.about.iter().map(|l| hanging(l, room).len()).sum();
    let about = (said as u16 + 2).clamp(4, (body.height * 2 / 5).max(4));
    // Waves take what they need; findings have at least what half of the rest gives.
    let waves = (view.waves.len() as u16 + 2).min(body.height.saturating_sub(about) / 2).max(3);
    let list = Rect { height: body.height.saturating_sub(about + waves), ..body };
    let border = if view.meaning == Meaning::Border { Meaning::Focus } else { view.meaning };
    // The frame and blanks around both texts take nine cells.
    let (title, counts) = head(view, usize::from(body.width), 9, canvas.glyphs.ellipsis);
    let inner = canvas.boxed(list, &title, counts, border);
    findings(canvas, view, inner);
    let area = Rect { y: list.bottom(), height: waves, ..body };
    // The frame and blanks around both texts take eight cells.
    let fits = width(&view.order_title) + width(&view.estimate) + 8 < usize::from(body.width);
    let estimate = if fits { &view.estimate } else { &view.estimate_short };
    let inner = canvas.boxed(area, &view.order_title, estimate, Meaning::Border);
    order(canvas, view, inner);
    let area = Rect { y: area.bottom(), height: about, ..body };
    let inner = canvas.boxed(area, &view.about_title, &view.open, Meaning::Border);
    beginning(canvas, &view.about, inner);
}

/// The list's title and what was found, as both fit `cells` with `around` between and beside them: whether the start is off
/// is there however long the filter is.
fn head<'v>(view: &'v PlanView, cells: usize, around: usize, mark: &str) -> (String, &'v str) {
    let counts = match width(&view.title) + width(&view.counts) + around <= cells {
        true => &view.counts,
        false => &view.counts_short,
    };
    (fit(&view.title, cells.saturating_sub(width(counts) + around), mark).into_owned(), counts)
}

/// As much as there is room for; the last row says how to see the rest.
fn beginning(canvas: &mut Canvas, lines: &[Line], area: Rect) {
    let lines: Vec<Line> = lines.iter().flat_map(|l| hanging(l, usize::from(area.width))).collect();
    let rows = usize::from(area.height);
    let more = lines.len() > rows && rows > 0;
    let room = rows - usize::from(more);
    for (i, line) in lines.iter().take(room).enumerate() {
        canvas.line(area.x, area.y + i as u16, line, area.width);
    }
    if more {
        let text = format!(" +{} lines more: [enter]", lines.len() - room);
        canvas.put(area.x, area.bottom() - 1, &text, Meaning::Dim, area.width);
    }
}

/// Without panels: the list, then the selected finding.
pub fn small(canvas: &mut Canvas, view: &PlanView, body: Rect) {
    if let Some(tree) = &view.graph {
        wrapped(canvas, tree, view.scroll, body);
        return;
    }
    if view.alone {
        wrapped(canvas, &view.about, view.scroll, body);
        return;
    }
    let (title, counts) = head(view, usize::from(body.width), 3, canvas.glyphs.ellipsis);
    canvas.put(body.x, body.y, &format!("{title} ({counts})"), view.meaning.max(Meaning::Title), body.width);
    let list = Rect { y: body.y + 1, height: (body.height.saturating_sub(1)) / 2, ..body };
    findings(canvas, view, list);
    let about = Rect { y: list.bottom(), height: body.bottom().saturating_sub(list.bottom()), ..body };
    beginning(canvas, &view.about, about);
}

fn findings(canvas: &mut Canvas, view: &PlanView, area: Rect) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let cells = usize::from(area.width) - 2;
    let place = (cells / 5).clamp(8, 20);
    let fix = if area.width >= WITH_FIX { cells * 3 / 10 } else { 0 };
    let what = cells.saturating_sub(SEVERITY + 1 + place + 1 + fix + usize::from(fix > 0));
    let mark = canvas.glyphs.ellipsis;
    let texts = |severity: &str, at: &str, said: &str, todo: &str| {
        let last = if fix > 0 { format!(" {}", left(todo, fix, mark)) } else { String::new() };
        [
            format!("{} ", left(severity, SEVERITY, mark)),
            format!("{} ", left(at, place, mark)),
            left(said, what, mark),
            last,
        ]
    };
    let head = texts("SEV", "WHERE", "WHAT", "FIX").concat();
    canvas.put(area.x + 2, area.y, &head, Meaning::Header, area.width - 2);
    if view.rows.is_empty() {
        canvas.put(area.x + 2, area.y + 1, view.none, Meaning::Dim, area.width - 2);
        return;
    }
    let room = usize::from(area.height - 1).max(1);
    let selected = view.rows.iter().position(|r| r.selected).unwrap_or(0);
    // Pages, so that the list stands still while one walks through it.
    let page = (view.before + selected) / room * room;
    let shown: Vec<&FindingRow> = view.rows.iter().skip(page.saturating_sub(view.before)).take(room).collect();
    for (i, row) in shown.into_iter().enumerate() {
        let y = area.y + 1 + i as u16;
        let meanings = [row.meaning, Meaning::Text, row.meaning, Meaning::Dim];
        let texts = texts(row.severity, &row.place, &row.what, &row.fix);
        let line = texts.into_iter().zip(meanings).map(|(text, meaning)| Piece { text, meaning }).collect();
        canvas.line(area.x + 2, y, &line, area.width - 2);
        if row.selected {
            canvas.put(area.x, y, canvas.glyphs.selected, Meaning::Title, 1);
            canvas.mark(Rect { y, height: 1, ..area }, Meaning::Selected);
        }
    }
}

fn order(canvas: &mut Canvas, view: &PlanView, area: Rect) {
    let mark = canvas.glyphs.ellipsis;
    let way = view.waves.iter().map(|w| width(&w.way)).max().unwrap_or(0);
    let time = view.waves.iter().map(|w| width(&w.time)).max().unwrap_or(0);
    let names = usize::from(area.width).saturating_sub(4 + way + 2 + time + 2);
    let more = view.waves.len() > usize::from(area.height);
    let room = usize::from(area.height) - usize::from(more && area.height > 0);
    for (i, wave) in view.waves.iter().take(room).enumerate() {
        let line = vec![
            Piece { text: format!("{:>2}  ", wave.wave), meaning: Meaning::Dim },
            Piece { text: left(&wave.services, names, mark), meaning: Meaning::Text },
            Piece { text: format!("  {}", left(&wave.way, way, mark)), meaning: Meaning::Dim },
            Piece { text: format!("  {}", right(&wave.time, time, mark)), meaning: Meaning::Text },
        ];
        canvas.line(area.x, area.y + i as u16, &line, area.width);
    }
    if more && area.height > 0 {
        let text = format!(" +{} waves more; the tree shows all", view.waves.len() - room);
        canvas.put(area.x, area.bottom() - 1, &text, Meaning::Dim, area.width);
    }
}
