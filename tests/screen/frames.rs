//! The real draw, as snapshots of signs and styles.

use std::sync::OnceLock;

use crate::support::customers;
use crate::support::frame::frame_to_text;
use crate::support::nights::{self, Moment};
use crate::{segments, windows};
use pilothouse::console::chord::{Code, Key};
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::model::{Intent, Model};
use pilothouse::console::tenants::Tenants;
use pilothouse::console::theme::Theme;
use pilothouse::console::update::{Ctx, press};
use pilothouse::console::view::draw;
use pilothouse::console::viewmodel::{Label, LabelKind, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::run::ObservedShare;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// One look at a run.
pub struct Look {
    moment: Moment,
    model: Model,
    theme: &'static str,
    glyphs: GlyphSet,
    label: Label,
    tenants: Option<Tenants>,
}

impl Look {
    pub fn at(moment: Moment) -> Look {
        let mut model = Model::default();
        model.observe(&moment.run);
        Look { moment, model, theme: "default-dark", glyphs: GlyphSet::Unicode, label: Label::default(), tenants: None }
    }

    /// With the tenants of `examples/customers` beside the run.
    pub fn with_customers(mut self) -> Look {
        self.tenants = Some(customers::tenants(self.moment.now));
        self
    }

    /// With a folder of contracts findings can be accepted in.
    pub fn with_contracts(mut self, file: &str) -> Look {
        self.model.contracts = Some(file.into());
        self
    }

    pub fn without_contracts(mut self) -> Look {
        self.model.contracts = None;
        self
    }

    pub fn prepare(&mut self) {
        if let Some(tenants) = &mut self.tenants {
            tenants.prepare(self.moment.now, &self.moment.run, self.model.tenants_sort, &self.model.tenants_filter);
        }
    }

    /// Presses keys; `enter`, `esc` and `tab` by name, everything else letter by letter.
    pub fn keys(mut self, keys: &[&str]) -> Look {
        self.intents(keys);
        self
    }

    /// What the keys want done outside of the screen.
    pub fn intents(&mut self, keys: &[&str]) -> Vec<Intent> {
        let mut wanted = Vec::new();
        for text in keys {
            let named = [("enter", Code::Enter), ("esc", Code::Esc), ("tab", Code::Tab), ("down", Code::Down)];
            let pressed: Vec<Key> = match named.iter().find(|(n, _)| n == text) {
                Some((_, code)) => vec![Key::code(*code)],
                None => text.chars().map(Key::char).collect(),
            };
            for key in pressed {
                self.prepare();
                let ctx = Ctx {
                    run: &self.moment.run,
                    keymap: keymap(),
                    now: self.moment.now,
                    tenants: self.tenants.as_ref(),
                    page: 10,
                };
                wanted.extend(press(&mut self.model, key, ctx));
            }
        }
        self.prepare();
        wanted
    }

    /// The run has gone on.
    fn then(mut self, moment: Moment) -> Look {
        self.model.observe(&moment.run);
        self.moment = moment;
        self
    }

    pub fn frame(&self, width: u16, height: u16) -> String {
        frame_to_text(&self.buffer(width, height))
    }

    fn buffer(&self, width: u16, height: u16) -> Buffer {
        let (keymap, theme) = (keymap(), Theme::shipped(self.theme).unwrap().unwrap());
        let Moment { run, now } = &self.moment;
        let sources = Sources::of(run, *now);
        let scene = Scene {
            now: *now,
            zone: Zone::named("Europe/Berlin").unwrap(),
            sources: &sources,
            label: &self.label,
            keymap,
            tenants: self.tenants.as_ref(),
            rows: usize::from(height),
        };
        let vm = ViewModel::build(run, &self.model, scene);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&vm, &theme, self.glyphs.glyphs(), frame)).unwrap();
        terminal.backend().buffer().clone()
    }
}

fn keymap() -> &'static Keymap {
    static KEYMAP: OnceLock<Keymap> = OnceLock::new();
    KEYMAP.get_or_init(|| Keymap::shipped("default").unwrap().unwrap())
}

