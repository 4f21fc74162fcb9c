//! What nobody names, whose a finding is, and services that have nothing to do with one another.
use crate::compat::{NAMED, fleet};

/// Two services break by the same rule at the same pointer: each case says whose it is and where.
#[test]
fn a_case_of_junit_says_whose_it_is_and_where() {
    let services = [("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.1.0")];
    let brings = "  migrations:\n    - {id: m1, phase: contract, sql: m1.sql}\n";
    let contracts = [("a", "1.0.0", ""), ("a", "1.1.0", brings), ("b", "1.0.0", ""), ("b", "1.1.0", brings)];
    let folder = fleet("junit-names", &services, &contracts);
    for service in ["a", "b"] {
        folder.write(
            &format!("contracts/{service}/1.1.0/m1.sql"),
            "SET lock_timeout = '1s';\nALTER TABLE t DROP COLUMN c;\n",
        );
    }
    let (code, junit, _) = folder.run(&[&["compat", "check"], &NAMED[..], &["-o", "junit"]].concat());
    assert_eq!(code, 2);
    for service in ["a", "b"] {
        let case = junit.lines().find(|l| l.contains("sql-drop-column") && l.contains(&format!("name=\"{service} ")));
        let case = case.unwrap_or_else(|| panic!("{junit}"));
        assert!(case.contains(&format!("name=\"{service} 1.0.0 → 1.1.0, migration m1: ")), "{case}");
        assert!(case.contains(&format!("contracts/{service}/1.1.0/m1.sql\" line=\"2\">")), "{case}");
    }
}

#[test]
fn what_nobody_names_beside_a_contract_is_told() {
    let folder = fleet("strays", &[("a", "1.0.0", "2.0.0")], &[("a", "1.0.0", ""), ("a", "2.0.0", "")]);
    let strays = ["m0.sql", "migration/m1.sql", "migrations/m2.SQL", "migrations/sub/m3.sql", "events/E.avsc"];
    for stray in strays {
        let path = folder.0.join("contracts/a/2.0.0").join(stray);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "DROP TABLE t;").unwrap();
    }
    let (_, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    for stray in strays {
        assert!(text.lines().any(|l| l.contains(stray) && l.ends_with("so it is not looked at")), "{stray}: {text}");
    }
}

#[test]
fn services_without_relations_are_told_as_that() {
    let folder = fleet("alone", &[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.1.0")], &[("a", "1.0.0", "")]);
    let (_, all, _) = folder.run(&[&["versions"], &NAMED[..]].concat());
    assert!(all.contains("no two of its services are related") && !all.contains("0 of 0"), "{all}");
    let (_, one, _) = folder.run(&[&["versions"], &NAMED[..], &["--service", "a"]].concat());
    assert!(one.contains("no other service needs it or reads what it writes"), "{one}");
    // What was not compared is not told as harmless, and what bars is named.
    let (_, plan, _) = folder.run(&[&["plan"], &NAMED[..]].concat());
    assert!(plan.contains("what it changes is not known: it was not compared: a b"), "{plan}");
    assert!(!plan.contains("blue-green"), "{plan}");
    let column = |line: &str, word: &str| line.find(word).unwrap_or_else(|| panic!("{word} in {line}"));
    let rows: Vec<&str> = plan.lines().skip_while(|l| !l.starts_with("wave")).take(2).collect();
    assert_eq!(column(rows[0], "to "), column(rows[1], "1.1.0"), "{plan}");
}

/// What turns the direction of text round steers no terminal.
#[test]
fn a_reason_cannot_turn_the_line_round() {
    let folder = fleet("turned", &[("a", "1.0.0", "1.1.0")], &[("a", "1.0.0", ""), ("a", "1.1.0", "  notes: n\n")]);
    let brings = "  migrations:\n    - {id: m1, phase: expand, destructive: true}\n";
    let head = "apiVersion: pilothouse.dev/v1alpha1\nkind: ";
    folder.write(
        "contracts/a/1.1.0/service.yaml",
        &format!("{head}Contract\nmetadata: {{name: a}}\nspec:\n  version: 1.1.0\n{brings}"),
    );
    let (_, json, _) = folder.run(&[&["compat", "check"], &NAMED[..], &["-o", "json"]].concat());
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    let print = told["findings"][0]["fingerprint"].as_str().unwrap();
    folder.write(
        "contracts/compat.yaml",
        &format!(
            "{head}CompatPolicy\nmetadata: {{name: p}}\nspec:\n  waivers:\n    - {{fingerprint: '{print}', reason: \
             \"good\\u202edab\", until: 2999-12-31, by: [mara, jun]}}\n"
        ),
    );
    let (_, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert!(text.contains("good\u{fffd}dab") && !text.contains('\u{202e}'), "{text}");
}
