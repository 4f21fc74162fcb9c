//! What a run says of a campaign: who moves now, who is next and why not earlier, and where one tenant is.
use std::sync::Arc;

use crate::frames::Look;
use crate::support::nights::{self, Moment};
use crate::windows::bound;
use pilothouse::console::model::Intent;
use pilothouse::engine::command::{Command, Scope, Verb};
use pilothouse::engine::moves::{Looked, MoveTrack, Next, Place};
use pilothouse::engine::observe::Weights;
use pilothouse::engine::people::preview;
use pilothouse::engine::rules::{MatchRuleSeen, Stands};
use pilothouse::engine::run::{Hold, Phase};
use pilothouse::engine::status::{Word, state_text, status};
use pilothouse::engine::traffic::Traffic;
use pilothouse::headless::{JsonLines, Reporter, Text};
use pilothouse::plan::Phased;
use pilothouse::spec::units::{Dur, Time};
use serde_json::{Value, json};

const SERVICE: &str = "billing";

fn one(id: &str, cohort: &str, zone: &str) -> Value {
    json!({"name": id, "cohort": cohort, "by": {"header": "x-tenant"}, "values": [id], "tenants": 1,
        "binds": [{"id": id, "zone": zone, "cohort": cohort}]})
}

fn moves() -> Phased {
    let moves = [
        one("fjord-beta", "beta", "Europe/Oslo"),
        one("lumen", "beta", "Europe/Lisbon"),
        one("acme-eu", "enterprise", "Europe/Berlin"),
        one("basel-pay", "enterprise", "Europe/Zurich"),
    ];
    let steps = json!([{"weight": 0, "hold": "8m"}, {"weight": 100, "hold": "2m"}]);
    serde_json::from_value(json!({"moves": moves, "steps": steps})).unwrap()
}

/// Billing alone is to go tenant by tenant, and nobody has started it.
fn ready() -> Moment {
    let mut m = nights::ready();
    Arc::make_mut(&mut m.run.plan).services.retain(|p| p.service.name == SERVICE);
    m.run.tracks.retain(|name, _| name == SERVICE);
    let planned = &mut Arc::make_mut(&mut m.run.plan).services[0];
    (planned.phased, planned.wave) = (Some(moves()), 1);
    planned.needs.clear();
    bound(m, "02:00", "12:00")
}

/// What will happen is said: who moves when, and no steps that nobody takes.
#[test]
fn before_the_start_it_is_said_who_moves_when() {
    insta::assert_snapshot!("campaign_before_100x30", Look::at(ready()).frame(100, 30));
    insta::assert_snapshot!("campaign_before_80x24", Look::at(ready()).frame(80, 24));
    insta::assert_snapshot!("campaign_before_40x10", Look::at(ready()).frame(40, 10));
    insta::assert_snapshot!("campaign_start_100x30", Look::at(ready()).keys(&[":start", "enter"]).frame(100, 30));
    let plan = Look::at(ready()).keys(&["5"]).frame(100, 30);
    assert!(plan.contains("100% about Sun 2026-11-29") && !plan.contains("to 100%"), "{plan}");
}

