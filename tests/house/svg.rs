//! A frame as SVG, which the places that show a README draw as it is.
use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell in pixels, and what stands around the frame.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 10.0;
/// A dark terminal's own colours.
const BACK: &str = "#0d1117";
const FORE: &str = "#c9d1d9";

/// Cells of one row that look alike: first column, text, look.
struct Piece {
    x: u16,
    text: String,
    fore: String,
    back: Option<String>,
    modifier: Modifier,
}

/// `title` is read to people who do not see the picture.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (w, h) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + 2.0 * MARGIN);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" role=\"img\" font-size=\"14\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n\
         <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" rx=\"8\" fill=\"{BACK}\"/>",
        escape(title)
    );
    for y in 0..buffer.area.height {
        let pieces = pieces(buffer, y);
        pieces.iter().for_each(|p| ground(&mut out, p, y));
        pieces.iter().for_each(|p| text(&mut out, p, y));
    }
    out.push_str("</svg>\n");
    out
}

fn left(x: u16) -> f64 {
    (MARGIN + f64::from(x) * WIDTH).mul_add(10.0, 0.5).floor() / 10.0
}

fn top(y: u16) -> f64 {
    MARGIN + f64::from(y) * HEIGHT
}

fn length(text: &str) -> f64 {
    (text.chars().count() as f64 * WIDTH * 10.0).round() / 10.0
}

fn ground(out: &mut String, piece: &Piece, y: u16) {
    let Some(back) = &piece.back else { return };
    let (x, y, w) = (left(piece.x), top(y), length(&piece.text));
    let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{HEIGHT}\" fill=\"{back}\"/>");
}

fn text(out: &mut String, piece: &Piece, y: u16) {
    // Only what is seen: blanks around it would only be kept by luck.
    let seen = piece.text.trim_start();
    let x = piece.x + u16::try_from(piece.text.chars().count() - seen.chars().count()).unwrap();
    let seen = seen.trim_end();
    if seen.is_empty() {
        return;
    }
    let mut look = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if piece.modifier.contains(modifier) {
            look.push_str(attribute);
        }
    }
    let (x, y, w) = (left(x), top(y) + 13.5, length(seen));
    let (fore, seen) = (&piece.fore, escape(seen));
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{w}\" xml:space=\"preserve\" fill=\"{fore}\"{look}>{seen}</text>"
    );
}

fn pieces(buffer: &Buffer, y: u16) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for x in 0..buffer.area.width {
        let cell = &buffer[(x, y)];
        let (fore, back) = colours(cell);
        match pieces.last_mut() {
            Some(p) if p.fore == fore && p.back == back && p.modifier == cell.modifier => {
                p.text.push_str(cell.symbol())
            }
            _ => pieces.push(Piece { x, text: cell.symbol().into(), fore, back, modifier: cell.modifier }),
        }
    }
    pieces
}

fn colours(cell: &Cell) -> (String, Option<String>) {
    let (fore, back) = (colour(cell.fg).unwrap_or_else(|| FORE.into()), colour(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        return (back.unwrap_or_else(|| BACK.into()), Some(fore));
    }
    (fore, back)
}

/// The theme of the pictures names its colours by red, green and blue; nothing else is needed here.
fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        other => panic!("a picture needs a theme of plain colours, not {other}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
