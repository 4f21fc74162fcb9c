//! The state of one run. Only the engine changes it; screen, headless output and journal read it.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::Identity;
use super::effect::{Action, Call, Event, Page};
use super::footing::Footing;
use super::message::Stamp;
use super::moves::{Kept, Moves};
use super::observe::{PreflightReport, RouteSeen, ServiceFacts, Slot, WorkloadSeen};
use super::traffic::Traffic;
use super::window::{Stay, Window};
use crate::gate::GateState;
use crate::gate::{Evaluation, Verdict, Widened};
use crate::plan::Plan;
use crate::spec::policy::{OnExit, Severity};
use crate::spec::units::{Dur, Time};

/// The fixed grid all gates are evaluated on.
pub const GRID: Dur = Dur::secs(10);
/// Events kept for the screen; the audit file keeps all.
pub const EVENTS_KEPT: usize = 500;
/// Pages kept; of more than that the oldest that were seen go first.
pub const PAGES_KEPT: usize = 200;
/// Writes without an answer that are remembered for each service: more than an outage of some minutes brings.
pub const UNANSWERED_KEPT: usize = 32;

/// One execution of one Upgrade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Four or more hex digits; how people name it.
    pub id: String,
    /// Shared by all copies of a run: one goes out after each change.
    pub plan: Arc<Plan>,
    pub plan_hash: String,
    pub stage: Stage,
    pub created: Time,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    /// Stamp of the newest message.
    pub now: Stamp,
    pub seq: u64,
    pub next_key: u64,
    pub next_page: u64,
    pub tracks: BTreeMap<String, Track>,
    /// Ready and wanted pods of critical services outside this run.
    pub bystanders: BTreeMap<String, (u32, u32)>,
    pub identity: Identity,
    pub interactive: bool,
    pub pager: bool,
    /// Begin as soon as preflight is good, without a person's `start`.
    pub start_wanted: bool,
    pub preflight_asked: bool,
    pub preflight: Option<PreflightReport>,
    pub driving: Driving,
    pub cluster: SourceState,
    /// Why the watches see nothing, and why the lease was not renewed; the cluster counts as away while either stands.
    #[serde(default)]
    pub watches_down: Option<String>,
    #[serde(default)]
    pub lease_down: Option<String>,
    /// Another holds the lease, and nothing else is wrong with it.
    #[serde(default)]
    pub lease_waits: bool,
    pub metrics: SourceState,
    /// What the source wants said, such as which pods were sampled.
    pub metrics_notes: Vec<String>,
    pub journal: SourceState,
    /// All fresh observations are in since the process attached; nothing is decided before.
    pub synced: bool,
    /// Since when no process has driven it, until one does again.
    #[serde(default)]
    pub undriven: Option<Time>,
    /// A person paused everything.
    pub paused_all: Option<Paused>,
    /// Raises stopped for the whole run, by the engine.
    pub stopped: Option<Held>,
    /// The same for as long as a critical service is down: what answers a failure does not answer this.
    #[serde(default)]
    pub critical: Option<Held>,
    /// A person aborted the run: services below 100 % go back, the others stay warm and held.
    pub aborting: Option<Paused>,
    /// The process was told to leave.
    pub leaving: Option<Leaving>,
    /// Services an abort took back or left out before the run was taken up again: no failure of the run as it goes on.
    #[serde(default)]
    pub taken_back: BTreeSet<String>,
    /// Since when this process has a part in the run; what it waits for, it waits for from here on.
    #[serde(default)]
    pub attached: Option<Time>,
    /// This process has held the lease since then.
    #[serde(default)]
    pub drove: bool,
    /// The look before the start could not be had.
    #[serde(default)]
    pub unlooked: Option<Unlooked>,
    /// Flags by which cluster and state folder were named, as a shell takes them; for the command that takes the run up.
    #[serde(default)]
    pub flags: String,
    /// Those by which `kubectl` finds the same cluster; older journals have none.
    #[serde(default)]
    pub kubectl_flags: String,
    /// Its cluster ends with its process: there is nothing to take up afterwards.
    #[serde(default)]
    pub rehearsal: bool,
    /// What the Calendar says of now, as far as it was asked.
    #[serde(default)]
    pub window: Option<Window>,
    /// A run that is to begin waits for this.
    #[serde(default)]
    pub waits: Option<Held>,
    /// A person froze it: nothing is raised, begun or settled.
    #[serde(default)]
    pub frozen: Option<Stay>,
    /// A person put its begin off.
    #[serde(default)]
    pub deferred: Option<Stay>,
    /// Persons' words on single tenants, by the name of their move.
    #[serde(default)]
    pub kept: BTreeMap<String, Kept>,
    /// The grid tick asked last, and answered last.
    pub tick_asked: Option<Time>,
    pub tick_answered: Option<Time>,
    /// Newest first; at most [`EVENTS_KEPT`].
    pub events: VecDeque<Event>,
    /// How many there were in all.
    pub event_count: u64,
    pub pages: Vec<Page>,
    /// Set by a process that only follows this run, for its own screen: the engine neither reads nor keeps it.
    #[serde(skip)]
    pub unheard: Option<Unheard>,
}

