//! Is there room for both versions at once?
//!
//! The server's dry run of a Deployment does not count its pods, so the namespace's quotas are read here.
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Findings, Snapshot};
use crate::cluster::json::{list, name, owner, strings, text};
use crate::cluster::next::wanted;
use crate::plan::Plan;

/// Holds each quota against what the run adds: as many new pods as there are old ones, for every service, since all
/// stay until the last has soaked, and those that stable rolls over with at the end.
pub(super) fn check(snapshot: &Snapshot, plan: &Plan, found: &mut Findings) {
    let mut added: BTreeMap<&str, f64> = BTreeMap::new();
    for planned in &plan.services {
        let is = |wanted: &str| snapshot.deployments.iter().find(|d| name(d) == wanted);
        let Some(stable) = is(&planned.service.workload.deployment) else { continue };
        // What this or another run already made is counted by the server.
        let made = is(&planned.service.next_deployment()).is_some_and(|d| owner(d, &planned.service.name).is_some());
        // At the end stable takes the new version over while the new pods still serve, a surge of its own at a time.
        let pods = f64::from(if made { 0 } else { wanted(stable) } + surge(stable));
        for (resource, one) in pod_needs(stable) {
            *added.entry(resource).or_default() += one * pods;
        }
    }
    for quota in &snapshot.quotas {
        let (hard, used) = (strings(quota, "/status/hard"), strings(quota, "/status/used"));
        for (resource, limit) in &hard {
            let more = added.get(resource.as_str()).copied().unwrap_or(0.0);
            let used = used.get(resource).and_then(|q| quantity(q)).unwrap_or(0.0);
            let Some(limit_value) = quantity(limit).filter(|limit| more > 0.0 && used + more > *limit) else {
                continue;
            };
            let what = format!(
                "quota {} allows {limit} of {resource}; {} are free and the run needs {} more",
                name(quota),
                show((limit_value - used).max(0.0)),
                show(more)
            );
            found.add(None, true, what, "raise the quota for the run, or upgrade fewer services at once".into());
        }
    }
}

/// Pods that a Deployment's rollout adds beyond its size, once none may be missing: `maxSurge`, rounded up, and at
/// least one.
fn surge(deployment: &Value) -> u32 {
    let surge = match deployment.pointer("/spec/strategy/rollingUpdate/maxSurge") {
        Some(Value::Number(n)) => n.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        Some(Value::String(percent)) => {
            let percent = percent.trim_end_matches('%').parse::<u32>().unwrap_or(25);
            wanted(deployment).saturating_mul(percent).div_ceil(100)
        }
        _ => 1,
    };
    surge.max(1)
}

/// What one pod of a Deployment takes of the resources that quotas know.
fn pod_needs(deployment: &Value) -> Vec<(&'static str, f64)> {
    let sum = |at: &str| -> f64 {
        let containers = list(deployment, "/spec/template/spec/containers").iter();
        containers.filter_map(|c| text(c, at).and_then(quantity)).sum()
    };
    let (cpu, memory) = (sum("/resources/requests/cpu"), sum("/resources/requests/memory"));
    vec![
        ("pods", 1.0),
        ("count/pods", 1.0),
        ("cpu", cpu),
        ("requests.cpu", cpu),
        ("memory", memory),
        ("requests.memory", memory),
        ("limits.cpu", sum("/resources/limits/cpu")),
        ("limits.memory", sum("/resources/limits/memory")),
    ]
}

/// A Kubernetes quantity in its base unit: `250m`, `1.5`, `512Mi`, `2G`, `1e3`.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("m", 1e-3),
        ("u", 1e-6),
        ("n", 1e-9),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|number| (number, *factor)))
        .unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|n| n * factor)
}

/// A quantity for a person.
fn show(value: f64) -> String {
    match value {
        v if v >= 1_048_576.0 => format!("{:.0}Mi", v / 1_048_576.0),
        v if v.fract() == 0.0 => format!("{v:.0}"),
        v => format!("{:.0}m", v * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_the_server_writes_them() {
        for (text, value) in [("250m", 0.25), ("1.5", 1.5), ("512Mi", 536_870_912.0), ("2G", 2e9), ("1e3", 1000.0)] {
            assert_eq!(quantity(text), Some(value), "{text}");
        }
        assert_eq!(quantity("lots"), None);
    }
}
