//! What stands in the audit file: entries as the driver makes them, records as they are written and read back.
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::text::{clean, clean_all};
use super::{HASH_DOMAIN, SCHEMA};
use crate::engine::command::{Command, Identity, Scope};
use crate::engine::effect::{Call, Event, Page};
use crate::engine::message::{CallOutcome, CallResult};
use crate::engine::run::{Outcome, Run};
use crate::plan::Plan;
use crate::spec::canonical;
use crate::spec::units::Time;

/// One thing worth keeping for good.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// The first record, and only that; written by [`super::Journal::create`].
    Header(Box<Header>),
    /// What preflight found the run begins with; written by [`super::Journal::commit`] once it is known.
    Facts(Facts),
    /// A write that is about to be tried.
    Intent(Call),
    /// What became of it.
    Result(CallResult),
    /// A decision or another thing that happened.
    Event(Event),
    Page(Page),
    /// A person asked for this; what became of it is an event.
    Command(Command),
    /// Another process took the run up; written by the first commit after [`super::Journal::resume`].
    Resume(Resume),
    /// The journal could not be written for a while.
    Gap(Gap),
    /// So many records and messages there were, for an anchor outside of the file; every 100 records and at each end.
    Checkpoint(Checkpoint),
    /// The run is over.
    End(End),
}

/// With what a run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Schema of this journal, see [`SCHEMA`].
    pub schema: u32,
    /// Version of the program.
    pub engine: String,
    pub run: String,
    pub created: Time,
    /// Who started it, if already known.
    pub by: Option<Identity>,
    pub plan: Arc<Plan>,
    pub plan_hash: String,
    /// Name of the policy; its content is in the plan.
    pub policy: String,
    /// Version of the compiled time-zone rules.
    pub tz: String,
    /// UID of the namespace `kube-system`; `None` when it is not known before preflight.
    pub cluster_uid: Option<String>,
}

impl Header {
    /// Of a run that is about to begin.
    pub fn new(run: &Run) -> Header {
        Header {
            schema: SCHEMA,
            engine: env!("CARGO_PKG_VERSION").into(),
            run: run.id.clone(),
            created: run.created,
            by: (!run.identity.name.is_empty()).then(|| run.identity.clone()),
            plan: run.plan.clone(),
            plan_hash: run.plan_hash.clone(),
            policy: run.plan.policy_name.clone(),
            tz: chrono_tz::IANA_TZDB_VERSION.into(),
            cluster_uid: run.preflight.as_ref().map(|p| p.cluster_uid.clone()),
        }
    }
}

/// What the run begins with in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub cluster_uid: String,
    pub server_version: String,
    /// Who drives, as the API server or the machine knows them.
    pub driver: Identity,
    pub interactive: bool,
    /// Service to what ran before.
    pub from: BTreeMap<String, Origin>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub image: String,
    pub version: String,
    pub ready: u32,
}

impl Facts {
    /// `None` before preflight has answered.
    pub(super) fn of(run: &Run) -> Option<Facts> {
        let report = run.preflight.as_ref()?;
        let from = report.facts.iter().map(|f| {
            let from = Origin { image: f.from_image.clone(), version: f.from_version.clone(), ready: f.ready };
            (f.service.clone(), from)
        });
        Some(Facts {
            cluster_uid: report.cluster_uid.clone(),
            server_version: report.server_version.clone(),
            driver: run.identity.clone(),
            interactive: run.interactive,
            from: from.collect(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub pid: u32,
    pub engine: String,
    /// Last record the snapshot knew of.
    pub snapshot_at: u64,
    /// Intents found without a result: looked up before anything is repeated.
    pub open_intents: Vec<u64>,
    /// Files whose half-written last line was set aside, in `<file>.torn`.
    pub torn: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub since: Time,
    pub until: Time,
    /// What the store said first.
    pub error: String,
    /// This many of the records that follow are written late: their effects may have come before them.
    pub late: u64,
    /// Records that could not even be kept in memory.
    pub lost_records: u64,
    /// Messages that could not be kept: a replay stops here.
    pub lost_messages: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Records before this one, and the hash of the last of them.
    pub records: u64,
    pub head: String,
    pub messages: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    pub outcome: Outcome,
    pub services: BTreeMap<String, EndOf>,
}

/// Where a service was when its run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOf {
    pub state: String,
    /// Highest share the new version ever got, in per cent.
    pub highest: u32,
    /// Why it went back or was left out; empty otherwise.
    pub why: String,
}

/// The fields every record has, before it is chained.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    pub at: Time,
    pub kind: &'static str,
    pub who: String,
    pub service: Option<String>,
    pub body: Value,
}

const ENGINE: &str = "engine";

impl Entry {
    /// `now` stands for entries that carry no time of their own. `service_of` finds the service of a call by its key.
    pub(super) fn parts(&self, now: Time, service_of: &dyn Fn(u64) -> Option<String>) -> Parts {
        let plain = |kind, body| Parts { at: now, kind, who: ENGINE.into(), service: None, body };
        let mut parts = match self {
            // The plan stays as it was hashed; it was validated when it was read.
            Entry::Header(h) => {
                let who = h.by.as_ref().map_or(ENGINE.into(), |i| clean(&i.name));
                return Parts { at: h.created, who, ..plain("header", to_value(h)) };
            }
            Entry::Facts(f) => plain("facts", to_value(f)),
            Entry::Intent(c) => Parts { service: Some(c.service.clone()), ..plain("intent", to_value(c)) },
            Entry::Result(r) => Parts { service: service_of(r.key), ..plain("result", result_body(r)) },
            Entry::Event(e) => Parts {
                at: e.at,
                kind: "event",
                who: e.who.clone(),
                service: e.service.clone(),
                body: json!({"kind": e.kind.word(), "text": e.text}),
            },
            Entry::Page(p) => Parts { at: p.at, service: p.service.clone(), ..plain("page", to_value(p)) },
            Entry::Command(c) => {
                let service = match &c.scope {
                    Scope::Run | Scope::Tenant(_) => None,
                    Scope::Service(s) => Some(s.clone()),
                };
                Parts { who: c.by.name.clone(), service, ..plain("command", to_value(c)) }
            }
            Entry::Resume(r) => plain("resume", to_value(r)),
            Entry::Gap(g) => plain("gap", to_value(g)),
            Entry::Checkpoint(c) => plain("checkpoint", to_value(c)),
            Entry::End(e) => plain("end", to_value(e)),
        };
        clean_all(&mut parts.body);
        parts.who = clean(&parts.who);
        parts.service = parts.service.as_deref().map(clean);
        parts
    }
}

/// Our own types always serialise: their maps have text keys. Should one ever not, the record says so instead of
/// stopping the journal.
fn to_value<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_else(|e| json!({ "unserialisable": e.to_string() }))
}

/// Outcome and error only: the objects a call saw are in the inbox, in the message that brought the result.
fn result_body(result: &CallResult) -> Value {
    let (outcome, error) = match &result.outcome {
        CallOutcome::Done { .. } => ("done", None),
        CallOutcome::Found { .. } => ("found", None),
        CallOutcome::Failed { error, .. } => ("failed", Some(error)),
        CallOutcome::Unknown { error } => ("unknown", Some(error)),
    };
    let mut body = json!({"key": result.key, "outcome": outcome});
    if let Some(error) = error {
        body["error"] = to_value(error);
    }
    body
}

/// One line of the audit file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Counts up by one from 1.
    pub seq: u64,
    /// RFC 3339, UTC, milliseconds.
    pub at: String,
    pub kind: String,
    /// `engine`, or the name of a person.
    pub who: String,
    pub service: Option<String>,
    pub body: Value,
    /// Digest of the newest inbox record; `None` while there is none.
    pub inbox: Option<String>,
    /// Hash of the record before; zeros for the first.
    pub prev: String,
    pub hash: String,
}

