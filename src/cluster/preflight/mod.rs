//! Everything wrong before the start, in one report. Changes nothing: it reads, asks for rights, and dry-runs.
//!
//! # Layout
//! - [`rights`] may we do what the run will do?
//! - [`workload`] does stable stand as it should, and do we know what runs?
//! - [`route`] does the route carry stable's traffic and nothing half-moved?
//! - [`tenants`] can it take a rule for each tenant or cohort?
//! - [`reach`] which selectors of the namespace would catch the new pods, or lose the old ones? [`policies`] which
//!   network policies would treat them differently? [`monitors`] who would not scrape them?
//! - [`quota`] is there room for both versions at once?
//! - [`owners`] who else thinks these objects are theirs?
mod monitors;
mod owners;
mod policies;
mod quota;
mod reach;
mod rights;
mod route;
mod tenants;
mod workload;

use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;

use super::KubeCluster;
use super::json::{container, name, text};
use super::lean::{looked_at, whole};
use super::next;
use super::observe::names;
use super::wire::{Fault, Kind, Wire};
use crate::engine::by_hand::kubectl;
use crate::engine::observe::{OwnerMark, PreflightReport, Problem, Slot};
use crate::plan::{Plan, Planned};
use crate::spec::image::is_stored;
use crate::spec::units::Time;

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// The namespace as it was read once, so that every check looks at the same moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    deployments: Vec<Value>,
    replica_sets: Vec<Value>,
    pods: Vec<Value>,
    services: Vec<Value>,
    routes: Vec<Value>,
    autoscalers: Vec<Value>,
    budgets: Vec<Value>,
    policies: Vec<Value>,
    quotas: Vec<Value>,
    rollouts: Vec<Value>,
    canaries: Vec<Value>,
    monitors: monitors::Monitors,
    lease: Option<Value>,
}

/// One service's checks share these.
pub(super) struct Look<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    planned: &'a Planned,
    run: &'a str,
    namespace: &'a str,
    /// How a command for this namespace begins.
    kubectl: &'a str,
    now: Time,
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
}

impl Findings {
    fn add(&mut self, service: Option<&str>, blocking: bool, what: String, fix: String) {
        self.problems.push(Problem { service: service.map(str::to_string), blocking, what, fix });
    }
}

impl Look<'_> {
    fn service(&self) -> &str {
        &self.planned.service.name
    }

    /// Another service of this run needs a version of this one.
    fn is_needed(&self) -> bool {
        self.plan.dependants(self.service()).next().is_some()
    }

    fn stop(&self, found: &mut Findings, what: impl Into<String>, fix: impl Into<String>) {
        found.add(Some(self.service()), true, what.into(), fix.into());
    }

    fn warn(&self, found: &mut Findings, what: impl Into<String>, fix: impl Into<String>) {
        found.add(Some(self.service()), false, what.into(), fix.into());
    }

    fn named<'b>(&self, objects: &'b [Value], wanted: &str) -> Option<&'b Value> {
        objects.iter().find(|o| name(o) == wanted)
    }

    fn stable(&self) -> Option<&Value> {
        self.named(&self.snapshot.deployments, &names(&self.planned.service, Slot::Stable).0)
    }

    fn stable_front(&self) -> Option<&Value> {
        self.named(&self.snapshot.services, &names(&self.planned.service, Slot::Stable).1)
    }

    fn route(&self) -> Option<&Value> {
        self.named(&self.snapshot.routes, &self.planned.service.traffic.http_route.name)
    }

    fn next(&self) -> (Option<&Value>, Option<&Value>) {
        let (deployment, front) = names(&self.planned.service, Slot::Next);
        (self.named(&self.snapshot.deployments, &deployment), self.named(&self.snapshot.services, &front))
    }
}

