//! What is remembered of the pods between two ticks. Pure: answers come in, readings go out.
use std::collections::BTreeMap;

use super::fetch::Seen;
use super::{Pick, Picks};
use crate::engine::measure::MeasureRequest;
use crate::engine::observe::Slot;
use crate::gate::Failure;
use crate::metrics::answer::{Read, Reading};
use crate::metrics::counters::{Tracker, sum};
use crate::metrics::names::Kind;
use crate::spec::units::{Dur, Time};

/// Kept at least, so that a window widened later finds its past.
const HORIZON: Dur = Dur::hours(1);
/// A pod that has not answered yet may still be starting for this long: its second turn is over by then.
const STARTING: Dur = Dur::secs(30);
/// A service not asked about for this long is new again when it is.
const PAUSE: Dur = Dur::mins(1);

/// One pod as it was read so far.
#[derive(Debug, Clone)]
pub struct Pod {
    pub service: String,
    pub slot: Slot,
    /// Number of its metrics port, once known.
    pub port: Option<u16>,
    /// First tick it was to be read at.
    pub first: Time,
    /// Known not to have existed before this tick.
    pub born: Option<Time>,
    pub attempted: Option<Time>,
    /// Time of the last answer that could be read; older than the attempt where its lines carry older times.
    pub good: Option<Time>,
    /// Why the last attempt failed as a whole.
    pub error: Option<String>,
    pub requests: History,
    pub durations: History,
}

/// One metric of one pod.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub tracker: Tracker,
    /// Why the last answer's lines of this metric cannot be relied on.
    pub doubt: Option<String>,
    /// A series of it was seen at some time.
    pub exists: bool,
}

impl Pod {
    fn of(&self, kind: Kind) -> &History {
        match kind {
            Kind::Requests => &self.requests,
            Kind::Durations => &self.durations,
        }
    }

    /// What is wrong with it now.
    pub fn complaints(&self) -> Vec<&str> {
        self.error.iter().chain(&self.requests.doubt).chain(&self.durations.doubt).map(String::as_str).collect()
    }

