//! The real draw, as snapshots of signs and styles.
mod support;

use pilothouse::console::chord::{Code, Key};
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::model::Model;
use pilothouse::console::theme::Theme;
use pilothouse::console::update::{Ctx, press};
use pilothouse::console::view::draw;
use pilothouse::console::viewmodel::{Label, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::Run;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use support::frame::frame_to_text;
use support::nights;

/// One look at a run.
struct Look {
    run: Run,
    model: Model,
    theme: &'static str,
    glyphs: GlyphSet,
    label: Label,
}

impl Look {
    fn at(run: Run) -> Look {
        let mut model = Model::default();
        for then in nights::ticks(&run, "billing") {
            model.observe(&then);
        }
        model.selected = Some("billing".into());
        Look { run, model, theme: "default-dark", glyphs: GlyphSet::Unicode, label: Label::default() }
    }

    /// Presses keys; `enter`, `esc` and `tab` by name, everything else letter by letter.
    fn keys(mut self, keys: &[&str]) -> Look {
        let keymap = Keymap::shipped("default").unwrap().unwrap();
        for text in keys {
            let named = [("enter", Code::Enter), ("esc", Code::Esc), ("tab", Code::Tab), ("down", Code::Down)];
            let pressed: Vec<Key> = match named.iter().find(|(n, _)| n == text) {
                Some((_, code)) => vec![Key::code(*code)],
                None => text.chars().map(Key::char).collect(),
            };
            for key in pressed {
                press(&mut self.model, key, Ctx { run: &self.run, keymap: &keymap, now: nights::NOW, page: 10 });
            }
        }
        self
    }

    fn frame(&self, width: u16, height: u16) -> String {
        let keymap = Keymap::shipped("default").unwrap().unwrap();
        let theme = Theme::shipped(self.theme).unwrap().unwrap();
        let sources = Sources::of(&self.run, nights::NOW);
        let scene = Scene {
            now: nights::NOW,
            zone: Zone::named("Europe/Berlin").unwrap(),
            sources: &sources,
            label: &self.label,
            keymap: &keymap,
            rows: usize::from(height),
        };
        let vm = ViewModel::build(&self.run, &self.model, scene);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&vm, &theme, self.glyphs.glyphs(), frame)).unwrap();
        frame_to_text(terminal.backend().buffer())
    }
}

#[test]
fn show() {
    if std::env::var("SHOW").is_err() { return }
    let text = |s: String| s.split("--- styles").next().unwrap().to_string();
    println!("{}", text(Look::at(nights::over()).frame(100, 30)));
    println!("{}", text(Look::at(nights::asks()).frame(80, 24)));
    println!("{}", text(Look::at(nights::lost()).frame(100, 30)));
    println!("{}", text(Look::at(nights::stale()).frame(100, 30)));
    println!("{}", text(Look::at(nights::over()).keys(&["x"]).frame(100, 30)));
    println!("{}", text(Look::at(nights::over()).keys(&["?"]).frame(100, 30)));
    println!("{}", text(Look::at(nights::over()).keys(&["enter"]).frame(100, 30)));
    println!("{}", text(Look::at(nights::over()).frame(200, 50)));
    println!("{}", text(Look::at(nights::over()).frame(40, 10)));
    println!("{}", text(Look::at(nights::over()).keys(&["q"]).frame(80, 24)));
    println!("{}", text(Look::at(nights::over()).keys(&[":", "pa"]).frame(80, 24)));
}
