//! What the books say is what the program does: keys and words of files, verbs, keys, exit codes, scenarios, commands.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use clap::Parser;
use pilothouse::cli::args::Cli;
use pilothouse::console::action::Action;
use pilothouse::console::keymap::{Keymap, Screen};
use pilothouse::engine::command::{Class, VERBS};
use pilothouse::engine::effect::{Event, EventKind};
use pilothouse::engine::{Run, Stamp, Verb};
use pilothouse::headless::{JsonLines, Reporter};
use pilothouse::plan::Plan;
use pilothouse::practice::Scenario;
use pilothouse::spec::units::Time;
use pilothouse::spec::{self, SourceFile};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn book(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Cells of the rows of every table in a text, without backticks around a whole cell.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cell = |c: &str| c.trim().replace('`', "");
    let row = |l: &str| l.trim_matches('|').split('|').map(cell).collect::<Vec<_>>();
    let is_rule = |l: &str| l.starts_with("|---");
    let lines: Vec<&str> = text.lines().collect();
    let body = |i: usize| !is_rule(lines[i]) && lines.get(i + 1).is_none_or(|next| !is_rule(next));
    (0..lines.len()).filter(|&i| lines[i].starts_with('|') && body(i)).map(|i| row(lines[i])).collect()
}

/// Headings of any level to the text below each, up to the next.
fn sections(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let (mut heading, mut fenced) = (String::new(), false);
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if line.starts_with('#') && !fenced {
            heading = line.trim_start_matches('#').trim().replace('`', "");
        } else {
            let section = found.entry(heading.clone()).or_default();
            section.push_str(line);
            section.push('\n');
        }
    }
    found
}

/// What the default cell of a key must say; `None` where a value is too large for a cell.
fn default_cell(schema: &Value, key: &str) -> Option<String> {
    if schema["required"].as_array().is_some_and(|r| r.iter().any(|k| k == key)) {
        return Some("required".into());
    }
    match &schema["properties"][key]["default"] {
        Value::Null => Some("–".into()),
        Value::String(s) => Some(s.clone()),
        Value::Array(a) if a.is_empty() => Some("[]".into()),
        Value::Array(_) | Value::Object(_) => None,
        Value::Number(n) => Some(n.as_f64().map_or(n.to_string(), |f| f.to_string())),
        other => Some(other.to_string()),
    }
}

#[test]
fn every_key_of_the_files_is_described_with_its_default() {
    let (schema, text) = (pilothouse::spec::schema(), book("docs/files.md"));
    let sections = sections(&text);
    let mut keys = 0;
    for (name, def) in schema["$defs"].as_object().unwrap() {
        let Some(properties) = def["properties"].as_object().filter(|p| !p.contains_key("apiVersion")) else {
            continue;
        };
        let heading = name.strip_suffix("Spec").unwrap_or(name);
        let section = sections.get(heading).unwrap_or_else(|| panic!("docs/files.md has no heading `{heading}`"));
        let described: BTreeMap<String, Vec<String>> = rows(section).into_iter().map(|r| (r[0].clone(), r)).collect();
        let wanted: BTreeSet<&String> = properties.keys().collect();
        assert_eq!(described.keys().collect::<BTreeSet<_>>(), wanted, "keys under `{heading}` in docs/files.md");
        for key in wanted {
            keys += 1;
            if let Some(default) = default_cell(def, key) {
                assert_eq!(described[key][2], default, "default of `{key}` under `{heading}` in docs/files.md");
            }
        }
    }
    assert!(keys > 70, "only {keys} keys were looked at");
}

#[test]
fn how_large_a_file_may_be_is_as_the_book_says() {
    let said = format!("A file has at most {} MiB,", pilothouse::spec::MAX_FILE >> 20);
    assert!(book("docs/files.md").contains(&said), "docs/files.md does not say `{said}`");
}

/// The words of a schema that is a choice: constants, and the first key of what is written in braces.
fn words(def: &Value) -> Option<BTreeSet<String>> {
    let choices = def["oneOf"].as_array().cloned().or_else(|| def["enum"].is_array().then(|| vec![def.clone()]));
    let choices = choices.or_else(|| def["const"].is_string().then(|| vec![def.clone()]))?;
    let mut found = BTreeSet::new();
    for choice in choices {
        found.extend(choice["const"].as_str().map(String::from));
        found.extend(choice["enum"].as_array().into_iter().flatten().filter_map(|w| w.as_str().map(String::from)));
        found.extend(choice["properties"].as_object().into_iter().flat_map(|p| p.keys().cloned()));
    }
    Some(found)
}

