use std::sync::Arc;

use super::super::{Label, Sources};
use super::*;
use crate::console::keymap::Keymap;
use crate::console::tenants::tests::{at, roster, run};
use crate::engine::window::Stay;
use crate::spec::ics::{Event, IcsFile, Length, Moment};

fn text(line: &Line) -> String {
    line.iter().map(|p| p.text.as_str()).collect()
}

/// The screen of all tenants and the page of the selected one, of a run that `tweak` changed.
fn shown(now: Time, tenants: &Tenants, run: &Run, select: &str) -> (TenantsView, Vec<String>) {
    let (sources, label) = (Sources::of(run, now), Label::default());
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let model = Model { tenant: Some(select.into()), closings: true, ..Model::default() };
    let (zone, tenants) = (Zone::UTC, Some(tenants));
    let scene = Scene { now, zone, sources: &sources, label: &label, keymap: &keymap, tenants, rows: 30 };
    let page = super::super::tenant::build(run, &model, scene).unwrap();
    (build(run, &model, scene).unwrap(), page.lines.iter().map(text).collect())
}

#[test]
fn a_freeze_of_a_person_leaves_no_safe_start() {
    // Saturday 22:30 in Oslo: open until four.
    let now = at("2026-11-28T21:30:00Z");
    let tenants = Tenants::new(roster(), now);
    let mut run = run();
    let fit = |run: &Run| text(&shown(now, &tenants, run, "night").0.selected[1]);
    assert!(fit(&run).contains("last safe start"), "{}", fit(&run));
    let until = Some(now + Dur::hours(2));
    run.frozen = Some(Stay { by: "ivo".into(), reason: "moved".into(), since: now, until });
    assert!(fit(&run).contains("frozen by ivo: fits from 23:30 UTC (in 2:00)"), "{}", fit(&run));
    let bars = shown(now, &tenants, &run, "night").0.timeline.bars;
    assert!(bars.iter().all(|b| b.frozen.first() == Some(&(Dur::ZERO, Dur::hours(2)))), "{bars:?}");
    run.frozen = Some(Stay { by: "ivo".into(), reason: "moved".into(), since: now, until: None });
    assert!(fit(&run).ends_with("frozen by ivo until somebody lifts it"), "{}", fit(&run));
    let bars = shown(now, &tenants, &run, "night").0.timeline.bars;
    assert!(bars.iter().all(|b| b.frozen.first() == Some(&(Dur::ZERO, DAY))), "{bars:?}");
}

#[test]
fn the_end_of_a_window_of_days_has_its_day() {
    let now = at("2026-11-28T21:30:00Z");
    let mut roster = Arc::unwrap_or_clone(roster());
    let days = serde_json::json!([{"days": ["Fri", "Sat", "Sun"], "start": "00:00", "end": "00:00"}]);
    roster.tenants[0].windows = serde_json::from_value(days).unwrap();
    let tenants = Tenants::new(Arc::new(roster), now);
    let (view, page) = shown(now, &tenants, &run(), "acme");
    assert!(page.iter().any(|l| l.contains("Fri 27 Nov 00:00-Mon 30 Nov 00:00")), "{page:#?}");
    assert!(page.iter().any(|l| l.contains("Fri 04 Dec 00:00-Mon 07 Dec 00:00")), "{page:#?}");
    assert_eq!(view.rows.iter().find(|r| r.name == "acme").unwrap().theirs, "Fri 00:00-Mon 00:00");
    // Longer than a week: the day of the week alone would read as one before.
    let mut look = *tenants.look_of(0);
    (look.start, look.end) = (Some(now - Dur::hours(24)), Some(now + Dur::hours(24 * 9)));
    assert_eq!(span(Zone::UTC, &look, now), "Fri 21:30-07 Dec 21:30");
}

#[test]
fn events_of_a_file_that_no_closing_names_are_listed() {
    let now = at("2026-11-28T21:30:00Z");
    let mut roster = Arc::unwrap_or_clone(roster());
    let start = Moment::Utc(at("2026-12-01T08:00:00Z"));
    let length = Length::For { days: 0, millis: 3_600_000 };
    let event = Event { line: 3, name: "stocktaking".into(), start, length, rule: None, except: Vec::new() };
    roster.ics.push(IcsFile { name: "house/closed.ics".into(), events: vec![event] });
    let list = |roster: &crate::plan::Roster| {
        let tenants = Tenants::new(Arc::new(roster.clone()), now);
        let closings = shown(now, &tenants, &run(), "acme").0.closings.unwrap();
        closings.iter().map(text).filter(|l| l.contains("stocktaking")).collect::<Vec<_>>()
    };
    let want = "blackout stocktaking        from Tue 2026-12-01 08:00 UTC, as house/closed.ics says: everybody";
    assert_eq!(list(&roster), [want]);
    // One that a closing names is that one's.
    roster.calendar.spec.blackouts.push(crate::spec::calendar::Closing {
        name: "books".into(),
        ics: Some("closed.ics".into()),
        ..Default::default()
    });
    assert_eq!(list(&roster), [""; 0]);
}

