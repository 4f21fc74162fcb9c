//! Events whose schemas change, and the versions of services that read them.
use semver::Version;

use super::pairs::{Question, is_json_schema};
use super::{Look, Published, place, remote};
use crate::compat::deps::honesty::Change;
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::events::Mode;
use crate::compat::{Area, Direction, Finding, Report, Severity};
use crate::spec::SourceFile;
use crate::spec::contract::Audience;

/// How a reader fares while the writer moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fares {
    /// It reads whatever is written.
    Well,
    /// It does once it has moved, so it goes first.
    Before,
    /// It does once the writer has moved, so that goes first.
    After,
    Badly,
}

/// The schema of an event before and after.
struct Changed<'a> {
    event: &'a str,
    old: &'a SourceFile,
    new: &'a SourceFile,
    /// Old records stay.
    retained: bool,
}

pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let (Some(old), Some(new)) = (look.get(&m.service, &m.from), look.get(&m.service, &m.to)) else { return };
    for event in &old.contract.spec.produces {
        if !new.contract.spec.produces.contains(event) {
            gone(look, m, event, new);
            continue;
        }
        match (old.events.get(event), new.events.get(event)) {
            (Some(a), Some(b)) if is_json_schema(a) == is_json_schema(b) => {
                changed(look, m, event, a, b);
            }
            (Some(_), Some(_)) => {
                look.note(format!("{} {event}: its schema changed from one language to another", m.service));
            }
            _ => look.note(format!("{} {event}: its schema is not there on both sides", m.service)),
        }
    }
    // Events that are new are known to a registry as well, if anybody wrote them before.
    for event in &new.contract.spec.produces {
        if let Some(schema) = new.events.get(event) {
            remote::look(look, m, event, old.events.get(event), schema);
        }
    }
}

/// Nobody writes it any more, and somebody still reads it.
fn gone(look: &mut Look<'_>, m: &Move, event: &str, new: &Published) {
    let elsewhere = look
        .asked
        .moves
        .iter()
        .filter(|o| o.service != m.service)
        .any(|o| look.get(&o.service, &o.to).is_some_and(|p| p.contract.spec.produces.iter().any(|e| e == event)));
    let readers: Vec<String> = readers(look, event).iter().map(|o| format!("{} {}", o.service, o.to)).collect();
    if elsewhere || readers.is_empty() {
        return;
    }
    let message = format!("{} {} does not write {event} any more", m.service, m.to);
    let at = place(&new.contract, "/produces");
    let mut f = deps::finding("event-removed", Severity::Critical, Area::Event, Some(&at), event, message);
    f.recommendation = Some("go on writing it until nobody reads it".to_string());
    look.changed(&m.service, Change::Breaking);
    look.put(m, &format!("event {event}"), readers, f);
}

/// Moves of services that read an event when all has moved.
fn readers<'a>(look: &Look<'a>, event: &str) -> Vec<&'a Move> {
    let reads =
        |v: &Version, s: &str| look.get(s, v).is_some_and(|p| p.contract.spec.consumes.iter().any(|e| e == event));
    look.asked.moves.iter().filter(|o| reads(&o.from, &o.service) || reads(&o.to, &o.service)).collect()
}

fn changed(look: &mut Look<'_>, m: &Move, event: &str, old: &SourceFile, new: &SourceFile) {
    if old.text == new.text {
        return;
    }
    let policy = look.asked.registry.policy.as_ref();
    let retained = policy.and_then(|p| p.spec.events.get(event)).is_none_or(|t| t.retained);
    let pair = Changed { event, old, new, retained };
    let Some(forward) = read(look, Mode::Forward, vec![old], new) else { return };
    let Some(backward) = read(look, Mode::Backward, vec![old], new) else { return };
    look.changed(&m.service, Change::of(&forward).max(Change::of(&backward)));
    for note in forward.not_compared.iter().chain(&backward.not_compared) {
        look.note(note.clone());
    }
    let mut readers = Vec::new();
    for reader in self::readers(look, event) {
        let (fares, own) = fares(look, m, reader, &pair, (forward.compatible(), backward.compatible()));
        ordered(look, m, reader, fares, event);
        if own && fares == Fares::Badly {
            unread(look, m, reader, &pair);
        }
        readers.push(Reader { name: format!("{} {}", reader.service, reader.from), fares, own });
    }
    let backward = if retained { retention(look, m, &pair).unwrap_or(backward) } else { backward };
    let known = only_known(look, m);
    for finding in forward.findings.into_iter().chain(backward.findings) {
        let (finding, consumers) = weigh(finding, &pair, &readers, known);
        look.put(m, &format!("event {event}"), consumers, finding);
    }
}

fn read(look: &mut Look<'_>, mode: Mode, old: Vec<&SourceFile>, new: &SourceFile) -> Option<Report> {
    look.ask(&Question::Event { mode, old, new }).map(|a| a.report)
}

/// The new schema against that of every version before it, since their records are still there.
fn retention(look: &mut Look<'_>, m: &Move, pair: &Changed<'_>) -> Option<Report> {
    let published = look.asked.registry.services.get(&m.service)?;
    let before = published.range(..=&m.from).filter_map(|(_, p)| p.events.get(pair.event));
    let old: Vec<&SourceFile> = before.filter(|f| is_json_schema(f) == is_json_schema(pair.new)).collect();
    read(look, Mode::BackwardTransitive, old, pair.new)
}

