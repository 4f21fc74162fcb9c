//! A clock for a world that runs as a process of its own.

use super::shared::Shared;
use std::time::{Duration, Instant};

/// How often the world is moved, wall time.
const STEP: Duration = Duration::from_millis(50);

/// Moves the world with wall time, `speed` virtual seconds a second, until the task is dropped.
pub async fn drive(shared: Shared, speed: f64) {
    let (origin, from) = (Instant::now(), shared.now());
    let mut tick = tokio::time::interval(STEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        let virtual_ms = origin.elapsed().as_secs_f64() * 1000.0 * speed;
        shared.advance_to(from + virtual_ms as i64);
    }
}
