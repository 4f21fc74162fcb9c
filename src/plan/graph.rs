//! The waves as a picture: for Graphviz, as SVG by itself, and as a tree.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Plan;

/// The least size of a box, and what is between boxes, in pixels.
const BOX: (usize, usize) = (150, 34);
const GAP: (usize, usize) = (90, 12);
const MARGIN: usize = 40;
/// A letter is 7.8 pixels wide: 0.6 of its height of 13, as in all common fonts whose letters are equally wide.
const TENTHS: usize = 78;
/// Left and right of the text in its box.
const PAD: usize = 10;

/// Pixels that a text takes.
fn pixels(text: &str) -> usize {
    (unicode_width::UnicodeWidthStr::width(text) * TENTHS).div_ceil(10)
}

fn label(p: &super::Planned) -> String {
    format!("{} {}", p.service.name, p.version)
}

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

/// A service in the tree of who goes after whom.
pub struct Node<'a> {
    pub planned: &'a super::Planned,
    pub depth: usize,
    /// Why it goes after the one above it.
    pub why: Option<String>,
    /// What goes after it stands further up.
    pub again: bool,
}

/// Depth first, in the order of the plan. A service that goes after several stands below each of them, what goes after it
/// only once.
pub fn tree(plan: &Plan) -> Vec<Node<'_>> {
    let mut below: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    let mut after_some: BTreeSet<&str> = BTreeSet::new();
    for (first, then, why) in edges(plan) {
        below.entry(first).or_default().push((then, why));
        after_some.insert(then);
    }
    let mut nodes = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    // A stack rather than a call for each level: chains may be long.
    let roots = plan.services.iter().rev().filter(|p| !after_some.contains(p.service.name.as_str()));
    let mut open: Vec<(&str, usize, Option<String>)> = roots.map(|p| (p.service.name.as_str(), 0, None)).collect();
    while let Some((name, depth, why)) = open.pop() {
        let Some(planned) = plan.get(name) else { continue };
        let next = below.get(name).map_or(&[][..], Vec::as_slice);
        let again = !seen.insert(name) && !next.is_empty();
        nodes.push(Node { planned, depth, why, again });
        if !again {
            open.extend(next.iter().rev().map(|(then, why)| (*then, depth + 1, Some(why.clone()))));
        }
    }
    nodes
}

