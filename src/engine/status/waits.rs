//! Sentences about windows: what waits for one, what is held at the end of one, and when that changes.
use super::super::run::{Held, Run, Track};
use super::NextChange;
use super::held::bare;
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
    let opens = opens(run).map(|at| format!(" A window opens in {}.", left(at))).unwrap_or_default();
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
        format!("{name} held at {share:.0}%: {why}.{opens} Automatic rollback is armed."),
        format!("{name} {share:.0}%: {why}"),
    )
}

/// A person's freeze, while no service is held by it yet.
pub fn frozen(run: &Run, now: Time) -> Option<(String, String)> {
    let stay = run.frozen.as_ref()?;
    let (by, why) = (&stay.by, bare(&stay.reason));
    let over = match stay.until {
        Some(at) => format!("for {} more", countdown(at, now)),
        None => "until somebody lifts it".into(),
    };
    Some((
        format!("frozen by {by} ({why}) {over}. Nothing begins, is raised or settles; automatic rollback is armed."),
        format!("frozen by {by} {over} ({why})"),
    ))
}

/// What changes first for a service that is held by its window.
pub fn next(run: &Run, track: &Track, held: &Held, next: &mut NextChange) {
    next.recovers = false;
    match (goes_back(run, track), opens(run)) {
        (Some(back), opens) if opens.is_none_or(|at| back < at) => {
            next.text = format!("{} goes back", track.service);
            (next.at, next.condition) = (Some(back), "still split then".into());
        }
        (_, Some(at)) => (next.at, next.condition) = (Some(at), "its window opens".into()),
        (_, None) => (next.at, next.condition) = (held.until, "when its window opens".into()),
    }
}

fn goes_back(run: &Run, track: &Track) -> Option<Time> {
    track.split_since.map(|since| since + run.plan.policy.max_split_hold)
}

/// The next opening, unless a person's freeze reaches beyond it.
fn opens(run: &Run) -> Option<Time> {
    match (&run.frozen, &run.window) {
        (Some(stay), None) => stay.until,
        (Some(stay), Some(w)) => stay.until.filter(|until| w.open && w.until.is_none_or(|end| *until < end)).or(
            // A freeze without an end leaves nobody knowing.
            w.opens.filter(|at| stay.until.is_some_and(|until| until <= *at)),
        ),
        (None, w) => w.as_ref().and_then(|w| w.opens),
    }
}
