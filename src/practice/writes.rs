//! Create, replace, patch, delete: read the body, check preconditions, shape, store, let the controllers act.

use super::api::{Answer, Ask, Target};
use super::fields;
use super::objects::{Dependants, ns_of, number, text, uid};
use super::patch;
use super::protobuf;
use super::status::{self, Refusal};
use super::store::key_of;
use super::strict;
use super::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// The JSON or YAML of a request's body; an empty body is null.
pub(super) fn read_body(ask: &Ask) -> Result<Value, Refusal> {
    if ask.body.is_empty() {
        return Ok(Value::Null);
    }
    let kind = ask.content_type.split(';').next().unwrap_or_default().trim();
    if kind.ends_with("yaml") {
        let text =
            std::str::from_utf8(&ask.body).map_err(|e| status::bad_request(format!("error decoding YAML: {e}")))?;
        return serde_saphyr::from_str(text).map_err(|e| status::bad_request(format!("error decoding YAML: {e}")));
    }
    if kind.is_empty() || kind.ends_with("json") {
        return serde_json::from_slice(&ask.body).map_err(|e| status::bad_request(format!("error decoding JSON: {e}")));
    }
    if kind == "application/vnd.kubernetes.protobuf"
        && let Some(review) = protobuf::review(&ask.body)
    {
        return Ok(review);
    }
    Err(status::unsupported_media_type(&["application/json", "application/yaml"]))
}

/// The Scale of a Deployment or ReplicaSet.
pub(super) fn scale_of(o: &Value) -> Value {
    let selector: Vec<String> = o
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    let m = &o["metadata"];
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": m["name"], "namespace": m["namespace"], "uid": m["uid"],
            "resourceVersion": m["resourceVersion"], "creationTimestamp": m["creationTimestamp"]},
        "spec": {"replicas": number(o, "/spec/replicas")},
        "status": {"replicas": number(o, "/status/replicas"), "selector": selector.join(",")}})
}

/// Refuses fields that nobody knows, where the client asks for that.
fn strictly(ask: &Ask, t: &Target, new: &Value, patch: Option<&Value>) -> Result<(), Refusal> {
    if ask.param("fieldValidation") != "Strict" {
        return Ok(());
    }
    let unknown = strict::unknown(t.kind, new);
    if unknown.is_empty() { Ok(()) } else { Err(status::unknown_fields(t.kind, &unknown, patch)) }
}

/// A resourceVersion or UID in `new` that is not the stored one is a conflict.
fn preconditions(t: &Target, old: &Value, new: &Value) -> Result<(), Refusal> {
    let rv = text(new, "/metadata/resourceVersion");
    if !rv.is_empty() && rv != text(old, "/metadata/resourceVersion") {
        return Err(status::stale(t.kind, &t.name));
    }
    let id = text(new, "/metadata/uid");
    if !id.is_empty() && id != uid(old) {
        return Err(status::wrong_uid(t.kind, &t.name, &id, &uid(old)));
    }
    Ok(())
}

impl World {
    fn wrote(&self, ask: &Ask, t: &Target, code: u16, o: &Value) -> Answer {
        let mut answer = self.show(ask, t.kind, code, o);
        answer.wrote = !ask.dry_run();
        answer
    }