/// Billing has moved fjord-beta; acme-eu went back; lumen is on its way, or next.
pub fn moment(on_its_way: bool) -> Moment {
    let Moment { mut run, now } = nights::safe();
    let planned = Arc::make_mut(&mut run.plan).services.iter_mut().find(|p| p.service.name == SERVICE).unwrap();
    planned.phased = Some(moves());
    let rules = planned.phased.as_ref().unwrap().rules(|m| m.name == "fjord-beta" || (on_its_way && m.name == "lumen"));
    let t = run.tracks.get_mut(SERVICE).unwrap();
    let at = |minutes: u64| now - Dur::mins(minutes);
    let begun = |begun: Time, place: Place| MoveTrack {
        begun,
        closes: Some(now + Dur::hours(3)),
        place,
        told: false,
        over: false,
    };
    t.moves.begun.insert("fjord-beta".into(), begun(at(40), Place::Moved { at: at(31), observed: true }));
    let why = "error rate 1.31% > max 1.00%".to_string();
    t.moves.begun.insert("acme-eu".into(), begun(at(20), Place::Back { at: at(15), why }));
    t.moves.rollbacks = 1;
    if on_its_way {
        t.moves.begun.insert("lumen".into(), begun(at(3), Place::OnItsWay));
        t.moves.now = Some("lumen".into());
    } else {
        let why = "outside of its window Sun 02:00-06:00 Europe/Lisbon".to_string();
        let said = "Sun 2026-11-22 02:00 WET".to_string();
        let until = Some(now + Dur::mins(40));
        let next = Next::Wait { name: "lumen".into(), until, said, why };
        t.moves.turn = Some(Looked { at: now, again: now + Dur::mins(40), next });
    }
    let hold = Hold { accepted_at: Some(at(3)), clean: Dur::mins(3), ticks: 18, ..Hold::default() };
    (t.phase, t.desired, t.held) = (Phase::Shifting { step: 0, hold }, 0, None);
    let route = t.route.as_mut().unwrap();
    route.weights = Some(Weights { stable: 100, next: Some(0) });
    route.rules = rules.iter().map(|r| MatchRuleSeen { rule: r.clone(), stands: Stands::Intact }).collect();
    if let Some(w) = &mut t.written {
        w.traffic = Traffic { next: 0, rules };
    }
    Moment { run, now }
}

#[test]
fn who_moves_now_is_said_with_how_far_it_is() {
    let m = moment(true);
    let s = status(&m.run, m.now, &|t: Time| t.to_string());
    assert_eq!((s.word, s.service.as_deref()), (Word::Move, Some(SERVICE)));
    assert_eq!(
        s.sentence,
        "billing: lumen is on the new version, all gates good, 3:00 of 8:00 clean; 1 of 4 tenants moved. It goes back \
         by itself on a breach."
    );
    assert_eq!((s.next.text.as_str(), s.next.condition.as_str()), ("billing: lumen has moved", "5:00 clean"));
    assert_eq!(state_text(&m.run, &m.run.tracks[SERVICE], m.now), "1/4 5:00");
}

#[test]
fn who_is_next_is_said_with_when_and_why_not_earlier() {
    let m = moment(false);
    let s = status(&m.run, m.now, &|t: Time| t.to_string());
    assert_eq!((s.word, s.service.as_deref()), (Word::Ok, Some(SERVICE)), "{}", s.sentence);
    assert_eq!(
        s.sentence,
        "billing: 1 of 4 tenants moved. lumen is next, Sun 2026-11-22 02:00 WET: outside of its window Sun \
         02:00-06:00 Europe/Lisbon."
    );
    assert_eq!((s.next.text.as_str(), s.next.at), ("billing: lumen moves", Some(m.now + Dur::mins(40))));
    assert_eq!(state_text(&m.run, &m.run.tracks[SERVICE], m.now), "1/4 moved");
}

/// The page of a tenant, found by its name.
fn page(m: Moment, id: &str) -> Look {
    Look::at(m).with_customers().keys(&["4", "/", id, "enter", "enter"])
}

#[test]
fn a_tenants_page_says_where_it_is_and_what_happened() {
    for (id, on_its_way, said) in [
        (
            "fjord-beta",
            true,
            "billing    moved Sun 22 Nov 02:20, confirmed Sun 22 Nov 02:29, its requests were seen there",
        ),
        ("lumen", true, "billing    moves since Sun 22 Nov 02:57, 3:00 of 8:00 clean"),
        ("lumen", false, "billing    next, Sun 2026-11-22 02:00 WET: outside of its window"),
        ("acme-eu", true, "billing    moved Sun 22 Nov 02:40, back Sun 22 Nov 02:45: error rate 1.31%"),
        ("basel-pay", true, "billing    waits for its turn, cohort enterprise"),
    ] {
        let frame = page(moment(on_its_way), id).frame(100, 30);
        let to_come = said.contains("next,") || said.contains("waits");
        assert_eq!(frame.contains("needs 0:18 (its move and reserve)"), to_come, "{frame}");
        assert!(frame.contains("This run") && frame.contains(said), "{id}: {said}\n{frame}");
    }
}

