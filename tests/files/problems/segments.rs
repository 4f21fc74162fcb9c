//! Segments of users in an Upgrade.
use pilothouse::spec::{Severity, SourceFile, load, presets};

use super::{FLEET, POLICY, UPGRADE, check, problems};

const FROM: &str = "  strategy: canary\n";

fn with(segments: &str) -> String {
    format!("{FROM}  segments:\n{segments}\n")
}

#[test]
fn what_a_segment_cannot_be() {
    let good = "    - {name: beta, header: x-user-type, values: [tester]}\n";
    for (segments, message, help) in [
        ("    - {name: ^Beta, header: x-user-type, values: [tester]}", "`Beta` is not the name of a segment", "beta"),
        ("    - ^{name: beta, values: [tester]}", "nothing tells its requests from others", "x-user-type"),
        (
            "    - {name: beta, header: x-user-type, host: ^\"{value}.shop.example\", values: [tester]}",
            "its requests are told by `header` already",
            "two segments",
        ),
        ("    - {name: beta, header: ^\"x user\", values: [a]}", "`x user` is not the name of a header", "x-user-type"),
        (
            "    - {name: beta, host: ^shop.example, values: [a]}",
            "`shop.example` is not a host with one `{value}` in it",
            "{value}.shop.example",
        ),
        (
            "    - {name: beta, host: ^\"{value}.{value}.example\", values: [a]}",
            "is not a host with one `{value}` in it",
            "",
        ),
        ("    - {name: beta, host: \"{value}.shop.example\", values: [^B_1]}", "`B_1.shop.example` is not a host", ""),
        ("    - {name: beta, header: x-user-type, ^values: []}", "nobody is in it", "leave the segment out"),
        (
            "    - {name: beta, header: x-user-type, values: [^\"\"]}",
            "is no value a header could have: it is empty",
            "out",
        ),
        ("    - {name: beta, header: x-user-type, values: [a, ^\" b \"]}", "it has blanks around it", "write \"b\""),
        ("    - {name: beta, header: x-user-type, values: [^\"   \"]}", "it is empty", "write what the header holds"),
        ("    - {name: beta, header: x-user-type, values: [^\"a\\tb\"]}", "it has a control character in it", "tabs"),
        (
            "    - {name: beta, header: x-user-type, values: [a], ^services: []}",
            "no service is in the list",
            "leave `services` out for every service",
        ),
        ("    - {name: beta, header: x-user-type, values: [a, ^a]}", "`a` is values[0] already", "once"),
        ("    - {name: beta, ^haeder: x-user-type, values: [a]}", "unknown field `haeder`", "`header`"),
        (
            "    - {name: beta, header: x-user-type, values: [a], services: [^legder]}",
            "there is no service `legder` in fleet `shop`",
            "did you mean `ledger`?",
        ),
        (
            "    - {name: beta, header: x-user-type, values: [a], services: [^auth]}",
            "there is no service `auth` in `to`",
            "there: billing, ledger",
        ),
        (
            "    - {name: beta, header: x-user-type, values: [a], services: [ledger, ^ledger]}",
            "`ledger` is services[0] already",
            "once",
        ),
    ] {
        check(Severity::Error, &[(FROM, &with(segments), message, help)]);
    }
    for (second, message, help) in [
        ("    - {name: ^beta, header: x-staff, values: [yes]}", "`beta` is segments[0] already", "of its own"),
        (
            "    - {name: internal, header: X-User-Type, values: [staff, ^tester]}",
            "`tester` is a value of segment `beta` already",
            "one of the two",
        ),
    ] {
        check(Severity::Error, &[(FROM, &with(&format!("{good}{second}")), message, help)]);
    }
}

#[test]
fn what_a_segment_can_be() {
    for segments in [
        "    - {name: beta, header: x-user-type, values: [tester, staff], services: [ledger]}\n    - {name: in, header: x-staff, values: [tester]}",
        "    - {name: internal, host: \"{value}.shop.example\", values: [staff]}",
        "    - {name: internal, host: \"{value}\", values: [staff.shop.example]}",
    ] {
        assert_eq!(problems(FROM, &with(segments)).0, [], "{segments}");
    }
}

/// Rules of segments and of tenants would fight over who is where.
#[test]
fn segments_and_tenants_do_not_go_together() {
    let to = "  strategy: phased\n  ^segments:\n    - {name: beta, header: x-user-type, values: [a]}\n";
    let (found, expected) = problems(FROM, to);
    let (file, line, column) = expected.unwrap();
    let found = found.iter().find(|p| (&p.file, p.line, p.column) == (&file, line, column)).unwrap();
    assert!(found.message.contains("so do tenants under `strategy: phased`: one of the two"), "{found}");
    assert!(found.help.as_deref().unwrap().contains("`strategy: canary`"), "{found}");
}

/// What the policy asks for is held against what segments can give, in another file.
#[test]
fn a_policy_that_segments_cannot_keep() {
    let told = |policy: &str| {
        let file = |name: &str, text: String| SourceFile { name: name.into(), text };
        let segments = with("    - {name: beta, header: x-user-type, values: [a]}");
        let files = [
            file("fleet.yaml", FLEET.into()),
            file("policy.yaml", policy.into()),
            file("upgrade.yaml", UPGRADE.replace(FROM, &segments)),
        ];
        load(&files, presets()).map_or_else(|r| r.problems, |l| l.warnings.problems)
    };
    assert_eq!(told(POLICY), []);
    let require = told(&POLICY.replace("  soak: 30m\n", "  soak: 30m\n  observed: require\n"));
    assert_eq!((require.len(), require[0].severity, require[0].line), (1, Severity::Error, 8), "{require:?}");
    assert!(require[0].message.contains("requests do not say whose they are"), "{require:?}");
    let whole = told(&POLICY.replace("    - {weight: 10, hold: 2m}\n    - {weight: 50, hold: 2m}\n", ""));
    assert_eq!((whole.len(), whole[0].severity, whole[0].line), (1, Severity::Warning, 10), "{whole:?}");
    assert!(whole[0].message.contains("nobody goes first"), "{whole:?}");
}
