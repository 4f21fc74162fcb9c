//! Who may do what now: one pure function, used by key bar, help, palette, command line and the engine itself.
use super::command::{Allowance, Class, Identity, Role, Scope, Verb};
use super::holds::{by_hand, may_adopt};
use super::run::{AskKind, Driving, GRID, HoldReason, ObservedShare, Phase, Run, Stage, Track};
use super::{compat, front, holds, moves, rollback, window};
use crate::gate::Verdict;

mod preview;

pub use preview::{Preview, preview};

/// What somebody is under the run's policy. Nobody listed at all makes the driver's own identity an operator, outside
/// production only.
pub fn role(run: &Run, who: &Identity) -> Role {
    let people = &run.plan.policy.people;
    let listed = |names: &[String]| names.contains(&who.name);
    if listed(&people.owners) {
        return Role::Owner;
    }
    if listed(&people.approvers) {
        return Role::Approver;
    }
    if listed(&people.operators) {
        return Role::Operator;
    }
    let nobody = people.owners.is_empty()
        && people.approvers.is_empty()
        && people.operators.is_empty()
        && people.viewers.is_empty();
    if nobody && !run.plan.environment.production && *who == run.identity {
        return Role::Operator;
    }
    Role::Viewer
}

/// Why a finding cannot be accepted in production.
const NO_ROUTE: &str = "not accepted: no two-person route is configured, and in production a waiver needs one";

/// Whether `who` may do `verb` to `scope` now. `typed` is what was typed to confirm so far.
pub fn judge(run: &Run, verb: Verb, scope: &Scope, who: &Identity, typed: Option<&str>) -> Allowance {
    let info = verb.info();
    let has = role(run, who);
    if who.name.is_empty() && matches!(run.driving, Driving::Unknown) {
        return Allowance::Denied("the cluster has not answered yet".into());
    }
    if has < info.role {
        return Allowance::Denied(format!("needs role {}, you are {}", word(info.role), word(has)));
    }
    if let Err(why) = possible(run, verb, scope) {
        return Allowance::Denied(why);
    }
    match info.class {
        // Two names stand in the entry, which nothing proves: that is enough outside production, and nowhere else.
        Class::TwoPersons if verb == Verb::Waive && !run.plan.environment.production => Allowance::Allowed,
        Class::TwoPersons if verb == Verb::Waive => Allowance::Denied(NO_ROUTE.into()),
        Class::TwoPersons => Allowance::Denied("needs a second person, and no two-person route is configured".into()),
        Class::Typed => {
            let word = confirm_word(run, scope);
            if typed == Some(word.as_str()) { Allowance::Allowed } else { Allowance::NeedsTyping(word) }
        }
        Class::Plain | Class::Preview => Allowance::Allowed,
    }
}

pub fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Approver => "approver",
        Role::Owner => "owner",
    }
}

/// The word a person types to confirm: the service, or the run.
fn confirm_word(run: &Run, scope: &Scope) -> String {
    match scope {
        Scope::Service(name) => name.clone(),
        Scope::Run => run.id.clone(),
        Scope::Tenant(name) => name.clone(),
    }
}

/// Whether the state allows the verb, whoever asks.
fn possible(run: &Run, verb: Verb, scope: &Scope) -> Result<(), String> {
    if let Stage::Ended(_) = run.stage
        && verb != Verb::Note
    {
        return Err("the run has ended".into());
    }
    if run.is_left() && verb != Verb::Note && !matches!(run.driving, Driving::SteppedDown { .. }) {
        return Err(format!("nobody drives from here any more; {} takes the run up", run.resume_command()));
    }
    away(run, verb)?;
    let info = verb.info();
    let track = match scope {
        Scope::Service(name) => Some(run.track(name).ok_or_else(|| format!("no service {name} in this run"))?),
        Scope::Run => None,
        Scope::Tenant(name) => return of_tenant(run, verb, name),
    };
    if !info.on_run && track.is_none() && verb != Verb::Abort {
        return Err("select a service first".into());
    }
    if verb == Verb::Waive {
        return compat::possible(run);
    }
    let when = matches!(verb, Verb::Defer | Verb::Freeze | Verb::Unfreeze | Verb::Override);
    if verb != Verb::Start && verb != Verb::Note && !when && run.started.is_none() {
        return Err("the run has not begun".into());
    }
    match verb {
        Verb::Start => match run.stage {
            Stage::Ready => compat::bars(&run.plan).map_or(Ok(()), Err),
            Stage::Preflight => Err("preflight is not done".into()),
            _ => Err("the run has begun already".into()),
        },
        Verb::PauseAll if run.paused_all.is_some() => Err("everything is paused already".into()),
        Verb::ResumeAll if run.paused_all.is_none() => Err("nothing is paused as a whole".into()),
        Verb::Ack if run.pages.iter().all(|p| p.acked_by.is_some()) => Err("no page is open".into()),
        Verb::Defer if run.started.is_some() => Err("the run has begun: pause or freeze it".into()),
        Verb::Unfreeze if run.frozen.is_none() => Err("nobody froze it".into()),
        Verb::Override if !window::stands_at_all(run) => Err("no window stands against it".into()),
        Verb::Defer | Verb::Freeze | Verb::Unfreeze | Verb::Override => Ok(()),
        Verb::PauseAll | Verb::ResumeAll | Verb::Ack | Verb::Note => Ok(()),
        Verb::Abort if track.is_none() => match run.aborting {
            Some(_) => Err("the run is being aborted already".into()),
            None => Ok(()),
        },
        _ => track.map_or(Ok(()), |t| possible_here(run, verb, t)),
    }
}

