//! The table of services, and two lines about the selected one.
use super::super::model::{Model, Panel};
use super::super::theme::Meaning;
use super::{Freshness, Scene, doubt, doubted, filtering};
use crate::engine::observe::Accepted;
use crate::engine::run::ObservedShare;
use crate::engine::status::{
    Unread, at_100, at_full, go_back_first, held_by_run, held_text, of_another, pods, run_stop, shown_share,
    state_text, unread,
};
use crate::engine::{Phase, Run, Track, segments};
use crate::plan::Planned;

/// In front of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Done,
    Waits,
    Moves,
    Attention,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Done,
    Now,
    Todo,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRow {
    pub name: String,
    pub mark: Mark,
    pub selected: bool,
    pub from: String,
    pub to: String,
    pub steps: Vec<StepState>,
    /// Accepted share, such as `25%`; with `?` in front when the picture is old.
    pub share: String,
    pub state: String,
    pub meaning: Meaning,
    /// For wide screens: ready of wanted new pods, observed share, wave, time in this phase, what it needs.
    pub pods: String,
    pub observed: String,
    pub wave: String,
    pub since: String,
    pub needs: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Services {
    /// Those the filter lets through.
    pub rows: Vec<ServiceRow>,
    /// All of the run.
    pub total: usize,
    pub filter: String,
    pub filtering: bool,
    pub focus: bool,
    /// The selection follows what matters; else it is the person's.
    pub follows: bool,
    /// Weights of the steps, for the head of the table.
    pub weights: Vec<u32>,
    /// `LOST 0:14` when the table is not the present.
    pub lost: Option<String>,
    /// About the selected service.
    pub notes: Vec<(String, Meaning)>,
}

pub fn build(run: &Run, model: &Model, selected: Option<&str>, scene: Scene) -> Services {
    let lost = match &scene.sources.kube {
        Freshness::Lost(age) => Some(format!("LOST {}", age.clock())),
        Freshness::Stale(age) => Some(format!("STALE {}", age.clock())),
        _ => None,
    };
    let old = doubted(run, scene);
    let row = |name: &&str| {
        let (track, planned) = (run.track(name)?, run.plan.get(name)?);
        Some(service_row(run, track, planned, selected == Some(*name), old, scene))
    };
    let note = |track: &Track| notes(run, track, model, scene);
    Services {
        rows: model.visible(run).iter().filter_map(row).collect(),
        total: run.plan.services.len(),
        filter: model.services_filter.clone(),
        filtering: filtering(model) && model.panel != Panel::Events,
        focus: model.panel == Panel::Services,
        follows: model.chosen.is_none(),
        // Where all go tenant by tenant nobody keeps these steps.
        weights: match run.plan.services.iter().all(|p| p.phased.is_some()) {
            true => Vec::new(),
            false => run.plan.policy.steps.iter().map(|s| s.weight).collect(),
        },
        lost,
        notes: selected.and_then(|name| run.track(name)).map(note).unwrap_or_default(),
    }
}

fn service_row(run: &Run, track: &Track, planned: &Planned, selected: bool, old: bool, scene: Scene) -> ServiceRow {
    let sign = if old { "?" } else { "" };
    let (ready, wanted) = pods(track);
    let (mark, meaning) = mark(run, track);
    ServiceRow {
        name: track.service.clone(),
        mark,
        selected,
        from: track.facts.as_ref().map_or_else(|| "-".into(), |f| f.from_version.clone()),
        to: planned.version.clone(),
        steps: steps(run, track),
        share: match (of_another(run, track), unread(track)) {
            (Some(_), _) => "-".into(),
            (None, Some(Unread::Gone)) => "gone".into(),
            (None, Some(Unread::NoWeight)) => "?".into(),
            (None, None) => format!("{sign}{:.0}%", shown_share(track)),
        },
        state: format!("{sign}{}", state_text(run, track, scene.now)),
        meaning: if old { Meaning::Stale } else { meaning },
        pods: if wanted == 0 { "-".into() } else { format!("{sign}{ready}/{wanted}") },
        observed: if old { doubt(&observed(track)) } else { observed(track) },
        wave: planned.wave.to_string(),
        since: scene.now.since(track.since).clock(),
        needs: planned.goes_after().cloned().collect::<Vec<_>>().join(","),
    }
}

/// What requests said of the share that is on the route now: what they said of an earlier one is no news.
pub fn observed(track: &Track) -> String {
    let judged = matches!(track.phase, Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked);
    if !judged {
        return "-".into();
    }
    // Written anew since, by us or by somebody else.
    if (track.accepted_share() - f64::from(track.desired)).abs() >= 0.5 {
        return "?".into();
    }
    match track.observed {
        ObservedShare::Unknown => "-".into(),
        ObservedShare::Confirmed(share) => format!("{share:.0}%"),
        ObservedShare::Off(share) => format!("!{share:.0}%"),
        ObservedShare::NotObserved => "n/o".into(),
    }
}

fn mark(run: &Run, track: &Track) -> (Mark, Meaning) {
    if run.is_over() {
        return ended_mark(track);
    }
    let troubled = track.held.is_some() || track.blind.is_some() || track.fault.is_some() || track.ask.is_some();
    match &track.phase {
        Phase::RollbackBlocked { .. } => (Mark::Attention, Meaning::Roll),
        Phase::RollingBack(_) => (Mark::Back, Meaning::Roll),
        Phase::Verifying { .. } => (Mark::Back, Meaning::Bad),
        Phase::RolledBack { .. } => (if track.ask.is_some() { Mark::Attention } else { Mark::Back }, Meaning::Bad),
        Phase::Done => (Mark::Done, Meaning::Good),
        Phase::Skipped { .. } => (Mark::Waits, Meaning::Dim),
        _ if troubled => {
            (Mark::Attention, if track.bad_gates().next().is_some() { Meaning::Bad } else { Meaning::Warn })
        }
        _ if track.paused.is_some() || run.paused_all.is_some() => (Mark::Attention, Meaning::Warn),
        Phase::Waiting { .. } => (Mark::Waits, Meaning::Dim),
        _ if at_full(track) => (Mark::Done, Meaning::Good),
        _ if run_stop(run).is_some() => (Mark::Waits, Meaning::Warn),
        _ => (Mark::Moves, Meaning::Move),
    }
}

/// Nothing moves or asks any more; what was left half-way still needs somebody.
fn ended_mark(track: &Track) -> (Mark, Meaning) {
    match &track.phase {
        Phase::RolledBack { .. } => (Mark::Back, Meaning::Bad),
        Phase::RollbackBlocked { .. } => (Mark::Attention, Meaning::Roll),
        Phase::Waiting { .. } | Phase::Skipped { .. } => (Mark::Waits, Meaning::Dim),
        _ if at_100(track) => (Mark::Done, Meaning::Good),
        _ => (Mark::Attention, Meaning::Warn),
    }
}

fn steps(run: &Run, track: &Track) -> Vec<StepState> {
    let share = track.accepted_share();
    let one = |(i, weight): (usize, u32)| match &track.phase {
        _ if at_full(track) => StepState::Done,
        Phase::Shifting { step, .. } if i < *step => StepState::Done,
        Phase::Shifting { step, .. } if i == *step => StepState::Now,
        Phase::RollingBack(_) | Phase::RollbackBlocked { .. } if share > 0.0 && f64::from(weight) <= share => {
            let last = run.plan.policy.steps.get(i + 1).is_none_or(|next| f64::from(next.weight) > share);
            if last { StepState::Now } else { StepState::Done }
        }
        _ => StepState::Todo,
    };
    let policy = &run.plan.policy.steps;
    if run.plan.get(&track.service).is_some_and(|p| p.phased.is_some()) && !at_full(track) {
        // The weight moves once, at the end: the columns between are not its own.
        let last = matches!(track.phase, Phase::Shifting { step, .. } if step > 0);
        let mut states = vec![StepState::Todo; policy.len()];
        states.last_mut().into_iter().filter(|_| last).for_each(|s| *s = StepState::Now);
        return states;
    }
    policy.iter().map(|s| s.weight).enumerate().map(one).collect()
}

/// Why it is as it is, and what it hangs on.
fn notes(run: &Run, track: &Track, model: &Model, scene: Scene) -> Vec<(String, Meaning)> {
    let zone = scene.shown(model);
    let (ready, wanted) = pods(track);
    // What stopped its raises is no matter once it goes back or is at its end.
    let raises = !run.is_over() && !track.phase.is_final() && !track.phase.going_back();
    let held = held_text(run, track, scene.now).zip(track.held.as_ref()).filter(|_| raises);
    let first = if let Some(other) = of_another(run, track) {
        let share = track.accepted_share();
        (format!("{share:.0}% goes to the new version of run {other}, none of it to this run's"), Meaning::Warn)
    } else if run.is_over() && !track.phase.is_final() {
        (format!("{}: the run has ended", state_text(run, track, scene.now)), Meaning::Text)
    } else if let Phase::RollbackBlocked { .. } = &track.phase {
        (phase_note(run, track, ready, wanted), Meaning::Bad)
    } else if let Some(fault) = &track.fault {
        (format!("{} failed {} times: {}", fault.action, fault.attempts, fault.text), Meaning::Warn)
    } else if let Some((text, held)) = held {
        let text = zone.within(&text, scene.now);
        (format!("held: {text}, since {}, {ready} of {wanted} new pods", zone.clock(held.since)), Meaning::Held)
    } else if let Some(paused) = track.paused.as_ref().filter(|_| raises) {
        let why = if paused.reason.is_empty() { String::new() } else { format!(", {}", paused.reason) };
        (format!("paused by {} at {}{why}", paused.by, zone.clock(paused.since)), Meaning::Warn)
    } else if let Some(why) = held_by_run(run, track) {
        (format!("held: {}, {ready} of {wanted} new pods", zone.within(&why, scene.now)), Meaning::Held)
    } else {
        (phase_note(run, track, ready, wanted), Meaning::Text)
    };
    let on_new = segments::on_new_said(run, track);
    let mut second: Vec<String> = on_new.map(|segments| format!("all of {segments} on new")).into_iter().collect();
    if let Some(planned) = run.plan.get(&track.service)
        && !planned.needs.is_empty()
    {
        let needs = planned.needs.iter().map(|(n, range)| format!("{n} {range} ({})", need_state(run, n)));
        second.push(format!("needs {}", needs.collect::<Vec<_>>().join(", ")));
    }
    let meaning = if first.1 == Meaning::Held { Meaning::Bad } else { first.1 };
    let first = (if doubted(run, scene) { doubt(&first.0) } else { first.0 }, meaning);
    if track.phase.is_final() {
        return vec![first];
    }
    second.extend(hangs_on_it(run, &track.service));
    if second.is_empty() {
        return vec![first];
    }
    vec![first, (second.join("; "), Meaning::Dim)]
}

/// What hangs on a service: who needs it, and who would go back before it.
pub fn hangs_on_it(run: &Run, service: &str) -> Option<String> {
    let first = go_back_first(run, service);
    if !first.is_empty() {
        let needs = if first.len() == 1 { "needs" } else { "need" };
        return Some(format!("goes back after {}, which {needs} it", first.join(", ")));
    }
    let dependants: Vec<&str> = run.plan.dependants(service).map(|d| d.service.name.as_str()).collect();
    (!dependants.is_empty()).then(|| format!("needed by {}", dependants.join(", ")))
}

fn need_state(run: &Run, name: &str) -> &'static str {
    match run.track(name) {
        None => "not in this run",
        Some(t) if at_full(t) => "ok",
        Some(t) => t.phase.word(),
    }
}

