//! What a verb would do, whom it touches, and what is not undone: for the dialog that asks before it.
use std::collections::BTreeSet;

use super::super::command::{Scope, Verb};
use super::super::cx::capacity;
use super::super::joint::on_failure;
use super::super::moves::Kept;
use super::super::observe::RouteSeen;
use super::super::run::{AskKind, Driving, Phase, Run, Track};
use super::super::{forecast, moves, rollback, segments, window};
use crate::calendar::LOOK;
use crate::gate::Verdict;
use crate::plan::Planned;
use crate::plan::rules::segments_said;
use crate::spec::policy::OnFailure;
use crate::spec::units::counted;

/// What a verb would do, for the dialog that asks before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub what: String,
    /// In the order they will happen.
    pub effects: Vec<String>,
    /// Whom it touches.
    pub touches: String,
    pub not_undone: Vec<String>,
    pub time: String,
}

/// What `verb` on `scope` would do now.
pub fn preview(run: &Run, verb: Verb, scope: &Scope) -> Preview {
    let mut p = match scope {
        Scope::Service(name) => match run.track(name) {
            Some(t) => of_service(run, verb, t),
            None => plain(verb, "the run"),
        },
        Scope::Run => of_run(run, verb),
        Scope::Tenant(name) => on_tenant(run, verb, name),
    };
    if let (Verb::Retry | Verb::Skip | Verb::Unfreeze, Some(pause)) = (verb, standing_pause(run, verb, scope)) {
        p.effects.push(pause);
    }
    if let (Verb::Abort | Verb::Rollback | Verb::Retry, Some(when)) = (verb, when_written(run)) {
        p.effects.insert(0, format!("decided now, written {when}: the shares may be other than shown"));
        p.time = format!("begins {when}; then {}", p.time);
    }
    p
}

/// What still stops it afterwards.
fn standing_pause(run: &Run, verb: Verb, scope: &Scope) -> Option<String> {
    let of_service = match scope {
        Scope::Service(name) => run.track(name).and_then(|t| t.paused.as_ref()),
        _ => None,
    };
    let (paused, frozen) = (of_service.or(run.paused_all.as_ref()), run.frozen.as_ref());
    match (paused, frozen.filter(|_| verb != Verb::Unfreeze)) {
        (Some(pause), _) => Some(format!("paused by {}: no share rises until somebody resumes", pause.by)),
        (None, Some(stay)) => Some(format!("frozen by {}: no share rises until that is over", stay.by)),
        (None, None) => None,
    }
}

/// When a decision reaches the cluster; `None` when at once.
fn when_written(run: &Run) -> Option<&'static str> {
    match (&run.cluster.down, &run.driving) {
        (Some(_), _) if run.waits_for_lease() => Some("when the lease is ours"),
        (Some(_), _) => Some("when the API server, which is away, answers"),
        (None, Driving::Lost { .. }) => Some("when the lease is ours again"),
        _ => None,
    }
}

fn on_tenant(run: &Run, verb: Verb, name: &str) -> Preview {
    let mut p = plain(verb, name);
    p.effects = match verb {
        Verb::Unfreeze => match run.kept.get(name) {
            Some(Kept { frozen: Some(_), deferred: Some(stay) }) => {
                vec![format!("{name} stays {}; unfreeze once more lifts that, too", stay.said("put off"))]
            }
            _ => vec![format!("{name} moves when its turn comes")],
        },
        _ => [Some(format!("{name} is passed over; the others go on")), overtaken(run, name)]
            .into_iter()
            .flatten()
            .chain([
                "what is on its way already is judged to its end".into(),
                "everybody else goes to 100% only after it has moved".into(),
            ])
            .collect(),
    };
    p
}

/// Of a cohort of which nobody else is left nothing bakes: those after it go first.
fn overtaken(run: &Run, name: &str) -> Option<String> {
    let moves = || run.plan.services.iter().filter_map(|p| p.phased.as_ref()).flat_map(|phased| &phased.moves);
    let cohort = &moves().find(|m| m.name == name)?.cohort;
    let alone = !moves().any(|m| m.cohort == *cohort && m.name != name && !run.kept.contains_key(&m.name));
    // Moves stand in the order of their cohorts.
    let last = moves().last()?.cohort == *cohort;
    (alone && !last)
        .then(|| format!("{cohort} has nobody else: the cohorts after it go on before it, and none of it bakes"))
}

fn plain(verb: Verb, on: &str) -> Preview {
    Preview {
        what: format!("{} {on}", verb.info().name),
        effects: vec![verb.info().help.to_string()],
        touches: "no traffic".into(),
        not_undone: Vec::new(),
        time: "at once".into(),
    }
}

