//! Life of an object in the store: metadata on creation, generation and ownership on change, dependants on removal.

use super::fields::{self, Writer};
use super::kinds::{Kind, of};
use super::moment;
use super::status::{self, Refusal};
use super::store::{Key, key_of};
use super::validate;
use super::world::{Due, World};
use super::{defaults, status::Cause};
use serde_json::{Value, json};
use std::sync::Arc;

/// The field manager of the cluster's own controllers.
pub const CONTROLLERS: &str = "kube-controller-manager";
/// The field manager of the node agent.
pub const KUBELET: &str = "kubelet";

/// How many events are kept; a real server forgets them after an hour.
const EVENTS_KEPT: usize = 1_000;

/// An object's UID, or nothing.
pub fn uid(object: &Value) -> String {
    text(object, "/metadata/uid")
}

pub fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
}

pub fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// The controlling owner's kind and name.
pub fn controller(object: &Value) -> Option<(String, String)> {
    owners(object).find(|o| o["controller"] == true).map(|o| (text(o, "/kind"), text(o, "/name")))
}

pub fn owner_reference(kind: &Kind, owner: &Value) -> Value {
    json!([{"apiVersion": kind.api_version(), "kind": kind.kind, "name": text(owner, "/metadata/name"),
        "uid": uid(owner), "controller": true, "blockOwnerDeletion": true}])
}

/// How dependants of a removed object are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependants {
    Removed,
    Orphaned,
}

impl World {
    pub(super) fn writer(&self, kind: &Kind, manager: &str, subresource: &str) -> Writer {
        Writer {
            manager: manager.into(),
            subresource: subresource.into(),
            api_version: kind.api_version(),
            time: moment::seconds(self.now),
        }
    }

    /// A new object ready to store: defaults, rules, metadata, ownership. Nothing is stored.
    ///
    /// # Errors
    /// 409 when the name is taken, 422 when a rule is broken, 404 when the namespace is not there.
    pub(super) fn shape_new(
        &self,
        kind: &'static Kind,
        ns: &str,
        mut o: Value,
        writer: &Writer,
        applied: bool,
    ) -> Result<Value, Refusal> {
        if !o.get("metadata").is_some_and(Value::is_object) {
            o["metadata"] = json!({});
        }
        if kind.namespaced {
            if self.store.get("namespaces", "", ns).is_none() {
                return Err(status::not_found(of("namespaces"), ns));
            }
            o["metadata"]["namespace"] = json!(ns);
        }
        defaults::fill(kind, &mut o);
        if text(&o, "/metadata/name").is_empty()
            && let Some(prefix) = o.pointer("/metadata/generateName").and_then(Value::as_str)
        {
            let n = self.births.get(&format!("{}/{prefix}", kind.plural)).unwrap_or(&0);
            let end = self.seed.suffix(&format!("{}/{ns}/{prefix}/{n}", kind.plural), 5);
            o["metadata"]["name"] = json!(format!("{prefix}{end}"));
        }
        let name = text(&o, "/metadata/name");
        if self.store.get(kind.plural, ns_of(kind, ns), &name).is_some() {
            return Err(status::already_exists(kind, &name));
        }
        self.refuse_invalid(kind, &o, None)?;
        if kind.plural == "pods" {
            self.admit_pod(ns, &o)?;
        }
        // What the server sets itself, an address for one, is nobody's field.
        if !applied {
            fields::record_update(None, &mut o, writer);
        }
        self.stamp(kind, &mut o, &name);
        Ok(o)
    }

    fn refuse_invalid(&self, kind: &Kind, o: &Value, old: Option<&Value>) -> Result<(), Refusal> {
        let causes: Vec<Cause> = validate::check(kind, o, old);
        if causes.is_empty() { Ok(()) } else { Err(status::invalid(kind, &text(o, "/metadata/name"), &causes)) }
    }

