use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kube::client::Body;

use super::*;
use crate::engine::measure::{Subject, What};
use crate::spec::fleet::{Convention, Scrape};
use crate::spec::policy::Measure;

/// What a pod does when it is read.
#[derive(Clone)]
enum Says {
    Text(String),
    Status(u16, &'static str),
    Html,
    Broken,
    Endless,
    Silent,
}

/// An API server that proxies to pods of a script, and keeps what it was asked.
#[derive(Clone, Default)]
struct Server {
    pods: Arc<Mutex<BTreeMap<String, Says>>>,
    asked: Arc<Mutex<Vec<String>>>,
    delays: Arc<Mutex<BTreeMap<String, u64>>>,
    flying: Arc<Mutex<(usize, usize)>>,
}

impl Server {
    fn say(&self, pod: &str, says: Says) {
        self.pods.lock().unwrap().insert(pod.into(), says);
    }

    /// `ok` requests answered 200, `bad` 500, all within 0.1 s but one in ten.
    fn serve(&self, pod: &str, ok: u32, bad: u32) {
        let (all, quick) = (ok + bad, (ok + bad) * 9 / 10);
        self.say(
            pod,
            Says::Text(format!(
                "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {ok}\n\
                 http_requests_total{{code=\"500\"}} {bad}\nhttp_request_duration_seconds_bucket{{le=\"0.1\"}} {quick}\n\
                 http_request_duration_seconds_bucket{{le=\"0.5\"}} {all}\n\
                 http_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n"
            )),
        );
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    async fn answer(self, request: http::Request<Body>) -> http::Response<axum::body::Body> {
        let path = request.uri().path().to_string();
        self.asked.lock().unwrap().push(format!("{} {path}", request.method()));
        {
            let mut flying = self.flying.lock().unwrap();
            flying.0 += 1;
            flying.1 = flying.1.max(flying.0);
        }
        let pod = path.rsplit("/pods/").next().unwrap().split([':', '/']).next().unwrap().to_string();
        let delay = self.delays.lock().unwrap().get(&pod).copied().unwrap_or(1);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        self.flying.lock().unwrap().0 -= 1;
        let with = |status: u16, kind: &str, body: axum::body::Body| {
            http::Response::builder().status(status).header("content-type", kind).body(body).unwrap()
        };
        if !path.contains("/proxy/") {
            let pod = r#"{"spec":{"containers":[{"ports":[{"name":"http","containerPort":8080},{"name":"admin","containerPort":9090}]}]}}"#;
            return with(200, "application/json", pod.into());
        }
        let says = self.pods.lock().unwrap().get(&pod).cloned();
        match says {
            None => with(404, "application/json", r#"{"kind":"Status","message":"pods not found"}"#.into()),
            Some(Says::Text(text)) => with(200, "text/plain; version=0.0.4", text.into()),
            Some(Says::Status(code, body)) => with(code, "text/plain", body.into()),
            Some(Says::Html) => with(200, "text/html; charset=utf-8", "<html>login</html>".into()),
            Some(Says::Broken) => with(
                200,
                "text/plain",
                axum::body::Body::from_stream(futures::stream::iter([
                    Ok("http_requests_total{code=\"200\"} 1".to_string()),
                    Err(std::io::Error::other("reset")),
                ])),
            ),
            Some(Says::Endless) => with(
                200,
                "text/plain",
                axum::body::Body::from_stream(futures::stream::repeat_with(|| {
                    Ok::<_, std::io::Error>("a 1\n".repeat(20_000))
                })),
            ),
            Some(Says::Silent) => std::future::pending().await,
        }
    }

    fn source(&self, port: &str) -> DirectScrape {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        });
        let fetch = Fetch {
            client: kube::Client::new(service, "shop"),
            namespace: "shop".into(),
            scrape: Scrape { port: port.into(), path: "/metrics".into() },
            timeout: Duration::from_millis(300),
        };
        DirectScrape::new(fetch, ByService::new(&Convention::Prometheus, []), 7, None)
    }
}

fn at(seconds: i64) -> Time {
    Time(seconds * 1000)
}

fn ask(gate: &str, measure: Measure, baseline: bool) -> Question {
    Question {
        service: "billing".into(),
        gate: gate.into(),
        slot: Slot::Next,
        what: What::Measure { measure, quantile: Some(0.95) },
        window: Dur::secs(120),
        baseline,
    }
}

fn request(tick: i64, stable: &[&str], next: &[&str], questions: Vec<Question>) -> MeasureRequest {
    let names = |pods: &[&str]| pods.iter().map(ToString::to_string).collect();
    let subject = Subject { stable_pods: names(stable), next_pods: names(next), ..Subject::default() };
    MeasureRequest {
        tick: at(tick),
        subjects: [("billing".to_string(), subject)].into(),
        questions,
        shares: vec![ShareQuestion { service: "billing".into(), since: at(0) }],
    }
}

fn all() -> Vec<Question> {
    vec![
        ask("errors", Measure::ErrorRate, true),
        ask("p95", Measure::LatencyQuantile, false),
        ask("rps", Measure::Requests, false),
    ]
}

fn gate<'a>(answer: &'a MeasureAnswer, gate: &str) -> &'a Sample {
    &answer.samples.iter().find(|s| s.gate == gate).unwrap().sample
}