fn of_service(run: &Run, verb: Verb, t: &Track) -> Preview {
    let share = t.accepted_share().round() as u32;
    let mut p = plain(verb, &t.service);
    let Some(planned) = run.plan.get(&t.service) else { return p };
    let from = t.facts.as_ref().map_or("its old version", |f| f.from_version.as_str());
    match verb {
        Verb::Next => of_next(run, t, &mut p),
        Verb::Abort | Verb::Rollback => {
            p.what = format!("{} {} -> {from}", t.service, planned.version);
            p.effects = going_back(run, t);
            p.effects.extend(then_the_others(run));
            let rules = t.route.iter().flat_map(|r| &r.rules).map(|seen| &seen.rule);
            p.touches = match (share, segments::said(planned, rules)) {
                (0, Some(who)) => format!("all requests of {who} to {}", t.service),
                (_, Some(who)) => format!("{share}% of the traffic of {}, and all requests of {who}", t.service),
                (_, None) => format!("{share}% of the traffic of {}", t.service),
            };
            p.not_undone = vec!["answers the new version has given, and rows it has written, stay".into()];
            p.time = match untouched(t) {
                true => "seconds".into(),
                false => format!(
                    "weight in seconds; then {} drain and {} of watching",
                    run.plan.policy.drain, run.plan.policy.verify
                ),
            };
        }
        Verb::Keep => {
            p.effects = vec!["the rollback waits 10 minutes more, once".into()];
            p.touches = format!("{share}% of the traffic stays on the new version");
        }
        Verb::Retry => of_retry(run, t, planned, &mut p),
        Verb::Skip => of_skip(run, t, from, &mut p),
        Verb::AdoptDrift => p.effects = of_adopt(t, planned),
        Verb::RevertDrift => of_revert(t, planned, &mut p),
        _ => {}
    }
    p
}

/// What is tried again.
fn of_retry(run: &Run, t: &Track, planned: &Planned, p: &mut Preview) {
    p.effects = match t.phase {
        _ if moves::moving(run, t).is_some() && !moves::went_back(run, t).is_empty() => {
            let back: Vec<&str> = t.moves.back().map(|(name, _)| name).collect();
            let goes_on = "the line goes on, in every service whose tenants move".to_string();
            let again = format!("tried again when their turn comes: {}", back.join(", "));
            if back.is_empty() { vec![goes_on] } else { vec![again, goes_on] }
        }
        Phase::RolledBack { .. } => {
            p.touches = format!("no traffic at once; then {} of {}", steps(run, &t.service), t.service);
            let again = format!("{} {} is deployed again from 0%", t.service, planned.version);
            let raised = format!("once its pods are ready it is raised: {}", steps(run, &t.service));
            [again, raised].into_iter().chain(the_others_go_on(run, t, &[])).collect()
        }
        _ => vec!["the write that failed is tried again now".into()],
    };
}

/// Who stays old, and what the others do then.
fn of_skip(run: &Run, t: &Track, from: &str, p: &mut Preview) {
    let more = left_out_with(run, &t.service);
    p.effects = vec![format!("{} stays on {from}", t.service)];
    if !more.is_empty() {
        p.effects.push(format!("so do those that need it: {}", more.join(", ")));
    }
    if run.stopped.is_none() {
        p.effects.push("the other services go on".into());
        return;
    }
    p.effects.extend(the_others_go_on(run, t, &more));
    p.touches = "no traffic at once; then what is raised".into();
}

/// What a share that is taken over needs.
fn of_adopt(t: &Track, planned: &Planned) -> Vec<String> {
    let share = t.accepted_share().round() as u32;
    let mut effects = vec![format!("{share}% is taken as the weight to go on from")];
    let has = t.next.as_ref().and_then(|n| n.deployment.as_ref()).map_or(0, |d| d.wanted);
    let need = capacity(planned, t.r0, segments::load(t, share));
    effects.extend((has < need).then(|| format!("-next is scaled from {has} to {need} pods")));
    effects
}