    fn stamp(&self, kind: &Kind, o: &mut Value, name: &str) {
        let ns = text(o, "/metadata/namespace");
        let id = format!("{}/{ns}/{name}", kind.plural);
        let n = self.births.get(&id).unwrap_or(&0);
        // Which cluster this is, the UID of a namespace says: one that begins at another time is another.
        let of_cluster = if kind.plural == "namespaces" { format!("/{}", self.now) } else { String::new() };
        let new_uid = self.seed.uid(&format!("{id}/{n}{of_cluster}"));
        if kind.plural == "services" && o.pointer("/spec/clusterIP").is_none() {
            let host = self.seed.between(&format!("ip/{id}/{n}"), 256, 65_534);
            let ip = format!("10.96.{}.{}", host / 256, host % 256);
            o["spec"]["clusterIP"] = json!(ip);
            o["spec"]["clusterIPs"] = json!([ip]);
        }
        let Some(meta) = o["metadata"].as_object_mut() else {
            return;
        };
        for system in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            meta.remove(system);
        }
        meta.insert("uid".into(), json!(new_uid));
        meta.insert("creationTimestamp".into(), json!(moment::seconds(self.now)));
        meta.remove("generation");
        if kind.generation {
            meta.insert("generation".into(), json!(1));
        }
    }

    /// Stores a shaped new object.
    pub(super) fn commit_new(&mut self, kind: &'static Kind, o: Value) -> Arc<Value> {
        let (ns, name) = key_of(&o);
        *self.births.entry(format!("{}/{ns}/{name}", kind.plural)).or_default() += 1;
        if let Some(prefix) = o.pointer("/metadata/generateName").and_then(Value::as_str) {
            *self.births.entry(format!("{}/{prefix}", kind.plural)).or_default() += 1;
        }
        self.store.put(kind, o)
    }

    /// A changed object ready to store, or `None` when nothing changed.
    ///
    /// # Errors
    /// 422 when a rule is broken.
    pub(super) fn shape_change(
        &self,
        kind: &'static Kind,
        old: &Value,
        mut new: Value,
        writer: &Writer,
        applied: bool,
    ) -> Result<Option<Value>, Refusal> {
        keep_system_metadata(old, &mut new);
        if kind.status {
            if writer.subresource == "status" {
                let status = new.get("status").cloned();
                new = carry(old, &new, &["managedFields"]);
                put_or_remove(&mut new, "status", status);
            } else {
                put_or_remove(&mut new, "status", old.get("status").cloned());
            }
        }
        defaults::fill(kind, &mut new);
        if kind.plural == "services" {
            for ip in ["clusterIP", "clusterIPs"] {
                if new["spec"].get(ip).is_none() && old["spec"].get(ip).is_some() {
                    new["spec"][ip] = old["spec"][ip].clone();
                }
            }
        }
        self.refuse_invalid(kind, &new, Some(old))?;
        if !applied {
            fields::record_update(Some(old), &mut new, writer);
        }
        let same = without_bookkeeping(old) == without_bookkeeping(&new);
        let same_owners = owned(old) == owned(&new);
        if same && same_owners {
            return Ok(None);
        }
        if kind.generation && spec_of(old) != spec_of(&new) {
            new["metadata"]["generation"] = json!(number(old, "/metadata/generation") + 1);
        }
        Ok(Some(new))
    }

    /// Changes a stored object on behalf of a controller. Nothing happens when it is gone or stays the same.
    /// A controller never writes what the rules refuse; if it did, the object would stay as it was.
    pub(super) fn edit(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        manager: &str,
        sub: &str,
        change: impl FnOnce(&mut Value),
    ) {
        let Some(old) = self.store.get(kind.plural, &key.0, &key.1).cloned() else {
            return;
        };
        let mut new = (*old).clone();
        change(&mut new);
        if new == *old {
            return;
        }
        let writer = self.writer(kind, manager, sub);
        if let Ok(Some(shaped)) = self.shape_change(kind, &old, new, &writer, false) {
            self.store.put(kind, shaped);
        }
    }

    /// Creates an object on behalf of a controller or the fixture; `None` when it may not be created.
    pub(super) fn make(&mut self, kind: &'static Kind, ns: &str, o: Value, manager: &str) -> Option<Arc<Value>> {
        self.try_make(kind, ns, o, manager).ok()
    }

    /// The same, telling why not.
    ///
    /// # Errors
    /// The API server's refusal.
    pub(super) fn try_make(
        &mut self,
        kind: &'static Kind,
        ns: &str,
        o: Value,
        manager: &str,
    ) -> Result<Arc<Value>, Refusal> {
        let writer = self.writer(kind, manager, "");
        let shaped = self.shape_new(kind, ns, o, &writer, false)?;
        Ok(self.commit_new(kind, shaped))
    }

    /// Deletes an object: pods take their time, finalizers are waited for, dependants follow.
    pub(super) fn delete(&mut self, kind: &'static Kind, key: &Key, grace_s: Option<i64>, dependants: Dependants) {
        let Some(old) = self.store.get(kind.plural, &key.0, &key.1).cloned() else {
            return;
        };
        let finalizers = old.pointer("/metadata/finalizers").and_then(Value::as_array);
        let held = finalizers.is_some_and(|f| !f.is_empty());
        let pod_grace = (kind.plural == "pods").then(|| {
            grace_s.unwrap_or_else(|| {
                old.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(30)
            })
        });
        let waits = pod_grace.is_some_and(|g| g > 0);
        if !held && !waits {
            self.remove_now(kind, key, dependants);
            return;
        }
        if old.pointer("/metadata/deletionTimestamp").is_some() {
            return;
        }
        let grace = pod_grace.unwrap_or(0);
        let mut new = (*old).clone();
        new["metadata"]["deletionTimestamp"] = json!(moment::seconds(self.now + grace * 1000));
        new["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        if kind.generation {
            new["metadata"]["generation"] = json!(number(&old, "/metadata/generation") + 1);
        }
        self.store.put(kind, new);
        if waits && !held {
            let id = uid(&old);
            let takes = self.seed.between(&format!("end/{id}"), 1_000, 4_000).min(grace * 1000);
            self.later(takes, Due::PodGone(key.clone(), id));
        }
    }

    /// Removes an object at once and treats what it owned.
    pub(super) fn remove_now(&mut self, kind: &'static Kind, key: &Key, dependants: Dependants) {
        let Some(gone) = self.store.remove(kind, &key.0, &key.1) else {
            return;
        };
        if kind.plural == "pods" {
            self.traffic.cut(self.now);
            self.traffic.pods.remove(key);
        }
        if kind.plural == "httproutes" {
            self.accepted.remove(key);
            self.plan_stale = true;
        }
        let owner = uid(&gone);
        for plural in ["replicasets", "pods", "endpointslices"] {
            let mine: Vec<Key> = self.store.owned(plural, &owner).map(|o| key_of(o)).collect();
            for k in mine {
                match dependants {
                    Dependants::Removed => self.delete(of(plural), &k, None, Dependants::Removed),
                    Dependants::Orphaned => self.edit(of(plural), &k, CONTROLLERS, "", |o| {
                        if let Some(m) = o["metadata"].as_object_mut() {
                            m.remove("ownerReferences");
                        }
                    }),
                }
            }
        }
        if kind.plural == "namespaces" {
            self.empty_namespace(&key.1);
        }
    }

    fn empty_namespace(&mut self, ns: &str) {
        for kind in super::kinds::KINDS.iter().filter(|k| k.namespaced) {
            let all: Vec<Key> = self.store.list(kind.plural, ns).map(|o| key_of(o)).collect();
            for k in all {
                self.remove_now(kind, &k, Dependants::Removed);
            }
        }
    }

    /// Records an event about an object, as `kubectl describe` shows them; equal ones are counted up.
    pub(super) fn event(&mut self, about: &Value, kind: &Kind, level: &str, reason: &str, source: &str, message: &str) {
        let (ns, name) = key_of(about);
        let now = moment::seconds(self.now);
        let end = &self.seed.hex64(&format!("event/{}/{reason}/{message}", uid(about)))[..16];
        let key = (ns.clone(), format!("{name}.{end}"));
        if self.store.get("events", &key.0, &key.1).is_some() {
            self.edit(of("events"), &key, source, "", |e| {
                e["count"] = json!(number(e, "/count") + 1);
                e["lastTimestamp"] = json!(now);
            });
            return;
        }
        self.events.push_back(key.clone());
        if self.events.len() > EVENTS_KEPT
            && let Some(oldest) = self.events.pop_front()
        {
            self.store.remove(of("events"), &oldest.0, &oldest.1);
        }
        let e = json!({"metadata": {"name": key.1}, "type": level, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now, "eventTime": null, "source": {"component": source},
            "reportingComponent": source, "reportingInstance": "",
            "involvedObject": {"kind": kind.kind, "apiVersion": kind.api_version(), "namespace": ns, "name": name,
                "uid": uid(about), "resourceVersion": text(about, "/metadata/resourceVersion")}});
        self.make(of("events"), &ns, e, source);
    }
}

