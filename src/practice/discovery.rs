//! What the server says about itself: versions, discovery (aggregated and per group), OpenAPI v3.

use super::kinds::{KINDS, Kind, groups};
use serde_json::{Map, Value, json};

/// The content type of aggregated discovery.
pub const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub fn version() -> Value {
    json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2-practice", "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc", "platform": "linux/amd64"})
}

fn in_group(group: &str, version: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |k| k.group == group && k.version == version)
}

fn subresources(k: &Kind) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut out = Vec::new();
    if k.status {
        out.push(("status", k.group, k.kind));
    }
    if k.scale {
        out.push(("scale", "autoscaling", "Scale"));
    }
    out
}

/// Aggregated discovery of the core group (`/api`) or of all others (`/apis`).
pub fn aggregated(core: bool) -> Value {
    let items: Vec<Value> = groups()
        .into_iter()
        .filter(|(g, _)| g.is_empty() == core)
        .map(|(group, version)| {
            let resources: Vec<Value> = in_group(group, version).map(resource).collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": [{"version": version, "resources": resources, "freshness": "Current"}]})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn resource(k: &Kind) -> Value {
    let scope = if k.namespaced { "Namespaced" } else { "Cluster" };
    let kind = |group: &str, kind: &str| {
        let version = if group == k.group { k.version } else { "v1" };
        json!({"group": group, "version": version, "kind": kind})
    };
    let mut r = json!({"resource": k.plural, "responseKind": kind(k.group, k.kind), "scope": scope,
        "singularResource": k.singular, "verbs": k.verbs()});
    if !k.short.is_empty() {
        r["shortNames"] = json!(k.short);
    }
    if k.all {
        r["categories"] = json!(["all"]);
    }
    let subs: Vec<Value> = subresources(k)
        .into_iter()
        .map(|(name, group, of)| json!({"subresource": name, "responseKind": kind(group, of), "verbs": ["get", "patch", "update"]}))
        .collect();
    if !subs.is_empty() {
        r["subresources"] = json!(subs);
    }
    r
}

/// `/api` for clients that do not know aggregated discovery.
pub fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn group(name: &str, version: &str) -> Value {
    let v = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [v], "preferredVersion": v})
}

/// `/apis` for clients that do not know aggregated discovery.
pub fn group_list() -> Value {
    let list: Vec<Value> = groups().into_iter().filter(|g| !g.0.is_empty()).map(|(g, v)| group(g, v)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
}

/// `/apis/{group}`, if there is such a group.
pub fn one_group(name: &str) -> Option<Value> {
    let (g, v) = groups().into_iter().find(|g| g.0 == name && !name.is_empty())?;
    let mut out = group(g, v);
    out["kind"] = json!("APIGroup");
    out["apiVersion"] = json!("v1");
    Some(out)
}

/// `/api/v1` or `/apis/{group}/{version}`, if there is such a version.
pub fn resource_list(group: &str, version: &str) -> Option<Value> {
    let mut list: Vec<Value> = Vec::new();
    for k in in_group(group, version) {
        let mut r = json!({"name": k.plural, "singularName": k.singular, "namespaced": k.namespaced, "kind": k.kind, "verbs": k.verbs()});
        if !k.short.is_empty() {
            r["shortNames"] = json!(k.short);
        }
        if k.all {
            r["categories"] = json!(["all"]);
        }
        list.push(r);
        for (sub, sub_group, kind) in subresources(k) {
            let mut r = json!({"name": format!("{}/{sub}", k.plural), "singularName": "", "namespaced": k.namespaced,
                "kind": kind, "verbs": ["get", "patch", "update"]});
            if sub_group != group {
                r["group"] = json!(sub_group);
                r["version"] = json!("v1");
            }
            list.push(r);
        }
    }
    let name = if group.is_empty() { version.to_string() } else { format!("{group}/{version}") };
    (!list.is_empty())
        .then(|| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": list}))
}

fn openapi_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// Content type of [`OPENAPI_V2`].
pub const V2: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// `/openapi/v2`, in the protobuf that kubectl asks for: a document of swagger 2.0 (field 1) with a title and a version (in
/// field 2) and no definitions. kubectl checks the items of a `kind: List` against it by itself, and passes over kinds that
/// it does not define; they are then checked here.
pub const OPENAPI_V2: &str = "\n\x032.0\x12\x15\n\x0aKubernetes\x12\x07v1.36.2";

/// `/openapi/v3`: where each group's document is.
pub fn openapi_index() -> Value {
    let paths: Map<String, Value> = groups()
        .into_iter()
        .map(|(g, v)| {
            let p = openapi_path(g, v);
            let url = format!("/openapi/v3/{p}?hash=PRACTICE1");
            (p, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// A group's OpenAPI document: its paths with the parameters they take (so that clients leave validation to the
/// server), and its kinds as open objects. No patch strategies are declared: kubectl then merges by its own
/// built-in types.
pub fn openapi(path: &str) -> Option<Value> {
    let (group, version) = groups().into_iter().find(|(g, v)| openapi_path(g, v) == path)?;
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for k in in_group(group, version) {
        let gvk = json!({"group": k.group, "version": k.version, "kind": k.kind});
        let id = format!("practice.{}.{}", k.version, k.kind);
        schemas.insert(
            id.clone(),
            json!({"type": "object", "x-kubernetes-group-version-kind": [gvk], "x-kubernetes-preserve-unknown-fields": true,
                "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}}),
        );
        let place = if k.namespaced { "/namespaces/{namespace}" } else { "" };
        let base = format!("/{path}{place}/{}", k.plural);
        let query =
            |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let parameters = json!([query("dryRun"), query("fieldManager"), query("fieldValidation")]);
        let ok = json!({"200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{id}")}}}}});
        let act = |verb: &str| json!({"x-kubernetes-action": verb, "x-kubernetes-group-version-kind": gvk, "parameters": parameters, "responses": ok});
        paths.insert(base.clone(), json!({"post": act("post")}));
        if !k.review {
            let mut patch = act("patch");
            patch["requestBody"] = json!({"content": {"application/json-patch+json": {}, "application/merge-patch+json": {}, "application/apply-patch+yaml": {}}});
            paths.insert(
                format!("{base}/{{name}}"),
                json!({"get": act("get"), "put": act("put"), "patch": patch, "delete": act("delete")}),
            );
        }
    }
    Some(json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2-practice"},
        "paths": paths, "components": {"schemas": schemas}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_discovered_once_either_way() {
        let count = |v: Value| {
            v["items"]
                .as_array()
                .map_or(0, |g| g.iter().map(|g| g["versions"][0]["resources"].as_array().map_or(0, Vec::len)).sum())
        };
        assert_eq!(count(aggregated(true)) + count(aggregated(false)), KINDS.len());
        let lists: usize = groups()
            .into_iter()
            .filter_map(|(g, v)| resource_list(g, v))
            .map(|l| {
                l["resources"]
                    .as_array()
                    .map_or(0, |r| r.iter().filter(|r| !r["name"].as_str().unwrap_or_default().contains('/')).count())
            })
            .sum();
        assert_eq!(lists, KINDS.len());
        assert!(one_group("apps").is_some() && one_group("").is_none() && openapi("apis/apps/v1").is_some());
    }
}
