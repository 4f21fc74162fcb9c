//! Who may do what now: one pure function, used by key bar, help, palette, command line and the engine itself.
use super::command::{Allowance, Class, Identity, Role, Scope, Verb};
use super::holds::may_adopt;
use super::joint::on_failure;
use super::run::{AskKind, Driving, GRID, HoldReason, Phase, Run, Stage, Track};
use super::{moves, rollback, window};
use crate::gate::Verdict;
use crate::spec::policy::OnFailure;

/// What somebody is under the run's policy. Nobody listed at all makes the driver's own identity an operator, outside
/// production only.
pub fn role(run: &Run, who: &Identity) -> Role {
    let people = &run.plan.policy.people;
    let listed = |names: &[String]| names.contains(&who.name);
    if listed(&people.owners) {
        return Role::Owner;
    }
    if listed(&people.approvers) {
        return Role::Approver;
    }
    if listed(&people.operators) {
        return Role::Operator;
    }
    let nobody = people.owners.is_empty()
        && people.approvers.is_empty()
        && people.operators.is_empty()
        && people.viewers.is_empty();
    if nobody && !run.plan.environment.production && *who == run.identity {
        return Role::Operator;
    }
    Role::Viewer
}

/// Whether `who` may do `verb` to `scope` now. `typed` is what was typed to confirm so far.
pub fn judge(run: &Run, verb: Verb, scope: &Scope, who: &Identity, typed: Option<&str>) -> Allowance {
    let info = verb.info();
    let has = role(run, who);
    if who.name.is_empty() && matches!(run.driving, Driving::Unknown) {
        return Allowance::Denied("the cluster has not answered yet".into());
    }
    if has < info.role {
        return Allowance::Denied(format!("needs role {}, you are {}", word(info.role), word(has)));
    }
    if let Err(why) = possible(run, verb, scope) {
        return Allowance::Denied(why);
    }
    match info.class {
        Class::TwoPersons => Allowance::Denied("needs a second person, and no two-person route is configured".into()),
        Class::Typed => {
            let word = confirm_word(run, scope);
            if typed == Some(word.as_str()) { Allowance::Allowed } else { Allowance::NeedsTyping(word) }
        }
        Class::Plain | Class::Preview => Allowance::Allowed,
    }
}

pub fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Approver => "approver",
        Role::Owner => "owner",
    }
}

/// The word a person types to confirm: the service, or the run.
fn confirm_word(run: &Run, scope: &Scope) -> String {
    match scope {
        Scope::Service(name) => name.clone(),
        Scope::Run => run.id.clone(),
    }
}

/// Whether the state allows the verb, whoever asks.
fn possible(run: &Run, verb: Verb, scope: &Scope) -> Result<(), String> {
    if let Stage::Ended(_) = run.stage
        && verb != Verb::Note
    {
        return Err("the run has ended".into());
    }
    if run.is_left() && verb != Verb::Note && !matches!(run.driving, Driving::SteppedDown { .. }) {
        return Err(format!("nobody drives from here any more; {} takes the run up", run.resume_command()));
    }
    away(run, verb)?;
    let info = verb.info();
    let track = match scope {
        Scope::Service(name) => Some(run.track(name).ok_or_else(|| format!("no service {name} in this run"))?),
        Scope::Run => None,
    };
    if !info.on_run && track.is_none() && verb != Verb::Abort {
        return Err("select a service first".into());
    }
    let when = matches!(verb, Verb::Defer | Verb::Freeze | Verb::Unfreeze | Verb::Override);
    if verb != Verb::Start && verb != Verb::Note && !when && run.started.is_none() {
        return Err("the run has not begun".into());
    }
    match verb {
        Verb::Start => match run.stage {
            Stage::Ready => Ok(()),
            Stage::Preflight => Err("preflight is not done".into()),
            _ => Err("the run has begun already".into()),
        },
        Verb::PauseAll if run.paused_all.is_some() => Err("everything is paused already".into()),
        Verb::ResumeAll if run.paused_all.is_none() => Err("nothing is paused as a whole".into()),
        Verb::Ack if run.pages.iter().all(|p| p.acked_by.is_some()) => Err("no page is open".into()),
        Verb::Defer if run.started.is_some() => Err("the run has begun: pause or freeze it".into()),
        Verb::Unfreeze if run.frozen.is_none() => Err("nobody froze it".into()),
        Verb::Override if !window::stands_at_all(run) => Err("no window stands against it".into()),
        Verb::Defer | Verb::Freeze | Verb::Unfreeze | Verb::Override => Ok(()),
        Verb::PauseAll | Verb::ResumeAll | Verb::Ack | Verb::Note => Ok(()),
        Verb::Abort if track.is_none() => match run.aborting {
            Some(_) => Err("the run is being aborted already".into()),
            None => Ok(()),
        },
        _ => track.map_or(Ok(()), |t| possible_here(run, verb, t)),
    }
}

