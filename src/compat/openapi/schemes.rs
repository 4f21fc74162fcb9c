//! Security schemes: what each is, apart from its name, and what became of those that operations rely on.
use std::collections::{BTreeMap, BTreeSet};

use super::read::Api;
use super::{At, Check};
use crate::compat::document::{Library, NodeId};

/// Where tokens come from, and the scopes there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Flow {
    addresses: BTreeMap<&'static str, String>,
    scopes: BTreeSet<String>,
}

/// What a scheme comes to, in the words of version 3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scheme {
    node: NodeId,
    /// What a client writes into a request, and where.
    form: BTreeMap<&'static str, String>,
    flows: BTreeMap<String, Flow>,
    connect: Option<String>,
}

impl Scheme {
    fn read(library: &Library, node: NodeId) -> Scheme {
        let word = |key: &str| library.text_at(node, key).unwrap_or_default().to_string();
        let mut scheme = Scheme { node, connect: None, ..Scheme::default() };
        let mut kind = word("type");
        match &*kind {
            "basic" => {
                kind = "http".into();
                scheme.form.insert("scheme", "basic".into());
            }
            // Names of schemes and of headers are the same in any case.
            "http" => drop(scheme.form.insert("scheme", word("scheme").to_ascii_lowercase())),
            "apiKey" => {
                let name = if word("in") == "header" { word("name").to_ascii_lowercase() } else { word("name") };
                scheme.form.insert("name", name);
                scheme.form.insert("in", word("in"));
            }
            "openIdConnect" => scheme.connect = Some(word("openIdConnectUrl")),
            "oauth2" => scheme.flows = flows(library, node),
            _ => {}
        }
        scheme.form.insert("type", kind);
        scheme
    }

    /// A client that logs in as for the other is let in. Scopes are a matter of who asks for them.
    fn is(&self, other: &Scheme) -> bool {
        let same = |(name, flow): (&String, &Flow)| self.flows.get(name).is_some_and(|f| f.addresses == flow.addresses);
        self.form == other.form && self.connect == other.connect && other.flows.iter().all(same)
    }

    fn scopes(&self) -> BTreeSet<&String> {
        self.flows.values().flat_map(|f| &f.scopes).collect()
    }
}

fn flow(library: &Library, node: NodeId) -> Flow {
    let address = |key: &'static str| Some((key, library.text_at(node, key)?.to_string()));
    let scopes = library.get(node, "scopes").map_or(&[][..], |n| library.entries(n));
    Flow {
        addresses: ["authorizationUrl", "tokenUrl", "refreshUrl"].into_iter().filter_map(address).collect(),
        scopes: scopes.iter().map(|(name, _)| name.to_string()).collect(),
    }
}

fn flows(library: &Library, node: NodeId) -> BTreeMap<String, Flow> {
    if let Some(word) = library.text_at(node, "flow") {
        let name = match word {
            "application" => "clientCredentials",
            "accessCode" => "authorizationCode",
            same => same,
        };
        return BTreeMap::from([(name.to_string(), flow(library, node))]);
    }
    let all = library.get(node, "flows").map_or(&[][..], |n| library.entries(n));
    let told = all.iter().filter(|(name, _)| !name.starts_with("x-"));
    told.map(|(name, n)| (name.to_string(), flow(library, *n))).collect()
}

/// All schemes of both sides, and which of them operations rely on, with the scopes they ask for.
#[derive(Default)]
pub(super) struct Schemes {
    old: BTreeMap<String, Scheme>,
    new: BTreeMap<String, Scheme>,
    kept: BTreeMap<String, BTreeSet<String>>,
}

impl Schemes {
    pub fn read(old: Api<'_>, new: Api<'_>) -> Schemes {
        let index = |api: Api<'_>| -> BTreeMap<String, Scheme> {
            let all = api.component("securitySchemes").iter();
            // One that leads nowhere is told of when it is looked at.
            let one = |(name, n): &(Box<str>, NodeId)| {
                Some((name.to_string(), Scheme::read(api.library, api.library.follow(*n)?)))
            };
            all.filter_map(one).collect()
        };
        Schemes { old: index(old), new: index(new), kept: BTreeMap::new() }
    }

    /// Who could log in by the first, on the base, can by the second, on the revision. Of one name, more is told of the
    /// scheme itself.
    pub fn stays(&self, mine: &str, its: &str) -> bool {
        match (self.old.get(mine), self.new.get(its)) {
            (Some(x), Some(y)) if mine == its => x.form == y.form,
            (Some(x), Some(y)) => y.is(x),
            _ => mine == its,
        }
    }

    pub fn keep(&mut self, names: Vec<(String, BTreeSet<String>)>) {
        for (name, scopes) in names {
            self.kept.entry(name).or_default().extend(scopes);
        }
    }

    /// An operation lets in by a scheme of this name, which is another one now.
    pub fn turned(check: &mut Check<'_>, name: &str, at: At) {
        let (Some(x), Some(y)) = (check.schemes.old.get(name), check.schemes.new.get(name)) else { return };
        let (places, message) = ((Some(x.node), Some(y.node)), changed(name, x, y));
        check.tell(at, "security-scheme-changed", places, name, message);
    }
}

