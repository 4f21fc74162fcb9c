//! Tenants that are moved by a route of their own, while everybody else stays where the weights send them.
use serde::{Deserialize, Serialize};

use crate::spec::fleet::Routed;

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

impl TenantRule {
    /// The rule by which these tenants move together, as a service with routed tenancy tells them. `name` is the
    /// tenant's id, or the cohort's name.
    pub fn of(routed: &Routed, name: &str, tenants: &[&str]) -> TenantRule {
        let ids = || tenants.iter().map(|id| id.to_string());
        let (by, values) = match routed {
            Routed::Header(header) => (MatchBy::Header(header.clone()), ids().collect()),
            Routed::Host(host) => (MatchBy::Host, ids().map(|id| host.replace("{tenant}", &id)).collect()),
            Routed::Cohort(header) => (MatchBy::Header(header.clone()), vec![name.to_string()]),
        };
        TenantRule { name: name.into(), by, values }
    }
}

/// A rule as it stands in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRuleSeen {
    pub rule: TenantRule,
    /// It stands before every weighted rule of the service, exactly as it was written. False: somebody edited it.
    pub intact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_told_as_the_service_says() {
        let of = |routed: Routed| TenantRule::of(&routed, "beta", &["acme", "lumen"]);
        let by_id = of(Routed::Header("x-tenant".into()));
        assert_eq!((by_id.by.header(), by_id.values.join(" ").as_str()), ("x-tenant", "acme lumen"));
        let by_host = of(Routed::Host("{tenant}.shop.example".into()));
        assert_eq!((by_host.by.header(), by_host.values[0].as_str()), ("Host", "acme.shop.example"));
        let by_cohort = of(Routed::Cohort("x-cohort".into()));
        assert_eq!((by_cohort.by.header(), by_cohort.values), ("x-cohort", vec!["beta".to_string()]));
    }
}
