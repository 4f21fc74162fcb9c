//! Requests in, answers out, without a socket.

use super::*;

fn ask(method: &str, path: &str, query: &[(&str, &str)], body: Value) -> Ask {
    Ask {
        method: method.into(),
        path: path.into(),
        query: query.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        authorization: format!("Bearer {ADMIN_TOKEN}"),
        content_type: "application/json".into(),
        user_agent: "tester/1".into(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        ..Ask::default()
    }
}

fn json_of(w: &mut World, a: &Ask) -> (u16, Value) {
    let answer = w.answer(a);
    match answer.body {
        Body::Json(v) => (answer.code, v),
        other => panic!("{other:?}"),
    }
}

const PODS: &str = "/api/v1/namespaces/shop/pods";
const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/billing";

#[test]
fn a_list_in_pages_is_the_whole_list_and_an_old_token_is_refused() {
    let mut w = two();
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let (code, page) = json_of(&mut w, &ask("GET", PODS, &[("limit", "3"), ("continue", &token)], Value::Null));
        assert_eq!(code, 200);
        for p in page["items"].as_array().expect("a list") {
            names.push(p["metadata"]["name"].as_str().expect("named").to_string());
        }
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_string();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names.len(), 7);
    assert!(names.is_sorted());
    let (_, page) = json_of(&mut w, &ask("GET", PODS, &[("limit", "3")], Value::Null));
    assert_eq!(page["metadata"]["remainingItemCount"], 4);
    let token = page["metadata"]["continue"].as_str().expect("more").to_string();
    change(&mut w, "deployments", "auth", |d| d["spec"]["replicas"] = json!(4));
    w.compact();
    let (code, status) = json_of(&mut w, &ask("GET", PODS, &[("limit", "3"), ("continue", &token)], Value::Null));
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
}

#[test]
fn what_is_not_there_or_not_allowed_is_said_as_such() {
    let mut w = two();
    let code = |w: &mut World, a: Ask| json_of(w, &a).0;
    assert_eq!(code(&mut w, ask("GET", "/apis/apps/v1/namespaces/shop/daemonsets", &[], Value::Null)), 404);
    assert_eq!(code(&mut w, ask("POST", ROUTE, &[], json!({}))), 405);
    assert_eq!(code(&mut w, ask("GET", PODS, &[("labelSelector", "app in billing")], Value::Null)), 400);
    assert_eq!(code(&mut w, ask("GET", PODS, &[("fieldSelector", "spec.x=1")], Value::Null)), 400);
    let protobuf =
        Ask { content_type: "application/vnd.kubernetes.protobuf".into(), ..ask("POST", PODS, &[], json!({})) };
    assert_eq!(code(&mut w, protobuf), 415);
    let strategic =
        Ask { content_type: "application/strategic-merge-patch+json".into(), ..ask("PATCH", ROUTE, &[], json!({})) };
    assert_eq!(code(&mut w, strategic), 415);
    let pod = json!({"metadata": {"name": "x", "namespace": "other"}, "spec": {"containers": []}});
    assert_eq!(code(&mut w, ask("POST", PODS, &[], pod)), 400);
    let nowhere = ask("POST", "/api/v1/namespaces/nowhere/configmaps", &[], json!({"metadata": {"name": "x"}}));
    assert_eq!(code(&mut w, nowhere), 404);
    let anonymous = Ask { authorization: String::new(), ..ask("GET", PODS, &[], Value::Null) };
    assert_eq!(code(&mut w, anonymous.clone()), 401);
    let in_path = Ask { path: format!("/token/{VIEWER_TOKEN}{PODS}"), ..anonymous };
    assert_eq!(code(&mut w, in_path), 200);
}

#[test]
fn a_replace_needs_the_current_version_and_keeps_the_status() {
    let mut w = two();
    let (_, mut route) = json_of(&mut w, &ask("GET", ROUTE, &[], Value::Null));
    let status = route["status"].clone();
    route["status"] = json!({});
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = json!(99);
    let (code, stored) = json_of(&mut w, &ask("PUT", ROUTE, &[], route.clone()));
    assert_eq!((code, &stored["status"], &stored["metadata"]["generation"]), (200, &status, &json!(2)));
    assert_eq!(json_of(&mut w, &ask("PUT", ROUTE, &[], route.clone())).0, 409);
    route["metadata"]["resourceVersion"] = json!("");
    assert_eq!(json_of(&mut w, &ask("PUT", ROUTE, &[], route)).0, 422);
    let labelled = Ask {
        content_type: "application/merge-patch+json".into(),
        ..ask("PATCH", ROUTE, &[], json!({"metadata": {"labels": {"a": "b"}}}))
    };
    let (_, stored) = json_of(&mut w, &labelled);
    assert_eq!(stored["metadata"]["generation"], 2, "a label is no change of the spec");
    let rv = w.rv();
    json_of(&mut w, &labelled);
    assert_eq!(w.rv(), rv, "an equal write is no write");
}

#[test]
fn apply_in_yaml_creates_and_a_finalizer_is_waited_for() {
    let mut w = two();
    let path = "/api/v1/namespaces/shop/configmaps/x";
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, finalizers: [a/b]}\ndata: {k: v}\n";
    let apply = Ask {
        content_type: "application/apply-patch+yaml".into(),
        body: yaml.as_bytes().to_vec(),
        ..ask("PATCH", path, &[("fieldManager", "me")], Value::Null)
    };
    let (code, o) = json_of(&mut w, &apply);
    assert_eq!((code, &o["metadata"]["managedFields"][0]["operation"]), (201, &json!("Apply")));
    json_of(&mut w, &ask("DELETE", path, &[], Value::Null));
    let (code, o) = json_of(&mut w, &ask("GET", path, &[], Value::Null));
    assert!(code == 200 && o["metadata"]["deletionTimestamp"].is_string());
    let release = Ask {
        content_type: "application/merge-patch+json".into(),
        ..ask("PATCH", path, &[], json!({"metadata": {"finalizers": null}}))
    };
    json_of(&mut w, &release);
    assert_eq!(json_of(&mut w, &ask("GET", path, &[], Value::Null)).0, 404);
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
const BILLING: &str = "/apis/apps/v1/namespaces/shop/deployments/billing";

