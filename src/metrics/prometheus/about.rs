//! What a Prometheus says of itself.
use serde::Deserialize;

use super::Prometheus;
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

impl Prometheus {
    /// The longest interval at which a target of this namespace is scraped, from `/api/v1/targets`; where none is known,
    /// the configured default. `None` when it cannot be found out.
    pub async fn source_interval(&self) -> Option<Dur> {
        self.of_targets().await.or(self.of_config().await)
    }

    async fn of_targets(&self) -> Option<Dur> {
        let (status, body) = self.api.get("api/v1/targets?state=active").await.ok()?;
        let page: Page<Targets> = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
        let ours = |t: &&Target| t.labels.get("namespace") == Some(&self.namespace);
        page.data.active_targets.iter().filter(ours).filter_map(|t| t.scrape_interval.parse().ok()).max()
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
