//! Dialogs, help and palette, over the picture.
use ratatui::layout::Rect;

use super::super::action::Group;
use super::super::text::{left, width, wrap};
use super::super::theme::Meaning;
use super::super::viewmodel::{DialogView, FieldView, HelpRow, HelpView, Overlay, PaletteView};
use super::canvas::Canvas;

pub fn draw(canvas: &mut Canvas, overlay: &Overlay, area: Rect) {
    match overlay {
        Overlay::Dialog(dialog) => draw_dialog(canvas, dialog, area),
        Overlay::Help(help) => draw_help(canvas, help, area),
        Overlay::Palette(palette) => draw_palette(canvas, palette, area),
    }
}

/// A cleared frame of at most `w` x `h` in the middle of `area`, rows 1 to 3 left free when there is room: the verdict
/// stays in sight.
fn frame(canvas: &mut Canvas, area: Rect, (w, h): (u16, u16), title: &str, meaning: Meaning) -> Rect {
    let (w, h) = (w.min(area.width), h.min(area.height));
    let top = if area.height >= h + 5 { 4 + (area.height - h - 5) / 3 } else { (area.height - h).min(3) };
    let at = Rect { x: area.x + (area.width - w) / 2, y: area.y + top.min(area.height - h), width: w, height: h };
    canvas.clear(at, Meaning::Dialog);
    canvas.boxed(at, title, "", meaning)
}

fn draw_dialog(canvas: &mut Canvas, dialog: &DialogView, area: Rect) {
    let w = area.width.min(74);
    let inner_width = usize::from(w.saturating_sub(4));
    let label = dialog.lines.iter().map(|l| l.label.len()).max().unwrap_or(0) + 1;
    let mut text: Vec<(&str, String)> = Vec::new();
    for l in &dialog.lines {
        let indent = width(&l.lead);
        for (i, line) in wrap(&l.text, inner_width.saturating_sub(label + indent)).into_iter().enumerate() {
            let lead = if i == 0 { l.lead.clone() } else { " ".repeat(indent) };
            text.push((if i == 0 { l.label } else { "" }, format!("{lead}{line}")));
        }
    }
    // Why something was refused is read to its end.
    let note = dialog.note.as_ref().map_or_else(Vec::new, |note| wrap(note, inner_width));
    let under = u16::from(dialog.changed.is_some()) + (dialog.fields.len() + 1 + note.len()) as u16;
    let h = (text.len() as u16 + under + 3).min(area.height);
    let inner = frame(canvas, area, (w, h), &dialog.title, dialog.meaning);
    if inner.height == 0 {
        return;
    }
    // What must be typed and pressed is never cut; the explanation is, from its end, and says so.
    let room = inner.height.saturating_sub(under);
    let gap = u16::from(room as usize > text.len());
    let cut = text.len() > usize::from(room);
    for (i, (name, line)) in text.iter().take(usize::from(room)).enumerate() {
        let y = inner.y + i as u16;
        let x = inner.x + 1;
        canvas.put(x, y, name, Meaning::Key, inner.width.saturating_sub(1));
        canvas.put(x + label as u16, y, line, Meaning::Dialog, inner.width.saturating_sub(1 + label as u16));
    }
    if cut && room > 0 {
        canvas.put_right(
            inner,
            inner.y + room - 1,
            &format!("+{} lines", text.len() - usize::from(room)),
            Meaning::Dim,
        );
    }
    let mut y = inner.y + (text.len() as u16).min(room) + gap;
    let row = |y: u16| Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height: 1 };
    if let Some(changed) = &dialog.changed {
        canvas.put(inner.x + 1, y, changed, Meaning::Ask, inner.width.saturating_sub(2));
        y += 1;
    }
    for field in &dialog.fields {
        draw_field(canvas, field, row(y));
        y += 1;
    }
    buttons(canvas, dialog, row(y));
    for (i, line) in note.iter().enumerate() {
        canvas.put(inner.x + 1, y + 1 + i as u16, line, Meaning::Hint, inner.width.saturating_sub(2));
    }
}

