//! What was seen of the cluster, reduced to what decisions rest on.
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rules::MatchRuleSeen;
use crate::spec::units::Time;

/// Which of the two versions of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    Stable,
    Next,
}

impl Slot {
    pub fn other(self) -> Slot {
        match self {
            Slot::Stable => Slot::Next,
            Slot::Next => Slot::Stable,
        }
    }
}

/// Who wrote an object: `run/epoch/seq` as carried in `owner.pilothouse.dev/<service>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerMark {
    pub run: String,
    pub epoch: u64,
    pub seq: u64,
}

impl OwnerMark {
    /// Reads `run/epoch/seq`.
    pub fn parse(text: &str) -> Option<OwnerMark> {
        let mut parts = text.split('/');
        let (run, epoch, seq) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && !run.is_empty()).then(|| OwnerMark { run: run.into(), epoch, seq })
    }
}

impl std::fmt::Display for OwnerMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.run, self.epoch, self.seq)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    Workload(WorkloadSeen),
    Route(RouteSeen),
    /// A critical service outside this run, and whether any pod of it is ready.
    Bystander {
        service: String,
        ready: u32,
        wanted: u32,
    },
}

/// One Deployment and its pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadSeen {
    pub service: String,
    pub slot: Slot,
    /// `None`: there is no such Deployment.
    pub deployment: Option<DeploymentSeen>,
    /// Pods of its current ReplicaSets, by name; terminating ones included.
    pub pods: Vec<PodSeen>,
    /// The slot's Service exists and selects these pods.
    pub service_exists: bool,
    /// What that Service selects instead, or besides. Journals of before it was watched say nothing of it.
    #[serde(default, skip_serializing_if = "Front::is_own")]
    pub front: Front,
}

/// Whose pods the Service of a slot selects. Whatever a route says, requests go where its Services lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Front {
    /// Those of its slot.
    #[default]
    Own,
    /// Those of both versions.
    Both,
    /// Those of the other version only.
    Other,
    /// Those of neither.
    Nothing,
    /// There is no such Service.
    Gone,
}

impl Front {
    pub fn is_own(&self) -> bool {
        *self == Front::Own
    }

    /// Requests to the Service come to pods of its slot.
    pub fn reaches_own(self) -> bool {
        matches!(self, Front::Own | Front::Both)
    }

