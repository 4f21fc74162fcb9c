//! How long a run still takes when every tick is good.
use std::collections::BTreeMap;

use crate::engine::run::{GRID, HoldReason, Phase, Run, Settling, Stage, Track};
use crate::engine::status::{at_full, enough_at};
use crate::plan::order::AT_ONCE;
use crate::spec::policy::{After, Observed, PolicySpec};
use crate::spec::units::{Dur, Time};

/// Answers in a row that show no request on `-next`, and the look before them.
const QUIET: Dur = GRID.times(2);

/// A lower bound: holds, too few requests and people make it longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// Until the last service has completed its last step.
    pub full: Dur,
    /// Until all is soaked and settled.
    pub end: Dur,
}

/// What is left, from the policy's warm-up, holds, soak and drain, from the clean time each service already has, and, for
/// stable's new pods at the end, from how long those of `-next` took.
/// `None` once the run ended, before it runs, or while nobody can tell: something goes back or goes no further, waits for a
/// window, for the end of a freeze, for a journal that can be written or for requests that do not come, moves tenant by tenant,
/// or settles for longer than its new pods took to get ready, its silence and draining.
pub fn eta(run: &Run, now: Time) -> Option<Eta> {
    let stopped = run.stopped.is_some() || run.aborting.is_some();
    if run.stage != Stage::Running || stopped || run.tracks.values().any(|t| t.phase.going_back()) {
        return None;
    }
    let few = |t: &&Track| t.held.as_ref().is_some_and(|h| h.reason == HoldReason::TooFew);
    let overdue = |t: &Track| {
        matches!(t.phase, Phase::Settling(_)) && now.since(t.since) >= Settle::of(run, t).all(run.plan.policy.drain)
    };
    if run.tracks.values().any(overdue) || run.tracks.values().filter(few).any(|t| enough_at(run, t, now).is_none()) {
        return None;
    }
    let shut = |t: &Track| t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Window);
    // Tenants have windows of their own, days apart.
    let phased = |t: &Track| run.plan.get(&t.service).is_some_and(|p| p.phased.is_some());
    let tenants = run.tracks.values().any(|t| phased(t) && !at_full(t) && !t.phase.is_final());
    if run.frozen.is_some() || run.journal.down.is_some() || tenants || run.tracks.values().any(shut) {
        return None;
    }
    let policy = &run.plan.policy;
    let (mut ways, mut full, mut end): (BTreeMap<&str, Way>, _, _) = (BTreeMap::new(), Dur::ZERO, Dur::ZERO);
    let mut open = false;
    // When each service that moves leaves its place to another.
    let mut places: Vec<Dur> = Vec::new();
    // The plan lists services by waves: what one needs comes before it.
    for track in run.in_order() {
        let start = match &track.phase {
            Phase::Waiting { needs } => {
                let after =
                    |n: &str| run.plan.get(&track.service).map_or(policy.after, |p| p.waits_until(n, policy.after));
                needs.iter().filter_map(|n| Some(ways.get(n.as_str())?.lets_go(after(n)))).max()
            }
            _ => None,
        };
        let mut start = start.unwrap_or(Dur::ZERO);
        if matches!(track.phase, Phase::Waiting { .. }) {
            start = free(&places, start);
        }
        if let Some(at) = Some(track).filter(few).and_then(|t| enough_at(run, t, now)) {
            start = at.since(now);
        }
        let Some(way) = Way::of(track, policy, now, start, &Settle::of(run, track)) else { continue };
        places.push(way.full());
        open |= !track.phase.is_final();
        full = full.max(way.full());
        end = end.max(way.settled);
        ways.insert(&track.service, way);
    }
    open.then_some(Eta { full, end })
}

/// The first moment from `start` on at which one of the places is free.
fn free(places: &[Dur], start: Dur) -> Dur {
    let mut later: Vec<Dur> = places.iter().copied().filter(|end| *end > start).collect();
    later.sort_unstable();
    later.len().checked_sub(AT_ONCE).and_then(|n| later.get(n)).map_or(start, |end| *end)
}

/// What settling takes beside the drain.
struct Settle {
    /// Stable's new pods: as long as those of `-next` took, or the slowest of the others while it has none.
    rollout: Dur,
    quiet: Dur,
}

impl Settle {
    fn of(run: &Run, track: &Track) -> Settle {
        let made = |t: &Track| {
            let spent = t.durations.iter().filter(|(phase, _)| phase == Phase::Deploying.word());
            spent.map(|(_, spent)| *spent).max()
        };
        let rollout = made(track).or_else(|| run.tracks.values().filter_map(made).max()).unwrap_or(Dur::ZERO);
        let quiet = if run.plan.policy.observed == Observed::Off { Dur::ZERO } else { QUIET };
        Settle { rollout, quiet }
    }

    fn all(&self, drain: Dur) -> Dur {
        self.rollout + self.quiet + drain
    }

    fn left(&self, stage: &Settling, drain: Dur, spent: Dur, now: Time) -> Dur {
        match stage {
            Settling::CopyBack => self.rollout.minus(spent) + self.quiet + drain,
            Settling::MoveBack => self.quiet + drain,
            Settling::Confirm { since, .. } => self.quiet.minus(now.since(*since)) + drain,
            Settling::Drain { since } => drain.minus(now.since(*since)),
            Settling::Remove => Dur::ZERO,
        }
    }
}

/// When one service gets where, counted from now.
struct Way {
    /// Completion of each step; zero for those behind it.
    steps: Vec<Dur>,
    soaked: Dur,
    settled: Dur,
}

impl Way {
    /// `None` for a service that goes nowhere.
    fn of(track: &Track, policy: &PolicySpec, now: Time, start: Dur, settle: &Settle) -> Option<Way> {
        let nothing = (policy.steps.len(), Dur::ZERO, Dur::ZERO);
        let (first, mut at, mut clean) = match &track.phase {
            Phase::Waiting { .. } | Phase::Deploying => (0, start + policy.warmup, Dur::ZERO),
            Phase::Warming { ready_since } => {
                let warm = ready_since.map_or(Dur::ZERO, |since| now.since(since));
                (0, policy.warmup.minus(warm), Dur::ZERO)
            }
            Phase::Shifting { step, hold } => (*step, start, hold.clean),
            Phase::Soaking { .. } | Phase::Soaked | Phase::Settling(_) | Phase::Done => nothing,
            _ => return None,
        };
        let mut steps = vec![Dur::ZERO; policy.steps.len()];
        for (index, step) in policy.steps.iter().enumerate().skip(first) {
            at = at + step.hold.minus(clean);
            clean = Dur::ZERO;
            steps[index] = at;
        }
        let soak = match &track.phase {
            Phase::Soaking { clean } => policy.soak.minus(*clean),
            Phase::Soaked | Phase::Settling(_) | Phase::Done => Dur::ZERO,
            _ => policy.soak,
        };
        let left = match &track.phase {
            Phase::Done => Dur::ZERO,
            Phase::Settling(stage) => settle.left(stage, policy.drain, now.since(track.since), now),
            _ => settle.all(policy.drain),
        };
        let soaked = at + soak;
        Some(Way { steps, soaked, settled: soaked + left })
    }

    fn full(&self) -> Dur {
        self.steps.last().copied().unwrap_or(Dur::ZERO)
    }

    /// When a service that needs this one may start.
    fn lets_go(&self, after: After) -> Dur {
        match after {
            After::Full => self.full(),
            After::Soaked => self.soaked,
            After::Step(n) => self.steps.get(n.saturating_sub(1) as usize).copied().unwrap_or_else(|| self.full()),
        }
    }
}
