//! Runs `tests/scenarios/gate/*.toml` through `gate try`: samples in, decisions out.
//!
//! A scenario has a `[policy]` (what differs from one plain step), a `[gate]` as in a policy file, and `looks`: one
//! line for each sample, `sample => decision`. The sample is a JSON line as `gate try` reads it. The decision is the
//! verdict, then in any order: `acts_as X` (when left out: the verdict itself), `asks`, `fires` (when left out: it must
//! not), `dwell N` in seconds, `count N` of the trigger, and `"text"` that the reason must contain. Blank lines and
//! lines that begin with # are for the reader.
use std::fs;
use std::path::Path;

use pilothouse::cli::gate_try::{Output, gate_try};
use pilothouse::spec::Policy;
use pilothouse::spec::policy::PolicySpec;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    about: String,
    #[serde(default)]
    policy: serde_json::Map<String, Value>,
    gate: Value,
    looks: String,
}

/// All that differs, or nothing.
fn run(text: &str) -> Result<usize, String> {
    let scenario: Scenario = toml::from_str(text).map_err(|e| e.to_string())?;
    if scenario.about.trim().is_empty() {
        return Err("`about` is empty".into());
    }
    let mut spec = scenario.policy;
    let mut gate = scenario.gate;
    gate["name"] = gate.get("name").cloned().unwrap_or(json!("error_rate"));
    let name = gate["name"].as_str().ok_or("the gate's name is no text")?.to_string();
    spec.insert("steps".into(), json!([{"weight": 100, "hold": "2m"}]));
    spec.insert("gates".into(), json!([gate]));
    let spec: PolicySpec = serde_json::from_value(Value::Object(spec)).map_err(|e| e.to_string())?;
    let looks: Vec<(&str, &str)> = scenario
        .looks
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| line.split_once("=>").ok_or(format!("no => in: {line}")))
        .collect::<Result<_, _>>()?;
    let samples: String = looks.iter().map(|(sample, _)| format!("{}\n", sample.trim())).collect();
    let out = gate_try(&Policy { name: "scenario".into(), spec }, &name, &samples, Output::Json)?;
    let decisions: Vec<Value> =
        out.lines().map(|l| serde_json::from_str(l).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
    if decisions.len() != looks.len() || looks.is_empty() {
        return Err(format!("{} decisions for {} looks", decisions.len(), looks.len()));
    }
    let differ: Vec<String> = looks
        .iter()
        .zip(&decisions)
        .filter_map(|((sample, wanted), got)| {
            let why = differs(wanted.trim(), got)?;
            Some(format!("{}\n  wanted {}\n  got    {got}\n  {why}", sample.trim(), wanted.trim()))
        })
        .collect();
    if differ.is_empty() { Ok(looks.len()) } else { Err(differ.join("\n")) }
}

fn differs(wanted: &str, got: &Value) -> Option<String> {
    let (words, reason) = match wanted.split_once('"') {
        Some((words, reason)) => (words, Some(reason.trim_end_matches('"'))),
        None => (wanted, None),
    };
    let mut words = words.split_whitespace();
    let verdict = words.next().unwrap_or_default();
    let (mut acts_as, mut asks, mut fires) = (verdict, false, false);
    let mut problems = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "fires" => fires = true,
            "asks" => asks = true,
            "acts_as" => acts_as = words.next().unwrap_or_default(),
            "dwell" | "count" => {
                let number = words.next().and_then(|n| n.parse::<f64>().ok());
                let is = if word == "dwell" { &got["dwell"] } else { &got["progress"]["count"]["bad"] };
                if number.is_none() || is.as_f64() != number {
                    problems.push(format!("{word} is {is}"));
                }
            }
            other => problems.push(format!("a scenario has no word `{other}`")),
        }
    }
    for (field, wanted) in
        [("verdict", json!(verdict)), ("acts_as", json!(acts_as)), ("asks", json!(asks)), ("fires", json!(fires))]
    {
        if got[field] != wanted {
            problems.push(format!("{field} is {}", got[field]));
        }
    }
    if let Some(reason) = reason
        && !got["reason"].as_str().is_some_and(|is| is.contains(reason))
    {
        problems.push("the reason differs".into());
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/gate");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    assert!(paths.len() >= 10, "only {} scenarios were found", paths.len());
    let mut broken = Vec::new();
    for path in &paths {
        if let Err(why) = run(&fs::read_to_string(path).unwrap()) {
            broken.push(format!("{}:\n{why}", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

/// A runner that passes everything would be worth nothing.
#[test]
fn a_wrong_expectation_is_noticed() {
    let scenario = |decision: &str| {
        format!(
            "about = \"x\"\nlooks = '''\n{{\"at\": 0, \"values\": [0.02], \"requests\": 500}} => {decision}\n'''\n\
             [gate]\nmeasure = \"error_rate\"\nmax = \"1%\"\n"
        )
    };
    assert_eq!(run(&scenario("Bad fires \"2.00% > max 1.00%\"")), Ok(1));
    for wrong in [
        "Good fires",
        "Bad",
        "Bad fires asks",
        "Bad fires dwell 10",
        "Bad fires count 1",
        "Bad fires acts_as Good",
        "Bad fires \"3.00%\"",
        "Bad fires soon",
        "",
    ] {
        assert!(run(&scenario(wrong)).is_err(), "{wrong}");
    }
}
