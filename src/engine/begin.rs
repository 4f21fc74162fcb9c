//! A run before its first message.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::command::{Identity, IdentitySource};
use super::message::Stamp;
use super::run::{Driving, GateTrack, ObservedShare, Phase, Run, SourceState, Stage, Track};
use crate::plan::Plan;
use crate::spec::units::Dur;
use crate::spec::units::Time;

impl Run {
    /// A run that has not looked at anything yet.
    pub fn new(id: &str, plan: impl Into<Arc<Plan>>, now: Stamp) -> Run {
        let plan = plan.into();
        let tracks = plan.services.iter().map(|p| (p.service.name.clone(), Track::new(&plan, p, now.wall))).collect();
        Run {
            id: id.into(),
            plan_hash: plan.hash(),
            plan,
            stage: Stage::Preflight,
            created: now.wall,
            started: None,
            ended: None,
            now,
            seq: 0,
            next_key: 1,
            next_page: 1,
            tracks,
            bystanders: BTreeMap::new(),
            identity: Identity { name: String::new(), source: IdentitySource::Local },
            interactive: false,
            pager: false,
            start_wanted: false,
            preflight_asked: false,
            preflight: None,
            driving: Driving::Unknown,
            cluster: SourceState::default(),
            watches_down: None,
            lease_down: None,
            lease_waits: false,
            metrics: SourceState::default(),
            metrics_notes: Vec::new(),
            journal: SourceState::default(),
            synced: false,
            undriven: None,
            paused_all: None,
            stopped: None,
            critical: None,
            aborting: None,
            leaving: None,
            taken_back: BTreeSet::new(),
            attached: None,
            drove: false,
            unlooked: None,
            flags: String::new(),
            kubectl_flags: String::new(),
            rehearsal: false,
            window: None,
            waits: None,
            frozen: None,
            deferred: None,
            kept: BTreeMap::new(),
            tick_asked: None,
            tick_answered: None,
            events: VecDeque::new(),
            event_count: 0,
            pages: Vec::new(),
            unheard: None,
        }
    }
}

impl Track {
    fn new(plan: &Plan, planned: &crate::plan::Planned, now: Time) -> Track {
        let needs = planned.goes_after().filter(|n| plan.get(n).is_some()).cloned().collect();
        let gates = plan.policy.gates.iter().map(|g| (g.name.clone(), GateTrack::fresh())).collect();
        Track {
            service: planned.service.name.clone(),
            phase: Phase::Waiting { needs },
            since: now,
            facts: None,
            r0: 0,
            desired: 0,
            highest: 0,
            pinned: None,
            copied: None,
            stable: None,
            next: None,
            route: None,
            written: None,
            gates,
            held: None,
            paused: None,
            blind: None,
            ask: None,
            asks_behind: Vec::new(),
            breach: None,
            drifted: false,
            undone_at: None,
            lame_at: None,
            reverting: false,
            call: None,
            last_write: None,
            answered: None,
            watched: None,
            fault: None,
            unanswered: Vec::new(),
            pending_since: None,
            footing: Default::default(),
            unready_since: None,
            missing_ticks: 0,
            missing_since: None,
            stood: Dur::ZERO,
            booked: None,
            gates_from: None,
            split_since: None,
            raised_at: None,
            observed: ObservedShare::Unknown,
            segments_share: None,
            durations: Vec::new(),
            attempt: 0,
            moves: Default::default(),
        }
    }
}
