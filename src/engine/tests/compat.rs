//! What the contracts say of a plan, and orders that are no needs.
use std::sync::Arc;

use super::stand::{START, Stand, ivo};
use crate::engine::command::{Allowance, Scope, Verb};
use crate::engine::message::{Body, Leave, Stamp, Waived};
use crate::engine::people::judge;
use crate::engine::run::{Outcome, Run, Stage};
use crate::plan::Plan;
use crate::plan::verdict::{Told, Verdict};
use crate::spec::contract::Waiver;

fn told(critical: bool, waived: Option<&str>) -> Told {
    Told {
        fingerprint: "739826fedbd814dd".into(),
        rule: "operation-removed".into(),
        critical,
        service: Some("ledger".into()),
        message: "GET /x removed".into(),
        consumers: vec!["billing 1.0.0".into()],
        at: Some("ledger/5.2.4/openapi.yaml:12".into()),
        advice: Some("keep it".into()),
        waived: waived.map(String::from),
        ..Told::default()
    }
}

fn with(change: impl FnOnce(&mut Plan), interactive: bool) -> Stand {
    let mut s = Stand::waiting(|_| {});
    let mut plan = s.run.plan.clone();
    change(Arc::make_mut(&mut plan));
    s.run = Run::new("7f3a", plan, Stamp { wall: START, mono: 0 });
    s.attach(interactive);
    s
}

/// Without anybody at a screen.
fn checked(findings: Vec<Told>) -> Stand {
    with(|plan| plan.compat = Some(Verdict { findings, ..Verdict::default() }), false)
}

#[test]
fn nothing_begins_while_something_critical_stands() {
    let s = checked(vec![told(true, None)]);
    assert_eq!(s.run.stage, Stage::Ended(Outcome::Blocked));
    assert!(s.calls.is_empty());
    let report = s.run.preflight.as_ref().unwrap();
    let problem = &report.problems[0];
    assert_eq!(problem.what, "GET /x removed (operation-removed); it reaches billing 1.0.0");
    assert_eq!((problem.blocking, problem.fix.as_str()), (true, "keep it"));
    assert!(matches!(checked(vec![told(false, None)]).run.stage, Stage::Running));
}

#[test]
fn what_was_accepted_is_written_down_when_the_run_starts() {
    let s = checked(vec![told(true, Some("mara and jun, until 2026-12-31: nobody calls it"))]);
    assert_eq!(s.run.stage, Stage::Running);
    let line = "accepted 739826fedbd814dd: GET /x removed (operation-removed), by mara and jun, until 2026-12-31";
    assert_eq!(s.count(line), 1, "{:#?}", s.told());
}

/// A rule that somebody switches off may hide what breaks: the run says under what it starts.
#[test]
fn what_a_policy_overrules_is_written_down_when_the_run_starts() {
    let by = "left out: compat.yaml:7 switches its rule off; by itself it is critical";
    let s = checked(vec![Told { off: true, overruled: Some(by.into()), ..told(true, None) }]);
    assert_eq!(s.run.stage, Stage::Running);
    let line = format!("overruled 739826fedbd814dd: GET /x removed (operation-removed), {by}");
    assert_eq!(s.count(&line), 1, "{:#?}", s.told());
}

/// As [`checked`], with somebody at a screen.
fn watched(findings: Vec<Told>, production: bool) -> Stand {
    let change = |plan: &mut Plan| {
        plan.environment.production = production;
        plan.policy.people.operators = vec!["ivo".into()];
        plan.compat = Some(Verdict { findings, ..Verdict::default() });
    };
    with(change, true)
}

fn waived(verdict: Verdict) -> Body {
    let waiver = Waiver {
        fingerprint: "739826fedbd814dd".into(),
        reason: "nobody calls it".into(),
        until: "2026-12-31".parse().unwrap(),
        by: vec!["ivo".into(), "jun".into()],
    };
    Body::Waived(Box::new(Waived { by: ivo(), waiver, file: "contracts/compat.yaml".into(), verdict }))
}

#[test]
fn a_person_at_a_screen_can_accept_what_bars_the_start() {
    let mut s = watched(vec![told(true, None)], false);
    assert_eq!(s.run.stage, Stage::Ready, "{:#?}", s.told());
    let start = |s: &Stand| judge(&s.run, Verb::Start, &Scope::Run, &ivo(), None);
    let off = Allowance::Denied("1 critical finding of the contracts, on the plan screen".into());
    assert_eq!(start(&s), off);
    assert_eq!(judge(&s.run, Verb::Waive, &Scope::Run, &ivo(), None), Allowance::Allowed);
    let hash = s.run.plan_hash.clone();
    let with = Verdict {
        findings: vec![told(true, Some("ivo and jun, until 2026-12-31: nobody calls it"))],
        ..Verdict::default()
    };
    s.hear(waived(with));
    assert_eq!(start(&s), Allowance::Allowed);
    assert_ne!(s.run.plan_hash, hash);
    assert_eq!(s.run.plan_hash, s.run.plan.hash());
    assert!(s.run.preflight.as_ref().is_some_and(|p| p.problems.is_empty()));
    let line = "waive 739826fedbd814dd until 2026-12-31: \"nobody calls it\". jun named with it: self-declared. It stands in \
                contracts/compat.yaml";
    assert_eq!(s.count(line), 1, "{:#?}", s.told());
    assert_eq!(s.count("contracts read again: nothing bars the start"), 1, "{:#?}", s.told());
    assert!(s.calls.is_empty());
    // The plan that is in force is named for whoever reads the journal.
    let in_force = s.run.events.iter().find_map(|e| crate::engine::compat::in_force(&e.who, &e.text));
    assert_eq!(in_force, Some(s.run.plan_hash.as_str()));
    let forged = format!("contracts read again: nothing bars the start; plan sha256 {}", s.run.plan_hash);
    assert_eq!(crate::engine::compat::in_force("ivo", &forged), None);
}

