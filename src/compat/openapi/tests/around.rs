//! Operations and what is around their schemas.
use super::*;

pub(super) const TOP: &str = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\n";

/// Rules that two operations `GET /a/{id}` break or touch, each given as the YAML of its body.
pub(super) fn operation(old: &str, new: &str) -> Vec<&'static str> {
    let text = |operation: &str| format!("{TOP}paths: {{'/a/{{id}}': {{get: {operation}}}}}");
    rules(&compare(&text(old), &text(new)).findings)
}

pub(super) fn document(old: &str, new: &str) -> Vec<&'static str> {
    rules(&compare(&format!("{TOP}{old}"), &format!("{TOP}{new}")).findings)
}

#[test]
fn operations_come_and_go() {
    let path = |extra: &str| format!("paths: {{/a: {{get: {{{extra}}}, post: {{}}}}}}");
    let gone = "paths: {/a: {post: {}}}";
    for (extra, rule) in [
        ("", "operation-removed"),
        ("deprecated: true", "operation-removed-after-notice"),
        ("deprecated: true, x-sunset: '2026-06-01'", "operation-removed-after-notice"),
        ("deprecated: true, x-sunset: '2026-06-02'", "operation-removed-before-sunset"),
        ("deprecated: true, x-sunset: soon", "operation-sunset-invalid"),
    ] {
        assert_eq!(document(&path(extra), gone), [rule], "{extra}");
    }
    assert_eq!(document(gone, &path("")), ["operation-added"]);
    assert_eq!(document(&path("x-stability-level: alpha"), gone), [""; 0]);
    assert_eq!(document("paths: {'/a/{id}/{n}': {get: {}}}", "paths: {'/a/{order}/{m}': {get: {}}}"), [""; 0]);
}

#[test]
fn ends_levels_and_names() {
    for (old, new, rule) in [
        ("{}", "{deprecated: true}", "operation-deprecated"),
        ("{deprecated: true}", "{}", "operation-reactivated"),
        ("{}", "{deprecated: true, x-sunset: 1}", "operation-sunset-invalid"),
        ("{deprecated: true, x-sunset: 2027-01-01}", "{deprecated: true}", "operation-sunset-removed"),
        ("{x-stability-level: stable}", "{x-stability-level: beta}", "operation-stability-lowered"),
        ("{x-stability-level: beta}", "{}", "operation-stability-lowered"),
        ("{x-stability-level: alpha}", "{x-stability-level: beta}", "operation-stability-raised"),
        ("{}", "{x-stability-level: 1}", "operation-stability-invalid"),
        ("{operationId: a}", "{operationId: b}", "operation-id-changed"),
        ("{tags: [a]}", "{tags: []}", "tag-removed"),
    ] {
        assert_eq!(operation(old, new), [rule], "{old} -> {new}");
    }
    // What is in alpha may change as it likes, and it is said that nobody looked.
    let text = |extra: &str| format!("{TOP}paths: {{/a: {{get: {{x-stability-level: alpha, {extra}}}}}}}");
    let report = compare(&text("operationId: a"), &text("operationId: b"));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1));
}

fn query(parameter: &str) -> String {
    format!("{{parameters: [{{in: query, name: q, {parameter}}}]}}")
}

