//! Calendars: what a closing says fits together, and every name it uses is there.
use std::collections::BTreeSet;

use super::tenants::{meant, near};
use super::{Scope, Seg, at, header_value, repeated};
use crate::spec::calendar::{CalendarSpec, Closing};
use crate::spec::ics::is_file;
use crate::spec::units::Dur;

/// `ics`: names of the iCalendar files that were given.
pub fn check(calendar: &CalendarSpec, ics: &[String], scope: &mut Scope<'_, '_, '_>) {
    for (list, closings) in [("freezes", &calendar.freezes), ("blackouts", &calendar.blackouts)] {
        names(list, closings.iter().map(|c| c.name.as_str()), scope);
        for (i, closing) in closings.iter().enumerate() {
            extent(list, i, closing, ics, scope);
            let cohorts = calendar.cohorts.iter().map(|c| c.name.as_str()).collect();
            known(&[Seg::Key(list), Seg::Index(i), Seg::Key("cohorts")], "cohort", &closing.cohorts, cohorts, scope);
            nobody(list, i, &["cohorts", "regions", "tenants", "services"], scope);
        }
    }
    for i in 0..calendar.holidays.len() {
        nobody("holidays", i, &["regions"], scope);
    }
    names("holidays", calendar.holidays.iter().map(|h| h.name.as_str()), scope);
    names("seasons", calendar.seasons.iter().map(|s| s.name.as_str()), scope);
    names("slots", calendar.slots.iter().map(|s| s.name.as_str()), scope);
    names("cohorts", calendar.cohorts.iter().map(|c| c.name.as_str()), scope);
    for (i, season) in calendar.seasons.iter().enumerate() {
        for (field, empty) in [("months", season.months.is_empty()), ("days", season.days.is_empty())] {
            if empty && scope.written(at!["seasons", i], &[field]) {
                let help = "name at least one, or take the season out".to_string();
                scope.error(at!["seasons", i, field], "it forbids nothing", help);
            }
        }
    }
    let seasons: Vec<&str> = calendar.seasons.iter().map(|s| s.name.as_str()).collect();
    for (i, slot) in calendar.slots.iter().enumerate() {
        if slot.days.is_empty() && scope.written(at!["slots", i], &["days"]) {
            scope.error(
                at!["slots", i, "days"],
                "the slot opens on no day",
                "name at least one, such as [Tue]".to_string(),
            );
        }
        known(at!["slots", i, "seasons"], "season", &slot.seasons, seasons.clone(), scope);
    }
    cohorts(calendar, &seasons, scope);
    if calendar.stop_after_rollbacks == 0 {
        let help = "1 stops at the first rollback; 2 is usual".to_string();
        scope.error(at!["stop_after_rollbacks"], "after 0 rollbacks nothing would ever start", help);
    }
}

/// What other documents have, each where all of it is known.
#[derive(Default)]
pub struct There {
    pub services: Option<BTreeSet<String>>,
    pub tenants: Option<BTreeSet<String>>,
    /// Of the tenants.
    pub regions: Option<BTreeSet<String>>,
}

/// A closing that names what is nowhere in the files binds nobody: is that meant?
pub fn others(calendar: &CalendarSpec, there: &There, scope: &mut Scope<'_, '_, '_>) {
    for (list, closings) in [("freezes", &calendar.freezes), ("blackouts", &calendar.blackouts)] {
        for (i, closing) in closings.iter().enumerate() {
            let named = [
                ("services", &closing.services, &there.services, "no Fleet has a service"),
                ("tenants", &closing.tenants, &there.tenants, "there is no tenant"),
                ("regions", &closing.regions, &there.regions, NO_REGION),
            ];
            for (field, names, there, what) in named {
                absent(at![list, i, field], names, there.as_ref(), what, scope);
            }
        }
    }
    for (i, holiday) in calendar.holidays.iter().enumerate() {
        absent(at!["holidays", i, "regions"], &holiday.regions, there.regions.as_ref(), NO_REGION, scope);
    }
}

const NO_REGION: &str = "no tenant has the region";

