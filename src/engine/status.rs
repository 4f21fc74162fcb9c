//! What a run says of itself: one verdict, one sentence, the next change, whom it asks. Screen, terminal title and
//! headless output say the same because they all say this.
//!
//! Instants inside sentences are written by a function of the caller's, because only the caller knows the reader's zone.
mod asks;
mod back;
mod end;
mod held;
mod left;
mod next;
mod sentence;
mod tenants;
mod waits;

use super::command::Verb;
use super::front::front;
use super::moves::{idle, moving as moving_tenants};
use super::observe::Front;
use super::run::{AskKind, Blind, CameTo, Driving, ObservedShare, Outcome, Phase, Run, Settling, Track};
use crate::gate::sample::{Evaluation, Progress};
use crate::spec::policy::Gate;
use crate::spec::units::{Dur, Time};

use asks::open_asks;
pub use asks::{answers, answers_to, asked, by_hand};
pub use back::{BackState, BackStep, STEPS, back_steps};
pub use held::held_text;
pub use left::old_is;
pub use next::enough_at;
pub use sentence::{gate_text, human, unit_of};

/// How an instant is written for the reader, such as `03:17:00`.
pub type ShowTime<'a> = &'a dyn Fn(Time) -> String;

/// The verdict over the whole run, worst first: the first that applies is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// The cluster cannot be seen, or this process does not drive.
    Lost,
    /// A service goes back, or should and cannot.
    Roll,
    /// The engine or a person stopped raises.
    Held,
    /// Something is wrong that stops nothing yet.
    Warn,
    /// Pods or traffic are being moved.
    Move,
    /// Nothing moves, nothing is wrong.
    Ok,
    /// The run has ended.
    Done,
}

impl Word {
    pub fn text(self) -> &'static str {
        match self {
            Word::Lost => "LOST",
            Word::Roll => "ROLL",
            Word::Held => "HELD",
            Word::Warn => "WARN",
            Word::Move => "MOVE",
            Word::Ok => "OK",
            Word::Done => "DONE",
        }
    }
}

/// The service that matters most now: the one that asks first, else the one the verdict is about, or would be about if
/// the cluster could be seen.
pub fn matters(run: &Run) -> Option<&str> {
    let asks = open_asks(run, run.now.wall).into_iter().find_map(|a| a.service);
    let asking = asks.and_then(|name| run.tracks.get(&name));
    let told = if run.is_ended() { verdict(run).1 } else { verdict_of_services(run).1 };
    asking.or(told).map(|t| t.service.as_str())
}

/// What a run says of itself at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub word: Word,
    /// The service the verdict is about; `None` when it is about all.
    pub service: Option<String>,
    /// A full sentence: number, limit, dwell, and what the engine will do by itself and when.
    pub sentence: String,
    /// The same for a narrow screen.
    pub short: String,
    pub next: NextChange,
    /// Services whose new version serves 100 %, of how many.
    pub done: (usize, usize),
    /// Per cent of a service's traffic that a bad new version would hit now; see [`blast_radius`].
    pub blast_radius: u32,
    /// It is more than that; see [`blast_unknown`].
    pub blast_unknown: bool,
    /// What a person must answer first.
    pub ask: Option<AskLine>,
    /// How many questions are open.
    pub asks: usize,
}

/// The next thing the engine will do by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextChange {
    /// Such as `billing 50%`; never empty.
    pub text: String,
    /// When, if the condition holds; `None` when nobody can know.
    pub at: Option<Time>,
    /// What it depends on, such as `5:00 clean`; empty when on nothing.
    pub condition: String,
    /// Only if what is wrong now gets well by itself.
    pub recovers: bool,
    /// When another service stands still: which, and what it waits for. Empty when none does.
    pub meanwhile: String,
}

/// A question only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskLine {
    pub service: Option<String>,
    /// `None` for the start, and for a rollback that cannot be done: nothing the engine does answers that.
    pub kind: Option<AskKind>,
    pub text: String,
    /// When the engine answers by itself.
    pub deadline: Option<Time>,
    /// Verbs that answer it; none where only a hand can.
    pub answers: Vec<Verb>,
}

