//! Which series the built-in measures read, by convention.
use std::collections::BTreeMap;

use crate::spec::fleet::{Convention, Service};

/// The series of one convention.
#[derive(Debug, Clone, PartialEq)]
pub struct Names {
    /// Counter of requests.
    pub requests: String,
    /// Its label that holds the HTTP status code.
    pub code: String,
    /// Buckets of the histogram of durations.
    pub bucket: String,
    /// Seconds in one unit of that histogram.
    pub unit: f64,
    /// Labels that hold the pod's name and its namespace.
    pub pod: String,
    pub namespace: String,
    /// Labels a series must carry to be counted.
    pub only: Vec<(String, String)>,
}

impl Names {
    pub fn of(convention: &Convention) -> Names {
        let names = |requests: &str, code: &str, duration: &str, unit| Names {
            requests: requests.into(),
            code: code.into(),
            bucket: format!("{duration}_bucket"),
            unit,
            pod: "pod".into(),
            namespace: "namespace".into(),
            only: Vec::new(),
        };
        match convention {
            Convention::Prometheus => names("http_requests_total", "code", "http_request_duration_seconds", 1.0),
            Convention::Otel => names(
                "http_server_request_duration_seconds_count",
                "http_response_status_code",
                "http_server_request_duration_seconds",
                1.0,
            ),
            // A request between two pods of the mesh is counted at both ends; the called pod's own count is the one of
            // its version.
            Convention::Istio => Names {
                only: vec![("reporter".into(), "destination".into())],
                ..names("istio_requests_total", "response_code", "istio_request_duration_milliseconds", 0.001)
            },
            Convention::Own(own) => {
                let usual = names(&own.requests, &own.code_label, &own.duration, own.duration_unit);
                Names {
                    pod: own.pod_label.clone().unwrap_or(usual.pod),
                    namespace: own.namespace_label.clone().unwrap_or(usual.namespace),
                    ..usual
                }
            }
        }
    }

    /// The series a measure rests on, and the label its numbers are kept apart by.
    pub fn series(&self, what: Kind) -> (&str, &str) {
        match what {
            Kind::Requests => (&self.requests, &self.code),
            Kind::Durations => (&self.bucket, "le"),
        }
    }
}

/// The two kinds of series the built-in measures need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The counter of requests, by status code.
    Requests,
    /// The histogram of durations, by upper bound.
    Durations,
}

/// The environment's convention, and the services that differ from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ByService {
    rest: Names,
    own: BTreeMap<String, Names>,
}

impl ByService {
    pub fn new<'a>(environment: &Convention, services: impl IntoIterator<Item = &'a Service>) -> ByService {
        let own = services.into_iter().filter_map(|s| Some((s.name.clone(), Names::of(s.convention.as_ref()?))));
        ByService { rest: Names::of(environment), own: own.collect() }
    }

    pub fn get(&self, service: &str) -> &Names {
        self.own.get(service).unwrap_or(&self.rest)
    }
}
