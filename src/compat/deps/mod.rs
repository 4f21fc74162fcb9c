//! Versions of services beside each other: who needs whom in which range, in what order they may go, and over which
//! versions in between.
//!
//! # Layout
//! - [`window`] every moment of an upgrade, and what runs beside what in it
//! - [`order`] who must go before whom, waves, and circles with their reasons
//! - [`between`] a way out of a circle, one service and one version at a time
//! - [`honesty`] does the version say what changed
//! - [`path`] the cheapest way from one version to another over published ones
pub mod between;
pub mod honesty;
pub mod order;
pub mod path;
#[cfg(test)]
mod tests;
pub mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use semver::{Version, VersionReq};

use super::finding::fingerprint;
use super::{Area, Finding, Location, Place, Severity};
use crate::spec::upgrade::in_range;

/// What one version of a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub needs: Vec<Need>,
    /// The lowest version one may step from.
    pub min_from: Option<Version>,
    /// Versions that can run on what this one's migrations leave behind.
    pub rollback_to: Option<VersionReq>,
    pub migrations: Vec<Migration>,
    /// Where it is written.
    pub place: Option<Place>,
}

impl Contract {
    /// Says nothing.
    pub const EMPTY: Self =
        Self { needs: Vec::new(), min_from: None, rollback_to: None, migrations: Vec::new(), place: None };
}

/// A version of one service works with versions of another in a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub service: String,
    pub req: VersionReq,
    pub place: Option<Place>,
}

/// A change of the database that a version brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    pub id: String,
    pub phase: Phase,
    /// A contract phase takes away what this expand phase left standing.
    pub contracts: Option<String>,
    pub minutes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Expand,
    Backfill,
    Contract,
}

/// A service and where it goes. One that stays has `from` and `to` equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub service: String,
    pub from: Version,
    pub to: Version,
}

/// All that is known of a fleet's versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    pub moves: Vec<Move>,
    /// By service and version.
    pub contracts: BTreeMap<String, BTreeMap<Version, Contract>>,
}

impl Fleet {
    pub fn contract(&self, service: &str, version: &Version) -> Option<&Contract> {
        self.contracts.get(service)?.get(version)
    }

    fn needs(&self, service: &str, version: &Version) -> &[Need] {
        self.contract(service, version).map_or(&[], |c| &c.needs)
    }

    fn by_name(&self) -> BTreeMap<&str, &Move> {
        self.moves.iter().map(|m| (m.service.as_str(), m)).collect()
    }

    /// Names that are needed, and of which it is not known which version runs; each with who needs it, the later of its
    /// versions that do.
    pub fn unknown(&self) -> Vec<Unknown> {
        let known = self.by_name();
        let mut found = BTreeMap::new();
        for m in &self.moves {
            for version in BTreeSet::from([&m.from, &m.to]) {
                let needs = self.needs(&m.service, version).iter().filter(|n| !known.contains_key(n.service.as_str()));
                for n in needs {
                    let who = (m.service.clone(), n.service.clone());
                    let (service, other) = who.clone();
                    found.insert(who, Unknown { service, version: version.clone(), other, req: n.req.clone() });
                }
            }
        }
        found.into_values().collect()
    }
}

/// A service is needed, and which version of it runs is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Who needs it.
    pub service: String,
    pub version: Version,
    /// Who is needed.
    pub other: String,
    pub req: VersionReq,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unknown { service, version, other, req } = self;
        write!(f, "{service} {version} needs {other} {req}, and which version of it runs is not known here")
    }
}

/// Versions that a step up goes past, and the one it goes to, in order. A pre-release is passed over where its release is
/// among them: that brings what it brought.
pub fn crossed<'a, T>(
    published: &'a BTreeMap<Version, T>,
    from: &'a Version,
    to: &'a Version,
) -> Vec<(&'a Version, &'a T)> {
    if from >= to {
        return Vec::new();
    }
    let all: Vec<(&Version, &T)> = published.range(from..=to).filter(|(v, _)| *v != from).collect();
    let numbers = |v: &Version| (v.major, v.minor, v.patch);
    let released: BTreeSet<_> = all.iter().filter(|(v, _)| v.pre.is_empty()).map(|(v, _)| numbers(v)).collect();
    all.into_iter().filter(|(v, _)| v.pre.is_empty() || !released.contains(&numbers(v))).collect()
}

/// A finding about services rather than about two files. `about` stands in for the pointers in its fingerprint.
pub(super) fn finding(
    rule: &'static str,
    severity: Severity,
    area: Area,
    place: Option<&Place>,
    about: &str,
    message: String,
) -> Finding {
    let location = Location { base: None, revision: place.cloned() };
    let named = Place { file: String::new(), pointer: about.to_string(), line: None };
    Finding {
        rule,
        severity,
        direction: None,
        area,
        fingerprint: fingerprint(rule, None, &Location { base: Some(named), revision: place.cloned() }),
        location,
        affected: Vec::new(),
        message,
        details: Vec::new(),
        recommendation: None,
        of: None,
        waived: None,
        values: String::new(),
    }
}

/// Whether a version is in a range, and in words why not. Where no range is said, every version is, pre-releases too.
pub(super) fn out_of(req: &VersionReq, version: &Version) -> Option<String> {
    if in_range(req, version) {
        return None;
    }
    let released = Version::new(version.major, version.minor, version.patch);
    let only_pre = !version.pre.is_empty() && req.matches(&released);
    Some(match only_pre {
        true => format!("{version} is a pre-release, which `{req}` would have to name"),
        false => format!("{version} is not in `{req}`"),
    })
}
