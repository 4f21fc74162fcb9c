//! Sentences about the end of a run, and about a picture that is not live.
use super::super::message::ANOTHER_CLUSTER;
use super::super::run::{CameTo, Driving, Outcome, Phase, Run, Track, Unheard};
use super::super::segments;
use super::ShowTime;
use super::held::bare;
use super::left::old_is;
use super::sentence::both;
use crate::spec::units::{Dur, Time, counted};

pub fn ended(run: &Run, outcome: Outcome) -> (String, String) {
    let took = run.ended.zip(run.started).map_or_else(|| "no time".into(), |(e, s)| e.since(s).clock());
    let count = |hit: fn(&Track) -> bool| run.tracks.values().filter(|t| hit(t)).count();
    let (new, all) = (count(|t| matches!(t.phase, Phase::Done)), run.tracks.len());
    let back = count(|t| matches!(t.phase, Phase::RolledBack { .. }));
    both(match outcome {
        Outcome::Succeeded => {
            format!("succeeded: {new} of {all} services on their new version in {took}. Nothing is left to do.")
        }
        Outcome::RolledBack => {
            format!(
                "rolled back: {} back on old, {}. No traffic on new. The run took {took}.",
                counted(back, "service"),
                old_is(run)
            )
        }
        Outcome::Partial => partial(run, new, back, &took),
        Outcome::Aborted if run.came_to() == Some(CameTo::Lost) => {
            let why = run.leaving.as_ref().map_or("the cluster cannot be looked at", |l| bare(&l.why));
            format!("{why}. Nothing was changed.")
        }
        Outcome::Aborted => format!("aborted: nothing was applied. All {all} services run their old version."),
        Outcome::Blocked => return (blocked(run), blocked_short(run)),
    })
}

/// Without the first problem: all of them stand below.
fn blocked_short(run: &Run) -> String {
    match run.preflight.iter().flat_map(|p| &p.problems).filter(|p| p.blocking).count() {
        0 => blocked(run),
        1 => "blocked: 1 problem, nothing was changed".into(),
        n => format!("blocked: {n} problems, nothing was changed"),
    }
}

