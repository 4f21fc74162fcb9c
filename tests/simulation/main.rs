//! Engine, driver and journal against a seeded world with faults: thousands of nights, each held to the invariants.
//!
//! A night that breaks a law prints its number; `PILOTHOUSE_NIGHT=<number> cargo test --test simulation one_night`
//! replays it and prints its events. `PILOTHOUSE_NIGHTS=<count>` asks for more of them.
mod laws;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse::driver::{Driver, Input, Options};
use pilothouse::engine::Run;
use pilothouse::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use pilothouse::engine::message::Stamp;
use pilothouse::engine::run::{Ask, AskKind, Outcome, Phase};
use pilothouse::journal::{Header, Journal, MemoryStore};
use pilothouse::plan::Plan;
use pilothouse::ports::World;
use pilothouse::spec::units::{Dur, Time};
use pilothouse::spec::{SourceFile, load, presets};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tokio::sync::{mpsc, watch};
use world::{Faults, START, Sim};

const FILES: &str = include_str!("fleet.yaml");
/// Long enough for every wait of the short policy to end by itself.
const HORIZON: Dur = Dur::hours(2);
/// How long the person on call takes to answer.
const ANSWERS_AFTER: Dur = Dur::secs(90);

fn plan(change: &[(&str, &str)]) -> Plan {
    let mut text = FILES.to_string();
    for (from, to) in change {
        assert!(text.contains(from), "{from} is not in the files");
        text = text.replace(from, to);
    }
    let loaded = load(&[SourceFile { name: "fleet.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    Plan::build(&loaded.bundle(None).unwrap_or_else(|r| panic!("{r}"))).unwrap()
}

fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move |n| rng.next_u64() % n.max(1)
}

/// What goes wrong in night `seed`; a third of the nights are quiet.
fn faults(seed: u64, plan: &Plan) -> Faults {
    let mut d = dice(seed);
    let names: Vec<String> = plan.services.iter().map(|p| p.service.name.clone()).collect();
    let mut f = Faults { accept_after: Dur(300 + d(1500)), ..Faults::default() };
    if d(3) == 0 {
        return f;
    }
    let span = |d: &mut dyn FnMut(u64) -> u64, longest: u64| (Dur::secs(d(900)), Dur::secs(5 + d(longest)));
    for _ in 0..d(3) {
        f.api_away.push(span(&mut d, 120));
    }
    for _ in 0..d(3) {
        f.metrics_away.push(span(&mut d, 200));
    }
    for _ in 0..d(2) {
        f.metrics_nan.push(span(&mut d, 200));
    }
    if d(3) == 0 {
        f.lost_answer_every = 2 + d(4);
    }
    if d(3) == 0 {
        f.conflict_every = 2 + d(4);
    }
    if d(2) == 0 {
        let ratio = 0.02 + d(30) as f64 / 100.0;
        f.bad.insert(names[d(names.len() as u64) as usize].clone(), (Dur::secs(d(200)), ratio));
    }
    if d(8) == 0 {
        f.never_ready.push(names[d(names.len() as u64) as usize].clone());
    }
    if d(6) == 0 {
        let name = names[d(names.len() as u64) as usize].clone();
        f.drift = Some((name, Dur::secs(d(600)), d(101) as u32));
    }
    if d(12) == 0 {
        f.stolen = Some(Dur::secs(d(900)));
    }
    if d(3) == 0 {
        f.kill = Some((1 + d(40), d(2) == 0));
    }
    f
}

struct Night {
    sim: Sim,
    run: Run,
    store: MemoryStore,
    kills: u32,
}

fn identity() -> Identity {
    Identity { name: "ivo".into(), source: IdentitySource::Kubernetes }
}

/// One run from start to end, over as many processes as it takes.
fn night(plan: &Plan, faults: Faults) -> Night {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let sim = Sim::new(plan, faults);
        let store = MemoryStore::default();
        let now = Stamp { wall: START, mono: 0 };
        let run = Run::new("7f3a", plan.clone(), now);
        let mut journal = Journal::create_in(Box::new(store.clone()), Header::new(&run)).unwrap();
        let mut run = run;
        let mut kills = 0;
        loop {
            let (keys, inputs) = mpsc::channel(8);
            let (view, seen) = watch::channel(Arc::new(run.clone()));
            {
                let mut s = sim.state();
                s.laws.view = Some(seen);
                s.laws.audit = Some(store.clone());
            }
            let port = Arc::new(sim.clone());
            let world = World { clock: port.clone(), cluster: port.clone(), lease: port.clone(), metrics: port };
            let driver = Driver::new(run, world, journal, inputs, view);
            let options = Options { interactive: false, start: true, pager: false, leave_at: None };
            let killed = sim.clone();
            let ended = tokio::select! {
                biased;
                () = until_killed(killed, keys) => None,
                done = driver.drive(options) => Some(done),
            };
            match ended {
                Some((ended, _)) => return Night { run: ended, sim, store, kills },
                None => {
                    let horizon = sim.state().now.since(START) >= HORIZON;
                    kills += 1;
                    let (again, snapshot) = Journal::resume_in(Box::new(store.clone()), "7f3a").unwrap();
                    journal = again;
                    run = snapshot.run;
                    run.seq = run.seq.max(snapshot.next_seq.saturating_sub(1));
                    if horizon {
                        return Night { run, sim, store, kills };
                    }
                    sim.reattach();
                    // A new process does not come at once.
                    let mut s = sim.state();
                    let later = s.now + Dur::secs(7);
                    s.advance(later);
                }
            }
        }
    })
}

