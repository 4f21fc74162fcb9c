//! The Calendar: when nobody is upgraded, and in what order and how many at a time the others are.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tenants::{Hemisphere, Window};
use super::units::Dur;
use super::when::{Clock, Dates, Instant, Months, Weekdays, Zone};

/// What stands above all tenants: freezes, blackouts, holidays, seasons; deployment slots; cohorts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// The zone days are counted in, for caps per day; without slots also that of dates that close what all tenants share.
    #[serde(default = "utc")]
    pub zone: Zone,
    /// Nobody is upgraded; above everything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Closing>,
    /// Not now, for a reason of the business.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<Closing>,
    /// Dates that count as blackouts, in each tenant's own zone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
    /// Weekdays that are forbidden in some months.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<Season>,
    /// Weekly slots in which what all tenants share is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// In the order in which they are upgraded.
    #[serde(default = "cohorts")]
    pub cohorts: Vec<Cohort>,
    /// After this many rollbacks in a campaign no further tenant is upgraded.
    #[serde(default = "two")]
    pub stop_after_rollbacks: u32,
}

/// A named calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    pub name: String,
    #[serde(flatten)]
    pub spec: CalendarSpec,
}

/// A freeze or a blackout: `from` and `to`, or `dates`, or an `ics` file. Who it binds: everybody, less those that a list
/// leaves out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    pub name: String,
    /// First instant, such as 2026-12-18T18:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// First instant after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
    /// A date, or a range with both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<Dates>,
    /// The zone of `dates`. Left out: each tenant's own; for what all tenants share each slot's, without slots the
    /// Calendar's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// An iCalendar file among the given ones, by the end of its path: every event in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ics: Option<String>,
    /// Only tenants of these cohorts. Left out: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<String>,
    /// Only tenants of these regions. Left out: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Only these tenants, by id. Left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Only tenants that use one of these services. Left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    pub name: String,
    pub dates: Dates,
    /// Only tenants of these regions. Left out: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
}

/// Weekdays that are forbidden in some months, by each tenant's own dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Season {
    pub name: String,
    /// As the north has them: 1 is January.
    pub months: Months,
    pub days: Weekdays,
}

/// A weekly slot in which what all tenants share is deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    pub name: String,
    #[serde(default = "utc")]
    pub zone: Zone,
    pub days: Weekdays,
    pub start: Clock,
    pub end: Clock,
    /// Why then, for a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Seasons in which it is closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<String>,
    #[serde(default)]
    pub hemisphere: Hemisphere,
    /// Dates on which it is closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Dates>,
    /// Closed on holidays, whatever their regions.
    #[serde(default)]
    pub not_on_holidays: bool,
}

/// Tenants that are upgraded together, and what its tenants leave out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    pub name: String,
    /// How long the next cohort waits after the last tenant of this one is done.
    #[serde(default = "day")]
    pub bake: Dur,
    /// Tenants that are begun on one day at most. Left out: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    #[serde(default)]
    pub bind: Bind,
    /// When tenants that say nothing may be upgraded. Left out: Sunday 02:00 to 06:00.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Dates on which none of them may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Dates>,
    /// Seasons that bind all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// Each tenant in its own window.
    #[default]
    Own,
    /// All at once, when the windows of all are open.
    Intersection,
}

fn utc() -> Zone {
    Zone::UTC
}

fn two() -> u32 {
    2
}

fn day() -> Dur {
    Dur::hours(24)
}

/// The cohorts of a calendar that lists none.
fn cohorts() -> Vec<Cohort> {
    ["internal", "beta", "standard", "premium", "enterprise"].map(Cohort::named).to_vec()
}

impl Cohort {
    /// One that leaves everything to the defaults.
    pub fn named(name: &str) -> Cohort {
        Cohort {
            name: name.into(),
            bake: day(),
            per_day: None,
            bind: Bind::Own,
            windows: Vec::new(),
            exclude: Vec::new(),
            seasons: Vec::new(),
        }
    }
}

impl Default for CalendarSpec {
    fn default() -> CalendarSpec {
        CalendarSpec {
            zone: utc(),
            freezes: Vec::new(),
            blackouts: Vec::new(),
            holidays: Vec::new(),
            seasons: Vec::new(),
            slots: Vec::new(),
            cohorts: cohorts(),
            stop_after_rollbacks: two(),
        }
    }
}
