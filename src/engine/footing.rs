//! What a service stands on while it is on its way, looked at in every pass and not only before a raise: a gateway follows
//! its route, its new pods are there for what is sent to them, the old version could take everything back, and both run the
//! images this run knows. What is ours and was taken away is made again; what lasts is held, told, and has a deadline.
use serde::{Deserialize, Serialize};

use super::cx::{Cx, ENGINE, capacity};
use super::effect::{Action, EventKind};
use super::forward::{accepted, first_pods};
use super::front::misled;
use super::holds::{hold, lift_if};
use super::observe::{Accepted, DeploymentSeen, Front, Slot, WorkloadSeen};
use super::rollback::{self, FIT_PATIENCE, fit, old_ready};
use super::run::{AskKind, HoldReason, Phase, Run, Settling, Track};
use super::{breach, segments};
use crate::plan::Planned;
use crate::spec::image::{digest, is_stored};
use crate::spec::units::{Dur, Time};

/// So long new pods may be too few before people are told: a node that is replaced. Without a single one left, under
/// traffic, it goes back then.
const PATIENCE: Dur = Dur::mins(1);

/// Since when something is missing, and what people were told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Footing {
    /// Fewer new pods are ready than the share needs.
    pub short_since: Option<Time>,
    /// The old version could not take the traffic back.
    pub unfit_since: Option<Time>,
    /// Either version holds another image; it is judged anew when that is over.
    pub other_image: bool,
    /// What is being made again, as it was told.
    pub mends: Option<String>,
    pub route_told: bool,
    pub short_told: bool,
    pub lost_told: bool,
    /// The same of a Service of stable's that leads elsewhere.
    pub misled_told: bool,
    /// A write failed so often that a person was asked.
    pub write_told: bool,
    /// The share was taken over from a foreign edit, and the new version has no pods for it yet.
    pub adopted: bool,
    /// When people were told last that a gate is bad behind the point of no return.
    pub gate_told: Option<Time>,
}

impl Footing {
    /// Wall time moved without time passing.
    pub(super) fn clock_moved(&mut self, shift: impl Fn(&mut Time)) {
        self.short_since.iter_mut().chain(&mut self.unfit_since).chain(&mut self.gate_told).for_each(shift);
    }

    /// What cannot be seen runs no deadline out.
    pub(super) fn unseen(&mut self) {
        (self.short_since, self.unfit_since) = (None, None);
    }
}

/// The new version is made, and what it has come to rests on its pods and its route.
fn stands_on_it(t: &Track) -> bool {
    matches!(
        t.phase,
        Phase::Warming { .. }
            | Phase::Shifting { .. }
            | Phase::Soaking { .. }
            | Phase::Soaked
            | Phase::Settling(Settling::CopyBack)
    )
}

/// New pods that must be ready for what is sent to them, from the first step to the end of the copy-back.
pub(super) fn needs(run: &Run, t: &Track) -> Option<u32> {
    let p = run.plan.get(&t.service).filter(|_| stands_on_it(t) && !matches!(t.phase, Phase::Warming { .. }))?;
    let share = match &t.phase {
        // How much of the traffic tenants are nobody knows: pods for all of it.
        _ if p.phased.is_some() => 100,
        // What was just learnt of segments counts from the raise on that asks for the pods.
        Phase::Shifting { hold, .. } if hold.accepted_at.is_none() => t.desired,
        _ => segments::load(t, t.desired),
    };
    Some(capacity(p, t.r0, share))
}

fn deployment(w: &Option<WorkloadSeen>) -> Option<&DeploymentSeen> {
    w.as_ref()?.deployment.as_ref()
}

/// Nothing is missing without which a clean tick, or the end of the soak, means nothing: pods, and the share that was asked.
pub(super) fn stands(run: &Run, t: &Track) -> bool {
    if t.drifted {
        return false;
    }
    let enough = needs(run, t).is_none_or(|need| deployment(&t.next).is_some_and(|d| d.ready >= need));
    enough && against(run, t).is_none()
}

/// Why nothing may be raised or settled on what is there now.
pub(super) fn against(run: &Run, t: &Track) -> Option<String> {
    if !t.phase.in_flight() || !stands_on_it(t) {
        return None;
    }
    misled(run, t).or_else(|| other_image(run, t)).or_else(|| unfit(t)).or_else(|| match &t.route.as_ref()?.accepted {
        Accepted::Yes => None,
        Accepted::Pending => Some("no gateway has accepted the route as it stands".into()),
        Accepted::No(why) => Some(format!("the route is refused: {why}")),
    })
}

