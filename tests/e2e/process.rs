//! The program as a process: what it prints where, and with which code it ends.
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use portable_pty::{CommandBuilder, NativePtySystem, PtySize, PtySystem};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pilothouse");

/// A folder of its own that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-process-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A run that has ended, as another process left it.
    fn ended_run(&self) -> String {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal-v1/runs/7f3a");
        for file in std::fs::read_dir(golden).unwrap().map(|e| e.unwrap().path()) {
            let name = format!("state/runs/7f3a/{}", file.file_name().unwrap().to_string_lossy());
            self.put(&name, &std::fs::read_to_string(&file).unwrap());
        }
        self.0.join("state").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_remove("KUBECONFIG").stdin(Stdio::null());
    command
}

fn said(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn examples() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop").display().to_string()
}

/// The exit code when nobody reads standard output.
fn unread(args: &[&str]) -> i32 {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    program(args).stdout(writer).stderr(Stdio::null()).status().unwrap().code().unwrap()
}

#[test]
fn a_reader_that_left_changes_no_exit_code() {
    let folder = Folder::new("unread");
    let bad = folder.put("bad.yaml", "kind: Fleet\n");
    let state = folder.ended_run();
    assert_eq!(unread(&["validate", "-f", &bad]), 1);
    assert_eq!(unread(&["validate", "-f", &examples()]), 0);
    assert_eq!(unread(&["audit", "verify", "--state-dir", &state]), 0);
    let audit = folder.0.join("state/runs/7f3a/audit.jsonl");
    let forged = std::fs::read_to_string(&audit).unwrap().replacen("raised", "lowered", 1);
    std::fs::write(&audit, forged).unwrap();
    assert_eq!(unread(&["audit", "verify", "--state-dir", &state]), 2);
    for command in ["schema", "man", "keys"] {
        assert_eq!(unread(&[command]), 0, "{command}");
    }
}

#[test]
fn keys_and_themes_alone_are_listed() {
    for what in ["keys", "themes"] {
        let (code, out, _) = said(&[what]);
        assert_eq!((code, out.as_str()), (0, said(&[what, "list"]).1.as_str()));
        assert!(!out.is_empty());
    }
}

#[test]
fn a_state_folder_that_is_a_file_is_an_error() {
    let folder = Folder::new("state");
    let file = folder.put("state", "x");
    for command in [&["runs"][..], &["audit", "verify"], &["resume", "--headless"]] {
        let (code, out, err) = said(&[command, &["--state-dir", &file]].concat());
        assert!(code == 1 && out.is_empty() && err.contains("is no folder"), "{out}{err}");
    }
}

#[test]
fn an_ended_run_is_not_taken_up_and_needs_no_cluster_to_say_so() {
    let folder = Folder::new("ended");
    let state = folder.ended_run();
    let (code, _, err) = said(&["resume", "7f3a", "--headless", "--state-dir", &state, "--kubeconfig", "/nowhere"]);
    assert!(code == 1 && err.contains("run 7f3a has ended") && err.contains("audit show 7f3a"), "{err}");
}

#[test]
fn a_run_that_cannot_begin_says_so_in_the_form_that_was_asked_for() {
    let folder = Folder::new("dead");
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: \
                      \"http://127.0.0.1:1\"}}]\nusers: [{name: a, user: {}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n";
    let kubeconfig = folder.put("kubeconfig", kubeconfig);
    let (files, state) = (examples(), folder.0.join("state").display().to_string());
    let dead = ["--kubeconfig", &kubeconfig, "--context", "a", "--state-dir", &state];
    let run = |output| said(&[&["run", "-f", &files, "-o", output][..], &dead].concat());
    let (code, out, err) = run("jsonl");
    let end: Value = serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!((code, end["exit_code"].as_i64(), end["outcome"].as_str()), (6, Some(6), Some("not_begun")), "{out}");
    assert!(end["sentence"].as_str().unwrap().contains("127.0.0.1:1"), "{out}");
    let (code, out, _) = run("junit");
    assert_eq!(code, 6);
    assert!(out.starts_with("<?xml") && out.trim_end().ends_with("</testsuites>"), "{out}");
    assert!(out.contains("errors=\"1\"") && out.contains("<error type=\"not begun\""), "{out}");
    let (code, out, err) = run("text");
    assert!(code == 6 && out.is_empty() && err.contains("127.0.0.1:1"), "{out}{err}");
}

#[test]
fn a_terminal_that_cannot_draw_is_none() {
    for term in ["dumb", ""] {
        let pair = NativePtySystem::default()
            .openpty(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.arg("demo");
        command.env("TERM", term);
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut seen = Vec::new();
        // On Linux the read fails once nobody holds the other end.
        let _ = reader.read_to_end(&mut seen);
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert_eq!(child.wait().unwrap().exit_code(), 1, "{seen}");
        assert!(seen.contains("cannot draw") && !seen.contains('\u{1b}'), "{seen:?}");
    }
}

/// A gate is tried by itself: that the policy could not carry a run is a warning.
#[test]
fn a_gate_that_only_compares_can_be_tried() {
    let folder = Folder::new("try");
    let policy = |gate: &str| {
        format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  steps: [{{weight: 100, hold: \
             2m}}]\n  gates:\n    - {{name: a, {gate}}}\n"
        )
    };
    for gate in ["measure: error_rate, baseline: {ratio: 2}", "promql: up, freshness: up, baseline: {ratio: 2}"] {
        let file = folder.put("policy.yaml", &policy(gate));
        let mut child = program(&["gate", "try", "-f", &file, "--gate", "a", "--samples", "-", "-o", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let sample = r#"{"at": 0, "values": [0.3], "requests": 500, "baseline": [0.1], "baseline_requests": 500}"#;
        child.stdin.take().unwrap().write_all(sample.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && out.contains(r#""verdict":"Bad""#), "{gate}: {out}{err}");
        assert!(err.contains("warning") && err.contains("every gate only compares"), "{gate}: {err}");
        let (code, out, _) = said(&["validate", "-f", &file]);
        assert!(code == 1 && out.contains("every gate only compares"), "{gate}: {out}");
    }
}
