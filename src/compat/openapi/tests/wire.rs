//! Which answers, media types and callbacks fall under which entries, and how values are written.
use super::around::{TOP, document, operation};
use super::*;

const NONE: &[&str] = &[];

fn answers(all: &[(&str, &str)]) -> String {
    let one =
        |(status, kind): &(&str, &str)| format!("{status}: {{content: {{a/json: {{schema: {{type: {kind}}}}}}}}}");
    format!("{{responses: {{{}}}}}", all.iter().map(one).collect::<Vec<_>>().join(", "))
}

#[test]
fn an_answer_falls_under_its_status_its_class_or_the_default_on_either_side() {
    let (text, number) = ("string", "integer");
    let changed = "response-type-changed";
    for (old, new, wanted) in [
        (&[("default", text)][..], &[("default", text), ("200", number)][..], &["response-status-added", changed][..]),
        (&[("default", text)], &[("200", number)], &["response-status-added", changed]),
        (&[("2XX", text)], &[("2XX", text), ("200", number)], &["response-status-added", changed]),
        (&[("2xx", text)], &[("2XX", number)], &[changed]),
        (
            &[("200", text), ("4XX", text)],
            &[("200", text), ("4XX", text), ("404", number)],
            &["response-failure-added", changed],
        ),
        (&[("200", text), ("404", text)], &[("200", text), ("default", number)], &[changed]),
        (&[("200", text)], &[("default", text)], NONE),
        (&[("200", text)], &[("default", number)], &[changed]),
        (&[("2XX", text)], &[("200", text)], &["response-status-added", "response-status-narrowed"]),
        (&[("2XX", text)], &[("200", number)], &["response-status-added", "response-status-narrowed", changed]),
        (&[("2XX", text)], &[("404", text)], &["response-failure-added", "response-status-removed"]),
        (&[("200", text)], &[("404", text)], &["response-failure-added", "response-status-removed"]),
    ] {
        assert_eq!(operation(&answers(old), &answers(new)), wanted, "{old:?} -> {new:?}");
    }
}