#[test]
fn what_closes_again_and_again_is_one_line_with_what_comes_next() {
    let now = at("2026-11-28T21:30:00Z");
    let mut roster = Arc::unwrap_or_clone(roster());
    let text_of = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:backup\r\nDTSTART:20260101T030000Z\r\nDTEND:20260101T040000Z\r\n\
                   RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let file = crate::spec::SourceFile { name: "a.ics".into(), text: text_of.into() };
    let events = crate::spec::report_of(&file, |text, sink| crate::spec::ics::read(text, sink)).unwrap();
    roster.ics.push(IcsFile { name: "a.ics".into(), events });
    let tenants = Tenants::new(Arc::new(roster), now);
    let page = shown(now, &tenants, &run(), "acme").1;
    let lines: Vec<&String> = page.iter().filter(|l| l.contains("backup")).collect();
    assert_eq!(lines, ["  backup 2026-11-29 04:00-05:00 and 399 more times within 400d"]);
}

#[test]
fn a_day_of_another_year_has_its_year() {
    let now = at("2026-11-28T21:30:00Z");
    let day = |text: &str| Zone::UTC.day(at(text), now);
    assert_eq!(day("2027-03-01T08:00:00Z"), "Mon 01 Mar 08:00");
    assert_eq!(day("9999-12-31T23:59:59Z"), "Fri 9999-12-31 23:59");
    // Where it is the year after that already, UTC is shown.
    assert_eq!(Zone::named("Pacific/Auckland").unwrap().day(at("9999-12-31T23:59:59Z"), now), "Fri 9999-12-31 23:59");
    assert_eq!(Zone::UTC.near(at("9999-12-31T23:59:59Z"), now), "Fri 9999-12-31 23:59");
}

#[test]
fn what_never_closes_is_always_open_and_no_change_of_the_clock_makes_it_shorter() {
    let now = at("2026-11-28T21:30:00Z");
    let mut roster = Arc::unwrap_or_clone(roster());
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let days = serde_json::json!([{"days": days, "start": "00:00", "end": "00:00"}]);
    roster.tenants[0].windows = serde_json::from_value(days).unwrap();
    roster.tenants[0].zone = "Europe/Berlin".parse().unwrap();
    roster.calendar.spec = Default::default();
    let tenants = Tenants::new(Arc::new(roster), now);
    let (view, page) = shown(now, &tenants, &run(), "acme");
    let row = view.rows.iter().find(|r| r.name == "acme").unwrap();
    assert_eq!((row.theirs.as_str(), row.changes), ("always open", false));
    let has = |part: &str| page.iter().any(|l| l.contains(part));
    assert!(has("Schedule  always open") && has("  open, and does not close within 400d"), "{page:#?}");
    assert!(!has("23:00") && !has("long, not") && !has("-.."), "{page:#?}");
}

#[test]
fn an_entry_of_hours_has_its_time_of_day() {
    let now = at("2026-11-28T12:00:00Z");
    let mut roster = Arc::unwrap_or_clone(roster());
    roster.tenants[0].zone = "Europe/Berlin".parse().unwrap();
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:backup\nDTSTART:20261101T210000Z\nDTEND:20261101T233000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n";
    let file = crate::spec::SourceFile { name: "backup.ics".into(), text: text.into() };
    let events = crate::spec::report_of(&file, |text, sink| crate::spec::ics::read(text, sink)).unwrap();
    roster.ics = vec![IcsFile { name: "backup.ics".into(), events }];
    let tenants = Tenants::new(Arc::new(roster), now);
    let (_, page) = shown(now, &tenants, &run(), "acme");
    // Over midnight in Berlin.
    assert!(page.iter().any(|l| l.contains("backup 2026-11-28 22:00-2026-11-29 00:30 and")), "{page:#?}");
}