fn phase_note(run: &Run, track: &Track, ready: u32, wanted: u32) -> String {
    match &track.phase {
        Phase::Waiting { needs } if !needs.is_empty() => format!("waits for {}", needs.join(", ")),
        Phase::Waiting { .. } => "waits for its turn".into(),
        Phase::Skipped { why } => format!("skipped: {why}"),
        Phase::RolledBack { rollback } | Phase::RollingBack(rollback) => format!("back to old: {}", rollback.reason),
        Phase::RollbackBlocked { reason, .. } => format!("{reason}. The command for it by hand: open, or copy"),
        // Ready pods serve nothing that no request comes to.
        Phase::Verifying { .. } if track.held.is_some() => {
            track.held.as_ref().map(|held| held.text.clone()).unwrap_or_default()
        }
        Phase::Verifying { .. } => {
            let (ready, wanted) =
                track.stable.as_ref().and_then(|w| w.deployment.as_ref()).map_or((0, 0), |d| (d.ready, d.wanted));
            format!("old serves everything: {ready} of {wanted} old pods ready")
        }
        Phase::Shifting { .. } => {
            let route = match track.route.as_ref().map(|r| &r.accepted) {
                Some(Accepted::Yes) => "route accepted".to_string(),
                Some(Accepted::Pending) => "route not accepted yet".to_string(),
                Some(Accepted::No(why)) => format!("route refused: {why}"),
                None => "route not seen".to_string(),
            };
            let observed = if run.plan.policy.observed == crate::spec::policy::Observed::Off {
                String::new()
            } else {
                format!(", observed {}", observed(track))
            };
            format!("{ready} of {wanted} new pods, {route}{observed}")
        }
        Phase::Done => "done: stable runs the new version, -next is gone".into(),
        _ => format!("{}, {ready} of {wanted} new pods", track.phase.word()),
    }
}
