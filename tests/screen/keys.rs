//! What keys do: from a key press to the command that leaves the console, without a terminal.

use crate::support::customers;
use crate::support::nights::{self, Moment};
use pilothouse::console::chord::{Code, Key};
use pilothouse::console::dialog::Dialog;
use pilothouse::console::keymap::{Keymap, Screen};
use pilothouse::console::model::{Intent, Mode, Model};
use pilothouse::console::tenants::{Sort, Tenants};
use pilothouse::console::update::{Ctx, paste, press};
use pilothouse::engine::command::{Scope, Verb};
use pilothouse::engine::{Command, Run};
use pilothouse::spec::policy::OnExit;
use pilothouse::spec::units::Time;

struct Desk {
    tenants: Option<Tenants>,
    run: Run,
    now: Time,
    model: Model,
    keymap: Keymap,
}

impl Desk {
    fn new(Moment { run, now }: Moment) -> Desk {
        let mut model = Model::default();
        model.observe(&run);
        Desk { tenants: None, run, now, model, keymap: Keymap::shipped("default").unwrap().unwrap() }
    }

    /// Presses keys written as in a keymap file, with spaces between.
    fn press(&mut self, keys: &str) -> Vec<Intent> {
        let mut intents = Vec::new();
        for key in keys.split_whitespace().map(|k| Key::parse(k).unwrap()) {
            if let Some(tenants) = &mut self.tenants {
                tenants.prepare(self.now, &self.run, self.model.tenants_sort, &self.model.tenants_filter);
            }
            let ctx =
                Ctx { run: &self.run, keymap: &self.keymap, now: self.now, tenants: self.tenants.as_ref(), page: 3 };
            intents.extend(press(&mut self.model, key, ctx));
        }
        intents
    }

    fn write(&mut self, text: &str) -> Vec<Intent> {
        let ctx = Ctx { run: &self.run, keymap: &self.keymap, now: self.now, tenants: None, page: 3 };
        text.chars().flat_map(|c| press(&mut self.model, Key::char(c), ctx)).collect()
    }

    /// The run has gone on.
    fn then(&mut self, Moment { run, now }: Moment) -> Vec<Intent> {
        (self.run, self.now) = (run, now);
        self.model.observe(&self.run)
    }

    fn hint(&self) -> &str {
        self.model.hint.as_deref().unwrap_or("")
    }

    fn selected(&self) -> &str {
        self.model.selected(&self.run).unwrap_or("-")
    }
}

fn command(intents: &[Intent]) -> Command {
    match intents {
        [Intent::Command(command)] => command.clone(),
        other => panic!("one command expected, not {other:?}"),
    }
}

#[test]
fn the_selection_follows_what_matters_until_a_person_takes_it() {
    let mut desk = Desk::new(nights::ready());
    assert_eq!(desk.selected(), "auth");
    desk.then(nights::over());
    assert_eq!(desk.selected(), "billing");
    let mut fault = nights::safe();
    fault.run.tracks.get_mut("ledger").unwrap().fault = Some(pilothouse::engine::run::Fault {
        action: "set-weight".into(),
        text: "timed out".into(),
        attempts: 2,
        retry_at: fault.now,
        since: fault.now,
    });
    desk.then(fault.clone());
    assert_eq!(desk.selected(), "ledger");
    desk.press("k");
    assert_eq!(desk.selected(), "catalog", "from where the selection was");
    desk.then(nights::over());
    assert_eq!(desk.selected(), "catalog", "it is the person's now");
    desk.press("esc");
    assert_eq!(desk.selected(), "billing", "and given back");
    // A page that is open does not turn, nor does the service somebody acts on.
    for keys in ["enter", "p", "x"] {
        let mut desk = Desk::new(nights::safe());
        desk.press(keys);
        desk.then(fault.clone());
        assert_eq!(desk.selected(), "billing", "{keys}");
    }
    // Where nothing is said of a service it stays.
    let mut desk = Desk::new(nights::safe());
    desk.then(nights::done());
    assert_eq!(desk.selected(), "billing");
}

