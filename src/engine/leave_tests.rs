//! Leaving a run, giving it up, and taking it up again.
use std::sync::Arc;

use super::super::command::{Command, Identity, IdentitySource, Scope, Verb};
use super::super::effect::{Action, Effect};
use super::super::message::{Attached, Body, LeaseSeen, Link, Message, Stamp};
use super::super::observe::{
    Accepted, BackendSeen, DeploymentProgress, DeploymentSeen, Front, Observation, PreflightReport, Problem, RouteSeen,
    Slot, Weights, WorkloadSeen,
};
use super::super::run::{Hold, Rollback, RollbackStage, Run, Stage, Verified, Written};
use super::super::{Allowance, people::judge, rollback::manual_command, step, traffic::Traffic};
use super::*;
use crate::journal::testing::{at, run as begun};
use crate::spec::policy::{OnFailure, Severity};

/// A run of ledger, and of billing which needs it; what is said to it comes at a second of its own.
struct Desk {
    run: Run,
    second: i64,
}

impl Desk {
    fn new(run: Run) -> Desk {
        Desk { run, second: 0 }
    }

    /// Taken up by a process with or without a screen, which sees the cluster and drives.
    fn driven(interactive: bool) -> Desk {
        let mut desk = Desk::new(begun());
        desk.attach(interactive);
        desk.say(Body::Synced);
        desk.say(Body::Lease(LeaseSeen::Held { epoch: 4 }));
        desk
    }

    /// As before the first look.
    fn fresh(interactive: bool) -> Desk {
        let mut desk = Desk::new(Run::new("7f3a", begun().plan, Stamp { wall: at(0), mono: 0 }));
        desk.attach(interactive);
        desk
    }

    fn attach(&mut self, interactive: bool) -> Vec<Effect> {
        let identity = Identity { name: "mara".into(), source: IdentitySource::Kubernetes };
        self.say(Body::Attached(Attached { identity, interactive, start: !interactive, pager: true }))
    }

    fn say(&mut self, body: Body) -> Vec<Effect> {
        self.say_at(self.second + 1, body)
    }

    fn say_at(&mut self, second: i64, body: Body) -> Vec<Effect> {
        self.second = second;
        let mono = u64::try_from(second * 1000).unwrap();
        let message = Message { at: Stamp { wall: at(second), mono }, seq: self.run.seq + 1, body };
        step(&mut self.run, &message)
    }

    fn leave(&mut self) -> Vec<Effect> {
        self.say(Body::Leave(Leave { how: None, why: "SIGTERM".into() }))
    }

    /// Puts a service at a share, with so many ready old pods.
    fn place(&mut self, service: &str, phase: Phase, share: u32, old_ready: u32) {
        Arc::make_mut(&mut self.run.plan).policy.people.operators = vec!["mara".into()];
        let now = self.run.now.wall;
        let t = self.run.tracks.get_mut(service).unwrap();
        (t.phase, t.desired, t.highest, t.since) = (phase, share, share.max(t.highest), now);
        t.written = Some(Written { traffic: Traffic::share(share), key: 1, at: now });
        t.stable = Some(workload(service, Slot::Stable, old_ready));
        t.next = Some(workload(service, Slot::Next, 3));
        t.route = Some(route(service, share));
    }

    fn phase(&self, service: &str) -> &Phase {
        &self.run.tracks[service].phase
    }

    fn order(&mut self, verb: Verb, scope: Scope, reason: &str) -> Vec<Effect> {
        let by = self.run.identity.clone();
        let typed = Some(match &scope {
            Scope::Run => self.run.id.clone(),
            Scope::Service(name) | Scope::Tenant(name) => name.clone(),
        });
        self.say(Body::Command(Command { verb, scope, by, reason: reason.into(), typed }))
    }

    fn said(&self, text: &str) -> bool {
        self.run.events.iter().any(|e| e.text.contains(text))
    }
}

