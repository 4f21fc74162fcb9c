//! Events whose schemas change, go, or are written by somebody else from now on.
use semver::Version;

use super::pairs::{Question, is_json_schema};
use super::readers::{Fares, both_say, fares, history, language, written, written_before};
use super::{Look, Published, is_moving, place, remote, strays};
use crate::compat::deps::honesty::Change;
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::events::Mode;
use crate::compat::{Area, Direction, Finding, Location, Place, Report, Severity};
use crate::spec::SourceFile;
use crate::spec::contract::Audience;

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
            (Some(a), Some(b)) if is_json_schema(a) == is_json_schema(b) => changed(look, m, event, a, b),
            (Some(a), Some(b)) => other_language(look, m, event, a, b),
            (Some(_), None) => undescribed(look, m, event, new),
            (None, _) => {
                look.note(format!("{} {} has no schema of {event}, so it is not compared", m.service, m.from));
            }
        }
    }
    for event in &new.contract.spec.produces {
        if let (false, Some(schema)) = (old.contract.spec.produces.contains(event), new.events.get(event)) {
            taken_over(look, m, event, schema);
        }
        // Events that are new are known to a registry as well, if anybody wrote them before.
        if let Some(schema) = new.events.get(event) {
            remote::look(look, m, event, old.events.get(event), schema);
        }
    }
}

/// Why others may read an event than those who say so; none where nobody outside of the fleet reads it, and every service
/// of the fleet says what it reads.
fn open_to(look: &Look<'_>, m: &Move, event: &str) -> Option<String> {
    // What anybody may read today is not left to the fleet alone by the version that says so.
    let internal = both_say(look, m, |p| p.contract.spec.audience == Audience::Internal);
    if internal && look.asked.unknown.is_empty() && look.asked.moves.iter().all(|o| both_say(look, o, |_| true)) {
        return strays::may_mean(look, event);
    }
    Some("others may read it: it is public, or not every service of the fleet has a contract".to_string())
}

/// Versions that read an event: those that are there when all has moved, and those that are gone by then.
fn readers(look: &Look<'_>, event: &str) -> (Vec<String>, Vec<Move>) {
    let reads = |m: &Move, v: &Version| {
        look.get(&m.service, v).is_some_and(|p| p.contract.spec.consumes.iter().any(|e| e == event))
    };
    let (mut stay, mut leave) = (Vec::new(), Vec::new());
    for m in &look.asked.moves {
        match (reads(m, &m.from), reads(m, &m.to)) {
            (_, true) => stay.push(format!("{} {}", m.service, m.to)),
            (true, false) => leave.push(m.clone()),
            (false, false) => {}
        }
    }
    (stay, leave)
}

/// A finding about an event as a whole.
fn told(rule: &'static str, severity: Severity, at: &Place, event: &str, message: String, advice: &str) -> Finding {
    let mut f = deps::finding(rule, severity, Area::Event, Some(at), event, message);
    f.recommendation = Some(advice.to_string());
    f
}

/// Says why nobody may be left who reads it, or that somebody may.
fn nobody_known(f: &mut Finding, open: Option<String>) {
    f.details.push(open.unwrap_or_else(|| "no known consumer: nobody in the fleet reads it".to_string()));
}

