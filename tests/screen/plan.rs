//! The plan screen over the fleet of 92 services that ships, with its two breakages.
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::frames::Look;
use crate::support::nights::{self, Moment};
use clap::Parser;
use pilothouse::cli::args::{Cli, Command};
use pilothouse::cli::verdict::plan_of;
use pilothouse::console::model::Intent;
use pilothouse::engine::command::{Identity, IdentitySource};
use pilothouse::engine::message::{Attached, Body, LeaseSeen, Message, Stamp};
use pilothouse::engine::observe::PreflightReport;
use pilothouse::engine::{Run, step};
use pilothouse::plan::verdict::{Told, UNSEEN};
use pilothouse::spec::units::Time;

/// Nothing was looked at yet.
fn fresh() -> Moment {
    static RUN: OnceLock<Run> = OnceLock::new();
    let now = Time(1_795_310_400_000);
    let run = RUN.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet-92");
        let cli = Cli::parse_from(["pilothouse", "plan", "-f", folder.to_str().unwrap()]);
        let Some(Command::Plan { files, contracts, .. }) = &cli.command else { unreachable!() };
        let (plan, _) = plan_of(files, contracts, &cli.global).unwrap();
        Run::new("7f3a", plan, Stamp { wall: now, mono: 0 })
    });
    Moment { run: run.clone(), now }
}

#[test]
fn what_bars_the_start_stands_first() {
    let look = Look::at(fresh()).keys(&["5"]);
    insta::assert_snapshot!("plan_100x30", look.frame(100, 30));
    insta::assert_snapshot!("plan_80x24", look.frame(80, 24));
    insta::assert_snapshot!("plan_60x20", look.frame(60, 20));
    insta::assert_snapshot!("plan_40x10", look.frame(40, 10));
}

#[test]
fn the_second_finding_and_the_tree() {
    insta::assert_snapshot!("plan_second_100x30", Look::at(fresh()).keys(&["5", "down"]).frame(100, 30));
    insta::assert_snapshot!("plan_graph_100x30", Look::at(fresh()).keys(&["5g"]).frame(100, 30));
    let back = Look::at(fresh()).keys(&["5g", "esc"]).frame(100, 30);
    assert_eq!(back, Look::at(fresh()).keys(&["5"]).frame(100, 30));
}

/// Everything that is known of it, on any size: reasons, operations, both places, who accepts it.
#[test]
fn the_selected_finding_can_be_read_in_full() {
    insta::assert_snapshot!(
        "plan_in_full_100x30",
        Look::at(fresh()).keys(&["5", "down", "down", "enter"]).frame(100, 30)
    );
    insta::assert_snapshot!(
        "plan_in_full_80x24",
        Look::at(fresh()).keys(&["5", "down", "down", "enter"]).frame(80, 24)
    );
    let told =
        |run: &Run| run.plan.compat.as_ref().unwrap().findings.iter().find(|f| f.was_at.is_some()).unwrap().clone();
    let finding = told(&fresh().run);
    assert!(!finding.details.is_empty() && !finding.affected.is_empty(), "{finding:#?}");
    let before = Look::at(fresh()).keys(&["5"]).frame(80, 24);
    for (width, height) in [(100, 30), (80, 24), (60, 20), (40, 10)] {
        let mut look = Look::at(fresh()).keys(&["5", "down", "down", "enter"]);
        let mut seen = String::new();
        for _ in 0..40 {
            let frame = look.frame(width, height);
            seen.push_str(frame.split("--- styles").next().unwrap());
            look.intents(&["down"]);
        }
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let seen = letters(&seen);
        let all = finding.details.iter().chain(&finding.affected).chain(&finding.at).chain(&finding.was_at);
        for text in all.flat_map(|t| t.split_whitespace()) {
            // A word that is wider than the screen stands on two lines.
            let part: String = letters(text).chars().take(20).collect();
            assert!(seen.contains(&part), "{part} at {width}x{height}");
        }
    }
    // Esc gives back the list as it was; Enter once more leads to the service.
    assert_eq!(Look::at(fresh()).keys(&["5", "enter", "esc"]).frame(80, 24), before);
    let service = Look::at(fresh()).keys(&["5", "enter", "enter"]).frame(80, 24);
    assert!(service.contains("inventory") && !service.contains("Finding"), "{service}");
}