/// A warning for each name that is not there.
fn absent(
    at: &[Seg<'_>],
    names: &[String],
    there: Option<&BTreeSet<String>>,
    what: &str,
    scope: &mut Scope<'_, '_, '_>,
) {
    let Some(there) = there else { return };
    for (n, name) in names.iter().enumerate().filter(|(_, name)| !there.contains(*name)) {
        scope.warn(&[at, at![n]].concat(), &format!("{what} `{name}`"), near(name, there));
    }
}

/// A list that leaves everybody out would be read as one that leaves nobody out.
fn nobody(list: &str, i: usize, fields: &[&str], scope: &mut Scope<'_, '_, '_>) {
    for field in fields {
        if scope.empty(at![list, i, *field]) {
            let help = format!("leave `{field}` out to bind all of them, or name at least one");
            scope.error(at![list, i, *field], "the list is empty", help);
        }
    }
}

fn cohorts(calendar: &CalendarSpec, seasons: &[&str], scope: &mut Scope<'_, '_, '_>) {
    if calendar.cohorts.is_empty() {
        let help = "take the line out for internal, beta, standard, premium, enterprise".to_string();
        scope.error(at!["cohorts"], "no cohort is listed", help);
    }
    for (i, cohort) in calendar.cohorts.iter().enumerate() {
        // It is one where a service tells cohorts by a header.
        if let Some((what, help)) = header_value(&cohort.name).filter(|_| !cohort.name.trim().is_empty()) {
            scope.error(
                at!["cohorts", i, "name"],
                &format!("`{}` cannot be a cohort's name: {what}", cohort.name),
                help,
            );
        }
        if cohort.per_day == Some(0) {
            let help = "leave it out for no limit".to_string();
            scope.error(at!["cohorts", i, "per_day"], "0 a day are never done", help);
        }
        if cohort.bake == Dur::ZERO && i + 1 < calendar.cohorts.len() {
            let help = "a day or more is usual".to_string();
            scope.warn(at!["cohorts", i, "bake"], "the next cohort follows at once", help);
        }
        if scope.empty(at!["cohorts", i, "windows"]) {
            let help = "list at least one, or leave `windows` out for Sunday 02:00 to 06:00".to_string();
            scope.error(at!["cohorts", i, "windows"], "no window is listed", help);
        }
        for (w, window) in cohort.windows.iter().enumerate() {
            if window.days.is_empty() && scope.written(at!["cohorts", i, "windows", w], &["days"]) {
                let help = "name at least one, such as [Sun]".to_string();
                scope.error(at!["cohorts", i, "windows", w, "days"], "the window opens on no day", help);
            }
        }
        known(at!["cohorts", i, "seasons"], "season", &cohort.seasons, seasons.to_vec(), scope);
    }
}

/// Names of one list: none is empty, each stands once.
fn names<'n>(list: &str, names: impl Iterator<Item = &'n str> + Clone, scope: &mut Scope<'_, '_, '_>) {
    for (i, name) in names.clone().enumerate() {
        if name.trim().is_empty() && scope.written(&[Seg::Key(list), Seg::Index(i)], &["name"]) {
            scope.error(&[Seg::Key(list), Seg::Index(i), Seg::Key("name")], "the name is empty", None);
        }
    }
    for (i, first) in repeated(names).into_iter() {
        let line = scope.locate(&[Seg::Key(list), Seg::Index(first)]).1.line;
        let at = [Seg::Key(list), Seg::Index(i), Seg::Key("name")];
        scope.error(&at, &format!("the name is taken by the one on line {line}"), None);
    }
}

fn known(at: &[Seg<'_>], what: &str, names: &[String], there: Vec<&str>, scope: &mut Scope<'_, '_, '_>) {
    for (i, name) in names.iter().enumerate().filter(|(_, n)| !there.contains(&n.as_str())) {
        let at: Vec<Seg<'_>> = at.iter().copied().chain([Seg::Index(i)]).collect();
        scope.error(&at, &format!("there is no {what} `{name}`"), meant(name, there.clone()));
    }
}

fn extent(list: &str, i: usize, closing: &Closing, ics: &[String], scope: &mut Scope<'_, '_, '_>) {
    let at = [Seg::Key(list), Seg::Index(i)];
    let field = |name| [Seg::Key(list), Seg::Index(i), Seg::Key(name)];
    if !scope.untried(&at, &["from", "to", "dates", "ics"]) {
        return;
    }
    let said = [closing.from.is_some() || closing.to.is_some(), closing.dates.is_some(), closing.ics.is_some()];
    let ways = "write `from:` and `to:`, or `dates:`, or `ics:`".to_string();
    match said.iter().filter(|s| **s).count() {
        0 => scope.error(&at, "it does not say when", ways),
        1 => {}
        _ => scope.error(&at, "it says in more than one way when", ways),
    }
    match (closing.from, closing.to) {
        (Some(from), Some(to)) if to <= from => {
            scope.error(&field("to"), "it is not after `from`", "`to` is the first instant after".to_string());
        }
        (Some(_), None) => {
            scope.error(&field("from"), "there is no `to`", "add `to:`, the first instant after".to_string())
        }
        (None, Some(_)) => {
            scope.error(&field("to"), "there is no `from`", "add `from:`, the first instant".to_string())
        }
        _ => {}
    }
    if closing.zone.is_some() && closing.dates.is_none() {
        scope.error(&field("zone"), "only `dates` has a zone", "take it out".to_string());
    }
    if let Some(file) = &closing.ics
        && !ics.iter().any(|name| is_file(name, file))
    {
        let help =
            if ics.is_empty() { "give the file, too, by -f".into() } else { format!("given: {}", ics.join(", ")) };
        scope.error(&field("ics"), &format!("no file `{file}` was given"), help);
    }
}
