//! The API server's refusals: `Status` bodies worded as a real one words them.

use super::kinds::Kind;
use serde_json::{Value, json};

/// A refusal: HTTP code and `Status` body.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub code: u16,
    pub body: Value,
}

/// One reason why an object is invalid.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub reason: &'static str,
    pub field: String,
    pub message: String,
}

impl Cause {
    /// A value of the right type that is not allowed.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {value}: {why}") }
    }

    /// A field that must not be there, or not so.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {why}") }
    }

    /// A list that is too long.
    pub fn too_many(field: impl Into<String>, have: usize, most: usize) -> Self {
        let message = format!("Too many: {have}: must have at most {most} items");
        Self { reason: "FieldValueTooMany", field: field.into(), message }
    }

    /// A value that is there already.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { reason: "FieldValueDuplicate", field: field.into(), message: format!("Duplicate value: {value}") }
    }

    /// A field that must be there.
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }
}

fn status(code: u16, reason: &str, message: String, details: Value) -> Refusal {
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    if !details.is_null() {
        body["details"] = details;
    }
    Refusal { code, body }
}

fn details(kind: &Kind, name: &str) -> Value {
    let mut d = json!({"name": name, "kind": kind.plural});
    if !kind.group.is_empty() {
        d["group"] = json!(kind.group);
    }
    d
}

pub fn not_found(kind: &Kind, name: &str) -> Refusal {
    let message = format!("{} \"{name}\" not found", kind.qualified());
    status(404, "NotFound", message, details(kind, name))
}

/// No such path on this server.
pub fn no_such_path() -> Refusal {
    status(404, "NotFound", "the server could not find the requested resource".into(), json!({}))
}

pub fn already_exists(kind: &Kind, name: &str) -> Refusal {
    let message = format!("{} \"{name}\" already exists", kind.qualified());
    status(409, "AlreadyExists", message, details(kind, name))
}

/// The resourceVersion sent is not the stored one.
pub fn stale(kind: &Kind, name: &str) -> Refusal {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
        kind.qualified()
    );
    status(409, "Conflict", message, details(kind, name))
}

/// The UID of a precondition is not the stored one.
pub fn wrong_uid(kind: &Kind, name: &str, wanted: &str, found: &str) -> Refusal {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
        kind.qualified()
    );
    status(409, "Conflict", message, details(kind, name))
}

/// Fields of a server-side apply that other managers own: `(manager words, field path)`.
pub fn apply_conflict(conflicts: &[(String, String)]) -> Refusal {
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(who, field)| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": field}))
        .collect();
    let message = match conflicts {
        [(who, field)] => format!("Apply failed with 1 conflict: conflict with {who}: {field}"),
        many => {
            let mut text = format!("Apply failed with {} conflicts: ", many.len());
            let mut managers: Vec<&String> = many.iter().map(|c| &c.0).collect();
            managers.dedup();
            let parts: Vec<String> = managers
                .iter()
                .map(|who| {
                    let fields: Vec<String> =
                        many.iter().filter(|c| &c.0 == *who).map(|c| format!("- {}", c.1)).collect();
                    format!("conflicts with {who}:\n{}", fields.join("\n"))
                })
                .collect();
            text.push_str(&parts.join("\n"));
            text
        }
    };
    status(409, "Conflict", message, json!({"causes": causes}))
}

/// The object breaks its schema or its rules; every cause is listed.
pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Refusal {
    let lines: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    let text = match lines.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let message = format!("{} \"{name}\" is invalid: {text}", kind.qualified_kind());
    let mut d = json!({"name": name, "kind": kind.kind, "causes": causes.iter().map(|c| json!({
        "reason": c.reason, "message": c.message, "field": c.field,
    })).collect::<Vec<_>>()});
    if !kind.group.is_empty() {
        d["group"] = json!(kind.group);
    }
    status(422, "Invalid", message, d)
}

/// A JSON patch whose `test` missed or whose path is not there.
pub fn patch_rejected() -> Refusal {
    status(422, "Invalid", "the server rejected our request due to an error in our request".into(), json!({}))
}

pub fn bad_request(message: impl Into<String>) -> Refusal {
    status(400, "BadRequest", message.into(), Value::Null)
}

pub fn unauthorized() -> Refusal {
    status(401, "Unauthorized", "Unauthorized".into(), Value::Null)
}

/// RBAC's denial, naming verb and resource.
pub fn forbidden(user: &str, verb: &str, kind: &Kind, resource: &str, ns: &str, name: &str) -> Refusal {
    let subject = if name.is_empty() { kind.qualified() } else { format!("{} \"{name}\"", kind.qualified()) };
    let place = if ns.is_empty() { "at the cluster scope".to_string() } else { format!("in the namespace \"{ns}\"") };
    let message = format!(
        "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
        kind.group
    );
    status(403, "Forbidden", message, details(kind, name))
}

/// Admission's refusal of an object that anybody with the right may otherwise make.
pub fn not_admitted(kind: &Kind, name: &str, why: &str) -> Refusal {
    let message = format!("{} \"{name}\" is forbidden: {why}", kind.qualified());
    status(403, "Forbidden", message, details(kind, name))
}

/// Fields that are unknown to a strict request: 400 for a whole object, 422 for what a patch would make.
pub fn unknown_fields(kind: &Kind, fields: &[String], patch: Option<&Value>) -> Refusal {
    let all: Vec<String> = fields.iter().map(|f| format!("unknown field \"{f}\"")).collect();
    let why = format!("strict decoding error: {}", all.join(", "));
    match patch {
        None => bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        )),
        Some(patch) => {
            let cause = Cause::invalid("patch", patch, &why);
            let message = format!(" \"\" is invalid: patch: {}", cause.message);
            let causes = json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]);
            status(422, "Invalid", message, json!({"causes": causes}))
        }
    }
}

pub fn method_not_allowed() -> Refusal {
    status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource".into(), json!({}))
}

/// A content type this resource does not read.
pub fn unsupported_media_type(accepted: &[&str]) -> Refusal {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {}",
        accepted.join(", ")
    );
    status(415, "UnsupportedMediaType", message, json!({}))
}

/// The resourceVersion or continue token is older than the history kept.
pub fn expired(message: String) -> Refusal {
    status(410, "Expired", message, Value::Null)
}

pub fn unavailable(message: &str) -> Refusal {
    status(503, "ServiceUnavailable", message.into(), Value::Null)
}

pub fn gateway_timeout(message: &str) -> Refusal {
    status(504, "Timeout", message.into(), Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::of;

    #[test]
    fn several_causes_are_listed_in_brackets() {
        let causes = [Cause::invalid("spec.a", &json!(-1), "must be positive"), Cause::required("spec.b", "")];
        let r = invalid(of("deployments"), "billing", &causes);
        assert_eq!(
            r.body["message"],
            "Deployment.apps \"billing\" is invalid: [spec.a: Invalid value: -1: must be positive, spec.b: Required value]"
        );
        assert_eq!(r.body["details"]["causes"][1]["field"], "spec.b");
    }

    #[test]
    fn a_denial_names_verb_resource_and_place() {
        let r = forbidden("vera", "patch", of("deployments"), "deployments", "shop", "billing");
        assert_eq!(
            r.body["message"],
            "deployments.apps \"billing\" is forbidden: User \"vera\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\""
        );
    }
}
