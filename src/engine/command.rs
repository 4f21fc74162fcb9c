//! The one table of verbs: what a person can ask for, what it is called, and who may.
use serde::{Deserialize, Serialize};

/// Who somebody is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    /// Where the name comes from: `kubernetes` (SelfSubjectReview), or `local` (unverified).
    pub source: IdentitySource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentitySource {
    /// The API server's answer to SelfSubjectReview.
    Kubernetes,
    /// The local user name: unverified.
    Local,
}

/// What a person may be, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Operator,
    Approver,
    Owner,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub verb: Verb,
    pub scope: Scope,
    pub by: Identity,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was typed to confirm, for verbs that ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Run,
    Service(String),
    /// A tenant that moves by itself, or a cohort that moves at once, by the name of the move.
    Tenant(String),
}

/// The verbs, as keymaps, command line and journal name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Start,
    Pause,
    Resume,
    PauseAll,
    ResumeAll,
    Ack,
    Next,
    Keep,
    Retry,
    Skip,
    Note,
    AdoptDrift,
    RevertDrift,
    /// Of the begin.
    Defer,
    Freeze,
    Unfreeze,
    /// Of a finding of the contracts, before the start.
    Waive,
    Abort,
    Rollback,
    #[serde(rename = "skip-to-100")]
    SkipTo100,
    ForceNext,
    /// Of a window or a freeze.
    Override,
    Disarm,
    MuteGate,
}

/// How much a verb can harm, and so how it is asked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Done at once.
    Plain,
    /// Shows what it will do first.
    Preview,
    /// Type the word the dialog names.
    Typed,
    /// Two persons.
    TwoPersons,
}

/// What everybody needs to know of one verb.
#[derive(Debug, Clone, Copy)]
pub struct VerbInfo {
    pub verb: Verb,
    pub name: &'static str,
    /// One line, for help, palette and docs.
    pub help: &'static str,
    pub class: Class,
    /// The least a person must be.
    pub role: Role,
    /// Acts on the whole run rather than on the selected service.
    pub on_run: bool,
}

/// Whether somebody may do something now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowance {
    Allowed,
    /// Off, and why.
    Denied(String),
    /// Allowed once this word is typed.
    NeedsTyping(String),
    /// A second person must agree.
    NeedsSecond,
}

const fn verb(verb: Verb, name: &'static str, help: &'static str, class: Class, role: Role, on_run: bool) -> VerbInfo {
    VerbInfo { verb, name, help, class, role, on_run }
}

use Class::{Plain, Preview, TwoPersons, Typed};
use Role::{Approver, Operator, Viewer};

/// The table. Keymap, footer, help, palette, command line and docs are made from it.
pub const VERBS: [VerbInfo; 24] = [
    verb(Verb::Start, "start", "begin the run", Preview, Operator, true),
    verb(Verb::Pause, "pause", "stop raises of this service", Plain, Operator, false),
    verb(Verb::Resume, "resume", "let this service go on", Plain, Operator, false),
    verb(Verb::PauseAll, "pause-all", "stop raises of every service", Plain, Operator, true),
    verb(Verb::ResumeAll, "resume-all", "lift pause-all", Plain, Operator, true),
    verb(Verb::Ack, "ack", "this page is seen", Plain, Operator, true),
    verb(Verb::Next, "next", "end the hold of this step early", Preview, Operator, false),
    verb(Verb::Keep, "keep", "do not roll back at the deadline, once", Preview, Operator, false),
    verb(Verb::Retry, "retry", "try what failed again", Preview, Operator, false),
    verb(Verb::Skip, "skip", "leave this service on its old version and go on", Preview, Operator, false),
    verb(Verb::Note, "note", "write a note into the audit file", Preview, Viewer, true),
    verb(Verb::AdoptDrift, "adopt-drift", "take a foreign edit as the state to go on from", Preview, Operator, false),
    verb(Verb::RevertDrift, "revert-drift", "undo a foreign edit", Preview, Operator, false),
    verb(Verb::Defer, "defer", "put the begin off: how long, and why", Preview, Operator, true),
    verb(Verb::Freeze, "freeze", "nothing begins, rises or settles: how long, and why", Preview, Operator, true),
    verb(Verb::Unfreeze, "unfreeze", "lift a person's freeze", Preview, Operator, true),
    verb(Verb::Waive, "waive", "accept a finding until a day", TwoPersons, Operator, true),
    verb(Verb::Abort, "abort", "back to old while below 100 %", Typed, Operator, false),
    verb(Verb::Rollback, "rollback", "back to old from 100 %, until settling", TwoPersons, Operator, false),
    verb(Verb::SkipTo100, "skip-to-100", "all traffic to new at once", TwoPersons, Operator, false),
    verb(Verb::ForceNext, "force-next", "raise past a red gate", TwoPersons, Operator, false),
    verb(Verb::Override, "override", "go on outside the window, or in a freeze", TwoPersons, Approver, true),
    verb(Verb::Disarm, "disarm", "switch automatic rollback off for a while", TwoPersons, Approver, false),
    verb(Verb::MuteGate, "mute-gate", "leave a gate out until the step ends", TwoPersons, Approver, false),
];

impl Verb {
    /// Nothing is done without a person's words for it.
    pub fn needs_reason(self) -> bool {
        matches!(self, Verb::Note | Verb::Keep | Verb::Freeze | Verb::Defer | Verb::Override)
    }

    pub fn info(self) -> &'static VerbInfo {
        // Every variant stands in the table once; a test holds that.
        VERBS.iter().find(|v| v.verb == self).unwrap_or(&VERBS[0])
    }
}
