//! The verdict as a sentence: what, number, limit, dwell, and what happens by itself.
use super::super::front::{front, misled_brief};
use super::super::observe::Front;
use super::super::rollback::{fit, old_ready};
use super::super::run::{Hold, Phase, Rollback, RollbackStage, Run, Stage, Track};
use super::super::{compat, footing};
use super::back::watch;
use super::held::{bare, worst_gate};
use super::left::left;
use super::{ShowTime, WayUp, Word, end, held, tenants, trigger, waits, way_up};
use crate::gate::sample::Evaluation;
use crate::spec::policy::{Baseline, Gate, Severity};
use crate::spec::units::{Dur, Time, Unit, counted};

/// The full sentence, and one for a narrow screen.
pub fn of(run: &Run, word: Word, track: Option<&Track>, now: Time, show: ShowTime) -> (String, String) {
    if let Some(outcome) = run.outcome() {
        return end::ended(run, outcome);
    }
    if let Some(came_to) = run.came_to() {
        return both(left(run, came_to));
    }
    match (word, track) {
        (Word::Lost, _) => end::lost(run, now, show),
        (Word::Roll, Some(track)) => rolling(run, track, now),
        (Word::Held, track) => {
            let said = match track {
                Some(track) => held::held_track(run, track, now, show),
                None => held::held_run(run, now),
            };
            waits::above(run, said, now)
        }
        (Word::Warn, None) if barred(run).is_some() => {
            let why = barred(run).unwrap_or_default();
            (format!("start is off: {why}. Nothing was changed."), format!("start is off: {why}"))
        }
        (Word::Warn, track) => warn(run, track, now),
        (Word::Move, Some(track)) => moving(run, track, now),
        (_, track) => quiet(run, track, now),
    }
}

/// What the contracts say against the start of a run that waits for it.
pub fn barred(run: &Run) -> Option<String> {
    compat::bars(&run.plan).filter(|_| run.stage == Stage::Ready)
}

