//! What the API server refuses with 422, with every cause at once.

use super::kinds::Kind;
use super::selector::Labels;
use super::status::Cause;
use serde_json::{Value, json};

/// Every reason why `new` may not be stored; `old` is the stored object on an update.
pub fn check(kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    name(new, &mut causes);
    label_values(new.pointer("/metadata/labels"), "metadata.labels", &mut causes);
    match kind.plural {
        "deployments" => deployment(new, old, &mut causes),
        "replicasets" => immutable(new, old, "/spec/selector", "spec.selector", &mut causes),
        "pods" => pod(new, old, &mut causes),
        "services" => service(new, old, &mut causes),
        "httproutes" => route(new, &mut causes),
        "leases" => lease(new, &mut causes),
        _ => {}
    }
    causes
}

fn name(o: &Value, causes: &mut Vec<Cause>) {
    let Some(name) = o.pointer("/metadata/name").and_then(Value::as_str).filter(|n| !n.is_empty()) else {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    };
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let ok = name.len() <= 253
        && ends(name.chars().next())
        && ends(name.chars().last())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
    if !ok {
        causes.push(Cause::invalid(
            "metadata.name",
            &json!(name),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ));
    }
}

/// Values of labels are short and plain.
fn label_values(labels: Option<&Value>, at: &str, causes: &mut Vec<Cause>) {
    for value in labels.and_then(Value::as_object).into_iter().flatten().map(|(_, v)| v) {
        let Some(text) = value.as_str().filter(|t| !t.is_empty()) else { continue };
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.len() > 63 {
            causes.push(Cause::invalid(at, value, "must be no more than 63 bytes"));
        }
        if !(ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(plain)) {
            causes.push(Cause::invalid(
                at,
                value,
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ));
        }
    }
}

fn immutable(new: &Value, old: Option<&Value>, at: &str, field: &str, causes: &mut Vec<Cause>) {
    let Some(old) = old else { return };
    if old.pointer(at) != new.pointer(at) {
        let value = new.pointer(at).unwrap_or(&Value::Null);
        causes.push(Cause::invalid(field, value, "field is immutable"));
    }
}

fn deployment(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    match new.pointer("/spec/replicas") {
        Some(v) if v.as_i64().is_none_or(|n| n < 0) => {
            causes.push(Cause::invalid("spec.replicas", v, "must be greater than or equal to 0"))
        }
        _ => {}
    }
    let selector = new.pointer("/spec/selector").unwrap_or(&Value::Null);
    let labels = new.pointer("/spec/template/metadata/labels").unwrap_or(&Value::Null);
    match Labels::from_object(selector) {
        None => causes.push(Cause::required("spec.selector", "")),
        Some(s) if !s.matches(labels) => causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        )),
        Some(_) => {}
    }
    label_values(new.pointer("/spec/template/metadata/labels"), "spec.template.labels", causes);
    containers(new.pointer("/spec/template/spec"), "spec.template.spec", causes);
    rollout(new, causes);
    let zero = |p: &str| matches!(new.pointer(p), Some(v) if v == &json!(0) || v == &json!("0%"));
    if zero("/spec/strategy/rollingUpdate/maxSurge") && zero("/spec/strategy/rollingUpdate/maxUnavailable") {
        causes.push(Cause::invalid(
            "spec.strategy.rollingUpdate.maxUnavailable",
            &json!(0),
            "may not be 0 when `maxSurge` is 0",
        ));
    }
    immutable(new, old, "/spec/selector", "spec.selector", causes);
}

/// How a Deployment says it rolls out.
fn rollout(new: &Value, causes: &mut Vec<Cause>) {
    let at = |field: &str| new.pointer(&format!("/spec/{field}")).and_then(Value::as_i64);
    if let Some(deadline) = at("progressDeadlineSeconds")
        && deadline <= at("minReadySeconds").unwrap_or(0)
    {
        let value = json!(deadline);
        causes.push(Cause::invalid("spec.progressDeadlineSeconds", &value, "must be greater than minReadySeconds"));
    }
    let recreate = new.pointer("/spec/strategy/type") == Some(&json!("Recreate"));
    if recreate && new.pointer("/spec/strategy/rollingUpdate").is_some_and(|r| !r.is_null()) {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        causes.push(Cause::forbidden("spec.strategy.rollingUpdate", why));
    }
}

