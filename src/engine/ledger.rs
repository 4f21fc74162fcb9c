//! What the verdicts of one tick do to a track: the hold's clean time, holds, blindness, breaches.
use super::breach::{self, Cause};
use super::command::Verb;
use super::cx::{Cx, ENGINE};
use super::effect::EventKind;
use super::holds::{hold, lift_if};
use super::run::{Ask, AskKind, Blind, GRID, HoldReason, Phase, Run, Track};
use super::{footing, moves, people};
use crate::gate::{Progress, Verdict};
use crate::spec::policy::Severity;
use crate::spec::units::Dur;

/// A page after this many ticks without data.
const MISSING_PAGE: u32 = 10;
/// Shown as a hold after this many: a source is allowed one hiccup.
const MISSING_HELD: u32 = 3;
/// Ticks with an answer that is not bad that end blindness.
const SEES_AGAIN: u32 = 3;
/// More than this share of bad ticks, in more than one spell, is flapping.
const FLAPPING: f64 = 0.2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tick {
    Good,
    Bad,
    TooFew,
    Missing,
}

fn tick_of(t: &Track) -> Option<Tick> {
    let acts = || t.gates.values().filter_map(|g| g.last.as_ref()).map(|e| e.acts_as);
    if acts().any(|v| v == Verdict::Bad) {
        return Some(Tick::Bad);
    }
    if acts().any(|v| v.is_missing() && v != Verdict::TooFew) {
        return Some(Tick::Missing);
    }
    if acts().any(|v| v == Verdict::TooFew) {
        return Some(Tick::TooFew);
    }
    acts().any(|v| v == Verdict::Good).then_some(Tick::Good)
}

/// Books one judged tick.
pub(super) fn book(cx: &mut Cx, t: &mut Track) {
    let Some(tick) = tick_of(t) else { return };
    sight(cx, t, tick);
    holds(cx, t, tick);
    let now = cx.now;
    // A tick speaks for the time since the one before it, and for none before the phase began.
    let of_phase = now.since(t.stands_from(t.since)).min(GRID);
    let mut unsaid = None;
    // Looked at every ten seconds or so: what is far more was looked at by nobody.
    let gap = now.since(t.booked.replace(now).map_or(t.since, |at| at.max(t.since)));
    t.stood = t.stood + if stands_still(cx.run, t) { gap } else { gap.minus(GRID.times(3)) };
    let worst = worst_bad(cx.run, t);
    // Good figures of pods that nobody is known to be sent to say nothing of the version.
    let (stands, undone) = (footing::stands(cx.run, t), t.undone_at);
    match &mut t.phase {
        Phase::Soaking { clean } if tick == Tick::Good && stands => *clean = *clean + of_phase,
        Phase::Verifying { .. } => count_verify(t, of_phase),
        Phase::Shifting { step, hold } => {
            let step = *step;
            let Some(accepted) = hold.accepted_at else { return };
            if hold.last_tick.is_some_and(|l| now.since(l) < Dur(GRID.0 / 2)) {
                return;
            }
            hold.last_tick = Some(now);
            hold.ticks += 1;
            // A tick speaks for the time since the one before it, and none before the weight was accepted, or stood again.
            let of_step = now.since(undone.map_or(accepted, |at| at.max(accepted))).min(GRID);
            let speaks_for = if stands { of_step } else { Dur::ZERO };
            match tick {
                Tick::Good => hold.clean = hold.clean + speaks_for,
                Tick::Bad => {
                    hold.bad_ticks += 1;
                    // Who said so had not seen this.
                    unsaid = hold.ended_by.take();
                    if cx.run.plan.policy.restart_on_bad {
                        hold.clean = Dur::ZERO;
                    } else {
                        hold.clean = hold.clean + speaks_for;
                    }
                }
                Tick::TooFew | Tick::Missing => {}
            }
            hold.recent.push_back(worst);
            let span = flap_span(cx.run.plan.steps(&t.service).get(step).map_or(Dur::ZERO, |s| s.hold));
            while hold.recent.len() > span {
                hold.recent.pop_front();
            }
            if flaps(cx.run, t) {
                flapping(cx, t);
            } else {
                long_step(cx, t, step);
            }
        }
        _ => {}
    }
    if let Some(who) = unsaid.filter(|_| t.phase.in_flight()) {
        let service = t.service.clone();
        cx.event(EventKind::Hold, ENGINE, Some(&service), format!("bad after {who} said next: the hold counts again"));
    }
}

/// Books a tick for services that are being verified.
fn count_verify(t: &mut Track, grid: Dur) {
    let passes = t.gates_pass();
    let bad = t.gates.values().any(|g| g.last.as_ref().is_some_and(|e| e.acts_as == Verdict::Bad));
    if let Phase::Verifying { clean, .. } = &mut t.phase {
        if passes {
            *clean = *clean + grid;
        } else if bad {
            *clean = Dur::ZERO;
        }
    }
}

/// Ticks that flapping is looked for in: the step's length, at least ten.
fn flap_span(hold: Dur) -> usize {
    usize::try_from(hold.0 / GRID.0).unwrap_or(10).max(10)
}

