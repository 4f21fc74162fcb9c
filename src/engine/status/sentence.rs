//! The verdict as a sentence: what, number, limit, dwell, and what happens by itself.
use super::super::run::{
    CameTo, Driving, Held, HoldReason, Outcome, Phase, Rollback, RollbackStage, Run, Stage, Track,
};
use super::left::{left, old_is};
use super::{ShowTime, Word, dwell, enough_at, gate, trigger};
use crate::gate::sample::{Evaluation, Progress};
use crate::spec::policy::{Baseline, Gate, Severity};
use crate::spec::units::{Dur, Time, Unit};

/// The full sentence, and one for a narrow screen.
pub fn of(run: &Run, word: Word, track: Option<&Track>, now: Time, show: ShowTime) -> (String, String) {
    if let Some(outcome) = run.outcome() {
        return ended(run, outcome);
    }
    if let Some(came_to) = run.came_to() {
        return both(left(run, came_to));
    }
    match (word, track) {
        (Word::Lost, _) => lost(run, now, show),
        (Word::Roll, Some(track)) => rolling(run, track, now),
        (Word::Held, Some(track)) => held_track(run, track, now, show),
        (Word::Held, None) => held_run(run, now),
        (Word::Warn, track) => warn(run, track, now),
        (Word::Move, Some(track)) => moving(run, track, now),
        (_, track) => quiet(run, track, now),
    }
}

fn both(text: String) -> (String, String) {
    (text.clone(), text)
}