/// Whoever starts reads first what was found, not that nothing was.
#[test]
fn what_was_accepted_is_not_nothing() {
    let sentence = |findings: Vec<Told>| {
        // Something critical keeps it from beginning; the contracts are read again.
        let mut s = watched(vec![told(true, None)], false);
        s.hear(waived(Verdict { findings, ..Verdict::default() }));
        assert_eq!(s.run.stage, Stage::Ready, "{:#?}", s.told());
        crate::engine::status::status(&s.run, START, &|t| t.to_string()).sentence
    };
    let who = Some("ivo and jun, until 2026-12-31: nobody calls it");
    let off = Told { off: true, ..told(true, None) };
    for (findings, wanted) in [
        (vec![], "preflight found nothing. "),
        (vec![told(true, who)], "preflight found nothing in the cluster; contracts: 1 accepted. "),
        (
            vec![told(true, who), told(false, None), told(false, None), off],
            "preflight found nothing in the cluster; contracts: 2 warnings, 1 accepted, 1 left out. ",
        ),
    ] {
        let said = sentence(findings);
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[test]
fn in_production_nothing_is_accepted_whatever_a_screen_says() {
    let mut s = watched(vec![told(true, None)], true);
    assert_eq!(s.run.stage, Stage::Ready, "what bars it can be read: {:#?}", s.told());
    let before = s.run.plan.clone();
    s.hear(waived(Verdict::default()));
    assert_eq!(s.run.plan, before);
    assert_eq!(s.count("waive denied: not accepted: no two-person route is configured"), 1, "{:#?}", s.told());
    // Whoever leaves it gets the exit code of a run that could not begin.
    s.hear(Body::Leave(Leave { how: None, why: "quit".into() }));
    assert_eq!(s.run.stage, Stage::Ended(Outcome::Blocked));
}

#[test]
fn what_has_begun_is_not_changed_by_a_waiver() {
    let mut s = checked(vec![told(false, None)]);
    let before = s.run.plan.clone();
    s.hear(waived(Verdict::default()));
    assert_eq!(s.run.plan, before);
    assert_eq!(s.count("waive denied: the run has begun"), 1, "{:#?}", s.told());
}

/// `vault` aside, only `ledger` may begin at first here; `orders` has to be there before `ledger` now, and needs nothing.
#[test]
fn an_order_is_kept_there_and_back() {
    let fleet = |plan: &Plan| crate::spec::Fleet {
        name: "f".into(),
        spec: crate::spec::fleet::FleetSpec {
            environments: Vec::new(),
            services: plan.services.iter().map(|p| p.service.clone()).collect(),
            contracts: None,
        },
    };
    let mut s = with(
        |plan| {
            plan.services.iter_mut().for_each(|p| p.needs.clear());
            let after = [("ledger".to_string(), [("orders".to_string(), "it reads first".to_string())].into())].into();
            *plan = plan.clone().in_order(&fleet(plan), &after).unwrap();
            let waves: Vec<(&str, u32)> = plan.services.iter().map(|p| (p.service.name.as_str(), p.wave)).collect();
            assert_eq!(waves, [("billing", 1), ("orders", 1), ("ledger", 2)]);
        },
        true,
    );
    s.until(|s| s.holds_step("orders", 0));
    assert!(s.is("ledger", "waits") && s.is("billing", "shifting"), "{:#?}", s.told());
    s.until(|s| s.is("ledger", "soaking"));
    // Orders is bad: what went after it goes back with it.
    s.bad.insert("orders".into());
    s.until(|s| s.is("orders", "rolled back"));
    assert!(s.is("ledger", "rolled back") && !s.is("billing", "rolled back"), "{:#?}", s.told());
}

#[test]
fn an_order_and_a_need_that_go_in_a_circle_are_no_plan() {
    let s = Stand::waiting(|_| {});
    let plan = s.run.plan.clone();
    let fleet = crate::spec::Fleet {
        name: "f".into(),
        spec: crate::spec::fleet::FleetSpec { environments: Vec::new(), services: Vec::new(), contracts: None },
    };
    // `orders` needs `billing`, which needs `ledger`.
    let after = [("ledger".to_string(), [("orders".to_string(), "why".to_string())].into())].into();
    let error = Arc::unwrap_or_clone(plan).in_order(&fleet, &after).unwrap_err().to_string();
    assert!(error.contains("ledger -> orders -> billing -> ledger"), "{error}");
}
