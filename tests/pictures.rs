//! The pictures of the README are frames of the demo's own night. They are drawn anew here and compared.
//!
//! After a change that is meant to be seen: `PILOTHOUSE_PICTURES=write cargo test --test pictures`, and look at them.
#[path = "house/svg.rs"]
mod svg;

use std::path::Path;
use std::sync::{Arc, Mutex};

use pilothouse::cli::clock::{Speed, VirtualClock};
use pilothouse::cluster::{self, KubeCluster, KubeLease, Options};
use pilothouse::console::glyphs::GlyphSet;
use pilothouse::console::keymap::Keymap;
use pilothouse::console::model::Model;
use pilothouse::console::theme::Theme;
use pilothouse::console::view::draw_into;
use pilothouse::console::viewmodel::{Label, LabelKind, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::driver::{self, Driver, Input};
use pilothouse::engine::{Phase, Run};
use pilothouse::journal::{Header, Journal, RunDir};
use pilothouse::plan::Plan;
use pilothouse::ports::{Clock, World};
use pilothouse::practice::{Config, Scenario, Server, Shared, World as Practice};
use pilothouse::spec::units::Dur;
use pilothouse::spec::{self, SourceFile};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::{mpsc, watch};

/// Sunday 22 November 2026, 02:20 in Berlin: the night of the demo.
const NIGHT: i64 = 1_795_310_400_000;
const SEED: u64 = 7;
const AREA: Rect = Rect { x: 0, y: 0, width: 100, height: 30 };

/// A picture is taken the first time its moment comes.
struct Picture {
    file: &'static str,
    title: &'static str,
    moment: fn(&Run) -> bool,
    taken: Option<String>,
}

fn pictures() -> Vec<Picture> {
    let picture = |file, title, moment| Picture { file, title, moment, taken: None };
    vec![
        picture("held.svg", "The main screen: billing is held at 50 %, its error rate is over the limit", |run| {
            let Some(billing) = run.track("billing") else { return false };
            billing.held.as_ref().is_some_and(|h| run.now.wall.since(h.since) >= Dur::secs(70))
        }),
        picture("rolled-back.svg", "The main screen: billing went back by itself, the old version is watched", |run| {
            matches!(run.track("billing").map(|t| &t.phase), Some(Phase::Verifying { .. }))
        }),
    ]
}

fn plan() -> Plan {
    let files = ["fleet", "policy", "upgrade"].map(|name| {
        let name = format!("examples/shop/{name}.yaml");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&name)).unwrap();
        SourceFile { name, text }
    });
    Plan::build(&spec::load(&files, spec::presets()).unwrap().bundle(None).unwrap()).unwrap()
}

fn frame(run: &Run, model: &Model) -> Buffer {
    let sources = Sources::of(run, run.now.wall);
    let label = Label { practice: true, kind: LabelKind::Sim("50x".into()) };
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let zone = Zone::named("Europe/Berlin").unwrap();
    let scene =
        Scene { now: run.now.wall, zone, sources: &sources, label: &label, keymap: &keymap, rows: AREA.height.into() };
    let theme = Theme::shipped("default-dark").unwrap().unwrap();
    let mut buffer = Buffer::empty(AREA);
    draw_into(&ViewModel::build(run, model, scene), &theme, GlyphSet::Unicode.glyphs(), AREA, &mut buffer);
    buffer
}

/// The demo as somebody watches it, until the last picture is taken.
async fn night(pictures: Vec<Picture>) -> Vec<Picture> {
    let folder = std::env::temp_dir().join(format!("pilothouse-pictures-{}", std::process::id()));
    let config = Config { scenario: Scenario::ErrorSpike, seed: SEED, start_ms: NIGHT };
    let shared = Shared::new(Practice::new(config));
    let server = Server::start(shared.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    let client = cluster::connect(Some(&kubeconfig), None).await.unwrap();
    let cluster = Arc::new(KubeCluster::new(client.clone(), Options::LOCAL));
    let clock = Arc::new(VirtualClock::new(shared, cluster.clone(), Speed::Max));
    let plan = plan();
    let holder = cluster::lease::holder_id("demo", "practice", 1, "7f3a");
    let lease = KubeLease::new(client.clone(), &plan.environment.kubernetes.namespace, &plan.fleet, &holder);
    let services = plan.services.iter().map(|p| &p.service);
    let metrics = pilothouse::metrics::connect(&plan.environment, services, client, SEED).unwrap();
    let run = Run::new("7f3a", plan, clock.now());
    let journal = Journal::create(RunDir::create(&folder, "7f3a").unwrap().unsynced(), Header::new(&run)).unwrap();
    let world = World { clock, cluster, lease: Arc::new(lease), metrics };

    let (leave, inputs) = mpsc::channel(4);
    let (view, _seen) = watch::channel(Arc::new(run.clone()));
    let album = Arc::new(Mutex::new((Model::default(), pictures)));
    let watching = album.clone();
    let look = move |run: &Run| {
        let (model, pictures) = &mut *watching.lock().unwrap();
        model.observe(run);
        // The service that needs somebody, as its watcher would have chosen it.
        model.selected = Some("billing".into());
        for picture in pictures.iter_mut().filter(|p| p.taken.is_none() && (p.moment)(run)) {
            picture.taken = Some(svg::svg(&frame(run, model), picture.title));
        }
        if pictures.iter().all(|p| p.taken.is_some()) {
            let _ = leave.try_send(Input::Quit);
        }
    };
    let driver = Driver::new(run, world, journal, inputs, view).on_change(Box::new(look));
    driver.drive(driver::Options { interactive: true, start: true, pager: false, leave_at: None }).await;
    server.shutdown();
    std::fs::remove_dir_all(&folder).unwrap();
    let mut album = album.lock().unwrap();
    std::mem::take(&mut album.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pictures_of_the_readme_are_real_frames() {
    cluster::connect::install_crypto();
    let taken = tokio::time::timeout(std::time::Duration::from_secs(300), night(pictures())).await.unwrap();
    for picture in taken {
        let drawn = picture.taken.unwrap_or_else(|| panic!("the moment of {} never came", picture.file));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(picture.file);
        if std::env::var_os("PILOTHOUSE_PICTURES").is_some_and(|v| v == "write") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let differ = kept.lines().zip(drawn.lines()).find(|(a, b)| a != b);
        assert!(
            kept == drawn,
            "docs/pictures/{} is not what the demo shows now; first difference: {differ:?}\n\
             if that is meant: PILOTHOUSE_PICTURES=write cargo test --test pictures",
            picture.file
        );
    }
}
