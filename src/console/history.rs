//! What gates said at the last ticks, for sparklines.
use std::collections::{BTreeMap, VecDeque};

use crate::engine::Run;
use crate::gate::Verdict;
use crate::spec::units::Time;

/// Ticks kept for each gate: half an hour of the ten-second grid.
pub const KEPT: usize = 180;

/// One gate at one tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: Time,
    /// In the unit of the gate's limit; `None` when there was no usable value.
    pub value: Option<f64>,
    pub verdict: Verdict,
}

/// The last ticks of every gate of every service that was evaluated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    points: BTreeMap<String, BTreeMap<String, VecDeque<Point>>>,
}

impl History {
    /// Takes in what is new in `run`.
    pub fn take(&mut self, run: &Run) {
        for track in run.tracks.values() {
            for (gate, state) in &track.gates {
                let Some(e) = &state.last else { continue };
                let point = Point { at: e.at, value: e.value.filter(|_| !e.verdict.is_missing()), verdict: e.verdict };
                self.push(&track.service, gate, point);
            }
        }
    }

    fn push(&mut self, service: &str, gate: &str, point: Point) {
        // Looked up first: the names are allocated only the first time.
        if let Some(points) = self.points.get_mut(service).and_then(|g| g.get_mut(gate)) {
            if points.back().is_some_and(|last| last.at >= point.at) {
                return;
            }
            if points.len() == KEPT {
                points.pop_front();
            }
            points.push_back(point);
            return;
        }
        self.points.entry(service.into()).or_default().insert(gate.into(), VecDeque::from([point]));
    }

    /// The last `count` points of a gate, oldest first.
    pub fn last(&self, service: &str, gate: &str, count: usize) -> impl Iterator<Item = Point> {
        let points = self.points.get(service).and_then(|g| g.get(gate));
        let skip = points.map_or(0, |p| p.len().saturating_sub(count));
        points.into_iter().flatten().copied().skip(skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_counts_once_and_old_ones_go() {
        let mut history = History::default();
        for i in 0..(KEPT as i64 + 20) {
            let point = Point { at: Time(i * 10_000), value: Some(i as f64), verdict: Verdict::Good };
            history.push("a", "g", point);
            history.push("a", "g", point);
        }
        assert_eq!(history.last("a", "g", 1000).count(), KEPT);
        let last: Vec<_> = history.last("a", "g", 2).filter_map(|p| p.value).collect();
        assert_eq!(last, [198.0, 199.0]);
        assert_eq!(history.last("a", "none", 5).count(), 0);
    }
}