/// What `run` says of itself at `now`.
pub fn status(run: &Run, now: Time, show: ShowTime) -> Status {
    let (word, track) = verdict(run);
    let (sentence, short) = sentence::of(run, word, track, now, show);
    let asks = open_asks(run, now);
    let count = asks.len();
    Status {
        word,
        service: track.map(|t| t.service.clone()),
        sentence,
        short,
        next: next::change(run, word, track, now),
        done: (run.tracks.values().filter(|t| at_100(t)).count(), run.tracks.len()),
        blast_radius: blast_radius(run),
        blast_unknown: blast_unknown(run),
        ask: asks.into_iter().next(),
        asks: count,
    }
}

/// The new version has come through its steps, with the old one warm or already gone.
pub fn at_full(track: &Track) -> bool {
    matches!(track.phase, Phase::Soaking { .. } | Phase::Soaked | Phase::Settling(_) | Phase::Done)
}

/// Share of the new version, in per cent. Once it is stable itself the route's share of `-next` says nothing: all is new.
pub fn shown_share(track: &Track) -> f64 {
    match track.phase {
        Phase::Settling(Settling::CopyBack) => track.accepted_share(),
        Phase::Settling(_) | Phase::Done => 100.0,
        _ => track.accepted_share(),
    }
}

/// Why the route carries no share that could be told: it is gone, or no weight of ours can be read in it. Zero would read
/// as if somebody had seen it.
pub fn unread(track: &Track) -> Option<Unread> {
    let route = track.route.as_ref().filter(|r| r.weights.is_none() && !r.everybody)?;
    match track.phase {
        Phase::Settling(Settling::CopyBack) => {}
        Phase::Settling(_) => return None,
        _ if track.phase.is_final() => return None,
        _ => {}
    }
    Some(if route.uid.is_empty() { Unread::Gone } else { Unread::NoWeight })
}

/// As [`unread`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    Gone,
    NoWeight,
}

/// The new version serves everything, in its last step or after it: what the counter counts.
pub fn at_100(track: &Track) -> bool {
    let full = track.accepted_share() >= 99.5;
    match track.phase {
        Phase::Shifting { .. } => full,
        // Somebody else took the traffic away.
        Phase::Soaking { .. } | Phase::Soaked | Phase::Settling(Settling::CopyBack) if track.drifted => full,
        _ => at_full(track),
    }
}

/// The run whose new version the route's share is, where that is not this one's: another run, driven from elsewhere, moves
/// the same service.
pub fn of_another<'a>(run: &Run, track: &'a Track) -> Option<&'a str> {
    let route = track.route.as_ref().filter(|_| track.written.is_none() && track.accepted_share() >= 0.5)?;
    route.owner.as_ref().map(|mark| mark.run.as_str()).filter(|owner| *owner != run.id)
}

/// Highest share, in per cent, of a new version that has not come through its steps, whichever way it moves; 0 when all
/// that were begun have. Services do not share their traffic, so shares are not added up.
pub fn blast_radius(run: &Run) -> u32 {
    let unproven = run.tracks.values().filter(|t| !at_full(t) && of_another(run, t).is_none());
    // Of tenants and segments with rules of their own only requests say how much they are.
    let share = |t: &Track| match t.observed {
        // Whatever the weights say, stable's Service leads to it.
        _ if front(t) == Front::Other => 100.0,
        ObservedShare::Confirmed(seen) if t.has_rules() => seen.max(t.accepted_share()),
        _ => t.accepted_share(),
    };
    unproven.map(share).fold(0.0, f64::max).round() as u32
}

/// Tenants or segments have rules of their own, and no request says how much of the traffic they are: it is more than
/// [`blast_radius`], and nobody knows by how much.
pub fn blast_unknown(run: &Run) -> bool {
    let seen = |t: &Track| matches!(t.observed, ObservedShare::Confirmed(_));
    let unknown = |t: &Track| t.has_rules() && !seen(t) || front(t) == Front::Both;
    // More than everything is nothing to wonder about.
    blast_radius(run) < 100 && run.tracks.values().any(|t| !at_full(t) && unknown(t) && of_another(run, t).is_none())
}

/// What stops every raise of the run, whatever its services do; `None` while nothing does.
pub fn run_stop(run: &Run) -> Option<Time> {
    let stopped = run.stopped.as_ref().map(|h| h.since);
    let leaving = run.leaving.as_ref().map(|l| l.since);
    let frozen = run.frozen.as_ref().map(|f| f.since);
    let unwritten = run.journal.down.as_ref().map(|(since, _)| *since);
    stopped.or(run.aborting.as_ref().map(|a| a.since)).or(leaving).or(frozen).or(unwritten)
}

