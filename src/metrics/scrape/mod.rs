//! The pods' own exposition text, read directly: for a cluster without a Prometheus.
//!
//! # Rules
//! - All times are the request's tick, never a clock: the same answers at the same ticks give the same samples, in
//!   whatever order the answers came in.
//! - At most [`MAX_PODS`] pods a version are read, chosen by a hash of the seed and the pod's name, so that the choice
//!   stays while the pods do. A rate is scaled up to all pods; request counts are those really seen; the two sides of a
//!   share are in the proportion of all pods and together count what was really seen.
//! - A pod is read at most every [`INTERVAL`]; ticks in between are answered from what is known.
//! - Fail closed: when fewer than half of a version's chosen pods answer, the source is down for it. When at least half
//!   do, their numbers stand, but the sample is as old as the last answer of the pod that is silent longest, so that a
//!   pod that stays silent makes the gate stale. A pod that never answered yet is not held against the others at first. A pod whose lines cannot be read makes the gate invalid at once.
//! - A pod's first scrape says nothing of the past, and its series begin there. Only a new-version pod that was not there
//!   at the tick before (while its service was asked about) counts from 0 since that tick.
//! - The growth of pods that are gone still counts in the windows they lived in.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::Mutex;

use self::state::{Pod, State};
use super::answer::{self, Wanted};
use super::names::{ByService, Kind};
use crate::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, Question, ShareQuestion, ShareSeen};
use crate::engine::observe::Slot;
use crate::gate::{Failure, Sample};
use crate::ports::Metrics;
use crate::spec::units::{Dur, Time};

mod fetch;
mod state;

pub use fetch::Fetch;

/// Most pods of one version that are read.
pub const MAX_PODS: usize = 5;
/// A pod is read at most this often.
pub const INTERVAL: Dur = Dur::secs(15);
/// Ticks come a little early or late.
const TOLERANCE: Dur = Dur::secs(1);
/// Requests to the API server at a time.
const IN_FLIGHT: usize = 4;
/// For one pod, wall time.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// For all pods of one tick, wall time.
const BUDGET: Duration = Duration::from_secs(7);

/// Reads the pods through the API server.
pub struct DirectScrape {
    fetch: Fetch,
    names: ByService,
    seed: u64,
    interval: Dur,
    state: Mutex<State>,
}

/// The chosen pods of each version asked about, by service and slot.
type Picks = BTreeMap<(String, Slot), Pick>;

/// The pods of one version: how many there are, and which are read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pick {
    pub listed: usize,
    pub pods: Vec<String>,
}

impl Pick {
    /// What the chosen pods' sum must be multiplied by to stand for all.
    fn scale(&self) -> f64 {
        if self.pods.is_empty() { 1.0 } else { self.listed as f64 / self.pods.len() as f64 }
    }
}

impl DirectScrape {
    /// `interval`: how often a pod is read; never more often than [`INTERVAL`].
    pub fn new(fetch: Fetch, names: ByService, seed: u64, interval: Option<Dur>) -> DirectScrape {
        let interval = interval.unwrap_or(INTERVAL).max(INTERVAL);
        DirectScrape { fetch, names, seed, interval, state: Mutex::default() }
    }

    /// Which pods a request is about, and which of them are read.
    fn picks(&self, request: &MeasureRequest) -> Picks {
        let mut wanted: BTreeSet<(&str, Slot)> = BTreeSet::new();
        for q in request.questions.iter().filter(|q| matches!(Wanted::of(q), Ok(Some(_)))) {
            wanted.insert((&q.service, q.slot));
            if q.baseline {
                wanted.insert((&q.service, q.slot.other()));
            }
        }
        for s in &request.shares {
            wanted.extend([(s.service.as_str(), Slot::Stable), (s.service.as_str(), Slot::Next)]);
        }
        let pick = |(service, slot): (&str, Slot)| {
            let listed = request.subjects.get(service).map(|s| s.pods(slot)).unwrap_or_default();
            ((service.to_string(), slot), pick(self.seed, listed))
        };
        wanted.into_iter().map(pick).collect()
    }

    /// Reads the pods whose turn it is, those unread longest first.
    async fn read(&self, state: &State, tick: Time, picks: &Picks) -> BTreeMap<String, Result<fetch::Seen, String>> {
        let mut due: Vec<(Option<Time>, String, String, Option<u16>)> = Vec::new();
        for ((service, _), pick) in picks {
            for name in &pick.pods {
                let pod = state.pods.get(name);
                let attempted = pod.and_then(|p| p.attempted);
                let fresh = |at: Time| at <= tick && tick.since(at) + TOLERANCE < self.interval;
                if !attempted.is_some_and(fresh) {
                    due.push((attempted, name.clone(), service.clone(), pod.and_then(|p| p.port)));
                }
            }
        }
        due.sort_unstable();
        let deadline = tokio::time::Instant::now() + BUDGET;
        futures::stream::iter(due)
            .map(|(_, pod, service, port)| async move {
                let read = self.fetch.pod(&pod, port, self.names.get(&service));
                let seen = tokio::time::timeout_at(deadline, read).await;
                (pod, seen.unwrap_or_else(|_| Err("no time was left to ask it".into())))
            })
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await
    }

