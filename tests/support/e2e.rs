//! What the end-to-end suites share: the program itself as a process, a practice cluster as another, a Prometheus before
//! it, and small files for upgrades of a minute.
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pilothouse");

/// A folder of its own for one test; gone with it, kept when it fails.
pub struct Work(pub PathBuf);

impl Work {
    pub fn new(name: &str) -> Work {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("pilothouse-e2e-{}-{n}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Work(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what this test left is in {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A child that does not outlive its test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(o: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: o.status.code(), out: text(o.stdout), err: text(o.stderr) }
    }
}

impl Said {
    /// Fails with everything that was said unless the exit code is this one and every word is said on either stream.
    #[track_caller]
    pub fn is(&self, code: i32, words: &[&str]) -> &Said {
        assert_eq!(self.code, Some(code), "{self}");
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "`{word}` is not said: {self}");
        }
        self
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}

/// The program, in an environment that holds nothing of the person who runs the tests.
pub fn pilothouse(work: &Work) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PILOTHOUSE_") {
            command.env_remove(&name);
        }
    }
    command.env_remove("KUBECONFIG").env("HOME", &work.0).env("USER", "tester").env("TZ", "UTC");
    command.env("XDG_STATE_HOME", work.path("xdg")).env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    command.arg("--state-dir").arg(work.state());
    command
}

/// Runs to the end; a command that takes longer than this is killed and fails the test.
#[track_caller]
pub fn ends(command: &mut Command, within: Duration) -> Said {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    ended(child, within)
}

/// Waits for a child whose streams are pipes.
#[track_caller]
pub fn ended(mut child: Child, within: Duration) -> Said {
    fn all(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut s) = stream {
                let _ = s.read_to_string(&mut text);
            }
            text
        })
    }
    let (out, err) = (all(child.stdout.take()), all(child.stderr.take()));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > within {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let said = Said { code: status.and_then(|s| s.code()), out: out.join().unwrap(), err: err.join().unwrap() };
    assert!(status.is_some(), "it does not end within {within:?}: {said}");
    said
}

/// Looks every now and then until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    until_every(Duration::from_millis(20), what, within, look)
}

/// The same, as often as is said.
#[track_caller]
pub fn until_every<T>(every: Duration, what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < within, "waited {within:?} for {what}");
        std::thread::sleep(every);
    }
}

/// Sends a signal to a process this test started.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{name}");
}

/// `pilothouse practice` at the speed of the wall clock.
pub struct Practice {
    process: Process,
    pub kubeconfig: PathBuf,
    /// `http://HOST:PORT` of the API server.
    pub api: String,
    /// Where Prometheus finds the pods.
    pub sd: String,
}

impl Practice {
    pub fn start(work: &Work, scenario: &str) -> Practice {
        Practice::seeded(work, scenario, "7")
    }

    /// Clusters of different seeds are different ones.
    pub fn seeded(work: &Work, scenario: &str, seed: &str) -> Practice {
        Practice::at(work, scenario, seed, "127.0.0.1:0")
    }

