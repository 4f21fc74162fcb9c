//! The demo's own night: the README's pictures are frames of it, and its journal replays to the same decisions.
//!
//! After a change that is meant to be seen: `PILOTHOUSE_PICTURES=write cargo test --test demo_night`, and look at
//! `docs/pictures`.
#[path = "support/customers.rs"]
mod customers;
#[path = "house/night.rs"]
mod night;
#[path = "house/svg.rs"]
mod svg;

use std::path::Path;
use std::sync::{Arc, Mutex};

use night::{Night, night};
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::{Keymap, Screen};
use pilothouse::console::model::Model;
use pilothouse::console::theme::Theme;
use pilothouse::console::view::draw_into;
use pilothouse::console::viewmodel::{Label, LabelKind, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::{Phase, Run, step};
use pilothouse::practice::Scenario;
use pilothouse::spec::units::Dur;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const AREA: Rect = Rect { x: 0, y: 0, width: 100, height: 30 };

/// A picture is taken the first time its moment comes.
struct Picture {
    file: &'static str,
    title: &'static str,
    moment: fn(&Run) -> bool,
    screen: Screen,
    taken: Option<String>,
}

fn pictures() -> Vec<Picture> {
    let picture = |file, title, moment| Picture { file, title, moment, screen: Screen::Main, taken: None };
    let tenants = |file, title, moment| Picture { screen: Screen::Tenants, ..picture(file, title, moment) };
    vec![
        tenants("tenants.svg", "The tenants' windows, each in its own zone and in yours", |run| {
            run.track("billing").is_some_and(|t| matches!(t.phase, Phase::Shifting { .. }))
        }),
        picture("held.svg", "The main screen: billing is held at 50 %, its error rate is over the limit", |run| {
            let Some(billing) = run.track("billing") else { return false };
            billing.held.as_ref().is_some_and(|h| run.now.wall.since(h.since) >= Dur::secs(70))
        }),
        picture("rolled-back.svg", "The main screen: billing went back by itself, the old version is watched", |run| {
            matches!(run.track("billing").map(|t| &t.phase), Some(Phase::Verifying { .. }))
        }),
    ]
}

fn frame(run: &Run, model: &Model) -> Buffer {
    let sources = Sources::of(run, run.now.wall);
    let label = Label { practice: true, kind: LabelKind::Sim("50x".into()) };
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let zone = Zone::named("Europe/Berlin").unwrap();
    let mut tenants = customers::tenants(run.now.wall);
    tenants.prepare(run.now.wall, run, model.tenants_sort, &model.tenants_filter);
    let scene = Scene {
        now: run.now.wall,
        zone,
        sources: &sources,
        label: &label,
        keymap: &keymap,
        tenants: Some(&tenants),
        rows: AREA.height.into(),
    };
    let theme = Theme::shipped("default-dark").unwrap().unwrap();
    let mut buffer = Buffer::empty(AREA);
    draw_into(&ViewModel::build(run, model, scene), &theme, GlyphSet::Unicode.glyphs(), AREA, &mut buffer);
    buffer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pictures_are_frames_and_the_journal_replays() {
    let album = Arc::new(Mutex::new(pictures()));
    let (mut model, shelf) = (Model::default(), album.clone());
    let look = move |run: &Run| {
        model.observe(run);
        let mut pictures = shelf.lock().unwrap();
        for picture in pictures.iter_mut().filter(|p| p.taken.is_none() && (p.moment)(run)) {
            let model = Model { screen: picture.screen, ..model.clone() };
            picture.taken = Some(svg::svg(&frame(run, &model), picture.title));
        }
        pictures.iter().all(|p| p.taken.is_some())
    };
    let limit = std::time::Duration::from_secs(300);
    let night = tokio::time::timeout(limit, night(Scenario::ErrorSpike, look)).await.unwrap();
    replays(&night);
    album.lock().unwrap().iter().for_each(current);
}

/// The picture that is kept is the one that was taken.
fn current(picture: &Picture) {
    let drawn = picture.taken.as_ref().unwrap_or_else(|| panic!("the moment of {} never came", picture.file));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(picture.file);
    if std::env::var_os("PILOTHOUSE_PICTURES").is_some_and(|v| v == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, drawn).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = kept.lines().zip(drawn.lines()).find(|(a, b)| a != b);
    assert!(
        kept == *drawn,
        "docs/pictures/{} is not what the demo shows now; first difference: {differ:?}\n\
         if that is meant: PILOTHOUSE_PICTURES=write cargo test --test demo_night",
        picture.file
    );
}

/// The engine is a function of its messages: those of the journal give the same services and the same events.
fn replays(night: &Night) {
    let mut run = night.first.clone();
    for message in &night.messages {
        step(&mut run, message);
    }
    assert!(night.messages.len() > 500, "only {} messages were kept", night.messages.len());
    assert_eq!(
        (&run.events, run.event_count, run.next_key),
        (&night.last.events, night.last.event_count, night.last.next_key)
    );
    assert_eq!(run.tracks, night.last.tracks);
}