/// The worst word and the service it is about.
fn verdict(run: &Run) -> (Word, Option<&Track>) {
    if let Some(outcome) = run.outcome() {
        return match outcome {
            Outcome::Blocked => (Word::Warn, None),
            Outcome::Aborted if run.came_to() == Some(CameTo::Lost) => (Word::Lost, None),
            _ => (Word::Done, None),
        };
    }
    match run.came_to() {
        Some(CameTo::Lost | CameTo::Fault) => return (Word::Lost, None),
        Some(CameTo::RollbackBlocked) => return (Word::Roll, first(run, |t| t.phase.going_back())),
        Some(CameTo::Partial) => return (Word::Held, None),
        None => {}
    }
    if run.cluster.down.is_some() || matches!(run.driving, Driving::Lost { .. } | Driving::SteppedDown { .. }) {
        return (Word::Lost, None);
    }
    if sentence::barred(run).is_some() {
        return (Word::Warn, None);
    }
    verdict_of_services(run)
}

/// The worst word of a run that goes on and is seen.
fn verdict_of_services(run: &Run) -> (Word, Option<&Track>) {
    let blocked = first(run, |t| matches!(t.phase, Phase::RollbackBlocked { .. }));
    if let Some(track) = blocked.or_else(|| first(run, |t| t.phase.going_back())) {
        return (Word::Roll, Some(track));
    }
    if let Some(track) = held::worst(run) {
        return (Word::Held, Some(track));
    }
    if let Some(track) = first(run, |t| t.blind.is_some() || t.paused.is_some()) {
        return (Word::Held, Some(track));
    }
    let told = run.paused_all.is_some() || run.leaving.is_some() || run.aborting.is_some() || run.frozen.is_some();
    if run.stop().is_some() || told {
        return (Word::Held, None);
    }
    if let Some(track) = first(run, |t| t.fault.is_some() || t.ask.is_some() || t.bad_gates().next().is_some()) {
        return (Word::Warn, Some(track));
    }
    if run.journal.down.is_some() || run.bystanders.values().any(|(ready, wanted)| *ready == 0 && *wanted > 0) {
        return (Word::Warn, None);
    }
    match moving(run) {
        Some(track) => (Word::Move, Some(track)),
        None => {
            let waits = first(run, |t| idle(run, t));
            (Word::Ok, waits.or_else(|| first(run, |t| matches!(t.phase, Phase::Soaking { .. }))))
        }
    }
}

/// It went back, and a person decides what becomes of the run.
fn asks_after_rollback(t: &Track) -> bool {
    t.asks_for(AskKind::AfterRollback)
}

/// The service on its way that will change first.
fn moving(run: &Run) -> Option<&Track> {
    let on_its_way = |t: &&Track| {
        matches!(t.phase, Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Settling(_))
    };
    run.in_order()
        .filter(on_its_way)
        .filter(|t| !idle(run, t))
        .min_by_key(|t| next::due(run, t, run.now.wall).map_or(i64::MAX, |t| t.0))
}

fn first(run: &Run, hit: impl Fn(&Track) -> bool) -> Option<&Track> {
    run.in_order().find(|t| hit(t))
}

