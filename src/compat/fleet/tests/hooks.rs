//! What a service calls by itself: callbacks of its operations, and webhooks.
use super::*;

/// A description with a callback of `POST /a` and the webhook `paid`; each of both sends `n` if it is asked to.
fn api(callback: bool, webhook: Option<bool>) -> String {
    let body = |n: bool| {
        let required = if n { r#", "required": ["n"]"# } else { "" };
        format!(
            r#"{{"post": {{"requestBody": {{"required": true, "content": {{"application/json": {{"schema":
            {{"type": "object", "properties": {{"n": {{"type": "integer"}}}}{required}}}}}}}}},
            "responses": {{"200": {{"description": "d"}}}}}}}}"#
        )
    };
    let hooks = webhook.map_or(String::new(), |n| format!(r#""paid": {}, "#, body(n)));
    format!(
        r#"{{"openapi": "3.1.0", "info": {{"title": "t", "version": "1"}}, "paths": {{
        "/a": {{"post": {{"responses": {{"200": {{"description": "d"}}}}, "callbacks": {{"onX": {{"{{$request.body#/url}}": {}}}}}}}}},
        "/b": {{"get": {{"responses": {{"200": {{"description": "d"}}}}}}}}}},
        "webhooks": {{{hooks}"shipped": {}}}}}"#,
        body(callback),
        body(true)
    )
}

fn stand(old: &str, new: &str, b: (&str, &str)) -> Stand {
    let a = "  audience: internal\n";
    let calls = |list: &str| match list {
        "" => "  depends: [{service: a}]\n".to_string(),
        list => format!("  depends: [{{service: a, operations: [{list}]}}]\n"),
    };
    let files = [("a/1.0.0/openapi.json", old), ("a/2.0.0/openapi.json", new)];
    let to = if b.0 == b.1 { "1.0.0" } else { "2.0.0" };
    Stand::new(&[("a 1.0.0", a), ("a 2.0.0", a), ("b 1.0.0", &calls(b.0)), ("b 2.0.0", &calls(b.1))], &files)
        .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", to)])
}

fn reached<'a>(outcome: &'a Outcome, rule: &str) -> (Severity, &'a [String]) {
    let f = find(outcome, rule);
    (f.severity, &f.of.as_ref().unwrap().consumers)
}

#[test]
fn a_callback_reaches_who_calls_its_operation() {
    let (old, new) = (api(true, None), api(false, None));
    let outcome = |b: &str| stand(&old, &new, (b, b)).outcome();
    let rule = "response-property-became-optional";
    for (b, severity, who) in [
        ("POST /a", Severity::Critical, &["b 1.0.0".to_string()][..]),
        ("", Severity::Critical, &["b 1.0.0".to_string()]),
        ("GET /b", Severity::Warning, &[]),
    ] {
        assert_eq!(reached(&outcome(b), rule), (severity, who), "{b}");
    }
    // That a callback goes is no matter of an operation that is called no more.
    let gone = old.replace(r#""callbacks""#, r#""x-callbacks""#);
    let outcome = stand(&old, &gone, ("POST /a", "POST /a")).outcome();
    assert_eq!(reached(&outcome, "callback-removed"), (Severity::Critical, &["b 1.0.0".to_string()][..]));
}

#[test]
fn a_webhook_is_missed_by_who_says_it_receives_it_and_by_anybody_while_nobody_says() {
    let (old, changed, gone) = (api(true, Some(true)), api(true, Some(false)), api(true, None));
    for (new, rule) in [(&changed, "response-property-became-optional"), (&gone, "webhook-removed")] {
        let outcome = |b: &str| stand(&old, new, (b, b)).outcome();
        let mine = outcome("webhook POST paid");
        assert_eq!(reached(&mine, rule), (Severity::Critical, &["b 1.0.0".to_string()][..]));
        assert_eq!(find(&mine, rule).affected, ["webhook POST paid"]);
        // Nobody speaks of webhooks, so who receives them is not known.
        let silent = outcome("GET /b");
        assert_eq!(reached(&silent, rule), (Severity::Critical, &[][..]));
        assert!(find(&silent, rule).details.iter().any(|d| d.starts_with("who receives it is not known")));
        // It says which it receives, and this is not among them.
        assert_eq!(reached(&outcome("GET /b, webhook POST shipped"), rule), (Severity::Warning, &[][..]));
        assert_eq!(reached(&outcome(""), rule).0, Severity::Critical);
        // One that nobody describes may be any.
        let unknown = outcome("webhook POST shiped");
        assert_eq!(reached(&unknown, rule).0, Severity::Critical);
        let f = find(&unknown, "dependency-operation-unknown");
        assert_eq!(f.message, "b 1.0.0 receives webhook POST shiped, which a does not describe");
    }
}

#[test]
fn who_stops_receiving_what_goes_is_gone_by_then() {
    let (with, without) = (api(true, Some(true)), api(true, None));
    let leaves = stand(&with, &without, ("webhook POST paid", "webhook POST shipped")).outcome();
    assert_eq!(reached(&leaves, "webhook-removed"), (Severity::Warning, &[][..]));
    assert_eq!(leaves.waves, [["b"], ["a"]]);
    // One that begins breaks nobody, whoever goes first.
    let begins = stand(&without, &with, ("GET /b", "webhook POST paid")).outcome();
    assert!(begins.report.compatible() && begins.edges.is_empty(), "{begins:#?}");
}
