//! One file with many mistakes, and the whole report as a person reads it.
use pilothouse::spec::{SourceFile, load, presets};

#[test]
fn every_mistake_is_in_one_report() {
    let file = SourceFile { name: "mistakes.yaml".into(), text: include_str!("mistakes.yaml").into() };
    let report = load(&[file], presets()).unwrap_err();
    insta::assert_snapshot!(report.to_string());
}
