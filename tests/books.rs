//! What the books say is what the program does: keys and words of files, verbs, keys, exit codes, scenarios, commands.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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
            heading = line.trim_start_matches('#').trim().to_string();
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
        let Some(properties) = def["properties"].as_object().filter(|p| !p.contains_key("apiVersion")) else { continue };
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
    let choices = schema["$defs"].as_object().unwrap().iter().filter_map(|(name, def)| Some((name.clone(), words(def)?)));
    assert_eq!(described, choices.collect::<BTreeMap<_, _>>());
}
