//! What other hands do to a service on its way, and what is told of it.
use super::stand::{Stand, ivo};
use crate::engine::command::{Allowance, Scope, Verb};
use crate::engine::message::{Body, CallError, CallErrorKind, CallOutcome, Link};
use crate::engine::observe::{
    Accepted, BackendSeen, DeploymentProgress, Front, Observation, Slot, Weights, WorkloadSeen,
};
use crate::engine::people::{judge, preview};
use crate::engine::run::{AskKind, HoldReason, Phase, RollbackStage, Settling};
use crate::engine::status::{self, BackState, state_text, status};
use crate::spec::policy::OnDrift;
use crate::spec::units::{Dur, Time};

fn said(s: &Stand) -> status::Status {
    status(&s.run, s.now, &|t: Time| t.to_string())
}

/// Somebody, or Git, takes the new version out of the route.
fn take_out(s: &mut Stand, accepted: Accepted) {
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    route.weights = Some(Weights { stable: 100, next: None });
    (route.generation, route.writer, route.accepted) = (route.generation + 1, Some("kubectl-patch".into()), accepted);
    s.show("ledger");
}

fn front(s: &mut Stand, front: Front) {
    s.world.get_mut("ledger").unwrap().front = front;
    s.show("ledger");
    s.wait(Dur::secs(1));
}

fn stage(s: &Stand) -> Option<RollbackStage> {
    match &s.t("ledger").phase {
        Phase::RollingBack(r) => Some(r.stage),
        _ => None,
    }
}

#[test]
fn a_backend_that_a_hand_took_out_is_confirmed_and_drained_before_its_pods_go() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    s.recent = 5.0;
    take_out(&mut s, Accepted::Pending);
    s.say(Verb::Abort, Some("ledger"));
    s.wait(Dur::secs(20));
    assert_eq!(stage(&s), Some(RollbackStage::Confirm), "no gateway has taken it on: {:#?}", s.told());
    let steps = |s: &Stand| status::back_steps(&s.run, s.t("ledger"), s.now).unwrap();
    assert_eq!(steps(&s).iter().filter(|step| step.state == BackState::Done).count(), 1, "{:?}", steps(&s));
    let Phase::RollingBack(r) = &s.t("ledger").phase else { panic!() };
    assert!(r.accepted_zero.is_none() && r.drain_since.is_none());
    assert_eq!(steps(&s)[0].what, "share 0%, taken out by another hand", "no 10% are there to go");
    assert_eq!((s.count("rolling back from 0%, where another hand took it,"), s.count("from 10%")), (1, 0));
    assert!(said(&s).sentence.contains("The route no longer holds new"), "{}", said(&s).sentence);
    s.world.get_mut("ledger").unwrap().route.accepted = Accepted::Yes;
    s.show("ledger");
    s.wait(Dur::secs(30));
    assert_eq!(stage(&s), Some(RollbackStage::Confirm), "it still has requests: {:#?}", s.told());
    s.recent = 0.0;
    s.until(|s| stage(s) == Some(RollbackStage::Drain));
    s.wait(Dur::secs(8));
    assert!(!s.wrote("ledger", "delete-next"), "{:#?}", s.told());
    s.until(|s| s.is("ledger", "rolled back"));
    assert!(s.wrote("ledger", "delete-next") && s.count("draining 10s") == 1);
}

/// Nothing is told as done that was left out, and nothing promised that will not come.
#[test]
fn what_never_had_traffic_is_not_told_as_drained() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.is("ledger", "warming"));
    let p = preview(&s.run, Verb::Abort, &Scope::Service("ledger".into()));
    assert!(!p.time.contains("drain") && p.effects.iter().all(|e| !e.contains("watched for")), "{p:?}");
    s.say(Verb::Abort, Some("ledger"));
    s.until(|s| s.is("ledger", "rolled back"));
    let steps = status::back_steps(&s.run, s.t("ledger"), s.now).unwrap();
    let told: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(told[1..], ["nothing to confirm", "nothing to drain", "new pods removed", "nothing to watch"]);
}