fn value(answer: &MeasureAnswer, name: &str) -> f64 {
    let sample = gate(answer, name);
    assert_eq!(sample.series.len(), 1, "{sample:?}");
    sample.series[0].value()
}

#[tokio::test]
async fn rates_latency_and_shares_come_from_growth() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("old", 100_000, 500);
    server.serve("new", 50_000, 9000);
    let first = source.measure(&request(0, &["old"], &["new"], all())).await;
    assert_eq!(
        server.asked(),
        ["GET", "GET"]
            .map(String::from)
            .into_iter()
            .zip(["new", "old"])
            .map(|(m, p)| format!("{m} /api/v1/namespaces/shop/pods/{p}:8080/proxy/metrics"))
            .collect::<Vec<_>>()
    );
    assert_eq!((gate(&first, "errors").series.len(), gate(&first, "errors").requests), (0, Some(0.0)), "{first:?}");
    assert_eq!((first.shares[0].next.clone(), first.shares[0].next_recent.clone()), (None, None));

    server.serve("old", 100_290, 510);
    server.serve("new", 50_090, 9010);
    let second = source.measure(&request(20, &["old"], &["new"], all())).await;
    assert_eq!(value(&second, "errors"), 0.1);
    let errors = gate(&second, "errors");
    assert_eq!((errors.requests, errors.failed, errors.sample_at), (Some(100.0), Some(10.0), Some(at(20))));
    assert_eq!(errors.baseline.as_ref().unwrap()[0].value(), 10.0 / 300.0);
    assert_eq!(errors.baseline_requests, Some(300.0));
    assert!((value(&second, "p95") - (0.1 + 0.4 * 0.5)).abs() < 1e-9, "{}", value(&second, "p95"));
    assert_eq!(value(&second, "rps"), 5.0);
    let share = &second.shares[0];
    let numbers =
        [&share.next, &share.stable, &share.next_recent, &share.stable_recent].map(|n| n.as_ref().unwrap().value());
    assert_eq!(numbers, [100.0, 300.0, 100.0, 300.0]);
}

#[tokio::test]
async fn a_pod_is_read_at_most_every_15_s() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("new", 10, 0);
    let mut reads = Vec::new();
    for tick in [0, 10, 20, 30, 40, 54, 68] {
        let answer = source.measure(&request(tick, &[], &["new"], all())).await;
        reads.push((tick, server.asked().len(), gate(&answer, "errors").sample_at.unwrap().0 / 1000));
    }
    // 54 - 40 is within the tolerance of a tick that came a second early.
    assert_eq!(reads, [(0, 1, 0), (10, 0, 0), (20, 1, 20), (30, 0, 20), (40, 1, 40), (54, 1, 54), (68, 1, 68)]);
}

