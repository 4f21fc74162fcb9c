//! Sentences about what stands still, and why.
use super::super::front::{front, misled_brief};
use super::super::observe::Front;
use super::super::rollback::may_go_back;
use super::super::run::{AskKind, Held, HoldReason, Phase, Run, Track};
use super::sentence::{NO_WAY_BACK, all_armed, armed, both, brief_why, capital, gate_text, human, rollback_why};
use super::{
    ShowTime, Unread, asks_after_rollback, at_full, dwell, enough_at, gate, shown_share, trigger, unread, waits,
};
use crate::gate::sample::{Evaluation, Progress};
use crate::spec::policy::{Gate, Severity};
use crate::spec::units::Time;

/// The held service that is told of: what is asked first, as long as nothing bad is on its way to be asked; of several the
/// one the engine acts on first. One that went back stops the whole run, which is more than what is only held.
pub fn worst(run: &Run) -> Option<&Track> {
    let danger = |t: &Track| {
        let asked = t.ask.as_ref().map(|a| a.kind);
        let pressing = asked.filter(|kind| t.rank(*kind) <= t.rank(AskKind::Keep));
        let bad = t.bad_gates().next().is_some();
        match (pressing, asked) {
            (Some(kind), _) => (0, t.rank(kind)),
            _ if bad => (1, 0),
            (None, Some(kind)) => (2, t.rank(kind)),
            (None, None) => (3, 0),
        }
    };
    // As the questions are ordered, so that both speak of one service.
    let until = |t: &Track| match (&t.ask, &t.held) {
        (Some(ask), _) => ask.deadline,
        (None, held) => held.as_ref().and_then(|h| h.until),
    };
    let until = |t: &Track| until(t).map_or(i64::MAX, |u| u.0);
    let told = run.in_order().filter(|t| t.held.is_some() || asks_after_rollback(t));
    told.min_by_key(|t| (danger(t), until(t)))
}

pub fn held_track(run: &Run, track: &Track, now: Time, show: ShowTime) -> (String, String) {
    let (name, share) = (&track.service, shown_share(track));
    if let Phase::RolledBack { rollback } = &track.phase {
        let old = track.facts.as_ref().map_or("old", |f| f.from_version.as_str());
        return (
            format!(
                "{name} went back to {old}: {}. Nothing else is raised until somebody decides.",
                rollback_why(rollback)
            ),
            format!("{name} went back: {}. A person decides", brief_why(rollback)),
        );
    }
    let Some(held) = &track.held else { return paused_track(track, now) };
    let (at, brief) = place(track);
    if held.reason == HoldReason::Footing {
        return held_by_footing(run, track, held, now);
    }
    if let Some((gate, e)) = worst_gate(run, track, now) {
        return held_by_gate(track, gate, e, held, now);
    }
    match held.reason {
        // Nobody raises it again; it only waits for the way back.
        HoldReason::Failure => {
            let text = format!("{name} holds at {share:.0}%: {}. It goes back as soon as they are.", bare(&held.text));
            (text, format!("{name} {share:.0}%: {}", bare(&held.text)))
        }
        HoldReason::Window => waits::service(run, track, held, now),
        HoldReason::Breach => held_by_breach(track, held, now),
        HoldReason::Missing => {
            let what = missing_gates(track).unwrap_or_else(|| bare(&held.text).to_string());
            (
                format!("{name} holds at {share:.0}%: {what}.{}", in_text(held, now, armed(track))),
                match held.until {
                    Some(until) => format!("{name} {share:.0}%: {what}, blind in {}", until.until(now).clock()),
                    None => format!("{name} {share:.0}%: {what}. Waits; rollback armed"),
                },
            )
        }
        HoldReason::TooFew => {
            let enough = enough_at(run, track, now)
                .map(|t| format!(" Enough at {} at current traffic.", show(t)))
                .unwrap_or_default();
            (
                format!(
                    "{name} holds at {share:.0}%: {}.{enough}{}",
                    bare(&held.text),
                    in_text(held, now, armed(track))
                ),
                format!("{name} {share:.0}%: {}.{enough}", bare(&held.text)),
            )
        }
        _ => (
            format!("{name} holds {at}: {}.{}", bare(&held.text), in_text(held, now, armed(track))),
            format!("{name} {brief}: {}", bare(&held.text)),
        ),
    }
}

