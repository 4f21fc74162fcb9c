//! What a person's command does. Who may is decided in [`super::people`], here too: a screen may be out of date.
use super::command::{Allowance, Command, Scope, Verb};
use super::cx::Cx;
use super::effect::EventKind;
use super::holds::{adopt, lift};
use super::pass::with_track;
use super::people::judge;
use super::run::{AskKind, HoldReason, Paused, Phase, Track};
use super::window::stay_of;
use super::{breach, campaign, joint, rollback, step};
use crate::spec::people::unseen;
use crate::spec::policy::Severity;

pub(super) fn obey(cx: &mut Cx, c: &Command) {
    let who = c.by.name.clone();
    let service = match &c.scope {
        Scope::Service(name) => Some(name.clone()),
        Scope::Run | Scope::Tenant(_) => None,
    };
    let whom = if let Scope::Tenant(name) = &c.scope { format!(" {name}") } else { String::new() };
    let name = c.verb.info().name;
    let reason = clean(&c.reason);
    let because = if reason.is_empty() { String::new() } else { format!(": \"{reason}\"") };
    match judge(cx.run, c.verb, &c.scope, &c.by, c.typed.as_deref()) {
        Allowance::Allowed => {}
        Allowance::Denied(why) => {
            return cx.event(EventKind::Command, &who, service.as_deref(), format!("{name} denied: {why}"));
        }
        Allowance::NeedsTyping(word) => {
            let text = format!("{name} denied: `{word}` was not typed");
            return cx.event(EventKind::Command, &who, service.as_deref(), text);
        }
        Allowance::NeedsSecond => {
            return cx.event(EventKind::Command, &who, service.as_deref(), format!("{name} waits for a second person"));
        }
    }
    if c.verb == Verb::Waive {
        let text = "waive denied: the entry is missing; the plan screen asks for all of it";
        return cx.event(EventKind::Command, &who, service.as_deref(), text);
    }
    // A screen asks for it; whoever sends a command some other way must say it too.
    if c.verb.needs_reason() && reason.trim().is_empty() {
        return cx.event(EventKind::Command, &who, service.as_deref(), format!("{name} denied: it needs a reason"));
    }
    if let Err(why) = stay_of(c.verb, &who, &reason, cx.now) {
        return cx.event(EventKind::Command, &who, service.as_deref(), format!("{name} denied: {why}"));
    }
    cx.event(EventKind::Command, &who, service.as_deref(), format!("{name}{whom}{because}"));
    match &c.scope {
        Scope::Service(s) => with_track(cx, s, |cx, t, _| on_service(cx, t, c.verb, &who, &reason)),
        Scope::Run => on_run(cx, c.verb, &who, &reason),
        Scope::Tenant(name) => on_tenant(cx, c.verb, name, &who, &reason),
    }
}

/// Control, bidirectional and zero-width characters never reach a journal or a screen.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !unseen(*c)).take(500).collect()
}

/// One tenant is kept back, or let go; the others go on.
fn on_tenant(cx: &mut Cx, verb: Verb, name: &str, who: &str, reason: &str) {
    let stay = stay_of(verb, who, reason, cx.now).ok().flatten();
    let kept = cx.run.kept.entry(name.into()).or_default();
    match verb {
        Verb::Freeze => kept.frozen = stay,
        Verb::Defer => kept.deferred = stay,
        // What was said last is taken back; a deferral beside a freeze stays.
        _ if kept.frozen.is_some() => kept.frozen = None,
        _ => kept.deferred = None,
    }
    cx.run.kept.retain(|_, k| k.stays().next().is_some());
    // Whose turn it is is found anew.
    cx.run.tracks.values_mut().for_each(|t| t.moves.turn = None);
}

fn on_run(cx: &mut Cx, verb: Verb, who: &str, reason: &str) {
    let stop = Paused { by: who.into(), reason: reason.into(), since: cx.now };
    match verb {
        Verb::Start => step::start_after_a_look(cx, who),
        Verb::PauseAll => cx.run.paused_all = Some(stop),
        Verb::ResumeAll => cx.run.paused_all = None,
        Verb::Freeze => cx.run.frozen = stay_of(verb, who, reason, cx.now).ok().flatten(),
        Verb::Defer => cx.run.deferred = stay_of(verb, who, reason, cx.now).ok().flatten(),
        Verb::Unfreeze => cx.run.frozen = None,
        Verb::Ack => {
            for page in cx.run.pages.iter_mut().filter(|p| p.acked_by.is_none()) {
                page.acked_by = Some(who.into());
            }
        }
        Verb::Abort => {
            let reason = if reason.is_empty() { format!("aborted by {who}") } else { reason.to_string() };
            cx.run.aborting = Some(Paused { reason, ..stop });
        }
        _ => {}
    }
}