    /// They come to those of the other version.
    pub fn reaches_other(self) -> bool {
        matches!(self, Front::Other | Front::Both)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentSeen {
    pub uid: String,
    pub generation: i64,
    pub observed_generation: i64,
    /// `spec.replicas`.
    pub wanted: u32,
    pub replicas: u32,
    pub updated: u32,
    pub ready: u32,
    pub available: u32,
    /// Image of the upgraded container in the template.
    pub image: String,
    pub progress: DeploymentProgress,
    pub owner: Option<OwnerMark>,
}

impl DeploymentSeen {
    /// The controller has seen the newest spec and every wanted pod is of it and available. READY n/n alone says
    /// nothing: it counts old pods of a failed rollout.
    pub fn rolled_out(&self) -> bool {
        self.observed_generation >= self.generation
            && self.updated == self.wanted
            && self.replicas == self.updated
            && self.available == self.updated
            && !matches!(self.progress, DeploymentProgress::DeadlineExceeded(_))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentProgress {
    Progressing,
    /// `Progressing=False`, with the condition's message.
    DeadlineExceeded(String),
    /// `ReplicaFailure=True`, such as a quota.
    ReplicaFailure(String),
    Paused,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PodSeen {
    pub name: String,
    pub ready: bool,
    pub restarts: u32,
    /// Reason of a waiting container: `CrashLoopBackOff`, `ImagePullBackOff`.
    pub waiting: Option<String>,
    /// What really runs: `registry/name@sha256:…`.
    pub image_id: Option<String>,
    pub started_at: Option<Time>,
    pub terminating: bool,
}

/// One service's share of an HTTPRoute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteSeen {
    pub service: String,
    pub uid: String,
    /// `None`: there is no such route, or no rule of it holds the stable Service.
    pub weights: Option<Weights>,
    /// Where in the route they stand, for the command a person types when this program cannot write.
    #[serde(default)]
    pub backends: Vec<BackendSeen>,
    /// Tenants and segments that are sent to the next version by rules of their own. In force once `accepted` is `Yes`.
    /// Journals of before there were segments say `tenants`.
    #[serde(default, alias = "tenants", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MatchRuleSeen>,
    /// One of these rules asks for nothing any more that tells requests apart: it takes everybody's, whatever the weights say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    pub accepted: Accepted,
    pub owner: Option<OwnerMark>,
    pub generation: i64,
    /// Field manager of the last spec write, to name who edited by hand.
    pub writer: Option<String>,
}

impl RouteSeen {
    /// Share of the next version in per cent, of the requests that no rule of a tenant or a segment takes; 0 where no weight
    /// can be read.
    pub fn share(&self) -> f64 {
        if self.everybody { 100.0 } else { self.weights.map_or(0.0, Weights::share) }
    }

    /// Rules of ours, by their place in the route, that send another share to the next version than [`RouteSeen::weights`],
    /// which are those of the rule that sends it most; with that share in per cent.
    pub fn apart(&self) -> Vec<(usize, u32)> {
        let Some(counts) = self.weights else { return Vec::new() };
        let mut rules: Vec<(usize, Weights)> = Vec::new();
        for b in &self.backends {
            // Journals of before weights were kept with their places know of none.
            let Some(weight) = b.weight else { return Vec::new() };
            if rules.last().is_none_or(|(rule, _)| *rule != b.rule) {
                rules.push((b.rule, Weights { stable: 0, next: None }));
            }
            let Some((_, weights)) = rules.last_mut() else { continue };
            match b.slot {
                Slot::Stable => weights.stable = weight,
                Slot::Next => weights.next = Some(weight),
            }
        }
        let other = rules.into_iter().filter(|(_, w)| (w.share() - counts.share()).abs() >= 0.5);
        other.map(|(rule, w)| (rule, w.share().round() as u32)).collect()
    }
}

/// One backend of a rule that carries the service's traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendSeen {
    pub slot: Slot,
    /// Index of the rule in the route, and of the backend in the rule.
    pub rule: usize,
    pub index: usize,
    /// As the API counts it: a missing one is 1.
    #[serde(default)]
    pub weight: Option<u32>,
}

impl BackendSeen {
    /// Where it stands in the route, as a JSON pointer.
    pub fn path(&self) -> String {
        format!("/spec/rules/{}/backendRefs/{}", self.rule, self.index)
    }
}

/// Weights of the two backends as written. They are relative; [`Weights::share`] is what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    pub stable: u32,
    /// `None`: the next Service is not a backend yet.
    pub next: Option<u32>,
}

impl Weights {
    /// Share of the next version in per cent. A route whose weights are all 0 sends nothing anywhere: share 0.
    pub fn share(self) -> f64 {
        let next = f64::from(self.next.unwrap_or(0));
        let all = next + f64::from(self.stable);
        if all == 0.0 { 0.0 } else { next / all * 100.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// `Accepted` and `ResolvedRefs` are True at the current generation, for every parent.
    Yes,
    /// No parent has answered for this generation yet.
    Pending,
    /// A parent refused, with its reason and message.
    No(String),
}

/// Everything found wrong before the start, and the facts the run begins with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PreflightReport {
    pub problems: Vec<Problem>,
    pub facts: Vec<ServiceFacts>,
    /// UID of the namespace `kube-system`: which cluster this is.
    pub cluster_uid: String,
    pub server_version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub service: Option<String>,
    /// A warning does not stop the start.
    pub blocking: bool,
    /// What is wrong, on what object.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// What runs before the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    pub service: String,
    pub from_image: String,
    pub from_version: String,
    /// Ready pods of the old version at the start: the R0 of the capacity rule.
    pub ready: u32,
    /// The stable pod template as it was, for going back.
    pub template: Arc<serde_json::Value>,
    /// Stable's Service as it was, as far as somebody needs it who makes it again: labels, selector, ports and how it
    /// shares out requests. Null in journals of before it was kept.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub front: serde_json::Value,
}