/// Its word and its question go with what was refused, also when the tries were counted anew in between.
#[test]
fn a_write_that_worked_leaves_no_question() {
    let mut s = Stand::waiting(|_| {});
    s.by_hand = Some("set-weight");
    s.attach(true);
    s.until(|s| s.t("ledger").call.is_some());
    for _ in 0..6 {
        s.until(|s| s.t("ledger").call.is_some());
        let key = s.t("ledger").call.as_ref().unwrap().call.key;
        let error = CallError { kind: CallErrorKind::Rejected, text: "no".into() };
        s.result(key, CallOutcome::Failed { error, retry_after: None });
    }
    assert_eq!(s.t("ledger").ask.as_ref().map(|a| a.kind), Some(AskKind::Write), "{:#?}", s.told());
    let ask = said(&s).ask.unwrap();
    assert!(ask.text.starts_with("ledger: set-weight has failed 6 times"), "{}", ask.text);
    s.hear(Body::ClusterLink(Link::Down("refused".into())));
    s.wait(Dur::secs(3));
    s.by_hand = None;
    s.hear(Body::ClusterLink(Link::Up));
    s.until(|s| s.holds_step("ledger", 0));
    let t = s.t("ledger");
    assert!(t.ask.is_none() && t.held.is_none(), "{:?} {:?}", t.ask, t.held);
}

/// After `retry` it is asked again as soon as it fails as often.
#[test]
fn a_write_that_is_refused_again_after_retry_asks_again() {
    let mut s = Stand::waiting(|_| {});
    s.by_hand = Some("create-next");
    s.attach(true);
    for round in 0..2 {
        for _ in 0..6 {
            s.until(|s| s.t("ledger").call.is_some());
            let key = s.t("ledger").call.as_ref().unwrap().call.key;
            let error = CallError { kind: CallErrorKind::Rejected, text: "no".into() };
            s.result(key, CallOutcome::Failed { error, retry_after: None });
        }
        assert_eq!(s.t("ledger").ask.as_ref().map(|a| a.kind), Some(AskKind::Write), "round {round}");
        s.say(Verb::Retry, Some("ledger"));
        assert!(s.t("ledger").ask.is_none() && s.t("ledger").held.is_none());
    }
}

/// Weights say nothing where stable's Service leads to the new version.
#[test]
fn a_service_of_stables_that_leads_elsewhere_is_held_told_and_bars_what_it_makes_false() {
    for wrong in [Front::Other, Front::Both, Front::Nothing, Front::Gone] {
        let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
        s.until(|s| s.holds_step("ledger", 0));
        front(&mut s, wrong);
        let t = s.t("ledger");
        let held = t.held.as_ref().unwrap_or_else(|| panic!("{wrong:?} is not noticed: {:#?}", s.told()));
        assert!(held.reason == HoldReason::Footing && held.text.starts_with("Service ledger "), "{held:?}");
        assert_eq!(s.run.pages.iter().filter(|p| p.text.starts_with("Service ledger ")).count(), 1, "{wrong:?}");
        let (_, command) = status::by_hand(&s.run, t).unwrap();
        assert!(command.starts_with("kubectl -n n "), "{command}");
        let (radius, unknown) = (status::blast_radius(&s.run), status::blast_unknown(&s.run));
        let want = match wrong {
            Front::Other => (100, false),
            Front::Both => (10, true),
            _ => (10, false),
        };
        assert_eq!((radius, unknown), want, "{wrong:?}");
        let can = judge(&s.run, Verb::Abort, &Scope::Service("ledger".into()), &ivo(), Some("ledger"));
        assert_eq!(can == Allowance::Allowed, wrong == Front::Both, "{wrong:?}: {can:?}");
        // It stays at 10 %, however good its gates are.
        s.wait(Dur::mins(2));
        assert!(s.holds_step("ledger", 0), "{wrong:?}: {:#?}", s.told());
        front(&mut s, Front::Own);
        assert!(s.t("ledger").held.is_none() && s.t("ledger").ask.is_none(), "{:?}", s.t("ledger").held);
        s.until(|s| s.is("ledger", "soaking"));
    }
}