    fn sample(&self, state: &State, tick: Time, picks: &Picks, question: &Question) -> Sample {
        let wanted = match Wanted::of(question) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => {
                return Sample::failed(
                    tick,
                    Failure::Shape("a PromQL gate needs a Prometheus; name one in `metrics.prometheus`".into()),
                );
            }
            Err(failure) => return Sample::failed(tick, failure),
        };
        let from = tick - question.window;
        let read = |slot: Slot| {
            let pick = picks.get(&(question.service.clone(), slot)).cloned().unwrap_or_default();
            state.reading(&question.service, slot, &pick, wanted.kind(), from, tick)
        };
        let baseline = question.baseline.then(|| read(question.slot.other()));
        answer::sample(tick, wanted, self.names.get(&question.service).unit, read(question.slot), baseline)
    }
}

fn share(state: &mut State, tick: Time, picks: &Picks, question: &ShareQuestion) -> ShareSeen {
    let mut of = |slot: Slot| {
        let pick = picks.get(&(question.service.clone(), slot)).cloned().unwrap_or_default();
        let seen = state.grown(&question.service, slot, &pick, question.since, tick);
        let recent = state.recent(&question.service, slot, &pick, tick).map(Into::into);
        (seen.map(|n| (n, n * pick.scale())), recent)
    };
    let (next, next_recent) = of(Slot::Next);
    let (stable, stable_recent) = of(Slot::Stable);
    let (next, stable) = match (next, stable) {
        (Some((n, all_n)), Some((s, all_s))) => {
            // How sure a share is depends on how many requests were seen, not on how many there may have been.
            let shrink = if all_n + all_s > 0.0 { (n + s) / (all_n + all_s) } else { 1.0 };
            (Some((all_n * shrink).into()), Some((all_s * shrink).into()))
        }
        (n, s) => (n.map(|(n, _)| n.into()), s.map(|(n, _)| n.into())),
    };
    ShareSeen { service: question.service.clone(), since: question.since, next, stable, next_recent, stable_recent }
}

/// What a person should know: pods left out, pods that cannot be read, metrics nobody has.
fn notes(state: &State, picks: &Picks, names: &ByService) -> Vec<String> {
    let mut notes = Vec::new();
    let answered = |service: &str| state.pods.values().any(|p| p.service == service && p.good.is_some());
    let services: BTreeSet<&String> = picks.keys().map(|(service, _)| service).collect();
    for service in services.into_iter().filter(|s| answered(s) && !state.exists(s, Kind::Requests)) {
        notes.push(format!("no pod of {service} shows `{}`", names.get(service).requests));
    }
    for ((service, slot), pick) in picks {
        let version = match slot {
            Slot::Stable => "old",
            Slot::Next => "new",
        };
        if pick.pods.len() < pick.listed {
            notes.push(format!("{service} {version}: {} of {} pods are read", pick.pods.len(), pick.listed));
        }
        for name in &pick.pods {
            for text in state.pods.get(name).map(Pod::complaints).unwrap_or_default() {
                notes.push(format!("pod {name}: {text}"));
            }
        }
    }
    notes
}

#[async_trait]
impl Metrics for DirectScrape {
    async fn measure(&self, request: &MeasureRequest) -> MeasureAnswer {
        let mut state = self.state.lock().await;
        let tick = request.tick;
        let picks = self.picks(request);
        let seen = self.read(&state, tick, &picks).await;
        let away = (!seen.is_empty() && seen.values().all(Result::is_err))
            .then(|| seen.iter().find_map(|(pod, s)| Some(format!("pod {pod}: {}", s.as_ref().err()?))))
            .flatten();
        state.take(tick, request, &picks, seen);
        let samples = request
            .questions
            .iter()
            .map(|q| GateSample {
                service: q.service.clone(),
                gate: q.gate.clone(),
                sample: self.sample(&state, tick, &picks, q),
            })
            .collect();
        let shares = request.shares.iter().map(|q| share(&mut state, tick, &picks, q)).collect();
        let notes = notes(&state, &picks, &self.names);
        let silent = picks.values().flat_map(|p| &p.pods).all(|p| state.pods.get(p).is_none_or(|p| p.error.is_some()));
        MeasureAnswer { tick, samples, shares, source_down: away.filter(|_| silent), notes }
    }
}

/// The pods that are read: the lowest by hash of seed and name, in order of name.
pub fn pick(seed: u64, listed: &[String]) -> Pick {
    let names: BTreeSet<&String> = listed.iter().collect();
    let mut ranked: Vec<(u64, &String)> = names.into_iter().map(|n| (rank(seed, n), n)).collect();
    ranked.sort_unstable();
    let count = ranked.len();
    let pods: BTreeSet<&String> = ranked.into_iter().take(MAX_PODS).map(|(_, n)| n).collect();
    Pick { listed: count, pods: pods.into_iter().cloned().collect() }
}

/// FNV-1a over the name, then the finalizer of SplitMix64 so that names that differ in their last letters spread.
fn rank(seed: u64, name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut z = fnv ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