/// Snapshots under the name of what is looked at.
macro_rules! frames {
    ($($name:ident: $look:expr, $($w:literal x $h:literal),+;)+) => {$(
        #[test]
        fn $name() {
            let look = $look;
            $(insta::assert_snapshot!(concat!(stringify!($name), "_", $w, "x", $h), look.frame($w, $h));)+
        }
    )+};
}

fn with(glyphs: GlyphSet, theme: &'static str, moment: Moment) -> Look {
    Look { glyphs, theme, ..Look::at(moment) }
}

frames! {
    safe: Look::at(nights::safe()), 100 x 30, 80 x 24, 40 x 10, 160 x 45;
    over: Look::at(nights::over()), 100 x 30, 80 x 24, 60 x 20, 40 x 10, 30 x 5;
    asks: Look::at(nights::asks()), 100 x 30, 80 x 24, 40 x 10;
    rolling_back: Look::at(nights::rolling_back()), 100 x 30, 80 x 24, 60 x 20, 40 x 10;
    draining: Look::at(nights::draining()), 100 x 30, 80 x 24;
    verifying: Look::at(nights::verifying()), 100 x 30;
    after_rollback: Look::at(nights::after()), 100 x 30, 80 x 24, 40 x 10;
    blocked_rollback: Look::at(nights::blocked()), 100 x 30, 80 x 24;
    blocked_rollback_detail: Look::at(nights::blocked()).keys(&["enter"]), 100 x 30, 80 x 24;
    lost: Look::at(nights::lost()), 100 x 30, 80 x 24, 40 x 10;
    stale: Look::at(nights::stale()), 100 x 30, 80 x 24, 40 x 10;
    segments_first: segments::on_billing(segments::moment(ObservedShare::Unknown)), 100 x 30, 80 x 24, 40 x 10;
    segments_detail: segments::on_billing(segments::moment(ObservedShare::Confirmed(34.2))).keys(&["enter"]), 100 x 30, 80 x 24;
    segments_before: Look::at(segments::planned(nights::ready())), 100 x 30, 80 x 24;
    segments_abort: segments::on_billing(segments::moment(ObservedShare::Unknown)).keys(&["x"]), 100 x 30;
    too_few: Look::at(nights::too_few()), 100 x 30, 80 x 24;
    paused: Look::at(nights::paused()), 100 x 30, 80 x 24, 40 x 10;
    done: Look::at(nights::done()), 100 x 30, 80 x 24, 40 x 10;
    settling: Look::at(nights::settling()), 100 x 30;
    ready: Look::at(nights::ready()), 100 x 30, 80 x 24, 40 x 10;
    waits_for_its_window: Look::at(windows::waits()), 100 x 30, 80 x 24, 40 x 10;
    waits_for_days: Look::at(windows::days()), 80 x 24;
    split_without_a_window: Look::at(windows::split()), 100 x 30, 80 x 24, 40 x 10;
    start_dialog: Look::at(nights::ready()).keys(&["S"]), 100 x 30, 80 x 24;
    refused: Look::at(nights::refused()), 100 x 30, 80 x 24;
    detail: Look::at(nights::over()).keys(&["enter"]), 100 x 30, 80 x 24, 40 x 10;
    all_events: Look::at(nights::over()).keys(&["e"]), 100 x 30, 80 x 24, 40 x 10;
    help: Look::at(nights::over()).keys(&["?"]), 100 x 30, 80 x 24, 40 x 10;
    help_filtered: Look::at(nights::over()).keys(&["?", "/", "roll"]), 100 x 30;
    help_filtered_to_acts: Look::at(nights::over()).keys(&["?", "/", "abort"]), 100 x 30, 80 x 24;
    palette: Look::at(nights::over()).keys(&[":", "pa"]), 100 x 30, 80 x 24;
    filter: Look::at(nights::over()).keys(&["/", "held"]), 80 x 24;
    abort_dialog: Look::at(nights::over()).keys(&["x", "bill"]), 100 x 30, 80 x 24, 40 x 10;
    next_dialog: Look::at(nights::safe()).keys(&["n"]), 100 x 30, 80 x 24;
    keep_dialog: Look::at(nights::asks()).keys(&["K", "payments team looks"]), 80 x 24;
    changed_dialog: Look::at(nights::safe()).keys(&["n"]).then(nights::over()), 80 x 24;
    leave_dialog: Look::at(nights::over()).keys(&["q"]), 100 x 30, 80 x 24;
    ascii: with(GlyphSet::Ascii, "mono", nights::over()), 100 x 30, 80 x 24;
    blocks: with(GlyphSet::Blocks, "default-dark", nights::over()), 80 x 24;
    mono: with(GlyphSet::Unicode, "mono", nights::lost()), 80 x 24;
    light: with(GlyphSet::Unicode, "light", nights::rolling_back()), 80 x 24;
    windows: Look::at(nights::over()).with_customers(), 100 x 30, 80 x 24, 160 x 45, 60 x 20, 40 x 10;
    tenants: Look::at(nights::over()).with_customers().keys(&["4"]), 100 x 30, 80 x 24, 160 x 45, 60 x 20, 40 x 10;
    tenants_theirs: Look::at(nights::over()).with_customers().keys(&["4", "z", "down"]), 100 x 30, 80 x 24;
    tenants_utc: Look::at(nights::over()).with_customers().keys(&["4", "zz"]), 80 x 24;
    tenants_filtered: Look::at(nights::over()).with_customers().keys(&["4", "/", "america", "enter", "o"]), 100 x 30;
    tenants_frozen: Look::at(nights::over()).with_customers().keys(&["4", "/", "frozen", "enter"]), 100 x 30, 80 x 24;
    tenants_closings: Look::at(nights::over()).with_customers().keys(&["4", "c"]), 100 x 30, 80 x 24;
    tenant: Look::at(nights::over()).with_customers().keys(&["4", "/", "kiwi", "enter", "enter"]), 100 x 30, 80 x 24, 40 x 10;
    tenants_ascii: with(GlyphSet::Ascii, "mono", nights::over()).with_customers().keys(&["4"]), 100 x 30, 80 x 24;
    tenants_mono: with(GlyphSet::Unicode, "mono", nights::over()).with_customers().keys(&["4"]), 80 x 24;
    freeze_dialog: Look::at(nights::over()).with_customers().keys(&["4", "F", "2h database moves"]), 100 x 30, 80 x 24;
    tenants_help: Look::at(nights::over()).with_customers().keys(&["4", "?"]), 100 x 30;
    high_contrast: with(GlyphSet::Unicode, "high-contrast", nights::over()), 80 x 24;
}

