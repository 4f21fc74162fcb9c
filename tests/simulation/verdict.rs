//! What is wrong with a night, when it is over.
use pilothouse::engine::moves::{Next, idle};
use pilothouse::engine::run::{AskKind, HoldReason, Outcome, Phase, Settling, Track};
use pilothouse::journal::inbox::InboxRecord;
use pilothouse::journal::{FileName, Journal};
use pilothouse::plan::Plan;
use pilothouse::spec::policy::Severity;
use pilothouse::spec::units::Dur;

use super::faults::Faults;
use super::night::Night;
use super::scaled::Scaled;
use super::world::{SECRET, old_image};

/// Every law that was broken, by name.
pub fn verdict(night: &Night, faults: &Faults, plan: &Plan) -> Vec<String> {
    let mut wrong = night.sim.state().laws.broken.clone();
    let ended = night.run.outcome();
    if ended.is_none() {
        wrong.extend(waits_for_something(night, faults));
    }
    if let Some(Outcome::Succeeded | Outcome::RolledBack) = ended {
        wrong.extend(clean_end(night, plan));
    }
    wrong.extend(needs(night, plan));
    wrong.extend(journal(night));
    wrong.extend(secrets(night));
    let bad = faults.bad.values().find(|b| b.after < Dur::secs(40) && b.ratio > 0.05);
    let persistent = bad.is_some_and(|b| b.lasts.is_none() && b.flaps.is_none());
    let kept = plan.policy.gates.iter().any(|g| g.name == "error_rate" && g.severity == Severity::Standard);
    if persistent && !kept && ended == Some(Outcome::Succeeded) && faults.rps.is_empty() {
        wrong.push("no_blind_promote: a version was bad and the run succeeded".into());
    }
    if faults.quiet() && ended != Some(Outcome::Succeeded) {
        wrong.push(format!("nothing was wrong and the run came to {ended:?}"));
    }
    wrong
}

/// Under fair faults a run ends or waits for a named deadline or person. Each service for one of its own, or for another
/// one that does.
fn waits_for_something(night: &Night, faults: &Faults) -> Option<String> {
    let run = &night.run;
    // A hand took all pods of a critical service while nothing of ours flowed there: whoever did it was paged.
    let down = run.critical.as_ref().is_some_and(|held| {
        let of_hands = |s: &Scaled| held.text.contains(&s.service) && night.sim.state().ready(&s.service, s.slot) == 0;
        faults.scaled.iter().any(of_hands) && run.pages.iter().any(|p| p.text == held.text)
    });
    let all = down || faults.stolen.is_some() || run.leaving.is_some() || run.paused_all.is_some();
    // Nobody said start to the process that was there.
    let unbegun = run.started.is_none() && (faults.people.start_at.is_some() || run.waits.is_some());
    let asks = |t: &Track, kind: AskKind| t.ask.as_ref().is_some_and(|a| a.kind == kind);
    let failed = run.stopped.is_some() && run.tracks.values().any(|t| asks(t, AskKind::AfterRollback));
    // Past the point of no return a bad gate stops the traffic; the page says so.
    let stands = |t: &Track| {
        matches!(t.phase, Phase::Settling(_)) && t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Gate)
    };
    // An old version whose gates have no answer is taken at its word in the end.
    let deadline = |t: &Track| {
        let patience = run.plan.policy.verify.times(3).max(Dur::mins(5));
        matches!(t.phase, Phase::Verifying { since, .. } if run.now.wall.since(since) < patience)
    };
    let blocked = |t: &Track| matches!(t.phase, Phase::RollbackBlocked { .. }) && run.interactive;
    // A window that opens, or the end of the time it may be split.
    let window =
        |t: &Track| t.held.as_ref().is_some_and(|h| h.reason == HoldReason::Window && h.until > Some(run.now.wall));
    // The next tenant's turn.
    let turn = |t: &Track| {
        let next = t.moves.turn.as_ref().map(|l| &l.next);
        idle(run, t) && matches!(next, Some(Next::Wait { until: Some(until), .. }) if *until > run.now.wall)
    };
    let named = |t: &Track| {
        turn(t) || t.ask.is_some() || t.paused.is_some() || stands(t) || deadline(t) || blocked(t) || window(t)
    };
    // Its turn comes when another's does; a failure nobody has answered stops all that are on their way, and the traffic of
    // what settles from moving.
    let on_others = |t: &Track| match &t.phase {
        Phase::Waiting { needs } => !needs.is_empty() || failed,
        Phase::Soaked => true,
        Phase::Settling(Settling::CopyBack) if failed => true,
        p => p.is_final() || (failed && p.in_flight()) || (run.aborting.is_some() && p.in_flight()),
    };
    let open: Vec<&Track> = run.in_order().filter(|t| !named(t) && !on_others(t)).collect();
    if all || unbegun || (open.is_empty() && run.tracks.values().any(named)) {
        return None;
    }
    let phases: Vec<String> = run.in_order().map(|t| format!("{} {}", t.service, t.phase.word())).collect();
    Some(format!("always_waiting_for_something_named: at the horizon {}", phases.join(", ")))
}