/// Looks at everything `plan` needs; `now` says whether who holds the Lease has let it run out.
///
/// # Errors
/// When the server cannot be asked at all; what is wrong in the cluster is in the report.
pub async fn run(cluster: &KubeCluster, plan: &Plan, run: &str, now: Time) -> Result<PreflightReport, String> {
    let wire = &cluster.wire;
    let namespace = plan.environment.kubernetes.namespace.as_str();
    let mut found = Findings::default();
    let version = wire.read("/version", "get version").await;
    let version = version.or_else(|f| if refused(&f) { Ok(Value::Null) } else { Err(f) }).map_err(|f| f.to_string())?;
    let mut report = PreflightReport {
        cluster_uid: cluster_uid(wire, &mut found).await?,
        server_version: text(&version, "/gitVersion").unwrap_or("unknown").to_string(),
        ..PreflightReport::default()
    };
    let home = wire.read(&format!("/api/v1/namespaces/{namespace}"), "get namespace").await;
    if home.is_err_and(|fault| fault.is_missing()) {
        let fix = "name an existing one in the Fleet's environment, under kubernetes.namespace".to_string();
        found.add(None, true, format!("namespace {namespace} does not exist"), fix);
        report.problems = found.problems;
        return Ok(report);
    }
    let kubectl = kubectl(&plan.environment, cluster.kubectl_flags());
    let may_create = rights::check(wire, plan, &mut found).await?;
    let snapshot = snapshot(wire, plan, &mut found).await?;
    let mut rehearsals = Vec::new();
    for planned in &plan.services {
        let look = Look { snapshot: &snapshot, plan, planned, run, namespace, kubectl: &kubectl, now };
        report.facts.extend(workload::check(&look, &mut found));
        route::check(&look, &mut found);
        tenants::check(&look, &mut found);
        reach::check(&look, &mut found);
        monitors::check(&look, &mut found);
        owners::check(&look, &mut found);
        if may_create {
            rehearsals.push(rehearse(wire, look).boxed());
        }
    }
    for rehearsed in stream::iter(rehearsals).buffered(AT_ONCE).collect::<Vec<_>>().await {
        found.problems.extend(rehearsed?.problems);
    }
    quota::check(&snapshot, plan, &mut found);
    workload::check_needs(&snapshot, plan, &mut found);
    report.problems = found.problems;
    Ok(report)
}

/// UID of `kube-system`, the customary name of a cluster.
async fn cluster_uid(wire: &Wire, found: &mut Findings) -> Result<String, String> {
    match wire.read("/api/v1/namespaces/kube-system", "get namespace kube-system").await {
        Ok(system) => Ok(text(&system, "/metadata/uid").unwrap_or_default().to_string()),
        Err(fault) if fault.status.is_some_and(|s| s < 500) => {
            let what = format!("the cluster cannot be told from others: {fault}");
            found.add(None, false, what, "allow `get` on the namespace kube-system".into());
            Ok(String::new())
        }
        Err(fault) => Err(fault.to_string()),
    }
}

