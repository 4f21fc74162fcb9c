//! Moments of seeded nights, for frames and sentences: the practice cluster over loopback, the real adapters and driver,
//! virtual time. A night is played once per test binary, up to the last moment somebody wants of it.
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use pilothouse::cli::clock::{Speed, VirtualClock};
use pilothouse::cluster::{self, KubeCluster, KubeLease};
use pilothouse::driver::{Driver, Input, Options};
use pilothouse::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use pilothouse::engine::run::*;
use pilothouse::journal::{Header, Journal, MemoryStore};
use pilothouse::plan::Plan;
use pilothouse::ports::{Clock, World};
use pilothouse::practice::{Config, Scenario, Server, Shared, World as PracticeWorld};
use pilothouse::spec::policy::Severity;
use pilothouse::spec::units::{Dur, Time};
use pilothouse::spec::{self, SourceFile};
use tokio::sync::{Notify, mpsc, watch};

/// Sunday 22 November 2026, 02:20 in Berlin.
const NIGHT: i64 = 1_795_310_400_000;
const SEED: u64 = 7;
const FILES: [(&str, &str); 3] = [
    ("fleet.yaml", include_str!("../../examples/shop/fleet.yaml")),
    ("policy.yaml", include_str!("../../examples/shop/policy.yaml")),
    ("upgrade.yaml", include_str!("../../examples/shop/upgrade.yaml")),
];

/// A run as it stands at one instant.
#[derive(Clone)]
pub struct Moment {
    pub run: Run,
    pub now: Time,
}

/// When a moment is taken, and what somebody says then.
struct Wanted {
    name: &'static str,
    when: fn(&Run) -> bool,
    say: Option<fn() -> Command>,
}

const fn look(name: &'static str, when: fn(&Run) -> bool) -> Wanted {
    Wanted { name, when, say: None }
}

/// A night: what goes wrong, what is different in the plan, and the moments wanted of it, in order.
struct Night {
    scenario: Scenario,
    start: bool,
    change: fn(&mut Plan),
    wanted: Vec<Wanted>,
}

/// The upgrade of `examples/shop`, on a production cluster.
pub fn plan() -> Plan {
    let files = FILES.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let loaded = spec::load(&files, spec::presets()).unwrap_or_else(|r| panic!("{r}"));
    let mut plan = Plan::build(&loaded.bundle(None).unwrap_or_else(|r| panic!("{r}"))).unwrap();
    plan.environment.name = "eu1".into();
    plan.environment.production = true;
    plan
}

fn play(night: Night) -> BTreeMap<&'static str, Moment> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let played = runtime.block_on(night.play());
    runtime.shutdown_background();
    played
}

impl Night {
    async fn play(self) -> BTreeMap<&'static str, Moment> {
        cluster::connect::install_crypto();
        let config = Config { scenario: self.scenario, seed: SEED, start_ms: NIGHT };
        let shared = Shared::new(PracticeWorld::new(config));
        let server = Server::start(shared.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let name = format!("night-{}-{}-{}.kubeconfig", std::process::id(), self.scenario.name(), self.wanted[0].name);
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, server.kubeconfig()).unwrap();
        let client = cluster::connect(Some(&path), None).await.unwrap();
        let _ = std::fs::remove_file(&path);
        let cluster = Arc::new(KubeCluster::new(client.clone(), cluster::Options::LOCAL));
        let clock = Arc::new(VirtualClock::new(shared.clone(), cluster.clone(), Speed::Max));
        let mut plan = plan();
        (self.change)(&mut plan);
        let holder = cluster::lease::holder_id("ivo", "practice", 1, "7f3a");
        let lease = KubeLease::new(client.clone(), &plan.environment.kubernetes.namespace, &plan.fleet, &holder);
        let services = plan.services.iter().map(|p| &p.service);
        let metrics = pilothouse::metrics::connect(&plan.environment, services, client, SEED).unwrap();
        let world = World { clock: clock.clone(), cluster, lease: Arc::new(lease), metrics };
        let run = Run::new("7f3a", plan, clock.now());
        let journal = Journal::create_in(Box::new(MemoryStore::default()), Header::new(&run)).unwrap();
        let (keys, inputs) = mpsc::channel(8);
        let (view, _seen) = watch::channel(Arc::new(run.clone()));
        let taken = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
        let done = Arc::new(Notify::new());
        let names: Vec<&str> = self.wanted.iter().map(|w| w.name).collect();
        let listener = {
            let (taken, done, mut wanted) = (taken.clone(), done.clone(), VecDeque::from(self.wanted));
            move |run: &Run| {
                while let Some(first) = wanted.front().filter(|w| (w.when)(run) && is_judged(run)) {
                    let moment = Moment { run: run.clone(), now: run.now.wall };
                    taken.lock().unwrap().insert(first.name, moment);
                    if let Some(say) = first.say {
                        keys.try_send(Input::Command(say())).unwrap();
                    }
                    wanted.pop_front();
                }
                if wanted.is_empty() {
                    done.notify_one();
                }
            }
        };
        let driver = Driver::new(run, world, journal, inputs, view).on_change(Box::new(listener));
        let options = Options { interactive: true, start: self.start, pager: false, leave_at: None };
        tokio::select! {
            (run, _) = driver.drive(options) => {
                let missing = names.iter().find(|n| !taken.lock().unwrap().contains_key(*n));
                assert!(missing.is_none(), "the night ended {:?} without the moment {missing:?}", run.outcome());
            }
            () = done.notified() => {}
        }
        server.shutdown();
        taken.lock().unwrap().clone()
    }
}

