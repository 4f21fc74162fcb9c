//! One write: read, check whose it is, decide, send with preconditions, and when no answer comes look what became of it.
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::KubeCluster;
use super::http_route::{self, Decision, highest_mark};
use super::json::{list, name, owner, resource_version, strings, text};
use super::next;
use super::observe;
use super::selector::map_matches;
use super::wire::{Fault, Kind, PatchKind};
use crate::engine::effect::{Action, Call};
use crate::engine::message::{CallError, CallErrorKind, CallOutcome};
use crate::engine::observe::{Observation, OwnerMark, Slot};
use crate::plan::{Plan, Planned};
use crate::spec::Service;
use crate::spec::units::Dur;

/// A call that went through.
enum Good {
    Written(Vec<Observation>),
    Found(Vec<Observation>),
}

/// A call that did not.
enum Miss {
    /// Nothing was applied, or nothing beyond what a repetition finds.
    Certain(CallError, Option<Dur>),
    /// A write was sent and nobody said what became of it.
    Lost(Fault),
}

type Attempt = Result<Good, Miss>;

fn refused(kind: CallErrorKind, text: String) -> Miss {
    Miss::Certain(CallError { kind, text }, None)
}

/// A read that failed: nothing was sent yet.
fn unread(fault: Fault) -> Miss {
    Miss::Certain(fault.to_error(), fault.retry_after)
}

/// A write that failed.
fn unwritten(fault: Fault) -> Miss {
    if fault.is_ambiguous() {
        return Miss::Lost(fault);
    }
    if fault.reason == "AlreadyExists" {
        // It was not there when we looked.
        return refused(CallErrorKind::Conflict, fault.to_string());
    }
    Miss::Certain(fault.to_error(), fault.retry_after)
}

struct Doing<'a> {
    cluster: &'a KubeCluster,
    plan: &'a Plan,
    planned: &'a Planned,
    call: &'a Call,
    mark: OwnerMark,
    namespace: &'a str,
    /// A write has left this process.
    sent: AtomicBool,
}

/// Does one call within the cluster's time limit.
pub async fn call(cluster: &KubeCluster, plan: &Plan, run: &str, call: &Call) -> CallOutcome {
    let Some(planned) = plan.get(&call.service) else {
        let text = format!("service {} is not in the plan; nothing was sent", call.service);
        return CallOutcome::Failed { error: CallError { kind: CallErrorKind::Rejected, text }, retry_after: None };
    };
    let doing = Doing {
        cluster,
        plan,
        planned,
        call,
        mark: OwnerMark { run: run.to_string(), epoch: call.epoch, seq: call.key },
        namespace: &plan.environment.kubernetes.namespace,
        sent: AtomicBool::new(false),
    };
    let limit = cluster.options.call_timeout;
    match tokio::time::timeout(limit, doing.to_end()).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let text = format!("{} of {}: not done within {} s", call.action.word(), call.service, limit.as_secs_f32());
            let error = CallError { kind: CallErrorKind::Unreachable, text };
            if doing.sent.load(Ordering::Relaxed) {
                CallOutcome::Unknown { error }
            } else {
                CallOutcome::Failed { error, retry_after: None }
            }
        }
    }
}

