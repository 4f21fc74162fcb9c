//! Which accepted rule a request goes by, and how a service's requests split over rules and their backends.

use super::fixture::Client;
use super::store::Key;
use super::traffic::Share;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What backends' weights are brought to, so that rules with different sums can be mixed.
const SCALE: u64 = 1_000_000;

impl World {
    /// How each load is split now: by the rule each client's requests match, accepted weights, then ready endpoints.
    pub(super) fn traffic_plan(&self) -> Vec<Vec<Share>> {
        if self.traffic.loads.is_empty() {
            return Vec::new();
        }
        let ready = self.ready_pods();
        let pods_of = |ns: &str, service: &str| {
            let key = (ns.to_string(), service.to_string());
            ready.get(&key).cloned().unwrap_or_default()
        };
        self.traffic
            .loads
            .iter()
            .map(|load| {
                let ns = &load.namespace;
                let Some((spec, plain)) = self.rule_for(ns, &load.service) else {
                    return vec![Share { weight: 1, pods: pods_of(ns, &load.service) }];
                };
                let by_rule = |rule: &Value| -> Vec<Share> {
                    let refs = rule["backendRefs"].as_array();
                    refs.into_iter()
                        .flatten()
                        .map(|b| Share {
                            weight: b["weight"].as_u64().unwrap_or(1),
                            pods: pods_of(ns, b["name"].as_str().unwrap_or_default()),
                        })
                        .collect()
                };
                let of_client = |client: &Client| matched(spec, plain, &client.headers).unwrap_or(plain);
                // Without rules of their own all clients are one, and their requests are drawn as one.
                if self.clients.iter().all(|c| std::ptr::eq(of_client(c), plain)) {
                    return by_rule(plain);
                }
                self.clients.iter().flat_map(|c| mixed(c.weight, by_rule(of_client(c)))).collect()
            })
            .collect()
    }

    /// The accepted route and its rule that a service's requests without headers go by: of the route with its name, else
    /// of the first route that has it as a backend; rules that match on headers take no ordinary requests.
    fn rule_for(&self, ns: &str, service: &str) -> Option<(&Value, &Value)> {
        let own = self.accepted.get(&(ns.to_string(), service.to_string()));
        let named = |r: &&Value| r["backendRefs"].as_array().is_some_and(|b| b.iter().any(|b| b["name"] == service));
        let plain = |r: &&Value| {
            let matches = r["matches"].as_array();
            !matches.is_some_and(|m| !m.is_empty() && m.iter().all(|m| m.get("headers").is_some()))
        };
        if let Some(spec) = own.filter(|s| !rules(s).is_empty()) {
            let list = rules(spec);
            let rule = list.iter().filter(plain).find(named).or_else(|| list.iter().find(plain));
            return rule.map(|rule| (spec, rule));
        }
        self.accepted
            .iter()
            .filter(|(k, _)| k.0 == ns)
            .flat_map(|(_, spec)| rules(spec).iter().map(move |rule| (spec, rule)))
            .filter(|(_, rule)| plain(rule))
            .find(|(_, rule)| named(rule))
    }

    /// The ready endpoints of every Service, as pods.
    fn ready_pods(&self) -> BTreeMap<Key, Vec<Key>> {
        let mut all: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        for slice in self.store.list("endpointslices", "") {
            let ns = super::objects::text(slice, "/metadata/namespace");
            let service = super::objects::text(slice, "/metadata/labels/kubernetes.io~1service-name");
            let ready = slice["endpoints"].as_array().into_iter().flatten();
            let pods = ready
                .filter(|e| e["conditions"]["ready"] == true)
                .map(|e| (ns.clone(), super::objects::text(e, "/targetRef/name")));
            all.entry((ns.clone(), service)).or_default().extend(pods);
        }
        for pods in all.values_mut() {
            pods.sort();
            pods.dedup();
        }
        all
    }
}