#[test]
fn practice_spectator_and_read_only_say_so() {
    let mut look = Look::at(nights::safe());
    look.label = Label { practice: true, kind: LabelKind::Sim("60x".into()) };
    let row = |look: &Look| look.frame(100, 30).lines().next().unwrap().to_string();
    assert!(row(&look).contains("[PRACTICE]") && row(&look).contains("SIM 60x"), "{}", row(&look));
    look.label = Label { practice: false, kind: LabelKind::Spectator("mara".into()) };
    assert!(row(&look).contains("SPECTATOR of mara"), "{}", row(&look));
    // Whom to ask says more than what cannot be done.
    look.model.read_only = true;
    assert!(row(&look).contains("SPECTATOR of mara"), "{}", row(&look));
    look.label.kind = LabelKind::Live;
    assert!(row(&look).contains("READ-ONLY"), "{}", row(&look));
    look.moment.run.pager = false;
    assert!(look.frame(120, 30).lines().next().unwrap().contains("no pager"));
}

/// Nothing a cluster or a person wrote can steer the terminal, and in an ASCII set nothing else is drawn.
#[test]
fn what_others_wrote_is_drawn_clean() {
    let mut moment = nights::over();
    let run = &mut moment.run;
    let evil = "\u{1b}]0;owned\u{7}\u{202e}gnp.exe z\u{200d}w\u{fe0f} \u{6771}\u{4eac} e\u{301}";
    let mut event = run.events[0].clone();
    (event.who, event.text) = (evil.into(), evil.into());
    run.events.push_front(event);
    run.tracks.get_mut("billing").unwrap().held.as_mut().unwrap().text = evil.into();
    for glyphs in [GlyphSet::Unicode, GlyphSet::Ascii] {
        let mut look = Look { glyphs, ..Look::at(moment.clone()) };
        for keys in [&["e"][..], &["1", "enter"], &["1", "x", "\u{1b}"]] {
            look = look.keys(keys);
            let frame = look.frame(100, 30);
            let grid = frame.split("--- styles").next().unwrap();
            assert!(
                !grid
                    .chars()
                    .any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200d}' | '\u{fe0f}')),
                "{grid}"
            );
            assert!(glyphs != GlyphSet::Ascii || grid.is_ascii(), "{grid}");
        }
    }
}

