//! Draws a [`ViewModel`]. Everything that reaches the terminal goes through [`canvas::Canvas::put`].
//!
//! ```text
//!  [PROD] eu1  run 7f3a  2026.3  LIVE  ivo/operator    prom  2s kube  1s 03:12:00 CET 02:12Z   top
//!  HELD   billing held at 25%: error rate 1.31% > 1.00% for 0:48 of 2:00. Auto-rollback in 1:12.  verdict
//!  NEXT   if it recovers now: billing 50% at 03:17:00, in 5:00 (5:00 clean)    5 of 9 at 100% | …   next
//!  !ASK   only when somebody must decide                                                         ask
//! ┌─ Services ─────────────────────────────┐┌─ Gates of the selected one ─────────────────┐
//! └────────────────────────────────────────┘└─────────────────────────────────────────────┘
//! ┌─ Events, newest first ───────────────────────────────────────────────────────────────────┐
//! └──────────────────────────────────────────────────────────────────────────────────────────┘
//!  p pause  n next(off: gate over)  x abort  …                                                footer
//! ```
//! Below 80x24 only the rows above the panels, the selected service and the footer; below 40x6 the verdict alone.
mod canvas;
mod events;
mod gates;
mod overlay;
mod plan;
mod services;
mod tenants;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::canvas::Canvas;
use super::glyphs::Glyphs;
use super::text::{width, wrap};
use super::theme::{Meaning, Theme};
use super::viewmodel::{Body, Detail, Footer, FooterKey, Line, Piece, Segment, ViewModel};

/// Draws one frame.
pub fn draw(vm: &ViewModel, theme: &Theme, glyphs: &Glyphs, frame: &mut Frame) {
    let area = frame.area();
    draw_into(vm, theme, glyphs, area, frame.buffer_mut());
}

/// As [`draw`], into a buffer.
pub fn draw_into(vm: &ViewModel, theme: &Theme, glyphs: &Glyphs, area: Rect, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer, theme, glyphs);
    let area = canvas.clip(area);
    if area.is_empty() {
        return;
    }
    canvas.clear(area, Meaning::Text);
    if area.width < 40 || area.height < 6 {
        verdict_alone(&mut canvas, vm, area);
    } else {
        let mut y = area.y;
        let mut row = || {
            y += 1;
            Rect { y: y - 1, height: 1, ..area }
        };
        top(&mut canvas, vm, row());
        // A number cut off before its limit is worse than a row less of the rest.
        let said = verdict_lines(vm, area);
        for (i, line) in said.iter().enumerate() {
            let word = if i == 0 { vm.status.word.text() } else { "" };
            labelled(&mut canvas, row(), word, if i == 0 { vm.verdict } else { Meaning::Text }, line, line);
        }
        let (coming, right) = next_lines(vm, area);
        for (i, line) in coming.iter().enumerate() {
            next(&mut canvas, row(), if i == 0 { "NEXT" } else { "" }, line, if i == 0 { right } else { "" });
        }
        if let Some(ask) = &vm.ask {
            let row = row();
            // The keys that answer are never cut; their words go before the question is.
            let room = usize::from(row.width).saturating_sub(LABEL + 2);
            let both = |keys: &str| width(&ask.short) + width(keys) <= room;
            let words = match width(&ask.keys) < usize::from(row.width / 2) && (both(&ask.keys) || row.width >= 80) {
                true => &ask.keys,
                false => &ask.bare_keys,
            };
            let keys = (width(words) as u16 + 1).min(row.width / 2);
            labelled(
                &mut canvas,
                Rect { width: row.width - keys - 1, ..row },
                "!ASK",
                Meaning::Ask,
                &ask.text,
                &ask.short,
            );
            canvas.put(row.right() - keys, row.y, words, Meaning::Key, keys);
        }
        let body = Rect { y, height: area.bottom().saturating_sub(y + 1), ..area };
        if area.width < 80 || area.height < 24 {
            small(&mut canvas, vm, body)
        } else {
            large(&mut canvas, vm, body)
        }
        footer(&mut canvas, &vm.footer, Rect { y: area.bottom() - 1, height: 1, ..area });
    }
    // A dialog nobody could read is worse than none: then the verdict stays.
    if let Some(overlay) = vm.overlay.as_ref().filter(|_| area.width >= 16 && area.height >= 4) {
        overlay::draw(&mut canvas, overlay, area);
    }
}

