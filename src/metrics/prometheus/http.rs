//! Talking to a Prometheus: credentials, limits, deadlines.
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::reply::{self, Answer};
use crate::gate::Failure;
use crate::spec::fleet::Auth;
use crate::spec::units::Time;

/// For one query, wall time; the server is told so, too.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// Queries started in any one second.
const A_SECOND: usize = 10;
/// Queries at a time.
const IN_FLIGHT: usize = 4;
/// Longest answer read, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// One Prometheus.
pub struct Api {
    client: reqwest::Client,
    base: reqwest::Url,
    auth: Option<Auth>,
    timeout: Duration,
    flying: Semaphore,
    started: Mutex<VecDeque<Instant>>,
    /// By how many milliseconds the server's clock is ahead of this machine's, at least; below 0: behind.
    skew: AtomicI64,
}

/// Status, content type and body.
type Raw = (u16, String, Vec<u8>);

impl Api {
    /// # Errors
    /// An address that is none, credentials in it, or certificates that cannot be read.
    pub fn new(base: &str, auth: Option<&Auth>, timeout: Duration) -> Result<Api, String> {
        let url: reqwest::Url = base.parse().map_err(|e| format!("`metrics.prometheus: {base}` is no address: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("`metrics.prometheus: {base}` must begin with http:// or https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`metrics.prometheus` holds credentials; put them into files named in `metrics.auth`".into());
        }
        // Another part of the program may have chosen a provider already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout)
            .timeout(timeout)
            .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            // No proxy leads to this very machine.
            client = client.no_proxy();
        }
        if url.scheme() == "http" {
            // Asks no certificate store, which a slim container may not have.
            client = client.tls_certs_only([]);
        } else if let Some(file) = auth.and_then(|a| a.ca_file.as_ref()) {
            let certs = reqwest::Certificate::from_pem_bundle(&pem("ca_file", file)?)
                .map_err(|e| format!("`metrics.auth.ca_file: {file}` holds no PEM certificates: {e}"))?;
            client = client.tls_certs_merge(certs);
        }
        if let Some(file) = auth.and_then(|a| a.client_cert_file.as_ref()) {
            let identity = reqwest::Identity::from_pem(&pem("client_cert_file", file)?).map_err(|e| {
                format!(
                    "`metrics.auth.client_cert_file: {file}` must hold a PEM certificate and its key: {}",
                    cause(&e)
                )
            })?;
            client = client.identity(identity);
        }
        let client = client.build().map_err(|e| format!("no connection to {base} can be set up: {}", cause(&e)))?;
        Ok(Api {
            client,
            base: url,
            auth: auth.cloned(),
            timeout,
            flying: Semaphore::new(IN_FLIGHT),
            started: Mutex::default(),
            skew: AtomicI64::new(0),
        })
    }

    /// The address, for a person.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// One instant query at `time`, given up at `deadline`.
    ///
    /// # Errors
    /// Why there are no numbers; the text names the server.
    pub async fn query(&self, promql: &str, time: Time, deadline: Instant) -> Result<Answer, Failure> {
        let time = format!("{}.{:03}", time.0.div_euclid(1000), time.0.rem_euclid(1000));
        let timeout = format!("{}ms", self.timeout.as_millis());
        let form = [("query", promql), ("time", &time), ("timeout", &timeout)];
        let sent = tokio::time::timeout_at(deadline, async {
            let request = self.client.post(self.url("api/v1/query")).form(&form);
            self.send(request).await
        });
        let raw = match sent.await {
            Ok(raw) => raw.map_err(Failure::Down),
            Err(_) => Err(Failure::Down("not asked in time: too many queries before it".into())),
        };
        raw.and_then(|(status, kind, body)| reply::read(status, &kind, &body)).map_err(|failure| match failure {
            Failure::Down(text) => Failure::Down(format!("{}: {text}", self.address())),
            shape => shape,
        })
    }

    /// One page, with its status.
    ///
    /// # Errors
    /// Why there is no answer; reads after the server's name.
    pub async fn get(&self, path: &str) -> Result<(u16, Vec<u8>), String> {
        self.send(self.client.get(self.url(path))).await.map(|(status, _, body)| (status, body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Raw, String> {
        // The semaphore is never closed; if it were, asking without it would do.
        let _turn = self.flying.acquire().await.ok();
        self.pace().await;
        let request = self.authorize(request).await?;
        let sent = now_ms();
        let mut response = request.send().await.map_err(|e| self.failed(&e))?;
        self.note_clock(sent, response.headers());
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_string();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(&e))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(format!("answered more than {} MiB", MAX_BODY / 1024 / 1024));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status().as_u16(), kind, body))
    }

    /// What to say of the server's clock, if it is far from this machine's: ages of data are told by comparing the two.
    pub fn clock_note(&self) -> Option<String> {
        let skew = self.skew.load(Ordering::Relaxed);
        let secs = skew.abs() / 5000 * 5;
        let looks = if skew < 0 { "older" } else { "younger" };
        (secs > 0).then(|| {
            format!(
                "{}: its clock and this machine's differ by {secs} s or more, so its data looks that much {looks} than it \
                 is; set both by NTP",
                self.address()
            )
        })
    }

    /// Compares the `Date` of an answer, which is cut to whole seconds, with when it was asked for and came.
    fn note_clock(&self, sent: i64, headers: &reqwest::header::HeaderMap) {
        let date = headers.get("date").and_then(|v| v.to_str().ok());
        let Some(date) = date.and_then(|d| DateTime::parse_from_rfc2822(d).ok()) else { return };
        let told = date.timestamp_millis();
        let ahead = (told - now_ms()).max(0);
        let behind = (sent - (told + 1000)).max(0);
        self.skew.store(ahead - behind, Ordering::Relaxed);
    }

    /// Waits until another query may start.
    async fn pace(&self) {
        let mut started = self.started.lock().await;
        if started.len() >= A_SECOND
            && let Some(oldest) = started.front()
        {
            tokio::time::sleep_until(*oldest + Duration::from_secs(1)).await;
            started.pop_front();
        }
        started.push_back(Instant::now());
    }

    /// Secrets are read again for each request, since they rotate.
    async fn authorize(&self, request: reqwest::RequestBuilder) -> Result<reqwest::RequestBuilder, String> {
        let Some(auth) = &self.auth else { return Ok(request) };
        if let Some(file) = &auth.bearer_file {
            return Ok(request.bearer_auth(secret("bearer_file", file).await?));
        }
        if let Some(basic) = &auth.basic {
            let password = secret("basic.password_file", &basic.password_file).await?;
            return Ok(request.basic_auth(&basic.user, Some(password)));
        }
        Ok(request)
    }

    fn failed(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() { format!("no answer within {:?}", self.timeout) } else { cause(error) }
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// This machine's clock, in milliseconds since the Unix epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The innermost reason, which is the one a person can act on.
fn cause(error: &reqwest::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}

fn pem(field: &str, file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|e| format!("`metrics.auth.{field}: {file}` cannot be read: {e}"))
}

async fn secret(field: &str, file: &str) -> Result<String, String> {
    let text = tokio::fs::read_to_string(file)
        .await
        .map_err(|e| format!("`metrics.auth.{field}: {file}` cannot be read: {e}"))?;
    let text = text.trim();
    if text.is_empty() { Err(format!("`metrics.auth.{field}: {file}` is empty")) } else { Ok(text.to_string()) }
}