/// Whatever a run came to by its own decision: what is new has what it needs.
fn needs(night: &Night, plan: &Plan) -> Vec<String> {
    let decided = [Outcome::Succeeded, Outcome::RolledBack, Outcome::Partial, Outcome::Aborted];
    if !night.run.outcome().is_some_and(|o| decided.contains(&o)) {
        return Vec::new();
    }
    let s = night.sim.state();
    let full = |name: &str| s.services[name].stable.image != old_image(name) || s.accepted(name).share() >= 99.5;
    let new = plan.services.iter().filter(|p| full(&p.service.name));
    let lacks = new.flat_map(|p| p.needs.keys().filter(|n| !full(n)).map(move |n| (p, n)));
    lacks.map(|(p, n)| format!("needs_kept: {} is new and {n} is not", p.service.name)).collect()
}

/// Nothing of the upgrade is left over, and stable runs what the run says it runs.
fn clean_end(night: &Night, plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    let s = night.sim.state();
    for (name, service) in &s.services {
        let track = &night.run.tracks[name];
        let image = plan.get(name).map_or("", |p| p.image.as_str());
        let (done, share) = (track.phase == Phase::Done, service.route.weights.share());
        if !service.route.rules.is_empty() {
            wrong.push(format!("{name}: rules of tenants left behind after {:?}", night.run.outcome()));
        }
        if share != 0.0 || service.next.is_some() {
            wrong.push(format!("{name}: {share}% and -next left behind after {:?}", night.run.outcome()));
        }
        let expected = if done { image.to_string() } else { old_image(name) };
        if service.stable.image != expected {
            wrong.push(format!("{name}: {} but stable runs {}", track.phase.word(), service.stable.image));
        }
    }
    wrong
}

/// The chain is unbroken, and what was saved last reads back as what the driver had.
fn journal(night: &Night) -> Vec<String> {
    let mut wrong = Vec::new();
    night.store.refuse(None);
    match pilothouse::journal::verify::verify_in(&night.store, "7f3a") {
        Ok(v) => wrong.extend(v.problems.first().map(|p| format!("chain_unbroken: {p:?}"))),
        Err(e) => wrong.push(format!("chain_unbroken: {e}")),
    }
    if !night.read_back {
        return wrong;
    }
    match Journal::resume_in(Box::new(night.store.clone()), "7f3a") {
        Ok((_, snapshot)) if night.run.is_ended() && snapshot.run != night.run => {
            // A journal that could not be written at the end knows less.
            let full = night.run.journal.down.is_some() || night.sim.state().store_refuses();
            if !full {
                wrong.push("chain_unbroken: the saved state reads back as another".into());
            }
        }
        Ok(_) => {}
        Err(e) => wrong.push(format!("chain_unbroken: {e}")),
    }
    wrong
}

/// A secret of a pod template is in no file.
fn secrets(night: &Night) -> Vec<String> {
    let mut found = Vec::new();
    let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(SECRET);
    for file in [FileName::Audit, FileName::Snapshot, FileName::Plan, FileName::Durations] {
        if has(&night.store.bytes(file)) {
            found.push(format!("secrets_absent: a secret stands in {}", file.as_str()));
        }
    }
    let inbox = night.store.bytes(FileName::Inbox);
    // Preflight is among the first messages.
    for line in inbox.split(|b| *b == b'\n').take(4).filter(|l| !l.is_empty()) {
        let values = InboxRecord::read(line).and_then(|r| r.values());
        if values.is_ok_and(|v| v.iter().any(|v| v.to_string().contains(SECRET))) {
            found.push("secrets_absent: a secret stands in the inbox".into());
        }
    }
    found
}
