//! One service in full: phases with their durations, shares side by side, pods, what holds it.
use super::super::model::Model;
use super::super::theme::Meaning;
use super::services::observed;
use super::{Line, Scene, doubt, doubted, piece};
use crate::engine::observe::{Accepted, DeploymentProgress, Slot, WorkloadSeen};
use crate::engine::status::{self, Unread, shown_share, state_text};
use crate::engine::{Phase, Run, Track, segments};
use crate::plan::MatchRule;

#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    pub service: String,
    pub lines: Vec<Line>,
    pub scroll: usize,
}

pub fn build(run: &Run, name: &str, model: &Model, scene: Scene) -> Detail {
    let mut lines = Vec::new();
    if let Some(track) = run.track(name) {
        by_hand(run, track, &mut lines);
        facts(run, track, scene, &mut lines);
        why(run, track, model, scene, &mut lines);
        let from_cluster = lines.len();
        shares(run, track, &mut lines);
        let to = lines.len();
        phases(run, track, scene, &mut lines);
        let pods = lines.len();
        for slot in [Slot::Next, Slot::Stable] {
            workload(track, slot, &mut lines);
        }
        if doubted(run, scene) {
            let end = lines.len();
            (from_cluster..to).chain(pods..end).for_each(|i| of_the_past(&mut lines[i]));
        }
    }
    Detail { service: name.to_string(), lines, scroll: model.detail_scroll }
}

fn of_the_past(line: &mut Line) {
    for part in line.iter_mut() {
        part.text = doubt(&part.text);
    }
}

fn head(lines: &mut Vec<Line>, title: &str) {
    lines.push(vec![piece(Meaning::Title, title)]);
}

fn fact(lines: &mut Vec<Line>, label: &str, text: String, meaning: Meaning) {
    lines.push(vec![piece(Meaning::Dim, format!(" {label:<11}")), piece(meaning, text)]);
}

fn facts(run: &Run, track: &Track, scene: Scene, lines: &mut Vec<Line>) {
    let Some(planned) = run.plan.get(&track.service) else { return };
    let from = track.facts.as_ref().map_or("?", |f| f.from_version.as_str());
    fact(lines, "version", format!("{from} > {}, wave {}", planned.version, planned.wave), Meaning::Text);
    fact(lines, "image", planned.image.clone(), Meaning::Text);
    if let Some(digest) = &track.pinned {
        fact(lines, "pinned", digest.clone(), Meaning::Dim);
    }
    let needs: Vec<String> = planned.needs.iter().map(|(n, r)| format!("{n} {r}")).collect();
    let dependants: Vec<&str> = run.plan.dependants(&track.service).map(|d| d.service.name.as_str()).collect();
    if !needs.is_empty() {
        fact(lines, "needs", needs.join(", "), Meaning::Text);
    }
    if !planned.after.is_empty() {
        let after: Vec<&str> = planned.after.keys().map(String::as_str).collect();
        fact(lines, "goes after", after.join(", "), Meaning::Text);
    }
    if !dependants.is_empty() {
        fact(lines, "needed by", dependants.join(", "), Meaning::Text);
    }
    let critical = if planned.service.critical { ", critical" } else { "" };
    fact(lines, "state", format!("{}{critical}", state_text(run, track, scene.now)), Meaning::Title);
}

/// First of all, and whole: somebody has to type it.
fn by_hand(run: &Run, track: &Track, lines: &mut Vec<Line>) {
    let Some((reason, command)) = status::by_hand(run, track) else { return };
    fact(lines, "blocked", reason, Meaning::Bad);
    fact(lines, "by hand", command, Meaning::Title);
    fact(lines, "", "copy takes it to your clipboard".into(), Meaning::Dim);
}

fn why(run: &Run, track: &Track, model: &Model, scene: Scene, lines: &mut Vec<Line>) {
    let zone = scene.shown(model);
    if !run.is_over() {
        stops(run, track, zone, scene, lines);
    }
    match &track.phase {
        Phase::RollingBack(r) | Phase::Verifying { rollback: r, .. } | Phase::RolledBack { rollback: r } => {
            fact(
                lines,
                "back",
                format!("{} (by {}, decided {})", r.reason, r.by, zone.near(r.decided, scene.now)),
                Meaning::Bad,
            );
        }
        _ => {}
    }
}

