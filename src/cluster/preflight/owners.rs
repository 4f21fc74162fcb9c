//! Who else thinks these objects are theirs?
use serde_json::Value;

use super::{Findings, Look};
use crate::cluster::call::targets;
use crate::cluster::http_route::{highest_mark, observe};
use crate::cluster::json::{list, name, number, owner, owner_key, strings, text};
use crate::cluster::lease::holder_run;
use crate::cluster::observe::names;
use crate::engine::observe::Slot;
use crate::spec::units::{Dur, Time};

pub(super) fn check(look: &Look, found: &mut Findings) {
    check_leftovers(look, found);
    check_marks(look, found);
    check_controllers(look, found);
    check_git(look, found);
}

/// Objects of `-next` that another run, or another hand, left behind.
fn check_leftovers(look: &Look, found: &mut Findings) {
    let (deployment, front) = look.next();
    for (kind, object) in [("deployment", deployment), ("service", front)] {
        let Some(object) = object else { continue };
        let whose = match owner(object, look.service()) {
            // This run's own, from before it was interrupted.
            Some(mark) if mark.run == look.run => continue,
            // In use: nobody must be told how to delete it.
            Some(mark) if driving(look).is_some_and(|(run, _)| run == mark.run) => continue,
            Some(mark) => format!("was left by run {}", mark.run),
            None => "was not made by Pilothouse".to_string(),
        };
        let resume = owner(object, look.service()).map(|m| format!("take it up with `pilothouse resume {}`", m.run));
        let what = format!("{kind} {} {whose}", name(object));
        let share = observe(&look.planned.service, look.route()).weights.map_or(0.0, |w| w.share());
        if share > 0.0 {
            // In use by people: nobody is told how to delete it.
            let route = &look.planned.service.traffic.http_route.name;
            let fix = resume.map_or_else(
                || "let its owner move the traffic back to stable first".into(),
                |r| {
                    format!(
                        "{r}; if its journal is lost, give stable the traffic back first (HTTPRoute {route} says how)"
                    )
                },
            );
            look.stop(found, format!("{what} and serves {share:.0} % of the traffic"), fix);
            continue;
        }
        let delete = format!("if nobody needs it: {} delete {kind} {}", look.kubectl, name(object));
        let or = resume.map(|r| format!("{r}, or ")).unwrap_or_default();
        look.stop(found, what, or + &delete);
    }
}

/// Until when a Lease is good without another renewal; `None` where it does not say.
fn runs_out(lease: &Value) -> Option<Time> {
    let renewed = chrono::DateTime::parse_from_rfc3339(text(lease, "/spec/renewTime")?).ok()?;
    let seconds = number(lease, "/spec/leaseDurationSeconds").and_then(|s| u64::try_from(s).ok())?;
    Some(Time(renewed.timestamp_millis()) + Dur::secs(seconds))
}

/// Another run that holds the Lease, and who holds it for that run. One that ran out is that of a process that died: what it
/// left is told as such.
pub(super) fn driving<'a>(look: &'a Look) -> Option<(&'a str, &'a str)> {
    let lease = look.snapshot.lease.as_ref()?;
    let holder = text(lease, "/spec/holderIdentity")?;
    if runs_out(lease).is_some_and(|at| at < look.now) {
        return None;
    }
    holder_run(holder).filter(|run| *run != look.run).map(|run| (run, holder))
}

/// Marks of a run that still drives, or on the route of one that a lost Lease can no longer outrank.
fn check_marks(look: &Look, found: &mut Findings) {
    let (deployment, front) = look.next();
    let mut marks = [look.route(), deployment, front].into_iter().flatten().filter_map(|o| owner(o, look.service()));
    if let Some((run, holder)) = driving(look)
        && marks.any(|m| m.run == run)
    {
        let what = format!("run {run} drives {} now, from {holder}", look.service());
        let fix = format!("wait for its end, or end it there; if that process is dead: `pilothouse resume {run}`");
        look.stop(found, what, fix);
    }
    let Some(route) = look.route().filter(|r| owner(r, look.service()).is_some()) else { return };
    // One that is not there is made above every mark.
    let Some(lease) = look.snapshot.lease.as_ref() else { return };
    let epoch = number(lease, "/spec/leaseTransitions").and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let highest = highest_mark(route, std::iter::once(look.service())).map_or(0, |(_, m)| m.epoch);
    if highest > epoch.max(1) {
        let what = format!(
            "HTTPRoute {} carries epoch {highest}, the Lease stands at {epoch}: the Lease was restored from an older state",
            name(route)
        );
        let key = owner_key(look.service());
        let fix = format!("if no other driver lives: {} annotate httproute {} {key}-", look.kubectl, name(route));
        look.stop(found, what, fix);
    }
}