/// What stands again once a foreign edit is undone.
fn of_revert(t: &Track, planned: &Planned, p: &mut Preview) {
    let share = t.accepted_share().round() as u32;
    let back = t.written.as_ref().map_or(0, |w| w.traffic.next);
    let rules = t.written.as_ref().zip(t.route.as_ref()).filter(|(w, route)| !w.traffic.rules_stand(route));
    let (mut effects, mut touches) = (Vec::new(), Vec::new());
    let apart = t.route.as_ref().map_or_else(Vec::new, RouteSeen::apart);
    let gone = t.route.as_ref().and_then(|r| r.weights).is_some_and(|w| w.next.is_none());
    if share != back || rules.is_none() {
        let written = format!("weight {share}% -> {back}%");
        let next = &planned.service.traffic.http_route.next;
        effects.extend((share != back || apart.is_empty()).then_some(written));
        effects.extend(gone.then(|| format!("Service {next} is put back into the route")));
        effects.extend(apart.iter().map(|(rule, share)| format!("rule {rule} of the route: {share}% -> {back}%")));
        touches.push(format!("{}% of the traffic of {}", share.max(back), t.service));
    }
    if let Some((written, _)) = rules {
        let who = segments::said(planned, written.traffic.rules.iter()).unwrap_or_else(|| "nobody".into());
        effects.push(format!("rules as they were written: all requests of {who} to {}", planned.version));
        touches.push("all requests of those whose rules were changed".into());
    }
    (p.effects, p.touches) = (effects, touches.join("; "));
}

/// The shares a service comes to, one after the other.
fn steps(run: &Run, service: &str) -> String {
    run.plan.steps(service).iter().map(|s| format!("{}%", s.weight)).collect::<Vec<_>>().join(" ")
}

/// What rises again once a failure is answered: until then it stops the raises of all. `left`: those that never begin.
fn the_others_go_on(run: &Run, answered: &Track, left: &[&str]) -> Vec<String> {
    if run.stopped.is_none() {
        return Vec::new();
    }
    let others = || run.in_order().filter(|o| o.service != answered.service);
    if let Some(open) = others().find(|o| o.asks_for(AskKind::AfterRollback)) {
        return vec![format!("nothing else is raised before somebody decides about {}, too", open.service)];
    }
    let next = |o: &Track| {
        let steps = run.plan.steps(&o.service);
        let name = &o.service;
        match &o.phase {
            Phase::Shifting { step, hold } => {
                let to = steps.get(if hold.accepted_at.is_some() { step + 1 } else { *step })?.weight;
                Some(format!("{name} {:.0}% -> {to}%", o.accepted_share()))
            }
            Phase::Deploying | Phase::Warming { .. } => Some(format!("{name} 0% -> {}%", steps.first()?.weight)),
            Phase::Waiting { .. } if !left.contains(&name.as_str()) => {
                Some(format!("{name} begins when its turn comes"))
            }
            _ => None,
        }
    };
    let raises: Vec<String> = others().filter_map(next).collect();
    match raises.is_empty() {
        true => vec!["no other service has a raise to come".into()],
        false => vec![format!("raises go on, each when its hold is clean: {}", raises.join(", "))],
    }
}

/// What follows the end of a hold, and on how little it rests.
fn of_next(run: &Run, t: &Track, p: &mut Preview) {
    let share = t.accepted_share().round() as u32;
    let Phase::Shifting { step, .. } = t.phase else { return };
    if let (Some(_), Some(name)) = (moves::moving(run, t), &t.moves.now) {
        p.effects = vec![format!("{name} is taken as moved; the next tenant moves when its turn comes")];
        p.touches = "no more traffic than now".into();
        p.time = "at once".into();
        p.not_undone.push("the rest of its hold is not judged".into());
        return;
    }
    let next = run.plan.steps(&t.service).get(step + 1).map(|s| s.weight);
    p.effects = match next {
        Some(w) => vec![
            format!("new pods of {} scaled for {w}%", t.service),
            format!("weight {share}% -> {w}% once they are ready"),
        ],
        None => vec![format!("soak of {} begins", run.plan.policy.soak)],
    };
    p.touches = next.map_or("no more traffic than now".into(), |w| format!("{w}% of the traffic of {}", t.service));
    p.time = "seconds".into();
    let few = t.gates.values().filter_map(|g| g.last.as_ref()).find(|e| e.verdict == Verdict::TooFew);
    p.effects.splice(0..0, few.map(|e| format!("the step is taken as good on {}", e.reason)));
    p.not_undone.push("the rest of this step is not judged; answers of the new version stay".into());
}