#[tokio::test]
async fn recent_is_unknown_between_two_reads_and_zero_only_when_nothing_came() {
    let server = Server::default();
    let source = server.source("8080");
    let mut recent = Vec::new();
    for (tick, served) in [(0, 10), (10, 10), (20, 30), (30, 30), (40, 30), (50, 30), (60, 30)] {
        server.serve("new", served, 0);
        let answer = source.measure(&request(tick, &[], &["new"], vec![])).await;
        recent.push(answer.shares[0].next_recent.as_ref().map(|n| n.value()));
    }
    assert_eq!(recent, [None, None, Some(20.0), None, Some(0.0), None, Some(0.0)]);
}

#[tokio::test]
async fn a_named_port_is_looked_up_once() {
    let server = Server::default();
    server.serve("new", 1, 0);
    let source = server.source("admin");
    source.measure(&request(0, &[], &["new"], all())).await;
    source.measure(&request(20, &[], &["new"], all())).await;
    let metrics = "GET /api/v1/namespaces/shop/pods/new:9090/proxy/metrics";
    assert_eq!(server.asked(), ["GET /api/v1/namespaces/shop/pods/new", metrics, metrics]);
    let answer = server.source("grpc").measure(&request(0, &[], &["new"], all())).await;
    let Some(Failure::Down(text)) = &gate(&answer, "errors").failure else { panic!("{answer:?}") };
    assert!(text.contains("no port named `grpc` (it has: http, admin)"), "{text}");
}

#[tokio::test]
async fn a_source_that_is_none_is_down_and_says_why() {
    for (says, text) in [
        (Says::Status(500, "boom"), "pod new: 500 Internal Server Error: boom"),
        (Says::Status(503, ""), "pod new: 503 Service Unavailable"),
        (Says::Html, "pod new: answered an HTML page, not metrics"),
        (Says::Text("<!DOCTYPE html>".into()), "pod new: answered an HTML page, not metrics"),
        (Says::Silent, "pod new: no answer within 300ms"),
        (Says::Broken, "pod new: the answer broke off"),
        (Says::Endless, "pod new: the answer broke off or is longer than 16 MiB"),
    ] {
        let server = Server::default();
        server.say("new", says);
        let mut fast = server.source("8080");
        if text.contains("16 MiB") {
            fast.fetch.timeout = Duration::from_secs(20);
        }
        let answer = fast.measure(&request(0, &[], &["new"], all())).await;
        let Some(Failure::Down(told)) = &gate(&answer, "errors").failure else { panic!("{text}: {answer:?}") };
        assert!(told.starts_with(text), "{told}");
        assert!(answer.source_down.as_ref().is_some_and(|d| d.starts_with(text)), "{answer:?}");
        assert_eq!(answer.shares[0].next, None);
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_read_makes_its_gates_invalid_and_no_others() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("new", 10, 0);
    source.measure(&request(0, &[], &["new"], all())).await;
    let bad = "http_requests_total{code=\"200\"} 20\nhttp_requests_total{code=\"500\"} 1O\n\
               http_request_duration_seconds_bucket{le=\"1\"} 19\nhttp_request_duration_seconds_bucket{le=\"+Inf\"} 19\n";
    server.say("new", Says::Text(bad.into()));
    let answer = source.measure(&request(20, &[], &["new"], all())).await;
    let Some(Failure::Shape(text)) = &gate(&answer, "errors").failure else { panic!("{answer:?}") };
    assert!(text.starts_with("pod new: line 2: `1O` is not a number"), "{text}");
    assert!(gate(&answer, "p95").failure.is_none());
    assert_eq!(answer.shares[0].next, None, "nor does a share rest on it");
    // Readable again, it goes on from where it was.
    server.serve("new", 30, 10);
    let answer = source.measure(&request(40, &[], &["new"], all())).await;
    assert_eq!(value(&answer, "errors"), 10.0 / 30.0);
}

#[tokio::test]
async fn one_silent_pod_of_three_makes_the_gate_stale_and_two_take_it_down() {
    let server = Server::default();
    let source = server.source("8080");
    let pods = ["a", "b", "c"];
    for tick in [0, 20] {
        pods.iter().for_each(|p| server.serve(p, 100 + tick as u32, 0));
        source.measure(&request(tick, &[], &pods, all())).await;
    }
    server.say("c", Says::Status(500, ""));
    for tick in [40, 60] {
        ["a", "b"].iter().for_each(|p| server.serve(p, 100 + tick as u32, 0));
        let answer = source.measure(&request(tick, &[], &pods, all())).await;
        assert_eq!(value(&answer, "errors"), 0.0);
        assert_eq!(gate(&answer, "errors").sample_at, Some(at(20)), "as old as what the silent pod said last");
        assert_eq!(answer.source_down, None);
        assert_eq!((answer.shares[0].next.clone(), answer.shares[0].next_recent.clone()), (None, None));
        assert_eq!(answer.notes, ["pod c: 500 Internal Server Error"]);
    }
    server.say("b", Says::Status(500, ""));
    let answer = source.measure(&request(80, &[], &pods, all())).await;
    let Some(Failure::Down(text)) = &gate(&answer, "errors").failure else { panic!("{answer:?}") };
    assert_eq!(text, "pod b: 500 Internal Server Error (and 1 more of 3)");
}

#[tokio::test]
async fn pods_that_are_just_starting_do_not_take_the_source_down() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("a", 100, 0);
    server.say("b", Says::Status(503, "connection refused"));
    server.say("c", Says::Status(503, "connection refused"));
    source.measure(&request(0, &[], &["a"], all())).await;
    let mut down = Vec::new();
    for tick in [20, 40, 60] {
        server.serve("a", 100 + tick as u32, 0);
        let answer = source.measure(&request(tick, &[], &["a", "b", "c"], all())).await;
        let errors = gate(&answer, "errors");
        down.push((errors.failure.is_some(), errors.sample_at));
    }
    assert_eq!(down, [(false, Some(at(20))), (false, Some(at(20))), (true, None)], "two of three for longer than 30 s");
}

