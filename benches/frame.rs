//! One frame of the main screen at 200x60 with 92 services: building the view model, drawing it, and both with the
//! difference to the frame before. The aim is below 1 ms.
#[path = "../tests/support/nights.rs"]
#[allow(dead_code)]
mod nights;

use divan::Bencher;
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::model::Model;
use pilothouse::console::theme::Theme;
use pilothouse::console::view::draw_into;
use pilothouse::console::viewmodel::{Label, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::Run;
use pilothouse::spec::units::{Dur, Time};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

fn main() {
    divan::main();
}

struct Desk {
    run: Run,
    model: Model,
    keymap: Keymap,
    theme: Theme,
    label: Label,
}

impl Desk {
    fn new() -> Desk {
        let run = nights::many(92);
        let mut model = Model::default();
        for then in nights::ticks(&run, "billing") {
            model.observe(&then);
        }
        Desk {
            run,
            model,
            keymap: Keymap::shipped("default").unwrap().unwrap(),
            theme: Theme::shipped("default-dark").unwrap().unwrap(),
            label: Label::default(),
        }
    }

    fn view_model(&self, now: Time) -> ViewModel {
        let sources = Sources::of(&self.run, now);
        let zone = Zone::named("Europe/Berlin").unwrap();
        let scene = Scene { now, zone, sources: &sources, label: &self.label, keymap: &self.keymap, rows: 60 };
        ViewModel::build(&self.run, &self.model, scene)
    }

    fn draw(&self, vm: &ViewModel) -> Buffer {
        let mut buffer = Buffer::empty(AREA);
        draw_into(vm, &self.theme, GlyphSet::Unicode.glyphs(), AREA, &mut buffer);
        buffer
    }
}

#[divan::bench]
fn build(bencher: Bencher) {
    let desk = Desk::new();
    bencher.bench_local(|| desk.view_model(nights::NOW));
}

#[divan::bench]
fn draw(bencher: Bencher) {
    let desk = Desk::new();
    let vm = desk.view_model(nights::NOW);
    bencher.bench_local(|| desk.draw(&vm));
}

#[divan::bench]
fn whole_frame(bencher: Bencher) {
    let desk = Desk::new();
    let before = desk.draw(&desk.view_model(nights::NOW));
    let later = nights::NOW + Dur::secs(1);
    bencher.bench_local(|| {
        let next = desk.draw(&desk.view_model(later));
        before.diff_iter(&next).count()
    });
}

#[divan::bench]
fn take_in_a_run(bencher: Bencher) {
    let mut desk = Desk::new();
    bencher.bench_local(|| desk.model.observe(&desk.run));
}