/// The old version could not take back what flows to the new one.
fn unfit(t: &Track) -> Option<String> {
    if !t.flows() || fit(t) {
        return None;
    }
    let (ready, of) = (old_ready(t), t.r0);
    Some(match deployment(&t.stable) {
        None => "the deployment of the old version is gone: there is nothing to go back to".into(),
        Some(_) => format!("only {ready} of {of} old pods are ready: the old version could not take the traffic back"),
    })
}

/// Either version is another one than this run moves, by its template, or by what its ready pods really run.
fn other_image(run: &Run, t: &Track) -> Option<String> {
    let (p, facts) = (run.plan.get(&t.service)?, t.facts.as_ref()?);
    if let Some(d) = deployment(&t.next).filter(|d| !is_stored(&p.image, &d.image)) {
        return Some(format!("-next was made with image {}, but holds {}: somebody changed it", p.image, d.image));
    }
    if let Some(d) = deployment(&t.stable).filter(|d| !is_stored(&facts.from_image, &d.image)) {
        let from = &facts.from_image;
        return Some(format!("the old version held image {from}, but holds {}: somebody changed it", d.image));
    }
    let pinned = t.pinned.as_ref().filter(|id| id.contains('@'))?;
    let pods = t.next.iter().flat_map(|w| &w.pods).filter(|pod| pod.ready && !pod.terminating);
    let ids = pods.filter_map(|pod| pod.image_id.as_ref().filter(|id| id.contains('@')));
    let other = ids.into_iter().find(|id| digest(id) != digest(pinned))?;
    Some(format!("-next began with {pinned}, but a pod of it runs {other}: the tag has moved, or somebody changed it"))
}

/// Makes again what is ours and was taken away, and gives both versions the pods they must have.
pub(super) fn restore(cx: &mut Cx, t: &mut Track, p: &Planned) {
    let taken = taken_away(cx.run, t, p);
    if taken.is_some() || (stands_on_it(t) && !stands(cx.run, t)) {
        t.lame_at = Some(cx.now);
    }
    let Some((action, text)) = taken else {
        t.footing.mends = None;
        // Its share has the pods it needs.
        t.footing.adopted = false;
        return;
    };
    if t.footing.mends.as_ref() != Some(&text) {
        let service = t.service.clone();
        cx.event(EventKind::Drift, ENGINE, Some(&service), text.clone());
    }
    cx.call(t, action, text.clone());
    t.footing.mends = Some(text);
}

/// What somebody took away, and the write that makes it again.
fn taken_away(run: &Run, t: &Track, p: &Planned) -> Option<(Action, String)> {
    let deploys = t.phase == Phase::Deploying;
    let next = t.next.as_ref().filter(|_| deploys || stands_on_it(t))?;
    let need = needs(run, t).unwrap_or_else(|| first_pods(run, t, p));
    match &next.deployment {
        Some(d) if next.service_exists && d.wanted >= need => {}
        Some(d) if next.service_exists => {
            let text = match t.footing.adopted {
                true => format!("{}% was taken over: -next is scaled from {} to {need} pods", t.desired, d.wanted),
                false => format!("-next wants {} pods where it needs {need}, by a foreign edit: scaled back", d.wanted),
            };
            return Some((Action::Scale { slot: Slot::Next, replicas: need }, text));
        }
        _ if deploys => return None,
        found => {
            let text = match (found, next.front) {
                (None, _) => "the deployment of -next is gone, by a foreign edit: made again",
                (Some(_), Front::Gone | Front::Own) => "the service of -next is gone, by a foreign edit: made again",
                (Some(_), _) => {
                    "the service of -next no longer selects its pods, by a foreign edit: deleted, it is made again"
                }
            };
            let text = text.to_string();
            return Some((Action::CreateNext { replicas: need }, text));
        }
    }
    let settles = matches!(t.phase, Phase::Settling(_));
    let wanted = deployment(&t.stable)?.wanted;
    if wanted >= t.r0 || !(settles || t.flows()) {
        return None;
    }
    let (who, replicas) = (if settles { "stable" } else { "the old version" }, t.r0);
    let text = format!("{who} wants {wanted} of {replicas} pods, by a foreign edit: scaled back");
    Some((Action::Scale { slot: Slot::Stable, replicas }, text))
}

/// Holds with the reason while something is missing. True: it goes back.
pub(super) fn keep(cx: &mut Cx, t: &mut Track) -> bool {
    if !stands_on_it(t) {
        return false;
    }
    // A tenant on its way back looks at its own acceptance.
    if t.moves.now.as_ref().and_then(|n| t.moves.place(n)).is_none_or(|place| place.on_new()) {
        accepted(cx, t);
    }
    lost(cx, t);
    short(cx, t)
}

/// The same where nothing else is looked at because somebody changed the route: what is sent to stable may be lost all the
/// same, and that is the greater harm.
pub(super) fn keep_drifted(cx: &mut Cx, t: &mut Track) {
    if stands_on_it(t) {
        lost(cx, t);
    }
}

