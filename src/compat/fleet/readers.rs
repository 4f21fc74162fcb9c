//! Versions that read events beside versions that write them: each reader's own schema, or that of the writer of its
//! time, against everything it may meet before, during and after an upgrade.
use std::collections::BTreeSet;

use semver::Version;

use super::pairs::{Question, is_json_schema};
use super::{Look, Published, is_moving, strays};
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::events::Mode;
use crate::compat::{Area, Finding, Location, Place, Severity};
use crate::spec::SourceFile;

/// How a reader fares while it, the writer, or both move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fares {
    /// It reads whatever is written.
    Well,
    /// It does once it has moved, so it goes first.
    Before,
    /// It does once the writer has moved, so that goes first.
    After,
    Badly,
}

/// A version of a reader that cannot read what a version of a writer writes.
#[derive(Debug, Clone)]
struct Unread {
    /// The old or the new version of the reader.
    old: bool,
    /// Of the writer.
    version: Version,
    why: String,
    location: Location,
    /// Its records were written before what runs now.
    past: bool,
    /// The reader's version before could not read it either.
    known: bool,
}

/// What one reader makes of one writer.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) fares: Fares,
    /// Whether the old and the new version read by the writer's schema rather than by their own.
    pub(super) by_writer: (bool, bool),
    unread: Vec<Unread>,
}

/// A statement about both versions of a move.
pub(super) fn both_say(look: &Look<'_>, m: &Move, test: impl Fn(&Published) -> bool) -> bool {
    [&m.from, &m.to].into_iter().all(|v| look.get(&m.service, v).is_some_and(&test))
}

pub(super) fn language(file: &SourceFile) -> &'static str {
    if is_json_schema(file) { "JSON Schema" } else { "Avro" }
}

/// Whether a version writes the event, and by which schema where it has one.
pub(super) fn written<'a>(look: &Look<'a>, m: &Move, version: &Version, event: &str) -> Option<Option<&'a SourceFile>> {
    let published = look.get(&m.service, version)?;
    published.contract.spec.produces.iter().any(|e| e == event).then(|| published.events.get(event))
}

/// What was written of an event so far, by this service or, where it did not, by another one.
pub(super) fn written_before<'a>(look: &Look<'a>, w: &Move, event: &str) -> Option<&'a SourceFile> {
    match written(look, w, &w.from, event) {
        Some(own) => own,
        None => look.asked.moves.iter().find_map(|o| written(look, o, &o.from, event).flatten()),
    }
}

/// What a service has written of an event in all versions before this one, oldest first: its records may still be there.
pub(super) fn history<'a>(look: &Look<'a>, w: &Move, event: &str) -> Vec<(&'a Version, &'a SourceFile)> {
    let published = look.asked.registry.services.get(&w.service);
    let before = published.into_iter().flat_map(|all| all.range(..&w.from));
    let wrote = before.filter(|(_, p)| p.contract.spec.produces.iter().any(|e| e == event));
    wrote.filter_map(|(v, p)| Some((v, p.events.get(event)?))).collect()
}

pub(super) fn reads(look: &Look<'_>, r: &Move, version: &Version, event: &str) -> bool {
    look.get(&r.service, version).is_some_and(|p| p.contract.spec.consumes.iter().any(|e| e == event))
}