/// `error_rate` for a person: `error rate`.
pub fn human(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// The unit a gate's values are written in: the limit's, unless the limit is a bare number for a measure that has a
/// unit. A ratio to the old version is a bare number whatever is measured.
pub fn unit_of(gate: &Gate) -> Unit {
    let written = gate.max.or(gate.min).map(|l| l.unit);
    match (gate.baseline, written, gate.measure) {
        (Some(Baseline::Ratio(_)), _, _) => Unit::Count,
        (_, Some(Unit::Count) | None, Some(measure)) => measure.unit(),
        (_, Some(unit), _) => unit,
        (_, None, None) => Unit::Count,
    }
}

/// A gate's value against its limit: `error rate 1.31% > 1.00%`; the evaluation's own reason where there is no limit.
pub fn gate_text(gate: &Gate, e: &Evaluation) -> String {
    let limit = gate.max.map(|l| (">", l)).or(gate.min.map(|l| ("<", l)));
    match (e.value, limit) {
        (Some(value), Some((sign, limit))) => {
            let unit = unit_of(gate);
            format!("{} {} {sign} {}", human(&gate.name), unit.show(value), unit.show(limit.value))
        }
        _ => e.reason.clone(),
    }
}

fn ended(run: &Run, outcome: Outcome) -> (String, String) {
    let took = run.ended.zip(run.started).map(|(e, s)| format!(" in {}", e.since(s).clock())).unwrap_or_default();
    let count = |hit: fn(&Track) -> bool| run.tracks.values().filter(|t| hit(t)).count();
    let (new, all) = (count(|t| matches!(t.phase, Phase::Done)), run.tracks.len());
    let back = count(|t| matches!(t.phase, Phase::RolledBack { .. }));
    both(match outcome {
        Outcome::Succeeded => {
            format!("succeeded: {new} of {all} services on their new version{took}. Nothing is left to do.")
        }
        Outcome::RolledBack => {
            format!("rolled back: {back} services back on old, {}{took}. No traffic on new.", old_is(run))
        }
        Outcome::Partial => {
            format!("partial: {new} of {all} new, {back} rolled back{took}. This mix stays until the next upgrade.")
        }
        Outcome::Aborted if run.came_to() == Some(CameTo::Lost) => {
            let why = run.leaving.as_ref().map_or("the cluster cannot be looked at", |l| bare(&l.why));
            format!("{why}. Nothing was changed.")
        }
        Outcome::Aborted => format!("aborted: nothing was applied{took}. All {all} services run their old version."),
        Outcome::Blocked => blocked(run),
    })
}

fn blocked(run: &Run) -> String {
    let problems = run.preflight.iter().flat_map(|p| &p.problems).filter(|p| p.blocking);
    let count = problems.clone().count();
    match problems.clone().next() {
        Some(p) => format!("blocked: {count} problems, nothing was changed. First: {}. {}", p.what, p.fix),
        None => match &run.driving {
            Driving::SteppedDown { holder, .. } => {
                format!(
                    "blocked: {holder} drives this fleet already. Nothing was changed. Begin again when it has ended."
                )
            }
            Driving::Lost { why, .. } => format!("blocked: {why}. Nothing was changed."),
            _ => "blocked: refused before the start. Nothing was changed.".into(),
        },
    }
}

fn lost(run: &Run, now: Time, show: ShowTime) -> (String, String) {
    if let Some((since, error)) = &run.cluster.down {
        let away = now.since(*since).clock();
        return (
            format!(
                "API server away for {away}, since {}: {error}. Shares stay; no decision on old data; it is tried again.",
                show(*since)
            ),
            format!("API server away {away}: shares stay, nothing is decided, retrying"),
        );
    }
    match &run.driving {
        Driving::Lost { why, since } => (
            format!(
                "not driving for {}: {why}. Nothing is written until the lease is ours again; it is tried every 2 s.",
                now.since(*since).clock()
            ),
            format!("NOT DRIVING {}: lease lost, nothing is written", now.since(*since).clock()),
        ),
        Driving::SteppedDown { holder, .. } => {
            both(format!("{holder} drives this run now. Nothing more is written from here."))
        }
        _ => both("the picture is not live.".into()),
    }
}

fn rolling(run: &Run, track: &Track, now: Time) -> (String, String) {
    let (name, share) = (&track.service, track.accepted_share());
    let old = track.facts.as_ref().map_or("old", |f| f.from_version.as_str());
    match &track.phase {
        Phase::RollbackBlocked { reason, command, since, .. } => (
            format!(
                "{name} cannot go back, {share:.0}% still new for {}: {reason}. Tried again and again. By hand: {command}",
                now.since(*since).clock()
            ),
            format!("{name} BLOCKED at {share:.0}% new: {reason}"),
        ),
        Phase::Verifying { clean, .. } => {
            let left = run.plan.policy.verify.minus(*clean).clock();
            (
                format!("{name} is back on {old}, 0% new. Its gates are watched for {left} more."),
                format!("{name} back on {old}, 0% new, watched {left} more"),
            )
        }
        Phase::RollingBack(r) => {
            let why = rollback_why(r);
            let (doing, brief) = rollback_doing(run, track, r, now);
            (
                format!("{name} goes back to {old}: {why}. {doing} {share:.0}% still new."),
                format!("{name} {share:.0}% new, {brief}: {why}"),
            )
        }
        _ => both(format!("{name} goes back to {old}.")),
    }
}

/// The first of the breaches, and how many more there were.
fn rollback_why(r: &Rollback) -> String {
    let (first, more) = match r.reason.split_once("; ") {
        Some((first, rest)) => (first, format!(", and {} more", rest.split("; ").count())),
        None => (r.reason.as_str(), String::new()),
    };
    if r.by == "engine" { format!("{first}{more}") } else { format!("{} asked: {}", r.by, r.reason) }
}

/// As a sentence, and in two or three words.
fn rollback_doing(run: &Run, track: &Track, r: &Rollback, now: Time) -> (String, String) {
    let say = |long: &str, brief: &str| (long.to_string(), brief.to_string());
    match r.stage {
        RollbackStage::TargetCheck | RollbackStage::Lower if r.unfit_since.is_some() => {
            let ready = track.stable.as_ref().and_then(|s| s.deployment.as_ref()).map_or(0, |d| d.ready);
            let text = format!("Waiting for old: {ready} of {} pods ready.", track.r0);
            (text, format!("old has {ready}/{} pods", track.r0))
        }
        RollbackStage::TargetCheck => say("Checking that old can take the load.", "checking old"),
        RollbackStage::Lower if r.severity == Severity::Fast => {
            (format!("Halved each 10 s, from {}%.", r.from_share), "halving".into())
        }
        RollbackStage::Lower => (format!("Writing 0% now, from {}%.", r.from_share), "writing 0%".into()),
        RollbackStage::Confirm => say("0% is written; waiting until no request is seen on new.", "confirming 0%"),
        RollbackStage::Drain => {
            let left = r.drain_since.map_or(run.plan.policy.drain, |s| run.plan.policy.drain.minus(now.since(s)));
            (format!("Draining, {} left.", left.clock()), format!("draining {}", left.clock()))
        }
        RollbackStage::Remove => match &track.fault {
            Some(f) => (
                format!("{} failed: {}; next try in {}.", f.action, f.text, f.retry_at.until(now).clock()),
                format!("{} failed", f.action),
            ),
            None => say("Removing the new pods.", "removing new pods"),
        },
    }
}

fn held_track(run: &Run, track: &Track, now: Time, show: ShowTime) -> (String, String) {
    let (name, share) = (&track.service, track.accepted_share());
    if let Phase::RolledBack { rollback } = &track.phase {
        let old = track.facts.as_ref().map_or("old", |f| f.from_version.as_str());
        return (
            format!(
                "{name} went back to {old}: {}. Nothing else is raised until somebody decides.",
                rollback_why(rollback)
            ),
            format!("{name} went back: {}. Raises wait for a person", rollback_why(rollback)),
        );
    }
    let Some(held) = &track.held else { return paused_track(track, now) };
    if let Some((gate, e)) = worst_gate(run, track, now) {
        return held_by_gate(track, gate, e, held, now);
    }
    match held.reason {
        // Nobody raises it again; it only waits for the way back.
        HoldReason::Failure => {
            let text = format!("{name} holds at {share:.0}%: {}. It goes back as soon as they are.", bare(&held.text));
            (text, format!("{name} {share:.0}%: {}", bare(&held.text)))
        }
        HoldReason::Missing => {
            let what = missing_gates(track).unwrap_or_else(|| bare(&held.text).to_string());
            (
                format!("{name} holds at {share:.0}%: {what}.{}", in_text(held, now)),
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
                format!("{name} holds at {share:.0}%: {}.{enough}{}", bare(&held.text), in_text(held, now)),
                format!("{name} {share:.0}%: {}.{enough}", bare(&held.text)),
            )
        }
        _ => (
            format!("{name} holds at {share:.0}%: {}.{}", bare(&held.text), in_text(held, now)),
            format!("{name} {share:.0}%: {}", bare(&held.text)),
        ),
    }
}

/// `3 gates without data (provider down)`; what each source answered stands beside the gate.
fn missing_gates(track: &Track) -> Option<String> {
    let last = track.gates.iter().filter_map(|(name, g)| g.last.as_ref().map(|e| (name, e)));
    let missing: Vec<_> = last.filter(|(_, e)| e.acts_as.is_missing()).collect();
    let (name, first) = missing.first()?;
    let what = if missing.len() == 1 { human(name) } else { format!("{} gates", missing.len()) };
    Some(format!("{what} without data ({})", first.verdict.word()))
}

/// Texts of the engine end with or without a stop.
fn bare(text: &str) -> &str {
    text.trim_end_matches(['.', '?'])
}

/// What the engine does about a hold by itself.
fn in_text(held: &Held, now: Time) -> String {
    let Some(until) = held.until else { return " Raises go on when it is gone; automatic rollback is armed.".into() };
    let left = until.until(now).clock();
    match held.reason {
        HoldReason::Breach => format!(" Rolls back in {left} unless somebody says keep."),
        HoldReason::Missing => format!(" Blind in {left}; traffic stays."),
        _ => format!(" Looked at again in {left}."),
    }
}

/// The bad gate whose trigger fires next.
fn worst_gate<'a>(run: &'a Run, track: &'a Track, now: Time) -> Option<(&'a Gate, &'a Evaluation)> {
    let left = |e: &Evaluation| match e.progress {
        Progress::Dwell { of, .. } => of.minus(dwell(e, now)).0,
        _ => (1000.0 * (1.0 - trigger(e, now).0)) as u64,
    };
    track.bad_gates().filter_map(|(n, e)| gate(run, n).map(|g| (g, e))).min_by_key(|(_, e)| left(e))
}