#[test]
fn the_keys_that_answer_a_question_act_on_the_asked_service() {
    for (key, verb, scope) in [
        ("r", Verb::Retry, Scope::Service("billing".into())),
        ("i", Verb::Skip, Scope::Service("billing".into())),
        ("x", Verb::Abort, Scope::Run),
    ] {
        let mut desk = Desk::new(nights::after());
        desk.press(key);
        match &desk.model.mode {
            Mode::Dialog(Dialog::Confirm(c)) => assert_eq!((c.verb, &c.scope), (verb, &scope)),
            other => panic!("{key}: {other:?}: {}", desk.hint()),
        }
    }
}

#[test]
fn plain_verbs_go_out_at_once_and_their_keys_toggle() {
    let mut desk = Desk::new(nights::safe());
    let c = command(&desk.press("p"));
    assert_eq!((c.verb, c.scope), (Verb::Pause, Scope::Service("billing".into())));
    assert_eq!(c.by.name, "ivo");
    desk.then(nights::paused());
    assert_eq!(command(&desk.press("p")).verb, Verb::Resume);
    let c = command(&desk.press("H"));
    assert_eq!((c.verb, c.scope), (Verb::PauseAll, Scope::Run));
    assert_eq!(desk.model.mode, Mode::Keys);
}

#[test]
fn enter_is_dead_until_the_word_matches() {
    let mut desk = Desk::new(nights::over());
    assert!(desk.press("x").is_empty(), "abort asks first");
    for wrong in ["", "billin", "billing2", "BILLING", "billing "] {
        desk.press("ctrl-u");
        desk.write(wrong);
        assert!(desk.press("enter").is_empty(), "{wrong:?} is not the word");
        assert!(matches!(desk.model.mode, Mode::Dialog(Dialog::Confirm(_))), "{wrong:?} closed the dialog");
    }
    desk.press("ctrl-u");
    desk.write("billing");
    desk.press("tab");
    desk.write("errors after 25%");
    let c = command(&desk.press("enter"));
    assert_eq!((c.verb, c.typed.as_deref(), c.reason.as_str()), (Verb::Abort, Some("billing"), "errors after 25%"));
    assert_eq!(desk.model.mode, Mode::Keys);
}

#[test]
fn esc_is_always_the_safe_exit() {
    for keys in ["x", "q", ":", "?", "/", "enter", "e"] {
        let mut desk = Desk::new(nights::over());
        let before = desk.model.clone();
        desk.press(keys);
        assert_ne!(desk.model, before, "{keys} opens something");
        assert!(desk.press("esc").is_empty());
        assert_eq!(desk.model.mode, Mode::Keys, "{keys}");
        assert_eq!(desk.model.screen, Screen::Main, "{keys}");
    }
}

#[test]
fn a_preview_is_dead_when_the_situation_turned() {
    let mut desk = Desk::new(nights::safe());
    desk.press("n");
    desk.then(nights::over());
    assert!(desk.press("enter").is_empty(), "the gate went bad meanwhile");
    desk.then(nights::safe());
    assert_eq!(command(&desk.press("enter")).verb, Verb::Next);
}

#[test]
fn a_needed_reason_must_be_given() {
    let mut desk = Desk::new(nights::asks());
    desk.press("K");
    assert!(desk.press("enter").is_empty());
    desk.write("  ");
    assert!(desk.press("enter").is_empty(), "blanks are no reason");
    desk.write("payments team looks");
    let c = command(&desk.press("enter"));
    assert_eq!((c.verb, c.reason.as_str(), c.typed), (Verb::Keep, "payments team looks", None));
}

