//! Nights in which segments of users go first: all of their requests from the first weight on, everybody else by weights.
use pilothouse::engine::command::Verb;
use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::message::Leave;
use pilothouse::engine::rules::{MatchBy, MatchRule};
use pilothouse::engine::run::{Outcome, Phase, Rollback, RollbackStage, Track};
use pilothouse::plan::Plan;
use pilothouse::spec::policy::{Observed, Severity};
use pilothouse::spec::units::Dur;

use super::faults::{Bad, Broken, Faults};
use super::laws::Laws;
use super::night::{Night, command, night};
use super::seeds::{plan, seeded};
use super::verdict::verdict;
use super::world::State;

const SERVICE: &str = "billing";

/// Two segments on every service; each of their three values is a tenth of its requests.
fn with_segments(plan: &mut Plan) {
    let rule = |name: &str, values: &[&str]| MatchRule {
        name: name.into(),
        by: MatchBy::Header("x-user-type".into()),
        values: values.iter().map(|v| v.to_string()).collect(),
    };
    if plan.policy.observed == Observed::Require {
        plan.policy.observed = Observed::Prefer;
    }
    for p in &mut plan.services {
        p.segments = vec![rule("beta", &["tester", "pilot"]), rule("internal", &["staff"])];
    }
}

impl State {
    /// A write's rules stand in the place of those that stood.
    pub fn turn(&mut self, name: &str, rules: &[MatchRule]) {
        if let Some(s) = self.services.get_mut(name) {
            s.route.rules = rules.to_vec();
        }
    }
}

impl Laws {
    /// What a write has left behind, before anybody could write again.
    pub fn after_write(&mut self, state: &State, call: &Call) {
        let name = call.service.as_str();
        let none = matches!(call.action, Action::SetWeight { next: 0, .. } | Action::AddBackend);
        let segments = state.plan.get(name).is_some_and(|p| !p.segments.is_empty());
        if none && segments && !state.services[name].route.rules.is_empty() {
            self.break_law(
                "segments_in_time",
                format!("{name}: weight 0 is written and its segments keep their rules"),
            );
        }
    }

    /// Segments are on the new version while everybody else is split, and at no other time: not before the first weight, not
    /// once the last step is over, and not after weight 0 was written.
    pub fn segments_in_time(&mut self, state: &State, t: &Track) {
        let route = &state.services[&t.service].route;
        let segments = state.plan.get(&t.service).is_some_and(|p| !p.segments.is_empty());
        if !segments || route.rules.is_empty() || self.hand.contains(&t.service) {
            return;
        }
        let share = route.weights.share();
        let lowers = |r: &Rollback| matches!(r.stage, RollbackStage::TargetCheck | RollbackStage::Lower);
        let on_its_way = match &t.phase {
            Phase::Shifting { .. } => true,
            Phase::RollingBack(r) | Phase::RollbackBlocked { rollback: r, .. } => lowers(r),
            _ => false,
        };
        if share == 0.0 || !on_its_way {
            let text = format!("{}: rules of segments at {share:.0}% while it is {}", t.service, t.phase.word());
            self.break_law("segments_in_time", text);
        }
    }
}

fn usual() -> Faults {
    Faults { accept_after: Dur(800), restart_after: Dur::secs(7), ..Faults::default() }
}

fn canary(severity: Severity) -> Plan {
    let mut plan = plan();
    with_segments(&mut plan);
    for gate in plan.policy.gates.iter_mut().filter(|g| g.name == "error_rate") {
        gate.severity = severity;
    }
    plan
}

fn sound(plan: &Plan, faults: Faults) -> Night {
    let n = night(plan, faults.clone(), true);
    assert_eq!(verdict(&n, &faults, plan), Vec::<String>::new());
    n
}

fn told(n: &Night, service: &str, text: &str) -> usize {
    n.run.events.iter().filter(|e| e.service.as_deref() == Some(service) && e.text.contains(text)).count()
}

fn bad() -> Faults {
    let mut faults = usual();
    faults.bad.insert(SERVICE.into(), Bad { after: Dur::secs(20), ratio: 0.5, lasts: None, flaps: None });
    faults
}

#[test]
fn segments_go_first_and_the_laws_are_kept() {
    let n = sound(&canary(Severity::Immediate), usual());
    assert_eq!(n.run.outcome(), Some(Outcome::Succeeded));
    assert!(n.run.tracks.values().all(|t| t.phase == Phase::Done));
    for service in n.run.tracks.keys() {
        assert_eq!(told(&n, service, "rules written: beta: tester pilot; internal: staff"), 1, "{service}");
        assert_eq!(told(&n, service, "rules written: no segment has one any more"), 1, "{service}");
        // Three of ten requests, however many of the rest the weight adds.
        assert!(told(&n, service, "segments are about 3") > 0, "{service}");
    }
}