#[test]
fn parameters() {
    let none: &[&str] = &[];
    for (old, new, wanted) in [
        ("required: false", "required: true", &["parameter-became-required"][..]),
        ("required: true", "required: false", &["parameter-became-optional"]),
        ("schema: {type: integer}", "schema: {type: string}", &["request-type-widened"]),
        ("schema: {type: string}", "schema: {type: integer}", &["request-type-narrowed"]),
        ("schema: {type: [string, integer]}", "schema: {type: string}", &["request-type-narrowed"]),
        ("schema: {type: string}", "schema: {type: [string, integer]}", &["request-type-widened"]),
        ("schema: {type: string}", "schema: {type: array, items: {type: string}}", &["request-type-widened"]),
        ("schema: {type: string}", "schema: {type: array, items: {type: integer}}", &["request-type-changed"]),
        ("schema: {default: 1}", "schema: {default: 2}", &["parameter-default-changed"]),
        ("required: true, schema: {default: 1}", "required: true, schema: {default: 2}", none),
        ("schema: {maxItems: 2}", "schema: {maxItems: 3}", &["parameter-max-items-loosened"]),
        ("schema: {type: array}", "explode: false, schema: {type: array}", &["parameter-style-changed"]),
        ("schema: {type: string}", "explode: false, schema: {type: string}", none),
        ("style: form", "", none),
        ("schema: {}", "content: {application/json: {schema: {}}}", &["parameter-form-changed"]),
        (
            "content: {application/json: {schema: {maxLength: 3}}}",
            "content: {application/json: {schema: {maxLength: 2}}}",
            &["request-max-length-tightened"],
        ),
        (
            "schema: {properties: {n: {type: number}}}",
            "schema: {properties: {n: {type: boolean}}}",
            &["parameter-property-type-changed"],
        ),
        ("", "deprecated: true", &["parameter-deprecated"]),
    ] {
        assert_eq!(operation(&query(old), &query(new)), wanted, "{old} -> {new}");
    }
    assert_eq!(operation(&query(""), "{}"), ["parameter-removed"]);
    assert_eq!(operation(&query("deprecated: true"), "{}"), ["parameter-removed-after-notice"]);
    assert_eq!(operation("{}", &query("")), ["parameter-added-optional"]);
    assert_eq!(operation("{}", &query("required: true")), ["parameter-added-required"]);
    let header = |name: &str| format!("{{parameters: [{{in: header, name: {name}}}]}}");
    assert_eq!(operation(&header("X-A"), &header("x-a")), none);
}

#[test]
fn parameters_of_a_path_are_those_of_its_operations() {
    let shared =
        "paths: {'/a/{id}': {parameters: [{in: path, name: id, required: true, schema: {type: string}}], get: {}}}";
    let own =
        "paths: {'/a/{key}': {get: {parameters: [{in: path, name: key, required: true, schema: {type: string}}]}}}";
    assert_eq!(document(shared, own), [""; 0]);
    assert_eq!(document(own, &shared.replace("string", "string, maxLength: 3")), ["request-max-length-set"]);
}

#[test]
fn bodies_and_answers() {
    for (old, new, wanted) in [
        ("{}", "{requestBody: {required: true}}", &["request-body-added-required"][..]),
        ("{}", "{requestBody: {content: {}}}", &["request-body-added-optional"]),
        ("{requestBody: {}}", "{}", &["request-body-removed"]),
        ("{requestBody: {}}", "{requestBody: {required: true}}", &["request-body-became-required"]),
        (
            "{requestBody: {content: {a/b: {}}}}",
            "{requestBody: {content: {c/d: {}}}}",
            &["request-media-type-added", "request-media-type-removed"],
        ),
        ("{requestBody: {content: {a/b: {}}}}", "{requestBody: {content: {a/*: {}}}}", &["request-media-type-widened"]),
        ("{requestBody: {content: {a/b: {}}}}", "{requestBody: {content: {'A/B; q=1': {}}}}", &[]),
        (
            "{requestBody: {content: {a/b: {}}}}",
            "{requestBody: {content: {a/b: {schema: {}}}}}",
            &["request-schema-added"],
        ),
        ("{responses: {200: {}}}", "{responses: {'201': {}}}", &["response-status-added", "response-status-removed"]),
        ("{responses: {200: {}}}", "{responses: {2XX: {}}}", &["response-status-added"]),
        ("{responses: {404: {}, default: {}}}", "{responses: {}}", &["response-failure-removed"]),
        (
            "{responses: {200: {content: {a/j: {}}}}}",
            "{responses: {200: {content: {a/p+j: {}}}}}",
            &["response-media-type-specialized"],
        ),
        (
            "{responses: {200: {content: {a/p+j: {}}}}}",
            "{responses: {200: {content: {a/j: {}}}}}",
            &["response-media-type-generalized"],
        ),
        (
            "{responses: {200: {content: {a/j: {schema: {}}}}}}",
            "{responses: {200: {content: {a/j: {}}}}}",
            &["response-schema-removed"],
        ),
        (
            "{responses: {200: {headers: {A: {required: true}}}}}",
            "{responses: {200: {}}}",
            &["required-response-header-removed"],
        ),
        (
            "{responses: {200: {headers: {A: {required: true}}}}}",
            "{responses: {200: {headers: {a: {}}}}}",
            &["response-header-became-optional"],
        ),
        (
            "{responses: {200: {headers: {A: {schema: {type: integer}}}}}}",
            "{responses: {200: {headers: {A: {schema: {type: number}}}}}}",
            &["response-type-widened"],
        ),
    ] {
        assert_eq!(operation(old, new), wanted, "{old} -> {new}");
    }
}