#[test]
fn what_is_off_says_why_and_sends_nothing() {
    let mut desk = Desk::new(nights::over());
    assert!(desk.press("n").is_empty());
    assert!(desk.hint().contains("next is off") && desk.hint().contains("error rate"), "{}", desk.hint());
    desk.press("b");
    assert!(desk.hint().contains("rollback is off"), "{}", desk.hint());
    desk.model.chosen = Some("auth".into());
    desk.press("b");
    assert!(desk.hint().contains("no two-person route is configured"), "{}", desk.hint());
    desk.run.identity.name = "eve".into();
    assert!(desk.press("p").is_empty());
    assert!(desk.hint().contains("operator"), "{}", desk.hint());
}

#[test]
fn read_only_sends_nothing_and_leaves_without_asking() {
    let mut desk = Desk::new(nights::safe());
    desk.model.read_only = true;
    for key in ["p", "H", "n", "x", "b", "m", "S", "w", "K", "r", "i", "a"] {
        assert!(desk.press(key).is_empty(), "{key}");
        assert!(desk.hint().contains("read-only"), "{key}: {}", desk.hint());
    }
    assert_eq!(desk.press("q"), [Intent::Quit(OnExit::Hold)]);
}

#[test]
fn leaving_asks_and_ctrl_c_asks_the_same() {
    for key in ["q", "ctrl-c"] {
        let mut desk = Desk::new(nights::over());
        assert!(desk.press(key).is_empty());
        assert_eq!(desk.model.mode, Mode::Dialog(Dialog::Quit));
        assert!(desk.press("enter").is_empty(), "a stray Enter does not leave");
        assert!(desk.press("ctrl-c ctrl-c").is_empty(), "impatience does not leave");
        assert_eq!(desk.press("h"), [Intent::Quit(OnExit::Hold)]);
    }
    // From within any dialog or field.
    let mut desk = Desk::new(nights::over());
    desk.press("x ctrl-c");
    assert_eq!(desk.model.mode, Mode::Dialog(Dialog::Quit));
    assert_eq!(
        Desk::new(nights::done()).press("q"),
        [Intent::Quit(OnExit::Hold)],
        "an ended run has nothing to decide"
    );
}

#[test]
fn leaving_with_an_abort_asks_for_the_run_s_id() {
    let mut desk = Desk::new(nights::over());
    desk.press("q a");
    assert!(desk.press("enter").is_empty());
    desk.write("7f3a");
    assert_eq!(desk.press("enter"), [Intent::Quit(OnExit::Rollback)]);
}

#[test]
fn ctrl_and_alt_keys_change_nothing() {
    for name in ["default", "vim", "emacs"] {
        for c in ('a'..='z').chain(['[', ']', '@', ' ']) {
            for (ctrl, alt) in [(true, false), (false, true), (true, true)] {
                let mut desk = Desk::new(nights::over());
                desk.keymap = Keymap::shipped(name).unwrap().unwrap();
                let ctx = Ctx { run: &desk.run, keymap: &desk.keymap, now: desk.now, tenants: None, page: 3 };
                let intents = press(&mut desk.model, Key { code: Code::Char(c), ctrl, alt }, ctx);
                assert!(intents.is_empty(), "{name}: ctrl {ctrl} alt {alt} {c} did {intents:?}");
                let confirms = matches!(desk.model.mode, Mode::Dialog(Dialog::Confirm(_)));
                assert!(!confirms, "{name}: ctrl {ctrl} alt {alt} {c} began to change something");
            }
        }
    }
}

#[test]
fn pasted_text_is_never_read_as_keys() {
    let mut desk = Desk::new(nights::over());
    paste(&mut desk.model, "pHx\nbilling\n");
    assert_eq!(desk.model.mode, Mode::Keys);
    desk.press("x");
    paste(&mut desk.model, "bill\u{202e}\u{1b}[31m");
    paste(&mut desk.model, "ing\n");
    assert!(desk.press("enter").is_empty(), "a pasted line end does not confirm");
}

#[test]
fn caps_lock_is_suspected() {
    let mut desk = Desk::new(nights::over());
    desk.press("J M");
    assert!(!desk.hint().contains("caps lock"), "{}", desk.hint());
    desk.press("L");
    assert!(desk.hint().contains("caps lock"), "{}", desk.hint());
    desk.press("j");
    desk.press("J");
    assert!(!desk.hint().contains("caps lock"), "{}", desk.hint());
}

