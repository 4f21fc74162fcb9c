//! One JSON object per line, for programs.
//!
//! Every object has `type`, `schema` (1), `run`, and `at` (RFC 3339, UTC). Fields are added, never renamed or removed,
//! within a schema. `null` where a thing is not known or does not apply; durations are whole seconds, shares per cent.
//!
//! - `event`: `kind` (`run step gate cmd hold back ask fault drift page`), `who`, `service`, `text`
//! - `progress`: `stage` (`preflight ready running`), `total`, `at_100`, `paused_all`, `eta_full_s`, `eta_end_s`,
//!   `services`: list of `name`, `phase`, `step`, `steps`, `hold_clean_s`, `weight_desired`, `weight_accepted`, `held`,
//!   `paused_by`, `blind`; of a service whose tenants move one by one `tenants`: `moved`, `all`, `now`,
//!   `lost`: list of `name`, `rule` (what became of it) of those that moved and whose rule somebody changed;
//!   of one on which segments go first `segments`: those whose requests all go to the new version now
//! - `end`: `outcome` (`succeeded rolled_back partial aborted blocked rollback_blocked left_split lost stepped_down
//!   not_ended not_begun`), `exit_code`, `sentence`, `next` (list), `started`, `problems` (list of `service`, `blocking`, `what`,
//!   `fix`), `services`: list of `name`, `from`, `to`, `weight`, `state`, `reason`
use serde_json::{Value, json};

use super::commit;
use super::eta::eta;
use super::outcome::{self, exit_code};
use super::{Pace, Reporter, stage_word};
use crate::engine::effect::Event;
use crate::engine::moves::{all_lost, count};
use crate::engine::observe::RouteSeen;
use crate::engine::run::{Phase, Run, Track};
use crate::engine::segments;
use crate::engine::status::at_100;
use crate::journal::text::clean_all;
use crate::spec::units::{Dur, Time};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct JsonLines {
    pace: Pace,
}

impl JsonLines {
    pub fn new() -> JsonLines {
        JsonLines::default()
    }
}

fn line(run: &Run, kind: &str, at: Time, mut object: Value) -> String {
    object["type"] = kind.into();
    object["schema"] = 1.into();
    object["run"] = run.id.clone().into();
    object["at"] = at.to_string().into();
    clean_all(&mut object);
    object.to_string()
}

/// The only line of a process that could not begin: why, in the shape of any other end.
pub fn unbegun(at: Time, code: i32, why: &str) -> String {
    let mut object = json!({
        "type": "end", "schema": 1, "run": null, "at": at.to_string(), "outcome": "not_begun", "exit_code": code,
        "sentence": why, "next": [], "commit": [], "started": null, "problems": [], "services": [],
    });
    clean_all(&mut object);
    object.to_string()
}

fn secs(d: Dur) -> u64 {
    d.0 / 1000
}

impl Reporter for JsonLines {
    fn event(&mut self, run: &Run, event: &Event) -> String {
        let object = json!({"kind": event.kind.word(), "who": event.who, "service": event.service, "text": event.text});
        line(run, "event", event.at, object)
    }

    fn tick(&mut self, run: &Run, now: Time) -> Option<String> {
        if !self.pace.due(run, now) {
            return None;
        }
        let eta = eta(run, now);
        let object = json!({
            "stage": stage_word(run),
            "total": run.tracks.len(),
            "at_100": run.tracks.values().filter(|t| at_100(t)).count(),
            "paused_all": run.paused_all.is_some(),
            "frozen": run.frozen.is_some(),
            "waits": run.waits.as_ref().map(|w| w.text.as_str()),
            "begins": run.waits.as_ref().and_then(|w| w.until).map(|at| at.to_string()),
            "eta_full_s": eta.map(|e| secs(e.full)),
            "eta_end_s": eta.map(|e| secs(e.end)),
            "services": run.in_order().map(|t| service(run, t)).collect::<Vec<_>>(),
        });
        Some(line(run, "progress", now, object))
    }

    fn end(&mut self, run: &Run) -> String {
        let problems = run.preflight.as_ref().map(|p| p.problems.clone()).unwrap_or_default();
        let services = outcome::lines(run).into_iter().map(|l| {
            json!({"name": l.service, "from": l.from, "to": l.to, "weight": l.weight, "state": l.state, "reason": l.reason})
        });
        let object = json!({
            "outcome": outcome::word(run),
            "exit_code": exit_code(run),
            "sentence": outcome::sentence(run),
            "next": outcome::next(run),
            "started": run.started.map(|t| t.to_string()),
            "problems": problems,
            "services": services.collect::<Vec<_>>(),
            "commit": commit::changes(run).iter().map(|c| c.json()).collect::<Vec<_>>(),
        });
        line(run, "end", run.ended.unwrap_or(run.now.wall), object)
    }
}

fn service(run: &Run, track: &Track) -> Value {
    let (step, clean) = match &track.phase {
        Phase::Shifting { step, hold } => (Some(step + 1), Some(secs(hold.clean))),
        Phase::Soaking { clean } => (None, Some(secs(*clean))),
        _ => (None, None),
    };
    let tenants = run.plan.get(&track.service).and_then(|p| p.phased.as_ref()).map(|p| count(p, &track.moves));
    let mut value = json!({
        "name": track.service,
        "phase": track.phase.word(),
        "step": step,
        "steps": run.plan.steps(&track.service).len(),
        "hold_clean_s": clean,
        "weight_desired": track.desired,
        "weight_accepted": track.route.as_ref().filter(|r| r.weights.is_some()).map(RouteSeen::share),
        "held": track.held.as_ref().map(|h| h.text.clone()),
        "paused_by": track.paused.as_ref().map(|p| p.by.clone()),
        "blind": track.blind.is_some(),
    });
    if let Some((moved, all)) = tenants {
        let lost = all_lost(run, track).map(|(name, lost)| json!({"name": name, "rule": lost.said()}));
        value["tenants"] =
            json!({"moved": moved, "all": all, "now": track.moves.now, "lost": lost.collect::<Vec<_>>()});
    }
    if run.plan.get(&track.service).is_some_and(|p| !p.segments.is_empty()) {
        value["segments"] = segments::on_new(run, track).into();
    }
    value
}
