//! One pod's exposition text, through the API server's pod proxy.
use std::collections::btree_map::Entry;
use std::time::Duration;

use kube::client::Body;

use crate::metrics::counters::{MAX_SERIES, Scrape};
use crate::metrics::exposition::{Doubts, Format, Line, MAX_BODY, Reader};
use crate::metrics::names::{Kind, Names};
use crate::spec::fleet;

/// Longest Pod object read to find a named port, in bytes.
const MAX_POD: usize = 4 * 1024 * 1024;
/// How much of a server's own words an error repeats.
const MAX_WORDS: usize = 160;

/// How pods are reached.
#[derive(Clone)]
pub struct Fetch {
    pub client: kube::Client,
    pub namespace: String,
    pub scrape: fleet::Scrape,
    /// For one pod, wall time.
    pub timeout: Duration,
}

/// What one pod said.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub port: u16,
    pub requests: Metric,
    pub durations: Metric,
    /// The oldest time a line of these metrics carries of its own, in milliseconds since the Unix epoch.
    pub oldest: Option<i64>,
}

impl Seen {
    pub fn of(&self, kind: Kind) -> &Metric {
        match kind {
            Kind::Requests => &self.requests,
            Kind::Durations => &self.durations,
        }
    }
}

/// One metric of one pod: its series, or why they cannot be relied on.
pub type Metric = Result<Scrape, String>;

impl Fetch {
    /// Reads one pod. `port`: its number, when it is known from before.
    ///
    /// # Errors
    /// What is wrong, to be read after `pod NAME: `.
    pub async fn pod(&self, pod: &str, port: Option<u16>, names: &Names) -> Result<Seen, String> {
        tokio::time::timeout(self.timeout, self.read(pod, port, names))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }

    async fn read(&self, pod: &str, port: Option<u16>, names: &Names) -> Result<Seen, String> {
        let port = match port.or_else(|| self.scrape.port.parse().ok()) {
            Some(port) => port,
            None => self.named_port(pod).await?,
        };
        let path = self.scrape.path.strip_prefix('/').unwrap_or(&self.scrape.path);
        let uri = format!("/api/v1/namespaces/{}/pods/{pod}:{port}/proxy/{path}", self.namespace);
        let (format, body) = self.get(&uri, MAX_BODY).await?;
        let (requests, durations, oldest) = extract(&body, format, names)?;
        Ok(Seen { port, requests, durations, oldest })
    }

    /// The pod proxy takes numbers only: a name would be looked up as a well-known service of the API server's machine.
    async fn named_port(&self, pod: &str) -> Result<u16, String> {
        let uri = format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace);
        let (_, body) = self.get(&uri, MAX_POD).await?;
        let pod: serde_json::Value =
            serde_json::from_slice(&body).map_err(|e| format!("its Pod object cannot be read: {e}"))?;
        let mut others = Vec::new();
        for list in ["containers", "initContainers"] {
            for port in pod["spec"][list].as_array().into_iter().flatten().flat_map(|c| c["ports"].as_array()).flatten()
            {
                let number = port["containerPort"].as_u64().and_then(|n| u16::try_from(n).ok());
                match (port["name"].as_str(), number) {
                    (Some(name), Some(number)) if name == self.scrape.port => return Ok(number),
                    (Some(name), Some(_)) => others.push(name.to_string()),
                    (None, Some(number)) => others.push(number.to_string()),
                    _ => {}
                }
            }
        }
        let others = if others.is_empty() { "none".into() } else { others.join(", ") };
        Err(format!("it has no port named `{}` (it has: {others}); set `metrics.scrape.port`", self.scrape.port))
    }

    async fn get(&self, uri: &str, limit: usize) -> Result<(Format, axum::body::Bytes), String> {
        let request = http::Request::get(uri)
            .header("Accept", "text/plain;version=0.0.4,application/json;q=0.5,*/*;q=0.1")
            .body(Body::empty())
            .map_err(|e| format!("`{uri}` is no address: {e}"))?;
        let response = self.client.send(request).await.map_err(|e| format!("the API server does not answer: {e}"))?;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(axum::body::Body::new(body), limit)
            .await
            .map_err(|e| format!("the answer broke off or is longer than {} MiB: {e}", limit / 1024 / 1024))?;
        if !head.status.is_success() {
            return Err(refusal(head.status, &body));
        }
        let content_type = head.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        if content_type.starts_with("text/html") {
            return Err("answered an HTML page, not metrics".into());
        }
        Ok((Format::of(content_type), body))
    }
}

/// An answer other than 2xx, in the server's own words where it has any.
fn refusal(status: http::StatusCode, body: &[u8]) -> String {
    let told =
        serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|v| Some(v["message"].as_str()?.to_owned()));
    let text = String::from_utf8_lossy(body);
    let words = match &told {
        Some(message) => message.trim(),
        None if text.trim_start().starts_with('<') => "an HTML page",
        None => text.trim(),
    };
    let shown: String = words.chars().take(MAX_WORDS).flat_map(char::escape_debug).collect();
    let reason = status.canonical_reason().unwrap_or_default();
    let fix = if status == http::StatusCode::FORBIDDEN {
        "; it takes the right to `get` on `pods/proxy` and `pods`"
    } else {
        ""
    };
    if shown.is_empty() {
        format!("{} {reason}{fix}", status.as_u16())
    } else {
        format!("{} {reason}: {shown}{fix}", status.as_u16())
    }
}

