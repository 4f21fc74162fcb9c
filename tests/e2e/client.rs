//! The `kube` crate against the practice cluster, and what the cluster does when it misbehaves on the wire.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher;
use pilothouse::practice::{
    Config, Fault, Fixture, MetricsAnswer, Outage, Scenario, Server, ServiceSpec, Shared, World,
};
use serde_json::{Value, json};
use std::time::Duration;

struct Bench {
    shared: Shared,
    server: Server,
    client: kube::Client,
}

async fn bench() -> Bench {
    let services = vec![ServiceSpec::new("billing", "4.1.8", 4, 80.0)];
    let config = Config { scenario: Scenario::Healthy, seed: 5, start_ms: 1_795_337_043_000 };
    let shared = Shared::new(World::custom(config, Fixture::of(services, "4.2.1")));
    let server = Server::start(shared.clone(), "127.0.0.1:0".parse().expect("an address")).await.expect("listens");
    let client = client(&server, "practice").await;
    Bench { shared, server, client }
}

async fn client(server: &Server, context: &str) -> kube::Client {
    // Whichever test comes first installs it; the others find it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::from_yaml(&server.kubeconfig()).expect("a kubeconfig");
    let options = KubeConfigOptions { context: Some(context.into()), ..Default::default() };
    let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.expect("a config");
    // By default the client itself repeats 429, 503 and 504, for minutes.
    config.default_retry = false;
    kube::Client::try_from(config).expect("a client")
}

impl Bench {
    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), "shop")
    }

    async fn raw(&self, path: &str) -> Result<String, kube::Error> {
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        self.client.request_text(request).await
    }

    fn pod(&self) -> String {
        self.shared.with(|w| w.objects("pods", "shop")[0]["metadata"]["name"].as_str().expect("named").to_string())
    }
}

fn image(version: &str) -> Patch<Value> {
    Patch::Strategic(
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": format!("registry.example/billing:{version}")}]}}}}),
    )
}

#[tokio::test]
async fn list_and_watch_follow_a_rollout_to_its_end() {
    let b = bench().await;
    let api = b.deployments();
    let list = api.list(&ListParams::default()).await.expect("lists");
    let rv = list.metadata.resource_version.clone().expect("a version");
    let events = api.watch(&WatchParams::default().timeout(60), &rv).await.expect("watches");
    let mut events = events.boxed();
    api.patch("billing", &PatchParams::apply("pilothouse"), &image("4.2.1")).await.expect("patched");
    let (mut last, mut seen) = (0, 0);
    loop {
        let next = tokio::time::timeout(Duration::from_millis(150), events.try_next()).await;
        let Ok(event) = next else {
            // Nothing more at this time: let the next thing happen.
            let at = b.shared.next_event().expect("a rollout in flight always has something due");
            b.shared.advance_to(at);
            continue;
        };
        let WatchEvent::Modified(d) = event.expect("no error").expect("not ended") else {
            continue;
        };
        let version: u64 = d.metadata.resource_version.as_deref().expect("a version").parse().expect("a number");
        assert!(version > last, "versions rise");
        last = version;
        seen += 1;
        let s = d.status.expect("a status");
        let observed = s.observed_generation >= d.metadata.generation;
        assert!(s.available_replicas.unwrap_or(0) >= 4, "never fewer than 4 available");
        if observed && s.updated_replicas == Some(4) && s.replicas == Some(4) && s.available_replicas == Some(4) {
            break;
        }
    }
    assert!(seen > 8, "{seen} changes");
    assert_eq!(b.shared.with(|w| w.lost_requests()), 0);
    assert_eq!(b.shared.last_change_rv("deployments"), last);
}

#[tokio::test]
async fn a_watcher_lists_and_streams_pods_with_bookmarks() {
    let b = bench().await;
    let api: Api<Pod> = Api::namespaced(b.client.clone(), "shop");
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut stream = watcher(api.clone(), config.labels("app=billing")).boxed();
        let mut first = 0;
        loop {
            match stream.try_next().await.expect("no error").expect("not ended") {
                watcher::Event::InitApply(_) => first += 1,
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(first, 4);
        api.delete(&b.pod(), &Default::default()).await.expect("deleted");
        let at = b.shared.now() + 10_000;
        b.shared.advance_to(at);
        let mut gone = false;
        while !gone {
            gone = matches!(stream.try_next().await.expect("no error").expect("not ended"), watcher::Event::Delete(_));
        }
    }
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_told_410() {
    let b = bench().await;
    b.shared.with(|w| w.compact());
    let mut events = b.deployments().watch(&WatchParams::default().timeout(5), "101").await.expect("opens").boxed();
    match events.try_next().await.expect("reads").expect("one") {
        WatchEvent::Error(e) => assert_eq!((e.code, e.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(events.try_next().await.expect("ends").is_none());
}

#[tokio::test]
async fn a_lost_answer_is_a_write_that_was_applied() {
    let b = bench().await;
    b.shared.with(|w| w.set_drop_answers(1));
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"mark": "r1/1/1"}}}));
    let lost = b.deployments().patch("billing", &PatchParams::default(), &patch).await;
    assert!(!matches!(lost, Ok(_) | Err(kube::Error::Api(_))), "{lost:?}");
    let d = b.deployments().get("billing").await.expect("reads");
    assert_eq!(d.metadata.annotations.expect("some")["mark"], "r1/1/1");
    b.deployments().patch("billing", &PatchParams::default(), &patch).await.expect("only one is lost");
}

