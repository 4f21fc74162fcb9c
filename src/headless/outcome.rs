//! What a run came to: exit code, one sentence, what to do next, one line per service.
use crate::engine::moves::moving;
use crate::engine::run::{CameTo, Driving, Outcome, Phase, Run, Stage, Track};
use crate::engine::segments;
use crate::engine::status::{of_another, old_is};
use crate::journal::text::clean;
use crate::spec::units::counted;

/// What [`crate::engine::message::Leave::why`] says when the process got this signal; the exit code goes by it.
pub const WHY_SIGTERM: &str = "SIGTERM";
/// As [`WHY_SIGTERM`].
pub const WHY_SIGINT: &str = "SIGINT";
/// What it says when `--timeout` ran out.
pub const WHY_TIMEOUT: &str = "--timeout";
/// Why a demo without a person leaves at last, where only a person could answer.
pub const WHY_NOBODY: &str = "nobody is there to answer, 4h after the start";

/// Exit code of the process that drove this run:
///
/// | code | |
/// |---|---|
/// | 0 | succeeded |
/// | 1 | usage or configuration (never of a run; the command line's own) |
/// | 2 | blocked by compatibility or policy |
/// | 3 | rolled back |
/// | 4 | rollback blocked |
/// | 5 | waiting for a person or window at `--timeout` |
/// | 6 | lost cluster or metrics, or another driver took over |
/// | 7 | left split and undriven |
/// | 8 | partial: some services new, some back |
/// | 130, 143 | interrupted (SIGTERM: 143) before anything changed |
pub fn exit_code(run: &Run) -> i32 {
    match run.outcome() {
        Some(Outcome::Succeeded) => 0,
        Some(Outcome::Blocked) => 2,
        Some(Outcome::RolledBack) => 3,
        Some(Outcome::Partial) => 8,
        Some(Outcome::Aborted) => unchanged(run),
        None => left(run),
    }
}

/// Nothing was applied: by a signal, a timeout, a person, or because nothing could be seen.
fn unchanged(run: &Run) -> i32 {
    if run.came_to() == Some(CameTo::Lost) {
        return 6;
    }
    match run.leaving.as_ref().map(|l| l.why.as_str()) {
        Some(why) if why.contains(WHY_SIGTERM) => 143,
        Some(why) if why.contains(WHY_TIMEOUT) || why == WHY_NOBODY => 5,
        _ => 130,
    }
}

fn timed_out(run: &Run) -> bool {
    run.leaving.as_ref().is_some_and(|l| l.why.contains(WHY_TIMEOUT))
}

/// The process leaves a run that has not ended. The worst that holds is said.
fn left(run: &Run) -> i32 {
    match run.came_to() {
        Some(CameTo::RollbackBlocked) => return 4,
        Some(CameTo::Lost) => return 6,
        Some(CameTo::Fault) => return 7,
        Some(CameTo::Partial) => return 8,
        None => {}
    }
    let blocked = run.tracks.values().any(|t| matches!(t.phase, Phase::RollbackBlocked { .. }));
    let lost = run.cluster.down.is_some() || run.metrics.down.is_some() || matches!(run.driving, Driving::Lost { .. });
    let timeout = timed_out(run);
    let split = |t: &Track| (0.5..99.5).contains(&t.accepted_share());
    if blocked {
        4
    } else if matches!(run.driving, Driving::SteppedDown { .. }) {
        // Somebody else drives: nothing is left alone.
        6
    } else if run.tracks.values().any(split) {
        7
    } else if lost {
        6
    } else if timeout {
        5
    } else if run.tracks.values().any(undriven) {
        7
    } else if run.leaving.is_some() && run.tracks.values().all(|t| t.highest == 0) {
        unchanged(run)
    } else {
        5
    }
}

/// Begun and not at its end: with traffic on the new version, or at least with objects of it in the cluster.
fn undriven(track: &Track) -> bool {
    !track.phase.is_final() && !matches!(track.phase, Phase::Waiting { .. })
}

/// How one is taken up again: with a screen by whoever had one.
pub fn resume_command(run: &Run) -> String {
    if run.interactive {
        return run.resume_command();
    }
    format!("pilothouse resume {} --headless {}", run.id, run.flags).trim_end().to_string()
}

