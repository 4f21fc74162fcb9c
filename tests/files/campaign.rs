//! `campaign`, `plan` and `windows` over files: what they promise, and that they promise the same.
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use pilothouse::cli::args::{Cli, Command, PlanOutput, TextOrJson};
use pilothouse::cli::campaign::campaign;
use pilothouse::cli::plan::{Beside, show};
use pilothouse::cli::validate::{Output, validate};
use pilothouse::cli::verdict::plan_of;
use pilothouse::cli::windows::{answer, instant, question};
use pilothouse::cli::windows_list::list;
use pilothouse::spec::units::Time;
use serde_json::Value;

pub fn at(text: &str) -> Time {
    instant(text).unwrap()
}

pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A folder of its own that is gone when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn of(name: &str, files: &[(&str, String)]) -> Folder {
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
pub fn phased(change: impl Fn(String) -> String) -> [(&'static str, String); 2] {
    ["tenants.yaml", "upgrade.yaml"]
        .map(|name| (name, change(fs::read_to_string(example("phased").join(name)).unwrap())))
}

/// The exit code of `campaign`, and what it prints.
pub fn said(folder: &Path, more: &[&str], now: Time) -> (i32, String) {
    asked(folder, more, now).unwrap_or_else(|e| panic!("{e}"))
}

/// The same, or the error.
pub fn asked(folder: &Path, more: &[&str], now: Time) -> Result<(i32, String), String> {
    let place = std::env::temp_dir().join("pilothouse-campaign-no-runs");
    let fixed = ["pilothouse", "--state-dir", place.to_str().unwrap(), "campaign", "-f", folder.to_str().unwrap()];
    let cli = Cli::parse_from(fixed.iter().chain(more));
    let Some(Command::Campaign(args)) = &cli.command else { unreachable!() };
    let mut out = Vec::new();
    let code = campaign(args, &cli.global, now, &mut out).map_err(|e| format!("{e:#}"))?;
    Ok((code, String::from_utf8(out).unwrap()))
}

fn planned(folder: &Path, output: PlanOutput, now: Time) -> String {
    let cli = Cli::parse_from(["pilothouse", "plan", "-f", folder.to_str().unwrap()]);
    let Some(Command::Plan { files, contracts, .. }) = &cli.command else { unreachable!() };
    let (plan, roster) = plan_of(files, contracts, &cli.global).unwrap();
    show(&plan, Beside { earlier: &[], tenants: roster.as_ref(), now }, output)
}

/// `plan`, and a run before it looks at its cluster, read files alike: their error.
fn refused(folder: &Path) -> String {
    let cli = Cli::parse_from(["pilothouse", "plan", "-f", folder.to_str().unwrap()]);
    let Some(Command::Plan { files, contracts, .. }) = &cli.command else { unreachable!() };
    plan_of(files, contracts, &cli.global).unwrap_err().to_string()
}

/// What `validate` prints.
pub fn validated(folder: &Path) -> (i32, String) {
    let mut out = Vec::new();
    let code = validate(&[folder.to_path_buf()], Output::Text, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
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

/// A tenant on the enterprise cohort of the example, with this window.
fn enterprise(id: &str, days: &str) -> String {
    format!(
        "    - {{id: {id}, zone: UTC, cohort: enterprise, windows: [{{days: [{days}], start: \"02:00\", end: \"04:00\"}}]}}\n"
    )
}

#[test]
fn windows_that_never_meet_are_refused_alike_whoever_reads_them() {
    let apart = |more: String| {
        phased(|text| match text.contains("kind: Tenants") {
            true => text.replace("per_day: 1}", "bind: intersection}") + &more,
            false => text,
        })
    };
    let told = "error: spec.cohorts[2].bind: the tenants of `enterprise` move at once, and acme-eu, monday have no 18m in \
                common within 400d\n";
    let folder = Folder::of("apart", &apart(enterprise("monday", "Mon") + &enterprise("both", "Sat, Mon")));
    let (now, (code, text)) = (pilothouse::cli::clock::wall(), validated(&folder.0));
    assert_eq!(code, 1);
    for error in [text, refused(&folder.0), asked(&folder.0, &[], now).unwrap_err()] {
        assert!(error.starts_with(told) && error.contains("/tenants.yaml:10:32\n"), "{error}");
        assert!(
            error.contains("bind: intersection}\n") && error.contains(" ^") && error.contains("or write `bind: own`"),
            "{error}"
        );
    }
    // With nothing that says how long a move takes it is asked for a minute.
    let [tenants, _] = apart(enterprise("monday", "Mon"));
    let alone = Folder::of("apart-alone", &[tenants]);
    let (code, text) = validated(&alone.0);
    assert!(code == 1 && text.contains("acme-eu, monday have no 1m in common within 400d"), "{text}");
    // One that is too short by itself is named alone.
    let short = enterprise("short", "Sat").replace("04:00", "02:10");
    let folder = Folder::of("apart-short", &apart(short));
    assert!(refused(&folder.0).contains("short of `enterprise` has no window that is open for 18m within 400d"));
    // What meets is no error.
    let folder = Folder::of("meets", &apart(enterprise("both", "Sat, Mon")));
    assert_eq!(validated(&folder.0).0, 0);
}

/// The example with a service more, which needs billing, and with one tenant of it that has no time.
fn with_ledger(change: impl Fn(String) -> String) -> [(&'static str, String); 2] {
    phased(|text| {
        let service = "    - name: ledger\n      version: 1.0.0\n      workload: {deployment: ledger, container: app}\n      \
                       traffic: {httpRoute: {name: ledger, stable: ledger, next: ledger-next, port: 80}}\n      \
                       tenancy: {routed: {header: x-tenant}}\n---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade";
        let text = text.replace("---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade", service);
        let to = "{image: \"registry.example/billing:4.2.1\"}, ledger: {image: \"registry.example/ledger:2.0.0\", needs: \
                  {billing: \">=4.2\"}}}";
        change(text.replace("{image: \"registry.example/billing:4.2.1\"}}", to))
    })
}

#[test]
fn a_service_that_waits_for_one_without_an_end_is_told_with_its_reason() {
    let short = |text: String| text.replace("start: \"02:00\", end: \"06:00\"", "start: \"02:00\", end: \"02:10\"");
    let folder = Folder::of("waits", &with_ledger(short));
    let now = at("2026-11-22T20:00:00Z");
    let (code, text) = said(&folder.0, &[], now);
    assert_eq!(code, 2);
    for part in [
        "NOBODY is done within 400d",
        "it does not come to its end: no time within 400d for 1 tenant",
        "ledger: new pods not within 400d, at 100% not within 400d, soaked not within 400d",
        "it does not come to its end: waits for billing, which is not at 100% within 400d",
        "3 tenants wait for it: lumen, fjord-beta, acme-eu",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("the last is done"), "{text}");
    let (_, text) = said(&folder.0, &["-o", "json"], now);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((json["done"].as_str(), json["services"][1]["service"].as_str()), (None, Some("ledger")));
    assert!(json["services"][1]["why"][0]["text"].as_str().unwrap().starts_with("waits for billing"), "{text}");
    let waiting = json["never"].as_array().unwrap().iter().filter(|n| n["service"] == "ledger").count();
    assert_eq!((waiting, json["tenants"].as_array().unwrap().len()), (3, 2));
    // The first of all waits for nothing but pods.
    let first = &json["tenants"][0];
    let (cause, why) = (&first["why"][0]["cause"], first["why"][0]["text"].as_str().unwrap());
    assert_eq!((cause, first["id"].as_str()), (&Value::from("warm_up"), Some("lumen")), "{first}");
    assert!(why.contains("billing are not warm before 2026-11-22T"), "{why}");
    // Of one service alone some are done, and it is said who is not.
    let folder = Folder::of("some", &phased(short));
    let (_, text) = said(&folder.0, &[], now);
    assert!(text.contains("2 of them done by 2026-11-22T21:08:15Z, NOT DONE within 400d: acme-eu"), "{text}");
    let plan = planned(&folder.0, PlanOutput::Text, now);
    assert!(plan.contains("it does not come to its end: no time within 400d for 1 tenant"), "{plan}");
}

#[test]
fn nobody_follows_a_cohort_with_somebody_who_has_no_time_and_none_is_named_that_is_not_there() {
    let files = phased(|text| text.replace("start: \"22:00\", end: \"06:00\"", "start: \"22:00\", end: \"22:10\""));
    let folder = Folder::of("follows", &files);
    let (_, text) = said(&folder.0, &[], at("2026-11-22T20:00:00Z"));
    let row = |id: &str| text.lines().find(|l| l.starts_with(id)).unwrap_or_else(|| panic!("{text}")).to_string();
    assert!(row("fjord-beta").contains("time: 18m are needed, and no window within 400d is as long"), "{text}");
    let told = "cohort: it follows beta, which is not done within 400d: no time for fjord-beta [what keeps fjord-beta from a time]";
    assert!(row("acme-eu").contains("not within 400d") && row("acme-eu").contains(told), "{text}");
    assert!(text.contains("not all of beta are done within 400d: enterprise would follow it"), "{text}");
    let last = phased(|text| text.replace("start: \"02:00\", end: \"06:00\"", "start: \"02:00\", end: \"02:10\""));
    let folder = Folder::of("last", &last);
    let (_, text) = said(&folder.0, &[], at("2026-11-22T20:00:00Z"));
    assert!(text.contains("not all of enterprise are done within 400d\n") && !text.contains("follow"), "{text}");
}

#[test]
fn advice_names_no_slot_where_there_is_none() {
    let frozen = |text: String| {
        text.replace(
            "  cohorts:",
            "  freezes: [{name: ever, from: 2026-01-01T00:00:00Z, to: 9999-12-31T23:59:59Z}]\n  cohorts:",
        )
    };
    let folder = Folder::of("frozen", &phased(frozen));
    let now = at("2026-11-22T20:00:00Z");
    let (code, text) = said(&folder.0, &[], now);
    assert!(code == 2 && text.contains("freeze: ever: until") && !text.contains("slot"), "{text}");
    assert!(text.contains("3 tenants wait for it") && text.contains("NOBODY is done within 400d"), "{text}");
    let plan = planned(&folder.0, PlanOutput::Text, now);
    assert!(plan.contains("New pods fit not within 400d: freeze: ever") && !plan.contains("slot"), "{plan}");
    let slots = |text: String| {
        text.replace("  cohorts:", "  slots: [{name: s, days: [Tue], start: \"10:00\", end: \"10:10\"}]\n  cohorts:")
    };
    let folder = Folder::of("slots", &phased(slots));
    let (_, text) = said(&folder.0, &[], now);
    assert!(text.contains("no slot of the Calendar is as long: Tue 10:00-10:10 UTC [make a slot of the Calendar longer, or the steps of the policy shorter]"), "{text}");
}

#[test]
fn whose_clock_reads_dates_without_a_zone_is_said() {
    let dates = |text: String| {
        text.replace("  cohorts:", "  freezes: [{name: year-end, dates: 2026-12-20..2027-01-03}]\n  cohorts:")
    };
    let folder = Folder::of("dates", &phased(dates));
    let note = "note: Calendar nights: dates without `zone` are read on each tenant's own clock, and for what all tenants share \
                on the Calendar's own, Europe/Berlin: freeze year-end (2026-12-20..2027-01-03)";
    let (code, text) = validated(&folder.0);
    assert!(code == 0 && text.contains(note), "{text}");
    let mut out = Vec::new();
    let cli = Cli::parse_from([
        "pilothouse",
        "windows",
        "-f",
        folder.0.to_str().unwrap(),
        "--explain",
        "--at",
        "2026-12-26T12:00:00Z",
    ]);
    let Some(Command::Windows(args)) = &cli.command else { unreachable!() };
    list(args, at("2026-12-26T12:00:00Z"), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("freeze: year-end: 2026-12-20..2027-01-03 on the clock of Europe/Lisbon, the last day included"),
        "{text}"
    );
    assert!(text.contains("always open  ") && !text.contains("Mon, Tue"), "{text}");
    // And when it will be.
    assert!(text.contains("not allowed now: freeze; allowed Mon 2027-01-04 00:00"), "{text}");
}

#[test]
fn a_list_says_of_work_that_is_too_long_when_it_fits_or_that_it_never_does() {
    let list_of = |needs: &str| {
        let folder = Folder::of(
            &format!("too-long-{needs}"),
            &[(
                "t.yaml",
                "apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {name: t}\nspec: {tenants: [{id: a, \
               zone: Europe/Berlin, windows: [{days: [Sun], start: \"02:00\", end: \"03:00\"}]}]}\n"
                    .to_string(),
            )],
        );
        let path = folder.0.to_str().unwrap().to_string();
        let cli = Cli::parse_from(["pilothouse", "windows", "-f", &path, "--explain", "--needs", needs]);
        let Some(Command::Windows(args)) = &cli.command else { unreachable!() };
        let mut out = Vec::new();
        let listed = list(args, at("2026-03-01T01:30:00Z"), &mut out);
        listed.map(|()| String::from_utf8(out).unwrap()).map_err(|e| e.to_string())
    };
    let once = list_of("61m").unwrap();
    assert!(once.contains("too late") && once.contains("not allowed now: time; allowed Sun 2026-10-25"), "{once}");
    let never = list_of("3h").unwrap();
    assert!(never.contains(" too long  ") && never.contains("3h are too long for every window within 400d"), "{never}");
    // It is open all the same.
    assert!(never.starts_with("1 windows at 2026-03-01T01:30:00Z, 1 open"), "{never}");
    let wrong = list_of("-1h").unwrap_err();
    assert!(wrong.contains("-1h"), "{wrong}");
}

#[test]
fn what_closes_the_windows_before_the_one_it_waits_for_is_said() {
    let args = "pilothouse windows --zone UTC --days Sun --start 02:00 --end 06:00 --season 11,12,01,02:Sat,Sun --explain \
                --at 2026-11-30T12:00:00Z";
    let cli = Cli::parse_from(args.split_whitespace());
    let Some(Command::Windows(args)) = &cli.command else { unreachable!() };
    let text = answer(&question(args, Time(0)).unwrap(), TextOrJson::Text);
    let told = "not allowed now: window; allowed Sun 2027-03-07 02:00 UTC (2027-03-07T02:00:00Z); before that Sun 2026-12-06 \
                02:00 UTC is closed by season: no Sat,Sun in months 1,2,11,12";
    assert!(text.contains(told), "{text}");
}

#[test]
fn a_schedule_of_nobody_is_no_file() {
    let never = phased(|text| text.replace("internal, windows", "internal, preferredDate: 2036-01-01, windows"));
    let folder = Folder::of("nobody", &never);
    assert_eq!(said(&folder.0, &["-o", "ics"], at("2026-11-22T20:00:00Z")), (2, String::new()));
    // When it was made stands in each event, and its name is the same whenever it is made.
    let [early, late] = ["2026-11-22T20:00:00Z", "2026-11-22T20:30:00Z"].map(|now| {
        let (_, text) = said(&example("phased"), &["-o", "ics", "--at", "2026-11-23T20:00:00Z"], at(now));
        let of = |name: &str| text.lines().filter(|l| l.starts_with(name)).map(String::from).collect::<Vec<_>>();
        (of("UID"), of("DTSTAMP"))
    });
    assert_eq!(
        (&early.0, early.1[0].as_str(), late.1[0].as_str()),
        (&late.0, "DTSTAMP:20261122T200000Z", "DTSTAMP:20261122T203000Z")
    );
}
