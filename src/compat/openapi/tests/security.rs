//! Security schemes: what they are, whatever they are called.
use super::around::TOP;
use super::*;

/// Rules that two descriptions break or touch, of one operation with these requirements and schemes.
fn of(old: (&str, &str), new: (&str, &str)) -> Vec<&'static str> {
    let text = |(security, schemes): (&str, &str)| {
        format!(
            "{TOP}components: {{securitySchemes: {{{schemes}}}}}\npaths: {{/a: {{get: {{security: [{security}]}}}}}}"
        )
    };
    rules(&compare(&text(old), &text(new)).findings)
}

#[test]
fn a_scheme_is_what_it_says_not_what_it_is_called() {
    let key = |name: &str| format!("type: apiKey, in: header, name: {name}");
    let named = |name: &str, what: &str| format!("{name}: {{{what}}}");
    let renamed = of(("{k: []}", &named("k", &key("X-Key"))), ("{token: []}", &named("token", &key("x-key"))));
    assert_eq!(renamed, ["security-scheme-added", "security-scheme-removed"]);
    let other = of(("{k: []}", &named("k", &key("X-Key"))), ("{token: []}", &named("token", &key("X-Token"))));
    assert_eq!(other, ["security-added", "security-scheme-added", "security-scheme-removed"]);
    for (old, new, wanted) in [
        (&*key("X-Key"), &*key("x-key"), &[][..]),
        ("type: http, scheme: bearer", "type: http, scheme: Bearer", &[]),
        ("type: http, scheme: bearer", "type: http, scheme: basic", &["security-scheme-changed"]),
        (&key("X-Key"), &key("X-Token"), &["security-scheme-changed"]),
        ("type: apiKey, in: query, name: key", "type: apiKey, in: query, name: Key", &["security-scheme-changed"]),
    ] {
        assert_eq!(of(("{k: []}", &named("k", old)), ("{k: []}", &named("k", new))), wanted, "{old} -> {new}");
    }
    // What nobody relies on any more may be what it likes.
    let left = of(("{k: []}, {}", &named("k", &key("A"))), ("{}", &named("k", &key("B"))));
    assert_eq!(left, ["security-relaxed", "security-scheme-note-changed"]);
    // Beside the changed scheme, the former one is still let in under another name.
    let both = format!("k: {{{}}}, former: {{{}}}", key("B"), key("A"));
    let beside = of(("{k: []}", &named("k", &key("A"))), ("{k: []}, {former: []}", &both));
    assert_eq!(beside, ["security-relaxed", "security-scheme-added", "security-scheme-note-changed"]);
}

#[test]
fn where_tokens_come_from() {
    let flows = |all: &str| format!("o: {{type: oauth2, flows: {{{all}}}}}");
    let machine = |url: &str, scopes: &str| format!("clientCredentials: {{tokenUrl: '{url}', scopes: {{{scopes}}}}}");
    let (a, b) = (machine("a", "r: R, w: W"), machine("b", "r: R, w: W"));
    let person = "implicit: {authorizationUrl: p, scopes: {r: R}}";
    for (asks, old, new, wanted) in [
        ("{o: [r]}", flows(&format!("{a}, {person}")), flows(&a), &["security-flow-removed"][..]),
        ("{o: [r]}", flows(&a), flows(&format!("{a}, {person}")), &["security-scheme-note-changed"]),
        ("{o: [r]}", flows(&a), flows(&b), &["security-address-changed"]),
        ("{o: [r]}", flows(&a), flows(&machine("a", "w: W")), &["security-scope-removed"]),
        ("{o: [r]}", flows(&a), flows(&machine("a", "r: R")), &["security-scheme-note-changed"]),
        ("{o: [r]}", flows(&a), flows(&machine("a", "r: other words, w: W")), &["security-scheme-note-changed"]),
        ("{}", flows(&format!("{a}, {person}")), flows(&b), &["security-scheme-note-changed"]),
        (
            "{o: []}",
            "o: {type: openIdConnect, openIdConnectUrl: a}".to_string(),
            "o: {type: openIdConnect, openIdConnectUrl: b}".to_string(),
            &["security-address-changed"],
        ),
    ] {
        assert_eq!(of((asks, &old), (asks, &new)), wanted, "{old} -> {new}");
    }
}

#[test]
fn version_2_and_3_have_other_words_for_the_same() {
    let two = |definition: &str, answer: &str| {
        format!(
            "swagger: '2.0'\ninfo: {{title: T, version: '1'}}\nsecurityDefinitions: {{k: {{{definition}}}}}\nproduces: [a/b]\n\
             paths: {{/a: {{get: {{security: [{{k: []}}], responses: {{200: {{schema: {{{answer}}}}}}}}}}}}}"
        )
    };
    let three = |definition: &str, answer: &str| {
        format!(
            "{TOP}components: {{securitySchemes: {{k: {{{definition}}}}}}}\npaths: {{/a: {{get: {{security: [{{k: []}}], \
             responses: {{200: {{content: {{a/b: {{schema: {{{answer}}}}}}}}}}}}}}}}}"
        )
    };
    let (old, new) =
        (two("type: basic", "type: file"), three("type: http, scheme: basic", "type: string, format: binary"));
    assert_eq!(compare(&old, &new), Report::default());
    assert_eq!(compare(&new, &old), Report::default());
}

#[test]
fn a_webhook_s_credentials_are_the_server_s() {
    let hook = |security: &str| {
        format!(
            "{TOP}webhooks: {{paid: {{post: {{{security}}}}}}}\ncomponents: {{securitySchemes: {{k: {{type: http, scheme: basic}}}}}}\npaths: {{}}"
        )
    };
    let report = compare(&hook("security: [{k: []}]"), &hook(""));
    assert_eq!(rules(&report.findings), ["webhook-security-changed"]);
    assert_eq!(report.findings[0].message, "calls come with nothing instead of k");
    assert_eq!(rules(&compare(&hook(""), &hook("security: [{k: []}]")).findings), ["webhook-security-changed"]);
}