    /// At an address.
    pub fn at(work: &Work, scenario: &str, seed: &str, listen: &str) -> Practice {
        let kubeconfig = work.path("kubeconfig");
        let mut command = pilothouse(work);
        command.args(["practice", "--speed", "1", "--seed", seed, "--scenario", scenario, "--listen", listen]);
        command.arg("--kubeconfig-out");
        command.arg(&kubeconfig);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let process = Process(child);
        let (mut api, mut sd) = (None, None);
        for line in lines.map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("Practice cluster at ") {
                api = rest.split(',').next().map(str::to_string);
            }
            if let Some((_, rest)) = line.split_once("url: \"") {
                sd = rest.split('"').next().map(str::to_string);
                break;
            }
        }
        let told = "the practice cluster says where it is";
        Practice { process, kubeconfig, api: api.expect(told), sd: sd.expect(told) }
    }

    /// Takes connections and answers nothing, until it goes on.
    pub fn stops(&self) {
        signal(&self.process.0, "STOP");
    }

    pub fn goes_on(&self) {
        signal(&self.process.0, "CONT");
    }

    /// Another process takes the Lease of fleet `shop`.
    #[track_caller]
    pub fn lease_goes_to(&self, holder: &str) {
        let path = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/pilothouse-shop";
        let url = format!("{}/token/practice-admin{path}", self.api);
        let spec = serde_json::json!({"spec": {"holderIdentity": holder, "leaseTransitions": 99}}).to_string();
        let (status, said) = send("PATCH", &url, Some(("application/merge-patch+json", &spec)));
        assert_eq!(status, 200, "{said}");
    }

    /// An object, or a list, as the API server shows it. `Null` when there is none.
    pub fn get(&self, path: &str) -> Value {
        let url = format!("{}/token/practice-admin{path}", self.api);
        http(&url)
    }

    /// `kubectl` as the one who may do everything.
    pub fn kubectl(&self, args: &[&str]) -> Said {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args).env("HOME", self.kubeconfig.parent().unwrap());
        ends(&mut command, Duration::from_secs(30))
    }

    /// The image a Deployment's pods are told to run.
    pub fn image(&self, deployment: &str) -> String {
        let object = self.get(&format!("/apis/apps/v1/namespaces/shop/deployments/{deployment}"));
        object.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default().into()
    }

    /// Weights of stable and next on a service's route.
    pub fn weights(&self, service: &str) -> (Option<u64>, Option<u64>) {
        let path = format!("/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/{service}");
        let route = self.get(&path);
        let of = |name: &str| {
            let backends = route.pointer("/spec/rules/0/backendRefs").and_then(Value::as_array);
            backends.into_iter().flatten().find(|b| b["name"] == name).and_then(|b| b["weight"].as_u64())
        };
        (of(service), of(&format!("{service}-next")))
    }

    /// Names of everything that is there for a new version.
    pub fn leftovers(&self) -> Vec<String> {
        let lists = ["/apis/apps/v1/namespaces/shop/deployments", "/api/v1/namespaces/shop/services"];
        let items = lists.map(|list| self.get(list)["items"].as_array().cloned().unwrap_or_default());
        let names = items.iter().flatten().filter_map(|o| o["metadata"]["name"].as_str());
        names.filter(|n| n.ends_with("-next")).map(str::to_string).collect()
    }
}

/// A GET without TLS, for loopback; the parsed body, `Null` for 404.
pub fn http(url: &str) -> Value {
    let (status, body) = get(url);
    match status {
        200 => serde_json::from_str(&body).unwrap_or_else(|e| panic!("{url}: {e}: {body}")),
        404 => Value::Null,
        other => panic!("{url}: {other}: {body}"),
    }
}

/// Status and body of a GET over a connection of its own; status 0 when nobody answers.
pub fn get(url: &str) -> (u16, String) {
    send("GET", url, None)
}

/// Status and body of a request over a connection of its own, with a content type and a body where there is one; status 0
/// when nobody answers.
pub fn send(method: &str, url: &str, body: Option<(&str, &str)>) -> (u16, String) {
    use std::io::Write;
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').map_or((rest, "/".to_string()), |(h, p)| (h, format!("/{p}")));
    let Ok(mut stream) = std::net::TcpStream::connect(host) else { return (0, String::new()) };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // HTTP/1.0: the answer is not cut into chunks and ends with the connection.
    let mut ask = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n");
    if let Some((kind, text)) = body {
        ask.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
    } else {
        ask.push_str("\r\n");
    }
    let mut answer = String::new();
    if stream.write_all(ask.as_bytes()).and_then(|()| stream.read_to_string(&mut answer).map(|_| ())).is_err() {
        return (0, String::new());
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, body.to_string())
}

/// A real Prometheus that scrapes every second what a service discovery names.
pub struct Prometheus {
    _process: Process,
    pub url: String,
}

