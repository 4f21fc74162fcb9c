//! A Prometheus, asked by its query API.
//!
//! # Rules
//! - Built-ins are one query a kind of series: every window and pod of a tick goes into one batch of parts joined by
//!   `or`, each told apart by a label; answers come by pod and are summed per version here.
//! - Every query is asked at the request's tick.
//! - How old data is, is read from the raw series (`timestamp(selector)`), never from a rate: a rate stays plausible
//!   after its target died. See [`memory::Memory::seen`].
//! - At most 10 queries start in a second, 4 at a time, 3 s each, and a tick's answer is given within 8 s; what could not
//!   be asked by then is down, and says so.
//! - `increase()` of Prometheus extrapolates to the window's ends and does not see the first value of a new series.
//!   Ratios and quantiles are little touched by that; counts may be off by a scrape's worth.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::batch::{Batch, Growth};
use self::http::Api;
use self::memory::{Looks, Memory};
use super::answer::{self, Read, Reading, Wanted};
use super::counters::sum;
use super::names::{ByService, Kind};
use crate::engine::measure::{GateSample, MeasureAnswer, MeasureRequest, Question, ShareQuestion, ShareSeen, What};
use crate::engine::observe::Slot;
use crate::gate::{Failure, Sample};
use crate::ports::Metrics;
use crate::spec::fleet::{Environment, Service};
use crate::spec::units::Dur;

mod about;
mod batch;
mod http;
mod memory;
mod own;
mod promql;
mod reply;

/// For the whole answer to one tick, wall time; below the 8 s of [`Metrics::measure`].
const BUDGET: Duration = Duration::from_millis(7500);
/// Of that, for finding out how often Prometheus scrapes.
const ABOUT_BUDGET: Duration = Duration::from_millis(1500);
/// Not found out, asked again after this much wall time.
const ABOUT_AGAIN: Duration = Duration::from_secs(300);
/// Prometheus' own default for `scrape_interval`.
const DEFAULT_INTERVAL: Dur = Dur::mins(1);

pub struct Prometheus {
    api: Api,
    namespace: String,
    names: ByService,
    declared: Option<Dur>,
    memory: Mutex<Memory>,
    found: Mutex<Found>,
    /// What is asked about, to tell its scrape targets from others of the namespace.
    targets: about::Wanted,
}

/// The scrape interval as Prometheus told it.
#[derive(Default)]
struct Found {
    interval: Option<Dur>,
    asked: Option<Instant>,
}

/// What one tick's queries brought in.
struct Facts {
    growth: Growth,
    looks: Result<Looks, Failure>,
    own: Vec<Result<own::Own, Failure>>,
    interval: Dur,
}

impl Prometheus {
    /// For the Prometheus the environment names. Asks nothing yet.
    ///
    /// # Errors
    /// No address, or one or credentials that cannot be used.
    pub fn new(env: &Environment, names: ByService) -> Result<Prometheus, String> {
        Prometheus::with_timeout(env, names, http::TIMEOUT)
    }

    fn with_timeout(env: &Environment, names: ByService, timeout: Duration) -> Result<Prometheus, String> {
        let metrics = &env.metrics;
        let base = metrics.prometheus.as_ref().ok_or("the environment names no Prometheus (`metrics.prometheus`)")?;
        Ok(Prometheus {
            api: Api::new(base, metrics.auth.as_ref(), timeout)?,
            namespace: env.kubernetes.namespace.clone(),
            names,
            declared: metrics.source_interval,
            memory: Mutex::default(),
            found: Mutex::default(),
            targets: about::Wanted::default(),
        })
    }

    /// Tells which services will be asked about: only their scrape targets say how often this source looks.
    pub fn for_services<'a>(mut self, services: impl IntoIterator<Item = &'a Service>) -> Prometheus {
        self.targets = about::Wanted::of(services, &self.names);
        self
    }

    /// How often the pods are scraped: as declared, else as Prometheus says, else its default of a minute.
    async fn interval(&self) -> Dur {
        if let Some(declared) = self.declared {
            return declared;
        }
        let mut found = self.found.lock().await;
        let again = found.asked.is_none_or(|at| at.elapsed() >= ABOUT_AGAIN);
        if found.interval.is_none() && again {
            found.asked = Some(Instant::now());
            found.interval = tokio::time::timeout(ABOUT_BUDGET, self.source_interval()).await.ok().flatten();
        }
        found.interval.unwrap_or(DEFAULT_INTERVAL)
    }

    /// Everything the tick needs, asked at once.
    async fn ask(&self, request: &MeasureRequest, deadline: Instant) -> (Facts, Vec<String>) {
        let interval = self.interval().await;
        let growth = Batch::growth(request, &self.names, interval);
        let looks = Batch::looks(request, &self.names);
        let own = request.questions.iter().filter(|q| matches!(q.what, What::PromQl { .. }));
        let own = own.map(|q| own::ask(&self.api, &self.namespace, request, q, deadline));
        let (growth, looks, own) = futures::join!(
            growth.ask(&self.api, &self.namespace, request.tick, deadline),
            looks.ask(&self.api, &self.namespace, request.tick, deadline),
            futures::future::join_all(own),
        );
        let mut notes: BTreeSet<String> = growth.1.into_iter().chain(looks.1).collect();
        notes.extend(own.iter().flatten().flat_map(|o| o.warnings.iter().cloned()));
        let clock = self.api.clock_note();
        let facts = Facts { growth: Growth::of(growth.0), looks: batch::looks(looks.0), own, interval };
        let notes = notes.into_iter().map(|n| format!("Prometheus warns: {n}"));
        (facts, clock.into_iter().chain(notes).collect())
    }
}

