//! `pilothouse gate try`: what a gate of a policy says to recorded samples, line by line.
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::gate::{Context, Evaluation, Failure, GateState, Num, Progress, Sample, evaluate, limit_text, unit};
use crate::spec::Policy;
use crate::spec::policy::{Gate, Trigger};
use crate::spec::units::{Dur, Time, Unit, counted as counted_words};

/// The grid of every evaluation; a gap of more than two of it is missing time.
const GRID: Dur = Dur::secs(10);

/// What to write instead, said in every error about a line.
const EXAMPLE: &str =
    r#"write one JSON object a line, like {"at": 30, "values": [0.012], "sample_at": 28, "requests": 500}"#;

/// How the decisions are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// A table for a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Feeds each line of `samples_text` to the gate named `gate` and prints what it decides.
///
/// A line is a JSON object: `at` (seconds; never falling from line to line), `values` (numbers, or the texts `NaN`,
/// `+Inf`, `-Inf`; none is an empty answer, several are several series), and where known `sample_at` (seconds),
/// `requests`, `failed`, `baseline` (values of the old version), `baseline_requests`; or `error`, a text: the source
/// did not answer. One line is one evaluation at its `at`; none is added in between. The step starts at the first `at`,
/// the source takes new data every 10 s unless the policy has a `source_interval`.
///
/// # Errors
/// A gate the policy does not have; a line that cannot be read, with its number; no line at all. Nothing is printed
/// then.
pub fn gate_try(policy: &Policy, gate: &str, samples_text: &str, output: Output) -> Result<String, String> {
    let gate = find(policy, gate)?;
    let lines = read(samples_text)?;
    let Some((_, first)) = lines.first() else {
        return Err(format!("no samples: the file is empty; {EXAMPLE}"));
    };
    let cx = Context {
        step_start: first.at,
        grid: GRID,
        source_interval: policy.spec.source_interval.unwrap_or(GRID),
        min_requests: policy.spec.min_requests,
        max_gap: GRID.times(2),
    };
    let mut state = GateState::default();
    let decisions: Vec<(Number, Evaluation)> =
        lines.into_iter().map(|(at, sample)| (at, evaluate(gate, &cx, &mut state, &sample))).collect();
    match output {
        Output::Text => Ok(text(gate, &decisions)),
        Output::Json => json(decisions),
    }
}

fn find<'a>(policy: &'a Policy, name: &str) -> Result<&'a Gate, String> {
    let gates = &policy.spec.gates;
    gates.iter().find(|g| g.name == name).ok_or_else(|| {
        let names: Vec<&str> = gates.iter().map(|g| g.name.as_str()).collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        format!("policy `{}` has no gate `{name}`; its gates: {names}", policy.name)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Number,
    values: Option<Vec<Value>>,
    sample_at: Option<f64>,
    requests: Option<f64>,
    failed: Option<f64>,
    error: Option<String>,
    baseline: Option<Vec<Value>>,
    baseline_requests: Option<f64>,
}

/// All samples with their `at` as it was written.
fn read(text: &str) -> Result<Vec<(Number, Sample)>, String> {
    let mut out: Vec<(Number, Sample)> = Vec::new();
    // An editor's byte order mark is no part of the first line.
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let here = |why: String| format!("samples line {}: {why}; {EXAMPLE}", index + 1);
        let parsed: Line = serde_json::from_str(line).map_err(|e| {
            let why = e.to_string();
            let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
            here(format!("column {}: {why}", e.column()))
        })?;
        let (at, sample) = sample(parsed).map_err(here)?;
        if let Some((earlier, last)) = out.last()
            && sample.at < last.at
        {
            return Err(here(format!(
                "`at` {at} is before {earlier} of an earlier line, samples come in order of time"
            )));
        }
        out.push((at, sample));
    }
    Ok(out)
}

fn sample(line: Line) -> Result<(Number, Sample), String> {
    let at = instant(line.at.as_f64(), "at")?;
    let mut sample = match (&line.error, line.values) {
        (Some(error), _) => Sample::failed(at, Failure::Down(error.clone())),
        (None, Some(values)) => Sample { series: series(&values, "values")?, ..Sample::empty(at) },
        (None, None) => {
            return Err("neither `values` nor `error`: an answer without series is \"values\": []".into());
        }
    };
    sample.sample_at = line.sample_at.map(|s| instant(Some(s), "sample_at")).transpose()?;
    sample.requests = counted(line.requests, "requests")?;
    sample.failed = counted(line.failed, "failed")?;
    sample.baseline_requests = counted(line.baseline_requests, "baseline_requests")?;
    sample.baseline = line.baseline.map(|values| series(&values, "baseline")).transpose()?;
    Ok((line.at, sample))
}

/// Seconds to an instant; a million years either way are enough.
fn instant(seconds: Option<f64>, field: &str) -> Result<Time, String> {
    match seconds {
        Some(s) if s.abs() < 3e13 => Ok(Time((s * 1000.0).round() as i64)),
        _ => Err(format!("`{field}` is out of range: give seconds")),
    }
}

