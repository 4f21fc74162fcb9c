//! A schema registry with Confluent's REST interface, which Karapace speaks as well. It is only read: nothing is registered.
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::compat::events::Mode;
use crate::compat::fleet::referred::whole;
use crate::compat::fleet::remote::{Enquiry, Said};
use crate::spec::contract::Registry;

const TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For all of them.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer read, in bytes.
const MAX_BODY: usize = 8 << 20;
/// Versions of a subject that are asked about, the last ones.
const MAX_VERSIONS: usize = 50;
/// Schemas that one may refer to, in the end.
const MAX_REFERRED: usize = 100;

/// Asks about every schema. What could not be asked is told in words.
pub fn ask(registry: &Registry, enquiries: Vec<Enquiry>) -> (Vec<Said>, Vec<String>) {
    if enquiries.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let registry = registry.clone();
    // Commands that read files have no runtime, and those that drive have one that must not be blocked.
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(all(&registry, &enquiries))
    });
    match asked.join() {
        Ok(Ok(answers)) => answers,
        Ok(Err(why)) => (Vec::new(), vec![format!("the schema registry is not asked: {why}")]),
        Err(_) => (Vec::new(), vec!["the schema registry is not asked: the enquiry broke off".to_string()]),
    }
}

async fn all(registry: &Registry, enquiries: &[Enquiry]) -> Result<(Vec<Said>, Vec<String>), String> {
    let api = Api::new(registry)?;
    let until = Instant::now() + PATIENCE;
    let (mut said, mut notes) = (Vec::new(), Vec::new());
    for enquiry in enquiries {
        let answer = tokio::time::timeout_at(until, api.enquire(enquiry)).await;
        match answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))) {
            Ok(answer) => said.push(answer),
            Err(why) => notes.push(format!("{}: the schema registry is not asked: {why}", enquiry.subject)),
        }
    }
    Ok((said, notes))
}

struct Api {
    client: Client,
    base: Url,
    bearer: Option<String>,
    basic: Option<(String, String)>,
}

#[derive(Deserialize)]
struct Level {
    #[serde(rename = "compatibilityLevel")]
    level: String,
}

#[derive(Deserialize)]
struct Version {
    schema: String,
    #[serde(default)]
    references: Vec<Reference>,
}

/// A schema of another subject that a schema uses by a name.
#[derive(Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: u32,
}

#[derive(Deserialize)]
struct Verdict {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
}

#[derive(Deserialize)]
struct Fault {
    error_code: u32,
    message: String,
}

impl Api {
    fn new(registry: &Registry) -> Result<Api, String> {
        let mut base: Url = registry.url.parse().map_err(|e| format!("`{}` is no address: {e}", registry.url))?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let secret = |file: &String| {
            let text = std::fs::read_to_string(file).map_err(|e| format!("{file} cannot be read: {e}"))?;
            Ok::<_, String>(text.trim().to_string())
        };
        let bearer = registry.bearer_file.as_ref().map(secret).transpose()?;
        let basic = match &registry.basic {
            Some(basic) => Some((basic.user.clone(), secret(&basic.password_file)?)),
            None => None,
        };
        let agent = concat!("pilothouse/", env!("CARGO_PKG_VERSION"));
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT).user_agent(agent);
        // Asks no certificate store, which a slim container may not have.
        let client = if base.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        // No proxy leads to this very machine.
        let client = if here { client.no_proxy() } else { client };
        let client = client.build().map_err(|e| format!("no connection can be set up: {e}"))?;
        Ok(Api { client, base, bearer, basic })
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Names of subjects may hold anything, and are one part of the path each.
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn enquire(&self, enquiry: &Enquiry) -> Result<Said, String> {
        let subject = enquiry.subject.as_str();
        let numbers: Vec<u32> = self.get(self.url(&["subjects", subject, "versions"])).await?;
        let mut config = self.url(&["config", subject]);
        config.set_query(Some("defaultToGlobal=true"));
        let level: Level = self.get(config).await?;
        let mode = mode(&level.level);
        // The registry itself says which versions count in its mode.
        let many = mode.is_some_and(Mode::transitive);
        let skip = numbers.len().saturating_sub(if many { MAX_VERSIONS } else { 1 });
        let (mut versions, mut takes, mut messages) = (Vec::new(), true, Vec::new());
        for number in &numbers[skip..] {
            let text = number.to_string();
            let version: Version = self.get(self.url(&["subjects", subject, "versions", &text])).await?;
            let referred = self.referred(version.references).await?;
            let schema = whole(enquiry.json, &version.schema, &referred);
            let mut url = self.url(&["compatibility", "subjects", subject, "versions", &text]);
            url.set_query(Some("verbose=true"));
            let kind = if enquiry.json { "JSON" } else { "AVRO" };
            let body = json!({ "schema": enquiry.schema, "schemaType": kind, "references": [] });
            let verdict: Verdict =
                self.send(self.client.post(url).header("content-type", TYPE).body(body.to_string())).await?;
            takes &= verdict.is_compatible;
            messages.extend(verdict.messages);
            versions.push((*number, schema));
        }
        Ok(Said {
            service: enquiry.service.clone(),
            event: enquiry.event.clone(),
            subject: subject.to_string(),
            mode,
            versions,
            takes,
            messages,
        })
    }

    /// Everything that references lead to, by name, each once.
    async fn referred(&self, references: Vec<Reference>) -> Result<Vec<(String, String)>, String> {
        let (mut found, mut open) = (BTreeMap::new(), references);
        while let Some(Reference { name, subject, version }) = open.pop() {
            if found.contains_key(&name) {
                continue;
            }
            if found.len() >= MAX_REFERRED {
                return Err(format!("it refers to more than {MAX_REFERRED} other schemas"));
            }
            let url = self.url(&["subjects", &subject, "versions", &version.to_string()]);
            let there: Result<Version, String> = self.get(url).await;
            let there = there.map_err(|why| format!("`{name}`, which is version {version} of {subject}: {why}"))?;
            found.insert(name, there.schema);
            open.extend(there.references);
        }
        Ok(found.into_iter().collect())
    }

    async fn get<T: for<'a> Deserialize<'a>>(&self, url: Url) -> Result<T, String> {
        self.send(self.client.get(url)).await
    }

    async fn send<T: for<'a> Deserialize<'a>>(&self, request: RequestBuilder) -> Result<T, String> {
        let mut request = request.header("accept", TYPE);
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password));
        }
        let mut answer = request.send().await.map_err(|e| format!("it does not answer: {}", e.without_url()))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|e| format!("its answer broke off: {}", e.without_url()))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BODY {
                return Err(format!("its answer has more than {} MB", MAX_BODY >> 20));
            }
        }
        if !status.is_success() {
            return Err(match serde_json::from_slice::<Fault>(&body) {
                Ok(Fault { error_code: 40401, .. }) => "it has no such subject".to_string(),
                Ok(fault) => format!("it answers {status}, {}: {}", fault.error_code, fault.message),
                Err(_) => format!("it answers {status}"),
            });
        }
        serde_json::from_slice(&body).map_err(|e| format!("its answer is not what a schema registry says: {e}"))
    }
}

fn mode(level: &str) -> Option<Mode> {
    Mode::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(level))
}

#[cfg(test)]
mod tests;