/// One service for a table or a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub service: String,
    pub from: String,
    pub to: String,
    /// Share of the new version as the route carries it, in per cent; `None` where none of this run's was seen.
    pub weight: Option<f64>,
    pub state: String,
    /// Why it is so, where that needs saying.
    pub reason: String,
}

/// One line per service, in the order of the plan.
pub(super) fn lines(run: &Run) -> Vec<Line> {
    let ours = |t: &&Track| of_another(run, t).is_none();
    let seen = |t: &Track| Some(t).filter(ours)?.route.as_ref()?.weights.map(|w| w.share());
    let line = |track: &Track| {
        let to = run.plan.get(&track.service).map(|p| p.version.clone()).unwrap_or_default();
        let settled = matches!(track.phase, Phase::Done);
        Line {
            service: clean(&track.service),
            from: track.facts.as_ref().map_or("?".into(), |f| clean(&f.from_version)),
            to: clean(&to),
            // After settling stable is the new version, and the route is all stable's again.
            weight: if settled { Some(100.0) } else { seen(track) },
            state: track.phase.word().into(),
            reason: clean(&reason(track)),
        }
    };
    run.in_order().map(line).collect()
}

fn reason(track: &Track) -> String {
    match &track.phase {
        Phase::RollingBack(r) | Phase::Verifying { rollback: r, .. } | Phase::RolledBack { rollback: r } => {
            r.reason.clone()
        }
        Phase::RollbackBlocked { rollback, reason, .. } => format!("{}; cannot go back: {reason}", rollback.reason),
        Phase::Skipped { why } => why.clone(),
        Phase::Done => String::new(),
        Phase::Waiting { needs } if !needs.is_empty() => format!("for {}", needs.join(", ")),
        _ => stop(track).unwrap_or_default(),
    }
}

/// What stops this service's raises now.
pub(super) fn stop(track: &Track) -> Option<String> {
    if let Some(paused) = &track.paused {
        let reason = if paused.reason.is_empty() { String::new() } else { format!(": {}", paused.reason) };
        return Some(format!("PAUSED by {}{reason}", paused.by));
    }
    if let Some(held) = &track.held {
        return Some(format!("HELD: {}", held.text));
    }
    track.blind.as_ref().map(|_| "BLIND: no data from its gates".into())
}

/// Whole numbers as they are, others with one digit.
pub(super) fn percent(share: f64) -> String {
    if share.fract() == 0.0 { format!("{share:.0} %") } else { format!("{share:.1} %") }
}

/// The outcome as a word of the JSON lines and the audit file.
pub(super) fn word(run: &Run) -> &'static str {
    match run.outcome() {
        Some(Outcome::Succeeded) => "succeeded",
        Some(Outcome::RolledBack) => "rolled_back",
        Some(Outcome::Partial) => "partial",
        Some(Outcome::Aborted) if run.came_to() == Some(CameTo::Lost) => "lost",
        Some(Outcome::Aborted) => "aborted",
        Some(Outcome::Blocked) => "blocked",
        None if matches!(run.driving, Driving::SteppedDown { .. }) => "stepped_down",
        None => match exit_code(run) {
            4 => "rollback_blocked",
            6 => "lost",
            7 => "left_split",
            8 => "partial",
            _ => "not_ended",
        },
    }
}