/// The verdict alone, for a terminal that is hardly one.
fn verdict_alone(canvas: &mut Canvas, vm: &ViewModel, area: Rect) {
    let text = format!("{} {}", vm.status.word.text(), vm.status.short);
    for (i, line) in wrap(&text, usize::from(area.width)).iter().take(usize::from(area.height)).enumerate() {
        let meaning = if i == 0 { vm.verdict } else { Meaning::Text };
        canvas.put(area.x, area.y + i as u16, line, meaning, area.width);
    }
}

/// Full texts if they fit, then short ones, then fewer.
fn top(canvas: &mut Canvas, vm: &ViewModel, row: Rect) {
    let parts: Vec<&Segment> = vm.top.left.iter().chain(&vm.top.right).collect();
    let room = usize::from(row.width).saturating_sub(1);
    // Short forms on the left, short forms on the right.
    let text = |i: usize, (left, right): (bool, bool)| {
        // What is never dropped (whose screen this is) is said in full as long as seconds are.
        let short = if i < vm.top.left.len() { left && (right || parts[i].drop > 0) } else { right };
        if short { &parts[i].short } else { &parts[i].text }
    };
    let shown = |i: &usize, drop: u8| parts[*i].drop == 0 || parts[*i].drop < drop;
    let size = |short: (bool, bool), drop: u8| -> usize {
        let gap = |i: usize| if i < vm.top.left.len() && !short.0 { 2 } else { 1 };
        (0..parts.len()).filter(|i| shown(i, drop)).map(|i| width(text(i, short)) + gap(i)).sum()
    };
    // Seconds on the clock show that the picture lives: names go before them.
    let (long, mixed, brief) = ((false, false), (true, false), (true, true));
    let seconds = [(long, 9), (long, 8), (mixed, 9), (mixed, 8), (long, 7), (mixed, 7), (mixed, 6)];
    let tries = seconds.into_iter().chain((1..=9).rev().map(|d| (brief, d)));
    let (short, drop) = tries.clone().find(|(s, d)| size(*s, *d) <= room).unwrap_or((brief, 1));
    let gap = if short.0 { 1 } else { 2 };
    let mut x = row.x + 1;
    for i in (0..vm.top.left.len()).filter(|i| shown(i, drop)) {
        x += canvas.put(x, row.y, text(i, short), parts[i].meaning, row.right().saturating_sub(x)) + gap;
    }
    let right: Vec<usize> = (vm.top.left.len()..parts.len()).filter(|i| shown(i, drop)).collect();
    let total: u16 = right.iter().map(|i| width(text(*i, short)) as u16 + 1).sum();
    let mut x = x.max(row.right().saturating_sub(total));
    for i in right {
        x += canvas.put(x, row.y, text(i, short), parts[i].meaning, row.right().saturating_sub(x)) + 1;
    }
}

/// Rows the verdict may take where even its short form is too long for one.
const VERDICT_ROWS: usize = 3;

/// The verdict in one row where a form of it fits, else its short form in several.
fn verdict_lines(vm: &ViewModel, area: Rect) -> Vec<String> {
    let room = usize::from(area.width).saturating_sub(LABEL);
    let one = fitting(&vm.status.sentence, &vm.status.short, room);
    if width(one) <= room {
        return vec![one.to_string()];
    }
    let rows = if area.height < 9 { 2 } else { VERDICT_ROWS };
    let mut lines = wrap(one, room);
    if lines.len() > rows {
        // The last row takes what is left; drawing cuts it and says so.
        lines = lines[..rows - 1].iter().cloned().chain([lines[rows - 1..].join(" ")]).collect();
    }
    lines
}

/// Cells before the text of rows 2 to 4.
const LABEL: usize = 7;

/// ` WORD  text`, with the short text when the full one does not fit.
fn labelled(canvas: &mut Canvas, row: Rect, word: &str, meaning: Meaning, full: &str, short: &str) {
    let label = format!(" {word:<4} ");
    let mut x = row.x;
    x += canvas.put(x, row.y, &label, meaning, row.width) + 1;
    let room = row.right().saturating_sub(x);
    canvas.put(x, row.y, fitting(full, short, usize::from(room)), Meaning::Text, room);
}

/// The full text; else as many whole sentences of it as fit, if at least two do; else the short one.
fn fitting<'a>(full: &'a str, short: &'a str, room: usize) -> &'a str {
    if width(full) <= room {
        return full;
    }
    let ends = full.match_indices(". ").map(|(i, _)| i + 1).skip(1);
    ends.filter(|end| width(&full[..*end]) <= room).last().map_or(short, |end| &full[..end])
}

