//! What does the engine need from the world? Traits named for the need; adapters implement them, `cli` wires them.
//!
//! All futures are cancel-safe: dropping one stops waiting, it does not undo a write.
use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::command::Identity;
use crate::engine::effect::Call;
use crate::engine::measure::{MeasureAnswer, MeasureRequest};
use crate::engine::message::{CallOutcome, LeaseSeen, Link, Stamp};
use crate::engine::observe::{Observation, PreflightReport};
use crate::plan::Plan;
use crate::spec::units::Time;

/// Time as the driver sees it: real, or virtual in a rehearsal.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> Stamp;

    /// Returns at `until`, or earlier when a virtual world has something new to show. Dropping it stops waiting.
    async fn sleep_until(&self, until: Time);

    /// Virtual time only passes while everybody waits. The driver then does its work in a fixed order, one effect after
    /// the other, and looks at the cluster only after [`Clock::settle`], so that a seed decides everything.
    fn is_virtual(&self) -> bool {
        false
    }

    /// Virtual: returns when everything the cluster has to tell has arrived. Real: at once.
    async fn settle(&self) {}
}

/// The cluster: watched, and written to.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Everything wrong before the start, in one report, and the facts the run begins with. Changes nothing.
    async fn preflight(&self, plan: &Plan, run: &str, now: Time) -> Result<PreflightReport, String>;

    /// Begins to watch what the plan names, or begins anew: what was seen before is told again once it was listed again.
    async fn watch(&self, plan: &Plan, run: &str) -> Result<(), String>;

    /// Waits until something watched changed since the last [`Cluster::observe`]. Coalesces bursts.
    async fn changed(&self);

    /// What differs from the last call's answer, in a fixed order: services as the plan lists them, stable before next
    /// before route. The first answer after [`Cluster::watch`] (once every watch has its list) holds everything.
    /// `None`: not every watch has its first list yet.
    fn observe(&self) -> Option<Vec<Observation>>;

    /// Whether the watches are alive.
    fn link(&self) -> Link;

    /// In virtual time: whether [`Cluster::link`] goes by it. What notices a loss by a socket does not, and would be a race.
    fn link_is_virtual(&self) -> bool {
        false
    }

    /// Does one write. First reads the object; see [`crate::engine::effect::Action`]. Never takes longer than 10 s.
    async fn call(&self, plan: &Plan, run: &str, call: &Call) -> CallOutcome;

    /// Who this process is to the API server.
    async fn whoami(&self) -> Result<Identity, String>;
}

/// The lease: one driver per cluster, namespace and fleet.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes or renews it; a failure to reach the server is `Expired` with the error.
    async fn renew(&self, now: Time) -> LeaseSeen;
    /// Lets it go, so that another need not wait for it to run out.
    async fn release(&self);
}

/// Where samples come from.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Answers every question, each with a value or the reason there is none. Never takes longer than 8 s.
    async fn measure(&self, request: &MeasureRequest) -> MeasureAnswer;
}

/// The world as one run sees it.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub cluster: Arc<dyn Cluster>,
    pub lease: Arc<dyn Lease>,
    pub metrics: Arc<dyn Metrics>,
}
