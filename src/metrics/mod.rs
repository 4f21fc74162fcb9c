//! Where samples come from: a Prometheus, or the pods' own exposition text. Both answer [`crate::ports::Metrics`].
//!
//! # Layout
//! - [`prometheus`] asks a Prometheus by its query API
//! - [`scrape`] reads the pods through the API server: for a cluster without a Prometheus
//! - [`exposition`] reads exposition text; [`counters`] growth of counters over windows, with resets; [`histogram`]
//!   quantiles
//! - [`names`] which series the built-in measures read; [`answer`] from growth to a gate's sample
use std::sync::Arc;

use crate::ports::Metrics;
use crate::spec::units::Dur;
use crate::spec::{Environment, Service};

pub mod answer;
pub mod counters;
pub mod exposition;
pub mod histogram;
pub mod names;
pub mod prometheus;
pub mod scrape;

/// The source an environment names: its Prometheus, else the pods themselves. `services`: all that may be asked about,
/// for those whose metrics are named otherwise. `seed` decides which pods of many are scraped. Asks nothing yet.
///
/// # Errors
/// An address that is none, or credentials that cannot be read; the text names the field.
pub fn connect<'a>(
    env: &Environment,
    services: impl IntoIterator<Item = &'a Service>,
    client: kube::Client,
    seed: u64,
) -> Result<Arc<dyn Metrics>, String> {
    let services: Vec<&Service> = services.into_iter().collect();
    let names = names::ByService::new(&env.metrics.convention, services.iter().copied());
    if env.metrics.prometheus.is_some() {
        return Ok(Arc::new(prometheus::Prometheus::new(env, names)?.for_services(services)));
    }
    let fetch = scrape::Fetch {
        client,
        namespace: env.kubernetes.namespace.clone(),
        scrape: env.metrics.scrape.clone(),
        timeout: scrape::TIMEOUT,
    };
    Ok(Arc::new(scrape::DirectScrape::new(fetch, names, seed, env.metrics.source_interval)))
}

/// What a source says of itself before the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `Prometheus 2.42.0 at http://prometheus.monitoring:9090`, or that the pods are scraped.
    pub what: String,
    /// How often the source looks at a pod, which is how old a healthy sample may be. `None`: not declared, and it does
    /// not say.
    pub interval: Option<Dur>,
}

/// Asks the environment's source whether it is there and how often it looks at these services; of a direct scrape there is nothing to ask
/// before there are pods.
///
/// # Errors
/// What is wrong, on which address, and what to look at.
pub async fn about<'a>(env: &Environment, services: impl IntoIterator<Item = &'a Service>) -> Result<About, String> {
    let declared = env.metrics.source_interval;
    let Some(address) = &env.metrics.prometheus else {
        let interval = declared.unwrap_or(scrape::INTERVAL).max(scrape::INTERVAL);
        return Ok(About {
            what: "the pods' own metrics, read through the API server".into(),
            interval: Some(interval),
        });
    };
    let services: Vec<&Service> = services.into_iter().collect();
    let names = names::ByService::new(&env.metrics.convention, services.iter().copied());
    let source = prometheus::Prometheus::new(env, names)?.for_services(services);
    let version = source.check().await?;
    let interval = match declared {
        Some(declared) => Some(declared),
        None => source.source_interval().await,
    };
    Ok(About { what: format!("Prometheus {version} at {address}"), interval })
}
