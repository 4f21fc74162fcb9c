//! One message in, effects out.
use super::cx::{Cx, ENGINE, backoff};
use super::effect::{Effect, EventKind};
use super::holds::{hold, lift_if};
use super::message::{
    ANOTHER_CLUSTER, Attached, Body, CallErrorKind, CallOutcome, CallResult, LeaseSeen, Link, Message,
};
use super::observe::{Observation, PreflightReport, Problem};
use super::run::{Ask, AskKind, CameTo, Driving, Fault, HoldReason, Outcome, Run, SourceState, Stage, Track, Unlooked};
use super::{compat, joint, leave, news, obey, pass, tick, window};
use crate::spec::units::{Dur, Time, counted};

/// How soon a look that could not be had is tried again.
const LOOK_AGAIN: Dur = Dur::secs(5);
/// A write that failed this often in a row waits for a person; it goes on being tried.
const REFUSED: u32 = 6;

/// Takes one message in and says what is to be done. The same run and message give the same run and effects.
pub fn step(run: &mut Run, message: &Message) -> Vec<Effect> {
    // An earlier process heard nothing after its last message.
    if matches!(message.body, Body::Attached(_)) && run.started.is_some() {
        run.undriven.get_or_insert(run.now.wall);
    }
    run.now = message.at;
    run.seq = message.seq;
    let mut cx = Cx::new(run);
    if cx.run.is_ended() || (cx.run.is_left() && !matches!(message.body, Body::Attached(_))) {
        return cx.finish();
    }
    hear(&mut cx, &message.body);
    pass::pass(&mut cx);
    cx.finish()
}

fn hear(cx: &mut Cx, body: &Body) {
    match body {
        Body::Attached(a) => attached(cx, a),
        Body::Wake => {}
        Body::Command(c) => obey::obey(cx, c),
        Body::Observed(o) => observed(cx, o),
        Body::Synced => synced(cx),
        Body::Preflight(report) => preflight(cx, report),
        Body::Measured(answer) => tick::measured(cx, answer),
        Body::Called(result) => called(cx, result),
        Body::Lease(seen) => lease(cx, seen),
        Body::ClusterLink(link) => {
            cx.run.watches_down = match link {
                Link::Up => None,
                Link::Down(why) => Some(why.clone()),
            };
            cluster_link(cx);
        }
        Body::JournalLink(link) => {
            let now = cx.now;
            match (source(&mut cx.run.journal, link, now), link) {
                (Some(why), Link::Down(_)) => {
                    cx.page(None, format!("the journal cannot be written: {why}"));
                }
                (Some(text), Link::Up) => cx.event(EventKind::Fault, ENGINE, None, format!("journal: {text}")),
                (None, _) => {}
            }
        }
        Body::TerminalLost(how) => leave::terminal_lost(cx, *how),
        Body::Leave(told) => leave::told(cx, told),
        Body::Waived(waived) => compat::waived(cx, waived),
        Body::ClockJumped(by) => {
            let by_s = *by as f64 / 1000.0;
            anew(cx, *by, format!("the clock moved by {by_s:+.1} s against itself: everything is looked at anew"));
        }
        Body::StoodStill(spent) => {
            let text = format!("this process stood still for {}: everything is looked at anew", spent.clock());
            anew(cx, i64::try_from(spent.0).unwrap_or(i64::MAX), text);
        }
    }
}

/// Books a source's state; a text when it changed.
pub(super) fn source(state: &mut SourceState, link: &Link, now: Time) -> Option<String> {
    match link {
        Link::Up => {
            state.last_ok = Some(now);
            state.down.take().map(|(since, _)| format!("back after {}", now.since(since).clock()))
        }
        Link::Down(why) => {
            // Who answers instead is news, also while nobody has answered for a while.
            let another = |why: &str| why.contains(ANOTHER_CLUSTER);
            let fresh = state.down.as_ref().is_none_or(|(_, before)| another(why) && !another(before));
            let since = state.down.as_ref().map_or(now, |(s, _)| *s);
            state.down = Some((since, why.clone()));
            fresh.then(|| why.clone())
        }
    }
}

