//! The signs the screen is drawn with, in three sets, for three kinds of terminals.
use serde::{Deserialize, Serialize};

/// Which set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GlyphSet {
    /// Any UTF-8 terminal with a usual monospaced font.
    #[default]
    Unicode,
    /// Only what code page 437 has: the Linux console, old fonts.
    Blocks,
    /// Seven bits.
    Ascii,
}

impl GlyphSet {
    pub const ALL: [(&'static str, GlyphSet); 3] =
        [("unicode", GlyphSet::Unicode), ("blocks", GlyphSet::Blocks), ("ascii", GlyphSet::Ascii)];

    pub fn named(name: &str) -> Option<GlyphSet> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, set)| *set)
    }

    pub fn glyphs(self) -> &'static Glyphs {
        match self {
            GlyphSet::Unicode => &UNICODE,
            GlyphSet::Blocks => &BLOCKS,
            GlyphSet::Ascii => &ASCII,
        }
    }
}

/// One sign for each thing drawn; each is one cell wide.
#[derive(Debug)]
pub struct Glyphs {
    /// Everything else must be seven bits too: names are drawn with `?` for what is not.
    pub ascii_only: bool,
    pub top_left: &'static str,
    pub top_right: &'static str,
    pub bottom_left: &'static str,
    pub bottom_right: &'static str,
    pub horizontal: &'static str,
    pub vertical: &'static str,
    /// A step that is done, runs, is still to come.
    pub step_done: &'static str,
    pub step_now: &'static str,
    pub step_todo: &'static str,
    /// In front of a service: at 100 %, waits, under way, needs attention, going back.
    pub done: &'static str,
    pub waits: &'static str,
    pub moves: &'static str,
    pub attention: &'static str,
    pub back: &'static str,
    pub selected: &'static str,
    /// A gauge's bar, its empty part, and the limit in it.
    pub bar: &'static str,
    pub bar_empty: &'static str,
    pub limit: &'static str,
    /// Low to high.
    pub spark: &'static [&'static str],
    /// A tick without data.
    pub gap: &'static str,
    pub ellipsis: &'static str,
    pub dwell_on: &'static str,
    pub dwell_off: &'static str,
    /// A timeline: where it opens, is open, closes, is closed, is frozen; and where a cell is too wide for what is in it.
    pub opens: &'static str,
    pub open: &'static str,
    pub closes: &'static str,
    pub part: &'static str,
    pub shut: &'static str,
    pub frozen: &'static str,
}

pub const UNICODE: Glyphs = Glyphs {
    ascii_only: false,
    top_left: "┌",
    top_right: "┐",
    bottom_left: "└",
    bottom_right: "┘",
    horizontal: "─",
    vertical: "│",
    step_done: "■",
    step_now: "◧",
    step_todo: "□",
    done: "✓",
    waits: "•",
    moves: "▸",
    attention: "!",
    back: "◂",
    selected: ">",
    bar: "█",
    bar_empty: " ",
    limit: "┃",
    spark: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: "·",
    ellipsis: "…",
    dwell_on: "#",
    dwell_off: ".",
    opens: "▌",
    open: "█",
    closes: "▐",
    part: "▒",
    shut: "·",
    frozen: "x",
};

pub const BLOCKS: Glyphs = Glyphs {
    step_done: "█",
    step_now: "▌",
    step_todo: "░",
    done: "√",
    waits: "·",
    moves: "»",
    back: "«",
    limit: "│",
    spark: &["_", "▄", "█"],
    ellipsis: "~",
    ..UNICODE
};

pub const ASCII: Glyphs = Glyphs {
    ascii_only: true,
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    horizontal: "-",
    vertical: "|",
    step_done: "#",
    step_now: ">",
    step_todo: "-",
    done: "v",
    waits: ".",
    moves: ">",
    attention: "!",
    back: "<",
    selected: ">",
    bar: "=",
    bar_empty: " ",
    limit: "|",
    spark: &["_", ".", "-", "=", "#"],
    gap: " ",
    ellipsis: "~",
    dwell_on: "#",
    dwell_off: ".",
    opens: "[",
    open: "=",
    closes: "]",
    part: "-",
    shut: ".",
    frozen: "x",
};

#[cfg(test)]
mod tests {
    use super::super::text::width;
    use super::*;

    #[test]
    fn every_sign_is_one_cell_and_ascii_is_ascii() {
        for (name, set) in GlyphSet::ALL {
            assert_eq!(GlyphSet::named(name), Some(set));
            let g = set.glyphs();
            let mut all = vec![
                g.top_left,
                g.top_right,
                g.bottom_left,
                g.bottom_right,
                g.horizontal,
                g.vertical,
                g.step_done,
                g.step_now,
                g.step_todo,
                g.done,
                g.waits,
                g.moves,
                g.attention,
                g.back,
                g.selected,
                g.bar,
                g.bar_empty,
                g.limit,
                g.gap,
                g.ellipsis,
                g.dwell_on,
                g.dwell_off,
                g.opens,
                g.open,
                g.closes,
                g.part,
                g.shut,
                g.frozen,
            ];
            all.extend(g.spark);
            for sign in all {
                assert_eq!(width(sign), 1, "{name}: {sign:?}");
                assert!(!g.ascii_only || sign.is_ascii(), "{name}: {sign:?}");
            }
        }
    }
}
