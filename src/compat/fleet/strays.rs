//! What nobody names: events that are read and that no service writes, and files beside contracts that speak of neither.
use std::collections::BTreeSet;

use semver::Version;

use super::readers::reads;
use super::{Look, place, running};
use crate::compat::deps::{self, Move};
use crate::compat::{Area, Severity};
use crate::spec::nearest;

/// Events that some version of some service writes.
fn written(look: &Look<'_>) -> BTreeSet<String> {
    let all = look.asked.registry.services.values().flat_map(|versions| versions.values());
    all.flat_map(|p| &p.contract.spec.produces).cloned().collect()
}

/// The event's name in a file's: `events/OrderPlaced.avsc`, `events/OrderPlaced.schema.json`.
fn event_of(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    let end = [".schema.json", ".avsc"].iter().find_map(|end| name.strip_suffix(end));
    end.unwrap_or_else(|| name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

fn is_sql(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("sql"))
}

/// A service has a schema of an event beside its contract that the contract does not name.
fn unnamed(look: &Look<'_>, event: &str) -> Option<(String, Version)> {
    look.asked.moves.iter().flat_map(|m| running(m).into_iter().map(move |v| (m, v))).find_map(|(m, v)| {
        let files = &look.get(&m.service, v)?.undeclared;
        files.iter().any(|f| !is_sql(f) && event_of(f) == event).then(|| (m.service.clone(), v.clone()))
    })
}

/// An event is read that no service writes: it may come from outside of the fleet, or its name is a slip.
pub(super) fn unwritten(look: &mut Look<'_>, r: &Move, event: &str) {
    let written = written(look);
    let near = nearest(event, written.iter().map(String::as_str));
    let advice = match (near, unnamed(look, event)) {
        (_, Some((service, version))) => {
            format!("{service} {version} has a schema of it: name it under `produces` of its contract if it writes it")
        }
        (Some(near), None) => format!("did you mean `{near}`? Nothing was held against {event}"),
        (None, None) => {
            return look.note(format!("{} reads {event}, which no service here writes: not compared", r.service));
        }
    };
    // The version that comes, where both read it.
    let version = if reads(look, r, &r.to, event) { &r.to } else { &r.from };
    let Some(contract) = look.get(&r.service, version).map(|p| &p.contract) else { return };
    let at = contract.spec.consumes.iter().position(|e| e == event);
    let at = place(contract, &at.map_or("/consumes".to_string(), |i| format!("/consumes/{i}")));
    let message = format!("{} {version} reads {event}, and no service of the fleet writes such an event", r.service);
    let about = format!("{} {event}", r.service);
    let mut f = deps::finding("event-unknown", Severity::Warning, Area::Event, Some(&at), &about, message);
    f.recommendation = Some(advice);
    look.put(r, &format!("event {event}"), Vec::new(), f);
}

/// Who may read this event as well: it reads one that nobody writes, and that is called nearly so.
pub(super) fn may_mean(look: &Look<'_>, event: &str) -> Option<String> {
    let written = written(look);
    for m in &look.asked.moves {
        for version in running(m) {
            let Some(published) = look.get(&m.service, version) else { continue };
            let unknown = published.contract.spec.consumes.iter().filter(|e| !written.contains(*e));
            for read in unknown {
                if nearest(read, written.iter().map(String::as_str)) == Some(event) {
                    return Some(format!("{} {version} may read it: it reads {read}, which nobody writes", m.service));
                }
            }
        }
    }
    None
}

/// Files that come with a move, and that nobody says anything of. SQL of what runs has run.
pub(super) fn files(look: &mut Look<'_>, m: &Move) {
    let Some(versions) = look.asked.registry.services.get(&m.service) else { return };
    let crossed: BTreeSet<&Version> = deps::crossed(versions, &m.from, &m.to).into_iter().map(|(v, _)| v).collect();
    let runs = running(m);
    for (version, published) in versions {
        for file in &published.undeclared {
            let why = match is_sql(file) {
                true if crossed.contains(version) => format!("no migration of {} {version} names it", m.service),
                false if crossed.contains(version) || runs.contains(version) => {
                    format!("{} {version} neither writes nor reads {} by its contract", m.service, event_of(file))
                }
                _ => continue,
            };
            look.note(format!("{file}: {why}, so it is not looked at"));
        }
    }
}