/// What can be said of one tenant: it is kept back before its turn, or let go again.
fn of_tenant(run: &Run, verb: Verb, name: &str) -> Result<(), String> {
    let phased = |t: &Track| run.plan.get(&t.service)?.phased.as_ref()?.get(name).cloned();
    let mut moves = run.tracks.values().filter_map(|t| phased(t).map(|m| (t, m))).peekable();
    if moves.peek().is_none() {
        return Err(format!("{name} does not move by itself in this run"));
    }
    match verb {
        Verb::Unfreeze if !run.kept.contains_key(name) => Err(format!("nobody keeps {name} back")),
        Verb::Unfreeze | Verb::Note => Ok(()),
        Verb::Freeze | Verb::Defer if moves.all(|(t, m)| t.moves.on_new(&m)) => {
            Err(format!("{name} is on the new version already"))
        }
        Verb::Freeze | Verb::Defer => Ok(()),
        _ => Err("it acts on a service or on the run".into()),
    }
}

/// Verbs that need a live picture, or a cluster that can be written, are off without one; a decision is taken at any
/// time and carried out when there is one.
fn away(run: &Run, verb: Verb) -> Result<(), String> {
    if let Driving::SteppedDown { holder, .. } = &run.driving
        && verb != Verb::Note
    {
        return Err(format!("{holder} drives this fleet now"));
    }
    match verb {
        Verb::Start | Verb::Next | Verb::AdoptDrift | Verb::RevertDrift | Verb::SkipTo100 | Verb::ForceNext => {}
        _ => return Ok(()),
    }
    if run.cluster.down.is_some() {
        return Err(if run.waits_for_lease() { "the lease is not ours" } else { "the API server is away" }.into());
    }
    if matches!(run.driving, Driving::Lost { .. }) { Err("not driving: the lease is lost".into()) } else { Ok(()) }
}

/// Whether the state of a service lets this verb answer what it asks.
pub(super) fn answers(run: &Run, verb: Verb, t: &Track) -> bool {
    match verb {
        // What is left to abort then is the run.
        Verb::Abort if t.asks_for(AskKind::AfterRollback) => run.aborting.is_none(),
        _ => possible_here(run, verb, t).is_ok(),
    }
}