/// `prev` of the first record.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl Record {
    /// Chains what an entry holds to the record before.
    pub(super) fn chain(parts: Parts, seq: u64, prev: &str, inbox: Option<&str>) -> Record {
        let mut record = Record {
            seq,
            at: parts.at.to_string(),
            kind: parts.kind.into(),
            who: parts.who,
            service: parts.service,
            body: parts.body,
            inbox: inbox.map(str::to_owned),
            prev: prev.into(),
            hash: String::new(),
        };
        record.hash = record.computed_hash();
        record
    }

    fn value(&self, with_hash: bool) -> Value {
        let mut members = Map::new();
        members.insert("seq".into(), self.seq.into());
        members.insert("at".into(), self.at.clone().into());
        members.insert("kind".into(), self.kind.clone().into());
        members.insert("who".into(), self.who.clone().into());
        members.insert("service".into(), self.service.clone().into());
        members.insert("body".into(), self.body.clone());
        members.insert("inbox".into(), self.inbox.clone().into());
        members.insert("prev".into(), self.prev.clone().into());
        if with_hash {
            members.insert("hash".into(), self.hash.clone().into());
        }
        Value::Object(members)
    }

    /// `SHA-256("pilothouse-journal@v1\0" ‖ canonical(record without hash))`.
    pub fn computed_hash(&self) -> String {
        canonical::digest(HASH_DOMAIN, &canonical::text(&self.value(false)))
    }

    /// The line as it stands in the file, without the line break.
    pub fn line(&self) -> String {
        canonical::text(&self.value(true))
    }

    /// Reads a line. Only the canonical text of a record is one: two texts for one record could not both be hashed.
    ///
    /// # Errors
    /// What is wrong with it, for a person. The hash is not compared here.
    pub fn read(line: &[u8]) -> Result<Record, String> {
        let text = std::str::from_utf8(line).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
        let Value::Object(mut members) = canonical::parse(text).map_err(|e| e.to_string())? else {
            return Err("not a JSON object".into());
        };
        let mut take = |name: &str| members.remove(name).ok_or_else(|| format!("`{name}` is missing"));
        let record = Record {
            seq: take("seq")?.as_u64().ok_or("`seq` is no count")?,
            at: take_text(take("at")?, "at")?,
            kind: take_text(take("kind")?, "kind")?,
            who: take_text(take("who")?, "who")?,
            service: take_optional(take("service")?, "service")?,
            body: take("body")?,
            inbox: take_optional(take("inbox")?, "inbox")?,
            prev: take_text(take("prev")?, "prev")?,
            hash: take_text(take("hash")?, "hash")?,
        };
        if let Some(name) = members.keys().next() {
            return Err(format!("`{name}` is no field of a record"));
        }
        if record.line() != text {
            return Err("not in canonical form".into());
        }
        Ok(record)
    }

    /// When it was written down, as an instant.
    pub fn time(&self) -> Option<Time> {
        DateTime::parse_from_rfc3339(&self.at).ok().map(|t| Time(t.timestamp_millis()))
    }

    /// A member of the body.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.field(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn take_text(value: Value, name: &str) -> Result<String, String> {
    match value {
        Value::String(s) => Ok(s),
        _ => Err(format!("`{name}` is no text")),
    }
}

fn take_optional(value: Value, name: &str) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        other => take_text(other, name).map(Some),
    }
}
