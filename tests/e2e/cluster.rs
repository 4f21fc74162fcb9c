//! The real adapter against the practice API server, over HTTP: what a run does to one service, step by step, and what
//! it makes of an API server that drops answers, goes away or says no.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pilothouse::cluster::{KubeCluster, KubeLease, Options, connect};
use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::message::{CallErrorKind, CallOutcome, LeaseSeen, Link};
use pilothouse::engine::observe::{Accepted, Observation, RouteSeen, Slot, WorkloadSeen};
use pilothouse::engine::rules::{MatchBy, MatchRule, MatchRuleSeen, Stands, Turn};
use pilothouse::plan::{Plan, Planned};
use pilothouse::ports::{Cluster, Lease};
use pilothouse::practice::{Client, Config, Fixture, Scenario, Server, ServiceSpec, Shared, World};
use pilothouse::spec::units::Time;
use serde_json::json;

const RUN: &str = "7f3a";
const START: i64 = 1_793_491_200_000;

struct Bench {
    shared: Shared,
    _server: Server,
    kubeconfig: PathBuf,
    cluster: KubeCluster,
    plan: Plan,
    key: u64,
    seen: BTreeMap<String, Observation>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

fn planned(name: &str, version: &str) -> Planned {
    let service = json!({
        "name": name,
        "workload": {"deployment": name, "container": "app"},
        "traffic": {"httpRoute": {"name": name, "stable": name, "next": format!("{name}-next"), "port": 80}},
    });
    Planned {
        service: serde_json::from_value(service).unwrap(),
        wave: 1,
        image: format!("registry.example/{name}:{version}"),
        version: version.into(),
        needs: BTreeMap::new(),
        after: BTreeMap::new(),
        apart: Default::default(),
        patch: json!({"spec": {"containers": [{"name": "app", "env": [{"name": "MODE", "value": "new"}]}]}})
            .as_object()
            .cloned(),
        phased: None,
        segments: Vec::new(),
    }
}

fn plan() -> Plan {
    let environment = json!({"name": "practice", "kubernetes": {"namespace": "shop"}});
    let policy = json!({"steps": [{"weight": 100, "hold": "1m"}], "gates": []});
    Plan {
        upgrade: "release".into(),
        fleet: "shop".into(),
        environment: serde_json::from_value(environment).unwrap(),
        policy_name: "erp".into(),
        policy: serde_json::from_value(policy).unwrap(),
        services: vec![planned("billing", "4.2.1")],
        bystanders: vec![planned("ledger", "5.2.4").service],
        when: None,
        compat: None,
    }
}

impl Bench {
    async fn new(name: &str, scenario: Scenario) -> Bench {
        Bench::with_context(name, scenario, "practice").await
    }

