//! Tenants and Calendars.
use pilothouse::spec::{Problem, Severity, SourceFile, load, presets};

const CALENDAR: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Calendar
metadata: {name: house}
spec:
  freezes:
    - {name: year-end, from: 2026-12-18T18:00:00Z, to: 2027-01-04T06:00:00Z}
  blackouts:
    - {name: friday, dates: 2026-11-27..2026-11-30, zone: America/New_York, cohorts: [premium]}
    - {name: closed, ics: closed.ics}
  holidays:
    - {name: christmas, dates: 2026-12-25}
  seasons:
    - {name: wedding, months: [5, 6], days: [Sat]}
  slots:
    - {name: tuesday, days: [Tue], start: "10:00", end: "14:00", seasons: [wedding]}
  cohorts:
    - {name: beta}
    - {name: premium, bake: 2d, per_day: 3}
"#;

const TENANTS: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Tenants
metadata: {name: customers}
spec:
  calendar: house
  tenants:
    - {id: acme, zone: Europe/Berlin, cohort: premium, seasons: [wedding]}
    - id: kiwi
      zone: Pacific/Auckland
      cohort: beta
      windows:
        - {days: [Sun], start: "02:00", end: "06:00"}
      exclude: [2026-12-24, 2026-12-26..2026-12-27]
      preferredDate: 2026-12-06
"#;

const ICS: &str =
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261231\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n";

/// Where a problem must stand: file, line, column.
type Spot = Option<(String, u32, u32)>;

fn problems(from: &str, to: &str) -> (Vec<Problem>, Spot) {
    let texts = [("calendar.yaml", CALENDAR), ("tenants.yaml", TENANTS), ("given/closed.ics", ICS)];
    assert_eq!(texts.iter().filter(|(_, t)| t.matches(from).count() == 1).count(), 1, "`{from}` must occur once");
    let mut expected = None;
    let files = texts.map(|(name, text)| {
        let mut text = text.replacen(from, to, 1);
        if let Some(at) = text.find('^') {
            let line = text[..at].matches('\n').count() + 1;
            let column = text[..at].rsplit('\n').next().unwrap().chars().count() + 1;
            expected = Some((name.to_string(), u32::try_from(line).unwrap(), u32::try_from(column).unwrap()));
            text.remove(at);
        }
        SourceFile { name: name.into(), text }
    });
    let found = load(&files, presets()).map_or_else(|report| report.problems, |loaded| loaded.warnings.problems);
    (found, expected)
}

#[test]
fn what_is_said_of_time_is_read_whole() {
    let files = [("a/calendar.yaml", CALENDAR), ("tenants.yaml", TENANTS), ("given/closed.ics", ICS)];
    let files = files.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let loaded = load(&files, presets()).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let tenants = &loaded.tenants[0].spec.tenants;
    assert_eq!(tenants.iter().map(|t| &*t.id).collect::<Vec<_>>(), ["acme", "kiwi"]);
    assert_eq!((tenants[1].exclude.len(), tenants[1].windows.len(), loaded.ics[0].events.len()), (2, 1, 1));
    // A kind that is named late is read as well, only not one by one.
    let late = TENANTS
        .replace("kind: Tenants\n", "")
        .replace("preferredDate: 2026-12-06\n", "preferredDate: 2026-12-06\nkind: Tenants\n");
    let file = SourceFile {
        name: "late.yaml".into(),
        text: format!("{CALENDAR}---\n{late}")
            .replace("{name: closed, ics: closed.ics}", "{name: closed, dates: 2026-01-01}"),
    };
    let loaded = load(&[file], presets()).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(&loaded.tenants[0].spec.tenants, tenants);
}