/// What serves is not taken away because a weight says that it does not.
#[test]
fn a_way_back_waits_for_stables_service() {
    for wrong in [Front::Other, Front::Both] {
        let mut s = Stand::new(|_| {});
        s.until(|s| s.holds_step("ledger", 0));
        front(&mut s, wrong);
        s.bad.insert("ledger".into());
        s.until(|s| s.t("ledger").phase.going_back());
        s.bad.clear();
        let (sentence, wait) = (said(&s).sentence, "Waiting for its Service to lead to old.");
        assert_eq!(sentence.contains(wait), wrong == Front::Other, "no pods are waited for: {sentence}");
        s.wait(Dur::mins(5));
        assert!(!s.wrote("ledger", "delete-next"), "{wrong:?}: {:#?}", s.told());
        let Phase::RollbackBlocked { reason, command, .. } = &s.t("ledger").phase else {
            panic!("{wrong:?}: {:#?}", s.told());
        };
        assert!(reason.starts_with("Service ledger selects the pods of "), "{reason}");
        assert!(command.contains("edit service ledger"), "{command}");
        let short = said(&s).short;
        let still = if wrong == Front::Other { "everything new" } else { "more than 0% new" };
        assert!(short.starts_with(&format!("ledger BLOCKED, {still}: its Service leads to ledger-next")), "{short}");
        assert!(said(&s).ask.unwrap().text.contains("put its Service right"));
        front(&mut s, Front::Own);
        s.until(|s| s.is("ledger", "rolled back"));
        assert!(s.wrote("ledger", "delete-next"));
    }
}

/// What leads to nobody loses what goes back, and proves nothing of the old version.
#[test]
fn a_way_back_is_not_over_while_requests_are_lost() {
    for wrong in [Front::Nothing, Front::Gone] {
        for late in [false, true] {
            let mut s = Stand::new(|_| {});
            s.until(|s| s.holds_step("ledger", 0));
            s.say(Verb::Abort, Some("ledger"));
            match late {
                false => s.until(|s| stage(s) == Some(RollbackStage::Drain)),
                true => {
                    s.until(|s| s.is("ledger", "verifying") || matches!(s.t("ledger").phase, Phase::Verifying { .. }))
                }
            }
            let pages = s.run.pages.len();
            front(&mut s, wrong);
            s.wait(Dur::mins(20));
            assert!(
                !s.is("ledger", "rolled back") && s.wrote("ledger", "delete-next") == late,
                "{wrong:?}: {:#?}",
                s.told()
            );
            assert!(s.run.pages.len() > pages, "{:?}", s.run.pages);
            let text = said(&s).ask.unwrap().text;
            let sentence = said(&s).sentence;
            assert!(
                !sentence.contains("are watched for") && (!late || sentence.contains("wait for its Service")),
                "{sentence}"
            );
            assert_eq!(said(&s).next.at, None, "{:?}", said(&s).next);
            assert_eq!(s.count("serves everything"), 0, "nobody knows: {:#?}", s.told());
            assert!(
                text.contains("put its Service right") || text.contains("put it right"),
                "{wrong:?} {late}: {text}"
            );
            front(&mut s, Front::Own);
            s.until(|s| s.is("ledger", "rolled back"));
            assert!(s.wrote("ledger", "delete-next"));
        }
    }
}

/// To go on from nothing is to send it traffic at once, which is not what who took it out wants.
#[test]
fn a_share_below_the_first_step_is_not_gone_on_from() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Adopt);
    s.until(|s| s.holds_step("ledger", 0));
    take_out(&mut s, Accepted::Yes);
    s.wait(Dur::mins(2));
    assert!(s.t("ledger").accepted_share() < 0.5, "{:#?}", s.told());
    let off = judge(&s.run, Verb::AdoptDrift, &Scope::Service("ledger".into()), &ivo(), None);
    assert!(matches!(&off, Allowance::Denied(why) if why.contains("below its first step, 10%")), "{off:?}");
    let ask = said(&s).ask.unwrap();
    assert!(ask.text.contains("revert-drift?") && !ask.text.contains("adopt"), "{}", ask.text);
    s.say(Verb::RevertDrift, Some("ledger"));
    s.until(|s| s.t("ledger").accepted_share() > 9.0);
}