fn containers(spec: Option<&Value>, at: &str, causes: &mut Vec<Cause>) {
    let list = spec.and_then(|s| s.get("containers")).and_then(Value::as_array);
    let Some(list) = list.filter(|l| !l.is_empty()) else {
        causes.push(Cause::required(format!("{at}.containers"), ""));
        return;
    };
    for (i, c) in list.iter().enumerate() {
        if let Some(name) = c.get("name").filter(|n| list[..i].iter().any(|before| before.get("name") == Some(n))) {
            causes.push(Cause::duplicate(format!("{at}.containers[{i}].name"), name));
        }
        for field in ["name", "image"] {
            if c.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                causes.push(Cause::required(format!("{at}.containers[{i}].{field}"), ""));
            }
        }
    }
}

fn pod(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    containers(new.get("spec"), "spec", causes);
    let Some(old) = old else { return };
    let frozen = |o: &Value| {
        let mut spec = o.get("spec").cloned().unwrap_or(Value::Null);
        for c in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            c["image"] = Value::Null;
        }
        spec["nodeName"] = Value::Null;
        spec
    };
    if frozen(old) != frozen(new) {
        causes.push(Cause {
            reason: "FieldValueForbidden",
            field: "spec".into(),
            message: "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)".into(),
        });
    }
}

fn service(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let ip = |o: &Value| o.pointer("/spec/clusterIP").cloned().unwrap_or_default();
    if old.map(ip).is_some_and(|before| !before.is_null() && before != ip(new)) {
        causes.push(Cause::invalid("spec.clusterIPs[0]", &json!([ip(new)]), "may not change once set"));
    }
    let ports = new.pointer("/spec/ports").and_then(Value::as_array);
    let headless = new.pointer("/spec/clusterIP") == Some(&json!("None"));
    let Some(ports) = ports.filter(|p| !p.is_empty()) else {
        if !headless {
            causes.push(Cause::required("spec.ports", ""));
        }
        return;
    };
    for (i, p) in ports.iter().enumerate() {
        let port = p.get("port").unwrap_or(&Value::Null);
        if !port.as_i64().is_some_and(|n| (1..=65535).contains(&n)) {
            causes.push(Cause::invalid(
                format!("spec.ports[{i}].port"),
                port,
                "must be between 1 and 65535, inclusive",
            ));
        }
        if ports.len() > 1 && p.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.ports[{i}].name"), ""));
        }
    }
}