/// The cluster is away while the watches or the lease say so; a lease that is renewed says nothing of a dead watch, nor the
/// other way about.
fn cluster_link(cx: &mut Cx) {
    let why = cx.run.watches_down.as_ref().or(cx.run.lease_down.as_ref());
    let link = why.map_or(Link::Up, |why| Link::Down(why.clone()));
    let now = cx.now;
    if let Some(text) = source(&mut cx.run.cluster, &link, now) {
        cx.event(EventKind::Fault, ENGINE, None, format!("cluster: {text}"));
        answers_again(cx);
    }
}

/// What failed because nobody answered is tried at once, and counted anew, when somebody answers again.
fn answers_again(cx: &mut Cx) {
    if cx.run.cluster.down.is_some() {
        return;
    }
    for fault in cx.run.tracks.values_mut().filter_map(|t| t.fault.as_mut()) {
        (fault.attempts, fault.retry_at) = (0, cx.now);
    }
}

fn attached(cx: &mut Cx, a: &Attached) {
    let resumed = cx.run.started.is_some();
    cx.run.identity = a.identity.clone();
    cx.run.interactive = a.interactive;
    cx.run.pager = a.pager;
    cx.run.start_wanted |= a.start;
    // What an earlier process knew of the world is old now.
    cx.run.driving = Driving::Unknown;
    cx.run.synced = false;
    news::forget(cx.run);
    cx.run.attached = Some(cx.now);
    cx.run.drove = false;
    cx.run.unlooked = None;
    // Somebody is there again: what stopped only because nobody was goes on.
    cx.run.paused_all.take_if(|p| p.by == ENGINE);
    if cx.run.leaving.take().is_some_and(|l| l.came_to == Some(CameTo::Partial)) {
        joint::abort_is_over(cx);
    }
    cx.run.preflight_asked = false;
    cx.run.tick_asked = None;
    cx.run.cluster = SourceState { last_ok: cx.run.cluster.last_ok, down: None };
    (cx.run.watches_down, cx.run.lease_down) = (None, None);
    cx.run.journal.down = None;
    let names: Vec<String> = cx.run.tracks.keys().cloned().collect();
    for name in names {
        let Some(t) = cx.run.tracks.get_mut(&name) else { continue };
        t.fault = None;
        // Whose turn it was, another process found.
        t.moves.turn = None;
        let lost = t.call.take();
        if let Some(lost) = lost {
            t.forget_answer(&lost.call);
            let text = format!(
                "intent {} ({}) has no result: the cluster is read before anything is repeated",
                lost.call.key,
                lost.call.action.word()
            );
            cx.event(EventKind::Fault, ENGINE, Some(&name), text);
        }
    }
    window::other_zones(cx);
    if resumed {
        let who = a.identity.name.clone();
        cx.event(EventKind::Run, &who, None, "resumed");
    }
}

fn synced(cx: &mut Cx) {
    cx.run.synced = true;
    cx.run.cluster.last_ok = Some(cx.now);
}

fn observed(cx: &mut Cx, o: &Observation) {
    cx.run.cluster.last_ok = Some(cx.now);
    let from = news::From::Watch { anew: !cx.run.synced, now: cx.now };
    match o {
        Observation::Workload(w) => {
            if let Some(t) = cx.run.tracks.get_mut(&w.service) {
                news::workload(t, w, from);
            }
        }
        Observation::Route(r) => {
            if let Some(t) = cx.run.tracks.get_mut(&r.service) {
                news::route(t, r, from);
            }
        }
        Observation::Bystander { service, ready, wanted } => {
            cx.run.bystanders.insert(service.clone(), (*ready, *wanted));
        }
    }
}

