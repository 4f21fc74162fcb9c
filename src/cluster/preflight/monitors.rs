//! Prometheus Operator: monitors that scrape stable's pods and would not scrape the new ones.
//!
//! Without them the new version has no data, and every gate on it holds for ever; that is better said before the start.
use serde_json::Value;

use super::{Findings, Look, refused};
use crate::cluster::json::{SLOT_LABEL, list, name, strings, text};
use crate::cluster::next;
use crate::cluster::selector::selector_matches;
use crate::cluster::wire::Wire;
use crate::engine::observe::OwnerMark;

/// The two kinds of monitors of a cluster, as far as they may be seen.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    services: Vec<Value>,
    pods: Vec<Value>,
}

/// Reads them: of all namespaces where that is allowed, else of this one. A cluster without the operator has none.
pub(super) async fn read(wire: &Wire, namespace: &str) -> Result<Monitors, String> {
    let (services, pods) =
        tokio::join!(read_kind(wire, namespace, "servicemonitors"), read_kind(wire, namespace, "podmonitors"));
    Ok(Monitors { services: services?, pods: pods? })
}

async fn read_kind(wire: &Wire, namespace: &str, plural: &str) -> Result<Vec<Value>, String> {
    const GROUP: &str = "/apis/monitoring.coreos.com/v1";
    let what = format!("list {plural}");
    let mut page = wire.read(&format!("{GROUP}/{plural}?limit=500"), &what).await;
    if page.as_ref().is_err_and(refused) {
        page = wire.read(&format!("{GROUP}/namespaces/{namespace}/{plural}?limit=500"), &what).await;
    }
    match page {
        Ok(page) => Ok(list(&page, "/items").to_vec()),
        Err(fault) if fault.is_missing() || refused(&fault) => Ok(Vec::new()),
        Err(fault) => Err(fault.to_string()),
    }
}

pub(super) fn check(look: &Look, found: &mut Findings) {
    if look.plan.environment.metrics.prometheus.is_none() {
        return;
    }
    let (Some(stable), Some(front)) = (look.stable(), look.stable_front()) else { return };
    let Ok(shape) = next::shape(stable, front, &look.planned.version) else { return };
    let mark = OwnerMark { run: look.run.to_string(), epoch: 0, seq: 0 };
    let service = next::service(look.planned, front, &shape, &mark);
    let by_service = (strings(front, "/metadata/labels"), strings(&service, "/metadata/labels"));
    let by_pod = (strings(stable, "/spec/template/metadata/labels"), shape.labels.clone());
    for (kind, monitors, (old, new), of) in [
        ("ServiceMonitor", &look.snapshot.monitors.services, by_service, "Service"),
        ("PodMonitor", &look.snapshot.monitors.pods, by_pod, "pods"),
    ] {
        for monitor in monitors.iter().filter(|m| is_about(m, look.namespace)) {
            let selector = monitor.pointer("/spec/selector").unwrap_or(&Value::Null);
            if selector_matches(selector, &old) && !selector_matches(selector, &new) {
                let (what, fix) = said(look, kind, monitor, &new, of);
                look.warn(found, what, fix);
            }
        }
    }
}

fn said(look: &Look, kind: &str, monitor: &Value, new: &next::Labels, of: &str) -> (String, String) {
    let next = &look.planned.service.traffic.http_route.next;
    let namespace = text(monitor, "/metadata/namespace").unwrap_or(look.namespace);
    let what = format!(
        "{kind} {namespace}/{} scrapes {} but would not scrape {next}: by its selector gates of the new version have no data",
        name(monitor),
        look.service()
    );
    let wanted = strings(monitor, "/spec/selector/matchLabels");
    let differs: Vec<String> = wanted
        .iter()
        .filter(|(key, value)| new.get(*key) != Some(value))
        .map(|(key, value)| match new.get(key) {
            Some(have) => format!("{key}: {have} (not {value})"),
            None => format!("{key}: missing (not {value})"),
        })
        .collect();
    let differs = if differs.is_empty() { "what its matchExpressions ask".to_string() } else { differs.join(", ") };
    let fix = format!(
        "the {of} of {next} will carry {differs}; add a {kind} that selects `{SLOT_LABEL}: next`, or widen this one's selector \
         to both, unless the pods are scraped by something else"
    );
    (what, fix)
}

/// Whether a monitor looks into this namespace: its own, those it lists, or all.
fn is_about(monitor: &Value, namespace: &str) -> bool {
    let selector = monitor.pointer("/spec/namespaceSelector").unwrap_or(&Value::Null);
    let names = list(selector, "/matchNames");
    if selector.get("any") == Some(&Value::Bool(true)) {
        return true;
    }
    if names.is_empty() {
        return text(monitor, "/metadata/namespace").is_none_or(|own| own == namespace);
    }
    names.iter().any(|n| n.as_str() == Some(namespace))
}
