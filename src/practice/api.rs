//! The API server: a request in, an answer out. No I/O; the world's time stands still meanwhile.

use super::discovery;
use super::kinds::{self, Kind};
use super::objects::{ns_of, text};
use super::selector::{Fields, Labels};
use super::status::{self, Refusal};
use super::table::table;
use super::watch::{Form, View, Watch};
use super::who::{authorize, review, user_of};
use super::world::World;
use serde_json::{Value, json};

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub method: String,
    pub path: String,
    /// Decoded pairs, in order.
    pub query: Vec<(String, String)>,
    pub accept: String,
    pub content_type: String,
    pub authorization: String,
    pub user_agent: String,
    pub body: Vec<u8>,
}

impl Ask {
    pub(super) fn param(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(k, _)| k == name);
        found.map(|(_, v)| v.as_str()).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), "true" | "1" | "True")
    }

    pub(super) fn dry_run(&self) -> bool {
        self.param("dryRun") == "All"
    }

    /// The field manager: as given, else the program's name from the user agent.
    pub(super) fn manager(&self) -> String {
        match self.param("fieldManager") {
            "" => self.user_agent.split('/').next().unwrap_or_default().to_string(),
            m => m.to_string(),
        }
    }

    fn form(&self) -> Form {
        if self.accept.contains("as=Table") {
            Form::Table
        } else if self.accept.contains("as=PartialObjectMetadata") {
            Form::Metadata
        } else {
            Form::Whole
        }
    }
}

/// What goes back.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub content_type: String,
    pub body: Body,
    /// A write was applied (and its answer may get lost).
    pub wrote: bool,
}

#[derive(Debug)]
pub enum Body {
    Json(Value),
    Text(String),
    Watch(Box<Watch>),
    /// Nothing, until the client gives up.
    Silence,
}

impl Answer {
    pub(super) fn json(code: u16, body: Value) -> Self {
        Self { code, content_type: "application/json".into(), body: Body::Json(body), wrote: false }
    }

    pub(super) fn text(code: u16, content_type: &str, body: String) -> Self {
        Self { code, content_type: content_type.into(), body: Body::Text(body), wrote: false }
    }
}

impl From<Refusal> for Answer {
    fn from(r: Refusal) -> Self {
        Answer::json(r.code, r.body)
    }
}

/// What a path names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub kind: &'static Kind,
    pub ns: String,
    pub name: String,
    pub sub: String,
    /// What follows `proxy/`.
    pub rest: String,
}

fn target(group: &str, version: &str, rest: &[&str]) -> Option<Target> {
    let (ns, rest) = match rest {
        ["namespaces", ns, plural, ..] if !matches!(*plural, "status" | "finalize") => (*ns, &rest[2..]),
        _ => ("", rest),
    };
    let (plural, rest) = rest.split_first()?;
    let kind = kinds::find(group, version, plural)?;
    let part = |i: usize| rest.get(i).copied().unwrap_or_default().to_string();
    Some(Target { kind, ns: ns.into(), name: part(0), sub: part(1), rest: rest.get(2..).unwrap_or_default().join("/") })
}

impl World {
    /// Answers one request at the world's time.
    pub fn answer(&mut self, ask: &Ask) -> Answer {
        self.try_answer(ask).unwrap_or_else(Answer::from)
    }