/// Whoever is woken reads which system it is, what happens, and what comes next on any screen that is one.
#[test]
fn verdict_and_what_comes_next_are_never_cut() {
    type State = (&'static str, fn() -> Moment);
    let states: [State; 16] = [
        ("ready", nights::ready),
        ("safe", nights::safe),
        ("over", nights::over),
        ("lowering", nights::lowering),
        ("rolling_back", nights::rolling_back),
        ("draining", nights::draining),
        ("verifying", nights::verifying),
        ("after", nights::after),
        ("asks", nights::asks),
        ("paused", nights::paused),
        ("settling", nights::settling),
        ("done", nights::done),
        ("lost", nights::lost),
        ("stale", nights::stale),
        ("too_few", nights::too_few),
        ("refused", nights::refused),
    ];
    for (state, moment) in states {
        for (w, h) in [(40, 10), (60, 15), (80, 24), (100, 30)] {
            let frame = Look::at(moment()).frame(w, h);
            let rows: Vec<&str> = frame.lines().take(usize::from(h)).collect();
            let coming =
                rows.iter().position(|row| row.starts_with(" NEXT")).unwrap_or_else(|| panic!("{state}: {frame}"));
            let more = rows[coming + 1..].iter().take_while(|row| row.starts_with("       ")).count();
            let cut = rows[..=coming + more].iter().find(|row| row.contains('…'));
            assert!(cut.is_none(), "{state} at {w}x{h}: {frame}");
        }
    }
}

/// Every size from 1x1 on draws, on every screen and under every overlay, and never outside of itself.
#[test]
fn no_size_panics() {
    let looks = [
        Look::at(nights::asks()),
        Look::at(nights::over()).keys(&["enter"]),
        Look::at(nights::lost()).keys(&["e"]),
        Look::at(nights::over()).keys(&["?"]),
        Look::at(nights::over()).keys(&["x"]),
        Look::at(nights::asks()).keys(&["K", "because"]),
        Look::at(nights::over()).keys(&["q"]),
        Look::at(nights::over()).keys(&[":", "a"]),
        Look::at(nights::ready()),
        Look::at(nights::blocked()).keys(&["/", "nothing fits this"]),
        Look::at(nights::over()).with_customers(),
        Look::at(nights::over()).with_customers().keys(&["4", "down", "down"]),
        Look::at(nights::over()).with_customers().keys(&["4", "c"]),
        Look::at(nights::over()).with_customers().keys(&["4", "enter"]),
        Look::at(nights::over()).with_customers().keys(&["4", "/", "nobody"]),
    ];
    for look in &looks {
        for width in (1..=12).chain((13..=220).step_by(17)).chain([39, 40, 79, 80, 99, 100, 220]) {
            for height in (1..=9).chain((10..=70).step_by(12)).chain([23, 24]) {
                let buffer = look.buffer(width, height);
                let drawn = buffer.content.iter().any(|cell| cell.symbol() != " ");
                assert!(drawn, "{width}x{height} shows nothing");
            }
        }
    }
}
