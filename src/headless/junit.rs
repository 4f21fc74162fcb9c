//! JUnit XML for a CI server, written once at the end.
//!
//! One suite a run, named by the upgrade. Its cases: `preflight`; one per service, which fails when the service went back
//! and errs when it was left half-way; and one per gate of each service, which fails when the gate's breach was seen.
//! Names stay the same from run to run, so that a CI server can draw their history.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Reporter;
use super::outcome::{self, exit_code, percent};
use crate::engine::effect::Event;
use crate::engine::run::{Phase, Run, Track};
use crate::spec::units::{Dur, Time};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct JUnit {
    /// (service, gate) to what its breach said. Kept here, since a gate is evaluated on after a rollback.
    breaches: BTreeMap<(String, String), String>,
    evaluated: BTreeSet<(String, String)>,
    log: String,
}

impl JUnit {
    pub fn new() -> JUnit {
        JUnit::default()
    }

    fn look(&mut self, run: &Run) {
        for track in run.tracks.values().filter(|t| !t.phase.going_back()) {
            for (gate, state) in &track.gates {
                let Some(last) = &state.last else { continue };
                let key = (track.service.clone(), gate.clone());
                if last.fires {
                    self.breaches.entry(key.clone()).or_insert_with(|| last.reason.clone());
                }
                self.evaluated.insert(key);
            }
        }
    }

    fn gate_cases(&self, run: &Run, track: &Track) -> Vec<Case> {
        let case = |gate: &String| {
            let key = (track.service.clone(), gate.clone());
            let result = match self.breaches.get(&key) {
                Some(reason) => Result::Failure { kind: "gate", message: reason.clone() },
                None if self.evaluated.contains(&key) => Result::Passed,
                None => Result::Skipped("never evaluated: the service got no traffic".into()),
            };
            Case { class: format!("{}.{}", class(run), track.service), name: gate.clone(), time: Dur::ZERO, result }
        };
        track.gates.keys().map(case).collect()
    }
}

struct Case {
    class: String,
    name: String,
    time: Dur,
    result: Result,
}

