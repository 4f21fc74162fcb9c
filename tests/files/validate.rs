//! `validate` over real files and folders: what cannot be read is part of the one report.
use std::fs;
use std::path::{Path, PathBuf};

use pilothouse::cli::validate::{Output, load, validate};
use pilothouse::cli::{files, schema};

/// A folder of its own that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-validate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(paths: &[PathBuf], output: Output) -> (i32, String) {
    let mut out = Vec::new();
    let code = validate(paths, output, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop")
}

#[test]
fn a_folder_is_all_its_yaml_files() {
    let (code, out) = run(&[shop()], Output::Text);
    assert_eq!((code, out.as_str()), (0, "valid: 1 fleet, 1 policy, 1 upgrade\n"));
    // Named twice, read once.
    let (code, out) = run(&[shop(), shop().join("fleet.yaml"), shop().join("../shop/policy.yaml")], Output::Text);
    assert_eq!((code, out.as_str()), (0, "valid: 1 fleet, 1 policy, 1 upgrade\n"));
    let (code, out) = run(&[shop()], Output::Json);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(json["valid"], true);
    assert_eq!(json["upgrades"], serde_json::json!(["release-2026-4"]));
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_read_stands_beside_what_is_wrong() {
    let folder = Folder::new("mixed");
    let fleet = fs::read_to_string(shop().join("fleet.yaml")).unwrap();
    folder.put("a-latin1.yaml", b"metadata:\n  name: caf\xe9\n");
    folder.put("b-binary.yml", b"\x7fELF\x02\x01\x00\x00");
    folder.put("c-empty.yaml", "");
    folder.put("d-half.yaml", &fleet[..fleet.find("stable: auth,").unwrap() + 7]);
    folder.put("e-wrong.yaml", fleet.replace("name: shop\n", "name: other\n  nmae: x\n"));
    folder.put("f-ignored.txt", "not: read");
    let paths = [folder.0.clone(), folder.0.join("gone.yaml")];
    let (code, out) = run(&paths, Output::Json);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let found: Vec<String> = json["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let file = Path::new(p["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
            format!("{file}:{}:{} {}", p["line"], p["column"], p["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!((code, found.len()), (1, 6), "{out}");
    assert_eq!(found[0], "a-latin1.yaml:2:12 the file holds a byte that is not UTF-8: it cannot be read as text");
    assert_eq!(found[1], "b-binary.yml:1:7 the file holds a NUL byte: it cannot be read as text");
    assert!(found[2].starts_with("gone.yaml:0:0 the file cannot be read: No such file"), "{}", found[2]);
    assert_eq!(found[3], "c-empty.yaml:0:0 the file is empty");
    assert!(found[4].starts_with("d-half.yaml:"), "{}", found[4]);
    assert!(found[4].contains("not YAML"), "{}", found[4]);
    assert!(found[5].starts_with("e-wrong.yaml:6:3 unknown field `nmae` in metadata"), "{}", found[5]);
    let (_, text) = run(&paths, Output::Text);
    assert!(text.contains("6 errors, 0 warnings\nnot valid; nothing was changed\n"), "{text}");
    assert!(text.contains("is the file written to the end"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_may_hold_the_missing_name() {
    let folder = Folder::new("unread");
    let upgrade = folder.put("upgrade.yaml", fs::read(shop().join("upgrade.yaml")).unwrap());
    let report = load(&[upgrade, folder.0.join("gone.yaml")]).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
}

#[test]
fn folders_without_files_and_files_without_end() {
    let folder = Folder::new("odd");
    let (_, problems) = files::read(std::slice::from_ref(&folder.0));
    assert!(problems[0].message.contains("holds no *.yaml, *.yml or *.ics file"), "{}", problems[0]);
    let (_, problems) = files::read(&[PathBuf::from("/dev/zero")]);
    assert!(problems[0].message.contains("a device: only regular files are read"), "{}", problems[0]);
    let large = folder.put("large.yaml", "# x\n");
    // What follows is a hole that takes no room on the disk.
    fs::File::options().write(true).open(&large).unwrap().set_len(70 << 20).unwrap();
    let (files, problems) = files::read(&[large]);
    assert!(files.is_empty() && problems[0].message.contains("more than 67108864 bytes"), "{problems:?}");
}

/// A pipe that nobody writes to would be waited for without end.
#[test]
fn only_regular_files_are_read() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (read, problems) = files::read(std::slice::from_ref(&folder.0));
    assert!(read.is_empty() && problems.len() == 1, "{problems:?}");
    assert!(problems[0].message.contains("a named pipe: only regular files are read"), "{}", problems[0]);
}

#[test]
fn the_schema_and_the_presets_are_printed_as_they_are() {
    let mut out = Vec::new();
    schema::schema(&mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json, pilothouse::spec::schema());
    let mut out = Vec::new();
    schema::preset("erp", &mut out).unwrap();
    assert_eq!(out, include_bytes!("../../presets/erp.yaml"));
    let error = schema::preset("erq", &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "there is no preset `erq`; there are: erp, studio");
}

/// The example whose tenants move one by one, changed; what `validate` says of it.
fn phased(name: &str, from: &str, to: &str) -> (i32, String) {
    let folder = Folder::new(name);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/phased");
    for file in ["tenants.yaml", "upgrade.yaml"] {
        folder.put(file, fs::read_to_string(examples.join(file)).unwrap().replace(from, to));
    }
    run(std::slice::from_ref(&folder.0), Output::Text)
}

#[test]
fn what_makes_no_plan_is_not_valid() {
    let (code, out) = phased("nobody", "- {id: ", "- {services: [other], id: ");
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("error: spec.strategy: moves tenants one by one, and no tenant uses a service of this upgrade"),
        "{out}"
    );
    // The line is shown, and nothing is said twice.
    assert!(out.contains("upgrade.yaml:27:13") && out.contains("strategy: phased\n") && out.contains('^'), "{out}");
    for once in ["moves tenants one by one", "strategy: canary", "tenancy: {routed"] {
        assert_eq!(out.matches(once).count(), 1, "{once}: {out}");
    }
    // Tenants of one header that have windows of their own.
    let folder = Folder::new("apart");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/phased");
    let text = |file: &str| fs::read_to_string(examples.join(file)).unwrap();
    folder.put("tenants.yaml", text("tenants.yaml").replace("cohort: beta", "cohort: enterprise"));
    folder.put("upgrade.yaml", text("upgrade.yaml").replace("header: x-tenant", "cohort: x-cohort"));
    let (code, out) = run(std::slice::from_ref(&folder.0), Output::Text);
    assert!(code == 1 && out.contains("allow 2 different times"), "{out}");
}

#[test]
fn a_tenancy_that_says_nothing_is_one_mistake() {
    let (code, out) = phased("routed", "{routed: {header: x-tenant}}", "{routed: {}}");
    assert_eq!((code, out.matches("error: ").count()), (1, 1), "{out}");
    assert!(out.contains("spec.services[0].tenancy.routed must have exactly one key"), "{out}");
}

#[test]
fn a_release_of_which_everything_stays_is_not_valid() {
    let folder = Folder::new("stays");
    let head = "apiVersion: pilothouse.dev/v1alpha1\n";
    let service = "{name: a, version: 1.0.0, workload: {deployment: a, container: app}, traffic: {httpRoute: {name: a, stable: a, next: a-next, port: 80}}}";
    folder.put(
        "all.yaml",
        format!(
            "{head}kind: Fleet\nmetadata: {{name: f}}\nspec:\n  environments: [{{name: e, kubernetes: {{namespace: n}}}}]\n  services: [{service}]\n---\n\
             {head}kind: Release\nmetadata: {{name: r}}\nspec: {{services: {{a: 2.0.0}}}}\n---\n\
             {head}kind: Upgrade\nmetadata: {{name: u}}\nspec: {{fleet: f, environment: e, policy: erp, strategy: canary, release: r, stay: [a]}}\n"
        ),
    );
    let (code, out) = run(std::slice::from_ref(&folder.0), Output::Text);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("spec.release: everything it lists runs already, or stays"), "{out}");
}
