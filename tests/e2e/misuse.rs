//! Bad input and misuse: each gets an answer that names what is wrong, where, and what to do, and loses nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::support::e2e::{
    Files, Practice, Process, Said, Work, ended, ends, free_port, pilothouse, run_dir, run_id, signal, until, verifies,
};

const SOON: Duration = Duration::from_secs(60);

fn tenants() -> Files {
    Files::of(&[("tenants", "1.4.2", "1.5.0", "")])
}

fn run(work: &Work, kubeconfig: &Path, files: &Path) -> Said {
    ends(pilothouse(work).arg("--kubeconfig").arg(kubeconfig).args(["run", "-f"]).arg(files), SOON)
}

/// No folder of a run, and nothing of a new version in the cluster.
#[track_caller]
fn nothing_begun(work: &Work, practice: Option<&Practice>) {
    assert!(!work.state().join("runs").exists(), "nothing was begun");
    if let Some(practice) = practice {
        assert_eq!(practice.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn files_that_cannot_be_read() {
    let work = Work::new("files");
    let nowhere = work.path("no-kubeconfig");
    let whole = tenants().text();
    let half = work.write("half.yaml", &whole[..whole.find("httpRoute").unwrap() + 20]);
    run(&work, &nowhere, &half).is(1, &["half.yaml:14:", "not YAML", "written to the end"]);
    let binary = work.path("binary.yaml");
    std::fs::write(&binary, b"kind: Fleet\n\xff\xfe\x00").unwrap();
    run(&work, &nowhere, &binary).is(1, &["binary.yaml:2:1", "not UTF-8"]);
    run(&work, &nowhere, &work.write("empty.yaml", "")).is(1, &["empty.yaml", "is empty"]);
    run(&work, &nowhere, &work.path("missing.yaml")).is(1, &["missing.yaml", "No such file", "is the path right"]);
    let folder = work.path("folder");
    std::fs::create_dir(&folder).unwrap();
    run(&work, &nowhere, &folder).is(1, &["holds no *.yaml"]);
    let secret = work.write("secret.yaml", &whole);
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything, as root does, reads this too.
    if std::fs::read(&secret).is_err() {
        run(&work, &nowhere, &secret).is(1, &["secret.yaml", "Permission denied"]);
    }
    // Everything wrong in one report, with the nearest name.
    let wrong = whole
        .replace("warmup:", "warm_up:")
        .replace("strategy: canary", "strategy: canry")
        .replace("max: 1%", "max: 1 %%");
    run(&work, &nowhere, &work.write("wrong.yaml", &wrong)).is(1, &["did you mean `warmup`", "canary", "3 errors"]);
    nothing_begun(&work, None);
}

#[test]
fn clusters_that_are_not_there() {
    let work = Work::new("cluster");
    let practice = Practice::start(&work, "healthy");
    let files = tenants().write(&work);
    let text = std::fs::read_to_string(&practice.kubeconfig).unwrap();
    run(&work, &work.path("none"), &files).is(1, &["no kubeconfig", "--kubeconfig", "pilothouse demo"]);
    run(&work, &work.write("half", "apiVersion: v1\nclusters: ["), &files)
        .is(1, &["cannot be used", "kubectl config view"]);
    let dead = work.write("dead", &text.replace(&practice.api, &format!("http://127.0.0.1:{}", free_port())));
    run(&work, &dead, &files).is(6, &["does not answer", "refused", "VPN"]);
    let stranger = work.write("stranger", &text.replace("practice-admin", "nobody-knows-me"));
    run(&work, &stranger, &files).is(1, &["401", "log in again"]);
    let mut other = pilothouse(&work);
    other.arg("--kubeconfig").arg(&practice.kubeconfig).args(["--context", "practise", "run", "-f"]).arg(&files);
    ends(&mut other, SOON).is(1, &["no context `practise`", "did you mean `practice`", "practice-viewer"]);
    nothing_begun(&work, Some(&practice));
    // What answers there is no API server.
    let page = work.write("page", &text.replace(&practice.api, &web_page()));
    run(&work, &page, &files).is(6, &["not as a Kubernetes API server"]);
    let absent = Files { namespace: "shopp".into(), ..tenants() }.write(&work);
    run(&work, &practice.kubeconfig, &absent).is(2, &["namespace shopp does not exist", "nothing was changed"]);
}

/// A server that answers everything with a page for people.
fn web_page() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                use std::io::{Read, Write};
                let body = "<!doctype html><title>Sign in</title><p>Please sign in to continue.";
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", body.len());
                    if stream.write_all((head + body).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_prometheus_that_is_none() {
    let work = Work::new("html");
    let practice = Practice::start(&work, "healthy");
    let html = Files { prometheus: Some(web_page()), ..tenants() }.write(&work);
    run(&work, &practice.kubeconfig, &html).is(6, &["text/html", "nothing was begun"]);
    let dead = Files { prometheus: Some(format!("http://127.0.0.1:{}", free_port())), ..tenants() }.write(&work);
    run(&work, &practice.kubeconfig, &dead).is(6, &["127.0.0.1", "refused", "nothing was begun"]);
    nothing_begun(&work, Some(&practice));
}

#[test]
fn rights_that_are_missing_are_all_in_one_report() {
    let work = Work::new("rights");
    let practice = Practice::start(&work, "healthy");
    let files = Files { context: "practice-viewer".into(), ..tenants() }.write(&work);
    let said = run(&work, &practice.kubeconfig, &files);
    said.is(
        2,
        &[
            "no right to create,patch,delete deployments",
            "no right to patch httproutes",
            "leases",
            "kubectl -n shop create role",
            "nothing was changed",
        ],
    );
    assert!(!said.out.contains("dry run"), "the same is not said again for each object: {said}");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn what_stands_in_the_cluster_is_checked_before_anything_is_written() {
    if crate::support::require("kubectl").is_none() {
        return;
    }
    let work = Work::new("preflight");
    let practice = Practice::start(&work, "healthy");
    let patch = |kind: &str, name: &str, how: &str, patch: &str| {
        practice.kubectl(&["patch", kind, name, "--type", how, "-p", patch]).is(0, &[]);
    };
    patch(
        "deployment",
        "portal",
        "json",
        r#"[{"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}]"#,
    );
    patch(
        "httproute",
        "search",
        "merge",
        r#"{"spec": {"rules": [{"backendRefs": [{"name": "search", "port": 80, "weight": 70}, {"name": "search-next", "port": 80, "weight": 20}]}]}}"#,
    );
    patch(
        "httproute",
        "orders",
        "merge",
        r#"{"spec": {"rules": [{"backendRefs": [{"name": "orders", "port": 80, "weight": 90}, {"name": "billing", "port": 80, "weight": 10}]}]}}"#,
    );
    // The fleet does not say what runs, so only the cluster can tell that it is the same.
    let files = Files::of(&[
        ("portal", "8.8.1", "8.9.0", ""),
        ("search", "2.2.2", "2.3.0", ""),
        ("orders", "6.0.3", "6.1.0", ""),
        ("auth", "4.1.8", "4.1.8", ""),
        ("catalog", "9.9.9", "10.0.0", ""),
    ]);
    let text = files.text().replace("    version: 4.1.8\n", "");
    let said = run(&work, &practice.kubeconfig, &work.write("shop.yaml", &text));
    said.is(
        2,
        &[
            "readinessProbe",
            "70 and 20 do not sum to 100",
            "orders rule 0 holds a third backend: billing",
            "auth",
            "already runs",
            "catalog",
            "9.9.9",
            "nothing was changed",
        ],
    );
    assert_eq!(practice.weights("search"), (Some(70), Some(20)), "not touched");
    verifies(&work);
    let same = Files::of(&[("auth", "4.1.8", "4.1.8", "")]).write(&work);
    run(&work, &practice.kubeconfig, &same).is(1, &["auth:4.1.8", "take the service out"]);
}

#[test]
fn one_fleet_has_one_driver() {
    let work = Work::new("first");
    let practice = Practice::start(&work, "healthy");
    let files = tenants().write(&work);
    let mut first = pilothouse(&work);
    first.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-f"]).arg(&files);
    let first = Process(first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("25 %", SOON, || (practice.weights("tenants").1 == Some(25)).then_some(()));
    let id = run_id(&work.state());

    let other = Work::new("second");
    let said = run(&other, &practice.kubeconfig, &files);
    said.is(2, &[&format!("run {id} drives tenants now"), "wait for its end", "nothing was changed"]);
    assert!(!said.out.contains("delete deployment"), "nobody is told to delete what is in use: {said}");
    // Another fleet name over the same service is no way round it.
    let renamed = Files { fleet: "shop2".into(), ..tenants() }.write(&other);
    let third = Work::new("third");
    run(&third, &practice.kubeconfig, &renamed).is(2, &[&format!("run {id}"), "tenants", "nothing was changed"]);

    let mut resume = pilothouse(&work);
    resume.arg("--kubeconfig").arg(&practice.kubeconfig).args(["resume", "--headless", &id]);
    ends(&mut resume, SOON).is(1, &["driven by another process", "changed nothing"]);
    drop(first);
    verifies(&work);
}

/// The run's plan knows the context it was begun in, the printed command the files; and the cluster itself is asked.
#[test]
fn a_run_is_taken_up_on_its_own_cluster_only() {
    let work = Work::new("own");
    let practice = Practice::start(&work, "healthy");
    // The Fleet says another context than the one that is given.
    let files = Files { context: "practice-viewer".into(), ..tenants() }.write(&work);
    let mut first = pilothouse(&work);
    first.arg("--kubeconfig").arg(&practice.kubeconfig).args(["--context", "practice", "run", "--on-exit", "hold"]);
    let first = first.arg("-f").arg(&files).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("25 %", SOON, || (practice.weights("tenants").1 == Some(25)).then_some(()));
    signal(&first, "TERM");
    let (id, state) = (run_id(&work.state()), work.state());
    let resume = format!(
        "pilothouse resume {id} --headless --kubeconfig {} --context practice --state-dir {}",
        practice.kubeconfig.display(),
        state.display()
    );
    ended(first, SOON).is(7, &[&resume]);
    ends(pilothouse(&work).arg("runs"), SOON).is(0, &["not ended, left: SIGTERM", "--context practice"]);

    let elsewhere = Work::new("elsewhere");
    let other = Practice::seeded(&elsewhere, "healthy", "8");
    let take_up = |kubeconfig: &Path| {
        let mut command = pilothouse(&work);
        command.arg("--kubeconfig").arg(kubeconfig).args([
            "resume",
            &id,
            "--headless",
            "--timeout",
            "5s",
            "-o",
            "jsonl",
        ]);
        // Silence on the new version is proven by two scrapes of 15 s each, and then drained.
        ends(&mut command, Duration::from_secs(180))
    };
    take_up(&other.kubeconfig).is(1, &["another cluster", "nothing was changed", "--kubeconfig"]);
    assert_eq!(other.leftovers(), Vec::<String>::new());
    // Without --context: the one it was begun in, which may write. The timeout takes 25 % back.
    take_up(&practice.kubeconfig).is(3, &["rolled_back"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    verifies(&work);
}

#[test]
fn a_fault_of_the_driver_is_told_to_who_reads_lines() {
    let work = Work::new("panic-lines");
    let mut demo = pilothouse(&work);
    demo.args(["demo", "--headless", "--scenario", "healthy", "-o", "jsonl"]).env("PILOTHOUSE_PANIC", "drive");
    let said = ends(&mut demo, SOON);
    said.is(7, &["a fault in Pilothouse ended the driver", "nothing can be taken up", "pilothouse audit show"]);
    let end: serde_json::Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_eq!((&end["type"], &end["exit_code"]), (&"end".into(), &7.into()), "{said}");
    verifies(&work);
}

#[test]
fn journals_that_cannot_be_taken_up() {
    let work = Work::new("journal");
    let practice = Practice::start(&work, "healthy");
    let mut first = pilothouse(&work);
    first.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-f"]).arg(tenants().write(&work));
    let first = Process(first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("the new version", SOON, || (!practice.leftovers().is_empty()).then_some(()));
    drop(first);
    let (dir, id) = (run_dir(&work.state()), run_id(&work.state()));
    let resume = || {
        let mut command = pilothouse(&work);
        command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["resume", "--headless", &id, "--timeout", "1s"]);
        ends(&mut command, SOON)
    };
    let files: Vec<(PathBuf, Vec<u8>)> = ["audit.jsonl", "snapshot.json", "inbox.jsonl"]
        .map(|f| (dir.join(f), std::fs::read(dir.join(f)).unwrap()))
        .into();
    let unchanged = |but: &str| {
        for (path, was) in files.iter().filter(|(p, _)| !p.ends_with(but)) {
            assert_eq!(&std::fs::read(path).unwrap(), was, "{} was touched", path.display());
        }
    };
    let put_back = || files.iter().for_each(|(path, was)| std::fs::write(path, was).unwrap());

    // From a version to come.
    let text = String::from_utf8(files[1].1.clone()).unwrap();
    std::fs::write(&files[1].0, text.replacen("\"schema\":1", "\"schema\":7", 1)).unwrap();
    resume().is(1, &["newer", "schema 7"]);
    unchanged("snapshot.json");
    put_back();
    let audit = String::from_utf8(files[0].1.clone()).unwrap();
    std::fs::write(&files[0].0, audit.replacen("\"schema\":1", "\"schema\":7", 1)).unwrap();
    resume().is(1, &["newer", "schema 7"]);
    ends(pilothouse(&work).args(["audit", "verify", &id]), SOON).is(2, &["record 1"]);
    put_back();
    // Somebody wrote in the middle.
    std::fs::write(&files[0].0, audit.replacen("preflight good", "preflight best", 1)).unwrap();
    resume().is(1, &["audit.jsonl", "hash"]);
    ends(pilothouse(&work).args(["audit", "verify", &id]), SOON).is(2, &["expected", "found"]);
    unchanged("audit.jsonl");
    put_back();
    // The snapshot is half written.
    std::fs::write(&files[1].0, &files[1].1[..files[1].1.len() / 2]).unwrap();
    resume().is(1, &["snapshot.json"]);
    unchanged("snapshot.json");
    put_back();
    // The last line is half written: set aside, and all goes on.
    std::fs::write(&files[0].0, [&files[0].1[..], b"{\"at\":\"2026-"].concat()).unwrap();
    let said = resume();
    assert!(said.code != Some(1), "{said}");
    assert!(said.err.contains("half written") && dir.join("audit.jsonl.torn").exists(), "{said}");
    verifies(&work);
    ends(pilothouse(&work).args(["audit", "show", "nope"]), SOON).is(1, &["no run `nope`", &id]);
}

#[test]
fn what_is_typed_wrong_is_answered_with_what_there_is() {
    let work = Work::new("typed");
    let said = |args: &[&str]| ends(pilothouse(&work).args(args), SOON);
    said(&["demo", "--headless", "--scenario", "helthy"]).is(1, &["did you mean `healthy`", "error-spike"]);
    said(&["demo", "--headless", "--speed", "0"]).is(1, &["0.1 to 100000"]);
    said(&["practice", "--speed", "max"]).is(1, &["pilothouse demo"]);
    said(&["--zone", "Mars/North", "runs"]).is(1, &["Mars/North", "Europe/Berlin"]);
    said(&["run"]).is(1, &["--file"]);
    said(&["rnu"]).is(1, &["rnu"]);
    said(&["resume", "--headless"]).is(1, &["no run under", "pilothouse runs"]);
    said(&["runs"]).is(0, &["No run yet", "pilothouse run -f", "a demo says at its end"]);
    said(&["--read-only", "resume", "--headless"]).is(1, &["--read-only", "drives nothing"]);
    let files = tenants().write(&work);
    said(&["--read-only", "run", "-f", files.to_str().unwrap()]).is(1, &["drives nothing"]);
    nothing_begun(&work, None);
}

/// A reader that has seen enough is no fault.
#[test]
fn a_reader_that_leaves_is_no_panic() {
    let work = Work::new("pipe");
    for args in ["--help", "demo --list", "schema", "man", "completions bash", "keys print default"] {
        let script = format!("{} {args} | head -n 1", crate::support::e2e::PROGRAM);
        let said = ends(std::process::Command::new("sh").args(["-c", &script]).env("HOME", &work.0), SOON);
        said.is(0, &[]);
        assert!(!said.out.is_empty() && !said.err.contains("panicked"), "{args}: {said}");
    }
}

/// Connections that are taken and never answered: a renewal of the lease hangs, and nothing else may hang with it.
#[test]
fn a_server_that_takes_calls_and_answers_none_stops_nothing_else() {
    let work = Work::new("silent");
    let practice = Practice::start(&work, "healthy");
    let files = tenants().write(&work);
    let mut command = pilothouse(&work);
    command.arg("--kubeconfig").arg(&practice.kubeconfig).args(["run", "-o", "jsonl", "-f"]).arg(files);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the first record", SOON, || work.state().join("runs").exists().then_some(()));
    until("the new version", SOON, || (!practice.leftovers().is_empty()).then_some(()));
    practice.stops();
    std::thread::sleep(Duration::from_secs(6));
    practice.goes_on();
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "TERM");
    let said = ended(child, SOON);
    assert!(said.out.contains("cluster:") && said.out.contains("leaving (SIGTERM)"), "{said}");
    assert_eq!(practice.leftovers(), Vec::<String>::new());
}