#[test]
fn every_word_of_the_files_is_described() {
    let (schema, text) = (pilothouse::spec::schema(), book("docs/files.md"));
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(&sections(&text)["Words"]) {
        let word = row[1].trim_start_matches('{').split([':', '}']).next().unwrap().to_string();
        described.entry(row[0].clone()).or_default().insert(word);
    }
    let choices =
        schema["$defs"].as_object().unwrap().iter().filter_map(|(name, def)| Some((name.clone(), words(def)?)));
    assert_eq!(described, choices.collect::<BTreeMap<_, _>>());
}

/// Every `sh` block of a book: its info string, and its lines of `pilothouse …` with what stands behind `#`.
fn commands(name: &str) -> Vec<(bool, Vec<String>, String)> {
    let (mut found, mut info) = (Vec::new(), None::<String>);
    for line in book(name).lines() {
        match (line.strip_prefix("```"), &info) {
            (Some(_), Some(_)) => info = None,
            (Some(opened), None) => info = Some(opened.to_string()),
            (None, Some(info)) if info.starts_with("sh") => {
                let (command, remark) = line.split_once('#').unwrap_or((line, ""));
                let words: Vec<String> = command.split_whitespace().map(String::from).collect();
                let words: Vec<String> = words.split(|w| w == ">").next().unwrap_or_default().to_vec();
                if words.first().is_some_and(|w| w == "pilothouse") {
                    found.push((info.contains("tested"), words, remark.to_string()));
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_command_in_the_books_is_one() {
    let mut seen = 0;
    for name in [
        "README.md",
        "docs/files.md",
        "docs/headless.md",
        "docs/journal.md",
        "docs/keys.md",
        "docs/compat.md",
        "docs/windows.md",
    ] {
        for (_, words, _) in commands(name) {
            seen += 1;
            let parsed = Cli::try_parse_from(words.iter().map(|w| if w == "RUN" { "7f3a" } else { w }));
            assert!(parsed.is_ok(), "{name}: {}\n{}", words.join(" "), parsed.unwrap_err());
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
}

#[test]
fn the_commands_marked_so_in_the_readme_do_what_it_says() {
    let state = std::env::temp_dir().join(format!("pilothouse-books-{}", std::process::id()));
    let mut ran = 0;
    for (_, words, remark) in commands("README.md").into_iter().filter(|(tested, ..)| *tested) {
        ran += 1;
        let wanted = remark.split_once("exit ").map_or(0, |(_, code)| code.trim().parse().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        command.args(&words[1..]).current_dir(root()).env("PILOTHOUSE_STATE_DIR", &state);
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        let complaint = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(wanted), "{}\n{said}\n{complaint}", words.join(" "));
        assert!(!said.trim().is_empty(), "{} prints nothing", words.join(" "));
    }
    assert!(ran >= 10, "only {ran} commands were run");
    let _ = std::fs::remove_dir_all(&state);
}

#[test]
fn the_readme_names_the_two_commands_and_ci_runs_the_second() {
    let readme = book("README.md");
    assert!(readme.contains("\ncargo run --release -- demo\n") && readme.contains("\nscripts/test\n"));
    assert!(Cli::try_parse_from(["pilothouse", "demo"]).is_ok());
    assert!(book(".ci/run").trim_end().ends_with("\nexec scripts/test"));
    for link in readme.split("](").skip(1).filter_map(|l| l.split([')', '#']).next()) {
        assert!(
            link.starts_with("https://") || root().join(link).exists(),
            "README links to {link}, which is not there"
        );
    }
}

#[test]
fn verbs_and_their_keys_are_as_the_tables_say() {
    let text = book("docs/keys.md");
    let keymap = Keymap::shipped("default").unwrap().unwrap();
    let mut told = BTreeMap::new();
    for row in rows(&text) {
        let verb = row[1].split(',').next().unwrap().to_string();
        told.insert(verb, (row[0].clone(), row[2].clone()));
    }
    for info in VERBS {
        let asks = match info.class {
            Class::Plain => "no",
            Class::Preview if info.verb == Verb::Note => "the text",
            Class::Preview => "shows what it will do",
            Class::Typed => "the word it names must be typed",
            Class::TwoPersons => "two persons",
        };
        match keymap.key_of(Screen::Main, Action::Verb(info.verb)) {
            Some(key) => assert_eq!(told.get(info.name), Some(&(key, asks.to_string())), "{}", info.name),
            // `resume` and `resume-all` are on the keys of what they lift.
            None => assert!(text.contains(&format!("`{}`", info.name)), "docs/keys.md does not name {}", info.name),
        }
    }
}

#[test]
fn exit_codes_lines_scenarios_and_presets_are_as_the_books_say() {
    let (readme, headless) = (book("README.md"), book("docs/headless.md"));
    let codes: BTreeSet<String> = rows(&sections(&headless)["Exit codes"]).into_iter().map(|r| r[0].clone()).collect();
    // The table above `exit_code`, which its own tests go by.
    let source = book("src/headless/outcome.rs").replace("/// ", "");
    let wanted: BTreeSet<String> = rows(&source)
        .iter()
        .filter(|r| r.len() == 2)
        .flat_map(|r| r[0].split(", ").map(String::from).collect::<Vec<_>>())
        .collect();
    assert!(wanted.len() > 8, "{wanted:?}");
    assert_eq!(codes, wanted);
    assert_eq!(Scenario::ALL.len(), 14, "the README says how many nights there are");
    for (preset, _) in pilothouse::spec::presets() {
        assert!(readme.contains(preset), "the README does not name the preset {preset}");
    }
}

fn plan() -> Plan {
    let files = ["fleet", "policy", "upgrade"].map(|name| {
        let name = format!("examples/shop/{name}.yaml");
        SourceFile { text: book(&name), name }
    });
    Plan::build(&spec::load(&files, spec::presets()).unwrap().bundle(None).unwrap()).unwrap()
}

#[test]
fn every_rule_of_compatibility_is_in_its_book() {
    let table = rows(&sections(&book("docs/compat.md"))["Rules"]);
    let told: BTreeSet<(String, String)> = table.into_iter().map(|r| (r[0].clone(), r[1].clone())).collect();
    let rule = |r: &pilothouse::compat::openapi::rules::Rule| (r.id.into(), format!("{:?}", r.severity).to_lowercase());
    let wanted: BTreeSet<(String, String)> = pilothouse::compat::openapi::rules::all().into_iter().map(rule).collect();
    assert_eq!(told, wanted, "the rules of docs/compat.md");
}

#[test]
fn json_lines_have_the_fields_the_book_lists() {
    let (now, mut lines) = (Time(1_795_313_520_000), JsonLines::new());
    let run = Run::new("7f3a", plan(), Stamp { wall: now, mono: 0 });
    let text = "held".to_string();
    let event = Event { at: now, kind: EventKind::Hold, who: "engine".into(), service: None, text };
    let said = [lines.event(&run, &event), lines.tick(&run, now).unwrap(), lines.end(&run)];
    let table = rows(&sections(&book("docs/headless.md"))["-o jsonl"]);
    for (line, kind) in said.iter().zip(["event", "progress", "end"]) {
        let object: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object["type"], kind);
        let common = ["type", "schema", "run", "at"];
        let fields: BTreeSet<&String> = object.keys().filter(|k| !common.contains(&k.as_str())).collect();
        let told: BTreeSet<&String> = table.iter().filter(|r| r[0] == kind).map(|r| &r[1]).collect();
        assert_eq!(told, fields, "{kind} in docs/headless.md");
        let inner = object.get("services").and_then(|s| s[0].as_object());
        for name in inner.into_iter().flat_map(|o| o.keys()) {
            let row = table.iter().find(|r| r[0] == kind && r[1] == "services").unwrap();
            assert!(row[2].split_whitespace().any(|w| w == name), "`{name}` of `services` in docs/headless.md");
        }
    }
}

#[test]
fn every_law_is_the_name_of_something_tested() {
    let mut code = String::new();
    let mut folders = vec![root().join("tests"), root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match entry.extension() {
                None if entry.is_dir() => folders.push(entry),
                // Not this file: it must not vouch for itself.
                Some(e) if e == "rs" && !entry.ends_with("books.rs") => {
                    code.push_str(&std::fs::read_to_string(entry).unwrap());
                }
                _ => {}
            }
        }
    }
    let laws: Vec<String> =
        rows(&sections(&book("docs/architecture.md"))["Laws"]).into_iter().map(|r| r[0].clone()).collect();
    let named: Vec<&String> = laws.iter().filter(|l| !l.contains(' ')).collect();
    assert!(named.len() > 10, "only {} laws", named.len());
    for law in named {
        assert!(code.contains(law.as_str()), "nothing tests the law `{law}` of docs/architecture.md by its name");
    }
}
