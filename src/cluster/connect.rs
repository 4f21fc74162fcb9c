//! From a kubeconfig to a client that was seen to work.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::json::text;
use super::proxy;
use super::wire::{NO_JSON, Wire, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A credential plugin may wait for a person at a browser.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no connection: what failed, on what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "there is no kubeconfig at {tried}, and this is no pod of a cluster; name one with --kubeconfig or KUBECONFIG, \
         or try `pilothouse demo`, which needs none"
    )]
    NoKubeconfig { tried: String },
    #[error("kubeconfig {path} cannot be used: {why}; `kubectl config view` shows how kubectl reads it")]
    Unreadable { path: String, why: String },
    #[error(
        "kubeconfig {path} has no context `{context}`{}; it has: {}",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(),
        if known.is_empty() { "none".to_string() } else { known.join(", ") }
    )]
    UnknownContext { path: String, context: String, known: Vec<String>, nearest: Option<String> },
    #[error(
        "kubeconfig {path} names no current context; choose one with --context, or `kubectl config use-context NAME`"
    )]
    NoContext { path: String },
    #[error(
        "the client certificate of {whose} is an X.509 version 1 certificate, which kubectl accepts and the TLS library \
         here does not; issue it again as version 3 (with openssl: any extension, such as -extfile with \
         `extendedKeyUsage=clientAuth`), or use a token"
    )]
    OldCertificate { whose: String },
    #[error("the credential plugin `{command}` of {whose} failed: {why}; run it in a shell to see what it asks for")]
    Plugin { command: String, whose: String, why: String },
    #[error("the way to the cluster of {path} cannot be taken: {why}; correct it, or name the server in NO_PROXY")]
    Proxy { path: String, why: String },
    #[error("credentials or certificates of {whose} cannot be used: {why}")]
    Credentials { whose: String, why: String },
    #[error("{server} does not answer: {why}; is the address right, and the network or VPN up?")]
    Unreachable { server: String, why: String },
    #[error("{server} does not know {whose} (401); the token or certificate may have run out: log in again")]
    Unauthorized { server: String, whose: String },
    #[error("{server} answers, but not as a Kubernetes API server: {why}")]
    NoApiServer { server: String, why: String },
}

/// Chooses rustls' cryptography. The program does it once at its start; doing it again changes nothing.
pub fn install_crypto() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Connects to the cluster of a context and makes sure that it answers and knows us.
///
/// `kubeconfig` left out: `KUBECONFIG`, then `~/.kube/config`, then the service account of a pod. `context` left out:
/// the kubeconfig's current one.
///
/// # Errors
/// One [`ConnectError`] per thing that can be wrong; nothing is retried.
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<kube::Client, ConnectError> {
    let source = Source::read(kubeconfig, context)?;
    let mut config = source.config().await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Retries are decided above, where it is known what may be repeated.
    config.default_retry = false;
    config.proxy_url = source.proxy(&config.cluster_url)?;
    if config.cluster_url.scheme_str() == Some("http") && config.proxy_url.is_none() && config.root_cert.is_none() {
        // Nothing will be encrypted: reading the machine's hundred and more authorities would only delay it.
        config.root_cert = Some(Vec::new());
    }
    let way = config.proxy_url.as_ref().map(|proxy| format!(" through the proxy {}", without_credentials(proxy)));
    let server = format!("{}{}", config.cluster_url, way.unwrap_or_default());
    let building = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
    let client = match tokio::time::timeout(PLUGIN_TIMEOUT, building).await {
        Ok(Ok(Ok(client))) => client,
        Ok(Ok(Err(error))) => return Err(source.explain(&error)),
        Ok(Err(_)) => return Err(source.plugin("it ended unexpectedly".into())),
        Err(_) => return Err(source.plugin(format!("no answer within {} s", PLUGIN_TIMEOUT.as_secs()))),
    };
    probe(&client, &source, server).await?;
    Ok(client)
}

/// The context that [`connect`] would use; `None` in a pod, and where the kubeconfig cannot be used.
pub fn context_of(kubeconfig: Option<&Path>, context: Option<&str>) -> Option<String> {
    Source::read(kubeconfig, context).ok().and_then(|source| source.context)
}

/// Asks for the version, which every API server tells everybody it knows.
async fn probe(client: &kube::Client, source: &Source, server: String) -> Result<(), ConnectError> {
    match Wire::new(client.clone(), REQUEST_TIMEOUT).read("/version", "get version").await {
        Ok(version) if text(&version, "/gitVersion").is_some() => Ok(()),
        Ok(_) => Err(ConnectError::NoApiServer { server, why: "/version names no version".into() }),
        Err(fault) => match fault.status {
            // Known, but not let to see the version: enough to go on.
            Some(403) => Ok(()),
            Some(401) => Err(ConnectError::Unauthorized { server, whose: source.whose.clone() }),
            Some(status) if status < 500 => Err(ConnectError::NoApiServer { server, why: fault.to_string() }),
            None if fault.reason == NO_JSON => Err(ConnectError::NoApiServer { server, why: fault.message }),
            _ => Err(ConnectError::Unreachable { server, why: fault.message }),
        },
    }
}

/// Where the configuration comes from, for the connection and for its errors.
struct Source {
    path: String,
    /// The user of the context, for errors.
    whose: String,
    context: Option<String>,
    user: AuthInfo,
    kubeconfig: Option<Kubeconfig>,
}