#[test]
fn in_a_form_a_number_is_a_text() {
    let form = |media: &str, kind: &str| {
        format!("{{requestBody: {{content: {{{media}: {{schema: {{properties: {{n: {{type: {kind}}}}}}}}}}}}}}}")
    };
    let compared = |media: &str| operation(&form(media, "number"), &form(media, "string"));
    assert_eq!(compared("application/x-www-form-urlencoded"), ["request-type-widened"]);
    assert_eq!(compared("application/json"), ["request-type-changed"]);
}

#[test]
fn who_is_let_in() {
    for (old, new, wanted) in [
        ("{}", "{security: [{key: []}]}", &["security-added"][..]),
        ("{security: [{key: []}]}", "{}", &["security-relaxed"]),
        ("{security: [{key: []}]}", "{security: [{key: []}, {oauth: [a]}]}", &["security-relaxed"]),
        ("{security: [{key: []}]}", "{security: [{key: [], oauth: []}]}", &["security-added"]),
        ("{security: [{oauth: [a, b]}]}", "{security: [{oauth: [a]}]}", &["security-relaxed"]),
        ("{security: [{oauth: [a]}]}", "{security: [{oauth: [a, b]}]}", &["security-added"]),
        ("{security: [{a: []}, {b: []}]}", "{security: [{b: []}]}", &["security-added"]),
        ("{security: [{key: []}]}", "{security: [{key: []}, {}]}", &["security-relaxed"]),
        ("{security: [{}]}", "{security: []}", &["security-relaxed"]),
    ] {
        assert_eq!(operation(old, new), wanted, "{old} -> {new}");
    }
    // One change for all: told once, with everybody it reaches.
    let all = |security: &str| {
        format!("{TOP}{security}\npaths: {{/a: {{get: {{}}, put: {{security: []}}}}, /b: {{get: {{}}}}}}")
    };
    let report = compare(&all("security: []"), &all("security: [{key: []}]"));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].affected, ["GET /a", "GET /b"]);
    let scheme = |kind: &str, used: &str| {
        format!(
            "components: {{securitySchemes: {{k: {{type: {kind}}}}}}}\npaths: {{/a: {{get: {{security: [{used}]}}}}}}"
        )
    };
    assert_eq!(document(&scheme("apiKey", "{k: []}"), &scheme("http", "{k: []}")), ["security-scheme-changed"]);
    assert_eq!(document(&scheme("apiKey", ""), &scheme("http", "")), ["security-scheme-note-changed"]);
}

#[test]
fn webhooks_and_callbacks_go_the_other_way() {
    let hook = |body: &str| format!("webhooks: {{paid: {{post: {{requestBody: {{{body}}}}}}}}}\npaths: {{}}");
    let back = |body: &str| {
        format!(
            "paths: {{/a: {{post: {{callbacks: {{paid: {{'{{$url}}': {{post: {{requestBody: {{{body}}}}}}}}}}}}}}}}}"
        )
    };
    let schema = |s: &str| format!("content: {{a/b: {{schema: {s}}}}}");
    let (less, more) = (schema("{type: integer}"), schema("{type: number}"));
    for way in [&hook as &dyn Fn(&str) -> String, &back] {
        assert_eq!(document(&way(&less), &way(&more)), ["response-type-widened"]);
        assert_eq!(document(&way(&more), &way(&less)), ["response-type-narrowed"]);
        assert_eq!(document(&way("required: true"), &way("")), ["webhook-body-became-optional"]);
        let told = compare(&format!("{TOP}{}", way("required: true")), &format!("{TOP}{}", way("")));
        assert!(told.findings.iter().any(|f| f.severity == crate::compat::Severity::Critical), "as of a header");
    }
    assert_eq!(document(&hook(""), "paths: {}"), ["webhook-removed"]);
    assert_eq!(document("paths: {}", &hook("")), ["webhook-added"]);
    assert_eq!(document(&back(""), "paths: {/a: {post: {}}}"), ["callback-removed"]);
}