/// What is wrong elsewhere in a Calendar hides neither the cohorts nor the seasons that it does not have.
#[test]
fn a_broken_calendar_hides_no_name_that_it_does_not_have() {
    let told = |calendar: String| -> Vec<String> {
        let tenants = TENANTS.replace("cohort: beta", "cohort: bta").replace("seasons: [wedding]", "seasons: [weding]");
        let files = [("house.yaml", calendar), ("tenants.yaml", tenants), ("given/closed.ics", ICS.into())];
        let files = files.map(|(name, text)| SourceFile { name: name.into(), text });
        let report = load(&files, presets()).unwrap_err();
        report.problems.iter().map(|p| p.message.clone()).collect()
    };
    let (cohort, season) = ("there is no cohort `bta`", "there is no season `weding`");
    let hides = |found: &[String], what: &str| !found.iter().any(|message| message.contains(what));
    for broken in ["to: 2026-01-04T06:00:00Z", "too: 2027-01-04T06:00:00Z"] {
        let found = told(CALENDAR.replace("to: 2027-01-04T06:00:00Z", broken));
        assert!(found.len() > 2 && !hides(&found, cohort) && !hides(&found, season), "{found:#?}");
    }
    // A list that is broken itself may have held the name; the other is looked at all the same.
    for broken in ["cohrts:", "cohorts: 5\n  slotss:"] {
        let found = told(CALENDAR.replace("cohorts:\n", &format!("{broken}\n")));
        assert!(hides(&found, cohort) && !hides(&found, season), "{found:#?}");
    }
}