/// Why a process that only follows a run hears nothing of the one that drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// Its process has ended before the run did.
    Gone,
    /// Its process is there and has written nothing for longer than it ever is quiet.
    Silent,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Looking at the cluster before anything is written.
    Preflight,
    /// All is well; waits for `start`.
    Ready,
    Running,
    Ended(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    /// Everything that was touched is back on the old version.
    RolledBack,
    /// Some new, some back.
    Partial,
    /// Nothing was applied.
    Aborted,
    /// Preflight or policy refused.
    Blocked,
}

/// What a process came to that left a run before its end. The run can be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameTo {
    /// A rollback could not be done and waiting for it was given up.
    RollbackBlocked,
    /// Cluster or metrics were away for too long.
    Lost,
    /// An abort was carried out, and left services at 100 % of new, warm and held.
    Partial,
    /// A fault of this program.
    Fault,
}

/// The look before the start could not be had: why, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlooked {
    pub why: String,
    pub retry_at: Time,
}

/// Where a service is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not begun: waits for services it needs.
    Waiting {
        needs: Vec<String>,
    },
    /// The new version is being made beside stable.
    Deploying,
    /// The new pods are ready and must stay so; no traffic yet.
    Warming {
        ready_since: Option<Time>,
    },
    /// Index into the policy's steps.
    Shifting {
        step: usize,
        hold: Hold,
    },
    /// 100 % new, old warm, gates watched. `clean` counts while there is data.
    Soaking {
        clean: Dur,
    },
    Soaked,
    /// Past the point of no return: stable takes the new version over.
    Settling(Settling),
    Done,
    RollingBack(Rollback),
    /// Old serves everything; its gates are watched.
    Verifying {
        rollback: Rollback,
        since: Time,
        clean: Dur,
    },
    RolledBack {
        rollback: Rollback,
    },
    /// The rollback could not be completed; it is still tried.
    RollbackBlocked {
        rollback: Rollback,
        reason: String,
        command: String,
        since: Time,
    },
    /// Left on the old version by a person's `skip`, or because the run ended before it began.
    Skipped {
        why: String,
    },
}

impl Phase {
    /// One word, as on screen and in the journal.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Waiting { .. } => "waits",
            Phase::Deploying => "deploying",
            Phase::Warming { .. } => "warming",
            Phase::Shifting { .. } => "shifting",
            Phase::Soaking { .. } => "soaking",
            Phase::Soaked => "soaked",
            Phase::Settling(_) => "settling",
            Phase::Done => "done",
            Phase::RollingBack(_) => "rolling back",
            Phase::Verifying { .. } => "verifying",
            Phase::RolledBack { .. } => "rolled back",
            Phase::RollbackBlocked { .. } => "rollback blocked",
            Phase::Skipped { .. } => "skipped",
        }
    }

    pub fn is_final(&self) -> bool {
        matches!(self, Phase::Done | Phase::RolledBack { .. } | Phase::Skipped { .. })
    }

    /// The new version may be getting traffic, or about to, and can still go back.
    pub fn in_flight(&self) -> bool {
        matches!(
            self,
            Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked
        )
    }

    /// Going back, or trying to.
    pub fn going_back(&self) -> bool {
        matches!(self, Phase::RollingBack(_) | Phase::Verifying { .. } | Phase::RollbackBlocked { .. })
    }
}

