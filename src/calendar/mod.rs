//! When is it allowed? Windows on a zone's own clock, what rules them out, and why.
//!
//! # Layout
//! - [`zone`] a zone's clock: instants to what the wall reads, and back
//! - [`window`] open or not, since when, until when, and when something fits
//! - [`outlook`] all of that at once
//! - [`book`] a Calendar, and what it allows each tenant
//! - [`platform`] when a run that all tenants share may go on: several slots as one window
//! - [`campaign`] every tenant once, cohort after cohort, one at a time on a `line`; [`meet`] when several can at once;
//!   [`turn`] whose turn it is in one that is on its way
//! - [`reasons`] why a tenant is not upgraded earlier; [`export`] a schedule as an iCalendar file
//! - [`recur`] events of other calendars as stretches that are closed
//! - [`why`] which rule stands against it, in order of precedence
pub mod book;
#[cfg(test)]
mod brute;
pub mod campaign;
#[cfg(test)]
mod cases;
pub mod export;
mod later;
#[cfg(test)]
mod laws;
mod line;
pub mod meet;
pub mod outlook;
pub mod platform;
pub mod reasons;
pub mod recur;
pub mod turn;
pub mod why;
pub mod window;
pub mod zone;

pub use book::{Allowed, Book, Groups};
pub use outlook::{Outlook, Touched};
pub use platform::Platform;
pub use why::{Closure, Extent, Reason, Rule, explain, said};
pub use window::{LOOK, Rules, Season, View, Weekly};
pub use zone::{Change, ZoneClock};

use crate::spec::units::{Dur, Time};
use crate::spec::when::Zone;
pub use crate::spec::when::tz_version;

/// A clock that knows its changes wherever a question asked between `now` and `now` + [`LOOK`] may lead.
pub fn clock(zone: Zone, now: Time) -> ZoneClock {
    let margin = Dur::hours(24 * 5);
    ZoneClock::around(zone, now - LOOK - margin, now + LOOK + LOOK + margin)
}
