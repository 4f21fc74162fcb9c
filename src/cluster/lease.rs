//! Who drives: one Lease per cluster, namespace and fleet.
//!
//! The rules are those of client-go's leader election: a lease is another's until it has not changed for its duration
//! **by our own clock**, so clocks that differ do no harm. The epoch is the number of times it changed hands.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::home::Home;
use super::json::{marks, number, resource_version, text};
use super::wire::{Fault, Kind, Wire};
use crate::engine::message::LeaseSeen;
use crate::ports::Lease;
use crate::spec::units::{Dur, Time};

/// How long a lease holds without being renewed.
pub const DURATION: Dur = Dur::secs(15);
/// How often it is to be renewed.
pub const RETRY: Dur = Dur::secs(2);

/// A lease as read, and when it was first seen so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub holder: String,
    /// Times it changed hands: the epoch.
    pub transitions: u64,
    pub duration: Dur,
    /// By our own clock, when the holder or its renewal last changed before our eyes.
    pub since: Time,
}

/// What to do about the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// There is none: make it, with an epoch above all that were there.
    Create,
    /// It is ours: renew it.
    Renew { epoch: u64 },
    /// It is free or has run out: take it, one epoch higher.
    Take { epoch: u64 },
    /// It is somebody else's.
    Leave { holder: String, epoch: u64 },
}

/// Decides, at `now`, what `me` does about a lease.
pub fn lease_step(now: Time, seen: Option<&Seen>, me: &str) -> Decision {
    let Some(seen) = seen else { return Decision::Create };
    if seen.holder == me {
        return Decision::Renew { epoch: seen.transitions };
    }
    if seen.holder.is_empty() || now.since(seen.since) > seen.duration {
        return Decision::Take { epoch: seen.transitions + 1 };
    }
    Decision::Leave { holder: seen.holder.clone(), epoch: seen.transitions }
}

/// Name of a fleet's Lease.
pub fn lease_name(fleet: &str) -> String {
    format!("pilothouse-{fleet}")
}

/// Who a process is to others that look at the lease.
pub fn holder_id(user: &str, host: &str, pid: u32, run: &str) -> String {
    format!("{user}@{host}/{pid}/{run}")
}

/// The run a holder drives.
pub fn holder_run(holder: &str) -> Option<&str> {
    holder.rsplit_once('/').map(|(_, run)| run)
}

#[derive(Debug, Default)]
struct Memory {
    /// Holder and renewal as last read, and when they were first read so.
    last: Option<(String, String, Time)>,
    /// It was seen to change hands, or to be renewed: its holder lives.
    moved: bool,
    held: bool,
    /// The highest epoch this process ever drove under.
    highest: u64,
}

/// The Lease `pilothouse-<fleet>` in a namespace.
pub struct KubeLease {
    wire: Wire,
    namespace: String,
    name: String,
    me: String,
    memory: Mutex<Memory>,
}

impl KubeLease {
    /// `me` is a [`holder_id`].
    pub fn new(client: kube::Client, namespace: &str, fleet: &str, me: &str) -> KubeLease {
        KubeLease {
            wire: Wire::new(client, Duration::from_secs(2)),
            namespace: namespace.to_string(),
            name: lease_name(fleet),
            me: me.to_string(),
            memory: Mutex::default(),
        }
    }