/// A word that waits for what somebody else decides would be carried out at theirs.
#[test]
fn an_edit_is_not_undone_for_later() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    take_out(&mut s, Accepted::Yes);
    s.wait(Dur::secs(2));
    s.say(Verb::Pause, Some("ledger"));
    let off = judge(&s.run, Verb::RevertDrift, &Scope::Service("ledger".into()), &ivo(), None);
    assert!(matches!(&off, Allowance::Denied(why) if why.contains("paused by")), "{off:?}");
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(12));
    let next = said(&s).next;
    assert!(next.at.is_none(), "{next:?}");
}

#[test]
fn settling_waits_for_stables_service() {
    let mut s = Stand::new(|_| {});
    s.until(|s| matches!(s.t("ledger").phase, Phase::Settling(Settling::Confirm { .. } | Settling::Drain { .. })));
    front(&mut s, Front::Other);
    s.wait(Dur::mins(5));
    assert!(!s.wrote("ledger", "delete-next") && !s.wrote("ledger", "remove-backend"), "{:#?}", s.told());
    assert_eq!(s.run.pages.iter().filter(|p| p.text.starts_with("Service ledger ")).count(), 1, "{:#?}", s.told());
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::Footing));
    assert!(said(&s).sentence.starts_with("ledger holds at 100%"), "{}", said(&s).sentence);
    front(&mut s, Front::Own);
    s.until(|s| s.is("ledger", "done"));
}

/// Settling, and somebody has paused stable's rollout.
fn settles_and_stands() -> Stand {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.by_hand = Some("copy-back");
    s.until(|s| s.t("ledger").call.as_ref().is_some_and(|c| c.call.action.word() == "copy-back"));
    let call = s.t("ledger").call.as_ref().unwrap().call.clone();
    s.apply(&call);
    let stable = &mut s.world.get_mut("ledger").unwrap().stable;
    (stable.updated, stable.progress) = (1, DeploymentProgress::Paused);
    let seen = s.views("ledger");
    s.result(call.key, CallOutcome::Done { seen });
    s.wait(Dur::secs(5));
    s
}

/// Whoever is paged can type what helps, and it is not held any more once that has helped.
#[test]
fn a_paused_rollout_is_told_with_its_command_and_lifts() {
    let mut s = settles_and_stands();
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::Capacity), "{:#?}", s.told());
    let told = |s: &Stand| s.run.pages.iter().filter(|p| p.text.contains("rollout resume deployment ledger")).count();
    assert_eq!(told(&s), 1, "{:?}", s.run.pages);
    let ask = said(&s).ask.unwrap();
    assert_eq!((ask.kind, ask.answers.len()), (Some(AskKind::Rollout), 0), "{ask:?}");
    assert!(ask.text.contains("is paused"), "{ask:?}");
    let (_, command) = status::by_hand(&s.run, s.t("ledger")).unwrap();
    assert_eq!(command, "kubectl -n n rollout resume deployment ledger");
    s.world.get_mut("ledger").unwrap().stable.progress = DeploymentProgress::Progressing;
    s.show("ledger");
    s.wait(Dur::secs(2));
    assert_eq!((&s.t("ledger").held, &s.t("ledger").ask), (&None, &None), "{:#?}", s.told());
}

/// What is printed can be typed: by what was seen of the Service before the start.
#[test]
fn stables_service_is_made_again_as_it_was() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    let typed = |s: &mut Stand, wrong: Front| {
        front(s, wrong);
        status::by_hand(&s.run, s.t("ledger")).unwrap().1
    };
    let without = typed(&mut s, Front::Gone);
    assert!(without.starts_with("kubectl -n n expose deployment ledger --name ledger --port 80 "), "{without}");
    let spec = serde_json::json!({"selector": {"app": "ledger"}, "ports": [{"port": 80, "targetPort": 8080}]});
    let made = serde_json::json!({"kind": "Service", "metadata": {"name": "ledger"}, "spec": spec});
    s.run.tracks.get_mut("ledger").unwrap().facts.as_mut().unwrap().front = made.clone();
    assert_eq!(typed(&mut s, Front::Gone), format!("echo '{made}' | kubectl -n n create -f -"));
    let patch = r#"[{"op":"replace","path":"/spec/selector","value":{"app":"ledger"}}]"#;
    for wrong in [Front::Other, Front::Both, Front::Nothing] {
        let want = format!("kubectl -n n patch service ledger --type=json -p '{patch}'  # ");
        assert!(typed(&mut s, wrong).starts_with(&want), "{}", typed(&mut s, wrong));
    }
}