#[test]
fn the_list_says_moved_back_next() {
    let list = |on_its_way: bool| {
        Look::at(moment(on_its_way)).with_customers().keys(&["4", "/", "beta", "enter"]).frame(100, 30)
    };
    let frame = list(true);
    assert!(frame.contains("fjord-beta") && frame.contains("moved") && frame.contains("moves"), "{frame}");
    assert!(list(false).contains("next"), "{}", list(false));
}

/// Somebody took the rule of one that had moved out of the route, or changed it.
#[test]
fn one_that_moved_and_has_no_rule_any_more_is_not_said_to_have_moved() {
    let list =
        |m: &Moment| Look::at(m.clone()).with_customers().keys(&["4", "/", "fjord-beta", "enter"]).frame(100, 30);
    let mut m = moment(false);
    assert!(!list(&m).contains("rule gone") && list(&m).contains("moved"), "{}", list(&m));
    let rules = |m: &mut Moment, change: fn(&mut Vec<MatchRuleSeen>)| {
        change(&mut m.run.tracks.get_mut(SERVICE).unwrap().route.as_mut().unwrap().rules);
    };
    rules(&mut m, |rules| rules[0].stands = Stands::Edited);
    assert!(list(&m).contains("edited"), "{}", list(&m));
    m.run.tracks.get_mut(SERVICE).unwrap().route.as_mut().unwrap().everybody = true;
    assert!(list(&m).contains("takes all"), "{}", list(&m));
    m.run.tracks.get_mut(SERVICE).unwrap().route.as_mut().unwrap().everybody = false;
    // Taken out by hand, the note of it stays.
    rules(&mut m, |rules| rules[0].stands = Stands::Gone);
    assert!(list(&m).contains("rule gone") && !list(&m).contains("edited"), "{}", list(&m));
    let said = "its rule is not in the route any more: where its requests go is not known";
    let progress: Value = serde_json::from_str(&JsonLines::new().tick(&m.run, m.now).unwrap()).unwrap();
    let billing = progress["services"].as_array().unwrap().iter().find(|s| s["name"] == SERVICE).unwrap();
    assert_eq!(billing["tenants"]["lost"], json!([{"name": "fjord-beta", "rule": said}]));
    let text = Text::new(chrono_tz::Tz::UTC).tick(&m.run, m.now).unwrap();
    assert!(text.contains(&format!("fjord-beta: {said}")), "{text}");
    rules(&mut m, Vec::clear);
    assert!(list(&m).contains("rule gone"), "{}", list(&m));
    let frame = page(m, "fjord-beta").frame(100, 30);
    assert!(frame.contains("and its rule is not in the route any more"), "{frame}");
}

/// On the page of a tenant the keys of freeze and defer are about that tenant.
#[test]
fn a_freeze_on_a_tenants_page_is_that_tenants() {
    let m = moment(false);
    let mut look = page(m.clone(), "lumen");
    let sent = look.intents(&["F", "2h they asked", "enter"]);
    let command = sent.into_iter().find_map(|i| if let Intent::Command(c) = i { Some(c) } else { None });
    let Some(Command { verb, scope, reason, .. }) = command else { panic!("{}", look.frame(100, 30)) };
    assert_eq!((verb, scope, reason.as_str()), (Verb::Freeze, Scope::Tenant("lumen".into()), "2h they asked"));
    // On the list it is the run's.
    let mut look = Look::at(m).with_customers().keys(&["4"]);
    let sent = look.intents(&["F", "2h they asked", "enter"]);
    let scopes: Vec<Scope> =
        sent.into_iter().filter_map(|i| if let Intent::Command(c) = i { Some(c.scope) } else { None }).collect();
    assert_eq!(scopes, [Scope::Run]);
}