fn draw_field(canvas: &mut Canvas, field: &FieldView, row: Rect) {
    let mut x = row.x;
    x += canvas.put(x, row.y, &field.label, if field.focus { Meaning::Title } else { Meaning::Dim }, row.width) + 1;
    let room = row.right().saturating_sub(x);
    if room < 6 {
        return;
    }
    // The end of a long text is what is being typed.
    let cells = usize::from(room) - 4;
    let mut shown = field.value.clone();
    while width(&shown) >= cells && !shown.is_empty() {
        shown.remove(0);
    }
    let cursor = if field.focus { "_" } else { "" };
    let meaning = if field.focus { Meaning::Input } else { Meaning::Dialog };
    canvas.put(x, row.y, &format!("[ {} ]", left(&format!("{shown}{cursor}"), cells, "")), meaning, room);
}

fn buttons(canvas: &mut Canvas, dialog: &DialogView, row: Rect) {
    let mut x = row.x;
    for (text, works) in &dialog.buttons {
        let (text, meaning) =
            if *works { (format!("[ {text} ]"), Meaning::Key) } else { (format!("( {text} )"), Meaning::KeyOff) };
        x += canvas.put(x, row.y, &text, meaning, row.right().saturating_sub(x)) + 2;
    }
}

/// One line of a column of help: the keys, a text, how it is meant.
type HelpLine = (String, String, Meaning);

fn draw_help(canvas: &mut Canvas, help: &HelpView, area: Rect) {
    // One who looks for a key must still see what it is for: the verdict stays in sight.
    let covered = if area.height >= 12 { 2 } else { 0 };
    let area = Rect { y: area.y + covered, height: area.height - covered, ..area };
    let w = area.width.saturating_sub(2).min(120).max(area.width.min(70));
    let look: Vec<&HelpRow> = help.rows.iter().filter(|r| r.group != Group::Act).collect();
    let act: Vec<&HelpRow> = help.rows.iter().filter(|r| r.group == Group::Act).collect();
    let two = w >= 70;
    let room = usize::from(w.saturating_sub(2));
    // What acts gets all the room that looking leaves.
    let cells = help.cells;
    let looks = cells.look + cells.look_keys + 4;
    let left_width = if two { looks.min(room * 2 / 5) } else { room };
    let columns: Vec<(usize, usize, Vec<HelpLine>)> = if two {
        vec![
            (0, cells.look_keys, help_lines(&look, cells.look_keys, left_width.saturating_sub(2))),
            (left_width, cells.act_keys, help_lines(&act, cells.act_keys, room - left_width)),
        ]
    } else {
        let all: Vec<&HelpRow> = act.iter().chain(&look).copied().collect();
        let keys = cells.look_keys.max(cells.act_keys);
        vec![(0, keys, help_lines(&all, keys, room.saturating_sub(1)))]
    };
    let count = columns.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
    let inner = frame(canvas, area, (w, count as u16 + 4), &help.title, Meaning::Focus);
    if inner.height < 3 {
        return;
    }
    let rows = usize::from(inner.height) - 2;
    let skip = help.scroll.min(count.saturating_sub(rows));
    canvas.put(inner.x + 1, inner.y, if two { "LOOK" } else { "KEYS" }, Meaning::Header, inner.width);
    if two {
        let head = format!("ACT   (you are {})", help.role);
        canvas.put(inner.x + left_width as u16, inner.y, &head, Meaning::Header, (room - left_width) as u16);
    }
    for (at, keys, lines) in &columns {
        let x = inner.x + (*at as u16).max(1);
        let place = Rect { x, y: inner.y + 1, width: inner.right().saturating_sub(x), height: rows as u16 };
        help_column(canvas, &lines[skip.min(lines.len())..], *keys, place);
    }
    let last = if help.typing {
        format!("filter: {}_   Enter keep  Esc drop", help.query)
    } else {
        let more = count.saturating_sub(skip + rows);
        let more = if more > 0 { format!("{more} more below (down).  ") } else { String::new() };
        format!("{more}Ctrl keys never change anything. / filters this list, Esc closes.")
    };
    canvas.put(inner.x + 1, inner.bottom() - 1, &last, Meaning::Dim, inner.width.saturating_sub(1));
}

