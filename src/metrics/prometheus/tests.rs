use std::sync::{Arc, Mutex as Lock};

use axum::Form;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::*;
use crate::engine::measure::Subject;
use crate::spec::fleet::{Auth, Basic, Convention, Kubernetes, Metrics as Spec};
use crate::spec::policy::Measure;
use crate::spec::units::Time;

type Script = Arc<dyn Fn(&str) -> Response + Send + Sync>;
type Asked = Arc<Lock<Vec<BTreeMap<String, String>>>>;

/// A server that answers queries by a script and keeps what it was asked.
struct Server {
    address: String,
    asked: Asked,
    headers: Arc<Lock<Vec<HeaderMap>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn new(script: impl Fn(&str) -> Response + Send + Sync + 'static) -> Server {
        let script: Script = Arc::new(script);
        let asked = Asked::default();
        let headers: Arc<Lock<Vec<HeaderMap>>> = Arc::default();
        let (keep, seen) = (asked.clone(), headers.clone());
        let query = move |head: HeaderMap, Form(form): Form<BTreeMap<String, String>>| async move {
            let query = form["query"].clone();
            keep.lock().unwrap().push(form);
            seen.lock().unwrap().push(head);
            if query.contains("sleep") {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            script(&query)
        };
        let page = |request: Request| async move {
            match request.uri().path_and_query().map(|p| p.as_str()).unwrap_or_default() {
                "/api/v1/status/buildinfo" => json(200, r#"{"status":"success","data":{"version":"2.42.0"}}"#),
                "/-/ready" => "Prometheus Server is Ready.\n".into_response(),
                "/api/v1/targets?state=active" => json(200, TARGETS),
                "/api/v1/status/config" => json(200, r#"{"data":{"yaml":"global:\n  scrape_interval: 20s\n"}}"#),
                other => (StatusCode::NOT_FOUND, other.to_string()).into_response(),
            }
        };
        let app = axum::Router::new().route("/api/v1/query", axum::routing::post(query)).fallback(page);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Server { address, asked, headers, task }
    }

    fn queries(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap()).into_iter().map(|f| f["query"].clone()).collect()
    }
}

const TARGETS: &str = r#"{"status":"success","data":{"activeTargets":[
    {"labels":{"namespace":"shop"},"scrapeInterval":"10s"},{"labels":{"namespace":"shop"},"scrapeInterval":"30s"},
    {"labels":{"namespace":"shop","pod":"backup-5d9-abcde"},"scrapeInterval":"5m"},
    {"labels":{"namespace":"shop","pod":"billing-worker-5d9-abcde"},"scrapeInterval":"2m"},
    {"labels":{"namespace":"shop","pod":"billing-next-77f-abcde"},"scrapeInterval":"25s"},
    {"labels":{"namespace":"shop","service":"billing"},"scrapeInterval":"15s"},
    {"labels":{"namespace":"other"},"scrapeInterval":"1m"},{"labels":{}}]}}"#;

fn json(status: u16, body: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body.to_string()).into_response()
}

/// A vector: labels as `name=value` and the number's text.
fn vector(series: &[(&[&str], &str)]) -> Response {
    let one = |(labels, value): &(&[&str], &str)| {
        let labels: BTreeMap<&str, &str> = labels.iter().map(|l| l.split_once('=').unwrap()).collect();
        serde_json::json!({"metric": labels, "value": [1700000000.0, value]})
    };
    let result: Vec<_> = series.iter().map(one).collect();
    json(200, &serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string())
}

fn env(address: &str, interval: Option<Dur>) -> Environment {
    Environment {
        name: "test".into(),
        gitops: None,
        production: false,
        kubernetes: Kubernetes { context: None, namespace: "shop".into() },
        metrics: Spec { prometheus: Some(address.into()), source_interval: interval, ..Spec::default() },
    }
}

fn source(server: &Server) -> Prometheus {
    let names = ByService::new(&Convention::Prometheus, []);
    let env = env(&server.address, Some(Dur::secs(10)));
    Prometheus::with_timeout(&env, names, Duration::from_millis(400)).unwrap()
}

