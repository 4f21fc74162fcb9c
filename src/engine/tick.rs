//! The fixed grid: what is asked of metrics, and what the answers do.
use super::cx::{Cx, ENGINE};
use super::effect::{Effect, EventKind};
use super::measure::{MeasureAnswer, MeasureRequest, Question, ShareQuestion, Subject, What};
use super::message::Link;
use super::observe::{Slot, WorkloadSeen};
use super::pass::{next_tick, with_track};
use super::run::{GRID, GateTrack, Phase, Run, Settling, Track};
use super::step::source;
use super::{breach, critical, footing, ledger, rollback, share};
use crate::gate::{Context, absolutely_bad, evaluate, widened, window};
use crate::gate::{Evaluation, Failure, Sample, Verdict};
use crate::plan::Planned;
use crate::spec::policy::{Gate, Measure};
use crate::spec::units::{Dur, Time};

/// How often a source looks at a pod when nobody says otherwise.
const SOURCE_INTERVAL: Dur = Dur::secs(15);

/// Asks the questions of the newest grid tick, once.
pub(super) fn ask(cx: &mut Cx) {
    if !cx.run.synced || cx.run.is_ended() {
        return;
    }
    let tick = cx.now.floor(GRID);
    cx.wake_at(next_tick(cx.now));
    if cx.run.tick_asked.is_some_and(|t| t >= tick) {
        return;
    }
    if cx.run.cluster.down.is_some() {
        // No decision on an old picture; the time counts as missing.
        return;
    }
    if let Some(open) = cx.run.tick_asked.filter(|asked| cx.run.tick_answered.is_none_or(|a| a < *asked)) {
        unanswered(cx, open);
    }
    cx.run.tick_asked = Some(tick);
    let request = request(cx.run, tick);
    if request.questions.is_empty() && request.shares.is_empty() {
        judge_all(cx, tick, None);
    } else {
        cx.emit(Effect::Measure(request));
    }
}

/// The source did not answer in a whole grid interval.
fn unanswered(cx: &mut Cx, tick: Time) {
    let now = cx.now;
    let why = format!("no answer within {GRID}");
    if let Some(text) = source(&mut cx.run.metrics, &Link::Down(why.clone()), now) {
        cx.event(EventKind::Fault, ENGINE, None, format!("metrics: {text}"));
    }
    let down =
        MeasureAnswer { tick, samples: Vec::new(), shares: Vec::new(), source_down: Some(why), notes: Vec::new() };
    judge_all(cx, tick, Some(&down));
}

pub(super) fn measured(cx: &mut Cx, answer: &MeasureAnswer) {
    // Late: the tick was already judged without it.
    if cx.run.tick_asked != Some(answer.tick) || cx.run.tick_answered.is_some_and(|a| a >= answer.tick) {
        return;
    }
    let now = cx.now;
    let link = answer.source_down.clone().map_or(Link::Up, Link::Down);
    if let Some(text) = source(&mut cx.run.metrics, &link, now) {
        cx.event(EventKind::Fault, ENGINE, None, format!("metrics: {text}"));
    }
    if cx.run.metrics_notes != answer.notes {
        cx.run.metrics_notes = answer.notes.clone();
    }
    judge_all(cx, answer.tick, Some(answer));
}

/// Verdicts older than this say nothing of now: the newest tick and the one before it, which may still be open.
const FRESH: Dur = Dur(GRID.0 * 2);

/// The gates were judged a moment ago. Ticks that were not asked (the cluster was away, the clock was set) leave old
/// verdicts standing; nothing may be raised on those.
pub(super) fn judged_lately(run: &Run) -> bool {
    run.tick_answered.is_some_and(|tick| run.now.wall.since(tick) <= FRESH)
}

/// Which version a track's gates look at now, and since when; `None` while there is nothing to judge.
fn subject_slot(t: &Track) -> Option<Slot> {
    match &t.phase {
        Phase::Deploying | Phase::Warming { .. } | Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked => {
            Some(Slot::Next)
        }
        Phase::Settling(Settling::CopyBack) => Some(Slot::Next),
        Phase::Verifying { .. } => Some(Slot::Stable),
        _ => None,
    }
}

/// Whether a gate has something to say of this track in its phase.
fn applies(gate: &Gate, t: &Track) -> bool {
    let from_cluster = gate.measure.is_some_and(Measure::from_cluster);
    match &t.phase {
        Phase::Deploying => {
            gate.measure == Some(Measure::Restarts) && t.next.as_ref().is_some_and(|n| n.deployment.is_some())
        }
        Phase::Warming { .. } => from_cluster,
        Phase::Shifting { .. } => from_cluster || t.gates_from.is_some(),
        Phase::Verifying { .. } => gate.measure != Some(Measure::Restarts),
        _ => true,
    }
}