fn workload(service: &str, slot: Slot, ready: u32) -> WorkloadSeen {
    let deployment = DeploymentSeen {
        uid: format!("{service}-{slot:?}"),
        generation: 1,
        observed_generation: 1,
        wanted: 3,
        replicas: 3,
        updated: 3,
        ready,
        available: ready,
        image: "r/x:1".into(),
        progress: DeploymentProgress::Progressing,
        owner: None,
    };
    let (service, deployment, pods) = (service.into(), Some(deployment), Vec::new());
    WorkloadSeen { service, slot, deployment, pods, service_exists: true, front: Front::Own }
}

fn route(service: &str, share: u32) -> RouteSeen {
    RouteSeen {
        service: service.into(),
        uid: "u".into(),
        weights: Some(Weights { stable: 100 - share, next: Some(share) }),
        backends: Vec::new(),
        rules: Vec::new(),
        everybody: false,
        accepted: Accepted::Yes,
        owner: None,
        generation: 1,
        writer: None,
    }
}

fn shifting(step: usize) -> Phase {
    Phase::Shifting { step, hold: Hold { accepted_at: Some(at(0)), ..Hold::default() } }
}

fn rollback() -> Rollback {
    Rollback {
        severity: Severity::Immediate,
        reason: "r".into(),
        by: "engine".into(),
        decided: at(0),
        stage: RollbackStage::TargetCheck,
        from_share: 50,
        taken_out: false,
        halvings: 0,
        unfit_since: None,
        accepted_zero: None,
        quiet_scrapes: 0,
        drain_since: None,
        verified: None,
    }
}

fn ends(effects: &[Effect]) -> bool {
    effects.contains(&Effect::End)
}

fn looks(effects: &[Effect]) -> bool {
    effects.contains(&Effect::Preflight)
}

/// The writes of the weight, by service.
fn weights(effects: &[Effect]) -> Vec<(String, u32)> {
    let weight = |e: &Effect| match e {
        Effect::Call(c) => match c.action {
            Action::SetWeight { next, .. } => Some((c.service.clone(), next)),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(weight).collect()
}

#[test]
fn a_lost_cluster_is_given_up_and_the_run_can_be_taken_up_again() {
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 3);
    desk.say_at(100, Body::ClusterLink(Link::Down("refused".into())));
    assert!(!ends(&desk.say_at(999, Body::Wake)));
    assert!(ends(&desk.say_at(1000, Body::Wake)), "after rollback_give_up");
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (None, Some(CameTo::Lost)));
    assert!(desk.run.is_left() && desk.said("can be taken up again"));
    assert!(!ends(&desk.say_at(1001, Body::Wake)), "nothing is decided by one that has left");
    // Another process takes it up where it stands, and waits anew.
    desk.attach(false);
    assert!(!desk.run.is_left() && matches!(desk.phase("ledger"), Phase::Shifting { step: 1, .. }));
    desk.say_at(1010, Body::ClusterLink(Link::Down("refused".into())));
    assert!(!ends(&desk.say_at(1900, Body::Wake)));
    assert!(ends(&desk.say_at(1910, Body::Wake)));
}

#[test]
fn a_blocked_rollback_is_given_up_and_waited_for_anew_by_the_next_process() {
    let mut desk = Desk::driven(false);
    let (reason, command) = ("only 0 of 3".to_string(), "kubectl".to_string());
    let blocked = Phase::RollbackBlocked { rollback: rollback(), reason, command, since: at(10) };
    desk.place("ledger", blocked, 50, 0);
    assert!(ends(&desk.say_at(910, Body::Wake)));
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (None, Some(CameTo::RollbackBlocked)));
    desk.attach(false);
    desk.say(Body::Synced);
    desk.say(Body::Lease(LeaseSeen::Held { epoch: 5 }));
    assert!(!ends(&desk.say_at(1200, Body::Wake)), "it has tried for five minutes only");
    let ready = Observation::Workload(workload("ledger", Slot::Stable, 3));
    assert_eq!(weights(&desk.say(Body::Observed(ready))), [("ledger".to_string(), 0)], "it goes on by itself");
}

