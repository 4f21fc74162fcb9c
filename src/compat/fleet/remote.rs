//! What a schema registry says of a new schema, held against what is said here.
use super::pairs::Question;
use super::{Asked, Look, is_moving};
use crate::compat::deps::{self, Move};
use crate::compat::events::Mode;
use crate::compat::{Area, Location, Place, Severity};
use crate::spec::SourceFile;
use crate::spec::contract::EventTerms;

/// A schema that a registry is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enquiry {
    pub service: String,
    pub event: String,
    pub subject: String,
    pub json: bool,
    pub schema: String,
}

/// What a registry said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub service: String,
    pub event: String,
    pub subject: String,
    /// None where it keeps to a mode that is not known here.
    pub mode: Option<Mode>,
    /// The versions it was asked about, oldest first: number and schema.
    pub versions: Vec<(u32, String)>,
    /// It would take the new schema.
    pub takes: bool,
    pub messages: Vec<String>,
}

/// New schemas of everything that moves, where a registry is named.
pub fn enquiries(asked: &Asked<'_>) -> Vec<Enquiry> {
    let Some(policy) = asked.registry.policy.as_ref().filter(|p| p.spec.registry.is_some()) else { return Vec::new() };
    let mut found = Vec::new();
    for m in asked.moves.iter().filter(|m| is_moving(m)) {
        let Some(new) = asked.registry.get(&m.service, &m.to) else { continue };
        for event in &new.contract.spec.produces {
            let Some(schema) = new.events.get(event) else { continue };
            let old = asked.registry.get(&m.service, &m.from).and_then(|p| p.events.get(event));
            if old.is_some_and(|old| old.text == schema.text) {
                continue;
            }
            let named = policy.spec.events.get(event).and_then(|t: &EventTerms| t.subject.clone());
            found.push(Enquiry {
                service: m.service.clone(),
                event: event.clone(),
                subject: named.unwrap_or_else(|| format!("{event}-value")),
                json: super::pairs::is_json_schema(schema),
                schema: schema.text.clone(),
            });
        }
    }
    found
}

/// Holds what was said of this event against what is said here, in the registry's own mode and against its own versions.
pub(super) fn look(look: &mut Look<'_>, m: &Move, event: &str, old: Option<&SourceFile>, new: &SourceFile) {
    let asked = look.asked;
    let Some(said) = asked.said.iter().find(|s| s.service == m.service && s.event == event) else { return };
    let place = Place { file: new.name.clone(), pointer: String::new(), line: None };
    let put = |look: &mut Look<'_>, rule, message: String, advice: &str| {
        let mut f = deps::finding(rule, Severity::Warning, Area::Event, Some(&place), event, message);
        f.location = Location { base: None, revision: Some(place.clone()) };
        f.details.extend(said.messages.iter().take(5).cloned());
        f.recommendation = Some(advice.to_string());
        look.put(m, &format!("event {event}"), Vec::new(), f);
    };
    let same = |a: &str, b: &str| {
        let read = |t: &str| serde_json::from_str::<serde_json::Value>(t).ok();
        read(a).is_some() && read(a) == read(b)
    };
    if let (Some(old), Some((number, latest))) = (old, said.versions.last())
        && !same(&old.text, latest)
        && !same(&new.text, latest)
    {
        let message = format!(
            "version {number} of {}, the registry's last, is not the schema of {} {}",
            said.subject, m.service, m.from
        );
        put(look, "registry-differs", message, "find out which one is written");
    }
    let Some(mode) = said.mode else {
        return look.note(format!("{}: the registry keeps to a mode that is not known here", said.subject));
    };
    let files: Vec<SourceFile> = said
        .versions
        .iter()
        .map(|(n, text)| SourceFile { name: format!("{}/versions/{n}", said.subject), text: text.clone() })
        .collect();
    let Some(answer) = look.ask(&Question::Event { mode, old: files.iter().collect(), new }) else { return };
    match (answer.report.compatible(), said.takes) {
        (true, true) => {}
        (false, false) => {
            let message = format!("the registry would refuse the new schema of {}, in mode {mode}", said.subject);
            put(look, "registry-refuses", message, "change it as said, or its subject's mode if that is meant");
        }
        (here, _) => {
            let word = |takes: bool| if takes { "compatible" } else { "not compatible" };
            let message = format!(
                "the registry says the new schema of {} is {}, and here it is {}, in mode {mode}",
                said.subject,
                word(said.takes),
                word(here)
            );
            put(look, "registry-disagrees", message, "look at both before it goes out");
        }
    }
}
