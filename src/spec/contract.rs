//! Contracts: what one version of a service promises and needs, which versions make a release, and what an owner of a
//! fleet accepts all the same.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Dur;
use super::when::Date;

/// What one version of a service promises, and what it needs. The document's name is the service's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractSpec {
    /// Which version this is: a semantic version.
    #[schemars(length(min = 1))]
    pub version: String,
    /// What is deployed for it. Needed where a release is to be rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default)]
    pub tier: Tier,
    /// Who may call it.
    #[serde(default)]
    pub audience: Audience,
    /// Its OpenAPI description, beside this file. Left out: `openapi.yaml`, `.yml` or `.json`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openapi: Option<String>,
    /// Events it writes. The schema of each is `events/NAME.avsc` or `events/NAME.schema.json`.
    #[serde(default)]
    pub produces: Vec<String>,
    /// Events it reads. With a schema of that name below `events/` it reads by that one; without, by the writer's.
    #[serde(default)]
    pub consumes: Vec<String>,
    /// Other services it calls.
    #[serde(default)]
    pub depends: Vec<Depend>,
    /// Lowest version one may step from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_from: Option<String>,
    /// Versions that can run on what the migrations leave behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<String>,
    /// Tables, and columns as `table.column`, that it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Changes of the database that it brings along, in order.
    #[serde(default)]
    pub migrations: Vec<Migration>,
    /// What people should know of this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// How much stands on a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Much: it is moved with care, whatever changed.
    Core,
    #[default]
    Standard,
}

/// Who may call a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Anybody: what no service of the fleet calls may still be called.
    #[default]
    Public,
    /// Services of the fleet only.
    Internal,
}

/// A service that is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Depend {
    pub service: String,
    /// Versions of it that this one works with, such as `>=1.4, <3`.
    #[serde(default = "any")]
    pub req: String,
    /// Its operations that are called, such as `GET /prices/{sku}`, and its webhooks that are received, such as
    /// `webhook POST orderPaid`. Left out: any may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// Values of its answers that are read as a closed list, as `Schema.property` or by JSON pointer: one more value
    /// breaks this version.
    #[serde(default)]
    pub closed_enums: Vec<String>,
    /// About how often it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_day: Option<u64>,
}

fn any() -> String {
    "*".into()
}

/// A change of a database: an entry of a Contract, or a document of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MigrationSpec")]
pub struct Migration {
    pub id: String,
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of a contract phase: the migration whose old part it takes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracts: Option<String>,
    /// Tables it changes.
    #[serde(default)]
    pub tables: Vec<String>,
    /// About how many rows they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How long it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated: Option<Dur>,
    /// It takes something away for good.
    #[serde(default)]
    pub destructive: bool,
    /// It can be taken back.
    #[serde(default = "yes")]
    pub reversible: bool,
    /// Of a contract phase: it runs when all services have soaked, and nothing goes back any more.
    #[serde(default)]
    pub deferred: bool,
    /// Tables, and columns as `table.column`, that are gone afterwards.
    #[serde(default)]
    pub drops: Vec<String>,
    /// File with its SQL, beside this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Where it stands, of one that is a document of its own.
    #[serde(skip)]
    pub origin: Option<Box<Origin>>,
}

fn yes() -> bool {
    true
}

/// Part of a change that is spread over releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Adds what the new version needs, beside the old.
    Expand,
    /// Fills in what was added.
    Backfill,
    /// Takes the old away.
    Contract,
}

/// Which versions make one release of the whole fleet. The document's name is the release's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSpec {
    /// Service to its version.
    #[schemars(extend("minProperties" = 1))]
    pub services: BTreeMap<String, String>,
    /// What people should know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// What weighs how much, and what is accepted all the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompatPolicySpec {
    /// Event to what is asked of its schemas.
    #[serde(default)]
    pub events: BTreeMap<String, EventTerms>,
    /// Rule to what its findings weigh.
    #[serde(default)]
    pub severities: BTreeMap<String, Weighs>,
    /// Findings that are accepted, each for a time.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// A schema registry that is asked as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
}

/// What is asked of the schemas of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventTerms {
    /// Old records stay in the topic, so that a new reader must read what every version before it wrote.
    #[serde(default = "yes")]
    pub retained: bool,
    /// Name of its subject in the registry. Left out: `NAME-value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Default for EventTerms {
    fn default() -> Self {
        EventTerms { retained: true, subject: None }
    }
}

/// What the findings of a rule weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weighs {
    Critical,
    Warning,
    Info,
    /// They are left out.
    Off,
}

/// A finding that is accepted for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// As the finding tells it: 16 hexadecimal digits.
    pub fingerprint: String,
    /// Why it does no harm.
    pub reason: String,
    /// Last day on which it holds.
    pub until: Date,
    /// Two people who say so.
    pub by: Vec<String>,
}

/// A schema registry with Confluent's REST interface. It is only read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Base URL, such as `http://registry.kafka:8081`.
    pub url: String,
    /// File that holds a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<super::fleet::Basic>,
}

/// One contract as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    pub service: String,
    pub spec: ContractSpec,
    pub origin: Origin,
}

/// A migration in a file of its own, beside the contract that brings it along.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub spec: Migration,
    pub origin: Origin,
}

/// A named release.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    pub name: String,
    pub spec: ReleaseSpec,
    pub origin: Origin,
}

/// The policy of the files.
#[derive(Debug, Clone, PartialEq)]
pub struct CompatPolicy {
    pub spec: CompatPolicySpec,
    pub origin: Origin,
}

/// Where a document and its values stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    pub file: String,
    /// Line and column of the document's name.
    pub name: (u32, u32),
    /// JSON pointer into `spec` to its line and column, counted from 1.
    pub places: BTreeMap<String, (u32, u32)>,
}