fn held_by_gate(track: &Track, gate: &Gate, e: &Evaluation, held: &Held, now: Time) -> (String, String) {
    let (name, share) = (&track.service, track.accepted_share());
    let what = gate_text(gate, e);
    if held.reason == HoldReason::Breach {
        let left = held.until.map_or_else(|| "soon".into(), |u| format!("in {}", u.until(now).clock()));
        return (
            format!("{name} held at {share:.0}%: {what}. Rolls back {left} unless somebody says keep."),
            format!("{name} {share:.0}%: {what}, rolls back {left} unless kept"),
        );
    }
    let (_, far) = trigger(e, now);
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
        format!("{name} held at {share:.0}%: {what} for {far}. {} by itself.", then),
        format!("{name} {share:.0}%: {what}, {far}, {}{}", then[..1].to_lowercase(), &then[1..]),
    )
}

fn paused_track(track: &Track, now: Time) -> (String, String) {
    let (name, share) = (&track.service, track.accepted_share());
    if let Some(blind) = &track.blind {
        return (
            format!(
                "{name} is blind at {share:.0}%: no usable gate data for {}. Traffic stays; three good ticks lift it; automatic rollback is armed.",
                now.since(blind.since).clock()
            ),
            format!("{name} blind at {share:.0}% for {}: traffic stays", now.since(blind.since).clock()),
        );
    }
    match &track.paused {
        Some(p) => {
            let why = if p.reason.is_empty() { String::new() } else { format!(" ({})", p.reason) };
            (
                format!(
                    "{name} paused at {share:.0}% by {}{why} for {}. It stays until somebody resumes; automatic rollback is armed.",
                    p.by,
                    now.since(p.since).clock()
                ),
                format!("{name} paused {share:.0}% by {} for {}", p.by, now.since(p.since).clock()),
            )
        }
        None => both(format!("{name} holds at {share:.0}%.")),
    }
}

