//! What a run says while its window is closed, or about to be.

use std::sync::Arc;

use crate::support::nights::{self, Moment};
use pilothouse::engine::command::{Command, Scope, Verb};
use pilothouse::engine::message::{Body, Message, Stamp};
use pilothouse::engine::run::{Held, HoldReason, Phase};
use pilothouse::engine::status::{Status, Word, status};
use pilothouse::engine::{Run, step};
use pilothouse::headless::{Reporter, Text};
use pilothouse::plan::{Needs, NeedsFrom, When};
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

fn of(m: &Moment) -> Status {
    status(&m.run, m.now, &|t: Time| t.utc().format("%H:%M:%SZ").to_string())
}

/// The run goes by a Calendar in Berlin with this one slot on Sundays.
pub fn bound(mut m: Moment, start: &str, end: &str) -> Moment {
    let slot = json!({"name": "night", "zone": "Europe/Berlin", "days": ["Sun"], "start": start, "end": end});
    let spec = serde_json::from_value(json!({"zone": "Europe/Berlin", "slots": [slot]})).unwrap();
    Arc::make_mut(&mut m.run.plan).when = Some(When {
        calendar: pilothouse::spec::Calendar { name: "house".into(), spec },
        ics: Vec::new(),
        tz: pilothouse::calendar::tz_version().into(),
        needs: Needs { run: Dur::ZERO, services: Default::default(), from: NeedsFrom::Steps },
        preferred: None,
        tenants: Vec::new(),
    });
    Arc::make_mut(&mut m.run.plan).learn(&[]);
    hear(m, Body::Wake)
}

fn hear(mut m: Moment, body: Body) -> Moment {
    let at = Stamp { wall: m.now, ..m.run.now };
    let message = Message { at, seq: m.run.seq + 1, body };
    step(&mut m.run, &message);
    m
}

fn say(m: Moment, verb: Verb, reason: &str) -> Moment {
    let by = m.run.identity.clone();
    hear(m, Body::Command(Command { verb, scope: Scope::Run, by, reason: reason.into(), typed: None }))
}

/// Told to begin while its window is closed.
pub fn waits() -> Moment {
    say(bound(nights::ready(), "05:00", "09:00"), Verb::Start, "")
}

/// At 25 % when its window is over.
pub fn split() -> Moment {
    let mut m = bound(nights::safe(), "02:00", "02:30");
    let now = m.now;
    let t = m.run.tracks.get_mut("billing").unwrap();
    assert!(matches!(t.phase, Phase::Shifting { .. }) && t.split_since == Some(now), "{t:?}");
    let text = m.run.window.as_ref().and_then(|w| w.closed_by.clone()).map(|(_, text)| text).unwrap();
    t.held = Some(Held { reason: HoldReason::Window, text, since: now, until: None });
    m
}

#[test]
fn a_run_that_waits_says_for_what_and_how_long() {
    let m = waits();
    let (s, run) = (of(&m), &m.run);
    assert_eq!((s.word, s.asks), (Word::Ok, 0), "nobody is asked for a start any more");
    assert_eq!(
        s.sentence,
        "waits for its window: outside of Sun 05:00-09:00 Europe/Berlin. It begins Sun 2026-11-22 05:00 CET in \
         2:40:00. Nothing was changed."
    );
    assert_eq!((s.next.text.as_str(), s.next.condition.as_str()), ("wave 1 begins", "its window lets it"));
    assert_eq!(s.next.at, run.window.as_ref().and_then(|w| w.later));
    let later = Moment { now: m.now + Dur::mins(39), ..m.clone() };
    assert!(of(&later).sentence.contains("in 2:01:00."), "{}", of(&later).sentence);
    let line = Text::new(chrono_tz::Europe::Berlin).tick(run, m.now).unwrap();
    assert!(line.contains("ready, 0/9 at 100 %; waits for its window: outside of Sun 05:00-09:00"), "{line}");
    assert!(line.contains("begins in 2:40:00"), "{line}");
}

