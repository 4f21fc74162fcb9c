//! `pilothouse windows -f`: the windows of all tenants and slots, by next opening.
use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::{TextOrJson, WindowsArgs};
use super::out::{self, Rows};
use super::tenants;
use super::windows::{allowed, change_json, change_text, instant, look_json, needs, utc};
use crate::calendar::{self, Allowed, Book, Change, LOOK, Outlook, Reason, Rule, View};
use crate::spec::units::{Dur, Time};

/// A row: a tenant, or a slot of the calendar.
struct Row<'r> {
    id: &'r str,
    cohort: &'r str,
    group: usize,
}

/// What is the same for all rows that have the same rules.
struct Answer {
    look: Outlook,
    reasons: Vec<Reason>,
    /// Changes of its clock within [`LOOK`].
    changes: Vec<Change>,
}

/// The list as a program reads it.
#[derive(Serialize)]
struct List<R> {
    at: String,
    needs: Option<String>,
    tz: &'static str,
    windows: R,
}

/// Lists tenants and slots.
///
/// # Errors
/// Files or flags that cannot be used.
pub fn list(args: &WindowsArgs, now: Time, out: &mut dyn Write) -> Result<()> {
    let files = tenants::load(&args.files)?;
    let now = args.at.as_deref().map_or(Ok(now), instant)?;
    let needs = needs(args.needs.as_deref())?;
    let all = files.tenants();
    let book = Book::new(&files.calendar, &files.loaded.ics, now);
    let groups = book.groups(all.iter().copied(), now);
    let slots: Vec<Allowed> = files.calendar.slots.iter().map(|slot| book.slot(slot)).collect();
    let clocks: Vec<calendar::ZoneClock> = slots.iter().map(|s| calendar::clock(s.zone, now)).collect();
    let tenants = all.iter().zip(&groups.of).map(|(tenant, group)| Row {
        id: &tenant.id,
        cohort: &tenant.cohort,
        group: usize::try_from(*group).unwrap_or(0),
    });
    let named = files.calendar.slots.iter().enumerate();
    let mut rows: Vec<Row<'_>> = tenants.collect();
    rows.extend(named.map(|(i, slot)| Row { id: &slot.name, cohort: "slot", group: groups.allowed.len() + i }));
    let views: Vec<(View<'_>, &Allowed)> = groups
        .allowed
        .iter()
        .enumerate()
        .map(|(i, allowed)| (groups.view(i), allowed))
        .chain(slots.iter().zip(&clocks).map(|(slot, clock)| (View { clock, rules: &slot.rules }, slot)))
        .collect();
    let answers: Vec<Answer> = views.iter().map(|(view, allowed)| answer(view, allowed, now, needs)).collect();
    // Open ones first, by their end; then by next opening; then those that never open.
    rows.sort_by_key(|row| {
        let look = &answers[row.group].look;
        let when = if look.in_window { look.next_end } else { look.next_start };
        (!look.in_window, when.is_none(), when, row.id)
    });
    match args.output {
        TextOrJson::Text => text(&rows, &views, &answers, (now, needs), args.explain, out),
        TextOrJson::Json => {
            let rows = rows.iter().map(|row| json_row(row, &views, &answers, now, args.explain));
            let list = List {
                at: utc(now),
                needs: needs.map(|d| d.to_string()),
                tz: calendar::tz_version(),
                windows: Rows::new(rows),
            };
            Ok(out::pretty(out, &list)?)
        }
    }
}

fn answer(view: &View<'_>, allowed: &Allowed, now: Time, needs: Option<Dur>) -> Answer {
    let reasons = calendar::explain(view, &allowed.closures, now, needs);
    Answer { look: view.outlook(now, needs), reasons, changes: view.clock.changes(now, now + LOOK) }
}

/// One word for a row.
fn state(answer: &Answer) -> &'static str {
    match answer.reasons.iter().find(|r| !r.allows).map(|r| r.rule) {
        None => "OPEN",
        Some(Rule::Time | Rule::Season | Rule::Window) if answer.look.earliest_fit.is_none() => {
            // It is or gets open, and never for as long as is needed.
            if answer.look.in_window || answer.look.next_start.is_some() { "too long" } else { "not 400d" }
        }
        Some(Rule::Time) => "too late",
        Some(Rule::Freeze) => "FROZEN",
        Some(Rule::Blackout) => "blackout",
        Some(Rule::Season) => "season",
        Some(Rule::Window) => "waits",
    }
}

fn windows(view: &View<'_>) -> String {
    view.rules.windows.iter().map(calendar::said).collect::<Vec<_>>().join(", ")
}

fn text(
    rows: &[Row<'_>],
    views: &[(View<'_>, &Allowed)],
    answers: &[Answer],
    (now, needs): (Time, Option<Dur>),
    explain: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let width = rows.iter().map(|r| r.id.len()).max().unwrap_or(0).max(6);
    let open = answers_of(rows, answers).filter(|a| a.look.in_window).count();
    writeln!(out, "{} windows at {}, {open} open (tz {})\n", rows.len(), utc(now), calendar::tz_version())?;
    writeln!(
        out,
        "{:<width$}  {:<12}  {:<24}  {:<28}  {:<9}  {:<21}  NEXT END",
        "TENANT", "COHORT", "WINDOW (THEIRS)", "THEIR NOW", "STATE", "NEXT START"
    )?;
    for row in rows {
        let ((view, rules), answer) = (&views[row.group], &answers[row.group]);
        let at = |at: Option<Time>| at.map_or_else(|| format!("not within {LOOK}"), utc);
        let line = format!(
            "{:<width$}  {:<12}  {:<24}  {:<28}  {:<9}  {:<21}  {}",
            row.id,
            row.cohort,
            windows(view),
            view.clock.read(now),
            state(answer),
            at(answer.look.next_start),
            at(answer.look.next_end)
        );
        writeln!(out, "{}", line.trim_end())?;
        for reason in answer.reasons.iter().filter(|r| explain && !r.allows) {
            writeln!(out, "{:<width$}  {}: {}", "", reason.rule.name(), reason.text)?;
        }
        if explain && answer.reasons.iter().any(|r| !r.allows) {
            let when = allowed(view, &rules.closures, now, needs, &answer.look, &answer.reasons);
            writeln!(out, "{:<width$}  {when}", "")?;
        }
        for change in answer.changes.iter().filter(|c| explain && !view.touched(c).is_empty()) {
            writeln!(out, "{:<width$}  clock: {}", "", change_text(view, change))?;
        }
    }
    Ok(())
}

fn answers_of<'a>(rows: &'a [Row<'_>], answers: &'a [Answer]) -> impl Iterator<Item = &'a Answer> {
    rows.iter().map(|row| &answers[row.group])
}

fn json_row(row: &Row<'_>, views: &[(View<'_>, &Allowed)], answers: &[Answer], now: Time, explain: bool) -> Value {
    let ((view, allowed), answer) = (&views[row.group], &answers[row.group]);
    let mut out = look_json(&answer.look, view.clock, now);
    out.insert("id".into(), row.id.into());
    out.insert("cohort".into(), row.cohort.into());
    out.insert("zone".into(), allowed.zone.to_string().into());
    out.insert("window".into(), windows(view).into());
    out.insert("state".into(), state(answer).into());
    out.insert("clockChanges".into(), answer.changes.iter().map(|c| change_json(view, c)).collect());
    if explain {
        let reasons = answer.reasons.iter().map(|r| json!({"rule": r.rule, "allows": r.allows, "text": r.text}));
        out.insert("explain".into(), reasons.collect());
    }
    out.into()
}