/// Of a cohort of which nobody is left nothing bakes, and that is said before it is done.
#[test]
fn putting_off_the_last_of_a_cohort_says_who_goes_before_it() {
    let mut m = moment(false);
    let told = |m: &Moment, name: &str| preview(&m.run, Verb::Defer, &Scope::Tenant(name.into())).effects.join("; ");
    assert!(!told(&m, "lumen").contains("nobody else"), "{}", told(&m, "lumen"));
    let stay = json!({"deferred": {"by": "ivo", "reason": "asked", "since": 0, "until": null}});
    m.run.kept.insert("fjord-beta".into(), serde_json::from_value(stay).unwrap());
    assert!(
        told(&m, "lumen").contains("beta has nobody else: the cohorts after it go on before it"),
        "{}",
        told(&m, "lumen")
    );
    m.run.kept.insert("basel-pay".into(), m.run.kept["fjord-beta"].clone());
    assert!(!told(&m, "acme-eu").contains("nobody else"), "the last cohort: {}", told(&m, "acme-eu"));
}

/// Nobody sees whether it is still so.
#[test]
fn what_was_seen_of_tenants_is_marked_when_the_picture_is_old() {
    let mut m = moment(true);
    m.run.cluster.down = Some((m.now - Dur::secs(40), "refused".into()));
    let list = |m: &Moment| Look::at(m.clone()).with_customers().keys(&["4", "/", "beta", "enter"]).frame(100, 30);
    assert!(list(&m).contains("?moved"), "{}", list(&m));
    let frame = page(m, "lumen").frame(100, 30);
    assert!(frame.contains("?moves since Sun 22 Nov 02:57"), "{frame}");
}

/// A service that goes back takes its tenants along; those that never moved do not wait for a turn any more.
#[test]
fn while_its_service_goes_back_nobody_waits_for_a_turn() {
    let Moment { mut run, now } = moment(true);
    let going = nights::lowering().run.tracks[SERVICE].phase.clone();
    run.tracks.get_mut(SERVICE).unwrap().phase = going;
    let frame = page(Moment { run, now }, "basel-pay").frame(100, 30);
    assert!(frame.contains("not moved: billing is rolling back"), "{frame}");
}

/// Lumen is next at another time than its window would have it.
fn capped(until: Dur) -> Moment {
    let mut m = moment(false);
    let t = m.run.tracks.get_mut(SERVICE).unwrap();
    let next = Next::Wait {
        name: "lumen".into(),
        until: Some(m.now + until),
        said: "Mon 2026-11-23 04:12 WET".into(),
        why: "1 of its cohort were begun today, as many as a day allows".into(),
    };
    t.moves.turn = Some(Looked { at: m.now, again: m.now + until, next });
    m
}

