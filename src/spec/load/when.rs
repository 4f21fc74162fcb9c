//! The stage of loading that is about time: calendars, then the tenants that go by them.
use std::collections::BTreeMap;

use super::{Doc, Loaded};
use crate::spec::calendar::{Calendar, CalendarSpec};
use crate::spec::check;
use crate::spec::check::tenants::{List, meant};
use crate::spec::report::Sink;
use crate::spec::tenants::{Tenants, TenantsSpec};

/// Takes calendars and tenants out of `docs`. `complete`: every document of every file could be read.
pub fn read(docs: &mut [Doc], complete: bool, sinks: &mut [Sink<'_>], loaded: &mut Loaded) {
    let ics: Vec<String> = loaded.ics.iter().map(|file| file.name.clone()).collect();
    // By name as written; none for one that is broken.
    let mut known: BTreeMap<String, Option<CalendarSpec>> = BTreeMap::new();
    for doc in docs.iter().filter(|d| d.kind == "Calendar") {
        let errors = sinks[doc.file].count();
        let spec = doc.typed::<CalendarSpec>(&mut sinks[doc.file]);
        if let Some(spec) = spec.as_ref().filter(|_| !doc.cut) {
            check::calendar::check(spec, &ics, &mut doc.scope(&mut sinks[doc.file]));
        }
        let sound = !doc.cut && doc.whole() && sinks[doc.file].count() == errors;
        known.insert(doc.name.clone(), spec.clone().filter(|_| sound));
        loaded.calendars.extend(spec.map(|spec| Calendar { name: doc.name.clone(), spec }));
    }
    let default = CalendarSpec::default();
    let mut specs = Vec::new();
    for doc in docs.iter().filter(|d| d.kind == "Tenants") {
        let spec = doc.typed::<TenantsSpec>(&mut sinks[doc.file]);
        let calendar = match spec.as_ref().map(|s| s.calendar.as_deref()) {
            Some(Some(name)) => match known.get(name) {
                Some(calendar) => calendar.as_ref(),
                None => {
                    if complete {
                        let help = meant(name, known.keys().map(String::as_str).collect());
                        let at = check::at!["calendar"];
                        doc.scope(&mut sinks[doc.file]).error(at, &format!("there is no Calendar `{name}`"), help);
                    }
                    None
                }
            },
            Some(None) if known.is_empty() && complete => Some(&default),
            Some(None) if known.len() > 1 => {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                let message =
                    format!("{} calendars are given, and `calendar` does not say which is meant", names.len());
                let help = format!("write `calendar:` with one of: {}", names.join(", "));
                doc.scope(&mut sinks[doc.file]).error(&[], &message, help);
                None
            }
            Some(None) => known.values().next().and_then(Option::as_ref),
            None => None,
        };
        specs.push((spec, calendar));
    }
    let lists: Vec<List<'_>> = docs
        .iter()
        .filter(|d| d.kind == "Tenants")
        .zip(&specs)
        .map(|(doc, (_, calendar))| List { file: doc.file, tenants: &doc.tenants, calendar: *calendar })
        .collect();
    check::tenants::check(&lists, sinks);
    drop(lists);
    for (doc, (spec, _)) in docs.iter_mut().filter(|d| d.kind == "Tenants").zip(specs) {
        let Some(mut spec) = spec else { continue };
        if doc.tenants.is_empty() && !doc.cut && doc.whole() {
            let help = "add at least one, such as {id: acme, zone: Europe/Berlin}".to_string();
            doc.scope(&mut sinks[doc.file]).error(check::at!["tenants"], "no tenant is listed", help);
        }
        spec.tenants = std::mem::take(&mut doc.tenants).into_iter().map(|read| read.tenant).collect();
        loaded.tenants.push(Tenants { name: doc.name.clone(), spec });
    }
}
