//! Whole runs against the cluster that KUBECONFIG names: a real API server and its controllers, a real Prometheus, and the
//! program itself as a process. The cluster needs neither a gateway nor nodes; see [`stage`]. Each test works in a namespace
//! of its own, which is deleted with it; the HTTPRoute definition is added where there is none, and taken away again by
//! nobody.
//!
//! Without KUBECONFIG this says loudly that it did nothing but try itself on the practice cluster.
mod objects;
mod stage;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::e2e::{
    Files, Practice, Process, Prometheus, Said, Work, audit, end_of, ends, http, pilothouse, run_dir, signal, until,
    verifies,
};
use serde_json::Value;
use stage::{Part, Stage};

const LIMIT: Duration = Duration::from_secs(420);
const GOOD: Part = Part { gateway: true, bad_tag: None };
const LEDGER: (&str, &str, &str, &str) = ("ledger", "5.2.0", "5.2.4", "");
const BILLING: (&str, &str, &str, &str) = ("billing", "4.1.8", "4.2.1", "ledger: \">=5.2.4\"");

/// A namespace of the cluster, with a way in.
struct Cluster {
    work: Work,
    kubeconfig: PathBuf,
    context: String,
    namespace: String,
    _proxy: Process,
    api: String,
}

impl Cluster {
    /// `None`, said loudly, where no cluster is named.
    fn named(test: &str) -> Option<Cluster> {
        match std::env::var_os("KUBECONFIG").filter(|k| !k.is_empty()) {
            Some(kubeconfig) => Some(Cluster::enter(test, Work::new(test), kubeconfig.into())),
            None => {
                let _ = writeln!(
                    std::io::stderr(),
                    "\n*** SKIPPED: KUBECONFIG names no cluster, so `{test}` did not run against a real Kubernetes ***\n"
                );
                None
            }
        }
    }