fn context(run: &Run, t: &Track) -> Context {
    let policy = &run.plan.policy;
    Context {
        step_start: t.gates_from.unwrap_or(t.since),
        grid: GRID,
        source_interval: policy
            .source_interval
            .or(run.plan.environment.metrics.source_interval)
            .unwrap_or(SOURCE_INTERVAL),
        min_requests: policy.min_requests,
        max_gap: GRID.times(2),
    }
}

fn request(run: &Run, tick: Time) -> MeasureRequest {
    let mut request = MeasureRequest { tick, subjects: Default::default(), questions: Vec::new(), shares: Vec::new() };
    for p in &run.plan.services {
        let Some(t) = run.track(&p.service.name) else { continue };
        questions(run, t, p, tick, &mut request.questions);
        if let Some(since) = share_since(t) {
            request.shares.push(ShareQuestion { service: t.service.clone(), since });
        }
        let watched = subject_slot(t).is_some() || share_since(t).is_some();
        if watched {
            request.subjects.insert(t.service.clone(), subject(t, p));
        }
    }
    request
}

fn questions(run: &Run, t: &Track, p: &Planned, tick: Time, out: &mut Vec<Question>) {
    let Some(slot) = subject_slot(t) else { return };
    let cx = context(run, t);
    for gate in run.plan.policy.gates.iter().filter(|g| applies(g, t)) {
        let what = match (&gate.measure, &gate.promql) {
            (Some(m), _) if m.from_cluster() => continue,
            (Some(m), _) => What::Measure { measure: *m, quantile: gate.quantile },
            (None, Some(q)) => {
                What::PromQl { query: q.clone(), freshness: gate.freshness.clone(), reduce: gate.reduce }
            }
            (None, None) => continue,
        };
        let track = t.gates.get(&gate.name);
        out.push(Question {
            service: p.service.name.clone(),
            gate: gate.name.clone(),
            slot,
            what,
            window: asked(gate, run.plan.policy.window, &cx, tick, track),
            baseline: gate.baseline.is_some(),
        });
    }
}

/// How far back a gate looks at this tick.
fn asked(gate: &Gate, plain: Dur, cx: &Context, tick: Time, track: Option<&GateTrack>) -> Dur {
    let (last, since) = track.map_or((None, None), |g| (g.last.as_ref(), g.widened));
    window(gate, plain, cx, tick, last, since)
}

/// From when requests are counted for the observed share.
fn share_since(t: &Track) -> Option<Time> {
    match &t.phase {
        Phase::Shifting { hold, .. } => hold.accepted_at.map(|at| t.stands_from(at)),
        Phase::RollingBack(r) if rollback::moved(t, r) => r.accepted_zero,
        Phase::Settling(Settling::Confirm { since, .. }) => Some(*since),
        _ => None,
    }
}

fn subject(t: &Track, p: &Planned) -> Subject {
    let names = |w: &Option<WorkloadSeen>| {
        let pods = w.iter().flat_map(|w| &w.pods).filter(|pod| !pod.terminating && pod.started_at.is_some());
        pods.map(|pod| pod.name.clone()).collect()
    };
    Subject {
        stable_version: t.facts.as_ref().map_or_else(String::new, |f| f.from_version.clone()),
        next_version: p.version.clone(),
        stable_pods: names(&t.stable),
        next_pods: names(&t.next),
    }
}

/// Judges every track at one tick, books holds, and acts on what fires.
fn judge_all(cx: &mut Cx, tick: Time, answer: Option<&MeasureAnswer>) {
    cx.run.tick_answered = Some(tick);
    let down: Vec<String> = critical::down_now(cx.run);
    let mut critical_fired = false;
    let names: Vec<String> = cx.run.plan.services.iter().map(|p| p.service.name.clone()).collect();
    for name in &names {
        with_track(cx, name, |cx, t, p| {
            if let Some(answer) = answer {
                let weight = if matches!(t.phase, Phase::Shifting { .. }) { t.desired } else { 0 };
                if let Some(seen) = answer.shares.iter().find(|s| s.service == t.service) {
                    share::take_share(t, p, seen, weight);
                }
            }
            if let Some(slot) = subject_slot(t) {
                critical_fired |= judge(cx, t, slot, tick, answer, down.len());
                ledger::book(cx, t);
            }
        });
    }
    critical::act(cx, &down, critical_fired);
}

