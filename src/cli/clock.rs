//! Real time, and the virtual time of a rehearsal on the practice cluster.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::cluster::KubeCluster;
use crate::engine::message::Stamp;
use crate::ports::Clock;
use crate::practice::Shared;
use crate::spec::units::{Dur, Time};

/// The machine's own clocks.
pub struct RealClock {
    origin: Instant,
}

impl RealClock {
    pub fn new() -> RealClock {
        RealClock { origin: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        RealClock::new()
    }
}

/// The wall clock, once per call.
pub fn wall() -> Time {
    Time(chrono::Utc::now().timestamp_millis())
}

/// The next full second: what is planned from now on begins no earlier, and nobody reads milliseconds.
pub fn soon() -> Time {
    wall().ceil(Dur::secs(1))
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Stamp {
        let mono = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        Stamp { wall: wall(), mono }
    }

    async fn sleep_until(&self, until: Time) {
        // Sleeping in short stretches, so that a clock that is set or a suspended machine is noticed soon.
        loop {
            let left = until.until(wall());
            if left == Dur::ZERO {
                return;
            }
            tokio::time::sleep(Duration::from(left.min(Dur::secs(1)))).await;
        }
    }
}

/// How fast virtual time passes against wall time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// Virtual seconds per wall second.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

impl std::str::FromStr for Speed {
    type Err = String;
    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
        number
            .filter(|n| n.is_finite() && (0.1..=100_000.0).contains(n))
            .map(Speed::Times)
            .ok_or_else(|| format!("`{text}` is not a speed: write a number from 0.1 to 100000, or max"))
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Speed::Times(n) => write!(f, "{n}x"),
            Speed::Max => f.write_str("max"),
        }
    }
}

/// One virtual clock for the practice cluster and the driver. It moves only while the driver waits, from one event of the
/// cluster to the next, and the driver looks again only when everything the cluster has to tell has arrived. So a seed
/// decides the night at any speed.
pub struct VirtualClock {
    world: Shared,
    cluster: Arc<KubeCluster>,
    speed: Speed,
    start: i64,
    pace: Mutex<Pace>,
}

/// Where wall time and virtual time met last.
struct Pace {
    wall: Instant,
    virt: i64,
}

impl VirtualClock {
    pub fn new(world: Shared, cluster: Arc<KubeCluster>, speed: Speed) -> VirtualClock {
        let start = world.now();
        let pace = Mutex::new(Pace { wall: Instant::now(), virt: start });
        VirtualClock { world, cluster, speed, start, pace }
    }

    /// Where virtual time should be by now if it flowed evenly.
    fn flowed(&self) -> i64 {
        let Speed::Times(times) = self.speed else { return i64::MAX };
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.virt.saturating_add((pace.wall.elapsed().as_secs_f64() * 1000.0 * times) as i64)
    }

    /// Sleeps in wall time until virtual time may be `to`. Short stretches, so that a key is answered at once.
    async fn pace(&self, to: i64) {
        let Speed::Times(times) = self.speed else {
            return tokio::task::yield_now().await;
        };
        loop {
            let behind = to - self.flowed();
            if behind <= 0 {
                break;
            }
            let wait = Duration::from_secs_f64((behind as f64 / 1000.0 / times).min(0.05));
            tokio::time::sleep(wait).await;
        }
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        // Work took wall time: catch up, but never by racing.
        let late = self.speed_lag(&pace, to);
        if late > Duration::from_millis(500) {
            *pace = Pace { wall: Instant::now(), virt: to };
        }
    }

    fn speed_lag(&self, pace: &Pace, to: i64) -> Duration {
        let Speed::Times(times) = self.speed else { return Duration::ZERO };
        let due = Duration::from_secs_f64(((to - pace.virt) as f64 / 1000.0 / times).max(0.0));
        pace.wall.elapsed().saturating_sub(due)
    }

    /// Everything the world has written has come in through the watches.
    fn arrived(&self) -> bool {
        if !self.cluster.watching() {
            return true;
        }
        let seen = self.cluster.seen();
        self.cluster.alive() && seen.iter().all(|(kind, rv)| *rv >= self.world.last_change_rv(kind))
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Stamp {
        let now = self.world.now();
        Stamp { wall: Time(now), mono: u64::try_from(now - self.start).unwrap_or(0) }
    }

    async fn sleep_until(&self, until: Time) {
        let now = self.world.now();
        let next = self.world.next_event().map_or(until.0, |e| e.min(until.0)).max(now);
        self.pace(next).await;
        self.world.advance_to(next);
        self.settle().await;
    }

    fn is_virtual(&self) -> bool {
        true
    }

    async fn settle(&self) {
        // In-process loopback: a millisecond is usual. A watch that never comes back must not stop the demo for good.
        let began = Instant::now();
        while self.world.reachable() && !self.arrived() {
            if began.elapsed() > Duration::from_secs(10) {
                tracing::warn!("the practice cluster's watches did not catch up in 10 s");
                return;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_numbers_or_max() {
        assert_eq!("60".parse::<Speed>(), Ok(Speed::Times(60.0)));
        assert_eq!("2.5x".parse::<Speed>(), Ok(Speed::Times(2.5)));
        assert_eq!("max".parse::<Speed>(), Ok(Speed::Max));
        for bad in ["", "fast", "-1", "NaN", "0"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }
}