/// A frame in one line, without its borders: what is written over several rows reads as one text.
fn flat(frame: &str) -> String {
    let plain: String = frame.chars().map(|c| if "│┌┐└┘─".contains(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_said_of_a_tenant_is_what_the_run_says() {
    let list = |id: &str| Look::at(capped(Dur::hours(26))).with_customers().keys(&["4", "/", id, "enter"]);
    for frame in [list("lumen").frame(100, 30), list("lumen").keys(&["enter"]).frame(100, 30)] {
        let said = "next, Mon 23 Nov 05:00 CET (in 26:00): 1 of its cohort were begun today, as many as a day allows";
        assert!(flat(&frame).contains(said), "{frame}");
        assert!(!frame.contains("fits from") && !frame.contains("last safe start"), "{frame}");
    }
    // Whose turn has not come waits for it, however its window is.
    let waits = "waits: cohort beta goes first, lumen next; its";
    let (few, page) = (list("basel-pay").frame(100, 30), list("basel-pay").keys(&["enter"]).frame(100, 30));
    assert!(few.contains(waits) && !few.contains("last safe start"), "{few}");
    let whole = format!("{waits} window fits from Sun 29 Nov 02:00 CET (in 6 d)");
    assert!(flat(&page).contains(&whole) && !page.contains("last safe start"), "{page}");
    // Whoever is there needs no window.
    for frame in [list("fjord-beta").frame(100, 30), list("fjord-beta").keys(&["enter"]).frame(100, 30)] {
        assert!(frame.contains("moved and confirmed: it needs its window no more"), "{frame}");
        assert!(!frame.contains("last safe start"), "{frame}");
    }
    assert!(list("acme-eu").frame(100, 30).contains("back: nothing more before a person decides"));
}

/// Open, moved, frozen: the list and the panel of the main screen count alike.
#[test]
fn the_list_and_the_panel_count_alike() {
    let heads = |m: &Moment| {
        let list = Look::at(m.clone()).with_customers().keys(&["4"]).frame(100, 30);
        let main = Look::at(m.clone()).with_customers().keys(&[]).frame(100, 40);
        (flat(&list), flat(&main))
    };
    let number = |text: &str, word: &str| {
        let before = text.split(word).next().unwrap().trim_end();
        before.rsplit(' ').next().unwrap().parse::<usize>().unwrap_or_else(|_| panic!("{word}: {text}"))
    };
    let mut m = moment(false);
    let (list, main) = heads(&m);
    assert!(list.contains(" 1 moved,"), "{list}");
    assert_eq!(number(&list, " open, "), number(&main, " open ["), "{list}\n{main}");
    // Before it moved its window was open, and it was counted there.
    let before = number(&list, " open, ");
    m.run.tracks.get_mut(SERVICE).unwrap().moves.begun.clear();
    let (list, main) = heads(&m);
    assert_eq!((number(&list, " open, "), number(&main, " open [")), (before + 1, before + 1), "{list}\n{main}");
    m.run.frozen =
        Some(pilothouse::engine::window::Stay { by: "ivo".into(), reason: "moved".into(), since: m.now, until: None });
    let (list, main) = heads(&m);
    assert!(list.contains(": frozen by ivo") && main.contains("tenants, frozen by ivo ["), "{list}\n{main}");
    assert!(!main.contains(" open ["), "{main}");
}

#[test]
fn the_last_tenant_has_a_whole_timeline() {
    let many = "j".repeat(60);
    for (keys, size) in [(["4", many.as_str()], (100, 30)), (["4", ""], (100, 30)), (["4", many.as_str()], (140, 50))] {
        let frame = Look::at(moment(false)).with_customers().keys(&keys).frame(size.0, size.1);
        let lines = frame.lines().skip_while(|l| !l.contains("Timeline")).skip(2);
        let bars: Vec<&str> = lines.take_while(|l| !l.contains("└")).collect();
        assert!(bars.len() >= 3, "{frame}");
        let named = |l: &&str| l.chars().nth(2).is_some_and(|c| c.is_alphanumeric());
        assert!(bars.iter().all(named), "{frame}");
    }
}

#[test]
fn the_zone_that_is_asked_for_is_that_of_every_row() {
    let m = capped(Dur::mins(40));
    let main = |m: &Moment, keys: &[&str]| flat(&Look::at(m.clone()).with_customers().keys(keys).frame(140, 40));
    let (yours, utc) = (main(&m, &[]), main(&m, &["z"]));
    assert!(yours.contains("lumen is next, Sun 22 Nov 03:40 CET: 1 of its cohort"), "{yours}");
    assert!(utc.contains("lumen is next, Sun 22 Nov 02:40 UTC: 1 of its cohort"), "{utc}");
    assert!(yours.contains("lumen moves at 03:40:00, in 40:00") && utc.contains("lumen moves at 02:40:00, in 40:00"));
    // Of a tenant its own: the text is that of its clock.
    let theirs = main(&m, &["4", "z"]);
    assert!(theirs.contains("lumen is next, Mon 2026-11-23 04:12 WET"), "{theirs}");
    // Above it the times stay the reader's, and say so.
    assert!(theirs.contains("lumen moves at 03:40:00 CET, in 40:00"), "{theirs}");
    // What is typed is told by the same clock.
    for (keys, until) in [
        (&["F", "2h moved"][..], "Until 05:00:00 CET (in 2:00:00)"),
        (&["z", "F", "2h moved"], "Until 04:00:00 UTC (in 2:00:00)"),
        (&["z", "F", "40d moved"], "Until Fri 01 Jan 02:00 UTC (in 40 d)"),
    ] {
        let frame = main(&m, keys);
        assert!(frame.contains(until), "{until}: {frame}");
    }
    // Weeks are days.
    let far = flat(&Look::at(capped(Dur::hours(34 * 24))).with_customers().frame(200, 40));
    assert!(far.contains("lumen moves at Sat 26 Dec 03:00, in 34 d") && !far.contains("816:"), "{far}");
}
