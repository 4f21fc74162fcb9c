//! The real `kubectl` against the practice cluster: what it prints here is what it prints against a real server.
//!
//! Without a kubectl of 1.28 or newer these tests say so and pass, unless `CI` or `PILOTHOUSE_REQUIRE_ALL` is set:
//! then they fail.

use pilothouse::cluster::{KubeCluster, Options, connect};
use pilothouse::engine::effect::{Action, Call};
use pilothouse::engine::message::CallOutcome;
use pilothouse::engine::rules::{MatchBy, MatchRule, Turn};
use pilothouse::plan::Plan;
use pilothouse::ports::Cluster;
use pilothouse::practice::{Config, Fixture, Scenario, Server, ServiceSpec, Shared, World, drive};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const APP: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: ship, labels: {app: ship}}
spec:
  replicas: 3
  selector: {matchLabels: {app: ship}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: ship, version: 1.0.0}}
    spec:
      containers:
      - name: app
        image: registry.example/ship:1.0.0
        ports: [{containerPort: 8080, name: http}]
        readinessProbe: {httpGet: {path: /health/ready, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: ship}
spec: {selector: {app: ship}, ports: [{name: http, port: 80, targetPort: http}]}
"#;

const ROUTE: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ship}
spec:
  parentRefs: [{name: public}]
  rules: [{backendRefs: [{name: ship, port: 80, weight: 100}, {name: ship-next, port: 80, weight: 0}]}]
"#;

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A practice cluster of two services at ten times the speed, and a kubectl that talks to it.
struct Bench {
    home: PathBuf,
    _server: Server,
    runtime: tokio::runtime::Runtime,
}

struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Bench {
    fn new() -> Option<Self> {
        if !kubectl_is_here() {
            return None;
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let services = vec![ServiceSpec::new("billing", "4.1.8", 4, 80.0), ServiceSpec::new("auth", "4.1.8", 3, 40.0)];
        let config = Config { scenario: Scenario::Healthy, seed: 5, start_ms: 1_795_337_043_000 };
        let shared = Shared::new(World::custom(config, Fixture::of(services, "4.2.1")));
        let listen = "127.0.0.1:0".parse().expect("an address");
        let server = runtime.block_on(Server::start(shared.clone(), listen)).expect("listens");
        runtime.spawn(drive(shared, 10.0));
        let n = FOLDERS.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("pilothouse-kubectl-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a folder");
        std::fs::write(home.join("config"), server.kubeconfig()).expect("written");
        Some(Self { home, _server: server, runtime })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut c = Command::new("kubectl");
        c.args(args)
            .env("HOME", &self.home)
            .env("KUBECONFIG", self.home.join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        c
    }

    fn kubectl(&self, args: &[&str]) -> Said {
        let o = self.command(args).output().expect("runs");
        Said {
            out: String::from_utf8_lossy(&o.stdout).into_owned(),
            err: String::from_utf8_lossy(&o.stderr).into_owned(),
            code: o.status.code().unwrap_or(-1),
        }
    }

    /// What a command prints when it succeeds.
    fn ok(&self, args: &[&str]) -> String {
        let s = self.kubectl(args);
        assert_eq!(s.code, 0, "kubectl {args:?}: {}{}", s.out, s.err);
        s.out
    }

    /// What a command says when it is refused.
    fn refused(&self, args: &[&str]) -> String {
        let s = self.kubectl(args);
        assert_ne!(s.code, 0, "kubectl {args:?} went through: {}", s.out);
        s.err
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn kubectl_is_here() -> bool {
    let version = Command::new("kubectl").args(["version", "--client", "-o", "json"]).output();
    let json: Option<serde_json::Value> = version.ok().and_then(|o| serde_json::from_slice(&o.stdout).ok());
    let minor = json.as_ref().and_then(|v| {
        let digits: String = v["clientVersion"]["minor"].as_str()?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    if minor.is_some_and(|m| m >= 28) {
        return true;
    }
    let why = format!("SKIPPED: kubectl 1.28 or newer is needed, found minor version {minor:?}");
    let required = ["CI", "PILOTHOUSE_REQUIRE_ALL"].iter().any(|v| std::env::var_os(v).is_some());
    assert!(!required, "{why}");
    eprintln!("\n*** {why} ***\n");
    false
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn get_in_every_form() {
    let Some(b) = Bench::new() else { return };
    let table = b.ok(&["get", "deployments"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(words(lines[0]), ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    assert_eq!(words(lines[2])[..4], ["billing", "4/4", "4", "4"]);
    let wide = b.ok(&["get", "deploy", "billing", "-o", "wide"]);
    assert_eq!(words(wide.lines().next().expect("a header"))[5..], ["CONTAINERS", "IMAGES", "SELECTOR"]);
    assert_eq!(
        words(wide.lines().nth(1).expect("a row"))[5..],
        ["app", "registry.example/billing:4.1.8", "app=billing"]
    );
    let pods = b.ok(&["get", "pods", "-l", "app in (billing),version=4.1.8"]);
    assert_eq!(words(pods.lines().next().expect("a header")), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(pods.lines().count(), 5);
    assert!(pods.lines().skip(1).all(|l| words(l)[1..4] == ["1/1", "Running", "0"]), "{pods}");
    let slices = b.ok(&["get", "endpointslices"]);
    assert_eq!(words(slices.lines().next().expect("a header")), ["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"]);
    assert!(slices.contains(" + 1 more..."));
    let rs = b.ok(&["get", "rs"]);
    assert_eq!(words(rs.lines().next().expect("a header")), ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]);
    let json: serde_json::Value =
        serde_json::from_str(&b.ok(&["get", "deploy", "billing", "-o", "json"])).expect("JSON");
    assert_eq!(json["status"]["conditions"][1]["reason"], "NewReplicaSetAvailable");
    assert_eq!(json["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert!(json["metadata"].get("managedFields").is_none(), "kubectl hides them");
    let yaml = b.ok(&["get", "httproute", "billing", "-o", "yaml"]);
    assert!(yaml.contains("    - name: billing\n") || yaml.contains("      name: billing\n"), "{yaml}");
    assert!(b.ok(&["get", "deploy", "-o", "name", "--chunk-size=1"]).lines().count() == 2, "pages add up");
    assert_eq!(
        b.refused(&["get", "deploy", "nope"]),
        "Error from server (NotFound): deployments.apps \"nope\" not found\n"
    );
}

#[test]
fn describe_reads_replicasets_and_events() {
    let Some(b) = Bench::new() else { return };
    let text = b.ok(&["describe", "deployment", "billing"]);
    for line in [
        "Selector:               app=billing",
        "Replicas:               4 desired | 4 updated | 4 total | 4 available | 0 unavailable",
        "RollingUpdateStrategy:  0 max unavailable, 1 max surge",
        "  Available      True    MinimumReplicasAvailable",
        "  Progressing    True    NewReplicaSetAvailable",
        "OldReplicaSets:  <none>",
        "(4/4 replicas created)",
        "deployment-controller  Scaled up replica set billing-",
    ] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
}

#[test]
fn discovery_and_whoami() {
    let Some(b) = Bench::new() else { return };
    let all = b.ok(&["api-resources"]);
    assert_eq!(
        words(all.lines().next().expect("a header")),
        ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    );
    for row in [
        &["deployments", "deploy", "apps/v1", "true", "Deployment"][..],
        &["httproutes", "gateway.networking.k8s.io/v1", "true", "HTTPRoute"],
        &["leases", "coordination.k8s.io/v1", "true", "Lease"],
    ] {
        assert!(all.lines().any(|l| words(l) == row), "{row:?}");
    }
    assert!(b.ok(&["auth", "whoami"]).lines().any(|l| words(l) == ["Username", "ivo"]));
    assert_eq!(b.ok(&["auth", "can-i", "patch", "httproutes"]), "yes\n");
    let viewer = b.kubectl(&["--context", "practice-viewer", "auth", "can-i", "patch", "httproutes"]);
    assert!(viewer.out.starts_with("no"), "{}", viewer.out);
    assert_eq!(
        b.refused(&["--context", "practice-viewer", "scale", "deployment", "billing", "--replicas=1"]),
        "Error from server (Forbidden): deployments.apps \"billing\" is forbidden: User \"vera\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"shop\"\n"
    );
}

#[test]
fn apply_scale_patch_rollout_and_delete() {
    let Some(b) = Bench::new() else { return };
    let app = b.file("app.yaml", APP);
    assert_eq!(b.ok(&["apply", "-f", &app]), "deployment.apps/ship created\nservice/ship created\n");
    assert_eq!(b.ok(&["apply", "-f", &app]), "deployment.apps/ship unchanged\nservice/ship unchanged\n");
    let done = b.ok(&["rollout", "status", "deployment/ship", "--timeout=20s"]);
    assert!(done.ends_with("deployment \"ship\" successfully rolled out\n"), "{done}");
    let changed = b.file("app2.yaml", &APP.replace("replicas: 3", "replicas: 2"));
    assert_eq!(b.ok(&["apply", "-f", &changed]), "deployment.apps/ship configured\nservice/ship unchanged\n");
    assert_eq!(b.ok(&["scale", "deployment", "ship", "--replicas=4"]), "deployment.apps/ship scaled\n");
    assert_eq!(
        b.refused(&["create", "-f", &app]).lines().next(),
        Some(format!("Error from server (AlreadyExists): error when creating \"{app}\": deployments.apps \"ship\" already exists").as_str())
    );
    let conflict = b.refused(&["apply", "--server-side", "--field-manager=tui", "-f", &app]);
    assert!(
        conflict.starts_with("error: Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas\n"),
        "{conflict}"
    );
    let image =
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example/ship:1.1.0"}]}}}}"#;
    assert_eq!(b.ok(&["patch", "deployment", "ship", "-p", image]), "deployment.apps/ship patched\n");
    let rolled = b.ok(&["rollout", "status", "deployment/ship", "--timeout=30s"]);
    assert!(rolled.contains("Waiting for deployment \"ship\" rollout to finish: "), "{rolled}");
    assert!(rolled.contains(" out of 4 new replicas have been updated...\n"), "{rolled}");
    assert!(rolled.ends_with("deployment \"ship\" successfully rolled out\n"), "{rolled}");
    let history = b.ok(&["rollout", "history", "deployment/ship"]);
    assert_eq!(history.lines().filter(|l| l.ends_with("<none>")).count(), 2, "{history}");
    assert_eq!(b.ok(&["rollout", "undo", "deployment/ship"]), "deployment.apps/ship rolled back\n");
    assert_eq!(b.ok(&["rollout", "pause", "deployment/ship"]), "deployment.apps/ship paused\n");
    assert_eq!(b.ok(&["rollout", "resume", "deployment/ship"]), "deployment.apps/ship resumed\n");
    let twin =
        "{apiVersion: v1, kind: Service, metadata: {name: twin}, spec: {selector: {app: ship}, ports: [{port: 80}]}}";
    let list = b.file("list.yaml", &format!("apiVersion: v1\nkind: List\nitems:\n- {twin}\n"));
    assert_eq!(b.ok(&["apply", "-f", &list]), "service/twin created\n");
    assert_eq!(b.ok(&["apply", "-f", &list]), "service/twin unchanged\n");
    let deleted = b.ok(&["delete", "-f", &app]);
    assert_eq!(deleted, "deployment.apps \"ship\" deleted\nservice \"ship\" deleted\n");
    let start = Instant::now();
    while !b.ok(&["get", "pods", "-l", "app=ship", "-o", "name"]).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "the pods stay");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn patches_are_refused_as_a_real_server_refuses_them() {
    let Some(b) = Bench::new() else { return };
    let route = b.file("route.yaml", ROUTE);
    assert_eq!(b.ok(&["apply", "-f", &route]), "httproute.gateway.networking.k8s.io/ship created\n");
    let patch = |kind: &str, body: &str| ["patch", "httproute", "ship", "--type", kind, "-p", body].map(str::to_string);
    let ok = |kind: &str, body: &str| {
        let args = patch(kind, body);
        b.ok(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let refused = |kind: &str, body: &str| {
        let args = patch(kind, body);
        b.refused(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let patched = "httproute.gateway.networking.k8s.io/ship patched\n";
    assert_eq!(ok("merge", r#"{"metadata":{"labels":{"a":"b"}}}"#), patched);
    let step = r#"[{"op":"test","path":"/spec/rules/0/backendRefs/1/weight","value":0},
        {"op":"replace","path":"/spec/rules/0/backendRefs/0/weight","value":90},
        {"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":10}]"#;
    assert_eq!(ok("json", step), patched);
    let rejected = "The request is invalid: the server rejected our request due to an error in our request\n";
    assert_eq!(refused("json", step), rejected, "the test misses the second time");
    assert_eq!(refused("json", r#"[{"op":"test","path":"/metadata/resourceVersion","value":"1"}]"#), rejected);
    assert_eq!(
        refused("merge", r#"{"metadata":{"resourceVersion":"1"},"spec":{}}"#),
        "Error from server (Conflict): Operation cannot be fulfilled on httproutes.gateway.networking.k8s.io \"ship\": the object has been modified; please apply your changes to the latest version and try again\n"
    );
    assert_eq!(
        refused("json", r#"[{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":-1}]"#),
        "The HTTPRoute \"ship\" is invalid: spec.rules[0].backendRefs[1].weight: Invalid value: -1: spec.rules[0].backendRefs[1].weight in body should be greater than or equal to 0\n"
    );
    assert!(refused("strategic", r#"{"metadata":{"labels":{"a":"c"}}}"#).contains("application/merge-patch+json"));
    assert_eq!(
        b.refused(&[
            "patch",
            "deployment",
            "billing",
            "--type",
            "merge",
            "-p",
            r#"{"spec":{"selector":{"matchLabels":{"app":"other"}}}}"#
        ]),
        "The Deployment \"billing\" is invalid: \n* spec.template.metadata.labels: Invalid value: {\"app\":\"billing\",\"version\":\"4.1.8\"}: `selector` does not match template `labels`\n* spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable\n"
    );
    let status = r#"{"status":{"replicas":99}}"#;
    assert_eq!(
        b.ok(&["patch", "deployment", "billing", "--type", "merge", "-p", status]),
        "deployment.apps/billing patched (no change)\n"
    );
}

/// What the adapter writes for tenants is read here by somebody else.
#[test]
fn rules_of_tenants_stand_before_the_weighted_one() {
    let Some(b) = Bench::new() else { return };
    b.ok(&["apply", "-f", &b.file("app.yaml", APP)]);
    b.ok(&["apply", "-f", &b.file("route.yaml", ROUTE)]);
    let service = serde_json::json!({"name": "ship", "workload": {"deployment": "ship", "container": "app"},
        "traffic": {"httpRoute": {"name": "ship", "stable": "ship", "next": "ship-next", "port": 80}}});
    let planned = serde_json::json!({"service": service, "wave": 1, "image": "registry.example/ship:1.1.0",
        "version": "1.1.0", "needs": {}});
    let plan: Plan = serde_json::from_value(serde_json::json!({"upgrade": "u", "fleet": "f", "policy_name": "p",
        "environment": {"name": "practice", "kubernetes": {"namespace": "shop"}}, "services": [planned],
        "policy": {"steps": [{"weight": 100, "hold": "1m"}], "gates": []}, "bystanders": []}))
    .expect("a plan");
    let rule = |name: &str, header: &str, value: &str| MatchRule {
        name: name.into(),
        by: MatchBy::Header(header.into()),
        values: vec![value.into()],
    };
    let route = |key: u64, rules: Vec<MatchRule>, expect: &[&str]| {
        let expect = expect.iter().map(|e| e.to_string()).collect();
        let action = Action::RouteRules(Turn { rules, expect, lowers: false });
        let call = Call { key, epoch: 1, service: "ship".into(), action, why: "test".into() };
        b.runtime.block_on(async {
            let client = connect(Some(&b.home.join("config")), None).await.expect("connects");
            KubeCluster::new(client, Options::LOCAL).call(&plan, "7f3a", &call).await
        })
    };
    let before = b.ok(&["get", "httproute", "ship", "-o", "jsonpath={.spec}"]);
    let outcome = route(1, vec![rule("beta", "x-cohort", "beta"), rule("acme", "x-tenant", "acme-eu")], &[]);
    assert!(matches!(outcome, CallOutcome::Done { .. }), "{outcome:?}");
    let each = "{range .spec.rules[*]}{.matches[*].path.value} {.matches[*].headers[*].name}=\
                {.matches[*].headers[*].value} {.backendRefs[*].name} {.backendRefs[*].weight}{'\\n'}{end}";
    let rules = b.ok(&["get", "httproute", "ship", "-o", &format!("jsonpath={each}")]);
    let wanted = ["/ x-cohort=beta ship-next 100", "/ x-tenant=acme-eu ship-next 100", "/ = ship ship-next 100 0"];
    assert_eq!(rules.lines().map(str::trim_end).collect::<Vec<_>>(), wanted);
    let note = r"jsonpath={.metadata.annotations.tenants\.pilothouse\.dev/ship}";
    assert!(b.ok(&["get", "httproute", "ship", "-o", note]).contains(r#""name":"acme""#));
    let outcome = route(2, Vec::new(), &["beta", "acme"]);
    assert!(matches!(outcome, CallOutcome::Done { .. }), "{outcome:?}");
    assert_eq!(b.ok(&["get", "httproute", "ship", "-o", "jsonpath={.spec}"]), before);
    assert_eq!(b.ok(&["get", "httproute", "ship", "-o", note]), "");
}

#[test]
fn a_watch_tells_what_happens() {
    let Some(b) = Bench::new() else { return };
    let mut child = b.command(&["get", "deploy", "billing", "-w"]).spawn().expect("runs");
    let mut told = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    // The list first; only then is there something to be told of.
    for _ in 0..2 {
        std::io::BufRead::read_line(&mut told, &mut text).expect("reads");
    }
    b.ok(&["scale", "deployment", "billing", "--replicas=5"]);
    std::thread::sleep(Duration::from_millis(1_500));
    child.kill().expect("ours");
    std::io::Read::read_to_string(&mut told, &mut text).expect("reads");
    child.wait().expect("ended");
    let rows: Vec<&str> = text.lines().map(|l| words(l)[1]).collect();
    assert_eq!(rows[..2], ["READY", "4/4"], "{text}");
    assert!(rows.contains(&"4/5") && rows.last() == Some(&"5/5"), "{text}");
}