/// What a reader makes of what a writer writes; none where it does not read the event, or neither of the two moves.
pub(super) fn fares(look: &mut Look<'_>, w: &Move, r: &Move, event: &str) -> Option<Outcome> {
    let (reads_old, reads_new) = (reads(look, r, &r.from, event), reads(look, r, &r.to, event));
    if !(reads_old || reads_new) || !(is_moving(w) || is_moving(r)) {
        return None;
    }
    let (old_writer, new_writer) =
        (written(look, w, &w.from, event).flatten(), written(look, w, &w.to, event).flatten());
    // What a service writes it also reads by that schema.
    let own =
        |v: &Version| look.get(&r.service, v).and_then(|p| p.events.get(event)).filter(|_| r.service != w.service);
    let (old_own, new_own) = (own(&r.from).filter(|_| reads_old), own(&r.to).filter(|_| reads_new));
    let old_reader = old_own.or_else(|| written_before(look, w, event)).filter(|_| reads_old);
    let new_reader = new_own.or(new_writer).filter(|_| reads_new);
    let mut check = Check { look, unread: Vec::new() };
    // A service that writes and reads cannot go before itself.
    let same = r.service == w.service;
    let (mut old_fits, mut new_fits, mut at_last) = (true, true, true);
    if is_moving(w) {
        old_fits = check.reads(true, old_reader, &w.to, new_writer, old_own.is_some());
    }
    if is_moving(r) {
        new_fits = check.reads(false, new_reader, &w.from, old_writer, new_own.is_some());
        if is_moving(w) {
            at_last = check.reads(false, new_reader, &w.to, new_writer, new_own.is_some());
        }
        if let (Some(schema), true) = (new_own, check.look.retained(event)) {
            check.past(schema, old_reader, w, event);
        }
    }
    let retained = check.look.retained(event);
    let fares = match (old_fits, new_fits) {
        _ if !at_last => Fares::Badly,
        (true, true) => Fares::Well,
        (false, true) if is_moving(r) && !same => Fares::Before,
        (true, false) if is_moving(w) && !same && !retained => Fares::After,
        _ => Fares::Badly,
    };
    let unread = check.unread;
    let by_writer = (reads_old && old_own.is_none(), reads_new && new_own.is_none());
    Some(Outcome { fares, by_writer, unread })
}

struct Check<'l, 'a> {
    look: &'l mut Look<'a>,
    unread: Vec<Unread>,
}

impl Check<'_, '_> {
    /// Whether a version reads what another writes; kept where it does not, and it reads by a schema of its `own`: what
    /// the writer's own schemas make of each other is told there.
    fn reads(
        &mut self,
        old: bool,
        reader: Option<&SourceFile>,
        version: &Version,
        writer: Option<&SourceFile>,
        own: bool,
    ) -> bool {
        // Where one of them is not there nothing can be said, and that has been.
        let (Some(reader), Some(writer)) = (reader, writer) else { return true };
        let Some((why, location)) = clash(self.look, reader, writer) else { return true };
        if own {
            let version = version.clone();
            self.unread.push(Unread { old, version, why, location, past: false, known: false });
        }
        false
    }

    /// What a reader's new schema does not read of what all versions before wrote, whose records are still there.
    fn past(&mut self, schema: &SourceFile, before: Option<&SourceFile>, w: &Move, event: &str) {
        let mut seen = Vec::new();
        for (version, writer) in history(self.look, w, event).into_iter().rev() {
            if seen.contains(&writer.text.as_str()) {
                continue;
            }
            seen.push(&writer.text);
            let Some((why, location)) = clash(self.look, schema, writer) else { continue };
            let known = before.is_some_and(|b| b.name != schema.name && clash(self.look, b, writer).is_some());
            self.unread.push(Unread { old: false, version: version.clone(), why, location, past: true, known });
        }
    }
}

/// What keeps a schema from reading what another wrote, and where.
pub(super) fn clash(look: &mut Look<'_>, reader: &SourceFile, writer: &SourceFile) -> Option<(String, Location)> {
    if is_json_schema(reader) != is_json_schema(writer) {
        let whole = |f: &SourceFile| Some(Place { file: f.name.clone(), pointer: String::new(), line: None });
        let why = format!("it reads {}, and that is {}", language(reader), language(writer));
        return Some((why, Location { base: whole(writer), revision: whole(reader) }));
    }
    if reader.text == writer.text {
        return None;
    }
    let question = Question::Event { mode: Mode::Backward, old: vec![writer], new: reader };
    let report = look.ask(&question)?.report;
    report.not_compared.iter().for_each(|note| look.note(note.clone()));
    let first = report.findings.into_iter().find(|f| f.severity == Severity::Critical)?;
    Some((first.message, first.location))
}