/// Autoscalers and other delivery controllers.
fn check_controllers(look: &Look, found: &mut Findings) {
    let (stable, _) = names(&look.planned.service, Slot::Stable);
    let (next, _) = names(&look.planned.service, Slot::Next);
    for autoscaler in &look.snapshot.autoscalers {
        if targets(autoscaler, &stable) || targets(autoscaler, &next) {
            let what = format!("HorizontalPodAutoscaler {} sizes deployment {stable}", name(autoscaler));
            look.stop(found, what, "services with an autoscaler are not supported yet: take it away for the run");
        }
    }
    let refers = |object: &Value, at: &str| text(object, &format!("{at}/name")) == Some(stable.as_str());
    for rollout in look.snapshot.rollouts.iter().filter(|r| refers(r, "/spec/workloadRef")) {
        let what = format!("Argo Rollout {} owns deployment {stable}", name(rollout));
        look.stop(found, what, "let one of the two deliver it: both would move the same traffic");
    }
    for canary in look.snapshot.canaries.iter().filter(|c| refers(c, "/spec/targetRef")) {
        let what = format!("Flagger Canary {} owns deployment {stable}", name(canary));
        look.stop(found, what, "let one of the two deliver it: both would move the same traffic");
    }
}

/// Marks of tools that would write stable's template or the route's weights back, unless somebody said what keeps them off.
fn check_git(look: &Look, found: &mut Findings) {
    if look.plan.gitops(look.planned).is_some() {
        return;
    }
    let route_name = &look.planned.service.traffic.http_route.name;
    let objects = [(look.route(), format!("HTTPRoute {route_name}")), (look.stable(), stable_name(look))];
    for (object, what) in objects.iter().filter_map(|(o, what)| o.map(|o| (o, what))) {
        let Some(tool) = git_tool(object) else { continue };
        let way = match tool {
            "Argo CD" => {
                "`gitops: ignored` once its Application has `syncOptions: [RespectIgnoreDifferences=true]` and \
                 `ignoreDifferences: [{group: gateway.networking.k8s.io, kind: HTTPRoute, jqPathExpressions: \
                 ['.spec.rules']}, {group: apps, kind: Deployment, jqPathExpressions: ['.spec.template', \
                 '.spec.replicas']}]`; `gitops: suspended` while its automated sync is off"
                    .to_string()
            }
            "Flux" => format!(
                "`gitops: suspended` after `{kubectl} annotate httproute/{route_name} \
                 kustomize.toolkit.fluxcd.io/reconcile=disabled` and the same for deployment/{stable}, or after \
                 `flux suspend` of its Kustomization or HelmRelease",
                kubectl = look.kubectl,
                stable = look.planned.service.workload.deployment
            ),
            _ => "`gitops: suspended` when nobody runs `helm upgrade` meanwhile".to_string(),
        };
        let service = look.service();
        let fix = format!(
            "it may write the old weights or image back. Say in the Fleet, at service {service} or at its environment, what \
             keeps it off: {way}; `gitops: handover` if Git no longer holds these fields"
        );
        look.stop(found, format!("{what} is managed by {tool}"), fix);
    }
}

fn stable_name(look: &Look) -> String {
    format!("deployment {}", look.planned.service.workload.deployment)
}

fn git_tool(object: &Value) -> Option<&'static str> {
    let mut keys = strings(object, "/metadata/labels");
    let helm = keys.get("app.kubernetes.io/managed-by").is_some_and(|by| by == "Helm");
    keys.extend(strings(object, "/metadata/annotations"));
    let managers: Vec<&str> =
        list(object, "/metadata/managedFields").iter().filter_map(|m| text(m, "/manager")).collect();
    if keys.keys().any(|k| k.starts_with("argocd.argoproj.io/")) || managers.contains(&"argocd-controller") {
        Some("Argo CD")
    } else if keys.keys().any(|k| k.contains(".toolkit.fluxcd.io/"))
        || managers.iter().any(|m| matches!(*m, "kustomize-controller" | "helm-controller"))
    {
        Some("Flux")
    } else if helm || managers.contains(&"helm") {
        Some("Helm")
    } else {
        None
    }
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
