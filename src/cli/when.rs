//! What `pilothouse plan` says of when: whose slots bind, how much of one is needed, when it fits.
use std::path::Path;

use serde_json::{Value, json};

use super::windows::utc;
use crate::calendar::{Book, LOOK, Platform};
use crate::journal::past_durations;
use crate::plan::{NeedsFrom, Past, Plan, Roster, When};
use crate::spec::units::Time;

/// Earlier runs that are looked at; services change, and so does how long they take.
const PAST: usize = 20;

/// Takes the times of earlier runs under the same policy, where there are enough.
pub fn learn(plan: &mut Plan, state_dir: &Path) {
    if plan.when.is_none() {
        return;
    }
    let past = past_durations(state_dir, &plan.fleet, &plan.environment.name);
    let alike = past.iter().filter(|run| run.policy == plan.policy_name).take(PAST);
    let past: Vec<Past<'_>> = alike.map(|run| &run.services).collect();
    plan.learn(&past);
}

/// When a plan may begin at the earliest.
struct Look {
    platform: Platform,
    open: bool,
    fit: Option<Time>,
}

fn look(plan: &Plan, when: &When, now: Time) -> Look {
    let services: Vec<&str> = plan.services.iter().map(|p| p.service.name.as_str()).collect();
    let platform = Platform::of(&when.calendar.spec, &when.ics, &services, now);
    let from = when.preferred.map_or(now, |date| platform.begins(date).max(now));
    let (open, fit) = (platform.open(now), platform.earliest_fit(from, when.needs.run));
    Look { platform, open, fit }
}

/// Tenants whose own windows would not let the run through at that time.
fn closed_then(roster: &Roster, when: &When, at: Time) -> usize {
    let book = Book::new(&roster.calendar.spec, &roster.ics, at);
    let groups = book.groups(roster.tenants.iter(), at);
    let fits: Vec<bool> = (0..groups.allowed.len()).map(|g| groups.view(g).fits(at, when.needs.run)).collect();
    let closed = |group: &&u32| usize::try_from(**group).is_ok_and(|g| fits.get(g) == Some(&false));
    groups.of.iter().filter(closed).count()
}

/// Lines for a person; none without a Calendar.
pub fn text(plan: &Plan, tenants: Option<&Roster>, now: Time) -> String {
    let Some(when) = &plan.when else { return String::new() };
    let Look { platform, open, fit } = look(plan, when, now);
    let slots = platform.said();
    let slots = if slots.is_empty() { "any time that nothing is closed".into() } else { slots.join("; ") };
    let mut out = format!("\nCalendar {}: {slots}\n", when.calendar.name);
    if !open {
        let why = platform.why(now);
        out.push_str(&format!("Closed now by {}: {}\n", why.rule.name(), why.text));
    }
    if let Some(date) = when.preferred {
        out.push_str(&format!("Not before {date}, as preferredDate says\n"));
    }
    let moves = plan.services.iter().find_map(|p| p.phased.as_ref());
    if let Some(phased) = moves {
        let (needs, hold, reserve) = (phased.needs(&plan.policy), phased.hold(), plan.policy.rollback_reserve);
        out.push_str(&format!(
            "A tenant's move needs {needs} of its own window: {hold} judged, {reserve} for a rollback\n"
        ));
    }
    let (whose, what) =
        if moves.is_some() { ("the window that all share", "New pods fit") } else { ("a window", "Fits") };
    out.push_str(&format!("Needs {} of {whose}: {}\n", when.needs.run, from(plan, when)));
    out.push_str(&match fit {
        Some(at) if at <= now => format!("{what} now\n"),
        Some(at) => format!("{what} at the earliest {} ({})\n", platform.read(at), utc(at)),
        None => {
            let from = when.preferred.map_or(now, |date| platform.begins(date).max(now));
            let (why, change) = platform.against(from, when.needs.run);
            format!("{what} not within {LOOK}: {why}; {change}\n")
        }
    });
    for list in &when.tenants {
        let few = &list.sha256[..12.min(list.sha256.len())];
        out.push_str(&format!("Tenants {}: {}, content {few}\n", list.name, list.count));
    }
    // Where all move one by one, each has its own window.
    let at_once = plan.services.iter().any(|p| p.phased.is_none());
    if let (Some(at), Some(roster)) = (fit.filter(|_| at_once), tenants)
        && let closed @ 1.. = closed_then(roster, when, at)
    {
        let all = roster.tenants.len();
        let text = format!(
            "Then {closed} of {all} tenants have no window that is long enough: a warning, since the slots decide for what \
             they share; `pilothouse windows -f` names them\n"
        );
        out.push_str(&text);
    }
    out
}

/// What the needed time is made of.
fn from(plan: &Plan, when: &When) -> String {
    let reserve = plan.policy.rollback_reserve;
    // Its tenants move in windows of their own.
    let steps = if plan.services.iter().all(|p| p.phased.is_some()) { "the last step" } else { "steps" };
    match when.needs.from {
        NeedsFrom::Steps if plan.policy.soak_in_window => format!("warm-up, {steps}, soak, {reserve} for a rollback"),
        NeedsFrom::Steps => format!("warm-up, {steps}, {reserve} for a rollback"),
        NeedsFrom::P90 { runs } => format!("nine of ten of {runs} earlier runs, {reserve} for a rollback"),
    }
}

/// For a program; null without a Calendar.
pub fn json(plan: &Plan, tenants: Option<&Roster>, now: Time) -> Value {
    let Some(when) = &plan.when else { return Value::Null };
    let Look { platform, open, fit } = look(plan, when, now);
    json!({
        "calendar": when.calendar.name, "slots": platform.said(), "tz": when.tz, "open": open,
        "closed_by": (!open).then(|| platform.why(now).rule), "preferred_date": when.preferred.map(|d| d.to_string()),
        "needs_seconds": when.needs.run.as_secs_f64(), "needs_from": when.needs.from,
        "tenant_needs_seconds": plan.services.iter().find_map(|p| p.phased.as_ref()).map(|f| f.needs(&plan.policy).as_secs_f64()),
        "earliest_fit": fit.map(utc),
        "tenants_closed_then": fit.zip(tenants).map(|(at, roster)| closed_then(roster, when, at)),
        "tenants": when.tenants.iter().map(|t| json!({"name": t.name, "count": t.count})).collect::<Vec<_>>(),
    })
}
