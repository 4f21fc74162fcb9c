//! What a Prometheus says of itself.
use std::collections::BTreeSet;

use serde::Deserialize;

use super::Prometheus;
use crate::metrics::names::ByService;
use crate::spec::Service;
use crate::spec::units::Dur;

#[derive(Deserialize)]
struct Page<T> {
    data: T,
}

#[derive(Deserialize)]
struct Build {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    scrape_interval: String,
}

#[derive(Deserialize)]
struct Config {
    yaml: String,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    global: Global,
}

#[derive(Deserialize, Default)]
struct Global {
    scrape_interval: Option<String>,
}

/// Services whose targets count.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Deployments whose pods are read, stable's and the next one's.
    deployments: BTreeSet<String>,
    /// Services in front of them.
    services: BTreeSet<String>,
    /// Labels that hold a target's pod and namespace, by the conventions in use.
    pod_labels: BTreeSet<String>,
    namespace_labels: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn of<'a>(services: impl IntoIterator<Item = &'a Service>, names: &ByService) -> Wanted {
        let mut out = Wanted::default();
        for service in services {
            let route = &service.traffic.http_route;
            out.deployments.extend([service.workload.deployment.clone(), service.next_deployment()]);
            out.services.extend([route.stable.clone(), route.next.clone()]);
            let names = names.get(&service.name);
            out.pod_labels.insert(names.pod.clone());
            out.namespace_labels.insert(names.namespace.clone());
        }
        out
    }

    fn namespace_of<'t>(&self, target: &'t Target) -> Option<&'t String> {
        let named = self.namespace_labels.iter().find_map(|label| target.labels.get(label));
        named.or_else(|| target.labels.get("namespace"))
    }

    fn are(&self, target: &Target) -> bool {
        let pods = self.pod_labels.iter().filter_map(|label| target.labels.get(label));
        let mut deployments = pods.filter_map(|pod| deployment_of(pod));
        deployments.any(|d| self.deployments.contains(d))
            || target.labels.get("service").is_some_and(|s| self.services.contains(s))
    }
}

/// The Deployment of a pod by its name, `<deployment>-<hash>-<five signs>`.
fn deployment_of(pod: &str) -> Option<&str> {
    let (set, _) = pod.rsplit_once('-')?;
    set.rsplit_once('-').map(|(deployment, _)| deployment)
}

impl Prometheus {
    /// The longest interval at which a target of the wanted services is scraped, from `/api/v1/targets`; where no target
    /// can be told to be theirs, of this namespace; where none is known, the configured default. `None` when it cannot
    /// be found out.
    pub async fn source_interval(&self) -> Option<Dur> {
        self.of_targets().await.or(self.of_config().await)
    }

    async fn of_targets(&self) -> Option<Dur> {
        let (status, body) = self.api.get("api/v1/targets?state=active").await.ok()?;
        let page: Page<Targets> = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
        let here = |t: &&Target| self.targets.namespace_of(t) == Some(&self.namespace);
        let here: Vec<&Target> = page.data.active_targets.iter().filter(here).collect();
        let slowest = |all: &mut dyn Iterator<Item = &Target>| all.filter_map(|t| t.scrape_interval.parse().ok()).max();
        slowest(&mut here.iter().copied().filter(|t| self.targets.are(t))).or(slowest(&mut here.iter().copied()))
    }

    async fn of_config(&self) -> Option<Dur> {
        let (status, body) = self.api.get("api/v1/status/config").await.ok()?;
        let page: Page<Config> = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
        let file: ConfigFile = serde_saphyr::from_str(&page.data.yaml).ok()?;
        file.global.scrape_interval?.parse().ok()
    }

    /// Whether it is there, ready, and a Prometheus.
    ///
    /// # Errors
    /// What is wrong, on which address, and what to look at.
    pub async fn check(&self) -> Result<String, String> {
        let at = self.api.address();
        let (status, body) = self.api.get("api/v1/status/buildinfo").await.map_err(|e| format!("{at}: {e}"))?;
        let page: Page<Build> = match status {
            200 => serde_json::from_slice(&body).map_err(|_| {
                let page = body.trim_ascii_start().starts_with(b"<");
                let what = if page { "a web page (text/html)" } else { "something other than JSON" };
                format!(
                    "{at}/api/v1/status/buildinfo answered {what}: is this a Prometheus, or a login in front of it?"
                )
            })?,
            401 | 403 => return Err(format!("{at} refuses the credentials ({status}): check `metrics.auth`")),
            300..=399 => return Err(format!("{at} redirects ({status}); name the address it redirects to")),
            _ => return Err(format!("{at}/api/v1/status/buildinfo answered {status}: is this a Prometheus?")),
        };
        match self.api.get("-/ready").await.map_err(|e| format!("{at}: {e}"))? {
            // Servers that only speak its query API have no such page.
            (200 | 404, _) => Ok(page.data.version),
            (status, _) => Err(format!("{at} is not ready ({status}); it may still be starting")),
        }
    }
}