impl Doing<'_> {
    async fn to_end(&self) -> CallOutcome {
        match self.attempt().await {
            Ok(Good::Written(seen)) => CallOutcome::Done { seen },
            Ok(Good::Found(seen)) => CallOutcome::Found { seen },
            Err(Miss::Certain(error, retry_after)) => CallOutcome::Failed { error, retry_after },
            Err(Miss::Lost(fault)) => {
                let error = CallError { kind: CallErrorKind::Unreachable, text: fault.to_string() };
                match self.look().await {
                    Ok(Some(seen)) => CallOutcome::Done { seen },
                    // A request still under way is stopped by its precondition once anything else is written.
                    Ok(None) => CallOutcome::Failed { error, retry_after: fault.retry_after },
                    Err(_) => CallOutcome::Unknown { error },
                }
            }
        }
    }

    async fn attempt(&self) -> Attempt {
        self.cluster.wire.confirm().await.map_err(unread)?;
        match &self.call.action {
            Action::CreateNext { replicas } => self.create_next(*replicas).await,
            Action::Scale { slot, replicas } => self.scale(*slot, *replicas).await,
            Action::CopyBack => self.copy_back().await,
            Action::DeleteNext => self.delete_next().await,
            Action::AddBackend
            | Action::SetWeight { .. }
            | Action::RemoveBackend
            | Action::RouteRules { .. }
            | Action::Stamp => self.write_route().await,
        }
    }

    fn service(&self) -> &Service {
        &self.planned.service
    }

    fn route_name(&self) -> &str {
        &self.service().traffic.http_route.name
    }

    async fn find(&self, kind: Kind, name: &str) -> Result<Option<Value>, Miss> {
        self.cluster.wire.find(kind, self.namespace, name).await.map_err(unread)
    }

    /// Notes that from here on an answer may be lost.
    fn sending(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// Steps back from an object that a driver with a higher epoch has marked.
    fn fence(&self, kind: Kind, object: Option<&Value>) -> Result<(), Miss> {
        let Some(object) = object else { return Ok(()) };
        let services = self.plan.services.iter().map(|p| p.service.name.as_str());
        match highest_mark(object, services) {
            Some((service, mark)) if mark.epoch > self.mark.epoch => {
                let text = format!(
                    "{} carries epoch {} of run {} (service {service}), ours is {}: somebody else drives",
                    kind.of(name(object)),
                    mark.epoch,
                    mark.run,
                    self.mark.epoch
                );
                Err(refused(CallErrorKind::Fenced, text))
            }
            _ => Ok(()),
        }
    }

    /// Whether an object carries this run's mark.
    fn is_ours(&self, object: &Value) -> bool {
        owner(object, &self.service().name).is_some_and(|m| m.run == self.mark.run)
    }

    /// Whether an object carries the mark of exactly this call.
    fn is_this_call(&self, object: &Value) -> bool {
        owner(object, &self.service().name).is_some_and(|m| m.run == self.mark.run && m.seq == self.mark.seq)
    }

    /// Refuses an object of `-next` that another hand made, or that is on its way out.
    fn check_ours(&self, kind: Kind, object: &Value) -> Result<(), Miss> {
        let what = kind.of(name(object));
        if !self.is_ours(object) {
            let whose = match owner(object, &self.service().name) {
                Some(mark) => format!("belongs to run {}", mark.run),
                None => "was not made by Pilothouse".to_string(),
            };
            let text = format!("{what} {whose}; nothing was written. Remove it first, if nobody needs it");
            return Err(refused(CallErrorKind::Rejected, text));
        }
        Ok(())
    }

    fn workload_seen(&self, slot: Slot) -> Vec<Observation> {
        vec![observe::workload(&self.cluster.store.lock(), self.service(), slot)]
    }

    fn route_seen(&self, route: &Value) -> Vec<Observation> {
        self.cluster.store.put_written(Kind::HttpRoutes, route);
        vec![Observation::Route(http_route::observe(self.service(), Some(route)))]
    }

    async fn write_route(&self) -> Attempt {
        let lock = self.cluster.route_lock(self.route_name());
        let _one_at_a_time = lock.lock().await;
        let Some(route) = self.find(Kind::HttpRoutes, self.route_name()).await? else {
            return Err(refused(CallErrorKind::Rejected, format!("there is no HTTPRoute {}", self.route_name())));
        };
        self.fence(Kind::HttpRoutes, Some(&route))?;
        match http_route::decide(&route, self.service(), &self.call.action, &self.mark) {
            Decision::Found => Ok(Good::Found(self.route_seen(&route))),
            Decision::Refuse(error) => Err(Miss::Certain(error, None)),
            Decision::Write(operations) => {
                self.sending();
                let patch = Value::Array(operations);
                let wire = &self.cluster.wire;
                let written = wire
                    .patch(Kind::HttpRoutes, self.namespace, self.route_name(), PatchKind::Json, &patch)
                    .await
                    .map_err(unwritten)?;
                Ok(Good::Written(self.route_seen(&written)))
            }
        }
    }

    async fn create_next(&self, replicas: u32) -> Attempt {
        let (deployment, front) = observe::names(self.service(), Slot::Next);
        let (stable, stable_front) = observe::names(self.service(), Slot::Stable);
        let (route, stable, stable_front, have, have_front) = tokio::join!(
            self.find(Kind::HttpRoutes, self.route_name()),
            self.find(Kind::Deployments, &stable),
            self.find(Kind::Services, &stable_front),
            self.find(Kind::Deployments, &deployment),
            self.find(Kind::Services, &front),
        );
        self.fence(Kind::HttpRoutes, route?.as_ref())?;
        let (have, have_front) = (have?, have_front?);
        for (kind, object) in [(Kind::Deployments, &have), (Kind::Services, &have_front)] {
            let Some(object) = object else { continue };
            self.check_ours(kind, object)?;
            self.fence(kind, Some(object))?;
            if text(object, "/metadata/deletionTimestamp").is_some() {
                let text = format!("{} is still being deleted", kind.of(name(object)));
                return Err(refused(CallErrorKind::Conflict, text));
            }
        }
        if let (Some(have), Some(have_front)) = (&have, &have_front) {
            let pods = strings(have, "/spec/template/metadata/labels");
            if !map_matches(&strings(have_front, "/spec/selector"), &pods) {
                let text = format!(
                    "service {front} no longer selects the pods of {deployment}: delete it, and it is made again"
                );
                return Err(refused(CallErrorKind::Rejected, text));
            }
            self.cluster.store.put_written(Kind::Deployments, have);
            self.cluster.store.put_written(Kind::Services, have_front);
            return Ok(Good::Found(self.workload_seen(Slot::Next)));
        }
        let (Some(stable), Some(stable_front)) = (stable?, stable_front?) else {
            let text = format!("Deployment or Service of {} does not exist; nothing was written", self.service().name);
            return Err(refused(CallErrorKind::Rejected, text));
        };
        let rejected = |text: String| refused(CallErrorKind::Rejected, text);
        let shape = next::shape(&stable, &stable_front, &self.planned.version).map_err(rejected)?;
        if have.is_none() {
            let deadline = self.plan.policy.progress_deadline;
            let object = next::deployment(self.planned, &stable, &shape, replicas, deadline, &self.mark);
            self.create(Kind::Deployments, &object.map_err(rejected)?).await?;
        }
        if have_front.is_none() {
            self.create(Kind::Services, &next::service(self.planned, &stable_front, &shape, &self.mark)).await?;
        }
        Ok(Good::Written(self.workload_seen(Slot::Next)))
    }

    async fn create(&self, kind: Kind, object: &Value) -> Result<(), Miss> {
        self.sending();
        let made = self.cluster.wire.create(kind, self.namespace, object, false).await.map_err(unwritten)?;
        self.cluster.store.put_written(kind, &made);
        Ok(())
    }

    async fn scale(&self, slot: Slot, replicas: u32) -> Attempt {
        let (deployment, _) = observe::names(self.service(), slot);
        let (route, have, autoscalers) = tokio::join!(
            self.find(Kind::HttpRoutes, self.route_name()),
            self.find(Kind::Deployments, &deployment),
            self.cluster.wire.list(Kind::Autoscalers, self.namespace),
        );
        self.fence(Kind::HttpRoutes, route?.as_ref())?;
        let have = self.existing(&deployment, have?)?;
        if slot == Slot::Next {
            self.check_ours(Kind::Deployments, &have)?;
        }
        if let Some(autoscaler) = autoscalers.map_err(unread)?.iter().find(|a| targets(a, &deployment)) {
            let text = format!("deployment {deployment} is sized by HorizontalPodAutoscaler {}", name(autoscaler));
            return Err(refused(CallErrorKind::Rejected, text));
        }
        if next::wanted(&have) == replicas && self.is_ours(&have) {
            self.cluster.store.put_written(Kind::Deployments, &have);
            return Ok(Good::Found(self.workload_seen(slot)));
        }
        let patch = next::scale(&self.service().name, &have, replicas, &self.mark);
        self.patch_deployment(&deployment, PatchKind::Merge, &patch, slot).await
    }

    /// The Deployment, fenced; an error when there is none.
    fn existing(&self, deployment: &str, found: Option<Value>) -> Result<Value, Miss> {
        let Some(found) = found else {
            let text = format!("there is no deployment {deployment}; nothing was written");
            return Err(refused(CallErrorKind::Rejected, text));
        };
        self.fence(Kind::Deployments, Some(&found))?;
        Ok(found)
    }

    async fn patch_deployment(&self, deployment: &str, how: PatchKind, patch: &Value, slot: Slot) -> Attempt {
        self.sending();
        let wire = &self.cluster.wire;
        let written = wire.patch(Kind::Deployments, self.namespace, deployment, how, patch).await.map_err(unwritten)?;
        self.cluster.store.put_written(Kind::Deployments, &written);
        Ok(Good::Written(self.workload_seen(slot)))
    }

    async fn copy_back(&self) -> Attempt {
        let (deployment, _) = observe::names(self.service(), Slot::Stable);
        let (route, stable) =
            tokio::join!(self.find(Kind::HttpRoutes, self.route_name()), self.find(Kind::Deployments, &deployment),);
        let route = route?;
        self.fence(Kind::HttpRoutes, route.as_ref())?;
        let stable = self.existing(&deployment, stable?)?;
        if next::is_copied_back(self.planned, &stable) && self.is_ours(&stable) {
            self.cluster.store.put_written(Kind::Deployments, &stable);
            return Ok(Good::Found(self.workload_seen(Slot::Stable)));
        }
        let share = http_route::observe(self.service(), route.as_ref()).weights.map_or(0.0, |w| w.share());
        if share < 100.0 {
            let text = format!(
                "{:.0} % still go to {deployment}: it takes the new version over only while {} serves all",
                100.0 - share,
                self.service().next_deployment()
            );
            return Err(refused(CallErrorKind::Conflict, text));
        }
        let patch = next::copy_back(self.planned, &stable, &self.mark);
        self.patch_deployment(&deployment, PatchKind::Strategic, &patch, Slot::Stable).await
    }

    async fn delete_next(&self) -> Attempt {
        let (deployment, front) = observe::names(self.service(), Slot::Next);
        let (stable, _) = observe::names(self.service(), Slot::Stable);
        let (routes, have, have_front, stable) = tokio::join!(
            self.cluster.wire.list(Kind::HttpRoutes, self.namespace),
            self.find(Kind::Deployments, &deployment),
            self.find(Kind::Services, &front),
            self.find(Kind::Deployments, &stable),
        );
        let routes = routes.map_err(unread)?;
        self.fence(Kind::HttpRoutes, routes.iter().find(|r| name(r) == self.route_name()))?;
        if let Some(holder) = routes.iter().find(|r| holds(r, &front)) {
            let text = format!("HTTPRoute {} still holds Service {front}; nothing was deleted", name(holder));
            return Err(refused(CallErrorKind::Conflict, text));
        }
        let (have, have_front) = (have?, have_front?);
        let mut objects = Vec::new();
        for (kind, object) in [(Kind::Deployments, have), (Kind::Services, have_front)] {
            let Some(object) = object else { continue };
            self.check_ours(kind, &object)?;
            self.fence(kind, Some(&object))?;
            if text(&object, "/metadata/deletionTimestamp").is_none() {
                objects.push((kind, object));
            }
        }
        let restore = stable?.filter(|s| self.is_ours(s)).and_then(|s| next::restore_strategy(&s).map(|p| (s, p)));
        if objects.is_empty() && restore.is_none() {
            return Ok(Good::Found(self.workload_seen(Slot::Next)));
        }
        for (kind, object) in &objects {
            self.delete(*kind, object).await?;
        }
        if let Some((stable, patch)) = restore {
            self.patch_deployment(name(&stable), PatchKind::Merge, &patch, Slot::Stable).await?;
        }
        Ok(Good::Written(self.workload_seen(Slot::Next)))
    }

    async fn delete(&self, kind: Kind, object: &Value) -> Result<(), Miss> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {
                "uid": object.pointer("/metadata/uid"),
                "resourceVersion": resource_version(object),
            },
        });
        self.sending();
        match self.cluster.wire.delete(kind, self.namespace, name(object), &options).await {
            // A finalizer keeps the object for a while; the watch will tell of its end.
            Ok(answer) if text(&answer, "/metadata/deletionTimestamp").is_some() => Ok(()),
            Ok(_) => {
                self.cluster.store.remove_written(kind, object);
                Ok(())
            }
            Err(fault) if fault.is_missing() => Ok(()),
            Err(fault) => Err(unwritten(fault)),
        }
    }

    /// After a lost answer: whether the call was applied, by its mark. `None`: it was not.
    async fn look(&self) -> Result<Option<Vec<Observation>>, Miss> {
        self.cluster.wire.confirm().await.map_err(unread)?;
        match &self.call.action {
            Action::CreateNext { .. } | Action::DeleteNext => self.look_next().await,
            Action::Scale { slot, .. } => self.look_deployment(*slot).await,
            Action::CopyBack => self.look_deployment(Slot::Stable).await,
            Action::AddBackend
            | Action::SetWeight { .. }
            | Action::RemoveBackend
            | Action::RouteRules { .. }
            | Action::Stamp => {
                let route = self.find(Kind::HttpRoutes, self.route_name()).await?;
                Ok(route.filter(|r| self.is_this_call(r)).map(|r| self.route_seen(&r)))
            }
        }
    }

    async fn look_deployment(&self, slot: Slot) -> Result<Option<Vec<Observation>>, Miss> {
        let (deployment, _) = observe::names(self.service(), slot);
        let found = self.find(Kind::Deployments, &deployment).await?.filter(|d| self.is_this_call(d));
        Ok(found.map(|found| {
            self.cluster.store.put_written(Kind::Deployments, &found);
            self.workload_seen(slot)
        }))
    }

    async fn look_next(&self) -> Result<Option<Vec<Observation>>, Miss> {
        let (deployment, front) = observe::names(self.service(), Slot::Next);
        let (have, have_front) =
            tokio::join!(self.find(Kind::Deployments, &deployment), self.find(Kind::Services, &front));
        let live = |o: &Value| text(o, "/metadata/deletionTimestamp").is_none();
        let (have, have_front) = (have?.filter(live), have_front?.filter(live));
        if matches!(self.call.action, Action::DeleteNext) {
            return Ok((have.is_none() && have_front.is_none()).then(|| self.workload_seen(Slot::Next)));
        }
        let (Some(have), Some(have_front)) = (have, have_front) else { return Ok(None) };
        if !self.is_ours(&have) || !self.is_ours(&have_front) {
            return Ok(None);
        }
        self.cluster.store.put_written(Kind::Deployments, &have);
        self.cluster.store.put_written(Kind::Services, &have_front);
        Ok(Some(self.workload_seen(Slot::Next)))
    }
}

/// Whether a HorizontalPodAutoscaler sizes this Deployment.
pub fn targets(autoscaler: &Value, deployment: &str) -> bool {
    text(autoscaler, "/spec/scaleTargetRef/kind") == Some("Deployment")
        && text(autoscaler, "/spec/scaleTargetRef/name") == Some(deployment)
}

/// Whether any rule of a route has this Service as a backend.
pub fn holds(route: &Value, service: &str) -> bool {
    list(route, "/spec/rules")
        .iter()
        .flat_map(|rule| list(rule, "/backendRefs"))
        .any(|b| text(b, "/kind").unwrap_or("Service") == "Service" && text(b, "/name") == Some(service))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