/// Where a service is held, in a sentence and in short.
fn place(t: &Track) -> (String, String) {
    match unread(t) {
        None => {
            // What the weights say is not what flows where its Service leads elsewhere.
            let weight = if front(t).is_own() || at_full(t) { "" } else { "weight " };
            let share = format!("{weight}{:.0}%", shown_share(t));
            (format!("at {share}"), share)
        }
        Some(Unread::Gone) => ("without a route".into(), "no route".into()),
        Some(Unread::NoWeight) => ("at a weight that cannot be read".into(), "no weight".into()),
    }
}

/// `3 gates without data (provider down)`; what each source answered stands beside the gate.
pub fn missing_gates(track: &Track) -> Option<String> {
    let last = track.gates.iter().filter_map(|(name, g)| g.last.as_ref().map(|e| (name, e)));
    let missing: Vec<_> = last.filter(|(_, e)| e.acts_as.is_missing()).collect();
    let (name, first) = missing.first()?;
    let what = if missing.len() == 1 { human(name) } else { format!("{} gates", missing.len()) };
    Some(format!("{what} without data ({})", first.verdict.word()))
}

/// Texts of the engine end with or without a stop.
pub fn bare(text: &str) -> &str {
    text.trim_end_matches(['.', '?'])
}

/// What the engine does about a hold by itself.
fn in_text(held: &Held, now: Time, armed: &str) -> String {
    let Some(until) = held.until else {
        return match held.reason {
            // It may be that there is nothing to go back to.
            HoldReason::Footing if armed != NO_WAY_BACK => " Raises go on when it is put right.".into(),
            _ if armed == NO_WAY_BACK => format!(" It goes on settling when that is put right; {armed}."),
            _ => format!(" Raises go on when it is gone; {armed}."),
        };
    };
    let left = until.until(now).clock();
    match held.reason {
        HoldReason::Missing => format!(" Blind in {left}; traffic stays."),
        _ => format!(" Looked at again in {left}."),
    }
}

/// What it stands on is gone or another, and what comes of its gates meanwhile.
fn held_by_footing(run: &Run, track: &Track, held: &Held, now: Time) -> (String, String) {
    let (name, what, (at, brief)) = (&track.service, bare(&held.text), place(track));
    let said = misled_brief(run, track).unwrap_or_else(|| what.to_string());
    let flows = if front(track) == Front::Other && !at_full(track) { ", everything new" } else { "" };
    let short = format!("{name} {brief}{flows}: {said}");
    let Some(breach) = &track.breach else {
        let also = worst_gate(run, track, now).map(|(gate, e)| format!(" {} as well.", capital(&gate_text(gate, e))));
        let then = in_text(held, now, armed(track));
        return (format!("{name} holds {at}: {what}.{}{then}", also.unwrap_or_default()), short);
    };
    let left = breach.deadline.until(now).clock();
    let comes = if may_go_back(track) { "rolls back" } else { "is to roll back, and cannot before that is put right," };
    (
        format!("{name} held {at}: {what}. {}: {comes} in {left}{}.", capital(bare(&breach.reason)), unless(track).0),
        format!("{short}; due back in {left}"),
    )
}

/// No gate is bad at this moment, and the deadline stands all the same.
fn held_by_breach(track: &Track, held: &Held, now: Time) -> (String, String) {
    let (name, what, (at, brief)) = (&track.service, bare(&held.text), place(track));
    let left = held.until.map_or_else(|| "soon".into(), |u| format!("in {}", u.until(now).clock()));
    let (long, short) = unless(track);
    (
        format!("{name} held {at}: {what}. Rolls back {left}{long}."),
        format!("{name} {brief}: rolls back {left}{short}: {what}"),
    )
}

/// What would keep a breach from its deadline, in full and in short; it can be kept once.
fn unless(track: &Track) -> (&'static str, &'static str) {
    match track.breach.as_ref().is_some_and(|b| b.kept) {
        true => (" unless it recovers; it was kept once", ", kept once"),
        false => (" unless somebody says keep", " unless kept"),
    }
}

/// The bad gate whose trigger fires next.
pub fn worst_gate<'a>(run: &'a Run, track: &'a Track, now: Time) -> Option<(&'a Gate, &'a Evaluation)> {
    let left = |e: &Evaluation| match e.progress {
        Progress::Dwell { of, .. } => of.minus(dwell(e, now)).0,
        _ => (1000.0 * (1.0 - trigger(e, now).0)) as u64,
    };
    track.bad_gates().filter_map(|(n, e)| gate(run, n).map(|g| (g, e))).min_by_key(|(_, e)| left(e))
}

