//! What is told at the moments where a wrong word costs most: after an abort, between two ticks, without the cluster.

use std::sync::Arc;

use crate::support::nights::{self, Moment};
use pilothouse::console::keymap::{Keymap, Screen};
use pilothouse::console::model::{Intent, Mode, Model};
use pilothouse::console::update::{Ctx, press};
use pilothouse::console::viewmodel::{Body, Freshness, Label, Overlay, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::Track;
use pilothouse::engine::command::{Allowance, Scope, Verb};
use pilothouse::engine::observe::Weights;
use pilothouse::engine::people::{judge, preview};
use pilothouse::engine::run::*;
use pilothouse::engine::status::{STEPS, Status, Word, at_100, back_steps, state_text, status};
use pilothouse::gate::Verdict;
use pilothouse::spec::policy::{Observed, OnExit};
use pilothouse::spec::units::{Dur, Time};

fn of(moment: &Moment) -> Status {
    status(&moment.run, moment.now, &|t: Time| t.utc().format("%H:%M:%SZ").to_string())
}

fn state(moment: &Moment, service: &str) -> String {
    state_text(&moment.run, moment.run.track(service).unwrap(), moment.now)
}

fn track<'a>(night: &'a mut Moment, name: &str) -> &'a mut Track {
    night.run.tracks.get_mut(name).unwrap()
}

fn later(night: &Moment, seconds: u64) -> Moment {
    Moment { now: night.now + Dur::secs(seconds), run: night.run.clone() }
}

fn seen(night: &Moment, model: &Model) -> ViewModel {
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let (label, sources) = (Label::default(), Sources::of(&night.run, night.now));
    let zone = Zone::named("Europe/Berlin").unwrap();
    ViewModel::build(
        &night.run,
        model,
        Scene { now: night.now, zone, sources: &sources, label: &label, keymap: &keymap, tenants: None, rows: 30 },
    )
}