    /// As [`super::KubeCluster::at`].
    pub fn at(mut self, home: Arc<Home>) -> KubeLease {
        self.wire = self.wire.at(home);
        self
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Whole after every statement: a panic elsewhere is no reason to stop.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a lease and notes since when it looks like this.
    fn note(&self, lease: &Value, now: Time) -> Seen {
        let holder = text(lease, "/spec/holderIdentity").unwrap_or_default().to_string();
        let renewal = text(lease, "/spec/renewTime").unwrap_or_default().to_string();
        let mut memory = self.memory();
        let since = match &memory.last {
            Some((h, r, since)) if *h == holder && *r == renewal => *since,
            Some(_) => {
                memory.moved = true;
                now
            }
            None => now,
        };
        memory.last = Some((holder.clone(), renewal, since));
        let seconds = number(lease, "/spec/leaseDurationSeconds").and_then(|s| u64::try_from(s).ok());
        Seen {
            holder,
            transitions: number(lease, "/spec/leaseTransitions").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            duration: seconds.map_or(DURATION, Dur::secs),
            since,
        }
    }

    fn spec(&self, epoch: u64, now: Time, acquired: Option<&Value>) -> Value {
        json!({
            "holderIdentity": self.me,
            "leaseDurationSeconds": DURATION.0 / 1000,
            "acquireTime": acquired.cloned().unwrap_or_else(|| json!(micro(now))),
            "renewTime": micro(now),
            "leaseTransitions": epoch,
        })
    }

    /// The highest epoch that marks in the namespace carry. A Lease that was deleted takes its count with it; starting
    /// again from 1 would fence its own driver off, and be lower than what a driver that is still writing stamps.
    async fn highest_mark(&self) -> Result<u64, Fault> {
        let mut highest = 0;
        for kind in [Kind::HttpRoutes, Kind::Deployments] {
            let objects = match self.wire.list(kind, &self.namespace).await {
                // What may not be read cannot be written under a mark of ours either.
                Err(fault) if fault.status == Some(403) => Vec::new(),
                other => other?,
            };
            for object in &objects {
                highest = marks(object).map(|mark| mark.epoch).fold(highest, u64::max);
            }
        }
        Ok(highest)
    }

    async fn once(&self, now: Time) -> Result<LeaseSeen, Fault> {
        self.wire.confirm().await?;
        let found = self.wire.find(Kind::Leases, &self.namespace, &self.name).await?;
        let seen = found.as_ref().map(|lease| self.note(lease, now));
        let decision = lease_step(now, seen.as_ref(), &self.me);
        let takes = matches!(decision, Decision::Take { .. });
        let epoch = match decision {
            Decision::Leave { holder, epoch } => {
                let mut memory = self.memory();
                memory.held = false;
                if memory.moved {
                    return Ok(LeaseSeen::Taken { holder, epoch });
                }
                let secs = DURATION.0 / 1000;
                let error =
                    format!("the lease is {holder}'s (epoch {epoch}); waiting {secs} s to see whether it lives");
                return Ok(LeaseSeen::Waiting { error });
            }
            Decision::Create => {
                let marked = self.highest_mark().await?;
                let epoch = self.memory().highest.max(marked) + 1;
                let object = json!({
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": self.name, "namespace": self.namespace},
                    "spec": self.spec(epoch, now, None),
                });
                let made = self.wire.create(Kind::Leases, &self.namespace, &object, false).await;
                self.written(made, now).await?;
                epoch
            }
            Decision::Renew { epoch } | Decision::Take { epoch } => {
                // A lease that was deleted and restored from somewhere may stand lower than what we drove under.
                let epoch = epoch.max(self.memory().highest + u64::from(takes));
                // A lease is there, or the decision would have been to create it.
                let mut lease = found.unwrap_or_default();
                let acquired = lease.pointer("/spec/acquireTime").cloned();
                let kept = seen.filter(|s| s.holder == self.me).and(acquired);
                lease["spec"] = self.spec(epoch, now, kept.as_ref());
                let renewed = self.wire.replace(Kind::Leases, &self.namespace, &self.name, &lease).await;
                self.written(renewed, now).await?;
                epoch
            }
        };
        let mut memory = self.memory();
        memory.held = true;
        memory.highest = memory.highest.max(epoch);
        memory.last = Some((self.me.clone(), micro(now), now));
        Ok(LeaseSeen::Held { epoch })
    }
}

impl KubeLease {
    /// A write whose answer got lost is read back: it may well have arrived, and a server that answers that is not away.
    async fn written<T>(&self, answer: Result<T, Fault>, now: Time) -> Result<(), Fault> {
        let Err(fault) = answer else { return Ok(()) };
        if fault.status.is_some() {
            return Err(fault);
        }
        let there = self.wire.find(Kind::Leases, &self.namespace, &self.name).await;
        let ours = there.is_ok_and(|lease| {
            let of = |path| lease.as_ref().and_then(|lease| text(lease, path).map(str::to_string));
            of("/spec/holderIdentity").as_ref() == Some(&self.me) && of("/spec/renewTime") == Some(micro(now))
        });
        if ours { Ok(()) } else { Err(fault) }
    }
}

/// RFC 3339 with microseconds, as the API's MicroTime.
fn micro(at: Time) -> String {
    at.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[async_trait]
impl Lease for KubeLease {
    /// Takes or renews the lease. A failure to reach the server is `Expired` with the error. So is another's lease that
    /// was not yet seen to move: its holder may be long dead, as after a crash, and then it is ours in 15 s; if it
    /// lives its next renewal shows, and it is `Taken`.
    async fn renew(&self, now: Time) -> LeaseSeen {
        let mut last = None;
        // 409: somebody was faster. Read again and decide again; whoever lost twice finds it taken.
        for _ in 0..3 {
            match self.once(now).await {
                Ok(seen) => return seen,
                Err(fault) if fault.status == Some(409) => last = Some(fault),
                Err(fault) => {
                    last = Some(fault);
                    break;
                }
            }
        }
        LeaseSeen::Expired { error: last.map_or_else(String::new, |fault| fault.to_string()) }
    }

    async fn release(&self) {
        if !std::mem::take(&mut self.memory().held) {
            return;
        }
        let Ok(Some(mut lease)) = self.wire.find(Kind::Leases, &self.namespace, &self.name).await else { return };
        if text(&lease, "/spec/holderIdentity") != Some(self.me.as_str()) || resource_version(&lease).is_empty() {
            return;
        }
        lease["spec"]["holderIdentity"] = json!("");
        // If this fails the lease runs out by itself.
        let _ = self.wire.replace(Kind::Leases, &self.namespace, &self.name, &lease).await;
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