fn at(seconds: i64) -> Time {
    Time(seconds * 1000)
}

fn question(gate: &str, what: What, baseline: bool) -> Question {
    Question { service: "billing".into(), gate: gate.into(), slot: Slot::Next, what, window: Dur::secs(120), baseline }
}

fn built_in(gate: &str, measure: Measure, baseline: bool) -> Question {
    question(gate, What::Measure { measure, quantile: Some(0.5) }, baseline)
}

fn own(query: &str, freshness: Option<&str>, baseline: bool) -> Question {
    let what = What::PromQl { query: query.into(), freshness: freshness.map(Into::into), reduce: None };
    question("own", what, baseline)
}

fn request(tick: i64, questions: Vec<Question>) -> MeasureRequest {
    let subject = Subject {
        stable_version: "4.1.8".into(),
        next_version: "4.2.1".into(),
        stable_pods: vec!["old".into()],
        next_pods: vec!["new-1".into(), "new-2".into()],
    };
    MeasureRequest { tick: at(tick), subjects: [("billing".to_string(), subject)].into(), questions, shares: vec![] }
}

async fn one(server: &Server, question: Question) -> Sample {
    let mut answer = source(server).measure(&request(1000, vec![question])).await;
    answer.samples.remove(0).sample
}

/// The parts of a batch that a scripted query may be about, by a word of each.
fn part(query: &str, word: &str) -> Option<String> {
    let part = query.split(" or label_replace").find(|p| p.contains(word))?;
    Some(part.rsplit("\"pilothouse_arm\", \"").next()?.split('"').next()?.to_string())
}

/// Answers ages for pods, and growth by the given rows, whatever the window.
fn script(query: &str, ages: &[(&str, &str)], growth: &[(&str, &str, &str)]) -> Response {
    let mut out: Vec<(Vec<String>, String)> = Vec::new();
    if let Some(arm) = part(query, "timestamp(http_requests_total") {
        for (pod, age) in ages {
            out.push((vec![format!("pod={pod}"), format!("pilothouse_arm={arm}")], age.to_string()));
        }
    }
    if let Some(arm) = part(query, "increase(http_requests_total") {
        for (pod, code, n) in growth {
            out.push((
                vec![format!("pod={pod}"), format!("code={code}"), format!("pilothouse_arm={arm}")],
                n.to_string(),
            ));
        }
    }
    let labels: Vec<Vec<&str>> = out.iter().map(|(l, _)| l.iter().map(String::as_str).collect()).collect();
    let rows: Vec<(&[&str], &str)> = labels.iter().zip(&out).map(|(l, (_, v))| (l.as_slice(), v.as_str())).collect();
    vector(&rows)
}

const AGES: [(&str, &str); 3] = [("old", "995"), ("new-1", "991.5"), ("new-2", "998")];
const GROWTH: [(&str, &str, &str); 4] =
    [("old", "200", "300"), ("new-1", "200", "60"), ("new-1", "500", "10"), ("new-2", "200", "30")];

