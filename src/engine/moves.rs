//! How far the tenants of a service are, one by one.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::MatchRule;
use super::run::{Phase, Run, Track};
use super::window::Stay;
use crate::plan::{Move, Phased};
use crate::spec::units::Time;

/// The moves of one service that have begun, and what is waited for before the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// By name of the move.
    pub begun: BTreeMap<String, MoveTrack>,
    /// The one that is on its way, there or back.
    pub now: Option<String>,
    /// Tenants' rollbacks since a person last said to go on.
    pub rollbacks: u32,
    /// What the Calendar said last.
    pub turn: Option<Looked>,
}

/// One move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTrack {
    pub begun: Time,
    /// When its window closes; nothing within 400 days otherwise.
    pub closes: Option<Time>,
    pub place: Place,
    /// People were told that its window ends.
    #[serde(default)]
    pub told: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its rule is being written, or what it brings is judged.
    OnItsWay,
    /// Confirmed. `observed`: its own requests were seen on the new version.
    Moved {
        at: Time,
        observed: bool,
    },
    /// Its rule is being taken away.
    GoingBack {
        since: Time,
        why: String,
        /// It did nothing wrong: its turn comes again.
        #[serde(default)]
        again: bool,
    },
    Back {
        at: Time,
        why: String,
    },
}

impl Place {
    /// Its requests go to the new version, or are to.
    pub fn on_new(&self) -> bool {
        matches!(self, Place::OnItsWay | Place::Moved { .. })
    }
}

/// Whose turn it is, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    pub at: Time,
    /// The answer is good until then.
    pub again: Time,
    pub next: Next,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// This one, at that instant if nothing changes.
    Wait {
        name: String,
        until: Option<Time>,
        /// `until` as its own clock reads it.
        said: String,
        why: String,
    },
    /// So many went back that a person must say whether it goes on.
    Stopped,
    /// Those that are left went back, or have no window.
    Left,
    /// All have moved.
    Over,
}

/// A person's word on one tenant: it is passed over, and the others go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Stay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Stay>,
}

impl Kept {
    pub fn stays(&self) -> impl Iterator<Item = &Stay> {
        [&self.frozen, &self.deferred].into_iter().flatten()
    }
}

impl Moves {
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.begun.get(name).map(|m| &m.place)
    }

    /// Its requests go to the new version, or are to.
    pub fn on_new(&self, m: &Move) -> bool {
        self.place(&m.name).is_some_and(Place::on_new)
    }

    pub fn moved(&self, m: &Move) -> bool {
        matches!(self.place(&m.name), Some(Place::Moved { .. }))
    }

    /// Those that went back and are not tried again, in order of their names.
    pub fn back(&self) -> impl Iterator<Item = (&str, &str)> {
        self.begun.iter().filter_map(|(name, m)| match &m.place {
            Place::Back { why, .. } => Some((name.as_str(), why.as_str())),
            _ => None,
        })
    }

    /// The rules that are to stand in the route.
    pub fn rules(&self, phased: &Phased) -> Vec<MatchRule> {
        phased.rules(|m| self.on_new(m))
    }
}

/// The moves of a service while its tenants move: the first of its two steps.
pub fn moving<'r>(run: &'r Run, track: &Track) -> Option<&'r Phased> {
    let phased = run.plan.get(&track.service)?.phased.as_ref()?;
    matches!(track.phase, Phase::Shifting { step: 0, .. }).then_some(phased)
}

/// Its tenants move, and nobody is on the way: it waits for the next one's turn.
pub fn idle(run: &Run, track: &Track) -> bool {
    track.moves.now.is_none() && moving(run, track).is_some()
}

/// Tenants that have moved, of how many.
pub fn count(phased: &Phased, moves: &Moves) -> (usize, usize) {
    (phased.count(|m| moves.moved(m)), phased.count(|_| true))
}

/// The moves that take a tenant along, by its id or with its cohort.
pub fn of_tenant<'r>(run: &'r Run, id: &'r str, cohort: &'r str) -> impl Iterator<Item = (&'r Track, &'r Move)> {
    let hit = move |m: &&Move| {
        let host = |v: &String| v.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        m.name == id || m.values.iter().any(|v| v == id || host(v)) || (m.name == cohort && m.values == [cohort])
    };
    run.in_order().filter_map(move |t| {
        let phased = run.plan.get(&t.service)?.phased.as_ref()?;
        phased.moves.iter().find(hit).map(|m| (t, m))
    })
}