/// Nobody has seen 0% of what is not there.
#[test]
fn a_route_that_is_gone_carries_no_share() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    (route.weights, route.uid, route.generation) = (None, String::new(), 0);
    route.backends.clear();
    s.show("ledger");
    s.wait(Dur::secs(1));
    assert_eq!(status::unread(s.t("ledger")), Some(status::Unread::Gone));
    let told = said(&s);
    assert!(told.sentence.starts_with("ledger holds without a route: "), "{}", told.sentence);
    assert!(told.short.starts_with("ledger no route: "), "{}", told.short);
}

/// Also where a foreign edit is what stands first.
#[test]
fn a_bad_gate_while_settling_is_paged_under_drift() {
    let mut s = settles_and_stands();
    s.edit("ledger", 90);
    s.wait(Dur::secs(2));
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::Drift), "{:#?}", s.told());
    let sentence = said(&s).sentence;
    assert!(sentence.starts_with("ledger holds at 90%"), "as in the table: {sentence}");
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(40));
    assert!(
        s.run.pages.iter().any(|p| p.text.ends_with("while settling: -next goes on serving 90%")),
        "{:#?}",
        s.told()
    );
}

/// Behind the point of no return nothing goes back by itself, and whoever can act is told, whatever else holds it.
#[test]
fn a_bad_gate_while_settling_promises_no_way_back_and_is_paged() {
    let mut s = settles_and_stands();
    assert_eq!(s.t("ledger").held.as_ref().map(|h| h.reason), Some(HoldReason::Capacity), "{:#?}", s.told());
    let sentence = said(&s).sentence;
    assert!(!sentence.contains("armed") && sentence.contains("reverse upgrade"), "{sentence}");
    s.bad.insert("ledger".into());
    s.wait(Dur::secs(40));
    let status = said(&s);
    assert!(status.sentence.contains("nothing goes back by itself"), "{}", status.sentence);
    assert!(!status.sentence.to_lowercase().contains("rollback in"), "{}", status.sentence);
    assert!(status.short.ends_with("no way back by itself"), "{}", status.short);
    let pages = |s: &Stand| s.run.pages.iter().filter(|p| p.text.contains("while settling")).count();
    assert_eq!(pages(&s), 1, "{:#?}", s.told());
    s.wait(Dur::mins(5));
    assert_eq!(pages(&s), 2, "once more when it lasts");
}

/// One of several rules is ours like the others: what it does not carry is told, and written again.
#[test]
fn a_rule_beside_ours_that_sends_nobody_to_the_new_version_is_drift() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    let at = |slot, rule, index, weight| BackendSeen { slot, rule, index, weight: Some(weight) };
    route.backends = vec![at(Slot::Stable, 0, 0, 1), at(Slot::Stable, 1, 0, 90), at(Slot::Next, 1, 1, 10)];
    (route.generation, route.writer) = (route.generation + 1, Some("kubectl-patch".into()));
    s.show("ledger");
    s.wait(Dur::secs(1));
    let t = s.t("ledger");
    let held = t.held.as_ref().unwrap_or_else(|| panic!("{:#?}", s.told()));
    let want =
        "route was changed by kubectl-patch: rule 0 of it sends everything to the old version, not 10% to the new";
    assert_eq!((held.reason, held.text.as_str()), (HoldReason::Drift, want));
    assert_eq!(status::answers(&s.run, t), [Verb::RevertDrift]);
    let p = preview(&s.run, Verb::RevertDrift, &Scope::Service("ledger".into()));
    assert_eq!(p.effects, ["rule 0 of the route: 0% -> 10%"]);
    s.say(Verb::RevertDrift, Some("ledger"));
    s.wait(Dur::secs(1));
    let last = s.calls.last().unwrap();
    assert!(matches!(last.action, crate::engine::effect::Action::SetWeight { next: 10, expect: 10, .. }), "{last:?}");
    assert!(s.t("ledger").held.is_none());
}