/// More than a fifth bad over a whole span, in at least two spells: one long spell is the gate's own trigger's business.
fn is_flapping(recent: impl ExactSizeIterator<Item = bool>, span: usize) -> bool {
    if recent.len() < span {
        return false;
    }
    let (mut bad, mut spells, mut before) = (0usize, 0usize, false);
    for b in recent {
        bad += usize::from(b);
        spells += usize::from(b && !before);
        before = b;
    }
    bad as f64 > FLAPPING * span as f64 && spells >= 2
}

/// The step a track is in was bad on and off.
pub(super) fn flaps(run: &Run, t: &Track) -> bool {
    let Phase::Shifting { step, hold } = &t.phase else { return false };
    let span = flap_span(run.plan.steps(&t.service).get(*step).map_or(Dur::ZERO, |s| s.hold));
    is_flapping(hold.recent.iter().map(Option::is_some), span)
}

/// The worst severity among the gates that act as bad now.
fn worst_bad(run: &Run, t: &Track) -> Option<Severity> {
    let severity = |name: &str| run.plan.policy.gates.iter().find(|g| g.name == name).map(|g| g.severity);
    t.bad_gates().filter_map(|(name, _)| severity(name)).max()
}

fn flapping(cx: &mut Cx, t: &mut Track) {
    let Phase::Shifting { hold, .. } = &t.phase else { return };
    // Of those that were bad in this very span: what happened before it was answered then.
    let worst = hold.recent.iter().flatten().max().copied().unwrap_or(Severity::Standard);
    let text = "flapping: more than 20% of the ticks of this step were bad, on and off";
    breach::fired(cx, t, worst, text, Cause::Flapping);
}

/// Whoever paused or froze it knows that it does not go on, and is not asked what to do about that.
fn stopped_by_person(run: &Run, t: &Track) -> bool {
    t.paused.is_some() || run.paused_all.is_some() || run.frozen.is_some()
}

/// Nothing can go on, whatever the gates say: by a person, or because of somebody else's edit or failure.
fn stands_still(run: &Run, t: &Track) -> bool {
    t.drifted || run.stop().is_some() || stopped_by_person(run, t)
}

fn long_step(cx: &mut Cx, t: &mut Track, step: usize) {
    let Phase::Shifting { hold: h, .. } = &t.phase else { return };
    let (Some(at), Some(s)) = (h.accepted_at, cx.run.plan.steps(&t.service).get(step)) else { return };
    // Held at the end of its window it is not the step that takes so long, and `next` would not help.
    let window = t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Window);
    if window || stands_still(cx.run, t) || moves::idle(cx.run, t) {
        return;
    }
    let spent = cx.now.since(at).minus(t.stood);
    if t.ask.is_none() && spent > s.hold.times(5) && s.hold > Dur::ZERO {
        let next = if people::answers(cx.run, Verb::Next, t) { "next, abort" } else { "abort" };
        let text = format!("step {} takes {} instead of {}: {next}, or wait?", step + 1, spent.clock(), s.hold);
        let service = t.service.clone();
        cx.page(Some(&service), text.clone());
        t.open(Ask { kind: AskKind::LongStep, text, since: cx.now, deadline: None });
    }
}

/// Keeps count of ticks without data: a page, then blindness; sight comes back after three good ticks.
fn sight(cx: &mut Cx, t: &mut Track, tick: Tick) {
    let service = t.service.clone();
    if tick == Tick::Missing {
        t.missing_ticks += 1;
        let since = *t.missing_since.get_or_insert(cx.now);
        if t.missing_ticks == MISSING_PAGE {
            cx.page(Some(&service), format!("no usable data for {}", cx.now.since(since).clock()));
        }
        if let Some(b) = &mut t.blind {
            b.good_ticks = 0;
        } else if cx.now.since(since) >= cx.run.plan.policy.max_blind {
            t.blind = Some(Blind { since: cx.now, good_ticks: 0 });
            cx.event(EventKind::Hold, ENGINE, Some(&service), "blind: no raises, traffic stays where it is");
            cx.page(Some(&service), "blind: gates have no data; traffic stays where it is");
        }
        return;
    }
    t.missing_ticks = 0;
    t.missing_since = None;
    // Too few requests are an answer: that the source is there, and what it sees.
    if let Some(b) = &mut t.blind
        && matches!(tick, Tick::Good | Tick::TooFew)
    {
        b.good_ticks += 1;
        if b.good_ticks >= SEES_AGAIN {
            let spent = cx.now.since(b.since).clock();
            t.blind = None;
            cx.event(EventKind::Hold, ENGINE, Some(&service), format!("sees again after {spent}"));
        }
    }
}

