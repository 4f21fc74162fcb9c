//! Before the start: what was found, what will be done and when, what stops it, and what becomes of it when nobody is
//! there any more.
use super::super::theme::Meaning;
use super::gates::limit;
use super::{Line, piece};
use crate::calendar::LOOK;
use crate::engine::Run;
use crate::engine::forecast::{Forecast, TenantsAhead, of_run};
use crate::engine::status::human;
use crate::engine::window::{begins, fits_now};
use crate::plan::{MatchRule, Plan, Planned};
use crate::spec::policy::{Finalize, Gate, OnExit, OnFailure, OnTerminalLoss, PolicySpec, Severity, Trigger};
use crate::spec::units::{Time, counted};

/// The lines of the panel; `None` once something has been started.
pub fn build(run: &Run) -> Option<Vec<Line>> {
    if run.started.is_some() {
        return None;
    }
    let mut lines = Vec::new();
    found(run, &mut lines);
    // A run that was refused will do nothing.
    if !run.is_ended() {
        work(run, &mut lines);
        otherwise(run, &mut lines);
        gates(&run.plan, &mut lines);
        say(&mut lines, "plan", format!("sha256 {}", run.plan_hash));
    }
    Some(lines)
}

/// How many lines there are at least, for the one who scrolls.
pub fn length(run: &Run) -> usize {
    build(run).map_or(0, |lines| lines.len())
}

fn say(lines: &mut Vec<Line>, label: &str, text: impl Into<String>) {
    lines.push(vec![piece(Meaning::Dim, format!(" {label:<8}")), piece(Meaning::Text, text)]);
}

fn head(lines: &mut Vec<Line>, title: &str) {
    lines.push(vec![piece(Meaning::Title, title)]);
}

/// Every problem with what to do about it, what blocks first.
fn found(run: &Run, lines: &mut Vec<Line>) {
    let Some(report) = &run.preflight else {
        let text = if run.is_ended() { "the cluster was not looked at" } else { "looking at the cluster" };
        lines.push(vec![piece(Meaning::Dim, text)]);
        return;
    };
    if report.problems.is_empty() {
        lines.push(vec![piece(Meaning::Good, "nothing in the cluster stands in the way")]);
    }
    let mut problems: Vec<_> = report.problems.iter().collect();
    problems.sort_by_key(|p| !p.blocking);
    for problem in problems {
        let (word, meaning) = if problem.blocking { ("BLOCKS ", Meaning::Bad) } else { ("warns  ", Meaning::Warn) };
        let on = problem.service.as_ref().map(|s| format!("{s}: ")).unwrap_or_default();
        lines.push(vec![piece(meaning, word), piece(meaning, format!("{on}{}", problem.what))]);
        lines.push(vec![piece(Meaning::Dim, "  fix  "), piece(Meaning::Text, problem.fix.clone())]);
    }
}

fn work(run: &Run, lines: &mut Vec<Line>) {
    let (plan, policy) = (&run.plan, &run.plan.policy);
    head(lines, &format!("What it will do: {}", plan.upgrade));
    for wave in 1..=plan.services.iter().map(|p| p.wave).max().unwrap_or(0) {
        let one = |p: &Planned| format!("{} {}", p.service.name, p.version);
        let names: Vec<String> = plan.services.iter().filter(|p| p.wave == wave).map(one).collect();
        say(lines, &format!("wave {wave}"), names.join(", "));
    }
    say(lines, "warm-up", format!("{}, no traffic", policy.warmup));
    if plan.services.iter().any(|p| p.phased.is_none()) {
        say(lines, "steps", steps(policy));
    }
    let ahead = of_run(run, true);
    for p in &plan.services {
        tenants(p, ahead.as_ref(), lines);
    }
    for p in plan.services.iter().filter(|p| !p.segments.is_empty()) {
        let all: Vec<String> = p.segments.iter().map(MatchRule::said).collect();
        say(lines, "first", format!("{}: {}", p.service.name, all.join(", ")));
    }
    if plan.services.iter().any(|p| !p.segments.is_empty()) {
        say(lines, "", "all of their requests with the first weight; their share is not known before");
    }
    say(lines, "soak", format!("{}, old kept warm", policy.soak));
    let settles = match policy.finalize {
        Finalize::Run => "all have soaked",
        Finalize::Wave => "its wave has soaked",
        Finalize::Service => "it has soaked",
    };
    say(lines, "settles", format!("when {settles}; no rollback after that"));
    let (shift, soak) = plan.estimate();
    say(
        lines,
        "time",
        match (&ahead, ahead.as_ref().and_then(Forecast::full)) {
            (None, _) => format!("{shift} to 100%, then {soak}, if all stays good"),
            (Some(ahead), Some(full)) => format!("all at 100% about {}, then {soak}", ahead.read(full)),
            (Some(_), None) => format!("not all at 100% within {LOOK}"),
        },
    );
    if let (Some(when), Some(window)) = (&plan.when, &run.window) {
        let now = match &window.closed_by {
            Some((_, why)) => format!("closed, {why}"),
            None if window.until.is_none() => format!("open, {}", window.open_until()),
            None => format!("open {}", window.open_until()),
        };
        say(lines, "window", format!("{now}; needs {}", when.needs.run));
    }
    if run.plan.when.is_some() || !fits_now(run) {
        say(lines, "begins", begins(run));
    }
}