#[test]
fn what_was_taken_out_is_put_back_and_the_preview_says_so() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    take_out(&mut s, Accepted::Yes);
    s.wait(Dur::secs(1));
    let p = preview(&s.run, Verb::RevertDrift, &Scope::Service("ledger".into()));
    assert_eq!(p.effects, ["weight 0% -> 10%", "Service ledger-next is put back into the route"]);
    s.say(Verb::RevertDrift, Some("ledger"));
    s.wait(Dur::secs(1));
    assert_eq!(s.t("ledger").accepted_share(), 10.0, "{:#?}", s.told());
}

/// What is taken over is told as what it is: nobody scaled anything.
#[test]
fn a_share_that_is_taken_over_is_told_as_that() {
    let mut s = Stand::new(|p| p.on_drift = OnDrift::Hold);
    s.until(|s| s.holds_step("ledger", 0));
    s.edit("ledger", 60);
    let p = preview(&s.run, Verb::AdoptDrift, &Scope::Service("ledger".into()));
    assert!(p.effects.contains(&"-next is scaled from 1 to 3 pods".to_string()), "{p:?}");
    s.say(Verb::AdoptDrift, Some("ledger"));
    s.wait(Dur::secs(2));
    assert_eq!((s.count("by a foreign edit"), s.count("-next is scaled from 1 to 3 pods")), (0, 1), "{:#?}", s.told());
    let word = state_text(&s.run, s.t("ledger"), s.now);
    assert!(word.starts_with("60% "), "{word}");
    assert!(said(&s).sentence.contains("holds 60% new"), "{}", said(&s).sentence);
    // What somebody scales away later is an edit again.
    let next = s.world.get_mut("ledger").unwrap().next.as_mut().unwrap();
    (next.wanted, next.generation) = (1, next.generation + 1);
    s.show("ledger");
    s.wait(Dur::secs(1));
    assert_eq!(s.count("-next wants 1 pods where it needs 3, by a foreign edit"), 1, "{:#?}", s.told());
}

#[test]
fn a_service_of_the_new_versions_is_not_called_gone_when_it_selects_others() {
    for (front, text) in [(Front::Nothing, "no longer selects its pods"), (Front::Gone, "the service of -next is gone")]
    {
        let mut s = Stand::new(|_| {});
        s.until(|s| s.holds_step("ledger", 0));
        let deployment = s.world["ledger"].next.clone();
        let (service, slot) = ("ledger".to_string(), Slot::Next);
        let seen = WorkloadSeen { service, slot, deployment, pods: Vec::new(), service_exists: false, front };
        s.hear(Body::Observed(Observation::Workload(seen)));
        assert_eq!(s.count(text), 1, "{:#?}", s.told());
    }
}

/// Two lines a second apart must not say that raises go on and that they do not.
#[test]
fn what_is_over_promises_nothing_that_something_else_forbids() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    s.hear(Body::Observed(Observation::Bystander { service: "vault".into(), ready: 0, wanted: 3 }));
    s.until(|s| s.run.critical.is_some());
    s.say(Verb::PauseAll, None);
    s.hear(Body::Observed(Observation::Bystander { service: "vault".into(), ready: 3, wanted: 3 }));
    s.until(|s| s.run.critical.is_none());
    assert_eq!(s.count("raises go on"), 0, "{:#?}", s.told());
    assert_eq!(s.count("critical services are up again; still no raises: everything paused by ivo"), 1);
    s.say(Verb::ResumeAll, None);
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").held.is_some());
    s.say(Verb::PauseAll, None);
    s.bad.clear();
    s.until(|s| s.t("ledger").held.is_none());
    assert_eq!(s.count("no longer held"), 0, "{:#?}", s.told());
    assert_eq!(s.count("still held: everything paused by ivo"), 1);
}
