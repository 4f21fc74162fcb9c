//! Match rules: requests that carry a header all go to the next version, whatever the weights say to everybody else.
//!
//! Who is told so is either tenants that move one after the other ([`super::moves`]), or segments of users that go first
//! under the strategy `canary`: from the first weight until the last.
use serde::{Deserialize, Serialize};

use super::{PlanError, Planned};
use crate::spec::fleet::Routed;
use crate::spec::upgrade::{Segment, UpgradeSpec};

/// What tells the requests of some from those of others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchBy {
    /// A header of this name, set by the clients or at the edge.
    Header(String),
    /// The host that was asked for: the `Host` header, `:authority` in HTTP/2.
    Host,
}

impl MatchBy {
    /// Name of the header to match on.
    pub fn header(&self) -> &str {
        match self {
            MatchBy::Header(name) => name,
            MatchBy::Host => "Host",
        }
    }
}

/// A tenant, tenants that move together, or a segment of users: all their requests go to the new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRule {
    /// The tenant's id, the cohort's name, or the segment's.
    pub name: String,
    pub by: MatchBy,
    /// Values of the header, one of which a request carries: tenants' ids, one cohort's name, kinds of users, hosts.
    pub values: Vec<String>,
}

impl MatchRule {
    /// The rule by which these tenants move together, as a service with routed tenancy tells them. `name` is the
    /// tenant's id, or the cohort's name.
    pub fn of_tenants(routed: &Routed, name: &str, tenants: &[&str]) -> MatchRule {
        let ids = || tenants.iter().map(|id| id.to_string());
        let (by, values) = match routed {
            Routed::Header(header) => (MatchBy::Header(header.clone()), ids().collect()),
            Routed::Host(host) => (MatchBy::Host, ids().map(|id| host.replace("{tenant}", &id)).collect()),
            Routed::Cohort(header) => (MatchBy::Header(header.clone()), vec![name.to_string()]),
        };
        MatchRule { name: name.into(), by, values }
    }

    /// The rule of a segment of users.
    pub fn of_segment(segment: &Segment) -> MatchRule {
        let by = segment.header.clone().map_or(MatchBy::Host, MatchBy::Header);
        MatchRule { name: segment.name.clone(), by, values: segment.matched().collect() }
    }

    /// Such as `beta (x-user-type: tester, staff)`, with at most three of its values.
    pub fn said(&self) -> String {
        let shown: Vec<&str> = self.values.iter().take(3).map(String::as_str).collect();
        let more = self.values.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{} ({}: {}{more})", self.name, self.by.header(), shown.join(", "))
    }
}

/// The rules of the segments that go first on a service, as the file lists them.
pub(super) fn of_segments(upgrade: &UpgradeSpec, service: &str) -> Vec<MatchRule> {
    let here = |s: &&Segment| s.services.is_empty() || s.services.iter().any(|name| name == service);
    upgrade.segments.iter().filter(here).map(MatchRule::of_segment).collect()
}

/// A segment on services that the upgrade leaves alone is a mistake, which shows only once a release has said what goes.
pub(super) fn all_go_somewhere(upgrade: &UpgradeSpec, services: &[Planned]) -> Result<(), PlanError> {
    let idle = |s: &&Segment| !services.iter().any(|p| p.segments.iter().any(|rule| rule.name == s.name));
    upgrade.segments.iter().find(idle).map_or(Ok(()), |s| Err(PlanError::IdleSegment(s.name.clone())))
}

/// Whose rules those of a service are, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Tenants,
    Segments,
}

impl Whose {
    /// One of them.
    pub fn one(self) -> &'static str {
        match self {
            Whose::Tenants => "tenant",
            Whose::Segments => "segment",
        }
    }

    /// As before `rules`.
    pub fn genitive(self) -> &'static str {
        match self {
            Whose::Tenants => "tenants'",
            Whose::Segments => "segments'",
        }
    }
}

impl Planned {
    /// Whose rules stand in the route of this service, if any do.
    pub fn whose(&self) -> Whose {
        if self.segments.is_empty() { Whose::Tenants } else { Whose::Segments }
    }
}

/// Names of segments for a person: `segment beta`, `segments beta and internal`, `segments a, b and 2 more`.
pub fn segments_said<'r>(names: impl Iterator<Item = &'r str>) -> Option<String> {
    let all: Vec<&str> = names.collect();
    match all.as_slice() {
        [] => None,
        [a] => Some(format!("segment {a}")),
        [a, b] => Some(format!("segments {a} and {b}")),
        [a, b, c] => Some(format!("segments {a}, {b} and {c}")),
        [a, b, more @ ..] => Some(format!("segments {a}, {b} and {} more", more.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str) -> Segment {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_segment_is_a_rule_by_header_or_by_host() {
        let by_header =
            MatchRule::of_segment(&segment(r#"{"name":"beta","header":"x-user-type","values":["tester","staff"]}"#));
        assert_eq!(by_header.by, MatchBy::Header("x-user-type".into()));
        assert_eq!(by_header.values, ["tester", "staff"]);
        let by_host =
            MatchRule::of_segment(&segment(r#"{"name":"in","host":"{value}.shop.example","values":["staff"]}"#));
        assert_eq!((by_host.by, by_host.values), (MatchBy::Host, vec!["staff.shop.example".to_string()]));
    }

    #[test]
    fn a_rule_is_said_with_a_few_of_its_values() {
        let all = segment(r#"{"name":"beta","header":"x-user","values":["a","b","c","d"]}"#);
        assert_eq!(MatchRule::of_segment(&all).said(), "beta (x-user: a, b, c and 1 more)");
    }

    #[test]
    fn names_are_counted_where_they_are_many() {
        let said = |names: &[&str]| segments_said(names.iter().copied());
        assert_eq!(said(&[]), None);
        assert_eq!(said(&["a"]).unwrap(), "segment a");
        assert_eq!(said(&["a", "b"]).unwrap(), "segments a and b");
        assert_eq!(said(&["a", "b", "c"]).unwrap(), "segments a, b and c");
        assert_eq!(said(&["a", "b", "c", "d"]).unwrap(), "segments a, b and 2 more");
    }
}
