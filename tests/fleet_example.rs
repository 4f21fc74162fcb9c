//! `examples/fleet-92`: what ships is what is generated, and what breaks in it is found.
//!
//! `EXAMPLES_UPDATE=always cargo test --test fleet_example` writes the files anew.
#[path = "fleet/generate.rs"]
mod generate;
#[path = "fleet/inputs.rs"]
mod inputs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet-92")
}

/// Every file below a folder, by its path in it.
fn on_disk(folder: &Path, below: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            on_disk(&path, below, found);
        } else {
            let name = path.strip_prefix(below).unwrap().display().to_string();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn write(files: &BTreeMap<String, String>, folder: &Path) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn what_ships_is_what_is_generated() {
    let (files, folder) = (generate::files(), example());
    if std::env::var("EXAMPLES_UPDATE").is_ok_and(|v| v == "always") {
        let _ = fs::remove_dir_all(&folder);
        write(&files, &folder);
    }
    let mut there = BTreeMap::new();
    on_disk(&folder, &folder, &mut there);
    assert_eq!(there.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    for (name, text) in &files {
        assert_eq!(there[name], *text, "{name}: EXAMPLES_UPDATE=always writes it anew");
    }
    let size: usize = files.values().map(String::len).sum();
    assert!(size < 1_500_000, "{size} bytes");
}

/// A folder of its own, gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("pilothouse-fleet-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pilothouse(args: &[&str], folder: &Path, state: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    command.args(args).arg("-f").arg(folder).arg("--state-dir").arg(state).env("RUST_BACKTRACE", "0");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn check(args: &[&str], folder: &Path, state: &Path) -> (i32, String) {
    let output = pilothouse(&[&["compat", "check"], args].concat(), folder, state);
    (output.status.code().unwrap(), text(&output))
}

#[test]
fn the_report_names_what_breaks_and_nothing_else_does() {
    let place = Place::new("names");
    let (code, said) = check(&["-o", "json"], &example(), &place.0);
    assert_eq!(code, 2, "{said}");
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    let all = value["findings"].as_array().unwrap();
    let mut critical: Vec<(&str, &str)> = all
        .iter()
        .filter(|f| f["severity"] == "critical")
        .map(|f| (f["service"].as_str().unwrap(), f["rule"].as_str().unwrap()))
        .collect();
    critical.sort_unstable();
    critical.dedup();
    let services: Vec<&str> = critical.iter().map(|(s, _)| *s).collect();
    assert!(services.iter().all(|s| ["inventory", "orders"].contains(s)), "{critical:?}");
    for wanted in [
        ("inventory", "migration-drops-what-is-read"),
        ("orders", "response-type-changed"),
        ("orders", "version-breaking-under-minor"),
    ] {
        assert!(critical.contains(&wanted), "{wanted:?} in {critical:?}");
    }
    // Who calls the changed operations is named, and who goes first.
    let total = all.iter().find(|f| f["rule"] == "response-type-changed").unwrap();
    assert!(total["consumers"].as_array().unwrap().len() > 1, "{total:#}");
    let order = value["order"].as_array().unwrap();
    let before = |first: &str, then: &str| order.iter().any(|e| e["first"] == first && e["then"] == then);
    assert!(before("orders", "portal") && before("refunds", "returns"), "{order:#?}");
}

#[test]
fn without_the_two_breakages_it_may_go() {
    let place = Place::new("whole");
    let mut files = generate::files();
    for (name, text) in &mut files {
        if name.starts_with("contracts/orders/") {
            *text = text.replace("total: {type: string}", "total: {type: integer}");
        }
        *text = text.replace("      drops: [stock.reserved]", "      deferred: true\n      drops: [stock.reserved]");
    }
    let folder = place.0.join("files");
    write(&files, &folder);
    let (code, said) = check(&[], &folder, &place.0.join("state"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\ncompatible: 0 critical"), "{said}");
}

#[test]
fn every_output_says_the_same_and_a_broken_cache_is_no_matter() {
    let place = Place::new("outputs");
    let (_, first) = check(&["-o", "json"], &example(), &place.0);
    let (_, again) = check(&["-o", "json"], &example(), &place.0);
    assert_eq!(first, again);
    let cache = place.0.join("cache/compat");
    let kept: Vec<PathBuf> = fs::read_dir(&cache).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(kept.len() > 60, "{}", kept.len());
    for (i, path) in kept.iter().enumerate() {
        let text = fs::read_to_string(path).unwrap();
        // Cut off, emptied, or with another verdict in it.
        let broken = [text[..text.len() / 2].to_string(), String::new(), text.replace("critical", "info")];
        fs::write(path, &broken[i % 3]).unwrap();
    }
    assert_eq!(check(&["-o", "json"], &example(), &place.0).1, first);
    for (output, has) in [
        ("text", "not compatible: "),
        ("sarif", "\"ruleId\": \"migration-drops-what-is-read\""),
        ("junit", "classname=\"compat.response-type-changed\""),
        ("github", "::error file="),
    ] {
        let (code, said) = check(&["-o", output], &example(), &place.0);
        assert!(code == 2 && said.contains(has), "{output}: {said}");
    }
}

#[test]
fn versions_show_what_runs_and_what_may_run_together() {
    let place = Place::new("versions");
    let said = text(&pilothouse(&["versions"], &example(), &place.0));
    assert!(said.contains("orders               5.3.3         5.3.3 5.4.0\n"), "{said}");
    let out =
        "  not orders 5.3.3 beside portal 6.9.0:\n    portal 6.9.0 needs orders `>=5.4.0, <6`, and 5.3.3 is not in";
    assert!(said.contains(out), "{said}");
    // The seeded breakages bar pairs as well, and not only moves.
    let changed = "  not orders 5.4.0 beside portal 6.8.1:\n    GET /orders: type changed from integer to string (";
    assert!(said.contains(changed), "{said}");
    assert!(said.contains("refunds 5.2.2 cannot read the ReturnReceived of returns 4.0.0: "), "{said}");
    assert!(said.contains("677 of 682 pairs of versions may run beside each other\n"), "{said}");
    assert!(said.contains("release 2026.4.0: Orders carry"), "{said}");
    let said = text(&pilothouse(&["versions", "--service", "orders"], &example(), &place.0));
    let row = said.lines().find(|l| l.starts_with("portal 6.9.0")).unwrap();
    assert_eq!(row.split_whitespace().skip(2).collect::<Vec<_>>(), ["no", "yes"]);
    let said = text(&pilothouse(&["versions", "--service", "ordres"], &example(), &place.0));
    assert!(said.contains("did you mean `orders`?"), "{said}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let place = Place::new("unread");
    let mut files = generate::files();
    let (name, text) =
        files.iter_mut().find(|(n, _)| n.starts_with("contracts/orders/") && n.ends_with("service.yaml")).unwrap();
    *text = text.replace("  audience: internal", "  audience: inward\n  openapi: nowhere.yaml");
    let name = name.clone();
    let folder = place.0.join("files");
    write(&files, &folder);
    let (code, said) = check(&[], &folder, &place.0);
    assert!(code == 1 && said.contains(&format!("{name}:8:13")) && said.contains("internal"), "{said}");
    files.get_mut(&name).map(|t| *t = t.replace("inward", "internal")).unwrap();
    write(&files, &folder);
    let (code, said) = check(&[], &folder, &place.0);
    assert!(code == 1 && said.contains(&format!("{name}:9:12")) && said.contains("there is no file"), "{said}");
}

#[test]
fn the_plan_has_the_order_the_findings_and_a_hash_over_both() {
    let place = Place::new("plan");
    let said = text(&pilothouse(&["plan"], &example(), &place.0));
    for has in [
        "  refunds before returns: refunds 5.2.2 cannot read the ReturnReceived of returns 4.0.0\n",
        "  critical  orders: type changed from integer to string (response-type-changed, ",
        "  canary           a major version is crossed: returns\n",
        "  inventory drop-reserved (contract): when the old version is gone; not undone by a rollback\n",
        "\nContracts: it cannot start: 4 critical;",
    ] {
        assert!(said.contains(has), "{has} in {said}");
    }
    let plan = |folder: &Path| -> serde_json::Value {
        serde_json::from_slice(&pilothouse(&["plan", "-o", "json"], folder, &place.0).stdout).unwrap()
    };
    let here = plan(&example());
    assert_eq!(here["compatible"], false);
    let returns = here["services"].as_array().unwrap().iter().find(|s| s["service"] == "returns").unwrap();
    let refunds = here["services"].as_array().unwrap().iter().find(|s| s["service"] == "refunds").unwrap();
    assert!(returns["wave"].as_u64() > refunds["wave"].as_u64(), "{returns:#}");
    assert!(returns["after"]["refunds"].is_string(), "{returns:#}");
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for service in here["services"].as_array().unwrap() {
        *sizes.entry(service["wave"].as_u64().unwrap()).or_default() += 1;
    }
    assert!(sizes.len() == 8 && sizes.values().all(|n| *n <= 8), "{sizes:?}");
    assert_eq!(returns["effects"][1], "returns-next becomes the route's second backend, at weight 0");
    // Another finding is another plan, although the same images are rolled out in the same order.
    let mut files = generate::files();
    for text in files.values_mut() {
        *text = text.replace("      drops: [stock.reserved]", "      deferred: true\n      drops: [stock.reserved]");
    }
    let folder = place.0.join("files");
    write(&files, &folder);
    let there = plan(&folder);
    assert_eq!(there["services"], here["services"]);
    assert_ne!(there["plan_hash"], here["plan_hash"]);
}

#[test]
fn the_waves_are_drawn() {
    let place = Place::new("drawn");
    let dot = text(&pilothouse(&["plan", "-o", "dot"], &example(), &place.0));
    assert!(dot.starts_with("digraph \"release-2026-4-0\" {\n"), "{dot}");
    assert!(dot.contains("  \"refunds\" -> \"returns\" [label=\"refunds 5.2.2 cannot read"), "{dot}");
    assert_eq!(dot.matches("subgraph cluster_").count(), 8);
    let svg = text(&pilothouse(&["plan", "-o", "svg"], &example(), &place.0));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert_eq!(svg.matches("<path d=").count(), dot.matches(" -> ").count());
    assert!(svg.contains("&gt;=5.4.0, &lt;6") && !svg.contains(">=5"), "what is text is escaped");
}

#[test]
fn what_does_not_go_together_is_told_where_it_stands() {
    let place = Place::new("apart");
    let folder = place.0.join("files");
    let told = |file: &str, from: &str, to: &str, words: &[&str]| {
        let mut files = generate::files();
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        *text = text.replacen(from, to, 1);
        let _ = fs::remove_dir_all(&folder);
        write(&files, &folder);
        let (code, said) = check(&[], &folder, &place.0);
        assert_eq!(code, 1, "{said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{word} in {said}"));
    };
    told("upgrade.yaml", "release: 2026.4.0", "release: 2026.4.1", &["upgrade.yaml:11:12", "did you mean `2026.4.0`?"]);
    told("fleet.yaml", "contracts: contracts", "contracts: contrats", &["fleet.yaml:7:14", "there is no folder"]);
    let release = "contracts/releases/2026.4.0.yaml";
    told(release, "\n    orders: 5.4.0", "\n    orders: 5.5.0", &["there is no contract of orders 5.5.0"]);
    told(release, "\n    orders: 5.4.0", "\n    ordres: 5.4.0", &["there is no service `ordres` in fleet `erp`"]);
    let inline =
        "release: 2026.4.0\n  to:\n    portal: {image: \"registry.example/portal:6.9.0\", needs: {orders: \">=5\"}}";
    told("upgrade.yaml", "release: 2026.4.0", inline, &["upgrade.yaml:13:70", "its contract", "says `>=5.4.0, <6`"]);
}

#[test]
fn contracts_are_validated_with_their_fleet() {
    let place = Place::new("valid");
    let said = text(&pilothouse(&["validate"], &example(), &place.0));
    assert!(said.contains("valid: 1 fleet, 0 policies, 1 upgrade, "), "{said}");
    assert!(said.contains(" contracts, 1 release"), "{said}");
    let mut files = generate::files();
    let name = files.keys().find(|n| n.ends_with("service.yaml")).unwrap().clone();
    files.get_mut(&name).map(|t| *t = t.replace("audience", "audiance")).unwrap();
    let folder = place.0.join("files");
    write(&files, &folder);
    let output = pilothouse(&["validate"], &folder, &place.0);
    let said = text(&output);
    assert!(output.status.code() == Some(1) && said.contains("did you mean `audience`?"), "{said}");
}

/// What is there and cannot be read is an error, never an absence: no hang on a pipe, no folder passed over.
#[test]
fn what_is_there_is_read_or_told() {
    let place = Place::new("odd");
    let (folder, state) = (place.0.join("files"), place.0.join("state"));
    write(&generate::files(), &folder);
    let orders = folder.join("contracts/orders");
    let elsewhere = place.0.join("elsewhere");
    fs::rename(&orders, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &orders).unwrap();
    let (code, said) = check(&[], &folder, &state);
    assert_eq!(code, 2, "a linked folder is read: {said}");
    assert!(said.contains("type changed from integer to string"), "{said}");

    let pipe = folder.join("contracts/odd.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (code, said) = check(&[], &folder, &state);
    assert_eq!((code, said.contains("odd.yaml") && said.contains("no regular file")), (1, true), "{said}");
    fs::remove_file(&pipe).unwrap();

    std::os::unix::fs::symlink("loop.yaml", folder.join("contracts/loop.yaml")).unwrap();
    let (code, said) = check(&[], &folder, &state);
    assert_eq!((code, said.contains("loop.yaml") && said.contains("cannot be read")), (1, true), "{said}");
}

/// An answer under another question's name is none.
#[test]
fn kept_answers_are_those_of_their_own_question() {
    let place = Place::new("swapped");
    let cache = place.0.join("cache");
    let at = cache.display().to_string();
    let (code, first) = check(&["--cache", &at], &example(), &place.0);
    assert_eq!(code, 2, "{first}");
    let mut kept: Vec<PathBuf> = fs::read_dir(&cache).unwrap().map(|e| e.unwrap().path()).collect();
    kept.sort();
    let smallest = kept.iter().min_by_key(|p| fs::metadata(p).unwrap().len()).unwrap().clone();
    let answer = fs::read(smallest).unwrap();
    for path in &kept {
        fs::write(path, &answer).unwrap();
    }
    assert_eq!(check(&["--cache", &at], &example(), &place.0), (2, first));
}