#[test]
fn movement_stays_within_the_list_and_filters_narrow_it() {
    let mut desk = Desk::new(nights::over());
    desk.press("home k k");
    assert_eq!(desk.selected(), "auth");
    desk.press("end j j");
    assert_eq!(desk.selected(), "search");
    desk.press("/");
    desk.write("ga");
    assert_eq!(desk.selected(), "gateway");
    desk.press("enter j");
    assert_eq!(desk.selected(), "gateway");
    desk.press("esc");
    assert_eq!(desk.model.services_filter, "", "Esc takes a filter away first");
    desk.press("/");
    desk.write("held");
    assert_eq!(desk.selected(), "billing", "a filter finds states as well");
    desk.press("esc");
    assert_eq!(desk.model.services_filter, "", "Esc while typing brings back what was before");
}

#[test]
fn the_palette_finds_and_does() {
    let mut desk = Desk::new(nights::over());
    desk.press(":");
    desk.write("abort run");
    desk.press("enter");
    match &desk.model.mode {
        Mode::Dialog(Dialog::Confirm(c)) => assert_eq!((c.verb, &c.scope), (Verb::Abort, &Scope::Run)),
        other => panic!("{other:?}"),
    }
    desk.press("esc :");
    desk.write("go led");
    desk.press("enter");
    assert_eq!(desk.selected(), "ledger");
    desk.press(":");
    desk.write("resume");
    assert!(desk.press("enter").is_empty());
    assert!(desk.hint().contains("resume is off"), "by name a verb means itself: {}", desk.hint());
    desk.press(":");
    desk.write("xyzzy");
    desk.press("enter");
    assert_eq!(desk.hint(), "no command of that name");
}

#[test]
fn reading_older_events_keeps_its_place() {
    let mut desk = Desk::new(nights::over());
    desk.press("tab tab j");
    assert_eq!(desk.model.events_scroll, 1);
    for text in ["one more", "and another"] {
        let event = pilothouse::engine::effect::Event { text: text.into(), ..desk.run.events[0].clone() };
        desk.run.events.push_front(event);
    }
    desk.model.observe(&desk.run);
    assert_eq!(desk.model.events_scroll, 3);
    desk.press("f");
    assert!(desk.model.follows());
    desk.model.observe(&desk.run);
    assert!(desk.model.follows(), "following stays at the newest");
}

#[test]
fn the_bell_rings_once_for_each_question() {
    let mut desk = Desk::new(nights::over());
    assert_eq!(desk.then(nights::asks()), [Intent::Bell]);
    assert!(desk.then(nights::asks()).is_empty());
    assert!(desk.then(nights::over()).is_empty());
    assert_eq!(desk.then(nights::asks()), [Intent::Bell], "asked again");
    assert_eq!(desk.then(nights::blocked()), [Intent::Bell], "what needs a hand rings as well");
    assert!(desk.then(nights::blocked()).is_empty());
}

