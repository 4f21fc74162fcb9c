//! How a process leaves a run: told to, without its terminal, or because nobody can be waited for any longer. A run that is
//! left has not ended: another process can take it up.
use super::cx::{Cx, ENGINE};
use super::effect::{Effect, EventKind};
use super::message::Leave;
use super::rollback::may_go_back;
use super::run::{CameTo, Leaving, Outcome, Paused, Phase, Track};
use super::step::end;
use super::{campaign, compat};
use crate::spec::policy::{OnExit, OnTerminalLoss};
use crate::spec::units::{Dur, Time};

/// A run without a person has begun by then, or never does: nothing was changed, and a new one is soon made.
const BEGINS: Dur = Dur::mins(5);

pub(super) fn terminal_lost(cx: &mut Cx, how: OnTerminalLoss) {
    let goes_on = cx.run.start_wanted && how == OnTerminalLoss::Continue;
    if cx.run.started.is_none() && !goes_on {
        // Nobody can say `start` any more; waiting on would keep the lease from everybody else.
        cx.event(EventKind::Run, ENGINE, None, "the terminal is gone before the start: there is nothing to go on with");
        return end(cx, Outcome::Aborted);
    }
    cx.event(EventKind::Run, ENGINE, None, format!("the terminal is gone; policy says {}", word(how)));
    let paused = Paused { by: ENGINE.into(), reason: "the terminal is gone".into(), since: cx.now };
    match how {
        OnTerminalLoss::Continue => cx.run.interactive = false,
        // A person's own pause stays theirs: only they lift it.
        OnTerminalLoss::Hold => drop(cx.run.paused_all.get_or_insert(paused)),
        OnTerminalLoss::Rollback => drop(cx.run.aborting.get_or_insert(paused)),
    }
}

fn word(how: OnTerminalLoss) -> &'static str {
    match how {
        OnTerminalLoss::Hold => "hold: no raises, automatic rollback stays armed",
        OnTerminalLoss::Continue => "continue",
        OnTerminalLoss::Rollback => "rollback",
    }
}

/// Somebody, or a signal, told the process to leave.
pub(super) fn told(cx: &mut Cx, leave: &Leave) {
    // Nothing below 100 % is under way that could be brought back: what waits can be taken up later.
    let open = |t: &Track| match t.phase {
        // Tenants that have moved rest where they are: nothing is split by weight.
        Phase::Shifting { .. } if t.rests_by_tenant() => false,
        Phase::Shifting { .. } => t.below_full() && may_go_back(t),
        Phase::Deploying | Phase::Warming { .. } => true,
        Phase::RollbackBlocked { .. } => false,
        _ => t.phase.going_back(),
    };
    let default = if cx.run.interactive || !cx.run.tracks.values().any(open) { OnExit::Hold } else { OnExit::Rollback };
    let how = leave.how.or(cx.run.plan.policy.on_exit).unwrap_or(default);
    if cx.run.leaving.is_some() {
        return;
    }
    // Whoever never held the lease has seen others drive at most: nothing is decided for them.
    let looked_on = cx.run.started.is_some() && !cx.run.drove;
    let how = if looked_on { OnExit::Hold } else { how };
    let verb = match how {
        OnExit::Hold if looked_on => "this process never drove the run and decides nothing",
        OnExit::Hold => "hold: weights stay as they are",
        OnExit::Rollback => "rollback: services below 100 % go back first",
    };
    cx.event(EventKind::Run, ENGINE, None, format!("leaving ({}): {verb}", leave.why));
    cx.run.leaving = Some(Leaving { how, why: leave.why.clone(), since: cx.now, came_to: None, takes_back: false });
    match how {
        OnExit::Rollback if cx.run.started.is_some() => {
            let paused = Paused { by: ENGINE.into(), reason: leave.why.clone(), since: cx.now };
            cx.run.aborting.get_or_insert(paused);
        }
        // Whoever reads the exit code must learn that it could not have begun.
        _ if cx.run.started.is_none() && compat::bars(&cx.run.plan).is_some() => end(cx, Outcome::Blocked),
        _ if cx.run.started.is_none() => end(cx, Outcome::Aborted),
        _ => {
            // What nobody asked for otherwise: one who is not judged yet is not left where nobody watches.
            let asked = looked_on || cx.run.interactive || leave.how.or(cx.run.plan.policy.on_exit).is_some();
            if asked || !campaign::on_their_way_go_back(cx) {
                return cx.emit(Effect::End);
            }
            if let Some(leaving) = &mut cx.run.leaving {
                leaving.takes_back = true;
            }
        }
    }
}

