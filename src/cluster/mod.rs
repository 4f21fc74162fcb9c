//! Kubernetes: workloads, routes, watches, lease, preflight.