    pub(super) fn create(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let mut o = read_body(ask)?;
        // Its status is the controllers' to write, as in a file that `kubectl get -o yaml` made.
        if let Some(o) = o.as_object_mut().filter(|_| t.kind.status) {
            o.remove("status");
        }
        if !o.is_object() {
            return Err(status::bad_request("the body of the request is not an object"));
        }
        let kind = text(&o, "/kind");
        if !kind.is_empty() && kind != t.kind.kind {
            return Err(status::bad_request(format!(
                "the kind in the data ({kind}) does not match the expected kind ({})",
                t.kind.kind
            )));
        }
        if !text(&o, "/metadata/resourceVersion").is_empty() {
            return Err(status::bad_request("resourceVersion should not be set on objects to be created"));
        }
        let ns = text(&o, "/metadata/namespace");
        if t.kind.namespaced && !ns.is_empty() && ns != t.ns {
            return Err(status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        strictly(ask, t, &o, None)?;
        let writer = self.writer(t.kind, &ask.manager(), "");
        let shaped = self.shape_new(t.kind, &t.ns, o, &writer, false)?;
        if ask.dry_run() {
            return Ok(self.wrote(ask, t, 201, &shaped));
        }
        let stored = self.commit_new(t.kind, shaped);
        self.settle();
        Ok(self.wrote(ask, t, 201, &stored))
    }

    pub(super) fn replace(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let old = self.stored(t)?;
        let mut new = read_body(ask)?;
        let name = text(&new, "/metadata/name");
        if !name.is_empty() && name != t.name {
            return Err(status::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                t.name
            )));
        }
        if t.kind.custom && text(&new, "/metadata/resourceVersion").is_empty() {
            let cause = status::Cause {
                reason: "FieldValueInvalid",
                field: "metadata.resourceVersion".into(),
                message: "Invalid value: 0: must be specified for an update".into(),
            };
            return Err(status::invalid(t.kind, &t.name, &[cause]));
        }
        preconditions(t, &old, &new)?;
        if t.sub == "scale" {
            new = scaled(&old, &new);
        } else {
            strictly(ask, t, &new, None)?;
        }
        self.change(ask, t, &old, new, false)
    }

