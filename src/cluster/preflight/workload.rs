//! Does stable stand as it should, and do we know what runs?
use std::collections::BTreeSet;

use semver::{Version, VersionReq};
use serde_json::Value;

use super::{Findings, Look, Snapshot};
use crate::cluster::json::{container, list, name, owner, strings, text};
use crate::cluster::next::{VERSION_LABELS, kept};
use crate::cluster::observe;
use crate::engine::observe::{DeploymentProgress, DeploymentSeen, PodSeen, ServiceFacts, Slot};
use crate::plan::Plan;
use crate::spec::image::{digest, is_stored};
use crate::spec::upgrade::{image_name, image_version, in_range};

/// Checks one service's Deployment and tells what runs; `None` when there is nothing to tell.
pub(super) fn check(look: &Look, found: &mut Findings) -> Option<ServiceFacts> {
    let workload = &look.planned.service.workload;
    let Some(stable) = look.stable() else {
        let what = format!("deployment {} does not exist in namespace {}", workload.deployment, look.namespace);
        look.stop(found, what, "correct workload.deployment in the Fleet, or the namespace");
        return None;
    };
    let Some(main) = container(stable, &workload.container) else {
        let have: Vec<&str> =
            list(stable, "/spec/template/spec/containers").iter().filter_map(|c| text(c, "/name")).collect();
        let what = format!("deployment {} has no container {}", workload.deployment, workload.container);
        look.stop(found, what, format!("correct workload.container in the Fleet; it has: {}", have.join(", ")));
        return None;
    };
    let image = text(main, "/image").unwrap_or_default();
    // Under this run's mark it was copied back already, by a run that is being taken up again.
    let ours = owner(stable, look.service()).is_some_and(|m| m.run == look.run);
    if is_stored(&look.planned.image, image) && !ours {
        let what = format!("{} already runs {image}", workload.deployment);
        look.stop(found, what, "take the service out of the Upgrade, or give the new image");
    }
    if main.get("readinessProbe").is_none_or(Value::is_null) {
        let what =
            format!("container {} of deployment {} has no readinessProbe", workload.container, workload.deployment);
        look.stop(
            found,
            what,
            "add one: without it a pod counts as ready before it can serve, and ready means nothing",
        );
    }
    let (seen, pods) = observe::one(&look.planned.service, Slot::Stable, stable, &look.snapshot.pods);
    check_standing(look, &seen, found);
    check_digests(look, &pods, found);
    let version = read_version(stable, image);
    check_version(look, image, version.as_deref(), found);
    Some(ServiceFacts {
        service: look.service().to_string(),
        from_image: image.to_string(),
        from_version: version.unwrap_or_else(|| image_name(image)),
        ready: seen.ready,
        template: stable.pointer("/spec/template").cloned().unwrap_or_default().into(),
        front: look.stable_front().map_or(Value::Null, kept),
    })
}

fn check_standing(look: &Look, seen: &DeploymentSeen, found: &mut Findings) {
    let deployment = &look.planned.service.workload.deployment;
    if seen.wanted == 0 {
        let what = format!("deployment {deployment} is scaled to 0: there is no old version to go back to");
        look.stop(found, what, "scale it up, or deploy the new version without a canary");
        return;
    }
    if seen.progress == DeploymentProgress::Paused {
        let fix = format!("{} rollout resume deployment/{deployment}", look.kubectl);
        look.stop(found, format!("deployment {deployment} is paused"), fix);
    } else if !seen.rolled_out() {
        let what = format!(
            "deployment {deployment} is in the middle of a rollout: {} of {} pods are of its newest template, {} available",
            seen.updated, seen.wanted, seen.available
        );
        let fix = format!("wait for `{} rollout status deployment/{deployment}`", look.kubectl);
        look.stop(found, what, fix);
    } else if seen.ready < seen.wanted {
        let what = format!("deployment {deployment}: {} of {} pods are ready", seen.ready, seen.wanted);
        look.stop(found, what, "bring the old version to health first: it is what a rollback goes back to");
    }
}

