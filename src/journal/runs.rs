//! The list of runs in a state folder.
use std::path::Path;

use serde_json::Value;

use super::chain;
use super::dir::{Holder, RunDir};
use super::store::{FileName, Store};
use crate::engine::run::{CameTo, Outcome};
use crate::spec::canonical;
use crate::spec::units::Time;

/// One run, for a list. Read leniently: a run of another version, or a damaged one, is listed with what can be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSummary {
    pub id: String,
    pub upgrade: String,
    pub fleet: String,
    pub environment: String,
    pub created: Option<Time>,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    pub outcome: Option<Outcome>,
    /// Why the last process left it, if it did.
    pub left: Option<String>,
    /// Of the plan in force.
    pub plan_hash: String,
    /// Flags by which its cluster and folder were named.
    pub flags: String,
    /// On a practice cluster that ended with its process: there is nothing to take up.
    pub rehearsal: bool,
    /// Who started or drove it last.
    pub by: String,
    /// The process that drives it now, on this machine.
    pub driver: Option<Holder>,
    /// What is wrong with its files, if something is.
    pub problem: Option<String>,
}

impl RunSummary {
    /// Somebody may take it up.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && self.problem.is_none() && !self.rehearsal
    }
}

/// All runs, newest first.
pub(super) fn list(state_dir: &Path) -> Vec<RunSummary> {
    let mut all: Vec<RunSummary> = RunDir::all(state_dir).iter().map(summary).collect();
    all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    all
}

fn summary(dir: &RunDir) -> RunSummary {
    let mut summary = RunSummary { id: dir.id().into(), driver: dir.driver(), ..RunSummary::default() };
    let store = dir.store();
    let json = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|t| canonical::parse(t).ok());
    let snapshot = store.read(FileName::Snapshot).ok().flatten();
    if let Some(run) = snapshot.as_deref().and_then(json).as_ref().and_then(|s| s.get("run")) {
        fill(&mut summary, run);
        return summary;
    }
    let audit = store.read(FileName::Audit).ok().flatten().unwrap_or_default();
    match chain::lines(&audit).whole.first().and_then(|line| json(line)) {
        Some(header) => {
            fill(&mut summary, &header["body"]);
            let wrote = |line: &&[u8]| json(line).is_some_and(|r| r["kind"] == "result");
            let problem = match chain::lines(&audit).whole.iter().any(wrote) {
                true => "its snapshot is gone",
                false => "ended before its first decision",
            };
            summary.problem = Some(problem.into());
        }
        None => summary.problem = Some("its files cannot be read".into()),
    }
    if snapshot.is_some() {
        summary.problem = Some("its snapshot cannot be read".into());
    }
    summary
}

/// `value` is a run of a snapshot, or the body of a header: they name these things alike.
fn fill(summary: &mut RunSummary, value: &Value) {
    let text = |v: &Value| super::text::clean(v.as_str().unwrap_or_default());
    let time = |name: &str| value[name].as_i64().map(Time);
    summary.upgrade = text(&value["plan"]["upgrade"]);
    summary.fleet = text(&value["plan"]["fleet"]);
    summary.environment = text(&value["plan"]["environment"]["name"]);
    summary.created = time("created");
    summary.started = time("started");
    summary.ended = time("ended");
    summary.outcome = serde_json::from_value(value["stage"]["ended"].clone()).ok();
    let leaving = &value["leaving"];
    let came_to = serde_json::from_value(leaving["came_to"].clone()).ok();
    summary.left = match came_to {
        Some(CameTo::RollbackBlocked) => Some("rollback blocked".into()),
        Some(CameTo::Lost) => Some("lost cluster or metrics".into()),
        Some(CameTo::Partial) => Some("partial".into()),
        Some(CameTo::Fault) | None => leaving["why"].as_str().map(super::text::clean),
    };
    summary.plan_hash = text(&value["plan_hash"]);
    summary.flags = text(&value["flags"]);
    summary.rehearsal = value["rehearsal"].as_bool().unwrap_or(false);
    summary.by = match &value["identity"]["name"] {
        Value::String(name) => super::text::clean(name),
        _ => text(&value["by"]["name"]),
    };
}