/// Those that wait and need, at whatever distance, a service that stays old.
fn left_out_with<'a>(run: &'a Run, service: &'a str) -> Vec<&'a str> {
    let mut out: Vec<&str> = Vec::new();
    let mut look = vec![service];
    while let Some(name) = look.pop() {
        for d in run.plan.dependants(name).map(|d| d.service.name.as_str()) {
            let waits = run.track(d).is_some_and(|t| matches!(t.phase, Phase::Waiting { .. }));
            if waits && !out.contains(&d) {
                out.push(d);
                look.push(d);
            }
        }
    }
    // In the order of the plan, as everywhere.
    let order = run.plan.services.iter().map(|p| p.service.name.as_str());
    order.filter(|n| out.contains(n)).collect()
}

/// What the policy does to the other services once one goes back.
fn then_the_others(run: &Run) -> Option<String> {
    if run.aborting.is_some() {
        return None;
    }
    Some(match on_failure(run) {
        OnFailure::Stop => "nothing else is raised then, until a person decides".into(),
        OnFailure::RollBackRun => "the whole run goes back with it".into(),
        OnFailure::ContinueIndependent => "those that wait for it are left out, the others go on".into(),
    })
}

/// No request can have come to the new version: there is nothing to confirm, to drain or to watch.
fn untouched(t: &Track) -> bool {
    t.highest == 0 && t.desired == 0 && !t.flows() && t.moves.begun.is_empty()
}

fn going_back(run: &Run, t: &Track) -> Vec<String> {
    let share = t.accepted_share().round() as u32;
    let mut effects = Vec::new();
    let with: Vec<&str> = run
        .plan
        .dependants(&t.service)
        .map(|d| d.service.name.as_str())
        .filter(|n| run.track(n).is_some_and(|d| d.phase.in_flight()))
        .collect();
    if !with.is_empty() {
        effects.push(format!("those that need it go back first: {}", with.join(", ")));
    }
    if share > 0 || !t.has_rules() {
        effects.push(if share == 0 { "no traffic is on new".into() } else { format!("weight {share}% -> 0%") });
    }
    let rules = t.route.iter().flat_map(|r| &r.rules).map(|seen| &seen.rule);
    if let Some(who) = run.plan.get(&t.service).and_then(|p| segments::said(p, rules)) {
        let with = if share > 0 { " in the same write" } else { "" };
        effects.push(format!("rules of {who} are taken away{with}"));
    }
    let pods = t.next.as_ref().and_then(|n| n.deployment.as_ref()).map_or(0, |d| d.wanted);
    let pods = counted(pods as usize, "new pod");
    if untouched(t) {
        effects.push(format!("removal of {pods}; no request ever came to them, so nothing is drained or watched"));
        return effects;
    }
    effects.push(format!("drain {}, then removal of {pods}", run.plan.policy.drain));
    effects.push(format!("the old version is watched for {}", run.plan.policy.verify));
    effects
}

fn of_run(run: &Run, verb: Verb) -> Preview {
    let mut p = plain(verb, &format!("run {}", run.id));
    match verb {
        Verb::Start => of_start(run, &mut p),
        Verb::Abort => {
            let (mut back, mut stay, mut left, mut wait) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for t in run.in_order() {
                match &t.phase {
                    Phase::Waiting { .. } => left.push(t.service.as_str()),
                    Phase::Soaking { .. } | Phase::Soaked => stay.push(t.service.as_str()),
                    Phase::Shifting { .. } if !t.below_full() => stay.push(t.service.as_str()),
                    ph if ph.in_flight() && !rollback::may_go_back(t) => wait.push(t.service.as_str()),
                    ph if ph.in_flight() => back.push(t.service.as_str()),
                    _ => {}
                }
            }
            let list = |v: &[&str]| if v.is_empty() { "none".to_string() } else { v.join(", ") };
            p.what = format!("abort run {}", run.id);
            p.effects = vec![
                format!("weight to 0% now{}: {}", with_segments(run, &back), list(&back)),
                format!("stay at 100% new, old kept warm: {}", list(&stay)),
                format!("not begun, left on old: {}", list(&left)),
            ];
            if !wait.is_empty() {
                p.effects.push(format!("go back once their old pods are ready: {}", list(&wait)));
            }
            p.touches = format!("{} in flight", counted(back.len() + wait.len(), "service"));
            p.not_undone = vec!["answers the new versions have given, and rows they have written, stay".into()];
            p.time = format!(
                "weights in seconds; then {} drain and {} of watching",
                run.plan.policy.drain, run.plan.policy.verify
            );
        }
        Verb::PauseAll => p.effects = vec!["no share rises; automatic rollback stays armed".into()],
        Verb::Freeze | Verb::Defer | Verb::Unfreeze => p.effects = of_when(run, verb),
        _ => {}
    }
    p
}