/// A circle says every one of its edges, and the way out.
#[test]
fn what_is_left_out_and_what_a_circle_is_made_of_are_shown() {
    let change = |run: &mut Run| {
        let findings = &mut Arc::make_mut(&mut run.plan).compat.as_mut().unwrap().findings;
        findings[0].details = vec!["a way out, one after the other: auth 1.0.0 → 1.5.0, orders 5.3.3 → 5.4.0".into()];
        findings[1].off = true;
        findings[1].details = vec!["left out: compat.yaml:7 switches its rule off; by itself it is critical".into()];
    };
    let at = |keys: &[&str]| waiting_with(false, change).keys(keys).frame(100, 30);
    assert!(at(&["enter"]).contains("a way out, one after the other: auth 1.0.0 → 1.5.0, orders 5.3.3 → 5.4.0"));
    let list = at(&[]);
    assert!(list.contains("3 critical, 1 warning, 1 left out"), "{list}");
    let last = ["down", "down", "down", "down"];
    let left_out = at(&last);
    assert!(left_out.contains("> off ") && left_out.contains("compat.yaml:7 switches its rule off"), "{left_out}");
    assert!(at(&[&last[..], &["w"]].concat()).contains("waive is off: its rule is switched off"));
}

#[test]
fn a_service_in_the_tree_has_the_reason_of_each_way_to_it() {
    let change = |run: &mut Run| {
        let names: Vec<String> = run.plan.services.iter().take(3).map(|p| p.service.name.clone()).collect();
        for p in &mut Arc::make_mut(&mut run.plan).services {
            (p.needs, p.after) = Default::default();
        }
        // The third goes after the first and the second, and a fourth after it.
        Arc::make_mut(&mut run.plan).services[2].needs.insert(names[0].clone(), ">=2".into());
        Arc::make_mut(&mut run.plan).services[2].after.insert(names[1].clone(), "its events are read first".into());
        Arc::make_mut(&mut run.plan).services[3].needs.insert(names[2].clone(), ">=3".into());
    };
    let frame = waiting_with(false, change).keys(&["g"]).frame(100, 30);
    assert!(frame.contains("  needs >=2") && frame.contains("its events are read first, the rest as above"), "{frame}");
}

/// What can be pressed, and why not, is said before what only sorts the list.
#[test]
fn at_80_columns_no_verb_of_the_plan_is_missing() {
    for look in [waiting(false), waiting(true), Look::at(fresh()).keys(&["5"])] {
        let frame = look.frame(80, 24);
        let last = frame.lines().find(|l| l.contains("? help")).unwrap();
        assert!(last.contains("w waive") && last.contains("S start(off"), "{last}");
    }
}

#[test]
fn a_run_without_contracts_says_so() {
    insta::assert_snapshot!("plan_without_contracts_100x30", Look::at(nights::ready()).keys(&["5"]).frame(100, 30));
}

#[test]
fn a_filter_finds_words_of_findings_and_esc_lifts_it() {
    let shown = |keys: &[&str]| Look::at(fresh()).keys(keys).frame(100, 30);
    assert!(shown(&["5/nothing-of-that-kind", "enter"]).contains("no finding matches"));
    assert_eq!(shown(&["5/crit", "enter", "esc"]), shown(&["5"]));
    // Any word of what stands in its rows and in full, with the label before it.
    for (words, found) in [
        ("reaches portal", 1),
        ("in GET /orders, GET /orders/{id}", 1),
        ("openapi.yaml:64", 1),
        ("before orders/5.3.3", 1),
        ("offer the new form", 1),
        ("b822d6d81054c387", 1),
        ("390000 CALLS", 1),
        ("move orders 5.3.3", 2),
        ("two names", 0),
    ] {
        let frame = shown(&[&format!("5/{words}"), "enter"]);
        assert!(frame.contains(&format!("{found} match ")), "{words}: {frame}");
    }
}

#[test]
fn findings_are_written_to_a_file_only_where_there_are_any() {
    assert_eq!(Look::at(fresh()).intents(&["5s"]), [Intent::Export]);
    assert_eq!(Look::at(nights::ready()).intents(&["5s"]), []);
}

/// Looked at, with somebody at the screen and a folder to write to.
fn waiting(production: bool) -> Look {
    waiting_with(production, |_| {})
}

