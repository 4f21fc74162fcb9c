//! Sentences about windows: what waits for one, what is held at the end of one, and when that changes.
use super::super::run::{Held, Run, Track};
use super::super::window::{Stay, endless, goes_back};
use super::NextChange;
use super::held::bare;
use super::sentence::{all_armed, armed, capital};
use crate::spec::units::{Dur, Time};

/// To the second within a day; beyond, days, hours and minutes.
fn countdown(at: Time, now: Time) -> String {
    let left = at.until(now);
    if left < Dur::hours(24) { left.clock() } else { Dur(left.0 - left.0 % 60_000).to_string() }
}

/// A run that was told to begin and may not yet.
pub fn run(run: &Run, waits: &Held, now: Time) -> (String, String) {
    let why = bare(&waits.text);
    let said = run.window.as_ref().filter(|w| w.later.is_some()).map(|w| format!(" {}", w.later_said));
    let (begins, brief) = match waits.until {
        Some(at) => {
            let left = countdown(at, now);
            (format!(" It begins{} in {left}.", said.unwrap_or_default()), format!(", begins in {left}"))
        }
        None => (String::new(), String::new()),
    };
    (
        format!("waits for its window: {why}.{begins} Nothing was changed."),
        format!("waits for its window{brief}: {why}"),
    )
}

/// A service that may not begin, or not go on.
pub fn service(run: &Run, track: &Track, held: &Held, now: Time) -> (String, String) {
    let (name, share, why) = (&track.service, track.accepted_share(), bare(&held.text));
    let left = |at: Time| countdown(at, now);
    let opens = opens(run).map(|(at, what)| format!(" {what} in {}.", left(at))).unwrap_or_default();
    if let Some(back) = goes_back(run, track) {
        return (
            format!("{name} held at {share:.0}%: {why}.{opens} Goes back in {} if it is still split.", left(back)),
            format!("{name} {share:.0}%: {why}, back in {}", left(back)),
        );
    }
    if share < 0.5 {
        return (format!("{name} waits for its window: {why}.{opens}"), format!("{name} waits for its window: {why}"));
    }
    (
        format!("{name} held at {share:.0}%: {why}.{opens} {}.", capital(armed(track))),
        format!("{name} {share:.0}%: {why}"),
    )
}

/// A person's freeze, while no service is held by it yet.
pub fn frozen(run: &Run, now: Time) -> Option<(String, String)> {
    let stay = run.frozen.as_ref()?;
    let (by, why, over) = (&stay.by, bare(&stay.reason), over(stay, now));
    Some((
        format!("frozen by {by} ({why}) {over}. Nothing begins, is raised or settles; {}.", all_armed(run)),
        format!("frozen by {by} {over} ({why})"),
    ))
}

fn over(stay: &Stay, now: Time) -> String {
    match stay.until {
        Some(at) => format!("for {} more", countdown(at, now)),
        None => "until somebody lifts it".into(),
    }
}

/// A person's freeze stands above everything: what is said of another cause says it first.
pub fn above(run: &Run, (long, short): (String, String), now: Time) -> (String, String) {
    match run.frozen.as_ref().filter(|stay| !long.contains(&format!("frozen by {}", stay.by))) {
        Some(stay) => {
            let lead = format!("frozen by {} {}", stay.by, over(stay, now));
            (format!("{lead}. {long}"), format!("frozen by {}; {short}", stay.by))
        }
        None => (long, short),
    }
}

/// What changes first for a service that is held by its window.
pub fn next(run: &Run, track: &Track, held: &Held, next: &mut NextChange) {
    next.recovers = false;
    match (goes_back(run, track), opens(run)) {
        (Some(back), opens) if opens.is_none_or(|(at, _)| back < at) => *next = back_at(track, back),
        (_, Some((at, what))) if what == WINDOW => (next.at, next.condition) = (Some(at), "its window opens".into()),
        (_, Some((at, _))) => (next.at, next.condition) = (Some(at), "the freeze ends".into()),
        (_, None) if endless(run) => (next.at, next.condition) = (None, "when the freeze is lifted".into()),
        (_, None) => (next.at, next.condition) = (held.until, "when its window opens".into()),
    }
}

/// What changes first while a person's freeze holds: what is split may have to go back before it is over.
pub fn next_frozen(run: &Run) -> NextChange {
    let until = run.frozen.as_ref().and_then(|f| f.until);
    let split = run.in_order().filter(|t| !t.phase.going_back() && !t.phase.is_final());
    let first = split.filter_map(|t| goes_back(run, t).map(|back| (back, t))).min_by_key(|(back, _)| back.0);
    match first.filter(|(back, _)| until.is_none_or(|until| *back < until)) {
        Some((back, track)) => back_at(track, back),
        None => NextChange { text: "it goes on when the freeze is over".into(), at: until, ..NextChange::default() },
    }
}

fn back_at(track: &Track, back: Time) -> NextChange {
    let text = format!("{} goes back", track.service);
    NextChange { text, at: Some(back), condition: "still split then".into(), ..NextChange::default() }
}

/// A run that nobody started, and that is put off all the same.
pub fn put_off(run: &Run, now: Time) -> Option<(String, String)> {
    let stay = run.deferred.as_ref()?;
    let left = stay.until.map(|at| format!(" for {} more", countdown(at, now))).unwrap_or_default();
    let brief = format!("put off by {}{left}", stay.by);
    Some((format!("{brief} ({}). Nothing was changed; start lifts that.", bare(&stay.reason)), brief))
}

const WINDOW: &str = "A window opens";

/// The next opening, or the end of a person's freeze where that is what is waited for; which of them. Nothing when a
/// freeze reaches beyond all that is known.
fn opens(run: &Run) -> Option<(Time, &'static str)> {
    let window = run.window.as_ref();
    let Some(stay) = &run.frozen else { return window.and_then(|w| w.opens).map(|at| (at, WINDOW)) };
    // A freeze without an end leaves nobody knowing.
    let until = stay.until?;
    match window {
        Some(w) if !w.open || w.until.is_some_and(|end| end <= until) => {
            w.opens.filter(|at| until <= *at).map(|at| (at, WINDOW))
        }
        _ => Some((until, "The freeze ends")),
    }
}
