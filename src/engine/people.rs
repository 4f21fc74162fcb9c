//! Who may do what, and what it would do: one pure policy function for key bar, help, palette, command line and engine.
use super::command::{Allowance, Class, Identity, Role, Scope, Verb};
use super::run::{AskKind, HoldReason, Phase, Run, Stage, Track};

/// What a verb would do if it were confirmed now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// The act in one sentence.
    pub what: String,
    /// What happens, in order.
    pub effects: Vec<String>,
    /// Blast radius: whom it touches.
    pub touches: String,
    pub not_undone: Vec<String>,
    /// Expected time.
    pub time: String,
}

/// What the policy makes of a name. Who is not listed is a viewer; with nobody listed the identity that drives is
/// operator outside production.
pub fn role(run: &Run, who: &Identity) -> Role {
    let people = &run.plan.policy.people;
    let lists = [
        (&people.owners, Role::Owner),
        (&people.approvers, Role::Approver),
        (&people.operators, Role::Operator),
        (&people.viewers, Role::Viewer),
    ];
    if lists.iter().all(|(names, _)| names.is_empty()) {
        let drives = !run.plan.environment.production && run.identity.name == who.name;
        return if drives { Role::Operator } else { Role::Viewer };
    }
    lists.iter().find(|(names, _)| names.contains(&who.name)).map_or(Role::Viewer, |(_, role)| *role)
}

/// Whether somebody may do something now. `typed` is what was typed to confirm.
pub fn judge(run: &Run, verb: Verb, scope: &Scope, who: &Identity, typed: Option<&str>) -> Allowance {
    let info = verb.info();
    if run.is_ended() && verb != Verb::Note {
        return Allowance::Denied("the run has ended".into());
    }
    if role(run, who) < info.role {
        return Allowance::Denied(format!("needs role {}", word(info.role)));
    }
    if let Some(reason) = obstacle(run, verb, scope) {
        return Allowance::Denied(reason);
    }
    match info.class {
        Class::TwoPersons => Allowance::Denied("two-person route not configured".into()),
        Class::Typed => {
            let wanted = match scope {
                Scope::Run => run.id.clone(),
                Scope::Service(name) => name.clone(),
            };
            if typed == Some(wanted.as_str()) { Allowance::Allowed } else { Allowance::NeedsTyping(wanted) }
        }
        Class::Plain | Class::Preview => Allowance::Allowed,
    }
}

/// As in the policy file.
pub fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Approver => "approver",
        Role::Owner => "owner",
    }
}

/// Why a verb is off for everybody now.
fn obstacle(run: &Run, verb: Verb, scope: &Scope) -> Option<String> {
    match verb {
        Verb::Start => (run.stage != Stage::Ready).then(|| "not waiting for start".into()),
        Verb::PauseAll => run.paused_all.is_some().then(|| "all is paused".into()),
        Verb::ResumeAll => run.paused_all.is_none().then(|| "not paused".into()),
        Verb::Ack => run.pages.iter().all(|p| p.acked_by.is_some()).then(|| "no page waits".into()),
        Verb::Note => None,
        Verb::Abort if *scope == Scope::Run => {
            (!run.tracks.values().any(can_abort)).then(|| "nothing is below 100%".into())
        }
        _ => {
            let Scope::Service(name) = scope else { return Some("select a service".into()) };
            let Some(track) = run.track(name) else { return Some("not in this run".into()) };
            track_obstacle(run, verb, track)
        }
    }
}

fn can_abort(track: &Track) -> bool {
    track.phase.in_flight() && track.accepted_share() < 100.0
}

