//! The Prometheus adapter against a real Prometheus, which scrapes pods played by this test.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use pilothouse::engine::measure::{MeasureAnswer, MeasureRequest, Question, ShareQuestion, Subject, What};
use pilothouse::engine::observe::Slot;
use pilothouse::gate::{Failure, Sample};
use pilothouse::metrics::names::ByService;
use pilothouse::metrics::prometheus::Prometheus;
use pilothouse::metrics::{about, exposition, histogram};
use pilothouse::ports::Metrics;
use pilothouse::spec::Environment;
use pilothouse::spec::fleet::{Convention, Kubernetes, Metrics as Spec};
use pilothouse::spec::policy::Measure;
use pilothouse::spec::units::{Dur, Time};

/// What each pod shows; a pod that is not here answers 500.
type Pods = Arc<Mutex<BTreeMap<String, String>>>;

const PODS: [&str; 5] = ["old-1", "new-1", "new-2", "quiet", "oracle"];

struct Server {
    process: Child,
    address: String,
    dir: std::path::PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

async fn exporter(pods: Pods) -> u16 {
    async fn show(State(pods): State<Pods>, UrlPath(pod): UrlPath<String>) -> (StatusCode, String) {
        match pods.lock().unwrap().get(&pod) {
            Some(text) => (StatusCode::OK, text.clone()),
            None => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        }
    }
    let app = axum::Router::new().route("/pods/{pod}", axum::routing::get(show)).with_state(pods);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    port
}

/// Starts a Prometheus that scrapes each pod every second, and waits until it is ready.
async fn start(binary: &Path, exporter: u16) -> Server {
    let dir = std::env::temp_dir().join(format!("pilothouse-prometheus-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut config = String::from("global: {scrape_interval: 1s, scrape_timeout: 900ms}\nscrape_configs:\n");
    for pod in PODS {
        config.push_str(&format!(
            "- job_name: {pod}\n  metrics_path: /pods/{pod}\n  static_configs:\n  - targets: ['127.0.0.1:{exporter}']\n    labels: {{namespace: shop, pod: {pod}}}\n"
        ));
    }
    std::fs::write(dir.join("prometheus.yml"), config).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let process = Command::new(binary)
        .current_dir(&dir)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=1h"])
        .args([&format!("--web.listen-address=127.0.0.1:{port}"), "--log.level=error"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, address: format!("http://127.0.0.1:{port}"), dir };
    let began = Instant::now();
    while let Err(error) = about(&environment(&server.address), []).await {
        assert!(began.elapsed() < Duration::from_secs(30), "Prometheus does not become ready: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server
}

fn environment(address: &str) -> Environment {
    Environment {
        name: "test".into(),
        production: false,
        gitops: None,
        kubernetes: Kubernetes { context: None, namespace: "shop".into() },
        metrics: Spec { prometheus: Some(address.into()), ..Spec::default() },
    }
}

fn now() -> Time {
    Time(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

/// A pod that served `all` requests, one in ten of them failed, half within 0.1 s and the rest within 0.5 s.
fn served(all: u64) -> String {
    let (bad, half) = (all / 10, all / 2);
    format!(
        "# TYPE http_requests_total counter\n\
         http_requests_total{{code=\"200\",path=\"/users/{{id}}\"}} {}\nhttp_requests_total{{code=\"500\",path=\"a,b\"}} {bad}\n\
         # TYPE http_request_duration_seconds histogram\n\
         http_request_duration_seconds_bucket{{le=\"0.1\"}} {half}\nhttp_request_duration_seconds_bucket{{le=\"0.5\"}} {all}\n\
         http_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\nhttp_request_duration_seconds_count {all}\n\
         http_request_duration_seconds_sum {all}\nodd NaN\nhuge +Inf\nmany{{n=\"1\"}} 1\nmany{{n=\"2\"}} 2\n",
        all - bad
    )
}

fn question(gate: &str, what: What) -> Question {
    Question {
        service: "billing".into(),
        gate: gate.into(),
        slot: Slot::Next,
        what,
        window: Dur::secs(20),
        baseline: true,
    }
}

fn built_ins() -> Vec<Question> {
    [
        ("errors", Measure::ErrorRate),
        ("success", Measure::SuccessRate),
        ("p75", Measure::LatencyQuantile),
        ("rps", Measure::Requests),
    ]
    .map(|(gate, measure)| question(gate, What::Measure { measure, quantile: Some(0.75) }))
    .into()
}

/// The same, with nothing to compare.
fn alone() -> Vec<Question> {
    built_ins().into_iter().map(|q| Question { baseline: false, ..q }).collect()
}

fn request(next: &[&str], since: Time, questions: Vec<Question>) -> MeasureRequest {
    let names = |pods: &[&str]| pods.iter().map(ToString::to_string).collect();
    let subject = Subject {
        stable_version: "1.0.0".into(),
        next_version: "2.0.0".into(),
        stable_pods: names(&["old-1"]),
        next_pods: names(next),
    };
    MeasureRequest {
        tick: now(),
        subjects: [("billing".to_string(), subject)].into(),
        questions,
        shares: vec![ShareQuestion { service: "billing".into(), since }],
    }
}

fn gate<'a>(answer: &'a MeasureAnswer, name: &str) -> &'a Sample {
    &answer.samples.iter().find(|s| s.gate == name).unwrap().sample
}

fn near(what: &str, value: f64, expected: f64, by: f64) {
    assert!((value - expected).abs() <= by, "{what} is {value}, not {expected} ± {by}");
}

/// Age in milliseconds of what a gate rests on.
fn age(answer: &MeasureAnswer, name: &str) -> i64 {
    answer.tick.0 - gate(answer, name).sample_at.unwrap_or_else(|| panic!("{name} has no age")).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_is_read_right() {
    let Some(binary) = crate::support::require("prometheus") else { return };
    let pods = Pods::default();
    let show = |pod: &str, text: String| pods.lock().unwrap().insert(pod.into(), text);
    for (pod, all) in [("old-1", 1_000_000), ("new-1", 5000), ("new-2", 70)] {
        show(pod, served(all));
    }
    show("quiet", "up_and_well 1\n".into());
    show("oracle", oracle());
    let server = start(&binary, exporter(pods.clone()).await).await;
    // 100 requests a second on each pod.
    let traffic = {
        let pods = pods.clone();
        tokio::spawn(async move {
            for n in 1u64.. {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let mut pods = pods.lock().unwrap();
                for (pod, all) in [("old-1", 1_000_000), ("new-1", 5000), ("new-2", 70)] {
                    if pods.contains_key(pod) {
                        pods.insert(pod.into(), served(all + n * 20));
                    }
                }
            }
        })
    };
    let env = environment(&server.address);
    let told = about(&env, []).await.unwrap();
    assert!(told.what.starts_with("Prometheus ") && told.what.contains('.'), "{told:?}");
    assert_eq!(told.interval, Some(Dur::secs(1)));
    let source = Prometheus::new(&env, ByService::new(&Convention::Prometheus, [])).unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;

    let since = Time(now().0 - 6000);
    built_in_measures(&source, since).await;
    own_queries(&source, since).await;
    oracles(&server.address).await;
    a_pod_without_requests(&source, since).await;
    a_target_that_dies(&source, &pods, since).await;
    no_more_requests(&source, traffic).await;
}

async fn built_in_measures(source: &Prometheus, since: Time) {
    let answer = source.measure(&request(&["new-1", "new-2"], since, built_ins())).await;
    assert_eq!((&answer.source_down, &answer.notes), (&None, &vec![]), "{answer:?}");
    let value = |name: &str| {
        let sample = gate(&answer, name);
        assert_eq!((sample.series.len(), &sample.failure), (1, &None), "{name}: {sample:?}");
        sample.series[0].value()
    };
    near("error rate", value("errors"), 0.1, 0.01);
    near("success rate", value("success"), 0.9, 0.01);
    near("p75", value("p75"), 0.3, 0.02);
    let errors = gate(&answer, "errors");
    near("failed of requests", errors.failed.unwrap() / errors.requests.unwrap(), 0.1, 0.01);
    assert!(value("rps") > 20.0, "{}", value("rps"));
    near("baseline", errors.baseline.as_ref().unwrap()[0].value(), 0.1, 0.01);
    assert!(errors.baseline_requests.unwrap() > 100.0);
    for name in ["errors", "p75"] {
        assert!((0..2500).contains(&age(&answer, name)), "{name} is {} ms old", age(&answer, name));
    }
    let share = &answer.shares[0];
    let (next, stable) = (share.next.as_ref().unwrap().value(), share.stable.as_ref().unwrap().value());
    near("share of the two new pods", next / (next + stable), 2.0 / 3.0, 0.05);
}

async fn own_queries(source: &Prometheus, since: Time) {
    let own = |name: &str, query: &str| {
        let what = What::PromQl {
            query: query.into(),
            freshness: Some(r#"http_requests_total{pod=~"{{pods}}"}"#.into()),
            reduce: None,
        };
        Question { baseline: false, ..question(name, what) }
    };
    let mine =
        r#"sum(increase(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}",code="500"}[{{window}}]))"#;
    let asked = vec![
        own("mine", mine),
        own("nothing", "nosuch_metric"),
        own("no quantile", "histogram_quantile(0.9, nosuch_bucket)"),
        own("nan", "0/0"),
        own("inf", "1/0"),
        own("pod's nan", r#"odd{pod="new-1"}"#),
        own("pod's inf", r#"huge{pod="new-1"}"#),
        own("two", r#"many{pod="new-1"}"#),
        own("matrix", r#"many{pod="new-1"}[3s]"#),
        own("string", r#""text""#),
        own("unparsable", "up{"),
        own("many to many", "many * on(namespace) many"),
        own("or vector", "nosuch_metric or vector(0)"),
    ];
    let answer = source.measure(&request(&["new-1", "new-2"], since, asked)).await;
    assert!(gate(&answer, "mine").series[0].value() > 10.0);
    assert!((0..2500).contains(&age(&answer, "mine")));
    let texts = |name: &str| gate(&answer, name).series.iter().map(|n| n.0.clone()).collect::<Vec<_>>();
    for (name, expected) in [
        ("nothing", &[][..]),
        ("no quantile", &[]),
        ("nan", &["NaN"]),
        ("inf", &["+Inf"]),
        ("pod's nan", &["NaN"]),
        ("pod's inf", &["+Inf"]),
        ("two", &["1", "2"]),
        ("or vector", &["0"]),
    ] {
        assert_eq!(
            (texts(name).as_slice(), &gate(&answer, name).failure),
            (&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..], &None),
            "{name}"
        );
    }
    for (name, says) in
        [("matrix", "matrix"), ("string", "string"), ("unparsable", "bad_data"), ("many to many", "execution")]
    {
        match &gate(&answer, name).failure {
            Some(Failure::Shape(text)) if text.contains(says) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

async fn a_pod_without_requests(source: &Prometheus, since: Time) {
    let answer = source.measure(&request(&["quiet"], since, built_ins())).await;
    let errors = gate(&answer, "errors");
    assert_eq!(
        (errors.series.len(), errors.requests, &errors.failure),
        (0, Some(0.0), &None),
        "it is scraped, and served nothing"
    );
    assert!((0..2500).contains(&age(&answer, "errors")));
    let answer = source.measure(&request(&["never-there"], since, alone())).await;
    assert_eq!(age(&answer, "errors"), 0, "it ages from when it was first asked about");
}

async fn a_target_that_dies(source: &Prometheus, pods: &Pods, since: Time) {
    pods.lock().unwrap().remove("new-2");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let answer = source.measure(&request(&["new-1", "new-2"], since, built_ins())).await;
    near("the error rate of a dead pod", gate(&answer, "errors").series[0].value(), 0.1, 0.02);
    assert!(age(&answer, "errors") > 3000, "but its age says so: {} ms", age(&answer, "errors"));
    assert!(age(&answer, "p75") > 3000);
    assert_eq!(answer.shares[0].next_recent, None);
    let answer = source.measure(&request(&["new-1"], since, built_ins())).await;
    assert!(age(&answer, "errors") < 2500, "the other pod is well");
    let answer = source.measure(&request(&["never-there"], since, alone())).await;
    assert!(age(&answer, "errors") >= 5000, "and one that never came grows old");
}

async fn no_more_requests(source: &Prometheus, traffic: tokio::task::JoinHandle<()>) {
    let recent = async || {
        let answer = source.measure(&request(&["new-1"], now(), vec![])).await;
        answer.shares[0].next_recent.as_ref().map(|n| n.value())
    };
    let until = async |what: &str, is: &dyn Fn(f64) -> bool, times: usize| {
        let (began, mut seen) = (Instant::now(), Vec::new());
        while seen.iter().rev().take(times).filter(|n: &&f64| is(**n)).count() < times {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(1200)).await;
            seen.extend(recent().await);
        }
    };
    until("requests are seen", &|n| n > 0.0, 1).await;
    traffic.abort();
    until("none are seen any more", &|n| n == 0.0, 2).await;
}

/// Series whose reading by Prometheus itself is the measure of ours.
fn oracle() -> String {
    let mut text = String::from(concat!(
        "edge{a=\"/users/{id}\"} 1\n",
        "edge{a=\"x,y\",b=\"p=q\"} 2\n",
        "edge { a = \"spaced\" , } 3\n",
        "edge{a=\"\\\"quoted\\\" \\\\ back\\nline \\t\"}4\n",
        "edge{} 5\n",
        "edge:colon:rate5m{a=\"b\"} 6e-3\n",
        "edge_plain\t7\n",
        "edge{a=\"straße 🎻\"} +8.5\n",
        "edge_nan nan\n",
        "edge_inf Inf\n",
        "edge_hash{a=\"# no comment\"} 9\n",
    ));
    for (case, counts) in HISTOGRAMS.iter().enumerate() {
        for (bound, count) in BOUNDS.iter().zip(counts) {
            text.push_str(&format!("hq_bucket{{case=\"{case}\",le=\"{bound}\"}} {count}\n"));
        }
    }
    text
}

const BOUNDS: [&str; 5] = ["0.05", "0.1", "0.5", "2.5", "+Inf"];
const HISTOGRAMS: [[u32; 5]; 6] = [
    [10, 50, 90, 98, 100],
    [0, 0, 0, 0, 100],
    [100, 100, 100, 100, 100],
    [0, 0, 0, 0, 0],
    [40, 30, 80, 60, 90], // not monotone
    [0, 7, 7, 7, 7],
];

async fn ask(address: &str, query: &str) -> Vec<(BTreeMap<String, String>, f64)> {
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let reply = client.post(format!("{address}/api/v1/query")).form(&[("query", query)]).send().await.unwrap();
    let reply: serde_json::Value = serde_json::from_str(&reply.text().await.unwrap()).unwrap();
    let series = reply["data"]["result"].as_array().unwrap().clone();
    let one = |s: serde_json::Value| {
        let labels: BTreeMap<String, String> = serde_json::from_value(s["metric"].clone()).unwrap();
        (labels, pilothouse::gate::Num(s["value"][1].as_str().unwrap().into()).value())
    };
    series.into_iter().map(one).collect()
}

async fn oracles(address: &str) {
    let text = oracle();
    let mut ours: Vec<(BTreeMap<String, String>, String)> = Vec::new();
    let mut reader = exposition::Reader::new(text.as_bytes(), exposition::Format::Text).unwrap();
    while let Some(line) = reader.next() {
        let line = line.unwrap();
        if line.metric.starts_with("edge") {
            let mut labels: BTreeMap<String, String> =
                line.labels.iter().map(|l| (l.name.to_string(), l.value.to_string())).collect();
            labels.insert("__name__".into(), line.metric.to_string());
            ours.push((labels, line.value.to_string()));
        }
    }
    let mut theirs: Vec<(BTreeMap<String, String>, String)> = Vec::new();
    for (mut labels, value) in ask(address, r#"{__name__=~"edge.*"}"#).await {
        for added in ["namespace", "pod", "job", "instance"] {
            labels.remove(added);
        }
        theirs.push((labels, value.to_string()));
    }
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs, "Prometheus reads these lines otherwise");

    for q in [0.0, 0.05, 0.5, 0.75, 0.95, 0.99, 1.0] {
        let theirs: BTreeMap<String, f64> = ask(address, &format!("histogram_quantile({q}, hq_bucket)"))
            .await
            .into_iter()
            .map(|(labels, value)| (labels["case"].clone(), value))
            .collect();
        for (case, counts) in HISTOGRAMS.iter().enumerate() {
            let bound = |b: &str| exposition::number(b).unwrap();
            let buckets: Vec<(f64, f64)> = BOUNDS.iter().zip(counts).map(|(b, n)| (bound(b), f64::from(*n))).collect();
            let (ours, theirs) = (histogram::quantile(q, &buckets), theirs[&case.to_string()]);
            match ours {
                Some(ours) => near(&format!("quantile {q} of {counts:?}"), ours, theirs, 1e-9),
                None => assert!(theirs.is_nan(), "quantile {q} of {counts:?}: {theirs}"),
            }
        }
    }
}
