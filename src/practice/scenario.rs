//! The stories a practice world can tell. What triggers them is read from the cluster itself (the accepted
//! routes and their endpoints), never from what anybody intends.

use super::fault::{Fault, MetricsAnswer};
use super::fixture::{Fixture, Subject};
use super::kinds::of;
use super::moment;
use super::objects::{number, text};
use super::store::{Key, key_of};
use super::world::{Due, Outage, World};
use serde_json::json;
use std::collections::BTreeSet;
use std::str::FromStr;

macro_rules! scenarios {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $shows:literal $ends:literal;)*) => {
        /// A story, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Scenario { $($variant,)* }

        impl Scenario {
            /// All of them, in the order they are listed to people.
            pub const ALL: &[Scenario] = &[$(Scenario::$variant,)*];

            /// The name a person types.
            pub fn name(self) -> &'static str {
                match self { $(Scenario::$variant => $name,)* }
            }

            /// One line: what it shows.
            pub fn describe(self) -> &'static str {
                match self { $(Scenario::$variant => $shows,)* }
            }

            /// One line: how it ends.
            pub fn ending(self) -> &'static str {
                match self { $(Scenario::$variant => $ends,)* }
            }
        }
    };
}

scenarios! {
    Healthy "healthy" "nine services move to their new versions, wave by wave, and nothing goes wrong" "all nine at 100 % and settled";
    ErrorSpike "error-spike" "the new billing answers 3 % errors 90 s after it first gets a quarter of the traffic" "billing is rolled back by its error gate";
    Slow "slow" "the new billing is slow from its first request: P95 about 3.5 s" "billing is rolled back by its latency gate";
    SlowBurn "slow-burn" "the new billing fails 1.3 % of requests from the start: a little over the limit, seen only with enough requests" "billing is rolled back once there are requests enough to tell";
    Flapping "flapping" "the readiness of the new billing comes and goes: 20 s away, 30 s there, and so on" "no single breach is long enough; the step is called flapping and billing is rolled back";
    CrashLoop "crash-loop" "the new billing's pods crash and never become ready" "its restarts are counted and billing is rolled back before it gets traffic";
    FlakyMetrics "flaky-metrics" "billing is fine, but its metrics answer 500, HTML or nothing for minutes at a time" "steps wait while blind, nothing is promoted or rolled back on absence, and the upgrade completes";
    LowTraffic "low-traffic" "billing gets one request every few seconds" "steps wait for requests enough to judge, then a person is asked; with `--headless` nobody answers, and after 4 h what is split goes back";
    ApiOutage "api-outage" "the API server is away for 90 s, twice, while billing shifts" "nothing is decided on old data; the upgrade goes on where it was and completes";
    LostAnswers "lost-answers" "every fourth write or so is applied but its answer is lost" "each lost answer is read back, nothing is done twice, and the upgrade completes";
    Drift "drift" "somebody edits billing's weights by hand 40 s after it first gets a quarter of the traffic" "the drift is noticed and billing holds for a person; with `--headless` nobody answers, and after 4 h billing goes back";
    Overlap "overlap" "a Service and a disruption budget would also select the new billing's pods" "refused before anything is created, with both named";
    SecondDriver "second-driver" "another driver takes the lease 60 s after the first route write and stamps a higher epoch" "this driver steps down and writes nothing more";
    BadRollbackTarget "bad-rollback-target" "the new billing is bad, and the old billing's pods become unready when it matters" "the rollback is blocked and says so, until the old pods are ready again ten minutes later";
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Scenario::ALL.iter().copied().find(|s| s.name() == name).ok_or_else(|| {
            let all: Vec<&str> = Scenario::ALL.iter().map(|s| s.name()).collect();
            format!("no scenario is called {name:?}; there are: {}", all.join(", "))
        })
    }
}

/// Something a scenario does at its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// The version of the subject behaves so from now on.
    Fault {
        old: bool,
        fault: Fault,
    },
    /// One phase of the flapping: bad or good, then the other.
    Flap(bool),
    /// Both versions' metrics answer so from now on.
    Metrics(MetricsAnswer),
    Api(Option<Outage>),
    HandEdit,
    /// A foreign driver takes the lease; looked for again until there is one.
    TakeLease,
    /// The foreign driver renews, this many times more.
    RenewLease(u32),
}

/// The other driver's name in the Lease.
pub const FOREIGN_HOLDER: &str = "mara@bastion-2/4711";
const OWNER_MARK: &str = "owner.pilothouse.dev/";