/// The hold of one step, counted in clean grid ticks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// When the step's weight was accepted; `None` while it is still being raised.
    pub accepted_at: Option<Time>,
    /// Clean time so far; a bad tick sets it to zero, a missing one leaves it.
    pub clean: Dur,
    pub ticks: u32,
    pub bad_ticks: u32,
    /// The worst severity among the gates that were bad at each of the last ticks, newest last; at most max(step, 10
    /// ticks). For `flapping`.
    pub recent: VecDeque<Option<Severity>>,
    /// The tick counted last.
    pub last_tick: Option<Time>,
    /// A person ended the hold early.
    pub ended_by: Option<String>,
    pub observed: ObservedShare,
}

/// What requests say of the share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedShare {
    /// Not enough requests yet.
    #[default]
    Unknown,
    /// Per cent, within tolerance of what was asked.
    Confirmed(f64),
    /// Per cent, outside of it.
    Off(f64),
    /// Went on without proof, as the policy allows.
    NotObserved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settling {
    /// Stable's template is being patched and rolled out, `-next` serves 100 %.
    CopyBack,
    /// The weight goes back to stable.
    MoveBack,
    /// Accepted 0 since then; `quiet` answers in a row showed no new request on `-next`.
    Confirm { since: Time, quiet: u32 },
    /// No request on `-next` any more, for `drain`.
    Drain { since: Time },
    /// Route and objects of `-next` are being taken away.
    Remove,
}

/// A decided rollback. It never turns back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    pub severity: Severity,
    pub reason: String,
    /// `engine`, or the person who asked.
    pub by: String,
    pub decided: Time,
    pub stage: RollbackStage,
    /// Share when it was decided, in per cent.
    pub from_share: u32,
    /// Somebody else had taken all of that away by then.
    #[serde(default)]
    pub taken_out: bool,
    /// `fast`: how often it was halved.
    pub halvings: u32,
    /// Since when the old version has too few ready pods to go back to.
    #[serde(default)]
    pub unfit_since: Option<Time>,
    /// When accepted share 0 was first seen.
    pub accepted_zero: Option<Time>,
    /// Answers in a row that showed no new request on the new version.
    pub quiet_scrapes: u32,
    pub drain_since: Option<Time>,
    /// What was seen of the old version once it served everything again; `None` while nobody has looked.
    #[serde(default)]
    pub verified: Option<Verified>,
}

/// What was seen of the old version after a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// Its gates were good for `verify`.
    Healthy,
    /// It never lost any traffic.
    Untouched,
    /// Its gates were bad.
    Unhealthy,
    /// Its gates had no data.
    NoData,
    /// It was watched, and too few requests came to judge it by.
    TooFew,
    /// The process left before it looked.
    NotWatched,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackStage {
    /// Old ready for the load?
    TargetCheck,
    /// Weights down, dependants first.
    Lower,
    /// Accepted 0, then observed 0.
    Confirm,
    Drain,
    /// Route and objects of `-next` are being taken away.
    Remove,
}

/// The engine's own stop; lifts itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub reason: HoldReason,
    /// For a person.
    pub text: String,
    pub since: Time,
    /// When the engine does something about it by itself, and what.
    pub until: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A gate is bad, its trigger has not fired.
    Gate,
    /// A gate has no data.
    Missing,
    /// Too few requests.
    TooFew,
    /// A standard-severity breach waits for its deadline.
    Breach,
    /// Somebody else changed the route.
    Drift,
    /// The route is written but nobody accepts it.
    NotAccepted,
    /// The share that flows is not the one that was asked.
    NotObserved,
    /// Not enough ready pods for the next weight.
    Capacity,
    /// A critical service is down.
    Critical,
    /// API server away, journal unwritable, not driving.
    Link,
    /// Another service of the run failed.
    Failure,
    /// A write is refused again and again.
    Write,
    /// A step takes far longer than it should.
    LongStep,
    /// Told to hold on the way out.
    Leaving,
    /// Its window is closed, or the next step does not fit into it any more.
    Window,
    /// Tenants went back: no further one moves before a person says so.
    Line,
    /// Another image than this run moves, or no old version that could take the traffic back.
    Footing,
}

