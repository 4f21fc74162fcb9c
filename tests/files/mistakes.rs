//! One file with many mistakes, and the whole report as a person reads it.
use pilothouse::spec::{SourceFile, load, presets};

#[test]
fn every_mistake_is_in_one_report() {
    let file = SourceFile { name: "mistakes.yaml".into(), text: include_str!("mistakes.yaml").into() };
    let report = load(&[file], presets()).unwrap_err();
    insta::assert_snapshot!(report.to_string());
}

const FLEET: &str = "
apiVersion: pilothouse.dev/v1alpha1
kind: Fleet
metadata: {name: shop}
spec:
  environments: [{name: e1, kubernetes: {namespace: shop}, metrics: {prometheus: 'http://p:9090'}}]
  services:
    - {name: billing, workload: {deployment: billing, container: app}, traffic: {httpRoute: {name: billing, stable: billing, next: billing-next, port: 80}}}
---
apiVersion: pilothouse.dev/v1alpha1
kind: Upgrade
metadata: {name: rel}
spec: {fleet: shp, environment: e2, policy: erpp, strategy: canary, to: {biling: {image: 'r/billing:5.3.0'}}}
";

/// What the problems of these files are about.
fn told(more: &str) -> String {
    let file = SourceFile { name: "f.yaml".into(), text: format!("{FLEET}{more}") };
    load(&[file], presets()).unwrap_err().to_string()
}

#[test]
fn a_document_of_another_kind_hides_no_dangling_reference() {
    let upgrade = "---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrde\nmetadata: {name: rel}\nspec: {}\n";
    for more in ["", upgrade] {
        let told = told(more);
        for missed in ["fleet `shp`", "environment `e2`", "policy `erpp`", "service `biling`"] {
            assert!(told.contains(&format!("no {missed}")), "{missed} with {more:?}:\n{told}");
        }
    }
    let nameless = told(&upgrade.replace("Upgrde", "Policy").replace("{name: rel}", "{}"));
    assert!(nameless.contains("fleet `shp`") && !nameless.contains("`erpp`"), "it may be the policy:\n{nameless}");
    let foreign = told(&upgrade.replace("Upgrde", "Gizmo"));
    assert!(!foreign.contains("`shp`") && !foreign.contains("`erpp`"), "it may be anything:\n{foreign}");
}

#[test]
fn a_list_of_no_windows_is_not_taken_for_the_default() {
    let tenants = "---\napiVersion: pilothouse.dev/v1alpha1\nkind: Tenants\nmetadata: {name: t}\nspec: {tenants: [{id: a, zone: \
                   UTC, windows: []}]}\n";
    let told = told(tenants);
    assert!(told.contains("windows: no window is listed") && told.contains("leave `windows` out"), "{told}");
}
