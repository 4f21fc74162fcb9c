//! Tenants that are moved by a route of their own, while everybody else stays where the weights send them.
use serde::{Deserialize, Serialize};

/// What tells a tenant's requests from others.
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

/// A tenant, or tenants that move together: all their requests go to the new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRule {
    /// The tenant's id or the cohort's name.
    pub name: String,
    pub by: MatchBy,
    /// Values of the header, one of which a request carries: tenants' ids, one cohort's name, hosts.
    pub values: Vec<String>,
}

/// A rule as it stands in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRuleSeen {
    pub rule: TenantRule,
    /// It stands before every weighted rule of the service, exactly as it was written. False: somebody edited it.
    pub intact: bool,
}