/// A breach of `standard` severity: goes back at its deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    pub reason: String,
    pub since: Time,
    pub deadline: Time,
    /// A person moved the deadline, which is possible once.
    pub kept: bool,
    /// Bad ticks on and off are among its causes.
    pub flapping: bool,
    /// It is the new version's, and not only that of the tenant on its way.
    #[serde(default)]
    pub whole: bool,
}

/// A person's stop; a person lifts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    pub by: String,
    pub reason: String,
    pub since: Time,
}

/// No data for too long; lifts itself after three good ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    pub since: Time,
    pub good_ticks: u32,
}

/// Something only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub kind: AskKind,
    pub text: String,
    pub since: Time,
    /// When the engine answers for the person.
    pub deadline: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// A standard breach rolls back at the deadline unless somebody says `keep`.
    Keep,
    /// Too few requests for far too long: `next` or `abort`.
    TooFew,
    /// The step takes too long.
    LongStep,
    /// `missing: ask`.
    Missing,
    Drift,
    /// A service rolled back: `retry`, `skip` or `abort` the run.
    AfterRollback,
    /// A write keeps being refused: `retry`.
    Write,
    /// No gateway takes the route on.
    NotAccepted,
    /// Tenants went back: `retry`, or `abort`.
    Tenants,
    /// Another image, or no old version to go back to: put right by hand, or `abort`.
    Footing,
    /// Somebody paused the rollout that takes the new version over: let go on by hand.
    Rollout,
}

/// One service's way through the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    pub service: String,
    pub phase: Phase,
    pub since: Time,
    /// From preflight.
    pub facts: Option<ServiceFacts>,
    /// Ready old pods at the start.
    pub r0: u32,
    /// Share of the next version the engine wants, in per cent.
    pub desired: u32,
    /// Highest share that was ever written, by us or as an edit that was seen; 0 means no traffic ever moved.
    pub highest: u32,
    /// Digest the new version is pinned to, from its first ready pod.
    pub pinned: Option<String>,
    /// Mark that the copy-back left on stable: while it stands, stable's template is what the cluster made of our write.
    #[serde(default)]
    pub copied: Option<u64>,
    pub stable: Option<WorkloadSeen>,
    pub next: Option<WorkloadSeen>,
    pub route: Option<RouteSeen>,
    /// What was last written by us and taken by the server, with its key; what drift is told from.
    pub written: Option<Written>,
    pub gates: BTreeMap<String, GateTrack>,
    pub held: Option<Held>,
    pub paused: Option<Paused>,
    pub blind: Option<Blind>,
    /// The most dangerous of the open questions; see [`super::questions`].
    pub ask: Option<Ask>,
    /// The others, the most dangerous first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks_behind: Vec<Ask>,
    /// A standard breach that waits for its deadline.
    #[serde(default)]
    pub breach: Option<Breach>,
    /// Somebody else changed the route, and that was told.
    #[serde(default)]
    pub drifted: bool,
    /// Since when the route is as it was written again, after a foreign edit.
    #[serde(default)]
    pub undone_at: Option<Time>,
    /// When something that it stands on was missing last: pods, a Service, the share that was asked.
    #[serde(default)]
    pub lame_at: Option<Time>,
    /// A person wants a foreign edit undone.
    pub reverting: bool,
    /// The write in flight.
    pub call: Option<InFlight>,
    /// The write that was answered last, and when: the same is not sent again at once, whatever is seen of it.
    #[serde(default)]
    pub last_write: Option<(Action, Time)>,
    /// When a write of ours was answered last, and when a watch last brought news.
    #[serde(default)]
    pub answered: Option<Time>,
    #[serde(default)]
    pub watched: Option<Time>,
    /// The write that failed last, until one works.
    pub fault: Option<Fault>,
    /// Keys of writes to the route whose answer never came, and what they asked for: should one have been carried out,
    /// this tells our weight from an edit that came after it. Newest last; at most [`UNANSWERED_KEPT`].
    #[serde(default)]
    pub unanswered: Vec<(u64, Action)>,
    /// Since when the route as it stands has been seen without a gateway that takes it on.
    #[serde(default)]
    pub pending_since: Option<Time>,
    /// What it stands on while it is on its way.
    #[serde(default)]
    pub footing: Footing,
    /// Since when new pods that were asked for have been seen not ready; deadlines of progress count from here.
    #[serde(default)]
    pub unready_since: Option<Time>,
    /// Ticks in a row without usable data.
    pub missing_ticks: u32,
    pub missing_since: Option<Time>,
    /// How long of this phase nobody looked, or a person had stopped it: no part of what a step takes.
    #[serde(default)]
    pub stood: Dur,
    /// The tick judged last.
    #[serde(default)]
    pub booked: Option<Time>,
    /// When the weight in force was accepted: gates look back no further.
    pub gates_from: Option<Time>,
    /// Since when its traffic is split while no window lets it go on.
    #[serde(default)]
    pub split_since: Option<Time>,
    /// When the share was last raised; attribution of a critical outage goes by it.
    pub raised_at: Option<Time>,
    /// Share the operator saw last on the wire: requests per version.
    pub observed: ObservedShare,
    /// What segments that go first are of all requests, in per cent, rounded up; once requests have shown it.
    #[serde(default)]
    pub segments_share: Option<u32>,
    /// Time spent per phase word, in order; run folders keep it for estimates.
    pub durations: Vec<(String, Dur)>,
    /// How often a person said `retry`.
    pub attempt: u32,
    /// Its tenants, one by one.
    #[serde(default)]
    pub moves: Moves,
}

