//! Tenants: who is upgraded, and when they allow it. A file may hold a hundred thousand of them.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::canonical;
use super::when::{Clock, Date, Dates, Weekday, Weekdays, Zone};

/// Who is upgraded, each in a window of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantsSpec {
    /// Name of the Calendar with their cohorts, seasons, freezes and blackouts. Left out: the only one in the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Who they are; each id once.
    pub tenants: Vec<Tenant>,
}

/// A named list of tenants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tenants {
    pub name: String,
    #[serde(flatten)]
    pub spec: TenantsSpec,
}

/// A list of tenants without the tenants: what it is called, how many they are, and what stands for every word of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub name: String,
    pub count: usize,
    /// SHA-256 in hex over the canonical JSON of each tenant, in order.
    pub sha256: String,
}

impl Tenants {
    pub fn listed(&self) -> Listed {
        let mut hasher = Sha256::new();
        for tenant in &self.spec.tenants {
            // Texts, numbers and lists: that always serialises.
            hasher.update(canonical::of(tenant).unwrap_or_default().as_bytes());
            hasher.update([0]);
        }
        let sha256 = canonical::hex(&hasher.finalize());
        Listed { name: self.name.clone(), count: self.spec.tenants.len(), sha256 }
    }
}

/// One tenant. What it leaves out is its cohort's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// What it is called by programs: letters, digits, `-`, `_` and `.`.
    pub id: Box<str>,
    /// What it is called by people. Left out: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// The time zone its windows and dates are in, by IANA name.
    pub zone: Zone,
    /// Its tier: one of the Calendar's cohorts.
    #[serde(default = "standard")]
    pub cohort: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// When it may be upgraded; several are one. Left out: its cohort's, else Sunday 02:00 to 06:00.
    #[serde(default, skip_serializing_if = "none")]
    pub windows: Box<[Window]>,
    /// Dates on which it may not, besides its cohort's.
    #[serde(default, skip_serializing_if = "none")]
    pub exclude: Box<[Dates]>,
    /// Seasons of the Calendar that bind it, besides its cohort's.
    #[serde(default, skip_serializing_if = "none")]
    pub seasons: Box<[Box<str>]>,
    /// Where it is on the globe: the south has the months of a season half a year later.
    #[serde(default)]
    pub hemisphere: Hemisphere,
    /// Services it uses. Left out: all.
    #[serde(default, skip_serializing_if = "none")]
    pub services: Box<[Box<str>]>,
    /// Whom to tell.
    #[serde(default, skip_serializing_if = "none")]
    pub contacts: Box<[Contact]>,
    /// It is upgraded at the first fit on or after this date.
    #[serde(default, rename = "preferredDate", skip_serializing_if = "Option::is_none")]
    pub preferred_date: Option<Date>,
}

fn none<T>(list: &[T]) -> bool {
    list.is_empty()
}

fn standard() -> Box<str> {
    "standard".into()
}

/// A maintenance window: it opens on each of these weekdays. An end that is not after the start is on the next day; both
/// the same is one whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Weekdays it opens on, such as [Sun].
    pub days: Weekdays,
    pub start: Clock,
    pub end: Clock,
}

impl Default for Window {
    /// Sunday 02:00 to 06:00.
    fn default() -> Window {
        let clock = |hour| Clock::of(hour, 0).unwrap_or(Clock::MIDNIGHT);
        Window { days: [Weekday::Sun].into_iter().collect(), start: clock(2), end: clock(6) }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hemisphere {
    /// Months of a season as they are written.
    #[default]
    North,
    /// Half a year later.
    South,
}

/// A way to tell somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// A mail address.
    Email(Box<str>),
    /// A channel, such as `#acme-upgrades`.
    Slack(Box<str>),
    /// A routing key's name.
    Pagerduty(Box<str>),
    /// A URL that is posted to.
    Webhook(Box<str>),
}
