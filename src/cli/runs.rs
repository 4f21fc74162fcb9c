//! `pilothouse runs`: what is in the state folder.
use std::path::Path;

use chrono_tz::Tz;
use serde_json::json;

use super::audit::Output;
use crate::engine::run::Outcome;
use crate::journal::{RunDir, RunSummary};
use crate::spec::units::Time;

/// What to print and the exit code, which is 0: no run yet is no error. Times are in `zone`.
pub fn runs(state_dir: &Path, output: Output, zone: Tz) -> (String, i32) {
    let runs = RunDir::list(state_dir);
    match output {
        Output::Csv => ("`runs` writes text or jsonl".into(), 1),
        Output::Jsonl => (runs.iter().map(|r| json_line(r) + "\n").collect(), 0),
        Output::Text if runs.is_empty() => (
            format!(
                "No run yet under {}. `pilothouse run -f PATH` starts one; a demo says at its end where its journal is.\n",
                state_dir.display()
            ),
            0,
        ),
        Output::Text => (table(&runs, zone), 0),
    }
}

/// The outcome, or what the run is at.
fn state(run: &RunSummary) -> String {
    match (&run.outcome, &run.driver, &run.problem) {
        (_, Some(holder), _) => match holder.pid {
            Some(pid) => format!("driven by process {pid}"),
            None => "driven".into(),
        },
        (_, None, Some(problem)) => problem.clone(),
        (Some(outcome), ..) => word(*outcome).into(),
        (None, None, None) => {
            let left = run.left.as_ref().map_or_else(String::new, |why| format!(", left: {why}"));
            if run.rehearsal {
                return format!("not ended{left}; its practice cluster ended with it");
            }
            let resume = format!("pilothouse resume {} {}", run.id, run.flags);
            format!("not ended{left}; `{}`", resume.trim_end())
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::RolledBack => "rolled back",
        Outcome::Partial => "partial",
        Outcome::Aborted => "aborted",
        Outcome::Blocked => "blocked",
    }
}

fn table(runs: &[RunSummary], zone: Tz) -> String {
    let time = |t: Option<Time>| match t {
        Some(t) => t.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        None => "-".into(),
    };
    let head = ["RUN", "UPGRADE", "FLEET/ENV", "STARTED", "ENDED", "BY", "OUTCOME"].map(str::to_owned);
    let row = |r: &RunSummary| {
        let place = format!("{}/{}", r.fleet, r.environment);
        [r.id.clone(), r.upgrade.clone(), place, time(r.started.or(r.created)), time(r.ended), r.by.clone(), state(r)]
    };
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(runs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        line.push_str(&row[6]);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out + &format!("Times in {zone}, newest first.\n")
}

fn json_line(run: &RunSummary) -> String {
    let time = |t: Option<Time>| t.map(|t| t.to_string());
    json!({
        "type": "run", "schema": 1, "run": run.id, "upgrade": run.upgrade, "fleet": run.fleet,
        "environment": run.environment, "plan_hash": run.plan_hash, "created": time(run.created), "started": time(run.started),
        "ended": time(run.ended), "outcome": run.outcome, "left": run.left, "by": run.by, "driver_pid": run.driver.as_ref().and_then(|d| d.pid),
        "driven": run.driver.is_some(), "rehearsal": run.rehearsal, "problem": run.problem,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit;
    use crate::engine::effect::EventKind;
    use crate::engine::run::Stage;
    use crate::journal::entry::Entry;
    use crate::journal::testing::{self, at, event};
    use crate::journal::tests::disk::Folder;
    use crate::journal::{Header, Journal};

    #[test]
    fn runs_are_listed_shown_and_verified_from_the_command_line() {
        let state = Folder::new("cli");
        assert!(runs(&state.0, Output::Text, Tz::UTC).0.starts_with("No run yet"));
        assert_eq!(audit::verify(&state.0, None, Output::Text).1, 1);
        let mut run = testing::run();
        let mut journal = Journal::create(RunDir::create(&state.0, "7f3a").unwrap(), Header::new(&run)).unwrap();
        let gate = event(72, EventKind::Gate, Some("billing"), "error rate 1.31% > max 1.00%");
        (run.stage, run.ended) = (Stage::Ended(Outcome::RolledBack), Some(at(600)));
        journal.commit(&[Entry::Event(gate)], &run).unwrap();
        let (text, _) = runs(&state.0, Output::Text, chrono_tz::Europe::Berlin);
        assert!(text.contains(&format!("driven by process {}", std::process::id())), "{text}");
        drop(journal);
        let (lines, _) = runs(&state.0, Output::Jsonl, Tz::UTC);
        assert!(lines.contains(&format!("\"plan_hash\":\"{}\"", run.plan_hash)), "{lines}");
        let (text, code) = runs(&state.0, Output::Text, chrono_tz::Europe::Berlin);
        assert_eq!(code, 0);
        let row = "7f3a  release-2026-4  shop/prod-eu1  2026-11-22 03:00  2026-11-22 03:10  mara  rolled back";
        assert!(text.contains(row), "{text}");
        let (text, code) = audit::show(&state.0, None, Output::Text, Tz::UTC);
        assert!(code == 0 && text.contains("error rate 1.31% > max 1.00%"), "{text}");
        let (text, code) = audit::verify(&state.0, Some("7f3a"), Output::Jsonl);
        assert!(code == 0 && text.contains("\"sound\":true"), "{text}");

        let path = state.0.join("runs/7f3a/audit.jsonl");
        let forged = std::fs::read_to_string(&path).unwrap().replace("1.31%", "0.31%");
        std::fs::write(&path, forged).unwrap();
        let (text, code) = audit::verify(&state.0, None, Output::Text);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("record 3: its hash is not that of its content\n    expected  "), "{text}");
        // Converted by an editor, each record is another one.
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace('\n', "\r\n").repeat(8)).unwrap();
        let (text, _) = audit::verify(&state.0, None, Output::Text);
        assert!(text.contains(" more; `-o jsonl` lists all of them"), "{text}");
        assert!(text.matches("\n  record ").count() == 20, "{text}");
        let (text, code) = audit::show(&state.0, Some("nope"), Output::Csv, Tz::UTC);
        assert!(code == 1 && text.contains("Known, newest first: 7f3a"), "{text}");
    }
}
