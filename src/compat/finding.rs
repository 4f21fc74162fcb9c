//! What a check of two versions found.
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How bad a finding is. The worst unwaived one decides whether the new version may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; breaks nobody.
    Info,
    /// May break somebody, depending on what they do.
    Warning,
    /// Breaks somebody who kept to the contract.
    Critical,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Which way the data travels that the finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From client to server: the new version must accept what the old accepted.
    Request,
    /// From server to client: the new version must send only what the old might have sent.
    Response,
    /// A reader of the new version meets what the old version wrote.
    Backward,
    /// A reader of the old version meets what the new version wrote.
    Forward,
}

/// The part of a contract the finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    Path,
    Operation,
    Parameter,
    Header,
    Body,
    Response,
    Schema,
    Security,
    Server,
    Info,
    Event,
    Database,
    Dependency,
    Version,
}

/// A spot in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The path as it was given.
    pub file: String,
    /// JSON pointer (RFC 6901) into the file; empty for the whole file.
    pub pointer: String,
    /// Counted from 1; none where the text's lines are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Where a finding stands, on the side or sides that have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Place>,
}

/// One change, told once however many operations it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name, as `pilothouse compat rules` lists it.
    pub rule: &'static str,
    pub severity: Severity,
    pub direction: Option<Direction>,
    pub area: Area,
    pub location: Location,
    /// Operations or consumers that are reached, in order, each once.
    pub affected: Vec<String>,
    /// One sentence: what changed, with the old and the new value.
    pub message: String,
    pub details: Vec<String>,
    /// What to do about it.
    pub recommendation: Option<String>,
    /// Names this finding in waivers: see [`fingerprint`].
    pub fingerprint: String,
    /// Of a whole fleet: the move it is about.
    #[serde(flatten)]
    pub of: Option<Box<Of>>,
    /// Who accepted it, why, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// Digest of what the message does not say of the values; empty where it says it all.
    #[serde(skip)]
    pub values: String,
}

/// The move of a service that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Of {
    pub service: String,
    pub from: String,
    pub to: String,
    /// The event or migration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Services with the version that is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<String>,
}

impl Finding {
    /// Stands in the way: critical, and nobody accepted it.
    pub fn bars(&self) -> bool {
        self.severity == Severity::Critical && self.waived.is_none()
    }
}

/// The name of a finding that stays the same while the contracts' other parts change: 16 hexadecimal digits of SHA-256
/// over the rule, the direction and the pointers on both sides. File names and lines have no part in it.
pub fn fingerprint(rule: &str, direction: Option<Direction>, location: &Location) -> String {
    let pointer = |p: &Option<Place>| p.as_ref().map_or("", |p| p.pointer.as_str()).to_string();
    let text = format!("{rule}\n{direction:?}\n{}\n{}", pointer(&location.base), pointer(&location.revision));
    Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// What a comparison found, and what it did not look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Parts that were met but not compared, each with its place: never silently passed.
    pub not_compared: Vec<String>,
}

impl Report {
    /// No finding is critical, unless it was accepted.
    pub fn compatible(&self) -> bool {
        !self.findings.iter().any(Finding::bars)
    }
}
