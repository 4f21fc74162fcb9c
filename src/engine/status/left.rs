//! What is said of a run after its rollbacks, and of one that was left before its end.
use super::super::run::{CameTo, Phase, Run, Verified};

/// What was seen of the old versions that serve everything again, the worst of it.
pub fn old_is(run: &Run) -> &'static str {
    let seen = run.tracks.values().filter_map(|t| match &t.phase {
        Phase::RolledBack { rollback } => Some(rollback.verified),
        _ => None,
    });
    let seen: Vec<Option<Verified>> = seen.collect();
    if seen.contains(&Some(Verified::Unhealthy)) {
        "old is NOT healthy either"
    } else if seen.contains(&Some(Verified::NoData)) {
        "whether old is healthy is not known: its gates have no data"
    } else if seen.contains(&Some(Verified::TooFew)) {
        "whether old is healthy is not known: it was watched, and too few requests came"
    } else if seen.iter().any(|v| matches!(v, Some(Verified::NotWatched) | None)) {
        "old was not watched afterwards"
    } else if seen.contains(&Some(Verified::Healthy)) {
        "old is healthy"
    } else {
        "old kept its traffic all the time"
    }
}

/// What the process came to that left the run, and how the run goes on.
pub(super) fn left(run: &Run, came_to: CameTo) -> String {
    let shares = run.in_order().filter(|t| t.accepted_share() >= 0.5);
    let shares: Vec<String> = shares.map(|t| format!("{} {:.0}% new", t.service, t.accepted_share())).collect();
    let shares = if shares.is_empty() { "no traffic on new".to_string() } else { shares.join(", ") };
    let (what, go_on) = match came_to {
        CameTo::RollbackBlocked if run.journal.down.is_some() => {
            ("-next is kept: the journal cannot be written", "goes on once it can be")
        }
        CameTo::RollbackBlocked => ("rollback blocked and given up", "goes on trying"),
        CameTo::Lost => ("lost: cluster or metrics were away for too long", "goes on once they answer again"),
        CameTo::Partial => {
            ("partial: what was below 100% is back, the rest stays warm", "and then resume-all let it soak and settle")
        }
        CameTo::Fault => ("a fault in this program ended its driver", "goes on"),
    };
    if run.rehearsal {
        return format!("{what}. Nobody drives: {shares}. The practice cluster ends with this process.");
    }
    format!("{what}. Nobody drives: {shares}. {} {go_on}.", run.resume_command())
}