/// Another image, or no old version to go back to: nothing this program may decide alone.
fn lost(cx: &mut Cx, t: &mut Track) {
    // Behind the point of no return there is nothing to go back to, and settling looks for itself.
    if !t.phase.in_flight() {
        return;
    }
    let lost = misled(cx.run, t);
    if lost.is_none() {
        t.footing.misled_told = false;
    }
    let (leads, other) = (lost.is_some(), lost.or_else(|| other_image(cx.run, t)));
    let unfit = unfit(t);
    if unfit.is_none() {
        t.footing.unfit_since = None;
    }
    if other.is_none() {
        t.footing.other_image = false;
    }
    let text = match (other, unfit) {
        (Some(text), _) => {
            if !std::mem::replace(&mut t.footing.other_image, true) {
                judged_anew(cx, t);
            }
            text
        }
        (None, Some(text)) => {
            let until = *t.footing.unfit_since.get_or_insert(cx.now) + FIT_PATIENCE;
            if cx.now < until {
                return cx.wake_at(until);
            }
            text
        }
        (None, None) => {
            t.footing.lost_told = false;
            t.close(&[AskKind::Footing]);
            lift_if(cx, t, &[HoldReason::Footing], "it is as it was");
            return breach::show(cx, t);
        }
    };
    // Whoever was told that something is not as it was does not know yet that requests are lost.
    let told = std::mem::replace(&mut t.footing.lost_told, true);
    let told = if leads { std::mem::replace(&mut t.footing.misled_told, true) } else { told };
    if !told {
        let service = t.service.clone();
        cx.page(Some(&service), text.clone());
    }
    t.ask_now(AskKind::Footing, format!("{text}: put it right, or abort?"), cx.now);
    if may_show(t, HoldReason::Footing) {
        hold(cx, t, HoldReason::Footing, text, None);
    }
}

/// What was clean so far was so of another version.
fn judged_anew(cx: &mut Cx, t: &mut Track) {
    match &mut t.phase {
        Phase::Shifting { hold, .. } => (hold.clean, hold.ended_by) = (Dur::ZERO, None),
        Phase::Soaking { clean } => *clean = Dur::ZERO,
        Phase::Soaked => cx.enter(t, Phase::Soaking { clean: Dur::ZERO }, "it soaks anew"),
        _ => {}
    }
}

/// Fewer new pods are ready than the share needs: held after a while, and back at the progress deadline; at once after
/// that while when none is left. True: it goes back.
fn short(cx: &mut Cx, t: &mut Track) -> bool {
    let ready = deployment(&t.next).map_or(0, |d| d.ready);
    let Some(need) = needs(cx.run, t).filter(|need| ready < *need && t.next.is_some()) else {
        t.footing.short_since = None;
        if std::mem::take(&mut t.footing.short_told) {
            lift_if(cx, t, &[HoldReason::Capacity], "enough new pods are ready again");
        }
        return false;
    };
    let since = *t.footing.short_since.get_or_insert(cx.now);
    let (flies, told_at) = (t.phase.in_flight(), since + PATIENCE);
    let text = format!("{ready} of {need} new pods are ready, {:.0}% is on them", t.accepted_share());
    let patience = if ready == 0 && t.flows() && fit(t) { PATIENCE } else { cx.run.plan.policy.progress_deadline };
    let until = since + patience;
    if flies && cx.now >= until {
        rollback::breach(cx, t, "progress", &format!("{text} for {patience}"));
        return true;
    }
    cx.wake_at(if cx.now < told_at { told_at.min(until) } else { until });
    if cx.now >= told_at {
        if !std::mem::replace(&mut t.footing.short_told, true) {
            let service = t.service.clone();
            cx.page(Some(&service), text.clone());
        }
        if may_show(t, HoldReason::Capacity) {
            hold(cx, t, HoldReason::Capacity, text, flies.then_some(until));
        }
    }
    false
}

/// What else is shown of a service gives way to what it stands on only where it says less: that a gate or a share is not
/// as it should be. Without an old version that is reached, what acts by itself and what somebody made of the route say
/// less, too: nothing that either comes to would help.
pub(super) fn may_show(t: &Track, mine: HoldReason) -> bool {
    use HoldReason::{Breach, Capacity, Drift, Footing, Gate, LongStep, Missing, NotAccepted, NotObserved, TooFew};
    let weak = |r: HoldReason| matches!(r, Gate | Missing | TooFew | NotObserved | LongStep);
    let less = |r: HoldReason| matches!(r, NotAccepted | Breach | Drift | Capacity);
    let weaker = |r: HoldReason| weak(r) || (less(r) && mine == Footing);
    t.held.as_ref().is_none_or(|h| h.reason == mine || weaker(h.reason))
}