/// Watches the cluster for the moments its scenario waits for.
#[derive(Debug)]
pub(super) struct Director {
    pub scenario: Scenario,
    pub subject: Subject,
    pub namespace: String,
    awake: bool,
    seen: BTreeSet<&'static str>,
    routes_at_wake: u64,
    routes_looked_at: u64,
    writes: u64,
}

impl Director {
    pub fn asleep(scenario: Scenario, fixture: &Fixture) -> Self {
        Self {
            scenario,
            subject: fixture.subject.clone(),
            namespace: fixture.namespace.clone(),
            awake: false,
            seen: BTreeSet::new(),
            routes_at_wake: 0,
            routes_looked_at: 0,
            writes: 0,
        }
    }

    /// From now on the story may begin.
    pub fn wake(&mut self, routes_rv: u64) {
        self.awake = true;
        self.routes_at_wake = routes_rv;
        self.routes_looked_at = routes_rv;
    }

    /// True the first time it is asked with `now` true.
    fn first(&mut self, what: &'static str, now: bool) -> bool {
        now && self.seen.insert(what)
    }
}

fn errors(ratio: f64) -> Fault {
    Fault { error_ratio: ratio, ..Fault::default() }
}

impl World {
    /// Looks whether a moment the scenario waits for has come, and plans what follows from it.
    pub(super) fn direct(&mut self) {
        if !self.director.awake {
            return;
        }
        let s = self.director.subject.clone();
        let share = self.traffic.share(&s.service, &s.new);
        let begins = self.director.first("begin", true);
        let serves = self.director.first("serves", share > 0.0);
        let quarter = self.director.first("quarter", share >= 0.249);
        let half = self.director.first("half", share >= 0.499);
        let new = |fault| Turn::Fault { old: false, fault };
        let old = |unready| Turn::Fault { old: true, fault: Fault { unready, ..Fault::default() } };
        let away = |how| Turn::Api(Some(how));
        // What happens: if its moment is now, after so many ms.
        let turns: Vec<(bool, i64, Turn)> = match self.director.scenario {
            Scenario::ErrorSpike => vec![(quarter, 90_000, new(errors(0.03)))],
            Scenario::Slow => vec![(begins, 0, new(Fault { p95_s: 3.5, ..Fault::default() }))],
            Scenario::SlowBurn => vec![(begins, 0, new(errors(0.013)))],
            Scenario::CrashLoop => vec![(begins, 0, new(Fault { crash: true, ..Fault::default() }))],
            Scenario::Flapping => vec![(serves, 20_000, Turn::Flap(true))],
            Scenario::FlakyMetrics if serves => self.stretches(),
            Scenario::ApiOutage => vec![
                (serves, 30_000, away(Outage::Closed)),
                (serves, 120_000, Turn::Api(None)),
                (half, 30_000, away(Outage::Refusing)),
                (half, 120_000, Turn::Api(None)),
            ],
            Scenario::Drift => vec![(quarter, 40_000, Turn::HandEdit)],
            Scenario::SecondDriver => {
                let written = self.route_written();
                vec![(self.director.first("route", written), 60_000, Turn::TakeLease)]
            }
            Scenario::BadRollbackTarget => vec![
                (quarter, 90_000, new(errors(0.03))),
                (quarter, 150_000, old(true)),
                (quarter, 750_000, old(false)),
            ],
            _ => Vec::new(),
        };
        for (_, after, turn) in turns.into_iter().filter(|t| t.0) {
            self.later(after, Due::Turn(turn));
        }
    }

    /// Whether a client changed any route's spec since the story began.
    fn route_written(&mut self) -> bool {
        let rv = self.store.last_rv("httproutes");
        if rv == self.director.routes_looked_at {
            return false;
        }
        self.director.routes_looked_at = rv;
        let ns = self.director.namespace.clone();
        self.store.list("httproutes", &ns).any(|r| number(r, "/metadata/generation") > 1)
    }