/// Billing moves acme by itself.
fn by_tenant(run: &mut Run) {
    let moves = serde_json::json!({"moves": [
        {"name": "acme", "cohort": "premium", "by": {"header": "x-tenant"}, "values": ["acme"], "tenants": 1, "binds": []}],
        "steps": [{"weight": 0, "hold": "8m"}, {"weight": 100, "hold": "2m"}]});
    let planned = Arc::make_mut(&mut run.plan).services.iter_mut().find(|p| p.service.name == "billing").unwrap();
    planned.phased = Some(serde_json::from_value(moves).unwrap());
}

/// The row of a window that several share is not what the first of them is.
#[test]
fn a_row_of_several_counts_what_they_are() {
    use crate::engine::Phase;
    use crate::engine::moves::{MoveTrack, Place};
    use crate::engine::run::Hold;
    let now = at("2026-11-28T21:30:00Z");
    let mut tenants = Tenants::new(roster(), now);
    let mut run = run();
    let panel = |tenants: &mut Tenants, run: &Run| {
        tenants.prepare(now, run, Default::default(), "");
        let (sources, label) = (Sources::of(run, now), Label::default());
        let keymap = Keymap::shipped("default").unwrap().unwrap();
        let (zone, tenants) = (Zone::UTC, Some(&*tenants));
        let scene = Scene { now, zone, sources: &sources, label: &label, keymap: &keymap, tenants, rows: 30 };
        let panel = super::panel(run, &Model::default(), scene).unwrap();
        panel.timeline.bars.into_iter().find(|b| b.name == "acme +1").unwrap().state
    };
    assert_eq!(panel(&mut tenants, &run), "in 3:30", "all of them wait");
    by_tenant(&mut run);
    let t = run.tracks.get_mut("billing").unwrap();
    t.phase = Phase::Shifting { step: 0, hold: Hold::default() };
    let begun = MoveTrack { begun: now, closes: None, place: Place::OnItsWay, told: false, over: false };
    t.moves.begun.insert("acme".into(), begun);
    let mut tenants = Tenants::new(roster(), now);
    assert_eq!(panel(&mut tenants, &run), "1 moves, 1 waiting");
    run.cluster.down = Some((now - Dur::secs(40), "refused".into()));
    assert_eq!(panel(&mut tenants, &run), "?1 moves, 1 waiting");
}

/// A person's word on one tenant, or on the run, is seen in its row and in the numbers; where it is by now is above that.
#[test]
fn what_persons_keep_back_is_counted_and_goes_on_when_the_last_word_is_over() {
    use crate::engine::Phase;
    use crate::engine::moves::{Kept, MoveTrack, Place};
    use crate::engine::run::Hold;
    use crate::engine::window::Stay;
    let now = at("2026-11-28T21:30:00Z");
    let mut run = run();
    by_tenant(&mut run);
    let track = run.tracks.get_mut("billing").unwrap();
    track.phase = Phase::Shifting { step: 0, hold: Hold::default() };
    let stay = |until: Option<Time>| Some(Stay { by: "ivo".into(), reason: "bad".into(), since: now, until });
    let look = |run: &Run| {
        let mut tenants = Tenants::new(roster(), now);
        tenants.prepare(now, run, Default::default(), "");
        let (view, page) = shown(now, &tenants, run, "acme");
        let row = view.rows.iter().find(|r| r.name == "acme").unwrap().clone();
        (view.counts, format!("{} {}", row.state, row.left), page.join("\n"))
    };
    run.kept.insert("acme".into(), Kept { frozen: stay(None), deferred: None });
    let (counts, row, page) = look(&run);
    assert!(counts.contains("1 kept back"), "{counts}");
    assert_eq!(row, "FROZEN -");
    assert!(page.contains("frozen by ivo until somebody lifts it"), "{page}");
    // A freeze of the run that ends does not end that of the tenant.
    run.frozen = stay(Some(now + Dur::mins(10)));
    assert_eq!(look(&run).1, "FROZEN -");
    // Its window opens in 3:30, later than both words are over.
    run.kept.insert("acme".into(), Kept { frozen: None, deferred: stay(Some(now + Dur::mins(20))) });
    assert_eq!(look(&run).1, "FROZEN 3:30");
    run.frozen = None;
    let (_, row, page) = look(&run);
    assert_eq!(row, "put off 3:30");
    assert!(page.contains("put off by ivo: fits from"), "{page}");
    // A freeze takes nobody back.
    run.kept.clear();
    run.frozen = stay(None);
    let begun = MoveTrack { begun: now, closes: None, place: Place::OnItsWay, told: false, over: false };
    run.tracks.get_mut("billing").unwrap().moves.begun.insert("acme".into(), begun);
    assert_eq!(look(&run).1, "moves -");
}
