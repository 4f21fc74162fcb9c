//! Where a rollback is on its fixed way: weights down, confirmed, drained, removed, old watched.
use super::super::front::front;
use super::super::rollback::moved;
use super::super::run::{Phase, Rollback, RollbackStage, Run, Track, Verified};
use super::next::ticked;
use crate::gate::Verdict;
use crate::spec::policy::Severity;
use crate::spec::units::{Dur, Time};

/// How many steps a rollback has.
pub const STEPS: usize = 5;

/// One step of a rollback, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackStep {
    /// Such as `share 50% > 0%`.
    pub what: String,
    pub state: BackState,
    /// When it was done, where the run remembers it.
    pub at: Option<Time>,
    /// How long it still takes, where that is known.
    pub left: Option<Dur>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackState {
    Done,
    Now,
    /// Tried again and again.
    Blocked,
    Todo,
}

/// The steps of the rollback a service is in or has behind it; `None` when there was none.
pub fn back_steps(run: &Run, track: &Track, now: Time) -> Option<Vec<BackStep>> {
    let policy = &run.plan.policy;
    let (r, at) = whereabouts(track)?;
    let watched = match &track.phase {
        Phase::Verifying { since, .. } => Some(*since),
        _ => None,
    };
    let how = if r.severity == Severity::Fast { ", halved each 10 s" } else { "" };
    let drain_left = r.drain_since.map(|s| policy.drain.minus(now.since(s)));
    let verify_left = watch(run, track, now).map(|w| w.left);
    let first = run.plan.get(&track.service).is_some_and(|p| !p.segments.is_empty());
    let rules = match (track.moves.begun.is_empty(), first && r.from_share > 0) {
        (false, _) => ", tenants' rules away",
        (true, true) => ", segments' rules away",
        (true, false) => "",
    };
    let blocked = matches!(track.phase, Phase::RollbackBlocked { .. });
    // What never had traffic goes at once: what was left out is not told as done.
    let moved = moved(track, r);
    let or_nothing = |what: String, verb: &str| if moved { what } else { format!("nothing to {verb}") };
    let watching = match r.verified {
        Some(Verified::NotWatched) => "old not watched: the process left".into(),
        _ => format!("old watched for {}", policy.verify),
    };
    let share = match r.taken_out {
        true => format!("share 0%, taken out by another hand{rules}"),
        false => format!("share {}% > 0%{how}{rules}", r.from_share),
    };
    let told: [(String, Option<Time>, Option<Dur>); STEPS] = [
        (share, r.accepted_zero, None),
        (or_nothing("0% confirmed".into(), "confirm"), r.drain_since, None),
        (or_nothing(format!("drained for {}", policy.drain), "drain"), None, drain_left),
        ("new pods removed".into(), watched, None),
        (or_nothing(watching, "watch"), None, verify_left),
    ];
    let step = |(i, (what, done_at, left)): (usize, (String, Option<Time>, Option<Dur>))| {
        let state = match i.cmp(&at) {
            std::cmp::Ordering::Less => BackState::Done,
            std::cmp::Ordering::Equal if blocked => BackState::Blocked,
            std::cmp::Ordering::Equal => BackState::Now,
            std::cmp::Ordering::Greater => BackState::Todo,
        };
        let now_only = left.filter(|_| state == BackState::Now);
        BackStep { what, state, at: done_at.filter(|_| state == BackState::Done), left: now_only }
    };
    Some(told.into_iter().enumerate().map(step).collect())
}

/// What is left of watching the old version.
pub struct Watch {
    /// Clean time that is still missing; it counts on between ticks, as long as it passes at all.
    pub left: Dur,
    /// When it is over if all stays well; `None` while nobody can know.
    pub at: Option<Time>,
    /// What its gates wait for before any clean time passes.
    pub waits: Option<&'static str>,
}

/// The one figure for sentence, next change, row and steps; `None` where nothing is watched.
pub fn watch(run: &Run, track: &Track, now: Time) -> Option<Watch> {
    let Phase::Verifying { clean, .. } = &track.phase else { return None };
    let missing = run.plan.policy.verify.minus(*clean);
    let acts = || track.gates.values().filter_map(|g| g.last.as_ref()).map(|e| e.acts_as);
    let waits = if !front(track).is_own() {
        Some("its Service to lead to the old pods")
    } else if acts().any(|v| v == Verdict::Bad) {
        None
    } else if acts().any(|v| v.is_missing() && v != Verdict::TooFew) {
        Some("data from its gates")
    } else {
        acts().any(|v| v == Verdict::TooFew).then_some("enough requests")
    };
    let at = waits.is_none().then(|| (ticked(run, track, now) + missing).max(now));
    Some(Watch { left: at.map_or(missing, |at| at.until(now)), at, waits })
}

/// The rollback, and the index of the step that runs now; [`STEPS`] when all are done.
pub fn whereabouts(track: &Track) -> Option<(&Rollback, usize)> {
    match &track.phase {
        Phase::RollingBack(r) | Phase::RollbackBlocked { rollback: r, .. } => Some((r, index(r.stage))),
        Phase::Verifying { rollback, .. } => Some((rollback, 4)),
        Phase::RolledBack { rollback } => Some((rollback, STEPS)),
        _ => None,
    }
}

fn index(stage: RollbackStage) -> usize {
    match stage {
        RollbackStage::TargetCheck | RollbackStage::Lower => 0,
        RollbackStage::Confirm => 1,
        RollbackStage::Drain => 2,
        RollbackStage::Remove => 3,
    }
}

/// The step in at most eleven cells.
pub fn back_word(run: &Run, track: &Track, r: &Rollback, now: Time) -> String {
    match r.stage {
        RollbackStage::TargetCheck => "checks old".into(),
        RollbackStage::Lower => format!("ROLL {:.0}%", track.accepted_share()),
        RollbackStage::Confirm => "confirms 0%".into(),
        RollbackStage::Drain => {
            let left = r.drain_since.map_or(run.plan.policy.drain, |s| run.plan.policy.drain.minus(now.since(s)));
            format!("drains {}", left.clock())
        }
        RollbackStage::Remove if run.journal.down.is_some() => "no journal".into(),
        RollbackStage::Remove => "removes new".into(),
    }
}