    pub(super) fn patch(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let kind = ask.content_type.split(';').next().unwrap_or_default().trim();
        if kind == "application/apply-patch+yaml" {
            return self.apply(ask, t);
        }
        let old = self.stored(t)?;
        let body = read_body(ask)?;
        let mut new = if t.sub == "scale" { scale_of(&old) } else { (*old).clone() };
        match kind {
            "application/json-patch+json" => patch::json_patch(&mut new, &body)?,
            "application/merge-patch+json" => patch::merge(&mut new, &body),
            "application/strategic-merge-patch+json" if !t.kind.custom => patch::strategic(&mut new, &body),
            _ => {
                return Err(status::unsupported_media_type(&[
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/apply-patch+yaml",
                ]));
            }
        }
        if text(&new, "/metadata/name") != t.name {
            return Err(status::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                text(&new, "/metadata/name"),
                t.name
            )));
        }
        preconditions(t, &old, &new)?;
        if t.sub == "scale" {
            new = scaled(&old, &new);
        } else {
            strictly(ask, t, &new, Some(&body))?;
        }
        self.change(ask, t, &old, new, false)
    }

    /// Server-side apply: merges, or creates what is not there.
    fn apply(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        if ask.param("fieldManager").is_empty() {
            return Err(status::bad_request(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        let mut config = read_body(ask)?;
        if !config.is_object() {
            return Err(status::bad_request("error decoding YAML: the apply configuration is not an object"));
        }
        config["metadata"]["name"] = json!(t.name);
        if config.pointer("/metadata/managedFields").is_some_and(|m| !m.is_null()) {
            return Err(status::bad_request("metadata.managedFields must be nil"));
        }
        let writer = self.writer(t.kind, &ask.manager(), &t.sub);
        let force = ask.flag("force");
        match self.stored(t) {
            Ok(old) => {
                preconditions(t, &old, &config)?;
                let new = fields::apply(Some(&old), &config, &writer, force)?;
                self.change(ask, t, &old, new, true)
            }
            Err(missing) if !t.sub.is_empty() => Err(missing),
            Err(_) => {
                let new = fields::apply(None, &config, &writer, force)?;
                let shaped = self.shape_new(t.kind, &t.ns, new, &writer, true)?;
                if ask.dry_run() {
                    return Ok(self.wrote(ask, t, 201, &shaped));
                }
                let stored = self.commit_new(t.kind, shaped);
                self.settle();
                Ok(self.wrote(ask, t, 201, &stored))
            }
        }
    }

    fn change(
        &mut self,
        ask: &Ask,
        t: &Target,
        old: &Arc<Value>,
        new: Value,
        applied: bool,
    ) -> Result<Answer, Refusal> {
        let writer = self.writer(t.kind, &ask.manager(), &t.sub);
        let shaped = self.shape_change(t.kind, old, new, &writer, applied)?;
        let result = match shaped {
            None => old.clone(),
            Some(o) if ask.dry_run() => Arc::new(o),
            Some(o) => {
                let stored = self.store.put(t.kind, o);
                self.finish_if_released(t, &stored);
                self.settle();
                stored
            }
        };
        if t.sub == "scale" {
            let mut answer = Answer::json(200, scale_of(&result));
            answer.wrote = !ask.dry_run();
            return Ok(answer);
        }
        Ok(self.wrote(ask, t, 200, &result))
    }

    /// An object being deleted goes when its last finalizer goes.
    fn finish_if_released(&mut self, t: &Target, o: &Value) {
        let finalizers = o.pointer("/metadata/finalizers").and_then(Value::as_array);
        let held = finalizers.is_some_and(|f| !f.is_empty());
        if o.pointer("/metadata/deletionTimestamp").is_some() && !held && t.kind.plural != "pods" {
            self.remove_now(t.kind, &key_of(o), Dependants::Removed);
        }
    }

    pub(super) fn delete_one(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let old = self.stored(t)?;
        let options = read_body(ask)?;
        if let Some(id) = options.pointer("/preconditions/uid").and_then(Value::as_str)
            && id != uid(&old)
        {
            return Err(status::wrong_uid(t.kind, &t.name, id, &uid(&old)));
        }
        if let Some(rv) = options.pointer("/preconditions/resourceVersion").and_then(Value::as_str)
            && rv != text(&old, "/metadata/resourceVersion")
        {
            return Err(status::stale(t.kind, &t.name));
        }
        let dry = ask.dry_run() || options.pointer("/dryRun/0") == Some(&json!("All"));
        if !dry {
            let (grace, dependants) = delete_options(ask, &options);
            self.delete(t.kind, &key_of(&old), grace, dependants);
            self.settle();
        }
        let left = self.store.get(t.kind.plural, ns_of(t.kind, &t.ns), &t.name);
        let shown = left.cloned().unwrap_or_else(|| old.clone());
        let whole = matches!(t.kind.plural, "pods" | "services" | "namespaces" | "httproutes") || left.is_some();
        let body = if whole && !(t.kind.custom && left.is_none()) {
            (*shown).clone()
        } else {
            let mut details = json!({"name": t.name, "kind": t.kind.plural, "uid": uid(&old)});
            if !t.kind.group.is_empty() {
                details["group"] = json!(t.kind.group);
            }
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
        };
        let mut answer = Answer::json(200, body);
        answer.wrote = !dry;
        Ok(answer)
    }

    pub(super) fn delete_all(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let view = self.view(ask, t)?;
        let options = read_body(ask)?;
        let all: Vec<Value> = self.objects(t.kind.plural, &t.ns).into_iter().filter(|o| view.shows(o)).collect();
        if !ask.dry_run() {
            let (grace, dependants) = delete_options(ask, &options);
            for o in &all {
                self.delete(t.kind, &key_of(o), grace, dependants);
            }
            self.settle();
        }
        let body = json!({"kind": format!("{}List", t.kind.kind), "apiVersion": t.kind.api_version(),
            "metadata": {"resourceVersion": self.rv().to_string()}, "items": all});
        let mut answer = Answer::json(200, body);
        answer.wrote = !ask.dry_run();
        Ok(answer)
    }
}

fn scaled(old: &Value, scale: &Value) -> Value {
    let mut new = old.clone();
    new["spec"]["replicas"] = scale.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0));
    new
}

fn delete_options(ask: &Ask, options: &Value) -> (Option<i64>, Dependants) {
    let grace = options
        .get("gracePeriodSeconds")
        .and_then(Value::as_i64)
        .or_else(|| ask.param("gracePeriodSeconds").parse().ok());
    let policy = match text(options, "/propagationPolicy").as_str() {
        "" => ask.param("propagationPolicy").to_string(),
        p => p.to_string(),
    };
    let dependants = if policy == "Orphan" { Dependants::Orphaned } else { Dependants::Removed };
    (grace, dependants)
}