/// Each severity: no second at weight 0 with a rule.
#[test]
fn a_bad_version_is_left_by_weight_and_segments_at_once() {
    for severity in [Severity::Immediate, Severity::Fast, Severity::Standard] {
        let n = sound(&canary(severity), bad());
        assert_ne!(n.run.outcome(), Some(Outcome::Succeeded), "{severity:?}");
        assert!(n.sim.state().services[SERVICE].route.rules.is_empty(), "{severity:?}");
        assert_eq!(told(&n, SERVICE, "rules written: no segment has one any more"), 1, "{severity:?}");
    }
}

#[test]
fn killed_at_any_of_its_writes_it_goes_on() {
    let plan = canary(Severity::Immediate);
    for writes in 1..30 {
        let faults = Faults { kill: Some((writes, writes % 2 == 0)), ..usual() };
        let n = night(&plan, faults.clone(), false);
        assert_eq!(verdict(&n, &faults, &plan), Vec::<String>::new(), "{writes}");
        assert_eq!((n.run.outcome(), n.restarts), (Some(Outcome::Succeeded), 1), "{writes}");
    }
}

/// A person aborts, a process is told to leave, an answer is lost: in none of them anybody stays behind.
#[test]
fn whoever_goes_back_takes_the_segments_along() {
    let plan = canary(Severity::Immediate);
    let mut aborted = usual();
    aborted.people.interactive = true;
    aborted.people.commands = vec![(Dur::secs(90), command(Verb::Abort, None, "because"))];
    let mut left = usual();
    left.people.leave = Some((Dur::secs(90), Leave { how: None, why: "SIGTERM".into() }));
    let lost = Faults { lost_answer_every: 3, ..bad() };
    for (what, faults) in [("abort", aborted), ("SIGTERM", left), ("lost answers", lost)] {
        let n = sound(&plan, faults);
        let state = n.sim.state();
        let back = n.run.tracks.values().filter(|t| matches!(t.phase, Phase::RolledBack { .. }));
        let first = back.filter(|t| t.highest > 0).collect::<Vec<_>>();
        let phases = || n.run.tracks.values().map(|t| (&t.service, t.phase.word(), t.highest)).collect::<Vec<_>>();
        assert!(!first.is_empty(), "{what}: nobody went first and came back, {:?}", phases());
        assert!(first.iter().all(|t| state.services[&t.service].route.rules.is_empty()), "{what}");
    }
}

fn notices(faults: Faults) {
    let plan = canary(Severity::Immediate);
    let sound = night(&plan, Faults { broken: Broken::default(), ..faults.clone() }, false);
    assert_eq!(sound.sim.state().laws.broken, Vec::<String>::new());
    let found = night(&plan, faults, false).sim.state().laws.broken.clone();
    assert!(found.iter().any(|b| b.starts_with("segments_in_time")), "{found:?}");
}

#[test]
fn rules_before_the_first_weight_are_noticed() {
    notices(Faults { broken: Broken { rules_early: true, ..Broken::default() }, ..usual() });
}

#[test]
fn rules_that_outlast_the_weight_are_noticed() {
    notices(Faults { broken: Broken { rules_stay: true, ..Broken::default() }, ..bad() });
}

/// The faults of other nights, in nights with segments.
#[test]
fn seeded_nights_with_segments_break_no_law() {
    let count = super::nights() / 8;
    let mut broken = Vec::new();
    for seed in 0..count {
        let (mut plan, faults) = seeded(&plan(), seed);
        with_segments(&mut plan);
        let n = night(&plan, faults.clone(), seed % 20 == 0);
        let wrong = verdict(&n, &faults, &plan);
        if !wrong.is_empty() {
            broken.push(format!("night {seed}: {}", wrong.join("; ")));
        }
    }
    assert!(broken.is_empty(), "{} of {count}:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn one_with_segments() {
    let Some(seed) = std::env::var("PILOTHOUSE_NIGHT").ok().and_then(|n| n.parse().ok()) else { return };
    let (mut plan, faults) = seeded(&plan(), seed);
    with_segments(&mut plan);
    println!("{:?}\n{faults:?}", plan.policy);
    let n = night(&plan, faults.clone(), true);
    super::print(&n);
    let wrong = verdict(&n, &faults, &plan);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