/// What the server sends is to its receivers what an answer is to callers; what they answer is accepted or not.
#[test]
fn a_webhook_is_sent_by_the_server() {
    use crate::compat::Severity::{Critical, Info, Warning};
    let hook = |operation: &str| format!("{TOP}webhooks: {{paid: {{post: {operation}}}}}\npaths: {{}}");
    let back = |operation: &str| {
        format!("{TOP}paths: {{/a: {{post: {{callbacks: {{paid: {{'{{$url}}': {{post: {operation}}}}}}}}}}}}}")
    };
    let body = |media: &str| format!("{{requestBody: {{content: {{{media}}}}}}}");
    let (json, xml) = (body("application/json: {}"), body("application/xml: {}"));
    let header = |more: &str| format!("{{parameters: [{{in: header, name: X, schema: {{type: string}}{more}}}]}}");
    let (needed, free) = (header(", required: true"), header(""));
    let answers = |all: &str| format!("{{responses: {{{all}}}}}");
    for way in [&hook as &dyn Fn(&str) -> String, &back] {
        let told = |old: &str, new: &str, wanted: &[(&str, crate::compat::Severity)]| {
            let report = compare(&way(old), &way(new));
            let mut found: Vec<_> = report.findings.iter().map(|f| (f.rule, f.severity)).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "{old} -> {new}");
            report
        };
        told(&json, &xml, &[("webhook-media-type-added", Warning), ("webhook-media-type-removed", Critical)]);
        told(&json, &body("application/*: {}"), &[("webhook-media-type-generalized", Critical)]);
        told(&json, &body("application/cloudevents+json: {}"), &[("webhook-media-type-specialized", Info)]);
        told(&needed, "{}", &[("webhook-required-parameter-removed", Critical)]);
        told(&needed.replace("header", "query"), "{}", &[("webhook-required-parameter-removed", Critical)]);
        told(&free, "{}", &[("webhook-parameter-removed", Warning)]);
        told(&needed, &free, &[("webhook-parameter-became-optional", Critical)]);
        let (one, two) = (answers("'200': {}"), answers("'200': {}, '202': {}, '410': {}"));
        let report =
            told(&two, &one, &[("webhook-answer-failure-removed", Info), ("webhook-answer-status-removed", Critical)]);
        let gone = report.findings.iter().find(|f| f.severity == Critical).unwrap();
        assert_eq!(gone.direction, Some(Direction::Request), "the client answers");
        assert_eq!(gone.recommendation.as_deref(), Some("accept the former answer, too"));
        told(&one, &two, &[("webhook-answer-status-added", Info), ("webhook-answer-status-added", Info)]);
    }
    assert_eq!(
        rules(&compare(&back("{}"), &back("{}").replace("post: {}", "put: {}")).findings),
        ["operation-added", "webhook-operation-removed"]
    );
}

#[test]
fn servers_and_schemas_that_go() {
    assert_eq!(
        document("servers: [{url: a}]\npaths: {}", "servers: [{url: b}]\npaths: {}"),
        ["server-added", "server-removed"]
    );
    assert_eq!(document("components: {schemas: {A: {}}}\npaths: {}", "paths: {}"), ["component-schema-removed"]);
}

#[test]
fn a_finding_has_its_places_and_all_it_reaches() {
    let text = |limit: u32| {
        format!(
            "{TOP}paths:\n  /a: {{post: {{requestBody: {{content: {{a/b: {{schema: {{$ref: '#/components/schemas/S'}}}}}}}}}}}}\n  \
             /b: {{put: {{requestBody: {{content: {{a/b: {{schema: {{items: {{$ref: '#/components/schemas/S'}}}}}}}}}}}}}}\n\
             components:\n  schemas:\n    S:\n      maxLength: {limit}\n"
        )
    };
    let report = compare(&text(5), &text(4));
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    let place = finding.location.revision.as_ref().unwrap();
    assert_eq!(
        (place.file.as_str(), place.pointer.as_str(), place.line),
        ("revision.yaml", "/components/schemas/S/maxLength", Some(9))
    );
    assert_eq!(finding.location.base.as_ref().unwrap().file, "base.yaml");
    assert_eq!(finding.affected, ["POST /a", "PUT /b"]);
    assert_eq!(finding.message, "`maxLength` lowered from 5 to 4");
    assert_eq!(finding.fingerprint.len(), 16);
}

