//! Killed at one write after the other, told to leave in the middle of a step, out of time: what the run does then, and
//! what it leaves in the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::e2e::{
    Files, Practice, Process, Work, audit, end_of, ended, ends, free_port, pilothouse, run_dir, run_id, signal, until,
    until_every, verifies,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(300);
const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

/// Every change of a kind of object, as the API server told it.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<Value>>>);

impl Witness {
    fn of(practice: &Practice, path: &str) -> Witness {
        let witness = Witness::default();
        let host = practice.api.strip_prefix("http://").unwrap().to_string();
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        let ask =
            format!("GET /token/practice-admin{path}?watch=true&timeoutSeconds=900 HTTP/1.0\r\nHost: {host}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let (events, into) = (BufReader::new(stream), witness.clone());
        std::thread::spawn(move || {
            for line in events.lines().map_while(Result::ok).filter(|l| l.starts_with('{')) {
                into.0.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        witness
    }

    /// What happened to the object of this name, oldest first.
    fn seen(&self, name: &str) -> Vec<Value> {
        let events = self.0.lock().unwrap();
        events.iter().map(|e| &e["object"]).filter(|o| o["metadata"]["name"] == name).cloned().collect()
    }
}

/// One change of a spec: the mark it was made under, and what the spec says of `next`, or of image and replicas.
#[derive(Debug, PartialEq)]
struct Change {
    mark: String,
    is: String,
}

/// The changes of an object's spec, in order. A write by us that changes nothing but its mark is a repeated one, unless
/// it stamps a higher epoch.
#[track_caller]
fn changes(events: &[Value], service: &str, is: impl Fn(&Value) -> String) -> Vec<Change> {
    let mark_of = |o: &Value| {
        let marks = o.pointer("/metadata/annotations").and_then(Value::as_object);
        marks
            .and_then(|m| m.get(&format!("owner.pilothouse.dev/{service}")))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    };
    let epoch_of = |mark: &str| mark.split('/').nth(1).and_then(|e| e.parse::<u64>().ok()).unwrap_or(0);
    let (mut out, mut generation, mut mark) = (Vec::new(), 0, String::new());
    let mut used: BTreeMap<String, i64> = BTreeMap::new();
    for o in events {
        let (g, m) = (o["metadata"]["generation"].as_i64().unwrap(), mark_of(o));
        if g != generation {
            out.push(Change { mark: m.clone(), is: is(o) });
            let before = used.insert(m.clone(), g);
            assert!(m.is_empty() || before.is_none_or(|b| b == g), "{service}: two writes under one mark {m}: {out:?}");
        } else if m != mark && !m.is_empty() {
            assert!(epoch_of(&m) > epoch_of(&mark), "{service}: repeated, {mark} then {m}, without a change: {out:?}");
        }
        (generation, mark) = (g, m);
    }
    out
}

fn weight_of_next(o: &Value) -> String {
    let backends = o.pointer("/spec/rules/0/backendRefs").and_then(Value::as_array).cloned().unwrap_or_default();
    let next = backends.iter().find(|b| b["name"].as_str().is_some_and(|n| n.ends_with("-next")));
    next.map_or("none".into(), |b| b["weight"].to_string())
}

fn image_and_replicas(o: &Value) -> String {
    let image = o.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default();
    format!("{} x{}", image.rsplit('/').next().unwrap_or_default(), o["spec"]["replicas"])
}

/// What is there of `service` besides its versions, for comparing one service's history with another's.
fn anonymous(changes: Vec<Change>, service: &str) -> Vec<String> {
    changes.into_iter().map(|c| c.is.replace(service, "SERVICE")).collect()
}

fn start(work: &Work, practice: &Practice, args: &[&str]) -> Child {
    let mut command = pilothouse(work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(work: &Work, practice: &Practice, files: &Path, more: &[&str]) -> Child {
    let mut args = vec!["run", "-o", "jsonl", "-f", files.to_str().unwrap()];
    args.extend(more);
    start(work, practice, &args)
}

/// Waits until the audit file holds so many records of such a kind.
fn records(state: &Path, kind: &str, count: usize) -> Vec<Value> {
    // Often: the moment between an announcement and its answer is short.
    until_every(Duration::from_millis(1), &format!("{count} records of {kind}"), Duration::from_secs(120), || {
        let dir = std::fs::read_dir(state.join("runs")).ok()?.next()?.ok()?.path();
        let found: Vec<Value> = audit(&dir).into_iter().filter(|r| r["kind"] == kind).collect();
        (found.len() >= count).then_some(found)
    })
}

/// Kills a run of `tenants` when the n-th intent, or result, is on disk, for each n, and lets it end at last; an equal
/// run of `search` in the same cluster is left alone. Both services must have had the same written to them.
fn killed_at(kind: &str, counts: &[usize]) {
    let work = Work::new(&format!("kill-{kind}-{}", counts[0]));
    let practice = Practice::start(&work, "healthy");
    let (routes, deployments) = (Witness::of(&practice, ROUTES), Witness::of(&practice, DEPLOYMENTS));
    let quiet = Work::new("kill-quiet");
    let other = Files { fleet: "other".into(), ..Files::of(&[("search", "2.2.2", "1.5.0", "")]) }.write(&quiet);
    let other = run(&quiet, &practice, &other, &[]);
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);

    let mut child = Process(run(&work, &practice, &files, &[]));
    for count in counts {
        records(&work.state(), kind, *count);
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        child = Process(start(&work, &practice, &["resume", "--headless", "-o", "jsonl"]));
    }
    let pipes = (child.0.stdout.take(), child.0.stderr.take());
    let code = until("the end of the run", LIMIT, || child.0.try_wait().unwrap());
    let read = |s: Option<Box<dyn std::io::Read>>| s.map(std::io::read_to_string).unwrap().unwrap();
    let said = (read(pipes.0.map(|p| Box::new(p) as _)), read(pipes.1.map(|p| Box::new(p) as _)));
    assert_eq!(code.code(), Some(0), "{said:?}");
    ended(other, LIMIT).is(0, &[]);

    let is_weight = |name: &str| anonymous(changes(&routes.seen(name), name, weight_of_next), name);
    assert_eq!(is_weight("tenants"), is_weight("search"), "writes to the route");
    assert_eq!(is_weight("tenants").len(), 7, "{:?}", is_weight("tenants"));
    for suffix in ["", "-next"] {
        let of = |name: &str| {
            let all = changes(&deployments.seen(&format!("{name}{suffix}")), name, image_and_replicas);
            let images = |t: String| t.replace("1.4.2", "OLD").replace("2.2.2", "OLD");
            anonymous(all, name).into_iter().map(images).collect::<Vec<_>>()
        };
        assert_eq!(of("tenants"), of("search"), "writes to deployment SERVICE{suffix}");
    }
    let made: BTreeSet<String> =
        deployments.seen("tenants-next").iter().map(|o| o["metadata"]["uid"].to_string()).collect();
    assert_eq!(made.len(), 1, "the new version was made once");
    assert_eq!(practice.image("tenants"), "registry.example/tenants:1.5.0");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    let resumes = audit(&run_dir(&work.state())).iter().filter(|r| r["kind"] == "resume").count();
    assert_eq!(resumes, counts.len());
    verifies(&work);
}

#[test]
fn killed_as_the_first_writes_are_announced() {
    killed_at("intent", &[1, 3, 5]);
}

#[test]
fn killed_as_the_later_writes_are_announced() {
    killed_at("intent", &[2, 7, 10]);
}

#[test]
fn killed_as_writes_are_answered() {
    killed_at("result", &[2, 4, 8]);
}

#[test]
fn killed_while_going_back_it_goes_on_going_back() {
    let work = Work::new("kill-back");
    let practice = Practice::start(&work, "slow");
    let routes = Witness::of(&practice, ROUTES);
    let files = Files::of(&[("billing", "4.1.8", "4.2.1", "")]).write(&work);
    let mut child = run(&work, &practice, &files, &[]);
    let is_zero =
        |r: &Value| r["kind"] == "intent" && r.pointer("/body/action/set_weight/next") == Some(&Value::from(0));
    until_every(Duration::from_millis(1), "the write of 0 %", Duration::from_secs(120), || {
        let dir = std::fs::read_dir(work.state().join("runs")).ok()?.next()?.ok()?.path();
        audit(&dir).iter().any(is_zero).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let kinds: Vec<Value> = audit(&run_dir(&work.state())).iter().map(|r| r["kind"].clone()).collect();
    let open = kinds.iter().rposition(|k| k == "intent") > kinds.iter().rposition(|k| k == "result");
    let said = ended(start(&work, &practice, &["resume", "--headless", "-o", "jsonl"]), LIMIT);
    // Whether the write was answered before the kill is a matter of milliseconds; if it was not, what became of it is told.
    said.is(3, if open { &["intent", "rolled_back"] } else { &["rolled_back"] });
    let weights: Vec<String> =
        changes(&routes.seen("billing"), "billing", weight_of_next).into_iter().map(|c| c.is).collect();
    let zero = weights.iter().rposition(|w| w == "0").expect("0 % is written");
    assert_eq!(&weights[zero + 1..], ["none"], "after 0 % only the reference is taken away: {weights:?}");
    assert_eq!(weights.iter().filter(|w| *w == "0").count(), 2, "0 % as it began, 0 % as it went back: {weights:?}");
    assert_eq!(practice.weights("billing"), (Some(100), None));
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
    let again = ends(
        pilothouse(&work).arg("--kubeconfig").arg(&practice.kubeconfig).args([
            "resume",
            "--headless",
            &run_id(&work.state()),
        ]),
        LIMIT,
    );
    again.is(1, &["has ended", "audit show"]);
}

/// Up to the first step's share on the route.
fn at_a_quarter(practice: &Practice, service: &str) {
    until("25 % on the route", Duration::from_secs(60), || (practice.weights(service).1 == Some(25)).then_some(()));
}

#[test]
fn told_to_leave_in_a_step_it_first_writes_zero() {
    let work = Work::new("sigterm");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    let child = run(&work, &practice, &files, &[]);
    at_a_quarter(&practice, "tenants");
    signal(&child, "TERM");
    let said = ended(child, LIMIT);
    said.is(3, &["SIGTERM"]);
    let records = audit(&run_dir(&work.state()));
    let left = records.iter().position(|r| r.to_string().contains("leaving (SIGTERM)")).expect("it says so");
    let next = records[left..].iter().find(|r| r["kind"] == "intent").expect("it writes");
    assert_eq!(next.pointer("/body/action/set_weight"), Some(&serde_json::json!({"expect": 25, "next": 0})), "{next}");
    assert_eq!(practice.weights("tenants"), (Some(100), None));
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn told_to_hold_it_says_shares_and_how_to_go_on_and_then_goes_on() {
    let work = Work::new("hold");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    let mut command = pilothouse(&work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "--on-exit", "hold", "-f"]).arg(&files);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    at_a_quarter(&practice, "tenants");
    signal(&child, "TERM");
    let id = run_id(&work.state());
    ended(child, Duration::from_secs(20)).is(7, &["25 %", "tenants", &format!("pilothouse resume {id}")]);
    assert_eq!(practice.weights("tenants"), (Some(75), Some(25)), "nothing moved");
    let runs = ends(pilothouse(&work).arg("runs"), LIMIT);
    runs.is(0, &["not ended", &format!("pilothouse resume {id}")]);

    let resumed = start(&work, &practice, &["resume", "--headless", "-o", "jsonl"]);
    until("the next step", Duration::from_secs(90), || (practice.weights("tenants").1 == Some(50)).then_some(()));
    signal(&resumed, "INT");
    let said = ended(resumed, LIMIT);
    said.is(3, &[]);
    assert_eq!(end_of(&said)["outcome"], "rolled_back");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn a_cluster_that_goes_away_is_given_up_and_the_run_left() {
    let work = Work::new("lost");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).with("rollback_give_up", "15s").write(&work);
    let child = run(&work, &practice, &files, &[]);
    at_a_quarter(&practice, "tenants");
    drop(practice);
    let said = ended(child, Duration::from_secs(60));
    said.is(6, &["cluster or metrics were away for 15s", "tenants 25 % new", "pilothouse resume", "--kubeconfig"]);
    assert_eq!(end_of(&said)["outcome"], "lost");
    ends(pilothouse(&work).arg("runs"), LIMIT).is(0, &["not ended, left: lost cluster or metrics"]);
    verifies(&work);
}

#[test]
fn who_is_replaced_says_by_whom_writes_nothing_more_and_how_to_go_on() {
    let work = Work::new("replaced");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    let child = start(&work, &practice, &["run", "-f", files.to_str().unwrap()]);
    at_a_quarter(&practice, "tenants");
    practice.lease_goes_to("mara@bastion/1/beef");
    let said = ended(child, Duration::from_secs(30));
    let id = run_id(&work.state());
    said.is(6, &["Another process drives this fleet now", &format!("pilothouse resume {id} --headless --kubeconfig")]);
    let told = "stepped down for good: mara@bastion/1/beef drives this fleet (epoch 99)";
    assert_eq!(said.out.matches(told).count(), 1, "{said}");
    assert_eq!(practice.weights("tenants"), (Some(75), Some(25)), "nothing moved");
    verifies(&work);
}

/// A tunnel that was moved, a name that points elsewhere: the address answers, and it is not the run's cluster.
#[test]
fn another_cluster_at_the_same_address_is_never_written_to() {
    let work = Work::new("same-address");
    let address = format!("127.0.0.1:{}", free_port());
    let practice = Practice::at(&work, "healthy", "7", &address);
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).with("rollback_give_up", "25s").write(&work);
    let child = run(&work, &practice, &files, &[]);
    at_a_quarter(&practice, "tenants");
    // The answer to that write has come as well.
    records(&work.state(), "result", records(&work.state(), "intent", 1).len());
    drop(practice);
    let elsewhere = Work::new("other-cluster");
    let other = Practice::at(&elsewhere, "healthy", "8", &address);
    let said = ended(child, Duration::from_secs(90));
    said.is(6, &["another cluster answers at this address", "tenants 25 % new"]);
    assert_eq!(other.leftovers(), Vec::<String>::new());
    let leases = other.get("/apis/coordination.k8s.io/v1/namespaces/shop/leases");
    assert_eq!(leases["items"].as_array().map(Vec::len), Some(0), "{leases}");
    assert_eq!(other.weights("tenants"), (Some(100), None));
    verifies(&work);
}

#[test]
fn what_is_at_100_when_it_is_told_to_leave_stays_and_is_taken_up_again() {
    let work = Work::new("partial");
    let practice = Practice::start(&work, "healthy");
    let services = [("tenants", "1.4.2", "1.5.0", ""), ("search", "2.2.2", "2.3.0", "tenants: \">=1.5.0\"")];
    let files = Files::of(&services).with("soak", "4m").write(&work);
    let child = run(&work, &practice, &files, &[]);
    until("25 % of search", Duration::from_secs(240), || (practice.weights("search").1 == Some(25)).then_some(()));
    signal(&child, "TERM");
    let said = ended(child, LIMIT);
    let id = run_id(&work.state());
    said.is(8, &["partial", &format!("pilothouse resume {id}"), "tenants"]);
    assert_eq!((practice.weights("tenants").1, practice.weights("search").1), (Some(100), None));
    ends(pilothouse(&work).arg("runs"), LIMIT).is(0, &["not ended, left: partial", "pilothouse resume"]);
    // A new run is told what stands there, and not to delete what serves.
    let other = Work::new("partial-new");
    let again = ended(run(&other, &practice, &files, &[]), LIMIT);
    again.is(2, &[&format!("left by run {id}"), "serves 100 % of the traffic", &format!("pilothouse resume {id}")]);
    assert!(!again.out.contains("delete deployment tenants-next"), "{again}");

    // Taken up, tenants soaks on; search stays where it was taken back to, and that is no failure of the run.
    let resumed = start(&work, &practice, &["resume", "--headless", "-o", "jsonl", "--on-exit", "hold"]);
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(practice.weights("tenants").1, Some(100), "nothing goes back");
    signal(&resumed, "TERM");
    ended(resumed, LIMIT).is(7, &["the abort by engine is over", "tenants"]);
    assert_eq!(practice.weights("tenants").1, Some(100));
    verifies(&work);
}

/// Somebody else's lease, renewed once so that it is known to live or not at all.
fn foreign_lease(practice: &Practice, work: &Work) {
    let lease = work.write(
        "lease.yaml",
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: pilothouse-shop, namespace: shop}\nspec: {holderIdentity: mara@bastion/1/ffff, leaseDurationSeconds: 15, leaseTransitions: 3, renewTime: \"2026-01-01T00:00:00.000000Z\"}\n",
    );
    practice.kubectl(&["apply", "-f", lease.to_str().unwrap()]).is(0, &[]);
}

#[test]
fn before_anything_changed_a_signal_ends_it_with_nothing_done() {
    if crate::support::require("kubectl").is_none() {
        return;
    }
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let work = Work::new("early");
        let practice = Practice::start(&work, "healthy");
        foreign_lease(&practice, &work);
        let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
        let child = run(&work, &practice, &files, &[]);
        records(&work.state(), "event", 1);
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        ended(child, Duration::from_secs(20)).is(code, &["nothing was changed"]);
        assert_eq!(practice.leftovers(), Vec::<String>::new());
        verifies(&work);
    }
}

#[test]
fn out_of_time_while_it_waits_is_five() {
    if crate::support::require("kubectl").is_none() {
        return;
    }
    let work = Work::new("timeout");
    let practice = Practice::start(&work, "healthy");
    foreign_lease(&practice, &work);
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    let said = ended(run(&work, &practice, &files, &["--timeout", "3s"]), Duration::from_secs(30));
    said.is(5, &["--timeout"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
}

#[test]
fn out_of_time_while_a_person_is_asked_is_five_too() {
    let work = Work::new("asked");
    let practice = Practice::start(&work, "slow");
    let services = [("billing", "4.1.8", "4.2.1", ""), ("search", "2.2.2", "2.3.0", "billing: \">=4.2.1\"")];
    let files = Files::of(&services).with("on_failure", "stop").write(&work);
    // Long enough for billing to go back; then search waits for somebody's word.
    let said = ended(run(&work, &practice, &files, &["--timeout", "210s"]), LIMIT);
    said.is(5, &["waits for a person"]);
    assert_eq!(end_of(&said)["services"][0]["state"], "rolled back", "{said}");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn a_process_that_is_told_twice_leaves_at_once() {
    let work = Work::new("twice");
    let practice = Practice::start(&work, "healthy");
    let files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]).write(&work);
    let child = run(&work, &practice, &files, &[]);
    at_a_quarter(&practice, "tenants");
    signal(&child, "INT");
    until("0 % on the route", Duration::from_secs(20), || (practice.weights("tenants").1 == Some(0)).then_some(()));
    // One that comes within two seconds is the same wish again, not a second one.
    std::thread::sleep(Duration::from_millis(2500));
    signal(&child, "INT");
    let began = std::time::Instant::now();
    // Traffic is back; the new version still stands, and that is said.
    ended(child, Duration::from_secs(20)).is(7, &["pilothouse resume"]);
    assert!(began.elapsed() < Duration::from_secs(5));
    let said = ended(start(&work, &practice, &["resume", "--headless", "-o", "jsonl"]), LIMIT);
    said.is(3, &["rolled_back"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
}