fn held_by_gate(track: &Track, gate: &Gate, e: &Evaluation, held: &Held, now: Time) -> (String, String) {
    let (name, (at, brief)) = (&track.service, place(track));
    let what = gate_text(gate, e);
    if held.reason == HoldReason::Breach {
        let left = held.until.map_or_else(|| "soon".into(), |u| format!("in {}", u.until(now).clock()));
        let (long, short) = unless(track);
        return (
            format!("{name} held {at}: {what}. Rolls back {left}{long}."),
            format!("{name} {brief}: {what}, rolls back {left}{short}"),
        );
    }
    let (_, far) = trigger(e, now);
    if matches!(track.phase, Phase::Settling(_)) {
        return (
            format!("{name} held {at}: {what} for {far}. {}.", capital(NO_WAY_BACK)),
            format!("{name} {brief}: {what}, {far}, no way back by itself"),
        );
    }
    let then = match e.progress {
        Progress::Dwell { of, .. } => {
            let left = of.minus(dwell(e, now)).clock();
            match gate.severity {
                Severity::Immediate => format!("Rollback in {left}"),
                Severity::Fast => format!("Fast rollback in {left}"),
                Severity::Standard => format!("Asks in {left}"),
            }
        }
        _ => match gate.severity {
            Severity::Standard => "Asks when it fires".into(),
            _ => "Rolls back by itself when it fires".into(),
        },
    };
    (
        format!("{name} held {at}: {what} for {far}. {} by itself.", then),
        format!("{name} {brief}: {what}, {far}, {}{}", then[..1].to_lowercase(), &then[1..]),
    )
}

fn paused_track(track: &Track, now: Time) -> (String, String) {
    let (name, share) = (&track.service, shown_share(track));
    if let Some(blind) = &track.blind {
        return (
            format!(
                "{name} is blind at {share:.0}%: no usable gate data for {}. Traffic stays; three good ticks lift it; {}.",
                now.since(blind.since).clock(),
                armed(track)
            ),
            format!("{name} blind at {share:.0}% for {}: traffic stays", now.since(blind.since).clock()),
        );
    }
    match &track.paused {
        Some(p) => {
            let why = if p.reason.is_empty() { String::new() } else { format!(" ({})", p.reason) };
            (
                format!(
                    "{name} paused at {share:.0}% by {}{why} for {}. It stays until somebody resumes; {}.",
                    p.by,
                    now.since(p.since).clock(),
                    armed(track)
                ),
                format!("{name} paused {share:.0}% by {} for {}", p.by, now.since(p.since).clock()),
            )
        }
        None => both(format!("{name} holds at {share:.0}%.")),
    }
}

pub fn held_run(run: &Run, now: Time) -> (String, String) {
    if let Some(p) = &run.paused_all {
        let why = if p.reason.is_empty() { String::new() } else { format!(" ({})", bare(&p.reason)) };
        let spent = now.since(p.since).clock();
        return (
            format!(
                "everything paused by {}{why} for {spent}. No share is raised until somebody resumes; {}.",
                p.by,
                all_armed(run)
            ),
            format!("everything paused by {}{why} for {spent}", p.by),
        );
    }
    if let Some(a) = &run.aborting {
        return both(format!("aborted by {}: what was below 100% goes back, the rest stays warm and held.", a.by));
    }
    match (run.stop(), &run.leaving) {
        (Some(held), _) => (
            format!("raises stopped: {}.{}", bare(&held.text), in_text(held, now, &all_armed(run))),
            format!("raises stopped: {}", bare(&held.text)),
        ),
        (None, Some(l)) => both(format!("leaving: {}. No share is raised any more.", bare(&l.why))),
        (None, None) if run.frozen.is_some() => waits::frozen(run, now).unwrap_or_default(),
        _ => both("raises are stopped.".into()),
    }
}

/// A hold's text with the figures of now, and of the gate the verdict names: two panels must not name two causes.
pub fn held_text(run: &Run, track: &Track, now: Time) -> Option<String> {
    let held = track.held.as_ref()?;
    if held.reason == HoldReason::Gate
        && let Some((gate, e)) = worst_gate(run, track, now)
    {
        return Some(format!("{} for {}", gate_text(gate, e), trigger(e, now).1));
    }
    Some(held.text.clone())
}