/// Tenants that were on their way are back, or nobody can be waited for any longer: the process leaves.
pub(super) fn taken_back(cx: &mut Cx) {
    let Some(since) = cx.run.leaving.as_ref().filter(|l| l.takes_back).map(|l| l.since) else { return };
    let until = since + cx.run.plan.policy.rollback_give_up;
    let under_way = |t: &Track| t.moves.now.is_some() || t.phase.going_back();
    if cx.now < until && cx.run.tracks.values().any(under_way) {
        return cx.wake_at(until);
    }
    if let Some(leaving) = &mut cx.run.leaving {
        leaving.takes_back = false;
    }
    cx.emit(Effect::End);
}

/// Leaves the run as it stands; `text` says why, and what is left.
pub(super) fn go(cx: &mut Cx, came_to: Option<CameTo>, text: &str) {
    cx.event(EventKind::Run, ENGINE, None, format!("{text}; the run is left and can be taken up again"));
    let (now, why) = (cx.now, text.to_string());
    let leaving =
        cx.run.leaving.get_or_insert(Leaving { how: OnExit::Hold, why, since: now, came_to, takes_back: false });
    (leaving.how, leaving.came_to) = (OnExit::Hold, came_to);
    cx.emit(Effect::End);
}

/// Headless, nobody comes: a rollback that cannot be done, sources that stay away and a journal that cannot be
/// written are given up at some point.
pub(super) fn give_up(cx: &mut Cx) {
    if cx.run.interactive {
        return;
    }
    let patience = cx.run.plan.policy.rollback_give_up;
    let blocked = cx.run.tracks.values().find_map(|t| match &t.phase {
        Phase::RollbackBlocked { since, .. } => Some(*since),
        _ => None,
    });
    let lost = cx.run.cluster.down.as_ref().map(|(since, _)| *since);
    // Blind, and no answer now either: one that sees again needs three ticks to say so.
    let dark = |t: &Track| t.blind.as_ref().filter(|_| t.missing_since.is_some()).map(|b| b.since);
    let blind = cx.run.tracks.values().filter_map(dark).min();
    let lost = [lost, blind].into_iter().flatten().min();
    for (since, came_to, what) in [
        (blocked, CameTo::RollbackBlocked, "a rollback could not be done"),
        (lost, CameTo::Lost, "cluster or metrics were away"),
    ] {
        let Some(until) = since.map(|since| anew(cx, since) + patience) else { continue };
        if cx.now >= until {
            let text = format!("{what} for {patience}, as long as rollback_give_up says");
            return go(cx, Some(came_to), &text);
        }
        cx.wake_at(until);
    }
    give_up_journal(cx, patience);
}

/// Weights still go back without a journal, so this process leaves as one that is told to. Told already, it leaves what it
/// could not bring to an end.
fn give_up_journal(cx: &mut Cx, patience: Dur) {
    let Some(since) = cx.run.journal.down.as_ref().map(|(since, _)| *since) else { return };
    let told = cx.run.leaving.as_ref().map(|l| l.since);
    let until = anew(cx, told.map_or(since, |told| since.max(told))) + patience;
    if cx.now < until {
        return cx.wake_at(until);
    }
    let why = format!("the journal could not be written for {patience}, as long as rollback_give_up says");
    if told.is_some() {
        let back = cx.run.tracks.values().any(|t| t.phase.going_back()).then_some(CameTo::RollbackBlocked);
        return go(cx, back, &why);
    }
    self::told(cx, &Leave { how: None, why });
}

/// Who takes up what another gave up waits as long again.
fn anew(cx: &Cx, since: Time) -> Time {
    cx.run.attached.map_or(since, |attached| since.max(attached))
}

/// Headless, before the start: a cluster that cannot be looked at is not waited for without an end.
pub(super) fn never_began(cx: &mut Cx) {
    let Some(attached) = cx.run.attached.filter(|_| !cx.run.interactive) else { return };
    let patience = BEGINS.min(cx.run.plan.policy.rollback_give_up);
    if cx.now < attached + patience {
        return cx.wake_at(attached + patience);
    }
    let down = cx.run.cluster.down.as_ref().map(|(_, why)| why.clone());
    let why = cx.run.unlooked.as_ref().map(|u| u.why.clone()).or(down);
    let why = why.unwrap_or_else(|| "not everything that is watched has been listed".into());
    let text = format!("the run could not begin within {patience}: {}", why.trim_end_matches('.'));
    cx.event(EventKind::Fault, ENGINE, None, text.clone());
    let came_to = Some(CameTo::Lost);
    cx.run.leaving = Some(Leaving { how: OnExit::Hold, why: text, since: cx.now, came_to, takes_back: false });
    end(cx, Outcome::Aborted);
}

#[cfg(test)]
#[path = "leave_tests.rs"]
mod tests;