#[tokio::test]
async fn a_pod_that_never_answered_ages_from_when_it_was_first_asked() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("a", 100, 0);
    server.say("b", Says::Silent);
    for tick in [0, 20, 40, 60] {
        let answer = source.measure(&request(tick, &[], &["a", "b"], all())).await;
        assert_eq!(gate(&answer, "errors").sample_at, Some(at(0)));
    }
}

#[tokio::test]
async fn a_restart_and_a_vanished_pod_do_not_distort_growth() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("a", 1000, 10);
    server.serve("b", 5000, 0);
    source.measure(&request(0, &[], &["a", "b"], all())).await;
    server.serve("a", 5, 5); // restarted
    server.serve("b", 5010, 0);
    let answer = source.measure(&request(20, &[], &["a", "b"], all())).await;
    assert_eq!(gate(&answer, "errors").requests, Some(20.0));
    assert_eq!(value(&answer, "errors"), 0.25);
    let answer = source.measure(&request(40, &[], &["b"], all())).await;
    assert_eq!(gate(&answer, "errors").requests, Some(20.0), "what the gone pod served still counts in the window");
    assert_eq!(gate(&answer, "errors").sample_at, Some(at(40)), "and its silence does not");
}

#[tokio::test]
async fn a_new_pod_counts_from_zero_only_when_it_was_seen_to_come() {
    let server = Server::default();
    let source = server.source("8080");
    server.serve("old", 9_000_000, 0);
    server.serve("a", 9_000_000, 0);
    let answer = source.measure(&request(0, &["old"], &["a"], all())).await;
    assert_eq!(gate(&answer, "errors").requests, Some(0.0), "it may have run for days");
    server.serve("b", 6, 4);
    server.serve("old2", 1_000_000, 0);
    let answer = source.measure(&request(20, &["old", "old2"], &["a", "b"], all())).await;
    assert_eq!(gate(&answer, "errors").requests, Some(10.0));
    assert_eq!(value(&answer, "errors"), 0.4);
    assert_eq!(gate(&answer, "errors").baseline_requests, Some(0.0), "an old pod may just have been away");
    assert_eq!(answer.shares[0].stable, None, "and a share does not rest on half of the pods");
}

