//! Engine, driver and journal against a seeded world with faults: thousands of nights, each held to the invariants.
//!
//! A night that breaks a law prints its number; `PILOTHOUSE_NIGHT=<number> cargo test --test simulation one_night --
//! --nocapture` replays it and prints its events. `PILOTHOUSE_NIGHTS=<count>` asks for more of them.
//!
//! - `faults` what may go wrong; `seeds` what a seed makes of it
//! - `world` services, pods, routes, requests; `ports` hands it to the driver
//! - `night` runs one; `laws` are held while it runs, `verdict` when it is over
//! - `scaled` is what hands do to pods, and its law; `windows` are nights with a Calendar, and their law
//! - `told` are nights with a story of their own; in `campaign` tenants move one by one, in `segments` some users go first
//! - `broken` shows that the laws notice a system built with less care
mod broken;
mod campaign;
mod faults;
mod laws;
mod night;
mod ports;
mod scaled;
mod seeds;
mod segments;
mod told;
mod verdict;
mod windows;
mod world;

use std::collections::BTreeMap;

use faults::{Faults, START, Webhook};
use night::{Night, night};
use pilothouse::engine::run::Outcome;
use pilothouse::journal::FileName;
use pilothouse::plan::Plan;
use pilothouse::spec::units::Dur;
use seeds::seeded;
use verdict::verdict;

/// One night of so many has every published state read back.
const READ_BACK: u64 = 20;

fn nights() -> u64 {
    std::env::var("PILOTHOUSE_NIGHTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000)
}

fn print(night: &Night) {
    for e in night.run.events.iter().rev() {
        let at = e.at.since(START).clock();
        println!("{at:>9} {:6} {:10} {}", e.kind.word(), e.service.as_deref().unwrap_or("-"), e.text);
    }
    println!("outcome {:?} after {} restart(s)", night.run.outcome(), night.restarts);
}

#[derive(Default)]
struct Tally {
    broken: BTreeMap<u64, Vec<String>>,
    outcomes: BTreeMap<String, u64>,
}

fn some_nights(base: &Plan, seeds: impl Iterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let (plan, faults) = seeded(base, seed);
        let n = night(&plan, faults.clone(), seed % READ_BACK == 0);
        *tally.outcomes.entry(format!("{:?}", n.run.outcome())).or_default() += 1;
        let wrong = verdict(&n, &faults, &plan);
        if !wrong.is_empty() {
            tally.broken.insert(seed, wrong);
        }
    }
    tally
}

#[test]
fn thousands_of_nights_break_no_law() {
    let (base, count) = (seeds::plan(), nights());
    let threads: Vec<_> = (0..2u64)
        .map(|t| {
            let base = base.clone();
            std::thread::spawn(move || some_nights(&base, (0..count).filter(|s| s % 2 == t)))
        })
        .collect();
    let mut all = Tally::default();
    for t in threads {
        let tally = t.join().unwrap();
        all.broken.extend(tally.broken);
        for (k, v) in tally.outcomes {
            *all.outcomes.entry(k).or_default() += v;
        }
    }
    println!("{count} nights: {:?}", all.outcomes);
    let first: Vec<String> = all.broken.iter().take(25).map(|(s, w)| format!("night {s}: {}", w.join("; "))).collect();
    assert!(all.broken.is_empty(), "{} of {count} nights broke a law:\n{}", all.broken.len(), first.join("\n"));
    assert!(all.outcomes.len() >= 4, "the nights are too much alike: {:?}", all.outcomes);
}

/// The same seed makes the same night, down to the hashes of its journal.
#[test]
fn a_night_is_like_itself() {
    let base = seeds::plan();
    for seed in [3, 14, 15, 92, 65] {
        let (plan, faults) = seeded(&base, seed);
        let (a, b) = (night(&plan, faults.clone(), true), night(&plan, faults, false));
        assert_eq!(a.run, b.run, "night {seed}");
        assert_eq!(a.store.bytes(FileName::Audit), b.store.bytes(FileName::Audit), "night {seed}");
        assert_eq!(a.store.bytes(FileName::Inbox), b.store.bytes(FileName::Inbox), "night {seed}");
    }
}

/// The cluster keeps another text than it was sent, each time.
#[test]
fn a_webhook_that_pins_digests_is_no_reason_to_copy_back_for_ever() {
    let faults = Faults { accept_after: Dur(800), webhook: Webhook::Pins, ..Faults::default() };
    let n = night(&seeds::plan(), faults, false);
    assert_eq!(n.run.outcome(), Some(Outcome::Succeeded));
    let pages: Vec<&str> = n.run.pages.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(pages, Vec::<&str>::new());
}

#[test]
fn stable_that_comes_back_with_another_digest_is_held_and_paged_once() {
    let webhook = Webhook::MovesOnCopyBack;
    let faults = Faults { accept_after: Dur(800), webhook, ..Faults::default() };
    let n = night(&seeds::plan(), faults, false);
    assert_eq!(n.run.outcome(), None, "nobody is there to answer");
    let of = |service: &str| n.run.pages.iter().filter(|p| p.service.as_deref() == Some(service)).collect::<Vec<_>>();
    for (name, t) in &n.run.tracks {
        let held = t.held.as_ref().unwrap_or_else(|| panic!("{name} is not held: {:?}", t.phase));
        assert!(held.text.contains("but holds") && held.text.contains("@sha256:moved"), "{}", held.text);
        assert_eq!(of(name).len(), 1, "{:?}", of(name));
        assert_eq!(t.accepted_share(), 100.0, "-next goes on serving");
    }
}

#[test]
fn one_night() {
    let Some(seed) = std::env::var("PILOTHOUSE_NIGHT").ok().and_then(|n| n.parse().ok()) else { return };
    let (plan, faults) = seeded(&seeds::plan(), seed);
    println!("{:?}\n{faults:?}", plan.policy);
    let n = night(&plan, faults.clone(), true);
    print(&n);
    let wrong = verdict(&n, &faults, &plan);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