/// What was written into the route and is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    #[serde(flatten)]
    pub traffic: Traffic,
    pub key: u64,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateTrack {
    pub state: GateState,
    /// `None` while the gate has nothing to answer in this phase.
    pub last: Option<Evaluation>,
    /// While its window is widened to the step's start: from when requests are counted, to see whether there are enough
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<Widened>,
    /// Its loss of data was told; so its return will be.
    pub told_lost: bool,
}

impl GateTrack {
    /// A gate that has not been asked yet.
    pub fn fresh() -> GateTrack {
        GateTrack { state: GateState::default(), last: None, widened: None, told_lost: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    pub call: Call,
    pub since: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub action: String,
    pub text: String,
    pub attempts: u32,
    pub retry_at: Time,
    pub since: Time,
}

/// Whether this process may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driving {
    /// Not asked yet.
    Unknown,
    Yes {
        epoch: u64,
    },
    /// The lease ran out; it may come back.
    Lost {
        why: String,
        since: Time,
    },
    /// Somebody with a higher epoch drives: for good.
    SteppedDown {
        holder: String,
        since: Time,
    },
}

impl Driving {
    pub fn epoch(&self) -> Option<u64> {
        match self {
            Driving::Yes { epoch } => Some(*epoch),
            _ => None,
        }
    }
}

/// Whether a source answers, and since when it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    pub last_ok: Option<Time>,
    pub down: Option<(Time, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    pub how: OnExit,
    pub why: String,
    pub since: Time,
    /// Set when it is not simply left as somebody wished.
    #[serde(default)]
    pub came_to: Option<CameTo>,
    /// Tenants that are on their way, and so not judged, go back before the process leaves.
    #[serde(default)]
    pub takes_back: bool,
}

impl Track {
    /// From when what is seen speaks for the share that was asked: `at`, or the later moment a foreign edit was undone.
    pub fn stands_from(&self, at: Time) -> Time {
        self.undone_at.map_or(at, |undone| undone.max(at))
    }

    /// Share of the next version as the route now carries it, in per cent; 0 when unknown.
    pub fn accepted_share(&self) -> f64 {
        self.route.as_ref().map_or(0.0, RouteSeen::share)
    }

    /// Below 100 % new: by what was written, whatever somebody made of it since, or by what the route carries.
    pub fn below_full(&self) -> bool {
        self.written.as_ref().is_none_or(|w| w.traffic.next < 100) || self.accepted_share() < 99.5
    }

