//! What is closed: everything the Calendar closes, and what of it reaches one tenant.
use std::collections::BTreeMap;

use super::super::tenants::Tenants;
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::{Line, piece};
use crate::calendar::{LOOK, Rule};
use crate::spec::calendar::Closing;
use crate::spec::ics::{IcsFile, Moment, is_file};
use crate::spec::units::{Dur, Time};

/// Closures that are longer are told by their dates.
const BRIEF: Dur = Dur::hours(48);

/// What closes a tenant from now on, in order: names of the Calendar's closings with their dates, and dates of its own.
pub(super) fn closed_texts(tenants: &Tenants, index: usize, now: Time) -> Vec<String> {
    let (view, zone) = (tenants.view(index), Zone(tenants.view(index).clock.zone().0));
    let day = |t: Time| zone.show(t, "%F");
    let until = |from: Time, to: Time| {
        let last = Time(to.0 - 1);
        // What is over within a day or two is told to the minute, unless it is whole days.
        let whole = [from, to].into_iter().all(|t| zone.minute(t) == "00:00");
        if !whole && to.since(from) < BRIEF {
            let end = if day(from) == day(to) { zone.minute(to) } else { zone.show(to, "%F %H:%M") };
            return format!("{} {}-{end}", day(from), zone.minute(from));
        }
        if day(from) == day(last) { day(from) } else { format!("{}..{}", day(from), day(last)) }
    };
    let closures = &tenants.allowed(index).closures;
    // A rule of an iCalendar file closes again and again: it is named once, with what comes next of it.
    let mut ahead: BTreeMap<(Rule, &str), Vec<(Time, Time)>> = BTreeMap::new();
    for closure in closures {
        let next = closure.stretches(view.clock).into_iter().find(|(from, to)| *to > now && *from <= now + LOOK);
        ahead.entry((closure.rule, &closure.name)).or_default().extend(next);
    }
    let mut named: Vec<(Time, String)> = Vec::new();
    for ((_, name), stretches) in ahead {
        let Some((from, to)) = stretches.iter().min().copied() else { continue };
        let more = match stretches.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more times within {LOOK}"),
        };
        named.push((from, format!("{name} {}{more}", until(from, to))));
    }
    let local = |d: &crate::spec::when::Dates| {
        closures.iter().any(|c| matches!(c.extent, crate::calendar::Extent::Local(of) if of == *d))
    };
    let own = view.rules.excluded.iter().filter(|d| !local(d) && d.last >= view.clock.date(now.0));
    let own = own.filter_map(|d| view.clock.stretches(*d).first().map(|(from, _)| (*from, format!("{d} (its own)"))));
    named.extend(own);
    named.sort();
    named.into_iter().map(|(_, text)| text).collect()
}

/// Everything the Calendar closes, with whom it binds.
pub(super) fn closings(tenants: &Tenants, zone: Zone) -> Vec<Line> {
    let spec = &tenants.roster().calendar.spec;
    let mut lines = Vec::new();
    let whom = |lists: [(&str, &[String]); 4]| {
        let some: Vec<String> =
            lines_of(&lists).into_iter().map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
        if some.is_empty() { "everybody".to_string() } else { some.join("; ") }
    };
    let mut add = |rule: &str, meaning, name: &str, when: String, whom: String| {
        let head = piece(meaning, format!("{rule:<9}"));
        lines.push(vec![
            head,
            piece(Meaning::Title, format!("{name:<18} ")),
            piece(Meaning::Text, format!("{when}: {whom}")),
        ]);
    };
    let closings = [("freeze", Meaning::Bad, &spec.freezes), ("blackout", Meaning::Warn, &spec.blackouts)];
    for (rule, meaning, list) in closings {
        for c in list {
            let when = extent(c, zone);
            let lists = [
                ("cohorts", &c.cohorts[..]),
                ("regions", &c.regions[..]),
                ("tenants", &c.tenants[..]),
                ("services", &c.services[..]),
            ];
            add(rule, meaning, &c.name, when, whom(lists));
        }
    }
    // A file that no closing names is a blackout for everybody.
    let named = |file: &IcsFile| {
        spec.freezes.iter().chain(&spec.blackouts).filter_map(|c| c.ics.as_deref()).any(|n| is_file(&file.name, n))
    };
    for file in tenants.roster().ics.iter().filter(|f| !named(f)) {
        for event in &file.events {
            let again = if event.rule.is_some() { ", again and again" } else { "" };
            let when = format!("from {}{again}, as {} says", start(event.start, zone), file.name);
            add("blackout", Meaning::Warn, &event.name, when, "everybody".into());
        }
    }
    for h in &spec.holidays {
        let lists = [("regions", &h.regions[..]), ("", &[]), ("", &[]), ("", &[])];
        add("holiday", Meaning::Warn, &h.name, h.dates.to_string(), whom(lists));
    }
    for s in &spec.seasons {
        let when = format!("no {} in months {}", s.days, s.months);
        add("season", Meaning::Text, &s.name, when, "whoever names it".into());
    }
    if lines.is_empty() {
        lines.push(vec![piece(Meaning::Dim, "no freeze, blackout, holiday or season is set")]);
    }
    lines
}

/// When a closing of the Calendar holds.
fn extent(c: &Closing, zone: Zone) -> String {
    match (c.from, c.to, c.dates, &c.ics) {
        (Some(from), Some(to), ..) => {
            let at = |t: Time| zone.show(t, "%a %F %H:%M");
            format!("{} to {} {}", at(from.0), at(to.0), zone.label(to.0))
        }
        (_, _, Some(dates), _) => match c.zone {
            Some(zone) => format!("{dates} {zone}"),
            None => format!("{dates}, each on its own clock"),
        },
        (.., Some(file)) => format!("as {file} says"),
        _ => String::new(),
    }
}

fn start(moment: Moment, zone: Zone) -> String {
    match moment {
        Moment::Date(date) => date.to_string(),
        Moment::Local(wall, of) => format!("{} {of}", Zone::UTC.show(Time(wall), "%a %F %H:%M")),
        Moment::Utc(at) => format!("{} {}", zone.show(at, "%a %F %H:%M"), zone.label(at)),
    }
}

fn lines_of<'a>(lists: &[(&'a str, &'a [String]); 4]) -> Vec<(&'a str, &'a [String])> {
    lists.iter().filter(|(_, names)| !names.is_empty()).copied().collect()
}