fn preflight(cx: &mut Cx, report: &PreflightReport) {
    if cx.run.stage != Stage::Preflight {
        return;
    }
    let drives = matches!(cx.run.driving, Driving::Yes { .. });
    if report.server_version.is_empty()
        && let Some(p) = report.problems.iter().find(|p| p.blocking)
    {
        return unlooked(cx, &p.what);
    }
    cx.run.unlooked = None;
    let mut report = report.clone();
    // Somebody at a screen can read what bars the start, and mend it: `start` is off meanwhile.
    let patient = cx.run.interactive && !report.problems.iter().any(|p| p.blocking);
    let barred = compat::bars(&cx.run.plan).filter(|_| patient);
    report.problems.extend(compat::problems(&cx.run.plan));
    for facts in &report.facts {
        if let Some(t) = cx.run.tracks.get_mut(&facts.service) {
            t.r0 = facts.ready;
            t.facts = Some(facts.clone());
        }
    }
    let blocking = report.problems.iter().filter(|p| p.blocking).count();
    cx.run.preflight = Some(report.clone());
    if !drives && (blocking == 0 || barred.is_some()) {
        // Looked at again by the one who drives.
        return;
    }
    if let Some(why) = barred {
        (cx.run.stage, cx.run.start_wanted) = (Stage::Ready, false);
        return cx.event(EventKind::Fault, ENGINE, None, format!("start is off: {why}. Nothing was changed"));
    }
    if blocking > 0 {
        let text = format!("preflight found {}; nothing was changed", counted(blocking, "problem"));
        cx.event(EventKind::Run, ENGINE, None, text);
        for p in report.problems.iter().filter(|p| p.blocking) {
            cx.event(
                EventKind::Fault,
                ENGINE,
                p.service.as_deref(),
                format!("{}. Do: {}", p.what.trim_end_matches('.'), p.fix),
            );
        }
        end(cx, Outcome::Blocked);
        return;
    }
    cx.event(EventKind::Run, ENGINE, None, format!("preflight good: {} ready", counted(report.facts.len(), "service")));
    cx.run.stage = Stage::Ready;
    if cx.run.start_wanted && window::may_begin(cx) {
        let who = cx.run.identity.name.clone();
        start(cx, &who);
    }
}

