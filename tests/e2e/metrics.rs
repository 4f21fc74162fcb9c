//! The pods of the practice cluster, read directly through its API server over HTTP, in virtual time.
use std::collections::BTreeMap;

use pilothouse::engine::measure::{MeasureAnswer, MeasureRequest, Question, ShareQuestion, Subject, What};
use pilothouse::engine::observe::Slot;
use pilothouse::gate::{Failure, Sample};
use pilothouse::metrics;
use pilothouse::ports::Metrics;
use pilothouse::practice::{Config, Fault, Fixture, MetricsAnswer, Scenario, Server, ServiceSpec, Shared, World};
use pilothouse::spec::Environment;
use pilothouse::spec::fleet::{Kubernetes, Metrics as Spec};
use pilothouse::spec::policy::Measure;
use pilothouse::spec::units::{Dur, Time};

const START: i64 = 1_800_000_000_000;

struct Practice {
    shared: Shared,
    server: Server,
    source: std::sync::Arc<dyn Metrics>,
}

impl Practice {
    async fn new() -> Practice {
        let fixture = Fixture::of(vec![ServiceSpec::new("billing", "4.1.8", 4, 50.0)], "4.2.1");
        let config = Config { scenario: Scenario::Healthy, seed: 3, start_ms: START };
        let shared = Shared::new(World::custom(config, fixture));
        let server = Server::start(shared.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let file = std::env::temp_dir().join(format!("pilothouse-practice-{}-{:?}", std::process::id(), server.addr()));
        std::fs::write(&file, server.kubeconfig()).unwrap();
        let client = pilothouse::cluster::connect(Some(&file), None).await.unwrap();
        std::fs::remove_file(&file).unwrap();
        let env = Environment {
            name: "practice".into(),
            production: false,
            gitops: None,
            kubernetes: Kubernetes { context: None, namespace: "shop".into() },
            metrics: Spec::default(),
        };
        let source = metrics::connect(&env, [], client, 3).unwrap();
        Practice { shared, server, source }
    }

    /// Lets the time pass and asks.
    async fn ask(&self, seconds: i64) -> MeasureAnswer {
        let tick = START + seconds * 1000;
        self.shared.advance_to(tick);
        let pods = self.shared.with(|w| w.objects("pods", "shop"));
        let pods: Vec<String> = pods.iter().filter_map(|p| Some(p["metadata"]["name"].as_str()?.to_string())).collect();
        assert_eq!(pods.len(), 4);
        let subject = Subject { stable_pods: pods, ..Subject::default() };
        let question = |gate: &str, measure| Question {
            service: "billing".into(),
            gate: gate.into(),
            slot: Slot::Stable,
            what: What::Measure { measure, quantile: Some(0.95) },
            window: Dur::secs(120),
            baseline: false,
        };
        let questions = [("errors", Measure::ErrorRate), ("p95", Measure::LatencyQuantile), ("rps", Measure::Requests)];
        self.source
            .measure(&MeasureRequest {
                tick: Time(tick),
                subjects: BTreeMap::from([("billing".to_string(), subject)]),
                questions: questions.map(|(gate, measure)| question(gate, measure)).into(),
                shares: vec![ShareQuestion { service: "billing".into(), since: Time(START) }],
            })
            .await
    }

    fn fault(&self, fault: Fault) {
        self.shared.with(|w| w.set_fault("billing", "4.1.8", fault));
    }
}

fn gate<'a>(answer: &'a MeasureAnswer, gate: &str) -> &'a Sample {
    &answer.samples.iter().find(|s| s.gate == gate).unwrap().sample
}

fn value(answer: &MeasureAnswer, name: &str) -> f64 {
    let sample = gate(answer, name);
    assert_eq!((sample.series.len(), &sample.failure), (1, &None), "{name}: {sample:?}");
    sample.series[0].value()
}

#[tokio::test]
async fn what_the_pods_served_is_what_the_gates_see() {
    let practice = Practice::new().await;
    let served = |p: &Practice| p.shared.with(|w| w.served("billing", "4.1.8")) as f64;
    practice.ask(0).await;
    let before = served(&practice);
    let mut answer = practice.ask(20).await;
    for s in [40, 60, 80] {
        answer = practice.ask(s).await;
    }
    let requests = gate(&answer, "errors").requests.unwrap();
    assert_eq!(requests, served(&practice) - before, "every request is counted, and none twice");
    assert!((value(&answer, "rps") - 50.0).abs() < 15.0, "{}", value(&answer, "rps"));
    assert!(value(&answer, "errors") < 0.01 && value(&answer, "p95") < 0.6);
    assert_eq!(gate(&answer, "errors").sample_at, Some(Time(START + 80_000)));
    assert_eq!(answer.shares[0].stable.as_ref().unwrap().value(), requests);
    assert_eq!(answer.shares[0].next.as_ref().unwrap().value(), 0.0, "no pods of the new version");

    practice.fault(Fault { error_ratio: 0.2, p95_s: 3.5, ..Fault::default() });
    for s in (100..=220).step_by(20) {
        answer = practice.ask(s).await;
    }
    assert!((value(&answer, "errors") - 0.2).abs() < 0.03, "{}", value(&answer, "errors"));
    assert!(value(&answer, "p95") > 2.0, "{}", value(&answer, "p95"));
    practice.server.shutdown();
}

#[tokio::test]
async fn each_way_a_pod_refuses_its_metrics_takes_the_source_down_and_it_comes_back() {
    let practice = Practice::new().await;
    practice.ask(0).await;
    let mut at = 20;
    for (metrics, says) in [
        (MetricsAnswer::Error, "500 Internal Server Error"),
        (MetricsAnswer::Html, "an HTML page, not metrics"),
        (MetricsAnswer::Hang, "504 Gateway Timeout"),
    ] {
        practice.fault(Fault { metrics, ..Fault::default() });
        let answer = practice.ask(at).await;
        let Some(Failure::Down(text)) = &gate(&answer, "errors").failure else { panic!("{metrics:?}: {answer:?}") };
        assert!(text.contains(says), "{text}");
        assert!(answer.source_down.is_some());
        practice.fault(Fault::default());
        practice.ask(at + 20).await;
        let answer = practice.ask(at + 40).await;
        assert!(value(&answer, "errors") < 0.01 && answer.source_down.is_none());
        at += 60;
    }
    practice.server.shutdown();
}
