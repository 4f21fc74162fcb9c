//! The shelves: objects by kind, one resource version for all, and a bounded history per kind for watches.

use super::kinds::{KINDS, Kind};
use super::selector::Labels;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How many changes per kind a watch may be behind before it is told 410 Gone.
const HISTORY: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Added,
    Modified,
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    pub rv: u64,
    pub what: What,
    pub object: Arc<Value>,
    /// The object before, so that a selector can tell who left its view.
    pub before: Option<Arc<Value>>,
}

/// `(namespace, name)`; the namespace of a cluster-wide object is empty.
pub type Key = (String, String);

#[derive(Debug, Default)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    forgotten: u64,
    last: u64,
    /// Objects by the UID of their controlling owner.
    owned: BTreeMap<String, BTreeSet<Key>>,
    /// Objects by each of their labels.
    labelled: BTreeMap<(String, String), BTreeSet<Key>>,
}

/// What the controllers still have to look at: `(plural, key)`.
pub type Touched = (&'static str, Key);

#[derive(Debug)]
pub struct Store {
    rv: u64,
    shelves: BTreeMap<&'static str, Shelf>,
    touched: VecDeque<Touched>,
    waiting: BTreeSet<Touched>,
}

/// The namespace and name of an object.
pub fn key_of(object: &Value) -> Key {
    let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default().to_string();
    (text("/metadata/namespace"), text("/metadata/name"))
}

impl Store {
    /// An empty store; the first write gets version 101, so that 0 and 1 are never live versions.
    pub fn new() -> Self {
        Self {
            rv: 100,
            shelves: KINDS.iter().map(|k| (k.plural, Shelf::default())).collect(),
            touched: VecDeque::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// The version of the latest write of any kind.
    pub fn rv(&self) -> u64 {
        self.rv
    }

    /// The version of the latest write of this kind; 0 when there was none.
    pub fn last_rv(&self, plural: &str) -> u64 {
        self.shelves.get(plural).map_or(0, |s| s.last)
    }

    pub fn get(&self, plural: &str, ns: &str, name: &str) -> Option<&Arc<Value>> {
        self.shelves.get(plural)?.objects.get(&(ns.to_string(), name.to_string()))
    }

    /// All objects of a kind, by namespace and name; of one namespace when `ns` is not empty.
    pub fn list<'a>(&'a self, plural: &str, ns: &'a str) -> impl Iterator<Item = &'a Arc<Value>> {
        let range = self.shelves.get(plural).map(|s| {
            let from = if ns.is_empty() { (String::new(), String::new()) } else { (ns.to_string(), String::new()) };
            s.objects.range(from..)
        });
        range.into_iter().flatten().take_while(move |(k, _)| ns.is_empty() || k.0 == ns).map(|(_, v)| v)
    }

    /// The objects of a kind controlled by the owner with this UID, by namespace and name.
    pub fn owned<'a>(&'a self, plural: &str, uid: &str) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let shelf = self.shelves.get(plural);
        let keys = shelf.and_then(|s| s.owned.get(uid));
        keys.into_iter().flatten().filter_map(move |k| shelf?.objects.get(k))
    }

    /// The objects of a kind in a namespace that a selector matches, by name.
    pub fn selected(&self, plural: &str, ns: &str, selector: &Labels) -> Vec<Arc<Value>> {
        let matches = |o: &&Arc<Value>| selector.matches(o.pointer("/metadata/labels").unwrap_or(&Value::Null));
        let Some(pair) = selector.equality() else {
            return self.list(plural, ns).filter(matches).cloned().collect();
        };
        let shelf = self.shelves.get(plural);
        let keys = shelf.and_then(|s| s.labelled.get(&pair));
        keys.into_iter()
            .flatten()
            .filter(|k| k.0 == ns)
            .filter_map(|k| shelf?.objects.get(k))
            .filter(matches)
            .cloned()
            .collect()
    }

    /// Puts an object on its shelf under a new version and returns it as stored.
    pub fn put(&mut self, kind: &'static Kind, mut object: Value) -> Arc<Value> {
        self.rv += 1;
        object["metadata"]["resourceVersion"] = json!(self.rv.to_string());
        let key = key_of(&object);
        let object = Arc::new(object);
        let shelf = self.shelves.entry(kind.plural).or_default();
        let before = shelf.objects.insert(key.clone(), object.clone());
        if let Some(b) = &before {
            shelf.index(&key, b, false);
        }
        shelf.index(&key, &object, true);
        let what = if before.is_some() { What::Modified } else { What::Added };
        shelf.remember(Change { rv: self.rv, what, object: object.clone(), before });
        self.touch(kind.plural, key);
        object
    }

    /// Takes an object off its shelf; the last state carries the version of its removal.
    pub fn remove(&mut self, kind: &'static Kind, ns: &str, name: &str) -> Option<Arc<Value>> {
        let shelf = self.shelves.get_mut(kind.plural)?;
        let key = (ns.to_string(), name.to_string());
        let before = shelf.objects.remove(&key)?;
        shelf.index(&key, &before, false);
        self.rv += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = json!(self.rv.to_string());
        let object = Arc::new(last);
        shelf.remember(Change { rv: self.rv, what: What::Deleted, object: object.clone(), before: Some(before) });
        self.touch(kind.plural, key);
        Some(object)
    }

    /// The changes of a kind after `rv`, oldest first.
    ///
    /// # Errors
    /// The oldest version still known, when `rv` is older than the history.
    pub fn since(&self, plural: &str, rv: u64) -> Result<impl Iterator<Item = &Change>, u64> {
        let shelf = self.shelves.get(plural);
        let forgotten = shelf.map_or(0, |s| s.forgotten);
        if rv < forgotten {
            return Err(forgotten);
        }
        let history = shelf.map(|s| {
            let from = s.history.partition_point(|c| c.rv <= rv);
            s.history.range(from..)
        });
        Ok(history.into_iter().flatten())
    }

    /// The oldest version a watch or a paged list of this kind may start from.
    pub fn forgotten(&self, plural: &str) -> u64 {
        self.shelves.get(plural).map_or(0, |s| s.forgotten)
    }

    /// Drops the history of every kind, as compaction does; later watches from before are told 410 Gone.
    pub fn compact(&mut self) {
        let now = self.rv;
        for shelf in self.shelves.values_mut() {
            shelf.history.clear();
            shelf.forgotten = now;
        }
    }

    /// The next object a controller has to look at.
    pub fn next_touched(&mut self) -> Option<Touched> {
        let next = self.touched.pop_front()?;
        self.waiting.remove(&next);
        Some(next)
    }

    /// Has a controller look at an object, once however often it is asked for before that.
    pub fn touch(&mut self, plural: &'static str, key: Key) {
        let touched = (plural, key);
        if self.waiting.insert(touched.clone()) {
            self.touched.push_back(touched);
        }
    }
}

impl Shelf {
    /// Enters an object under its owner and labels, or takes it out.
    fn index(&mut self, key: &Key, o: &Value, enter: bool) {
        let owners = o.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let controller = owners.into_iter().flatten().find(|r| r["controller"] == true);
        if let Some(uid) = controller.and_then(|r| r["uid"].as_str()) {
            entered(self.owned.entry(uid.to_string()).or_default(), key, enter);
        }
        let labels = o.pointer("/metadata/labels").and_then(Value::as_object);
        for (k, v) in labels.into_iter().flatten() {
            let pair = (k.clone(), v.as_str().unwrap_or_default().to_string());
            entered(self.labelled.entry(pair).or_default(), key, enter);
        }
    }

    fn remember(&mut self, change: Change) {
        self.last = change.rv;
        if self.history.len() == HISTORY
            && let Some(old) = self.history.pop_front()
        {
            self.forgotten = old.rv;
        }
        self.history.push_back(change);
    }
}

fn entered(set: &mut BTreeSet<Key>, key: &Key, enter: bool) {
    if enter {
        set.insert(key.clone());
    } else {
        set.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::of;

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop"}})
    }

    #[test]
    fn versions_rise_and_history_tells_added_modified_deleted() {
        let mut s = Store::new();
        let a = s.put(of("pods"), pod("a"));
        s.put(of("pods"), pod("a"));
        s.remove(of("pods"), "shop", "a");
        let all: Vec<What> = s.since("pods", 0).expect("kept").map(|c| c.what).collect();
        assert_eq!(all, [What::Added, What::Modified, What::Deleted]);
        assert_eq!(a["metadata"]["resourceVersion"], "101");
        assert_eq!((s.rv(), s.last_rv("pods"), s.last_rv("leases")), (103, 103, 0));
    }

    #[test]
    fn a_watch_from_before_the_history_is_told_so() {
        let mut s = Store::new();
        for _ in 0..HISTORY + 10 {
            s.put(of("pods"), pod("a"));
        }
        let Err(oldest) = s.since("pods", 105) else { panic!("105 is forgotten") };
        assert_eq!(oldest, 110);
        assert!(s.since("pods", oldest).is_ok());
        s.compact();
        assert!(s.since("pods", s.rv() - 1).is_err());
        assert!(s.since("pods", s.rv()).is_ok());
    }

    #[test]
    fn owners_and_labels_are_found_and_forgotten() {
        let mut s = Store::new();
        let owned = |app: &str| {
            json!({"metadata": {"name": "a", "namespace": "shop", "labels": {"app": app, "x": "y"},
                "ownerReferences": [{"uid": "u1", "controller": true}]}})
        };
        let by = |s: &Store, q: &str| {
            let labels = Labels::parse(q).expect("parses");
            s.selected("pods", "shop", &labels).len()
        };
        s.put(of("pods"), owned("billing"));
        assert_eq!((s.owned("pods", "u1").count(), by(&s, "app=billing")), (1, 1));
        assert_eq!((by(&s, "app=billing,x!=y"), by(&s, "!z")), (0, 1));
        s.put(of("pods"), owned("orders"));
        assert_eq!((by(&s, "app=billing"), by(&s, "app=orders,x=y")), (0, 1));
        s.remove(of("pods"), "shop", "a");
        assert_eq!((s.owned("pods", "u1").count(), by(&s, "app=orders")), (0, 0));
    }

    #[test]
    fn a_namespace_does_not_leak_into_the_next() {
        let mut s = Store::new();
        for ns in ["a", "ab", "b"] {
            s.put(of("pods"), json!({"metadata": {"name": "x", "namespace": ns}}));
        }
        assert_eq!(s.list("pods", "a").count(), 1);
        assert_eq!(s.list("pods", "").count(), 3);
    }
}
