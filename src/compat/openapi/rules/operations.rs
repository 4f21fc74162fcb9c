//! Rules about operations and what is around their schemas.
use super::super::super::finding::Severity::{self, Critical, Info, Warning};
use super::super::super::finding::{Area, Direction};
use super::Rule;

pub(super) const fn rule(
    id: &'static str,
    severity: Severity,
    direction: Option<Direction>,
    area: Area,
    told: [&'static str; 3],
) -> Rule {
    Rule { id, severity, direction, area, why: told[0], example: told[1], advice: told[2] }
}

const REQ: Option<Direction> = Some(Direction::Request);
pub(super) const RES: Option<Direction> = Some(Direction::Response);
const ANY: Option<Direction> = None;

const GONE: &str = "a client that calls it fails";
const ANNOUNCE: &str = "mark it deprecated, with a date in x-sunset, and remove it after that date";
const REFUSED: &str = "a client that kept to the old contract is refused";
const UNREAD: &str = "a client that keeps to the old contract cannot read the answer";
const FREE: &str = "all that was accepted before still is";
pub(super) const HARMLESS: &str = "nobody who kept to the contract notices";
const PROMISE: &str = "what was said of its end cannot be relied on";
const DATE: &str = "give a date in x-sunset, far enough ahead, and keep to it";
const OPTIONAL: &str = "make it optional, with what was done without it as the default";
pub(super) const BESIDE: &str = "offer the new form beside the old one";
pub(super) const NONE: &str = "";

pub static RULES: &[Rule] = &[
    rule("operation-removed", Critical, ANY, Area::Operation, [GONE, "GET /orders is not there any more", ANNOUNCE]),
    rule(
        "operation-removed-before-sunset",
        Critical,
        ANY,
        Area::Operation,
        [
            "clients were promised that it stays until its x-sunset",
            "GET /orders, x-sunset: 2099-01-01, is not there any more",
            "keep it until the date",
        ],
    ),
    rule(
        "operation-removed-after-notice",
        Info,
        ANY,
        Area::Operation,
        ["it was deprecated, and its day has come", "GET /orders, deprecated, is not there any more", NONE],
    ),
    rule("operation-added", Info, ANY, Area::Operation, [HARMLESS, "POST /orders is new", NONE]),
    rule("operation-deprecated", Info, ANY, Area::Operation, [HARMLESS, "deprecated: true is set", NONE]),
    rule("operation-reactivated", Info, ANY, Area::Operation, [HARMLESS, "deprecated: true is removed", NONE]),
    rule(
        "operation-sunset-missing",
        Critical,
        ANY,
        Area::Operation,
        [PROMISE, "deprecated without x-sunset, where days are agreed on", DATE],
    ),
    rule("operation-sunset-invalid", Critical, ANY, Area::Operation, [PROMISE, "x-sunset: soon", DATE]),
    rule("operation-sunset-too-soon", Critical, ANY, Area::Operation, [PROMISE, "x-sunset: yesterday", DATE]),
    rule("operation-sunset-removed", Critical, ANY, Area::Operation, [PROMISE, "x-sunset is removed", DATE]),
    rule(
        "operation-stability-lowered",
        Critical,
        ANY,
        Area::Operation,
        [
            "what is less stable may change or go without notice",
            "x-stability-level: stable becomes beta",
            "keep the level",
        ],
    ),
    rule(
        "operation-stability-raised",
        Info,
        ANY,
        Area::Operation,
        [HARMLESS, "x-stability-level: alpha becomes beta", NONE],
    ),
    rule(
        "operation-stability-invalid",
        Critical,
        ANY,
        Area::Operation,
        [
            "nobody can tell whether the operation may change",
            "x-stability-level: ready",
            "write draft, alpha, beta or stable",
        ],
    ),
    rule(
        "operation-id-changed",
        Info,
        ANY,
        Area::Operation,
        [
            "the contract on the wire is the same; generated clients get other names",
            "operationId: getOrder becomes fetchOrder",
            "keep the name if clients are generated",
        ],
    ),
    rule("tag-added", Info, ANY, Area::Operation, [HARMLESS, "tags get billing", NONE]),
    rule("tag-removed", Info, ANY, Area::Operation, [HARMLESS, "tags lose billing", NONE]),
    rule(
        "security-added",
        Critical,
        REQ,
        Area::Security,
        [
            "a client whose credentials were enough is refused",
            "security gets oauth: [write], which no former alternative had",
            "accept the former credentials beside the new ones until no client uses them",
        ],
    ),
    rule("security-relaxed", Info, REQ, Area::Security, [FREE, "security loses oauth", NONE]),
    rule("security-scheme-added", Info, ANY, Area::Security, [HARMLESS, "components.securitySchemes get apiKey", NONE]),
    rule(
        "security-scheme-removed",
        Info,
        ANY,
        Area::Security,
        ["operations that used it have findings of their own", "components.securitySchemes lose apiKey", NONE],
    ),
    rule(
        "security-scheme-changed",
        Critical,
        REQ,
        Area::Security,
        [
            "a client that logs in as it did is refused",
            "apiKey: type oauth2 becomes http, and operations use it",
            "give the new scheme a name of its own, and accept both for a while",
        ],
    ),
    rule(
        "security-scheme-note-changed",
        Info,
        ANY,
        Area::Security,
        ["no operation uses it, or only its addresses and texts changed", "description of a scope is changed", NONE],
    ),
    rule(
        "security-flow-removed",
        Critical,
        REQ,
        Area::Security,
        [
            "a client that gets its tokens that way gets none",
            "oauth: flows lose clientCredentials, and operations use it",
            "keep the flow until no client uses it",
        ],
    ),
    rule(
        "security-scope-removed",
        Critical,
        REQ,
        Area::Security,
        [
            "a client that asks for it is given no token",
            "oauth: scopes lose orders.read, which operations asked for",
            "keep the scope, even without a meaning, until no client asks for it",
        ],
    ),
    rule(
        "security-address-changed",
        Warning,
        REQ,
        Area::Security,
        [
            "a client that looks for its tokens where they were may find none",
            "oauth: tokenUrl is changed, and operations use it",
            "keep the former address until no client uses it",
        ],
    ),
    rule(
        "component-schema-removed",
        Info,
        ANY,
        Area::Schema,
        ["operations that used it have findings of their own", "components.schemas lose Order", NONE],
    ),
    rule(
        "server-removed",
        Info,
        ANY,
        Area::Server,
        [
            "clients that use the address may not reach it any more",
            "servers lose https://eu.example.com",
            "keep the address until no client uses it",
        ],
    ),
    rule("server-added", Info, ANY, Area::Server, [HARMLESS, "servers get https://eu.example.com", NONE]),
    rule(
        "webhook-removed",
        Critical,
        ANY,
        Area::Path,
        ["a client that waits for it waits in vain", "webhooks lose orderPaid", ANNOUNCE],
    ),
    rule(
        "server-variable-changed",
        Info,
        ANY,
        Area::Server,
        [
            "clients that use one of its values may not reach the address any more",
            "servers: variables: region: enum loses eu",
            "keep the values until no client uses them",
        ],
    ),
    rule("webhook-added", Info, ANY, Area::Path, [HARMLESS, "webhooks get orderPaid", NONE]),
    rule(
        "callback-removed",
        Critical,
        ANY,
        Area::Operation,
        ["a client that waits for it waits in vain", "callbacks lose onPaid", ANNOUNCE],
    ),
    rule("callback-added", Info, ANY, Area::Operation, [HARMLESS, "callbacks get onPaid", NONE]),
    rule("parameter-added-required", Critical, REQ, Area::Parameter, [REFUSED, "?region, required, is new", OPTIONAL]),
    rule(
        "path-parameter-added",
        Critical,
        REQ,
        Area::Parameter,
        [REFUSED, "a parameter in the path is declared that was not", OPTIONAL],
    ),
    rule("parameter-added-optional", Info, REQ, Area::Parameter, [FREE, "?region is new", NONE]),
    rule(
        "parameter-removed",
        Warning,
        REQ,
        Area::Parameter,
        [
            "what a client says in it is ignored, or refused",
            "?region is not there any more",
            "mark it deprecated first, or look at who still sends it",
        ],
    ),
    rule(
        "parameter-removed-after-notice",
        Info,
        REQ,
        Area::Parameter,
        ["it was deprecated, and its day has come", "?region, deprecated, is not there any more", NONE],
    ),
    rule(
        "parameter-removed-before-sunset",
        Critical,
        REQ,
        Area::Parameter,
        [
            "clients were promised that it stays until its x-sunset",
            "?region, x-sunset: 2099-01-01, is not there any more",
            "keep it until the date",
        ],
    ),
    rule(
        "parameter-became-required",
        Critical,
        REQ,
        Area::Parameter,
        [REFUSED, "?region: required: true is set", OPTIONAL],
    ),
    rule("parameter-became-optional", Info, REQ, Area::Parameter, [FREE, "?region: required: true is removed", NONE]),
    rule(
        "parameter-style-changed",
        Critical,
        REQ,
        Area::Parameter,
        ["values written as before are read otherwise", "?ids: explode: true becomes false", BESIDE],
    ),
    rule(
        "parameter-became-list",
        Warning,
        REQ,
        Area::Parameter,
        [
            "a text with a comma in it was one value and is several now",
            "?q, explode: false: type: string becomes array",
            "explode the list, or ask whether values have commas",
        ],
    ),
    rule(
        "parameter-form-changed",
        Warning,
        REQ,
        Area::Parameter,
        ["values are written in another way", "?filter: schema becomes content: application/json", BESIDE],
    ),
    rule(
        "parameter-reserved-not-allowed",
        Warning,
        REQ,
        Area::Parameter,
        ["signs such as / and ? written as they are may be read otherwise", "?path: allowReserved is removed", BESIDE],
    ),
    rule(
        "parameter-empty-value-not-allowed",
        Warning,
        REQ,
        Area::Parameter,
        ["a name without a value may be refused", "?debug: allowEmptyValue is removed", "keep accepting it"],
    ),
    rule("parameter-deprecated", Info, REQ, Area::Parameter, [HARMLESS, "?region: deprecated: true is set", NONE]),
    rule("parameter-reactivated", Info, REQ, Area::Parameter, [HARMLESS, "?region: deprecated: true is removed", NONE]),
    rule(
        "parameter-sunset-missing",
        Critical,
        REQ,
        Area::Parameter,
        [PROMISE, "?region: deprecated without x-sunset, where days are agreed on", DATE],
    ),
    rule("parameter-sunset-invalid", Critical, REQ, Area::Parameter, [PROMISE, "?region: x-sunset: soon", DATE]),
    rule("parameter-sunset-too-soon", Critical, REQ, Area::Parameter, [PROMISE, "?region: x-sunset: yesterday", DATE]),
    rule("parameter-sunset-removed", Critical, REQ, Area::Parameter, [PROMISE, "?region: x-sunset is removed", DATE]),
    rule(
        "request-body-added-required",
        Critical,
        REQ,
        Area::Body,
        [REFUSED, "requestBody, required, is new", OPTIONAL],
    ),
    rule("request-body-added-optional", Info, REQ, Area::Body, [FREE, "requestBody is new", NONE]),
    rule(
        "request-body-removed",
        Critical,
        REQ,
        Area::Body,
        ["what a client sends is refused or ignored", "requestBody is not there any more", "keep reading it"],
    ),
    rule(
        "request-body-became-required",
        Critical,
        REQ,
        Area::Body,
        [REFUSED, "requestBody: required: true is set", OPTIONAL],
    ),
    rule("request-body-became-optional", Info, REQ, Area::Body, [FREE, "requestBody: required: true is removed", NONE]),
    rule(
        "request-media-type-removed",
        Critical,
        REQ,
        Area::Body,
        [REFUSED, "content of a request loses application/xml", "keep reading it until no client sends it"],
    ),
    rule("request-media-type-added", Info, REQ, Area::Body, [FREE, "content of a request gets application/xml", NONE]),
    rule(
        "request-media-type-widened",
        Info,
        REQ,
        Area::Body,
        [FREE, "application/json of a request becomes application/*", NONE],
    ),
    rule(
        "request-schema-added",
        Critical,
        REQ,
        Area::Body,
        [REFUSED, "a media type of a request gets a schema", "accept anything still"],
    ),
    rule("request-schema-removed", Info, REQ, Area::Body, [FREE, "a media type of a request loses its schema", NONE]),
    rule(
        "response-status-removed",
        Critical,
        RES,
        Area::Response,
        ["a client that looks for it takes the answer for a failure", "responses lose 200", "keep answering with it"],
    ),
    rule(
        "response-failure-removed",
        Info,
        RES,
        Area::Response,
        ["a status of failure that does not come hurts nobody", "responses lose 409", NONE],
    ),
    rule(
        "response-status-narrowed",
        Info,
        RES,
        Area::Response,
        ["every answer that comes could have come before", "responses: 2XX becomes 200", NONE],
    ),
    rule(
        "response-status-added",
        Info,
        RES,
        Area::Response,
        ["clients have to bear with any status of its class", "responses get 202", NONE],
    ),
    rule(
        "response-failure-added",
        Info,
        RES,
        Area::Response,
        ["clients have to bear with any status of its class", "responses get 409", NONE],
    ),
    rule(
        "response-media-type-removed",
        Critical,
        RES,
        Area::Response,
        [UNREAD, "content of a response loses application/xml", "keep offering it until no client asks for it"],
    ),
    rule(
        "response-media-type-added",
        Info,
        RES,
        Area::Response,
        ["it is sent to those who ask for it", "content of a response gets application/xml", NONE],
    ),
    rule(
        "response-media-type-generalized",
        Critical,
        RES,
        Area::Response,
        [UNREAD, "application/problem+json of a response becomes application/json", "keep the name"],
    ),
    rule(
        "response-media-type-specialized",
        Info,
        RES,
        Area::Response,
        [
            "clients that read the general form read the special one",
            "application/json of a response becomes application/problem+json",
            NONE,
        ],
    ),
    rule(
        "response-schema-added",
        Info,
        RES,
        Area::Response,
        ["all that is sent could have been sent before", "a media type of a response gets a schema", NONE],
    ),
    rule(
        "response-schema-removed",
        Warning,
        RES,
        Area::Response,
        [
            "nothing is promised any more of what is sent",
            "a media type of a response loses its schema",
            "keep the schema",
        ],
    ),
];
