//! What only a person can answer, and with what.
use super::super::command::Verb;
use super::super::front::{front, mend_front, misled, misled_brief};
use super::super::rollback::fit;
use super::super::run::{Ask, AskKind, Phase, Run, Stage, Track};
use super::super::{compat, holds, people, settle};
use super::{AskLine, held, unread};
use crate::gate::Verdict;
use crate::spec::units::Time;

/// What is asked, the most dangerous first, then by deadline.
pub fn open_asks(run: &Run, now: Time) -> Vec<AskLine> {
    let mut asks: Vec<AskLine> = Vec::new();
    if run.stage == Stage::Ready && !run.start_wanted {
        let barred = compat::bars(&run.plan).is_some();
        let (text, answers) = match (barred, run.plan.environment.production) {
            (false, _) => ("ready: waits for start", vec![Verb::Start]),
            (true, false) => ("mend the contracts, or accept what was found", vec![Verb::Waive]),
            (true, true) => ("mend the contracts, or begin without those services", Vec::new()),
        };
        asks.push(AskLine { service: None, kind: None, text: text.into(), deadline: None, answers });
    }
    if run.is_over() {
        return asks;
    }
    for track in run.in_order() {
        if let Phase::RollbackBlocked { .. } = &track.phase {
            asks.push(AskLine {
                service: Some(track.service.clone()),
                kind: None,
                text: match track.accepted_share() {
                    _ if !front(track).is_own() => format!("{}: put its Service right", track.service),
                    share if share < 0.5 => format!("{}: see why its gateway does not follow the route", track.service),
                    _ if fit(track) => format!("{}: mend its route, or take it back by hand", track.service),
                    _ => format!("{}: make old ready, or take it back by hand", track.service),
                },
                deadline: None,
                answers: Vec::new(),
            });
        }
        asks.extend(track.asks().map(|ask| line(run, track, ask, now)));
    }
    // What no verb answers is a rollback that cannot be done: nothing is worse.
    let rank = |a: &AskLine| Some(run.track(a.service.as_deref()?)?.rank(a.kind?));
    asks.sort_by_key(|a| (rank(a), a.deadline.map_or(i64::MAX, |t| t.0)));
    asks
}

fn line(run: &Run, track: &Track, ask: &Ask, now: Time) -> AskLine {
    AskLine {
        service: Some(track.service.clone()),
        kind: Some(ask.kind),
        text: match ask.kind {
            // Why it went back is the verdict's to say.
            AskKind::AfterRollback => {
                format!("{} went back: retry it, skip it, or abort the run?", track.service)
            }
            AskKind::Keep => {
                let at = match unread(track) {
                    Some(_) => String::new(),
                    None => format!(" at {:.0}% new", track.accepted_share()),
                };
                offered(run, track, ask, format!("keep {}{at}, or abort it?", track.service))
            }
            _ => named(&track.service, asked(run, track, ask, now)),
        },
        deadline: ask.deadline,
        answers: answers_to(run, track, ask.kind),
    }
}

/// Whom a question is about comes first: that an image or a route is called alike names nobody.
fn named(service: &str, text: String) -> String {
    let rest = text.strip_prefix(service);
    let led = rest.is_some_and(|rest| rest.starts_with([':', ' ']));
    if led { text } else { format!("{service}: {text}") }
}

/// A question keeps the words it was asked with; its figures, and what can be done about it, are those of now.
pub fn asked(run: &Run, track: &Track, ask: &Ask, now: Time) -> String {
    offered(run, track, ask, put(run, track, ask, now))
}

/// A question without the abort that the state of the service forbids.
fn offered(run: &Run, track: &Track, ask: &Ask, text: String) -> String {
    if answers_to(run, track, ask.kind).contains(&Verb::Abort) {
        return text;
    }
    if let Some(choice) = text.strip_suffix("next, abort, or wait?") {
        return format!("{choice}next, or wait?");
    }
    match text.strip_suffix(", or abort it?") {
        Some(choice) => format!("{choice}?"),
        None => text.trim_end_matches(" or abort?").trim_end_matches(',').to_string(),
    }
}

fn put(run: &Run, track: &Track, ask: &Ask, now: Time) -> String {
    let spent = match &track.phase {
        Phase::Shifting { hold, .. } => hold.accepted_at.map(|at| now.since(at)),
        Phase::Soaking { .. } => Some(now.since(track.since)),
        _ => None,
    };
    let mut last = track.gates.values().filter_map(|g| g.last.as_ref());
    match (ask.kind, spent) {
        (AskKind::TooFew, Some(spent)) => match last.find(|e| e.acts_as == Verdict::TooFew) {
            Some(e) => format!("{} after {}: next, abort, or wait?", e.reason, spent.clock()),
            None => ask.text.clone(),
        },
        (AskKind::LongStep, Some(spent)) => {
            let Phase::Shifting { step, .. } = &track.phase else { return ask.text.clone() };
            let of = run.plan.steps(&track.service).get(*step).map_or_else(String::new, |s| s.hold.to_string());
            format!("step {} takes {} instead of {of}: next, abort, or wait?", step + 1, spent.clock())
        }
        (AskKind::Drift, _) => match by_hand(run, track) {
            Some((what, _)) => format!("{}: {what}", track.service),
            None => ask.text.clone(),
        },
        (AskKind::Footing, _) => match misled_brief(run, track) {
            Some(what) => format!("{}: {what}: put it right", track.service),
            None => ask.text.clone(),
        },
        (AskKind::Missing, _) => match held::missing_gates(track) {
            Some(what) => format!("{what}: wait or abort?"),
            None => ask.text.clone(),
        },
        _ => ask.text.clone(),
    }
}

/// Verbs that answer what a service asks first, as its state allows them now; none where only a hand can.
pub fn answers(run: &Run, track: &Track) -> Vec<Verb> {
    track.ask.as_ref().map_or_else(Vec::new, |ask| answers_to(run, track, ask.kind))
}

/// The same for one of its open questions.
pub fn answers_to(run: &Run, track: &Track, kind: AskKind) -> Vec<Verb> {
    of_kind(kind).iter().copied().filter(|verb| people::answers(run, *verb, track)).collect()
}

/// What only a hand can do about a service, and the command for it.
pub fn by_hand(run: &Run, track: &Track) -> Option<(String, String)> {
    match &track.phase {
        Phase::RollbackBlocked { reason, command, .. } => Some((reason.clone(), command.clone())),
        // What the engine asks about where no verb can do it.
        _ if track.footing.lost_told && misled(run, track).is_some() => misled(run, track).zip(mend_front(run, track)),
        _ if settle::paused(run, track).is_some() => settle::paused(run, track),
        _ if track.drifted => holds::by_hand(run, track),
        _ => None,
    }
}

/// Verbs that answer a question of this kind.
fn of_kind(kind: AskKind) -> &'static [Verb] {
    match kind {
        AskKind::Keep => &[Verb::Keep, Verb::Abort],
        AskKind::TooFew | AskKind::LongStep | AskKind::Missing => &[Verb::Next, Verb::Abort],
        AskKind::Drift => &[Verb::AdoptDrift, Verb::RevertDrift],
        AskKind::AfterRollback => &[Verb::Retry, Verb::Skip, Verb::Abort],
        AskKind::Tenants => &[Verb::Retry, Verb::Abort],
        AskKind::Write => &[Verb::Retry, Verb::Abort],
        AskKind::NotAccepted | AskKind::Footing => &[Verb::Abort],
        AskKind::Rollout => &[],
    }
}
