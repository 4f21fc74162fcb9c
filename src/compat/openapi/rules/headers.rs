//! Rules about the headers of answers.
use super::super::super::finding::Area;
use super::super::super::finding::Severity::{Critical, Info, Warning};
use super::Rule;
use super::operations::{BESIDE, HARMLESS, NONE, RES, rule};

pub static RULES: &[Rule] = &[
    rule(
        "response-header-removed",
        Warning,
        RES,
        Area::Header,
        [
            "a client that reads it finds nothing",
            "a response loses X-Total",
            "keep sending it until no client reads it",
        ],
    ),
    rule(
        "required-response-header-removed",
        Critical,
        RES,
        Area::Header,
        [
            "a client that counts on it finds nothing",
            "a response loses X-Total, required",
            "keep sending it until no client reads it",
        ],
    ),
    rule("response-header-added", Info, RES, Area::Header, [HARMLESS, "a response gets X-Total", NONE]),
    rule(
        "response-header-became-optional",
        Critical,
        RES,
        Area::Header,
        ["a client that counts on it may find nothing", "X-Total: required: true is removed", "keep sending it"],
    ),
    rule(
        "response-header-style-changed",
        Critical,
        RES,
        Area::Header,
        ["a client that takes the value apart as before reads it otherwise", "X-Range: explode: true is set", BESIDE],
    ),
    rule(
        "response-header-schema-removed",
        Warning,
        RES,
        Area::Header,
        ["nothing is promised any more of what is sent", "X-Total: schema is removed", "keep the schema"],
    ),
    rule(
        "response-header-schema-added",
        Info,
        RES,
        Area::Header,
        ["all that is sent could have been sent before", "X-Total: schema is set", NONE],
    ),
];
