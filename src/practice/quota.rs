//! ResourceQuota: what pods of a namespace use, and which new pod would be too much.

use super::kinds::of;
use super::objects::{CONTROLLERS, text};
use super::status::{self, Refusal};
use super::store::Key;
use super::world::World;
use serde_json::{Value, json};

/// An amount in thousandths: `250m`, `1.5`, `512Mi`, `2G`.
fn amount(text: &str) -> Option<i128> {
    const SUFFIXES: [(&str, i128); 10] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("m", 0),
        ("", 1),
    ];
    let (number, factor) = SUFFIXES.iter().find_map(|(s, f)| text.strip_suffix(s).map(|n| (n, *f)))?;
    if factor == 0 {
        return number.parse().ok();
    }
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let thousandths: i128 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    Some((whole.parse::<i128>().ok()? * 1000 + thousandths) * factor)
}

fn shown(thousandths: i128) -> String {
    match thousandths {
        t if t % 1000 != 0 => format!("{t}m"),
        t if t > 0 && t % (1000 << 20) == 0 => format!("{}Mi", t / (1000 << 20)),
        t => format!("{}", t / 1000),
    }
}

/// What one pod takes of a quota's resource.
fn taken(pod: &Value, resource: &str) -> i128 {
    let at = match resource {
        "pods" | "count/pods" => return 1000,
        "cpu" | "requests.cpu" => "/resources/requests/cpu",
        "memory" | "requests.memory" => "/resources/requests/memory",
        "limits.cpu" => "/resources/limits/cpu",
        "limits.memory" => "/resources/limits/memory",
        _ => return 0,
    };
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten().filter_map(|c| amount(&text(c, at))).sum()
}

/// The limits of a quota that this cluster keeps.
fn limits(quota: &Value) -> impl Iterator<Item = (&String, i128)> {
    let hard = quota.pointer("/spec/hard").and_then(Value::as_object);
    hard.into_iter().flatten().filter_map(|(r, v)| Some((r, amount(v.as_str()?)?)))
}

impl World {
    fn used(&self, ns: &str, resource: &str) -> i128 {
        let ended = |p: &Value| matches!(text(p, "/status/phase").as_str(), "Succeeded" | "Failed");
        self.store.list("pods", ns).filter(|p| !ended(p)).map(|p| taken(p, resource)).sum()
    }

    /// Admission of a new pod.
    ///
    /// # Errors
    /// 403, naming the quota and its numbers.
    pub(super) fn admit_pod(&self, ns: &str, pod: &Value) -> Result<(), Refusal> {
        for quota in self.store.list("resourcequotas", ns) {
            let over: Vec<(String, i128, i128, i128)> = limits(quota)
                .map(|(r, hard)| (r.clone(), taken(pod, r), self.used(ns, r), hard))
                .filter(|(_, more, used, hard)| *more > 0 && used + more > *hard)
                .collect();
            if over.is_empty() {
                continue;
            }
            let each = |pick: fn(&(String, i128, i128, i128)) -> i128| {
                over.iter().map(|o| format!("{}={}", o.0, shown(pick(o)))).collect::<Vec<_>>().join(",")
            };
            let why = format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                text(quota, "/metadata/name"),
                each(|o| o.1),
                each(|o| o.2),
                each(|o| o.3)
            );
            return Err(status::not_admitted(of("pods"), &text(pod, "/metadata/name"), &why));
        }
        Ok(())
    }

    pub(super) fn reconcile_quota(&mut self, key: &Key) {
        let Some(quota) = self.store.get("resourcequotas", &key.0, &key.1).cloned() else { return };
        let used: serde_json::Map<String, Value> =
            limits(&quota).map(|(r, _)| (r.clone(), json!(shown(self.used(&key.0, r))))).collect();
        let status = json!({"hard": quota.pointer("/spec/hard").cloned().unwrap_or_else(|| json!({})), "used": used});
        let raised = quota.pointer("/status/hard") != status.get("hard");
        self.edit(of("resourcequotas"), key, CONTROLLERS, "status", |o| o["status"] = status);
        if raised {
            // What was too much may fit now.
            let sets: Vec<Key> = self.store.list("replicasets", &key.0).map(|r| super::store::key_of(r)).collect();
            for set in sets {
                self.store.touch("replicasets", set);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_as_the_server_does() {
        for (text, thousandths) in
            [("250m", 250), ("1.5", 1500), ("3", 3000), ("512Mi", 512 * (1 << 20) * 1000), ("2k", 2_000_000)]
        {
            assert_eq!(amount(text), Some(thousandths), "{text}");
        }
        assert_eq!(amount("lots"), None);
        assert_eq!([750, 3000, 512 * (1 << 20) * 1000, 0].map(shown), ["750m", "3", "512Mi", "0"]);
    }
}