fn on_service(cx: &mut Cx, t: &mut Track, verb: Verb, who: &str, reason: &str) {
    match verb {
        Verb::Pause => t.paused = Some(Paused { by: who.into(), reason: reason.into(), since: cx.now }),
        Verb::Resume => t.paused = None,
        Verb::Next => {
            let soak = cx.run.plan.policy.soak;
            match &mut t.phase {
                Phase::Shifting { hold, .. } => hold.ended_by = Some(who.into()),
                Phase::Soaking { clean } => *clean = soak,
                _ => {}
            }
            if t.held.as_ref().is_some_and(|h| matches!(h.reason, HoldReason::TooFew | HoldReason::LongStep)) {
                lift(cx, t, &format!("{who} goes on"));
            }
            t.close(&[AskKind::TooFew, AskKind::LongStep, AskKind::Missing]);
        }
        Verb::Keep => breach::keep(cx, t),
        Verb::Retry => retry(cx, t),
        Verb::Skip => {
            t.close_all();
            cx.run.stopped.take_if(|s| s.reason == HoldReason::Failure);
            if matches!(t.phase, Phase::Waiting { .. }) {
                cx.enter(t, Phase::Skipped { why: format!("left out by {who}") }, "left on its old version");
            }
            let name = t.service.clone();
            let t_back = t.clone();
            // Those that need it are looked for among all tracks, this one included.
            cx.run.tracks.insert(name.clone(), t_back);
            joint::skip_dependants(cx);
            cx.run.tracks.remove(&name);
        }
        Verb::AdoptDrift => adopt(cx, t, who),
        Verb::RevertDrift => {
            t.reverting = true;
            t.close(&[AskKind::Drift]);
        }
        Verb::Abort => {
            let reason = if reason.is_empty() { format!("aborted by {who}") } else { reason.to_string() };
            rollback::decide(cx, t, Severity::Immediate, &reason, who);
        }
        _ => {}
    }
}

/// What `retry` answers.
const RETRIED: [AskKind; 3] = [AskKind::AfterRollback, AskKind::Tenants, AskKind::Write];

fn retry(cx: &mut Cx, t: &mut Track) {
    if let Some(f) = &mut t.fault {
        f.retry_at = cx.now;
    }
    // The one that is asked first.
    let first = t.asks().map(|a| a.kind).find(|k| RETRIED.contains(k));
    let asked = first.and_then(|kind| t.close(&[kind]));
    if asked == Some(AskKind::AfterRollback) {
        cx.run.stopped.take_if(|s| s.reason == HoldReason::Failure);
        t.attempt += 1;
        t.restart();
        let needs = Vec::new();
        let text = format!("try {}: from the beginning", t.attempt + 1);
        cx.enter(t, Phase::Waiting { needs }, text);
    } else if asked == Some(AskKind::Tenants) {
        campaign::go_on(cx, t);
    } else if asked == Some(AskKind::Write) {
        t.copied = None;
        // Asked again when that fails as often.
        t.footing.write_told = false;
        t.fault.iter_mut().for_each(|f| f.attempts = 0);
        lift(cx, t, "tried again");
    }
}

impl Track {
    /// Forgets what the attempt before knew of the new version.
    fn restart(&mut self) {
        self.held = None;
        self.blind = None;
        (self.missing_ticks, self.missing_since) = (0, None);
        self.fault = None;
        self.footing.write_told = false;
        self.breach = None;
        self.split_since = None;
        self.drifted = false;
        self.gates_from = None;
        self.written = None;
        self.pinned = None;
        self.copied = None;
        self.moves = Default::default();
        self.desired = 0;
        self.highest = 0;
        self.observed = super::run::ObservedShare::Unknown;
        for gate in self.gates.values_mut() {
            *gate = super::run::GateTrack::fresh();
        }
    }
}