impl Prometheus {
    /// `None`, said loudly, where Prometheus is not installed.
    pub fn start(work: &Work, sd: &str) -> Option<Prometheus> {
        let binary = super::require("prometheus")?;
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 900ms}}\nscrape_configs:\n- job_name: pods\n  honor_labels: true\n  http_sd_configs: [{{url: '{sd}', refresh_interval: 1s}}]\n"
        );
        work.write("prometheus/prometheus.yml", &config);
        let port = free_port();
        let process = Command::new(binary)
            .current_dir(work.path("prometheus"))
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=1h"])
            .args([&format!("--web.listen-address=127.0.0.1:{port}"), "--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Prometheus { _process: Process(process), url: format!("http://127.0.0.1:{port}") };
        until("Prometheus", Duration::from_secs(30), || {
            (get(&format!("{}/-/ready", server.url)).0 == 200).then_some(())
        });
        Some(server)
    }

    /// Values of an instant query, as Prometheus writes them.
    pub fn query(&self, query: &str) -> Vec<String> {
        let encoded: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
        let answer = http(&format!("{}/api/v1/query?query={encoded}", self.url));
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        result.iter().filter_map(|s| s["value"][1].as_str().map(str::to_string)).collect()
    }
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A small upgrade as files: some services of the shop, and a policy whose phases take seconds.
pub struct Files {
    pub fleet: String,
    pub context: String,
    pub namespace: String,
    pub prometheus: Option<String>,
    /// Name, running version, new version, and what it needs.
    pub services: Vec<(String, String, String, String)>,
    /// Further lines of the policy's spec; these win over the ones below.
    pub policy: Vec<(String, String)>,
    /// Longest bad time of the error and latency gates.
    pub dwell: String,
}

impl Files {
    pub fn of(services: &[(&str, &str, &str, &str)]) -> Files {
        let services =
            services.iter().map(|(n, f, t, needs)| (n.to_string(), f.to_string(), t.to_string(), needs.to_string()));
        Files {
            fleet: "shop".into(),
            context: "practice".into(),
            namespace: "shop".into(),
            prometheus: None,
            services: services.collect(),
            policy: Vec::new(),
            dwell: "20s".into(),
        }
    }

    /// Sets a line of the policy.
    pub fn with(mut self, key: &str, value: &str) -> Files {
        self.policy.push((key.into(), value.into()));
        self
    }

    pub fn text(&self) -> String {
        let metrics = match &self.prometheus {
            Some(url) => format!("{{prometheus: \"{url}\"}}"),
            None => "{source_interval: 15s}".into(),
        };
        let mut out = format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: {}}}\nspec:\n  environments:\n  - name: test\n    production: false\n    kubernetes: {{context: {}, namespace: {}}}\n    metrics: {metrics}\n  services:\n",
            self.fleet, self.context, self.namespace
        );
        for (name, from, ..) in &self.services {
            out.push_str(&format!(
                "  - name: {name}\n    version: {from}\n    workload: {{deployment: {name}, container: app}}\n    traffic: {{httpRoute: {{name: {name}, stable: {name}, next: {name}-next, port: 80}}}}\n"
            ));
        }
        out.push_str("---\napiVersion: pilothouse.dev/v1alpha1\nkind: Policy\nmetadata: {name: quick}\nspec:\n");
        let mut lines = vec![
            ("steps", "[{weight: 25, hold: 10s}, {weight: 50, hold: 10s}, {weight: 100, hold: 10s}]".to_string()),
            ("warmup", "2s".into()),
            ("soak", "10s".into()),
            ("drain", "2s".into()),
            ("verify", "10s".into()),
            ("window", "30s".into()),
            ("min_requests", "20".into()),
            ("max_step", "10".into()),
        ];
        for (key, value) in &self.policy {
            lines.retain(|(k, _)| k != key);
            lines.push((key, value.clone()));
        }
        for (key, value) in lines {
            out.push_str(&format!("  {key}: {value}\n"));
        }
        let dwell = &self.dwell;
        out.push_str(&format!(
            "  gates:\n  - {{name: error-rate, measure: error_rate, max: 1%, trigger: {{for: {dwell}}}, severity: immediate}}\n  - {{name: p95-latency, measure: latency_quantile, quantile: 0.95, max: 2s, trigger: {{for: {dwell}}}, severity: immediate}}\n  - {{name: health-checks, measure: health_checks, max: 0, trigger: {{consecutive: 5}}, severity: immediate}}\n"
        ));
        out.push_str(&format!(
            "---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata: {{name: tonight}}\nspec:\n  fleet: {}\n  environment: test\n  policy: quick\n  strategy: canary\n  to:\n",
            self.fleet
        ));
        for (name, _, to, needs) in &self.services {
            let needs = if needs.is_empty() { String::new() } else { format!(", needs: {{{needs}}}") };
            out.push_str(&format!("    {name}: {{image: \"registry.example/{name}:{to}\"{needs}}}\n"));
        }
        out
    }

    pub fn write(&self, work: &Work) -> PathBuf {
        work.write(&format!("{}.yaml", self.fleet), &self.text())
    }
}

/// The one run of a state folder.
#[track_caller]
pub fn run_dir(state: &Path) -> PathBuf {
    let runs: Vec<PathBuf> =
        std::fs::read_dir(state.join("runs")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].clone()
}

/// Name of the run in such a folder.
pub fn run_id(state: &Path) -> String {
    run_dir(state).file_name().unwrap().to_string_lossy().into_owned()
}

/// The whole records of an audit file; a half-written last line is not one.
pub fn audit(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("audit.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// `audit verify` finds nothing wrong.
#[track_caller]
pub fn verifies(work: &Work) {
    let said = ends(pilothouse(work).args(["audit", "verify"]), Duration::from_secs(20));
    assert_eq!(said.code, Some(0), "{said}");
}

/// The last line of a run printed as JSON lines.
#[track_caller]
pub fn end_of(said: &Said) -> Value {
    let end: Value =
        serde_json::from_str(said.out.lines().last().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(end["type"], "end", "{said}");
    end
}
