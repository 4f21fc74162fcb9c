//! Rules about webhooks and callbacks, where the parties trade places: the server calls, and its client answers. Their
//! direction is that in which the values travel: what the client answers is a request to the server.
use super::super::super::finding::Area;
use super::super::super::finding::Direction;
use super::super::super::finding::Severity::{Critical, Info, Warning};
use super::Rule;
use super::operations::rule;

const REQ: Option<Direction> = Some(Direction::Request);
const RES: Option<Direction> = Some(Direction::Response);

const HARMLESS: &str = "a client that kept to the contract reads it as before";
const REFUSED: &str = "a client that answers as it did is taken to have failed";
const FREE: &str = "all answers that were accepted before still are";
const ACCEPT: &str = "accept the former answer, too";
const SEND: &str = "keep sending it until no client reads it";
const NONE: &str = "";

pub static RULES: &[Rule] = &[
    rule(
        "webhook-operation-removed",
        Critical,
        RES,
        Area::Operation,
        [
            "a client that waits for the call waits in vain",
            "a callback loses its post",
            "mark it deprecated, with a date in x-sunset, and keep calling until that date",
        ],
    ),
    rule("webhook-body-added", Info, RES, Area::Body, [HARMLESS, "a webhook gets a requestBody", NONE]),
    rule(
        "webhook-body-removed",
        Critical,
        RES,
        Area::Body,
        ["a client that reads it finds nothing", "a webhook loses its requestBody", "keep sending it"],
    ),
    rule(
        "webhook-body-became-required",
        Info,
        RES,
        Area::Body,
        [HARMLESS, "a webhook's requestBody becomes required", NONE],
    ),
    rule(
        "webhook-body-became-optional",
        Critical,
        RES,
        Area::Body,
        ["a client that counts on it may get none", "a webhook's requestBody becomes optional", "keep sending it"],
    ),
    rule("webhook-parameter-added", Info, RES, Area::Parameter, [HARMLESS, "a webhook gets a header", NONE]),
    rule(
        "webhook-parameter-became-required",
        Info,
        RES,
        Area::Parameter,
        [HARMLESS, "a webhook's header becomes required", NONE],
    ),
    rule(
        "webhook-parameter-became-optional",
        Critical,
        RES,
        Area::Parameter,
        ["a client that counts on it may get none", "a webhook's header becomes optional", "keep sending it"],
    ),
    rule(
        "webhook-parameter-removed",
        Warning,
        RES,
        Area::Parameter,
        ["a client that reads it finds nothing", "a webhook loses a header", SEND],
    ),
    rule(
        "webhook-required-parameter-removed",
        Critical,
        RES,
        Area::Parameter,
        ["a client that counts on it finds nothing", "a webhook loses a header, required", SEND],
    ),
    rule(
        "webhook-media-type-added",
        Warning,
        RES,
        Area::Body,
        [
            "a client that keeps to the old contract cannot read the message",
            "content of a webhook's request gets application/xml",
            "offer the new form beside the old one",
        ],
    ),
    rule(
        "webhook-media-type-removed",
        Critical,
        RES,
        Area::Body,
        [
            "a client that reads this form and no other cannot read the message",
            "content of a webhook's request loses application/xml",
            "keep sending it to those who read it",
        ],
    ),
    rule(
        "webhook-media-type-generalized",
        Critical,
        RES,
        Area::Body,
        [
            "a client that keeps to the old contract cannot read the message",
            "application/json of a webhook's request becomes application/*",
            "keep the name",
        ],
    ),
    rule(
        "webhook-media-type-specialized",
        Info,
        RES,
        Area::Body,
        [
            "clients that read the general form read the special one",
            "application/json of a webhook's request becomes application/cloudevents+json",
            NONE,
        ],
    ),
    rule(
        "webhook-schema-added",
        Info,
        RES,
        Area::Body,
        ["all that is sent could have been sent before", "content of a webhook's request gets a schema", NONE],
    ),
    rule(
        "webhook-schema-removed",
        Warning,
        RES,
        Area::Body,
        [
            "nothing is promised any more of what is sent",
            "content of a webhook's request loses its schema",
            "keep the schema",
        ],
    ),
    rule(
        "webhook-answer-status-removed",
        Critical,
        REQ,
        Area::Response,
        [REFUSED, "the answers to a webhook lose 200", ACCEPT],
    ),
    rule(
        "webhook-answer-failure-removed",
        Info,
        REQ,
        Area::Response,
        ["how a refusal of this kind is taken is not said any more", "the answers to a webhook lose 410", NONE],
    ),
    rule(
        "webhook-answer-status-added",
        Info,
        REQ,
        Area::Response,
        [FREE, "the answer to a webhook may be 202, too", NONE],
    ),
    rule(
        "webhook-answer-body-added",
        Critical,
        REQ,
        Area::Response,
        [REFUSED, "the answer to a webhook gets a content", ACCEPT],
    ),
    rule(
        "webhook-answer-body-removed",
        Info,
        REQ,
        Area::Response,
        ["what the client says in it is passed over", "the answer to a webhook loses its content", NONE],
    ),
    rule(
        "webhook-answer-media-type-added",
        Info,
        REQ,
        Area::Response,
        [FREE, "the answer to a webhook may be application/xml, too", NONE],
    ),
    rule(
        "webhook-answer-media-type-removed",
        Critical,
        REQ,
        Area::Response,
        [REFUSED, "the answer to a webhook may not be application/xml any more", ACCEPT],
    ),
    rule(
        "webhook-answer-schema-added",
        Critical,
        REQ,
        Area::Response,
        [REFUSED, "content of the answer to a webhook gets a schema", ACCEPT],
    ),
    rule(
        "webhook-answer-schema-removed",
        Info,
        REQ,
        Area::Response,
        [FREE, "content of the answer to a webhook loses its schema", NONE],
    ),
    rule("webhook-answer-header-added", Info, REQ, Area::Header, [FREE, "the answer to a webhook gets X-Seen", NONE]),
    rule(
        "webhook-answer-header-required",
        Critical,
        REQ,
        Area::Header,
        [REFUSED, "the answer to a webhook gets X-Seen, required", ACCEPT],
    ),
    rule(
        "webhook-answer-header-style-changed",
        Critical,
        REQ,
        Area::Header,
        ["what a client writes as before is read otherwise", "X-Range in the answer: explode: true is set", ACCEPT],
    ),
    rule(
        "webhook-answer-header-removed",
        Info,
        REQ,
        Area::Header,
        [FREE, "the answer to a webhook loses X-Seen", NONE],
    ),
    rule(
        "webhook-answer-header-became-optional",
        Info,
        REQ,
        Area::Header,
        [FREE, "X-Seen in the answer to a webhook becomes optional", NONE],
    ),
    rule(
        "webhook-security-changed",
        Warning,
        RES,
        Area::Security,
        [
            "a client that tells who calls it by the former credentials may refuse the call",
            "security of a webhook becomes []",
            "keep sending the former credentials, too",
        ],
    ),
];