fn possible_here(run: &Run, verb: Verb, t: &Track) -> Result<(), String> {
    let say = |ok: bool, why: &str| if ok { Ok(()) } else { Err(why.to_string()) };
    let asked = |kind| t.asks_for(kind);
    match verb {
        Verb::Pause if t.paused.is_some() => Err("paused already".into()),
        Verb::Pause => say(
            t.phase.in_flight() || matches!(t.phase, Phase::Waiting { .. }),
            &format!("nothing to pause: {}", t.phase.word()),
        ),
        Verb::Resume => say(t.paused.is_some(), "not paused"),
        Verb::Next => next_possible(run, t),
        Verb::Keep if t.breach.as_ref().is_some_and(|b| b.kept) => Err("kept once already".into()),
        Verb::Keep => say(asked(AskKind::Keep), "no rollback waits for a deadline"),
        Verb::Retry => {
            let failed = asked(AskKind::AfterRollback) || asked(AskKind::Write) || asked(AskKind::Tenants);
            say(failed || t.fault.is_some(), "nothing failed here")
        }
        Verb::Skip => say(
            asked(AskKind::AfterRollback) || matches!(t.phase, Phase::Waiting { .. }),
            "only a service that waits or went back can be left out",
        ),
        Verb::AdoptDrift if t.route.as_ref().is_some_and(|r| r.weights.is_none()) => {
            Err("no weight can be read that could be taken over".into())
        }
        Verb::AdoptDrift if t.drifted && may_adopt(run, t).is_err() => may_adopt(run, t),
        Verb::RevertDrift if t.drifted && by_hand(run, t).is_some() => {
            let (what, command) = by_hand(run, t).unwrap_or_default();
            Err(format!("{what}: {command}"))
        }
        // It would be kept for later, and done at another person's word.
        Verb::RevertDrift if t.drifted && holds::undo_stopped(run, t).is_some() => {
            Err(holds::undo_stopped(run, t).unwrap_or_default())
        }
        Verb::AdoptDrift | Verb::RevertDrift => {
            say(t.drifted || t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Drift), "nobody changed the route")
        }
        Verb::Abort => match &t.phase {
            Phase::Deploying | Phase::Warming { .. } => Ok(()),
            // Below 100 % one person is enough, also where a foreign edit took a soaking service there.
            Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked if t.below_full() => {
                let why = format!("{}: its traffic cannot be taken back", front::unfit_why(run, t));
                say(rollback::may_go_back(t), &why)
            }
            p if p.going_back() => Err("going back already".into()),
            Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked => {
                Err("at 100%: use roll back (two persons)".into())
            }
            Phase::Settling(_) => Err("settling: past the point of no return".into()),
            Phase::Waiting { .. } => Err("not begun; skip leaves it out".into()),
            p => Err(format!("nothing to abort: {}", p.word())),
        },
        Verb::Rollback => match &t.phase {
            Phase::Soaking { .. } | Phase::Soaked | Phase::Shifting { .. } if !t.below_full() => Ok(()),
            Phase::Settling(_) | Phase::Done => Err("past the point of no return: make a reverse upgrade".into()),
            p if p.in_flight() => Err("below 100%: use abort, one person is enough".into()),
            p => Err(format!("nothing to roll back: {}", p.word())),
        },
        _ => say(t.phase.in_flight(), "not in flight"),
    }
}

fn next_possible(run: &Run, t: &Track) -> Result<(), String> {
    // A soak that will never see enough requests is ended as a step is, once it has asked.
    if matches!(t.phase, Phase::Soaking { .. }) && t.asks_for(AskKind::TooFew) {
        return t.bad_gates().next().map_or(Ok(()), |(_, e)| Err(format!("gate over: {}", e.reason)));
    }
    let Phase::Shifting { hold, .. } = &t.phase else {
        return Err(format!("no step is held: {}", t.phase.word()));
    };
    if moves::idle(run, t) {
        return Err("no tenant is on its way: the next moves when its turn comes".into());
    }
    if hold.accepted_at.is_none() {
        return Err("the weight is still being raised".into());
    }
    if hold.ended_by.is_some() {
        return Err("the hold was ended already".into());
    }
    // Verdicts of the step before speak for its share, and at the first step nobody was asked of requests yet.
    if hold.ticks == 0 {
        return Err(format!("{}% was not judged yet; the gates look every {GRID}", t.desired));
    }
    if let Some((_, e)) = t.bad_gates().next() {
        return Err(format!("gate over: {}", e.reason));
    }
    if let Some(breach) = &t.breach {
        return Err(format!("it rolls back unless it recovers: {}", breach.reason));
    }
    let asked = t.asks_for(AskKind::TooFew) || t.asks_for(AskKind::LongStep);
    let blocking = t.gates.values().filter_map(|g| g.last.as_ref()).find(|e| !e.acts_as.passes());
    if let Some(e) = blocking.filter(|e| !(asked && e.acts_as == Verdict::TooFew)) {
        return Err(e.reason.clone());
    }
    let weight = t.desired;
    if (t.accepted_share() - f64::from(weight)).abs() >= 0.5 {
        return Err(format!("the route has {:.0}%, not {weight}%", t.accepted_share()));
    }
    if let ObservedShare::Off(seen) = t.observed {
        return Err(format!("requests show {seen:.0}% on the new version, {weight}% was asked"));
    }
    if t.paused.is_some() || run.paused_all.is_some() {
        return Err("paused: resume first".into());
    }
    // What would keep the next raise from being written would keep it for later, too: nobody decides in advance.
    holds::raise_blocked(run, t).or_else(|| window::raise_stopped(run, t)).map_or(Ok(()), Err)
}
