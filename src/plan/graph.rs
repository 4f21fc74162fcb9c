//! The waves as a picture: for Graphviz, and as SVG by itself.
use std::collections::BTreeMap;
use std::fmt::Write;

use super::Plan;

/// Size of a box and of what is between, in pixels.
const BOX: (usize, usize) = (210, 34);
const GAP: (usize, usize) = (90, 12);
const MARGIN: usize = 40;

/// Each edge with why: what must have moved, what goes after it.
fn edges(plan: &Plan) -> Vec<(&str, &str, String)> {
    let mut found = Vec::new();
    for planned in &plan.services {
        for first in planned.goes_after().filter(|n| plan.get(n).is_some()) {
            let why = match (planned.needs.get(first), planned.after.get(first)) {
                (Some(range), _) => format!("needs {range}"),
                (None, Some(why)) => why.clone(),
                (None, None) => String::new(),
            };
            found.push((first.as_str(), planned.service.name.as_str(), why));
        }
    }
    found
}

/// A graph in the DOT language: a cluster for each wave, an edge for each "goes before".
pub fn dot(plan: &Plan) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&plan.upgrade));
    for (wave, services) in by_wave(plan) {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  subgraph cluster_{wave} {{\n    label=\"wave {wave}\";");
        for p in services {
            let label = format!("{} {}", p.service.name, p.version);
            let _ = writeln!(out, "    {} [label={}];", quoted(&p.service.name), quoted(&label));
        }
        out.push_str("  }\n");
    }
    for (first, then, why) in edges(plan) {
        let _ = writeln!(out, "  {} -> {} [label={}];", quoted(first), quoted(then), quoted(&why));
    }
    out.push_str("}\n");
    out
}

fn by_wave(plan: &Plan) -> BTreeMap<u32, Vec<&super::Planned>> {
    let mut waves: BTreeMap<u32, Vec<&super::Planned>> = BTreeMap::new();
    for p in &plan.services {
        waves.entry(p.wave).or_default().push(p);
    }
    waves
}

/// A column for each wave, a line for each "goes before"; its reason is the line's title.
pub fn svg(plan: &Plan) -> String {
    let waves = by_wave(plan);
    let rows = waves.values().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (2 * MARGIN + waves.len() * (BOX.0 + GAP.0), 2 * MARGIN + rows * (BOX.1 + GAP.1));
    let mut at: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut boxes, mut lines) = (String::new(), String::new());
    for (column, (wave, services)) in waves.into_iter().enumerate() {
        let x = MARGIN + column * (BOX.0 + GAP.0);
        let _ = writeln!(boxes, "<text x=\"{x}\" y=\"{}\" class=\"wave\">wave {wave}</text>", MARGIN - 12);
        for (row, p) in services.into_iter().enumerate() {
            let y = MARGIN + row * (BOX.1 + GAP.1);
            at.insert(&p.service.name, (x, y));
            let label = xml(&format!("{} {}", p.service.name, p.version));
            let _ = writeln!(
                boxes,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{label}</text>",
                BOX.0,
                BOX.1,
                x + 10,
                y + BOX.1 / 2 + 5
            );
        }
    }
    for (first, then, why) in edges(plan) {
        let (Some(a), Some(b)) = (at.get(first), at.get(then)) else { continue };
        let (x1, y1, x2, y2) = (a.0 + BOX.0, a.1 + BOX.1 / 2, b.0, b.1 + BOX.1 / 2);
        let half = (x1 + x2) / 2;
        let title = xml(&format!("{first} before {then}: {why}"));
        let _ =
            writeln!(lines, "<path d=\"M{x1},{y1} C{half},{y1} {half},{y2} {x2},{y2}\"><title>{title}</title></path>");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>rect{{fill:#f4f6fa;stroke:#5a6b8c}}path{{fill:none;stroke:#8a97b1}}text{{font:13px sans-serif;fill:#1c2536}}\
         .wave{{font-weight:bold}}</style>\n{lines}{boxes}</svg>\n"
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
