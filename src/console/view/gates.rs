//! The gates of the selected service.
use ratatui::layout::Rect;

use super::super::text::{left, right, width, wrap};
use super::super::theme::Meaning;
use super::super::viewmodel::{GateRow, Gates, SparkPoint};
use super::canvas::Canvas;
use crate::engine::status::BackState;

/// Widest verdict word.
const WORD: usize = 7;
/// `?99.96%`, `12.40s`.
const VALUE: usize = 7;
/// `min 99.5%`.
const LIMIT: usize = 9;
/// From this width on limit and gauge have a place.
const WIDE: u16 = 36;

/// Rows the whole panel would like.
pub fn wanted(gates: &Gates) -> u16 {
    let story = if gates.story.is_empty() { 0 } else { gates.story.len() + 1 };
    let unasked = 2 * usize::from(!gates.unasked.is_empty());
    (story + gates.rows.iter().map(most).sum::<usize>() + unasked + 1 + 2) as u16
}

/// Lines a gate can use. A remark may take two lines: which pod answered what is said in full somewhere.
fn most(row: &GateRow) -> usize {
    if row.remark.as_ref().is_some_and(|r| width(r) > 26) {
        return 4;
    }
    let silent = row.spark.is_empty() && row.gauge.is_none() && row.dwell.is_none() && row.remark.is_none();
    if silent { 1 } else { 3 }
}

pub fn panel(canvas: &mut Canvas, gates: &Gates, area: Rect) {
    let title = match (&gates.stale, area.width > 40) {
        (Some(stale), true) => format!("Gates: {}  {stale}", gates.service),
        (Some(stale), false) => format!("{stale}  {}", gates.service),
        (None, true) => format!("Gates: {}, new vs limit", gates.service),
        (None, false) => format!("Gates: {}", gates.service),
    };
    let border = if gates.stale.is_some() {
        Meaning::Missing
    } else if gates.focus {
        Meaning::Focus
    } else {
        Meaning::Border
    };
    let inner = canvas.boxed(area, &title, "", border);
    rows(canvas, gates, inner);
}

/// How many lines each gate gets: one each, then what is bad or missing is shown in full, then the others.
fn lines(gates: &[GateRow], room: usize) -> Vec<usize> {
    let mut lines = vec![1; gates.len()];
    let mut spare = room.saturating_sub(gates.len());
    let mut order: Vec<usize> = (0..gates.len()).collect();
    order.sort_by_key(|i| gates[*i].urgency);
    let mut give = |only_urgent: bool, upto: usize, lines: &mut Vec<usize>| {
        for i in order.iter().filter(|i| !only_urgent || gates[**i].urgency < 2) {
            while spare > 0 && lines[*i] < upto.min(most(&gates[*i])) {
                lines[*i] += 1;
                spare -= 1;
            }
        }
    };
    give(true, 4, &mut lines);
    give(false, 2, &mut lines);
    give(false, 3, &mut lines);
    lines
}

/// The rows without a panel.
pub fn rows(canvas: &mut Canvas, gates: &Gates, area: Rect) {
    if area.height == 0 || area.width < 8 {
        return;
    }
    let area = story(canvas, gates, area);
    let skip = gates.scroll.min(gates.rows.len().saturating_sub(1));
    let shown = &gates.rows[skip..];
    let mut y = area.y;
    for (row, count) in shown.iter().zip(lines(shown, usize::from(area.height))) {
        for line in 0..count {
            if y >= area.bottom() {
                return;
            }
            let at = Rect { y, height: 1, ..area };
            match line {
                0 => head(canvas, row, at),
                1 => picture(canvas, row, at, count == 2),
                2 => dwell(canvas, row, Rect { height: (count as u16 - 2).min(area.bottom() - y), ..at }),
                // The remark's.
                _ => {}
            }
            y += 1;
        }
    }
    if !gates.unasked.is_empty() {
        let text = format!("not asked in this phase: {}", gates.unasked.join(", "));
        for line in wrap(&text, usize::from(area.width)) {
            if y >= area.bottom() {
                return;
            }
            canvas.put(area.x, y, &line, Meaning::Dim, area.width);
            y += 1;
        }
    }
    if y < area.bottom() && !gates.rows.is_empty() {
        canvas.put(area.x, area.bottom() - 1, &gates.basis, Meaning::Dim, area.width);
    }
}

/// The way back, above the gates; returns what is left.
fn story(canvas: &mut Canvas, gates: &Gates, area: Rect) -> Rect {
    if gates.story.is_empty() {
        return area;
    }
    canvas.put(area.x, area.y, &gates.story_title, Meaning::Title, area.width);
    let mut y = area.y + 1;
    for step in gates.story.iter().take(usize::from(area.height.saturating_sub(1))) {
        let g = canvas.glyphs;
        let (sign, meaning) = match step.state {
            BackState::Done => (g.step_done, Meaning::Good),
            BackState::Now => (g.step_now, Meaning::Roll),
            BackState::Blocked => (g.attention, Meaning::Roll),
            BackState::Todo => (g.step_todo, Meaning::Dim),
        };
        let text = if step.state == BackState::Todo { Meaning::Dim } else { Meaning::Text };
        // A verdict's style may be reversed: only the sign carries it.
        canvas.put(area.x + 1, y, sign, meaning, 1);
        let room = area.width.saturating_sub(4 + width(&step.when) as u16);
        canvas.put(area.x + 3, y, &step.what, text, room);
        canvas.put_right(area, y, &step.when, text);
        y += 1;
    }
    Rect { y, height: area.bottom().saturating_sub(y), ..area }
}