#[test]
fn copying_takes_the_selected_line_clean() {
    let mut desk = Desk::new(nights::over());
    assert_eq!(desk.press("y"), [Intent::Copy("billing 4.1.8 > 4.2.1 50% HELD 0:40".into())]);
    desk.press("tab tab");
    match desk.press("y").as_slice() {
        [Intent::Copy(line)] => assert!(line.starts_with("2026-11-22T02:01:30.000Z hold engine billing"), "{line}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.press("D"), [Intent::Dump]);
    // Where only a hand can go on, what the hand needs.
    let mut desk = Desk::new(nights::blocked());
    for keys in ["y", "enter y"] {
        match desk.press(keys).as_slice() {
            [Intent::Copy(line)] => assert!(line.starts_with("kubectl --context") && line.ends_with("]'"), "{line}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn before_the_start_the_pages_are_those_of_the_preview() {
    let mut desk = Desk::new(nights::ready());
    desk.press("page-down page-down");
    assert_eq!((desk.model.gates_scroll, desk.selected()), (6, "auth"));
    desk.press("esc");
    assert_eq!(desk.model.gates_scroll, 0);
    desk.press("S");
    assert_eq!(command(&desk.press("enter")).verb, Verb::Start);
}

#[test]
fn tenants_are_walked_through_opened_and_left() {
    let mut desk = Desk::new(nights::over());
    desk.press("4");
    assert_eq!(desk.model.screen, Screen::Main);
    assert!(desk.hint().contains("hold no tenants"), "{}", desk.hint());
    desk.tenants = Some(customers::tenants(desk.now));
    desk.press("4");
    assert_eq!(desk.model.screen, Screen::Tenants);
    let first = |desk: &Desk| {
        let tenants = desk.tenants.as_ref().unwrap();
        tenants.tenant(desk.model.selected_tenant(tenants).unwrap()).unwrap().id.to_string()
    };
    assert_eq!(first(&desk), "oslo-fish");
    desk.press("j j");
    assert_eq!(first(&desk), "fjord-beta");
    desk.press("end");
    assert_eq!(first(&desk), "basel-pay");
    desk.press("o");
    assert_eq!((desk.model.tenants_sort, first(&desk)), (Sort::Name, "basel-pay".into()), "who is selected stays so");
    // A filter that leaves the selected one out selects the first that is left; without it the choice is there again.
    desk.press("/ k i w i enter");
    desk.press("j");
    assert_eq!(first(&desk), "kiwi-retail");
    desk.press("enter");
    assert_eq!((desk.model.screen, desk.model.tenant.as_deref()), (Screen::Tenant, Some("kiwi-retail")));
    assert_eq!(desk.press("y"), [Intent::Copy("kiwi-retail".into())]);
    desk.press("esc");
    assert_eq!(desk.model.screen, Screen::Tenant, "the filter goes first, as on every screen");
    desk.press("esc");
    assert_eq!(desk.model.screen, Screen::Tenants);
    desk.press("c");
    assert!(desk.model.closings);
    desk.press("esc");
    assert!(!desk.model.closings);
    assert_eq!(desk.model.screen, Screen::Tenants);
    desk.press("esc");
    assert_eq!(desk.model.screen, Screen::Main);
}

#[test]
fn one_key_shows_their_zone_then_utc_then_ours() {
    let mut desk = Desk::new(nights::over());
    desk.tenants = Some(customers::tenants(desk.now));
    let mut zones = |key: &str| {
        desk.press(key);
        (desk.model.theirs, desk.model.utc)
    };
    assert_eq!(zones("4"), (false, false));
    assert_eq!([zones("z"), zones("z"), zones("z")], [(true, false), (false, true), (false, false)]);
    assert_eq!(zones("z"), (true, false));
    zones("1");
    assert_eq!([zones("z"), zones("z")], [(false, true), (false, false)], "services have no zone of their own");
}

#[test]
fn a_freeze_asks_how_long_and_why_and_its_key_lifts_it() {
    let mut desk = Desk::new(nights::safe());
    desk.tenants = Some(customers::tenants(desk.now));
    assert_eq!(desk.press("4 F enter"), [], "not without a reason");
    desk.write("2h database moves");
    let freeze = command(&desk.press("enter"));
    assert_eq!((freeze.verb, freeze.scope, freeze.reason.as_str()), (Verb::Freeze, Scope::Run, "2h database moves"));
    desk.run.frozen = Some(pilothouse::engine::window::Stay {
        by: "ivo".into(),
        reason: "database moves".into(),
        since: desk.now,
        until: None,
    });
    desk.press("F");
    let Mode::Dialog(Dialog::Confirm(confirm)) = &desk.model.mode else { panic!("{:?}", desk.model.mode) };
    assert_eq!(confirm.verb, Verb::Unfreeze);
}
