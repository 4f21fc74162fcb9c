//! What the watches have delivered, by kind and name.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::json::{name, revision, text};
use super::lean::watched;
use super::wire::Kind;
use crate::engine::message::Link;
use crate::engine::observe::Observation;

/// The kinds that are watched.
pub const WATCHED: [Kind; 4] = [Kind::Deployments, Kind::Pods, Kind::Services, Kind::HttpRoutes];

/// Objects of one kind.
#[derive(Debug, Default)]
pub struct Objects {
    by_name: BTreeMap<String, Value>,
    listed: bool,
    /// Highest resource version processed: events, lists and bookmarks.
    seen: u64,
    alive: bool,
    down: Option<String>,
    /// Objects we deleted ourselves: events that were on their way must not bring them back.
    gone: BTreeSet<String>,
    /// The version of a write of ours that its stream has not come to yet, and since when.
    owed: Option<(u64, Instant)>,
}

impl Objects {
    fn saw(&mut self, version: u64) {
        self.seen = self.seen.max(version);
        self.owed.take_if(|(owed, _)| *owed <= self.seen);
    }
}

/// All kinds, and what was told of them last.
#[derive(Debug, Default)]
pub struct Inner {
    kinds: BTreeMap<Kind, Objects>,
    /// Counts up with each change.
    version: u64,
    told_version: u64,
    told: BTreeMap<String, Observation>,
    silent: Option<String>,
}

/// The store that watches write and observations are made from.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

impl Default for Store {
    fn default() -> Store {
        Store { inner: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Inner {
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.kinds.get(&kind)?.by_name.get(name)
    }

    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.kinds.get(&kind).into_iter().flat_map(|k| k.by_name.values())
    }

    /// Every watched kind has been listed once.
    pub fn complete(&self) -> bool {
        WATCHED.iter().all(|kind| self.kinds.get(kind).is_some_and(|k| k.listed))
    }

    /// From now on everything is to be told again, once it has been listed again.
    pub fn forget_told(&mut self) {
        self.told.clear();
        self.kinds.values_mut().for_each(|kind| kind.listed = false);
    }

    /// Nothing came in since something was told last.
    pub fn is_told(&self) -> bool {
        self.told_version == self.version && !self.told.is_empty()
    }

    /// Waits for the next change although nothing could be told yet.
    pub fn wait_on(&mut self) {
        self.told_version = self.version;
    }

    /// What of `now` differs from what was told last; from then on it counts as told.
    pub fn untold(&mut self, now: Vec<(String, Observation)>) -> Vec<Observation> {
        self.told_version = self.version;
        let mut out = Vec::new();
        for (key, observation) in now {
            if self.told.get(&key) != Some(&observation) {
                out.push(observation.clone());
                self.told.insert(key, observation);
            }
        }
        out
    }
}

impl Store {
    /// The lock is never held over an await, and a panic while it is held leaves whole objects: go on with them.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut Inner)) {
        let version = {
            let mut inner = self.lock();
            act(&mut inner);
            inner.version += 1;
            inner.version
        };
        self.changes.send_replace(version);
    }

    /// Returns when something changed since the last observation.
    pub async fn changed(&self) {
        let mut changes = self.changes.subscribe();
        // The sender lives as long as `self`, so this cannot end by its being dropped.
        let _ = changes.wait_for(|version| *version != self.lock().told_version).await;
    }

    /// A list replaces everything of its kind.
    pub fn replace(&self, kind: Kind, items: Vec<Value>, version: &str) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            objects.gone.clear();
            objects.by_name = items.into_iter().map(|item| (name(&item).to_string(), watched(kind, item))).collect();
            objects.saw(version.parse().unwrap_or(0));
            objects.listed = true;
        });
    }

    /// An object was added or changed. One that is older than what is known changes nothing.
    pub fn put(&self, kind: Kind, object: Value) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            objects.saw(revision(&object));
            put(objects, kind, object);
        });
    }

    /// Takes in what a write was answered with, ahead of the watch.
    pub fn put_written(&self, kind: Kind, object: &Value) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            let version = revision(object);
            if version > objects.seen {
                objects.owed.get_or_insert_with(|| (version, Instant::now()));
            }
            put(objects, kind, object.clone());
        });
    }

    /// Whether the stream has not come to a write of ours for so long.
    pub fn owes(&self, kind: Kind, patience: Duration) -> bool {
        let inner = self.lock();
        let owed = inner.kinds.get(&kind).and_then(|k| k.owed);
        owed.is_some_and(|(_, since)| since.elapsed() >= patience)
    }

    pub fn remove(&self, kind: Kind, object: &Value) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            objects.saw(revision(object));
            let uid = uid(object);
            objects.gone.remove(uid);
            if objects.by_name.get(name(object)).is_some_and(|have| self::uid(have) == uid) {
                objects.by_name.remove(name(object));
            }
        });
    }

    /// Takes an object away that we deleted, ahead of the watch.
    pub fn remove_written(&self, kind: Kind, object: &Value) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            if objects.by_name.remove(name(object)).is_some() {
                objects.gone.insert(uid(object).to_string());
            }
        });
    }

    pub fn bookmark(&self, kind: Kind, version: &str) {
        let version = version.parse().unwrap_or(0);
        let mut inner = self.lock();
        let objects = inner.kinds.entry(kind).or_default();
        objects.saw(version);
    }

    /// The kind's stream is open.
    pub fn up(&self, kind: Kind) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            objects.alive = true;
            objects.down = None;
        });
    }

    /// The kind's stream ended; with a reason when it cannot be opened again.
    pub fn down(&self, kind: Kind, why: Option<String>) {
        self.change(|inner| {
            let objects = inner.kinds.entry(kind).or_default();
            objects.alive = false;
            objects.down = why.or(objects.down.take());
        });
    }

    /// Whether the server answers at all, by a question of its own.
    pub fn silent(&self, why: Option<String>) {
        if self.lock().silent != why {
            self.change(|inner| inner.silent = why);
        }
    }

    pub fn link(&self) -> Link {
        let inner = self.lock();
        let watches = inner.kinds.values().find_map(|k| k.down.clone());
        match watches.or_else(|| inner.silent.clone()) {
            Some(why) => Link::Down(why),
            None => Link::Up,
        }
    }

    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.lock().kinds.iter().map(|(kind, objects)| (kind.plural(), objects.seen)).collect()
    }

    /// Every watch has its list and an open stream.
    pub fn alive(&self) -> bool {
        let inner = self.lock();
        WATCHED.iter().all(|kind| inner.kinds.get(kind).is_some_and(|k| k.listed && k.alive))
    }
}

fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid").unwrap_or_default()
}

fn put(objects: &mut Objects, kind: Kind, object: Value) {
    if objects.gone.contains(uid(&object)) {
        return;
    }
    let known = objects.by_name.get(name(&object));
    if known.is_some_and(|have| revision(have) > revision(&object)) {
        return;
    }
    objects.by_name.insert(name(&object).to_string(), watched(kind, object));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(version: u64) -> Value {
        json!({"metadata": {"name": "p", "uid": "u1", "resourceVersion": version.to_string(), "managedFields": [{}],
               "annotations": {"big": "x"}}, "spec": {"containers": []}})
    }

    fn version_of(store: &Store) -> u64 {
        store.lock().get(Kind::Pods, "p").map_or(0, revision)
    }

    #[test]
    fn what_was_written_is_not_undone_by_events_still_under_way() {
        let store = Store::default();
        store.put_written(Kind::Pods, &pod(12));
        store.put(Kind::Pods, pod(11));
        assert_eq!(version_of(&store), 12);
        assert_eq!(store.seen()["pods"], 11, "a write's answer is not a processed event");
        store.remove_written(Kind::Pods, &pod(12));
        store.put(Kind::Pods, pod(13));
        assert_eq!(version_of(&store), 0, "an event on its way must not bring it back");
        store.remove(Kind::Pods, &pod(14));
        let mut again = pod(15);
        again["metadata"]["uid"] = json!("u2");
        store.put(Kind::Pods, again);
        assert_eq!(version_of(&store), 15);
        store.remove(Kind::Pods, &pod(16));
        assert_eq!(version_of(&store), 15, "the old object's end is not the new one's");
    }

    #[test]
    fn a_write_is_owed_until_its_stream_comes_to_it() {
        let store = Store::default();
        store.bookmark(Kind::Pods, "11");
        store.put_written(Kind::Pods, &pod(11));
        assert!(!store.owes(Kind::Pods, Duration::ZERO), "nothing was changed by that write");
        store.put_written(Kind::Pods, &pod(12));
        assert!(store.owes(Kind::Pods, Duration::ZERO));
        assert!(!store.owes(Kind::Pods, Duration::from_secs(60)), "not for long yet");
        store.bookmark(Kind::Pods, "13");
        assert!(!store.owes(Kind::Pods, Duration::ZERO));
    }

    #[test]
    fn only_what_is_read_is_kept() {
        let store = Store::default();
        store.put(Kind::Pods, pod(1));
        let inner = store.lock();
        let kept = inner.get(Kind::Pods, "p").unwrap();
        assert_eq!(kept["metadata"], json!({"name": "p", "uid": "u1", "resourceVersion": "1"}));
        assert_eq!(kept.get("spec"), None);
    }

    #[tokio::test]
    async fn changes_coalesce_until_they_are_observed() {
        let store = Store::default();
        store.put(Kind::Pods, pod(1));
        store.put(Kind::Pods, pod(2));
        store.changed().await;
        store.lock().untold(Vec::new());
        let wait = tokio::time::timeout(std::time::Duration::from_millis(20), store.changed()).await;
        assert!(wait.is_err(), "nothing new");
        store.put(Kind::Pods, pod(3));
        store.changed().await;
    }

    #[test]
    fn the_link_says_which_watch_is_down() {
        let store = Store::default();
        store.down(Kind::Pods, Some("list pods: refused".into()));
        assert_eq!(store.link(), Link::Down("list pods: refused".into()));
        store.down(Kind::Pods, None);
        assert_eq!(store.link(), Link::Down("list pods: refused".into()), "still not open");
        store.up(Kind::Pods);
        assert_eq!(store.link(), Link::Up);
        assert!(!store.alive(), "not every kind was listed");
    }
}