fn track_obstacle(run: &Run, verb: Verb, track: &Track) -> Option<String> {
    let asks = |kinds: &[AskKind]| track.ask.as_ref().is_some_and(|a| kinds.contains(&a.kind));
    let off = |ok: bool, why: &str| (!ok).then(|| why.to_string());
    match verb {
        Verb::Pause => off(!track.phase.is_final(), track.phase.word())
            .or_else(|| track.paused.is_some().then(|| "is paused".to_string())),
        Verb::Resume => off(track.paused.is_some(), "not paused"),
        Verb::Next => next_obstacle(run, track),
        Verb::Keep => off(asks(&[AskKind::Keep]), "no deadline"),
        Verb::Retry => off(track.fault.is_some() || asks(&[AskKind::AfterRollback, AskKind::Write]), "nothing failed"),
        Verb::Skip => off(matches!(track.phase, Phase::Waiting { .. }) || asks(&[AskKind::AfterRollback]), "under way"),
        Verb::AdoptDrift | Verb::RevertDrift => {
            off(track.held.as_ref().is_some_and(|h| h.reason == HoldReason::Drift), "no drift")
        }
        Verb::Abort => off(can_abort(track), if track.phase.in_flight() { "at 100%: b" } else { track.phase.word() }),
        Verb::Rollback => off(matches!(track.phase, Phase::Soaking { .. } | Phase::Soaked), "not at 100%"),
        _ => None,
    }
}

fn next_obstacle(run: &Run, track: &Track) -> Option<String> {
    let Phase::Shifting { step, .. } = &track.phase else { return Some(track.phase.word().to_string()) };
    if run.cluster.down.is_some() {
        return Some("cluster not seen".into());
    }
    if let Some((gate, _)) = track.bad_gates().next() {
        return Some(format!("gate over: {gate}"));
    }
    if !track.gates_pass() {
        return Some("gates not known".into());
    }
    let wanted = run.plan.policy.steps.get(*step).map_or(100, |s| s.weight);
    (track.accepted_share().round() as u32 != wanted).then(|| "route not accepted".into())
}

/// What `verb` on `scope` would do now.
pub fn preview(run: &Run, verb: Verb, scope: &Scope) -> Preview {
    let (name, track) = match scope {
        Scope::Run => (format!("run {}", run.id), None),
        Scope::Service(name) => (name.clone(), run.track(name)),
    };
    let share = track.map_or(0.0, Track::accepted_share).round() as u32;
    let mut preview =
        Preview { what: format!("{} {name}: {}", verb.info().name, verb.info().help), ..Preview::default() };
    match verb {
        Verb::Abort => abort_preview(run, scope, &mut preview),
        Verb::Next => {
            let step = track.and_then(|t| if let Phase::Shifting { step, .. } = t.phase { Some(step) } else { None });
            let next = step.and_then(|s| run.plan.policy.steps.get(s + 1)).map_or(100, |s| s.weight);
            preview.effects = vec![
                format!("end the hold at {share}%"),
                format!("scale the new version for {next}%"),
                format!("weight {share}% -> {next}%"),
            ];
            preview.touches = format!("{next}% of {name}'s traffic");
            preview.time = "seconds, when the pods are ready".into();
        }
        Verb::Keep => {
            preview.effects = vec!["the rollback's deadline moves 10:00 on, once".into()];
            preview.touches = format!("{share}% of {name}'s traffic stays on the new version");
        }
        Verb::Start => {
            preview.effects = vec![format!("begin with wave 1 of {} services", run.plan.services.len())];
            preview.touches = "no traffic before the new pods are warm".into();
            let (work, soak) = run.plan.estimate();
            preview.time = format!("about {} to 100%, then {} soak", work.clock(), soak.clock());
        }
        _ => preview.touches = format!("{share}% of {name}'s traffic is on the new version"),
    }
    preview
}

fn abort_preview(run: &Run, scope: &Scope, preview: &mut Preview) {
    let hit = |t: &&Track| match scope {
        Scope::Run => can_abort(t),
        Scope::Service(name) => {
            t.service == *name || (can_abort(t) && run.plan.dependants(name).any(|d| d.service.name == t.service))
        }
    };
    let mut highest = 0.0_f64;
    for track in run.in_order().filter(hit) {
        let share = track.accepted_share();
        highest = highest.max(share);
        preview.effects.push(format!("{}: weight {share:.0}% -> 0%, confirm, drain, delete -next", track.service));
    }
    preview.touches = format!("up to {highest:.0}% of traffic goes back to old");
    preview.not_undone = vec!["rows the new version wrote stay".into()];
    preview.time = format!("weights within 0:30, then {} health watch", run.plan.policy.verify.clock());
}