    fn try_answer(&mut self, ask: &Ask) -> Result<Answer, Refusal> {
        let parts: Vec<&str> = ask.path.split('/').filter(|p| !p.is_empty()).collect();
        // kubectl sends no token over plain HTTP, so a token may stand before the path, as in the kubeconfig.
        let (in_path, parts) = match parts.as_slice() {
            ["token", token, rest @ ..] => (Some(*token), rest.to_vec()),
            _ => (None, parts),
        };
        let token = match ask.authorization.strip_prefix("Bearer ") {
            Some(token) => Some(token.trim()),
            None => in_path,
        };
        let user = token.and_then(user_of);
        // Who shows no token is anonymous, and may see these; who shows a wrong one is nobody, everywhere.
        if token.is_none() || user.is_some() {
            match parts.as_slice() {
                ["version"] => return Ok(Answer::json(200, discovery::version())),
                ["healthz" | "livez" | "readyz", ..] => {
                    return Ok(Answer::text(200, "text/plain; charset=utf-8", "ok".into()));
                }
                _ => {}
            }
        }
        let user = user.ok_or_else(status::unauthorized)?;
        if let Some(answer) = about_itself(ask, &parts) {
            return Ok(answer);
        }
        let t = match parts.as_slice() {
            ["api", "v1", rest @ ..] => target("", "v1", rest),
            ["apis", group, version, rest @ ..] => target(group, version, rest),
            _ => None,
        };
        let t = t.ok_or_else(status::no_such_path)?;
        if t.sub == "proxy" && t.kind.plural == "pods" && ask.method == "GET" {
            return self.proxy(&t);
        }
        authorize(&user, ask, &t)?;
        if t.kind.review {
            return review(&user, ask, &t);
        }
        let known = match t.sub.as_str() {
            "" => true,
            "status" => t.kind.status,
            "scale" => t.kind.scale,
            _ => false,
        };
        if !known {
            return Err(status::no_such_path());
        }
        match (ask.method.as_str(), t.name.is_empty()) {
            ("GET", true) => self.list(ask, &t),
            ("GET", false) if ask.flag("watch") => self.list(ask, &t),
            ("GET", false) => self.get(ask, &t),
            ("POST", true) => self.create(ask, &t),
            ("PUT", false) => self.replace(ask, &t),
            ("PATCH", false) => self.patch(ask, &t),
            ("DELETE", false) if t.sub.is_empty() => self.delete_one(ask, &t),
            ("DELETE", true) => self.delete_all(ask, &t),
            _ => Err(status::method_not_allowed()),
        }
    }

    /// The stored object a target names.
    pub(super) fn stored(&self, t: &Target) -> Result<std::sync::Arc<Value>, Refusal> {
        self.store
            .get(t.kind.plural, ns_of(t.kind, &t.ns), &t.name)
            .cloned()
            .ok_or_else(|| status::not_found(t.kind, &t.name))
    }