/// Evaluates a track's gates; true when its gate on critical services fired.
fn judge(cx: &mut Cx, t: &mut Track, slot: Slot, tick: Time, answer: Option<&MeasureAnswer>, down: usize) -> bool {
    let context = context(cx.run, t);
    let gates = cx.run.plan.policy.gates.clone();
    let mut critical_fired = false;
    let mut firing: Vec<(crate::spec::policy::Severity, String)> = Vec::new();
    let mut whole = false;
    for gate in &gates {
        if !applies(gate, t) {
            if let Some(g) = t.gates.get_mut(&gate.name) {
                g.last = None;
            }
            continue;
        }
        let mut sample = match gate.measure {
            Some(m) if m.from_cluster() => from_cluster(t, m, slot, tick, down, footing::needs(cx.run, t)),
            _ => from_answer(t, gate, tick, answer),
        };
        if !gate.measure.is_some_and(Measure::from_cluster) {
            // What was asked at this tick; without it a widened window would be given up at every other tick.
            let asked = asked(gate, cx.run.plan.policy.window, &context, tick, t.gates.get(&gate.name));
            sample.window.get_or_insert(asked);
        }
        let place = t.gates.entry(gate.name.clone()).or_insert_with(GateTrack::fresh);
        let now = evaluate(gate, &context, &mut place.state, &sample);
        place.widened = widened(gate, cx.run.plan.policy.window, &context, &now, place.widened);
        let before = place.last.replace(now.clone());
        say_change(cx, &t.service, gate, place, before.as_ref());
        if now.fires && gate.measure == Some(Measure::CriticalServices) {
            critical_fired = true;
        } else if now.fires {
            firing.push((gate.severity, now.reason.clone()));
            // The pods' own health, and failures that count however few requests there are.
            whole |= gate.measure.is_some_and(Measure::from_cluster) || absolutely_bad(gate, &sample);
        }
    }
    breach::answer(cx, t, firing, whole);
    critical_fired
}

fn from_answer(t: &Track, gate: &Gate, tick: Time, answer: Option<&MeasureAnswer>) -> Sample {
    let Some(answer) = answer else { return Sample::empty(tick) };
    let found = answer.samples.iter().find(|s| s.service == t.service && s.gate == gate.name);
    match (found, &answer.source_down) {
        (Some(s), _) => s.sample.clone(),
        (None, Some(why)) => Sample::failed(tick, Failure::Down(why.clone())),
        (None, None) => Sample::empty(tick),
    }
}

/// Answers of Kubernetes itself: as old as what the watches told last, which is now. A watch that falls silent is taken
/// for lost, and then no tick is asked. New pods that traffic `needs` are missed also where nobody wants them any more.
fn from_cluster(t: &Track, measure: Measure, slot: Slot, tick: Time, down: usize, needs: Option<u32>) -> Sample {
    let seen = match slot {
        Slot::Stable => &t.stable,
        Slot::Next => &t.next,
    };
    let needs = needs.filter(|_| slot == Slot::Next && seen.is_some()).unwrap_or(0);
    let found = seen.as_ref().and_then(|w| w.deployment.as_ref());
    if found.is_none() && needs == 0 {
        return Sample::empty(tick);
    }
    let (ready, wanted) = found.map_or((0, needs), |d| (d.ready, d.wanted.max(needs)));
    let pods = seen.iter().flat_map(|w| &w.pods).filter(|p| !p.terminating);
    let value = match measure {
        Measure::Availability if wanted == 0 => return Sample::empty(tick),
        Measure::Availability => f64::from(ready.min(wanted)) / f64::from(wanted),
        Measure::HealthChecks => f64::from(u8::from(ready < wanted)),
        Measure::CriticalServices => down as f64,
        Measure::Restarts if found.is_none() => return Sample::empty(tick),
        Measure::Restarts => f64::from(pods.map(|p| p.restarts).max().unwrap_or(0)),
        _ => return Sample::empty(tick),
    };
    Sample { sample_at: Some(tick), ..Sample::one(tick, value) }
}

/// An event when a gate crosses its limit, recovers, or loses or finds its data.
fn say_change(cx: &mut Cx, service: &str, gate: &Gate, place: &mut GateTrack, before: Option<&Evaluation>) {
    let Some(now) = place.last.clone() else { return };
    let was = before.map(|e| e.acts_as);
    let lost = now.acts_as.is_missing() && now.acts_as != Verdict::TooFew;
    let text = match (was, now.acts_as) {
        (was, Verdict::Bad) if was != Some(Verdict::Bad) => format!("{}, timer started", now.reason),
        (Some(Verdict::Bad), Verdict::Good) => format!("{} is good again: {}", gate.name, now.reason),
        (Some(Verdict::Good | Verdict::Bad), v) if lost => {
            place.told_lost = true;
            // Reasons of missing data begin with the verdict's word.
            let word = if now.reason.starts_with(v.word()) { String::new() } else { format!("{v}: ") };
            format!("{} {word}{}", gate.name, now.reason)
        }
        _ if place.told_lost && !lost => format!("{} has data again", gate.name),
        _ => return,
    };
    if !lost {
        place.told_lost = false;
    }
    cx.event(EventKind::Gate, ENGINE, Some(service), text);
}