fn head(canvas: &mut Canvas, row: &GateRow, at: Rect) {
    let limit = if at.width >= WIDE { LIMIT + 2 } else { 0 };
    let name = usize::from(at.width).saturating_sub(VALUE + limit + WORD + 1);
    let ellipsis = canvas.glyphs.ellipsis;
    // A long name may use what a short value leaves.
    let room = (name + VALUE).saturating_sub(width(&row.value).min(VALUE) + 1);
    canvas.put(at.x, at.y, &left(&row.name, room, ellipsis), Meaning::Text, at.width);
    let value = right(&row.value, VALUE, ellipsis);
    let value = value.trim_start();
    let mut x = at.x + (name + VALUE - width(value)) as u16;
    x += canvas.put(x, at.y, value, row.value_meaning, at.right().saturating_sub(x));
    if limit > 0 {
        x += canvas.put(x, at.y, "  ", Meaning::Text, at.right().saturating_sub(x));
        x += canvas.put(x, at.y, &left(&row.limit, LIMIT, ellipsis), Meaning::Limit, at.right().saturating_sub(x));
    }
    canvas.put(x, at.y, &right(row.word, WORD + 1, ellipsis), row.meaning, at.right().saturating_sub(x));
}

/// Sparkline and gauge; on the last line of a gate also how far its trigger has come.
fn picture(canvas: &mut Canvas, row: &GateRow, at: Rect, last: bool) {
    let room = at.width.saturating_sub(1);
    let x = at.x + 1;
    if let Some(remark) = row.remark.as_ref().filter(|_| last) {
        canvas.put(x, at.y, remark, Meaning::Missing, room);
        return;
    }
    let spark_width =
        if at.width >= WIDE { room * 2 / 5 } else { room.saturating_sub(width(&row.limit) as u16 + 2).min(12) };
    spark(canvas, &row.spark, x, at.y, spark_width);
    let x = x + spark_width + 2;
    let room = at.right().saturating_sub(x);
    let urgent = row.dwell.as_ref().filter(|(f, _)| last && *f > 0.0);
    if let Some((_, text)) = urgent {
        canvas.put(x, at.y, text, Meaning::Bad, room);
    } else if at.width < WIDE {
        canvas.put(x, at.y, &row.limit, Meaning::Limit, room);
    } else if let Some(fill) = row.gauge {
        gauge(canvas, row, fill, x, at.y, room.saturating_sub(1));
    }
}

fn spark(canvas: &mut Canvas, points: &[SparkPoint], x: u16, y: u16, cells: u16) {
    let levels = canvas.glyphs.spark;
    let from = points.len().saturating_sub(usize::from(cells));
    let shown = &points[from..];
    // New values come in at the right.
    let pad = cells.saturating_sub(shown.len() as u16);
    for (i, point) in shown.iter().enumerate() {
        let (sign, meaning) = match point.height {
            Some(h) => {
                let level = (h * levels.len() as f64) as usize;
                (levels[level.min(levels.len() - 1)], if point.bad { Meaning::Bad } else { Meaning::Spark })
            }
            None => (canvas.glyphs.gap, Meaning::Missing),
        };
        canvas.sign(x + pad + i as u16, y, sign, meaning);
    }
}

fn gauge(canvas: &mut Canvas, row: &GateRow, fill: f64, x: u16, y: u16, cells: u16) {
    if cells < 4 {
        return;
    }
    let at = |fraction: f64| (fraction * f64::from(cells)).round() as u16;
    let (filled, mark) = (at(fill), at(row.limit_at).min(cells - 1));
    let g = canvas.glyphs;
    let meaning = if row.meaning == Meaning::Bad { Meaning::Bad } else { Meaning::Bar };
    for i in 0..cells {
        if i == mark {
            canvas.sign(x + i, y, g.limit, Meaning::Limit);
        } else {
            canvas.sign(x + i, y, if i < filled { g.bar } else { g.bar_empty }, meaning);
        }
    }
}

/// `over 0:48 of 2:00 [####......] 40%`: time above the limit is a bar against its own limit.
fn dwell(canvas: &mut Canvas, row: &GateRow, at: Rect) {
    let room = at.width.saturating_sub(1);
    if let Some(remark) = &row.remark {
        let mut lines = wrap(remark, usize::from(room));
        if lines.len() > usize::from(at.height) {
            // The last line takes all that is left; drawing cuts it and says so.
            let rest = lines.split_off(usize::from(at.height) - 1);
            lines.push(rest.join(" "));
        }
        for (i, line) in lines.iter().enumerate() {
            canvas.put(at.x + 1, at.y + i as u16, line, Meaning::Missing, room);
        }
        return;
    }
    let Some((fraction, text)) = &row.dwell else { return };
    let g = canvas.glyphs;
    let lead = if at.width >= WIDE { "bad " } else { "" };
    let cells: usize = if at.width >= WIDE { 10 } else { 5 };
    let filled = (fraction * cells as f64).round() as usize;
    let bar = format!("[{}{}]", g.dwell_on.repeat(filled), g.dwell_off.repeat(cells - filled));
    let percent = if *fraction > 0.0 { format!(" {:.0}%", fraction * 100.0) } else { String::new() };
    let meaning = if *fraction > 0.0 { Meaning::Bad } else { Meaning::Dim };
    canvas.put(at.x + 1, at.y, &format!("{lead}{text} {bar}{percent}"), meaning, room);
}
