//! Who waits for an instant, by when. What is taken out is never put back before it, so whoever waits long only lies on the
//! shelf of an hour until that comes near.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::spec::units::Time;

const HOUR: i64 = 3_600_000;

pub(super) struct Later {
    from: Time,
    shelves: Vec<Vec<(Time, u32)>>,
    /// This shelf and those before it are empty: what they held is near.
    here: usize,
    near: BinaryHeap<Reverse<(Time, u32)>>,
}

impl Later {
    /// For instants between two.
    pub fn between(from: Time, limit: Time) -> Later {
        let hours = usize::try_from((limit.0 - from.0).max(0) / HOUR).unwrap_or(0);
        Later { from, shelves: vec![Vec::new(); hours + 1], here: 0, near: BinaryHeap::new() }
    }

    pub fn put(&mut self, at: Time, who: u32) {
        let shelf = usize::try_from((at.0 - self.from.0).max(0) / HOUR).unwrap_or(0);
        match self.shelves.get_mut(shelf) {
            Some(shelf_of) if shelf > self.here => shelf_of.push((at, who)),
            _ => self.near.push(Reverse((at, who))),
        }
    }

    /// The first instant somebody waits for.
    pub fn first(&mut self) -> Option<Time> {
        while self.near.is_empty() {
            let shelf = self.shelves.get_mut(self.here + 1)?;
            self.near.extend(std::mem::take(shelf).into_iter().map(Reverse));
            self.here += 1;
        }
        self.near.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the first who waits for nothing later.
    pub fn take(&mut self, now: Time) -> Option<u32> {
        self.first().filter(|at| *at <= now)?;
        self.near.pop().map(|Reverse((_, who))| who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_out_in_order_also_those_that_are_put_in_meanwhile() {
        let at = |minutes: i64| Time(minutes * 60_000);
        let mut later = Later::between(at(0), at(400));
        for (minutes, who) in [(399, 0), (61, 1), (0, 2), (59, 3), (60, 4), (400, 5)] {
            later.put(at(minutes), who);
        }
        let mut taken = Vec::new();
        while let Some(first) = later.first() {
            assert_eq!(later.take(first - crate::spec::units::Dur::mins(1)), None);
            let who = later.take(first).unwrap();
            taken.push((first.0 / 60_000, who));
            if who == 4 {
                later.put(at(60), 6);
                later.put(at(62), 7);
                later.put(at(300), 8);
            }
        }
        let expected = [(0, 2), (59, 3), (60, 4), (60, 6), (61, 1), (62, 7), (300, 8), (399, 0), (400, 5)];
        assert_eq!(taken, expected);
    }
}