/// Rows of what comes next, and what is counted beside the first: one row where a form of it fits, else two.
fn next_lines(vm: &ViewModel, area: Rect) -> (Vec<String>, &str) {
    let room = usize::from(area.width).saturating_sub(LABEL + 1);
    let [all, full, short, tiny, least] = &vm.next;
    let [right_full, right_short, right_tiny] = vm.next_right.each_ref().map(String::as_str);
    // What comes next goes before what is counted.
    let pairs = [
        (all, right_full),
        (all, right_short),
        (full, right_full),
        (full, right_short),
        (short, right_short),
        (tiny, right_short),
        (tiny, right_tiny),
        (least, right_tiny),
        (tiny, ""),
        (least, ""),
    ];
    let fits = |(t, r): &(&String, &str)| width(t) + width(r) + if r.is_empty() { 0 } else { 2 } <= room;
    match pairs.into_iter().find(fits) {
        Some((text, right)) => (vec![text.clone()], right),
        None if area.height < 9 => (vec![least.clone()], ""),
        None => (wrap(least, room).into_iter().take(2).collect(), ""),
    }
}

fn next(canvas: &mut Canvas, row: Rect, word: &str, text: &str, right: &str) {
    let right_width = (width(right) as u16).min(row.width);
    let taken = if right_width == 0 { 0 } else { right_width + 2 };
    let left = Rect { width: row.width.saturating_sub(taken), ..row };
    labelled(canvas, left, word, Meaning::Header, text, text);
    canvas.put(row.right().saturating_sub(right_width + 1), row.y, right, Meaning::Text, right_width);
}

/// The selected service without panels.
fn small(canvas: &mut Canvas, vm: &ViewModel, body: Rect) {
    match &vm.body {
        Body::Events => events::rows(canvas, &vm.events, body),
        Body::Detail(detail) => detail_lines(canvas, detail, body),
        Body::Tenants(view) => tenants::small(canvas, view, body),
        Body::Plan(view) => plan::small(canvas, view, body),
        Body::Tenant(page) => tenants::small_page(canvas, page, body),
        Body::Main => {
            let used = services::selected(canvas, &vm.services, body);
            let rest = Rect { y: body.y + used, height: body.height.saturating_sub(used), ..body };
            match &vm.before {
                Some(lines) => wrapped(canvas, lines, vm.gates.scroll, rest),
                None => gates::rows(canvas, &vm.gates, rest),
            }
        }
    }
}

fn large(canvas: &mut Canvas, vm: &ViewModel, body: Rect) {
    match &vm.body {
        Body::Events => events::panel(canvas, &vm.events, body, "Events"),
        Body::Tenants(view) => tenants::panels(canvas, view, body),
        Body::Plan(view) => plan::panels(canvas, view, body),
        Body::Tenant(page) => tenants::page(canvas, vm, page, body),
        Body::Detail(detail) => {
            let below = (body.height / 4).clamp(4, 12);
            let above = Rect { height: body.height - below, ..body };
            let gates_width = (above.width * 45 / 100).clamp(29, 90);
            let left = Rect { width: above.width - gates_width, ..above };
            let title = format!("Service {}", detail.service);
            let inner = canvas.boxed(left, &title, "[esc] back", Meaning::Focus);
            detail_lines(canvas, detail, inner);
            gates::panel(canvas, &vm.gates, Rect { x: left.right(), width: gates_width, ..above });
            let title = format!("Events of {}", detail.service);
            events::panel(canvas, &vm.events, Rect { y: above.bottom(), height: below, ..body }, &title);
        }
        Body::Main => match &vm.before {
            Some(lines) => before(canvas, vm, lines, body),
            None => main(canvas, vm, body),
        },
    }
}

fn main(canvas: &mut Canvas, vm: &ViewModel, body: Rect) {
    let gates_width = gates_width(body.width);
    let wanted = services::wanted(&vm.services, body.width - gates_width).max(gates::wanted(&vm.gates));
    // Events keep three lines at least, five where there is room.
    let windows = vm.tenants.as_ref().map_or(0, |panel| tenants::wanted(body, panel));
    let events = (body.height * 3 / 10).saturating_sub(windows).max(5) + windows;
    let above_height = wanted.min(body.height.saturating_sub(events)).max(body.height / 3);
    let above = Rect { height: above_height, ..body };
    let left = Rect { width: body.width - gates_width, ..above };
    services::panel(canvas, &vm.services, left);
    gates::panel(canvas, &vm.gates, Rect { x: left.right(), width: gates_width, ..above });
    if let Some(panel) = &vm.tenants {
        tenants::panel(canvas, panel, Rect { y: above.bottom(), height: windows, ..body });
    }
    let y = above.bottom() + windows;
    events::panel(canvas, &vm.events, Rect { y, height: body.bottom().saturating_sub(y), ..body }, "Events");
}

