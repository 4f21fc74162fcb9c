//! A run under contracts: refused while something critical stands, and begun, with the names, where it was accepted.
use std::time::Duration;

use crate::support::e2e::{Files, Practice, Said, Work, ends, pilothouse};

const SOON: Duration = Duration::from_secs(90);

/// An event of tenants loses a field that catalog, which stays, reads.
pub fn contracts(work: &Work) {
    let head = |service: &str, version: &str| {
        format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Contract\nmetadata: {{name: {service}}}\nspec:\n  version: {version}\n"
        )
    };
    for (service, version, more) in [
        ("tenants", "1.4.2", "  produces: [TenantMoved]\n"),
        ("tenants", "1.5.0", "  produces: [TenantMoved]\n"),
        ("catalog", "3.0.1", "  consumes: [TenantMoved]\n"),
    ] {
        let folder = work.path("contracts").join(service).join(version);
        std::fs::create_dir_all(folder.join("events")).unwrap();
        std::fs::write(folder.join("service.yaml"), head(service, version) + more).unwrap();
        if service == "tenants" {
            let zone = if version == "1.4.2" { r#", {"name": "zone", "type": "string"}"# } else { "" };
            let schema = format!(
                r#"{{"type": "record", "name": "TenantMoved", "fields": [{{"name": "id", "type": "string"}}{zone}]}}"#
            );
            std::fs::write(folder.join("events/TenantMoved.avsc"), schema).unwrap();
        }
    }
    fleet(work);
}

/// Their fleet: tenants moves, catalog stays.
fn fleet(work: &Work) {
    let mut files = Files::of(&[("tenants", "1.4.2", "1.5.0", "")]);
    // It is in the fleet, and not in the upgrade.
    files.services.push(("catalog".into(), "3.0.1".into(), "3.0.1".into(), String::new()));
    let text = files.text().replace("spec:\n  environments:", "spec:\n  contracts: contracts\n  environments:");
    let text = text.replace("    catalog: {image: \"registry.example/catalog:3.0.1\"}\n", "");
    work.write("all.yaml", &text);
}

fn command(work: &Work, args: &[&str]) -> Said {
    ends(pilothouse(work).args(args).arg("-f").arg(work.path("all.yaml")), SOON)
}

#[test]
fn a_run_is_refused_by_its_contracts_and_begins_under_a_waiver() {
    let work = Work::new("contracts");
    let practice = Practice::start(&work, "healthy");
    contracts(&work);
    let kubeconfig = practice.kubeconfig.display().to_string();
    let run = |more: &[&str]| command(&work, &[&["--kubeconfig", &kubeconfig, "run"], more].concat());
    run(&[]).is(2, &["avro-field-without-default", "it reaches catalog 3.0.1", "version-breaking-under-minor"]);
    assert_eq!(practice.leftovers(), Vec::<String>::new());
    // Both are accepted, by the fingerprints that the check tells.
    let said = command(&work, &["compat", "check", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let all = value["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == "critical");
    let waivers: Vec<String> = all
        .map(|f| {
            let print = f["fingerprint"].as_str().unwrap();
            format!(
                "    - {{fingerprint: \"{print}\", reason: catalog ignores it, until: 2999-12-31, by: [mara, jun]}}\n"
            )
        })
        .collect();
    assert_eq!(waivers.len(), 2, "{said}");
    let policy = "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec:\n  waivers:\n";
    std::fs::write(work.path("contracts").join("compat.yaml"), policy.to_string() + &waivers.concat()).unwrap();
    let begun = run(&["--timeout", "10s", "--on-exit", "rollback"]);
    assert_ne!(begun.code, Some(2), "{begun}");
    let shown = ends(pilothouse(&work).args(["audit", "show"]), SOON);
    shown.is(0, &["(avro-field-without-default), by mara and jun, until 2999-12-31: catalog ignores it"]);
}