pub fn both(text: String) -> (String, String) {
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

fn rolling(run: &Run, track: &Track, now: Time) -> (String, String) {
    let (name, share) = (&track.service, track.accepted_share());
    let old = track.facts.as_ref().map_or("old", |f| f.from_version.as_str());
    match &track.phase {
        Phase::RollbackBlocked { reason, command, since, .. } => {
            let still = still_new(track);
            let at = if front(track).reaches_other() { ", " } else { " at " };
            let at = format!("{at}{}", on_new(track));
            (
                format!(
                    "{name} cannot go back, {still} new for {}: {reason}. Tried again and again. By hand: {command}",
                    now.since(*since).clock()
                ),
                format!("{name} BLOCKED{at} new: {}", misled_brief(run, track).unwrap_or(reason.clone())),
            )
        }
        Phase::Verifying { .. } => {
            let watch = watch(run, track, now);
            let left = watch.as_ref().map_or(Dur::ZERO, |w| w.left).clock();
            let (long, brief) = match watch.and_then(|w| w.waits) {
                Some(what) => (format!("Its gates wait for {what}, then {left} clean"), format!("waits for {what}")),
                None => (format!("Its gates are watched for {left} more"), format!("watched {left} more")),
            };
            (format!("{name} is back on {old}, 0% new. {long}."), format!("{name} back on {old}, 0% new, {brief}"))
        }
        Phase::RollingBack(r) => {
            let why = rollback_why(r);
            let (doing, brief) = rollback_doing(run, track, r, now);
            // At nothing there is nothing left to say of it.
            let nothing = share < 0.5 && !front(track).reaches_other();
            let still = if nothing { String::new() } else { format!(" {} new.", capital(&still_new(track))) };
            (
                format!("{name} goes back to {old}: {why}. {doing}{still}"),
                format!("{name} {} new, {brief}: {}", on_new(track), brief_why(r)),
            )
        }
        _ => both(format!("{name} goes back to {old}.")),
    }
}

/// How much is on the new version, whatever the weights say.
fn on_new(t: &Track) -> String {
    let share = t.accepted_share();
    match front(t) {
        Front::Other => "everything".into(),
        Front::Both => format!("more than {share:.0}%"),
        Front::Own | Front::Nothing | Front::Gone => format!("{share:.0}%"),
    }
}

fn still_new(t: &Track) -> String {
    format!("{} still", on_new(t))
}

/// The first of the breaches, and how many more there were.
pub fn rollback_why(r: &Rollback) -> String {
    why(r, |more| format!(", and {more} more"))
}

/// The same where room is short: `error rate 2.81% > max 1.00% +1`.
pub fn brief_why(r: &Rollback) -> String {
    why(r, |more| format!(" +{more}"))
}

fn why(r: &Rollback, others: impl Fn(usize) -> String) -> String {
    match r.by.as_str() {
        "engine" => match r.reason.split_once("; ") {
            Some((first, rest)) => format!("{first}{}", others(rest.split("; ").count())),
            None => r.reason.clone(),
        },
        // Without a reason of the person's own the engine wrote who it was.
        by if r.reason == format!("aborted by {by}") => r.reason.clone(),
        by => format!("{by} asked: {}", r.reason),
    }
}

/// As a sentence, and in two or three words.
fn rollback_doing(run: &Run, track: &Track, r: &Rollback, now: Time) -> (String, String) {
    let say = |long: &str, brief: &str| (long.to_string(), brief.to_string());
    match r.stage {
        RollbackStage::TargetCheck | RollbackStage::Lower if r.unfit_since.is_some() && !front(track).reaches_own() => {
            say("Waiting for its Service to lead to old.", "its Service leads elsewhere")
        }
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
        RollbackStage::Confirm if !in_route(track) => {
            say("The route no longer holds new; waiting until no request is seen on it.", "confirming 0%")
        }
        RollbackStage::Confirm => say("0% is written; waiting until no request is seen on new.", "confirming 0%"),
        RollbackStage::Drain => {
            let left = r.drain_since.map_or(run.plan.policy.drain, |s| run.plan.policy.drain.minus(now.since(s)));
            (format!("Draining, {} left.", left.clock()), format!("draining {}", left.clock()))
        }
        RollbackStage::Remove if run.journal.down.is_some() => {
            say("The new pods stay while the journal cannot be written.", "new pods stay: no journal")
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

/// The route holds the new version, at whatever weight.
fn in_route(track: &Track) -> bool {
    track.has_rules() || track.route.as_ref().and_then(|r| r.weights).is_some_and(|w| w.next.is_some())
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
    if let Some(said) = tenants::sentence(run, track) {
        return said;
    }
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
        Phase::Shifting { step, hold } => shifting(track, *step, hold, run.plan.steps(name).get(*step).copied()),
        Phase::Settling(_) => (
            format!(
                "{name} settles: stable takes the new version over while the new pods serve. There is no way back by rollback now."
            ),
            format!("{name} settles: stable takes the new version over"),
        ),
        _ => both(format!("{name} moves.")),
    }
}

fn shifting(track: &Track, step: usize, hold: &Hold, spec: Option<crate::spec::policy::Step>) -> (String, String) {
    let name = &track.service;
    let Some(spec) = spec else { return both(format!("{name} shifts, step {}.", step + 1)) };
    if hold.accepted_at.is_none() {
        let waits = match way_up(track, spec.weight) {
            WayUp::Pods { ready, wanted } => format!("it waits for new pods, {ready} of {wanted} are ready"),
            WayUp::Write => "the route is written next".into(),
            WayUp::Accept => "the route is written and not accepted yet".into(),
        };
        return both(format!("{name} goes to {}% new; {waits}.", spec.weight));
    }
    // At the first look at a share the verdicts are still those of the share before.
    let good = hold.ticks > 0 && track.gates_pass();
    let (gates, clean) = (if good { "all gates good" } else { "gates not known yet" }, hold.clean);
    (
        format!(
            "{name} holds {}% new, {gates}, {} of {} clean. {}.",
            // That of the step, or what was taken over from a foreign edit.
            track.desired,
            clean.clock(),
            spec.hold.clock(),
            capital(armed(track))
        ),
        format!("{name} {}% new, {gates}, {} of {} clean", track.desired, clean.clock(), spec.hold.clock()),
    )
}

/// What is past the point of no return, whatever becomes of it.
pub(super) const NO_WAY_BACK: &str = "it settles: nothing goes back by itself any more, only by a reverse upgrade";

/// Whether what the engine would do by itself can be done: said wherever a share stays as it is.
pub(super) fn armed(t: &Track) -> &'static str {
    match (&t.phase, fit(t)) {
        (Phase::Settling(_), _) => NO_WAY_BACK,
        (_, true) => "automatic rollback is armed",
        (_, false) if !front(t).reaches_own() => "the old version could not take the traffic back",
        (_, false) => "too few old pods are ready to go back",
    }
}

/// A clause as a sentence of its own.
pub(super) fn capital(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The same of all services that take requests on a new version.
pub(super) fn all_armed(run: &Run) -> String {
    let flows = || run.in_order().filter(|t| t.flows());
    let settles = |t: &&Track| matches!(t.phase, Phase::Settling(_));
    match flows().filter(|t| !settles(t)).find(|t| !fit(t)) {
        None => match flows().find(settles) {
            None => "automatic rollback is armed".into(),
            Some(t) => format!("automatic rollback is armed, but not for {}, which settles", t.service),
        },
        Some(t) if !front(t).reaches_own() => {
            format!("the old version of {} could not take its traffic back", t.service)
        }
        Some(t) => format!("too few old pods of {} are ready to go back", t.service),
    }
}

/// What there is to go back to.
fn old_kept(t: &Track) -> String {
    match (fit(t), old_ready(t)) {
        (false, _) if !front(t).reaches_own() => "its Service does not reach the old pods: there is no way back".into(),
        (true, _) => "old kept warm; rollback is armed".into(),
        (false, 0) => "no old pod ready; there is nothing to go back to".into(),
        (false, ready) => format!("only {ready} of {} old pods ready; a rollback would wait for more", t.r0),
    }
}

/// What the contracts say that bars no start, and somebody who starts should know.
fn contracts(run: &Run) -> Option<String> {
    let verdict = run.plan.compat.as_ref()?;
    let (warnings, accepted) = (verdict.warnings().count(), verdict.accepted().count());
    let out = verdict.left_out().count();
    let parts = [
        (warnings > 0).then(|| counted(warnings, "warning")),
        (accepted > 0).then(|| format!("{accepted} accepted")),
        (out > 0).then(|| format!("{out} left out")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn quiet(run: &Run, track: Option<&Track>, now: Time) -> (String, String) {
    match run.stage {
        Stage::Preflight => match &run.unlooked {
            Some(u) => both(format!("{}. It is tried again; nothing was changed.", bare(&u.why))),
            None if run.start_wanted => {
                both("looking at the cluster before the first write. Nothing was changed.".into())
            }
            None => both("looking at the cluster. Nothing was changed.".into()),
        },
        Stage::Ready if run.waits.is_some() => {
            run.waits.as_ref().map_or_else(Default::default, |w| waits::run(run, w, now))
        }
        Stage::Ready if run.deferred.is_some() => waits::put_off(run, now).unwrap_or_default(),
        Stage::Ready => {
            let warnings = run.preflight.as_ref().map_or(0, |p| p.problems.iter().filter(|p| !p.blocking).count());
            let found = match (warnings, contracts(run)) {
                (0, None) => "preflight found nothing".to_string(),
                (0, Some(said)) => format!("preflight found nothing in the cluster; contracts: {said}"),
                (n, None) => format!("preflight found {}", counted(n, "warning")),
                (n, Some(said)) => {
                    format!("preflight found {} in the cluster; contracts: {said}", counted(n, "warning"))
                }
            };
            (
                format!("{found}. Nothing was changed; nothing happens before start."),
                format!("{found}; nothing happens before start"),
            )
        }
        _ => match track {
            Some(t) if tenants::sentence(run, t).is_some() => tenants::sentence(run, t).unwrap_or_default(),
            Some(t) => {
                let soak = run.tracks.values().filter(|t| matches!(t.phase, Phase::Soaking { .. })).count();
                let good = match footing::against(run, t) {
                    Some(why) => why,
                    None if t.gates_pass() => "all good".into(),
                    None => held::missing_gates(t).unwrap_or_else(|| "gates not known yet".into()),
                };
                both(format!("{} at 100% new, {good}. {soak} soaking with {}.", t.service, old_kept(t)))
            }
            None => both("nothing moves, nothing is wrong.".into()),
        },
    }
}