/// What was asked of the metrics has been answered: between the two a copy shows the verdicts of the tick before.
fn is_judged(run: &Run) -> bool {
    run.tick_asked == run.tick_answered || run.cluster.down.is_some()
}

fn billing(run: &Run) -> &Track {
    run.track("billing").unwrap()
}

/// Billing holds its second step, 25 %, and has been clean for so long.
fn at_25(run: &Run, clean: Dur) -> bool {
    matches!(&billing(run).phase, Phase::Shifting { step: 1, hold } if hold.accepted_at.is_some() && hold.clean >= clean)
}

fn held(run: &Run, reason: HoldReason, at_least: Dur) -> bool {
    let held = billing(run).held.as_ref();
    held.is_some_and(|h| h.reason == reason && run.now.wall.since(h.since) >= at_least)
}

fn asked(run: &Run, kind: AskKind, at_least: Dur) -> bool {
    let ask = billing(run).ask.as_ref();
    ask.is_some_and(|a| a.kind == kind && run.now.wall.since(a.since) >= at_least)
}

fn going_back(run: &Run, stage: RollbackStage) -> bool {
    matches!(&billing(run).phase, Phase::RollingBack(r) if r.stage == stage)
}

fn say(name: &str, verb: Verb, reason: &str) -> Command {
    let by = Identity { name: name.into(), source: IdentitySource::Kubernetes };
    Command { verb, scope: Scope::Service("billing".into()), by, reason: reason.into(), typed: None }
}

/// The errors of the new billing rise, and it goes back by itself.
fn spike() -> Night {
    Night {
        scenario: Scenario::ErrorSpike,
        start: true,
        change: |_| {},
        wanted: vec![
            look("safe", |run| at_25(run, Dur::secs(60))),
            look("over", |run| held(run, HoldReason::Gate, Dur::secs(40))),
            look("lowering", |run| billing(run).phase.going_back()),
            look("rolling_back", |run| going_back(run, RollbackStage::Confirm)),
            look("draining", |run| {
                let now = run.now.wall;
                matches!(&billing(run).phase, Phase::RollingBack(r)
                    if r.drain_since.is_some_and(|d| now.since(d) >= Dur::secs(8)))
            }),
            look(
                "verifying",
                |run| matches!(billing(run).phase, Phase::Verifying { clean, .. } if clean >= Dur::secs(50)),
            ),
            look("after", |run| asked(run, AskKind::AfterRollback, Dur::secs(20))),
        ],
    }
}

/// The same with a gate that asks before it acts.
fn keep() -> Night {
    Night {
        scenario: Scenario::ErrorSpike,
        start: true,
        change: |plan| {
            for gate in plan.policy.gates.iter_mut().filter(|g| g.severity == Severity::Immediate) {
                gate.severity = Severity::Standard;
            }
        },
        wanted: vec![look("asks", |run| asked(run, AskKind::Keep, Dur::secs(48)))],
    }
}