/// Verbs that need a live picture, or a cluster that can be written, are off without one; a decision is taken at any
/// time and carried out when there is one.
fn away(run: &Run, verb: Verb) -> Result<(), String> {
    if let Driving::SteppedDown { holder, .. } = &run.driving
        && verb != Verb::Note
    {
        return Err(format!("{holder} drives this run now"));
    }
    match verb {
        Verb::Start | Verb::Next | Verb::AdoptDrift | Verb::RevertDrift | Verb::SkipTo100 | Verb::ForceNext => {}
        _ => return Ok(()),
    }
    if run.cluster.down.is_some() {
        let lease = run.watches_down.is_none() && run.lease_down.is_some() && run.lease_waits;
        return Err(if lease { "the lease is not ours" } else { "the API server is away" }.into());
    }
    if matches!(run.driving, Driving::Lost { .. }) { Err("not driving: the lease is lost".into()) } else { Ok(()) }
}

fn possible_here(run: &Run, verb: Verb, t: &Track) -> Result<(), String> {
    let say = |ok: bool, why: &str| if ok { Ok(()) } else { Err(why.to_string()) };
    let asked = |kind| t.ask.as_ref().is_some_and(|a| a.kind == kind);
    match verb {
        Verb::Pause if t.paused.is_some() => Err("paused already".into()),
        Verb::Pause => say(
            t.phase.in_flight() || matches!(t.phase, Phase::Waiting { .. }),
            &format!("nothing to pause: {}", t.phase.word()),
        ),
        Verb::Resume => say(t.paused.is_some(), "not paused"),
        Verb::Next => next_possible(run, t),
        Verb::Keep if t.breach.as_ref().is_some_and(|b| b.kept) => Err("kept once already".into()),
        Verb::Keep => say(asked(AskKind::Keep), "no rollback waits for a deadline"),
        Verb::Retry => {
            let failed = asked(AskKind::AfterRollback) || asked(AskKind::Write) || asked(AskKind::Tenants);
            say(failed || t.fault.is_some(), "nothing failed here")
        }
        Verb::Skip => say(
            asked(AskKind::AfterRollback) || matches!(t.phase, Phase::Waiting { .. }),
            "only a service that waits or went back can be left out",
        ),
        Verb::AdoptDrift if t.route.as_ref().is_some_and(|r| r.weights.is_none()) => {
            Err("no weight can be read that could be taken over".into())
        }
        Verb::AdoptDrift if t.drifted && may_adopt(run, t).is_err() => may_adopt(run, t),
        Verb::AdoptDrift | Verb::RevertDrift => {
            say(t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Drift), "nobody changed the route")
        }
        Verb::Abort => match &t.phase {
            Phase::Deploying | Phase::Warming { .. } => Ok(()),
            // Below 100 % one person is enough, also where a foreign edit took a soaking service there.
            Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked if t.below_full() => {
                let (ready, all) = (rollback::old_ready(t), t.r0);
                let why = format!("only {ready} of {all} old pods are ready: they cannot take its traffic back");
                say(rollback::may_go_back(t), &why)
            }
            p if p.going_back() => Err("going back already".into()),
            Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked => {
                Err("at 100%: use roll back (two persons)".into())
            }
            Phase::Settling(_) => Err("settling: past the point of no return".into()),
            Phase::Waiting { .. } => Err("not begun; skip leaves it out".into()),
            p => Err(format!("nothing to abort: {}", p.word())),
        },
        Verb::Rollback => match &t.phase {
            Phase::Soaking { .. } | Phase::Soaked | Phase::Shifting { .. } if !t.below_full() => Ok(()),
            Phase::Settling(_) | Phase::Done => Err("past the point of no return: make a reverse upgrade".into()),
            p if p.in_flight() => Err("below 100%: use abort, one person is enough".into()),
            p => Err(format!("nothing to roll back: {}", p.word())),
        },
        _ => say(t.phase.in_flight(), "not in flight"),
    }
}