/// What it came to, in a sentence.
pub(super) fn sentence(run: &Run) -> String {
    let all = run.tracks.len();
    let count = |phase: fn(&Phase) -> bool| run.tracks.values().filter(|t| phase(&t.phase)).count();
    let done = count(|p| matches!(p, Phase::Done));
    let back = count(|p| matches!(p, Phase::RolledBack { .. }));
    match run.outcome() {
        Some(Outcome::Succeeded) if done == all => {
            format!("Succeeded: {} on the new version.", counted(done, "service"))
        }
        Some(Outcome::Succeeded) => {
            format!("Succeeded: {} on the new version, {} left out.", counted(done, "service"), all - done)
        }
        Some(Outcome::RolledBack) => {
            let seen = old_is(run);
            format!(
                "Rolled back: {} on the old version again, and {seen}; nothing runs on a new one.",
                counted(back, "service")
            )
        }
        Some(Outcome::Partial) => partial(run),
        Some(Outcome::Aborted) if run.came_to() == Some(CameTo::Lost) => {
            let why = run.leaving.as_ref().map_or_else(String::new, |l| clean(&l.why));
            format!("Lost: {}; nothing was changed.", why.trim_end_matches('.'))
        }
        Some(Outcome::Aborted) if timed_out(run) && run.waits.is_some() => {
            let why = run.waits.as_ref().map_or_else(String::new, |w| clean(&w.text));
            format!("It waited for its window until --timeout ran out, and nothing was changed: {why}.")
        }
        Some(Outcome::Aborted) if timed_out(run) => {
            "Aborted before anything was changed: --timeout ran out first.".into()
        }
        Some(Outcome::Aborted) => "Aborted before anything was changed.".into(),
        Some(Outcome::Blocked) => {
            let problems = run.preflight.as_ref().map_or(0, |p| p.problems.iter().filter(|p| p.blocking).count());
            if problems == 0 {
                // The lease is another's; the event before says whose.
                return "Blocked before the start: another process drives this fleet; nothing was changed.".into();
            }
            let problems = if problems == 1 { "1 problem".into() } else { format!("{problems} problems") };
            format!("Blocked before the start: {problems}; nothing was changed.")
        }
        None => sentence_of_left(run),
    }
}

fn partial(run: &Run) -> String {
    let count = |phase: fn(&Phase) -> bool| run.tracks.values().filter(|t| phase(&t.phase)).count();
    let (done, back) = (count(|p| matches!(p, Phase::Done)), count(|p| matches!(p, Phase::RolledBack { .. })));
    let warm = run.tracks.values().filter(|t| !t.phase.is_final() && t.accepted_share() >= 99.5).count();
    let kept = if warm > 0 { format!(" ({warm} of them held at 100 %, the old kept warm)") } else { String::new() };
    format!(
        "Partial: {} on the new version{kept}, {back} back on the old, {} untouched.",
        counted(done + warm, "service"),
        run.tracks.len().saturating_sub(done + warm + back)
    )
}

/// Of a run that has not ended.
fn sentence_of_left(run: &Run) -> String {
    if matches!(run.driving, Driving::SteppedDown { .. }) {
        return "Another process drives this fleet now; this one stepped down and wrote nothing more.".into();
    }
    if run.came_to() == Some(CameTo::Fault) {
        return "A fault in Pilothouse ended the driver; weights stay as they are, and nobody drives.".into();
    }
    if let Some(why) = looked_on(run) {
        return format!("This process never drove the run: {}. It decided and wrote nothing.", clean(why));
    }
    match exit_code(run) {
        4 if !run.tracks.values().any(Track::flows) => {
            let why =
                if run.journal.down.is_some() { "the journal cannot be written" } else { "it could not be removed" };
            format!("No traffic is on a new version; -next is kept: {why}. Nobody drives.")
        }
        4 => "A rollback could not be done; it was left, and nobody drives.".into(),
        6 => "Cluster or metrics were lost; nothing was decided without them.".into(),
        7 => {
            let split = run.tracks.values().any(|t| undriven(t) && t.accepted_share() > 0.0);
            let what = if split { "traffic is split" } else { "services are under way" };
            format!("Left before its end: {what} and nobody drives.")
        }
        8 => partial(run),
        _ => match (&run.stage, asked(run)) {
            (Stage::Ready, _) if run.waits.is_some() => {
                "Left before its start: it waits for its window; nothing was changed.".into()
            }
            (Stage::Ready, _) => "Left before its start: it waits for `start`; nothing was changed.".into(),
            (_, Some(ask)) => format!("Left before its end: it waits for a person: {ask}."),
            _ => "Left before its end.".into(),
        },
    }
}

/// Why a process that took a run up never got to drive it.
fn looked_on(run: &Run) -> Option<&str> {
    run.lease_down.as_deref().filter(|_| run.started.is_some() && !run.drove).map(|why| why.trim_end_matches('.'))
}

/// Nothing was wrong with the release: a signal or a limit of time took everything back.
fn taken_back_by_leaving(run: &Run) -> bool {
    let Some(leaving) = &run.leaving else { return false };
    let why = |t: &Track| match &t.phase {
        Phase::RolledBack { rollback } => rollback.reason == leaving.why,
        _ => true,
    };
    run.tracks.values().all(why)
}