#[tokio::test]
async fn built_ins_are_one_query_a_kind_and_one_for_ages() {
    let server = Server::new(|q| script(q, &AGES, &GROWTH)).await;
    let asked = vec![
        built_in("errors", Measure::ErrorRate, true),
        built_in("success", Measure::SuccessRate, false),
        built_in("rps", Measure::Requests, false),
    ];
    let answer = source(&server).measure(&request(1000, asked)).await;
    let form = server.asked.lock().unwrap()[0].clone();
    assert_eq!((form["time"].as_str(), form["timeout"].as_str()), ("1000.000", "400ms"));
    let mut queries = server.queries();
    queries.sort();
    let sel = r#"{namespace="shop",pod=~"new-1|new-2|old"}"#;
    let arm = |q: String, n: u32| format!(r#"label_replace({q}, "pilothouse_arm", "{n}", "", "")"#);
    assert_eq!(
        queries,
        [
            format!(
                "{} or {}",
                arm(format!("min by (pod) (timestamp(http_requests_total{sel}))"), 0),
                arm(format!("min by (pod) (timestamp(up{sel}) and (up{sel} == 1))"), 1)
            ),
            arm(format!("sum by (pod, job, instance, code) (increase(http_requests_total{sel}[120s]))"), 0),
        ]
    );
    let errors = &answer.samples[0].sample;
    assert_eq!(errors.series, [crate::gate::Num("0.1".into())]);
    assert_eq!((errors.requests, errors.failed), (Some(100.0), Some(10.0)));
    assert_eq!((errors.baseline.clone(), errors.baseline_requests), (Some(vec![0.0.into()]), Some(300.0)));
    assert_eq!(errors.sample_at, Some(Time(991_500)), "as old as its oldest pod");
    assert_eq!(answer.samples[1].sample.series[0].value(), 0.9);
    assert_eq!(answer.samples[2].sample.series[0].value(), 100.0 / 120.0);
    assert_eq!(answer.source_down, None);
}

/// Two jobs find the same pod: its requests are counted once, by the scrape that saw most of them.
#[tokio::test]
async fn a_pod_that_is_scraped_twice_is_counted_once() {
    let server = Server::new(|q| {
        if q.contains("increase(") {
            let row = |job: &'static str, code: &'static str| {
                ["pilothouse_arm=0", "pod=new-1", job, "instance=10.0.0.9:8080", code]
            };
            return vector(&[
                (&row("job=pods", "code=200"), "90"),
                (&row("job=pods", "code=500"), "10"),
                (&row("job=billing", "code=200"), "88"),
                (&row("job=billing", "code=500"), "10"),
            ]);
        }
        script(q, &AGES, &[])
    })
    .await;
    let sample = one(&server, built_in("errors", Measure::ErrorRate, false)).await;
    assert_eq!((sample.requests, sample.failed), (Some(100.0), Some(10.0)));
    assert_eq!(sample.series, [crate::gate::Num("0.1".into())]);
}

/// A clock that is off makes all data look old or from tomorrow, and nothing else says why.
#[tokio::test]
async fn a_clock_that_differs_is_named() {
    let server = Server::new(|q| {
        let mut answer = script(q, &AGES, &GROWTH);
        answer.headers_mut().insert("date", "Sun, 01 Nov 2026 00:00:00 GMT".parse().unwrap());
        answer
    })
    .await;
    let source = source(&server);
    let asked = || request(1000, vec![built_in("errors", Measure::ErrorRate, false)]);
    source.measure(&asked()).await;
    let notes = source.measure(&asked()).await.notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("its clock and this machine's differ by") && notes[0].contains(&server.address),
        "{notes:?}"
    );
    let sound = Server::new(|q| script(q, &AGES, &GROWTH)).await;
    assert_eq!(one_answer(&sound).await.notes, Vec::<String>::new());
}

async fn one_answer(server: &Server) -> MeasureAnswer {
    source(server).measure(&request(1000, vec![built_in("errors", Measure::ErrorRate, false)])).await
}

#[tokio::test]
async fn many_windows_and_pods_stay_within_few_queries() {
    let server = Server::new(|q| script(q, &AGES, &GROWTH)).await;
    let mut asked = Vec::new();
    for n in 0..30 {
        asked.push(Question { window: Dur::secs(60 + n), ..built_in(&format!("g{n}"), Measure::ErrorRate, false) });
    }
    let mut request = request(1000, asked);
    let many = request.subjects.get_mut("billing").unwrap();
    many.next_pods.extend((0..700).map(|n| format!("pod-{n}")));
    let answer = source(&server).measure(&request).await;
    // 30 windows of 3 parts of 300 pods each, 16 parts a query, and 3 chunks of ages and ups.
    assert_eq!(server.queries().len(), (30usize * 3).div_ceil(16) + 1);
    assert_eq!(answer.samples.len(), 30);
}