#[tokio::test]
async fn an_api_server_that_is_away_closes_connections_or_answers_503() {
    let b = bench().await;
    let mut events = b.deployments().watch(&WatchParams::default().timeout(60), "0").await.expect("opens").boxed();
    assert!(matches!(events.try_next().await, Ok(Some(WatchEvent::Added(_)))));
    b.shared.with(|w| w.set_unreachable(true));
    assert!(!b.shared.reachable());
    assert!(!matches!(events.try_next().await, Ok(Some(_))), "open watches break off");
    let away = b.deployments().get("billing").await;
    assert!(!matches!(away, Ok(_) | Err(kube::Error::Api(_))), "{away:?}");
    b.shared.with(|w| w.set_outage(Some(Outage::Refusing)));
    match b.deployments().get("billing").await {
        Err(kube::Error::Api(s)) => assert_eq!(s.code, 503),
        other => panic!("{other:?}"),
    }
    b.shared.with(|w| w.set_unreachable(false));
    b.deployments().get("billing").await.expect("is back");
}

#[tokio::test]
async fn who_may_what() {
    let b = bench().await;
    let viewer: Api<Deployment> = Api::namespaced(client(&b.server, "practice-viewer").await, "shop");
    viewer.get("billing").await.expect("may look");
    match viewer.patch("billing", &PatchParams::default(), &image("9")).await {
        Err(kube::Error::Api(s)) => assert_eq!((s.code, s.reason.as_str()), (403, "Forbidden")),
        other => panic!("{other:?}"),
    }
    let url = format!("http://{}/api/v1/namespaces/shop/pods", b.server.addr());
    let ask = |token: Option<&str>| {
        let mut r = reqwest::Client::new().get(&url);
        if let Some(t) = token {
            r = r.bearer_auth(t);
        }
        r.send()
    };
    assert_eq!(ask(None).await.expect("answers").status(), 401);
    assert_eq!(ask(Some("nonsense")).await.expect("answers").status(), 401);
    assert_eq!(ask(Some("practice-viewer")).await.expect("answers").status(), 200);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_still_refuses() {
    let b = bench().await;
    let dry = PatchParams { dry_run: true, ..Default::default() };
    let before = b.shared.with(|w| (w.fingerprint(), w.rv()));
    let shown = b.deployments().patch("billing", &dry, &image("4.2.1")).await.expect("would do");
    let container = &shown.spec.expect("a spec").template.spec.expect("a spec").containers[0];
    assert_eq!(container.image.as_deref(), Some("registry.example/billing:4.2.1"));
    let wrong: Patch<Value> = Patch::Merge(json!({"spec": {"replicas": -1}}));
    assert!(b.deployments().patch("billing", &dry, &wrong).await.is_err());
    let twin: Deployment = serde_json::from_value(json!({"metadata": {"name": "billing-next"}, "spec": {
        "selector": {"matchLabels": {"app": "n"}}, "template": {"metadata": {"labels": {"app": "n"}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/billing:4.2.1"}]}}}}))
    .expect("a deployment");
    let post = PostParams { dry_run: true, ..Default::default() };
    b.deployments().create(&post, &twin).await.expect("would do");
    assert_eq!(b.shared.with(|w| (w.fingerprint(), w.rv())), before);
}

#[tokio::test]
async fn metrics_through_the_pod_proxy_and_on_the_scrape_port() {
    let b = bench().await;
    let pod = b.pod();
    let base = "/api/v1/namespaces/shop/pods";
    for form in [format!("{pod}:8080"), format!("http:{pod}:8080"), format!("{pod}:http")] {
        let text = b.raw(&format!("{base}/{form}/proxy/metrics")).await.expect("a page");
        assert!(text.contains("# TYPE http_requests_total counter"), "{form}");
    }
    let fault = |metrics| {
        let fault = Fault { metrics, ..Fault::default() };
        b.shared.with(|w| w.set_fault("billing", "4.1.8", fault));
    };
    fault(MetricsAnswer::Html);
    assert!(b.raw(&format!("{base}/{pod}:8080/proxy/metrics")).await.expect("a page").contains("<html>"));
    fault(MetricsAnswer::Hang);
    match b.raw(&format!("{base}/{pod}:8080/proxy/metrics")).await {
        Err(kube::Error::Api(s)) => assert_eq!(s.code, 504),
        other => panic!("{other:?}"),
    }
    fault(MetricsAnswer::Text);
    let root = format!("http://{}", b.server.scrape_addr());
    let targets: Value = reqwest::get(format!("{root}/sd")).await.expect("answers").json().await.expect("JSON");
    assert_eq!(targets.as_array().map(Vec::len), Some(4));
    let t = &targets[0];
    assert_eq!((&t["labels"]["service"], &t["labels"]["version"]), (&json!("billing"), &json!("4.1.8")));
    let path = t["labels"]["__metrics_path__"].as_str().expect("a path");
    let page = reqwest::get(format!("{root}{path}")).await.expect("answers");
    assert_eq!(page.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(page.text().await.expect("text").contains("http_request_duration_seconds_bucket"));
}