#[test]
fn what_an_abort_leaves_at_100_is_taken_up_again_and_nothing_else_goes_back() {
    let mut desk = Desk::driven(true);
    Arc::make_mut(&mut desk.run.plan).policy.on_failure = Some(OnFailure::RollBackRun);
    desk.place("ledger", Phase::Soaking { clean: Dur::ZERO }, 100, 3);
    desk.place("billing", Phase::Waiting { needs: Vec::new() }, 0, 3);
    assert!(ends(&desk.order(Verb::Abort, Scope::Run, "enough")));
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (None, Some(CameTo::Partial)));
    assert!(desk.said("at 100% new, warm and held: ledger"));
    let id = desk.run.identity.clone();
    let denied = judge(&desk.run, Verb::PauseAll, &Scope::Run, &id, None);
    assert!(matches!(denied, Allowance::Denied(why) if why.contains("pilothouse resume 7f3a")));

    desk.place("billing", Phase::RolledBack { rollback: rollback() }, 0, 3);
    desk.say(Body::Leave(Leave { how: None, why: "not heard".into() }));
    desk.attach(false);
    desk.say(Body::Synced);
    desk.say(Body::Lease(LeaseSeen::Held { epoch: 5 }));
    assert!(desk.run.aborting.is_none() && desk.said("the abort by mara is over"));
    assert!(matches!(desk.phase("ledger"), Phase::Soaking { .. }), "{:?}", desk.phase("ledger"));
    assert_eq!(desk.run.paused_all, None, "headless, the resume was the word for it");
    // It is no failure of the run as it goes on that billing is back, and once ledger is done so is the run.
    desk.place("ledger", Phase::Done, 0, 3);
    assert!(ends(&desk.say(Body::Wake)));
    assert_eq!(desk.run.outcome(), Some(Outcome::Partial));
}

#[test]
fn what_an_abort_left_is_still_held_before_a_screen() {
    let mut desk = Desk::driven(true);
    desk.place("ledger", Phase::Soaking { clean: Dur::ZERO }, 100, 3);
    desk.order(Verb::Abort, Scope::Run, "enough");
    desk.attach(true);
    desk.say(Body::Synced);
    desk.say(Body::Lease(LeaseSeen::Held { epoch: 5 }));
    assert_eq!(desk.run.paused_all.as_ref().map(|p| p.by.as_str()), Some("mara"));
    desk.order(Verb::ResumeAll, Scope::Run, "");
    assert!(desk.run.paused_all.is_none() && desk.run.aborting.is_none());
}

#[test]
fn told_to_leave_while_old_cannot_take_the_traffic_it_holds_and_leaves_at_once() {
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 1);
    let effects = desk.leave();
    assert!(ends(&effects) && weights(&effects).is_empty());
    assert_eq!((desk.run.came_to(), desk.run.accepted("ledger")), (None, 50));
    assert!(desk.said("leaving (SIGTERM): hold"));

    // Even when rollback is asked for by name: what can go back goes, the rest stays.
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 1);
    let told = Leave { how: Some(OnExit::Rollback), why: "SIGTERM".into() };
    assert!(ends(&desk.say(Body::Leave(told))));
    assert!(matches!(desk.phase("ledger"), Phase::Shifting { .. }));

    // Fit, it goes back first.
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 3);
    let effects = desk.leave();
    assert!(!ends(&effects));
    assert_eq!(weights(&effects), [("ledger".to_string(), 0)]);
}

