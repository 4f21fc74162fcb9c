//! The stage of loading that is about time: calendars, then the tenants that go by them.
use std::collections::{BTreeMap, BTreeSet};

use super::{Doc, Loaded, Unread};
use crate::spec::calendar::{Calendar, CalendarSpec};
use crate::spec::check;
use crate::spec::check::tenants::{List, Names, meant};
use crate::spec::header_value;
use crate::spec::report::Sink;
use crate::spec::tenants::{Tenant, Tenants, TenantsSpec};
use crate::spec::tree::{Node, Yaml};
use crate::spec::upgrade::{Strategy, UpgradeSpec};

/// Takes calendars and tenants out of `docs`.
pub fn read(docs: &mut [Doc], unread: &Unread, sinks: &mut [Sink<'_>], loaded: &mut Loaded) {
    let known = calendars(docs, sinks, loaded);
    let default = names(&CalendarSpec::default());
    let mut specs = Vec::new();
    for doc in docs.iter().filter(|d| d.kind == "Tenants") {
        let spec = doc.typed::<TenantsSpec>(&mut sinks[doc.file]);
        let named = spec.as_ref().map(|s| s.calendar.as_deref());
        let calendar =
            named.and_then(|named| calendar_of(doc, named, (&known, &default), unread.none_of("Calendar"), sinks));
        specs.push((spec, calendar));
    }
    let lists: Vec<List<'_>> = docs
        .iter()
        .filter(|d| d.kind == "Tenants")
        .zip(&specs)
        .map(|(doc, (_, names))| List { file: doc.file, tenants: &doc.tenants.list, names: *names })
        .collect();
    let fleets = services(docs, unread.none_of("Fleet"));
    check::tenants::check(&lists, fleets.as_ref(), &hosts(docs), sinks);
    drop(lists);
    let (tenants, regions) = ids_and_regions(docs, unread.none_of("Tenants")).unzip();
    let there = check::calendar::There { services: fleets, tenants, regions };
    for doc in docs.iter().filter(|d| d.kind == "Calendar" && !d.cut) {
        if let Some(calendar) = loaded.calendars.iter().find(|c| c.name == doc.name) {
            check::calendar::others(&calendar.spec, &there, &mut doc.scope(&mut sinks[doc.file]));
        }
    }
    for (doc, (spec, _)) in docs.iter_mut().filter(|d| d.kind == "Tenants").zip(specs) {
        let Some(mut spec) = spec else { continue };
        if doc.tenants.seen == 0 && !doc.cut && doc.clean {
            let help = "add at least one, such as {id: acme, zone: Europe/Berlin}".to_string();
            doc.scope(&mut sinks[doc.file]).error(check::at!["tenants"], "no tenant is listed", help);
        }
        spec.tenants = std::mem::take(&mut doc.tenants.list).into_iter().map(|read| read.tenant).collect();
        loaded.tenants.push(Tenants { name: doc.name.clone(), spec });
    }
}

/// Every service of every Fleet; nothing when no Fleet is given, or not all of it could be read.
fn services(docs: &[Doc], complete: bool) -> Option<BTreeSet<String>> {
    let mut fleets = docs.iter().filter(|d| d.kind == "Fleet").peekable();
    fleets.peek().filter(|_| complete)?;
    let mut there = BTreeSet::new();
    for doc in fleets {
        let listed = doc.written.get("services").filter(|_| !doc.cut)?;
        for item in listed.node.items() {
            there.insert(item.get("name")?.node.text()?.to_string());
        }
    }
    Some(there)
}

/// Services whose tenants are told by the host, each with how that is made from a tenant's id.
fn hosts(docs: &[Doc]) -> BTreeMap<String, String> {
    let services = docs.iter().filter(|d| d.kind == "Fleet").filter_map(|d| d.written.get("services"));
    let host = |item: &Node| {
        let host = item.get("tenancy")?.node.get("routed")?.node.get("host")?;
        Some((item.get("name")?.node.text()?.to_string(), host.node.text()?.to_string()))
    };
    services.flat_map(|listed| listed.node.items()).filter_map(host).collect()
}

/// The id of every tenant, and every region that one of them has; nothing when no Tenants are given, or not all of them
/// could be read.
fn ids_and_regions(docs: &[Doc], complete: bool) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let mut lists = docs.iter().filter(|d| d.kind == "Tenants").peekable();
    lists.peek().filter(|_| complete)?;
    let (mut ids, mut regions) = (BTreeSet::new(), BTreeSet::new());
    for doc in lists {
        if doc.cut || doc.tenants.seen != doc.tenants.list.len() {
            return None;
        }
        ids.extend(doc.tenants.list.iter().map(|read| read.tenant.id.to_string()));
        let of = doc.tenants.list.iter().filter_map(|read| read.tenant.region.as_deref());
        // A hundred thousand tenants have a handful of regions.
        for region in of {
            if !regions.contains(region) {
                regions.insert(region.to_string());
            }
        }
    }
    Some((ids, regions))
}