/// A service's state in at most eleven cells or so: `HELD 0:48`, `soaking 22m`, `waits`, `25% 3:12`.
pub fn state_text(run: &Run, track: &Track, now: Time) -> String {
    if run.is_over() {
        return end::rest(track);
    }
    if let Some(held) = &track.held
        && !track.phase.is_final()
        && !track.phase.going_back()
    {
        return format!("HELD {}", now.since(held.since).clock());
    }
    match &track.phase {
        Phase::RollingBack(r) => back::back_word(run, track, r, now),
        Phase::RollbackBlocked { .. } => "BLOCKED".into(),
        Phase::Verifying { .. } => {
            let left = back::watch(run, track, now).map_or(Dur::ZERO, |w| w.left);
            format!("verify {}", left.clock())
        }
        Phase::Done | Phase::RolledBack { .. } | Phase::Skipped { .. } => track.phase.word().into(),
        _ if track.paused.is_some() || (run.paused_all.is_some() && !track.phase.is_final()) => "paused".into(),
        _ if track.blind.is_some() => {
            track.blind.as_ref().map_or_else(String::new, |b: &Blind| format!("BLIND {}", now.since(b.since).clock()))
        }
        Phase::Waiting { .. } | Phase::Soaked | Phase::Settling(_) => track.phase.word().into(),
        // On its way, but the run lets nothing rise: it must not read as if it moved.
        Phase::Warming { .. } | Phase::Shifting { .. } if run_stop(run).is_some() => {
            let since = run_stop(run).map_or(track.since, |s| s.max(track.since));
            format!("HELD {}", now.since(since).clock())
        }
        Phase::Deploying => {
            let (ready, wanted) = pods(track);
            if wanted == 0 { "deploys".into() } else { format!("pods {ready}/{wanted}") }
        }
        Phase::Warming { ready_since: None } => {
            let (ready, wanted) = pods(track);
            format!("pods {ready}/{wanted}")
        }
        Phase::Warming { ready_since: Some(since) } => {
            format!("warms {}", run.plan.policy.warmup.minus(now.since(*since)).clock())
        }
        Phase::Shifting { .. } if moving_tenants(run, track).is_some() => {
            tenants::state(run, track).unwrap_or_default()
        }
        Phase::Shifting { step, hold } => match (hold.accepted_at, run.plan.steps(&track.service).get(*step)) {
            // The weight of the step, or what was taken over from a foreign edit.
            (Some(_), Some(step)) => format!("{}% {}", track.desired, step.hold.minus(hold.clean).clock()),
            (None, Some(step)) => format!("to {}%", step.weight),
            _ => "shifting".into(),
        },
        Phase::Soaking { clean } => format!("soaking {}", coarse(run.plan.policy.soak.minus(*clean))),
    }
}

/// What lets nothing of the run rise, told of a service that was on its way up; its own hold is told before it.
pub fn held_by_run(run: &Run, track: &Track) -> Option<String> {
    let rises = matches!(track.phase, Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. });
    super::holds::all_stopped(run).filter(|_| rises)
}

/// Services in flight that need the new version of this one: in a rollback they go back before it.
pub fn go_back_first(run: &Run, service: &str) -> Vec<String> {
    super::joint::needs_new(run, service)
}

/// Ready and wanted pods of the new version.
pub fn pods(track: &Track) -> (u32, u32) {
    track.next.as_ref().and_then(|w| w.deployment.as_ref()).map_or((0, 0), |d| (d.ready, d.wanted))
}

/// What a raise still waits for until its share counts.
enum WayUp {
    /// Pods come before the weight.
    Pods {
        ready: u32,
        wanted: u32,
    },
    Write,
    /// Written, and the gateway has not said that it follows.
    Accept,
}

fn way_up(track: &Track, weight: u32) -> WayUp {
    let (ready, wanted) = pods(track);
    match track.desired == weight {
        true => WayUp::Accept,
        false if ready < wanted => WayUp::Pods { ready, wanted },
        false => WayUp::Write,
    }
}

/// Minutes, or seconds below two minutes.
fn coarse(d: Dur) -> String {
    if d.0 >= 120_000 { format!("{}m", d.0.div_ceil(60_000)) } else { d.clock() }
}

/// How far a trigger has come at `now`, between 0 and 1, and as text: `0:48 of 2:00`. A dwell goes on counting for at
/// most one grid after its last tick, so that a countdown does not stand still between ticks and never runs ahead.
pub fn trigger(e: &Evaluation, now: Time) -> (f64, String) {
    match e.progress {
        Progress::Instant => (if e.fires { 1.0 } else { 0.0 }, "at once".into()),
        Progress::Dwell { of, .. } => {
            let spent = dwell(e, now);
            (ratio(spent.0 as f64, of.0 as f64), format!("{} of {}", spent.clock(), of.clock()))
        }
        Progress::Count { bad, of } => (ratio(f64::from(bad), f64::from(of)), format!("{bad} of {of}")),
        Progress::Burn { long, short, factor } => {
            (ratio(long.min(short), factor), format!("{:.1} of {factor:.1}", long.min(short)))
        }
    }
}

/// How long a gate has been bad, as in [`trigger`].
pub fn dwell(e: &Evaluation, now: Time) -> Dur {
    let Progress::Dwell { bad_for, of } = e.progress else { return Dur::ZERO };
    if e.acts_as != crate::gate::Verdict::Bad {
        return bad_for;
    }
    let since = now.since(e.at).0.min(super::run::GRID.0);
    Dur((bad_for.0 + since).min(of.0))
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 && part.is_finite() { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// The policy's gate of this name.
pub fn gate<'a>(run: &'a Run, name: &str) -> Option<&'a Gate> {
    run.plan.policy.gates.iter().find(|g| g.name == name)
}
