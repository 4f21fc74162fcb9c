//! Policies: steps, deadlines, people; gates are in [`super::gate`].
use super::{GRID, Scope, Seg, at, gate, repeated};
use crate::spec::policy::{After, People, PolicySpec};
use crate::spec::units::Dur;

pub fn check(policy: &PolicySpec, scope: &mut Scope<'_, '_, '_>) {
    steps(policy, scope);
    settings(policy, scope);
    people(&policy.people, scope);
    if policy.gates.is_empty() {
        let help = "add at least one gate, such as {name: error-rate, measure: error_rate, max: 1%}".to_string();
        scope.error(at!["gates"], "no gate is listed: nothing would be asked before traffic is raised", help);
    }
    for (i, first) in repeated(policy.gates.iter().map(|g| g.name.as_str())) {
        let line = scope.locate(at!["gates", first]).1.line;
        scope.error(at!["gates", i, "name"], &format!("the name is taken by the gate on line {line}"), None);
    }
    for (i, gate) in policy.gates.iter().enumerate() {
        if scope.sink.hopeless() {
            return;
        }
        gate::check(i, gate, scope);
    }
    soak_has_gates(policy, scope);
}

fn steps(policy: &PolicySpec, scope: &mut Scope<'_, '_, '_>) {
    if policy.steps.is_empty() {
        let help = "such as `- {weight: 10, hold: 2m}` and so on up to 100".to_string();
        scope.error(at!["steps"], "no step is listed", help);
    }
    for (i, step) in policy.steps.iter().enumerate() {
        if !(1..=100).contains(&step.weight) {
            let help = "a weight is a share of the traffic in per cent, 1 to 100".to_string();
            scope.error(at!["steps", i, "weight"], &format!("{} is not a weight", step.weight), help);
        }
        if let Some(before) = i.checked_sub(1).map(|b| policy.steps[b].weight).filter(|b| *b > step.weight) {
            let message = format!("falls from {before} to {}: steps only raise", step.weight);
            scope.error(at!["steps", i, "weight"], &message, "going back is the rollback's work".to_string());
        }
        if step.hold == Dur::ZERO {
            let help = format!("gates are asked every {GRID}; hold for minutes");
            scope.error(at!["steps", i, "hold"], "a step of 0s is never looked at", help);
        } else if step.hold < GRID {
            let help = format!("gates are asked every {GRID}");
            scope.warn(at!["steps", i, "hold"], &format!("{} may pass without one look at the gates", step.hold), help);
        }
    }
    if let Some((i, last)) = policy.steps.iter().enumerate().next_back()
        && last.weight < 100
    {
        let message = format!("the last step stops at {} %: the upgrade would never be whole", last.weight);
        scope.error(at!["steps", i, "weight"], &message, "end with weight 100".to_string());
    }
    if let After::Step(n) = policy.after {
        let beyond = !policy.steps.is_empty() && usize::try_from(n).map_or(true, |n| n > policy.steps.len());
        if n == 0 || beyond {
            let message = format!("there is no step {n}; there are {}, counted from 1", policy.steps.len());
            scope.error(at!["after", "step"], &message, None);
        }
    }
}

fn settings(policy: &PolicySpec, scope: &mut Scope<'_, '_, '_>) {
    if policy.warmup == Dur::ZERO {
        let help = "new pods get traffic the moment they are ready; a minute or more is usual".to_string();
        scope.warn(at!["warmup"], "there is no warm-up", help);
    }
    if policy.soak == Dur::ZERO {
        let help = "the old version is taken away as soon as the new one has all traffic".to_string();
        scope.warn(at!["soak"], "there is no soak", help);
    }
    if policy.window == Dur::ZERO {
        scope.error(at!["window"], "a window of 0s holds no request", "2m is usual".to_string());
    }
    if policy.progress_deadline == Dur::ZERO {
        scope.error(at!["progress_deadline"], "no pod is ready after 0s", "10m is usual".to_string());
    }
    if policy.max_step == 0 {
        let help = "1 means: never longer than its hold; 3 is usual".to_string();
        scope.error(at!["max_step"], "a step cannot be 0 times its hold", help);
    }
    if policy.restart_on_bad && policy.max_bad_fraction.is_some() {
        let help = "set `restart_on_bad: false`, or take it out".to_string();
        scope.warn(at!["max_bad_fraction"], "has no effect while `restart_on_bad` is true", help);
    }
}

fn people(people: &People, scope: &mut Scope<'_, '_, '_>) {
    let lists = [
        ("viewers", &people.viewers),
        ("operators", &people.operators),
        ("approvers", &people.approvers),
        ("owners", &people.owners),
    ];
    for (list, names) in lists {
        for (i, name) in names.iter().enumerate() {
            if name.trim().is_empty() || name.trim() != name {
                let help = "write it as the API server does: see `kubectl auth whoami`".to_string();
                scope.error(
                    &[Seg::Key("people"), Seg::Key(list), Seg::Index(i)],
                    &format!("`{name}` names nobody"),
                    help,
                );
            }
        }
    }
    if !people.is_empty() && scope.whole(at!["people"]) && people.operators.is_empty() && people.owners.is_empty() {
        let help = "who is not listed is a viewer; list operators or owners".to_string();
        scope.warn(at!["people"], "nobody listed may pause or go on", help);
    }
}

/// While the new version soaks, the old one gets no requests, so a gate that only compares with it has nothing to say.
fn soak_has_gates(policy: &PolicySpec, scope: &mut Scope<'_, '_, '_>) {
    let whole = (0..policy.gates.len()).all(|i| scope.whole(at!["gates", i]));
    let asked = policy.soak > Dur::ZERO && !policy.gates.is_empty();
    if asked && whole && policy.gates.iter().all(gate::only_compares) {
        let message = "every gate only compares with the old version, which gets no requests while the new one soaks: \
                       nothing would be asked then";
        let help = "give one of them a `max` or `min` as well".to_string();
        if scope.sink.trying {
            scope.warn(at!["gates"], message, help);
        } else {
            scope.error(at!["gates"], message, help);
        }
    }
}