/// How a service that reads it fares, and whether it reads by a schema of its own. One without reads by the writer's of
/// its time.
fn fares(
    look: &mut Look<'_>,
    m: &Move,
    reader: &Move,
    pair: &Changed<'_>,
    (forward, backward): (bool, bool),
) -> (Fares, bool) {
    if reader.service == m.service {
        // Both its versions write while both read, so no order helps.
        return (if forward && backward { Fares::Well } else { Fares::Badly }, false);
    }
    let (old, new) = (own(look, reader, &reader.from, pair), own(look, reader, &reader.to, pair));
    let mut reads = |schema: Option<&SourceFile>, writer: &SourceFile, implied: bool| match schema {
        Some(schema) => read(look, Mode::Backward, vec![writer], schema).is_none_or(|r| r.compatible()),
        None => implied,
    };
    let old_reads_new = reads(old, pair.new, forward);
    let fares = if reader.from == reader.to {
        if old_reads_new { Fares::Well } else { Fares::Badly }
    } else {
        let (new_reads_old, new_reads_new) = (reads(new, pair.old, backward), reads(new, pair.new, true));
        match (old_reads_new, new_reads_old) {
            _ if !new_reads_new => Fares::Badly,
            (true, true) => Fares::Well,
            (false, true) => Fares::Before,
            (true, false) if !pair.retained => Fares::After,
            _ => Fares::Badly,
        }
    };
    (fares, old.is_some())
}

fn own<'a>(look: &Look<'a>, reader: &Move, version: &Version, pair: &Changed<'_>) -> Option<&'a SourceFile> {
    let schema = look.get(&reader.service, version)?.events.get(pair.event)?;
    (is_json_schema(schema) == is_json_schema(pair.new)).then_some(schema)
}

fn ordered(look: &mut Look<'_>, m: &Move, reader: &Move, fares: Fares, event: &str) {
    let edge = match fares {
        Fares::Before => Edge {
            first: reader.service.clone(),
            then: m.service.clone(),
            reason: format!("{} {} cannot read the {event} of {} {}", reader.service, reader.from, m.service, m.to),
        },
        Fares::After => Edge {
            first: m.service.clone(),
            then: reader.service.clone(),
            reason: format!("{} {} cannot read the {event} of {} {}", reader.service, reader.to, m.service, m.from),
        },
        Fares::Well | Fares::Badly => return,
    };
    look.edges.insert(edge);
}

/// A reader with a schema of its own, which does not fit.
fn unread(look: &mut Look<'_>, m: &Move, reader: &Move, pair: &Changed<'_>) {
    for (version, writer, of) in
        [(&reader.from, pair.new, &m.to), (&reader.to, pair.old, &m.from), (&reader.to, pair.new, &m.to)]
    {
        let Some(schema) = own(look, reader, version, pair) else { continue };
        let Some(report) = read(look, Mode::Backward, vec![writer], schema) else { continue };
        let Some(first) = report.findings.iter().find(|f| f.severity == Severity::Critical) else { continue };
        let name = format!("{} {version}", reader.service);
        let message = format!("{name} cannot read the {} of {} {of}: {}", pair.event, m.service, first.message);
        let place = first.location.revision.clone();
        let about = format!("{} {}", reader.service, pair.event);
        let mut f = deps::finding("event-not-read", Severity::Critical, Area::Event, place.as_ref(), &about, message);
        f.location = first.location.clone();
        f.recommendation = Some("let the reader take both before the writer changes".to_string());
        return look.put(m, &format!("event {}", pair.event), vec![name], f);
    }
}

/// Nobody outside of the fleet reads it, and every service of the fleet says what it reads.
fn only_known(look: &Look<'_>, m: &Move) -> bool {
    let internal = look.get(&m.service, &m.to).is_some_and(|p| p.contract.spec.audience == Audience::Internal);
    let written = |o: &Move| look.get(&o.service, &o.from).is_some() && look.get(&o.service, &o.to).is_some();
    internal && look.asked.unknown.is_empty() && look.asked.moves.iter().all(written)
}

struct Reader {
    name: String,
    fares: Fares,
    own: bool,
}

/// What a clash between two versions of the schema weighs, given who reads it and in what order all go.
fn weigh(mut finding: Finding, pair: &Changed<'_>, readers: &[Reader], known: bool) -> (Finding, Vec<String>) {
    let names = |fares: Fares| -> Vec<String> {
        readers.iter().filter(|r| !r.own && r.fares == fares).map(|r| r.name.clone()).collect()
    };
    if finding.severity != Severity::Critical {
        return (finding, Vec::new());
    }
    let bad = names(Fares::Badly);
    let stays = finding.direction == Some(Direction::Backward) && pair.retained;
    if stays {
        finding.details.push("old records stay, and whoever reads by the new schema meets them".to_string());
    }
    let helped = names(if finding.direction == Some(Direction::Forward) { Fares::Before } else { Fares::After });
    let all: Vec<String> = readers.iter().filter(|r| !r.own).map(|r| r.name.clone()).collect();
    if !bad.is_empty() || stays && !all.is_empty() {
        return (finding, if stays { all } else { bad });
    }
    if !helped.is_empty() {
        finding.severity = Severity::Warning;
        let way = if finding.direction == Some(Direction::Forward) { "before" } else { "after" };
        finding.details.push(format!("not beside each other: {} move {way} it", helped.join(", ")));
        return (finding, helped);
    }
    if known {
        finding.severity = Severity::Warning;
        let why = if readers.is_empty() { "nobody in the fleet reads it" } else { "who reads it takes both" };
        finding.details.push(format!("no known consumer: {why}"));
    }
    (finding, Vec::new())
}