#[test]
fn an_abort_waits_for_old_pods() {
    let mut desk = Desk::driven(true);
    desk.place("ledger", shifting(1), 50, 1);
    desk.place("billing", Phase::Waiting { needs: vec!["ledger".into()] }, 0, 3);
    let (id, ledger) = (desk.run.identity.clone(), Scope::Service("ledger".into()));
    let denied = judge(&desk.run, Verb::Abort, &ledger, &id, Some("ledger"));
    assert!(matches!(denied, Allowance::Denied(why) if why.contains("only 1 of 3 old pods are ready")));
    // The whole run: the others are left out, ledger stays until it can go back.
    assert_eq!(weights(&desk.order(Verb::Abort, Scope::Run, "enough")), []);
    assert!(matches!(desk.phase("billing"), Phase::Skipped { .. }));
    assert!(desk.run.tracks["ledger"].held.as_ref().is_some_and(|h| h.text.contains("only 1 of 3")));
    let effects = desk.say(Body::Observed(Observation::Workload(workload("ledger", Slot::Stable, 3))));
    assert_eq!(weights(&effects), [("ledger".to_string(), 0)]);
}

#[test]
fn keep_needs_a_reason_from_whoever_sends_it() {
    let mut desk = Desk::driven(true);
    desk.place("ledger", shifting(1), 50, 3);
    let ledger = desk.run.tracks.get_mut("ledger").unwrap();
    ledger.ask = Some(super::super::run::Ask {
        kind: super::super::run::AskKind::Keep,
        text: "keep it?".into(),
        since: at(0),
        deadline: Some(at(300)),
    });
    let reason = "error rate 2.00% > max 1.00%".into();
    ledger.breach = Some(super::super::run::Breach {
        reason,
        since: at(0),
        deadline: at(300),
        kept: false,
        flapping: false,
        whole: false,
    });
    desk.order(Verb::Keep, Scope::Service("ledger".into()), " \u{200B}");
    assert!(
        desk.said("keep denied: it needs a reason")
            && desk.run.tracks["ledger"].breach.as_ref().is_none_or(|b| !b.kept)
    );
    desk.order(Verb::Keep, Scope::Service("ledger".into()), "payments look");
    assert!(desk.run.tracks["ledger"].breach.as_ref().is_some_and(|b| b.kept));
}

#[test]
fn a_terminal_lost_before_the_start_leaves_nobody_with_the_lease() {
    for how in [OnTerminalLoss::Hold, OnTerminalLoss::Continue, OnTerminalLoss::Rollback] {
        let mut desk = Desk::fresh(true);
        desk.say(Body::Lease(LeaseSeen::Held { epoch: 4 }));
        assert!(ends(&desk.say(Body::TerminalLost(how))), "{how:?}");
        assert_eq!(desk.run.outcome(), Some(Outcome::Aborted));
    }
}

#[test]
fn a_lost_terminal_does_not_take_over_what_a_person_paused() {
    let mut desk = Desk::driven(true);
    desk.place("ledger", shifting(0), 10, 3);
    desk.order(Verb::PauseAll, Scope::Run, "payments look");
    desk.say(Body::TerminalLost(OnTerminalLoss::Hold));
    desk.attach(true);
    assert_eq!(desk.run.paused_all.as_ref().map(|p| p.by.as_str()), Some("mara"), "only she lifts it");
    desk.order(Verb::ResumeAll, Scope::Run, "");
    desk.say(Body::TerminalLost(OnTerminalLoss::Hold));
    assert!(desk.run.paused_all.is_some());
    desk.attach(true);
    assert_eq!(desk.run.paused_all, None, "what the engine paused goes on with somebody there");
}

fn report(ready: u32, problems: Vec<Problem>) -> Body {
    let mut report = begun().preflight.unwrap();
    report.problems = problems;
    report.facts.iter_mut().for_each(|f| f.ready = ready);
    Body::Preflight(report)
}

fn blocking(what: &str) -> Problem {
    Problem { service: None, blocking: true, what: what.into(), fix: "repair it".into() }
}

