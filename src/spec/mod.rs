//! What did people write? Fleet, Policy, Upgrade, Tenants and Calendar files: types, validation, JSON Schema.
//!
//! # Layout
//! - [`units`] the values people write: durations, weights, ratios, limits; and the [`units::Time`] all pure rooms use
//! - [`when`] the values people write about time: zones, dates, weekdays
//! - [`fleet`], [`policy`], [`upgrade`], [`tenants`], [`calendar`], [`contract`] one file per kind; [`image`] what a cluster makes of an
//!   image's name
//! - [`ics`] the events of iCalendar files
//! - [`load()`]: YAML text (`tree`) is checked for shape (`structure`, against [`schema()`]), then for meaning
//!   (`check`); [`report`] holds everything that is wrong
//! - [`presets()`] the policies that come with the program
//! - [`people`] when two names are two people
//! - [`waive`] an entry more in a CompatPolicy that people keep
//! - [`canonical`] one text for one value, so that plans and records can be hashed and signed
pub mod calendar;
pub mod canonical;
mod check;
pub mod contract;
pub mod fleet;
pub mod ics;
pub mod image;
mod load;
mod nearest;
pub mod people;
pub mod policy;
mod presets;
pub mod report;
mod schema;
mod structure;
pub mod tenants;
mod tenants_read;
mod tree;
pub mod units;
pub mod upgrade;
pub mod waive;
pub mod when;

use serde::{Deserialize, Serialize};

pub use calendar::Calendar;
pub use check::{header_value, is_header};
pub use fleet::{Environment, Fleet, Service};
pub use load::{Loaded, MAX_FILE, load, load_known, load_to_try};
pub use nearest::nearest;
pub use policy::Policy;
pub use presets::presets;
pub use report::{Problem, Report, Severity, SourceFile, report_of};
pub use schema::{KINDS, schema};
pub use tenants::{Tenant, Tenants};
pub use upgrade::Upgrade;

/// The one `apiVersion` this program reads.
pub const API_VERSION: &str = "pilothouse.dev/v1alpha1";

/// One upgrade with everything it refers to, after validation: every reference in it resolves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    pub fleet: Fleet,
    pub environment: Environment,
    pub policy: Policy,
    pub upgrade: Upgrade,
    /// What says when; without one nothing binds.
    #[serde(default)]
    pub calendar: Option<Calendar>,
    /// iCalendar files among the given ones.
    #[serde(default)]
    pub ics: Vec<ics::IcsFile>,
    #[serde(default)]
    pub tenants: Vec<tenants::Listed>,
    /// Who moves one by one, under the strategy that does so.
    #[serde(default)]
    pub movers: Vec<Tenant>,
}
