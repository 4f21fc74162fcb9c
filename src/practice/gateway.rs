//! The gateway: takes up HTTPRoutes after a moment, says so in their status, and routes the traffic by what it
//! has taken up, never by what the spec says meanwhile.

use super::kinds::of;
use super::moment;
use super::objects::{number, text, uid};
use super::store::{Key, key_of};
use super::world::{Due, World};
use serde_json::{Value, json};

/// The gateway's name in `status.parents[].controllerName` and as field manager.
pub const GATEWAY: &str = "practice.pilothouse.dev/gateway";

impl World {
    /// A route's spec changed: the gateway takes it up 300 to 800 ms later.
    pub(super) fn reconcile_route(&mut self, key: &Key) {
        let Some(route) = self.store.get("httproutes", &key.0, &key.1).cloned() else {
            return;
        };
        let generation = number(&route, "/metadata/generation");
        let seen =
            route.pointer("/status/parents/0/conditions/0/observedGeneration").and_then(Value::as_i64).unwrap_or(0);
        let planned = format!("accept/{}/{generation}", uid(&route));
        if seen >= generation || self.births.contains_key(&planned) {
            return;
        }
        let after = self.seed.between(&planned, 300, 800);
        self.births.insert(planned, 1);
        self.later(after, Due::RouteAccept(key.clone(), generation));
    }

    /// A Service came or went: routes that name it may resolve differently.
    pub(super) fn routes_may_resolve(&mut self, ns: &str) {
        let all: Vec<(Key, i64)> = self
            .store
            .list("httproutes", ns)
            .filter(|r| self.accepted.contains_key(&key_of(r)))
            .map(|r| (key_of(r), number(r, "/status/parents/0/conditions/0/observedGeneration")))
            .collect();
        for (key, generation) in all {
            self.write_route_status(&key, generation);
        }
    }

    pub(super) fn route_accept(&mut self, key: &Key, generation: i64) {
        let Some(route) = self.store.get("httproutes", &key.0, &key.1).cloned() else {
            return;
        };
        if number(&route, "/metadata/generation") != generation {
            return;
        }
        self.accepted.insert(key.clone(), route["spec"].clone());
        self.plan_stale = true;
        self.write_route_status(key, generation);
    }

    fn write_route_status(&mut self, key: &Key, generation: i64) {
        let Some(spec) = self.accepted.get(key).cloned() else {
            return;
        };
        let missing = backends(&spec)
            .find(|b| {
                let name = b["name"].as_str().unwrap_or_default();
                self.store.get("services", &key.0, name).is_none()
            })
            .map(|b| text(b, "/name"));
        let now = moment::seconds(self.now);
        let refs = match &missing {
            None => ("True", "ResolvedRefs", "All references are resolved".to_string()),
            Some(name) => ("False", "BackendNotFound", format!("service \"{name}\" not found")),
        };
        let accepted = ("True", "Accepted", "Route was valid".to_string());
        let parents = spec["parentRefs"].as_array().cloned().unwrap_or_default();
        self.edit(of("httproutes"), key, GATEWAY, "status", |o| {
            let old = o["status"]["parents"].clone();
            let list: Vec<Value> = parents
                .iter()
                .enumerate()
                .map(|(i, parent)| {
                    let conditions: Vec<Value> = [("Accepted", &accepted), ("ResolvedRefs", &refs)]
                        .iter()
                        .enumerate()
                        .map(|(j, (kind, (word, reason, message)))| {
                            let was = &old[i]["conditions"][j];
                            let since =
                                if was["status"] == *word { was["lastTransitionTime"].clone() } else { json!(now) };
                            json!({"type": kind, "status": word, "reason": reason, "message": message,
                                "observedGeneration": generation, "lastTransitionTime": since})
                        })
                        .collect();
                    json!({"parentRef": parent, "controllerName": GATEWAY, "conditions": conditions})
                })
                .collect();
            o["status"]["parents"] = json!(list);
        });
    }
}

fn backends(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["rules"].as_array().into_iter().flatten().flat_map(|r| r["backendRefs"].as_array().into_iter().flatten())
}