    fn enter(test: &str, work: Work, kubeconfig: PathBuf) -> Cluster {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        crate::support::require("kubectl").expect("kubectl");
        let own = work.path("own.kubeconfig");
        let whole = kubectl(&kubeconfig, &["config", "view", "--raw", "--flatten", "--minify"]);
        std::fs::write(&own, &whole.is(0, &[]).out).unwrap();
        let context = kubectl(&own, &["config", "current-context"]).is(0, &[]).out.trim().to_string();
        let _ = writeln!(std::io::stderr(), "{test}: against the cluster of context {context}");
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("pilothouse-suite-{}-{n}", std::process::id());
        let object = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let made = work.write("namespace.json", &object.to_string());
        kubectl(&own, &["apply", "-f", made.to_str().unwrap()]).is(0, &[]);
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&own)
            .args(["proxy", "--port=0", "--append-server-path"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let proxy = Process(child);
        let address = line.trim().rsplit(' ').next().unwrap_or_default();
        let cluster =
            Cluster { work, kubeconfig: own, context, namespace, _proxy: proxy, api: format!("http://{address}") };
        cluster.know_routes();
        cluster
    }

    /// Adds the definition of HTTPRoutes where the Gateway API is not installed.
    fn know_routes(&self) {
        let url = format!("{}/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes", self.api, self.namespace);
        if http(&url).is_null() {
            self.apply(objects::ROUTE_DEFINITION);
        }
        until("HTTPRoutes to be served", Duration::from_secs(30), || (!http(&url).is_null()).then_some(()));
    }

    fn kubectl(&self, args: &[&str]) -> Said {
        kubectl(&self.kubeconfig, &[&["-n", &self.namespace], args].concat())
    }

    fn apply(&self, yaml: &str) {
        let file = self.work.write("apply.yaml", yaml);
        self.kubectl(&["apply", "-f", file.to_str().unwrap()]).is(0, &[]);
    }

    fn get(&self, kind: &str, name: &str) -> Value {
        let said = self.kubectl(&["get", kind, name, "-o", "json"]);
        serde_json::from_str(&said.is(0, &[]).out).unwrap()
    }

    /// Deployments, Services and routes with their resource versions: the same text, the same cluster.
    fn inventory(&self) -> String {
        let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,GENERATION:.metadata.generation";
        self.kubectl(&["get", "deployments,services,httproutes", "-o", columns]).is(0, &[]).out.clone()
    }

    fn install(&self, services: &[(&str, &str, &str, &str)]) {
        services.iter().for_each(|(name, from, ..)| self.apply(&objects::service(name, from)));
    }

    fn wait_ready(&self, services: &[(&str, &str, &str, &str)]) {
        for (name, ..) in services {
            self.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=120s"]).is(0, &[]);
        }
    }

    fn files(&self, services: &[(&str, &str, &str, &str)], prometheus: &Prometheus) -> Files {
        Files {
            fleet: "suite".into(),
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            prometheus: Some(prometheus.url.clone()),
            ..Files::of(services)
        }
    }

    fn run(&self, files: &Files) -> Command {
        let mut run = pilothouse(&self.work);
        run.arg("--kubeconfig").arg(&self.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(files.write(&self.work));
        run
    }

    /// Every service runs this version, all of its route is stable's, and nothing of the upgrade is left.
    #[track_caller]
    fn rests_on(&self, versions: &[(&str, &str)]) {
        for (name, version) in versions {
            let image = self.get("deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
            assert_eq!(image, format!("registry.example/{name}:{version}"));
            let backends = self.get("httproute", name)["spec"]["rules"][0]["backendRefs"].clone();
            assert_eq!(backends.as_array().map(Vec::len), Some(1), "{name}: {backends}");
            assert_eq!(backends[0]["name"], **name);
        }
        let left = self.kubectl(&["get", "deployments,services", "-o", "name"]);
        assert!(!left.is(0, &[]).out.contains("-next"), "{left}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = kubectl(&self.kubeconfig, &["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}

fn kubectl(kubeconfig: &std::path::Path, args: &[&str]) -> Said {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(args);
    ends(&mut command, Duration::from_secs(150))
}

fn a_good_release(cluster: &Cluster) {
    let services = [LEDGER, BILLING];
    let stage = Stage::set(&cluster.api, &cluster.namespace, GOOD);
    cluster.install(&services);
    cluster.wait_ready(&services);
    let Some(prometheus) = Prometheus::start(&cluster.work, &stage.sd) else { return };
    let said = ends(&mut cluster.run(&cluster.files(&services, &prometheus)), LIMIT);
    said.is(0, &[]);
    assert_eq!(end_of(&said)["outcome"], "succeeded");
    cluster.rests_on(&[("ledger", "5.2.4"), ("billing", "4.2.1")]);
    verifies(&cluster.work);
}

#[test]
fn the_suite_tries_itself_on_the_practice_cluster() {
    let work = Work::new("suite");
    let practice = Practice::start(&work, "healthy");
    a_good_release(&Cluster::enter("suite", Work::new("suite-run"), practice.kubeconfig.clone()));
}

#[test]
fn a_good_release_goes_through() {
    let Some(cluster) = Cluster::named("a_good_release_goes_through") else { return };
    a_good_release(&cluster);
}

#[test]
fn a_bad_release_goes_back_by_itself() {
    let Some(cluster) = Cluster::named("a_bad_release_goes_back_by_itself") else { return };
    let services = [LEDGER, BILLING];
    let stage = Stage::set(&cluster.api, &cluster.namespace, Part { bad_tag: Some("5.2.4"), ..GOOD });
    cluster.install(&services);
    cluster.wait_ready(&services);
    let Some(prometheus) = Prometheus::start(&cluster.work, &stage.sd) else { return };
    let said = ends(&mut cluster.run(&cluster.files(&services, &prometheus)), LIMIT);
    said.is(3, &["error rate 2"]);
    let end = end_of(&said);
    assert_eq!(end["outcome"], "rolled_back");
    cluster.rests_on(&[("ledger", "5.2.0"), ("billing", "4.1.8")]);
    verifies(&cluster.work);
}

#[test]
fn everything_wrong_is_said_at_once_and_nothing_is_changed() {
    let Some(cluster) = Cluster::named("everything_wrong_is_said_at_once_and_nothing_is_changed") else { return };
    let there = [LEDGER, ("search", "2.2.2", "2.3.0", "")];
    let stage = Stage::set(&cluster.api, &cluster.namespace, GOOD);
    cluster.install(&there);
    cluster.apply(&objects::without_probe("portal", "8.8.1"));
    cluster.apply(&objects::third_backend("search"));
    cluster.wait_ready(&there);
    let Some(prometheus) = Prometheus::start(&cluster.work, &stage.sd) else { return };
    let asked = [LEDGER, there[1], ("portal", "8.8.1", "8.9.0", ""), ("nobody", "1.0.0", "1.1.0", "")];
    let before = cluster.inventory();
    let said = ends(&mut cluster.run(&cluster.files(&asked, &prometheus)), LIMIT);
    said.is(2, &["nobody does not exist", "has no readinessProbe", "third backend: stranger"]);
    assert_eq!(end_of(&said)["outcome"], "blocked");
    assert_eq!(cluster.inventory(), before);
}

#[test]
fn killed_in_the_middle_it_is_taken_up_and_repeats_nothing() {
    let Some(cluster) = Cluster::named("killed_in_the_middle_it_is_taken_up_and_repeats_nothing") else { return };
    let stage = Stage::set(&cluster.api, &cluster.namespace, GOOD);
    cluster.install(&[LEDGER]);
    cluster.wait_ready(&[LEDGER]);
    let Some(prometheus) = Prometheus::start(&cluster.work, &stage.sd) else { return };
    let mut run = cluster.run(&cluster.files(&[LEDGER], &prometheus));
    let child = Process(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let state = cluster.work.state();
    let weighted = || {
        let dir = state.join("runs").exists().then(|| run_dir(&state))?;
        let records = audit(&dir);
        records.iter().any(|r| r["kind"] == "intent" && r.to_string().contains("set_weight")).then_some(())
    };
    until("the first weight", LIMIT, weighted);
    signal(&child.0, "KILL");
    drop(child);
    let mut resume = pilothouse(&cluster.work);
    resume.arg("--kubeconfig").arg(&cluster.kubeconfig).args(["resume", "--headless", "-o", "jsonl"]);
    ends(&mut resume, LIMIT).is(0, &[]);
    cluster.rests_on(&[("ledger", "5.2.4")]);
    let made = audit(&run_dir(&state))
        .iter()
        .filter(|r| r["kind"] == "intent" && r.to_string().contains("create_next"))
        .count();
    assert_eq!(made, 1, "the new version was made once");
    verifies(&cluster.work);
}

#[test]
fn a_route_that_nobody_accepts_is_held_and_taken_back() {
    let Some(cluster) = Cluster::named("a_route_that_nobody_accepts_is_held_and_taken_back") else { return };
    let stage = Stage::set(&cluster.api, &cluster.namespace, Part { gateway: false, ..GOOD });
    cluster.install(&[LEDGER]);
    cluster.wait_ready(&[LEDGER]);
    std::thread::sleep(Duration::from_secs(3));
    if stage::is_accepted(&cluster.get("httproute", "ledger")) {
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: a gateway of this cluster accepts every route ***\n");
        return;
    }
    let Some(prometheus) = Prometheus::start(&cluster.work, &stage.sd) else { return };
    let mut run = cluster.run(&cluster.files(&[LEDGER], &prometheus));
    let said = ends(run.args(["--timeout", "100s"]), LIMIT);
    said.is(3, &["no gateway has accepted it"]);
    assert!(!said.out.contains("% written"), "no weight is raised: {said}");
    cluster.rests_on(&[("ledger", "5.2.0")]);
}