/// Nothing goes wrong; a person pauses billing for a while.
fn healthy() -> Night {
    let pause = || say("mara", Verb::Pause, "waiting for the payment team");
    let resume = || say("mara", Verb::Resume, "");
    Night {
        scenario: Scenario::Healthy,
        start: true,
        change: |_| {},
        wanted: vec![
            Wanted { name: "calm", when: |run| at_25(run, Dur::secs(40)), say: Some(pause) },
            Wanted {
                name: "paused",
                when: |run| billing(run).paused.as_ref().is_some_and(|p| run.now.wall.since(p.since) >= Dur::secs(95)),
                say: Some(resume),
            },
            look("settling", |run| run.tracks.values().any(|t| matches!(t.phase, Phase::Settling(_)))),
            look("done", Run::is_ended),
        ],
    }
}

fn outage() -> Night {
    let away = |run: &Run| run.cluster.down.as_ref().is_some_and(|(s, _)| run.now.wall.since(*s) >= Dur::secs(60));
    Night { scenario: Scenario::ApiOutage, start: true, change: |_| {}, wanted: vec![look("lost", away)] }
}

fn flaky() -> Night {
    let missing = |run: &Run| held(run, HoldReason::Missing, Dur::secs(20));
    Night { scenario: Scenario::FlakyMetrics, start: true, change: |_| {}, wanted: vec![look("stale", missing)] }
}

fn thin() -> Night {
    let few = |run: &Run| held(run, HoldReason::TooFew, Dur::secs(100));
    Night { scenario: Scenario::LowTraffic, start: true, change: |_| {}, wanted: vec![look("too_few", few)] }
}

fn no_way_back() -> Night {
    let blocked = |run: &Run| matches!(&billing(run).phase, Phase::RollbackBlocked { since, .. } if run.now.wall.since(*since) >= Dur::secs(60));
    Night { scenario: Scenario::BadRollbackTarget, start: true, change: |_| {}, wanted: vec![look("blocked", blocked)] }
}

fn waiting() -> Night {
    let ready = |run: &Run| run.stage == Stage::Ready;
    Night { scenario: Scenario::Healthy, start: false, change: |_| {}, wanted: vec![look("ready", ready)] }
}

fn overlapping() -> Night {
    Night { scenario: Scenario::Overlap, start: false, change: |_| {}, wanted: vec![look("refused", Run::is_ended)] }
}

/// Plays each night once, whichever of its moments is asked for first.
macro_rules! moments {
    ($($night:ident: $($(#[doc = $doc:literal])* $name:ident)+;)+) => {
        $(mod $night {
            use super::*;

            pub fn moment(name: &str) -> Moment {
                static PLAYED: OnceLock<BTreeMap<&'static str, Moment>> = OnceLock::new();
                PLAYED.get_or_init(|| play(super::$night()))[name].clone()
            }
        })+
        $($(
            $(#[doc = $doc])*
            pub fn $name() -> Moment {
                $night::moment(stringify!($name))
            }
        )+)+
    };
}

moments! {
    spike:
        /// Billing at 25 %, all good.
        safe
        /// Billing's error rate over its limit, within the dwell.
        over
        /// Billing goes back; its route is being written.
        lowering
        /// 0 % is written; requests have not shown it yet.
        rolling_back
        /// Nothing on new any more; what is in flight ends.
        draining
        /// Old serves everything and is watched.
        verifying
        /// Back on old; a person is asked.
        after;
    keep:
        /// A breach that rolls back at its deadline unless somebody keeps it.
        asks;
    healthy:
        /// Billing at 25 %, before anybody does anything.
        calm
        /// A person paused billing.
        paused
        /// The first services are past the point of no return.
        settling
        /// Everything is new.
        done;
    outage:
        /// The API server does not answer.
        lost;
    flaky:
        /// Billing's gates have no usable data.
        stale;
    thin:
        /// Too few requests to judge.
        too_few;
    no_way_back:
        /// A rollback that cannot be done.
        blocked;
    waiting:
        /// Waits for `start`.
        ready;
    overlapping:
        /// Preflight refused.
        refused;
}
