//! One world, several hands: the server's connections, the clock's owner, tests.

use super::world::World;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// A world behind a lock, that tells when it was written to.
#[derive(Clone, Debug)]
pub struct Shared {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub fn new(world: World) -> Self {
        let (changed, _) = watch::channel(world.rv());
        Self { inner: Arc::new(Inner { world: Mutex::new(world), changed }) }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere while the lock was held leaves a world that can still be looked at.
        self.inner.world.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does something with the world; tells the waiting when it, or whether it can be reached, changed.
    pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.lock();
        let before = (world.rv(), world.outage());
        let result = f(&mut world);
        let after = (world.rv(), world.outage());
        drop(world);
        if before != after {
            self.inner.changed.send_replace(after.0);
        }
        result
    }

    /// The version of the latest write; the receiver wakes on each.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// The world's time, ms since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.lock().now()
    }

    /// When something next happens by itself that a client could see.
    pub fn next_event(&self) -> Option<i64> {
        self.lock().next_event()
    }

    /// Moves the world to `ms`.
    pub fn advance_to(&self, ms: i64) {
        self.with(|w| w.advance_to(ms));
    }

    /// The version of the latest add, change or removal of a kind, by plural.
    pub fn last_change_rv(&self, plural: &str) -> u64 {
        self.lock().last_change_rv(plural)
    }

    /// False while a scenario has the API server away.
    pub fn reachable(&self) -> bool {
        self.lock().outage().is_none()
    }
}
