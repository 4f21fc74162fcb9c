//! Several questions at once: which comes first, and that none is lost behind it.
use super::stand::{Stand, ivo};
use crate::engine::command::{Allowance, Scope, Verb};
use crate::engine::observe::Front;
use crate::engine::people::{judge, preview};
use crate::engine::run::{Ask, AskKind, Held, Hold, HoldReason, Phase};
use crate::engine::status::{self, Status, status};
use crate::spec::policy::{OnDrift, PolicySpec, Severity};
use crate::spec::units::{Dur, Time};

fn said(s: &Stand) -> Status {
    status(&s.run, s.now, &|t: Time| t.to_string())
}

fn asks(s: &Stand, name: &str) -> Vec<AskKind> {
    s.t(name).asks().map(|a| a.kind).collect()
}

fn held(s: &Stand) -> Option<HoldReason> {
    s.t("ledger").held.as_ref().map(|h| h.reason)
}

fn front(s: &mut Stand, front: Front) {
    s.world.get_mut("ledger").unwrap().front = front;
    s.show("ledger");
    s.wait(Dur::secs(1));
}

fn asking_first(policy: &mut PolicySpec) {
    policy.gates[0].severity = Severity::Standard;
    policy.on_drift = OnDrift::Hold;
}

/// At its first step, its gate bad for so long that a person is asked.
fn breached() -> Stand {
    let mut s = Stand::new(asking_first);
    s.until(|s| s.holds_step("ledger", 0));
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").breach.is_some());
    s
}

/// A way back that a breach comes to leads nowhere: that is asked first, and the breach's question is there when it is over.
#[test]
fn a_service_that_leads_elsewhere_is_asked_before_a_breach() {
    for kept in [false, true] {
        let mut s = breached();
        if kept {
            s.say(Verb::Keep, Some("ledger"));
        }
        let behind: &[AskKind] = if kept { &[] } else { &[AskKind::Keep] };
        assert_eq!(asks(&s, "ledger"), behind);
        front(&mut s, Front::Nothing);
        assert_eq!(asks(&s, "ledger"), [&[AskKind::Footing], behind].concat(), "{kept}: {:#?}", s.told());
        let told = said(&s);
        assert_eq!((told.asks, told.ask.as_ref().unwrap().kind), (1 + behind.len(), Some(AskKind::Footing)));
        assert!(told.ask.unwrap().text.contains("put it right"));
        let deadline = s.t("ledger").breach.as_ref().unwrap().deadline.until(s.now).clock();
        assert!(told.sentence.contains("Service ledger selects no pods of ledger"), "{}", told.sentence);
        let comes = format!("is to roll back, and cannot before that is put right, in {deadline}");
        assert!(told.sentence.contains(&comes), "{}", told.sentence);
        assert_eq!((told.next.at, told.next.condition.as_str()), (None, "when its Service leads to the old pods"));
        let brief = "ledger weight 10%: its Service leads to no pods, requests are lost; due back in ";
        assert!(told.short.starts_with(brief), "{}", told.short);
        // Nothing changes hands from tick to tick.
        let events = s.count("held: ");
        s.wait(Dur::secs(30));
        assert_eq!((s.count("held: "), held(&s)), (events, Some(HoldReason::Footing)), "{:#?}", s.told());
        front(&mut s, Front::Own);
        assert_eq!((asks(&s, "ledger").as_slice(), held(&s)), (behind, Some(HoldReason::Breach)), "{:#?}", s.told());
        assert!(said(&s).sentence.contains("Rolls back in "), "{}", said(&s).sentence);
        assert_eq!(s.count("no longer held"), 0, "the breach stands: {:#?}", s.told());
        s.bad.clear();
        s.wait(Dur::secs(12));
        assert_eq!((asks(&s, "ledger"), held(&s)), (vec![], None), "{:#?}", s.told());
    }
}

#[test]
fn a_breach_comes_up_behind_what_stands_first_and_goes_when_it_recovers() {
    let mut s = Stand::new(asking_first);
    s.until(|s| s.holds_step("ledger", 0));
    front(&mut s, Front::Other);
    s.bad.insert("ledger".into());
    s.until(|s| s.t("ledger").breach.is_some());
    assert_eq!(asks(&s, "ledger"), [AskKind::Footing, AskKind::Keep]);
    // Whoever knows what stands behind can say so.
    assert_eq!(judge(&s.run, Verb::Keep, &Scope::Service("ledger".into()), &ivo(), None), Allowance::Allowed);
    s.bad.clear();
    s.wait(Dur::secs(12));
    assert_eq!(asks(&s, "ledger"), [AskKind::Footing], "{:#?}", s.told());
    front(&mut s, Front::Own);
    assert_eq!(asks(&s, "ledger"), []);
}