#[test]
fn each_mistake_is_one_problem_at_its_place() {
    for (from, to, message, help) in [
        (
            "zone: Europe/Berlin",
            "zone: ^Europe/Berln",
            "`Europe/Berln` is not a time zone known here: did you mean Europe/Berlin?",
            "",
        ),
        ("- {id: acme, zone", "- {^ID: acme, zone", "unknown field `ID` in spec.tenants[0]", "`id`"),
        ("id: kiwi", "id: ^acme", "spec.tenants[1].id: `acme` is already in tenants.yaml:7", "its own id"),
        ("id: kiwi", "id: ^ki wi", "`ki wi` cannot be an id", "letters"),
        ("cohort: premium, seasons", "cohort: ^premum, seasons", "there is no cohort `premum`", "`premium`"),
        ("seasons: [wedding]}\n    - id", "^seasons: [weding]}\n    - id", "there is no season `weding`", "`wedding`"),
        (
            "seasons: [wedding]}\n    - id",
            "seasons: [wedding], ^services: []}\n    - id",
            "spec.tenants[0].services: no service is in the list",
            "leave `services` out for all",
        ),
        ("days: [Sun]", "days: [^Snu]", "unknown word `Snu`", "`Sun`"),
        ("- {days: [Sun], start", "- ^{days: [], start", "the window opens on no day", "[Sun]"),
        ("start: \"02:00\"", "start: ^\"25:00\"", "`25:00` is not a time of day", ""),
        ("2026-12-26..2026-12-27", "^2026-12-27..2026-12-26", "ends before it starts", ""),
        ("exclude: [2026-12-24,", "exclude: [^2026-02-30,", "there is no day 30 of month 2", ""),
        ("preferredDate: 2026-12-06", "^preferedDate: 2026-12-06", "unknown field `preferedDate`", "`preferredDate`"),
        (
            "preferredDate: 2026-12-06",
            "preferredDate: 2026-12-06\n      contacts: [{^fax: 1}]",
            "unknown word `fax`",
            "",
        ),
        ("preferredDate: 2026-12-06", "preferredDate: 2026-12-06\n      contacts: [^fax]", "unknown word `fax`", ""),
        ("preferredDate: 2026-12-06", "preferredDate: 2026-12-06\n      contacts: [{email: ^5}]", "expected text", ""),
        ("calendar: house", "calendar: ^hause", "there is no Calendar `hause`", "`house`"),
        ("to: 2027-01-04T06:00:00Z", "to: ^2026-01-04T06:00:00Z", "it is not after `from`", "first instant after"),
        ("to: 2027-01-04T06:00:00Z", "to: ^2027-01-04", "`2027-01-04` is not an instant", ""),
        (
            "- {name: year-end, from: 2026-12-18T18:00:00Z, to: 2027-01-04T06:00:00Z}",
            "- ^{name: year-end}",
            "it does not say when",
            "`dates:`",
        ),
        ("dates: 2026-12-25", "dates: 2026-12-25, ^zone: UTC", "unknown field `zone`", "known here"),
        (
            "zone: America/New_York, cohorts: [premium]",
            "zone: America/New_York, cohorts: [^premiun]",
            "there is no cohort `premiun`",
            "`premium`",
        ),
        ("ics: closed.ics", "ics: ^other.ics", "no file `other.ics` was given", "given/closed.ics"),
        ("months: [5, 6]", "months: [5, ^13]", "13 is out of range", "12"),
        ("months: [5, 6]", "^months: []", "it forbids nothing", ""),
        ("seasons: [wedding]}\n  cohorts", "seasons: [^wading]}\n  cohorts", "there is no season `wading`", "wedding"),
        (
            "- {name: beta}",
            "- {name: ^\" beta\"}",
            "cannot be a cohort's name: it has blanks around it",
            "write \"beta\"",
        ),
        ("- {name: beta}", "- {name: ^\"be\\tta\"}", "it has a control character in it", "tabs"),
        ("per_day: 3", "per_day: ^0", "0 a day are never done", "leave it out"),
        ("- {name: beta}", "- {name: beta}\n    - {name: ^beta}", "the name is taken by the one on line 17", ""),
        (
            "DTSTART;VALUE=DATE:20261231\n",
            "DTSTART:20261231T120000Z\n^DTEND:20261231T120000Z\n",
            "DTEND is not after DTSTART",
            "first instant after",
        ),
        (
            "DTSTART;VALUE=DATE:20261231\n",
            "DTSTART;TZID=Europe/Berlin:20261231T120000\n^DTEND;TZID=Asia/Tokyo:20261231T193000\n",
            "DTEND is not after DTSTART",
            "first instant after",
        ),
        // A list of nobody is not everybody.
        ("cohorts: [premium]}", "^cohorts: []}", "spec.blackouts[0].cohorts: the list is empty", "leave `cohorts` out"),
        ("cohorts: [premium]}", "^tenants: []}", "spec.blackouts[0].tenants: the list is empty", "leave `tenants` out"),
        ("06:00:00Z}", "06:00:00Z, ^regions: []}", "spec.freezes[0].regions: the list is empty", "leave `regions` out"),
        ("06:00:00Z}", "06:00:00Z, ^services: []}", "spec.freezes[0].services: the list is empty", "name at least one"),
        ("dates: 2026-12-25}", "dates: 2026-12-25, ^regions: []}", "spec.holidays[0].regions: the list is empty", ""),
        ("{name: beta}", "{name: beta, ^windows: []}", "spec.cohorts[0].windows: no window is listed", "Sunday 02:00"),
        ("RRULE:FREQ=YEARLY", "^RRULE:FREQ=SECONDLY", "`FREQ=SECONDLY` is not read here", "FREQ from DAILY"),
    ] {
        let (found, expected) = problems(from, to);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        let shown = format!("case `{to}`:\n{}", shown.join("\n"));
        assert_eq!(found.len(), 1, "{shown}");
        let problem = &found[0];
        let (file, line, column) = expected.unwrap_or_else(|| panic!("`{to}` marks no place"));
        assert_eq!((&problem.file, problem.line, problem.column), (&file, line, column), "{shown}");
        assert_eq!(problem.severity, Severity::Error, "{shown}");
        assert!(problem.message.contains(message), "wants `{message}`, {shown}");
        assert!(problem.help.as_deref().unwrap_or("").contains(help), "wants `{help}`, {shown}");
    }
}

#[test]
fn a_file_that_breaks_off_inside_a_tenant_keeps_those_before() {
    let cut = TENANTS[..TENANTS.find("2026-12-26").unwrap()].replace("  calendar: house\n", "");
    let cut = cut.replace(", cohort: premium, seasons: [wedding]", "").replace("cohort: beta", "cohort: premium");
    let broken = cut.replace("Europe/Berlin", "Europe/Nowhere");
    for (text, errors) in [(cut, 1), (broken, 2)] {
        let report = load(&[SourceFile { name: "t.yaml".into(), text }], presets()).unwrap_err();
        assert_eq!(report.problems.len(), errors, "{report}");
    }
}