/// Holds that follow from the verdicts; they never replace a hold of another kind.
fn holds(cx: &mut Cx, t: &mut Track, tick: Tick) {
    const MINE: [HoldReason; 3] = [HoldReason::Gate, HoldReason::Missing, HoldReason::TooFew];
    if tick == Tick::Good {
        // What was held for them may show another reason since.
        t.close(&[AskKind::TooFew, AskKind::Missing]);
    }
    let going_back = t.moves.now.as_ref().and_then(|n| t.moves.place(n)).is_some_and(|p| !p.on_new());
    if !t.phase.in_flight() || going_back || t.held.as_ref().is_some_and(|h| !MINE.contains(&h.reason)) {
        return;
    }
    match tick {
        Tick::Bad => {
            let worst = t.bad_gates().max_by(|a, b| nearness(a.1).total_cmp(&nearness(b.1)));
            let Some((_, e)) = worst else { return };
            let (mut text, mut until) = (e.reason.clone(), None);
            if let Progress::Dwell { bad_for, of } = e.progress {
                text = format!("{text} for {} of {}", bad_for.clock(), of.clock());
                until = Some(cx.now + of.minus(bad_for));
            }
            hold(cx, t, HoldReason::Gate, text, until);
        }
        Tick::Missing if t.missing_ticks >= MISSING_HELD || asks(t) => {
            let text = missing_text(t);
            if asks(t) && t.ask.is_none() {
                let service = t.service.clone();
                cx.page(Some(&service), text.clone());
                t.open(Ask {
                    kind: AskKind::Missing,
                    text: format!("{text}: wait or abort?"),
                    since: cx.now,
                    deadline: None,
                });
            }
            hold(cx, t, HoldReason::Missing, text, None);
        }
        Tick::TooFew => too_few(cx, t),
        Tick::Good => lift_if(cx, t, &MINE, "gates are good"),
        Tick::Missing => {}
    }
}

/// What is missing, by the gate that misses it.
fn missing_text(t: &Track) -> String {
    let worst = t
        .gates
        .iter()
        .filter_map(|(name, g)| g.last.as_ref().map(|e| (name, e)))
        .filter(|(_, e)| e.acts_as.is_missing() && e.acts_as != Verdict::TooFew)
        .min_by_key(|(_, e)| e.acts_as);
    worst.map_or_else(String::new, |(name, e)| {
        let word = e.acts_as.word();
        if e.reason.starts_with(word) { format!("{name} {}", e.reason) } else { format!("{name} {word}: {}", e.reason) }
    })
}

fn asks(t: &Track) -> bool {
    t.gates.values().any(|g| g.last.as_ref().is_some_and(|e| e.asks))
}

/// How near a bad gate is to firing, 0 to 1.
fn nearness(e: &crate::gate::Evaluation) -> f64 {
    match e.progress {
        Progress::Instant => 1.0,
        Progress::Dwell { bad_for, of } => bad_for.as_secs_f64() / of.as_secs_f64().max(0.001),
        Progress::Count { bad, of } => f64::from(bad) / f64::from(of.max(1)),
        Progress::Burn { long, short, factor } => long.min(short) / factor,
    }
}

fn too_few(cx: &mut Cx, t: &mut Track) {
    // A gate that was bad or blind a moment ago no longer is.
    lift_if(cx, t, &[HoldReason::Gate, HoldReason::Missing], "too few requests to be bad");
    if stopped_by_person(cx.run, t) {
        return lift_if(cx, t, &[HoldReason::TooFew], "a person stopped it");
    }
    let plan = &cx.run.plan;
    let (at, wanted) = match &t.phase {
        // Between two tenants nothing rests on it.
        _ if moves::idle(cx.run, t) => return,
        Phase::Shifting { step, hold: h } => {
            (h.accepted_at.map(|at| at + t.stood), plan.steps(&t.service).get(*step).map(|s| s.hold))
        }
        Phase::Soaking { .. } => (Some(t.since + t.stood), Some(plan.policy.soak)),
        _ => return,
    };
    let (Some(at), Some(wanted)) = (at, wanted) else { return };
    let spent = cx.now.since(at);
    let reason = t.gates.values().filter_map(|g| g.last.as_ref()).find(|e| e.acts_as == Verdict::TooFew);
    let reason = reason.map_or_else(String::new, |e| e.reason.clone());
    let limit = wanted.times(u64::from(cx.run.plan.policy.max_step));
    if spent > wanted {
        hold(cx, t, HoldReason::TooFew, reason.clone(), Some(at + limit).filter(|l| *l > cx.now));
    }
    if spent > limit && t.ask.is_none() {
        let service = t.service.clone();
        let text = format!("{reason} after {}: next, abort, or wait?", spent.clock());
        cx.page(Some(&service), text.clone());
        t.open(Ask { kind: AskKind::TooFew, text, since: cx.now, deadline: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_bad_spell_is_not_flapping() {
        let span = flap_span(Dur::mins(2));
        assert_eq!(span, 12);
        let spell: Vec<bool> = (0..12).map(|i| i >= 5).collect();
        assert!(!is_flapping(spell.into_iter(), span));
        let on_off: Vec<bool> = (0..12).map(|i| i % 4 == 0).collect();
        assert!(is_flapping(on_off.into_iter(), span), "3 of 12 in three spells is 25%");
        let rare: Vec<bool> = (0..12).map(|i| i % 6 == 0).collect();
        assert!(!is_flapping(rare.into_iter(), span), "2 of 12 is 17%");
    }
}