fn changed(name: &str, x: &Scheme, y: &Scheme) -> String {
    let key = ["type", "name", "in", "scheme"].into_iter().find(|key| x.form.get(key) != y.form.get(key));
    format!("security scheme `{name}`: `{}` changed", key.unwrap_or("type"))
}

/// The schemes themselves, when all operations have been looked at.
pub(super) fn compare(check: &mut Check<'_>) {
    let index = |api: Api<'_>| -> BTreeMap<String, NodeId> {
        api.component("securitySchemes").iter().map(|(name, n)| (name.to_string(), *n)).collect()
    };
    let (olds, news) = (index(check.old), index(check.new));
    let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    for name in names {
        match (olds.get(name), news.get(name)) {
            (Some(x), None) => {
                let message = format!("security scheme `{name}` removed");
                check.tell(None, "security-scheme-removed", (Some(*x), None), name, message);
            }
            (None, Some(y)) => {
                let message = format!("security scheme `{name}` added");
                check.tell(None, "security-scheme-added", (None, Some(*y)), name, message);
            }
            (Some(x), Some(y)) => {
                let (Some(_), Some(_)) = (check.old_at(*x), check.new_at(*y)) else { continue };
                both(check, name);
            }
            (None, None) => {}
        }
    }
}

fn both(check: &mut Check<'_>, name: &str) {
    let (Some(x), Some(y)) = (check.schemes.old.get(name).cloned(), check.schemes.new.get(name).cloned()) else {
        return;
    };
    let places = (Some(x.node), Some(y.node));
    let asked = check.schemes.kept.get(name).cloned();
    if x.form != y.form {
        // Where operations rely on it, they have told so.
        if asked.is_none() {
            check.tell(None, "security-scheme-note-changed", places, name, changed(name, &x, &y));
        }
        return;
    }
    if asked.is_some_and(|scopes| tokens(check, name, (&x, &y), &scopes)) {
        return;
    }
    let soft = ["flows", "openIdConnectUrl", "flow", "scopes", "authorizationUrl", "tokenUrl"];
    let differs = |key: &&str| !check.equal(check.old.library.get(x.node, key), check.new.library.get(y.node, key));
    if let Some(key) = soft.into_iter().find(differs) {
        let message = format!("security scheme `{name}`: `{key}` changed");
        check.tell(None, "security-scheme-note-changed", places, name, message);
    }
}

/// What a client that gets itself a token notices; true where something was told.
fn tokens(check: &mut Check<'_>, name: &str, (x, y): (&Scheme, &Scheme), asked: &BTreeSet<String>) -> bool {
    let places = (Some(x.node), Some(y.node));
    let mut told = false;
    let mut tell = |id: &'static str, subject: &str, what: String| {
        check.tell(None, id, places, subject, format!("security scheme `{name}`: {what}"));
        told = true;
    };
    for (flow, before) in &x.flows {
        let Some(after) = y.flows.get(flow) else {
            tell("security-flow-removed", &format!("{name} {flow}"), format!("flow `{flow}` removed"));
            continue;
        };
        for (key, from) in &before.addresses {
            let to = after.addresses.get(key);
            if to != Some(from) {
                let to = to.map_or("none", |t| t);
                let what = format!("`{key}` of `{flow}` changed from {from} to {to}");
                tell("security-address-changed", &format!("{name} {flow} {key}"), what);
            }
        }
    }
    if let Some(from) = x.connect.as_ref().filter(|_| x.connect != y.connect) {
        let to = y.connect.as_deref().unwrap_or("none");
        tell("security-address-changed", name, format!("`openIdConnectUrl` changed from {from} to {to}"));
    }
    let (before, after) = (x.scopes(), y.scopes());
    for scope in asked.iter().filter(|s| before.contains(s) && !after.contains(s)) {
        tell("security-scope-removed", &format!("{name} {scope}"), format!("scope `{scope}` removed"));
    }
    told
}
