//! Schemas of events: which versions are read against which, in each of the seven modes.
use std::fmt;

use super::finding::fingerprint;
use super::spots::{Document, add_lines};
use super::{Area, Direction, Finding, Location, Place, Report, Severity};

/// What a new version of a schema owes to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing.
    None,
    /// The new version reads what the last one wrote: consumers go first.
    Backward,
    BackwardTransitive,
    /// The last version reads what the new one writes: producers go first.
    Forward,
    ForwardTransitive,
    /// Both, so both versions may run side by side.
    Full,
    FullTransitive,
}

impl Mode {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// As it is typed and written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Backward => "backward",
            Self::BackwardTransitive => "backward_transitive",
            Self::Forward => "forward",
            Self::ForwardTransitive => "forward_transitive",
            Self::Full => "full",
            Self::FullTransitive => "full_transitive",
        }
    }

    /// Every version before the new one counts, not only the last.
    pub fn transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    pub fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing a reader and a writer disagree about, by pointers into their documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    pub rule: &'static str,
    pub severity: Severity,
    pub reader: String,
    pub writer: String,
    pub message: String,
    pub details: Vec<String>,
    pub recommendation: Option<&'static str>,
}

/// What one reading of a writer's data by a reader found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub clashes: Vec<Clash>,
    pub not_compared: Vec<String>,
}

/// Reads `new` against `old` (oldest first) as `mode` asks. `read(reader, writer)` compares two of them.
pub fn check<S>(
    mode: Mode,
    old: &[S],
    new: &S,
    document: impl Fn(&S) -> &Document,
    mut read: impl FnMut(&S, &S) -> Reading,
) -> Report {
    let mut report = Report::default();
    let before = if mode.transitive() { old } else { &old[old.len().saturating_sub(1)..] };
    for &direction in mode.directions() {
        // From the last to the first: a finding stands where it is nearest to today.
        for version in before.iter().rev() {
            let reading = match direction {
                Direction::Forward => read(version, new),
                _ => read(new, version),
            };
            for clash in reading.clashes {
                let finding = finding(clash, direction, &document(version).file, &document(new).file);
                put(&mut report.findings, finding);
            }
            for text in reading.not_compared {
                if !report.not_compared.contains(&text) {
                    report.not_compared.push(text);
                }
            }
        }
    }
    for version in before.iter().chain([new]) {
        add_lines(&mut report.findings, document(version));
    }
    report.findings.sort_by(|a, b| {
        (b.severity, a.direction, &a.location.revision, a.rule).cmp(&(
            a.severity,
            b.direction,
            &b.location.revision,
            b.rule,
        ))
    });
    report
}

fn finding(clash: Clash, direction: Direction, old: &str, new: &str) -> Finding {
    let (old_pointer, new_pointer) = match direction {
        Direction::Forward => (clash.reader, clash.writer),
        _ => (clash.writer, clash.reader),
    };
    let place = |file: &str, pointer| Some(Place { file: file.to_string(), pointer, line: None });
    let location = Location { base: place(old, old_pointer), revision: place(new, new_pointer) };
    Finding {
        rule: clash.rule,
        severity: clash.severity,
        direction: Some(direction),
        area: Area::Event,
        fingerprint: fingerprint(clash.rule, Some(direction), &location),
        location,
        affected: Vec::new(),
        message: clash.message,
        details: clash.details,
        recommendation: clash.recommendation.map(String::from),
        of: None,
        waived: None,
        values: String::new(),
    }
}

/// The same change seen against several older versions is told once.
fn put(findings: &mut Vec<Finding>, finding: Finding) {
    let same = |f: &&mut Finding| {
        f.rule == finding.rule
            && f.direction == finding.direction
            && f.message == finding.message
            && f.location.revision == finding.location.revision
    };
    match findings.iter_mut().find(same) {
        Some(known) => {
            let file = finding.location.base.map_or(String::new(), |p| p.file);
            let detail = format!("also against {file}");
            if known.location.base.as_ref().is_none_or(|p| p.file != file) && !known.details.contains(&detail) {
                known.details.push(detail);
            }
        }
        None => findings.push(finding),
    }
}
