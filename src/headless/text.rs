//! Lines for a person who reads a terminal or a CI log.
//!
//! ```text
//! 03:11:12 gate   billing  error rate 1.31% > max 1.00%, 0:48 of 2:00
//! 03:12:00 now             2/9 at 100 %; billing 25 %, step 2 of 4, 0:48 of 2:00; about 1:12:00 to 100 %, 1:43:00 to the end
//! ```
use chrono_tz::Tz;

use super::commit;
use super::eta::eta;
use super::outcome::{self, Line, exit_code, percent};
use super::{Pace, Reporter, stage_word};
use crate::engine::effect::Event;
use crate::engine::moves::{all_lost, count, moving};
use crate::engine::run::{HoldReason, Phase, Run, Track};
use crate::engine::segments;
use crate::engine::status::{at_100, enough_at};
use crate::journal::text::clean;
use crate::spec::units::{Dur, Time};

/// So many services are named in a progress line.
const NAMED: usize = 4;

/// One line per event, with times in a zone.
#[derive(Debug)]
pub struct Text {
    zone: Tz,
    pace: Pace,
    /// What preflight found has been told: what blocks as events, the rest as soon as it was known.
    told: bool,
}

impl Text {
    pub fn new(zone: Tz) -> Text {
        Text { zone, pace: Pace::default(), told: false }
    }

    fn line(&self, run: &Run, at: Time, kind: &str, service: &str, text: &str) -> String {
        let width = run.tracks.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        let at = at.utc().with_timezone(&self.zone).format("%H:%M:%S");
        let line = format!("{at} {kind:<6} {:<width$}  {}", clean(service), clean(text));
        line.trim_end().to_owned()
    }
}

impl Reporter for Text {
    fn event(&mut self, run: &Run, event: &Event) -> String {
        let by = if event.who == "engine" { String::new() } else { format!(" (by {})", event.who) };
        let service = event.service.as_deref().unwrap_or_default();
        let line = self.line(run, event.at, event.kind.word(), service, &format!("{}{by}", event.text));
        if self.told || run.preflight.is_none() {
            return line;
        }
        // Whoever reads along can still stop it. What blocks has events of its own.
        self.told = true;
        [vec![line], problems(run, false)].concat().join("\n")
    }

    fn tick(&mut self, run: &Run, now: Time) -> Option<String> {
        self.pace.due(run, now).then(|| self.line(run, now, "now", "", &progress(run, now)))
    }

    fn end(&mut self, run: &Run) -> String {
        let mut out = vec![String::new()];
        if !self.told {
            out.extend(problems(run, true));
        }
        out.extend(table(&outcome::lines(run)));
        out.push(String::new());
        out.push(outcome::sentence(run));
        out.extend(outcome::next(run).into_iter().map(|next| format!("Next: {next}.")));
        let changes = commit::changes(run);
        if !changes.is_empty() {
            out.push("To commit, so that Git says what runs now:".into());
            out.extend(changes.iter().flat_map(|c| c.lines()).map(|line| format!("  {}", clean(&line))));
        }
        let took = match (run.started, run.ended) {
            (Some(start), Some(end)) => format!(", took {}", end.since(start).clock()),
            _ => String::new(),
        };
        out.push(format!("Run {}{took}. Exit code {}.", run.id, exit_code(run)));
        out.join("\n")
    }
}

/// How far it is.
fn progress(run: &Run, now: Time) -> String {
    let full = run.tracks.values().filter(|t| at_100(t)).count();
    let mut parts = vec![format!("{full}/{} at 100 %", run.tracks.len())];
    if stage_word(run) != "running" {
        parts[0] = format!("{}, {}", stage_word(run), parts[0]);
    }
    if let Some(paused) = &run.paused_all {
        parts.push(format!("all PAUSED by {}", paused.by));
    }
    if let Some(stopped) = run.stop() {
        parts.push(format!("all HELD: {}", stopped.text));
    }
    if let Some((since, _)) = &run.journal.down {
        parts.push(format!("the journal cannot be written for {}", now.since(*since).clock()));
    }
    if let Some(waits) = &run.waits {
        let begins = waits.until.map_or_else(String::new, |at| format!(", begins in {}", at.until(now).clock()));
        parts.push(format!("waits for its window: {}{begins}", waits.text));
    }
    if let Some(frozen) = &run.frozen {
        parts.push(format!("FROZEN by {}: {}", frozen.by, frozen.reason));
    }
    let mut moving: Vec<&Track> = run.in_order().filter(|t| moves(t)).collect();
    // The worst first: the line names only a few.
    moving.sort_by_key(|t| urgency(t));
    parts.extend(moving.iter().take(NAMED).map(|t| of(run, t, now)));
    if moving.len() > NAMED {
        parts.push(format!("{} more", moving.len() - NAMED));
    }
    if let Some(eta) = eta(run, now) {
        let to_full = if eta.full > Dur::ZERO { format!("{} to 100 %, ", eta.full.clock()) } else { String::new() };
        parts.push(format!("about {to_full}{} to the end", eta.end.clock()));
    }
    parts.join("; ")
}