fn held_run(run: &Run, now: Time) -> (String, String) {
    if let Some(p) = &run.paused_all {
        return (
            format!(
                "everything paused by {} for {}. No share is raised until somebody resumes; automatic rollback is armed.",
                p.by,
                now.since(p.since).clock()
            ),
            format!("everything paused by {} for {}", p.by, now.since(p.since).clock()),
        );
    }
    if let Some(a) = &run.aborting {
        return both(format!("aborted by {}: what was below 100% goes back, the rest stays warm and held.", a.by));
    }
    match (run.stop(), &run.leaving) {
        (Some(held), _) => (
            format!("raises stopped: {}.{}", bare(&held.text), in_text(held, now)),
            format!("raises stopped: {}", bare(&held.text)),
        ),
        (None, Some(l)) => both(format!("leaving: {}. No share is raised any more.", bare(&l.why))),
        _ => both("raises are stopped.".into()),
    }
}

fn warn(run: &Run, track: Option<&Track>, now: Time) -> (String, String) {
    if let Some(track) = track {
        let name = &track.service;
        if let Some(f) = &track.fault {
            return (
                format!(
                    "{name}: {} failed, try {}: {}. Next try in {}.",
                    f.action,
                    f.attempts,
                    bare(&f.text),
                    f.retry_at.until(now).clock()
                ),
                format!("{name}: {} failed, next try in {}", f.action, f.retry_at.until(now).clock()),
            );
        }
        if let Some((gate, e)) = worst_gate(run, track, now) {
            let (_, far) = trigger(e, now);
            return both(format!("{name} at {:.0}%: {} for {far}.", track.accepted_share(), gate_text(gate, e)));
        }
        if let Some(ask) = &track.ask {
            return both(format!("{name} at {:.0}% waits for a person: {}.", track.accepted_share(), bare(&ask.text)));
        }
        return both(format!("{name} at {:.0}% needs a look.", track.accepted_share()));
    }
    if let Some((since, error)) = &run.journal.down {
        return both(format!(
            "journal cannot be written for {}: {error}. No share is raised; abort still works.",
            now.since(*since).clock()
        ));
    }
    let down: Vec<&str> =
        run.bystanders.iter().filter(|(_, (ready, _))| *ready == 0).map(|(n, _)| n.as_str()).collect();
    both(format!("critical service down outside this run: {}. No share is raised.", down.join(", ")))
}

