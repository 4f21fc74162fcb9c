//! `windows`: what it says of one window given by flags, and of all in a file.
use clap::Parser;
use pilothouse::cli::args::{Cli, Command, TextOrJson};
use pilothouse::cli::windows::{answer, question};
use pilothouse::cli::windows_list::list;
use pilothouse::spec::units::Time;
use serde_json::Value;

use super::campaign::Folder;

/// What `windows` says of flags.
fn flags(args: &str) -> String {
    let cli = Cli::parse_from(format!("pilothouse windows {args}").split_whitespace());
    let Some(Command::Windows(args)) = &cli.command else { unreachable!() };
    answer(&question(args, Time(0)).unwrap(), TextOrJson::Text)
}

/// What it says of a file with one tenant, whose window this is.
fn file(name: &str, tenant: &str, calendar: &str, args: &str) -> String {
    let head = "apiVersion: pilothouse.dev/v1alpha1\nkind:";
    let text = format!(
        "{head} Calendar\nmetadata: {{name: c}}\nspec: {{cohorts: [{{name: standard}}]{calendar}}}\n---\n{head} Tenants\n\
         metadata: {{name: t}}\nspec: {{tenants: [{{id: a, {tenant}}}]}}\n"
    );
    let folder = Folder::of(&format!("windows-{name}"), &[("t.yaml", text)]);
    let path = folder.0.to_str().unwrap();
    let cli = Cli::parse_from(["pilothouse", "windows", "-f", path].into_iter().chain(args.split_whitespace()));
    let Some(Command::Windows(args)) = &cli.command else { unreachable!() };
    let mut out = Vec::new();
    list(args, Time(0), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const SUNDAY: &str = "zone: UTC, windows: [{days: [Sun], start: \"02:00\", end: \"06:00\"}]";

#[test]
fn what_closes_windows_that_never_open_is_said() {
    let sunday = "--zone UTC --days Sun --start 02:00 --end 06:00 --explain --at 2026-12-28T12:00:00Z";
    let closed = "not allowed now: window; and no window is open for it within 400d: the next, Sun 2027-01-03 02:00 UTC, is \
                  closed by season: no Sun in months 1,2,3,4,5,6,7,8,9,10,11,12";
    let text = flags(&format!("{sunday} --season 1,2,3,4,5,6,7,8,9,10,11,12:Sun"));
    assert!(text.contains(closed), "{text}");
    let long = "not allowed now: window; and 5h are too long for every window within 400d";
    let text = flags(&format!("{sunday} --needs 5h"));
    assert!(text.contains(long), "{text}");
    let season = ", seasons: [{name: s, months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], days: [Sun]}]";
    let text = file("never", &format!("{SUNDAY}, seasons: [s]"), season, "--explain --at 2026-12-28T12:00:00Z");
    assert!(text.contains(closed) && text.contains(" not 400d "), "{text}");
    let text = file("long", SUNDAY, "", "--explain --needs 5h --at 2026-12-28T12:00:00Z");
    assert!(text.contains(long) && text.contains(" too long ") && text.contains(", 0 open"), "{text}");
}

#[test]
fn what_cuts_an_open_window_short_is_named() {
    let night =
        "--zone Europe/Berlin --days Sat --start 22:00 --end 04:00 --needs 3h --explain --at 2026-12-05T21:30:00Z";
    let text = flags(&format!("{night} --exclude 2026-12-06"));
    let cut = "3h are needed, 1h30m are left: from Sun 2026-12-06 00:00 CET on, blackout: 2026-12-06 is excluded";
    assert!(text.contains(cut), "{text}");
    // By itself it goes on until 04:00.
    assert!(flags(night).contains("3h are needed, 5h30m are left\n"), "{}", flags(night));
}

#[test]
fn a_change_of_the_clock_is_told_in_a_list_too() {
    let night = "zone: Europe/Berlin, windows: [{days: [Sun], start: \"01:00\", end: \"05:00\"}]";
    let at = "--at 2026-03-27T12:00:00Z";
    let told = "clock: Sun 2026-03-29 03:00 CEST forward by 1h; Sun 01:00-05:00 of 2026-03-29 is 3h long, not 4h\n";
    let text = file("clock", night, "", &format!("--explain {at}"));
    assert!(text.contains(told), "{text}");
    assert!(!file("clock-short", night, "", at).contains("clock:"), "only who asks why");
    let json: Value = serde_json::from_str(&file("clock-json", night, "", &format!("-o json {at}"))).unwrap();
    let change = &json["windows"][0]["clockChanges"][0];
    assert_eq!(
        (change["at"].as_str(), change["windows"][0]["length"].as_str()),
        (Some("2026-03-29T01:00:00Z"), Some("3h"))
    );
    // A zone whose clock does not change, and one whose windows are elsewhere in the week.
    let json: Value = serde_json::from_str(&file("clock-utc", SUNDAY, "", &format!("-o json {at}"))).unwrap();
    assert_eq!(json["windows"][0]["clockChanges"], Value::Array(Vec::new()));
    let text = file("clock-tue", &night.replace("Sun", "Tue"), "", &format!("--explain {at}"));
    assert!(!text.contains("clock:"), "{text}");
}