/// Returns when the process was killed by a fault, or the night is over. Until then a person answers what is asked.
async fn until_killed(sim: Sim, keys: mpsc::Sender<Input>) {
    let mut answered: BTreeMap<String, Time> = BTreeMap::new();
    loop {
        {
            let s = sim.state();
            if s.killed || s.now.since(START) >= HORIZON {
                return;
            }
            let run = s.laws.run();
            for t in run.iter().flat_map(|r| r.tracks.values()) {
                let Some(ask) = t.ask.as_ref().filter(|a| s.now.since(a.since) >= ANSWERS_AFTER) else { continue };
                if answered.insert(t.service.clone(), ask.since) == Some(ask.since) {
                    continue;
                }
                let _ = keys.try_send(Input::Command(answer(ask, &t.service)));
            }
        }
        tokio::task::yield_now().await;
    }
}

/// What the person on call says; which of the answers goes by the second it is given in.
fn answer(ask: &Ask, service: &str) -> Command {
    let even = ask.since.0 / 1000 % 2 == 0;
    let verb = match ask.kind {
        AskKind::Keep => Verb::Keep,
        AskKind::Drift if even => Verb::AdoptDrift,
        AskKind::Drift => Verb::RevertDrift,
        AskKind::AfterRollback => Verb::Skip,
        AskKind::Write => Verb::Retry,
        AskKind::TooFew | AskKind::LongStep if even => Verb::Next,
        AskKind::TooFew | AskKind::LongStep | AskKind::Missing => Verb::Abort,
    };
    let typed = (verb == Verb::Abort).then(|| service.to_string());
    Command { verb, scope: Scope::Service(service.into()), by: identity(), reason: "on call".into(), typed }
}

