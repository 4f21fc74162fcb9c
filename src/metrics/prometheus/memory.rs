//! What is remembered of the pods between two ticks, since a Prometheus forgets a target the moment it is down. Pure.
use std::collections::BTreeMap;

use crate::engine::observe::Slot;
use crate::metrics::names::Kind;
use crate::spec::units::{Dur, Time};

/// Pods not asked about for this long are forgotten.
const HORIZON: Dur = Dur::hours(1);

/// What one look showed of one pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// When its series were last scraped.
    pub requests_at: Option<Time>,
    pub durations_at: Option<Time>,
    /// When it was last scraped with success, if its last scrape was one.
    pub up_at: Option<Time>,
    /// All requests it has counted so far.
    pub total: Option<f64>,
}

impl Look {
    fn at(&self, kind: Kind) -> Option<Time> {
        match kind {
            Kind::Requests => self.requests_at,
            Kind::Durations => self.durations_at,
        }
    }
}

/// All looks of one tick, by pod.
pub type Looks = BTreeMap<String, Look>;

#[derive(Debug, Clone)]
struct Known {
    service: String,
    first: Time,
    asked: Time,
    /// Last time its series were there.
    requests_at: Option<Time>,
    durations_at: Option<Time>,
}

#[derive(Debug, Default)]
pub struct Memory {
    pods: BTreeMap<String, Known>,
    /// Time and total of each pod when `recent` last reported, by service and slot.
    reported: BTreeMap<(String, Slot), BTreeMap<String, (Time, f64)>>,
    /// Last age of a gate's own data, by service, gate and slot.
    own: BTreeMap<(String, String, Slot), Time>,
}

