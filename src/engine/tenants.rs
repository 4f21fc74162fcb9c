//! Tenants that are moved by a route of their own, while everybody else stays where the weights send them.
use serde::{Deserialize, Serialize};

pub use crate::plan::moves::{MatchBy, TenantRule};

/// A rule as it stands in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRuleSeen {
    pub rule: TenantRule,
    /// It stands before every weighted rule of the service, exactly as it was written. False: somebody edited it.
    pub intact: bool,
}
