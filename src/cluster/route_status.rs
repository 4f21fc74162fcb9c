//! What the gateways say of a route: which entries of its status count, and whether the route as it stands is in force.
//!
//! `status.parents` is shared ground. Entries stay behind when a parent is taken out of the spec, and controllers that
//! only attach policies (Kuadrant) add entries of their own for a parent that is not theirs to accept. An entry counts
//! when its parent is wanted and it says `Accepted`.
use serde_json::Value;

use super::json::{list, number, text};
use super::observe::instant;
use crate::engine::observe::Accepted;

const GATEWAY: (&str, &str) = ("gateway.networking.k8s.io", "Gateway");

/// A parent's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub parent: String,
    /// `Accepted` or `ResolvedRefs`.
    pub condition: String,
    pub reason: String,
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} is False: {}: {}", self.parent, self.condition, self.reason, self.message)
    }
}

/// A route's standing with its parents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub refusals: Vec<Refusal>,
    /// A parent has not answered for this generation.
    pub pending: bool,
    /// Parents that do not say which generation their answer is about.
    pub undated: Vec<String>,
}

/// Whether every parent accepted the route as it stands now: `Accepted` and `ResolvedRefs` are True and about the
/// current generation (Gateway API, `RouteParentStatus`).
pub fn accepted(route: &Value) -> Accepted {
    let standing = standing(route);
    match standing.refusals.first() {
        Some(refusal) => Accepted::No(refusal.to_string()),
        None if standing.pending => Accepted::Pending,
        None => Accepted::Yes,
    }
}

/// What the wanted parents say.
pub fn standing(route: &Value) -> Standing {
    let mut out = Standing::default();
    let namespace = text(route, "/metadata/namespace");
    let answers = list(route, "/status/parents");
    let wanted = list(route, "/spec/parentRefs");
    // Nobody is asked to carry a route without parents.
    out.pending = wanted.is_empty();
    for parent in wanted {
        let counts = |answer: &&Value| {
            answer.get("parentRef").is_some_and(|p| same_parent(p, parent, namespace))
                && list(answer, "/conditions").iter().any(|c| text(c, "/type") == Some("Accepted"))
        };
        let mut counted = answers.iter().filter(counts).peekable();
        out.pending |= counted.peek().is_none();
        for answer in counted {
            judge(route, text(parent, "/name").unwrap_or("?"), answer, &mut out);
        }
    }
    out
}

fn judge(route: &Value, parent: &str, answer: &Value, out: &mut Standing) {
    let generation = number(route, "/metadata/generation").unwrap_or(0);
    for kind in ["Accepted", "ResolvedRefs"] {
        let Some(condition) = list(answer, "/conditions").iter().find(|c| text(c, "/type") == Some(kind)) else {
            out.pending = true;
            continue;
        };
        match number(condition, "/observedGeneration") {
            Some(observed) if observed == generation => {}
            // Linkerd leaves it out. What it says is taken as of now, unless it is older than the route itself.
            None if !older_than(condition, route) => {
                if out.undated.last().is_none_or(|last| last != parent) {
                    out.undated.push(parent.to_string());
                }
            }
            _ => {
                out.pending = true;
                continue;
            }
        }
        match text(condition, "/status") {
            Some("True") => {}
            Some("False") => {
                let word = |at: &str| text(condition, at).unwrap_or_default().to_string();
                let refusal = Refusal {
                    parent: parent.to_string(),
                    condition: kind.to_string(),
                    reason: word("/reason"),
                    message: word("/message"),
                };
                out.refusals.push(refusal);
            }
            _ => out.pending = true,
        }
    }
}

/// A condition from before the route was made: a restored backup brings such.
fn older_than(condition: &Value, route: &Value) -> bool {
    let at = |object: &Value, pointer: &str| text(object, pointer).and_then(instant);
    match (at(condition, "/lastTransitionTime"), at(route, "/metadata/creationTimestamp")) {
        (Some(said), Some(made)) => said < made,
        _ => false,
    }
}