/// Services and events on the left; on the right, over the whole height, what is decided by pressing start.
fn before(canvas: &mut Canvas, vm: &ViewModel, lines: &[Line], body: Rect) {
    let right = gates_width(body.width).max(36);
    let left = Rect { width: body.width - right, ..body };
    let services_height = services::wanted(&vm.services, left.width).min(body.height.saturating_sub(4));
    services::panel(canvas, &vm.services, Rect { height: services_height, ..left });
    let y = left.y + services_height;
    events::panel(canvas, &vm.events, Rect { y, height: body.height - services_height, ..left }, "Events");
    let border = if vm.gates.focus { Meaning::Focus } else { Meaning::Border };
    let area = Rect { x: left.right(), width: right, ..body };
    let inner = canvas.boxed(area, "Before the start", "", border);
    wrapped(canvas, lines, vm.gates.scroll, inner);
}

/// 29 cells at 80, 41 at 100, then two fifths of what is more, up to 90.
fn gates_width(total: u16) -> u16 {
    let wide = if total <= 100 { 29 + total.saturating_sub(80) * 12 / 20 } else { 41 + (total - 100) * 2 / 5 };
    wide.min(90)
}

fn detail_lines(canvas: &mut Canvas, detail: &Detail, area: Rect) {
    wrapped(canvas, &detail.lines, detail.scroll, area);
}

fn wrapped(canvas: &mut Canvas, lines: &[Line], scroll: usize, area: Rect) {
    let lines: Vec<Line> = lines.iter().flat_map(|l| hanging(l, usize::from(area.width))).collect();
    scrolled(canvas, &lines, scroll, area);
}

/// A line that is too long goes on under its last piece.
fn hanging(line: &Line, cells: usize) -> Vec<Line> {
    let Some((last, before)) = line.split_last() else { return vec![line.clone()] };
    let lead = last.text.len() - last.text.trim_start().len();
    let indent: usize = before.iter().map(|p| width(&p.text)).sum::<usize>() + lead;
    if indent - lead + width(&last.text) <= cells {
        return vec![line.clone()];
    }
    if indent * 2 > cells {
        return below(before, last, cells, cells.saturating_sub(indent));
    }
    let parts = wrap(&last.text, cells - indent).into_iter().enumerate().map(|(i, text)| {
        let text = Piece { text, meaning: last.meaning };
        if i == 0 {
            let lead = Piece { text: " ".repeat(lead), meaning: last.meaning };
            before.iter().cloned().chain([lead, text]).collect()
        } else {
            vec![Piece { text: " ".repeat(indent), meaning: Meaning::Dim }, text]
        }
    });
    parts.collect()
}

/// What stands before the last piece leaves it less than half of a row: it goes on below, a little to the right.
fn below(before: &[Piece], last: &Piece, cells: usize, room: usize) -> Vec<Line> {
    const INDENT: usize = 4;
    let text = last.text.trim_start();
    let begins = wrap(text, room.max(1)).into_iter().next().filter(|first| width(first) <= room);
    // No word is cut for it.
    let whole = |first: &String| text.strip_prefix(first.as_str()).is_some_and(|rest| rest.starts_with([' ', '\n']));
    let begins = begins.filter(whole).unwrap_or_default();
    let piece = |text: String| Piece { text, meaning: last.meaning };
    let lead = last.text[..last.text.len() - text.len()].to_string();
    let first = before.iter().cloned().chain([piece(format!("{lead}{begins}"))]).collect();
    let rest = wrap(text[begins.len()..].trim_start(), cells.saturating_sub(INDENT).max(1));
    let blank = || Piece { text: " ".repeat(INDENT), meaning: Meaning::Dim };
    [first].into_iter().chain(rest.into_iter().map(|text| vec![blank(), piece(text)])).collect()
}

/// Lines from `skip` on; the last row says how many more there are.
fn scrolled(canvas: &mut Canvas, lines: &[Line], skip: usize, area: Rect) {
    let rows = usize::from(area.height);
    if rows == 0 {
        return;
    }
    let more = lines.len() > rows;
    let room = rows - usize::from(more);
    let skip = skip.min(lines.len().saturating_sub(room));
    for (i, line) in lines.iter().skip(skip).take(room).enumerate() {
        canvas.line(area.x, area.y + i as u16, line, area.width);
    }
    if more {
        let text = match (skip, lines.len() - skip - room) {
            (0, below) => format!(" +{below} below [pgdn]"),
            (above, 0) => format!(" +{above} above [pgup]"),
            (above, below) => format!(" +{above} above [pgup], +{below} below [pgdn]"),
        };
        canvas.put(area.x, area.bottom() - 1, &text, Meaning::Dim, area.width);
    }
}

