//! What is known of whether these versions may go out: part of the plan, so that it is hashed, shown and kept with it.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a check of the contracts said of this plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Critical ones and warnings, the worst first; then those that the CompatPolicy leaves out.
    pub findings: Vec<Told>,
    /// How many more there are: of a fleet where everything breaks not all are kept in the plan.
    #[serde(default)]
    pub more: u32,
    /// Digest of the fingerprints of all of them, so that the plan's hash is over all.
    #[serde(default)]
    pub digest: String,
    /// How many are merely worth knowing.
    pub infos: u32,
    /// How many parts could not be compared.
    pub not_compared: u32,
    /// Those of them that are kept in the plan: what it is, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Told>,
    /// Service to its migrations, in order.
    #[serde(default)]
    pub migrations: BTreeMap<String, Vec<Migration>>,
    /// Service to how it would best be moved.
    #[serde(default)]
    pub advice: BTreeMap<String, Advice>,
    /// Ways over versions in between, where a step is barred.
    #[serde(default)]
    pub detours: Vec<String>,
}

/// A finding, as far as somebody has to know it who decides whether to begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub fingerprint: String,
    pub rule: String,
    pub critical: bool,
    pub service: Option<String>,
    pub message: String,
    /// From which version to which, and the event or migration.
    #[serde(default)]
    pub change: Option<String>,
    /// Why it weighs what it does, what it breaks for whom, ways out: sentence by sentence.
    #[serde(default)]
    pub details: Vec<String>,
    /// Operations that are reached, or services of a circle.
    #[serde(default)]
    pub affected: Vec<String>,
    /// How many more of them there are: of a fleet where all is reached by all, not all are kept in the plan.
    #[serde(default)]
    pub unnamed: u32,
    /// Services with the version that is reached.
    #[serde(default)]
    pub consumers: Vec<String>,
    /// File, line and pointer, of the newer side where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The older side, where there are two.
    #[serde(default)]
    pub was_at: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// Who accepted it, why, and until when.
    #[serde(default)]
    pub waived: Option<String>,
    /// The same of a waiver whose last day is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<String>,
    /// What the CompatPolicy makes of it, and by which line, where it weighs otherwise than by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overruled: Option<String>,
    /// The CompatPolicy switches its rule off, or makes a mere note of it: it neither bars nor warns.
    #[serde(default)]
    pub off: bool,
}

/// In the place of a rule where nothing was compared.
pub const UNSEEN: &str = "not-compared";

impl Told {
    /// Nothing was found because nothing was compared: a person has to look.
    pub fn is_unseen(&self) -> bool {
        self.rule == UNSEEN
    }

    /// Stands in the way: critical, accepted by nobody, and its rule is on.
    pub fn bars(&self) -> bool {
        self.critical && self.waived.is_none() && !self.off
    }
}

/// A change of a database that a version brings along. People run it: the engine does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub id: String,
    /// `expand`, `backfill` or `contract`.
    pub phase: String,
    /// It runs when all services have soaked.
    pub deferred: bool,
    /// It can be taken back.
    pub reversible: bool,
}

/// How a service would best be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Something critical stands in the way.
    Blocked,
    /// Its database in two releases, the code with growing traffic.
    ExpandContract,
    Canary,
    /// In the order its neighbours ask for.
    Phased,
    /// All at once, with the old version kept.
    BlueGreen,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Way::Blocked => "blocked",
            Way::ExpandContract => "expand-contract",
            Way::Canary => "canary",
            Way::Phased => "phased",
            Way::BlueGreen => "blue-green",
        }
    }
}

/// A way, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    pub way: Way,
    pub why: String,
}

/// What decides how a service is moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    pub barred: bool,
    /// There is no contract of one of its two versions, so nothing was held against anything.
    pub not_compared: bool,
    /// It takes something out of its database.
    pub contracts: bool,
    /// A major version is crossed.
    pub major: bool,
    /// Something may break somebody.
    pub warned: bool,
    /// Much stands on it.
    pub core: bool,
    /// It goes before or after others.
    pub ordered: bool,
}

/// The way for these signs. Only canary is built; the others are told as what would do.
pub fn advise(signs: Signs) -> Advice {
    let (way, why) = match signs {
        Signs { barred: true, .. } => (Way::Blocked, "something critical stands in the way"),
        Signs { contracts: true, .. } => (Way::ExpandContract, "it takes something out of its database"),
        Signs { major: true, .. } => (Way::Canary, "a major version is crossed"),
        Signs { warned: true, .. } => (Way::Canary, "something may break somebody"),
        Signs { core: true, .. } => (Way::Canary, "much stands on it"),
        Signs { not_compared: true, .. } => (Way::Canary, "what it changes is not known: it was not compared"),
        Signs { ordered: true, .. } => (Way::Phased, "nothing but an order is asked for"),
        _ => (Way::BlueGreen, "nothing is changed that anybody relies on"),
    };
    Advice { way, why: why.to_string() }
}

impl Verdict {
    /// What stands in the way: critical, and accepted by nobody.
    pub fn barring(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|f| f.bars())
    }

    /// What was accepted all the same.
    pub fn accepted(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|f| f.waived.is_some())
    }

    /// What is left to think of: no more than a warning, accepted by nobody.
    pub fn warnings(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|f| !f.critical && f.waived.is_none() && !f.off)
    }

    /// What weighs otherwise than by itself, or nothing, because the CompatPolicy says so.
    pub fn overruled(&self) -> impl Iterator<Item = (&Told, &str)> {
        self.findings.iter().filter_map(|f| Some((f, f.overruled.as_deref()?)))
    }

    /// What the CompatPolicy leaves out.
    pub fn left_out(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|f| f.off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_sign_decides() {
        let none = Signs::default();
        for (signs, way) in [
            (none, Way::BlueGreen),
            (Signs { ordered: true, ..none }, Way::Phased),
            (Signs { core: true, ordered: true, ..none }, Way::Canary),
            (Signs { not_compared: true, ..none }, Way::Canary),
            (Signs { not_compared: true, ordered: true, ..none }, Way::Canary),
            (Signs { major: true, contracts: true, ..none }, Way::ExpandContract),
            (Signs { barred: true, contracts: true, ..none }, Way::Blocked),
        ] {
            assert_eq!(advise(signs).way, way, "{signs:?}");
        }
    }
}