#[test]
fn ten_thousand_tenants_are_more_values_than_a_tree_may_hold() {
    let mut text =
        String::from("apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {name: many}\nspec:\n  tenants:\n");
    for i in 0..10_000 {
        text += &format!(
            "    - {{id: t{i}, zone: Europe/Berlin, cohort: beta, region: r, services: [a, b, c], exclude: [2026-12-24, 2026-12-25, 2026-12-26], windows: [{{days: [Sun], start: \"02:00\", end: \"06:00\"}}]}}\n"
        );
    }
    let loaded = load(&[SourceFile { name: "many.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(loaded.tenants[0].spec.tenants.len(), 10_000);
}

#[test]
fn aliases_in_a_list_of_tenants_end_soon() {
    let mut text =
        String::from("apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {name: many}\nspec:\n  tenants:\n");
    text += "    - &a [x, x, x, x, x, x, x, x, x, x]\n";
    for name in ["b", "c", "d"] {
        let before = char::from(name.as_bytes()[0] - 1);
        text += &format!("    - &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
    }
    text += &"    - [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n".repeat(10_000);
    let report = load(&[SourceFile { name: "laughs.yaml".into(), text }], presets()).unwrap_err();
    assert!(report.problems.len() <= 101, "{} problems", report.problems.len());
}

/// A Calendar in front of the upgrade, and what the upgrade says of it.
fn upgrade(calendars: &[&str], tenants: &str, said: &str) -> (String, String) {
    let head = |kind: &str, name: &str| {
        format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:")
    };
    let mut text: String =
        calendars.iter().map(|name| format!("{} {{zone: UTC}}\n---\n", head("Calendar", name))).collect();
    if !tenants.is_empty() {
        text +=
            &format!("{}\n  calendar: {tenants}\n  tenants: [{{id: acme, zone: UTC}}]\n---\n", head("Tenants", "all"));
    }
    let mark = if said.is_empty() { "^" } else { "" };
    let from = "apiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata:\n  name: release\nspec:\n";
    (from.into(), format!("{text}{mark}{from}{said}"))
}

#[test]
fn an_upgrade_says_by_which_calendar() {
    for (calendars, tenants, said, message, help) in [
        (&["a", "b"][..], "", "", "2 calendars are given, and `calendar` does not say which is meant", "a, b"),
        (&["house"], "", "  calendar: ^hause\n", "there is no Calendar `hause`", "`house`"),
        (&[], "", "  preferredDate: ^2026-12-01\n", "nobody knows in which zone this date is", "give a Calendar"),
        (&["house"], "house", "  tenants: ^al\n", "there is no Tenants `al`", "`all`"),
        (
            &["a", "b"],
            "b",
            "  calendar: a\n  tenants: ^all\n",
            "they go by Calendar `b`, and this upgrade by `a`",
            "the same one",
        ),
    ] {
        let (from, to) = upgrade(calendars, tenants, said);
        super::check(Severity::Error, &[(&from, &to, message, help)]);
    }
    for (calendars, tenants, said) in [(&["a", "b"][..], "b", "  calendar: a\n"), (&["a"], "a", "  tenants: all\n")] {
        let (from, to) = upgrade(calendars, tenants, said);
        assert_eq!(super::problems(&from, &to).0, [], "{to}");
    }
}

/// An id that makes no host would stand in a rule that no request is told by.
#[test]
fn an_id_that_makes_no_host() {
    let place = "name: auth, stable: auth, next: auth-next, port: 80}}\n";
    let told = |id: &str, uses: &str, by: &str| {
        let fleet = super::FLEET.replace(place, &format!("{place}      tenancy: {{routed: {{{by}}}}}\n"));
        let tenants = format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {{name: t}}\nspec:\n  tenants:\n    - {{id: \
             {id}, zone: UTC, cohort: beta{uses}}}\n"
        );
        let files = [("fleet.yaml", fleet), ("policy.yaml", super::POLICY.into()), ("tenants.yaml", tenants)];
        let files = files.map(|(name, text)| SourceFile { name: name.into(), text });
        load(&files, presets()).map_or_else(|report| report.problems, |loaded| loaded.warnings.problems)
    };
    let host = "host: \"{tenant}.shop.example\"";
    for id in ["acme_eu", "Acme", "acme.eu"] {
        let found = told(id, "", host);
        let [one] = &found[..] else { panic!("{id}: {found:?}") };
        assert_eq!((one.severity, one.file.as_str(), one.line, one.column), (Severity::Error, "tenants.yaml", 6, 12));
        let message = format!("spec.tenants[0].id: auth tells tenants by the host, and `{id}.shop.example` is none");
        assert_eq!(one.message, message);
        assert!(one.to_string().contains('^') && one.help.as_ref().unwrap().contains("lower-case"), "{one}");
        assert_eq!(told(id, "", "header: x-tenant"), []);
        assert_eq!(told(id, ", services: [ledger]", host), [], "it is told by nothing there");
    }
    assert_eq!(told("acme-eu", "", host), []);
}

#[test]
fn how_tenants_share_a_service() {
    let place = |name: &str| format!("name: {name}, stable: {name}, next: {name}-next, port: 80}}}}\n");
    // No upgrade brings this one anywhere.
    let from = place("auth");
    let with = |said: &str| format!("{from}      tenancy: {said}\n");
    for (said, message, help) in [
        ("^private", "unknown word `private`", ""),
        ("{routed: {header: ^\"x tenant\"}}", "`x tenant` is not the name of a header", "x-tenant"),
        ("{routed: {cohort: ^\"x cohort\"}}", "`x cohort` is not the name of a header", "x-cohort"),
        ("{routed: {host: ^shop.example}}", "has no `{tenant}`", "{tenant}.shop.example"),
        ("{routed: {host: ^\"shop.{tenant}.example\"}}", "not a host whose first part is the tenant", ""),
        ("{routed: {host: ^\"{tenant}.{tenant}.example\"}}", "not a host whose first part is the tenant", ""),
    ] {
        super::check(Severity::Error, &[(&from, &with(said), message, help)]);
    }
    let from = place("ledger");
    let with = |said: &str| format!("{from}      tenancy: {said}\n");
    for said in [
        "shared",
        "flag",
        "namespace",
        "{routed: {header: x-tenant}}",
        "{routed: {cohort: x-cohort}}",
        "{routed: {host: \"{tenant}.shop.example\"}}",
    ] {
        let (found, _) = super::problems(&from, &with(said));
        assert_eq!(found.len(), usize::from(said != "shared"), "{said}: {found:?}");
        // It is declared, and nothing is promised that is not done.
        for problem in found {
            assert_eq!((problem.severity, problem.file.as_str()), (Severity::Warning, "upgrade.yaml"), "{problem}");
            let words = match said.starts_with("{routed") {
                true => ("spec.to.ledger: all of its tenants are moved at once", "strategy: phased"),
                false => ("spec.to.ledger: its `tenancy` is not driven yet", "slots"),
            };
            assert!(problem.message.contains(words.0), "{problem}");
            assert!(problem.help.as_deref().unwrap_or("").contains(words.1), "{problem}");
        }
    }
}

#[test]
fn tenants_that_are_moved_one_by_one_are_there() {
    for (said, message, help) in [
        ("  strategy: ^phased\n", "no Tenants are given", "a document of kind Tenants"),
        ("  strategy: ^phasde\n", "unknown word `phasde`", "`phased`"),
    ] {
        super::check(Severity::Error, &[("  strategy: canary\n", said, message, help)]);
    }
}

#[test]
fn names_that_nothing_in_the_files_has_are_asked_about() {
    const FLEET: &str = "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  environments: [{name: sim, kubernetes: {namespace: n}, metrics: {source_interval: 10s}}]\n  services:\n    - {name: ledger, workload: {deployment: ledger, container: app}, traffic: {httpRoute: {name: ledger, stable: ledger, next: ledger-next, port: 80}}}\n";
    let with = |closing: &str, uses: &str, fleet: &str| {
        let calendar = CALENDAR
            .replace("    - {name: closed, ics: closed.ics}\n", "")
            .replace("zone: America/New_York, cohorts: [premium]", closing);
        let tenants = TENANTS.replace("cohort: premium, seasons", &format!("cohort: premium, {uses}seasons"));
        let files = [("calendar.yaml", calendar), ("tenants.yaml", tenants), ("fleet.yaml", fleet.to_string())];
        let files = files.map(|(name, text)| SourceFile { name: name.into(), text });
        let given = if fleet.is_empty() { &files[..2] } else { &files[..] };
        load(given, presets()).unwrap_or_else(|r| panic!("{r}")).warnings.problems
    };
    for (closing, uses, file, line, message, help) in [
        (
            "services: [leger]",
            "",
            "calendar.yaml",
            8,
            "blackouts[0].services[0]: no Fleet has a service `leger`",
            "`ledger`",
        ),
        ("tenants: [acne]", "", "calendar.yaml", 8, "blackouts[0].tenants[0]: there is no tenant `acne`", "`acme`"),
        (
            "services: [ledger]",
            "services: [legder], ",
            "tenants.yaml",
            7,
            "no Fleet has a service `legder`",
            "`ledger`",
        ),
    ] {
        let found = with(closing, uses, FLEET);
        assert_eq!(found.len(), 1, "{found:?}");
        let p = &found[0];
        assert_eq!((p.severity, p.file.as_str(), p.line), (Severity::Warning, file, line), "{p}");
        assert!(p.message.contains(message) && p.help.as_deref().unwrap_or("").contains(help), "{p}");
    }
    assert_eq!(with("services: [ledger], tenants: [acme]", "services: [ledger], ", FLEET), []);
    // Nobody knows which services there are.
    assert_eq!(with("services: [leger]", "services: [legder], ", ""), []);
}

#[test]
fn a_region_that_no_tenant_has_is_asked_about() {
    let with = |closing: &str, holiday: &str, region: &str| {
        let calendar = CALENDAR
            .replace("    - {name: closed, ics: closed.ics}\n", "")
            .replace("zone: America/New_York, cohorts: [premium]", closing)
            .replace("2026-12-25}", &format!("2026-12-25{holiday}}}"));
        let tenants = TENANTS.replace("cohort: premium, seasons", &format!("cohort: premium, {region}seasons"));
        let files = [("calendar.yaml", calendar), ("tenants.yaml", tenants)];
        let files = files.map(|(name, text)| SourceFile { name: name.into(), text });
        load(&files, presets()).unwrap_or_else(|r| panic!("{r}")).warnings.problems
    };
    for (closing, holiday, region, at, message, help) in [
        (
            "regions: [eu1, eu]",
            "",
            "region: eu1, ",
            (8, 68),
            "blackouts[0].regions[1]: no tenant has the region `eu`",
            "`eu1`",
        ),
        (
            "zone: UTC",
            ", regions: [us1]",
            "region: eu1, ",
            (10, 54),
            "holidays[0].regions[0]: no tenant has",
            "none of the 1",
        ),
        ("zone: UTC", ", regions: [us1]", "", (10, 54), "holidays[0].regions[0]: no tenant has", "none at all"),
    ] {
        let found = with(closing, holiday, region);
        assert_eq!(found.len(), 1, "{found:?}");
        let p = &found[0];
        assert_eq!((p.severity, p.file.as_str(), (p.line, p.column)), (Severity::Warning, "calendar.yaml", at), "{p}");
        assert!(p.message.contains(message) && p.help.as_deref().unwrap_or("").contains(help), "{p}");
    }
    assert_eq!(with("regions: [eu1]", ", regions: [eu1]", "region: eu1, "), []);
    // Nobody knows which tenants there are.
    let text = CALENDAR.replace("ics: closed.ics", "dates: 2026-01-01, regions: [nowhere]");
    let loaded = load(&[SourceFile { name: "c.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}