/// One tick: what was asked and what is known. (What is remembered comes separately, since it changes.)
struct Tick<'a> {
    names: &'a ByService,
    request: &'a MeasureRequest,
    facts: &'a Facts,
}

impl Tick<'_> {
    fn pods(&self, service: &str, slot: Slot) -> &[String] {
        self.request.subjects.get(service).map(|s| s.pods(slot)).unwrap_or_default()
    }

    fn sample(&self, question: &Question, memory: &Memory) -> Sample {
        let wanted = match Wanted::of(question) {
            Ok(Some(wanted)) => wanted,
            // PromQL is answered by its own queries.
            Ok(None) => return Sample::empty(self.request.tick),
            Err(failure) => return Sample::failed(self.request.tick, failure),
        };
        let read = |slot| self.reading(&question.service, slot, wanted.kind(), question.window, memory);
        let baseline = question.baseline.then(|| read(question.slot.other()));
        let unit = self.names.get(&question.service).unit;
        answer::sample(self.request.tick, wanted, unit, read(question.slot), baseline)
    }

    fn reading(&self, service: &str, slot: Slot, kind: Kind, window: Dur, memory: &Memory) -> Read {
        let pods = self.pods(service, slot);
        if pods.is_empty() {
            return Ok(Reading::default());
        }
        let looks = self.facts.looks.as_ref().map_err(Clone::clone)?;
        let by_pod = self.facts.growth.of_pods(self.names.get(service), kind, window, pods)?;
        if !memory.exists(service, kind) && by_pod.is_empty() {
            return Ok(Reading::default());
        }
        let sample_at = pods.iter().map(|p| memory.seen(self.request.tick, p, kind, looks)).min();
        let seconds = window.max(Dur::secs(1)).as_secs_f64();
        let all = sum(by_pod.iter().flat_map(|groups| groups.values().copied()));
        let rate = (!by_pod.is_empty()).then_some(all / seconds);
        let mut groups = BTreeMap::new();
        for (group, n) in by_pod.into_iter().flatten() {
            *groups.entry(group.clone()).or_insert(0.0) += n;
        }
        Ok(Reading { groups: Some(groups), rate, sample_at })
    }

    /// Growth of one version since the route was accepted. Unknown until two scrapes lie within, and while a pod is not
    /// being scraped.
    fn grown(&self, question: &ShareQuestion, slot: Slot, memory: &Memory) -> Option<f64> {
        let (tick, facts) = (self.request.tick, self.facts);
        let window = tick.since(question.since);
        if window < facts.interval.times(2) || !memory.exists(&question.service, Kind::Requests) {
            return None;
        }
        let pods = self.pods(&question.service, slot);
        let looks = facts.looks.as_ref().ok()?;
        let stale = facts.interval.times(2) + Dur::secs(5);
        if pods.iter().any(|p| tick.since(memory.seen(tick, p, Kind::Requests, looks)) > stale) {
            return None;
        }
        let by_pod = facts.growth.of_pods(self.names.get(&question.service), Kind::Requests, window, pods).ok()?;
        Some(sum(by_pod.iter().flat_map(|groups| groups.values().copied()))).filter(|all| all.is_finite())
    }

    fn share(&self, question: &ShareQuestion, memory: &mut Memory) -> ShareSeen {
        let mut of = |slot: Slot| {
            let all = self.grown(question, slot, memory).map(Into::into);
            let looks = self.facts.looks.as_ref().ok();
            let pods = self.pods(&question.service, slot);
            (all, looks.and_then(|l| memory.recent(&question.service, slot, pods, l)).map(Into::into))
        };
        let (next, next_recent) = of(Slot::Next);
        let (stable, stable_recent) = of(Slot::Stable);
        ShareSeen { service: question.service.clone(), since: question.since, next, stable, next_recent, stable_recent }
    }
}

#[async_trait]
impl Metrics for Prometheus {
    async fn measure(&self, request: &MeasureRequest) -> MeasureAnswer {
        let (facts, notes) = self.ask(request, Instant::now() + BUDGET).await;
        let mut memory = self.memory.lock().await;
        if let Ok(looks) = &facts.looks {
            memory.take(request.tick, batch::asked(request), looks);
        }
        let tick = Tick { names: &self.names, request, facts: &facts };
        let mut own = facts.own.iter();
        let samples: Vec<GateSample> = request
            .questions
            .iter()
            .map(|q| GateSample {
                service: q.service.clone(),
                gate: q.gate.clone(),
                sample: match &q.what {
                    What::PromQl { .. } => own::sample(request.tick, q, own.next(), &mut memory),
                    What::Measure { .. } => tick.sample(q, &memory),
                },
            })
            .collect();
        let shares = request.shares.iter().map(|q| tick.share(q, &mut memory)).collect();
        MeasureAnswer { tick: request.tick, source_down: down(&samples, &facts), samples, shares, notes }
    }
}

/// The source is away when nothing it was asked was answered.
fn down(samples: &[GateSample], facts: &Facts) -> Option<String> {
    let mut reasons = samples.iter().map(|s| match &s.sample.failure {
        Some(Failure::Down(text)) => Some(text.clone()),
        _ => None,
    });
    let first = match &facts.looks {
        Err(Failure::Down(text)) => text.clone(),
        _ if facts.own.is_empty() => return None,
        _ => reasons.clone().flatten().next()?,
    };
    reasons.all(|r| r.is_some()).then_some(first)
}

#[cfg(test)]
mod tests;