/// It is not written by this service any more.
fn gone(look: &mut Look<'_>, m: &Move, event: &str, new: &Published) {
    let others = |v: fn(&Move) -> &Version, look: &Look<'_>| -> Vec<Move> {
        let writes = |o: &&Move| o.service != m.service && written(look, o, v(o), event).is_some();
        look.asked.moves.iter().filter(writes).cloned().collect()
    };
    let (before, after) = (others(|o| &o.from, look), others(|o| &o.to, look));
    if let Some(next) = after.first() {
        // Between the two nobody would write it.
        if before.is_empty() {
            let reason = format!(
                "{} {} writes {event} from then on, and {} {} does not",
                next.service, next.to, m.service, m.to
            );
            look.edges.insert(Edge { first: next.service.clone(), then: m.service.clone(), reason });
        }
        return;
    }
    look.changed(&m.service, Change::Breaking);
    let (stay, leave) = readers(look, event);
    let open = open_to(look, m, event);
    let critical = !stay.is_empty() || open.is_some();
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let message = format!("{} {} does not write {event} any more", m.service, m.to);
    let at = place(&new.contract, "/produces");
    let mut f = told("event-removed", severity, &at, event, message, "go on writing it until nobody reads it");
    for reader in leave.iter().filter(|r| r.service != m.service) {
        let reason =
            format!("{} {} reads {event}, which {} {} does not write", reader.service, reader.from, m.service, m.to);
        look.edges.insert(Edge { first: reader.service.clone(), then: m.service.clone(), reason });
        f.details.push(format!("{} moves before it, and {} does not read it any more", reader.service, reader.to));
    }
    if stay.is_empty() && (leave.is_empty() || open.is_some()) {
        nobody_known(&mut f, open);
    }
    let names =
        if stay.is_empty() { leave.iter().map(|r| format!("{} {}", r.service, r.from)).collect() } else { stay };
    look.put(m, &format!("event {event}"), names, f);
}

/// Who reads an event, by name, whenever that is.
fn all_readers(look: &Look<'_>, event: &str) -> Vec<String> {
    let (mut names, leave) = readers(look, event);
    names.extend(leave.iter().map(|r| format!("{} {}", r.service, r.from)));
    names
}

/// There was a schema, and there is none now: what is written may be anything.
fn undescribed(look: &mut Look<'_>, m: &Move, event: &str, new: &Published) {
    let names = all_readers(look, event);
    let severity = if names.is_empty() { Severity::Warning } else { Severity::Critical };
    let message = format!("{} {} has no schema of {event} any more", m.service, m.to);
    let at = place(&new.contract, "/produces");
    let advice = "put its schema back beside the contract, below events/";
    let f = told("event-schema-removed", severity, &at, event, message, advice);
    look.note(format!("{} {} has no schema of {event}, so it is not compared", m.service, m.to));
    look.put(m, &format!("event {event}"), names, f);
}

/// Nobody reads Avro by JSON Schema, or the other way round.
fn other_language(look: &mut Look<'_>, m: &Move, event: &str, old: &SourceFile, new: &SourceFile) {
    if written(look, m, &m.from, event).is_some() {
        look.changed(&m.service, Change::Breaking);
    }
    let names = all_readers(look, event);
    let open = open_to(look, m, event);
    let severity = if names.is_empty() && open.is_none() { Severity::Warning } else { Severity::Critical };
    let (was, is) = (language(old), language(new));
    let message = format!("{event} was written in {was}, and {} {} writes it in {is}", m.service, m.to);
    let whole = |f: &SourceFile| Place { file: f.name.clone(), pointer: String::new(), line: None };
    let advice = "write it as an event of another name, until all readers have changed";
    let mut f = told("event-language-changed", severity, &whole(new), event, message, advice);
    f.location = Location { base: Some(whole(old)), revision: Some(whole(new)) };
    if names.is_empty() {
        nobody_known(&mut f, open);
    }
    look.note(format!("{} {event}: its schemas are in two languages, so they are not compared", m.service));
    look.put(m, &format!("event {event}"), names, f);
}

/// Somebody else wrote it so far: what is read by that schema has to read this one.
fn taken_over(look: &mut Look<'_>, m: &Move, event: &str, new: &SourceFile) {
    let Some(old) = written_before(look, m, event) else { return };
    if is_json_schema(old) == is_json_schema(new) {
        changed(look, m, event, old, new);
    } else {
        other_language(look, m, event, old, new);
    }
}

