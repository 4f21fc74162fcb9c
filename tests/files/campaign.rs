//! `campaign`, `plan` and `windows` over files: what they promise, and that they promise the same.
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use pilothouse::cli::args::{Cli, Command, PlanOutput};
use pilothouse::cli::campaign::campaign;
use pilothouse::cli::plan::{Beside, show};
use pilothouse::cli::verdict::plan_of;
use pilothouse::cli::windows::instant;
use pilothouse::spec::units::Time;
use serde_json::Value;

fn at(text: &str) -> Time {
    instant(text).unwrap()
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A folder of its own that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, String)]) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-campaign-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        files.iter().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The example whose tenants move one by one, changed.
fn phased(change: impl Fn(String) -> String) -> [(&'static str, String); 2] {
    ["tenants.yaml", "upgrade.yaml"]
        .map(|name| (name, change(fs::read_to_string(example("phased").join(name)).unwrap())))
}

/// The exit code of `campaign`, and what it prints.
fn said(folder: &Path, more: &[&str], now: Time) -> (i32, String) {
    let place = std::env::temp_dir().join("pilothouse-campaign-no-runs");
    let fixed = ["pilothouse", "--state-dir", place.to_str().unwrap(), "campaign", "-f", folder.to_str().unwrap()];
    let cli = Cli::parse_from(fixed.iter().chain(more));
    let Some(Command::Campaign(args)) = &cli.command else { unreachable!() };
    let mut out = Vec::new();
    let code = campaign(args, &cli.global, now, &mut out).unwrap_or_else(|e| panic!("{e:#}"));
    (code, String::from_utf8(out).unwrap())
}

fn planned(folder: &Path, output: PlanOutput, now: Time) -> String {
    let cli = Cli::parse_from(["pilothouse", "plan", "-f", folder.to_str().unwrap()]);
    let Some(Command::Plan { files, contracts, .. }) = &cli.command else { unreachable!() };
    let (plan, roster) = plan_of(files, contracts, &cli.global).unwrap();
    show(&plan, Beside { earlier: &[], tenants: roster.as_ref(), now }, output)
}

#[test]
fn a_plan_and_a_campaign_of_the_same_files_say_the_same() {
    // A Sunday evening; the machine's clock has milliseconds.
    let now = Time(at("2026-11-22T20:00:00Z").0 + 123);
    let (code, text) = said(&example("phased"), &["-o", "json"], now);
    let campaign: Value = serde_json::from_str(&text).unwrap();
    let plan: Value =
        serde_json::from_str(&planned(&example("phased"), PlanOutput::Json, at("2026-11-22T20:01:00Z"))).unwrap();
    assert_eq!((code, campaign["start"].as_str()), (0, Some("2026-11-22T20:01:00Z")));
    assert_eq!(campaign["needs"], "18m");
    assert_eq!(plan["when"]["tenant_needs_seconds"], 18.0 * 60.0);
    let (service, forecast) = (&campaign["services"][0], &plan["services"][0]["forecast"]);
    for (ours, theirs) in
        [("begins", "begins"), ("everybodyFrom", "everybody_else"), ("full", "full"), ("soaked", "soaked")]
    {
        assert_eq!(service[ours], forecast[theirs], "{ours}");
    }
    let tenants = campaign["tenants"].as_array().unwrap();
    let starts: Vec<(&str, &str)> =
        tenants.iter().map(|t| (t["id"].as_str().unwrap(), t["start"].as_str().unwrap())).collect();
    assert_eq!(
        starts,
        [
            ("lumen", "2026-11-22T20:06:00Z"),
            ("fjord-beta", "2026-11-22T21:00:00Z"),
            ("acme-eu", "2026-11-28T01:00:00Z"),
        ]
    );
    assert_eq!(forecast["first_tenant"], starts[0].1);
    assert_eq!(forecast["last_tenant"], starts[2].1);
    assert_eq!(plan["services"][0]["estimate_seconds"], 450_555.0);
}

#[test]
fn a_plan_says_who_moves_when_and_no_steps_that_nobody_takes() {
    let text = planned(&example("phased"), PlanOutput::Text, at("2026-11-22T20:01:00Z"));
    for part in [
        "billing: 3 tenants in 3 moves, one at a time: internal 1, beta 1, enterprise 1",
        "first tenant   Sun 2026-11-22 21:06 CET (2026-11-22T20:06:00Z)",
        "last tenant    Sat 2026-11-28 02:00 CET (2026-11-28T01:00:00Z)",
        "A tenant's move needs 18m of its own window: 8m judged, 10m for a rollback",
        "Needs 17m of the window that all share: warm-up, the last step, 10m for a rollback",
        "New pods fit now",
        "4. tenant after tenant: its rule in the route, then 8m clean; the weight stays 0",
        "5. pods for 100%, then weight 100%, then 2m clean",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for part in ["\nAbout ", "\nFits now", "weight 10%", "weight 50%"] {
        assert!(!text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn no_two_tenants_of_a_service_are_promised_the_same_time() {
    let one = |i: usize| format!("    - {{id: t{i}, zone: Europe/Berlin, cohort: beta}}\n");
    let tenants: String = (0..30).map(one).collect();
    let files = phased(|text| match text.find("    - {id: lumen") {
        Some(i) => format!("{}{tenants}", &text[..i]),
        None => text,
    });
    let folder = Folder::of("line", &files);
    let now = at("2026-11-22T20:00:00Z");
    let instants = |text: &str, key: &str| -> Vec<Time> {
        let value: Value = serde_json::from_str(text).unwrap();
        value["tenants"].as_array().unwrap().iter().map(|t| at(t[key].as_str().unwrap())).collect()
    };
    for more in [&["-o", "json"][..], &["-o", "json", "--needs", "90m"]] {
        let (code, text) = said(&folder.0, more, now);
        let (starts, ends) = (instants(&text, "start"), instants(&text, "end"));
        assert_eq!((code, starts.len()), (0, 30));
        assert!(starts[1..].iter().zip(&ends).all(|(start, end)| start >= end), "{text}");
    }
    // Sundays 02:00 to 06:00: 27 moves of 8 minutes begin in it; of those that take 90 minutes two.
    let (_, text) = said(&folder.0, &["-o", "json"], now);
    let first = at("2026-11-29T05:00:00Z");
    assert_eq!(instants(&text, "start").into_iter().filter(|start| *start < first).count(), 27);
    let (_, text) = said(&folder.0, &["-o", "json", "--needs", "90m"], now);
    assert_eq!(instants(&text, "start").into_iter().filter(|start| *start < first).count(), 2);
}

#[test]
fn a_date_beyond_what_is_looked_ahead_is_said_as_such() {
    let files = phased(|text| text.replace("cohort: internal,", "cohort: internal, preferredDate: 2029-03-01,"));
    let folder = Folder::of("far", &files);
    let (code, text) = said(&folder.0, &[], at("2026-11-22T20:00:00Z"));
    assert_eq!(code, 2, "{text}");
    let row = text.lines().find(|l| l.starts_with("lumen")).unwrap();
    assert!(row.contains("not within 400d") && !row.contains("never"), "{row}");
    assert!(
        row.contains("preferred: asked for 2029-03-01 or later; preferred: that is more than 400d after the start"),
        "{row}"
    );
    assert!(row.contains("[a `preferredDate` before that"), "{row}");
}

#[test]
fn text_has_whole_seconds_and_no_year_of_five_digits() {
    let files = phased(|text| {
        let text = text.replace("bake: 10m", "bake: 9000000d");
        text.replace(
            "  cohorts:",
            "  freezes: [{name: ever, from: 2027-01-01T00:00:00Z, to: 9999-12-31T23:59:59Z}]\n  cohorts:",
        )
    });
    let folder = Folder::of("ever", &files);
    for output in ["text", "json", "ics"] {
        let (code, text) = said(&folder.0, &["-o", output], Time(at("2026-11-22T20:00:00Z").0 + 123));
        assert_eq!(code, 2);
        assert!(!text.contains(".123") && !text.contains("10000") && !text.contains("1970"), "{text}");
    }
    assert!(instant("9999-12-31T00:00:00Z").unwrap_err().to_string().contains("years are written from 0 to 9999"));
    assert!(instant("9999-12-31T23:59:59-12:00").unwrap_err().to_string().contains("in no year from 0 to 9999"));
    assert!(instant("0000-01-01T00:00:00Z").is_err());
}
