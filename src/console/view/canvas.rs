//! A buffer to draw on that cleans what it is given and never draws outside.
use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::glyphs::Glyphs;
use super::super::text::{clean, fit, width};
use super::super::theme::{Meaning, Theme};
use super::super::viewmodel::Line;

pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    pub glyphs: &'a Glyphs,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, glyphs: &'a Glyphs) -> Canvas<'a> {
        Canvas { buffer, theme, glyphs }
    }

    /// The part of `area` that exists.
    pub fn clip(&self, area: Rect) -> Rect {
        area.intersection(self.buffer.area)
    }

    pub fn clear(&mut self, area: Rect, meaning: Meaning) {
        let style = self.theme.style(meaning);
        let area = self.clip(area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Writes at most `max` cells of `text` and returns how many it took. What was cut is marked. This is the only way
    /// to the buffer, so nothing that came from a cluster, a file or a person can carry control or bidi characters.
    pub fn put(&mut self, x: u16, y: u16, text: &str, meaning: Meaning, max: u16) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() || max == 0 {
            return 0;
        }
        let max = max.min(area.right() - x);
        let text = self.seven_bit(clean(text));
        let text = fit(&text, usize::from(max), self.glyphs.ellipsis);
        let style = self.theme.style(meaning);
        let (end, _) = self.buffer.set_stringn(x, y, &text, usize::from(max), style);
        end - x
    }

    /// In an ASCII set everything that is drawn is ASCII: our own signs have their own table, names get `?`.
    fn seven_bit<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        if !self.glyphs.ascii_only || text.is_ascii() {
            return text;
        }
        let replace = |c: char| match c {
            _ if c.is_ascii() => Some(c),
            _ if unicode_width::UnicodeWidthChar::width(c) == Some(0) => None,
            _ => Some('?'),
        };
        Cow::Owned(text.chars().filter_map(replace).collect())
    }

    /// Right-aligned at the end of `area`.
    pub fn put_right(&mut self, area: Rect, y: u16, text: &str, meaning: Meaning) {
        let w = (width(text) as u16).min(area.width);
        self.put(area.right() - w, y, text, meaning, w);
    }

    /// Pieces one after another.
    pub fn line(&mut self, x: u16, y: u16, line: &Line, max: u16) {
        let mut used = 0;
        for piece in line {
            used += self.put(x + used, y, &piece.text, piece.meaning, max.saturating_sub(used));
        }
    }

    /// Adds a style to what is drawn already, such as a selected row's background. What it marks keeps its colours.
    pub fn mark(&mut self, area: Rect, meaning: Meaning) {
        let style = self.theme.style(meaning);
        let style = Style { fg: None, ..style };
        let area = self.clip(area);
        self.buffer.set_style(area, style);
    }

    /// A frame with a title on the left and one on the right of its top; returns what is inside.
    pub fn boxed(&mut self, area: Rect, title: &str, right: &str, border: Meaning) -> Rect {
        let area = self.clip(area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let g = self.glyphs;
        let bar = g.horizontal.repeat(usize::from(area.width - 2));
        let (last, bottom) = (area.right() - 1, area.bottom() - 1);
        self.sign(area.x, area.y, g.top_left, border);
        self.raw(area.x + 1, area.y, &bar, border);
        self.sign(last, area.y, g.top_right, border);
        for y in area.y + 1..bottom {
            self.sign(area.x, y, g.vertical, border);
            self.sign(last, y, g.vertical, border);
        }
        self.sign(area.x, bottom, g.bottom_left, border);
        self.raw(area.x + 1, bottom, &bar, border);
        self.sign(last, bottom, g.bottom_right, border);
        self.titles(area, title, right, border);
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    fn titles(&mut self, area: Rect, title: &str, right: &str, border: Meaning) {
        let room = area.width.saturating_sub(4);
        let meaning = if border == Meaning::Border { Meaning::Title } else { border };
        let mut used = 0;
        if !title.is_empty() && room > 2 {
            used = self.put(area.x + 2, area.y, &format!(" {title} "), meaning, room);
        }
        let wanted = width(right) as u16 + 2;
        if !right.is_empty() && used + wanted < room {
            self.put(area.right() - 2 - wanted, area.y, &format!(" {right} "), Meaning::Dim, wanted);
        }
    }

    /// One of our own signs.
    pub fn sign(&mut self, x: u16, y: u16, sign: &str, meaning: Meaning) {
        self.raw(x, y, sign, meaning);
    }

    fn raw(&mut self, x: u16, y: u16, signs: &str, meaning: Meaning) {
        if x < self.buffer.area.right() && y < self.buffer.area.bottom() {
            self.buffer.set_string(x, y, signs, self.theme.style(meaning));
        }
    }
}