/// Who of a service moves one by one, from when to when, and what follows.
fn tenants(p: &Planned, ahead: Option<&Forecast>, lines: &mut Vec<Line>) {
    let its = ahead.and_then(|ahead| Some((ahead, ahead.get(&p.service.name)?)));
    let stuck = its.and_then(|(_, its)| its.stuck.as_ref());
    let Some(phased) = &p.phased else {
        return lines.extend(stuck.map(|s| vec![piece(Meaning::Bad, format!("{}: {}", p.service.name, s.why))]));
    };
    let (count, moves) = (phased.count(|_| true), counted(phased.moves.len(), "move"));
    say(lines, "tenants", format!("{}: {count} in {moves}, {} clean each", p.service.name, phased.hold()));
    say(lines, "cohorts", phased.said());
    let Some((ahead, its)) = its else { return };
    let of = |at: fn(&TenantsAhead) -> Option<Time>| ahead.said(its.tenants.as_ref().and_then(at));
    say(lines, "first", of(|t| t.first));
    say(lines, "last", of(|t| t.last));
    say(lines, "then", format!("100%, {}", of(|t| t.everybody)));
    lines.extend(stuck.map(|s| vec![piece(Meaning::Bad, s.why.clone())]));
}

/// `10 25 50 100%, 2m clean each`.
fn steps(policy: &PolicySpec) -> String {
    let first = policy.steps.first().map(|s| s.hold);
    if policy.steps.iter().all(|s| Some(s.hold) == first) {
        let weights: Vec<String> = policy.steps.iter().map(|s| s.weight.to_string()).collect();
        let hold = first.map(|h| h.to_string()).unwrap_or_default();
        return format!("{}%, {hold} clean each", weights.join(" "));
    }
    let steps: Vec<String> = policy.steps.iter().map(|s| format!("{}% {}", s.weight, s.hold)).collect();
    format!("{}, clean", steps.join(", "))
}

fn gates(plan: &Plan, lines: &mut Vec<Line>) {
    head(lines, &format!("What stops it: policy {}", plan.policy_name));
    let width = plan.policy.gates.iter().map(|g| g.name.chars().count()).max().unwrap_or(0).min(17);
    for gate in &plan.policy.gates {
        let then = consequence(&plan.policy, gate);
        lines.push(vec![
            piece(Meaning::Dim, format!(" {:<width$} ", human(&gate.name))),
            piece(Meaning::Text, format!("{}{}: {then}", limit(gate), when(&gate.trigger))),
        ]);
    }
}

fn when(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Instant => ", at once".into(),
        Trigger::For(d) => format!(" for {d}"),
        Trigger::KOfN(k) => format!(", {} of {}", k.k, k.n),
        Trigger::Consecutive(n) => format!(", {n} in a row"),
        Trigger::BurnRate(b) => {
            let windows: Vec<String> =
                b.windows.iter().map(|w| format!("{}x over {}/{}", w.factor, w.long, w.short)).collect();
            format!(", budget burnt {}", windows.join(" or "))
        }
    }
}

fn consequence(policy: &PolicySpec, gate: &Gate) -> String {
    match gate.severity {
        Severity::Immediate => "back to old".into(),
        Severity::Fast => "back to old in four halvings".into(),
        Severity::Standard => format!("asks, back to old after {}", policy.standard_deadline),
    }
}

fn otherwise(run: &Run, lines: &mut Vec<Line>) {
    let policy = &run.plan.policy;
    head(lines, "What if");
    let failure = match policy.on_failure.unwrap_or(OnFailure::Stop) {
        OnFailure::Stop => "raises stop, somebody decides",
        OnFailure::RollBackRun => "all go back, dependants first",
        OnFailure::ContinueIndependent => "those that do not need it go on",
    };
    say(lines, "failure", failure);
    let terminal = match policy.on_terminal_loss {
        OnTerminalLoss::Hold => "terminal lost: no more raises, automatic rollback armed",
        OnTerminalLoss::Continue => "terminal lost: goes on as if watched",
        OnTerminalLoss::Rollback => "terminal lost: what is below 100% goes back",
    };
    say(lines, "ssh", terminal);
    let told = match policy.on_exit.unwrap_or(OnExit::Hold) {
        OnExit::Hold => "shares stay, nobody drives",
        OnExit::Rollback => "what is below 100% goes back first",
    };
    say(lines, "SIGTERM", told);
    let dies = "if this process dies, traffic stays as it is and nobody rolls back";
    if !run.rehearsal {
        say(lines, "crash", format!("{dies}; `{}` takes it up", run.resume_command()));
    }
    if !run.pager {
        say(lines, "pager", "none: somebody must watch");
    }
}
