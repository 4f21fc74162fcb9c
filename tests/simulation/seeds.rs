//! What a seed means: the policy of a night, what goes wrong in it, and what people do.
use pilothouse::engine::command::{Command, Identity, IdentitySource, Verb};
use pilothouse::engine::message::{CallErrorKind, Leave};
use pilothouse::engine::observe::Slot;
use pilothouse::plan::Plan;
use pilothouse::spec::policy::*;
use pilothouse::spec::units::{Dur, Ratio};
use pilothouse::spec::{SourceFile, load, presets};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::faults::{Bad, Faults, People, Span};
use super::night::command;
use super::scaled::Scaled;
use super::windows::with_windows;

const FILES: &str = include_str!("fleet.yaml");

/// The plan of the files, with a short policy.
pub fn plan() -> Plan {
    let file = SourceFile { name: "fleet.yaml".into(), text: FILES.into() };
    let loaded = load(&[file], presets()).unwrap_or_else(|r| panic!("{r}"));
    Plan::build(&loaded.bundle(None).unwrap_or_else(|r| panic!("{r}"))).unwrap()
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize].clone()
    }

    fn at(&mut self) -> Dur {
        Dur::secs(self.roll(500))
    }

    /// None in most nights; one or two when there are any.
    fn spans(&mut self, one_in: u64, longest: u64) -> Vec<Span> {
        if !self.one_in(one_in) {
            return Vec::new();
        }
        let count = 1 + self.roll(2);
        (0..count).map(|_| (self.at(), Dur::secs(5 + self.roll(longest)))).collect()
    }
}

/// The policy and the faults of night `seed`; a quarter of the nights are quiet.
pub fn seeded(base: &Plan, seed: u64) -> (Plan, Faults) {
    let mut d = Dice(ChaCha8Rng::seed_from_u64(seed));
    let plan = policy(base, &mut d);
    let names: Vec<String> = plan.services.iter().map(|p| p.service.name.clone()).collect();
    let accept_after = Dur(300 + d.roll(1500));
    let mut f = Faults { accept_after, restart_after: Dur::secs(7), ..Faults::default() };
    f.people.interactive = d.one_in(2);
    f.people.answers_after = Some(Dur::secs(30));
    if d.one_in(4) {
        return (plan, f);
    }
    cluster(&mut d, &mut f, &names);
    metrics(&mut d, &mut f, &names);
    if d.one_in(6) {
        f.journal_full = d.spans(1, 60);
    }
    if d.one_in(6) {
        let by = d.pick(&[60_000, -60_000, 4_000, -4_000, 600_000]);
        f.clock_set = vec![(d.at(), by)];
    }
    if d.one_in(4) {
        f.kill = Some((1 + d.roll(40), d.one_in(2)));
    }
    people(&mut d, &mut f.people, &names);
    more(&mut d, &mut f);
    let plan = windows(&mut d, &mut f, plan);
    scaled(&mut d, &mut f, &names);
    if d.one_in(6) {
        f.taken_out.push((d.pick(&names), Dur::secs(60 + d.roll(440))));
    }
    (plan, f)
}

/// In a fifth of these nights somebody scales pods, mostly away.
fn scaled(d: &mut Dice, f: &mut Faults, names: &[String]) {
    if d.one_in(5) {
        for _ in 0..1 + d.roll(2) {
            let slot = d.pick(&[Slot::Next, Slot::Next, Slot::Stable]);
            f.scaled.push(Scaled { service: d.pick(names), at: d.at(), slot, pods: d.roll(5) as u32 });
        }
        f.scaled.sort_by_key(|s| s.at);
    }
}