/// What is wrong with a night, if anything.
fn verdict(night: &Night, faults: &Faults, plan: &Plan) -> Vec<String> {
    let mut wrong = night.sim.state().laws.broken.clone();
    let run = &night.run;
    let ended = run.outcome();
    let waits = run.tracks.values().any(|t| t.ask.is_some()) || faults.stolen.is_some();
    if ended.is_none() && !waits {
        let phases: Vec<String> = run.in_order().map(|t| format!("{} {}", t.service, t.phase.word())).collect();
        wrong.push(format!("always_waiting_for_something_named: at the horizon {}", phases.join(", ")));
    }
    if let Some(Outcome::Succeeded | Outcome::RolledBack | Outcome::Partial) = ended {
        let s = night.sim.state();
        for (name, service) in &s.services {
            let track = &run.tracks[name];
            let image = &plan.get(name).unwrap().image;
            let (done, share) = (track.phase == Phase::Done, service.route.weights.share());
            if share != 0.0 || service.next.is_some() {
                wrong.push(format!("{name}: {share}% and -next left behind after {ended:?}"));
            }
            if done != (service.stable.image == *image) {
                wrong.push(format!("{name}: {} but stable runs {}", track.phase.word(), service.stable.image));
            }
        }
    }
    let verification = pilothouse::journal::verify::verify_in(&night.store, "7f3a").unwrap();
    if let Some(p) = verification.problems.first() {
        wrong.push(format!("chain_unbroken: {p:?}"));
    }
    let persistent = faults.bad.iter().find(|(_, (after, ratio))| *after < Dur::secs(60) && *ratio > 0.05);
    if let Some((name, _)) = persistent
        && ended == Some(Outcome::Succeeded)
    {
        wrong.push(format!("{name} was bad and the run succeeded"));
    }
    let quiet = faults.api_away.is_empty()
        && faults.metrics_away.is_empty()
        && faults.metrics_nan.is_empty()
        && faults.bad.is_empty()
        && faults.never_ready.is_empty()
        && faults.drift.is_none()
        && faults.stolen.is_none();
    if quiet && ended != Some(Outcome::Succeeded) {
        wrong.push(format!("nothing was wrong and the run came to {ended:?}"));
    }
    wrong
}

fn nights() -> u64 {
    std::env::var("PILOTHOUSE_NIGHTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000)
}

fn print(night: &Night) {
    for e in night.run.events.iter().rev() {
        let at = e.at.since(START).clock();
        println!("{at:>9} {:6} {:10} {}", e.kind.word(), e.service.as_deref().unwrap_or("-"), e.text);
    }
    println!("outcome {:?} after {} kill(s)", night.run.outcome(), night.kills);
}

#[test]
fn thousands_of_nights_break_no_law() {
    let plan = plan(&[]);
    let count = nights();
    let threads: Vec<_> = (0..2u64)
        .map(|t| {
            let plan = plan.clone();
            std::thread::spawn(move || {
                let mut broken: BTreeMap<u64, Vec<String>> = BTreeMap::new();
                let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
                for seed in (0..count).filter(|s| s % 2 == t) {
                    let f = faults(seed, &plan);
                    let n = night(&plan, f.clone());
                    *outcomes.entry(format!("{:?}", n.run.outcome())).or_default() += 1;
                    let wrong = verdict(&n, &f, &plan);
                    if !wrong.is_empty() {
                        broken.insert(seed, wrong);
                    }
                }
                (broken, outcomes)
            })
        })
        .collect();
    let mut broken = BTreeMap::new();
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for t in threads {
        let (b, o) = t.join().unwrap();
        broken.extend(b);
        for (k, v) in o {
            *outcomes.entry(k).or_default() += v;
        }
    }
    println!("{count} nights: {outcomes:?}");
    let first: Vec<String> = broken.iter().take(12).map(|(s, w)| format!("night {s}: {}", w.join("; "))).collect();
    assert!(broken.is_empty(), "{} of {count} nights broke a law:\n{}", broken.len(), first.join("\n"));
    assert!(outcomes.len() >= 4, "the nights are too much alike: {outcomes:?}");
}

#[test]
fn one_night() {
    let Some(seed) = std::env::var("PILOTHOUSE_NIGHT").ok().and_then(|n| n.parse().ok()) else {
        // Without a number: the first night, which must be like itself when repeated.
        let plan = plan(&[]);
        let (a, b) = (night(&plan, faults(1, &plan)), night(&plan, faults(1, &plan)));
        assert_eq!(a.run, b.run);
        return;
    };
    let plan = plan(&[]);
    let f = faults(seed, &plan);
    println!("{f:#?}");
    let n = night(&plan, f.clone());
    print(&n);
    let wrong = verdict(&n, &f, &plan);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