/// The namespace part of a stored object's key.
pub fn ns_of<'a>(kind: &Kind, ns: &'a str) -> &'a str {
    if kind.namespaced { ns } else { "" }
}

fn put_or_remove(o: &mut Value, field: &str, value: Option<Value>) {
    match (value, o.as_object_mut()) {
        (Some(v), Some(m)) => {
            m.insert(field.into(), v);
        }
        (None, Some(m)) => {
            m.remove(field);
        }
        _ => {}
    }
}

/// `old` with the named metadata fields of `new`.
fn carry(old: &Value, new: &Value, names: &[&str]) -> Value {
    let mut out = old.clone();
    for n in names {
        if let Some(v) = new["metadata"].get(*n) {
            out["metadata"][*n] = v.clone();
        }
    }
    out
}

fn keep_system_metadata(old: &Value, new: &mut Value) {
    if !new.get("metadata").is_some_and(Value::is_object) {
        new["metadata"] = json!({});
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "generateName",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let kept = old["metadata"].get(field).cloned();
        put_or_remove(&mut new["metadata"], field, kept);
    }
}

fn without_bookkeeping(o: &Value) -> Value {
    let mut o = o.clone();
    if let Some(m) = o["metadata"].as_object_mut() {
        m.remove("managedFields");
        m.remove("resourceVersion");
    }
    o
}

/// The managers and their fields, without times: a write that moves no field moves no time either.
fn owned(o: &Value) -> Vec<(Value, Value, Value, Value)> {
    let list = o.pointer("/metadata/managedFields").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|e| (e["manager"].clone(), e["operation"].clone(), e["subresource"].clone(), e["fieldsV1"].clone()))
        .collect()
}

/// Everything whose change raises the generation: all but metadata and status.
fn spec_of(o: &Value) -> Value {
    let mut o = o.clone();
    if let Some(m) = o.as_object_mut() {
        m.remove("metadata");
        m.remove("status");
    }
    o
}