/// In a quarter of these nights a Calendar binds, or a person freezes the run for a while.
fn windows(d: &mut Dice, f: &mut Faults, mut plan: Plan) -> Plan {
    if d.one_in(4) {
        plan.policy.at_window_end =
            d.pick(&[AtWindowEnd::Hold, AtWindowEnd::Hold, AtWindowEnd::Finish, AtWindowEnd::Rollback]);
        plan.policy.max_split_hold = d.pick(&[Dur::mins(2), Dur::mins(10), Dur::hours(2)]);
        plan.policy.rollback_reserve = d.pick(&[Dur::secs(20), Dur::mins(1)]);
        plan.policy.soak_in_window = d.one_in(4);
        let first = d.pick(&["11:07", "11:09", "11:12", "11:15", "11:18", "11:22"]);
        let second = d.pick(&["11:24", "11:30", "11:40"]);
        let freeze =
            d.pick(&[None, None, Some(("11:08", "11:09")), Some(("11:10", "11:14")), Some(("11:31", "11:36"))]);
        with_windows(&mut plan, first, second, freeze);
        f.windows = true;
    }
    if d.one_in(8) {
        let mut orders = vec![(d.at(), command(Verb::Freeze, None, "90s because"))];
        if d.one_in(2) {
            let at = d.at();
            orders.push((at, command(Verb::Freeze, None, "because")));
            orders.push((at + Dur::secs(90), command(Verb::Unfreeze, None, "")));
        }
        f.people.commands.extend(orders);
        f.people.commands.sort_by_key(|(at, _)| *at);
    }
    plan
}

fn policy(base: &Plan, d: &mut Dice) -> Plan {
    let mut plan = base.clone();
    let p = &mut plan.policy;
    p.finalize = d.pick(&[Finalize::Run, Finalize::Run, Finalize::Wave, Finalize::Service]);
    let failure = [None, Some(OnFailure::Stop), Some(OnFailure::RollBackRun), Some(OnFailure::ContinueIndependent)];
    p.on_failure = d.pick(&failure);
    p.on_exit = d.pick(&[None, Some(OnExit::Hold), Some(OnExit::Rollback)]);
    p.on_drift = d.pick(&[OnDrift::Hold, OnDrift::Hold, OnDrift::Adopt, OnDrift::Revert]);
    p.observed = d.pick(&[Observed::Prefer, Observed::Prefer, Observed::Require, Observed::Off]);
    p.after = d.pick(&[After::Full, After::Full, After::Full, After::Soaked, After::Step(1)]);
    let weights = d.pick(&[vec![10, 50, 100], vec![25, 100], vec![5, 20, 60, 100]]);
    let hold = Dur::secs(20 + 10 * d.roll(3));
    p.steps = weights.into_iter().map(|weight| Step { weight, hold }).collect();
    if d.one_in(4) {
        p.restart_on_bad = false;
        p.max_bad_fraction = Some(Ratio(0.2));
    }
    let severity = d.pick(&[Severity::Immediate, Severity::Fast, Severity::Standard]);
    for gate in p.gates.iter_mut().filter(|g| g.name == "error_rate") {
        gate.severity = severity;
    }
    plan
}

fn cluster(d: &mut Dice, f: &mut Faults, names: &[String]) {
    f.api_away = d.spans(3, 120);
    f.api_slow = d.spans(8, 40);
    f.gateway_away = d.spans(10, 100);
    f.bystander_down = d.spans(12, 60);
    if d.one_in(3) {
        f.lost_answer_every = 2 + d.roll(4);
    }
    if d.one_in(3) {
        f.conflict_every = 2 + d.roll(4);
    }
    if d.one_in(8) {
        f.ready_at_most.insert(d.pick(names), d.roll(4) as u32);
    }
    if d.one_in(8) {
        let span = (d.at(), Dur::secs(5 + d.roll(120)));
        f.old_unready.push((d.pick(names), span, d.roll(3) as u32));
    }
    if d.one_in(6) {
        f.drift.push((d.pick(names), d.at(), d.roll(101) as u32));
    }
    if d.one_in(16) {
        f.stolen = Some(d.at());
    }
}