/// What stops it, asks, or is being written; nothing of that is left once the run has ended.
fn stops(run: &Run, track: &Track, zone: super::Zone, scene: Scene, lines: &mut Vec<Line>) {
    let since = |t| format!("since {}", zone.near(t, scene.now));
    let raises = !track.phase.is_final() && !track.phase.going_back();
    // What stops raises says nothing of a way back.
    if let Some((text, held)) = status::held_text(run, track, scene.now).zip(track.held.as_ref()).filter(|_| raises) {
        let until = held.until.map(|u| format!(", until {}", zone.near(u, scene.now))).unwrap_or_default();
        let text = zone.within(&text, scene.now);
        fact(lines, "held", format!("{text} ({}{until})", since(held.since)), Meaning::Bad);
    } else if let Some(why) = status::held_by_run(run, track) {
        fact(lines, "held", zone.within(&why, scene.now), Meaning::Bad);
    }
    if let Some(paused) = track.paused.as_ref().filter(|_| raises) {
        fact(lines, "paused", format!("by {} {} {}", paused.by, since(paused.since), paused.reason), Meaning::Warn);
    }
    if let Some(blind) = track.blind.as_ref().filter(|_| raises) {
        fact(
            lines,
            "blind",
            format!("no usable data {}; {} good ticks of 3", since(blind.since), blind.good_ticks),
            Meaning::Missing,
        );
    }
    for ask in track.asks() {
        let answers: Vec<&str> = status::answers_to(run, track, ask.kind).iter().map(|v| v.info().name).collect();
        let answers = if answers.is_empty() { String::new() } else { format!(" ({})", answers.join(", ")) };
        fact(lines, "asks", format!("{}{answers}", status::asked(run, track, ask, scene.now)), Meaning::Ask);
    }
    if let Some(fault) = &track.fault {
        let next = fault.retry_at.until(scene.now).clock();
        fact(
            lines,
            "fault",
            format!("{} failed {} times: {}; next try in {next}", fault.action, fault.attempts, fault.text),
            Meaning::Warn,
        );
    }
    if let Some(call) = &track.call {
        let out = scene.now.since(call.since).clock();
        fact(lines, "writing", format!("{} for {out}: {}", call.call.action.word(), call.call.why), Meaning::Move);
    }
}

/// Desired, accepted and observed are three things, and stand side by side.
fn shares(run: &Run, track: &Track, lines: &mut Vec<Line>) {
    head(lines, "Share of the new version");
    let accepted = match track.route.as_ref().map(|r| &r.accepted) {
        Some(_) if status::of_another(run, track).is_some() => "-".into(),
        Some(_) if status::unread(track) == Some(Unread::Gone) => "none: the route is gone".into(),
        Some(_) if status::unread(track).is_some() => "?: no weight can be read".into(),
        Some(Accepted::Yes) => format!("{:.0}%", shown_share(track)),
        Some(Accepted::Pending) => format!("{:.0}% pending", track.accepted_share()),
        Some(Accepted::No(why)) => format!("{:.0}% refused: {why}", track.accepted_share()),
        None => "not seen".into(),
    };
    let agree = (shown_share(track) - f64::from(track.desired)).abs() < 0.5;
    lines.push(vec![
        piece(Meaning::Dim, " desired "),
        piece(Meaning::Title, format!("{:>4}", format!("{}%", track.desired))),
        piece(Meaning::Dim, "   accepted "),
        piece(if agree { Meaning::Title } else { Meaning::Warn }, format!("{accepted:>4}")),
        piece(Meaning::Dim, "   observed "),
        piece(Meaning::Title, format!("{:>4}", observed(track))),
    ]);
    first_on_it(run, track, lines);
    if let Some(writer) = track.route.as_ref().and_then(|r| r.writer.as_ref()) {
        fact(lines, "written by", writer.clone(), Meaning::Dim);
    }
}