fn rules(spec: &Value) -> &[Value] {
    spec["rules"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The rule of a route that takes a request with these headers away from `plain`: of those that match the same path and
/// at least one header, the one that matches most headers; among equals the first (Gateway API, `HTTPRouteRule`).
fn matched<'a>(spec: &'a Value, plain: &Value, headers: &[(String, String)]) -> Option<&'a Value> {
    let root = json!({"type": "PathPrefix", "value": "/"});
    let path = |m: &Value| m.get("path").unwrap_or(&root).clone();
    let matches = |rule: &Value| rule["matches"].as_array().cloned().unwrap_or_default();
    let paths: Vec<Value> = match matches(plain) {
        none if none.is_empty() => vec![root.clone()],
        some => some.iter().map(path).collect(),
    };
    let carried = |wanted: &Value| {
        let text = |at: &str| wanted[at].as_str().unwrap_or_default();
        headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(text("name")) && value == text("value"))
    };
    let weight = |m: &Value| {
        let wanted = m["headers"].as_array()?;
        (paths.contains(&path(m)) && wanted.iter().all(carried)).then_some(wanted.len())
    };
    let of_rule = |rule: &'a Value| {
        let most = matches(rule).iter().filter_map(weight).max().filter(|n| *n > 0)?;
        Some((most, rule))
    };
    let all: Vec<(usize, &Value)> = rules(spec).iter().filter_map(of_rule).collect();
    let most = all.iter().map(|(n, _)| *n).max()?;
    all.into_iter().find(|(n, _)| *n == most).map(|(_, rule)| rule)
}

/// A client's part of a load, as its rule splits it. A rule whose weights are all 0 answers nothing: its part gets lost.
fn mixed(weight: u64, shares: Vec<Share>) -> Vec<Share> {
    let sum: u64 = shares.iter().map(|s| s.weight).sum();
    if sum == 0 {
        return vec![Share { weight: weight * SCALE, pods: Vec::new() }];
    }
    shares.into_iter().map(|s| Share { weight: weight * (s.weight * SCALE / sum), pods: s.pods }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(headers: &[(&str, &str)], path: &str, to: &str) -> Value {
        let mut one = json!({"path": {"type": "PathPrefix", "value": path}});
        if !headers.is_empty() {
            one["headers"] = headers.iter().map(|(n, v)| json!({"name": n, "value": v})).collect();
        }
        json!({"matches": [one], "backendRefs": [{"name": to}]})
    }

    #[test]
    fn the_rule_with_most_headers_wins_and_among_equals_the_first() {
        let plain = rule(&[], "/", "all");
        let rules = [
            rule(&[("x-tenant", "acme")], "/admin", "elsewhere"),
            rule(&[("x-tenant", "acme")], "/", "first"),
            rule(&[("X-Tenant", "acme")], "/", "second"),
            rule(&[("x-tenant", "acme"), ("x-beta", "1")], "/", "both"),
            plain.clone(),
        ];
        let spec = json!({"rules": rules});
        let to = |headers: &[(&str, &str)]| {
            let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            matched(&spec, &plain, &headers).map(|r| r["backendRefs"][0]["name"].as_str().unwrap().to_string())
        };
        assert_eq!(to(&[]), None);
        assert_eq!(to(&[("x-tenant", "other")]), None);
        assert_eq!(to(&[("X-TENANT", "acme")]).as_deref(), Some("first"));
        assert_eq!(to(&[("x-beta", "1"), ("x-tenant", "acme")]).as_deref(), Some("both"));
    }

    #[test]
    fn mixed_rules_keep_each_clients_part() {
        let share = |weight| Share { weight, pods: Vec::new() };
        let parts = |shares: Vec<Share>| shares.iter().map(|s| s.weight).collect::<Vec<_>>();
        assert_eq!(parts(mixed(3, vec![share(90), share(10)])), [2_700_000, 300_000]);
        assert_eq!(parts(mixed(1, vec![share(1)])), [1_000_000]);
        assert_eq!(parts(mixed(2, vec![share(0), share(0)])), [2_000_000]);
    }
}