#[tokio::test]
async fn a_pod_without_the_series_served_nothing_and_a_service_without_it_has_no_data() {
    let server = Server::default();
    let source = server.source("8080");
    for p in ["old", "new"] {
        server.say(p, Says::Text("up 1\n".into()));
    }
    let answer = source.measure(&request(0, &["old"], &["new"], all())).await;
    assert_eq!((gate(&answer, "errors").requests, gate(&answer, "errors").series.len()), (None, 0));
    assert_eq!(answer.notes, ["no pod of billing shows `http_requests_total`"]);
    server.serve("old", 10, 0);
    let answer = source.measure(&request(20, &["old"], &["new"], all())).await;
    assert_eq!((gate(&answer, "errors").requests, gate(&answer, "errors").series.len()), (Some(0.0), 0));
    assert_eq!(answer.shares[0].next.as_ref().map(|n| n.value()), Some(0.0));
}

#[tokio::test]
async fn five_pods_of_many_are_read_and_stand_for_all() {
    let server = Server::default();
    let source = server.source("8080");
    let names: Vec<String> = (0..20).map(|n| format!("new-{n}")).collect();
    let pods: Vec<&str> = names.iter().map(String::as_str).collect();
    for tick in [0, 20] {
        pods.iter().for_each(|p| server.serve(p, tick as u32 * 5, 0));
        server.serve("old", tick as u32 * 25, 0);
        let answer = source.measure(&request(tick, &["old"], &pods, all())).await;
        assert_eq!(answer.notes, ["billing new: 5 of 20 pods are read"]);
        assert_eq!(server.asked().len(), 6);
        if tick == 20 {
            assert_eq!(gate(&answer, "errors").requests, Some(500.0), "evidence is what was seen");
            assert_eq!(value(&answer, "rps"), 100.0);
            let share = [&answer.shares[0].next, &answer.shares[0].stable].map(|n| n.as_ref().unwrap().value());
            assert_eq!(share, [800.0, 200.0], "2000 to 500 in proportion, of 1000 seen");
        }
    }
    assert!(server.flying.lock().unwrap().1 <= IN_FLIGHT);
    let chosen = pick(7, &names);
    let reversed: Vec<String> = names.iter().rev().cloned().collect();
    assert_eq!(chosen, pick(7, &reversed));
    assert_ne!(chosen, pick(8, &names));
    let fewer: Vec<String> = names.iter().filter(|n| **n != chosen.pods[0]).cloned().collect();
    assert_eq!(pick(7, &fewer).pods.iter().filter(|p| chosen.pods.contains(p)).count(), 4, "the choice stays put");
}

#[tokio::test]
async fn the_order_of_answers_changes_nothing() {
    let mut answers = Vec::new();
    for slow in ["a", "d"] {
        let server = Server::default();
        server.delays.lock().unwrap().insert(slow.into(), 40);
        let source = server.source("8080");
        let mut seen = Vec::new();
        for tick in [0, 20, 40] {
            for (i, p) in ["a", "b", "c", "d"].iter().enumerate() {
                server.serve(p, 1000 + tick as u32 * (3 + i as u32), tick as u32 / 7 * i as u32);
            }
            server.say("c", Says::Status(500, "x"));
            seen.push(source.measure(&request(tick, &["a", "b"], &["c", "d"], all())).await);
        }
        answers.push(seen);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn promql_is_not_answered_and_no_pods_are_no_data() {
    let server = Server::default();
    let source = server.source("8080");
    let promql = Question {
        what: What::PromQl { query: "up".into(), freshness: None, reduce: None },
        ..ask("own", Measure::ErrorRate, false)
    };
    let mut asked = all();
    asked.push(promql);
    let answer = source.measure(&request(0, &[], &[], asked)).await;
    let Some(Failure::Shape(text)) = &gate(&answer, "own").failure else { panic!("{answer:?}") };
    assert!(text.contains("needs a Prometheus"));
    let none = gate(&answer, "errors");
    assert_eq!((&none.failure, none.series.len(), none.requests, none.sample_at), (&None, 0, None, None));
    assert_eq!(server.asked(), Vec::<String>::new());
}