impl Memory {
    /// Takes in one tick's looks at the pods asked about.
    pub fn take<'a>(&mut self, tick: Time, asked: impl IntoIterator<Item = (&'a str, &'a str)>, looks: &Looks) {
        for (service, pod) in asked {
            let fresh =
                || Known { service: service.into(), first: tick, asked: tick, requests_at: None, durations_at: None };
            let known = self.pods.entry(pod.to_string()).or_insert_with(fresh);
            known.asked = tick;
            if let Some(look) = looks.get(pod) {
                known.requests_at = known.requests_at.max(look.requests_at);
                known.durations_at = known.durations_at.max(look.durations_at);
            }
        }
        self.pods.retain(|_, known| tick.since(known.asked) <= HORIZON);
    }

    /// Whether any pod of the service ever showed these series: then a pod without them has served nothing so far.
    pub fn exists(&self, service: &str, kind: Kind) -> bool {
        self.pods.values().any(|k| k.service == service && Self::last(k, kind).is_some())
    }

    fn last(known: &Known, kind: Kind) -> Option<Time> {
        match kind {
            Kind::Requests => known.requests_at,
            Kind::Durations => known.durations_at,
        }
    }

    /// When a pod was last seen.
    ///
    /// While its series are there, their own time. A pod that never had any and is being scraped is as old as that
    /// scrape: it served nothing. A pod whose series went away is as old as they were, however well some other port of
    /// it answers: growth over a window stays plausible for a while after a target died. A pod never seen ages from
    /// when it was first asked about.
    pub fn seen(&self, tick: Time, pod: &str, kind: Kind, looks: &Looks) -> Time {
        let look = looks.get(pod);
        let known = self.pods.get(pod);
        let now = look.and_then(|l| l.at(kind));
        let before = known.and_then(|k| Self::last(k, kind));
        let up = || look.and_then(|l| l.up_at);
        now.or(before).or_else(up).or(known.map(|k| k.first)).unwrap_or(tick)
    }

    /// Requests of one version since this was last answered. `None` until every pod was scraped anew since then, so that
    /// two answers of nothing are two scrapes of nothing. A total that fell is a restart: what it shows is new.
    pub fn recent(&mut self, service: &str, slot: Slot, pods: &[String], looks: &Looks) -> Option<f64> {
        let key = (service.to_string(), slot);
        let mut now = BTreeMap::new();
        for pod in pods {
            let look = looks.get(pod)?;
            let served = self.pods.get(pod).is_some_and(|k| k.requests_at.is_some());
            let seen = match (look.requests_at, look.total) {
                (Some(at), Some(total)) if total.is_finite() => (at, total),
                (None, None) if !served => (look.up_at?, 0.0),
                _ => return None,
            };
            now.insert(pod.clone(), seen);
        }
        let Some(before) = self.reported.get_mut(&key) else {
            self.reported.insert(key, now);
            return None;
        };
        let mut grown = 0.0;
        let mut whole = true;
        for (pod, (at, total)) in &now {
            match before.get(pod) {
                Some((then, _)) if at <= then => whole = false,
                Some((_, was)) => grown += if total < was { *total } else { total - was },
                None => {
                    before.insert(pod.clone(), (*at, *total));
                    whole = false;
                }
            }
        }
        if !whole {
            return None;
        }
        self.reported.insert(key, now);
        Some(grown)
    }

    /// Age of a gate's own data: as its freshness query says, else the last it said, else since it was first asked.
    pub fn own(&mut self, tick: Time, service: &str, gate: &str, slot: Slot, seen: Option<Time>) -> Time {
        let last = self.own.entry((service.into(), gate.into(), slot)).or_insert(tick);
        if let Some(seen) = seen {
            *last = seen;
        }
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Time {
        Time(s * 1000)
    }

    /// Pod, time of its series, time of its last good scrape, total.
    type Row<'a> = (&'a str, Option<i64>, Option<i64>, Option<f64>);

    fn looks(pods: &[Row<'_>]) -> Looks {
        let look = |requests: &Option<i64>, up: &Option<i64>, total: &Option<f64>| Look {
            requests_at: requests.map(at),
            up_at: up.map(at),
            total: *total,
            durations_at: None,
        };
        pods.iter().map(|(pod, r, u, t)| (pod.to_string(), look(r, u, t))).collect()
    }

    #[test]
    fn a_target_that_died_ages_from_its_last_scrape() {
        let mut memory = Memory::default();
        let alive = looks(&[("a", Some(95), Some(95), Some(5.0))]);
        memory.take(at(100), [("s", "a")], &alive);
        assert_eq!(memory.seen(at(100), "a", Kind::Requests, &alive), at(95));
        let dead = looks(&[]);
        memory.take(at(130), [("s", "a")], &dead);
        assert_eq!(memory.seen(at(130), "a", Kind::Requests, &dead), at(95));
        let sidecar = looks(&[("a", None, Some(129), None)]);
        memory.take(at(130), [("s", "a")], &sidecar);
        assert_eq!(memory.seen(at(130), "a", Kind::Requests, &sidecar), at(95), "another port's health says nothing");
    }

    #[test]
    fn a_pod_without_series_is_as_old_as_its_scrape_or_its_first_asking() {
        let mut memory = Memory::default();
        let quiet = looks(&[("a", None, Some(99), None)]);
        memory.take(at(100), [("s", "a"), ("s", "b")], &quiet);
        assert_eq!(memory.seen(at(100), "a", Kind::Requests, &quiet), at(99));
        memory.take(at(130), [("s", "a"), ("s", "b")], &looks(&[]));
        assert_eq!(memory.seen(at(130), "b", Kind::Requests, &looks(&[])), at(100));
        assert!(!memory.exists("s", Kind::Requests));
    }

    #[test]
    fn recent_waits_until_every_pod_was_scraped_anew() {
        let mut memory = Memory::default();
        let pods = ["a".to_string(), "b".to_string()];
        let mut ask = |a: Option<i64>, ta: f64, b: Option<i64>, tb: f64| {
            let seen = looks(&[("a", a, a, a.map(|_| ta)), ("b", b, b, b.map(|_| tb))]);
            memory.take(at(0), [("s", "a"), ("s", "b")], &seen);
            memory.recent("s", Slot::Next, &pods, &seen)
        };
        assert_eq!(ask(Some(5), 10.0, Some(8), 10.0), None);
        assert_eq!(ask(Some(20), 30.0, Some(8), 10.0), None, "b was not scraped since");
        assert_eq!(ask(Some(20), 30.0, Some(23), 15.0), Some(25.0));
        assert_eq!(ask(Some(35), 30.0, Some(38), 15.0), Some(0.0));
        assert_eq!(ask(Some(50), 4.0, Some(53), 15.0), Some(4.0), "a restarted");
        assert_eq!(ask(None, 0.0, Some(68), 15.0), None, "a is gone, and it may have served");
        assert_eq!(ask(Some(80), f64::NAN, Some(83), 15.0), None);
    }

    #[test]
    fn no_pods_serve_nothing() {
        let mut memory = Memory::default();
        assert_eq!(memory.recent("s", Slot::Next, &[], &Looks::new()), None);
        assert_eq!(memory.recent("s", Slot::Next, &[], &Looks::new()), Some(0.0));
    }
}
