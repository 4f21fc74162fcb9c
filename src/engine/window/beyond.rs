//! No window within what is looked ahead: why, and what to do about it.
use super::super::run::Run;
use super::{endless, put_off};
use crate::calendar::{LOOK, Platform};
use crate::plan::When;
use crate::spec::units::Time;

/// No look ahead finds a window that is long enough, and no person's word is all that stands against it: why, and what to
/// do.
pub fn never(run: &Run) -> Option<(String, String)> {
    let why = run.waits.as_ref().and_then(|_| too_short(run))?;
    let (window, when) = (run.window.as_ref()?, run.plan.when.as_ref()?);
    let from = window.preferred.max(put_off(run)).map_or(window.looked, |at| at.max(window.looked));
    let (_, change) = platform(run, when, window.looked).against(from, when.needs.run);
    Some((why, change))
}

/// The window that all share, for questions about `now` and what is looked ahead.
pub fn platform(run: &Run, when: &When, now: Time) -> Platform {
    let services: Vec<&str> = run.plan.services.iter().map(|p| p.service.name.as_str()).collect();
    Platform::of(&when.calendar.spec, &when.ics, &services, now)
}

pub fn too_short(run: &Run) -> Option<String> {
    let when = run.plan.when.as_ref()?;
    let window = run.window.as_ref()?;
    let far = |at: Option<Time>| at.is_some_and(|at| at > window.looked + LOOK);
    if window.later.is_some() || endless(run) || far(put_off(run)) {
        return None;
    }
    Some(match when.preferred.filter(|_| far(window.preferred)) {
        Some(date) => format!("it is not to begin before {date}, and 400 days are looked ahead"),
        None => format!("no window within 400 days is open for {}, which the run needs", when.needs.run),
    })
}
