//! Kubernetes: workloads, routes, watches, lease, preflight.
pub mod json;
pub mod wire;
pub mod selector;
pub mod merge;
pub mod http_route;
pub mod next;
#[cfg(test)]
pub mod fake;