fn detail(night: &Moment, service: &str) -> String {
    let model = Model { screen: Screen::Detail, chosen: Some(service.into()), ..Model::default() };
    let Body::Detail(detail) = seen(night, &model).body else { panic!("no detail") };
    let line = |l: &Vec<pilothouse::console::viewmodel::Piece>| l.iter().map(|p| p.text.as_str()).collect::<String>();
    detail.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn keys(night: &Moment, model: &mut Model, keys: &str) -> Vec<Intent> {
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let ctx = Ctx { run: &night.run, keymap: &keymap, now: night.now, tenants: None, page: 3 };
    keys.chars().flat_map(|c| press(model, pilothouse::console::chord::Key::char(c), ctx)).collect()
}

/// Billing went back, five services rest at 100 %, and the run was aborted.
fn aborted() -> Moment {
    let mut night = nights::after();
    let paused = Some(Paused { by: "mara".into(), reason: String::new(), since: night.now });
    track(&mut night, "billing").paused = paused;
    (night.run.stage, night.run.ended) = (Stage::Ended(Outcome::Partial), Some(night.now));
    night
}

#[test]
fn after_an_abort_sentence_counter_and_rows_agree() {
    let night = aborted();
    let s = of(&night);
    assert_eq!((s.word, s.done), (Word::Done, (5, 9)));
    let says = "partial: 5 of 9 on the new version (resting at 100%, old kept warm), 1 rolled back, 3 left on old.";
    assert!(s.sentence.starts_with(says) && s.sentence.contains("The run took"), "{}", s.sentence);
    for (service, says) in [("auth", "rests 100%"), ("catalog", "rests 100%"), ("orders", "not begun")] {
        assert_eq!(state(&night, service), says);
    }
    assert_eq!(state(&night, "billing"), "rolled back");
    for service in ["billing", "catalog"] {
        let detail = detail(&night, service);
        for word in ["asks", "soaking", "paused"] {
            assert!(!detail.contains(&format!(" {word} ")), "{service} {word}: {detail}");
        }
        let model = Model { chosen: Some(service.into()), ..Model::default() };
        let notes = seen(&night, &model).services.notes;
        assert!(notes.iter().all(|(n, _)| !n.contains("paused") && !n.contains("soaking")), "{notes:?}");
    }
}

#[test]
fn a_pause_says_nothing_of_a_way_back() {
    let mut night = nights::draining();
    let stop = Paused { by: "mara".into(), reason: String::new(), since: night.now };
    track(&mut night, "billing").paused = Some(stop.clone());
    night.run.paused_all = Some(stop);
    let next = of(&night).next;
    assert!(next.condition.starts_with("step 3 of 5") && next.at.is_some(), "{next:?}");
    let notes = seen(&night, &Model::default()).services.notes;
    assert!(notes[0].0.starts_with("back to old"), "{notes:?}");
}

#[test]
fn the_expected_time_stands_and_the_countdown_goes_on() {
    for night in [nights::safe(), nights::over(), nights::verifying()] {
        let at = of(&night).next.at.unwrap();
        for seconds in 1..9 {
            let now = later(&night, seconds);
            let next = of(&now).next.at.unwrap();
            assert_eq!(next, at, "{seconds}s later");
        }
        // Without ticks nothing becomes clean.
        let far = later(&night, 60);
        assert!(of(&far).next.at.unwrap() > at);
    }
}

#[test]
fn too_few_requests_give_one_expected_time() {
    let night = nights::too_few();
    let s = of(&night);
    let enough = pilothouse::engine::status::enough_at(&night.run, night.run.track("billing").unwrap(), night.now);
    assert_eq!(s.next.condition, "enough requests, then 2:00 clean");
    assert_eq!(s.next.at, enough.map(|t| t + Dur::mins(2)));
    assert!(!s.next.recovers, "requests come by themselves");
}

#[test]
fn a_held_service_does_not_hide_what_moves() {
    let mut night = nights::over();
    let moving = nights::safe().run.track("billing").unwrap().phase.clone();
    track(&mut night, "orders").phase = moving;
    let s = of(&night);
    assert_eq!(s.service.as_deref(), Some("billing"));
    assert_eq!((s.next.text.as_str(), s.next.recovers), ("orders 50%", false));
    assert!(s.next.meanwhile.starts_with("billing: "), "{:?}", s.next);
    let told = seen(&night, &Model::default()).next;
    assert!(told[0].contains("; billing: ") && !told[1].contains("; billing"), "{told:?}");
}

#[test]
fn all_at_100_percent_count_and_the_blast_radius_has_one_population() {
    let mut night = nights::safe();
    let weights = night.run.track("ledger").unwrap().route.clone();
    let billing = track(&mut night, "billing");
    (billing.route, billing.desired) = (weights, 100);
    assert!(at_100(billing), "its last step is at 100 %");
    assert_eq!((of(&night).done, of(&night).blast_radius), ((6, 9), 100));
    for (night, share) in [(nights::lowering(), 50), (nights::verifying(), 0), (nights::after(), 0)] {
        assert_eq!(of(&night).blast_radius, share, "what soaks is not counted before or after");
    }
}

#[test]
fn without_the_cluster_a_decided_rollback_is_told_as_decided() {
    let mut night = nights::lowering();
    night.run.cluster.down = Some((night.now - Dur::secs(40), "refused".into()));
    let s = of(&night);
    assert_eq!(s.word, Word::Lost);
    assert!(s.sentence.contains("billing goes back from 50% when it answers"), "{}", s.sentence);
    assert!(!s.sentence.contains("no decision") && !s.short.contains("nothing is decided"), "{s:?}");
    assert_eq!(s.next.text, "billing goes back from 50%");
    let mut undriven = nights::lowering();
    undriven.run.driving = Driving::Lost { why: "lease not renewed".into(), since: undriven.now - Dur::secs(16) };
    let s = of(&undriven);
    assert!(s.short.contains("billing goes back from 50%") && s.sentence.contains("billing goes back"), "{s:?}");
    let mut model = Model::default();
    keys(&night, &mut model, "q");
    let Some(Overlay::Dialog(dialog)) = seen(&night, &model).overlay else { panic!("no dialog") };
    assert_eq!(dialog.lines[0].text, "below 100% new when last seen: billing 50%, going back");

    let mut night = nights::over();
    night.run.cluster.down = Some((night.now - Dur::secs(40), "refused".into()));
    for scope in [Scope::Run, Scope::Service("billing".into())] {
        let p = preview(&night.run, Verb::Abort, &scope);
        assert!(p.effects[0].contains("written when the API server, which is away, answers"), "{p:?}");
    }
    // Where only the lease is not to be had, the API server is not blamed.
    let mut waiting = night.clone();
    let why = "old-host holds the lease, and may be gone".to_string();
    (waiting.run.lease_down, waiting.run.lease_waits) = (Some(why.clone()), true);
    waiting.run.cluster.down = Some((night.now - Dur::secs(40), why));
    let p = preview(&waiting.run, Verb::Abort, &Scope::Run);
    assert!(p.effects[0].contains("written when the lease is ours"), "{p:?}");
    let mut going = nights::lowering();
    (going.run.lease_down, going.run.lease_waits) = (waiting.run.lease_down.clone(), true);
    going.run.cluster.down = waiting.run.cluster.down.clone();
    let s = of(&going);
    assert!(s.sentence.contains("billing goes back from 50% when the lease is ours"), "{}", s.sentence);
    assert!(!s.sentence.contains("API server") && s.short.contains("when the lease is ours"), "{s:?}");
    let billing = Scope::Service("billing".into());
    for verb in [Verb::Next, Verb::RevertDrift, Verb::AdoptDrift] {
        let allowed = judge(&night.run, verb, &billing, &night.run.identity, None);
        assert_eq!(allowed, Allowance::Denied("the API server is away".into()), "{verb:?}");
    }
    let abort = judge(&night.run, Verb::Abort, &billing, &night.run.identity, None);
    assert!(matches!(abort, Allowance::NeedsTyping(_)), "a decision may be taken: {abort:?}");
}

#[test]
fn without_the_cluster_every_number_of_the_past_is_doubted() {
    let night = nights::lost();
    let vm = seen(&night, &Model::default());
    assert_eq!(vm.next_right[0], "?5 of 9 at 100% | blast radius ?10%");
    assert!(vm.services.notes[0].0.starts_with("?1 of ?1 new pods"), "{:?}", vm.services.notes);
    assert!(vm.services.rows.iter().all(|r| !r.observed.starts_with(|c: char| c.is_ascii_digit())));
    let detail = detail(&night, "billing");
    let line = |word: &str| detail.lines().find(|l| l.contains(word)).unwrap_or_default().to_string();
    assert!(line("accepted").contains("?10%") && line("New pods").contains("?1 of ?1"), "{detail}");
}

#[test]
fn what_was_observed_of_another_share_is_not_shown() {
    let back = nights::rolling_back();
    let vm = seen(&back, &Model::default());
    assert_eq!(vm.services.rows.iter().find(|r| r.name == "billing").unwrap().observed, "-");
    let mut drift = nights::safe();
    let route = nights::over().run.track("billing").unwrap().route.clone();
    track(&mut drift, "billing").route = route;
    let vm = seen(&drift, &Model::default());
    assert_eq!(vm.services.rows.iter().find(|r| r.name == "billing").unwrap().observed, "?");
}

#[test]
fn a_question_has_the_figures_of_now_and_keys_of_its_service() {
    let mut night = nights::too_few();
    let now = night.now;
    let old = Ask { kind: AskKind::TooFew, text: "2 of 300 requests after 1:00".into(), since: now, deadline: None };
    track(&mut night, "billing").ask = Some(old.clone());
    track(&mut night, "orders").ask = Some(Ask { text: "another".into(), ..old });
    let ask = of(&night).ask.unwrap();
    assert!(ask.text.starts_with("billing: 14 of 300 requests after "), "{ask:?}");
    let row = |chosen: Option<&str>| {
        let model = Model { chosen: chosen.map(String::from), ..Model::default() };
        seen(&night, &model).ask.unwrap()
    };
    assert!(row(None).text.starts_with("(1 of 2) billing: 14 of 300"), "{:?}", row(None));
    assert_eq!(row(None).keys, "[n] next  [x] abort");
    assert_eq!(row(Some("auth")).keys, "[esc] select billing", "x would abort auth");
}

#[test]
fn below_100_percent_one_person_aborts_whatever_the_phase() {
    let mut night = nights::safe();
    let route = night.run.track("billing").unwrap().route.clone();
    track(&mut night, "ledger").route = route;
    let on = |verb| judge(&night.run, verb, &Scope::Service("ledger".into()), &night.run.identity, None);
    assert_eq!(on(Verb::Abort), Allowance::NeedsTyping("ledger".into()), "a foreign edit took it to 25 %");
    assert!(matches!(on(Verb::Rollback), Allowance::Denied(why) if why.starts_with("below 100%")));
}

#[test]
fn previews_tell_what_else_follows() {
    let night = nights::ready();
    let skip = preview(&night.run, Verb::Skip, &Scope::Service("ledger".into()));
    let also = skip.effects.iter().find(|e| e.starts_with("so do")).unwrap();
    for name in ["billing", "orders", "portal"] {
        assert!(also.contains(name), "{also}");
    }
    let billing = Scope::Service("billing".into());
    let abort = preview(&nights::over().run, Verb::Abort, &billing);
    assert_eq!(abort.effects.last().unwrap(), "nothing else is raised then, until a person decides");
    let next = preview(&nights::too_few().run, Verb::Next, &billing);
    assert_eq!(next.effects[0], "the step is taken as good on 14 of 300 requests");
    assert!(!next.not_undone.is_empty());
}

#[test]
fn a_deleted_route_shows_no_share() {
    let mut night = nights::safe();
    let route = track(&mut night, "billing").route.as_mut().unwrap();
    (route.weights, route.uid) = (None, String::new());
    let row = seen(&night, &Model::default()).services.rows.into_iter().find(|r| r.name == "billing").unwrap();
    assert_eq!(row.share, "gone");
    let detail = detail(&night, "billing");
    assert!(detail.contains("accepted none: the route is gone"), "{detail}");
}

#[test]
fn two_panels_name_one_cause() {
    let night = later(&nights::over(), 5);
    let cause = "error rate 3.30% > 1.00% for 0:45 of 2:00";
    assert!(of(&night).sentence.contains(cause), "{}", of(&night).sentence);
    let notes = seen(&night, &Model::default()).services.notes;
    assert!(notes[0].0.contains(cause), "{notes:?}");
    assert!(detail(&night, "billing").contains(cause));
}

#[test]
fn rows_that_the_run_holds_do_not_read_as_moving() {
    let mut night = nights::safe();
    let since = night.now - Dur::secs(30);
    let text = "auth went back".to_string();
    night.run.stopped = Some(Held { reason: HoldReason::Failure, text, since, until: None });
    assert_eq!((state(&night, "billing").as_str(), state(&night, "auth").as_str()), ("HELD 0:30", "soaking 5m"));
    assert_eq!(of(&night).next.text, "nothing before somebody decides");
}

#[test]
fn a_lost_terminal_and_another_driver_are_named() {
    let mut night = nights::safe();
    let since = night.now - Dur::secs(10);
    night.run.paused_all = Some(Paused { by: "engine".into(), reason: "the terminal is gone".into(), since });
    assert!(of(&night).sentence.starts_with("everything paused by engine (the terminal is gone) for 0:10."));
    night.run.driving = Driving::SteppedDown { holder: "mara@vm".into(), since };
    assert_eq!(of(&night).next.text, "nothing from here: mara@vm drives");
    let mut model = Model::default();
    assert_eq!(keys(&night, &mut model, "q"), [Intent::Quit(OnExit::Hold)], "nothing is left to decide");
    assert_eq!(keys(&night, &mut model, "p"), []);
}

#[test]
fn the_picture_of_one_who_stepped_down_is_of_the_past() {
    let mut night = nights::safe();
    assert!(!seen(&night, &Model::default()).services.rows.iter().any(|r| r.share.starts_with('?')));
    night.run.driving = Driving::SteppedDown { holder: "mara@vm".into(), since: night.now };
    let night = later(&night, 20);
    let sources = Sources::of(&night.run, night.now);
    assert!(matches!(sources.kube, Freshness::Stale(age) if age >= Dur::secs(20)), "{sources:?}");
    assert!(matches!(sources.metrics, Freshness::Stale(age) if age >= Dur::secs(20)), "{sources:?}");
    let shown = seen(&night, &Model::default());
    assert!(shown.services.lost.is_some_and(|l| l.starts_with("STALE 0:2")));
    assert!(shown.services.rows.iter().any(|r| r.name == "billing" && r.share.starts_with('?')));
}

#[test]
fn a_raise_says_whether_pods_or_the_route_are_waited_for() {
    let mut night = nights::safe();
    let t = track(&mut night, "billing");
    let Phase::Shifting { step, .. } = t.phase else { panic!("{:?}", t.phase) };
    t.phase = Phase::Shifting { step: step + 1, hold: Hold::default() };
    let d = t.next.as_mut().unwrap().deployment.as_mut().unwrap();
    (d.ready, d.wanted) = (1, 2);
    let s = of(&night);
    assert!(s.sentence.contains("it waits for new pods, 1 of 2 are ready"), "{}", s.sentence);
    assert_eq!(s.next.condition, "2 new pods ready");
    let weight = night.run.plan.steps("billing")[step + 1].weight;
    track(&mut night, "billing").desired = weight;
    let s = of(&night);
    assert!(s.sentence.contains("the route is written and not accepted yet"), "{}", s.sentence);
    assert_eq!(s.next.condition, "route accepted");
}

#[test]
fn a_question_offers_no_abort_where_the_state_forbids_it() {
    let mut night = nights::asks();
    assert!(of(&night).ask.unwrap().text.ends_with(", or abort it?"));
    let t = track(&mut night, "billing");
    t.phase = Phase::Soaking { clean: Dur::ZERO };
    t.desired = 100;
    t.route.as_mut().unwrap().weights = Some(Weights { stable: 0, next: Some(100) });
    t.written.as_mut().unwrap().traffic.next = 100;
    let ask = of(&night).ask.unwrap();
    assert_eq!((ask.text.as_str(), &ask.answers[..]), ("keep billing at 100% new?", &[Verb::Keep][..]));
}

#[test]
fn a_service_that_the_run_holds_says_what_holds_it() {
    let mut night = nights::safe();
    let (since, text) = (night.now, "auth went back".to_string());
    night.run.stopped = Some(Held { reason: HoldReason::Failure, text, since, until: None });
    let model = Model { chosen: Some("billing".into()), ..Model::default() };
    assert!(seen(&night, &model).services.notes[0].0.starts_with("held: auth went back"));
    assert!(detail(&night, "billing").contains("auth went back"), "{}", detail(&night, "billing"));
}

#[test]
fn leaving_before_the_start_offers_nothing_to_take_up() {
    let night = nights::ready();
    let mut model = Model::default();
    keys(&night, &mut model, "q");
    let Some(Overlay::Dialog(dialog)) = seen(&night, &model).overlay else { panic!("no dialog") };
    assert!(dialog.lines.iter().all(|l| !l.text.contains("resume")), "{dialog:?}");
}

#[test]
fn an_answer_gives_the_keys_back_by_itself() {
    let mut model = Model { hint: Some("start sent".into()), ..Model::default() };
    for (second, shown) in [(10, true), (11, true), (12, false), (20, false)] {
        model.fade_hint(Time(second * 1000));
        assert_eq!(model.hint.is_some(), shown, "{second}");
    }
    assert_eq!(model.mode, Mode::Keys);
}

#[test]
fn a_journal_that_cannot_be_written_is_told_where_it_stops_something() {
    let down = |night: &Moment| Some((night.now - Dur::secs(30), "no space left".to_string()));
    let mut night = nights::draining();
    night.run.journal.down = down(&night);
    let Phase::RollingBack(r) = &mut track(&mut night, "billing").phase else { panic!() };
    r.stage = RollbackStage::Remove;
    let s = of(&night);
    assert_eq!(state(&night, "billing"), "no journal");
    assert!(s.sentence.contains("The new pods stay while the journal cannot be written."), "{}", s.sentence);
    assert_eq!((s.next.at, s.next.condition.as_str()), (None, "when the journal can be written"));
    let mut night = nights::safe();
    night.run.journal.down = down(&night);
    let s = of(&night);
    assert_eq!(state(&night, "billing"), "HELD 0:30");
    assert_eq!((s.word, s.next.at, s.next.condition.as_str()), (Word::Warn, None, "when the journal can be written"));
}

#[test]
fn who_only_looks_on_is_told_that_nobody_drives() {
    let mut night = nights::safe();
    let since = night.now - Dur::secs(61);
    night.run.driving = Driving::Lost { why: "x".into(), since };
    for (how, says, short, next) in [
        (
            Unheard::Gone,
            "nobody drives for 1:01: the process is gone. Shares stay as they are; no rollback is armed. `pilothouse resume 7f3a`",
            "process gone, nobody drives: resume 7f3a",
            "nothing before somebody resumes it",
        ),
        (
            Unheard::Silent,
            "its driver has not been heard for 1:01: ",
            "driver not heard for 1:01: look at its process",
            "nothing before its driver is heard again",
        ),
    ] {
        night.run.unheard = Some(how);
        let s = of(&night);
        assert_eq!((s.word, s.short.as_str(), s.next.text.as_str()), (Word::Lost, short, next));
        assert!(s.sentence.starts_with(says) && !s.sentence.contains("utomatic rollback is armed"), "{}", s.sentence);
        assert_eq!((s.next.at, s.next.condition.as_str(), s.next.recovers), (None, "", false));
    }
}

#[test]
fn a_hold_that_is_clean_waits_for_requests_to_show_its_share() {
    let mut night = nights::safe();
    let of = |night: &Moment| of(night).next;
    let at = Some(night.now - Dur::secs(90));
    let billing = track(&mut night, "billing");
    let Phase::Shifting { hold, .. } = &mut billing.phase else { panic!() };
    (hold.clean, hold.accepted_at) = (Dur::mins(2), at);
    billing.observed = ObservedShare::Off(54.4);
    let next = of(&night);
    assert_eq!((next.text.as_str(), next.at), ("billing 50%", None));
    assert_eq!(next.condition, "when requests show 25% (54% seen)");
    track(&mut night, "billing").observed = ObservedShare::Unknown;
    let next = of(&night);
    assert_eq!((next.condition.as_str(), next.at), ("when requests show 25%", at.map(|at| at + Dur::mins(2))));
    Arc::make_mut(&mut night.run.plan).policy.observed = Observed::Require;
    assert_eq!(of(&night).at, None, "without a proof it never goes on");
    track(&mut night, "billing").observed = ObservedShare::Confirmed(25.0);
    assert_eq!(of(&night).condition, "0:00 clean");
}

#[test]
fn a_run_that_is_stopped_promises_nothing_of_a_paused_service() {
    let mut night = nights::after();
    assert!(night.run.stopped.is_some());
    let moving = nights::safe().run.track("billing").unwrap().phase.clone();
    let catalog = track(&mut night, "catalog");
    (catalog.phase, catalog.paused) =
        (moving, Some(Paused { by: "mara".into(), reason: String::new(), since: Time(0) }));
    let s = of(&night);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert_eq!(s.next.text, "nothing before somebody decides about billing");
    // Nor of one that the engine holds: what stopped the run is told before it, and what is more dangerous before that.
    let (reason, text, since) = (HoldReason::TooFew, "3 of 300 requests".to_string(), night.now);
    track(&mut night, "catalog").held = Some(Held { reason, text, since, until: None });
    assert_eq!(of(&night).service.as_deref(), Some("billing"));
    let ask = Ask { kind: AskKind::Footing, text: "?".into(), since, deadline: None };
    track(&mut night, "catalog").ask = Some(ask);
    let s = of(&night);
    assert_eq!(s.service.as_deref(), Some("catalog"));
    assert_eq!((s.next.text.as_str(), s.next.at), ("nothing before somebody decides about billing", None));
    assert_eq!((s.next.condition.as_str(), s.next.recovers), ("", false));
}

#[test]
fn what_is_left_of_watching_old_is_one_figure() {
    let night = nights::verifying();
    for seconds in [0, 4, 9] {
        let night = later(&night, seconds);
        let s = of(&night);
        let left = s.next.at.unwrap().until(night.now).clock();
        assert!(s.sentence.contains(&format!("Its gates are watched for {left} more.")), "{left}: {}", s.sentence);
        assert!(s.short.contains(&format!("watched {left} more")), "{left}: {}", s.short);
        assert_eq!(state(&night, "billing"), format!("verify {left}"));
        let steps = back_steps(&night.run, night.run.track("billing").unwrap(), night.now).unwrap();
        assert_eq!(steps[STEPS - 1].left.map(Dur::clock), Some(left));
    }
    // Of time in which too few requests come, none is clean: nobody can know when it is over.
    let mut few = later(&night, 6);
    let last = track(&mut few, "billing").gates.values_mut().filter_map(|g| g.last.as_mut());
    last.for_each(|e| e.acts_as = Verdict::TooFew);
    let so_far = few.run.plan.policy.verify.minus(Dur::secs(20));
    let Phase::Verifying { clean, .. } = &mut track(&mut few, "billing").phase else { panic!() };
    *clean = so_far;
    let s = of(&few);
    assert_eq!((s.next.at, s.next.condition.as_str()), (None, "enough requests, then 0:20 clean"));
    assert!(s.sentence.ends_with("Its gates wait for enough requests, then 0:20 clean."), "{}", s.sentence);
}