/// Every reader against every writer of what it reads, where one of the two moves: who goes first, and who cannot read.
pub(super) fn look(look: &mut Look<'_>) {
    let moves = look.asked.moves.clone();
    for r in &moves {
        let read = [&r.from, &r.to].into_iter().filter_map(|v| look.get(&r.service, v));
        let events: BTreeSet<&String> = read.flat_map(|p| &p.contract.spec.consumes).collect();
        for event in events {
            let writes = |w: &&Move| [&w.from, &w.to].into_iter().any(|v| written(look, w, v, event).is_some());
            // Records of one that wrote it once may be there as well.
            let wrote = |w: &&Move| writes(w) || !history(look, w, event).is_empty();
            let writers: Vec<&Move> = moves.iter().filter(wrote).collect();
            if !moves.iter().any(|w| writes(&w)) {
                strays::unwritten(look, r, event);
            }
            for w in writers {
                undescribed(look, w, r, event);
                let Some(outcome) = fares(look, w, r, event) else { continue };
                ordered(look, w, r, outcome.fares, event);
                unread(look, w, r, &outcome, event);
            }
        }
    }
}

/// A reader has a schema and a writer has none.
fn undescribed(look: &mut Look<'_>, w: &Move, r: &Move, event: &str) {
    let own = |v: &Version| look.get(&r.service, v).is_some_and(|p| p.events.contains_key(event));
    let none = |v: &&Version| matches!(written(look, w, v, event), Some(None));
    // Where the writer moves, it is said of that one.
    let begins = is_moving(r) && !is_moving(w) && reads(look, r, &r.to, event) && !reads(look, r, &r.from, event);
    let (moves, reads) = (is_moving(w) || is_moving(r), own(&r.from) || own(&r.to) || begins);
    let blank = [&w.from, &w.to].into_iter().find(none).filter(|_| moves && reads && w.service != r.service);
    if let Some(version) = blank.cloned() {
        look.note(format!(
            "{} {version} has no schema of {event}, so it is not compared with what {} reads",
            w.service, r.service
        ));
    }
}

fn ordered(look: &mut Look<'_>, w: &Move, r: &Move, fares: Fares, event: &str) {
    let edge = match fares {
        Fares::Before => Edge {
            first: r.service.clone(),
            then: w.service.clone(),
            reason: format!("{} {} cannot read the {event} of {} {}", r.service, r.from, w.service, w.to),
        },
        Fares::After => Edge {
            first: w.service.clone(),
            then: r.service.clone(),
            reason: format!("{} {} cannot read the {event} of {} {}", r.service, r.to, w.service, w.from),
        },
        Fares::Well | Fares::Badly => return,
    };
    look.edges.insert(edge);
}

/// A reader with a schema of its own, which does not fit. Told once for each of its versions, with all it cannot read.
fn unread(look: &mut Look<'_>, w: &Move, r: &Move, outcome: &Outcome, event: &str) {
    for old in [true, false] {
        let mine: Vec<&Unread> = outcome.unread.iter().filter(|u| u.old == old).collect();
        let Some(first) = mine.iter().find(|u| !u.known).or(mine.first()) else { continue };
        let (name, m) =
            if old { (format!("{} {}", r.service, r.from), w) } else { (format!("{} {}", r.service, r.to), r) };
        let message = format!("{name} cannot read the {event} of {} {}: {}", w.service, first.version, first.why);
        let mut severity = Severity::Critical;
        let mut details = Vec::new();
        match outcome.fares {
            _ if mine.iter().all(|u| u.known) => {
                severity = Severity::Warning;
                details.push(format!("{} {} could not read it either", r.service, r.from));
            }
            Fares::Before if old => {
                severity = Severity::Warning;
                details.push(format!("not beside each other: {} moves before {}", r.service, w.service));
            }
            Fares::After if !old => {
                severity = Severity::Warning;
                details.push(format!("not beside each other: {} moves after {}", r.service, w.service));
            }
            _ => {}
        }
        if first.past {
            details.push("records of before stay, and it meets them".to_string());
        }
        let others = mine.iter().filter(|u| u.version != first.version);
        details.extend(others.map(|u| format!("nor that of {} {}: {}", w.service, u.version, u.why)));
        let finding = told(r, event, severity, message, details, &first.location);
        look.put(m, &format!("event {event}"), vec![name], finding);
    }
}

fn told(r: &Move, event: &str, severity: Severity, message: String, details: Vec<String>, at: &Location) -> Finding {
    let about = format!("{} {event}", r.service);
    let mut f = deps::finding("event-not-read", severity, Area::Event, at.revision.as_ref(), &about, message);
    f.location = at.clone();
    f.details = details;
    f.recommendation = Some("let the reader take both before the writer changes".to_string());
    f
}
