//! A hundred thousand tenants: next window and fit, the plan of a campaign, and the screen that shows them.
//!
//! `cargo bench --bench windows`.
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use pilothouse::calendar::campaign::{Ask, plan};
use pilothouse::calendar::{Book, Outlook};
use pilothouse::console::keymap::{Keymap, Screen};
use pilothouse::console::model::Model;
use pilothouse::console::tenants::{Sort, Tenants};
use pilothouse::console::viewmodel::{Label, Scene, Sources, ViewModel};
use pilothouse::console::zone::Zone;
use pilothouse::engine::Run;
use pilothouse::engine::message::Stamp;
use pilothouse::plan::{Plan, Roster};
use pilothouse::spec::calendar::CalendarSpec;
use pilothouse::spec::units::{Dur, Time};
use pilothouse::spec::{SourceFile, Tenant, load, presets};

/// 2026-11-22T02:12:00Z
const NOW: Time = Time(1_795_313_520_000);
const COUNT: u32 = 100_000;

fn main() {
    divan::main();
}

const ZONES: [&str; 25] = [
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/London",
    "Europe/Lisbon",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/Toronto",
    "Asia/Tokyo",
    "Asia/Singapore",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Asia/Shanghai",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Apia",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Jerusalem",
];
const COHORTS: [&str; 10] = [
    "internal",
    "beta",
    "standard",
    "standard",
    "standard",
    "standard",
    "standard",
    "premium",
    "premium",
    "enterprise",
];

/// A file of tenants; `own`: each with windows and dates of its own, else all with their cohort's.
fn file(own: bool) -> SourceFile {
    let mut text =
        String::from("apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {name: many}\nspec:\n  tenants:\n");
    for i in 0..COUNT {
        let pick =
            |list: &'static [&'static str], by: u32| list[(i.wrapping_mul(2_654_435_761) / by) as usize % list.len()];
        text += &format!("    - {{id: t{i}, zone: {}, cohort: {}", pick(&ZONES, 7), pick(&COHORTS, 1013));
        if own {
            let (hour, minute) = (i % 24, i / 24 % 60);
            let day = pick(&["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], 31);
            text += &format!(
                ", windows: [{{days: [{day}], start: \"{hour:02}:{minute:02}\", end: \"{:02}:{minute:02}\"}}], exclude: [2026-12-{:02}]",
                (hour + 4) % 24,
                i % 28 + 1
            );
        }
        text += "}\n";
    }
    SourceFile { name: "many.yaml".into(), text }
}

fn tenants(own: bool) -> Vec<Tenant> {
    let loaded = load(&[file(own)], presets()).unwrap_or_else(|report| panic!("{report}"));
    loaded.tenants.into_iter().next().unwrap().spec.tenants
}

/// Next window and fit of each.
#[divan::bench(args = [false, true], sample_count = 10)]
fn next_window_and_fit(bencher: Bencher, own: bool) {
    let (tenants, calendar) = (tenants(own), CalendarSpec::default());
    bencher.counter(ItemsCount::new(tenants.len())).bench_local(|| {
        let book = Book::new(&calendar, &[], NOW);
        let groups = book.groups(tenants.iter(), NOW);
        let looks: Vec<Outlook> =
            (0..groups.allowed.len()).map(|g| groups.view(g).outlook(NOW, Some(Dur::mins(150)))).collect();
        groups.of.iter().filter(|g| looks[**g as usize].earliest_fit.is_some()).count()
    });
}

/// The plan of a whole campaign.
#[divan::bench(args = [false, true], sample_count = 10)]
fn campaign(bencher: Bencher, own: bool) {
    let (tenants, calendar) = (tenants(own), CalendarSpec::default());
    let ask = Ask::at(NOW, Dur::mins(18), Dur::mins(8));
    bencher.counter(ItemsCount::new(tenants.len())).bench_local(|| {
        let book = Book::new(&calendar, &[], NOW);
        let list: Vec<&Tenant> = tenants.iter().collect();
        let groups = book.groups(list.iter().copied(), NOW);
        plan(&calendar, &list, &groups, ask).moves.len()
    });
}

/// From the file's text to tenants that are checked.
#[divan::bench(args = [false, true], sample_count = 3)]
fn load_a_file(bencher: Bencher, own: bool) {
    let file = [file(own)];
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| load(&file, presets()).unwrap().tenants.len());
}

/// A run beside so many tenants.
fn beside(own: bool) -> (Run, Arc<Roster>) {
    let shop = [
        ("fleet.yaml", include_str!("../examples/shop/fleet.yaml")),
        ("policy.yaml", include_str!("../examples/shop/policy.yaml")),
        ("upgrade.yaml", include_str!("../examples/shop/upgrade.yaml")),
    ];
    let files: Vec<SourceFile> = shop
        .iter()
        .map(|(name, text)| SourceFile { name: name.to_string(), text: text.to_string() })
        .chain([file(own)])
        .collect();
    let loaded = load(&files, presets()).unwrap_or_else(|report| panic!("{report}"));
    let bundle = loaded.bundle(None).unwrap_or_else(|report| panic!("{report}"));
    let run = Run::new("7f3a", Plan::build(&bundle).unwrap(), Stamp { wall: NOW, mono: 0 });
    (run, Arc::new(Roster::of(&loaded, &bundle).unwrap()))
}

/// What the screen of all tenants does once, when it begins.
#[divan::bench(args = [false, true], sample_count = 5)]
fn screen_begins(bencher: Bencher, own: bool) {
    let (_, roster) = beside(own);
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| Tenants::new(roster.clone(), NOW).len());
}

/// What it does at each minute in which some windows open or close.
#[divan::bench(args = [false, true], sample_count = 20)]
fn screen_at_a_turn(bencher: Bencher, own: bool) {
    let (run, roster) = beside(own);
    let mut tenants = Tenants::new(roster, NOW);
    let mut now = NOW;
    bencher.bench_local(|| {
        now = now + Dur::mins(1);
        tenants.prepare(now, &run, Sort::Opening, "");
        tenants.len()
    });
}

/// What each frame costs between two turns: the list at its end, timeline and selected tenant.
#[divan::bench(args = [false, true], sample_count = 100)]
fn screen_frame(bencher: Bencher, own: bool) {
    let (run, roster) = beside(own);
    let mut tenants = Tenants::new(roster, NOW);
    let last = tenants.at(tenants.len() - 1).and_then(|i| tenants.tenant(i)).map(|t| t.id.to_string());
    let model = Model { screen: Screen::Tenants, tenant: last, ..Model::default() };
    let (keymap, label) = (Keymap::shipped("default").unwrap().unwrap(), Label::default());
    let (sources, zone) = (Sources::of(&run, NOW), Zone::named("Europe/Berlin").unwrap());
    bencher.bench_local(|| {
        tenants.prepare(NOW, &run, Sort::Opening, "");
        let tenants = Some(&tenants);
        let scene = Scene { now: NOW, zone, sources: &sources, label: &label, keymap: &keymap, tenants, rows: 60 };
        ViewModel::build(&run, &model, scene)
    });
}