fn footer(canvas: &mut Canvas, footer: &Footer, row: Rect) {
    match footer {
        Footer::Hint(hint) => {
            canvas.put(row.x + 1, row.y, hint, Meaning::Hint, row.width.saturating_sub(1));
        }
        Footer::Typing(what, text) => {
            let mut x = row.x + 1;
            x += canvas.put(x, row.y, what, Meaning::Key, row.right() - x) + 1;
            x += canvas.put(x, row.y, &format!("{text}_"), Meaning::Input, row.right().saturating_sub(x)) + 2;
            let help = if *what == "filter" { "Enter keep  Esc drop" } else { "more keys follow, Esc drops" };
            canvas.put(x, row.y, help, Meaning::Dim, row.right().saturating_sub(x));
        }
        Footer::Keys(keys) => footer_keys(canvas, keys, row),
    }
}

/// How much is said of a key that is off.
#[derive(Clone, Copy)]
enum Off {
    Bare,
    Brief,
    Full,
}

/// Every key has its place first; then those that are off get as much of their reason as there is room for, from the
/// left.
fn footer_keys(canvas: &mut Canvas, keys: &[FooterKey], row: Rect) {
    let label = |k: &FooterKey, off: Off| match (&k.off, off) {
        (None, _) => k.label.clone(),
        (Some(why), Off::Full) => format!("{}(off: {why})", k.label),
        (Some(why), Off::Brief) => format!("{}(off: {})", k.label, why.split([':', ',']).next().unwrap_or(why)),
        (Some(_), _) => format!("{}(off)", k.label),
    };
    let mut shown: Vec<(&FooterKey, Off)> = keys.iter().map(|k| (k, Off::Bare)).collect();
    let room = usize::from(row.width);
    let cells = |shown: &[(&FooterKey, Off)]| -> usize {
        let one = |(k, off): &(&FooterKey, Off)| width(&k.key) + 1 + width(&label(k, *off)) + 1;
        shown.iter().map(one).sum()
    };
    // From the right, and none more than has to.
    let spares: [fn(&FooterKey) -> bool; 2] = [|k| k.spare, |k| k.off.is_some()];
    for spare in spares {
        while cells(&shown) > room {
            let Some(last) = shown.iter().rposition(|(k, _)| spare(k)) else { break };
            shown.remove(last);
        }
    }
    for off in [Off::Brief, Off::Full] {
        for i in 0..shown.len() {
            let before = std::mem::replace(&mut shown[i].1, off);
            if cells(&shown) > room {
                shown[i].1 = before;
            }
        }
    }
    let gap = if cells(&shown) + shown.len() <= room { 2 } else { 1 };
    let mut x = row.x + 1;
    for (key, off) in shown {
        let (on, text) = (key.off.is_none(), label(key, off));
        let room = row.right().saturating_sub(x);
        // A key without its whole word would be a riddle.
        if width(&key.key) + 1 + width(&text) > usize::from(room) {
            break;
        }
        x += canvas.put(x, row.y, &key.key, if on { Meaning::Key } else { Meaning::KeyOff }, room) + 1;
        let room = row.right().saturating_sub(x);
        x += canvas.put(x, row.y, &text, if on { Meaning::Text } else { Meaning::KeyOff }, room) + gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_does_not_push_out_what_follows_it() {
        let piece = |text: &str, meaning| Piece { text: text.into(), meaning };
        let name = "the-quarterly-close-of-all-books-in-all-countries";
        let text = "Fri 2026-12-18 18:00 to Mon 2027-01-04 06:00 UTC: everybody";
        for cells in [20, 60, 78] {
            let line = vec![piece("freeze   ", Meaning::Bad), piece(name, Meaning::Title), piece(text, Meaning::Text)];
            let shown = hanging(&line, cells);
            let of = |line: &Line| line.iter().map(|p| p.text.as_str()).collect::<String>();
            assert!(shown[1..].iter().all(|l| width(&of(l)) <= cells), "{shown:?}");
            let all: String = shown.iter().map(of).collect::<Vec<_>>().join(" ").replace(name, "");
            let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
            assert_eq!(words(&all)[1..], words(text), "at {cells}");
        }
    }
}
