//! Every rule of the check: what is found, how bad it is, why, and what to do instead.
mod headers;
mod operations;
mod schemas;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::super::finding::{Area, Direction, Severity};
use crate::compat::schema::Kind;

/// One rule. It has one severity, so that its name says how bad its findings are.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub severity: Severity,
    /// None where it makes no difference who sends.
    pub direction: Option<Direction>,
    pub area: Area,
    /// Why it is as bad as it is.
    pub why: &'static str,
    /// A change that it finds.
    pub example: &'static str,
    /// What to do instead. Empty where nothing needs to be done.
    pub advice: &'static str,
}

/// Where a schema stands, as far as rules tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Request,
    Response,
    /// A parameter's own schema, or the items of it.
    Parameter,
    /// A property inside a parameter.
    ParameterProperty,
    /// What a request does not carry.
    ReadOnlyInRequest,
    /// What a response does not carry.
    WriteOnlyInResponse,
}

struct Row {
    kind: Kind,
    scope: Scope,
    rule: Rule,
}

/// The rule for a change of a schema. None: the change is of no consequence there.
pub struct Book(BTreeMap<(Kind, Scope), &'static Rule>);

impl Book {
    pub fn open() -> Book {
        Book(schemas::ROWS.iter().flat_map(|rows| rows.iter()).map(|r| ((r.kind, r.scope), &r.rule)).collect())
    }

    pub fn find(&self, kind: Kind, scope: Scope) -> Option<&'static Rule> {
        let own = self.0.get(&(kind, scope)).copied();
        own.or_else(|| match scope {
            Scope::Parameter | Scope::ParameterProperty => self.0.get(&(kind, Scope::Request)).copied(),
            _ => None,
        })
    }
}

/// Every rule once, in order of its name.
pub fn all() -> Vec<&'static Rule> {
    everywhere().map(|r| (r.id, r)).collect::<BTreeMap<&str, &Rule>>().into_values().collect()
}

/// Every rule as often as it is used.
pub(super) fn everywhere() -> impl Iterator<Item = &'static Rule> + Clone {
    let schemas = schemas::ROWS.iter().flat_map(|rows| rows.iter()).map(|r| &r.rule);
    schemas.chain(operations::RULES).chain(headers::RULES).chain(webhooks::RULES)
}

/// The name of a rule, where there is one of this name.
pub fn id(name: &str) -> Option<&'static str> {
    static ALL: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| everywhere().map(|r| r.id).collect());
    ALL.get(name).copied()
}

/// The rule of this name about operations and what is around their schemas.
pub fn named(id: &str) -> Option<&'static Rule> {
    operations::RULES.iter().chain(headers::RULES).chain(webhooks::RULES).find(|r| r.id == id)
}

/// The rule that holds where the parties trade places: what a server sends to a webhook is its client's request.
pub fn mirrored(id: &'static str) -> &'static str {
    match id {
        "request-body-added-required" | "request-body-added-optional" => "webhook-body-added",
        "request-body-removed" => "webhook-body-removed",
        "request-body-became-required" => "webhook-body-became-required",
        "request-body-became-optional" => "webhook-body-became-optional",
        "parameter-added-required" | "path-parameter-added" | "parameter-added-optional" => "webhook-parameter-added",
        "operation-removed" => "webhook-operation-removed",
        "parameter-removed" => "webhook-parameter-removed",
        "parameter-became-required" => "webhook-parameter-became-required",
        "parameter-became-optional" => "webhook-parameter-became-optional",
        "request-media-type-removed" => "webhook-media-type-removed",
        "request-media-type-added" => "webhook-media-type-added",
        "request-media-type-widened" => "webhook-media-type-generalized",
        "request-schema-added" => "webhook-schema-added",
        "request-schema-removed" => "webhook-schema-removed",
        "response-status-removed" => "webhook-answer-status-removed",
        "response-failure-removed" => "webhook-answer-failure-removed",
        "response-status-added" | "response-failure-added" => "webhook-answer-status-added",
        "response-media-type-removed" | "response-media-type-specialized" => "webhook-answer-media-type-removed",
        "response-media-type-added" | "response-media-type-generalized" => "webhook-answer-media-type-added",
        "response-schema-added" => "webhook-answer-schema-added",
        "response-schema-removed" => "webhook-answer-schema-removed",
        "response-header-added" => "webhook-answer-header-added",
        "response-header-removed" | "required-response-header-removed" => "webhook-answer-header-removed",
        "response-header-style-changed" => "webhook-answer-header-style-changed",
        "response-header-became-optional" => "webhook-answer-header-became-optional",
        "response-header-schema-added" => "webhook-answer-schema-added",
        "response-header-schema-removed" => "webhook-answer-schema-removed",
        other => other,
    }
}