    /// When billing's metrics fail and come back, from the moment the new version serves.
    fn stretches(&self) -> Vec<(bool, i64, Turn)> {
        let answers = [MetricsAnswer::Error, MetricsAnswer::Html, MetricsAnswer::Hang, MetricsAnswer::Error];
        let mut at = 0;
        let mut out = Vec::new();
        for (i, answer) in answers.into_iter().enumerate() {
            at += self.seed.between(&format!("flaky/{i}/gap"), 40_000, 100_000);
            out.push((true, at, Turn::Metrics(answer)));
            at += self.seed.between(&format!("flaky/{i}/length"), 60_000, 240_000);
            out.push((true, at, Turn::Metrics(MetricsAnswer::Text)));
        }
        out
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        let s = self.director.subject.clone();
        match turn {
            Turn::Fault { old, fault } => {
                let version = if old { &s.old } else { &s.new };
                self.set_fault(&s.service, version, fault);
            }
            Turn::Flap(bad) => {
                let fault = Fault { unready: bad, ..Fault::default() };
                self.set_fault(&s.service, &s.new, fault);
                let lasts = if bad { 20_000 } else { 30_000 };
                self.later(lasts, Due::Turn(Turn::Flap(!bad)));
            }
            Turn::Metrics(answer) => {
                for version in [&s.old, &s.new] {
                    let fault = Fault { metrics: answer, ..self.fault_of(&s.service, version) };
                    self.set_fault(&s.service, version, fault);
                }
            }
            Turn::Api(outage) => self.outage = outage,
            Turn::HandEdit => self.hand_edit(&s.service),
            Turn::TakeLease => self.take_lease(),
            Turn::RenewLease(left) => {
                let Some(key) = self.foreign_lease() else {
                    return;
                };
                let now = moment::micros(self.now);
                self.edit(of("leases"), &key, "pilothouse", "", |l| l["spec"]["renewTime"] = json!(now));
                if left > 0 {
                    self.later(5_000, Due::Turn(Turn::RenewLease(left - 1)));
                }
            }
        }
    }

    /// Somebody moves 15 points of weight between a route's two backends with `kubectl edit`.
    fn hand_edit(&mut self, service: &str) {
        let key = (self.director.namespace.clone(), service.to_string());
        self.edit(of("httproutes"), &key, "kubectl-edit", "", |r| {
            let Some(refs) = r.pointer_mut("/spec/rules/0/backendRefs").and_then(|b| b.as_array_mut()) else {
                return;
            };
            if let [a, b, ..] = refs.as_mut_slice() {
                let give = 15.min(number(a, "/weight"));
                a["weight"] = json!(number(a, "/weight") - give);
                b["weight"] = json!(number(b, "/weight") + give);
            }
        });
    }

    fn foreign_lease(&self) -> Option<Key> {
        self.store
            .list("leases", &self.director.namespace)
            .find(|l| text(l, "/spec/holderIdentity") == FOREIGN_HOLDER)
            .map(|l| key_of(l))
    }

    fn take_lease(&mut self) {
        let ns = self.director.namespace.clone();
        let lease =
            self.store.list("leases", &ns).find(|l| text(l, "/metadata/name").starts_with("pilothouse")).cloned();
        let Some(lease) = lease else {
            self.later(5_000, Due::Turn(Turn::TakeLease));
            return;
        };
        let epoch = number(&lease, "/spec/leaseTransitions") + 1;
        let now = moment::micros(self.now);
        self.edit(of("leases"), &key_of(&lease), "pilothouse", "", |l| {
            l["spec"]["holderIdentity"] = json!(FOREIGN_HOLDER);
            l["spec"]["leaseTransitions"] = json!(epoch);
            l["spec"]["acquireTime"] = json!(now);
            l["spec"]["renewTime"] = json!(now);
        });
        let routes: Vec<Key> = self.store.list("httproutes", &ns).map(|r| key_of(r)).collect();
        for key in routes {
            self.edit(of("httproutes"), &key, "pilothouse", "", |r| stamp(r, &key.1, epoch));
        }
        self.later(5_000, Due::Turn(Turn::RenewLease(360)));
    }

    /// Whether the answer to a write just applied gets lost.
    pub(super) fn answer_lost(&mut self) -> bool {
        if self.drops > 0 {
            self.drops -= 1;
            return true;
        }
        if self.director.scenario != Scenario::LostAnswers || !self.director.awake {
            return false;
        }
        self.director.writes += 1;
        let n = self.director.writes;
        self.seed.fraction(&format!("lost/{n}")) < 0.25
    }
}

/// Marks a route as the foreign driver's: its epoch is above every one already there.
fn stamp(route: &mut serde_json::Value, name: &str, epoch: i64) {
    let marks = route["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let mine: Vec<(String, i64)> = marks
        .iter()
        .filter(|(k, _)| k.starts_with(OWNER_MARK))
        .map(|(k, v)| {
            let there = v.as_str().and_then(|v| v.split('/').nth(1)?.parse().ok()).unwrap_or(0);
            (k.clone(), there)
        })
        .collect();
    let above = mine.iter().map(|m| m.1 + 1).max().unwrap_or(epoch).max(epoch);
    let keys =
        if mine.is_empty() { vec![format!("{OWNER_MARK}{name}")] } else { mine.into_iter().map(|m| m.0).collect() };
    for k in keys {
        route["metadata"]["annotations"][k] = json!(format!("foreign/{above}/1"));
    }
}