fn waiting_with(production: bool, change: impl FnOnce(&mut Run)) -> Look {
    let mut moment = fresh();
    let run = &mut moment.run;
    change(run);
    Arc::make_mut(&mut run.plan).environment.production = production;
    Arc::make_mut(&mut run.plan).policy.people.operators = vec!["ivo".into()];
    run.identity = Identity { name: "ivo".into(), source: IdentitySource::Kubernetes };
    let body = [
        Body::Attached(Attached { identity: run.identity.clone(), interactive: true, start: false, pager: true }),
        Body::Lease(LeaseSeen::Held { epoch: 1 }),
        Body::Synced,
        Body::Preflight(PreflightReport { server_version: "1.34".into(), ..PreflightReport::default() }),
    ];
    for (seq, body) in (1..).zip(body) {
        step(run, &Message { at: Stamp { wall: moment.now, mono: seq }, seq, body });
    }
    let look = Look::at(moment).with_contracts("examples/fleet-92/contracts/compat.yaml");
    look.keys(&["5"])
}

#[test]
fn a_finding_is_accepted_with_a_reason_a_day_and_a_second_name() {
    insta::assert_snapshot!("plan_start_is_off_100x30", waiting(false).frame(100, 30));
    insta::assert_snapshot!("plan_start_is_off_80x24", waiting(false).frame(80, 24));
    insta::assert_snapshot!("waive_100x30", waiting(false).keys(&["w"]).frame(100, 30));
    let typed = ["w", "nobody calls it", "tab", "2026-12-24", "tab", "jun"];
    let look = waiting(false).keys(&typed);
    insta::assert_snapshot!("waive_typed_100x30", look.frame(100, 30));
    insta::assert_snapshot!("waive_typed_80x24", look.frame(80, 24));
    insta::assert_snapshot!("waive_typed_40x10", look.frame(40, 10));
    let intents = waiting(false).intents(&[&typed[..], &["enter"]].concat());
    let [Intent::Accept(asked)] = &intents[..] else { panic!("{intents:?}") };
    assert_eq!(asked.waiver.by, ["ivo", "jun"]);
    assert_eq!(
        (asked.waiver.reason.as_str(), asked.waiver.until.to_string().as_str()),
        ("nobody calls it", "2026-12-24")
    );
    assert!(asked.waiver.fingerprint.len() == 16 && asked.about.contains('('), "{asked:?}");
}

#[test]
fn enter_does_nothing_until_all_is_given() {
    for (typed, why) in [
        (vec!["w"], "until a reason is given"),
        (vec!["w", "  ", "tab", "2026-12-24", "tab", "jun"], "until a reason is given"),
        (vec!["w", "why", "tab", "tab", "jun"], "until its last day is given"),
        (vec!["w", "why", "tab", "24.12.2026", "tab", "jun"], "is not a date"),
        (vec!["w", "why", "tab", "2026-11-21", "tab", "jun"], "2026-11-21 is over"),
        (vec!["w", "why", "tab", "2026-12-24"], "until a second person is named"),
        (vec!["w", "why", "tab", "2026-12-24", "tab", "Ivo "], "is you; it must be somebody else"),
    ] {
        let mut look = waiting(false);
        assert!(look.intents(&[&typed[..], &["enter"]].concat()).is_empty(), "{typed:?}");
        assert!(look.frame(100, 30).contains(why), "{why}\n{}", look.frame(100, 30));
    }
}

#[test]
fn in_production_it_is_said_why_not_and_what_to_do() {
    insta::assert_snapshot!("waive_production_100x30", waiting(true).keys(&["w"]).frame(100, 30));
    insta::assert_snapshot!("waive_production_80x24", waiting(true).keys(&["w"]).frame(80, 24));
    assert!(waiting(true).intents(&["w", "enter"]).is_empty());
    // The row that asks names the key only where it answers.
    let asks = |production: bool, keys: &[&str]| {
        let frame = waiting(production).keys(keys).frame(100, 30);
        frame.lines().find(|l| l.contains("!ASK")).unwrap().to_string()
    };
    assert!(asks(false, &[]).contains("[w] waive") && !asks(true, &[]).contains("[w]"), "{}", asks(true, &[]));
    for production in [false, true] {
        assert!(asks(production, &["1"]).contains("[5] plan"), "{}", asks(production, &["1"]));
    }
}

#[test]
fn without_a_folder_or_away_from_the_plan_nothing_is_asked() {
    let shown = |look: Look| look.frame(100, 30);
    insta::assert_snapshot!("waive_without_folder_100x30", shown(waiting(false).without_contracts().keys(&["w"])));
    assert!(shown(waiting(false).keys(&["1w"])).contains("waive is off: choose a finding on the plan screen (5)"));
    assert!(shown(waiting(false).keys(&["gw"])).contains("waive is off: choose a finding"));
    assert!(shown(Look::at(nights::ready()).keys(&["5w"])).contains("waive is off: this run has no contracts"));
}