/// The same content, of media types with a type each, as a request and as an answer.
fn contents(old: &[(&str, &str)], new: &[(&str, &str)]) -> (Vec<&'static str>, Vec<&'static str>) {
    let list = |all: &[(&str, &str)]| {
        let one = |(media, kind): &(&str, &str)| format!("'{media}': {{schema: {{type: {kind}}}}}");
        all.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let sent = |all: &[(&str, &str)]| format!("{{requestBody: {{content: {{{}}}}}}}", list(all));
    let got = |all: &[(&str, &str)]| format!("{{responses: {{200: {{content: {{{}}}}}}}}}", list(all));
    (operation(&sent(old), &sent(new)), operation(&got(old), &got(new)))
}

#[test]
fn media_types_are_told_apart_by_their_parameters() {
    let (first, second) = ("a/json;version=1", "a/json; version=2");
    let (request, response) = contents(&[(first, "string"), (second, "string")], &[(second, "string")]);
    assert_eq!((request, response), (vec!["request-media-type-removed"], vec!["response-media-type-removed"]));
    let both = |kind: &'static str| [(first, kind), (second, "string")];
    let (request, response) = contents(&both("string"), &both("boolean"));
    assert_eq!((request, response), (vec!["request-type-changed"], vec!["response-type-changed"]));
    // How letters are coded is no matter of the contract.
    assert_eq!(contents(&[("a/json", "string")], &[("A/JSON; charset=utf-8", "string")]), (vec![], vec![]));
    let (request, response) = contents(&[("a/json; charset=utf-8", "string")], &[("a/json", "boolean")]);
    assert_eq!((request, response), (vec!["request-type-changed"], vec!["response-type-changed"]));
}

#[test]
fn a_range_speaks_for_every_media_type_in_it() {
    let (json, xml, problem) = ("application/json", "application/xml", "application/problem+json");
    for (old, new, request, response) in [
        (
            &[(json, "object"), (xml, "object")][..],
            &[("*/*", "object")][..],
            &["request-media-type-widened"][..],
            &["response-media-type-generalized"][..],
        ),
        (
            &[(json, "object"), (problem, "object")],
            &[("application/*", "object")],
            &["request-media-type-widened"],
            &["response-media-type-generalized"],
        ),
        (&[(json, "object"), ("application/*", "object")], &[("application/*", "object")], NONE, NONE),
        (
            &[(json, "object"), ("application/*", "string")],
            &[("application/*", "string")],
            &["request-type-changed"],
            &["response-type-changed"],
        ),
        (
            &[("application/*", "string")],
            &[("application/*", "string"), (json, "object")],
            &["request-media-type-added", "request-type-changed"],
            &["response-media-type-added", "response-type-changed"],
        ),
        (
            &[("application/*", "object")],
            &[(json, "object")],
            &["request-media-type-removed"],
            &["response-media-type-specialized"],
        ),
        (
            &[(json, "object"), (problem, "object")],
            &[(json, "object")],
            &["request-media-type-removed"],
            &["response-media-type-removed"],
        ),
        (
            &[(problem, "object")],
            &[(json, "object")],
            &["request-media-type-added", "request-media-type-removed"],
            &["response-media-type-generalized"],
        ),
        (
            &[(json, "object")],
            &[(problem, "string"), ("application/*", "object")],
            &["request-media-type-added", "request-media-type-widened"],
            &["response-media-type-added", "response-media-type-generalized"],
        ),
        (
            &[(json, "object")],
            &[(json, "object"), (problem, "string")],
            &["request-media-type-added"],
            &["response-media-type-added"],
        ),
    ] {
        assert_eq!(contents(old, new), (request.to_vec(), response.to_vec()), "{old:?} -> {new:?}");
    }
}

#[test]
fn only_what_is_text_reads_a_number_as_a_word() {
    for media in ["application/vnd.x.v1", "application/avro", "application/x-msgpack", "application/octet-stream"] {
        let (request, response) = contents(&[(media, "integer")], &[(media, "string")]);
        assert_eq!((request, response), (vec!["request-type-changed"], vec!["response-type-changed"]), "{media}");
    }
    let (request, _) = contents(&[("text/plain", "integer")], &[("text/plain", "string")]);
    assert_eq!(request, ["request-type-widened"]);
    // A field of several parts is text, and an object in it is JSON.
    let fields = |schema: &str| {
        format!("{{requestBody: {{content: {{multipart/form-data: {{schema: {{properties: {{f: {schema}}}}}}}}}}}}}")
    };
    let field = |schema: &str, other: &str| operation(&fields(schema), &fields(other));
    assert_eq!(field("{type: integer}", "{type: string}"), ["request-type-widened"]);
    let list = |kind: &str| format!("{{type: array, items: {{type: {kind}}}}}");
    assert_eq!(field(&list("integer"), &list("string")), ["request-type-widened"]);
    let object = |kind: &str| format!("{{type: object, properties: {{z: {{type: {kind}}}}}}}");
    assert_eq!(field(&object("integer"), &object("string")), ["request-type-changed"]);
}

#[test]
fn a_callback_is_known_by_its_whole_expression() {
    let back = |all: &[(&str, &str)]| {
        let one = |(key, kind): &(&str, &str)| {
            format!("'{key}': {{post: {{requestBody: {{content: {{a/json: {{schema: {{type: {kind}}}}}}}}}}}}}")
        };
        format!("{{callbacks: {{paid: {{{}}}}}}}", all.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let (url, other) = ("{$request.body#/url}", "{$request.body#/callbackUrl}");
    let moved = operation(&back(&[(url, "string")]), &back(&[(other, "string")]));
    assert_eq!(moved, ["operation-added", "webhook-operation-removed"]);
    let two = |kind: &'static str| back(&[(url, "integer"), (other, kind)]);
    assert_eq!(operation(&two("integer"), &two("boolean")), ["response-type-changed"]);
    let bare = operation(&back(&[(url, "string")]), &back(&[("$request.body#/url", "string")]));
    assert_eq!(bare, NONE);
}

#[test]
fn a_callback_s_answer_is_the_client_s() {
    let back =
        |answer: &str| format!("{{callbacks: {{paid: {{$url: {{post: {{responses: {{200: {{{answer}}}}}}}}}}}}}}}");
    let of = |old: &str, new: &str| operation(&back(old), &back(new));
    let media = |all: &str| format!("content: {{{all}}}");
    for (old, new, rule) in [
        ("", &*media("a/j: {}"), "webhook-answer-body-added"),
        (&*media("a/j: {}"), "", "webhook-answer-body-removed"),
        (&media("a/j: {}"), &media("a/j: {}, a/x: {}"), "webhook-answer-media-type-added"),
        (&media("a/j: {}, a/x: {}"), &media("a/j: {}"), "webhook-answer-media-type-removed"),
        (&media("a/j: {}"), &media("a/j: {schema: {}}"), "webhook-answer-schema-added"),
        (&media("a/j: {schema: {}}"), &media("a/j: {}"), "webhook-answer-schema-removed"),
        ("", "headers: {A: {}}", "webhook-answer-header-added"),
        ("", "headers: {A: {required: true}}", "webhook-answer-header-required"),
        ("headers: {A: {}}", "headers: {A: {required: true}}", "webhook-answer-header-required"),
        ("headers: {A: {required: true}}", "headers: {A: {}}", "webhook-answer-header-became-optional"),
        ("headers: {A: {required: true}}", "", "webhook-answer-header-removed"),
    ] {
        assert_eq!(of(old, new), [rule], "{old} -> {new}");
    }
}

#[test]
fn what_is_told_of_a_webhook_says_what_happened() {
    let hook = |inside: &str| format!("webhooks: {{paid: {{post: {{{inside}}}}}}}\npaths: {{}}");
    let header = |required: bool| format!("parameters: [{{in: header, name: A, required: {required}}}]");
    let media = |all: &str| format!("requestBody: {{content: {{{all}}}}}");
    for (old, new, rule, message, direction) in [
        ("", "requestBody: {required: true}", "webhook-body-added", "required request body added", Direction::Response),
        ("requestBody: {}", "", "webhook-body-removed", "request body removed", Direction::Response),
        (
            "requestBody: {}",
            "requestBody: {required: true}",
            "webhook-body-became-required",
            "request body became required",
            Direction::Response,
        ),
        (
            "requestBody: {required: true}",
            "requestBody: {}",
            "webhook-body-became-optional",
            "request body became optional",
            Direction::Response,
        ),
        ("", &*header(true), "webhook-parameter-added", "required parameter `a` in header added", Direction::Response),
        (
            &*header(false),
            &header(true),
            "webhook-parameter-became-required",
            "parameter `a` in header became required",
            Direction::Response,
        ),
        (
            &*media("a/j: {}, a/x: {}"),
            &*media("a/j: {}"),
            "webhook-media-type-removed",
            "media type a/x removed",
            Direction::Response,
        ),
        (&*media("a/j: {}"), &*media("a/j: {schema: {}}"), "webhook-schema-added", "schema added", Direction::Response),
        (
            &*media("a/j: {schema: {}}"),
            &*media("a/j: {}"),
            "webhook-schema-removed",
            "schema removed",
            Direction::Response,
        ),
        (
            "responses: {200: {}}",
            "responses: {200: {content: {a/j: {}}}}",
            "webhook-answer-body-added",
            "the answer must have a body now",
            Direction::Request,
        ),
    ] {
        let report = compare(&format!("{TOP}{}", hook(old)), &format!("{TOP}{}", hook(new)));
        let [finding] = report.findings.as_slice() else { panic!("{old} -> {new}: {report:?}") };
        let told = (finding.rule, &*finding.message, finding.direction);
        assert_eq!(told, (rule, message, Some(direction)), "{old} -> {new}");
    }
}

fn query(parameter: &str) -> String {
    format!("{{parameters: [{{in: query, name: q, {parameter}}}]}}")
}

#[test]
fn how_a_list_is_written_matters_where_there_may_be_one() {
    let exploded = "parameter-style-changed";
    let list = "{type: array, items: {type: string}}";
    for (schema, wanted) in [
        (list, &[exploded][..]),
        ("{type: object}", &[exploded]),
        ("{}", &[exploded]),
        ("{type: [string, array]}", &[exploded]),
        ("{anyOf: [{type: string}, {type: array}]}", &[exploded]),
        ("{type: [string, 'null']}", NONE),
        ("{enum: [a, b]}", NONE),
        ("{const: a}", NONE),
        ("{allOf: [{type: string}, {maxLength: 3}]}", NONE),
        ("{oneOf: [{type: string}, {type: integer}]}", NONE),
    ] {
        let of = |explode: bool| query(&format!("explode: {explode}, schema: {schema}"));
        assert_eq!(operation(&of(true), &of(false)), wanted, "{schema}");
    }
    let header = |rest: &str| format!("{{parameters: [{{in: header, name: X-Q, {rest}}}]}}");
    let of = |schema: &str, explode: bool| header(&format!("explode: {explode}, schema: {schema}"));
    assert_eq!(operation(&of(list, true), &of(list, false)), NONE, "a comma parts them either way");
    assert_eq!(operation(&of("{type: object}", true), &of("{type: object}", false)), [exploded]);
    let got = |rest: &str| format!("{{responses: {{200: {{headers: {{X-R: {{{rest}}}}}}}}}}}");
    let of = |explode: bool| got(&format!("explode: {explode}, schema: {{type: object}}"));
    assert_eq!(operation(&of(false), &of(true)), ["response-header-style-changed"]);
    assert_eq!(operation(&got("schema: {type: string}"), &got("")), ["response-header-schema-removed"]);
    assert_eq!(operation(&got(""), &got("schema: {type: string}")), ["response-header-schema-added"]);
}

#[test]
fn what_a_query_may_no_longer_say() {
    for (flag, rule) in
        [("allowReserved", "parameter-reserved-not-allowed"), ("allowEmptyValue", "parameter-empty-value-not-allowed")]
    {
        assert_eq!(operation(&query(&format!("{flag}: true")), &query("")), [rule]);
        assert_eq!(operation(&query(""), &query(&format!("{flag}: true"))), NONE);
    }
}

#[test]
fn a_schema_that_one_side_lacks_is_noted() {
    let text = |parameter: &str| format!("{TOP}paths: {{/a: {{get: {}}}}}", query(parameter));
    let report = compare(&text(""), &text("schema: {type: integer}"));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1), "{report:?}");
}

#[test]
fn headers_that_are_no_parameters() {
    let header = |name: &str| format!("{{parameters: [{{in: header, name: {name}, required: true}}]}}");
    for name in ["Accept", "content-type", "AUTHORIZATION"] {
        assert_eq!(operation("{}", &header(name)), NONE, "{name}");
    }
    assert_eq!(operation("{}", &header("X-Key")), ["parameter-added-required"]);
}

#[test]
fn what_stands_beside_a_path_s_reference() {
    let path = |beside: &str| {
        format!(
            "paths: {{/a: {{$ref: '#/components/pathItems/q'{beside}}}}}\ncomponents: {{pathItems: {{q: {{put: {{}}}}}}}}"
        )
    };
    assert_eq!(document(&path(", get: {}"), &path("")), ["operation-removed"]);
    let parameters = ", parameters: [{in: query, name: q, required: true}]";
    let report = compare(&format!("{TOP}{}", path("")), &format!("{TOP}{}", path(parameters)));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1), "{report:?}");
}