#[tokio::test]
async fn nothing_at_all_is_no_data_and_no_growth_is_no_requests() {
    let server = Server::new(|_| vector(&[])).await;
    let sample = one(&server, built_in("errors", Measure::ErrorRate, false)).await;
    assert_eq!((sample.series.len(), sample.requests, sample.failure, sample.sample_at), (0, None, None, None));
    let server = Server::new(|q| script(q, &AGES, &[])).await;
    let sample = one(&server, built_in("errors", Measure::ErrorRate, false)).await;
    assert_eq!((sample.series.len(), sample.requests, sample.failure), (0, Some(0.0), None));
    assert_eq!(sample.sample_at, Some(Time(991_500)));
}

#[tokio::test]
async fn a_dead_targets_plausible_rate_is_shown_with_its_true_age() {
    let dead = Arc::new(Lock::new(false));
    let told = dead.clone();
    let server = Server::new(move |q| {
        let ages = if *told.lock().unwrap() { &[("old", "1018"), ("new-2", "1018")][..] } else { &AGES };
        script(q, ages, &GROWTH)
    })
    .await;
    let source = source(&server);
    source.measure(&request(1000, vec![built_in("errors", Measure::ErrorRate, false)])).await;
    *dead.lock().unwrap() = true;
    let answer = source.measure(&request(1020, vec![built_in("errors", Measure::ErrorRate, false)])).await;
    let sample = &answer.samples[0].sample;
    assert_eq!(sample.series[0].value(), 0.1, "increase() still looks fine");
    assert_eq!(sample.sample_at, Some(Time(991_500)), "but new-1 was last seen then");
}

#[tokio::test]
async fn numbers_that_are_none_are_handed_on() {
    for text in ["NaN", "+Inf", "-Inf", "0.0131"] {
        let server = Server::new(move |_| vector(&[(&["pod=x"], text)])).await;
        let sample = one(&server, own("x", None, false)).await;
        assert_eq!(sample.series, [crate::gate::Num(text.into())]);
    }
    let server = Server::new(|_| vector(&[(&["a=2"], "2"), (&["a=1"], "1")])).await;
    let series = one(&server, own("x", None, false)).await.series;
    assert_eq!(series.iter().map(|n| n.value()).collect::<Vec<_>>(), [1.0, 2.0], "in a fixed order");
    let server = Server::new(|q| script(q, &AGES, &[("new-1", "200", "NaN")])).await;
    let sample = one(&server, built_in("errors", Measure::ErrorRate, false)).await;
    assert_eq!((sample.series[0].0.as_str(), sample.requests), ("NaN", None));
}