fn counted(count: Option<f64>, field: &str) -> Result<Option<f64>, String> {
    match count {
        Some(n) if n < 0.0 => Err(format!("`{field}` is {n}, a number of requests is 0 or more")),
        count => Ok(count),
    }
}

fn series(values: &[Value], field: &str) -> Result<Vec<Num>, String> {
    let one = |value: &Value| match value {
        Value::Number(n) => Ok(Num(n.to_string())),
        Value::String(text) if Num(text.clone()).read().is_some() => Ok(Num(text.clone())),
        other => Err(format!("`{field}` holds {other}; a value is a number, \"NaN\", \"+Inf\" or \"-Inf\"")),
    };
    values.iter().map(one).collect()
}

#[derive(Serialize)]
struct Decision {
    at: Number,
    verdict: &'static str,
    acts_as: &'static str,
    asks: bool,
    reason: String,
    value: Option<f64>,
    requests: Option<f64>,
    /// Seconds all samples have been bad, under `for`; 0 under any other trigger.
    dwell: Number,
    progress: Progress,
    fires: bool,
}

fn json(decisions: Vec<(Number, Evaluation)>) -> Result<String, String> {
    let mut out = String::new();
    for (at, e) in decisions {
        let decision = Decision {
            dwell: dwell(&e),
            at,
            verdict: e.verdict.term(),
            acts_as: e.acts_as.term(),
            asks: e.asks,
            reason: e.reason,
            value: e.value,
            requests: e.requests,
            progress: e.progress,
            fires: e.fires,
        };
        out += &serde_json::to_string(&decision).map_err(|e| format!("a decision cannot be written as JSON: {e}"))?;
        out.push('\n');
    }
    Ok(out)
}

/// Seconds, without a fraction where there is none.
fn dwell(e: &Evaluation) -> Number {
    let Progress::Dwell { bad_for, .. } = e.progress else { return Number::from(0) };
    match bad_for.0 % 1000 {
        0 => Number::from(bad_for.0 / 1000),
        _ => Number::from_f64(bad_for.as_secs_f64()).unwrap_or_else(|| Number::from(bad_for.0 / 1000)),
    }
}

fn text(gate: &Gate, decisions: &[(Number, Evaluation)]) -> String {
    let (name, how) = match &gate.trigger {
        Trigger::Instant => ("TRIGGER", "fires at the first bad sample".into()),
        Trigger::For(d) => ("DWELL", format!("fires when bad for {d}")),
        Trigger::Consecutive(n) => ("BAD", format!("fires at {n} bad in a row")),
        Trigger::KOfN(of) => ("BAD", format!("fires at {} bad of the last {}", of.k, of.n)),
        Trigger::BurnRate(_) => ("BURN", "fires when a burn rate is over its factor in both windows".into()),
    };
    let mut rows = vec![["AT", "VERDICT", "ACTS AS", "VALUE", name, "FIRES", "REASON"].map(String::from)];
    rows.extend(decisions.iter().map(|(at, e)| {
        [
            at.to_string(),
            e.verdict.term().into(),
            if e.asks { "asks".into() } else { e.acts_as.term().into() },
            e.value.map_or("-".into(), |v| unit(gate).show(v)),
            progress(&e.progress),
            if e.fires { "FIRES".into() } else { "-".into() },
            e.reason.clone(),
        ]
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = format!("gate {}: {}; {how}\n", gate.name, limit_text(gate));
    out.push_str(&beyond_a_share(gate, decisions).unwrap_or_default());
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out
}

/// Values that no share of a whole has are most likely per cent: the verdict takes them as they are, and says so here.
fn beyond_a_share(gate: &Gate, decisions: &[(Number, Evaluation)]) -> Option<String> {
    if unit(gate) != Unit::Ratio {
        return None;
    }
    let beyond: Vec<f64> = decisions.iter().filter_map(|(_, e)| e.value).filter(|v| !(0.0..=1.0).contains(v)).collect();
    let first = beyond.first()?;
    let written = match *first {
        v if (1.0..=100.0).contains(&v) => format!("; if {v} means {v}%, write {}", (v * 1e4).round() / 1e6),
        _ => String::new(),
    };
    let values = counted_words(beyond.len(), "value");
    Some(format!(
        "hint: {values} outside of 0 to 1: this gate reads {first} as {}{written}\n",
        Unit::Ratio.show(*first)
    ))
}

fn progress(progress: &Progress) -> String {
    match progress {
        Progress::Instant => "-".into(),
        Progress::Dwell { bad_for, of } => format!("{} of {}", bad_for.clock(), of.clock()),
        Progress::Count { bad, of } => format!("{bad} of {of}"),
        Progress::Burn { long, short, factor } => format!("{long:.2} and {short:.2} of {factor}"),
    }
}

#[cfg(test)]
#[path = "gate_try_tests.rs"]
mod tests;
