//! What a comparison of two descriptions costs, by their size: with recursive schemas that every operation reaches.
//!
//! The cost follows the number of schemas. That of the last group stays where it is while operations grow tenfold.
use std::fmt::Write as _;

use divan::Bencher;
use pilothouse::cli::compat::kept::Kept;
use pilothouse::compat::document::Library;
use pilothouse::compat::fleet::check;
use pilothouse::compat::fleet::pairs::{Forgetful, Memory};
use pilothouse::compat::lifecycle::Terms;
use pilothouse::compat::openapi;
use pilothouse::spec::SourceFile;

fn main() {
    divan::main();
}

/// A description of about 4 KB for each schema. Each schema refers to three others, in circles; each has operations that
/// send and get it. `revision`: one in fifty has lost an enumeration's value and got a required property.
fn description(schemas: usize, operations: usize, revision: bool) -> SourceFile {
    let mut text = String::from(r#"{"openapi":"3.0.3","info":{"title":"Bench","version":"1"},"paths":{"#);
    for i in 0..operations {
        let schema = i % schemas;
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(
            text,
            r##"{comma}
"/v1/things{i}/{{id}}":{{"post":{{"operationId":"op{i}","parameters":[{{"in":"path","name":"id","required":true,"schema":{{"type":"string","maxLength":64}}}}],
"requestBody":{{"content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/S{schema}"}}}}}}}},
"responses":{{"200":{{"description":"ok","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/S{schema}"}}}}}}}}}}}}}}"##
        );
    }
    text.push_str(r#"},"components":{"schemas":{"#);
    for i in 0..schemas {
        schema(&mut text, i, schemas, revision && i % 50 == 0);
    }
    text.push_str("}}}");
    SourceFile { name: "bench.json".into(), text }
}

fn schema(text: &mut String, i: usize, schemas: usize, changed: bool) {
    let comma = if i > 0 { "," } else { "" };
    let value = if changed { "" } else { r#","closed""# };
    let required = if changed { r#","p1""# } else { "" };
    let _ = write!(text, "{comma}\n\"S{i}\":{{\"type\":\"object\",\"required\":[\"id\"{required}],\"properties\":{{");
    let _ =
        write!(text, r#""id":{{"type":"string","maxLength":5000}},"state":{{"type":"string","enum":["open"{value}]}}"#);
    for p in 0..14 {
        let words = "A few words that say what this is good for, as real descriptions have them. ".repeat(2);
        let _ = write!(
            text,
            ",\n\"p{p}\":{{\"type\":\"string\",\"nullable\":true,\"maxLength\":500,\"description\":\"{words}\"}}"
        );
    }
    for (p, step) in [1, 7, 31].into_iter().enumerate() {
        let other = (i * 3 + step) % schemas;
        let _ = write!(
            text,
            ",\n\"r{p}\":{{\"anyOf\":[{{\"type\":\"string\",\"maxLength\":5000}},{{\"$ref\":\"#/components/schemas/S{other}\"}}]}}"
        );
    }
    text.push_str("}}");
}

fn compare(pair: &(SourceFile, SourceFile)) -> usize {
    let read = |source: &SourceFile| Library::read(std::slice::from_ref(source)).expect("a sound description");
    let report = openapi::compare(read(&pair.0), read(&pair.1), Terms::default()).expect("no dangling reference");
    report.findings.len()
}

fn pair(schemas: usize, operations: usize) -> (SourceFile, SourceFile) {
    (description(schemas, operations, false), description(schemas, operations, true))
}

/// Both sides of this many megabytes, read and compared.
#[divan::bench(args = [1, 4, 16], sample_count = 5)]
fn megabytes(bencher: Bencher<'_, '_>, size: usize) {
    let pair = pair(size * 270, size * 110);
    bencher.bench(|| compare(&pair));
}

/// The same schemas, reached by more and more operations.
#[divan::bench(args = [100, 1_000], sample_count = 5)]
fn operations(bencher: Bencher<'_, '_>, operations: usize) {
    let pair = pair(500, operations);
    bencher.bench(|| compare(&pair));
}

/// Reading alone.
#[divan::bench(args = [1, 4, 16], sample_count = 5)]
fn reading(bencher: Bencher<'_, '_>, size: usize) {
    let source = description(size * 270, size * 110, false);
    bencher.bench(|| Library::read(std::slice::from_ref(&source)).expect("a sound description"));
}

/// The example of 92 services, from its files to the report.
fn fleet(memory: &mut dyn Memory) -> usize {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet-92");
    let known = pilothouse::cli::contracts::load(&[folder], None).unwrap_or_else(|r| panic!("{r}"));
    let bundle = known.bundle(None).unwrap_or_else(|r| panic!("{r}"));
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 25).unwrap_or_default();
    check(&known.asked(&bundle, today), memory).map_or(0, |o| o.report.findings.len())
}

#[divan::bench]
fn fleet_cold() -> usize {
    fleet(&mut Forgetful)
}

#[divan::bench]
fn fleet_unchanged(bencher: Bencher<'_, '_>) {
    let folder = std::env::temp_dir().join(format!("pilothouse-bench-{}", std::process::id()));
    let mut kept = Kept::new(Some(folder.clone()));
    fleet(&mut kept);
    bencher.bench_local(|| fleet(&mut kept));
    let _ = std::fs::remove_dir_all(folder);
}
