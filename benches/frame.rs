//! One frame of the main screen at 200x60 with 92 services: building the view model, drawing it, and both with the
//! difference to the frame before. The aim is below 1 ms.
#[path = "../tests/support/nights.rs"]
#[allow(dead_code)]
mod nights;

use divan::Bencher;
use nights::Moment;
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::model::Model;
use pilothouse::console::theme::Theme;
use pilothouse::console::view::draw_into;
use pilothouse::console::viewmodel::{Label, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::{Phase, Run};
use pilothouse::spec::units::{Dur, Time};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

fn main() {
    divan::main();
}

struct Desk {
    run: Run,
    now: Time,
    model: Model,
    keymap: Keymap,
    theme: Theme,
    label: Label,
}

/// Services on the screen.
const SERVICES: usize = 92;

/// A seeded night with billing over its limit, and as many more services as billing's own kind: every other one soaks.
fn crowded() -> Moment {
    let mut night = nights::over();
    let run = &mut night.run;
    let (like, planned) = (run.tracks["billing"].clone(), run.plan.get("billing").unwrap().clone());
    for i in run.plan.services.len()..SERVICES {
        let mut planned = planned.clone();
        planned.service.name = format!("service-{i:02}");
        let mut track = like.clone();
        track.service = planned.service.name.clone();
        track.held = None;
        track.phase = if i % 2 == 0 { Phase::Waiting { needs: vec!["billing".into()] } } else { Phase::Soaked };
        std::sync::Arc::make_mut(&mut run.plan).services.push(planned);
        run.tracks.insert(track.service.clone(), track);
    }
    night
}

impl Desk {
    fn new() -> Desk {
        let Moment { run, now } = crowded();
        let mut model = Model::default();
        model.observe(&run);
        Desk {
            run,
            now,
            model,
            keymap: Keymap::shipped("default").unwrap().unwrap(),
            theme: Theme::shipped("default-dark").unwrap().unwrap(),
            label: Label::default(),
        }
    }

    fn view_model(&self, now: Time) -> ViewModel {
        let sources = Sources::of(&self.run, now);
        let zone = Zone::named("Europe/Berlin").unwrap();
        let scene =
            Scene { now, zone, sources: &sources, label: &self.label, keymap: &self.keymap, tenants: None, rows: 60 };
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
    bencher.bench_local(|| desk.view_model(desk.now));
}

#[divan::bench]
fn draw(bencher: Bencher) {
    let desk = Desk::new();
    let vm = desk.view_model(desk.now);
    bencher.bench_local(|| desk.draw(&vm));
}

#[divan::bench]
fn whole_frame(bencher: Bencher) {
    let desk = Desk::new();
    let before = desk.draw(&desk.view_model(desk.now));
    let later = desk.now + Dur::secs(1);
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