fn check_digests(look: &Look, pods: &[PodSeen], found: &mut Findings) {
    let digests: BTreeSet<&str> =
        pods.iter().filter(|p| !p.terminating).filter_map(|p| p.image_id.as_deref()).map(digest).collect();
    if digests.len() > 1 {
        let all: Vec<&str> = digests.into_iter().collect();
        let deployment = &look.planned.service.workload.deployment;
        let what = format!("pods of {deployment} run different images under one tag: {}", all.join(", "));
        let fix = format!("{} rollout restart deployment/{deployment}, or pin a digest", look.kubectl);
        look.stop(found, what, fix);
    }
}

/// The version that runs: the image's tag, else a version label, read as a semantic version.
fn read_version(deployment: &Value, image: &str) -> Option<String> {
    let labels = strings(deployment, "/spec/template/metadata/labels");
    let label =
        || VERSION_LABELS.iter().filter_map(|key| labels.get(*key)).find(|v| Version::parse(v).is_ok()).cloned();
    image_version(image).or_else(label)
}

fn check_version(look: &Look, image: &str, version: Option<&str>, found: &mut Findings) {
    let deployment = &look.planned.service.workload.deployment;
    match (version, &look.planned.service.version) {
        // Nobody asserts or needs another: it may be called anything.
        (None, None) if !look.is_needed() => {}
        (None, Some(asserted)) if *asserted == image_name(image) => {}
        (None, asserted) => {
            let what = format!(
                "the running version of {deployment} cannot be read: neither the tag of {image} nor a \
                                version label is a semantic version"
            );
            let fix = "label the pod template with `version`, or tag the image with a semantic version";
            if asserted.is_some() { look.stop(found, what, fix) } else { look.warn(found, what, fix) }
        }
        (Some(runs), Some(asserted)) if runs != asserted => {
            let what = format!("{deployment} runs {runs}, the Fleet says {asserted}");
            look.stop(
                found,
                what,
                format!("correct `version: {asserted}` in the Fleet, or find out who deployed {runs}"),
            );
        }
        _ => {}
    }
}

/// Services outside the upgrade that its versions need: what runs must satisfy the range. A service that the plan does
/// not describe is looked for as the Deployment of its name.
pub(super) fn check_needs(snapshot: &Snapshot, plan: &Plan, found: &mut Findings) {
    for planned in &plan.services {
        for (need, range) in planned.needs.iter().filter(|(need, _)| plan.get(need).is_none()) {
            let wanted = |problem: String| {
                format!("{} {} needs {need} {range}: {problem}", planned.service.name, planned.version)
            };
            let mut stop = |problem: String, fix: String| {
                found.add(Some(&planned.service.name), true, wanted(problem), fix);
            };
            let known = plan.bystanders.iter().find(|s| s.name == *need);
            let deployment = known.map_or(need.as_str(), |s| s.workload.deployment.as_str());
            let Some(object) = snapshot.deployments.iter().find(|d| name(d) == deployment) else {
                stop(
                    format!("there is no deployment {deployment}"),
                    format!("deploy {need}, or add it to the Upgrade"),
                );
                continue;
            };
            let main = known.and_then(|s| container(object, &s.workload.container));
            let main = main.or_else(|| list(object, "/spec/template/spec/containers").first());
            let image = main.and_then(|c| text(c, "/image")).unwrap_or_default();
            let runs = read_version(object, image).and_then(|v| Version::parse(&v).ok());
            match (runs, VersionReq::parse(range)) {
                (Some(runs), Ok(range)) if in_range(&range, &runs) => {}
                (Some(runs), Ok(_)) => {
                    stop(format!("{runs} runs"), format!("add {need} to the Upgrade, or upgrade it first"))
                }
                (None, _) => {
                    stop(format!("the version of {image} cannot be read"), "label its pods with `version`".into())
                }
                (_, Err(error)) => {
                    stop(format!("this is no range of versions ({error})"), "write it like `>=5.2`".into())
                }
            }
        }
    }
}