fn patched(w: &mut World, path: &str, kind: &str, strict: bool, body: Value) -> (u16, String) {
    let query: &[(&str, &str)] = if strict { &[("fieldValidation", "Strict")] } else { &[] };
    let mut request = ask("PATCH", path, query, body);
    request.content_type = format!("application/{kind}-patch+json");
    let (code, body) = json_of(w, &request);
    (code, body["message"].as_str().unwrap_or_default().to_string())
}

#[test]
fn fields_nobody_knows_are_refused_when_asked_strictly() {
    let mut w = two();
    let typo = json!({"spec": {"replica": 3}});
    assert_eq!(patched(&mut w, BILLING, "merge", false, typo.clone()).0, 200);
    let mut w = two();
    let (code, message) = patched(&mut w, BILLING, "merge", true, typo);
    assert_eq!(code, 422);
    assert!(message.ends_with("strict decoding error: unknown field \"spec.replica\""), "{message}");
    let mut made = deployment(&w, "billing");
    made["metadata"] = json!({"name": "other"});
    made["spec"]["template"]["spec"]["containers"][0]["imagee"] = json!("x");
    let (code, body) = json_of(&mut w, &ask("POST", DEPLOYMENTS, &[("fieldValidation", "Strict")], made));
    assert_eq!(code, 400);
    assert_eq!(
        body["message"],
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.template.spec.containers[0].imagee\""
    );
}

#[test]
fn what_a_real_server_refuses_is_refused() {
    let service = "/api/v1/namespaces/shop/services/billing";
    let twice =
        json!([{"op": "copy", "from": "/spec/template/spec/containers/0", "path": "/spec/template/spec/containers/-"}]);
    for (path, kind, body, code, says) in [
        (BILLING, "json", twice, 422, "spec.template.spec.containers[1].name: Duplicate value: \"app\""),
        (
            BILLING,
            "merge",
            json!({"spec": {"minReadySeconds": 60, "progressDeadlineSeconds": 60}}),
            422,
            "spec.progressDeadlineSeconds: Invalid value: 60: must be greater than minReadySeconds",
        ),
        (
            BILLING,
            "merge",
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
            422,
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            service,
            "merge",
            json!({"spec": {"clusterIP": "10.96.1.1"}}),
            422,
            "spec.clusterIPs[0]: Invalid value: [\"10.96.1.1\"]: may not change once set",
        ),
        (
            BILLING,
            "merge",
            json!({"metadata": {"labels": {"team": "a b"}}}),
            422,
            "metadata.labels: Invalid value: \"a b\": a valid label must be",
        ),
        (
            BILLING,
            "json",
            json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
            400,
            "the name of the object (other) does not match the name on the URL (billing)",
        ),
    ] {
        let (got, message) = patched(&mut two(), path, kind, false, body);
        assert_eq!(got, code, "{message}");
        assert!(message.contains(says), "{message}");
    }
    let (code, _) = json_of(&mut two(), &ask("GET", DEPLOYMENTS, &[("labelSelector", "a===b")], Value::Null));
    assert_eq!(code, 400);
}

#[test]
fn an_address_the_server_gives_is_no_clients_field() {
    let mut w = two();
    let made = json!({"metadata": {"name": "new"}, "spec": {"selector": {"app": "new"}, "ports": [{"port": 80}]}});
    let (code, body) = json_of(&mut w, &ask("POST", "/api/v1/namespaces/shop/services", &[], made));
    assert_eq!(code, 201);
    assert!(body["spec"]["clusterIP"].is_string());
    let fields = body["metadata"]["managedFields"].to_string();
    assert!(fields.contains("f:selector") && !fields.contains("f:clusterIP"), "{fields}");
}

/// A route made again from what `kubectl get -o yaml` showed comes with a status, which is none of the sender's business.
#[test]
fn a_posted_status_is_dropped_and_the_gateway_writes_its_own() {
    let mut w = two();
    let (_, mut route) = json_of(&mut w, &ask("GET", ROUTE, &[], Value::Null));
    let meta = route["metadata"].as_object_mut().expect("an object");
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"].iter().for_each(|k| {
        meta.remove(*k);
    });
    route["status"]["parents"][0]["conditions"] =
        json!([{"type": "Accepted", "status": "False", "reason": "Bogus", "observedGeneration": 7}]);
    json_of(&mut w, &ask("DELETE", ROUTE, &[], Value::Null));
    let routes = ROUTE.trim_end_matches("/billing");
    let (code, made) = json_of(&mut w, &ask("POST", routes, &[], route));
    assert_eq!((code, &made["status"]), (201, &Value::Null));
    let later = w.now() + 3_000;
    w.advance_to(later);
    let (_, seen) = json_of(&mut w, &ask("GET", ROUTE, &[], Value::Null));
    let accepted = &seen["status"]["parents"][0]["conditions"][0];
    assert_eq!((&accepted["status"], &accepted["observedGeneration"]), (&json!("True"), &json!(1)), "{seen}");
}