#[test]
fn start_looks_again_before_the_first_write() {
    let mut desk = Desk::fresh(true);
    desk.place("ledger", Phase::Waiting { needs: Vec::new() }, 0, 3);
    assert!(looks(&desk.say(Body::Lease(LeaseSeen::Held { epoch: 4 }))));
    desk.say(report(3, Vec::new()));
    assert_eq!(desk.run.stage, Stage::Ready);
    let effects = desk.say_at(14_400, Body::Synced);
    assert!(!looks(&effects));
    assert!(looks(&desk.order(Verb::Start, Scope::Run, "")), "four hours later");
    assert_eq!((&desk.run.stage, desk.run.started), (&Stage::Preflight, None));
    assert!(desk.said("looked at again before the first write"));
    let mut worse = Desk { run: desk.run.clone(), second: desk.second };
    desk.say(report(5, Vec::new()));
    assert_eq!((desk.run.tracks["ledger"].r0, desk.run.stage == Stage::Running), (5, true));
    worse.say(report(3, vec![blocking("quota is used up")]));
    assert_eq!(worse.run.outcome(), Some(Outcome::Blocked), "what came in between is seen");
}

#[test]
fn rights_are_named_also_where_nothing_may_be_listed() {
    let mut desk = Desk::fresh(false);
    let effects = desk.say(Body::Lease(LeaseSeen::Expired { error: "leases is forbidden".into() }));
    assert!(looks(&effects), "although nothing was listed yet");
    desk.say(report(0, vec![blocking("no right to list pods")]));
    assert_eq!(desk.run.outcome(), Some(Outcome::Blocked));
}

#[test]
fn a_look_that_could_not_be_had_is_tried_again_and_then_given_up_as_lost() {
    let unseen = || {
        let problems = vec![blocking("the cluster could not be looked at: refused.")];
        Body::Preflight(PreflightReport { problems, ..PreflightReport::default() })
    };
    let mut desk = Desk::fresh(false);
    assert!(looks(&desk.say(Body::Lease(LeaseSeen::Held { epoch: 4 }))));
    let effects = desk.say(unseen());
    assert!(!ends(&effects) && !looks(&effects), "{effects:?}");
    let again = desk.second + 5;
    assert!(looks(&desk.say_at(again, Body::Wake)));
    assert!(!looks(&desk.say_at(again + 60, Body::Wake)), "the answer is not there yet");
    desk.say_at(again + 61, unseen());
    assert!(ends(&desk.say_at(400, Body::Wake)));
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (Some(Outcome::Aborted), Some(CameTo::Lost)));
    // A screen goes on looking.
    let mut desk = Desk::fresh(true);
    desk.say(Body::Lease(LeaseSeen::Held { epoch: 4 }));
    desk.say(unseen());
    assert!(!ends(&desk.say_at(4000, Body::Wake)));
}

#[test]
fn a_cluster_that_goes_before_the_first_lease_is_not_waited_for_without_an_end() {
    let mut desk = Desk::fresh(false);
    desk.say(Body::Lease(LeaseSeen::Expired { error: "refused".into() }));
    assert!(!ends(&desk.say_at(200, Body::Wake)));
    assert!(ends(&desk.say_at(301, Body::Wake)));
    assert_eq!(desk.run.came_to(), Some(CameTo::Lost));
    assert!(desk.said("refused"));
}

#[test]
fn a_rollback_keeps_what_was_seen_of_old() {
    let mut desk = Desk::driven(false);
    let left = Leave { how: Some(OnExit::Rollback), why: "SIGTERM".into() };
    desk.place("ledger", Phase::RollingBack(Rollback { stage: RollbackStage::Remove, ..rollback() }), 0, 3);
    let t = desk.run.tracks.get_mut("ledger").unwrap();
    (t.highest, t.next, t.route) = (50, None, None);
    desk.say(Body::Leave(left));
    let Phase::RolledBack { rollback } = desk.phase("ledger") else { panic!("{:?}", desk.phase("ledger")) };
    assert_eq!(rollback.verified, Some(Verified::NotWatched));
}