fn changed(look: &mut Look<'_>, m: &Move, event: &str, old: &SourceFile, new: &SourceFile) {
    if old.text == new.text {
        return;
    }
    let retained = look.retained(event);
    let pair = Changed { event, old, new, retained };
    let Some(forward) = read(look, Mode::Forward, vec![old], new) else { return };
    let Some(backward) = read(look, Mode::Backward, vec![old], new) else { return };
    // Who takes an event over breaks nothing of its own contract.
    if written(look, m, &m.from, event).is_some() {
        look.changed(&m.service, Change::of(&forward).max(Change::of(&backward)));
    }
    for note in forward.not_compared.iter().chain(&backward.not_compared) {
        look.note(note.clone());
    }
    let mut readers = Vec::new();
    for r in look.asked.moves.clone() {
        let Some(outcome) = fares(look, m, &r, event) else { continue };
        readers.push(Reader {
            old: format!("{} {}", r.service, r.from),
            new: format!("{} {}", r.service, if is_moving(&r) { &r.to } else { &r.from }),
            fares: outcome.fares,
            by_writer: outcome.by_writer,
        });
    }
    let backward = if retained { retention(look, m, &pair).unwrap_or(backward) } else { backward };
    let open = open_to(look, m, event);
    for finding in forward.findings.into_iter().chain(backward.findings) {
        let (finding, consumers) = weigh(finding, &pair, &readers, open.as_deref());
        look.put(m, &format!("event {event}"), consumers, finding);
    }
}

fn read(look: &mut Look<'_>, mode: Mode, old: Vec<&SourceFile>, new: &SourceFile) -> Option<Report> {
    look.ask(&Question::Event { mode, old, new }).map(|a| a.report)
}

/// The new schema against that of every version before it, whoever wrote it, since their records are still there.
fn retention(look: &mut Look<'_>, m: &Move, pair: &Changed<'_>) -> Option<Report> {
    let others = look.asked.moves.iter().filter(|o| o.service != m.service);
    let before = others.chain([m]).flat_map(|o| history(look, o, pair.event));
    let same = |f: &&SourceFile| is_json_schema(f) == is_json_schema(pair.new);
    let mut old: Vec<&SourceFile> = before.map(|(_, f)| f).filter(same).collect();
    // The last is the nearest: what is told stands there.
    old.push(pair.old);
    read(look, Mode::BackwardTransitive, old, pair.new)
}

struct Reader {
    /// With its old and with its new version.
    old: String,
    new: String,
    fares: Fares,
    /// Whether the old and the new version read by the writer's schema. One with its own is told of by itself.
    by_writer: (bool, bool),
}

/// What a clash between two versions of the schema weighs, given who reads it and in what order all go.
fn weigh(mut finding: Finding, pair: &Changed<'_>, readers: &[Reader], open: Option<&str>) -> (Finding, Vec<String>) {
    if finding.severity != Severity::Critical {
        return (finding, Vec::new());
    }
    let forward = finding.direction == Some(Direction::Forward);
    // Old versions meet what is written from now on, new ones what was written so far.
    let mine: Vec<(&str, Fares)> = match forward {
        true => readers.iter().filter(|r| r.by_writer.0).map(|r| (r.old.as_str(), r.fares)).collect(),
        false => readers.iter().filter(|r| r.by_writer.1).map(|r| (r.new.as_str(), r.fares)).collect(),
    };
    let names = |wanted: &[Fares]| -> Vec<String> {
        mine.iter().filter(|(_, fares)| wanted.contains(fares)).map(|(name, _)| (*name).to_string()).collect()
    };
    let bad = names(&[Fares::Badly]);
    let stays = !forward && pair.retained;
    if stays {
        finding.details.push("old records stay, and whoever reads by the new schema meets them".to_string());
    }
    if !bad.is_empty() || stays && !mine.is_empty() {
        let all = names(&[Fares::Well, Fares::Before, Fares::After, Fares::Badly]);
        return (finding, if stays { all } else { bad });
    }
    let helped = names(&[if forward { Fares::Before } else { Fares::After }]);
    if !helped.is_empty() {
        let way = if forward { "before" } else { "after" };
        finding.details.push(format!("not beside each other: {} move {way} it", helped.join(", ")));
    }
    match (open, helped.is_empty()) {
        (None, true) => {
            let why = if readers.is_empty() { "nobody in the fleet reads it" } else { "who reads it takes both" };
            finding.details.push(format!("no known consumer: {why}"));
            finding.severity = Severity::Warning;
        }
        (None, false) => finding.severity = Severity::Warning,
        (Some(why), _) => finding.details.push(why.to_string()),
    }
    (finding, helped)
}