impl Source {
    fn read(path: Option<&Path>, context: Option<&str>) -> Result<Source, ConnectError> {
        let shown = shown_path(path);
        let read = match path {
            Some(path) => Kubeconfig::read_from(path),
            None => read_named(std::env::var_os("KUBECONFIG")),
        };
        let kubeconfig = match read {
            Ok(kubeconfig) => kubeconfig,
            Err(error) if is_missing(&error) => {
                if path.is_none() && Config::incluster().is_ok() {
                    return Ok(Source {
                        path: "the pod".into(),
                        whose: "the pod's service account".into(),
                        context: None,
                        user: AuthInfo::default(),
                        kubeconfig: None,
                    });
                }
                return Err(ConnectError::NoKubeconfig { tried: shown });
            }
            Err(error) => return Err(ConnectError::Unreadable { path: shown, why: chain(&error) }),
        };
        let known: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
        let context = match context.map(str::to_string).or_else(|| kubeconfig.current_context.clone()) {
            Some(context) if !context.is_empty() => context,
            _ => return Err(ConnectError::NoContext { path: shown }),
        };
        let Some(found) = kubeconfig.contexts.iter().find(|c| c.name == context) else {
            let nearest = nearest(&context, &known);
            return Err(ConnectError::UnknownContext { path: shown, context, known, nearest });
        };
        let user = found.context.as_ref().and_then(|c| c.user.clone()).unwrap_or_default();
        let auth = kubeconfig.auth_infos.iter().find(|a| a.name == user).and_then(|a| a.auth_info.clone());
        Ok(Source {
            whose: format!("user `{user}` in {shown}"),
            path: shown,
            context: Some(context),
            user: auth.unwrap_or_default(),
            kubeconfig: Some(kubeconfig),
        })
    }

    async fn config(&self) -> Result<Config, ConnectError> {
        let unreadable = |why: String| ConnectError::Unreadable { path: self.path.clone(), why };
        match &self.kubeconfig {
            None => Config::incluster().map_err(|e| unreadable(chain(&e))),
            Some(kubeconfig) => {
                let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
                Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await.map_err(|e| unreadable(chain(&e)))
            }
        }
    }

    /// The proxy to the API server, if it is reached through one.
    fn proxy(&self, server: &http::Uri) -> Result<Option<http::Uri>, ConnectError> {
        let cluster = self.kubeconfig.as_ref().and_then(|k| {
            let context = k.contexts.iter().find(|c| Some(&c.name) == self.context.as_ref())?.context.as_ref()?;
            k.clusters.iter().find(|c| c.name == context.cluster)?.cluster.as_ref()
        });
        let own = cluster.and_then(|c| c.proxy_url.as_deref());
        proxy::choose(server, own, |name| std::env::var(name).ok())
            .map_err(|why| ConnectError::Proxy { path: self.path.clone(), why })
    }

    fn plugin(&self, why: String) -> ConnectError {
        let command = self.user.exec.as_ref().and_then(|e| e.command.clone());
        ConnectError::Plugin { command: command.unwrap_or_default(), whose: self.whose.clone(), why }
    }

    fn explain(&self, error: &kube::Error) -> ConnectError {
        // The Debug form names the cause that the Display form of the TLS library wraps as "other error".
        if format!("{error:?}").contains("UnsupportedCertVersion") {
            let file = self.user.client_certificate.as_ref();
            let whose = file.map_or_else(|| self.whose.clone(), |file| format!("{} ({file})", self.whose));
            return ConnectError::OldCertificate { whose };
        }
        match error {
            kube::Error::Auth(why) if self.user.exec.is_some() => self.plugin(match why {
                kube::client::AuthError::AuthExecRun { out, .. } => {
                    let said = String::from_utf8_lossy(&out.stderr);
                    format!("{}: {}", out.status, said.trim().chars().take(300).collect::<String>())
                }
                other => chain(other),
            }),
            other => ConnectError::Credentials { whose: self.whose.clone(), why: chain(other) },
        }
    }
}

/// The files that `KUBECONFIG` lists, merged; those that do not exist are passed over, as by kubectl. Without a list the
/// usual place.
fn read_named(list: Option<OsString>) -> Result<Kubeconfig, KubeconfigError> {
    let paths: Vec<PathBuf> =
        list.iter().flat_map(std::env::split_paths).filter(|p| !p.as_os_str().is_empty()).collect();
    let there: Vec<&PathBuf> = paths.iter().filter(|path| path.exists()).collect();
    match paths.first() {
        None => Kubeconfig::read(),
        // Says that it is not there.
        Some(first) if there.is_empty() => Kubeconfig::read_from(first),
        Some(_) => there
            .into_iter()
            .try_fold(Kubeconfig::default(), |merged, path| Kubeconfig::read_from(path).and_then(|c| merged.merge(c))),
    }
}

fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::ReadConfig(io, _) => io.kind() == std::io::ErrorKind::NotFound,
        KubeconfigError::FindPath => true,
        _ => false,
    }
}

/// For errors: a proxy's address may hold a password.
fn without_credentials(proxy: &http::Uri) -> String {
    let host = proxy.host().unwrap_or_default();
    let port = proxy.port_u16().map_or(String::new(), |p| format!(":{p}"));
    format!("{}://{host}{port}", proxy.scheme_str().unwrap_or("http"))
}

fn shown_path(path: Option<&Path>) -> String {
    let env = || std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty()).map(PathBuf::from);
    path.map(Path::to_path_buf)
        .or_else(env)
        .map_or_else(|| "~/.kube/config".to_string(), |path| path.display().to_string())
}

/// The known name that is nearest to a mistyped one, if any is near.
fn nearest(wanted: &str, known: &[String]) -> Option<String> {
    let best = known.iter().map(|name| (distance(wanted, name), name)).min()?;
    (best.0 <= wanted.chars().count().div_ceil(3)).then(|| best.1.clone())
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