#[tokio::test]
async fn a_query_of_ones_own_is_filled_in_and_aged_by_its_freshness() {
    let server = Server::new(|q| match q {
        q if q.starts_with("min(timestamp(") && q.contains("new-1") => vector(&[(&[], "970.25")]),
        q if q.starts_with("min(timestamp(") => vector(&[]),
        q if q.contains("4.2.1") => vector(&[(&[], "5")]),
        _ => vector(&[(&[], "7")]),
    })
    .await;
    let query = r#"sum(rate(x{n="{{namespace}}",v="{{version}}",s="{{service}}",pod=~"{{pods}}"}[{{window}}]))"#;
    let sample = one(&server, own(query, Some(r#"x{pod=~"{{pods}}"}"#), true)).await;
    let mut queries = server.queries();
    queries.sort();
    assert_eq!(
        queries,
        [
            r#"min(timestamp(x{pod=~"new-1|new-2"}))"#,
            r#"min(timestamp(x{pod=~"old"}))"#,
            r#"sum(rate(x{n="shop",v="4.1.8",s="billing",pod=~"old"}[120s]))"#,
            r#"sum(rate(x{n="shop",v="4.2.1",s="billing",pod=~"new-1|new-2"}[120s]))"#,
        ]
    );
    assert_eq!((sample.series, sample.baseline), (vec![5.0.into()], Some(vec![7.0.into()])));
    assert_eq!(sample.sample_at, Some(Time(970_250)));
    assert!(matches!(one(&server, own("x{{pod}}", None, false)).await.failure, Some(Failure::Shape(_))));
}

#[tokio::test]
async fn a_freshness_that_finds_nothing_ages_from_its_last_word() {
    let server =
        Server::new(|q| if q.starts_with("min(timestamp(") { vector(&[]) } else { vector(&[(&[], "0")]) }).await;
    let source = source(&server);
    for tick in [1000, 1010, 1090] {
        let answer = source.measure(&request(tick, vec![own("x", Some("x"), false)])).await;
        assert_eq!(answer.samples[0].sample.sample_at, Some(at(1000)));
    }
    let answer = source.measure(&request(2000, vec![own("x", None, false)])).await;
    assert_eq!(answer.samples[0].sample.sample_at, None, "without one its age is not known");
}

#[tokio::test]
async fn without_pods_no_query_about_pods_is_asked() {
    let server = Server::new(|_| vector(&[(&[], "1")])).await;
    let mut request =
        request(1000, vec![own(r#"x{pod=~"{{pods}}"}"#, None, false), built_in("e", Measure::ErrorRate, false)]);
    request.subjects.clear();
    let answer = source(&server).measure(&request).await;
    assert_eq!(server.queries(), Vec::<String>::new());
    assert!(answer.samples.iter().all(|s| s.sample.series.is_empty() && s.sample.failure.is_none()), "{answer:?}");
}

#[tokio::test]
async fn each_way_of_failing_is_told_apart() {
    type Answer = fn(&str) -> Response;
    let error =
        |status, kind: &str| json(status, &format!(r#"{{"status":"error","errorType":"{kind}","error":"why"}}"#));
    type Any = Box<dyn Fn(&str) -> Response + Send + Sync>;
    let cases: Vec<(Any, bool, &str)> = vec![
        (Box::new(move |_| error(400, "bad_data")), false, "bad_data: why"),
        (Box::new(move |_| error(422, "execution")), false, "execution: why"),
        (Box::new(move |_| error(503, "timeout")), true, "timeout: why (503)"),
        (
            Box::new(|_| ([("content-type", "text/html")], "<html>").into_response()),
            true,
            "answered text/html, not JSON",
        ),
        (Box::new(|_| json(200, r#"{"status":"success","data":{"resu"#)), true, "no Prometheus reply"),
        (
            Box::new(|_| json(200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#)),
            false,
            "matrix",
        ),
        (
            Box::new(|_| json(200, r#"{"status":"success","data":{"resultType":"string","result":[1,"a"]}}"#)),
            false,
            "string",
        ),
        (Box::new(|_| json(403, "")), true, "refuses the credentials (403)"),
        (Box::new((|_| StatusCode::BAD_GATEWAY.into_response()) as Answer), true, "answered 502"),
    ];
    for (script, down, text) in cases {
        let server = Server::new(script).await;
        for q in [own("x", None, false), built_in("errors", Measure::ErrorRate, false)] {
            let answer = source(&server).measure(&request(1000, vec![q])).await;
            let failure = answer.samples[0].sample.failure.clone().unwrap();
            match &failure {
                Failure::Down(t) => assert!(down && t.contains(text) && t.starts_with(&server.address), "{t}"),
                Failure::Shape(t) => assert!(!down && t.contains(text), "{t}"),
            }
            assert_eq!(answer.source_down.is_some(), down, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn silence_and_absence_are_down_within_the_time_allowed() {
    let server = Server::new(|_| vector(&[])).await;
    let began = std::time::Instant::now();
    let sample = one(&server, own("sleep", None, false)).await;
    let Some(Failure::Down(text)) = sample.failure else { panic!("{sample:?}") };
    assert!(text.ends_with("no answer within 400ms"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(3));
    let gone = env("http://127.0.0.1:9", Some(Dur::secs(10)));
    let source =
        Prometheus::with_timeout(&gone, ByService::new(&Convention::Prometheus, []), Duration::from_secs(1)).unwrap();
    let answer = source.measure(&request(1000, vec![built_in("errors", Measure::ErrorRate, false)])).await;
    assert!(answer.source_down.unwrap().to_lowercase().contains("refused"));
}

#[tokio::test]
async fn many_gates_are_paced_and_all_answered_in_time() {
    let server = Server::new(|_| vector(&[(&[], "1")])).await;
    let asked = (0..25).map(|n| Question { gate: format!("g{n}"), ..own("x", None, false) }).collect();
    let began = std::time::Instant::now();
    let answer = source(&server).measure(&request(1000, asked)).await;
    assert!(answer.samples.iter().all(|s| s.sample.failure.is_none()));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(6), "25 queries at 10 a second took {took:?}");
    let asked = (0..120).map(|n| Question { gate: format!("g{n}"), ..own("x", None, false) }).collect();
    let began = std::time::Instant::now();
    let answer = source(&server).measure(&request(1000, asked)).await;
    assert!(began.elapsed() < Duration::from_secs(8));
    let late = answer
        .samples
        .iter()
        .filter(|s| matches!(&s.sample.failure, Some(Failure::Down(t)) if t.contains("not asked in time")));
    assert!(late.count() > 20, "what could not be asked says so");
}

#[tokio::test]
async fn shares_are_growth_since_and_recent_waits_for_new_scrapes() {
    let now = Arc::new(Lock::new((0i64, 0i64)));
    let told = now.clone();
    let server = Server::new(move |q| {
        let (scraped, total) = *told.lock().unwrap();
        let (age, sum) = (scraped.to_string(), total.to_string());
        let mut rows: Vec<(Vec<String>, String)> = Vec::new();
        for pod in ["old", "new-1", "new-2"] {
            let mut row = |word: &str, value: &str, code: bool| {
                if let Some(arm) = part(q, word) {
                    let mut labels = vec![format!("pod={pod}"), format!("pilothouse_arm={arm}")];
                    labels.extend(code.then(|| "code=200".to_string()));
                    rows.push((labels, value.to_string()));
                }
            };
            row("timestamp(http_requests_total", &age, false);
            row("max by (pod) (sum by (pod, job, instance) (http_requests_total", &sum, false);
            row("increase(http_requests_total", "40", true);
        }
        let labels: Vec<Vec<&str>> = rows.iter().map(|(l, _)| l.iter().map(String::as_str).collect()).collect();
        let rows: Vec<(&[&str], &str)> =
            labels.iter().zip(&rows).map(|(l, (_, v))| (l.as_slice(), v.as_str())).collect();
        vector(&rows)
    })
    .await;
    let source = source(&server);
    let mut seen = Vec::new();
    for (tick, scraped, total) in [(1000, 995, 10), (1010, 1005, 30), (1020, 1005, 30), (1030, 1025, 30)] {
        *now.lock().unwrap() = (scraped, total);
        let mut request = request(tick, vec![]);
        request.shares = vec![ShareQuestion { service: "billing".into(), since: at(995) }];
        let share = source.measure(&request).await.shares.remove(0);
        let value = |n: Option<crate::gate::Num>| n.map(|n| n.value());
        seen.push((value(share.next), value(share.stable), value(share.next_recent)));
    }
    assert_eq!(
        seen,
        [
            (None, None, None),
            (None, None, Some(40.0)),
            (Some(80.0), Some(40.0), None),
            (Some(80.0), Some(40.0), Some(0.0))
        ],
        "two scrapes must lie between, and nothing new is known until all were scraped anew"
    );
}

#[tokio::test]
async fn credentials_come_from_files_and_are_read_each_time() {
    let dir = std::env::temp_dir().join(format!("pilothouse-auth-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("token");
    let server = Server::new(|_| vector(&[])).await;
    let mut with = env(&server.address, Some(Dur::secs(10)));
    let auth = |bearer: Option<&std::path::Path>, basic: Option<Basic>| Auth {
        bearer_file: bearer.map(|p| p.display().to_string()),
        basic,
        ca_file: None,
        client_cert_file: None,
    };
    with.metrics.auth = Some(auth(Some(&file), None));
    let source = Prometheus::new(&with, ByService::new(&Convention::Prometheus, [])).unwrap();
    let asked = || request(1000, vec![own("x", None, false)]);
    let missing = source.measure(&asked()).await;
    assert!(missing.source_down.unwrap().contains("bearer_file"), "a secret that is away is said by field and file");
    for token in ["one", "two"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        source.measure(&asked()).await;
        let header = server.headers.lock().unwrap().last().unwrap()["authorization"].clone();
        assert_eq!(header.to_str().unwrap(), format!("Bearer {token}"));
    }
    let password_file = file.display().to_string();
    with.metrics.auth = Some(auth(None, Some(Basic { user: "ivo".into(), password_file })));
    let source = Prometheus::new(&with, ByService::new(&Convention::Prometheus, [])).unwrap();
    source.measure(&asked()).await;
    let header = server.headers.lock().unwrap().last().unwrap()["authorization"].clone();
    assert_eq!(header.to_str().unwrap(), "Basic aXZvOnR3bw==");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn addresses_and_certificates_that_cannot_be_used_are_refused_at_once() {
    let new = |address: &str, auth: Option<Auth>| {
        let mut env = env(address, None);
        env.metrics.auth = auth;
        Prometheus::new(&env, ByService::new(&Convention::Prometheus, [])).err().unwrap_or_default()
    };
    assert!(new("prometheus:9090", None).contains("http:// or https://"));
    assert!(new("http://", None).contains("no address"));
    assert!(new("http://ivo:secret@prometheus", None).contains("holds credentials"));
    assert!(!new("http://ivo:secret@prometheus", None).contains("secret"));
    let ca = Auth { bearer_file: None, basic: None, ca_file: Some("/nowhere/ca.pem".into()), client_cert_file: None };
    assert!(new("https://prometheus", Some(ca)).contains("`metrics.auth.ca_file: /nowhere/ca.pem` cannot be read"));
}

#[tokio::test]
async fn it_says_who_it_is_and_how_often_it_scrapes() {
    let server = Server::new(|_| vector(&[])).await;
    let route = serde_json::json!({"name": "billing", "stable": "billing", "next": "billing-next", "port": 80});
    let service: Service =
        serde_json::from_value(serde_json::json!({"name": "billing", "traffic": {"httpRoute": route},
        "workload": {"deployment": "billing", "container": "app"}}))
        .unwrap();
    let about = super::super::about(&env(&server.address, None), [&service]).await.unwrap();
    assert_eq!(about.what, format!("Prometheus 2.42.0 at {}", server.address));
    assert_eq!(about.interval, Some(Dur::secs(25)), "the slowest target of its own pods and Services");
    let any = super::super::about(&env(&server.address, None), []).await.unwrap();
    assert_eq!(any.interval, Some(Dur::mins(5)), "nothing is known of whose they are: the slowest of the namespace");
    let mut elsewhere = env(&server.address, None);
    elsewhere.kubernetes.namespace = "empty".into();
    assert_eq!(
        super::super::about(&elsewhere, []).await.unwrap().interval,
        Some(Dur::secs(20)),
        "else the configured default"
    );
    let below = env(&format!("{}/prefix", server.address), None);
    let error = super::super::about(&below, []).await.unwrap_err();
    assert!(error.contains("/prefix/api/v1/status/buildinfo answered 404: is this a Prometheus?"), "{error}");
    assert!(super::super::about(&env("http://127.0.0.1:9", None), []).await.is_err());
}

#[tokio::test]
async fn warnings_reach_a_person() {
    let server = Server::new(|_| {
        json(
            200,
            r#"{"status":"success","warnings":["store x is away"],"data":{"resultType":"scalar","result":[1,"2"]}}"#,
        )
    })
    .await;
    let answer = source(&server).measure(&request(1000, vec![own("x", None, false)])).await;
    assert_eq!(answer.notes, ["Prometheus warns: store x is away"]);
    assert_eq!(answer.samples[0].sample.series[0].value(), 2.0);
}