/// Each row with its note beside it where both fit, else below it: a reason that is cut is none.
fn help_lines(rows: &[&HelpRow], keys: usize, cells: usize) -> Vec<HelpLine> {
    let room = cells.saturating_sub(keys + 2).max(8);
    let mut lines = Vec::new();
    for row in rows {
        let meaning = if row.off { Meaning::KeyOff } else { Meaning::Dialog };
        let beside = if row.note.is_empty() { row.what.clone() } else { format!("{}  {}", row.what, row.note) };
        if width(&beside) <= room {
            lines.push((row.keys.clone(), beside, meaning));
            continue;
        }
        let what = wrap(&row.what, room).into_iter().map(|text| (text, meaning));
        let note = wrap(&row.note, room - 1).into_iter().map(|text| (format!(" {text}"), Meaning::Dim));
        let note = note.filter(|(text, _)| !text.trim().is_empty());
        lines.extend(what.chain(note).enumerate().map(|(i, (text, meaning))| {
            let keys = if i == 0 { row.keys.clone() } else { String::new() };
            (keys, text, meaning)
        }));
    }
    lines
}

fn help_column(canvas: &mut Canvas, lines: &[HelpLine], keys: usize, at: Rect) {
    for (i, (key, text, meaning)) in lines.iter().take(usize::from(at.height)).enumerate() {
        let y = at.y + i as u16;
        let style = if *meaning == Meaning::KeyOff { Meaning::KeyOff } else { Meaning::Key };
        let x = at.x + canvas.put(at.x, y, &left(key, keys + 2, canvas.glyphs.ellipsis), style, at.width);
        canvas.put(x, y, text, *meaning, at.right().saturating_sub(x));
    }
}

fn draw_palette(canvas: &mut Canvas, palette: &PaletteView, area: Rect) {
    let shown = palette.rows.len().min(12);
    let inner = frame(canvas, area, (area.width.min(76), shown.max(1) as u16 + 3), "Command", Meaning::Focus);
    if inner.height < 1 {
        return;
    }
    let query = format!(": {}_", palette.query);
    canvas.put(inner.x + 1, inner.y, &query, Meaning::Input, inner.width.saturating_sub(2));
    let rows = usize::from(inner.height) - 1;
    let first = palette.chosen.saturating_sub(rows.saturating_sub(1));
    if palette.rows.is_empty() {
        canvas.put(inner.x + 1, inner.y + 1, "no command of that name", Meaning::Dim, inner.width.saturating_sub(2));
    }
    for (i, (name, help, off)) in palette.rows.iter().enumerate().skip(first).take(rows) {
        let y = inner.y + 1 + (i - first) as u16;
        let mut x = inner.x + 1;
        let end = inner.right();
        let chosen = if i == palette.chosen { canvas.glyphs.selected } else { " " };
        x += canvas.put(x, y, chosen, Meaning::Key, 1);
        let on = off.is_none();
        x += canvas.put(
            x,
            y,
            &left(name, 16, canvas.glyphs.ellipsis),
            if on { Meaning::Title } else { Meaning::KeyOff },
            end.saturating_sub(x),
        );
        x += canvas.put(x, y, help, if on { Meaning::Text } else { Meaning::KeyOff }, end.saturating_sub(x)) + 2;
        if let Some(why) = off {
            canvas.put(x, y, &format!("off: {why}"), Meaning::KeyOff, end.saturating_sub(x));
        }
        if i == palette.chosen {
            canvas.mark(Rect { x: inner.x, y, width: inner.width, height: 1 }, Meaning::Selected);
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::super::super::glyphs::UNICODE;
    use super::super::super::theme::Theme;
    use super::*;

    #[test]
    fn why_enter_does_nothing_is_read_to_its_end() {
        let note = "a freeze ends after it begins: write `until` as an instant such as 2026-11-23T06:00:00Z, or a length \
                    such as 4h, or leave it empty";
        let dialog = DialogView {
            title: "freeze".into(),
            meaning: Meaning::Ask,
            lines: Vec::new(),
            changed: None,
            fields: Vec::new(),
            buttons: vec![("Enter freeze".into(), false)],
            note: Some(note.into()),
        };
        let (area, theme) = (Rect::new(0, 0, 80, 24), Theme::shipped("default-dark").unwrap().unwrap());
        let mut buffer = Buffer::empty(area);
        draw(&mut Canvas::new(&mut buffer, &theme, &UNICODE), &Overlay::Dialog(dialog), area);
        let row = |y: u16| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let text: Vec<String> = (0..24).map(row).collect();
        let words = text.join(" ").replace('│', " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(note), "{}", text.join("\n"));
    }
}