#[test]
fn the_command_by_hand_names_what_it_patches() {
    let mut desk = Desk::driven(true);
    desk.place("ledger", shifting(1), 50, 3);
    Arc::make_mut(&mut desk.run.plan).environment.kubernetes.context = Some("staging".into());
    let planned = desk.run.plan.services[0].clone();
    let command = |desk: &Desk| manual_command(&desk.run, &desk.run.tracks["ledger"], &planned);
    assert_eq!(
        command(&desk),
        "kubectl --context staging -n shop edit httproute ledger  # weight 100 for ledger, 0 for ledger-next"
    );
    let backends = &mut desk.run.tracks.get_mut("ledger").unwrap().route.as_mut().unwrap().backends;
    backends.push(BackendSeen { slot: Slot::Stable, rule: 2, index: 0, weight: None });
    backends.push(BackendSeen { slot: Slot::Next, rule: 2, index: 1, weight: None });
    let patch = command(&desk);
    let (_, json) = patch.split_once(" -p '").unwrap();
    let ops: serde_json::Value = serde_json::from_str(json.trim_end_matches('\'')).unwrap();
    let at = "/spec/rules/2/backendRefs";
    assert_eq!(
        ops,
        serde_json::json!([
            {"op": "test", "path": format!("{at}/0/name"), "value": "ledger"},
            {"op": "test", "path": format!("{at}/1/name"), "value": "ledger-next"},
            {"op": "add", "path": format!("{at}/0/weight"), "value": 100},
            {"op": "add", "path": format!("{at}/1/weight"), "value": 0},
        ])
    );
}

impl Run {
    fn accepted(&self, service: &str) -> u32 {
        self.tracks[service].accepted_share().round() as u32
    }
}

fn unwritable() -> Body {
    Body::JournalLink(Link::Down("no space left".into()))
}

#[test]
fn without_a_journal_it_leaves_once_no_traffic_is_on_new() {
    let mut desk = Desk::driven(false);
    desk.place("ledger", Phase::RollingBack(Rollback { stage: RollbackStage::Remove, ..rollback() }), 0, 3);
    let removes = desk.say(Body::Wake);
    assert!(removes.iter().any(|e| matches!(e, Effect::Call(c) if c.action == Action::RemoveBackend)), "{removes:?}");
    desk.run.tracks.get_mut("ledger").unwrap().call = None;
    desk.say(unwritable());
    assert!(desk.run.pages.iter().any(|p| p.text.contains("the journal cannot be written: no space left")));
    assert!(ends(&desk.leave()), "{:?}", desk.phase("ledger"));
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (None, Some(CameTo::RollbackBlocked)));
    assert!(desk.said("-next is kept: the journal cannot be written; the run is left"));
    assert_eq!(desk.run.tracks["ledger"].call, None, "nothing was taken away");
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 3);
    desk.say(unwritable());
    let effects = desk.leave();
    assert!(!ends(&effects) && weights(&effects) == [("ledger".to_string(), 0)], "{effects:?}");
}

#[test]
fn a_journal_that_cannot_be_written_is_given_up() {
    let mut desk = Desk::driven(false);
    desk.place("ledger", shifting(1), 50, 3);
    desk.say_at(100, unwritable());
    assert_eq!(weights(&desk.say_at(999, Body::Wake)), []);
    desk.say_at(1000, Body::Wake);
    assert!(
        desk.said("leaving (the journal could not be written for 15m, as long as rollback_give_up says): rollback")
    );
    assert_eq!(weights(&desk.say_at(1001, Body::Wake)), [("ledger".to_string(), 0)]);
    // Whatever keeps it from its end, it waits no longer than that again.
    assert!(!ends(&desk.say_at(1899, Body::Wake)));
    assert!(ends(&desk.say_at(1900, Body::Wake)));
    assert_eq!((desk.run.outcome(), desk.run.came_to()), (None, Some(CameTo::RollbackBlocked)));
    // What is at 100 % stays there.
    let mut desk = Desk::driven(false);
    desk.place("ledger", Phase::Soaking { clean: Dur::ZERO }, 100, 3);
    desk.say_at(100, unwritable());
    assert!(ends(&desk.say_at(1000, Body::Wake)) && desk.run.is_left());
}
