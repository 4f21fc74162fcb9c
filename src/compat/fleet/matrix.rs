//! Which published versions may run beside each other, by what their contracts say.
use semver::{Version, VersionReq};
use serde::Serialize;

use super::Registry;
use crate::compat::deps::out_of;

/// A version that needs another service, and one version of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub service: String,
    pub version: Version,
    pub other: String,
    pub beside: Version,
    /// Why they may not; none if they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Every pair of published versions of which one needs the other; by service and version.
pub fn pairs(registry: &Registry) -> Vec<Pair> {
    let mut found = Vec::new();
    for (service, versions) in &registry.services {
        for (version, published) in versions {
            for depend in &published.contract.spec.depends {
                let Ok(req) = VersionReq::parse(&depend.req) else { continue };
                for beside in registry.services.get(&depend.service).into_iter().flat_map(|v| v.keys()) {
                    found.push(Pair {
                        service: service.clone(),
                        version: version.clone(),
                        other: depend.service.clone(),
                        beside: beside.clone(),
                        why: out_of(&req, beside),
                    });
                }
            }
        }
    }
    found
}
