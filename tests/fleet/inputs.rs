//! What stands in the folder of contracts and cannot be meant is told, with its place.
use std::collections::BTreeMap;
use std::fs;

use super::{Place, check, generate, write};

/// Code and what is said of the example after a change of its files.
fn told(name: &str, change: impl FnOnce(&mut BTreeMap<String, String>)) -> (i32, String) {
    let place = Place::new(name);
    let mut files = generate::files();
    change(&mut files);
    let folder = place.0.join("files");
    write(&files, &folder);
    check(&[], &folder, &place.0.join("state"))
}

/// Folder of a service's only, or newest, contract.
fn newest(files: &BTreeMap<String, String>, service: &str) -> String {
    let below = format!("contracts/{service}/");
    let last = files.keys().rfind(|n| n.starts_with(&below) && n.ends_with("service.yaml"));
    last.unwrap().trim_end_matches("/service.yaml").to_string()
}

const POLICY: &str = "contracts/compat.yaml";

#[test]
fn a_policy_counts_however_it_is_written_and_a_slip_in_it_is_told() {
    // Quotes, and what an editor puts in front.
    let policy = |text: String| told("policy", |files| drop(files.insert(POLICY.into(), text)));
    let quoted = "\u{feff}\"apiVersion\": \"pilothouse.dev/v1alpha1\"\n\"kind\": \"CompatPolicy\"\n\"metadata\": {\"name\": \"erp\"}\n\
                  \"spec\": {\"severities\": {\"response-type-changed\": \"warning\"}}\n";
    let (_, said) = policy(quoted.into());
    assert!(
        said.contains("warning[response-type-changed]") && !said.contains("critical[response-type-changed]"),
        "{said}"
    );
    for (from, to, word) in [
        ("kind: CompatPolicy", "kind: CompatPolcy", "did you mean `CompatPolicy`?"),
        ("apiVersion: pilothouse.dev", "apiVersion: pilothous.dev", "pilothous.dev/v1alpha1"),
        ("apiVersion: pilothouse.dev/v1alpha1\n", "", "no `apiVersion`"),
        ("kind: CompatPolicy\n", "", "no `kind`"),
        ("severities:", "severitys:", "did you mean `severities`?"),
    ] {
        let text = generate::files()[POLICY].replace(from, to);
        let (code, said) = policy(text);
        assert!(code == 1 && said.contains("compat.yaml:") && said.contains(word), "{to}: {said}");
    }
    // Elsewhere, by another name, it is one as well.
    let (code, said) = told("accepted", |files| {
        let text = files.remove(POLICY).unwrap().replace("kind: CompatPolicy", "kind: CompatPolcy");
        files.insert("contracts/orders/accepted.yaml".into(), text);
    });
    assert!(code == 1 && said.contains("accepted.yaml:3:7"), "{said}");
}

#[test]
fn a_contract_is_of_the_service_and_version_of_its_folder() {
    for (from, to, word) in [
        ("  version: 5.4.0", "  version: 5.4.1", "spec.version: says 5.4.1, and stands in the folder of 5.4.0"),
        ("  name: orders", "  name: order", "metadata.name: says order, and stands in the folder of orders"),
    ] {
        let (code, said) = told("contradicts", |files| {
            let name = format!("{}/service.yaml", newest(files, "orders"));
            files.get_mut(&name).map(|t| *t = t.replacen(from, to, 1)).unwrap();
        });
        assert!(code == 1 && said.contains(word) && said.contains("orders/5.4.0/service.yaml:"), "{said}");
    }
}

#[test]
fn a_folder_without_contracts_is_no_answer() {
    let place = Place::new("empty");
    let folder = place.0.join("files");
    write(&generate::files(), &folder);
    let empty = place.0.join("none");
    fs::create_dir_all(&empty).unwrap();
    let (code, said) = check(&["--contracts", &empty.display().to_string()], &folder, &place.0.join("state"));
    assert!(code == 1 && said.contains("no Contract is in this folder"), "{said}");
}

#[test]
fn two_files_for_one_thing_are_one_too_many() {
    let (code, said) = told("two", |files| {
        let folder = newest(files, "orders");
        files.insert(format!("{folder}/events/OrderPlaced.schema.json"), "{}".into());
    });
    assert!(
        code == 1 && said.contains("OrderPlaced.schema.json") && said.contains("OrderPlaced.avsc is there as well"),
        "{said}"
    );
    let (code, said) = told("three", |files| {
        let folder = newest(files, "orders");
        files.insert(format!("{folder}/openapi.json"), "{}".into());
    });
    assert!(code == 1 && said.contains("openapi.json") && said.contains("openapi.yaml is there as well"), "{said}");
}

