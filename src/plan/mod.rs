//! In what order and how? Waves, steps, estimates, preview of effects.
//!
//! # Layout
//! - [`Plan`] everything that will be done; [`order`] who goes after whom besides what it needs; [`moves`] tenants that go
//!   one by one; [`rules`] by which some are sent apart
//! - [`verdict`] what the contracts say of it; [`graph`] the waves as a picture
pub mod graph;
pub mod moves;
pub mod order;
pub mod rules;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::spec::canonical;
use crate::spec::fleet::GitOps;
use crate::spec::policy::{Gate, Measure, PolicySpec, Severity, Step, Trigger};
use crate::spec::units::{Dur, Limit, Unit};
use crate::spec::upgrade::Strategy;
use crate::spec::{Bundle, Environment, Service};

mod when;

pub use moves::{Move, Phased};
pub use rules::MatchRule;
pub use when::{ENOUGH_RUNS, From as NeedsFrom, Needs, Past, Roster, When};

/// Everything a run needs to know that people wrote, in the order it will be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub upgrade: String,
    pub fleet: String,
    pub environment: Environment,
    pub policy_name: String,
    pub policy: PolicySpec,
    /// In order of waves, then as the fleet lists them.
    pub services: Vec<Planned>,
    /// Services of the fleet that this upgrade leaves alone but that count as critical.
    pub bystanders: Vec<Service>,
    /// When it may run; at any time without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// What the contracts say; none where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<verdict::Verdict>,
}

/// One service of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    pub service: Service,
    /// Counted from 1.
    pub wave: u32,
    pub image: String,
    /// A semantic version where anybody needs one; else what [`crate::spec::upgrade::Target::name`] says.
    pub version: String,
    /// Other services to the version range this version needs of them.
    pub needs: BTreeMap<String, String>,
    /// Services that go before this one for another reason, each with that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
    /// Of those it needs and those that go before it: versions of theirs and of this must not run beside each other, so
    /// they serve 100 % new before it begins, whatever the policy says.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apart: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<serde_json::Map<String, serde_json::Value>>,
    /// Its tenants move before its weight does. None: by weights alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phased: Option<Phased>,
    /// Segments of users that go first: from the first weight until the last step is over all of their requests go to the new
    /// version. How much of the traffic they are nobody knows before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<MatchRule>,
}

/// Why a bundle makes no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("services need each other in a circle: {}; take one of these needs out", .0.join(" -> "))]
    Cycle(Vec<String>),
    #[error("service `{0}` is not in the fleet")]
    UnknownService(String),
    #[error(
        "`{by}` needs a version of `{service}`, which has none: give it `version:`, or an image tag that reads as a \
         semantic version (image `{image}`)"
    )]
    NoVersion { service: String, image: String, by: String },
    #[error(
        "cohort `{cohort}` of `{service}` is told by one header, so its tenants move at once, but they allow {windows} \
         different times: write `bind: intersection` in the Calendar's cohort, or tell tenants by a header of their own"
    )]
    Together { service: String, cohort: String, windows: usize },
    #[error("`{name}` is both a tenant and a cohort of `{service}`: give one of them another name")]
    OneName { service: String, name: String },
    #[error("moves tenants one by one, and no tenant uses a service of this upgrade that tells it apart")]
    NobodyMoves,
    #[error(
        "segment `{0}` goes first on services that this upgrade leaves alone: name services it moves, or leave its \
         `services` out"
    )]
    IdleSegment(String),
}

impl Plan {
    /// What keeps a tool that delivers this service from Git off what a run writes, if somebody said so.
    pub fn gitops(&self, planned: &Planned) -> Option<GitOps> {
        planned.service.gitops.or(self.environment.gitops)
    }

    /// Orders the services of an upgrade into waves by what they need.
    pub fn build(bundle: &Bundle) -> Result<Plan, PlanError> {
        let to = &bundle.upgrade.spec.to;
        if let Some(unknown) = to.keys().find(|name| bundle.fleet.service(name).is_none()) {
            return Err(PlanError::UnknownService(unknown.clone()));
        }
        let mut wave: BTreeMap<&str, u32> = BTreeMap::new();
        for name in to.keys() {
            depth(name, to, &mut wave, &mut Vec::new())?;
        }
        let mut services = Vec::new();
        for service in bundle.fleet.spec.services.iter() {
            let Some(target) = to.get(&service.name) else { continue };
            let by = to.iter().find(|(_, other)| other.needs.contains_key(&service.name)).map(|(by, _)| by);
            if let (None, Some(by)) = (target.version(), by) {
                let (service, image) = (service.name.clone(), target.image.clone());
                return Err(PlanError::NoVersion { service, image, by: by.clone() });
            }
            services.push(Planned {
                wave: wave.get(service.name.as_str()).copied().unwrap_or(1),
                service: service.clone(),
                image: target.image.clone(),
                version: target.name(),
                needs: target.needs.clone(),
                after: BTreeMap::new(),
                apart: BTreeSet::new(),
                patch: target.patch.clone(),
                phased: phased(bundle, service)?,
                segments: rules::of_segments(&bundle.upgrade.spec, &service.name),
            });
        }
        if bundle.upgrade.spec.strategy == Strategy::Phased && services.iter().all(|s| s.phased.is_none()) {
            return Err(PlanError::NobodyMoves);
        }
        rules::all_go_somewhere(&bundle.upgrade.spec, &services)?;
        services.sort_by_key(|s| s.wave);
        let named: BTreeSet<&str> = to.keys().map(String::as_str).collect();
        let bystanders = bundle
            .fleet
            .spec
            .services
            .iter()
            .filter(|s| s.critical && !named.contains(s.name.as_str()))
            .cloned()
            .collect();
        let mut plan = Plan {
            upgrade: bundle.upgrade.name.clone(),
            fleet: bundle.fleet.name.clone(),
            environment: bundle.environment.clone(),
            policy_name: bundle.policy.name.clone(),
            policy: with_always_on(bundle.policy.spec.clone()),
            services,
            bystanders,
            when: None,
            compat: None,
        };
        plan.cap();
        plan.when = When::of(bundle, &plan);
        Ok(plan)
    }