    /// An object in the form the client asked for.
    pub(super) fn show(&self, ask: &Ask, kind: &Kind, code: u16, o: &Value) -> Answer {
        match ask.form() {
            Form::Whole => Answer::json(code, o.clone()),
            Form::Metadata => Answer::json(
                code,
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}),
            ),
            Form::Table => {
                let rv = text(o, "/metadata/resourceVersion");
                Answer::json(code, table(kind, &[o], &rv, self.now(), true, ask.param("includeObject")))
            }
        }
    }

    fn get(&self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let o = self.stored(t)?;
        if t.sub == "scale" {
            return Ok(Answer::json(200, super::writes::scale_of(&o)));
        }
        Ok(self.show(ask, t.kind, 200, &o))
    }

    pub(super) fn view(&self, ask: &Ask, t: &Target) -> Result<View, Refusal> {
        let labels = Labels::parse(ask.param("labelSelector")).map_err(status::bad_request)?;
        let mut fields = ask.param("fieldSelector").to_string();
        if !t.name.is_empty() {
            fields = format!("metadata.name={}", t.name);
        }
        let fields = Fields::parse(&fields, t.kind.plural).map_err(status::bad_request)?;
        Ok(View {
            kind: t.kind,
            namespace: t.ns.clone(),
            labels,
            fields,
            form: ask.form(),
            include: ask.param("includeObject").into(),
        })
    }

    fn list(&mut self, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
        let view = self.view(ask, t)?;
        let rv = match ask.param("resourceVersion") {
            "" => None,
            text => Some(
                text.parse::<u64>()
                    .map_err(|_| status::bad_request(format!("resourceVersion: Invalid value: \"{text}\"")))?,
            ),
        };
        if ask.flag("watch") {
            let timeout = ask.param("timeoutSeconds").parse().unwrap_or(1_800);
            let watch =
                Watch::new(self, view, rv, ask.flag("allowWatchBookmarks"), ask.flag("sendInitialEvents"), timeout);
            let content_type = "application/json".into();
            return Ok(Answer { code: 200, content_type, body: Body::Watch(Box::new(watch)), wrote: false });
        }
        let (page, meta) = self.page(ask, &view)?;
        let now = self.now();
        let rv = text(&meta, "/resourceVersion");
        let body = match view.form {
            Form::Table => {
                let refs: Vec<&Value> = page.iter().collect();
                let mut body = table(t.kind, &refs, &rv, now, true, &view.include);
                body["metadata"] = meta;
                body
            }
            Form::Metadata => {
                let items: Vec<Value> = page.iter().map(|o| json!({"metadata": o["metadata"]})).collect();
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
            }
            Form::Whole => {
                let items: Vec<Value> = page.into_iter().map(|o| if t.kind.custom { o } else { untyped(o) }).collect();
                json!({"kind": format!("{}List", t.kind.kind), "apiVersion": t.kind.api_version(), "metadata": meta, "items": items})
            }
        };
        Ok(Answer::json(200, body))
    }

    /// One page of a list and its metadata. A later page carries the version of the first, so a watch from it
    /// sees what changed in between.
    fn page(&self, ask: &Ask, view: &View) -> Result<(Vec<Value>, Value), Refusal> {
        let limit = ask.param("limit").parse::<usize>().unwrap_or(0);
        let (from, rv) = match ask.param("continue") {
            "" => (None, self.rv()),
            token => {
                let (rv, key) = read_token(token).ok_or_else(|| status::bad_request("continue key is not valid"))?;
                if rv < self.store.forgotten(view.kind.plural) {
                    return Err(status::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.".into()));
                }
                (Some(key), rv)
            }
        };
        let mut rest: Vec<Value> = self
            .objects(view.kind.plural, &view.namespace)
            .into_iter()
            .filter(|o| view.shows(o))
            .filter(|o| from.as_ref().is_none_or(|f| super::store::key_of(o) > *f))
            .collect();
        let mut meta = json!({"resourceVersion": rv.to_string()});
        if limit > 0 && rest.len() > limit {
            meta["remainingItemCount"] = json!(rest.len() - limit);
            rest.truncate(limit);
            let (ns, name) = rest.last().map(super::store::key_of).unwrap_or_default();
            meta["continue"] = json!(format!("{rv}.{ns}.{name}"));
        }
        Ok((rest, meta))
    }
}

fn read_token(token: &str) -> Option<(u64, (String, String))> {
    let mut parts = token.splitn(3, '.');
    let (rv, ns, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((rv.parse().ok()?, (ns.into(), name.into())))
}

fn untyped(mut o: Value) -> Value {
    if let Some(m) = o.as_object_mut() {
        m.remove("kind");
        m.remove("apiVersion");
    }
    o
}

fn about_itself(ask: &Ask, parts: &[&str]) -> Option<Answer> {
    let aggregated = ask.accept.contains("as=APIGroupDiscoveryList") && ask.accept.contains("v=v2");
    let all = |core: bool| Answer {
        content_type: discovery::AGGREGATED.into(),
        ..Answer::json(200, discovery::aggregated(core))
    };
    let json = |v: Value| Answer::json(200, v);
    match parts {
        ["api"] if aggregated => Some(all(true)),
        ["apis"] if aggregated => Some(all(false)),
        ["api"] => Some(json(discovery::core_versions())),
        ["apis"] => Some(json(discovery::group_list())),
        ["apis", group] => discovery::one_group(group).map(json),
        ["api", version] => discovery::resource_list("", version).map(json),
        ["apis", group, version] => discovery::resource_list(group, version).map(json),
        ["openapi", "v2"] => Some(Answer::text(200, discovery::V2, discovery::OPENAPI_V2.into())),
        ["openapi", "v3"] => Some(json(discovery::openapi_index())),
        ["openapi", "v3", rest @ ..] => discovery::openapi(&rest.join("/")).map(json),
        _ => None,
    }
}