/// A graph in the DOT language: a cluster for each wave, an edge for each "goes before".
pub fn dot(plan: &Plan) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&plan.upgrade));
    for (wave, services) in by_wave(plan) {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  subgraph cluster_{wave} {{\n    label=\"wave {wave}\";");
        for p in services {
            let _ = writeln!(out, "    {} [label={}];", quoted(&p.service.name), quoted(&label(p)));
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
    let height = 2 * MARGIN + rows * (BOX.1 + GAP.1);
    // Service to the two ends of its box, and its middle.
    let mut at: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let (mut boxes, mut lines) = (String::new(), String::new());
    let mut x = MARGIN;
    for (wave, services) in waves {
        let widest = services.iter().map(|p| pixels(&label(p)) + 2 * PAD).max().unwrap_or(0).max(BOX.0);
        let _ = writeln!(boxes, "<text x=\"{x}\" y=\"{}\" class=\"wave\">wave {wave}</text>", MARGIN - 12);
        for (row, p) in services.into_iter().enumerate() {
            let y = MARGIN + row * (BOX.1 + GAP.1);
            at.insert(&p.service.name, (x, x + widest, y + BOX.1 / 2));
            let label = xml(&label(p));
            let _ = writeln!(
                boxes,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{widest}\" height=\"{}\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{label}</text>",
                BOX.1,
                x + PAD,
                y + BOX.1 / 2 + 5
            );
        }
        x += widest + GAP.0;
    }
    let width = x - GAP.0.min(x) + MARGIN;
    for (first, then, why) in edges(plan) {
        let (Some(a), Some(b)) = (at.get(first), at.get(then)) else { continue };
        let (x1, y1, x2, y2) = (a.1, a.2, b.0, b.2);
        let half = (x1 + x2) / 2;
        let title = xml(&format!("{first} before {then}: {why}"));
        let _ =
            writeln!(lines, "<path d=\"M{x1},{y1} C{half},{y1} {half},{y2} {x2},{y2}\"><title>{title}</title></path>");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>rect{{fill:#f4f6fa;stroke:#5a6b8c}}path{{fill:none;stroke:#8a97b1}}text{{font:13px monospace;fill:#1c2536}}\
         .wave{{font-weight:bold}}</style>\n{lines}{boxes}</svg>\n"
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{SourceFile, load, presets};

    /// auth <- ledger <- billing, and billing needs auth itself.
    fn plan() -> Plan {
        let services = ["auth", "ledger", "billing", "search"].map(|n| {
            format!(
                "    - {{name: {n}, workload: {{deployment: {n}, container: app}},\n       traffic: {{httpRoute: {{name: {n}, \
                 stable: {n}, next: {n}-next, port: 80}}}}}}\n"
            )
        });
        let text = format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: shop}}\nspec:\n  environments: [{{name: \
             test, kubernetes: {{namespace: shop}}}}]\n  services:\n{}---\napiVersion: pilothouse.dev/v1alpha1\nkind: \
             Upgrade\nmetadata: {{name: up}}\nspec:\n  fleet: shop\n  environment: test\n  policy: erp\n  strategy: \
             canary\n  to:\n    auth: {{image: \"r.example/auth:2.0.0\"}}\n    ledger: {{image: \
             \"r.example/ledger:2.0.0\", needs: {{auth: \">=2\"}}}}\n    billing: {{image: \
             \"r.example/billing:2.0.0\", needs: {{auth: \">=2\", ledger: \">=2\"}}}}\n    search: {{image: \
             \"r.example/search:2.0.0\"}}\n",
            services.concat()
        );
        let files = [SourceFile { name: "all.yaml".into(), text }];
        let loaded = load(&files, presets()).unwrap_or_else(|report| panic!("{report}"));
        Plan::build(&loaded.bundle(None).unwrap()).unwrap()
    }

    #[test]
    fn the_tree_shows_each_service_below_what_it_waits_for() {
        let plan = plan();
        let told: Vec<String> = tree(&plan)
            .into_iter()
            .map(|n| {
                format!("{}{}{}", " ".repeat(n.depth), n.planned.service.name, if n.again { " again" } else { "" })
            })
            .collect();
        assert_eq!(told, ["auth", " ledger", "  billing", " billing", "search"]);
        let why: Vec<Option<String>> = tree(&plan).into_iter().map(|n| n.why).collect();
        assert_eq!(why[2].as_deref(), Some("needs >=2"));
    }

    #[test]
    fn a_box_holds_its_text() {
        let mut plan = plan();
        let name = "the-service-that-keeps-the-books-of-all-subsidiaries";
        plan.services.iter_mut().find(|p| p.service.name == "search").unwrap().service.name = name.into();
        let svg = svg(&plan);
        let widths = svg.split("<rect ").skip(1).map(|rect| {
            let of = |key: &str| rect.split_once(key).unwrap().1.split('"').next().unwrap().parse::<f64>().unwrap();
            let text = rect.split_once("<text ").unwrap().1.split_once('>').unwrap().1.split('<').next().unwrap();
            (of("width=\""), text.chars().count() as f64 * 7.8 + 20.0)
        });
        let widths: Vec<(f64, f64)> = widths.collect();
        assert!(widths.len() == 4 && widths.iter().all(|(width, wanted)| width >= wanted), "{widths:?}");
        let all: f64 = svg.split_once("viewBox=\"0 0 ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        assert!(all > 52.0 * 7.8 + 2.0 * 150.0, "{all}");
        // The line begins where the wider box of its column ends.
        assert!(svg.contains(&format!("M{}", 40 + widths[0].0 as usize)), "{svg}");
    }

    #[test]
    fn what_goes_after_one_that_stands_twice_stands_once() {
        let mut plan = plan();
        let search = plan.services.iter_mut().find(|p| p.service.name == "search").unwrap();
        search.after.insert("billing".into(), "its events are read first".into());
        let told: Vec<(String, bool)> =
            tree(&plan).into_iter().map(|n| (n.planned.service.name.clone(), n.again)).collect();
        let names: Vec<(&str, bool)> = told.iter().map(|(n, again)| (n.as_str(), *again)).collect();
        let after = [("auth", false), ("ledger", false), ("billing", false), ("search", false), ("billing", true)];
        assert_eq!(names, after);
    }
}
