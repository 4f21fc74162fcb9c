//! Tenants and segments that are sent to the next version by rules of their own, while everybody else goes where the
//! weights send them.
use serde::{Deserialize, Serialize};

pub use crate::plan::rules::{MatchBy, MatchRule};

/// A rule as it stands in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRuleSeen {
    pub rule: MatchRule,
    /// It stands before every weighted rule of the service, exactly as it was written. False: somebody edited it.
    pub intact: bool,
}

/// What a write makes of a route's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Exactly these stand afterwards; none takes them all away.
    pub rules: Vec<MatchRule>,
    /// Names of those that must stand there now, or the write is refused.
    pub expect: Vec<String>,
    /// Rules and values are only taken away, nobody is added.
    #[serde(default)]
    pub lowers: bool,
}
