//! The pods' own HTTP: asked through the API server's proxy, and on the scrape port.

use super::api::{Answer, Body, Target};
use super::fault::MetricsAnswer;
use super::kinds::of;
use super::objects::text;
use super::rollout::condition;
use super::status::{self, Refusal};
use super::world::World;
use serde_json::{Value, json};

impl World {
    /// `pods/{name}:{port}/proxy/…`, also with `http:` before and with a named port.
    pub(super) fn proxy(&mut self, t: &Target) -> Result<Answer, Refusal> {
        let spec = t.name.strip_prefix("http:").unwrap_or(&t.name);
        let (name, port) = spec.split_once(':').unwrap_or((spec, ""));
        let pod = self.store.get("pods", &t.ns, name).cloned().ok_or_else(|| status::not_found(of("pods"), name))?;
        let number = match port {
            "" => Some(text_port(&pod)),
            p => p.parse::<i64>().ok().or_else(|| super::replicas::port_named(&pod, p)),
        };
        let number =
            number.ok_or_else(|| status::unavailable(&format!("no port \"{port}\" found on pod \"{name}\"")))?;
        let refused = || {
            let ip = text(&pod, "/status/podIP");
            status::unavailable(&format!(
                "error trying to reach service: dial tcp {ip}:{number}: connect: connection refused"
            ))
        };
        if number != text_port(&pod) {
            return Err(refused());
        }
        let answer = self.pod_page(&t.ns, name, &t.rest).ok_or_else(refused)?;
        if matches!(answer.body, Body::Silence) {
            return Err(status::gateway_timeout(
                "error trying to reach service: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            ));
        }
        Ok(answer)
    }

    /// What the pod itself answers at `path`; `None` when its container does not run.
    pub fn pod_page(&self, ns: &str, pod: &str, path: &str) -> Option<Answer> {
        let (metrics, page) = self.metrics_of(ns, pod)?;
        let plain = "text/plain; charset=utf-8";
        Some(match path.trim_matches('/') {
            "metrics" => match metrics {
                MetricsAnswer::Text => Answer::text(200, super::exposition::CONTENT_TYPE, page),
                MetricsAnswer::Error => Answer::text(500, plain, "internal error\n".into()),
                MetricsAnswer::Html => Answer::text(
                    200,
                    "text/html; charset=utf-8",
                    "<!doctype html><html><title>Sign in</title><body>Please sign in to continue.</body></html>\n"
                        .into(),
                ),
                MetricsAnswer::Hang => {
                    Answer { code: 200, content_type: plain.into(), body: Body::Silence, wrote: false }
                }
            },
            "health/ready" => {
                let p = self.object("pods", ns, pod)?;
                let ready = condition(&p, "Ready").is_some_and(|c| c["status"] == "True");
                Answer::text(if ready { 200 } else { 503 }, plain, if ready { "ok\n" } else { "not ready\n" }.into())
            }
            _ => Answer::text(404, plain, "404 page not found\n".into()),
        })
    }

    /// Every running pod as a target of Prometheus' HTTP service discovery, scraped at `host`.
    pub fn scrape_targets(&self, host: &str) -> Value {
        self.traffic
            .pods
            .iter()
            .map(|((ns, pod), c)| {
                json!({"targets": [host], "labels": {"__metrics_path__": format!("/pods/{ns}/{pod}/metrics"),
                    "namespace": ns, "pod": pod, "service": c.service, "version": c.version}})
            })
            .collect()
    }
}

fn text_port(pod: &Value) -> i64 {
    pod.pointer("/spec/containers/0/ports/0/containerPort").and_then(Value::as_i64).unwrap_or(8080)
}