enum Result {
    Passed,
    Failure { kind: &'static str, message: String },
    Error { kind: &'static str, message: String },
    Skipped(String),
}

fn class(run: &Run) -> String {
    format!("pilothouse.{}.{}", run.plan.fleet, run.plan.environment.name)
}

impl Reporter for JUnit {
    fn event(&mut self, run: &Run, event: &Event) -> String {
        self.look(run);
        let service = event.service.as_deref().unwrap_or("-");
        // Writing to a String cannot fail.
        let _ = writeln!(self.log, "{} {} {service} {} ({})", event.at, event.kind.word(), event.text, event.who);
        String::new()
    }

    fn tick(&mut self, run: &Run, _: Time) -> Option<String> {
        self.look(run);
        None
    }

    fn end(&mut self, run: &Run) -> String {
        self.look(run);
        let mut cases = vec![preflight(run)];
        for track in run.in_order() {
            cases.push(service(run, track));
            cases.extend(self.gate_cases(run, track));
        }
        let count = |pick: fn(&Result) -> bool| cases.iter().filter(|c| pick(&c.result)).count();
        let (failures, errors, skipped) = (
            count(|r| matches!(r, Result::Failure { .. })),
            count(|r| matches!(r, Result::Error { .. })),
            count(|r| matches!(r, Result::Skipped(_))),
        );
        let end = run.ended.unwrap_or(run.now.wall);
        let counts = format!(
            "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\"",
            cases.len(),
            seconds(end.since(run.created)),
        );
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(out, "<testsuites name=\"pilothouse\" {counts}>");
        let at = run.created.utc().format("%Y-%m-%dT%H:%M:%S");
        let _ = writeln!(out, "  <testsuite name=\"{}\" timestamp=\"{at}\" {counts}>", xml(&run.plan.upgrade));
        out.push_str(&properties(run));
        for case in &cases {
            write_case(&mut out, case);
        }
        let _ = writeln!(out, "    <system-out>{}</system-out>", xml(&self.log));
        let _ = writeln!(out, "    <system-err>{}</system-err>", xml(&summary(run)));
        out.push_str("  </testsuite>\n</testsuites>");
        out
    }
}

/// A whole report of a process that could not begin: one case, which errs. An empty file would be taken for a pass by
/// some CI servers and for a fault of the server by others.
pub fn unbegun(at: Time, why: &str) -> String {
    let counts = "tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"0.000\"";
    let at = at.utc().format("%Y-%m-%dT%H:%M:%S");
    let result = Result::Error { kind: "not begun", message: why.into() };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pilothouse\" {counts}>\n  <testsuite \
         name=\"pilothouse\" timestamp=\"{at}\" {counts}>\n"
    );
    write_case(&mut out, &Case { class: "pilothouse".into(), name: "begin".into(), time: Dur::ZERO, result });
    out.push_str("  </testsuite>\n</testsuites>");
    out
}

fn summary(run: &Run) -> String {
    let mut lines = vec![outcome::sentence(run)];
    lines.extend(outcome::next(run).into_iter().map(|n| format!("Next: {n}.")));
    lines.join("\n")
}

fn properties(run: &Run) -> String {
    let mut out = String::from("    <properties>\n");
    let pairs = [
        ("run", run.id.clone()),
        ("fleet", run.plan.fleet.clone()),
        ("environment", run.plan.environment.name.clone()),
        ("plan", run.plan_hash.clone()),
        ("outcome", outcome::word(run).to_owned()),
        ("exit_code", exit_code(run).to_string()),
    ];
    for (name, value) in pairs {
        let _ = writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", xml(&value));
    }
    out + "    </properties>\n"
}

fn preflight(run: &Run) -> Case {
    let blocking: Vec<String> = run
        .preflight
        .iter()
        .flat_map(|p| &p.problems)
        .filter(|p| p.blocking)
        .map(|p| format!("{}: {} ({})", p.service.as_deref().unwrap_or("run"), p.what, p.fix))
        .collect();
    let result = match (&run.preflight, blocking.is_empty()) {
        (None, _) => Result::Error { kind: "preflight", message: "the cluster gave no answer".into() },
        (Some(_), true) => Result::Passed,
        (Some(_), false) => Result::Failure { kind: "preflight", message: blocking.join("\n") },
    };
    Case { class: class(run), name: "preflight".into(), time: Dur::ZERO, result }
}

fn service(run: &Run, track: &Track) -> Case {
    let reason = |r: &crate::engine::run::Rollback| r.reason.clone();
    let result = match &track.phase {
        Phase::Done => Result::Passed,
        Phase::RolledBack { rollback } => Result::Failure { kind: "rolled back", message: reason(rollback) },
        Phase::RollbackBlocked { rollback, reason: blocked, command, .. } => Result::Error {
            kind: "rollback blocked",
            message: format!("{}; cannot go back: {blocked}; by hand: {command}", reason(rollback)),
        },
        Phase::Skipped { why } => Result::Skipped(why.clone()),
        Phase::Waiting { .. } => Result::Skipped("not begun".into()),
        phase => Result::Error {
            kind: "unfinished",
            message: format!("left {} with {} on the new version", phase.word(), percent(track.accepted_share())),
        },
    };
    let time = track.durations.iter().fold(Dur::ZERO, |sum, (_, d)| sum + *d);
    Case { class: class(run), name: track.service.clone(), time, result }
}

fn write_case(out: &mut String, case: &Case) {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        xml(&case.class),
        xml(&case.name),
        seconds(case.time)
    );
    let element = |name: &str, kind: &str, message: &str| {
        let first = message.lines().next().unwrap_or_default();
        format!(
            "      <{name} type=\"{}\" message=\"{}\">{}</{name}>\n    </testcase>\n",
            xml(kind),
            xml(first),
            xml(message)
        )
    };
    out.push_str(&match &case.result {
        Result::Passed => format!("{head}/>\n"),
        Result::Failure { kind, message } => format!("{head}>\n{}", element("failure", kind, message)),
        Result::Error { kind, message } => format!("{head}>\n{}", element("error", kind, message)),
        Result::Skipped(why) => format!("{head}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(why)),
    });
}

fn seconds(d: Dur) -> String {
    format!("{:.3}", d.as_secs_f64())
}

/// Text for an element or an attribute. Characters XML 1.0 does not allow at all (section 2.2) are dropped, and so is
/// what reorders or hides text.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        for c in crate::journal::text::clean(line.trim_end_matches('\n')).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&apos;"),
                '\u{fffe}' | '\u{ffff}' => {}
                c => out.push(c),
            }
        }
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}
