//! How much counters grew, from scrapes of one pod.
//!
//! Pure. A reset is looked for in each series of each pod by itself, before anything is summed: summing first makes a
//! restarted pod look like negative traffic.
//!
//! - A value below the one before is a reset: the process began anew at 0, so the whole value is growth. (What was
//!   counted between the last scrape and the restart is lost, as it is to Prometheus.)
//! - A series absent from an earlier scrape of the pod and present now began at 0 in between: its whole value is growth.
//!   `increase()` of Prometheus does not see this, and so misses the first errors of a process.
//! - The first scrape of a pod says nothing by itself, since the pod may have run for days. Only for a pod known to have
//!   come into being after some instant does its first value count, from 0 at that instant.
//! - A pod that vanished just stops growing. Nothing is extrapolated.
//!
//! What is kept are running totals per group (a status code, a bucket bound), so thinning the history out loses where
//! growth happened within a gap, never how much.
use std::collections::{BTreeMap, BTreeSet};

use crate::spec::units::{Dur, Time};

/// Most series of one metric of one pod.
pub const MAX_SERIES: usize = 10_000;
/// Points kept are this many times closer together than they are old: a window is covered to a sixteenth of its length.
const FINENESS: u64 = 16;
/// Most points kept whatever their age; 3 days of scrapes every 15 s come to some 130.
const MAX_POINTS: usize = 512;

/// The sum; of nothing 0. (The standard library's is -0, which would show.)
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |a, b| a + b)
}

/// One scrape of one metric: each series' identity to the group it belongs to and its value.
pub type Scrape = BTreeMap<String, (String, f64)>;

/// Growth of one metric of one pod between two scrapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Increase {
    /// By group; groups that did not grow are in it with 0.
    pub groups: BTreeMap<String, f64>,
    pub from: Time,
    pub to: Time,
}

/// The scrapes of one metric of one pod.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    last: BTreeMap<String, f64>,
    groups: Vec<String>,
    totals: Vec<f64>,
    /// Oldest first. A point made before a group existed has no entry for it: 0.
    points: Vec<Point>,
}

#[derive(Debug, Clone)]
struct Point {
    at: Time,
    totals: Box<[f64]>,
}

impl Point {
    fn total(&self, group: usize) -> f64 {
        self.totals.get(group).copied().unwrap_or(0.0)
    }
}

impl Tracker {
    /// Takes in a scrape made at `at`. `born`: the pod is known not to have existed before this instant; only heeded at
    /// the first scrape. A scrape not later than the one before (a clock set back) makes the history start anew; what
    /// grew since then is not counted.
    pub fn record(&mut self, at: Time, born: Option<Time>, scrape: &Scrape) {
        let back = self.newest().is_some_and(|newest| at <= newest);
        if back {
            self.points.clear();
        }
        let first = self.points.is_empty();
        let born = born.filter(|b| first && !back && *b < at);
        if let Some(born) = born {
            self.points.push(Point { at: born, totals: Box::default() });
        }
        // At a first scrape this gives totals to start from; growth is between points, so they are not counted.
        for (series, (group, value)) in scrape {
            let grown = match self.last.insert(series.clone(), *value) {
                Some(before) if before <= *value => value - before,
                Some(_) | None => *value,
            };
            let group = self.group(group);
            self.totals[group] += grown;
        }
        // Series that come and go by the thousand (an id in a label) must not pile up.
        if self.last.len() > 2 * MAX_SERIES {
            self.last.retain(|series, _| scrape.contains_key(series));
        }
        self.points.push(Point { at, totals: self.totals.as_slice().into() });
        self.thin();
    }

    fn group(&mut self, name: &str) -> usize {
        self.groups.iter().position(|g| g == name).unwrap_or_else(|| {
            self.groups.push(name.to_string());
            self.totals.push(0.0);
            self.groups.len() - 1
        })
    }

    /// Drops points that lie closer to their neighbours than their age asks for. First and last stay.
    fn thin(&mut self) {
        let Some(now) = self.newest() else { return };
        let mut kept: Vec<Point> = Vec::with_capacity(self.points.len());
        let mut points = std::mem::take(&mut self.points).into_iter().peekable();
        while let Some(point) = points.next() {
            let needless = match (kept.last(), points.peek()) {
                (Some(before), Some(after)) => after.at.since(before.at).times(FINENESS) <= now.since(after.at),
                _ => false,
            };
            if !needless {
                kept.push(point);
            }
        }
        if kept.len() > MAX_POINTS {
            kept.drain(..kept.len() - MAX_POINTS);
        }
        self.points = kept;
    }

    /// Growth between the first scrape at or after `from` and the last at or before `to`: never from before `from`, so
    /// up to one scrape interval (or, for old windows, a sixteenth of the window) less than asked. `None`: there are no
    /// two scrapes in between.
    pub fn increase(&self, from: Time, to: Time) -> Option<Increase> {
        let first = self.points.get(self.points.partition_point(|p| p.at < from))?;
        let last = self.points.get(self.points.partition_point(|p| p.at <= to).checked_sub(1)?)?;
        if first.at >= last.at {
            return None;
        }
        let groups = self.groups.iter().enumerate().map(|(i, g)| (g.clone(), last.total(i) - first.total(i))).collect();
        Some(Increase { groups, from: first.at, to: last.at })
    }

    /// When it was scraped last.
    pub fn newest(&self) -> Option<Time> {
        self.points.last().map(|p| p.at)
    }

    /// Forgets what lies more than `horizon` before the newest point.
    pub fn forget(&mut self, horizon: Dur) {
        if let Some(newest) = self.newest() {
            self.points.retain(|p| newest.since(p.at) <= horizon);
        }
    }

    /// Points kept, for the bound on memory.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The groups seen so far.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.groups.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests;