/// Whether two parent references name the same parent, with what the API fills in where a field is left out.
fn same_parent(a: &Value, b: &Value, namespace: Option<&str>) -> bool {
    let kind = |p: &Value| {
        let group = text(p, "/group").unwrap_or(GATEWAY.0).to_string();
        // The core group is written both ways; `core` is what mesh documents show.
        (if group == "core" { String::new() } else { group }, text(p, "/kind").unwrap_or(GATEWAY.1).to_string())
    };
    kind(a) == kind(b)
        && text(a, "/name") == text(b, "/name")
        && text(a, "/namespace").or(namespace) == text(b, "/namespace").or(namespace)
        && text(a, "/sectionName") == text(b, "/sectionName")
        && number(a, "/port") == number(b, "/port")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parent(name: &str, generation: Option<i64>, resolved: &str) -> Value {
        let condition = |kind: &str, status: &str| {
            let mut c = json!({"type": kind, "status": status, "reason": "BackendNotFound",
                "message": "no Service billing-next", "lastTransitionTime": "2026-11-02T00:00:00Z"});
            if let Some(generation) = generation {
                c["observedGeneration"] = json!(generation);
            }
            c
        };
        json!({"parentRef": {"name": name}, "conditions": [condition("Accepted", "True"), condition("ResolvedRefs", resolved)]})
    }

    fn route(parents: Vec<Value>) -> Value {
        json!({"metadata": {"name": "billing", "namespace": "shop", "generation": 3,
                            "creationTimestamp": "2026-11-01T00:00:00Z"},
               "spec": {"parentRefs": [{"name": "public"}]}, "status": {"parents": parents}})
    }

    #[test]
    fn accepted_needs_every_parent_at_this_generation() {
        let with = |parents: Vec<Value>| accepted(&route(parents));
        assert_eq!(with(vec![]), Accepted::Pending);
        assert_eq!(with(vec![parent("public", Some(3), "True")]), Accepted::Yes);
        assert_eq!(with(vec![parent("public", Some(2), "True")]), Accepted::Pending);
        assert_eq!(
            with(vec![parent("other", Some(3), "True")]),
            Accepted::Pending,
            "the named parent has not answered"
        );
        let two = vec![parent("public", Some(3), "True"), parent("public", Some(2), "True")];
        assert_eq!(with(two), Accepted::Pending);
        let Accepted::No(why) = with(vec![parent("public", Some(3), "False")]) else { panic!() };
        assert_eq!(why, "public: ResolvedRefs is False: BackendNotFound: no Service billing-next");
    }

    #[test]
    fn entries_of_policies_and_of_former_parents_do_not_count() {
        let policy = json!({"parentRef": {"name": "public"}, "controllerName": "kuadrant.io/policy-controller",
            "conditions": [{"type": "kuadrant.io/AuthPolicyAffected", "status": "True", "observedGeneration": 3}]});
        let former = parent("former", Some(2), "False");
        let good = parent("public", Some(3), "True");
        assert_eq!(accepted(&route(vec![policy.clone(), good, former.clone()])), Accepted::Yes);
        assert_eq!(accepted(&route(vec![policy, former])), Accepted::Pending, "nobody has accepted it");
    }

    #[test]
    fn an_answer_without_a_generation_counts_unless_the_route_is_younger() {
        let mut undated = route(vec![parent("public", None, "True")]);
        assert_eq!(accepted(&undated), Accepted::Yes);
        assert_eq!(standing(&undated).undated, ["public"]);
        undated["metadata"]["creationTimestamp"] = json!("2026-11-03T00:00:00Z");
        assert_eq!(accepted(&undated), Accepted::Pending);
        assert!(matches!(accepted(&route(vec![parent("public", None, "False")])), Accepted::No(_)));
    }

    #[test]
    fn parents_are_matched_with_what_the_api_fills_in() {
        let same = |a: Value, b: Value| same_parent(&a, &b, Some("shop"));
        assert!(same(json!({"name": "g"}), json!({"name": "g", "namespace": "shop", "kind": "Gateway"})));
        assert!(same(
            json!({"name": "g", "group": "core", "kind": "Service"}),
            json!({"name": "g", "group": "", "kind": "Service"})
        ));
        for other in [
            json!({"name": "g", "namespace": "infra"}),
            json!({"name": "g", "kind": "Service", "group": ""}),
            json!({"name": "g", "sectionName": "https"}),
            json!({"name": "g", "port": 8080}),
        ] {
            assert!(!same(json!({"name": "g"}), other.clone()), "{other}");
        }
    }
}