fn type_of(v: &Value) -> &'static str {
    match v {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(field: &str, v: &Value, want: &str) -> Cause {
    Cause {
        reason: "FieldValueTypeInvalid",
        field: field.into(),
        message: format!(
            "Invalid value: \"{}\": {field} in body must be of type {want}: \"{}\"",
            type_of(v),
            type_of(v)
        ),
    }
}

fn route(new: &Value, causes: &mut Vec<Cause>) {
    let Some(rules) = new.pointer("/spec/rules") else {
        return;
    };
    let Some(rules) = rules.as_array() else {
        causes.push(wrong_type("spec.rules", rules, "array"));
        return;
    };
    limits(rules, causes);
    for (i, rule) in rules.iter().enumerate() {
        let refs = rule.get("backendRefs").and_then(Value::as_array);
        for (j, b) in refs.into_iter().flatten().enumerate() {
            let at = format!("spec.rules[{i}].backendRefs[{j}]");
            match b.get("name") {
                None => causes.push(Cause::required(format!("{at}.name"), "")),
                Some(n) if !n.is_string() => causes.push(wrong_type(&format!("{at}.name"), n, "string")),
                Some(_) => {}
            }
            let Some(weight) = b.get("weight") else {
                continue;
            };
            let field = format!("{at}.weight");
            let side = match weight.as_i64() {
                None => {
                    causes.push(wrong_type(&field, weight, "integer"));
                    continue;
                }
                Some(w) if w < 0 => "greater than or equal to 0",
                Some(w) if w > 1_000_000 => "less than or equal to 1e+06",
                Some(_) => continue,
            };
            causes.push(Cause::invalid(&field, weight, &format!("{field} in body should be {side}")));
        }
    }
}

/// How many rules and matches a route takes (HTTPRoute of gateway.networking.k8s.io/v1).
fn limits(rules: &[Value], causes: &mut Vec<Cause>) {
    if rules.len() > 16 {
        causes.push(Cause::too_many("spec.rules", rules.len(), 16));
    }
    let size = |rule: &Value| rule.get("matches").and_then(Value::as_array).map_or(0, Vec::len);
    for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| size(rule) > 64) {
        causes.push(Cause::too_many(format!("spec.rules[{i}].matches"), size(rule), 64));
    }
    if rules.iter().map(size).sum::<usize>() > 128 {
        let why = "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a \
                   route must be less than 128";
        causes.push(Cause::invalid("spec.rules", &json!("array"), why));
    }
}

fn lease(new: &Value, causes: &mut Vec<Cause>) {
    if let Some(v) = new.pointer("/spec/leaseDurationSeconds")
        && v.as_i64().is_none_or(|n| n <= 0)
    {
        causes.push(Cause::invalid("spec.leaseDurationSeconds", v, "must be greater than 0"));
    }
    if let Some(v) = new.pointer("/spec/leaseTransitions")
        && v.as_i64().is_none_or(|n| n < 0)
    {
        causes.push(Cause::invalid("spec.leaseTransitions", v, "must be greater than or equal to 0"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::kinds::of;

    fn messages(causes: &[Cause]) -> Vec<String> {
        causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn a_negative_weight_reads_as_the_real_server_says_it() {
        let r = json!({"metadata": {"name": "billing"}, "spec": {"rules": [{"backendRefs": [{"name": "a"}, {"name": "b", "weight": -1}]}]}});
        assert_eq!(
            messages(&check(of("httproutes"), &r, None)),
            [
                "spec.rules[0].backendRefs[1].weight: Invalid value: -1: spec.rules[0].backendRefs[1].weight in body should be greater than or equal to 0"
            ]
        );
    }

    #[test]
    fn a_route_takes_so_many_rules_and_matches() {
        let of = |sizes: &[usize]| {
            let rules: Vec<Value> = sizes.iter().map(|n| json!({"matches": vec![json!({}); *n]})).collect();
            let r = json!({"metadata": {"name": "billing"}, "spec": {"rules": rules}});
            messages(&check(of("httproutes"), &r, None))
        };
        assert!(of(&[64, 64]).is_empty());
        assert_eq!(of(&[1; 17]), ["spec.rules: Too many: 17: must have at most 16 items"]);
        assert_eq!(of(&[65]), ["spec.rules[0].matches: Too many: 65: must have at most 64 items"]);
        assert!(of(&[64, 64, 1])[0].starts_with("spec.rules: Invalid value: \"array\": While 16 rules"));
    }

    #[test]
    fn a_changed_selector_has_two_causes() {
        let old = json!({"metadata": {"name": "billing"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "billing"}},
            "template": {"metadata": {"labels": {"app": "billing"}}, "spec": {"containers": [{"name": "app", "image": "a"}]}}}});
        let mut new = old.clone();
        new["spec"]["selector"]["matchLabels"]["app"] = json!("other");
        assert_eq!(
            messages(&check(of("deployments"), &new, Some(&old))),
            [
                "spec.template.metadata.labels: Invalid value: {\"app\":\"billing\"}: `selector` does not match template `labels`",
                "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable"
            ]
        );
        assert!(check(of("deployments"), &old, Some(&old)).is_empty());
    }
}