/// What each calendar has, by its name as written.
fn calendars(docs: &[Doc], sinks: &mut [Sink<'_>], loaded: &mut Loaded) -> BTreeMap<String, Names> {
    let ics: Vec<String> = loaded.ics.iter().map(|file| file.name.clone()).collect();
    let mut known = BTreeMap::new();
    for doc in docs.iter().filter(|d| d.kind == "Calendar") {
        let spec = doc.typed::<CalendarSpec>(&mut sinks[doc.file]);
        if let Some(spec) = spec.as_ref().filter(|_| !doc.cut) {
            check::calendar::check(spec, &ics, &mut doc.scope(&mut sinks[doc.file]));
        }
        let usual = names(&CalendarSpec::default());
        let cohorts = written_names(doc, "cohorts", usual.cohorts, &mut sinks[doc.file]);
        let seasons = written_names(doc, "seasons", usual.seasons, &mut sinks[doc.file]);
        known.insert(doc.name.clone(), Names { cohorts, seasons });
        loaded.calendars.extend(spec.map(|spec| Calendar { name: doc.name.clone(), spec }));
    }
    known
}

fn names(spec: &CalendarSpec) -> Names {
    Names {
        cohorts: Some(spec.cohorts.iter().map(|c| c.name.clone()).collect()),
        seasons: Some(spec.seasons.iter().map(|s| s.name.clone()).collect()),
    }
}

/// The names of a list as they are written, whatever else is wrong with it; `usual` where none is written. Nothing where
/// some may be missing, or are not what was meant.
fn written_names(doc: &Doc, list: &str, usual: Option<Vec<String>>, sink: &mut Sink<'_>) -> Option<Vec<String>> {
    if doc.cut {
        return None;
    }
    let Some(entry) = doc.written.get(list) else {
        return usual.filter(|_| doc.scope(sink).untried(&[], &[list]));
    };
    let sequence = matches!(entry.node.yaml, Yaml::Seq { .. });
    let name =
        |item: &Node| Some(item.get("name")?.node.text()?.to_string()).filter(|name| header_value(name).is_none());
    sequence.then(|| entry.node.items().iter().map(name).collect())?
}

/// What the calendar has that a document of tenants goes by: the one it names, else the only one, else one with nothing in it.
fn calendar_of<'k>(
    doc: &Doc,
    named: Option<&str>,
    (known, default): (&'k BTreeMap<String, Names>, &'k Names),
    complete: bool,
    sinks: &mut [Sink<'_>],
) -> Option<&'k Names> {
    match named {
        Some(name) => match known.get(name) {
            Some(names) => Some(names),
            None => {
                if complete {
                    let help = meant(name, known.keys().map(String::as_str).collect());
                    let at = check::at!["calendar"];
                    doc.scope(&mut sinks[doc.file]).error(at, &format!("there is no Calendar `{name}`"), help);
                }
                None
            }
        },
        None if known.is_empty() && complete => Some(default),
        None if known.len() > 1 => {
            let there: Vec<&str> = known.keys().map(String::as_str).collect();
            let message = format!("{} calendars are given, and `calendar` does not say which is meant", there.len());
            let help = format!("write `calendar:` with one of: {}", there.join(", "));
            doc.scope(&mut sinks[doc.file]).error(&[], &message, help);
            None
        }
        None => known.values().next(),
    }
}

impl Loaded {
    /// The Calendar an upgrade goes by: the one it names, or the only one.
    pub fn calendar_of(&self, upgrade: &UpgradeSpec) -> Option<&Calendar> {
        match &upgrade.calendar {
            Some(name) => self.calendars.iter().find(|c| c.name == *name),
            None => self.calendars.first().filter(|_| self.calendars.len() == 1),
        }
    }

    /// The Tenants an upgrade is for: those it names, or all that go by its Calendar.
    pub fn tenants_of(&self, upgrade: &UpgradeSpec) -> impl Iterator<Item = &Tenants> {
        let calendar = self.calendar_of(upgrade).map(|c| c.name.as_str());
        let same = move |t: &Tenants| t.spec.calendar.is_none() || t.spec.calendar.as_deref() == calendar;
        let named = upgrade.tenants.clone();
        self.tenants.iter().filter(move |t| named.as_ref().map_or_else(|| same(t), |name| t.name == *name))
    }

    /// The tenants that an upgrade moves one by one; nobody under a strategy that moves all at once.
    pub(super) fn movers(&self, upgrade: &UpgradeSpec) -> Vec<Tenant> {
        match upgrade.strategy {
            Strategy::Canary => Vec::new(),
            Strategy::Phased => self.tenants_of(upgrade).flat_map(|list| list.spec.tenants.iter().cloned()).collect(),
        }
    }
}