#[test]
fn swagger_2_is_read_like_version_3() {
    let swagger = "swagger: '2.0'\ninfo: {title: T, version: '1'}\nhost: h.example\nbasePath: /v1\nconsumes: [a/b]\nproduces: [a/b]\n\
                   paths:\n  /a:\n    post:\n      parameters:\n      - {in: body, name: b, required: true, schema: {$ref: \
                   '#/definitions/S'}}\n      - {in: query, name: q, type: string, maxLength: 5}\n      responses:\n        '200': \
                   {description: ok, schema: {$ref: '#/definitions/S'}, headers: {H: {type: integer}}}\n  /f:\n    post:\n      consumes: [multipart/form-data]\n      \
                   parameters: [{in: formData, name: f, type: string, required: true}]\n      responses: {}\n\
                   definitions:\n  S: {type: object, properties: {n: {type: string, maxLength: 9}}}\n";
    let openapi = "openapi: 3.0.0\ninfo: {title: T, version: '1'}\nservers: [{url: 'https://h.example/v1'}]\npaths:\n  /a:\n    post:\n      \
                   parameters:\n      - {in: query, name: q, schema: {type: string, maxLength: 5}}\n      requestBody: {required: \
                   true, content: {a/b: {schema: {$ref: '#/components/schemas/S'}}}}\n      responses:\n        '200': {content: {a/b: \
                   {schema: {$ref: '#/components/schemas/S'}}}, headers: {H: {schema: {type: integer}}}}\n  /f:\n    post:\n      \
                   requestBody: {required: true, content: {multipart/form-data: {schema: {type: object, required: [f], properties: {f: {type: \
                   string}}}}}}\n      responses: {}\ncomponents:\n  schemas:\n    S: {type: object, properties: {n: {type: string, \
                   maxLength: 9}}}\n";
    assert_eq!(compare(swagger, openapi), Report::default());
    assert_eq!(compare(openapi, swagger), Report::default());
    let report =
        compare(swagger, &swagger.replace("maxLength: 9", "maxLength: 8").replace("maxLength: 5", "maxLength: 4"));
    let pointers: Vec<&str> =
        report.findings.iter().map(|f| f.location.revision.as_ref().unwrap().pointer.as_str()).collect();
    assert_eq!(pointers, ["/definitions/S/properties/n/maxLength", "/paths/~1a/post/parameters/1/maxLength"]);
    let form = swagger.replace("name: f, type: string", "name: f, type: integer");
    assert_eq!(rules(&compare(swagger, &form).findings), ["request-type-narrowed"]);
}

#[test]
fn what_becomes_alpha_was_stable() {
    let text = |extra: &str| format!("{TOP}paths: {{/a: {{get: {{{extra}}}}}}}");
    let old = text("operationId: a, parameters: [{in: query, name: q, schema: {type: string}}]");
    for level in ["alpha", "draft"] {
        let new = text(&format!(
            "x-stability-level: {level}, operationId: a, parameters: [{{in: query, name: q, required: true, schema: {{type: string}}}}]"
        ));
        let report = compare(&old, &new);
        assert_eq!(rules(&report.findings), ["operation-stability-lowered", "parameter-became-required"], "{level}");
    }
    let beta =
        text("x-stability-level: beta, operationId: a, parameters: [{in: query, name: q, schema: {type: string}}]");
    assert_eq!(rules(&compare(&old, &beta).findings), [""; 0]);
}

#[test]
fn two_paths_that_are_one_are_said() {
    let text = |second: &str| {
        format!(
            "{TOP}paths: {{'/x/{{a}}': {{get: {{}}, put: {{}}}}, '/x/{{b}}': {{{second}}}, '/y/{{a}}': {{get: {{}}}}}}"
        )
    };
    for (old, new) in [("get: {}", ""), ("", "get: {}"), ("get: {}", "get: {operationId: i}")] {
        let report = compare(&text(old), &text(new));
        let said = report.not_compared.iter().filter(|n| n.contains("GET /x/{b} is the path of another")).count();
        assert_eq!(said, 1, "{old} -> {new}: {report:?}");
    }
    assert_eq!(compare(&text("post: {}"), &text("post: {}")).not_compared, [""; 0]);
}