#[test]
fn a_level_that_was_no_level_before_is_noted() {
    let bad = format!("{TOP}paths: {{/a: {{get: {{x-stability-level: ready}}}}}}");
    let report = compare(&bad, &bad);
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1), "{report:?}");
    assert_eq!(rules(&compare(&bad, &bad.replace("ready", "set")).findings), ["operation-stability-invalid"]);
}

#[test]
fn values_in_an_address() {
    let server = |values: &str| {
        format!(
            "servers: [{{url: 'https://{{r}}.x', variables: {{r: {{default: eu, enum: [{values}]}}}}}}]\npaths: {{}}"
        )
    };
    assert_eq!(document(&server("eu, us"), &server("eu")), ["server-variable-changed"]);
}

#[test]
fn swagger_2_says_how_lists_inside_lists_are_parted() {
    let top = "swagger: '2.0'\ninfo: {title: T, version: '1'}\n";
    let list = |format: &str| {
        format!("type: array, items: {{type: array, collectionFormat: {format}, items: {{type: string}}}}")
    };
    let of = |operation: &str| format!("{top}paths: {{/a: {{post: {operation}}}}}");
    let query = |format: &str| of(&format!("{{parameters: [{{in: query, name: q, {}}}]}}", list(format)));
    assert_eq!(rules(&compare(&query("csv"), &query("pipes")).findings), ["parameter-style-changed"]);
    let flat = |format: &str| format!("type: array, collectionFormat: {format}, items: {{type: string}}");
    let header = |format: &str| of(&format!("{{responses: {{200: {{headers: {{H: {{{}}}}}}}}}}}", flat(format)));
    assert_eq!(rules(&compare(&header("csv"), &header("pipes")).findings), ["response-header-style-changed"]);
    let form = |format: &str| of(&format!("{{parameters: [{{in: formData, name: f, {}}}]}}", flat(format)));
    let report = compare(&form("csv"), &form("pipes"));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1), "{report:?}");
    assert_eq!(compare(&form("csv"), &form("csv")), Report::default());
}