fn blocked(run: &Run) -> String {
    let problems = run.preflight.iter().flat_map(|p| &p.problems).filter(|p| p.blocking);
    let count = problems.clone().count();
    match problems.clone().next() {
        Some(p) => {
            format!("blocked: {}, nothing was changed. First: {}. {}", counted(count, "problem"), bare(&p.what), p.fix)
        }
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

pub fn lost(run: &Run, now: Time, show: ShowTime) -> (String, String) {
    let decided = decided(run);
    if let (Some(how), Driving::Lost { since, .. }) = (run.unheard, &run.driving) {
        return unheard(run, how, now.since(*since), decided);
    }
    if let Some((since, error)) = &run.cluster.down {
        let away = now.since(*since).clock();
        // The API server answers; it is the lease that is not to be had.
        let lease = run.waits_for_lease();
        let when = if lease { "when the lease is ours" } else { "when it answers" };
        let (then, brief) = match &decided {
            Some(back) => (format!("{back} {when}; it is tried again."), format!("{back} {when}")),
            None => (
                "Shares stay; no decision on old data; it is tried again.".into(),
                "shares stay, nothing is decided, retrying".into(),
            ),
        };
        if lease {
            return (
                format!("waits for the lease for {away}, since {}: {error}. {then}", show(*since)),
                format!("waits for the lease {away}: {brief}"),
            );
        }
        if error.contains(ANOTHER_CLUSTER) {
            return (
                format!(
                    "not this run's cluster for {away}, since {}: {}. Nothing is written. {then}",
                    show(*since),
                    bare(error)
                ),
                format!("another cluster answers for {away}: nothing is written"),
            );
        }
        return (
            format!("API server away for {away}, since {}: {error}. {then}", show(*since)),
            format!("API server away {away}: {brief}"),
        );
    }
    match &run.driving {
        Driving::Lost { why, since } => {
            let spent = now.since(*since).clock();
            let then = decided.as_ref().map(|back| format!(" {back} when it is.")).unwrap_or_default();
            let brief =
                decided.map_or("lease lost, nothing is written".into(), |b| format!("{b} when the lease is ours"));
            (
                format!(
                    "not driving for {spent}: {why}. Nothing is written until the lease is ours again; it is tried \
                     every 2 s.{then}"
                ),
                format!("NOT DRIVING {spent}: {brief}"),
            )
        }
        Driving::SteppedDown { holder, .. } => {
            both(format!("{holder} drives this fleet now. Nothing more is written from here."))
        }
        _ => both("the picture is not live.".into()),
    }
}

/// The same before the screen of somebody who only looks on.
fn unheard(run: &Run, how: Unheard, spent: Dur, decided: Option<String>) -> (String, String) {
    let gone = decided.as_ref().map_or_else(
        || "Shares stay as they are; no rollback is armed.".into(),
        |back| format!("{back} when it is taken up."),
    );
    let then = decided.map_or_else(|| "Shares stay as they are.".into(), |back| format!("{back} then."));
    let (spent, resume) = (spent.clock(), run.resume_command());
    match how {
        Unheard::Gone => (
            format!("nobody drives for {spent}: the process is gone. {gone} `{resume}` takes it up."),
            format!("process gone, nobody drives: resume {}", run.id),
        ),
        Unheard::Silent => (
            format!(
                "its driver has not been heard for {spent}: nothing is known to be decided, nor automatic rollback to be \
                 armed. Look at its process, or end it and `{resume}`. {then}"
            ),
            format!("driver not heard for {spent}: look at its process"),
        ),
    }
}

/// A rollback that was decided and has not reached the cluster: `billing goes back from 50%`.
pub fn decided(run: &Run) -> Option<String> {
    let going = run.in_order().filter(|t| t.phase.going_back() && t.flows());
    let said = |t: &Track| {
        let rules = t.route.iter().flat_map(|r| &r.rules).map(|seen| &seen.rule);
        let with = run.plan.get(&t.service).and_then(|p| segments::said(p, rules));
        match (with, t.accepted_share()) {
            (None, share) => format!("{} goes back from {share:.0}%", t.service),
            (Some(whom), share) if share < 0.5 => format!("{} goes back for {whom}", t.service),
            (Some(whom), share) => format!("{} goes back from {share:.0}% and for {whom}", t.service),
        }
    };
    let going: Vec<String> = going.map(said).collect();
    match (going.is_empty(), &run.aborting) {
        (false, _) => Some(going.join(", ")),
        (true, Some(a)) => Some(format!("what {} aborted goes back", a.by)),
        (true, None) => None,
    }
}

/// A service after the end of the run, in at most eleven cells: nothing moves or waits any more.
pub fn rest(track: &Track) -> String {
    match &track.phase {
        Phase::Done | Phase::RolledBack { .. } | Phase::Skipped { .. } => track.phase.word().into(),
        Phase::RollbackBlocked { .. } => "BLOCKED".into(),
        Phase::Waiting { .. } => "not begun".into(),
        _ if track.accepted_share() >= 99.5 => "rests 100%".into(),
        _ => format!("left at {:.0}%", track.accepted_share()),
    }
}

/// Services that rest at 100 % count as new, and say so; the length of the run is the run's, not the rollback's.
fn partial(run: &Run, done: usize, back: usize, took: &str) -> String {
    let all = run.tracks.len();
    let rests = |t: &&Track| !t.phase.is_final() && t.accepted_share() >= 99.5;
    let resting = run.tracks.values().filter(rests).count();
    let how = match (resting, done) {
        (0, _) => String::new(),
        (_, 0) => " (resting at 100%, old kept warm)".into(),
        (n, _) => format!(" ({n} of them resting at 100%, old kept warm)"),
    };
    let new = done + resting;
    let old = all.saturating_sub(new + back);
    let untouched = if old > 0 { format!(", {old} left on old") } else { String::new() };
    format!(
        "partial: {new} of {all} on the new version{how}, {back} rolled back{untouched}. This mix stays until the next \
         upgrade. The run took {took}."
    )
}
