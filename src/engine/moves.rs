//! How far the tenants of a service are, one by one.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rules::{MatchRule, Stands};
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
    /// Whose they were; nobody's in journals of before services of one run counted together.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub went_back: BTreeSet<String>,
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
    /// And that it is over, and its move is not done.
    #[serde(default)]
    pub over: bool,
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

/// Who went back since a person last said to go on, in whichever service of the run, and why: one that moves in two of them
/// is one. `track` stands for its service, which may be out of the run's hands.
pub fn went_back<'r>(run: &'r Run, track: &'r Track) -> BTreeMap<&'r str, &'r str> {
    let of = |t: &'r Track| {
        let counts = |name: &str| match t.moves.went_back.is_empty() {
            true => t.moves.rollbacks > 0 && matches!(t.moves.place(name), Some(Place::Back { .. })),
            false => t.moves.went_back.contains(name),
        };
        let why = |m: &'r MoveTrack| match &m.place {
            Place::GoingBack { why, .. } | Place::Back { why, .. } => Some(why.as_str()),
            _ => None,
        };
        t.moves
            .begun
            .iter()
            .filter_map(move |(name, m)| Some((name.as_str(), why(m)?)).filter(|(name, _)| counts(name)))
    };
    let others = run.tracks.values().filter(|o| o.service != track.service);
    std::iter::once(track).chain(others).flat_map(of).collect()
}

/// So many went back that nobody moves before a person says so.
pub fn line_stopped(run: &Run, track: &Track) -> bool {
    let stops = |after: u32| went_back(run, track).len() >= usize::try_from(after.max(1)).unwrap_or(usize::MAX);
    run.plan.when.as_ref().is_some_and(|when| stops(when.calendar.spec.stop_after_rollbacks))
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

/// What became of the rule of one that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Gone,
    Edited,
    /// It asks for nothing any more that tells its requests from those of others.
    Everybody,
}

impl Lost {
    /// As short as a column.
    pub fn word(self) -> &'static str {
        match self {
            Lost::Gone => "rule gone",
            Lost::Edited => "edited",
            Lost::Everybody => "takes all",
        }
    }

    pub fn said(self) -> &'static str {
        match self {
            Lost::Gone => "its rule is not in the route any more: where its requests go is not known",
            Lost::Edited => "its rule was edited: where its requests go is not known",
            Lost::Everybody => "its rule has lost what tells its requests apart: everybody's go to the new version",
        }
    }
}

/// What became of its rule, if it does not stand as it was written; nothing when everybody goes by the weight, or it has
/// not come so far.
pub fn lost(track: &Track, m: &Move) -> Option<Lost> {
    let (Phase::Shifting { step: 0, .. }, Some(route)) = (&track.phase, &track.route) else { return None };
    let there = match track.moves.place(&m.name)? {
        Place::Moved { .. } => true,
        // Before its rule is written there is none; a foreign edit is told only after that.
        Place::OnItsWay => track.drifted,
        _ => false,
    };
    let its = |rule: &MatchRule| rule.by == m.by && m.values.iter().all(|v| rule.values.contains(v));
    match route.rules.iter().find(|seen| its(&seen.rule)).map(|seen| seen.stands) {
        _ if !there => None,
        Some(Stands::Intact) => None,
        Some(Stands::Edited) if route.everybody => Some(Lost::Everybody),
        Some(Stands::Edited) => Some(Lost::Edited),
        Some(Stands::Gone) | None => Some(Lost::Gone),
    }
}

/// The same of all of a service, by name.
pub fn all_lost<'r>(run: &'r Run, track: &'r Track) -> impl Iterator<Item = (&'r str, Lost)> {
    let moves = moving(run, track).into_iter().flat_map(|phased| &phased.moves);
    moves.filter_map(|m| Some((m.name.as_str(), lost(track, m)?)))
}

/// As [`of_tenant`], for asking of many.
pub struct Index<'r> {
    services: Vec<Places<'r>>,
}

/// Of one service whose tenants move: places of moves by what tells a tenant, and by the cohort it is told with.
#[derive(Default)]
struct Places<'r> {
    one: BTreeMap<&'r str, usize>,
    all: BTreeMap<&'r str, usize>,
}

impl<'r> Index<'r> {
    pub fn of(run: &'r Run) -> Index<'r> {
        let phased = run.in_order().filter_map(|t| run.plan.get(&t.service)?.phased.as_ref());
        let index = |phased: &'r Phased| {
            let Places { mut one, mut all } = Places::default();
            for (i, m) in phased.moves.iter().enumerate() {
                let cohort = matches!(&m.values[..], [only] if *only == m.name);
                if cohort {
                    all.entry(m.name.as_str()).or_insert(i);
                }
                let host = |v: &'r String| v.split('.').next().unwrap_or(v);
                for told in m.values.iter().flat_map(|v| [v.as_str(), host(v)]).chain([m.name.as_str()]) {
                    one.entry(told).or_insert(i);
                }
            }
            Places { one, all }
        };
        Index { services: phased.map(index).collect() }
    }

    /// The place of its move in each service that has one.
    pub fn moves(&self, id: &str, cohort: &str) -> Vec<Option<usize>> {
        self.services.iter().map(|p| p.one.get(id).or_else(|| p.all.get(cohort)).copied()).collect()
    }
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