/// Nothing was seen, so nothing is known to be wrong: it is tried again, and given up where nobody waits.
fn unlooked(cx: &mut Cx, why: &str) {
    if cx.run.unlooked.as_ref().is_none_or(|u| u.why != why) {
        cx.event(EventKind::Fault, ENGINE, None, format!("{} It is tried again every {LOOK_AGAIN}", sentence(why)));
    }
    cx.run.unlooked = Some(Unlooked { why: why.into(), retry_at: cx.now + LOOK_AGAIN });
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// A person's `start`. What the preflight saw may be hours old, so the cluster is looked at again before the first write.
pub(super) fn start_after_a_look(cx: &mut Cx, who: &str) {
    // Who says so again, of a begin that was put off, means now.
    (cx.run.start_wanted, cx.run.deferred) = (true, None);
    if window::may_begin(cx) {
        look_again(cx, who);
    }
}

/// Before the first write.
pub(super) fn look_again(cx: &mut Cx, who: &str) {
    cx.run.stage = Stage::Preflight;
    (cx.run.preflight_asked, cx.run.unlooked) = (false, None);
    cx.event(EventKind::Run, who, None, "the cluster is looked at again before the first write");
}

/// Nothing was changed, and nothing can begin.
pub(super) fn blocked(cx: &mut Cx, what: &str, fix: &str) {
    cx.event(EventKind::Fault, ENGINE, None, format!("{what}. Do: {fix}"));
    let problem = Problem { service: None, blocking: true, what: what.into(), fix: fix.into() };
    cx.run.preflight.get_or_insert_default().problems.push(problem);
    end(cx, Outcome::Blocked);
}

/// Begins the run.
pub(super) fn start(cx: &mut Cx, who: &str) {
    compat::accepted(cx);
    cx.run.stage = Stage::Running;
    cx.run.started = Some(cx.now);
    let now = cx.now;
    for t in cx.run.tracks.values_mut() {
        t.since = now;
    }
    let text = format!(
        "run {} of {} begins: {}",
        cx.run.id,
        cx.run.plan.upgrade,
        counted(cx.run.plan.services.len(), "service")
    );
    cx.event(EventKind::Run, who, None, text);
}

fn called(cx: &mut Cx, result: &CallResult) {
    let name = cx
        .run
        .tracks
        .values()
        .find(|t| t.call.as_ref().is_some_and(|c| c.call.key == result.key))
        .map(|t| t.service.clone());
    // An answer to an intent of an earlier process, or one that was given up: the watch will tell.
    let Some(mut t) = name.and_then(|n| cx.run.tracks.remove(&n)) else { return };
    if let Some(flight) = t.call.take() {
        match &result.outcome {
            CallOutcome::Done { seen } | CallOutcome::Found { seen } => {
                let from = news::From::Answer { sent: flight.since };
                for o in seen {
                    match o {
                        Observation::Workload(w) if w.service == t.service => news::workload(&mut t, w, from),
                        Observation::Route(r) if r.service == t.service => news::route(&mut t, r, from),
                        other => observed(cx, other),
                    }
                }
                t.answered = Some(cx.now);
                t.last_write = Some((flight.call.action.clone(), cx.now));
                pass::applied(cx, &mut t, &flight.call);
                // Tries are counted anew when the server answers again; what was held and asked stands all the same.
                if std::mem::take(&mut t.footing.write_told) {
                    lift_if(cx, &mut t, &[HoldReason::Write], "it could be written");
                    t.close(&[AskKind::Write]);
                }
                if let Some(fault) = t.fault.take()
                    && fault.attempts > 1
                {
                    let text = format!("{} worked after {} tries", flight.call.action.word(), fault.attempts + 1);
                    cx.event(EventKind::Fault, ENGINE, Some(&t.service), text);
                }
            }
            CallOutcome::Failed { error, retry_after } => failed(cx, &mut t, &flight.call, error, *retry_after),
            CallOutcome::Unknown { error } => {
                t.forget_answer(&flight.call);
                failed(cx, &mut t, &flight.call, error, None);
            }
        }
    }
    cx.run.tracks.insert(t.service.clone(), t);
}

fn failed(
    cx: &mut Cx,
    t: &mut Track,
    call: &super::effect::Call,
    error: &super::message::CallError,
    retry_after: Option<Dur>,
) {
    match error.kind {
        CallErrorKind::Fenced => return stepped_down(cx, "another process", &error.text),
        // Nothing was sent: try again soon, without counting it as a failure.
        CallErrorKind::NotDriving => {
            let attempts = t.fault.as_ref().map_or(0, |f| f.attempts);
            t.fault = Some(Fault {
                action: call.action.word().into(),
                text: error.text.clone(),
                attempts,
                retry_at: cx.now + backoff(0, call.key),
                since: t.fault.as_ref().map_or(cx.now, |f| f.since),
            });
            return;
        }
        _ => {}
    }
    let (now, attempts) = (cx.now, t.fault.as_ref().map_or(0, |f| f.attempts) + 1);
    // The server's wish is granted within bounds: a way back is not put off for minutes because of a busy moment.
    let longest = if call.action.lowers_risk() { Dur::secs(10) } else { Dur::mins(1) };
    let wait = backoff(attempts - 1, call.key).max(retry_after.unwrap_or_default().min(longest));
    let service = t.service.clone();
    // The first failure and then each tenth: the screen shows the count in between. One conflict is nothing unusual.
    let first = attempts == 1 && error.kind != CallErrorKind::Conflict;
    if first || attempts.is_multiple_of(10) {
        let text = format!("{}: {}; next try in {}", call.action.word(), error.text, wait);
        cx.event(EventKind::Fault, ENGINE, Some(&service), text);
    }
    if attempts == REFUSED {
        let text = format!("{} has failed {attempts} times: {}", call.action.word(), error.text);
        cx.page(Some(&service), text.clone());
        // A rollback that cannot be written says so in its own words.
        if !t.phase.going_back() {
            t.footing.write_told = true;
            hold(cx, t, HoldReason::Write, text.clone(), None);
            t.open(Ask { kind: AskKind::Write, text: format!("{text}: retry or abort?"), since: now, deadline: None });
        }
    }
    t.fault = Some(Fault {
        action: call.action.word().into(),
        text: error.text.clone(),
        attempts,
        retry_at: cx.now + wait,
        since: t.fault.as_ref().map_or(cx.now, |f| f.since),
    });
}

fn lease(cx: &mut Cx, seen: &LeaseSeen) {
    if matches!(cx.run.driving, Driving::SteppedDown { .. }) {
        return;
    }
    match seen {
        LeaseSeen::Held { epoch } => {
            if let Driving::Lost { since, .. } = &cx.run.driving {
                let text = format!("driving again after {}", cx.now.since(*since).clock());
                cx.event(EventKind::Run, ENGINE, None, text);
            }
            cx.run.driving = Driving::Yes { epoch: *epoch };
            cx.run.drove = true;
            if let Some(from) = cx.run.undriven.take() {
                let (now, by) = (cx.now, cx.now.since(from));
                cx.run.tracks.values_mut().for_each(|t| t.unwatched(now, by));
            }
            cx.run.lease_down = None;
            cluster_link(cx);
        }
        LeaseSeen::Taken { holder, epoch } => {
            let text = format!("{holder} drives this fleet (epoch {epoch})");
            if cx.run.started.is_none() {
                blocked(cx, &text, "wait for that run to end, or end it where it runs: one fleet has one driver");
            } else {
                stepped_down(cx, holder, &text);
            }
        }
        LeaseSeen::Waiting { error } | LeaseSeen::Expired { error } => {
            cx.run.lease_waits = matches!(seen, LeaseSeen::Waiting { .. });
            cx.run.lease_down = Some(error.clone());
            cluster_link(cx);
        }
        LeaseSeen::Lapsed => {
            let why = cx.run.lease_down.get_or_insert_with(|| "the lease was not renewed".into()).clone();
            cluster_link(cx);
            if matches!(cx.run.driving, Driving::Yes { .. }) {
                cx.run.driving = Driving::Lost { why, since: cx.now };
                let text = "NOT DRIVING: the lease could not be renewed; nothing is written";
                cx.event(EventKind::Fault, ENGINE, None, text);
            }
        }
    }
}

fn stepped_down(cx: &mut Cx, holder: &str, why: &str) {
    cx.run.driving = Driving::SteppedDown { holder: holder.into(), since: cx.now };
    cx.event(EventKind::Run, ENGINE, None, format!("stepped down for good: {why}"));
    cx.emit(Effect::End);
}

/// Nobody looked for a while, `by` of the wall clock: that time is no part of any span, and what was known is old.
fn anew(cx: &mut Cx, by: i64, text: String) {
    cx.event(EventKind::Fault, ENGINE, None, text);
    if !matches!(cx.run.driving, Driving::SteppedDown { .. }) {
        cx.run.driving = Driving::Unknown;
    }
    // Machines sleep, watches with them: what they showed is as old as the jump until they have listed again.
    cx.run.synced = false;
    news::forget(cx.run);
    cx.run.tick_asked = None;
    cx.run.tick_answered = None;
    let now = cx.now;
    cx.run.unlooked.iter_mut().for_each(|u| u.retry_at.0 += by);
    cx.run.attached.iter_mut().for_each(|t| *t = Time((t.0 + by).min(now.0)));
    cx.run.clock_moved(now, by);
}

/// Ends the run.
pub(super) fn end(cx: &mut Cx, outcome: Outcome) {
    cx.run.stage = Stage::Ended(outcome);
    cx.run.ended = Some(cx.now);
    let text = match outcome {
        Outcome::Succeeded => "succeeded: every service is on its new version",
        Outcome::RolledBack => "rolled back: every service that was touched is on its old version",
        Outcome::Partial => "partial: some services are new, some are old",
        Outcome::Aborted => "aborted: nothing was changed",
        Outcome::Blocked => "blocked before the start: nothing was changed",
    };
    cx.event(EventKind::Run, ENGINE, None, text);
    cx.emit(Effect::End);
}
