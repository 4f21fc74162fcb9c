//! Who asks, and may they: two people known by their tokens, one of whom may only look.

use super::api::{Answer, Ask, Target};
use super::objects::text;
use super::status::{self, Refusal};
use serde_json::{Value, json};

/// Somebody a token belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub name: &'static str,
    pub groups: &'static [&'static str],
    pub writes: bool,
}

/// The token of a user who may do everything.
pub const ADMIN_TOKEN: &str = "practice-admin";
/// The token of a user who may only look.
pub const VIEWER_TOKEN: &str = "practice-viewer";

pub(super) fn user_of(token: &str) -> Option<User> {
    match token {
        ADMIN_TOKEN => Some(User { name: "ivo", groups: &["platform", "system:authenticated"], writes: true }),
        VIEWER_TOKEN => Some(User { name: "vera", groups: &["support", "system:authenticated"], writes: false }),
        _ => None,
    }
}

fn verb(ask: &Ask, t: &Target) -> &'static str {
    match (ask.method.as_str(), t.name.is_empty()) {
        ("GET", _) if ask.flag("watch") => "watch",
        ("GET", true) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "get",
    }
}

pub(super) fn authorize(user: &User, ask: &Ask, t: &Target) -> Result<(), Refusal> {
    let verb = verb(ask, t);
    if user.writes || t.kind.review || matches!(verb, "get" | "list" | "watch") {
        return Ok(());
    }
    let resource = if t.sub.is_empty() { t.kind.plural.to_string() } else { format!("{}/{}", t.kind.plural, t.sub) };
    Err(status::forbidden(user.name, verb, t.kind, &resource, &t.ns, &t.name))
}

/// Who am I, and what may I do?
pub(super) fn review(user: &User, ask: &Ask, t: &Target) -> Result<Answer, Refusal> {
    if ask.method != "POST" {
        return Err(status::method_not_allowed());
    }
    let mut body: Value = super::writes::read_body(ask)?;
    if !body.is_object() {
        body = json!({});
    }
    body["kind"] = json!(t.kind.kind);
    body["apiVersion"] = json!(t.kind.api_version());
    body["metadata"] = json!({"creationTimestamp": null});
    body["status"] = match t.kind.kind {
        "SelfSubjectReview" => {
            json!({"userInfo": {"username": user.name, "uid": format!("practice-{}", user.name), "groups": user.groups}})
        }
        "SelfSubjectAccessReview" => {
            let verb = text(&body, "/spec/resourceAttributes/verb");
            let allowed = user.writes || matches!(verb.as_str(), "get" | "list" | "watch");
            let reason = if allowed { "practice: this user may" } else { "practice: this user may only look" };
            json!({"allowed": allowed, "reason": reason})
        }
        _ => {
            let verbs = if user.writes { json!(["*"]) } else { json!(["get", "list", "watch"]) };
            json!({"resourceRules": [{"verbs": verbs, "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}], "incomplete": false})
        }
    };
    Ok(Answer::json(201, body))
}