    fn take(&mut self, tick: Time, seen: Result<Seen, String>) {
        self.attempted = Some(tick);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                self.error = Some(error);
                return;
            }
        };
        self.error = None;
        self.port = Some(seen.port);
        self.good = Some(seen.oldest.map_or(tick, |ms| tick.min(Time(ms))));
        for kind in [Kind::Requests, Kind::Durations] {
            let history = match kind {
                Kind::Requests => &mut self.requests,
                Kind::Durations => &mut self.durations,
            };
            match seen.of(kind) {
                Ok(scrape) => {
                    history.doubt = None;
                    history.exists |= !scrape.is_empty();
                    history.tracker.record(tick, self.born, scrape);
                }
                Err(why) => history.doubt = Some(why.clone()),
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct State {
    pub pods: BTreeMap<String, Pod>,
    /// Each service's last tick, and the pods of its new version then.
    asked: BTreeMap<String, (Time, Vec<String>)>,
    /// Up to when `recent` has reported, by service and slot.
    reported: BTreeMap<(String, Slot), Time>,
}

impl State {
    /// Takes in the answers of one tick, and forgets what no window needs any more.
    pub fn take(
        &mut self,
        tick: Time,
        request: &MeasureRequest,
        picks: &Picks,
        mut seen: BTreeMap<String, Result<Seen, String>>,
    ) {
        for ((service, slot), pick) in picks {
            for name in &pick.pods {
                let born = self.born(tick, service, *slot, name);
                let fresh = || Pod {
                    service: service.clone(),
                    slot: *slot,
                    port: None,
                    first: tick,
                    born,
                    attempted: None,
                    good: None,
                    error: None,
                    requests: History::default(),
                    durations: History::default(),
                };
                let pod = self.pods.entry(name.clone()).or_insert_with(fresh);
                if let Some(seen) = seen.remove(name) {
                    pod.take(tick, seen);
                }
            }
        }
        for (service, subject) in &request.subjects {
            self.asked.insert(service.clone(), (tick, subject.next_pods.clone()));
        }
        let windows =
            request.questions.iter().map(|q| q.window).chain(request.shares.iter().map(|s| tick.since(s.since)));
        let horizon = windows.max().unwrap_or_default().max(HORIZON) + Dur::mins(5);
        self.pods.retain(|_, pod| tick.since(pod.attempted.unwrap_or(pod.first)) <= horizon);
        for pod in self.pods.values_mut() {
            pod.requests.tracker.forget(horizon);
            pod.durations.tracker.forget(horizon);
        }
    }

    /// The tick before, if this pod of the new version was not there then.
    fn born(&self, tick: Time, service: &str, slot: Slot, name: &str) -> Option<Time> {
        let (before, pods) = self.asked.get(service)?;
        let new =
            slot == Slot::Next && *before < tick && tick.since(*before) <= PAUSE && !pods.iter().any(|p| p == name);
        new.then_some(*before)
    }

    fn chosen<'a>(&'a self, pick: &'a Pick) -> impl Iterator<Item = (&'a String, &'a Pod)> {
        pick.pods.iter().filter_map(|n| self.pods.get_key_value(n))
    }

    /// Whether any pod of the service ever showed the metric: then a pod without it has served nothing so far.
    pub fn exists(&self, service: &str, kind: Kind) -> bool {
        self.pods.values().any(|p| p.service == service && p.of(kind).exists)
    }

    /// Why too few of a version's pods answer. Pods that are just starting are left out while any other answers: they
    /// do not listen yet, and age all the same.
    fn silence(&self, pick: &Pick, tick: Time) -> Option<String> {
        let starting = |p: &Pod| p.good.is_none() && tick.since(p.first) < STARTING;
        let any = self.chosen(pick).any(|(_, p)| p.error.is_none());
        let counted: Vec<_> = self.chosen(pick).filter(|(_, p)| !(any && starting(p))).collect();
        let silent: Vec<_> = counted.iter().filter_map(|(n, p)| Some((n, p.error.as_ref()?))).collect();
        let (name, error) = silent.first()?;
        if (counted.len() - silent.len()) * 2 >= counted.len() {
            return None;
        }
        let others = match silent.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more of {})", pick.pods.len()),
        };
        Some(format!("pod {name}: {error}{others}"))
    }

    /// One metric of one version between two instants.
    pub fn reading(&self, service: &str, slot: Slot, pick: &Pick, kind: Kind, from: Time, to: Time) -> Read {
        if let Some(why) = self.silence(pick, to) {
            return Err(Failure::Down(why));
        }
        if let Some((name, why)) = self.chosen(pick).find_map(|(n, p)| Some((n, p.of(kind).doubt.as_ref()?))) {
            return Err(Failure::Shape(format!("pod {name}: {why}")));
        }
        if pick.pods.is_empty() || !self.exists(service, kind) {
            return Ok(Reading::default());
        }
        let sample_at = self.chosen(pick).map(|(_, p)| p.good.unwrap_or(p.first)).min();
        let (mut groups, mut all) = (BTreeMap::new(), 0.0);
        let mut span: Option<(Time, Time)> = None;
        for pod in self.pods.values().filter(|p| p.service == service && p.slot == slot) {
            let Some(increase) = pod.of(kind).tracker.increase(from, to) else { continue };
            let (first, last) = span.unwrap_or((increase.from, increase.to));
            span = Some((first.min(increase.from), last.max(increase.to)));
            for (group, n) in increase.groups {
                all += n;
                *groups.entry(group).or_insert(0.0) += n;
            }
        }
        let rate = span.map(|(first, last)| all * pick.scale() / last.since(first).as_secs_f64());
        Ok(Reading { groups: Some(groups), rate, sample_at })
    }

    /// Requests seen of one version between two instants. `None` unless every chosen pod answered at
    /// its last turn and was seen at least twice in between.
    pub fn grown(&self, service: &str, slot: Slot, pick: &Pick, from: Time, to: Time) -> Option<f64> {
        if !self.exists(service, Kind::Requests) {
            return None;
        }
        for name in &pick.pods {
            let pod = self.pods.get(name)?;
            if pod.error.is_some() || pod.requests.doubt.is_some() {
                return None;
            }
            pod.requests.tracker.increase(from, to)?;
        }
        let grown = |p: &Pod| p.requests.tracker.increase(from, to).map(|i| sum(i.groups.into_values()));
        let all = sum(self.pods.values().filter(|p| p.service == service && p.slot == slot).filter_map(grown));
        Some(all)
    }

    /// Requests of one version since this was last answered. `None` until every chosen pod was read anew since then.
    pub fn recent(&mut self, service: &str, slot: Slot, pick: &Pick, tick: Time) -> Option<f64> {
        let key = (service.to_string(), slot);
        let newest = self.chosen(pick).map(|(_, p)| p.requests.tracker.newest()).min().unwrap_or(Some(tick))?;
        let Some(since) = self.reported.get(&key).copied().filter(|s| *s <= newest) else {
            self.reported.insert(key, newest);
            return None;
        };
        // Not read anew: there are no two scrapes in between.
        let grown = self.grown(service, slot, pick, since, tick)?;
        self.reported.insert(key, newest);
        Some(grown)
    }
}