fn moving(run: &Run, track: &Track, now: Time) -> (String, String) {
    let name = &track.service;
    let policy = &run.plan.policy;
    match &track.phase {
        Phase::Deploying => {
            let (ready, wanted) = super::pods(track);
            both(format!(
                "{name}: new pods are made, {ready} of {wanted} ready, 0% new. Rolled back if not ready in {}.",
                policy.progress_deadline.minus(now.since(track.unready_since.unwrap_or(track.since))).clock()
            ))
        }
        Phase::Warming { ready_since } => {
            let left = ready_since.map_or(policy.warmup, |s| policy.warmup.minus(now.since(s)));
            both(format!("{name}: new pods warm up without traffic, {} left.", left.clock()))
        }
        Phase::Shifting { step, hold } => {
            shifting(track, *step, hold.accepted_at.is_some(), hold.clean, policy.steps.get(*step).copied())
        }
        Phase::Settling(_) => (
            format!(
                "{name} settles: stable takes the new version over while the new pods serve. There is no way back by rollback now."
            ),
            format!("{name} settles: stable takes the new version over"),
        ),
        _ => both(format!("{name} moves.")),
    }
}

fn shifting(
    track: &Track,
    step: usize,
    accepted: bool,
    clean: Dur,
    spec: Option<crate::spec::policy::Step>,
) -> (String, String) {
    let name = &track.service;
    let Some(spec) = spec else { return both(format!("{name} shifts, step {}.", step + 1)) };
    if !accepted {
        return both(format!("{name} goes to {}% new; the route is written and not accepted yet.", spec.weight));
    }
    let gates = if track.gates_pass() { "all gates good" } else { "gates not known yet" };
    (
        format!(
            "{name} holds {}% new, {gates}, {} of {} clean. Automatic rollback is armed.",
            spec.weight,
            clean.clock(),
            spec.hold.clock()
        ),
        format!("{name} {}% new, {gates}, {} of {} clean", spec.weight, clean.clock(), spec.hold.clock()),
    )
}

fn quiet(run: &Run, track: Option<&Track>, _now: Time) -> (String, String) {
    match run.stage {
        Stage::Preflight => match &run.unlooked {
            Some(u) => both(format!("{}. It is tried again; nothing was changed.", bare(&u.why))),
            None if run.start_wanted => {
                both("looking at the cluster before the first write. Nothing was changed.".into())
            }
            None => both("looking at the cluster. Nothing was changed.".into()),
        },
        Stage::Ready => {
            let warnings = run.preflight.as_ref().map_or(0, |p| p.problems.iter().filter(|p| !p.blocking).count());
            let found = match warnings {
                0 => "preflight found nothing".to_string(),
                1 => "preflight found 1 warning".to_string(),
                n => format!("preflight found {n} warnings"),
            };
            (
                format!("{found}. Nothing was changed; nothing happens before start."),
                format!("{found}; nothing happens before start"),
            )
        }
        _ => match track {
            Some(t) => {
                let soak = run.tracks.values().filter(|t| matches!(t.phase, Phase::Soaking { .. })).count();
                both(format!(
                    "{} at 100% new, all good. {soak} soaking with old kept warm; rollback is armed.",
                    t.service
                ))
            }
            None => both("nothing moves, nothing is wrong.".into()),
        },
    }
}