/// A foreign edit of the route hides no Service that leads nowhere.
#[test]
fn a_service_that_leads_elsewhere_is_asked_before_a_foreign_edit() {
    let mut s = Stand::new(asking_first);
    s.until(|s| s.holds_step("ledger", 0));
    s.edit("ledger", 60);
    assert_eq!(asks(&s, "ledger"), [AskKind::Drift]);
    front(&mut s, Front::Gone);
    assert_eq!(asks(&s, "ledger"), [AskKind::Footing, AskKind::Drift], "{:#?}", s.told());
    s.wait(Dur::secs(20));
    assert_eq!(s.count("held: "), 2, "{:#?}", s.told());
    let revert = judge(&s.run, Verb::RevertDrift, &Scope::Service("ledger".into()), &ivo(), None);
    assert_eq!(revert, Allowance::Allowed);
    front(&mut s, Front::Own);
    assert_eq!((asks(&s, "ledger"), held(&s)), (vec![AskKind::Drift], Some(HoldReason::Drift)), "{:#?}", s.told());
}

/// Both are asked: what goes back by itself, and what somebody made of the route meanwhile.
#[test]
fn a_foreign_edit_is_asked_behind_a_breach() {
    let mut s = breached();
    s.edit("ledger", 60);
    assert_eq!(asks(&s, "ledger"), [AskKind::Keep, AskKind::Drift]);
    assert_eq!(status::answers_to(&s.run, s.t("ledger"), AskKind::Drift), [Verb::AdoptDrift, Verb::RevertDrift]);
}

/// A route that is gone loses every request: it is asked before the breach, though it was asked as a mere edit.
#[test]
fn a_route_that_is_gone_is_asked_before_a_breach() {
    let mut s = breached();
    s.edit("ledger", 60);
    assert_eq!(asks(&s, "ledger"), [AskKind::Keep, AskKind::Drift]);
    let route = &mut s.world.get_mut("ledger").unwrap().route;
    (route.weights, route.uid) = (None, String::new());
    route.backends.clear();
    s.show("ledger");
    s.wait(Dur::secs(1));
    assert_eq!(asks(&s, "ledger"), [AskKind::Drift, AskKind::Keep], "{:#?}", s.told());
    assert_eq!(said(&s).ask.unwrap().kind, Some(AskKind::Drift));
}

/// What stops the whole run does not stand behind what only makes one step longer, however long that was asked before.
#[test]
fn open_questions_of_several_services_stand_by_danger() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    let since = s.now;
    let mut open = |name: &str, kind, deadline| {
        s.run.tracks.get_mut(name).unwrap().open(Ask { kind, text: format!("{name}: ?"), since, deadline });
    };
    open("ledger", AskKind::TooFew, None);
    open("ledger", AskKind::LongStep, None);
    open("billing", AskKind::AfterRollback, None);
    open("orders", AskKind::Keep, Some(since + Dur::mins(3)));
    let first = |s: &Stand| said(s).ask.unwrap().kind.unwrap();
    assert_eq!((said(&s).asks, first(&s)), (4, AskKind::Keep));
    s.run.tracks.get_mut("ledger").unwrap().open(Ask {
        kind: AskKind::Footing,
        text: "ledger: ?".into(),
        since,
        deadline: None,
    });
    assert_eq!(first(&s), AskKind::Footing, "though another has a deadline");
    for (name, kind, then) in [
        ("ledger", AskKind::Footing, AskKind::Keep),
        ("orders", AskKind::Keep, AskKind::AfterRollback),
        ("billing", AskKind::AfterRollback, AskKind::LongStep),
        ("ledger", AskKind::LongStep, AskKind::TooFew),
    ] {
        assert_eq!(s.run.tracks.get_mut(name).unwrap().close(&[kind]), Some(kind));
        assert_eq!(first(&s), then);
    }
}

