//! The Fleet: where services run and how their traffic is moved.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Dur;

/// The systems one team upgrades: environments and services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    #[schemars(length(min = 1))]
    pub environments: Vec<Environment>,
    #[schemars(length(min = 1))]
    pub services: Vec<Service>,
    /// Folder with the contracts of its services, seen from this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracts: Option<String>,
}

/// A named fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    pub name: String,
    #[serde(flatten)]
    pub spec: FleetSpec,
}

/// One cluster and namespace a fleet runs in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub name: String,
    /// Production asks more: named people, and a louder screen.
    #[serde(default)]
    pub production: bool,
    pub kubernetes: Kubernetes,
    /// Where metrics come from. Left out: the pods' own `/metrics`, through the API server.
    #[serde(default)]
    pub metrics: Metrics,
    /// What keeps a tool that delivers this environment from Git off what a run writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitops: Option<GitOps>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Context of the kubeconfig; left out: its current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub namespace: String,
}

/// Where samples come from: a Prometheus, or the pods themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Base URL of a Prometheus, such as `http://prometheus.monitoring:9090`. Left out: the pods are scraped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<String>,
    /// Credentials for that Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How the services name their metrics; a service may differ.
    #[serde(default)]
    pub convention: Convention,
    /// How often the source itself looks at a pod. Left out: asked of Prometheus, 15s for direct scrapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_interval: Option<Dur>,
    /// How pods are read when no Prometheus is named.
    #[serde(default)]
    pub scrape: Scrape,
}

/// Credentials for a Prometheus. Secrets stay in files; none is written here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// File that holds a bearer token; read again before each use, since tokens rotate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
    /// PEM file of a certificate authority to trust besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// PEM file with a client certificate and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    pub user: String,
    pub password_file: String,
}

/// How a pod's exposition text is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scrape {
    /// Name or number of the container port.
    pub port: String,
    pub path: String,
}

impl Default for Scrape {
    fn default() -> Self {
        Scrape { port: "http".into(), path: "/metrics".into() }
    }
}

/// Names of the metrics the built-in measures read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// `http_requests_total{code}`, `http_request_duration_seconds_bucket`.
    #[default]
    Prometheus,
    /// `http_server_request_duration_seconds_*{http_response_status_code}`.
    Otel,
    /// `istio_requests_total{response_code}`, `istio_request_duration_milliseconds_bucket`.
    Istio,
    Own(Names),
}

/// Own metric names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Counter of requests.
    pub requests: String,
    /// Label of that counter that holds the HTTP status code.
    pub code_label: String,
    /// Histogram of request durations, without `_bucket`.
    pub duration: String,
    /// Seconds in one unit of that histogram: 1 for seconds, 0.001 for milliseconds.
    #[serde(default = "one")]
    pub duration_unit: f64,
    /// Label that holds the pod's name. Left out: `pod`. For a Prometheus only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_label: Option<String>,
    /// Label that holds its namespace. Left out: `namespace`. For a Prometheus only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_label: Option<String>,
}

fn one() -> f64 {
    1.0
}

/// One service of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    /// When it is down, all raises stop.
    #[serde(default)]
    pub critical: bool,
    /// What is expected to run before an upgrade; a mismatch with the cluster is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub workload: Workload,
    pub traffic: Traffic,
    /// Overrides the environment's convention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convention: Option<Convention>,
    /// How tenants share it, and so whose windows bind it.
    #[serde(default, skip_serializing_if = "Tenancy::is_shared")]
    pub tenancy: Tenancy,
    /// What keeps a tool that delivers it from Git off what a run writes; overrides the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitops: Option<GitOps>,
}

/// What keeps Argo CD, Flux or Helm from writing back what a run writes: the route's weights and stable's template. One of
/// them on a service without this declaration is refused before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GitOps {
    /// The tool is told to leave these fields alone, as by Argo CD's ignoreDifferences.
    Ignored,
    /// It does not reconcile while a run goes on; nobody runs `helm upgrade`.
    Suspended,
    /// Git holds these fields no more: they are Pilothouse's.
    Handover,
}

/// How tenants share a service, and so whose windows bind it. Freezes bind it in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tenancy {
    /// One deployment for all of them: the Calendar's slots bind it.
    #[default]
    Shared,
    /// A tenant's requests are told from those of others, and routed by a rule of their own in its own window, under the
    /// strategy `phased`.
    Routed(Routed),
    /// Each tenant has its own deployment, in a namespace of its own. Declared: a run moves all tenants at once.
    Namespace,
    /// Each tenant is switched over by a feature flag. Declared, as above.
    Flag,
}

/// What a tenant's requests are told by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Routed {
    /// A request header, such as x-tenant, that holds the tenant's id.
    Header(String),
    /// The host, with {tenant} in place of the tenant's id.
    Host(String),
    /// A request header, such as x-cohort, that holds the name of the tenant's cohort: all of it moves at once.
    Cohort(String),
}

impl Tenancy {
    pub fn is_shared(&self) -> bool {
        *self == Tenancy::Shared
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The stable Deployment, before and after every upgrade.
    pub deployment: String,
    /// The container whose image is upgraded.
    pub container: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    #[serde(rename = "httpRoute")]
    pub http_route: HttpRoute,
}

/// A Gateway API HTTPRoute whose weights share the traffic between the stable and the next Service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRoute {
    pub name: String,
    /// Service in front of the stable Deployment.
    pub stable: String,
    /// Service that will stand in front of the new version, `NAME-next`; made by the run.
    pub next: String,
    pub port: u16,
}

impl Fleet {
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.spec.services.iter().find(|s| s.name == name)
    }
}

impl Service {
    /// Name of the Deployment that runs the new version beside stable.
    pub fn next_deployment(&self) -> String {
        format!("{}-next", self.workload.deployment)
    }
}
