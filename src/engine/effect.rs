//! What the engine wants done. Effects are data: the driver journals the intent, then lets an adapter act.
use serde::{Deserialize, Serialize};

use super::measure::MeasureRequest;
use super::observe::Slot;
use super::rules::Turn;
use crate::spec::units::Time;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Look at everything the run needs before it starts; answered by `Body::Preflight`.
    Preflight,
    /// A write to the cluster. Journalled before, looked up before it is repeated; answered by `Body::Called`.
    Call(Call),
    /// Read metrics; answered by `Body::Measured`. Not journalled as an intent: it changes nothing.
    Measure(MeasureRequest),
    /// Send `Body::Wake` at this instant, or as soon as possible if it has passed. A later one replaces an earlier one.
    WakeAt(Time),
    /// Something happened that belongs in the audit file and on the event list.
    Record(Event),
    /// Somebody must be told. Until a pager is configured this is a journal event.
    Page(Page),
    /// The run is over.
    End,
}

/// One write, with its idempotency key: `(run, key)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub key: u64,
    /// Fencing token: the lease's epoch when the intent was made.
    pub epoch: u64,
    pub service: String,
    pub action: Action,
    /// Why, for the audit file.
    pub why: String,
}

/// The writes there are. An adapter first reads the object: what already is as wanted under this run's mark is
/// [`super::message::CallOutcome::Found`], never written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make `<name>-next`, Deployment and Service, from stable's live template with the new image.
    CreateNext {
        replicas: u32,
    },
    /// Add the next Service to the route as a second backend at weight 0, stable at 100.
    AddBackend,
    Scale {
        slot: Slot,
        replicas: u32,
    },
    /// Share of the next version in per cent. `expect` is the share it must have now, or the write is refused.
    /// With `rules` it turns those as well, in the same write.
    SetWeight {
        next: u32,
        expect: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<Turn>,
    },
    /// Patch stable's template to the new version (maxUnavailable 0) while `-next` serves.
    CopyBack,
    /// Take the next Service out of the route; only at share 0.
    RemoveBackend,
    /// Delete the next Deployment and Service; only when no route holds them.
    DeleteNext,
    /// Send exactly the requests of these tenants or segments to the next version, by rules before the weighted one.
    #[serde(alias = "route_tenants")]
    RouteRules(Turn),
    /// Put our epoch on the route without touching its weights (after a take-over).
    Stamp,
}

impl Action {
    /// Brings traffic back towards the old version, or makes it fit to take it: allowed also while the journal cannot be
    /// written. Taking pods away can wait.
    pub fn lowers_risk(&self) -> bool {
        match self {
            Action::SetWeight { next, expect, rules } => next < expect && rules.as_ref().is_none_or(|turn| turn.lowers),
            Action::Scale { slot, .. } => *slot == Slot::Stable,
            Action::RouteRules(turn) => turn.lowers,
            _ => false,
        }
    }

    /// As in the journal and on screen.
    pub fn word(&self) -> &'static str {
        match self {
            Action::CreateNext { .. } => "create-next",
            Action::AddBackend => "add-backend",
            Action::Scale { .. } => "scale",
            Action::SetWeight { .. } => "set-weight",
            Action::CopyBack => "copy-back",
            Action::RemoveBackend => "remove-backend",
            Action::DeleteNext => "delete-next",
            Action::RouteRules(_) => "route-rules",
            Action::Stamp => "stamp",
        }
    }
}

/// One line of the audit file and of the event list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub at: Time,
    pub kind: EventKind,
    /// `engine`, or the person who did it.
    pub who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Start, end, resume of a run.
    Run,
    /// A service moved on.
    Step,
    /// A gate crossed its limit, recovered, or lost its data.
    Gate,
    /// A person did something.
    Command,
    /// A hold began or was lifted.
    Hold,
    Rollback,
    /// Somebody is asked, or an answer came.
    Ask,
    /// A write failed or a source went away.
    Fault,
    /// Somebody else changed what is ours.
    Drift,
    Page,
}

impl EventKind {
    pub fn word(self) -> &'static str {
        match self {
            EventKind::Run => "run",
            EventKind::Step => "step",
            EventKind::Gate => "gate",
            EventKind::Command => "cmd",
            EventKind::Hold => "hold",
            EventKind::Rollback => "back",
            EventKind::Ask => "ask",
            EventKind::Fault => "fault",
            EventKind::Drift => "drift",
            EventKind::Page => "page",
        }
    }
}

/// A call for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub id: u64,
    pub at: Time,
    pub service: Option<String>,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_by: Option<String>,
}