    /// A rule sends requests to the new version and none holds the old one any more: no weight says so, and all of that
    /// rule's traffic is on the new version.
    pub fn orphaned(&self) -> bool {
        let next = |r: &RouteSeen| {
            r.weights.is_none() && (!r.rules.is_empty() || r.backends.iter().any(|b| b.slot == Slot::Next))
        };
        self.route.as_ref().is_some_and(next)
    }

    /// Nothing is held against the version as it serves now, so that others may rest on it.
    pub fn sound(&self) -> bool {
        self.held.is_none() && self.breach.is_none() && !self.drifted && self.gates_rest()
    }

    /// Remembers what a write asked for whose answer never came.
    pub(super) fn forget_answer(&mut self, call: &Call) {
        use Action::{AddBackend, RemoveBackend, RouteRules, SetWeight, Stamp};
        if !matches!(call.action, AddBackend | RemoveBackend | SetWeight { .. } | RouteRules(_) | Stamp) {
            return;
        }
        self.unanswered.push((call.key, call.action.clone()));
        let over = self.unanswered.len().saturating_sub(UNANSWERED_KEPT);
        self.unanswered.drain(..over);
    }

    /// All gates of the last tick let a raise through, and there was at least one statement.
    pub fn gates_pass(&self) -> bool {
        let mut any = false;
        for gate in self.gates.values() {
            match &gate.last {
                Some(e) if e.acts_as == Verdict::Good => any = true,
                // Not asked in this phase, or nothing to say.
                None => {}
                Some(e) if e.acts_as == Verdict::NotApplicable => {}
                Some(_) => return false,
            }
        }
        any
    }

    /// Nothing speaks against resting on the new version: no gate is bad or without data. Too few requests are enough
    /// here; what could be learnt was learnt in the soak.
    pub fn gates_rest(&self) -> bool {
        let mut acts = self.gates.values().filter_map(|g| g.last.as_ref()).map(|e| e.acts_as);
        acts.all(|v| v.passes() || v == Verdict::TooFew)
    }

    /// Names of the gates that act as bad now.
    pub fn bad_gates(&self) -> impl Iterator<Item = (&str, &Evaluation)> {
        self.gates
            .iter()
            .filter_map(|(name, g)| g.last.as_ref().filter(|e| e.acts_as == Verdict::Bad).map(|e| (name.as_str(), e)))
    }
}

impl Run {
    pub fn track(&self, service: &str) -> Option<&Track> {
        self.tracks.get(service)
    }

    /// Tracks in the order of the plan.
    pub fn in_order(&self) -> impl Iterator<Item = &Track> {
        self.plan.services.iter().filter_map(|p| self.tracks.get(&p.service.name))
    }

    /// What stopped all raises, if the engine did: a failure that waits for a person, or a critical outage.
    pub fn stop(&self) -> Option<&Held> {
        self.stopped.as_ref().or(self.critical.as_ref())
    }

    /// The API server answers; only the lease is not to be had, because somebody else has it or had it.
    pub fn waits_for_lease(&self) -> bool {
        self.watches_down.is_none() && self.lease_down.is_some() && self.lease_waits
    }

    /// Nothing moves any more: it has ended, or the process that drove it came to an end of its own.
    pub fn is_over(&self) -> bool {
        self.is_ended() || self.came_to().is_some()
    }

    pub fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// This process has no more part in the run: nothing is decided until another one attaches.
    pub fn is_left(&self) -> bool {
        let held = self.leaving.as_ref().is_some_and(|l| l.how == OnExit::Hold && !l.takes_back);
        held || matches!(self.driving, Driving::SteppedDown { .. })
    }

    /// What the process that left came to.
    pub fn came_to(&self) -> Option<CameTo> {
        self.leaving.as_ref().and_then(|l| l.came_to)
    }

    /// How a person takes the run up, with the flags by which its cluster and folder were named.
    pub fn resume_command(&self) -> String {
        format!("pilothouse resume {} {}", self.id, self.flags).trim_end().to_string()
    }

    /// How a person's command for this run's cluster and namespace begins.
    pub fn kubectl(&self) -> String {
        super::by_hand::kubectl(&self.plan.environment, &self.kubectl_flags)
    }

    pub fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Ended(o) => Some(o),
            _ => None,
        }
    }
}
