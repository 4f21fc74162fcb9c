//! How pods of one version misbehave.

use super::store::Key;
use super::traffic::Profile;
use super::world::{Due, World};

/// What a pod answers when its `/metrics` is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAnswer {
    /// The text format.
    #[default]
    Text,
    /// 500.
    Error,
    /// 200 with a page of HTML, as a login portal in between would answer.
    Html,
    /// Nothing. The direct port hangs; through the API server's proxy it is 504 at once, so that virtual
    /// time need not wait.
    Hang,
}

/// A version's misbehaviour. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// Fraction of requests answered 5xx, when above the healthy one (0.05 to 0.2 %).
    pub error_ratio: f64,
    /// 95th percentile of the latency in seconds, when above 0; else the service's own (0.12 to 0.32 s).
    pub p95_s: f64,
    /// Containers exit shortly after they start.
    pub crash: bool,
    /// Readiness probes fail.
    pub unready: bool,
    /// The image cannot be pulled.
    pub image_missing: bool,
    pub metrics: MetricsAnswer,
}

impl World {
    pub(super) fn fault_of(&self, service: &str, version: &str) -> Fault {
        self.faults.get(&(service.to_string(), version.to_string())).cloned().unwrap_or_default()
    }

    /// How pods of a version answer now: the service's healthy self, or its fault where that is worse.
    pub(super) fn profile_of(&self, service: &str, version: &str) -> Profile {
        let fault = self.fault_of(service, version);
        let healthy_errors = 0.0005 + 0.0015 * self.seed.fraction(&format!("errors/{service}"));
        let healthy_p95 = 0.12 + 0.20 * self.seed.fraction(&format!("p95/{service}"));
        let p95 = if fault.p95_s > 0.0 { fault.p95_s } else { healthy_p95 };
        Profile::new(healthy_errors.max(fault.error_ratio), p95)
    }

    /// Gives running pods of a version their new profile and has their readiness looked at within a second.
    pub(super) fn faults_changed(&mut self, service: &str, version: &str) {
        let profile = self.profile_of(service, version);
        for pod in self.traffic.pods.values_mut() {
            if pod.service == service && pod.version == version {
                pod.profile = profile.clone();
            }
        }
        let pods: Vec<(Key, String)> = self
            .store
            .list("pods", "")
            .filter(|p| {
                super::kubelet::identity(p) == (service.to_string(), version.to_string())
                    && p.pointer("/status/containerStatuses/0/state/running").is_some()
            })
            .map(|p| (super::store::key_of(p), super::objects::uid(p)))
            .collect();
        let crash = self.fault_of(service, version).crash;
        for (key, uid) in pods {
            let after = self.seed.between(&format!("probe/{uid}/{}", self.now), 200, 950);
            let due = if crash { Due::PodCrash(key, uid) } else { Due::PodProbe(key, uid) };
            self.later(after, due);
        }
    }
}