    pub fn get(&self, service: &str) -> Option<&Planned> {
        self.services.iter().find(|s| s.service.name == service)
    }

    /// Services of this run that go after `service`, directly: they need it, or it has to be there first.
    pub fn dependants<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Planned> {
        self.services.iter().filter(move |s| s.needs.contains_key(service) || s.after.contains_key(service))
    }

    /// SHA-256 over the canonical JSON of the plan, in hex. Two people who see the same hash approve the same thing.
    pub fn hash(&self) -> String {
        // A plan is made of texts, numbers and maps with text keys: that always serialises.
        Plan::hash_of(&serde_json::to_value(self).unwrap_or_default())
    }

    /// [`Plan::hash`] of a plan as it stands in a file, whichever version wrote it.
    pub fn hash_of(plan: &serde_json::Value) -> String {
        canonical::hex(&Sha256::digest(canonical::text(plan).as_bytes()))
    }

    /// The steps of a service: the policy's, unless its tenants move first.
    pub fn steps(&self, service: &str) -> &[Step] {
        let phased = self.get(service).and_then(|p| p.phased.as_ref());
        phased.map_or(&self.policy.steps, |p| &p.steps)
    }

    /// Time from the first pod of one service to the end of its last step, when every tick is good.
    pub fn service_estimate(&self) -> Dur {
        let steps = self.policy.steps.iter().fold(Dur::ZERO, |sum, s| sum + s.hold);
        self.policy.warmup + steps
    }

    /// How much of a window one tenant needs: its own move; where all move at once, the whole run.
    pub fn tenant_needs(&self) -> Dur {
        let moves = self.services.iter().filter_map(|p| p.phased.as_ref());
        let run = || self.when.as_ref().map_or_else(|| Needs::of(self, &[]).run, |when| when.needs.run);
        moves.map(|phased| phased.needs(&self.policy)).max().unwrap_or_else(run)
    }

    /// Time from start to the last service at 100 %, and the soak after it, when every tick is good.
    pub fn estimate(&self) -> (Dur, Dur) {
        let waves = self.services.iter().map(|s| s.wave).max().unwrap_or(0);
        (self.service_estimate().times(u64::from(waves)), self.policy.soak)
    }
}

/// The moves of a service, under the strategy that has any.
fn phased(bundle: &Bundle, service: &Service) -> Result<Option<Phased>, PlanError> {
    if bundle.upgrade.spec.strategy != Strategy::Phased {
        return Ok(None);
    }
    let calendar = bundle.calendar.as_ref().map(|c| c.spec.clone()).unwrap_or_default();
    Phased::of(service, &bundle.movers, &calendar, &bundle.policy.spec)
}

/// Adds the gates that hold for every policy because Kubernetes alone answers them: pods ready, pods not restarting.
fn with_always_on(mut policy: PolicySpec) -> PolicySpec {
    let ready = Gate {
        min: Some(Limit { value: 1.0, unit: Unit::Ratio }),
        trigger: Trigger::For(Dur::mins(2)),
        ..Gate::of("readiness", Measure::Availability)
    };
    let restarts = Gate {
        max: Some(Limit { value: 2.0, unit: Unit::Count }),
        severity: Severity::Immediate,
        ..Gate::of("restarts", Measure::Restarts)
    };
    for gate in [ready, restarts] {
        if !policy.gates.iter().any(|g| g.name == gate.name || g.measure == gate.measure) {
            policy.gates.push(gate);
        }
    }
    policy
}

type Targets = BTreeMap<String, crate::spec::upgrade::Target>;

/// Wave of `name`: one more than the highest wave of what it needs within this upgrade.
fn depth<'a>(
    name: &'a str,
    to: &'a Targets,
    wave: &mut BTreeMap<&'a str, u32>,
    path: &mut Vec<String>,
) -> Result<u32, PlanError> {
    if let Some(found) = wave.get(name) {
        return Ok(*found);
    }
    if let Some(at) = path.iter().position(|p| p == name) {
        let mut circle = path[at..].to_vec();
        circle.push(name.to_string());
        return Err(PlanError::Cycle(circle));
    }
    path.push(name.to_string());
    let mut highest = 0;
    if let Some(target) = to.get(name) {
        for need in target.needs.keys().filter(|n| to.contains_key(*n)) {
            highest = highest.max(depth(need, to, wave, path)?);
        }
    }
    path.pop();
    wave.insert(name, highest + 1);
    Ok(highest + 1)
}