    async fn with_context(name: &str, scenario: Scenario, context: &str) -> Bench {
        let config = Config { scenario, seed: 7, start_ms: START };
        let world = if scenario == Scenario::Overlap {
            World::new(config)
        } else {
            let services =
                vec![ServiceSpec::new("billing", "4.1.8", 3, 50.0), ServiceSpec::new("ledger", "5.2.0", 2, 20.0)];
            let clients = vec![
                Client::new(70, &[]),
                Client::new(20, &[("x-cohort", "beta")]),
                Client::new(10, &[("X-Tenant", "acme-eu")]),
            ];
            World::custom(config, Fixture { clients, ..Fixture::of(services, "4.2.1") })
        };
        let shared = Shared::new(world);
        let server = Server::start(shared.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let kubeconfig = std::env::temp_dir().join(format!("pilothouse-{name}-{}.yaml", std::process::id()));
        std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
        let client = connect(Some(&kubeconfig), Some(context)).await.unwrap();
        let cluster = KubeCluster::new(client, Options::LOCAL);
        Bench { shared, _server: server, kubeconfig, cluster, plan: plan(), key: 0, seen: BTreeMap::new() }
    }

    async fn call(&mut self, action: Action) -> CallOutcome {
        self.key += 1;
        let call = Call { key: self.key, epoch: 1, service: "billing".into(), action, why: "test".into() };
        let outcome = self.cluster.call(&self.plan, RUN, &call).await;
        if let CallOutcome::Done { seen } | CallOutcome::Found { seen } = &outcome {
            self.note(seen.clone());
        }
        outcome
    }

    async fn done(&mut self, action: Action) {
        let outcome = self.call(action.clone()).await;
        assert!(matches!(outcome, CallOutcome::Done { .. }), "{action:?}: {outcome:?}");
        let again = self.call(action.clone()).await;
        assert!(matches!(again, CallOutcome::Found { .. }), "repeated {action:?}: {again:?}");
    }

    fn note(&mut self, seen: Vec<Observation>) {
        for observation in seen {
            let key = match &observation {
                Observation::Workload(w) => format!("{}/{:?}", w.service, w.slot),
                Observation::Route(r) => format!("{}/route", r.service),
                Observation::Bystander { service, .. } => format!("{service}/bystander"),
            };
            self.seen.insert(key, observation);
        }
    }

    /// Lets virtual time pass until what was observed satisfies `done`; at most 15 virtual minutes.
    async fn until(&mut self, what: &str, done: impl Fn(&Bench) -> bool) {
        for _ in 0..1800 {
            self.arrived().await;
            if let Some(seen) = self.cluster.observe() {
                self.note(seen);
            }
            if done(self) {
                return;
            }
            let now = self.shared.now();
            self.shared.advance_to(now + 500);
        }
        panic!("never {what}; last seen: {:#?}", self.seen);
    }

    /// Waits until every watch has brought what the server wrote.
    async fn arrived(&self) {
        for _ in 0..2000 {
            let seen = self.cluster.seen();
            let current = |kind: &str| seen.get(kind).is_some_and(|v| *v >= self.shared.last_change_rv(kind));
            let kinds = ["deployments", "pods", "services", "httproutes"];
            if !self.shared.reachable() || (self.cluster.alive() && kinds.into_iter().all(current)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the watches never caught up: {:?}, alive {}", self.cluster.seen(), self.cluster.alive());
    }

    fn workload(&self, slot: Slot) -> Option<&WorkloadSeen> {
        match self.seen.get(&format!("billing/{slot:?}")) {
            Some(Observation::Workload(w)) => Some(w),
            _ => None,
        }
    }

    fn rolled_out(&self, slot: Slot, image: &str, pods: usize) -> bool {
        self.workload(slot).is_some_and(|w| {
            w.deployment.as_ref().is_some_and(|d| d.rolled_out() && d.image.ends_with(image))
                && w.pods.iter().filter(|p| p.ready && !p.terminating).count() == pods
        })
    }

    fn route(&self) -> Option<&RouteSeen> {
        match self.seen.get("billing/route") {
            Some(Observation::Route(r)) => Some(r),
            _ => None,
        }
    }

    fn accepted(&self, share: f64) -> bool {
        self.route().is_some_and(|r| r.accepted == Accepted::Yes && r.weights.is_some_and(|w| w.share() == share))
    }
}

#[tokio::test]
async fn a_whole_upgrade_of_one_service_loses_no_request() {
    let mut bench = Bench::new("whole", Scenario::Healthy).await;
    let report = bench.cluster.preflight(&bench.plan, RUN, Time(START)).await.unwrap();
    assert_eq!(report.problems, [], "a healthy practice cluster is sound");
    assert_eq!((report.facts[0].from_version.as_str(), report.facts[0].ready), ("4.1.8", 3));
    assert!(!report.cluster_uid.is_empty());
    assert_eq!(bench.cluster.whoami().await.unwrap().name, "ivo");

    bench.cluster.watch(&bench.plan, RUN).await.unwrap();
    bench.until("observed once", |b| b.seen.len() == 4).await;
    assert_eq!(
        bench.seen["ledger/bystander"],
        Observation::Bystander { service: "ledger".into(), ready: 2, wanted: 2 }
    );
    assert!(bench.workload(Slot::Next).unwrap().deployment.is_none());

    bench.done(Action::CreateNext { replicas: 1 }).await;
    bench.until("next ready", |b| b.rolled_out(Slot::Next, "billing:4.2.1", 1)).await;
    assert!(bench.workload(Slot::Next).unwrap().service_exists);
    bench.done(Action::AddBackend).await;
    bench.until("accepted at 0", |b| b.accepted(0.0)).await;
    bench.done(Action::SetWeight { next: 10, expect: 0, rules: None }).await;
    bench.until("accepted at 10", |b| b.accepted(10.0)).await;
    bench.done(Action::Scale { slot: Slot::Next, replicas: 3 }).await;
    bench.until("three ready", |b| b.rolled_out(Slot::Next, "billing:4.2.1", 3)).await;
    bench.done(Action::SetWeight { next: 100, expect: 10, rules: None }).await;
    bench.until("accepted at 100", |b| b.accepted(100.0)).await;
    bench.done(Action::CopyBack).await;
    bench.until("copied back", |b| b.rolled_out(Slot::Stable, "billing:4.2.1", 3)).await;
    let stable = bench.shared.with(|w| w.object("deployments", "shop", "billing")).unwrap();
    let template = &stable["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["app"], "billing");
    assert_eq!(template["spec"]["containers"][0]["env"], json!([{"name": "MODE", "value": "new"}]));
    assert!(template["spec"]["containers"][0]["readinessProbe"].is_object(), "the patch merged");
    bench.done(Action::SetWeight { next: 0, expect: 100, rules: None }).await;
    bench.until("back on stable", |b| b.accepted(0.0)).await;
    let quiet = bench.shared.now() + 30_000;
    bench.shared.advance_to(quiet);
    bench.done(Action::RemoveBackend).await;
    bench.until("one backend", |b| b.route().is_some_and(|r| r.weights.is_some_and(|w| w.next.is_none()))).await;
    bench.done(Action::DeleteNext).await;
    bench.until("gone", |b| b.workload(Slot::Next).is_some_and(|w| w.deployment.is_none() && w.pods.is_empty())).await;
    assert!(!bench.workload(Slot::Next).unwrap().service_exists);
    assert_eq!(bench.shared.with(|w| w.lost_requests()), 0);
    assert!(bench.shared.with(|w| w.served("billing", "4.2.1")) > 0);
}

fn rule(name: &str, header: &str, value: &str) -> MatchRule {
    MatchRule { name: name.into(), by: MatchBy::Header(header.into()), values: vec![value.into()] }
}

/// Sends exactly these to the new version, waits until the gateway follows, and gives the share of requests that the new
/// version answers from then on.
async fn route_rules(bench: &mut Bench, rules: &[MatchRule], expect: &[&str]) -> f64 {
    let expect = expect.iter().map(|e| e.to_string()).collect();
    bench.done(Action::RouteRules(Turn { rules: rules.to_vec(), expect, lowers: false })).await;
    share_from_now(bench, 0.0, rules).await
}

/// Waits until the gateway follows a route of this weight and these rules, and gives the share of requests that the new
/// version answers from then on.
async fn share_from_now(bench: &mut Bench, weight: f64, rules: &[MatchRule]) -> f64 {
    let seen: Vec<MatchRuleSeen> =
        rules.iter().map(|r| MatchRuleSeen { rule: r.clone(), stands: Stands::Intact }).collect();
    bench.until("accepted", |b| b.accepted(weight) && b.route().is_some_and(|r| r.rules == seen)).await;
    let served = |b: &Bench, version| b.shared.with(|w| w.served("billing", version)) as f64;
    let before = (served(bench, "4.1.8"), served(bench, "4.2.1"));
    let later = bench.shared.now() + 120_000;
    bench.shared.advance_to(later);
    let (old, new) = (served(bench, "4.1.8") - before.0, served(bench, "4.2.1") - before.1);
    new / (old + new)
}

#[tokio::test]
async fn tenants_move_one_after_the_other_while_the_weight_stays_at_0() {
    let mut bench = Bench::new("tenants", Scenario::Healthy).await;
    bench.cluster.watch(&bench.plan, RUN).await.unwrap();
    bench.done(Action::CreateNext { replicas: 2 }).await;
    bench.until("next ready", |b| b.rolled_out(Slot::Next, "billing:4.2.1", 2)).await;
    let route = |b: &Bench| b.shared.with(|w| w.object("httproutes", "shop", "billing")).unwrap();
    let error = match bench
        .call(Action::RouteRules(Turn { rules: vec![rule("a", "x-a", "a")], expect: vec![], lowers: false }))
        .await
    {
        CallOutcome::Failed { error, .. } => error,
        other => panic!("{other:?}"),
    };
    assert!(error.text.contains("does not hold Service billing-next"), "{}", error.text);
    bench.done(Action::AddBackend).await;
    bench.until("accepted at 0", |b| b.accepted(0.0)).await;
    let spec = route(&bench)["spec"].clone();

    let (beta, acme) = (rule("beta", "x-cohort", "beta"), rule("acme-eu", "x-tenant", "acme-eu"));
    let near = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.01, "{got}, not {wanted}");
    near(route_rules(&mut bench, std::slice::from_ref(&beta), &[]).await, 0.2);
    near(route_rules(&mut bench, &[beta.clone(), acme.clone()], &["beta"]).await, 0.3);
    assert_eq!(route(&bench)["spec"]["rules"].as_array().unwrap().len(), 3);
    // One goes back, the other stays.
    near(route_rules(&mut bench, std::slice::from_ref(&acme), &["beta", "acme-eu"]).await, 0.1);
    let outcome = bench.call(Action::RemoveBackend).await;
    assert!(matches!(outcome, CallOutcome::Failed { .. }), "a tenant is still there: {outcome:?}");
    near(route_rules(&mut bench, &[], &["acme-eu"]).await, 0.0);
    assert_eq!(route(&bench)["spec"], spec);
    assert_eq!(bench.shared.with(|w| w.lost_requests()), 0);
    // An answer that gets lost is looked up: the mark tells that the rule was written.
    bench.shared.with(|w| w.set_drop_answers(1));
    let outcome = bench.call(Action::RouteRules(Turn { rules: vec![acme], expect: vec![], lowers: false })).await;
    assert!(matches!(outcome, CallOutcome::Done { .. }), "{outcome:?}");
}

/// One write brings the first weight and the segment's rule, one takes both away; between, requests with the header go to
/// the new version and all others by the weight.
#[tokio::test]
async fn a_segment_goes_first_in_the_write_of_the_weight() {
    let mut bench = Bench::new("segments", Scenario::Healthy).await;
    bench.cluster.watch(&bench.plan, RUN).await.unwrap();
    bench.done(Action::CreateNext { replicas: 2 }).await;
    bench.until("next ready", |b| b.rolled_out(Slot::Next, "billing:4.2.1", 2)).await;
    bench.done(Action::AddBackend).await;
    bench.until("accepted at 0", |b| b.accepted(0.0)).await;
    let route = |b: &Bench| b.shared.with(|w| w.object("httproutes", "shop", "billing")).unwrap();
    let (spec, generation) = (route(&bench)["spec"].clone(), |b: &Bench| route(b)["metadata"]["generation"].as_u64());
    let before = generation(&bench).unwrap();

    let beta = [rule("beta", "x-cohort", "beta")];
    let turn = |rules: &[MatchRule], expect: &[&str]| {
        Some(Turn { rules: rules.to_vec(), expect: expect.iter().map(|e| e.to_string()).collect(), lowers: false })
    };
    bench.done(Action::SetWeight { next: 10, expect: 0, rules: turn(&beta, &[]) }).await;
    assert_eq!(generation(&bench), Some(before + 1), "one write");
    // A fifth of the clients carry the header, and a tenth of all others go by the weight.
    let share = share_from_now(&mut bench, 10.0, &beta).await;
    assert!((share - 0.28).abs() < 0.015, "{share}");
    // The next weight leaves the rule.
    bench.done(Action::SetWeight { next: 50, expect: 10, rules: None }).await;
    let share = share_from_now(&mut bench, 50.0, &beta).await;
    assert!((share - 0.6).abs() < 0.015, "{share}");
    bench.done(Action::SetWeight { next: 0, expect: 50, rules: turn(&[], &["beta"]) }).await;
    assert_eq!(generation(&bench), Some(before + 3), "one write");
    assert!(share_from_now(&mut bench, 0.0, &[]).await < 0.001);
    assert_eq!(route(&bench)["spec"], spec);
    assert_eq!(bench.shared.with(|w| w.lost_requests()), 0);
}

#[tokio::test]
async fn lost_answers_are_looked_up_and_nothing_is_done_twice() {
    let mut bench = Bench::new("lost", Scenario::Healthy).await;
    bench.shared.with(|w| w.set_drop_answers(1));
    // The first object is made but unheard of, the second is missing: certainly not all of it was applied.
    let outcome = bench.call(Action::CreateNext { replicas: 1 }).await;
    assert!(matches!(outcome, CallOutcome::Failed { .. }), "{outcome:?}");
    bench.done(Action::CreateNext { replicas: 1 }).await;
    for action in [Action::AddBackend, Action::SetWeight { next: 10, expect: 0, rules: None }] {
        bench.shared.with(|w| w.set_drop_answers(1));
        let before = bench.shared.with(|w| w.rv());
        let outcome = bench.call(action.clone()).await;
        assert!(matches!(outcome, CallOutcome::Done { .. }), "{action:?}: {outcome:?}");
        let route = bench.shared.with(|w| w.object("httproutes", "shop", "billing")).unwrap();
        assert_eq!(route["metadata"]["annotations"]["owner.pilothouse.dev/billing"], format!("{RUN}/1/{}", bench.key));
        assert!(bench.shared.with(|w| w.rv()) > before);
    }
}

#[tokio::test]
async fn an_api_server_that_goes_away_is_noticed_and_caught_up_with() {
    let mut bench = Bench::new("away", Scenario::Healthy).await;
    bench.cluster.watch(&bench.plan, RUN).await.unwrap();
    bench.until("observed once", |b| b.seen.len() == 4).await;
    assert_eq!(bench.cluster.link(), Link::Up);
    bench.shared.with(|w| w.set_unreachable(true));
    for _ in 0..500 {
        if matches!(bench.cluster.link(), Link::Down(_)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let Link::Down(why) = bench.cluster.link() else { panic!("not noticed") };
    assert!(why.contains("watch "), "{why}");
    assert!(!bench.cluster.alive());
    let outcome = bench.call(Action::SetWeight { next: 10, expect: 0, rules: None }).await;
    let CallOutcome::Failed { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    // Meanwhile somebody scales, and history is forgotten: the watches must list again.
    bench.shared.with(|w| {
        w.set_unreachable(false);
        w.compact();
    });
    bench.until("back", |b| b.cluster.link() == Link::Up && b.cluster.alive()).await;
    bench.done(Action::Scale { slot: Slot::Stable, replicas: 4 }).await;
    bench.until("four old pods", |b| b.rolled_out(Slot::Stable, "billing:4.1.8", 4)).await;
}

#[tokio::test]
async fn who_may_only_look_is_told_so_before_and_during() {
    let mut bench = Bench::with_context("viewer", Scenario::Healthy, "practice-viewer").await;
    let report = bench.cluster.preflight(&bench.plan, RUN, Time(START)).await.unwrap();
    let missing: Vec<&str> = report.problems.iter().filter(|p| p.blocking).map(|p| p.what.as_str()).collect();
    assert!(missing.iter().any(|w| w.contains("no right to") && w.contains("patch httproutes")), "{missing:?}");
    assert!(missing.iter().any(|w| w.contains("create,patch,delete deployments")), "{missing:?}");
    let outcome = bench.call(Action::AddBackend).await;
    let CallOutcome::Failed { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind, CallErrorKind::Forbidden);
    assert!(error.text.contains("cannot patch resource \"httproutes\""), "{}", error.text);
}

#[tokio::test]
async fn selectors_that_overlap_are_refused() {
    let bench = Bench::new("overlap", Scenario::Overlap).await;
    let report = bench.cluster.preflight(&bench.plan, RUN, Time(START)).await.unwrap();
    let blocking: Vec<&str> = report.problems.iter().filter(|p| p.blocking).map(|p| p.what.as_str()).collect();
    assert!(blocking.iter().any(|w| w.contains("the selector of Service ")), "{blocking:?}");
    assert!(blocking.iter().any(|w| w.contains("the selector of PodDisruptionBudget ")), "{blocking:?}");
}

#[tokio::test]
async fn of_two_drivers_one_holds_the_lease_and_the_higher_epoch_wins() {
    let mut bench = Bench::new("two", Scenario::Healthy).await;
    let client = connect(Some(&bench.kubeconfig), None).await.unwrap();
    let first = KubeLease::new(client.clone(), "shop", "shop", "ivo@a/1/7f3a");
    let second = KubeLease::new(client, "shop", "shop", "mia@b/2/beef");
    assert_eq!(first.renew(Time(START)).await, LeaseSeen::Held { epoch: 1 });
    assert!(matches!(second.renew(Time(START)).await, LeaseSeen::Waiting { .. }), "not known yet to live");
    assert_eq!(first.renew(Time(START + 2_000)).await, LeaseSeen::Held { epoch: 1 });
    let taken = LeaseSeen::Taken { holder: "ivo@a/1/7f3a".into(), epoch: 1 };
    assert_eq!(second.renew(Time(START + 2_000)).await, taken);
    // The first dies; the second takes over, stamps, and the first's late write is fenced.
    bench.call(Action::AddBackend).await;
    assert_eq!(second.renew(Time(START + 17_001)).await, LeaseSeen::Held { epoch: 2 });
    let stamp = Call { key: 1, epoch: 2, service: "billing".into(), action: Action::Stamp, why: "test".into() };
    assert!(matches!(bench.cluster.call(&bench.plan, RUN, &stamp).await, CallOutcome::Done { .. }));
    let outcome = bench.call(Action::SetWeight { next: 10, expect: 0, rules: None }).await;
    let CallOutcome::Failed { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind, CallErrorKind::Fenced);
    assert_eq!(first.renew(Time(START + 18_000)).await, LeaseSeen::Taken { holder: "mia@b/2/beef".into(), epoch: 2 });
    second.release().await;
    assert_eq!(first.renew(Time(START + 19_000)).await, LeaseSeen::Held { epoch: 3 });
}