fn asked(run: &Run) -> Option<String> {
    let first = run.in_order().filter_map(|t| Some((t, t.ask.as_ref()?))).min_by_key(|(t, ask)| t.rank(ask.kind));
    first.map(|(t, ask)| format!("{}: {}", t.service, clean(&ask.text).trim_end_matches('.')))
}

/// What to do next; empty when there is nothing.
pub(super) fn next(run: &Run) -> Vec<String> {
    let shown = format!("pilothouse audit show {} {}", run.id, run.flags);
    let audit = format!("`{}` says what happened", shown.trim_end());
    match (run.outcome(), exit_code(run)) {
        (Some(Outcome::Succeeded), _) => Vec::new(),
        (Some(Outcome::Blocked), _)
            if run.preflight.as_ref().is_none_or(|p| p.problems.iter().all(|p| !p.blocking)) =>
        {
            vec!["wait until that run has ended, or end it, then start again".into()]
        }
        (Some(Outcome::Blocked), _) => vec!["repair what is listed, then start again".into()],
        (Some(Outcome::RolledBack), _) if taken_back_by_leaving(run) => {
            let again = if timed_out(run) {
                "start a new run with a longer --timeout"
            } else {
                "start a new run when you are ready"
            };
            vec![audit, again.into()]
        }
        (Some(Outcome::RolledBack), _) => vec![audit, "repair the release, then start a new run".into()],
        (Some(Outcome::Partial), _) => {
            vec![
                audit,
                "a new run can take up the services that are still old; leave the others out of its files".into(),
            ]
        }
        (Some(Outcome::Aborted), 6) => vec!["start a new run once the cluster answers".into()],
        (Some(Outcome::Aborted), _) if timed_out(run) => vec!["start a new run with a longer --timeout".into()],
        (Some(Outcome::Aborted), _) => vec!["start a new run when you are ready".into()],
        (None, code) => next_of_left(run, code, audit),
    }
}

/// The same of a run that has not ended.
fn next_of_left(run: &Run, code: i32, audit: String) -> Vec<String> {
    if run.rehearsal {
        return vec!["nothing can be taken up: the practice cluster has ended with this process".into(), audit];
    }
    let resume = format!("`{}` goes on with it", resume_command(run));
    match code {
        8 => {
            let warm = run.in_order().filter(|t| !t.phase.is_final()).map(|t| t.service.clone());
            let warm: Vec<String> = warm.collect();
            vec![format!("`{}` watches {} on, and lets it settle", resume_command(run), warm.join(", ")), audit]
        }
        4 => {
            let mut out: Vec<String> = blocked_commands(run);
            out.push(resume);
            out.push(audit);
            out
        }
        6 if matches!(run.driving, Driving::SteppedDown { .. }) => {
            vec![format!("when that process no longer drives, {resume}")]
        }
        6 | 7 if looked_on(run).is_some() => {
            let mut out = shares(run);
            out.push(format!("with an identity that may write the Lease, {resume}"));
            out
        }
        7 => {
            let mut out = shares(run);
            out.push(resume);
            out
        }
        6 => {
            let mut out = shares(run);
            out.push(format!("once they answer again, {resume}"));
            out
        }
        _ => vec![resume],
    }
}

/// What stays as it is while nobody drives.
fn shares(run: &Run) -> Vec<String> {
    let split = run.in_order().filter(|t| undriven(t));
    let share = |t: &Track| match moving(run, t).map(|p| (p.count(|m| t.moves.on_new(m)), p.count(|_| true))) {
        Some((new, all)) => format!("{} with {new} of {all} tenants on new", t.service),
        None => {
            let with = segments::on_new_said(run, t);
            let with = with.map_or_else(String::new, |segments| format!(" with {segments}"));
            format!("{} {} new{with}", t.service, percent(t.accepted_share()))
        }
    };
    let shares: Vec<String> = split.map(share).collect();
    if shares.is_empty() {
        return Vec::new();
    }
    vec![format!("it stays so until somebody drives: {}", shares.join(", "))]
}

fn blocked_commands(run: &Run) -> Vec<String> {
    let command = |t: &Track| match &t.phase {
        Phase::RollbackBlocked { command, .. } => Some(format!("{}: by hand, `{}`", t.service, clean(command))),
        _ => None,
    };
    run.in_order().filter_map(command).collect()
}