/// Whoever knows that a pod is missing is told when it becomes worse, in the words of now.
#[test]
fn what_becomes_worse_is_told_again() {
    let mut s = Stand::new(asking_first);
    s.until(|s| s.holds_step("ledger", 0));
    let stable = &mut s.world.get_mut("ledger").unwrap().stable;
    stable.image = "r/ledger:9".into();
    s.show("ledger");
    s.wait(Dur::secs(2));
    let pages = s.run.pages.len();
    assert!(said(&s).ask.unwrap().text.contains("holds r/ledger:9"), "{:?}", said(&s).ask);
    assert_eq!(said(&s).next.condition, "when it is as it was");
    front(&mut s, Front::Nothing);
    assert!(said(&s).ask.unwrap().text.contains("leads to no pods"), "{:?}", said(&s).ask);
    assert_eq!(s.run.pages.len(), pages + 1, "{:#?}", s.told());
    s.wait(Dur::secs(20));
    assert_eq!(s.run.pages.len(), pages + 1);
}

/// The verdict is about what is asked first.
#[test]
fn a_failure_is_told_before_what_is_only_held() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    let (since, until) = (s.now, Some(s.now + Dur::mins(1)));
    let (reason, text) = (HoldReason::TooFew, "12 of 300 requests".into());
    s.run.tracks.get_mut("ledger").unwrap().held = Some(Held { reason, text, since, until });
    s.run.tracks.get_mut("billing").unwrap().open(Ask {
        kind: AskKind::AfterRollback,
        text: "billing went back".into(),
        since,
        deadline: None,
    });
    assert_eq!(said(&s).service.as_deref(), Some("billing"));
}

/// Of two that are as dangerous, verdict and question name the same.
#[test]
fn the_verdict_is_about_what_is_asked_first() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("ledger", 0));
    let (since, until) = (s.now, s.now + Dur::mins(1));
    for (name, reason, until) in [("ledger", HoldReason::Footing, None), ("billing", HoldReason::Breach, Some(until))] {
        let t = s.run.tracks.get_mut(name).unwrap();
        t.held = Some(Held { reason, text: "?".into(), since, until });
        t.open(Ask { kind: AskKind::Footing, text: "?".into(), since, deadline: None });
    }
    let told = said(&s);
    assert_eq!((told.service.as_deref(), told.ask.unwrap().service.as_deref()), (Some("ledger"), Some("ledger")));
}

/// A question that is open twice is one, and it keeps the time it was first asked.
#[test]
fn a_question_that_is_open_stays_as_it_was_asked() {
    let mut s = breached();
    let before = s.t("ledger").ask.clone().unwrap();
    let again = Ask { text: "again".into(), since: s.now + Dur::secs(9), ..before.clone() };
    let t = s.run.tracks.get_mut("ledger").unwrap();
    assert!(!t.open(again));
    assert_eq!((t.ask.as_ref(), t.asks().count()), (Some(&before), 1));
}

/// Whoever answers a failure knows what goes up again because of it.
#[test]
fn an_answer_to_a_failure_names_the_raises_that_follow() {
    let mut s = Stand::new(|_| {});
    s.until(|s| s.holds_step("billing", 0));
    s.bad.insert("billing".into());
    s.until(|s| s.is("billing", "rolled back"));
    let orders = s.run.tracks.get_mut("orders").unwrap();
    orders.phase = Phase::Shifting { step: 0, hold: Hold { accepted_at: Some(s.now), ..Hold::default() } };
    let on = |verb| preview(&s.run, verb, &Scope::Service("billing".into()));
    let raises = "raises go on, each when its hold is clean: orders 0% -> 100%";
    let retry = on(Verb::Retry);
    assert_eq!(retry.effects[1..], ["once its pods are ready it is raised: 10% 100%", raises], "{retry:?}");
    assert_eq!(retry.touches, "no traffic at once; then 10% 100% of billing");
    let skip = on(Verb::Skip);
    assert!(skip.effects.contains(&raises.to_string()) && skip.touches != "no traffic", "{skip:?}");
    // Another failure that nobody answered goes on stopping all of them.
    let since = s.now;
    let ask = Ask { kind: AskKind::AfterRollback, text: "?".into(), since, deadline: None };
    s.run.tracks.get_mut("orders").unwrap().open(ask);
    let retry = preview(&s.run, Verb::Retry, &Scope::Service("billing".into()));
    let too = "nothing else is raised before somebody decides about orders, too";
    assert_eq!(retry.effects.last().unwrap(), too);
}