#[test]
fn what_was_accepted_once_is_not_accepted_twice() {
    let who = "mara and jun, until 2026-11-21: nobody calls it";
    let change = |lapsed: bool| {
        move |run: &mut Run| {
            let told = &mut Arc::make_mut(&mut run.plan).compat.as_mut().unwrap().findings[0];
            let field = if lapsed { &mut told.lapsed } else { &mut told.waived };
            *field = Some(who.into());
        }
    };
    insta::assert_snapshot!("waive_ended_100x30", waiting_with(false, change(true)).keys(&["w"]).frame(100, 30));
    // What is accepted stands last.
    let look = waiting_with(false, change(false)).keys(&["down", "down", "down", "down", "w"]);
    let frame = look.frame(100, 30);
    assert!(frame.contains("waive is off: it is accepted already, by mara and jun"), "{frame}");
    let mut begun = waiting_with(false, |run| run.started = Some(Time(1_795_310_300_000)));
    assert!(begun.intents(&["w"]).is_empty());
    assert!(begun.frame(100, 30).contains("waive is off: the run has begun"), "{}", begun.frame(100, 30));
}

/// However long the filter is, it is said that the start is off; and what was not compared, whatever is selected.
#[test]
fn a_filter_hides_neither_that_the_start_is_off_nor_what_was_not_compared() {
    let change =
        |open: u32| move |run: &mut Run| Arc::make_mut(&mut run.plan).compat.as_mut().unwrap().not_compared = open;
    let filter = ["/", "nothing has such a name, not even one of them", "enter"];
    for (width, height) in [(100, 30), (80, 24), (60, 20), (40, 10)] {
        for keys in [&[][..], &filter[..]] {
            let frame = waiting_with(false, change(12)).keys(keys).frame(width, height);
            assert!(frame.contains("START IS OFF: "), "{keys:?} at {width}x{height}\n{frame}");
        }
    }
    let frame = waiting_with(false, change(12)).keys(&[]).frame(80, 24);
    assert!(frame.contains(" 12 parts not compared "), "{frame}");
    let frame = waiting_with(false, change(1)).keys(&[]).frame(80, 24);
    assert!(frame.contains(" 1 part not compared "), "{frame}");
    let none = waiting_with(false, change(1)).keys(&filter).frame(100, 30);
    assert!(none.contains("1 part was not compared; `pilothouse compat check` names it"), "{none}");
}

/// Each part that was not compared is a row behind the findings, with its place, and can be read in full on any size.
#[test]
fn what_was_not_compared_is_listed_with_its_place() {
    let part = |n: usize| Told {
        rule: UNSEEN.into(),
        service: (n == 0).then(|| "orders".to_string()),
        message: format!(
            "`ALTER TABLE t FROBNICATE {n}`: a statement that is not known here, whatever it may be that it does"
        ),
        at: Some(format!("orders/2.4.0/m{n}.sql:{}", n + 7)),
        advice: Some("look at it by hand: nothing vouches for it".into()),
        ..Told::default()
    };
    let change = |run: &mut Run| {
        let verdict = Arc::make_mut(&mut run.plan).compat.as_mut().unwrap();
        (verdict.not_compared, verdict.unseen) = (3, (0..3).map(part).collect());
    };
    let rows = waiting_with(false, change).keys(&["/", "frobnicate", "enter"]).frame(80, 24);
    assert_eq!(rows.matches("unseen").count(), 3, "{rows}");
    for (width, height) in [(100, 30), (80, 24), (60, 20)] {
        for n in 0..3 {
            let mut keys = vec!["/", "frobnicate", "enter"];
            keys.extend(std::iter::repeat_n("down", n));
            keys.push("enter");
            let frame = waiting_with(false, change).keys(&keys).frame(width, height);
            for said in [format!("FROBNICATE {n}"), format!("m{n}.sql:{}", n + 7)] {
                assert!(frame.contains(&said), "{said} at {width}x{height}\n{frame}");
            }
        }
    }
    let all: Vec<&str> = std::iter::repeat_n("down", 40).collect();
    let look = waiting_with(false, change).keys(&all).frame(80, 24);
    assert!(look.contains("Not compared, 8 of 8"), "behind the findings\n{look}");
    let refused = waiting_with(false, change).keys(&all).keys(&["w"]).frame(100, 30);
    assert!(refused.contains("it was not compared, so there is nothing to accept"), "{refused}");
}