/// Whoever went first on one of these services goes back with it.
fn with_segments(run: &Run, services: &[&str]) -> String {
    let on_new = services.iter().filter_map(|s| run.track(s)).flat_map(|t| segments::on_new(run, t));
    let names: BTreeSet<&str> = on_new.collect();
    let said = segments_said(names.into_iter());
    said.map_or_else(String::new, |segments| format!(", the rules of {segments} with it"))
}

/// What begins, in waves, and how it goes on.
fn of_start(run: &Run, p: &mut Preview) {
    p.what = format!("start {} on {}", run.plan.upgrade, run.plan.environment.name);
    let waves = run.plan.services.iter().map(|s| s.wave).max().unwrap_or(0);
    p.effects = (1..=waves)
        .map(|w| {
            let names: Vec<String> = run
                .plan
                .services
                .iter()
                .filter(|s| s.wave == w)
                .map(|s| format!("{} {}", s.service.name, s.version))
                .collect();
            format!("wave {w}: {}", names.join(", "))
        })
        .collect();
    let steps: Vec<String> = run.plan.policy.steps.iter().map(|s| format!("{}%", s.weight)).collect();
    let names: BTreeSet<&str> =
        run.plan.services.iter().flat_map(|s| &s.segments).map(|rule| rule.name.as_str()).collect();
    if let Some(segments) = segments_said(names.into_iter()) {
        let first = run.plan.policy.steps.first().map_or(100, |s| s.weight);
        p.effects.push(format!(
            "all requests of {segments} go to new with the first {first}%: how many that are is not known before"
        ));
    }
    p.effects.splice(0..0, window::waits_if_started(run));
    p.touches = touched(run, &steps.join(" "));
    let (shift, soak) = run.plan.estimate();
    p.time = format!("about {shift} and {soak} of soaking, when every tick is good");
    // Who starts lifts what put it off.
    if let Some(ahead) = forecast::of_run(run, false) {
        for planned in &run.plan.services {
            p.effects.extend(
                ahead.tenants_said(planned).into_iter().map(|line| format!("{}: {line}", planned.service.name)),
            );
        }
        p.time = match ahead.full() {
            Some(full) => {
                format!("all at 100% about {}, then {soak} of soaking, when every tick is good", ahead.read(full))
            }
            None => format!("not all of it comes to 100% within {LOOK}"),
        };
    }
}

/// What moves by its weights, and what tenant by tenant.
fn touched(run: &Run, steps: &str) -> String {
    let phased = run.plan.services.iter().filter(|p| p.phased.is_some()).count();
    let tenants: usize = run.plan.services.iter().filter_map(|p| p.phased.as_ref()).map(|p| p.count(|_| true)).sum();
    let by_weight = run.plan.services.len() - phased;
    let parts = [
        (by_weight > 0).then(|| format!("{}, by {steps}", counted(by_weight, "service"))),
        (phased > 0).then(|| {
            let tenants = counted(tenants, "tenant");
            format!("{} by {tenants} one after the other, then 100%", counted(phased, "service"))
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn of_when(run: &Run, verb: Verb) -> Vec<String> {
    let limit = run.plan.policy.max_split_hold;
    match verb {
        Verb::Freeze => vec![
            "nothing begins, no share rises, nothing settles; automatic rollback stays armed".into(),
            format!("what is split then goes back after {limit}, as max_split_hold says"),
        ],
        Verb::Defer if !run.start_wanted => {
            vec!["nobody has started the run: it does not begin by itself after that, and start lifts this".into()]
        }
        Verb::Defer => vec!["the run begins at the first fit after that; start says now".into()],
        _ => unfrozen(run),
    }
}

/// What follows when a person's freeze is lifted.
fn unfrozen(run: &Run) -> Vec<String> {
    let closed = run.window.as_ref().filter(|w| !w.open);
    let mut out = vec![match closed.map(|w| (w.closed_by.as_ref(), w.opens)) {
        None => "begins, raises and settling go on; the Calendar's windows and freezes bind as before".to_string(),
        Some((why, opens)) => {
            let why = why.map_or("the Calendar is closed", |(_, text)| text);
            let opens = opens.map(|at| format!(", for {}", at.until(run.now.wall).clock()));
            format!("nothing moves yet: {why}{}", opens.unwrap_or_default())
        }
    }];
    let split = run.in_order().filter(|t| t.split_since.is_some()).map(|t| t.service.as_str());
    let split = split.collect::<Vec<_>>().join(", ");
    if closed.is_none() && !split.is_empty() {
        out.push(format!("max_split_hold is counted no longer: {split}"));
    }
    out
}