fn moves(track: &Track) -> bool {
    !track.phase.is_final() && !matches!(track.phase, Phase::Waiting { .. } | Phase::Soaked)
}

/// Going back, then stopped, then on its way, then resting.
fn urgency(track: &Track) -> u8 {
    match &track.phase {
        Phase::RollbackBlocked { .. } => 0,
        p if p.going_back() => 1,
        _ if outcome::stop(track).is_some() => 2,
        Phase::Soaking { .. } => 4,
        _ => 3,
    }
}

/// How many of its tenants have moved, and who is on the way.
fn tenants(run: &Run, track: &Track) -> String {
    let (Some(phased), Phase::Shifting { hold, .. }) = (moving(run, track), &track.phase) else { return String::new() };
    let (moved, all) = count(phased, &track.moves);
    let now = track
        .moves
        .now
        .as_ref()
        .map(|name| format!(", {name} on its way, {} of {}", hold.clean.clock(), phased.hold().clock()));
    let lost: Vec<String> = all_lost(run, track).map(|(name, lost)| format!(", {name}: {}", lost.said())).collect();
    format!("{moved} of {all} tenants moved{}{}", now.unwrap_or_default(), lost.concat())
}

/// One service within a progress line.
fn of(run: &Run, track: &Track, now: Time) -> String {
    let share = percent(track.accepted_share());
    let what = match &track.phase {
        Phase::Shifting { .. } if moving(run, track).is_some() => tenants(run, track),
        Phase::Shifting { step, hold } => {
            let steps = run.plan.steps(&track.service);
            let of = steps.get(*step).map_or(Dur::ZERO, |s| s.hold);
            let with = segments::on_new_said(run, track);
            let with = with.map_or_else(String::new, |segments| format!(" and {segments}"));
            format!("{share}{with}, step {} of {}, {} of {}", step + 1, steps.len(), hold.clean.clock(), of.clock())
        }
        Phase::Soaking { clean } => format!("soaking {} of {}", clean.clock(), run.plan.policy.soak.clock()),
        phase if phase.going_back() => format!("{} at {share}", phase.word()),
        phase => phase.word().into(),
    };
    let stop = outcome::stop(track).map(|s| format!(", {s}")).unwrap_or_default();
    let few = track.held.as_ref().is_some_and(|h| h.reason == HoldReason::TooFew);
    let enough = enough_at(run, track, now).filter(|_| few);
    let enough = enough.map_or_else(String::new, |at| format!(", enough in {} at this traffic", at.since(now).clock()));
    format!("{} {what}{stop}{enough}", track.service)
}

/// What preflight found; `all`: what blocks, too.
fn problems(run: &Run, all: bool) -> Vec<String> {
    let Some(report) = &run.preflight else { return Vec::new() };
    let line = |p: &crate::engine::observe::Problem| {
        let (mark, on) = (if p.blocking { "error" } else { "warning" }, p.service.as_deref().unwrap_or("run"));
        clean(&format!("{mark}: {on}: {}. {}", p.what.trim_end_matches('.'), p.fix))
    };
    report.problems.iter().filter(|p| all || !p.blocking).map(line).collect()
}

fn table(lines: &[Line]) -> Vec<String> {
    let head = ["SERVICE", "FROM", "TO", "WEIGHT", "STATE", ""].map(str::to_owned);
    let row = |l: &Line| {
        let weight = l.weight.map_or_else(|| "-".into(), percent);
        [l.service.clone(), l.from.clone(), l.to.clone(), weight, l.state.clone(), l.reason.clone()]
    };
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(lines.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let (w0, w1, w2, w3, w4) = (width(0), width(1), width(2), width(3), width(4));
    let text = |[service, from, to, weight, state, reason]: &[String; 6]| {
        let line = format!("{service:<w0$}  {from:<w1$}  {to:<w2$}  {weight:>w3$}  {state:<w4$}  {reason}");
        line.trim_end().to_owned()
    };
    rows.iter().map(text).collect()
}
