//! Gates that fired. The worst severity acts, all are named. A `standard` breach asks before it acts: it holds, pages, and
//! goes back at its deadline unless somebody keeps it or it recovers. It is the track's own and outlives what else is shown
//! of it: a foreign edit or an unaccepted route beside it neither hides nor moves its deadline.
use super::campaign;
use super::cx::Cx;
use super::holds::{hold, lift_if};
use super::ledger;
use super::rollback::decide;
use super::run::{Ask, AskKind, Breach, HoldReason, Track};
use crate::spec::policy::Severity;
use crate::spec::units::Dur;

/// `keep` moves the deadline by this, once.
const KEEP: Dur = Dur::mins(10);

/// Why a breach stands, and when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Gates whose triggers fired; over when none is bad.
    Gates,
    /// The same, and whoever is on the new version is hit by it: its pods, a critical service, failures beyond all doubt.
    Whole,
    /// Too many bad ticks, on and off: over when they have left the span they are counted in. One good tick says nothing.
    Flapping,
}

/// A gate fired, or a step flaps.
pub(super) fn fired(cx: &mut Cx, t: &mut Track, severity: Severity, reason: &str, cause: Cause) {
    if !t.phase.in_flight() {
        return;
    }
    if severity > Severity::Standard {
        return act(cx, t, severity, reason, cause == Cause::Whole);
    }
    let fresh = t.breach.is_none();
    let (now, patience) = (cx.now, cx.run.plan.policy.standard_deadline);
    let breach = t.breach.get_or_insert_with(|| Breach {
        reason: String::new(),
        since: now,
        deadline: now + patience,
        kept: false,
        flapping: false,
        whole: false,
    });
    breach.reason = reason.into();
    breach.flapping |= cause == Cause::Flapping;
    breach.whole |= cause == Cause::Whole;
    let (deadline, whole) = (breach.deadline, breach.whole);
    if now >= deadline {
        return act(cx, t, severity, reason, whole);
    }
    cx.wake_at(deadline);
    hold(cx, t, HoldReason::Breach, reason.to_string(), Some(deadline));
    if fresh {
        let service = t.service.clone();
        cx.page(Some(&service), format!("{reason}: rolls back at its deadline unless somebody says keep"));
        let text = format!("{reason}: keep it?");
        t.open(Ask { kind: AskKind::Keep, text, since: now, deadline: Some(deadline) });
    }
}

/// Takes the tenant back that is on its way, where there is one to blame; else the whole service.
fn act(cx: &mut Cx, t: &mut Track, severity: Severity, reason: &str, whole: bool) {
    match campaign::to_blame(cx.run, t).filter(|_| !whole) {
        Some(name) => campaign::goes_back(cx, t, &name, reason),
        None => decide(cx, t, severity, reason, super::cx::ENGINE),
    }
}

/// A person keeps it for a while.
pub(super) fn keep(cx: &mut Cx, t: &mut Track) {
    let Some(breach) = &mut t.breach else { return };
    (breach.kept, breach.deadline) = (true, breach.deadline + KEEP);
    let (reason, deadline) = (breach.reason.clone(), breach.deadline);
    t.close(&[AskKind::Keep]);
    hold(cx, t, HoldReason::Breach, reason, Some(deadline));
    cx.wake_at(deadline);
}

/// What hid it is over.
pub(super) fn show(cx: &mut Cx, t: &mut Track) {
    let Some((reason, deadline)) = t.breach.as_ref().map(|b| (b.reason.clone(), b.deadline)) else { return };
    hold(cx, t, HoldReason::Breach, reason, Some(deadline));
}

/// Acts on the gates that fired at a tick, and on the deadline of a breach whose gates are silent now.
pub(super) fn answer(cx: &mut Cx, t: &mut Track, firing: Vec<(Severity, String)>, whole: bool) {
    if let Some(severity) = firing.iter().map(|(s, _)| *s).max() {
        let reasons: Vec<String> = firing.into_iter().map(|(_, r)| r).collect();
        return fired(cx, t, severity, &reasons.join("; "), if whole { Cause::Whole } else { Cause::Gates });
    }
    let Some(breach) = &t.breach else { return };
    let missing = t.gates.values().any(|g| g.last.as_ref().is_some_and(|e| e.acts_as.is_missing()));
    let bad = t.bad_gates().next().is_some() || (breach.flapping && ledger::flaps(cx.run, t));
    if !bad && !missing {
        t.breach = None;
        t.close(&[AskKind::Keep]);
        lift_if(cx, t, &[HoldReason::Breach], "recovered before its deadline");
    } else {
        // Missing data is no recovery.
        due(cx, t);
    }
}

/// The deadline, whether or not a tick falls on it.
pub(super) fn due(cx: &mut Cx, t: &mut Track) {
    let Some(breach) = &t.breach else { return };
    if cx.now < breach.deadline {
        return cx.wake_at(breach.deadline);
    }
    let (reason, whole) = (breach.reason.clone(), breach.whole);
    act(cx, t, Severity::Standard, &reason, whole);
}