#[test]
fn a_split_says_when_a_window_opens_and_when_it_goes_back() {
    let m = split();
    let s = of(&m);
    assert_eq!((s.word, s.service.as_deref()), (Word::Held, Some("billing")));
    assert_eq!(
        s.sentence,
        "billing held at 25%: outside of Sun 02:00-02:30 Europe/Berlin. A window opens in 6d23h. Goes back in \
         2:00:00 if it is still split."
    );
    // Others may move on meanwhile; what stands still is what this one waits for.
    assert_eq!(s.next.text, "billing goes back");
    assert_eq!((s.next.at, s.next.recovers), (Some(m.now + Dur::hours(2)), false));
}

#[test]
fn a_persons_freeze_is_said_with_who_why_and_how_long() {
    let m = say(nights::safe(), Verb::Freeze, "2h the database is moved");
    assert_eq!(m.run.events[0].text, "freeze: \"2h the database is moved\"");
    let s = of(&m);
    assert_eq!((s.word, s.service), (Word::Held, None));
    assert_eq!(
        s.sentence,
        "frozen by ivo (the database is moved) for 2:00:00 more. Nothing begins, is raised or settles; automatic \
         rollback is armed."
    );
    assert_eq!(s.next.at, Some(m.now + Dur::hours(2)));
    let open = say(nights::safe(), Verb::Freeze, "nobody knows yet");
    assert!(of(&open).sentence.starts_with("frozen by ivo (nobody knows yet) until somebody lifts it."));
    assert_eq!(of(&say(open, Verb::Unfreeze, "")).word, Word::Move);
}

/// What is days away has its day, also where room is short.
pub fn days() -> Moment {
    say(bound(nights::ready(), "22:30", "08:00"), Verb::Start, "")
}

/// An old state has none of this, and is read all the same.
#[test]
fn a_state_without_windows_is_read() {
    let run = nights::safe().run;
    let mut value = serde_json::to_value(&run).unwrap();
    let object = value.as_object_mut().unwrap();
    ["window", "waits", "frozen", "deferred"].iter().for_each(|key| drop(object.remove(*key).expect(key)));
    for track in object["tracks"].as_object_mut().unwrap().values_mut() {
        track.as_object_mut().unwrap().remove("split_since").expect("split_since");
    }
    assert_eq!(serde_json::from_value::<Run>(value).unwrap(), run);
}

/// The dialog takes what the engine takes, and says what is missing before Enter does anything.
#[test]
fn a_freeze_says_how_long_and_why() {
    use pilothouse::console::chord::Key;
    use pilothouse::console::dialog::Dialog;
    use pilothouse::console::keymap::Keymap;
    use pilothouse::console::model::{Intent, Mode, Model};
    use pilothouse::console::update::{Ctx, press};
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let typed = |verb: &str, reason: &str| {
        let Moment { run, now } = if verb == "defer" { waits() } else { nights::safe() };
        let mut model = Model::default();
        model.observe(&run);
        let mut keys: Vec<Key> = format!(":{verb}").chars().map(Key::char).collect();
        keys.push(Key::parse("enter").unwrap());
        keys.extend(reason.chars().map(Key::char));
        keys.push(Key::parse("enter").unwrap());
        let press = |key: Key| press(&mut model, key, Ctx { run: &run, keymap: &keymap, now, page: 3, tenants: None });
        let said: Vec<Intent> = keys.into_iter().flat_map(press).collect();
        let reason = said.into_iter().find_map(|i| if let Intent::Command(c) = i { Some(c.reason) } else { None });
        let asks = match &model.mode {
            Mode::Dialog(Dialog::Confirm(confirm)) => confirm.ready(&run, &run.identity).err(),
            _ => None,
        };
        (reason, asks.unwrap_or_default())
    };
    assert_eq!(typed("freeze", "2h the database is moved").0.as_deref(), Some("2h the database is moved"));
    assert_eq!(typed("defer", "2026-11-22T09:00:00Z later").0.as_deref(), Some("2026-11-22T09:00:00Z later"));
    for (verb, reason, hint) in [
        ("freeze", "2 hours the database is moved", "how long as one word, such as 2h"),
        ("freeze", "2h", "it needs a reason behind the time"),
        ("freeze", "2020-01-01T00:00:00Z x", "that is over already"),
        ("defer", "the team sleeps", "begin the reason with how long or until when"),
        ("freeze", "", "until a reason is given"),
    ] {
        let (sent, said) = typed(verb, reason);
        assert!(sent.is_none() && said.contains(hint), "{verb} {reason}: {sent:?} {said}");
    }
}