fn next_possible(run: &Run, t: &Track) -> Result<(), String> {
    // A soak that will never see enough requests is ended as a step is, once it has asked.
    if let (Phase::Soaking { .. }, Some(AskKind::TooFew)) = (&t.phase, t.ask.as_ref().map(|a| a.kind)) {
        return t.bad_gates().next().map_or(Ok(()), |(_, e)| Err(format!("gate over: {}", e.reason)));
    }
    let Phase::Shifting { hold, .. } = &t.phase else {
        return Err(format!("no step is held: {}", t.phase.word()));
    };
    if moves::idle(run, t) {
        return Err("no tenant is on its way: the next moves when its turn comes".into());
    }
    if hold.accepted_at.is_none() {
        return Err("the weight is still being raised".into());
    }
    if hold.ended_by.is_some() {
        return Err("the hold was ended already".into());
    }
    // Verdicts of the step before speak for its share, and at the first step nobody was asked of requests yet.
    if hold.ticks == 0 {
        return Err(format!("{}% was not judged yet; the gates look every {GRID}", t.desired));
    }
    if let Some((_, e)) = t.bad_gates().next() {
        return Err(format!("gate over: {}", e.reason));
    }
    let asked = t.ask.as_ref().is_some_and(|a| matches!(a.kind, AskKind::TooFew | AskKind::LongStep));
    let blocking = t.gates.values().filter_map(|g| g.last.as_ref()).find(|e| !e.acts_as.passes());
    if let Some(e) = blocking.filter(|e| !(asked && e.acts_as == Verdict::TooFew)) {
        return Err(e.reason.clone());
    }
    let weight = t.desired;
    if (t.accepted_share() - f64::from(weight)).abs() >= 0.5 {
        return Err(format!("the route has {:.0}%, not {weight}%", t.accepted_share()));
    }
    if t.paused.is_some() || run.paused_all.is_some() {
        return Err("paused: resume first".into());
    }
    window::raise_stopped(run, t).map_or(Ok(()), Err)
}

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
    };
    if let (Verb::Abort | Verb::Rollback | Verb::Retry, Some(when)) = (verb, when_written(run)) {
        p.effects.insert(0, format!("decided now, written {when}: the shares may be other than shown"));
        p.time = format!("begins {when}; then {}", p.time);
    }
    p
}

/// When a decision reaches the cluster; `None` when at once.
fn when_written(run: &Run) -> Option<&'static str> {
    match (&run.cluster.down, &run.driving) {
        (Some(_), _) => Some("when the API server, which is away, answers"),
        (None, Driving::Lost { .. }) => Some("when the lease is ours again"),
        _ => None,
    }
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
            p.touches = format!("{share}% of the traffic of {}", t.service);
            p.not_undone = vec!["answers the new version has given, and rows it has written, stay".into()];
            p.time = format!(
                "weight in seconds; then {} drain and {} of watching",
                run.plan.policy.drain, run.plan.policy.verify
            );
        }
        Verb::Keep => {
            p.effects = vec!["the rollback waits 10 minutes more, once".into()];
            p.touches = format!("{share}% of the traffic stays on the new version");
        }
        Verb::Retry => {
            p.effects = match t.phase {
                _ if moves::moving(run, t).is_some() && t.moves.rollbacks > 0 => {
                    let back: Vec<&str> = t.moves.back().map(|(name, _)| name).collect();
                    vec![format!("tried again when their turn comes: {}", back.join(", "))]
                }
                Phase::RolledBack { .. } => {
                    vec![format!("{} {} is deployed again from 0%", t.service, planned.version)]
                }
                _ => vec!["the write that failed is tried again now".into()],
            };
        }
        Verb::Skip => {
            let more = left_out_with(run, &t.service);
            p.effects = vec![format!("{} stays on {from}", t.service)];
            if !more.is_empty() {
                p.effects.push(format!("so do those that need it: {}", more.join(", ")));
            }
            p.effects.push("the other services go on".into());
        }
        Verb::AdoptDrift => p.effects = vec![format!("{share}% is taken as the weight to go on from")],
        Verb::RevertDrift => {
            let back = t.written.as_ref().map_or(0, |w| w.traffic.next);
            p.effects = vec![format!("weight {share}% -> {back}%")];
            p.touches = format!("{}% of the traffic of {}", share.max(back), t.service);
        }
        _ => {}
    }
    p
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

/// `1 new pod`, `2 new pods`.
fn many(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
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
    let rules = t.route.as_ref().map_or(0, |r| r.tenants.iter().map(|seen| seen.rule.values.len()).sum());
    if rules > 0 {
        effects.push(format!("{} that moved go back: their rules are taken away", many(rules, "tenant")));
    }
    let pods = t.next.as_ref().and_then(|n| n.deployment.as_ref()).map_or(0, |d| d.wanted);
    effects.push(format!("drain {}, then removal of {}", run.plan.policy.drain, many(pods as usize, "new pod")));
    effects.push(format!("the old version is watched for {}", run.plan.policy.verify));
    effects
}

fn of_run(run: &Run, verb: Verb) -> Preview {
    let mut p = plain(verb, &format!("run {}", run.id));
    match verb {
        Verb::Start => {
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
            p.effects.splice(0..0, window::waits_if_started(run));
            p.touches = format!("{} services, by {}", run.plan.services.len(), steps.join(" "));
            let (shift, soak) = run.plan.estimate();
            p.time = format!("about {shift} and {soak} of soaking, when every tick is good");
        }
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
                format!("weight to 0% now: {}", list(&back)),
                format!("stay at 100% new, old kept warm: {}", list(&stay)),
                format!("not begun, left on old: {}", list(&left)),
            ];
            if !wait.is_empty() {
                p.effects.push(format!("go back once their old pods are ready: {}", list(&wait)));
            }
            p.touches = format!("{} in flight", many(back.len() + wait.len(), "service"));
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
        _ => vec!["the Calendar's windows and freezes bind as before".into()],
    }
}
