//! The plan screen over the fleet of 92 services that ships, with its two breakages.
use std::path::Path;
use std::sync::OnceLock;

use crate::frames::Look;
use crate::support::nights::{self, Moment};
use clap::Parser;
use pilothouse::cli::args::{Cli, Command};
use pilothouse::cli::verdict::plan_of;
use pilothouse::console::model::Intent;
use pilothouse::engine::Run;
use pilothouse::engine::message::Stamp;
use pilothouse::spec::units::Time;

/// Nothing was looked at yet.
fn fresh() -> Moment {
    static RUN: OnceLock<Run> = OnceLock::new();
    let now = Time(1_795_310_400_000);
    let run = RUN.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet-92");
        let cli = Cli::parse_from(["pilothouse", "plan", "-f", folder.to_str().unwrap()]);
        let Some(Command::Plan { files, contracts, .. }) = &cli.command else { unreachable!() };
        let (plan, _) = plan_of(files, contracts, &cli.global).unwrap();
        Run::new("7f3a", plan, Stamp { wall: now, mono: 0 })
    });
    Moment { run: run.clone(), now }
}

#[test]
fn what_bars_the_start_stands_first() {
    let look = Look::at(fresh()).keys(&["5"]);
    insta::assert_snapshot!("plan_100x30", look.frame(100, 30));
    insta::assert_snapshot!("plan_80x24", look.frame(80, 24));
    insta::assert_snapshot!("plan_60x20", look.frame(60, 20));
    insta::assert_snapshot!("plan_40x10", look.frame(40, 10));
}

#[test]
fn the_second_finding_and_the_tree() {
    insta::assert_snapshot!("plan_second_100x30", Look::at(fresh()).keys(&["5", "down"]).frame(100, 30));
    insta::assert_snapshot!("plan_graph_100x30", Look::at(fresh()).keys(&["5g"]).frame(100, 30));
    let back = Look::at(fresh()).keys(&["5g", "esc"]).frame(100, 30);
    assert_eq!(back, Look::at(fresh()).keys(&["5"]).frame(100, 30));
}

#[test]
fn a_run_without_contracts_says_so() {
    insta::assert_snapshot!("plan_without_contracts_100x30", Look::at(nights::ready()).keys(&["5"]).frame(100, 30));
}

#[test]
fn a_filter_finds_words_of_findings_and_esc_lifts_it() {
    let shown = |keys: &[&str]| Look::at(fresh()).keys(keys).frame(100, 30);
    assert!(shown(&["5/nothing-of-that-kind", "enter"]).contains("no finding matches"));
    assert_eq!(shown(&["5/crit", "enter", "esc"]), shown(&["5"]));
}

#[test]
fn findings_are_written_to_a_file_only_where_there_are_any() {
    assert_eq!(Look::at(fresh()).intents(&["5s"]), [Intent::Export]);
    assert_eq!(Look::at(nights::ready()).intents(&["5s"]), []);
}
