use serde_json::{Value, json};

use super::*;
use crate::spec::policy::PolicySpec;

fn policy() -> Policy {
    let spec: PolicySpec = serde_json::from_value(json!({
        "steps": [{"weight": 100, "hold": "2m"}],
        "gates": [
            {"name": "error_rate", "measure": "error_rate", "max": "1%", "trigger": {"for": "20s"}},
            {"name": "p95", "measure": "latency_quantile", "quantile": 0.95, "max": "2s", "trigger": {"k_of_n": {"k": 2, "n": 3}}},
        ],
    }))
    .unwrap();
    Policy { name: "mine".into(), spec }
}

fn lines(samples: &str) -> Vec<Value> {
    let out = gate_try(&policy(), "error_rate", samples, Output::Json).unwrap();
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn refuses(samples: &str, parts: &[&str]) {
    for output in [Output::Json, Output::Text] {
        let error = gate_try(&policy(), "error_rate", samples, output).unwrap_err();
        for part in parts.iter().chain(&["\"values\": ["]) {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
}

#[test]
fn one_line_in_one_decision_out() {
    let out = gate_try(
        &policy(),
        "error_rate",
        "{\"at\": 1763777400, \"values\": [0.02], \"requests\": 500}\n\n{\"at\": 1763777410.5, \"values\": [\"0.02\"]}\r\n",
        Output::Json,
    )
    .unwrap();
    let wanted = concat!(
        r#"{"at":1763777400,"verdict":"Bad","acts_as":"Bad","asks":false,"reason":"error rate 2.00% > max 1.00%","#,
        r#""value":0.02,"requests":500.0,"dwell":0,"progress":{"dwell":{"bad_for":"0s","of":"20s"}},"fires":false}"#,
        "\n",
        r#"{"at":1763777410.5,"verdict":"Bad","acts_as":"Bad","asks":false,"reason":"error rate 2.00% > max 1.00%","#,
        r#""value":0.02,"requests":null,"dwell":10.5,"progress":{"dwell":{"bad_for":"10s500ms","of":"20s"}},"#,
        r#""fires":false}"#,
        "\n",
    );
    assert_eq!(out, wanted);
}

#[test]
fn every_field_is_heard() {
    let seen = lines(
        r#"
{"at": 0, "values": [], "requests": 500}
{"at": 10, "values": ["NaN"], "requests": 500}
{"at": 20, "values": ["+Inf"], "requests": 500}
{"at": 30, "values": ["-Inf"], "requests": 500}
{"at": 40, "values": [0, 0], "requests": 500}
{"at": 50, "error": "timed out"}
{"at": 60, "values": [0], "requests": 12}
{"at": 70, "values": [0], "requests": 500, "sample_at": 45}
{"at": 80, "values": [0], "requests": 500, "sample_at": 54.9}
{"at": 90, "values": [1e-2], "requests": 500, "sample_at": null, "error": null}
"#,
    );
    let verdicts: Vec<&str> = seen.iter().map(|d| d["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        verdicts,
        ["NoData", "NoData", "Invalid", "Invalid", "Invalid", "ProviderDown", "TooFew", "Good", "Stale", "Good"]
    );
    assert_eq!(seen[5]["reason"], "timed out");
}

#[test]
fn the_source_interval_of_the_policy_counts() {
    let old = r#"{"at": 100, "values": [0], "requests": 500, "sample_at": 40}"#;
    let verdict = |interval| {
        let mut policy = policy();
        policy.spec.source_interval = interval;
        gate_try(&policy, "error_rate", old, Output::Json).unwrap()
    };
    assert!(verdict(None).contains("\"Stale\""));
    assert!(verdict(Some(Dur::secs(30))).contains("\"Good\""));
}

#[test]
fn lines_that_cannot_be_read_name_their_number() {
    let good = r#"{"at": 0, "values": [0]}"#;
    refuses("", &["no samples"]);
    refuses(" \n\n", &["no samples"]);
    refuses(&format!("{good}\n\n{{\"at\": 1"), &["line 3", "column"]);
    refuses(r#"{"at": 0, "values": [NaN]}"#, &["line 1", "column 22"]);
    refuses(r#"{"at": 0, "values": ["fast"]}"#, &["line 1", "`values` holds \"fast\"", "\"NaN\""]);
    refuses(r#"{"at": 0, "values": [null]}"#, &["`values` holds null"]);
    refuses(r#"{"at": 0, "values": 0.1}"#, &["line 1", "expected a sequence"]);
    refuses(r#"{"at": 0}"#, &["neither `values` nor `error`"]);
    refuses(r#"{"values": [0]}"#, &["missing field `at`"]);
    refuses(r#"{"at": "now", "values": [0]}"#, &["line 1"]);
    refuses(r#"{"at": 1e300, "values": [0]}"#, &["`at` is out of range"]);
    refuses(r#"{"at": 0, "values": [0], "request": 5}"#, &["unknown field `request`", "`requests`"]);
    refuses(r#"{"at": 0, "values": [0], "requests": -5}"#, &["`requests` is -5"]);
    refuses(r#"{"at": 0, "values": [0], "baseline": ["x"]}"#, &["`baseline` holds"]);
    refuses(&format!("{{\"at\": 10, \"values\": []}}\n{good}"), &["line 2", "`at` 0 is before 10"]);
}

#[test]
fn an_unknown_gate_is_told_which_there_are() {
    let error = gate_try(&policy(), "errors", "", Output::Text).unwrap_err();
    assert_eq!(error, "policy `mine` has no gate `errors`; its gates: error_rate, p95");
}

#[test]
fn a_person_reads_a_table() {
    let samples = "{\"at\":0,\"values\":[0.02]}\n{\"at\":10,\"values\":[0.02]}\n{\"at\":20,\"values\":[]}\n\
                   {\"at\":30,\"values\":[0.02]}\n{\"at\":40,\"values\":[0.02]}\n";
    let out = gate_try(&policy(), "error_rate", samples, Output::Text).unwrap();
    let wanted = "\
gate error_rate: max 1.00%; fires when bad for 20s
AT  VERDICT  ACTS AS  VALUE  DWELL         FIRES  REASON
0   Bad      Bad      2.00%  0:00 of 0:20  -      error rate 2.00% > max 1.00%
10  Bad      Bad      2.00%  0:10 of 0:20  -      error rate 2.00% > max 1.00%
20  NoData   NoData   -      0:10 of 0:20  -      no data: the source has no such series
30  Bad      Bad      2.00%  0:10 of 0:20  -      error rate 2.00% > max 1.00%
40  Bad      Bad      2.00%  0:20 of 0:20  FIRES  error rate 2.00% > max 1.00%
";
    assert_eq!(out, wanted);
    let counts = gate_try(&policy(), "p95", "{\"at\":0,\"values\":[3]}\n", Output::Text).unwrap();
    assert!(counts.contains("1 of 2") && counts.contains("p95 3.00s > max 2.00s"), "{counts}");
}

/// Per cent where a share is meant: the verdict stands, and whoever reads it is told.
#[test]
fn values_that_are_no_share_are_told() {
    let told = |samples: &str| gate_try(&policy(), "error_rate", samples, Output::Text).unwrap();
    let out = told("{\"at\":0,\"values\":[99.4]}\n{\"at\":10,\"values\":[0.994]}\n");
    let hint = "hint: 1 value outside of 0 to 1: this gate reads 99.4 as 9940.00%; if 99.4 means 99.4%, write 0.994";
    assert_eq!(out.lines().nth(1), Some(hint), "{out}");
    assert_eq!(out.matches("Bad").count(), 4, "{out}");
    assert!(!told("{\"at\":0,\"values\":[0.994]}\n{\"at\":10,\"values\":[1]}\n").contains("hint"));
    assert!(!gate_try(&policy(), "p95", "{\"at\":0,\"values\":[3]}\n", Output::Text).unwrap().contains("hint"));
}