/// The two metrics of a body.
fn extract(body: &[u8], format: Format, names: &Names) -> Result<(Metric, Metric, Option<i64>), String> {
    let mut reader = Reader::new(body, format).map_err(|e| e.to_string())?;
    let mut doubts = Doubts::default();
    let (mut requests, mut durations, mut oldest) = (Ok(Scrape::new()), Ok(Scrape::new()), None);
    while let Some(line) = reader.next() {
        let line = match line {
            Ok(line) => line,
            Err(unreadable) => {
                doubts.add(unreadable);
                continue;
            }
        };
        let (label, into) = if line.metric == names.requests {
            (names.code.as_str(), &mut requests)
        } else if line.metric == names.bucket {
            ("le", &mut durations)
        } else {
            continue;
        };
        if names.only.iter().any(|(name, value)| line.label(name) != Some(value)) {
            continue;
        }
        oldest = oldest.into_iter().chain(line.timestamp).min();
        if let Ok(scrape) = into
            && let Err(why) = take(scrape, &line, label)
        {
            *into = Err(format!("line {}: {why}", line.number));
        }
    }
    let sure = |metric: &str, read: Metric| match doubts.of(metric) {
        Some(unreadable) => Err(unreadable.to_string()),
        None => read,
    };
    Ok((sure(&names.requests, requests), sure(&names.bucket, durations), oldest))
}

/// One line into the scrape, grouped by the value of `label`.
fn take(scrape: &mut Scrape, line: &Line<'_, '_>, label: &str) -> Result<(), String> {
    if !line.value.is_finite() || line.value < 0.0 {
        return Err(format!("`{}` is {}, which is no count", line.metric, line.value));
    }
    if scrape.len() == MAX_SERIES {
        return Err(format!("`{}` has more than {MAX_SERIES} series", line.metric));
    }
    let mut labels: Vec<(&str, &str)> = line.labels.iter().map(|l| (l.name.as_ref(), l.value.as_ref())).collect();
    labels.sort_unstable();
    let mut series = String::new();
    for (name, value) in labels {
        // No label name holds these, so two series never read alike.
        series.extend([name, "\u{1}", value, "\u{2}"]);
    }
    match scrape.entry(series) {
        Entry::Occupied(_) => Err(format!("a series of `{}` occurs twice", line.metric)),
        Entry::Vacant(slot) => {
            slot.insert((line.label(label).unwrap_or_default().to_string(), line.value));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::fleet::Convention;

    fn read(text: &str, convention: &Convention) -> (Metric, Metric, Option<i64>) {
        extract(text.as_bytes(), Format::Text, &Names::of(convention)).unwrap()
    }

    fn groups(metric: Metric) -> Vec<(String, f64)> {
        metric.unwrap().into_values().collect()
    }

    #[test]
    fn the_two_metrics_are_picked_out() {
        let text = "http_requests_total{code=\"200\",method=\"GET\"} 5\nhttp_requests_total{method=\"PUT\",code=\"500\"} 2 77\n\
                    http_request_duration_seconds_bucket{le=\"0.1\"} 3\nhttp_request_duration_seconds_count 3\nup 1\n";
        let (requests, durations, oldest) = read(text, &Convention::Prometheus);
        assert_eq!(groups(requests), [("200".into(), 5.0), ("500".into(), 2.0)]);
        assert_eq!(groups(durations), [("0.1".into(), 3.0)]);
        assert_eq!(oldest, Some(77));
    }

    #[test]
    fn a_mesh_counts_at_the_called_pod_only() {
        let text = "istio_requests_total{reporter=\"source\",response_code=\"200\"} 9\n\
                    istio_requests_total{reporter=\"destination\",response_code=\"200\"} 4\n";
        assert_eq!(groups(read(text, &Convention::Istio).0), [("200".into(), 4.0)]);
    }

    #[test]
    fn what_cannot_be_relied_on_is_an_error_of_its_metric_only() {
        for (bad, says) in [
            ("http_requests_total{code=\"200\"} x\n", "line 2: `x` is not a number"),
            ("http_requests_total{code=\"500\"} NaN\n", "no count"),
            ("http_requests_total{code=\"500\"} -1\n", "no count"),
            ("http_requests_total{code=\"200\"} 7\n", "occurs twice"),
            ("!! 5\n", "line 2"),
        ] {
            let (requests, durations, _) =
                read(&format!("http_requests_total{{code=\"200\"}} 5\n{bad}"), &Convention::Prometheus);
            let why = requests.unwrap_err();
            assert!(why.contains(says), "{why}");
            assert_eq!(durations.is_err(), bad.starts_with("!!"), "a line about nobody knows what is about all");
        }
    }

    #[test]
    fn labels_in_another_order_are_the_same_series() {
        let text = "http_requests_total{code=\"200\",a=\"b\"} 5\nhttp_requests_total{a=\"b\",code=\"200\"} 6\n";
        assert!(read(text, &Convention::Prometheus).0.unwrap_err().contains("twice"));
    }

    #[test]
    fn refusals_speak_the_servers_words() {
        let forbidden =
            refusal(http::StatusCode::FORBIDDEN, br#"{"kind":"Status","message":"pods \"a\" is forbidden"}"#);
        assert!(forbidden.starts_with("403 Forbidden: pods") && forbidden.contains("`pods/proxy`"), "{forbidden}");
        assert_eq!(refusal(http::StatusCode::INTERNAL_SERVER_ERROR, b""), "500 Internal Server Error");
        assert_eq!(refusal(http::StatusCode::BAD_GATEWAY, b"<html>"), "502 Bad Gateway: an HTML page");
        assert!(refusal(http::StatusCode::BAD_GATEWAY, &[b'x'; 5000]).len() < 250);
    }
}
