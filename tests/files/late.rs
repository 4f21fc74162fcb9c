//! `campaign`: what keeps a service and its first tenants from an earlier time, and who of all is shown.
use serde_json::Value;

use super::campaign::{Folder, asked, at, example, phased, said, validated};

const NOW: &str = "2026-11-30T20:00:00Z";

fn calendar(line: &'static str) -> impl Fn(String) -> String {
    move |text| text.replace("  zone: Europe/Berlin\n", &format!("  zone: Europe/Berlin\n  {line}\n"))
}

fn upgrade(line: &'static str) -> impl Fn(String) -> String {
    move |text| text.replace("  strategy: phased\n", &format!("  strategy: phased\n  {line}\n"))
}

/// What a campaign of the example says, changed like this: as text, and causes of the service and of the first tenant.
fn late(name: &str, change: impl Fn(String) -> String) -> (String, [Vec<String>; 2]) {
    let folder = Folder::of(&format!("late-{name}"), &phased(change));
    let (_, text) = said(&folder.0, &[], at(NOW));
    let json: Value = serde_json::from_str(&said(&folder.0, &["-o", "json"], at(NOW)).1).unwrap();
    let causes = |row: &Value| {
        let why = row["why"].as_array().unwrap();
        why.iter().map(|o| o["cause"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    (text, [causes(&json["services"][0]), causes(&json["tenants"][0])])
}

const FREEZE: &str = "freezes: [{name: yearend, from: 2026-11-01T00:00:00Z, to: 2027-01-04T00:00:00Z}]";

#[test]
fn what_keeps_new_pods_back_is_said_of_the_service_and_of_its_first_tenants() {
    let (text, [service, first]) = late("freeze", calendar(FREEZE));
    assert!(text.contains("billing: new pods 2027-01-04T00:00:00Z"), "{text}");
    assert!(text.contains("\nnot earlier: freeze: yearend: "), "{text}");
    assert!(text.contains("[without it: Mon 2026-11-30 21:00 CET]\n"), "{text}");
    assert_eq!((service, first), (vec!["freeze".into()], vec!["freeze".into(), "warm_up".into()]), "{text}");
    let row = text.lines().find(|l| l.starts_with("lumen ")).unwrap();
    assert!(row.contains("freeze: yearend: ") && row.contains("warm_up: the new pods of billing"), "{row}");
    // Who follows waits for the cohort before it.
    let row = text.lines().find(|l| l.starts_with("fjord-beta ")).unwrap();
    assert!(!row.contains("yearend"), "{row}");

    let (text, [service, first]) = late("preferred", upgrade("preferredDate: 2026-12-24"));
    assert!(
        text.contains(
            "not earlier: preferred: the Upgrade asks for 2026-12-24 or later [an earlier `preferredDate` of the Upgrade]\n"
        ),
        "{text}"
    );
    assert_eq!((service, first), (vec!["preferred".into()], vec!["preferred".into(), "warm_up".into()]), "{text}");

    let (text, [service, _]) =
        late("slot", calendar("slots: [{name: s, days: [Thu], start: \"14:00\", end: \"16:00\"}]"));
    let told = "not earlier: window: slots Thu 14:00-16:00 UTC [a slot before Thu 2026-12-03 15:00 CET]\n";
    assert!(text.contains(told), "{text}");
    assert_eq!(service, ["window"], "{text}");

    // What begins at once waits for nothing.
    let (text, [service, first]) = late("none", |text| text);
    assert!(!text.contains("not earlier: "), "{text}");
    assert_eq!((service, first), (vec![], vec!["warm_up".into()]), "{text}");
}

#[test]
fn a_freeze_and_a_date_that_is_asked_for_do_not_hide_each_other() {
    // It ends on the day that is asked for: neither alone keeps the run back.
    const UNTIL_MIDNIGHT: &str = "freezes: [{name: yearend, from: 2026-11-01T00:00:00Z, to: 2027-01-03T23:00:00Z}]";
    let both = |date: &'static str| move |text: String| upgrade(date)(calendar(UNTIL_MIDNIGHT)(text));
    let (text, [service, _]) = late("both", both("preferredDate: 2027-01-04"));
    assert_eq!(service, ["freeze", "preferred"], "{text}");
    assert!(text.contains("[an earlier `preferredDate` of the Upgrade, and that without the freeze]\n"), "{text}");
    // Asked for in the middle of it: the freeze alone.
    let (text, [service, _]) = late("within", both("preferredDate: 2026-12-24"));
    assert_eq!(service, ["freeze"], "{text}");
    assert!(text.contains("[without it: Thu 2026-12-24 00:00 CET]\n"), "{text}");
    // After it: the date alone.
    let (text, [service, _]) = late("after", both("preferredDate: 2027-01-20"));
    assert_eq!(service, ["preferred"], "{text}");
}

#[test]
fn a_service_after_another_says_so() {
    let folder = Folder::of("late-after", &phased(|text| text));
    let path = folder.0.join("upgrade.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let ledger = "    - {name: ledger, version: 1.0.0, workload: {deployment: ledger, container: app}, traffic: {httpRoute: \
                  {name: ledger, stable: ledger, next: ledger-next, port: 80}}}\n";
    let text = text.replace("---\n", &format!("{ledger}---\n")).replace(
        "billing:4.2.1\"}",
        "billing:4.2.1\", needs: {ledger: \">=2\"}}, ledger: {image: \"r.example/ledger:2.0.0\"}",
    );
    std::fs::write(&path, text).unwrap();
    let (_, text) = said(&folder.0, &[], at(NOW));
    assert!(text.contains("not earlier: service: it goes after ledger, which is at 100% Mon 2026-11-30 "), "{text}");
    assert!(text.contains("[an earlier end of ledger]"), "{text}");
}

#[test]
fn one_tenant_or_one_cohort_is_shown_of_the_plan_of_all() {
    let tenants = example("tenants");
    let of = |more: &[&str]| {
        said(&tenants, &[&["--needs", "90m", "--at", "2026-11-22T02:12:00Z"], more].concat(), at(NOW)).1
    };
    let rows = |text: &str| text.split("DTSTART:").skip(1).map(|t| t[..16].to_string()).collect::<Vec<_>>();
    let whole = of(&["-o", "ics"]);
    let one = of(&["-o", "ics", "--tenant", "kiwi-retail"]);
    assert_eq!(rows(&one).len(), 1, "{one}");
    assert!(one.contains("kiwi-retail@pilothouse") && whole.contains(&format!("DTSTART:{}", rows(&one)[0])), "{one}");
    let enterprise = of(&["-o", "ics", "--cohort", "enterprise"]);
    assert!(rows(&enterprise).len() > 1 && rows(&enterprise).len() < rows(&whole).len(), "{enterprise}");
    assert!(
        enterprise.lines().filter(|l| l.starts_with("DESCRIPTION:")).all(|l| l == "DESCRIPTION:enterprise"),
        "{enterprise}"
    );
    // In every form, and the first line is that of all.
    let text = of(&["--cohort", "enterprise"]);
    assert!(text.contains("\nshown: cohort enterprise\n") && text.lines().next() == of(&[]).lines().next(), "{text}");
    assert!(text.contains("\nenterprise ") && !text.contains("\ninternal "), "{text}");
    let json: Value = serde_json::from_str(&of(&["-o", "json", "--tenant", "kiwi-retail"])).unwrap();
    let ids = json["tenants"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((ids, json["cohorts"].as_array().unwrap().len()), (vec!["kiwi-retail"], 1));
    // What is not there is not nothing.
    let wrong = |more: &[&str]| asked(&tenants, &[&["--needs", "90m"], more].concat(), at(NOW)).unwrap_err();
    let told = wrong(&["--tenant", "kiwi-retial"]);
    assert_eq!(told, "--tenant: there is no tenant `kiwi-retial` in this campaign; did you mean `kiwi-retail`?");
    let told = wrong(&["--cohort", "premum"]);
    assert_eq!(told, "--cohort: there is no cohort `premum` in the Calendar; did you mean `premium`?");
}

/// Three tenants of one cohort that all move whenever they like.
fn three(cohort: &str) -> String {
    let of = |id: &str| {
        format!("    - {{id: {id}, zone: UTC, windows: [{{days: [Sun], start: \"02:00\", end: \"06:00\"}}]}}\n")
    };
    format!(
        "apiVersion: pilothouse.dev/v1alpha1\nkind: Calendar\nmetadata: {{name: c}}\nspec:\n  cohorts:\n    - {cohort}\n---\n\
         apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {{name: t}}\nspec:\n  tenants:\n{}",
        ["a", "b", "c"].map(of).concat()
    )
}

#[test]
fn a_cap_on_a_cohort_that_moves_at_once_is_refused() {
    let bound = |cap: u32| three(&format!("{{name: standard, bind: intersection, per_day: {cap}}}"));
    let folder = Folder::of("capped", &[("t.yaml", bound(2))]);
    let told =
        "error: spec.cohorts[0].per_day: all 3 tenants of `standard` move at once, so that no day can keep to 2\n";
    let (code, text) = validated(&folder.0);
    assert!(code == 1 && text.starts_with(told) && text.contains("/t.yaml:6:53\n"), "{text}");
    assert!(text.contains("take it out, or write `bind: own`"), "{text}");
    assert!(asked(&folder.0, &["--needs", "1h"], at(NOW)).unwrap_err().starts_with(told));
    // A cap that is kept harms nobody.
    let folder = Folder::of("capped-not", &[("t.yaml", bound(3))]);
    assert_eq!(validated(&folder.0).0, 0);
    let folder = Folder::of("capped-own", &[("t.yaml", three("{name: standard, per_day: 2}"))]);
    assert_eq!(validated(&folder.0).0, 0);
    // Told by one header they move at once as well.
    let more = "    - {id: b, zone: Europe/Berlin, cohort: enterprise, windows: [{days: [Sat, Sun], start: \"02:00\", end: \"06:00\"}]}\n";
    let header = phased(|text| match text.contains("kind: Tenants") {
        true => text + more,
        false => text.replace("{header: x-tenant}", "{cohort: x-cohort}"),
    });
    let (code, text) = validated(&Folder::of("capped-header", &header).0);
    assert!(
        code == 1 && text.contains("spec.cohorts[2].per_day: all 2 tenants of `enterprise` move at once"),
        "{text}"
    );
    assert!(text.contains("tell tenants by a header of their own in the Fleet"), "{text}");
}