#[test]
fn a_service_of_a_release_may_stay() {
    let stay = |text: &str| told("stay", |files| files.get_mut("upgrade.yaml").map(|t| t.push_str(text)).unwrap());
    let (_, said) = stay("");
    assert!(said.contains("response-type-changed"), "{said}");
    // What breaks stays where it is, and the portal that needs it with it.
    let (_, said) = stay("  stay: [orders, portal]\n");
    assert!(!said.contains("response-type-changed"), "{said}");
    for (text, word) in [
        ("  stay: [ordres]\n", "did you mean `orders`?"),
        ("  stay: [orders, orders]\n", "named twice"),
        ("  stay: [orders]\n  to: {orders: {image: \"r.example/orders:5.4.0\"}}\n", "cannot both stay and go"),
    ] {
        let (code, said) = stay(text);
        assert!(code == 1 && said.contains("upgrade.yaml:12:") && said.contains(word), "{said}");
    }
    let (code, said) = told("stay-not", |files| {
        let release = files.get_mut("contracts/releases/2026.4.0.yaml").unwrap();
        *release = release.lines().filter(|l| !l.starts_with("    orders:")).map(|l| format!("{l}\n")).collect();
        files.get_mut("upgrade.yaml").unwrap().push_str("  stay: [orders]\n");
    });
    assert!(code == 1 && said.contains("does not list orders, so it stays anyway"), "{said}");
    let (code, said) = told("stay-alone", |files| {
        let upgrade = files.get_mut("upgrade.yaml").unwrap();
        *upgrade = upgrade
            .replace("  release: 2026.4.0\n", "  stay: [orders]\n  to: {users: {image: \"r.example/users:99.0.0\"}}\n");
    });
    assert!(code == 1 && said.contains("without a `release` whatever is not in `to` stays"), "{said}");
}

#[test]
fn a_migration_may_have_a_file_of_its_own() {
    let record = |rest: &str| {
        format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Migration\nmetadata: {{name: note}}\nspec:\n  id: note\n{rest}"
        )
    };
    let with = |file: &str, text: String| {
        told("records", |files| {
            let folder = newest(files, "orders");
            files
                .insert(format!("{folder}/migrations/note.sql"), "SET lock_timeout = '1s';\nDROP TABLE note;\n".into());
            files.insert(file.replace("HERE", &folder), text);
        })
    };
    // Its SQL beside it is looked at, and what it says of itself is found where it stands.
    let (code, said) = with("HERE/migrations/note.yaml", record("  phase: expand\n  destructive: true\n"));
    assert_eq!(code, 2, "{said}");
    for word in [
        "critical[sql-drop-table]",
        "critical[migration-destructive]",
        "migrations/note.sql:2",
        "migrations/note.yaml:3",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let (code, said) = with("HERE/migrations/note.yaml", record("  phase: expnd\n"));
    assert!(code == 1 && said.contains("migrations/note.yaml:6:") && said.contains("did you mean `expand`?"), "{said}");
    let (code, said) = with("HERE/migrations/note.yaml", record("  phase: expand\n  sql: none.sql\n"));
    assert!(code == 1 && said.contains("migrations/note.yaml:7:") && said.contains("there is no file"), "{said}");
    let again = record("  phase: expand\n").replace("id: note", "id: order-currency");
    let (code, said) = with("HERE/migrations/note.yaml", again);
    assert!(code == 1 && said.contains("`order-currency` is in ") && said.contains("service.yaml already"), "{said}");
    let (code, said) = with("contracts/migrations/note.yaml", record("  phase: expand\n"));
    assert!(code == 1 && said.contains("belongs to no contract"), "{said}");
    // SQL that nobody declares is told loudly.
    let (_, said) = told("undeclared", |files| {
        let folder = newest(files, "orders");
        files.insert(format!("{folder}/migrations/note.sql"), "DROP TABLE note;\n".into());
    });
    assert!(said.contains("note.sql: no migration of orders 5.4.0 names it, so it is not looked at"), "{said}");
}