async fn snapshot(wire: &Wire, plan: &Plan, found: &mut Findings) -> Result<Snapshot, String> {
    let ns = plan.environment.kubernetes.namespace.as_str();
    let lease_name = super::lease::lease_name(&plan.fleet);
    // A few at a time: a long list takes many times its size while it is read, and all at once would add up.
    let (deployments, services, autoscalers, budgets) = tokio::join!(
        wire.list_cut(Kind::Deployments, ns, looked_at),
        wire.list_cut(Kind::Services, ns, looked_at),
        wire.list(Kind::Autoscalers, ns),
        wire.list(Kind::DisruptionBudgets, ns),
    );
    let (replica_sets, policies, quotas, rollouts, canaries) = tokio::join!(
        wire.list_cut(Kind::ReplicaSets, ns, looked_at),
        wire.list(Kind::NetworkPolicies, ns),
        wire.list(Kind::Quotas, ns),
        wire.list(Kind::Rollouts, ns),
        wire.list(Kind::Canaries, ns),
    );
    let (pods, lease) =
        tokio::join!(wire.list_cut(Kind::Pods, ns, looked_at), wire.find(Kind::Leases, ns, &lease_name));
    let (routes, monitors) = tokio::join!(wire.list_at(Kind::HttpRoutes, ns, whole), monitors::read(wire, ns));
    if let Err(fault) = &routes
        && fault.is_missing()
    {
        let fix = "install the Gateway API's standard channel and a gateway, or choose another cluster";
        found.add(None, true, "the cluster does not know HTTPRoute (gateway.networking.k8s.io/v1)".into(), fix.into());
    }
    // Kinds that only a few clusters have, and whose absence of rights says nothing about the run.
    let optional = |list: Result<Vec<Value>, Fault>| list.or_else(|f| if refused(&f) { Ok(vec![]) } else { Err(f) });
    let mut must = |list: Result<Vec<Value>, Fault>| match list {
        Err(fault) if refused(&fault) => {
            let fix = "grant the right; without it nobody can say whether the start is safe".to_string();
            found.add(None, true, fault.to_string(), fix);
            Ok(Vec::new())
        }
        other => other.map_err(|fault| fault.to_string()),
    };
    let routes = routes.map(|(items, _)| items).or_else(|f| if f.is_missing() { Ok(vec![]) } else { Err(f) });
    Ok(Snapshot {
        deployments: must(deployments)?,
        replica_sets: must(replica_sets)?,
        pods: must(pods)?,
        services: must(services)?,
        routes: must(routes)?,
        autoscalers: must(autoscalers)?,
        budgets: must(budgets)?,
        policies: must(policies)?,
        quotas: optional(quotas).map_err(|f| f.to_string())?,
        rollouts: optional(rollouts).map_err(|f| f.to_string())?,
        canaries: optional(canaries).map_err(|f| f.to_string())?,
        monitors: monitors?,
        lease: lease.or_else(|f| if refused(&f) { Ok(None) } else { Err(f) }).map_err(|f| f.to_string())?,
    })
}

fn refused(fault: &Fault) -> bool {
    matches!(fault.status, Some(401 | 403))
}

/// Lets the server check the objects of `-next` without keeping them: admission, quota, policy, schema.
async fn rehearse(wire: &Wire, look: Look<'_>) -> Result<Findings, String> {
    let mut found = Findings::default();
    let (Some(stable), Some(front)) = (look.stable(), look.stable_front()) else { return Ok(found) };
    let Ok(shape) = next::shape(stable, front, &look.planned.version) else { return Ok(found) };
    let mark = OwnerMark { run: look.run.to_string(), epoch: 0, seq: 0 };
    let replicas = next::wanted(stable);
    let deadline = look.plan.policy.progress_deadline;
    let Ok(deployment) = next::deployment(look.planned, stable, &shape, replicas, deadline, &mark) else {
        return Ok(found);
    };
    let service = next::service(look.planned, front, &shape, &mark);
    let (have, have_front) = look.next();
    for (kind, object, have) in [(Kind::Deployments, deployment, have), (Kind::Services, service, have_front)] {
        if have.is_some() {
            continue;
        }
        match wire.create(kind, look.namespace, &object, true).await {
            Ok(made) => check_image(&look, kind, &made, &mut found),
            Err(fault) if fault.status.is_some_and(|s| s < 500 && s != 429) => {
                let fix =
                    "this is the server's answer to a dry run; change the Upgrade's patch, the quota or the policy";
                look.stop(&mut found, format!("{} could not be made: {fault}", kind.of(name(&object))), fix);
            }
            Err(fault) => return Err(fault.to_string()),
        }
    }
    Ok(found)
}

/// What admission makes of the image: a run whose new pods run another one would upgrade to something nobody asked for.
fn check_image(look: &Look, kind: Kind, made: &Value, found: &mut Findings) {
    if kind != Kind::Deployments {
        return;
    }
    let Some(image) = container(made, &look.planned.service.workload.container).and_then(|c| text(c, "/image")) else {
        return;
    };
    if !is_stored(&look.planned.image, image) {
        let what = format!("the cluster makes image {image} of {}, by a dry run", look.planned.image);
        let fix = "an admission webhook does that: correct its rule, or name in the Upgrade what it would store";
        look.stop(found, what, fix);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