/// What came later is drawn last, so that what a seed meant before it still means.
fn more(d: &mut Dice, f: &mut Faults) {
    f.restart_after = if d.one_in(3) { Dur::mins(15) } else { Dur::secs(7) };
    f.r0 = d.pick(&[4, 4, 1, 3, 7]);
    f.watch_away = d.spans(8, 60);
    f.gateway_refuses = d.spans(14, 60);
    for span in d.spans(8, 60) {
        let kind = d.pick(&[CallErrorKind::Forbidden, CallErrorKind::Throttled, CallErrorKind::Rejected]);
        f.refused.push((span, kind, (kind == CallErrorKind::Throttled).then(|| Dur::secs(1 + d.roll(9)))));
    }
    if d.one_in(8) && f.kill.is_none() {
        f.torn_after = Some(40_000 + d.roll(600_000));
    }
    if d.one_in(4) {
        // Late enough to meet those that need it with traffic, or soaked.
        let late = Dur::secs(150 + d.roll(450));
        f.bad.values_mut().for_each(|b| b.after = late);
    }
    if d.one_in(6) {
        f.people.answers_after = None;
    }
    if d.one_in(8) {
        f.people.start_at = Some(Dur::secs(5 + d.roll(120)));
    }
}

fn metrics(d: &mut Dice, f: &mut Faults, names: &[String]) {
    f.metrics_away = d.spans(4, 150);
    f.metrics_nan = d.spans(6, 150);
    f.metrics_stale = d.spans(6, 150);
    f.metrics_double = d.spans(12, 60);
    f.metrics_slow = d.spans(8, 60);
    if d.one_in(2) {
        let bad = Bad {
            after: Dur::secs(d.roll(150)),
            ratio: 0.02 + d.roll(30) as f64 / 100.0,
            lasts: d.one_in(4).then(|| Dur::secs(20 + d.roll(60))),
            flaps: d.one_in(5).then(|| Dur::secs(10 + d.roll(30))),
        };
        f.bad.insert(d.pick(names), bad);
    }
    if d.one_in(10) {
        f.rps.insert(d.pick(names), d.pick(&[0.0, 0.2, 2.0]));
    }
}

fn people(d: &mut Dice, people: &mut People, names: &[String]) {
    const VERBS: [Verb; 16] = [
        Verb::Pause,
        Verb::Resume,
        Verb::PauseAll,
        Verb::ResumeAll,
        Verb::Ack,
        Verb::Next,
        Verb::Next,
        Verb::Keep,
        Verb::Retry,
        Verb::Skip,
        Verb::Note,
        Verb::AdoptDrift,
        Verb::RevertDrift,
        Verb::Abort,
        Verb::Rollback,
        Verb::SkipTo100,
    ];
    if d.one_in(3) {
        for _ in 0..d.roll(8) {
            let name = d.pick(names);
            let verb = d.pick(&VERBS);
            let on_run = verb.info().on_run || (verb == Verb::Abort && d.one_in(3));
            let mut order = command(verb, (!on_run).then_some(name.as_str()), "because");
            if d.one_in(4) {
                order.by = Identity { name: "eve".into(), source: IdentitySource::Kubernetes };
            }
            people.commands.push((d.at(), order));
        }
    }
    // Who pauses does not forget it.
    let paused: Vec<(Dur, Command)> = people.commands.iter().filter_map(|(at, c)| Some((*at, resume(c)?))).collect();
    people.commands.extend(paused.into_iter().map(|(at, c)| (at + Dur::secs(90), c)));
    people.commands.sort_by_key(|(at, _)| *at);
    if d.one_in(10) {
        let how = d.pick(&[None, Some(OnExit::Hold), Some(OnExit::Rollback)]);
        people.leave = Some((d.at(), Leave { how, why: "SIGTERM".into() }));
    }
    if d.one_in(12) {
        let how = d.pick(&[OnTerminalLoss::Hold, OnTerminalLoss::Continue, OnTerminalLoss::Rollback]);
        people.terminal_lost = Some((d.at(), how));
    }
}

fn resume(c: &Command) -> Option<Command> {
    let verb = match c.verb {
        Verb::Pause => Verb::Resume,
        Verb::PauseAll => Verb::ResumeAll,
        _ => return None,
    };
    Some(Command { verb, ..c.clone() })
}