/// Segments that go first: where they are, and what requests showed of them.
fn first_on_it(run: &Run, track: &Track, lines: &mut Vec<Line>) {
    let Some(planned) = run.plan.get(&track.service).filter(|p| !p.segments.is_empty()) else { return };
    let on_new = segments::on_new(run, track);
    let share = segments::share(track).map_or("share not known yet".into(), |s| format!("about {s}%"));
    let (text, meaning) = match on_new.is_empty() {
        false => (format!("all of {} on new, {share}", on_new.join(", ")), Meaning::Move),
        true if matches!(track.phase, Phase::Waiting { .. } | Phase::Deploying | Phase::Warming { .. }) => {
            let all: Vec<String> = planned.segments.iter().map(MatchRule::said).collect();
            (format!("go first: {}", all.join(", ")), Meaning::Dim)
        }
        // The weight sends everybody where they are.
        true => return,
    };
    fact(lines, "segments", text, meaning);
}

fn phases(run: &Run, track: &Track, scene: Scene, lines: &mut Vec<Line>) {
    head(lines, "Phases");
    for (word, took) in &track.durations {
        lines.push(vec![
            piece(Meaning::Good, format!(" {word:<16}")),
            piece(Meaning::Text, format!("{:>8}", took.clock())),
        ]);
    }
    let running = if track.phase.is_final() {
        "       -".into()
    } else {
        format!("{:>8}", run.ended.unwrap_or(scene.now).since(track.since).clock())
    };
    // After the end nothing soaks or shifts any more.
    let word = if run.is_over() { state_text(run, track, scene.now) } else { track.phase.word().to_string() };
    let mut now = vec![piece(Meaning::Move, format!(" {word:<16}")), piece(Meaning::Title, running)];
    if let Phase::Shifting { step, hold } = &track.phase {
        let counted = format!(
            "  step {}, {} clean, {} of {} ticks bad",
            step + 1,
            hold.clean.clock(),
            hold.bad_ticks,
            hold.ticks
        );
        now.push(piece(Meaning::Dim, counted));
        if let Some(by) = &hold.ended_by {
            now.push(piece(Meaning::Dim, format!(", ended by {by}")));
        }
    }
    lines.push(now);
}

fn workload(track: &Track, slot: Slot, lines: &mut Vec<Line>) {
    let (seen, title): (&Option<WorkloadSeen>, _) = match slot {
        Slot::Next => (&track.next, "New pods"),
        Slot::Stable => (&track.stable, "Old pods"),
    };
    let Some(seen) = seen else { return };
    let Some(deployment) = &seen.deployment else {
        head(lines, &format!("{title}: none"));
        return;
    };
    let mut title = vec![
        piece(Meaning::Title, format!("{title}: {} of {} ready", deployment.ready, deployment.wanted)),
        piece(Meaning::Dim, format!("  {}", deployment.image)),
    ];
    match &deployment.progress {
        DeploymentProgress::Progressing => {}
        DeploymentProgress::Paused => title.push(piece(Meaning::Warn, "  paused")),
        DeploymentProgress::DeadlineExceeded(why) => {
            title.push(piece(Meaning::Bad, format!("  deadline passed: {why}")))
        }
        DeploymentProgress::ReplicaFailure(why) => title.push(piece(Meaning::Bad, format!("  no pods: {why}"))),
    }
    lines.push(title);
    for pod in &seen.pods {
        let (word, meaning) = match (pod.terminating, &pod.waiting, pod.ready) {
            (true, _, _) => ("ends".to_string(), Meaning::Dim),
            (_, Some(why), _) => (why.clone(), Meaning::Bad),
            (_, None, true) => ("ready".into(), Meaning::Good),
            (_, None, false) => ("not ready".into(), Meaning::Warn),
        };
        let restarts = if pod.restarts == 0 { Meaning::Dim } else { Meaning::Warn };
        lines.push(vec![
            piece(Meaning::Text, format!(" {:<34} ", pod.name)),
            piece(meaning, format!("{word:<17}")),
            piece(restarts, format!("{:>3} restarts", pod.restarts)),
        ]);
    }
}
